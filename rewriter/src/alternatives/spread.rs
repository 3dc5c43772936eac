//! Aggregate calls above a join of which one side is grouped already: calls over that side are combined
//! (C1, C2), calls over the other side take each row as often as the group has rows (C8).

use isomer_ir::{AggregateCall, AggregateFunction, Arena, ColumnId, DataType, Function, Literal, ScalarId};

use crate::normalize::aggregate_scalars;
use crate::operator::Context;
use crate::sharing::{quotient, rolled_up};

type Calls = Vec<(ColumnId, AggregateCall)>;

/// The calls below and above the join, as they are asked for.
#[derive(Debug)]
pub(super) struct Spread<'a> {
    keys: &'a [(ColumnId, ScalarId)],
    has_no_keys: bool,
    /// What the grouped side exposes before it is grouped.
    columns: &'a [ColumnId],
    below: Calls,
    above: Calls,
}

impl<'a> Spread<'a> {
    pub(super) fn new(keys: &'a [(ColumnId, ScalarId)], has_no_keys: bool, columns: &'a [ColumnId]) -> Self {
        Self { keys, has_no_keys, columns, below: Vec::new(), above: Vec::new() }
    }

    /// The calls below and above.
    pub(super) fn into_calls(self) -> (Calls, Calls) {
        (self.below, self.above)
    }

    /// The call's value over the columns above; `None` where it has no parts.
    pub(super) fn value(&mut self, context: &mut Context, call: &AggregateCall) -> Option<ScalarId> {
        let arena = &context.arena;
        if aggregate_scalars(call).all(|scalar| arena.reads_only(scalar, self.columns)) {
            return rolled_up(context, call, self.has_no_keys, self.keys, &mut self.below, &mut self.above);
        }
        let reads_none = |scalar: ScalarId| !arena.columns_of(scalar).iter().any(|id| self.columns.contains(id));
        if call.is_distinct || !call.order.is_empty() || !aggregate_scalars(call).all(reads_none) {
            return None;
        }
        if call.function.is_duplicate_insensitive() && call.function.rolled_up_by() == Some(call.function) {
            return Some(self.above(&mut context.arena, call.clone()));
        }
        match call.function {
            AggregateFunction::Count => self.counted(context, call),
            AggregateFunction::Sum => self.summed(context, call),
            AggregateFunction::Avg => {
                let of = context.arena.type_of(*call.args.first()?);
                if call.data_type != DataType::Float64 || !of.is_numeric() {
                    return None;
                }
                let sum = AggregateCall {
                    function: AggregateFunction::Sum,
                    data_type: crate::sharing::summed_type(of)?,
                    ..call.clone()
                };
                let count =
                    AggregateCall { function: AggregateFunction::Count, data_type: DataType::Int64, ..call.clone() };
                let total = self.summed(context, &sum)?;
                let n = self.counted(context, &count)?;
                Some(quotient(&mut context.arena, total, n, of))
            }
            // Taking a row several times is arithmetic that only sums and counts have.
            _ => None,
        }
    }

    /// The other side's rows that have a value, each as often as the group has rows.
    fn counted(&mut self, context: &mut Context, call: &AggregateCall) -> Option<ScalarId> {
        let n = self.n_rows(context)?;
        let arena = &mut context.arena;
        let mut conds: Vec<ScalarId> = call.filter.into_iter().collect();
        for &arg in &call.args {
            let is_null = arena.predicate(Function::IsNull, [arg]);
            conds.push(arena.predicate(Function::Not, [is_null]));
        }
        let filter = if conds.is_empty() { None } else { Some(arena.and(conds)) };
        let sum = AggregateCall {
            function: AggregateFunction::Sum,
            args: [n].into_iter().collect(),
            filter,
            data_type: DataType::Int128,
            ..call.clone()
        };
        let total = self.above(arena, sum);
        let total = arena.cast(total, call.data_type);
        let zero = arena.literal(Literal::Int(0, call.data_type));
        Some(arena.call(Function::Coalesce, [total, zero], call.data_type))
    }

    /// The sum of the other side's values, each times the rows of the group.
    fn summed(&mut self, context: &mut Context, call: &AggregateCall) -> Option<ScalarId> {
        let n = self.n_rows(context)?;
        let arena = &mut context.arena;
        let arg = *call.args.first()?;
        let (value, n, data_type, total_type) = match arena.type_of(arg) {
            of if of.integer_bits().is_some_and(|bits| bits <= 64) => {
                let wide = DataType::Int128;
                (arena.cast(arg, wide), arena.cast(n, wide), wide, wide)
            }
            of if of.is_float() => {
                let wide = DataType::Float64;
                (arena.cast(arg, wide), arena.cast(n, wide), wide, wide)
            }
            DataType::Decimal { precision: precision @ ..=18, scale } => {
                let digits = DataType::Decimal { precision: 18, scale: 0 };
                let product = DataType::Decimal { precision: precision + 18, scale };
                (arg, arena.cast(n, digits), product, DataType::Decimal { precision: 38, scale })
            }
            _ => return None,
        };
        let product = arena.call(Function::Multiply, [value, n], data_type);
        let sum = AggregateCall { args: [product].into_iter().collect(), data_type: total_type, ..call.clone() };
        let total = self.above(arena, sum);
        Some(arena.cast(total, call.data_type))
    }

    /// How many rows a group below has.
    fn n_rows(&mut self, context: &mut Context) -> Option<ScalarId> {
        let count = AggregateCall::count_of_rows();
        let arena = &mut context.arena;
        let id = arena.aggregate_column(&count, "n_rows");
        if self.keys.iter().any(|(key, _)| *key == id) {
            return None;
        }
        if !self.below.iter().any(|(known, _)| *known == id) {
            self.below.push((id, count));
        }
        Some(arena.column_ref(id))
    }

    fn above(&mut self, arena: &mut Arena, call: AggregateCall) -> ScalarId {
        let id = arena.aggregate_column(&call, call.function.name());
        if !self.above.iter().any(|(known, _)| *known == id) {
            self.above.push((id, call));
        }
        arena.column_ref(id)
    }
}

/// Whether a sum also over rows that find no partner stays far from the ends of its type.
pub(super) fn is_safe_sum(arena: &Arena, call: &AggregateCall) -> bool {
    let Some(&arg) = call.args.first() else { return false };
    match arena.type_of(arg) {
        DataType::Decimal { precision, .. } => precision <= 28,
        of if of.is_float() => true,
        of => match (of.integer_bits(), call.function, call.data_type.integer_bits()) {
            (Some(bits), AggregateFunction::Avg, _) => bits <= 64,
            (Some(bits), _, Some(128)) => bits <= 64,
            (Some(bits), _, Some(64)) => bits <= 32,
            _ => false,
        },
    }
}
