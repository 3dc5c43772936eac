//! Recursive queries: the rows of a start, and what a step makes of the rows of the round before.

use std::sync::Arc;

use crate::{Arena, ColumnDef, ColumnId, Plan};

/// What [`Plan::RecursiveUnion`] computes: the rows of the base, then the rows of the step over what the
/// round before gave, until a round gives none.
///
/// The step reads the round before as [`Plan::WorkTable`]; the nearest recursion around such a leaf is
/// the one it belongs to, and a step reads the work table of no recursion further out.
/// How often the step runs depends on every row and column that it is given: nothing is moved across
/// the recursion, and no column of it is left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Recursion {
    /// The start, which reads no work table of this recursion.
    pub base: Plan,
    /// The columns taken from the base, position by position.
    pub base_columns: Vec<ColumnId>,
    /// What one round makes of the round before.
    pub step: Plan,
    /// The columns taken from the step, of the types of the base.
    pub step_columns: Vec<ColumnId>,
    /// The ids under which the step reads the round before.
    pub work: Vec<ColumnId>,
    /// Output ids.
    pub columns: Vec<ColumnId>,
    /// Whether a row that was given before, or twice, is left out (`UNION` rather than `UNION ALL`).
    pub is_distinct: bool,
}

impl Recursion {
    /// How often the step reads the round before. A recursion within the step has a work table of its own.
    #[must_use]
    pub fn n_reads(&self) -> usize {
        n_reads(&self.step)
    }

    /// Output ids for a recursion over these columns; the names are hints.
    pub fn output_columns(
        arena: &mut Arena,
        base: &[ColumnId],
        step: &[ColumnId],
        names: &[Arc<str>],
    ) -> Vec<ColumnId> {
        let parts = base.iter().zip(step).zip(names).enumerate();
        let columns = parts.map(|(position, ((&base, &step), name))| {
            let position = u32::try_from(position).unwrap_or(u32::MAX);
            arena.column(ColumnDef::Recursive { position, base, step }, arena.column_type(base), name)
        });
        columns.collect()
    }

    /// The ids under which a step reads the round before, where the base gives these columns.
    pub fn work_columns(arena: &mut Arena, base: &[ColumnId], names: &[Arc<str>]) -> Vec<ColumnId> {
        let columns = base.iter().zip(names).enumerate().map(|(position, (&base, name))| {
            let position = u32::try_from(position).unwrap_or(u32::MAX);
            let data_type = arena.column_type(base);
            arena.column(ColumnDef::Work { position, data_type }, data_type, name)
        });
        columns.collect()
    }
}

/// Work tables of the recursion around a plan that the plan reads.
fn n_reads(plan: &Plan) -> usize {
    let mut n = 0;
    let mut stack = vec![plan];
    while let Some(plan) = stack.pop() {
        match plan {
            Plan::WorkTable { .. } => n += 1,
            Plan::RecursiveUnion { recursion } => stack.push(&recursion.base),
            _ => stack.extend(plan.inputs()),
        }
    }
    n
}

impl Plan {
    /// Whether the plan reads the work table of a recursion around it.
    #[must_use]
    pub fn reads_work_table(&self) -> bool {
        n_reads(self) > 0
    }
}
