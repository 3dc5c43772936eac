//! Brings a column of both sides to one type in which equal values are equal.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int8Array, ListArray, new_null_array};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, IntervalUnit, TimeUnit};
use arrow::row::{RowConverter, SortField};

use super::floats::FloatPair;

/// A column of both sides.
pub(super) enum Pair {
    /// Of one type, compared as it is.
    Exact(ArrayRef, ArrayRef),
    /// Numbers of which one side is binary floating point.
    Float {
        /// Which values are NULL, NaN, infinite or finite.
        classes: (ArrayRef, ArrayRef),
        /// The finite ones; zero elsewhere.
        values: FloatPair,
    },
}

/// Least tolerance where singles are compared: they have 24 bits.
const SINGLE_TOLERANCE: f64 = 1e-6;

/// Both sides' chunks of a column as one pair, or why they do not compare.
pub(super) fn pair(left: &[ArrayRef], right: &[ArrayRef], tolerance: f64) -> Result<Pair, String> {
    let (left_type, right_type) = (plain(left[0].data_type()), plain(right[0].data_type()));
    let both = |target: &DataType| Ok(Pair::Exact(joined(left, target)?, joined(right, target)?));
    let (left_type, right_type) = match (left_type, right_type) {
        (DataType::Null, other) => (other.clone(), other),
        (other, DataType::Null) => (other.clone(), other),
        types => types,
    };
    if is_float(&left_type) && is_number(&right_type) || is_number(&left_type) && is_float(&right_type) {
        let is_single = left_type != DataType::Float64 && is_float(&left_type)
            || right_type != DataType::Float64 && is_float(&right_type);
        let tolerance = if is_single { tolerance.max(SINGLE_TOLERANCE) } else { tolerance };
        let (left, left_values) = classified(&joined(left, &DataType::Float64)?);
        let (right, right_values) = classified(&joined(right, &DataType::Float64)?);
        let values = FloatPair { left: left_values, right: right_values, tolerance };
        return Ok(Pair::Float { classes: (left, right), values });
    }
    if let (Some(left), Some(right)) = (entries(left), entries(right)) {
        return pair(&left, &right, tolerance);
    }
    if left_type == right_type && is_orderable(&left_type) {
        return both(&left_type);
    }
    if is_number(&left_type) && is_number(&right_type) {
        let scale = scale(&left_type).max(scale(&right_type));
        return Ok(Pair::Exact(scaled(left, scale)?, scaled(right, scale)?));
    }
    if is_text(&left_type) && is_text(&right_type) {
        return both(&DataType::LargeUtf8);
    }
    if is_bytes(&left_type) && is_bytes(&right_type) {
        return both(&DataType::LargeBinary);
    }
    if let (DataType::Interval(_), DataType::Interval(_)) = (&left_type, &right_type) {
        return both(&DataType::Interval(IntervalUnit::MonthDayNano));
    }
    let is_day =
        |data_type: &DataType| matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _));
    let is_time = |data_type: &DataType| matches!(data_type, DataType::Time32(_) | DataType::Time64(_));
    if is_day(&left_type) && is_day(&right_type) || is_time(&left_type) && is_time(&right_type) {
        return Ok(Pair::Exact(nanoseconds(left)?, nanoseconds(right)?));
    }
    Err(format!("`{left_type}` and `{right_type}` do not compare"))
}

/// Maps as lists of their entries, which are ordered.
fn entries(chunks: &[ArrayRef]) -> Option<Vec<ArrayRef>> {
    let list = |chunk: &ArrayRef| Some(Arc::new(ListArray::from(chunk.as_map_opt()?.clone())) as ArrayRef);
    chunks.iter().map(list).collect()
}

/// The type of a dictionary's values, or the type itself.
fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        other => other.clone(),
    }
}

fn is_float(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float16 | DataType::Float32 | DataType::Float64)
}

