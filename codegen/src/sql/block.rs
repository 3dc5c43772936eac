//! A `SELECT` under construction: the clauses filled so far and what each column stands for.

use std::sync::Arc;

use indexmap::IndexMap;
use isomer_ir::{ColumnId, SetOpKind};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::expr::{ExprId, Exprs, QueryId, SourceId};

/// What each visible column is in terms of the block's `FROM` list.
pub(super) type Env = IndexMap<ColumnId, ExprId, FxBuildHasher>;

/// A relation in a `FROM` list.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) kind: SourceKind,
    /// How each column is written.
    pub(super) names: FxHashMap<ColumnId, String>,
}

/// Where a relation's rows come from.
#[derive(Debug)]
pub(super) enum SourceKind {
    /// A table, written as the catalog says.
    Table(Arc<str>),
    /// A CTE by its position.
    Cte(usize),
    /// Rows written out, with the names of their columns.
    Values { rows: Vec<Vec<ExprId>>, names: Vec<String> },
    /// The round before, within the step of a recursion: its number, and the name of its query.
    Work { recursion: u32, name: Arc<str> },
    /// A relation with words behind its name: a sample, or a table as it was.
    Marked { name: MarkedName, words: String, is_volatile: bool },
    /// The output columns of a set operation, which stand bare.
    Output,
}

/// What words stand behind in a [`SourceKind::Marked`].
#[derive(Debug, Clone)]
pub(super) enum MarkedName {
    /// A table, written as the catalog says.
    Table(Arc<str>),
    /// A CTE by its position.
    Cte(usize),
}

/// How a relation is added to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attach {
    Inner,
    Left,
    Full,
    /// Each row with the nearest row of the relation.
    AsofInner,
    /// The same, and rows without one padded with NULLs.
    AsofLeft,
}

/// One entry of a `FROM` list.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) attach: Attach,
    pub(super) source: SourceId,
    pub(super) on: Vec<ExprId>,
}

/// One key of an `ORDER BY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) expr: ExprId,
    pub(super) is_descending: bool,
    pub(super) is_nulls_first: bool,
}

/// A set operation whose branches are not written yet.
#[derive(Debug, Clone)]
pub(super) struct SetBlock {
    pub(super) kind: SetOpKind,
    pub(super) branches: Vec<(Block, Vec<ColumnId>)>,
    pub(super) columns: Vec<ColumnId>,
}

/// A query under construction.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    pub(super) items: Vec<Item>,
    pub(super) env: Env,
    pub(super) filter: Vec<ExprId>,
    pub(super) group: Option<Vec<ExprId>>,
    /// Grouping sets as positions in `group`; none for a plain grouping.
    pub(super) sets: Vec<Vec<u32>>,
    pub(super) having: Vec<ExprId>,
    pub(super) qualify: Vec<ExprId>,
    pub(super) is_distinct: bool,
    pub(super) order: Vec<Order>,
    pub(super) limit: Option<(u64, Option<u64>)>,
    pub(super) set: Option<Box<SetBlock>>,
}

impl Block {
    /// Whether nothing but `FROM` and `WHERE` is filled.
    pub(super) fn is_plain(&self, exprs: &Exprs) -> bool {
        self.group.is_none() && self.having.is_empty() && !self.is_closed() && !self.has_window(exprs)
    }

    /// Drops an order that decides nothing: rows are a bag but below a `LIMIT`.
    pub(super) fn forget_order(&mut self) {
        if self.limit.is_none() {
            self.order.clear();
        }
    }

    /// Whether the rows are fixed: a clause that SQL evaluates last is filled.
    pub(super) fn is_closed(&self) -> bool {
        self.is_distinct || self.limit.is_some() || self.set.is_some()
    }

    /// Whether a visible column is a window call, or one decides which rows come out.
    pub(super) fn has_window(&self, exprs: &Exprs) -> bool {
        !self.qualify.is_empty() || self.env.values().any(|&expr| exprs.facts(expr).has_window)
    }
}

/// A finished query.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) body: Body,
    pub(super) order: Vec<Order>,
    pub(super) limit: Option<(u64, Option<u64>)>,
}

/// What stands before `ORDER BY`.
#[derive(Debug)]
pub(super) enum Body {
    Select(Select),
    Set { kind: SetOpKind, branches: Vec<QueryId> },
}

/// One `SELECT`.
#[derive(Debug)]
pub(super) struct Select {
    pub(super) is_distinct: bool,
    /// Definition and output name.
    pub(super) columns: Vec<(ExprId, Arc<str>)>,
    pub(super) items: Vec<Item>,
    pub(super) filter: Vec<ExprId>,
    pub(super) group: Vec<ExprId>,
    pub(super) sets: Vec<Vec<u32>>,
    pub(super) having: Vec<ExprId>,
    pub(super) qualify: Vec<ExprId>,
}

/// A CTE.
#[derive(Debug)]
pub(super) struct Cte {
    pub(super) name: String,
    pub(super) query: QueryId,
    pub(super) is_volatile: bool,
    pub(super) n_readers: u32,
    /// Whether it reads itself; its query is then a union of start and step.
    pub(super) is_recursive: bool,
    /// The recursion in whose step it is written, because it reads the round before.
    pub(super) within: Option<u32>,
    /// Of a recursion its number.
    pub(super) recursion: u32,
}
