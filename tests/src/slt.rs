//! Files of `tests/slt` in the format of `sqllogictest`, run in several ways: each query as it is
//! written, and as it is spelled for an engine from its bound and from its optimised plan.
//!
//! A file lies in the folder of the dialect that its queries are written in.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use isomer_codegen::to_sql;
use isomer_engines::{Engine, EngineKind, RecordBatch, values};
use isomer_frontend::{ProjectFiles, read_schema};
use isomer_ir::semantics::Value;
use isomer_ir::{Bound, Dialect, Materialise, SourceData, Table};
use isomer_service::execute::causes;
use isomer_service::optimize::{self, Optimised, Request};
use serde_json::json;
use sqllogictest::{ColumnType, Condition, DBOutput, DefaultColumnType, QueryExpect, Record, Runner, parse_file};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::repository;

/// The variable that writes expected rows anew, from DuckDB.
pub const UPDATE: &str = "UPDATE_SLT";

/// How a query becomes rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Its text on DuckDB.
    AsWritten,
    /// The bound plan, spelled for an engine.
    Bound(EngineKind),
    /// The optimised plan, spelled for an engine.
    Optimised(EngineKind),
}

impl Way {
    fn engine(self) -> EngineKind {
        match self {
            Self::AsWritten => EngineKind::DuckDb,
            Self::Bound(kind) | Self::Optimised(kind) => kind,
        }
    }
}

/// Files of a dialect with the queries written in it, by name.
///
/// # Panics
///
/// When the folder cannot be read.
#[must_use]
pub fn files_of(dialect: Dialect) -> Vec<PathBuf> {
    let folder = repository("tests/slt").join(dialect.name());
    let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|end| end == "slt")).collect();
    files.sort();
    files
}

