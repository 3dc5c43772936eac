//! Schemas as SQL: `CREATE TABLE` statements to tables of a catalog.

use std::sync::Arc;

use isomer_ir::{Catalog, Column, DataType, Diagnostic, Dialect, ForeignKey, Key, Table, fold, nearest};
use sqlparser::ast::{
    self, ColumnOption, CreateTable, Expr, Ident, IndexColumn, ObjectName, Spanned, Statement, TableConstraint,
};

use super::name::sql_name;
use crate::bind_collate::{Collation, collation_name, collation_named};
use crate::parse::{SourceText, parse_statements, with_deep_stack};
use crate::type_name::data_type_from_name;

/// Reads `CREATE TABLE` statements: columns with types and NOT NULL, keys and foreign keys, these also from
/// `ALTER TABLE … ADD CONSTRAINT`.
///
/// `source_name` names the text in diagnostics. Everything wrong is told at once; a column whose type
/// is not modelled has an unknown type, and constraints that say nothing about rows are passed over.
#[must_use]
pub fn read_schema(sql: &str, source_name: &Arc<str>, dialect: Dialect) -> (Catalog, Vec<Diagnostic>) {
    with_deep_stack(|| {
        let text = SourceText::new(source_name, sql);
        let mut reader = SchemaReader { text: &text, dialect, catalog: Catalog::default(), found: Vec::new() };
        match parse_statements(&text, dialect) {
            Ok(statements) => reader.statements(&statements),
            Err(fault) => reader.found.push(*fault),
        }
        (reader.catalog, reader.found)
    })
}

struct SchemaReader<'a> {
    text: &'a SourceText<'a>,
    dialect: Dialect,
    catalog: Catalog,
    found: Vec<Diagnostic>,
}

