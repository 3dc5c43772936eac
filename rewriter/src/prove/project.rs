//! A model of a project as one query over the project's sources.

use std::sync::Arc;

use isomer_ir::semantics::inlined;
use isomer_ir::{Arena, Bound, BoundProject, Output};
use rustc_hash::FxHashMap;

/// Most operators of a model with everything upstream inlined.
const MAX_OPERATORS: usize = 4_000;

/// A model with every model that it reads in the place of its name. None for an opaque one, for one that
/// reads an opaque one, and for one that would grow too large.
pub fn over_sources(arena: &mut Arena, project: &BoundProject, position: usize) -> Option<Output> {
    let mut done: FxHashMap<Arc<str>, Output> = FxHashMap::default();
    // Upstream comes first in the order, so that what is read has been inlined itself.
    for &model in &project.order {
        let Bound::Plan(output) = &project.models[model].bound else { continue };
        let whole = inlined(output, arena, &|key| done.get(key).cloned());
        let reads_models = whole.plan.tables().iter().any(|table| project.model_position(table).is_some());
        let is_whole = !reads_models && whole.plan.n_operators() <= MAX_OPERATORS;
        if model == position {
            return is_whole.then_some(whole);
        }
        if is_whole {
            done.insert(Arc::clone(&project.project.models[model].key), whole);
        }
    }
    None
}
