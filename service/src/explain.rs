//! Explanations: what changed and why, in words.
//!
//! Renders what `optimize` gives and decides nothing. Three styles of one text: coloured for a
//! terminal, plain, and Markdown.

mod numbers;
mod page;

use isomer_ir::{Pipeline, Step, StepKind};

use crate::optimize::Optimised;
use crate::{api, report};
use numbers::{change, count, quantity};
use page::Page;

/// How an explanation looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Text without colours.
    Plain,
    /// Text with ANSI colours.
    Coloured,
    /// Markdown.
    Markdown,
}

/// The explanation of an optimised project.
#[must_use]
pub fn render(optimised: &Optimised, style: Style) -> String {
    let mut page = Page::new(style);
    summary(&mut page, optimised);
    let steps = || optimised.pipeline.steps.iter().zip(&optimised.output.steps);
    let of_kind = |kind| steps().filter(move |(step, _)| step.kind == kind);
    if of_kind(StepKind::Shared).next().is_some() {
        page.heading("Shared steps");
        of_kind(StepKind::Shared).for_each(|(step, spelled)| shared(&mut page, optimised, step, spelled));
    }
    if of_kind(StepKind::Model).next().is_some() {
        page.heading("Models");
        of_kind(StepKind::Model).filter(|(step, _)| step.is_changed).for_each(|(step, spelled)| {
            model(&mut page, optimised, step, spelled);
        });
        unchanged(&mut page, &optimised.pipeline);
    }
    if of_kind(StepKind::Opaque).next().is_some() {
        page.heading("Opaque models");
        page.line("Not understood, so kept byte for byte; nothing is moved across them.");
        of_kind(StepKind::Opaque).for_each(|(step, _)| opaque(&mut page, optimised, step));
    }
    skipped(&mut page, &optimised.output.skipped_rules);
    remarks(&mut page, optimised);
    page.finish()
}

fn summary(page: &mut Page, optimised: &Optimised) {
    let pipeline = &optimised.pipeline;
    let project = &optimised.project.project;
    let n_of = |kind| pipeline.steps.iter().filter(|step| step.kind == kind).count();
    let n_changed = pipeline.steps.iter().filter(|step| step.kind == StepKind::Model && step.is_changed).count();
    page.title(&project.name);
    let mut facts = vec![
        format!("{} ({})", count(n_of(StepKind::Model) + n_of(StepKind::Opaque), "model"), project.format),
        format!("{n_changed} changed"),
        count(n_of(StepKind::Shared), "shared step"),
    ];
    if n_of(StepKind::Opaque) > 0 {
        facts.push(format!("{} opaque", n_of(StepKind::Opaque)));
    }
    facts.push(format!("written for {}", optimised.target));
    page.line(&facts.join(", "));
    let (before, after) = totals(pipeline);
    page.line(&format!("estimated cost {}", page.strong(&change(before, after))));
    page.note(&format!(
        "search {} after {} over {}; costs are estimates in rows weighted by the work on them",
        ended(optimised),
        count(pipeline.n_iterations, "iteration"),
        count(pipeline.n_nodes, "e-node"),
    ));
}

fn ended(optimised: &Optimised) -> &'static str {
    match optimised.pipeline.stop_reason {
        isomer_ir::StopReason::Saturated => "saturated",
        isomer_ir::StopReason::Nodes => "ended by its budget of e-nodes",
        isomer_ir::StopReason::Iterations => "ended by its budget of iterations",
        isomer_ir::StopReason::Time => "ended by its deadline",
    }
}

/// Cost of the whole pipeline as written and as chosen.
#[must_use]
pub fn totals(pipeline: &Pipeline) -> (f64, f64) {
    let sum = |cost: fn(&Step) -> f64| pipeline.steps.iter().map(cost).sum();
    (sum(|step| step.cost_before), sum(|step| step.cost_after))
}

