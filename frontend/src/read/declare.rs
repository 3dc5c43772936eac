//! Declared tables: from what a project file says of a source to a table of the catalog.

use std::collections::BTreeMap;
use std::sync::Arc;

use isomer_ir::{
    Catalog, Column, DataType, Diagnostic, Dialect, ForeignKey, Key, Model, Source, SourceData, Span, Table,
    TestedClaim, TestedFact, fold,
};

use super::name::sql_name;
use super::settings::{ColumnDecl, ForeignKeyDecl, Placed, SourceDecl};
use super::yaml::{Reading, did_you_mean};
use crate::type_name::{data_type_from_name, is_unmodelled};

/// Tables of a project while it is read.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) catalog: Catalog,
    pub(crate) sources: Vec<Source>,
    /// References whose tables are looked up when all tables are known.
    pending: Vec<(Arc<str>, Arc<str>, ForeignKeyDecl)>,
}

impl Tables {
    /// Declares one source, or adds what is said of it to what another file said.
    pub(crate) fn declare(&mut self, decl: &SourceDecl, dialect: Dialect, reading: &mut Reading<'_>) {
        let key = self.key_of(&decl.name);
        let declared_by = Arc::clone(&reading.source);
        let mut table = match self.catalog.get(&key) {
            Some(table) => table.clone(),
            None => Table {
                key: Arc::clone(&key),
                sql_name: sql_name(&decl.name, dialect),
                columns: Vec::new(),
                keys: Vec::new(),
                foreign_keys: Vec::new(),
                n_rows: None,
            },
        };
        if !decl.columns.is_empty() {
            replace_columns(&mut table, &decl.columns, dialect, reading);
        }
        table.n_rows = decl.n_rows.or(table.n_rows);
        for (columns, is_not_null) in &decl.keys {
            let Some(columns) = positions(&table, columns, reading) else { continue };
            if *is_not_null {
                columns.iter().for_each(|&column| table.columns[column].is_nullable = false);
            }
            add_key(&mut table, columns, &declared_by);
        }
        for foreign_key in &decl.foreign_keys {
            self.pending.push((Arc::clone(&key), Arc::clone(&declared_by), foreign_key.clone()));
        }
        self.catalog.insert(table);
        if !decl.columns.is_empty() {
            self.catalog.declare_columns(&key, &declared_by);
        }
        let position = self.sources.iter().position(|source| source.key == key).unwrap_or_else(|| {
            self.sources.push(Source { key, data: SourceData::Database });
            self.sources.len() - 1
        });
        if let Some(data) = &decl.data {
            self.sources[position].data = data.clone();
        }
    }

    /// Adds a table of a schema file, where nobody else tells its columns.
    pub(crate) fn add(&mut self, table: &Table, declared_by: &Arc<str>) {
        let key = self.key_of(&table.key);
        let known = self.catalog.get(&key);
        if known.is_some_and(|known| !known.columns.is_empty()) {
            return;
        }
        let sql_name = known.map_or_else(|| Arc::clone(&table.sql_name), |known| Arc::clone(&known.sql_name));
        let n_rows = known.and_then(|known| known.n_rows);
        self.catalog.declare_columns(&key, declared_by);
        self.catalog.insert(Table { key: Arc::clone(&key), sql_name, n_rows, ..table.clone() });
        if !self.sources.iter().any(|source| source.key == key) {
            self.sources.push(Source { key, data: SourceData::Database });
        }
    }

