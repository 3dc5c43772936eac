//! The cost model. One cost unit is the work of visiting one row in a simple operator.
//!
//! The constants are relative: a unit is about 20 ns of one core in DuckDB 1.5, measured on five million
//! rows. They decide what is chosen, never what is right.

use isomer_ir::{
    AggregateCall, Arena, ColumnId, DEFAULT_N_ROWS, DataType, Function, JoinKind, Plan, Scalar, ScalarId, SetOpKind,
    WindowCall, WindowFunction,
};

use crate::facts::Facts;
use crate::operator::{Context, Operator};

/// Visiting a row in a columnar scan.
const SCAN_ROW: f64 = 0.1;
/// Testing one comparison on a row; and what each further disjunct costs above that, for no scan takes it.
const TEST_ROW: f64 = 0.05;
const TEST_EITHER: f64 = 0.4;
/// Computing one scalar for a row; a text is made anew.
const COMPUTE_ROW: f64 = 0.05;
const COMPUTE_TEXT: f64 = 2.0;
/// Probing a hash table with a row.
const PROBE_ROW: f64 = 0.4;
/// Entering a row into a hash table.
const BUILD_ROW: f64 = 1.5;
/// Producing a row of a join.
const OUTPUT_ROW: f64 = 0.15;
/// Finding a row's group: by one key, and by each of several.
const GROUP_ROW: f64 = 0.6;
const GROUP_NUMBER: f64 = 0.6;
const GROUP_TEXT: f64 = 0.8;
/// Making a group.
const NEW_GROUP: f64 = 6.0;
/// Updating one aggregate with a row; distinct and holistic ones keep all values.
const UPDATE_ROW: f64 = 0.06;
const UPDATE_HOLISTIC_ROW: f64 = 5.0;
/// Picking the rows that the `FILTER` of one call takes.
const FILTER_CALL_ROW: f64 = 0.8;
/// Comparing rows while sorting, per row and level.
const SORT_ROW: f64 = 0.4;
/// Evaluating a window call on a row, its sort apart; an aggregate has a frame to go through.
const WINDOW_ROW: f64 = 0.5;
const WINDOW_AGGREGATE_ROW: f64 = 8.0;
/// Storing a row and each of its values: fixed in size, of any length, or made of others.
const WRITE_ROW: f64 = 0.4;
const WRITE_FIXED: f64 = 0.4;
const WRITE_TEXT: f64 = 4.0;
const WRITE_NESTED: f64 = 8.0;
/// A statement of its own: planning, catalog, lost pipelining. In cost units.
const STATEMENT: f64 = 5000.0;
/// Opening a stored relation.
const OPEN: f64 = 10.0;

/// The cost of one operator, its inputs' costs apart.
pub(crate) fn operator_cost(context: &Context, operator: &Operator, inputs: &[&Facts], own: &Facts) -> f64 {
    let rows: f64 = inputs.iter().map(|input| input.rows).sum();
    match operator {
        Operator::Scan { .. } => OPEN + own.rows * SCAN_ROW,
        Operator::Values { .. } | Operator::Empty { .. } | Operator::Instance { .. } => 0.0,
        Operator::Filter { holds } => rows * test_cost(context, holds),
        Operator::Project { exprs } => {
            let computed =
                exprs.iter().filter(|&&(id, scalar)| !crate::normalize::is_column(&context.arena, scalar, id));
            rows * computed.map(|&(_, scalar)| compute_cost(&context.arena, scalar)).sum::<f64>()
        }
        Operator::InnerJoin { on } => {
            let largest = inputs.iter().map(|input| input.rows).fold(0.0, f64::max);
            (rows - largest) * BUILD_ROW
                + probed_rows(largest, own.rows, inputs.len().saturating_sub(1)) * PROBE_ROW
                + own.rows * OUTPUT_ROW
                + own.rows * test_cost(context, on)
                + nested_loops(context, on, inputs)
        }
        Operator::Join { kind, on } => {
            let left = inputs.first().map_or(0.0, |input| input.rows);
            let right = inputs.get(1).map_or(0.0, |input| input.rows);
            let output = if kind.exposes_right() || matches!(kind, JoinKind::Mark(_)) { own.rows } else { 0.0 };
            left * PROBE_ROW + right * BUILD_ROW + output * OUTPUT_ROW + nested_loops(context, on, inputs)
        }
        Operator::Aggregate { keys, calls } => {
            let finding = group_cost(&context.arena, keys.iter().map(|&(_, scalar)| scalar));
            let updates = calls.iter().map(|(_, call)| update_cost(call)).sum::<f64>();
            rows * (finding + updates) + own.rows * NEW_GROUP
        }
        Operator::GroupingSets { groups } => {
            let finding = group_cost(&context.arena, groups.keys.iter().map(|&(_, scalar)| scalar));
            let updates = groups.calls.iter().map(|(_, call)| update_cost(call)).sum::<f64>();
            rows * count(groups.sets.len()) * (finding + updates) + own.rows * NEW_GROUP
        }
        Operator::Window { calls } => {
            let specs = distinct_specs(calls.iter().map(|(_, call)| call));
            let evaluated: f64 = calls.iter().map(|(_, call)| window_cost(call)).sum();
            rows * (SORT_ROW * levels(rows) * count(specs) + evaluated)
        }
        Operator::Unnest { .. } => own.rows * OUTPUT_ROW,
        Operator::Sort { .. } => rows * SORT_ROW * levels(rows),
        Operator::RecursiveUnion { recursion } => {
            ROUNDS * scanned(context, &recursion.step) + own.rows * (BUILD_ROW + OUTPUT_ROW)
        }
        Operator::WorkTable { .. } => own.rows * SCAN_ROW,
        Operator::ScanAt { .. } => OPEN + own.rows * SCAN_ROW,
        Operator::Sample { .. } => rows * TEST_ROW,
        Operator::Limit { .. } => 0.0,
        Operator::SetOp { kind: SetOpKind::UnionAll, .. } => rows * TEST_ROW,
        Operator::SetOp { .. } => rows * GROUP_ROW + own.rows * NEW_GROUP,
    }
}

