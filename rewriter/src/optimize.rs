//! The optimizer's main road: normalise each model, put all into one e-graph, add what sharing
//! rules find, choose what to materialise, and raise a pipeline.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use isomer_ir::{
    AppliedRule, Bound, BoundProject, Column, ColumnId, Diagnostic, Key, Materialise, Output, OutputColumn, Pipeline,
    Plan, Scalar, SkippedRule, SortKey, Span, Step, StepKind, StopReason, Table, explain_output,
};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::config::Config;
use crate::extract::{Event, Graph, Materialised, Root, State};
use crate::memo::Memo;
use crate::normalize::{Definitions, ModelRead, NormalModel, Normalizer};
use crate::operator::{Context, Operator};
use crate::plan_facts::estimate;
use crate::raise::{Raiser, Step as PathStep, collect_demand, narrow_scans};
use crate::replay::{Chain, Replay};
use crate::rule_set::{NATIVE_RULES, Rules};
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
    let compiled = rules;
    let rules = Rules::new(compiled, &project.project.settings);
    let mut meter = Meter::new(config);
    let mut switches = if meter.is_on() { rules.switches().counting() } else { rules.switches() };
    let context = Context::new(std::mem::take(&mut project.arena), std::mem::take(&mut project.project.catalog));
    let mut memo = Memo::new(context);
    let order = project.order.clone();
    let begin = meter.begin(&memo);
    let entries = lower(project, &order, &rules, &mut switches, &mut memo);
    meter.end_phase("normalize", begin, &memo);
    let (stop_reason, n_iterations) = saturate_metered(&mut memo, &mut switches, &rules, config, &mut meter);
    let begin = meter.begin(&memo);
    let roots = roots_of(project, &entries, &memo);
    let graph = Graph::new(&memo, &roots);
    let materialised = graph.choose(project.project.settings.min_shared_rows, switches.is_on("share-common-plan"));
    meter.end_phase("choose", begin, &memo);
    let begin = meter.begin(&memo);
    let raised = raise(project, &mut memo, &graph, &materialised);
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

/// Normalises the models in order and adds them to the e-graph.
pub(crate) fn lower(
    project: &BoundProject,
    order: &[usize],
    rules: &Rules,
    switches: &mut Switches,
    memo: &mut Memo,
) -> Vec<Entry> {
    let mut reads: FxHashMap<Arc<str>, ModelRead> = FxHashMap::default();
    let mut inlined: FxHashMap<Arc<str>, Output> = FxHashMap::default();
    let mut entries = Vec::new();
    for &position in order {
        let model = &project.project.models[position];
        let Bound::Plan(output) = &project.models[position].bound else { continue };
        record_distinct_estimates(memo.context_mut(), &output.plan);
        let written =
            Output { plan: inline_views(memo.context_mut(), &output.plan, &inlined), columns: output.columns.clone() };
        switches.begin_model(rules.off_in(&project.project.settings, &model.key));
        for (rule, times) in &project.models[position].rules {
            for _ in 0..*times {
                switches.fire(rule);
            }
        }
        let normal = {
            let context = memo.context_mut();
            Normalizer::new(context, switches, &rules.templates, &reads).model(output.clone())
        };
        let base = memo.add_plan(&normal.plan);
        let class = add_root(memo, base, &normal);
        if model.materialise == Materialise::Table || model.materialise == Materialise::Temp {
            let ids: Vec<ColumnId> = normal.exprs.iter().map(|(id, _)| *id).collect();
            add_table_read(memo, class, &model.key, &ids);
            reads.insert(Arc::clone(&model.key), ModelRead::Table(ids));
        } else if written.plan.n_operators() <= MAX_INLINED_OPERATORS {
            reads.insert(Arc::clone(&model.key), ModelRead::Inline(unsorted(output.clone())));
            inlined.insert(Arc::clone(&model.key), unsorted(written.clone()));
        }
        let written_cost = if is_engines_work(&normal, &project.models[position].rules, switches) {
            let plan = Plan::Project { input: Box::new(normal.plan.clone()), exprs: normal.exprs.clone() };
            estimate(memo.context_mut(), &plan).1
        } else {
            engine_cost(memo, &reads, output)
        };
        entries.push(Entry { model: position, normal, class, written, written_cost });
    }
    switches.begin_model(FxHashSet::default());
    memo.rebuild();
    entries
}

