//! Totals of one relation under several filters, joined into one row: one aggregate with `FILTER` (C4).

use std::sync::Arc;

use egg::Id;
use isomer_ir::{AggregateCall, ColumnId, ScalarId, Volatility};
use rustc_hash::FxHashMap;

use crate::memo::{Memo, Origin};
use crate::normalize::aggregate_scalars;
use crate::operator::Operator;
use crate::simplify::{Simplifier, Switches};
use crate::templates::ScalarTemplates;

const RULE: &str = "merge-totals";

/// A total: an aggregate without keys.
struct Total {
    /// Position among the inputs of the join.
    position: usize,
    /// Its columns as the join sees them, with what computes each.
    calls: Vec<(ColumnId, AggregateCall)>,
    /// What it reads, the filter apart.
    base: Id,
    holds: Vec<ScalarId>,
}

/// Merges the totals among the inputs of a join. Returns whether anything was added.
pub(super) fn merge(memo: &mut Memo, switches: &mut Switches, class: Id, inputs: &[Id], on: &[ScalarId]) -> bool {
    if !switches.is_on(RULE) {
        return false;
    }
    let totals: Vec<Total> =
        inputs.iter().enumerate().filter_map(|(position, &input)| total(memo, position, input)).collect();
    for (index, first) in totals.iter().enumerate() {
        if totals[..index].iter().any(|earlier| earlier.base == first.base) {
            continue;
        }
        let group: Vec<&Total> = totals.iter().filter(|total| total.base == first.base).collect();
        if group.len() > 1
            && let Some(is_added) = add(memo, switches, (class, inputs, on), &group)
        {
            return is_added;
        }
    }
    false
}

/// The total that an input is, possibly under other names.
fn total(memo: &mut Memo, position: usize, input: Id) -> Option<Total> {
    let written =
        |memo: &Memo, class: Id| memo.egraph[class].nodes.iter().find(|node| memo.origin(node).is_none()).cloned();
    let mut node = written(memo, input)?;
    let mut instance = None;
    if let Operator::Instance { k } = memo.operator(&node) {
        instance = Some(*k);
        node = written(memo, node.inputs[0])?;
    }
    let Operator::Aggregate { keys, calls } = memo.operator(&node).clone() else { return None };
    let below = node.inputs[0];
    if !keys.is_empty() || calls.is_empty() || memo.facts(below).is_volatile {
        return None;
    }
    let filter = memo.egraph[below].nodes.iter().find_map(|node| match memo.operator(node) {
        Operator::Filter { holds } if memo.origin(node).is_none() => Some((node.inputs[0], holds.clone())),
        _ => None,
    });
    let (base, holds) = filter.unwrap_or((below, Vec::new()));
    let arena = &mut memo.context_mut().arena;
    let calls = calls.into_iter().map(|(id, call)| (instance.map_or(id, |k| arena.instance(id, k)), call)).collect();
    Some(Total { position, calls, base: memo.egraph.find(base), holds })
}

/// Adds one aggregate in the place of a group of totals; `None` where a condition fails.
fn add(
    memo: &mut Memo,
    switches: &mut Switches,
    (class, inputs, on): (Id, &[Id], &[ScalarId]),
    group: &[&Total],
) -> Option<bool> {
    let arena = &mut memo.context_mut().arena;
    let common: Vec<ScalarId> =
        group[0].holds.iter().copied().filter(|cond| group.iter().all(|total| total.holds.contains(cond))).collect();
    let mut calls: Vec<(ColumnId, AggregateCall)> = Vec::new();
    let mut exprs: Vec<(ColumnId, ScalarId)> = Vec::new();
    let mut filters: Vec<Option<ScalarId>> = Vec::with_capacity(group.len());
    for total in group {
        let own: Vec<ScalarId> = total.holds.iter().copied().filter(|cond| !common.contains(cond)).collect();
        if own.iter().any(|&cond| arena.volatility(cond) != Volatility::Immutable) {
            return None;
        }
        let filter = if own.is_empty() { None } else { Some(arena.and(own)) };
        filters.push(filter);
        for (id, call) in &total.calls {
            // What can fail must not see rows that the filter kept away, and some engines compute an
            // argument before they test the filter.
            let is_total = aggregate_scalars(call).all(|scalar| !arena.can_raise(scalar));
            if (filter.is_some() && !is_total) || call.function.is_order_sensitive() {
                return None;
            }
            let conds: Vec<ScalarId> = call.filter.into_iter().chain(filter).collect();
            let filter = if conds.is_empty() { None } else { Some(arena.and(conds)) };
            let whole = AggregateCall { filter, ..call.clone() };
            let hint = Arc::clone(arena.hint(*id));
            let column = arena.aggregate_column(&whole, &hint);
            exprs.push((*id, arena.column_ref(column)));
            if !calls.iter().any(|(known, _)| *known == column) {
                calls.push((column, whole));
            }
        }
    }
    let mut holds = common;
    if let Some(filters) = filters.iter().copied().collect::<Option<Vec<ScalarId>>>() {
        holds.push(arena.or(filters));
        let mut unnamed = switches.unnamed();
        holds = Simplifier::default().holds(arena, &holds, &mut unnamed, &ScalarTemplates::default());
    }
    let origin = Origin { rule: Arc::from(RULE), facts: vec![format!("{} totals read the same rows", group.len())] };
    let base = if holds.is_empty() {
        group[0].base
    } else {
        memo.add_made(Operator::Filter { holds }, &[group[0].base], &origin)
    };
    let aggregate = memo.add_made(Operator::Aggregate { keys: Vec::new(), calls }, &[base], &origin);
    let others = inputs.iter().enumerate().filter(|(at, _)| !group.iter().any(|total| total.position == *at));
    let mut left: Vec<Id> = others.map(|(_, &input)| input).collect();
    let definitions: FxHashMap<ColumnId, ScalarId> = exprs.iter().copied().collect();
    for column in left.iter().flat_map(|&input| memo.columns(input)).copied().collect::<Vec<_>>() {
        exprs.push((column, memo.context_mut().arena.column_ref(column)));
    }
    let arena = &mut memo.context_mut().arena;
    let on: Vec<ScalarId> = on.iter().map(|&cond| arena.inline_columns(cond, &definitions)).collect();
    left.push(aggregate);
    if !memo.are_disjoint(&left) {
        return None;
    }
    let joined = match left.as_slice() {
        [one] if on.is_empty() => *one,
        [one] => memo.add_made(Operator::Filter { holds: on }, &[*one], &origin),
        several => memo.add_made(Operator::InnerJoin { on }, several, &origin),
    };
    let is_added = memo.add_equal(class, Operator::Project { exprs }, &[joined], &origin);
    if is_added {
        switches.fire(RULE);
    }
    Some(is_added)
}
