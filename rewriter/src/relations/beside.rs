//! Where the other patterns of a rule that lets models share are looked for.

use egg::Id;

use crate::memo::Memo;
use crate::operator::Operator;

/// Most places that are looked at.
const MAX_SITES: usize = 64;
/// Most ways in which the other patterns are found beside one.
pub(super) const MAX_JOINT: usize = 16;

/// An operator that reads only some columns of its input.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) class: Id,
    pub(super) input: Id,
    pub(super) operator: Operator,
}

/// The projections and aggregates as they were written, in the order of their classes.
pub(super) fn sites(memo: &Memo) -> Vec<Site> {
    let mut sites = Vec::new();
    for class in memo.class_ids() {
        for node in &memo.egraph[class].nodes {
            let operator = memo.operator(node);
            let is_site = matches!(operator, Operator::Project { .. } | Operator::Aggregate { .. });
            if is_site && memo.origin(node).is_none() {
                sites.push(Site { class, input: node.inputs[0], operator: operator.clone() });
            }
        }
    }
    sites.truncate(MAX_SITES);
    sites
}
