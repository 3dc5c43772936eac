//! Samples: rows of a relation that chance picks.

use std::fmt;
use std::sync::Arc;

/// Which rows [`crate::Plan::Sample`] picks, in the words of the text.
///
/// No rule reads it: what is picked depends on the engine, its threads and how the table is stored, also
/// where a seed is given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sampling {
    /// How rows are picked, where the text says.
    pub method: Option<SampleMethod>,
    /// How many.
    pub size: SampleSize,
    /// The seed, as written.
    pub seed: Option<i64>,
    /// Tells samples apart: two of the same words draw for themselves.
    pub serial: u32,
}

/// How a sample picks rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SampleMethod {
    /// Each row by itself.
    Bernoulli,
    /// Blocks of rows as they are stored.
    System,
    /// A fixed number of rows.
    Reservoir,
}

/// How many rows a sample has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SampleSize {
    /// About this percentage; digits as written.
    Percent(Arc<str>),
    /// This many rows, or all where there are fewer.
    Rows(u64),
}

impl SampleMethod {
    /// The word, in capitals.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Bernoulli => "BERNOULLI",
            Self::System => "SYSTEM",
            Self::Reservoir => "RESERVOIR",
        }
    }
}

impl fmt::Display for Sampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.size {
            SampleSize::Percent(percent) => write!(f, "{percent} percent")?,
            SampleSize::Rows(rows) => write!(f, "{rows} rows")?,
        }
        if let Some(method) = self.method {
            write!(f, " {}", method.word().to_lowercase())?;
        }
        if let Some(seed) = self.seed {
            write!(f, " seed {seed}")?;
        }
        Ok(())
    }
}
