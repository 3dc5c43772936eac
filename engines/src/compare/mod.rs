//! Compares two results as multisets of rows, columns by position.
//!
//! Rows are ordered by everything that is compared exactly (also by which floats are NULL, NaN or
//! infinite); within rows that agree there, finite floats are matched to a tolerance. No order of
//! rows, batch boundary or number type makes a difference; a NULL equals a NULL.

mod columns;
mod floats;

use std::cmp::Ordering;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use columns::{Pair, pair};
use floats::FloatPair;

/// Tolerance for doubles where nobody says: differences of summation order stay far below it.
pub const DEFAULT_TOLERANCE: f64 = 1e-9;

/// Rows that a [`Comparison`] shows of each side.
const N_SHOWN: usize = 10;

/// What a comparison found.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Whether both sides hold the same rows equally often.
    pub is_equal: bool,
    /// Rows on the left.
    pub n_left: usize,
    /// Rows on the right.
    pub n_right: usize,
    /// Rows on the left that have no partner.
    pub n_only_left: usize,
    /// Rows on the right that have no partner.
    pub n_only_right: usize,
    /// The first of the rows that are only on the left, as `name=value, …`.
    pub only_left: Vec<String>,
    /// The first of the rows that are only on the right.
    pub only_right: Vec<String>,
    /// How doubles were compared, or why nothing could be.
    pub note: String,
}

/// Compares two results as multisets of rows.
///
/// Integers, decimals, texts, dates and times are compared exactly and by value, whatever their
/// width. Where a double is on either side, `a` and `b` are equal when
/// `|a - b| <= tolerance * max(|a|, |b|, 1)`; for singles the tolerance is at least `1e-6`.
/// `-0.0` equals `0.0`, NaN equals NaN. Text against a number, or another number of columns, is a
/// difference of the whole, told in the note.
///
/// May report a difference where more than 512 rows agree in all else and lie densely within
/// the tolerance of one another; never reports equality where there is none.
#[must_use]
pub fn compare(left: &[RecordBatch], right: &[RecordBatch], tolerance: f64) -> Comparison {
    let n_rows = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    let (n_left, n_right) = (n_rows(left), n_rows(right));
    let unlike = |note: String| Comparison {
        is_equal: false,
        n_left,
        n_right,
        n_only_left: n_left,
        n_only_right: n_right,
        only_left: rendered(left, &first(n_left)),
        only_right: rendered(right, &first(n_right)),
        note,
    };
    let (Some(left_first), Some(right_first)) = (left.first(), right.first()) else {
        // A side without a batch has no schema either; it is equal only to no rows at all.
        let mut comparison = unlike("a side has no rows and no schema".to_owned());
        comparison.is_equal = n_left == 0 && n_right == 0;
        return comparison;
    };
    if left_first.num_columns() != right_first.num_columns() {
        return unlike(format!(
            "the left side has {} columns, the right side {}",
            left_first.num_columns(),
            right_first.num_columns()
        ));
    }
    let mut exact = Vec::new();
    let mut floats = Vec::new();
    for position in 0..left_first.num_columns() {
        let chunks = |batches: &[RecordBatch]| -> Vec<ArrayRef> {
            batches.iter().map(|batch| batch.column(position).clone()).collect()
        };
        match pair(&chunks(left), &chunks(right), tolerance) {
            Ok(Pair::Exact(left, right)) => exact.push((left, right)),
            Ok(Pair::Float { classes, values }) => {
                exact.push(classes);
                floats.push(values);
            }
            Err(reason) => {
                let name = left_first.schema_ref().field(position).name().clone();
                return unlike(format!("column {} (`{name}`): {reason}", position + 1));
            }
        }
    }
    let (only_left, only_right) = match unmatched(&exact, &floats, n_left, n_right) {
        Ok(unmatched) => unmatched,
        Err(error) => return unlike(format!("the rows cannot be ordered: {error}")),
    };
    let note = if floats.is_empty() {
        "all columns are compared exactly".to_owned()
    } else {
        format!("doubles are equal within {tolerance:e} of the larger value (absolute below 1), all else exactly")
    };
    Comparison {
        is_equal: only_left.is_empty() && only_right.is_empty(),
        n_left,
        n_right,
        n_only_left: only_left.len(),
        n_only_right: only_right.len(),
        only_left: rendered(left, &only_left[..only_left.len().min(N_SHOWN)]),
        only_right: rendered(right, &only_right[..only_right.len().min(N_SHOWN)]),
        note,
    }
}