/// The records of a file, those of included files among them.
///
/// # Panics
///
/// When the file is not of the format.
#[must_use]
pub fn records(path: &Path) -> Vec<Record<DefaultColumnType>> {
    parse_file(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs a file one way; what is wrong, one text a record.
///
/// # Panics
///
/// When the file is not of the format.
#[must_use]
pub fn faults(path: &Path, dialect: Dialect, way: Way) -> Vec<String> {
    let mut runner = runner(dialect, way);
    let run = |record| runner.run(record).err().map(|error| format!("{way:?}: {}", error.display(false)));
    records(path).into_iter().filter_map(run).collect()
}

/// Queries that a file keeps from an engine although they give its rows.
///
/// # Panics
///
/// When the file is not of the format.
#[must_use]
pub fn refused_and_not(path: &Path, dialect: Dialect, way: Way, label: &str) -> Vec<String> {
    let mut runner = runner(dialect, way);
    let mut found = Vec::new();
    for mut record in records(path) {
        let is_kept = |condition: &Condition| matches!(condition, Condition::SkipIf { label: of } if of == label);
        let text = match &mut record {
            Record::Query { conditions, sql, .. } if conditions.iter().any(is_kept) => {
                conditions.clear();
                Some(sql.clone())
            }
            _ => None,
        };
        let is_run = runner.run(record).is_ok();
        found.extend(text.filter(|_| is_run));
    }
    found
}

/// Writes the expected rows of a file anew: DuckDB's, of the text where it is DuckDB's own.
///
/// # Panics
///
/// When the file is not of the format or cannot be written.
pub fn update(path: &Path, dialect: Dialect) {
    let way = if dialect == Dialect::DuckDb { Way::AsWritten } else { Way::Bound(EngineKind::DuckDb) };
    let validator = sqllogictest::default_validator;
    let columns = sqllogictest::strict_column_validator;
    let normalizer = sqllogictest::default_normalizer;
    let mut runner = runner(dialect, way);
    let runtime = Runtime::new().expect("a runtime starts");
    let written = runner.update_test_file(path, " ", validator, normalizer, columns);
    runtime.block_on(written).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// A query that cannot be run one way.
#[derive(Debug)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// One way over the tables of a file.
#[derive(Debug)]
pub struct Session {
    way: Way,
    dialect: Dialect,
    /// DuckDB with the tables, which are made by its statements.
    store: Engine,
    /// DataFusion with their rows, from the first query on.
    fusion: Option<Engine>,
    tables: Vec<Table>,
}

fn runner(dialect: Dialect, way: Way) -> Runner<Session, impl sqllogictest::MakeConnection<Conn = Session>> {
    Runner::new(move || async move {
        let store = Engine::open(EngineKind::DuckDb, None).map_err(|error| Refused(causes(&error)))?;
        Ok::<_, Refused>(Session { way, dialect, store, fusion: None, tables: Vec::new() })
    })
}

impl sqllogictest::DB for Session {
    type Error = Refused;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Refused> {
        let word = sql.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        if matches!(word.as_str(), "CREATE" | "INSERT" | "DROP" | "UPDATE") {
            self.store.execute(sql).map_err(|error| Refused(causes(&error)))?;
            self.tables.extend(read_schema(sql, &Arc::from("schema"), Dialect::DuckDb).0.tables().cloned());
            self.fusion = None;
            return Ok(DBOutput::StatementComplete(0));
        }
        let batches = self.rows(sql).map_err(Refused)?;
        let rows = values(&batches).map_err(Refused)?;
        let n_columns = batches.first().map_or(0, |batch| batch.num_columns());
        let types = (0..n_columns).map(|at| type_of(rows.iter().map(|row| &row[at]))).collect();
        Ok(DBOutput::Rows { types, rows: rows.iter().map(|row| row.iter().map(shown).collect()).collect() })
    }

    fn engine_name(&self) -> &str {
        self.way.engine().name()
    }
}

impl Session {
    fn rows(&mut self, text: &str) -> Result<Vec<RecordBatch>, String> {
        if self.way == Way::AsWritten {
            return self.store.query(text).map_err(|error| causes(&error));
        }
        let mut optimised = optimised(text, self.dialect, &self.tables)?;
        let kind = self.way.engine();
        let mut steps = match self.way {
            Way::AsWritten | Way::Bound(_) => vec![(Arc::from("q"), bound(&mut optimised, kind)?)],
            Way::Optimised(_) => pipeline(&mut optimised, kind)?,
        };
        let Some((_, last)) = steps.pop() else { return Err("no step".to_owned()) };
        if kind == EngineKind::DataFusion && self.fusion.is_none() {
            self.fusion = Some(self.copied()?);
        }
        let engine = self.fusion.as_ref().unwrap_or(&self.store);
        let told = |sql: &str, error| format!("{}\n{sql}", causes(&error));
        for (name, sql) in &steps {
            engine.create(name, Materialise::Table, sql).map_err(|error| told(sql, error))?;
        }
        let result = engine.query(&last).map_err(|error| told(&last, error));
        for (name, _) in steps.iter().rev() {
            engine.drop_relation(name).map_err(|error| causes(&error))?;
        }
        result
    }

    /// DataFusion with the rows of the store's tables.
    fn copied(&self) -> Result<Engine, String> {
        let failed = |error| causes(&error);
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let engine = Engine::open(EngineKind::DataFusion, None).map_err(failed)?;
        for table in &self.tables {
            let file = folder.path().join(format!("{}.parquet", table.key));
            let path = file.to_string_lossy().replace('\'', "''");
            self.store.execute(&format!("COPY {} TO '{path}' (FORMAT parquet)", table.sql_name)).map_err(failed)?;
            let data = SourceData::File(Arc::from(file.to_string_lossy()));
            engine.load(table, &data, folder.path()).map_err(failed)?;
        }
        Ok(engine)
    }
}

/// The project of one query.
fn optimised(text: &str, dialect: Dialect, tables: &[Table]) -> Result<Optimised, String> {
    let mut files = ProjectFiles::new();
    files.insert("isomer.yml".to_owned(), json!({"dialect": dialect.name()}).to_string().into_bytes());
    files.insert("models/q.sql".to_owned(), text.as_bytes().to_vec());
    let answer = optimize::run(&Request { files, connected: tables.to_vec(), ..Request::default() });
    let told: Vec<String> = answer.diagnostics.iter().map(|told| told.message.clone()).collect();
    let optimised = answer.optimised.ok_or_else(|| told.join("\n"))?;
    match optimised.project.models.first().map(|model| &model.bound) {
        Some(Bound::Plan(_)) => Ok(optimised),
        Some(Bound::Opaque) | None => Err(format!("not understood: {}", told.join("\n"))),
    }
}

fn bound(optimised: &mut Optimised, kind: EngineKind) -> Result<String, String> {
    let project = &mut optimised.project;
    let Some(Bound::Plan(output)) = project.models.first().map(|model| model.bound.clone()) else {
        return Err("not understood".to_owned());
    };
    to_sql(&output, &mut project.arena, &project.project.catalog, kind.dialect()).map_err(|error| error.to_string())
}

/// Every step by the name that later ones read it by.
fn pipeline(optimised: &mut Optimised, kind: EngineKind) -> Result<Vec<(Arc<str>, String)>, String> {
    let mut steps = Vec::new();
    for step in &optimised.pipeline.steps {
        let Some(output) = &step.output else { return Err(format!("`{}` has no plan", step.name)) };
        let project = &mut optimised.project;
        let sql = to_sql(output, &mut project.arena, &project.project.catalog, kind.dialect())
            .map_err(|error| error.to_string())?;
        let known = optimised.project.project.catalog.get(&step.name).map(|table| Arc::clone(&table.sql_name));
        steps.push((known.unwrap_or_else(|| Arc::clone(&step.name)), sql));
    }
    Ok(steps)
}

fn type_of<'a>(mut values: impl Iterator<Item = &'a Value>) -> DefaultColumnType {
    let letter = match values.find(|value| !value.is_null()) {
        Some(Value::Int(_)) => 'I',
        Some(Value::Decimal { .. } | Value::Float(_)) => 'R',
        Some(Value::Text(_)) => 'T',
        _ => '?',
    };
    DefaultColumnType::from_char(letter).unwrap_or(DefaultColumnType::Any)
}

/// A cell without a space in it. Numbers are shown by their value: engines differ in the scale of
/// decimals and in the last digits of doubles.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Text(text) if text.is_empty() => "(empty)".to_owned(),
        Value::Text(text) => text.replace(' ', "␠").replace('\t', "␉").replace('\n', "␤"),
        Value::Decimal { scale: 0, .. } => value.to_string(),
        Value::Decimal { .. } => value.to_string().trim_end_matches('0').trim_end_matches('.').to_owned(),
        Value::Float(value) if *value == value.trunc() && value.abs() < 1e15 => format!("{value:.0}"),
        Value::Float(value) => {
            let rounded: f64 = format!("{value:.11e}").parse().unwrap_or(*value);
            rounded.to_string()
        }
        Value::List(values) => {
            let parts: Vec<String> = values.iter().map(shown).collect();
            format!("[{}]", parts.join(","))
        }
        Value::Struct(fields) => {
            let parts: Vec<String> = fields.iter().map(|(name, value)| format!("{name}:{}", shown(value))).collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::Map(entries) => {
            let parts: Vec<String> =
                entries.iter().map(|(key, value)| format!("{}={}", shown(key), shown(value))).collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::Boolean(_) | Value::Int(_) => value.to_string(),
        Value::Date(_) | Value::Time(_) | Value::Timestamp(_) | Value::TimestampTz(_) | Value::Interval { .. } => {
            let text = value.to_string();
            let inner = text.split('\'').nth(1).map_or(text.clone(), str::to_owned);
            inner.replace(' ', "␠")
        }
    }
}

/// The queries of the files that have no tables of their own, without those that `skipif random` keeps out:
/// their rows are not determined where rows tie.
///
/// # Panics
///
/// When a file cannot be read.
#[must_use]
pub fn plain_queries() -> Vec<String> {
    queries(false)
}

/// The queries of DuckDB's files that read lists, structs and maps, as [`plain_queries`].
///
/// # Panics
///
/// When a file cannot be read.
#[must_use]
pub fn nested_queries() -> Vec<String> {
    queries(true)
}

fn queries(is_nested: bool) -> Vec<String> {
    let mut texts = Vec::new();
    for path in files_of(Dialect::DuckDb) {
        let records = records(&path);
        let is_own =
            |record: &Record<_>| matches!(record, Record::Statement { loc, .. } if loc.file().ends_with(".slt"));
        let reads_nested =
            |record: &Record<_>| matches!(record, Record::Include { filename, .. } if filename.contains("nested"));
        if records.iter().any(is_own) || records.iter().any(reads_nested) != is_nested {
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
