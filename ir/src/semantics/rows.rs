//! Databases and results: rows by position, compared as bags or in their order.

use std::cmp::Ordering;
use std::sync::Arc;

use indexmap::IndexMap;

use super::Value;
use super::compare::{as_double, ordered};

/// Doubles are equal when they differ by no more than this share of the larger one (or of 1).
const TOLERANCE: f64 = 1e-9;

/// The rows of tables, by folded key; values stand in the order of the catalog's columns.
#[derive(Debug, Clone, Default)]
pub struct Database {
    tables: IndexMap<Arc<str>, Vec<Vec<Value>>>,
}

impl Database {
    /// Gives a table its rows; a later call replaces the earlier ones.
    pub fn insert(&mut self, table: &Arc<str>, rows: Vec<Vec<Value>>) {
        self.tables.insert(Arc::clone(table), rows);
    }

    /// The rows of a table; none for one that was never given any.
    #[must_use]
    pub fn rows(&self, table: &str) -> &[Vec<Value>] {
        self.tables.get(table).map_or(&[], Vec::as_slice)
    }

    /// The rows of a table, to be changed.
    pub fn rows_mut(&mut self, table: &str) -> Option<&mut Vec<Vec<Value>>> {
        self.tables.get_mut(table)
    }

    /// Every table with its rows, in the order of insertion.
    pub fn tables(&self) -> impl Iterator<Item = (&Arc<str>, &Vec<Vec<Value>>)> {
        self.tables.iter()
    }
}

/// What a query gives: rows of values in the order of the output's columns.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The rows; in no meaningful order unless [`Rows::peers`] says one.
    pub rows: Vec<Vec<Value>>,
    /// For a query with an order: the number of each row's group of ties, ascending from 0.
    pub peers: Option<Vec<usize>>,
}

impl Rows {
    /// Whether both hold the same rows equally often. Doubles are compared to a tolerance, because
    /// their sums depend on an order that nobody promises.
    #[must_use]
    pub fn same_bag(&self, other: &Self) -> bool {
        same_bag(&self.rows, &other.rows)
    }

    /// Whether `other` may stand for this result: the same bag, and where this one has an order, the
    /// same rows in each group of ties. `other` may be ordered further.
    #[must_use]
    pub fn is_answered_by(&self, other: &Self) -> bool {
        let Some(peers) = &self.peers else { return self.same_bag(other) };
        if self.rows.len() != other.rows.len() {
            return false;
        }
        if other.peers.is_none() && self.rows.len() > 1 {
            // No order answers an order only where all rows tie or are the same.
            return self.same_bag(other) && (is_tied(peers) || is_uniform(&self.rows));
        }
        if let Some(others) = &other.peers {
            // Rows that tie there must tie here, or an engine may give them in another order.
            let is_split = |i: usize| others[i] == others[i - 1] && peers[i] != peers[i - 1];
            let is_unlike = |i: usize| !is_close_row(&other.rows[i], &other.rows[i - 1]);
            if (1..others.len()).any(|i| is_split(i) && is_unlike(i)) {
                return false;
            }
        }
        let mut start = 0;
        while start < peers.len() {
            let end = (start..peers.len()).find(|&at| peers[at] != peers[start]).unwrap_or(peers.len());
            if !same_bag(&self.rows[start..end], &other.rows[start..end]) {
                return false;
            }
            start = end;
        }
        true
    }
}

fn is_tied(peers: &[usize]) -> bool {
    peers.windows(2).all(|pair| pair[0] == pair[1])
}

fn is_uniform(rows: &[Vec<Value>]) -> bool {
    rows.windows(2).all(|pair| is_close_row(&pair[0], &pair[1]))
}

fn same_bag(left: &[Vec<Value>], right: &[Vec<Value>]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let (mut left, mut right): (Vec<&Vec<Value>>, Vec<&Vec<Value>>) = (left.iter().collect(), right.iter().collect());
    left.sort_by(|a, b| ordered_rows(a, b));
    right.sort_by(|a, b| ordered_rows(a, b));
    if left.iter().zip(&right).all(|(a, b)| is_close_row(a, b)) {
        return true;
    }
    // Doubles that differ in their last digits may sort otherwise, so rows are matched one by one.
    let mut is_taken = vec![false; right.len()];
    left.iter().all(|row| {
        let found = (0..right.len()).find(|&at| !is_taken[at] && is_close_row(row, right[at]));
        found.is_some_and(|at| !std::mem::replace(&mut is_taken[at], true))
    })
}

fn ordered_rows(a: &[Value], b: &[Value]) -> Ordering {
    let unlike = a.iter().zip(b).map(|(a, b)| ordered(a, b)).find(|order| *order != Ordering::Equal);
    unlike.unwrap_or_else(|| a.len().cmp(&b.len()))
}

fn is_close_row(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_close(a, b))
}

fn is_close(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::List(a), Value::List(b)) => return is_close_row(a, b),
        (Value::Struct(a), Value::Struct(b)) => {
            return a.len() == b.len() && a.iter().zip(b.iter()).all(|((_, a), (_, b))| is_close(a, b));
        }
        (Value::Map(a), Value::Map(b)) => {
            let is_entry = |((k, a), (l, b)): (&(Value, Value), &(Value, Value))| is_close(k, l) && is_close(a, b);
            return a.len() == b.len() && a.iter().zip(b.iter()).all(is_entry);
        }
        _ => {}
    }
    if let (Value::Float(_), _) | (_, Value::Float(_)) = (a, b)
        && let (Some(a), Some(b)) = (as_double(a), as_double(b))
        && a.is_finite()
        && b.is_finite()
    {
        return (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1.0);
    }
    ordered(a, b) == Ordering::Equal
}
