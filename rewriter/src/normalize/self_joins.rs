//! Joins of a table with itself on its key: the row that is joined is the row itself.

use isomer_ir::{ColumnId, Plan, ScalarId, Volatility};

use super::Definitions;
use super::references::WholeTable;
use crate::facts::{equal_columns, is_nullable};
use crate::operator::Context;
use crate::plan_facts::plan_facts;

/// Two inputs of an inner join that are one table, each row joined with itself.
#[derive(Debug)]
pub(super) struct SelfJoin {
    /// Place of the input that goes.
    pub(super) dropped: usize,
    /// Its columns, as columns of the other.
    pub(super) columns: Definitions,
    /// Its filter, written over the other.
    pub(super) holds: Vec<ScalarId>,
}

/// Such a pair, if the conditions \`on\` bind a key of both to be equal.
pub(super) fn self_join(context: &mut Context, inputs: &[Plan], on: &[ScalarId]) -> Option<SelfJoin> {
    for (dropped, input) in inputs.iter().enumerate() {
        let Some(one) = WholeTable::of(&mut context.arena, input) else { continue };
        for other in &inputs[..dropped] {
            let Some(two) = WholeTable::of(&mut context.arena, other) else { continue };
            let is_volatile = |hold: &ScalarId| context.arena.volatility(*hold) == Volatility::Volatile;
            let draws = one.holds.iter().chain(&two.holds).any(is_volatile);
            if draws || one.table != two.table || !is_same_row(context, &one, &two, other, on) {
                continue;
            }
            let mut columns = Definitions::default();
            for (&from, &to) in one.columns.iter().zip(&two.columns) {
                let reference = context.arena.column_ref(to);
                columns.insert(from, reference);
            }
            let holds = one.holds.iter().map(|&hold| context.arena.inline_columns(hold, &columns)).collect();
            return Some(SelfJoin { dropped, columns, holds });
        }
    }
    None
}

fn is_same_row(context: &mut Context, one: &WholeTable, two: &WholeTable, two_plan: &Plan, on: &[ScalarId]) -> bool {
    let facts = plan_facts(context, two_plan);
    let equal: Vec<ColumnId> = on
        .iter()
        .filter_map(|&predicate| {
            let (a, b) = equal_columns(&context.arena, predicate)?;
            let place = |column: ColumnId| {
                let one = one.columns.iter().position(|&own| own == column);
                one.or_else(|| two.columns.iter().position(|&own| own == column))
            };
            let is_across = one.columns.contains(&a) != one.columns.contains(&b);
            let (a, b) = (place(a)?, place(b)?);
            (is_across && a == b).then(|| two.columns[a])
        })
        .collect();
    // A relation of one row would be unique on nothing: the equality must name a key of the table.
    !equal.is_empty()
        && equal.iter().all(|&column| {
            let reference = context.arena.column_ref(column);
            !is_nullable(&context.arena, reference, &facts)
        })
        && is_key(context, two, &equal)
}

/// Whether the table itself, whatever its filter, has no two rows that agree on the columns.
fn is_key(context: &mut Context, table_read: &WholeTable, columns: &[ColumnId]) -> bool {
    let Some(table) = context.catalog.get(&table_read.table) else { return false };
    table.keys.iter().any(|key| {
        key.columns.iter().all(|&position| {
            table.columns.get(position).is_some_and(|column| !column.is_nullable)
                && table_read.columns.get(position).is_some_and(|column| columns.contains(column))
        })
    })
}
