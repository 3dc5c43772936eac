//! Normalisation: a written plan becomes the one normal form in which models are compared.
//!
//! Directed rewrites only, all of them never worse: filters sink, projections dissolve into their
//! consumers, outer joins become inner where a filter allows it, sorts vanish in bag context.
//! `relation` takes a plan and the conjuncts that hold above it, and gives a plan with the
//! definitions of those of its columns that it does not compute itself (a deferred projection).
//! Column ids are interned again from the definitions that come out, so that other texts for the
//! same thing meet.

mod aggregates;
pub(crate) mod joins;
mod prune;

use std::collections::BTreeMap;
use std::sync::Arc;

use isomer_ir::{ColumnDef, ColumnId, Literal, Output, Plan, Scalar, ScalarId, SetOpKind, SortKey, Volatility};
use rustc_hash::FxHashMap;

use crate::facts::Facts;
use crate::operator::Context;
use crate::plan_facts::plan_facts;
use crate::simplify::{Simplifier, Switches, is_false};
use crate::templates::ScalarTemplates;

pub(crate) use prune::{aggregate_scalars, is_column, prune, window_scalars};

/// Largest definition that is written out at every place of use, in scalar nodes. Larger ones, and
/// volatile ones, are computed once by a projection.
const MAX_INLINED_SIZE: u64 = 200;

/// What a column that a plan does not expose itself is computed from.
pub(crate) type Definitions = FxHashMap<ColumnId, ScalarId>;

/// How another model's table is read.
#[derive(Debug, Clone)]
pub(crate) enum ModelRead {
    /// Inlined: its plan and what its columns (by position) show.
    Inline(Output),
    /// Read as a table whose columns are these ids.
    Table(Vec<ColumnId>),
}

/// A model in normal form.
#[derive(Debug, Clone)]
pub(crate) struct NormalModel {
    /// The rows.
    pub(crate) plan: Plan,
    /// For each output column its id and its definition over `plan`.
    pub(crate) exprs: Vec<(ColumnId, ScalarId)>,
    /// Order of the result, over `plan`.
    pub(crate) order: Vec<SortKey>,
    /// Rules that fired, with how often.
    pub(crate) fired: BTreeMap<Arc<str>, usize>,
}

/// The state of one model's normalisation.
pub(crate) struct Normalizer<'a> {
    pub(crate) context: &'a mut Context,
    pub(crate) switches: &'a mut Switches,
    pub(crate) templates: &'a ScalarTemplates,
    pub(crate) models: &'a FxHashMap<Arc<str>, ModelRead>,
    simplifier: Simplifier,
}

impl<'a> Normalizer<'a> {
    pub(crate) fn new(
        context: &'a mut Context,
        switches: &'a mut Switches,
        templates: &'a ScalarTemplates,
        models: &'a FxHashMap<Arc<str>, ModelRead>,
    ) -> Self {
        Self { context, switches, templates, models, simplifier: Simplifier::default() }
    }

    /// The normal form of a model.
    pub(crate) fn model(&mut self, output: Output) -> NormalModel {
        let (sort, plan) = match strip_names(output.plan) {
            Plan::Sort { input, keys } => (keys, *input),
            plan => (Vec::new(), plan),
        };
        let (plan, mut definitions) = self.relation(plan, Vec::new());
        if matches!(peek(&plan), Plan::Empty { .. }) {
            // No row shows a value: only the types are left to tell.
            let shown: Vec<ColumnId> = output.columns.iter().map(|column| column.column).collect();
            definitions = self.nulls(&shown);
        }
        let exposed = plan.columns(&mut self.context.arena);
        let mut exprs = Vec::with_capacity(output.columns.len());
        for column in &output.columns {
            let scalar = self.context.arena.column_ref(column.column);
            let scalar = self.resolve(scalar, &definitions);
            exprs.push((self.computed_id(scalar, &column.name, &exposed), scalar));
        }
        let order = self.sort_keys(sort, &definitions, &plan);
        let mut demanded: Vec<ColumnId> = Vec::new();
        for scalar in exprs.iter().map(|(_, scalar)| *scalar).chain(order.iter().map(|key| key.scalar)) {
            demanded.extend(self.context.arena.columns_of(scalar));
        }
        let plan = prune(self.context, self.switches, plan, &demanded);
        NormalModel { plan, exprs, order, fired: self.switches.take_fired() }
    }

