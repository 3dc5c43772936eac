//! Diagnostics: what is told to whoever wrote the input, with a stable code and a span.

use std::fmt;
use std::sync::Arc;

/// A range of bytes in one source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end`, in bytes.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: u32::try_from(start).unwrap_or(u32::MAX), end: u32::try_from(end).unwrap_or(u32::MAX) }
    }

    /// Line and column of the first byte in `text`, both counted from 1; columns in characters.
    #[must_use]
    pub fn line_column(self, text: &str) -> (usize, usize) {
        let mut end = (self.start as usize).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
        (line, column)
    }
}

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; changes no exit code.
    Note,
    /// One model is left as it was (exit 1); under `--strict` a project error.
    Model,
    /// The project cannot be optimised (exit 2).
    Project,
}

impl Severity {
    /// The word used in output: `note`, `warning` or `error`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Model => "warning",
            Self::Project => "error",
        }
    }
}

/// One message to whoever wrote the input.
///
/// `message` is lower case, without full stop, names things in backticks and says what was found
/// and what was expected; `help` names the next step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Stable code such as `SQL-0007`; never renumbered.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The file or model the span lies in.
    pub source: Arc<str>,
    /// Where in the source.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic that leaves one model opaque.
    #[must_use]
    pub fn model(code: &'static str, source: &Arc<str>, span: Span, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Model, source: Arc::clone(source), span, message: message.into(), help: None }
    }

    /// A diagnostic that stops the project.
    #[must_use]
    pub fn project(code: &'static str, source: &Arc<str>, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Project, ..Self::model(code, source, span, message) }
    }

    /// A remark that changes no exit code.
    #[must_use]
    pub fn note(code: &'static str, source: &Arc<str>, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::model(code, source, span, message) }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}] {}: {}", self.severity.word(), self.code, self.source, self.message)?;
        if let Some(help) = &self.help {
            write!(f, "; {help}")?;
        }
        Ok(())
    }
}

/// The candidate nearest to `found`, when near enough for a "did you mean".
///
/// Distance is Levenshtein on lower-cased text; ties go to the first candidate in order.
pub fn nearest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let found = found.to_lowercase();
    let length = found.chars().count();
    let limit = (length / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    // Names of other lengths are as far away at least; a project of many models has many names.
    for candidate in candidates.into_iter().filter(|name| name.chars().count().abs_diff(length) <= limit) {
        let distance = edit_distance(&found, &candidate.to_lowercase());
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{Span, nearest};

    #[test]
    fn did_you_mean() {
        assert_eq!(nearest("revenu", ["country", "revenue"]), Some("revenue"));
        assert_eq!(nearest("xyz", ["country", "revenue"]), None);
    }

    #[test]
    fn lines_and_columns() {
        assert_eq!(Span::new(4, 5).line_column("ab\nçd"), (2, 1));
        assert_eq!(Span::new(5, 6).line_column("ab\nçd"), (2, 2));
    }
}
