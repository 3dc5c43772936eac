//! The facts of aggregates, grouping sets and windows.

use isomer_ir::{AggregateCall, Arena, ColumnId, GroupingSets, RankingFunction, Scalar, ScalarId, WindowFunction};

use super::Facts;
use super::estimates::estimate_groups;
use super::predicates::is_nullable;
use crate::operator::Context;

pub(super) fn aggregate_facts(
    context: &Context,
    keys: &[(ColumnId, ScalarId)],
    calls: &[(ColumnId, AggregateCall)],
    input: &Facts,
) -> Facts {
    let arena = &context.arena;
    let mut facts = Facts::leaf(keys.iter().map(|(id, _)| *id).chain(calls.iter().map(|(id, _)| *id)).collect(), 1.0);
    facts.keys.push(keys.iter().map(|(id, _)| *id).collect());
    // A key of the input among the group keys stays a key of its own.
    for key in &input.keys {
        let renamed: Option<Vec<ColumnId>> = key
            .iter()
            .map(|column| keys.iter().find(|(_, scalar)| arena[*scalar] == Scalar::Column(*column)).map(|(id, _)| *id))
            .collect();
        facts.keys.extend(renamed);
    }
    for &(id, scalar) in keys {
        if !is_nullable(arena, scalar, input) {
            facts.not_null.push(id);
        }
        if let Scalar::Column(column) = &arena[scalar]
            && let Ok(position) = input.constants.binary_search_by_key(column, |(constant, _)| *constant)
        {
            facts.constants.push((id, input.constants[position].1));
        }
    }
    for (id, call) in calls {
        // Over a group there is at least one row; without keys there may be none.
        let is_total = !keys.is_empty() && call.filter.is_none();
        let args_not_null = call.args.iter().all(|&arg| !is_nullable(arena, arg, input));
        if call.function.is_never_null() || (is_total && args_not_null && call.function.is_total()) {
            facts.not_null.push(*id);
        }
    }
    facts.has_row = keys.is_empty() || input.has_row;
    if keys.is_empty() {
        facts.max_rows = Some(1);
    } else {
        facts.max_rows = input.max_rows;
        facts.rows = estimate_groups(arena, keys, input.rows);
    }
    facts
}

/// Of keys in every set the rows are as over a plain aggregate, and no other key's are: it is NULL in
/// some. No key of the rows is known, since two sets may give one row each that look alike.
pub(super) fn grouping_sets_facts(arena: &Arena, groups: &GroupingSets, input: &Facts) -> Facts {
    let mut facts = Facts::leaf(groups.columns().collect(), 0.0);
    for (id, scalar) in groups.common_keys() {
        if !is_nullable(arena, scalar, input) {
            facts.not_null.push(id);
        }
    }
    facts.not_null.extend(groups.calls.iter().filter(|(_, call)| call.function.is_never_null()).map(|(id, _)| *id));
    facts.not_null.extend(groups.markers.iter().map(|(id, _)| *id));
    facts.has_row = groups.has_total() || (input.has_row && !groups.sets.is_empty());
    for set in &groups.sets {
        let keys: Vec<(ColumnId, ScalarId)> = set.iter().map(|&key| groups.keys[key as usize]).collect();
        facts.rows += if keys.is_empty() { 1.0 } else { estimate_groups(arena, &keys, input.rows) };
    }
    facts
}

pub(super) fn window_facts(arena: &Arena, calls: &[(ColumnId, isomer_ir::WindowCall)], input: &Facts) -> Facts {
    let mut facts = input.clone();
    for (id, call) in calls {
        facts.columns.push(*id);
        facts.is_volatile |= call.is_by_chance();
        match call.function {
            WindowFunction::Ranking(RankingFunction::RowNumber) => {
                facts.not_null.push(*id);
                let partition: Option<Vec<ColumnId>> = call
                    .partition
                    .iter()
                    .map(|&scalar| if let Scalar::Column(column) = &arena[scalar] { Some(*column) } else { None })
                    .collect();
                if let Some(mut key) = partition {
                    key.push(*id);
                    facts.keys.push(key);
                }
            }
            function if function.is_never_null() => facts.not_null.push(*id),
            WindowFunction::Ranking(_) | WindowFunction::Aggregate(_) => {}
        }
    }
    facts
}
