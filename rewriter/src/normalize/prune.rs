//! Top-down demand: what nobody above reads is not computed, and joins that only repeat their
//! input are dropped.
//!
//! Pruning changes schemas, so it is done on plans before they enter the e-graph, never as a union
//! within a class. Scans stay wide: the emitters write only the columns that are read.

use isomer_ir::{
    AggregateCall, Arena, ColumnDef, ColumnId, DataType, JoinKind, Literal, Plan, Scalar, ScalarId, SetOpKind,
    WindowCall,
};

use super::joins::left_deep;
use crate::facts::{Facts, matches_key};
use crate::operator::Context;
use crate::plan_facts::plan_facts;
use crate::simplify::Switches;

/// `plan` without what is not needed for `demanded`, columns that the plan exposes.
pub(crate) fn prune(context: &mut Context, switches: &mut Switches, plan: Plan, demanded: &[ColumnId]) -> Plan {
    let mut demanded = demanded.to_vec();
    demanded.sort_unstable();
    demanded.dedup();
    prune_sorted(context, switches, plan, demanded)
}

fn add(arena: &Arena, demanded: &mut Vec<ColumnId>, scalars: impl IntoIterator<Item = ScalarId>) {
    for scalar in scalars {
        demanded.extend(arena.columns_of(scalar));
    }
    demanded.sort_unstable();
    demanded.dedup();
}

/// Every scalar of an aggregate call.
pub(crate) fn aggregate_scalars(call: &AggregateCall) -> impl Iterator<Item = ScalarId> + '_ {
    call.args.iter().copied().chain(call.filter).chain(call.order.iter().map(|key| key.scalar))
}

/// Every scalar of a window call; frame offsets read no columns.
pub(crate) fn window_scalars(call: &WindowCall) -> impl Iterator<Item = ScalarId> + '_ {
    call.args
        .iter()
        .copied()
        .chain(call.filter)
        .chain(call.partition.iter().copied())
        .chain(call.order.iter().map(|key| key.scalar))
}

