//! Explanations: what changed and why, in words.
//!
//! Renders what `optimize` gives and decides nothing. Three styles of one text: coloured for a
//! terminal, plain, and Markdown.

mod numbers;
mod page;
mod proof;
mod rewrite;

use isomer_ir::{Pipeline, Step, StepKind};

use crate::fidelity::says_the_same;
use crate::optimize::Optimised;
use crate::{api, report};
use numbers::{change, count, quantity};
pub(crate) use page::Page;
pub use proof::render_proofs;

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
    ephemeral(&mut page, optimised);
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
    let n_ephemeral = project.models.iter().filter(|model| model.is_folded).count();
    if n_ephemeral > 0 {
        facts.insert(1, format!("{n_ephemeral} ephemeral"));
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
    if !step.work_of.is_empty() {
        let named: Vec<String> = step.work_of.iter().map(|name| format!("`{name}`")).collect();
        let models = if named.len() == 1 { "model" } else { "models" };
        page.field(
            "work of",
            &format!("the ephemeral {models} {}: kept as a table, it is computed once as well", named.join(", ")),
        );
    }
    page.field("reads", &spelled.reads.join(", "));
    page.field("cost", &break_even(&optimised.pipeline, step));
    page.field("made by", &makers(optimised, step));
    rules(page, &optimised.output, step, spelled);
    query(page, spelled, "query");
}

/// The rules that made models read a shared step, each with its models.
fn makers(optimised: &Optimised, shared: &Step) -> String {
    let mut makers: Vec<(&str, Vec<&str>)> = Vec::new();
    for step in optimised.pipeline.steps.iter().filter(|step| shared.consumers.contains(&step.name)) {
        let reads = |output: &isomer_ir::Output| output.plan.tables().contains(&shared.name);
        let made = step.rules.iter().filter(|rule| reads(&rule.after) && !reads(&rule.before));
        for rule in made {
            match makers.iter_mut().find(|(name, _)| *name == &*rule.rule) {
                Some((_, models)) if models.contains(&&*step.name) => {}
                Some((_, models)) => models.push(&step.name),
                None => makers.push((&rule.rule, vec![&step.name])),
            }
        }
    }
    let makers: Vec<String> = makers.iter().map(|(rule, models)| format!("{rule} ({})", models.join(", "))).collect();
    makers.join(", ")
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
    rules(page, &optimised.output, step, spelled);
    query(page, spelled, "now");
    if step.cost_after > step.cost_before {
        page.field("note", "the estimate rises: equivalences of expressions are applied for what they make possible, not for their cost");
    }
}

fn query(page: &mut Page, spelled: &api::Step, title: &str) {
    match &spelled.sql {
        Some(sql) => page.code(title, sql),
        None => page.field(title, "not written: the target cannot spell it, see the remarks"),
    }
}

/// The rules on the path of a step. Those that worked in one pass have one text before and after in
/// common, which is shown once, below the last of them.
fn rules(page: &mut Page, output: &api::Output, step: &Step, spelled: &api::Step) {
    // A shared step was not written by anybody: the rules that made it have no text before.
    let is_shown = |rule: &&api::AppliedRule| {
        *rule.step == *step.name && (rule.before != rule.after || step.kind == StepKind::Model)
    };
    let mut applied: Vec<&api::AppliedRule> = output.applied_rules.iter().filter(is_shown).collect();
    // One rewrite that came about in several ways is told once.
    let told = |rule: &api::AppliedRule| (rule.cost_before.to_bits(), rule.cost_after.to_bits());
    applied.dedup_by(|a, b| (&a.rule, &a.facts, &a.after) == (&b.rule, &b.facts, &b.after) && told(a) == told(b));
    let passes = applied.chunk_by(|a, b| (&a.before, &a.after) == (&b.before, &b.after));
    let mut n = 0;
    let mut last_after: Option<&String> = None;
    for pass in passes {
        for rule in pass {
            n += 1;
            page.item(n, &rule.rule, &rule.doc);
            page.field("yours", rule.source.as_deref().unwrap_or(""));
            if !matches!(rule.class.as_str(), "exact" | "fp_reorder") {
                page.field("class", &rule.class);
            }
            for fact in &rule.facts {
                page.field("because", fact);
            }
        }
        let Some(rule) = pass.last() else { continue };
        page.field("cost", &change(rule.cost_before, rule.cost_after));
        if let (Some(before), Some(after)) = (&rule.before, &rule.after) {
            let shows_before = last_after != Some(before);
            let shows_after = spelled.sql.as_ref().is_none_or(|sql| !says_the_same(sql, after));
            rewritten(page, before, after, shows_before, shows_after);
        }
        last_after = rule.after.as_ref();
    }
    page.end_items();
}

