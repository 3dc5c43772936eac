//! Rules as text for people: a manual page each.

use std::fmt::Write as _;

use crate::citations::citations;
use crate::rule::{Body, Budget, Case, GivenColumn, Rule};

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
        for cited in citations(source) {
            let _ = writeln!(page, "        {cited}");
        }
    }
    let _ = writeln!(page, "file    {}", rule.file);
    if !rule.holes.is_empty() {
        let holes: Vec<String> = rule.holes.iter().map(ToString::to_string).collect();
        let _ = writeln!(page, "for     {}", holes.join(", "));
    }
    match &rule.body {
        Body::Native(name) => {
            let _ = writeln!(page, "native  {name}");
        }
        Body::Template { pattern, template, is_both_ways } => {
            let arrow = if *is_both_ways { "<=>" } else { "=> " };
            let _ = writeln!(page, "match   {}\n{arrow}     {}", pattern.text, template.text);
        }
    }
    for guard in &rule.guards {
        let _ = writeln!(page, "when    {guard}");
    }
    if rule.budget != Budget::of(&rule.body) {
        let _ = writeln!(page, "budget  {}", rule.budget);
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
        let columns: Vec<String> = table.columns.iter().map(column).collect();
        let rows = table.n_rows.map_or_else(String::new, |rows| format!(" ~ {rows}"));
        let _ = writeln!(page, "  given   {}({}){rows}", table.name, columns.join(", "));
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

fn column(column: &GivenColumn) -> String {
    let fact = match (column.is_key, column.is_not_null) {
        (true, _) => " key",
        (false, true) => " not null",
        (false, false) => "",
    };
    let references = column.references.as_ref();
    let references = references.map_or_else(String::new, |(table, column)| format!(" references {table}({column})"));
    format!("{} {}{fact}{references}", column.name, column.type_name)
}
