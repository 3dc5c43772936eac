//! Set operations and written rows in normal form: unions flat, `UNION` a distinct `UNION ALL`,
//! filters in every branch, no branch without rows.

use std::sync::Arc;

use isomer_ir::{ColumnDef, ColumnId, Plan, Scalar, ScalarId, SetOpKind, Volatility};

use super::{Definitions, Normalizer, peek, strip_names};

impl Normalizer<'_> {
    pub(super) fn values(
        &mut self,
        columns: &[ColumnId],
        rows: &[Vec<ScalarId>],
        conds: &[ScalarId],
    ) -> (Plan, Definitions) {
        let empty = Definitions::default();
        let rows: Vec<Vec<ScalarId>> = rows.iter().map(|row| self.resolve_all(row, &empty)).collect();
        let mut definitions = Definitions::default();
        let mut ids = Vec::with_capacity(columns.len());
        for (position, &column) in columns.iter().enumerate() {
            let values = rows.iter().filter_map(|row| row.get(position).copied()).collect();
            let data_type = self.context.arena.column_type(column);
            let hint = Arc::clone(self.context.arena.hint(column));
            let def = ColumnDef::Values { position: u32::try_from(position).unwrap_or(u32::MAX), values };
            let id = self.context.arena.column(def, data_type, &hint);
            if id != column {
                definitions.insert(column, self.context.arena.column_ref(id));
            }
            ids.push(id);
        }
        self.filtered(Plan::Values { columns: ids, rows }, conds, definitions)
    }

    pub(super) fn set_op(
        &mut self,
        kind: SetOpKind,
        inputs: Vec<(Plan, Vec<ColumnId>)>,
        columns: &[ColumnId],
        conds: Vec<ScalarId>,
    ) -> (Plan, Definitions) {
        let is_union = matches!(kind, SetOpKind::UnionAll | SetOpKind::Union);
        let (below, above): (Vec<ScalarId>, Vec<ScalarId>) = conds.into_iter().partition(|&cond| {
            is_union
                && self.switches.is_on("push-filter-into-union")
                && self.context.arena.volatility(cond) != Volatility::Volatile
        });
        if !below.is_empty() {
            self.switches.fire("push-filter-into-union");
        }
        let mut branches: Vec<(Plan, Vec<ColumnId>)> = Vec::with_capacity(inputs.len());
        for (input, taken) in inputs {
            let shown: Definitions = columns
                .iter()
                .zip(&taken)
                .map(|(&column, &from)| (column, self.context.arena.column_ref(from)))
                .collect();
            let conds = below.iter().map(|&cond| self.context.arena.inline_columns(cond, &shown)).collect();
            let (plan, definitions) = self.relation(input, conds);
            let (plan, definitions) = self.exposed(plan, &definitions, &taken);
            let taken: Vec<ColumnId> = taken
                .iter()
                .map(|column| match definitions.get(column).map(|&scalar| &self.context.arena[scalar]) {
                    Some(Scalar::Column(id)) => *id,
                    _ => *column,
                })
                .collect();
            self.add_branch(kind, plan, taken, &mut branches);
        }
        self.set_op_over(kind, branches, columns, &above)
    }

    fn add_branch(
        &mut self,
        kind: SetOpKind,
        plan: Plan,
        taken: Vec<ColumnId>,
        branches: &mut Vec<(Plan, Vec<ColumnId>)>,
    ) {
        let is_union = matches!(kind, SetOpKind::UnionAll | SetOpKind::Union);
        match strip_names_of_union(plan) {
            Plan::Empty { .. } if is_union && self.switches.is_on("prune-empty-union-branch") => {
                self.switches.fire("prune-empty-union-branch");
            }
            Plan::SetOp { kind: SetOpKind::UnionAll, inputs, columns }
                if is_union && self.switches.is_on("merge-unions") =>
            {
                self.switches.fire("merge-unions");
                for (inner, inner_taken) in inputs {
                    let through = taken
                        .iter()
                        .map(|column| {
                            let position = columns.iter().position(|other| other == column).unwrap_or(0);
                            inner_taken.get(position).copied().unwrap_or(*column)
                        })
                        .collect();
                    branches.push((inner, through));
                }
            }
            plan => branches.push((plan, taken)),
        }
    }

    fn set_op_over(
        &mut self,
        kind: SetOpKind,
        branches: Vec<(Plan, Vec<ColumnId>)>,
        columns: &[ColumnId],
        above: &[ScalarId],
    ) -> (Plan, Definitions) {
        let mut ids = Vec::with_capacity(columns.len());
        let mut definitions = Definitions::default();
        for (position, &column) in columns.iter().enumerate() {
            let sources: Vec<ColumnId> =
                branches.iter().filter_map(|(_, taken)| taken.get(position).copied()).collect();
            let data_type = self.context.arena.column_type(column);
            let hint = Arc::clone(self.context.arena.hint(column));
            let def = ColumnDef::SetOp { position: u32::try_from(position).unwrap_or(u32::MAX), branches: sources };
            let id = self.context.arena.column(def, data_type, &hint);
            if id != column {
                definitions.insert(column, self.context.arena.column_ref(id));
            }
            ids.push(id);
        }
        if branches.is_empty() {
            self.switches.fire("prune-empty-operator");
            return (Plan::Empty { columns: ids }, definitions);
        }
        if kind == SetOpKind::Union && self.switches.is_on("convert-union-to-distinct") {
            self.switches.fire("convert-union-to-distinct");
            let union = Plan::SetOp { kind: SetOpKind::UnionAll, inputs: branches, columns: ids.clone() };
            let keys = ids.iter().map(|&id| (id, self.context.arena.column_ref(id))).collect();
            let plan = Plan::Aggregate { input: Box::new(union), keys, calls: Vec::new() };
            return self.filtered(plan, above, definitions);
        }
        self.filtered(Plan::SetOp { kind, inputs: branches, columns: ids }, above, definitions)
    }
}

/// A union or an empty relation without the name it stands under: it dissolves into the union above.
fn strip_names_of_union(plan: Plan) -> Plan {
    match peek(&plan) {
        Plan::SetOp { kind: SetOpKind::UnionAll, .. } | Plan::Empty { .. } => strip_names(plan),
        _ => plan,
    }
}
