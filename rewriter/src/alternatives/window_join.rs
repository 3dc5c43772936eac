//! A window over whole partitions is an aggregate joined back by the partition (C10): two passes with a hash
//! table instead of one that sorts.

use std::sync::Arc;

use egg::Id;
use isomer_ir::{AggregateCall, Args, ColumnId, Function, ScalarId, Volatility, WindowCall, WindowFunction};

use crate::facts::is_nullable;
use crate::memo::{Memo, Origin};
use crate::operator::Operator;
use crate::simplify::Switches;

const RULE: &str = "convert-window-to-join";
/// Instances that are tried for a name that the input does not expose.
const MAX_INSTANCES: u32 = 4;

type Calls = Vec<(ColumnId, WindowCall)>;

/// Adds the join for the calls that allow it; the others stay a window. Returns whether anything was added.
pub(super) fn as_join(
    memo: &mut Memo,
    switches: &mut Switches,
    class: Id,
    input: Id,
    calls: &[(ColumnId, WindowCall)],
) -> bool {
    if !switches.is_on(RULE) || memo.facts(input).is_volatile {
        return false;
    }
    let mut partitions: Vec<Args> = Vec::new();
    for (_, call) in calls {
        if !partitions.contains(&call.partition) {
            partitions.push(call.partition.clone());
        }
    }
    // A partition of which some call needs an order is sorted anyway.
    partitions.retain(|partition| {
        is_joinable(memo, input, partition)
            && calls.iter().filter(|(_, call)| call.partition == *partition).all(|(_, call)| is_whole(memo, call))
    });
    if partitions.is_empty() {
        return false;
    }
    let origin = Origin { rule: Arc::from(RULE), facts: vec!["the partition keys are never NULL".to_owned()] };
    let rest: Calls = calls.iter().filter(|(_, call)| !partitions.contains(&call.partition)).cloned().collect();
    let mut exprs: Vec<(ColumnId, ScalarId)> = Vec::new();
    let base = if rest.is_empty() {
        input
    } else {
        memo.add_made(Operator::Window { calls: rest.clone() }, &[input], &origin)
    };
    for column in memo.columns(base).to_vec() {
        exprs.push((column, memo.context_mut().arena.column_ref(column)));
    }
    let mut inputs = vec![base];
    let mut on = Vec::new();
    for partition in partitions {
        let own: Calls = calls.iter().filter(|(_, call)| call.partition == partition).cloned().collect();
        let Some(joined) = aggregate(memo, (input, &inputs), &partition, &own, &origin) else { return false };
        inputs.push(joined.class);
        on.extend(joined.on);
        exprs.extend(joined.exprs);
    }
    let join = memo.add_made(Operator::InnerJoin { on }, &inputs, &origin);
    let is_added = memo.add_equal(class, Operator::Project { exprs }, &[join], &origin);
    if is_added {
        switches.fire(RULE);
    }
    is_added
}

/// An aggregate under names of its own, how it joins, and the windows' columns over it.
struct Joined {
    class: Id,
    on: Vec<ScalarId>,
    exprs: Vec<(ColumnId, ScalarId)>,
}

fn aggregate(
    memo: &mut Memo,
    (input, others): (Id, &[Id]),
    partition: &Args,
    calls: &Calls,
    origin: &Origin,
) -> Option<Joined> {
    let arena = &mut memo.context_mut().arena;
    let keys: Vec<(ColumnId, ScalarId)> =
        partition.iter().map(|&scalar| (arena.computed_column(scalar, "key"), scalar)).collect();
    let mut own: Vec<(ColumnId, AggregateCall)> = Vec::with_capacity(calls.len());
    let mut shown = Vec::with_capacity(calls.len());
    for (id, call) in calls {
        let WindowFunction::Aggregate(function) = call.function else { return None };
        let whole = AggregateCall {
            function,
            is_distinct: false,
            args: call.args.clone(),
            filter: call.filter,
            order: Vec::new(),
            data_type: call.data_type,
        };
        let hint = Arc::clone(arena.hint(*id));
        let column = arena.aggregate_column(&whole, &hint);
        shown.push((*id, column));
        if !own.iter().any(|(known, _)| *known == column) {
            own.push((column, whole));
        }
    }
    if own.iter().any(|(id, _)| keys.iter().any(|(key, _)| key == id)) {
        return None;
    }
    let grouped = memo.add_made(Operator::Aggregate { keys: keys.clone(), calls: own }, &[input], origin);
    for k in 0..=MAX_INSTANCES {
        // A key that is a column of the rows needs another name.
        let class = if k == 0 { grouped } else { memo.add_made(Operator::Instance { k }, &[grouped], origin) };
        let all: Vec<Id> = others.iter().copied().chain([class]).collect();
        if !memo.are_disjoint(&all) {
            continue;
        }
        let arena = &mut memo.context_mut().arena;
        let mut named = |column: ColumnId| {
            let column = if k == 0 { column } else { arena.instance(column, k) };
            arena.column_ref(column)
        };
        let keys: Vec<(ScalarId, ScalarId)> = keys.iter().map(|&(key, scalar)| (scalar, named(key))).collect();
        let exprs = shown.into_iter().map(|(id, column)| (id, named(column))).collect();
        let on = keys.into_iter().map(|(scalar, key)| arena.comparison(Function::Eq, scalar, key)).collect();
        return Some(Joined { class, on, exprs });
    }
    None
}

/// Whether the rows of a partition find each other by plain equality: no NULL, which is equal to none, and no
/// float, for which engines differ.
fn is_joinable(memo: &Memo, input: Id, partition: &Args) -> bool {
    let (arena, facts) = (&memo.context().arena, memo.facts(input));
    partition.iter().all(|&scalar| {
        !is_nullable(arena, scalar, facts)
            && !arena.type_of(scalar).is_float()
            && !arena.can_raise(scalar)
            && arena.volatility(scalar) == Volatility::Immutable
    })
}

/// Whether a call gives one value for the whole partition.
fn is_whole(memo: &Memo, call: &WindowCall) -> bool {
    let arena = &memo.context().arena;
    let WindowFunction::Aggregate(function) = call.function else { return false };
    call.order.is_empty()
        && call.frame.is_whole()
        && !call.is_ignoring_nulls
        && !function.is_order_sensitive()
        && call.args.iter().chain(&call.filter).all(|&scalar| arena.volatility(scalar) == Volatility::Immutable)
}
