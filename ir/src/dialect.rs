//! Dialects: which engine a text is written in or for, and the facts that decide what it means.

use std::fmt;

/// A SQL dialect with the version and settings that `docs` state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// DuckDB 1.5.
    DuckDb,
    /// DataFusion 54 with `parse_float_as_decimal`.
    DataFusion,
    /// PostgreSQL 15.
    Postgres,
    /// Spark 4 with ANSI mode.
    Spark,
    /// Snowflake with its default parameters. Read, not written.
    Snowflake,
    /// BigQuery (GoogleSQL). Read, not written.
    BigQuery,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 6] =
        [Self::DuckDb, Self::DataFusion, Self::Postgres, Self::Spark, Self::Snowflake, Self::BigQuery];

    /// The dialects that changed models are written in; what nothing changes keeps its text in any.
    pub const WRITTEN: [Self; 4] = [Self::DuckDb, Self::DataFusion, Self::Postgres, Self::Spark];

    /// The lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DuckDb => "duckdb",
            Self::DataFusion => "datafusion",
            Self::Postgres => "postgres",
            Self::Spark => "spark",
            Self::Snowflake => "snowflake",
            Self::BigQuery => "bigquery",
        }
    }

    /// The dialect of a name, a dbt adapter type or a usual alias; case does not matter.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_lowercase().as_str() {
            "duckdb" | "motherduck" => Self::DuckDb,
            "datafusion" => Self::DataFusion,
            "postgres" | "postgresql" => Self::Postgres,
            "spark" | "databricks" | "sparksql" => Self::Spark,
            "snowflake" => Self::Snowflake,
            "bigquery" | "googlesql" => Self::BigQuery,
            _ => return None,
        })
    }

    /// Whether NULLs stand first when an order does not say (`dialects.md` row 20).
    #[must_use]
    pub fn is_nulls_first(self, is_descending: bool) -> bool {
        match self {
            Self::DuckDb => false,
            Self::Postgres | Self::DataFusion | Self::Snowflake => is_descending,
            Self::Spark | Self::BigQuery => !is_descending,
        }
    }

    /// Whether changed models can be written in the dialect.
    #[must_use]
    pub fn is_written(self) -> bool {
        Self::WRITTEN.contains(&self)
    }

    /// Whether `/` between integers gives a fraction (row 10).
    #[must_use]
    pub fn is_integer_division_fractional(self) -> bool {
        matches!(self, Self::DuckDb | Self::Spark | Self::Snowflake | Self::BigQuery)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
