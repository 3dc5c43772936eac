//! A session of embedded DuckDB.
//!
//! Everything is made in memory. A database file of the user is attached read-only under
//! [`SOURCE`], so it never changes; an in-memory database takes its usual name (the file's stem)
//! and holds a view of each of its tables. Names in models resolve as in the user's own session,
//! qualified or not, and results shadow what they replace.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use arrow::array::{Array, Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use duckdb::Connection;
use isomer_ir::Materialise;

use crate::EngineError;
use crate::name::{RelationName, quoted, text_literal};

/// Name under which a user's database file is attached, read-only.
pub(crate) const SOURCE: &str = "isomer_source";

/// DuckDB's own databases; a file of such a name keeps the in-memory database's name.
const RESERVED: [&str; 4] = ["memory", "temp", "system", SOURCE];

/// A DuckDB connection with its time limit.
pub(crate) struct Duck {
    connection: Connection,
    timeout: Option<Duration>,
}

impl Duck {
    pub(crate) fn open(database: Option<&Path>) -> Result<Self, EngineError> {
        let connection = Connection::open_in_memory().map_err(EngineError::duckdb("open an in-memory database"))?;
        let duck = Self { connection, timeout: None };
        // Extensions are never fetched: a run does not open the network.
        duck.execute("SET autoinstall_known_extensions = false")?;
        // Builds without ICU have no such setting and print instants in UTC anyway.
        let _ = duck.execute("SET TimeZone = 'UTC'");
        if let Some(path) = database {
            duck.attach(path)?;
        }
        Ok(duck)
    }

    pub(crate) fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    pub(crate) fn execute(&self, sql: &str) -> Result<(), EngineError> {
        self.limited(|| self.connection.execute_batch(sql).map_err(EngineError::duckdb("run the statement")))
    }