    /// A scalar over the plan's own columns, simplified.
    pub(crate) fn resolve(&mut self, scalar: ScalarId, definitions: &Definitions) -> ScalarId {
        let inlined =
            if definitions.is_empty() { scalar } else { self.context.arena.inline_columns(scalar, definitions) };
        self.simplifier.scalar(&mut self.context.arena, inlined, self.switches, self.templates)
    }

    fn resolve_all(&mut self, scalars: &[ScalarId], definitions: &Definitions) -> Vec<ScalarId> {
        scalars.iter().map(|&scalar| self.resolve(scalar, definitions)).collect()
    }

    pub(crate) fn simplified_holds(&mut self, holds: &[ScalarId]) -> Vec<ScalarId> {
        self.simplifier.holds(&mut self.context.arena, holds, self.switches, self.templates)
    }

    pub(crate) fn facts(&mut self, plan: &Plan) -> Facts {
        plan_facts(self.context, plan)
    }

    /// The normal form of `Filter(conds, plan)`.
    pub(crate) fn relation(&mut self, plan: Plan, mut conds: Vec<ScalarId>) -> (Plan, Definitions) {
        match plan {
            Plan::Scan { table, columns } => self.scan(table, columns, &conds),
            Plan::Values { columns, rows } => self.values(&columns, &rows, &conds),
            Plan::Empty { columns } => (Plan::Empty { columns }, Definitions::default()),
            Plan::Hole { .. } => (plan, Definitions::default()),
            Plan::Named { input, name, span } => {
                let (plan, definitions) = self.relation(*input, conds);
                let plan =
                    if is_worth_naming(&plan) { Plan::Named { input: Box::new(plan), name, span } } else { plan };
                (plan, definitions)
            }
            Plan::Filter { input, holds } => {
                if !conds.is_empty() {
                    self.switches.fire("merge-filters");
                }
                conds.extend(holds);
                self.relation(*input, conds)
            }
            Plan::Project { input, exprs } => self.project(*input, exprs, conds),
            Plan::Sort { input, .. } => {
                self.switches.fire("eliminate-sort-in-bag");
                self.relation(*input, conds)
            }
            Plan::Limit { input, skip, fetch } => self.limit(*input, skip, fetch, conds),
            Plan::Instance { input, k } => self.instance(*input, k, &conds),
            Plan::Join { kind, left, right, on } => self.join(kind, *left, *right, on, conds),
            Plan::Aggregate { input, keys, calls } => self.aggregate(*input, &keys, calls, conds),
            Plan::Distinct { input } => {
                let columns = input.columns(&mut self.context.arena);
                let keys: Vec<(ColumnId, ScalarId)> =
                    columns.into_iter().map(|id| (id, self.context.arena.column_ref(id))).collect();
                self.switches.fire("convert-distinct-to-aggregate");
                self.aggregate(*input, &keys, Vec::new(), conds)
            }
            Plan::Window { input, calls } => self.window(*input, calls, conds),
            Plan::SetOp { kind, inputs, columns } => self.set_op(kind, inputs, &columns, conds),
        }
    }

    /// `Filter(conds, plan)` over a plan that is in normal form already.
    pub(crate) fn filtered(&mut self, plan: Plan, conds: &[ScalarId], definitions: Definitions) -> (Plan, Definitions) {
        let mut resolved = self.resolve_all(conds, &definitions);
        let plan = match plan {
            Plan::Filter { input, holds } if !resolved.is_empty() => {
                resolved.extend(holds);
                *input
            }
            plan => plan,
        };
        if resolved.is_empty() {
            return (plan, definitions);
        }
        let holds = self.simplified_holds(&resolved);
        if is_false(&self.context.arena, &holds) {
            let columns = plan.columns(&mut self.context.arena);
            return (Plan::Empty { columns }, definitions);
        }
        let plan = if holds.is_empty() { plan } else { Plan::Filter { input: Box::new(plan), holds } };
        (plan, definitions)
    }

