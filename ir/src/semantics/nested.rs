//! Lists, structs and maps: elements as rows, parts of values, and the functions over lists that are modelled.
//! Meanings are DuckDB's: positions count from 1, a negative one from the end, and a part that is not there is NULL.

use std::cmp::Ordering;
use std::sync::Arc;

use super::cast::{cast, fits};
use super::compare::{as_double, compared, is_same, ordered};
use super::relation::Relation;
use super::scalar::{Eval, Row, is_true};
use super::{Cell, DOMAIN, EvalError, OVERFLOW, Value};
use crate::{ColumnId, DataType, Function, Nested, Scalar, ScalarId};

const UNLIKE: EvalError = EvalError::Unsupported("a part of what is no list, struct or map");
/// Elements of a series that is written out at most.
const MAX_SERIES: usize = 10_000;

/// For each row one for each element of a list, or one with NULLs where there is none and `is_outer`.
pub(super) fn unnested(
    eval: &Eval<'_>,
    input: &Relation,
    list: ScalarId,
    (column, position): (ColumnId, Option<ColumnId>),
    is_outer: bool,
) -> Result<Relation, EvalError> {
    let mut rows = Vec::new();
    for at in 0..input.rows.len() {
        let elements = match eval.scalar(list, input.row(at))? {
            Value::Null => Arc::from([]),
            Value::List(elements) => elements,
            _ => return Err(UNLIKE),
        };
        let mut push = |element: Value, number: Value| {
            let mut row = input.rows[at].clone();
            row.push(Ok(element));
            row.extend(position.map(|_| Ok(number)));
            rows.push(row);
        };
        if elements.is_empty() && is_outer {
            push(Value::Null, Value::Null);
        }
        for (number, element) in elements.iter().enumerate() {
            eval.step()?;
            push(element.clone(), Value::Int(number as i128 + 1));
        }
    }
    let mut columns = input.columns.clone();
    columns.push(Some(column));
    columns.extend(position.map(Some));
    Ok(Relation::new(columns, rows))
}

/// A nested value converted: element by element, structs by position where the names are the same.
pub(super) fn cast_nested(value: &Value, to: &Nested) -> Cell {
    const UNKNOWN: EvalError = EvalError::Unsupported("this conversion");
    match (value, to) {
        (Value::List(values), Nested::List(element)) => {
            let values = values.iter().map(|value| cast(value.clone(), *element)).collect::<Result<Vec<_>, _>>()?;
            Ok(Value::list(values))
        }
        (Value::Struct(fields), Nested::Struct(types)) => {
            let is_named = fields.iter().zip(types).all(|((a, _), (b, _))| a.eq_ignore_ascii_case(b));
            if fields.len() != types.len() || !is_named {
                return Err(UNKNOWN);
            }
            let fields = fields
                .iter()
                .zip(types)
                .map(|((_, value), (name, of))| Ok((Arc::clone(name), cast(value.clone(), *of)?)));
            Ok(Value::Struct(fields.collect::<Result<Vec<_>, EvalError>>()?.into()))
        }
        (Value::Map(entries), Nested::Map(key, of)) => {
            let entries = entries.iter().map(|(k, value)| Ok((cast(k.clone(), *key)?, cast(value.clone(), *of)?)));
            Ok(Value::Map(entries.collect::<Result<Vec<_>, EvalError>>()?.into()))
        }
        _ => Err(UNKNOWN),
    }
}

/// `list_transform` and `list_filter`; `None` for other functions.
pub(super) fn mapped(eval: &Eval<'_>, function: Function, args: &[ScalarId], row: Row<'_>, depth: u32) -> Option<Cell> {
    let Function::Listed(listed) = function else { return None };
    let is_filter = match listed.name() {
        "list_filter" => true,
        "list_transform" => false,
        _ => return None,
    };
    let &[list, lambda] = args else { return None };
    let Scalar::Call { args: parts, .. } = &eval.arena[lambda] else { return None };
    let (&body, parameters) = parts.split_first()?;
    Some(eval.nested(list, row, depth).and_then(|list| match list {
        Value::Null => Ok(Value::Null),
        Value::List(elements) => {
            let mut made = Vec::with_capacity(elements.len());
            for (at, element) in elements.iter().enumerate() {
                let known = [element.clone(), Value::Int(at as i128 + 1)];
                let bindings: Vec<(ScalarId, Value)> = parameters.iter().copied().zip(known).collect();
                let value = eval.bound(bindings, || eval.nested(body, row, depth))?;
                if !is_filter {
                    made.push(value);
                } else if is_true(&value)? {
                    made.push(element.clone());
                }
            }
            Ok(Value::list(made))
        }
        _ => Err(UNLIKE),
    }))
}

