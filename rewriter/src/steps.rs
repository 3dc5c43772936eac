//! Steps of recursions in one form, in which those of two models are compared: a step is no class of the
//! e-graph, so what the e-graph does for other relations is done here.

use isomer_ir::{JoinKind, Plan};

use crate::normalize::joins::{flat_inputs, left_deep};

/// A step in normal form without names, the inputs of inner joins and all conditions in one order.
pub(crate) fn bare(step: &Plan) -> Plan {
    let mut plan = step.clone();
    lay_out(&mut plan);
    plan
}

fn lay_out(plan: &mut Plan) {
    while let Plan::Named { input, .. } = plan {
        *plan = std::mem::replace(&mut **input, Plan::Empty { columns: Vec::new() });
    }
    if let Plan::Join { kind: JoinKind::Inner, .. } = plan {
        let (mut inputs, mut on) = (Vec::new(), Vec::new());
        flat_inputs(plan, &mut inputs, &mut on);
        let mut inputs: Vec<Plan> = inputs.into_iter().cloned().collect();
        inputs.iter_mut().for_each(lay_out);
        inputs.sort_by_cached_key(|input| format!("{input:?}"));
        on.sort_unstable();
        on.dedup();
        *plan = left_deep(inputs, on);
        return;
    }
    match plan {
        Plan::Filter { holds, .. } => holds.sort_unstable(),
        Plan::Join { on, .. } => on.sort_unstable(),
        Plan::Project { exprs, .. } => exprs.sort_by_key(|(id, _)| *id),
        Plan::Aggregate { keys, calls, .. } => {
            keys.sort_by_key(|(id, _)| *id);
            calls.sort_by_key(|(id, _)| *id);
        }
        Plan::Window { calls, .. } => calls.sort_by_key(|(id, _)| *id),
        Plan::Scan { .. }
        | Plan::Values { .. }
        | Plan::Empty { .. }
        | Plan::GroupingSets { .. }
        | Plan::Distinct { .. }
        | Plan::Unnest { .. }
        | Plan::Sort { .. }
        | Plan::Limit { .. }
        | Plan::SetOp { .. }
        | Plan::RecursiveUnion { .. }
        | Plan::WorkTable { .. }
        | Plan::Sample { .. }
        | Plan::ScanAt { .. }
        | Plan::Instance { .. }
        | Plan::Named { .. }
        | Plan::Hole { .. } => {}
    }
    plan.inputs_mut().into_iter().for_each(lay_out);
}
