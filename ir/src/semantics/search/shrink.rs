//! Cutting a counterexample down: fewer rows, then plainer values, while the difference stays.

use std::sync::Arc;

use super::domain::Subject;
use super::obeys::obeys;
use super::{Budget, Counterexample, Difference, Outcome, difference};
use crate::semantics::Database;
use crate::semantics::compare::is_same;

/// Smaller databases that are tried at most.
const MAX_ATTEMPTS: usize = 2_000;

/// The counterexample of a database, cut down.
pub(super) fn shrunk(
    subject: &Subject<'_>,
    budget: &Budget,
    database: Database,
    wanted: Difference,
    attempt: &mut dyn FnMut(&Database) -> Outcome,
) -> Counterexample {
    let mut n_left = MAX_ATTEMPTS;
    let mut differs = |database: &Database| {
        if n_left == 0 || !obeys(subject, database) {
            return false;
        }
        n_left -= 1;
        difference(&attempt(database), budget) == Some(wanted)
    };
    let mut database = database;
    loop {
        let is_smaller = drop_rows(subject, &mut database, &mut differs);
        let is_plainer = plain_values(subject, &mut database, &mut differs);
        if !is_smaller && !is_plainer {
            break;
        }
    }
    let outcome = attempt(&database);
    Counterexample { database, difference: wanted, outcome }
}

fn drop_rows(subject: &Subject<'_>, database: &mut Database, differs: &mut dyn FnMut(&Database) -> bool) -> bool {
    let mut has_changed = false;
    // Tables that refer to others come last, and lose their rows first.
    for tried in subject.tables.iter().rev() {
        let mut at = database.rows(&tried.table.key).len();
        while at > 0 {
            at -= 1;
            let mut smaller = database.clone();
            if let Some(rows) = smaller.rows_mut(&tried.table.key) {
                rows.remove(at);
            }
            if differs(&smaller) {
                *database = smaller;
                has_changed = true;
            }
        }
    }
    has_changed
}

fn plain_values(subject: &Subject<'_>, database: &mut Database, differs: &mut dyn FnMut(&Database) -> bool) -> bool {
    let mut has_changed = false;
    for tried in &subject.tables {
        let key = Arc::clone(&tried.table.key);
        for at in 0..database.rows(&key).len() {
            for (position, pool) in tried.columns.iter().enumerate() {
                let own = database.rows(&key)[at][position].clone();
                // A value that comes earlier is plainer; NULL stays where it is needed only.
                for value in pool.mild.iter().take(4) {
                    if is_same(value, &own) {
                        break;
                    }
                    let mut plainer = database.clone();
                    if let Some(rows) = plainer.rows_mut(&key) {
                        rows[at][position] = value.clone();
                    }
                    if differs(&plainer) {
                        *database = plainer;
                        has_changed = true;
                        break;
                    }
                }
            }
        }
    }
    has_changed
}
