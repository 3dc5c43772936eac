//! Aggregates of aggregates: one aggregate of what the inner one reads, also through a union.

use isomer_ir::{
    AggregateCall, AggregateFunction, Arena, ColumnDef, ColumnId, DataType, OverNothing, Plan, Scalar, ScalarId,
    SetOpKind, Volatility,
};
use rustc_hash::FxHashMap;

use super::sets::Branch;
use super::{Definitions, Normalizer, peek};

/// Keys and calls of an aggregate.
pub(crate) type Keys = [(ColumnId, ScalarId)];
pub(crate) type Calls = [(ColumnId, AggregateCall)];

impl Normalizer<'_> {
    /// What the aggregate's columns are where it and the aggregates that it reads are one.
    pub(super) fn rolled_up(&mut self, plan: &Plan, keys: &Keys, calls: &Calls) -> Option<(Plan, Definitions)> {
        match peek(plan) {
            Plan::Aggregate { input, keys: inner_keys, calls: inner_calls } => {
                self.merged_aggregates(input, (inner_keys, inner_calls), keys, calls)
            }
            Plan::SetOp { kind: SetOpKind::UnionAll, inputs, columns } => {
                self.aggregate_above_union(inputs, columns, keys, calls)
            }
            _ => None,
        }
    }

    fn merged_aggregates(
        &mut self,
        input: &Plan,
        inner: (&Keys, &Calls),
        keys: &Keys,
        calls: &Calls,
    ) -> Option<(Plan, Definitions)> {
        if !self.switches.is_on("merge-aggregates") || (keys.is_empty() && calls.is_empty()) {
            return None;
        }
        let arena = &mut self.context.arena;
        let definitions: Definitions = inner.0.iter().copied().collect();
        let reads_keys = |arena: &Arena, scalar: ScalarId| {
            arena.columns_of(scalar).iter().all(|column| definitions.contains_key(column))
        };
        if keys.iter().any(|&(_, scalar)| !reads_keys(arena, scalar)) || !is_repeatable(arena, inner.0, inner.1) {
            return None;
        }
        let mut merged = Vec::with_capacity(calls.len());
        for (id, call) in calls {
            merged.push((*id, combined(arena, call, keys, inner, DistinctCalls::AsWritten)?));
        }
        let keys: Vec<(ColumnId, ScalarId)> =
            keys.iter().map(|&(id, scalar)| (id, arena.inline_columns(scalar, &definitions))).collect();
        self.switches.fire("merge-aggregates");
        Some(self.in_types((input.clone(), &Definitions::default()), &keys, calls, merged))
    }

    /// The aggregate with the ids and types of `calls`, computed by `merged`.
    fn in_types(
        &mut self,
        (input, shown): (Plan, &Definitions),
        keys: &Keys,
        calls: &Calls,
        merged: Vec<(ColumnId, AggregateCall)>,
    ) -> (Plan, Definitions) {
        let mut inner = Vec::with_capacity(merged.len());
        let mut outer: Vec<(ColumnId, ScalarId)> = Vec::with_capacity(merged.len());
        for ((id, call), (_, written)) in merged.into_iter().zip(calls) {
            let hint = std::sync::Arc::clone(self.context.arena.hint(id));
            let computed = self.context.arena.aggregate_column(&call, &hint);
            let column = self.context.arena.column_ref(computed);
            outer.push((id, self.context.arena.cast(column, written.data_type)));
            inner.push((computed, call));
        }
        let (plan, mut definitions) = self.aggregate_over(input, shown, keys, inner, &[]);
        for (id, scalar) in outer {
            let scalar = self.resolve(scalar, &definitions);
            definitions.insert(id, scalar);
        }
        (plan, definitions)
    }

    /// Partial aggregates of the branches of a union are one aggregate of the union of what they read.
    fn aggregate_above_union(
        &mut self,
        inputs: &[(Plan, Vec<ColumnId>)],
        columns: &[ColumnId],
        keys: &Keys,
        calls: &Calls,
    ) -> Option<(Plan, Definitions)> {
        if !self.switches.is_on("pull-aggregate-from-union") || (keys.is_empty() && calls.is_empty()) {
            return None;
        }
        let arena = &mut self.context.arena;
        let mut read: Vec<ColumnId> = keys.iter().flat_map(|(_, scalar)| arena.columns_of(*scalar)).copied().collect();
        read.sort_unstable();
        read.dedup();
        let partial: Vec<Option<(&Plan, &Keys, &Calls)>> = inputs
            .iter()
            .map(|(plan, _)| match peek(plan) {
                Plan::Aggregate { input, keys, calls } => Some((&**input, keys.as_slice(), calls.as_slice())),
                _ => None,
            })
            .collect();
        // Rows that are no groups count once each: they may stand beside groups only where no call counts.
        if partial.iter().all(Option::is_none) || (!calls.is_empty() && partial.iter().any(Option::is_none)) {
            return None;
        }
        if partial.iter().flatten().any(|(_, keys, calls)| !is_repeatable(arena, keys, calls)) {
            return None;
        }
        let mut shown: Vec<Vec<ScalarId>> = vec![Vec::new(); inputs.len()];
        let mut names = Vec::new();
        for &column in &read {
            let position = columns.iter().position(|known| *known == column)?;
            for (index, (_, taken)) in inputs.iter().enumerate() {
                let from = taken[position];
                let scalar = match partial[index] {
                    None => arena.column_ref(from),
                    Some((_, keys, _)) => keys.iter().find(|(id, _)| *id == from)?.1,
                };
                shown[index].push(scalar);
            }
            names.push(column);
        }
        let mut merged = Vec::with_capacity(calls.len());
        for (id, call) in calls {
            let [arg] = call.args.as_slice() else { return None };
            let Scalar::Column(column) = arena[*arg] else { return None };
            let position = columns.iter().position(|known| *known == column)?;
            let mut parts: Vec<AggregateCall> = Vec::with_capacity(inputs.len());
            for ((_, taken), partial) in inputs.iter().zip(&partial) {
                let (_, inner_keys, inner_calls) = (*partial)?;
                let (_, part) = inner_calls.iter().find(|(id, _)| *id == taken[position])?;
                // Over no groups a sum of counts is NULL, a count is zero.
                let is_null_over_nothing = part.function.over_nothing() == OverNothing::Null;
                if keys.is_empty() && !inner_keys.is_empty() && !is_null_over_nothing {
                    return None;
                }
                parts.push(part.clone());
            }
            let first = parts.first()?.clone();
            let type_of = |call: &AggregateCall| call.args.first().map(|&arg| arena.type_of(arg));
            let is_alike = parts.iter().all(|part| {
                part.function == first.function
                    && part.is_distinct == first.is_distinct
                    && part.args.len() == first.args.len()
                    && part.args.len() <= 1
                    && part.filter.is_none()
                    && type_of(part) == type_of(&first)
                    && part.data_type == first.data_type
            });
            if !is_alike || call.filter.is_some() || !rolls_up(arena, call, &first) {
                return None;
            }
            let mut whole = first.clone();
            if let Some(&arg) = first.args.first() {
                let ids = parts.iter().map(|part| arena.computed_column(part.args[0], "value")).collect();
                let serial = u32::try_from(columns.len() + names.len()).unwrap_or(u32::MAX);
                let def = ColumnDef::SetOp { position: serial, branches: ids };
                let name = arena.column(def, arena.type_of(arg), "value");
                for (shown, part) in shown.iter_mut().zip(&parts) {
                    shown.push(part.args[0]);
                }
                names.push(name);
                whole.args = [arena.column_ref(name)].into_iter().collect();
            }
            merged.push((*id, whole));
        }
        self.switches.fire("pull-aggregate-from-union");
        let branches = inputs
            .iter()
            .zip(&partial)
            .zip(shown)
            .map(|(((plan, _), partial), shown)| Branch {
                plan: partial.map_or(plan, |(input, ..)| input).clone(),
                shown,
            })
            .collect();
        let (plan, definitions) = self.union_all(branches, &names, calls.is_empty());
        Some(self.in_types((plan, &definitions), keys, calls, merged))
    }
}

