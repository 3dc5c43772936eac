//! `fact T.c unique`: constraints that a rule file declares of the project's tables.

use std::fmt;
use std::sync::Arc;

use isomer_ir::{Diagnostic, Span};

use crate::clause::Clause;

/// A declared constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The table, as written.
    pub table: String,
    /// Its columns, as written.
    pub columns: Vec<String>,
    /// What holds of them.
    pub claim: Claim,
    /// The file.
    pub file: Arc<str>,
    /// Line in the file, counted from 1.
    pub line: usize,
    /// Where it stands.
    pub span: Span,
}

/// What a fact says of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// No two rows agree on all of them.
    Unique,
    /// None of them is ever NULL.
    NotNull,
    /// Every value that is not NULL occurs in these columns of another table.
    References {
        /// The other table.
        table: String,
        /// Its columns, as many.
        columns: Vec<String>,
    },
}

impl Fact {
    /// Who declared it, as in `rules/mine.rules:3`.
    #[must_use]
    pub fn declared_by(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", place(&self.table, &self.columns))?;
        match &self.claim {
            Claim::Unique => f.write_str("unique"),
            Claim::NotNull => f.write_str("not null"),
            Claim::References { table, columns } => write!(f, "references {}", place(table, columns)),
        }
    }
}

fn place(table: &str, columns: &[String]) -> String {
    match columns {
        [one] => format!("{table}.{one}"),
        several => format!("{table}({})", several.join(", ")),
    }
}

/// Reads the text of a `fact`.
pub(crate) fn fact(
    file: &Arc<str>,
    clause: &Clause,
    file_text: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Fact> {
    let span = clause.span_of(0, &clause.text);
    let read = || {
        let (table, columns, rest) = columns_of(clause.text.trim())?;
        let words: Vec<&str> = rest.split_whitespace().collect();
        let claim = match words.as_slice() {
            ["unique"] => Claim::Unique,
            ["not", "null"] => Claim::NotNull,
            ["references", ..] => {
                let (table, referred, behind) = columns_of(rest.trim().strip_prefix("references")?.trim())?;
                if !behind.trim().is_empty() || referred.len() != columns.len() {
                    return None;
                }
                Claim::References { table, columns: referred }
            }
            _ => return None,
        };
        let (line, _) = span.line_column(file_text);
        Some(Fact { table, columns, claim, file: Arc::clone(file), line, span })
    };
    let fact = read();
    if fact.is_none() {
        let found = clause.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let message = format!("found the fact `{found}`, which cannot be read");
        let help = "write `fact orders.id unique`, `fact orders.id not null`, `fact lines(a, b) unique` or \
                    `fact orders.cid references customers.id`";
        diagnostics.push(Diagnostic::project("RULE-0056", file, span, message).with_help(help));
    }
    fact
}

/// `table.column` or `table(column, …)` with what stands behind it.
fn columns_of(text: &str) -> Option<(String, Vec<String>, &str)> {
    let is_name = |name: &str| !name.is_empty() && !name.contains(char::is_whitespace);
    let end = text.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    if let Some(list) = rest.trim_start().strip_prefix('(') {
        let (list, rest) = list.split_once(')')?;
        let columns: Vec<String> = list.split(',').map(|column| column.trim().to_owned()).collect();
        return (is_name(head) && columns.iter().all(|column| is_name(column)))
            .then(|| (head.to_owned(), columns, rest));
    }
    let (table, column) = head.rsplit_once('.')?;
    (is_name(table) && is_name(column)).then(|| (table.to_owned(), vec![column.to_owned()], rest))
}
