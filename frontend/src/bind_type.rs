//! Type names of the dialects.

use std::sync::Arc;

use isomer_ir::{DataType, Dialect, Nested, NestedType};
use sqlparser::ast::{self, ArrayElemTypeDef, EnumMember, ExactNumberInfo, Expr, StructField, TimezoneInfo};

use crate::bind::{Bind, Binder};

impl Binder<'_> {
    /// What a type name means; types that are not modelled are refused by name.
    pub(crate) fn data_type(&self, written: &ast::DataType, at: &Expr) -> Bind<DataType> {
        type_of_name(written, self.dialect).ok_or_else(|| self.unsupported(at, &format!("the type `{written}`")))
    }
}

pub(crate) fn type_of_name(written: &ast::DataType, dialect: Dialect) -> Option<DataType> {
    use ast::DataType as T;
    if let Some(found) = of_warehouse(written, dialect) {
        return found;
    }
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
        T::JSON if dialect != Dialect::Postgres => DataType::Json,
        T::JSONB if dialect == Dialect::Postgres => DataType::Json,
        T::Array(
            ArrayElemTypeDef::AngleBracket(element)
            | ArrayElemTypeDef::Parenthesis(element)
            | ArrayElemTypeDef::SquareBracket(element, None),
        ) => type_of_name(element, dialect)?.list_of(),
        T::Map(key, value) => {
            let (key, value) = (type_of_name(key, dialect)?, type_of_name(value, dialect)?);
            DataType::Nested(NestedType::new(Nested::Map(key, value)))
        }
        T::Struct(fields, _) => structure(fields, dialect)?,
        T::Enum(members, None) => {
            let text = |member: &EnumMember| match member {
                EnumMember::Name(text) => Some(Arc::from(text.as_str())),
                EnumMember::NamedValue(..) => None,
            };
            DataType::Nested(NestedType::new(Nested::Enum(members.iter().map(text).collect::<Option<_>>()?)))
        }
        T::Bytea | T::Blob(None) | T::Binary(None) | T::Varbinary(None) | T::Bytes(None) => DataType::Bytes,
        T::Date | T::Date32 => DataType::Date,
        T::Time(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => DataType::Time,
        // Spark's and BigQuery's bare TIMESTAMP is an instant.
        T::Timestamp(None, TimezoneInfo::None) if matches!(dialect, Dialect::Spark | Dialect::BigQuery) => {
            DataType::TimestampTz
        }
        T::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone)
        | T::TimestampNtz(None)
        | T::Datetime(None) => DataType::Timestamp,
        T::Timestamp(Some(digits), TimezoneInfo::None | TimezoneInfo::WithoutTimeZone)
            if dialect == Dialect::DuckDb =>
        {
            timestamp_to(*digits)?
        }
        T::Timestamp(None, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => DataType::TimestampTz,
        T::Interval { fields: None, precision: None } => DataType::Interval,
        T::Uuid => DataType::Uuid,
        T::Custom(name, modifiers) if modifiers.len() == 2 && name.to_string().eq_ignore_ascii_case("map") => {
            let part = |part: &String| crate::data_type_from_name(part, dialect);
            DataType::Nested(NestedType::new(Nested::Map(part(&modifiers[0])?, part(&modifiers[1])?)))
        }
        T::Custom(name, modifiers) if modifiers.is_empty() => match name.to_string().to_lowercase().as_str() {
            "uinteger" | "uint" => DataType::UInt32,
            "long" => DataType::Int64,
            "short" => DataType::Int16,
            "byte" => DataType::Int8,
            "string" => DataType::Text,
            "timestamp_ntz" => DataType::Timestamp,
            "timestamp_s" if dialect == Dialect::DuckDb => DataType::TimestampTo(0),
            "timestamp_ms" if dialect == Dialect::DuckDb => DataType::TimestampTo(3),
            "timestamp_ns" if dialect == Dialect::DuckDb => DataType::TimestampTo(9),
            "timestamp_us" if dialect == Dialect::DuckDb => DataType::Timestamp,
            _ => return None,
        },
        _ => return None,
    })
}

