//! Covers of aggregates: one aggregate at the union of the keys (C7) under the union of the filters
//! (C5) with the union of the calls (C11), from which each site is rolled up (C1, C2).

use isomer_ir::{AggregateCall, AggregateFunction, Arena, ColumnId, DataType, Function, Literal, ScalarId};
use smallvec::SmallVec;

use super::sites::Site;
use crate::memo::Memo;
use crate::operator::Context;
use crate::simplify::Switches;

/// Keys and calls of an aggregate.
pub(crate) type Grouping = (Vec<(ColumnId, ScalarId)>, Vec<(ColumnId, AggregateCall)>);

/// A covering aggregate and how each site reads it.
#[derive(Debug)]
pub(crate) struct Cover {
    pub(crate) holds: Vec<ScalarId>,
    pub(crate) keys: Vec<(ColumnId, ScalarId)>,
    pub(crate) calls: Vec<(ColumnId, AggregateCall)>,
    pub(crate) servings: Vec<Serving>,
}

/// How one site reads a cover: filter, then aggregate, then project; each only if present.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) rule: &'static str,
    pub(crate) facts: Vec<String>,
    pub(crate) residual: Vec<ScalarId>,
    pub(crate) aggregate: Option<Grouping>,
    pub(crate) exprs: Option<Vec<(ColumnId, ScalarId)>>,
}

/// The cover of `sites`, all over one base, or `None` where a condition fails.
pub(crate) fn cover_of(memo: &mut Memo, switches: &mut Switches, sites: &[&Site]) -> Option<Cover> {
    let common: Vec<ScalarId> = sites[0]
        .holds
        .iter()
        .copied()
        .filter(|predicate| sites.iter().all(|site| site.holds.contains(predicate)))
        .collect();
    let residuals: Vec<Vec<ScalarId>> = sites
        .iter()
        .map(|site| site.holds.iter().copied().filter(|predicate| !common.contains(predicate)).collect())
        .collect();
    let has_residual = residuals.iter().any(|residual| !residual.is_empty());
    if has_residual && !switches.is_on("share-filtered-aggregate") {
        return None;
    }
    let is_one_shape = sites.iter().all(|site| site.has_same_groups(sites[0]));
    if !switches.is_on(if is_one_shape { "share-aggregate-list" } else { "share-roll-up" }) {
        return None;
    }
    let context = memo.context_mut();
    let mut keys: Vec<(ColumnId, ScalarId)> = Vec::new();
    for site in sites {
        add_keys(&mut keys, &site.keys)?;
    }
    // Residual filters are applied again above the cover, so what they read must be a key there.
    for &predicate in residuals.iter().flatten() {
        for column in context.arena.columns_of(predicate).to_vec() {
            let scalar = context.arena.column_ref(column);
            add_keys(&mut keys, &[(column, scalar)])?;
        }
    }
    if keys.is_empty() && !is_one_shape {
        return None;
    }
    keys.sort_by_key(|(id, _)| *id);
    let mut calls: Vec<(ColumnId, AggregateCall)> = Vec::new();
    let mut servings = Vec::with_capacity(sites.len());
    for (site, residual) in sites.iter().zip(&residuals) {
        // Arguments are now computed on rows that the site's own filter kept away.
        let sees_more = has_residual;
        if sees_more
            && site.calls.iter().any(|(_, call)| {
                crate::normalize::aggregate_scalars(call).any(|scalar| context.arena.can_raise(scalar))
            })
        {
            return None;
        }
        servings.push(serving(context, switches, site, residual, &keys, &mut calls)?);
    }
    calls.sort_by_key(|(id, _)| *id);
    let mut holds = common;
    if residuals.iter().all(|residual| !residual.is_empty()) {
        let branches: Vec<ScalarId> =
            residuals.iter().map(|residual| context.arena.and(residual.iter().copied())).collect();
        holds.push(context.arena.or(branches));
    }
    holds.sort_unstable();
    holds.dedup();
    Some(Cover { holds, keys, calls, servings })
}

