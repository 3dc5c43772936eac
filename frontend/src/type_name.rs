//! Names of data types: what a dialect's type name means.

use isomer_ir::{DataType, Dialect, Nested, NestedType};
use sqlparser::ast;

use crate::bind_type::{timestamp_to, type_of_name};
use crate::parse::{parse_type, with_deep_stack};

/// The type of a name as a column declaration or a cast writes it, such as `decimal(12, 2)`,
/// `bigint` or `timestamp with time zone`; case does not matter.
///
/// `None` for names that are unknown or mean a type that is not modelled (nested types, JSON,
/// timestamps of another precision than microseconds, blank-padded characters). A length, as in
/// `varchar(10)`, is dropped: right for a column, but a *cast* to it may truncate, so a caller that
/// casts asks [`has_length`] first.
#[must_use]
pub fn data_type_from_name(name: &str, dialect: Dialect) -> Option<DataType> {
    if is_composed(name) || matches!(dialect, Dialect::Snowflake | Dialect::BigQuery) {
        return parsed(name, dialect);
    }
    let TypeName { base, arguments, zone } = split(name)?;
    if base == "timestamp" || base == "time" || base == "timestamptz" || base == "datetime" {
        return temporal(&base, &arguments, zone, dialect);
    }
    if zone.is_some() {
        return None;
    }
    match base.as_str() {
        "decimal" | "numeric" | "dec" => decimal(&arguments, dialect),
        "varchar" | "character varying" | "char varying" => match arguments.as_slice() {
            [] => Some(DataType::Text),
            [length] if *length > 0 => Some(DataType::Text),
            _ => None,
        },
        "char" | "character" | "bpchar" | "nchar" => {
            // PostgreSQL and Spark pad these with blanks, which changes comparisons.
            matches!(dialect, Dialect::DuckDb | Dialect::DataFusion).then_some(DataType::Text)
        }
        "float" => float(&arguments, dialect),
        _ if arguments.is_empty() => plain(&base, dialect),
        _ => None,
    }
}

/// Whether a name is one of a type that is made of others, or of JSON.
fn is_composed(name: &str) -> bool {
    let lower = name.trim().to_lowercase();
    let starts = ["struct", "map", "array", "list", "enum", "json", "row"];
    lower.ends_with(']') || starts.iter().any(|start| lower.starts_with(start))
}

/// A type as the dialect's grammar reads it; lengths of texts are dropped.
fn parsed(name: &str, dialect: Dialect) -> Option<DataType> {
    if let Some((key, of)) = map_parts(name) {
        let (key, of) = (data_type_from_name(key, dialect)?, data_type_from_name(of, dialect)?);
        return Some(DataType::Nested(NestedType::new(Nested::Map(key, of))));
    }
    let written = with_deep_stack(|| parse_type(name, dialect))?;
    type_of_name(&without_length(written), dialect)
}

