//! One engine seen from outside: the same calls for DuckDB and DataFusion.

use std::path::Path;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use isomer_ir::{DataType, Dialect, Materialise, SourceData, Table};

use crate::duck::Duck;
use crate::fusion::Fusion;
use crate::name::RelationName;
use crate::types::from_duckdb_name;
use crate::{EngineError, load};

/// An embedded engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// DuckDB 1.5.
    DuckDb,
    /// DataFusion 54.
    DataFusion,
}

impl EngineKind {
    /// Every embedded engine.
    pub const ALL: [Self; 2] = [Self::DuckDb, Self::DataFusion];

    /// The lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DuckDb => "duckdb",
            Self::DataFusion => "datafusion",
        }
    }

    /// The dialect that the engine reads.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        match self {
            Self::DuckDb => Dialect::DuckDb,
            Self::DataFusion => Dialect::DataFusion,
        }
    }

    /// The embedded engine that reads a dialect, if there is one.
    #[must_use]
    pub fn of_dialect(dialect: Dialect) -> Option<Self> {
        match dialect {
            Dialect::DuckDb => Some(Self::DuckDb),
            Dialect::DataFusion => Some(Self::DataFusion),
            Dialect::Postgres | Dialect::Spark | Dialect::Snowflake | Dialect::BigQuery => None,
        }
    }
}

/// A session of an embedded engine.
///
/// All results are kept in memory. A database file is opened read-only, its relations can be
/// read under the names that they have in it, and what a run makes shadows them there.
/// A statement that fails leaves the session usable.
#[derive(Debug)]
pub struct Engine(Session);

#[derive(Debug)]
enum Session {
    DuckDb(Box<Duck>),
    DataFusion(Box<Fusion>),
}

/// A column of a relation in an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedColumn {
    /// As the engine has it.
    pub name: String,
    /// Its type; `Unknown` for one that is not modelled.
    pub data_type: DataType,
}

impl Engine {
    /// Opens a session, in memory or over a DuckDB database file that is only read.
    ///
    /// # Errors
    /// When the file is missing or no DuckDB database, or a session cannot be started.
    pub fn open(kind: EngineKind, database: Option<&Path>) -> Result<Self, EngineError> {
        Ok(Self(match kind {
            EngineKind::DuckDb => Session::DuckDb(Box::new(Duck::open(database)?)),
            EngineKind::DataFusion => Session::DataFusion(Box::new(Fusion::open(database)?)),
        }))
    }

    /// Which engine this is.
    #[must_use]
    pub fn kind(&self) -> EngineKind {
        match &self.0 {
            Session::DuckDb(_) => EngineKind::DuckDb,
            Session::DataFusion(_) => EngineKind::DataFusion,
        }
    }

