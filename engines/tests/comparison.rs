//! Comparison of results: what is equal, and beside it what only looks so.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array, NullArray, RecordBatch,
    StringArray, StringViewArray, TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array,
};
use isomer_engines::{Comparison, DEFAULT_TOLERANCE, compare};

fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
    RecordBatch::try_from_iter(columns.into_iter().enumerate().map(|(i, column)| (format!("c{i}"), column))).unwrap()
}

fn floats(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn decimals(values: &[i128], precision: u8, scale: i8) -> ArrayRef {
    Arc::new(Decimal128Array::from(values.to_vec()).with_precision_and_scale(precision, scale).unwrap())
}

fn compared(left: Vec<ArrayRef>, right: Vec<ArrayRef>) -> Comparison {
    let (left, right) = ([batch(left)], [batch(right)]);
    let there = compare(&left, &right, DEFAULT_TOLERANCE);
    let back = compare(&right, &left, DEFAULT_TOLERANCE);
    assert_eq!(there.is_equal, back.is_equal, "no side is special: {there:?} {back:?}");
    assert_eq!((there.n_only_left, there.n_only_right), (back.n_only_right, back.n_only_left));
    there
}

#[track_caller]
fn equal(left: Vec<ArrayRef>, right: Vec<ArrayRef>) {
    let found = compared(left, right);
    assert!(found.is_equal, "{found:#?}");
}

/// The number of rows that are only on the left and only on the right.
#[track_caller]
fn differ(left: Vec<ArrayRef>, right: Vec<ArrayRef>, only: (usize, usize)) {
    let found = compared(left, right);
    assert!(!found.is_equal, "{found:#?}");
    assert_eq!((found.n_only_left, found.n_only_right), only, "{found:#?}");
}

#[test]
fn rows_are_a_multiset() {
    equal(vec![ints(&[3, 1, 2, 1])], vec![ints(&[1, 1, 2, 3])]);
    differ(vec![ints(&[1, 1, 2])], vec![ints(&[1, 2, 2])], (1, 1));
    differ(vec![ints(&[1, 1])], vec![ints(&[1])], (1, 0));
    // Columns that hold the same values in other rows.
    differ(vec![ints(&[1, 2]), ints(&[3, 4])], vec![ints(&[1, 2]), ints(&[4, 3])], (2, 2));
    let halves = [batch(vec![ints(&[1])]), batch(vec![ints(&[])]), batch(vec![ints(&[2, 3])])];
    assert!(compare(&halves, &[batch(vec![ints(&[3, 2, 1])])], 0.0).is_equal, "batches do not matter");
}

#[test]
fn null_equals_null_and_nothing_else() {
    let nullable = |values: Vec<Option<i64>>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    equal(vec![nullable(vec![None, Some(1)])], vec![nullable(vec![Some(1), None])]);
    differ(vec![nullable(vec![None])], vec![ints(&[0])], (1, 1));
    let texts = |values: Vec<Option<&str>>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    differ(vec![texts(vec![None])], vec![texts(vec![Some("")])], (1, 1));
    differ(vec![texts(vec![Some("NULL")])], vec![texts(vec![None])], (1, 1));
    let singles = |values: Vec<Option<f64>>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
    differ(vec![singles(vec![None])], vec![floats(&[0.0])], (1, 1));
    differ(vec![singles(vec![None, Some(0.0)])], vec![singles(vec![None, None])], (1, 1));
    equal(vec![Arc::new(NullArray::new(2))], vec![nullable(vec![None, None])]);
    differ(vec![Arc::new(NullArray::new(2))], vec![nullable(vec![None, Some(1)])], (1, 1));
}

#[test]
fn numbers_compare_by_value() {
    equal(vec![Arc::new(Int32Array::from(vec![1, -2]))], vec![decimals(&[-2, 1], 38, 0)]);
    equal(vec![decimals(&[150], 15, 2)], vec![decimals(&[15], 15, 1)]);
    differ(vec![decimals(&[151], 15, 2)], vec![decimals(&[15], 15, 1)], (1, 1));
    equal(vec![Arc::new(UInt64Array::from(vec![u64::MAX]))], vec![decimals(&[i128::from(u64::MAX)], 38, 0)]);
    differ(vec![Arc::new(UInt64Array::from(vec![u64::MAX]))], vec![ints(&[-1])], (1, 1));
    equal(vec![ints(&[3])], vec![floats(&[3.0])]);
    equal(vec![decimals(&[10], 3, 2)], vec![floats(&[0.1])]);
    differ(vec![ints(&[3])], vec![floats(&[3.1])], (1, 1));
    // Two integers that are one double: exact types must not pass through doubles.
    differ(vec![ints(&[9_007_199_254_740_993])], vec![decimals(&[9_007_199_254_740_992], 38, 0)], (1, 1));
    // Too long for 38 digits at the other side's scale.
    let most = 10_i128.pow(37);
    differ(vec![decimals(&[most], 38, 0)], vec![decimals(&[most], 38, 10)], (1, 1));
    equal(vec![Arc::new(Float32Array::from(vec![0.1]))], vec![floats(&[0.1])]);
}

#[test]
fn doubles_compare_within_the_tolerance() {
    equal(vec![floats(&[0.1 + 0.2, 1e300, -0.0])], vec![floats(&[0.0, 0.3, 1e300 * (1.0 + 1e-12)])]);
    equal(vec![floats(&[f64::NAN, f64::INFINITY])], vec![floats(&[f64::INFINITY, f64::NAN])]);
    differ(vec![floats(&[f64::INFINITY])], vec![floats(&[f64::NEG_INFINITY])], (1, 1));
    differ(vec![floats(&[f64::INFINITY])], vec![floats(&[f64::MAX])], (1, 1));
    differ(vec![floats(&[f64::NAN])], vec![floats(&[0.0])], (1, 1));
    differ(vec![floats(&[1.0])], vec![floats(&[1.0 + 1e-6])], (1, 1));
    differ(vec![floats(&[1.0, 1.0])], vec![floats(&[1.0])], (1, 0));
}

#[test]
fn rounding_noise_does_not_reorder_rows() {
    // Sorted by the first double alone, the noise in it would pair the rows crosswise.
    let noise = 1e-12;
    equal(vec![floats(&[1.0, 1.0 + noise]), ints(&[7, 8])], vec![floats(&[1.0 + noise, 1.0]), ints(&[7, 8])]);
    equal(
        vec![floats(&[1.0, 1.0 + noise]), floats(&[5.0, 6.0])],
        vec![floats(&[1.0 + noise, 1.0]), floats(&[5.0, 6.0])],
    );
    differ(
        vec![floats(&[1.0, 1.0 + noise]), floats(&[5.0, 6.0])],
        vec![floats(&[1.0 + noise, 1.0]), floats(&[5.0, 5.0])],
        (1, 1),
    );
}

#[test]
fn closeness_that_is_not_transitive_is_matched_in_full() {
    // A chain of values, each close to the next but not to the one after. Pairing the first that
    // fits leaves 0 without a partner; the full matching is 0-1, 2-1, 2-3 by position.
    let step = 0.9e-9;
    equal(vec![floats(&[0.0, 2.0 * step])], vec![floats(&[step, 3.0 * step])]);
    equal(vec![floats(&[step, 0.0]), floats(&[0.0, step])], vec![floats(&[step, 2.0 * step]), floats(&[step, 0.0])]);
    differ(vec![floats(&[0.0, 0.0])], vec![floats(&[step, 2.0 * step])], (1, 1));
}

#[test]
fn texts_and_times_compare_by_value_across_widths() {
    let view: ArrayRef = Arc::new(StringViewArray::from(vec!["a", "b"]));
    equal(vec![view.clone()], vec![Arc::new(StringArray::from(vec!["b", "a"]))]);
    differ(vec![view], vec![Arc::new(StringArray::from(vec!["A", "b"]))], (1, 1));
    let micros: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![86_400_000_000]));
    equal(vec![micros.clone()], vec![Arc::new(TimestampNanosecondArray::from(vec![86_400_000_000_000]))]);
    equal(vec![micros.clone()], vec![Arc::new(Date32Array::from(vec![1]))]);
    differ(vec![micros.clone()], vec![Arc::new(TimestampNanosecondArray::from(vec![86_400_000_000_001]))], (1, 1));
    let found = compared(vec![micros], vec![ints(&[86_400_000_000])]);
    assert!(!found.is_equal && found.note.contains("do not compare"), "{found:?}");
}

