//! Runs the steps of a pipeline in order and times each.

use std::time::Instant;

use isomer_ir::Materialise;

use crate::{Engine, EngineError};

/// One relation to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its name as in SQL.
    pub name: String,
    /// How its rows are kept.
    pub how: Materialise,
    /// The `SELECT`.
    pub sql: String,
    /// Whether the optimizer made it for several readers.
    pub is_shared: bool,
}

/// What [`run_statements`] tells while it works.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A step begins.
    Started {
        /// Its position, from 0.
        position: usize,
        /// How many there are.
        count: usize,
        /// What is made.
        statement: &'a Statement,
    },
    /// A step is done.
    Finished {
        /// Its position, from 0.
        position: usize,
        /// How many there are.
        count: usize,
        /// What it took.
        run: &'a StepRun,
    },
}

/// What one step took.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRun {
    /// Name of the relation.
    pub name: String,
    /// Wall time in milliseconds.
    pub millis: f64,
    /// Rows of a stored relation; a view has none of its own.
    pub n_rows: Option<u64>,
    /// Whether the optimizer made it for several readers.
    pub is_shared: bool,
}

/// A step that failed; the ones before it are made.
#[derive(Debug, thiserror::Error)]
#[error("step `{name}` failed")]
pub struct StepError {
    /// Name of the relation.
    pub name: String,
    /// The steps that were made before.
    pub done: Vec<StepRun>,
    /// Why.
    #[source]
    pub source: EngineError,
}

/// Makes the relations in order.
///
/// # Errors
/// When a step fails; the error holds what was made before it.
pub fn run_statements(
    engine: &Engine,
    statements: &[Statement],
    progress: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<StepRun>, Box<StepError>> {
    let count = statements.len();
    let mut done = Vec::with_capacity(count);
    for (position, statement) in statements.iter().enumerate() {
        progress(Event::Started { position, count, statement });
        let start = Instant::now();
        let n_rows = match engine.create(&statement.name, statement.how, &statement.sql) {
            Ok(n_rows) => n_rows,
            Err(source) => return Err(Box::new(StepError { name: statement.name.clone(), done, source })),
        };
        let millis = start.elapsed().as_secs_f64() * 1000.0;
        let run = StepRun { name: statement.name.clone(), millis, n_rows, is_shared: statement.is_shared };
        progress(Event::Finished { position, count, run: &run });
        done.push(run);
    }
    Ok(done)
}
