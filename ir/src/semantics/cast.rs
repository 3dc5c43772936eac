//! Conversions between types, as DuckDB makes them: to integers doubles round half to even and
//! decimals half away from zero; what does not fit is an error.

use std::sync::Arc;

use super::{BAD_CAST, Cell, EvalError, Value};
use crate::{DataType, days_from_civil, days_in_month, decimal_text, timestamp_text};

const DAY: i64 = 86_400_000_000;
const UNKNOWN: EvalError = EvalError::Unsupported("this conversion");
const AS_TEXT: EvalError = EvalError::Unsupported("the text of this value");
const FROM_TEXT: EvalError = EvalError::Unsupported("a text in an unusual form");

/// The value converted; NULL stays NULL.
pub(super) fn cast(value: Value, to: DataType) -> Cell {
    if value.is_null() {
        return Ok(Value::Null);
    }
    match to {
        DataType::Null | DataType::Unknown => Ok(value),
        DataType::Boolean => boolean(&value),
        DataType::Text => text(&value),
        DataType::Float32 => {
            let (value, single) = double(&value).map(|value| (value, value as f32))?;
            if value.is_finite() && !single.is_finite() { Err(BAD_CAST) } else { Ok(Value::Float(f64::from(single))) }
        }
        DataType::Float64 => double(&value).map(Value::Float),
        DataType::Decimal { precision, scale } => decimal(&value, precision, scale),
        DataType::Date => date(&value),
        DataType::Timestamp | DataType::TimestampTz => timestamp(&value, to),
        DataType::Time => match value {
            Value::Time(_) => Ok(value),
            Value::Timestamp(micros) => Ok(Value::Time(micros.rem_euclid(DAY))),
            _ => Err(UNKNOWN),
        },
        DataType::Interval => {
            if matches!(value, Value::Interval { .. }) {
                Ok(value)
            } else {
                Err(UNKNOWN)
            }
        }
        DataType::Nested(of) => super::nested::cast_nested(&value, of.get()),
        DataType::Bytes | DataType::Uuid | DataType::Json | DataType::TimestampTo(_) => Err(UNKNOWN),
        _ => integer(&value, to),
    }
}

/// Checks that an integer fits its type; an unknown type holds 32 bits for sure and more maybe.
pub(super) fn fits(value: i128, to: DataType) -> Result<i128, EvalError> {
    let Some(bits) = to.integer_bits() else {
        return i32::try_from(value).map(i128::from).map_err(|_| EvalError::Unsupported("a number of unknown type"));
    };
    let is_within = match (to.is_unsigned(), bits) {
        (_, 128..) => true,
        (true, bits) => value >= 0 && value < 1_i128 << bits,
        (false, bits) => value >= -(1_i128 << (bits - 1)) && value < 1_i128 << (bits - 1),
    };
    if is_within { Ok(value) } else { Err(super::OVERFLOW) }
}

/// A decimal's digits at another scale, halves rounded away from zero; `None` on overflow.
pub(super) fn rescaled(value: i128, from: u8, to: u8) -> Option<i128> {
    if to >= from {
        return value.checked_mul(10_i128.checked_pow(u32::from(to - from))?);
    }
    let power = 10_i128.checked_pow(u32::from(from - to))?;
    let (whole, rest) = (value / power, value % power);
    Some(if rest.unsigned_abs() * 2 >= power.unsigned_abs() { whole + value.signum() } else { whole })
}

/// A decimal of this precision; an error where the digits are too many.
pub(super) fn exact(value: i128, precision: u8, scale: u8) -> Cell {
    match 10_i128.checked_pow(precision.into()) {
        Some(limit) if value.unsigned_abs() >= limit.unsigned_abs() => Err(super::OVERFLOW),
        _ => Ok(Value::Decimal { value, scale }),
    }
}

fn boolean(value: &Value) -> Cell {
    Ok(Value::Boolean(match value {
        Value::Boolean(value) => *value,
        Value::Int(value) | Value::Decimal { value, .. } => *value != 0,
        Value::Float(value) => *value != 0.0,
        Value::Text(text) => match text.to_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" => true,
            "false" | "f" | "no" | "n" | "0" => false,
            _ => return Err(BAD_CAST),
        },
        _ => return Err(UNKNOWN),
    }))
}

fn integer(value: &Value, to: DataType) -> Cell {
    let whole = match value {
        Value::Boolean(value) => i128::from(*value),
        Value::Int(value) => *value,
        Value::Decimal { value, scale } => rescaled(*value, *scale, 0).ok_or(BAD_CAST)?,
        Value::Float(value) if value.is_finite() && value.abs() < 1e38 => value.round_ties_even() as i128,
        Value::Float(_) => return Err(BAD_CAST),
        Value::Text(text) => number(text)?,
        _ => return Err(UNKNOWN),
    };
    fits(whole, to).map(Value::Int).map_err(|_| BAD_CAST)
}

