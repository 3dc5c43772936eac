//! Dates, times and intervals: arithmetic, parts, truncation and differences.

use super::{BAD_CAST, Cell, EvalError, OVERFLOW, Value};
use crate::{DataType, Function, civil_from_days, days_from_civil, days_in_month, plus_months};

const DAY: i64 = 86_400_000_000;
const UNLIKE: EvalError = EvalError::Unsupported("a date function over this type");

/// Sums and differences of dates, timestamps, intervals and days.
pub(super) fn arithmetic(function: Function, a: &Value, b: &Value, data_type: DataType) -> Cell {
    let sign = match function {
        Function::Add => 1,
        Function::Subtract => -1,
        _ => return Err(UNLIKE),
    };
    match (a, b) {
        (Value::Date(_) | Value::Timestamp(_) | Value::TimestampTz(_), Value::Interval { months, days, micros }) => {
            moved(a, sign, (*months, *days, *micros), data_type)
        }
        (Value::Date(a), Value::Int(days)) => {
            let moved = i128::from(*a) + i128::from(sign) * days;
            i32::try_from(moved).map(Value::Date).map_err(|_| OVERFLOW)
        }
        (Value::Date(day), Value::Time(clock)) | (Value::Time(clock), Value::Date(day)) if sign > 0 => {
            let start = i64::from(*day).checked_mul(DAY).ok_or(OVERFLOW)?;
            start.checked_add(*clock).map(Value::Timestamp).ok_or(OVERFLOW)
        }
        // A time of day goes around; what is longer than the clock does not move it.
        (Value::Time(clock), Value::Interval { micros, .. }) => {
            Ok(Value::Time((clock + sign * (micros % DAY)).rem_euclid(DAY)))
        }
        (Value::Time(a), Value::Time(b)) if sign < 0 => Ok(Value::Interval { months: 0, days: 0, micros: a - b }),
        (Value::Date(a), Value::Date(b)) if sign < 0 => Ok(Value::Int(i128::from(*a) - i128::from(*b))),
        (Value::Timestamp(a), Value::Timestamp(b)) | (Value::TimestampTz(a), Value::TimestampTz(b)) if sign < 0 => {
            let apart = a.checked_sub(*b).ok_or(OVERFLOW)?;
            let days = i32::try_from(apart / DAY).map_err(|_| OVERFLOW)?;
            Ok(Value::Interval { months: 0, days, micros: apart % DAY })
        }
        (
            Value::Interval { months, days, micros },
            Value::Interval { months: by_months, days: by_days, micros: by_micros },
        ) => {
            let sign_32 = i32::try_from(sign).map_err(|_| OVERFLOW)?;
            Ok(Value::Interval {
                months: months.checked_add(sign_32 * by_months).ok_or(OVERFLOW)?,
                days: days.checked_add(sign_32 * by_days).ok_or(OVERFLOW)?,
                micros: micros.checked_add(sign * by_micros).ok_or(OVERFLOW)?,
            })
        }
        _ => Err(UNLIKE),
    }
}

/// Months first, clamped to the end of the month, then days, then the time.
fn moved(start: &Value, sign: i64, (months, days, micros): (i32, i32, i64), data_type: DataType) -> Cell {
    let start = instant(start)?;
    let (day, clock) = (start.div_euclid(DAY), start.rem_euclid(DAY));
    let day = plus_months(day, sign * i64::from(months)) + sign * i64::from(days);
    let moved = day.checked_mul(DAY).and_then(|at| at.checked_add(clock)).and_then(|at| at.checked_add(sign * micros));
    let moved = moved.ok_or(OVERFLOW)?;
    Ok(match data_type {
        DataType::Date => Value::Date(i32::try_from(moved.div_euclid(DAY)).map_err(|_| OVERFLOW)?),
        DataType::TimestampTz => Value::TimestampTz(moved),
        _ => Value::Timestamp(moved),
    })
}

/// Microseconds since 1970 of a date or timestamp.
fn instant(value: &Value) -> Result<i64, EvalError> {
    match value {
        Value::Date(days) => i64::from(*days).checked_mul(DAY).ok_or(OVERFLOW),
        Value::Timestamp(micros) | Value::TimestampTz(micros) => Ok(*micros),
        _ => Err(UNLIKE),
    }
}

fn word(value: Option<&Value>) -> Result<&str, EvalError> {
    match value {
        Some(Value::Text(text)) => Ok(text),
        _ => Err(UNLIKE),
    }
}

