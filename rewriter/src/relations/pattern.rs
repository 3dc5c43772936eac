//! Patterns in the form in which the e-graph holds relations: no names, filters as low as they go,
//! conditions of inner joins with the join.

use isomer_ir::{
    Arena, ColumnDef, ColumnId, Frame, JoinKind, Plan, Scalar, ScalarId, SetOpKind, WindowCall, WindowFunction,
};
use isomer_rules::HoleColumn;
use rustc_hash::FxHashMap;

use crate::normalize::strip_names;

/// The pattern as the normal form writes it.
pub(crate) fn normalized(arena: &mut Arena, plan: Plan) -> Plan {
    match plan {
        Plan::Named { input, .. } => normalized(arena, *input),
        Plan::Project { input, exprs } if exprs.iter().all(|&(id, scalar)| arena[scalar] == Scalar::Column(id)) => {
            normalized(arena, *input)
        }
        Plan::Filter { input, holds } => {
            let input = normalized(arena, *input);
            filtered(arena, input, holds)
        }
        Plan::Join { kind, left, right, on } => {
            let (left, right) = (normalized(arena, *left), normalized(arena, *right));
            join(arena, kind, left, right, on)
        }
        Plan::Aggregate { input, keys, calls } => {
            Plan::Aggregate { input: Box::new(normalized(arena, *input)), keys, calls }
        }
        Plan::Distinct { input } => {
            // The projection below a DISTINCT says which columns are told apart.
            let input = match strip_names(*input) {
                Plan::Project { input, exprs } => Plan::Project { input: Box::new(normalized(arena, *input)), exprs },
                input => {
                    let exprs = input.columns(arena).into_iter().map(|id| (id, arena.column_ref(id))).collect();
                    Plan::Project { input: Box::new(normalized(arena, input)), exprs }
                }
            };
            Plan::Distinct { input: Box::new(input) }
        }
        Plan::Window { input, calls } => {
            let calls = calls.into_iter().map(|(id, call)| (id, whole_frame(call))).collect();
            Plan::Window { input: Box::new(normalized(arena, *input)), calls }
        }
        Plan::Instance { input, k } => Plan::Instance { input: Box::new(normalized(arena, *input)), k },
        Plan::Sort { input, keys } => Plan::Sort { input: Box::new(normalized(arena, *input)), keys },
        Plan::Limit { input, skip, fetch } => Plan::Limit { input: Box::new(normalized(arena, *input)), skip, fetch },
        Plan::SetOp { kind: SetOpKind::Union, inputs, columns } => {
            let exprs = columns.iter().map(|&id| (id, arena.column_ref(id))).collect();
            let all = normalized(arena, Plan::SetOp { kind: SetOpKind::UnionAll, inputs, columns });
            Plan::Distinct { input: Box::new(Plan::Project { input: Box::new(all), exprs }) }
        }
        Plan::SetOp { kind, inputs, columns } => {
            let inputs = inputs.into_iter().map(|(input, shown)| (normalized(arena, input), shown)).collect();
            Plan::SetOp { kind, inputs, columns }
        }
        plan @ (Plan::Scan { .. }
        | Plan::Values { .. }
        | Plan::GroupingSets { .. }
        | Plan::Unnest { .. }
        | Plan::Empty { .. }
        | Plan::Project { .. }
        | Plan::RecursiveUnion { .. }
        | Plan::WorkTable { .. }
        | Plan::Sample { .. }
        | Plan::ScanAt { .. }
        | Plan::Hole { .. }) => plan,
    }
}

/// Makes the scalar that reads each column of a pattern known, because nothing is interned while
/// patterns are looked for.
pub(crate) fn intern_columns(arena: &mut Arena, plan: &Plan) {
    let mut stack = vec![plan];
    while let Some(plan) = stack.pop() {
        for mut column in plan.columns(arena) {
            arena.column_ref(column);
            while let ColumnDef::Instance { of, .. } = *arena.def(column) {
                column = of;
                arena.column_ref(column);
            }
        }
        stack.extend(plan.inputs());
    }
}

/// The call with the frame and order that the normal form writes: an aggregate over whole partitions has
/// neither.
pub(super) fn whole_frame(call: WindowCall) -> WindowCall {
    let frame = if call.order.is_empty() && call.frame == Frame::ORDERED { Frame::WHOLE } else { call.frame };
    let is_whole = frame.is_whole()
        && matches!(call.function, WindowFunction::Aggregate(function) if !function.is_order_sensitive());
    if is_whole { WindowCall { order: Vec::new(), frame: Frame::WHOLE, ..call } } else { WindowCall { frame, ..call } }
}

fn join(arena: &mut Arena, kind: JoinKind, left: Plan, right: Plan, on: Vec<ScalarId>) -> Plan {
    let sinks_left = matches!(kind, JoinKind::Inner | JoinKind::Semi);
    let sinks_right = matches!(kind, JoinKind::Inner | JoinKind::Semi | JoinKind::Left | JoinKind::Anti);
    let (mut to_left, mut to_right, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for predicate in on {
        if sinks_left && reads_within(arena, predicate, &left) {
            to_left.push(predicate);
        } else if sinks_right && reads_within(arena, predicate, &right) {
            to_right.push(predicate);
        } else {
            kept.push(predicate);
        }
    }
    let left = filtered(arena, left, to_left);
    let right = filtered(arena, right, to_right);
    Plan::Join { kind, left: Box::new(left), right: Box::new(right), on: kept }
}

fn filtered(arena: &mut Arena, input: Plan, holds: Vec<ScalarId>) -> Plan {
    if holds.is_empty() {
        return input;
    }
    match input {
        Plan::Filter { input, holds: mut own } => {
            own.extend(holds);
            filtered(arena, *input, own)
        }
        Plan::Join { kind: JoinKind::Inner, left, right, mut on } => {
            on.extend(holds);
            join(arena, JoinKind::Inner, *left, *right, on)
        }
        Plan::Join { kind: kind @ (JoinKind::Left | JoinKind::Semi | JoinKind::Anti), left, right, on } => {
            let (below, above): (Vec<ScalarId>, Vec<ScalarId>) =
                holds.into_iter().partition(|&predicate| reads_within(arena, predicate, &left));
            let left = filtered(arena, *left, below);
            let join = Plan::Join { kind, left: Box::new(left), right, on };
            if above.is_empty() { join } else { Plan::Filter { input: Box::new(join), holds: above } }
        }
        Plan::Instance { input, k } => {
            let copied: FxHashMap<ColumnId, ScalarId> = input
                .columns(arena)
                .into_iter()
                .map(|column| (arena.instance(column, k), arena.column_ref(column)))
                .collect();
            let holds = holds.into_iter().map(|predicate| arena.inline_columns(predicate, &copied)).collect();
            Plan::Instance { input: Box::new(filtered(arena, *input, holds)), k }
        }
        input => Plan::Filter { input: Box::new(input), holds },
    }
}

/// Whether a conjunct reads at least one column and only those of this side, holes included.
fn reads_within(arena: &mut Arena, predicate: ScalarId, side: &Plan) -> bool {
    let exposed = side.columns(arena);
    let columns = arena.columns_of(predicate);
    !columns.is_empty()
        && columns.iter().all(|column| {
            // A predicate over several tables is written as a column of the first.
            let is_local = HoleColumn::of(arena.def(*column)).is_none_or(|hole| hole.tables.len() == 1);
            is_local && exposed.contains(column)
        })
}
