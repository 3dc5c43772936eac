//! Run SQL or a plan somewhere: embedded DuckDB and DataFusion, data for them, and the comparison
//! of what they return.
//!
//! Both engines speak Arrow 58. DuckDB reads every file and makes every generated row, also for
//! DataFusion, so that both see the same data. Nothing here changes a user's database, and the network
//! is opened to read the schema of a PostgreSQL server that a project names, by its own client.

mod compare;
mod database;
mod duck;
mod engine;
mod error;
mod fusion;
mod generate;
mod load;
mod name;
mod pipeline;
mod postgres;
mod types;
mod values;

pub use arrow::array::RecordBatch;
pub use arrow::datatypes::SchemaRef;
pub use compare::{Comparison, DEFAULT_TOLERANCE, compare};
pub use database::catalog_of_database;
pub use engine::{DescribedColumn, Engine, EngineKind};
pub use error::EngineError;
pub use generate::GENERATORS;
pub use pipeline::{Event, Statement, StepError, StepRun, run_statements};
pub use postgres::{Postgres, TextRows, catalog_of_postgres};
pub use values::values;