fn prune_sorted(context: &mut Context, switches: &mut Switches, plan: Plan, mut demanded: Vec<ColumnId>) -> Plan {
    match plan {
        Plan::Scan { .. } | Plan::Values { .. } | Plan::Empty { .. } | Plan::Hole { .. } => plan,
        Plan::Named { input, name, span } => {
            let input = prune_sorted(context, switches, *input, demanded);
            Plan::Named { input: Box::new(input), name, span }
        }
        Plan::Filter { input, holds } => {
            add(&context.arena, &mut demanded, holds.iter().copied());
            Plan::Filter { input: Box::new(prune_sorted(context, switches, *input, demanded)), holds }
        }
        Plan::Project { input, mut exprs } => {
            if switches.is_on("prune-columns") && exprs.iter().any(|(id, _)| demanded.binary_search(id).is_ok()) {
                let before = exprs.len();
                exprs.retain(|(id, _)| demanded.binary_search(id).is_ok());
                if exprs.len() < before {
                    switches.fire("prune-columns");
                }
            }
            let mut below = Vec::new();
            add(&context.arena, &mut below, exprs.iter().map(|(_, scalar)| *scalar));
            Plan::Project { input: Box::new(prune_sorted(context, switches, *input, below)), exprs }
        }
        Plan::Aggregate { input, keys, mut calls } => {
            // One column must stay; a group's existence is told by its keys.
            if switches.is_on("prune-unused-aggregate")
                && calls.iter().any(|(id, _)| demanded.binary_search(id).is_err())
            {
                let keep_one = keys.is_empty() && calls.iter().all(|(id, _)| demanded.binary_search(id).is_err());
                switches.fire("prune-unused-aggregate");
                let first = calls.first().cloned();
                calls.retain(|(id, _)| demanded.binary_search(id).is_ok());
                if keep_one {
                    calls.extend(first);
                }
            }
            let mut below = Vec::new();
            add(&context.arena, &mut below, keys.iter().map(|(_, scalar)| *scalar));
            for (_, call) in &calls {
                add(&context.arena, &mut below, aggregate_scalars(call));
            }
            Plan::Aggregate { input: Box::new(prune_sorted(context, switches, *input, below)), keys, calls }
        }
        Plan::Distinct { input } => {
            let all = input.columns(&mut context.arena);
            Plan::Distinct { input: Box::new(prune(context, switches, *input, &all)) }
        }
        Plan::Window { input, mut calls } => {
            if switches.is_on("prune-unused-window") && calls.iter().any(|(id, _)| demanded.binary_search(id).is_err())
            {
                switches.fire("prune-unused-window");
                calls.retain(|(id, _)| demanded.binary_search(id).is_ok());
            }
            demanded.retain(|column| !calls.iter().any(|(id, _)| id == column));
            for (_, call) in &calls {
                add(&context.arena, &mut demanded, window_scalars(call));
            }
            let input = prune_sorted(context, switches, *input, demanded);
            if calls.is_empty() { input } else { Plan::Window { input: Box::new(input), calls } }
        }
        Plan::Sort { input, keys } => {
            add(&context.arena, &mut demanded, keys.iter().map(|key| key.scalar));
            Plan::Sort { input: Box::new(prune_sorted(context, switches, *input, demanded)), keys }
        }
        Plan::Limit { input, skip, fetch } => {
            Plan::Limit { input: Box::new(prune_sorted(context, switches, *input, demanded)), skip, fetch }
        }
        Plan::SetOp { kind, mut inputs, mut columns } => {
            if kind == SetOpKind::UnionAll && switches.is_on("prune-columns") {
                prune_union(context, switches, &mut inputs, &mut columns, &demanded);
            }
            let inputs =
                inputs.into_iter().map(|(input, taken)| (prune(context, switches, input, &taken), taken)).collect();
            Plan::SetOp { kind, inputs, columns }
        }
        Plan::Instance { input, k } => {
            let columns = input.columns(&mut context.arena);
            let below: Vec<ColumnId> = columns
                .into_iter()
                .filter(|&column| demanded.binary_search(&context.arena.instance(column, k)).is_ok())
                .collect();
            Plan::Instance { input: Box::new(prune(context, switches, *input, &below)), k }
        }
        Plan::Join { kind: JoinKind::Inner, .. } => prune_inner(context, switches, plan, demanded),
        Plan::Join { kind, left, right, on } => {
            let right_facts = plan_facts(context, &right);
            let is_unused = !demanded.iter().any(|column| right_facts.exposes(*column));
            let adds_no_row =
                matches_key(&context.arena, &on, &right_facts) || right_facts.max_rows.is_some_and(|rows| rows <= 1);
            if kind == JoinKind::Left && is_unused && adds_no_row && switches.is_on("eliminate-left-join-to-unique-key")
            {
                switches.fire("eliminate-left-join-to-unique-key");
                return prune_sorted(context, switches, *left, demanded);
            }
            add(&context.arena, &mut demanded, on.iter().copied());
            let left = prune_sorted(context, switches, *left, demanded.clone());
            let right = prune_sorted(context, switches, *right, demanded);
            Plan::Join { kind, left: Box::new(left), right: Box::new(right), on }
        }
    }
}

fn prune_inner(context: &mut Context, switches: &mut Switches, plan: Plan, mut demanded: Vec<ColumnId>) -> Plan {
    let (mut inputs, mut on) = flat_owned(plan);
    if switches.is_on("eliminate-inner-join-by-foreign-key") {
        while let Some((position, replaced)) = foreign_key_join(context, &inputs, &on, &demanded) {
            switches.fire("eliminate-inner-join-by-foreign-key");
            inputs.remove(position);
            on = replaced;
        }
    }
    add(&context.arena, &mut demanded, on.iter().copied());
    let inputs = inputs.into_iter().map(|input| prune_sorted(context, switches, input, demanded.clone())).collect();
    left_deep(inputs, on)
}

fn flat_owned(plan: Plan) -> (Vec<Plan>, Vec<ScalarId>) {
    let mut inputs = Vec::new();
    let mut on = Vec::new();
    let mut stack = vec![plan];
    while let Some(plan) = stack.pop() {
        match plan {
            Plan::Join { kind: JoinKind::Inner, left, right, on: own } => {
                on.extend(own);
                stack.push(*right);
                stack.push(*left);
            }
            plan => inputs.push(plan),
        }
    }
    (inputs, on)
}

