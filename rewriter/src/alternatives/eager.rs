//! Eager aggregation (C8): what an aggregate above an inner join computes of some of its inputs is grouped
//! below the join already, by what the join and the groups read of them.

use std::sync::Arc;

use egg::Id;
use isomer_ir::{AggregateCall, AggregateFunction, Arena, ColumnId, Scalar, ScalarId, Volatility};

use super::are_connected;
use super::spread::{Spread, is_safe_sum};
use crate::facts::{Facts, estimate_distinct, facts_of, is_guess, known_distinct, selectivity};
use crate::memo::{Memo, Origin};
use crate::normalize::aggregate_scalars;
use crate::operator::{Context, Operator};
use crate::simplify::Switches;

const RULE: &str = "push-aggregate-into-join";
/// At least so many rows must fall into a group, by what statistics tell. Fewer, and the groups below the
/// join cost as much as the join that they save. Search control only.
const MIN_ROWS_A_GROUP: f64 = 20.0;
/// The join must keep at least this share of the grouped rows: what drops most of them is better done first.
/// Search control only.
const MIN_KEPT: f64 = 0.5;
/// Joins of more inputs are left alone. Search control only.
const MAX_INPUTS: usize = 8;

/// An aggregate over a join.
struct Site<'a> {
    class: Id,
    inputs: &'a [Id],
    on: &'a [ScalarId],
    keys: &'a [(ColumnId, ScalarId)],
    calls: &'a [(ColumnId, AggregateCall)],
}

/// Groups the inputs that the calls read below the join, and all inputs but one. Returns whether anything
/// was added.
pub(super) fn aggregate_inputs(
    memo: &mut Memo,
    switches: &mut Switches,
    (class, input): (Id, Id),
    keys: &[(ColumnId, ScalarId)],
    calls: &[(ColumnId, AggregateCall)],
) -> bool {
    if calls.is_empty() || !switches.is_on(RULE) || memo.facts(input).is_volatile {
        return false;
    }
    let joins = memo.egraph[input].nodes.iter().filter(|node| memo.origin(node).is_none());
    let join = joins
        .filter_map(|node| match memo.operator(node) {
            Operator::InnerJoin { on } if (2..=MAX_INPUTS).contains(&node.inputs.len()) => {
                Some((node.inputs.clone(), on.clone()))
            }
            _ => None,
        })
        .next();
    let Some((inputs, on)) = join else { return false };
    let site = Site { class, inputs: &inputs, on: &on, keys, calls };
    let mut has_changed = false;
    for subset in subsets(memo, &site) {
        if let Some(made) = plan_below(memo, &site, &subset) {
            has_changed |= add(memo, switches, &site, &made);
        }
    }
    has_changed
}

/// Which inputs are grouped together: those that the calls read, and all but one that they do not read.
fn subsets(memo: &Memo, site: &Site<'_>) -> Vec<Vec<usize>> {
    let arena = &memo.context().arena;
    let read: Vec<ColumnId> = site
        .calls
        .iter()
        .flat_map(|(_, call)| aggregate_scalars(call))
        .flat_map(|scalar| arena.columns_of(scalar).iter().copied())
        .collect();
    let is_read = |position: usize| read.iter().any(|&column| memo.facts(site.inputs[position]).exposes(column));
    let all: Vec<usize> = (0..site.inputs.len()).collect();
    let mut subsets: Vec<Vec<usize>> = Vec::new();
    let own: Vec<usize> = all.iter().copied().filter(|&position| is_read(position)).collect();
    // A call reads other inputs only with their rows counted, which is done for one input at a time.
    subsets.extend(own.iter().map(|&position| vec![position]));
    subsets.push(own);
    if read.is_empty() {
        subsets.extend(all.iter().map(|&position| vec![position]));
    }
    for &left_out in all.iter().filter(|&&position| !is_read(position)) {
        subsets.push(all.iter().copied().filter(|&position| position != left_out).collect());
    }
    subsets.retain(|subset| !subset.is_empty() && subset.len() < all.len());
    subsets.sort();
    subsets.dedup();
    subsets
}

