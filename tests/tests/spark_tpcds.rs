//! TPC-DS on a Spark: the texts of Spark as written against what is written for their plans, and the
//! texts of DuckDB in Spark's words against DuckDB's rows. Skipped where Spark is not fetched.

use std::fmt::Write as _;

use isomer_codegen::to_sql;
use isomer_engines::{Comparison, Engine, EngineKind, RecordBatch, compare};
use isomer_frontend::ProjectFiles;
use isomer_ir::{Bound, Catalog, Dialect};
use isomer_service::execute::TOLERANCE;
use isomer_service::optimize::{self, Optimised, Request};
use isomer_tests::spark::{Spark, pipeline};
use isomer_tests::tpcds::{catalog, engine, queries, spark_catalog, spark_queries, tables, without_limit};
use isomer_tests::with_stack;

/// The variable that says which queries are run, by name.
const ONLY: &str = "SPARK_TPCDS_ONLY";

fn optimised(name: &str, text: &str, dialect: &str, catalog: &Catalog) -> Optimised {
    let mut files = ProjectFiles::new();
    let settings = format!("dialect: {dialect}\ntarget: spark\n");
    files.insert("isomer.yml".to_owned(), settings.into_bytes());
    files.insert(format!("models/{name}.sql"), text.as_bytes().to_vec());
    let answer = optimize::run(&Request { files, connected: tables(catalog), ..Request::default() });
    let told = isomer_tests::told(&answer);
    answer.optimised.unwrap_or_else(|| panic!("{name} is refused: {told}"))
}

fn same(expected: &[RecordBatch], found: &[RecordBatch]) -> Result<usize, String> {
    let Comparison { is_equal, n_left, n_right, only_left, only_right, note, .. } = compare(expected, found, TOLERANCE);
    if is_equal {
        Ok(n_left)
    } else {
        Err(format!(
            "{n_left} and {n_right} rows; {note}\n  only in the text: {only_left:?}\n  only here: {only_right:?}"
        ))
    }
}

/// The rows of a query as bound, or of its pipeline, on Spark.
fn on_spark(spark: &Spark, optimised: &mut Optimised, is_bound: bool) -> Result<(Vec<RecordBatch>, String), String> {
    let sql = if is_bound {
        let Bound::Plan(output) = optimised.project.models[0].bound.clone() else { return Err("not bound".to_owned()) };
        let catalog = optimised.project.project.catalog.clone();
        to_sql(&output, &mut optimised.project.arena, &catalog, Dialect::Spark).map_err(|error| error.to_string())?
    } else {
        let mut last = String::new();
        for (name, sql, is_model) in pipeline(optimised) {
            let sql = sql?;
            if is_model { last = sql } else { spark.create(&name, &sql)? }
        }
        last
    };
    spark.query(&sql).map(|rows| (rows, sql.clone())).map_err(|error| {
        let error: String = error.chars().take(500).collect();
        format!("REFUSED {error}\n{sql}")
    })
}

