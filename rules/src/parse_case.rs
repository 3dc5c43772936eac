//! The clauses of an example or refusal: tables, rows, models and what becomes of them.

use std::sync::Arc;

use crate::clause::Clause;
use crate::parse::{Faults, list};
use crate::rule::{Case, GivenColumn, GivenTable, ModelText, SqlText};

/// Reads one clause of a case.
pub(crate) fn case_part(clause: &Clause, case: &mut Case, is_example: bool, faults: &mut Faults<'_>) {
    match clause.keyword {
        "given" => tables(clause, case, faults),
        "rows" => {
            let text = clause.text.trim();
            let (name, rows) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
            match case.given.iter_mut().find(|table| &*table.name == name) {
                Some(table) if table.rows.is_none() => table.rows = Some(rows.trim().to_owned()),
                Some(_) => twice(clause, &format!("rows of `{name}`"), faults),
                None => faults.add(
                    "RULE-0014",
                    clause.span(),
                    format!("found rows of `{name}`, which the case does not declare"),
                    "declare the table in `given` first",
                ),
            }
        }
        "input" => case.input.push(model_text(clause, case.input.len())),
        "expect" if is_example => case.expect.push(model_text(clause, case.expect.len())),
        "wrong" if !is_example && case.wrong.is_none() => case.wrong = Some(model_text(clause, 0).sql),
        "wrong" if !is_example => twice(clause, "`wrong`", faults),
        word => {
            let owner = if is_example { "a refusal" } else { "an example" };
            faults.add(
                "RULE-0019",
                clause.span(),
                format!("found `{word}`, which belongs to {owner}"),
                "an example says what it becomes with `expect`, a refusal what it must not become with `wrong`",
            );
        }
    }
}

fn twice(clause: &Clause, what: &str, faults: &mut Faults<'_>) {
    faults.add("RULE-0018", clause.span(), format!("found {what} twice in one case"), "keep one of them");
}

fn tables(clause: &Clause, case: &mut Case, faults: &mut Faults<'_>) {
    for (offset, piece) in list(&clause.text) {
        match given(piece) {
            Some(table) if case.given.iter().any(|known| known.name == table.name) => {
                twice(clause, &format!("the table `{}`", table.name), faults);
            }
            Some(table) => case.given.push(table),
            None => faults.add(
                "RULE-0013",
                clause.span_of(offset, piece),
                format!("found `{}`, expected `table(column type …, …)`", piece.trim()),
                "declare tables as in `o(id int key, cid int not null) ~ 1000`",
            ),
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
    let offset = clause.text.find(sql).unwrap_or(0);
    ModelText {
        name: Arc::from(name),
        sql: SqlText { text: sql.to_owned(), span: clause.span_of(offset, &clause.text[offset..offset + sql.len()]) },
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
    let n_rows = match behind.strip_prefix('~') {
        Some(count) => Some(count.trim().parse::<f64>().ok()?),
        None if behind.is_empty() => None,
        None => return None,
    };
    Some(GivenTable { name: Arc::from(name), columns, rows: None, n_rows })
}
