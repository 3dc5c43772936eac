//! The schema of a user's DuckDB database: tables, columns, declared keys and row counts.

use std::path::Path;
use std::sync::Arc;

use isomer_ir::{Column, ForeignKey, Key, Table, fold};

use crate::EngineError;
use crate::duck::{Duck, SOURCE};
use crate::name::quoted;
use crate::types::from_duckdb_name;

/// Who declared what is read from the database's own constraints.
const DECLARED_BY: &str = "the database";

/// Tables and views of a DuckDB database file, sorted by key. The file is only read.
///
/// Relations of the schema `main` are named by their table alone, others by `schema.table`.
/// Row counts are DuckDB's estimates, which are exact for tables without deletions; views have none.
///
/// # Errors
/// When the file is missing or cannot be read as a database.
pub fn catalog_of_database(path: &Path) -> Result<Vec<Table>, EngineError> {
    let duck = Duck::open(Some(path))?;
    let mut tables = Vec::new();
    let relations = format!(
        "SELECT schema_name, table_name, CAST(estimated_size AS VARCHAR) FROM duckdb_tables() \
         WHERE database_name = '{SOURCE}' AND NOT internal UNION ALL \
         SELECT schema_name, view_name, NULL FROM duckdb_views() WHERE database_name = '{SOURCE}' AND NOT internal"
    );
    for row in duck.texts(&relations)? {
        if let [Some(schema), Some(name), n_rows] = row.as_slice() {
            tables.push(Table {
                key: key_of(schema, name),
                sql_name: sql_name(schema, name),
                columns: Vec::new(),
                keys: Vec::new(),
                foreign_keys: Vec::new(),
                n_rows: n_rows.as_ref().and_then(|count| count.parse().ok()),
            });
        }
    }
    tables.sort_by(|a: &Table, b| a.key.cmp(&b.key));
    read_columns(&duck, &mut tables)?;
    read_constraints(&duck, &mut tables)?;
    Ok(tables)
}

fn read_columns(duck: &Duck, tables: &mut [Table]) -> Result<(), EngineError> {
    let columns = format!(
        "SELECT schema_name, table_name, column_name, data_type, CAST(is_nullable AS VARCHAR) FROM duckdb_columns() \
         WHERE database_name = '{SOURCE}' AND NOT internal ORDER BY schema_name, table_name, column_index"
    );
    for row in duck.texts(&columns)? {
        if let [Some(schema), Some(table), Some(name), Some(type_name), is_nullable] = row.as_slice()
            && let Some(table) = find(tables, &key_of(schema, table))
        {
            table.columns.push(Column {
                name: Arc::from(name.as_str()),
                key: fold(name),
                data_type: from_duckdb_name(type_name),
                is_nullable: is_nullable.as_deref() != Some("false"),
                n_distinct: None,
            });
        }
    }
    Ok(())
}

fn read_constraints(duck: &Duck, tables: &mut [Table]) -> Result<(), EngineError> {
    // Names of columns come as a list; one row for each of its elements keeps them apart.
    let constraints = format!(
        "SELECT schema_name, table_name, CAST(constraint_index AS VARCHAR), constraint_type, referenced_table, \
         unnest(constraint_column_names), \
         unnest(CASE WHEN len(referenced_column_names) = 0 THEN list_transform(constraint_column_names, c -> NULL) \
         ELSE referenced_column_names END) \
         FROM duckdb_constraints() WHERE database_name = '{SOURCE}' \
         AND constraint_type IN ('PRIMARY KEY', 'UNIQUE', 'FOREIGN KEY') \
         ORDER BY schema_name, table_name, constraint_index"
    );
    let rows = duck.texts(&constraints)?;
    for group in rows.chunk_by(|a, b| a[..3] == b[..3]) {
        let [Some(schema), Some(table), _, Some(kind), referenced, ..] = group[0].as_slice() else { continue };
        let Some(table) = find(tables, &key_of(schema, table)) else { continue };
        let named = |at: usize| group.iter().map(move |row| row.get(at).and_then(Option::as_deref));
        let positions: Option<Vec<usize>> = named(5).map(|name| table.position(&fold(name?))).collect();
        let Some(positions) = positions else { continue };
        match (kind.as_str(), referenced) {
            ("PRIMARY KEY" | "UNIQUE", _) => {
                let mut columns = positions;
                columns.sort_unstable();
                table.keys.push(Key { columns, declared_by: Arc::from(DECLARED_BY) });
            }
            ("FOREIGN KEY", Some(referenced)) => {
                let Some(referred) = named(6).map(|name| name.map(fold)).collect::<Option<Vec<_>>>() else { continue };
                // DuckDB's references stay within a schema.
                table.foreign_keys.push(ForeignKey {
                    columns: positions,
                    table: key_of(schema, referenced),
                    referred,
                    declared_by: Arc::from(DECLARED_BY),
                });
            }
            _ => {}
        }
    }
    Ok(())
}

fn find<'a>(tables: &'a mut [Table], key: &str) -> Option<&'a mut Table> {
    tables.iter_mut().find(|table| &*table.key == key)
}

fn key_of(schema: &str, table: &str) -> Arc<str> {
    if schema == "main" { fold(table) } else { fold(&format!("{schema}.{table}")) }
}

fn sql_name(schema: &str, table: &str) -> Arc<str> {
    let part = |name: &str| {
        let is_plain = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
            && !name.starts_with(|c: char| c.is_ascii_digit());
        if is_plain { name.to_owned() } else { quoted(name) }
    };
    if schema == "main" { Arc::from(part(table)) } else { Arc::from(format!("{}.{}", part(schema), part(table))) }
}
