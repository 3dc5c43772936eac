//! Functions of constants that are their value: only what no dialect disputes and nothing can fail.

use std::sync::Arc;

use isomer_ir::{Arena, DataType, Function, Literal, ScalarId, plus_months};

use super::literals::{MICROS_PER_DAY, are_equal, compare_literals, integer_bounds, literal_of};

/// Longest text that folding makes.
const MAX_TEXT: usize = 4096;

/// Folds calls over literals whose result no dialect disputes; what may raise is left alone.
pub(super) fn fold(arena: &Arena, function: Function, args: &[ScalarId], data_type: DataType) -> Option<Literal> {
    let literals: Vec<&Literal> = args.iter().map(|&arg| literal_of(arena, arg)).collect::<Option<_>>()?;
    match literals.as_slice() {
        [value] => fold_unary(function, value, data_type),
        [left, right] => fold_binary(function, left, right, data_type),
        [value, start, length] if function == Function::Substring => substring(value, start, Some(length)),
        _ => None,
    }
}

fn fold_unary(function: Function, value: &Literal, data_type: DataType) -> Option<Literal> {
    match (function, value) {
        (Function::Negate, Literal::Int(value, _)) => int(value.checked_neg()?, data_type),
        (Function::Abs, Literal::Int(value, _)) => int(value.checked_abs()?, data_type),
        // Beyond ASCII the letters of engines differ.
        (Function::Upper, Literal::Text(text)) if text.is_ascii() => text_of(&text.to_ascii_uppercase()),
        (Function::Lower, Literal::Text(text)) if text.is_ascii() => text_of(&text.to_ascii_lowercase()),
        (Function::Length, Literal::Text(text)) if text.is_ascii() => int(i128::try_from(text.len()).ok()?, data_type),
        _ => None,
    }
}

fn fold_binary(function: Function, left: &Literal, right: &Literal, data_type: DataType) -> Option<Literal> {
    match function {
        Function::Eq | Function::IsNotDistinct => are_equal(left, right).map(Literal::Boolean),
        Function::NotEq | Function::IsDistinct => are_equal(left, right).map(|is_equal| Literal::Boolean(!is_equal)),
        Function::Lt | Function::LtEq | Function::Gt | Function::GtEq => {
            let ordering = compare_literals(left, right)?;
            Some(Literal::Boolean(match function {
                Function::Lt => ordering.is_lt(),
                Function::LtEq => ordering.is_le(),
                Function::Gt => ordering.is_gt(),
                _ => ordering.is_ge(),
            }))
        }
        Function::Divide => float(function, left, right, data_type),
        Function::Concat => match (left, right) {
            (Literal::Text(a), Literal::Text(b)) => text_of(&format!("{a}{b}")),
            _ => None,
        },
        Function::Substring => substring(left, right, None),
        Function::Add | Function::Subtract | Function::Multiply | Function::IntegerDivide | Function::Modulo => {
            fold_arithmetic(function, left, right, data_type)
        }
        _ => None,
    }
}

fn fold_arithmetic(function: Function, left: &Literal, right: &Literal, data_type: DataType) -> Option<Literal> {
    match (left, right) {
        (Literal::Int(a, _), Literal::Int(b, _)) => {
            let value = match function {
                Function::Add => a.checked_add(*b)?,
                Function::Subtract => a.checked_sub(*b)?,
                Function::Multiply => a.checked_mul(*b)?,
                // Towards zero, the remainder with the sign of what is divided: all four dialects.
                Function::IntegerDivide => a.checked_div(*b)?,
                _ => a.checked_rem(*b)?,
            };
            int(value, data_type)
        }
        (Literal::Decimal { value: a, scale: sa, .. }, Literal::Decimal { value: b, scale: sb, .. }) => {
            fold_decimal(function, (*a, *sa), (*b, *sb), data_type)
        }
        (Literal::Date(date), Literal::Interval { months, days, micros: 0 })
            if matches!(function, Function::Add | Function::Subtract) =>
        {
            let sign = if function == Function::Add { 1 } else { -1 };
            let moved = add_to_date(*date, sign * months, sign * days)?;
            match data_type {
                DataType::Date => Some(Literal::Date(moved)),
                DataType::Timestamp => Some(Literal::Timestamp(i64::from(moved).checked_mul(MICROS_PER_DAY)?)),
                _ => None,
            }
        }
        (Literal::Float(_), Literal::Float(_)) => float(function, left, right, data_type),
        (Literal::Date(date), Literal::Int(days, _)) if data_type == DataType::Date => {
            let days = i32::try_from(*days).ok()?;
            let days = if function == Function::Subtract { days.checked_neg()? } else { days };
            matches!(function, Function::Add | Function::Subtract)
                .then(|| add_to_date(*date, 0, days))
                .flatten()
                .map(Literal::Date)
        }
        _ => None,
    }
}

