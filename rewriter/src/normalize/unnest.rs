//! Rows of the elements of lists: a barrier, past which only what is computed of the input is carried.

use isomer_ir::{ColumnId, Plan, ScalarId};

use super::{Definitions, Normalizer};

/// A [`Plan::Unnest`] without its input.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unnesting {
    pub(super) list: ScalarId,
    pub(super) column: ColumnId,
    pub(super) position: Option<ColumnId>,
    pub(super) is_outer: bool,
}

impl Normalizer<'_> {
    /// The normal form of `Filter(conds, Unnest(input))`.
    pub(super) fn unnest(&mut self, input: Plan, unnesting: Unnesting, conds: &[ScalarId]) -> (Plan, Definitions) {
        let Unnesting { list, column, position, is_outer } = unnesting;
        let (plan, definitions) = self.relation(input, Vec::new());
        if matches!(plan, Plan::Empty { .. }) {
            self.switches.fire("prune-empty-operator");
            let mut columns = plan.columns(&mut self.context.arena);
            columns.push(column);
            columns.extend(position);
            return (Plan::Empty { columns }, definitions);
        }
        let list = self.resolve(list, &definitions);
        let plan = Plan::Unnest { input: Box::new(plan), list, column, position, is_outer };
        self.filtered(plan, conds, definitions)
    }
}
