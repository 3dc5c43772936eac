//! The optimizer's main road: normalise each model, put all into one e-graph, add what sharing
//! rules find, choose what to materialise, and raise a pipeline.

use std::collections::BTreeMap;
use std::sync::Arc;

use isomer_ir::{BoundProject, Diagnostic, Materialise, Output, Pipeline, SkippedRule, Span, Step, StopReason};
use rustc_hash::FxHashSet;

mod engines_work;
mod lower;
mod raised;
mod steps;
mod stored;
mod told;
mod unfold;

pub(crate) use engines_work::engine_switches;
pub(crate) use lower::{Lowered, add_root, lower, unsorted};
pub(crate) use steps::changed_output;
pub use unfold::unfold;

use raised::{RaisedAll, raise};
use steps::build_steps;
use stored::{broken_shared, register, stored_columns};

use crate::config::Config;
use crate::extract::{Graph, Root};
use crate::memo::Memo;
use crate::normalize::NormalModel;
use crate::operator::Context;
use crate::raise::narrow_scans;
use crate::replay::{Chain, Replay};
use crate::rule_set::Rules;
use crate::same::Shown;
use crate::sharing::share;
use crate::simplify::{Stop, Switches};
use crate::stats::Meter;

/// Largest plan, in operators, that is inlined into a reader; larger views are read as views.
pub(crate) const MAX_INLINED_OPERATORS: usize = 400;

/// A model on its way through the optimizer.
pub(crate) struct Entry {
    /// Position in the project.
    pub(crate) model: usize,
    pub(crate) normal: NormalModel,
    pub(crate) class: egg::Id,
    /// As written, upstream views inlined.
    pub(crate) written: Output,
    written_cost: f64,
}

impl Entry {
    pub(crate) fn shown(&self) -> Shown<'_> {
        Shown { normal: &self.normal, class: self.class }
    }
}

/// Finds the cheapest pipeline that gives the same rows as the models that were written.
///
/// Steps come in an order in which each reads only earlier ones; untouched and opaque models are
/// among them. Shared relations are added to the project's catalog as tables, so that emitters can
/// spell them. The same input gives the same pipeline.
pub fn optimize(project: &mut BoundProject, rules: &[isomer_rules::CompiledRule], config: &Config<'_>) -> Pipeline {
    run(project, rules, config, None)
}

/// As [`optimize`], and tells for each changed model by which steps its written plan became the chosen one.
pub fn optimize_with_chains(
    project: &mut BoundProject,
    rules: &[isomer_rules::CompiledRule],
    config: &Config<'_>,
) -> (Pipeline, Vec<Chain>) {
    let mut chains = Vec::new();
    let pipeline = run(project, rules, config, Some(&mut chains));
    (pipeline, chains)
}

fn run(
    project: &mut BoundProject,
    rules: &[isomer_rules::CompiledRule],
    config: &Config<'_>,
    chains: Option<&mut Vec<Chain>>,
) -> Pipeline {
    unfold(project);
    let compiled = rules;
    let rules = Rules::new(compiled, &project.project.settings);
    let mut meter = Meter::new(config);
    let mut switches = if meter.is_on() { rules.switches().counting() } else { rules.switches() };
    let context = Context::new(std::mem::take(&mut project.arena), std::mem::take(&mut project.project.catalog));
    let mut memo = Memo::new(context);
    let order = project.order.clone();
    let begin = meter.begin(&memo);
    let Lowered { entries, folded } = lower(project, &order, &rules, &mut switches, &mut memo);
    meter.end_phase("normalize", begin, &memo);
    let (stop_reason, n_iterations) = saturate_metered(&mut memo, &mut switches, &rules, config, &mut meter);
    let begin = meter.begin(&memo);
    let roots = roots_of(project, &entries, &memo);
    let graph = Graph::new(&memo, &roots);
    let materialised = graph.choose(project.project.settings.min_shared_rows, switches.is_on("share-common-plan"));
    meter.end_phase("choose", begin, &memo);
    let begin = meter.begin(&memo);
    let raised = raise(project, &mut memo, &graph, &materialised, &folded);
    let n_nodes = memo.egraph.total_number_of_nodes();
    let mut diagnostics = refused_unions(&memo);
    diagnostics.extend(stopped_rules(compiled, &switches));
    let steps = assemble(project, &rules, &entries, &mut memo, &graph, raised, &mut diagnostics);
    meter.end_phase("raise", begin, &memo);
    if let Some(chains) = chains {
        *chains = Replay { project, rules: &rules, entries: &entries, memo: &mut memo, graph: &graph }
            .chains(&materialised, &steps);
    }
    let context = std::mem::take(memo.context_mut());
    project.arena = context.arena;
    project.project.catalog = context.catalog;
    let fired = fired_in_all(switches.take_fired(), &entries);
    let stats = meter.stats(&fired, &switches);
    let skipped_rules = skipped(&rules, &steps, offered(project, &entries, fired));
    Pipeline { steps, stop_reason, skipped_rules, diagnostics, n_nodes, n_iterations, stats }
}

