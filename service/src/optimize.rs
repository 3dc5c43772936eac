//! From files to an optimised pipeline: the one road that the command line and the HTTP API share.
//!
//! Reads nothing but its request. Faults are diagnostics; an answer without `optimised` is a
//! project that cannot be optimised.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use base64::Engine as _;
use isomer_frontend::{ProjectFiles, ReadOptions};
use isomer_ir::{
    BoundModel, BoundProject, Catalog, Diagnostic, Dialect, Model, ModelProject, Pipeline, Severity, Span, Step,
    StepKind, Table,
};
use isomer_rules::{CompiledRule, Rule, RuleFile, RuleSet};

use crate::report::{self, Texts};
use crate::{api, fidelity, fingerprint};

/// Tells whether the time for a search is over.
pub type Deadline = Arc<dyn Fn() -> bool + Send + Sync>;

/// What is to be optimised, and how.
#[derive(Clone, Default)]
pub struct Request {
    /// Files of the project.
    pub files: ProjectFiles,
    /// Steers the search and the output.
    pub options: Options,
    /// Tables of the connected database: they add what the files do not say.
    pub connected: Vec<Table>,
    /// Files of another version of the project, with which `state:` selectors compare.
    pub previous: Option<ProjectFiles>,
    /// Ends the search with the best plan so far; not part of the fingerprint.
    pub deadline: Option<Deadline>,
    /// Whether the steps from written to chosen plans are wanted, for proofs; not part of the fingerprint.
    pub wants_chains: bool,
    /// Whether counts and times of the run are wanted; not part of the fingerprint.
    pub wants_stats: bool,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("files", &self.files.keys())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// What a request may say beside its files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Target of the project or dialect in which the result is written; the project's own otherwise.
    pub target: Option<String>,
    /// dbt selectors of models to take; all when empty.
    pub select: Vec<String>,
    /// dbt selectors of models to leave out.
    pub exclude: Vec<String>,
    /// Rules that are switched off, beside those that the project names.
    pub disable: Vec<String>,
    /// Lossy rules that are consented to, beside those that the project names.
    pub allow: Vec<String>,
    /// Budget of e-nodes.
    pub max_nodes: Option<usize>,
}

/// What came of a request.
#[derive(Debug)]
pub struct Answer {
    /// Everything there is to tell, in a stable order.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that diagnostics point into.
    pub texts: Texts,
    /// The result; `None` when a diagnostic stops the project.
    pub optimised: Option<Optimised>,
}

/// An optimised project.
#[derive(Debug)]
pub struct Optimised {
    /// As it goes over the wire.
    pub output: api::Output,
    /// The bound project; its catalog holds the shared steps.
    pub project: BoundProject,
    /// The pipeline that `output` spells.
    pub pipeline: Pipeline,
    /// Dialect of the pipeline's SQL.
    pub target: Dialect,
    /// Models that were not selected but are read by those that were, upstream first.
    pub upstream: Vec<(Model, BoundModel)>,
    /// The steps of each changed model, where they were asked for.
    pub chains: Vec<isomer_rewriter::Chain>,
}

/// A project that was read and bound.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The selected models, bound.
    pub(crate) bound: BoundProject,
    /// Models that were not selected but are read by those that were, upstream first.
    pub(crate) upstream: Vec<(Model, BoundModel)>,
    /// What there is to tell so far.
    pub(crate) diagnostics: Vec<Diagnostic>,
    rules: RuleSet,
    compiled: Vec<CompiledRule>,
}

/// How ephemeral models are seen that dbt writes into their readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ephemerals {
    /// As models, which their readers read.
    Models,
    /// As parts of their readers: what the database is given.
    Parts,
}