/// A listed function over its values. NULLs are among them only where the function is not strict.
pub(super) fn listed(name: &'static str, args: &[Value], data_type: DataType) -> Cell {
    match (name, args) {
        ("list_value", values) => {
            let Some(element) = data_type.element() else { return Err(EvalError::Unsupported(name)) };
            let values = values.iter().map(|value| cast(value.clone(), element)).collect::<Result<Vec<_>, _>>()?;
            Ok(Value::list(values))
        }
        ("struct_value", values) => match data_type {
            DataType::Nested(of) => match of.get() {
                Nested::Struct(fields) if fields.len() == values.len() => {
                    let fields = fields.iter().zip(values).map(|((name, _), value)| (Arc::clone(name), value.clone()));
                    Ok(Value::Struct(fields.collect()))
                }
                _ => Err(EvalError::Unsupported(name)),
            },
            _ => Err(EvalError::Unsupported(name)),
        },
        ("struct_extract", [Value::Struct(fields), Value::Text(field)]) => {
            let found = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(field));
            found.map(|(_, value)| value.clone()).ok_or(UNLIKE)
        }
        ("map_value", values) => {
            let mut entries: Vec<(Value, Value)> = Vec::with_capacity(values.len() / 2);
            for pair in values.chunks_exact(2) {
                if pair[0].is_null() || entries.iter().any(|(known, _)| is_same(known, &pair[0])) {
                    return Err(DOMAIN);
                }
                entries.push((pair[0].clone(), pair[1].clone()));
            }
            Ok(Value::Map(entries.into()))
        }
        ("map_extract_value" | "map_element", [map, key]) => match map {
            Value::Null => Ok(Value::Null),
            Value::Map(entries) => {
                let found = entries.iter().find(|(known, _)| !key.is_null() && is_same(known, key));
                Ok(found.map_or(Value::Null, |(_, value)| value.clone()))
            }
            _ => Err(UNLIKE),
        },
        ("map_keys", [Value::Map(entries)]) => Ok(Value::list(entries.iter().map(|(key, _)| key.clone()))),
        ("map_values", [Value::Map(entries)]) => Ok(Value::list(entries.iter().map(|(_, value)| value.clone()))),
        ("map_size", [Value::Map(entries)]) => Ok(Value::Int(entries.len() as i128)),
        ("generate_series_list" | "range_list", bounds) => series(name == "generate_series_list", bounds),
        ("list_concat", lists) => concatenated(lists),
        ("list_position", [Value::Null, _]) => Ok(Value::Null),
        (_, [Value::List(values), rest @ ..]) => of_list(name, values, rest, data_type),
        _ => Err(EvalError::Unsupported(name)),
    }
}

fn of_list(name: &'static str, values: &Arc<[Value]>, rest: &[Value], data_type: DataType) -> Cell {
    let known = || values.iter().filter(|value| !value.is_null());
    let count = |n: usize| Ok(Value::Int(n as i128));
    match (name, rest) {
        ("list_length" | "list_length_any" | "list_length_uint", []) => count(values.len()),
        ("list_count", []) => count(known().count()),
        ("list_element", [Value::Int(position)]) => Ok(element(values, *position).cloned().unwrap_or(Value::Null)),
        ("list_slice", [Value::Int(first), Value::Int(last)]) => slice(values, *first, *last),
        ("list_contains", [wanted]) => {
            for value in known() {
                if compared(value, wanted)? == Ordering::Equal {
                    return Ok(Value::Boolean(true));
                }
            }
            Ok(Value::Boolean(false))
        }
        ("list_position", [wanted]) => {
            let found = values.iter().position(|value| is_same(value, wanted));
            found.map_or(Ok(Value::Null), |at| count(at + 1))
        }
        ("list_has_any", [Value::List(others)]) => Ok(Value::Boolean(
            known().any(|value| others.iter().any(|other| !other.is_null() && is_same(value, other))),
        )),
        ("list_append", [value]) => Ok(Value::list(values.iter().cloned().chain([value.clone()]))),
        ("list_reverse", []) => Ok(Value::list(values.iter().rev().cloned())),
        ("list_sort", []) => Ok(sorted(values, false)),
        ("list_reverse_sort", []) => Ok(sorted(values, true)),
        ("list_unique", []) => {
            let mut seen: Vec<&Value> = Vec::new();
            for value in known() {
                if !seen.iter().any(|other| is_same(other, value)) {
                    seen.push(value);
                }
            }
            count(seen.len())
        }
        ("list_min", []) => Ok(known().min_by(|a, b| ordered(a, b)).cloned().unwrap_or(Value::Null)),
        ("list_max", []) => Ok(known().max_by(|a, b| ordered(a, b)).cloned().unwrap_or(Value::Null)),
        ("list_first", []) => Ok(values.first().cloned().unwrap_or(Value::Null)),
        ("list_last", []) => Ok(values.last().cloned().unwrap_or(Value::Null)),
        ("list_any_value", []) => Ok(known().next().cloned().unwrap_or(Value::Null)),
        ("list_sum", []) => total(known()).and_then(|sum| match sum {
            Some(sum) if data_type.is_integer() => fits(sum, data_type).map(Value::Int),
            Some(_) => Err(EvalError::Unsupported(name)),
            None => Ok(Value::Null),
        }),
        ("list_avg", []) => match total(known())? {
            Some(sum) => {
                let sum = as_double(&Value::Int(sum)).ok_or(UNLIKE)?;
                Ok(Value::Float(sum / known().count() as f64))
            }
            None => Ok(Value::Null),
        },
        ("list_flatten", []) => {
            let mut flat = Vec::new();
            for value in known() {
                let Value::List(inner) = value else { return Err(UNLIKE) };
                flat.extend(inner.iter().cloned());
            }
            Ok(Value::list(flat))
        }
        _ => Err(EvalError::Unsupported(name)),
    }
}

