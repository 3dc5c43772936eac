//! The normal form of a model made again with one rule more each time.
//!
//! The rules that fired are switched on in the order in which they first did. What one of them makes
//! possible for those that are on already belongs to its step.

use std::sync::Arc;

use isomer_ir::{BoundProject, ColumnId, Materialise, Output, OutputColumn, Plan, Scalar};
use rustc_hash::FxHashMap;

use super::Cause;
use crate::memo::Memo;
use crate::normalize::{ModelRead, NormalModel, Normalizer};
use crate::optimize::{Entry, MAX_INLINED_OPERATORS, changed_output, unsorted};
use crate::rule_set::{NATIVE_RULES, Rules};
use crate::simplify::Switches;

/// A normal form with some of the rules on.
pub(super) struct Stage {
    pub(super) cause: Cause,
    pub(super) with: Vec<Arc<str>>,
    pub(super) normal: NormalModel,
}

/// The normal forms of a model from that without any rule to its `own` one; `before` are the
/// models that it may read.
pub(super) fn stages(
    project: &BoundProject,
    before: &[Entry],
    rules: &Rules,
    memo: &mut Memo,
    own: &Entry,
    bound: &Output,
) -> Vec<Stage> {
    let reads = reads(project, before);
    let mut normal = |switches: &mut Switches| {
        Normalizer::new(memo.context_mut(), switches, &rules.templates, &reads).model(bound.clone())
    };
    let mut all = rules.switches().recording();
    normal(&mut all);
    let fired = all.recorded();
    let natives = NATIVE_RULES.iter().cloned();
    let scalars = rules.templates.scalars.iter().map(|template| Arc::clone(&template.rule));
    let aggregates = rules.templates.aggregates.iter().map(|template| Arc::clone(&template.rule));
    let known: Vec<Arc<str>> = natives.chain(scalars).chain(aggregates).collect();
    let mut stages: Vec<Stage> = Vec::with_capacity(fired.len() + 2);
    for n_on in 0..=fired.len() {
        let off = known.iter().filter(|rule| !fired[..n_on].contains(rule)).cloned();
        let stage = normal(&mut rules.switches().without(off));
        let cause = match n_on.checked_sub(1) {
            Some(last) => Cause::Rule(Arc::clone(&fired[last])),
            None => Cause::NormalForm,
        };
        let times = |normal: &NormalModel, rule: &Arc<str>| normal.fired.get(rule).copied().unwrap_or(0);
        let more = |rule: &&Arc<str>| stages.last().is_some_and(|last| times(&stage, rule) > times(&last.normal, rule));
        let with = fired[..n_on.saturating_sub(1)].iter().filter(more).cloned().collect();
        stages.push(Stage { cause, with, normal: stage });
    }
    // What stands in the e-graph, should the rules together have made something else of it.
    stages.push(Stage { cause: Cause::NormalForm, with: Vec::new(), normal: own.normal.clone() });
    stages
}

/// A normal form as a query that shows the model's columns; none where it cannot be written as one.
pub(super) fn output(memo: &mut Memo, normal: &NormalModel, shows: &[OutputColumn]) -> Option<Output> {
    let arena = &mut memo.context_mut().arena;
    let mut exposed = normal.plan.columns(arena);
    exposed.sort_unstable();
    let mut ids: Vec<ColumnId> = normal.exprs.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    let is_identity = ids == exposed && normal.exprs.iter().all(|&(id, scalar)| arena[scalar] == Scalar::Column(id));
    let plan = if is_identity {
        normal.plan.clone()
    } else {
        let mut exprs = normal.exprs.clone();
        exprs.sort_unstable();
        exprs.dedup();
        Plan::Project { input: Box::new(normal.plan.clone()), exprs }
    };
    changed_output(memo, normal, shows, plan)
}

/// How the models that come before are read, as when they were lowered.
fn reads(project: &BoundProject, entries: &[Entry]) -> FxHashMap<Arc<str>, ModelRead> {
    let mut reads = FxHashMap::default();
    for entry in entries {
        let model = &project.project.models[entry.model];
        let read = if matches!(model.materialise, Materialise::Table | Materialise::Temp) {
            ModelRead::Table(entry.normal.exprs.iter().map(|(id, _)| *id).collect())
        } else if entry.written.plan.n_operators() <= MAX_INLINED_OPERATORS
            && let isomer_ir::Bound::Plan(output) = &project.models[entry.model].bound
        {
            ModelRead::Inline(unsorted(output.clone()))
        } else {
            continue;
        };
        reads.insert(Arc::clone(&model.key), read);
    }
    reads
}
