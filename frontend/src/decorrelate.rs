//! Correlated conditions pulled up to the top of a subquery's plan, so that a join can test them.
//!
//! A condition commutes with filters, inner joins, projections and the preserved side of outer
//! joins. Through an aggregate with keys an equality goes as one more key; an aggregate without
//! keys gives a row also for no input, so its callers handle it. What is not covered is refused.
//!
//! Galindo-Legaria and Joshi, "Orthogonal optimization of subqueries and aggregation", SIGMOD 2001;
//! Neumann and Kemper, "Unnesting arbitrary queries", BTW 2015.

use isomer_ir::{AggregateCall, Arena, ColumnId, Function, JoinKind, Plan, Scalar, ScalarId, Volatility};
use rustc_hash::FxHashMap;

use crate::bind_query::plan_has_outer;
use crate::scope::{has_outer, replace_columns};

/// Why a subquery is not decorrelated; completes "a correlated subquery with …".
pub(crate) type Reason = &'static str;

/// Why an aggregate without keys is not grouped by what it is correlated on.
pub(crate) const OVER_NOTHING: Reason = "an aggregate whose value over no rows is not known";

/// What the rows of the subquery are used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Only whether a row exists: duplicates do not count.
    Existence,
    /// The rows themselves.
    Rows,
}

/// A plan without outer columns, and what of it reads them, over the columns that it exposes.
#[derive(Debug)]
pub(crate) struct Pulled {
    pub(crate) plan: Plan,
    /// Conditions.
    pub(crate) conjuncts: Vec<ScalarId>,
    /// Columns that are computed from outer ones, and so above the join.
    pub(crate) computed: FxHashMap<ColumnId, ScalarId>,
}

impl Pulled {
    pub(crate) fn plain(plan: Plan) -> Self {
        Self { plan, conjuncts: Vec::new(), computed: FxHashMap::default() }
    }

    /// A scalar over the plan's columns, those that are computed above written out.
    pub(crate) fn inlined(&self, arena: &mut Arena, scalar: ScalarId) -> ScalarId {
        if self.computed.is_empty() {
            return scalar;
        }
        replace_columns(arena, scalar, &mut |_, scalar| match scalar {
            Scalar::Column(id) => self.computed.get(id).copied(),
            _ => None,
        })
    }
}

/// Takes what reads outer columns to the top of a plan.
pub(crate) fn pull_up(arena: &mut Arena, plan: Plan, purpose: Use) -> Result<Pulled, Reason> {
    if !plan_has_outer(arena, &plan) {
        return Ok(Pulled::plain(plan));
    }
    match plan {
        Plan::Filter { input, holds } => {
            let mut pulled = pull_up(arena, *input, purpose)?;
            let holds: Vec<ScalarId> = holds.into_iter().map(|hold| pulled.inlined(arena, hold)).collect();
            let (correlated, plain): (Vec<_>, Vec<_>) = holds.into_iter().partition(|&hold| has_outer(arena, hold));
            pulled.conjuncts.extend(correlated);
            if !plain.is_empty() {
                pulled.plan = Plan::Filter { input: Box::new(pulled.plan), holds: plain };
            }
            Ok(pulled)
        }
        Plan::Project { input, exprs } => pull_up_project(arena, *input, exprs, purpose),
        Plan::Join { kind, left, right, on } => pull_up_join(arena, kind, *left, *right, on, purpose),
        Plan::Aggregate { keys, .. } if keys.is_empty() => Err("an aggregate without keys below other operators"),
        Plan::Aggregate { input, keys, calls } => {
            let (plan, conjuncts) = keyed(arena, *input, keys, &calls)?;
            Ok(Pulled { conjuncts, ..Pulled::plain(plan) })
        }
        Plan::GroupingSets { .. } => Err("grouping sets"),
        Plan::Distinct { input } => {
            let mut pulled = pull_up(arena, *input, purpose)?;
            if purpose == Use::Rows {
                if !pulled.computed.is_empty() {
                    return Err("`DISTINCT` over an outer column");
                }
                if !pulled.conjuncts.iter().all(|&conjunct| equality(arena, conjunct).is_some()) {
                    return Err("`DISTINCT` over a condition that is no equality");
                }
            }
            pulled.plan = Plan::Distinct { input: Box::new(pulled.plan) };
            Ok(pulled)
        }
        Plan::Named { input, name, span } => {
            let mut pulled = pull_up(arena, *input, purpose)?;
            pulled.plan = Plan::Named { input: Box::new(pulled.plan), name, span };
            Ok(pulled)
        }
        Plan::Instance { input, k } => {
            let pulled = pull_up(arena, *input, purpose)?;
            let renamed = |arena: &mut Arena, scalar: ScalarId| {
                replace_columns(arena, scalar, &mut |arena, scalar| match scalar {
                    Scalar::Column(id) => {
                        let id = arena.instance(*id, k);
                        Some(arena.column_ref(id))
                    }
                    _ => None,
                })
            };
            let conjuncts = pulled.conjuncts.iter().map(|&conjunct| renamed(arena, conjunct)).collect();
            let mut computed = FxHashMap::default();
            let mut ids: Vec<ColumnId> = pulled.computed.keys().copied().collect();
            ids.sort_unstable();
            for id in ids {
                let scalar = renamed(arena, pulled.computed[&id]);
                computed.insert(arena.instance(id, k), scalar);
            }
            Ok(Pulled { plan: Plan::Instance { input: Box::new(pulled.plan), k }, conjuncts, computed })
        }
        // Without a `LIMIT` an order means nothing here.
        Plan::Sort { input, .. } => pull_up(arena, *input, purpose),
        Plan::Limit { input, fetch: Some(0), .. } => Ok(Pulled::plain(Plan::Empty { columns: input.columns(arena) })),
        Plan::Limit { .. } => Err("`LIMIT`"),
        Plan::Window { .. } => Err("a window function"),
        Plan::Unnest { .. } => Err("`UNNEST`"),
        Plan::SetOp { .. } => Err("a set operation"),
        Plan::Values { columns, rows } => pull_up_row(arena, columns, rows),
        Plan::RecursiveUnion { .. } => Err("a recursive query"),
        Plan::Sample { .. } => Err("a sample"),
        Plan::Scan { .. } | Plan::Empty { .. } | Plan::WorkTable { .. } | Plan::ScanAt { .. } | Plan::Hole { .. } => {
            Err("an outer column in a table")
        }
    }
}

