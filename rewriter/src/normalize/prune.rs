//! Top-down demand: what nobody above reads is not computed, and joins that only repeat their
//! input are dropped.
//!
//! Pruning changes schemas, so it is done on plans before they enter the e-graph, never as a union
//! within a class. Scans stay wide: the emitters write only the columns that are read.

use isomer_ir::{
    AggregateCall, Arena, ColumnDef, ColumnId, DataType, JoinKind, Literal, Plan, Scalar, ScalarId, SetOpKind,
    Volatility, WindowCall,
};

use super::inner::flat_owned;
use super::joins::left_deep;
use super::references::{WholeTable, foreign_key_join};
use super::{Definitions, peek};
use crate::facts::{bound_columns, matches_key};
use crate::operator::Context;
use crate::plan_facts::plan_facts;
use crate::simplify::Switches;

/// `plan` without what is not needed for `demanded`, columns that the plan exposes.
pub(crate) fn prune(context: &mut Context, switches: &mut Switches, plan: Plan, demanded: &[ColumnId]) -> Plan {
    let mut demanded = demanded.to_vec();
    demanded.sort_unstable();
    demanded.dedup();
    prune_sorted(context, switches, plan, demanded, Repeats::Count)
}

/// Whether somebody above sees how often a row occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeats {
    /// Each occurrence counts.
    Count,
    /// A row that occurs is a row that occurs.
    SayNothing,
}

fn add(arena: &Arena, demanded: &mut Vec<ColumnId>, scalars: impl IntoIterator<Item = ScalarId>) {
    for scalar in scalars {
        demanded.extend(arena.columns_of(scalar));
    }
    demanded.sort_unstable();
    demanded.dedup();
}

impl Repeats {
    /// As `self`, but what is drawn anew for each row counts the rows.
    fn over(self, arena: &Arena, scalars: impl IntoIterator<Item = ScalarId>) -> Self {
        let is_volatile = scalars.into_iter().any(|scalar| arena.volatility(scalar) == Volatility::Volatile);
        if is_volatile { Self::Count } else { self }
    }
}

/// Every scalar of an aggregate call.
pub(crate) fn aggregate_scalars(call: &AggregateCall) -> impl Iterator<Item = ScalarId> + '_ {
    call.args.iter().copied().chain(call.filter).chain(call.order.iter().map(|key| key.scalar))
}

/// Every scalar of a window call; frame offsets read no columns.
pub(crate) fn window_scalars(call: &WindowCall) -> impl Iterator<Item = ScalarId> + '_ {
    call.args
        .iter()
        .copied()
        .chain(call.filter)
        .chain(call.partition.iter().copied())
        .chain(call.order.iter().map(|key| key.scalar))
}

