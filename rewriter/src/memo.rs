//! The e-graph of a project: classes of equal relations, with facts, provenance and hints.

use std::sync::Arc;

use egg::{Analysis, DidMerge, EGraph, Id};
use isomer_ir::{ColumnId, Plan, SetOpKind};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::facts::{Facts, facts_of};
use crate::operator::{Context, Node, Operator};
use crate::plan_facts::operator_of;

/// The facts of each class are the e-graph's analysis; its state is the context.
#[derive(Debug, Default)]
pub(crate) struct FactAnalysis {
    pub(crate) context: Context,
}

impl Analysis<Node> for FactAnalysis {
    type Data = Facts;

    fn make(egraph: &mut EGraph<Node, Self>, node: &Node, _id: Id) -> Facts {
        // Taken out for the time, so that the inputs' facts need not be copied.
        let mut context = std::mem::take(&mut egraph.analysis.context);
        let inputs: SmallVec<[&Facts; 2]> = node.inputs.iter().map(|&input| &egraph[input].data).collect();
        let operator = context.operator(node.operator).clone();
        let facts = facts_of(&mut context, &operator, &inputs);
        drop(inputs);
        egraph.analysis.context = context;
        facts
    }

    /// Facts of equal relations hold together. The schema is equal by the check in [`Memo::union`].
    fn merge(&mut self, to: &mut Facts, from: Facts) -> DidMerge {
        let before = to.clone();
        to.keys.extend(from.keys.iter().cloned());
        to.not_null.extend(from.not_null.iter().copied());
        to.constants.extend(from.constants.iter().copied());
        to.max_rows = match (to.max_rows, from.max_rows) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        to.has_row |= from.has_row;
        to.is_volatile |= from.is_volatile;
        to.is_stable_only |= from.is_stable_only;
        // Not the least: that would be systematically optimistic, and depend on what is found.
        to.rows = to.rows.max(from.rows);
        to.tidy_merged();
        DidMerge(*to != before, *to != from)
    }
}

/// How a node came into its class.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) rule: Arc<str>,
    pub(crate) facts: Vec<String>,
}

/// A union that was refused because the schemas differ: a bug of the rule.
#[derive(Debug, Clone)]
pub(crate) struct RefusedUnion {
    pub(crate) rule: Arc<str>,
}

/// The e-graph with what is kept beside it.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    pub(crate) egraph: EGraph<Node, FactAnalysis>,
    origins: FxHashMap<Node, Origin>,
    names: FxHashMap<Id, Vec<Arc<str>>>,
    pub(crate) refused: Vec<RefusedUnion>,
}

impl Memo {
    pub(crate) fn new(context: Context) -> Self {
        Self { egraph: EGraph::new(FactAnalysis { context }), ..Self::default() }
    }

    pub(crate) fn context(&self) -> &Context {
        &self.egraph.analysis.context
    }

    pub(crate) fn context_mut(&mut self) -> &mut Context {
        &mut self.egraph.analysis.context
    }

    pub(crate) fn facts(&self, class: Id) -> &Facts {
        &self.egraph[class].data
    }

    pub(crate) fn operator(&self, node: &Node) -> &Operator {
        self.context().operator(node.operator)
    }

    /// Adds an operator. Inputs whose order means nothing are put in the order of their ids.
    pub(crate) fn add(&mut self, operator: Operator, inputs: impl IntoIterator<Item = Id>) -> Id {
        let mut inputs: SmallVec<[Id; 2]> = inputs.into_iter().map(|input| self.egraph.find(input)).collect();
        if let Operator::InnerJoin { .. } = operator {
            inputs.sort_unstable();
        }
        let operator = match operator {
            Operator::SetOp { kind, taken, columns } => ordered_set_op(kind, &taken, &columns, &mut inputs),
            operator => operator,
        };
        let operator = self.context_mut().intern(operator);
        self.egraph.add(Node { operator, inputs })
    }

    /// Adds a plan in normal form, bottom-up.
    pub(crate) fn add_plan(&mut self, plan: &Plan) -> Id {
        match plan {
            Plan::Named { input, name, .. } => {
                let id = self.add_plan(input);
                self.name(id, name);
                id
            }
            Plan::Distinct { input } => {
                let id = self.add_plan(input);
                let columns = self.facts(id).columns.clone();
                let keys =
                    columns.into_iter().map(|column| (column, self.context_mut().arena.column_ref(column))).collect();
                self.add(Operator::Aggregate { keys, calls: Vec::new() }, [id])
            }
            _ => {
                let Some((operator, inputs)) = operator_of(plan) else {
                    return self.add(Operator::Empty { columns: Vec::new() }, []);
                };
                let inputs: Vec<Id> = inputs.into_iter().map(|input| self.add_plan(input)).collect();
                let operator = match operator {
                    Operator::RecursiveUnion { recursion } => {
                        let recursion = Box::new(self.context_mut().with_bare_step(*recursion));
                        Operator::RecursiveUnion { recursion }
                    }
                    operator => operator,
                };
                self.add(operator, inputs)
            }
        }
    }