/// Adds keys; `None` when an id would stand for two definitions.
fn add_keys(keys: &mut Vec<(ColumnId, ScalarId)>, added: &[(ColumnId, ScalarId)]) -> Option<()> {
    for &(id, scalar) in added {
        match keys.iter().find(|(known, _)| *known == id) {
            Some(&(_, known)) if known != scalar => return None,
            Some(_) => {}
            None => keys.push((id, scalar)),
        }
    }
    Some(())
}

fn add_call(
    calls: &mut Vec<(ColumnId, AggregateCall)>,
    keys: &[(ColumnId, ScalarId)],
    id: ColumnId,
    call: &AggregateCall,
) -> Option<()> {
    if keys.iter().any(|(key, _)| *key == id) {
        return None;
    }
    match calls.iter().find(|(known, _)| *known == id) {
        Some((_, known)) => (known == call).then_some(()),
        None => {
            calls.push((id, call.clone()));
            Some(())
        }
    }
}

fn serving(
    context: &mut Context,
    switches: &Switches,
    site: &Site,
    residual: &[ScalarId],
    keys: &[(ColumnId, ScalarId)],
    calls: &mut Vec<(ColumnId, AggregateCall)>,
) -> Option<Serving> {
    let has_own_groups = site.keys.len() == keys.len();
    if has_own_groups {
        // The same groups: every call is taken as it is, and a residual filter on keys keeps or
        // drops whole groups.
        for (id, call) in &site.calls {
            add_call(calls, keys, *id, call)?;
        }
        let rule = if residual.is_empty() { "share-aggregate-list" } else { "share-filtered-aggregate" };
        return Some(Serving { rule, facts: Vec::new(), residual: residual.to_vec(), aggregate: None, exprs: None });
    }
    let outer_keys: Vec<(ColumnId, ScalarId)> =
        site.keys.iter().map(|&(id, _)| (id, context.arena.column_ref(id))).collect();
    let mut outer_calls = Vec::new();
    let mut exprs: Vec<(ColumnId, ScalarId)> = outer_keys.clone();
    let mut has_average = false;
    for (id, call) in &site.calls {
        has_average |= call.function.is_sum_over_count();
        let scalar = rolled_up(context, call, site.keys.is_empty(), keys, calls, &mut outer_calls)?;
        exprs.push((*id, scalar));
    }
    if has_average && !switches.is_on("share-average") {
        return None;
    }
    let rule = if has_average {
        "share-average"
    } else if residual.is_empty() {
        "share-roll-up"
    } else {
        "share-filtered-aggregate"
    };
    let is_plain = site
        .calls
        .iter()
        .zip(&exprs[outer_keys.len()..])
        .all(|((id, _), (_, scalar))| crate::normalize::is_column(&context.arena, *scalar, *id));
    let facts = vec![format!("{} calls are decomposable", site.calls.len())];
    let exprs = if is_plain { None } else { Some(exprs) };
    Some(Serving { rule, facts, residual: residual.to_vec(), aggregate: Some((outer_keys, outer_calls)), exprs })
}

