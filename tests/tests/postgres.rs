//! PostgreSQL for real: what is written for it gives the rows of DuckDB, what is read as its own text gives
//! the rows that it gives itself.
//!
//! Left out, with the reason told, where no PostgreSQL is installed. `POSTGRES_SEEDS=0..3000` says which
//! generated queries are run.

use std::collections::BTreeMap;

use isomer_engines::{Engine, EngineKind};
use isomer_ir::Dialect;
use isomer_ir::semantics::Database;
use isomer_tests::postgres::Server;
use isomer_tests::postgres_trip::{Outcome, Trip};
use isomer_tests::queries::{database, query, tables, wide_query};
use isomer_tests::slt::plain_queries;
use isomer_tests::with_stack;

/// Queries that are optimised together.
const N_TOGETHER: usize = 6;
/// Databases that each is run on; the first is empty.
const N_DATABASES: u64 = 3;

/// What came of many queries.
#[derive(Debug, Default)]
struct Tally {
    n_equal: usize,
    not_run: BTreeMap<String, usize>,
    not_bound: BTreeMap<String, usize>,
    not_written: BTreeMap<String, usize>,
    faults: Vec<String>,
}

impl Tally {
    fn take(&mut self, outcome: Outcome) {
        let count = |kept: &mut BTreeMap<String, usize>, why: String| *kept.entry(why).or_default() += 1;
        match outcome {
            Outcome::Equal => self.n_equal += 1,
            Outcome::NotRun(why) => count(&mut self.not_run, why),
            Outcome::NotBound(why) => count(&mut self.not_bound, why),
            Outcome::NotWritten(why) => count(&mut self.not_written, why),
            Outcome::Differs(what) => self.faults.push(what),
        }
    }

    fn told(&self) -> String {
        format!(
            "{} equal; not run {:#?}; not bound {:#?}; not written {:#?}",
            self.n_equal, self.not_run, self.not_bound, self.not_written
        )
    }

    fn expect_equal(&self) {
        let faults = &self.faults[..self.faults.len().min(20)];
        assert!(faults.is_empty(), "{} faults\n{}", self.faults.len(), faults.join("\n\n"));
    }
}

fn run(texts: &[String], dialect: Dialect) -> Option<Tally> {
    let server = Server::or_told()?;
    let tables = tables();
    let engine = Engine::open(EngineKind::DuckDb, None).expect("DuckDB starts");
    let databases: Vec<Database> = (0..N_DATABASES).map(database).collect();
    let mut tally = Tally::default();
    for texts in texts.chunks(N_TOGETHER) {
        let trip = Trip::new(texts, &tables, dialect);
        for outcome in trip.run(&engine, &server.client, &tables, &databases) {
            tally.take(outcome);
        }
    }
    Some(tally)
}

fn seeds() -> std::ops::Range<u64> {
    let told = std::env::var("POSTGRES_SEEDS").ok();
    let range = told.as_deref().and_then(|text| {
        let (start, end) = text.split_once("..")?;
        Some(start.parse().ok()?..end.parse().ok()?)
    });
    range.unwrap_or(0..120)
}

fn generated() -> Vec<String> {
    seeds().flat_map(|seed| [query(seed), wide_query(seed)]).collect()
}

#[test]
fn constructs_written_for_postgres_give_the_rows_of_duckdb() {
    with_stack(|| {
        let texts = plain_queries();
        let Some(tally) = run(&texts, Dialect::DuckDb) else { return };
        println!("{}", tally.told());
        tally.expect_equal();
    });
}

#[test]
fn generated_queries_written_for_postgres_give_the_rows_of_duckdb() {
    with_stack(|| {
        let Some(tally) = run(&generated(), Dialect::DuckDb) else { return };
        println!("{}", tally.told());
        tally.expect_equal();
    });
}

#[test]
fn generated_queries_of_postgres_give_its_rows_optimised_and_on_duckdb() {
    with_stack(|| {
        let texts: Vec<String> = generated().iter().map(|text| as_postgres(text)).collect();
        let Some(tally) = run(&texts, Dialect::Postgres) else { return };
        println!("{}", tally.told());
        tally.expect_equal();
    });
}

/// A generated query in the words of PostgreSQL.
fn as_postgres(text: &str) -> String {
    text.replace(" // ", " / ")
        .replace("::double", "::double precision")
        .replace("INTERVAL 1 MONTH", "INTERVAL '1 month'")
}
