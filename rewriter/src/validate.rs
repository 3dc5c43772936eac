//! Validation of a chosen plan before it leaves the optimizer: every scalar reads only what its
//! input exposes, join inputs are disjoint, set operations line up. A plan that fails is not used.

use isomer_ir::{Arena, ColumnId, Plan, Scalar, ScalarId};

use crate::normalize::{aggregate_scalars, window_scalars};

/// The columns that a plan exposes.
///
/// # Errors
///
/// What is wrong with the plan, in words for the maintainers of a rule.
pub(crate) fn validate(arena: &mut Arena, plan: &Plan) -> Result<Vec<ColumnId>, String> {
    match plan {
        Plan::Scan { columns, .. }
        | Plan::Empty { columns }
        | Plan::WorkTable { columns }
        | Plan::ScanAt { columns, .. }
        | Plan::Hole { columns, .. } => Ok(columns.clone()),
        Plan::Values { columns, rows } => {
            if rows.iter().any(|row| row.len() != columns.len()) {
                return Err("a VALUES row has another width than its columns".to_owned());
            }
            for &scalar in rows.iter().flatten() {
                reads(arena, scalar, &[], "VALUES")?;
            }
            Ok(columns.clone())
        }
        Plan::Filter { input, holds } => {
            let columns = validate(arena, input)?;
            for &predicate in holds {
                reads(arena, predicate, &columns, "a filter")?;
            }
            Ok(columns)
        }
        Plan::Project { input, exprs } => {
            let columns = validate(arena, input)?;
            for &(_, scalar) in exprs {
                reads(arena, scalar, &columns, "a projection")?;
            }
            distinct(exprs.iter().map(|(id, _)| *id).collect(), "a projection")
        }
        Plan::Join { kind, left, right, on } => {
            let left = validate(arena, left)?;
            let right = validate(arena, right)?;
            if left.iter().any(|column| right.contains(column)) {
                return Err("the inputs of a join expose the same column".to_owned());
            }
            let both: Vec<ColumnId> = left.iter().chain(&right).copied().collect();
            for &predicate in on {
                reads(arena, predicate, &both, "a join")?;
            }
            let mut columns = if kind.exposes_right() { both } else { left };
            if let isomer_ir::JoinKind::Mark(mark) = kind {
                columns.push(*mark);
            }
            Ok(columns)
        }
        Plan::Aggregate { input, keys, calls } => {
            let columns = validate(arena, input)?;
            for &(_, scalar) in keys {
                reads(arena, scalar, &columns, "a group key")?;
            }
            for (_, call) in calls {
                for scalar in aggregate_scalars(call) {
                    reads(arena, scalar, &columns, "an aggregate")?;
                }
            }
            distinct(keys.iter().map(|(id, _)| *id).chain(calls.iter().map(|(id, _)| *id)).collect(), "an aggregate")
        }
        Plan::GroupingSets { input, groups } => {
            let columns = validate(arena, input)?;
            for scalar in groups.scalars() {
                reads(arena, scalar, &columns, "grouping sets")?;
            }
            let positions = groups.sets.iter().chain(groups.markers.iter().map(|(_, of)| of)).flatten();
            if positions.into_iter().any(|&key| key as usize >= groups.keys.len()) {
                return Err("grouping sets name a key that there is not".to_owned());
            }
            distinct(groups.columns().collect(), "grouping sets")
        }
        Plan::Window { input, calls } => {
            let mut columns = validate(arena, input)?;
            for (_, call) in calls {
                for scalar in window_scalars(call) {
                    reads(arena, scalar, &columns, "a window")?;
                }
            }
            columns.extend(calls.iter().map(|(id, _)| *id));
            distinct(columns, "a window")
        }
        Plan::Unnest { input, list, column, position, .. } => {
            let mut columns = validate(arena, input)?;
            reads(arena, *list, &columns, "an unnested list")?;
            columns.push(*column);
            columns.extend(position);
            distinct(columns, "an unnested list")
        }
        Plan::Sort { input, keys } => {
            let columns = validate(arena, input)?;
            for key in keys {
                reads(arena, key.scalar, &columns, "an order")?;
            }
            Ok(columns)
        }
        Plan::Distinct { input } | Plan::Limit { input, .. } | Plan::Named { input, .. } => validate(arena, input),
        Plan::SetOp { inputs, columns, .. } => {
            for (input, taken) in inputs {
                let exposed = validate(arena, input)?;
                if taken.len() != columns.len() || taken.iter().any(|column| !exposed.contains(column)) {
                    return Err("a set operation takes a column that its input does not expose".to_owned());
                }
            }
            Ok(columns.clone())
        }
        Plan::RecursiveUnion { recursion } => {
            let base = validate(arena, &recursion.base)?;
            let step = validate(arena, &recursion.step)?;
            let n = recursion.columns.len();
            let is_taken = |taken: &[ColumnId], exposed: &[ColumnId]| {
                taken.len() == n && taken.iter().all(|column| exposed.contains(column))
            };
            if recursion.work.len() != n
                || !is_taken(&recursion.base_columns, &base)
                || !is_taken(&recursion.step_columns, &step)
            {
                return Err("a recursion takes a column that its start or its step does not expose".to_owned());
            }
            let types = |columns: &[ColumnId]| columns.iter().map(|&id| arena.column_type(id)).collect::<Vec<_>>();
            let own = types(&recursion.columns);
            if [&recursion.work, &recursion.base_columns, &recursion.step_columns]
                .into_iter()
                .any(|part| types(part) != own)
            {
                return Err("a recursion has columns of other types than its start".to_owned());
            }
            if recursion.base.reads_work_table() {
                return Err("the start of a recursion reads a work table".to_owned());
            }
            distinct(recursion.columns.clone(), "a recursion")
        }
        Plan::Sample { input, .. } => validate(arena, input),
        Plan::Instance { input, k } => {
            let columns = validate(arena, input)?;
            Ok(columns.into_iter().map(|column| arena.instance(column, *k)).collect())
        }
    }
}

fn reads(arena: &Arena, scalar: ScalarId, columns: &[ColumnId], place: &str) -> Result<(), String> {
    let mut fault = None;
    arena.visit(scalar, &mut |_, scalar| match scalar {
        Scalar::Column(column) if !columns.contains(column) => {
            fault = Some(format!("{place} reads `{}`, which its input does not expose", arena.hint(*column)));
        }
        Scalar::Outer(_) | Scalar::Hole(_) => {
            fault = Some(format!("{place} holds a reference that is bound to nothing"));
        }
        _ => {}
    });
    fault.map_or(Ok(()), Err)
}

fn distinct(columns: Vec<ColumnId>, place: &str) -> Result<Vec<ColumnId>, String> {
    let mut sorted = columns.clone();
    sorted.sort_unstable();
    let is_distinct = sorted.windows(2).all(|pair| pair[0] != pair[1]);
    if is_distinct { Ok(columns) } else { Err(format!("{place} computes one column twice")) }
}