    /// Limits the time of each later statement; `None` lifts the limit.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        match &mut self.0 {
            Session::DuckDb(duck) => duck.set_timeout(timeout),
            Session::DataFusion(fusion) => fusion.set_timeout(timeout),
        }
    }

    /// Runs a statement for its effect.
    ///
    /// # Errors
    /// When the engine refuses it or the time limit passes.
    pub fn execute(&self, sql: &str) -> Result<(), EngineError> {
        match &self.0 {
            Session::DuckDb(duck) => duck.execute(sql),
            Session::DataFusion(fusion) => fusion.execute(sql),
        }
    }

    /// The rows of a query: at least one batch, which is empty when there are none.
    ///
    /// # Errors
    /// When the engine refuses it or the time limit passes.
    pub fn query(&self, sql: &str) -> Result<Vec<RecordBatch>, EngineError> {
        let (schema, batches) = self.query_with_schema(sql)?;
        Ok(if batches.is_empty() { vec![RecordBatch::new_empty(schema)] } else { batches })
    }

    /// The schema of a query and its rows, in batches that hold at least one row.
    ///
    /// # Errors
    /// When the engine refuses it or the time limit passes.
    pub fn query_with_schema(&self, sql: &str) -> Result<(SchemaRef, Vec<RecordBatch>), EngineError> {
        match &self.0 {
            Session::DuckDb(duck) => duck.query(sql),
            Session::DataFusion(fusion) => fusion.query(sql),
        }
    }

    /// Makes a relation of a query, in the place of one of that name. The number of rows, for a
    /// stored one.
    ///
    /// `name` is written as in SQL; schemas and databases that it mentions are made in memory.
    /// [`Materialise::Ephemeral`] makes a view: something has to answer to the name.
    ///
    /// # Errors
    /// When the name is none, the engine refuses the query or the time limit passes.
    pub fn create(&self, name: &str, how: Materialise, select_sql: &str) -> Result<Option<u64>, EngineError> {
        let select_sql = select_sql.trim_end().trim_end_matches(';');
        match &self.0 {
            Session::DuckDb(duck) => duck.create(name, how, select_sql),
            Session::DataFusion(fusion) => fusion.create(name, how, select_sql),
        }
    }

    /// Removes what the session made under a name; nothing of that name is no error.
    ///
    /// # Errors
    /// When the name is none or the engine refuses.
    pub fn drop_relation(&self, name: &str) -> Result<(), EngineError> {
        match &self.0 {
            Session::DuckDb(duck) => duck.drop_relation(name),
            Session::DataFusion(fusion) => fusion.drop_relation(name),
        }
    }

    /// Rows of a table or view, counted.
    ///
    /// # Errors
    /// When nothing has the name, or its view fails.
    pub fn table_row_count(&self, name: &str) -> Result<u64, EngineError> {
        match &self.0 {
            Session::DuckDb(duck) => duck.table_row_count(name),
            Session::DataFusion(fusion) => fusion.table_row_count(name),
        }
    }

    /// The columns of a relation, in order.
    ///
    /// # Errors
    /// When nothing has the name.
    pub fn describe(&self, name: &str) -> Result<Vec<DescribedColumn>, EngineError> {
        match &self.0 {
            Session::DuckDb(duck) => {
                let relation = RelationName::parse(name)?;
                let rows =
                    duck.texts(&format!("SELECT column_name, column_type FROM (DESCRIBE {})", relation.sql()))?;
                let columns = rows.into_iter().filter_map(|row| {
                    let [Some(name), Some(type_name)] = <[Option<String>; 2]>::try_from(row).ok()? else { return None };
                    Some(DescribedColumn { data_type: from_duckdb_name(&type_name), name })
                });
                Ok(columns.collect())
            }
            Session::DataFusion(fusion) => {
                let schema = fusion.schema_of(name)?;
                let columns = schema.fields().iter().map(|field| DescribedColumn {
                    name: field.name().clone(),
                    data_type: load::from_arrow(field.data_type()),
                });
                Ok(columns.collect())
            }
        }
    }

    /// Gives a source table its rows: from the connected database, a file or a generator.
    /// Returns their number where it is known without counting.
    ///
    /// Rows are cast to the declared types, and a NULL in a column that is declared NOT NULL is
    /// an error: rules lean on it. Declared keys are not searched for duplicates.
    ///
    /// # Errors
    /// When the rows cannot be read or made, or do not fit the declaration.
    pub fn load(&self, table: &Table, data: &SourceData, base_dir: &Path) -> Result<Option<u64>, EngineError> {
        match &self.0 {
            Session::DuckDb(duck) => load::into_duckdb(duck, table, data, base_dir),
            Session::DataFusion(fusion) => load::into_datafusion(fusion, table, data, base_dir),
        }
    }

    /// Runs a Substrait plan; DataFusion only. Only relations of the session can be read.
    ///
    /// # Errors
    /// When the plan cannot be read, reads something else, or fails.
    pub fn run_substrait(&self, bytes: &[u8]) -> Result<Vec<RecordBatch>, EngineError> {
        match &self.0 {
            Session::DuckDb(_) => Err(EngineError::Unsupported { engine: "duckdb", action: "run Substrait plans" }),
            Session::DataFusion(fusion) => fusion.run_substrait(bytes),
        }
    }

    /// Keeps the rows of a Substrait plan as a table, in the place of one of that name; their number.
    /// DataFusion only. This is how a pipeline of plans is run: a later plan reads the table by name.
    ///
    /// # Errors
    /// When the name is none, or the plan cannot be read, reads something else, or fails.
    pub fn create_from_substrait(&self, name: &str, bytes: &[u8]) -> Result<u64, EngineError> {
        match &self.0 {
            Session::DuckDb(_) => Err(EngineError::Unsupported { engine: "duckdb", action: "run Substrait plans" }),
            Session::DataFusion(fusion) => fusion.create_from_substrait(name, bytes),
        }
    }

    /// The engine's version, for reports.
    ///
    /// # Errors
    /// When the session does not answer.
    pub fn version(&self) -> Result<String, EngineError> {
        match &self.0 {
            Session::DuckDb(duck) => {
                let rows = duck.texts("SELECT version()")?;
                Ok(rows.into_iter().flatten().flatten().next().unwrap_or_default())
            }
            Session::DataFusion(_) => Ok(datafusion::DATAFUSION_VERSION.to_owned()),
        }
    }
}
