//! Recursions, samples and tables as they were, in normal form: barriers. The start and the step of a
//! recursion are each a relation of its own.
//!
//! A filter above a recursion says nothing of the rows that the step makes others of, so it stays above;
//! a filter on the start would stop the recursion short.

use isomer_ir::{ColumnId, Plan, Recursion, Sampling, ScalarId, TableVersion};
use std::sync::Arc;

use super::{Definitions, ModelRead, Normalizer, peek};

impl Normalizer<'_> {
    /// The normal form of `Filter(conds, RecursiveUnion)`.
    pub(super) fn recursion(&mut self, recursion: Recursion, conds: &[ScalarId]) -> (Plan, Definitions) {
        let Recursion { base, base_columns, step, step_columns, work, columns, is_distinct } = recursion;
        let (base, base_columns) = self.part(base, &base_columns);
        if matches!(peek(&base), Plan::Empty { .. }) && self.switches.is_on("prune-empty-operator") {
            self.switches.fire("prune-empty-operator");
            return (Plan::Empty { columns }, Definitions::default());
        }
        let (step, step_columns) = self.part(step, &step_columns);
        if matches!(peek(&step), Plan::Empty { .. }) && self.switches.is_on("prune-empty-operator") {
            self.switches.fire("prune-empty-operator");
            let mut definitions = Definitions::default();
            for (&id, &shown) in columns.iter().zip(&base_columns) {
                definitions.insert(id, self.context.arena.column_ref(shown));
            }
            if !is_distinct {
                return self.filtered(base, conds, definitions);
            }
            let keys: Vec<(ColumnId, ScalarId)> =
                columns.iter().map(|&id| (id, self.context.arena.column_ref(id))).collect();
            return self.aggregate_over(base, &definitions, &keys, Vec::new(), conds);
        }
        let names: Vec<Arc<str>> = columns.iter().map(|&id| Arc::clone(self.context.arena.hint(id))).collect();
        let made = Recursion::output_columns(&mut self.context.arena, &base_columns, &step_columns, &names);
        let mut definitions = Definitions::default();
        for (&before, &now) in columns.iter().zip(&made) {
            if before != now {
                definitions.insert(before, self.context.arena.column_ref(now));
            }
        }
        let recursion = Recursion { base, base_columns, step, step_columns, work, columns: made, is_distinct };
        let plan = Plan::RecursiveUnion { recursion: Box::new(recursion) };
        self.filtered(plan, conds, definitions)
    }

    /// The normal form of a start or a step, with the columns that it shows.
    fn part(&mut self, plan: Plan, taken: &[ColumnId]) -> (Plan, Vec<ColumnId>) {
        let (plan, definitions) = self.relation(plan, Vec::new());
        let refs: Vec<ScalarId> = taken.iter().map(|&id| self.context.arena.column_ref(id)).collect();
        let shown = self.resolve_all(&refs, &definitions);
        self.exposing(plan, &shown)
    }

    /// The normal form of `Filter(conds, Sample(input))`.
    pub(super) fn sample(&mut self, input: Plan, sampling: Box<Sampling>, conds: &[ScalarId]) -> (Plan, Definitions) {
        let is_view = |table: &Arc<str>| matches!(self.models.get(table), Some(ModelRead::Inline(_)));
        let (plan, definitions) = match peek(&input) {
            // A seed picks the same rows only of the same statement.
            Plan::Scan { table, .. } if sampling.seed.is_some() && is_view(table) => (input, Definitions::default()),
            _ => self.relation(input, Vec::new()),
        };
        let plan = Plan::Sample { input: Box::new(plan), sampling };
        self.filtered(plan, conds, definitions)
    }

    /// The normal form of `Filter(conds, ScanAt)`: also where the table is a model, it is read as it was stored.
    pub(super) fn scan_at(
        &mut self,
        table: Arc<str>,
        version: TableVersion,
        columns: Vec<ColumnId>,
        conds: &[ScalarId],
    ) -> (Plan, Definitions) {
        self.filtered(Plan::ScanAt { table, version, columns }, conds, Definitions::default())
    }
}
