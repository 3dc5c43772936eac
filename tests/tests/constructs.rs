//! The queries of `tests/slt/duckdb` over `t`, `u` and `v` give DuckDB's rows on other rows than those of
//! the files, too: as written, through the plan, as optimised and on the reference interpreter, over
//! tables full of NULLs and over empty ones.

use std::sync::Arc;

use isomer_engines::{Engine, EngineKind, values};
use isomer_frontend::read_schema;
use isomer_ir::semantics::Database;
use isomer_ir::{Dialect, Table};
use isomer_tests::queries::{database, tables};
use isomer_tests::round_trip::{Outcome, Trip, load};
use isomer_tests::slt::{nested_queries, plain_queries};
use isomer_tests::{repository, with_stack};

/// Queries that are optimised together.
const N_TOGETHER: usize = 6;
/// Databases that each is run on; the first is empty.
const N_DATABASES: u64 = 4;

/// Runs queries over databases, which the engine is given by `load`; how often the interpreter gave rows too.
fn hold(
    texts: &[String],
    tables: &[Table],
    engine: &Engine,
    databases: &[Database],
    load: &dyn Fn(&Database),
) -> usize {
    let mut faults = Vec::new();
    let mut n_evaluated = 0;
    for texts in texts.chunks(N_TOGETHER) {
        let trip = Trip::new(texts, tables);
        for database in databases {
            load(database);
            for (text, outcome) in texts.iter().zip(trip.run(engine, database)) {
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
    n_evaluated
}

#[test]
fn constructs_give_the_rows_of_duckdb() {
    with_stack(|| {
        let tables = tables();
        let engine = Engine::open(EngineKind::DuckDb, None).expect("DuckDB starts");
        let texts = plain_queries();
        let databases: Vec<Database> = (0..N_DATABASES).map(database).collect();
        let n_evaluated = hold(&texts, &tables, &engine, &databases, &|database| load(&engine, &tables, database));
        assert!(n_evaluated > texts.len(), "{n_evaluated} results of {} queries on the interpreter", texts.len());
    });
}

/// The interpreter has values of lists, structs and maps too.
#[test]
fn nested_values_give_the_rows_of_duckdb() {
    with_stack(|| {
        let script = std::fs::read_to_string(repository("tests/slt/nested.inc")).expect("the tables are there");
        let statements: Vec<&str> = script.split("statement ok\n").skip(1).collect();
        let engine = Engine::open(EngineKind::DuckDb, None).expect("DuckDB starts");
        let mut tables = Vec::new();
        for statement in statements {
            engine.execute(statement).expect("the tables are made");
            tables.extend(read_schema(statement, &Arc::from("schema"), Dialect::DuckDb).0.tables().cloned());
        }
        let mut database = Database::default();
        for table in &tables {
            let rows = engine.query(&format!("FROM {}", table.sql_name)).expect("the table is there");
            database.insert(&table.key, values(&rows).expect("values of the interpreter"));
        }
        let texts = nested_queries();
        let n_evaluated = hold(&texts, &tables, &engine, &[database], &|_| {});
        assert!(n_evaluated * 10 > texts.len() * 7, "{n_evaluated} of {} queries on the interpreter", texts.len());
    });
}
