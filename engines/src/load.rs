//! Rows of source tables: read or made by DuckDB, and handed to DataFusion as Arrow.

use std::path::Path;

use arrow::datatypes::{DataType as ArrowType, TimeUnit};
use isomer_ir::{DataType, SourceData, Table};

use crate::duck::Duck;
use crate::fusion::Fusion;
use crate::name::{RelationName, quoted, text_literal};
use crate::types::duckdb_name;
use crate::{EngineError, generate};

/// Makes the source readable in DuckDB.
pub(crate) fn into_duckdb(
    duck: &Duck,
    table: &Table,
    data: &SourceData,
    base_dir: &Path,
) -> Result<Option<u64>, EngineError> {
    let select = match data {
        SourceData::Database => {
            let relation = RelationName::parse(&table.sql_name)?;
            let is_there = duck.exists(&relation)?;
            return if is_there { Ok(None) } else { Err(EngineError::NoData(table.sql_name.to_string())) };
        }
        SourceData::File(path) => select_file(table, &base_dir.join(&**path), path)?,
        SourceData::Generated(name, settings) => {
            let generated = generate::generate(name, table, settings)?;
            return load_generated(duck, table, &generated);
        }
    };
    store(duck, table, &select)
}

/// Makes the source readable in DataFusion, by way of DuckDB.
pub(crate) fn into_datafusion(
    fusion: &Fusion,
    table: &Table,
    data: &SourceData,
    base_dir: &Path,
) -> Result<Option<u64>, EngineError> {
    into_duckdb(&fusion.staging, table, data, base_dir)?;
    let relation = RelationName::parse(&table.sql_name)?;
    let columns = if table.columns.is_empty() { "*".to_owned() } else { select_list(table) };
    let (schema, batches) = fusion.staging.query(&format!("SELECT {columns} FROM {}", relation.sql()))?;
    let n_rows = fusion.load(&table.sql_name, &schema, &batches)?;
    // The staged rows stay: a later generated table may refer to them.
    Ok(Some(n_rows))
}

fn load_generated(duck: &Duck, table: &Table, generated: &generate::Generated) -> Result<Option<u64>, EngineError> {
    match generated {
        generate::Generated::Select(select) => store(duck, table, select),
        generate::Generated::Rows(rows) => {
            let file = rows.write()?;
            let path = text_literal(&file.path().to_string_lossy());
            store(duck, table, &rows.select(&path))
        }
        generate::Generated::DsRows(rows) => {
            let file = rows.write()?;
            let path = text_literal(&file.path().to_string_lossy());
            store(duck, table, &rows.select(&path))
        }
        generate::Generated::Random(random) => store(duck, table, &random.select(duck)?),
    }
}

/// Keeps the rows of a query as the table, in the declared types and order.
fn store(duck: &Duck, table: &Table, select: &str) -> Result<Option<u64>, EngineError> {
    let columns = if table.columns.is_empty() { "*".to_owned() } else { select_list(table) };
    let select = format!("SELECT {columns} FROM ({select}) AS made");
    let n_rows = duck.create(&table.sql_name, isomer_ir::Materialise::Table, &select)?;
    let relation = RelationName::parse(&table.sql_name)?.sql();
    for column in table.columns.iter().filter(|column| !column.is_nullable) {
        duck.execute(&format!("ALTER TABLE {relation} ALTER COLUMN {} SET NOT NULL", quoted(&column.name)))?;
    }
    Ok(n_rows)
}

/// The declared columns, cast to their declared types.
fn select_list(table: &Table) -> String {
    let columns = table.columns.iter().map(|column| {
        let name = quoted(&column.name);
        match duckdb_name(column.data_type) {
            Some(type_name) => format!("CAST({name} AS {type_name}) AS {name}"),
            None => name,
        }
    });
    columns.collect::<Vec<_>>().join(", ")
}

/// `written` is the path as the project has it, for the message.
fn select_file(table: &Table, path: &Path, written: &str) -> Result<String, EngineError> {
    let lower = written.to_lowercase();
    let literal = text_literal(&path.to_string_lossy());
    if lower.ends_with(".parquet") {
        return Ok(format!("SELECT * FROM read_parquet({literal})"));
    }
    let name = lower.strip_suffix(".gz").unwrap_or(&lower);
    let separator = match name.rsplit_once('.') {
        Some((_, "csv")) => ',',
        Some((_, "tsv")) => '\t',
        _ => return Err(EngineError::FileFormat(written.to_owned())),
    };
    // The declared types are given to the reader: a decimal must not pass through a double.
    let types = table.columns.iter().filter_map(|column| {
        Some(format!("{}: {}", text_literal(&column.name), text_literal(&duckdb_name(column.data_type)?)))
    });
    let types = types.collect::<Vec<_>>().join(", ");
    let types = if types.is_empty() { String::new() } else { format!(", types = {{{types}}}") };
    Ok(format!("SELECT * FROM read_csv({literal}, header = true, delim = '{separator}'{types})"))
}

/// Our type of an Arrow type; `Unknown` for one that is not modelled.
pub(crate) fn from_arrow(data_type: &ArrowType) -> DataType {
    match data_type {
        ArrowType::Null => DataType::Null,
        ArrowType::Boolean => DataType::Boolean,
        ArrowType::Int8 => DataType::Int8,
        ArrowType::Int16 => DataType::Int16,
        ArrowType::Int32 => DataType::Int32,
        ArrowType::Int64 => DataType::Int64,
        ArrowType::UInt8 => DataType::UInt8,
        ArrowType::UInt16 => DataType::UInt16,
        ArrowType::UInt32 => DataType::UInt32,
        ArrowType::UInt64 => DataType::UInt64,
        ArrowType::Float32 => DataType::Float32,
        ArrowType::Float64 => DataType::Float64,
        ArrowType::Decimal128(precision, scale) => {
            u8::try_from(*scale).map_or(DataType::Unknown, |scale| DataType::Decimal { precision: *precision, scale })
        }
        ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View => DataType::Text,
        ArrowType::Binary | ArrowType::LargeBinary | ArrowType::BinaryView => DataType::Bytes,
        ArrowType::Date32 => DataType::Date,
        ArrowType::Time64(TimeUnit::Microsecond) => DataType::Time,
        ArrowType::Timestamp(_, None) => DataType::Timestamp,
        ArrowType::Timestamp(_, Some(_)) => DataType::TimestampTz,
        ArrowType::Interval(_) => DataType::Interval,
        _ => DataType::Unknown,
    }
}