/// Whether calls over the keys of an inner aggregate may become calls over distinct values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DistinctCalls {
    /// Only those that are written so, or that do not see duplicates.
    AsWritten,
    /// Also where each value occurs once in a group.
    Made,
}

/// The call over the rows below an aggregate that gives what `call` gives over its groups.
pub(crate) fn combined(
    arena: &mut Arena,
    call: &AggregateCall,
    keys: &Keys,
    (inner_keys, inner_calls): (&Keys, &Calls),
    distinct: DistinctCalls,
) -> Option<AggregateCall> {
    let definitions: FxHashMap<ColumnId, ScalarId> = inner_keys.iter().copied().collect();
    let reads_keys = |arena: &Arena, scalar: ScalarId| {
        arena.columns_of(scalar).iter().all(|column| definitions.contains_key(column))
    };
    if !call.order.is_empty() || call.filter.is_some_and(|filter| !reads_keys(arena, filter)) {
        return None;
    }
    let filter = call.filter.map(|filter| arena.inline_columns(filter, &definitions));
    if let [arg] = call.args.as_slice()
        && let Scalar::Column(column) = arena[*arg]
        && let Some((_, inner)) = inner_calls.iter().find(|(id, _)| *id == column)
    {
        // Over no groups a sum of counts is NULL, a count is zero.
        let is_null_over_nothing = inner.function.over_nothing() == OverNothing::Null;
        let may_see_no_group = filter.is_some() || (keys.is_empty() && !inner_keys.is_empty());
        if !rolls_up(arena, call, inner) || (!is_null_over_nothing && may_see_no_group) {
            return None;
        }
        let filters: Vec<ScalarId> = filter.into_iter().chain(inner.filter).collect();
        let filter = if filters.is_empty() { None } else { Some(arena.and(filters)) };
        return Some(AggregateCall { filter, ..inner.clone() });
    }
    if call.args.is_empty() || call.args.iter().any(|&arg| !reads_keys(arena, arg)) {
        return None;
    }
    let is_insensitive = call.is_distinct || call.function.is_duplicate_insensitive();
    let is_once = || {
        // With the group's own keys the value tells the groups apart, so that each occurs once.
        let [arg] = call.args.as_slice() else { return false };
        let Scalar::Column(column) = arena[*arg] else { return false };
        definitions.contains_key(&column)
            && inner_keys
                .iter()
                .all(|&(id, _)| id == column || keys.iter().any(|&(_, scalar)| arena[scalar] == Scalar::Column(id)))
    };
    if !is_insensitive && (distinct == DistinctCalls::AsWritten || call.filter.is_some() || !is_once()) {
        return None;
    }
    let is_distinct = !call.function.is_duplicate_insensitive();
    let args = call.args.iter().map(|&arg| arena.inline_columns(arg, &definitions)).collect();
    Some(AggregateCall { args, filter, is_distinct, ..call.clone() })
}

