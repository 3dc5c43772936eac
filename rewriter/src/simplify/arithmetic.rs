//! Arithmetic of exact numbers: neutral operands, constants gathered, the order of what commutes.
//!
//! Floats are left alone: `x + 0` is not `x` for -0.0, and sums of constants round.

use isomer_ir::{Arena, DataType, Function, Literal, Scalar, ScalarId, is_widening};

use super::Switches;
use super::fold::fold;
use super::literals::{digits, integer, integer_bounds, is_literal, literal_of, shortest};

pub(super) fn step(
    arena: &mut Arena,
    function: Function,
    args: &[ScalarId],
    data_type: DataType,
    switches: &mut Switches,
) -> Option<ScalarId> {
    if switches.is_on("simplify-arithmetic")
        && let Some(next) = neutral_float(arena, function, args, data_type)
    {
        switches.fire("simplify-arithmetic");
        return Some(next);
    }
    let is_exact = |id: ScalarId, arena: &Arena| is_exact(arena.type_of(id));
    if !args.iter().all(|&arg| is_exact(arg, arena)) || !self::is_exact(data_type) {
        return None;
    }
    if switches.is_on("simplify-arithmetic")
        && let Some(next) = neutral(arena, function, args, data_type)
    {
        switches.fire("simplify-arithmetic");
        return Some(next);
    }
    if switches.is_on("merge-constants-in-sum")
        && let Some(next) = gathered(arena, function, args, data_type)
    {
        switches.fire("merge-constants-in-sum");
        return Some(next);
    }
    if let (Function::Add | Function::Multiply, &[left, right]) = (function, args)
        && switches.is_on("normalize-operand-order")
        && rank(arena, left) > rank(arena, right)
    {
        switches.fire("normalize-operand-order");
        return Some(arena.call(function, [right, left], data_type));
    }
    None
}

fn is_exact(data_type: DataType) -> bool {
    data_type.is_integer() || matches!(data_type, DataType::Decimal { .. })
}

/// Columns first, constants last: what commutes is written in one order.
fn rank(arena: &Arena, id: ScalarId) -> (u8, ScalarId) {
    let kind = match &arena[id] {
        Scalar::Column(_) | Scalar::Outer(_) => 0,
        Scalar::Literal(_) => 2,
        Scalar::Call { .. } | Scalar::Case { .. } | Scalar::Cast { .. } | Scalar::InList { .. } | Scalar::Hole(_) => 1,
    };
    (kind, id)
}

/// `x + 0`, `x - 0`, `x * 1` are `x`, `0 - x` is `-x`, in the type of the result.
fn neutral(arena: &mut Arena, function: Function, args: &[ScalarId], data_type: DataType) -> Option<ScalarId> {
    let number = |id: ScalarId| {
        let (value, scale) = digits(literal_of(arena, id)?)?;
        let unit = 10_i128.checked_pow(u32::from(scale))?;
        (value % unit == 0).then_some(value / unit)
    };
    let kept = match *args {
        // A fraction is cut off by an integer division.
        [left, _] if function == Function::IntegerDivide && !arena.type_of(left).is_integer() => return None,
        [left, right] => match (function, number(left), number(right)) {
            (Function::Add | Function::Subtract, _, Some(0))
            | (Function::Multiply | Function::IntegerDivide, _, Some(1)) => left,
            (Function::Add, Some(0), _) | (Function::Multiply, Some(1), _) => right,
            _ => return None,
        },
        _ => return None,
    };
    let own = arena.type_of(kept);
    is_widening(own, data_type).then(|| arena.cast(kept, data_type))
}

/// `x * 1`, `x / 1` and `x - 0` of floats: the same value, whatever its sign or kind.
fn neutral_float(arena: &Arena, function: Function, args: &[ScalarId], data_type: DataType) -> Option<ScalarId> {
    let &[left, right] = args else { return None };
    let is = |id: ScalarId, value: f64| match literal_of(arena, id) {
        Some(Literal::Float(bits)) => *bits == value.to_bits(),
        Some(literal) => digits(literal).is_some_and(|(digits, _)| {
            digits == 0 && value == 0.0 || digits == 1 && value != 0.0 && literal.data_type().is_integer()
        }),
        None => false,
    };
    let kept = match function {
        Function::Multiply | Function::Divide if is(right, 1.0) => left,
        Function::Multiply if is(left, 1.0) => right,
        Function::Subtract if is(right, 0.0) => left,
        _ => return None,
    };
    (data_type.is_float() && arena.type_of(kept) == data_type).then_some(kept)
}

