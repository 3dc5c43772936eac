//! Rule files laid out in one way: indents, keywords in a column, one blank line between rules.
//! Words, line breaks within clauses and comments stay as they were written.

use crate::clause::{Line, LineKind, lines};

/// A file laid out. A second time changes nothing.
///
/// Meant for files without faults; what stands before the first clause is kept as it is.
#[must_use]
pub fn layout(text: &str) -> String {
    let (lines, _) = lines(text);
    let mut out = Out::default();
    let mut position = 0;
    while position < lines.len() {
        let line = lines[position];
        match line.kind {
            LineKind::Blank => {
                out.blank();
                position += 1;
            }
            LineKind::Comment | LineKind::More => {
                // A comment belongs to the clause that it stands before.
                let next = lines[position..].iter().find_map(|line| keyword(line.kind));
                let indent = next.map_or(0, indent_of);
                if let (true, Some("rule" | "fact")) = (out.is_in_rule, next) {
                    out.blank();
                    out.is_in_rule = false;
                }
                out.line(indent, line.trimmed());
                position += 1;
            }
            LineKind::Keyword(keyword) => {
                let is_head = matches!(keyword, "rule" | "fact");
                if is_head && out.is_in_rule {
                    out.blank();
                }
                out.is_in_rule |= keyword == "rule";
                let end = end_of_clause(&lines, position);
                clause(keyword, &lines[position..end], &mut out);
                position = end;
            }
        }
    }
    out.text
}

#[derive(Default)]
struct Out {
    text: String,
    is_in_rule: bool,
}

impl Out {
    fn line(&mut self, indent: usize, text: &str) {
        if !text.is_empty() {
            self.text.push_str(&" ".repeat(indent));
            self.text.push_str(text);
        }
        self.text.push('\n');
    }

    /// At most one blank line, and none at the beginning.
    fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }
}

fn keyword(kind: LineKind) -> Option<&'static str> {
    match kind {
        LineKind::Keyword(keyword) => Some(keyword),
        LineKind::More | LineKind::Comment | LineKind::Blank => None,
    }
}

fn indent_of(keyword: &str) -> usize {
    match keyword {
        "rule" | "fact" => 0,
        "given" | "rows" | "input" | "expect" | "wrong" => 4,
        _ => 2,
    }
}

/// Width in which a keyword stands, the blank behind it included.
fn column_of(keyword: &str) -> usize {
    let least = match indent_of(keyword) {
        0 => 0,
        2 => 6,
        _ => 7,
    };
    least.max(keyword.len() + 1)
}

/// The line after the last one that says something for the clause at `start`.
fn end_of_clause(lines: &[Line<'_>], start: usize) -> usize {
    let more = lines[start + 1..].iter().take_while(|line| keyword(line.kind).is_none());
    let last = more.enumerate().filter(|(_, line)| line.kind == LineKind::More).last();
    start + 1 + last.map_or(0, |(position, _)| position + 1)
}

fn clause(keyword: &'static str, lines: &[Line<'_>], out: &mut Out) {
    let Some((first, rest)) = lines.split_first() else { return };
    let text = first.trimmed()[keyword.len()..].trim();
    let is_quoted = matches!(keyword, "rule" | "source" | "example" | "refuses");
    let indent = indent_of(keyword);
    let column = column_of(keyword);
    let head = match keyword {
        "class" | "phase" | "tag" | "for" | "when" | "budget" | "native" => folded(text),
        _ => text.to_owned(),
    };
    let head = if matches!(keyword, "class" | "phase" | "tag") { settings(&head) } else { head };
    out.line(indent, format!("{keyword:<column$}{head}").trim_end());
    let hang = if keyword == "rule" { 2 } else { indent + column };
    let base = rest.iter().filter(|line| line.kind == LineKind::More).filter(|line| !is_arrow(line.trimmed()));
    let base = base.filter(|line| !is_opening(keyword, line)).map(Line::indent).min().unwrap_or(0);
    for line in rest {
        let text = line.trimmed();
        match line.kind {
            LineKind::Comment => out.line(indent, text),
            LineKind::More if is_arrow(text) && keyword == "match" => {
                let (arrow, behind) = text.split_at(text.find('>').map_or(0, |at| at + 1));
                out.line(indent, format!("{arrow:<column$}{}", behind.trim_start()).trim_end());
            }
            LineKind::More if is_opening(keyword, line) => out.line(hang, text),
            // Prose hangs by one blank under its quote; SQL keeps its shape.
            LineKind::More if is_quoted => out.line(if keyword == "rule" { hang + 1 } else { hang }, text),
            LineKind::More => out.line(hang + line.indent().saturating_sub(base), text),
            LineKind::Blank | LineKind::Keyword(_) => out.line(0, ""),
        }
    }
}

/// Whether a line of a `match` begins its template.
fn is_arrow(text: &str) -> bool {
    text.starts_with("=>") || text.starts_with("<=>")
}

/// Whether a line opens the text of a rule.
fn is_opening(keyword: &str, line: &Line<'_>) -> bool {
    keyword == "rule" && line.trimmed().starts_with('"')
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `class`, `phase` and `tag` of one line stand two blanks apart.
fn settings(text: &str) -> String {
    let mut text = text.to_owned();
    for word in ["class", "phase", "tag"] {
        text = text.replace(&format!(" {word} "), &format!("  {word} "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::layout;

    const LOOSE: &str = "-- A head.\n\n\n\nrule one\n      \"Says\n  what.\"\n class exact phase user\n\
        -- why\nfor x   expr,  y expr\n  match   upper(upper($x))\n =>   upper($x)\n  when deterministic($x)\n\
        example \"one\"\n given t(id int key)\n  input SELECT id,\n      upper(s)\n    FROM t\n expect SELECT 1\n\
        -- between\nrule two \"B.\"\n  match 1  =>  2\n-- the end\n";

    const NEAT: &str = "-- A head.\n\nrule one\n  \"Says\n   what.\"\n  class exact  phase user\n\
        \x20 -- why\n  for   x expr, y expr\n  match upper(upper($x))\n  =>    upper($x)\n  when  deterministic($x)\n\
        \x20 example \"one\"\n    given  t(id int key)\n    input  SELECT id,\n             upper(s)\n           FROM t\n\
        \x20   expect SELECT 1\n\n-- between\nrule two \"B.\"\n  match 1  =>  2\n-- the end\n";

    #[test]
    fn a_file_is_laid_out_once() {
        let found = layout(LOOSE);
        assert_eq!(found, NEAT, "\n{found}");
        assert_eq!(layout(NEAT), NEAT);
    }
}
