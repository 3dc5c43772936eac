//! Windows in normal form: filters on whole partitions below, calls over the input's own columns.

use std::sync::Arc;

use isomer_ir::{Args, ColumnId, Plan, Scalar, ScalarId, SortKey, Volatility, WindowCall};

use super::{Definitions, Normalizer};

impl Normalizer<'_> {
    pub(super) fn window(
        &mut self,
        input: Plan,
        calls: Vec<(ColumnId, WindowCall)>,
        conds: Vec<ScalarId>,
    ) -> (Plan, Definitions) {
        let mut below = Vec::new();
        let mut above = Vec::new();
        for cond in conds {
            let columns = self.context.arena.columns_of(cond);
            // Whole partitions come and go together, so nothing changes for the rows that stay.
            let is_on_partition = !columns.is_empty()
                && calls.iter().all(|(_, call)| {
                    columns.iter().all(|&column| {
                        call.partition.iter().any(|&key| self.context.arena[key] == Scalar::Column(column))
                    })
                });
            let is_stable = self.context.arena.volatility(cond) != Volatility::Volatile;
            if is_on_partition && is_stable && self.switches.is_on("push-filter-into-window") {
                self.switches.fire("push-filter-into-window");
                below.push(cond);
            } else {
                above.push(cond);
            }
        }
        let (plan, mut definitions) = self.relation(input, below);
        let exposed = plan.columns(&mut self.context.arena);
        let mut mapped: Vec<(ColumnId, WindowCall)> = Vec::with_capacity(calls.len());
        for (id, call) in calls {
            let call = self.resolve_window(&call, &definitions);
            let hint = Arc::clone(self.context.arena.hint(id));
            let new = self.context.arena.window_column(&call, &hint);
            let new = self.context.arena.variant_outside(new, &exposed);
            definitions.insert(id, self.context.arena.column_ref(new));
            if !mapped.iter().any(|(other, _)| *other == new) {
                mapped.push((new, call));
            }
        }
        mapped.sort_by_key(|(id, _)| *id);
        definitions.retain(|id, scalar| self.context.arena[*scalar] != Scalar::Column(*id));
        if matches!(plan, Plan::Empty { .. }) {
            self.switches.fire("prune-empty-operator");
            let columns = exposed.into_iter().chain(mapped.iter().map(|(id, _)| *id)).collect();
            return (Plan::Empty { columns }, definitions);
        }
        let plan = Plan::Window { input: Box::new(plan), calls: mapped };
        self.filtered(plan, &above, definitions)
    }

    fn resolve_window(&mut self, call: &WindowCall, definitions: &Definitions) -> WindowCall {
        let mut partition: Args = call.partition.iter().map(|&key| self.resolve(key, definitions)).collect();
        partition.sort_unstable();
        partition.dedup();
        WindowCall {
            args: call.args.iter().map(|&arg| self.resolve(arg, definitions)).collect(),
            filter: call.filter.map(|filter| self.resolve(filter, definitions)),
            partition,
            order: call
                .order
                .iter()
                .map(|key| SortKey { scalar: self.resolve(key.scalar, definitions), ..*key })
                .collect(),
            ..call.clone()
        }
    }
}
