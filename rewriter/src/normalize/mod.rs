//! Normalisation: a written plan becomes the one normal form in which models are compared.
//!
//! Directed rewrites only, all of them never worse: filters sink, projections dissolve into their
//! consumers, outer joins become inner where a filter allows it, sorts vanish in bag context.
//! `relation` takes a plan and the conjuncts that hold above it, and gives a plan with the
//! definitions of those of its columns that it does not compute itself (a deferred projection).
//! Column ids are interned again from the definitions that come out, so that other texts for the
//! same thing meet.

mod aggregates;
mod calls;
mod equalities;
mod filters;
mod group_keys;
mod grouping_sets;
mod inner;
pub(crate) mod joins;
mod limits;
mod linear_sums;
mod outer;
mod prune;
mod recursion;
mod references;
pub(crate) mod roll_up;
mod self_joins;
mod semi;
mod sets;
mod unnest;
mod values;
mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;

use isomer_ir::{ColumnId, Literal, Output, Plan, Scalar, ScalarId, SortKey, Volatility};
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

/// How often a model is brought to normal form again after pruning.
const MAX_ROUNDS: usize = 2;

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
    /// Whether the first round gave what the last one gave.
    pub(crate) is_settled_at_once: bool,
}

/// The state of one model's normalisation.
pub(crate) struct Normalizer<'a> {
    pub(crate) context: &'a mut Context,
    pub(crate) switches: &'a mut Switches,
    pub(crate) templates: &'a ScalarTemplates,
    pub(crate) models: &'a FxHashMap<Arc<str>, ModelRead>,
    simplifier: Simplifier,
    /// How often a model is normalised again at most.
    pub(crate) max_rounds: usize,
}

impl<'a> Normalizer<'a> {
    pub(crate) fn new(
        context: &'a mut Context,
        switches: &'a mut Switches,
        templates: &'a ScalarTemplates,
        models: &'a FxHashMap<Arc<str>, ModelRead>,
    ) -> Self {
        Self { context, switches, templates, models, simplifier: Simplifier::default(), max_rounds: MAX_ROUNDS }
    }

    /// The normal form of a model.
    pub(crate) fn model(&mut self, output: Output) -> NormalModel {
        // A limit in a sub-query has an order for itself only.
        let is_root = !matches!(output.plan, Plan::Named { .. });
        let (sort, plan) = match strip_names(output.plan) {
            Plan::Sort { input, keys } => (keys, *input),
            Plan::Limit { input, skip, fetch } if is_root => {
                let keys = if let Plan::Sort { keys, .. } = peek(&input) { keys.clone() } else { Vec::new() };
                (keys, Plan::Limit { input, skip, fetch })
            }
            plan => (Vec::new(), plan),
        };
        let mut shown: Vec<ScalarId> =
            output.columns.iter().map(|column| self.context.arena.column_ref(column.column)).collect();
        let mut order = sort;
        let mut plan = plan;
        let mut n_changes = 0;
        for round in 0..=self.max_rounds {
            let before = if round == 0 { None } else { Some((plan.clone(), shown.clone(), order.clone())) };
            plan = self.with_columns(plan, &mut shown, &mut order);
            // What was pruned away may have stood between rewrites: the result is normalised again.
            if let Some(before) = before {
                n_changes += usize::from(before.0 != plan || before.1 != shown || before.2 != order);
                if before.0 == plan {
                    break;
                }
            }
        }
        if limits::is_ordered_by(&plan, &order) {
            order.clear();
        }
        if order.is_empty() {
            plan = self.folded_output(plan, &mut shown, &output.columns);
        }
        let exposed = plan.columns(&mut self.context.arena);
        let exprs = output.columns.iter().zip(shown);
        let exprs = exprs.map(|(column, scalar)| (self.computed_id(scalar, &column.name, &exposed), scalar)).collect();
        NormalModel { plan, exprs, order, fired: self.switches.take_fired(), is_settled_at_once: n_changes == 0 }
    }

    /// The normal form of a plan of which only the scalars `shown` and the keys of `order` are read; they
    /// are rewritten over it.
    fn with_columns(&mut self, plan: Plan, shown: &mut [ScalarId], order: &mut Vec<SortKey>) -> Plan {
        let (plan, definitions) = self.relation(plan, Vec::new());
        for scalar in shown.iter_mut() {
            // No row shows a value: only the types are left to tell.
            *scalar = if matches!(peek(&plan), Plan::Empty { .. }) {
                let data_type = self.context.arena.type_of(*scalar);
                self.context.arena.literal(Literal::Null(data_type))
            } else {
                self.resolve(*scalar, &definitions)
            };
        }
        if !order.is_empty() {
            let facts = self.facts(&plan);
            *order = match facts.max_rows {
                Some(..=1) => Vec::new(),
                _ => self.kept_keys(std::mem::take(order), &definitions, &plan, &facts),
            };
        }
        let scalars = shown.iter().copied().chain(order.iter().map(|key| key.scalar));
        let demanded: Vec<ColumnId> =
            scalars.flat_map(|scalar| self.context.arena.columns_of(scalar)).copied().collect();
        prune(self.context, self.switches, plan, &demanded)
    }

