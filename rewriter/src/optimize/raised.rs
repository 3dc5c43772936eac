//! The chosen members of the e-graph as plans, and names of what is shared.

use std::sync::Arc;

use isomer_ir::{BoundProject, FOLDED_PREFIX, Materialise, Plan, fold};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::extract::{Event, Graph, Materialised, State};
use crate::memo::Memo;
use crate::operator::Operator;
use crate::raise::{Raiser, Step as PathStep};

/// A plan read off the e-graph.
pub(super) struct Raised {
    pub(super) plan: Plan,
    pub(super) cost: f64,
    pub(super) rows: f64,
    pub(super) steps: Vec<PathStep>,
    pub(super) class: usize,
    /// Names of the folded models whose work the class does, sorted.
    pub(super) work_of: Vec<Arc<str>>,
    /// For each step of the path the part before and after, with costs.
    pub(super) parts: Vec<(Plan, Plan, f64, f64)>,
}

#[derive(Default)]
pub(super) struct RaisedAll {
    pub(super) roots: Vec<Raised>,
    pub(super) shared: Vec<(Arc<str>, usize, Raised)>,
}

pub(super) fn raise(
    project: &BoundProject,
    memo: &mut Memo,
    graph: &Graph,
    materialised: &[Materialised],
    folded: &[(usize, egg::Id)],
) -> RaisedAll {
    let mut written = graph.written();
    let mut names: FxHashMap<usize, Arc<str>> = FxHashMap::default();
    let mut taken: FxHashSet<Arc<str>> = project.project.models.iter().map(|model| Arc::clone(&model.key)).collect();
    taken.extend(memo.context().catalog.tables().map(|table| Arc::clone(&table.key)));
    // A text that is not understood may read a table that nobody declared: it must not find a shared one.
    taken.extend(project.models.iter().flat_map(|model| model.reads.iter().cloned()));
    taken.extend(project.project.models.iter().flat_map(|model| model.declared_reads.iter().cloned()));
    // A step goes by one name.
    taken.extend(project.project.models.iter().filter(|model| model.is_folded).map(|model| fold(&model.name)));
    let unqualified: Vec<Arc<str>> = taken.iter().filter_map(|name| name.rsplit('.').next()).map(Arc::from).collect();
    taken.extend(unqualified);
    // Where a view may come to read it, a shared relation is a table that stays: its name must not be one
    // that the user gave to something else, which may be a table that no model mentions.
    let may_stay = project.project.models.iter().any(|model| model.materialise == Materialise::View);
    for shared in materialised {
        let work_of = work_of(project, memo, graph.id(shared.class), folded);
        let name = shared_name(memo, graph, shared.class, may_stay, work_of.first(), &mut taken);
        names.insert(shared.class, name);
    }
    let mut all = RaisedAll::default();
    graph.walk(materialised, false, &mut |event, state| match event {
        Event::Shared(shared) => {
            let raised = raise_class(memo, graph, state, &written, &names, shared.class);
            let work_of = work_of(project, memo, graph.id(shared.class), folded);
            let raised = Raised { work_of, ..raised };
            all.shared.push((Arc::clone(&names[&shared.class]), all.roots.len(), raised));
        }
        Event::Root(position) => {
            let class = graph.root_class(position);
            let is_shared = state.is_materialised(class);
            let mut raised = if is_shared {
                let columns = memo.columns(graph.id(class)).to_vec();
                Raised {
                    plan: Plan::Scan { table: Arc::clone(&names[&class]), columns },
                    cost: state.cost(class),
                    rows: graph.rows(class),
                    steps: Vec::new(),
                    class,
                    work_of: Vec::new(),
                    parts: Vec::new(),
                }
            } else {
                raise_class(memo, graph, state, &written, &names, class)
            };
            raised.class = class;
            all.roots.push(raised);
            // Later models read this one's rows, as they were written to.
            graph.store(&mut written, position);
        }
    });
    all
}

