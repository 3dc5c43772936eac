//! Joins in normal form: which kind is treated where, ids that stay apart, and the flat form of inner joins.

use isomer_ir::{ColumnId, JoinKind, Plan, ScalarId, Volatility};

use super::{Definitions, Normalizer};
use crate::operator::Operator;

impl Normalizer<'_> {
    pub(super) fn join(
        &mut self,
        kind: JoinKind,
        left: Plan,
        right: Plan,
        on: Vec<ScalarId>,
        conds: Vec<ScalarId>,
    ) -> (Plan, Definitions) {
        match kind {
            JoinKind::Inner => {
                let plan = Plan::Join { kind, left: Box::new(left), right: Box::new(right), on };
                self.inner_join(plan, conds)
            }
            JoinKind::Left => self.left_join(left, right, on, conds),
            JoinKind::Full => self.full_join(left, right, on, conds),
            JoinKind::Single => self.single_join(left, right, &on, &conds),
            JoinKind::Semi | JoinKind::Anti | JoinKind::AntiNullAware | JoinKind::Mark(_) => {
                self.semi_join(kind, left, right, on, &conds)
            }
        }
    }

    /// Conjuncts that may be evaluated on `columns` alone and earlier than written, and the rest.
    pub(super) fn split_for(&self, conds: &[ScalarId], columns: &[ColumnId]) -> (Vec<ScalarId>, Vec<ScalarId>) {
        conds.iter().partition(|&&cond| {
            self.context.arena.reads_only(cond, columns) && self.context.arena.volatility(cond) != Volatility::Volatile
        })
    }

    pub(super) fn resolve_both(&mut self, scalar: ScalarId, left: &Definitions, right: &Definitions) -> ScalarId {
        let mut both = left.clone();
        both.extend(right.iter().map(|(&id, &scalar)| (id, scalar)));
        self.resolve(scalar, &both)
    }

    /// `right`, written with the columns `written`, renamed where it exposes ids that `left` exposes, too.
    pub(super) fn disjoint(
        &mut self,
        left: &Plan,
        right: Plan,
        definitions: Definitions,
        written: &[ColumnId],
    ) -> (Plan, Definitions) {
        let taken = left.columns(&mut self.context.arena);
        self.disjoint_from(&taken, right, definitions, written)
    }

    /// The definitions are those of `written` alone: the plan may expose other ids, which another
    /// input of the join may be written with.
    pub(super) fn disjoint_from(
        &mut self,
        taken: &[ColumnId],
        plan: Plan,
        mut definitions: Definitions,
        written: &[ColumnId],
    ) -> (Plan, Definitions) {
        let columns = plan.columns(&mut self.context.arena);
        if !columns.iter().any(|column| taken.contains(column)) {
            return (plan, definitions);
        }
        let mut k = 1;
        loop {
            let is_free = columns.iter().all(|&column| {
                let renamed = self.context.arena.instance(column, k);
                !taken.contains(&renamed)
            });
            if is_free {
                break;
            }
            k += 1;
        }
        let (plan, rename) = self.instanced(plan, k);
        let mut arena_order: Vec<ColumnId> = definitions.keys().copied().collect();
        arena_order.sort_unstable();
        for column in arena_order {
            let scalar = definitions[&column];
            definitions.insert(column, self.context.arena.inline_columns(scalar, &rename));
        }
        let added: Vec<(ColumnId, ScalarId)> = rename
            .into_iter()
            .filter(|(column, _)| written.contains(column) && !definitions.contains_key(column))
            .collect();
        definitions.extend(added);
        (plan, definitions)
    }
}

/// Inputs joined one after the other; every conjunct stands as low as its columns allow.
pub(crate) fn left_deep(inputs: Vec<Plan>, on: Vec<ScalarId>) -> Plan {
    let mut inputs = inputs.into_iter();
    let Some(mut plan) = inputs.next() else { return Plan::Empty { columns: Vec::new() } };
    let rest: Vec<Plan> = inputs.collect();
    if rest.is_empty() {
        return if on.is_empty() { plan } else { Plan::Filter { input: Box::new(plan), holds: on } };
    }
    let last = rest.len() - 1;
    for (position, right) in rest.into_iter().enumerate() {
        let own = if position == last { on.clone() } else { Vec::new() };
        plan = Plan::Join { kind: JoinKind::Inner, left: Box::new(plan), right: Box::new(right), on: own };
    }
    plan
}

/// The flat form of nested inner joins: inputs and conjuncts.
pub(crate) fn flat_inputs<'p>(plan: &'p Plan, inputs: &mut Vec<&'p Plan>, on: &mut Vec<ScalarId>) {
    match super::peek(plan) {
        Plan::Join { kind: JoinKind::Inner, left, right, on: own } => {
            flat_inputs(left, inputs, on);
            flat_inputs(right, inputs, on);
            on.extend_from_slice(own);
        }
        _ => inputs.push(plan),
    }
}

/// The e-graph operator of a join's kind and conjuncts.
pub(crate) fn join_operator(kind: JoinKind, on: Vec<ScalarId>) -> Operator {
    if kind == JoinKind::Inner { Operator::InnerJoin { on } } else { Operator::Join { kind, on } }
}
