//! The catalog: tables, their columns, keys, foreign keys and statistics.
//!
//! Keys and NOT NULL are *declared facts*: rules lean on them, and explain names who declared them.
//! Row and distinct counts are estimates and never decide whether a rewrite is right.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::{DataType, ListedFunction};

/// Tables by folded key.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    tables: IndexMap<Arc<str>, Table>,
    /// Who declared that a column holds no NULL, by table and position, where that is known.
    not_null: BTreeMap<(Arc<str>, usize), Arc<str>>,
    /// Names that the binder guessed for columns without an alias.
    guessed_names: BTreeSet<Arc<str>>,
    /// Who says which columns a table has, where that is known.
    described: BTreeMap<Arc<str>, Arc<str>>,
    /// Functions that the project declares, by folded name.
    functions: BTreeMap<Arc<str>, ListedFunction>,
}

/// A table of the catalog.
#[derive(Debug, Clone)]
pub struct Table {
    /// Folded key: lower case, parts joined by `.`, no quotes.
    pub key: Arc<str>,
    /// As it is to be written in SQL.
    pub sql_name: Arc<str>,
    /// Columns in order.
    pub columns: Vec<Column>,
    /// Sets of column positions that hold no two equal rows (NULL-free).
    pub keys: Vec<Key>,
    /// Columns that refer to another table's key.
    pub foreign_keys: Vec<ForeignKey>,
    /// Estimated rows.
    pub n_rows: Option<f64>,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub struct Column {
    /// As written.
    pub name: Arc<str>,
    /// Folded name.
    pub key: Arc<str>,
    /// Type; `Unknown` where nobody says.
    pub data_type: DataType,
    /// Whether NULL may occur.
    pub is_nullable: bool,
    /// Estimated distinct values.
    pub n_distinct: Option<f64>,
}

/// A declared key. Its columns are unique together; NULLs are excluded by the columns' own
/// `is_nullable`, and a key with a nullable column is no key for a rule that needs one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Positions of the columns, sorted.
    pub columns: Vec<usize>,
    /// Who says so: `isomer.yml`, a dbt test's name…
    pub declared_by: Arc<str>,
}

/// A declared reference: every non-NULL value occurs in the other table's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Positions of the referring columns.
    pub columns: Vec<usize>,
    /// Key of the table that is referred to.
    pub table: Arc<str>,
    /// Folded names of its columns, in the same order.
    pub referred: Vec<Arc<str>>,
    /// Who says so.
    pub declared_by: Arc<str>,
}

/// Rows assumed of a table when nobody says.
pub const DEFAULT_N_ROWS: f64 = 100_000.0;

impl Catalog {
    /// Adds a table; a later one of the same key replaces the earlier.
    pub fn insert(&mut self, table: Table) {
        self.tables.insert(Arc::clone(&table.key), table);
    }

    /// The table of a folded key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Table> {
        self.tables.get(key)
    }

    /// The table of a folded key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Table> {
        self.tables.get_mut(key)
    }

    /// Declares that a column of a table, by position, holds no NULL.
    pub fn declare_not_null(&mut self, table: &Arc<str>, position: usize, declared_by: &Arc<str>) {
        let column = self.tables.get_mut(table).and_then(|table| table.columns.get_mut(position));
        if let Some(column) = column.filter(|column| column.is_nullable) {
            column.is_nullable = false;
            self.not_null.insert((Arc::clone(table), position), Arc::clone(declared_by));
        }
    }

    /// Who declared that a column holds no NULL, where [`Catalog::declare_not_null`] did.
    #[must_use]
    pub fn not_null_declared_by(&self, table: &Arc<str>, position: usize) -> Option<&Arc<str>> {
        self.not_null.get(&(Arc::clone(table), position))
    }

    /// Tells that an engine may show a column without an alias under another name than this one, by
    /// which the binder knows it.
    pub fn guess_name(&mut self, name: &Arc<str>) {
        self.guessed_names.insert(Arc::clone(name));
    }

    /// Whether a name was guessed for a column that has none: no text that we write may rely on it.
    #[must_use]
    pub fn is_guessed(&self, name: &str) -> bool {
        self.guessed_names.contains(name)
    }

    /// Records who says which columns a table has.
    pub fn declare_columns(&mut self, table: &Arc<str>, declared_by: &Arc<str>) {
        self.described.insert(Arc::clone(table), Arc::clone(declared_by));
    }

    /// Who says which columns a table has, where [`Catalog::declare_columns`] did.
    #[must_use]
    pub fn declared_by(&self, table: &str) -> Option<&Arc<str>> {
        self.described.get(table)
    }

    /// Declares a function by its folded name.
    pub fn declare_function(&mut self, name: Arc<str>, function: ListedFunction) {
        self.functions.insert(name, function);
    }

    /// The declared function of a folded name.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<ListedFunction> {
        self.functions.get(name).copied()
    }

    /// Every declared function, by name.
    pub fn functions(&self) -> impl Iterator<Item = ListedFunction> {
        self.functions.values().copied()
    }

    /// Every table, in the order of insertion.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.values()
    }
}

impl Table {
    /// Position of a column by folded name.
    #[must_use]
    pub fn position(&self, key: &str) -> Option<usize> {
        self.columns.iter().position(|column| &*column.key == key)
    }
}

/// Folds an identifier or dotted name to a catalog key: lower case.
///
/// DuckDB and Spark compare names without case, PostgreSQL folds unquoted ones; two names that
/// differ only by case are one name here, and a project that has both is refused.
#[must_use]
pub fn fold(name: &str) -> Arc<str> {
    Arc::from(name.to_lowercase())
}
