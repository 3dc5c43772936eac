//! Rule files to rules: clause by clause, with spans, all faults of a file at once.
//!
//! Nothing is passed over: what a clause does not know is told.

use std::sync::Arc;

use isomer_ir::{Diagnostic, Span, nearest};

use crate::clause::{Clause, clauses};
use crate::fact::fact;
use crate::parse_case::case_part;
use crate::rule::{Body, Budget, Case, Class, Guard, Hole, HoleSort, Phase, Rule, RuleFile, SqlText};

/// The faults of one file.
pub(crate) struct Faults<'d> {
    pub(crate) file: Arc<str>,
    pub(crate) all: &'d mut Vec<Diagnostic>,
}

impl Faults<'_> {
    pub(crate) fn add(&mut self, code: &'static str, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.all.push(Diagnostic::project(code, &self.file, span, message).with_help(help));
    }
}

/// Faults after which nothing more can be said of a rule: its name, its holes or its templates are open.
const UNREADABLE: [&str; 7] =
    ["RULE-0002", "RULE-0004", "RULE-0008", "RULE-0010", "RULE-0015", "RULE-0018", "RULE-0039"];

/// Reads a rule file. What cannot be read is left out and told.
///
/// Rules come in the order of the file. Nothing is checked across rules; see
/// [`check`](crate::check).
#[must_use]
pub fn parse(file: &Arc<str>, text: &str) -> (RuleFile, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let clauses = clauses(file, text, &mut diagnostics);
    let mut read = RuleFile::default();
    let mut own: Vec<Clause> = Vec::new();
    for clause in clauses {
        let is_head = matches!(clause.keyword, "rule" | "fact");
        if is_head && !own.is_empty() {
            read.rules.extend(rule(&own, &mut Faults { file: Arc::clone(file), all: &mut diagnostics }));
            own.clear();
        }
        if clause.keyword == "fact" {
            read.facts.extend(fact(file, &clause, text, &mut diagnostics));
        } else if own.is_empty() && !is_head {
            let found = format!("found `{}` outside of a rule, expected `rule NAME`", clause.keyword);
            let told = Diagnostic::project("RULE-0001", file, clause.span(), found);
            diagnostics.push(told.with_help("begin each rule with `rule its-name`"));
        } else {
            own.push(clause);
        }
    }
    if !own.is_empty() {
        read.rules.extend(rule(&own, &mut Faults { file: Arc::clone(file), all: &mut diagnostics }));
    }
    (read, diagnostics)
}

/// Whether a name is lower-case words joined by `-`.
pub(crate) fn is_kebab(name: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    name.split('-').all(is_word)
}

fn rule(clauses: &[Clause], faults: &mut Faults<'_>) -> Option<Rule> {
    let head = clauses.first()?;
    let text = head.text.trim_start();
    let (name, rest) = text.split_at(text.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(text.len()));
    let span = head.span_of(head.text.len() - text.len(), name);
    let before = faults.all.len();
    if !is_kebab(name) {
        let message = format!("found the rule name `{name}`, expected lower-case words joined by `-`");
        faults.add("RULE-0002", head.span(), message, "rename the rule");
    }
    let doc = if rest.trim().is_empty() { String::new() } else { quoted(head, rest, faults).unwrap_or_default() };
    let mut rule = Rule {
        name: Arc::from(name),
        doc,
        class: Class::Exact,
        phase: Phase::User,
        tags: Vec::new(),
        source: None,
        holes: Vec::new(),
        body: Body::Native(Arc::from("")),
        guards: Vec::new(),
        budget: Budget::of(&Body::Native(Arc::from(""))),
        examples: Vec::new(),
        refusals: Vec::new(),
        file: Arc::clone(&faults.file),
        span,
        is_builtin: false,
        is_faulty: false,
    };
    let mut case: Option<(bool, Case)> = None;
    let mut seen: Vec<&'static str> = Vec::new();
    for clause in &clauses[1..] {
        if matches!(clause.keyword, "given" | "rows" | "input" | "expect" | "wrong") {
            match &mut case {
                Some((is_example, case)) => case_part(clause, case, *is_example, faults),
                None => faults.add(
                    "RULE-0003",
                    clause.span(),
                    format!("found `{}` outside of an example", clause.keyword),
                    "put it under `example \"title\"` or `refuses \"title\"`",
                ),
            }
            continue;
        }
        finish_case(&mut rule, case.take());
        match clause.keyword {
            "example" | "refuses" => {
                let title = quoted(clause, &clause.text, faults).unwrap_or_default();
                let new = Case {
                    title,
                    given: Vec::new(),
                    input: Vec::new(),
                    expect: Vec::new(),
                    wrong: None,
                    span: clause.span(),
                };
                case = Some((clause.keyword == "example", new));
            }
            "class" | "phase" | "tag" => settings(clause, &mut rule, &mut seen, faults),
            keyword => {
                once(keyword, clause, &mut seen, faults);
                rule_part(clause, &mut rule, faults);
            }
        }
    }
    finish_case(&mut rule, case.take());
    rule.budget = Budget::of(&rule.body);
    if let Some(clause) = clauses.iter().find(|clause| clause.keyword == "budget") {
        budget(clause, &mut rule, faults);
    }
    if !seen.iter().any(|word| matches!(*word, "match" | "native")) {
        let message = format!("rule `{}` rewrites nothing", rule.name);
        faults.add("RULE-0004", rule.span, message, "add `match SQL => SQL` or `native name`");
    }
    let told = &faults.all[before..];
    rule.is_faulty = !told.is_empty();
    (!told.iter().any(|fault| UNREADABLE.contains(&fault.code))).then_some(rule)
}

