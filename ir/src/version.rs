//! Time travel: a table as it was.

use std::fmt;

use crate::ScalarId;

/// As of when [`crate::Plan::ScanAt`] reads a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TableVersion {
    /// What the scalar says, and in whose words.
    pub by: VersionBy,
    /// A point in time, a number or a name; it reads no column.
    pub at: ScalarId,
}

/// What a [`TableVersion`] is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VersionBy {
    /// `AT (VERSION => …)`: DuckDB.
    Version,
    /// `AT (TIMESTAMP => …)`: DuckDB, Snowflake.
    Timestamp,
    /// `AT (OFFSET => …)`: Snowflake.
    Offset,
    /// `AT (STATEMENT => …)`: Snowflake.
    Statement,
    /// `BEFORE (TIMESTAMP => …)`: Snowflake.
    BeforeTimestamp,
    /// `BEFORE (OFFSET => …)`: Snowflake.
    BeforeOffset,
    /// `BEFORE (STATEMENT => …)`: Snowflake.
    BeforeStatement,
    /// `VERSION AS OF …`: Spark.
    VersionAsOf,
    /// `TIMESTAMP AS OF …`: Spark.
    TimestampAsOf,
    /// `FOR SYSTEM_TIME AS OF …`: BigQuery.
    SystemAsOf,
}

impl fmt::Display for VersionBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "at version",
            Self::Timestamp => "at timestamp",
            Self::Offset => "at offset",
            Self::Statement => "at statement",
            Self::BeforeTimestamp => "before timestamp",
            Self::BeforeOffset => "before offset",
            Self::BeforeStatement => "before statement",
            Self::VersionAsOf => "version as of",
            Self::TimestampAsOf => "timestamp as of",
            Self::SystemAsOf => "system time as of",
        })
    }
}