/// Adds what the cover must hold for `call` to `calls` and its combination to `outer`; gives the
/// value over the outer aggregate's columns.
pub(crate) fn rolled_up(
    context: &mut Context,
    call: &AggregateCall,
    has_no_keys: bool,
    keys: &[(ColumnId, ScalarId)],
    calls: &mut Vec<(ColumnId, AggregateCall)>,
    outer: &mut Vec<(ColumnId, AggregateCall)>,
) -> Option<ScalarId> {
    if call.is_distinct || !call.order.is_empty() {
        return None;
    }
    if call.function.is_sum_over_count() {
        return rolled_up_average(context, call, has_no_keys, keys, calls, outer);
    }
    let combining = call.function.rolled_up_by()?;
    let arena = &mut context.arena;
    let inner = arena.aggregate_column(call, call.function.name());
    add_call(calls, keys, inner, call)?;
    let inner_ref = arena.column_ref(inner);
    let sum_type = summed_type(call.data_type)?;
    let data_type = if combining == AggregateFunction::Sum { sum_type } else { call.data_type };
    let combined = AggregateCall {
        function: combining,
        is_distinct: false,
        args: SmallVec::from_slice(&[inner_ref]),
        filter: None,
        order: Vec::new(),
        data_type,
    };
    let hint = arena.hint(inner).clone();
    let outer_id = arena.aggregate_column(&combined, &hint);
    if !outer.iter().any(|(id, _)| *id == outer_id) {
        outer.push((outer_id, combined));
    }
    let mut value = arena.column_ref(outer_id);
    value = arena.cast(value, call.data_type);
    if has_no_keys {
        // Over no rows the cover has no groups, and a sum of none is NULL where a count is zero.
        value = arena.or_over_nothing(call, value)?;
    }
    Some(value)
}

/// AVG is the sum of the sums over the sum of the counts, never an average of averages (C2).
fn rolled_up_average(
    context: &mut Context,
    call: &AggregateCall,
    has_no_keys: bool,
    keys: &[(ColumnId, ScalarId)],
    calls: &mut Vec<(ColumnId, AggregateCall)>,
    outer: &mut Vec<(ColumnId, AggregateCall)>,
) -> Option<ScalarId> {
    if call.data_type != DataType::Float64 {
        return None;
    }
    let argument = *call.args.first()?;
    let argument_type = context.arena.type_of(argument);
    if !argument_type.is_numeric() {
        return None;
    }
    let sum =
        AggregateCall { function: AggregateFunction::Sum, data_type: summed_type(argument_type)?, ..call.clone() };
    let count = AggregateCall { function: AggregateFunction::Count, data_type: DataType::Int64, ..call.clone() };
    let total = rolled_up(context, &sum, false, keys, calls, outer)?;
    let n = rolled_up(context, &count, has_no_keys, keys, calls, outer)?;
    Some(quotient(&mut context.arena, total, n, argument_type))
}

/// A sum over a count of values of a type, as the average of that type is rounded; NULL where there are none.
pub(crate) fn quotient(arena: &mut Arena, total: ScalarId, n: ScalarId, of: DataType) -> ScalarId {
    let mut total = arena.cast(total, DataType::Float64);
    let n = arena.cast(n, DataType::Float64);
    let zero = arena.literal(Literal::Float(0.0_f64.to_bits()));
    // No value at all: NULL, not a division by zero.
    let mut n = arena.call(Function::NullIf, [n, zero], DataType::Float64);
    if let DataType::Decimal { scale: scale @ 1.., .. } = of {
        // A decimal's average is its digits over the count, rounded once: 0.30 / 3 is not 0.1 as doubles.
        let digits = arena.literal(Literal::Float(10.0_f64.powi(i32::from(scale)).to_bits()));
        total = arena.call(Function::Multiply, [total, digits], DataType::Float64);
        total = arena.call(Function::Round, [total], DataType::Float64);
        n = arena.call(Function::Multiply, [n, digits], DataType::Float64);
    }
    arena.call(Function::Divide, [total, n], DataType::Float64)
}

/// The type in which sums of a type are kept without overflow.
pub(crate) fn summed_type(data_type: DataType) -> Option<DataType> {
    match data_type {
        DataType::Decimal { scale, .. } => Some(DataType::Decimal { precision: 38, scale }),
        _ if data_type.is_integer() => Some(DataType::Int128),
        _ if data_type.is_float() => Some(DataType::Float64),
        DataType::Boolean
        | DataType::Date
        | DataType::Timestamp
        | DataType::TimestampTz
        | DataType::Time
        | DataType::Text
        | DataType::Bytes
        | DataType::Interval
        | DataType::Uuid => Some(data_type),
        _ => None,
    }
}
