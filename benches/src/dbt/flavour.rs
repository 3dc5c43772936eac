//! How each adapter's SQL spells what models say.

use super::model::Kind;

/// The adapter of a generated project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// dbt-duckdb.
    DuckDb,
    /// dbt-snowflake.
    Snowflake,
    /// dbt-bigquery.
    BigQuery,
}

impl Flavour {
    /// Every flavour.
    pub const ALL: [Self; 3] = [Self::DuckDb, Self::Snowflake, Self::BigQuery];

    /// What dbt calls the adapter.
    #[must_use]
    pub fn adapter(self) -> &'static str {
        match self {
            Self::DuckDb => "duckdb",
            Self::Snowflake => "snowflake",
            Self::BigQuery => "bigquery",
        }
    }

    pub(super) fn relation(self, schema: &str, table: &str) -> String {
        match self {
            Self::DuckDb => format!("\"dev\".\"{schema}\".\"{table}\""),
            Self::Snowflake => format!("analytics.{schema}.{table}"),
            Self::BigQuery => format!("`analytics`.`{schema}`.`{table}`"),
        }
    }

    pub(super) fn data_type(self, kind: Kind) -> &'static str {
        match (kind, self) {
            (Kind::Key, Self::DuckDb) => "BIGINT",
            (Kind::Key | Kind::Int, Self::Snowflake) => "NUMBER(18,0)",
            (Kind::Key | Kind::Int, Self::BigQuery) => "INT64",
            (Kind::Int, Self::DuckDb) => "INTEGER",
            (Kind::Money, Self::DuckDb) => "DECIMAL(12,2)",
            (Kind::Money, Self::Snowflake) => "NUMBER(12,2)",
            (Kind::Money, Self::BigQuery) => "NUMERIC",
            (Kind::Total, Self::DuckDb) => "DECIMAL(38,2)",
            (Kind::Total, Self::Snowflake) => "NUMBER(38,2)",
            (Kind::Total, Self::BigQuery) => "NUMERIC",
            (Kind::Text, Self::DuckDb | Self::Snowflake) => "VARCHAR",
            (Kind::Text, Self::BigQuery) => "STRING",
            (Kind::Date, _) => "DATE",
            (Kind::Time, Self::DuckDb) => "TIMESTAMP",
            (Kind::Time, Self::Snowflake) => "TIMESTAMP_NTZ",
            (Kind::Time, Self::BigQuery) => "DATETIME",
            (Kind::Flag, Self::DuckDb | Self::Snowflake) => "BOOLEAN",
            (Kind::Flag, Self::BigQuery) => "BOOL",
        }
    }

    /// `x` as another type; `is_soft`: NULL where it is none.
    pub(super) fn cast(self, x: &str, kind: Kind, is_soft: bool) -> String {
        let to = self.data_type(kind).to_lowercase();
        match (self, is_soft) {
            (Self::DuckDb | Self::Snowflake, true) => format!("try_cast({x} as {to})"),
            (Self::BigQuery, true) => format!("safe_cast({x} as {to})"),
            (Self::BigQuery, false) => format!("cast({x} as {to})"),
            (Self::DuckDb | Self::Snowflake, false) => format!("{x}::{to}"),
        }
    }

    pub(super) fn month(self, date: &str) -> String {
        match self {
            Self::DuckDb => format!("date_trunc('month', {date})::date"),
            Self::Snowflake => format!("date_trunc('month', {date})"),
            Self::BigQuery => format!("date_trunc({date}, month)"),
        }
    }

    pub(super) fn days_between(self, from: &str, to: &str) -> String {
        match self {
            Self::DuckDb => format!("date_diff('day', {from}, {to})"),
            Self::Snowflake => format!("datediff('day', {from}, {to})"),
            Self::BigQuery => format!("date_diff({to}, {from}, day)"),
        }
    }

    pub(super) fn later(self, date: &str, days: usize) -> String {
        match self {
            Self::DuckDb => format!("({date} + interval {days} day)::date"),
            Self::Snowflake => format!("dateadd('day', {days}, {date})"),
            Self::BigQuery => format!("date_add({date}, interval {days} day)"),
        }
    }

    pub(super) fn count_if(self, condition: &str) -> String {
        match self {
            Self::DuckDb => format!("count(*) filter (where {condition})"),
            Self::Snowflake => format!("count_if({condition})"),
            Self::BigQuery => format!("countif({condition})"),
        }
    }

    pub(super) fn all_but(self, column: &str) -> String {
        match self {
            Self::DuckDb | Self::Snowflake => format!("* exclude ({column})"),
            Self::BigQuery => format!("* except ({column})"),
        }
    }

    /// Whether an alias may be read in the select list that makes it.
    pub(super) fn has_lateral_aliases(self) -> bool {
        self != Self::BigQuery
    }

    pub(super) fn either(self, condition: &str, one: &str, other: &str) -> String {
        match self {
            Self::Snowflake => format!("iff({condition}, {one}, {other})"),
            Self::DuckDb | Self::BigQuery => format!("if({condition}, {one}, {other})"),
        }
    }

    /// The part of a text that a pattern finds.
    pub(super) fn digits_of(self, text: &str) -> String {
        match self {
            Self::DuckDb => format!("regexp_extract({text}, '[0-9]+')"),
            Self::Snowflake => format!("regexp_substr({text}, '[0-9]+')"),
            Self::BigQuery => format!("regexp_extract({text}, r'[0-9]+')"),
        }
    }
}
