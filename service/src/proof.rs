//! Proofs: the steps from each written plan to the chosen one, spelled, placed and checked.
//!
//! The steps come from the rewriter's replay; each is checked on its own, over tables alone, by
//! `isomer_rewriter::check_step`. What is found goes over the wire as `api::Proof`.

use std::collections::BTreeMap;
use std::sync::Arc;

use isomer_ir::semantics::inlined;
use isomer_ir::semantics::search::{Budget, Failures};
use isomer_ir::{Bound, Diagnostic, Dialect, Model, Output, Plan, Span, StepKind};
use isomer_rewriter::{Cause, Chain, ChainStep, Checked, Verdict, check_step};
use isomer_rules::RuleSet;

use crate::api;
use crate::optimize::{Optimised, rules_of};
use crate::prove::refutation;
use crate::report::span_in;

/// How hard a difference is looked for. A plan may fail only where the one before fails: which of
/// several failures is met first depends on an engine's order.
const BUDGET: Budget =
    Budget { seed: 1, n_every: 400, n_random: 300, max_rows: 4, is_order_compared: true, failures: Failures::OfSecond };

/// Plans with more operators than this, models that they read in their place, are not checked.
const MAX_OPERATORS: usize = 2_000;

/// The proofs of the changed models, those in `wanted` or all where it is empty.
pub fn prove(optimised: &mut Optimised, wanted: &[String]) -> Vec<api::Proof> {
    let definitions = definitions(optimised);
    let (rules, _) = rules_of(&optimised.project.project.rule_files);
    let chains = optimised.chains.clone();
    let is_wanted = |chain: &&Chain| {
        let name = &optimised.project.project.models[chain.model].name;
        wanted.is_empty() || wanted.iter().any(|wanted| **wanted == **name)
    };
    let chains: Vec<&Chain> = chains.iter().filter(is_wanted).collect();
    chains.into_iter().map(|chain| proof(optimised, chain, &rules, &definitions)).collect()
}

/// A diagnostic for each step that changes rows.
#[must_use]
pub fn refutations(optimised: &Optimised, proofs: &[api::Proof]) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for proof in proofs {
        let model = optimised.project.project.models.iter().find(|model| *model.name == *proof.model);
        let source = model.map_or_else(|| Arc::from(proof.model.as_str()), |model| Arc::clone(&model.path));
        for (number, step) in (1..).zip(&proof.steps).filter(|(_, step)| step.verdict == "refuted") {
            let cause = step.rule.as_deref().unwrap_or(step.cause);
            let database = step.counterexample.as_ref().map(database).unwrap_or_default();
            let message = format!("step {number} of `{}`, by `{cause}`, changes the rows{database}", proof.model);
            told.push(Diagnostic::model("PLAN-0004", &source, Span::default(), message).with_help(format!(
                "switch it off with `--disable {cause}`; a built-in one is a bug, please report it"
            )));
        }
    }
    told
}

/// A database in words that fit a message.
fn database(found: &api::prove::Refutation) -> String {
    let rows = |rows: &[String]| if rows.is_empty() { "no rows".to_owned() } else { rows.join(", ") };
    let made = found.database.lines().map(|line| line.trim_end_matches(';')).collect::<Vec<_>>().join("; ");
    format!(": before {}, after {}, of {made}", rows(&found.first), rows(&found.second))
}

/// What is read under a key, down to tables: models as written, shared relations as made.
fn definitions(optimised: &mut Optimised) -> BTreeMap<Arc<str>, Output> {
    let mut found: BTreeMap<Arc<str>, Output> = BTreeMap::new();
    let project = &mut optimised.project;
    let arena = &mut project.arena;
    let mut add = |key: &Arc<str>, output: &Output| {
        let whole = inlined(output, arena, &|key| found.get(key).cloned());
        found.insert(Arc::clone(key), whole);
    };
    for (model, bound) in &optimised.upstream {
        if let Bound::Plan(output) = &bound.bound {
            add(&model.key, output);
        }
    }
    for &position in &project.order {
        if let Bound::Plan(output) = &project.models[position].bound {
            add(&project.project.models[position].key, output);
        }
    }
    for step in optimised.pipeline.steps.iter().filter(|step| step.kind == StepKind::Shared) {
        if let Some(output) = &step.output {
            add(&step.name, output);
        }
    }
    found
}

