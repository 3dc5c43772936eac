//! Comparisons: of truth values, of a value with itself, through casts, sums and dates, and IN.

use isomer_ir::{Arena, DataType, Function, Literal, Scalar, ScalarId, Volatility, is_widening};

use super::literals::{digits, integer, integer_bounds, is_literal, is_null_literal, literal_of};
use super::{Switches, arithmetic, is_null, not, temporal, text};

pub(super) fn step(
    arena: &mut Arena,
    function: Function,
    left: ScalarId,
    right: ScalarId,
    switches: &mut Switches,
) -> Option<ScalarId> {
    if switches.is_on("simplify-boolean")
        && let Some(next) = of_truth(arena, function, left, right)
    {
        switches.fire("simplify-boolean");
        return Some(next);
    }
    if switches.is_on("simplify-cast-in-comparison")
        && let (left_bare, right_bare) = (bare_constant(arena, left), bare_constant(arena, right))
        && (left_bare, right_bare) != (left, right)
    {
        switches.fire("simplify-cast-in-comparison");
        return Some(arena.comparison(function, left_bare, right_bare));
    }
    if switches.is_on("simplify-distinct-from")
        && let Some(next) = null_safe(arena, function, left, right)
    {
        switches.fire("simplify-distinct-from");
        return Some(next);
    }
    if let Some(literal) = literal_of(arena, right).cloned()
        && !literal.is_null()
    {
        type Family = fn(&mut Arena, Function, ScalarId, &Literal) -> Option<ScalarId>;
        let families: [(&str, Family); 7] = [
            ("simplify-cast-in-comparison", unwrap_cast),
            ("simplify-cast-in-comparison", whole),
            ("simplify-sum-in-comparison", arithmetic::unwrap_sum),
            ("simplify-integer-sum-in-comparison", arithmetic::unwrap_integer_sum),
            ("convert-date-trunc-to-range", temporal::unwrap_trunc),
            ("convert-date-cast-to-range", temporal::unwrap_date),
            ("convert-prefix-to-like", text::unwrap_prefix),
        ];
        for (rule, family) in families {
            if switches.is_on(rule)
                && let Some(next) = family(arena, function, left, &literal)
            {
                switches.fire(rule);
                return Some(next);
            }
        }
    }
    Some(arena.comparison(function, left, right))
}

/// A constant without a cast that changes its type and not its value, which is all that a comparison reads.
fn bare_constant(arena: &Arena, scalar: ScalarId) -> ScalarId {
    match arena[scalar] {
        Scalar::Cast { arg, to, is_try: _ }
            if literal_of(arena, arg).is_some_and(|literal| digits(literal).is_some())
                && !to.is_float()
                && to.is_numeric()
                && is_widening(arena.type_of(arg), to) =>
        {
            arg
        }
        _ => scalar,
    }
}

/// `b = TRUE` is `b`, `b <> TRUE` is `NOT b`; NULL stays NULL.
fn of_truth(arena: &mut Arena, function: Function, left: ScalarId, right: ScalarId) -> Option<ScalarId> {
    let value = super::literals::boolean_of(arena, right)?;
    if arena.type_of(left) != DataType::Boolean || is_literal(arena, left) {
        return None;
    }
    let test = if value { Function::IsTrue } else { Function::IsFalse };
    Some(match function {
        Function::Eq if value => left,
        Function::Eq => not(arena, left),
        Function::NotEq if value => not(arena, left),
        Function::NotEq => left,
        Function::IsNotDistinct => arena.predicate(test, [left]),
        Function::IsDistinct => {
            let test = arena.predicate(test, [left]);
            not(arena, test)
        }
        _ => return None,
    })
}

/// `IS [NOT] DISTINCT FROM` NULL is a test for NULL; from itself it is FALSE or TRUE.
fn null_safe(arena: &mut Arena, function: Function, left: ScalarId, right: ScalarId) -> Option<ScalarId> {
    let is_distinct = match function {
        Function::IsDistinct => true,
        Function::IsNotDistinct => false,
        _ => return None,
    };
    let tested = match (is_null_literal(arena, left), is_null_literal(arena, right)) {
        (_, true) => left,
        (true, false) => right,
        _ if left == right && arena.volatility(left) != Volatility::Volatile && !arena.can_raise(left) => {
            return Some(arena.boolean(!is_distinct));
        }
        _ if super::is_never_null(arena, left) && super::is_never_null(arena, right) => {
            let function = if is_distinct { Function::NotEq } else { Function::Eq };
            return Some(arena.comparison(function, left, right));
        }
        _ => return None,
    };
    let test = is_null(arena, tested);
    Some(if is_distinct { not(arena, test) } else { test })
}

