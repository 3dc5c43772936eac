//! The steps of a pipeline: shared relations and models, those that change and those that stay.

use std::collections::BTreeMap;
use std::sync::Arc;

use isomer_ir::{
    Bound, BoundProject, ColumnId, Diagnostic, Materialise, Output, OutputColumn, Plan, Scalar, SortKey, Span, Step,
    StepKind,
};
use rustc_hash::FxHashMap;

use super::Entry;
use super::raised::{Raised, RaisedAll};
use super::stored::output_of;
use super::told::{applied_rules, path_rules};
use crate::memo::Memo;
use crate::normalize::{Definitions, NormalModel};

pub(super) fn build_steps(
    project: &BoundProject,
    entries: &[Entry],
    memo: &mut Memo,
    raised: RaisedAll,
    is_changed: &[bool],
    stored: &FxHashMap<Arc<str>, Vec<ColumnId>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut shared = raised.shared.into_iter().peekable();
    let mut roots = raised.roots.into_iter().enumerate();
    for &position in &project.order {
        let model = &project.project.models[position];
        let Bound::Plan(output) = &project.models[position].bound else {
            steps.push(opaque_step(project, position));
            continue;
        };
        let Some((index, root)) = roots.next() else { continue };
        while let Some((name, _, relation)) = shared.next_if(|(_, first, _)| *first <= index) {
            steps.push(shared_step(memo, &name, relation, &stored[&name]));
        }
        let entry = &entries[index];
        let mut step = Step {
            name: Arc::clone(&model.name),
            kind: StepKind::Model,
            materialise: model.materialise,
            output: Some(output.clone()),
            is_changed: false,
            work_of: Vec::new(),
            reads: project.models[position].reads.clone(),
            consumers: Vec::new(),
            cost_before: entry.written_cost,
            cost_after: entry.written_cost,
            n_rows: root.rows,
            rules: Vec::new(),
        };
        if is_changed[index] {
            match changed_output(memo, &entry.normal, &entry.written.columns, root.plan.clone()) {
                Some(chosen) => {
                    step.reads = chosen.plan.tables();
                    step.rules = applied_rules(memo, entry, &root, &chosen, stored);
                    step.output = Some(chosen);
                    step.is_changed = true;
                    step.cost_after = root.cost;
                }
                None => diagnostics.push(
                    Diagnostic::note(
                        "PLAN-0002",
                        &model.path,
                        Span::default(),
                        format!("the chosen plan of `{}` failed validation and was not used", model.name),
                    )
                    .with_help("the model is handed back as written; please report this"),
                ),
            }
        }
        steps.push(step);
    }
    add_consumers(project, &mut steps);
    steps
}

pub(super) fn opaque_step(project: &BoundProject, position: usize) -> Step {
    let model = &project.project.models[position];
    Step {
        name: Arc::clone(&model.name),
        kind: StepKind::Opaque,
        materialise: model.materialise,
        output: None,
        is_changed: false,
        work_of: Vec::new(),
        reads: project.models[position].reads.clone(),
        consumers: Vec::new(),
        cost_before: 0.0,
        cost_after: 0.0,
        n_rows: 0.0,
        rules: Vec::new(),
    }
}

pub(super) fn shared_step(memo: &mut Memo, name: &Arc<str>, relation: Raised, columns: &[ColumnId]) -> Step {
    let reads = relation.plan.tables();
    let row_cost = crate::cost::row_cost(&memo.context().arena, columns);
    let cost_after = relation.cost + crate::cost::write_cost(relation.rows, row_cost);
    let rules = path_rules(memo, &relation);
    let mut output = output_of(memo.context(), relation.plan, columns);
    if let Some(table) = memo.context().catalog.get(name) {
        for (column, stored) in output.columns.iter_mut().zip(&table.columns) {
            column.name = Arc::clone(&stored.name);
            column.is_nullable = stored.is_nullable;
        }
    }
    Step {
        name: Arc::clone(name),
        kind: StepKind::Shared,
        materialise: Materialise::Temp,
        output: Some(output),
        is_changed: true,
        work_of: relation.work_of,
        reads,
        consumers: Vec::new(),
        cost_before: 0.0,
        cost_after,
        n_rows: relation.rows,
        rules,
    }
}

