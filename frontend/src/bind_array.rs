//! Lists and subqueries: a list of a subquery's values, and a value looked for in a list.

use std::sync::Arc;

use isomer_ir::{AggregateCall, DataType, Dialect, Function, Nested, NestedType, Plan, ScalarId};
use sqlparser::ast::{BinaryOperator, Expr, Query, Select, SetExpr, ValueTableMode};

use crate::bind::{Bind, Binder, Bound};
use crate::functions::listed_aggregate;
use crate::scope::Rel;

impl<'a> Binder<'a> {
    /// `ARRAY(SELECT …)`: the values in the order of the query; of no rows the empty list.
    pub(crate) fn array_subquery(&mut self, query: &'a Query, at: &Expr) -> Bind<ScalarId> {
        self.expect_place(at)?;
        let bound = self.value_query(query, true, at)?;
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

    /// A query whose rows are values: of `SELECT AS STRUCT` its columns are the fields of one.
    pub(crate) fn value_query(&mut self, query: &'a Query, is_root: bool, at: &Expr) -> Bind<Bound> {
        let SetExpr::Select(select) = &*query.body else { return self.query(query, is_root) };
        let Some(mode) = select.value_table_mode else { return self.query(query, is_root) };
        self.value_tables.insert(std::ptr::from_ref::<Select>(select) as usize);
        let bound = self.query(query, is_root)?;
        match mode {
            ValueTableMode::AsValue => Ok(bound),
            ValueTableMode::AsStruct => self.packed_rows(bound, at),
            ValueTableMode::DistinctAsStruct | ValueTableMode::DistinctAsValue => {
                Err(self.unsupported(at, &format!("`SELECT {mode}`")))
            }
        }
    }

    /// A relation of one column, a struct of all columns of another.
    fn packed_rows(&mut self, bound: Bound, at: &Expr) -> Bind<Bound> {
        let Bound { rel, columns } = bound;
        let mut fields: Vec<(Arc<str>, DataType)> = Vec::with_capacity(columns.len());
        let mut values = Vec::with_capacity(columns.len());
        for (name, id) in columns {
            if self.guessed_names.contains(&name) {
                return Err(self.unsupported(at, "a struct with a field without a name"));
            }
            if fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                return Err(self.fault("SQL-0016", at, format!("two fields of a struct are called `{name}`")));
            }
            fields.push((name, self.arena.column_type(id)));
            values.push(self.arena.column_ref(id));
        }
        let data_type = DataType::Nested(NestedType::new(Nested::Struct(fields)));
        let packed = self.listed_call("struct_value", values, data_type, at)?;
        let id = self.arena.computed_column(packed, "struct");
        let plan = Plan::Project { input: Box::new(rel.plan), exprs: vec![(id, packed)] };
        Ok(Bound { rel: Rel::new(plan, [(id, false)]), columns: vec![(Arc::from("struct"), id)] })
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
