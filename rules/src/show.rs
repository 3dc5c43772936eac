//! Rules as text for people: a manual page each.

use std::fmt::Write as _;

use crate::rule::{Body, Case, Rule};

/// The manual page of a rule: what it does, class, guards, source, examples and refusals.
#[must_use]
pub fn show(rule: &Rule) -> String {
    let mut page = String::new();
    let _ = writeln!(page, "{}\n\n{}\n", rule.name, rule.doc);
    let _ = writeln!(page, "class   {}\nphase   {}", rule.class, rule.phase.word());
    if !rule.tags.is_empty() {
        let _ = writeln!(page, "tags    {}", rule.tags.join(", "));
    }
    if let Some(source) = &rule.source {
        let _ = writeln!(page, "source  {source}");
    }
    let _ = writeln!(page, "file    {}", rule.file);
    match &rule.body {
        Body::Native(name) => {
            let _ = writeln!(page, "native  {name}");
        }
        Body::Template { pattern, template } => {
            let _ = writeln!(page, "match   {}\n=>      {}", pattern.text, template.text);
        }
    }
    for guard in &rule.guards {
        let mut text = format!("{}({})", guard.name, guard.args.join(", "));
        if !guard.members.is_empty() {
            let _ = write!(text, " in ({})", guard.members.join(", "));
        }
        if let Some((operator, number)) = guard.bound {
            let _ = write!(text, " {operator} {number}");
        }
        let _ = writeln!(page, "when    {text}");
    }
    for case in &rule.examples {
        show_case(&mut page, "example", case);
    }
    for case in &rule.refusals {
        show_case(&mut page, "refuses", case);
    }
    page
}

fn show_case(page: &mut String, kind: &str, case: &Case) {
    let _ = writeln!(page, "\n{kind} \"{}\"", case.title);
    for table in &case.given {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| {
                let key = if column.is_key {
                    " key"
                } else if column.is_not_null {
                    " not null"
                } else {
                    ""
                };
                format!("{} {}{key}", column.name, column.type_name)
            })
            .collect();
        let _ = writeln!(page, "  given   {}({})", table.name, columns.join(", "));
        if let Some(rows) = &table.rows {
            let _ = writeln!(page, "  rows    {} {rows}", table.name);
        }
    }
    let many = case.input.len() > 1;
    for (word, models) in [("input ", &case.input), ("expect", &case.expect)] {
        for model in models {
            let name = if many { format!("{}: ", model.name) } else { String::new() };
            let _ = writeln!(page, "  {word}  {name}{}", model.sql.text);
        }
    }
    if let Some(wrong) = &case.wrong {
        let _ = writeln!(page, "  wrong   {}", wrong.text);
    }
}
