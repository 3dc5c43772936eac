//! `WITH RECURSIVE`: a start, and a step that reads the rows of the round before.

use std::sync::Arc;

use isomer_ir::{ColumnId, DataType, Dialect, Plan, Recursion, fold};
use sqlparser::ast::{Cte as CteSyntax, Query, SetExpr, SetOperator, SetQuantifier};

use crate::bind::{Bind, Binder, Bound, Cte, Standing};
use crate::reads::tables_read;
use crate::scope::Rel;

/// Recursions in the steps of others from which on NULL is taken to be possible everywhere, so that no
/// step is bound twice as often as the one around it.
const MANY_NESTED: usize = 3;

/// A recursion taken apart.
struct Parts<'a> {
    base: &'a SetExpr,
    step: &'a SetExpr,
    is_distinct: bool,
}

impl<'a> Binder<'a> {
    /// The list of a `WITH RECURSIVE`, whose members may read themselves. One that reads a later one is
    /// refused: dialects disagree on what the name means there.
    pub(crate) fn recursive_list(&mut self, list: &'a [CteSyntax]) -> Bind<()> {
        for cte in list {
            let nothing = Bound { rel: Rel::one_row(), columns: Vec::new() };
            self.push_cte(cte, nothing, Standing::Later);
        }
        for cte in list {
            let key = fold(&cte.alias.name.value);
            if tables_read(&cte.query).contains(&key) { self.recursive_cte(cte)? } else { self.cte(cte)? }
        }
        Ok(())
    }

    fn recursive_cte(&mut self, cte: &'a CteSyntax) -> Bind<()> {
        if cte.from.is_some() {
            return Err(self.unsupported(&cte.alias.name, "`FROM` behind a common table expression"));
        }
        let position = self.ctes.len();
        let nothing = Bound { rel: Rel::one_row(), columns: Vec::new() };
        self.push_cte(cte, nothing, Standing::Start);
        let parts = self.parts(&cte.query, cte)?;
        if let Some(with) = &cte.query.with {
            self.with_list(with)?;
        }
        let bound = self.deeper(|binder| binder.recursion(cte, &parts, position))?;
        self.ctes.truncate(position);
        self.push_cte(cte, bound, Standing::Bound);
        Ok(())
    }

    fn parts(&self, query: &'a Query, cte: &CteSyntax) -> Bind<Parts<'a>> {
        let name = &cte.alias.name;
        let is_bare = query.order_by.is_none()
            && query.limit_clause.is_none()
            && query.fetch.is_none()
            && query.locks.is_empty()
            && query.for_clause.is_none()
            && query.settings.is_none()
            && query.format_clause.is_none()
            && query.pipe_operators.is_empty();
        if !is_bare {
            return Err(self.unsupported(name, "an order or a limit of a whole recursive query"));
        }
        let SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right } = &*query.body else {
            return Err(self.unsupported(name, "a recursive query that is no `UNION` of a start and a step"));
        };
        let is_distinct = match set_quantifier {
            SetQuantifier::All => false,
            SetQuantifier::Distinct | SetQuantifier::None => true,
            SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName => {
                return Err(self.unsupported(name, "a recursive query `BY NAME`"));
            }
        };
        Ok(Parts { base: left, step: right, is_distinct })
    }