/// Tells a clause that stands twice in a rule, or `match` beside `native`.
fn once(word: &'static str, clause: &Clause, seen: &mut Vec<&'static str>, faults: &mut Faults<'_>) {
    let other = match word {
        "match" => "native",
        "native" => "match",
        word => word,
    };
    if seen.contains(&word) {
        faults.add("RULE-0018", clause.span(), format!("found `{word}` twice in one rule"), "keep one of them");
    } else if seen.contains(&other) {
        let message = format!("found `{word}` in a rule that has `{other}`");
        faults.add("RULE-0018", clause.span(), message, "keep one of them");
    }
    seen.push(word);
}

fn rule_part(clause: &Clause, rule: &mut Rule, faults: &mut Faults<'_>) {
    match clause.keyword {
        "source" => rule.source = quoted(clause, &clause.text, faults),
        "for" => rule.holes = holes(clause, faults),
        "native" => rule.body = Body::Native(Arc::from(clause.text.trim())),
        "match" => {
            if let Some(body) = template(clause, faults) {
                rule.body = body;
            }
        }
        "when" => rule.guards = guards(clause, faults),
        _ => {}
    }
}

fn finish_case(rule: &mut Rule, case: Option<(bool, Case)>) {
    match case {
        Some((true, case)) => rule.examples.push(case),
        Some((false, case)) => rule.refusals.push(case),
        None => {}
    }
}