fn proof(
    optimised: &mut Optimised,
    chain: &Chain,
    rules: &RuleSet,
    definitions: &BTreeMap<Arc<str>, Output>,
) -> api::Proof {
    let model = optimised.project.project.models[chain.model].clone();
    let reads_views = chain.steps.iter().any(|step| step.cause == Cause::Inlined);
    let text = (!reads_views).then_some(&**model.runnable());
    let shown = visible(optimised, chain);
    // Order counts where the model promises one; that of a sub-query may show and go on the way.
    let is_order_compared = chain.steps.first().is_some_and(|step| is_ordered(&step.before.plan));
    let budget = Budget { is_order_compared, ..BUDGET };
    let mut steps = Vec::new();
    for (step, texts) in shown.steps {
        let checked = checked(optimised, &step, definitions, &budget);
        steps.push(told(optimised, &model, text, &step, rules, checked, texts));
    }
    api::Proof {
        model: model.name.to_string(),
        written: model.runnable().to_string(),
        read: shown.read,
        steps,
        traceless: shown.traceless,
    }
}

/// A chain as a dialect shows it.
pub(crate) struct Visible {
    /// The plan that was read from the model's text.
    read: Option<String>,
    /// Steps that change the text, with the texts before and after; none where the dialect cannot say it.
    pub(crate) steps: Vec<(ChainStep, Texts)>,
    /// Rules whose step the text does not show, sorted.
    traceless: Vec<String>,
}

/// The texts before and after a step.
type Texts = (Option<String>, Option<String>);

/// A chain without the steps that leave the text as it was: one text is one query, so that nothing
/// happened that could be shown, proved or run.
pub(crate) fn visible(optimised: &mut Optimised, chain: &Chain) -> Visible {
    let target = optimised.target;
    let mut shown = Visible {
        read: chain.steps.first().and_then(|step| spelled(optimised, &step.before, target)),
        steps: Vec::new(),
        traceless: chain.traceless.iter().map(ToString::to_string).collect(),
    };
    for step in &chain.steps {
        let [before, after] = [&step.before, &step.after].map(|output| spelled(optimised, output, target));
        if before.is_none() || before != after {
            shown.steps.push((step.clone(), (before, after)));
        } else if let Cause::Rule(rule) = &step.cause {
            shown.traceless.push(rule.to_string());
        }
    }
    shown.traceless.sort_unstable();
    shown.traceless.dedup();
    let is_told = |rule: &String| shown.steps.iter().any(|(step, _)| *step.cause.words() == **rule);
    shown.traceless.retain(|rule| !is_told(rule));
    shown
}

/// A plan as SQL of a dialect; none where that cannot say it.
pub(crate) fn spelled(optimised: &mut Optimised, output: &Output, dialect: Dialect) -> Option<String> {
    let project = &mut optimised.project;
    isomer_codegen::to_sql(output, &mut project.arena, &project.project.catalog, dialect).ok()
}

/// Whether a plan ends in an order: by `ORDER BY`, with or without a `LIMIT` of the same query.
fn is_ordered(plan: &Plan) -> bool {
    let is_sort = |mut plan: &Plan| {
        while let Plan::Named { input, .. } = plan {
            plan = input;
        }
        matches!(plan, Plan::Sort { .. })
    };
    match plan {
        Plan::Limit { input, .. } => is_sort(input),
        other => is_sort(other),
    }
}