fn prune_sorted(
    context: &mut Context,
    switches: &mut Switches,
    plan: Plan,
    mut demanded: Vec<ColumnId>,
    repeats: Repeats,
) -> Plan {
    match plan {
        Plan::Scan { .. }
        | Plan::Values { .. }
        | Plan::Empty { .. }
        | Plan::WorkTable { .. }
        | Plan::ScanAt { .. }
        | Plan::Hole { .. } => plan,
        Plan::RecursiveUnion { mut recursion } => {
            // Every column decides how often the step runs, also one that nobody reads above.
            let own = if recursion.is_distinct { Repeats::SayNothing } else { Repeats::Count };
            let taken = |columns: &[ColumnId]| {
                let mut taken = columns.to_vec();
                taken.sort_unstable();
                taken.dedup();
                taken
            };
            let nothing = || Plan::Empty { columns: Vec::new() };
            let (base, step) =
                (std::mem::replace(&mut recursion.base, nothing()), std::mem::replace(&mut recursion.step, nothing()));
            recursion.base = prune_sorted(context, switches, base, taken(&recursion.base_columns), own);
            recursion.step = prune_sorted(context, switches, step, taken(&recursion.step_columns), Repeats::Count);
            Plan::RecursiveUnion { recursion }
        }
        Plan::Sample { input, sampling } => {
            let mut all = input.columns(&mut context.arena);
            all.sort_unstable();
            let input = prune_sorted(context, switches, *input, all, Repeats::Count);
            Plan::Sample { input: Box::new(input), sampling }
        }
        Plan::Named { input, name, span } => {
            let input = prune_sorted(context, switches, *input, demanded, repeats);
            Plan::Named { input: Box::new(input), name, span }
        }
        Plan::Filter { input, holds } => {
            add(&context.arena, &mut demanded, holds.iter().copied());
            let repeats = repeats.over(&context.arena, holds.iter().copied());
            Plan::Filter { input: Box::new(prune_sorted(context, switches, *input, demanded, repeats)), holds }
        }
        Plan::Project { input, mut exprs } => {
            if switches.is_on("prune-columns") && exprs.iter().any(|(id, _)| demanded.binary_search(id).is_ok()) {
                let before = exprs.len();
                exprs.retain(|(id, _)| demanded.binary_search(id).is_ok());
                if exprs.len() < before {
                    switches.fire("prune-columns");
                }
            }
            let mut below = Vec::new();
            add(&context.arena, &mut below, exprs.iter().map(|(_, scalar)| *scalar));
            let repeats = repeats.over(&context.arena, exprs.iter().map(|(_, scalar)| *scalar));
            Plan::Project { input: Box::new(prune_sorted(context, switches, *input, below, repeats)), exprs }
        }
        Plan::Aggregate { input, keys, mut calls } => {
            // One column must stay; a group's existence is told by its keys.
            if switches.is_on("prune-unused-aggregate")
                && calls.iter().any(|(id, _)| demanded.binary_search(id).is_err())
            {
                let keep_one = keys.is_empty() && calls.iter().all(|(id, _)| demanded.binary_search(id).is_err());
                switches.fire("prune-unused-aggregate");
                let first = calls.first().cloned();
                calls.retain(|(id, _)| demanded.binary_search(id).is_ok());
                if keep_one {
                    calls.extend(first);
                }
            }
            let mut below = Vec::new();
            add(&context.arena, &mut below, keys.iter().map(|(_, scalar)| *scalar));
            for (_, call) in &calls {
                add(&context.arena, &mut below, aggregate_scalars(call));
            }
            let own = if calls.iter().all(|(_, call)| call.is_distinct || call.function.is_duplicate_insensitive()) {
                Repeats::SayNothing
            } else {
                Repeats::Count
            };
            let own = own.over(&context.arena, keys.iter().map(|(_, scalar)| *scalar));
            let own = own.over(&context.arena, calls.iter().flat_map(|(_, call)| aggregate_scalars(call)));
            Plan::Aggregate { input: Box::new(prune_sorted(context, switches, *input, below, own)), keys, calls }
        }
        Plan::GroupingSets { input, mut groups } => {
            if switches.is_on("prune-unused-aggregate") {
                let before = groups.calls.len() + groups.markers.len();
                let is_read = |id: &ColumnId| demanded.binary_search(id).is_ok();
                // One column must stay where there are no keys.
                let is_kept = |at: usize, id: &ColumnId| is_read(id) || (groups.keys.is_empty() && at == 0);
                let mut at = 0..;
                groups.calls.retain(|(id, _)| at.next().is_some_and(|at| is_kept(at, id)));
                groups.markers.retain(|(id, _)| is_read(id));
                if groups.calls.len() + groups.markers.len() < before {
                    switches.fire("prune-unused-aggregate");
                }
            }
            let mut below = Vec::new();
            add(&context.arena, &mut below, groups.scalars());
            let input = prune_sorted(context, switches, *input, below, Repeats::Count);
            Plan::GroupingSets { input: Box::new(input), groups }
        }
        Plan::Distinct { input } => {
            let all = input.columns(&mut context.arena);
            let mut all = all;
            all.sort_unstable();
            let input = prune_sorted(context, switches, *input, all, Repeats::SayNothing);
            Plan::Distinct { input: Box::new(input) }
        }
        Plan::Window { input, mut calls } => {
            if switches.is_on("prune-unused-window") && calls.iter().any(|(id, _)| demanded.binary_search(id).is_err())
            {
                switches.fire("prune-unused-window");
                calls.retain(|(id, _)| demanded.binary_search(id).is_ok());
            }
            demanded.retain(|column| !calls.iter().any(|(id, _)| id == column));
            for (_, call) in &calls {
                add(&context.arena, &mut demanded, window_scalars(call));
            }
            let own = if calls.is_empty() { repeats } else { Repeats::Count };
            let input = prune_sorted(context, switches, *input, demanded, own);
            if calls.is_empty() { input } else { Plan::Window { input: Box::new(input), calls } }
        }
        Plan::Unnest { input, list, column, position, is_outer } => {
            let position = position.filter(|id| demanded.binary_search(id).is_ok());
            demanded.retain(|id| *id != column && Some(*id) != position);
            add(&context.arena, &mut demanded, [list]);
            let input = prune_sorted(context, switches, *input, demanded, Repeats::Count);
            Plan::Unnest { input: Box::new(input), list, column, position, is_outer }
        }
        Plan::Sort { input, keys } => {
            add(&context.arena, &mut demanded, keys.iter().map(|key| key.scalar));
            Plan::Sort { input: Box::new(prune_sorted(context, switches, *input, demanded, repeats)), keys }
        }
        Plan::Limit { input, skip, fetch } => {
            let input = prune_sorted(context, switches, *input, demanded, Repeats::Count);
            Plan::Limit { input: Box::new(input), skip, fetch }
        }
        Plan::SetOp { kind, mut inputs, mut columns } => {
            if kind == SetOpKind::UnionAll && switches.is_on("prune-columns") {
                prune_union(context, switches, &mut inputs, &mut columns, &demanded);
            }
            let own = match kind {
                SetOpKind::UnionAll => repeats,
                SetOpKind::Union | SetOpKind::Intersect | SetOpKind::Except => Repeats::SayNothing,
                SetOpKind::IntersectAll | SetOpKind::ExceptAll => Repeats::Count,
            };
            let inputs = inputs
                .into_iter()
                .map(|(input, taken)| {
                    let mut below = taken.clone();
                    below.sort_unstable();
                    below.dedup();
                    (prune_sorted(context, switches, input, below, own), taken)
                })
                .collect();
            Plan::SetOp { kind, inputs, columns }
        }
        Plan::Instance { input, k } => {
            let columns = input.columns(&mut context.arena);
            let mut below: Vec<ColumnId> = columns
                .into_iter()
                .filter(|&column| demanded.binary_search(&context.arena.instance(column, k)).is_ok())
                .collect();
            below.sort_unstable();
            below.dedup();
            Plan::Instance { input: Box::new(prune_sorted(context, switches, *input, below, repeats)), k }
        }
        Plan::Join { kind: JoinKind::Inner, .. } => prune_inner(context, switches, plan, demanded, repeats),
        Plan::Join { kind, left, right, on } => {
            prune_join(context, switches, kind, (*left, *right), on, demanded, repeats)
        }
    }
}