/// The text before is not shown where the rules above ended in it, nor the text after where it is
/// the whole query, which follows.
fn rewritten(page: &mut Page, before: &str, after: &str, shows_before: bool, shows_after: bool) {
    if before.trim_end() == after.trim_end() {
        return;
    }
    match rewrite::differences(before, after) {
        Some(differences) => page.code("change", &differences),
        None => {
            if shows_before {
                page.code("before", before);
            }
            if shows_after {
                page.code("after", after);
            }
        }
    }
}

fn unchanged(page: &mut Page, pipeline: &Pipeline) {
    let names: Vec<&str> = pipeline
        .steps
        .iter()
        .filter(|step| step.kind == StepKind::Model && !step.is_changed)
        .map(|step| &*step.name)
        .collect();
    if !names.is_empty() {
        page.gap();
        page.line(&format!("Unchanged, byte for byte: {}", names.join(", ")));
    }
}

/// Models that stand in their readers alone.
fn ephemeral(page: &mut Page, optimised: &Optimised) {
    let models = &optimised.project.project.models;
    if !models.iter().any(|model| model.is_folded) {
        return;
    }
    page.heading("Ephemeral models");
    page.line("No steps of their own: what is told of their readers is told of them.");
    for model in models.iter().filter(|model| model.is_folded) {
        let readers = models.iter().filter(|reader| reader.folded.contains(&model.key));
        let readers: Vec<&str> = readers.map(|reader| &*reader.name).collect();
        page.entry(&model.name, &model.path);
        page.field("written into", &readers.join(", "));
    }
}

fn opaque(page: &mut Page, optimised: &Optimised, step: &Step) {
    page.entry(&step.name, "opaque");
    for diagnostic in &optimised.output.diagnostics {
        if diagnostic.model.as_deref() == Some(&*step.name) {
            page.text(&report::line(diagnostic));
        }
    }
}

fn skipped(page: &mut Page, skipped: &[api::SkippedRule]) {
    if skipped.is_empty() {
        return;
    }
    page.heading("Rules not applied");
    // What was not let in was not matched either, so that there is nothing to count.
    let times = |rule: &api::SkippedRule| if rule.count == 0 { "–".to_owned() } else { format!("{}×", rule.count) };
    let rows = skipped.iter().map(|rule| vec![rule.rule.clone(), times(rule), rule.reason.clone()]);
    page.table(&["rule", "times", "why"], &rows.collect::<Vec<_>>());
    if skipped.iter().any(|rule| rule.reason.starts_with("needs consent")) {
        page.note("`--allow RULE`, or `allow: [RULE]` in isomer.yml, consents to a rule that changes rows");
    }
}

/// Diagnostics that do not belong to an opaque model.
fn remarks(page: &mut Page, optimised: &Optimised) {
    let is_opaque =
        |name: &str| optimised.pipeline.steps.iter().any(|step| step.kind == StepKind::Opaque && &*step.name == name);
    let told: Vec<&api::Diagnostic> = optimised
        .output
        .diagnostics
        .iter()
        .filter(|diagnostic| !diagnostic.model.as_deref().is_some_and(is_opaque))
        .collect();
    if !told.is_empty() {
        page.heading("Remarks");
        told.iter().for_each(|diagnostic| page.text(&report::line(diagnostic)));
    }
}
