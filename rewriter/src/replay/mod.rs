//! How a written plan became the chosen one, step by step, for whoever wants to check it.
//!
//! The optimizer keeps no diary, so that it pays for none. The steps are found afterwards: the normal
//! form is made again with one rule more switched on each time (`normal`), and the e-graph is read with
//! one class more in its chosen form each time (`mixed`). Every step is therefore one cause between two
//! whole plans that can be run.

mod mixed;
mod normal;
mod place;

use std::sync::Arc;

use isomer_ir::{Bound, BoundProject, Output, Step, StepKind};

use crate::extract::{Event, Graph, Materialised};
use crate::memo::Memo;
use crate::optimize::{Entry, changed_output};
use crate::rule_set::Rules;
use mixed::Mixed;
pub use place::{Place, place};

/// Why a plan became another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Views and ephemeral models stand where they are read.
    Inlined,
    /// The one form in which models are compared, as far as it needs no rule.
    NormalForm,
    /// A rule.
    Rule(Arc<str>),
    /// The relation has another text among those that the models were written in.
    SameRelation,
    /// Relations that several models need are read from where they are stored once.
    Shared,
}

impl Cause {
    /// The rule's name, or words for what no rule does.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Inlined => "inlined views",
            Self::NormalForm => "normal form",
            Self::Rule(rule) => rule,
            Self::SameRelation => "same relation",
            Self::Shared => "shared relation",
        }
    }
}

/// One step of a chain: a cause between two whole plans of the model.
#[derive(Debug, Clone)]
pub struct ChainStep {
    /// Why.
    pub cause: Cause,
    /// Rules that came to fire, or fired more often, because of the cause; sorted.
    pub with: Vec<Arc<str>>,
    /// What the rule's guards leant on, in words.
    pub facts: Vec<String>,
    /// The plan before.
    pub before: Output,
    /// The plan after.
    pub after: Output,
}

/// The way of a changed model from its written plan to the chosen one. Each step begins where the last
/// one ended.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Position of the model in the project.
    pub model: usize,
    /// The steps in order.
    pub steps: Vec<ChainStep>,
    /// Rules that fired and left nothing that another plan would show; sorted.
    pub traceless: Vec<Arc<str>>,
}

/// What a finished optimisation is replayed from.
pub(crate) struct Replay<'a> {
    pub(crate) project: &'a BoundProject,
    pub(crate) rules: &'a Rules,
    pub(crate) entries: &'a [Entry],
    pub(crate) memo: &'a mut Memo,
    pub(crate) graph: &'a Graph,
}

impl Replay<'_> {
    /// A chain for each changed model, in the pipeline's order.
    pub(crate) fn chains(mut self, materialised: &[Materialised], steps: &[Step]) -> Vec<Chain> {
        let is_changed: Vec<Option<&Output>> = self.entries.iter().map(|entry| self.changed(entry, steps)).collect();
        let mut links: Vec<Option<Links>> = is_changed
            .iter()
            .enumerate()
            .map(|(position, chosen)| chosen.is_some().then(|| self.normal_links(position)))
            .collect();
        let mut written = self.graph.written();
        let (graph, entries) = (self.graph, self.entries);
        let memo = &mut *self.memo;
        graph.walk(materialised, false, &mut |event, state| {
            let Event::Root(position) = event else { return };
            if let Some(links) = &mut links[position] {
                let entry = &entries[position];
                let mixed = Mixed::new(memo, graph, &written, state);
                for (cause, with, facts, plan) in mixed.plans(graph.root_class(position)) {
                    links.add(cause, with, facts, changed_output(memo, &entry.normal, &entry.written.columns, plan));
                }
            }
            graph.store(&mut written, position);
        });
        let mut chains = Vec::new();
        for ((entry, links), chosen) in self.entries.iter().zip(links).zip(is_changed) {
            if let (Some(mut links), Some(chosen)) = (links, chosen) {
                links.add(Cause::Shared, Vec::new(), Vec::new(), Some(chosen.clone()));
                chains.push(links.chain(entry.model));
            }
        }
        chains
    }

    fn changed<'s>(&self, entry: &Entry, steps: &'s [Step]) -> Option<&'s Output> {
        let name = &self.project.project.models[entry.model].name;
        let is_own = |step: &&Step| step.kind == StepKind::Model && step.is_changed && step.name == *name;
        steps.iter().find(is_own)?.output.as_ref()
    }

    /// The links from the bound plan to the normal form.
    fn normal_links(&mut self, position: usize) -> Links {
        let entry = &self.entries[position];
        let Bound::Plan(bound) = &self.project.models[entry.model].bound else {
            return Links::new(entry.written.clone());
        };
        let mut links = Links::new(bound.clone());
        links.add(Cause::Inlined, Vec::new(), Vec::new(), Some(entry.written.clone()));
        let before = &self.entries[..position];
        for stage in normal::stages(self.project, before, self.rules, self.memo, entry, bound) {
            let output = normal::output(self.memo, &stage.normal, &entry.written.columns);
            links.add(stage.cause, stage.with, Vec::new(), output);
        }
        links
    }
}

/// A chain under construction.
struct Links {
    last: Output,
    steps: Vec<ChainStep>,
    traceless: Vec<Arc<str>>,
    /// A cause whose plan could not be written down; it counts to the next.
    pending: Vec<(Cause, Vec<Arc<str>>, Vec<String>)>,
}

impl Links {
    fn new(written: Output) -> Self {
        Self { last: written, steps: Vec::new(), traceless: Vec::new(), pending: Vec::new() }
    }

    /// Adds a step to the plan that `cause` led to; none where there is no such plan by itself.
    fn add(&mut self, cause: Cause, with: Vec<Arc<str>>, facts: Vec<String>, after: Option<Output>) {
        let Some(after) = after else {
            self.pending.push((cause, with, facts));
            return;
        };
        let ids = |output: &Output| output.columns.iter().map(|column| column.column).collect::<Vec<_>>();
        let is_same = self.last.plan == after.plan && ids(&self.last) == ids(&after);
        if is_same && self.pending.is_empty() {
            if let Cause::Rule(rule) = cause {
                self.traceless.push(rule);
            }
            return;
        }
        // The first of several causes gives the step its name.
        self.pending.push((cause, with, facts));
        let mut pending = std::mem::take(&mut self.pending).into_iter();
        let Some((mut cause, mut with, mut facts)) = pending.next() else { return };
        for (other, others, more) in pending {
            match (&cause, other) {
                (Cause::Rule(_), Cause::Rule(rule)) => with.push(rule),
                (_, rule @ Cause::Rule(_)) => cause = rule,
                _ => {}
            }
            with.extend(others);
            facts.extend(more);
        }
        with.retain(|rule| **rule != *cause.words());
        with.sort_unstable();
        with.dedup();
        let before = std::mem::replace(&mut self.last, after.clone());
        self.steps.push(ChainStep { cause, with, facts, before, after });
    }

    fn chain(mut self, model: usize) -> Chain {
        let is_told =
            |rule: &Arc<str>| self.steps.iter().any(|step| step.cause.words() == &**rule || step.with.contains(rule));
        let mut traceless: Vec<Arc<str>> = self.traceless.iter().filter(|rule| !is_told(rule)).cloned().collect();
        traceless.sort_unstable();
        traceless.dedup();
        self.traceless.clear();
        Chain { model, steps: self.steps, traceless }
    }
}