fn prune_join(
    context: &mut Context,
    switches: &mut Switches,
    kind: JoinKind,
    (left, right): (Plan, Plan),
    on: Vec<ScalarId>,
    mut demanded: Vec<ColumnId>,
    repeats: Repeats,
) -> Plan {
    if let JoinKind::Mark(mark) = kind
        && demanded.binary_search(&mark).is_err()
        && switches.is_on("eliminate-unused-mark-join")
    {
        switches.fire("eliminate-unused-mark-join");
        return prune_sorted(context, switches, left, demanded, repeats);
    }
    if kind == JoinKind::Left {
        let right_facts = plan_facts(context, &right);
        let is_unused = !demanded.iter().any(|column| right_facts.exposes(*column));
        let bound = bound_columns(&context.arena, &on, &right_facts);
        let adds_no_row = right_facts.is_unique(&bound)
            || WholeTable::of(&mut context.arena, &right)
                .is_some_and(|table| table.is_unique_where_equal(context, &bound));
        let rule = match (is_unused, adds_no_row, repeats) {
            (true, true, _) => Some("eliminate-left-join-to-unique-key"),
            (true, false, Repeats::SayNothing) => Some("eliminate-left-join-under-distinct"),
            (true, false, Repeats::Count) | (false, _, _) => None,
        };
        if let Some(rule) = rule.filter(|rule| switches.is_on(rule)) {
            switches.fire(rule);
            return prune_sorted(context, switches, left, demanded, repeats);
        }
    }
    add(&context.arena, &mut demanded, on.iter().copied());
    let repeats = repeats.over(&context.arena, on.iter().copied());
    let right_repeats = match kind {
        JoinKind::Semi | JoinKind::Anti | JoinKind::AntiNullAware | JoinKind::Mark(_) => {
            Repeats::SayNothing.over(&context.arena, on.iter().copied())
        }
        // A second match is an error.
        JoinKind::Single => Repeats::Count,
        JoinKind::Inner | JoinKind::Left | JoinKind::Full => repeats,
    };
    let left = prune_sorted(context, switches, left, demanded.clone(), repeats);
    let right = prune_sorted(context, switches, right, demanded, right_repeats);
    Plan::Join { kind, left: Box::new(left), right: Box::new(right), on }
}

