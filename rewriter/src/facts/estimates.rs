//! Estimates of rows, groups and distinct values. They decide nothing but cost.

use isomer_ir::{Arena, ColumnDef, ColumnId, DataType, Function, Literal, Scalar, ScalarId};

use super::Facts;
use super::predicates::equal_columns;

/// Rows of an inner join. A known count of distinct values is worth more than a guess: what refers to a key
/// has no more values than the key.
pub(super) fn join_rows(arena: &Arena, on: &[ScalarId], inputs: &[&Facts]) -> f64 {
    let mut rows: f64 = inputs.iter().map(|input| input.rows.max(1.0)).product();
    let place = |column: ColumnId| inputs.iter().position(|input| input.exposes(column));
    let mut guessed: Vec<[usize; 2]> = Vec::new();
    for &predicate in on {
        let Some((left, right)) = equal_columns(arena, predicate) else {
            rows *= selectivity(arena, predicate);
            continue;
        };
        rows *= match (known_distinct(arena, left), known_distinct(arena, right)) {
            (Some(left), Some(right)) => 1.0 / left.max(right).max(1.0),
            (Some(known), None) | (None, Some(known)) => 1.0 / known.max(1.0),
            (None, None) => match (place(left), place(right)) {
                (Some(l), Some(r)) => {
                    let sides = [(left, inputs[l]), (right, inputs[r])];
                    let is_guess = |&(column, input): &(ColumnId, &Facts)| {
                        is_column_guess(arena, column) && !input.is_unique(&[column])
                    };
                    if sides.iter().all(is_guess) {
                        let pair = [l.min(r), l.max(r)];
                        let is_first = !guessed.contains(&pair);
                        guessed.push(pair);
                        // People join along keys, declared or not: as many rows as the larger input has.
                        // What else they compare is mostly part of the same key.
                        if is_first { 1.0 / inputs[l].rows.min(inputs[r].rows).max(1.0) } else { 0.5 }
                    } else {
                        let distinct = sides.map(|(column, input)| n_distinct_in(arena, column, input));
                        1.0 / distinct[0].max(distinct[1]).max(1.0)
                    }
                }
                _ => 0.1,
            },
        };
    }
    rows.max(1.0)
}

/// Values of a column by a statistic, before any filter.
pub(crate) fn known_distinct(arena: &Arena, column: ColumnId) -> Option<f64> {
    arena.n_distinct(column).or_else(|| match arena.def(column) {
        ColumnDef::Variant { of, .. } | ColumnDef::Instance { of, .. } => known_distinct(arena, *of),
        ColumnDef::Base { .. }
        | ColumnDef::Scalar(_)
        | ColumnDef::GroupedKey(_)
        | ColumnDef::Grouping { .. }
        | ColumnDef::Aggregate(_)
        | ColumnDef::Window(_)
        | ColumnDef::SetOp { .. }
        | ColumnDef::Values { .. }
        | ColumnDef::Recursive { .. }
        | ColumnDef::Work { .. }
        | ColumnDef::Versioned { .. }
        | ColumnDef::Mark { .. } => None,
    })
}

pub(super) fn n_distinct_in(arena: &Arena, column: ColumnId, input: &Facts) -> f64 {
    if input.is_unique(&[column]) { input.rows.max(1.0) } else { estimate_column(arena, column, input.rows) }
}