    /// A scalar over the plan's own columns, simplified.
    pub(crate) fn resolve(&mut self, scalar: ScalarId, definitions: &Definitions) -> ScalarId {
        let inlined =
            if definitions.is_empty() { scalar } else { self.context.arena.inline_columns(scalar, definitions) };
        self.simplifier.scalar(&mut self.context.arena, inlined, self.switches, self.templates)
    }

    pub(super) fn resolve_all(&mut self, scalars: &[ScalarId], definitions: &Definitions) -> Vec<ScalarId> {
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
            // The name is that of the recursion, not of what is filtered above it.
            Plan::Named { input, name, span } if matches!(peek(&input), Plan::RecursiveUnion { .. }) => {
                let (plan, definitions) = self.relation(*input, Vec::new());
                let plan =
                    if is_worth_naming(&plan) { Plan::Named { input: Box::new(plan), name, span } } else { plan };
                self.filtered(plan, &conds, definitions)
            }
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
            Plan::Limit { input, skip, fetch } => self.limit(*input, skip, fetch, &conds),
            Plan::Instance { input, k } => self.instance(*input, k, &conds),
            Plan::Join { kind, left, right, on } => {
                if let Some(cond) = self.as_list(kind, &right, &on) {
                    conds.push(cond);
                    return self.relation(*left, conds);
                }
                self.join(kind, *left, *right, on, conds)
            }
            Plan::Aggregate { input, keys, calls } => self.aggregate(*input, &keys, calls, conds),
            Plan::Distinct { input } => {
                let columns = input.columns(&mut self.context.arena);
                let keys: Vec<(ColumnId, ScalarId)> =
                    columns.into_iter().map(|id| (id, self.context.arena.column_ref(id))).collect();
                self.switches.fire("convert-distinct-to-aggregate");
                self.aggregate(*input, &keys, Vec::new(), conds)
            }
            Plan::GroupingSets { input, groups } => self.grouping_sets(*input, &groups, conds),
            Plan::Window { input, calls } => self.window(*input, calls, conds),
            Plan::Unnest { input, list, column, position, is_outer } => {
                self.unnest(*input, unnest::Unnesting { list, column, position, is_outer }, &conds)
            }
            Plan::RecursiveUnion { recursion } => self.recursion(*recursion, &conds),
            Plan::WorkTable { .. } => self.filtered(plan, &conds, Definitions::default()),
            Plan::Sample { input, sampling } => self.sample(*input, sampling, &conds),
            Plan::ScanAt { table, version, columns } => self.scan_at(table, version, columns, &conds),
            Plan::SetOp { kind, inputs, columns } => self.set_op(kind, inputs, &columns, conds),
        }
    }

    /// `Filter(conds, plan)` over a plan that is in normal form already.
    pub(crate) fn filtered(&mut self, plan: Plan, conds: &[ScalarId], definitions: Definitions) -> (Plan, Definitions) {
        let mut resolved = self.resolve_all(conds, &definitions);
        for cond in &mut resolved {
            *cond = self.without_null_tests(*cond, &plan);
        }
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
        let holds = self.holds_among(holds, &[&plan]);
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
        let resolved: Vec<(ColumnId, ScalarId)> = exprs
            .into_iter()
            .map(|(id, scalar)| {
                let scalar = self.resolve(scalar, &inner);
                (id, self.without_null_tests(scalar, &plan))
            })
            .collect();
        let resolved = self.all_among(resolved, &plan);
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

/// Names are kept where a reader would expect a named sub-query.
fn is_worth_naming(plan: &Plan) -> bool {
    match plan {
        Plan::Join { .. }
        | Plan::Aggregate { .. }
        | Plan::GroupingSets { .. }
        | Plan::Unnest { .. }
        | Plan::Window { .. }
        | Plan::SetOp { .. }
        | Plan::Limit { .. }
        | Plan::RecursiveUnion { .. }
        | Plan::Sample { .. }
        | Plan::Project { .. } => true,
        Plan::Filter { input, .. } => is_worth_naming(input),
        Plan::Scan { .. }
        | Plan::Values { .. }
        | Plan::Empty { .. }
        | Plan::Distinct { .. }
        | Plan::Sort { .. }
        | Plan::Instance { .. }
        | Plan::Named { .. }
        | Plan::WorkTable { .. }
        | Plan::ScanAt { .. }
        | Plan::Hole { .. } => false,
    }
}