    fn scan(&mut self, table: Arc<str>, columns: Vec<ColumnId>, conds: &[ScalarId]) -> (Plan, Definitions) {
        match self.models.get(&table) {
            Some(ModelRead::Inline(output)) => {
                let output = output.clone();
                let shown: Definitions = columns
                    .iter()
                    .zip(&output.columns)
                    .map(|(&column, shown)| (column, self.context.arena.column_ref(shown.column)))
                    .collect();
                let conds: Vec<ScalarId> =
                    conds.iter().map(|&cond| self.context.arena.inline_columns(cond, &shown)).collect();
                let (plan, inner) = self.relation(output.plan, conds);
                let definitions = columns
                    .iter()
                    .zip(&output.columns)
                    .map(|(&column, shown)| {
                        let scalar = self.context.arena.column_ref(shown.column);
                        (column, self.resolve(scalar, &inner))
                    })
                    .collect();
                (plan, definitions)
            }
            Some(ModelRead::Table(ids)) => {
                let ids = ids.clone();
                let definitions: Definitions = columns
                    .iter()
                    .zip(&ids)
                    .map(|(&column, &id)| (column, self.context.arena.column_ref(id)))
                    .collect();
                self.filtered(Plan::Scan { table, columns: ids }, conds, definitions)
            }
            None => self.filtered(Plan::Scan { table, columns }, conds, Definitions::default()),
        }
    }

    fn values(&mut self, columns: &[ColumnId], rows: &[Vec<ScalarId>], conds: &[ScalarId]) -> (Plan, Definitions) {
        let empty = Definitions::default();
        let rows: Vec<Vec<ScalarId>> = rows.iter().map(|row| self.resolve_all(row, &empty)).collect();
        let mut definitions = Definitions::default();
        let mut ids = Vec::with_capacity(columns.len());
        for (position, &column) in columns.iter().enumerate() {
            let values = rows.iter().filter_map(|row| row.get(position).copied()).collect();
            let data_type = self.context.arena.column_type(column);
            let hint = Arc::clone(self.context.arena.hint(column));
            let def = ColumnDef::Values { position: u32::try_from(position).unwrap_or(u32::MAX), values };
            let id = self.context.arena.column(def, data_type, &hint);
            if id != column {
                definitions.insert(column, self.context.arena.column_ref(id));
            }
            ids.push(id);
        }
        self.filtered(Plan::Values { columns: ids, rows }, conds, definitions)
    }

    fn project(&mut self, input: Plan, exprs: Vec<(ColumnId, ScalarId)>, conds: Vec<ScalarId>) -> (Plan, Definitions) {
        let outer: Definitions = exprs.iter().copied().collect();
        let is_volatile = |this: &Self, scalar: ScalarId| this.context.arena.volatility(scalar) == Volatility::Volatile;
        let mut below = Vec::new();
        let mut above = Vec::new();
        for cond in conds {
            let reads_volatile = self
                .context
                .arena
                .columns_of(cond)
                .iter()
                .any(|column| outer.get(column).is_some_and(|&scalar| is_volatile(self, scalar)));
            if reads_volatile || is_volatile(self, cond) || !self.switches.is_on("push-filter-into-project") {
                above.push(cond);
            } else {
                self.switches.fire("push-filter-into-project");
                below.push(self.context.arena.inline_columns(cond, &outer));
            }
        }
        let (plan, inner) = self.relation(input, below);
        let resolved: Vec<(ColumnId, ScalarId)> =
            exprs.into_iter().map(|(id, scalar)| (id, self.resolve(scalar, &inner))).collect();
        let is_barrier = resolved.iter().any(|&(_, scalar)| {
            !matches!(self.context.arena[scalar], Scalar::Column(_))
                && (is_volatile(self, scalar) || self.context.arena.tree_size(scalar) > MAX_INLINED_SIZE)
        });
        if !is_barrier {
            let definitions =
                resolved.into_iter().filter(|&(id, scalar)| self.context.arena[scalar] != Scalar::Column(id)).collect();
            return self.filtered(plan, &above, definitions);
        }
        let (plan, definitions) = self.computed(plan, resolved);
        self.filtered(plan, &above, definitions)
    }

