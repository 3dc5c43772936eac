//! `prove` on pairs of queries from the tests of other optimizers: how many it proves may only rise, and
//! what it proves gives equal rows on DuckDB.
//!
//! Some of the pairs are not equal: those are there to be refuted. Queries of different pairs are compared,
//! too, which nobody says are equal.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use isomer_codegen::type_name;
use isomer_engines::{Engine, EngineKind, compare};
use isomer_frontend::read_schema;
use isomer_ir::semantics::search::{Budget, Outcome, Subject, search};
use isomer_ir::semantics::{Database, EvalError};
use isomer_ir::{Catalog, Dialect};
use isomer_service::prove::{Question, ask, decide};
use isomer_tests::{repository, with_stack};
use serde_json::Value;

/// Databases that the search tries for each pair.
const N_SEARCHED: usize = 40;
/// Databases of those on which a proved pair is executed.
const N_EXECUTED: usize = 2;

/// A pair of queries over a schema.
struct Pair {
    name: String,
    schema: String,
    queries: [String; 2],
}

fn pairs(file: &str, schema: Option<&str>) -> Vec<Pair> {
    let read = |path: &str| fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let common = schema.map(read);
    read(file)
        .lines()
        .map(|line| {
            let pair: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            let text = |key: &str| pair[key].as_str().unwrap_or_default().to_owned();
            let schema = common.clone().unwrap_or_else(|| text("schema"));
            Pair { name: text("name"), schema, queries: [text("q1"), text("q2")] }
        })
        .collect()
}

fn question(pair: &Pair) -> Option<Question> {
    let (catalog, _) = read_schema(&pair.schema, &Arc::from("schema"), Dialect::DuckDb);
    let names: [Arc<str>; 2] = [Arc::from("q1"), Arc::from("q2")];
    let [first, second] = &pair.queries;
    ask(catalog, Dialect::DuckDb, (&names[0], first), (&names[1], second)).ok()
}

/// Databases that the search would look at, in which some table has rows.
fn databases(question: &Question) -> Vec<Database> {
    let subject = Subject::of(&[&question.first, &question.second], &question.arena, &question.catalog);
    let mut seen = Vec::new();
    let budget = Budget { n_every: 0, n_random: N_EXECUTED * 3, seed: 7, ..Budget::default() };
    let _ = search(&subject, &budget, &mut |database| {
        if database.tables().any(|(_, rows)| !rows.is_empty()) && seen.len() < N_EXECUTED {
            seen.push(database.clone());
        }
        let nothing = || Err(EvalError::Unsupported("not evaluated"));
        Outcome { first: nothing(), second: nothing() }
    });
    seen
}

/// What both queries give on DuckDB over a database, where it runs them.
fn differs(engine: &Engine, pair: &Pair, catalog: &Catalog, database: &Database) -> Option<bool> {
    let tables: Vec<_> = database.tables().filter_map(|(key, rows)| Some((catalog.get(key)?, rows))).collect();
    for (table, rows) in &tables {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| {
                let data_type = type_name(column.data_type, Dialect::DuckDb).unwrap_or_else(|_| "JSON".to_owned());
                format!("\"{}\" {data_type}", column.name)
            })
            .collect();
        engine.execute(&format!("CREATE OR REPLACE TABLE {} ({})", table.sql_name, columns.join(", "))).ok()?;
        for row in *rows {
            let values: Vec<String> = row.iter().map(ToString::to_string).collect();
            engine.execute(&format!("INSERT INTO {} VALUES ({})", table.sql_name, values.join(", "))).ok()?;
        }
    }
    let [first, second] = pair.queries.each_ref().map(|query| engine.query(query));
    let comparison = compare(&first.ok()?, &second.ok()?, 1e-9);
    if comparison.is_equal || comparison.n_left + comparison.n_right == 0 {
        return Some(false);
    }
    // A column of NULLs has another type in each query: as text the rows are the same.
    let [first, second] =
        pair.queries.each_ref().map(|query| engine.query(&format!("SELECT COLUMNS(*)::VARCHAR FROM ({query})")));
    Some(!compare(&first.ok()?, &second.ok()?, 1e-9).is_equal)
}

/// Proves every pair and executes what was proved: verdicts by name, and how many pairs were executed.
fn judge(pairs: &[Pair]) -> (BTreeMap<String, &'static str>, usize) {
    let engine = Engine::open(EngineKind::DuckDb, None).expect("DuckDB starts");
    let mut verdicts = BTreeMap::new();
    let mut n_executed = 0;
    for pair in pairs {
        let Some(question) = question(pair) else {
            verdicts.insert(pair.name.clone(), "unsupported");
            continue;
        };
        let equality = decide(&question, N_SEARCHED);
        assert!(
            equality.verdict != "refuted" || equality.reason.is_none(),
            "{} is proved and refuted: {:?}",
            pair.name,
            equality.refutation
        );
        if equality.verdict == "proved" {
            for database in databases(&question) {
                if let Some(is_different) = differs(&engine, pair, &question.catalog, &database) {
                    assert!(!is_different, "{} is proved and differs on DuckDB over {database:?}", pair.name);
                    n_executed += 1;
                }
            }
        }
        verdicts.insert(pair.name.clone(), equality.verdict);
    }
    (verdicts, n_executed)
}