fn element(values: &[Value], position: i128) -> Option<&Value> {
    let n = values.len() as i128;
    let at = if position < 0 { n + position } else { position - 1 };
    usize::try_from(at).ok().filter(|_| position != 0).and_then(|at| values.get(at))
}

/// The elements from one position to another; where a bound lies before the first element is left open.
fn slice(values: &[Value], first: i128, last: i128) -> Cell {
    let n = values.len() as i128;
    let place = |position: i128| if position < 0 { n + position + 1 } else { position };
    let (first, last) = (place(first), place(last).min(n));
    if first < 1 || last < 0 {
        return Err(EvalError::Unsupported("a slice from before the first element"));
    }
    let kept = values.iter().enumerate().filter(|(at, _)| (first..=last).contains(&(*at as i128 + 1)));
    Ok(Value::list(kept.map(|(_, value)| value.clone())))
}

/// In order, NULLs last.
fn sorted(values: &[Value], is_descending: bool) -> Value {
    let mut values = values.to_vec();
    values.sort_by(|a, b| match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if is_descending => ordered(b, a),
        (false, false) => ordered(a, b),
    });
    Value::list(values)
}

/// The sum of whole numbers; none of no numbers.
fn total<'a>(values: impl Iterator<Item = &'a Value>) -> Result<Option<i128>, EvalError> {
    let mut sum: Option<i128> = None;
    for value in values {
        let Value::Int(value) = value else { return Err(EvalError::Unsupported("a sum of these elements")) };
        sum = Some(sum.unwrap_or(0).checked_add(*value).ok_or(OVERFLOW)?);
    }
    Ok(sum)
}

/// The lists one after another; NULLs are passed over, and of NULLs alone comes NULL.
fn concatenated(lists: &[Value]) -> Cell {
    let mut made: Option<Vec<Value>> = None;
    for list in lists {
        match list {
            Value::Null => {}
            Value::List(values) => made.get_or_insert_with(Vec::new).extend(values.iter().cloned()),
            _ => return Err(UNLIKE),
        }
    }
    Ok(made.map_or(Value::Null, Value::list))
}

/// `range(stop)`, `range(start, stop[, step])`, and the same with the last number.
fn series(is_closed: bool, bounds: &[Value]) -> Cell {
    let mut numbers = Vec::with_capacity(bounds.len());
    for bound in bounds {
        let Value::Int(bound) = bound else { return Err(EvalError::Unsupported("a series of these values")) };
        numbers.push(*bound);
    }
    let (start, stop, step) = match numbers.as_slice() {
        [stop] => (0, *stop, 1),
        [start, stop] => (*start, *stop, 1),
        [start, stop, step] => (*start, *stop, *step),
        _ => return Err(EvalError::Unsupported("a series of these values")),
    };
    if step == 0 {
        return Err(EvalError::Unsupported("a series without a step"));
    }
    let is_within = |at: i128| match (step > 0, is_closed) {
        (true, true) => at <= stop,
        (true, false) => at < stop,
        (false, true) => at >= stop,
        (false, false) => at > stop,
    };
    let mut made = Vec::new();
    let mut at = start;
    while is_within(at) {
        if made.len() >= MAX_SERIES {
            return Err(EvalError::Unsupported("a series of so many numbers"));
        }
        made.push(Value::Int(at));
        at = at.checked_add(step).ok_or(OVERFLOW)?;
    }
    Ok(Value::list(made))
}