/// What stands in the place of some inputs.
struct Below {
    /// The inputs that are grouped.
    grouped: Vec<Id>,
    /// Conjuncts that read only those.
    within: Vec<ScalarId>,
    /// The other inputs.
    others: Vec<Id>,
    /// The rest of the condition.
    across: Vec<ScalarId>,
    /// The keys below the join.
    keys: Vec<(ColumnId, ScalarId)>,
    /// The group keys above it.
    outer_keys: Vec<(ColumnId, ScalarId)>,
    /// Columns of the grouped inputs.
    columns: Vec<ColumnId>,
    /// Facts of the grouped inputs, joined.
    facts: Facts,
}

fn plan_below(memo: &mut Memo, site: &Site<'_>, subset: &[usize]) -> Option<Below> {
    let grouped: Vec<Id> = subset.iter().map(|&position| site.inputs[position]).collect();
    let others: Vec<Id> =
        (0..site.inputs.len()).filter(|position| !subset.contains(position)).map(|at| site.inputs[at]).collect();
    let mut columns: Vec<ColumnId> = grouped.iter().flat_map(|&input| memo.columns(input).iter().copied()).collect();
    columns.sort_unstable();
    let arena = &memo.context().arena;
    let (within, across): (Vec<ScalarId>, Vec<ScalarId>) =
        site.on.iter().partition(|&&conjunct| arena.reads_only(conjunct, &columns));
    if site.on.iter().any(|&conjunct| arena.volatility(conjunct) == Volatility::Volatile) {
        return None;
    }
    let inputs: Vec<Facts> = grouped.iter().map(|&input| memo.facts(input).clone()).collect();
    let inputs: Vec<&Facts> = inputs.iter().collect();
    let joined = Operator::InnerJoin { on: within.clone() };
    let facts =
        if let [one] = inputs.as_slice() { (*one).clone() } else { facts_of(memo.context_mut(), &joined, &inputs) };
    if !are_connected(memo, &grouped, &within)
        || others.iter().map(|&other| kept(memo, site.on, other)).product::<f64>() < MIN_KEPT
    {
        return None;
    }
    let (keys, outer_keys) = keys_below(memo.context_mut(), site.keys, &across, &columns)?;
    let groups = estimated_groups(memo.context(), &keys, &across, facts.rows)?;
    if groups * MIN_ROWS_A_GROUP > facts.rows {
        return None;
    }
    Some(Below { grouped, within, others, across, keys, outer_keys, columns, facts })
}

/// The keys below the join, and the group keys over them. Every column that the condition reads is a key:
/// rows of one group then find the same partners.
fn keys_below(
    context: &mut Context,
    keys: &[(ColumnId, ScalarId)],
    across: &[ScalarId],
    columns: &[ColumnId],
) -> Option<Grouped> {
    let arena = &mut context.arena;
    let mut below: Vec<(ColumnId, ScalarId)> = Vec::new();
    let mut above = Vec::with_capacity(keys.len());
    let mut raw: Vec<ColumnId> = across.iter().flat_map(|&conjunct| arena.columns_of(conjunct)).copied().collect();
    for &(id, scalar) in keys {
        let read = arena.columns_of(scalar);
        let is_own = !read.is_empty() && read.iter().all(|column| columns.contains(column));
        // A key that can fail must not see rows that find no partner.
        if is_own && !arena.can_raise(scalar) && arena.volatility(scalar) == Volatility::Immutable {
            below.push((id, scalar));
            above.push((id, arena.column_ref(id)));
        } else {
            raw.extend(read);
            above.push((id, scalar));
        }
    }
    for column in raw {
        if columns.contains(&column) && !below.iter().any(|&(id, _)| id == column) {
            below.push((column, arena.column_ref(column)));
        }
    }
    // Without keys there would be a row also over no rows. Floats that are equal need not be the same.
    let is_usable = !below.is_empty()
        && below.iter().all(|&(id, scalar)| {
            !arena.type_of(scalar).is_float() && (!columns.contains(&id) || arena[scalar] == Scalar::Column(id))
        });
    is_usable.then_some((below, above))
}

