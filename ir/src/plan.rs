//! Plans: the operators of a logical query, in bag semantics.

use std::sync::Arc;

use crate::{
    AggregateCall, Arena, ColumnId, GroupingSets, Recursion, Sampling, ScalarId, SortKey, Span, TableVersion,
    WindowCall,
};

/// A relational expression. Its schema is a *set* of column ids; output names and column order
/// live only in [`Output`].
///
/// Every operator has bag semantics: duplicates count, order does not, except between a `Sort` and
/// the `Limit` or root directly above it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Plan {
    /// All rows and all columns of a table, or of another model (`table` is then the model's key).
    Scan {
        /// Folded key in the catalog.
        table: Arc<str>,
        /// Every column of the table, in catalog order.
        columns: Vec<ColumnId>,
    },
    /// Rows written out.
    Values {
        /// One id a position.
        columns: Vec<ColumnId>,
        /// Rows of as many scalars; they read no column.
        rows: Vec<Vec<ScalarId>>,
    },
    /// No rows.
    Empty {
        /// The schema.
        columns: Vec<ColumnId>,
    },
    /// The rows for which every predicate is true. This is the `Holds` context: a predicate that
    /// is NULL is as good as false here, and only here and in join conditions.
    Filter {
        /// Input.
        input: Box<Self>,
        /// Conjuncts.
        holds: Vec<ScalarId>,
    },
    /// Exactly these columns, each computed from the input.
    Project {
        /// Input.
        input: Box<Self>,
        /// Output id and definition; a column passed through is defined as itself.
        exprs: Vec<(ColumnId, ScalarId)>,
    },
    /// A join. Inputs expose disjoint ids (one is wrapped in `Instance` where they would not).
    Join {
        /// Which rows come out.
        kind: JoinKind,
        /// Left (preserved, for outer joins; tested, for semi joins) input.
        left: Box<Self>,
        /// Right input.
        right: Box<Self>,
        /// Conjuncts over both inputs, in `Holds` context. None is a cross product.
        on: Vec<ScalarId>,
    },
    /// One row a group; without keys exactly one row, also over no input rows.
    Aggregate {
        /// Input.
        input: Box<Self>,
        /// Output id and definition of each key. NULL keys form a group of their own.
        keys: Vec<(ColumnId, ScalarId)>,
        /// Output id and call of each aggregate.
        calls: Vec<(ColumnId, AggregateCall)>,
    },
    /// Several groupings of one input, their rows together. Rules of plain aggregates do not read it.
    GroupingSets {
        /// Input.
        input: Box<Self>,
        /// Keys, sets and aggregates.
        groups: Box<GroupingSets>,
    },
    /// Each distinct row once; NULLs count as equal.
    Distinct {
        /// Input.
        input: Box<Self>,
    },
    /// The input's columns and one more for each call.
    Window {
        /// Input.
        input: Box<Self>,
        /// Output id and call.
        calls: Vec<(ColumnId, WindowCall)>,
    },
    /// For each row of the input, one for each element of a list: the input's columns, the element, and
    /// its position.
    Unnest {
        /// Input.
        input: Box<Self>,
        /// The list, over the input's columns.
        list: ScalarId,
        /// Id of the element.
        column: ColumnId,
        /// Id of the element's position, which counts from 1.
        position: Option<ColumnId>,
        /// Whether a row whose list is NULL or empty comes out once, with NULLs, rather than not at all.
        is_outer: bool,
    },
    /// The input in this order.
    Sort {
        /// Input.
        input: Box<Self>,
        /// Most significant key first.
        keys: Vec<SortKey>,
    },
    /// Rows `skip .. skip + fetch` of the input's order. Without a `Sort` below, any such rows.
    Limit {
        /// Input.
        input: Box<Self>,
        /// Rows left out at the start.
        skip: u64,
        /// Most rows that come out.
        fetch: Option<u64>,
    },
    /// A set operation by position.
    SetOp {
        /// Which.
        kind: SetOpKind,
        /// Inputs with the columns taken from each, position by position.
        inputs: Vec<(Self, Vec<ColumnId>)>,
        /// Output ids.
        columns: Vec<ColumnId>,
    },
    /// The rows of a start and of what a step makes of them, round by round.
    RecursiveUnion {
        /// Start, step and columns.
        recursion: Box<Recursion>,
    },
    /// Within the step of the nearest recursion around it: the rows of the round before.
    WorkTable {
        /// One id a column.
        columns: Vec<ColumnId>,
    },
    /// Rows of the input that chance picks: others each time, so that it is never computed twice, and
    /// nothing moves through it.
    Sample {
        /// Input.
        input: Box<Self>,
        /// How many, and how.
        sampling: Box<Sampling>,
    },
    /// A table as it was: a relation of its own, of whose rows nothing is known but their types.
    ScanAt {
        /// Folded key in the catalog.
        table: Arc<str>,
        /// When.
        version: TableVersion,
        /// Every column of the table, in catalog order; ids of this version.
        columns: Vec<ColumnId>,
    },
    /// The input with every column `c` renamed to `arena.instance(c, k)`.
    Instance {
        /// Input.
        input: Box<Self>,
        /// Counts from 1.
        k: u32,
    },
    /// The input, which the user called `name` (a CTE or a derived table). No operator: a hint for
    /// the writer, with the place where it was written.
    Named {
        /// Input.
        input: Box<Self>,
        /// As written.
        name: Arc<str>,
        /// Body of the CTE or derived table in the model's text.
        span: Span,
    },
    /// A table hole of a rule template; only patterns hold one.
    Hole {
        /// Number of the hole.
        index: u32,
        /// The columns that the template names.
        columns: Vec<ColumnId>,
    },
}

