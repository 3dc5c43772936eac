//! Aggregate calls in normal form: arguments and filters over the input's own columns, and no more
//! work than the facts of the input leave to do.

use isomer_ir::{
    AggregateCall, AggregateFunction, ColumnId, DataType, Function, Literal, Scalar, ScalarId, SortKey, Volatility,
};

use super::{Definitions, Normalizer};
use crate::facts::{Facts, is_nullable};
use crate::simplify::is_false;

/// A call in normal form.
pub(super) enum Simplified {
    /// Still a call.
    Call(AggregateCall),
    /// A scalar over the group keys.
    Value(ScalarId),
}

impl Normalizer<'_> {
    /// `call` over the input whose columns are `inner`, grouped by `keys`.
    pub(super) fn simplified_call(
        &mut self,
        call: &AggregateCall,
        inner: &Definitions,
        keys: &[(ColumnId, ScalarId)],
        facts: &Facts,
    ) -> Simplified {
        let call = self.aggregate_call(call, inner, keys, facts);
        let never = call.filter.is_some_and(|filter| is_false(&self.context.arena, &[filter]));
        if never
            && self.switches.is_on("simplify-aggregate-filter")
            && let Some(value) = self.value_of_nothing(&call)
        {
            self.switches.fire("simplify-aggregate-filter");
            return Simplified::Value(value);
        }
        match self.value_on_keys(&call, keys, facts) {
            Some(value) => Simplified::Value(value),
            None => Simplified::Call(call),
        }
    }

    fn aggregate_call(
        &mut self,
        call: &AggregateCall,
        inner: &Definitions,
        keys: &[(ColumnId, ScalarId)],
        facts: &Facts,
    ) -> AggregateCall {
        let read = |this: &mut Self, scalar: ScalarId| {
            let resolved = this.resolve(scalar, inner);
            this.among(resolved, facts, false)
        };
        let mut call = AggregateCall {
            args: call.args.iter().map(|&arg| read(self, arg)).collect(),
            filter: call.filter.map(|filter| read(self, filter)),
            order: call.order.iter().map(|key| SortKey { scalar: self.resolve(key.scalar, inner), ..*key }).collect(),
            ..call.clone()
        };
        self.move_case_to_filter(&mut call, keys);
        if let Some(filter) = call.filter
            && self.switches.is_on("simplify-aggregate-filter")
        {
            let holds = self.simplified_holds(&[filter]);
            let is_always = holds.is_empty();
            call.filter = if is_always { None } else { Some(self.context.arena.and(holds)) };
            if is_always {
                self.switches.fire("simplify-aggregate-filter");
            }
        }
        if call.is_distinct
            && call.function.is_duplicate_insensitive()
            && self.switches.is_on("eliminate-distinct-in-aggregate")
        {
            self.switches.fire("eliminate-distinct-in-aggregate");
            call.is_distinct = false;
        }
        if call.is_distinct && self.is_unique_in_group(&call, keys, facts) {
            self.switches.fire("eliminate-distinct-on-unique-argument");
            call.is_distinct = false;
        }
        let counts_rows = call.function == AggregateFunction::Count && !call.is_distinct && call.args.len() == 1;
        if counts_rows
            && !is_nullable(&self.context.arena, call.args[0], facts)
            && self.switches.is_on("simplify-count-not-null")
        {
            self.switches.fire("simplify-count-not-null");
            call.args.clear();
        }
        self.templates.rewrite_aggregate(&mut self.context.arena, call, facts, self.switches)
    }

    /// An argument that is NULL except under a condition is the argument under a filter.
    fn move_case_to_filter(&mut self, call: &mut AggregateCall, keys: &[(ColumnId, ScalarId)]) {
        if call.args.len() != 1 || !call.order.is_empty() || !call.function.skips_nulls() {
            return;
        }
        let arena = &mut self.context.arena;
        let Scalar::Case { branches, otherwise, .. } = arena[call.args[0]].clone() else { return };
        let [(when, then)] = branches.as_slice() else { return };
        let (when, then) = (*when, *then);
        let is_null = |id: ScalarId| matches!(&arena[id], Scalar::Literal(literal) if literal.is_null());
        let is_int =
            |id: ScalarId, n: i128| matches!(&arena[id], Scalar::Literal(Literal::Int(value, _)) if *value == n);
        // A filter is tested on every row, and engines may compute the argument there as well.
        let is_total = |id: ScalarId| !arena.can_raise(id) && arena.volatility(id) == Volatility::Immutable;
        if !is_total(when) || call.filter.is_some_and(|filter| !is_total(filter)) {
            return;
        }
        let (condition, arg) = if is_null(otherwise) && is_total(then) {
            (when, Some(then))
        } else if is_null(then) && is_total(otherwise) {
            let is_true = arena.predicate(Function::IsTrue, [when]);
            (arena.predicate(Function::Not, [is_true]), Some(otherwise))
        } else if call.function == AggregateFunction::Sum
            && !call.is_distinct
            && call.filter.is_none()
            && !keys.is_empty()
            && is_int(then, 1)
            && is_int(otherwise, 0)
            && self.switches.is_on("convert-sum-to-count")
        {
            (when, None)
        } else {
            return;
        };
        if arg.is_some() && !self.switches.is_on("convert-case-to-filter") {
            return;
        }
        let arena = &mut self.context.arena;
        let filters: Vec<ScalarId> = call.filter.into_iter().chain([condition]).collect();
        match arg {
            Some(arg) => {
                call.args = [arg].into_iter().collect();
                call.filter = Some(arena.and(filters));
                self.switches.fire("convert-case-to-filter");
            }
            // The sum is of another type than the count; the caller's column keeps its own.
            None => {
                call.function = AggregateFunction::Count;
                call.args.clear();
                call.filter = Some(arena.and(filters));
                call.data_type = DataType::Int64;
                self.switches.fire("convert-sum-to-count");
            }
        }
    }

    /// Whether no two rows of a group agree on the arguments, as far as the keys of the input tell.
    fn is_unique_in_group(&self, call: &AggregateCall, keys: &[(ColumnId, ScalarId)], facts: &Facts) -> bool {
        let columns: Vec<ColumnId> = keys
            .iter()
            .map(|(_, scalar)| *scalar)
            .chain(call.args.iter().copied())
            .filter_map(|scalar| if let Scalar::Column(id) = self.context.arena[scalar] { Some(id) } else { None })
            .collect();
        self.switches.is_on("eliminate-distinct-on-unique-argument") && facts.is_unique(&columns)
    }

    /// What the call gives where its argument is the same in all rows of a group: it reads group keys
    /// and constants only.
    fn value_on_keys(
        &mut self,
        call: &AggregateCall,
        keys: &[(ColumnId, ScalarId)],
        facts: &Facts,
    ) -> Option<ScalarId> {
        use AggregateFunction as A;
        let &[arg] = call.args.as_slice() else { return None };
        // Without keys there may be no row, and then there is no value.
        if keys.is_empty() || call.filter.is_some() || !self.switches.is_on("fold-aggregate-of-key") {
            return None;
        }
        let arena = &mut self.context.arena;
        let argument = arena.type_of(arg);
        let gives_argument = matches!(
            call.function,
            A::Min | A::Max | A::BoolAnd | A::BoolOr | A::BitAnd | A::BitOr | A::AnyValue | A::First | A::Last
        );
        let gives_one = call.is_distinct
            && match call.function {
                A::Count => true,
                A::Sum => argument.is_integer(),
                A::Avg => argument.is_integer() && call.data_type.is_float(),
                _ => false,
            };
        if !(gives_argument || gives_one) || arena.volatility(arg) != Volatility::Immutable {
            return None;
        }
        let value = over_keys(arena, arg, keys, facts)?;
        self.switches.fire("fold-aggregate-of-key");
        if call.function == A::Count {
            return Some(self.counted(value));
        }
        let cast = self.context.arena.cast(value, call.data_type);
        Some(self.resolve(cast, &Definitions::default()))
    }

    /// One, or zero for NULL.
    fn counted(&mut self, value: ScalarId) -> ScalarId {
        let arena = &mut self.context.arena;
        let is_null = arena.predicate(Function::IsNull, [value]);
        let zero = arena.literal(Literal::Int(0, DataType::Int64));
        let one = arena.literal(Literal::Int(1, DataType::Int64));
        arena.scalar(Scalar::Case { branches: vec![(is_null, zero)], otherwise: one, data_type: DataType::Int64 })
    }

    /// What an aggregate gives over no rows; `None` where that is not known.
    pub(super) fn value_of_nothing(&mut self, call: &AggregateCall) -> Option<ScalarId> {
        self.context.arena.value_over_nothing(call)
    }

    /// What an aggregate gives over exactly one row.
    pub(super) fn single_row_value(&mut self, call: &AggregateCall) -> Option<ScalarId> {
        use AggregateFunction as A;
        if super::aggregate_scalars(call).any(|scalar| self.context.arena.volatility(scalar) == Volatility::Volatile) {
            return None;
        }
        let value = match (call.function, call.args.as_slice()) {
            (A::Count, []) => self.context.arena.literal(Literal::Int(1, DataType::Int64)),
            (A::Count, &[arg]) => self.counted(arg),
            (function, &[arg]) if function.facts().is_single => self.context.arena.cast(arg, call.data_type),
            (A::Avg, &[arg]) if self.context.arena.type_of(arg).is_integer() && call.data_type.is_float() => {
                self.context.arena.cast(arg, call.data_type)
            }
            _ => return None,
        };
        let Some(filter) = call.filter else { return Some(value) };
        let otherwise = self.value_of_nothing(call)?;
        Some(self.context.arena.scalar(Scalar::Case {
            branches: vec![(filter, value)],
            otherwise,
            data_type: call.data_type,
        }))
    }
}

/// `scalar` over the output of an aggregate with these keys, where it reads keys and constants only.
pub(super) fn over_keys(
    arena: &mut isomer_ir::Arena,
    scalar: ScalarId,
    keys: &[(ColumnId, ScalarId)],
    facts: &Facts,
) -> Option<ScalarId> {
    let mut is_whole = true;
    let replaced = arena.substitute(scalar, &mut |arena, found| {
        if let Some((id, _)) = keys.iter().find(|(_, key)| *key == found) {
            return Some(arena.column_ref(*id));
        }
        let Scalar::Column(column) = arena[found] else { return None };
        let constant = facts.constants.iter().find(|(known, _)| *known == column).map(|(_, value)| *value);
        if let Some(value) = constant {
            let data_type = arena.column_type(column);
            return Some(if arena.type_of(value) == data_type { value } else { arena.cast(value, data_type) });
        }
        is_whole = false;
        None
    });
    is_whole.then_some(replaced)
}
