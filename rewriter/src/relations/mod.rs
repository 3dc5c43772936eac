//! Relation templates in the e-graph: where a rule's pattern is found its template becomes one more
//! member of the class, and extraction decides.
//!
//! A pattern that shows plain columns of joins and filters is found below every operator that reads
//! only what the pattern shows, because such an operator is a projection of it. A pattern that ends
//! in GROUP BY or DISTINCT is found as that aggregate, one that ends in a set operation, a window or a
//! limit as that operator.

mod beside;
mod bindings;
mod build;
mod calls;
mod conjuncts;
mod guards;
mod matching;
mod pattern;
mod possible;

use std::sync::Arc;

use egg::Id;
use isomer_ir::{ColumnDef, ColumnId, Output, Plan, ScalarId, SetOpKind, Volatility};
use isomer_rules::{HoleColumn, HoleSort, Rule};
use rustc_hash::FxHashMap;

use crate::memo::{Memo, Origin};
use crate::normalize::aggregate_scalars;
use crate::operator::Operator;
use crate::simplify::Switches;
use crate::stats::Meter;
use crate::templates::ScalarTemplates;

use bindings::{Bindings, Leftover};
use build::Builder;
use matching::Matcher;
use pattern::{intern_columns, normalized};
use possible::{is_possible, operators};

/// `pattern => template` over relations.
#[derive(Debug, Clone)]
pub(crate) struct RelationTemplate {
    pub(crate) rule: Arc<Rule>,
    pattern: Output,
    template: Output,
    /// Patterns that must be found elsewhere under the same holes.
    beside: Vec<Output>,
    /// Which form of the rule it is, in words.
    note: Option<String>,
}

impl RelationTemplate {
    pub(crate) fn new(
        rule: &Arc<Rule>,
        (pattern, template): (&Output, &Output),
        beside: &[Output],
        note: Option<&Arc<str>>,
    ) -> Self {
        let note = note.map(|note| format!("applied {note}"));
        Self {
            rule: Arc::clone(rule),
            pattern: pattern.clone(),
            template: template.clone(),
            beside: beside.to_vec(),
            note,
        }
    }

    /// The pattern as the normal form writes it.
    pub(crate) fn normalized(&self, memo: &mut Memo) -> Plan {
        let arena = &mut memo.context_mut().arena;
        let pattern = normalized(arena, self.pattern.plan.clone());
        intern_columns(arena, &pattern);
        pattern
    }

    /// Whether either side takes the first rows of an order.
    fn holds_limit(&self) -> bool {
        holds(&self.pattern.plan, &|plan| matches!(plan, Plan::Limit { .. }))
            || holds(&self.template.plan, &|plan| matches!(plan, Plan::Limit { .. }))
    }
}

/// Whether some operator of a plan is of a kind.
fn holds(plan: &Plan, is_wanted: &dyn Fn(&Plan) -> bool) -> bool {
    is_wanted(plan) || plan.inputs().into_iter().any(|input| holds(input, is_wanted))
}

/// Where a pattern is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anchor {
    /// At an aggregate, which is the pattern's.
    Grouped,
    /// Below what reads only what the pattern shows.
    Below,
    /// Below, and at the operator that the pattern ends in, of which everything is read.
    BelowAndWhole,
    /// At the operator that the pattern ends in.
    Whole,
}

impl Anchor {
    fn of(pattern: &Plan) -> Self {
        match pattern {
            Plan::Aggregate { .. } | Plan::Distinct { .. } => Self::Grouped,
            Plan::SetOp { .. } | Plan::Window { .. } => Self::Whole,
            Plan::Limit { .. } => Self::BelowAndWhole,
            // What the operators of a pattern compute may be all that is read of it.
            pattern if holds(pattern, &|plan| matches!(plan, Plan::Aggregate { .. } | Plan::Window { .. })) => {
                Self::BelowAndWhole
            }
            Plan::Scan { .. }
            | Plan::Values { .. }
            | Plan::Empty { .. }
            | Plan::Filter { .. }
            | Plan::Project { .. }
            | Plan::Join { .. }
            | Plan::GroupingSets { .. }
            | Plan::Unnest { .. }
            | Plan::Sort { .. }
            | Plan::Instance { .. }
            | Plan::Named { .. }
            | Plan::RecursiveUnion { .. }
            | Plan::WorkTable { .. }
            | Plan::Sample { .. }
            | Plan::ScanAt { .. }
            | Plan::Hole { .. } => Self::Below,
        }
    }
}