impl SchemaReader<'_> {
    fn statements(&mut self, statements: &[Statement]) {
        let tables: Vec<&CreateTable> = statements
            .iter()
            .filter_map(|statement| match statement {
                Statement::CreateTable(table) => Some(table),
                other if says_nothing_of_rows(other) => None,
                other => {
                    let span = self.text.span(other.span());
                    let message = "found another statement, expected `CREATE TABLE`";
                    self.found.push(*self.text.fault("SQL-0003", span, message));
                    None
                }
            })
            .collect();
        for table in &tables {
            self.columns(table);
        }
        for table in &tables {
            self.constraints(table);
        }
        for statement in statements {
            if let Statement::AlterTable(altered) = statement {
                self.added_constraints(altered);
            }
        }
    }

    fn columns(&mut self, table: &CreateTable) {
        let name = dotted(&table.name);
        let key = fold(&name);
        if self.catalog.get(&key).is_some() {
            let message = format!("found table `{name}` twice, expected it once");
            let fault = self.text.fault("PRJ-0021", self.text.span(table.name.span()), message);
            self.found.push(fault.with_help("keep one of the declarations"));
            return;
        }
        if table.query.is_some() && table.columns.is_empty() {
            let message = format!("found `{name}` made by a query, expected a list of columns");
            let fault = self.text.fault("SQL-0003", self.text.span(table.name.span()), message);
            self.found.push(fault.with_help("write its columns with their types, or keep the query as a model"));
            return;
        }
        if let Some((column, collation)) =
            table.columns.iter().find_map(|column| Some((column, self.own_collation(column)?)))
        {
            let what = format!("the collation `{collation}` of column `{}` is not supported", column.name.value);
            let fault = self.text.fault("SQL-0014", self.text.span(column.name.span), what);
            self.found.push(fault.with_help(format!("models that read `{name}` stay as they are written")));
            return;
        }
        let mut columns: Vec<Column> = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            let column_key = fold(&column.name.value);
            if columns.iter().any(|known| known.key == column_key) {
                let message = format!("found column `{}` twice in `{name}`, expected it once", column.name.value);
                self.fault("PRJ-0021", &column.name, message);
                continue;
            }
            let data_type =
                data_type_from_name(&column.data_type.to_string(), self.dialect).unwrap_or(DataType::Unknown);
            let is_not_null = column
                .options
                .iter()
                .any(|option| matches!(option.option, ColumnOption::NotNull | ColumnOption::PrimaryKey(_)));
            columns.push(Column {
                name: Arc::from(column.name.value.as_str()),
                key: column_key,
                data_type,
                is_nullable: !is_not_null,
                n_distinct: None,
            });
        }
        self.catalog.declare_columns(&key, self.text.source);
        self.catalog.insert(Table {
            key,
            sql_name: sql_name(&name, self.dialect),
            columns,
            keys: Vec::new(),
            foreign_keys: Vec::new(),
            n_rows: None,
        });
    }

    /// A column's collation by which its texts compare otherwise than by their bytes: two texts that it calls equal
    /// may not stand for each other. PostgreSQL's own never call two texts equal.
    fn own_collation(&self, column: &ast::ColumnDef) -> Option<String> {
        let of = |option: &ast::ColumnOptionDef| match &option.option {
            ColumnOption::Collation(name) => Some(collation_name(name)),
            _ => None,
        };
        let name = column.options.iter().find_map(of).filter(|_| self.dialect != Dialect::Postgres)?;
        (collation_named(&name, self.dialect) != Some(Collation::Bytes)).then_some(name)
    }

    fn constraints(&mut self, table: &CreateTable) {
        let key = fold(&dotted(&table.name));
        for column in &table.columns {
            let own = std::slice::from_ref(&column.name);
            for option in &column.options {
                match &option.option {
                    ColumnOption::PrimaryKey(_) => self.key(&key, own, true),
                    ColumnOption::Unique(_) => self.key(&key, own, false),
                    ColumnOption::ForeignKey(reference) => {
                        self.foreign_key(&key, own, &reference.foreign_table, &reference.referred_columns);
                    }
                    _ => {}
                }
            }
        }
        for constraint in &table.constraints {
            self.constraint(&key, constraint);
        }
    }

    /// `ALTER TABLE … ADD CONSTRAINT`, as a dump of a database writes keys and references. One that is not
    /// validated says nothing of the rows that are there.
    fn added_constraints(&mut self, altered: &ast::AlterTable) {
        let key = fold(&dotted(&altered.name));
        for operation in &altered.operations {
            if let ast::AlterTableOperation::AddConstraint { constraint, not_valid: false } = operation {
                self.constraint(&key, constraint);
            }
        }
    }

    fn constraint(&mut self, key: &str, constraint: &TableConstraint) {
        match constraint {
            TableConstraint::PrimaryKey(primary) => self.key(key, &plain(&primary.columns), true),
            TableConstraint::Unique(unique) => self.key(key, &plain(&unique.columns), false),
            TableConstraint::ForeignKey(reference) => {
                self.foreign_key(key, &reference.columns, &reference.foreign_table, &reference.referred_columns);
            }
            _ => {}
        }
    }

    /// A key; one with a column that may be NULL says nothing of rows that have NULL there.
    fn key(&mut self, table: &str, columns: &[Ident], is_primary: bool) {
        let Some(mut positions) = self.positions(table, columns) else { return };
        positions.sort_unstable();
        positions.dedup();
        let declared_by = Arc::clone(self.text.source);
        let Some(table) = self.catalog.get_mut(table) else { return };
        if is_primary {
            positions.iter().for_each(|&position| table.columns[position].is_nullable = false);
        }
        if !positions.is_empty() && !table.keys.iter().any(|key| key.columns == positions) {
            table.keys.push(Key { columns: positions, declared_by });
        }
    }

    fn foreign_key(&mut self, table: &str, columns: &[Ident], referred: &ObjectName, referred_columns: &[Ident]) {
        let referred_key = fold(&dotted(referred));
        let Some(partner) = self.catalog.get(&referred_key) else {
            let known: Vec<Arc<str>> = self.catalog.tables().map(|table| Arc::clone(&table.key)).collect();
            let message = format!("found a foreign key to `{}`, expected a table of the schema", dotted(referred));
            let fault = self.text.fault("PRJ-0011", self.text.span(referred.span()), message);
            let near =
                nearest(&referred_key, known.iter().map(|key| &**key)).map(|key| format!("did you mean `{key}`?"));
            self.found.push(match near {
                Some(help) => fault.with_help(help),
                None => *fault,
            });
            return;
        };
        let referred: Vec<Arc<str>> = if referred_columns.is_empty() {
            // Without names the primary key is meant, which is the first that is told.
            let key = partner.keys.first().map(|key| key.columns.clone()).unwrap_or_default();
            key.into_iter().map(|position| Arc::clone(&partner.columns[position].key)).collect()
        } else if self.positions(&referred_key, referred_columns).is_some() {
            referred_columns.iter().map(|column| fold(&column.value)).collect()
        } else {
            return;
        };
        let Some(columns) = self.positions(table, columns) else { return };
        let declared_by = Arc::clone(self.text.source);
        if let Some(referring) = self.catalog.get_mut(table).filter(|_| columns.len() == referred.len()) {
            referring.foreign_keys.push(ForeignKey { columns, table: referred_key, referred, declared_by });
        }
    }

    fn positions(&mut self, table: &str, columns: &[Ident]) -> Option<Vec<usize>> {
        let table = self.catalog.get(table)?.clone();
        let mut positions = Vec::with_capacity(columns.len());
        for column in columns {
            match table.position(&fold(&column.value)) {
                Some(position) => positions.push(position),
                None => {
                    let message = format!("found `{}`, expected a column of `{}`", column.value, table.sql_name);
                    self.fault("PRJ-0009", column, message);
                }
            }
        }
        (positions.len() == columns.len()).then_some(positions)
    }

    fn fault(&mut self, code: &'static str, at: &Ident, message: String) {
        let span = self.text.span(at.span);
        self.found.push(*self.text.fault(code, span, message));
    }
}