    /// All rows; the schema is known also when there are none.
    pub(crate) fn query(&self, sql: &str) -> Result<(SchemaRef, Vec<RecordBatch>), EngineError> {
        self.limited(|| {
            let failed = || EngineError::duckdb("run the query");
            let mut statement = self.connection.prepare(sql).map_err(failed())?;
            statement.execute([]).map_err(failed())?;
            let schema = statement.schema();
            let mut batches = Vec::new();
            while let Some(rows) = statement.step().map_err(failed())? {
                let batch = RecordBatch::from(&rows);
                // The chunk's own schema lacks what only the statement knows, for example zones.
                let batch = RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()).unwrap_or(batch);
                batches.push(batch);
            }
            Ok((schema, batches))
        })
    }

    /// Bytes that DuckDB would take at most: a share of the memory of the machine.
    pub(crate) fn memory_limit(&self) -> Option<usize> {
        let rows = self.texts("SELECT current_setting('memory_limit')").ok()?;
        memory_size(rows.first()?.first()?.as_deref()?)
    }

    /// The first value of the first row, if it is a `BIGINT`.
    pub(crate) fn query_count(&self, sql: &str) -> Result<Option<u64>, EngineError> {
        let (_, batches) = self.query(sql)?;
        let count = batches.first().filter(|batch| batch.num_columns() > 0 && batch.num_rows() > 0).and_then(|batch| {
            let values = batch.column(0).as_any().downcast_ref::<Int64Array>()?;
            values.is_valid(0).then(|| values.value(0))
        });
        Ok(count.and_then(|count| u64::try_from(count).ok()))
    }

    /// Makes a relation, in the place of one of that name. Rows, for a stored one.
    pub(crate) fn create(&self, name: &str, how: Materialise, select: &str) -> Result<Option<u64>, EngineError> {
        let relation = self.prepare_name(name)?;
        self.drop_relation(name)?;
        let sql = relation.sql();
        match how {
            Materialise::Table => self.query_count(&format!("CREATE TABLE {sql} AS {select}")),
            // DuckDB keeps temporary tables in one schema only; everything here lives in memory,
            // so a qualified one is an ordinary table.
            Materialise::Temp if relation.schema.is_some() => {
                self.query_count(&format!("CREATE TABLE {sql} AS {select}"))
            }
            Materialise::Temp => self.query_count(&format!("CREATE TEMP TABLE {sql} AS {select}")),
            Materialise::View | Materialise::Ephemeral => {
                self.execute(&format!("CREATE VIEW {sql} AS {select}")).map(|()| None)
            }
        }
    }

    /// Removes what this session made under a name; nothing of that name is no error.
    pub(crate) fn drop_relation(&self, name: &str) -> Result<(), EngineError> {
        let relation = RelationName::parse(name)?;
        for (schema, is_view) in self.made(&relation)? {
            let word = if is_view { "VIEW" } else { "TABLE" };
            self.execute(&format!("DROP {word} IF EXISTS {schema}.{}", quoted(&relation.table)))?;
        }
        Ok(())
    }

    pub(crate) fn table_row_count(&self, name: &str) -> Result<u64, EngineError> {
        let relation = RelationName::parse(name)?;
        if !self.exists(&relation)? {
            return Err(EngineError::UnknownRelation(name.to_owned()));
        }
        let count = self.query_count(&format!("SELECT count(*) FROM {}", relation.sql()))?;
        Ok(count.unwrap_or(0))
    }

    /// Whether a table or view of this name can be read.
    pub(crate) fn exists(&self, relation: &RelationName) -> Result<bool, EngineError> {
        let sql = format!("SELECT count(*) FROM (SELECT * FROM {} LIMIT 0)", relation.sql());
        match self.connection.prepare(&sql) {
            Ok(_) => Ok(true),
            Err(error) if error.to_string().contains("does not exist") => Ok(false),
            Err(source) => Err(EngineError::DuckDb { action: format!("read `{}`", relation.table), source }),
        }
    }

    /// Makes the schema and the database that a name mentions, if they are missing.
    pub(crate) fn prepare_name(&self, name: &str) -> Result<RelationName, EngineError> {
        let relation = RelationName::parse(name)?;
        if let Some(database) = &relation.database {
            let databases = "SELECT count(*) FROM duckdb_databases() WHERE lower(database_name) = lower(";
            if self.query_count(&format!("{databases}{})", text_literal(database)))? == Some(0) {
                self.execute(&format!("ATTACH ':memory:' AS {}", quoted(database)))?;
            }
        }
        if let Some(schema) = &relation.schema {
            let database = relation.database.as_deref().map(|name| format!("{}.", quoted(name))).unwrap_or_default();
            self.execute(&format!("CREATE SCHEMA IF NOT EXISTS {database}{}", quoted(schema)))?;
        }
        Ok(relation)
    }

    /// Quoted `database.schema` and whether it is a view, for each relation of a name that this
    /// session made, temporary ones first. The user's file is left out.
    fn made(&self, relation: &RelationName) -> Result<Vec<(String, bool)>, EngineError> {
        let name = text_literal(&relation.table);
        let schema = relation.schema.as_deref().map_or("current_schema()".to_owned(), text_literal);
        let database = relation.database.as_deref().map_or("current_database()".to_owned(), text_literal);
        let here = format!(
            "((lower(database_name) = lower({database}) AND lower(schema_name) = lower({schema})) \
             OR (database_name = 'temp' AND {}))",
            relation.schema.is_none()
        );
        let mut found = Vec::new();
        for (function, column, is_view) in
            [("duckdb_tables()", "table_name", false), ("duckdb_views()", "view_name", true)]
        {
            let sql = format!(
                "SELECT database_name, schema_name FROM {function} \
                 WHERE lower({column}) = lower({name}) AND NOT internal AND database_name <> '{SOURCE}' AND {here} \
                 ORDER BY database_name = 'temp' DESC"
            );
            for row in self.texts(&sql)? {
                if let [Some(database), Some(schema)] = row.as_slice() {
                    found.push((format!("{}.{}", quoted(database), quoted(schema)), is_view));
                }
            }
        }
        Ok(found)
    }

    /// Rows of a query whose columns are texts.
    pub(crate) fn texts(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, EngineError> {
        let (_, batches) = self.query(sql)?;
        let mut rows = Vec::new();
        for batch in &batches {
            let columns = batch
                .columns()
                .iter()
                .map(|column| arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8))
                .collect::<Result<Vec<_>, _>>()
                .map_err(EngineError::arrow("read a result as text"))?;
            for row in 0..batch.num_rows() {
                let values = columns.iter().map(|column| {
                    let column = column.as_any().downcast_ref::<arrow::array::StringArray>()?;
                    column.is_valid(row).then(|| column.value(row).to_owned())
                });
                rows.push(values.collect());
            }
        }
        Ok(rows)
    }

    fn attach(&self, path: &Path) -> Result<(), EngineError> {
        if !path.is_file() {
            return Err(EngineError::NoDatabase(path.to_path_buf()));
        }
        self.execute(&format!("ATTACH {} AS {SOURCE} (READ_ONLY)", text_literal(&path.to_string_lossy())))?;
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let database = if stem.is_empty() || RESERVED.contains(&stem.to_lowercase().as_str()) {
            "memory".to_owned()
        } else {
            self.execute(&format!("ATTACH ':memory:' AS {}", quoted(&stem)))?;
            stem
        };
        self.execute(&format!("USE {}", quoted(&database)))?;
        let relations = format!(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = '{SOURCE}' AND NOT internal \
             UNION ALL \
             SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = '{SOURCE}' AND NOT internal"
        );
        for row in self.texts(&relations)? {
            if let [Some(schema), Some(table)] = row.as_slice() {
                let (schema, table) = (quoted(schema), quoted(table));
                self.execute(&format!("CREATE SCHEMA IF NOT EXISTS {schema}"))?;
                // A view of the file that cannot be bound here is not offered: the model that
                // reads it then fails by its name.
                let _ = self.execute(&format!("CREATE VIEW {schema}.{table} AS FROM {SOURCE}.{schema}.{table}"));
            }
        }
        // Macros of the file are found behind the session's own.
        let path = format!("{}.main,{SOURCE}.main", quoted(&database));
        self.execute(&format!("SET search_path = {}", text_literal(&path)))
    }

    /// Runs `work` and interrupts the connection when the time limit passes.
    fn limited<T>(&self, work: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
        let Some(timeout) = self.timeout else { return work() };
        let handle = self.connection.interrupt_handle();
        let is_late = Arc::new(AtomicBool::new(false));
        let (finished, waiting) = channel::<()>();
        let watch = {
            let is_late = Arc::clone(&is_late);
            std::thread::Builder::new().name("isomer-timeout".to_owned()).spawn(move || {
                if waiting.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout) {
                    is_late.store(true, Ordering::SeqCst);
                    handle.interrupt();
                }
            })
        }
        .map_err(EngineError::io("start the thread that watches the time limit"))?;
        let result = work();
        drop(finished);
        // Joined, so that a late interrupt cannot hit the next statement.
        let _ = watch.join();
        if result.is_err() && is_late.load(Ordering::SeqCst) { Err(EngineError::Timeout(timeout)) } else { result }
    }
}

/// Bytes of a size as DuckDB writes it, such as `18.7 GiB`.
fn memory_size(text: &str) -> Option<usize> {
    let (number, unit) = text.split_once(' ')?;
    let power = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"].iter().position(|known| *known == unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let tenths = whole.parse::<usize>().ok()?.checked_mul(10)? + fraction.get(..1)?.parse::<usize>().ok()?;
    Some(tenths.checked_mul(1 << (10 * power))? / 10)
}

impl std::fmt::Debug for Duck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Duck").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