pub(crate) fn unsorted(output: Output) -> Output {
    match output.plan {
        Plan::Sort { input, .. } => Output { plan: *input, columns: output.columns },
        plan => Output { plan, columns: output.columns },
    }
}

/// Rules that every engine applies by itself: what they save is no saving of ours.
const DONE_BY_ENGINES: &[&str] = &[
    "merge-filters",
    "merge-projects",
    "merge-inner-joins",
    "merge-limits",
    "merge-unions",
    "push-filter-into-project",
    "push-filter-into-inner-join",
    "push-filter-into-outer-join",
    "push-filter-into-semi-join",
    "push-filter-into-aggregate",
    "push-filter-into-union",
    "push-filter-into-window",
    "infer-filter-transitive",
    "infer-filter-across-join",
    "normalize-equal-columns",
    "convert-semi-join-to-inner",
    "push-semi-join-into-input",
    "eliminate-distinct-under-semi-join",
    "convert-mark-join-to-semi",
    "eliminate-unused-mark-join",
    "convert-single-join-to-left",
    "decorrelate-exists",
    "decorrelate-in",
    "decorrelate-scalar-subquery",
    "decorrelate-scalar-aggregate",
    "decorrelate-lateral",
    "decorrelate-by-domain",
    "pull-common-conjunct-from-or",
    "convert-outer-join-to-inner",
    "convert-distinct-to-aggregate",
    "convert-union-to-distinct",
    "eliminate-true-filter",
    "eliminate-sort-in-bag",
    "fold-constants",
    "simplify-boolean",
    "simplify-null",
    "simplify-comparison",
    "simplify-case",
    "simplify-cast",
    "simplify-null-test",
    "simplify-nullif",
    "simplify-distinct-from",
    "simplify-in-list",
    "simplify-cast-in-comparison",
    "simplify-sum-in-comparison",
    "simplify-try-cast",
    "simplify-arithmetic",
    "simplify-like",
    "merge-casts",
    "merge-cases",
    "merge-concats",
    "merge-constants-in-sum",
    "eliminate-null-test-on-not-null",
    "convert-semi-join-to-in-list",
    "merge-date-truncs",
    "merge-comparisons",
    "convert-or-to-in-list",
    "convert-date-trunc-to-range",
    "convert-date-cast-to-range",
    "convert-prefix-to-like",
    "convert-regexp-to-like",
    "convert-case-to-coalesce",
    "convert-case-to-nullif",
    "convert-case-to-predicate",
    "push-function-into-case",
    "push-constant-into-filter",
    "eliminate-implied-filter",
    "normalize-operand-order",
    "prune-columns",
    "prune-unused-aggregate",
    "prune-unused-window",
    "prune-duplicate-group-key",
    "prune-duplicate-sort-key",
];

/// Every other native rule.
static NOT_DONE_BY_ENGINES: LazyLock<Vec<Arc<str>>> =
    LazyLock::new(|| NATIVE_RULES.iter().filter(|rule| !DONE_BY_ENGINES.contains(&&***rule)).cloned().collect());

/// Whether the engine's own rewrites gave this normal form: they are all on, no other rule fired but those
/// of the front end, and the first round was enough.
fn is_engines_work(normal: &NormalModel, by_front_end: &[(Arc<str>, usize)], switches: &Switches) -> bool {
    let is_engines = |(rule, times): (&Arc<str>, &usize)| {
        DONE_BY_ENGINES.contains(&&**rule) || by_front_end.iter().any(|(name, n)| name == rule && n == times)
    };
    normal.is_settled_at_once
        && DONE_BY_ENGINES.iter().all(|rule| switches.is_on(rule))
        && normal.fired.iter().all(is_engines)
}

/// The rules that engines apply by themselves, and no other.
pub(crate) fn engine_switches() -> Switches {
    Switches::new(NOT_DONE_BY_ENGINES.iter().cloned())
}

