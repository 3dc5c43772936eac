//! Models in the place where they are read, so that a query reads tables alone.

use crate::{Arena, Output, Plan};

/// The query with every scan of a model replaced by what the model computes; `model` gives the
/// query of a key, itself inlined, and nothing for a table. An order of the model is not kept:
/// who reads it may not lean on it.
pub fn inlined(output: &Output, arena: &mut Arena, model: &dyn Fn(&str) -> Option<Output>) -> Output {
    Output { plan: plan(output.plan.clone(), arena, model), columns: output.columns.clone() }
}

fn plan(mut found: Plan, arena: &mut Arena, model: &dyn Fn(&str) -> Option<Output>) -> Plan {
    if let Plan::Scan { table, columns } = &found
        && let Some(read) = model(table)
    {
        let exprs = columns.iter().zip(&read.columns).map(|(&id, shown)| (id, arena.column_ref(shown.column)));
        let exprs = exprs.collect();
        let input = match read.plan {
            Plan::Sort { input, .. } => input,
            other => Box::new(other),
        };
        return Plan::Project { input, exprs };
    }
    for input in found.inputs_mut() {
        let taken = std::mem::replace(input, Plan::Empty { columns: Vec::new() });
        *input = plan(taken, arena, model);
    }
    found
}