/// Reads and binds a project: all that comes before the search.
///
/// # Errors
///
/// The answer of a project that is refused.
pub(crate) fn prepare(request: &Request, ephemerals: Ephemerals) -> Result<Prepared, Box<Answer>> {
    let Request { files, options, connected, previous, .. } = request;
    let read_options = ReadOptions { target: options.target.clone() };
    let (project, mut diagnostics) = isomer_frontend::read_project(files, &read_options);
    let Some(mut project) = project else {
        return Err(Box::new(refused(diagnostics, &[], files)));
    };
    connect(&mut project.catalog, connected);
    if let Some(previous) = previous {
        let (earlier, faults) = isomer_frontend::read_project(previous, &ReadOptions::default());
        diagnostics.extend(faults.into_iter().filter(|_| earlier.is_none()));
        project.changes = earlier.map(|earlier| project.changes_since(&earlier));
    }
    let settings = &mut project.settings;
    settings.disabled_rules.extend(options.disable.iter().map(|rule| Arc::from(rule.as_str())));
    settings.allowed.extend(options.allow.iter().map(|rule| Arc::from(rule.as_str())));
    let (rules, faults) = rules_of(&project.rule_files);
    diagnostics.extend(faults);
    diagnostics.extend(isomer_frontend::declare_facts(&mut project.catalog, &rules.facts));
    diagnostics.extend(unknown_names(&project, &rules));
    let mut bound = isomer_frontend::bind_project(project);
    diagnostics.append(&mut bound.diagnostics);
    let (compiled, faults) = isomer_frontend::compile_rules(&rules, &mut bound.arena);
    diagnostics.extend(faults);
    let paths = |bound: &BoundProject| -> BTreeSet<Arc<str>> {
        bound.project.models.iter().map(|model| Arc::clone(&model.path)).collect()
    };
    let all = paths(&bound);
    let upstream = restrict(&mut bound, options, ephemerals).unwrap_or_else(|fault| {
        diagnostics.push(fault);
        Vec::new()
    });
    // What models say that nobody asked for is no finding; faults of the project are.
    let kept = paths(&bound);
    let is_asked = |source: &Arc<str>| kept.contains(source) || !all.contains(source);
    diagnostics.retain(|told| told.severity == Severity::Project || is_asked(&told.source));
    if report::is_fault(&diagnostics, false) {
        return Err(Box::new(refused(diagnostics, &bound.project.models, files)));
    }
    Ok(Prepared { bound, upstream, diagnostics, rules, compiled })
}

/// Optimises a project.
///
/// A plan that the target cannot spell is no answer where the model as written is one: such a model is left
/// as written, and the rest is optimised anew.
#[must_use]
pub fn run(request: &Request) -> Answer {
    let mut kept: BTreeMap<Arc<str>, Diagnostic> = BTreeMap::new();
    loop {
        let (answer, unspelled) = attempt(request, &kept);
        let n_before = kept.len();
        kept.extend(unspelled);
        if kept.len() == n_before {
            return answer;
        }
    }
}

/// Optimises all but the models of `kept`, by key; and gives notes on changed models that cannot be spelled.
fn attempt(request: &Request, kept: &BTreeMap<Arc<str>, Diagnostic>) -> (Answer, BTreeMap<Arc<str>, Diagnostic>) {
    let prepared = match prepare(request, Ephemerals::Parts) {
        Ok(prepared) => prepared,
        Err(refused) => return (*refused, BTreeMap::new()),
    };
    let Request { files, options, connected, deadline, wants_chains, wants_stats, previous: _ } = request;
    let Prepared { mut bound, upstream, mut diagnostics, rules, compiled } = prepared;
    if !bound.project.target.is_written() {
        diagnostics.push(only_read(&mut bound));
    }
    for model in bound.project.models.iter_mut().filter(|model| kept.contains_key(&model.key)) {
        model.is_rewritable = false;
    }
    diagnostics.extend(kept.values().cloned());
    let is_out_of_time = || deadline.as_ref().is_some_and(|deadline| deadline());
    let mut config = isomer_rewriter::Config { is_out_of_time: &is_out_of_time, ..isomer_rewriter::Config::default() };
    let start = Instant::now();
    let clock = || start.elapsed();
    if *wants_stats {
        config.clock = Some(&clock);
    }
    if let Some(max_nodes) = options.max_nodes {
        config.max_nodes = max_nodes;
    }
    let (pipeline, chains) = if *wants_chains {
        isomer_rewriter::optimize_with_chains(&mut bound, &compiled, &config)
    } else {
        (isomer_rewriter::optimize(&mut bound, &compiled, &config), Vec::new())
    };
    diagnostics.extend(pipeline.diagnostics.iter().cloned());
    let target = bound.project.target;
    let steps = spell_steps(&mut bound, &pipeline, target, &mut diagnostics);
    let unspelled = unspelled(&bound, &pipeline, &steps);
    let applied_rules = spell_rules(&mut bound, &pipeline, target, &rules);
    sort(&mut diagnostics);
    let texts = Texts::new(&diagnostics, &bound.project.models, files);
    let mut output = api::Output {
        fingerprint: String::new(),
        stop_reason: pipeline.stop_reason.word(),
        steps,
        applied_rules,
        skipped_rules: spell_skipped(&pipeline),
        diagnostics: report::wire(&diagnostics, &texts),
        stats: None,
    };
    output.fingerprint = fingerprint::of(files, options, connected, &output);
    output.stats = pipeline.stats.as_ref().map(crate::stats::wire);
    let optimised = Optimised { output, project: bound, pipeline, target, upstream, chains };
    (Answer { diagnostics, texts, optimised: Some(optimised) }, unspelled)
}

