//! Rule files to rules: by lines, with spans, all faults of a file at once.
//!
//! A clause begins with its keyword at the start of a line and runs to the next one; what stands in
//! it (SQL, prose, lists) may run over several lines. `--` at the start of a line is a comment.

use std::sync::Arc;

use isomer_ir::{Diagnostic, Span, nearest};

use crate::rule::{Body, Case, Class, GivenColumn, GivenTable, Guard, Hole, HoleSort, ModelText, Phase, Rule, SqlText};

const KEYWORDS: &[&str] = &[
    "rule", "class", "phase", "tag", "source", "for", "match", "native", "when", "example", "refuses", "given", "rows",
    "input", "expect", "wrong",
];

/// A clause of a file: keyword, text behind it, and where that text begins.
#[derive(Debug, Clone)]
struct Clause {
    keyword: &'static str,
    text: String,
    start: usize,
    keyword_start: usize,
}

impl Clause {
    fn span(&self) -> Span {
        Span::new(self.keyword_start, self.start + self.text.trim_end().len())
    }
}

/// Reads a rule file. What cannot be read is left out and told.
///
/// Rules come in the order of the file. Nothing is checked across rules; see
/// [`check`](crate::check).
#[must_use]
pub fn parse(file: &Arc<str>, text: &str) -> (Vec<Rule>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let clauses = clauses(file, text, &mut diagnostics);
    let mut rules = Vec::new();
    let mut own: Vec<Clause> = Vec::new();
    for clause in clauses {
        if clause.keyword == "rule" && !own.is_empty() {
            rules.extend(rule(file, &own, &mut diagnostics));
            own.clear();
        }
        if own.is_empty() && clause.keyword != "rule" {
            let found = format!("found `{}` before the first `rule`, expected `rule NAME`", clause.keyword);
            diagnostics.push(
                Diagnostic::project("RULE-0001", file, clause.span(), found)
                    .with_help("begin each rule with `rule its-name`"),
            );
            continue;
        }
        own.push(clause);
    }
    if !own.is_empty() {
        rules.extend(rule(file, &own, &mut diagnostics));
    }
    (rules, diagnostics)
}

fn clauses(file: &Arc<str>, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<Clause> {
    let mut clauses: Vec<Clause> = Vec::new();
    let mut offset = 0;
    let mut is_in_string = false;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        let word_length = trimmed.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(trimmed.len());
        let word = &trimmed[..word_length];
        let keyword = KEYWORDS.iter().find(|keyword| **keyword == word && !is_in_string);
        if !is_in_string && trimmed.starts_with("--") {
            // A comment line belongs to no clause.
        } else if let Some(keyword) = keyword {
            let start = offset + indent + word_length;
            clauses.push(Clause {
                keyword,
                text: line[indent + word_length..].to_owned(),
                start,
                keyword_start: offset + indent,
            });
            is_in_string = leaves_string_open(trimmed, false);
        } else if let Some(last) = clauses.last_mut() {
            last.text.push_str(line);
            is_in_string = leaves_string_open(trimmed, is_in_string);
        } else if !trimmed.trim().is_empty() {
            let span = Span::new(offset + indent, offset + line.trim_end().len());
            let message =
                format!("found `{}`, expected `rule NAME`", trimmed.trim().chars().take(20).collect::<String>());
            diagnostics.push(
                Diagnostic::project("RULE-0001", file, span, message).with_help("begin each rule with `rule its-name`"),
            );
        }
        offset += line.len();
    }
    clauses
}

/// Whether a double-quoted text that begins or goes on in this line runs over its end.
fn leaves_string_open(line: &str, is_open: bool) -> bool {
    line.chars().filter(|&c| c == '"').count() % 2 == usize::from(!is_open)
}