    /// The columns that somebody lists of a model: they stand for it where its text is not understood.
    pub(crate) fn describe_model(
        &mut self,
        model: &Model,
        SourceDecl { columns, keys, .. }: &SourceDecl,
        dialect: Dialect,
        reading: &mut Reading<'_>,
    ) {
        if columns.is_empty() {
            return;
        }
        let mut table = Table {
            key: Arc::clone(&model.key),
            sql_name: Arc::clone(&model.sql_name),
            columns: Vec::new(),
            keys: Vec::new(),
            foreign_keys: Vec::new(),
            n_rows: None,
        };
        replace_columns(&mut table, columns, dialect, reading);
        for (columns, is_not_null) in keys {
            let Some(columns) = positions(&table, columns, reading) else { continue };
            if *is_not_null {
                columns.iter().for_each(|&column| table.columns[column].is_nullable = false);
            }
            add_key(&mut table, columns, &reading.source);
        }
        self.catalog.declare_columns(&model.key, &reading.source);
        self.catalog.insert(table);
    }

    /// Adds what a test proves to its table; a fact about a column that the table lacks says nothing.
    pub(crate) fn add_fact(&mut self, fact: &TestedFact) {
        let Some(table) = self.catalog.get_mut(&fact.model) else { return };
        let positions = fact.columns.iter().map(|column| table.position(column));
        let Some(columns) = positions.collect::<Option<Vec<usize>>>() else { return };
        match &fact.claim {
            TestedClaim::Unique => add_key(table, columns, &fact.test),
            TestedClaim::NotNull => {
                columns.iter().for_each(|&column| self.catalog.declare_not_null(&fact.model, column, &fact.test));
            }
            TestedClaim::References(referred_table, referred) => table.foreign_keys.push(ForeignKey {
                columns,
                table: Arc::clone(referred_table),
                referred: referred.clone(),
                declared_by: Arc::clone(&fact.test),
            }),
            // The catalog has no place for values.
            TestedClaim::OneOf(_) => {}
        }
    }

    /// The catalog's key for a name: the table it ends, where exactly one does.
    pub(crate) fn key_of(&self, name: &str) -> Arc<str> {
        let key = fold(name);
        if self.catalog.get(&key).is_some() {
            return key;
        }
        let suffix = format!(".{key}");
        let mut ending = self.catalog.tables().filter(|table| table.key.ends_with(&suffix));
        match (ending.next(), ending.next()) {
            (Some(table), None) => Arc::clone(&table.key),
            (None | Some(_), _) => key,
        }
    }

    /// Resolves references, now that every table and the keys of every model are known.
    pub(crate) fn resolve(&mut self, models: &[Arc<str>], reading: &mut Reading<'_>) {
        for (key, declared_by, decl) in std::mem::take(&mut self.pending) {
            let Some(table) = self.catalog.get(&key) else { continue };
            let columns = named_positions(table, &decl.columns, reading);
            let referred_key = self.key_of(&decl.table.0);
            let is_model = models.contains(&referred_key);
            let Some(referred_table) = self.catalog.get(&referred_key) else {
                if !is_model {
                    let names = self.catalog.tables().map(|table| &*table.key).chain(models.iter().map(|key| &**key));
                    let message = format!("found a foreign key to `{}`, expected a table or model", decl.table.0);
                    reading.fault_with("PRJ-0011", decl.table.1, message, did_you_mean(&decl.table.0, names));
                }
                self.add_foreign_key(&key, columns.filter(|_| is_model), referred_key, &decl.referred, declared_by);
                continue;
            };
            let is_known =
                referred_table.columns.is_empty() || named_positions(referred_table, &decl.referred, reading).is_some();
            self.add_foreign_key(&key, columns.filter(|_| is_known), referred_key, &decl.referred, declared_by);
        }
    }

    fn add_foreign_key(
        &mut self,
        key: &str,
        columns: Option<Vec<usize>>,
        table: Arc<str>,
        referred: &[Placed],
        declared_by: Arc<str>,
    ) {
        if let (Some(columns), Some(referring)) = (columns, self.catalog.get_mut(key)) {
            let referred = referred.iter().map(|(name, _)| fold(name)).collect();
            referring.foreign_keys.push(ForeignKey { columns, table, referred, declared_by });
        }
    }
}

