//! Aggregates in normal form: keys and calls over the input's own columns, filters on keys below,
//! keys and calls that say nothing removed.

use std::sync::Arc;

use isomer_ir::{AggregateCall, ColumnId, JoinKind, Plan, Scalar, ScalarId, Volatility};

use super::calls::Simplified;
use super::{Definitions, Normalizer, peek};
use crate::facts::Facts;

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
        let new_keys = self.aggregate_keys(&plan, keys, inner, &facts, &mut definitions);
        if matches!(peek(&plan), Plan::Empty { .. }) && !keys.is_empty() && self.switches.is_on("prune-empty-operator")
        {
            self.switches.fire("prune-empty-operator");
            let columns = keys.iter().map(|(id, _)| *id).chain(calls.iter().map(|(id, _)| *id)).collect();
            return (Plan::Empty { columns }, Definitions::default());
        }
        if matches!(peek(&plan), Plan::Empty { .. })
            && keys.is_empty()
            && self.switches.is_on("fold-aggregate-over-empty")
            && let Some(definitions) = calls
                .iter()
                .map(|(id, call)| Some((*id, self.value_of_nothing(call)?)))
                .collect::<Option<Definitions>>()
        {
            self.switches.fire("fold-aggregate-over-empty");
            return self.filtered(Plan::Values { columns: Vec::new(), rows: vec![Vec::new()] }, above, definitions);
        }
        let mut new_calls: Vec<(ColumnId, AggregateCall)> = Vec::with_capacity(calls.len());
        let exposed: Vec<ColumnId> = new_keys.iter().map(|(id, _)| *id).collect();
        for (id, call) in calls {
            let data_type = call.data_type;
            let call = match self.simplified_call(&call, inner, &new_keys, &facts) {
                Simplified::Call(call) => call,
                Simplified::Value(value) => {
                    definitions.insert(id, value);
                    continue;
                }
            };
            let hint = Arc::clone(self.context.arena.hint(id));
            let new = self.context.arena.aggregate_column(&call, &hint);
            let new = self.context.arena.variant_outside(new, &exposed);
            let column = self.context.arena.column_ref(new);
            let value = self.context.arena.cast(column, data_type);
            if self.context.arena[value] != Scalar::Column(id) {
                definitions.insert(id, value);
            }
            if !new_calls.iter().any(|(other, _)| *other == new) {
                new_calls.push((new, call));
            }
        }
        new_calls.sort_by_key(|(id, _)| *id);
        if let (true, Some(filter)) = (new_keys.is_empty(), self.common_filter(&new_calls)) {
            self.switches.fire("push-aggregate-filter-into-input");
            let input = Plan::Filter { input: Box::new(plan), holds: self.context.arena.conjuncts(filter) };
            let (plan, inner) = self.relation(input, Vec::new());
            for (_, call) in &mut new_calls {
                call.filter = None;
            }
            let (plan, own) = self.aggregate_over(plan, &inner, &[], new_calls, &[]);
            let definitions = self.composed(&definitions, &own);
            return self.filtered(plan, above, definitions);
        }
        if let Some(own) = self.merged_linear_sums(&new_keys, &mut new_calls, &facts) {
            definitions = self.composed(&definitions, &own);
        }
        if let Some(result) = self.aggregate_on_key(&plan, &new_keys, &new_calls, &facts, &definitions) {
            let (plan, definitions) = result;
            return self.filtered(plan, above, definitions);
        }
        if let Some((plan, own)) = self.rolled_up(&plan, &new_keys, &new_calls) {
            let definitions = self.composed(&definitions, &own);
            return self.filtered(plan, above, definitions);
        }
        let plan = Plan::Aggregate { input: Box::new(plan), keys: new_keys, calls: new_calls };
        self.filtered(plan, above, definitions)
    }

    /// The filter under which all calls stand.
    fn common_filter(&self, calls: &[(ColumnId, AggregateCall)]) -> Option<ScalarId> {
        let filter = calls.first()?.1.filter?;
        let is_common = calls.iter().all(|(_, call)| call.filter == Some(filter))
            && self.context.arena.volatility(filter) == Volatility::Immutable;
        (is_common && self.switches.is_on("push-aggregate-filter-into-input")).then_some(filter)
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
        let is_single = if keys.is_empty() { is_one_row(plan) } else { facts.is_unique(&columns) };
        if !is_single {
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
        Some((plan.clone(), self.composed(definitions, &own)))
    }

    /// Definitions in terms of columns that are defined in turn, and these.
    fn composed(&mut self, definitions: &Definitions, own: &Definitions) -> Definitions {
        let mut composed: Definitions = own.clone();
        let mut deferred: Vec<(ColumnId, ScalarId)> = definitions.iter().map(|(&id, &scalar)| (id, scalar)).collect();
        deferred.sort_unstable();
        for (id, scalar) in deferred {
            composed.insert(id, self.context.arena.inline_columns(scalar, own));
        }
        composed.retain(|id, scalar| self.context.arena[*scalar] != Scalar::Column(*id));
        composed
    }
}

/// Whether a plan gives exactly one row, whatever the tables hold. May miss some.
pub(super) fn is_one_row(plan: &Plan) -> bool {
    match peek(plan) {
        Plan::Aggregate { keys, .. } => keys.is_empty(),
        Plan::Values { rows, .. } => rows.len() == 1,
        Plan::Project { input, .. } | Plan::Window { input, .. } | Plan::Instance { input, .. } => is_one_row(input),
        Plan::Join { kind: JoinKind::Inner, left, right, on } => on.is_empty() && is_one_row(left) && is_one_row(right),
        Plan::Unnest { .. }
        | Plan::Scan { .. }
        | Plan::Empty { .. }
        | Plan::Filter { .. }
        | Plan::Join { .. }
        | Plan::GroupingSets { .. }
        | Plan::Distinct { .. }
        | Plan::Sort { .. }
        | Plan::Limit { .. }
        | Plan::SetOp { .. }
        | Plan::Named { .. }
        | Plan::RecursiveUnion { .. }
        | Plan::WorkTable { .. }
        | Plan::Sample { .. }
        | Plan::ScanAt { .. }
        | Plan::Hole { .. } => false,
    }
}
