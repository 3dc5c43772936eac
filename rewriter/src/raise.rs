//! The way back: from chosen e-nodes to plans, with the names that users gave and the rules that
//! stand on the path.

use std::sync::Arc;

use isomer_ir::Span;
use isomer_ir::{ColumnId, Plan, Scalar};
use rustc_hash::FxHashMap;

use crate::extract::{Graph, State};
use crate::memo::Memo;
use crate::normalize::joins::left_deep;
use crate::operator::{Context, Operator};

/// A rule on the path, with the class it fired on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) rule: Arc<str>,
    pub(crate) facts: Vec<String>,
    pub(crate) class: usize,
}

/// What is needed to raise a class.
pub(crate) struct Raiser<'a> {
    pub(crate) memo: &'a mut Memo,
    pub(crate) graph: &'a Graph,
    pub(crate) state: &'a State,
    /// Table names of the materialised classes.
    pub(crate) shared_names: &'a FxHashMap<usize, Arc<str>>,
    /// Rules met, in the order of their places from the root down.
    pub(crate) steps: Vec<Step>,
}

impl Raiser<'_> {
    /// The plan of a class; `is_root` when its own stored rows may not be read.
    pub(crate) fn plan(&mut self, class: usize, is_root: bool) -> Plan {
        if !is_root
            && self.state.is_materialised(class)
            && let Some(name) = self.shared_names.get(&class)
        {
            let columns = self.memo.columns(self.graph.id(class)).to_vec();
            return Plan::Scan { table: Arc::clone(name), columns };
        }
        let Some((node, inputs, is_written)) = self.graph.chosen(self.state, class) else {
            return Plan::Empty { columns: self.memo.columns(self.graph.id(class)).to_vec() };
        };
        if !is_written && let Some(origin) = self.memo.origin(node) {
            let step = Step { rule: Arc::clone(&origin.rule), facts: origin.facts.clone(), class };
            if !self.steps.contains(&step) {
                self.steps.push(step);
            }
        }
        let operator = self.memo.operator(node).clone();
        let inputs: Vec<Plan> = inputs.iter().map(|&input| self.plan(input, false)).collect();
        let plan = plan_of(self.memo.context(), operator, inputs);
        match self.memo.names(self.graph.id(class)).first() {
            Some(name) if !matches!(plan, Plan::Scan { .. } | Plan::Named { .. }) => {
                Plan::Named { input: Box::new(plan), name: Arc::clone(name), span: Span::default() }
            }
            _ => plan,
        }
    }
}

/// The plan of an operator over raised inputs.
pub(crate) fn plan_of(context: &Context, operator: Operator, inputs: Vec<Plan>) -> Plan {
    let mut inputs = inputs.into_iter();
    let mut input = || Box::new(inputs.next().unwrap_or(Plan::Empty { columns: Vec::new() }));
    match operator {
        Operator::Scan { table, columns } => Plan::Scan { table, columns },
        Operator::Values { columns, rows } => Plan::Values { columns, rows },
        Operator::Empty { columns } => Plan::Empty { columns },
        Operator::Filter { holds } => Plan::Filter { input: unwrapped(context, input()), holds },
        Operator::Project { exprs } => Plan::Project { input: unwrapped(context, input()), exprs },
        Operator::InnerJoin { on } => left_deep(inputs.collect(), on),
        Operator::Join { kind, on } => Plan::Join { kind, left: input(), right: input(), on },
        Operator::Aggregate { keys, calls } => Plan::Aggregate { input: unwrapped(context, input()), keys, calls },
        Operator::GroupingSets { groups } => Plan::GroupingSets { input: unwrapped(context, input()), groups },
        Operator::Window { calls } => Plan::Window { input: unwrapped(context, input()), calls },
        Operator::Unnest { list, column, position, is_outer } => {
            Plan::Unnest { input: unwrapped(context, input()), list, column, position, is_outer }
        }
        Operator::RecursiveUnion { recursion } => {
            let mut recursion = Box::new(context.with_written_step(*recursion));
            recursion.base = *unwrapped(context, input());
            Plan::RecursiveUnion { recursion }
        }
        Operator::WorkTable { columns } => Plan::WorkTable { columns },
        Operator::Sample { sampling } => Plan::Sample { input: input(), sampling },
        Operator::ScanAt { table, version, columns } => Plan::ScanAt { table, version, columns },
        Operator::Sort { keys } => Plan::Sort { input: input(), keys },
        Operator::Limit { skip, fetch } => Plan::Limit { input: input(), skip, fetch },
        Operator::SetOp { kind, taken, columns } => Plan::SetOp { kind, inputs: inputs.zip(taken).collect(), columns },
        Operator::Instance { k } => Plan::Instance { input: input(), k },
    }
}

