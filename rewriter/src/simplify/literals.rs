//! Constants: how they compare, and which casts of them mean the same everywhere.

use std::cmp::Ordering;

use isomer_ir::{Arena, DataType, Literal, Scalar, ScalarId};

pub(super) fn literal_of(arena: &Arena, id: ScalarId) -> Option<&Literal> {
    match &arena[id] {
        Scalar::Literal(literal) => Some(literal),
        Scalar::Column(_)
        | Scalar::Outer(_)
        | Scalar::Call { .. }
        | Scalar::Case { .. }
        | Scalar::Cast { .. }
        | Scalar::InList { .. }
        | Scalar::Hole(_) => None,
    }
}

pub(super) fn is_literal(arena: &Arena, id: ScalarId) -> bool {
    literal_of(arena, id).is_some()
}

pub(super) fn is_null_literal(arena: &Arena, id: ScalarId) -> bool {
    literal_of(arena, id).is_some_and(Literal::is_null)
}

pub(super) fn boolean_of(arena: &Arena, id: ScalarId) -> Option<bool> {
    match literal_of(arena, id) {
        Some(Literal::Boolean(value)) => Some(*value),
        _ => None,
    }
}

/// Literal casts that cannot fail and mean the same in every dialect.
pub(super) fn cast_literal(literal: &Literal, to: DataType) -> Option<Literal> {
    match (literal, to) {
        (Literal::Null(_), _) => Some(Literal::Null(to)),
        (Literal::Int(value, from), _) if to.is_integer() && isomer_ir::is_widening(*from, to) => {
            Some(Literal::Int(*value, to))
        }
        (Literal::Date(days), DataType::Timestamp) => Some(Literal::Timestamp(i64::from(*days) * MICROS_PER_DAY)),
        _ => None,
    }
}

/// Microseconds of a day without leap seconds, which no engine counts.
pub(super) const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The order of two constants where every dialect agrees on it. Texts have none here: `<` follows the
/// collation of a database. Neither have the zeros
/// and NaN of floats, which engines order in different ways.
pub(super) fn compare_literals(left: &Literal, right: &Literal) -> Option<Ordering> {
    match (left, right) {
        (Literal::Date(a), Literal::Date(b)) => Some(a.cmp(b)),
        (Literal::Time(a), Literal::Time(b))
        | (Literal::Timestamp(a), Literal::Timestamp(b))
        | (Literal::TimestampTz(a), Literal::TimestampTz(b)) => Some(a.cmp(b)),
        (Literal::Boolean(a), Literal::Boolean(b)) => Some(a.cmp(b)),
        (Literal::Float(a), Literal::Float(b)) => {
            let (a, b) = (f64::from_bits(*a), f64::from_bits(*b));
            let is_usual = |value: f64| value.is_finite() && value != 0.0;
            (is_usual(a) && is_usual(b)).then(|| a.partial_cmp(&b)).flatten()
        }
        _ => {
            let ((a, sa), (b, sb)) = (digits(left)?, digits(right)?);
            let scale = sa.max(sb);
            let at = |value: i128, from: u8| value.checked_mul(10_i128.checked_pow(u32::from(scale - from))?);
            Some(at(a, sa)?.cmp(&at(b, sb)?))
        }
    }
}

/// An exact number as digits and scale.
pub(super) fn digits(literal: &Literal) -> Option<(i128, u8)> {
    match literal {
        Literal::Int(value, _) => Some((*value, 0)),
        Literal::Decimal { value, precision: _, scale } => Some((*value, *scale)),
        _ => None,
    }
}

/// Whether two constants are equal: as [`compare_literals`], and for texts by their characters, which
/// equality means in every collation that the dialects use by default.
pub(super) fn are_equal(left: &Literal, right: &Literal) -> Option<bool> {
    match (left, right) {
        (Literal::Text(a), Literal::Text(b)) => Some(a == b),
        _ => compare_literals(left, right).map(Ordering::is_eq),
    }
}

/// An integer constant of the least type, 32 bits up: what a comparison with it reads does not depend
/// on its width.
pub(super) fn integer(value: i128) -> Literal {
    let data_type = if i32::try_from(value).is_ok() {
        DataType::Int32
    } else if i64::try_from(value).is_ok() {
        DataType::Int64
    } else {
        DataType::Int128
    };
    Literal::Int(value, data_type)
}

/// The least and greatest value of an integer type.
pub(super) fn integer_bounds(data_type: DataType) -> Option<(i128, i128)> {
    let bits = data_type.integer_bits()?;
    Some(match (data_type.is_unsigned(), bits) {
        (_, 128) => (i128::MIN, i128::MAX),
        (true, _) => (0, (1_i128 << bits) - 1),
        (false, _) => (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1),
    })
}

/// A decimal with as few digits as it needs, none of them a zero at the end: as people write it.
pub(super) fn shortest(mut value: i128, mut scale: u8) -> Literal {
    while scale > 0 && value % 10 == 0 {
        value /= 10;
        scale -= 1;
    }
    if scale == 0 {
        return integer(value);
    }
    let n_digits = u8::try_from(value.unsigned_abs().to_string().len()).unwrap_or(38);
    Literal::Decimal { value, precision: n_digits.max(scale + 1), scale }
}