/// Whether `call` over the results of `inner` is `inner` over all rows, in a type that holds it.
fn rolls_up(arena: &Arena, call: &AggregateCall, inner: &AggregateCall) -> bool {
    let is_additive = inner.function == AggregateFunction::Sum;
    let argument = inner.args.first().map(|&arg| arena.type_of(arg));
    // A sum of small integers stays far from the ends of a wide one.
    let is_wide_enough = call.data_type == inner.data_type
        || (inner.data_type.integer_bits().is_some_and(|bits| bits >= 64)
            && argument.and_then(DataType::integer_bits).is_some_and(|bits| bits <= 32));
    inner.function.rolled_up_by() == Some(call.function)
        && (!call.is_distinct || call.function.is_duplicate_insensitive())
        && (!inner.is_distinct || inner.function.is_duplicate_insensitive())
        && inner.order.is_empty()
        && (!is_additive || is_wide_enough)
}

/// Whether keys and calls give the same on every evaluation.
fn is_repeatable(arena: &Arena, keys: &Keys, calls: &Calls) -> bool {
    let is_fixed = |scalar: ScalarId| arena.volatility(scalar) != Volatility::Volatile;
    keys.iter().all(|&(_, scalar)| is_fixed(scalar))
        && calls.iter().all(|(_, call)| super::aggregate_scalars(call).all(is_fixed))
}
