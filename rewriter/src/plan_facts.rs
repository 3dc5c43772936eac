//! Facts and estimated costs of whole plans, operator by operator.

use isomer_ir::{Plan, Recursion, ScalarId};
use rustc_hash::FxHashMap;

use crate::cost::{operator_cost, read_cost};
use crate::facts::{Facts, facts_of};
use crate::normalize::joins::{flat_inputs, join_operator};
use crate::operator::{Context, Operator};

/// The facts of a plan.
pub(crate) fn plan_facts(context: &mut Context, plan: &Plan) -> Facts {
    match operator_of(plan) {
        Some((operator, inputs)) => {
            let facts: Vec<Facts> = inputs.into_iter().map(|input| plan_facts(context, input)).collect();
            let references: Vec<&Facts> = facts.iter().collect();
            facts_of(context, &operator, &references)
        }
        None => match plan {
            Plan::Named { input, .. } => plan_facts(context, input),
            _ => estimate(context, plan).0,
        },
    }
}

/// The facts of a plan and its estimated cost in cost units. What occurs several times is computed
/// once and read as often, as an engine does with a common table expression.
pub(crate) fn estimate(context: &mut Context, plan: &Plan) -> (Facts, f64) {
    estimate_once(context, plan, &mut FxHashMap::default())
}

fn estimate_once<'p>(context: &mut Context, plan: &'p Plan, seen: &mut FxHashMap<&'p Plan, Facts>) -> (Facts, f64) {
    let is_heavy = matches!(
        plan,
        Plan::Join { .. }
            | Plan::Aggregate { .. }
            | Plan::GroupingSets { .. }
            | Plan::Window { .. }
            | Plan::SetOp { .. }
            | Plan::RecursiveUnion { .. }
    );
    if is_heavy && let Some(facts) = seen.get(plan) {
        return (facts.clone(), read_cost(facts.rows));
    }
    let Some((operator, inputs)) = operator_of(plan) else {
        return match plan {
            Plan::Named { input, .. } => estimate_once(context, input, seen),
            Plan::Distinct { input } => estimate_distinct_rows(context, input, seen),
            _ => (facts_of(context, &Operator::Empty { columns: Vec::new() }, &[]), 0.0),
        };
    };
    let mut cost = 0.0;
    let mut facts = Vec::with_capacity(inputs.len());
    for input in inputs {
        let (input_facts, input_cost) = estimate_once(context, input, seen);
        cost += input_cost;
        facts.push(input_facts);
    }
    let references: Vec<&Facts> = facts.iter().collect();
    let own = facts_of(context, &operator, &references);
    cost += operator_cost(context, &operator, &references, &own);
    if is_heavy {
        seen.insert(plan, own.clone());
    }
    (own, cost)
}

fn estimate_distinct_rows<'p>(
    context: &mut Context,
    input: &'p Plan,
    seen: &mut FxHashMap<&'p Plan, Facts>,
) -> (Facts, f64) {
    let (facts, cost) = estimate_once(context, input, seen);
    let keys = facts.columns.iter().map(|&column| (column, context.arena.column_ref(column))).collect();
    let operator = Operator::Aggregate { keys, calls: Vec::new() };
    let own = facts_of(context, &operator, &[&facts]);
    let own_cost = operator_cost(context, &operator, &[&facts], &own);
    (own, cost + own_cost)
}

/// The operator of a plan's root and its inputs; nested inner joins are one operator. `None` for
/// `Named`, `Distinct` and template holes, which are no operators of the e-graph.
pub(crate) fn operator_of(plan: &Plan) -> Option<(Operator, Vec<&Plan>)> {
    Some(match plan {
        Plan::Scan { table, columns } => {
            (Operator::Scan { table: table.clone(), columns: columns.clone() }, Vec::new())
        }
        Plan::Values { columns, rows } => {
            (Operator::Values { columns: columns.clone(), rows: rows.clone() }, Vec::new())
        }
        Plan::Empty { columns } => {
            let mut columns = columns.clone();
            columns.sort_unstable();
            columns.dedup();
            (Operator::Empty { columns }, Vec::new())
        }
        Plan::Filter { input, holds } => (Operator::Filter { holds: holds.clone() }, vec![&**input]),
        Plan::Project { input, exprs } => (Operator::Project { exprs: exprs.clone() }, vec![&**input]),
        Plan::Join { kind: isomer_ir::JoinKind::Inner, .. } => {
            let mut inputs = Vec::new();
            let mut on: Vec<ScalarId> = Vec::new();
            flat_inputs(plan, &mut inputs, &mut on);
            (Operator::InnerJoin { on }, inputs)
        }
        Plan::Join { kind, left, right, on } => (join_operator(*kind, on.clone()), vec![&**left, &**right]),
        Plan::Aggregate { input, keys, calls } => {
            (Operator::Aggregate { keys: keys.clone(), calls: calls.clone() }, vec![&**input])
        }
        Plan::GroupingSets { input, groups } => (Operator::GroupingSets { groups: groups.clone() }, vec![&**input]),
        Plan::Window { input, calls } => (Operator::Window { calls: calls.clone() }, vec![&**input]),
        Plan::Unnest { input, list, column, position, is_outer } => (
            Operator::Unnest { list: *list, column: *column, position: *position, is_outer: *is_outer },
            vec![&**input],
        ),
        Plan::Sort { input, keys } => (Operator::Sort { keys: keys.clone() }, vec![&**input]),
        Plan::RecursiveUnion { recursion } => {
            let Recursion { base, base_columns, step, step_columns, work, columns, is_distinct } = &**recursion;
            let held = Recursion {
                base: Plan::Empty { columns: Vec::new() },
                base_columns: base_columns.clone(),
                step: step.clone(),
                step_columns: step_columns.clone(),
                work: work.clone(),
                columns: columns.clone(),
                is_distinct: *is_distinct,
            };
            (Operator::RecursiveUnion { recursion: Box::new(held) }, vec![base])
        }
        Plan::WorkTable { columns } => (Operator::WorkTable { columns: columns.clone() }, Vec::new()),
        Plan::Sample { input, sampling } => (Operator::Sample { sampling: sampling.clone() }, vec![&**input]),
        Plan::ScanAt { table, version, columns } => {
            (Operator::ScanAt { table: table.clone(), version: *version, columns: columns.clone() }, Vec::new())
        }
        Plan::Limit { input, skip, fetch } => (Operator::Limit { skip: *skip, fetch: *fetch }, vec![&**input]),
        Plan::SetOp { kind, inputs, columns } => {
            let taken = inputs.iter().map(|(_, taken)| taken.clone()).collect();
            (
                Operator::SetOp { kind: *kind, taken, columns: columns.clone() },
                inputs.iter().map(|(plan, _)| plan).collect(),
            )
        }
        Plan::Instance { input, k } => (Operator::Instance { k: *k }, vec![&**input]),
        Plan::Distinct { .. } | Plan::Named { .. } | Plan::Hole { .. } => return None,
    })
}