/// One written row is no rows at all: its columns are computed above.
fn pull_up_row(arena: &Arena, columns: Vec<ColumnId>, mut rows: Vec<Vec<ScalarId>>) -> Result<Pulled, Reason> {
    if rows.len() != 1 || rows[0].iter().any(|&scalar| arena.volatility(scalar) == Volatility::Volatile) {
        return Err("an outer column in several rows of `VALUES`");
    }
    let computed = columns.into_iter().zip(rows.remove(0)).collect();
    let plan = Plan::Values { columns: Vec::new(), rows: vec![Vec::new()] };
    Ok(Pulled { computed, ..Pulled::plain(plan) })
}

fn pull_up_project(
    arena: &mut Arena,
    input: Plan,
    exprs: Vec<(ColumnId, ScalarId)>,
    purpose: Use,
) -> Result<Pulled, Reason> {
    let mut pulled = pull_up(arena, input, purpose)?;
    let mut kept: Vec<(ColumnId, ScalarId)> = Vec::with_capacity(exprs.len());
    let mut computed: FxHashMap<ColumnId, ScalarId> = FxHashMap::default();
    for (id, scalar) in exprs {
        let scalar = pulled.inlined(arena, scalar);
        if !has_outer(arena, scalar) {
            kept.push((id, scalar));
        } else if arena.volatility(scalar) == Volatility::Volatile {
            return Err("an outer column in a volatile expression");
        } else {
            computed.insert(id, scalar);
        }
    }
    let mut scalars = pulled.conjuncts.clone();
    scalars.extend(computed.values());
    for id in columns_of(arena, &scalars) {
        match kept.iter().find(|(known, _)| *known == id) {
            Some(&(_, scalar)) if arena[scalar] == Scalar::Column(id) => {}
            Some(_) => return Err("a select list that hides a correlated column"),
            None => kept.push((id, arena.column_ref(id))),
        }
    }
    if kept.iter().any(|(id, _)| computed.contains_key(id)) {
        return Err("a select list that hides a correlated column");
    }
    if !kept.is_empty() {
        pulled.plan = Plan::Project { input: Box::new(pulled.plan), exprs: kept };
    }
    pulled.computed = computed;
    Ok(pulled)
}

fn pull_up_join(
    arena: &mut Arena,
    kind: JoinKind,
    left: Plan,
    right: Plan,
    on: Vec<ScalarId>,
    purpose: Use,
) -> Result<Pulled, Reason> {
    let mut pulled = match kind {
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
        let right = pull_up(arena, right, purpose)?;
        pulled.conjuncts.extend(right.conjuncts);
        pulled.computed.extend(right.computed);
        right.plan
    } else if plan_has_outer(arena, &right) {
        return Err("a correlated condition on the inner side of an outer or semi join");
    } else {
        right
    };
    let on: Vec<ScalarId> = on.into_iter().map(|conjunct| pulled.inlined(arena, conjunct)).collect();
    let (correlated, plain): (Vec<_>, Vec<_>) = on.into_iter().partition(|&conjunct| has_outer(arena, conjunct));
    if kind != JoinKind::Inner && !correlated.is_empty() {
        return Err("a correlated condition on the inner side of an outer or semi join");
    }
    pulled.conjuncts.extend(correlated);
    pulled.plan = Plan::Join { kind, left: Box::new(pulled.plan), right: Box::new(right), on: plain };
    Ok(pulled)
}

/// An aggregate with the correlated equalities of its input as further keys.
pub(crate) fn keyed(
    arena: &mut Arena,
    input: Plan,
    mut keys: Vec<(ColumnId, ScalarId)>,
    calls: &[(ColumnId, AggregateCall)],
) -> Result<(Plan, Vec<ScalarId>), Reason> {
    let pulled = pull_up(arena, input, Use::Rows)?;
    for (_, scalar) in &mut keys {
        *scalar = pulled.inlined(arena, *scalar);
    }
    let calls: Vec<(ColumnId, AggregateCall)> = calls
        .iter()
        .map(|(id, call)| (*id, arena.map_aggregate(call, &mut |arena, scalar| pulled.inlined(arena, scalar))))
        .collect();
    let scalars = keys.iter().map(|&(_, scalar)| scalar).chain(calls.iter().flat_map(|(_, call)| call_scalars(call)));
    if scalars.into_iter().any(|scalar| has_outer(arena, scalar)) {
        return Err("an outer column within an aggregate or its keys");
    }
    let input = pulled.plan;
    let mut lifted = Vec::with_capacity(pulled.conjuncts.len());
    for conjunct in pulled.conjuncts {
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
    let mut columns: Vec<ColumnId> = scalars.iter().flat_map(|&scalar| arena.columns_of(scalar)).copied().collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

fn call_scalars(call: &AggregateCall) -> Vec<ScalarId> {
    call.args.iter().copied().chain(call.filter).chain(call.order.iter().map(|key| key.scalar)).collect()
}