/// `CAST(x AS wider) < 5` is `x < 5` where no value is changed by the cast and `x`'s type has the
/// constant. What it has not is left to the ranges of `domain`.
fn unwrap_cast(arena: &mut Arena, function: Function, left: ScalarId, literal: &Literal) -> Option<ScalarId> {
    let Scalar::Cast { arg, to, is_try: _ } = arena[left] else { return None };
    let from = arena.type_of(arg);
    if !is_widening(from, to) || is_literal(arena, arg) {
        return None;
    }
    let narrow = match (from, to) {
        (DataType::Decimal { precision, scale }, DataType::Decimal { .. }) => {
            narrow_decimal(literal, precision, scale)?
        }
        _ if from.is_integer() && (to.is_integer() || matches!(to, DataType::Decimal { .. })) => {
            let (least, greatest) = integer_bounds(from)?;
            let value = match digits(literal)? {
                (value, 0) => value,
                (value, scale) => {
                    let unit = 10_i128.checked_pow(u32::from(scale))?;
                    (value % unit == 0).then_some(value / unit)?
                }
            };
            (value >= least && value <= greatest).then(|| integer(value))?
        }
        _ => return None,
    };
    let narrow = arena.literal(narrow);
    Some(arena.comparison(function, arg, narrow))
}

/// An exact number as one of these digits, where it is one.
fn narrow_decimal(literal: &Literal, precision: u8, scale: u8) -> Option<Literal> {
    let (value, own) = digits(literal)?;
    let value = if own <= scale {
        value.checked_mul(10_i128.checked_pow(u32::from(scale - own))?)?
    } else {
        let unit = 10_i128.checked_pow(u32::from(own - scale))?;
        (value % unit == 0).then_some(value / unit)?
    };
    let is_within = value.unsigned_abs() < 10_u128.checked_pow(u32::from(precision))?;
    is_within.then(|| super::literals::shortest(value, scale))
}

/// An integer against a fraction: `x < 2.5` is `x <= 2`, `x > 2.5` is `x >= 3`, `x = 5.0` is `x = 5`.
fn whole(arena: &mut Arena, function: Function, left: ScalarId, literal: &Literal) -> Option<ScalarId> {
    let data_type = arena.type_of(left);
    let (least, greatest) = integer_bounds(data_type)?;
    let (floor, is_whole) = match *literal {
        Literal::Decimal { value, scale, .. } => {
            let unit = 10_i128.checked_pow(u32::from(scale))?;
            (value.div_euclid(unit), value.rem_euclid(unit) == 0)
        }
        // Integers up to 32 bits are doubles without rounding; engines differ about the order of -0.0.
        Literal::Float(bits) if data_type.integer_bits().is_some_and(|bits| bits <= 32) => {
            let value = f64::from_bits(bits);
            let is_usual = value.abs() < f64::from(i32::MAX) && bits != (-0.0_f64).to_bits();
            is_usual.then(|| (i128::from(value.floor() as i64), value.fract() == 0.0))?
        }
        _ => return None,
    };
    let (function, bound) = if is_whole {
        (function, floor)
    } else {
        match function {
            Function::Lt | Function::LtEq => (Function::LtEq, floor),
            Function::Gt | Function::GtEq => (Function::GtEq, floor + 1),
            _ => return None,
        }
    };
    if bound < least || bound > greatest {
        return None;
    }
    let bound = arena.literal(integer(bound));
    Some(arena.comparison(function, left, bound))
}

/// IN with one member is an equality, with none of its members twice; among constants it is decided.
pub(super) fn step_in_list(
    arena: &mut Arena,
    arg: ScalarId,
    list: &[ScalarId],
    switches: &mut Switches,
) -> Option<ScalarId> {
    if switches.is_on("simplify-comparison")
        && let [only] = list
    {
        switches.fire("simplify-comparison");
        return Some(arena.comparison(Function::Eq, arg, *only));
    }
    if !switches.is_on("simplify-in-list") {
        return None;
    }
    let next = if is_null_literal(arena, arg) {
        super::null_of(arena, DataType::Boolean)
    } else if is_literal(arena, arg) {
        let equalities: Vec<ScalarId> = list.iter().map(|&item| arena.comparison(Function::Eq, arg, item)).collect();
        arena.or(equalities)
    } else {
        distinct_members(arena, arg, list)?
    };
    switches.fire("simplify-in-list");
    Some(next)
}

/// The list with each value once, though written with several types.
fn distinct_members(arena: &mut Arena, arg: ScalarId, list: &[ScalarId]) -> Option<ScalarId> {
    let mut kept: Vec<ScalarId> = Vec::with_capacity(list.len());
    if list.len() > 256 {
        return None;
    }
    for &item in list {
        let is_known = kept.iter().any(|&known| match (literal_of(arena, known), literal_of(arena, item)) {
            (Some(a), Some(b)) => a.is_null() && b.is_null() || super::literals::are_equal(a, b) == Some(true),
            _ => false,
        });
        if !is_known {
            kept.push(item);
        }
    }
    (kept.len() < list.len()).then(|| arena.in_list(arg, kept))
}