fn fault(
    file: &Arc<str>,
    code: &'static str,
    span: Span,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Diagnostic {
    Diagnostic::project(code, file, span, message).with_help(help)
}

fn rule(file: &Arc<str>, clauses: &[Clause], diagnostics: &mut Vec<Diagnostic>) -> Option<Rule> {
    let head = clauses.first()?;
    let (name, rest) = head
        .text
        .trim_start()
        .split_at(head.text.trim_start().find(char::is_whitespace).unwrap_or(head.text.trim_start().len()));
    let is_kebab = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !is_kebab {
        diagnostics.push(fault(
            file,
            "RULE-0002",
            head.span(),
            format!("found the rule name `{name}`, expected lower-case words joined by `-`"),
            "rename the rule",
        ));
        return None;
    }
    let before = diagnostics.len();
    let mut rule = Rule {
        name: Arc::from(name),
        doc: quoted(rest).unwrap_or_default(),
        class: Class::Exact,
        phase: Phase::User,
        tags: Vec::new(),
        source: None,
        holes: Vec::new(),
        body: Body::Native(Arc::from("")),
        guards: Vec::new(),
        examples: Vec::new(),
        refusals: Vec::new(),
        file: Arc::clone(file),
        span: head.span(),
        is_builtin: false,
    };
    let mut case: Option<(bool, Case)> = None;
    let mut has_body = false;
    for clause in &clauses[1..] {
        let is_case_part = matches!(clause.keyword, "given" | "rows" | "input" | "expect" | "wrong");
        if is_case_part {
            match &mut case {
                Some((_, case)) => case_part(file, clause, case, diagnostics),
                None => diagnostics.push(fault(
                    file,
                    "RULE-0003",
                    clause.span(),
                    format!("found `{}` outside of an example", clause.keyword),
                    "put it under `example \"title\"` or `refuses \"title\"`",
                )),
            }
            continue;
        }
        finish_case(&mut rule, case.take());
        match clause.keyword {
            "class" | "phase" | "tag" => settings(file, clause, &mut rule, diagnostics),
            "source" => rule.source = Some(quoted(&clause.text).unwrap_or_else(|| clause.text.trim().to_owned())),
            "for" => rule.holes = holes(file, clause, diagnostics),
            "native" => {
                has_body = true;
                rule.body = Body::Native(Arc::from(clause.text.trim()));
            }
            "match" => {
                has_body = true;
                rule.body = template(file, clause, diagnostics)?;
            }
            "when" => rule.guards = guards(file, clause, diagnostics),
            "example" | "refuses" => {
                let title = quoted(&clause.text).unwrap_or_default();
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
            _ => {}
        }
    }
    finish_case(&mut rule, case.take());
    if !has_body {
        diagnostics.push(fault(
            file,
            "RULE-0004",
            rule.span,
            format!("rule `{}` rewrites nothing", rule.name),
            "add `match SQL => SQL` or `native name`",
        ));
    }
    (diagnostics.len() == before).then_some(rule)
}

fn finish_case(rule: &mut Rule, case: Option<(bool, Case)>) {
    match case {
        Some((true, case)) => rule.examples.push(case),
        Some((false, case)) => rule.refusals.push(case),
        None => {}
    }
}

/// The text between the first and the last double quote, white space folded.
fn quoted(text: &str) -> Option<String> {
    let start = text.find('"')? + 1;
    let end = text.rfind('"').filter(|&end| end >= start)?;
    Some(text[start..end].split_whitespace().collect::<Vec<_>>().join(" "))
}

/// `class …`, `phase …` and `tag …`; several may stand on one line.
fn settings(file: &Arc<str>, clause: &Clause, rule: &mut Rule, diagnostics: &mut Vec<Diagnostic>) {
    let text = format!("{} {}", clause.keyword, clause.text.trim());
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let after = after.trim_start();
        let end = match after.find('(') {
            Some(open) if !after[..open].contains(char::is_whitespace) => {
                after.find(')').map_or(after.len(), |close| close + 1)
            }
            _ => after.find(char::is_whitespace).unwrap_or(after.len()),
        };
        let value = after[..end].trim();
        match word {
            "class" => match class(value) {
                Some(class) => rule.class = class,
                None => diagnostics.push(fault(
                    file,
                    "RULE-0005",
                    clause.span(),
                    format!("found class `{value}`, expected `exact`, `fp_reorder`, `lossy(\"…\")` or `assumes(…)`"),
                    "state how far the rows stay the same",
                )),
            },
            "phase" => match Phase::ALL.iter().find(|(known, _)| *known == value) {
                Some((_, phase)) => rule.phase = *phase,
                None => {
                    let known: Vec<&str> = Phase::ALL.iter().map(|(word, _)| *word).collect();
                    diagnostics.push(fault(
                        file,
                        "RULE-0006",
                        clause.span(),
                        format!("found phase `{value}`, expected one of {}", known.join(", ")),
                        "choose a phase; a project's own rules are `user`",
                    ));
                }
            },
            "tag" => rule.tags.extend(value.split(',').map(|tag| Arc::from(tag.trim()))),
            other => diagnostics.push(fault(
                file,
                "RULE-0007",
                clause.span(),
                format!("found `{other}`, expected `class`, `phase` or `tag`"),
                "put each clause on a line of its own",
            )),
        }
        rest = after[end..].trim_start();
    }
}

fn class(text: &str) -> Option<Class> {
    let argument = || {
        let open = text.find('(')?;
        let close = text.rfind(')')?;
        Some(text.get(open + 1..close)?.trim().trim_matches('"').to_owned())
    };
    match text.split('(').next()?.trim() {
        "exact" => Some(Class::Exact),
        "fp_reorder" => Some(Class::FpReorder),
        "lossy" => argument().map(Class::Lossy),
        "assumes" => argument().map(Class::Assumes),
        _ => None,
    }
}

/// Pieces of a list at commas outside of parentheses, with their offsets.
fn list(text: &str) -> Vec<(usize, &str)> {
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

fn holes(file: &Arc<str>, clause: &Clause, diagnostics: &mut Vec<Diagnostic>) -> Vec<Hole> {
    let mut holes = Vec::new();
    for (offset, piece) in list(&clause.text) {
        let span = Span::new(clause.start + offset, clause.start + offset + piece.len());
        let words: Vec<&str> = piece.split_whitespace().collect();
        let (name, sort, of) = match words.as_slice() {
            [name, sort] => (*name, *sort, None),
            [name, sort, "of", table] => (*name, *sort, Some(Arc::from(table.trim_start_matches('$')))),
            _ => {
                diagnostics.push(fault(
                    file,
                    "RULE-0008",
                    span,
                    format!("found `{}`, expected `name sort` or `name sort of table`", piece.trim()),
                    "declare holes as in `for L table, k column of L, x expr`",
                ));
                continue;
            }
        };
        match HoleSort::ALL.iter().find(|(word, _)| *word == sort) {
            Some((_, sort)) => {
                holes.push(Hole { name: Arc::from(name.trim_start_matches('$')), sort: *sort, of, span });
            }
            None => {
                let help = match nearest(sort, HoleSort::ALL.iter().map(|(word, _)| *word)) {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => "the sorts are table, columns, column, predicate, expr, aggregate, literal".to_owned(),
                };
                diagnostics.push(fault(
                    file,
                    "RULE-0009",
                    span,
                    format!("found the sort `{sort}`, which does not exist"),
                    help,
                ));
            }
        }
    }
    holes
}

fn template(file: &Arc<str>, clause: &Clause, diagnostics: &mut Vec<Diagnostic>) -> Option<Body> {
    let Some(arrow) = clause.text.find("=>") else {
        diagnostics.push(fault(
            file,
            "RULE-0010",
            clause.span(),
            "found no `=>`, expected `match SQL => SQL`",
            "write what takes the pattern's place behind `=>`",
        ));
        return None;
    };
    let piece = |start: usize, end: usize| {
        let text = &clause.text[start..end];
        let lead = text.len() - text.trim_start().len();
        SqlText {
            text: text.trim().to_owned(),
            span: Span::new(clause.start + start + lead, clause.start + start + text.trim_end().len()),
        }
    };
    Some(Body::Template { pattern: piece(0, arrow), template: piece(arrow + 2, clause.text.len()) })
}

fn guards(file: &Arc<str>, clause: &Clause, diagnostics: &mut Vec<Diagnostic>) -> Vec<Guard> {
    let mut guards = Vec::new();
    for (offset, piece) in list(&clause.text) {
        let lead = piece.len() - piece.trim_start().len();
        let span = Span::new(clause.start + offset + lead, clause.start + offset + piece.trim_end().len());
        let piece = piece.trim();
        let Some((name, args, rest)) = call(piece) else {
            diagnostics.push(fault(
                file,
                "RULE-0011",
                span,
                format!("found `{piece}`, expected a guard such as `unique($R.$k)`"),
                "see the table of guards",
            ));
            continue;
        };
        let rest = rest.trim();
        let mut guard = Guard { name: Arc::from(name), args, members: Vec::new(), bound: None, span };
        if let Some(members) = rest.strip_prefix("in") {
            guard.members =
                members.trim().trim_matches(['(', ')']).split(',').map(|word| word.trim().to_owned()).collect();
        } else if let Some(operator) = rest.chars().next() {
            let number = rest[operator.len_utf8()..].trim().parse::<f64>();
            match (operator, number) {
                ('>' | '<', Ok(number)) => guard.bound = Some((operator, number)),
                _ => diagnostics.push(fault(
                    file,
                    "RULE-0012",
                    span,
                    format!("found `{rest}` behind a guard, expected `> number`, `< number` or `in (…)`"),
                    "compare with a plain number",
                )),
            }
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

fn case_part(file: &Arc<str>, clause: &Clause, case: &mut Case, diagnostics: &mut Vec<Diagnostic>) {
    match clause.keyword {
        "given" => {
            for (offset, piece) in list(&clause.text) {
                let span = Span::new(clause.start + offset, clause.start + offset + piece.len());
                match given(piece) {
                    Some(table) => case.given.push(table),
                    None => diagnostics.push(fault(
                        file,
                        "RULE-0013",
                        span,
                        format!("found `{}`, expected `table(column type …, …)`", piece.trim()),
                        "declare tables as in `o(id int key, cid int not null)`",
                    )),
                }
            }
        }
        "rows" => {
            let text = clause.text.trim();
            let (name, rows) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
            match case.given.iter_mut().find(|table| &*table.name == name) {
                Some(table) => table.rows = Some(rows.trim().to_owned()),
                None => diagnostics.push(fault(
                    file,
                    "RULE-0014",
                    clause.span(),
                    format!("found rows of `{name}`, which the case does not declare"),
                    "declare the table in `given` first",
                )),
            }
        }
        "input" => case.input.push(model_text(clause, case.input.len())),
        "expect" => case.expect.push(model_text(clause, case.expect.len())),
        _ => {
            let model = model_text(clause, 0);
            case.wrong = Some(model.sql);
        }
    }
}

/// `name: SQL` or `SQL`.
fn model_text(clause: &Clause, n_before: usize) -> ModelText {
    let text = clause.text.trim();
    let word_end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(0);
    let (name, sql) = match text[word_end..].strip_prefix(':') {
        Some(sql) if word_end > 0 && !sql.starts_with(':') => (text[..word_end].to_owned(), sql.trim()),
        _ => (format!("m{}", n_before + 1), text),
    };
    let start = clause.start + clause.text.find(sql).unwrap_or(0);
    ModelText {
        name: Arc::from(name),
        sql: SqlText { text: sql.to_owned(), span: Span::new(start, start + sql.len()) },
    }
}

/// `name(column type [key] [not null] [references t(c)], …) [~ n rows]`.
fn given(text: &str) -> Option<GivenTable> {
    let text = text.trim();
    let open = text.find('(')?;
    let close = text.rfind(')')?;
    let name = text[..open].trim();
    if name.is_empty() || close < open {
        return None;
    }
    let mut columns = Vec::new();
    for (_, piece) in list(&text[open + 1..close]) {
        let mut words = piece.trim().to_owned();
        let mut references = None;
        if let Some(position) = words.find(" references ") {
            let target = words[position + " references ".len()..].trim().to_owned();
            words.truncate(position);
            let open = target.find('(')?;
            let column = target[open + 1..].trim_end_matches(')').trim();
            references = Some((Arc::from(target[..open].trim()), Arc::from(column)));
        }
        let is_not_null = words.contains(" not null");
        words = words.replace(" not null", "");
        let is_key = words.ends_with(" key");
        let words = words.trim_end_matches(" key").trim();
        let (column, type_name) = words.split_once(char::is_whitespace)?;
        columns.push(GivenColumn {
            name: Arc::from(column),
            type_name: type_name.trim().to_owned(),
            is_key,
            is_not_null: is_not_null || is_key,
            references,
        });
    }
    let behind = text[close + 1..].trim();
    let n_rows = behind.strip_prefix('~').and_then(|count| count.trim().parse::<f64>().ok());
    Some(GivenTable { name: Arc::from(name), columns, rows: None, n_rows })
}