/// `(x + 1) + 2` is `x + 3`: with constants of one sign the sum overflows on the same rows.
fn gathered(arena: &mut Arena, function: Function, args: &[ScalarId], data_type: DataType) -> Option<ScalarId> {
    let &[left, right] = args else { return None };
    if !matches!(function, Function::Add | Function::Subtract) {
        return None;
    }
    let Scalar::Call { function: inner, args: inner_args, data_type: inner_type } = arena[left].clone() else {
        return None;
    };
    let &[value, first] = inner_args.as_slice() else { return None };
    let (Literal::Int(a, _), Literal::Int(b, _)) = (literal_of(arena, first)?, literal_of(arena, right)?) else {
        return None;
    };
    let signed = |function: Function, value: i128| match function {
        Function::Add => Some(value),
        Function::Subtract => value.checked_neg(),
        _ => None,
    };
    let (a, b) = (signed(inner, *a)?, signed(function, *b)?);
    // Integer types alone: a decimal's width grows with every operation.
    if inner_type != data_type || !data_type.is_integer() || (a < 0) != (b < 0) {
        return None;
    }
    let sum = a.checked_add(b)?;
    let (least, greatest) = integer_bounds(data_type)?;
    if sum < least.checked_add(1)? || sum > greatest {
        return None;
    }
    let (function, amount) = if sum < 0 { (Function::Subtract, -sum) } else { (Function::Add, sum) };
    let amount = arena.literal(integer(amount));
    Some(arena.call(function, [value, amount], data_type))
}

/// `x + 1 < 5` is `x < 4`, where the sum cannot overflow.
pub(super) fn unwrap_sum(arena: &mut Arena, function: Function, left: ScalarId, literal: &Literal) -> Option<ScalarId> {
    moved(arena, function, left, literal, false)
}

/// The same for integers, taking it for granted that the sum does not overflow.
pub(super) fn unwrap_integer_sum(
    arena: &mut Arena,
    function: Function,
    left: ScalarId,
    literal: &Literal,
) -> Option<ScalarId> {
    moved(arena, function, left, literal, true)
}

fn moved(
    arena: &mut Arena,
    function: Function,
    left: ScalarId,
    literal: &Literal,
    is_assumed_total: bool,
) -> Option<ScalarId> {
    let Scalar::Call { function: operation, args, data_type } = arena[left].clone() else { return None };
    let &[value, by] = args.as_slice() else { return None };
    let inverse = match operation {
        Function::Add => Function::Subtract,
        Function::Subtract => Function::Add,
        _ => return None,
    };
    let amount = literal_of(arena, by)?.clone();
    let is_total = is_total(arena, operation, value, &amount, data_type)
        || is_assumed_total && data_type.is_integer() && arena.type_of(value).is_integer();
    if is_literal(arena, value) || !is_exact(arena.type_of(value)) || !is_total {
        return None;
    }
    let ((a, sa), (b, sb)) = (digits(literal)?, digits(&amount)?);
    let bound = if sa == 0 && sb == 0 {
        integer(if inverse == Function::Subtract { a.checked_sub(b)? } else { a.checked_add(b)? })
    } else {
        let scale = sa.max(sb);
        let widest = DataType::Decimal { precision: 38, scale };
        let operands = [literal, &amount].map(|operand| decimal(operand, scale));
        let [Some(a), Some(b)] = operands else { return None };
        let (a, b) = (arena.literal(a), arena.literal(b));
        match fold(arena, inverse, &[a, b], widest)? {
            Literal::Decimal { value, scale, .. } => shortest(value, scale),
            _ => return None,
        }
    };
    let bound = arena.literal(bound);
    Some(arena.comparison(function, value, bound))
}

fn decimal(literal: &Literal, scale: u8) -> Option<Literal> {
    let (value, own) = digits(literal)?;
    let value = value.checked_mul(10_i128.checked_pow(u32::from(scale.checked_sub(own)?))?)?;
    Some(Literal::Decimal { value, precision: 38, scale })
}

/// Whether the sum is in the range of its type for every value that the operand's type has.
fn is_total(arena: &Arena, operation: Function, value: ScalarId, amount: &Literal, data_type: DataType) -> bool {
    if matches!(data_type, DataType::Decimal { precision, .. } if precision < 38) {
        return true;
    }
    let own = match &arena[value] {
        Scalar::Cast { arg, to, .. } if is_widening(arena.type_of(*arg), *to) => arena.type_of(*arg),
        _ => arena.type_of(value),
    };
    let (Some((low, high)), Some((least, greatest)), Literal::Int(amount, _)) =
        (integer_bounds(own), integer_bounds(data_type), amount)
    else {
        return false;
    };
    let moved = |bound: i128| match operation {
        Function::Add => bound.checked_add(*amount),
        _ => bound.checked_sub(*amount),
    };
    let is_within = |bound: i128| moved(bound).is_some_and(|value| value >= least && value <= greatest);
    is_within(low) && is_within(high)
}
