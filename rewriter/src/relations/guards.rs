//! The guards of relation templates, decided from the facts of the classes that holes stand for.

use egg::Id;
use isomer_ir::{ColumnDef, ColumnId, Scalar, ScalarId};
use isomer_rules::{Guard, HoleColumn, HoleSort, Rule, hole_names};

use super::matching::Bindings;
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
            (is_one_table && memo.facts(table).is_unique(&columns)).then(|| format!("no two rows agree on {names}"))
        }
        "not_null" => {
            let holds = !found.columns.is_empty()
                && found.columns.len() >= found.scalars.len()
                && found
                    .columns
                    .iter()
                    .all(|(table, column)| table.is_some_and(|table| memo.facts(table).is_not_null(*column)));
            holds.then(|| format!("{names} is never NULL"))
        }
        "foreign_key" => {
            let [(Some(from_table), from), (Some(to_table), to)] = found.columns.as_slice() else { return None };
            refers(memo, (*from_table, *from), (*to_table, *to))
                .then(|| format!("{} refers to {} by a declared foreign key", arena.hint(*from), arena.hint(*to)))
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

/// Whether every value of a column that is not NULL is one of the other, which must be the column of
/// a whole table.
fn refers(memo: &Memo, (_, from): (Id, ColumnId), (to_table, to): (Id, ColumnId)) -> bool {
    let context = memo.context();
    let ColumnDef::Base { table: source, column } = context.arena.def(from) else { return false };
    let Some(source) = context.catalog.get(source) else { return false };
    let whole = memo.egraph[to_table].nodes.iter().find_map(|node| match memo.operator(node) {
        Operator::Scan { table, columns } => Some((table, columns)),
        _ => None,
    });
    let Some((target, columns)) = whole else { return false };
    let Some(referred) = columns.iter().position(|&column| column == to) else { return false };
    let Some(referred) = context.catalog.get(target).and_then(|table| table.columns.get(referred)) else {
        return false;
    };
    source.foreign_keys.iter().any(|foreign| {
        let [position] = foreign.columns.as_slice() else { return false };
        let is_from = source.columns.get(*position).is_some_and(|known| known.key == *column);
        is_from && foreign.table == *target && foreign.referred.iter().all(|name| *name == referred.key)
    })
}