/// Key and value of `map(key, value)`, which the grammars do not read.
fn map_parts(name: &str) -> Option<(&str, &str)> {
    let name = name.trim();
    let is_map = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("map("));
    let inside = name.get(4..)?.strip_suffix(')').filter(|_| is_map)?;
    let mut depth = 0_usize;
    let comma = inside.char_indices().find(|&(_, c)| {
        match c {
            '(' | '<' | '[' => depth += 1,
            ')' | '>' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    let (at, _) = comma?;
    Some((&inside[..at], &inside[at + 1..]))
}

fn without_length(written: ast::DataType) -> ast::DataType {
    use ast::DataType as T;
    match written {
        T::Varchar(_) | T::CharacterVarying(_) | T::CharVarying(_) | T::String(_) | T::Char(_) | T::Character(_) => {
            T::Text
        }
        T::Bytes(_) | T::Binary(_) | T::Varbinary(_) => T::Bytea,
        other => other,
    }
}

/// Whether a name of a character type bounds the length of its values.
#[must_use]
pub fn has_length(name: &str) -> bool {
    split(name).is_some_and(|name| {
        !name.arguments.is_empty()
            && matches!(
                name.base.as_str(),
                "varchar" | "character varying" | "char varying" | "char" | "character" | "bpchar" | "nchar"
            )
    })
}

/// Whether a name is one of a type that exists somewhere but is not modelled here; columns of it
/// have an unknown type.
pub(crate) fn is_unmodelled(name: &str) -> bool {
    const BASES: [&str; 37] = [
        "array",
        "bignum",
        "bit",
        "bit varying",
        "box",
        "bpchar",
        "char",
        "character",
        "cidr",
        "decimal",
        "enum",
        "geography",
        "geometry",
        "hstore",
        "inet",
        "json",
        "jsonb",
        "list",
        "macaddr",
        "map",
        "money",
        "null",
        "numeric",
        "object",
        "oid",
        "row",
        "struct",
        "time",
        "time_ns",
        "timestamp",
        "timestamp_ms",
        "timestamp_ns",
        "timestamp_s",
        "timetz",
        "tsvector",
        "union",
        "variant",
    ];
    let name = name.trim().to_lowercase();
    let base = name.split(['(', '<', '[']).next().unwrap_or_default().trim();
    name.ends_with(']') || BASES.contains(&base) || base == "varint" || name.starts_with("time with")
}

struct TypeName {
    base: String,
    arguments: Vec<u32>,
    /// What stands behind the base about zones.
    zone: Option<bool>,
}

fn split(name: &str) -> Option<TypeName> {
    let lower = name.to_lowercase();
    let (head, arguments, tail) = match lower.split_once('(') {
        None => (lower.as_str(), Vec::new(), ""),
        Some((head, rest)) => {
            let (inside, tail) = rest.split_once(')')?;
            let arguments: Result<Vec<u32>, _> = inside.split(',').map(|part| part.trim().parse()).collect();
            (head, arguments.ok()?, tail)
        }
    };
    let words: Vec<&str> = head.split_whitespace().chain(tail.split_whitespace()).collect();
    let (words, zone) = match words.as_slice() {
        [base @ .., "with", "time", "zone"] => (base, Some(true)),
        [base @ .., "without", "time", "zone"] => (base, Some(false)),
        words => (words, None),
    };
    Some(TypeName { base: words.join(" "), arguments, zone })
}

fn temporal(base: &str, arguments: &[u32], zone: Option<bool>, dialect: Dialect) -> Option<DataType> {
    if let ("timestamp", &[digits], None | Some(false), Dialect::DuckDb) = (base, arguments, zone, dialect) {
        return timestamp_to(digits);
    }
    // Values are microseconds here; another precision rounds when it is cast to.
    if !matches!(arguments, [] | [6]) {
        return None;
    }
    match (base, zone) {
        ("timestamp", Some(true)) | ("timestamptz", None) => Some(DataType::TimestampTz),
        // Spark's bare TIMESTAMP is an instant (`dialects.md` row 45).
        ("timestamp", None) if dialect == Dialect::Spark => Some(DataType::TimestampTz),
        ("timestamp", _) => Some(DataType::Timestamp),
        ("datetime", None) if matches!(dialect, Dialect::DuckDb | Dialect::DataFusion) => Some(DataType::Timestamp),
        ("time", None | Some(false)) if dialect != Dialect::Spark => Some(DataType::Time),
        _ => None,
    }
}

fn decimal(arguments: &[u32], dialect: Dialect) -> Option<DataType> {
    let (precision, scale) = match (arguments, dialect) {
        ([], Dialect::DuckDb) => (18, 3),
        ([], Dialect::Spark) => (10, 0),
        ([], Dialect::DataFusion) => (38, 10),
        // PostgreSQL's bare NUMERIC has no bound.
        ([], Dialect::Postgres | Dialect::Snowflake | Dialect::BigQuery) => return None,
        (&[precision], _) => (precision, 0),
        (&[precision, scale], _) => (precision, scale),
        _ => return None,
    };
    let (precision, scale) = (u8::try_from(precision).ok()?, u8::try_from(scale).ok()?);
    ((1..=38).contains(&precision) && scale <= precision).then_some(DataType::Decimal { precision, scale })
}

fn float(arguments: &[u32], dialect: Dialect) -> Option<DataType> {
    match (arguments, dialect) {
        ([], Dialect::DuckDb | Dialect::DataFusion | Dialect::Spark) => Some(DataType::Float32),
        ([], Dialect::Postgres) | ([25..=53], Dialect::DuckDb | Dialect::Postgres) => Some(DataType::Float64),
        ([1..=24], Dialect::DuckDb | Dialect::Postgres) => Some(DataType::Float32),
        _ => None,
    }
}

fn plain(base: &str, dialect: Dialect) -> Option<DataType> {
    let is_duckdb = dialect == Dialect::DuckDb;
    let is_spark = dialect == Dialect::Spark;
    Some(match base {
        "boolean" | "bool" => DataType::Boolean,
        "tinyint" => DataType::Int8,
        "int1" if is_duckdb => DataType::Int8,
        "byte" if is_spark => DataType::Int8,
        "smallint" | "int2" => DataType::Int16,
        "short" if is_duckdb || is_spark => DataType::Int16,
        "int16" if is_duckdb => DataType::Int16,
        "integer" | "int" | "int4" => DataType::Int32,
        "int32" | "signed" if is_duckdb => DataType::Int32,
        // `int8` counts bytes, as in PostgreSQL.
        "bigint" | "int8" => DataType::Int64,
        "long" if is_duckdb || is_spark => DataType::Int64,
        "int64" if is_duckdb => DataType::Int64,
        "hugeint" | "int128" if is_duckdb => DataType::Int128,
        "utinyint" | "uint8" if is_duckdb => DataType::UInt8,
        "usmallint" | "uint16" if is_duckdb => DataType::UInt16,
        "uinteger" | "uint32" if is_duckdb => DataType::UInt32,
        "ubigint" | "uint64" if is_duckdb => DataType::UInt64,
        "tinyint unsigned" if dialect == Dialect::DataFusion => DataType::UInt8,
        "smallint unsigned" if dialect == Dialect::DataFusion => DataType::UInt16,
        "int unsigned" | "integer unsigned" if dialect == Dialect::DataFusion => DataType::UInt32,
        "bigint unsigned" if dialect == Dialect::DataFusion => DataType::UInt64,
        "real" | "float4" => DataType::Float32,
        "double" | "double precision" | "float8" => DataType::Float64,
        "text" | "string" => DataType::Text,
        "blob" | "bytea" | "binary" | "varbinary" => DataType::Bytes,
        "date" => DataType::Date,
        "timestamp_ntz" if is_spark => DataType::Timestamp,
        "timestamp_ltz" if is_spark => DataType::TimestampTz,
        "timestamp_s" if is_duckdb => DataType::TimestampTo(0),
        "timestamp_ms" if is_duckdb => DataType::TimestampTo(3),
        "timestamp_us" if is_duckdb => DataType::Timestamp,
        "timestamp_ns" if is_duckdb => DataType::TimestampTo(9),
        "interval" => DataType::Interval,
        "uuid" if !is_spark => DataType::Uuid,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use isomer_ir::{DataType as T, Dialect as D};

    use super::{data_type_from_name, has_length, is_unmodelled};

    #[test]
    fn what_names_mean() {
        let decimal = |precision, scale| Some(T::Decimal { precision, scale });
        let cases = [
            ("BIGINT", D::DuckDb, Some(T::Int64)),
            ("int8", D::Postgres, Some(T::Int64)),
            ("long", D::Spark, Some(T::Int64)),
            ("long", D::Postgres, None),
            ("decimal(12,2)", D::DuckDb, decimal(12, 2)),
            ("numeric( 12 , 2 )", D::Postgres, decimal(12, 2)),
            ("decimal(5)", D::Spark, decimal(5, 0)),
            ("decimal", D::DuckDb, decimal(18, 3)),
            ("numeric", D::Postgres, None),
            ("decimal(39,2)", D::DuckDb, None),
            ("decimal(2,3)", D::DuckDb, None),
            ("varchar(10)", D::DuckDb, Some(T::Text)),
            ("character varying(10)", D::Postgres, Some(T::Text)),
            ("char(3)", D::Postgres, None),
            ("char(3)", D::DuckDb, Some(T::Text)),
            ("float", D::Postgres, Some(T::Float64)),
            ("float", D::Spark, Some(T::Float32)),
            ("double precision", D::Postgres, Some(T::Float64)),
            ("timestamp", D::DuckDb, Some(T::Timestamp)),
            ("timestamp", D::Spark, Some(T::TimestampTz)),
            ("timestamp_ntz", D::Spark, Some(T::Timestamp)),
            ("TIMESTAMP WITH TIME ZONE", D::DuckDb, Some(T::TimestampTz)),
            ("timestamp(6) without time zone", D::Postgres, Some(T::Timestamp)),
            ("timestamp(3)", D::Postgres, None),
            ("time with time zone", D::Postgres, None),
            ("int unsigned", D::DataFusion, Some(T::UInt32)),
            ("varchra", D::DuckDb, None),
            ("", D::DuckDb, None),
            ("decimal(", D::DuckDb, None),
        ];
        for (name, dialect, expect) in cases {
            assert_eq!(data_type_from_name(name, dialect), expect, "{name} in {dialect}");
        }
    }

    #[test]
    fn names_of_other_types() {
        for (name, expect) in
            [("integer[]", true), ("STRUCT(a int)", true), ("array<int>", true), ("json", true), ("varchra", false)]
        {
            assert_eq!(is_unmodelled(name), expect, "{name}");
        }
        assert!(has_length("varchar(3)") && !has_length("varchar") && !has_length("decimal(3)"));
    }
}