/// The estimated cost of the written model as an engine runs it, upstream views inlined.
fn engine_cost(memo: &mut Memo, reads: &FxHashMap<Arc<str>, ModelRead>, output: &Output) -> f64 {
    let mut switches = engine_switches();
    let templates = crate::templates::ScalarTemplates::default();
    let mut normalizer = Normalizer::new(memo.context_mut(), &mut switches, &templates, reads);
    // Once is enough for an estimate.
    normalizer.max_rounds = 0;
    let normal = normalizer.model(output.clone());
    let plan = Plan::Project { input: Box::new(normal.plan), exprs: normal.exprs };
    estimate(memo.context_mut(), &plan).1
}

/// The class of the model's output columns.
pub(crate) fn add_root(memo: &mut Memo, base: egg::Id, normal: &NormalModel) -> egg::Id {
    let mut ids: Vec<ColumnId> = normal.exprs.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    let is_identity = ids == memo.columns(base)
        && normal.exprs.iter().all(|&(id, scalar)| memo.context().arena[scalar] == Scalar::Column(id));
    if is_identity { base } else { memo.add(Operator::Project { exprs: normal.exprs.clone() }, [base]) }
}

/// Reading the model's stored rows is one more way to have its class.
///
/// Not so when its rows depend on chance or on the time: computing them again gives others.
fn add_table_read(memo: &mut Memo, class: egg::Id, key: &Arc<str>, ids: &[ColumnId]) {
    let facts = memo.facts(class);
    let (rows, is_repeatable) = (facts.rows, !facts.is_volatile && !facts.is_stable_only);
    if let Some(table) = memo.context_mut().catalog.get_mut(key) {
        table.n_rows = table.n_rows.or(Some(rows));
    }
    if !is_repeatable {
        return;
    }
    let scan = memo.add(Operator::Scan { table: Arc::clone(key), columns: ids.to_vec() }, []);
    // The catalog's facts of the model's table are its binder's; the class knows at least as much.
    memo.egraph.union(class, scan);
}

fn record_distinct_estimates(context: &mut Context, plan: &Plan) {
    let mut stack = vec![plan];
    while let Some(plan) = stack.pop() {
        if let Plan::Scan { table, columns } = plan {
            let estimates: Vec<(ColumnId, f64)> = context
                .catalog
                .get(table)
                .map(|table| {
                    // Every row has a value of its own in a key of one column.
                    let is_key = |position: usize| table.keys.iter().any(|key| key.columns == [position]);
                    let of_key = |position: usize| if is_key(position) { table.n_rows } else { None };
                    let columns = table.columns.iter().zip(columns).enumerate();
                    columns
                        .filter_map(|(at, (column, &id))| Some((id, column.n_distinct.or_else(|| of_key(at))?)))
                        .collect()
                })
                .unwrap_or_default();
            for (id, estimate) in estimates {
                context.arena.set_n_distinct(id, estimate);
            }
        }
        stack.extend(plan.inputs());
    }
}

/// The written plan with views in the place of their names.
fn inline_views(context: &mut Context, plan: &Plan, views: &FxHashMap<Arc<str>, Output>) -> Plan {
    let mut plan = plan.clone();
    if !views.is_empty() {
        replace_scans(context, &mut plan, views);
    }
    plan
}

fn replace_scans(context: &mut Context, plan: &mut Plan, views: &FxHashMap<Arc<str>, Output>) {
    if let Plan::Scan { table, columns } = plan {
        if let Some(view) = views.get(table) {
            let exprs = columns
                .iter()
                .zip(&view.columns)
                .map(|(&column, shown)| (column, context.arena.column_ref(shown.column)))
                .collect();
            let input =
                Plan::Named { input: Box::new(view.plan.clone()), name: Arc::clone(table), span: Span::default() };
            *plan = Plan::Project { input: Box::new(input), exprs };
        }
        return;
    }
    for input in plan.inputs_mut() {
        replace_scans(context, input, views);
    }
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
                key: Arc::clone(&model.key),
                is_stored,
                // A view that others read is paid for where it is read.
                is_counted: is_stored || !read.contains(&model.key),
            }
        })
        .collect()
}

/// A plan read off the e-graph.
struct Raised {
    plan: Plan,
    cost: f64,
    rows: f64,
    steps: Vec<PathStep>,
    class: usize,
    /// For each step of the path the part before and after, with costs.
    parts: Vec<(Plan, Plan, f64, f64)>,
}

#[derive(Default)]
struct RaisedAll {
    roots: Vec<Raised>,
    shared: Vec<(Arc<str>, usize, Raised)>,
}

