//! Windows in normal form: filters on whole partitions below, calls over the input's own columns, keys
//! that split or order nothing left out, windows of one row computed.

use std::sync::Arc;

use isomer_ir::{
    AggregateCall, Args, ColumnId, DataType, Exclusion, Frame, FrameBound, FrameUnit, Literal, Plan, RankingFunction,
    Scalar, ScalarId, SortKey, Volatility, WindowCall, WindowFunction,
};

use super::calls::over_keys;
use super::group_keys::is_one_value;
use super::{Definitions, Normalizer, peek, strip_names};
use crate::facts::Facts;

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
        let (plan, mut mapped) = match plan {
            plan if !self.switches.is_on("merge-windows") => (plan, Vec::new()),
            plan => self.window_below(plan, &calls, &definitions),
        };
        let is_merged = !mapped.is_empty();
        let exposed = plan.columns(&mut self.context.arena);
        let facts = self.facts(&plan);
        for (id, call) in calls {
            let call = self.resolve_window(&call, &definitions);
            let call = self.simplified_window(call, &plan, &facts);
            if let Some(value) = self.single_row_window(&call, &facts) {
                self.switches.fire("eliminate-window-on-key");
                definitions.insert(id, value);
                continue;
            }
            let hint = Arc::clone(self.context.arena.hint(id));
            let new = self.context.arena.window_column(&call, &hint);
            let new = self.context.arena.variant_outside(new, &exposed);
            definitions.insert(id, self.context.arena.column_ref(new));
            if !mapped.iter().any(|(other, _)| *other == new) {
                mapped.push((new, call));
            }
        }
        if is_merged {
            self.switches.fire("merge-windows");
        }
        mapped.sort_by_key(|(id, _)| *id);
        definitions.retain(|id, scalar| self.context.arena[*scalar] != Scalar::Column(*id));
        if matches!(plan, Plan::Empty { .. }) {
            self.switches.fire("prune-empty-operator");
            let columns = exposed.into_iter().chain(mapped.iter().map(|(id, _)| *id)).collect();
            return (Plan::Empty { columns }, definitions);
        }
        if mapped.is_empty() {
            return self.filtered(plan, &above, definitions);
        }
        let mut above = self.resolve_all(&above, &definitions);
        let plan = self.limit_by_row_number(plan, &mapped, &mut above);
        let plan = Plan::Window { input: Box::new(plan), calls: mapped };
        self.filtered(plan, &above, definitions)
    }

    /// The calls of a window at the plan's root that none of `calls` reads, and the plan below them.
    fn window_below(
        &mut self,
        plan: Plan,
        calls: &[(ColumnId, WindowCall)],
        definitions: &Definitions,
    ) -> (Plan, Vec<(ColumnId, WindowCall)>) {
        let Plan::Window { calls: own, .. } = peek(&plan) else { return (plan, Vec::new()) };
        let computed: Vec<ColumnId> = own.iter().map(|(id, _)| *id).collect();
        for (_, call) in calls {
            for scalar in super::window_scalars(call) {
                let scalar = self.resolve(scalar, definitions);
                if self.context.arena.columns_of(scalar).iter().any(|column| computed.contains(column)) {
                    return (plan, Vec::new());
                }
            }
        }
        match strip_names(plan) {
            Plan::Window { input, calls } => (*input, calls),
            plan => (plan, Vec::new()),
        }
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

    /// The call without partition and order keys that say nothing.
    fn simplified_window(&mut self, call: WindowCall, plan: &Plan, facts: &Facts) -> WindowCall {
        if !self.switches.is_on("prune-window-key") {
            return call;
        }
        let before = call.clone();
        let equalities = self.equalities(plan);
        let mut partition: Vec<ScalarId> = Vec::with_capacity(call.partition.len());
        for &key in &call.partition {
            if !is_one_value(&self.context.arena, key, facts) {
                partition.push(self.representative(key, &equalities));
            }
        }
        let (plain, computed): (Vec<ScalarId>, Vec<ScalarId>) =
            partition.into_iter().partition(|&key| matches!(self.context.arena[key], Scalar::Column(_)));
        let mut known = self.as_keys(&plain);
        for key in computed {
            if !self.is_told_by(key, &known, facts) {
                known.push((self.context.arena.computed_column(key, "key"), key));
            }
        }
        let mut partition: Args = known.iter().map(|(_, key)| *key).collect();
        partition.sort_unstable();
        partition.dedup();
        // A distance in values is counted along the one order key, and peers are of the order that is written, so
        // that must stay.
        let has_exclusion = call.frame.exclusion != Exclusion::Nothing;
        let has_distance = has_exclusion
            || call.frame.unit == FrameUnit::Range
                && [call.frame.start, call.frame.end]
                    .iter()
                    .any(|bound| matches!(bound, FrameBound::Preceding(_) | FrameBound::Following(_)));
        let order = if has_distance { call.order.clone() } else { self.window_order(&call, known, &equalities, facts) };
        let frame = if order.is_empty() && call.frame.unit != FrameUnit::Rows && !has_distance {
            Frame::WHOLE
        } else {
            call.frame
        };
        let call = WindowCall { partition, order, frame, ..call };
        let call = self.without_idle_order(call);
        if call != before {
            self.switches.fire("prune-window-key");
        }
        call
    }

    /// The order keys that order something within a partition, given its keys.
    fn window_order(
        &mut self,
        call: &WindowCall,
        mut known: Vec<(ColumnId, ScalarId)>,
        equalities: &[(ColumnId, ColumnId)],
        facts: &Facts,
    ) -> Vec<SortKey> {
        let mut kept: Vec<SortKey> = Vec::with_capacity(call.order.len());
        for key in &call.order {
            let scalar = self.representative(key.scalar, equalities);
            let columns: Vec<ColumnId> = known
                .iter()
                .filter_map(
                    |&(_, key)| {
                        if let Scalar::Column(column) = self.context.arena[key] { Some(column) } else { None }
                    },
                )
                .collect();
            let is_idle = is_one_value(&self.context.arena, scalar, facts)
                || facts.is_unique(&columns)
                || self.is_told_by(scalar, &known, facts);
            if is_idle {
                continue;
            }
            if matches!(self.context.arena[scalar], Scalar::Column(_)) {
                known.extend(self.as_keys(&[scalar]));
            }
            kept.push(SortKey { scalar, ..*key });
        }
        // Rankings stay ordered by something: not every engine takes them without.
        if kept.is_empty() && matches!(call.function, WindowFunction::Ranking(_)) {
            kept.extend(call.order.first());
        }
        kept
    }

    /// An aggregate over the whole partition does not see its order.
    fn without_idle_order(&self, call: WindowCall) -> WindowCall {
        let is_whole = call.frame.is_whole()
            && matches!(call.function, WindowFunction::Aggregate(function) if !function.is_order_sensitive());
        if is_whole { WindowCall { order: Vec::new(), frame: Frame::WHOLE, ..call } } else { call }
    }

    fn as_keys(&self, keys: &[ScalarId]) -> Vec<(ColumnId, ScalarId)> {
        keys.iter()
            .filter_map(
                |&key| {
                    if let Scalar::Column(column) = self.context.arena[key] { Some((column, key)) } else { None }
                },
            )
            .collect()
    }

    fn is_told_by(&mut self, scalar: ScalarId, known: &[(ColumnId, ScalarId)], facts: &Facts) -> bool {
        self.context.arena.volatility(scalar) == Volatility::Immutable
            && over_keys(&mut self.context.arena, scalar, known, facts).is_some()
    }

    /// What the call gives where every partition is one row, which the frame holds.
    fn single_row_window(&mut self, call: &WindowCall, facts: &Facts) -> Option<ScalarId> {
        use RankingFunction as R;
        let partition: Vec<ColumnId> = self.as_keys(&call.partition).into_iter().map(|(column, _)| column).collect();
        if !self.switches.is_on("eliminate-window-on-key") || !facts.is_unique(&partition) {
            return None;
        }
        let holds_row = matches!(
            call.frame.start,
            FrameBound::UnboundedPreceding | FrameBound::Preceding(_) | FrameBound::CurrentRow
        ) && matches!(
            call.frame.end,
            FrameBound::UnboundedFollowing | FrameBound::Following(_) | FrameBound::CurrentRow
        ) && matches!(call.frame.exclusion, Exclusion::Nothing | Exclusion::Ties);
        if super::window_scalars(call).any(|scalar| self.context.arena.volatility(scalar) == Volatility::Volatile) {
            return None;
        }
        let data_type = call.data_type;
        let value = match call.function {
            WindowFunction::Aggregate(function) if holds_row => {
                return self.single_row_value(&AggregateCall {
                    function,
                    is_distinct: false,
                    args: call.args.clone(),
                    filter: call.filter,
                    order: Vec::new(),
                    data_type,
                });
            }
            WindowFunction::Ranking(R::RowNumber | R::Rank | R::DenseRank) if data_type.is_integer() => {
                self.context.arena.literal(Literal::Int(1, data_type))
            }
            WindowFunction::Ranking(R::FirstValue | R::LastValue) if holds_row && call.args.len() == 1 => call.args[0],
            WindowFunction::Ranking(R::Lag | R::Lead)
                if call.args.len() == 1 || (call.args.len() == 2 && self.is_positive(call.args[1])) =>
            {
                self.context.arena.literal(Literal::Null(data_type))
            }
            WindowFunction::Aggregate(_) | WindowFunction::Ranking(_) => return None,
        };
        let cast = self.context.arena.cast(value, data_type);
        Some(self.resolve(cast, &Definitions::default()))
    }

    fn is_positive(&self, scalar: ScalarId) -> bool {
        matches!(&self.context.arena[scalar], Scalar::Literal(Literal::Int(n, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64)) if *n > 0)
    }
}
