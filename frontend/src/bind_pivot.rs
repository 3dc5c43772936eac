//! `PIVOT` over written values, as conditional aggregates; `UNPIVOT`, as a union of one branch a column.

use std::sync::Arc;

use isomer_ir::{ColumnId, DataType, Dialect, Function, Literal, Plan, Scalar, ScalarId, SetOpKind, fold};
use sqlparser::ast::{Expr, ExprWithAlias, Ident, NullInclusion, PivotValueSource, TableFactor};

use crate::bind::{Bind, Binder, Bound, Clause, Level};
use crate::column_name::column_name;
use crate::scope::{Found, Named, Rel, Scope, is_nullable};
use crate::syntax::bare;

/// Most columns that a `PIVOT` may make, and that an `UNPIVOT` may take.
const MAX_COLUMNS: usize = 1000;

/// The parts of a `PIVOT`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pivot<'a> {
    pub(crate) aggregates: &'a [ExprWithAlias],
    pub(crate) of: &'a [Expr],
    pub(crate) source: &'a PivotValueSource,
    pub(crate) default: Option<&'a Expr>,
}

impl<'a> Binder<'a> {
    /// Groups by every column that neither the aggregates nor the pivoted column read; for each value and
    /// aggregate one more column, the aggregate over the rows with that value.
    pub(crate) fn pivot(
        &mut self,
        (rel, scope): (Rel, Scope),
        pivot: Pivot<'a>,
        at: &'a TableFactor,
    ) -> Bind<(Rel, Vec<Named>)> {
        if !matches!(self.dialect, Dialect::DuckDb | Dialect::Spark) {
            // The names of the columns that it makes, and its counts of nothing, are each dialect's own.
            return Err(self.unsupported(at, "`PIVOT` in this dialect"));
        }
        let Pivot { aggregates, of, source, default } = pivot;
        let ([of], PivotValueSource::List(values), None) = (of, source, default) else {
            return Err(
                self.unsupported(at, "`PIVOT` of several columns, over values that are not written or with a default")
            );
        };
        if values.len().saturating_mul(aggregates.len()) > MAX_COLUMNS {
            return Err(self.unsupported(at, &format!("`PIVOT` into more than {MAX_COLUMNS} columns")));
        }
        self.levels.push(Level::new(scope, rel, Clause::AggregateArgument));
        let result = self.pivoted(aggregates, of, values);
        self.levels.pop();
        result
    }

