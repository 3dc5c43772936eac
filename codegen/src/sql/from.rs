//! Where the conditions of a `FROM` list stand: each join condition at the first relation at which
//! all that it reads is there, filters in `WHERE`.

use rustc_hash::FxHashMap;

use super::block::{Attach, Block, Item};
use super::expr::{ExprId, Exprs, Kind, Node, SourceId};
use super::statement::Statement;

/// The relations that an expression reads, sorted and distinct.
pub(super) fn sources_of(expr: ExprId, exprs: &Exprs) -> Vec<SourceId> {
    let mut sources = Vec::new();
    exprs.visit(&[expr], &mut |_, node| {
        if let Node::Field { source, .. } = node {
            sources.push(*source);
        }
    });
    sources.sort_unstable();
    sources.dedup();
    sources
}

/// Orders the inner joins that a list starts with so that each relation is joined by a condition
/// where one exists, and puts equalities of the filter that relate two of them into `ON`. That is
/// sound below left joins, whose left rows a filter may meet before or after; a list with a full
/// join stays as it is. Null-safe equalities between more than two relations stand in `WHERE`: DataFusion
/// 54 takes one in an inner `ON` for a plain equality when another join stands above it.
pub(super) fn arrange(mut items: Vec<Item>, filter: Vec<ExprId>, exprs: &Exprs) -> (Vec<Item>, Vec<ExprId>) {
    if items.iter().any(|item| item.attach == Attach::Full) {
        return (items, filter);
    }
    let n_inner = items.iter().skip(1).take_while(|item| item.attach == Attach::Inner).count() + 1;
    if n_inner < 2 || items.len() < n_inner {
        return (items, filter);
    }
    let outer = items.split_off(n_inner);
    let mut waiting: Vec<SourceId> = items.iter().map(|item| item.source).collect();
    let mut conditions = Vec::new();
    let mut rest = Vec::new();
    let joined = items.iter().flat_map(|item| item.on.iter().map(|&on| (on, true)));
    for (condition, is_join_condition) in joined.chain(filter.iter().map(|&filter| (filter, false))) {
        let sources = sources_of(condition, exprs);
        let is_placed = sources.len() >= 2
            && sources.iter().all(|source| waiting.contains(source))
            && !exprs.facts(condition).has_subquery
            && (n_inner == 2 || exprs.kind(condition) != Kind::NullSafe)
            && (is_join_condition || exprs.kind(condition) == Kind::Equality);
        if is_placed { conditions.push((condition, sources)) } else { rest.push(condition) }
    }
    let first = waiting.remove(0);
    let mut present = vec![first];
    let mut arranged = vec![Item { attach: Attach::Inner, source: first, on: Vec::new() }];
    while !waiting.is_empty() {
        let is_tied = |source: &SourceId| {
            conditions.iter().any(|(_, reads)| {
                reads.contains(source) && reads.iter().all(|read| read == source || present.contains(read))
            })
        };
        let source = waiting.remove(waiting.iter().position(is_tied).unwrap_or(0));
        present.push(source);
        let (now, later): (Vec<_>, Vec<_>) =
            conditions.into_iter().partition(|(_, reads)| reads.iter().all(|read| present.contains(read)));
        conditions = later;
        arranged.push(Item { attach: Attach::Inner, source, on: now.into_iter().map(|(on, _)| on).collect() });
    }
    rest.extend(conditions.into_iter().map(|(condition, _)| condition));
    arranged.extend(outer);
    (arranged, rest)
}

/// Whether three or more inner relations below a full join are related by a null-safe equality, which
/// cannot move to `WHERE` there. Only expressions for DataFusion have the kind.
pub(super) fn has_null_safe_below_full(items: &[Item], exprs: &Exprs) -> bool {
    let is_null_safe = |item: &Item| item.on.iter().any(|&on| exprs.kind(on) == Kind::NullSafe);
    let inner: Vec<&Item> = items.iter().skip(1).take_while(|item| item.attach == Attach::Inner).collect();
    inner.len() >= 2
        && items.iter().any(|item| item.attach == Attach::Full)
        && inner.iter().any(|item| is_null_safe(item))
}

impl Statement<'_, '_> {
    /// Whether conditions read columns of one name of two relations of a subquery: DataFusion 54 takes them for
    /// each other when it makes a join of the subquery.
    pub(super) fn has_namesakes(&self, block: &Block, conjuncts: &[ExprId]) -> bool {
        let mut known: FxHashMap<String, SourceId> = FxHashMap::default();
        let mut has_two = false;
        self.speller.exprs.visit(conjuncts, &mut |_, node| {
            if let Node::Field { source, column } = node
                && block.items.iter().any(|item| item.source == *source)
                && let Some(name) = self.sources[source.0 as usize].names.get(column)
            {
                has_two |= known.insert(name.to_lowercase(), *source).is_some_and(|other| other != *source);
            }
        });
        has_two
    }
}