/// Doubles: one operation is rounded alike everywhere. Not a division by zero, which dialects answer each in
/// its own way.
fn float(function: Function, left: &Literal, right: &Literal, data_type: DataType) -> Option<Literal> {
    let (Literal::Float(a), Literal::Float(b)) = (left, right) else { return None };
    let (a, b) = (f64::from_bits(*a), f64::from_bits(*b));
    let value = match function {
        Function::Add => a + b,
        Function::Subtract => a - b,
        Function::Multiply => a * b,
        Function::Divide if b != 0.0 => a / b,
        _ => return None,
    };
    (data_type == DataType::Float64 && value.is_finite() && value != 0.0).then(|| Literal::Float(value.to_bits()))
}

/// An integer that the type holds.
fn int(value: i128, data_type: DataType) -> Option<Literal> {
    let (least, greatest) = integer_bounds(data_type)?;
    (!data_type.is_unsigned() && value >= least && value <= greatest).then_some(Literal::Int(value, data_type))
}

fn text_of(text: &str) -> Option<Literal> {
    (text.len() <= MAX_TEXT).then(|| Literal::Text(Arc::from(text)))
}

/// A part of an ASCII text. Positions below 1 count from the end in some dialects.
fn substring(value: &Literal, start: &Literal, length: Option<&&Literal>) -> Option<Literal> {
    let (Literal::Text(text), Literal::Int(start, _)) = (value, start) else { return None };
    let start = usize::try_from(start.checked_sub(1)?).ok()?;
    if !text.is_ascii() {
        return None;
    }
    let length = match length {
        Some(Literal::Int(length, _)) => usize::try_from(*length).ok()?,
        Some(_) => return None,
        None => text.len(),
    };
    let start = start.min(text.len());
    text_of(&text[start..start.saturating_add(length).min(text.len())])
}

/// Sum, difference or product of decimals, exact in the result type or not at all.
fn fold_decimal(function: Function, (a, sa): (i128, u8), (b, sb): (i128, u8), data_type: DataType) -> Option<Literal> {
    let DataType::Decimal { precision, scale } = data_type else { return None };
    let at = |value: i128, from: u8, to: u8| value.checked_mul(10_i128.checked_pow(u32::from(to.checked_sub(from)?))?);
    let value = match function {
        Function::Multiply => at(a.checked_mul(b)?, sa + sb, scale)?,
        Function::Add => at(a, sa, scale)?.checked_add(at(b, sb, scale)?)?,
        Function::Subtract => at(a, sa, scale)?.checked_sub(at(b, sb, scale)?)?,
        _ => return None,
    };
    let is_within = value.unsigned_abs() < 10_u128.checked_pow(u32::from(precision))?;
    is_within.then_some(Literal::Decimal { value, precision, scale })
}

/// A date moved by months (clamped to the month's end) and days.
fn add_to_date(date: i32, months: i32, days: i32) -> Option<i32> {
    let moved = plus_months(i64::from(date), i64::from(months)).checked_add(i64::from(days))?;
    i32::try_from(moved).ok()
}

#[cfg(test)]
mod tests {
    use isomer_ir::{civil_from_days, days_from_civil};

    use super::add_to_date;

    #[test]
    fn dates() {
        for (y, m, d) in [(1970, 1, 1), (2000, 2, 29), (1900, 3, 1), (2024, 12, 31), (1, 1, 1)] {
            assert_eq!(civil_from_days(days_from_civil(y, m, d)), (y, m, d));
        }
        let day = |y, m, d| i32::try_from(days_from_civil(y, m, d)).unwrap();
        assert_eq!(add_to_date(day(2024, 1, 31), 1, 0), Some(day(2024, 2, 29)));
        assert_eq!(add_to_date(day(1998, 12, 1), 0, -90), Some(day(1998, 9, 2)));
        assert_eq!(add_to_date(day(1994, 1, 1), 12, 0), Some(day(1995, 1, 1)));
    }
}