fn prune_inner(
    context: &mut Context,
    switches: &mut Switches,
    plan: Plan,
    mut demanded: Vec<ColumnId>,
    repeats: Repeats,
) -> Plan {
    let (mut inputs, mut on) = flat_owned(plan);
    let repeats = repeats.over(&context.arena, on.iter().copied());
    if switches.is_on("eliminate-inner-join-by-foreign-key") {
        while let Some((position, replaced)) = foreign_key_join(context, &inputs, &on, &demanded) {
            switches.fire("eliminate-inner-join-by-foreign-key");
            inputs.remove(position);
            on = replaced;
        }
    }
    if switches.is_on("convert-inner-join-to-semi")
        && let Some((right, own, rest)) = only_tested(context, &mut inputs, &on, &demanded, repeats)
    {
        switches.fire("convert-inner-join-to-semi");
        let left = Box::new(left_deep(inputs, rest));
        let plan = Plan::Join { kind: JoinKind::Semi, left, right: Box::new(right), on: own };
        return prune_sorted(context, switches, plan, demanded, repeats);
    }
    add(&context.arena, &mut demanded, on.iter().copied());
    let inputs =
        inputs.into_iter().map(|input| prune_sorted(context, switches, input, demanded.clone(), repeats)).collect();
    left_deep(inputs, on)
}

