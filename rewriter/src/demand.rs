//! Which columns of each class something may read: what a class costs to store.

use egg::Id;
use isomer_ir::{ColumnDef, ColumnId, ScalarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::Facts;
use crate::memo::Memo;
use crate::operator::{Node, Operator};

/// The columns that are read of each class, sorted, where `shown` is what models show of theirs. A column
/// counts that any member of a class above reads, chosen or not, so this errs towards more.
pub(crate) fn demanded(
    memo: &Memo,
    shown: impl IntoIterator<Item = (Id, Vec<ColumnId>)>,
) -> FxHashMap<Id, Vec<ColumnId>> {
    let mut demand: FxHashMap<Id, FxHashSet<ColumnId>> = FxHashMap::default();
    let mut queue: Vec<Id> = Vec::new();
    for (class, columns) in shown {
        let class = memo.egraph.find(class);
        demand.entry(class).or_default().extend(columns);
        queue.push(class);
    }
    let mut expanded: FxHashMap<Id, usize> = FxHashMap::default();
    while let Some(class) = queue.pop() {
        let wanted = &demand[&class];
        if expanded.insert(class, wanted.len()) == Some(wanted.len()) {
            continue;
        }
        let mut wanted: Vec<ColumnId> = wanted.iter().copied().collect();
        wanted.sort_unstable();
        for node in &memo.egraph[class].nodes {
            for (position, input) in node.inputs.iter().enumerate() {
                let input = memo.egraph.find(*input);
                let below = memo.facts(input);
                let read = read_of_input(memo, node, position, &wanted, below);
                let known = demand.entry(input).or_default();
                let before = known.len();
                known.extend(read.into_iter().filter(|&column| below.exposes(column)));
                if known.len() > before || !expanded.contains_key(&input) {
                    queue.push(input);
                }
            }
        }
    }
    let sorted = |columns: FxHashSet<ColumnId>| {
        let mut columns: Vec<ColumnId> = columns.into_iter().collect();
        columns.sort_unstable();
        columns
    };
    demand.into_iter().map(|(class, columns)| (class, sorted(columns))).collect()
}

/// What a node reads of one of its inputs so that its class shows `wanted`.
fn read_of_input(memo: &Memo, node: &Node, position: usize, wanted: &[ColumnId], below: &Facts) -> Vec<ColumnId> {
    let arena = &memo.context().arena;
    let of = |scalars: &mut dyn Iterator<Item = ScalarId>| -> Vec<ColumnId> {
        scalars.flat_map(|scalar| arena.columns_of(scalar).to_vec()).collect()
    };
    let beside = |scalars: &mut dyn Iterator<Item = ScalarId>| -> Vec<ColumnId> {
        let mut read = of(scalars);
        read.extend_from_slice(wanted);
        read
    };
    match memo.operator(node) {
        Operator::Filter { holds: scalars }
        | Operator::InnerJoin { on: scalars }
        | Operator::Join { on: scalars, .. } => beside(&mut scalars.iter().copied()),
        Operator::Project { exprs } => {
            let read = exprs.iter().filter(|(id, _)| wanted.contains(id));
            of(&mut read.map(|&(_, scalar)| scalar))
        }
        Operator::Aggregate { keys, calls } => {
            let calls = calls.iter().filter(|(id, _)| wanted.contains(id));
            let calls = calls.flat_map(|(_, call)| crate::normalize::aggregate_scalars(call));
            of(&mut keys.iter().map(|&(_, scalar)| scalar).chain(calls))
        }
        Operator::GroupingSets { groups } => of(&mut groups.scalars()),
        Operator::Window { calls } => {
            beside(&mut calls.iter().flat_map(|(_, call)| crate::normalize::window_scalars(call)))
        }
        Operator::Unnest { list, .. } => beside(&mut std::iter::once(*list)),
        Operator::Sort { keys } => beside(&mut keys.iter().map(|key| key.scalar)),
        Operator::Limit { .. } => wanted.to_vec(),
        Operator::SetOp { taken, .. } => taken.get(position).cloned().unwrap_or_default(),
        Operator::RecursiveUnion { recursion } => recursion.base_columns.clone(),
        Operator::Instance { .. } => {
            let renamed = |&column: &ColumnId| match arena.def(column) {
                ColumnDef::Instance { of, .. } => below.exposes(*of).then_some(*of),
                _ => None,
            };
            wanted.iter().map(renamed).collect::<Option<Vec<_>>>().unwrap_or_else(|| below.columns.clone())
        }
        Operator::Sample { .. } => below.columns.clone(),
        Operator::Scan { .. }
        | Operator::Values { .. }
        | Operator::Empty { .. }
        | Operator::WorkTable { .. }
        | Operator::ScanAt { .. } => Vec::new(),
    }
}
