//! Set operations in normal form: nested ones flat, filters in every branch, what all branches compute
//! alike computed above, no branch that adds nothing.

use std::sync::Arc;

use isomer_ir::{ColumnDef, ColumnId, Function, Plan, Scalar, ScalarId, SetOpKind, Volatility};

use super::values::strip_names_of_rows;
use super::{Definitions, MAX_INLINED_SIZE, Normalizer, peek, strip_names};
use crate::operator::Context;
use crate::simplify::is_false;

/// An input of a set operation with what it shows at each position.
pub(super) struct Branch {
    pub(super) plan: Plan,
    pub(super) shown: Vec<ScalarId>,
}

impl Normalizer<'_> {
    pub(super) fn set_op(
        &mut self,
        kind: SetOpKind,
        inputs: Vec<(Plan, Vec<ColumnId>)>,
        columns: &[ColumnId],
        conds: Vec<ScalarId>,
    ) -> (Plan, Definitions) {
        let is_union = matches!(kind, SetOpKind::UnionAll | SetOpKind::Union);
        let rule = if is_union { "push-filter-into-union" } else { "push-filter-into-intersect" };
        // A row is in all inputs or in none of those that could keep it out, so each may be filtered.
        let (below, above): (Vec<ScalarId>, Vec<ScalarId>) = conds.into_iter().partition(|&cond| {
            self.switches.is_on(rule)
                && self.context.arena.volatility(cond) != Volatility::Volatile
                && (is_union || !self.context.arena.can_raise(cond))
        });
        if !below.is_empty() {
            self.switches.fire(rule);
        }
        let mut branches: Vec<Branch> = Vec::with_capacity(inputs.len());
        for (input, taken) in inputs {
            let names: Definitions = columns
                .iter()
                .zip(&taken)
                .map(|(&column, &from)| (column, self.context.arena.column_ref(from)))
                .collect();
            let conds = below.iter().map(|&cond| self.context.arena.inline_columns(cond, &names)).collect();
            let (plan, definitions) = self.relation(input, conds);
            let refs: Vec<ScalarId> = taken.iter().map(|&id| self.context.arena.column_ref(id)).collect();
            let shown = self.resolve_all(&refs, &definitions);
            branches.push(Branch { plan, shown });
        }
        match kind {
            SetOpKind::UnionAll => {
                let (plan, definitions) = self.union_all(branches, columns, false);
                self.filtered(plan, &above, definitions)
            }
            SetOpKind::Union => {
                self.switches.fire("convert-union-to-distinct");
                let (plan, definitions) = self.union_all(branches, columns, true);
                let keys: Vec<(ColumnId, ScalarId)> =
                    columns.iter().map(|&id| (id, self.context.arena.column_ref(id))).collect();
                self.aggregate_over(plan, &definitions, &keys, Vec::new(), &above)
            }
            SetOpKind::Intersect | SetOpKind::IntersectAll | SetOpKind::Except | SetOpKind::ExceptAll => {
                let (plan, definitions) = self.row_set(kind, branches, columns);
                self.filtered(plan, &above, definitions)
            }
        }
    }

    /// `UNION ALL` of branches in normal form.
    pub(super) fn union_all(
        &mut self,
        branches: Vec<Branch>,
        columns: &[ColumnId],
        is_distinct: bool,
    ) -> (Plan, Definitions) {
        let mut flat = Vec::with_capacity(branches.len());
        for branch in branches {
            self.add_branch(branch, &mut flat);
        }
        self.merge_written_rows(&mut flat, columns);
        self.merge_same_source(&mut flat, is_distinct);
        if flat.is_empty() {
            self.switches.fire("prune-empty-operator");
            return (Plan::Empty { columns: columns.to_vec() }, self.nulls(columns));
        }
        if let [_] = flat.as_slice()
            && self.switches.is_on("merge-unions")
            && let Some(Branch { plan, shown }) = flat.pop()
        {
            self.switches.fire("merge-unions");
            return (plan, named(columns, &shown, self.context));
        }
        self.union_of(flat, columns)
    }

    fn add_branch(&mut self, branch: Branch, branches: &mut Vec<Branch>) {
        let Branch { plan, shown } = branch;
        match strip_names_of_union(plan) {
            Plan::Empty { .. } if self.switches.is_on("prune-empty-union-branch") => {
                self.switches.fire("prune-empty-union-branch");
            }
            Plan::SetOp { kind: SetOpKind::UnionAll, inputs, columns } if self.switches.is_on("merge-unions") => {
                self.switches.fire("merge-unions");
                for (inner, taken) in inputs {
                    let names: Definitions = columns
                        .iter()
                        .zip(&taken)
                        .map(|(&column, &from)| (column, self.context.arena.column_ref(from)))
                        .collect();
                    let shown = self.resolve_all(&shown, &names);
                    let branch = dissolved(inner, &shown, self.context);
                    self.add_branch(branch, branches);
                }
            }
            plan => branches.push(Branch { plan, shown }),
        }
    }

    /// Branches that are written rows become one list.
    fn merge_written_rows(&mut self, branches: &mut Vec<Branch>, columns: &[ColumnId]) {
        if branches.iter().filter(|branch| matches!(peek(&branch.plan), Plan::Values { .. })).count() < 2 {
            return;
        }
        let mut rows = Vec::new();
        let mut first = None;
        let mut rest: Vec<Branch> = Vec::with_capacity(branches.len());
        for branch in branches.drain(..) {
            match self.computed_rows(&branch.plan, &branch.shown) {
                Some(found) => {
                    first = first.or(Some(rest.len()));
                    rows.extend(found);
                }
                None => rest.push(branch),
            }
        }
        if let Some(first) = first {
            self.switches.fire("fold-values");
            let (plan, definitions) = self.written(columns, rows);
            let refs: Vec<ScalarId> = columns.iter().map(|&id| self.context.arena.column_ref(id)).collect();
            let shown = self.resolve_all(&refs, &definitions);
            rest.insert(first, Branch { plan: strip_names_of_rows(plan), shown });
        }
        *branches = rest;
    }

    /// Filters of one relation are united into a filter where no row would be lost or doubled: where
    /// they exclude each other, or where duplicates do not count.
    fn merge_same_source(&mut self, branches: &mut Vec<Branch>, is_distinct: bool) {
        let mut merged: Vec<Branch> = Vec::with_capacity(branches.len());
        for branch in branches.drain(..) {
            let place = merged.iter().position(|other| self.is_mergeable(other, &branch, is_distinct));
            match place {
                None => merged.push(branch),
                Some(place) => {
                    self.switches.fire("merge-union-branches");
                    let (base, one) = split_filter(&merged[place].plan);
                    let (_, other) = split_filter(&branch.plan);
                    let base = base.clone();
                    let either = [one.to_vec(), other.to_vec()].map(|holds| self.context.arena.and(holds));
                    let either = self.context.arena.or(either);
                    merged[place].plan = self.filtered(base, &[either], Definitions::default()).0;
                }
            }
        }
        *branches = merged;
    }

    fn is_mergeable(&mut self, one: &Branch, other: &Branch, is_distinct: bool) -> bool {
        let (base, holds) = split_filter(&one.plan);
        let (other_base, other_holds) = split_filter(&other.plan);
        if !self.switches.is_on("merge-union-branches") || one.shown != other.shown || base != other_base {
            return false;
        }
        let both: Vec<ScalarId> = holds.iter().chain(other_holds).copied().collect();
        if both.iter().chain(&one.shown).any(|&scalar| self.context.arena.volatility(scalar) != Volatility::Immutable)
            || self.facts(base).is_volatile
        {
            return false;
        }
        if is_distinct {
            return true;
        }
        let both = self.simplified_holds(&both);
        is_false(&self.context.arena, &both)
    }

    /// A union with the columns that it has to carry: what all branches compute alike is computed once
    /// above.
    fn union_of(&mut self, branches: Vec<Branch>, columns: &[ColumnId]) -> (Plan, Definitions) {
        let mut sources = Sources::default();
        let mut definitions = Definitions::default();
        for (position, &column) in columns.iter().enumerate() {
            let shown: Vec<ScalarId> = branches.iter().map(|branch| branch.shown[position]).collect();
            let n_known = sources.0.len();
            let alike = self.generalised(&shown, &branches, &mut sources);
            let is_bare = alike.is_some_and(|scalar| matches!(self.context.arena[scalar], Scalar::Column(_)));
            let scalar = match alike {
                Some(scalar) if is_bare => scalar,
                Some(scalar) if self.switches.is_on("pull-project-from-union") => {
                    self.switches.fire("pull-project-from-union");
                    scalar
                }
                Some(_) | None => {
                    sources.0.truncate(n_known);
                    self.carried(shown, column, &branches, &mut sources)
                }
            };
            if self.context.arena[scalar] != Scalar::Column(column) {
                definitions.insert(column, scalar);
            }
        }
        if sources.0.is_empty() {
            let one = self.one();
            let like = self.context.arena.computed_column(one, "one");
            self.carried(vec![one; branches.len()], like, &branches, &mut sources);
        }
        let mut inputs = Vec::with_capacity(branches.len());
        for (index, branch) in branches.into_iter().enumerate() {
            let shown: Vec<ScalarId> = sources.0.iter().map(|(_, shown)| shown[index]).collect();
            inputs.push(self.exposing(branch.plan, &shown));
        }
        let columns = sources.0.into_iter().map(|(id, _)| id).collect();
        (Plan::SetOp { kind: SetOpKind::UnionAll, inputs, columns }, definitions)
    }

    /// One scalar over columns of the union that is, over each branch, what the branch shows.
    fn generalised(&mut self, shown: &[ScalarId], branches: &[Branch], sources: &mut Sources) -> Option<ScalarId> {
        let first = *shown.first()?;
        let arena = &self.context.arena;
        if let Scalar::Column(column) = arena[first] {
            let data_type = arena.column_type(column);
            let is_alike = shown
                .iter()
                .all(|&scalar| matches!(arena[scalar], Scalar::Column(other) if arena.column_type(other) == data_type));
            return is_alike.then(|| self.carried(shown.to_vec(), column, branches, sources));
        }
        if matches!(arena[first], Scalar::Literal(_)) {
            return shown.iter().all(|&scalar| scalar == first).then_some(first);
        }
        let operands: Vec<Vec<ScalarId>> = shown.iter().map(|&scalar| arena.operands(scalar).to_vec()).collect();
        let n_operands = operands[0].len();
        if n_operands == 0
            || operands.iter().any(|list| list.len() != n_operands)
            || arena.volatility(first) == Volatility::Volatile
        {
            return None;
        }
        let mut replaced: Vec<(ScalarId, ScalarId)> = Vec::with_capacity(n_operands);
        for position in 0..n_operands {
            let across: Vec<ScalarId> = operands.iter().map(|list| list[position]).collect();
            replaced.push((operands[0][position], self.generalised(&across, branches, sources)?));
        }
        let made = self.context.arena.substitute(first, &mut |_, found| {
            if found == first { None } else { replaced.iter().find(|(from, _)| *from == found).map(|(_, to)| *to) }
        });
        // Operands may stand in another order in another branch: the shape is right when each branch
        // comes out again.
        let is_right = shown.iter().enumerate().all(|(index, &scalar)| {
            let back: Definitions = sources.0.iter().map(|(id, shown)| (*id, shown[index])).collect();
            self.context.arena.inline_columns(made, &back) == scalar
        });
        is_right.then_some(made)
    }

    /// A column of the union that each branch fills with its member of `shown`.
    fn carried(
        &mut self,
        shown: Vec<ScalarId>,
        like: ColumnId,
        branches: &[Branch],
        sources: &mut Sources,
    ) -> ScalarId {
        if let Some((id, _)) = sources.0.iter().find(|(_, known)| *known == shown) {
            return self.context.arena.column_ref(*id);
        }
        let hint = Arc::clone(self.context.arena.hint(like));
        let mut ids = Vec::with_capacity(shown.len());
        for (branch, &scalar) in branches.iter().zip(&shown) {
            let exposed = branch.plan.columns(&mut self.context.arena);
            ids.push(self.computed_id(scalar, &hint, &exposed));
        }
        let id = self.set_op_column(ids, like, sources);
        sources.0.push((id, shown));
        self.context.arena.column_ref(id)
    }

    /// The id of a column of a set operation: what its inputs put there, in any order. Two columns that
    /// are filled with the same columns crosswise are told apart by a number.
    fn set_op_column(&mut self, mut ids: Vec<ColumnId>, like: ColumnId, sources: &Sources) -> ColumnId {
        ids.sort_unstable();
        let data_type = self.context.arena.column_type(like);
        let hint = Arc::clone(self.context.arena.hint(like));
        let mut position = 0;
        loop {
            let def = ColumnDef::SetOp { position, branches: ids.clone() };
            let id = self.context.arena.column(def, data_type, &hint);
            if sources.0.iter().all(|(known, _)| *known != id) {
                return id;
            }
            position += 1;
        }
    }

    /// `plan` with `shown` as columns of its own, and these columns.
    pub(super) fn exposing(&mut self, plan: Plan, shown: &[ScalarId]) -> (Plan, Vec<ColumnId>) {
        let exposed = plan.columns(&mut self.context.arena);
        let mut ids = Vec::with_capacity(shown.len());
        let mut is_plain = true;
        for &scalar in shown {
            is_plain &= matches!(self.context.arena[scalar], Scalar::Column(_));
            ids.push(self.computed_id(scalar, "value", &exposed));
        }
        if is_plain {
            return (plan, ids);
        }
        let exprs: Vec<(ColumnId, ScalarId)> = ids.iter().copied().zip(shown.iter().copied()).collect();
        let (plan, _) = self.computed(plan, exprs);
        (plan, ids)
    }

    /// `INTERSECT` and `EXCEPT` of branches in normal form.
    fn row_set(&mut self, kind: SetOpKind, branches: Vec<Branch>, columns: &[ColumnId]) -> (Plan, Definitions) {
        let is_intersect = matches!(kind, SetOpKind::Intersect | SetOpKind::IntersectAll);
        let is_distinct = matches!(kind, SetOpKind::Intersect | SetOpKind::Except);
        let is_empty = |branch: &Branch| matches!(peek(&branch.plan), Plan::Empty { .. });
        let has_no_rows =
            if is_intersect { branches.iter().any(is_empty) } else { branches.first().is_some_and(is_empty) };
        if has_no_rows && self.switches.is_on("prune-empty-operator") {
            self.switches.fire("prune-empty-operator");
            return (Plan::Empty { columns: columns.to_vec() }, self.nulls(columns));
        }
        let mut flat: Vec<Branch> = Vec::with_capacity(branches.len());
        for (position, branch) in branches.into_iter().enumerate() {
            if position > 0 && is_empty(&branch) && self.switches.is_on("prune-empty-operator") {
                self.switches.fire("prune-empty-operator");
                continue;
            }
            let mergeable = if is_intersect { Some(kind) } else { (position == 0 && is_distinct).then_some(kind) };
            self.add_row_set_branch(mergeable, is_distinct, branch, &mut flat);
        }
        if is_distinct && self.switches.is_on("prune-repeated-input") {
            let n_before = flat.len();
            let first_kept = usize::from(!is_intersect);
            let mut kept: Vec<Branch> = Vec::with_capacity(flat.len());
            for branch in flat {
                let is_known =
                    kept.iter().skip(first_kept).any(|other| other.plan == branch.plan && other.shown == branch.shown);
                if !is_known || self.facts(&branch.plan).is_volatile {
                    kept.push(branch);
                }
            }
            flat = kept;
            if flat.len() < n_before {
                self.switches.fire("prune-repeated-input");
            }
        }
        if flat.len() == 1
            && let Some(Branch { plan, shown }) = flat.pop()
        {
            let definitions = named(columns, &shown, self.context);
            if !is_distinct {
                return (plan, definitions);
            }
            let keys: Vec<(ColumnId, ScalarId)> =
                columns.iter().map(|&id| (id, self.context.arena.column_ref(id))).collect();
            return self.aggregate_over(plan, &definitions, &keys, Vec::new(), &[]);
        }
        if let Some(filter) = self.filters_of_one(kind, &flat)
            && let Some(Branch { plan, shown }) = flat.first()
        {
            self.switches.fire("convert-row-set-to-filter");
            let (base, shown) = (split_filter(plan).0.clone(), shown.clone());
            let definitions = named(columns, &shown, self.context);
            let (plan, _) = self.filtered(base, &filter, Definitions::default());
            let keys: Vec<(ColumnId, ScalarId)> =
                columns.iter().map(|&id| (id, self.context.arena.column_ref(id))).collect();
            return self.aggregate_over(plan, &definitions, &keys, Vec::new(), &[]);
        }
        let mut sources = Sources::default();
        let mut definitions = Definitions::default();
        for (position, &column) in columns.iter().enumerate() {
            let shown: Vec<ScalarId> = flat.iter().map(|branch| branch.shown[position]).collect();
            let scalar = self.carried(shown, column, &flat, &mut sources);
            definitions.insert(column, scalar);
        }
        let mut inputs = Vec::with_capacity(flat.len());
        for (index, branch) in flat.into_iter().enumerate() {
            let shown: Vec<ScalarId> = sources.0.iter().map(|(_, shown)| shown[index]).collect();
            inputs.push(self.exposing(branch.plan, &shown));
        }
        let ids = sources.0.into_iter().map(|(id, _)| id).collect();
        (Plan::SetOp { kind, inputs, columns: ids }, definitions)
    }

    fn add_row_set_branch(
        &mut self,
        mergeable: Option<SetOpKind>,
        is_distinct: bool,
        branch: Branch,
        branches: &mut Vec<Branch>,
    ) {
        let Branch { plan, shown } = branch;
        let is_all = |columns: &[ColumnId], arena: &isomer_ir::Arena| {
            columns.iter().all(|&id| shown.iter().any(|&scalar| arena[scalar] == Scalar::Column(id)))
                && shown.iter().all(|&scalar| matches!(arena[scalar], Scalar::Column(_)))
        };
        match peek(&plan) {
            // Only the whole rows of the inner operation are compared one by one.
            Plan::SetOp { kind, columns, .. }
                if Some(*kind) == mergeable
                    && is_all(columns, &self.context.arena)
                    && self.switches.is_on("merge-row-sets") =>
            {
                self.switches.fire("merge-row-sets");
                let Plan::SetOp { inputs, columns, .. } = strip_names(plan) else { return };
                for (inner, taken) in inputs {
                    let names: Definitions = columns
                        .iter()
                        .zip(&taken)
                        .map(|(&column, &from)| (column, self.context.arena.column_ref(from)))
                        .collect();
                    let shown = self.resolve_all(&shown, &names);
                    branches.push(dissolved(inner, &shown, self.context));
                }
            }
            // Duplicates do not count below an operation that gives none.
            Plan::Aggregate { keys, calls, .. }
                if is_distinct
                    && calls.is_empty()
                    && !keys.is_empty()
                    && self.switches.is_on("eliminate-distinct-in-row-set") =>
            {
                self.switches.fire("eliminate-distinct-in-row-set");
                let Plan::Aggregate { input, keys, .. } = strip_names(plan) else { return };
                let names: Definitions = keys.into_iter().collect();
                let shown = self.resolve_all(&shown, &names);
                branches.push(Branch { plan: *input, shown });
            }
            _ => branches.push(Branch { plan, shown }),
        }
    }

    /// The filter that an operation on filters of one relation comes to. The filters must read compared
    /// columns only: equal rows could come from different ones otherwise.
    fn filters_of_one(&mut self, kind: SetOpKind, branches: &[Branch]) -> Option<Vec<ScalarId>> {
        if !matches!(kind, SetOpKind::Intersect | SetOpKind::Except)
            || !self.switches.is_on("convert-row-set-to-filter")
        {
            return None;
        }
        let (first, rest) = branches.split_first()?;
        let (base, holds) = split_filter(&first.plan);
        let compared: Vec<ColumnId> = first
            .shown
            .iter()
            .filter_map(|&scalar| if let Scalar::Column(id) = self.context.arena[scalar] { Some(id) } else { None })
            .collect();
        let facts = self.facts(base);
        let is_key = facts.is_unique(&compared);
        if facts.is_volatile {
            return None;
        }
        let mut result = holds.to_vec();
        for branch in rest {
            let (other, own) = split_filter(&branch.plan);
            if other != base || branch.shown != first.shown {
                return None;
            }
            if kind == SetOpKind::Intersect {
                result.extend(own);
            } else {
                let all = self.context.arena.and(own.iter().copied());
                let is_true = self.context.arena.predicate(Function::IsTrue, [all]);
                result.push(self.context.arena.predicate(Function::Not, [is_true]));
            }
        }
        let is_right = result.iter().all(|&predicate| {
            self.context.arena.volatility(predicate) == Volatility::Immutable
                && (is_key || self.context.arena.reads_only(predicate, &compared))
        });
        is_right.then_some(result)
    }
}

