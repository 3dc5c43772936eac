//! Random databases. Each draws few values for each type, so that rows meet in joins and groups.

use std::sync::Arc;

use super::Budget;
use super::domain::{Pool, Subject};
use super::every::unread;
use super::obeys::{is_unique, obeys, referred};
use crate::semantics::{Database, Value};

/// Attempts to make a row that obeys its keys.
const N_ATTEMPTS: usize = 8;

/// Visits so many random databases; stops when `visit` gives false.
pub(super) fn databases(subject: &Subject<'_>, budget: &Budget, visit: &mut dyn FnMut(Database) -> bool) {
    for number in 0..budget.n_random {
        let mut random = Random::new(budget.seed, number as u64);
        let style = Style {
            max_rows: 1 + random.below(budget.max_rows.max(1)),
            // Of 8 values one is NULL, or half are, or none.
            nulls: [1, 4, 0, 2][random.below(4)],
            n_values: [2, 3, 8, 100][random.below(4)],
            first: random.below(64),
            has_extremes: number % 4 == 3,
            copies: [0, 4, 2, 0, 6][number % 5],
        };
        let database = database(subject, style, &mut random);
        if obeys(subject, &database) && !visit(database) {
            return;
        }
    }
}

/// What the values of one database have in common.
#[derive(Debug, Clone, Copy)]
struct Style {
    max_rows: usize,
    nulls: usize,
    n_values: usize,
    first: usize,
    has_extremes: bool,
    /// Of 8 rows so many are earlier ones with few values changed.
    copies: usize,
}

fn database(subject: &Subject<'_>, style: Style, random: &mut Random) -> Database {
    let mut database = Database::default();
    for tried in &subject.tables {
        let mut rows: Vec<Vec<Value>> = Vec::new();
        let n_rows = random.below(style.max_rows + 1);
        for at in 0..n_rows {
            for attempt in 0..N_ATTEMPTS {
                // Repeated rows are what tells DISTINCT, counts and sums apart; a key has the last attempts.
                let is_copy = attempt < N_ATTEMPTS / 2 && !rows.is_empty() && random.below(8) < style.copies;
                let model = is_copy.then(|| rows[random.below(rows.len())].clone());
                let mut row: Vec<Value> = (0..tried.columns.len())
                    .map(|position| match (&tried.columns[position], &model) {
                        (pool, Some(model)) if pool.is_read && random.below(8) > 0 => model[position].clone(),
                        (pool, _) if pool.is_read => drawn(pool, style, random),
                        _ => unread(tried, position, at),
                    })
                    .collect();
                for key in &tried.table.foreign_keys {
                    let others = if key.table == tried.table.key { &rows[..] } else { database.rows(&key.table) };
                    let Some(positions) = referred(subject, key) else { continue };
                    if key.columns.iter().any(|&own| row[own].is_null()) {
                        continue;
                    }
                    let other = if others.is_empty() { None } else { Some(&others[random.below(others.len())]) };
                    for (&own, &other_at) in key.columns.iter().zip(&positions) {
                        row[own] = other.map_or(Value::Null, |other| other[other_at].clone());
                    }
                }
                if is_unique(tried.table, &rows, &row) {
                    rows.push(row);
                    break;
                }
            }
        }
        // A row that must refer to something and cannot is left out.
        rows.retain(|row| {
            tried.table.columns.iter().zip(row).all(|(column, value)| column.is_nullable || !value.is_null())
        });
        database.insert(&Arc::clone(&tried.table.key), rows);
    }
    database
}

fn drawn(pool: &Pool, style: Style, random: &mut Random) -> Value {
    if pool.may_be_null && random.below(8) < style.nulls {
        return Value::Null;
    }
    if style.has_extremes && !pool.extreme.is_empty() && random.below(4) == 0 {
        return pool.extreme[random.below(pool.extreme.len())].clone();
    }
    let n = pool.mild.len();
    let at = style.first + random.below(style.n_values.min(n));
    pool.mild.get(at % n.max(1)).cloned().unwrap_or(Value::Null)
}

/// A sequence of numbers that look drawn (xorshift; Marsaglia 2003).
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn new(seed: u64, number: u64) -> Self {
        let mut random = Self((seed << 32 | number).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d);
        // Seeds that are close start alike.
        for _ in 0..4 {
            random.below(2);
        }
        random
    }

    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % n.max(1) as u64).unwrap_or(0)
    }
}
