//! Diagnostics for people and for programs: places in lines and columns, severities, exit codes.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use isomer_ir::{Diagnostic, Model, Severity, Span};

use crate::api;

/// The texts that diagnostics point into, by source name.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    texts: BTreeMap<Arc<str>, SourceText>,
}

#[derive(Debug, Clone)]
struct SourceText {
    model: Option<Arc<str>>,
    text: Arc<str>,
}

impl Texts {
    /// The texts that `diagnostics` point into: models by path and by name, other files by path.
    #[must_use]
    pub fn new(diagnostics: &[Diagnostic], models: &[Model], files: &BTreeMap<String, Vec<u8>>) -> Self {
        let mut texts = BTreeMap::new();
        for diagnostic in diagnostics {
            let source = &diagnostic.source;
            if texts.contains_key(source) {
                continue;
            }
            let model = models.iter().find(|model| model.path == *source || model.name == *source);
            let text = match (model, files.get(&**source)) {
                (Some(model), _) => Arc::clone(model.runnable()),
                (None, Some(bytes)) => Arc::from(String::from_utf8_lossy(bytes)),
                (None, None) => Arc::from(""),
            };
            texts.insert(Arc::clone(source), SourceText { model: model.map(|model| Arc::clone(&model.name)), text });
        }
        Self { texts }
    }

    /// Adds a text, for sources that are no files of the project.
    pub fn insert(&mut self, source: &Arc<str>, text: &str) {
        self.texts.insert(Arc::clone(source), SourceText { model: None, text: Arc::from(text) });
    }

    fn place(&self, diagnostic: &Diagnostic) -> (Option<&Arc<str>>, Option<api::Span>) {
        let Some(source) = self.texts.get(&diagnostic.source) else {
            return (None, None);
        };
        let span = (diagnostic.span != Span::default()).then(|| span_in(diagnostic.span, &source.text));
        (source.model.as_ref(), span)
    }
}

/// A span in lines and columns.
pub(crate) fn span_in(span: Span, text: &str) -> api::Span {
    let (line, col) = span.line_column(text);
    let bytes = text.as_bytes().get(span.start as usize..(span.end as usize).min(text.len())).unwrap_or_default();
    api::Span { line, col, len: String::from_utf8_lossy(bytes).chars().count() }
}

/// Diagnostics as they go over the wire, in the given order.
#[must_use]
pub fn wire(diagnostics: &[Diagnostic], texts: &Texts) -> Vec<api::Diagnostic> {
    diagnostics.iter().map(|diagnostic| wire_one(diagnostic, texts)).collect()
}

fn wire_one(diagnostic: &Diagnostic, texts: &Texts) -> api::Diagnostic {
    let (model, span) = texts.place(diagnostic);
    api::Diagnostic {
        code: diagnostic.code,
        severity: diagnostic.severity.word(),
        model: model.map(|name| name.as_ref().to_owned()),
        source: diagnostic.source.as_ref().to_owned(),
        span,
        message: diagnostic.message.clone(),
        help: diagnostic.help.clone(),
    }
}

/// One diagnostic as a line for people: `models/a.sql:3:5: warning[SQL-0007]: message`, and what to
/// do next on a line of its own.
#[must_use]
pub fn line(diagnostic: &api::Diagnostic) -> String {
    let mut line = match diagnostic.span {
        Some(span) => format!("{}:{}:{}", diagnostic.source, span.line, span.col),
        None => diagnostic.source.clone(),
    };
    line.push_str(&format!(": {}[{}]: {}", diagnostic.severity, diagnostic.code, diagnostic.message));
    if let Some(help) = &diagnostic.help {
        line.push_str(&format!("\n  help: {help}"));
    }
    line
}

/// Whether any diagnostic stops the project; under `is_strict` one that concerns a model does.
#[must_use]
pub fn is_fault(diagnostics: &[Diagnostic], is_strict: bool) -> bool {
    diagnostics.iter().any(|diagnostic| match diagnostic.severity {
        Severity::Note => false,
        Severity::Model => is_strict,
        Severity::Project => true,
    })
}

/// Whether any diagnostic is a finding: something that concerns one model.
#[must_use]
pub fn is_finding(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity >= Severity::Model)
}

/// Writes a line to stderr. A closed stderr is no reason to stop.
pub fn stderr_line(line: &str) {
    writeln!(io::stderr().lock(), "{line}").ok();
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use isomer_ir::{Diagnostic, Span};

    use super::{Texts, line, wire};

    #[test]
    fn places_count_characters_from_one() {
        let source: Arc<str> = Arc::from("isomer.yml");
        let files = BTreeMap::from([("isomer.yml".to_owned(), "name: ä\nrows: ö".as_bytes().to_vec())]);
        let diagnostic =
            Diagnostic::project("TEST-0001", &source, Span::new(15, 17), "found `ö`").with_help("write a number");
        let diagnostics = [diagnostic];
        let texts = Texts::new(&diagnostics, &[], &files);
        let wired = wire(&diagnostics, &texts);
        assert_eq!(wired[0].span.map(|span| (span.line, span.col, span.len)), Some((2, 7, 1)));
        assert_eq!(line(&wired[0]), "isomer.yml:2:7: error[TEST-0001]: found `ö`\n  help: write a number");
    }
}