    /// The id of a scalar that is computed over a relation with the columns `exposed`. One of them may
    /// have the same definition and another value: it was computed below an outer join, which padded it.
    pub(crate) fn computed_id(&mut self, scalar: ScalarId, hint: &str, exposed: &[ColumnId]) -> ColumnId {
        let id = self.context.arena.computed_column(scalar, hint);
        if is_column(&self.context.arena, scalar, id) { id } else { self.context.arena.variant_outside(id, exposed) }
    }

    /// A projection that computes `exprs`; their ids are interned from the definitions.
    pub(crate) fn computed(&mut self, plan: Plan, exprs: Vec<(ColumnId, ScalarId)>) -> (Plan, Definitions) {
        let exposed = plan.columns(&mut self.context.arena);
        let mut definitions = Definitions::default();
        let mut computed = Vec::with_capacity(exprs.len());
        for (id, scalar) in exprs {
            let hint = Arc::clone(self.context.arena.hint(id));
            let new = self.computed_id(scalar, &hint, &exposed);
            if new != id {
                definitions.insert(id, self.context.arena.column_ref(new));
            }
            computed.push((new, scalar));
        }
        computed.sort_by_key(|(id, _)| *id);
        computed.dedup_by_key(|(id, _)| *id);
        if matches!(peek(&plan), Plan::Empty { .. }) && self.switches.is_on("prune-empty-operator") {
            self.switches.fire("prune-empty-operator");
            return (Plan::Empty { columns: computed.into_iter().map(|(id, _)| id).collect() }, definitions);
        }
        (Plan::Project { input: Box::new(plan), exprs: computed }, definitions)
    }

    /// `plan` with every one of `columns` exposed by itself.
    pub(crate) fn exposed(
        &mut self,
        plan: Plan,
        definitions: &Definitions,
        columns: &[ColumnId],
    ) -> (Plan, Definitions) {
        let is_plain = columns.iter().all(|column| {
            definitions.get(column).is_none_or(|&scalar| matches!(self.context.arena[scalar], Scalar::Column(_)))
        });
        if is_plain {
            return (plan, definitions.clone());
        }
        let exprs = columns
            .iter()
            .map(|&column| {
                let scalar = self.context.arena.column_ref(column);
                (column, self.resolve(scalar, definitions))
            })
            .collect();
        self.computed(plan, exprs)
    }

    fn limit(&mut self, input: Plan, skip: u64, fetch: Option<u64>, conds: Vec<ScalarId>) -> (Plan, Definitions) {
        let (keys, input) = match strip_names(input) {
            Plan::Sort { input, keys } => (keys, *input),
            input => (Vec::new(), input),
        };
        let (plan, definitions) = match (keys.is_empty(), input) {
            (true, Plan::Limit { input, skip: inner_skip, fetch: inner_fetch })
                if self.switches.is_on("merge-limits") =>
            {
                self.switches.fire("merge-limits");
                let left = inner_fetch.map(|rows| rows.saturating_sub(skip));
                let merged = match (left, fetch) {
                    (Some(left), Some(fetch)) => Some(left.min(fetch)),
                    (left, fetch) => left.or(fetch),
                };
                return self.limit(*input, inner_skip.saturating_add(skip), merged, conds);
            }
            (_, input) => self.relation(input, Vec::new()),
        };
        if fetch == Some(0) && self.switches.is_on("eliminate-zero-limit") {
            self.switches.fire("eliminate-zero-limit");
            let columns = plan.columns(&mut self.context.arena);
            return (Plan::Empty { columns }, definitions);
        }
        let bound = self.facts(&plan).max_rows;
        // With an order the limit stays: at the root of a model the order is the user's.
        if skip == 0
            && keys.is_empty()
            && self.switches.is_on("eliminate-limit-by-row-bound")
            && bound.is_some_and(|rows| fetch.is_none_or(|fetch| rows <= fetch))
        {
            self.switches.fire("eliminate-limit-by-row-bound");
            return self.filtered(plan, &conds, definitions);
        }
        let keys = self.sort_keys(keys, &definitions, &plan);
        let plan = if keys.is_empty() { plan } else { Plan::Sort { input: Box::new(plan), keys } };
        let plan = Plan::Limit { input: Box::new(plan), skip, fetch };
        self.filtered(plan, &conds, definitions)
    }

