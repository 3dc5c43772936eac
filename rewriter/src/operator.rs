//! The e-graph's language: an interned operator over child classes.

use egg::{Id, Language};
use indexmap::IndexSet;
use isomer_ir::{
    AggregateCall, Arena, Catalog, ColumnId, GroupingSets, JoinKind, ScalarId, SetOpKind, SortKey, WindowCall,
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

    pub(crate) fn operator(&self, id: OperatorId) -> &Operator {
        &self.operators[id.0 as usize]
    }
}

fn sort_distinct(scalars: &mut Vec<ScalarId>) {
    scalars.sort_unstable();
    scalars.dedup();
}
