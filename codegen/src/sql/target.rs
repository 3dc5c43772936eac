//! The dialects that SQL is written for. Others are only read.

use isomer_ir::Dialect;

use crate::CodegenError;

/// A dialect that SQL is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    DuckDb,
    DataFusion,
    Postgres,
    Spark,
}

impl Target {
    /// The target of a dialect, or a refusal where nothing is written for it.
    pub(super) fn of(dialect: Dialect) -> Result<Self, CodegenError> {
        Ok(match dialect {
            Dialect::DuckDb => Self::DuckDb,
            Dialect::DataFusion => Self::DataFusion,
            Dialect::Postgres => Self::Postgres,
            Dialect::Spark => Self::Spark,
            Dialect::Snowflake | Dialect::BigQuery => {
                let help = "write for another target; models that nothing changes keep their text";
                return Err(CodegenError::new("GEN-0033", "any changed model", dialect, help));
            }
        })
    }

    /// Whether NULLs stand first when an order does not say.
    pub(super) fn is_nulls_first(self, is_descending: bool) -> bool {
        self.dialect().is_nulls_first(is_descending)
    }

    pub(super) fn dialect(self) -> Dialect {
        match self {
            Self::DuckDb => Dialect::DuckDb,
            Self::DataFusion => Dialect::DataFusion,
            Self::Postgres => Dialect::Postgres,
            Self::Spark => Dialect::Spark,
        }
    }
}
