//! Aggregates in normal form: keys and calls over the input's own columns, filters on keys below,
//! keys and calls that say nothing removed.

use std::sync::Arc;

use isomer_ir::{
    AggregateCall, AggregateFunction, ColumnId, DataType, Function, Literal, Plan, Scalar, ScalarId, SortKey,
    Volatility,
};

use super::{Definitions, Normalizer};
use crate::facts::{Facts, is_nullable};

impl Normalizer<'_> {
    pub(super) fn aggregate(
        &mut self,
        input: Plan,
        keys: &[(ColumnId, ScalarId)],
        calls: Vec<(ColumnId, AggregateCall)>,
        conds: Vec<ScalarId>,
    ) -> (Plan, Definitions) {
        let key_definitions: Definitions = keys.iter().copied().collect();
        let mut below = Vec::new();
        let mut above = Vec::new();
        for cond in conds {
            // Without keys there is one row also over no rows, so nothing may sink. A conjunct that
            // reads no column decides about all groups alike and may.
            let is_on_keys = !keys.is_empty()
                && self.context.arena.columns_of(cond).iter().all(|column| key_definitions.contains_key(column))
                && self.context.arena.volatility(cond) != Volatility::Volatile;
            if is_on_keys && self.switches.is_on("push-filter-into-aggregate") {
                self.switches.fire("push-filter-into-aggregate");
                below.push(self.context.arena.inline_columns(cond, &key_definitions));
            } else {
                above.push(cond);
            }
        }
        let (plan, inner) = self.relation(input, below);
        self.aggregate_over(plan, &inner, keys, calls, &above)
    }

    /// `Filter(above, Aggregate(plan))` over a plan in normal form whose columns are `inner`.
    pub(super) fn aggregate_over(
        &mut self,
        plan: Plan,
        inner: &Definitions,
        keys: &[(ColumnId, ScalarId)],
        calls: Vec<(ColumnId, AggregateCall)>,
        above: &[ScalarId],
    ) -> (Plan, Definitions) {
        let facts = self.facts(&plan);
        let mut definitions = Definitions::default();
        let new_keys = self.aggregate_keys(keys, inner, &facts, &mut definitions);
        if matches!(super::peek(&plan), Plan::Empty { .. })
            && !keys.is_empty()
            && self.switches.is_on("prune-empty-operator")
        {
            self.switches.fire("prune-empty-operator");
            let columns = keys.iter().map(|(id, _)| *id).chain(calls.iter().map(|(id, _)| *id)).collect();
            return (Plan::Empty { columns }, Definitions::default());
        }
        if matches!(super::peek(&plan), Plan::Empty { .. })
            && keys.is_empty()
            && self.switches.is_on("fold-aggregate-over-empty")
        {
            self.switches.fire("fold-aggregate-over-empty");
            let definitions = calls.iter().map(|(id, call)| (*id, self.value_of_nothing(call))).collect();
            return self.filtered(Plan::Values { columns: Vec::new(), rows: vec![Vec::new()] }, above, definitions);
        }
        let mut new_calls: Vec<(ColumnId, AggregateCall)> = Vec::with_capacity(calls.len());
        let exposed: Vec<ColumnId> = new_keys.iter().map(|(id, _)| *id).collect();
        for (id, call) in calls {
            let call = self.aggregate_call(&call, inner, &facts);
            let hint = Arc::clone(self.context.arena.hint(id));
            let new = self.context.arena.aggregate_column(&call, &hint);
            let new = self.context.arena.variant_outside(new, &exposed);
            if new != id {
                definitions.insert(id, self.context.arena.column_ref(new));
            }
            if !new_calls.iter().any(|(other, _)| *other == new) {
                new_calls.push((new, call));
            }
        }
        new_calls.sort_by_key(|(id, _)| *id);
        if let Some(result) = self.aggregate_on_key(&plan, &new_keys, &new_calls, &facts, &definitions) {
            let (plan, definitions) = result;
            return self.filtered(plan, above, definitions);
        }
        let plan = Plan::Aggregate { input: Box::new(plan), keys: new_keys, calls: new_calls };
        self.filtered(plan, above, definitions)
    }

    fn aggregate_keys(
        &mut self,
        keys: &[(ColumnId, ScalarId)],
        inner: &Definitions,
        facts: &Facts,
        definitions: &mut Definitions,
    ) -> Vec<(ColumnId, ScalarId)> {
        let mut new_keys: Vec<(ColumnId, ScalarId)> = Vec::with_capacity(keys.len());
        let mut constant: Option<(ColumnId, ScalarId)> = None;
        for &(id, scalar) in keys {
            let scalar = self.resolve(scalar, inner);
            let value = match &self.context.arena[scalar] {
                Scalar::Literal(_) => Some(scalar),
                Scalar::Column(column) => {
                    facts.constants.iter().find(|(known, _)| known == column).map(|(_, value)| *value)
                }
                Scalar::Outer(_)
                | Scalar::Call { .. }
                | Scalar::Case { .. }
                | Scalar::Cast { .. }
                | Scalar::InList { .. }
                | Scalar::Hole(_) => None,
            };
            if let (Some(value), true) = (value, self.switches.is_on("prune-constant-group-key")) {
                // The constant takes the key's own type: `g = 5` says nothing about the literal's width.
                let data_type = self.context.arena.column_type(id);
                let value = self.context.arena.cast(value, data_type);
                definitions.insert(id, value);
                constant = constant.or(Some((id, scalar)));
                self.switches.fire("prune-constant-group-key");
                continue;
            }
            let hint = Arc::clone(self.context.arena.hint(id));
            let new = self.computed_id(scalar, &hint, &facts.columns);
            if new != id {
                definitions.insert(id, self.context.arena.column_ref(new));
            }
            if new_keys.iter().any(|(other, _)| *other == new) {
                self.switches.fire("prune-duplicate-group-key");
            } else {
                new_keys.push((new, scalar));
            }
        }
        // With no key left the aggregate would give a row over no rows: one constant key stays.
        if let (true, Some((id, scalar))) = (new_keys.is_empty(), constant) {
            let hint = Arc::clone(self.context.arena.hint(id));
            let new = self.computed_id(scalar, &hint, &facts.columns);
            definitions.remove(&id);
            if new != id {
                definitions.insert(id, self.context.arena.column_ref(new));
            }
            new_keys.push((new, scalar));
        }
        new_keys.sort_by_key(|(id, _)| *id);
        new_keys
    }

    fn aggregate_call(&mut self, call: &AggregateCall, inner: &Definitions, facts: &Facts) -> AggregateCall {
        let mut call = AggregateCall {
            args: call.args.iter().map(|&arg| self.resolve(arg, inner)).collect(),
            filter: call.filter.map(|filter| self.resolve(filter, inner)),
            order: call.order.iter().map(|key| SortKey { scalar: self.resolve(key.scalar, inner), ..*key }).collect(),
            ..call.clone()
        };
        if call.is_distinct
            && call.function.is_duplicate_insensitive()
            && self.switches.is_on("eliminate-distinct-in-aggregate")
        {
            self.switches.fire("eliminate-distinct-in-aggregate");
            call.is_distinct = false;
        }
        let counts_rows = call.function == AggregateFunction::Count && !call.is_distinct && call.args.len() == 1;
        if counts_rows
            && !is_nullable(&self.context.arena, call.args[0], facts)
            && self.switches.is_on("simplify-count-not-null")
        {
            self.switches.fire("simplify-count-not-null");
            call.args.clear();
        }
        self.templates.rewrite_aggregate(&mut self.context.arena, call, facts.rows, self.switches)
    }

    /// Groups of exactly one row each: the aggregate is a projection.
    fn aggregate_on_key(
        &mut self,
        plan: &Plan,
        keys: &[(ColumnId, ScalarId)],
        calls: &[(ColumnId, AggregateCall)],
        facts: &Facts,
        definitions: &Definitions,
    ) -> Option<(Plan, Definitions)> {
        let columns: Vec<ColumnId> = keys
            .iter()
            .filter_map(
                |&(_, scalar)| {
                    if let Scalar::Column(column) = self.context.arena[scalar] { Some(column) } else { None }
                },
            )
            .collect();
        if keys.is_empty() || !facts.is_unique(&columns) {
            return None;
        }
        let rule = if calls.is_empty() { "eliminate-distinct-on-key" } else { "eliminate-aggregate-on-key" };
        if !self.switches.is_on(rule) {
            return None;
        }
        let mut own: Definitions = keys.iter().copied().collect();
        for (id, call) in calls {
            own.insert(*id, self.single_row_value(call)?);
        }
        self.switches.fire(rule);
        let mut composed: Definitions = own.clone();
        let mut deferred: Vec<(ColumnId, ScalarId)> = definitions.iter().map(|(&id, &scalar)| (id, scalar)).collect();
        deferred.sort_unstable();
        for (id, scalar) in deferred {
            composed.insert(id, self.context.arena.inline_columns(scalar, &own));
        }
        composed.retain(|id, scalar| self.context.arena[*scalar] != Scalar::Column(*id));
        Some((plan.clone(), composed))
    }

    /// What an aggregate gives over no rows.
    fn value_of_nothing(&mut self, call: &AggregateCall) -> ScalarId {
        let is_count = matches!(call.function, AggregateFunction::Count | AggregateFunction::ApproxCountDistinct);
        let value = if is_count { Literal::Int(0, call.data_type) } else { Literal::Null(call.data_type) };
        self.context.arena.literal(value)
    }

    /// What an aggregate gives over exactly one row.
    fn single_row_value(&mut self, call: &AggregateCall) -> Option<ScalarId> {
        if call.filter.is_some() {
            return None;
        }
        let arena = &mut self.context.arena;
        match (call.function, call.args.first()) {
            (AggregateFunction::Count, None) => Some(arena.literal(Literal::Int(1, DataType::Int64))),
            (AggregateFunction::Count, Some(&arg)) if call.args.len() == 1 => {
                let is_null = arena.predicate(Function::IsNull, [arg]);
                let zero = arena.literal(Literal::Int(0, DataType::Int64));
                let one = arena.literal(Literal::Int(1, DataType::Int64));
                Some(arena.scalar(Scalar::Case {
                    branches: vec![(is_null, zero)],
                    otherwise: one,
                    data_type: DataType::Int64,
                }))
            }
            (
                AggregateFunction::Sum
                | AggregateFunction::Min
                | AggregateFunction::Max
                | AggregateFunction::BoolAnd
                | AggregateFunction::BoolOr,
                Some(&arg),
            ) => Some(arena.cast(arg, call.data_type)),
            _ => None,
        }
    }
}