/// An unfiltered table that is joined on its key by a declared, NULL-free foreign key and of which
/// nothing else is read: each row of the others has exactly one match there.
fn foreign_key_join(
    context: &mut Context,
    inputs: &[Plan],
    on: &[ScalarId],
    demanded: &[ColumnId],
) -> Option<(usize, Vec<ScalarId>)> {
    if inputs.len() < 2 {
        return None;
    }
    let all: Vec<Facts> = inputs.iter().map(|input| plan_facts(context, input)).collect();
    for (position, input) in inputs.iter().enumerate() {
        let Plan::Scan { table, columns } = super::peek(input) else { continue };
        if demanded.iter().any(|column| columns.contains(column)) {
            continue;
        }
        let (own, rest): (Vec<ScalarId>, Vec<ScalarId>) = on
            .iter()
            .partition(|&&predicate| context.arena.columns_of(predicate).iter().any(|column| columns.contains(column)));
        let mut pairs = Vec::new();
        for &predicate in &own {
            if let Some((a, b)) = crate::facts::equal_columns(&context.arena, predicate) {
                pairs.push(if columns.contains(&a) { (a, b) } else { (b, a) });
            }
        }
        if pairs.len() < own.len() || pairs.iter().any(|(_, referring)| columns.contains(referring)) {
            continue;
        }
        if refers(context, table, columns, &pairs, &all, position) {
            return Some((position, rest));
        }
    }
    None
}

fn refers(
    context: &Context,
    table: &str,
    columns: &[ColumnId],
    pairs: &[(ColumnId, ColumnId)],
    all: &[Facts],
    position: usize,
) -> bool {
    let Some((_, first)) = pairs.first() else { return false };
    let ColumnDef::Base { table: referring_table, .. } = context.arena.def(*first) else { return false };
    let (Some(target), Some(source)) = (context.catalog.get(table), context.catalog.get(referring_table)) else {
        return false;
    };
    let is_not_null = pairs.iter().all(|(_, referring)| {
        all.iter()
            .enumerate()
            .any(|(index, facts)| index != position && facts.exposes(*referring) && facts.is_not_null(*referring))
    });
    let key_columns: Vec<ColumnId> = pairs.iter().map(|(key, _)| *key).collect();
    if !is_not_null || !all[position].is_unique(&key_columns) {
        return false;
    }
    source.foreign_keys.iter().any(|foreign| {
        &*foreign.table == table
            && foreign.columns.len() == pairs.len()
            && foreign.columns.iter().zip(&foreign.referred).all(|(&from, to)| {
                let Some(from) = source.columns.get(from) else { return false };
                let Some(to) = target.position(to).and_then(|index| columns.get(index)) else { return false };
                pairs.iter().any(|(key, referring)| {
                    key == to
                        && matches!(context.arena.def(*referring), ColumnDef::Base { table, column } if table == referring_table && *column == from.key)
                })
            })
    })
}

/// Whether a scalar is the bare column.
pub(crate) fn is_column(arena: &Arena, scalar: ScalarId, column: ColumnId) -> bool {
    arena[scalar] == Scalar::Column(column)
}

/// Drops the columns of a `UNION ALL` that nobody reads.
fn prune_union(
    context: &mut Context,
    switches: &mut Switches,
    inputs: &mut [(Plan, Vec<ColumnId>)],
    columns: &mut Vec<ColumnId>,
    demanded: &[ColumnId],
) {
    let kept: Vec<usize> =
        (0..columns.len()).filter(|&position| demanded.binary_search(&columns[position]).is_ok()).collect();
    if kept.len() >= columns.len() {
        return;
    }
    switches.fire("prune-columns");
    if kept.is_empty() {
        count_rows_only(context, inputs, columns);
        return;
    }
    let only = |list: &[ColumnId]| kept.iter().filter_map(|&position| list.get(position).copied()).collect();
    *columns = only(columns);
    for (_, taken) in inputs {
        *taken = only(taken);
    }
}

/// A union of which nothing is read carries one constant, for its rows to be counted by.
fn count_rows_only(context: &mut Context, inputs: &mut [(Plan, Vec<ColumnId>)], columns: &mut Vec<ColumnId>) {
    let one = context.arena.literal(Literal::Int(1, DataType::Int32));
    let id = context.arena.computed_column(one, "one");
    let def = ColumnDef::SetOp { position: 0, branches: vec![id; inputs.len()] };
    *columns = vec![context.arena.column(def, DataType::Int32, "one")];
    for (input, taken) in inputs {
        let plan = std::mem::replace(input, Plan::Empty { columns: Vec::new() });
        *input = Plan::Project { input: Box::new(plan), exprs: vec![(id, one)] };
        *taken = vec![id];
    }
}
