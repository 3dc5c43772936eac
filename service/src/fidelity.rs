//! The text of a changed model, as close to what its author wrote as it can be.
//!
//! The query that the optimizer chose is written anew. Of the author's text are put back: common
//! table expressions of the same name and the query behind them, where the statement stays one to
//! engines ([`is_same_to_engines`]), and comments, beside the column or clause they stood at. Every
//! text is read again before it is taken, so a piece that would mean something else is left out.

use std::ops::Range;
use std::sync::Arc;

use isomer_frontend::{QueryText, comments_in, cut_query};
use isomer_ir::{Arena, Catalog, Dialect, Model, Output};
use isomer_rewriter::is_same_to_engines;

/// More common table expressions than these are not tried one by one.
const MOST_CTES: usize = 24;

/// The chosen query in its author's words where they still fit; `sql` itself where nothing does.
#[must_use]
pub(crate) fn retold(sql: String, model: &Model, dialect: Dialect, arena: &mut Arena, catalog: &mut Catalog) -> String {
    let (Some(own), Some(new)) = (cut_query(model.runnable()), cut_query(&sql)) else { return sql };
    if model.dialect != dialect || new.ctes.len() > MOST_CTES {
        return sql;
    }
    let mut reader = Reader { path: &model.path, dialect, arena, catalog };
    let Some(chosen) = reader.read(&sql) else { return sql };
    let mut text =
        Text { own: model.runnable(), own_cut: &own, new: &sql, new_cut: &new, kept: Vec::new(), keeps_body: false };
    // What fits all together needs no trial of each.
    let named: Vec<usize> = (0..new.ctes.len()).filter(|&at| text.partner(at).is_some()).collect();
    // Best is the author's whole text with one expression, or all of that name, written anew.
    let singles = named.iter().map(|&at| vec![at]);
    for renewed in singles.chain((named.len() > 1).then(|| named.clone())) {
        for has_comments in [true, false] {
            let patched = text.patched(&renewed, has_comments);
            if reader.is_one(&chosen, &patched) {
                return patched;
            }
        }
    }
    let mut trial = Text { kept: named.clone(), ..text.clone() };
    if !named.is_empty() && reader.is_one(&chosen, &trial.spell(false)) {
        text = trial;
    } else {
        for at in named {
            trial = text.clone();
            trial.kept.push(at);
            if reader.is_one(&chosen, &trial.spell(false)) {
                text = trial;
            }
        }
    }
    trial = Text { keeps_body: true, ..text.clone() };
    if !own.ctes.is_empty() && reader.is_one(&chosen, &trial.spell(false)) {
        text = trial;
    }
    for has_comments in [true, false] {
        let spelled = text.spell(has_comments);
        if reader.is_one(&chosen, &spelled) {
            return spelled;
        }
    }
    sql
}

struct Reader<'a> {
    path: &'a Arc<str>,
    dialect: Dialect,
    arena: &'a mut Arena,
    catalog: &'a mut Catalog,
}

impl Reader<'_> {
    fn read(&mut self, sql: &str) -> Option<Output> {
        isomer_frontend::bind_query(sql, self.path, self.dialect, self.arena, self.catalog).0
    }

    /// Whether a text is the chosen query: the same columns, and one to engines.
    fn is_one(&mut self, chosen: &Output, sql: &str) -> bool {
        let Some(found) = self.read(sql) else { return false };
        let names = |output: &Output| -> Vec<Arc<str>> {
            output.columns.iter().map(|column| Arc::clone(&column.name)).collect()
        };
        names(chosen) == names(&found) && is_same_to_engines(self.arena, self.catalog, chosen, &found)
    }
}

/// A statement of pieces of two texts.
#[derive(Clone)]
struct Text<'a> {
    own: &'a str,
    own_cut: &'a QueryText,
    new: &'a str,
    new_cut: &'a QueryText,
    /// Positions of new expressions in whose place the author's stand.
    kept: Vec<usize>,
    /// Whether the query behind the expressions is the author's.
    keeps_body: bool,
}

