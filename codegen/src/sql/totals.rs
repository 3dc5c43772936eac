//! The total of grouping sets over no rows, which Spark leaves out: a set without keys gives a row
//! also over no rows elsewhere. For Spark that row is a branch of its own, which shows where there
//! are no rows.

use std::borrow::Cow;
use std::sync::Arc;

use isomer_ir::{
    AggregateCall, AggregateFunction, Arena, ColumnDef, ColumnId, DataType, Function, GroupingSets, Literal, Plan,
    Scalar, ScalarId, SetOpKind,
};

use super::target::Target;

/// The plan with the totals that the dialect leaves out.
pub(super) fn prepared<'p>(plan: Cow<'p, Plan>, arena: &mut Arena, dialect: Target) -> Cow<'p, Plan> {
    if dialect != Target::Spark || !has_total(&plan) {
        return plan;
    }
    let mut plan = plan.into_owned();
    add_totals(&mut plan, arena);
    Cow::Owned(plan)
}

fn has_total(plan: &Plan) -> bool {
    let mut stack = vec![plan];
    while let Some(plan) = stack.pop() {
        if matches!(plan, Plan::GroupingSets { groups, .. } if groups.has_total()) {
            return true;
        }
        stack.extend(plan.inputs());
    }
    false
}

fn add_totals(plan: &mut Plan, arena: &mut Arena) {
    stacker::maybe_grow(128 * 1024, 1024 * 1024, || add_totals_here(plan, arena));
}

fn add_totals_here(plan: &mut Plan, arena: &mut Arena) {
    if let Plan::Filter { input, holds } = plan
        && let Plan::GroupingSets { input, groups } = &mut **input
        && holds.iter().any(|&condition| is_of_rows(condition, groups, arena))
    {
        add_totals(input, arena);
        return;
    }
    for input in plan.inputs_mut() {
        add_totals(input, arena);
    }
    if let Plan::GroupingSets { input, groups } = plan
        && groups.has_total()
    {
        let total = total_of_none(input, groups, arena);
        let n_totals = groups.sets.iter().filter(|set| set.is_empty()).count();
        let shown: Vec<ColumnId> = groups.columns().collect();
        let grouped = std::mem::replace(plan, Plan::Empty { columns: Vec::new() });
        *plan = united(grouped, &shown, &total, n_totals, arena);
    }
}

/// Whether a condition on grouped rows says that a group has rows: `COUNT(*) > n`.
fn is_of_rows(condition: ScalarId, groups: &GroupingSets, arena: &Arena) -> bool {
    let Scalar::Call { function, args, .. } = &arena[condition] else { return false };
    let [left, right] = args.as_slice() else { return false };
    let (count, least) = match function {
        Function::Gt | Function::GtEq => (*left, *right),
        Function::Lt | Function::LtEq => (*right, *left),
        _ => return false,
    };
    let Scalar::Literal(Literal::Int(least, _)) = arena[least] else { return false };
    let is_open = matches!(function, Function::Gt | Function::Lt);
    let is_count = |id: ColumnId| groups.calls.iter().any(|(known, call)| *known == id && is_count_of_rows(call));
    least >= i128::from(!is_open) && matches!(arena[count], Scalar::Column(id) if is_count(id))
}

fn is_count_of_rows(call: &AggregateCall) -> bool {
    call.function == AggregateFunction::Count && call.args.is_empty() && call.filter.is_none()
}

/// The row of the set without keys where the input has no rows; none where it has.
fn total_of_none(input: &Plan, groups: &GroupingSets, arena: &mut Arena) -> (Plan, Vec<ColumnId>) {
    let count = AggregateCall::count_of_rows();
    let mut calls = groups.calls.clone();
    let known = calls.iter().find(|(_, call)| *call == count).map(|(id, _)| *id);
    let n_rows = known.unwrap_or_else(|| {
        let exposed: Vec<ColumnId> = groups.columns().collect();
        let id = arena.aggregate_column(&count, "n_rows");
        let id = arena.variant_outside(id, &exposed);
        calls.push((id, count));
        id
    });
    let zero = arena.literal(Literal::Int(0, DataType::Int64));
    let n_rows = arena.column_ref(n_rows);
    let is_none = arena.call(Function::Eq, [n_rows, zero], DataType::Boolean);
    let grouped = Plan::Aggregate { input: Box::new(input.clone()), keys: Vec::new(), calls };
    let total = Plan::Filter { input: Box::new(grouped), holds: vec![is_none] };
    let mut exprs: Vec<(ColumnId, ScalarId)> = Vec::new();
    let mut taken = Vec::new();
    let mut constants = Vec::new();
    for &(id, _) in &groups.keys {
        let data_type = arena.column_type(id);
        constants.push((id, arena.literal(Literal::Null(data_type))));
    }
    for &(id, _) in &groups.calls {
        constants.push((id, arena.column_ref(id)));
    }
    for (id, of) in &groups.markers {
        let bits = (1_i128 << of.len()) - 1;
        constants.push((*id, arena.literal(Literal::Int(bits, arena.column_type(*id)))));
    }
    for (id, scalar) in constants {
        let hint = Arc::clone(arena.hint(id));
        let column = arena.computed_column(scalar, &hint);
        if !exprs.iter().any(|(known, _)| *known == column) {
            exprs.push((column, scalar));
        }
        taken.push(column);
    }
    (Plan::Project { input: Box::new(total), exprs }, taken)
}

/// The groups and the totals as one relation, under the ids of the groups.
fn united(
    grouped: Plan,
    shown: &[ColumnId],
    total: &(Plan, Vec<ColumnId>),
    n_totals: usize,
    arena: &mut Arena,
) -> Plan {
    let mut columns = Vec::with_capacity(shown.len());
    let mut exprs = Vec::with_capacity(shown.len());
    for (position, &id) in shown.iter().enumerate() {
        let mut branches = vec![id];
        branches.extend(std::iter::repeat_n(total.1[position], n_totals));
        let def = ColumnDef::SetOp { position: u32::try_from(position).unwrap_or(u32::MAX), branches };
        let hint = Arc::clone(arena.hint(id));
        let column = arena.column(def, arena.column_type(id), &hint);
        columns.push(column);
        exprs.push((id, arena.column_ref(column)));
    }
    let mut inputs = vec![(grouped, shown.to_vec())];
    inputs.extend(std::iter::repeat_n(total.clone(), n_totals));
    let input = Plan::SetOp { kind: SetOpKind::UnionAll, inputs, columns };
    Plan::Project { input: Box::new(input), exprs }
}
