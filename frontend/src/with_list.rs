//! The `WITH` list of a query as text: where each common table expression stands, and the query
//! behind them.
//!
//! Texts are cut at tokens, not parsed, so that every byte of what is kept stays as it was written.

use std::ops::Range;

use crate::read::skip_token;

/// The parts of a query's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryText {
    /// Common table expressions, in order.
    pub ctes: Vec<CteText>,
    /// Where the query behind them begins; comments before it belong to it.
    pub body: usize,
    /// Where `WITH` stands; the same as `body` where there is none.
    pub head: usize,
    /// Whether the expressions may read themselves: `WITH RECURSIVE`.
    pub is_recursive: bool,
}

/// Where a common table expression stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CteText {
    /// Without quotes.
    pub name: String,
    /// From behind the comma before it to its name: comments and blanks.
    pub lead: Range<usize>,
    /// From its name to its closing bracket.
    pub whole: Range<usize>,
    /// Between its brackets.
    pub inside: Range<usize>,
}

/// Cuts a query's text. `None` for what does not read as one.
#[must_use]
pub fn cut_query(text: &str) -> Option<QueryText> {
    let head = next_code(text, 0)?;
    let word = |at: usize| text[at..skip_token(text, at)].to_ascii_uppercase();
    if word(head) != "WITH" {
        return Some(QueryText { ctes: Vec::new(), body: head, head, is_recursive: false });
    }
    let mut ctes = Vec::new();
    let mut at = skip_token(text, head);
    let first = next_code(text, at)?;
    let is_recursive = word(first) == "RECURSIVE";
    if is_recursive {
        at = skip_token(text, first);
    }
    loop {
        let start = next_code(text, at)?;
        let name = &text[start..skip_token(text, start)];
        let mut open = next_code(text, start + name.len())?;
        if text[open..].starts_with('(') {
            // A list of column names.
            open = next_code(text, closing(text, open)?)?;
        }
        if word(open) != "AS" {
            return None;
        }
        open = next_code(text, skip_token(text, open))?;
        while matches!(word(open).as_str(), "NOT" | "MATERIALIZED") {
            open = next_code(text, skip_token(text, open))?;
        }
        let end = text[open..].starts_with('(').then(|| closing(text, open)).flatten()?;
        ctes.push(CteText {
            name: name.trim_matches(['"', '`']).to_owned(),
            lead: at..start,
            whole: start..end,
            inside: open + 1..end - 1,
        });
        let next = next_code(text, end)?;
        if !text[next..].starts_with(',') {
            return Some(QueryText { ctes, body: end, head, is_recursive });
        }
        at = next + 1;
    }
}

/// Where the next token stands that is neither blank nor comment.
fn next_code(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    while at < text.len() {
        let next = skip_token(text, at);
        let token = &text[at..next];
        if !(token.trim().is_empty() || token.starts_with("--") || token.starts_with("/*")) {
            return Some(at);
        }
        at = next;
    }
    None
}

/// The end of the bracket that opens at `open`.
fn closing(text: &str, open: usize) -> Option<usize> {
    let (mut at, mut depth) = (open, 0_usize);
    while at < text.len() {
        let next = skip_token(text, at);
        match &text[at..next] {
            "(" => depth += 1,
            ")" if depth == 1 => return Some(next),
            ")" => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at = next;
    }
    None
}

/// The comments in a range of a text, each with its place.
#[must_use]
pub fn comments_in(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut comments = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let next = skip_token(text, at);
        if text[at..next].starts_with("--") || text[at..next].starts_with("/*") {
            comments.push(at..next.min(range.end));
        }
        at = next;
    }
    comments
}

#[cfg(test)]
mod tests {
    use super::{comments_in, cut_query};

    fn told(text: &str) -> Option<String> {
        let cut = cut_query(text)?;
        let ctes = cut.ctes.iter().map(|cte| format!("{} <{}> | ", cte.name, &text[cte.inside.clone()]));
        Some(ctes.collect::<String>() + text[cut.body..].trim())
    }

    #[test]
    fn queries() {
        let cases = [
            ("SELECT 1", Some("SELECT 1")),
            ("-- c\nWITH a AS (SELECT ')' -- )\n) SELECT * FROM a", Some("a <SELECT ')' -- )\n> | SELECT * FROM a")),
            (
                "with a (x, y) as materialized (select (1), 2), -- b\n \"B c\" as not materialized (from a) select 1",
                Some("a <select (1), 2> | B c <from a> | select 1"),
            ),
            ("WITH RECURSIVE a(b) AS (SELECT 1), c AS (a) SELECT 1", Some("a <SELECT 1> | c <a> | SELECT 1")),
            ("WITH a AS SELECT 1", None),
            ("WITH a AS (SELECT 1", None),
            ("", None),
        ];
        for (text, expect) in cases {
            assert_eq!(told(text).as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn comments() {
        let text = "a -- b\n'-- c' /* d\n */ e";
        let found: Vec<&str> = comments_in(text, 0..text.len()).into_iter().map(|place| &text[place]).collect();
        assert_eq!(found, ["-- b", "/* d\n */"]);
    }
}
