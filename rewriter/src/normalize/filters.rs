//! Filters that a relation's facts decide, and sub-queries in conditions that are plain conditions.

use isomer_ir::{Arena, ColumnId, Function, JoinKind, Literal, Plan, Scalar, ScalarId, Volatility};

use super::{Definitions, Normalizer};
use crate::facts::{Facts, is_nullable};

/// Rows of a written-out list that become members of IN; an engine makes a hash table of longer ones.
const LONGEST_LIST: usize = 100;

/// Rounds in which a test that is decided may decide the test around it.
const MAX_ROUNDS: usize = 4;

impl Normalizer<'_> {
    /// The scalar without tests that are decided by columns of `plan` which are never NULL.
    pub(super) fn without_null_tests(&mut self, scalar: ScalarId, plan: &Plan) -> ScalarId {
        if !self.switches.is_on("eliminate-null-test-on-not-null") || !has_test(&self.context.arena, scalar) {
            return scalar;
        }
        let facts = self.facts(plan);
        let mut current = scalar;
        for _ in 0..MAX_ROUNDS {
            let next = self.context.arena.substitute(current, &mut |arena, id| decided(arena, id, &facts));
            if next == current {
                break;
            }
            self.switches.fire("eliminate-null-test-on-not-null");
            current = self.resolve(next, &Definitions::default());
        }
        current
    }

    /// The scalar after templates whose guards ask what is never NULL in rows with these facts.
    pub(super) fn among(&mut self, scalar: ScalarId, facts: &Facts, in_holds: bool) -> ScalarId {
        if !self.templates.reads_facts() {
            return scalar;
        }
        let mut current = scalar;
        for _ in 0..MAX_ROUNDS {
            let (templates, switches) = (self.templates, &mut *self.switches);
            let arena = &mut self.context.arena;
            let mut next =
                arena.substitute(current, &mut |arena, id| templates.rewrite_among(arena, id, facts, false, switches));
            if in_holds {
                next = templates.rewrite_among(arena, next, facts, true, switches).unwrap_or(next);
            }
            if next == current {
                break;
            }
            current = self.resolve(next, &Definitions::default());
        }
        current
    }

    /// Named scalars after such templates, over the rows of `plan`.
    pub(super) fn all_among(&mut self, mut exprs: Vec<(ColumnId, ScalarId)>, plan: &Plan) -> Vec<(ColumnId, ScalarId)> {
        if self.templates.reads_facts() && exprs.iter().any(|&(_, scalar)| !self.is_leaf(scalar)) {
            let facts = self.facts(plan);
            for (_, scalar) in &mut exprs {
                *scalar = self.among(*scalar, &facts, false);
            }
        }
        exprs
    }

    fn is_leaf(&self, scalar: ScalarId) -> bool {
        matches!(self.context.arena[scalar], Scalar::Column(_) | Scalar::Literal(_))
    }

    /// Conjuncts after such templates, over rows of all these inputs.
    pub(super) fn holds_among(&mut self, holds: Vec<ScalarId>, inputs: &[&Plan]) -> Vec<ScalarId> {
        if holds.is_empty() || !self.templates.reads_facts() {
            return holds;
        }
        let mut not_null: Vec<ColumnId> = inputs.iter().flat_map(|input| self.facts(input).not_null).collect();
        not_null.sort_unstable();
        let facts = Facts::of_not_null(not_null);
        let known: Vec<ScalarId> = holds.iter().map(|&predicate| self.among(predicate, &facts, true)).collect();
        if known == holds { holds } else { self.simplified_holds(&known) }
    }

    /// The condition `x IN (…)` that a semi or anti join with written-out constants is.
    pub(super) fn as_list(&mut self, kind: JoinKind, right: &Plan, on: &[ScalarId]) -> Option<ScalarId> {
        let is_test = matches!(kind, JoinKind::Semi | JoinKind::Anti | JoinKind::AntiNullAware);
        let &[cond] = on else { return None };
        if !is_test || !is_written_out(right) || !self.switches.is_on("convert-semi-join-to-in-list") {
            return None;
        }
        let Scalar::Call { function: Function::Eq, args, .. } = self.context.arena[cond].clone() else { return None };
        let columns = right.columns(&mut self.context.arena);
        let (plan, definitions) = self.relation(right.clone(), Vec::new());
        let Plan::Values { columns: shown, rows } = super::strip_names(plan) else { return None };
        let reads_none = |arena: &Arena, scalar: ScalarId, columns: &[ColumnId]| {
            arena.columns_of(scalar).iter().all(|column| !columns.contains(column))
        };
        let (value, listed) = match *args.as_slice() {
            [a, b] if reads_none(&self.context.arena, a, &columns) => (a, b),
            [a, b] if reads_none(&self.context.arena, b, &columns) => (b, a),
            _ => return None,
        };
        let listed = self.resolve(listed, &definitions);
        let Scalar::Column(listed) = self.context.arena[listed] else { return None };
        let position = shown.iter().position(|&column| column == listed)?;
        let members: Vec<ScalarId> = rows.iter().filter_map(|row| row.get(position).copied()).collect();
        let arena = &mut self.context.arena;
        let is_plain = !members.is_empty()
            && members.len() <= LONGEST_LIST
            && members.iter().all(|&member| matches!(arena[member], Scalar::Literal(_)))
            && arena.volatility(value) != Volatility::Volatile;
        if !is_plain {
            return None;
        }
        let found = arena.in_list(value, members);
        let cond = match kind {
            JoinKind::Semi => found,
            JoinKind::AntiNullAware => arena.predicate(Function::Not, [found]),
            _ => {
                let is_found = arena.predicate(Function::IsTrue, [found]);
                arena.predicate(Function::Not, [is_found])
            }
        };
        self.switches.fire("convert-semi-join-to-in-list");
        Some(cond)
    }
}

