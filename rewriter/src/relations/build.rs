//! A template with its holes filled, added to the e-graph.

use egg::Id;
use isomer_ir::{AggregateCall, ColumnId, DataType, JoinKind, OutputColumn, Plan, Scalar, ScalarId, Volatility};
use isomer_rules::{HoleColumn, HoleSort, Rule};
use rustc_hash::FxHashMap;

use super::matching::Bindings;
use crate::memo::{Memo, Origin};
use crate::normalize::strip_names;
use crate::operator::Operator;
use crate::simplify::{Simplifier, Switches};
use crate::templates::{ScalarTemplates, call_type};

/// Builds one template under one set of bindings.
pub(crate) struct Builder<'a> {
    pub(crate) memo: &'a mut Memo,
    pub(crate) switches: &'a mut Switches,
    pub(crate) scalars: &'a ScalarTemplates,
    pub(crate) rule: &'a Rule,
    pub(crate) bindings: &'a Bindings,
    pub(crate) origin: &'a Origin,
    /// What the symbolic columns are, of the template's own projections and aggregates too.
    pub(crate) definitions: FxHashMap<ColumnId, ScalarId>,
}

impl Builder<'_> {
    /// The class of a template's plan, or nothing where it would not be a relation of ours: a column
    /// twice among the inputs of a join, a type that is not known.
    pub(crate) fn build(&mut self, plan: &Plan) -> Option<Id> {
        match plan {
            Plan::Named { input, .. } => self.build(input),
            Plan::Scan { table, .. } => {
                self.bindings.tables.iter().find(|(known, _)| known == table).map(|(_, class)| *class)
            }
            Plan::Filter { input, holds } => {
                let input = self.build(input)?;
                let holds = self.conjuncts(holds);
                if holds.is_empty() { Some(input) } else { Some(self.made(Operator::Filter { holds }, &[input])) }
            }
            Plan::Join { kind, left, right, on } => {
                let inputs = [self.build(left)?, self.build(right)?];
                if kind.exposes_right() && !self.memo.are_disjoint(&inputs) {
                    return None;
                }
                let on = self.conjuncts(on);
                let operator = match kind {
                    JoinKind::Inner => Operator::InnerJoin { on },
                    kind => Operator::Join { kind: *kind, on },
                };
                Some(self.made(operator, &inputs))
            }
            Plan::Project { input, exprs } => {
                let input = self.build(input)?;
                let exprs = self.exprs(exprs)?;
                Some(self.made(Operator::Project { exprs }, &[input]))
            }
            Plan::Distinct { input } => {
                let exprs = match strip_names((**input).clone()) {
                    Plan::Project { exprs, .. } => exprs,
                    input => {
                        let arena = &mut self.memo.context_mut().arena;
                        input.columns(arena).into_iter().map(|id| (id, arena.column_ref(id))).collect()
                    }
                };
                let input = self.build(input)?;
                let keys = self.exprs(&exprs)?;
                Some(self.made(Operator::Aggregate { keys, calls: Vec::new() }, &[input]))
            }
            Plan::Aggregate { input, keys, calls } => {
                let input = self.build(input)?;
                let keys = self.exprs(keys)?;
                let calls = calls.iter().map(|(id, call)| self.call(*id, call)).collect::<Option<Vec<_>>>()?;
                Some(self.made(Operator::Aggregate { keys, calls }, &[input]))
            }
            Plan::Values { .. }
            | Plan::Empty { .. }
            | Plan::Window { .. }
            | Plan::Sort { .. }
            | Plan::Limit { .. }
            | Plan::SetOp { .. }
            | Plan::Instance { .. }
            | Plan::Hole { .. } => None,
        }
    }

    fn made(&mut self, operator: Operator, inputs: &[Id]) -> Id {
        self.memo.add_made(operator, inputs, self.origin)
    }

    fn sort_of(&self, column: ColumnId) -> Option<HoleSort> {
        HoleColumn::of(self.memo.context().arena.def(column)).map(|hole| self.rule.holes[hole.hole].sort)
    }

    /// A scalar of the template over real columns, in normal form.
    fn scalar(&mut self, scalar: ScalarId) -> ScalarId {
        let arena = &mut self.memo.context_mut().arena;
        let filled = arena.inline_columns(scalar, &self.definitions);
        Simplifier::default().scalar(arena, filled, self.switches, self.scalars)
    }

    fn conjuncts(&mut self, holds: &[ScalarId]) -> Vec<ScalarId> {
        let mut filled = Vec::with_capacity(holds.len());
        for &predicate in holds {
            match self.memo.context().arena[predicate] {
                Scalar::Column(symbol) if self.sort_of(symbol) == Some(HoleSort::Predicate) => {
                    filled.extend(self.bindings.predicates.get(&symbol).into_iter().flatten().copied());
                }
                _ => filled.push(self.scalar(predicate)),
            }
        }
        let arena = &mut self.memo.context_mut().arena;
        Simplifier::default().holds(arena, &filled, self.switches, self.scalars)
    }

    /// Named scalars; a list hole stands for each of its columns.
    fn exprs(&mut self, exprs: &[(ColumnId, ScalarId)]) -> Option<Vec<(ColumnId, ScalarId)>> {
        let mut filled = Vec::with_capacity(exprs.len());
        for &(id, scalar) in exprs {
            if self.sort_of(id) == Some(HoleSort::Columns) {
                for &column in self.bindings.lists.get(&id).into_iter().flatten() {
                    filled.push((column, self.memo.context_mut().arena.column_ref(column)));
                }
                continue;
            }
            let scalar = self.scalar(scalar);
            let arena = &mut self.memo.context_mut().arena;
            if arena.type_of(scalar) == DataType::Unknown || arena.volatility(scalar) != Volatility::Immutable {
                return None;
            }
            let hint = arena.hint(id).clone();
            let column = arena.computed_column(scalar, &hint);
            let shown = arena.column_ref(column);
            self.definitions.insert(id, shown);
            filled.push((column, scalar));
        }
        Some(filled)
    }

    fn call(&mut self, id: ColumnId, call: &AggregateCall) -> Option<(ColumnId, AggregateCall)> {
        let mut filled = call.clone();
        filled.args = call.args.iter().map(|&arg| self.scalar(arg)).collect();
        filled.filter = call.filter.map(|filter| self.scalar(filter));
        let arena = &mut self.memo.context_mut().arena;
        if filled.data_type == DataType::Unknown {
            filled.data_type = call_type(call.function, arena.type_of(*filled.args.first()?))?;
        }
        let hint = arena.hint(id).clone();
        let column = arena.aggregate_column(&filled, &hint);
        let shown = arena.column_ref(column);
        self.definitions.insert(id, shown);
        Some((column, filled))
    }

    /// Output columns that the template defines anew: the pattern's id with its new definition over
    /// what was built. Nothing where a type would change.
    pub(crate) fn redefined(
        &mut self,
        from: &[OutputColumn],
        to: &[OutputColumn],
    ) -> Option<Vec<(ColumnId, ScalarId)>> {
        let mut moved = Vec::new();
        for (pattern, template) in from.iter().map(|shown| shown.column).zip(to.iter().map(|shown| shown.column)) {
            if pattern == template || self.sort_of(pattern) == Some(HoleSort::Columns) {
                continue;
            }
            let &shown = self.bindings.scalars.get(&pattern)?;
            let arena = &mut self.memo.context_mut().arena;
            let Scalar::Column(column) = arena[shown] else { return None };
            let value = arena.column_ref(template);
            let value = arena.inline_columns(value, &self.definitions);
            if arena.type_of(value) != arena.column_type(column) {
                return None;
            }
            if arena[value] != Scalar::Column(column) {
                moved.push((column, value));
            }
        }
        Some(moved)
    }
}