fn raise(project: &BoundProject, memo: &mut Memo, graph: &Graph, materialised: &[Materialised]) -> RaisedAll {
    let mut written = graph.written();
    let mut names: FxHashMap<usize, Arc<str>> = FxHashMap::default();
    let mut taken: FxHashSet<Arc<str>> = project.project.models.iter().map(|model| Arc::clone(&model.key)).collect();
    taken.extend(memo.context().catalog.tables().map(|table| Arc::clone(&table.key)));
    // A text that is not understood may read a table that nobody declared: it must not find a shared one.
    taken.extend(project.models.iter().flat_map(|model| model.reads.iter().cloned()));
    taken.extend(project.project.models.iter().flat_map(|model| model.declared_reads.iter().cloned()));
    let unqualified: Vec<Arc<str>> = taken.iter().filter_map(|name| name.rsplit('.').next()).map(Arc::from).collect();
    taken.extend(unqualified);
    // Where a view may come to read it, a shared relation is a table that stays: its name must not be one
    // that the user gave to something else, which may be a table that no model mentions.
    let may_stay = project.project.models.iter().any(|model| model.materialise == Materialise::View);
    for shared in materialised {
        let name = shared_name(memo, graph, shared.class, may_stay, &mut taken);
        names.insert(shared.class, name);
    }
    let mut all = RaisedAll::default();
    graph.walk(materialised, false, &mut |event, state| match event {
        Event::Shared(shared) => {
            let raised = raise_class(memo, graph, state, &written, &names, shared.class);
            all.shared.push((Arc::clone(&names[&shared.class]), all.roots.len(), raised));
        }
        Event::Root(position) => {
            let class = graph.root_class(position);
            let is_shared = state.is_materialised(class);
            let mut raised = if is_shared {
                let columns = memo.columns(graph.id(class)).to_vec();
                Raised {
                    plan: Plan::Scan { table: Arc::clone(&names[&class]), columns },
                    cost: state.cost(class),
                    rows: graph.rows(class),
                    steps: Vec::new(),
                    class,
                    parts: Vec::new(),
                }
            } else {
                raise_class(memo, graph, state, &written, &names, class)
            };
            raised.class = class;
            all.roots.push(raised);
            // Later models read this one's rows, as they were written to.
            graph.store(&mut written, position);
        }
    });
    all
}

fn raise_class(
    memo: &mut Memo,
    graph: &Graph,
    state: &State,
    written: &State,
    names: &FxHashMap<usize, Arc<str>>,
    class: usize,
) -> Raised {
    let mut raiser = Raiser { memo, graph, state, shared_names: names, steps: Vec::new() };
    let plan = raiser.plan(class, true);
    let steps = raiser.steps;
    let mut parts = Vec::with_capacity(steps.len());
    for step in &steps {
        // A relation that only a rule made was not written: the whole model is what changed.
        let part = if written.cost(step.class).is_finite() { step.class } else { class };
        let after = Raiser { memo, graph, state, shared_names: names, steps: Vec::new() }.plan(part, true);
        let (before, cost_before) = if written.cost(part).is_finite() {
            let before =
                Raiser { memo, graph, state: written, shared_names: names, steps: Vec::new() }.plan(part, true);
            (before, written.cost(part))
        } else {
            (after.clone(), state.cost(part))
        };
        parts.push((before, after, cost_before, state.cost(part)));
    }
    Raised { plan, cost: graph.statement_cost(state, class), rows: graph.rows(class), steps, class, parts }
}

/// The name a user gave to the relation or to one it serves; otherwise one from its content.
fn shared_name(memo: &Memo, graph: &Graph, class: usize, may_stay: bool, taken: &mut FxHashSet<Arc<str>>) -> Arc<str> {
    let id = graph.id(class);
    let base = match memo.names(id).first() {
        Some(name) if may_stay => format!("shared_{}", name.to_lowercase()),
        Some(name) => name.to_lowercase(),
        None => content_name(memo, id),
    };
    let mut name: Arc<str> = Arc::from(base.as_str());
    let mut n = 2;
    while !taken.insert(Arc::clone(&name)) {
        name = Arc::from(format!("{base}_{n}"));
        n += 1;
    }
    name
}

