//! Inner joins in normal form: one flat list of inputs, every conjunct at the lowest input that can
//! answer it, what is known of one side known of the other, equal columns written as one.

use isomer_ir::{ColumnId, Function, JoinKind, Plan, Scalar, ScalarId, Volatility};

use super::equalities::{Equalities, inlined, known_predicates};
use super::joins::{flat_inputs, left_deep};
use super::self_joins::self_join;
use super::{Definitions, Normalizer, peek};
use crate::facts::equal_columns;
use crate::scalars::is_null_rejecting;
use crate::simplify::{is_false, transitive};

/// How often what one input says is carried over to the others; each time may teach them more.
const MAX_ROUNDS: usize = 3;

impl Normalizer<'_> {
    pub(super) fn inner_join(&mut self, plan: Plan, conds: Vec<ScalarId>) -> (Plan, Definitions) {
        let written = plan.columns(&mut self.context.arena);
        let (mut plan, mut definitions) = self.inner_once(plan, conds);
        for _ in 0..MAX_ROUNDS {
            while let Some((merged, columns)) = self.without_self_join(&plan) {
                let (next, own) = self.relation(merged, Vec::new());
                let columns: Definitions = columns
                    .into_iter()
                    .map(|(id, scalar)| (id, self.context.arena.inline_columns(scalar, &own)))
                    .collect();
                let own: Definitions = own.into_iter().chain(columns).collect();
                definitions = self.composed_for(&definitions, &own, &written);
                plan = next;
            }
            let is_inner = matches!(peek(&plan), Plan::Join { kind: JoinKind::Inner, .. });
            let further = if is_inner { self.carried_over(&plan) } else { Vec::new() };
            if further.is_empty() && !(is_inner && self.has_inner_outer_join(&plan)) {
                break;
            }
            let (next, own) = self.inner_once(plan.clone(), further);
            definitions = self.composed_for(&definitions, &own, &written);
            if next == plan {
                break;
            }
            plan = next;
        }
        self.with_representatives(plan, definitions, &written)
    }

    /// Definitions over a plan whose columns are in turn defined by `own`.
    pub(super) fn composed_for(&mut self, outer: &Definitions, own: &Definitions, written: &[ColumnId]) -> Definitions {
        let mut composed = Definitions::default();
        for &column in written {
            let scalar = match outer.get(&column) {
                Some(&scalar) => self.context.arena.inline_columns(scalar, own),
                None => own.get(&column).copied().unwrap_or_else(|| self.context.arena.column_ref(column)),
            };
            if !super::is_column(&self.context.arena, scalar, column) {
                composed.insert(column, scalar);
            }
        }
        composed
    }

    fn inner_once(&mut self, plan: Plan, conds: Vec<ScalarId>) -> (Plan, Definitions) {
        let mut leaves = Vec::new();
        let mut holds = conds;
        flatten(plan, &mut leaves, &mut holds);
        self.strengthen(&mut leaves, &mut holds);
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
            let own = self.own_conjuncts(&mut holds, &columns);
            let (input, inner) = self.relation(leaf, own);
            let (input, inner) = self.disjoint_from(&taken, input, inner, &columns);
            definitions.extend(inner);
            taken.extend(input.columns(&mut self.context.arena));
            inputs.push(input);
        }
        let on: Vec<ScalarId> = holds.iter().map(|&cond| self.resolve(cond, &definitions)).collect();
        let on = self.simplified_holds(&on);
        let on = self.holds_among(on, &inputs.iter().collect::<Vec<_>>());
        let is_empty =
            inputs.iter().any(|input| matches!(peek(input), Plan::Empty { .. })) || is_false(&self.context.arena, &on);
        if is_empty && self.switches.is_on("prune-empty-operator") {
            self.switches.fire("prune-empty-operator");
            return (Plan::Empty { columns: taken }, definitions);
        }
        self.without_single_rows(inputs, on, definitions)
    }

    /// The join without an input that joins each row of another with itself, and what its columns are then.
    fn without_self_join(&mut self, plan: &Plan) -> Option<(Plan, Definitions)> {
        if !matches!(peek(plan), Plan::Join { kind: JoinKind::Inner, .. })
            || !self.switches.is_on("eliminate-self-join-on-key")
        {
            return None;
        }
        let (mut inputs, on) = flat_owned(plan.clone());
        let found = self_join(self.context, &inputs, &on)?;
        self.switches.fire("eliminate-self-join-on-key");
        inputs.remove(found.dropped);
        let mut kept = found.holds;
        for &predicate in &on {
            let predicate = inlined(&mut self.context.arena, predicate, &found.columns);
            // What remains of the equality of the key with itself is true: the key is never NULL.
            let is_tie = matches!(&self.context.arena[predicate],
                Scalar::Call { function: Function::Eq, args, .. } if args[0] == args[1]);
            if !is_tie {
                kept.push(predicate);
            }
        }
        Some((left_deep(inputs, kept), found.columns))
    }

    /// Takes from `holds` what an input with these columns can answer alone and without failing.
    fn own_conjuncts(&mut self, holds: &mut Vec<ScalarId>, columns: &[ColumnId]) -> Vec<ScalarId> {
        let (mut own, rest): (Vec<ScalarId>, Vec<ScalarId>) = holds.drain(..).partition(|&cond| {
            let read = self.context.arena.columns_of(cond);
            !read.is_empty()
                && read.iter().all(|column| columns.contains(column))
                && self.context.arena.volatility(cond) != Volatility::Volatile
                && !self.context.arena.can_raise(cond)
        });
        *holds = rest;
        if !own.is_empty() {
            if self.switches.is_on("push-filter-into-inner-join") {
                self.switches.fire("push-filter-into-inner-join");
            } else {
                holds.append(&mut own);
            }
        }
        own
    }

    /// An input of exactly one written row is no join: its columns are what the row says.
    fn without_single_rows(
        &mut self,
        mut inputs: Vec<Plan>,
        mut on: Vec<ScalarId>,
        mut definitions: Definitions,
    ) -> (Plan, Definitions) {
        if self.switches.is_on("eliminate-join-with-one-row") {
            let mut row = Definitions::default();
            let arena = &self.context.arena;
            let mut kept = Vec::with_capacity(inputs.len());
            for input in inputs.drain(..) {
                match peek(&input) {
                    Plan::Values { columns, rows }
                        if rows.len() == 1
                            && rows[0].iter().all(|&scalar| {
                                arena.volatility(scalar) != Volatility::Volatile && !arena.can_raise(scalar)
                            }) =>
                    {
                        row.extend(columns.iter().copied().zip(rows[0].iter().copied()));
                        kept.push((input.clone(), true));
                    }
                    _ => kept.push((input.clone(), false)),
                }
            }
            // One input must stay.
            if kept.iter().all(|(_, is_row)| *is_row) {
                let (first, _) = &kept[0];
                for column in first.columns(&mut self.context.arena) {
                    row.remove(&column);
                }
                kept[0].1 = false;
            }
            if kept.iter().any(|(_, is_row)| *is_row) {
                self.switches.fire("eliminate-join-with-one-row");
                definitions = definitions
                    .into_iter()
                    .map(|(id, scalar)| (id, self.context.arena.inline_columns(scalar, &row)))
                    .collect();
                definitions.extend(row.iter().map(|(&id, &scalar)| (id, scalar)));
                on = on.iter().map(|&predicate| self.resolve(predicate, &row)).collect();
                on = self.simplified_holds(&on);
            }
            inputs = kept.into_iter().filter(|(_, is_row)| !is_row).map(|(input, _)| input).collect();
        }
        if is_false(&self.context.arena, &on) {
            let columns = inputs.iter().flat_map(|input| input.columns(&mut self.context.arena)).collect();
            return (Plan::Empty { columns }, definitions);
        }
        if let [_] = inputs.as_slice() {
            let input = inputs.remove(0);
            return self.filtered(input, &on, definitions);
        }
        (left_deep(inputs, on), definitions)
    }

    /// Outer joins among the inputs whose padded rows do not pass the conditions are joined with the rest.
    fn strengthen(&mut self, leaves: &mut Vec<Plan>, holds: &mut Vec<ScalarId>) {
        if !self.switches.is_on("convert-outer-join-to-inner") {
            return;
        }
        while let Some(position) = (0..leaves.len()).find(|&position| self.loses_padding(&leaves[position], holds)) {
            let Plan::Join { left, right, on, .. } = super::strip_names(leaves.remove(position)) else { return };
            self.switches.fire("convert-outer-join-to-inner");
            let mut more = Vec::new();
            flatten(Plan::Join { kind: JoinKind::Inner, left, right, on }, &mut more, holds);
            leaves.splice(position..position, more);
        }
    }

    /// A LEFT JOIN as an inner one where no padded row makes all of `holds` true; any other plan as it is.
    pub(super) fn strengthened(&mut self, plan: Plan, holds: &[ScalarId]) -> (Plan, Definitions) {
        if !self.switches.is_on("convert-outer-join-to-inner") || !self.loses_padding(&plan, holds) {
            return (plan, Definitions::default());
        }
        let Plan::Join { left, right, on, .. } = super::strip_names(plan) else {
            return (Plan::Empty { columns: Vec::new() }, Definitions::default());
        };
        self.switches.fire("convert-outer-join-to-inner");
        self.inner_join(Plan::Join { kind: JoinKind::Inner, left, right, on }, Vec::new())
    }

    /// Whether the plan is a LEFT JOIN of which no padded row makes all of `holds` true.
    fn loses_padding(&mut self, plan: &Plan, holds: &[ScalarId]) -> bool {
        let Plan::Join { kind: JoinKind::Left, right, .. } = peek(plan) else { return false };
        let columns = right.columns(&mut self.context.arena);
        let arena = &self.context.arena;
        holds.iter().any(|&cond| {
            arena.columns_of(cond).iter().any(|column| columns.contains(column))
                && is_null_rejecting(arena, cond, &columns)
        })
    }

    /// Whether a condition of the join makes an outer join among its inputs an inner one.
    fn has_inner_outer_join(&mut self, plan: &Plan) -> bool {
        let (mut inputs, mut on) = (Vec::new(), Vec::new());
        flat_inputs(plan, &mut inputs, &mut on);
        self.switches.is_on("convert-outer-join-to-inner")
            && inputs.into_iter().any(|input| self.loses_padding(input, &on))
    }

    /// What is known of an input by what is known of columns of the others that its own are equal to.
    fn carried_over(&mut self, plan: &Plan) -> Vec<ScalarId> {
        if !self.switches.is_on("infer-filter-across-join") {
            return Vec::new();
        }
        let (mut inputs, mut on) = (Vec::new(), Vec::new());
        flat_inputs(plan, &mut inputs, &mut on);
        if !on.iter().any(|&predicate| equal_columns(&self.context.arena, predicate).is_some()) {
            return Vec::new();
        }
        let known: Vec<Vec<ScalarId>> =
            inputs.iter().map(|input| known_predicates(&mut self.context.arena, input)).collect();
        let all: Vec<ScalarId> = known.iter().flatten().chain(&on).copied().collect();
        let equalities = Equalities::of(&self.context.arena, &all);
        let mut inferred = Vec::new();
        for (input, own) in inputs.iter().zip(&known) {
            let columns = input.columns(&mut self.context.arena);
            inferred.extend(equalities.moved_to(&mut self.context.arena, &all, &columns, own));
        }
        if !inferred.is_empty() {
            self.switches.fire("infer-filter-across-join");
        }
        inferred
    }

    /// Equal columns of different inputs are written as one of them, and each other one is joined to it
    /// directly: other spellings of the same equalities meet.
    fn with_representatives(
        &mut self,
        plan: Plan,
        mut definitions: Definitions,
        written: &[ColumnId],
    ) -> (Plan, Definitions) {
        if !self.switches.is_on("normalize-equal-columns")
            || !matches!(peek(&plan), Plan::Join { kind: JoinKind::Inner, .. })
        {
            return (plan, definitions);
        }
        let (inputs, on) = flat_owned(plan);
        let mut within: Vec<ScalarId> = Vec::new();
        for input in &inputs {
            within.extend(known_predicates(&mut self.context.arena, input));
        }
        let equalities = Equalities::of(&self.context.arena, &on);
        if equalities.is_empty() {
            return (left_deep(inputs, on), definitions);
        }
        let (map, star) = self.representatives(&inputs, &on, &within);
        let said = Equalities::of(&self.context.arena, &star.iter().chain(&within).copied().collect::<Vec<_>>());
        let mut kept = star;
        for &predicate in &on {
            let is_said = equal_columns(&self.context.arena, predicate)
                .is_some_and(|(left, right)| said.equal_to(left).contains(&right));
            if is_said {
                continue;
            }
            let can_raise = self.context.arena.can_raise(predicate);
            kept.push(if can_raise { predicate } else { inlined(&mut self.context.arena, predicate, &map) });
        }
        let kept = self.simplified_holds(&kept);
        let mut before = on.clone();
        before.sort_unstable();
        for &column in written {
            let scalar = definitions.get(&column).copied().unwrap_or_else(|| self.context.arena.column_ref(column));
            let shown = self.resolve(scalar, &map);
            if shown != scalar {
                definitions.insert(column, shown);
            }
        }
        if kept != before {
            self.switches.fire("normalize-equal-columns");
        }
        (left_deep(inputs, kept), definitions)
    }

    /// For each set of equal columns: which of them stands for the others, and the equalities that tie
    /// one column of each other input to it. A column that is no key of its input is preferred: what a
    /// foreign key refers to need then not be read.
    fn representatives(
        &mut self,
        inputs: &[Plan],
        on: &[ScalarId],
        within: &[ScalarId],
    ) -> (Definitions, Vec<ScalarId>) {
        let all: Vec<ScalarId> = on.iter().chain(within).copied().collect();
        let exposed: Vec<Vec<ColumnId>> = inputs.iter().map(|input| input.columns(&mut self.context.arena)).collect();
        let facts: Vec<_> = inputs.iter().map(|input| self.facts(input)).collect();
        let mut map = Definitions::default();
        let mut star = Vec::new();
        for class in Equalities::of(&self.context.arena, &all).classes() {
            let leaders: Vec<ColumnId> = exposed
                .iter()
                .filter_map(|columns| class.iter().copied().find(|column| columns.contains(column)))
                .collect();
            let is_key = |column: ColumnId| {
                facts
                    .iter()
                    .any(|facts| facts.exposes(column) && facts.keys.iter().any(|key| key.as_slice() == [column]))
            };
            let Some(&chosen) = leaders.iter().min_by_key(|&&column| (is_key(column), column)) else { continue };
            let reference = self.context.arena.column_ref(chosen);
            for &column in class.iter().filter(|&&column| column != chosen) {
                map.insert(column, reference);
            }
            for &leader in leaders.iter().filter(|&&leader| leader != chosen) {
                let other = self.context.arena.column_ref(leader);
                star.push(self.context.arena.comparison(Function::Eq, reference, other));
            }
        }
        (map, star)
    }
}

/// Collects the inputs of nested inner joins, through filters and names.
fn flatten(plan: Plan, leaves: &mut Vec<Plan>, holds: &mut Vec<ScalarId>) {
    let mut stack = vec![plan];
    while let Some(plan) = stack.pop() {
        let is_inner = |plan: &Plan| matches!(peek(plan), Plan::Join { kind: JoinKind::Inner, .. });
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

/// The inputs and conjuncts of nested inner joins.
pub(super) fn flat_owned(plan: Plan) -> (Vec<Plan>, Vec<ScalarId>) {
    let (mut inputs, mut on) = (Vec::new(), Vec::new());
    flatten(plan, &mut inputs, &mut on);
    (inputs, on)
}
