//! The reference interpreter gives the rows of DuckDB and DataFusion, on tiny tables full of NULLs.

use std::collections::BTreeMap;

use isomer_engines::{Engine, EngineKind, values};
use isomer_frontend::{ProjectFiles, ReadOptions, bind_project, read_project};
use isomer_ir::semantics::search::{Budget, Search, counterexample};
use isomer_ir::semantics::{Database, EvalError, Rows, Value, evaluate};
use isomer_ir::{Bound, BoundProject, Dialect, Materialise};
use isomer_tests::queries::{TABLES, database, plain_query, query};
use isomer_tests::with_stack;
use serde_json::json;

/// Generated queries, and databases that each is run on.
const N_QUERIES: u64 = 400;
const N_DATABASES: u64 = 4;

/// The project of the generated queries: models `q0`, `q1`, ….
fn project(texts: &[String]) -> BoundProject {
    let mut files = ProjectFiles::new();
    let sources: serde_json::Map<String, serde_json::Value> = TABLES
        .iter()
        .map(|(name, columns)| {
            let columns: Vec<_> = columns.iter().map(|(name, of)| json!({"name": name, "type": of})).collect();
            ((*name).to_owned(), json!({"columns": columns}))
        })
        .collect();
    for (at, text) in texts.iter().enumerate() {
        files.insert(format!("models/q{at}.sql"), text.clone().into_bytes());
    }
    files.insert("isomer.yml".to_owned(), json!({"dialect": "duckdb", "sources": sources}).to_string().into_bytes());
    let (project, faults) = read_project(&files, &ReadOptions::default());
    assert!(faults.is_empty(), "{faults:?}");
    bind_project(project.expect("the project is read"))
}

fn load(engine: &Engine, database: &Database) {
    for (name, columns) in TABLES {
        let rows: Vec<String> = database.rows(name).iter().map(|row| tuple(row)).collect();
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let casts: Vec<String> = columns.iter().map(|(name, of)| format!("CAST({name} AS {of}) AS {name}")).collect();
        let (values, end) = match rows.as_slice() {
            [] => (tuple(&vec![Value::Null; columns.len()]), " WHERE 1 = 0"),
            rows => (rows.join(", "), ""),
        };
        let text = format!("SELECT {} FROM (VALUES {values}) AS made({}){end}", casts.join(", "), names.join(", "));
        engine.create(name, Materialise::Table, &text).expect("the table is made");
    }
}

