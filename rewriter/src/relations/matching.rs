//! Finding a pattern in the e-graph: operators against the members of classes, table holes bind classes.

use std::sync::Arc;

use egg::Id;
use isomer_ir::{Arena, ColumnId, JoinKind, Plan, Scalar, ScalarId, SetOpKind};
use isomer_rules::{Rule, count_hole};
use smallvec::SmallVec;

use super::bindings::{Bindings, Leftover};
use crate::memo::Memo;
use crate::operator::Operator;

/// Most ways in which a pattern is found at one class.
pub(super) const MAX_MATCHES: usize = 16;

/// Finds patterns of one rule.
pub(crate) struct Matcher<'a> {
    pub(crate) memo: &'a Memo,
    pub(crate) rule: &'a Rule,
}

/// An input of a set operation with its columns, position by position.
type Branch<'a> = (Id, &'a Vec<ColumnId>);

impl Matcher<'_> {
    pub(super) fn arena(&self) -> &Arena {
        &self.memo.context().arena
    }

    /// Every way to find `pattern` as `class`, with what is left over on top.
    pub(crate) fn top(&self, pattern: &Plan, class: Id, bindings: &Bindings) -> Vec<(Bindings, Leftover)> {
        let mut found: Vec<(Bindings, Leftover)> = Vec::new();
        self.top_into(pattern, class, (bindings, &Leftover::default()), &mut found);
        if !matches!(pattern, Plan::Filter { .. }) {
            for (input, holds) in self.filters(class) {
                let rest = Leftover { holds, ..Leftover::default() };
                self.top_into(pattern, input, (bindings, &rest), &mut found);
            }
        }
        found.truncate(MAX_MATCHES);
        found
    }

    fn top_into(
        &self,
        pattern: &Plan,
        class: Id,
        (bindings, rest): (&Bindings, &Leftover),
        found: &mut Vec<(Bindings, Leftover)>,
    ) {
        match pattern {
            Plan::Filter { input, holds } => {
                for (below, conjuncts) in self.filters(class) {
                    for bindings in self.exact(input, below, bindings) {
                        for (bindings, holds) in self.conjuncts(holds, &conjuncts, &bindings) {
                            found.push((bindings, Leftover { holds, ..rest.clone() }));
                        }
                    }
                }
                if let Some(open) = self.all_true(holds, bindings) {
                    for bindings in self.exact_from(input, class, &open) {
                        found.push((bindings, rest.clone()));
                    }
                }
            }
            Plan::Join { kind: JoinKind::Inner, .. } => {
                let (parts, on) = flat(pattern);
                for (inputs, conjuncts) in self.inner_joins(class) {
                    let mut ways = Vec::new();
                    self.assigned(&parts, &inputs, (bindings, &[]), &mut ways);
                    for (bindings, used) in ways {
                        self.joined(&on, (&inputs, &conjuncts), (&bindings, &used), rest, found);
                    }
                }
            }
            Plan::SetOp { kind: SetOpKind::UnionAll, .. } => {
                for (bindings, branches) in self.set_op(pattern, class, bindings) {
                    found.push((bindings, Leftover { branches, ..rest.clone() }));
                }
            }
            Plan::Limit { .. } => {
                for bindings in self.limit(pattern, class, bindings, true) {
                    found.push((bindings, rest.clone()));
                }
            }
            pattern => {
                for bindings in self.exact(pattern, class, bindings) {
                    found.push((bindings, rest.clone()));
                }
            }
        }
    }

    /// Every way to find the parts of an inner join among its inputs, each in another one.
    fn assigned(
        &self,
        parts: &[&Plan],
        inputs: &[Id],
        (bindings, used): (&Bindings, &[usize]),
        found: &mut Vec<(Bindings, Vec<usize>)>,
    ) {
        let Some((&part, others)) = parts.split_first() else {
            found.push((bindings.clone(), used.to_vec()));
            return;
        };
        for (position, &input) in inputs.iter().enumerate().filter(|(position, _)| !used.contains(position)) {
            for bindings in self.exact(part, input, bindings) {
                if found.len() >= MAX_MATCHES * MAX_MATCHES {
                    return;
                }
                let used: Vec<usize> = used.iter().copied().chain([position]).collect();
                self.assigned(others, inputs, (&bindings, &used), found);
            }
        }
    }

    /// The inputs that are `used` are the pattern's; the others are carried along.
    fn joined(
        &self,
        on: &[ScalarId],
        (inputs, conjuncts): (&[Id], &[ScalarId]),
        (bindings, used): (&Bindings, &[usize]),
        rest: &Leftover,
        found: &mut Vec<(Bindings, Leftover)>,
    ) {
        if found.len() >= MAX_MATCHES {
            return;
        }
        let carried: Vec<Id> =
            inputs.iter().enumerate().filter(|(k, _)| !used.contains(k)).map(|(_, &input)| input).collect();
        let reads_carried = |predicate: &ScalarId| {
            let columns = self.arena().columns_of(*predicate);
            columns.iter().any(|&column| carried.iter().any(|&input| self.memo.facts(input).exposes(column)))
        };
        let (outer, own): (Vec<ScalarId>, Vec<ScalarId>) = conjuncts.iter().partition(|p| reads_carried(p));
        for (bindings, left_over) in self.conjuncts(on, &own, bindings) {
            let mut rest = rest.clone();
            if carried.is_empty() {
                rest.holds.extend(left_over);
            } else {
                rest.on.extend(left_over);
                rest.on.extend(&outer);
            }
            rest.inputs.extend(&carried);
            found.push((bindings, rest));
        }
    }

    /// Every way to find `pattern` as `class` with nothing left over.
    pub(super) fn exact(&self, pattern: &Plan, class: Id, bindings: &Bindings) -> Vec<Bindings> {
        let mut found = self.exact_from(pattern, class, bindings);
        found.truncate(MAX_MATCHES);
        found
    }

    fn exact_from(&self, pattern: &Plan, class: Id, bindings: &Bindings) -> Vec<Bindings> {
        let class = self.memo.egraph.find(class);
        let mut found = Vec::new();
        match pattern {
            Plan::Named { input, .. } => return self.exact_from(input, class, bindings),
            Plan::Scan { table, .. } => match bindings.table(table) {
                Some(bound) if self.memo.egraph.find(bound) != class => {}
                Some(_) => found.push(bindings.clone()),
                None => {
                    let mut bindings = bindings.clone();
                    bindings.tables.push((Arc::clone(table), class));
                    found.push(bindings);
                }
            },
            Plan::Filter { input, holds } => {
                for (below, conjuncts) in self.filters(class) {
                    for bindings in self.exact(input, below, bindings) {
                        let ways = self.conjuncts(holds, &conjuncts, &bindings).into_iter();
                        found.extend(ways.filter(|(_, rest)| rest.is_empty()).map(|(bindings, _)| bindings));
                    }
                }
                if let Some(open) = self.all_true(holds, bindings) {
                    found.extend(self.exact(input, class, &open));
                }
            }
            Plan::Join { kind: JoinKind::Inner, .. } => {
                let (parts, on) = flat(pattern);
                for (inputs, conjuncts) in self.inner_joins(class) {
                    if inputs.len() != parts.len() {
                        continue;
                    }
                    let mut ways = Vec::new();
                    self.assigned(&parts, &inputs, (bindings, &[]), &mut ways);
                    for (bindings, _) in ways {
                        let ways = self.conjuncts(&on, &conjuncts, &bindings).into_iter();
                        found.extend(ways.filter(|(_, rest)| rest.is_empty()).map(|(bindings, _)| bindings));
                    }
                }
            }
            Plan::Join { kind, left, right, on } => {
                for node in &self.memo.egraph[class].nodes {
                    if let Operator::Join { kind: found_kind, on: conjuncts } = self.memo.operator(node)
                        && found_kind == kind
                    {
                        let inputs = (node.inputs[0], node.inputs[1]);
                        found.extend(self.join(left, right, on, inputs, conjuncts, bindings));
                    }
                }
            }
            Plan::Aggregate { .. } | Plan::Distinct { .. } => {
                for node in &self.memo.egraph[class].nodes {
                    if let Operator::Aggregate { keys, calls } = self.memo.operator(node) {
                        found.extend(self.grouped(pattern, node.inputs[0], keys, calls, bindings));
                    }
                }
            }
            Plan::Window { .. } => return self.windows(pattern, class, bindings),
            Plan::SetOp { .. } => {
                let ways = self.set_op(pattern, class, bindings).into_iter();
                found.extend(ways.filter(|(_, rest)| rest.is_empty()).map(|(bindings, _)| bindings));
            }
            Plan::Limit { .. } => return self.limit(pattern, class, bindings, false),
            Plan::Instance { input, k } => {
                for node in &self.memo.egraph[class].nodes {
                    if let Operator::Instance { k: found_k } = *self.memo.operator(node) {
                        let mut open = bindings.clone();
                        if *open.copies.entry(*k).or_insert(found_k) == found_k {
                            found.extend(self.exact(input, node.inputs[0], &open));
                        }
                    }
                }
            }
            Plan::Project { .. }
            | Plan::GroupingSets { .. }
            | Plan::Unnest { .. }
            | Plan::Values { .. }
            | Plan::Empty { .. }
            | Plan::Sort { .. }
            | Plan::RecursiveUnion { .. }
            | Plan::WorkTable { .. }
            | Plan::Sample { .. }
            | Plan::ScanAt { .. }
            | Plan::Hole { .. } => {}
        }
        found
    }

    fn join(
        &self,
        left: &Plan,
        right: &Plan,
        on: &[ScalarId],
        (first, second): (Id, Id),
        conjuncts: &[ScalarId],
        bindings: &Bindings,
    ) -> Vec<Bindings> {
        let mut found = Vec::new();
        for bindings in self.exact(left, first, bindings) {
            for bindings in self.exact(right, second, &bindings) {
                let ways = self.conjuncts(on, conjuncts, &bindings).into_iter();
                found.extend(ways.filter(|(_, rest)| rest.is_empty()).map(|(bindings, _)| bindings));
            }
        }
        found
    }

    fn limit(&self, pattern: &Plan, class: Id, bindings: &Bindings, is_top: bool) -> Vec<Bindings> {
        let Plan::Limit { input, skip, fetch } = pattern else { return Vec::new() };
        let mut found = Vec::new();
        for node in &self.memo.egraph[self.memo.egraph.find(class)].nodes {
            if let Operator::Limit { skip: found_skip, fetch: found_fetch } = *self.memo.operator(node)
                && let Some(open) = self.count(*skip, found_skip, bindings)
                && let Some(open) = self.fetch(*fetch, found_fetch, &open)
            {
                found.extend(self.first_rows(input, node.inputs[0], &open, is_top));
            }
        }
        found
    }

    /// An ordered input of a limit. It must say which rows come first, because among rows that tie any
    /// could; at the top of a pattern it is enough that rows which tie show the same.
    fn first_rows(&self, pattern: &Plan, class: Id, bindings: &Bindings, is_top: bool) -> Vec<Bindings> {
        let Plan::Sort { input, keys } = pattern else { return Vec::new() };
        let mut found = Vec::new();
        for node in &self.memo.egraph[self.memo.egraph.find(class)].nodes {
            let Operator::Sort { keys: others } = self.memo.operator(node) else { continue };
            let mut open = bindings.clone();
            if !is_total(self.memo, others, node.inputs[0]) {
                if !is_top {
                    continue;
                }
                open.tied = Some(told_by(self.arena(), others));
            }
            let below = self.exact(input, node.inputs[0], &open).into_iter();
            found.extend(below.filter_map(|bindings| self.sort_keys(keys, others, &bindings)));
        }
        found
    }

    fn fetch(&self, pattern: Option<u64>, found: Option<u64>, bindings: &Bindings) -> Option<Bindings> {
        match (pattern, found) {
            (Some(pattern), Some(found)) => self.count(pattern, found, bindings),
            (None, None) => Some(bindings.clone()),
            (Some(_), None) | (None, Some(_)) => None,
        }
    }

    /// A number of rows against the pattern's, which may be a hole.
    fn count(&self, pattern: u64, found: u64, bindings: &Bindings) -> Option<Bindings> {
        let mut bindings = bindings.clone();
        let expected = match count_hole(pattern) {
            Some(hole) => *bindings.counts.entry(hole).or_insert(found),
            None => pattern,
        };
        (expected == found).then_some(bindings)
    }

    /// A set operation, with the inputs that the pattern does not name.
    #[expect(clippy::type_complexity, reason = "bindings and what is left of the inputs")]
    fn set_op(&self, pattern: &Plan, class: Id, bindings: &Bindings) -> Vec<(Bindings, Vec<(Id, Vec<ColumnId>)>)> {
        let Plan::SetOp { kind, inputs, columns } = pattern else { return Vec::new() };
        let n_fixed = usize::from(matches!(kind, SetOpKind::Except | SetOpKind::ExceptAll));
        let parts: Vec<&Plan> = inputs.iter().map(|(plan, _)| plan).collect();
        let wanted: Vec<&Vec<ColumnId>> = inputs.iter().map(|(_, shown)| shown).collect();
        let mut found = Vec::new();
        for node in &self.memo.egraph[self.memo.egraph.find(class)].nodes {
            let Operator::SetOp { kind: other, taken, columns: out } = self.memo.operator(node) else { continue };
            if kind != other || taken.len() < parts.len() {
                continue;
            }
            let branches: Vec<Branch<'_>> = node.inputs.iter().copied().zip(taken).collect();
            let ids: Vec<Id> = node.inputs.to_vec();
            let mut ways = Vec::new();
            self.assigned(&parts, &ids, (bindings, &[]), &mut ways);
            for (bindings, used) in ways {
                if (0..n_fixed).any(|place| used[place] != place) {
                    continue;
                }
                let shown: Vec<&Vec<ColumnId>> = used.iter().map(|&place| branches[place].1).collect();
                for bindings in self.positions((&wanted, columns), (&shown, out), &bindings) {
                    let others = branches.iter().enumerate().filter(|(place, _)| !used.contains(place));
                    found.push((bindings, others.map(|(_, (id, taken))| (*id, (*taken).clone())).collect()));
                }
            }
        }
        found.truncate(MAX_MATCHES);
        found
    }

    /// The filters among a class's members.
    fn filters(&self, class: Id) -> Vec<(Id, Vec<ScalarId>)> {
        let nodes = self.memo.egraph[self.memo.egraph.find(class)].nodes.iter();
        nodes
            .filter_map(|node| match self.memo.operator(node) {
                Operator::Filter { holds } => Some((node.inputs[0], holds.clone())),
                _ => None,
            })
            .collect()
    }

    fn inner_joins(&self, class: Id) -> Vec<(SmallVec<[Id; 2]>, Vec<ScalarId>)> {
        let nodes = self.memo.egraph[self.memo.egraph.find(class)].nodes.iter();
        nodes
            .filter_map(|node| match self.memo.operator(node) {
                Operator::InnerJoin { on } => Some((node.inputs.clone(), on.clone())),
                _ => None,
            })
            .collect()
    }
}

