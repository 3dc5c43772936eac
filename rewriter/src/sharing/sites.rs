//! Aggregate sites: aggregates with the filters of their inputs lifted off, so that aggregates of
//! the same rows under other filters are seen to have one base.

use egg::Id;
use isomer_ir::{AggregateCall, ColumnId, JoinKind, ScalarId, Volatility};
use rustc_hash::FxHashMap;

use crate::memo::Memo;
use crate::operator::Operator;

/// An aggregate that may be served by a cover.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// The aggregate's class.
    pub(crate) class: Id,
    /// What it aggregates, without the filters.
    pub(crate) base: Id,
    /// The filters, sorted; over `base`.
    pub(crate) holds: Vec<ScalarId>,
    pub(crate) keys: Vec<(ColumnId, ScalarId)>,
    pub(crate) calls: Vec<(ColumnId, AggregateCall)>,
}

impl Site {
    /// Whether both form the same groups of the same rows.
    pub(crate) fn has_same_groups(&self, other: &Self) -> bool {
        self.keys == other.keys && self.holds == other.holds
    }
}

/// Every aggregate of the e-graph as lowered or found, with the filters of its input lifted; in
/// the order of class ids. Volatile inputs are left out: no two statements see the same rows.
pub(crate) fn aggregate_sites(memo: &mut Memo) -> Vec<Site> {
    let mut found = Vec::new();
    let mut lifted: FxHashMap<Id, (Id, Vec<ScalarId>)> = FxHashMap::default();
    for class in memo.class_ids() {
        let Some(eclass) = memo.egraph.classes().find(|eclass| eclass.id == class).map(|eclass| eclass.nodes.clone())
        else {
            continue;
        };
        for node in eclass {
            // What is grouped below a join already is grouped for several models at once (C8).
            if memo.origin(&node).is_some_and(|origin| &*origin.rule != "push-aggregate-into-join") {
                continue;
            }
            if let Operator::Aggregate { keys, calls } = memo.operator(&node).clone() {
                found.push((class, node.inputs[0], keys, calls));
                break;
            }
        }
    }
    let mut sites = Vec::with_capacity(found.len());
    for (class, input, keys, calls) in found {
        if memo.facts(input).is_volatile || memo.facts(class).is_stable_only {
            continue;
        }
        let (base, mut holds) = lift(memo, input, &mut lifted);
        holds.sort_unstable();
        holds.dedup();
        sites.push(Site { class: memo.egraph.find(class), base: memo.egraph.find(base), holds, keys, calls });
    }
    sites
}

/// A class equal to `Filter(holds, base)` with as much in `holds` as can be lifted: through
/// filters, inner joins and the preserved side of other joins. The base is added where it is new.
/// Conjuncts that can raise or are volatile stay where they are.
fn lift(memo: &mut Memo, class: Id, lifted: &mut FxHashMap<Id, (Id, Vec<ScalarId>)>) -> (Id, Vec<ScalarId>) {
    let class = memo.egraph.find(class);
    if let Some(known) = lifted.get(&class) {
        return known.clone();
    }
    let nodes = memo.egraph[class].nodes.clone();
    let mut result = (class, Vec::new());
    for node in nodes {
        if memo.origin(&node).is_some_and(|origin| &*origin.rule != "share-window-list") {
            continue;
        }
        match memo.operator(&node).clone() {
            Operator::Filter { holds } if holds.iter().all(|&predicate| is_movable(memo, predicate)) => {
                let (base, mut below) = lift(memo, node.inputs[0], lifted);
                below.extend(holds);
                result = (base, below);
                break;
            }
            Operator::InnerJoin { on } => {
                let mut bases = Vec::with_capacity(node.inputs.len());
                let mut holds = Vec::new();
                for &input in &node.inputs {
                    let (base, below) = lift(memo, input, lifted);
                    bases.push(base);
                    holds.extend(below);
                }
                if !holds.is_empty() && memo.are_disjoint(&bases) {
                    let base = memo.add(Operator::InnerJoin { on }, bases);
                    result = (base, holds);
                    break;
                }
            }
            Operator::Join { kind: kind @ (JoinKind::Left | JoinKind::Semi | JoinKind::Anti), on } => {
                let (base, holds) = lift(memo, node.inputs[0], lifted);
                if !holds.is_empty() && memo.are_disjoint(&[base, node.inputs[1]]) {
                    let base = memo.add(Operator::Join { kind, on }, [base, node.inputs[1]]);
                    result = (base, holds);
                    break;
                }
            }
            // A narrowing projection of a wider window: the wider one has the same rows.
            Operator::Project { exprs }
                if exprs.iter().all(|&(id, scalar)| crate::normalize::is_column(&memo.context().arena, scalar, id)) =>
            {
                let (base, holds) = lift(memo, node.inputs[0], lifted);
                result = (base, holds);
                break;
            }
            Operator::Scan { .. }
            | Operator::Values { .. }
            | Operator::Empty { .. }
            | Operator::Filter { .. }
            | Operator::Project { .. }
            | Operator::Join { .. }
            | Operator::Aggregate { .. }
            | Operator::GroupingSets { .. }
            | Operator::Window { .. }
            | Operator::Unnest { .. }
            | Operator::Sort { .. }
            | Operator::Limit { .. }
            | Operator::SetOp { .. }
            | Operator::RecursiveUnion { .. }
            | Operator::WorkTable { .. }
            | Operator::Sample { .. }
            | Operator::ScanAt { .. }
            | Operator::Instance { .. } => {}
        }
    }
    lifted.insert(class, result.clone());
    result
}

fn is_movable(memo: &Memo, predicate: ScalarId) -> bool {
    let arena = &memo.context().arena;
    arena.volatility(predicate) == Volatility::Immutable && !arena.can_raise(predicate)
}
