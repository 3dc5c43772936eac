//! Every relational construct that the binder knows gives DuckDB's rows: as written, through the plan
//! and as optimised, over tables full of NULLs and over empty ones.

use std::fs;
use std::sync::Arc;

use isomer_engines::{Engine, EngineKind};
use isomer_frontend::read_schema;
use isomer_ir::{Dialect, Table};
use isomer_tests::queries::{TABLES, database};
use isomer_tests::round_trip::{Outcome, Trip, load};
use isomer_tests::{repository, with_stack};

/// Queries that are optimised together.
const N_TOGETHER: usize = 6;
/// Databases that each is run on; the first is empty.
const N_DATABASES: u64 = 4;

fn tables() -> Vec<Table> {
    let declared: Vec<String> = TABLES
        .iter()
        .map(|(name, columns)| {
            let columns: Vec<String> = columns.iter().map(|(name, of)| format!("{name} {of}")).collect();
            format!("CREATE TABLE {name} ({});", columns.join(", "))
        })
        .collect();
    read_schema(&declared.join("\n"), &Arc::from("schema"), Dialect::DuckDb).0.tables().cloned().collect()
}

/// The statements of a file, comments left out.
fn statements(path: &str) -> Vec<String> {
    let text = fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
    lines.join("\n").split(';').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

#[test]
fn constructs_give_the_rows_of_duckdb() {
    with_stack(|| {
        let tables = tables();
        let engine = Engine::open(EngineKind::DuckDb, None).expect("DuckDB starts");
        let texts = statements("tests/constructs/duckdb.sql");
        let mut faults = Vec::new();
        let mut n_evaluated = 0;
        for texts in texts.chunks(N_TOGETHER) {
            let trip = Trip::new(texts, &tables);
            for seed in 0..N_DATABASES {
                let database = database(seed);
                load(&engine, &tables, &database);
                for (text, outcome) in texts.iter().zip(trip.run(&engine, &database)) {
                    match outcome {
                        Outcome::Equal { is_evaluated } => n_evaluated += usize::from(is_evaluated),
                        Outcome::NotRun => faults.push(format!("DuckDB does not run {text}")),
                        Outcome::NotBound(why) => faults.push(format!("{why}: {text}")),
                        Outcome::Differs(what) => faults.push(what),
                    }
                }
            }
        }
        faults.dedup();
        assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n\n"));
        assert!(n_evaluated > texts.len(), "{n_evaluated} results of {} queries on the interpreter", texts.len());
    });
}
