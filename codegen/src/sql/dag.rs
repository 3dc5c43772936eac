//! The plan as a graph in which equal sub-plans are one node, with the columns that each node must
//! give and the nodes that are written once, as CTEs.

use std::sync::Arc;

use indexmap::IndexMap;
use isomer_ir::{
    AggregateCall, Arena, ColumnId, GroupingSets, JoinKind, Plan, Recursion, Sampling, ScalarId, SetOpKind, SortKey,
    TableVersion, WindowCall,
};
use rustc_hash::{FxBuildHasher, FxHashSet};

/// A node; inputs have smaller numbers than what reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NodeId(u32);

impl NodeId {
    /// Position in the graph.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A plan's operator with its inputs as nodes. `Named` is no operator: it names its input's node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Op<'p> {
    Scan {
        table: &'p Arc<str>,
        columns: &'p [ColumnId],
    },
    Values {
        columns: &'p [ColumnId],
        rows: &'p [Vec<ScalarId>],
    },
    Empty {
        columns: &'p [ColumnId],
    },
    Filter {
        input: NodeId,
        holds: &'p [ScalarId],
    },
    Project {
        input: NodeId,
        exprs: &'p [(ColumnId, ScalarId)],
    },
    Join {
        kind: JoinKind,
        left: NodeId,
        right: NodeId,
        on: &'p [ScalarId],
    },
    Aggregate {
        input: NodeId,
        keys: &'p [(ColumnId, ScalarId)],
        calls: &'p [(ColumnId, AggregateCall)],
    },
    GroupingSets {
        input: NodeId,
        groups: &'p GroupingSets,
    },
    Distinct {
        input: NodeId,
    },
    Window {
        input: NodeId,
        calls: &'p [(ColumnId, WindowCall)],
    },
    Unnest {
        input: NodeId,
        list: ScalarId,
        column: ColumnId,
        position: Option<ColumnId>,
        is_outer: bool,
    },
    Sort {
        input: NodeId,
        keys: &'p [SortKey],
    },
    Limit {
        input: NodeId,
        skip: u64,
        fetch: Option<u64>,
    },
    /// The inputs' nodes are kept beside the graph, from `first` on.
    Combine {
        kind: SetOpKind,
        inputs: &'p [(Plan, Vec<ColumnId>)],
        first: u32,
        columns: &'p [ColumnId],
    },
    /// The step is a graph of its own: what it computes of the round before is computed anew each round.
    RecursiveUnion {
        input: NodeId,
        recursion: &'p Recursion,
        step: u32,
    },
    WorkTable {
        columns: &'p [ColumnId],
    },
    Sample {
        input: NodeId,
        sampling: &'p Sampling,
    },
    ScanAt {
        table: &'p Arc<str>,
        version: TableVersion,
        columns: &'p [ColumnId],
    },
    Instance {
        input: NodeId,
        k: u32,
    },
    Hole {
        index: u32,
    },
}

/// A node's place in the statement.
#[derive(Debug, Default)]
pub(super) struct NodeInfo<'p> {
    /// What it stands for; none for the graph of no plan.
    pub(super) plan: Option<&'p Plan>,
    /// What it exposes.
    pub(super) columns: Arc<[ColumnId]>,
    /// What is read of it.
    pub(super) demand: FxHashSet<ColumnId>,
    /// What the user called it.
    pub(super) name: Option<Arc<str>>,
    /// How many operators read it.
    pub(super) n_readers: u32,
    /// Whether computing it twice is worth a CTE.
    pub(super) is_heavy: bool,
}

/// A plan as a graph.
#[derive(Debug)]
pub(super) struct Dag<'p> {
    ops: IndexMap<Op<'p>, NodeInfo<'p>, FxBuildHasher>,
    /// Inputs of set operations.
    branches: IndexMap<Vec<NodeId>, u32, FxBuildHasher>,
    /// Steps of recursions; empty while one is written.
    steps: Vec<Self>,
    pub(super) root: NodeId,
}

impl<'p> Dag<'p> {
    /// Interns a plan bottom-up and works out what is demanded of each node, top-down.
    pub(super) fn new(plan: &'p Plan, demand: &[ColumnId], arena: &mut Arena) -> Self {
        let mut dag =
            Self { ops: IndexMap::default(), branches: IndexMap::default(), steps: Vec::new(), root: NodeId(0) };
        dag.root = dag.intern(plan, arena);
        dag.info_mut(dag.root).demand.extend(demand.iter().copied());
        dag.info_mut(dag.root).n_readers += 1;
        for index in (0..=dag.root.index()).rev() {
            dag.demand_of_inputs(index, arena);
        }
        dag
    }