/// The parts of nested inner joins, and all their conditions.
fn flat(pattern: &Plan) -> (Vec<&Plan>, Vec<ScalarId>) {
    match pattern {
        Plan::Join { kind: JoinKind::Inner, left, right, on } => {
            let (mut parts, mut all) = flat(left);
            let (others, inner) = flat(right);
            parts.extend(others);
            all.extend(inner);
            all.extend(on);
            (parts, all)
        }
        pattern => (vec![pattern], Vec::new()),
    }
}

/// Whether an order says of any two different rows of a class which comes first.
pub(super) fn is_total(memo: &Memo, keys: &[isomer_ir::SortKey], class: Id) -> bool {
    let told = told_by(&memo.context().arena, keys);
    let facts = memo.facts(class);
    facts.is_unique(&told) || facts.columns.iter().all(|column| told.contains(column))
}

/// The columns in which rows that tie in an order are the same. Not doubles: zero has two signs.
pub(super) fn told_by(arena: &Arena, keys: &[isomer_ir::SortKey]) -> Vec<ColumnId> {
    let column = |key: &isomer_ir::SortKey| match arena[key.scalar] {
        Scalar::Column(column) if !arena.column_type(column).is_float() => Some(column),
        _ => None,
    };
    keys.iter().filter_map(column).collect()
}