/// A function of dates; no argument is NULL.
pub(super) fn temporal(function: Function, args: &[Value], data_type: DataType) -> Cell {
    let arg = |at: usize| args.get(at).ok_or(UNLIKE);
    match function {
        Function::Extract => extract(word(args.first())?, arg(1)?),
        Function::EpochSeconds => Ok(Value::Float(instant(arg(0)?)? as f64 / 1e6)),
        Function::DateTrunc => {
            let at = truncated(word(args.first())?, instant(arg(1)?)?)?;
            Ok(if data_type == DataType::TimestampTz { Value::TimestampTz(at) } else { Value::Timestamp(at) })
        }
        Function::DateDiff => difference(word(args.first())?, instant(arg(1)?)?, instant(arg(2)?)?),
        Function::MakeDate => {
            let part = |at: usize| match args.get(at) {
                Some(Value::Int(value)) => i64::try_from(*value).map_err(|_| BAD_CAST),
                _ => Err(UNLIKE),
            };
            let (year, month, day) = (part(0)?, part(1)?, part(2)?);
            if !(1..=9999).contains(&year) {
                return Err(EvalError::Unsupported("a date of such a year"));
            }
            if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
                return Err(BAD_CAST);
            }
            i32::try_from(days_from_civil(year, month, day)).map(Value::Date).map_err(|_| BAD_CAST)
        }
        Function::LastDay => {
            let (year, month, _) = civil_from_days(instant(arg(0)?)?.div_euclid(DAY));
            let last = days_from_civil(year, month, days_in_month(year, month));
            i32::try_from(last).map(Value::Date).map_err(|_| OVERFLOW)
        }
        _ => Err(EvalError::Unsupported(function.name())),
    }
}

fn extract(field: &str, value: &Value) -> Cell {
    if matches!(value, Value::Interval { .. } | Value::Time(_)) {
        return Err(EvalError::Unsupported("a part of an interval or time"));
    }
    let at = instant(value)?;
    if field == "epoch" {
        return Ok(Value::Float(at as f64 / 1e6));
    }
    let (days, clock) = (at.div_euclid(DAY), at.rem_euclid(DAY));
    let (year, month, day) = civil_from_days(days);
    // 1970-01-01 was a Thursday.
    let weekday = (days + 3).rem_euclid(7) + 1;
    let part = match field {
        "year" => year,
        "quarter" => (month - 1) / 3 + 1,
        "month" => month,
        // The week belongs to the year of its Thursday.
        "week" => {
            let thursday = days - weekday + 4;
            let (year, ..) = civil_from_days(thursday);
            (thursday - days_from_civil(year, 1, 1)) / 7 + 1
        }
        "day" => day,
        "doy" => days - days_from_civil(year, 1, 1) + 1,
        "dow" => weekday % 7,
        "isodow" => weekday,
        "hour" => clock / 3_600_000_000,
        "minute" => clock / 60_000_000 % 60,
        "second" => clock / 1_000_000 % 60,
        _ => return Err(EvalError::Unsupported("extracting this field")),
    };
    Ok(Value::Int(part.into()))
}

/// The start of the unit that holds the instant.
fn truncated(unit: &str, at: i64) -> Result<i64, EvalError> {
    let days = at.div_euclid(DAY);
    let (year, month, _) = civil_from_days(days);
    let day = match unit {
        "year" => days_from_civil(year, 1, 1),
        "quarter" => days_from_civil(year, (month - 1) / 3 * 3 + 1, 1),
        "month" => days_from_civil(year, month, 1),
        "week" => days - (days + 3).rem_euclid(7),
        "day" => days,
        _ => return Ok(at - at.rem_euclid(fixed(unit)?)),
    };
    day.checked_mul(DAY).ok_or(OVERFLOW)
}

fn fixed(unit: &str) -> Result<i64, EvalError> {
    Ok(match unit {
        "day" => DAY,
        "hour" => 3_600_000_000,
        "minute" => 60_000_000,
        "second" => 1_000_000,
        "millisecond" => 1_000,
        "microsecond" => 1,
        _ => return Err(EvalError::Unsupported("this unit of time")),
    })
}

/// How many boundaries of the unit lie between two instants; weeks are counted whole, as DuckDB does.
fn difference(unit: &str, start: i64, end: i64) -> Cell {
    let months = |at: i64| {
        let (year, month, _) = civil_from_days(at.div_euclid(DAY));
        year * 12 + month - 1
    };
    let number = match unit {
        "year" => months(end).div_euclid(12) - months(start).div_euclid(12),
        "quarter" => months(end).div_euclid(3) - months(start).div_euclid(3),
        "month" => months(end) - months(start),
        "week" => (end.div_euclid(DAY) - start.div_euclid(DAY)) / 7,
        _ => {
            let size = fixed(unit)?;
            end.div_euclid(size) - start.div_euclid(size)
        }
    };
    Ok(Value::Int(number.into()))
}
