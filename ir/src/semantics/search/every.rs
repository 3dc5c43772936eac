//! Every database of few rows over few values.

use std::sync::Arc;

use super::domain::{Pool, Subject, Tried};
use super::obeys::obeys;
use crate::semantics::{Database, Value};

/// Values that are tried in a column beside NULL.
const N_VALUES: usize = 2;

/// Visits every database of up to two rows a table, or of up to one where there are more than
/// `most`; none where these are too many as well. Stops when `visit` gives false, and says so.
pub(super) fn databases(subject: &Subject<'_>, most: usize, visit: &mut dyn FnMut(Database) -> bool) -> bool {
    for max_rows in [2, 1] {
        let counts = subject.tables.iter().map(|tried| n_contents(tried, max_rows));
        let total =
            counts.into_iter().try_fold(1_usize, |total, n| total.checked_mul(n?)).filter(|&total| total <= most);
        let Some(total) = total else { continue };
        let contents: Vec<Vec<Vec<Vec<Value>>>> =
            subject.tables.iter().map(|tried| contents(tried, max_rows)).collect();
        for mut number in 0..total {
            let mut database = Database::default();
            for (tried, contents) in subject.tables.iter().zip(&contents) {
                database.insert(&Arc::clone(&tried.table.key), contents[number % contents.len()].clone());
                number /= contents.len();
            }
            if obeys(subject, &database) && !visit(database) {
                return false;
            }
        }
        return true;
    }
    true
}

fn choices(pool: &Pool, n: usize) -> Vec<Value> {
    let null = pool.may_be_null.then_some(Value::Null);
    null.into_iter().chain(pool.mild.iter().take(n).cloned()).collect()
}

/// How many different rows a table has; columns that nobody reads do not count.
fn n_rows(tried: &Tried<'_>) -> Option<usize> {
    let counts = tried.columns.iter().filter(|pool| pool.is_read).map(|pool| choices(pool, N_VALUES).len());
    counts.into_iter().try_fold(1_usize, usize::checked_mul)
}

fn n_contents(tried: &Tried<'_>, max_rows: usize) -> Option<usize> {
    let n = n_rows(tried)?;
    match max_rows {
        1 => n.checked_add(1),
        _ => n.checked_mul(n.checked_add(1)?).map(|pairs| pairs / 2 + n + 1),
    }
}

fn contents(tried: &Tried<'_>, max_rows: usize) -> Vec<Vec<Vec<Value>>> {
    let n = n_rows(tried).unwrap_or(0);
    let mut contents = vec![Vec::new()];
    contents.extend((0..n).map(|first| vec![row(tried, first, 0)]));
    if max_rows > 1 {
        for first in 0..n {
            contents.extend((first..n).map(|second| vec![row(tried, first, 0), row(tried, second, 1)]));
        }
    }
    contents
}

fn row(tried: &Tried<'_>, mut number: usize, at: usize) -> Vec<Value> {
    let mut row = Vec::with_capacity(tried.columns.len());
    for (position, pool) in tried.columns.iter().enumerate() {
        if !pool.is_read {
            row.push(unread(tried, position, at));
            continue;
        }
        let choices = choices(pool, N_VALUES);
        row.push(choices[number % choices.len()].clone());
        number /= choices.len();
    }
    row
}

/// What stands in a column that no query reads: another value in each row where it is part of a key,
/// else NULL where that may be.
pub(super) fn unread(tried: &Tried<'_>, position: usize, at: usize) -> Value {
    let pool = &tried.columns[position];
    let is_key = tried.table.keys.iter().any(|key| key.columns.contains(&position));
    if is_key {
        let all = pool.mild.len() + pool.extreme.len();
        let value = pool.mild.iter().chain(&pool.extreme).nth(at % all.max(1));
        return match (value, pool.mild.first()) {
            // Numbers go on where the values end.
            (_, Some(Value::Int(_))) => Value::Int(at as i128),
            (Some(value), _) => value.clone(),
            (None, _) => Value::Null,
        };
    }
    match pool.mild.first() {
        Some(value) if !pool.may_be_null => value.clone(),
        _ => Value::Null,
    }
}
