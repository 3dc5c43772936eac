//! Finding a pattern in the e-graph: table holes bind classes, column holes columns, predicate holes
//! the conjuncts that nothing else in the pattern names.

use std::sync::Arc;

use egg::Id;
use isomer_ir::{AggregateCall, Arena, ColumnId, JoinKind, Plan, Scalar, ScalarId};
use isomer_rules::{HoleColumn, HoleSort, Rule};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::memo::Memo;
use crate::operator::Operator;
use crate::templates::{Bind, matches};

/// Most ways in which a pattern is found at one class.
const MAX_MATCHES: usize = 16;

/// What the holes of a pattern stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bindings {
    /// Table holes by symbolic table, in the order in which they were bound.
    pub(crate) tables: Vec<(Arc<str>, Id)>,
    /// Column and expression holes, and the columns that a pattern's aggregate computes.
    pub(crate) scalars: FxHashMap<ColumnId, ScalarId>,
    /// Holes for lists of columns.
    pub(crate) lists: FxHashMap<ColumnId, Vec<ColumnId>>,
    /// Predicate holes; no conjunct means TRUE.
    pub(crate) predicates: FxHashMap<ColumnId, Vec<ScalarId>>,
}

impl Bindings {
    /// The class of the table that a symbolic column belongs to.
    pub(crate) fn table_of(&self, arena: &Arena, symbol: ColumnId) -> Option<Id> {
        let isomer_ir::ColumnDef::Base { table, .. } = arena.def(symbol) else { return None };
        self.tables.iter().find(|(known, _)| known == table).map(|(_, class)| *class)
    }

    /// The class of a table hole by its position among the rule's holes.
    pub(crate) fn table_at(&self, rule: &Rule, position: usize) -> Option<Id> {
        let name = isomer_rules::hole_table(rule, position);
        self.tables.iter().find(|(known, _)| **known == *name).map(|(_, class)| *class)
    }
}

/// What a match at the top of a pattern did not name: it stays above what the template gives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leftover {
    /// Conjuncts of the filter.
    pub(crate) holds: Vec<ScalarId>,
    /// Further inputs of the inner join.
    pub(crate) inputs: Vec<Id>,
    /// Conjuncts that read them.
    pub(crate) on: Vec<ScalarId>,
}

/// Finds patterns of one rule.
pub(crate) struct Matcher<'a> {
    pub(crate) memo: &'a Memo,
    pub(crate) rule: &'a Rule,
}

/// Bindings while a scalar is matched.
#[derive(Clone)]
struct ScalarBindings<'a> {
    matcher: &'a Matcher<'a>,
    bindings: Bindings,
}

impl Bind for ScalarBindings<'_> {
    fn bind(&mut self, arena: &Arena, pattern: ScalarId, scalar: ScalarId) -> Option<bool> {
        let Scalar::Column(symbol) = arena[pattern] else { return None };
        let hole = HoleColumn::of(arena.def(symbol))?;
        if let Some(&bound) = self.bindings.scalars.get(&symbol) {
            return Some(bound == scalar);
        }
        let memo = self.matcher.memo;
        let reads_table = arena.columns_of(scalar).iter().all(|&column| {
            hole.tables.iter().any(|&table| {
                self.bindings.table_at(self.matcher.rule, table).is_some_and(|class| memo.facts(class).exposes(column))
            })
        });
        let fits = match self.matcher.rule.holes[hole.hole].sort {
            HoleSort::Column => matches!(arena[scalar], Scalar::Column(_)) && reads_table,
            HoleSort::Expr => reads_table,
            HoleSort::Literal => matches!(arena[scalar], Scalar::Literal(_)),
            HoleSort::Predicate | HoleSort::Columns | HoleSort::Table | HoleSort::Aggregate => false,
        };
        if fits {
            self.bindings.scalars.insert(symbol, scalar);
        }
        Some(fits)
    }
}

