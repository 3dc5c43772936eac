//! Grouping sets in normal form: sets whose rows a filter drops left out, filters on keys of every set
//! below, one set alone as a plain aggregate.
//!
//! All else treats them as a barrier: a key that comes out is NULL in the rows of some sets.

use std::sync::Arc;

use isomer_ir::{AggregateCall, ColumnId, GroupingSets, Literal, Plan, Scalar, ScalarId, Volatility};

use super::{Definitions, Normalizer, peek};
use crate::simplify::{Simplifier, is_false};

impl Normalizer<'_> {
    pub(super) fn grouping_sets(
        &mut self,
        input: Plan,
        groups: &GroupingSets,
        conds: Vec<ScalarId>,
    ) -> (Plan, Definitions) {
        let mut groups = groups.clone();
        let conds = self.without_dropped_sets(&mut groups, conds);
        if groups.sets.is_empty() {
            return (Plan::Empty { columns: groups.columns().collect() }, Definitions::default());
        }
        if let [set] = groups.sets.as_slice()
            && self.switches.is_on("eliminate-single-grouping-set")
        {
            self.switches.fire("eliminate-single-grouping-set");
            return self.single_set(input, &groups, set, &conds);
        }
        let common: Definitions = groups.common_keys().collect();
        let mut below = Vec::new();
        let mut above = Vec::new();
        for cond in conds {
            let columns = self.context.arena.columns_of(cond);
            let is_on_keys = !columns.is_empty()
                && columns.iter().all(|column| common.contains_key(column))
                && self.context.arena.volatility(cond) != Volatility::Volatile;
            if is_on_keys && self.switches.is_on("push-filter-into-aggregate") {
                self.switches.fire("push-filter-into-aggregate");
                below.push(self.context.arena.inline_columns(cond, &common));
            } else {
                above.push(cond);
            }
        }
        let (plan, inner) = self.relation(input, below);
        if matches!(peek(&plan), Plan::Empty { .. })
            && !groups.has_total()
            && self.switches.is_on("prune-empty-operator")
        {
            self.switches.fire("prune-empty-operator");
            return (Plan::Empty { columns: groups.columns().collect() }, Definitions::default());
        }
        let (groups, definitions) = self.canonical_sets(&groups, &inner);
        let plan = Plan::GroupingSets { input: Box::new(plan), groups: Box::new(groups) };
        self.filtered(plan, &above, definitions)
    }

    /// The same over the columns of the input in normal form, under the ids that these definitions have.
    fn canonical_sets(&mut self, groups: &GroupingSets, inner: &Definitions) -> (GroupingSets, Definitions) {
        let mut definitions = Definitions::default();
        let mut taken: Vec<ColumnId> = Vec::new();
        let mut made = GroupingSets { sets: groups.sets.clone(), ..groups.clone() };
        for (id, scalar) in &mut made.keys {
            *scalar = self.resolve(*scalar, inner);
            let hint = Arc::clone(self.context.arena.hint(*id));
            let new = self.context.arena.grouped_key(*scalar, &hint);
            self.renamed(id, new, &mut taken, &mut definitions);
        }
        for (id, call) in &mut made.calls {
            let hint = Arc::clone(self.context.arena.hint(*id));
            *call = self.resolved_call(call, inner);
            let new = self.context.arena.aggregate_column(call, &hint);
            self.renamed(id, new, &mut taken, &mut definitions);
        }
        for (id, of) in &mut made.markers {
            let hint = Arc::clone(self.context.arena.hint(*id));
            let data_type = self.context.arena.column_type(*id);
            let of = of.iter().map(|&key| made.keys[key as usize].1).collect();
            let new = self.context.arena.grouping(of, data_type, &hint);
            self.renamed(id, new, &mut taken, &mut definitions);
        }
        (made, definitions)
    }

    fn renamed(&mut self, id: &mut ColumnId, new: ColumnId, taken: &mut Vec<ColumnId>, definitions: &mut Definitions) {
        let new = self.context.arena.variant_outside(new, taken);
        taken.push(new);
        if new != *id {
            definitions.insert(*id, self.context.arena.column_ref(new));
            *id = new;
        }
    }

    fn resolved_call(&mut self, call: &AggregateCall, inner: &Definitions) -> AggregateCall {
        let order = call.order.iter().map(|key| isomer_ir::SortKey { scalar: self.resolve(key.scalar, inner), ..*key });
        let order = order.collect();
        AggregateCall {
            args: call.args.iter().map(|&arg| self.resolve(arg, inner)).collect(),
            filter: call.filter.map(|filter| self.resolve(filter, inner)),
            order,
            ..call.clone()
        }
    }

    /// What keys and markers are in the rows of a set, where that is one value.
    fn constants_of(&mut self, groups: &GroupingSets, set: &[u32]) -> Definitions {
        let mut constants = Definitions::default();
        for (position, &(id, _)) in groups.keys.iter().enumerate() {
            if !set.iter().any(|&key| key as usize == position) {
                let null = Literal::Null(self.context.arena.column_type(id));
                constants.insert(id, self.context.arena.literal(null));
            }
        }
        for (id, of) in &groups.markers {
            let data_type = self.context.arena.column_type(*id);
            let marker = Literal::Int(i128::from(GroupingSets::marker(set, of)), data_type);
            constants.insert(*id, self.context.arena.literal(marker));
        }
        constants
    }

    /// Leaves out the sets in whose rows the conditions cannot hold; the conditions that are left.
    fn without_dropped_sets(&mut self, groups: &mut GroupingSets, conds: Vec<ScalarId>) -> Vec<ScalarId> {
        if !self.switches.is_on("prune-grouping-sets") {
            return conds;
        }
        let is_moved = |arena: &isomer_ir::Arena, cond: ScalarId| arena.volatility(cond) != Volatility::Volatile;
        let moved: Vec<ScalarId> = conds.iter().copied().filter(|&cond| is_moved(&self.context.arena, cond)).collect();
        let n_sets = groups.sets.len();
        // What is simplified here is only looked at, so no other rule is told of.
        let (mut simplifier, mut quiet) = (Simplifier::default(), self.switches.clone());
        let mut kept = Vec::with_capacity(n_sets);
        // Conditions that hold in every row of every set that is kept.
        let mut always = moved.clone();
        for set in std::mem::take(&mut groups.sets) {
            let constants = self.constants_of(groups, &set);
            let inlined: Vec<ScalarId> =
                moved.iter().map(|&cond| self.context.arena.inline_columns(cond, &constants)).collect();
            let mut simplified = |arena: &mut isomer_ir::Arena, holds: &[ScalarId]| {
                simplifier.holds(arena, holds, &mut quiet, self.templates)
            };
            let holds = simplified(&mut self.context.arena, &inlined);
            if is_false(&self.context.arena, &holds) {
                continue;
            }
            for (&cond, &inlined) in moved.iter().zip(&inlined) {
                let left = simplified(&mut self.context.arena, &[inlined]);
                always.retain(|&known| known != cond || left.is_empty());
            }
            kept.push(set);
        }
        groups.sets = kept;
        if groups.sets.len() == n_sets {
            return conds;
        }
        self.switches.fire("prune-grouping-sets");
        conds.into_iter().filter(|cond| !always.contains(cond)).collect()
    }

    /// One set alone: an aggregate by its keys. The other keys are NULL and markers one number.
    fn single_set(
        &mut self,
        input: Plan,
        groups: &GroupingSets,
        set: &[u32],
        conds: &[ScalarId],
    ) -> (Plan, Definitions) {
        let constants = self.constants_of(groups, set);
        let keys: Vec<(ColumnId, ScalarId)> = set.iter().map(|&key| groups.keys[key as usize]).collect();
        let conds = conds.iter().map(|&cond| self.context.arena.inline_columns(cond, &constants)).collect();
        let (plan, mut definitions) = self.aggregate(input, &keys, groups.calls.clone(), conds);
        definitions.extend(constants);
        definitions.retain(|id, scalar| self.context.arena[*scalar] != Scalar::Column(*id));
        (plan, definitions)
    }
}