/// Adds a key to a table unless it is known.
pub(crate) fn add_key(table: &mut Table, mut columns: Vec<usize>, declared_by: &Arc<str>) {
    columns.sort_unstable();
    columns.dedup();
    if !columns.is_empty() && !table.keys.iter().any(|key| key.columns == columns) {
        table.keys.push(Key { columns, declared_by: Arc::clone(declared_by) });
    }
}

/// A list of columns says what the table has: it takes the place of an earlier list. What the
/// earlier list knew of a column of the same name is kept.
fn replace_columns(table: &mut Table, decls: &[ColumnDecl], dialect: Dialect, reading: &mut Reading<'_>) {
    let mut columns: Vec<Column> = Vec::new();
    for decl in decls {
        let key = fold(&decl.name);
        if columns.iter().any(|column| column.key == key) {
            let message = format!("found column `{}` twice in `{}`, expected it once", decl.name, table.sql_name);
            reading.fault("PRJ-0021", decl.span, message);
            continue;
        }
        let earlier = table.position(&key).map(|position| &table.columns[position]);
        let data_type = match &decl.type_name {
            Some(type_name) => column_type(type_name, dialect, reading),
            None => earlier.map_or(DataType::Unknown, |column| column.data_type),
        };
        let is_nullable = decl.is_nullable && earlier.is_none_or(|column| column.is_nullable);
        let n_distinct = decl.n_distinct.or(earlier.and_then(|column| column.n_distinct));
        columns.push(Column { name: Arc::from(decl.name.as_str()), key, data_type, is_nullable, n_distinct });
    }
    let places: BTreeMap<usize, usize> = (0..table.columns.len())
        .filter_map(|old| Some((old, columns.iter().position(|column| column.key == table.columns[old].key)?)))
        .collect();
    let moved = |old: &[usize]| old.iter().map(|column| places.get(column).copied()).collect::<Option<Vec<usize>>>();
    for key in std::mem::take(&mut table.keys) {
        if let Some(columns) = moved(&key.columns) {
            add_key(table, columns, &key.declared_by);
        }
    }
    for foreign_key in std::mem::take(&mut table.foreign_keys) {
        if let Some(columns) = moved(&foreign_key.columns) {
            table.foreign_keys.push(ForeignKey { columns, ..foreign_key });
        }
    }
    table.columns = columns;
}

fn column_type((name, span): &Placed, dialect: Dialect, reading: &mut Reading<'_>) -> DataType {
    if let Some(data_type) = data_type_from_name(name, dialect) {
        return data_type;
    }
    if is_unmodelled(name) {
        let message = format!("type `{name}` is not modelled; rules that need the column's type do not apply");
        reading.found.push(Diagnostic::note("PRJ-0024", &reading.source, *span, message));
        return DataType::Unknown;
    }
    let known =
        ["boolean", "smallint", "integer", "bigint", "double", "decimal(18, 2)", "varchar", "date", "timestamp"];
    let message = format!("found `{name}` as a type, expected one of {dialect}");
    reading.fault_with("PRJ-0008", *span, message, did_you_mean(name, known));
    DataType::Unknown
}

/// Positions of named columns; every name that the table lacks is a fault.
fn positions(table: &Table, names: &[Placed], reading: &mut Reading<'_>) -> Option<Vec<usize>> {
    named_positions(table, names, reading).filter(|columns| !columns.is_empty())
}

fn named_positions(table: &Table, names: &[Placed], reading: &mut Reading<'_>) -> Option<Vec<usize>> {
    let found: Vec<Option<usize>> = names.iter().map(|name| column_position(table, name, reading)).collect();
    found.into_iter().collect()
}

fn column_position(table: &Table, (name, span): &(String, Span), reading: &mut Reading<'_>) -> Option<usize> {
    let position = table.position(&fold(name));
    if position.is_none() {
        let message = format!("found `{name}`, expected a column of `{}`", table.sql_name);
        let help = did_you_mean(name, table.columns.iter().map(|column| &*column.name));
        reading.fault_with("PRJ-0009", *span, message, help);
    }
    position
}
