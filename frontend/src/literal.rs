//! Literals: numbers, dates, times and intervals as written, turned into values, and the calendar
//! arithmetic that folds them.

use std::sync::Arc;

use isomer_ir::{DataType, Dialect, Literal, civil_from_days, days_from_civil, days_in_month, plus_months};

const DAY: i64 = 86_400_000_000;

/// A number as written: an integer of the least type that holds it, a decimal, or a double where an
/// exponent is written.
pub(crate) fn number(text: &str, dialect: Dialect) -> Option<Literal> {
    let digits: String = text.chars().filter(|&c| c != '_').collect();
    if digits.contains(['e', 'E']) {
        if dialect == Dialect::Postgres {
            return with_exponent(&digits);
        }
        let value: f64 = digits.parse().ok()?;
        return value.is_finite().then(|| Literal::Float(value.to_bits()));
    }
    let Some((whole, fraction)) = digits.split_once('.') else {
        return integer(digits.parse().ok()?, dialect);
    };
    let scale = u8::try_from(fraction.len()).ok()?;
    let precision = u8::try_from(whole.len() + fraction.len()).ok()?.max(1);
    if precision > 38 && dialect == Dialect::Postgres {
        return None;
    }
    if precision > 38 || dialect == Dialect::BigQuery {
        let value: f64 = digits.parse().ok()?;
        return Some(Literal::Float(value.to_bits()));
    }
    let all = format!("{whole}{fraction}");
    let value = if all.is_empty() { return None } else { all.parse().ok()? };
    Some(Literal::Decimal { value, precision, scale })
}