impl Text<'_> {
    /// The author's expression of the same name.
    fn partner(&self, at: usize) -> Option<usize> {
        let name = &self.new_cut.ctes[at].name;
        self.own_cut.ctes.iter().position(|cte| cte.name.eq_ignore_ascii_case(name))
    }

    /// The author's text with the insides of these expressions written anew.
    fn patched(&self, renewed: &[usize], has_comments: bool) -> String {
        let Self { own, own_cut, new, new_cut, .. } = *self;
        let mut insides: Vec<(Range<usize>, String)> = Vec::new();
        for &at in renewed {
            let Some(partner) = self.partner(at) else { continue };
            let (inside, written) = (own_cut.ctes[partner].inside.clone(), &new[new_cut.ctes[at].inside.clone()]);
            let written = if has_comments { commented(written, own, inside.clone()) } else { written.to_owned() };
            insides.push((inside, written));
        }
        insides.sort_by_key(|(inside, _)| inside.start);
        let mut text = String::new();
        let mut copied = own.len() - own.trim_start().len();
        for (inside, written) in insides {
            text.push_str(&own[copied..inside.start]);
            text.push_str(&written);
            copied = inside.end;
        }
        let rest = own[copied..].trim_end();
        text.push_str(rest.strip_suffix(';').unwrap_or(rest).trim_end());
        text
    }

    fn spell(&self, has_comments: bool) -> String {
        let Self { own, own_cut, new, new_cut, .. } = *self;
        let mut text = String::new();
        if has_comments {
            text.push_str(own[..own_cut.head].trim_start());
        }
        for (at, cte) in new_cut.ctes.iter().enumerate() {
            let partner = self.partner(at).map(|partner| &own_cut.ctes[partner]);
            let head = if new_cut.is_recursive { "WITH RECURSIVE" } else { "WITH" };
            text.push_str(if at == 0 { head } else { ",\n" });
            let lead = partner.filter(|_| has_comments).map(|partner| own[partner.lead.clone()].trim());
            if let Some(lead) = lead.filter(|lead| !lead.is_empty()) {
                // A comment before the first name follows its `WITH`.
                text.push_str(if at == 0 { "\n" } else { "" });
                text.push_str(lead);
                text.push('\n');
            } else if at == 0 {
                text.push(' ');
            }
            match partner {
                Some(partner) if self.kept.contains(&at) => text.push_str(&own[partner.whole.clone()]),
                Some(partner) if has_comments => {
                    let (start, end) = (cte.inside.start - cte.whole.start, cte.inside.end - cte.whole.start);
                    let whole = &new[cte.whole.clone()];
                    text.push_str(&whole[..start]);
                    text.push_str(&commented(&whole[start..end], own, partner.inside.clone()));
                    text.push_str(&whole[end..]);
                }
                _ => text.push_str(&new[cte.whole.clone()]),
            }
        }
        let own_body = own_cut.body..own.len();
        if self.keeps_body {
            let body = own[own_body].trim_end();
            let body = body.strip_suffix(';').unwrap_or(body).trim_end();
            if !new_cut.ctes.is_empty() && !body.starts_with(char::is_whitespace) {
                text.push('\n');
            }
            // Without a list of its own the author's query stands at the start.
            text.push_str(if new_cut.ctes.is_empty() { body.trim_start() } else { body });
        } else if has_comments {
            text.push_str(&commented(&new[new_cut.body..], own, own_body));
        } else {
            text.push_str(&new[new_cut.body..]);
        }
        text
    }
}

/// A comment of the author's and what it stands at.
struct Remark<'a> {
    text: &'a str,
    anchor: Anchor,
    /// Whether it has a line of its own.
    is_line: bool,
}

