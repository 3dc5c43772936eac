//! A Spark that runs beside a test: one process that `tools/spark/start` makes, told statements and
//! asked for rows. The rows come back as a query that DuckDB reads, so that both engines' results are
//! compared as one engine's.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use isomer_codegen::type_name;
use isomer_engines::{Engine, EngineKind, RecordBatch};
use isomer_ir::semantics::{Database, Value};
use isomer_ir::{DataType, Dialect, StepKind, Table};
use isomer_service::execute::causes;
use isomer_service::optimize::{self, Optimised};

use crate::repository;
use crate::tpcds::cache;

/// The folder of jars that `./x spark` makes.
const JARS: &str = "spark-4.0.1/jars";
/// The variable that names another folder of jars.
pub const OTHER_JARS: &str = "ISOMER_SPARK";

/// A running Spark.
#[derive(Debug)]
pub struct Spark {
    child: Child,
    /// Closed to end it.
    pipes: RefCell<Option<(ChildStdin, BufReader<ChildStdout>)>>,
    /// Reads what Spark answers.
    reader: Engine,
}

impl Spark {
    /// Starts one; `None`, with the reason told, where Spark is not fetched.
    ///
    /// # Panics
    ///
    /// When it is fetched and does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        let jars = std::env::var_os(OTHER_JARS).map(PathBuf::from).or_else(|| Some(cache()?.join(JARS)))?;
        if !jars.is_dir() {
            writeln!(std::io::stdout(), "skipped: Spark is not fetched; `./x spark` fetches it").ok();
            return None;
        }
        let mut child = Command::new(repository("tools/spark/start"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tools/spark/start can be run");
        let stdin = child.stdin.take().expect("a pipe was asked for");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe was asked for"));
        let reader = Engine::open(EngineKind::DuckDb, None).expect("DuckDB starts");
        let spark = Self { child, pipes: RefCell::new(Some((stdin, stdout))), reader };
        let one = spark.ask("SELECT 1 AS one");
        assert!(one.is_ok(), "Spark does not start: {one:?}");
        Some(spark)
    }

    /// Runs a statement; the rows as a query for DuckDB.
    fn ask(&self, sql: &str) -> Result<String, String> {
        let mut pipes = self.pipes.borrow_mut();
        let Some((stdin, stdout)) = &mut *pipes else { return Err("Spark has ended".to_owned()) };
        let gone = |error: std::io::Error| format!("Spark is gone: {error}");
        stdin.write_all(format!("{}\n{sql}", sql.len()).as_bytes()).and_then(|()| stdin.flush()).map_err(gone)?;
        let mut head = String::new();
        stdout.read_line(&mut head).map_err(gone)?;
        let (word, length) = head.trim().split_once(' ').ok_or_else(|| format!("Spark is gone: {head}"))?;
        let length: usize = length.parse().map_err(|_| format!("no answer: {head}"))?;
        let mut body = vec![0; length];
        stdout.read_exact(&mut body).map_err(gone)?;
        let body = String::from_utf8(body).map_err(|error| error.to_string())?;
        if word == "rows" { Ok(body) } else { Err(body) }
    }

    /// Runs a statement that gives no rows.
    ///
    /// # Errors
    ///
    /// Spark's words.
    pub fn execute(&self, sql: &str) -> Result<(), String> {
        self.ask(sql).map(|_| ())
    }

    /// The rows of a query.
    ///
    /// # Errors
    ///
    /// Spark's words.
    pub fn query(&self, sql: &str) -> Result<Vec<RecordBatch>, String> {
        let rows = self.ask(sql)?;
        self.reader.query(&rows).map_err(|error| format!("{}\n{rows}", causes(&error)))
    }

    /// Gives Spark the rows of a database, as views over constants.
    ///
    /// # Panics
    ///
    /// When Spark refuses a table.
    pub fn load(&self, tables: &[Table], database: &Database) {
        for table in tables {
            let named = |at: usize| {
                let column = &table.columns[at];
                format!("CAST(c{at} AS {}) AS `{}`", type_of(column.data_type), column.name)
            };
            let columns: Vec<String> = (0..table.columns.len()).map(named).collect();
            let names: Vec<String> = (0..table.columns.len()).map(|at| format!("c{at}")).collect();
            let mut rows: Vec<String> = database.rows(&table.key).iter().map(|row| tuple(row)).collect();
            let limit = if rows.is_empty() { " LIMIT 0" } else { "" };
            if rows.is_empty() {
                rows.push(tuple(&vec![Value::Null; names.len()]));
            }
            let script = format!(
                "CREATE OR REPLACE VIEW {} AS SELECT {} FROM VALUES {} AS v({}){limit}",
                table.sql_name,
                columns.join(", "),
                rows.join(", "),
                names.join(", ")
            );
            self.execute(&script).unwrap_or_else(|error| panic!("{script}: {error}"));
        }
    }

    /// Gives Spark the rows that a relation has on DuckDB, by a file.
    ///
    /// # Panics
    ///
    /// When one of both refuses.
    pub fn load_from(&self, engine: &Engine, relation: &str, name: &str, folder: &std::path::Path) {
        let key: String = name.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
        let path = folder.join(format!("{key}.parquet"));
        let copy = format!("COPY (FROM {relation}) TO '{}' (FORMAT parquet)", path.display());
        engine.execute(&copy).unwrap_or_else(|error| panic!("{copy}: {}", causes(&error)));
        let query = format!("SELECT * FROM parquet.`{}`", path.display());
        self.create(name, &query).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

impl Drop for Spark {
    fn drop(&mut self) {
        self.pipes.replace(None);
        let _ = self.child.wait();
    }
}

fn type_of(data_type: DataType) -> String {
    type_name(data_type, Dialect::Spark).unwrap_or_else(|_| "STRING".to_owned())
}

fn tuple(row: &[Value]) -> String {
    let cells: Vec<String> = row.iter().map(literal).collect();
    format!("({})", cells.join(", "))
}

fn literal(value: &Value) -> String {
    match value {
        Value::Text(text) => text_literal(text),
        Value::Float(value) => format!("CAST('{value}' AS DOUBLE)"),
        other => other.to_string(),
    }
}

fn text_literal(text: &Arc<str>) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The statements of a pipeline in Spark's words, without opaque models: name, text or why there is none, whether it is a model.
#[must_use]
pub fn pipeline(optimised: &mut Optimised) -> Vec<(Arc<str>, Result<String, String>, bool)> {
    let mut statements = Vec::new();
    for step in optimised.pipeline.steps.iter().filter(|step| step.kind != StepKind::Opaque) {
        let sql = optimize::spell_sql(&mut optimised.project, step, Dialect::Spark);
        let sql = sql.map(|sql| sql.to_string()).map_err(|fault| format!("{} {}", fault.code, fault.message));
        let model = optimised.project.project.models.iter().find(|model| model.name == step.name);
        let table = optimised.project.project.catalog.get(&step.name).map(|table| &table.sql_name);
        let name = model.map(|model| &model.sql_name).or(table).unwrap_or(&step.name);
        statements.push((Arc::clone(name), sql, model.is_some()));
    }
    statements
}

impl Spark {
    /// Keeps a query under a name, in a database that is made where the name has one.
    ///
    /// # Errors
    ///
    /// Spark's words.
    pub fn create(&self, name: &str, sql: &str) -> Result<(), String> {
        if let Some((database, _)) = name.rsplit_once('.') {
            self.execute(&format!("CREATE DATABASE IF NOT EXISTS {database}"))?;
        }
        self.execute(&format!("CREATE OR REPLACE VIEW {name} AS {sql}"))
    }
}
