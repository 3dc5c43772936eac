//! Comparison of values: of two that are not NULL, and the total order that groups and sorts.

use std::cmp::Ordering;

use super::{EvalError, Value};

const UNLIKE: EvalError = EvalError::Unsupported("a comparison of unlike types");
const DAY: i64 = 86_400_000_000;

/// Compares two values that are not NULL. Numbers compare by value: exactly, or as doubles where
/// one is a double. NaN equals itself and is the greatest; `-0.0` equals `0.0`. Texts compare by
/// code points. A month of an interval counts 30 days. Lists, structs and maps compare part by part;
/// within them NULL equals itself and is the greatest.
pub(super) fn compared(a: &Value, b: &Value) -> Result<Ordering, EvalError> {
    Ok(match (a, b) {
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Time(a), Value::Time(b))
        | (Value::Timestamp(a) | Value::TimestampTz(a), Value::Timestamp(b) | Value::TimestampTz(b)) => a.cmp(b),
        (Value::Date(a), Value::Timestamp(b) | Value::TimestampTz(b)) => (i64::from(*a) * DAY).cmp(b),
        (Value::Timestamp(a) | Value::TimestampTz(a), Value::Date(b)) => a.cmp(&(i64::from(*b) * DAY)),
        (Value::Interval { .. }, Value::Interval { .. }) => length(a).cmp(&length(b)),
        (Value::Float(_), Value::Int(_) | Value::Decimal { .. } | Value::Float(_))
        | (Value::Int(_) | Value::Decimal { .. }, Value::Float(_)) => match (as_double(a), as_double(b)) {
            (Some(a), Some(b)) => doubles(a, b),
            _ => return Err(UNLIKE),
        },
        (Value::Int(_) | Value::Decimal { .. }, Value::Int(_) | Value::Decimal { .. }) => {
            let ((a, scale_a), (b, scale_b)) = (digits(a), digits(b));
            scaled(a, scale_a, b, scale_b)
        }
        (Value::List(a), Value::List(b)) => parts(a.iter().zip(b.iter()), a.len().cmp(&b.len()))?,
        (Value::Struct(a), Value::Struct(b)) if a.len() == b.len() => {
            parts(a.iter().zip(b.iter()).map(|((_, a), (_, b))| (a, b)), Ordering::Equal)?
        }
        (Value::Map(a), Value::Map(b)) => {
            let both = a.iter().zip(b.iter());
            parts(both.flat_map(|((k, a), (l, b))| [(k, l), (a, b)]), a.len().cmp(&b.len()))?
        }
        _ => return Err(UNLIKE),
    })
}

/// The order of the first pair of parts that differ, or `rest`.
fn parts<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>, rest: Ordering) -> Result<Ordering, EvalError> {
    for (a, b) in pairs {
        let order = match (a.is_null(), b.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => compared(a, b)?,
        };
        if order != Ordering::Equal {
            return Ok(order);
        }
    }
    Ok(rest)
}

/// The total order of values of one column; NULL is the least and equals itself.
pub(super) fn ordered(a: &Value, b: &Value) -> Ordering {
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => compared(a, b).unwrap_or_else(|_| kind(a).cmp(&kind(b))),
    }
}

/// Whether values are the same to `GROUP BY` and `DISTINCT`: NULL equals NULL.
pub(super) fn is_same(a: &Value, b: &Value) -> bool {
    ordered(a, b) == Ordering::Equal
}

/// A number as a double; `None` for what is no number.
pub(super) fn as_double(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Decimal { value, scale } => Some(*value as f64 / 10_f64.powi(i32::from(*scale))),
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

fn doubles(a: f64, b: f64) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
    }
}

fn digits(value: &Value) -> (i128, u8) {
    match value {
        Value::Decimal { value, scale } => (*value, *scale),
        Value::Int(value) => (*value, 0),
        _ => (0, 0),
    }
}

fn scaled(a: i128, scale_a: u8, b: i128, scale_b: u8) -> Ordering {
    let raised = |value: i128, by: u8| 10_i128.checked_pow(by.into()).and_then(|power| value.checked_mul(power));
    match scale_a.cmp(&scale_b) {
        Ordering::Equal => a.cmp(&b),
        // What no longer fits is farther from zero than anything of the other scale.
        Ordering::Less => raised(a, scale_b - scale_a).map_or(a.cmp(&0), |a| a.cmp(&b)),
        Ordering::Greater => raised(b, scale_a - scale_b).map_or(0.cmp(&b), |b| a.cmp(&b)),
    }
}

fn length(value: &Value) -> i128 {
    match value {
        Value::Interval { months, days, micros } => {
            (i128::from(*months) * 30 + i128::from(*days)) * i128::from(DAY) + i128::from(*micros)
        }
        _ => 0,
    }
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Boolean(_) => 1,
        Value::Int(_) | Value::Decimal { .. } | Value::Float(_) => 2,
        Value::Text(_) => 3,
        Value::Date(_) | Value::Timestamp(_) | Value::TimestampTz(_) => 4,
        Value::Time(_) => 5,
        Value::Interval { .. } => 6,
        Value::List(_) => 7,
        Value::Struct(_) => 8,
        Value::Map(_) => 9,
    }
}
