//! Semi, anti and mark joins in normal form: inner where a match is single, decided where a match is
//! sure or impossible, with no more rows on the right than decide, and as low as their condition allows.

use isomer_ir::{ColumnId, Function, JoinKind, Plan, Scalar, ScalarId, Volatility};

use super::equalities::{Equalities, known_predicates};
use super::references::matches_always;
use super::{Definitions, Normalizer, is_column, peek};
use crate::facts::matches_key;
use crate::simplify::is_false;

/// A semi, anti or mark join with both sides in normal form.
struct Test {
    kind: JoinKind,
    left: Plan,
    right: Plan,
    on: Vec<ScalarId>,
}

impl Normalizer<'_> {
    pub(super) fn semi_join(
        &mut self,
        kind: JoinKind,
        left: Plan,
        right: Plan,
        mut on: Vec<ScalarId>,
        conds: &[ScalarId],
    ) -> (Plan, Definitions) {
        if let JoinKind::Mark(mark) = kind
            && let Some((kind, truth)) = self.mark_wanted(mark, conds)
        {
            self.switches.fire("convert-mark-join-to-semi");
            let value = self.context.arena.boolean(truth);
            let known = Definitions::from_iter([(mark, value)]);
            let conds: Vec<ScalarId> =
                conds.iter().map(|&cond| self.context.arena.inline_columns(cond, &known)).collect();
            let conds = self.simplified_holds(&conds);
            let (plan, mut definitions) = self.semi_join(kind, left, right, on, &conds);
            definitions.insert(mark, value);
            return (plan, definitions);
        }
        let written = left.columns(&mut self.context.arena);
        let right_columns = right.columns(&mut self.context.arena);
        let (mut below, mut above) = self.split_for(conds, &written);
        if !self.switches.is_on("push-filter-into-semi-join") {
            above.append(&mut below);
        }
        // Rows that the join would have removed must not raise now.
        let (raising, mut below): (Vec<_>, Vec<_>) =
            below.into_iter().partition(|&cond| self.context.arena.can_raise(cond));
        above.extend(raising);
        if kind == JoinKind::Semi && self.switches.is_on("push-filter-into-semi-join") {
            let (own, rest) = self.own_side(on, &written);
            below.extend(own);
            on = rest;
        }
        if !below.is_empty() {
            self.switches.fire("push-filter-into-semi-join");
        }
        // The tested equality of NOT IN must stay in `on`; it reads both sides, so it does.
        let mut own_right = Vec::new();
        if kind != JoinKind::AntiNullAware {
            (own_right, on) = self.own_side(on, &right_columns);
        }
        let (left, mut definitions) = self.relation(left, below);
        let (right, right_definitions) = self.relation(right, own_right);
        let (right, right_definitions) = self.disjoint(&left, right, right_definitions, &right_columns);
        on = on.iter().map(|&predicate| self.resolve_both(predicate, &definitions, &right_definitions)).collect();
        if kind != JoinKind::AntiNullAware {
            on = self.simplified_holds(&on);
        }
        let mut test = Test { kind, left, right, on };
        self.without_distinct(&mut test);
        let own = self.carried_into(&mut test);
        definitions = self.composed_for(&definitions, &own, &written);
        if let Some((plan, decided)) = self.decided(&test) {
            definitions.extend(decided);
            return self.filtered(plan, &above, definitions);
        }
        if let Some(plan) = self.as_inner(&test) {
            let (plan, own) = self.inner_join(plan, Vec::new());
            definitions = self.composed_for(&definitions, &own, &written);
            return self.filtered(plan, &above, definitions);
        }
        let Test { kind, left, right, on } = test;
        let plan = self.placed(kind, left, right, on);
        self.filtered(plan, &above, definitions)
    }

    /// Conjuncts that one side answers alone, without failing, and the rest.
    fn own_side(&self, on: Vec<ScalarId>, columns: &[ColumnId]) -> (Vec<ScalarId>, Vec<ScalarId>) {
        on.into_iter().partition(|&predicate| {
            let read = self.context.arena.columns_of(predicate);
            !read.is_empty()
                && read.iter().all(|column| columns.contains(column))
                && !self.context.arena.can_raise(predicate)
                && self.context.arena.volatility(predicate) != Volatility::Volatile
        })
    }

    /// Whether a conjunct lets only rows with a match pass, or only rows without.
    fn mark_wanted(&self, mark: ColumnId, conds: &[ScalarId]) -> Option<(JoinKind, bool)> {
        if !self.switches.is_on("convert-mark-join-to-semi") {
            return None;
        }
        conds.iter().find_map(|&cond| match &self.context.arena[cond] {
            Scalar::Column(column) if *column == mark => Some((JoinKind::Semi, true)),
            Scalar::Call { function: Function::Not, args, .. } if is_column(&self.context.arena, args[0], mark) => {
                Some((JoinKind::Anti, false))
            }
            _ => None,
        })
    }

    /// Whether a row exists does not depend on how often: a DISTINCT on the right says nothing.
    fn without_distinct(&mut self, test: &mut Test) {
        let Plan::Aggregate { input, keys, calls } = peek(&test.right) else { return };
        let reads_call = calls
            .iter()
            .any(|(id, _)| test.on.iter().any(|&predicate| self.context.arena.columns_of(predicate).contains(id)));
        if keys.is_empty() || reads_call || !self.switches.is_on("eliminate-distinct-under-semi-join") {
            return;
        }
        let definitions: Definitions = keys.iter().copied().collect();
        let is_stable = keys.iter().all(|&(_, scalar)| {
            self.context.arena.volatility(scalar) != Volatility::Volatile && !self.context.arena.can_raise(scalar)
        });
        let input = (**input).clone();
        let taken = test.left.columns(&mut self.context.arena);
        let is_apart = !input.columns(&mut self.context.arena).iter().any(|column| taken.contains(column));
        if !is_stable || !is_apart {
            return;
        }
        self.switches.fire("eliminate-distinct-under-semi-join");
        let on = test.on.iter().map(|&predicate| self.context.arena.inline_columns(predicate, &definitions)).collect();
        test.on = on;
        test.right = input;
    }

    /// What is known of one side holds for the other where the condition makes their columns equal:
    /// on the right always, because other rows match nothing; on the left where only matches pass.
    /// Gives what became of the left columns.
    fn carried_into(&mut self, test: &mut Test) -> Definitions {
        let nothing = Definitions::default();
        if test.kind == JoinKind::AntiNullAware || !self.switches.is_on("infer-filter-across-join") {
            return nothing;
        }
        let arena = &mut self.context.arena;
        let (known_left, known_right) = (known_predicates(arena, &test.left), known_predicates(arena, &test.right));
        let all: Vec<ScalarId> = known_left.iter().chain(&known_right).chain(&test.on).copied().collect();
        let equalities = Equalities::of(arena, &all);
        if equalities.is_empty() {
            return nothing;
        }
        let columns = test.right.columns(arena);
        let to_right = equalities.moved_to(arena, &all, &columns, &known_right);
        let columns = test.left.columns(arena);
        let to_left = if test.kind == JoinKind::Semi {
            equalities.moved_to(arena, &all, &columns, &known_left)
        } else {
            Vec::new()
        };
        if to_right.is_empty() && to_left.is_empty() {
            return nothing;
        }
        self.switches.fire("infer-filter-across-join");
        let (right, own_right) = self.relation(test.right.clone(), to_right);
        let (left, own_left) = self.relation(test.left.clone(), to_left);
        let taken = left.columns(&mut self.context.arena);
        if right.columns(&mut self.context.arena).iter().any(|column| taken.contains(column)) {
            return nothing;
        }
        let on: Vec<ScalarId> =
            test.on.iter().map(|&predicate| self.resolve_both(predicate, &own_left, &own_right)).collect();
        test.on = self.simplified_holds(&on);
        (test.left, test.right) = (left, right);
        own_left
    }

    /// The plan of a test whose answer is the same for all rows, and the value of its mark.
    fn decided(&mut self, test: &Test) -> Option<(Plan, Definitions)> {
        let columns = test.left.columns(&mut self.context.arena);
        if matches!(peek(&test.left), Plan::Empty { .. }) {
            self.switches.fire("prune-empty-operator");
            let marks = if let JoinKind::Mark(mark) = test.kind { vec![mark] } else { Vec::new() };
            return Some((test.left.clone(), self.nulls(&marks)));
        }
        let truth = if (matches!(peek(&test.right), Plan::Empty { .. }) || is_false(&self.context.arena, &test.on))
            && self.switches.is_on("prune-empty-join-side")
        {
            self.switches.fire("prune-empty-join-side");
            false
        } else if test.kind != JoinKind::AntiNullAware
            && self.switches.is_on("eliminate-semi-join-by-sure-match")
            && matches_always(self.context, &test.left, &test.right, &test.on)
        {
            self.switches.fire("eliminate-semi-join-by-sure-match");
            true
        } else {
            return None;
        };
        match test.kind {
            JoinKind::Mark(mark) => {
                let value = self.context.arena.boolean(truth);
                Some((test.left.clone(), Definitions::from_iter([(mark, value)])))
            }
            JoinKind::Semi if truth => Some((test.left.clone(), Definitions::default())),
            JoinKind::Anti | JoinKind::AntiNullAware if !truth => Some((test.left.clone(), Definitions::default())),
            _ => Some((Plan::Empty { columns }, Definitions::default())),
        }
    }

    /// The inner join that a semi join is when no left row has two matches.
    fn as_inner(&mut self, test: &Test) -> Option<Plan> {
        if test.kind != JoinKind::Semi || !self.switches.is_on("convert-semi-join-to-inner") {
            return None;
        }
        let facts = self.facts(&test.right);
        let is_single =
            matches_key(&self.context.arena, &test.on, &facts) || facts.max_rows.is_some_and(|rows| rows <= 1);
        if !is_single {
            return None;
        }
        self.switches.fire("convert-semi-join-to-inner");
        Some(Plan::Join {
            kind: JoinKind::Inner,
            left: Box::new(test.left.clone()),
            right: Box::new(test.right.clone()),
            on: test.on.clone(),
        })
    }

    /// A semi or anti join at the lowest place that shows the columns that it tests; of several, one order.
    pub(super) fn placed(&mut self, kind: JoinKind, left: Plan, right: Plan, on: Vec<ScalarId>) -> Plan {
        let arena = &self.context.arena;
        let may_sink = matches!(kind, JoinKind::Semi | JoinKind::Anti | JoinKind::AntiNullAware)
            && self.switches.is_on("push-semi-join-into-input")
            && !on
                .iter()
                .any(|&predicate| arena.can_raise(predicate) || arena.volatility(predicate) == Volatility::Volatile);
        if !may_sink {
            return Plan::Join { kind, left: Box::new(left), right: Box::new(right), on };
        }
        let own = left.columns(&mut self.context.arena);
        let mut read: Vec<ColumnId> =
            on.iter().flat_map(|&predicate| self.context.arena.columns_of(predicate)).copied().collect();
        read.retain(|column| own.contains(column));
        self.sunk(kind, left, right, on, &read)
    }

    fn sunk(&mut self, kind: JoinKind, left: Plan, right: Plan, on: Vec<ScalarId>, read: &[ColumnId]) -> Plan {
        let shows = |this: &mut Self, plan: &Plan| {
            let columns = plan.columns(&mut this.context.arena);
            !read.is_empty() && read.iter().all(|column| columns.contains(column))
        };
        match left {
            Plan::Named { input, name, span } if matches!(peek(&input), Plan::Join { .. }) => {
                let input = Box::new(self.sunk(kind, *input, right, on, read));
                Plan::Named { input, name, span }
            }
            Plan::Join { kind: JoinKind::Inner, left: a, right: b, on: own } => {
                let (a, b) = if shows(self, &a) {
                    self.switches.fire("push-semi-join-into-input");
                    (Box::new(self.sunk(kind, *a, right, on, read)), b)
                } else if shows(self, &b) {
                    self.switches.fire("push-semi-join-into-input");
                    (a, Box::new(self.sunk(kind, *b, right, on, read)))
                } else {
                    let left = Box::new(Plan::Join { kind: JoinKind::Inner, left: a, right: b, on: own });
                    return Plan::Join { kind, left, right: Box::new(right), on };
                };
                Plan::Join { kind: JoinKind::Inner, left: a, right: b, on: own }
            }
            Plan::Join {
                kind: outer @ (JoinKind::Left | JoinKind::Single | JoinKind::Mark(_)),
                left: a,
                right: b,
                on: own,
            } if shows(self, &a) => {
                self.switches.fire("push-semi-join-into-input");
                let a = Box::new(self.sunk(kind, *a, right, on, read));
                Plan::Join { kind: outer, left: a, right: b, on: own }
            }
            Plan::Join {
                kind: other @ (JoinKind::Semi | JoinKind::Anti | JoinKind::AntiNullAware),
                left: a,
                right: b,
                on: own,
            } => {
                if other == kind && own == on && peek(&b) == peek(&right) {
                    self.switches.fire("eliminate-repeated-semi-join");
                    return Plan::Join { kind: other, left: a, right: b, on: own };
                }
                let is_lower = (kind, &on) < (other, &own)
                    && !own.iter().any(|&predicate| self.context.arena.can_raise(predicate));
                if is_lower && !(read.is_empty() && matches!(*a, Plan::Join { .. })) {
                    let a = Box::new(self.sunk(kind, *a, right, on, read));
                    return Plan::Join { kind: other, left: a, right: b, on: own };
                }
                let left = Box::new(Plan::Join { kind: other, left: a, right: b, on: own });
                Plan::Join { kind, left, right: Box::new(right), on }
            }
            left => Plan::Join { kind, left: Box::new(left), right: Box::new(right), on },
        }
    }
}