#[derive(PartialEq)]
enum Anchor {
    /// The column or table that is named last on its line.
    Name(String),
    /// The clause that its line begins with.
    Clause(String),
    /// The whole query.
    Start,
}

/// New text with the comments of an old one, each at the line that has the same column or clause. A
/// comment whose column or clause is gone goes with it.
fn commented(new: &str, own: &str, range: Range<usize>) -> String {
    let mut lines: Vec<String> = new.split('\n').map(str::to_owned).collect();
    for remark in remarks(own, range) {
        let at = match &remark.anchor {
            Anchor::Start => lines.iter().position(|line| !line.trim().is_empty()),
            anchor => lines.iter().position(|line| anchor_of(line) == *anchor),
        };
        let (at, is_beside) = match (at, &remark.anchor) {
            (Some(at), _) => (at, !lines[at].contains("--")),
            // Columns in one line have their remarks above it.
            (None, Anchor::Name(name)) => match lines.iter().position(|line| has_word(line, name)) {
                Some(at) => (at, false),
                None => continue,
            },
            (None, Anchor::Clause(_) | Anchor::Start) => continue,
        };
        if remark.is_line || !is_beside || remark.anchor == Anchor::Start {
            let indent: String = lines[at].chars().take_while(|c| c.is_whitespace()).collect();
            lines.insert(at, format!("{indent}{}", remark.text));
        } else {
            lines[at] = format!("{} {}", lines[at], remark.text);
        }
    }
    lines.join("\n")
}

fn remarks(own: &str, range: Range<usize>) -> Vec<Remark<'_>> {
    let mut remarks = Vec::new();
    for place in comments_in(own, range.clone()) {
        let line_start = own[range.start..place.start].rfind('\n').map_or(range.start, |at| range.start + at + 1);
        let before = &own[line_start..place.start];
        let is_line = before.trim().is_empty();
        let anchor = if is_line { next_line(&own[place.end..range.end]) } else { anchor_of(before) };
        remarks.push(Remark { text: own[place].trim_end(), anchor, is_line });
    }
    remarks
}

/// What the first line of code says.
fn next_line(text: &str) -> Anchor {
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("--");
    text.lines().find(is_code).map_or(Anchor::Start, anchor_of)
}

fn anchor_of(line: &str) -> Anchor {
    const CLAUSES: [&str; 11] =
        ["FROM", "WHERE", "GROUP", "HAVING", "QUALIFY", "ORDER", "LIMIT", "JOIN", "LEFT", "UNION", "WINDOW"];
    let code = line.split("--").next().unwrap_or_default().trim();
    let first = code.split_whitespace().next().unwrap_or_default().to_uppercase();
    if first == "SELECT" || first.is_empty() {
        return Anchor::Start;
    }
    if CLAUSES.contains(&first.as_str()) {
        return Anchor::Clause(first);
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let code = code.trim_end_matches(',').trim_end();
    let name: String = code.chars().rev().take_while(|&c| is_word(c)).collect();
    if name.is_empty() { Anchor::Start } else { Anchor::Name(name.chars().rev().collect::<String>().to_lowercase()) }
}

fn has_word(line: &str, word: &str) -> bool {
    let is_between = |c: char| !(c.is_alphanumeric() || c == '_');
    line.split("--").next().unwrap_or_default().split(is_between).any(|part| part.eq_ignore_ascii_case(word))
}

/// Whether two texts differ by comments, layout and the case of letters alone.
pub(crate) fn says_the_same(one: &str, other: &str) -> bool {
    let plain = |text: &str| {
        let mut plain = String::with_capacity(text.len());
        let mut copied = 0;
        for comment in comments_in(text, 0..text.len()) {
            plain.push_str(&text[copied..comment.start]);
            copied = comment.end;
        }
        plain.push_str(&text[copied..]);
        plain.retain(|c| !c.is_whitespace());
        plain.to_lowercase()
    };
    plain(one) == plain(other)
}
