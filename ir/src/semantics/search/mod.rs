//! The search for a database that tells two queries apart.
//!
//! First all databases of up to two rows a table over NULL and two values, where these are few;
//! then random ones, seeded with the queries' own literals and their neighbours. Every database
//! obeys the catalog: types, NOT NULL, keys, references. What differs is cut down to few rows of
//! plain values. The same budget finds the same counterexample.

mod compared;
mod domain;
mod every;
mod made;
mod obeys;
mod shrink;

use crate::semantics::{Database, EvalError, Rows, evaluate};
use crate::{Arena, Catalog, Output};

pub use compared::{Compared, ModelOf};
pub use domain::Subject;

/// How far a search goes, and what counts as a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Other seeds make other random databases.
    pub seed: u64,
    /// Most small databases that are tried one by one; where there are more, those with one row a
    /// table are tried, or none.
    pub n_every: usize,
    /// Random databases.
    pub n_random: usize,
    /// Rows of a table in a random database.
    pub max_rows: usize,
    /// Whether the order of the rows counts, for a first query that has one.
    pub is_order_compared: bool,
    /// Which failures of one query alone count.
    pub failures: Failures,
}

/// Which failures of one query alone are a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failures {
    /// Those of either query.
    Either,
    /// Those of the second, which is to stand for the first.
    OfSecond,
    /// None: a database on which a query fails says nothing.
    Neither,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            seed: 1,
            n_every: 4_000,
            n_random: 2_000,
            max_rows: 5,
            is_order_compared: true,
            failures: Failures::Either,
        }
    }
}

/// What two queries give on one database.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Of the first query.
    pub first: Result<Rows, EvalError>,
    /// Of the second.
    pub second: Result<Rows, EvalError>,
}

/// How two results differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// Both give rows, and other ones.
    Rows,
    /// Only the first query fails.
    FirstFails,
    /// Only the second query fails.
    SecondFails,
}

/// A database that tells two queries apart, cut down.
#[derive(Debug, Clone)]
pub struct Counterexample {
    /// Rows of every table that either query reads, and of those that they refer to.
    pub database: Database,
    /// How the results differ.
    pub difference: Difference,
    /// The results.
    pub outcome: Outcome,
}

/// What a search found.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The first counterexample; rows go before failures.
    pub counterexample: Option<Counterexample>,
    /// Databases that were tried.
    pub n_tried: usize,
    /// Those on which both queries had an outcome that could be compared.
    pub n_compared: usize,
    /// The first reason why a database could not be compared, or why none could be made.
    pub open: Option<&'static str>,
}

/// Searches for a database on which two queries over the same catalog differ.
///
/// Only tables of the catalog are read: models that the queries scan must have been inlined.
/// Finding none proves nothing; [`Search::n_compared`] says how hard was tried.
#[must_use]
pub fn counterexample(first: &Output, second: &Output, arena: &Arena, catalog: &Catalog, budget: &Budget) -> Search {
    let subject = Subject::of(&[first, second], arena, catalog);
    search(&subject, budget, &mut |database| Outcome {
        first: evaluate(first, arena, database),
        second: evaluate(second, arena, database),
    })
}

/// Searches for a database on which `attempt` gives two results that differ.
///
/// `attempt` must be deterministic: it is called again for smaller databases.
pub fn search(subject: &Subject<'_>, budget: &Budget, attempt: &mut dyn FnMut(&Database) -> Outcome) -> Search {
    let mut report = Search::default();
    if let Some(reason) = subject.open {
        report.open = Some(reason);
        return report;
    }
    let mut failure: Option<(Database, Difference)> = None;
    let mut found = None;
    let mut visit = |database: Database| -> bool {
        report.n_tried += 1;
        let outcome = attempt(&database);
        if let (Err(EvalError::Unsupported(what)), _) | (_, Err(EvalError::Unsupported(what))) =
            (&outcome.first, &outcome.second)
        {
            report.open.get_or_insert(*what);
            return true;
        }
        report.n_compared += 1;
        match difference(&outcome, budget) {
            None => true,
            Some(Difference::Rows) => {
                found = Some((database, Difference::Rows));
                false
            }
            Some(difference) => {
                // Other rows say more than a failure, so the search goes on for them.
                failure.get_or_insert((database, difference));
                true
            }
        }
    };
    if every::databases(subject, budget.n_every, &mut visit) {
        made::databases(subject, budget, &mut visit);
    }
    if let Some((database, difference)) = found.or(failure) {
        report.counterexample = Some(shrink::shrunk(subject, budget, database, difference, attempt));
    }
    report
}

/// How the results differ, if they do in a way that counts.
#[must_use]
pub fn difference(outcome: &Outcome, budget: &Budget) -> Option<Difference> {
    match (&outcome.first, &outcome.second) {
        (Ok(first), Ok(second)) => {
            let is_met = if budget.is_order_compared { first.is_answered_by(second) } else { first.same_bag(second) };
            (!is_met).then_some(Difference::Rows)
        }
        (Err(EvalError::Raised(_)), Ok(_)) if budget.failures == Failures::Either => Some(Difference::FirstFails),
        (Ok(_), Err(EvalError::Raised(_))) if budget.failures != Failures::Neither => Some(Difference::SecondFails),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => None,
    }
}