fn shared(page: &mut Page, optimised: &Optimised, step: &Step, spelled: &api::Step) {
    page.entry(&step.name, &format!("{}, about {} rows", step.materialise.word(), quantity(step.n_rows)));
    let readers: Vec<&str> = spelled.consumers.iter().map(String::as_str).collect();
    page.field("read by", &readers.join(", "));
    page.field("reads", &spelled.reads.join(", "));
    page.field("cost", &break_even(&optimised.pipeline, step));
    rules(page, &optimised.output, step);
    query(page, spelled, "query");
}

/// What a shared step costs against what its readers save, and how many readers pay for it.
fn break_even(pipeline: &Pipeline, shared: &Step) -> String {
    let readers: Vec<&Step> = pipeline.steps.iter().filter(|step| shared.consumers.contains(&step.name)).collect();
    let saved: f64 = readers.iter().map(|step| (step.cost_before - step.cost_after).max(0.0)).sum();
    let cost = quantity(shared.cost_after);
    if readers.is_empty() || saved <= 0.0 {
        return format!("{cost} once");
    }
    let needed = (shared.cost_after / (saved / readers.len() as f64)).ceil().max(1.0);
    format!(
        "{cost} once; its {} save {} in all, so it pays from {} on",
        count(readers.len(), "reader"),
        quantity(saved),
        if needed <= 1.0 { "the first reader".to_owned() } else { format!("{needed} readers") },
    )
}

fn model(page: &mut Page, optimised: &Optimised, step: &Step, spelled: &api::Step) {
    page.entry(&step.name, &format!("{}, cost {}", step.materialise.word(), change(step.cost_before, step.cost_after)));
    page.field("reads", &spelled.reads.join(", "));
    rules(page, &optimised.output, step);
    query(page, spelled, "now");
}

fn query(page: &mut Page, spelled: &api::Step, title: &str) {
    match &spelled.sql {
        Some(sql) => page.code(title, sql),
        None => page.field(title, "not written: the target cannot spell it, see the remarks"),
    }
}

fn rules(page: &mut Page, output: &api::Output, step: &Step) {
    let applied: Vec<&api::AppliedRule> = output.applied_rules.iter().filter(|rule| *rule.step == *step.name).collect();
    for (i, rule) in applied.iter().enumerate() {
        page.item(i + 1, &rule.rule, &rule.doc);
        for fact in &rule.facts {
            page.field("because", fact);
        }
        page.field("cost", &change(rule.cost_before, rule.cost_after));
        if let (Some(before), Some(after)) = (&rule.before, &rule.after) {
            page.code("before", before);
            page.code("after", after);
        }
    }
    page.end_items();
}

fn unchanged(page: &mut Page, pipeline: &Pipeline) {
    let names: Vec<&str> = pipeline
        .steps
        .iter()
        .filter(|step| step.kind == StepKind::Model && !step.is_changed)
        .map(|step| &*step.name)
        .collect();
    if !names.is_empty() {
        page.line(&format!("Unchanged, byte for byte: {}", names.join(", ")));
    }
}

fn opaque(page: &mut Page, optimised: &Optimised, step: &Step) {
    page.entry(&step.name, "opaque");
    for diagnostic in &optimised.output.diagnostics {
        if diagnostic.model.as_deref() == Some(&*step.name) && diagnostic.severity != "note" {
            page.text(&report::line(diagnostic));
        }
    }
}

fn skipped(page: &mut Page, skipped: &[api::SkippedRule]) {
    if skipped.is_empty() {
        return;
    }
    page.heading("Rules not applied");
    let rows = skipped.iter().map(|rule| vec![rule.rule.clone(), format!("{}×", rule.count), rule.reason.clone()]);
    page.table(&["rule", "times", "why"], &rows.collect::<Vec<_>>());
}

/// Diagnostics that do not belong to an opaque model.
fn remarks(page: &mut Page, optimised: &Optimised) {
    let is_opaque =
        |name: &str| optimised.pipeline.steps.iter().any(|step| step.kind == StepKind::Opaque && &*step.name == name);
    let told: Vec<&api::Diagnostic> = optimised
        .output
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == "note" || !diagnostic.model.as_deref().is_some_and(is_opaque))
        .collect();
    if !told.is_empty() {
        page.heading("Remarks");
        told.iter().for_each(|diagnostic| page.text(&report::line(diagnostic)));
    }
}
