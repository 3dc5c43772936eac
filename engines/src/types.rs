//! Our types in DuckDB's words, and back.

use std::sync::Arc;

use isomer_ir::{DataType, Nested};

/// DuckDB's name of a type; `None` where the catalog does not say.
pub(crate) fn duckdb_name(data_type: DataType) -> Option<String> {
    let name = match data_type {
        DataType::Null | DataType::Unknown => return None,
        DataType::Decimal { precision, scale } => return Some(format!("DECIMAL({precision}, {scale})")),
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "TINYINT",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INTEGER",
        DataType::Int64 => "BIGINT",
        DataType::Int128 => "HUGEINT",
        DataType::UInt8 => "UTINYINT",
        DataType::UInt16 => "USMALLINT",
        DataType::UInt32 => "UINTEGER",
        DataType::UInt64 => "UBIGINT",
        DataType::Float32 => "FLOAT",
        DataType::Float64 => "DOUBLE",
        DataType::Text => "VARCHAR",
        DataType::Bytes => "BLOB",
        DataType::Date => "DATE",
        DataType::Time => "TIME",
        DataType::Timestamp => "TIMESTAMP",
        DataType::TimestampTo(0) => "TIMESTAMP_S",
        DataType::TimestampTo(..=3) => "TIMESTAMP_MS",
        DataType::TimestampTo(_) => "TIMESTAMP_NS",
        DataType::TimestampTz => "TIMESTAMP WITH TIME ZONE",
        DataType::Interval => "INTERVAL",
        DataType::Json => "JSON",
        DataType::Nested(nested) => return nested_name(nested.get()),
        DataType::Uuid => "UUID",
    };
    Some(name.to_owned())
}

/// The type of a name as `duckdb_columns()` writes it. Nested types, enumerations, timestamps of
/// another precision and whatever comes later are `Unknown`: no rule that needs a type fires on them.
pub(crate) fn from_duckdb_name(name: &str) -> DataType {
    match name {
        "BOOLEAN" => DataType::Boolean,
        "TINYINT" => DataType::Int8,
        "SMALLINT" => DataType::Int16,
        "INTEGER" => DataType::Int32,
        "BIGINT" => DataType::Int64,
        "HUGEINT" => DataType::Int128,
        "UTINYINT" => DataType::UInt8,
        "USMALLINT" => DataType::UInt16,
        "UINTEGER" => DataType::UInt32,
        "UBIGINT" => DataType::UInt64,
        "FLOAT" => DataType::Float32,
        "DOUBLE" => DataType::Float64,
        "VARCHAR" => DataType::Text,
        "BLOB" => DataType::Bytes,
        "DATE" => DataType::Date,
        "TIME" => DataType::Time,
        "TIMESTAMP" => DataType::Timestamp,
        "TIMESTAMP_S" => DataType::TimestampTo(0),
        "TIMESTAMP_MS" => DataType::TimestampTo(3),
        "TIMESTAMP_NS" => DataType::TimestampTo(9),
        "TIMESTAMP WITH TIME ZONE" => DataType::TimestampTz,
        "INTERVAL" => DataType::Interval,
        "UUID" => DataType::Uuid,
        "JSON" => DataType::Json,
        other => decimal(other).or_else(|| list(other)).unwrap_or(DataType::Unknown),
    }
}

fn nested_name(nested: &Nested) -> Option<String> {
    Some(match nested {
        Nested::List(element) => format!("{}[]", duckdb_name(*element)?),
        Nested::Map(key, of) => format!("MAP({}, {})", duckdb_name(*key)?, duckdb_name(*of)?),
        Nested::Struct(fields) => {
            let part = |(name, of): &(Arc<str>, DataType)| {
                Some(format!("\"{}\" {}", name.replace('"', "\"\""), duckdb_name(*of)?))
            };
            format!("STRUCT({})", fields.iter().map(part).collect::<Option<Vec<_>>>()?.join(", "))
        }
        Nested::Enum(texts) => {
            let texts: Vec<String> = texts.iter().map(|text| format!("'{}'", text.replace('\'', "''"))).collect();
            format!("ENUM({})", texts.join(", "))
        }
    })
}

/// A list of a known type.
fn list(name: &str) -> Option<DataType> {
    let element = from_duckdb_name(name.strip_suffix("[]")?);
    (element != DataType::Unknown).then(|| element.list_of())
}

fn decimal(name: &str) -> Option<DataType> {
    let (precision, scale) = name.strip_prefix("DECIMAL(")?.strip_suffix(')')?.split_once(',')?;
    Some(DataType::Decimal { precision: precision.trim().parse().ok()?, scale: scale.trim().parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::{DataType, duckdb_name, from_duckdb_name};

    #[test]
    fn there_and_back() {
        let types = [
            DataType::Boolean,
            DataType::Int128,
            DataType::UInt16,
            DataType::Text,
            DataType::TimestampTz,
            DataType::Decimal { precision: 15, scale: 2 },
        ];
        for data_type in types {
            let name = duckdb_name(data_type).unwrap().replace(", ", ",");
            assert_eq!(from_duckdb_name(&name), data_type);
        }
        for name in ["STRUCT(a INTEGER)", "ENUM('a')", "TIME_NS", "DECIMAL(a,b)"] {
            assert_eq!(from_duckdb_name(name), DataType::Unknown, "{name}");
        }
    }
}