/// Which rows a join gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum JoinKind {
    /// Pairs that match.
    Inner,
    /// Pairs that match, and left rows without match padded with NULLs.
    Left,
    /// Pairs that match, and rows of both sides without match padded with NULLs.
    Full,
    /// Left rows with at least one match; left columns only.
    Semi,
    /// Left rows without a match (`NOT EXISTS`); left columns only.
    Anti,
    /// `NOT IN`: left rows for which no condition is true *or NULL*; left columns only. The `on`
    /// list is one equality of the tested value and conjuncts over the right side.
    AntiNullAware,
    /// As `Left`, but a second match is an error: a scalar subquery.
    Single,
    /// Left rows, with one more column that tells whether a match exists (two-valued).
    Mark(ColumnId),
}

impl JoinKind {
    /// Whether the right input's columns come out.
    #[must_use]
    pub fn exposes_right(self) -> bool {
        matches!(self, Self::Inner | Self::Left | Self::Full | Self::Single)
    }
}

/// Set operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SetOpKind {
    /// All rows of all inputs.
    UnionAll,
    /// Each distinct row of any input once.
    Union,
    /// Each distinct row that every input has.
    Intersect,
    /// As often as the input that has it least.
    IntersectAll,
    /// Each distinct row of the first input that no other has.
    Except,
    /// As often as the first input has it more than the second.
    ExceptAll,
}

impl Plan {
    /// The ids that the plan exposes, in a stable order.
    #[must_use]
    pub fn columns(&self, arena: &mut Arena) -> Vec<ColumnId> {
        match self {
            Self::Scan { columns, .. }
            | Self::Values { columns, .. }
            | Self::Empty { columns }
            | Self::WorkTable { columns }
            | Self::ScanAt { columns, .. }
            | Self::Hole { columns, .. } => columns.clone(),
            Self::RecursiveUnion { recursion } => recursion.columns.clone(),
            Self::SetOp { columns, .. } => columns.clone(),
            Self::Filter { input, .. }
            | Self::Distinct { input }
            | Self::Sort { input, .. }
            | Self::Limit { input, .. }
            | Self::Sample { input, .. }
            | Self::Named { input, .. } => input.columns(arena),
            Self::Project { exprs, .. } => exprs.iter().map(|(id, _)| *id).collect(),
            Self::Join { kind, left, right, .. } => {
                let mut columns = left.columns(arena);
                if kind.exposes_right() {
                    columns.extend(right.columns(arena));
                }
                if let JoinKind::Mark(mark) = kind {
                    columns.push(*mark);
                }
                columns
            }
            Self::Aggregate { keys, calls, .. } => {
                keys.iter().map(|(id, _)| *id).chain(calls.iter().map(|(id, _)| *id)).collect()
            }
            Self::GroupingSets { groups, .. } => groups.columns().collect(),
            Self::Window { input, calls } => {
                let mut columns = input.columns(arena);
                columns.extend(calls.iter().map(|(id, _)| *id));
                columns
            }
            Self::Unnest { input, column, position, .. } => {
                let mut columns = input.columns(arena);
                columns.push(*column);
                columns.extend(position);
                columns
            }
            Self::Instance { input, k } => {
                let columns = input.columns(arena);
                columns.into_iter().map(|id| arena.instance(id, *k)).collect()
            }
        }
    }

