//! The names of output columns that have no alias.
//!
//! An engine prints its own tree for them. Where that is known the name is sure; elsewhere it is a guess,
//! and nothing may rely on it: see `Catalog::guess_name`.

use std::sync::Arc;

use isomer_ir::{Dialect, fold};
use sqlparser::ast::{BinaryOperator, Expr, Ident};

use crate::duckdb_name::duckdb_name;
use crate::postgres_name::{folded, postgres_name};
use crate::spark_name::spark_name;
use crate::syntax::{bare, operands};

/// A name of a column without an alias.
pub(crate) struct ColumnName {
    /// As the engine shows it, or a guess.
    pub(crate) name: Arc<str>,
    /// The name by which `ORDER BY` finds the column.
    pub(crate) alias: Option<Arc<str>>,
    /// Whether the engine shows just this.
    pub(crate) is_sure: bool,
}

/// The output name of an item without an alias.
pub(crate) fn column_name(expr: &Expr, dialect: Dialect) -> ColumnName {
    let sure = |name: &str| ColumnName { name: Arc::from(name), alias: None, is_sure: true };
    let column = |ident: &Ident| {
        let shown = if dialect == Dialect::Postgres { folded(ident) } else { ident.value.clone() };
        ColumnName { alias: Some(fold(&ident.value)), ..sure(&shown) }
    };
    match bare(expr) {
        Expr::Identifier(ident) => column(ident),
        Expr::CompoundIdentifier(parts) if let Some(last) = parts.last() => column(last),
        expr => {
            let shown = match dialect {
                Dialect::DuckDb => duckdb_name(expr),
                Dialect::Postgres => postgres_name(expr),
                Dialect::Spark => spark_name(expr),
                Dialect::DataFusion | Dialect::Snowflake | Dialect::BigQuery => None,
            };
            if let Some(name) = shown {
                return sure(&name);
            }
            // Printing recurses; what is that long gets a short name.
            let is_short =
                operands(expr, &BinaryOperator::And).len() < 50 && operands(expr, &BinaryOperator::Or).len() < 50;
            let name = if is_short { Arc::from(expr.to_string()) } else { Arc::from("expr") };
            ColumnName { name, alias: None, is_sure: false }
        }
    }
}