/// The text between the first and the last double quote, white space folded; anything beside it is
/// told.
fn quoted(clause: &Clause, text: &str, faults: &mut Faults<'_>) -> Option<String> {
    let inner = text.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(inner) = inner else {
        let found: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(40).collect();
        let message = format!("found `{found}` in `{}`, expected a text in double quotes alone", clause.keyword);
        faults.add("RULE-0016", clause.span(), message, "put the text in double quotes and everything else elsewhere");
        return None;
    };
    Some(inner.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// `class …`, `phase …` and `tag …`; several may stand on one line.
fn settings(clause: &Clause, rule: &mut Rule, seen: &mut Vec<&'static str>, faults: &mut Faults<'_>) {
    let text = format!("{} {}", clause.keyword, clause.text.trim());
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let after = after.trim_start();
        let end = if word == "tag" { end_of_list(after) } else { end_of_value(after) };
        let value = after[..end].trim();
        match word {
            "class" => {
                once("class", clause, seen, faults);
                match class(value) {
                    Some(class) => rule.class = class,
                    None => faults.add(
                        "RULE-0005",
                        clause.span(),
                        format!(
                            "found class `{value}`, expected `exact`, `fp_reorder`, `lossy(\"…\")` or `assumes(…)`"
                        ),
                        "state how far the rows stay the same",
                    ),
                }
            }
            "phase" => {
                once("phase", clause, seen, faults);
                match Phase::ALL.iter().find(|(known, _)| *known == value) {
                    Some((_, phase)) => rule.phase = *phase,
                    None => {
                        let known: Vec<&str> = Phase::ALL.iter().map(|(word, _)| *word).collect();
                        let message = format!("found phase `{value}`, expected one of {}", known.join(", "));
                        faults.add(
                            "RULE-0006",
                            clause.span(),
                            message,
                            "choose a phase; a project's own rules are `user`",
                        );
                    }
                }
            }
            "tag" => tags(value, clause, rule, faults),
            other => faults.add(
                "RULE-0007",
                clause.span(),
                format!("found `{other}`, expected `class`, `phase` or `tag`"),
                "put each clause on a line of its own",
            ),
        }
        rest = after[end..].trim_start();
    }
}

/// The end of the first word of a text, which may have arguments in parentheses.
fn end_of_value(text: &str) -> usize {
    match text.find('(') {
        Some(open) if !text[..open].contains(char::is_whitespace) => {
            text.find(')').map_or(text.len(), |close| close + 1)
        }
        _ => text.find(char::is_whitespace).unwrap_or(text.len()),
    }
}

/// The end of a list of words with commas between them.
fn end_of_list(text: &str) -> usize {
    let mut end = 0;
    loop {
        let rest = &text[end..];
        let word = end + rest.len() - rest.trim_start().len();
        let word_end = text[word..].find(|c: char| c.is_whitespace() || c == ',').map_or(text.len(), |at| word + at);
        let behind = &text[word_end..];
        match behind.trim_start().strip_prefix(',') {
            Some(rest) => end = text.len() - rest.len(),
            None => return word_end,
        }
    }
}

fn tags(value: &str, clause: &Clause, rule: &mut Rule, faults: &mut Faults<'_>) {
    for tag in value.split(',').map(str::trim) {
        if is_kebab(tag) {
            rule.tags.push(Arc::from(tag));
        } else {
            let message = format!("found the tag `{tag}`, expected lower-case words joined by `-`");
            faults.add("RULE-0017", clause.span(), message, "write tags as in `tag approximate, nightly`");
        }
    }
}

fn class(text: &str) -> Option<Class> {
    let argument = || {
        let open = text.find('(')?;
        let close = text.rfind(')')?;
        let argument = text.get(open + 1..close)?.trim().trim_matches('"');
        let argument = argument.split_whitespace().collect::<Vec<_>>().join(" ");
        (!argument.is_empty()).then_some(argument)
    };
    match text.split('(').next()?.trim() {
        "exact" if text == "exact" => Some(Class::Exact),
        "fp_reorder" if text == "fp_reorder" => Some(Class::FpReorder),
        "lossy" => argument().map(Class::Lossy),
        "assumes" => argument().map(Class::Assumes),
        _ => None,
    }
}

/// `20 per iteration, 500 total`; either part may be missing.
fn budget(clause: &Clause, rule: &mut Rule, faults: &mut Faults<'_>) {
    if let Body::Native(_) = rule.body {
        let message = format!("rule `{}` is native and has a budget, which would say nothing", rule.name);
        faults.add("RULE-0058", clause.span(), message, "native rules end by themselves; take the clause out");
    }
    for (offset, piece) in list(&clause.text) {
        let (number, unit) = piece.trim().split_once(char::is_whitespace).unwrap_or((piece.trim(), ""));
        let unit = unit.split_whitespace().collect::<Vec<_>>().join(" ");
        match (number.parse::<usize>(), unit.as_str()) {
            (Ok(number), "per iteration") if number > 0 => rule.budget.per_iteration = number,
            (Ok(number), "total") if number > 0 => rule.budget.total = number,
            _ => faults.add(
                "RULE-0057",
                clause.span_of(offset, piece),
                format!("found the budget `{}`, expected `N per iteration` or `N total`", piece.trim()),
                "write as in `budget 20 per iteration, 500 total`; both count applications",
            ),
        }
    }
}

/// Pieces of a list at commas outside of parentheses, with their offsets.
pub(crate) fn list(text: &str) -> Vec<(usize, &str)> {
    let mut pieces = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    for (position, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                pieces.push((start, &text[start..position]));
                start = position + 1;
            }
            _ => {}
        }
    }
    pieces.push((start, &text[start..]));
    pieces.into_iter().filter(|(_, piece)| !piece.trim().is_empty()).collect()
}

