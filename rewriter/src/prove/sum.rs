//! Queries as sums of products: what a row's number of occurrences is, in terms of rows of tables.
//!
//! A *term* says: for each choice of one row per variable that meets the conditions, for which some
//! row exists in each of `exists` and none in any of `absent`, one row of `shows`. A *sum* is terms
//! whose rows are all taken. Joins multiply, `UNION ALL` adds, an outer join adds a term for what has
//! no partner. What is none of these (groups, windows, limits) is an *atom* that a variable ranges over,
//! as a table is; an atom holds the sum that it is made of.

use std::rc::Rc;
use std::sync::Arc;

use isomer_ir::{AggregateCall, ColumnId, ScalarId, SetOpKind, WindowCall};

/// Terms whose rows are all taken.
pub(crate) type Sum = Vec<Term>;

/// A product of variables under conditions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Term {
    /// One row is chosen for each.
    pub(crate) vars: Vec<Var>,
    /// Conjuncts, in `Holds` context, over columns of the variables and of enclosing terms.
    pub(crate) conds: Vec<ScalarId>,
    /// Each has a row.
    pub(crate) exists: Vec<Sum>,
    /// None has a row.
    pub(crate) absent: Vec<Self>,
    /// The row that comes out; nothing inside `exists` and `absent`.
    pub(crate) shows: Vec<ScalarId>,
}

/// A row of an atom, by columns of its own.
#[derive(Debug, Clone)]
pub(crate) struct Var {
    pub(crate) atom: Rc<Atom>,
    pub(crate) columns: Vec<ColumnId>,
}

/// What a variable ranges over.
#[derive(Debug)]
pub(crate) enum Atom {
    /// The rows of a table; columns in the catalog's order.
    Table(Arc<str>),
    /// Each row of the sum once.
    Distinct(Sum),
    /// Groups: columns are the keys, which the sum shows first, then the calls. Arguments are places in
    /// what the sum shows.
    Group { rows: Sum, n_keys: usize, is_global: bool, calls: Vec<AggregateCall> },
    /// The sum's columns and one more for each call.
    Window { rows: Sum, n_columns: usize, calls: Vec<WindowCall> },
    /// Some rows of the sum in the order of the keys: place, descending, NULLs first.
    Limit { rows: Sum, n_columns: usize, keys: Vec<(usize, bool, bool)>, skip: u64, fetch: Option<u64> },
    /// `INTERSECT ALL` or `EXCEPT ALL`.
    Bag { kind: SetOpKind, left: Sum, right: Sum, n_columns: usize },
}

impl Term {
    /// Whether the term is one row, whatever the tables hold.
    pub(crate) fn is_trivial(&self) -> bool {
        self.vars.is_empty() && self.conds.is_empty() && self.exists.is_empty() && self.absent.is_empty()
    }

    /// The product with another term; what that shows is dropped.
    pub(crate) fn multiply(&mut self, other: Self) {
        self.vars.extend(other.vars);
        self.conds.extend(other.conds);
        self.exists.extend(other.exists);
        self.absent.extend(other.absent);
    }

    /// The term with every scalar mapped, also in what is nested.
    pub(crate) fn mapped(&self, map: &mut dyn FnMut(ScalarId) -> ScalarId) -> Self {
        Self {
            vars: self.vars.clone(),
            conds: self.conds.iter().map(|&scalar| map(scalar)).collect(),
            exists: self.exists.iter().map(|sum| sum.iter().map(|term| term.mapped(map)).collect()).collect(),
            absent: self.absent.iter().map(|term| term.mapped(map)).collect(),
            shows: self.shows.iter().map(|&scalar| map(scalar)).collect(),
        }
    }

    /// Calls `visit` with every scalar, also of what is nested.
    pub(crate) fn scalars(&self, visit: &mut dyn FnMut(ScalarId)) {
        self.conds.iter().chain(&self.shows).for_each(|&scalar| visit(scalar));
        self.exists.iter().flatten().for_each(|term| term.scalars(visit));
        self.absent.iter().for_each(|term| term.scalars(visit));
    }
}