/// Share of rows for which a predicate is true; System R's constants (Selinger et al. 1979, table 1)
/// where nothing better is known.
pub(crate) fn selectivity(arena: &Arena, predicate: ScalarId) -> f64 {
    match &arena[predicate] {
        Scalar::Literal(Literal::Boolean(true)) => 1.0,
        Scalar::Literal(_) => 0.0,
        Scalar::Call { function, args, .. } => match function {
            Function::Eq | Function::IsNotDistinct => 0.1,
            Function::NotEq | Function::IsDistinct => 0.9,
            Function::Lt | Function::LtEq | Function::Gt | Function::GtEq => 0.33,
            Function::And => joint_selectivity(arena, args),
            Function::Or => args.iter().map(|&arg| selectivity(arena, arg)).sum::<f64>().min(1.0),
            Function::Not => (1.0 - args.first().map_or(0.5, |&arg| selectivity(arena, arg))).max(0.05),
            Function::Like | Function::ILike | Function::StartsWith | Function::Contains | Function::EndsWith => 0.1,
            Function::IsNull => 0.05,
            _ => 0.33,
        },
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        Scalar::InList { list, .. } => (0.1 * list.len() as f64).min(0.5),
        Scalar::Column(_) | Scalar::Outer(_) | Scalar::Case { .. } | Scalar::Cast { .. } | Scalar::Hole(_) => 0.5,
    }
}

/// Share of rows for which all of some predicates are true: independent, but for a lower and an upper bound of
/// one value, which System R takes for a quarter.
pub(crate) fn joint_selectivity(arena: &Arena, predicates: &[ScalarId]) -> f64 {
    let mut share = 1.0;
    let mut open: Vec<(ScalarId, bool)> = Vec::new();
    for &predicate in predicates {
        match bound(arena, predicate) {
            Some((value, is_lower)) => {
                match open.iter().position(|&(other, lower)| other == value && lower != is_lower) {
                    Some(position) => {
                        open.swap_remove(position);
                        share *= 0.25;
                    }
                    None => open.push((value, is_lower)),
                }
            }
            None => share *= selectivity(arena, predicate),
        }
    }
    share * 0.33_f64.powf(count(open.len()))
}

