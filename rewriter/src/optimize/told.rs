//! The rules on the way to a step, each with what it changed.

use std::sync::Arc;

use isomer_ir::{AppliedRule, ColumnId, Output, OutputColumn, Plan, explain_output};
use rustc_hash::FxHashMap;

use super::Entry;
use super::raised::Raised;
use super::stored::output_of;
use crate::memo::Memo;
use crate::plan_facts::estimate;

/// Rules on the path: those of normalisation with the whole model before and after, then those of
/// the e-graph with the part that each changed.
pub(super) fn applied_rules(
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
pub(super) fn path_rules(memo: &mut Memo, root: &Raised) -> Vec<AppliedRule> {
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
pub(super) fn drop_unstored(plan: &mut Plan, arena: &mut isomer_ir::Arena) {
    let mut plan = plan;
    while let Plan::Named { input, .. } = plan {
        plan = input;
    }
    if let Plan::Project { input, exprs } = plan {
        let below = input.columns(arena);
        exprs.retain(|(_, scalar)| arena.reads_only(*scalar, &below));
    }
}