fn tuple(row: &[Value]) -> String {
    format!("({})", row.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

/// What became of the queries.
#[derive(Debug, Default)]
struct Tally {
    n_equal: usize,
    n_failed_alike: usize,
    n_ordered: usize,
    n_unbound: usize,
    unsupported: BTreeMap<&'static str, usize>,
    engine_only: BTreeMap<String, usize>,
    faults: Vec<String>,
}

impl Tally {
    /// Compares one result with that of an engine.
    fn compare(&mut self, text: &str, database: &Database, ours: &Result<Rows, EvalError>, engine: &Engine, sql: &str) {
        let theirs = engine.query(sql).map_err(|error| error.to_string());
        let kind = engine.kind().name();
        let told = |what: String| {
            let tables: Vec<String> = database
                .tables()
                .map(|(name, rows)| {
                    format!("  {name}: {}", rows.iter().map(|row| tuple(row)).collect::<Vec<_>>().join(" "))
                })
                .collect();
            format!("{kind}: {text}\n  sql: {sql}\n{}\n  {what}", tables.join("\n"))
        };
        match (ours, theirs) {
            (Err(EvalError::Unsupported(what)), _) => *self.unsupported.entry(what).or_default() += 1,
            (Err(EvalError::Raised(_)), Err(_)) => self.n_failed_alike += 1,
            // DataFusion wraps numbers around and cuts dates off where DuckDB fails.
            (Err(EvalError::Raised(_)), Ok(_)) if engine.kind() == EngineKind::DataFusion => {}
            (Err(error), Ok(_)) => self.faults.push(told(format!("interpreter: {error}"))),
            (Ok(_), Err(error)) if engine.kind() == EngineKind::DataFusion => {
                *self
                    .engine_only
                    .entry(error.lines().next().unwrap_or_default().chars().take(60).collect())
                    .or_default() += 1;
            }
            (Ok(_), Err(error)) => self.faults.push(told(format!("engine: {error}"))),
            (Ok(ours), Ok(batches)) => {
                let rows = match values(&batches) {
                    Ok(rows) => rows,
                    Err(what) => return self.faults.push(told(format!("no values of {what}"))),
                };
                let peers = ours.peers.as_ref().map(|_| (0..rows.len()).collect());
                self.n_ordered += usize::from(peers.is_some());
                let theirs = Rows { rows, peers };
                if ours.is_answered_by(&theirs) {
                    self.n_equal += 1;
                } else {
                    let shown = |rows: &Rows| rows.rows.iter().map(|row| tuple(row)).collect::<Vec<_>>().join(" ");
                    self.faults.push(told(format!("interpreter: {}\n  engine: {}", shown(ours), shown(&theirs))));
                }
            }
        }
    }
}

#[test]
fn generated_queries_give_the_rows_of_the_engines() {
    with_stack(|| {
        let texts: Vec<String> = (0..N_QUERIES).map(query).collect();
        let mut project = project(&texts);
        let engines = EngineKind::ALL.map(|kind| Engine::open(kind, None).unwrap());
        let mut tally = Tally::default();
        for seed in 0..N_DATABASES {
            let database = database(seed);
            for engine in &engines {
                load(engine, &database);
            }
            for (at, text) in texts.iter().enumerate() {
                let position = project.model_position(&format!("q{at}")).unwrap();
                let Bound::Plan(output) = project.models[position].bound.clone() else {
                    tally.n_unbound += 1;
                    if seed == 0 {
                        let fault = project
                            .diagnostics
                            .iter()
                            .find(|fault| fault.source == project.project.models[position].path);
                        *tally
                            .engine_only
                            .entry(fault.map(|fault| fault.message.chars().take(70).collect()).unwrap_or_default())
                            .or_default() += 1;
                    }
                    continue;
                };
                let ours = evaluate(&output, &project.arena, &database);
                tally.compare(text, &database, &ours, &engines[0], text);
                let dialect = EngineKind::DataFusion.dialect();
                let spelled = isomer_codegen::to_sql(&output, &mut project.arena, &project.project.catalog, dialect);
                if let Ok(sql) = spelled {
                    tally.compare(text, &database, &ours, &engines[1], &sql);
                }
            }
        }
        let faults = &tally.faults;
        let first: Vec<&String> = faults.iter().take(5).collect();
        let told: Vec<String> = first.into_iter().cloned().collect();
        println!(
            "{} equal, {} of them ordered, {} failed alike, {} not bound",
            tally.n_equal, tally.n_ordered, tally.n_failed_alike, tally.n_unbound
        );
        println!("left open: {:?}\nnot compared: {:?}", tally.unsupported, tally.engine_only);
        assert!(faults.is_empty(), "{} differences\n{}", faults.len(), told.join("\n"));
    });
}

/// Two queries over the tables, bound as models.
fn pair(first: &str, second: &str) -> (BoundProject, [isomer_ir::Output; 2]) {
    let project = project(&[first.to_owned(), second.to_owned()]);
    let output = |at: usize| match &project.models[project.model_position(&format!("q{at}")).expect("a model")].bound {
        Bound::Plan(output) => output.clone(),
        Bound::Opaque => panic!("not bound: {:?}", project.diagnostics),
    };
    let outputs = [output(0), output(1)];
    (project, outputs)
}

#[test]
fn a_search_finds_the_rows_that_tell_two_queries_apart() {
    let cases = [
        ("SELECT x FROM t WHERE x = x", "SELECT x FROM t", true),
        ("SELECT x FROM t WHERE x = x", "SELECT x FROM t WHERE x IS NOT NULL", false),
        ("SELECT x FROM u WHERE x > 41", "SELECT x FROM u WHERE x >= 42", false),
        ("SELECT x FROM u WHERE x > 41", "SELECT x FROM u WHERE x >= 43", true),
        ("SELECT s FROM u WHERE s LIKE 'ab%'", "SELECT s FROM u WHERE s >= 'ab' AND s < 'ac'", false),
        ("SELECT s FROM u WHERE s LIKE 'ab%'", "SELECT s FROM u WHERE s > 'ab' AND s < 'ac'", true),
        (
            "SELECT x FROM u WHERE x NOT IN (SELECT x FROM v)",
            "SELECT x FROM u WHERE NOT EXISTS (SELECT 1 FROM v WHERE v.x = u.x)",
            true,
        ),
        (
            "SELECT id FROM t WHERE year(dt) = 2019",
            "SELECT id FROM t WHERE dt >= DATE '2019-01-01' AND dt <= DATE '2019-12-31'",
            false,
        ),
        (
            "SELECT id FROM t WHERE year(dt) = 2019",
            "SELECT id FROM t WHERE dt >= DATE '2019-01-01' AND dt < DATE '2019-12-31'",
            true,
        ),
        ("SELECT x + 1 AS y FROM u", "SELECT x - 1 + 2 AS y FROM u", true),
    ];
    for (first, second, differs) in cases {
        let (project, [a, b]) = pair(first, second);
        let run = || counterexample(&a, &b, &project.arena, &project.project.catalog, &Budget::default());
        let found = run();
        assert_eq!(found.counterexample.is_some(), differs, "{first}\n{second}\n{found:?}");
        let shown = |search: &Search| format!("{:?}", search.counterexample);
        assert_eq!(shown(&found), shown(&run()), "a search finds the same again");
        assert!(found.n_compared > 1 && (differs || found.n_compared > 1000), "{first}: {}", found.n_compared);
        if let Some(found) = found.counterexample {
            assert!(found.database.tables().all(|(_, rows)| rows.len() <= 2), "{first}: {found:?}");
        }
    }
}

/// A value as SQLite has it: truth values are numbers there.
fn in_sqlite(value: &Value) -> Value {
    match value {
        Value::Boolean(value) => Value::Int(i128::from(*value)),
        other => other.clone(),
    }
}

/// PostgreSQL's text for SQLite, where NULLs stand first unless it is said otherwise; the keys of the
/// generated queries are bare columns.
fn with_nulls_last(sql: &str) -> String {
    let mut parts = sql.split("ORDER BY ");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let ends = [")", "\n", " ROWS", " RANGE", " GROUPS"];
        let end = ends.iter().filter_map(|end| part.find(end)).min().unwrap_or(part.len());
        let keys: Vec<String> = part[..end]
            .split(", ")
            .map(|key| {
                if key.contains("NULLS") || key.contains("DESC") { key.to_owned() } else { format!("{key} NULLS LAST") }
            })
            .collect();
        text.push_str(&format!("ORDER BY {}{}", keys.join(", "), &part[end..]));
    }
    text
}

fn sqlite_rows(connection: &rusqlite::Connection, sql: &str) -> rusqlite::Result<Vec<Vec<Value>>> {
    use rusqlite::types::ValueRef;
    let mut statement = connection.prepare(sql)?;
    let n_columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(n_columns);
        for at in 0..n_columns {
            values.push(match row.get_ref(at)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(value) => Value::Int(value.into()),
                ValueRef::Real(value) => Value::Float(value),
                ValueRef::Text(text) | ValueRef::Blob(text) => Value::text(&String::from_utf8_lossy(text)),
            });
        }
        found.push(values);
    }
    Ok(found)
}

