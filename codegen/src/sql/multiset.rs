//! `INTERSECT ALL` and `EXCEPT ALL` for DataFusion, which does not count duplicates right: copies of
//! a row are numbered on both sides, and the numbered rows are compared as a set.

use std::borrow::Cow;

use super::target::Target;
use isomer_ir::{
    Arena, ColumnId, DataType, Frame, Plan, RankingFunction, SetOpKind, SortKey, WindowCall, WindowFunction,
};

/// The plan with what the dialect computes wrongly said in other words.
pub(super) fn prepared<'p>(plan: &'p Plan, arena: &mut Arena, dialect: Target) -> Cow<'p, Plan> {
    if dialect != Target::DataFusion || !counts_copies(plan) {
        return Cow::Borrowed(plan);
    }
    let mut plan = plan.clone();
    number_copies(&mut plan, arena);
    Cow::Owned(plan)
}

fn counts_copies(plan: &Plan) -> bool {
    let mut stack = vec![plan];
    while let Some(plan) = stack.pop() {
        if matches!(plan, Plan::SetOp { kind: SetOpKind::IntersectAll | SetOpKind::ExceptAll, .. }) {
            return true;
        }
        stack.extend(plan.inputs());
    }
    false
}

fn number_copies(plan: &mut Plan, arena: &mut Arena) {
    stacker::maybe_grow(128 * 1024, 1024 * 1024, || number_copies_here(plan, arena));
}

fn number_copies_here(plan: &mut Plan, arena: &mut Arena) {
    for input in plan.inputs_mut() {
        number_copies(input, arena);
    }
    if let Plan::SetOp { kind, inputs, columns } = plan {
        let set = match kind {
            SetOpKind::IntersectAll => SetOpKind::Intersect,
            SetOpKind::ExceptAll => SetOpKind::Except,
            SetOpKind::UnionAll | SetOpKind::Union | SetOpKind::Intersect | SetOpKind::Except => return,
        };
        let mut numbers = Vec::new();
        for (input, taken) in inputs.iter_mut() {
            let number = number_one(input, taken, arena);
            taken.push(number);
            numbers.push(number);
        }
        let mut shown = columns.clone();
        let position = u32::try_from(shown.len()).unwrap_or(u32::MAX);
        let def = isomer_ir::ColumnDef::SetOp { position, branches: numbers };
        shown.push(arena.column(def, DataType::Int64, "copy"));
        let exprs = columns.iter().map(|&id| (id, arena.column_ref(id))).collect();
        let input = Plan::SetOp { kind: set, inputs: std::mem::take(inputs), columns: shown };
        *plan = Plan::Project { input: Box::new(input), exprs };
    }
}

/// Numbers the copies of each row of an input; gives the number's column.
fn number_one(input: &mut Plan, taken: &[ColumnId], arena: &mut Arena) -> ColumnId {
    let mut partition: isomer_ir::Args = taken.iter().map(|&id| arena.column_ref(id)).collect();
    partition.sort_unstable();
    partition.dedup();
    let order: Vec<SortKey> = Vec::new();
    let call = WindowCall {
        function: WindowFunction::Ranking(RankingFunction::RowNumber),
        args: isomer_ir::Args::new(),
        filter: None,
        is_ignoring_nulls: false,
        partition,
        order,
        frame: Frame::WHOLE,
        data_type: DataType::Int64,
    };
    let id = arena.window_column(&call, "copy");
    let exposed = input.columns(arena);
    let id = arena.variant_outside(id, &exposed);
    let inner = std::mem::replace(input, Plan::Empty { columns: Vec::new() });
    *input = Plan::Window { input: Box::new(inner), calls: vec![(id, call)] };
    id
}
