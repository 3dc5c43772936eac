//! The guards of relation templates, decided from the facts of the classes that holes stand for.

use std::collections::BTreeSet;
use std::sync::Arc;

use egg::Id;
use isomer_ir::{ColumnDef, ColumnId, Key, Scalar, ScalarId, Table};
use isomer_rules::{Guard, HoleColumn, HoleSort, Rule, hole_names};

use super::bindings::Bindings;
use crate::memo::Memo;
use crate::operator::Operator;
use crate::templates::type_families;

/// The facts that the guards lean on, in words; nothing where one of them is not known to hold.
pub(crate) fn hold(memo: &Memo, rule: &Rule, bindings: &Bindings) -> Option<Vec<String>> {
    rule.guards.iter().map(|guard| decided(memo, rule, guard, bindings)).collect()
}

/// A guard's arguments: the table holes and the columns or scalars of the others.
struct Arguments {
    tables: Vec<Id>,
    scalars: Vec<ScalarId>,
    columns: Vec<(Option<Id>, ColumnId)>,
}

fn arguments(memo: &Memo, rule: &Rule, guard: &Guard, bindings: &Bindings) -> Option<Arguments> {
    let arena = &memo.context().arena;
    let mut arguments = Arguments { tables: Vec::new(), scalars: Vec::new(), columns: Vec::new() };
    for name in guard.args.iter().flat_map(|arg| hole_names(arg)) {
        let position = rule.holes.iter().position(|hole| *hole.name == name)?;
        if rule.holes[position].sort == HoleSort::Table {
            arguments.tables.push(bindings.table_at(rule, position)?);
            continue;
        }
        let is_hole = |symbol: &ColumnId| HoleColumn::of(arena.def(*symbol)).is_some_and(|hole| hole.hole == position);
        if let Some((symbol, columns)) = bindings.lists.iter().find(|(symbol, _)| is_hole(symbol)) {
            let table = bindings.table_of(arena, *symbol);
            arguments.columns.extend(columns.iter().map(|&column| (table, column)));
        } else if let Some((_, conjuncts)) = bindings.predicates.iter().find(|(symbol, _)| is_hole(symbol)) {
            arguments.scalars.extend(conjuncts);
        } else {
            let (symbol, &scalar) = bindings.scalars.iter().find(|(symbol, _)| is_hole(symbol))?;
            arguments.scalars.push(scalar);
            if let Scalar::Column(column) = arena[scalar] {
                arguments.columns.push((bindings.table_of(arena, *symbol), column));
            }
        }
    }
    Some(arguments)
}

fn decided(memo: &Memo, rule: &Rule, guard: &Guard, bindings: &Bindings) -> Option<String> {
    let arena = &memo.context().arena;
    let found = arguments(memo, rule, guard, bindings)?;
    let names: Vec<&str> = found.columns.iter().map(|(_, column)| &**arena.hint(*column)).collect();
    let names = names.join(", ");
    match &*guard.name {
        "unique" | "key" => {
            let columns: Vec<ColumnId> = found.columns.iter().map(|(_, column)| *column).collect();
            let tables = || found.columns.iter().filter_map(|(table, _)| *table).chain(found.tables.iter().copied());
            let table = tables().next()?;
            let is_one_table = tables().all(|other| other == table);
            let holds = is_one_table && memo.facts(table).is_unique(&columns);
            holds.then(|| format!("no two rows agree on {names}{}", key_by(memo, &columns)))
        }
        "not_null" => {
            let holds = !found.columns.is_empty()
                && found.columns.len() >= found.scalars.len()
                && found
                    .columns
                    .iter()
                    .all(|(table, column)| table.is_some_and(|table| memo.facts(table).is_not_null(*column)));
            let columns: Vec<ColumnId> = found.columns.iter().map(|(_, column)| *column).collect();
            holds.then(|| format!("{names} is never NULL{}", not_null_by(memo, &columns)))
        }
        "foreign_key" => {
            let [(Some(from_table), from), (Some(to_table), to)] = found.columns.as_slice() else { return None };
            let declared_by = refers(memo, (*from_table, *from), (*to_table, *to))?;
            let (from, to) = (arena.hint(*from), arena.hint(*to));
            Some(format!("{from} refers to {to} by a foreign key ({declared_by})"))
        }
        "single_row" => {
            let table = *found.tables.first()?;
            memo.facts(table).max_rows.is_some_and(|rows| rows <= 1).then(|| "there is at most one row".to_owned())
        }
        "empty" => {
            let table = *found.tables.first()?;
            (memo.facts(table).max_rows == Some(0)).then(|| "there is no row".to_owned())
        }
        "rows" => {
            let (sign, bound) = guard.bound?;
            let table = found.tables.first().copied().or_else(|| bindings.tables.first().map(|(_, class)| *class))?;
            let rows = memo.facts(table).rows;
            let holds = if sign == '>' { rows > bound } else { rows < bound };
            holds.then(|| format!("about {rows:.0} rows"))
        }
        // What depends on chance or time is not matched at all.
        "deterministic" => Some("no function depends on chance or time".to_owned()),
        "cannot_raise" => {
            let holds = !found.scalars.iter().any(|&scalar| arena.can_raise(scalar));
            holds.then(|| "evaluation never fails".to_owned())
        }
        "literal" => {
            let holds = found.scalars.iter().all(|&scalar| matches!(arena[scalar], Scalar::Literal(_)));
            holds.then(|| "a constant".to_owned())
        }
        "type" => {
            let fits = |scalar: &ScalarId| {
                type_families(arena.type_of(*scalar)).iter().any(|family| guard.members.iter().any(|m| m == family))
            };
            let holds = !found.scalars.is_empty() && found.scalars.iter().all(fits);
            holds.then(|| format!("{names} is of type {}", guard.members.join(" or ")))
        }
        _ => None,
    }
}