/// DuckDB has seconds, and their thousandths, millionths and thousand-millionths.
pub(crate) fn timestamp_to(digits: impl Into<u64>) -> Option<DataType> {
    Some(match digits.into() {
        0 => DataType::TimestampTo(0),
        1..=3 => DataType::TimestampTo(3),
        4..=6 => DataType::Timestamp,
        7..=9 => DataType::TimestampTo(9),
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
            Dialect::Snowflake => (38, 0),
            Dialect::BigQuery => (38, 9),
        },
        ExactNumberInfo::Precision(precision) => (u8::try_from(*precision).ok()?, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => {
            (u8::try_from(*precision).ok()?, u8::try_from(*scale).ok()?)
        }
    };
    ((1..=38).contains(&precision) && scale <= precision).then_some(DataType::Decimal { precision, scale })
}

/// The length to which a cast to this type cuts texts off.
pub(crate) fn cut_at(written: &ast::DataType, dialect: Dialect) -> Option<u64> {
    use ast::DataType as T;
    match written {
        T::Varchar(Some(length)) | T::CharacterVarying(Some(length)) | T::CharVarying(Some(length))
            if matches!(dialect, Dialect::Postgres | Dialect::Snowflake) =>
        {
            match length {
                ast::CharacterLength::IntegerLength { length, unit: None } => Some(*length),
                ast::CharacterLength::IntegerLength { .. } | ast::CharacterLength::Max => None,
            }
        }
        _ => None,
    }
}

/// What Snowflake and BigQuery mean by a name in their own way; `None` where it is as elsewhere.
#[allow(clippy::option_option, reason = "a name of the dialect may be one without a type here")]
fn of_warehouse(written: &ast::DataType, dialect: Dialect) -> Option<Option<DataType>> {
    use ast::DataType as T;
    let folded = |name: &ast::ObjectName| name.to_string().to_lowercase();
    Some(match (dialect, written) {
        (
            Dialect::Snowflake,
            T::TinyInt(None) | T::SmallInt(None) | T::Int(None) | T::Integer(None) | T::BigInt(None),
        ) => Some(DataType::Int64),
        (Dialect::Snowflake, T::Decimal(info) | T::Numeric(info) | T::Dec(info)) => snowflake_number(info),
        (Dialect::Snowflake, T::Float(ExactNumberInfo::None) | T::Real | T::Float4) => Some(DataType::Float64),
        // A cast to a length may cut off.
        (Dialect::Snowflake, T::Varchar(Some(_)) | T::Char(Some(_)) | T::Character(Some(_))) => None,
        (
            Dialect::Snowflake,
            T::Timestamp(Some(9), TimezoneInfo::None) | T::TimestampNtz(Some(9)) | T::Datetime(Some(9)),
        ) => Some(DataType::Timestamp),
        (Dialect::Snowflake, T::Array(ArrayElemTypeDef::None)) => Some(DataType::Json),
        (Dialect::Snowflake, T::Custom(name, modifiers)) => match (folded(name).as_str(), modifiers.as_slice()) {
            ("variant" | "object" | "array", []) => Some(DataType::Json),
            ("number", []) => Some(DataType::Int64),
            ("number", [precision]) => snowflake_number(&ExactNumberInfo::Precision(precision.parse().ok()?)),
            ("number", [precision, scale]) => {
                snowflake_number(&ExactNumberInfo::PrecisionAndScale(precision.parse().ok()?, scale.parse().ok()?))
            }
            ("timestamp_ltz" | "timestamp_tz", _) => Some(DataType::TimestampTz),
            ("timestamp_ntz", _) => Some(DataType::Timestamp),
            ("byteint", []) => Some(DataType::Int64),
            _ => return None,
        },
        (
            Dialect::BigQuery,
            T::TinyInt(None) | T::SmallInt(None) | T::Int(None) | T::Integer(None) | T::BigInt(None),
        ) => Some(DataType::Int64),
        (Dialect::BigQuery, T::Float(ExactNumberInfo::None)) => Some(DataType::Float64),
        (Dialect::BigQuery, T::BigNumeric(_) | T::BigDecimal(_)) => None,
        (Dialect::BigQuery, T::Custom(name, modifiers)) => match (folded(name).as_str(), modifiers.as_slice()) {
            ("byteint", []) => Some(DataType::Int64),
            _ => return None,
        },
        _ => return None,
    })
}

/// Snowflake has one kind of whole number, of up to 38 digits. Here those are of 64 bits: what does
/// not fit fails in the targets.
fn snowflake_number(info: &ExactNumberInfo) -> Option<DataType> {
    match decimal(info, Dialect::Snowflake)? {
        DataType::Decimal { scale: 0, .. } => Some(DataType::Int64),
        other => Some(other),
    }
}

fn structure(fields: &[StructField], dialect: Dialect) -> Option<DataType> {
    let field = |field: &StructField| {
        let name = Arc::from(field.field_name.as_ref()?.value.as_str());
        Some((name, type_of_name(&field.field_type, dialect)?))
    };
    let fields: Vec<(Arc<str>, DataType)> = fields.iter().map(field).collect::<Option<_>>()?;
    (!fields.is_empty()).then(|| DataType::Nested(NestedType::new(Nested::Struct(fields))))
}