/// Positions of the rows without a partner, in the order of each side.
fn unmatched(
    exact: &[(ArrayRef, ArrayRef)],
    floats: &[FloatPair],
    n_left: usize,
    n_right: usize,
) -> Result<(Vec<usize>, Vec<usize>), ArrowError> {
    if exact.is_empty() {
        // Rows without columns are all alike.
        return Ok(((n_right.min(n_left)..n_left).collect(), (n_left.min(n_right)..n_right).collect()));
    }
    let fields = exact.iter().map(|(left, _)| SortField::new(left.data_type().clone())).collect();
    let converter = RowConverter::new(fields)?;
    let left_columns: Vec<ArrayRef> = exact.iter().map(|(left, _)| left.clone()).collect();
    let right_columns: Vec<ArrayRef> = exact.iter().map(|(_, right)| right.clone()).collect();
    let left = Sorted::new(converter.convert_columns(&left_columns)?);
    let right = Sorted::new(converter.convert_columns(&right_columns)?);
    let (mut only_left, mut only_right) = (Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    while i < n_left && j < n_right {
        let key = left.row(i);
        match key.cmp(right.row(j)) {
            Ordering::Less => {
                only_left.push(left.order[i]);
                i += 1;
            }
            Ordering::Greater => {
                only_right.push(right.order[j]);
                j += 1;
            }
            Ordering::Equal => {
                let left_end = (i..n_left).find(|at| left.row(*at) != key).unwrap_or(n_left);
                let right_end = (j..n_right).find(|at| right.row(*at) != key).unwrap_or(n_right);
                let (lefts, rights) = (&left.order[i..left_end], &right.order[j..right_end]);
                if floats.is_empty() {
                    let n_pairs = lefts.len().min(rights.len());
                    only_left.extend(&lefts[n_pairs..]);
                    only_right.extend(&rights[n_pairs..]);
                } else {
                    floats::unmatched(floats, lefts, rights, &mut only_left, &mut only_right);
                }
                (i, j) = (left_end, right_end);
            }
        }
    }
    only_left.extend(&left.order[i..]);
    only_right.extend(&right.order[j..]);
    only_left.sort_unstable();
    only_right.sort_unstable();
    Ok((only_left, only_right))
}

/// Rows with their positions in key order; equal rows keep the order of their side.
struct Sorted {
    rows: Rows,
    order: Vec<usize>,
}

impl Sorted {
    fn new(rows: Rows) -> Self {
        let mut order: Vec<usize> = (0..rows.num_rows()).collect();
        order.sort_unstable_by(|a, b| rows.row(*a).cmp(&rows.row(*b)).then(a.cmp(b)));
        Self { rows, order }
    }

    fn row(&self, at: usize) -> &[u8] {
        self.rows.row(self.order[at]).data()
    }
}

fn first(n_rows: usize) -> Vec<usize> {
    (0..n_rows.min(N_SHOWN)).collect()
}

/// Rows as text; `rows` are positions over all batches.
fn rendered(batches: &[RecordBatch], rows: &[usize]) -> Vec<String> {
    let options = FormatOptions::new().with_null("NULL").with_display_error(true);
    rows.iter()
        .map(|row| {
            let mut row = *row;
            for batch in batches {
                if row < batch.num_rows() {
                    return rendered_row(batch, row, &options);
                }
                row -= batch.num_rows();
            }
            String::new()
        })
        .collect()
}

fn rendered_row(batch: &RecordBatch, row: usize, options: &FormatOptions<'_>) -> String {
    let schema = batch.schema();
    let values = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
        match ArrayFormatter::try_new(column.as_ref(), options) {
            Ok(formatter) => format!("{}={}", field.name(), formatter.value(row)),
            Err(error) => format!("{}=<{error}>", field.name()),
        }
    });
    values.collect::<Vec<_>>().join(", ")
}
