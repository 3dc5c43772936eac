//! `+ - * / // %` and the sign, over numbers; dates and intervals go to `temporal`.
//!
//! Integers and decimals are exact and overflow is an error. Doubles follow IEEE 754, so that
//! dividing by zero gives an infinity or NaN. Dividing whole numbers by zero is an error; where a
//! dialect gives NULL, the front end wrote `NULLIF` around the divisor.

use super::cast::{exact, fits, rescaled};
use super::compare::as_double;
use super::{Cell, EvalError, OVERFLOW, Raised, Value, temporal};
use crate::{DataType, Function};

const UNLIKE: EvalError = EvalError::Unsupported("arithmetic over these types");
const DIVISION: EvalError = EvalError::Raised(Raised::DivisionByZero);

/// `a function b`, neither NULL, as a value of the type.
pub(super) fn arithmetic(function: Function, a: &Value, b: &Value, data_type: DataType) -> Cell {
    if is_temporal(a) || is_temporal(b) {
        return temporal::arithmetic(function, a, b, data_type);
    }
    match data_type {
        DataType::Float64 | DataType::Float32 => {
            let (a, b) = (as_double(a).ok_or(UNLIKE)?, as_double(b).ok_or(UNLIKE)?);
            let value = match function {
                Function::Add => a + b,
                Function::Subtract => a - b,
                Function::Multiply => a * b,
                Function::Divide => a / b,
                Function::Modulo => a % b,
                _ => return Err(UNLIKE),
            };
            Ok(Value::Float(if data_type == DataType::Float32 { f64::from(value as f32) } else { value }))
        }
        DataType::Decimal { precision, scale } => decimals(function, a, b, precision, scale),
        _ => match (a, b) {
            (Value::Int(a), Value::Int(b)) => integers(function, *a, *b, data_type),
            _ => Err(UNLIKE),
        },
    }
}

/// The value with its sign changed.
pub(super) fn negated(value: &Value, data_type: DataType) -> Cell {
    match value {
        Value::Int(value) => fits(value.checked_neg().ok_or(OVERFLOW)?, data_type).map(Value::Int),
        Value::Decimal { value, scale } => Ok(Value::Decimal { value: -value, scale: *scale }),
        Value::Float(value) => Ok(Value::Float(-value)),
        Value::Interval { months, days, micros } => Ok(Value::Interval {
            months: months.checked_neg().ok_or(OVERFLOW)?,
            days: days.checked_neg().ok_or(OVERFLOW)?,
            micros: micros.checked_neg().ok_or(OVERFLOW)?,
        }),
        _ => Err(UNLIKE),
    }
}

fn is_temporal(value: &Value) -> bool {
    matches!(
        value,
        Value::Date(_) | Value::Time(_) | Value::Timestamp(_) | Value::TimestampTz(_) | Value::Interval { .. }
    )
}

fn integers(function: Function, a: i128, b: i128, data_type: DataType) -> Cell {
    if matches!(function, Function::IntegerDivide | Function::Modulo) && b == 0 {
        return Err(DIVISION);
    }
    let value = match function {
        Function::Add => a.checked_add(b),
        Function::Subtract => a.checked_sub(b),
        Function::Multiply => a.checked_mul(b),
        Function::IntegerDivide => a.checked_div(b),
        // The least integer modulo -1 is an error to engines, which divide.
        Function::Modulo => a.checked_div(b).filter(|quotient| fits(*quotient, data_type).is_ok()).map(|_| a % b),
        _ => return Err(UNLIKE),
    };
    fits(value.ok_or(OVERFLOW)?, data_type).map(Value::Int)
}

fn decimals(function: Function, a: &Value, b: &Value, precision: u8, scale: u8) -> Cell {
    let parts = |value: &Value| match value {
        Value::Int(value) => Ok((*value, 0)),
        Value::Decimal { value, scale } => Ok((*value, *scale)),
        _ => Err(UNLIKE),
    };
    let ((a, scale_a), (b, scale_b)) = (parts(a)?, parts(b)?);
    if function == Function::Multiply {
        let product = a.checked_mul(b).and_then(|product| rescaled(product, scale_a + scale_b, scale));
        return exact(product.ok_or(OVERFLOW)?, precision, scale);
    }
    if scale < scale_a.max(scale_b) {
        // Spark and DataFusion cut digits off where a result would be too wide, each in its own way.
        return Err(EvalError::Unsupported("a decimal result with fewer digits than its operands"));
    }
    let aligned = |value, from| rescaled(value, from, scale).ok_or(OVERFLOW);
    let (a, b) = (aligned(a, scale_a)?, aligned(b, scale_b)?);
    let value = match function {
        Function::Add => a.checked_add(b),
        Function::Subtract => a.checked_sub(b),
        // DuckDB gives NULL here, also where it does not for doubles.
        Function::Modulo if b == 0 => return Ok(Value::Null),
        Function::Modulo => a.checked_rem(b),
        _ => return Err(EvalError::Unsupported("a decimal division")),
    };
    exact(value.ok_or(OVERFLOW)?, precision, scale)
}
