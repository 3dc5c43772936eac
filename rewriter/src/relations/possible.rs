//! Whether a pattern could be found at all, so that most templates cost nothing.

use isomer_ir::Plan;

use crate::memo::Memo;
use crate::operator::Operator;

/// The windows, limits, copies and set operations of the e-graph: most have none.
pub(super) fn operators(memo: &Memo) -> Vec<Operator> {
    let nodes = memo.egraph.classes().flat_map(|class| &class.nodes).map(|node| memo.operator(node));
    let is_rare = |operator: &&Operator| {
        matches!(
            operator,
            Operator::Window { .. } | Operator::Limit { .. } | Operator::Instance { .. } | Operator::SetOp { .. }
        )
    };
    nodes.filter(is_rare).cloned().collect()
}

/// Whether each of a pattern's rare operators is there at all.
pub(super) fn is_possible(pattern: &Plan, present: &[Operator]) -> bool {
    let is_there = match pattern {
        Plan::Window { .. } => present.iter().any(|operator| matches!(operator, Operator::Window { .. })),
        Plan::Limit { .. } => present.iter().any(|operator| matches!(operator, Operator::Limit { .. })),
        Plan::Instance { .. } => present.iter().any(|operator| matches!(operator, Operator::Instance { .. })),
        Plan::SetOp { kind, .. } => {
            present.iter().any(|operator| matches!(operator, Operator::SetOp { kind: other, .. } if other == kind))
        }
        Plan::Scan { .. }
        | Plan::Values { .. }
        | Plan::Empty { .. }
        | Plan::Filter { .. }
        | Plan::Project { .. }
        | Plan::Join { .. }
        | Plan::Aggregate { .. }
        | Plan::GroupingSets { .. }
        | Plan::Unnest { .. }
        | Plan::Distinct { .. }
        | Plan::Sort { .. }
        | Plan::Named { .. }
        | Plan::RecursiveUnion { .. }
        | Plan::WorkTable { .. }
        | Plan::Sample { .. }
        | Plan::ScanAt { .. }
        | Plan::Hole { .. } => true,
    };
    is_there && pattern.inputs().into_iter().all(|input| is_possible(input, present))
}
