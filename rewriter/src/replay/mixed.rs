//! Plans between the normal form and the chosen plan: some classes of the e-graph as written, the
//! others as chosen.
//!
//! Nothing is read from shared relations here; what they hold stands where it is needed.

use std::sync::Arc;

use isomer_ir::{Plan, Span};
use rustc_hash::FxHashSet;

use super::Cause;
use crate::extract::{Graph, State};
use crate::memo::{Memo, Origin};
use crate::raise::plan_of;

/// A plan with what led to it: the cause, other rules, facts.
type Link = (Cause, Vec<Arc<str>>, Vec<String>, Plan);

/// The two states of an e-graph between which plans are read.
pub(super) struct Mixed<'a> {
    memo: &'a Memo,
    graph: &'a Graph,
    written: &'a State,
    chosen: &'a State,
    /// Classes in their chosen form.
    switched: FxHashSet<usize>,
}

impl<'a> Mixed<'a> {
    pub(super) fn new(memo: &'a Memo, graph: &'a Graph, written: &'a State, chosen: &'a State) -> Self {
        Self { memo, graph, written, chosen, switched: FxHashSet::default() }
    }

    /// The plans of a class from the written to the chosen one. A form that reads itself through another
    /// class's written form is no plan; its cause counts to the next.
    pub(super) fn plans(mut self, root: usize) -> Vec<Link> {
        let mut links = Vec::new();
        let mut pending: Option<(Cause, Vec<Arc<str>>, Vec<String>)> = None;
        if let Some(plan) = self.plan(root, &mut Vec::new()) {
            links.push((Cause::SameRelation, Vec::new(), Vec::new(), plan));
        }
        for class in self.changed_classes(root) {
            self.switched.insert(class);
            let mut origins = Vec::new();
            self.origins(class, &mut origins);
            let mut rules: Vec<Arc<str>> = Vec::new();
            let mut facts: Vec<String> = Vec::new();
            for origin in origins {
                if !rules.contains(&origin.rule) {
                    rules.push(Arc::clone(&origin.rule));
                }
                facts.extend(origin.facts.iter().filter(|fact| !facts.contains(fact)).cloned().collect::<Vec<_>>());
            }
            let (cause, with, facts) = match pending.take() {
                Some((cause, mut with, mut before)) => {
                    with.extend(rules);
                    before.extend(facts);
                    (cause, with, before)
                }
                None if rules.is_empty() => (Cause::SameRelation, rules, facts),
                None => (Cause::Rule(rules.remove(0)), rules, facts),
            };
            match self.plan(root, &mut Vec::new()) {
                Some(plan) => links.push((cause, with, facts, plan)),
                None => pending = Some((cause, with, facts)),
            }
        }
        links
    }

    /// Classes of the chosen plan that were written otherwise, from the root down.
    fn changed_classes(&self, root: usize) -> Vec<usize> {
        let mut changed = Vec::new();
        let mut seen = FxHashSet::default();
        let mut stack = vec![root];
        while let Some(class) = stack.pop() {
            if !seen.insert(class) {
                continue;
            }
            let Some((node, inputs, _)) = self.graph.chosen(self.chosen, class) else { continue };
            let written = self.graph.chosen(self.written, class).map(|(written, _, _)| written);
            if self.is_written(class) && written != Some(node) {
                changed.push(class);
            }
            stack.extend(inputs.iter().rev());
        }
        changed
    }

    /// Whether a class stands in what the models were written as; the others are made by rules.
    fn is_written(&self, class: usize) -> bool {
        self.written.cost(class).is_finite()
    }

    /// The rules behind a class's chosen form, its own first, then those of the classes that it is made of.
    fn origins(&self, class: usize, origins: &mut Vec<&'a Origin>) {
        let Some((node, inputs, is_written)) = self.graph.chosen(self.chosen, class) else { return };
        if !is_written && let Some(origin) = self.memo.origin(node) {
            origins.push(origin);
        }
        for &input in inputs {
            if !self.is_written(input) {
                self.origins(input, origins);
            }
        }
    }

    fn plan(&self, class: usize, open: &mut Vec<usize>) -> Option<Plan> {
        if open.contains(&class) {
            return None;
        }
        let is_chosen = self.switched.contains(&class) || !self.is_written(class);
        let state = if is_chosen { self.chosen } else { self.written };
        let (node, inputs, _) = self.graph.chosen(state, class)?;
        open.push(class);
        let inputs: Option<Vec<Plan>> = inputs.iter().map(|&input| self.plan(input, open)).collect();
        open.pop();
        let plan = plan_of(self.memo.context(), self.memo.operator(node).clone(), inputs?);
        Some(match self.memo.names(self.graph.id(class)).first() {
            Some(name) if !matches!(plan, Plan::Scan { .. } | Plan::Named { .. }) => {
                Plan::Named { input: Box::new(plan), name: Arc::clone(name), span: Span::default() }
            }
            _ => plan,
        })
    }
}
