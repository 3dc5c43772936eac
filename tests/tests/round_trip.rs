//! What DuckDB runs, the binder understands and gives back: queries from the tests of other optimizers
//! and generated ones give equal rows as written, through the plan and as optimised.
//!
//! `ROUND_TRIP_SEEDS=0..10000` says which generated queries are run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::sync::Arc;

use isomer_engines::{Engine, EngineKind};
use isomer_frontend::read_schema;
use isomer_ir::semantics::search::{Budget, Outcome as Searched, Subject, search};
use isomer_ir::semantics::{Database, EvalError, Value as Cell};
use isomer_ir::{Bound, DataType, Dialect, Table};
use isomer_tests::queries::{database, query, tables, wide_query};
use isomer_tests::round_trip::{Outcome, Trip, load};
use isomer_tests::{repository, with_stack};
use serde_json::Value;

/// Queries that are optimised together.
const N_TOGETHER: u64 = 5;
/// Databases that each generated query is run on.
const N_DATABASES: u64 = 3;
/// Databases that each query of a pair is run on.
const N_OF_PAIRS: usize = 2;

#[derive(Debug, Default)]
struct Tally {
    n_equal: usize,
    n_evaluated: usize,
    n_not_run: usize,
    not_bound: BTreeMap<String, usize>,
    /// Names of the queries that are not bound.
    refused: BTreeSet<String>,
    differences: Vec<String>,
}

impl Tally {
    fn add(&mut self, outcome: Outcome, name: &str) {
        match outcome {
            Outcome::NotBound(why) => {
                self.refused.insert(name.to_owned());
                *self.not_bound.entry(why).or_default() += 1;
            }
            Outcome::NotRun => self.n_not_run += 1,
            Outcome::Equal { is_evaluated } => {
                self.n_equal += 1;
                self.n_evaluated += usize::from(is_evaluated);
            }
            Outcome::Differs(what) => self.differences.push(format!("{name}: {what}")),
        }
    }

    fn n_not_bound(&self) -> usize {
        self.not_bound.values().sum()
    }

    fn conclude(&self) {
        let (n_equal, n_evaluated, n_not_run) = (self.n_equal, self.n_evaluated, self.n_not_run);
        let told = format!("{n_equal} equal, {n_evaluated} of them evaluated, {n_not_run} not run by DuckDB");
        writeln!(std::io::stdout(), "{told}, {} not bound: {:#?}", self.n_not_bound(), self.not_bound).ok();
        let first: Vec<&str> = self.differences.iter().take(8).map(String::as_str).collect();
        assert!(self.differences.is_empty(), "{} differences\n{}", self.differences.len(), first.join("\n\n"));
    }
}

fn tables_of(schema: &str) -> Vec<Table> {
    read_schema(schema, &Arc::from("schema"), Dialect::DuckDb).0.tables().cloned().collect()
}

/// Databases that the search would look at for the queries, with rows in some table.
fn databases(trip: &Trip) -> Vec<Database> {
    let project = &trip.optimised.project;
    let outputs: Vec<_> = project
        .models
        .iter()
        .filter_map(|model| if let Bound::Plan(output) = &model.bound { Some(output) } else { None })
        .collect();
    let subject = Subject::of(&outputs, &project.arena, &project.project.catalog);
    let mut seen = Vec::new();
    let budget = Budget { n_every: 0, n_random: N_OF_PAIRS * 3, seed: 11, ..Budget::default() };
    let _ = search(&subject, &budget, &mut |database| {
        if seen.len() < N_OF_PAIRS {
            seen.push(database.clone());
        }
        let nothing = || Err(EvalError::Unsupported("not evaluated"));
        Searched { first: nothing(), second: nothing() }
    });
    if seen.is_empty() {
        seen.push(Database::default());
    }
    // What is not modelled, such as JSON, has no values here.
    for table in project.project.catalog.tables() {
        for (at, _) in table
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| matches!(column.data_type, DataType::Unknown | DataType::Json))
        {
            for row in seen.iter_mut().filter_map(|database| database.rows_mut(&table.key)).flatten() {
                row[at] = Cell::Null;
            }
        }
    }
    seen
}

fn pairs(file: &str, schema: Option<&str>, tally: &mut Tally) {
    let read = |path: &str| fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let common = schema.map(read);
    let engine = Engine::open(EngineKind::DuckDb, None).expect("DuckDB starts");
    for line in read(file).lines() {
        let pair: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let text = |key: &str| pair[key].as_str().unwrap_or_default().to_owned();
        let tables = tables_of(&common.clone().unwrap_or_else(|| text("schema")));
        let trip = Trip::new(&[text("q1"), text("q2")], &tables);
        for database in databases(&trip) {
            load(&engine, &tables, &database);
            for outcome in trip.run(&engine, &database) {
                tally.add(outcome, &text("name"));
            }
        }
    }
}

#[test]
fn queries_of_pairs() {
    with_stack(|| {
        let mut tally = Tally::default();
        pairs("tests/pairs/calcite.jsonl", Some("tests/pairs/calcite.sql"), &mut tally);
        pairs("tests/pairs/cockroach.jsonl", None, &mut tally);
        tally.conclude();
        assert!(tally.n_equal >= 2_780, "{} equal", tally.n_equal);
        assert!(tally.refused.is_empty(), "not bound: {:?}", tally.refused);
    });
}

fn seeds() -> std::ops::Range<u64> {
    let Ok(seeds) = std::env::var("ROUND_TRIP_SEEDS") else { return 0..300 };
    let (start, end) = seeds.split_once("..").expect("ROUND_TRIP_SEEDS is START..END");
    start.parse().expect("a number")..end.parse().expect("a number")
}

fn generated(query: fn(u64) -> String, refused: &'static str) {
    with_stack(move || {
        let tables = tables();
        let engine = Engine::open(EngineKind::DuckDb, None).expect("DuckDB starts");
        let mut tally = Tally::default();
        let seeds = seeds();
        let mut start = seeds.start;
        while start < seeds.end {
            let texts: Vec<String> = (start..seeds.end.min(start + N_TOGETHER)).map(query).collect();
            let trip = Trip::new(&texts, &tables);
            for seed in 0..N_DATABASES {
                let database = database(seed);
                load(&engine, &tables, &database);
                for (at, outcome) in trip.run(&engine, &database).into_iter().enumerate() {
                    tally.add(outcome, &format!("seed {}, database {seed}", start + at as u64));
                }
            }
            start += N_TOGETHER;
        }
        tally.conclude();
        let others: Vec<&String> = tally.not_bound.keys().filter(|why| !why.contains(refused)).collect();
        assert!(others.is_empty(), "generated queries bind: {others:?}");
        assert!(tally.n_not_bound() * 20 < tally.n_equal, "{} not bound", tally.n_not_bound());
    });
}

#[test]
fn generated_queries() {
    generated(query, "nothing is refused");
}

#[test]
fn generated_queries_with_clauses_of_one_dialect() {
    generated(wide_query, "grouping sets over a value of two names");
}
