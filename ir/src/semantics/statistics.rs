//! Aggregates of doubles, and quantiles. Where the digits that are compared depend on the order of
//! the rows, the answer is open.

use super::aggregate::Seen;
use super::compare::{as_double, ordered};
use super::{Cell, EvalError, Value};
use crate::{AggregateFunction, DataType};

const UNLIKE: EvalError = EvalError::Unsupported("a statistic over this type");
const UNSTABLE: EvalError = EvalError::Unsupported("a sum of doubles that depends on their order");
/// How much larger than its result the parts of a sum may be before the digits that are compared are lost.
const LOST: f64 = 1e6;

/// The sum of doubles.
pub(super) fn total(values: &[&Value]) -> Result<f64, EvalError> {
    let values = values.iter().map(|value| as_double(value).ok_or(UNLIKE)).collect::<Result<Vec<f64>, _>>()?;
    let total: f64 = values.iter().sum();
    let size: f64 = values.iter().map(|value| value.abs()).sum();
    let is_finite = values.iter().all(|value| value.is_finite());
    if is_finite && (!size.is_finite() || size > LOST * total.abs().max(1.0)) {
        return Err(UNSTABLE);
    }
    Ok(total)
}

/// Variances and deviations; NULL for a sample of one.
pub(super) fn spread(function: AggregateFunction, values: &[&Value]) -> Cell {
    use AggregateFunction as A;
    let numbers = finite(values.iter().copied())?;
    let n = numbers.len() as f64;
    let is_sample = matches!(function, A::StddevSamp | A::VarSamp);
    if is_sample && numbers.len() < 2 {
        return Ok(Value::Null);
    }
    let squares = deviations(&numbers, &numbers)?;
    let variance = squares / if is_sample { n - 1.0 } else { n };
    let is_deviation = matches!(function, A::StddevSamp | A::StddevPop);
    Ok(Value::Float(if is_deviation { variance.sqrt() } else { variance }))
}

/// Statistics of pairs of which neither is NULL.
pub(super) fn paired(function: AggregateFunction, rows: &[Seen]) -> Cell {
    use AggregateFunction as A;
    let rows: Vec<&Seen> = rows.iter().filter(|row| !row.iter().any(Value::is_null)).collect();
    if rows.iter().any(|row| row.len() != 2) {
        return Err(UNLIKE);
    }
    let (xs, ys) = (finite(rows.iter().map(|row| &row[0]))?, finite(rows.iter().map(|row| &row[1]))?);
    let n = rows.len() as f64;
    match function {
        _ if rows.is_empty() => Ok(Value::Null),
        A::CovarSamp if rows.len() < 2 => Ok(Value::Null),
        A::CovarSamp => Ok(Value::Float(deviations(&xs, &ys)? / (n - 1.0))),
        A::CovarPop => Ok(Value::Float(deviations(&xs, &ys)? / n)),
        _ => {
            let (x, y) = (deviations(&xs, &xs)?, deviations(&ys, &ys)?);
            if x < 1e-9 || y < 1e-9 {
                return Err(EvalError::Unsupported("a correlation of constants"));
            }
            Ok(Value::Float(deviations(&xs, &ys)? / (x * y).sqrt()))
        }
    }
}

/// The value at a share of the sorted values, interpolated.
pub(super) fn between(values: &[&Value], share: f64, data_type: DataType) -> Cell {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| ordered(a, b));
    let at = (sorted.len() - 1) as f64 * share;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    match (low, high) {
        (Value::Decimal { value: a, scale }, Value::Decimal { value: b, .. })
            if matches!(data_type, DataType::Decimal { .. }) =>
        {
            let exact = *a as f64 + (*b - *a) as f64 * (at - at.floor());
            if exact != exact.trunc() || exact.abs() > 1e15 {
                return Err(EvalError::Unsupported("a decimal between two others"));
            }
            Ok(Value::Decimal { value: exact as i128, scale: *scale })
        }
        _ => {
            let ends = finite([low, high].into_iter())?;
            Ok(Value::Float(ends[0] + (ends[1] - ends[0]) * (at - at.floor())))
        }
    }
}

/// The first of the sorted values that has at least this share of them up to itself.
pub(super) fn ranked(values: &[&Value], share: f64) -> Value {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| ordered(a, b));
    let n = sorted.len();
    let above = (n as f64 - share * n as f64).floor() as usize;
    sorted[(n - above.min(n)).max(1) - 1].clone()
}

fn finite<'a>(values: impl Iterator<Item = &'a Value>) -> Result<Vec<f64>, EvalError> {
    let numbers = values.map(|value| as_double(value).ok_or(UNLIKE)).collect::<Result<Vec<f64>, _>>()?;
    if numbers.iter().all(|number| number.is_finite()) {
        Ok(numbers)
    } else {
        Err(EvalError::Unsupported("a statistic of infinities"))
    }
}

/// The sum of products of deviations from the means.
fn deviations(xs: &[f64], ys: &[f64]) -> Result<f64, EvalError> {
    let n = xs.len() as f64;
    let largest = xs.iter().chain(ys).map(|value| value.abs()).fold(0.0, f64::max);
    if largest > 1e5 {
        return Err(UNSTABLE);
    }
    let is_constant = |values: &[f64]| values.windows(2).all(|pair| pair[0] == pair[1]);
    if is_constant(xs) || is_constant(ys) {
        return Ok(0.0);
    }
    let (mean_x, mean_y) = (xs.iter().sum::<f64>() / n, ys.iter().sum::<f64>() / n);
    Ok(xs.iter().zip(ys).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum())
}