/// What a dump holds beside tables and constraints: settings, owners, indexes, comments.
fn says_nothing_of_rows(statement: &Statement) -> bool {
    match statement {
        Statement::AlterTable(_)
        | Statement::Set(_)
        | Statement::Comment { .. }
        | Statement::CreateIndex(_)
        | Statement::CreateSchema { .. }
        | Statement::CreateSequence { .. }
        | Statement::CreateExtension(_) => true,
        Statement::Query(query) => query.to_string().starts_with("SELECT pg_catalog.set_config("),
        _ => false,
    }
}

/// The columns of a key that is made of plain columns; none for keys over expressions.
fn plain(columns: &[IndexColumn]) -> Vec<Ident> {
    let name = |column: &IndexColumn| match &column.column.expr {
        Expr::Identifier(name) => Some(name.clone()),
        _ => None,
    };
    columns.iter().map(name).collect::<Option<Vec<Ident>>>().unwrap_or_default()
}

fn dotted(name: &ObjectName) -> String {
    let parts: Vec<&str> =
        name.0.iter().filter_map(ast::ObjectNamePart::as_ident).map(|part| part.value.as_str()).collect();
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use isomer_ir::Dialect;

    use super::read_schema;

    #[test]
    fn a_table_is_declared_once_and_with_its_columns() {
        let told = |sql: &str| -> Vec<String> {
            read_schema(sql, &"s".into(), Dialect::DuckDb).1.iter().map(ToString::to_string).collect()
        };
        assert_eq!(told("CREATE TABLE t (a INT); CREATE TABLE u (a INT);"), [""; 0]);
        assert_eq!(
            told("CREATE TABLE t (a INT); CREATE TABLE T (b INT);"),
            ["warning[PRJ-0021] s: found table `T` twice, expected it once; keep one of the declarations"]
        );
        assert_eq!(
            told("CREATE TABLE t AS SELECT 1 AS a;"),
            [
                "warning[SQL-0003] s: found `t` made by a query, expected a list of columns; write its columns with their types, or keep the query as a model"
            ]
        );
        assert_eq!(told("CREATE TABLE t (a TEXT COLLATE C);"), [""; 0]);
        assert_eq!(
            told("CREATE TABLE t (a TEXT COLLATE NOCASE);"),
            [
                "warning[SQL-0014] s: the collation `NOCASE` of column `a` is not supported; models that read `t` stay as they are written"
            ]
        );
    }
}