    fn sort_keys(&mut self, keys: Vec<SortKey>, definitions: &Definitions, plan: &Plan) -> Vec<SortKey> {
        let constants = self.facts(plan).constants;
        let mut kept: Vec<SortKey> = Vec::with_capacity(keys.len());
        for key in keys {
            let scalar = self.resolve(key.scalar, definitions);
            let is_constant = match &self.context.arena[scalar] {
                Scalar::Literal(_) => true,
                Scalar::Column(column) => constants.iter().any(|(constant, _)| constant == column),
                Scalar::Outer(_)
                | Scalar::Call { .. }
                | Scalar::Case { .. }
                | Scalar::Cast { .. }
                | Scalar::InList { .. }
                | Scalar::Hole(_) => false,
            };
            if is_constant && self.switches.is_on("prune-constant-sort-key") {
                self.switches.fire("prune-constant-sort-key");
            } else if kept.iter().any(|earlier| earlier.scalar == scalar)
                && self.switches.is_on("prune-duplicate-sort-key")
            {
                self.switches.fire("prune-duplicate-sort-key");
            } else {
                kept.push(SortKey { scalar, ..key });
            }
        }
        kept
    }

    fn instance(&mut self, input: Plan, k: u32, conds: &[ScalarId]) -> (Plan, Definitions) {
        let columns = input.columns(&mut self.context.arena);
        let mut inverse = Definitions::default();
        for &column in &columns {
            let renamed = self.context.arena.instance(column, k);
            inverse.insert(renamed, self.context.arena.column_ref(column));
        }
        let conds = conds.iter().map(|&cond| self.context.arena.inline_columns(cond, &inverse)).collect();
        let (plan, inner) = self.relation(input, conds);
        let (plan, rename) = self.instanced(plan, k);
        let mut definitions = Definitions::default();
        for column in columns {
            let renamed = self.context.arena.instance(column, k);
            let scalar = self.context.arena.column_ref(column);
            let scalar = self.resolve(scalar, &inner);
            let scalar = self.context.arena.inline_columns(scalar, &rename);
            if self.context.arena[scalar] != Scalar::Column(renamed) {
                definitions.insert(renamed, scalar);
            }
        }
        (plan, definitions)
    }

    /// `Instance(k, plan)` and how its columns are called now.
    pub(crate) fn instanced(&mut self, plan: Plan, k: u32) -> (Plan, Definitions) {
        let mut rename = Definitions::default();
        for column in plan.columns(&mut self.context.arena) {
            let renamed = self.context.arena.instance(column, k);
            rename.insert(column, self.context.arena.column_ref(renamed));
        }
        (Plan::Instance { input: Box::new(plan), k }, rename)
    }