/// The input without a projection that only leaves columns out: what is above reads by id.
fn unwrapped(context: &Context, plan: Box<Plan>) -> Box<Plan> {
    let is_narrowing = match crate::normalize::peek(&plan) {
        Plan::Project { exprs, .. } => exprs.iter().all(|&(id, scalar)| context.arena[scalar] == Scalar::Column(id)),
        _ => false,
    };
    if !is_narrowing {
        return plan;
    }
    match crate::normalize::strip_names(*plan) {
        Plan::Project { input, .. } => unwrapped(context, input),
        plan => Box::new(plan),
    }
}

/// Adds to `demand` the columns of each scanned table that `plan` needs for `demanded`.
pub(crate) fn collect_demand(
    context: &mut Context,
    plan: &Plan,
    demanded: &[ColumnId],
    demand: &mut FxHashMap<Arc<str>, Vec<ColumnId>>,
) {
    let mut below: Vec<ColumnId> = Vec::new();
    match plan {
        Plan::Scan { table, columns } => {
            let entry = demand.entry(Arc::clone(table)).or_default();
            entry.extend(demanded.iter().filter(|column| columns.contains(column)));
            entry.sort_unstable();
            entry.dedup();
            return;
        }
        Plan::Values { .. } | Plan::Empty { .. } | Plan::WorkTable { .. } | Plan::ScanAt { .. } | Plan::Hole { .. } => {
            return;
        }
        Plan::Filter { holds, .. } => {
            below.extend_from_slice(demanded);
            below.extend(holds.iter().flat_map(|&scalar| context.arena.columns_of(scalar)));
        }
        Plan::Project { exprs, .. } => {
            below.extend(exprs.iter().flat_map(|&(_, scalar)| context.arena.columns_of(scalar)));
        }
        Plan::Join { on, .. } => {
            below.extend_from_slice(demanded);
            below.extend(on.iter().flat_map(|&scalar| context.arena.columns_of(scalar)));
        }
        Plan::Aggregate { keys, calls, .. } => {
            below.extend(keys.iter().flat_map(|&(_, scalar)| context.arena.columns_of(scalar)));
            for (_, call) in calls {
                below.extend(
                    crate::normalize::aggregate_scalars(call).flat_map(|scalar| context.arena.columns_of(scalar)),
                );
            }
        }
        Plan::GroupingSets { groups, .. } => {
            below.extend(groups.scalars().flat_map(|scalar| context.arena.columns_of(scalar)));
        }
        Plan::Window { calls, .. } => {
            below.extend_from_slice(demanded);
            for (_, call) in calls {
                below
                    .extend(crate::normalize::window_scalars(call).flat_map(|scalar| context.arena.columns_of(scalar)));
            }
        }
        Plan::Unnest { list, .. } => {
            below.extend_from_slice(demanded);
            below.extend(context.arena.columns_of(*list));
        }
        Plan::Sort { keys, .. } => {
            below.extend_from_slice(demanded);
            below.extend(keys.iter().flat_map(|key| context.arena.columns_of(key.scalar)));
        }
        Plan::Limit { .. } | Plan::Named { .. } => below.extend_from_slice(demanded),
        Plan::Distinct { input } => below.extend(input.columns(&mut context.arena)),
        Plan::SetOp { inputs, .. } => {
            for (input, taken) in inputs {
                collect_demand(context, input, taken, demand);
            }
            return;
        }
        Plan::RecursiveUnion { recursion } => {
            collect_demand(context, &recursion.base, &recursion.base_columns, demand);
            collect_demand(context, &recursion.step, &recursion.step_columns, demand);
            return;
        }
        Plan::Sample { input, .. } => below.extend(input.columns(&mut context.arena)),
        Plan::Instance { input, k } => {
            let columns = input.columns(&mut context.arena);
            below.extend(columns.into_iter().filter(|&column| demanded.contains(&context.arena.instance(column, *k))));
        }
    }
    below.sort_unstable();
    below.dedup();
    for input in plan.inputs() {
        collect_demand(context, input, &below, demand);
    }
}

/// Narrows the scans of shared tables to the columns that are stored.
pub(crate) fn narrow_scans(plan: &mut Plan, stored: &FxHashMap<Arc<str>, Vec<ColumnId>>) {
    if let Plan::Scan { table, columns } = plan
        && let Some(kept) = stored.get(table)
    {
        columns.clone_from(kept);
    }
    for input in plan.inputs_mut() {
        narrow_scans(input, stored);
    }
}
