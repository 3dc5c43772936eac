//! Set operations by position.

use std::collections::BTreeSet;

use isomer_ir::{ColumnId, Plan, SetOpKind};
use substrait::proto::SetRel;
use substrait::proto::rel::RelType;
use substrait::proto::set_rel::SetOp;

use super::message::{Field, Relation, Typed, direct, field};
use super::relation::distinct_rows;
use super::types::physical;
use super::{Producer, refusal};
use crate::CodegenError;

impl Producer<'_> {
    /// A set operation over two or more inputs.
    pub(super) fn set_op(
        &mut self,
        kind: SetOpKind,
        inputs: &[(Plan, Vec<ColumnId>)],
        columns: &[ColumnId],
        needed: &BTreeSet<ColumnId>,
    ) -> Result<Relation, CodegenError> {
        let is_union_all = kind == SetOpKind::UnionAll;
        // Only where rows are not compared may a position be left out.
        let mut kept: Vec<usize> =
            (0..columns.len()).filter(|index| !is_union_all || needed.contains(&columns[*index])).collect();
        if kept.is_empty() && !columns.is_empty() {
            kept.push(0);
        }
        let outputs: Vec<ColumnId> = kept.iter().map(|index| columns[*index]).collect();
        let mut branches = Vec::with_capacity(inputs.len());
        for (plan, taken) in inputs {
            let taken: Option<Vec<ColumnId>> = kept.iter().map(|index| taken.get(*index).copied()).collect();
            let taken = taken
                .filter(|taken| !taken.is_empty())
                .ok_or_else(|| refusal("GEN-0103", "a set operation without columns", "select at least one column"))?;
            branches.push(self.branch(plan, &taken, &outputs)?);
        }
        let is_multiset = matches!(kind, SetOpKind::IntersectAll | SetOpKind::ExceptAll);
        if branches.len() < 2 {
            let only = branches
                .pop()
                .ok_or_else(|| refusal("GEN-0103", "a set operation of nothing", "report this plan as a bug"))?;
            return Ok(if is_union_all || is_multiset { only } else { distinct_rows(only) });
        }
        let op = match kind {
            SetOpKind::UnionAll => SetOp::UnionAll,
            SetOpKind::Union => SetOp::UnionDistinct,
            SetOpKind::Intersect | SetOpKind::IntersectAll => SetOp::IntersectionMultiset,
            SetOpKind::Except | SetOpKind::ExceptAll => SetOp::MinusPrimary,
        };
        if is_multiset {
            // DataFusion's readers of the ALL forms do not count. Rows that carry the number of
            // their occurrence are all distinct, and the distinct form counts them.
            branches = branches.into_iter().map(|branch| self.numbered(branch)).collect::<Result<_, _>>()?;
        }
        let mut fields: Vec<Option<ColumnId>> = outputs.iter().map(|column| Some(*column)).collect();
        if is_multiset {
            fields.push(None);
        }
        let inputs = branches.into_iter().map(|branch| branch.rel).collect();
        let set = SetRel { common: direct(), inputs, op: op as i32, ..SetRel::default() };
        Ok(Relation::new(RelType::Set(set), fields))
    }

    /// An input with exactly the taken columns, in the types of the output.
    fn branch(&mut self, plan: &Plan, taken: &[ColumnId], outputs: &[ColumnId]) -> Result<Relation, CodegenError> {
        let read = taken.iter().copied().collect();
        let input = self.relation(plan, &read)?;
        let row = input.row();
        let mut is_same = input.columns.len() == taken.len();
        let mut fields = Vec::with_capacity(taken.len());
        for (index, (column, output)) in taken.iter().zip(outputs).enumerate() {
            let position = row.position(*column)?;
            let data_type = physical(self.arena.column_type(*column))?;
            let wanted = physical(self.arena.column_type(*output))?;
            is_same &= position == index && data_type == wanted;
            fields.push(if data_type == wanted {
                Field::Input(position)
            } else {
                Field::Computed(Typed { expr: field(position), data_type }.cast(wanted)?.expr)
            });
        }
        let columns = outputs.iter().map(|column| Some(*column)).collect();
        Ok(if is_same { Relation { rel: input.rel, columns } } else { input.projected(fields, columns) })
    }
}
