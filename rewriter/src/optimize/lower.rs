//! Models into the e-graph: views put in their readers' place, each model in normal form, its class, and
//! the reads of what is stored.

use std::sync::Arc;

use isomer_ir::{Arena, Bound, BoundProject, ColumnId, Materialise, Output, Plan, Scalar, Span};
use rustc_hash::{FxHashMap, FxHashSet};

use super::engines_work::{engine_cost, is_engines_work};
use super::{Entry, MAX_INLINED_OPERATORS};
use crate::memo::Memo;
use crate::normalize::{ModelRead, NormalModel, Normalizer};
use crate::operator::{Context, Operator};
use crate::plan_facts::estimate;
use crate::rule_set::Rules;
use crate::simplify::Switches;

/// Models in the e-graph.
pub(crate) struct Lowered {
    /// Those of the order.
    pub(crate) entries: Vec<Entry>,
    /// Positions of folded models, and the classes of what they compute: with and without the filters and
    /// projections on top.
    pub(crate) folded: Vec<(usize, egg::Id)>,
}

/// Normalises the models in order and adds them to the e-graph.
pub(crate) fn lower(
    project: &BoundProject,
    order: &[usize],
    rules: &Rules,
    switches: &mut Switches,
    memo: &mut Memo,
) -> Lowered {
    let mut reads: FxHashMap<Arc<str>, ModelRead> = FxHashMap::default();
    let mut inlined: FxHashMap<Arc<str>, Output> = FxHashMap::default();
    let mut entries = Vec::new();
    for &position in order {
        let model = &project.project.models[position];
        let Bound::Plan(output) = &project.models[position].bound else { continue };
        record_distinct_estimates(memo.context_mut(), &output.plan);
        let written = Output {
            plan: inline_views(&mut memo.context_mut().arena, &output.plan, &inlined),
            columns: output.columns.clone(),
        };
        switches.begin_model(rules.off_in(&project.project.settings, &model.key));
        for (rule, times) in &project.models[position].rules {
            for _ in 0..*times {
                switches.fire(rule);
            }
        }
        let normal = {
            let context = memo.context_mut();
            Normalizer::new(context, switches, &rules.templates, &reads).model(output.clone())
        };
        let base = memo.add_plan(&normal.plan);
        let class = add_root(memo, base, &normal);
        if model.materialise == Materialise::Table || model.materialise == Materialise::Temp {
            let ids: Vec<ColumnId> = normal.exprs.iter().map(|(id, _)| *id).collect();
            add_table_read(memo, class, &model.key, &ids);
            reads.insert(Arc::clone(&model.key), ModelRead::Table(ids));
        } else if written.plan.n_operators() <= MAX_INLINED_OPERATORS {
            reads.insert(Arc::clone(&model.key), ModelRead::Inline(unsorted(output.clone())));
            inlined.insert(Arc::clone(&model.key), unsorted(written.clone()));
        }
        let written_cost = if is_engines_work(&normal, &project.models[position].rules, switches) {
            let plan = Plan::Project { input: Box::new(normal.plan.clone()), exprs: normal.exprs.clone() };
            estimate(memo.context_mut(), &plan).1
        } else {
            engine_cost(memo, &reads, output)
        };
        entries.push(Entry { model: position, normal, class, written, written_cost });
    }
    switches.begin_model(FxHashSet::default());
    let folded = lower_folded(project, rules, switches, memo, &reads);
    memo.rebuild();
    Lowered { entries, folded }
}

/// Models that stand in their readers alone. They are nobody's rows, and no step is made for them: their
/// classes tell what is shared of them.
fn lower_folded(
    project: &BoundProject,
    rules: &Rules,
    switches: &Switches,
    memo: &mut Memo,
    reads: &FxHashMap<Arc<str>, ModelRead>,
) -> Vec<(usize, egg::Id)> {
    // What fires here is on nobody's way.
    let mut switches = switches.clone();
    let mut folded = Vec::new();
    for (position, bound) in project.models.iter().enumerate() {
        let Bound::Plan(output) = &bound.bound else { continue };
        if project.project.models[position].is_folded {
            let mut normal = Normalizer::new(memo.context_mut(), &mut switches, &rules.templates, reads);
            let normal = normal.model(unsorted(output.clone()));
            folded.push((position, memo.add_plan(&normal.plan)));
            let mut plan = &normal.plan;
            while let Plan::Filter { input, .. } | Plan::Project { input, .. } | Plan::Named { input, .. } = plan {
                plan = input;
                folded.push((position, memo.add_plan(plan)));
            }
        }
    }
    folded
}