/// Models whose chosen plan, or that of a shared step which they read, has no SQL: notes by model key.
fn unspelled(bound: &BoundProject, pipeline: &Pipeline, spelled: &[api::Step]) -> BTreeMap<Arc<str>, Diagnostic> {
    let has_no_sql = |(step, spelled): &(&Step, &api::Step)| {
        spelled.sql.is_none() && (step.is_changed || step.kind == StepKind::Shared)
    };
    let mut names: Vec<Arc<str>> =
        pipeline.steps.iter().zip(spelled).filter(has_no_sql).map(|(step, _)| Arc::clone(&step.name)).collect();
    let mut notes = BTreeMap::new();
    let mut at = 0;
    while let Some(name) = names.get(at).cloned() {
        at += 1;
        if let Some(model) = bound.project.models.iter().find(|model| model.name == name) {
            let message =
                format!("the chosen plan of `{name}` cannot be written for {} and was not used", bound.project.target);
            let note = Diagnostic::note("PLAN-0005", &model.path, Span::default(), message);
            let note = note.with_help("the model is handed back as written");
            notes.insert(Arc::clone(&model.key), note);
            continue;
        }
        for step in pipeline.steps.iter().filter(|step| step.name == name) {
            let new: Vec<Arc<str>> = step.consumers.iter().filter(|name| !names.contains(*name)).cloned().collect();
            names.extend(new);
        }
    }
    notes
}

/// Switches all rules off where what they change could not be written.
fn only_read(bound: &mut BoundProject) -> Diagnostic {
    let target = bound.project.target;
    bound.project.settings.only = vec![Arc::from("")];
    for model in &mut bound.project.models {
        model.is_rewritable = false;
    }
    let message = format!("nothing is written for {target} yet: the models are handed back as they are");
    let help = "choose another target with `target` or `--target`".to_owned();
    Diagnostic::note("GEN-0033", &Arc::from("isomer.yml"), Span::default(), message).with_help(help)
}

/// Names in `disable`, `only` and `allow`, and in annotations of models, that no rule and no tag has.
fn unknown_names(project: &ModelProject, rules: &RuleSet) -> Vec<Diagnostic> {
    let settings = &project.settings;
    let words = || rules.rules.iter().flat_map(|rule| std::iter::once(&rule.name).chain(&rule.tags));
    let told = |source: &Arc<str>, name: &Arc<str>| {
        let message = format!("found `{name}` where rules are switched, which is no rule and no tag");
        let help = match isomer_ir::nearest(name, words().map(|word| &**word)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`isomer rules list` names them all".to_owned(),
        };
        Diagnostic::note("RULE-0061", source, Span::default(), message).with_help(help)
    };
    let config: Arc<str> = Arc::from("isomer.yml");
    let of_project = settings.disabled_rules.iter().chain(&settings.only).chain(&settings.allowed);
    let mut all: Vec<(&Arc<str>, &Arc<str>)> = of_project.map(|name| (&config, name)).collect();
    for model in &project.models {
        let own = settings.models.get(&model.key).into_iter();
        all.extend(own.flat_map(|own| own.disabled.iter().chain(&own.only)).map(|name| (&model.path, name)));
    }
    all.retain(|(_, name)| !words().any(|word| word == *name));
    all.into_iter().map(|(source, name)| told(source, name)).collect()
}

/// The built-in rules and those of a project's rule files, with what is wrong with the latter.
#[must_use]
pub fn rules_of(rule_files: &[(Arc<str>, Arc<str>)]) -> (RuleSet, Vec<Diagnostic>) {
    static BUILTIN: OnceLock<RuleSet> = OnceLock::new();
    let builtin = BUILTIN.get_or_init(isomer_rules::builtin);
    if rule_files.is_empty() {
        return (builtin.clone(), Vec::new());
    }
    let rules: Vec<Rule> = builtin.rules.iter().map(|rule| rule.as_ref().clone()).collect();
    let mut all = RuleFile { rules, facts: Vec::new() };
    let mut diagnostics = Vec::new();
    for (path, text) in rule_files {
        let (parsed, faults) = isomer_rules::parse(path, text);
        all.rules.extend(parsed.rules);
        all.facts.extend(parsed.facts);
        diagnostics.extend(faults);
    }
    let (set, faults) = isomer_rules::check(all);
    diagnostics.extend(faults);
    (set, diagnostics)
}