pub(super) fn raise_class(
    memo: &mut Memo,
    graph: &Graph,
    state: &State,
    written: &State,
    names: &FxHashMap<usize, Arc<str>>,
    class: usize,
) -> Raised {
    let mut raiser = Raiser { memo, graph, state, shared_names: names, steps: Vec::new() };
    let plan = raiser.plan(class, true);
    let steps = raiser.steps;
    let mut parts = Vec::with_capacity(steps.len());
    for step in &steps {
        // A relation that only a rule made was not written: the whole model is what changed.
        let part = if written.cost(step.class).is_finite() { step.class } else { class };
        let after = Raiser { memo, graph, state, shared_names: names, steps: Vec::new() }.plan(part, true);
        let (before, cost_before) = if written.cost(part).is_finite() {
            let before =
                Raiser { memo, graph, state: written, shared_names: names, steps: Vec::new() }.plan(part, true);
            (before, written.cost(part))
        } else {
            (after.clone(), state.cost(part))
        };
        parts.push((before, after, cost_before, state.cost(part)));
    }
    Raised {
        plan,
        cost: graph.statement_cost(state, class),
        rows: graph.rows(class),
        steps,
        class,
        work_of: Vec::new(),
        parts,
    }
}

/// Names of the folded models whose work a class does.
fn work_of(project: &BoundProject, memo: &Memo, class: egg::Id, folded: &[(usize, egg::Id)]) -> Vec<Arc<str>> {
    let is_it = |id: egg::Id| memo.egraph.find(id) == memo.egraph.find(class);
    let positions = folded.iter().filter(|(_, id)| is_it(*id)).map(|(position, _)| *position);
    let mut names: Vec<Arc<str>> = positions.map(|at| Arc::clone(&project.project.models[at].name)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The name a user gave to the relation or to one it serves; otherwise one from its content.
pub(super) fn shared_name(
    memo: &Memo,
    graph: &Graph,
    class: usize,
    may_stay: bool,
    folded: Option<&Arc<str>>,
    taken: &mut FxHashSet<Arc<str>>,
) -> Arc<str> {
    let id = graph.id(class);
    let base = match (folded, memo.names(id).first()) {
        (Some(name), _) => format!("shared_{}", plain(&name.to_lowercase())),
        (None, Some(name)) => match name.strip_prefix(FOLDED_PREFIX) {
            // A tool's name for an expression is not its author's.
            Some(name) => format!("shared_{}", name.to_lowercase()),
            None if may_stay => format!("shared_{}", name.to_lowercase()),
            None => name.to_lowercase(),
        },
        (None, None) => content_name(memo, id),
    };
    let mut name: Arc<str> = Arc::from(base.as_str());
    let mut n = 2;
    while !taken.insert(Arc::clone(&name)) {
        name = Arc::from(format!("{base}_{n}"));
        n += 1;
    }
    name
}

pub(super) fn content_name(memo: &Memo, id: egg::Id) -> String {
    let mut tables: Vec<String> = Vec::new();
    let mut suffix = String::new();
    let mut stack = vec![id];
    let mut seen: FxHashSet<egg::Id> = FxHashSet::default();
    while let Some(class) = stack.pop() {
        if !seen.insert(class) {
            continue;
        }
        let Some(node) = memo.egraph[class].nodes.first() else { continue };
        match memo.operator(node) {
            Operator::Scan { table, .. } => {
                let short: String = table
                    .rsplit('.')
                    .next()
                    .unwrap_or(table)
                    .chars()
                    .filter(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                if !tables.contains(&short) && tables.len() < 2 {
                    tables.push(short);
                }
            }
            Operator::Aggregate { keys, .. } if suffix.is_empty() => {
                let hints: Vec<String> =
                    keys.iter().take(2).map(|(key, _)| memo.context().arena.hint(*key).to_lowercase()).collect();
                suffix = if hints.is_empty() { "_total".to_owned() } else { format!("_by_{}", hints.join("_and_")) };
            }
            _ => {}
        }
        stack.extend(node.inputs.iter().rev().map(|&input| memo.egraph.find(input)));
    }
    let name = format!("shared_{}{suffix}", tables.join("_"));
    plain(&name)
}

/// A name without what would have to be quoted.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect()
}
