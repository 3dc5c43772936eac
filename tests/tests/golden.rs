//! Golden cases: a project in; pipeline, SQL and explanation out.
//!
//! A case is a folder `golden/FAMILY/CASE` with a project and `expected.txt`. Each is optimised twice
//! in one process, and both texts must be the same bytes. `UPDATE_GOLDEN=1` writes the texts.

use std::path::Path;

use isomer_ir::StepKind;
use isomer_service::explain::{self, Style};
use isomer_tests::{answer, file_name, folders, golden, repository, told, with_stack};

/// The families, each with a test of its own below so that they run side by side.
const FAMILIES: [&str; 12] = [
    "aggregates",
    "dialects",
    "fidelity",
    "filters",
    "joins",
    "opaque",
    "projections",
    "scalars",
    "sets_and_empties",
    "sharing",
    "sort_limit",
    "user_rules",
];
/// Families whose explanations are kept with all SQL in them; of the others only the words are.
const WITH_SQL: [&str; 4] = ["fidelity", "opaque", "sharing", "user_rules"];
/// A family shows a rule and its near miss at least.
const MIN_CASES: usize = 2;

#[test]
fn aggregates() {
    family("aggregates");
}

#[test]
fn dialects() {
    family("dialects");
}

#[test]
fn fidelity() {
    family("fidelity");
}

#[test]
fn filters() {
    family("filters");
}

#[test]
fn joins() {
    family("joins");
}

#[test]
fn opaque() {
    family("opaque");
}

#[test]
fn projections() {
    family("projections");
}

#[test]
fn scalars() {
    family("scalars");
}

#[test]
fn sets_and_empties() {
    family("sets_and_empties");
}

#[test]
fn sharing() {
    family("sharing");
}

#[test]
fn sort_limit() {
    family("sort_limit");
}

#[test]
fn user_rules() {
    family("user_rules");
}

#[test]
fn every_folder_is_a_family_with_a_test() {
    let found: Vec<String> = folders(&repository("tests/golden")).iter().map(|folder| file_name(folder)).collect();
    assert_eq!(found, FAMILIES);
}

fn family(name: &'static str) {
    let cases = folders(&repository("tests/golden").join(name));
    assert!(cases.len() >= MIN_CASES, "{name} has {} cases", cases.len());
    let mut faults = String::new();
    for case in cases {
        let (first, second) = with_stack({
            let case = case.clone();
            move || (page(name, &case), page(name, &case))
        });
        assert_eq!(first, second, "{} gives other bytes the second time", case.display());
        if let Err(difference) = golden(&case.join("expected.txt"), &first) {
            faults.push_str(&difference);
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

/// What a case gives, as one text.
fn page(family: &str, case: &Path) -> String {
    let answer = answer(case);
    let mut page = String::new();
    let told = told(&answer);
    if !told.is_empty() {
        page.push_str(&format!("==== diagnostics\n{told}\n"));
    }
    let Some(optimised) = answer.optimised else { return page };
    page.push_str("==== pipeline\n");
    for (step, spelled) in optimised.pipeline.steps.iter().zip(&optimised.output.steps) {
        let state = match step.kind {
            StepKind::Shared => format!("for {}", spelled.consumers.join(", ")),
            StepKind::Model if step.is_changed => "changed".to_owned(),
            StepKind::Model => "as written".to_owned(),
            StepKind::Opaque => "opaque".to_owned(),
        };
        page.push_str(&format!("{} {} {}, {state}\n", spelled.kind, spelled.materialise, spelled.name));
        page.push_str(&format!("  reads {}\n", spelled.reads.join(", ")));
        for rule in &spelled.rules {
            page.push_str(&format!("  {rule}\n"));
        }
    }
    page.push_str("\n==== sql\n");
    for spelled in &optimised.output.steps {
        let sql = spelled.sql.as_deref().unwrap_or("(not written)");
        page.push_str(&format!("-- {}\n{}\n", spelled.name, sql.trim_end()));
    }
    // How many e-nodes a search takes is no promise, and any change of a rule changes it.
    let explanation = explain::render(&optimised, Style::Plain);
    let kept = explanation
        .lines()
        .filter(|line| !line.starts_with("search ") && (!is_sql(line) || WITH_SQL.contains(&family)));
    page.push_str("\n==== explain\n");
    kept.for_each(|line| page.push_str(&format!("{line}\n")));
    page
}

/// A line of a query, or the label above one.
fn is_sql(line: &str) -> bool {
    let line = line.trim();
    line.starts_with('│') || matches!(line, "before" | "after" | "change" | "now" | "query")
}