/// The check of a step over tables alone.
fn checked(
    optimised: &mut Optimised,
    step: &ChainStep,
    definitions: &BTreeMap<Arc<str>, Output>,
    budget: &Budget,
) -> Checked {
    let project = &mut optimised.project;
    let [before, after] = [&step.before, &step.after]
        .map(|output| inlined(output, &mut project.arena, &|key| definitions.get(key).cloned()));
    if before.plan.n_operators().max(after.plan.n_operators()) > MAX_OPERATORS {
        return Checked {
            verdict: Verdict::Open("the models that it reads are too large in their place"),
            n_databases: 0,
            leans_on: Vec::new(),
            assumptions: Vec::new(),
        };
    }
    check_step(&before, &after, &project.arena, &project.project.catalog, budget)
}

fn told(
    optimised: &Optimised,
    model: &Model,
    text: Option<&str>,
    step: &ChainStep,
    rules: &RuleSet,
    checked: Checked,
    (before, after): Texts,
) -> api::ProofStep {
    let definition = |name: &str| rules.rules.iter().find(|rule| *rule.name == *name);
    let rule = match &step.cause {
        Cause::Rule(rule) => definition(rule),
        Cause::Inlined | Cause::NormalForm | Cause::SameRelation | Cause::Shared => None,
    };
    // What a project consents to may change rows: that is what it consents to.
    let is_lossy = rule.is_some_and(|rule| rule.class.needs_consent())
        || step.with.iter().filter_map(|name| definition(name)).any(|rule| rule.class.needs_consent());
    let (verdict, counterexample, reason) = match checked.verdict {
        Verdict::Proved => ("proved", None, None),
        Verdict::Tested => ("tested", None, None),
        Verdict::Refuted(found) => (if is_lossy { "consented" } else { "refuted" }, Some(found), None),
        Verdict::Open(reason) => ("open", None, Some(reason.to_owned())),
    };
    let mut facts = step.facts.clone();
    facts.extend(checked.leans_on);
    let place = isomer_rewriter::place(&step.before, &step.after, &optimised.project.arena);
    let within = place.within.iter().map(|(name, span)| {
        let span = text.filter(|_| *span != Span::default()).map(|text| span_in(*span, text));
        api::ProofName { name: name.to_string(), span }
    });
    api::ProofStep {
        cause: match step.cause {
            Cause::Inlined => "inlined views",
            Cause::NormalForm => "normal form",
            Cause::Rule(_) => "rule",
            Cause::SameRelation => "same relation",
            Cause::Shared => "shared relation",
        },
        rule: match &step.cause {
            Cause::Rule(rule) => Some(rule.to_string()),
            Cause::Inlined | Cause::NormalForm | Cause::SameRelation | Cause::Shared => None,
        },
        doc: rule.map(|rule| rule.doc.to_string()).unwrap_or_default(),
        class: rule.map(|rule| rule.class.to_string()).unwrap_or_default(),
        direction: direction(step),
        with: step.with.iter().map(ToString::to_string).collect(),
        place: api::ProofPlace {
            model: model.name.to_string(),
            path: model.path.to_string(),
            within: within.collect(),
            operator: place.operator,
        },
        before,
        after,
        facts,
        verdict,
        n_databases: checked.n_databases,
        assumptions: checked.assumptions.into_iter().map(str::to_owned).collect(),
        reason,
        counterexample: counterexample.map(|found| refutation(&found, &optimised.project.project.catalog)),
    }
}

/// Which side of the rule took the place of the other. A rule that runs both ways notes its way among
/// the facts; the others run from left to right.
fn direction(step: &ChainStep) -> Option<&'static str> {
    let is_back = step.facts.iter().any(|fact| fact.ends_with("from right to left"));
    match &step.cause {
        Cause::Rule(_) if is_back => Some("right to left"),
        Cause::Rule(_) => Some("left to right"),
        Cause::Inlined | Cause::NormalForm | Cause::SameRelation | Cause::Shared => None,
    }
}
