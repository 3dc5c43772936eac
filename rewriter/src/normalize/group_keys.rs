//! Group keys in normal form: none that is constant, written twice, or told by the others.

use std::sync::Arc;

use isomer_ir::{Arena, ColumnId, JoinKind, Plan, Scalar, ScalarId, Volatility};

use super::calls::over_keys;
use super::{Definitions, Normalizer, peek};
use crate::facts::{Facts, equal_columns};

impl Normalizer<'_> {
    /// The keys of an aggregate over `plan`, whose columns are `inner`; what is left out is defined.
    pub(super) fn aggregate_keys(
        &mut self,
        plan: &Plan,
        keys: &[(ColumnId, ScalarId)],
        inner: &Definitions,
        facts: &Facts,
        definitions: &mut Definitions,
    ) -> Vec<(ColumnId, ScalarId)> {
        let mut new_keys: Vec<(ColumnId, ScalarId)> = Vec::with_capacity(keys.len());
        let mut constant: Option<(ColumnId, ScalarId)> = None;
        let resolved: Vec<(ColumnId, ScalarId)> =
            keys.iter().map(|&(id, scalar)| (id, self.resolve(scalar, inner))).collect();
        let equalities = if resolved.len() > 1 { self.equalities(plan) } else { Vec::new() };
        for (id, scalar) in resolved {
            let value = constant_value(&self.context.arena, scalar, facts);
            if let (Some(value), true) = (value, self.switches.is_on("prune-constant-group-key")) {
                // The constant takes the key's own type: `g = 5` says nothing about the literal's width.
                let data_type = self.context.arena.column_type(id);
                let value = self.context.arena.cast(value, data_type);
                definitions.insert(id, value);
                constant = constant.or(Some((id, scalar)));
                self.switches.fire("prune-constant-group-key");
                continue;
            }
            let scalar = self.representative(scalar, &equalities);
            let hint = Arc::clone(self.context.arena.hint(id));
            let new = self.computed_id(scalar, &hint, &facts.columns);
            if new != id {
                definitions.insert(id, self.context.arena.column_ref(new));
            }
            if new_keys.iter().any(|(other, _)| *other == new) {
                self.switches.fire("prune-duplicate-group-key");
            } else {
                new_keys.push((new, scalar));
            }
        }
        self.prune_determined_keys(&mut new_keys, facts, definitions);
        // With no key left the aggregate would give a row over no rows: one constant key stays.
        if let (true, Some((id, scalar))) = (new_keys.is_empty(), constant) {
            let hint = Arc::clone(self.context.arena.hint(id));
            let new = self.computed_id(scalar, &hint, &facts.columns);
            definitions.remove(&id);
            if new != id {
                definitions.insert(id, self.context.arena.column_ref(new));
            }
            new_keys.push((new, scalar));
        }
        new_keys.sort_by_key(|(id, _)| *id);
        new_keys
    }

    /// A key that is computed from other keys makes no groups of its own.
    fn prune_determined_keys(
        &mut self,
        keys: &mut Vec<(ColumnId, ScalarId)>,
        facts: &Facts,
        definitions: &mut Definitions,
    ) {
        if !self.switches.is_on("prune-determined-group-key") {
            return;
        }
        let (plain, computed): (Vec<_>, Vec<_>) =
            keys.iter().copied().partition(|&(_, scalar)| matches!(self.context.arena[scalar], Scalar::Column(_)));
        if plain.is_empty() || computed.is_empty() {
            return;
        }
        for (id, scalar) in computed {
            if self.context.arena.volatility(scalar) != Volatility::Immutable {
                continue;
            }
            let Some(value) = over_keys(&mut self.context.arena, scalar, &plain, facts) else { continue };
            self.switches.fire("prune-determined-group-key");
            keys.retain(|(known, _)| *known != id);
            let own: Definitions = std::iter::once((id, value)).collect();
            let mut known: Vec<(ColumnId, ScalarId)> = definitions.drain().collect();
            known.sort_unstable();
            for (other, scalar) in known {
                definitions.insert(other, self.context.arena.inline_columns(scalar, &own));
            }
            definitions.insert(id, value);
        }
    }

    /// Pairs of columns that are equal in all rows, by the filters and inner joins at the plan's root.
    /// Equal floats may still differ in the sign of zero, and equal values of two types are two values.
    pub(super) fn equalities(&mut self, plan: &Plan) -> Vec<(ColumnId, ColumnId)> {
        if !self.switches.is_on("prune-duplicate-group-key") {
            return Vec::new();
        }
        let arena = &self.context.arena;
        let mut pairs = Vec::new();
        let mut stack = vec![peek(plan)];
        while let Some(plan) = stack.pop() {
            let holds = match plan {
                Plan::Filter { input, holds } => {
                    stack.push(peek(input));
                    holds
                }
                Plan::Join { kind: JoinKind::Inner, left, right, on } => {
                    stack.extend([peek(left), peek(right)]);
                    on
                }
                Plan::Join { kind: JoinKind::Semi | JoinKind::Anti, left, .. } => {
                    stack.push(peek(left));
                    continue;
                }
                _ => continue,
            };
            pairs.extend(
                holds
                    .iter()
                    .filter_map(|&predicate| equal_columns(arena, predicate))
                    .filter(|&(a, b)| arena.column_type(a) == arena.column_type(b) && !arena.column_type(a).is_float()),
            );
        }
        pairs
    }

    /// The least of the columns that equal this one.
    pub(super) fn representative(&mut self, scalar: ScalarId, equalities: &[(ColumnId, ColumnId)]) -> ScalarId {
        let Scalar::Column(column) = self.context.arena[scalar] else { return scalar };
        let mut known = vec![column];
        let mut next = 0;
        while let Some(&at) = known.get(next) {
            next += 1;
            for &(a, b) in equalities {
                for (from, to) in [(a, b), (b, a)] {
                    if from == at && !known.contains(&to) {
                        known.push(to);
                    }
                }
            }
        }
        let least = known.into_iter().min().unwrap_or(column);
        self.context.arena.column_ref(least)
    }
}

/// The value that a scalar has in all rows.
fn constant_value(arena: &Arena, scalar: ScalarId, facts: &Facts) -> Option<ScalarId> {
    match &arena[scalar] {
        Scalar::Literal(_) => Some(scalar),
        Scalar::Column(column) => facts.constants.iter().find(|(known, _)| known == column).map(|(_, value)| *value),
        Scalar::Outer(_)
        | Scalar::Call { .. }
        | Scalar::Case { .. }
        | Scalar::Cast { .. }
        | Scalar::InList { .. }
        | Scalar::Hole(_) => None,
    }
}

/// Whether a scalar has one value in all rows.
pub(super) fn is_one_value(arena: &Arena, scalar: ScalarId, facts: &Facts) -> bool {
    constant_value(arena, scalar, facts).is_some()
}
