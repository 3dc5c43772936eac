//! Lineage: which columns of tables the values and the rows of a relation come from.
//!
//! Two questions are kept apart. The *values* of a column come from the columns that its
//! definition reads, at any depth, `CASE` conditions among them. What decides *which rows* there
//! are belongs to the relation and so to each of its columns: filters, joins, groups, orders. A
//! window's partition and order, and an aggregate's filter and order, belong to the one column.
//!
//! May name a column whose value never matters, never misses one that a definition reads.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::{Arena, Catalog, ColumnId, FrameBound, JoinKind, Output, Plan, Recursion, ScalarId, SetOpKind, SortKey};

/// How something depends on a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dependence {
    /// The value is computed from the column.
    Value,
    /// A condition on rows reads the column: `WHERE`, `HAVING`, `QUALIFY`, `FILTER`, `EXCEPT`.
    Filter,
    /// A join condition reads the column.
    Join,
    /// Rows are grouped or told apart by the column: `GROUP BY`, `DISTINCT`, `PARTITION BY`.
    Group,
    /// Rows are ordered by the column: `ORDER BY`, also that of a window or an aggregate.
    Order,
}

impl Dependence {
    /// The lower-case word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Filter => "filter",
            Self::Join => "join",
            Self::Group => "group",
            Self::Order => "order",
        }
    }
}

/// A column of a table or of a model, with how something depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// Folded key of the table or model.
    pub table: Arc<str>,
    /// Folded name of the column.
    pub column: Arc<str>,
    /// How.
    pub by: Dependence,
}

/// Columns that something depends on, in the order of their names.
pub type Origins = BTreeSet<Origin>;

/// Where the columns and the rows of an [`Output`] come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lineage {
    /// For each output column: folded name, and what this column alone depends on.
    pub columns: Vec<(Arc<str>, Origins)>,
    /// What decides which rows there are, and in which order.
    pub rows: Origins,
}

/// The lineage of a query, down to the tables and models that it reads.
#[must_use]
pub fn lineage(output: &Output, arena: &Arena, catalog: &Catalog) -> Lineage {
    let traced = Tracer { arena, catalog, work: RefCell::default() }.plan(&output.plan);
    let columns = output.columns.iter();
    let columns = columns.map(|column| (crate::fold(&column.name), traced.column(column.column).clone())).collect();
    Lineage { columns, rows: traced.rows }
}

impl Lineage {
    /// The same with models replaced by what they depend on themselves; a name for which `model`
    /// knows nothing is an end.
    #[must_use]
    pub fn through<'a>(&self, model: &dyn Fn(&str) -> Option<&'a Self>) -> Self {
        let mut rows = Origins::new();
        let mut resolve = |origins: &Origins| {
            let mut resolved = Origins::new();
            for origin in origins {
                let Some(read) = model(&origin.table) else {
                    resolved.insert(origin.clone());
                    continue;
                };
                // Whoever reads one column of a model depends on which rows the model has.
                rows.extend(read.rows.iter().cloned());
                if let Some((_, own)) = read.columns.iter().find(|(name, _)| *name == origin.column) {
                    resolved.extend(used(own, origin.by));
                }
            }
            resolved
        };
        let columns = self.columns.iter().map(|(name, origins)| (Arc::clone(name), resolve(origins))).collect();
        let own = resolve(&self.rows);
        rows.extend(own);
        Self { columns, rows }
    }
}

/// What something depends on that uses a column: its value is used in the given way, and whatever
/// else the column depends on stays what it is.
fn used(origins: &Origins, by: Dependence) -> impl Iterator<Item = Origin> + '_ {
    origins.iter().map(move |origin| match origin.by {
        Dependence::Value => Origin { by, ..origin.clone() },
        Dependence::Filter | Dependence::Join | Dependence::Group | Dependence::Order => origin.clone(),
    })
}

/// The columns of a relation while it is traced.
#[derive(Debug, Default)]
struct Traced {
    columns: FxHashMap<ColumnId, Origins>,
    rows: Origins,
}

impl Traced {
    fn column(&self, id: ColumnId) -> &Origins {
        const NONE: &Origins = &Origins::new();
        self.columns.get(&id).unwrap_or(NONE)
    }
}

struct Tracer<'a> {
    arena: &'a Arena,
    catalog: &'a Catalog,
    /// Of the recursions around, innermost last: what each column of the work table comes from, as far as it is
    /// known.
    work: RefCell<Vec<Vec<Origins>>>,
}

