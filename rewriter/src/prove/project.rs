//! A model of a project as one query over the project's sources.

use std::sync::Arc;

use isomer_ir::{Arena, Bound, BoundProject, Output, Plan};
use rustc_hash::FxHashMap;

/// Most operators of a model with everything upstream inlined.
const MAX_OPERATORS: usize = 4_000;

/// A model with every model that it reads in the place of its name. None for an opaque one, for one that
/// reads an opaque one, and for one that would grow too large.
pub fn inlined(arena: &mut Arena, project: &BoundProject, position: usize) -> Option<Output> {
    let mut done: FxHashMap<Arc<str>, Output> = FxHashMap::default();
    // Upstream comes first in the order, so that what is read has been inlined itself.
    for &model in &project.order {
        let Bound::Plan(output) = &project.models[model].bound else { continue };
        let mut whole = output.clone();
        let is_whole = replace(arena, project, &mut whole.plan, &done) && n_operators(&whole.plan) <= MAX_OPERATORS;
        if model == position {
            return is_whole.then_some(whole);
        }
        if is_whole {
            done.insert(Arc::clone(&project.project.models[model].key), whole);
        }
    }
    None
}

fn replace(arena: &mut Arena, project: &BoundProject, plan: &mut Plan, done: &FxHashMap<Arc<str>, Output>) -> bool {
    if let Plan::Scan { table, columns } = plan {
        if let Some(output) = done.get(table) {
            let exprs = columns
                .iter()
                .zip(&output.columns)
                .map(|(&column, shown)| (column, arena.column_ref(shown.column)))
                .collect();
            let input = match output.plan.clone() {
                Plan::Sort { input, .. } => input,
                plan => Box::new(plan),
            };
            *plan = Plan::Project { input, exprs };
            return true;
        }
        return project.model_position(table).is_none();
    }
    let mut is_whole = true;
    for input in plan.inputs_mut() {
        is_whole &= replace(arena, project, input, done);
    }
    is_whole
}

fn n_operators(plan: &Plan) -> usize {
    let mut n = 0;
    let mut stack = vec![plan];
    while let Some(plan) = stack.pop() {
        n += 1;
        stack.extend(plan.inputs());
    }
    n
}
