//! Type names of the dialects.

use isomer_ir::{DataType, Dialect};
use sqlparser::ast::{self, ExactNumberInfo, Expr, TimezoneInfo};

use crate::bind::{Bind, Binder};

impl Binder<'_> {
    /// What a type name means; types that are not modelled are refused by name.
    pub(crate) fn data_type(&self, written: &ast::DataType, at: &Expr) -> Bind<DataType> {
        type_of_name(written, self.dialect).ok_or_else(|| self.unsupported(at, &format!("the type `{written}`")))
    }
}

fn type_of_name(written: &ast::DataType, dialect: Dialect) -> Option<DataType> {
    use ast::DataType as T;
    Some(match written {
        T::Boolean | T::Bool => DataType::Boolean,
        T::TinyInt(None) => DataType::Int8,
        T::SmallInt(None) | T::Int2(None) | T::Int16 => DataType::Int16,
        T::Int(None) | T::Integer(None) | T::Int4(None) | T::Int32 => DataType::Int32,
        T::BigInt(None) | T::Int8(None) | T::Int64 => DataType::Int64,
        T::HugeInt | T::Int128 => DataType::Int128,
        T::UTinyInt | T::TinyIntUnsigned(None) | T::UInt8 => DataType::UInt8,
        T::USmallInt | T::SmallIntUnsigned(None) | T::UInt16 => DataType::UInt16,
        T::UInt32 | T::IntUnsigned(None) | T::IntegerUnsigned(None) => DataType::UInt32,
        T::UBigInt | T::UInt64 | T::BigIntUnsigned(None) => DataType::UInt64,
        T::Real | T::Float4 | T::Float32 => DataType::Float32,
        T::Float(ExactNumberInfo::None) if dialect == Dialect::Postgres => DataType::Float64,
        T::Float(ExactNumberInfo::None) => DataType::Float32,
        T::Float8 | T::Float64 | T::Double(ExactNumberInfo::None) | T::DoublePrecision => DataType::Float64,
        T::Decimal(info) | T::Numeric(info) | T::Dec(info) => decimal(info, dialect)?,
        T::Text | T::String(None) => DataType::Text,
        // A length cuts the text off in PostgreSQL; elsewhere it is only noted.
        T::Varchar(length) | T::CharacterVarying(length) | T::CharVarying(length)
            if length.is_none() || dialect != Dialect::Postgres =>
        {
            DataType::Text
        }
        T::Bytea | T::Blob(None) | T::Binary(None) | T::Varbinary(None) | T::Bytes(None) => DataType::Bytes,
        T::Date | T::Date32 => DataType::Date,
        T::Time(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => DataType::Time,
        T::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone)
        | T::TimestampNtz(None)
        | T::Datetime(None) => DataType::Timestamp,
        T::Timestamp(None, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => DataType::TimestampTz,
        T::Interval { fields: None, precision: None } => DataType::Interval,
        T::Uuid => DataType::Uuid,
        T::Custom(name, modifiers) if modifiers.is_empty() => match name.to_string().to_lowercase().as_str() {
            "uinteger" | "uint" => DataType::UInt32,
            "long" => DataType::Int64,
            "short" => DataType::Int16,
            "byte" => DataType::Int8,
            "string" => DataType::Text,
            "timestamp_ntz" => DataType::Timestamp,
            _ => return None,
        },
        _ => return None,
    })
}

fn decimal(info: &ExactNumberInfo, dialect: Dialect) -> Option<DataType> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => match dialect {
            Dialect::DuckDb => (18, 3),
            Dialect::Spark => (10, 0),
            Dialect::DataFusion => (38, 10),
            // PostgreSQL's plain `numeric` has no bounds.
            Dialect::Postgres => return None,
        },
        ExactNumberInfo::Precision(precision) => (u8::try_from(*precision).ok()?, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => {
            (u8::try_from(*precision).ok()?, u8::try_from(*scale).ok()?)
        }
    };
    ((1..=38).contains(&precision) && scale <= precision).then_some(DataType::Decimal { precision, scale })
}