    /// Remembers what a user called a class.
    pub(crate) fn name(&mut self, class: Id, name: &Arc<str>) {
        let names = self.names.entry(class).or_default();
        if !names.contains(name) {
            names.push(Arc::clone(name));
        }
    }

    /// What users called a class, first seen first.
    pub(crate) fn names(&self, class: Id) -> &[Arc<str>] {
        self.names.get(&self.egraph.find(class)).map_or(&[], Vec::as_slice)
    }

    /// Adds `operator` over `inputs` to `class` on behalf of a rule. The union is refused, and the
    /// rule named, when the schemas differ.
    pub(crate) fn add_equal(&mut self, class: Id, operator: Operator, inputs: &[Id], origin: &Origin) -> bool {
        let before = self.egraph.total_number_of_nodes();
        let added = self.add(operator, inputs.iter().copied());
        let node = self.egraph[added].nodes.last().cloned();
        if self.facts(added).columns != self.facts(class).columns {
            self.refused.push(RefusedUnion { rule: Arc::clone(&origin.rule) });
            return false;
        }
        if let (Some(node), true) = (node, self.egraph.total_number_of_nodes() > before) {
            self.origins.insert(node, origin.clone());
        }
        self.egraph.union(class, added)
    }

    /// Adds an operator that a rule made, in a class of its own.
    pub(crate) fn add_made(&mut self, operator: Operator, inputs: &[Id], origin: &Origin) -> Id {
        let before = self.egraph.total_number_of_nodes();
        let added = self.add(operator, inputs.iter().copied());
        if self.egraph.total_number_of_nodes() > before
            && let Some(node) = self.egraph[added].nodes.last().cloned()
        {
            self.origins.insert(node, origin.clone());
        }
        added
    }

    /// Restores the invariants after unions, and re-keys what is kept beside the e-graph.
    pub(crate) fn rebuild(&mut self) {
        self.egraph.rebuild();
        let egraph = &self.egraph;
        let mut origins: Vec<(Node, Origin)> = self.origins.drain().collect();
        origins.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (mut node, origin) in origins {
            for input in &mut node.inputs {
                *input = egraph.find(*input);
            }
            self.origins.entry(node).or_insert(origin);
        }
        let mut names: Vec<(Id, Vec<Arc<str>>)> = self.names.drain().collect();
        names.sort_by_key(|(id, _)| *id);
        for (id, list) in names {
            let entry = self.names.entry(egraph.find(id)).or_default();
            for name in list {
                if !entry.contains(&name) {
                    entry.push(name);
                }
            }
        }
    }

    /// The rule that made a node, if one did.
    pub(crate) fn origin(&self, node: &Node) -> Option<&Origin> {
        self.origins.get(node)
    }

    /// The ids of all classes, sorted.
    pub(crate) fn class_ids(&self) -> Vec<Id> {
        let mut ids: Vec<Id> = self.egraph.classes().map(|class| class.id).collect();
        ids.sort_unstable();
        ids
    }

    /// Whether no two of the classes expose one column, so that a join of them is a relation.
    pub(crate) fn are_disjoint(&self, classes: &[Id]) -> bool {
        let mut all: Vec<ColumnId> = classes.iter().flat_map(|&class| self.columns(class).iter().copied()).collect();
        let n = all.len();
        all.sort_unstable();
        all.dedup();
        all.len() == n
    }

    /// The schema of a class.
    pub(crate) fn columns(&self, class: Id) -> &[ColumnId] {
        &self.facts(class).columns
    }
}

/// A set operation with its columns in the order of their ids, and with those inputs that may stand in
/// any order in the order of theirs.
fn ordered_set_op(
    kind: SetOpKind,
    taken: &[Vec<ColumnId>],
    columns: &[ColumnId],
    inputs: &mut SmallVec<[Id; 2]>,
) -> Operator {
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by_key(|&position| columns[position]);
    let ordered = |list: &[ColumnId]| order.iter().filter_map(|&position| list.get(position).copied()).collect();
    let mut branches: Vec<(Id, Vec<ColumnId>)> =
        inputs.iter().copied().zip(taken.iter().map(|list| ordered(list))).collect();
    let n_fixed = usize::from(matches!(kind, SetOpKind::Except | SetOpKind::ExceptAll));
    if let Some(free) = branches.get_mut(n_fixed..) {
        free.sort_unstable();
    }
    *inputs = branches.iter().map(|(input, _)| *input).collect();
    Operator::SetOp { kind, taken: branches.into_iter().map(|(_, taken)| taken).collect(), columns: ordered(columns) }
}
