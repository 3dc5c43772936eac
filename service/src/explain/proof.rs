//! Proofs as a page: each changed model with its steps, what they did and whether that was checked.

use super::numbers::count;
use super::page::Page;
use super::{Style, rewritten};
use crate::api;

/// Verdicts in the order in which they are counted.
const VERDICTS: [&str; 5] = ["proved", "tested", "open", "consented", "refuted"];

/// The proofs of a project's changed models.
#[must_use]
pub fn render_proofs(project: &str, proofs: &[api::Proof], style: Style) -> String {
    let mut page = Page::new(style);
    page.title(project);
    page.line(&format!("{}, {}", count(proofs.len(), "changed model"), counted(proofs)));
    page.note("proved: equal as sums of products, and no database tells them apart; tested: no database does");
    for proof in proofs {
        page.entry(&proof.model, &counted(std::slice::from_ref(proof)));
        page.code("written", &proof.written);
        if let (true, Some(read)) = (proof.steps.is_empty(), &proof.read) {
            page.code("read as", read);
        }
        let mut last: Option<&String> = None;
        for (number, step) in (1..).zip(&proof.steps) {
            shown(&mut page, number, step, last);
            last = step.after.as_ref();
        }
        page.end_items();
        page.field("unseen", &proof.traceless.join(", "));
    }
    page.finish()
}

fn counted(proofs: &[api::Proof]) -> String {
    let steps = || proofs.iter().flat_map(|proof| &proof.steps);
    let n_of = |verdict: &str| steps().filter(|step| step.verdict == verdict).count();
    let counts = VERDICTS.iter().map(|verdict| (n_of(verdict), verdict)).filter(|(n, _)| *n > 0);
    let counts: Vec<String> = counts.map(|(n, verdict)| format!("{n} {verdict}")).collect();
    let n_steps = count(steps().count(), "step");
    if counts.is_empty() { n_steps } else { format!("{n_steps}: {}", counts.join(", ")) }
}

fn shown(page: &mut Page, number: usize, step: &api::ProofStep, last: Option<&String>) {
    page.item(number, step.rule.as_deref().unwrap_or(step.cause), &step.doc);
    page.field("with", &step.with.join(", "));
    page.field("place", &placed(&step.place));
    for fact in &step.facts {
        page.field("because", fact);
    }
    page.field("verdict", &verdict(step));
    if let Some(found) = &step.counterexample {
        page.code("database", &database(found));
    }
    match (&step.before, &step.after) {
        (Some(before), Some(after)) => rewritten(page, before, after, last != Some(before), true),
        (_, Some(after)) => page.code("after", after),
        (_, None) => page.field("after", "not written: the target cannot spell it"),
    }
}

fn placed(place: &api::ProofPlace) -> String {
    let mut text = if place.operator.is_empty() { "names alone".to_owned() } else { cut(&place.operator) };
    for name in place.within.iter().rev() {
        text.push_str(&format!(", in {}", name.name));
        if let Some(span) = name.span {
            text.push_str(&format!(" ({}:{}:{})", place.path, span.line, span.col));
        }
    }
    text
}

/// The start of a long line.
fn cut(line: &str) -> String {
    const WIDTH: usize = 100;
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    line.chars().take(WIDTH).chain(['…']).collect()
}

fn verdict(step: &api::ProofStep) -> String {
    let tried = || format!("no difference on {}", count(step.n_databases, "database"));
    let mut text = match step.verdict {
        "proved" if step.n_databases == 0 => "proved".to_owned(),
        "proved" => format!("proved, {}", tried()),
        "tested" => format!("tested, {}", tried()),
        "consented" => "changes rows, as the project consents to".to_owned(),
        "refuted" => "REFUTED: it changes rows".to_owned(),
        other => other.to_owned(),
    };
    if !step.assumptions.is_empty() {
        text.push_str(&format!("; taking for granted that {}", step.assumptions.join(", and that ")));
    }
    if let Some(reason) = &step.reason {
        text.push_str(&format!(": {reason}"));
    }
    text
}

/// A database as statements that can be run, with what both sides give as remarks.
fn database(found: &api::prove::Refutation) -> String {
    let rows = |rows: &[String]| if rows.is_empty() { "no rows".to_owned() } else { rows.join(", ") };
    format!("{}-- before: {}\n-- after:  {}\n", found.database, rows(&found.first), rows(&found.second))
}