/// Columns of a set operation, each with what its inputs put there.
#[derive(Default)]
struct Sources(Vec<(ColumnId, Vec<ScalarId>)>);

/// What `columns` are, where they show `shown`.
fn named(columns: &[ColumnId], shown: &[ScalarId], context: &Context) -> Definitions {
    columns
        .iter()
        .copied()
        .zip(shown.iter().copied())
        .filter(|&(id, scalar)| context.arena[scalar] != Scalar::Column(id))
        .collect()
}

/// A branch without the projection that its plan begins with, where that may be written out.
fn dissolved(plan: Plan, shown: &[ScalarId], context: &mut Context) -> Branch {
    match plan {
        Plan::Project { input, exprs }
            if exprs.iter().all(|&(_, scalar)| {
                context.arena.volatility(scalar) == Volatility::Immutable
                    && context.arena.tree_size(scalar) <= MAX_INLINED_SIZE
            }) =>
        {
            let definitions: Definitions = exprs.into_iter().collect();
            let shown = shown.iter().map(|&scalar| context.arena.inline_columns(scalar, &definitions)).collect();
            Branch { plan: *input, shown }
        }
        plan => Branch { plan, shown: shown.to_vec() },
    }
}

/// A relation and the filter directly above it.
fn split_filter(plan: &Plan) -> (&Plan, &[ScalarId]) {
    match peek(plan) {
        Plan::Filter { input, holds } => (peek(input), holds),
        plan => (plan, &[]),
    }
}

/// A union or an empty relation without the name it stands under: it dissolves into the union above.
fn strip_names_of_union(plan: Plan) -> Plan {
    match peek(&plan) {
        Plan::SetOp { kind: SetOpKind::UnionAll, .. } | Plan::Empty { .. } => strip_names(plan),
        _ => plan,
    }
}
