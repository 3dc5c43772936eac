//! The schema of a PostgreSQL database: tables and views with their columns, declared keys,
//! references and row counts, from the server's catalogue.

use std::sync::Arc;

use isomer_ir::{Column, DataType, ForeignKey, Key, Nested, NestedType, Table, fold};

use super::Postgres;
use crate::EngineError;
use crate::name::quoted;

/// Who declared what is read from the database's own constraints.
const DECLARED_BY: &str = "the database";

/// Relations that rows can be read of, outside the server's own schemas: ordinary and partitioned tables,
/// views and foreign tables.
const RELATIONS: &str = "SELECT c.oid, n.nspname, c.relname, pg_table_is_visible(c.oid), \
    CASE WHEN c.relkind IN ('r', 'p', 'm') AND c.reltuples >= 0 THEN c.reltuples::numeric END \
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') \
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%' \
    AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')";

/// The columns of every relation. What a foreign table declares is not enforced, so it is no fact.
const COLUMNS: &str = "SELECT a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), \
    a.attnotnull AND c.relkind <> 'f' \
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid \
    WHERE a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum";

/// Keys and references that hold of the rows which a query reads. A table that others inherit from gives
/// their rows as well, which its own constraints say nothing of; partitions are held to theirs.
const CONSTRAINTS: &str = "SELECT k.oid, k.conrelid, k.contype, k.confrelid, own.attnum, other.attname \
    FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid LEFT JOIN pg_class AS r ON r.oid = k.confrelid \
    CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS u (own, other, at) \
    JOIN pg_attribute AS own ON own.attrelid = k.conrelid AND own.attnum = u.own \
    LEFT JOIN pg_attribute AS other ON other.attrelid = k.confrelid AND other.attnum = u.other \
    WHERE k.contype IN ('p', 'u', 'f') AND k.convalidated AND c.relkind IN ('r', 'p') \
    AND NOT (c.relkind = 'r' AND EXISTS (SELECT 1 FROM pg_inherits AS i WHERE i.inhparent = c.oid)) \
    ORDER BY k.conrelid, k.contype, k.conname, u.at";

/// Tables and views of a PostgreSQL database, sorted by key. The database is only read.
///
/// Relations that the connection's search path finds are named by their table alone, others by
/// `schema.table`. Row counts are the server's estimates, where it has any.
///
/// # Errors
///
/// When there is no `psql`, or the server refuses the connection.
pub fn catalog_of_postgres(server: &Postgres) -> Result<Vec<Table>, EngineError> {
    let mut found: Vec<(String, Table)> = Vec::new();
    for row in server.query(RELATIONS)?.rows {
        let [Some(id), Some(schema), Some(name), is_visible, n_rows] = row.as_slice() else { continue };
        let is_visible = is_visible.as_deref() == Some("t");
        found.push((
            id.clone(),
            Table {
                key: if is_visible { fold(name) } else { fold(&format!("{schema}.{name}")) },
                sql_name: sql_name(schema, name, is_visible),
                columns: Vec::new(),
                keys: Vec::new(),
                foreign_keys: Vec::new(),
                n_rows: n_rows.as_ref().and_then(|count| count.parse().ok()),
            },
        ));
    }
    found.sort_by(|(_, a), (_, b)| a.key.cmp(&b.key));
    let mut numbers: Vec<Vec<String>> = vec![Vec::new(); found.len()];
    for row in server.query(COLUMNS)?.rows {
        let [Some(id), Some(number), Some(name), Some(type_name), is_not_null] = row.as_slice() else { continue };
        let Some(at) = found.iter().position(|(known, _)| known == id) else { continue };
        numbers[at].push(number.clone());
        found[at].1.columns.push(Column {
            name: Arc::from(name.as_str()),
            key: fold(name),
            data_type: from_postgres_name(type_name),
            is_nullable: is_not_null.as_deref() != Some("t"),
            n_distinct: None,
        });
    }
    read_constraints(server, &mut found, &numbers)?;
    Ok(found.into_iter().map(|(_, table)| table).collect())
}

