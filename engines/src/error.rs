//! What can go wrong in an engine, with the engine's own text kept as the source.

use std::path::PathBuf;
use std::time::Duration;

use datafusion::error::DataFusionError;

/// Why an engine could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// DuckDB refused a statement; the session stays usable.
    #[error("duckdb cannot {action}")]
    DuckDb {
        /// What was tried, as a verb phrase.
        action: String,
        /// DuckDB's own words.
        #[source]
        source: duckdb::Error,
    },
    /// DataFusion refused a statement; the session stays usable.
    #[error("datafusion cannot {action}")]
    DataFusion {
        /// What was tried, as a verb phrase.
        action: String,
        /// DataFusion's own words.
        #[source]
        source: Box<DataFusionError>,
    },
    /// PostgreSQL or its client refused.
    #[error("postgresql cannot {action}: {told}")]
    Postgres {
        /// What was tried, as a verb phrase.
        action: &'static str,
        /// Its own words.
        told: String,
    },
    /// An Arrow kernel failed between two engines.
    #[error("arrow cannot {action}")]
    Arrow {
        /// What was tried, as a verb phrase.
        action: String,
        /// Arrow's own words.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// The statement took longer than the session allows.
    #[error("the statement took longer than {0:?} and was stopped")]
    Timeout(Duration),
    /// A relation's name has no part, an empty part, an open quote or more than three parts.
    #[error("`{0}` is not a relation name: expected one to three parts joined by `.`")]
    Name(String),
    /// Nothing of this name exists.
    #[error("no table or view `{0}` in the session")]
    UnknownRelation(String),
    /// The source's data are said to be in the connected database, but they are not.
    #[error("source `{0}` is not in the connected database and has no `data:`")]
    NoData(String),
    /// The database file is not there.
    #[error("no database file at `{}`", .0.display())]
    NoDatabase(PathBuf),
    /// The data file's name does not end in a format that is read.
    #[error("cannot tell the format of `{0}`: expected a name ending in .csv, .tsv, .csv.gz, .tsv.gz or .parquet")]
    FileFormat(String),
    /// No generator has this name.
    #[error("unknown generator `{found}`: expected one of {expected}")]
    UnknownGenerator {
        /// The name that was asked for.
        found: String,
        /// The known ones.
        expected: String,
    },
    /// A generator does not have this setting.
    #[error("generator `{generator}` has no setting `{found}`: expected one of {expected}")]
    UnknownSetting {
        /// The generator.
        generator: &'static str,
        /// The setting that was given.
        found: String,
        /// The known ones.
        expected: String,
    },
    /// A setting's value is not of the expected form.
    #[error("setting `{setting}` of generator `{generator}` is `{found}`: expected {expected}")]
    Setting {
        /// The generator.
        generator: &'static str,
        /// The setting.
        setting: String,
        /// Its value.
        found: String,
        /// What it must be.
        expected: String,
    },
    /// A generator cannot make what a table declares.
    #[error("generator `{generator}` cannot make table `{table}`: {reason}")]
    Generator {
        /// The generator.
        generator: &'static str,
        /// The table.
        table: String,
        /// Why not.
        reason: String,
    },
    /// A Substrait plan asks for something that is not run.
    #[error("the plan cannot be run: {0}")]
    Plan(String),
    /// The engine does not do this.
    #[error("{engine} does not {action}")]
    Unsupported {
        /// The engine.
        engine: &'static str,
        /// What it does not do.
        action: &'static str,
    },
    /// A temporary file or thread could not be made.
    #[error("cannot {action}")]
    Io {
        /// What was tried, as a verb phrase.
        action: &'static str,
        /// The system's own words.
        #[source]
        source: std::io::Error,
    },
}

impl EngineError {
    pub(crate) fn duckdb(action: impl Into<String>) -> impl FnOnce(duckdb::Error) -> Self {
        move |source| Self::DuckDb { action: action.into(), source }
    }

    pub(crate) fn datafusion(action: impl Into<String>) -> impl FnOnce(DataFusionError) -> Self {
        move |source| Self::DataFusion { action: action.into(), source: Box::new(source) }
    }

    pub(crate) fn arrow(action: impl Into<String>) -> impl FnOnce(arrow::error::ArrowError) -> Self {
        move |source| Self::Arrow { action: action.into(), source }
    }

    pub(crate) fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, source }
    }
}