/// The value that a comparison with a constant bounds, and whether from below.
fn bound(arena: &Arena, predicate: ScalarId) -> Option<(ScalarId, bool)> {
    let Scalar::Call { function, args, .. } = &arena[predicate] else { return None };
    let is_greater = match function {
        Function::Gt | Function::GtEq => true,
        Function::Lt | Function::LtEq => false,
        _ => return None,
    };
    let [left, right] = *args.as_slice() else { return None };
    if arena.columns_of(right).is_empty() {
        Some((left, is_greater))
    } else {
        arena.columns_of(left).is_empty().then_some((right, !is_greater))
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of predicates are small")]
fn count(n: usize) -> f64 {
    n as f64
}

/// Estimated groups. What is known of columns multiplies; guesses count with falling weight, because
/// columns that people group by together depend on each other.
pub(super) fn estimate_groups(arena: &Arena, keys: &[(ColumnId, ScalarId)], rows: f64) -> f64 {
    let mut known = 1.0;
    let mut guesses: Vec<f64> = Vec::new();
    for &(_, scalar) in keys {
        let estimate = estimate_distinct(arena, scalar, rows);
        if is_guess(arena, scalar) { guesses.push(estimate) } else { known *= estimate }
    }
    guesses.sort_by(|a, b| b.total_cmp(a));
    let mut weight = 1.0;
    let mut guessed = 1.0;
    for guess in guesses {
        guessed *= guess.powf(weight);
        weight /= 2.0;
    }
    (known * guessed).min(rows * 0.8).max(1.0)
}

/// Whether nothing is known of the distinct values of a scalar.
pub(crate) fn is_guess(arena: &Arena, scalar: ScalarId) -> bool {
    match &arena[scalar] {
        Scalar::Column(column) => is_column_guess(arena, *column),
        Scalar::Call { function: Function::Extract | Function::DateTrunc, .. }
        | Scalar::Call { data_type: DataType::Boolean, .. }
        | Scalar::Literal(_)
        | Scalar::InList { .. }
        | Scalar::Case { .. } => false,
        Scalar::Call { .. } | Scalar::Cast { .. } | Scalar::Outer(_) | Scalar::Hole(_) => {
            arena.operands(scalar).iter().any(|&operand| is_guess(arena, operand))
        }
    }
}

pub(super) fn is_column_guess(arena: &Arena, column: ColumnId) -> bool {
    if arena.n_distinct(column).is_some() {
        return false;
    }
    match arena.def(column) {
        ColumnDef::Scalar(scalar) => is_guess(arena, *scalar),
        ColumnDef::Variant { of, .. } | ColumnDef::Instance { of, .. } => is_column_guess(arena, *of),
        ColumnDef::Base { .. }
        | ColumnDef::Aggregate(_)
        | ColumnDef::Window(_)
        | ColumnDef::GroupedKey(_)
        | ColumnDef::Grouping { .. }
        | ColumnDef::SetOp { .. }
        | ColumnDef::Values { .. }
        | ColumnDef::Recursive { .. }
        | ColumnDef::Work { .. }
        | ColumnDef::Versioned { .. }
        | ColumnDef::Mark { .. } => !matches!(arena.column_type(column), DataType::Boolean | DataType::Date),
    }
}

/// Estimated distinct values of a scalar over `rows` rows.
pub(crate) fn estimate_distinct(arena: &Arena, scalar: ScalarId, rows: f64) -> f64 {
    let estimate = match &arena[scalar] {
        Scalar::Column(column) => estimate_column(arena, *column, rows),
        Scalar::Literal(_) => 1.0,
        Scalar::Cast { arg, to, .. } => {
            let inner = estimate_distinct(arena, *arg, rows);
            if *to == DataType::Date { inner.min(1000.0) } else { inner }
        }
        Scalar::Call { function: Function::Extract, args, .. } => match args.first().map(|&field| &arena[field]) {
            Some(Scalar::Literal(Literal::Text(field))) => match &**field {
                "hour" => 24.0,
                "month" => 12.0,
                "dow" | "isodow" => 7.0,
                "quarter" => 4.0,
                "minute" | "second" => 60.0,
                "day" => 31.0,
                "week" => 53.0,
                "doy" => 366.0,
                "year" => 10.0,
                _ => 100.0,
            },
            _ => 100.0,
        },
        Scalar::Call { function: Function::DateTrunc, args, .. } => match args.first().map(|&unit| &arena[unit]) {
            Some(Scalar::Literal(Literal::Text(unit))) => match &**unit {
                "year" => 10.0,
                "quarter" => 40.0,
                "month" => 120.0,
                "week" => 500.0,
                "day" => 1000.0,
                _ => 20_000.0,
            },
            _ => 1000.0,
        },
        Scalar::Call { data_type: DataType::Boolean, .. } | Scalar::InList { .. } => 2.0,
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        Scalar::Case { branches, .. } => (branches.len() + 1) as f64,
        Scalar::Call { .. } | Scalar::Outer(_) | Scalar::Hole(_) => {
            arena.operands(scalar).iter().map(|&operand| estimate_distinct(arena, operand, rows)).fold(1.0, f64::max)
        }
    };
    estimate.clamp(1.0, rows.max(1.0))
}

pub(super) fn estimate_column(arena: &Arena, column: ColumnId, rows: f64) -> f64 {
    if let Some(known) = arena.n_distinct(column) {
        return known.clamp(1.0, rows.max(1.0));
    }
    match arena.def(column) {
        ColumnDef::Scalar(scalar) => estimate_distinct(arena, *scalar, rows),
        ColumnDef::Variant { of, .. } | ColumnDef::Instance { of, .. } => estimate_column(arena, *of, rows),
        ColumnDef::GroupedKey(scalar) => estimate_distinct(arena, *scalar, rows),
        ColumnDef::Base { .. }
        | ColumnDef::Aggregate(_)
        | ColumnDef::Window(_)
        | ColumnDef::Grouping { .. }
        | ColumnDef::SetOp { .. }
        | ColumnDef::Values { .. }
        | ColumnDef::Recursive { .. }
        | ColumnDef::Work { .. }
        | ColumnDef::Versioned { .. }
        | ColumnDef::Mark { .. } => match arena.column_type(column) {
            DataType::Boolean => 2.0,
            DataType::Date => rows.min(1000.0),
            _ => rows.powf(0.6),
        },
    }
}
