//! Declared references: which joins give every row a match.

use isomer_ir::{Arena, ColumnDef, ColumnId, Plan, ScalarId};

use super::equalities::{inlined, known_predicates};
use super::{Definitions, peek};
use crate::facts::{Facts, equal_columns};
use crate::operator::Context;
use crate::plan_facts::plan_facts;

/// Whether every row of `left` has a match in `right`: nothing is asked and there is a row, or all that
/// is asked is a declared reference that is never NULL, to a whole table. Says `false` when in doubt.
pub(crate) fn matches_always(context: &mut Context, left: &Plan, right: &Plan, on: &[ScalarId]) -> bool {
    if on.is_empty() {
        return plan_facts(context, right).has_row;
    }
    let Some(target) = WholeTable::of(&mut context.arena, right) else { return false };
    let Some(pairs) = target.pairs(&context.arena, on) else { return false };
    let facts = plan_facts(context, left);
    let is_filled = pairs.iter().all(|(_, referring)| facts.exposes(*referring) && facts.is_not_null(*referring));
    let known = known_predicates(&mut context.arena, left);
    is_filled
        && target.keeps_all(&mut context.arena, &pairs, &known)
        && is_tied(&context.arena, left, &pairs)
        && target.is_referred_to(context, &pairs)
}

/// A table, perhaps renamed and filtered: each of its columns as exposed, in catalog order, and its filter.
#[derive(Debug)]
pub(crate) struct WholeTable {
    pub(super) table: std::sync::Arc<str>,
    pub(super) columns: Vec<ColumnId>,
    pub(super) holds: Vec<ScalarId>,
}

impl WholeTable {
    pub(crate) fn of(arena: &mut Arena, plan: &Plan) -> Option<Self> {
        match peek(plan) {
            Plan::Scan { table, columns } => {
                Some(Self { table: std::sync::Arc::clone(table), columns: columns.clone(), holds: Vec::new() })
            }
            Plan::Filter { input, holds } => {
                let mut whole = Self::of(arena, input)?;
                whole.holds.extend_from_slice(holds);
                Some(whole)
            }
            Plan::Instance { input, k } => {
                let mut whole = Self::of(arena, input)?;
                let mut map = Definitions::default();
                for column in &mut whole.columns {
                    let renamed = arena.instance(*column, *k);
                    let reference = arena.column_ref(renamed);
                    map.insert(*column, reference);
                    *column = renamed;
                }
                for predicate in &mut whole.holds {
                    *predicate = inlined(arena, *predicate, &map);
                }
                Some(whole)
            }
            _ => None,
        }
    }

    pub(crate) fn exposes(&self, column: ColumnId) -> bool {
        self.columns.contains(&column)
    }

    /// The columns of the table with the columns that they are compared with, when nothing else is asked.
    pub(crate) fn pairs(&self, arena: &Arena, on: &[ScalarId]) -> Option<Vec<(ColumnId, ColumnId)>> {
        let mut pairs = Vec::with_capacity(on.len());
        for &predicate in on {
            let (a, b) = equal_columns(arena, predicate)?;
            match (self.exposes(a), self.exposes(b)) {
                (true, false) => pairs.push((a, b)),
                (false, true) => pairs.push((b, a)),
                (true, true) | (false, false) => return None,
            }
        }
        Some(pairs)
    }

    /// Whether no two rows agree on the columns where these are not NULL: they hold a declared key, which
    /// says nothing of rows with NULL in it. An equality is true of no such row.
    pub(crate) fn is_unique_where_equal(&self, context: &Context, columns: &[ColumnId]) -> bool {
        let holds = |at: &usize| self.columns.get(*at).is_some_and(|column| columns.contains(column));
        let table = context.catalog.get(&self.table);
        table.is_some_and(|table| table.keys.iter().any(|key| key.columns.iter().all(holds)))
    }

    /// Whether the filter keeps every row that is referred to: it asks of the key what is `known` of the
    /// referring columns.
    fn keeps_all(&self, arena: &mut Arena, pairs: &[(ColumnId, ColumnId)], known: &[ScalarId]) -> bool {
        let mut map = Definitions::default();
        for (key, referring) in pairs {
            let reference = arena.column_ref(*referring);
            map.insert(*key, reference);
        }
        self.holds.iter().all(|&predicate| {
            let reads_keys = arena.columns_of(predicate).iter().all(|column| map.contains_key(column));
            let asked = inlined(arena, predicate, &map);
            reads_keys && known.contains(&asked)
        })
    }