/// `numbers` are the server's numbers of the columns, which have gaps where columns were dropped.
fn read_constraints(
    server: &Postgres,
    found: &mut [(String, Table)],
    numbers: &[Vec<String>],
) -> Result<(), EngineError> {
    let rows = server.query(CONSTRAINTS)?.rows;
    for group in rows.chunk_by(|a, b| a[0] == b[0]) {
        let [_, Some(owner), Some(kind), referred_id, ..] = group[0].as_slice() else { continue };
        let Some(at) = found.iter().position(|(known, _)| known == owner) else { continue };
        let position = |row: &Vec<Option<String>>| {
            let number = row.get(4)?.as_ref()?;
            numbers[at].iter().position(|known| known == number)
        };
        let Some(mut columns) = group.iter().map(position).collect::<Option<Vec<usize>>>() else { continue };
        let declared_by = Arc::from(DECLARED_BY);
        if kind == "f" {
            let referred = group.iter().map(|row| Some(fold(row.get(5)?.as_ref()?))).collect::<Option<Vec<_>>>();
            let partner = found.iter().find(|(known, _)| Some(known) == referred_id.as_ref());
            if let (Some(referred), Some((_, partner))) = (referred, partner) {
                let table = Arc::clone(&partner.key);
                found[at].1.foreign_keys.push(ForeignKey { columns, table, referred, declared_by });
            }
        } else {
            columns.sort_unstable();
            found[at].1.keys.push(Key { columns, declared_by });
        }
    }
    Ok(())
}

/// The type of a name as `format_type` writes it. Blank-padded texts, numbers without bounds, times of
/// another precision, enumerations and whatever a user made are `Unknown`: no rule that needs a type fires
/// on them.
fn from_postgres_name(name: &str) -> DataType {
    if let Some(element) = name.strip_suffix("[]") {
        let element = from_postgres_name(element);
        let is_known = !matches!(element, DataType::Unknown | DataType::Nested(_));
        return if is_known { DataType::Nested(NestedType::new(Nested::List(element))) } else { DataType::Unknown };
    }
    if let Some(arguments) = name.strip_prefix("numeric(").and_then(|rest| rest.strip_suffix(')')) {
        let numbers = arguments.split_once(',').and_then(|(precision, scale)| {
            let (precision, scale): (u8, u8) = (precision.parse().ok()?, scale.parse().ok()?);
            (precision <= 38 && scale <= precision).then_some(DataType::Decimal { precision, scale })
        });
        return numbers.unwrap_or(DataType::Unknown);
    }
    match name {
        "boolean" => DataType::Boolean,
        "smallint" => DataType::Int16,
        "integer" => DataType::Int32,
        "bigint" => DataType::Int64,
        "real" => DataType::Float32,
        "double precision" => DataType::Float64,
        "text" => DataType::Text,
        "bytea" => DataType::Bytes,
        "date" => DataType::Date,
        "time without time zone" => DataType::Time,
        "timestamp without time zone" => DataType::Timestamp,
        "timestamp with time zone" => DataType::TimestampTz,
        "interval" => DataType::Interval,
        "uuid" => DataType::Uuid,
        "jsonb" => DataType::Json,
        _ if name.starts_with("character varying") => DataType::Text,
        _ => DataType::Unknown,
    }
}

fn sql_name(schema: &str, table: &str, is_visible: bool) -> Arc<str> {
    let part = |name: &str| {
        let is_plain = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
            && !name.starts_with(|c: char| c.is_ascii_digit());
        if is_plain { name.to_owned() } else { quoted(name) }
    };
    if is_visible { Arc::from(part(table)) } else { Arc::from(format!("{}.{}", part(schema), part(table))) }
}

#[cfg(test)]
mod tests {
    use isomer_ir::DataType;

    use super::from_postgres_name;

    #[test]
    fn types() {
        let cases = [
            ("numeric(12,2)", DataType::Decimal { precision: 12, scale: 2 }),
            ("numeric", DataType::Unknown),
            ("numeric(60,2)", DataType::Unknown),
            ("character varying(10)", DataType::Text),
            ("character(3)", DataType::Unknown),
            ("timestamp without time zone", DataType::Timestamp),
            ("timestamp(3) without time zone", DataType::Unknown),
            ("json", DataType::Unknown),
            ("mood", DataType::Unknown),
            ("mood[]", DataType::Unknown),
        ];
        for (name, expect) in cases {
            assert_eq!(from_postgres_name(name), expect, "{name}");
        }
        assert_eq!(from_postgres_name("integer[]").to_string(), "list(int32)");
    }
}