type Grouped = (Vec<(ColumnId, ScalarId)>, Vec<(ColumnId, ScalarId)>);

/// How many groups statistics tell of, or `None` where some key's values are a guess.
fn estimated_groups(context: &Context, keys: &[(ColumnId, ScalarId)], across: &[ScalarId], rows: f64) -> Option<f64> {
    let arena = &context.arena;
    let mut groups = 1.0;
    for &(_, scalar) in keys {
        let known = match arena[scalar] {
            Scalar::Column(column) => known_distinct(arena, column).or_else(|| {
                let partners = across.iter().filter_map(|&conjunct| partner(arena, conjunct, column));
                partners.filter_map(|partner| known_distinct(arena, partner)).min_by(f64::total_cmp)
            }),
            _ => None,
        };
        groups *= match known {
            Some(known) => known,
            None if !is_guess(arena, scalar) => estimate_distinct(arena, scalar, rows),
            None => return None,
        };
    }
    Some(groups.min(rows))
}

/// Which share of a table's keys an input still has after its filters: that many rows find a partner in it.
fn kept(memo: &Memo, on: &[ScalarId], input: Id) -> f64 {
    let (arena, facts) = (&memo.context().arena, memo.facts(input));
    let bound = crate::facts::bound_columns(arena, on, facts);
    let keys = bound.into_iter().filter(|&column| facts.is_unique(&[column]));
    let known = keys.filter_map(|column| known_distinct(arena, column)).min_by(f64::total_cmp);
    let own = on.iter().filter(|&&conjunct| arena.reads_only(conjunct, &facts.columns));
    let share = own.map(|&conjunct| selectivity(arena, conjunct)).product::<f64>();
    known.map_or(1.0, |known| (facts.rows / known.max(1.0)).min(1.0)) * share
}

/// The column that a conjunct makes equal to this one.
fn partner(arena: &Arena, conjunct: ScalarId, column: ColumnId) -> Option<ColumnId> {
    let (left, right) = crate::facts::equal_columns(arena, conjunct)?;
    match (left == column, right == column) {
        (true, false) => Some(right),
        (false, true) => Some(left),
        _ => None,
    }
}

/// Adds the aggregate below the join, and what is left to do above it.
fn add(memo: &mut Memo, switches: &mut Switches, site: &Site<'_>, below: &Below) -> bool {
    if let Some(is_added) = add_whole(memo, switches, site, below) {
        return is_added;
    }
    let Some(Parts { partial, exprs, outer }) = parts(memo.context_mut(), site, below) else { return false };
    let origin = origin(below, "the groups below the join are combined above it");
    let Some(joined) = joined(memo, below, partial, &origin) else { return false };
    let operator = Operator::Aggregate { keys: below.outer_keys.clone(), calls: outer };
    let aggregate = memo.add_made(operator, &[joined], &origin);
    fired(switches, memo.add_equal(site.class, Operator::Project { exprs }, &[aggregate], &origin))
}

fn fired(switches: &mut Switches, is_added: bool) -> bool {
    if is_added {
        switches.fire(RULE);
    }
    is_added
}

fn origin(below: &Below, told: &str) -> Origin {
    let n = below.keys.len();
    Origin { rule: Arc::from(RULE), facts: vec![told.to_owned(), format!("{n} keys below the join")] }
}

/// The partial aggregate, joined with the other inputs.
fn joined(memo: &mut Memo, below: &Below, calls: Vec<(ColumnId, AggregateCall)>, origin: &Origin) -> Option<Id> {
    let base = match below.grouped.as_slice() {
        [one] if below.within.is_empty() => *one,
        [one] => memo.add_made(Operator::Filter { holds: below.within.clone() }, &[*one], origin),
        several => memo.add_made(Operator::InnerJoin { on: below.within.clone() }, several, origin),
    };
    let partial = memo.add_made(Operator::Aggregate { keys: below.keys.clone(), calls }, &[base], origin);
    let inputs: Vec<Id> = below.others.iter().copied().chain([partial]).collect();
    if !memo.are_disjoint(&inputs) {
        return None;
    }
    Some(memo.add_made(Operator::InnerJoin { on: below.across.clone() }, &inputs, origin))
}