    fn window(
        &mut self,
        input: Plan,
        calls: Vec<(ColumnId, isomer_ir::WindowCall)>,
        conds: Vec<ScalarId>,
    ) -> (Plan, Definitions) {
        let mut below = Vec::new();
        let mut above = Vec::new();
        for cond in conds {
            let columns = self.context.arena.columns_of(cond);
            // Whole partitions come and go together, so nothing changes for the rows that stay.
            let is_on_partition = !columns.is_empty()
                && calls.iter().all(|(_, call)| {
                    columns.iter().all(|&column| {
                        call.partition.iter().any(|&key| self.context.arena[key] == Scalar::Column(column))
                    })
                });
            let is_stable = self.context.arena.volatility(cond) != Volatility::Volatile;
            if is_on_partition && is_stable && self.switches.is_on("push-filter-into-window") {
                self.switches.fire("push-filter-into-window");
                below.push(cond);
            } else {
                above.push(cond);
            }
        }
        let (plan, mut definitions) = self.relation(input, below);
        let exposed = plan.columns(&mut self.context.arena);
        let mut mapped: Vec<(ColumnId, isomer_ir::WindowCall)> = Vec::with_capacity(calls.len());
        for (id, call) in calls {
            let call = self.resolve_window(&call, &definitions);
            let hint = Arc::clone(self.context.arena.hint(id));
            let new = self.context.arena.window_column(&call, &hint);
            let new = self.context.arena.variant_outside(new, &exposed);
            definitions.insert(id, self.context.arena.column_ref(new));
            if !mapped.iter().any(|(other, _)| *other == new) {
                mapped.push((new, call));
            }
        }
        mapped.sort_by_key(|(id, _)| *id);
        definitions.retain(|id, scalar| self.context.arena[*scalar] != Scalar::Column(*id));
        if matches!(plan, Plan::Empty { .. }) {
            self.switches.fire("prune-empty-operator");
            let columns = exposed.into_iter().chain(mapped.iter().map(|(id, _)| *id)).collect();
            return (Plan::Empty { columns }, definitions);
        }
        let plan = Plan::Window { input: Box::new(plan), calls: mapped };
        self.filtered(plan, &above, definitions)
    }

    fn resolve_window(&mut self, call: &isomer_ir::WindowCall, definitions: &Definitions) -> isomer_ir::WindowCall {
        let mut partition: isomer_ir::Args = call.partition.iter().map(|&key| self.resolve(key, definitions)).collect();
        partition.sort_unstable();
        partition.dedup();
        isomer_ir::WindowCall {
            args: call.args.iter().map(|&arg| self.resolve(arg, definitions)).collect(),
            filter: call.filter.map(|filter| self.resolve(filter, definitions)),
            partition,
            order: call
                .order
                .iter()
                .map(|key| SortKey { scalar: self.resolve(key.scalar, definitions), ..*key })
                .collect(),
            ..call.clone()
        }
    }

    fn set_op(
        &mut self,
        kind: SetOpKind,
        inputs: Vec<(Plan, Vec<ColumnId>)>,
        columns: &[ColumnId],
        conds: Vec<ScalarId>,
    ) -> (Plan, Definitions) {
        let is_union = matches!(kind, SetOpKind::UnionAll | SetOpKind::Union);
        let (below, above): (Vec<ScalarId>, Vec<ScalarId>) = conds.into_iter().partition(|&cond| {
            is_union
                && self.switches.is_on("push-filter-into-union")
                && self.context.arena.volatility(cond) != Volatility::Volatile
        });
        if !below.is_empty() {
            self.switches.fire("push-filter-into-union");
        }
        let mut branches: Vec<(Plan, Vec<ColumnId>)> = Vec::with_capacity(inputs.len());
        for (input, taken) in inputs {
            let shown: Definitions = columns
                .iter()
                .zip(&taken)
                .map(|(&column, &from)| (column, self.context.arena.column_ref(from)))
                .collect();
            let conds = below.iter().map(|&cond| self.context.arena.inline_columns(cond, &shown)).collect();
            let (plan, definitions) = self.relation(input, conds);
            let (plan, definitions) = self.exposed(plan, &definitions, &taken);
            let taken: Vec<ColumnId> = taken
                .iter()
                .map(|column| match definitions.get(column).map(|&scalar| &self.context.arena[scalar]) {
                    Some(Scalar::Column(id)) => *id,
                    _ => *column,
                })
                .collect();
            self.add_branch(kind, plan, taken, &mut branches);
        }
        self.set_op_over(kind, branches, columns, &above)
    }

