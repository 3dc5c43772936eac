//! Joins, as nested loops.

use super::relation::Relation;
use super::scalar::{Eval, Row};
use super::{Cell, EvalError, Raised, Value};
use crate::{ColumnId, JoinKind, ScalarId};

/// The rows of a join.
pub(super) fn joined(
    eval: &Eval<'_>,
    kind: JoinKind,
    left: &Relation,
    right: &Relation,
    on: &[ScalarId],
) -> Result<Relation, EvalError> {
    let mut columns = left.columns.clone();
    if kind.exposes_right() {
        columns.extend(right.columns.iter().copied());
    }
    if let JoinKind::Mark(mark) = kind {
        columns.push(Some(mark));
    }
    let nulls = |n: usize| vec![Ok(Value::Null); n];
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut is_right_matched = vec![false; right.rows.len()];
    for row in &left.rows {
        let pair =
            |at: usize| Row { columns: &left.columns, cells: row, beside: Some((&right.columns, &right.rows[at])) };
        if kind == JoinKind::AntiNullAware {
            if !may_match(eval, left, right.rows.len(), &pair, on)? {
                rows.push(row.clone());
            }
            continue;
        }
        let mut matches = Vec::new();
        for (at, is_matched) in is_right_matched.iter_mut().enumerate() {
            eval.step()?;
            if eval.holds(on, pair(at))? {
                matches.push(at);
                *is_matched = true;
            }
        }
        let both = |at: usize| row.iter().chain(&right.rows[at]).cloned().collect::<Vec<Cell>>();
        let padded = || row.iter().cloned().chain(nulls(right.columns.len())).collect::<Vec<Cell>>();
        match kind {
            JoinKind::Single if matches.len() > 1 => return Err(EvalError::Raised(Raised::SecondRow)),
            JoinKind::Left | JoinKind::Full | JoinKind::Single if matches.is_empty() => rows.push(padded()),
            JoinKind::Inner | JoinKind::Left | JoinKind::Full | JoinKind::Single => {
                rows.extend(matches.into_iter().map(both));
            }
            JoinKind::Semi if !matches.is_empty() => rows.push(row.clone()),
            JoinKind::Anti if matches.is_empty() => rows.push(row.clone()),
            JoinKind::Semi | JoinKind::Anti | JoinKind::AntiNullAware => {}
            JoinKind::Mark(_) => {
                let found = Ok(Value::Boolean(!matches.is_empty()));
                rows.push(row.iter().cloned().chain([found]).collect());
            }
        }
    }
    if kind == JoinKind::Full {
        for (row, _) in right.rows.iter().zip(&is_right_matched).filter(|(_, is_matched)| !**is_matched) {
            rows.push(nulls(left.columns.len()).into_iter().chain(row.iter().cloned()).collect());
        }
    }
    Ok(Relation::new(columns, rows))
}

/// Whether the tested value of a `NOT IN` may be among the right rows: the equality is true or NULL
/// for a row that the conjuncts over the right side keep.
fn may_match<'a>(
    eval: &Eval<'_>,
    left: &Relation,
    n_rows: usize,
    pair: &dyn Fn(usize) -> Row<'a>,
    on: &[ScalarId],
) -> Result<bool, EvalError> {
    let reads_left = |scalar: ScalarId| {
        let left: Vec<ColumnId> = left.columns.iter().copied().flatten().collect();
        eval.arena.columns_of(scalar).iter().any(|id| left.contains(id))
    };
    let (mut tests, kept): (Vec<ScalarId>, Vec<ScalarId>) = on.iter().partition(|&&scalar| reads_left(scalar));
    let mut kept = kept;
    if tests.is_empty() {
        // A constant is tested: `1 NOT IN (…)`.
        std::mem::swap(&mut tests, &mut kept);
    }
    for at in 0..n_rows {
        eval.step()?;
        if !eval.holds(&kept, pair(at))? {
            continue;
        }
        let mut is_false = false;
        for &test in &tests {
            is_false |= matches!(eval.scalar(test, pair(at))?, Value::Boolean(false));
        }
        if !is_false {
            return Ok(true);
        }
    }
    Ok(false)
}