    fn pivoted(
        &mut self,
        aggregates: &'a [ExprWithAlias],
        of: &'a Expr,
        values: &'a [ExprWithAlias],
    ) -> Bind<(Rel, Vec<Named>)> {
        let Expr::Identifier(_) = bare(of) else {
            return Err(self.unsupported(of, "`PIVOT` of what is no column"));
        };
        let pivoted = self.scalar(of)?;
        let mut read: Vec<ColumnId> = self.arena.columns_of(pivoted).to_vec();
        let mut calls = Vec::with_capacity(aggregates.len());
        for ExprWithAlias { expr, alias } in aggregates {
            let Expr::Function(function) = bare(expr) else {
                return Err(self.unsupported(expr, "`PIVOT` of what is no aggregate"));
            };
            if !self.is_aggregate(function) {
                return Err(self.unsupported(expr, "`PIVOT` of what is no aggregate"));
            }
            let call = self.aggregate_call(function)?;
            if self.dialect == Dialect::Spark && call.function.is_never_null() {
                return Err(self.unsupported(expr, "`PIVOT` of a count, which is NULL over no rows in Spark"));
            }
            let scalars = call.args.iter().chain(&call.filter).copied().chain(call.order.iter().map(|key| key.scalar));
            for scalar in scalars {
                read.extend(self.arena.columns_of(scalar));
            }
            calls.push((call, expr, alias.as_ref()));
        }
        let mut named: Vec<Named> = Vec::new();
        let mut keys: Vec<(ColumnId, ScalarId)> = Vec::new();
        let level = self.level();
        let visible = level.scope.visible.clone();
        let input = std::mem::replace(&mut level.rel, Rel::one_row());
        let mut exposed: Vec<(ColumnId, bool)> = Vec::new();
        for column in visible {
            let Scalar::Column(id) = self.arena[column.scalar] else {
                return Err(self.unsupported(of, "`PIVOT` over a merged column of a full join"));
            };
            if read.contains(&id) {
                continue;
            }
            if !keys.iter().any(|(known, _)| *known == id) {
                keys.push((id, column.scalar));
                exposed.push((id, input.columns.get(&id).copied().unwrap_or(true)));
            }
            named.push(column);
        }
        let mut computed = Vec::with_capacity(values.len() * calls.len());
        for value in values {
            let (literal, name) = self.pivot_value(value, pivoted)?;
            let is_value = self.arena.comparison(Function::Eq, pivoted, literal);
            for (call, expr, alias) in &calls {
                let mut call = call.clone();
                call.filter = Some(self.arena.and(call.filter.into_iter().chain([is_value])));
                let name = self.pivot_name(&name, calls.len(), expr, *alias)?;
                let id = match computed.iter().find(|(_, known)| *known == call) {
                    Some((id, _)) => *id,
                    None => {
                        let id = self.arena.aggregate_column(&call, &name);
                        let id = input.fresh(id, self.arena);
                        exposed.push((id, !call.function.is_never_null()));
                        computed.push((id, call));
                        id
                    }
                };
                let scalar = self.arena.column_ref(id);
                named.push(Named { key: fold(&name), name, scalar });
            }
        }
        let plan = Plan::Aggregate { input: Box::new(input.plan), keys, calls: computed };
        Ok((Rel::new(plan, exposed), named))
    }

    /// A value of the `IN` list as a literal of the column's type, and the name that it gives.
    fn pivot_value(&mut self, value: &'a ExprWithAlias, pivoted: ScalarId) -> Bind<(ScalarId, Arc<str>)> {
        let ExprWithAlias { expr, alias } = value;
        let scalar = self.scalar(expr)?;
        let of = self.arena.type_of(pivoted);
        let (literal, name) = match &self.arena[scalar] {
            Scalar::Literal(Literal::Text(text)) if of == DataType::Text => (scalar, Arc::clone(text)),
            Scalar::Literal(Literal::Int(number, _)) if of.is_integer() => (scalar, Arc::from(number.to_string())),
            _ => {
                return Err(
                    self.unsupported(expr, "a value of `PIVOT` that is no text or integer of the column's type")
                );
            }
        };
        let name = alias.as_ref().map_or(name, |alias| Arc::from(alias.value.as_str()));
        Ok((literal, name))
    }

    /// The name of a column that `PIVOT` makes. An alias DuckDB adds always, Spark where there are several aggregates.
    /// Without one DuckDB adds the name that the call has as a column; what Spark makes up is not known here.
    fn pivot_name(&self, value: &Arc<str>, n_calls: usize, expr: &Expr, alias: Option<&Ident>) -> Bind<Arc<str>> {
        let is_added = n_calls > 1 || (alias.is_some() && self.dialect == Dialect::DuckDb);
        match (is_added, alias) {
            (false, _) if matches!(self.dialect, Dialect::DuckDb | Dialect::Spark) => Ok(Arc::clone(value)),
            (true, Some(alias)) if matches!(self.dialect, Dialect::DuckDb | Dialect::Spark) => {
                Ok(Arc::from(format!("{value}_{}", alias.value)))
            }
            (true, None) if self.dialect == Dialect::DuckDb && column_name(expr, self.dialect).is_sure => {
                Ok(Arc::from(format!("{value}_{}", column_name(expr, self.dialect).name)))
            }
            _ => Err(self.unsupported(expr, "`PIVOT` of an aggregate without an alias")),
        }
    }

