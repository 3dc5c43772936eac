//! The e-graph's language: an interned operator over child classes.

use egg::{Id, Language};
use indexmap::IndexSet;
use isomer_ir::{
    AggregateCall, Arena, Catalog, ColumnId, GroupingSets, JoinKind, Plan, Recursion, Sampling, ScalarId, SetOpKind,
    SortKey, TableVersion, WindowCall,
};
use rustc_hash::{FxBuildHasher, FxHashMap};
use smallvec::SmallVec;
use std::sync::Arc;

use crate::facts::null_rejected_columns;

/// An operator without its inputs. The relational part of [`isomer_ir::Plan`] in normal form: inner
/// joins are n-ary and `DISTINCT` is an aggregate without calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Operator {
    Scan {
        table: Arc<str>,
        columns: Vec<ColumnId>,
    },
    Values {
        columns: Vec<ColumnId>,
        rows: Vec<Vec<ScalarId>>,
    },
    Empty {
        columns: Vec<ColumnId>,
    },
    /// `holds` is sorted and distinct.
    Filter {
        holds: Vec<ScalarId>,
    },
    /// `exprs` is sorted by id and distinct.
    Project {
        exprs: Vec<(ColumnId, ScalarId)>,
    },
    /// Any number of inputs in the order of their ids; `on` is sorted and distinct.
    InnerJoin {
        on: Vec<ScalarId>,
    },
    /// Every kind but `Inner`.
    Join {
        kind: JoinKind,
        on: Vec<ScalarId>,
    },
    /// Both lists are sorted by id.
    Aggregate {
        keys: Vec<(ColumnId, ScalarId)>,
        calls: Vec<(ColumnId, AggregateCall)>,
    },
    /// As the plan has it: no rule reads it.
    GroupingSets {
        groups: Box<GroupingSets>,
    },
    /// Sorted by id.
    Window {
        calls: Vec<(ColumnId, WindowCall)>,
    },
    /// As [`isomer_ir::Plan::Unnest`].
    Unnest {
        list: ScalarId,
        column: ColumnId,
        position: Option<ColumnId>,
        is_outer: bool,
    },
    /// Its base is the input, and the one that it holds is empty. The step is a plan of its own, which no rule
    /// of the e-graph reads: it means nothing outside of its recursion.
    RecursiveUnion {
        recursion: Box<Recursion>,
    },
    /// Only within a step, and so never in the e-graph.
    WorkTable {
        columns: Vec<ColumnId>,
    },
    /// As the plan has it: no rule reads it.
    Sample {
        sampling: Box<Sampling>,
    },
    ScanAt {
        table: Arc<str>,
        version: TableVersion,
        columns: Vec<ColumnId>,
    },
    Sort {
        keys: Vec<SortKey>,
    },
    Limit {
        skip: u64,
        fetch: Option<u64>,
    },
    SetOp {
        kind: SetOpKind,
        taken: Vec<Vec<ColumnId>>,
        columns: Vec<ColumnId>,
    },
    Instance {
        k: u32,
    },
}

/// An interned [`Operator`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct OperatorId(u32);

/// An e-node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Node {
    pub(crate) operator: OperatorId,
    pub(crate) inputs: SmallVec<[Id; 2]>,
}

impl Language for Node {
    type Discriminant = OperatorId;

    fn discriminant(&self) -> OperatorId {
        self.operator
    }

    fn matches(&self, other: &Self) -> bool {
        self.operator == other.operator && self.inputs.len() == other.inputs.len()
    }

    fn children(&self) -> &[Id] {
        &self.inputs
    }

    fn children_mut(&mut self) -> &mut [Id] {
        &mut self.inputs
    }
}

/// What the analysis and all rules share: scalars, operators and declared facts.
#[derive(Debug, Default)]
pub(crate) struct Context {
    pub(crate) arena: Arena,
    pub(crate) catalog: Catalog,
    operators: IndexSet<Operator, FxBuildHasher>,
    /// Steps of recursions as the first model that has them writes them.
    steps: FxHashMap<Recursion, Plan>,
    /// Of predicates that were asked about: the columns whose NULL they reject.
    rejected: FxHashMap<ScalarId, Vec<ColumnId>>,
}

impl Context {
    pub(crate) fn new(arena: Arena, catalog: Catalog) -> Self {
        Self { arena, catalog, ..Self::default() }
    }

    pub(crate) fn intern(&mut self, mut operator: Operator) -> OperatorId {
        match &mut operator {
            Operator::Filter { holds } => sort_distinct(holds),
            Operator::InnerJoin { on } | Operator::Join { on, .. } => sort_distinct(on),
            Operator::Project { exprs } => {
                exprs.sort_by_key(|(id, _)| *id);
                exprs.dedup_by_key(|(id, _)| *id);
            }
            Operator::Aggregate { keys, calls } => {
                keys.sort_by_key(|(id, _)| *id);
                keys.dedup_by_key(|(id, _)| *id);
                calls.sort_by_key(|(id, _)| *id);
                calls.dedup_by_key(|(id, _)| *id);
            }
            Operator::Window { calls } => {
                calls.sort_by_key(|(id, _)| *id);
                calls.dedup_by_key(|(id, _)| *id);
            }
            Operator::Scan { .. }
            | Operator::Values { .. }
            | Operator::Empty { .. }
            | Operator::Unnest { .. }
            | Operator::Sort { .. }
            | Operator::Limit { .. }
            | Operator::RecursiveUnion { .. }
            | Operator::WorkTable { .. }
            | Operator::Sample { .. }
            | Operator::ScanAt { .. }
            | Operator::GroupingSets { .. }
            | Operator::SetOp { .. }
            | Operator::Instance { .. } => {}
        }
        let (index, _) = self.operators.insert_full(operator);
        OperatorId(u32::try_from(index).expect("fewer than 2^32 operators"))
    }

    /// As [`null_rejected_columns`], each predicate evaluated once.
    pub(crate) fn rejected_by(&mut self, predicate: ScalarId) -> &[ColumnId] {
        let arena = &self.arena;
        self.rejected.entry(predicate).or_insert_with(|| null_rejected_columns(arena, predicate))
    }

    /// A recursion with its step in the one form in which steps are compared; how it was written is kept.
    pub(crate) fn with_bare_step(&mut self, mut recursion: Recursion) -> Recursion {
        let step = crate::steps::bare(&recursion.step);
        let written = std::mem::replace(&mut recursion.step, step);
        self.steps.entry(recursion.clone()).or_insert(written);
        recursion
    }

    /// A recursion with its step as it was first written.
    pub(crate) fn with_written_step(&self, mut recursion: Recursion) -> Recursion {
        if let Some(step) = self.steps.get(&recursion) {
            recursion.step = step.clone();
        }
        recursion
    }

    pub(crate) fn operator(&self, id: OperatorId) -> &Operator {
        &self.operators[id.0 as usize]
    }
}

fn sort_distinct(scalars: &mut Vec<ScalarId>) {
    scalars.sort_unstable();
    scalars.dedup();
}
