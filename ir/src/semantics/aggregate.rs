//! Grouping, and the aggregates over the rows of a group.
//!
//! NULL arguments are passed over, except by `count(*)` and `first`/`last`. Over no values all but
//! counts are NULL.

use std::cmp::Ordering;
use std::sync::Arc;

use super::cast::{cast, exact, fits, rescaled};
use super::compare::{as_double, is_same, ordered};
use super::relation::Relation;
use super::scalar::{Eval, Row, is_true};
use super::{Cell, EvalError, OVERFLOW, Value, statistics};
use crate::{AggregateCall, AggregateFunction, ColumnId, DataType, GroupingSets, ScalarId};

const UNLIKE: EvalError = EvalError::Unsupported("an aggregate over this type");
const OPEN: EvalError = EvalError::Unsupported("an aggregate that depends on the order of its rows");

/// What an aggregate sees of a row: the values of its arguments.
pub(super) type Seen = Vec<Value>;

/// One row a group; without keys exactly one row.
pub(super) fn aggregated(
    eval: &Eval<'_>,
    input: &Relation,
    keys: &[(ColumnId, ScalarId)],
    calls: &[(ColumnId, AggregateCall)],
) -> Result<Relation, EvalError> {
    let mut groups: Vec<(Vec<Value>, Vec<usize>)> = Vec::new();
    if keys.is_empty() {
        groups.push((Vec::new(), (0..input.rows.len()).collect()));
    } else {
        for at in 0..input.rows.len() {
            let key = eval.values(keys.iter().map(|&(_, scalar)| scalar), input.row(at))?;
            let is_key = |known: &[Value]| known.iter().zip(&key).all(|(a, b)| is_same(a, b));
            match groups.iter_mut().find(|(known, _)| is_key(known)) {
                Some((_, rows)) => rows.push(at),
                None => groups.push((key, vec![at])),
            }
        }
    }
    let columns = keys.iter().map(|&(id, _)| id).chain(calls.iter().map(|&(id, _)| id)).map(Some).collect();
    let rows = groups.into_iter().map(|(key, rows)| {
        let values = calls.iter().map(|(_, call)| of_group(eval, input, &rows, call));
        key.into_iter().map(Ok).chain(values).collect()
    });
    Ok(Relation::new(columns, rows.collect()))
}

/// The rows of every set; a key that a set does not hold is NULL in its rows.
pub(super) fn grouped_by_sets(eval: &Eval<'_>, input: &Relation, groups: &GroupingSets) -> Result<Relation, EvalError> {
    let mut rows = Vec::new();
    for set in &groups.sets {
        let keys: Vec<(ColumnId, ScalarId)> = set.iter().map(|&key| groups.keys[key as usize]).collect();
        for row in aggregated(eval, input, &keys, &groups.calls)?.rows {
            let shown = |position: usize| set.iter().position(|&key| key as usize == position);
            let mut cells: Vec<Cell> = (0..groups.keys.len())
                .map(|position| shown(position).map_or(Ok(Value::Null), |at| row[at].clone()))
                .collect();
            cells.extend_from_slice(&row[keys.len()..]);
            let marker = |(_, of): &(ColumnId, Vec<u32>)| Ok(Value::Int(i128::from(GroupingSets::marker(set, of))));
            cells.extend(groups.markers.iter().map(marker));
            rows.push(cells);
        }
    }
    Ok(Relation::new(groups.columns().map(Some).collect(), rows))
}

fn of_group(eval: &Eval<'_>, input: &Relation, rows: &[usize], call: &AggregateCall) -> Cell {
    let mut kept = Vec::new();
    for &at in rows {
        if call.filter.map_or(Ok(true), |filter| eval.holds(&[filter], input.row(at)))? {
            kept.push(at);
        }
    }
    let (order, peers) = eval.sorted(&call.order, input, &kept)?;
    let mut seen: Vec<Seen> = Vec::with_capacity(order.len());
    let mut ties: Vec<usize> = Vec::with_capacity(order.len());
    for (at, tie) in order.into_iter().zip(peers) {
        let values = eval.values(call.args.iter().copied(), input.row(at))?;
        if call.is_distinct
            && let Some(known) = seen.iter().position(|known| known.iter().zip(&values).all(|(a, b)| is_same(a, b)))
        {
            if ties[known] != tie && call.function.is_order_sensitive() {
                // Which of the equal values is the one that counts decides where it stands.
                return Err(OPEN);
            }
            continue;
        }
        seen.push(values);
        ties.push(tie);
    }
    aggregate(call.function, &seen, &ties, call.data_type)
}