/// The chosen plan with the model's own names and order, or `None` if it lost a column or its type.
pub(crate) fn changed_output(
    memo: &mut Memo,
    normal: &NormalModel,
    shows: &[OutputColumn],
    mut plan: Plan,
) -> Option<Output> {
    let exposed = plan.columns(&mut memo.context_mut().arena);
    if !normal.order.is_empty() {
        plan = ordered(memo, plan, normal, &exposed)?;
    }
    let mut columns = Vec::with_capacity(shows.len());
    for (written, (id, _)) in shows.iter().zip(&normal.exprs) {
        if !exposed.contains(id)
            || memo.context().arena.column_type(*id) != memo.context().arena.column_type(written.column)
        {
            return None;
        }
        columns.push(OutputColumn { name: Arc::clone(&written.name), column: *id, is_nullable: written.is_nullable });
    }
    crate::validate::validate(&mut memo.context_mut().arena, &plan).ok()?;
    Some(Output { plan, columns })
}

/// The model's final order over its output columns. A key that the output does not show is computed
/// beside it, which needs the projection at the root to be the plan's own.
pub(super) fn ordered(memo: &mut Memo, plan: Plan, normal: &NormalModel, exposed: &[ColumnId]) -> Option<Plan> {
    let arena = &mut memo.context_mut().arena;
    let shown: Definitions = normal.exprs.iter().map(|&(id, scalar)| (id, scalar)).collect();
    let mut keys: Vec<SortKey> = Vec::with_capacity(normal.order.len());
    let mut hidden = Vec::new();
    for key in &normal.order {
        let column = normal.exprs.iter().find(|(_, scalar)| *scalar == key.scalar).map(|(id, _)| *id);
        let column = match column {
            Some(column) => column,
            None => {
                let reads_output = arena.columns_of(key.scalar).iter().all(|column| {
                    exposed.contains(column)
                        && shown.get(column).is_some_and(|&scalar| arena[scalar] == Scalar::Column(*column))
                });
                if reads_output {
                    keys.push(*key);
                    continue;
                }
                let column = arena.computed_column(key.scalar, "sort_key");
                hidden.push((column, key.scalar));
                column
            }
        };
        keys.push(SortKey { scalar: arena.column_ref(column), ..*key });
    }
    let plan = if hidden.is_empty() {
        plan
    } else {
        match plan {
            Plan::Project { input, mut exprs } => {
                let below = input.columns(arena);
                if !hidden.iter().all(|&(_, scalar)| arena.reads_only(scalar, &below)) {
                    return None;
                }
                exprs.extend(hidden);
                Plan::Project { input, exprs }
            }
            _ => return None,
        }
    };
    Some(Plan::Sort { input: Box::new(plan), keys })
}

/// Fills in who reads what. A name is a model's or a shared relation's.
pub(super) fn add_consumers(project: &BoundProject, steps: &mut [Step]) {
    let keys: BTreeMap<Arc<str>, Arc<str>> =
        project.project.models.iter().map(|model| (Arc::clone(&model.name), Arc::clone(&model.key))).collect();
    for position in 0..steps.len() {
        let key = match steps[position].kind {
            StepKind::Shared => Arc::clone(&steps[position].name),
            StepKind::Model | StepKind::Opaque => {
                keys.get(&steps[position].name).map_or_else(|| Arc::clone(&steps[position].name), Arc::clone)
            }
        };
        let mut consumers: Vec<Arc<str>> =
            steps.iter().filter(|step| step.reads.contains(&key)).map(|step| Arc::clone(&step.name)).collect();
        consumers.sort_unstable();
        // A view outlives the session, and so must what it reads.
        let is_read_by_view =
            steps.iter().any(|step| consumers.contains(&step.name) && step.materialise == Materialise::View);
        if steps[position].kind == StepKind::Shared && is_read_by_view {
            steps[position].materialise = Materialise::Table;
        }
        steps[position].consumers = consumers;
    }
}