    /// Whether each value of the referring columns that is not NULL occurs here: a declared foreign key is
    /// exactly these pairs, or they are the table's own columns.
    pub(crate) fn is_referred_to(&self, context: &Context, pairs: &[(ColumnId, ColumnId)]) -> bool {
        let Some((_, first)) = pairs.first() else { return false };
        let Some((from_table, _)) = base_of(&context.arena, *first) else { return false };
        let (Some(target), Some(source)) = (context.catalog.get(&self.table), context.catalog.get(from_table)) else {
            return false;
        };
        let is_own = *from_table == self.table
            && pairs.iter().all(|(key, referring)| {
                let position = self.columns.iter().position(|column| column == key);
                let name = position.and_then(|position| target.columns.get(position)).map(|column| &column.key);
                base_of(&context.arena, *referring)
                    .is_some_and(|(table, column)| *table == self.table && Some(column) == name)
            });
        is_own
            || source.foreign_keys.iter().any(|foreign| {
                foreign.table == self.table
                    && foreign.columns.len() == pairs.len()
                    && foreign.columns.iter().zip(&foreign.referred).all(|(&from, to)| {
                        let Some(from) = source.columns.get(from) else { return false };
                        let Some(to) = target.position(to).and_then(|index| self.columns.get(index)) else {
                            return false;
                        };
                        pairs.iter().any(|(key, referring)| {
                            key == to
                                && base_of(&context.arena, *referring)
                                    .is_some_and(|(table, column)| table == from_table && column == &from.key)
                        })
                    })
            })
    }
}

/// Whether the referring columns may be taken together.
fn is_tied(arena: &Arena, plan: &Plan, pairs: &[(ColumnId, ColumnId)]) -> bool {
    let referring: Vec<ColumnId> = pairs.iter().map(|(_, referring)| *referring).collect();
    referring.len() < 2 || is_of_one_row(arena, plan, &referring)
}

/// Whether the columns are of one row of a scan below: a composite reference is one row's. Grouping
/// may tear a row apart, joins and filters do not.
fn is_of_one_row(arena: &Arena, plan: &Plan, columns: &[ColumnId]) -> bool {
    match plan {
        Plan::Scan { columns: own, .. } => columns.iter().all(|column| own.contains(column)),
        Plan::Named { input, .. }
        | Plan::Filter { input, .. }
        | Plan::Sort { input, .. }
        | Plan::Limit { input, .. }
        | Plan::Window { input, .. } => is_of_one_row(arena, input, columns),
        // A row of a list comes out again and again.
        Plan::Unnest { .. } => false,
        Plan::Instance { input, k } => {
            let below = columns.iter().map(|&column| match arena.def(column) {
                ColumnDef::Instance { of, k: own } if own == k => Some(*of),
                _ => None,
            });
            below.collect::<Option<Vec<ColumnId>>>().is_some_and(|below| is_of_one_row(arena, input, &below))
        }
        Plan::Join { left, right, .. } => is_of_one_row(arena, left, columns) || is_of_one_row(arena, right, columns),
        Plan::Values { .. }
        | Plan::Empty { .. }
        | Plan::Project { .. }
        | Plan::Aggregate { .. }
        | Plan::GroupingSets { .. }
        | Plan::Distinct { .. }
        | Plan::SetOp { .. }
        | Plan::RecursiveUnion { .. }
        | Plan::WorkTable { .. }
        | Plan::Sample { .. }
        | Plan::ScanAt { .. }
        | Plan::Hole { .. } => false,
    }
}

/// The table and column that a column's values come from, through renamings.
fn base_of(arena: &Arena, mut column: ColumnId) -> Option<(&std::sync::Arc<str>, &std::sync::Arc<str>)> {
    while let ColumnDef::Instance { of, .. } = arena.def(column) {
        column = *of;
    }
    match arena.def(column) {
        ColumnDef::Base { table, column } => Some((table, column)),
        _ => None,
    }
}

/// Among the inputs of an inner join one that gives each row of the others exactly one match and of
/// which nothing else is read: its place, and the conditions without it.
pub(crate) fn foreign_key_join(
    context: &mut Context,
    inputs: &[Plan],
    on: &[ScalarId],
    demanded: &[ColumnId],
) -> Option<(usize, Vec<ScalarId>)> {
    if inputs.len() < 2 {
        return None;
    }
    for (position, input) in inputs.iter().enumerate() {
        let Some(target) = WholeTable::of(&mut context.arena, input) else { continue };
        if demanded.iter().any(|&column| target.exposes(column)) {
            continue;
        }
        let (own, rest): (Vec<ScalarId>, Vec<ScalarId>) = on
            .iter()
            .partition(|&&predicate| context.arena.columns_of(predicate).iter().any(|&column| target.exposes(column)));
        let Some(pairs) = target.pairs(&context.arena, &own) else { continue };
        let all: Vec<Facts> = inputs.iter().map(|input| plan_facts(context, input)).collect();
        let is_filled = pairs.iter().all(|(_, referring)| {
            all.iter()
                .enumerate()
                .any(|(index, facts)| index != position && facts.exposes(*referring) && facts.is_not_null(*referring))
        });
        let keys: Vec<ColumnId> = pairs.iter().map(|(key, _)| *key).collect();
        let is_tied = inputs.iter().any(|input| is_tied(&context.arena, input, &pairs));
        let mut known = Vec::new();
        for (_, input) in inputs.iter().enumerate().filter(|(index, _)| *index != position) {
            known.extend(known_predicates(&mut context.arena, input));
        }
        let is_whole = target.keeps_all(&mut context.arena, &pairs, &known);
        let is_unique = all[position].is_unique(&keys) || target.is_unique_where_equal(context, &keys);
        if is_filled && is_tied && is_whole && is_unique && target.is_referred_to(context, &pairs) {
            return Some((position, rest));
        }
    }
    None
}