/// Adds what the database knows: whole tables that no file declares, columns where none are
/// declared, and row counts where none are stated.
fn connect(catalog: &mut Catalog, connected: &[Table]) {
    for table in connected {
        match catalog.get_mut(&table.key) {
            Some(declared) => {
                declared.n_rows = declared.n_rows.or(table.n_rows);
                if declared.columns.is_empty() {
                    declared.columns.clone_from(&table.columns);
                    declared.keys.clone_from(&table.keys);
                }
            }
            None => catalog.insert(table.clone()),
        }
    }
}

fn refused(mut diagnostics: Vec<Diagnostic>, models: &[Model], files: &ProjectFiles) -> Answer {
    sort(&mut diagnostics);
    let texts = Texts::new(&diagnostics, models, files);
    Answer { diagnostics, texts, optimised: None }
}

/// Worst first, then by place.
pub(crate) fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics
        .sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| (&a.source, a.span, a).cmp(&(&b.source, b.span, b))));
    diagnostics.dedup();
}

/// Leaves only the selected models, and gives those of the others that they read. The others stay
/// tables of the catalog, so that what reads them is still bound.
fn restrict(
    bound: &mut BoundProject,
    options: &Options,
    ephemerals: Ephemerals,
) -> Result<Vec<(Model, BoundModel)>, Diagnostic> {
    let is_all = options.select.is_empty() && options.exclude.is_empty();
    let kept = if is_all { Vec::new() } else { isomer_frontend::select(bound, &options.select, &options.exclude)? };
    if ephemerals == Ephemerals::Parts {
        isomer_rewriter::unfold(bound);
    }
    if is_all {
        return Ok(Vec::new());
    }
    let models = bound.project.models.iter().enumerate();
    let by_key: BTreeMap<&Arc<str>, usize> = models.map(|(position, model)| (&model.key, position)).collect();
    let kept_set: BTreeSet<usize> = kept.iter().copied().collect();
    let mut needed = kept_set.clone();
    let mut open = kept.clone();
    while let Some(position) = open.pop() {
        let reads = bound.models[position].reads.iter().filter_map(|key| by_key.get(key).copied());
        open.extend(reads.filter(|read| needed.insert(*read)));
    }
    let taken = |position: usize| (bound.project.models[position].clone(), bound.models[position].clone());
    let is_upstream = |position: &&usize| needed.contains(position) && !kept_set.contains(position);
    let upstream = bound.order.iter().filter(is_upstream).map(|&position| taken(position)).collect();
    let (models, bounds): (Vec<Model>, Vec<BoundModel>) = kept.iter().map(|&position| taken(position)).unzip();
    let positions: BTreeMap<usize, usize> = kept.iter().enumerate().map(|(new, &old)| (old, new)).collect();
    bound.order = bound.order.iter().filter_map(|old| positions.get(old).copied()).collect();
    bound.project.models = models;
    bound.models = bounds;
    Ok(upstream)
}

fn spell_steps(
    bound: &mut BoundProject,
    pipeline: &Pipeline,
    target: Dialect,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<api::Step> {
    pipeline.steps.iter().map(|step| spell_step(bound, step, target, diagnostics)).collect()
}

fn spell_step(bound: &mut BoundProject, step: &Step, target: Dialect, diagnostics: &mut Vec<Diagnostic>) -> api::Step {
    let sql = match spell_sql(bound, step, target) {
        Ok(sql) => Some(sql.to_string()),
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            None
        }
    };
    let substrait = step.output.as_ref().and_then(|output| {
        match isomer_codegen::to_substrait(output, &mut bound.arena, &bound.project.catalog) {
            Ok(bytes) => Some(base64::engine::general_purpose::STANDARD.encode(bytes)),
            Err(error) => {
                let message = format!("`{}` has no Substrait plan: {} cannot be carried", step.name, error.construct);
                diagnostics.push(Diagnostic::note(error.code, &source_of(bound, step), Span::default(), message));
                None
            }
        }
    });
    let words = |names: &[Arc<str>]| names.iter().map(|name| name.as_ref().to_owned()).collect();
    api::Step {
        name: step.name.as_ref().to_owned(),
        kind: step.kind.word(),
        materialise: step.materialise.word(),
        sql,
        substrait,
        work_of: words(&step.work_of),
        reads: words(&step.reads),
        consumers: words(&step.consumers),
        cost_before: step.cost_before,
        cost_after: step.cost_after,
        rules: step.rules.iter().map(|rule| rule.rule.as_ref().to_owned()).collect(),
    }
}

