//! How each dialect spells a type.

use isomer_ir::{DataType, Dialect, Nested, NestedType};

use super::name::quoted;
use super::target::Target;

use crate::CodegenError;

/// A type as a cast names it. Where the dialect lacks a width, the next wider type stands for it.
///
/// # Errors
///
/// For a type that the dialect has nothing for.
pub fn type_name(data_type: DataType, dialect: Dialect) -> Result<String, CodegenError> {
    written(data_type, Target::of(dialect)?)
}

/// As [`type_name`], for a target.
pub(super) fn written(data_type: DataType, dialect: Target) -> Result<String, CodegenError> {
    use Target::{DataFusion, DuckDb, Postgres, Spark};
    if let DataType::Nested(nested) = data_type {
        return nested_name(nested, dialect);
    }
    let name = match (data_type, dialect) {
        (DataType::Decimal { precision, scale }, Postgres) => return Ok(format!("NUMERIC({precision}, {scale})")),
        (DataType::Decimal { precision, scale }, DuckDb | DataFusion | Spark) => {
            return Ok(format!("DECIMAL({precision}, {scale})"));
        }
        (DataType::Boolean, _) => "BOOLEAN",
        (DataType::Int8, DuckDb | DataFusion | Spark) => "TINYINT",
        (DataType::Int8 | DataType::Int16, _) => "SMALLINT",
        (DataType::Int32, DataFusion | Spark) => "INT",
        (DataType::Int32, DuckDb | Postgres) => "INTEGER",
        (DataType::Int64, _) => "BIGINT",
        (DataType::Int128, DuckDb) => "HUGEINT",
        (DataType::Int128, Postgres) => "NUMERIC(38, 0)",
        (DataType::Int128, DataFusion | Spark) => "DECIMAL(38, 0)",
        (DataType::UInt8, DuckDb) => "UTINYINT",
        (DataType::UInt16, DuckDb) => "USMALLINT",
        (DataType::UInt32, DuckDb) => "UINTEGER",
        (DataType::UInt64, DuckDb) => "UBIGINT",
        (DataType::UInt8, DataFusion) => "TINYINT UNSIGNED",
        (DataType::UInt16, DataFusion) => "SMALLINT UNSIGNED",
        (DataType::UInt32, DataFusion) => "INT UNSIGNED",
        (DataType::UInt64, DataFusion) => "BIGINT UNSIGNED",
        (DataType::UInt8, Postgres | Spark) => "SMALLINT",
        (DataType::UInt16, Postgres) => "INTEGER",
        (DataType::UInt16, Spark) => "INT",
        (DataType::UInt32, Postgres | Spark) => "BIGINT",
        (DataType::UInt64, Postgres) => "NUMERIC(20, 0)",
        (DataType::UInt64, Spark) => "DECIMAL(20, 0)",
        (DataType::Float32, DuckDb | DataFusion | Postgres) => "REAL",
        (DataType::Float32, Spark) => "FLOAT",
        (DataType::Float64, Postgres) => "DOUBLE PRECISION",
        (DataType::Float64, DuckDb | DataFusion | Spark) => "DOUBLE",
        (DataType::Text, DuckDb | DataFusion) => "VARCHAR",
        (DataType::Text, Postgres) => "TEXT",
        (DataType::Text, Spark) => "STRING",
        (DataType::Bytes, DuckDb) => "BLOB",
        (DataType::Bytes, DataFusion | Postgres) => "BYTEA",
        (DataType::Bytes, Spark) => "BINARY",
        (DataType::Date, _) => "DATE",
        (DataType::Time, DuckDb | DataFusion | Postgres) => "TIME",
        (DataType::Timestamp, Spark) => "TIMESTAMP_NTZ",
        (DataType::TimestampTz, Spark) | (DataType::Timestamp, DuckDb | DataFusion | Postgres) => "TIMESTAMP",
        (DataType::TimestampTo(0), DuckDb) => "TIMESTAMP_S",
        (DataType::TimestampTo(..=3), DuckDb) => "TIMESTAMP_MS",
        (DataType::TimestampTo(_), DuckDb) => "TIMESTAMP_NS",
        (DataType::TimestampTz, DuckDb | DataFusion | Postgres) => "TIMESTAMP WITH TIME ZONE",
        (DataType::Interval, DuckDb | DataFusion | Postgres) => "INTERVAL",
        (DataType::Uuid, DuckDb | Postgres) => "UUID",
        (DataType::Uuid, DataFusion) => "VARCHAR",
        (DataType::Uuid, Spark) => "STRING",
        (DataType::Json, DuckDb) => "JSON",
        (DataType::Json, Postgres) => "JSONB",
        (DataType::Time | DataType::Interval, Spark)
        | (DataType::Json, DataFusion | Spark)
        | (DataType::TimestampTo(_), DataFusion | Postgres | Spark)
        | (DataType::Null | DataType::Unknown | DataType::Nested(_), _) => {
            return Err(CodegenError::new(
                "GEN-0009",
                format!("the type {data_type}"),
                dialect.dialect(),
                "cast to another type in the model",
            ));
        }
    };
    Ok(name.to_owned())
}

fn nested_name(nested: NestedType, dialect: Target) -> Result<String, CodegenError> {
    let refused = || {
        let construct = format!("the type {nested}");
        CodegenError::new("GEN-0009", construct, dialect.dialect(), "keep nested values out of what is cast")
    };
    Ok(match (nested.get(), dialect) {
        (Nested::List(element), Target::DuckDb | Target::Postgres) => format!("{}[]", written(*element, dialect)?),
        (Nested::List(element), Target::Spark | Target::DataFusion) => {
            format!("ARRAY<{}>", written(*element, dialect)?)
        }
        (Nested::Map(key, value), Target::DuckDb) => {
            format!("MAP({}, {})", written(*key, dialect)?, written(*value, dialect)?)
        }
        (Nested::Map(key, value), Target::Spark) => {
            format!("MAP<{}, {}>", written(*key, dialect)?, written(*value, dialect)?)
        }
        (Nested::Struct(fields), Target::DuckDb) => {
            let fields =
                fields.iter().map(|(name, of)| Ok(format!("{} {}", quoted(name, dialect), written(*of, dialect)?)));
            format!("STRUCT({})", fields.collect::<Result<Vec<_>, CodegenError>>()?.join(", "))
        }
        (Nested::Struct(fields), Target::Spark) => {
            let fields =
                fields.iter().map(|(name, of)| Ok(format!("{}: {}", quoted(name, dialect), written(*of, dialect)?)));
            format!("STRUCT<{}>", fields.collect::<Result<Vec<_>, CodegenError>>()?.join(", "))
        }
        (Nested::Enum(texts), Target::DuckDb) => {
            let texts: Vec<String> = texts.iter().map(|text| format!("'{}'", text.replace('\'', "''"))).collect();
            format!("ENUM({})", texts.join(", "))
        }
        (Nested::Map(..) | Nested::Struct(_), Target::Postgres | Target::DataFusion)
        | (Nested::Enum(_), Target::Postgres | Target::DataFusion | Target::Spark) => return Err(refused()),
    })
}
