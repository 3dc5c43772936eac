//! Values of one cell. Their kinds are fewer than the types: an integer is one of any width, and
//! the operation that makes it checks the range of its type.

use std::fmt;
use std::sync::Arc;

use crate::{Literal, decimal_text, literal_text};

/// A value. Bytes and UUIDs are not modelled.
#[derive(Debug, Clone)]
pub enum Value {
    /// NULL, of any type.
    Null,
    /// A truth value.
    Boolean(bool),
    /// An integer of any type.
    Int(i128),
    /// `value / 10^scale`.
    Decimal {
        /// The digits as an integer.
        value: i128,
        /// Digits behind the point.
        scale: u8,
    },
    /// A double, or a single widened to one.
    Float(f64),
    /// Text.
    Text(Arc<str>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970-01-01 00:00:00 without zone.
    Timestamp(i64),
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    TimestampTz(i64),
    /// Months, days and microseconds.
    Interval {
        /// Whole months.
        months: i32,
        /// Whole days.
        days: i32,
        /// Microseconds.
        micros: i64,
    },
    /// Values of one type, in order.
    List(Arc<[Self]>),
    /// Named fields, in the order of the type.
    Struct(Arc<[(Arc<str>, Self)]>),
    /// Values by keys, each key once, in the order in which they were given.
    Map(Arc<[(Self, Self)]>),
}

impl Value {
    /// Whether the value is NULL.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(Arc::from(text))
    }

    /// A list.
    #[must_use]
    pub fn list(values: impl IntoIterator<Item = Self>) -> Self {
        Self::List(values.into_iter().collect())
    }
}

impl From<&Literal> for Value {
    fn from(literal: &Literal) -> Self {
        match literal {
            Literal::Null(_) => Self::Null,
            Literal::Boolean(value) => Self::Boolean(*value),
            Literal::Int(value, _) => Self::Int(*value),
            Literal::Decimal { value, scale, .. } => Self::Decimal { value: *value, scale: *scale },
            Literal::Float(bits) => Self::Float(f64::from_bits(*bits)),
            Literal::Text(text) => Self::Text(Arc::clone(text)),
            Literal::Date(days) => Self::Date(*days),
            Literal::Time(micros) => Self::Time(*micros),
            Literal::Timestamp(micros) => Self::Timestamp(*micros),
            Literal::TimestampTz(micros) => Self::TimestampTz(*micros),
            Literal::Interval { months, days, micros } => {
                Self::Interval { months: *months, days: *days, micros: *micros }
            }
        }
    }
}

impl fmt::Display for Value {
    /// As a SQL literal that DuckDB reads, and PostgreSQL what is not nested.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let literal = match self {
            Self::Null => return f.write_str("NULL"),
            Self::Boolean(value) => return write!(f, "{value}"),
            Self::Int(value) => return write!(f, "{value}"),
            Self::Decimal { value, scale } => return f.write_str(&decimal_text(*value, *scale)),
            Self::Float(value) if value.is_nan() => return f.write_str("'NaN'"),
            Self::Float(value) if value.is_infinite() => {
                return f.write_str(if *value > 0.0 { "'Infinity'" } else { "'-Infinity'" });
            }
            Self::Float(value) => return write!(f, "{value:?}"),
            Self::Text(text) => return write!(f, "'{}'", text.replace('\'', "''")),
            Self::Date(days) => Literal::Date(*days),
            Self::Time(micros) => Literal::Time(*micros),
            Self::Timestamp(micros) => Literal::Timestamp(*micros),
            Self::TimestampTz(micros) => Literal::TimestampTz(*micros),
            Self::Interval { months, days, micros } => {
                Literal::Interval { months: *months, days: *days, micros: *micros }
            }
            Self::List(values) => {
                f.write_str("[")?;
                separated(f, values, &mut |f, value| write!(f, "{value}"))?;
                return f.write_str("]");
            }
            Self::Struct(fields) => {
                f.write_str("{")?;
                separated(f, fields, &mut |f, (name, value)| write!(f, "'{}': {value}", name.replace('\'', "''")))?;
                return f.write_str("}");
            }
            Self::Map(entries) => {
                f.write_str("MAP {")?;
                separated(f, entries, &mut |f, (key, value)| write!(f, "{key}: {value}"))?;
                return f.write_str("}");
            }
        };
        f.write_str(&literal_text(&literal))
    }
}

fn separated<T>(
    f: &mut fmt::Formatter<'_>,
    parts: &[T],
    write: &mut dyn FnMut(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        write(f, part)?;
    }
    Ok(())
}
