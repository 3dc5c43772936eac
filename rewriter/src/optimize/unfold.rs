//! Models that are no objects of the database, in the place where they are read.
//!
//! Their readers' texts hold them already, so that what is optimised is what the database is given:
//! the models themselves are no steps of a pipeline. They are kept to be told of by name.

use std::sync::Arc;

use isomer_ir::{Bound, BoundProject};
use rustc_hash::FxHashMap;

use super::lower::{inline_views, unsorted};

/// Puts folded models into their readers, as plans and among what they read, and takes them out of the order.
///
/// A project without them, or one that was unfolded before, stays as it is. Every reader of a folded model
/// that is not understood was bound as the database reads it, so that no read of one is left.
pub fn unfold(project: &mut BoundProject) {
    let is_folded = |position: &usize| project.project.models[*position].is_folded;
    if !project.order.iter().any(is_folded) {
        return;
    }
    let mut plans = FxHashMap::default();
    let mut reads: FxHashMap<Arc<str>, Vec<Arc<str>>> = FxHashMap::default();
    for position in project.order.clone() {
        let (model, bound) = (&project.project.models[position], &mut project.models[position]);
        if bound.reads.iter().any(|key| reads.contains_key(key)) {
            let through = bound.reads.iter().flat_map(|key| reads.get(key).map_or(std::slice::from_ref(key), |of| of));
            let mut through: Vec<Arc<str>> = through.cloned().collect();
            through.sort_unstable();
            through.dedup();
            bound.reads = through;
        }
        if let Bound::Plan(output) = &mut bound.bound {
            output.plan = inline_views(&mut project.arena, &output.plan, &plans);
        }
        if model.is_folded {
            reads.insert(Arc::clone(&model.key), bound.reads.clone());
            if let Bound::Plan(output) = &bound.bound {
                plans.insert(Arc::clone(&model.key), unsorted(output.clone()));
            }
        }
    }
    project.order.retain(|position| !project.project.models[*position].is_folded);
}
