//! Correlated conditions pulled up to the top of a subquery's plan, so that a join can test them.
//!
//! A condition commutes with filters, inner joins, projections and the preserved side of outer
//! joins. Through an aggregate with keys an equality goes as one more key; an aggregate without
//! keys gives a row also for no input, so its callers handle it. What is not covered is refused.
//!
//! Galindo-Legaria and Joshi, "Orthogonal optimization of subqueries and aggregation", SIGMOD 2001;
//! Neumann and Kemper, "Unnesting arbitrary queries", BTW 2015.

use isomer_ir::{
    AggregateCall, Arena, ColumnId, FrameBound, Function, JoinKind, Plan, Scalar, ScalarId, SortKey, WindowCall,
};

use crate::bind_query::plan_has_outer;
use crate::scope::{has_outer, replace_columns};

/// Why a subquery is not decorrelated; completes "a correlated subquery with …".
pub(crate) type Reason = &'static str;

/// What the rows of the subquery are used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Only whether a row exists: duplicates do not count.
    Existence,
    /// The rows themselves.
    Rows,
}

/// The plan without correlated conditions, and those conditions over the columns it exposes.
pub(crate) fn pull_up(arena: &mut Arena, plan: Plan, purpose: Use) -> Result<(Plan, Vec<ScalarId>), Reason> {
    if !plan_has_outer(arena, &plan) {
        return Ok((plan, Vec::new()));
    }
    match plan {
        Plan::Filter { input, holds } => {
            let (input, mut pulled) = pull_up(arena, *input, purpose)?;
            let (correlated, plain): (Vec<_>, Vec<_>) = holds.into_iter().partition(|&hold| has_outer(arena, hold));
            pulled.extend(correlated);
            if plain.is_empty() {
                return Ok((input, pulled));
            }
            Ok((Plan::Filter { input: Box::new(input), holds: plain }, pulled))
        }
        Plan::Project { input, mut exprs } => {
            if exprs.iter().any(|&(_, scalar)| has_outer(arena, scalar)) {
                return Err("an outer column in its select list");
            }
            let (input, pulled) = pull_up(arena, *input, purpose)?;
            for id in columns_of(arena, &pulled) {
                match exprs.iter().find(|(known, _)| *known == id) {
                    Some(&(_, scalar)) if arena[scalar] == Scalar::Column(id) => {}
                    Some(_) => return Err("a select list that hides a correlated column"),
                    None => exprs.push((id, arena.column_ref(id))),
                }
            }
            Ok((Plan::Project { input: Box::new(input), exprs }, pulled))
        }
        Plan::Join { kind, left, right, on } => pull_up_join(arena, kind, *left, *right, on, purpose),
        Plan::Aggregate { keys, .. } if keys.is_empty() => Err("an aggregate without keys below other operators"),
        Plan::Aggregate { input, keys, calls } => {
            let (plan, pulled) = keyed(arena, *input, keys, calls)?;
            Ok((plan, pulled))
        }
        Plan::Distinct { input } => {
            let (input, pulled) = pull_up(arena, *input, purpose)?;
            if purpose == Use::Rows && !pulled.iter().all(|&conjunct| equality(arena, conjunct).is_some()) {
                return Err("`DISTINCT` over a condition that is no equality");
            }
            Ok((Plan::Distinct { input: Box::new(input) }, pulled))
        }
        Plan::Named { input, name, span } => {
            let (input, pulled) = pull_up(arena, *input, purpose)?;
            Ok((Plan::Named { input: Box::new(input), name, span }, pulled))
        }
        Plan::Instance { input, k } => {
            let (input, pulled) = pull_up(arena, *input, purpose)?;
            let renamed = pulled.into_iter().map(|conjunct| {
                replace_columns(arena, conjunct, &mut |arena, scalar| match scalar {
                    Scalar::Column(id) => {
                        let id = arena.instance(*id, k);
                        Some(arena.column_ref(id))
                    }
                    _ => None,
                })
            });
            let renamed = renamed.collect();
            Ok((Plan::Instance { input: Box::new(input), k }, renamed))
        }
        // Without a `LIMIT` an order means nothing here.
        Plan::Sort { input, .. } => pull_up(arena, *input, purpose),
        Plan::Limit { .. } => Err("`LIMIT`"),
        Plan::Window { .. } => Err("a window function"),
        Plan::SetOp { .. } => Err("a set operation"),
        Plan::Values { .. } | Plan::Scan { .. } | Plan::Empty { .. } | Plan::Hole { .. } => {
            Err("an outer column in `VALUES`")
        }
    }
}

fn pull_up_join(
    arena: &mut Arena,
    kind: JoinKind,
    left: Plan,
    right: Plan,
    on: Vec<ScalarId>,
    purpose: Use,
) -> Result<(Plan, Vec<ScalarId>), Reason> {
    let (correlated, plain): (Vec<_>, Vec<_>) = on.into_iter().partition(|&conjunct| has_outer(arena, conjunct));
    let (left, mut pulled) = match kind {
        JoinKind::Full => return Err("a full join"),
        JoinKind::Inner
        | JoinKind::Left
        | JoinKind::Semi
        | JoinKind::Anti
        | JoinKind::AntiNullAware
        | JoinKind::Single
        | JoinKind::Mark(_) => pull_up(arena, left, purpose)?,
    };
    let right = if kind == JoinKind::Inner {
        let (right, more) = pull_up(arena, right, purpose)?;
        pulled.extend(more);
        pulled.extend(correlated);
        right
    } else if correlated.is_empty() && !plan_has_outer(arena, &right) {
        right
    } else {
        return Err("a correlated condition on the inner side of an outer or semi join");
    };
    Ok((Plan::Join { kind, left: Box::new(left), right: Box::new(right), on: plain }, pulled))
}