fn refused_unions(memo: &Memo) -> Vec<Diagnostic> {
    let mut rules: Vec<Arc<str>> = memo.refused.iter().map(|refused| Arc::clone(&refused.rule)).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
        .into_iter()
        .map(|rule| {
            Diagnostic::note(
                "PLAN-0001",
                &rule,
                Span::default(),
                format!("rule `{rule}` gave a relation with another schema; the step was refused"),
            )
            .with_help("this is a bug of the rule; switch it off with `disable` and report it")
        })
        .collect()
}

/// Rules that were stopped because they would not have ended; the result is right without them.
fn stopped_rules(rules: &[isomer_rules::CompiledRule], switches: &Switches) -> Vec<Diagnostic> {
    let of = |name: &Arc<str>| rules.iter().map(|compiled| &compiled.rule).find(|rule| rule.name == *name);
    let told = |(name, stop): (&Arc<str>, &Stop)| {
        let rule = of(name)?;
        let message = format!("rule `{name}` was stopped: {stop}");
        let help = "the result holds without the rest of its work; sharpen its pattern, or raise its `budget`";
        Some(Diagnostic::note("RULE-0060", &rule.file, rule.span, message).with_help(help))
    };
    switches.stopped().iter().filter_map(told).collect()
}

/// Runs the e-graph phases until nothing is added or a budget ends.
pub(crate) fn saturate(
    memo: &mut Memo,
    switches: &mut Switches,
    rules: &Rules,
    config: &Config<'_>,
) -> (StopReason, usize) {
    saturate_metered(memo, switches, rules, config, &mut Meter::off())
}

fn saturate_metered(
    memo: &mut Memo,
    switches: &mut Switches,
    rules: &Rules,
    config: &Config<'_>,
    meter: &mut Meter<'_>,
) -> (StopReason, usize) {
    let relations: Vec<_> = rules.relations.iter().map(|template| (template, template.normalized(memo))).collect();
    for iteration in 0..config.max_iterations {
        if (config.is_out_of_time)() {
            return (StopReason::Time, iteration);
        }
        if memo.egraph.total_number_of_nodes() >= config.max_nodes {
            return (StopReason::Nodes, iteration);
        }
        switches.begin_iteration();
        let begin = meter.begin(memo);
        let mut has_changed = crate::logical::apply(memo, switches);
        meter.end_phase("logical", begin, memo);
        let begin = meter.begin(memo);
        has_changed |= crate::relations::apply(memo, switches, &relations, &rules.templates, meter);
        meter.end_phase("relations", begin, memo);
        let begin = meter.begin(memo);
        has_changed |= share(memo, switches);
        meter.end_phase("share", begin, memo);
        if !has_changed {
            return (StopReason::Saturated, iteration + 1);
        }
    }
    (StopReason::Iterations, config.max_iterations)
}

fn roots_of(project: &BoundProject, entries: &[Entry], memo: &Memo) -> Vec<Root> {
    let read: FxHashSet<&Arc<str>> = project.models.iter().flat_map(|model| &model.reads).collect();
    entries
        .iter()
        .map(|entry| {
            let model = &project.project.models[entry.model];
            let is_stored = matches!(model.materialise, Materialise::Table | Materialise::Temp);
            Root {
                class: memo.egraph.find(entry.class),
                shows: entry.normal.exprs.iter().map(|(id, _)| *id).collect(),
                key: Arc::clone(&model.key),
                is_stored,
                // A view that others read is paid for where it is read.
                is_counted: is_stored || !read.contains(&model.key),
            }
        })
        .collect()
}