/// A number with an exponent as PostgreSQL reads it, which is a decimal like one without.
fn with_exponent(digits: &str) -> Option<Literal> {
    let (mantissa, exponent) = digits.split_once(['e', 'E'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let value: i128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let value = value.checked_mul(10_i128.checked_pow(u32::try_from(shift.max(0)).ok()?)?)?;
    let scale = u8::try_from(-shift.min(0)).ok()?;
    let n_digits = u8::try_from(value.unsigned_abs().to_string().len()).ok()?;
    let precision = n_digits.max(scale);
    (precision <= 38).then_some(Literal::Decimal { value, precision, scale })
}

/// An integer of the least type, 32 bits up, that the dialect gives its literals.
pub(crate) fn integer(value: i128, dialect: Dialect) -> Option<Literal> {
    let has_long = matches!(dialect, Dialect::DataFusion | Dialect::Snowflake | Dialect::BigQuery);
    let least = if has_long { DataType::Int64 } else { DataType::Int32 };
    let data_type = if i32::try_from(value).is_ok() {
        least
    } else if i64::try_from(value).is_ok() {
        DataType::Int64
    } else if dialect == Dialect::DuckDb {
        DataType::Int128
    } else {
        let precision = u8::try_from(value.unsigned_abs().to_string().len()).ok().filter(|&digits| digits <= 38)?;
        return Some(Literal::Decimal { value, precision, scale: 0 });
    };
    Some(Literal::Int(value, data_type))
}

/// Days since 1970-01-01 of a date such as `1998-12-01`.
pub(crate) fn date(text: &str) -> Option<i32> {
    let mut parts = text.trim().splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if year.len() != 4 || !is_number(year) || !is_number(month) || !is_number(day) || month.len() > 2 || day.len() > 2 {
        return None;
    }
    let (year, month, day): (i64, i64, i64) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    i32::try_from(days_from_civil(year, month, day)).ok()
}

/// Microseconds since midnight of a time such as `12:30`, `12:30:05.25`.
pub(crate) fn time(text: &str) -> Option<i64> {
    let mut parts = text.trim().splitn(3, ':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next().unwrap_or("0"));
    let (hour, minute): (i64, i64) = (two_digits(hour)?, two_digits(minute)?);
    let (second, fraction) = second.split_once('.').unwrap_or((second, ""));
    let second = two_digits(second)?;
    if fraction.len() > 6 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6}").parse().ok()?;
    (hour < 24 && minute < 60 && second < 60).then_some(((hour * 60 + minute) * 60 + second) * 1_000_000 + micros)
}

fn two_digits(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > 2 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Microseconds since 1970-01-01 of a timestamp without zone such as `1998-12-01 10:00:00`.
pub(crate) fn timestamp(text: &str) -> Option<i64> {
    let text = text.trim();
    let Some((day, clock)) = text.split_once([' ', 'T']) else {
        return Some(i64::from(date(text)?) * DAY);
    };
    Some(i64::from(date(day)?) * DAY + time(clock)?)
}

/// A text read as a value of the type; `None` where it is none or the type has no literal.
pub(crate) fn typed(text: &str, data_type: DataType, dialect: Dialect) -> Option<Literal> {
    Some(match data_type {
        DataType::Date => Literal::Date(date(text)?),
        DataType::Timestamp => Literal::Timestamp(timestamp(text)?),
        DataType::Time => Literal::Time(time(text)?),
        DataType::Text => Literal::Text(Arc::from(text)),
        DataType::Interval => {
            let (months, days, micros) = interval(text, None)?;
            Literal::Interval { months, days, micros }
        }
        DataType::Boolean => match text.trim().to_lowercase().as_str() {
            "true" | "t" => Literal::Boolean(true),
            "false" | "f" => Literal::Boolean(false),
            _ => return None,
        },
        _ if data_type.is_numeric() => {
            let trimmed = text.trim();
            let (is_negative, digits) = match trimmed.strip_prefix('-') {
                Some(digits) => (true, digits),
                None => (false, trimmed),
            };
            if !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
                return None;
            }
            let literal = number(digits, dialect)?;
            if data_type.is_integer() && !matches!(literal, Literal::Int(..)) {
                return None;
            }
            if is_negative { negated(&literal)? } else { literal }
        }
        _ => return None,
    })
}

/// As [`negated`]; PostgreSQL's grammar takes the sign into the number before it finds the type.
pub(crate) fn negated_by(literal: &Literal, dialect: Dialect) -> Option<Literal> {
    match negated(literal)? {
        Literal::Int(value, _) | Literal::Decimal { value, scale: 0, .. } if dialect == Dialect::Postgres => {
            integer(value, dialect)
        }
        other => Some(other),
    }
}

/// The literal with its sign changed.
pub(crate) fn negated(literal: &Literal) -> Option<Literal> {
    Some(match literal {
        Literal::Int(value, data_type) => Literal::Int(value.checked_neg()?, *data_type),
        Literal::Decimal { value, precision, scale } => {
            Literal::Decimal { value: value.checked_neg()?, precision: *precision, scale: *scale }
        }
        Literal::Float(bits) => Literal::Float((-f64::from_bits(*bits)).to_bits()),
        Literal::Interval { months, days, micros } => Literal::Interval {
            months: months.checked_neg()?,
            days: days.checked_neg()?,
            micros: micros.checked_neg()?,
        },
        Literal::Null(_)
        | Literal::Boolean(_)
        | Literal::Text(_)
        | Literal::Date(_)
        | Literal::Time(_)
        | Literal::Timestamp(_)
        | Literal::TimestampTz(_) => return None,
    })
}

/// Months, days and microseconds of an interval's text: `3` with a unit, `90 days`, `1 hour 30 minutes`,
/// `01:30:00`.
pub(crate) fn interval(text: &str, unit: Option<&str>) -> Option<(i32, i32, i64)> {
    let mut total = (0_i32, 0_i32, 0_i64);
    let mut words = text.split_whitespace().peekable();
    words.peek()?;
    while let Some(word) = words.next() {
        let (value, glued) = split_number(word)?;
        if glued.starts_with(':') {
            let is_negative = word.starts_with('-');
            let micros = time(word.trim_start_matches(['-', '+']))?;
            total.2 = total.2.checked_add(if is_negative { -micros } else { micros })?;
            continue;
        }
        let unit = if !glued.is_empty() {
            glued
        } else if let Some(next) = words.next() {
            next
        } else {
            unit?
        };
        let part = units(value, unit)?;
        total = (total.0.checked_add(part.0)?, total.1.checked_add(part.1)?, total.2.checked_add(part.2)?);
    }
    Some(total)
}

fn split_number(word: &str) -> Option<(i128, &str)> {
    let unsigned = word.trim_start_matches(['-', '+']);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let value: i128 = unsigned[..digits].parse().ok()?;
    Some((if word.starts_with('-') { -value } else { value }, &unsigned[digits..]))
}

/// `value` times a unit such as `day`, `months`, `h`.
pub(crate) fn units(value: i128, unit: &str) -> Option<(i32, i32, i64)> {
    let months = |factor: i128| Some((i32::try_from(value.checked_mul(factor)?).ok()?, 0, 0));
    let days = |factor: i128| Some((0, i32::try_from(value.checked_mul(factor)?).ok()?, 0));
    let micros = |factor: i128| Some((0, 0, i64::try_from(value.checked_mul(factor)?).ok()?));
    match unit.to_lowercase().as_str() {
        "year" | "years" | "y" | "yr" => months(12),
        "quarter" | "quarters" => months(3),
        "month" | "months" | "mon" | "mons" => months(1),
        "week" | "weeks" | "w" => days(7),
        "day" | "days" | "d" => days(1),
        "hour" | "hours" | "h" | "hr" => micros(3_600_000_000),
        "minute" | "minutes" | "min" | "mins" => micros(60_000_000),
        "second" | "seconds" | "s" | "sec" | "secs" => micros(1_000_000),
        "millisecond" | "milliseconds" | "ms" => micros(1000),
        "microsecond" | "microseconds" | "us" => micros(1),
        _ => None,
    }
}

/// A date or timestamp literal moved by an interval; a date stays one when `keeps_date` and the
/// interval has no time of day. Months clamp to the last day of the month, as in every dialect here.
pub(crate) fn moved(literal: &Literal, by: &Literal, is_minus: bool, keeps_date: bool) -> Option<Literal> {
    let Literal::Interval { months, days, micros } = by else { return None };
    let sign = if is_minus { -1 } else { 1 };
    let start = match literal {
        Literal::Date(days) => i64::from(*days) * DAY,
        Literal::Timestamp(micros) => *micros,
        _ => return None,
    };
    let (day, clock) = (start.div_euclid(DAY), start.rem_euclid(DAY));
    let day = plus_months(day, sign * i64::from(*months));
    if !(1..=9999).contains(&civil_from_days(day).0) {
        return None;
    }
    let day = day + sign * i64::from(*days);
    let moved = day.checked_mul(DAY)?.checked_add(clock)?.checked_add(sign * micros)?;
    if keeps_date && *micros == 0 && matches!(literal, Literal::Date(_)) {
        return Some(Literal::Date(i32::try_from(moved.div_euclid(DAY)).ok()?));
    }
    Some(Literal::Timestamp(moved))
}

/// The date of a timestamp literal at midnight.
pub(crate) fn midnight(literal: &Literal) -> Option<Literal> {
    match literal {
        Literal::Timestamp(micros) if micros.rem_euclid(DAY) == 0 => {
            Some(Literal::Date(i32::try_from(micros.div_euclid(DAY)).ok()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use isomer_ir::{Dialect, literal_text};

    use super::{date, interval, moved, number, time, timestamp};
    use isomer_ir::{DataType, Literal};

    #[test]
    fn numbers() {
        let cases = [("1", "1", DataType::Int32), ("0.06", "0.06", DataType::Decimal { precision: 3, scale: 2 })];
        for (text, shown, data_type) in cases {
            let literal = number(text, Dialect::DuckDb).unwrap();
            assert_eq!((literal_text(&literal).as_str(), literal.data_type()), (shown, data_type));
        }
        assert_eq!(number(".06", Dialect::DuckDb).unwrap().data_type(), DataType::Decimal { precision: 2, scale: 2 });
        assert_eq!(number("2147483648", Dialect::DuckDb).unwrap().data_type(), DataType::Int64);
        assert_eq!(number("1e3", Dialect::DuckDb).unwrap().data_type(), DataType::Float64);
    }

    #[test]
    fn calendar() {
        assert_eq!(date("1970-01-02"), Some(1));
        assert_eq!(date("2024-02-29"), Some(19_782));
        assert_eq!(date("2023-02-29"), None);
        assert_eq!(time("12:30:05.25"), Some(45_005_250_000));
        assert_eq!(timestamp("1970-01-01 00:00:01"), Some(1_000_000));
        let months = Literal::Interval { months: 1, days: 0, micros: 0 };
        let end = moved(&Literal::Date(date("2024-01-31").unwrap()), &months, false, true).unwrap();
        assert_eq!(literal_text(&end), "date '2024-02-29'");
    }

    #[test]
    fn intervals() {
        assert_eq!(interval("90", Some("day")), Some((0, 90, 0)));
        assert_eq!(interval("1 year 2 months", None), Some((14, 0, 0)));
        assert_eq!(interval("30 minutes", None), Some((0, 0, 1_800_000_000)));
        assert_eq!(interval("-01:30:00", None), Some((0, 0, -5_400_000_000)));
        assert_eq!(interval("soon", None), None);
    }
}