/// An aggregate with the correlated equalities of its input as further keys.
pub(crate) fn keyed(
    arena: &mut Arena,
    input: Plan,
    mut keys: Vec<(ColumnId, ScalarId)>,
    calls: Vec<(ColumnId, AggregateCall)>,
) -> Result<(Plan, Vec<ScalarId>), Reason> {
    let scalars = keys.iter().map(|&(_, scalar)| scalar).chain(calls.iter().flat_map(|(_, call)| call_scalars(call)));
    if scalars.into_iter().any(|scalar| has_outer(arena, scalar)) {
        return Err("an outer column within an aggregate or its keys");
    }
    let (input, pulled) = pull_up(arena, input, Use::Rows)?;
    let mut lifted = Vec::with_capacity(pulled.len());
    for conjunct in pulled {
        if arena.columns_of(conjunct).is_empty() {
            lifted.push(conjunct);
            continue;
        }
        let Some((function, outer, inner)) = equality(arena, conjunct) else {
            return Err("a condition under an aggregate that is no equality with an outer column");
        };
        let known = keys.iter().find(|&&(_, scalar)| scalar == inner).map(|&(id, _)| id);
        let id = known.unwrap_or_else(|| {
            let exposed: Vec<ColumnId> =
                keys.iter().map(|&(id, _)| id).chain(calls.iter().map(|(id, _)| *id)).collect();
            let id = arena.computed_column(inner, "correlated_key");
            let id = arena.variant_outside(id, &exposed);
            keys.push((id, inner));
            id
        });
        let column = arena.column_ref(id);
        lifted.push(arena.comparison(function, outer, column));
    }
    Ok((Plan::Aggregate { input: Box::new(input), keys, calls }, lifted))
}

/// An equality of an outer value and an inner value, as `(function, outer, inner)`.
fn equality(arena: &Arena, conjunct: ScalarId) -> Option<(Function, ScalarId, ScalarId)> {
    let Scalar::Call { function: function @ (Function::Eq | Function::IsNotDistinct), args, .. } = &arena[conjunct]
    else {
        return None;
    };
    let &[left, right] = args.as_slice() else { return None };
    let (a, b) = (arena.type_of(left), arena.type_of(right));
    if a != b && (a.is_float() || b.is_float()) {
        // Several integers may equal one double, and then several groups would match one row.
        return None;
    }
    let is_outer = |scalar: ScalarId| arena.columns_of(scalar).is_empty();
    let is_inner = |scalar: ScalarId| !has_outer(arena, scalar);
    if is_outer(left) && is_inner(right) {
        Some((*function, left, right))
    } else if is_outer(right) && is_inner(left) {
        Some((*function, right, left))
    } else {
        None
    }
}

fn columns_of(arena: &Arena, scalars: &[ScalarId]) -> Vec<ColumnId> {
    let mut columns: Vec<ColumnId> = scalars.iter().flat_map(|&scalar| arena.columns_of(scalar)).collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// The scalars that an operator itself evaluates.
pub(crate) fn own_scalars(plan: &Plan) -> Vec<ScalarId> {
    match plan {
        Plan::Scan { .. }
        | Plan::Empty { .. }
        | Plan::Distinct { .. }
        | Plan::Limit { .. }
        | Plan::SetOp { .. }
        | Plan::Instance { .. }
        | Plan::Named { .. }
        | Plan::Hole { .. } => Vec::new(),
        Plan::Values { rows, .. } => rows.iter().flatten().copied().collect(),
        Plan::Filter { holds, .. } => holds.clone(),
        Plan::Project { exprs, .. } => exprs.iter().map(|&(_, scalar)| scalar).collect(),
        Plan::Join { on, .. } => on.clone(),
        Plan::Aggregate { keys, calls, .. } => {
            let keys = keys.iter().map(|&(_, scalar)| scalar);
            keys.chain(calls.iter().flat_map(|(_, call)| call_scalars(call))).collect()
        }
        Plan::Window { calls, .. } => calls.iter().flat_map(|(_, call)| window_scalars(call)).collect(),
        Plan::Sort { keys, .. } => order_scalars(keys).collect(),
    }
}

fn order_scalars(keys: &[SortKey]) -> impl Iterator<Item = ScalarId> {
    keys.iter().map(|key| key.scalar)
}

fn call_scalars(call: &AggregateCall) -> Vec<ScalarId> {
    call.args.iter().copied().chain(call.filter).chain(order_scalars(&call.order)).collect()
}

fn window_scalars(call: &WindowCall) -> Vec<ScalarId> {
    let distance = |bound: FrameBound| match bound {
        FrameBound::Preceding(scalar) | FrameBound::Following(scalar) => Some(scalar),
        FrameBound::UnboundedPreceding | FrameBound::CurrentRow | FrameBound::UnboundedFollowing => None,
    };
    let bounds = distance(call.frame.start).into_iter().chain(distance(call.frame.end));
    call.args
        .iter()
        .chain(call.partition.iter())
        .copied()
        .chain(call.filter)
        .chain(order_scalars(&call.order))
        .chain(bounds)
        .collect()
}
