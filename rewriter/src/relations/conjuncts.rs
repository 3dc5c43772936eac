//! Scalars and conjuncts of a pattern: column holes bind columns, expression holes scalars, predicate
//! holes the conjuncts that nothing else in the pattern names.

use egg::Id;
use isomer_ir::{Arena, ColumnDef, ColumnId, Scalar, ScalarId};
use isomer_rules::{HoleColumn, HoleSort};

use super::bindings::Bindings;
use super::matching::{MAX_MATCHES, Matcher};
use crate::templates::{Bind, matches};

/// Bindings while a scalar is matched.
#[derive(Clone)]
struct ScalarBindings<'a> {
    matcher: &'a Matcher<'a>,
    bindings: Bindings,
}

impl Bind for ScalarBindings<'_> {
    fn bind(&mut self, arena: &Arena, pattern: ScalarId, scalar: ScalarId) -> Option<bool> {
        let Scalar::Column(symbol) = arena[pattern] else { return None };
        if let Some(&bound) = self.bindings.scalars.get(&symbol) {
            return Some(bound == scalar);
        }
        if let ColumnDef::Instance { of, k } = arena.def(symbol) {
            return Some(self.bind_copy(arena, (*of, *k), scalar));
        }
        let hole = HoleColumn::of(arena.def(symbol))?;
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

impl ScalarBindings<'_> {
    /// A column hole in the `k`-th copy of its table: the found column is of the copy that was found.
    fn bind_copy(&mut self, arena: &Arena, (symbol, k): (ColumnId, u32), scalar: ScalarId) -> bool {
        let Scalar::Column(column) = arena[scalar] else { return false };
        let ColumnDef::Instance { of, k: found } = arena.def(column) else { return false };
        let Some(read) = arena.known_column_ref(*of) else { return false };
        self.bindings.copies.get(&k) == Some(found)
            && match self.bindings.columns(arena, symbol) {
                Some(bound) => bound == [*of],
                None => {
                    let pattern = arena.known_column_ref(symbol);
                    pattern.is_some_and(|pattern| self.bind(arena, pattern, read) == Some(true))
                }
            }
    }
}

impl Matcher<'_> {
    /// The bindings under which a scalar of the pattern is the one that was found.
    pub(super) fn scalar(&self, pattern: ScalarId, found: ScalarId, bindings: &Bindings) -> Option<Bindings> {
        let mut binder = ScalarBindings { matcher: self, bindings: bindings.clone() };
        matches(self.arena(), pattern, found, &mut binder).then_some(binder.bindings)
    }

    /// As [`Matcher::scalar`], of several in their order.
    pub(super) fn scalars(&self, pattern: &[ScalarId], found: &[ScalarId], bindings: &Bindings) -> Option<Bindings> {
        if pattern.len() != found.len() {
            return None;
        }
        let mut binder = ScalarBindings { matcher: self, bindings: bindings.clone() };
        let mut pairs = pattern.iter().zip(found);
        pairs.all(|(&from, &to)| matches(self.arena(), from, to, &mut binder)).then_some(binder.bindings)
    }

    /// Conjuncts against a pattern's: every one that the pattern names is found, predicate holes take
    /// what they may read, and the rest is given back.
    pub(super) fn conjuncts(
        &self,
        named: &[ScalarId],
        found: &[ScalarId],
        bindings: &Bindings,
    ) -> Vec<(Bindings, Vec<ScalarId>)> {
        let (open, fixed): (Vec<ScalarId>, Vec<ScalarId>) =
            named.iter().partition(|&&predicate| self.predicate_hole(predicate).is_some());
        let mut ways: Vec<(Bindings, Vec<ScalarId>)> = vec![(bindings.clone(), found.to_vec())];
        for pattern in fixed {
            let mut next = Vec::new();
            for (bindings, rest) in &ways {
                for (position, &conjunct) in rest.iter().enumerate() {
                    if let Some(bindings) = self.scalar(pattern, conjunct, bindings) {
                        let mut left = rest.clone();
                        left.remove(position);
                        next.push((bindings, left));
                    }
                }
            }
            next.truncate(MAX_MATCHES);
            ways = next;
        }
        ways.into_iter().filter_map(|(bindings, rest)| self.predicates(&open, bindings, rest)).collect()
    }

    /// Gives predicate holes their conjuncts. One that stands elsewhere in the pattern too takes the same.
    fn predicates(
        &self,
        open: &[ScalarId],
        mut bindings: Bindings,
        mut rest: Vec<ScalarId>,
    ) -> Option<(Bindings, Vec<ScalarId>)> {
        let holes: Vec<(ColumnId, HoleColumn)> = open.iter().filter_map(|&found| self.predicate_hole(found)).collect();
        let (bound, free): (Vec<_>, Vec<_>) =
            holes.into_iter().partition(|(symbol, _)| bindings.predicates.contains_key(symbol));
        for (symbol, _) in bound {
            for conjunct in bindings.predicates.get(&symbol)? {
                let position = rest.iter().position(|found| found == conjunct)?;
                rest.remove(position);
            }
        }
        for (symbol, hole) in free {
            let (taken, left): (Vec<ScalarId>, Vec<ScalarId>) =
                rest.iter().partition(|&&conjunct| self.reads_only(conjunct, &hole, &bindings));
            bindings.predicates.insert(symbol, taken);
            rest = left;
        }
        Some((bindings, rest))
    }

    /// Bindings under which every one of `holds` is TRUE, where all are predicate holes.
    pub(super) fn all_true(&self, holds: &[ScalarId], bindings: &Bindings) -> Option<Bindings> {
        let mut bindings = bindings.clone();
        for &predicate in holds {
            let (symbol, _) = self.predicate_hole(predicate)?;
            if !bindings.predicates.entry(symbol).or_default().is_empty() {
                return None;
            }
        }
        Some(bindings)
    }

    fn predicate_hole(&self, predicate: ScalarId) -> Option<(ColumnId, HoleColumn)> {
        let Scalar::Column(symbol) = self.arena()[predicate] else { return None };
        let hole = HoleColumn::of(self.arena().def(symbol))?;
        (self.rule.holes[hole.hole].sort == HoleSort::Predicate).then_some((symbol, hole))
    }

    fn reads_only(&self, conjunct: ScalarId, hole: &HoleColumn, bindings: &Bindings) -> bool {
        let tables: Vec<Id> = hole.tables.iter().filter_map(|&table| bindings.table_at(self.rule, table)).collect();
        let is_exposed = |column: &ColumnId| tables.iter().any(|&class| self.memo.facts(class).exposes(*column));
        tables.len() == hole.tables.len() && self.arena().columns_of(conjunct).iter().all(is_exposed)
    }
}