#[test]
fn what_cannot_be_compared_is_told() {
    let found = compared(vec![ints(&[1])], vec![Arc::new(StringArray::from(vec!["1"]))]);
    assert_eq!(found.note, "column 1 (`c0`): `Int64` and `Utf8` do not compare");
    let found = compare(&[batch(vec![ints(&[1])])], &[batch(vec![ints(&[1]), ints(&[1])])], 0.0);
    assert_eq!(found.note, "the left side has 1 columns, the right side 2");
    assert!(compare(&[], &[], 0.0).is_equal);
    assert!(!compare(&[], &[batch(vec![ints(&[1])])], 0.0).is_equal);
    assert!(compare(&[], &[batch(vec![ints(&[])])], 0.0).is_equal);
}

#[test]
fn the_first_differing_rows_are_shown() {
    let left: Vec<i64> = (0..100).collect();
    let right: Vec<i64> = (50..150).collect();
    let found = compared(vec![ints(&left), floats(&vec![0.5; 100])], vec![ints(&right), floats(&vec![0.5; 100])]);
    assert_eq!((found.n_only_left, found.n_only_right), (50, 50));
    assert_eq!((found.only_left.len(), found.only_left[0].as_str()), (10, "c0=0, c1=0.5"));
    assert_eq!(found.only_right[0], "c0=100, c1=0.5");
}

#[test]
fn a_million_rows_are_compared() {
    let n = 1_000_000_i64;
    let scattered = |factor: i64| -> Vec<i64> { (0..n).map(|i| i * factor % n).collect() };
    let values =
        |keys: &[i64], noise: f64| -> Vec<f64> { keys.iter().map(|key| (key % 1000) as f64 * 1.1 + noise).collect() };
    // Both factors are coprime to the number of rows, so both sides hold each number once.
    let (left, right) = (scattered(7_919), scattered(104_729));
    let groups = |keys: &[i64]| ints(&keys.iter().map(|key| key % 50).collect::<Vec<_>>());
    equal(
        vec![groups(&left), floats(&values(&left, 0.0)), ints(&left)],
        vec![groups(&right), floats(&values(&right, 1e-10)), ints(&right)],
    );
    // Large groups that only the double tells apart.
    equal(vec![groups(&left), floats(&values(&left, 0.0))], vec![groups(&right), floats(&values(&right, 1e-10))]);
}