fn holes(clause: &Clause, faults: &mut Faults<'_>) -> Vec<Hole> {
    let mut holes: Vec<Hole> = Vec::new();
    for (offset, piece) in list(&clause.text) {
        let span = clause.span_of(offset, piece);
        let words: Vec<&str> = piece.split_whitespace().collect();
        let (name, sort, of) = match words.as_slice() {
            [name, sort] => (*name, *sort, None),
            [name, sort, "of", table] => (*name, *sort, Some(Arc::from(table.trim_start_matches('$')))),
            _ => {
                faults.add(
                    "RULE-0008",
                    span,
                    format!("found `{}`, expected `name sort` or `name sort of table`", piece.trim()),
                    "declare holes as in `for L table, k column of L, x expr`",
                );
                continue;
            }
        };
        let name = name.trim_start_matches('$');
        if holes.iter().any(|known| *known.name == *name) {
            faults.add(
                "RULE-0039",
                span,
                format!("found the hole `${name}` twice"),
                "give each hole a name of its own",
            );
        }
        match HoleSort::ALL.iter().find(|(word, _)| *word == sort) {
            Some((_, sort)) => {
                holes.push(Hole { name: Arc::from(name), sort: *sort, of, span });
            }
            None => {
                let meant = nearest(sort, HoleSort::ALL.iter().map(|(word, _)| *word));
                // The rest of the rule is read as if the nearest word stood there.
                let guess = HoleSort::ALL.iter().find(|(word, _)| Some(*word) == meant);
                let sort_of_hole = guess.map_or(HoleSort::Expr, |(_, sort)| *sort);
                holes.push(Hole { name: Arc::from(name), sort: sort_of_hole, of, span });
                let help = match meant {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => "the sorts are table, columns, column, predicate, expr, aggregate, literal".to_owned(),
                };
                faults.add("RULE-0009", span, format!("found the sort `{sort}`, which does not exist"), help);
            }
        }
    }
    holes
}

fn template(clause: &Clause, faults: &mut Faults<'_>) -> Option<Body> {
    let Some(arrow) = clause.text.find("=>") else {
        faults.add(
            "RULE-0010",
            clause.span(),
            "found no `=>`, expected `match SQL => SQL`",
            "write what takes the pattern's place behind `=>`",
        );
        return None;
    };
    let is_both_ways = clause.text[..arrow].ends_with('<');
    let end = if is_both_ways { arrow - 1 } else { arrow };
    let piece = |start: usize, end: usize| {
        let text = &clause.text[start..end];
        SqlText { text: text.trim().to_owned(), span: clause.span_of(start, text) }
    };
    Some(Body::Template { pattern: piece(0, end), template: piece(arrow + 2, clause.text.len()), is_both_ways })
}

fn guards(clause: &Clause, faults: &mut Faults<'_>) -> Vec<Guard> {
    let mut guards = Vec::new();
    for (offset, piece) in list(&clause.text) {
        let span = clause.span_of(offset, piece);
        let piece = piece.trim();
        let Some((name, args, rest)) = call(piece) else {
            let message = format!("found `{piece}`, expected a guard such as `unique($R.$k)`");
            faults.add("RULE-0011", span, message, "see the table of guards");
            continue;
        };
        let rest = rest.trim();
        let mut guard = Guard { name: Arc::from(name), args, members: Vec::new(), bound: None, span };
        let members = rest.strip_prefix("in").map(|list| list.trim().strip_prefix('(')?.strip_suffix(')'));
        let is_read = match members {
            Some(Some(members)) => {
                guard.members = members.split(',').map(|word| word.trim().to_owned()).collect();
                true
            }
            Some(None) => false,
            None => match rest.chars().next() {
                Some(operator @ ('>' | '<')) => {
                    guard.bound = rest[1..].trim().parse::<f64>().ok().map(|number| (operator, number));
                    guard.bound.is_some()
                }
                other => other.is_none(),
            },
        };
        if !is_read {
            let message = format!("found `{rest}` behind a guard, expected `> number`, `< number` or `in (word, …)`");
            faults.add("RULE-0012", span, message, "compare with a plain number");
        }
        guards.push(guard);
    }
    guards
}

/// `name(args) rest`.
fn call(text: &str) -> Option<(&str, Vec<String>, &str)> {
    let open = text.find('(')?;
    let name = text[..open].trim();
    let close = open + text[open..].find(')')?;
    let args =
        text[open + 1..close].split(',').map(|arg| arg.trim().to_owned()).filter(|arg| !arg.is_empty()).collect();
    let is_word = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_word.then_some((name, args, &text[close + 1..]))
}