/// Orders the steps, decides which models change, and registers shared relations as tables.
fn assemble(
    project: &BoundProject,
    rules: &Rules,
    entries: &[Entry],
    memo: &mut Memo,
    graph: &Graph,
    mut raised: RaisedAll,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Step> {
    let settings = &project.project.settings;
    let shared_keys: FxHashSet<Arc<str>> = raised.shared.iter().map(|(name, _, _)| Arc::clone(name)).collect();
    let broken = broken_shared(memo, &raised, diagnostics);
    let mut is_changed: Vec<bool> = Vec::with_capacity(entries.len());
    for (entry, root) in entries.iter().zip(&raised.roots) {
        let model = &project.project.models[entry.model];
        let reads = root.plan.tables();
        let written_reads = &project.models[entry.model].reads;
        let reads_new = reads.iter().any(|table| {
            shared_keys.contains(table) || (project.model_position(table).is_some() && !written_reads.contains(table))
        });
        let saves = root.cost < entry.written_cost * (1.0 - settings.min_saving);
        let has_user_rule = entry.normal.fired.keys().any(|rule| rules.is_users(rule))
            || root.steps.iter().any(|step| rules.is_users(&step.rule));
        // Names that an engine makes up cannot be read by another text.
        let is_guessed = |table: &Arc<str>| {
            let columns = memo.context().catalog.get(table).map_or(&[][..], |table| &table.columns);
            columns.iter().any(|column| memo.context().catalog.is_guessed(&column.name))
        };
        let has_plan = root.cost.is_finite();
        let is_sound = has_plan && !reads.iter().any(|table| broken.contains(table) || is_guessed(table));
        // Members of the e-graph are everybody's: a model that does not want a rule is left as written
        // where its path needs it.
        let off = rules.off_in(settings, &model.key);
        let reads_shared = reads.iter().any(|table| shared_keys.contains(table));
        let uses_rule_that_is_off = root.steps.iter().any(|step| off.contains(&step.rule))
            || (reads_shared && off.contains("share-common-plan"));
        let is_wanted = !uses_rule_that_is_off;
        is_changed.push(is_sound && is_wanted && model.is_rewritable && (reads_new || saves || has_user_rule));
    }
    // A shared relation that no changed model reads in the end is dropped.
    let mut live: FxHashSet<Arc<str>> = FxHashSet::default();
    for (root, _) in raised.roots.iter().zip(&is_changed).filter(|(_, changed)| **changed) {
        live.extend(root.plan.tables().into_iter().filter(|table| shared_keys.contains(table)));
    }
    for (name, _, shared) in raised.shared.iter().rev() {
        if live.contains(name) {
            live.extend(shared.plan.tables().into_iter().filter(|table| shared_keys.contains(table)));
        }
    }
    raised.shared.retain(|(name, _, _)| live.contains(name));
    let stored = stored_columns(memo, graph, entries, &raised, &is_changed);
    for raised in raised.shared.iter_mut().map(|(_, _, shared)| shared).chain(&mut raised.roots) {
        narrow_scans(&mut raised.plan, &stored);
        for (before, after, _, _) in &mut raised.parts {
            narrow_scans(before, &stored);
            narrow_scans(after, &stored);
        }
    }
    for (name, _, shared) in &raised.shared {
        register(memo, graph, name, &stored[name], shared);
    }
    build_steps(project, entries, memo, raised, &is_changed, &stored, diagnostics)
}

/// How often each rule fired: in the e-graph, and in the normal form of each model.
fn fired_in_all(mut fired: BTreeMap<Arc<str>, usize>, entries: &[Entry]) -> BTreeMap<Arc<str>, usize> {
    for (rule, count) in entries.iter().flat_map(|entry| &entry.normal.fired) {
        *fired.entry(Arc::clone(rule)).or_default() += count;
    }
    fired
}

/// The firings without the binder's: what it did to understand a model is no offer that was found too dear.
fn offered(
    project: &BoundProject,
    entries: &[Entry],
    mut fired: BTreeMap<Arc<str>, usize>,
) -> BTreeMap<Arc<str>, usize> {
    for (rule, times) in entries.iter().flat_map(|entry| &project.models[entry.model].rules) {
        if let Some(count) = fired.get_mut(rule) {
            *count = count.saturating_sub(*times);
        }
    }
    fired.retain(|_, count| *count > 0);
    fired
}

/// Rules that matched without coming to stand on a chosen path, and rules that were not let in.
fn skipped(rules: &Rules, steps: &[Step], fired: BTreeMap<Arc<str>, usize>) -> Vec<SkippedRule> {
    let applied: FxHashSet<&Arc<str>> =
        steps.iter().flat_map(|step| step.rules.iter().map(|rule| &rule.rule)).collect();
    let mut skipped: Vec<SkippedRule> = fired
        .into_iter()
        .filter(|(rule, _)| !applied.contains(rule))
        .map(|(rule, count)| SkippedRule { rule, reason: "matched but was not cheaper".to_owned(), count })
        .collect();
    skipped.extend(rules.withheld.iter().map(|(rule, reason)| SkippedRule {
        rule: Arc::clone(rule),
        reason: reason.clone(),
        count: 0,
    }));
    skipped.sort();
    skipped
}