fn is_number(data_type: &DataType) -> bool {
    let is_decimal =
        matches!(data_type, DataType::Decimal32(_, _) | DataType::Decimal64(_, _) | DataType::Decimal128(_, _));
    data_type.is_integer() || is_decimal || is_float(data_type)
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_bytes(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

fn is_orderable(data_type: &DataType) -> bool {
    RowConverter::supports_fields(&[SortField::new(data_type.clone())])
}

fn scale(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    }
}

/// The chunks as one array of a type that takes them without loss.
fn joined(chunks: &[ArrayRef], target: &DataType) -> Result<ArrayRef, String> {
    let chunks = chunks
        .iter()
        .map(|chunk| match chunk.data_type() {
            DataType::Null => Ok(new_null_array(target, chunk.len())),
            data_type if data_type == target => Ok(Arc::clone(chunk)),
            _ => cast(chunk, target),
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let chunks: Vec<&dyn Array> = chunks.iter().map(AsRef::as_ref).collect();
    concat(&chunks).map_err(|error| error.to_string())
}

/// Exact numbers as 128-bit integers of one scale.
fn scaled(chunks: &[ArrayRef], target: i8) -> Result<ArrayRef, String> {
    let mut values: Vec<Option<i128>> = Vec::new();
    for chunk in chunks {
        let (own, wide) = match plain(chunk.data_type()) {
            DataType::Null => {
                values.extend(std::iter::repeat_n(None, chunk.len()));
                continue;
            }
            DataType::UInt64 => (0, DataType::Decimal128(20, 0)),
            data_type if data_type.is_integer() => (0, DataType::Decimal128(19, 0)),
            data_type => {
                let own = scale(&data_type);
                (own, DataType::Decimal128(38, own))
            }
        };
        let chunk = cast(chunk, &wide).map_err(|error| error.to_string())?;
        let factor = 10_i128.checked_pow(u32::from(target.saturating_sub(own).unsigned_abs())).unwrap_or(i128::MAX);
        // A value that leaves 128 bits at the finer scale has more digits than that side can
        // hold at all: it equals none of them, as does the largest integer in its place.
        let scaled = |value: i128| value.checked_mul(factor).unwrap_or(if value > 0 { i128::MAX } else { i128::MIN });
        values.extend(chunk.as_primitive::<Decimal128Type>().iter().map(|value| value.map(scaled)));
    }
    Ok(Arc::new(Decimal128Array::from(values)))
}

/// Dates and times as nanoseconds in 128 bits, from the epoch or midnight.
fn nanoseconds(chunks: &[ArrayRef]) -> Result<ArrayRef, String> {
    let mut values: Vec<Option<i128>> = Vec::new();
    for chunk in chunks {
        let of = |unit: &TimeUnit| match unit {
            TimeUnit::Second => 1_000_000_000,
            TimeUnit::Millisecond => 1_000_000,
            TimeUnit::Microsecond => 1_000,
            TimeUnit::Nanosecond => 1,
        };
        let factor: i128 = match plain(chunk.data_type()) {
            DataType::Null => {
                values.extend(std::iter::repeat_n(None, chunk.len()));
                continue;
            }
            DataType::Date32 => 86_400_000_000_000,
            DataType::Date64 => 1_000_000,
            DataType::Timestamp(unit, _) | DataType::Time32(unit) | DataType::Time64(unit) => of(&unit),
            other => return Err(format!("`{other}` is no date or time")),
        };
        let whole = match plain(chunk.data_type()) {
            DataType::Date32 | DataType::Time32(_) => {
                cast(chunk, &DataType::Int32).and_then(|chunk| cast(&chunk, &DataType::Int64))
            }
            _ => cast(chunk, &DataType::Int64),
        }
        .map_err(|error| error.to_string())?;
        values.extend(
            whole.as_primitive::<Int64Type>().iter().map(|value| value.map(|value| i128::from(value) * factor)),
        );
    }
    Ok(Arc::new(Decimal128Array::from(values)))
}

/// What kind of value each float is, and the finite ones.
fn classified(array: &ArrayRef) -> (ArrayRef, Vec<f64>) {
    let array: &Float64Array = array.as_primitive::<Float64Type>();
    let class = |value: Option<f64>| match value {
        None => 0,
        Some(value) if value.is_nan() => 1,
        Some(value) if value.is_finite() => 2,
        Some(value) if value > 0.0 => 3,
        Some(_) => 4,
    };
    let classes: Int8Array = array.iter().map(|value| Some(class(value))).collect();
    let values = array.iter().map(|value| value.filter(|value| value.is_finite()).unwrap_or(0.0)).collect();
    (Arc::new(classes), values)
}