fn count(verdicts: &BTreeMap<String, &'static str>, verdict: &str) -> usize {
    verdicts.values().filter(|known| **known == verdict).count()
}

#[test]
fn pairs_of_calcite() {
    with_stack(|| {
        let pairs = pairs("tests/pairs/calcite.jsonl", Some("tests/pairs/calcite.sql"));
        let (verdicts, n_executed) = judge(&pairs);
        let n_proved = count(&verdicts, "proved");
        println!("{n_proved} of {} proved, {n_executed} executions", pairs.len());
        assert!(n_proved >= 189, "{n_proved} of {} pairs are proved", pairs.len());
        assert!(n_executed >= 250, "{n_executed} executions");
        assert_eq!(count(&verdicts, "refuted"), 0, "{verdicts:?}");
    });
}

#[test]
fn pairs_of_cockroach() {
    with_stack(|| {
        let pairs = pairs("tests/pairs/cockroach.jsonl", None);
        let (verdicts, n_executed) = judge(&pairs);
        let n_proved = count(&verdicts, "proved");
        println!("{n_proved} of {} proved, {n_executed} executions", pairs.len());
        assert!(n_proved >= 429, "{n_proved} of {} pairs are proved", pairs.len());
        assert!(n_executed >= 380, "{n_executed} executions");
        // These lost a column or a fact when they were written down.
        for different in ["1022", "1381", "485", "486", "487", "488"] {
            assert_eq!(verdicts[&format!("norm/{different}")], "refuted");
        }
    });
}

#[test]
fn queries_of_different_pairs_are_not_proved_equal_unless_they_are() {
    with_stack(|| {
        let pairs = pairs("tests/pairs/calcite.jsonl", Some("tests/pairs/calcite.sql"));
        let mut n_proved = 0;
        for (place, pair) in pairs.iter().enumerate() {
            for other in [place + 1, place + 2, place + 7] {
                let Some(other) = pairs.get(other) else { continue };
                let queries = [pair.queries[0].clone(), other.queries[1].clone()];
                let name = format!("{} and {}", pair.name, other.name);
                let Some(question) = question(&Pair { name, schema: pair.schema.clone(), queries }) else { continue };
                let equality = decide(&question, N_SEARCHED);
                let is_contradiction = equality.verdict == "refuted"
                    && equality.reason.as_ref().is_some_and(|reason| reason.contains("proof"));
                assert!(!is_contradiction, "{} and {}: {equality:?}", pair.name, other.name);
                n_proved += usize::from(equality.verdict == "proved");
            }
        }
        assert!(n_proved > 0, "some queries of different pairs are the same");
    });
}

/// Pairs that look alike and differ: by a NULL, a duplicate, an empty table, a missing key.
#[test]
fn near_misses_are_refuted() {
    with_stack(|| {
        let schema = "CREATE TABLE r (id INT PRIMARY KEY, a INT, b INT NOT NULL);
            CREATE TABLE s (a INT, b INT NOT NULL, id INT REFERENCES r (id));";
        let misses = [
            ("SELECT a FROM r WHERE a = a", "SELECT a FROM r"),
            (
                "SELECT r.id FROM r JOIN s ON r.a = s.a",
                "SELECT r.id FROM r WHERE EXISTS (SELECT 1 FROM s WHERE s.a = r.a)",
            ),
            ("SELECT s.b FROM s JOIN r ON s.id = r.id", "SELECT s.b FROM s"),
            ("SELECT s.b FROM s LEFT JOIN r ON s.a = r.a", "SELECT s.b FROM s"),
            ("SELECT count(*) AS n FROM r", "SELECT count(a) AS n FROM r"),
            ("SELECT sum(b) AS n FROM r", "SELECT coalesce(sum(b), 0) AS n FROM r"),
            ("SELECT count(*) AS n FROM s GROUP BY a", "SELECT count(*) AS n FROM s"),
            ("SELECT a FROM s UNION SELECT a FROM r", "SELECT a FROM s UNION ALL SELECT a FROM r"),
            ("SELECT DISTINCT a FROM s", "SELECT a FROM s"),
            (
                "SELECT id FROM r WHERE a NOT IN (SELECT a FROM s)",
                "SELECT id FROM r WHERE NOT EXISTS (SELECT 1 FROM s WHERE s.a = r.a)",
            ),
            ("SELECT x.a FROM s x JOIN s y ON x.a = y.a", "SELECT a FROM s WHERE a IS NOT NULL"),
            ("SELECT a FROM s EXCEPT SELECT a FROM r", "SELECT a FROM s EXCEPT ALL SELECT a FROM r"),
            ("SELECT a, sum(b) AS n FROM s GROUP BY a", "SELECT a, sum(DISTINCT b) AS n FROM s GROUP BY a"),
            ("SELECT sum(n) AS n FROM (SELECT count(*) AS n FROM s GROUP BY a) AS t", "SELECT count(*) AS n FROM s"),
            (
                "SELECT r.id, s.b FROM r LEFT JOIN s ON r.id = s.id AND s.b > 0",
                "SELECT r.id, s.b FROM r LEFT JOIN s ON r.id = s.id WHERE s.b > 0",
            ),
            (
                "SELECT r.id FROM r LEFT JOIN s ON r.id = s.id AND r.b > 0",
                "SELECT r.id FROM r LEFT JOIN s ON r.id = s.id WHERE r.b > 0",
            ),
            ("SELECT b FROM s ORDER BY b LIMIT 2", "SELECT b FROM s ORDER BY b DESC LIMIT 2"),
            (
                "SELECT a FROM s WHERE a > 1 OR b > 1",
                "SELECT a FROM s WHERE a > 1 UNION ALL SELECT a FROM s WHERE b > 1",
            ),
            ("SELECT max(b) AS m FROM s GROUP BY a", "SELECT DISTINCT max(b) AS m FROM s GROUP BY a"),
            (
                "SELECT a, b FROM s INTERSECT SELECT a, b FROM r",
                "SELECT s.a, s.b FROM s JOIN r ON s.a = r.a AND s.b = r.b",
            ),
        ];
        for (first, second) in misses {
            let queries = [first.to_owned(), second.to_owned()];
            let pair = Pair { name: first.to_owned(), schema: schema.to_owned(), queries };
            let question = question(&pair).unwrap_or_else(|| panic!("{first} and {second} bind"));
            let equality = decide(&question, 2_000);
            assert_eq!(equality.verdict, "refuted", "{first} and {second}: {equality:?}");
            assert_eq!(equality.reason, None, "{first} and {second}: {equality:?}");
        }
    });
}