fn filled(catalog: &Catalog, spark: &Spark) -> Engine {
    let engine = engine(EngineKind::DuckDb, &self::catalog());
    let folder = std::env::temp_dir().join(format!("isomer-spark-{}-tpcds", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for files");
    for table in catalog.tables() {
        let names: Vec<String> = table.columns.iter().map(|column| column.name.to_string()).collect();
        let own = self::catalog();
        let own: Vec<String> =
            own.get(&table.key).expect("a table of TPC-DS").columns.iter().map(|c| c.name.to_string()).collect();
        for (own, name) in own.iter().zip(&names).filter(|(own, name)| own != name) {
            let rename = format!("ALTER TABLE {} RENAME COLUMN {own} TO {name}", table.sql_name);
            engine.execute(&rename).expect("a column can be renamed");
        }
        spark.load_from(&engine, &table.sql_name, &table.sql_name, &folder);
    }
    engine
}

/// What came of the queries.
#[derive(Debug, Default)]
struct Tally {
    n_equal: usize,
    n_with_rows: usize,
    faults: String,
}

/// Compares a query as bound and as optimised, run on Spark, with the rows that it has to give.
fn both_ways(spark: &Spark, name: &str, optimised: &mut Optimised, expected: &[RecordBatch], tally: &mut Tally) {
    for (way, is_bound) in [("as bound", true), ("optimised", false)] {
        let found = on_spark(spark, optimised, is_bound);
        match found.and_then(|(found, sql)| same(expected, &found).map_err(|fault| format!("{fault}\n{sql}"))) {
            Ok(n_rows) => {
                tally.n_equal += 1;
                tally.n_with_rows += usize::from(n_rows > 0);
            }
            Err(fault) => {
                let _ = writeln!(tally.faults, "{name} {way}: {fault}");
            }
        }
    }
}

fn is_wanted(name: &str) -> bool {
    std::env::var(ONLY).map_or(true, |only| only.split(',').any(|part| name == part))
}

#[test]
#[ignore = "minutes on a Spark; `./x spark` fetches one and runs this"]
fn the_texts_of_spark_give_their_rows() {
    let Some(queries) = spark_queries() else {
        println!("skipped: not fetched; `./x setup` fetches the texts");
        return;
    };
    let Some(spark) = Spark::start() else { return };
    with_stack(move || {
        let catalog = spark_catalog();
        let duck = filled(&catalog, &spark);
        let (mut tally, mut n_refused) = (Tally::default(), 0);
        for (name, text) in queries.into_iter().filter(|(name, _)| is_wanted(name)) {
            let text = without_limit(&text);
            let expected = match spark.query(&text) {
                Ok(expected) => expected,
                Err(error) => {
                    println!("{name}: Spark does not take the text: {error}");
                    let _ = writeln!(tally.faults, "{name}");
                    continue;
                }
            };
            let mut optimised = optimised(&name, &text, "spark", &catalog);
            both_ways(&spark, &name, &mut optimised, &expected, &mut tally);
            let Bound::Plan(output) = optimised.project.models[0].bound.clone() else { continue };
            let known = optimised.project.project.catalog.clone();
            let found = to_sql(&output, &mut optimised.project.arena, &known, Dialect::DuckDb)
                .map_err(|error| error.to_string())
                .and_then(|sql| {
                    let found = duck.query(&sql).map_err(|error| format!("{error}: {sql}"))?;
                    same(&expected, &found).map_err(|fault| format!("{fault}\n{sql}"))
                });
            match found {
                Ok(_) => tally.n_equal += 1,
                // A refusal is no wrong row.
                Err(fault) if fault.starts_with("[GEN-") => n_refused += 1,
                Err(fault) => {
                    println!("{name} on DuckDB: {fault}");
                    let _ = writeln!(tally.faults, "{name} on DuckDB");
                }
            }
        }
        let Tally { n_equal, n_with_rows, faults } = tally;
        println!("{n_equal} equal, {n_with_rows} of them with rows, {n_refused} not written for DuckDB");
        assert!(faults.is_empty(), "{faults}");
    });
}

#[test]
#[ignore = "minutes on a Spark; `./x spark` fetches one and runs this"]
fn the_texts_of_duckdb_give_their_rows() {
    let Some(spark) = Spark::start() else { return };
    with_stack(move || {
        let catalog = catalog();
        let duck = filled(&catalog, &spark);
        let mut tally = Tally::default();
        for (name, text) in queries().into_iter().filter(|(name, _)| is_wanted(name)) {
            let text = without_limit(&text);
            let expected = duck.query(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            let mut optimised = optimised(&name, &text, "duckdb", &catalog);
            both_ways(&spark, &name, &mut optimised, &expected, &mut tally);
        }
        let Tally { n_equal, n_with_rows, faults } = tally;
        println!("{n_equal} equal, {n_with_rows} of them with rows");
        assert!(faults.is_empty(), "{faults}");
    });
}
