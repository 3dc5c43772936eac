//! The names of columns without an alias that are called sure are those that DuckDB gives them.

use std::fs;
use std::sync::Arc;

use isomer_codegen::type_name;
use isomer_engines::{Engine, EngineKind, values};
use isomer_frontend::{ProjectFiles, ReadOptions, bind_project, read_project, read_schema};
use isomer_ir::semantics::Value;
use isomer_ir::{Bound, Dialect, Table};
use isomer_tests::queries::{query, tables as small_tables, wide_query};
use isomer_tests::slt::plain_queries;
use isomer_tests::{repository, tpcds, with_stack};
use serde_json::json;

/// A model with columns of which the engine makes up names that are not known.
const UNSURE: &str = "SQL-0040";

const W: &str = "CREATE TABLE w (id integer, i integer, n tinyint, d double, s varchar, f boolean, dt date, ts timestamp,
    l integer[], st struct(a integer, t varchar), mp map(varchar, integer), j json, \"Mixed Case\" integer, \"order\" integer)";

/// What is found of a query.
enum Found {
    /// It is not bound, or DuckDB does not take it.
    Nothing,
    /// Names are only guessed.
    Unsure,
    /// Ours, and DuckDB's.
    Sure(Vec<String>, Vec<String>),
}

fn tables_of(schema: &str) -> Vec<Table> {
    read_schema(schema, &Arc::from("schema"), Dialect::DuckDb).0.tables().cloned().collect()
}

fn made(engine: &Engine, tables: &[Table]) {
    for table in tables {
        let column = |column: &isomer_ir::Column| {
            let of = type_name(column.data_type, Dialect::DuckDb).unwrap_or_else(|_| "JSON".to_owned());
            format!("\"{}\" {of}", column.name)
        };
        let columns: Vec<String> = table.columns.iter().map(column).collect();
        let sql = format!("CREATE OR REPLACE TABLE {} ({})", table.sql_name, columns.join(", "));
        engine.execute(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

/// The names of queries over tables that the engine holds.
fn found(engine: &Engine, texts: &[String], tables: &[Table]) -> Vec<Found> {
    let mut files = ProjectFiles::new();
    files.insert("isomer.yml".to_owned(), json!({"dialect": "duckdb"}).to_string().into_bytes());
    for (at, text) in texts.iter().enumerate() {
        files.insert(format!("models/q{at}.sql"), text.clone().into_bytes());
    }
    let (project, faults) = read_project(&files, &ReadOptions::default());
    let mut project = project.unwrap_or_else(|| panic!("{faults:?}"));
    for table in tables {
        project.catalog.insert(table.clone());
    }
    let project = bind_project(project);
    let name = |row: &Vec<Value>| if let Some(Value::Text(name)) = row.first() { Some(name.to_string()) } else { None };
    let of = |(at, text): (usize, &String)| {
        let model = project.model_position(&format!("q{at}")).expect("a model of that name");
        let path = &project.project.models[model].path;
        let Bound::Plan(output) = &project.models[model].bound else { return Found::Nothing };
        if project.diagnostics.iter().any(|told| told.code == UNSURE && told.source == *path) {
            return Found::Unsure;
        }
        let text = text.trim().trim_end_matches(';');
        let Ok(batches) = engine.query(&format!("SELECT column_name FROM (DESCRIBE {text})")) else {
            return Found::Nothing;
        };
        let theirs: Vec<String> = values(&batches).expect("texts").iter().filter_map(name).collect();
        // Columns of one name are numbered where the query becomes a table, and not before.
        let distinct: std::collections::BTreeSet<String> = theirs.iter().map(|name| name.to_lowercase()).collect();
        if distinct.len() < theirs.len() {
            return Found::Nothing;
        }
        Found::Sure(output.columns.iter().map(|column| column.name.to_string()).collect(), theirs)
    };
    texts.iter().enumerate().map(of).collect()
}

#[test]
fn names_that_are_sure_are_those_of_duckdb() {
    with_stack(|| {
        let engine = Engine::open(EngineKind::DuckDb, None).expect("DuckDB starts");
        engine.execute(W).expect("the table is made");
        let text = fs::read_to_string(repository("tests/functions/duckdb_names.txt")).expect("the names are there");
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let texts: Vec<String> =
            lines.iter().map(|line| format!("SELECT {} FROM w", line.trim_start_matches('?'))).collect();
        let mut faults = Vec::new();
        for (line, found) in lines.iter().zip(found(&engine, &texts, &tables_of(W))) {
            let is_sure = !line.starts_with('?');
            match found {
                Found::Sure(ours, theirs) if is_sure && !ours[0].eq_ignore_ascii_case(&theirs[0]) => {
                    faults.push(format!("{line}: {} in DuckDB, found {}", theirs[0], ours[0]));
                }
                Found::Sure(ours, _) if !is_sure => faults.push(format!("{line} is called sure: {}", ours[0])),
                Found::Unsure if is_sure => faults.push(format!("{line} is not called sure")),
                Found::Nothing => faults.push(format!("{line} is not understood")),
                Found::Sure(..) | Found::Unsure => {}
            }
        }
        assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    });
}

#[test]
fn queries_show_the_names_of_duckdb() {
    with_stack(|| {
        let engine = Engine::open(EngineKind::DuckDb, None).expect("DuckDB starts");
        let read = |path: &str| fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut batches: Vec<(Vec<Table>, Vec<String>)> = Vec::new();
        let small = small_tables();
        batches.push((small.clone(), plain_queries()));
        batches.push((small, (0..400).flat_map(|seed| [query(seed), wide_query(seed)]).collect()));
        let texts = tpcds::queries().into_iter().map(|(_, text)| text).collect();
        batches.push((tpcds::catalog().tables().cloned().collect(), texts));
        let calcite = tables_of(&read("tests/pairs/calcite.sql"));
        let sides = |line: &str| -> (Option<String>, Vec<String>) {
            let pair: serde_json::Value = serde_json::from_str(line).expect("a pair");
            let text = |key: &str| pair[key].as_str().map(str::to_owned);
            (text("schema"), ["q1", "q2"].into_iter().filter_map(text).collect())
        };
        let pairs = read("tests/pairs/calcite.jsonl");
        batches.push((calcite, pairs.lines().flat_map(|line| sides(line).1).collect()));
        for line in read("tests/pairs/cockroach.jsonl").lines() {
            let (schema, texts) = sides(line);
            batches.push((tables_of(&schema.unwrap_or_default()), texts));
        }
        let (mut n_sure, mut n_unsure) = (0, 0);
        let mut faults = Vec::new();
        for (tables, texts) in batches {
            made(&engine, &tables);
            for (text, found) in texts.iter().zip(found(&engine, &texts, &tables)) {
                match found {
                    Found::Nothing => {}
                    Found::Unsure => n_unsure += 1,
                    Found::Sure(ours, theirs) => {
                        n_sure += 1;
                        let is_same = |(ours, theirs): (&String, &String)| ours.eq_ignore_ascii_case(theirs);
                        if ours.len() != theirs.len() || !ours.iter().zip(&theirs).all(is_same) {
                            faults.push(format!("{text}\n  DuckDB {theirs:?}\n  found {ours:?}"));
                        }
                    }
                }
            }
        }
        println!("{n_sure} queries with sure names, {n_unsure} with guessed ones");
        assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
        assert!(n_sure >= MIN_SURE, "{n_sure} queries have sure names");
    });
}

/// Queries of all files whose columns have sure names; may only rise.
const MIN_SURE: usize = 2200;