impl Matcher<'_> {
    fn arena(&self) -> &Arena {
        &self.memo.context().arena
    }

    /// Every way to find `pattern` as `class`, with conjuncts and join inputs left over on top.
    pub(crate) fn top(&self, pattern: &Plan, class: Id) -> Vec<(Bindings, Leftover)> {
        let mut found: Vec<(Bindings, Leftover)> = Vec::new();
        self.top_into(pattern, class, &Leftover::default(), &mut found);
        if !matches!(pattern, Plan::Filter { .. }) {
            for (input, holds) in self.filters(class) {
                self.top_into(pattern, input, &Leftover { holds, ..Leftover::default() }, &mut found);
            }
        }
        found.truncate(MAX_MATCHES);
        found
    }

    fn top_into(&self, pattern: &Plan, class: Id, rest: &Leftover, found: &mut Vec<(Bindings, Leftover)>) {
        match pattern {
            Plan::Filter { input, holds } => {
                for (below, conjuncts) in self.filters(class) {
                    for bindings in self.exact(input, below, &Bindings::default()) {
                        for (bindings, holds) in self.conjuncts(holds, &conjuncts, &bindings) {
                            found.push((bindings, Leftover { holds, ..rest.clone() }));
                        }
                    }
                }
                if let Some(open) = self.all_true(holds, &Bindings::default()) {
                    for bindings in self.exact_from(input, class, &open) {
                        found.push((bindings, rest.clone()));
                    }
                }
            }
            Plan::Join { kind: JoinKind::Inner, left, right, on } => {
                for (inputs, conjuncts) in self.inner_joins(class) {
                    self.parts(left, right, on, &inputs, &conjuncts, rest, found);
                }
            }
            pattern => {
                for bindings in self.exact(pattern, class, &Bindings::default()) {
                    found.push((bindings, rest.clone()));
                }
            }
        }
    }

    /// Two inputs of an inner join that are the pattern's; the others are carried along.
    #[expect(clippy::too_many_arguments, reason = "the parts of a join and what is around it")]
    fn parts(
        &self,
        left: &Plan,
        right: &Plan,
        on: &[ScalarId],
        inputs: &[Id],
        conjuncts: &[ScalarId],
        rest: &Leftover,
        found: &mut Vec<(Bindings, Leftover)>,
    ) {
        for (i, &first) in inputs.iter().enumerate() {
            for (j, &second) in inputs.iter().enumerate().filter(|(j, _)| *j != i) {
                if found.len() >= MAX_MATCHES {
                    return;
                }
                let carried: Vec<Id> =
                    inputs.iter().enumerate().filter(|(k, _)| *k != i && *k != j).map(|(_, &input)| input).collect();
                let reads_carried = |predicate: &ScalarId| {
                    let columns = self.arena().columns_of(*predicate);
                    columns.iter().any(|&column| carried.iter().any(|&input| self.memo.facts(input).exposes(column)))
                };
                let (outer, own): (Vec<ScalarId>, Vec<ScalarId>) = conjuncts.iter().partition(|p| reads_carried(p));
                for bindings in self.exact(left, first, &Bindings::default()) {
                    for bindings in self.exact(right, second, &bindings) {
                        for (bindings, left_over) in self.conjuncts(on, &own, &bindings) {
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
                }
            }
        }
    }

    /// Every way to find `pattern` as `class` with nothing left over.
    fn exact(&self, pattern: &Plan, class: Id, bindings: &Bindings) -> Vec<Bindings> {
        let mut found = self.exact_from(pattern, class, bindings);
        found.truncate(MAX_MATCHES);
        found
    }

    fn exact_from(&self, pattern: &Plan, class: Id, bindings: &Bindings) -> Vec<Bindings> {
        let class = self.memo.egraph.find(class);
        let mut found = Vec::new();
        match pattern {
            Plan::Named { input, .. } => return self.exact_from(input, class, bindings),
            Plan::Scan { table, .. } => match bindings.tables.iter().find(|(known, _)| known == table) {
                Some((_, bound)) if *bound != class => {}
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
            Plan::Join { kind: JoinKind::Inner, left, right, on } => {
                for (inputs, conjuncts) in self.inner_joins(class) {
                    let [a, b] = inputs.as_slice() else { continue };
                    for (first, second) in [(*a, *b), (*b, *a)] {
                        found.extend(self.join(left, right, on, (first, second), &conjuncts, bindings));
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
            Plan::Aggregate { .. }
            | Plan::Distinct { .. }
            | Plan::Project { .. }
            | Plan::Values { .. }
            | Plan::Empty { .. }
            | Plan::Window { .. }
            | Plan::Sort { .. }
            | Plan::Limit { .. }
            | Plan::SetOp { .. }
            | Plan::Instance { .. }
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

    /// Conjuncts against a pattern's: every one that the pattern names is found, predicate holes take
    /// what they may read, and the rest is given back.
    fn conjuncts(&self, named: &[ScalarId], found: &[ScalarId], bindings: &Bindings) -> Vec<(Bindings, Vec<ScalarId>)> {
        let (open, fixed): (Vec<ScalarId>, Vec<ScalarId>) =
            named.iter().partition(|&&predicate| self.predicate_hole(predicate).is_some());
        let mut ways: Vec<(Bindings, Vec<ScalarId>)> = vec![(bindings.clone(), found.to_vec())];
        for pattern in fixed {
            let mut next = Vec::new();
            for (bindings, rest) in &ways {
                for (position, &conjunct) in rest.iter().enumerate() {
                    let mut binder = ScalarBindings { matcher: self, bindings: bindings.clone() };
                    if matches(self.arena(), pattern, conjunct, &mut binder) {
                        let mut left = rest.clone();
                        left.remove(position);
                        next.push((binder.bindings, left));
                    }
                }
            }
            next.truncate(MAX_MATCHES);
            ways = next;
        }
        for (bindings, rest) in &mut ways {
            for &pattern in &open {
                let Some((symbol, hole)) = self.predicate_hole(pattern) else { continue };
                let (taken, left): (Vec<ScalarId>, Vec<ScalarId>) =
                    rest.iter().partition(|&&conjunct| self.reads_only(conjunct, &hole, bindings));
                bindings.predicates.entry(symbol).or_default().extend(taken);
                *rest = left;
            }
        }
        ways
    }

    /// Bindings under which every one of `holds` is TRUE, where all are predicate holes.
    fn all_true(&self, holds: &[ScalarId], bindings: &Bindings) -> Option<Bindings> {
        let mut bindings = bindings.clone();
        for &predicate in holds {
            let (symbol, _) = self.predicate_hole(predicate)?;
            bindings.predicates.entry(symbol).or_default();
        }
        Some(bindings)
    }

    fn predicate_hole(&self, predicate: ScalarId) -> Option<(ColumnId, HoleColumn)> {
        let Scalar::Column(symbol) = self.arena()[predicate] else { return None };
        let hole = HoleColumn::of(self.arena().def(symbol))?;
        (self.rule.holes[hole.hole].sort == HoleSort::Predicate).then_some((symbol, hole))
    }

    fn reads_only(&self, conjunct: ScalarId, hole: &HoleColumn, bindings: &Bindings) -> bool {
        self.arena().columns_of(conjunct).iter().all(|&column| {
            hole.tables.iter().any(|&table| {
                bindings.table_at(self.rule, table).is_some_and(|class| self.memo.facts(class).exposes(column))
            })
        })
    }

    /// A pattern that is an aggregate or a DISTINCT against an aggregate's keys and calls.
    pub(crate) fn grouped(
        &self,
        pattern: &Plan,
        input: Id,
        keys: &[(ColumnId, ScalarId)],
        calls: &[(ColumnId, AggregateCall)],
    ) -> Vec<Bindings> {
        let (below, wanted_keys, wanted_calls): (&Plan, Vec<(ColumnId, ScalarId)>, &[_]) = match pattern {
            Plan::Aggregate { input, keys, calls } => (input, keys.clone(), calls.as_slice()),
            Plan::Distinct { input } => match &**input {
                Plan::Project { input, exprs } => (input, exprs.clone(), &[]),
                _ => return Vec::new(),
            },
            _ => return Vec::new(),
        };
        let mut ways: Vec<(Bindings, Vec<(ColumnId, ScalarId)>)> =
            self.exact(below, input, &Bindings::default()).into_iter().map(|found| (found, keys.to_vec())).collect();
        let is_list = |scalar: ScalarId| self.list_hole(scalar);
        for &(id, pattern) in wanted_keys.iter().filter(|(_, scalar)| is_list(*scalar).is_none()) {
            ways = self.with_key(id, pattern, &ways);
        }
        for symbol in wanted_keys.iter().filter_map(|(_, scalar)| is_list(*scalar)) {
            for (bindings, rest) in &mut ways {
                let table = bindings.table_of(self.arena(), symbol);
                let (taken, left): (Vec<_>, Vec<_>) = rest.iter().partition(|(id, scalar)| {
                    self.arena()[*scalar] == Scalar::Column(*id)
                        && table.is_some_and(|class| self.memo.facts(class).exposes(*id))
                });
                bindings.lists.insert(symbol, taken.into_iter().map(|(id, _)| id).collect());
                *rest = left;
            }
        }
        ways.retain(|(_, rest)| rest.is_empty());
        let mut found: Vec<(Bindings, Vec<(ColumnId, AggregateCall)>)> =
            ways.into_iter().map(|(bindings, _)| (bindings, calls.to_vec())).collect();
        for (id, pattern) in wanted_calls {
            found = self.with_call(*id, pattern, &found);
        }
        found.retain(|(_, rest)| rest.is_empty());
        found.into_iter().map(|(bindings, _)| bindings).collect()
    }

    fn list_hole(&self, scalar: ScalarId) -> Option<ColumnId> {
        let Scalar::Column(symbol) = self.arena()[scalar] else { return None };
        let hole = HoleColumn::of(self.arena().def(symbol))?;
        (self.rule.holes[hole.hole].sort == HoleSort::Columns).then_some(symbol)
    }

    fn with_key(
        &self,
        id: ColumnId,
        pattern: ScalarId,
        ways: &[(Bindings, Vec<(ColumnId, ScalarId)>)],
    ) -> Vec<(Bindings, Vec<(ColumnId, ScalarId)>)> {
        let mut next = Vec::new();
        for (bindings, rest) in ways {
            for (position, &(key, scalar)) in rest.iter().enumerate() {
                let mut binder = ScalarBindings { matcher: self, bindings: bindings.clone() };
                if !matches(self.arena(), pattern, scalar, &mut binder) {
                    continue;
                }
                let mut left = rest.clone();
                left.remove(position);
                let mut bindings = binder.bindings;
                if self.arena()[pattern] != Scalar::Column(id) {
                    let Some(shown) = self.column_ref(key) else { continue };
                    bindings.scalars.insert(id, shown);
                }
                next.push((bindings, left));
            }
        }
        next.truncate(MAX_MATCHES);
        next
    }

    fn with_call(
        &self,
        id: ColumnId,
        pattern: &AggregateCall,
        ways: &[(Bindings, Vec<(ColumnId, AggregateCall)>)],
    ) -> Vec<(Bindings, Vec<(ColumnId, AggregateCall)>)> {
        let mut next = Vec::new();
        for (bindings, rest) in ways {
            for (position, (found, call)) in rest.iter().enumerate() {
                let is_same_shape = pattern.function == call.function
                    && pattern.is_distinct == call.is_distinct
                    && pattern.args.len() == call.args.len()
                    && pattern.filter.is_none()
                    && call.filter.is_none()
                    && call.order.is_empty();
                let mut binder = ScalarBindings { matcher: self, bindings: bindings.clone() };
                let args = || pattern.args.iter().zip(&call.args);
                if !is_same_shape || !args().all(|(&from, &to)| matches(self.arena(), from, to, &mut binder)) {
                    continue;
                }
                let Some(shown) = self.column_ref(*found) else { continue };
                let mut left = rest.clone();
                left.remove(position);
                binder.bindings.scalars.insert(id, shown);
                next.push((binder.bindings, left));
            }
        }
        next.truncate(MAX_MATCHES);
        next
    }

    /// The scalar that reads a column, which every column of an aggregate has by then.
    fn column_ref(&self, column: ColumnId) -> Option<ScalarId> {
        self.arena().known_column_ref(column)
    }
}
