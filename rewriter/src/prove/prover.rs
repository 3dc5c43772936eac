//! The state of one attempt at a proof by sums.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use isomer_ir::{ColumnDef, ColumnId, Output, Plan, ScalarId, SortKey};

use super::alike::Places;
use super::group::is_null_literal;
use super::sum::{Atom, Sum};
use crate::normalize::NormalModel;
use crate::operator::Context;
use crate::simplify::{Simplifier, Switches};
use crate::templates::ScalarTemplates;

/// A query as the prover takes it: a plan, what it shows, and the order of its rows.
pub(super) struct Shape {
    plan: Plan,
    shows: Vec<ScalarId>,
    order: Vec<SortKey>,
}

impl Shape {
    pub(super) fn normal(normal: NormalModel) -> Self {
        let shows = normal.exprs.iter().map(|(_, scalar)| *scalar).collect();
        let order = if normal.order.is_empty() { order_of(&normal.plan) } else { normal.order };
        Self { plan: normal.plan, shows, order }
    }

    pub(super) fn written(context: &mut Context, output: &Output) -> Self {
        let shows = output.columns.iter().map(|column| context.arena.column_ref(column.column)).collect();
        Self { plan: output.plan.clone(), shows, order: order_of(&output.plan) }
    }
}

/// The order in which a plan's rows come out.
fn order_of(plan: &Plan) -> Vec<SortKey> {
    match plan {
        Plan::Sort { keys, .. } => keys.clone(),
        Plan::Limit { input, .. } | Plan::Named { input, .. } => order_of(input),
        _ => Vec::new(),
    }
}

/// Steps of search that one attempt may take.
const BUDGET: u32 = 4_000;

/// The state of one attempt.
pub(crate) struct Prover<'a> {
    pub(crate) context: &'a mut Context,
    switches: &'a mut Switches,
    templates: &'a ScalarTemplates,
    simplifier: Simplifier,
    /// Columns of variables that hold no NULL.
    pub(crate) not_null: BTreeSet<ColumnId>,
    pub(crate) known_places: Vec<(Rc<Atom>, Rc<Atom>, Option<Places>)>,
    n_fresh: u32,
    budget: u32,
    pub(super) assumptions: BTreeSet<&'static str>,
}

impl<'a> Prover<'a> {
    pub(super) fn new(context: &'a mut Context, switches: &'a mut Switches, templates: &'a ScalarTemplates) -> Self {
        Self {
            context,
            switches,
            templates,
            simplifier: Simplifier::default(),
            not_null: BTreeSet::new(),
            known_places: Vec::new(),
            n_fresh: 0,
            budget: BUDGET,
            assumptions: BTreeSet::new(),
        }
    }

    /// Whether two queries give the same rows. Order counts where both have one; the keys are then
    /// compared as if they were shown.
    pub(super) fn proves(&mut self, left: &Shape, right: &Shape) -> bool {
        let directions =
            |shape: &Shape| shape.order.iter().map(|key| (key.is_descending, key.is_nulls_first)).collect::<Vec<_>>();
        if directions(left) != directions(right) || left.shows.len() != right.shows.len() {
            return false;
        }
        let sums = [left, right].map(|shape| {
            let keys = shape.order.iter().map(|key| key.scalar);
            let shows: Vec<ScalarId> = shape.shows.iter().copied().chain(keys).collect();
            self.sum(&shape.plan, &shows, false)
        });
        let [Some(a), Some(b)] = sums else { return false };
        for place in 0..left.shows.len() {
            let (one, other) = (left.shows[place], right.shows[place]);
            let types = [one, other].map(|shown| self.context.arena.type_of(shown));
            let is_null = |sum: &Sum| sum.iter().all(|term| is_null_literal(&self.context.arena, term.shows[place]));
            if types[0] != types[1] && (is_null(&a) || is_null(&b)) {
                self.assume("a column of NULLs counts as equal in any type");
            } else if types[0] != types[1] {
                if !(types[0].is_integer() && types[1].is_integer()) {
                    return false;
                }
                self.assume("integers of other widths count as equal");
            }
        }
        // A search that ran out of steps may have dropped what it did not finish.
        self.sums_alike(&a, &b, false) && self.budget > 0
    }

    /// A query as a sum, as text.
    pub(super) fn described(&mut self, shape: &Shape) -> String {
        let sum = self.sum(&shape.plan, &shape.shows, false);
        sum.map_or_else(String::new, |sum| super::describe::describe(&sum, &self.context.arena))
    }

    /// A column of its own, of another's type and name.
    pub(crate) fn fresh(&mut self, like: ColumnId) -> ColumnId {
        self.n_fresh += 1;
        let arena = &mut self.context.arena;
        let hint = Arc::clone(arena.hint(like));
        let data_type = arena.column_type(like);
        let column = Arc::from(format!("{} {data_type}", self.n_fresh));
        let def = ColumnDef::Base { table: Arc::from("#row"), column };
        arena.column(def, data_type, &hint)
    }

    /// Takes steps off the budget; none when it is spent.
    pub(crate) fn spend(&mut self, steps: u32) -> Option<()> {
        self.budget = self.budget.checked_sub(steps)?;
        Some(())
    }

    pub(crate) fn assume(&mut self, what: &'static str) {
        self.assumptions.insert(what);
    }

    pub(crate) fn simplified(&mut self, scalar: ScalarId) -> ScalarId {
        self.simplifier.scalar(&mut self.context.arena, scalar, self.switches, self.templates)
    }

    pub(crate) fn holds(&mut self, conds: &[ScalarId]) -> Vec<ScalarId> {
        self.simplifier.holds(&mut self.context.arena, conds, self.switches, self.templates)
    }
}