    /// The graph of no plan.
    pub(super) fn empty() -> Self {
        Self { ops: IndexMap::default(), branches: IndexMap::default(), steps: Vec::new(), root: NodeId(0) }
    }

    pub(super) fn op(&self, id: NodeId) -> Op<'p> {
        *self.ops.get_index(id.index()).expect("nodes are interned").0
    }

    pub(super) fn info(&self, id: NodeId) -> &NodeInfo<'p> {
        &self.ops[id.index()]
    }

    /// Inputs of a set operation.
    pub(super) fn branches(&self, first: u32) -> &[NodeId] {
        self.branches.get_index(first as usize).expect("branches are interned").0
    }

    /// Takes the graph of a step out, for the time that it is written.
    pub(super) fn take_step(&mut self, step: u32) -> Self {
        std::mem::replace(&mut self.steps[step as usize], Self::empty())
    }

    /// Puts it back.
    pub(super) fn put_step(&mut self, step: u32, dag: Self) {
        self.steps[step as usize] = dag;
    }

    /// The columns that are read of a node, in the node's order.
    pub(super) fn demanded(&self, id: NodeId) -> Vec<ColumnId> {
        let info = self.info(id);
        info.columns.iter().copied().filter(|column| info.demand.contains(column)).collect()
    }

    /// Whether the node gives exactly one row, whatever the data. May miss some.
    pub(super) fn is_one_row(&self, id: NodeId) -> bool {
        let mut id = id;
        loop {
            id = match self.op(id) {
                Op::Aggregate { keys: [], .. } => return true,
                Op::Values { rows, .. } => return rows.len() == 1,
                Op::Project { input, .. }
                | Op::Window { input, .. }
                | Op::Sort { input, .. }
                | Op::Distinct { input }
                | Op::Instance { input, .. } => input,
                Op::Scan { .. }
                | Op::Empty { .. }
                | Op::Filter { .. }
                | Op::Join { .. }
                | Op::Aggregate { .. }
                | Op::GroupingSets { .. }
                | Op::Unnest { .. }
                | Op::Limit { .. }
                | Op::Combine { .. }
                | Op::RecursiveUnion { .. }
                | Op::WorkTable { .. }
                | Op::Sample { .. }
                | Op::ScanAt { .. }
                | Op::Hole { .. } => return false,
            };
        }
    }

    /// Whether the node gives at most one row, whatever the data. May miss some.
    pub(super) fn is_at_most_one_row(&self, id: NodeId) -> bool {
        let mut id = id;
        loop {
            if self.is_one_row(id) {
                return true;
            }
            id = match self.op(id) {
                Op::Limit { fetch: Some(0 | 1), .. } | Op::Empty { .. } => return true,
                Op::Filter { input, .. }
                | Op::Project { input, .. }
                | Op::Window { input, .. }
                | Op::Sort { input, .. }
                | Op::Distinct { input }
                | Op::Aggregate { input, .. }
                | Op::Limit { input, .. }
                | Op::Instance { input, .. } => input,
                Op::Scan { .. }
                | Op::Values { .. }
                | Op::Join { .. }
                | Op::GroupingSets { .. }
                | Op::Unnest { .. }
                | Op::Combine { .. }
                | Op::RecursiveUnion { .. }
                | Op::WorkTable { .. }
                | Op::Sample { .. }
                | Op::ScanAt { .. }
                | Op::Hole { .. } => return false,
            };
        }
    }

    fn info_mut(&mut self, id: NodeId) -> &mut NodeInfo<'p> {
        &mut self.ops[id.index()]
    }

    /// Interns a plan, inputs first. Iterative, so that depth costs heap and not stack.
    fn intern(&mut self, plan: &'p Plan, arena: &mut Arena) -> NodeId {
        let mut done: Vec<NodeId> = Vec::new();
        let mut stack = vec![(plan, false)];
        while let Some((plan, is_expanded)) = stack.pop() {
            let inputs = match plan {
                Plan::RecursiveUnion { recursion } => vec![&recursion.base],
                plan => plan.inputs(),
            };
            if !is_expanded {
                stack.push((plan, true));
                stack.extend(inputs.into_iter().rev().map(|input| (input, false)));
                continue;
            }
            let inputs = done.split_off(done.len() - inputs.len());
            done.push(self.intern_one(plan, &inputs, arena));
        }
        done.pop().unwrap_or(NodeId(0))
    }

    fn intern_one(&mut self, plan: &'p Plan, inputs: &[NodeId], arena: &mut Arena) -> NodeId {
        let (input, other) =
            (inputs.first().copied().unwrap_or(NodeId(0)), inputs.get(1).copied().unwrap_or(NodeId(0)));
        let op = match plan {
            Plan::Named { name, .. } => {
                self.info_mut(input).name = Some(Arc::clone(name));
                return input;
            }
            Plan::Scan { table, columns } => Op::Scan { table, columns },
            Plan::Values { columns, rows } => Op::Values { columns, rows },
            Plan::Empty { columns } => Op::Empty { columns },
            Plan::Filter { holds, .. } => Op::Filter { input, holds },
            Plan::Project { exprs, .. } => Op::Project { input, exprs },
            Plan::Join { kind, on, .. } => Op::Join { kind: *kind, left: input, right: other, on },
            Plan::Aggregate { keys, calls, .. } => Op::Aggregate { input, keys, calls },
            Plan::GroupingSets { groups, .. } => Op::GroupingSets { input, groups },
            Plan::Distinct { .. } => Op::Distinct { input },
            Plan::Window { calls, .. } => Op::Window { input, calls },
            Plan::Unnest { list, column, position, is_outer, .. } => {
                Op::Unnest { input, list: *list, column: *column, position: *position, is_outer: *is_outer }
            }
            Plan::Sort { keys, .. } => Op::Sort { input, keys },
            Plan::Limit { skip, fetch, .. } => Op::Limit { input, skip: *skip, fetch: *fetch },
            Plan::SetOp { kind, inputs: parts, columns } => {
                let next = u32::try_from(self.branches.len()).unwrap_or(u32::MAX);
                let first = *self.branches.entry(inputs.to_vec()).or_insert(next);
                Op::Combine { kind: *kind, inputs: parts, first, columns }
            }
            Plan::RecursiveUnion { recursion } => {
                let known = self.ops.keys().find_map(|op| match op {
                    Op::RecursiveUnion { recursion: other, step, .. } if *other == &**recursion => Some(*step),
                    _ => None,
                });
                let step = known.unwrap_or_else(|| {
                    self.steps.push(Self::new(&recursion.step, &recursion.step_columns, arena));
                    u32::try_from(self.steps.len() - 1).unwrap_or(u32::MAX)
                });
                Op::RecursiveUnion { input, recursion, step }
            }
            Plan::WorkTable { columns } => Op::WorkTable { columns },
            Plan::Sample { sampling, .. } => Op::Sample { input, sampling },
            Plan::ScanAt { table, version, columns } => Op::ScanAt { table, version: *version, columns },
            Plan::Instance { k, .. } => Op::Instance { input, k: *k },
            Plan::Hole { index, .. } => Op::Hole { index: *index },
        };
        if let Some(index) = self.ops.get_index_of(&op) {
            return NodeId(u32::try_from(index).expect("fewer than 2^32 nodes"));
        }
        let columns = self.columns_of(plan, op, arena);
        let is_heavy = inputs.iter().any(|&input| self.info(input).is_heavy)
            || matches!(
                op,
                Op::Join { .. }
                    | Op::Aggregate { .. }
                    | Op::GroupingSets { .. }
                    | Op::Unnest { .. }
                    | Op::Window { .. }
                    | Op::Combine { .. }
                    | Op::Distinct { .. }
                    | Op::Limit { .. }
                    | Op::RecursiveUnion { .. }
                    | Op::Sample { .. }
            );
        for &input in inputs {
            self.info_mut(input).n_readers += 1;
        }
        let (index, _) =
            self.ops.insert_full(op, NodeInfo { plan: Some(plan), columns, is_heavy, ..NodeInfo::default() });
        NodeId(u32::try_from(index).expect("fewer than 2^32 nodes"))
    }

    fn columns_of(&self, plan: &Plan, op: Op<'p>, arena: &mut Arena) -> Arc<[ColumnId]> {
        let of = |id: NodeId| Arc::clone(&self.info(id).columns);
        match op {
            Op::Filter { input, .. }
            | Op::Distinct { input }
            | Op::Sort { input, .. }
            | Op::Limit { input, .. }
            | Op::Sample { input, .. } => of(input),
            Op::Instance { input, k } => of(input).iter().map(|&id| arena.instance(id, k)).collect(),
            Op::Join { kind, left, right, .. } => {
                let mut columns = of(left).to_vec();
                if kind.exposes_right() {
                    columns.extend(of(right).iter());
                }
                if let JoinKind::Mark(mark) = kind {
                    columns.push(mark);
                }
                columns.into()
            }
            Op::Window { input, calls } => of(input).iter().copied().chain(calls.iter().map(|(id, _)| *id)).collect(),
            Op::Unnest { input, column, position, .. } => {
                of(input).iter().copied().chain([column]).chain(position).collect()
            }
            Op::Scan { .. }
            | Op::Values { .. }
            | Op::Empty { .. }
            | Op::Project { .. }
            | Op::Aggregate { .. }
            | Op::GroupingSets { .. }
            | Op::Combine { .. }
            | Op::RecursiveUnion { .. }
            | Op::WorkTable { .. }
            | Op::ScanAt { .. }
            | Op::Hole { .. } => plan.columns(arena).into(),
        }
    }

    /// Tells a node's inputs what is read of them. Everything that reads the node has been asked.
    fn demand_of_inputs(&mut self, index: usize, arena: &mut Arena) {
        let id = NodeId(u32::try_from(index).expect("fewer than 2^32 nodes"));
        let op = self.op(id);
        let demand = self.info(id).demand.clone();
        match op {
            Op::Scan { .. }
            | Op::Values { .. }
            | Op::Empty { .. }
            | Op::WorkTable { .. }
            | Op::ScanAt { .. }
            | Op::Hole { .. } => {}
            Op::RecursiveUnion { input, recursion, .. } => {
                self.ask(input, &recursion.base_columns.iter().copied().collect(), &[], arena);
            }
            Op::Sample { input, .. } => self.ask(input, &demand, &[], arena),
            Op::Filter { input, holds } => self.ask(input, &demand, holds, arena),
            Op::Project { input, exprs } => {
                let scalars: Vec<ScalarId> =
                    exprs.iter().filter(|(id, _)| demand.contains(id)).map(|(_, scalar)| *scalar).collect();
                self.ask(input, &FxHashSet::default(), &scalars, arena);
            }
            Op::Join { kind, left, right, on } => {
                self.ask(left, &demand, on, arena);
                let above = if kind.exposes_right() { demand } else { FxHashSet::default() };
                self.ask(right, &above, on, arena);
            }
            Op::Aggregate { input, keys, calls } => {
                let mut scalars: Vec<ScalarId> = keys.iter().map(|(_, scalar)| *scalar).collect();
                for (_, call) in calls.iter().filter(|(id, _)| demand.contains(id)) {
                    scalars.extend(call.args.iter().copied().chain(call.filter));
                    scalars.extend(call.order.iter().map(|key| key.scalar));
                }
                self.ask(input, &FxHashSet::default(), &scalars, arena);
            }
            Op::GroupingSets { input, groups } => {
                let mut scalars: Vec<ScalarId> = groups.keys.iter().map(|(_, scalar)| *scalar).collect();
                for (_, call) in groups.calls.iter().filter(|(id, _)| demand.contains(id)) {
                    scalars.extend(call.args.iter().copied().chain(call.filter));
                    scalars.extend(call.order.iter().map(|key| key.scalar));
                }
                self.ask(input, &FxHashSet::default(), &scalars, arena);
            }
            Op::Distinct { input } => {
                let all = self.info(input).columns.iter().copied().collect();
                self.ask(input, &all, &[], arena);
            }
            Op::Window { input, calls } => {
                let mut scalars = Vec::new();
                for (_, call) in calls.iter().filter(|(id, _)| demand.contains(id)) {
                    scalars.extend(call.args.iter().chain(&call.partition).copied().chain(call.filter));
                    scalars.extend(call.order.iter().map(|key| key.scalar));
                }
                self.ask(input, &demand, &scalars, arena);
            }
            Op::Unnest { input, list, .. } => self.ask(input, &demand, &[list], arena),
            Op::Sort { input, keys } => {
                let scalars: Vec<ScalarId> = keys.iter().map(|key| key.scalar).collect();
                self.ask(input, &demand, &scalars, arena);
            }
            Op::Limit { input, .. } => self.ask(input, &demand, &[], arena),
            Op::Combine { kind, inputs, first, columns } => {
                let nodes = self.branches(first).to_vec();
                for (node, (_, taken)) in nodes.into_iter().zip(inputs) {
                    let needed = columns.iter().zip(taken);
                    let needed = needed.filter(|(id, _)| kind != SetOpKind::UnionAll || demand.contains(id));
                    self.ask(node, &needed.map(|(_, id)| *id).collect(), &[], arena);
                }
            }
            Op::Instance { input, k } => {
                let columns = Arc::clone(&self.info(input).columns);
                let needed = columns.iter().copied().filter(|&column| demand.contains(&arena.instance(column, k)));
                let needed = needed.collect();
                self.ask(input, &needed, &[], arena);
            }
        }
    }

    /// Adds to a node's demand those of `columns` and of the columns that `scalars` read which the
    /// node exposes.
    fn ask(&mut self, id: NodeId, columns: &FxHashSet<ColumnId>, scalars: &[ScalarId], arena: &Arena) {
        let mut wanted: FxHashSet<ColumnId> = columns.clone();
        for &scalar in scalars {
            wanted.extend(arena.columns_of(scalar));
        }
        let info = self.info_mut(id);
        let exposed = Arc::clone(&info.columns);
        info.demand.extend(exposed.iter().filter(|column| wanted.contains(column)));
    }
}
