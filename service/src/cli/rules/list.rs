//! `isomer rules list`: the rules that a project sees, or the catalogue of rewrites with the rules of
//! ours that make each.

use isomer_ir::Settings;
use isomer_rules::{CatalogueRow, Rule, RuleSet, SYSTEMS, catalogue, systems_of};

use super::super::args::Format;
use super::super::{Failure, json};
use crate::api;

/// The rules of a set, as a project with these settings uses them.
pub(super) fn rules(rules: &RuleSet, settings: &Settings, format: Format) -> Result<String, Failure> {
    let catalogue = catalogue();
    let rows: Vec<api::Rule> = rules.rules.iter().map(|rule| row(rule, settings, &catalogue)).collect();
    let head = ["rule", "family", "class", "phase", "status", "systems", "what it does"].map(str::to_owned);
    let cells = |row: &api::Rule| {
        [
            row.name.clone(),
            row.family.clone(),
            row.class.clone(),
            row.phase.to_owned(),
            row.status.to_owned(),
            row.systems.clone(),
            row.summary.clone(),
        ]
    };
    let mut lines = vec![head];
    lines.extend(rows.iter().map(cells));
    Ok(match format {
        Format::Json => json(&rows)?,
        Format::Text => format!("{}\n{} rules; {}\n", table(&lines), rows.len(), legend()),
        Format::Md => markdown(&lines),
    })
}

/// The catalogue: every rewrite with its rules, or the reason why it is none of ours.
pub(super) fn rewrites(format: Format) -> Result<String, Failure> {
    let rows = catalogue();
    let wire = |row: &CatalogueRow| api::CatalogueRow {
        number: row.number,
        family: row.family,
        rewrite: row.rewrite,
        systems: row.systems,
        condition: row.condition,
        rules: row.rules.clone(),
        reason: row.reason,
    };
    let head = ["no", "rewrite", "systems", "rules, or why none"].map(str::to_owned);
    let cells = |row: &CatalogueRow| {
        [row.number.to_string(), row.rewrite.to_owned(), row.letters().map(String::from).collect(), answer(row)]
    };
    let mut lines = vec![head];
    lines.extend(rows.iter().map(cells));
    let n_ruled = rows.iter().filter(|row| !row.rules.is_empty()).count();
    let n_reasons = rows.iter().filter(|row| row.rules.is_empty() && row.is_answered()).count();
    Ok(match format {
        Format::Json => json(&rows.iter().map(wire).collect::<Vec<_>>())?,
        Format::Text => {
            let table = table(&lines);
            format!("{table}\n{} rewrites: {n_ruled} with rules, {n_reasons} with a reason; {}\n", rows.len(), legend())
        }
        Format::Md => markdown(&lines),
    })
}

fn row(rule: &Rule, settings: &Settings, catalogue: &[CatalogueRow]) -> api::Rule {
    api::Rule {
        name: rule.name.to_string(),
        family: rule.family().to_owned(),
        summary: rule.summary().to_owned(),
        doc: rule.doc.clone(),
        class: rule.class.to_string(),
        phase: rule.phase.word(),
        status: status(rule, settings),
        systems: systems_of(catalogue, &rule.name),
        source: rule.source.clone(),
        tags: rule.tags.iter().map(ToString::to_string).collect(),
        file: rule.file.to_string(),
        is_builtin: rule.is_builtin,
    }
}

/// Whether a project uses a rule.
fn status(rule: &Rule, settings: &Settings) -> &'static str {
    let is_allowed = settings.allowed.iter().any(|allowed| *allowed == rule.name || rule.tags.contains(allowed));
    if settings.is_off(&rule.name, &rule.tags) {
        "off"
    } else if rule.class.needs_consent() && !is_allowed {
        "asks"
    } else {
        "on"
    }
}

fn answer(row: &CatalogueRow) -> String {
    match (row.rules.is_empty(), row.reason.is_empty()) {
        (true, true) => "nothing yet".to_owned(),
        (true, false) => format!("none: {}", row.reason),
        (false, true) => row.rules.join(", "),
        (false, false) => format!("{}; {}", row.rules.join(", "), row.reason),
    }
}

fn legend() -> String {
    let names: Vec<String> = SYSTEMS.iter().map(|(letter, name)| format!("{letter} {name}")).collect();
    format!("systems: {}", names.join(", "))
}

/// Columns of equal width, the last one as long as it is.
fn table<const N: usize>(lines: &[[String; N]]) -> String {
    let width = |i: usize| lines.iter().map(|line| line[i].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N - 1).map(width).collect();
    let mut text = String::new();
    for line in lines {
        for (cell, width) in line.iter().zip(&widths) {
            text.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(&line[N - 1]);
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn markdown<const N: usize>(lines: &[[String; N]]) -> String {
    let written =
        |line: &[String; N]| format!("| {} |\n", line.clone().map(|cell| cell.replace('|', "\\|")).join(" | "));
    let (head, body) = lines.split_at(1);
    let head: String = head.iter().map(written).collect();
    let body: String = body.iter().map(written).collect();
    format!("{head}|{}\n{body}", "---|".repeat(N))
}
