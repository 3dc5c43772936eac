//! Limits and orders in normal form: limits merged and moved to where rows are fewest, orders only
//! where rows depend on them, no key that orders nothing.

use isomer_ir::{
    ColumnId, Function, JoinKind, Literal, Plan, RankingFunction, Scalar, ScalarId, SetOpKind, SortKey, Volatility,
    WindowCall, WindowFunction,
};

use super::calls::over_keys;
use super::group_keys::is_one_value;
use super::{Definitions, Normalizer, peek, strip_names};
use crate::facts::{Facts, matches_key};

/// Which rows of an order a limit lets through.
#[derive(Debug, Clone, Copy)]
struct Range {
    skip: u64,
    fetch: Option<u64>,
}

impl Normalizer<'_> {
    pub(super) fn limit(
        &mut self,
        input: Plan,
        skip: u64,
        fetch: Option<u64>,
        conds: &[ScalarId],
    ) -> (Plan, Definitions) {
        let (keys, input) = match strip_names(input) {
            Plan::Sort { input, keys } => (keys, *input),
            input => (Vec::new(), input),
        };
        let (plan, definitions) = self.relation(input, Vec::new());
        let keys = self.sort_keys(keys, &definitions, &plan);
        let plan = self.limited(plan, &keys, Range { skip, fetch });
        self.filtered(plan, conds, definitions)
    }

    /// `Limit(Sort(plan))` over a plan in normal form; exposes what the plan does.
    fn limited(&mut self, plan: Plan, keys: &[SortKey], range: Range) -> Plan {
        let Range { skip, fetch } = range;
        let bound = self.facts(&plan).max_rows;
        let is_none = fetch == Some(0) || bound.is_some_and(|rows| rows <= skip);
        if is_none && self.switches.is_on("eliminate-zero-limit") {
            self.switches.fire("eliminate-zero-limit");
            let columns = plan.columns(&mut self.context.arena);
            return Plan::Empty { columns };
        }
        // An order at the root of a model is the user's, and is kept beside the plan.
        if skip == 0
            && self.switches.is_on("eliminate-limit-by-row-bound")
            && bound.is_some_and(|rows| fetch.is_none_or(|fetch| rows <= fetch))
        {
            self.switches.fire("eliminate-limit-by-row-bound");
            return plan;
        }
        if let Some((inner, inner_keys, inner_range)) = limit_of(&plan)
            && inner_keys.starts_with(keys)
            && self.switches.is_on("merge-limits")
        {
            self.switches.fire("merge-limits");
            let (inner, inner_keys) = (inner.clone(), inner_keys.to_vec());
            let left = inner_range.fetch.map(|rows| rows.saturating_sub(skip));
            let fetch = match (left, fetch) {
                (Some(left), Some(fetch)) => Some(left.min(fetch)),
                (left, fetch) => left.or(fetch),
            };
            return self.limited(inner, &inner_keys, Range { skip: inner_range.skip.saturating_add(skip), fetch });
        }
        let plan = match self.below_preserved_side(plan, keys, range) {
            Ok(plan) => return plan,
            Err(plan) => self.below_union(plan, keys, range),
        };
        let plan = if keys.is_empty() { plan } else { Plan::Sort { input: Box::new(plan), keys: keys.to_vec() } };
        Plan::Limit { input: Box::new(plan), skip, fetch }
    }

    /// A limit below a join that gives each left row exactly once.
    fn below_preserved_side(&mut self, plan: Plan, keys: &[SortKey], range: Range) -> Result<Plan, Plan> {
        if !self.switches.is_on("push-limit-into-left-join") {
            return Err(plan);
        }
        let Plan::Join { kind: kind @ (JoinKind::Left | JoinKind::Single | JoinKind::Mark(_)), left, right, on } = plan
        else {
            return Err(plan);
        };
        let left_columns = left.columns(&mut self.context.arena);
        let is_left_only = keys.iter().all(|key| self.context.arena.reads_only(key.scalar, &left_columns));
        let right_facts = self.facts(&right);
        let is_once = kind != JoinKind::Left
            || matches_key(&self.context.arena, &on, &right_facts)
            || right_facts.max_rows.is_some_and(|rows| rows <= 1);
        if !is_left_only || !is_once {
            return Err(Plan::Join { kind, left, right, on });
        }
        self.switches.fire("push-limit-into-left-join");
        let left = Box::new(self.limited(*left, keys, range));
        Ok(Plan::Join { kind, left, right, on })
    }

    /// A limit in those branches of a union in which it goes below a join; the limit above stays.
    fn below_union(&mut self, plan: Plan, keys: &[SortKey], range: Range) -> Plan {
        let Some(n) = range.fetch.and_then(|fetch| fetch.checked_add(range.skip)) else { return plan };
        if !self.switches.is_on("push-limit-into-union") {
            return plan;
        }
        let (inputs, columns) = match plan {
            Plan::SetOp { kind: SetOpKind::UnionAll, inputs, columns } => (inputs, columns),
            Plan::Named { input, name, span } => {
                return Plan::Named { input: Box::new(self.below_union(*input, keys, range)), name, span };
            }
            plan => return plan,
        };
        let mut has_changed = false;
        let mut limited = Vec::with_capacity(inputs.len());
        for (branch, taken) in inputs {
            let arena = &mut self.context.arena;
            let definitions: Definitions =
                columns.iter().zip(&taken).map(|(&id, &from)| (id, arena.column_ref(from))).collect();
            let keys: Vec<SortKey> = keys
                .iter()
                .map(|key| SortKey { scalar: arena.inline_columns(key.scalar, &definitions), ..*key })
                .collect();
            let is_limited = |plan: &Plan| match plan {
                Plan::Join { left, .. } => limit_of(left).is_some_and(|(_, own, range)| {
                    own.starts_with(&keys) && range.skip == 0 && range.fetch.is_some_and(|rows| rows <= n)
                }),
                _ => false,
            };
            let is_join = matches!(peek(&branch), Plan::Join { .. });
            let branch = if !is_join || is_limited(peek(&branch)) {
                branch
            } else {
                match self.below_preserved_side(strip_names(branch), &keys, Range { skip: 0, fetch: Some(n) }) {
                    Ok(branch) => {
                        has_changed = true;
                        branch
                    }
                    Err(branch) => branch,
                }
            };
            limited.push((branch, taken));
        }
        if has_changed {
            self.switches.fire("push-limit-into-union");
        }
        Plan::SetOp { kind: SetOpKind::UnionAll, inputs: limited, columns }
    }

    /// A filter on a row number over the whole input is a limit below it.
    pub(super) fn limit_by_row_number(
        &mut self,
        plan: Plan,
        calls: &[(ColumnId, WindowCall)],
        above: &mut Vec<ScalarId>,
    ) -> Plan {
        if !self.switches.is_on("convert-row-number-filter-to-limit") {
            return plan;
        }
        let [(id, call)] = calls else { return plan };
        let is_row_number = call.function == WindowFunction::Ranking(RankingFunction::RowNumber)
            && call.partition.is_empty()
            && call.order.iter().all(|key| self.context.arena.volatility(key.scalar) != Volatility::Volatile);
        let Some(fetch) = above.iter().filter_map(|&cond| self.row_number_bound(cond, *id)).min() else { return plan };
        if !is_row_number {
            return plan;
        }
        self.switches.fire("convert-row-number-filter-to-limit");
        above.retain(|&cond| self.row_number_bound(cond, *id).is_none_or(|bound| bound < fetch));
        let keys = self.sort_keys(call.order.clone(), &Definitions::default(), &plan);
        self.limited(plan, &keys, Range { skip: 0, fetch: Some(fetch) })
    }

    /// `n` where the predicate is `column <= n`, in any spelling.
    fn row_number_bound(&self, predicate: ScalarId, column: ColumnId) -> Option<u64> {
        let arena = &self.context.arena;
        let Scalar::Call { function, args, .. } = &arena[predicate] else { return None };
        let &[left, right] = args.as_slice() else { return None };
        let int = |scalar: ScalarId| match &arena[scalar] {
            Scalar::Literal(Literal::Int(n, _)) => u64::try_from(*n).ok(),
            _ => None,
        };
        let is_column = |scalar: ScalarId| arena[scalar] == Scalar::Column(column);
        let (function, n) = if is_column(left) {
            (*function, int(right)?)
        } else if is_column(right) {
            (function.flipped()?, int(left)?)
        } else {
            return None;
        };
        match function {
            Function::LtEq => Some(n),
            Function::Lt => Some(n.saturating_sub(1)),
            Function::Eq if n <= 1 => Some(n),
            _ => None,
        }
    }

    /// Keys over the plan's own columns, without those that order nothing.
    pub(super) fn sort_keys(&mut self, keys: Vec<SortKey>, definitions: &Definitions, plan: &Plan) -> Vec<SortKey> {
        if keys.is_empty() {
            return keys;
        }
        let facts = self.facts(plan);
        self.kept_keys(keys, definitions, plan, &facts)
    }

    /// The same where the plan's facts are known.
    pub(super) fn kept_keys(
        &mut self,
        keys: Vec<SortKey>,
        definitions: &Definitions,
        plan: &Plan,
        facts: &Facts,
    ) -> Vec<SortKey> {
        let equalities = self.equalities(plan);
        let mut kept: Vec<SortKey> = Vec::with_capacity(keys.len());
        for key in keys {
            let scalar = self.resolve(key.scalar, definitions);
            let scalar = self.representative(scalar, &equalities);
            let columns: Vec<ColumnId> = kept
                .iter()
                .filter_map(|earlier| {
                    if let Scalar::Column(column) = self.context.arena[earlier.scalar] { Some(column) } else { None }
                })
                .collect();
            let earlier: Vec<(ColumnId, ScalarId)> =
                columns.iter().map(|&column| (column, self.context.arena.column_ref(column))).collect();
            if is_one_value(&self.context.arena, scalar, facts) && self.switches.is_on("prune-constant-sort-key") {
                self.switches.fire("prune-constant-sort-key");
            } else if kept.iter().any(|earlier| earlier.scalar == scalar)
                && self.switches.is_on("prune-duplicate-sort-key")
            {
                self.switches.fire("prune-duplicate-sort-key");
            } else if self.switches.is_on("prune-determined-sort-key")
                && ((!columns.is_empty() && facts.is_unique(&columns))
                    || (self.context.arena.volatility(scalar) == Volatility::Immutable
                        && over_keys(&mut self.context.arena, scalar, &earlier, facts).is_some()))
            {
                self.switches.fire("prune-determined-sort-key");
            } else {
                kept.push(SortKey { scalar, ..key });
            }
        }
        kept
    }
}

/// The relation, order and range of a limit that a plan consists of.
fn limit_of(plan: &Plan) -> Option<(&Plan, &[SortKey], Range)> {
    let Plan::Limit { input, skip, fetch } = peek(plan) else { return None };
    let range = Range { skip: *skip, fetch: *fetch };
    Some(match peek(input) {
        Plan::Sort { input, keys } => (input, keys, range),
        _ => (input, &[], range),
    })
}

/// Whether a plan's rows come out in an order that begins with `order`.
pub(super) fn is_ordered_by(plan: &Plan, order: &[SortKey]) -> bool {
    limit_of(plan).is_some_and(|(_, keys, _)| keys.starts_with(order))
}
