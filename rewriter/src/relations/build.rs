//! A template with its holes filled, added to the e-graph.

use egg::Id;
use isomer_ir::{
    AggregateCall, ColumnDef, ColumnId, DataType, JoinKind, OutputColumn, Plan, RankingFunction, Scalar, ScalarId,
    SetOpKind, SortKey, Volatility, WindowCall, WindowFunction,
};
use isomer_rules::{HoleColumn, HoleSort, Rule, count_hole};
use rustc_hash::FxHashMap;

use super::bindings::Bindings;
use super::calls::is_list;
use super::matching::{is_total, told_by};
use super::pattern::whole_frame;
use crate::memo::{Memo, Origin};
use crate::normalize::{is_column, strip_names};
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
    /// What its lists of columns are.
    pub(crate) lists: FxHashMap<ColumnId, Vec<ColumnId>>,
    /// Its copies of relations, and the numbers that they were given.
    pub(crate) copies: FxHashMap<u32, u32>,
}

impl Builder<'_> {
    /// The class of a template's plan, or nothing where it would not be a relation of ours: a column
    /// twice among the inputs of a join, a type that is not known.
    pub(crate) fn build(&mut self, plan: &Plan) -> Option<Id> {
        self.build_for(plan, None)
    }

    /// As [`Builder::build`], where nothing but `read` is read of it.
    pub(crate) fn build_for(&mut self, plan: &Plan, read: Option<&[ColumnId]>) -> Option<Id> {
        match plan {
            Plan::Named { input, .. } => self.build_for(input, read),
            Plan::Scan { table, .. } => self.bindings.table(table),
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
                let own: Vec<ColumnId> = exprs
                    .iter()
                    .flat_map(|&(_, scalar)| self.memo.context().arena.columns_of(scalar))
                    .copied()
                    .collect();
                let input = self.build_for(input, Some(&own))?;
                let exprs = self.exprs(exprs, input)?;
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
                let keys = self.exprs(&exprs, input)?;
                Some(self.made(Operator::Aggregate { keys, calls: Vec::new() }, &[input]))
            }
            Plan::Aggregate { input, keys, calls } => {
                let input = self.build(input)?;
                let keys = self.exprs(keys, input)?;
                let own: Vec<ColumnId> = keys.iter().map(|(id, _)| *id).collect();
                let calls = calls.iter().map(|(id, call)| self.call(*id, call, &own)).collect::<Option<Vec<_>>>()?;
                Some(self.made(Operator::Aggregate { keys, calls }, &[input]))
            }
            Plan::Window { input, calls } => {
                let input = self.build(input)?;
                let calls = calls.iter().map(|(id, call)| self.window(*id, call, input)).collect::<Option<Vec<_>>>()?;
                Some(self.made(Operator::Window { calls }, &[input]))
            }
            Plan::Limit { input, skip, fetch } => {
                let (skip, fetch) = (self.count(*skip)?, fetch.map(|fetch| self.count(fetch)));
                let Plan::Sort { input, keys } = &**input else { return None };
                let input = self.build(input)?;
                let mut filled = keys.clone();
                for key in &mut filled {
                    key.scalar = self.scalar(key.scalar);
                }
                // Among rows that tie, any could come first, which must not show.
                if fetch == Some(None) || !(is_total(self.memo, &filled, input) || self.is_told(read, &filled)) {
                    return None;
                }
                let sorted = self.made(Operator::Sort { keys: filled }, &[input]);
                Some(self.made(Operator::Limit { skip, fetch: fetch.flatten() }, &[sorted]))
            }
            Plan::Sort { input, .. } => self.build(input),
            Plan::SetOp { kind, inputs, columns } => self.set_op(*kind, inputs, columns),
            Plan::Instance { input, k } => self.copy(input, *k),
            Plan::GroupingSets { .. }
            | Plan::Unnest { .. }
            | Plan::Values { .. }
            | Plan::Empty { .. }
            | Plan::RecursiveUnion { .. }
            | Plan::WorkTable { .. }
            | Plan::Sample { .. }
            | Plan::ScanAt { .. }
            | Plan::Hole { .. } => None,
        }
    }

    /// Whether rows that tie in an order are the same in all that is read.
    fn is_told(&mut self, read: Option<&[ColumnId]>, keys: &[SortKey]) -> bool {
        let told = told_by(&self.memo.context().arena, keys);
        read.is_some_and(|read| {
            read.iter().all(|&column| {
                self.shown(column).is_some_and(|columns| columns.iter().all(|column| told.contains(column)))
            })
        })
    }

    /// A set operation; what its inputs show is parallel, position by position.
    fn set_op(&mut self, kind: SetOpKind, inputs: &[(Plan, Vec<ColumnId>)], columns: &[ColumnId]) -> Option<Id> {
        let mut classes = Vec::with_capacity(inputs.len());
        let mut shown: Vec<Vec<Vec<ColumnId>>> = Vec::with_capacity(inputs.len());
        for (input, wanted) in inputs {
            classes.push(self.build_for(input, Some(wanted))?);
            shown.push(wanted.iter().map(|&column| self.shown(column)).collect::<Option<_>>()?);
        }
        let mut taken: Vec<Vec<ColumnId>> = vec![Vec::new(); inputs.len()];
        let mut out: Vec<ColumnId> = Vec::new();
        for (position, &column) in columns.iter().enumerate() {
            let width = shown.first()?.get(position)?.len();
            let mut own = Vec::with_capacity(width);
            for place in 0..width {
                let branches = shown.iter().map(|shown| shown[position].get(place).copied());
                let branches = branches.collect::<Option<Vec<ColumnId>>>()?;
                let known = (0..out.len()).find(|&at| taken.iter().zip(&branches).all(|(taken, id)| taken[at] == *id));
                let id = match known {
                    Some(at) => out[at],
                    None => self.set_op_column(&branches, column, &out)?,
                };
                if known.is_none() {
                    out.push(id);
                    for (taken, &id) in taken.iter_mut().zip(&branches) {
                        taken.push(id);
                    }
                }
                own.push(id);
            }
            if shown.iter().any(|shown| shown[position].len() != width) {
                return None;
            }
            if is_list(&self.memo.context().arena, self.rule, column) {
                self.lists.insert(column, own);
            } else {
                let read = self.memo.context_mut().arena.column_ref(*own.first()?);
                self.definitions.insert(column, read);
            }
        }
        if out.is_empty() {
            return None;
        }
        if kind != SetOpKind::Union {
            return Some(self.made(Operator::SetOp { kind, taken, columns: out }, &classes));
        }
        let arena = &mut self.memo.context_mut().arena;
        let keys = out.iter().map(|&id| (id, arena.column_ref(id))).collect();
        let all = self.made(Operator::SetOp { kind: SetOpKind::UnionAll, taken, columns: out }, &classes);
        Some(self.made(Operator::Aggregate { keys, calls: Vec::new() }, &[all]))
    }

    /// The id that the normal form gives to a column of a set operation; nothing where types differ.
    fn set_op_column(&mut self, branches: &[ColumnId], like: ColumnId, taken: &[ColumnId]) -> Option<ColumnId> {
        let arena = &mut self.memo.context_mut().arena;
        let data_type = arena.column_type(*branches.first()?);
        if branches.iter().any(|&branch| arena.column_type(branch) != data_type) {
            return None;
        }
        let mut sorted = branches.to_vec();
        sorted.sort_unstable();
        let hint = arena.hint(if sorted.len() > 1 { branches[0] } else { like }).clone();
        (0..).find_map(|position| {
            let def = ColumnDef::SetOp { position, branches: sorted.clone() };
            let id = arena.column(def, data_type, &hint);
            (!taken.contains(&id)).then_some(id)
        })
    }

    /// One more copy of a relation, under a number that no table of the rule uses.
    fn copy(&mut self, input: &Plan, k: u32) -> Option<Id> {
        let class = self.build(input)?;
        let columns = self.memo.columns(class).to_vec();
        let is_free = |memo: &Memo, k: u32| {
            let copied = columns.iter().filter_map(|&column| memo.context().arena.known_instance(column, k));
            let mut tables = self.bindings.tables.iter().map(|(_, class)| memo.facts(*class));
            let copied: Vec<ColumnId> = copied.collect();
            !tables.any(|facts| copied.iter().any(|&column| facts.exposes(column)))
        };
        let mut found = k;
        while !is_free(self.memo, found) {
            found = found.checked_add(1)?;
        }
        self.copies.insert(k, found);
        let shown = input.columns(&mut self.memo.context_mut().arena);
        for column in shown {
            let Some(&scalar) = self.definitions.get(&column) else { continue };
            let arena = &mut self.memo.context_mut().arena;
            if let Scalar::Column(own) = arena[scalar] {
                let (from, to) = (arena.instance(column, k), arena.instance(own, found));
                let read = arena.column_ref(to);
                self.definitions.insert(from, read);
            }
        }
        Some(self.made(Operator::Instance { k: found }, &[class]))
    }

    /// The columns that a column of the template stands for.
    fn shown(&mut self, column: ColumnId) -> Option<Vec<ColumnId>> {
        if let Some(list) = self.lists.get(&column) {
            return Some(list.clone());
        }
        if let Some(&scalar) = self.definitions.get(&column) {
            let Scalar::Column(own) = self.memo.context().arena[scalar] else { return None };
            return Some(vec![own]);
        }
        if let ColumnDef::Instance { of, k } = *self.memo.context().arena.def(column) {
            let found = *self.copies.get(&k)?;
            let own = self.shown(of)?;
            return Some(own.into_iter().map(|id| self.memo.context_mut().arena.instance(id, found)).collect());
        }
        // A list of which nothing is read.
        is_list(&self.memo.context().arena, self.rule, column).then(Vec::new)
    }

    /// A number of rows, holes filled.
    fn count(&self, count: u64) -> Option<u64> {
        match count_hole(count) {
            Some(hole) => self.bindings.counts.get(&hole).copied(),
            None => Some(count),
        }
    }

    fn window(&mut self, id: ColumnId, call: &WindowCall, input: Id) -> Option<(ColumnId, WindowCall)> {
        let exposed = self.memo.columns(input).to_vec();
        let mut filled = call.clone();
        filled.args = call.args.iter().map(|&arg| self.scalar(arg)).collect();
        filled.filter = call.filter.map(|filter| self.scalar(filter));
        filled.partition = call.partition.iter().map(|&key| self.scalar(key)).collect();
        filled.partition.sort_unstable();
        filled.partition.dedup();
        for key in &mut filled.order {
            key.scalar = self.scalar(key.scalar);
        }
        let arena = &mut self.memo.context_mut().arena;
        if filled.data_type == DataType::Unknown {
            let argument = arena.type_of(*filled.args.first()?);
            filled.data_type = match filled.function {
                WindowFunction::Aggregate(function) => call_type(function, argument)?,
                WindowFunction::Ranking(
                    RankingFunction::FirstValue
                    | RankingFunction::LastValue
                    | RankingFunction::Lag
                    | RankingFunction::Lead,
                ) if argument != DataType::Unknown => argument,
                WindowFunction::Ranking(_) => return None,
            };
        }
        let filled = whole_frame(filled);
        let hint = arena.hint(id).clone();
        let column = arena.window_column(&filled, &hint);
        let column = arena.variant_outside(column, &exposed);
        let shown = arena.column_ref(column);
        self.definitions.insert(id, shown);
        Some((column, filled))
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
    fn exprs(&mut self, exprs: &[(ColumnId, ScalarId)], input: Id) -> Option<Vec<(ColumnId, ScalarId)>> {
        let exposed = self.memo.columns(input).to_vec();
        let mut filled = Vec::with_capacity(exprs.len());
        for &(id, scalar) in exprs {
            if is_list(&self.memo.context().arena, self.rule, id) {
                for column in self.shown(id)? {
                    filled.push((column, self.memo.context_mut().arena.column_ref(column)));
                }
                continue;
            }
            // What a predicate reads is shown, so that it can be tested above.
            if self.sort_of(id) == Some(HoleSort::Predicate) {
                for &conjunct in self.bindings.predicates.get(&id).into_iter().flatten() {
                    for column in self.memo.context().arena.columns_of(conjunct).to_vec() {
                        filled.push((column, self.memo.context_mut().arena.column_ref(column)));
                    }
                }
                continue;
            }
            let scalar = self.scalar(scalar);
            let arena = &mut self.memo.context_mut().arena;
            if arena.type_of(scalar) == DataType::Unknown || arena.volatility(scalar) != Volatility::Immutable {
                return None;
            }
            let hint = arena.hint(id).clone();
            let mut column = arena.computed_column(scalar, &hint);
            if !is_column(arena, scalar, column) {
                column = arena.variant_outside(column, &exposed);
            }
            let shown = arena.column_ref(column);
            self.definitions.insert(id, shown);
            filled.push((column, scalar));
        }
        Some(filled)
    }

    fn call(&mut self, id: ColumnId, call: &AggregateCall, keys: &[ColumnId]) -> Option<(ColumnId, AggregateCall)> {
        let mut filled = call.clone();
        filled.args = call.args.iter().map(|&arg| self.scalar(arg)).collect();
        filled.filter = call.filter.map(|filter| self.scalar(filter));
        let arena = &mut self.memo.context_mut().arena;
        if filled.data_type == DataType::Unknown {
            filled.data_type = call_type(call.function, arena.type_of(*filled.args.first()?))?;
        }
        let hint = arena.hint(id).clone();
        let column = arena.aggregate_column(&filled, &hint);
        let column = arena.variant_outside(column, keys);
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
        let mut moved: Vec<(ColumnId, ScalarId)> = Vec::new();
        for (pattern, template) in from.iter().map(|shown| shown.column).zip(to.iter().map(|shown| shown.column)) {
            let Some(columns) = self.bindings.columns(&self.memo.context().arena, pattern) else {
                // What the pattern shows and nothing else names is read by nobody.
                let is_open = pattern == template || is_list(&self.memo.context().arena, self.rule, pattern);
                if is_open { continue } else { return None }
            };
            let values = self.values(template)?;
            if columns.len() != values.len() {
                return None;
            }
            for (column, value) in columns.into_iter().zip(values) {
                let arena = &self.memo.context().arena;
                if arena.type_of(value) != arena.column_type(column) {
                    return None;
                }
                if arena[value] != Scalar::Column(column) && moved.iter().all(|(known, _)| *known != column) {
                    moved.push((column, value));
                }
            }
        }
        Some(moved)
    }

    /// What a column of the template's output shows.
    fn values(&mut self, column: ColumnId) -> Option<Vec<ScalarId>> {
        if let Some(&scalar) = self.definitions.get(&column) {
            return Some(vec![scalar]);
        }
        let columns = self.shown(column)?;
        let arena = &mut self.memo.context_mut().arena;
        Some(columns.into_iter().map(|column| arena.column_ref(column)).collect())
    }
}
