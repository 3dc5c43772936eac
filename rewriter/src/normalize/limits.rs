//! Limits and orders in normal form: limits merged, orders only where rows depend on them, no key
//! that orders nothing.

use isomer_ir::{Plan, Scalar, ScalarId, SortKey};

use super::{Definitions, Normalizer, strip_names};

impl Normalizer<'_> {
    pub(super) fn limit(
        &mut self,
        input: Plan,
        skip: u64,
        fetch: Option<u64>,
        conds: Vec<ScalarId>,
    ) -> (Plan, Definitions) {
        let (keys, input) = match strip_names(input) {
            Plan::Sort { input, keys } => (keys, *input),
            input => (Vec::new(), input),
        };
        let (plan, definitions) = match (keys.is_empty(), input) {
            (true, Plan::Limit { input, skip: inner_skip, fetch: inner_fetch })
                if self.switches.is_on("merge-limits") =>
            {
                self.switches.fire("merge-limits");
                let left = inner_fetch.map(|rows| rows.saturating_sub(skip));
                let merged = match (left, fetch) {
                    (Some(left), Some(fetch)) => Some(left.min(fetch)),
                    (left, fetch) => left.or(fetch),
                };
                return self.limit(*input, inner_skip.saturating_add(skip), merged, conds);
            }
            (_, input) => self.relation(input, Vec::new()),
        };
        if fetch == Some(0) && self.switches.is_on("eliminate-zero-limit") {
            self.switches.fire("eliminate-zero-limit");
            let columns = plan.columns(&mut self.context.arena);
            return (Plan::Empty { columns }, definitions);
        }
        let bound = self.facts(&plan).max_rows;
        // With an order the limit stays: at the root of a model the order is the user's.
        if skip == 0
            && keys.is_empty()
            && self.switches.is_on("eliminate-limit-by-row-bound")
            && bound.is_some_and(|rows| fetch.is_none_or(|fetch| rows <= fetch))
        {
            self.switches.fire("eliminate-limit-by-row-bound");
            return self.filtered(plan, &conds, definitions);
        }
        let keys = self.sort_keys(keys, &definitions, &plan);
        let plan = if keys.is_empty() { plan } else { Plan::Sort { input: Box::new(plan), keys } };
        let plan = Plan::Limit { input: Box::new(plan), skip, fetch };
        self.filtered(plan, &conds, definitions)
    }

    pub(super) fn sort_keys(&mut self, keys: Vec<SortKey>, definitions: &Definitions, plan: &Plan) -> Vec<SortKey> {
        let constants = self.facts(plan).constants;
        let mut kept: Vec<SortKey> = Vec::with_capacity(keys.len());
        for key in keys {
            let scalar = self.resolve(key.scalar, definitions);
            let is_constant = match &self.context.arena[scalar] {
                Scalar::Literal(_) => true,
                Scalar::Column(column) => constants.iter().any(|(constant, _)| constant == column),
                Scalar::Outer(_)
                | Scalar::Call { .. }
                | Scalar::Case { .. }
                | Scalar::Cast { .. }
                | Scalar::InList { .. }
                | Scalar::Hole(_) => false,
            };
            if is_constant && self.switches.is_on("prune-constant-sort-key") {
                self.switches.fire("prune-constant-sort-key");
            } else if kept.iter().any(|earlier| earlier.scalar == scalar)
                && self.switches.is_on("prune-duplicate-sort-key")
            {
                self.switches.fire("prune-duplicate-sort-key");
            } else {
                kept.push(SortKey { scalar, ..key });
            }
        }
        kept
    }
}