/// Where each group is one row of the join, the calls are whole below it and nothing is grouped again.
/// `None` where that is not so.
fn add_whole(memo: &mut Memo, switches: &mut Switches, site: &Site<'_>, below: &Below) -> Option<bool> {
    let arena = &memo.context().arena;
    let is_own = |call: &AggregateCall| aggregate_scalars(call).all(|scalar| arena.reads_only(scalar, &below.columns));
    if site.keys.is_empty() || !site.calls.iter().all(|(_, call)| is_own(call) && is_total(arena, call)) {
        return None;
    }
    let calls: Vec<(ColumnId, AggregateCall)> = site.calls.to_vec();
    let mut grouped: Vec<ColumnId> = below
        .outer_keys
        .iter()
        .filter_map(|&(_, scalar)| if let Scalar::Column(column) = arena[scalar] { Some(column) } else { None })
        .collect();
    for &conjunct in &below.across {
        if let Some((left, right)) = crate::facts::equal_columns(arena, conjunct)
            && (grouped.contains(&left) || grouped.contains(&right))
        {
            grouped.extend([left, right]);
        }
    }
    let operator = Operator::Aggregate { keys: below.keys.clone(), calls: calls.clone() };
    let partial = facts_of(memo.context_mut(), &operator, &[&below.facts]);
    let inputs: Vec<Facts> = below.others.iter().map(|&input| memo.facts(input).clone()).chain([partial]).collect();
    let inputs: Vec<&Facts> = inputs.iter().collect();
    let operator = Operator::InnerJoin { on: below.across.clone() };
    if !facts_of(memo.context_mut(), &operator, &inputs).is_unique(&grouped) {
        return None;
    }
    let origin = origin(below, "each group is one row of the join");
    let joined = joined(memo, below, calls.clone(), &origin)?;
    let arena = &mut memo.context_mut().arena;
    let mut exprs = below.outer_keys.clone();
    exprs.extend(calls.iter().map(|(id, _)| (*id, arena.column_ref(*id))));
    Some(fired(switches, memo.add_equal(site.class, Operator::Project { exprs }, &[joined], &origin)))
}

/// Whether a call can be computed on rows that find no partner, and does not depend on chance.
fn is_total(arena: &Arena, call: &AggregateCall) -> bool {
    !call.function.is_order_sensitive()
        && call.order.is_empty()
        && aggregate_scalars(call)
            .all(|scalar| !arena.can_raise(scalar) && arena.volatility(scalar) == Volatility::Immutable)
        && (!matches!(call.function, AggregateFunction::Sum | AggregateFunction::Avg) || is_safe_sum(arena, call))
}

type Calls = Vec<(ColumnId, AggregateCall)>;

/// The calls below the join, the site's columns over the calls above it, and those calls.
struct Parts {
    partial: Calls,
    exprs: Vec<(ColumnId, ScalarId)>,
    outer: Calls,
}

fn parts(context: &mut Context, site: &Site<'_>, below: &Below) -> Option<Parts> {
    let arena = &mut context.arena;
    let mut exprs: Vec<(ColumnId, ScalarId)> = Vec::new();
    for &(id, _) in &below.outer_keys {
        exprs.push((id, arena.column_ref(id)));
    }
    let taken: Vec<ColumnId> = below.outer_keys.iter().map(|(id, _)| *id).collect();
    let mut spread = Spread::new(&below.keys, site.keys.is_empty(), &below.columns);
    for (id, call) in site.calls {
        let is_own = aggregate_scalars(call).all(|scalar| context.arena.reads_only(scalar, &below.columns));
        if is_own && !is_total(&context.arena, call) {
            return None;
        }
        exprs.push((*id, spread.value(context, call)?));
    }
    let (partial, outer) = spread.into_calls();
    let is_free = !outer.iter().any(|(id, _)| taken.contains(id));
    is_free.then_some(Parts { partial, exprs, outer })
}
