//! The queries of `tests/slt/duckdb` over `t`, `u` and `v` give DuckDB's rows on other rows than those of
//! the files, too: as written, through the plan, as optimised and on the reference interpreter, over
//! tables full of NULLs and over empty ones.

use isomer_engines::{Engine, EngineKind};
use isomer_tests::queries::{database, tables};
use isomer_tests::round_trip::{Outcome, Trip, load};
use isomer_tests::slt::plain_queries;
use isomer_tests::with_stack;

/// Queries that are optimised together.
const N_TOGETHER: usize = 6;
/// Databases that each is run on; the first is empty.
const N_DATABASES: u64 = 4;

#[test]
fn constructs_give_the_rows_of_duckdb() {
    with_stack(|| {
        let tables = tables();
        let engine = Engine::open(EngineKind::DuckDb, None).expect("DuckDB starts");
        let texts = plain_queries();
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
