//! Types and constants: how values of the plan look in a Substrait plan.
//!
//! Every type is nullable: a consumer may then hold a stricter schema, never a laxer one.

use isomer_ir::{DataType, Literal};
use substrait::proto::expression::literal::interval_day_to_second::PrecisionMode;
use substrait::proto::expression::literal::{
    Decimal, IntervalCompound, IntervalDayToSecond, IntervalYearToMonth, LiteralType, PrecisionTimestamp,
};
use substrait::proto::expression::{self, RexType};
use substrait::proto::r#type::{self, Kind, Nullability};
use substrait::proto::{Expression, Type};

use super::refusal;
use crate::CodegenError;

/// Digits behind the second: microseconds.
const MICROSECONDS: i32 = 6;
const MICROS_A_SECOND: i64 = 1_000_000;
/// The greatest absolute value of a decimal of 38 digits.
const MAX_DECIMAL: i128 = 10_i128.pow(38) - 1;

/// The type that stands for `data_type` in a plan. `Int128` has no Substrait type: it is carried
/// as `decimal(38, 0)`, which holds all but the values next to the ends. An untyped NULL is an
/// `Int32`, as in DuckDB.
pub(super) fn physical(data_type: DataType) -> Result<DataType, CodegenError> {
    Ok(match data_type {
        DataType::Int128 => DataType::Decimal { precision: 38, scale: 0 },
        DataType::Null => DataType::Int32,
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal { .. }
        | DataType::Text
        | DataType::Bytes
        | DataType::Date
        | DataType::Timestamp
        | DataType::TimestampTz
        | DataType::Interval => data_type,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
            return Err(no_type(data_type, "Substrait has no unsigned integers; cast the column to a signed type"));
        }
        DataType::Time => {
            return Err(no_type(data_type, "DataFusion reads a time of day only with a private type variation"));
        }
        DataType::TimestampTo(_) => return Err(no_type(data_type, "cast the column to a plain timestamp")),
        DataType::Uuid => return Err(no_type(data_type, "DataFusion reads no UUID; cast the column to text")),
        DataType::Json | DataType::Nested(_) => return Err(no_type(data_type, "cast the column to text")),
        DataType::Unknown => return Err(no_type(data_type, "declare the column's type in the project file")),
    })
}

fn no_type(data_type: DataType, help: &str) -> CodegenError {
    refusal("GEN-0101", &format!("a value of type `{data_type}`"), help)
}

