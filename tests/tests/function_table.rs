//! The function table against the engines: names exist there, and what is written for a call gives
//! the values of the call as it was written.

use std::collections::{BTreeMap, BTreeSet};

use isomer_codegen::{to_sql, type_name};
use isomer_engines::{Engine, EngineKind, values};
use isomer_ir::semantics::Value;
use isomer_ir::{Bound, DataType, Dialect, FunctionKind, FunctionRow, function_rows};
use isomer_tests::calls::{COLUMNS, ROWS, examples, make_table, project_of};
use isomer_tests::{repository, with_stack};

/// Functions of DuckDB's grammar, which its catalogue does not list.
const IN_GRAMMAR: [&str; 14] = [
    "coalesce",
    "nullif",
    "if",
    "iff",
    "ifnull",
    "nvl",
    "position",
    "trim",
    "substring",
    "date",
    "percentile_cont",
    "percentile_disc",
    "current_timestamp",
    "map",
];

fn engine() -> Engine {
    let engine = Engine::open(EngineKind::DuckDb, None).expect("DuckDB opens");
    // The last row holds negative numbers, which DuckDB does not shift.
    make_table(&engine, &COLUMNS, &ROWS[..5]);
    engine
}

#[test]
fn names_are_those_of_duckdb() {
    let engine = Engine::open(EngineKind::DuckDb, None).expect("DuckDB opens");
    let batches = engine.query("SELECT DISTINCT function_name FROM duckdb_functions()").expect("DuckDB lists them");
    let known: BTreeSet<String> = values(&batches)
        .expect("texts")
        .into_iter()
        .filter_map(|row| match row.first() {
            Some(Value::Text(name)) => Some(name.to_string()),
            _ => None,
        })
        .collect();
    let named = |row: &'static FunctionRow| row.names(Dialect::DuckDb).iter().map(|name| name.name.as_str());
    let missing: BTreeSet<&str> = function_rows()
        .iter()
        .filter(|row| row.kind != FunctionKind::Ranking)
        .flat_map(named)
        .filter(|name| !known.contains(*name) && !IN_GRAMMAR.contains(name))
        .collect();
    assert!(missing.is_empty(), "DuckDB has no functions of these names: {missing:?}");
}

#[test]
fn what_is_written_for_a_call_gives_its_values() {
    with_stack(|| {
        let engine = engine();
        let examples = examples("duckdb");
        let texts: Vec<String> = examples.iter().map(|text| format!("SELECT id, {text} AS v FROM w")).collect();
        let mut project = project_of(&texts, Dialect::DuckDb, &[("w", &COLUMNS)]);

        let shown = |sql: &str| {
            let sql = format!("SELECT id, CAST(v AS VARCHAR) AS v, typeof(v) AS t FROM ({sql}) ORDER BY id");
            let batches = engine.query(&sql).map_err(|error| {
                let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                format!("{error}: {source}").chars().take(300).collect::<String>()
            });
            batches.and_then(|batches| values(&batches))
        };
        let mut unbound = BTreeMap::new();
        let mut faults = Vec::new();
        let (mut n_equal, mut n_typed) = (0, 0);
        for (at, sql) in texts.iter().enumerate() {
            let told = &examples[at];
            let theirs = shown(sql);
            let position = project.model_position(&format!("q{at}")).expect("a model of that name");
            let bound = project.models[position].bound.clone();
            let Bound::Plan(output) = bound else {
                let path = &project.project.models[position].path;
                let fault = project.diagnostics.iter().find(|fault| fault.source == *path);
                if theirs.is_ok() {
                    unbound.insert(told.clone(), fault.map_or(String::new(), |fault| fault.message.clone()));
                }
                continue;
            };
            let catalog = project.project.catalog.clone();
            let data_type = project.arena.column_type(output.columns[1].column);
            let written = match to_sql(&output, &mut project.arena, &catalog, Dialect::DuckDb) {
                Ok(written) => written,
                Err(error) => {
                    faults.push(format!("{told}: {error}"));
                    continue;
                }
            };
            let ours = shown(&written);
            match (&theirs, &ours) {
                (Ok(theirs), Ok(ours)) if format!("{theirs:?}") == format!("{ours:?}") => n_equal += 1,
                (Err(_), Err(_)) => faults.push(format!("{told}: DuckDB does not take it")),
                _ => faults.push(format!("{told}\n  written {theirs:?}\n  ours {ours:?}\n{written}")),
            }
            if let Ok(rows) = &theirs
                && let Some(Value::Text(found)) = rows.first().and_then(|row| row.get(2))
                && !matches!(data_type, DataType::Unknown | DataType::Null)
            {
                let Ok(name) = type_name(data_type, Dialect::DuckDb) else { continue };
                let same = |name: &str| name.replace([' ', '"'], "").to_uppercase();
                let found = if &**found == "FLOAT" { "REAL" } else { found };
                n_typed += 1;
                if same(&name) != same(found) {
                    faults.push(format!("{told}: found {name}, DuckDB says {found}"));
                }
            }
        }
        println!("{n_equal} of {} equal, {n_typed} typed; not bound: {unbound:#?}", texts.len());
        assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
        assert!(unbound.len() <= MAX_UNBOUND, "{} are not bound: {unbound:#?}", unbound.len());
    });
}

