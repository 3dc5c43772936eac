//! The names of output columns that have no alias.
//!
//! An engine prints its own tree for them. Where that is known the name is sure; elsewhere it is a guess,
//! and nothing may rely on it: see `Catalog::guess_name`.

use std::sync::Arc;

use isomer_ir::{Dialect, fold};
use sqlparser::ast::{BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Value};
use sqlparser::keywords::ALL_KEYWORDS;

use crate::syntax::{bare, operands};

/// Most levels of an expression whose name is told.
const MAX_DEPTH: usize = 16;

/// Functions that DuckDB prints as they are called, in small letters.
const PLAIN_FUNCTIONS: &[&str] =
    &["abs", "avg", "concat", "count", "lower", "max", "median", "min", "round", "substr", "sum", "upper"];

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
    match bare(expr) {
        Expr::Identifier(ident) => ColumnName { alias: Some(fold(&ident.value)), ..sure(&ident.value) },
        Expr::CompoundIdentifier(parts) => {
            let name = parts.last().map_or("", |part| part.value.as_str());
            ColumnName { alias: Some(fold(name)), ..sure(name) }
        }
        expr if dialect == Dialect::Postgres => postgres_name(expr),
        expr => {
            if dialect == Dialect::DuckDb
                && let Some(name) = duckdb_name(expr, 0)
            {
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

fn postgres_name(expr: &Expr) -> ColumnName {
    let (name, is_sure): (Arc<str>, bool) = match expr {
        Expr::Function(function) => (Arc::from(function.name.to_string().to_lowercase()), true),
        Expr::Cast { expr, .. } => match bare(expr) {
            Expr::Identifier(ident) => (Arc::from(ident.value.as_str()), true),
            _ => (Arc::from("?column?"), false),
        },
        Expr::Case { else_result, .. } => {
            // The name of an ELSE that has one of its own is the name of all.
            let is_sure = else_result.as_ref().is_none_or(|expr| matches!(bare(expr), Expr::Value(_)));
            (Arc::from("case"), is_sure)
        }
        Expr::BinaryOp { .. } | Expr::Value(_) | Expr::UnaryOp { .. } => (Arc::from("?column?"), true),
        _ => (Arc::from("?column?"), false),
    };
    ColumnName { name, alias: None, is_sure }
}

/// How DuckDB prints an expression, of the kinds whose print is known.
fn duckdb_name(expr: &Expr, depth: usize) -> Option<String> {
    if depth > MAX_DEPTH {
        return None;
    }
    let named = |expr: &Expr| duckdb_name(expr, depth + 1);
    match expr {
        Expr::Nested(inner) => named(inner),
        Expr::Identifier(ident) => plain_word(ident),
        Expr::CompoundIdentifier(parts) => Some(parts.iter().map(plain_word).collect::<Option<Vec<_>>>()?.join(".")),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, false) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                let is_plain = digits.len() < 18 && (digits == "0" || !digits.starts_with('0'));
                is_plain.then(|| digits.clone())
            }
            Value::SingleQuotedString(text) => Some(format!("'{}'", text.replace('\'', "''"))),
            _ => None,
        },
        Expr::BinaryOp { left, op, right } => {
            let word = match op {
                BinaryOperator::Plus => "+",
                BinaryOperator::Minus => "-",
                BinaryOperator::Multiply => "*",
                BinaryOperator::Divide => "/",
                BinaryOperator::Lt => "<",
                BinaryOperator::LtEq => "<=",
                BinaryOperator::Gt => ">",
                BinaryOperator::GtEq => ">=",
                BinaryOperator::Eq => "=",
                BinaryOperator::NotEq => "!=",
                _ => return None,
            };
            Some(format!("({} {word} {})", named(left)?, named(right)?))
        }
        Expr::Case { operand: None, conditions, else_result: Some(otherwise), .. } => {
            let mut text = "CASE ".to_owned();
            for branch in conditions {
                text.push_str(&format!(" WHEN ({}) THEN ({})", named(&branch.condition)?, named(&branch.result)?));
            }
            Some(format!("{text} ELSE {} END", named(otherwise)?))
        }
        Expr::Function(function) => duckdb_call(function, depth),
        _ => None,
    }
}

fn duckdb_call(function: &Function, depth: usize) -> Option<String> {
    let name = function.name.to_string().to_lowercase();
    if name == "count" && function.to_string().to_lowercase() == "count(*)" {
        return Some("count_star()".to_owned());
    }
    let FunctionArguments::List(list) = &function.args else { return None };
    let is_plain = PLAIN_FUNCTIONS.contains(&name.as_str())
        && function.over.is_none()
        && function.filter.is_none()
        && function.null_treatment.is_none()
        && function.within_group.is_empty()
        && matches!(function.parameters, FunctionArguments::None)
        && list.clauses.is_empty()
        && list.duplicate_treatment.is_none();
    if !is_plain {
        return None;
    }
    let args = list.args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => duckdb_name(expr, depth + 1),
        _ => None,
    });
    Some(format!("{name}({})", args.collect::<Option<Vec<_>>>()?.join(", ")))
}

/// A name that is printed as it is written: letters, digits and no word of the language.
fn plain_word(ident: &Ident) -> Option<String> {
    let word = ident.value.as_str();
    let is_plain = word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && ALL_KEYWORDS.binary_search(&word.to_ascii_uppercase().as_str()).is_err();
    is_plain.then(|| word.to_owned())
}
