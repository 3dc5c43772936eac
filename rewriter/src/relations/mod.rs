//! Relation templates in the e-graph: where a rule's pattern is found its template becomes one more
//! member of the class, and extraction decides.
//!
//! A pattern that shows plain columns of joins and filters is found below every operator that reads
//! only what the pattern shows, because such an operator is a projection of it. A pattern that ends
//! in GROUP BY or DISTINCT is found as that aggregate.

mod build;
mod guards;
mod matching;
mod pattern;

use std::sync::Arc;

use egg::Id;
use isomer_ir::{ColumnId, Output, Plan, Scalar, ScalarId, Volatility};
use isomer_rules::{HoleColumn, HoleSort, Rule};

use crate::memo::{Memo, Origin};
use crate::normalize::aggregate_scalars;
use crate::operator::Operator;
use crate::simplify::Switches;
use crate::templates::ScalarTemplates;

use build::Builder;
use matching::{Bindings, Leftover, Matcher};
use pattern::normalized;

/// `pattern => template` over relations.
#[derive(Debug, Clone)]
pub(crate) struct RelationTemplate {
    pub(crate) rule: Arc<Rule>,
    pattern: Output,
    template: Output,
    /// Which form of the rule it is, in words.
    note: Option<String>,
}

impl RelationTemplate {
    pub(crate) fn new(rule: &Arc<Rule>, pattern: &Output, template: &Output, note: Option<&Arc<str>>) -> Self {
        let note = note.map(|note| format!("applied {note}"));
        Self { rule: Arc::clone(rule), pattern: pattern.clone(), template: template.clone(), note }
    }

    /// The pattern as the normal form writes it.
    pub(crate) fn normalized(&self, memo: &mut Memo) -> Plan {
        normalized(&mut memo.context_mut().arena, self.pattern.plan.clone())
    }
}

/// What stands at the top of a pattern: the sort of hole behind an output column, if it is one.
fn sort_of(memo: &Memo, rule: &Rule, column: ColumnId) -> Option<HoleSort> {
    HoleColumn::of(memo.context().arena.def(column)).map(|hole| rule.holes[hole.hole].sort)
}

/// Applies each template, by its normalized pattern, to each class once. Returns whether anything was added.
pub(crate) fn apply(
    memo: &mut Memo,
    switches: &mut Switches,
    templates: &[(&RelationTemplate, Plan)],
    scalars: &ScalarTemplates,
) -> bool {
    let mut has_changed = false;
    for (template, pattern) in templates {
        if !switches.is_on(&template.rule.name) {
            continue;
        }
        let is_grouped = matches!(pattern, Plan::Aggregate { .. } | Plan::Distinct { .. });
        for class in memo.class_ids() {
            for node in memo.egraph[class].nodes.clone() {
                // Its budget may end in the middle.
                if !switches.is_on(&template.rule.name) {
                    break;
                }
                let mut site = Site { memo, switches, template, pattern, scalars, class };
                let operator = site.memo.operator(&node).clone();
                has_changed |= match (&operator, is_grouped) {
                    (Operator::Aggregate { .. }, true) => site.replace_grouped(&node.inputs, &operator),
                    (Operator::Aggregate { .. } | Operator::Project { .. }, false) => {
                        site.replace_below(node.inputs[0], &operator)
                    }
                    _ => false,
                };
            }
        }
        memo.rebuild();
    }
    has_changed
}

/// One template at one class.
struct Site<'a> {
    memo: &'a mut Memo,
    switches: &'a mut Switches,
    template: &'a RelationTemplate,
    pattern: &'a Plan,
    scalars: &'a ScalarTemplates,
    class: Id,
}

