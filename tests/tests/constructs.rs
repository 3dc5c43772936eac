//! The queries of `tests/slt/duckdb` over `t`, `u` and `v` give DuckDB's rows on other rows than those of
//! the files, too: as written, through the plan, as optimised and on the reference interpreter, over
//! tables full of NULLs and over empty ones.

use std::sync::Arc;

use isomer_engines::{Engine, EngineKind};
use isomer_frontend::read_schema;
use isomer_ir::{Dialect, Table};
use isomer_tests::queries::{TABLES, database};
use isomer_tests::round_trip::{Outcome, Trip, load};
use isomer_tests::slt::{files_of, records};
use isomer_tests::with_stack;
use sqllogictest::{Condition, QueryExpect, Record};

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

/// The queries of the files that have no tables of their own, without those that `skipif random` keeps out:
/// their rows are not determined where rows tie.
fn queries() -> Vec<String> {
    let mut texts = Vec::new();
    for path in files_of(Dialect::DuckDb) {
        let records = records(&path);
        let is_own =
            |record: &Record<_>| matches!(record, Record::Statement { loc, .. } if loc.file().ends_with(".slt"));
        let is_nested =
            |record: &Record<_>| matches!(record, Record::Include { filename, .. } if filename.contains("nested"));
        if records.iter().any(|record| is_own(record) || is_nested(record)) {
            continue;
        }
        let is_random = |condition: &Condition| matches!(condition, Condition::SkipIf { label } if label == "random");
        texts.extend(records.into_iter().filter_map(|record| match record {
            Record::Query { sql, conditions, expected: QueryExpect::Results { .. }, .. } => {
                (!conditions.iter().any(is_random)).then_some(sql)
            }
            _ => None,
        }));
    }
    texts
}

#[test]
fn constructs_give_the_rows_of_duckdb() {
    with_stack(|| {
        let tables = tables();
        let engine = Engine::open(EngineKind::DuckDb, None).expect("DuckDB starts");
        let texts = queries();
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
