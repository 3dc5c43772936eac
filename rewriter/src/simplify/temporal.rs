//! Dates and timestamps: what is compared after it was cut off becomes a range that an index or a
//! partition can use.

use isomer_ir::{Arena, DataType, Function, Literal, Scalar, ScalarId, civil_from_days, days_from_civil, plus_months};

use super::literals::{MICROS_PER_DAY, literal_of};

/// `date_trunc('month', x) = DATE '2024-03-01'` is `x >= … AND x < …`; `extract(year …) = 2024` as well.
///
/// Equality alone: how other comparisons treat infinite dates depends on the engine.
pub(super) fn unwrap_trunc(
    arena: &mut Arena,
    function: Function,
    left: ScalarId,
    literal: &Literal,
) -> Option<ScalarId> {
    let Scalar::Call { function: outer, args, .. } = arena[left].clone() else { return None };
    if function != Function::Eq {
        return None;
    }
    let &[unit, value] = args.as_slice() else { return None };
    let Literal::Text(unit) = literal_of(arena, unit)? else { return None };
    let (first, after) = match outer {
        Function::DateTrunc => {
            let first = match literal {
                Literal::Timestamp(micros) if micros % MICROS_PER_DAY == 0 => micros / MICROS_PER_DAY,
                Literal::Date(days) => i64::from(*days),
                _ => return None,
            };
            (first, next_period(&unit.to_lowercase(), first)?)
        }
        Function::Extract if unit.eq_ignore_ascii_case("year") => {
            let Literal::Int(year, _) = literal else { return None };
            // Years that every engine reads and writes alike.
            let year = i64::try_from(*year).ok().filter(|year| (1..=9998).contains(year))?;
            (days_from_civil(year, 1, 1), days_from_civil(year + 1, 1, 1))
        }
        _ => return None,
    };
    within(arena, value, first, after)
}

/// The first day after the period that begins on this day, if one does.
fn next_period(unit: &str, first: i64) -> Option<i64> {
    let (_, month, day) = civil_from_days(first);
    match unit {
        "day" => Some(first + 1),
        // 1970-01-01 was a Thursday.
        "week" => ((first + 3).rem_euclid(7) == 0).then_some(first + 7),
        "month" => (day == 1).then(|| plus_months(first, 1)),
        "quarter" => (day == 1 && month % 3 == 1).then(|| plus_months(first, 3)),
        "year" => (day == 1 && month == 1).then(|| plus_months(first, 12)),
        _ => None,
    }
}

/// `value` on the days from `first` and before `after`.
fn within(arena: &mut Arena, value: ScalarId, first: i64, after: i64) -> Option<ScalarId> {
    let data_type = arena.type_of(value);
    let (low, high) = (midnight(first, data_type)?, midnight(after, data_type)?);
    let (low, high) = (arena.literal(low), arena.literal(high));
    let from = arena.comparison(Function::GtEq, value, low);
    let until = arena.comparison(Function::Lt, value, high);
    Some(arena.and([from, until]))
}

fn midnight(day: i64, data_type: DataType) -> Option<Literal> {
    match data_type {
        DataType::Date => i32::try_from(day).ok().map(Literal::Date),
        DataType::Timestamp => day.checked_mul(MICROS_PER_DAY).map(Literal::Timestamp),
        _ => None,
    }
}

/// `CAST(ts AS date) = d` is the day's range, `CAST(ts AS date) < d` is `ts < d`; and `CAST(d AS
/// timestamp)` against a timestamp is a comparison of dates.
pub(super) fn unwrap_date(
    arena: &mut Arena,
    function: Function,
    left: ScalarId,
    literal: &Literal,
) -> Option<ScalarId> {
    let Scalar::Cast { arg, to, .. } = arena[left] else { return None };
    match (arena.type_of(arg), to, literal) {
        (DataType::Timestamp, DataType::Date, Literal::Date(day)) => {
            let day = i64::from(*day);
            let (function, bound) = match function {
                Function::Eq => return within(arena, arg, day, day + 1),
                Function::Lt | Function::GtEq => (function, day),
                Function::LtEq => (Function::Lt, day + 1),
                Function::Gt => (Function::GtEq, day + 1),
                _ => return None,
            };
            let bound = arena.literal(midnight(bound, DataType::Timestamp)?);
            Some(arena.comparison(function, arg, bound))
        }
        (DataType::Date, DataType::Timestamp, Literal::Timestamp(micros)) => {
            let day = micros.div_euclid(MICROS_PER_DAY);
            let is_whole = micros.rem_euclid(MICROS_PER_DAY) == 0;
            let function = match function {
                _ if is_whole => function,
                // No date lies within a day: before noon of the third is up to the third.
                Function::Lt | Function::LtEq => Function::LtEq,
                Function::Gt | Function::GtEq => Function::Gt,
                _ => return None,
            };
            let bound = arena.literal(midnight(day, DataType::Date)?);
            Some(arena.comparison(function, arg, bound))
        }
        _ => None,
    }
}

/// Units that `date_trunc` cuts off at, each within the next one; a week is in no month.
const UNITS: [&str; 8] = ["microseconds", "milliseconds", "second", "minute", "hour", "day", "month", "quarter"];

/// `date_trunc('month', date_trunc('day', x))` is `date_trunc('month', x)`: of two units of which one is
/// made of the other the longer one counts.
pub(super) fn merge_truncs(arena: &mut Arena, args: &[ScalarId], data_type: DataType) -> Option<ScalarId> {
    let &[outer, value] = args else { return None };
    let Scalar::Call { function: Function::DateTrunc, args: inner_args, .. } = arena[value].clone() else {
        return None;
    };
    let &[inner, below] = inner_args.as_slice() else { return None };
    let rank = |arena: &Arena, unit: ScalarId| match literal_of(arena, unit)? {
        Literal::Text(unit) if unit.eq_ignore_ascii_case("year") => Some(UNITS.len()),
        Literal::Text(unit) => UNITS.iter().position(|known| unit.eq_ignore_ascii_case(known)),
        _ => None,
    };
    let longer = if rank(arena, outer)? >= rank(arena, inner)? { outer } else { inner };
    let is_same_type = arena.type_of(below) == data_type && arena.type_of(value) == data_type;
    is_same_type.then(|| arena.call(Function::DateTrunc, [longer, below], data_type))
}