    /// How many operators the plan has, itself among them.
    #[must_use]
    pub fn n_operators(&self) -> usize {
        let mut n = 0;
        let mut stack = vec![self];
        while let Some(plan) = stack.pop() {
            n += 1;
            stack.extend(plan.inputs());
        }
        n
    }

    /// The inputs, in order.
    #[must_use]
    pub fn inputs(&self) -> Vec<&Self> {
        match self {
            Self::Scan { .. }
            | Self::Values { .. }
            | Self::Empty { .. }
            | Self::WorkTable { .. }
            | Self::ScanAt { .. }
            | Self::Hole { .. } => Vec::new(),
            Self::Filter { input, .. }
            | Self::Project { input, .. }
            | Self::Aggregate { input, .. }
            | Self::GroupingSets { input, .. }
            | Self::Distinct { input }
            | Self::Window { input, .. }
            | Self::Unnest { input, .. }
            | Self::Sort { input, .. }
            | Self::Limit { input, .. }
            | Self::Sample { input, .. }
            | Self::Instance { input, .. }
            | Self::Named { input, .. } => vec![input],
            Self::Join { left, right, .. } => vec![left, right],
            Self::SetOp { inputs, .. } => inputs.iter().map(|(plan, _)| plan).collect(),
            Self::RecursiveUnion { recursion } => vec![&recursion.base, &recursion.step],
        }
    }

    /// The direct inputs, left to right, to be changed in place.
    #[must_use]
    pub fn inputs_mut(&mut self) -> Vec<&mut Self> {
        match self {
            Self::Scan { .. }
            | Self::Values { .. }
            | Self::Empty { .. }
            | Self::WorkTable { .. }
            | Self::ScanAt { .. }
            | Self::Hole { .. } => Vec::new(),
            Self::Filter { input, .. }
            | Self::Project { input, .. }
            | Self::Aggregate { input, .. }
            | Self::GroupingSets { input, .. }
            | Self::Distinct { input }
            | Self::Window { input, .. }
            | Self::Unnest { input, .. }
            | Self::Sort { input, .. }
            | Self::Limit { input, .. }
            | Self::Sample { input, .. }
            | Self::Instance { input, .. }
            | Self::Named { input, .. } => vec![input],
            Self::Join { left, right, .. } => vec![left, right],
            Self::SetOp { inputs, .. } => inputs.iter_mut().map(|(input, _)| input).collect(),
            Self::RecursiveUnion { recursion } => {
                let Recursion { base, step, .. } = &mut **recursion;
                vec![base, step]
            }
        }
    }

    /// Keys of the tables and models that the plan reads, sorted and distinct.
    #[must_use]
    pub fn tables(&self) -> Vec<Arc<str>> {
        let mut tables = Vec::new();
        let mut stack = vec![self];
        while let Some(plan) = stack.pop() {
            if let Self::Scan { table, .. } | Self::ScanAt { table, .. } = plan {
                tables.push(Arc::clone(table));
            }
            stack.extend(plan.inputs());
        }
        tables.sort_unstable();
        tables.dedup();
        tables
    }
}

/// One output column of a model: a name for an id that the model's plan exposes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OutputColumn {
    /// As written.
    pub name: Arc<str>,
    /// What it shows; two names may show one id.
    pub column: ColumnId,
    /// Whether a NULL may occur, as far as the front end knows.
    pub is_nullable: bool,
}

/// A plan with the names and the order of its columns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Output {
    /// The rows.
    pub plan: Plan,
    /// The columns, in order.
    pub columns: Vec<OutputColumn>,
}
