//! The reference interpreter: what a plan means, written down so that it can be run.
//!
//! [`evaluate`] gives the rows of an [`Output`](crate::Output) over a tiny [`Database`]. It is plain
//! on purpose: nested loops, three-valued logic, no index, no cleverness. Rules, engines and SQL
//! printers are held to it, and it is held to engines by the tests.
//!
//! Three decisions that the operators' documents leave open:
//!
//! - *Errors are lazy.* A scalar that fails makes a cell that has failed; the query fails when the
//!   cell is asked for: shown, grouped by, compared, or handed to a function. Pruning a column that
//!   nobody reads therefore changes nothing.
//! - *Conjuncts have no order.* A conjunct that is not true drops the row, whatever the others do;
//!   an `AND` that has a FALSE operand is FALSE, an `OR` that has a TRUE one is TRUE, also where
//!   another operand fails. No engine promises which of them it tests first.
//! - *What is not determined is not answered.* Where rows depend on a choice that the plan leaves
//!   open (a limit that cuts through ties, the first of several rows), the answer is
//!   [`EvalError::Unsupported`], never one of the possible results.

mod aggregate;
mod arithmetic;
mod cast;
mod compare;
mod inline;
mod join;
mod nested;
mod numeric;
mod recursion;
mod relation;
mod rows;
mod scalar;
pub mod search;
mod statistics;
mod temporal;
mod text;
mod value;
mod window;

use std::fmt;

pub use inline::inlined;
pub use relation::evaluate;
pub use rows::{Database, Rows};
pub use value::Value;

/// Why a query has no rows to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EvalError {
    /// The query fails: an outcome as good as rows.
    Raised(Raised),
    /// The interpreter cannot tell; the text says which construct or choice it is.
    Unsupported(&'static str),
}

/// How a query fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Raised {
    /// A number does not fit its type.
    Overflow,
    /// A whole number is divided by zero.
    DivisionByZero,
    /// A value cannot be converted.
    Cast,
    /// An argument outside of what a function is defined for.
    Domain,
    /// A scalar subquery has a second row.
    SecondRow,
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raised(raised) => raised.fmt(f),
            Self::Unsupported(what) => write!(f, "not determined or not modelled: {what}"),
        }
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overflow => "a number is out of range",
            Self::DivisionByZero => "a division by zero",
            Self::Cast => "a value cannot be converted",
            Self::Domain => "an argument is out of range",
            Self::SecondRow => "a scalar subquery gives more than one row",
        })
    }
}

impl std::error::Error for EvalError {}

/// A value, or why there is none; an error counts only when the value is asked for.
type Cell = Result<Value, EvalError>;

const OVERFLOW: EvalError = EvalError::Raised(Raised::Overflow);
const DOMAIN: EvalError = EvalError::Raised(Raised::Domain);
const BAD_CAST: EvalError = EvalError::Raised(Raised::Cast);

/// Of two errors the one that is told: what is not known may hide that nothing was raised.
fn worse(a: EvalError, b: EvalError) -> EvalError {
    a.max(b)
}