impl Site<'_> {
    /// The pattern below an operator that reads only some of its columns.
    fn replace_below(&mut self, input: Id, operator: &Operator) -> bool {
        let read = columns_read(self.memo, operator);
        let matcher = Matcher { memo: self.memo, rule: &self.template.rule };
        let mut has_changed = false;
        for (bindings, leftover) in matcher.top(self.pattern, input) {
            if !self.switches.is_on(&self.template.rule.name) {
                break;
            }
            has_changed |= self.add_below(operator, &read, bindings, &leftover);
        }
        has_changed
    }

    fn add_below(&mut self, operator: &Operator, read: &[ColumnId], mut bindings: Bindings, rest: &Leftover) -> bool {
        let arena = &self.memo.context().arena;
        let mut needed: Vec<ColumnId> = read.to_vec();
        needed.extend(rest.holds.iter().chain(&rest.on).flat_map(|&scalar| arena.columns_of(scalar)));
        needed.sort_unstable();
        needed.dedup();
        needed.retain(|column| !rest.inputs.iter().any(|&input| self.memo.facts(input).exposes(*column)));
        let shown: Vec<ColumnId> = self.template.pattern.columns.iter().map(|column| column.column).collect();
        if !self.distribute(&needed, &shown, &mut bindings) {
            return false;
        }
        let Some(origin) = self.origin(&bindings) else { return false };
        let Some((mut made, moved)) = self.instance(&bindings, &origin) else { return false };
        if !moved.is_empty() {
            let others = needed.iter().filter(|column| moved.iter().all(|(id, _)| id != *column));
            let mut exprs: Vec<(ColumnId, ScalarId)> = moved.clone();
            for &column in others {
                exprs.push((column, self.memo.context_mut().arena.column_ref(column)));
            }
            made = self.memo.add_made(Operator::Project { exprs }, &[made], &origin);
        }
        if !needed.iter().all(|&column| self.memo.facts(made).exposes(column)) {
            return false;
        }
        if !rest.inputs.is_empty() {
            let mut inputs = rest.inputs.clone();
            inputs.push(made);
            if !self.memo.are_disjoint(&inputs) {
                return false;
            }
            made = self.memo.add_made(Operator::InnerJoin { on: rest.on.clone() }, &inputs, &origin);
        }
        if !rest.holds.is_empty() {
            made = self.memo.add_made(Operator::Filter { holds: rest.holds.clone() }, &[made], &origin);
        }
        self.add(operator.clone(), made, &origin)
    }

    /// Gives each needed column to the hole that shows it.
    fn distribute(&self, needed: &[ColumnId], shown: &[ColumnId], bindings: &mut Bindings) -> bool {
        let arena = &self.memo.context().arena;
        needed.iter().all(|&column| {
            let is_single = shown.iter().any(|symbol| {
                bindings.scalars.get(symbol).is_some_and(|&scalar| arena[scalar] == Scalar::Column(column))
            });
            let list = shown.iter().find(|&&symbol| {
                sort_of(self.memo, &self.template.rule, symbol) == Some(HoleSort::Columns)
                    && bindings.table_of(arena, symbol).is_some_and(|table| self.memo.facts(table).exposes(column))
            });
            if let (false, Some(&symbol)) = (is_single, list) {
                let bound = bindings.lists.entry(symbol).or_default();
                if !bound.contains(&column) {
                    bound.push(column);
                }
                return true;
            }
            is_single
        })
    }

    /// A pattern that is an aggregate or a DISTINCT.
    fn replace_grouped(&mut self, inputs: &[Id], operator: &Operator) -> bool {
        let Operator::Aggregate { keys, calls } = operator else { return false };
        for column in self.memo.columns(self.class).to_vec() {
            self.memo.context_mut().arena.column_ref(column);
        }
        let matcher = Matcher { memo: self.memo, rule: &self.template.rule };
        let found = matcher.grouped(self.pattern, inputs[0], keys, calls);
        let mut has_changed = false;
        for bindings in found {
            let Some(origin) = self.origin(&bindings) else { continue };
            let Some((made, mut exprs)) = self.instance(&bindings, &origin) else { continue };
            for column in self.memo.columns(self.class).to_vec() {
                if exprs.iter().all(|(id, _)| *id != column) && self.memo.facts(made).exposes(column) {
                    exprs.push((column, self.memo.context_mut().arena.column_ref(column)));
                }
            }
            has_changed |= self.add(Operator::Project { exprs }, made, &origin);
        }
        has_changed
    }

    /// The template under these bindings, and the output columns that it defines anew over it.
    fn instance(&mut self, bindings: &Bindings, origin: &Origin) -> Option<(Id, Vec<(ColumnId, ScalarId)>)> {
        let template = self.template;
        let mut builder = Builder {
            memo: self.memo,
            switches: self.switches,
            scalars: self.scalars,
            rule: &template.rule,
            bindings,
            origin,
            definitions: bindings.scalars.clone(),
        };
        let made = builder.build(&template.template.plan)?;
        let moved = builder.redefined(&template.pattern.columns, &template.template.columns)?;
        Some((made, moved))
    }

    fn add(&mut self, operator: Operator, input: Id, origin: &Origin) -> bool {
        let facts = self.memo.facts(input);
        if facts.is_volatile || facts.is_stable_only {
            return false;
        }
        let is_added = self.memo.add_equal(self.class, operator, &[input], origin);
        if is_added {
            self.switches.fire(&self.template.rule.name);
        }
        is_added
    }

    /// Where the guards hold and nothing depends on chance: the rule with the facts it leans on.
    fn origin(&self, bindings: &Bindings) -> Option<Origin> {
        let arena = &self.memo.context().arena;
        let is_repeatable = bindings.tables.iter().all(|(_, class)| {
            let facts = self.memo.facts(*class);
            !facts.is_volatile && !facts.is_stable_only
        });
        let conjuncts = bindings.predicates.values().flatten().chain(bindings.scalars.values());
        if !is_repeatable || conjuncts.into_iter().any(|&scalar| arena.volatility(scalar) != Volatility::Immutable) {
            return None;
        }
        let mut facts: Vec<String> = self.template.note.iter().cloned().collect();
        facts.extend(guards::hold(self.memo, &self.template.rule, bindings)?);
        Some(Origin { rule: Arc::clone(&self.template.rule.name), facts })
    }
}

/// The columns that a projection or aggregate reads.
fn columns_read(memo: &Memo, operator: &Operator) -> Vec<ColumnId> {
    let arena = &memo.context().arena;
    let mut read: Vec<ColumnId> = Vec::new();
    match operator {
        Operator::Project { exprs } => read.extend(exprs.iter().flat_map(|&(_, scalar)| arena.columns_of(scalar))),
        Operator::Aggregate { keys, calls } => {
            read.extend(keys.iter().flat_map(|&(_, scalar)| arena.columns_of(scalar)));
            read.extend(calls.iter().flat_map(|(_, call)| aggregate_scalars(call)).flat_map(|s| arena.columns_of(s)));
        }
        Operator::Scan { .. }
        | Operator::Values { .. }
        | Operator::Empty { .. }
        | Operator::Filter { .. }
        | Operator::InnerJoin { .. }
        | Operator::Join { .. }
        | Operator::Window { .. }
        | Operator::Sort { .. }
        | Operator::Limit { .. }
        | Operator::SetOp { .. }
        | Operator::Instance { .. } => {}
    }
    read.sort_unstable();
    read.dedup();
    read
}
