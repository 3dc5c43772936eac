//! What relation templates may hold, and which of their columns are lists.

use isomer_ir::{Arena, JoinKind, Plan, Scalar};

/// Which side of a rule is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// What is found.
    Pattern,
    /// What takes its place, which may compute.
    Template,
}

/// Refuses what the optimizer's matcher does not know, in words.
pub(crate) fn supported(plan: &Plan, side: Side, arena: &Arena) -> Result<(), &'static str> {
    match plan {
        Plan::Scan { .. } => Ok(()),
        Plan::Filter { input, .. } => match below_names(input) {
            Plan::SetOp { .. } if side == Side::Pattern => Err("a filter above a set operation"),
            input => supported(input, side, arena),
        },
        Plan::Distinct { input } => match below_names(input) {
            // The values that are told apart may be computed.
            Plan::Project { input, .. } => supported(input, side, arena),
            input => supported(input, side, arena),
        },
        Plan::Named { input, .. } | Plan::Instance { input, .. } => supported(input, side, arena),
        Plan::Project { input, exprs } => {
            let computes = exprs.iter().any(|&(id, scalar)| arena[scalar] != Scalar::Column(id));
            if computes && side == Side::Pattern {
                return Err("something computed in a select list of the pattern");
            }
            supported(input, side, arena)
        }
        Plan::Aggregate { input, calls, .. } => {
            if side == Side::Pattern && calls.iter().any(|(_, call)| call.filter.is_some() || !call.order.is_empty()) {
                return Err("FILTER or ORDER BY in an aggregate");
            }
            supported(input, side, arena)
        }
        Plan::Window { input, calls } => {
            if side == Side::Pattern && calls.iter().any(|(_, call)| call.filter.is_some()) {
                return Err("FILTER in a window");
            }
            supported(input, side, arena)
        }
        Plan::Join { kind, left, right, .. } => match kind {
            JoinKind::Inner | JoinKind::Left | JoinKind::Full | JoinKind::Semi | JoinKind::Anti => {
                supported(left, side, arena)?;
                supported(right, side, arena)
            }
            JoinKind::AntiNullAware => Err("NOT IN"),
            JoinKind::Single => Err("a scalar sub-query"),
            JoinKind::Mark(_) => Err("an EXISTS in value position"),
        },
        Plan::SetOp { inputs, .. } => inputs.iter().try_for_each(|(input, _)| supported(input, side, arena)),
        Plan::Limit { input, .. } => match below_names(input) {
            Plan::Sort { input, .. } => supported(input, side, arena),
            _ => Err("LIMIT without ORDER BY"),
        },
        Plan::GroupingSets { .. } => Err("GROUPING SETS"),
        Plan::Unnest { .. } => Err("UNNEST"),
        Plan::RecursiveUnion { .. } | Plan::WorkTable { .. } => Err("WITH RECURSIVE"),
        Plan::Sample { .. } => Err("a sample"),
        Plan::ScanAt { .. } => Err("a table as it was"),
        Plan::Sort { .. } => Err("ORDER BY without LIMIT"),
        Plan::Values { .. } | Plan::Empty { .. } => Err("a SELECT without FROM"),
        Plan::Hole { .. } => Err("a hole of another kind"),
    }
}

fn below_names(mut plan: &Plan) -> &Plan {
    while let Plan::Named { input, .. } = plan {
        plan = input;
    }
    plan
}
