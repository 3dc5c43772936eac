//! What is written for Spark, on a Spark: the rows of DuckDB. Skipped where Spark is not fetched.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use isomer_codegen::to_sql;
use isomer_engines::{Engine, EngineKind, compare, values};
use isomer_frontend::ProjectFiles;
use isomer_ir::semantics::{Rows, evaluate};
use isomer_ir::{Bound, BoundProject, Dialect, Materialise};
use isomer_service::execute::{self, Way, causes};
use isomer_service::files;
use isomer_service::optimize::{self, Options, Request};
use isomer_tests::calls::{self, COLUMNS, Declared, make_table};
use isomer_tests::queries::{database, query, tables, wide_query};
use isomer_tests::round_trip::load;
use isomer_tests::slt::plain_queries;
use isomer_tests::spark::{Spark, pipeline};
use isomer_tests::{examples, folders, repository, resize, told, with_stack};
use serde_json::json;

const TOLERANCE: f64 = 1e-9;

/// The columns of the examples' table that Spark has types for.
fn columns() -> &'static [Declared<'static>] {
    &COLUMNS[..COLUMNS.len() - 1]
}

/// A type in Spark's words.
fn of_spark(of: &str) -> String {
    match of {
        "varchar" => "string".to_owned(),
        "integer" => "int".to_owned(),
        "timestamp" => "timestamp_ntz".to_owned(),
        "integer[]" => "array<int>".to_owned(),
        "varchar[]" => "array<string>".to_owned(),
        "struct(a integer, t varchar)" => "struct<a: int, t: string>".to_owned(),
        "map(varchar, integer)" => "map<string, int>".to_owned(),
        other => other.to_owned(),
    }
}

fn project_of(texts: &[String], dialect: Dialect) -> BoundProject {
    let named = |of: &str| if dialect == Dialect::Spark { of_spark(of) } else { of.to_owned() };
    let types: Vec<String> = columns().iter().map(|(_, of)| named(of)).collect();
    let columns: Vec<Declared<'_>> = columns().iter().zip(&types).map(|((name, _), of)| (*name, of.as_str())).collect();
    calls::project_of(texts, dialect, &[("w", &columns)])
}

#[test]
fn the_table_of_the_examples_is_read_in_the_words_of_spark() {
    let project = project_of(&["SELECT * FROM w".to_owned()], Dialect::Spark);
    assert!(matches!(&project.models[0].bound, Bound::Plan(output) if output.columns.len() == columns().len()));
}

