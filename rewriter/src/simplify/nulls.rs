//! NULL: through strict functions, out of COALESCE and NULLIF, and tests for it.

use isomer_ir::{Arena, DataType, Function, Literal, Scalar, ScalarId, Volatility, is_widening};

use super::literals::{are_equal, is_literal, is_null_literal, literal_of};
use super::{Switches, is_never_null, is_null, null_of};

/// NULL where a strict function has a NULL argument.
pub(super) fn propagate(
    arena: &mut Arena,
    function: Function,
    args: &[ScalarId],
    data_type: DataType,
    switches: &mut Switches,
) -> Option<ScalarId> {
    let is_null = switches.is_on("simplify-null")
        && function.is_strict()
        && function.volatility() == Volatility::Immutable
        && args.iter().any(|&arg| is_null_literal(arena, arg));
    if !is_null {
        return None;
    }
    switches.fire("simplify-null");
    Some(null_of(arena, data_type))
}

/// `x IS NULL` as a test of what makes `x` NULL.
pub(super) fn step_is_null(arena: &mut Arena, args: &[ScalarId], switches: &mut Switches) -> Option<ScalarId> {
    let &arg = args.first()?;
    if let Some(literal) = literal_of(arena, arg)
        && switches.is_on("simplify-null")
    {
        let value = literal.is_null();
        switches.fire("simplify-null");
        return Some(arena.boolean(value));
    }
    if !switches.is_on("simplify-null-test") {
        return None;
    }
    let next = if is_never_null(arena, arg) && !arena.can_raise(arg) {
        arena.boolean(false)
    } else {
        match arena[arg].clone() {
            Scalar::Call { function: Function::Coalesce, args, .. } => {
                let tests: Vec<ScalarId> = args.iter().map(|&arg| is_null(arena, arg)).collect();
                arena.and(tests)
            }
            // Not what may fail: the error would be gone.
            Scalar::Call { function, args, .. }
                if function.is_strict()
                    && !function.may_make_null()
                    && function.volatility() == Volatility::Immutable
                    && !function.can_raise() =>
            {
                let tests: Vec<ScalarId> = args.iter().map(|&arg| is_null(arena, arg)).collect();
                arena.or(tests)
            }
            Scalar::Cast { arg: inner, to, .. } if is_widening(arena.type_of(inner), to) => is_null(arena, inner),
            Scalar::InList { arg: value, list }
                if list.iter().all(|&item| is_literal(arena, item) && !is_null_literal(arena, item)) =>
            {
                is_null(arena, value)
            }
            _ => return None,
        }
    };
    switches.fire("simplify-null-test");
    Some(next)
}

/// COALESCE without what is NULL, repeated, nested, or behind what is never NULL.
pub(super) fn step_coalesce(
    arena: &mut Arena,
    args: &[ScalarId],
    data_type: DataType,
    switches: &mut Switches,
) -> Option<ScalarId> {
    if !switches.is_on("simplify-null") {
        return None;
    }
    let mut flat: Vec<ScalarId> = Vec::with_capacity(args.len());
    for &arg in args {
        match &arena[arg] {
            Scalar::Call { function: Function::Coalesce, args: inner, data_type: own } if *own == data_type => {
                flat.extend_from_slice(inner);
            }
            _ => flat.push(arg),
        }
    }
    let mut kept: Vec<ScalarId> = Vec::with_capacity(flat.len());
    for arg in flat {
        let is_repeated = kept.contains(&arg) && arena.volatility(arg) != Volatility::Volatile;
        if is_null_literal(arena, arg) || is_repeated {
            continue;
        }
        kept.push(arg);
        if is_never_null(arena, arg) {
            break;
        }
    }
    if kept.as_slice() == args && args.len() > 1 {
        return truth_of(arena, args, switches);
    }
    switches.fire("simplify-null");
    Some(match kept.as_slice() {
        [] => arena.literal(Literal::Null(data_type)),
        [one] => arena.cast(*one, data_type),
        _ => arena.call(Function::Coalesce, kept, data_type),
    })
}

/// `COALESCE(p, FALSE)` is `p IS TRUE`, `COALESCE(p, TRUE)` is `NOT p IS FALSE`.
fn truth_of(arena: &mut Arena, args: &[ScalarId], switches: &mut Switches) -> Option<ScalarId> {
    let &[value, otherwise] = args else { return None };
    let truth = super::literals::boolean_of(arena, otherwise)?;
    if arena.type_of(value) != DataType::Boolean || !switches.is_on("simplify-boolean") {
        return None;
    }
    switches.fire("simplify-boolean");
    Some(if truth {
        let is_false = arena.predicate(Function::IsFalse, [value]);
        super::not(arena, is_false)
    } else {
        arena.predicate(Function::IsTrue, [value])
    })
}

/// NULLIF of constants, of NULL, and of a value with itself.
pub(super) fn step_nullif(
    arena: &mut Arena,
    args: &[ScalarId],
    data_type: DataType,
    switches: &mut Switches,
) -> Option<ScalarId> {
    let &[value, other] = args else { return None };
    if !switches.is_on("simplify-nullif") {
        return None;
    }
    let next = if is_null_literal(arena, other) || is_null_literal(arena, value) {
        arena.cast(value, data_type)
    } else if value == other && arena.volatility(value) != Volatility::Volatile && !arena.can_raise(value) {
        // NULL for NULL as well. Every engine's `=` calls NaN equal to itself.
        if arena.type_of(value).is_float() {
            return None;
        }
        null_of(arena, data_type)
    } else if let (Some(a), Some(b)) = (literal_of(arena, value), literal_of(arena, other)) {
        if are_equal(a, b)? { null_of(arena, data_type) } else { arena.cast(value, data_type) }
    } else {
        return None;
    };
    switches.fire("simplify-nullif");
    Some(next)
}
