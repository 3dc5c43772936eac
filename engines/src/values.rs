//! Results as the values of the reference interpreter, so that both can be compared.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use isomer_ir::semantics::Value;

/// The rows of a result, column by column as the query shows them.
///
/// # Errors
///
/// The type that the interpreter has no values of.
pub fn values(batches: &[RecordBatch]) -> Result<Vec<Vec<Value>>, String> {
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch.columns().iter().map(column).collect::<Result<Vec<_>, _>>()?;
        rows.extend((0..batch.num_rows()).map(|at| columns.iter().map(|column| column[at].clone()).collect()));
    }
    Ok(rows)
}

fn column(array: &ArrayRef) -> Result<Vec<Value>, String> {
    let data_type = array.data_type().clone();
    let as_type = |to: &DataType| cast(array, to).map_err(|error| error.to_string());
    Ok(match &data_type {
        DataType::Null => vec![Value::Null; array.len()],
        DataType::Boolean => made(array.as_boolean().iter(), Value::Boolean),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            made(as_type(&DataType::Float64)?.as_primitive::<Float64Type>().iter(), Value::Float)
        }
        DataType::UInt64 => {
            let wide = as_type(&DataType::Decimal128(20, 0))?;
            made(wide.as_primitive::<Decimal128Type>().iter(), Value::Int)
        }
        data_type if data_type.is_integer() => {
            let wide = as_type(&DataType::Int64)?;
            made(wide.as_primitive::<Int64Type>().iter(), |value| Value::Int(value.into()))
        }
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => {
            let scale = u8::try_from(*scale).map_err(|_| format!("`{data_type}`"))?;
            let wide = as_type(&DataType::Decimal128(38, scale.cast_signed()))?;
            made(wide.as_primitive::<Decimal128Type>().iter(), |value| Value::Decimal { value, scale })
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let texts = as_type(&DataType::LargeUtf8)?;
            made(texts.as_string::<i64>().iter(), |text| Value::Text(Arc::from(text)))
        }
        DataType::Date32 => made(array.as_primitive::<Date32Type>().iter(), Value::Date),
        DataType::Time32(_) | DataType::Time64(_) => {
            let times = as_type(&DataType::Time64(TimeUnit::Microsecond))?;
            made(times.as_primitive::<Time64MicrosecondType>().iter(), Value::Time)
        }
        DataType::Timestamp(_, zone) => {
            let times = as_type(&DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?;
            let is_zoned = zone.is_some();
            let make = |micros| if is_zoned { Value::TimestampTz(micros) } else { Value::Timestamp(micros) };
            made(times.as_primitive::<TimestampMicrosecondType>().iter(), make)
        }
        DataType::Interval(_) => {
            let spans = as_type(&DataType::Interval(IntervalUnit::MonthDayNano))?;
            made(spans.as_primitive::<IntervalMonthDayNanoType>().iter(), |span| Value::Interval {
                months: span.months,
                days: span.days,
                micros: span.nanoseconds / 1_000,
            })
        }
        // An enumeration.
        DataType::Dictionary(_, texts) => return column(&as_type(texts)?),
        DataType::List(element) | DataType::LargeList(element) | DataType::FixedSizeList(element, _) => {
            let lists = as_type(&DataType::LargeList(Arc::clone(element)))?;
            let lists = lists.as_list::<i64>();
            lists
                .iter()
                .map(|list| list.map_or(Ok(Value::Null), |list| Ok(Value::list(column(&list)?))))
                .collect::<Result<Vec<_>, String>>()?
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter().map(column).collect::<Result<Vec<_>, _>>()?;
            let names: Vec<Arc<str>> = fields.iter().map(|field| Arc::from(field.name().as_str())).collect();
            let row = |at: usize| {
                let fields = names.iter().zip(&columns).map(|(name, column)| (Arc::clone(name), column[at].clone()));
                Value::Struct(fields.collect())
            };
            (0..array.len()).map(|at| if array.is_null(at) { Value::Null } else { row(at) }).collect()
        }
        DataType::Map(_, _) => {
            let maps = array.as_map();
            let map = |at: usize| -> Result<Value, String> {
                let entries = maps.value(at);
                let (keys, values) = (column(entries.column(0))?, column(entries.column(1))?);
                Ok(Value::Map(keys.into_iter().zip(values).collect()))
            };
            (0..array.len())
                .map(|at| if array.is_null(at) { Ok(Value::Null) } else { map(at) })
                .collect::<Result<Vec<_>, _>>()?
        }
        other => return Err(format!("`{other}`")),
    })
}

fn made<T>(values: impl Iterator<Item = Option<T>>, make: impl Fn(T) -> Value) -> Vec<Value> {
    values.map(|value| value.map_or(Value::Null, &make)).collect()
}
