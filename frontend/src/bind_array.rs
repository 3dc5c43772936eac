//! Lists and subqueries: a list of a subquery's values, and a value looked for in a list.

use std::sync::Arc;

use isomer_ir::{AggregateCall, DataType, Dialect, Function, Plan, ScalarId};
use sqlparser::ast::{BinaryOperator, Expr, Query};

use crate::bind::{Bind, Binder, Bound};
use crate::functions::listed_aggregate;
use crate::scope::Rel;

impl<'a> Binder<'a> {
    /// `ARRAY(SELECT …)`: the values in the order of the query; of no rows the empty list.
    pub(crate) fn array_subquery(&mut self, query: &'a Query, at: &Expr) -> Bind<ScalarId> {
        self.expect_place(at)?;
        let bound = self.query(query, true)?;
        let id = self.one_column(&bound, at)?;
        let Some(function) = listed_aggregate("array_agg") else {
            return Err(self.unsupported(at, "a list of a subquery"));
        };
        let (mut plan, mut value, mut order) = (bound.rel.plan, self.arena.column_ref(id), Vec::new());
        if let Plan::Project { input, exprs } = plan {
            value = exprs.iter().find(|(known, _)| *known == id).map_or(value, |(_, scalar)| *scalar);
            plan = *input;
        }
        match plan {
            // The aggregate has the order.
            Plan::Sort { input, keys } => (plan, order) = (*input, keys),
            Plan::Limit { input, skip, fetch } => {
                if let Plan::Sort { keys, .. } = &*input {
                    order.clone_from(keys);
                }
                plan = Plan::Limit { input, skip, fetch };
            }
            other => plan = other,
        }
        let data_type = self.arena.type_of(value).list_of();
        let args = [value].into_iter().collect();
        let call = AggregateCall { function, is_distinct: false, args, filter: None, order, data_type };
        let list = self.arena.aggregate_column(&call, "array");
        let plan = Plan::Aggregate { input: Box::new(plan), keys: Vec::new(), calls: vec![(list, call)] };
        let of_rows = self.arena.column_ref(list);
        let none = self.listed_call("list_value", [], data_type, at)?;
        let shown = self.arena.call(Function::Coalesce, [of_rows, none], data_type);
        let id = self.arena.computed_column(shown, "array");
        let plan = Plan::Project { input: Box::new(plan), exprs: vec![(id, shown)] };
        let bound = Bound { rel: Rel::new(plan, [(id, false)]), columns: vec![(Arc::from("array"), id)] };
        self.joined_scalar(bound, id, at)
    }

    /// `value = ANY (list)` as a condition of its own, where NULL is as good as FALSE.
    pub(crate) fn among_elements(
        &mut self,
        value: &'a Expr,
        op: &BinaryOperator,
        list: &'a Expr,
        at: &Expr,
    ) -> Bind<ScalarId> {
        let (value, list) = (self.expr(value)?, self.expr(list)?);
        let (found, element) = (self.arena.type_of(value), self.arena.type_of(list).element());
        let is_known = matches!(self.dialect, Dialect::DuckDb | Dialect::Postgres | Dialect::BigQuery);
        if *op != BinaryOperator::Eq || !is_known || element.is_none_or(|element| element.common(found).is_none()) {
            return Err(self.unsupported(at, "`ANY` of this list"));
        }
        self.listed_call("list_contains", [list, value], DataType::Boolean, at)
    }
}