/// Rounds of a recursion, about: trees of people and of parts are this deep.
pub(crate) const ROUNDS: f64 = 8.0;

/// What one round of a recursion costs: its tables are read, and looked up.
fn scanned(context: &Context, step: &Plan) -> f64 {
    let mut cost = 0.0;
    let mut stack = vec![step];
    while let Some(plan) = stack.pop() {
        if let Plan::Scan { table, .. } = plan {
            let rows = context.catalog.get(table).and_then(|table| table.n_rows).unwrap_or(DEFAULT_N_ROWS);
            cost += OPEN + rows * (SCAN_ROW + PROBE_ROW);
        }
        stack.extend(plan.inputs());
    }
    cost
}

/// Rows that are probed along a chain of joins which brings `from` rows down to `to`: engines probe the
/// inputs first that drop most.
fn probed_rows(from: f64, to: f64, n_joins: usize) -> f64 {
    let share = if n_joins == 0 { 1.0 } else { (to / from.max(1.0)).min(1.0).powf(1.0 / count(n_joins)) };
    let mut rows = from;
    let mut probed = 0.0;
    for _ in 0..n_joins {
        probed += rows;
        rows *= share;
    }
    probed
}

/// Finding the group of a row, by these keys.
fn group_cost(arena: &Arena, keys: impl Iterator<Item = ScalarId>) -> f64 {
    let costs = keys.map(|key| if is_fixed(arena.type_of(key)) { GROUP_NUMBER } else { GROUP_TEXT });
    match costs.collect::<Vec<f64>>().as_slice() {
        [] => 0.0,
        [_] => GROUP_ROW,
        costs => costs.iter().sum(),
    }
}

/// Whether values of a type have one size.
fn is_fixed(data_type: DataType) -> bool {
    !matches!(data_type, DataType::Text | DataType::Bytes | DataType::Json | DataType::Nested(_) | DataType::Unknown)
}

/// What a join costs beyond that where no hash table and no order finds the partners: every pair of the
/// parts that a condition joins is tested.
fn nested_loops(context: &Context, on: &[ScalarId], inputs: &[&Facts]) -> f64 {
    let arena = &context.arena;
    if on.iter().all(|&conjunct| is_indexable(arena, conjunct)) {
        return 0.0;
    }
    let parts = parts_of_join(arena, on, inputs);
    let rows_of = |part: usize| {
        let rows = inputs.iter().zip(&parts).filter(|(_, of)| **of == part).map(|(input, _)| input.rows);
        rows.fold(1.0, f64::max)
    };
    let mut cost = 0.0;
    for &conjunct in on {
        let read = arena.columns_of(conjunct);
        let mut joined: Vec<usize> = inputs
            .iter()
            .zip(&parts)
            .filter(|(input, _)| read.iter().any(|&column| input.exposes(column)))
            .map(|(_, part)| *part)
            .collect();
        joined.sort_unstable();
        joined.dedup();
        if joined.len() > 1 {
            cost += joined.into_iter().map(rows_of).product::<f64>() * test_cost(context, &[conjunct]);
        }
    }
    cost
}

