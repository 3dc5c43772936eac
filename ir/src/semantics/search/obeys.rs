//! Whether the rows of a database obey what the catalog declares.

use super::domain::Subject;
use crate::semantics::compare::is_same;
use crate::semantics::{Database, Value};
use crate::{ForeignKey, Table};

/// Whether NOT NULL, keys and references hold.
pub(super) fn obeys(subject: &Subject<'_>, database: &Database) -> bool {
    subject.tables.iter().all(|tried| {
        let rows = database.rows(&tried.table.key);
        let are_given = rows.iter().all(|row| {
            tried.table.columns.iter().zip(row).all(|(column, value)| column.is_nullable || !value.is_null())
        });
        are_given
            && (0..rows.len()).all(|at| is_unique(tried.table, &rows[..at], &rows[at]))
            && tried.table.foreign_keys.iter().all(|key| refers(subject, database, key, rows))
    })
}

/// Whether a row has no key that an earlier one has; a key with a NULL equals none.
pub(super) fn is_unique(table: &Table, earlier: &[Vec<Value>], row: &[Value]) -> bool {
    table.keys.iter().all(|key| {
        let is_taken = |other: &Vec<Value>| key.columns.iter().all(|&at| is_same(&other[at], &row[at]));
        key.columns.iter().any(|&at| row[at].is_null()) || !earlier.iter().any(is_taken)
    })
}

fn refers(subject: &Subject<'_>, database: &Database, key: &ForeignKey, rows: &[Vec<Value>]) -> bool {
    let Some(positions) = referred(subject, key) else { return true };
    let others = database.rows(&key.table);
    rows.iter().all(|row| {
        let is_met = |other: &Vec<Value>| {
            key.columns.iter().zip(&positions).all(|(&own, &other_at)| is_same(&row[own], &other[other_at]))
        };
        key.columns.iter().any(|&at| row[at].is_null()) || others.iter().any(is_met)
    })
}

/// Positions of the columns that a foreign key refers to.
pub(super) fn referred(subject: &Subject<'_>, key: &ForeignKey) -> Option<Vec<usize>> {
    let table = subject.tables[subject.position(&key.table)?].table;
    key.referred.iter().map(|column| table.position(column)).collect()
}
