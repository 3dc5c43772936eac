//! Tables of the catalog and comparisons for the tests of this crate.

use std::sync::Arc;

use isomer_engines::{DEFAULT_TOLERANCE, RecordBatch, compare};
use isomer_ir::{Column, DataType, Table, fold};

/// A column: name, type, whether NULL may occur.
pub(crate) fn column(name: &str, data_type: DataType, is_nullable: bool) -> Column {
    Column { name: Arc::from(name), key: fold(name), data_type, is_nullable, n_distinct: None }
}

/// A table without keys.
pub(crate) fn table(name: &str, columns: &[(&str, DataType, bool)]) -> Table {
    Table {
        key: fold(name),
        sql_name: Arc::from(name),
        columns: columns.iter().map(|(name, data_type, is_nullable)| column(name, *data_type, *is_nullable)).collect(),
        keys: Vec::new(),
        foreign_keys: Vec::new(),
        n_rows: None,
    }
}

/// Fails with the differing rows.
#[track_caller]
pub(crate) fn same(left: &[RecordBatch], right: &[RecordBatch]) {
    let comparison = compare(left, right, DEFAULT_TOLERANCE);
    assert!(comparison.is_equal, "{comparison:#?}");
}