fn content_name(memo: &Memo, id: egg::Id) -> String {
    let mut tables: Vec<String> = Vec::new();
    let mut suffix = String::new();
    let mut stack = vec![id];
    let mut seen: FxHashSet<egg::Id> = FxHashSet::default();
    while let Some(class) = stack.pop() {
        if !seen.insert(class) {
            continue;
        }
        let Some(node) = memo.egraph[class].nodes.first() else { continue };
        match memo.operator(node) {
            Operator::Scan { table, .. } => {
                let short: String = table
                    .rsplit('.')
                    .next()
                    .unwrap_or(table)
                    .chars()
                    .filter(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                if !tables.contains(&short) && tables.len() < 2 {
                    tables.push(short);
                }
            }
            Operator::Aggregate { keys, .. } if suffix.is_empty() => {
                let hints: Vec<String> =
                    keys.iter().take(2).map(|(key, _)| memo.context().arena.hint(*key).to_lowercase()).collect();
                suffix = if hints.is_empty() { "_total".to_owned() } else { format!("_by_{}", hints.join("_and_")) };
            }
            _ => {}
        }
        stack.extend(node.inputs.iter().rev().map(|&input| memo.egraph.find(input)));
    }
    let name = format!("shared_{}{suffix}", tables.join("_"));
    name.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect()
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
        let is_sound = !reads.iter().any(|table| broken.contains(table) || is_guessed(table));
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

/// Shared relations whose plan fails validation, and those that read them.
fn broken_shared(memo: &mut Memo, raised: &RaisedAll, diagnostics: &mut Vec<Diagnostic>) -> FxHashSet<Arc<str>> {
    let mut broken: FxHashSet<Arc<str>> = FxHashSet::default();
    for (name, _, shared) in &raised.shared {
        let verdict = crate::validate::validate(&mut memo.context_mut().arena, &shared.plan);
        if let Err(fault) = &verdict {
            diagnostics.push(
                Diagnostic::note(
                    "PLAN-0003",
                    name,
                    Span::default(),
                    format!("the shared relation `{name}` failed validation: {fault}"),
                )
                .with_help("the models that would read it are handed back as written; please report this"),
            );
        }
        if verdict.is_err() || shared.plan.tables().iter().any(|table| broken.contains(table)) {
            broken.insert(Arc::clone(name));
        }
    }
    broken
}

/// The columns that each shared relation must store.
fn stored_columns(
    memo: &mut Memo,
    graph: &Graph,
    entries: &[Entry],
    raised: &RaisedAll,
    is_changed: &[bool],
) -> FxHashMap<Arc<str>, Vec<ColumnId>> {
    let mut demand: FxHashMap<Arc<str>, Vec<ColumnId>> = FxHashMap::default();
    for ((entry, root), _) in entries.iter().zip(&raised.roots).zip(is_changed).filter(|(_, changed)| **changed) {
        let mut demanded: Vec<ColumnId> = entry.normal.exprs.iter().map(|(id, _)| *id).collect();
        demanded.sort_unstable();
        demanded.dedup();
        collect_demand(memo.context_mut(), &root.plan, &demanded, &mut demand);
    }
    let mut stored: FxHashMap<Arc<str>, Vec<ColumnId>> = FxHashMap::default();
    // Later shared relations may read earlier ones, so demand flows from the last to the first.
    for (name, _, shared) in raised.shared.iter().rev() {
        let mut columns = demand.get(name).cloned().unwrap_or_default();
        if columns.is_empty() {
            columns.extend(memo.columns(graph.id(shared.class)).first());
        }
        collect_demand(memo.context_mut(), &shared.plan, &columns, &mut demand);
        stored.insert(Arc::clone(name), columns);
    }
    stored
}

/// Adds a shared relation to the catalog.
fn register(memo: &mut Memo, graph: &Graph, name: &Arc<str>, columns: &[ColumnId], shared: &Raised) {
    let facts = memo.facts(graph.id(shared.class)).clone();
    let names = column_names(memo.context(), columns);
    let keys = facts
        .keys
        .iter()
        .filter_map(|key| {
            let positions: Option<Vec<usize>> =
                key.iter().map(|column| columns.iter().position(|other| other == column)).collect();
            positions.map(|mut positions| {
                positions.sort_unstable();
                Key { columns: positions, declared_by: Arc::from("inferred") }
            })
        })
        .collect();
    let table = Table {
        key: Arc::clone(name),
        sql_name: Arc::clone(name),
        columns: columns
            .iter()
            .zip(names)
            .map(|(&column, name)| Column {
                key: Arc::from(name.to_lowercase()),
                name,
                data_type: memo.context().arena.column_type(column),
                is_nullable: !facts.is_not_null(column),
                n_distinct: None,
            })
            .collect(),
        keys,
        foreign_keys: Vec::new(),
        n_rows: Some(shared.rows),
    };
    memo.context_mut().catalog.insert(table);
}

/// A distinct name for each column, from its hint.
fn column_names(context: &Context, columns: &[ColumnId]) -> Vec<Arc<str>> {
    let mut taken: FxHashSet<String> = FxHashSet::default();
    columns
        .iter()
        .map(|&column| {
            let hint: String = context
                .arena
                .hint(column)
                .chars()
                .map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' })
                .collect();
            let base =
                if hint.is_empty() || hint.starts_with(|c: char| c.is_numeric()) { format!("c_{hint}") } else { hint };
            let mut name = base.clone();
            let mut n = 2;
            while !taken.insert(name.to_lowercase()) {
                name = format!("{base}_{n}");
                n += 1;
            }
            Arc::from(name)
        })
        .collect()
}

/// An output that shows every one of `columns` under its hint.
fn output_of(context: &Context, plan: Plan, columns: &[ColumnId]) -> Output {
    let names = column_names(context, columns);
    let columns =
        columns.iter().zip(names).map(|(&column, name)| OutputColumn { name, column, is_nullable: true }).collect();
    Output { plan, columns }
}

fn build_steps(
    project: &BoundProject,
    entries: &[Entry],
    memo: &mut Memo,
    raised: RaisedAll,
    is_changed: &[bool],
    stored: &FxHashMap<Arc<str>, Vec<ColumnId>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut shared = raised.shared.into_iter().peekable();
    let mut roots = raised.roots.into_iter().enumerate();
    for &position in &project.order {
        let model = &project.project.models[position];
        let Bound::Plan(output) = &project.models[position].bound else {
            steps.push(opaque_step(project, position));
            continue;
        };
        let Some((index, root)) = roots.next() else { continue };
        while let Some((name, _, relation)) = shared.next_if(|(_, first, _)| *first <= index) {
            steps.push(shared_step(memo, &name, relation, &stored[&name]));
        }
        let entry = &entries[index];
        let mut step = Step {
            name: Arc::clone(&model.name),
            kind: StepKind::Model,
            materialise: model.materialise,
            output: Some(output.clone()),
            is_changed: false,
            reads: project.models[position].reads.clone(),
            consumers: Vec::new(),
            cost_before: entry.written_cost,
            cost_after: entry.written_cost,
            n_rows: root.rows,
            rules: Vec::new(),
        };
        if is_changed[index] {
            match changed_output(memo, &entry.normal, &entry.written.columns, root.plan.clone()) {
                Some(chosen) => {
                    step.reads = chosen.plan.tables();
                    step.rules = applied_rules(memo, entry, &root, &chosen, stored);
                    step.output = Some(chosen);
                    step.is_changed = true;
                    step.cost_after = root.cost;
                }
                None => diagnostics.push(
                    Diagnostic::note(
                        "PLAN-0002",
                        &model.path,
                        Span::default(),
                        format!("the chosen plan of `{}` failed validation and was not used", model.name),
                    )
                    .with_help("the model is handed back as written; please report this"),
                ),
            }
        }
        steps.push(step);
    }
    add_consumers(project, &mut steps);
    steps
}

fn opaque_step(project: &BoundProject, position: usize) -> Step {
    let model = &project.project.models[position];
    Step {
        name: Arc::clone(&model.name),
        kind: StepKind::Opaque,
        materialise: model.materialise,
        output: None,
        is_changed: false,
        reads: project.models[position].reads.clone(),
        consumers: Vec::new(),
        cost_before: 0.0,
        cost_after: 0.0,
        n_rows: 0.0,
        rules: Vec::new(),
    }
}

fn shared_step(memo: &mut Memo, name: &Arc<str>, relation: Raised, columns: &[ColumnId]) -> Step {
    let reads = relation.plan.tables();
    let cost_after = relation.cost + crate::cost::write_cost(relation.rows, columns.len());
    let rules = path_rules(memo, &relation);
    let mut output = output_of(memo.context(), relation.plan, columns);
    if let Some(table) = memo.context().catalog.get(name) {
        for (column, stored) in output.columns.iter_mut().zip(&table.columns) {
            column.name = Arc::clone(&stored.name);
            column.is_nullable = stored.is_nullable;
        }
    }
    Step {
        name: Arc::clone(name),
        kind: StepKind::Shared,
        materialise: Materialise::Temp,
        output: Some(output),
        is_changed: true,
        reads,
        consumers: Vec::new(),
        cost_before: 0.0,
        cost_after,
        n_rows: relation.rows,
        rules,
    }
}

/// The chosen plan with the model's own names and order, or `None` if it lost a column or its type.
pub(crate) fn changed_output(
    memo: &mut Memo,
    normal: &NormalModel,
    shows: &[OutputColumn],
    mut plan: Plan,
) -> Option<Output> {
    let exposed = plan.columns(&mut memo.context_mut().arena);
    if !normal.order.is_empty() {
        plan = ordered(memo, plan, normal, &exposed)?;
    }
    let mut columns = Vec::with_capacity(shows.len());
    for (written, (id, _)) in shows.iter().zip(&normal.exprs) {
        if !exposed.contains(id)
            || memo.context().arena.column_type(*id) != memo.context().arena.column_type(written.column)
        {
            return None;
        }
        columns.push(OutputColumn { name: Arc::clone(&written.name), column: *id, is_nullable: written.is_nullable });
    }
    crate::validate::validate(&mut memo.context_mut().arena, &plan).ok()?;
    Some(Output { plan, columns })
}

/// The model's final order over its output columns. A key that the output does not show is computed
/// beside it, which needs the projection at the root to be the plan's own.
fn ordered(memo: &mut Memo, plan: Plan, normal: &NormalModel, exposed: &[ColumnId]) -> Option<Plan> {
    let arena = &mut memo.context_mut().arena;
    let shown: Definitions = normal.exprs.iter().map(|&(id, scalar)| (id, scalar)).collect();
    let mut keys: Vec<SortKey> = Vec::with_capacity(normal.order.len());
    let mut hidden = Vec::new();
    for key in &normal.order {
        let column = normal.exprs.iter().find(|(_, scalar)| *scalar == key.scalar).map(|(id, _)| *id);
        let column = match column {
            Some(column) => column,
            None => {
                let reads_output = arena.columns_of(key.scalar).iter().all(|column| {
                    exposed.contains(column)
                        && shown.get(column).is_some_and(|&scalar| arena[scalar] == Scalar::Column(*column))
                });
                if reads_output {
                    keys.push(*key);
                    continue;
                }
                let column = arena.computed_column(key.scalar, "sort_key");
                hidden.push((column, key.scalar));
                column
            }
        };
        keys.push(SortKey { scalar: arena.column_ref(column), ..*key });
    }
    let plan = if hidden.is_empty() {
        plan
    } else {
        match plan {
            Plan::Project { input, mut exprs } => {
                let below = input.columns(arena);
                if !hidden.iter().all(|&(_, scalar)| arena.reads_only(scalar, &below)) {
                    return None;
                }
                exprs.extend(hidden);
                Plan::Project { input, exprs }
            }
            _ => return None,
        }
    };
    Some(Plan::Sort { input: Box::new(plan), keys })
}

/// Rules on the path: those of normalisation with the whole model before and after, then those of
/// the e-graph with the part that each changed.
fn applied_rules(
    memo: &mut Memo,
    entry: &Entry,
    root: &Raised,
    chosen: &Output,
    stored: &FxHashMap<Arc<str>, Vec<ColumnId>>,
) -> Vec<AppliedRule> {
    let mut applied: Vec<AppliedRule> = Vec::new();
    let normal_plan = Plan::Project { input: Box::new(entry.normal.plan.clone()), exprs: entry.normal.exprs.clone() };
    let normal_cost = estimate(memo.context_mut(), &normal_plan).1;
    let normal = Output {
        plan: normal_plan,
        columns: entry
            .written
            .columns
            .iter()
            .zip(&entry.normal.exprs)
            .map(|(written, (id, _))| OutputColumn { column: *id, ..written.clone() })
            .collect(),
    };
    for rule in entry.normal.fired.keys() {
        applied.push(AppliedRule {
            rule: Arc::clone(rule),
            facts: Vec::new(),
            before: entry.written.clone(),
            after: normal.clone(),
            cost_before: entry.written_cost,
            cost_after: normal_cost,
        });
    }
    applied.extend(path_rules(memo, root));
    // What is read of a shared step although no rule made it is a part that models have in common.
    let is_made = |table: &Arc<str>| root.parts.iter().any(|(_, after, _, _)| after.tables().contains(table));
    if chosen.plan.tables().iter().any(|table| stored.contains_key(table) && !is_made(table)) {
        applied.push(AppliedRule {
            rule: Arc::from("share-common-plan"),
            facts: Vec::new(),
            before: normal,
            after: chosen.clone(),
            cost_before: normal_cost,
            cost_after: root.cost,
        });
    }
    applied
}

/// Rules of the e-graph on the path to a relation, with the part that each changed.
fn path_rules(memo: &mut Memo, root: &Raised) -> Vec<AppliedRule> {
    let mut applied: Vec<AppliedRule> = Vec::new();
    for (step, (before, after, cost_before, cost_after)) in root.steps.iter().zip(&root.parts) {
        // What nobody reads is not stored, so it is gone from the part after; nor is it shown before.
        let arena = &mut memo.context_mut().arena;
        let mut after = after.clone();
        drop_unstored(&mut after, arena);
        let exposed = after.columns(arena);
        let mut columns = before.columns(arena);
        columns.retain(|column| exposed.contains(column));
        let before = output_of(memo.context(), before.clone(), &columns);
        let after = Output { plan: after, columns: before.columns.clone() };
        let rule = AppliedRule {
            rule: Arc::clone(&step.rule),
            facts: step.facts.clone(),
            before,
            after,
            cost_before: *cost_before,
            cost_after: *cost_after,
        };
        // One rewrite may have come about in several ways that end in the same parts, under other ids.
        let context = memo.context();
        let reads_alike = |known: &AppliedRule| {
            (&known.rule, &known.facts) == (&rule.rule, &rule.facts)
                && (known.cost_before, known.cost_after) == (rule.cost_before, rule.cost_after)
                && explain_output(&known.before, &context.arena) == explain_output(&rule.before, &context.arena)
                && explain_output(&known.after, &context.arena) == explain_output(&rule.after, &context.arena)
        };
        if !applied.iter().any(reads_alike) {
            applied.push(rule);
        }
    }
    applied
}

/// Leaves out what the outermost projection computes of columns that its input does not give.
fn drop_unstored(plan: &mut Plan, arena: &mut isomer_ir::Arena) {
    let mut plan = plan;
    while let Plan::Named { input, .. } = plan {
        plan = input;
    }
    if let Plan::Project { input, exprs } = plan {
        let below = input.columns(arena);
        exprs.retain(|(_, scalar)| arena.reads_only(*scalar, &below));
    }
}

/// Fills in who reads what. A name is a model's or a shared relation's.
fn add_consumers(project: &BoundProject, steps: &mut [Step]) {
    let keys: BTreeMap<Arc<str>, Arc<str>> =
        project.project.models.iter().map(|model| (Arc::clone(&model.name), Arc::clone(&model.key))).collect();
    for position in 0..steps.len() {
        let key = match steps[position].kind {
            StepKind::Shared => Arc::clone(&steps[position].name),
            StepKind::Model | StepKind::Opaque => {
                keys.get(&steps[position].name).map_or_else(|| Arc::clone(&steps[position].name), Arc::clone)
            }
        };
        let mut consumers: Vec<Arc<str>> =
            steps.iter().filter(|step| step.reads.contains(&key)).map(|step| Arc::clone(&step.name)).collect();
        consumers.sort_unstable();
        // A view outlives the session, and so must what it reads.
        let is_read_by_view =
            steps.iter().any(|step| consumers.contains(&step.name) && step.materialise == Materialise::View);
        if steps[position].kind == StepKind::Shared && is_read_by_view {
            steps[position].materialise = Materialise::Table;
        }
        steps[position].consumers = consumers;
    }
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
