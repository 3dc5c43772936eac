//! The facts of joins.

use isomer_ir::{ColumnId, JoinKind, ScalarId};

use super::Facts;
use super::estimates::join_rows;
use super::predicates::{add_implied, matches_key};
use crate::operator::Context;

pub(super) fn inner_join_facts(context: &mut Context, on: &[ScalarId], inputs: &[&Facts]) -> Facts {
    let arena = &context.arena;
    let mut facts = Facts::leaf(Vec::new(), 0.0);
    for input in inputs {
        facts.columns.extend_from_slice(&input.columns);
        facts.not_null.extend_from_slice(&input.not_null);
        facts.constants.extend_from_slice(&input.constants);
    }
    // An input whose key is matched by the others repeats no row of theirs, so their keys stay.
    let mut keys: Vec<Vec<ColumnId>> = vec![Vec::new()];
    let mut is_keyed = true;
    let mut remaining: Vec<usize> = (0..inputs.len()).collect();
    while remaining.len() > 1 {
        let Some(position) = remaining.iter().position(|&index| matches_key(arena, on, inputs[index])) else { break };
        // Only one input may be dropped against what remains: its bindings must not come from an
        // input dropped before it.
        let dropped = remaining[position];
        let kept: Vec<&Facts> =
            remaining.iter().filter(|&&index| index != dropped).map(|&index| inputs[index]).collect();
        let usable: Vec<ScalarId> =
            on.iter()
                .copied()
                .filter(|&predicate| {
                    arena.columns_of(predicate).iter().all(|column| {
                        inputs[dropped].exposes(*column) || kept.iter().any(|input| input.exposes(*column))
                    })
                })
                .collect();
        if !matches_key(arena, &usable, inputs[dropped]) {
            break;
        }
        remaining.remove(position);
    }
    for &index in &remaining {
        let Some(key) = inputs[index].keys.first() else {
            if inputs[index].max_rows.is_none_or(|rows| rows > 1) {
                is_keyed = false;
            }
            continue;
        };
        for union in &mut keys {
            union.extend_from_slice(key);
        }
    }
    if is_keyed {
        facts.keys = keys;
    }
    if inputs.iter().all(|input| input.max_rows.is_some()) {
        facts.max_rows = inputs.iter().try_fold(1_u64, |product, input| product.checked_mul(input.max_rows?));
    }
    facts.has_row = on.is_empty() && inputs.iter().all(|input| input.has_row);
    facts.columns.sort_unstable();
    add_implied(context, on, &mut facts);
    facts.rows = join_rows(&context.arena, on, inputs);
    facts
}

pub(super) fn join_facts(context: &mut Context, kind: JoinKind, on: &[ScalarId], left: &Facts, right: &Facts) -> Facts {
    match kind {
        JoinKind::Inner => inner_join_facts(context, on, &[left, right]),
        JoinKind::Semi => {
            let mut facts = left.clone();
            add_implied(context, on, &mut facts);
            facts.has_row = false;
            facts.rows = (left.rows * 0.5).max(1.0);
            facts
        }
        JoinKind::Anti | JoinKind::AntiNullAware => {
            Facts { rows: (left.rows * 0.5).max(1.0), has_row: false, ..left.clone() }
        }
        JoinKind::Mark(mark) => {
            let mut facts = left.clone();
            facts.columns.push(mark);
            facts.not_null.push(mark);
            facts
        }
        JoinKind::Left | JoinKind::Single | JoinKind::Full => {
            let arena = &context.arena;
            let mut facts = Facts::leaf(left.columns.iter().chain(&right.columns).copied().collect(), 0.0);
            let right_is_single = kind == JoinKind::Single
                || matches_key(arena, on, right)
                || right.max_rows.is_some_and(|rows| rows <= 1);
            let left_is_single = matches_key(arena, on, left);
            if kind != JoinKind::Full {
                facts.not_null.clone_from(&left.not_null);
                facts.constants.clone_from(&left.constants);
            }
            if kind != JoinKind::Full && right_is_single {
                facts.keys.clone_from(&left.keys);
                facts.max_rows = left.max_rows;
            } else if kind != JoinKind::Full && left_is_single && !right.keys.is_empty() {
                // Each right row has at most one left row, but unmatched left rows repeat NULLs:
                // both sides' keys together.
                for key in &left.keys {
                    facts.keys.push(key.iter().chain(&right.keys[0]).copied().collect());
                }
            } else if let (Some(a), Some(b)) = (left.keys.first(), right.keys.first()) {
                facts.keys.push(a.iter().chain(b).copied().collect());
            }
            facts.has_row = left.has_row || kind == JoinKind::Full && right.has_row;
            facts.rows = join_rows(arena, on, &[left, right]).max(left.rows);
            if right_is_single && kind != JoinKind::Full {
                facts.rows = left.rows;
            }
            facts
        }
    }
}
