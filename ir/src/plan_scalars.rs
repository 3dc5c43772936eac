//! The scalars that the operators of a plan evaluate.

use crate::{AggregateCall, Arena, FrameBound, Plan, ScalarId, SortKey, Volatility, WindowCall};

impl Plan {
    /// The scalars that this operator itself evaluates, those of its inputs apart.
    #[must_use]
    pub fn own_scalars(&self) -> Vec<ScalarId> {
        match self {
            Self::Scan { .. }
            | Self::Empty { .. }
            | Self::Distinct { .. }
            | Self::Limit { .. }
            | Self::SetOp { .. }
            | Self::Instance { .. }
            | Self::Named { .. }
            | Self::RecursiveUnion { .. }
            | Self::WorkTable { .. }
            | Self::Sample { .. }
            | Self::Hole { .. } => Vec::new(),
            Self::Values { rows, .. } => rows.iter().flatten().copied().collect(),
            Self::ScanAt { version, .. } => vec![version.at],
            Self::Filter { holds, .. } => holds.clone(),
            Self::Project { exprs, .. } => exprs.iter().map(|&(_, scalar)| scalar).collect(),
            Self::Join { on, .. } => on.clone(),
            Self::Aggregate { keys, calls, .. } => {
                let keys = keys.iter().map(|&(_, scalar)| scalar);
                keys.chain(calls.iter().flat_map(|(_, call)| call_scalars(call))).collect()
            }
            Self::GroupingSets { groups, .. } => groups.scalars().collect(),
            Self::Window { calls, .. } => calls.iter().flat_map(|(_, call)| window_scalars(call)).collect(),
            Self::Unnest { list, .. } => vec![*list],
            Self::Sort { keys, .. } => order_scalars(keys).collect(),
        }
    }

    /// The scalars of the whole plan, those of its inputs included.
    #[must_use]
    pub fn all_scalars(&self) -> Vec<ScalarId> {
        let mut scalars = Vec::new();
        let mut stack = vec![self];
        while let Some(plan) = stack.pop() {
            scalars.extend(plan.own_scalars());
            stack.extend(plan.inputs());
        }
        scalars
    }

    /// Whether computing the plan twice gives the same rows: nothing in it depends on chance, and no
    /// `LIMIT`, sample or numbering picks among rows.
    #[must_use]
    pub fn is_repeatable(&self, arena: &Arena) -> bool {
        let mut stack = vec![self];
        while let Some(plan) = stack.pop() {
            let is_volatile = |scalar: ScalarId| arena.volatility(scalar) == Volatility::Volatile;
            let is_picked = matches!(plan, Self::Limit { .. } | Self::Sample { .. });
            let is_numbered =
                matches!(plan, Self::Window { calls, .. } if calls.iter().any(|(_, call)| call.is_by_chance()));
            if is_picked || is_numbered || plan.own_scalars().into_iter().any(is_volatile) {
                return false;
            }
            stack.extend(plan.inputs());
        }
        true
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
