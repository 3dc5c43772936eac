//! Pipelines held to the models as written, on the reference interpreter.

use std::collections::BTreeMap;
use std::sync::Arc;

use isomer_ir::semantics::inlined;
use isomer_ir::semantics::search::{Budget, Search, counterexample};
use isomer_ir::{Bound, Output};
use isomer_service::optimize::Optimised;

/// Searches each changed step of a pipeline for rows that tell it from its model as written. Steps are
/// followed down to tables, so that shared ones are compared with what they stand for.
#[must_use]
pub fn search(optimised: &mut Optimised, budget: &Budget) -> Vec<(Arc<str>, Search)> {
    let project = &mut optimised.project;
    let mut written: BTreeMap<Arc<str>, Output> = BTreeMap::new();
    for position in project.order.clone() {
        let Bound::Plan(output) = &project.models[position].bound else { continue };
        let output = inlined(&output.clone(), &mut project.arena, &|key| written.get(key).cloned());
        written.insert(Arc::clone(&project.project.models[position].key), output);
    }
    let mut chosen: BTreeMap<Arc<str>, Output> = BTreeMap::new();
    let mut searches = Vec::new();
    for step in &optimised.pipeline.steps {
        let model = project.project.models.iter().find(|model| model.name == step.name);
        let key = model.map_or_else(|| Arc::clone(&step.name), |model| Arc::clone(&model.key));
        let Some(output) = &step.output else { continue };
        let output = inlined(output, &mut project.arena, &|key| chosen.get(key).cloned());
        if let Some(written) = written.get(&key).filter(|written| **written != output) {
            let found = counterexample(written, &output, &project.arena, &project.project.catalog, budget);
            searches.push((Arc::clone(&step.name), found));
        }
        chosen.insert(key, output);
    }
    searches
}
