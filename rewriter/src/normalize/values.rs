//! Written rows in normal form: constant columns dissolve into their values, filters and projections
//! are computed row by row, rows stand in the order of their scalars.

use std::sync::Arc;

use isomer_ir::{ColumnDef, ColumnId, DataType, Literal, OutputColumn, Plan, Scalar, ScalarId, Volatility};

use super::{Definitions, Normalizer, peek, strip_names};
use crate::simplify::is_false;

/// Most written rows that are computed row by row; longer lists are data, not formulas.
const MAX_FOLDED_ROWS: usize = 200;

impl Normalizer<'_> {
    pub(super) fn values(
        &mut self,
        columns: &[ColumnId],
        rows: &[Vec<ScalarId>],
        conds: &[ScalarId],
    ) -> (Plan, Definitions) {
        let empty = Definitions::default();
        let rows: Vec<Vec<ScalarId>> = rows.iter().map(|row| self.resolve_all(row, &empty)).collect();
        let is_foldable = rows.len() <= MAX_FOLDED_ROWS
            && rows.iter().flatten().all(|&cell| self.context.arena.volatility(cell) == Volatility::Immutable);
        if !is_foldable || !self.switches.is_on("fold-values") {
            let (plan, definitions) = self.listed(columns, rows);
            return self.filtered(plan, conds, definitions);
        }
        let (rows, conds) = self.rows_that_hold(columns, rows, conds);
        let (plan, definitions) = self.written(columns, rows);
        self.filtered(plan, &conds, definitions)
    }

    /// The rows for which the conditions hold, and the conditions that some row leaves open.
    fn rows_that_hold(
        &mut self,
        columns: &[ColumnId],
        rows: Vec<Vec<ScalarId>>,
        conds: &[ScalarId],
    ) -> (Vec<Vec<ScalarId>>, Vec<ScalarId>) {
        if conds.is_empty() {
            return (rows, Vec::new());
        }
        let mut kept = Vec::with_capacity(rows.len());
        let mut is_decided = true;
        for row in &rows {
            let values: Definitions = columns.iter().copied().zip(row.iter().copied()).collect();
            let inlined = self.resolve_all(conds, &values);
            let holds = self.simplified_holds(&inlined);
            is_decided &= holds.is_empty() || is_false(&self.context.arena, &holds);
            if !is_false(&self.context.arena, &holds) {
                kept.push(row.clone());
            }
        }
        if kept.len() < rows.len() || is_decided {
            self.switches.fire("fold-values");
        }
        (kept, if is_decided { Vec::new() } else { conds.to_vec() })
    }

    /// Rows in normal form, with the definitions of the columns that hold one value in all of them.
    pub(super) fn written(&mut self, columns: &[ColumnId], mut rows: Vec<Vec<ScalarId>>) -> (Plan, Definitions) {
        for row in &mut rows {
            for (cell, &column) in row.iter_mut().zip(columns) {
                *cell = self.cell(*cell, self.context.arena.column_type(column));
            }
        }
        let Some(first) = rows.first().cloned() else {
            return (Plan::Empty { columns: columns.to_vec() }, self.nulls(columns));
        };
        let mut definitions = Definitions::default();
        let mut varying = Vec::new();
        for (position, (&column, &value)) in columns.iter().zip(&first).enumerate() {
            if rows.iter().all(|row| row[position] == value) {
                definitions.insert(column, value);
            } else {
                varying.push(position);
            }
        }
        let columns: Vec<ColumnId> = varying.iter().map(|&position| columns[position]).collect();
        if columns.is_empty() {
            return (self.repeated_row(rows.len()), definitions);
        }
        let mut rows: Vec<Vec<ScalarId>> =
            rows.iter().map(|row| varying.iter().map(|&position| row[position]).collect()).collect();
        rows.sort_unstable();
        let (plan, ids) = self.listed(&columns, rows);
        definitions.extend(ids);
        (plan, definitions)
    }

    /// So many rows of which nothing is read.
    pub(super) fn repeated_row(&mut self, n_rows: usize) -> Plan {
        if n_rows == 1 {
            return Plan::Values { columns: Vec::new(), rows: vec![Vec::new()] };
        }
        let one = self.one();
        let def = ColumnDef::Values { position: 0, values: vec![one; n_rows] };
        let id = self.context.arena.column(def, DataType::Int32, "one");
        Plan::Values { columns: vec![id], rows: vec![vec![one]; n_rows] }
    }

    /// The constant that stands where nothing is read.
    pub(super) fn one(&mut self) -> ScalarId {
        self.context.arena.literal(Literal::Int(1, DataType::Int32))
    }

    /// A cell in the type of its column.
    fn cell(&mut self, cell: ScalarId, data_type: DataType) -> ScalarId {
        if self.context.arena.type_of(cell) == data_type {
            return cell;
        }
        let cast = self.context.arena.cast(cell, data_type);
        self.resolve(cast, &Definitions::default())
    }

    /// `VALUES` with ids that tell its content; columns of one content are one.
    fn listed(&mut self, columns: &[ColumnId], rows: Vec<Vec<ScalarId>>) -> (Plan, Definitions) {
        let mut definitions = Definitions::default();
        let mut kept: Vec<(ColumnId, usize)> = Vec::with_capacity(columns.len());
        for (position, &column) in columns.iter().enumerate() {
            let values = rows.iter().filter_map(|row| row.get(position).copied()).collect();
            let data_type = self.context.arena.column_type(column);
            let hint = Arc::clone(self.context.arena.hint(column));
            let id = self.context.arena.column(ColumnDef::Values { position: 0, values }, data_type, &hint);
            if id != column {
                definitions.insert(column, self.context.arena.column_ref(id));
            }
            if !kept.iter().any(|(known, _)| *known == id) {
                kept.push((id, position));
            }
        }
        kept.sort_unstable();
        let rows = rows
            .into_iter()
            .map(|row| kept.iter().filter_map(|&(_, position)| row.get(position).copied()).collect())
            .collect();
        (Plan::Values { columns: kept.into_iter().map(|(id, _)| id).collect(), rows }, definitions)
    }

    /// The rows that `exprs` give over written rows, where all of them can be computed now.
    pub(super) fn computed_rows(&mut self, plan: &Plan, exprs: &[ScalarId]) -> Option<Vec<Vec<ScalarId>>> {
        let Plan::Values { columns, rows } = peek(plan) else { return None };
        if rows.len() > MAX_FOLDED_ROWS || !self.switches.is_on("fold-values") {
            return None;
        }
        let (columns, rows) = (columns.clone(), rows.clone());
        let mut computed = Vec::with_capacity(rows.len());
        for row in rows {
            let values: Definitions = columns.iter().copied().zip(row.iter().copied()).collect();
            let row = self.resolve_all(exprs, &values);
            if row.iter().any(|&cell| !matches!(self.context.arena[cell], Scalar::Literal(_))) {
                return None;
            }
            computed.push(row);
        }
        Some(computed)
    }

    /// What a model shows of written rows is written rows; `shown` is rewritten over them.
    pub(super) fn folded_output(&mut self, plan: Plan, shown: &mut [ScalarId], columns: &[OutputColumn]) -> Plan {
        // One row without columns is what a query without FROM reads; its constants stay above it.
        let is_listed = matches!(peek(&plan), Plan::Values { columns, .. } if !columns.is_empty());
        if !is_listed {
            return plan;
        }
        let mut listed: Vec<(ColumnId, ScalarId)> =
            columns.iter().zip(shown.iter()).map(|(column, &scalar)| (column.column, scalar)).collect();
        listed.sort_unstable();
        listed.dedup();
        let (ids, scalars): (Vec<ColumnId>, Vec<ScalarId>) = listed.into_iter().unzip();
        let Some(rows) = self.computed_rows(&plan, &scalars) else { return plan };
        let (plan, definitions) = self.written(&ids, rows);
        for (column, scalar) in columns.iter().zip(shown) {
            let reference = self.context.arena.column_ref(column.column);
            *scalar = self.resolve(reference, &definitions);
        }
        plan
    }
}

/// Written rows without the name they stand under: they dissolve into the operator above.
pub(super) fn strip_names_of_rows(plan: Plan) -> Plan {
    if matches!(peek(&plan), Plan::Values { .. }) { strip_names(plan) } else { plan }
}