/// The query of a step in a dialect. Models that no rule changed keep their text byte for byte
/// where they were written in the dialect; opaque ones always do.
///
/// # Errors
///
/// A diagnostic that names the construct which the dialect cannot spell.
pub fn spell_sql(bound: &mut BoundProject, step: &Step, target: Dialect) -> Result<Arc<str>, Diagnostic> {
    let model = bound.project.models.iter().find(|model| model.name == step.name).cloned();
    // What a format's own header or calls are taken out of is executed as compiled; what was not to be read
    // at all is left as it was.
    let text = |model: &Model| match &*model.sql {
        _ if !model.folded.is_empty() => Arc::clone(model.runnable()),
        "" => Arc::clone(&model.original),
        compiled if *compiled != *model.original => Arc::from(compiled.trim_start()),
        _ => Arc::clone(&model.sql),
    };
    let original = model.as_ref().map(|model| (text(model), model.dialect));
    match (&step.output, original) {
        (None, Some((text, _))) => Ok(text),
        (Some(_), Some((text, dialect))) if !step.is_changed && dialect == target => Ok(text),
        (Some(output), _) => {
            let sql = isomer_codegen::to_sql(output, &mut bound.arena, &bound.project.catalog, target);
            let sql = sql.map(|sql| match &model {
                Some(model) => fidelity::retold(sql, model, target, &mut bound.arena, &mut bound.project.catalog),
                None => sql,
            });
            sql.map(Arc::from).map_err(|error| {
                let message = format!("`{}` cannot be written for {target}: found {}", step.name, error.construct);
                Diagnostic::model(error.code, &source_of(bound, step), Span::default(), message).with_help(error.help)
            })
        }
        (None, None) => {
            let message = format!("`{}` has neither a plan nor a text", step.name);
            Err(Diagnostic::project("OUT-0001", &step.name, Span::default(), message))
        }
    }
}

fn source_of(bound: &BoundProject, step: &Step) -> Arc<str> {
    let model = bound.project.models.iter().find(|model| model.name == step.name);
    model.map_or_else(|| Arc::clone(&step.name), |model| Arc::clone(&model.path))
}

fn spell_rules(
    bound: &mut BoundProject,
    pipeline: &Pipeline,
    target: Dialect,
    rules: &RuleSet,
) -> Vec<api::AppliedRule> {
    let mut applied = Vec::new();
    for step in &pipeline.steps {
        for rule in &step.rules {
            let mut spell =
                |output| isomer_codegen::to_sql(output, &mut bound.arena, &bound.project.catalog, target).ok();
            let definition = rules.rules.iter().find(|definition| *definition.name == *rule.rule);
            applied.push(api::AppliedRule {
                step: step.name.as_ref().to_owned(),
                rule: rule.rule.as_ref().to_owned(),
                doc: definition.map(|definition| definition.doc.to_string()).unwrap_or_default(),
                class: definition.map(|definition| definition.class.to_string()).unwrap_or_default(),
                source: definition.filter(|definition| !definition.is_builtin).map(|definition| {
                    let text = bound.project.rule_files.iter().find(|(path, _)| **path == *definition.file);
                    let (line, _) = definition.span.line_column(text.map_or("", |(_, text)| text));
                    format!("{}:{line}", definition.file)
                }),
                facts: rule.facts.clone(),
                before: spell(&rule.before),
                after: spell(&rule.after),
                // A part that only rewriting made stands nowhere in the written plan and has no cost there.
                cost_before: if rule.cost_before.is_finite() { rule.cost_before } else { rule.cost_after },
                cost_after: rule.cost_after,
            });
        }
    }
    applied
}

fn spell_skipped(pipeline: &Pipeline) -> Vec<api::SkippedRule> {
    let spell = |skipped: &isomer_ir::SkippedRule| api::SkippedRule {
        rule: skipped.rule.as_ref().to_owned(),
        reason: skipped.reason.clone(),
        count: skipped.count,
    };
    pipeline.skipped_rules.iter().map(spell).collect()
}