    fn recursion(&mut self, cte: &'a CteSyntax, parts: &Parts<'a>, position: usize) -> Bind<Bound> {
        let name = &cte.alias.name;
        let mut base = self.set_operand(parts.base)?;
        base.columns = self.renamed(base.columns, &cte.alias.columns, name)?;
        let names: Vec<Arc<str>> = base.columns.iter().map(|(name, _)| Arc::clone(name)).collect();
        let types: Vec<DataType> = base.columns.iter().map(|(_, id)| self.arena.column_type(*id)).collect();
        if let Some(untyped) = types.iter().position(|data_type| *data_type == DataType::Null) {
            let column = &names[untyped];
            let message = format!("column `{column}` of the recursive query `{name}` starts as a NULL without a type");
            let fault = self.fault("SQL-0011", name, message);
            return Err(Box::new(fault.with_help("cast the NULL to the type that the step gives")));
        }
        let (base, base_columns) = self.as_types(base, &types);
        let work = Recursion::work_columns(self.arena, &base_columns, &names);
        let mut nullable: Vec<bool> =
            base_columns.iter().map(|id| base.columns.get(id).copied().unwrap_or(true)).collect();
        if self.recursions.len() >= MANY_NESTED {
            nullable.fill(true);
        }
        let (rules, n_operators) = (self.rules.clone(), self.n_operators);
        loop {
            let rel =
                Rel::new(Plan::WorkTable { columns: work.clone() }, work.iter().copied().zip(nullable.iter().copied()));
            self.ctes.truncate(position + 1 + self.ctes_of(cte));
            let entry = &mut self.ctes[position];
            entry.bound = Bound { rel, columns: names.iter().cloned().zip(work.iter().copied()).collect() };
            entry.standing = Standing::Work;
            self.recursions.push(position);
            let step = self.set_operand(parts.step);
            self.recursions.pop();
            let (step, step_columns) = self.step_as_types(step?, &types, &names, cte)?;
            let of_step: Vec<bool> =
                step_columns.iter().map(|id| step.columns.get(id).copied().unwrap_or(true)).collect();
            let is_new = nullable.iter().zip(&of_step).any(|(known, step)| *step && !known);
            if !is_new {
                let columns = Recursion::output_columns(self.arena, &base_columns, &step_columns, &names);
                let recursion = Recursion {
                    base: base.plan,
                    base_columns,
                    step: step.plan,
                    step_columns,
                    work,
                    columns: columns.clone(),
                    is_distinct: parts.is_distinct,
                };
                let plan = Plan::RecursiveUnion { recursion: Box::new(recursion) };
                let rel = Rel::new(plan, columns.iter().copied().zip(nullable));
                return Ok(Bound { rel, columns: names.into_iter().zip(columns).collect() });
            }
            // A NULL may come back: the step is bound again with that known, once.
            nullable.fill(true);
            self.rules.clone_from(&rules);
            self.n_operators = n_operators;
        }
    }

    /// Common table expressions that a recursive one defines for itself.
    fn ctes_of(&self, cte: &CteSyntax) -> usize {
        cte.query.with.as_ref().map_or(0, |with| {
            // Those of a `WITH RECURSIVE` stand twice: once before they are bound.
            with.cte_tables.len() * if with.recursive { 2 } else { 1 }
        })
    }

    /// The step with columns of the types of the start. DuckDB and DataFusion convert, others take the
    /// type of both, which must then be that of the start.
    fn step_as_types(
        &mut self,
        step: Bound,
        types: &[DataType],
        names: &[Arc<str>],
        cte: &CteSyntax,
    ) -> Bind<(Rel, Vec<ColumnId>)> {
        let name = &cte.alias.name;
        if step.columns.len() != types.len() {
            let message = format!(
                "the start of the recursive query `{name}` has {} columns and its step {}, expected as many",
                types.len(),
                step.columns.len()
            );
            let fault = self.fault("SQL-0019", name, message);
            return Err(Box::new(fault.with_help("select as many columns in each branch")));
        }
        for ((&to, (_, id)), column) in types.iter().zip(&step.columns).zip(names) {
            let found = self.arena.column_type(*id);
            let is_right = match self.dialect {
                Dialect::DuckDb | Dialect::DataFusion => found.common(to).is_some(),
                Dialect::Postgres | Dialect::Spark | Dialect::Snowflake | Dialect::BigQuery => {
                    to.common(found) == Some(to)
                }
            };
            if !is_right {
                let message =
                    format!("column `{column}` of the recursive query `{name}` starts as {to} and becomes {found}");
                let fault = self.fault("SQL-0011", name, message);
                return Err(Box::new(fault.with_help("cast the column of the start to the type of the step")));
            }
        }
        Ok(self.as_types(step, types))
    }

    /// A reference to a common table expression that is being bound.
    pub(crate) fn may_be_read(&self, cte: &Cte, position: usize, at: &impl crate::place::Place) -> Bind<()> {
        match cte.standing {
            Standing::Bound => Ok(()),
            Standing::Later => Err(self.unsupported(at, &format!("reading `{}` before it is defined", cte.name))),
            Standing::Start => {
                let what = format!("reading `{}` in the part that starts its recursion", cte.name);
                Err(self.unsupported(at, &what))
            }
            Standing::Work if self.recursions.last() == Some(&position) => Ok(()),
            Standing::Work => {
                let what = format!("reading `{}` in the step of another recursive query", cte.name);
                Err(self.unsupported(at, &what))
            }
        }
    }
}