/// Small changes to a query's text, most of which change what it means.
const MUTATIONS: [(&str, &str); 24] = [
    ("LEFT JOIN", "JOIN"),
    ("FULL JOIN", "LEFT JOIN"),
    (" JOIN", " LEFT JOIN"),
    ("SELECT DISTINCT", "SELECT"),
    ("SELECT ", "SELECT DISTINCT "),
    ("NOT EXISTS", "EXISTS"),
    ("NOT IN", "IN"),
    ("IS NOT NULL", "IS NULL"),
    ("IS NOT TRUE", "IS TRUE"),
    (" AND ", " OR "),
    (" OR ", " AND "),
    ("UNION ALL", "UNION"),
    ("UNION", "INTERSECT"),
    ("EXCEPT", "EXCEPT ALL"),
    ("INTERSECT", "INTERSECT ALL"),
    ("IS DISTINCT FROM", "<>"),
    (" <= ", " < "),
    (" >= ", " > "),
    (" = ", " >= "),
    ("(DISTINCT ", "("),
    ("count(*)", "count(NULLIF(1, 1))"),
    (" HAVING ", " WHERE "),
    ("coalesce(", "nullif("),
    ("max(", "min("),
];

/// Generated queries against themselves with one word changed: what is proved of these holds on small
/// databases. `PROVE_SEEDS=FROM..TO` makes it as long as one likes.
#[test]
fn a_changed_word_is_not_proved_away() {
    with_stack(|| {
        let (from, to) = std::env::var("PROVE_SEEDS")
            .ok()
            .and_then(|seeds| {
                seeds.split_once("..").and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)))
            })
            .unwrap_or((0_u64, 60_u64));
        let schema = "CREATE TABLE t (id INT PRIMARY KEY, g INT NOT NULL, x INT, d DOUBLE, m DECIMAL(6, 2), s TEXT,
                f BOOLEAN, dt DATE);
            CREATE TABLE u (id INT PRIMARY KEY, tid INT NOT NULL REFERENCES t (id), x INT, s TEXT);
            CREATE TABLE v (id INT PRIMARY KEY REFERENCES t (id), x INT, m DECIMAL(6, 2), dt DATE);";
        let (mut n_compared, mut n_proved) = (0, 0);
        for seed in from..to {
            let text = isomer_tests::queries::query(seed);
            for (what, instead) in MUTATIONS {
                let places: Vec<usize> = text.match_indices(what).map(|(at, _)| at).collect();
                let Some(&at) = places.get(usize::try_from(seed).unwrap_or(0) % places.len().max(1)) else { continue };
                let changed = format!("{}{instead}{}", &text[..at], &text[at + what.len()..]);
                let queries = [text.clone(), changed.clone()];
                let pair = Pair { name: seed.to_string(), schema: schema.to_owned(), queries };
                let Some(question) = question(&pair) else { continue };
                if question.first.columns.len() != question.second.columns.len() {
                    continue;
                }
                n_compared += 1;
                let equality = decide(&question, 150);
                n_proved += usize::from(equality.verdict == "proved");
                let is_contradiction = equality.verdict == "refuted" && equality.reason.is_some();
                assert!(!is_contradiction, "seed {seed}:\n{text}\n{changed}\n{equality:#?}");
            }
        }
        println!("{n_compared} compared, {n_proved} proved");
        assert!(n_proved > 0 && n_proved < n_compared, "{n_proved} of {n_compared} are proved");
    });
}
