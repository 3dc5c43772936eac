//! When two queries are one: equal columns of one class, below the names of their outputs.

use std::sync::Arc;

use isomer_ir::{ColumnId, DataType, Plan, ScalarId};
use rustc_hash::FxHashMap;

use crate::memo::Memo;
use crate::normalize::NormalModel;
use crate::operator::Operator;

/// Projections of one result that are looked through, so that one of itself ends.
const MAX_COMPOSED: usize = 32;

/// A query in the e-graph.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) normal: &'a NormalModel,
    pub(crate) class: egg::Id,
}

/// Whether two models show the same scalars of the same relation, position by position.
pub(crate) fn is_same(memo: &mut Memo, a: &Shown<'_>, b: &Shown<'_>) -> bool {
    let ids = |entry: &Shown<'_>| entry.normal.exprs.iter().map(|(id, _)| *id).collect::<Vec<ColumnId>>();
    let scalars = |entry: &Shown<'_>| entry.normal.exprs.iter().map(|(_, scalar)| *scalar).collect::<Vec<ScalarId>>();
    let is_empty = |entry: &Shown<'_>| matches!(crate::normalize::peek(&entry.normal.plan), Plan::Empty { .. });
    let types = |entry: &Shown<'_>, memo: &Memo| -> Vec<DataType> {
        entry.normal.exprs.iter().map(|(id, _)| memo.context().arena.column_type(*id)).collect()
    };
    if is_empty(a) && is_empty(b) {
        return types(a, memo) == types(b, memo);
    }
    if memo.egraph.find(a.class) == memo.egraph.find(b.class) && (ids(a) == ids(b) || scalars(a) == scalars(b)) {
        return a.normal.order == b.normal.order;
    }
    if !a.normal.order.is_empty() || !b.normal.order.is_empty() || types(a, memo) != types(b, memo) {
        return false;
    }
    let (a, b) = (below_output(memo, a), below_output(memo, b));
    memo.rebuild();
    memo.egraph.find(a) == memo.egraph.find(b)
}

/// The class of a model's rows under names that are positions: results are compared, not the words in
/// which their columns were defined.
fn below_output(memo: &mut Memo, entry: &Shown<'_>) -> egg::Id {
    let table: Arc<str> = Arc::from("__output");
    let ids: Vec<ColumnId> = entry.normal.exprs.iter().map(|(id, _)| *id).collect();
    let arena = &mut memo.context_mut().arena;
    let mut shown: Vec<(ColumnId, ScalarId)> = Vec::with_capacity(ids.len());
    for (position, &id) in ids.iter().enumerate() {
        let data_type = arena.column_type(id);
        let name = arena.base_column(&table, &format!("{position} {data_type}"), data_type);
        shown.push((name, arena.column_ref(id)));
    }
    let class = memo.egraph.find(entry.class);
    let result = memo.add(Operator::Project { exprs: shown.clone() }, [class]);
    // A projection of a projection is one over what is below both.
    let mut composed = vec![(class, shown)];
    let mut next = 0;
    while next < composed.len() && composed.len() < MAX_COMPOSED {
        let (class, shown) = composed[next].clone();
        next += 1;
        for node in memo.egraph[class].nodes.clone() {
            let Operator::Project { exprs } = memo.operator(&node).clone() else { continue };
            let below = memo.egraph.find(node.inputs[0]);
            let definitions: FxHashMap<ColumnId, ScalarId> = exprs.into_iter().collect();
            let arena = &mut memo.context_mut().arena;
            let exprs: Vec<(ColumnId, ScalarId)> =
                shown.iter().map(|&(id, scalar)| (id, arena.inline_columns(scalar, &definitions))).collect();
            if composed.iter().any(|known| *known == (below, exprs.clone())) {
                continue;
            }
            let one = memo.add(Operator::Project { exprs: exprs.clone() }, [below]);
            memo.egraph.union(result, one);
            composed.push((below, exprs));
        }
    }
    result
}
