//! Logical alternatives in the e-graph: rewrites that pay only sometimes, so both forms are kept
//! and extraction decides.

use std::sync::Arc;

use egg::Id;
use isomer_ir::{AggregateCall, Arena, ColumnId, Function, JoinKind, Scalar, ScalarId, SetOpKind};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::memo::{Memo, Origin};
use crate::normalize::aggregate_scalars;
use crate::normalize::roll_up::{Calls, DistinctCalls, Keys, combined};
use crate::operator::Operator;
use crate::simplify::Switches;

/// Applies every rule once to every class. Returns whether anything was added.
pub(crate) fn apply(memo: &mut Memo, switches: &mut Switches) -> bool {
    let mut has_changed = false;
    for class in memo.class_ids() {
        for node in memo.egraph[class].nodes.clone() {
            let operator = memo.operator(&node).clone();
            has_changed |= match operator {
                Operator::Aggregate { keys, calls } => {
                    inline_into_aggregate(memo, switches, class, node.inputs[0], &keys, &calls)
                        | (memo.origin(&node).is_none()
                            && merge_two_levels(memo, switches, class, node.inputs[0], (&keys, &calls)))
                }
                Operator::InnerJoin { on } => {
                    crate::disjunctions::filter_inputs(memo, switches, class, &node.inputs, &on)
                }
                Operator::SetOp { kind: kind @ (SetOpKind::Intersect | SetOpKind::Except), taken, columns } => {
                    row_set_as_semi_join(memo, switches, class, kind, (&node.inputs, &taken, &columns))
                }
                Operator::Filter { holds } => filter_below_project(memo, switches, class, node.inputs[0], &holds),
                _ => false,
            };
            has_changed |= crate::alternatives::of_node(memo, switches, class, &node);
        }
    }
    memo.rebuild();
    has_changed
}

/// The deterministic projections among a class's members.
fn projections(memo: &Memo, class: Id) -> Vec<(Vec<(ColumnId, ScalarId)>, Id)> {
    let arena = &memo.context().arena;
    memo.egraph[class]
        .nodes
        .iter()
        .filter_map(|node| match memo.operator(node) {
            Operator::Project { exprs }
                if exprs.iter().all(|&(_, scalar)| {
                    arena.volatility(scalar) == isomer_ir::Volatility::Immutable && arena.tree_size(scalar) <= 200
                }) =>
            {
                Some((exprs.clone(), node.inputs[0]))
            }
            _ => None,
        })
        .collect()
}

/// An aggregate over a projection reads the projection's input, with the definitions written out:
/// how a model that reads another model's table meets models that start from the source.
fn inline_into_aggregate(
    memo: &mut Memo,
    switches: &mut Switches,
    class: Id,
    input: Id,
    keys: &[(ColumnId, ScalarId)],
    calls: &[(ColumnId, AggregateCall)],
) -> bool {
    if !switches.is_on("merge-projects") {
        return false;
    }
    let mut has_changed = false;
    for (exprs, below) in projections(memo, input) {
        let arena = &mut memo.context_mut().arena;
        let definitions: FxHashMap<ColumnId, ScalarId> =
            exprs.iter().copied().filter(|&(id, scalar)| arena[scalar] != Scalar::Column(id)).collect();
        let keys: Vec<(ColumnId, ScalarId)> =
            keys.iter().map(|&(id, scalar)| (id, arena.inline_columns(scalar, &definitions))).collect();
        let calls: Vec<(ColumnId, AggregateCall)> = calls
            .iter()
            .map(|(id, call)| {
                (*id, arena.map_aggregate(call, &mut |arena, scalar| arena.inline_columns(scalar, &definitions)))
            })
            .collect();
        let reads_within = keys
            .iter()
            .map(|(_, scalar)| *scalar)
            .chain(calls.iter().flat_map(|(_, call)| aggregate_scalars(call).collect::<Vec<_>>()))
            .all(|scalar| memo.context().arena.reads_only(scalar, memo.columns(below)));
        if reads_within {
            let origin = Origin { rule: Arc::from("merge-projects"), facts: Vec::new() };
            has_changed |= add_new(memo, switches, class, Operator::Aggregate { keys, calls }, below, &origin);
        }
    }
    has_changed
}

