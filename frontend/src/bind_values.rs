//! `VALUES`: rows that are written out.

use std::sync::Arc;

use isomer_ir::{ColumnDef, DataType, Dialect, Plan, ScalarId, SetOpKind};
use sqlparser::ast::{Expr, Parens, Values};

use crate::bind::{Bind, Binder, Bound, Clause, Level};
use crate::scope::{Rel, Scope, is_nullable};
use crate::syntax::has_subquery;

impl<'a> Binder<'a> {
    /// `VALUES`, with columns `col0`, `col1`… (`column1`… in PostgreSQL and DataFusion).
    pub(crate) fn values(&mut self, values: &'a Values) -> Bind<Bound> {
        let Values { explicit_row: _, value_keyword: _, rows } = values;
        let width = rows.first().map_or(0, |row| row.content.len());
        let is_query = |row: &Parens<Vec<Expr>>| row.content.iter().any(has_subquery);
        if width > 0 && rows.iter().any(is_query) && rows.iter().all(|row| row.content.len() == width) {
            return self.values_with_subqueries(rows);
        }
        let mut bound: Vec<Vec<ScalarId>> = Vec::with_capacity(rows.len());
        self.levels.push(Level::new(Scope::default(), Rel::one_row(), Clause::Values));
        let result = rows.iter().try_for_each(|row| {
            let row = &row.content;
            if row.len() != width || width == 0 {
                let message = format!("a row of `VALUES` has {} columns, expected {width}", row.len());
                return Err(self.fault("SQL-0019", values, message));
            }
            bound.push(row.iter().map(|expr| self.scalar(expr)).collect::<Bind<_>>()?);
            Ok(())
        });
        self.levels.pop();
        result?;
        let mut columns = Vec::with_capacity(width);
        for position in 0..width {
            let mut common = DataType::Null;
            for row in &bound {
                let found = self.arena.type_of(row[position]);
                common = common.common(found).ok_or_else(|| {
                    self.fault("SQL-0011", values, format!("a column of `VALUES` holds {common} and {found}"))
                })?;
            }
            for row in &mut bound {
                row[position] = self.converted(row[position], common)?;
            }
            let scalars: Vec<ScalarId> = bound.iter().map(|row| row[position]).collect();
            let no_columns = indexmap::IndexMap::default();
            let may_be_null = scalars.iter().any(|&scalar| is_nullable(scalar, &no_columns, self.arena));
            let name = self.values_name(position);
            let def = ColumnDef::Values { position: u32::try_from(position).unwrap_or(u32::MAX), values: scalars };
            columns.push((Arc::clone(&name), self.arena.column(def, common, &name), may_be_null));
        }
        let ids = columns.iter().map(|(_, id, _)| *id).collect();
        let rel = Rel::new(
            Plan::Values { columns: ids, rows: bound },
            columns.iter().map(|&(_, id, is_nullable)| (id, is_nullable)),
        );
        Ok(Bound { rel, columns: columns.into_iter().map(|(name, id, _)| (name, id)).collect() })
    }

    /// Rows of `VALUES` of which some hold subqueries: as many `SELECT`s.
    fn values_with_subqueries(&mut self, rows: &'a [Parens<Vec<Expr>>]) -> Bind<Bound> {
        let mut branches = Vec::with_capacity(rows.len());
        for row in rows {
            self.levels.push(Level::new(Scope::default(), Rel::one_row(), Clause::Select));
            let scalars: Bind<Vec<ScalarId>> = row.content.iter().map(|expr| self.scalar(expr)).collect();
            let level = self.levels.pop().expect("pushed above");
            let names: Vec<Arc<str>> = (0..row.content.len()).map(|position| self.values_name(position)).collect();
            branches.push(self.project(level.rel, &names, &scalars?, false, Vec::new())?);
        }
        if branches.len() == 1 {
            return Ok(branches.remove(0));
        }
        self.set_op(SetOpKind::UnionAll, branches)
    }

    /// The dialect's name of a column of `VALUES`.
    fn values_name(&self, position: usize) -> Arc<str> {
        Arc::from(match self.dialect {
            Dialect::DuckDb => format!("col{position}"),
            Dialect::Spark => format!("col{}", position + 1),
            Dialect::Postgres | Dialect::DataFusion | Dialect::Snowflake | Dialect::BigQuery => {
                format!("column{}", position + 1)
            }
        })
    }
}