pub(crate) fn unsorted(output: Output) -> Output {
    match output.plan {
        Plan::Sort { input, .. } => Output { plan: *input, columns: output.columns },
        plan => Output { plan, columns: output.columns },
    }
}

/// The class of the model's output columns.
pub(crate) fn add_root(memo: &mut Memo, base: egg::Id, normal: &NormalModel) -> egg::Id {
    let mut ids: Vec<ColumnId> = normal.exprs.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    let is_identity = ids == memo.columns(base)
        && normal.exprs.iter().all(|&(id, scalar)| memo.context().arena[scalar] == Scalar::Column(id));
    if is_identity { base } else { memo.add(Operator::Project { exprs: normal.exprs.clone() }, [base]) }
}

/// Reading the model's stored rows is one more way to have its class.
///
/// Not so when its rows depend on chance or on the time: computing them again gives others.
pub(super) fn add_table_read(memo: &mut Memo, class: egg::Id, key: &Arc<str>, ids: &[ColumnId]) {
    let facts = memo.facts(class);
    let (rows, is_repeatable) = (facts.rows, !facts.is_volatile && !facts.is_stable_only);
    if let Some(table) = memo.context_mut().catalog.get_mut(key) {
        table.n_rows = table.n_rows.or(Some(rows));
    }
    if !is_repeatable {
        return;
    }
    let scan = memo.add(Operator::Scan { table: Arc::clone(key), columns: ids.to_vec() }, []);
    // The catalog's facts of the model's table are its binder's; the class knows at least as much.
    memo.egraph.union(class, scan);
}

pub(super) fn record_distinct_estimates(context: &mut Context, plan: &Plan) {
    let mut stack = vec![plan];
    while let Some(plan) = stack.pop() {
        if let Plan::Scan { table, columns } = plan {
            let estimates: Vec<(ColumnId, f64)> = context
                .catalog
                .get(table)
                .map(|table| {
                    // Every row has a value of its own in a key of one column.
                    let is_key = |position: usize| table.keys.iter().any(|key| key.columns == [position]);
                    let of_key = |position: usize| if is_key(position) { table.n_rows } else { None };
                    let columns = table.columns.iter().zip(columns).enumerate();
                    columns
                        .filter_map(|(at, (column, &id))| Some((id, column.n_distinct.or_else(|| of_key(at))?)))
                        .collect()
                })
                .unwrap_or_default();
            for (id, estimate) in estimates {
                context.arena.set_n_distinct(id, estimate);
            }
        }
        stack.extend(plan.inputs());
    }
}

/// The written plan with views in the place of their names.
pub(super) fn inline_views(arena: &mut Arena, plan: &Plan, views: &FxHashMap<Arc<str>, Output>) -> Plan {
    let mut plan = plan.clone();
    if !views.is_empty() {
        replace_scans(arena, &mut plan, views);
    }
    plan
}

pub(super) fn replace_scans(arena: &mut Arena, plan: &mut Plan, views: &FxHashMap<Arc<str>, Output>) {
    if let Plan::Scan { table, columns } = plan {
        if let Some(view) = views.get(table) {
            let exprs = columns
                .iter()
                .zip(&view.columns)
                .map(|(&column, shown)| (column, arena.column_ref(shown.column)))
                .collect();
            let input =
                Plan::Named { input: Box::new(view.plan.clone()), name: Arc::clone(table), span: Span::default() };
            *plan = Plan::Project { input: Box::new(input), exprs };
        }
        return;
    }
    for input in plan.inputs_mut() {
        replace_scans(arena, input, views);
    }
}