/// The message of a physical type.
pub(super) fn type_message(data_type: DataType) -> Result<Type, CodegenError> {
    let nullability = Nullability::Nullable as i32;
    let type_variation_reference = 0;
    let kind = match physical(data_type)? {
        DataType::Boolean => Kind::Bool(r#type::Boolean { type_variation_reference, nullability }),
        DataType::Int8 => Kind::I8(r#type::I8 { type_variation_reference, nullability }),
        DataType::Int16 => Kind::I16(r#type::I16 { type_variation_reference, nullability }),
        DataType::Int32 => Kind::I32(r#type::I32 { type_variation_reference, nullability }),
        DataType::Int64 => Kind::I64(r#type::I64 { type_variation_reference, nullability }),
        DataType::Float32 => Kind::Fp32(r#type::Fp32 { type_variation_reference, nullability }),
        DataType::Float64 => Kind::Fp64(r#type::Fp64 { type_variation_reference, nullability }),
        DataType::Decimal { precision, scale } => Kind::Decimal(r#type::Decimal {
            scale: i32::from(scale),
            precision: i32::from(precision),
            type_variation_reference,
            nullability,
        }),
        DataType::Text => Kind::String(r#type::String { type_variation_reference, nullability }),
        DataType::Bytes => Kind::Binary(r#type::Binary { type_variation_reference, nullability }),
        DataType::Date => Kind::Date(r#type::Date { type_variation_reference, nullability }),
        DataType::Timestamp => Kind::PrecisionTimestamp(r#type::PrecisionTimestamp {
            precision: MICROSECONDS,
            type_variation_reference,
            nullability,
        }),
        DataType::TimestampTz => Kind::PrecisionTimestampTz(r#type::PrecisionTimestampTz {
            precision: MICROSECONDS,
            type_variation_reference,
            nullability,
        }),
        DataType::Interval => Kind::IntervalCompound(r#type::IntervalCompound {
            type_variation_reference,
            nullability,
            precision: MICROSECONDS,
        }),
        other @ (DataType::Null
        | DataType::Int128
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Time
        | DataType::TimestampTo(_)
        | DataType::Uuid
        | DataType::Json
        | DataType::Nested(_)
        | DataType::Unknown) => return Err(no_type(other, "cast the column to another type")),
    };
    Ok(Type { kind: Some(kind) })
}

/// The short name of a physical type in a compound function name such as `add:i64_i64`.
pub(super) fn abbreviation(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "bool",
        DataType::Int8 => "i8",
        DataType::Int16 => "i16",
        DataType::Int32 | DataType::Null => "i32",
        DataType::Int64 => "i64",
        DataType::Float32 => "fp32",
        DataType::Float64 => "fp64",
        DataType::Decimal { .. } | DataType::Int128 => "dec",
        DataType::Text => "str",
        DataType::Bytes => "vbin",
        DataType::Date => "date",
        DataType::Timestamp => "pts",
        DataType::TimestampTz => "ptstz",
        DataType::Interval => "icompound",
        DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Time
        | DataType::TimestampTo(_)
        | DataType::Uuid
        | DataType::Json
        | DataType::Nested(_)
        | DataType::Unknown => "any",
    }
}

/// A constant as an expression.
pub(super) fn literal_message(literal: &Literal) -> Result<Expression, CodegenError> {
    let literal_type = match literal {
        Literal::Null(data_type) => LiteralType::Null(type_message(*data_type)?),
        Literal::Boolean(value) => LiteralType::Boolean(*value),
        Literal::Int(value, data_type) => integer(*value, *data_type)?,
        Literal::Decimal { value, precision, scale } => decimal(*value, *precision, *scale),
        Literal::Float(bits) => LiteralType::Fp64(f64::from_bits(*bits)),
        Literal::Text(text) => LiteralType::String(text.to_string()),
        Literal::Date(days) => LiteralType::Date(*days),
        Literal::Time(_) => {
            return Err(no_type(DataType::Time, "DataFusion reads a time of day only with a private type variation"));
        }
        Literal::Timestamp(value) => {
            LiteralType::PrecisionTimestamp(PrecisionTimestamp { precision: MICROSECONDS, value: *value })
        }
        Literal::TimestampTz(value) => {
            LiteralType::PrecisionTimestampTz(PrecisionTimestamp { precision: MICROSECONDS, value: *value })
        }
        Literal::Interval { months, days, micros } => interval(*months, *days, *micros)?,
    };
    let nullable = literal.is_null();
    let literal = expression::Literal { nullable, type_variation_reference: 0, literal_type: Some(literal_type) };
    Ok(Expression { rex_type: Some(RexType::Literal(literal)) })
}

fn integer(value: i128, data_type: DataType) -> Result<LiteralType, CodegenError> {
    let too_large =
        || refusal("GEN-0101", &format!("the constant `{value}` of type `{data_type}`"), "write a smaller constant");
    Ok(match data_type {
        DataType::Int8 => LiteralType::I8(i8::try_from(value).map_err(|_| too_large())?.into()),
        DataType::Int16 => LiteralType::I16(i16::try_from(value).map_err(|_| too_large())?.into()),
        DataType::Int32 => LiteralType::I32(i32::try_from(value).map_err(|_| too_large())?),
        DataType::Int64 => LiteralType::I64(i64::try_from(value).map_err(|_| too_large())?),
        DataType::Int128 if value.unsigned_abs() <= MAX_DECIMAL.unsigned_abs() => decimal(value, 38, 0),
        DataType::Int128 => return Err(too_large()),
        _ => return Err(no_type(data_type, "Substrait has no unsigned integers; cast the constant to a signed type")),
    })
}

fn decimal(value: i128, precision: u8, scale: u8) -> LiteralType {
    LiteralType::Decimal(Decimal {
        value: value.to_le_bytes().to_vec(),
        precision: i32::from(precision),
        scale: i32::from(scale),
    })
}

fn interval(months: i32, days: i32, micros: i64) -> Result<LiteralType, CodegenError> {
    let seconds = i32::try_from(micros / MICROS_A_SECOND)
        .map_err(|_| refusal("GEN-0101", "an interval of more than 2^31 seconds", "write the interval in days"))?;
    Ok(LiteralType::IntervalCompound(IntervalCompound {
        interval_year_to_month: Some(IntervalYearToMonth { years: months / 12, months: months % 12 }),
        interval_day_to_second: Some(IntervalDayToSecond {
            days,
            seconds,
            subseconds: micros % MICROS_A_SECOND,
            precision_mode: Some(PrecisionMode::Precision(MICROSECONDS)),
        }),
    }))
}