/// The aggregate of rows in their order; `ties` tells which of them have no order among each other.
pub(super) fn aggregate(function: AggregateFunction, rows: &[Seen], ties: &[usize], data_type: DataType) -> Cell {
    use AggregateFunction as A;
    let known: Vec<(&Value, usize)> = rows
        .iter()
        .zip(ties)
        .filter_map(|(row, &tie)| row.first().map(|value| (value, tie)))
        .filter(|(value, _)| !value.is_null())
        .collect();
    let values = || known.iter().map(|&(value, _)| value);
    match function {
        A::Count if rows.first().is_some_and(Vec::is_empty) => Ok(Value::Int(rows.len() as i128)),
        A::Count => Ok(Value::Int(known.len() as i128)),
        A::StringAgg => joined_text(rows, ties),
        A::First => one_of(rows.iter().map(|row| &row[0]).zip(ties.iter().copied()), false),
        A::Last => one_of(rows.iter().map(|row| &row[0]).zip(ties.iter().copied()), true),
        A::AnyValue => one_of(known.iter().copied(), false),
        A::ArgMin => at_extreme(rows, Ordering::Less, false),
        A::ArgMax => at_extreme(rows, Ordering::Greater, false),
        A::Listed(listed) if listed.name() == "arg_min_null" => at_extreme(rows, Ordering::Less, true),
        A::Listed(listed) if listed.name() == "arg_max_null" => at_extreme(rows, Ordering::Greater, true),
        A::Corr | A::CovarSamp | A::CovarPop => statistics::paired(function, rows),
        A::Listed(listed) if listed.name() == "array_agg" => listed_values(rows, ties),
        A::ApproxCountDistinct | A::Listed(_) => Err(EvalError::Unsupported(function.name())),
        _ if known.is_empty() => Ok(Value::Null),
        A::Sum => sum(&values().collect::<Vec<_>>(), data_type),
        A::Avg => average(&values().collect::<Vec<_>>(), data_type),
        A::Min => Ok(values().min_by(|a, b| ordered(a, b)).cloned().unwrap_or(Value::Null)),
        A::Max => Ok(values().max_by(|a, b| ordered(a, b)).cloned().unwrap_or(Value::Null)),
        A::BoolAnd | A::BoolOr => {
            let truths = values().map(is_true).collect::<Result<Vec<_>, _>>()?;
            Ok(Value::Boolean(if function == A::BoolAnd {
                truths.iter().all(|&t| t)
            } else {
                truths.iter().any(|&t| t)
            }))
        }
        A::BitAnd | A::BitOr | A::BitXor => {
            let mut bits = Vec::with_capacity(known.len());
            for value in values() {
                match value {
                    Value::Int(value) => bits.push(*value),
                    _ => return Err(UNLIKE),
                }
            }
            let combine = |a: i128, b: i128| match function {
                A::BitAnd => a & b,
                A::BitOr => a | b,
                _ => a ^ b,
            };
            Ok(bits.into_iter().reduce(combine).map_or(Value::Null, Value::Int))
        }
        A::Mode => mode(&values().collect::<Vec<_>>()),
        A::StddevSamp | A::StddevPop | A::VarSamp | A::VarPop => {
            statistics::spread(function, &values().collect::<Vec<_>>())
        }
        A::Median => statistics::between(&values().collect::<Vec<_>>(), 0.5, data_type),
        A::QuantileCont | A::QuantileDisc => {
            let share = rows.first().and_then(|row| row.get(1)).and_then(as_double);
            let share = share.filter(|share| (0.0..=1.0).contains(share)).ok_or(UNLIKE)?;
            let values: Vec<&Value> = values().collect();
            match function {
                A::QuantileCont => statistics::between(&values, share, data_type),
                _ => Ok(statistics::ranked(&values, share)),
            }
        }
    }
}

/// The first value, or the last; an error where ties make it another one.
fn one_of<'a>(values: impl Iterator<Item = (&'a Value, usize)>, is_last: bool) -> Cell {
    let values: Vec<(&Value, usize)> = values.collect();
    let Some(&(value, tie)) = (if is_last { values.last() } else { values.first() }) else { return Ok(Value::Null) };
    let is_settled = values.iter().all(|&(other, other_tie)| other_tie != tie || is_same(value, other));
    if is_settled { Ok(value.clone()) } else { Err(OPEN) }
}

/// The argument of the row with the least or greatest second argument; rows where that is NULL do not count, and
/// rows where the first is unless it is wanted, too.
fn at_extreme(rows: &[Seen], wanted: Ordering, is_null_wanted: bool) -> Cell {
    let mut best: Option<(&Value, &Value)> = None;
    let mut is_open = false;
    for row in rows {
        let [value, by] = row.as_slice() else { return Err(UNLIKE) };
        if value.is_null() && !is_null_wanted || by.is_null() {
            continue;
        }
        match best.map(|(_, known)| ordered(by, known)) {
            Some(Ordering::Equal) => is_open |= best.is_some_and(|(known, _)| !is_same(known, value)),
            Some(order) if order != wanted => {}
            _ => {
                best = Some((value, by));
                is_open = false;
            }
        }
    }
    if is_open { Err(OPEN) } else { Ok(best.map_or(Value::Null, |(value, _)| value.clone())) }
}

