//! Sums of one value times and plus constants: one sum and one count of it (C12).

use isomer_ir::{AggregateCall, AggregateFunction, Arena, ColumnId, DataType, Function, Literal, Scalar, ScalarId};

use super::{Definitions, Normalizer};
use crate::facts::{Facts, is_nullable};

const RULE: &str = "merge-linear-sums";
/// Greatest factor and offset, so that a sum in a wide type stays far from its ends.
const MAX_CONSTANT: i128 = 1 << 31;

/// `factor * value + offset`.
#[derive(Debug, Clone, Copy)]
struct Linear {
    value: ScalarId,
    factor: i128,
    offset: i128,
}

impl Linear {
    fn is_plain(self) -> bool {
        self.factor == 1 && self.offset == 0
    }
}

impl Normalizer<'_> {
    /// Replaces sums that are linear in one value where fewer calls are left, and tells what they are now.
    pub(super) fn merged_linear_sums(
        &mut self,
        keys: &[(ColumnId, ScalarId)],
        calls: &mut Vec<(ColumnId, AggregateCall)>,
        facts: &Facts,
    ) -> Option<Definitions> {
        if !self.switches.is_on(RULE) {
            return None;
        }
        let arena = &self.context.arena;
        let sums: Vec<(usize, Linear)> =
            calls.iter().enumerate().filter_map(|(at, (_, call))| Some((at, linear_sum(arena, call)?))).collect();
        let mut own = Definitions::default();
        let mut done: Vec<usize> = Vec::new();
        for &(first, linear) in &sums {
            if done.contains(&first) {
                continue;
            }
            let family: Vec<(usize, Linear)> = sums
                .iter()
                .copied()
                .filter(|&(at, other)| {
                    let (a, b) = (&calls[first].1, &calls[at].1);
                    other.value == linear.value && a.filter == b.filter && a.data_type == b.data_type
                })
                .collect();
            done.extend(family.iter().map(|(at, _)| *at));
            self.merge_family(keys, calls, &family, facts, &mut own);
        }
        if own.is_empty() {
            return None;
        }
        calls.retain(|(id, _)| !own.contains_key(id));
        calls.sort_by_key(|(id, _)| *id);
        self.switches.fire(RULE);
        Some(own)
    }

    fn merge_family(
        &mut self,
        keys: &[(ColumnId, ScalarId)],
        calls: &mut Vec<(ColumnId, AggregateCall)>,
        family: &[(usize, Linear)],
        facts: &Facts,
        own: &mut Definitions,
    ) {
        let Some(&(first, Linear { value, .. })) = family.first() else { return };
        let arena = &mut self.context.arena;
        let whole = calls[first].1.clone();
        let sum = AggregateCall { args: [value].into_iter().collect(), ..whole.clone() };
        let counted = if is_nullable(arena, value, facts) { Some(value) } else { None };
        let count = AggregateCall {
            function: AggregateFunction::Count,
            args: counted.into_iter().collect(),
            data_type: DataType::Int64,
            ..whole.clone()
        };
        let sum_id = arena.aggregate_column(&sum, "sum");
        let count_id = arena.aggregate_column(&count, "count");
        let has = |id: ColumnId| calls.iter().any(|(known, _)| *known == id);
        let needs_count = family.iter().any(|(_, linear)| linear.offset != 0);
        let added: Vec<(ColumnId, AggregateCall)> = [(sum_id, sum, true), (count_id, count, needs_count)]
            .into_iter()
            .filter(|(id, _, is_needed)| *is_needed && !has(*id))
            .map(|(id, call, _)| (id, call))
            .collect();
        let replaced: Vec<(usize, Linear)> = family.iter().copied().filter(|(_, linear)| !linear.is_plain()).collect();
        let is_free = !added.iter().any(|(id, _)| keys.iter().any(|(key, _)| key == id));
        // The same number of calls, and a product and a sum more, would be no gain.
        if replaced.len() <= added.len() || !is_free {
            return;
        }
        for (at, linear) in replaced {
            let scalar = linear_total(arena, linear, sum_id, count_id, whole.data_type);
            own.insert(calls[at].0, scalar);
        }
        calls.extend(added);
    }
}

/// `factor * sum + offset * count`.
fn linear_total(arena: &mut Arena, linear: Linear, sum: ColumnId, count: ColumnId, data_type: DataType) -> ScalarId {
    let mut total = arena.column_ref(sum);
    if linear.factor != 1 {
        let factor = arena.literal(Literal::Int(linear.factor, data_type));
        total = arena.call(Function::Multiply, [factor, total], data_type);
    }
    if linear.offset != 0 {
        let n = arena.column_ref(count);
        let n = arena.cast(n, data_type);
        let offset = arena.literal(Literal::Int(linear.offset, data_type));
        let offsets = arena.call(Function::Multiply, [offset, n], data_type);
        total = arena.call(Function::Add, [total, offsets], data_type);
    }
    total
}

/// What a sum of integers adds up, where its type is wide enough for the parts.
fn linear_sum(arena: &Arena, call: &AggregateCall) -> Option<Linear> {
    let [arg] = call.args.as_slice() else { return None };
    if call.function != AggregateFunction::Sum || call.is_distinct || !call.order.is_empty() {
        return None;
    }
    let linear = linear(arena, *arg)?;
    let bits = arena.type_of(linear.value).integer_bits()?;
    let is_wide = match call.data_type.integer_bits()? {
        128 => bits <= 64,
        64 => bits <= 32,
        _ => false,
    };
    let is_small = linear.factor.abs() < MAX_CONSTANT && linear.offset.abs() < MAX_CONSTANT;
    (is_wide && is_small && !matches!(arena[linear.value], Scalar::Literal(_))).then_some(linear)
}

/// A scalar as a linear form of what is below its constants.
fn linear(arena: &Arena, scalar: ScalarId) -> Option<Linear> {
    let int = |scalar: ScalarId| match &arena[scalar] {
        Scalar::Literal(Literal::Int(n, _)) => Some(*n),
        _ => None,
    };
    let plain = Linear { value: scalar, factor: 1, offset: 0 };
    match &arena[scalar] {
        // A sum does not see in which type it is given its values.
        Scalar::Cast { arg, to, is_try: false }
            if to.is_integer() && isomer_ir::is_widening(arena.type_of(*arg), *to) =>
        {
            linear(arena, *arg)
        }
        Scalar::Call { function, args, data_type } if data_type.is_integer() => {
            let &[left, right] = args.as_slice() else { return Some(plain) };
            let (inner, constant, is_left) = match (int(left), int(right)) {
                (None, Some(constant)) => (linear(arena, left)?, constant, true),
                (Some(constant), None) => (linear(arena, right)?, constant, false),
                _ => return Some(plain),
            };
            let form = |factor: Option<i128>, offset: Option<i128>| {
                Some(Linear { value: inner.value, factor: factor?, offset: offset? })
            };
            match (function, is_left) {
                (Function::Add, _) => form(Some(inner.factor), inner.offset.checked_add(constant)),
                (Function::Subtract, true) => form(Some(inner.factor), inner.offset.checked_sub(constant)),
                (Function::Subtract, false) => form(inner.factor.checked_neg(), constant.checked_sub(inner.offset)),
                (Function::Multiply, _) => form(inner.factor.checked_mul(constant), inner.offset.checked_mul(constant)),
                _ => Some(plain),
            }
        }
        _ => Some(plain),
    }
}