/// A third opinion, on what it means alike: integers and texts.
#[test]
fn plain_queries_give_the_rows_of_sqlite() {
    let (n_equal, unlike, not_said) = with_stack(|| {
        let texts: Vec<String> = (0..N_QUERIES).map(plain_query).collect();
        let mut project = project(&texts);
        let connection = rusqlite::Connection::open_in_memory().expect("SQLite opens");
        let (mut n_equal, mut unlike) = (0, Vec::new());
        let mut not_said: BTreeMap<String, usize> = BTreeMap::new();
        for seed in 0..N_DATABASES {
            let database = database(seed);
            for (name, columns) in TABLES {
                let columns: Vec<String> = columns.iter().map(|(name, of)| format!("{name} {of}")).collect();
                let mut script = format!("DROP TABLE IF EXISTS {name}; CREATE TABLE {name} ({});", columns.join(", "));
                for row in database.rows(name) {
                    let row: Vec<Value> = row
                        .iter()
                        .map(|value| match value {
                            Value::Date(_) => Value::Null,
                            other => in_sqlite(other),
                        })
                        .collect();
                    script.push_str(&format!("INSERT INTO {name} VALUES {};", tuple(&row)));
                }
                connection.execute_batch(&script).expect("the table is made");
            }
            for (at, text) in texts.iter().enumerate() {
                let position = project.model_position(&format!("q{at}")).expect("a model of that name");
                let Bound::Plan(output) = project.models[position].bound.clone() else { continue };
                let Ok(ours) = evaluate(&output, &project.arena, &database) else { continue };
                let catalog = &project.project.catalog;
                let Ok(sql) = isomer_codegen::to_sql(&output, &mut project.arena, catalog, Dialect::Postgres) else {
                    continue;
                };
                match sqlite_rows(&connection, &with_nulls_last(&sql)) {
                    Ok(rows) => {
                        let peers = ours.peers.as_ref().map(|_| (0..rows.len()).collect());
                        let theirs = Rows { rows, peers };
                        let own = ours.rows.iter().map(|row| row.iter().map(in_sqlite).collect()).collect();
                        let own = Rows { rows: own, peers: ours.peers };
                        if own.is_answered_by(&theirs) {
                            n_equal += 1;
                        } else {
                            unlike.push(format!("{text}\n{sql}\n{database:?}\n{:?}\n{:?}", own.rows, theirs.rows));
                        }
                    }
                    Err(error) => *not_said.entry(error.to_string().chars().take(40).collect()).or_default() += 1,
                }
            }
        }
        (n_equal, unlike, not_said)
    });
    println!("{n_equal} equal, {} not said by SQLite", not_said.values().sum::<usize>());
    assert!(unlike.is_empty(), "{} differences\n{}", unlike.len(), unlike[..unlike.len().min(4)].join("\n\n"));
    assert!(n_equal >= 800, "only {n_equal} results were compared");
}