impl Tracer<'_> {
    fn plan(&self, plan: &Plan) -> Traced {
        match plan {
            Plan::Scan { table, columns } => self.scan(table, columns),
            Plan::ScanAt { table, columns, .. } => self.scan(table, columns),
            Plan::RecursiveUnion { recursion } => self.recursion(recursion),
            Plan::WorkTable { columns } => {
                let work = self.work.borrow();
                let known = work.last().into_iter().flatten();
                Traced { columns: columns.iter().copied().zip(known.cloned()).collect(), rows: Origins::new() }
            }
            Plan::Values { .. } | Plan::Empty { .. } | Plan::Hole { .. } => Traced::default(),
            Plan::Named { input, .. } | Plan::Limit { input, .. } | Plan::Sample { input, .. } => self.plan(input),
            Plan::Filter { input, holds } => {
                let mut traced = self.plan(input);
                let read = self.scalars(&traced, holds.iter().copied(), Dependence::Filter);
                traced.rows.extend(read);
                traced
            }
            Plan::Project { input, exprs } => {
                let mut traced = self.plan(input);
                let columns = exprs.iter();
                traced.columns =
                    columns.map(|&(id, scalar)| (id, self.scalars(&traced, [scalar], Dependence::Value))).collect();
                traced
            }
            Plan::Join { kind, left, right, on } => self.join(*kind, left, right, on),
            Plan::Aggregate { input, keys, calls } => self.groups(input, keys, calls),
            Plan::GroupingSets { input, groups } => {
                let mut traced = self.groups(input, &groups.keys, &groups.calls);
                // A marker tells of the set, which no value decides.
                traced.columns.extend(groups.markers.iter().map(|(id, _)| (*id, Origins::new())));
                traced
            }
            Plan::Distinct { input } => {
                let mut traced = self.plan(input);
                let read: Origins =
                    traced.columns.values().flat_map(|origins| used(origins, Dependence::Group)).collect();
                traced.rows.extend(read);
                traced
            }
            Plan::Window { input, calls } => self.window(input, calls),
            Plan::Unnest { input, list, column, position, is_outer } => {
                let mut traced = self.plan(input);
                let origins = self.scalars(&traced, [*list], Dependence::Value);
                if !is_outer {
                    traced.rows.extend(used(&origins, Dependence::Filter));
                }
                // How often a row comes out depends on the list in any case.
                traced.rows.extend(used(&origins, Dependence::Join));
                traced.columns.extend(position.map(|id| (id, origins.clone())));
                traced.columns.insert(*column, origins);
                traced
            }
            Plan::Sort { input, keys } => {
                let mut traced = self.plan(input);
                let read = self.order(&traced, keys);
                traced.rows.extend(read);
                traced
            }
            Plan::SetOp { kind, inputs, columns } => self.set_op(*kind, inputs, columns),
            Plan::Instance { input, k } => {
                let traced = self.plan(input);
                let columns = traced.columns.into_iter();
                let columns = columns.filter_map(|(id, origins)| Some((self.arena.known_instance(id, *k)?, origins)));
                Traced { columns: columns.collect(), rows: traced.rows }
            }
        }
    }

    fn scan(&self, table: &Arc<str>, columns: &[ColumnId]) -> Traced {
        let described = self.catalog.get(table);
        let origin = |(position, &id): (usize, &ColumnId)| {
            let column = match described.and_then(|table| table.columns.get(position)) {
                Some(column) => Arc::clone(&column.key),
                None => crate::fold(self.arena.hint(id)),
            };
            (id, Origins::from([Origin { table: Arc::clone(table), column, by: Dependence::Value }]))
        };
        Traced { columns: columns.iter().enumerate().map(origin).collect(), rows: Origins::new() }
    }

    fn join(&self, kind: JoinKind, left: &Plan, right: &Plan, on: &[ScalarId]) -> Traced {
        let mut traced = self.plan(left);
        let right = self.plan(right);
        let mut both = right.columns;
        both.extend(traced.columns.iter().map(|(id, origins)| (*id, origins.clone())));
        let inputs = Traced { columns: both, rows: Origins::new() };
        let mut rows = self.scalars(&inputs, on.iter().copied(), Dependence::Join);
        rows.extend(right.rows);
        if let JoinKind::Mark(mark) = kind {
            // Every left row comes out once: what is looked for decides the marker alone.
            traced.columns.insert(mark, rows);
            return traced;
        }
        traced.rows.extend(rows);
        if kind.exposes_right() {
            traced.columns = inputs.columns;
        }
        traced
    }

    fn groups(
        &self,
        input: &Plan,
        keys: &[(ColumnId, ScalarId)],
        calls: &[(ColumnId, crate::AggregateCall)],
    ) -> Traced {
        let mut traced = self.plan(input);
        let mut columns = FxHashMap::default();
        for &(id, scalar) in keys {
            let origins = self.scalars(&traced, [scalar], Dependence::Value);
            traced.rows.extend(used(&origins, Dependence::Group));
            columns.insert(id, origins);
        }
        for (id, call) in calls {
            let mut origins = self.scalars(&traced, call.args.iter().copied(), Dependence::Value);
            origins.extend(self.scalars(&traced, call.filter, Dependence::Filter));
            origins.extend(self.order(&traced, &call.order));
            columns.insert(*id, origins);
        }
        traced.columns = columns;
        traced
    }

    fn window(&self, input: &Plan, calls: &[(ColumnId, crate::WindowCall)]) -> Traced {
        let mut traced = self.plan(input);
        let mut columns = Vec::with_capacity(calls.len());
        for (id, call) in calls {
            let mut origins = self.scalars(&traced, call.args.iter().copied(), Dependence::Value);
            origins.extend(self.scalars(&traced, call.filter, Dependence::Filter));
            origins.extend(self.scalars(&traced, call.partition.iter().copied(), Dependence::Group));
            origins.extend(self.order(&traced, &call.order));
            for bound in [call.frame.start, call.frame.end] {
                if let FrameBound::Preceding(offset) | FrameBound::Following(offset) = bound {
                    origins.extend(self.scalars(&traced, [offset], Dependence::Order));
                }
            }
            columns.push((*id, origins));
        }
        traced.columns.extend(columns);
        traced
    }

    fn set_op(&self, kind: SetOpKind, inputs: &[(Plan, Vec<ColumnId>)], columns: &[ColumnId]) -> Traced {
        let (are_told_apart, are_compared) = match kind {
            SetOpKind::UnionAll => (false, false),
            SetOpKind::Union => (true, false),
            SetOpKind::Intersect | SetOpKind::Except => (true, true),
            SetOpKind::IntersectAll | SetOpKind::ExceptAll => (false, true),
        };
        let mut traced = Traced::default();
        for (number, (input, taken)) in inputs.iter().enumerate() {
            let one = self.plan(input);
            for (column, &id) in columns.iter().zip(taken) {
                let origins = one.column(id);
                // The rows that come out are the first input's; the others decide which.
                if number == 0 || !are_compared {
                    traced.columns.entry(*column).or_default().extend(origins.iter().cloned());
                }
                if are_told_apart {
                    traced.rows.extend(used(origins, Dependence::Group));
                }
                if are_compared {
                    traced.rows.extend(used(origins, Dependence::Filter));
                }
            }
            traced.rows.extend(one.rows);
        }
        traced
    }

    /// The step is traced until nothing is added to what the work table comes from.
    fn recursion(&self, recursion: &Recursion) -> Traced {
        let base = self.plan(&recursion.base);
        let mut rows = base.rows.clone();
        let mut known: Vec<Origins> = recursion.base_columns.iter().map(|&id| base.column(id).clone()).collect();
        loop {
            let before = (rows.len(), known.iter().map(BTreeSet::len).sum::<usize>());
            self.work.borrow_mut().push(known.clone());
            let step = self.plan(&recursion.step);
            self.work.borrow_mut().pop();
            for (known, &id) in known.iter_mut().zip(&recursion.step_columns) {
                known.extend(step.column(id).iter().cloned());
            }
            rows.extend(step.rows);
            if before == (rows.len(), known.iter().map(BTreeSet::len).sum()) {
                break;
            }
        }
        if recursion.is_distinct {
            rows.extend(known.iter().flat_map(|origins| used(origins, Dependence::Group)));
        }
        Traced { columns: recursion.columns.iter().copied().zip(known).collect(), rows }
    }

    fn order(&self, traced: &Traced, keys: &[SortKey]) -> Origins {
        self.scalars(traced, keys.iter().map(|key| key.scalar), Dependence::Order)
    }

    /// What scalars depend on whose values are used in the given way.
    fn scalars(&self, traced: &Traced, scalars: impl IntoIterator<Item = ScalarId>, by: Dependence) -> Origins {
        let mut origins = Origins::new();
        for scalar in scalars {
            for &id in self.arena.columns_of(scalar) {
                origins.extend(used(traced.column(id), by));
            }
        }
        origins
    }
}
