//! An average beside the sum and the count of the same values is their quotient (C2).

use std::sync::Arc;

use egg::Id;
use isomer_ir::{AggregateCall, AggregateFunction, Arena, ColumnId, DataType, ScalarId};

use crate::facts::is_nullable;
use crate::memo::{Memo, Origin};
use crate::operator::Operator;
use crate::sharing::quotient;
use crate::simplify::Switches;

const RULE: &str = "convert-average-to-quotient";

/// Drops averages whose sum and count are computed anyway. Returns whether anything was added.
pub(super) fn as_quotient(
    memo: &mut Memo,
    switches: &mut Switches,
    (class, input): (Id, Id),
    keys: &[(ColumnId, ScalarId)],
    calls: &[(ColumnId, AggregateCall)],
) -> bool {
    if calls.len() < 3 || !switches.is_on(RULE) {
        return false;
    }
    let facts = memo.facts(input).clone();
    let arena = &mut memo.context_mut().arena;
    let mut kept = Vec::with_capacity(calls.len());
    let mut exprs: Vec<(ColumnId, ScalarId)> = keys.iter().map(|&(id, _)| (id, arena.column_ref(id))).collect();
    for (id, call) in calls {
        let parts = parts(arena, call, calls, |arena, scalar| is_nullable(arena, scalar, &facts));
        let value = match parts {
            Some((sum, n, of)) => {
                let (total, n) = (arena.column_ref(sum), arena.column_ref(n));
                quotient(arena, total, n, of)
            }
            None => {
                kept.push((*id, call.clone()));
                arena.column_ref(*id)
            }
        };
        exprs.push((*id, value));
    }
    if kept.len() == calls.len() {
        return false;
    }
    let told = "the sum and the count of the same values are computed anyway";
    let origin = Origin { rule: Arc::from(RULE), facts: vec![told.to_owned()] };
    let aggregate = memo.add_made(Operator::Aggregate { keys: keys.to_vec(), calls: kept }, &[input], &origin);
    let is_added = memo.add_equal(class, Operator::Project { exprs }, &[aggregate], &origin);
    if is_added {
        switches.fire(RULE);
    }
    is_added
}

/// The sum and the count of what a call averages, and the values' type.
fn parts(
    arena: &Arena,
    call: &AggregateCall,
    calls: &[(ColumnId, AggregateCall)],
    is_nullable: impl Fn(&Arena, ScalarId) -> bool,
) -> Option<(ColumnId, ColumnId, DataType)> {
    let (AggregateFunction::Avg, DataType::Float64, [arg]) = (call.function, call.data_type, call.args.as_slice())
    else {
        return None;
    };
    let of = arena.type_of(*arg);
    // A sum of doubles may be computed in another way than their average.
    if call.is_distinct || !call.order.is_empty() || !(of.is_integer() || matches!(of, DataType::Decimal { .. })) {
        return None;
    }
    let is_alike = |other: &AggregateCall| !other.is_distinct && other.order.is_empty() && other.filter == call.filter;
    let sum = calls
        .iter()
        .find(|(_, other)| other.function == AggregateFunction::Sum && is_alike(other) && other.args == call.args)?;
    let counts_all = !is_nullable(arena, *arg);
    let n = calls.iter().find(|(_, other)| {
        other.function == AggregateFunction::Count
            && is_alike(other)
            && (other.args == call.args || (other.args.is_empty() && counts_all))
    })?;
    Some((sum.0, n.0, of))
}