/// The table that a column comes from, and its position there.
fn origin_of(memo: &Memo, column: ColumnId) -> Option<(&Table, usize)> {
    let ColumnDef::Base { table, column } = memo.context().arena.def(column) else { return None };
    let table = memo.context().catalog.get(table)?;
    Some((table, table.position(column)?))
}

/// Who declared the key that these columns hold; nothing where it was inferred.
fn key_by(memo: &Memo, columns: &[ColumnId]) -> String {
    let origins: Option<Vec<(&Table, usize)>> = columns.iter().map(|&column| origin_of(memo, column)).collect();
    let declared = origins.as_ref().and_then(|origins| {
        let (table, _) = origins.first()?;
        let holds = |key: &&Key| {
            key.columns.iter().all(|position| origins.iter().any(|(from, at)| from.key == table.key && at == position))
        };
        table.keys.iter().find(holds)
    });
    declared.map_or_else(String::new, |key| format!(" ({})", key.declared_by))
}

/// Who declared that these columns hold no NULL, where that is known of all.
fn not_null_by(memo: &Memo, columns: &[ColumnId]) -> String {
    let by = |&column: &ColumnId| {
        let (table, position) = origin_of(memo, column)?;
        memo.context().catalog.not_null_declared_by(&table.key, position)
    };
    let declared: Option<BTreeSet<&Arc<str>>> = columns.iter().map(by).collect();
    let words = |by: BTreeSet<&Arc<str>>| by.into_iter().map(|by| &**by).collect::<Vec<_>>().join(", ");
    declared.map(words).filter(|by| !by.is_empty()).map_or_else(String::new, |by| format!(" ({by})"))
}

/// Who declared that every value of a column that is not NULL is one of the other, which must be the
/// column of a whole table.
fn refers(memo: &Memo, (_, from): (Id, ColumnId), (to_table, to): (Id, ColumnId)) -> Option<&Arc<str>> {
    let context = memo.context();
    let ColumnDef::Base { table: source, column } = context.arena.def(from) else { return None };
    let source = context.catalog.get(source)?;
    let whole = memo.egraph[to_table].nodes.iter().find_map(|node| match memo.operator(node) {
        Operator::Scan { table, columns } => Some((table, columns)),
        _ => None,
    });
    let (target, columns) = whole?;
    let referred = columns.iter().position(|&column| column == to)?;
    let referred = context.catalog.get(target).and_then(|table| table.columns.get(referred))?;
    let declared = source.foreign_keys.iter().find(|foreign| {
        let [position] = foreign.columns.as_slice() else { return false };
        let is_from = source.columns.get(*position).is_some_and(|known| known.key == *column);
        is_from && foreign.table == *target && foreign.referred.iter().all(|name| *name == referred.key)
    })?;
    Some(&declared.declared_by)
}