/// A whole number of decimal digits. Other texts that an engine may read as a number are left open.
fn number(text: &str) -> Result<i128, EvalError> {
    let text = text.trim_matches(' ');
    if let Ok(value) = text.parse() {
        return Ok(value);
    }
    Err(if looks_numeric(text) { FROM_TEXT } else { BAD_CAST })
}

fn looks_numeric(text: &str) -> bool {
    let lower = text.to_lowercase();
    text.chars().any(|c| c.is_ascii_digit()) || lower.contains("nan") || lower.contains("inf")
}

fn double(value: &Value) -> Result<f64, EvalError> {
    match value {
        Value::Boolean(value) => Ok(f64::from(u8::from(*value))),
        Value::Int(_) | Value::Decimal { .. } | Value::Float(_) => super::compare::as_double(value).ok_or(UNKNOWN),
        Value::Text(text) => {
            let text = text.trim_matches(' ');
            let is_plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || ".-+".contains(c));
            match text.parse() {
                Ok(value) if is_plain => Ok(value),
                _ => Err(if looks_numeric(text) { FROM_TEXT } else { BAD_CAST }),
            }
        }
        _ => Err(UNKNOWN),
    }
}

fn decimal(value: &Value, precision: u8, scale: u8) -> Cell {
    let digits = match value {
        Value::Boolean(value) => rescaled(i128::from(*value), 0, scale),
        Value::Int(value) => rescaled(*value, 0, scale),
        Value::Decimal { value, scale: from } => rescaled(*value, *from, scale),
        Value::Float(value) => {
            let shifted = value * 10_f64.powi(i32::from(scale));
            (shifted.is_finite() && shifted.abs() < 1e38).then(|| shifted.round() as i128)
        }
        Value::Text(text) => rescaled(number(text)?, 0, scale),
        _ => return Err(UNKNOWN),
    };
    exact(digits.ok_or(BAD_CAST)?, precision, scale).map_err(|_| BAD_CAST)
}

fn text(value: &Value) -> Cell {
    let text = match value {
        Value::Null => return Ok(Value::Null),
        Value::Boolean(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Decimal { value, scale } => decimal_text(*value, *scale),
        Value::Float(value) if *value == value.trunc() && value.abs() < 1e15 => format!("{value:.1}"),
        Value::Text(text) => return Ok(Value::Text(Arc::clone(text))),
        Value::Date(days) if (1..=9999).contains(&crate::civil_from_days((*days).into()).0) => {
            crate::date_text(i64::from(*days))
        }
        Value::Timestamp(micros) if micros.rem_euclid(1_000_000) == 0 => timestamp_text(*micros),
        Value::Float(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::Timestamp(_)
        | Value::TimestampTz(_)
        | Value::Interval { .. }
        | Value::List(_)
        | Value::Struct(_)
        | Value::Map(_) => return Err(AS_TEXT),
    };
    Ok(Value::Text(Arc::from(text)))
}

fn date(value: &Value) -> Cell {
    Ok(Value::Date(match value {
        Value::Date(days) => *days,
        Value::Timestamp(micros) => i32::try_from(micros.div_euclid(DAY)).map_err(|_| BAD_CAST)?,
        Value::Text(text) => date_of(text)?,
        _ => return Err(UNKNOWN),
    }))
}

/// `2024-01-31`; other texts with digits are left open.
fn date_of(text: &str) -> Result<i32, EvalError> {
    let parts: Vec<&str> = text.split('-').collect();
    let is_plain =
        parts.iter().map(|part| part.len()).eq([4, 2, 2]) && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if !is_plain {
        return Err(if looks_numeric(text) { FROM_TEXT } else { BAD_CAST });
    }
    let number = |at: usize| parts[at].parse::<i64>().map_err(|_| BAD_CAST);
    let (year, month, day) = (number(0)?, number(1)?, number(2)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return Err(BAD_CAST);
    }
    i32::try_from(days_from_civil(year, month, day)).map_err(|_| BAD_CAST)
}

fn timestamp(value: &Value, to: DataType) -> Cell {
    let micros = match value {
        Value::Date(days) => i64::from(*days).checked_mul(DAY).ok_or(BAD_CAST)?,
        Value::Timestamp(micros) | Value::TimestampTz(micros) => *micros,
        Value::Text(text) => i64::from(date_of(text)?) * DAY,
        _ => return Err(UNKNOWN),
    };
    Ok(if to == DataType::Timestamp { Value::Timestamp(micros) } else { Value::TimestampTz(micros) })
}
