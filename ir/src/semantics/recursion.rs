//! Recursions: the step over the rows of the round before, until a round gives none.

use std::rc::Rc;

use super::relation::{Relation, count, distinct, named};
use super::scalar::Eval;
use super::{Cell, EvalError};
use crate::{ColumnId, Recursion};

/// Rounds after which a recursion counts as one that does not end. Tiny databases end long before.
const MAX_ROUNDS: usize = 60;
/// Rows after which it does: a step may double them each time.
const MAX_ROWS: usize = 4_000;

impl Eval<'_> {
    pub(super) fn recursion(&self, recursion: &Recursion) -> Result<Relation, EvalError> {
        let Recursion { base, base_columns, step, step_columns, work: _, columns, is_distinct } = recursion;
        let base = self.relation(base)?;
        let mut round = self.taken(&base, base_columns, columns);
        if *is_distinct {
            round = distinct(round)?;
        }
        let mut rows: Vec<Vec<Cell>> = round.clone();
        let mut n_rounds = 0;
        while !round.is_empty() {
            n_rounds += 1;
            if n_rounds > MAX_ROUNDS || rows.len() > MAX_ROWS {
                return Err(EvalError::Unsupported("a recursion that goes on for long"));
            }
            self.step()?;
            self.work.borrow_mut().push(Rc::from(round));
            let made = self.relation(step);
            self.work.borrow_mut().pop();
            round = self.taken(&made?, step_columns, columns);
            if *is_distinct {
                let mut new = Vec::new();
                for row in distinct(round)? {
                    if count(&rows, &row)? == 0 {
                        new.push(row);
                    }
                }
                round = new;
            }
            rows.extend(round.iter().cloned());
        }
        Ok(Relation::new(named(columns), rows))
    }

    pub(super) fn work_table(&self, columns: &[ColumnId]) -> Result<Relation, EvalError> {
        let round = self.work.borrow().last().cloned();
        let Some(round) = round else { return Err(EvalError::Unsupported("a work table outside of a recursion")) };
        for _ in round.iter() {
            self.step()?;
        }
        Ok(Relation::new(named(columns), round.to_vec()))
    }
}