#[test]
fn what_is_written_for_a_query_gives_its_rows() {
    with_stack(|| {
        let engine = engine();
        let path = repository("tests/functions/duckdb_queries.txt");
        let text = std::fs::read_to_string(path).expect("the queries are there");
        let queries: Vec<String> = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        let mut project = project_of(&queries, Dialect::DuckDb, &[("w", &COLUMNS)]);
        let rows = |sql: &str| -> Result<Vec<String>, String> {
            let sql = format!("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({sql})");
            let batches = engine.query(&sql).map_err(|error| error.to_string())?;
            let mut rows: Vec<String> = values(&batches)?.iter().map(|row| format!("{row:?}")).collect();
            rows.sort();
            Ok(rows)
        };
        let mut faults = Vec::new();
        for (at, sql) in queries.iter().enumerate() {
            let position = project.model_position(&format!("q{at}")).expect("a model of that name");
            let Bound::Plan(output) = project.models[position].bound.clone() else {
                let path = &project.project.models[position].path;
                let fault = project.diagnostics.iter().find(|fault| fault.source == *path);
                faults.push(format!("{sql}: {:?}", fault.map(|fault| &fault.message)));
                continue;
            };
            let catalog = project.project.catalog.clone();
            let written = match to_sql(&output, &mut project.arena, &catalog, Dialect::DuckDb) {
                Ok(written) => written,
                Err(error) => {
                    faults.push(format!("{sql}: {error}"));
                    continue;
                }
            };
            let (theirs, ours) = (rows(sql), rows(&written));
            if theirs.is_err() || theirs != ours {
                faults.push(format!("{sql}\n  written {theirs:?}\n  ours {ours:?}\n{written}"));
            }
        }
        assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    });
}

/// A name that stands in the columns of two engines means the same in both.
#[test]
fn what_is_written_for_datafusion_gives_the_values_of_duckdb() {
    with_stack(|| {
        let duck = engine();
        let fusion = Engine::open(EngineKind::DataFusion, None).expect("DataFusion opens");
        let rows: Vec<&str> = PLAIN_ROWS.lines().filter(|line| !line.is_empty()).collect();
        let names: Vec<&str> = PLAIN.iter().map(|(name, _)| *name).collect();
        let casts: Vec<String> = PLAIN.iter().map(|(name, of)| format!("CAST({name} AS {of}) AS {name}")).collect();
        let table = |name: &str| {
            let (casts, rows, names) = (casts.join(", "), rows.join(", "), names.join(", "));
            format!("CREATE TABLE {name} AS SELECT {casts} FROM (VALUES {rows}) AS v({names})")
        };
        duck.execute("DROP TABLE w").expect("the table goes");
        duck.execute(&table("w")).expect("the table is made");
        fusion.execute(&table("w")).expect("the table is made");
        let examples = examples("duckdb");
        let texts: Vec<String> = examples.iter().map(|text| format!("SELECT id, {text} AS v FROM w")).collect();
        let mut project = project_of(&texts, Dialect::DuckDb, &[("w", &COLUMNS)]);
        let catalog = project.project.catalog.clone();
        let shown = |engine: &Engine, sql: &str| -> Result<Vec<String>, String> {
            let batches = engine.query(sql).map_err(|error| error.to_string())?;
            let mut rows: Vec<String> = values(&batches)?.iter().map(|row| rounded(row)).collect();
            rows.sort();
            Ok(rows)
        };
        let mut faults = Vec::new();
        let mut n_equal = 0;
        for (at, example) in examples.iter().enumerate() {
            let position = project.model_position(&format!("q{at}")).expect("a model of that name");
            let Bound::Plan(output) = project.models[position].bound.clone() else { continue };
            let arena = &mut project.arena;
            let Ok(theirs) = to_sql(&output, arena, &catalog, Dialect::DuckDb) else { continue };
            let Ok(ours) = to_sql(&output, arena, &catalog, Dialect::DataFusion) else { continue };
            let (Ok(theirs), ours_rows) = (shown(&duck, &theirs), shown(&fusion, &ours)) else { continue };
            match ours_rows {
                Ok(rows) if rows == theirs => n_equal += 1,
                // What an engine refuses is no wrong row.
                Err(_) => {}
                Ok(rows) => {
                    faults.push(format!("{example}\n  DuckDB {theirs:?}\n  DataFusion {rows:?}\n{ours}"));
                }
            }
        }
        println!("{n_equal} equal");
        assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
        assert!(n_equal >= 80, "only {n_equal} are compared");
    });
}

/// A row with its doubles to twelve digits.
fn rounded(row: &[Value]) -> String {
    let cell = |value: &Value| match value {
        Value::Float(value) => format!("{value:.12e}"),
        other => format!("{other:?}"),
    };
    row.iter().map(cell).collect::<Vec<_>>().join(", ")
}

const PLAIN: [(&str, &str); 9] = [
    ("id", "int"),
    ("i", "int"),
    ("n", "tinyint"),
    ("d", "double"),
    ("s", "varchar"),
    ("f", "boolean"),
    ("dt", "date"),
    ("ts", "timestamp"),
    ("m", "decimal(6, 2)"),
];

const PLAIN_ROWS: &str = "
(0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
(1, 1, 2, 0.5, 'Abc', true, '2024-01-31', '2024-01-31 23:59:59', 1.25)
(2, 7, 3, 1.0, '12', false, '2024-02-29', '2024-02-29 00:00:00', -1.25)
(3, 5, 5, 0.25, 'a,b,c', NULL, '1999-12-31', '1999-12-31 12:30:45', 0.00)
(4, 2, 7, 0.75, '', true, '2020-02-03', '2020-02-03 04:05:06', 9.5)
(5, -3, -4, -0.5, 'ä b', false, '1970-01-01', '1970-01-01 00:00:00', 2.5)";

/// Examples that DuckDB takes and the binder refuses; may only fall.
const MAX_UNBOUND: usize = 15;