/// Whether an operator is of the kind that a pattern ends in.
fn ends_in(pattern: &Plan, operator: &Operator) -> bool {
    match (pattern, operator) {
        (Plan::Filter { .. }, Operator::Filter { .. })
        | (Plan::Window { .. }, Operator::Window { .. })
        | (Plan::Limit { .. }, Operator::Limit { .. }) => true,
        (Plan::Join { kind, .. }, Operator::InnerJoin { .. }) => *kind == isomer_ir::JoinKind::Inner,
        (Plan::Join { kind, .. }, Operator::Join { kind: other, .. }) => kind == other,
        (Plan::SetOp { kind, .. }, Operator::SetOp { kind: other, .. }) => kind == other,
        _ => false,
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
    meter: &mut Meter<'_>,
) -> bool {
    let mut has_changed = false;
    let present = operators(memo);
    let possible: Vec<_> = templates
        .iter()
        .filter(|(template, pattern)| switches.is_on(&template.rule.name) && is_possible(pattern, &present))
        .collect();
    if possible.iter().any(|(_, pattern)| Anchor::of(pattern) != Anchor::Below) {
        intern_schemas(memo);
    }
    for (template, pattern) in possible {
        let begin = meter.begin(memo);
        let anchor = Anchor::of(pattern);
        for class in memo.class_ids() {
            for node in memo.egraph[class].nodes.clone() {
                // Its budget may end in the middle.
                if !switches.is_on(&template.rule.name) {
                    break;
                }
                let mut site = Site { memo, switches, template, pattern, scalars, class };
                let operator = site.memo.operator(&node).clone();
                has_changed |= match (&operator, anchor) {
                    (Operator::Aggregate { .. }, Anchor::Grouped) => site.replace_grouped(&node.inputs, &operator),
                    (Operator::Aggregate { .. } | Operator::Project { .. }, Anchor::Below | Anchor::BelowAndWhole) => {
                        site.replace_below(node.inputs[0], &operator)
                    }
                    (operator, Anchor::Whole | Anchor::BelowAndWhole) if ends_in(pattern, operator) => {
                        site.replace_whole()
                    }
                    _ => false,
                };
            }
        }
        memo.rebuild();
        meter.end_template(&template.rule.name, begin, memo);
    }
    has_changed
}

/// Makes the scalar that reads each column known, because nothing is interned while patterns are looked
/// for.
fn intern_schemas(memo: &mut Memo) {
    for class in memo.class_ids() {
        for column in memo.columns(class).to_vec() {
            memo.context_mut().arena.column_ref(column);
        }
    }
}

/// A template in the place of its pattern.
#[derive(Debug)]
struct Made {
    class: Id,
    origin: Origin,
    /// Columns of the pattern that the template defines anew, over the class.
    moved: FxHashMap<ColumnId, ScalarId>,
}

/// A projection or aggregate that reads columns by what they are now.
fn over(memo: &mut Memo, operator: &Operator, moved: &FxHashMap<ColumnId, ScalarId>) -> Operator {
    let arena = &mut memo.context_mut().arena;
    let mut inlined = |list: &[(ColumnId, ScalarId)]| {
        list.iter().map(|&(id, scalar)| (id, arena.inline_columns(scalar, moved))).collect::<Vec<_>>()
    };
    match operator {
        Operator::Project { exprs } => Operator::Project { exprs: inlined(exprs) },
        Operator::Aggregate { keys, calls } => {
            let keys = inlined(keys);
            let mut call_over =
                |call| arena.map_aggregate(call, &mut |arena, scalar| arena.inline_columns(scalar, moved));
            Operator::Aggregate { keys, calls: calls.iter().map(|(id, call)| (*id, call_over(call))).collect() }
        }
        operator => operator.clone(),
    }
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
        let found = matcher.top(self.pattern, input, &Bindings::default());
        self.switches.count_matches(&self.template.rule.name, found.len());
        for (bindings, leftover) in found {
            if !self.switches.is_on(&self.template.rule.name) {
                break;
            }
            has_changed |= self.add_below(operator, &read, bindings, &leftover);
        }
        has_changed
    }

    /// The pattern as the whole of the class.
    fn replace_whole(&mut self) -> bool {
        let read = self.memo.columns(self.class).to_vec();
        let matcher = Matcher { memo: self.memo, rule: &self.template.rule };
        let mut has_changed = false;
        let found = matcher.top(self.pattern, self.class, &Bindings::default());
        self.switches.count_matches(&self.template.rule.name, found.len());
        for (bindings, rest) in found {
            if !self.switches.is_on(&self.template.rule.name) {
                break;
            }
            let Some((needed, bindings)) = self.needed(&read, bindings, &rest) else { continue };
            for bindings in self.joint(bindings) {
                if let Some(made) = self.made(&needed, &bindings, &rest) {
                    has_changed |= self.unite(&made, &read);
                }
            }
        }
        has_changed
    }

    fn add_below(&mut self, operator: &Operator, read: &[ColumnId], bindings: Bindings, rest: &Leftover) -> bool {
        // Of a union of more inputs everything is read, so it is found as a whole.
        if !rest.branches.is_empty() {
            return false;
        }
        let Some((needed, bindings)) = self.needed(read, bindings, rest) else { return false };
        let mut has_changed = false;
        for bindings in self.joint(bindings) {
            if let Some(Made { class, origin, moved }) = self.made(&needed, &bindings, rest) {
                let operator = over(self.memo, operator, &moved);
                has_changed |= self.add(operator, class, &origin);
            }
        }
        has_changed
    }

    /// Every way to find the patterns beside this one elsewhere, under the same holes.
    fn joint(&mut self, bindings: Bindings) -> Vec<Bindings> {
        if self.template.beside.is_empty() {
            return vec![bindings];
        }
        let sites = beside::sites(self.memo);
        let mut ways = vec![bindings];
        for pattern in self.template.beside.clone() {
            let normal = normalized(&mut self.memo.context_mut().arena, pattern.plan.clone());
            intern_columns(&mut self.memo.context_mut().arena, &normal);
            let mut next = Vec::new();
            for bindings in &ways {
                for site in sites.iter().filter(|site| site.class != self.class) {
                    next.extend(self.found_at(site, (&pattern, &normal), bindings));
                }
            }
            next.truncate(beside::MAX_JOINT);
            ways = next;
        }
        ways
    }

    /// A pattern at one site, its lists filled with what is read there.
    fn found_at(&self, site: &beside::Site, (pattern, normal): (&Output, &Plan), bindings: &Bindings) -> Vec<Bindings> {
        let matcher = Matcher { memo: self.memo, rule: &self.template.rule };
        if Anchor::of(normal) == Anchor::Grouped {
            let Operator::Aggregate { keys, calls } = &site.operator else { return Vec::new() };
            return matcher.grouped(normal, site.input, keys, calls, bindings);
        }
        let shown: Vec<ColumnId> = pattern.columns.iter().map(|column| column.column).collect();
        let mut found = Vec::new();
        for (mut bindings, rest) in matcher.top(normal, site.input, bindings) {
            let needed = self.read_below(&columns_read(self.memo, &site.operator), &rest);
            if rest.branches.is_empty() && self.distribute(&needed, &shown, &mut bindings) {
                found.push(bindings);
            }
        }
        found
    }

    /// What is read of a pattern: above it, and by what it left over.
    fn read_below(&self, read: &[ColumnId], rest: &Leftover) -> Vec<ColumnId> {
        let arena = &self.memo.context().arena;
        let mut needed: Vec<ColumnId> = read.to_vec();
        needed.extend(rest.holds.iter().chain(&rest.on).flat_map(|&scalar| arena.columns_of(scalar)));
        needed.sort_unstable();
        needed.dedup();
        needed.retain(|column| !rest.inputs.iter().any(|&input| self.memo.facts(input).exposes(*column)));
        needed
    }

    /// What is read of the pattern, given to the holes that show it.
    fn needed(&self, read: &[ColumnId], mut bindings: Bindings, rest: &Leftover) -> Option<(Vec<ColumnId>, Bindings)> {
        let needed = self.read_below(read, rest);
        let shown: Vec<ColumnId> = self.template.pattern.columns.iter().map(|column| column.column).collect();
        if !self.distribute(&needed, &shown, &mut bindings) {
            return None;
        }
        if bindings.tied.as_ref().is_some_and(|tied| needed.iter().any(|column| !tied.contains(column))) {
            return None;
        }
        Some((needed, bindings))
    }

    /// The template with what the pattern left over on top of it.
    fn made(&mut self, needed: &[ColumnId], bindings: &Bindings, rest: &Leftover) -> Option<Made> {
        let origin = self.origin(bindings, rest)?;
        let (mut made, moved) = self.instance(bindings, &origin)?;
        let others: Vec<ColumnId> =
            needed.iter().copied().filter(|column| moved.iter().all(|(id, _)| id != column)).collect();
        if !others.iter().all(|&column| self.memo.facts(made).exposes(column)) {
            return None;
        }
        if rest.branches.is_empty() && rest.inputs.is_empty() {
            let moved: FxHashMap<ColumnId, ScalarId> = moved.into_iter().collect();
            if !rest.holds.is_empty() {
                let arena = &mut self.memo.context_mut().arena;
                let holds = rest.holds.iter().map(|&predicate| arena.inline_columns(predicate, &moved)).collect();
                made = self.memo.add_made(Operator::Filter { holds }, &[made], &origin);
            }
            return Some(Made { class: made, origin, moved });
        }
        if !moved.is_empty() {
            let mut exprs: Vec<(ColumnId, ScalarId)> = moved.clone();
            for column in others {
                exprs.push((column, self.memo.context_mut().arena.column_ref(column)));
            }
            made = self.memo.add_made(Operator::Project { exprs }, &[made], &origin);
        }
        if !rest.branches.is_empty() {
            made = self.united(made, rest, &origin);
        }
        if !rest.inputs.is_empty() {
            let mut inputs = rest.inputs.clone();
            inputs.push(made);
            if !self.memo.are_disjoint(&inputs) {
                return None;
            }
            made = self.memo.add_made(Operator::InnerJoin { on: rest.on.clone() }, &inputs, &origin);
        }
        if !rest.holds.is_empty() {
            made = self.memo.add_made(Operator::Filter { holds: rest.holds.clone() }, &[made], &origin);
        }
        Some(Made { class: made, origin, moved: FxHashMap::default() })
    }

    /// The rows of the template beside the inputs of the union that the pattern did not name.
    fn united(&mut self, made: Id, rest: &Leftover, origin: &Origin) -> Id {
        let columns = self.memo.columns(self.class).to_vec();
        let mut inputs = vec![made];
        let mut taken = vec![columns.clone()];
        for (input, shown) in &rest.branches {
            inputs.push(*input);
            taken.push(shown.clone());
        }
        self.memo.add_made(Operator::SetOp { kind: SetOpKind::UnionAll, taken, columns }, &inputs, origin)
    }

    /// Gives each needed column to the hole that shows it.
    fn distribute(&self, needed: &[ColumnId], shown: &[ColumnId], bindings: &mut Bindings) -> bool {
        needed.iter().all(|&column| {
            let arena = &self.memo.context().arena;
            let is_named =
                |symbol: &&ColumnId| bindings.columns(arena, **symbol).is_some_and(|columns| columns.contains(&column));
            shown.iter().any(|symbol| is_named(&symbol))
                || shown.iter().any(|&symbol| self.give(column, symbol, bindings))
        })
    }

    /// Adds a column to the list hole of the table that exposes it.
    fn give(&self, column: ColumnId, symbol: ColumnId, bindings: &mut Bindings) -> bool {
        let arena = &self.memo.context().arena;
        if let ColumnDef::Instance { of: symbol, k } = *arena.def(symbol) {
            let ColumnDef::Instance { of, k: found } = *arena.def(column) else { return false };
            return bindings.copies.get(&k) == Some(&found) && self.give(of, symbol, bindings);
        }
        let is_exposed = sort_of(self.memo, &self.template.rule, symbol) == Some(HoleSort::Columns)
            && bindings.table_of(arena, symbol).is_some_and(|table| self.memo.facts(table).exposes(column));
        if is_exposed {
            let bound = bindings.lists.entry(symbol).or_default();
            if !bound.contains(&column) {
                bound.push(column);
            }
        }
        is_exposed
    }

    /// A pattern that is an aggregate or a DISTINCT.
    fn replace_grouped(&mut self, inputs: &[Id], operator: &Operator) -> bool {
        let Operator::Aggregate { keys, calls } = operator else { return false };
        let matcher = Matcher { memo: self.memo, rule: &self.template.rule };
        let found = matcher.grouped(self.pattern, inputs[0], keys, calls, &Bindings::default());
        self.switches.count_matches(&self.template.rule.name, found.len());
        let mut has_changed = false;
        let found: Vec<Bindings> = found.into_iter().flat_map(|bindings| self.joint(bindings)).collect();
        for bindings in found {
            let Some(origin) = self.origin(&bindings, &Leftover::default()) else { continue };
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
        let mut definitions = bindings.scalars.clone();
        let mut symbols: Vec<ColumnId> = bindings.predicates.keys().copied().collect();
        symbols.sort_unstable();
        for symbol in symbols {
            let predicate = self.memo.context_mut().arena.and(bindings.predicates[&symbol].iter().copied());
            definitions.insert(symbol, predicate);
        }
        let mut builder = Builder {
            memo: self.memo,
            switches: self.switches,
            scalars: self.scalars,
            rule: &template.rule,
            bindings,
            origin,
            definitions,
            lists: bindings.lists.clone(),
            copies: FxHashMap::default(),
        };
        let read: Vec<ColumnId> = template.template.columns.iter().map(|shown| shown.column).collect();
        let made = builder.build_for(&template.template.plan, Some(&read))?;
        let moved = builder.redefined(&template.pattern.columns, &template.template.columns)?;
        Some((made, moved))
    }

    fn add(&mut self, operator: Operator, input: Id, origin: &Origin) -> bool {
        if !self.is_repeatable(input) {
            return false;
        }
        let is_added = self.memo.add_equal(self.class, operator, &[input], origin);
        if is_added {
            self.switches.fire(&self.template.rule.name);
        }
        is_added
    }

    /// What was made is one more way to have the class, whose columns are `read`.
    fn unite(&mut self, made: &Made, read: &[ColumnId]) -> bool {
        if !made.moved.is_empty() || self.memo.columns(made.class) != read {
            let arena = &mut self.memo.context_mut().arena;
            let value = |&column: &ColumnId| {
                (column, made.moved.get(&column).copied().unwrap_or_else(|| arena.column_ref(column)))
            };
            let exprs = read.iter().map(value).collect();
            return self.add(Operator::Project { exprs }, made.class, &made.origin);
        }
        let is_added = self.is_repeatable(made.class) && self.memo.egraph.union(self.class, made.class);
        if is_added {
            self.switches.fire(&self.template.rule.name);
        }
        is_added
    }

    /// Whether the rows are the same whenever they are computed. Limits of a template are over total
    /// orders, and what stands below and beside them was looked at.
    fn is_repeatable(&self, class: Id) -> bool {
        let facts = self.memo.facts(class);
        !facts.is_stable_only && (!facts.is_volatile || self.template.holds_limit())
    }

    /// Where the guards hold and nothing depends on chance: the rule with the facts it leans on.
    fn origin(&self, bindings: &Bindings, rest: &Leftover) -> Option<Origin> {
        let arena = &self.memo.context().arena;
        let beside = rest.inputs.iter().chain(rest.branches.iter().map(|(input, _)| input));
        let is_repeatable = bindings.tables.iter().map(|(_, class)| class).chain(beside).all(|class| {
            let facts = self.memo.facts(*class);
            !facts.is_volatile && !facts.is_stable_only
        });
        let conjuncts =
            bindings.predicates.values().flatten().chain(bindings.scalars.values()).chain(&rest.holds).chain(&rest.on);
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
        | Operator::GroupingSets { .. }
        | Operator::Window { .. }
        | Operator::Unnest { .. }
        | Operator::Sort { .. }
        | Operator::Limit { .. }
        | Operator::SetOp { .. }
        | Operator::RecursiveUnion { .. }
        | Operator::WorkTable { .. }
        | Operator::Sample { .. }
        | Operator::ScanAt { .. }
        | Operator::Instance { .. } => {}
    }
    read.sort_unstable();
    read.dedup();
    read
}
