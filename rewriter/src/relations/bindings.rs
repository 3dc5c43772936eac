//! What the holes of a pattern stand for, and what a match leaves over.

use std::sync::Arc;

use egg::Id;
use isomer_ir::{Arena, ColumnDef, ColumnId, Scalar, ScalarId};
use isomer_rules::Rule;
use rustc_hash::FxHashMap;

/// What the holes of a pattern stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bindings {
    /// Table holes by symbolic table, in the order in which they were bound.
    pub(crate) tables: Vec<(Arc<str>, Id)>,
    /// Column and expression holes, and the columns that a pattern's operators compute.
    pub(crate) scalars: FxHashMap<ColumnId, ScalarId>,
    /// Holes for lists of columns, and the columns of set operations that take them. Those of a set
    /// operation are parallel, position by position.
    pub(crate) lists: FxHashMap<ColumnId, Vec<ColumnId>>,
    /// Predicate holes; no conjunct means TRUE.
    pub(crate) predicates: FxHashMap<ColumnId, Vec<ScalarId>>,
    /// Numbers of rows in `LIMIT` and `OFFSET`, by position among the rule's holes.
    pub(crate) counts: FxHashMap<usize, u64>,
    /// Group keys that a hole stands for, where they are computed: the found key.
    pub(crate) keys: FxHashMap<ColumnId, ColumnId>,
    /// Where rows may tie in the order of a limit that a pattern ends in: the columns in which they tie.
    /// Nothing else may be read.
    pub(crate) tied: Option<Vec<ColumnId>>,
    /// Copies of a relation: the pattern's number of each, and the one that was found.
    pub(crate) copies: FxHashMap<u32, u32>,
}

impl Bindings {
    /// The class of the table that a symbolic column belongs to, in whichever copy of it.
    pub(crate) fn table_of(&self, arena: &Arena, symbol: ColumnId) -> Option<Id> {
        match arena.def(symbol) {
            ColumnDef::Base { table, .. } => self.table(table),
            ColumnDef::Instance { of, .. } => self.table_of(arena, *of),
            ColumnDef::Scalar(_)
            | ColumnDef::Aggregate(_)
            | ColumnDef::Window(_)
            | ColumnDef::GroupedKey(_)
            | ColumnDef::Grouping { .. }
            | ColumnDef::Variant { .. }
            | ColumnDef::SetOp { .. }
            | ColumnDef::Values { .. }
            | ColumnDef::Recursive { .. }
            | ColumnDef::Work { .. }
            | ColumnDef::Versioned { .. }
            | ColumnDef::Mark { .. } => None,
        }
    }

    /// The class of a symbolic table.
    pub(crate) fn table(&self, name: &str) -> Option<Id> {
        self.tables.iter().find(|(known, _)| **known == *name).map(|(_, class)| *class)
    }

    /// The class of a table hole by its position among the rule's holes.
    pub(crate) fn table_at(&self, rule: &Rule, position: usize) -> Option<Id> {
        self.table(&isomer_rules::hole_table(rule, position))
    }

    /// The columns that a column of the pattern stands for; nothing while that is open.
    pub(crate) fn columns(&self, arena: &Arena, symbol: ColumnId) -> Option<Vec<ColumnId>> {
        if let Some(list) = self.lists.get(&symbol) {
            return Some(list.clone());
        }
        if let Some(&key) = self.keys.get(&symbol) {
            return Some(vec![key]);
        }
        if let Some(&scalar) = self.scalars.get(&symbol) {
            let Scalar::Column(column) = arena[scalar] else { return None };
            return Some(vec![column]);
        }
        let ColumnDef::Instance { of, k } = arena.def(symbol) else { return None };
        let found = *self.copies.get(k)?;
        self.columns(arena, *of)?.into_iter().map(|column| arena.known_instance(column, found)).collect()
    }
}

/// What a match at the top of a pattern did not name: it stays above what the template gives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leftover {
    /// Conjuncts of the filter.
    pub(crate) holds: Vec<ScalarId>,
    /// Further inputs of the inner join.
    pub(crate) inputs: Vec<Id>,
    /// Conjuncts that read them.
    pub(crate) on: Vec<ScalarId>,
    /// Further inputs of the `UNION ALL`, with what each shows in the order of the class's columns.
    pub(crate) branches: Vec<(Id, Vec<ColumnId>)>,
}
