//! Rule files as clauses: a clause begins with its keyword at the start of a line and runs to the
//! next one. What a clause holds is read by `parse`; how it is laid out, by `layout`.

use std::sync::Arc;

use isomer_ir::{Diagnostic, Span};

/// Every keyword that begins a clause.
pub const KEYWORDS: &[&str] = &[
    "rule", "fact", "class", "phase", "tag", "budget", "source", "for", "match", "native", "when", "example",
    "refuses", "given", "rows", "input", "expect", "wrong",
];

/// Clauses whose text in double quotes may run over lines and hold anything, keywords too.
const QUOTED: &[&str] = &["rule", "source", "example", "refuses"];

/// What a line of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineKind {
    /// Begins a clause.
    Keyword(&'static str),
    /// Goes on with the clause before it, or stands before the first one.
    More,
    /// `--` at its beginning.
    Comment,
    /// Nothing.
    Blank,
}

/// A line of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'t> {
    /// The line with its break.
    pub(crate) text: &'t str,
    /// Where it begins in the file.
    pub(crate) start: usize,
    pub(crate) kind: LineKind,
}

impl<'t> Line<'t> {
    /// Without white space on either side.
    pub(crate) fn trimmed(&self) -> &'t str {
        self.text.trim()
    }

    /// Bytes of white space at its beginning.
    pub(crate) fn indent(&self) -> usize {
        self.text.len() - self.text.trim_start().len()
    }
}

/// A clause of a file: keyword, text behind it, and where that text begins.
#[derive(Debug, Clone)]
pub(crate) struct Clause {
    pub(crate) keyword: &'static str,
    /// Comment lines within it are blanks, so that every place in it is one in the file.
    pub(crate) text: String,
    pub(crate) start: usize,
    pub(crate) keyword_start: usize,
}

impl Clause {
    /// Keyword and text.
    pub(crate) fn span(&self) -> Span {
        Span::new(self.keyword_start, self.start + self.text.trim_end().len())
    }

    /// A piece of its text, which begins at `offset`, without white space on either side.
    pub(crate) fn span_of(&self, offset: usize, piece: &str) -> Span {
        let lead = piece.len() - piece.trim_start().len();
        Span::new(self.start + offset + lead, self.start + offset + piece.trim_end().len())
    }
}

/// The lines of a file, and whether a text in double quotes is open at its end.
pub(crate) fn lines(text: &str) -> (Vec<Line<'_>>, bool) {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut keyword = "";
    let mut is_in_string = false;
    for text in text.split_inclusive('\n') {
        let trimmed = text.trim_start();
        let word_length = trimmed.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(trimmed.len());
        let word = &trimmed[..word_length];
        let found = KEYWORDS.iter().find(|known| **known == word);
        let kind = match found {
            _ if is_in_string => LineKind::More,
            _ if trimmed.trim().is_empty() => LineKind::Blank,
            _ if trimmed.starts_with("--") => LineKind::Comment,
            Some(found) => {
                keyword = found;
                LineKind::Keyword(found)
            }
            None => LineKind::More,
        };
        if QUOTED.contains(&keyword) && kind != LineKind::Comment {
            is_in_string ^= text.matches('"').count() % 2 == 1;
        }
        lines.push(Line { text, start, kind });
        start += text.len();
    }
    (lines, is_in_string)
}

/// The clauses of a file; what stands before the first one is told.
pub(crate) fn clauses(file: &Arc<str>, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<Clause> {
    let (lines, is_open) = lines(text);
    let mut clauses: Vec<Clause> = Vec::new();
    for line in lines {
        match (line.kind, clauses.last_mut()) {
            (LineKind::Keyword(keyword), _) => {
                let keyword_start = line.start + line.indent();
                let start = keyword_start + keyword.len();
                let text = line.text[start - line.start..].to_owned();
                clauses.push(Clause { keyword, text, start, keyword_start });
            }
            (LineKind::More, None) => {
                let found: String = line.trimmed().chars().take(20).collect();
                let span = Span::new(line.start + line.indent(), line.start + line.text.trim_end().len());
                let message = format!("found `{found}`, expected `rule NAME`");
                let told = Diagnostic::project("RULE-0001", file, span, message);
                diagnostics.push(told.with_help("begin each rule with `rule its-name`"));
            }
            (LineKind::Comment | LineKind::Blank, None) => {}
            (LineKind::Comment, Some(last)) => {
                last.text.extend(line.text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
            }
            (LineKind::More | LineKind::Blank, Some(last)) => last.text.push_str(line.text),
        }
    }
    if let (true, Some(last)) = (is_open, clauses.last()) {
        let message = format!("the text of `{}` is not closed", last.keyword);
        let span = Span::new(last.keyword_start, last.start);
        let told = Diagnostic::project("RULE-0015", file, span, message);
        diagnostics.push(told.with_help("end it with a double quote"));
    }
    clauses
}