fn joined_text(rows: &[Seen], ties: &[usize]) -> Cell {
    let kept: Vec<(&Seen, usize)> =
        rows.iter().zip(ties.iter().copied()).filter(|(row, _)| !row.iter().any(Value::is_null)).collect();
    let is_open = |pair: &[(&Seen, usize)]| pair[0].1 == pair[1].1 && !is_same(&pair[0].0[0], &pair[1].0[0]);
    if kept.windows(2).any(is_open) {
        return Err(OPEN);
    }
    let mut result: Option<String> = None;
    for (row, _) in kept {
        let [Value::Text(text), Value::Text(separator)] = row.as_slice() else { return Err(UNLIKE) };
        match &mut result {
            None => result = Some(text.to_string()),
            Some(result) => {
                result.push_str(separator);
                result.push_str(text);
            }
        }
    }
    Ok(result.map_or(Value::Null, |text| Value::Text(Arc::from(text))))
}

/// The values as a list, NULLs among them; NULL of no rows.
fn listed_values(rows: &[Seen], ties: &[usize]) -> Cell {
    let is_open = |at: usize| ties[at] == ties[at - 1] && !is_same(&rows[at][0], &rows[at - 1][0]);
    if (1..rows.len()).any(is_open) {
        return Err(OPEN);
    }
    if rows.is_empty() { Ok(Value::Null) } else { Ok(Value::list(rows.iter().map(|row| row[0].clone()))) }
}

fn sum(values: &[&Value], data_type: DataType) -> Cell {
    if data_type.is_float() {
        return Ok(Value::Float(statistics::total(values)?));
    }
    let mut total: i128 = 0;
    let to_scale = if let DataType::Decimal { scale, .. } = data_type { scale } else { 0 };
    for value in values {
        let part = match value {
            Value::Boolean(value) => Some(i128::from(*value)),
            Value::Int(value) => rescaled(*value, 0, to_scale),
            Value::Decimal { value, scale } if *scale <= to_scale => rescaled(*value, *scale, to_scale),
            _ => return Err(UNLIKE),
        };
        total = part.and_then(|part| total.checked_add(part)).ok_or(OVERFLOW)?;
    }
    match data_type {
        DataType::Decimal { precision, scale } => exact(total, precision, scale),
        _ => fits(total, data_type).map(Value::Int),
    }
}

fn average(values: &[&Value], data_type: DataType) -> Cell {
    let n = values.len() as f64;
    match values[0] {
        Value::Float(_) if data_type.is_float() => Ok(Value::Float(statistics::total(values)? / n)),
        Value::Int(_) if data_type.is_float() => {
            let total = sum(values, DataType::Int128)?;
            Ok(Value::Float(as_double(&total).ok_or(UNLIKE)? / n))
        }
        Value::Decimal { scale, .. } if data_type.is_float() => {
            let total = sum(values, DataType::Decimal { precision: 38, scale: *scale })?;
            Ok(Value::Float(as_double(&total).ok_or(UNLIKE)? / n))
        }
        // Each engine keeps other digits of a decimal average.
        _ => Err(EvalError::Unsupported("an average that is no double")),
    }
}

/// The most frequent value; an error where two are as frequent.
fn mode(values: &[&Value]) -> Cell {
    let count = |value: &Value| values.iter().filter(|other| is_same(value, other)).count();
    let most = values.iter().map(|value| count(value)).max().unwrap_or(0);
    let mut found = values.iter().filter(|value| count(value) == most);
    let first = found.next().ok_or(OPEN)?;
    if found.all(|other| is_same(first, other)) { Ok((*first).clone()) } else { Err(OPEN) }
}

/// The value that rows of an aggregate over a window have, converted to the window's type.
pub(super) fn over_frame(
    eval: &Eval<'_>,
    function: AggregateFunction,
    rows: &[(Row<'_>, usize)],
    args: &[ScalarId],
    filter: Option<ScalarId>,
    data_type: DataType,
) -> Cell {
    let (mut seen, mut ties) = (Vec::new(), Vec::new());
    for (row, tie) in rows {
        if filter.map_or(Ok(true), |filter| eval.holds(&[filter], *row))? {
            seen.push(eval.values(args.iter().copied(), *row)?);
            ties.push(*tie);
        }
    }
    cast(aggregate(function, &seen, &ties, data_type)?, data_type)
}