/// `INTERSECT` is the distinct rows of the first input that have a match in each other, `EXCEPT` those that
/// have none; NULLs match each other.
fn row_set_as_semi_join(
    memo: &mut Memo,
    switches: &mut Switches,
    class: Id,
    kind: SetOpKind,
    (inputs, taken, columns): (&[Id], &[Vec<ColumnId>], &[ColumnId]),
) -> bool {
    let rule = "convert-row-set-to-semi-join";
    let (Some((&first, others)), Some((shown, others_shown))) = (inputs.split_first(), taken.split_first()) else {
        return false;
    };
    // DuckDB 1.5 cannot correlate an EXISTS with a FULL JOIN, which the set operation holds by itself.
    if !switches.is_on(rule) || others.iter().any(|&other| holds_full_join(memo, other)) {
        return false;
    }
    let origin = Origin { rule: Arc::from(rule), facts: Vec::new() };
    let kind = if kind == SetOpKind::Intersect { JoinKind::Semi } else { JoinKind::Anti };
    let mut left = first;
    for (&right, right_shown) in others.iter().zip(others_shown) {
        let (mut right, mut right_shown) = (right, right_shown.clone());
        if !memo.are_disjoint(&[first, right]) {
            right = memo.add_made(Operator::Instance { k: 1 }, &[right], &origin);
            let arena = &mut memo.context_mut().arena;
            right_shown = right_shown.into_iter().map(|column| arena.instance(column, 1)).collect();
            if !memo.are_disjoint(&[first, right]) {
                return false;
            }
        }
        let mut on = Vec::with_capacity(shown.len());
        for (&one, &other) in shown.iter().zip(&right_shown) {
            // Where one side is never NULL, two NULLs never meet.
            let is_plain = memo.facts(first).is_not_null(one) || memo.facts(right).is_not_null(other);
            let function = if is_plain { Function::Eq } else { Function::IsNotDistinct };
            let arena = &mut memo.context_mut().arena;
            let (one, other) = (arena.column_ref(one), arena.column_ref(other));
            on.push(arena.comparison(function, one, other));
        }
        left = memo.add_made(Operator::Join { kind, on }, &[left, right], &origin);
    }
    let arena = &mut memo.context_mut().arena;
    let keys: Vec<(ColumnId, ScalarId)> = shown.iter().map(|&column| (column, arena.column_ref(column))).collect();
    let exprs: Vec<(ColumnId, ScalarId)> =
        columns.iter().zip(shown).map(|(&column, &from)| (column, arena.column_ref(from))).collect();
    // A column that is compared twice is a key once; the set operation has it once for each.
    let distinct = memo.add_made(Operator::Aggregate { keys, calls: Vec::new() }, &[left], &origin);
    add_new(memo, switches, class, Operator::Project { exprs }, distinct, &origin)
}

/// Whether a relation, as it was first said, has a full join in it.
fn holds_full_join(memo: &Memo, class: Id) -> bool {
    let mut stack = vec![memo.egraph.find(class)];
    let mut seen: FxHashSet<Id> = FxHashSet::default();
    while let Some(class) = stack.pop() {
        if !seen.insert(class) {
            continue;
        }
        let Some(node) = memo.egraph[class].nodes.first() else { continue };
        if matches!(memo.operator(node), Operator::Join { kind: JoinKind::Full, .. }) {
            return true;
        }
        stack.extend(node.inputs.iter().map(|&input| memo.egraph.find(input)));
    }
    false
}

/// A filter over a projection stands below it as well.
fn filter_below_project(memo: &mut Memo, switches: &mut Switches, class: Id, input: Id, holds: &[ScalarId]) -> bool {
    if !switches.is_on("push-filter-into-project") {
        return false;
    }
    let mut has_changed = false;
    for (exprs, below) in projections(memo, input) {
        let definitions: FxHashMap<ColumnId, ScalarId> = exprs.iter().copied().collect();
        let arena = &mut memo.context_mut().arena;
        let moved: Vec<ScalarId> =
            holds.iter().map(|&predicate| arena.inline_columns(predicate, &definitions)).collect();
        let filtered = memo.add(Operator::Filter { holds: moved }, [below]);
        let origin = Origin { rule: Arc::from("push-filter-into-project"), facts: Vec::new() };
        has_changed |= add_new(memo, switches, class, Operator::Project { exprs }, filtered, &origin);
    }
    has_changed
}

