//! Alternatives of one model that are more than a line of `logical.rs`, one file a family. Each is added
//! beside what was written, and only where estimates say that it may pay; extraction decides.

mod average;
mod disjunction;
mod eager;
mod spread;
mod totals;
mod union_join;
mod window_join;

use egg::Id;
use isomer_ir::{ColumnDef, ColumnId, ScalarId, SetOpKind};

use crate::memo::{Memo, Origin};
use crate::operator::{Node, Operator};
use crate::simplify::Switches;

/// Adds what the rules of this folder make of one member of a class. Returns whether anything was added.
pub(crate) fn of_node(memo: &mut Memo, switches: &mut Switches, class: Id, node: &Node) -> bool {
    // What a rule made is taken no further: that bounds the search.
    if memo.origin(node).is_some() {
        return false;
    }
    match memo.operator(node).clone() {
        Operator::Aggregate { keys, calls } => {
            let over = (class, node.inputs[0]);
            eager::aggregate_inputs(memo, switches, over, &keys, &calls)
                | average::as_quotient(memo, switches, over, &keys, &calls)
        }
        Operator::InnerJoin { on } => {
            disjunction::inner(memo, switches, class, &node.inputs, &on)
                | totals::merge(memo, switches, class, &node.inputs, &on)
                | union_join::push(memo, switches, class, &node.inputs, &on)
        }
        Operator::Join { kind, on } => disjunction::semi(memo, switches, class, kind, &node.inputs, &on),
        Operator::Window { calls } => window_join::as_join(memo, switches, class, node.inputs[0], &calls),
        Operator::SetOp { kind: SetOpKind::UnionAll, taken, columns } => {
            union_join::pull(memo, switches, class, (&node.inputs, &taken, &columns))
        }
        Operator::Scan { .. }
        | Operator::Values { .. }
        | Operator::Empty { .. }
        | Operator::Filter { .. }
        | Operator::Project { .. }
        | Operator::Sort { .. }
        | Operator::Limit { .. }
        | Operator::SetOp { .. }
        | Operator::GroupingSets { .. }
        | Operator::Unnest { .. }
        | Operator::RecursiveUnion { .. }
        | Operator::WorkTable { .. }
        | Operator::Sample { .. }
        | Operator::ScanAt { .. }
        | Operator::Instance { .. } => false,
    }
}

/// All rows of the branches, under names of its own; `None` where columns of one place differ in type.
fn union_all(memo: &mut Memo, branches: Vec<(Id, Vec<ColumnId>)>, origin: &Origin) -> Option<(Id, Vec<ColumnId>)> {
    let width = branches.first()?.1.len();
    let arena = &mut memo.context_mut().arena;
    let mut columns = Vec::with_capacity(width);
    for position in 0..width {
        let below: Vec<ColumnId> = branches.iter().map(|(_, taken)| taken[position]).collect();
        let data_type = arena.column_type(below[0]);
        if below.iter().any(|&column| arena.column_type(column) != data_type) {
            return None;
        }
        let hint = std::sync::Arc::clone(arena.hint(below[0]));
        // As the normal form names it, so that what is written in this form is found to be the same.
        let mut below = below;
        below.sort_unstable();
        let mut n = 0;
        let column = loop {
            let def = ColumnDef::SetOp { position: n, branches: below.clone() };
            let column = arena.column(def, data_type, &hint);
            if !columns.contains(&column) {
                break column;
            }
            n += 1;
        };
        columns.push(column);
    }
    let (inputs, taken): (Vec<Id>, Vec<Vec<ColumnId>>) = branches.into_iter().unzip();
    let operator = Operator::SetOp { kind: SetOpKind::UnionAll, taken, columns: columns.clone() };
    Some((memo.add_made(operator, &inputs, origin), columns))
}

/// Whether conditions lead from each of the classes to each other, so that their join is no product.
fn are_connected(memo: &Memo, classes: &[Id], on: &[ScalarId]) -> bool {
    let arena = &memo.context().arena;
    let mut reached: Vec<usize> = vec![0];
    let mut next = 0;
    while next < reached.len() {
        let from = classes[reached[next]];
        next += 1;
        for (position, &to) in classes.iter().enumerate() {
            let joins = |&conjunct: &ScalarId| {
                let read = arena.columns_of(conjunct);
                let reads = |class: Id| read.iter().any(|&column| memo.facts(class).exposes(column));
                reads(from) && reads(to)
            };
            if !reached.contains(&position) && on.iter().any(joins) {
                reached.push(position);
            }
        }
    }
    reached.len() == classes.len()
}
