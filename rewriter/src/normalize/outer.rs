//! Outer joins in normal form: inner where every row has a match or no padded row passes, anti where
//! only padded rows do, filters on the side that may take them.

use isomer_ir::{ColumnId, Function, JoinKind, Plan, Scalar, ScalarId, Volatility};

use super::equalities::{Equalities, known_predicates};
use super::references::matches_always;
use super::{Definitions, Normalizer, peek};
use crate::facts::{equal_columns, matches_key, survives_null_extension};
use crate::scalars::is_null_rejecting;
use crate::simplify::is_false;

impl Normalizer<'_> {
    pub(super) fn left_join(
        &mut self,
        left: Plan,
        right: Plan,
        on: Vec<ScalarId>,
        conds: Vec<ScalarId>,
    ) -> (Plan, Definitions) {
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
        if matches!(peek(&right.0), Plan::Empty { .. }) && self.switches.is_on("prune-empty-join-side") {
            self.switches.fire("prune-empty-join-side");
            let (plan, mut definitions) = left;
            definitions.extend(self.nulls(&right_columns));
            return self.filtered(plan, &above, definitions);
        }
        if matches!(peek(&left.0), Plan::Empty { .. }) && self.switches.is_on("prune-empty-operator") {
            self.switches.fire("prune-empty-operator");
            let (plan, mut definitions) = left;
            definitions.extend(self.nulls(&right_columns));
            return (plan, definitions);
        }
        self.outer(JoinKind::Left, left, right, (&left_columns, &right_columns), (&on, &above))
    }

    /// `LEFT JOIN … WHERE right.column IS NULL` keeps exactly the left rows without a match when a
    /// match's column is never NULL: by itself, or because the condition is not true when it is.
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
        let candidates: Vec<Option<ColumnId>> = above
            .iter()
            .map(|&cond| match &self.context.arena[cond] {
                Scalar::Call { function: Function::IsNull, args, .. } => match self.context.arena[args[0]] {
                    Scalar::Column(column) if right_columns.contains(&column) => Some(column),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        if candidates.iter().all(Option::is_none) {
            return None;
        }
        let right_facts = self.facts(right);
        let tested = candidates.iter().position(|candidate| {
            candidate.is_some_and(|column| {
                right_facts.is_not_null(column)
                    || on.iter().any(|&predicate| is_null_rejecting(&self.context.arena, predicate, &[column]))
            })
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

    pub(super) fn full_join(
        &mut self,
        left: Plan,
        right: Plan,
        on: Vec<ScalarId>,
        conds: Vec<ScalarId>,
    ) -> (Plan, Definitions) {
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
        if self.switches.is_on("convert-outer-join-by-sure-match") {
            // A side whose every row has a match is padded by nothing but the other's rows.
            if matches_always(self.context, &left, &right, &on) {
                self.switches.fire("convert-outer-join-by-sure-match");
                return self.left_join(right, left, on, conds);
            }
            if matches_always(self.context, &right, &left, &on) {
                self.switches.fire("convert-outer-join-by-sure-match");
                return self.left_join(left, right, on, conds);
            }
        }
        let left = self.relation(left, Vec::new());
        let right = self.relation(right, Vec::new());
        let (left_plan, left_definitions) = self.null_safe(left.0, left.1, &left_columns);
        let left = (left_plan, left_definitions);
        self.outer(JoinKind::Full, left, right, (&left_columns, &right_columns), (&on, &conds))
    }

    /// A scalar subquery's join, where a second match is an error: a LEFT JOIN when there is none.
    pub(super) fn single_join(
        &mut self,
        left: Plan,
        right: Plan,
        on: &[ScalarId],
        conds: &[ScalarId],
    ) -> (Plan, Definitions) {
        // Nothing may be filtered away on the right before a second match is seen.
        let columns = left.columns(&mut self.context.arena);
        let (below, above) = self.split_for(conds, &columns);
        let right_columns = right.columns(&mut self.context.arena);
        let left = self.relation(left, below);
        let right = self.relation(right, Vec::new());
        self.outer(JoinKind::Single, left, right, (&columns, &right_columns), (on, &above))
    }

    /// `plan` such that every written column can be read above a null extension.
    fn null_safe(&mut self, plan: Plan, definitions: Definitions, columns: &[ColumnId]) -> (Plan, Definitions) {
        let own = plan.columns(&mut self.context.arena);
        let is_safe = columns.iter().all(|column| {
            definitions.get(column).is_none_or(|&scalar| survives_null_extension(&self.context.arena, scalar, &own))
        });
        if is_safe { (plan, definitions) } else { self.exposed(plan, &definitions, columns) }
    }

    pub(super) fn outer(
        &mut self,
        kind: JoinKind,
        (left, left_definitions): (Plan, Definitions),
        (right, right_definitions): (Plan, Definitions),
        (left_columns, right_columns): (&[ColumnId], &[ColumnId]),
        (on, above): (&[ScalarId], &[ScalarId]),
    ) -> (Plan, Definitions) {
        let (right, right_definitions) = self.null_safe(right, right_definitions, right_columns);
        let (right, right_definitions) = self.disjoint(&left, right, right_definitions, right_columns);
        let on: Vec<ScalarId> =
            on.iter().map(|&predicate| self.resolve_both(predicate, &left_definitions, &right_definitions)).collect();
        let on = self.simplified_holds(&on);
        let on = self.holds_among(on, &[&left, &right]);
        let mut definitions = left_definitions;
        definitions.extend(right_definitions);
        let kind = self.without_error(kind, &right, &on);
        if kind == JoinKind::Left {
            let (plan, own) = self.left_outer(left, right, on);
            let written: Vec<ColumnId> = left_columns.iter().chain(right_columns).copied().collect();
            definitions = self.composed_for(&definitions, &own, &written);
            return self.filtered(plan, above, definitions);
        }
        let plan = Plan::Join { kind, left: Box::new(left), right: Box::new(right), on };
        self.filtered(plan, above, definitions)
    }

    /// A second match that cannot be is no error.
    fn without_error(&mut self, kind: JoinKind, right: &Plan, on: &[ScalarId]) -> JoinKind {
        if kind != JoinKind::Single || !self.switches.is_on("convert-single-join-to-left") {
            return kind;
        }
        let facts = self.facts(right);
        let is_single = matches_key(&self.context.arena, on, &facts) || facts.max_rows.is_some_and(|rows| rows <= 1);
        if !is_single {
            return kind;
        }
        self.switches.fire("convert-single-join-to-left");
        JoinKind::Left
    }

    /// A LEFT JOIN of sides in normal form.
    fn left_outer(&mut self, left: Plan, right: Plan, on: Vec<ScalarId>) -> (Plan, Definitions) {
        let right_columns = right.columns(&mut self.context.arena);
        if is_false(&self.context.arena, &on) && self.switches.is_on("prune-empty-join-side") {
            self.switches.fire("prune-empty-join-side");
            return (left, self.nulls(&right_columns));
        }
        if self.switches.is_on("convert-outer-join-by-sure-match") && matches_always(self.context, &left, &right, &on) {
            self.switches.fire("convert-outer-join-by-sure-match");
            let plan = Plan::Join { kind: JoinKind::Inner, left: Box::new(left), right: Box::new(right), on };
            return self.inner_join(plan, Vec::new());
        }
        let (right, strong) = self.strengthened(right, &on);
        let on: Vec<ScalarId> = on.iter().map(|&predicate| self.resolve(predicate, &strong)).collect();
        let (right, on, own) = self.carried_right(&left, right, on);
        let own = self.composed_for(&strong, &own, &right_columns);
        if matches!(peek(&right), Plan::Empty { .. }) && self.switches.is_on("prune-empty-join-side") {
            self.switches.fire("prune-empty-join-side");
            return (left, self.nulls(&right_columns));
        }
        (Plan::Join { kind: JoinKind::Left, left: Box::new(left), right: Box::new(right), on }, own)
    }

    /// What the left side and the condition say of right columns is asked of right rows already: others
    /// match nothing. A conjunct that is answered there is not asked again.
    fn carried_right(&mut self, left: &Plan, right: Plan, on: Vec<ScalarId>) -> (Plan, Vec<ScalarId>, Definitions) {
        let nothing = Definitions::default();
        if !self.switches.is_on("infer-filter-across-join") {
            return (right, on, nothing);
        }
        let arena = &mut self.context.arena;
        let equalities = Equalities::of(arena, &on);
        if equalities.is_empty() {
            return (right, on, nothing);
        }
        let columns = right.columns(arena);
        let known_right = known_predicates(arena, &right);
        let known: Vec<ScalarId> = known_predicates(arena, left);
        let within: Vec<ScalarId> = known.iter().chain(&on).chain(&known_right).copied().collect();
        let equalities = Equalities::of(arena, &within);
        let inferred = equalities.moved_to(arena, &within, &columns, &known_right);
        if inferred.is_empty() {
            return (right, on, nothing);
        }
        let (next, own) = self.relation(right.clone(), inferred.clone());
        // The columns must stay what a padded row shows as NULL, apart from the left ones.
        let (next, own) = self.null_safe(next, own, &columns);
        let taken = left.columns(&mut self.context.arena);
        if next.columns(&mut self.context.arena).iter().any(|column| taken.contains(column)) {
            return (right, on, nothing);
        }
        self.switches.fire("infer-filter-across-join");
        let mut kept = Vec::with_capacity(on.len());
        for &predicate in &on {
            let single = Equalities::of(&self.context.arena, &on);
            let is_tie = equal_columns(&self.context.arena, predicate).is_some();
            let moved = single.moved_to(&mut self.context.arena, &[predicate], &columns, &[]);
            let is_answered = !is_tie && !moved.is_empty() && moved.iter().all(|moved| inferred.contains(moved));
            if !is_answered {
                kept.push(predicate);
            }
        }
        let on: Vec<ScalarId> = kept.iter().map(|&predicate| self.resolve(predicate, &own)).collect();
        let on = self.simplified_holds(&on);
        (next, on, own)
    }
}