/// An aggregate of groups that its own keys and one value tell apart is an aggregate of the distinct values:
/// how a distinct count that is written in two levels meets one that is written in one.
fn merge_two_levels(
    memo: &mut Memo,
    switches: &mut Switches,
    class: Id,
    input: Id,
    (keys, calls): (&Keys, &Calls),
) -> bool {
    if !switches.is_on("merge-distinct-levels") {
        return false;
    }
    let mut has_changed = false;
    for node in memo.egraph[input].nodes.clone() {
        // What another rule made is no text of the user, and its partial aggregates are what they are for.
        if memo.origin(&node).is_some() {
            continue;
        }
        let Operator::Aggregate { keys: inner_keys, calls: inner_calls } = memo.operator(&node).clone() else {
            continue;
        };
        let below = node.inputs[0];
        let exposed = memo.columns(below).to_vec();
        let Some(merged) = merged_levels(memo, (keys, calls), (&inner_keys, &inner_calls), &exposed) else { continue };
        let origin = Origin { rule: Arc::from("merge-distinct-levels"), facts: Vec::new() };
        let aggregate =
            memo.add_made(Operator::Aggregate { keys: merged.keys, calls: merged.calls }, &[below], &origin);
        has_changed |= add_new(memo, switches, class, Operator::Project { exprs: merged.exprs }, aggregate, &origin);
    }
    has_changed
}

/// An aggregate and how the columns of another are read from it.
struct Merged {
    keys: Vec<(ColumnId, ScalarId)>,
    calls: Vec<(ColumnId, AggregateCall)>,
    exprs: Vec<(ColumnId, ScalarId)>,
}

fn merged_levels(
    memo: &mut Memo,
    (keys, calls): (&Keys, &Calls),
    inner: (&Keys, &Calls),
    exposed: &[ColumnId],
) -> Option<Merged> {
    let arena = &mut memo.context_mut().arena;
    let definitions: FxHashMap<ColumnId, ScalarId> = inner.0.iter().copied().collect();
    let mut merged = Merged { keys: Vec::new(), calls: Vec::new(), exprs: Vec::new() };
    let computed = |arena: &mut Arena, id: ColumnId, scalar: ScalarId| {
        let hint = Arc::clone(arena.hint(id));
        let new = arena.computed_column(scalar, &hint);
        if arena[scalar] == Scalar::Column(new) { new } else { arena.variant_outside(new, exposed) }
    };
    for &(id, scalar) in keys {
        if arena.columns_of(scalar).iter().any(|column| !definitions.contains_key(column)) {
            return None;
        }
        let scalar = arena.inline_columns(scalar, &definitions);
        let new = computed(arena, id, scalar);
        merged.exprs.push((id, arena.column_ref(new)));
        if merged.keys.iter().all(|(known, _)| *known != new) {
            merged.keys.push((new, scalar));
        }
    }
    for (id, call) in calls {
        let whole = combined(arena, call, keys, inner, DistinctCalls::Made)?;
        let hint = Arc::clone(arena.hint(*id));
        let own: Vec<ColumnId> = merged.keys.iter().map(|(id, _)| *id).collect();
        let new = arena.aggregate_column(&whole, &hint);
        let new = arena.variant_outside(new, &own);
        let column = arena.column_ref(new);
        merged.exprs.push((*id, arena.cast(column, call.data_type)));
        if merged.calls.iter().all(|(known, _)| *known != new) {
            merged.calls.push((new, whole));
        }
    }
    Some(merged)
}

fn add_new(
    memo: &mut Memo,
    switches: &mut Switches,
    class: Id,
    operator: Operator,
    input: Id,
    origin: &Origin,
) -> bool {
    let is_added = memo.add_equal(class, operator, &[input], origin);
    if is_added {
        switches.fire(&origin.rule);
    }
    is_added
}