/// Whether the scalar asks anywhere whether something is NULL.
fn has_test(arena: &Arena, scalar: ScalarId) -> bool {
    let mut has_test = false;
    arena.visit(scalar, &mut |_, part| {
        if let Scalar::Call { function, args, .. } = part {
            has_test |= matches!(
                function,
                Function::IsNull
                    | Function::IsTrue
                    | Function::IsFalse
                    | Function::IsDistinct
                    | Function::IsNotDistinct
                    | Function::Coalesce
            ) || function.flipped().is_some() && args[0] == args[1];
        }
    });
    has_test
}

/// What a test is over rows with these facts, where they decide it.
fn decided(arena: &mut Arena, id: ScalarId, facts: &Facts) -> Option<ScalarId> {
    let Scalar::Call { function, args, data_type } = arena[id].clone() else { return None };
    let is_sure = |arena: &Arena, scalar: ScalarId| !is_nullable(arena, scalar, facts);
    match (function, args.as_slice()) {
        (Function::IsNull, &[value]) if is_sure(arena, value) && !arena.can_raise(value) => Some(arena.boolean(false)),
        (Function::IsTrue, &[value]) if is_sure(arena, value) => Some(value),
        (Function::IsFalse, &[value]) if is_sure(arena, value) => Some(arena.predicate(Function::Not, [value])),
        (Function::Coalesce, &[first, ..]) if is_sure(arena, first) => Some(arena.cast(first, data_type)),
        (Function::IsDistinct, &[left, right]) if is_sure(arena, left) && is_sure(arena, right) => {
            Some(arena.comparison(Function::NotEq, left, right))
        }
        (Function::IsNotDistinct, &[left, right]) if is_sure(arena, left) && is_sure(arena, right) => {
            Some(arena.comparison(Function::Eq, left, right))
        }
        (Function::Eq | Function::LtEq | Function::GtEq, &[left, right])
            if left == right
                && is_sure(arena, left)
                && !arena.can_raise(left)
                && arena.volatility(left) == Volatility::Immutable =>
        {
            Some(arena.literal(Literal::Boolean(true)))
        }
        _ => None,
    }
}

/// Whether the plan is a list of rows, perhaps under names.
fn is_written_out(plan: &Plan) -> bool {
    match plan {
        Plan::Values { .. } => true,
        Plan::Named { input, .. } | Plan::Project { input, .. } | Plan::Sort { input, .. } => is_written_out(input),
        _ => false,
    }
}
