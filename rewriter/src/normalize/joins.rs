//! Joins in normal form: inner joins flattened, filters pushed to the side that may take them,
//! outer joins turned into inner or anti joins where a filter above allows it.

use isomer_ir::{ColumnId, Function, JoinKind, Plan, Scalar, ScalarId, Volatility};

use super::{Definitions, Normalizer};
use crate::facts::survives_null_extension;
use crate::operator::Operator;
use crate::scalars::is_null_rejecting;
use crate::simplify::{is_false, transitive};

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
            JoinKind::Single => {
                // A second match is an error, so nothing may be filtered away before it is seen.
                let columns = left.columns(&mut self.context.arena);
                let (below, above) = self.split_for(&conds, &columns);
                let right_columns = right.columns(&mut self.context.arena);
                let left = self.relation(left, below);
                let right = self.relation(right, Vec::new());
                self.outer(kind, left, right, &right_columns, (&on, &above))
            }
            JoinKind::Semi | JoinKind::Anti | JoinKind::AntiNullAware | JoinKind::Mark(_) => {
                self.semi_join(kind, left, right, on, &conds)
            }
        }
    }

    /// Conjuncts that may be evaluated on `columns` alone and earlier than written, and the rest.
    fn split_for(&self, conds: &[ScalarId], columns: &[ColumnId]) -> (Vec<ScalarId>, Vec<ScalarId>) {
        conds.iter().partition(|&&cond| {
            self.context.arena.reads_only(cond, columns) && self.context.arena.volatility(cond) != Volatility::Volatile
        })
    }

    fn semi_join(
        &mut self,
        kind: JoinKind,
        left: Plan,
        right: Plan,
        on: Vec<ScalarId>,
        conds: &[ScalarId],
    ) -> (Plan, Definitions) {
        let left_columns = left.columns(&mut self.context.arena);
        let right_columns = right.columns(&mut self.context.arena);
        let (mut below, mut above) = self.split_for(conds, &left_columns);
        if !self.switches.is_on("push-filter-into-semi-join") {
            above.append(&mut below);
        }
        // Rows that the join would have removed must not raise now.
        let (raising, below): (Vec<_>, Vec<_>) =
            below.into_iter().partition(|&cond| self.context.arena.can_raise(cond));
        above.extend(raising);
        if !below.is_empty() {
            self.switches.fire("push-filter-into-semi-join");
        }
        // The tested equality of NOT IN must stay in `on`; it reads both sides, so it does.
        let (own_right, mut on): (Vec<_>, Vec<_>) = on.into_iter().partition(|&predicate| {
            let columns = self.context.arena.columns_of(predicate);
            !columns.is_empty()
                && columns.iter().all(|column| right_columns.contains(column))
                && !self.context.arena.can_raise(predicate)
                && self.context.arena.volatility(predicate) != Volatility::Volatile
                && kind != JoinKind::AntiNullAware
        });
        let (left, left_definitions) = self.relation(left, below);
        let (right, right_definitions) = self.relation(right, own_right);
        let (right, right_definitions) = self.disjoint(&left, right, right_definitions, &right_columns);
        on = on.iter().map(|&predicate| self.resolve_both(predicate, &left_definitions, &right_definitions)).collect();
        if kind != JoinKind::AntiNullAware {
            on = self.simplified_holds(&on);
        }
        match (kind, &left, &right) {
            (_, Plan::Empty { .. }, _) => {
                self.switches.fire("prune-empty-operator");
                return (left, left_definitions);
            }
            (JoinKind::Anti | JoinKind::AntiNullAware, _, Plan::Empty { .. })
                if self.switches.is_on("prune-empty-join-side") =>
            {
                self.switches.fire("prune-empty-join-side");
                return self.filtered(left, &above, left_definitions);
            }
            (JoinKind::Semi, _, Plan::Empty { .. }) if self.switches.is_on("prune-empty-join-side") => {
                self.switches.fire("prune-empty-join-side");
                let columns = left.columns(&mut self.context.arena);
                return (Plan::Empty { columns }, left_definitions);
            }
            _ => {}
        }
        let plan = Plan::Join { kind, left: Box::new(left), right: Box::new(right), on };
        self.filtered(plan, &above, left_definitions)
    }

    fn resolve_both(&mut self, scalar: ScalarId, left: &Definitions, right: &Definitions) -> ScalarId {
        let mut both = left.clone();
        both.extend(right.iter().map(|(&id, &scalar)| (id, scalar)));
        self.resolve(scalar, &both)
    }

    /// `right`, written with the columns `written`, renamed where it exposes ids that `left` exposes, too.
    fn disjoint(
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
    fn disjoint_from(
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

    fn inner_join(&mut self, plan: Plan, conds: Vec<ScalarId>) -> (Plan, Definitions) {
        let mut leaves = Vec::new();
        let mut holds = conds;
        Self::flatten(plan, &mut leaves, &mut holds);
        if leaves.len() > 2 {
            self.switches.fire("merge-inner-joins");
        }
        holds = self.simplified_holds(&holds);
        if self.switches.is_on("infer-filter-transitive") {
            let inferred = transitive(&mut self.context.arena, &holds);
            if !inferred.is_empty() {
                self.switches.fire("infer-filter-transitive");
                holds.extend(inferred);
                holds = self.simplified_holds(&holds);
            }
        }
        if is_false(&self.context.arena, &holds) {
            let columns: Vec<ColumnId> = leaves.iter().flat_map(|leaf| leaf.columns(&mut self.context.arena)).collect();
            return (Plan::Empty { columns }, Definitions::default());
        }
        let mut taken: Vec<ColumnId> = Vec::new();
        let mut definitions = Definitions::default();
        let mut inputs: Vec<Plan> = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            let columns = leaf.columns(&mut self.context.arena);
            let (mut own, rest): (Vec<ScalarId>, Vec<ScalarId>) = holds.into_iter().partition(|&cond| {
                let read = self.context.arena.columns_of(cond);
                !read.is_empty()
                    && read.iter().all(|column| columns.contains(column))
                    && self.context.arena.volatility(cond) != Volatility::Volatile
                    && !self.context.arena.can_raise(cond)
            });
            holds = rest;
            if !own.is_empty() {
                if self.switches.is_on("push-filter-into-inner-join") {
                    self.switches.fire("push-filter-into-inner-join");
                } else {
                    holds.append(&mut own);
                }
            }
            let (input, inner) = self.relation(leaf, own);
            let (input, inner) = self.disjoint_from(&taken, input, inner, &columns);
            definitions.extend(inner);
            taken.extend(input.columns(&mut self.context.arena));
            inputs.push(input);
        }
        let on: Vec<ScalarId> = holds.iter().map(|&cond| self.resolve(cond, &definitions)).collect();
        let on = self.simplified_holds(&on);
        let is_empty = inputs.iter().any(|input| matches!(super::peek(input), Plan::Empty { .. }))
            || is_false(&self.context.arena, &on);
        if is_empty && self.switches.is_on("prune-empty-operator") {
            self.switches.fire("prune-empty-operator");
            return (Plan::Empty { columns: taken }, definitions);
        }
        (left_deep(inputs, on), definitions)
    }

    /// Collects the inputs of nested inner joins, through filters and names.
    fn flatten(plan: Plan, leaves: &mut Vec<Plan>, holds: &mut Vec<ScalarId>) {
        let mut stack = vec![plan];
        while let Some(plan) = stack.pop() {
            let is_inner = |plan: &Plan| matches!(super::peek(plan), Plan::Join { kind: JoinKind::Inner, .. });
            match plan {
                Plan::Join { kind: JoinKind::Inner, left, right, on } => {
                    holds.extend(on);
                    stack.push(*right);
                    stack.push(*left);
                }
                Plan::Filter { input, holds: own } if is_inner(&input) => {
                    holds.extend(own);
                    stack.push(*input);
                }
                Plan::Named { input, .. } if is_inner(&input) => stack.push(*input),
                plan => leaves.push(plan),
            }
        }
    }

    fn left_join(&mut self, left: Plan, right: Plan, on: Vec<ScalarId>, conds: Vec<ScalarId>) -> (Plan, Definitions) {
        let left_columns = left.columns(&mut self.context.arena);
        let right_columns = right.columns(&mut self.context.arena);
        let rejects = |this: &Self, cond: ScalarId| {
            this.context.arena.columns_of(cond).iter().any(|column| right_columns.contains(column))
                && is_null_rejecting(&this.context.arena, cond, &right_columns)
        };
        if self.switches.is_on("convert-outer-join-to-inner") && conds.iter().any(|&cond| rejects(self, cond)) {
            self.switches.fire("convert-outer-join-to-inner");
            let plan = Plan::Join { kind: JoinKind::Inner, left: Box::new(left), right: Box::new(right), on };
            return self.inner_join(plan, conds);
        }
        let (below, above) = if self.switches.is_on("push-filter-into-outer-join") {
            self.split_for(&conds, &left_columns)
        } else {
            (Vec::new(), conds)
        };
        if !below.is_empty() {
            self.switches.fire("push-filter-into-outer-join");
        }
        if let Some(result) = self.left_join_to_anti(&left, &right, &on, &below, &above, &right_columns) {
            return result;
        }
        // ON conjuncts of the null-supplying side only decide which right rows can match.
        let (own_right, on): (Vec<_>, Vec<_>) = on.into_iter().partition(|&predicate| {
            let columns = self.context.arena.columns_of(predicate);
            !columns.is_empty()
                && columns.iter().all(|column| right_columns.contains(column))
                && !self.context.arena.can_raise(predicate)
                && self.context.arena.volatility(predicate) != Volatility::Volatile
                && self.switches.is_on("push-filter-into-outer-join")
        });
        if !own_right.is_empty() {
            self.switches.fire("push-filter-into-outer-join");
        }
        let left = self.relation(left, below);
        let right = self.relation(right, own_right);
        if matches!(super::peek(&right.0), Plan::Empty { .. }) && self.switches.is_on("prune-empty-join-side") {
            self.switches.fire("prune-empty-join-side");
            let (plan, mut definitions) = left;
            definitions.extend(self.nulls(&right_columns));
            return self.filtered(plan, &above, definitions);
        }
        if matches!(super::peek(&left.0), Plan::Empty { .. }) && self.switches.is_on("prune-empty-operator") {
            self.switches.fire("prune-empty-operator");
            let (plan, mut definitions) = left;
            definitions.extend(self.nulls(&right_columns));
            return (plan, definitions);
        }
        self.outer(JoinKind::Left, left, right, &right_columns, (&on, &above))
    }

    /// `LEFT JOIN … WHERE right.column IS NULL` with a column that is never NULL in the right input
    /// keeps exactly the left rows without a match.
    fn left_join_to_anti(
        &mut self,
        left: &Plan,
        right: &Plan,
        on: &[ScalarId],
        below: &[ScalarId],
        above: &[ScalarId],
        right_columns: &[ColumnId],
    ) -> Option<(Plan, Definitions)> {
        if !self.switches.is_on("convert-left-join-to-anti") {
            return None;
        }
        let right_facts = self.facts(right);
        let tested = above.iter().position(|&cond| match &self.context.arena[cond] {
            Scalar::Call { function: Function::IsNull, args, .. } => {
                matches!(&self.context.arena[args[0]], Scalar::Column(column) if right_facts.is_not_null(*column))
            }
            _ => false,
        })?;
        let mut rest = above.to_vec();
        rest.remove(tested);
        self.switches.fire("convert-left-join-to-anti");
        let nulls = self.nulls(right_columns);
        let rest: Vec<ScalarId> = rest.iter().map(|&cond| self.context.arena.inline_columns(cond, &nulls)).collect();
        let mut conds = below.to_vec();
        conds.extend(rest);
        let (plan, mut definitions) = self.semi_join(JoinKind::Anti, left.clone(), right.clone(), on.to_vec(), &conds);
        definitions.extend(nulls);
        Some((plan, definitions))
    }

    fn full_join(&mut self, left: Plan, right: Plan, on: Vec<ScalarId>, conds: Vec<ScalarId>) -> (Plan, Definitions) {
        let left_columns = left.columns(&mut self.context.arena);
        let right_columns = right.columns(&mut self.context.arena);
        if self.switches.is_on("convert-full-join-to-left") {
            let rejects =
                |side: &[ColumnId]| conds.iter().any(|&cond| is_null_rejecting(&self.context.arena, cond, side));
            // Rows that only the right side has are NULL on the left.
            if rejects(&left_columns) {
                self.switches.fire("convert-full-join-to-left");
                return self.left_join(left, right, on, conds);
            }
            if rejects(&right_columns) {
                self.switches.fire("convert-full-join-to-left");
                return self.left_join(right, left, on, conds);
            }
        }
        let left = self.relation(left, Vec::new());
        let right = self.relation(right, Vec::new());
        let (left_plan, left_definitions) = self.null_safe(left.0, left.1, &left_columns);
        self.outer(JoinKind::Full, (left_plan, left_definitions), right, &right_columns, (&on, &conds))
    }

    /// `plan` such that every written column can be read above a null extension.
    fn null_safe(&mut self, plan: Plan, definitions: Definitions, columns: &[ColumnId]) -> (Plan, Definitions) {
        let own = plan.columns(&mut self.context.arena);
        let is_safe = columns.iter().all(|column| {
            definitions.get(column).is_none_or(|&scalar| survives_null_extension(&self.context.arena, scalar, &own))
        });
        if is_safe { (plan, definitions) } else { self.exposed(plan, &definitions, columns) }
    }

    fn outer(
        &mut self,
        kind: JoinKind,
        (left, left_definitions): (Plan, Definitions),
        (right, right_definitions): (Plan, Definitions),
        right_columns: &[ColumnId],
        (on, above): (&[ScalarId], &[ScalarId]),
    ) -> (Plan, Definitions) {
        let (right, right_definitions) = self.null_safe(right, right_definitions, right_columns);
        let (right, right_definitions) = self.disjoint(&left, right, right_definitions, right_columns);
        let on: Vec<ScalarId> =
            on.iter().map(|&predicate| self.resolve_both(predicate, &left_definitions, &right_definitions)).collect();
        let on = self.simplified_holds(&on);
        let mut definitions = left_definitions;
        definitions.extend(right_definitions);
        let plan = Plan::Join { kind, left: Box::new(left), right: Box::new(right), on };
        self.filtered(plan, above, definitions)
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
