//! The symbolic tables and columns that stand for holes while a relation template is bound.

use isomer_ir::{Arena, ColumnDef, ColumnId};

use crate::rule::{HoleSort, Rule};

/// How symbolic names begin.
const PREFIX: &str = "__hole_";

/// The name of the symbolic table of a table hole. Rules do not share tables, because a hole of the
/// same position may be of another sort.
#[must_use]
pub fn hole_table(rule: &Rule, position: usize) -> String {
    format!("{PREFIX}{position}_{}", rule.name.replace(|c: char| !c.is_alphanumeric(), "_").to_lowercase())
}

/// The number that stands for a hole behind `LIMIT` or `OFFSET` while a template is bound: more rows
/// than anybody asks for.
const COUNTS: u64 = 9_000_000_000_000_000_000;

/// The number in the place of a hole for a number of rows.
#[must_use]
pub fn hole_count(position: usize) -> u64 {
    COUNTS + position as u64
}

/// The position of the hole that a number of rows stands for, if it stands for one.
#[must_use]
pub fn count_hole(count: u64) -> Option<usize> {
    count.checked_sub(COUNTS).and_then(|position| usize::try_from(position).ok())
}

/// A symbolic column: the hole that it stands for and the table holes that the hole reads, as
/// positions among the rule's holes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoleColumn {
    /// The hole.
    pub hole: usize,
    /// The table holes; the column belongs to the first.
    pub tables: Vec<usize>,
}

impl HoleColumn {
    /// The column's name.
    #[must_use]
    pub fn name(&self) -> String {
        let tables: Vec<String> = self.tables.iter().map(usize::to_string).collect();
        format!("{PREFIX}{}_of_{}", self.hole, tables.join("_"))
    }

    /// The symbolic column that a definition is, if it is one.
    #[must_use]
    pub fn of(def: &ColumnDef) -> Option<Self> {
        let ColumnDef::Base { table, column } = def else { return None };
        if !table.starts_with(PREFIX) {
            return None;
        }
        let (hole, tables) = column.strip_prefix(PREFIX)?.split_once("_of_")?;
        let tables = tables.split('_').map(|table| table.parse().ok()).collect::<Option<Vec<usize>>>()?;
        Some(Self { hole: hole.parse().ok()?, tables })
    }
}

/// The list holes that a column of a template stands for: a `columns` hole, or those at one position of
/// a set operation. Nothing for a single column.
#[must_use]
pub fn list_holes(rule: &Rule, arena: &Arena, column: ColumnId) -> Option<Vec<usize>> {
    match arena.def(column) {
        ColumnDef::Instance { of, .. } => list_holes(rule, arena, *of),
        ColumnDef::SetOp { branches, .. } => {
            let lists = branches.iter().map(|&branch| list_holes(rule, arena, branch));
            Some(lists.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect())
        }
        def @ ColumnDef::Base { .. } => {
            let hole = HoleColumn::of(def)?.hole;
            (rule.holes[hole].sort == HoleSort::Columns).then(|| vec![hole])
        }
        ColumnDef::Scalar(_)
        | ColumnDef::Aggregate(_)
        | ColumnDef::Window(_)
        | ColumnDef::GroupedKey(_)
        | ColumnDef::Grouping { .. }
        | ColumnDef::Variant { .. }
        | ColumnDef::Values { .. }
        | ColumnDef::Recursive { .. }
        | ColumnDef::Work { .. }
        | ColumnDef::Versioned { .. }
        | ColumnDef::Mark { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_name_says_hole_and_tables() {
        let column = HoleColumn { hole: 4, tables: vec![0, 12] };
        let def = ColumnDef::Base { table: Arc::from("__hole_0_r"), column: Arc::from(column.name()) };
        assert_eq!(HoleColumn::of(&def), Some(column));
        let other = ColumnDef::Base { table: Arc::from("t"), column: Arc::from("__hole_4_of_0") };
        assert_eq!(HoleColumn::of(&other), None);
    }
}
