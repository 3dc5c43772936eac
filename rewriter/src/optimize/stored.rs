//! Shared relations as tables of the catalog: what is stored of each, under which names.

use std::sync::Arc;

use isomer_ir::{Column, ColumnId, Diagnostic, Key, Output, OutputColumn, Plan, Span, Table};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Entry;
use super::raised::{Raised, RaisedAll};
use crate::extract::Graph;
use crate::memo::Memo;
use crate::operator::Context;
use crate::raise::collect_demand;

/// Shared relations whose plan fails validation, and those that read them.
pub(super) fn broken_shared(
    memo: &mut Memo,
    raised: &RaisedAll,
    diagnostics: &mut Vec<Diagnostic>,
) -> FxHashSet<Arc<str>> {
    let mut broken: FxHashSet<Arc<str>> = FxHashSet::default();
    for (name, _, shared) in &raised.shared {
        let verdict = crate::validate::validate(&mut memo.context_mut().arena, &shared.plan);
        if let Err(fault) = &verdict {
            diagnostics.push(
                Diagnostic::note(
                    "PLAN-0003",
                    name,
                    Span::default(),
                    format!("the shared relation `{name}` failed validation: {fault}"),
                )
                .with_help("the models that would read it are handed back as written; please report this"),
            );
        }
        if verdict.is_err() || shared.plan.tables().iter().any(|table| broken.contains(table)) {
            broken.insert(Arc::clone(name));
        }
    }
    broken
}

/// The columns that each shared relation must store.
pub(super) fn stored_columns(
    memo: &mut Memo,
    graph: &Graph,
    entries: &[Entry],
    raised: &RaisedAll,
    is_changed: &[bool],
) -> FxHashMap<Arc<str>, Vec<ColumnId>> {
    let mut demand: FxHashMap<Arc<str>, Vec<ColumnId>> = FxHashMap::default();
    for ((entry, root), _) in entries.iter().zip(&raised.roots).zip(is_changed).filter(|(_, changed)| **changed) {
        let mut demanded: Vec<ColumnId> = entry.normal.exprs.iter().map(|(id, _)| *id).collect();
        demanded.sort_unstable();
        demanded.dedup();
        collect_demand(memo.context_mut(), &root.plan, &demanded, &mut demand);
    }
    let mut stored: FxHashMap<Arc<str>, Vec<ColumnId>> = FxHashMap::default();
    // Later shared relations may read earlier ones, so demand flows from the last to the first.
    for (name, _, shared) in raised.shared.iter().rev() {
        let mut columns = demand.get(name).cloned().unwrap_or_default();
        if columns.is_empty() {
            columns.extend(memo.columns(graph.id(shared.class)).first());
        }
        collect_demand(memo.context_mut(), &shared.plan, &columns, &mut demand);
        stored.insert(Arc::clone(name), columns);
    }
    stored
}

/// Adds a shared relation to the catalog.
pub(super) fn register(memo: &mut Memo, graph: &Graph, name: &Arc<str>, columns: &[ColumnId], shared: &Raised) {
    let facts = memo.facts(graph.id(shared.class)).clone();
    let names = column_names(memo.context(), columns);
    let keys = facts
        .keys
        .iter()
        .filter_map(|key| {
            let positions: Option<Vec<usize>> =
                key.iter().map(|column| columns.iter().position(|other| other == column)).collect();
            positions.map(|mut positions| {
                positions.sort_unstable();
                Key { columns: positions, declared_by: Arc::from("inferred") }
            })
        })
        .collect();
    let table = Table {
        key: Arc::clone(name),
        sql_name: Arc::clone(name),
        columns: columns
            .iter()
            .zip(names)
            .map(|(&column, name)| Column {
                key: Arc::from(name.to_lowercase()),
                name,
                data_type: memo.context().arena.column_type(column),
                is_nullable: !facts.is_not_null(column),
                n_distinct: None,
            })
            .collect(),
        keys,
        foreign_keys: Vec::new(),
        n_rows: Some(shared.rows),
    };
    memo.context_mut().catalog.insert(table);
}

/// A distinct name for each column, from its hint.
pub(super) fn column_names(context: &Context, columns: &[ColumnId]) -> Vec<Arc<str>> {
    let mut taken: FxHashSet<String> = FxHashSet::default();
    columns
        .iter()
        .map(|&column| {
            let hint: String = context
                .arena
                .hint(column)
                .chars()
                .map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' })
                .collect();
            let base =
                if hint.is_empty() || hint.starts_with(|c: char| c.is_numeric()) { format!("c_{hint}") } else { hint };
            let mut name = base.clone();
            let mut n = 2;
            while !taken.insert(name.to_lowercase()) {
                name = format!("{base}_{n}");
                n += 1;
            }
            Arc::from(name)
        })
        .collect()
}

/// An output that shows every one of `columns` under its hint.
pub(super) fn output_of(context: &Context, plan: Plan, columns: &[ColumnId]) -> Output {
    let names = column_names(context, columns);
    let columns =
        columns.iter().zip(names).map(|(&column, name)| OutputColumn { name, column, is_nullable: true }).collect();
    Output { plan, columns }
}