    /// One row for each column that is listed, with its name and value; NULLs left out unless they are asked for.
    pub(crate) fn unpivot(
        &mut self,
        (rel, scope): (Rel, Scope),
        (value, name): (&'a Expr, &'a Ident),
        columns: &'a [ExprWithAlias],
        nulls: Option<&NullInclusion>,
        at: &'a TableFactor,
    ) -> Bind<(Rel, Vec<Named>)> {
        if !matches!(self.dialect, Dialect::DuckDb | Dialect::Spark) {
            // Which letters the names of columns have as values is each dialect's own.
            return Err(self.unsupported(at, "`UNPIVOT` in this dialect"));
        }
        let Expr::Identifier(value) = bare(value) else {
            return Err(self.unsupported(at, "`UNPIVOT` into several value columns"));
        };
        if columns.len() > MAX_COLUMNS || !rel.plan.is_repeatable(self.arena) {
            return Err(self.unsupported(at, "`UNPIVOT` of rows that depend on chance or of very many columns"));
        }
        let mut taken: Vec<(Arc<str>, Arc<str>, ScalarId)> = Vec::with_capacity(columns.len());
        for ExprWithAlias { expr, alias } in columns {
            let Expr::Identifier(ident) = bare(expr) else {
                return Err(self.unsupported(expr, "`UNPIVOT` of what is no column"));
            };
            let key = fold(&ident.value);
            let Found::One(scalar) = scope.find(None, &key) else {
                return Err(self.fault("SQL-0007", expr, format!("column `{}` is not known", ident.value)));
            };
            let own = scope.visible.iter().find(|named| named.key == key).map_or(&key, |named| &named.name);
            let label = alias.as_ref().map_or_else(|| Arc::clone(own), |alias| Arc::from(alias.value.as_str()));
            taken.push((label, key, scalar));
        }
        let kept: Vec<Named> =
            scope.visible.iter().filter(|named| !taken.iter().any(|(_, key, _)| *key == named.key)).cloned().collect();
        let mut inputs = Vec::with_capacity(taken.len());
        for (label, _, scalar) in taken {
            let mut branch = rel.clone();
            if !matches!(nulls, Some(NullInclusion::IncludeNulls)) {
                let is_null = self.arena.call(Function::IsNull, [scalar], DataType::Boolean);
                let is_there = self.arena.call(Function::Not, [is_null], DataType::Boolean);
                branch = branch.filtered(vec![is_there]);
            }
            let label = self.arena.text(&label);
            let mut shown: Vec<(Arc<str>, ScalarId)> =
                kept.iter().map(|named| (Arc::clone(&named.name), named.scalar)).collect();
            shown.push((Arc::from(name.value.as_str()), label));
            shown.push((Arc::from(value.value.as_str()), scalar));
            inputs.push(self.showing(branch, &shown));
        }
        let bound = if inputs.len() == 1 { inputs.remove(0) } else { self.set_op(SetOpKind::UnionAll, inputs)? };
        let columns = self.named(bound.columns);
        Ok((bound.rel, columns))
    }

    /// A relation that shows these scalars of another.
    fn showing(&mut self, rel: Rel, shown: &[(Arc<str>, ScalarId)]) -> Bound {
        let mut exprs: Vec<(ColumnId, ScalarId)> = Vec::with_capacity(shown.len());
        let mut columns = Vec::with_capacity(shown.len());
        let mut exposed = Vec::with_capacity(shown.len());
        for (name, scalar) in shown {
            let id = match self.arena[*scalar] {
                Scalar::Column(id) => id,
                _ => {
                    let computed = self.arena.computed_column(*scalar, name);
                    rel.fresh(computed, self.arena)
                }
            };
            if !exprs.iter().any(|(known, _)| *known == id) {
                exprs.push((id, *scalar));
                exposed.push((id, is_nullable(*scalar, &rel.columns, self.arena)));
            }
            columns.push((Arc::clone(name), id));
        }
        Bound { rel: Rel::new(Plan::Project { input: Box::new(rel.plan), exprs }, exposed), columns }
    }
}