/// Whether a conjunct compares two sides in a way for which engines have a join: by hash or by order.
pub(crate) fn is_indexable(arena: &Arena, conjunct: ScalarId) -> bool {
    let Scalar::Call { function, args, .. } = &arena[conjunct] else { return false };
    let is_comparison = matches!(
        function,
        Function::Eq | Function::IsNotDistinct | Function::Lt | Function::LtEq | Function::Gt | Function::GtEq
    );
    is_comparison && args.iter().all(|&side| !arena.columns_of(side).is_empty())
}

/// For each input of a join the number of its part: inputs of one part are joined by comparisons.
pub(crate) fn parts_of_join(arena: &Arena, on: &[ScalarId], inputs: &[&Facts]) -> Vec<usize> {
    let mut parts: Vec<usize> = (0..inputs.len()).collect();
    let input_of = |columns: &[ColumnId]| {
        let mut of = columns.iter().map(|&column| inputs.iter().position(|input| input.exposes(column)));
        let first = of.next()??;
        of.all(|other| other == Some(first)).then_some(first)
    };
    for &conjunct in on.iter().filter(|&&conjunct| is_indexable(arena, conjunct)) {
        let Scalar::Call { args, .. } = &arena[conjunct] else { continue };
        let sides: Option<Vec<usize>> = args.iter().map(|&side| input_of(arena.columns_of(side))).collect();
        if let Some([left, right]) = sides.as_deref() {
            let (kept, dropped) = (parts[*left].min(parts[*right]), parts[*left].max(parts[*right]));
            for part in parts.iter_mut().filter(|part| **part == dropped) {
                *part = kept;
            }
        }
    }
    parts
}

/// The cost of storing a relation whose rows cost as much as [`row_cost`] says.
pub(crate) fn write_cost(rows: f64, row_cost: f64) -> f64 {
    STATEMENT + rows * row_cost
}

/// The cost of storing a row of these columns.
pub(crate) fn row_cost(arena: &Arena, columns: &[ColumnId]) -> f64 {
    let value = |&column: &ColumnId| match arena.column_type(column) {
        DataType::Nested(_) | DataType::Json => WRITE_NESTED,
        of if is_fixed(of) => WRITE_FIXED,
        _ => WRITE_TEXT,
    };
    WRITE_ROW + columns.iter().map(value).sum::<f64>()
}

/// The cost of reading a stored relation.
pub(crate) fn read_cost(rows: f64) -> f64 {
    OPEN + rows * SCAN_ROW
}

/// What testing a list of conjuncts on a row costs: about one comparison for every three nodes.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn test_cost(context: &Context, holds: &[ScalarId]) -> f64 {
    let arena = &context.arena;
    let n_further = |predicate: ScalarId| match &arena[predicate] {
        Scalar::InList { .. } => 1,
        Scalar::Call { function: Function::Or, args, .. } => args.len().saturating_sub(1),
        _ => 0,
    };
    let of = |&predicate: &ScalarId| {
        let compared = (arena.tree_size(predicate) as f64 / 3.0).max(1.0) * TEST_ROW;
        compared + count(n_further(predicate)) * TEST_EITHER
    };
    holds.iter().map(of).sum()
}

fn compute_cost(arena: &Arena, scalar: ScalarId) -> f64 {
    match arena[scalar] {
        Scalar::Call { .. } | Scalar::Cast { .. } if !is_fixed(arena.type_of(scalar)) => COMPUTE_TEXT,
        _ => COMPUTE_ROW,
    }
}

fn update_cost(call: &AggregateCall) -> f64 {
    use isomer_ir::AggregateFunction as F;
    let is_holistic = call.is_distinct
        || matches!(call.function, F::Median | F::QuantileCont | F::QuantileDisc | F::Mode | F::StringAgg);
    let filtering = if call.filter.is_some() { FILTER_CALL_ROW } else { 0.0 };
    filtering + if is_holistic { UPDATE_HOLISTIC_ROW } else { UPDATE_ROW }
}

fn window_cost(call: &WindowCall) -> f64 {
    match call.function {
        WindowFunction::Aggregate(_) => WINDOW_AGGREGATE_ROW,
        WindowFunction::Ranking(_) => WINDOW_ROW,
    }
}

fn distinct_specs<'a>(calls: impl Iterator<Item = &'a WindowCall>) -> usize {
    let mut specs: Vec<(&isomer_ir::Args, &Vec<isomer_ir::SortKey>)> = Vec::new();
    for call in calls {
        let spec = (&call.partition, &call.order);
        if !specs.contains(&spec) {
            specs.push(spec);
        }
    }
    specs.len()
}

fn levels(rows: f64) -> f64 {
    rows.max(2.0).log2()
}

#[expect(clippy::cast_precision_loss, reason = "counts of columns and inputs are small")]
fn count(n: usize) -> f64 {
    n as f64
}
