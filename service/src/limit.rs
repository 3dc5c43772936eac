//! How long a statement of a project may take when it is executed, and what is told of one that took longer.
//! Engines stop it.

use std::sync::Arc;
use std::time::Duration;

use isomer_engines::{EngineError, EngineKind};
use isomer_ir::{Diagnostic, Span};

use crate::execute::causes;
use crate::optimize::Optimised;

/// The code of a statement that was stopped.
pub const LATE: &str = "RUN-0001";

/// The usual limit over made-up rows. They are few: what takes longer never ends, such as a recursion that
/// goes round in a circle of keys.
const OVER_MADE_ROWS: Duration = Duration::from_secs(60);

/// How long each statement may take; loading the sources is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Limit {
    /// A minute where rows of a source are made up, else as long as it takes.
    #[default]
    Usual,
    /// As long as it takes.
    None,
    /// So long.
    Of(Duration),
}

impl Limit {
    /// The limit that a number of seconds says: none for 0, the usual one without a number.
    #[must_use]
    pub fn of_seconds(seconds: Option<u32>) -> Self {
        match seconds {
            None => Self::Usual,
            Some(0) => Self::None,
            Some(seconds) => Self::Of(Duration::from_secs(seconds.into())),
        }
    }

    pub(crate) fn duration(self, has_made_rows: bool) -> Option<Duration> {
        match self {
            Self::Usual => has_made_rows.then_some(OVER_MADE_ROWS),
            Self::None => None,
            Self::Of(limit) => Some(limit),
        }
    }
}

/// Why an execution did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfinished {
    /// A statement was stopped.
    #[error("`{name}` took longer than {} s on {} and was stopped", limit.as_secs_f64(), engine.name())]
    Late {
        /// The model or shared step.
        name: Arc<str>,
        /// Where.
        engine: EngineKind,
        /// How long it was let run.
        limit: Duration,
    },
    /// Anything else, in a sentence.
    #[error("{0}")]
    Failed(String),
}

impl Unfinished {
    /// What an engine's error is to a model or shared step.
    pub(crate) fn of(name: &Arc<str>, engine: EngineKind, error: &EngineError) -> Self {
        match error {
            EngineError::Timeout(limit) => Self::Late { name: Arc::clone(name), engine, limit: *limit },
            error => Self::Failed(format!("`{name}`: {}", causes(error))),
        }
    }

    /// What is told of a statement that was stopped.
    pub(crate) fn diagnostic(&self, optimised: &Optimised) -> Option<Diagnostic> {
        let Self::Late { name, .. } = self else { return None };
        let selected = optimised.project.project.models.iter();
        let model = selected.chain(optimised.upstream.iter().map(|(model, _)| model)).find(|model| model.name == *name);
        let (source, n_text) = model.map_or((name, 0), |model| (&model.path, model.runnable().len()));
        let told = Diagnostic::model(LATE, source, Span::new(0, n_text), self.to_string());
        Some(told.with_help(
            "give it more time with `--timeout SECONDS`; a recursion under `UNION ALL` ends only when its step finds \
             no more rows, so give its sources rows on which it does (`data:` in `isomer.yml`)",
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Limit, OVER_MADE_ROWS};

    #[test]
    fn only_made_rows_are_limited_unasked() {
        let of = |seconds| [true, false].map(|has_made_rows| Limit::of_seconds(seconds).duration(has_made_rows));
        let two = Some(Duration::from_secs(2));
        assert_eq!(of(None), [Some(OVER_MADE_ROWS), None]);
        assert_eq!(of(Some(0)), [None, None]);
        assert_eq!(of(Some(2)), [two, two]);
    }
}