    fn add_branch(
        &mut self,
        kind: SetOpKind,
        plan: Plan,
        taken: Vec<ColumnId>,
        branches: &mut Vec<(Plan, Vec<ColumnId>)>,
    ) {
        let is_union = matches!(kind, SetOpKind::UnionAll | SetOpKind::Union);
        match strip_names_of_union(plan) {
            Plan::Empty { .. } if is_union && self.switches.is_on("prune-empty-union-branch") => {
                self.switches.fire("prune-empty-union-branch");
            }
            Plan::SetOp { kind: SetOpKind::UnionAll, inputs, columns }
                if is_union && self.switches.is_on("merge-unions") =>
            {
                self.switches.fire("merge-unions");
                for (inner, inner_taken) in inputs {
                    let through = taken
                        .iter()
                        .map(|column| {
                            let position = columns.iter().position(|other| other == column).unwrap_or(0);
                            inner_taken.get(position).copied().unwrap_or(*column)
                        })
                        .collect();
                    branches.push((inner, through));
                }
            }
            plan => branches.push((plan, taken)),
        }
    }

    fn set_op_over(
        &mut self,
        kind: SetOpKind,
        branches: Vec<(Plan, Vec<ColumnId>)>,
        columns: &[ColumnId],
        above: &[ScalarId],
    ) -> (Plan, Definitions) {
        let mut ids = Vec::with_capacity(columns.len());
        let mut definitions = Definitions::default();
        for (position, &column) in columns.iter().enumerate() {
            let sources: Vec<ColumnId> =
                branches.iter().filter_map(|(_, taken)| taken.get(position).copied()).collect();
            let data_type = self.context.arena.column_type(column);
            let hint = Arc::clone(self.context.arena.hint(column));
            let def = ColumnDef::SetOp { position: u32::try_from(position).unwrap_or(u32::MAX), branches: sources };
            let id = self.context.arena.column(def, data_type, &hint);
            if id != column {
                definitions.insert(column, self.context.arena.column_ref(id));
            }
            ids.push(id);
        }
        if branches.is_empty() {
            self.switches.fire("prune-empty-operator");
            return (Plan::Empty { columns: ids }, definitions);
        }
        if kind == SetOpKind::Union && self.switches.is_on("convert-union-to-distinct") {
            self.switches.fire("convert-union-to-distinct");
            let union = Plan::SetOp { kind: SetOpKind::UnionAll, inputs: branches, columns: ids.clone() };
            let keys = ids.iter().map(|&id| (id, self.context.arena.column_ref(id))).collect();
            let plan = Plan::Aggregate { input: Box::new(union), keys, calls: Vec::new() };
            return self.filtered(plan, above, definitions);
        }
        self.filtered(Plan::SetOp { kind, inputs: branches, columns: ids }, above, definitions)
    }

    /// A typed NULL for each of these columns.
    pub(crate) fn nulls(&mut self, columns: &[ColumnId]) -> Definitions {
        columns
            .iter()
            .map(|&column| {
                let data_type = self.context.arena.column_type(column);
                (column, self.context.arena.literal(Literal::Null(data_type)))
            })
            .collect()
    }
}

/// The plan below its names.
pub(crate) fn strip_names(mut plan: Plan) -> Plan {
    while let Plan::Named { input, .. } = plan {
        plan = *input;
    }
    plan
}

/// The plan below its names, without taking it apart.
pub(crate) fn peek(mut plan: &Plan) -> &Plan {
    while let Plan::Named { input, .. } = plan {
        plan = input;
    }
    plan
}

/// A union or an empty relation without the name it stands under: it dissolves into the union above.
fn strip_names_of_union(plan: Plan) -> Plan {
    match peek(&plan) {
        Plan::SetOp { kind: SetOpKind::UnionAll, .. } | Plan::Empty { .. } => strip_names(plan),
        _ => plan,
    }
}

/// Names are kept where a reader would expect a named sub-query.
fn is_worth_naming(plan: &Plan) -> bool {
    match plan {
        Plan::Join { .. }
        | Plan::Aggregate { .. }
        | Plan::Window { .. }
        | Plan::SetOp { .. }
        | Plan::Limit { .. }
        | Plan::Project { .. } => true,
        Plan::Filter { input, .. } => is_worth_naming(input),
        Plan::Scan { .. }
        | Plan::Values { .. }
        | Plan::Empty { .. }
        | Plan::Distinct { .. }
        | Plan::Sort { .. }
        | Plan::Instance { .. }
        | Plan::Named { .. }
        | Plan::Hole { .. } => false,
    }
}
