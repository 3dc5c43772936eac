//! Functions of numbers: rounding, signs, roots, powers and logarithms.

use super::cast::{cast, rescaled};
use super::compare::as_double;
use super::{Cell, DOMAIN, EvalError, OVERFLOW, Value};
use crate::{DataType, Function};

const UNLIKE: EvalError = EvalError::Unsupported("a number function over this type");

/// `abs`, `sign`, `ceil`, `floor`, `trunc`, and `round` without digits.
pub(super) fn whole(function: Function, value: &Value, data_type: DataType) -> Cell {
    let result = match (function, value) {
        (Function::Sign, _) => {
            let value = as_double(value).ok_or(UNLIKE)?;
            Value::Int(i128::from(value > 0.0) - i128::from(value < 0.0))
        }
        (Function::Abs, Value::Int(value)) => Value::Int(value.checked_abs().ok_or(OVERFLOW)?),
        (Function::Abs, Value::Decimal { value, scale }) => Value::Decimal { value: value.abs(), scale: *scale },
        (Function::Abs, Value::Float(value)) => Value::Float(value.abs()),
        (_, Value::Int(value)) => Value::Int(*value),
        (Function::Ceil, Value::Float(value)) => Value::Float(value.ceil()),
        (Function::Floor, Value::Float(value)) => Value::Float(value.floor()),
        (Function::Trunc, Value::Float(value)) => Value::Float(value.trunc()),
        (Function::Round, Value::Float(value)) => Value::Float(value.round()),
        (_, Value::Decimal { value, scale }) => {
            let power = 10_i128.checked_pow((*scale).into()).ok_or(OVERFLOW)?;
            let whole = match function {
                Function::Ceil => -(-value).div_euclid(power),
                Function::Floor => value.div_euclid(power),
                Function::Trunc => value / power,
                Function::Round => rescaled(*value, *scale, 0).ok_or(OVERFLOW)?,
                _ => return Err(UNLIKE),
            };
            Value::Decimal { value: whole, scale: 0 }
        }
        _ => return Err(UNLIKE),
    };
    match (&result, data_type) {
        (Value::Int(value), _) if data_type.is_integer() => super::cast::fits(*value, data_type).map(Value::Int),
        _ => cast(result, data_type),
    }
}

/// `round(value, digits)`, halves away from zero.
pub(super) fn rounded(value: &Value, digits: i128, data_type: DataType) -> Cell {
    let digits = i32::try_from(digits.clamp(-40, 40)).map_err(|_| DOMAIN)?;
    match value {
        Value::Float(value) => {
            let power = 10_f64.powi(digits.abs());
            let shifted = if digits < 0 { value / power } else { value * power };
            if !shifted.is_finite() {
                return Err(EvalError::Unsupported("rounding a number of this size"));
            }
            let whole = shifted.round();
            Ok(Value::Float(if digits < 0 { whole * power } else { whole / power }))
        }
        Value::Int(value) => {
            let kept = round_at(*value, -digits).ok_or(OVERFLOW)?;
            // DuckDB wraps around here.
            super::cast::fits(kept, data_type)
                .map(Value::Int)
                .map_err(|_| EvalError::Unsupported("rounding out of range"))
        }
        Value::Decimal { value, scale } => {
            let kept = round_at(*value, i32::from(*scale) - digits).ok_or(OVERFLOW)?;
            cast(Value::Decimal { value: kept, scale: *scale }, data_type)
        }
        _ => Err(UNLIKE),
    }
}

/// The digits with so many at the end made zero, rounded.
fn round_at(value: i128, n_zeros: i32) -> Option<i128> {
    let Ok(n_zeros) = u8::try_from(n_zeros.max(0)) else { return Some(0) };
    if n_zeros > 38 {
        return Some(0);
    }
    rescaled(rescaled(value, n_zeros, 0)?, 0, n_zeros)
}

/// Functions of doubles.
pub(super) fn real(function: Function, args: &[Value]) -> Cell {
    let number = |at: usize| args.get(at).and_then(as_double).ok_or(UNLIKE);
    let value = number(0)?;
    let is_logarithm = matches!(function, Function::Ln | Function::Log10 | Function::Log2);
    if function == Function::Sqrt && value < 0.0 || is_logarithm && value <= 0.0 {
        return Err(DOMAIN);
    }
    Ok(Value::Float(match function {
        Function::Sqrt => value.sqrt(),
        Function::Exp => value.exp(),
        Function::Ln => value.ln(),
        Function::Log10 => value.log10(),
        Function::Log2 => value.log2(),
        Function::Power => value.powf(number(1)?),
        _ => return Err(UNLIKE),
    }))
}