/// Takes out an input of an inner join of which nothing is read but by the join's conditions, and where
/// it does not matter how often a row matches: because the rows are distinct (then they need not be),
/// or because nobody counts. Gives it with its conditions and those of the rest.
fn only_tested(
    context: &mut Context,
    inputs: &mut Vec<Plan>,
    on: &[ScalarId],
    demanded: &[ColumnId],
    repeats: Repeats,
) -> Option<(Plan, Vec<ScalarId>, Vec<ScalarId>)> {
    if inputs.len() < 2 {
        return None;
    }
    for position in 0..inputs.len() {
        let columns = inputs[position].columns(&mut context.arena);
        if columns.iter().any(|column| demanded.binary_search(column).is_ok()) {
            continue;
        }
        let facts = plan_facts(context, &inputs[position]);
        // What can fail stays with the pairs: rows without a partner were never tested.
        let (own, rest): (Vec<ScalarId>, Vec<ScalarId>) = on.iter().partition(|&&predicate| {
            context.arena.can_raise(predicate)
                || context.arena.columns_of(predicate).iter().any(|column| facts.exposes(*column))
        });
        let is_single = matches_key(&context.arena, &own, &facts) || facts.max_rows.is_some_and(|rows| rows <= 1);
        let others: Vec<ColumnId> = inputs
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != position)
            .flat_map(|(_, input)| input.columns(&mut context.arena))
            .collect();
        let (right, own) = match distinct_input(context, &inputs[position], &own, &others) {
            Some(found) if is_single => found,
            _ if !is_single && repeats == Repeats::SayNothing => (inputs[position].clone(), own),
            _ => continue,
        };
        inputs.remove(position);
        return Some((right, own, rest));
    }
    None
}

/// The input of a DISTINCT, and the conditions on its rows written over that.
fn distinct_input(
    context: &mut Context,
    plan: &Plan,
    on: &[ScalarId],
    others: &[ColumnId],
) -> Option<(Plan, Vec<ScalarId>)> {
    let Plan::Aggregate { input, keys, calls } = peek(plan) else { return None };
    let is_read = |id: &ColumnId| on.iter().any(|&predicate| context.arena.columns_of(predicate).contains(id));
    let is_plain = keys.iter().all(|&(_, scalar)| {
        context.arena.volatility(scalar) == Volatility::Immutable && !context.arena.can_raise(scalar)
    });
    if keys.is_empty() || calls.iter().any(|(id, _)| is_read(id)) || !is_plain {
        return None;
    }
    if input.columns(&mut context.arena).iter().any(|column| others.contains(column)) {
        return None;
    }
    let definitions: Definitions = keys.iter().copied().collect();
    let on = on.iter().map(|&predicate| context.arena.inline_columns(predicate, &definitions)).collect();
    Some(((**input).clone(), on))
}

/// Whether a scalar is the bare column.
pub(crate) fn is_column(arena: &Arena, scalar: ScalarId, column: ColumnId) -> bool {
    arena[scalar] == Scalar::Column(column)
}

/// Drops the columns of a `UNION ALL` that nobody reads.
fn prune_union(
    context: &mut Context,
    switches: &mut Switches,
    inputs: &mut [(Plan, Vec<ColumnId>)],
    columns: &mut Vec<ColumnId>,
    demanded: &[ColumnId],
) {
    let kept: Vec<usize> =
        (0..columns.len()).filter(|&position| demanded.binary_search(&columns[position]).is_ok()).collect();
    if kept.len() >= columns.len() {
        return;
    }
    switches.fire("prune-columns");
    if kept.is_empty() {
        count_rows_only(context, inputs, columns);
        return;
    }
    let only = |list: &[ColumnId]| kept.iter().filter_map(|&position| list.get(position).copied()).collect();
    *columns = only(columns);
    for (_, taken) in inputs {
        *taken = only(taken);
    }
}

/// A union of which nothing is read carries one constant, for its rows to be counted by.
fn count_rows_only(context: &mut Context, inputs: &mut [(Plan, Vec<ColumnId>)], columns: &mut Vec<ColumnId>) {
    let one = context.arena.literal(Literal::Int(1, DataType::Int32));
    let id = context.arena.computed_column(one, "one");
    let def = ColumnDef::SetOp { position: 0, branches: vec![id; inputs.len()] };
    *columns = vec![context.arena.column(def, DataType::Int32, "one")];
    for (input, taken) in inputs {
        let plan = std::mem::replace(input, Plan::Empty { columns: Vec::new() });
        *input = Plan::Project { input: Box::new(plan), exprs: vec![(id, one)] };
        *taken = vec![id];
    }
}