#[test]
#[ignore = "minutes on a Spark; `./x spark` fetches one and runs this"]
fn calls_give_the_values_of_duckdb() {
    let Some(spark) = Spark::start() else { return };
    with_stack(move || {
        let duck = Engine::open(EngineKind::DuckDb, None).expect("DuckDB starts");
        make_table(&duck, columns(), &calls::ROWS);
        let folder = std::env::temp_dir().join(format!("isomer-spark-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for files");
        spark.load_from(&duck, "w", "w", &folder);
        let examples: Vec<String> = ["duckdb", "duckdb_edges"].into_iter().flat_map(calls::examples).collect();
        let texts: Vec<String> = examples.iter().map(|text| format!("SELECT id, {text} AS v FROM w")).collect();
        let mut project = project_of(&texts, Dialect::DuckDb);
        let catalog = project.project.catalog.clone();
        let mut faults = Vec::new();
        let mut refused = BTreeMap::new();
        let mut n_equal = 0;
        for (at, example) in examples.iter().enumerate() {
            let position = project.model_position(&format!("q{at}")).expect("a model of that name");
            let Bound::Plan(output) = project.models[position].bound.clone() else { continue };
            let Ok(theirs) = duck.query(&texts[at]) else { continue };
            let ours = match to_sql(&output, &mut project.arena, &catalog, Dialect::Spark) {
                Ok(ours) => ours,
                Err(error) => {
                    refused.insert(example.clone(), error.to_string());
                    continue;
                }
            };
            match spark.query(&ours) {
                Ok(rows) => {
                    let compared = compare(&theirs, &rows, TOLERANCE);
                    if compared.is_equal {
                        n_equal += 1;
                    } else {
                        let (left, right) = (compared.only_left, compared.only_right);
                        faults
                            .push(format!("{example}\n  DuckDB {left:?}\n  Spark {right:?} {}\n{ours}", compared.note));
                    }
                }
                Err(error) => {
                    let error: String = error.chars().take(300).collect();
                    faults.push(format!("{example}\n  REFUSED {error}\n{ours}"));
                }
            }
        }
        let _ = fs::remove_dir_all(&folder);
        println!("{n_equal} equal, {} refused: {refused:#?}", refused.len());
        assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n\n"));
    });
}

#[test]
#[ignore = "minutes on a Spark; `./x spark` fetches one and runs this"]
fn calls_of_spark_keep_their_values() {
    let Some(spark) = Spark::start() else { return };
    with_stack(move || {
        let duck = Engine::open(EngineKind::DuckDb, None).expect("DuckDB starts");
        duck.execute("SET TimeZone = 'UTC'").ok();
        make_table(&duck, columns(), &calls::ROWS);
        let folder = std::env::temp_dir().join(format!("isomer-spark-{}-own", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for files");
        spark.load_from(&duck, "w", "w", &folder);
        let examples = calls::examples("spark");
        let texts: Vec<String> = examples.iter().map(|text| format!("SELECT id, {text} AS v FROM w")).collect();
        let mut project = project_of(&texts, Dialect::Spark);
        let catalog = project.project.catalog.clone();
        let mut tally = Tally::default();
        let mut unbound = Vec::new();
        for (at, example) in examples.iter().enumerate() {
            let position = project.model_position(&format!("q{at}")).expect("a model of that name");
            let Bound::Plan(output) = project.models[position].bound.clone() else {
                unbound.push(example.clone());
                continue;
            };
            let Ok(theirs) = spark.query(&texts[at]) else { continue };
            for target in [Dialect::Spark, Dialect::DuckDb] {
                let ours = match to_sql(&output, &mut project.arena, &catalog, target) {
                    Ok(ours) => ours,
                    Err(error) => {
                        tally.refuse(&format!("{target} {example}: {error}"));
                        continue;
                    }
                };
                let rows = if target == Dialect::Spark {
                    spark.query(&ours)
                } else {
                    duck.query(&ours).map_err(|error| causes(&error))
                };
                match rows {
                    Ok(rows) => {
                        let compared = compare(&theirs, &rows, TOLERANCE);
                        if compared.is_equal {
                            tally.n_equal += 1;
                        } else {
                            let (left, right) = (compared.only_left, compared.only_right);
                            tally.faults.push(format!(
                                "{example}\n  Spark {left:?}\n  {target} {right:?} {}\n{ours}",
                                compared.note
                            ));
                        }
                    }
                    Err(error) => {
                        let error: String = error.chars().take(300).collect();
                        tally.faults.push(format!("{example}\n  {target} REFUSED {error}\n{ours}"));
                    }
                }
            }
        }
        let _ = fs::remove_dir_all(&folder);
        println!("{} of Spark are not bound: {unbound:?}", unbound.len());
        tally.told("calls of Spark");
    });
}

/// Queries that are optimised together.
const N_TOGETHER: usize = 8;
/// Databases that each is run on.
const SEEDS: [u64; 2] = [1, 2];
/// The variable that says which random queries are run, as `0..500`.
const RANGE: &str = "SPARK_SEEDS";

#[derive(Debug, Default)]
struct Tally {
    n_equal: usize,
    refused: BTreeMap<String, usize>,
    faults: Vec<String>,
}

impl Tally {
    fn told(&self, what: &str) {
        writeln!(std::io::stdout(), "{what}: {} equal; refused {:#?}", self.n_equal, self.refused).ok();
        assert!(self.faults.is_empty(), "{} faults\n{}", self.faults.len(), self.faults.join("\n\n"));
    }

    fn refuse(&mut self, why: &str) {
        *self.refused.entry(why.chars().take(120).collect()).or_default() += 1;
    }
}

/// Queries of DuckDB as bound and as optimised, in Spark's words over the rows of the random databases.
fn run_queries(spark: &Spark, texts: &[String], tally: &mut Tally) {
    let tables = tables();
    let duck = Engine::open(EngineKind::DuckDb, None).expect("DuckDB starts");
    for texts in texts.chunks(N_TOGETHER) {
        let mut files = ProjectFiles::new();
        files.insert("isomer.yml".to_owned(), json!({"dialect": "duckdb", "target": "spark"}).to_string().into_bytes());
        for (at, text) in texts.iter().enumerate() {
            files.insert(format!("models/q{at}.sql"), text.clone().into_bytes());
        }
        let answer = optimize::run(&Request { files, connected: tables.clone(), ..Request::default() });
        let mut optimised = answer.optimised.expect("the project is read");
        let steps = pipeline(&mut optimised);
        for seed in SEEDS {
            let database = database(seed);
            load(&duck, &tables, &database);
            spark.load(&tables, &database);
            let mut is_made = true;
            for (name, sql, is_model) in &steps {
                match sql {
                    Ok(sql) => is_made &= spark.create(name, sql).is_ok() || *is_model,
                    Err(_) => is_made &= *is_model,
                }
            }
            for (at, text) in texts.iter().enumerate() {
                let Ok(theirs) = duck.query(text) else { continue };
                let position = optimised.project.model_position(&format!("q{at}")).expect("a model of that name");
                let Bound::Plan(output) = optimised.project.models[position].bound.clone() else { continue };
                let project = &mut optimised.project;
                let bound = to_sql(&output, &mut project.arena, &project.project.catalog, Dialect::Spark);
                let chosen = steps.iter().find(|(name, ..)| **name == *format!("q{at}")).map(|(_, sql, _)| sql.clone());
                let allowed = evaluate(&output, &project.arena, &database);
                let ways = [
                    ("as bound", bound.map_err(|error| error.to_string())),
                    ("optimised", chosen.unwrap_or_else(|| Err("no step".to_owned()))),
                ];
                for (way, sql) in ways {
                    let sql = match sql {
                        Ok(sql) => sql,
                        Err(why) => {
                            tally.refuse(&why);
                            continue;
                        }
                    };
                    if way == "optimised" && !is_made {
                        tally.faults.push(format!("{text}\n-- a shared step is not made"));
                        continue;
                    }
                    let ours = match spark.query(&sql) {
                        Ok(ours) => ours,
                        Err(error) => {
                            let error: String = error.chars().take(400).collect();
                            tally.faults.push(format!("{text}\n-- {way}: REFUSED {error}\n{sql}"));
                            continue;
                        }
                    };
                    let compared = compare(&theirs, &ours, TOLERANCE);
                    let is_allowed = match (&allowed, values(&ours)) {
                        (Ok(allowed), Ok(rows)) => {
                            let bag = Rows { rows: allowed.rows.clone(), peers: None };
                            bag.is_answered_by(&Rows { rows, peers: None })
                        }
                        _ => false,
                    };
                    if compared.is_equal || is_allowed {
                        tally.n_equal += 1;
                    } else {
                        let (left, right) = (compared.only_left, compared.only_right);
                        tally.faults.push(format!(
                            "{text}\n-- {way}, database {seed}\n  DuckDB {left:?}\n  Spark {right:?} {}\n{sql}",
                            compared.note
                        ));
                    }
                }
            }
        }
    }
}

#[test]
#[ignore = "minutes on a Spark; `./x spark` fetches one and runs this"]
fn constructs_give_the_rows_of_duckdb() {
    let Some(spark) = Spark::start() else { return };
    with_stack(move || {
        let texts = plain_queries();
        let mut tally = Tally::default();
        run_queries(&spark, &texts, &mut tally);
        tally.told("constructs");
    });
}

#[test]
#[ignore = "minutes on a Spark; `./x spark` fetches one and runs this"]
fn random_queries_give_the_rows_of_duckdb() {
    let Some(spark) = Spark::start() else { return };
    with_stack(move || {
        let range = std::env::var(RANGE).unwrap_or_else(|_| "0..60".to_owned());
        let (start, end) = range.split_once("..").expect("a range as 0..500");
        let seeds = start.parse::<u64>().expect("a number")..end.parse().expect("a number");
        let texts: Vec<String> = seeds.flat_map(|seed| [query(seed), wide_query(seed)]).collect();
        let mut tally = Tally::default();
        run_queries(&spark, &texts, &mut tally);
        tally.told("random queries");
    });
}

/// A name in Spark's quotes.
fn requoted(name: &str) -> String {
    name.replace('"', "`")
}

/// A name without its catalog: this Spark has one.
fn short(name: &str) -> String {
    let parts: Vec<String> = requoted(name).split('.').map(str::to_owned).collect();
    parts[parts.len().saturating_sub(2)..].join(".")
}

/// A project as written on DuckDB, and as bound and as optimised on Spark, over equal sources.
fn run_project(spark: &Spark, folder: &Path, sizes: &[(&str, &str)], tally: &mut Tally) {
    let mut files = files::read(folder).expect("the folder of a project can be read").files;
    let _ = &mut files;
    let options = Options { target: Some("spark".to_owned()), ..Options::default() };
    let answer = optimize::run(&Request { files, options, ..Request::default() });
    let told = told(&answer);
    let Some(mut optimised) = answer.optimised else {
        tally.refuse(&told);
        return;
    };
    resize(&mut optimised, sizes);
    let Ok(duck) = execute::open(&mut optimised, execute::Site::new(EngineKind::DuckDb, folder), &mut |_| {}) else {
        tally.refuse("not opened");
        return;
    };
    let work = std::env::temp_dir().join(format!("isomer-spark-{}-project", std::process::id()));
    fs::create_dir_all(&work).expect("a folder for files");
    let catalog = optimised.project.project.catalog.clone();
    let texts: Vec<(String, String)> =
        catalog.tables().map(|table| (requoted(&table.sql_name), short(&table.sql_name))).collect();
    let known = |sql: &str| texts.iter().fold(sql.to_owned(), |sql, (own, short)| sql.replace(own, short));
    let sources: Vec<_> = optimised.project.project.sources.iter().map(|source| Arc::clone(&source.key)).collect();
    for key in sources {
        let Some(table) = catalog.get(&key) else { continue };
        spark.load_from(&duck, &table.sql_name, &short(&table.sql_name), &work);
    }
    let mut expected = BTreeMap::new();
    for statement in execute::statements(&mut optimised, Way::Naive, EngineKind::DuckDb) {
        let Ok(sql) = &statement.sql else { continue };
        if duck.create(&statement.sql_name, Materialise::Table, sql).is_ok()
            && let Ok(rows) = duck.query(&format!("SELECT * FROM {}", statement.sql_name))
        {
            expected.insert(Arc::clone(&statement.sql_name), rows);
        }
    }
    let mut bound = Vec::new();
    for position in optimised.project.order.clone() {
        let project = &mut optimised.project;
        let name = Arc::clone(&project.project.models[position].sql_name);
        let Bound::Plan(output) = project.models[position].bound.clone() else {
            if expected.contains_key(&name) {
                spark.load_from(&duck, &name, &short(&name), &work);
            }
            continue;
        };
        let sql = to_sql(&output, &mut project.arena, &project.project.catalog, Dialect::Spark);
        bound.push((name, sql.map_err(|error| error.to_string()), true));
    }
    for (way, statements) in [("as bound", bound), ("optimised", pipeline(&mut optimised))] {
        for (name, sql, is_model) in statements {
            let sql = match sql {
                Ok(sql) => sql,
                Err(why) => {
                    tally.refuse(&why);
                    continue;
                }
            };
            let sql = known(&sql);
            let made = spark.create(&short(&name), &sql);
            let rows = made.and_then(|()| spark.query(&format!("SELECT * FROM {}", short(&name))));
            let (rows, theirs) = match (rows, expected.get(&name)) {
                (Ok(rows), Some(theirs)) => (rows, theirs),
                (Ok(_), None) => continue,
                (Err(error), theirs) => {
                    if theirs.is_some() || !is_model {
                        let error: String = error.chars().take(400).collect();
                        tally.faults.push(format!("{} {name} {way}: REFUSED {error}\n{sql}", folder.display()));
                    }
                    continue;
                }
            };
            let compared = compare(theirs, &rows, TOLERANCE);
            if compared.is_equal {
                tally.n_equal += 1;
            } else {
                let (left, right) = (compared.only_left, compared.only_right);
                tally.faults.push(format!(
                    "{} {name} {way}\n  DuckDB {left:?}\n  Spark {right:?} {}\n{sql}",
                    folder.display(),
                    compared.note
                ));
            }
        }
    }
    let _ = fs::remove_dir_all(&work);
}

#[test]
#[ignore = "minutes on a Spark; `./x spark` fetches one and runs this"]
fn examples_give_the_rows_of_duckdb() {
    let Some(spark) = Spark::start() else { return };
    with_stack(move || {
        let mut tally = Tally::default();
        for example in examples::ALL {
            run_project(&spark, &repository("examples").join(example.name), example.sizes, &mut tally);
        }
        tally.told("examples");
    });
}

#[test]
#[ignore = "minutes on a Spark; `./x spark` fetches one and runs this"]
fn golden_cases_give_the_rows_of_duckdb() {
    let Some(spark) = Spark::start() else { return };
    with_stack(move || {
        let mut tally = Tally::default();
        for case in folders(&repository("tests/golden")).iter().flat_map(|family| folders(family)) {
            run_project(&spark, &case, &[], &mut tally);
        }
        tally.told("golden cases");
    });
}
