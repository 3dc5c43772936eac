//! Operators: what rows each gives from the rows of its inputs.

use super::cast::cast;
use super::compare::{is_same, ordered};
use super::scalar::{Eval, Row};
use super::{Cell, Database, EvalError, Rows, Value, aggregate, join, nested, window};
use crate::{Arena, ColumnId, Output, Plan, ScalarId, SetOpKind, SortKey};

/// The rows of an operator. A column is `None` where no scalar can name it.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) columns: Vec<Option<ColumnId>>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// Where rows stand in an order: each row's group of ties, ascending.
    pub(super) peers: Option<Vec<usize>>,
}

impl Relation {
    pub(super) fn new(columns: Vec<Option<ColumnId>>, rows: Vec<Vec<Cell>>) -> Self {
        Self { columns, rows, peers: None }
    }

    pub(super) fn row(&self, at: usize) -> Row<'_> {
        Row::new(&self.columns, &self.rows[at])
    }
}

/// The rows of a query over a database, columns in the order of the output; with the groups of ties
/// where the query ends in an order.
///
/// # Errors
///
/// [`EvalError::Raised`] where the query fails, and [`EvalError::Unsupported`] where the
/// interpreter cannot tell what it gives: a function that is not modelled, a volatile one, or rows
/// that depend on a choice which the plan leaves open.
pub fn evaluate(output: &Output, arena: &Arena, database: &Database) -> Result<Rows, EvalError> {
    let eval = Eval::new(arena, database);
    let relation = eval.relation(&output.plan)?;
    let mut rows = Vec::with_capacity(relation.rows.len());
    for at in 0..relation.rows.len() {
        let shown = output.columns.iter().map(|column| {
            let position = relation.columns.iter().position(|known| *known == Some(column.column));
            match position {
                Some(position) => relation.rows[at][position].clone(),
                None => Err(EvalError::Unsupported("an output column that the plan does not expose")),
            }
        });
        rows.push(shown.collect::<Result<Vec<Value>, EvalError>>()?);
    }
    Ok(Rows { rows, peers: relation.peers.filter(|_| ends_in_order(&output.plan, false)) })
}

/// Whether the query itself asks for an order. One below a second limit belongs to a query that it
/// reads, and is no promise.
fn ends_in_order(plan: &Plan, is_limited: bool) -> bool {
    match plan {
        Plan::Sort { .. } => true,
        Plan::Limit { input, .. } => !is_limited && ends_in_order(input, true),
        Plan::Named { input, .. } | Plan::Project { input, .. } | Plan::Instance { input, .. } => {
            ends_in_order(input, is_limited)
        }
        Plan::Scan { .. }
        | Plan::Values { .. }
        | Plan::Empty { .. }
        | Plan::Filter { .. }
        | Plan::Join { .. }
        | Plan::Aggregate { .. }
        | Plan::GroupingSets { .. }
        | Plan::Distinct { .. }
        | Plan::Unnest { .. }
        | Plan::Window { .. }
        | Plan::SetOp { .. }
        | Plan::RecursiveUnion { .. }
        | Plan::WorkTable { .. }
        | Plan::Sample { .. }
        | Plan::ScanAt { .. }
        | Plan::Hole { .. } => false,
    }
}

impl Eval<'_> {
    pub(super) fn relation(&self, plan: &Plan) -> Result<Relation, EvalError> {
        match plan {
            Plan::Scan { table, columns } => self.scan(table, columns),
            Plan::Values { columns, rows } => {
                let rows = rows.iter().map(|row| {
                    let cells = row.iter().zip(columns).map(|(&scalar, &id)| {
                        self.scalar(scalar, Row::EMPTY).and_then(|value| cast(value, self.arena.column_type(id)))
                    });
                    cells.collect()
                });
                Ok(Relation::new(named(columns), rows.collect()))
            }
            Plan::Empty { columns } => Ok(Relation::new(named(columns), Vec::new())),
            Plan::Filter { input, holds } => {
                let input = self.relation(input)?;
                let mut rows = Vec::new();
                for at in 0..input.rows.len() {
                    if self.holds(holds, input.row(at))? {
                        rows.push(input.rows[at].clone());
                    }
                }
                Ok(Relation::new(input.columns, rows))
            }
            Plan::Project { input, exprs } => {
                let input = self.relation(input)?;
                let rows = (0..input.rows.len())
                    .map(|at| exprs.iter().map(|&(_, scalar)| self.scalar(scalar, input.row(at))).collect())
                    .collect();
                let columns = exprs.iter().map(|&(id, _)| Some(id)).collect();
                // Row by row, so that an order below stays one.
                Ok(Relation { columns, rows, peers: input.peers })
            }
            Plan::Join { kind, left, right, on } => {
                let (left, right) = (self.relation(left)?, self.relation(right)?);
                join::joined(self, *kind, &left, &right, on)
            }
            Plan::Aggregate { input, keys, calls } => aggregate::aggregated(self, &self.relation(input)?, keys, calls),
            Plan::GroupingSets { input, groups } => aggregate::grouped_by_sets(self, &self.relation(input)?, groups),
            Plan::Distinct { input } => {
                let input = self.relation(input)?;
                Ok(Relation::new(input.columns, distinct(input.rows)?))
            }
            Plan::Unnest { input, list, column, position, is_outer } => {
                nested::unnested(self, &self.relation(input)?, *list, (*column, *position), *is_outer)
            }
            Plan::Window { input, calls } => window::windowed(self, self.relation(input)?, calls),
            Plan::Sort { input, keys } => {
                let input = self.relation(input)?;
                let (order, peers) = self.sorted(keys, &input, &(0..input.rows.len()).collect::<Vec<_>>())?;
                let rows = order.into_iter().map(|at| input.rows[at].clone()).collect();
                Ok(Relation { columns: input.columns, rows, peers: Some(peers) })
            }
            Plan::Limit { input, skip, fetch } => limited(self.relation(input)?, *skip, *fetch),
            Plan::SetOp { kind, inputs, columns } => self.set_operation(*kind, inputs, columns),
            Plan::RecursiveUnion { recursion } => self.recursion(recursion),
            Plan::WorkTable { columns } => self.work_table(columns),
            Plan::Sample { .. } => Err(EvalError::Unsupported("rows that chance picks")),
            Plan::ScanAt { .. } => Err(EvalError::Unsupported("a table as it was")),
            Plan::Instance { input, k } => {
                let input = self.relation(input)?;
                let columns =
                    input.columns.iter().map(|id| id.and_then(|id| self.arena.known_instance(id, *k))).collect();
                Ok(Relation { columns, ..input })
            }
            Plan::Named { input, .. } => self.relation(input),
            Plan::Hole { .. } => Err(EvalError::Unsupported("a hole of a template")),
        }
    }

    fn scan(&self, table: &str, columns: &[ColumnId]) -> Result<Relation, EvalError> {
        let mut rows = Vec::new();
        for row in self.database.rows(table) {
            self.step()?;
            if row.len() != columns.len() {
                return Err(EvalError::Unsupported("a table with other columns than its rows have"));
            }
            rows.push(row.iter().cloned().map(Ok).collect());
        }
        Ok(Relation::new(named(columns), rows))
    }

    /// Positions of rows in an order, and each one's group of ties.
    pub(super) fn sorted(
        &self,
        keys: &[SortKey],
        input: &Relation,
        rows: &[usize],
    ) -> Result<(Vec<usize>, Vec<usize>), EvalError> {
        let mut keyed: Vec<(Vec<Value>, usize)> = Vec::with_capacity(rows.len());
        for &at in rows {
            let values = keys.iter().map(|key| self.scalar(key.scalar, input.row(at)));
            keyed.push((values.collect::<Result<_, _>>()?, at));
        }
        let by_keys = |a: &[Value], b: &[Value]| {
            let orders = keys.iter().zip(a.iter().zip(b)).map(|(key, (a, b))| key_order(*key, a, b));
            orders.into_iter().find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        };
        keyed.sort_by(|(a, _), (b, _)| by_keys(a, b));
        let mut peers = Vec::with_capacity(keyed.len());
        let mut group = 0;
        for (at, (key, _)) in keyed.iter().enumerate() {
            if at > 0 && by_keys(&keyed[at - 1].0, key).is_ne() {
                group += 1;
            }
            peers.push(group);
        }
        Ok((keyed.into_iter().map(|(_, at)| at).collect(), peers))
    }

    /// The columns `taken` of a relation, converted to the types of `columns`.
    pub(super) fn taken(&self, input: &Relation, taken: &[ColumnId], columns: &[ColumnId]) -> Vec<Vec<Cell>> {
        let rows = (0..input.rows.len()).map(|at| {
            let cells = taken.iter().zip(columns).map(|(&id, &to)| {
                let position = input.columns.iter().position(|known| *known == Some(id));
                let missing = Err(EvalError::Unsupported("a column that a branch does not expose"));
                let cell = position.map_or(missing, |position| input.rows[at][position].clone());
                cell.and_then(|value| cast(value, self.arena.column_type(to)))
            });
            cells.collect()
        });
        rows.collect()
    }

    fn set_operation(
        &self,
        kind: SetOpKind,
        inputs: &[(Plan, Vec<ColumnId>)],
        columns: &[ColumnId],
    ) -> Result<Relation, EvalError> {
        let mut branches: Vec<Vec<Vec<Cell>>> = Vec::with_capacity(inputs.len());
        for (plan, taken) in inputs {
            let input = self.relation(plan)?;
            branches.push(self.taken(&input, taken, columns));
        }
        let all = || branches.iter().flatten().cloned().collect::<Vec<_>>();
        let rows = match kind {
            SetOpKind::UnionAll => all(),
            SetOpKind::Union => distinct(all())?,
            SetOpKind::Intersect | SetOpKind::IntersectAll | SetOpKind::Except | SetOpKind::ExceptAll => {
                let mut rows = Vec::new();
                let first = branches.first().cloned().unwrap_or_default();
                for row in distinct(first)? {
                    let counts = branches.iter().map(|branch| count(branch, &row)).collect::<Result<Vec<_>, _>>()?;
                    let (own, others) = (counts[0], &counts[1..]);
                    let n = match kind {
                        SetOpKind::IntersectAll => counts.iter().copied().min().unwrap_or(0),
                        SetOpKind::Intersect => usize::from(others.iter().all(|&n| n > 0)),
                        SetOpKind::ExceptAll => own.saturating_sub(others.iter().sum()),
                        _ => usize::from(others.iter().all(|&n| n == 0)),
                    };
                    rows.extend(std::iter::repeat_n(row, n));
                }
                rows
            }
        };
        Ok(Relation::new(named(columns), rows))
    }

    /// The values of scalars over one row.
    pub(super) fn values(
        &self,
        scalars: impl IntoIterator<Item = ScalarId>,
        row: Row<'_>,
    ) -> Result<Vec<Value>, EvalError> {
        scalars.into_iter().map(|scalar| self.scalar(scalar, row)).collect()
    }
}

/// The order of two values under a sort key.
pub(super) fn key_order(key: SortKey, a: &Value, b: &Value) -> std::cmp::Ordering {
    use std::cmp::Ordering;
    let nulls = if key.is_nulls_first { Ordering::Less } else { Ordering::Greater };
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) => nulls,
        (false, true) => nulls.reverse(),
        (false, false) if key.is_descending => ordered(b, a),
        (false, false) => ordered(a, b),
    }
}

pub(super) fn named(columns: &[ColumnId]) -> Vec<Option<ColumnId>> {
    columns.iter().copied().map(Some).collect()
}

/// Whether two rows are the same to `DISTINCT`.
pub(super) fn same_row(a: &[Cell], b: &[Cell]) -> Result<bool, EvalError> {
    let mut is_equal = true;
    for (a, b) in a.iter().zip(b) {
        match (a, b) {
            (Ok(a), Ok(b)) => is_equal &= is_same(a, b),
            (Err(error), _) | (_, Err(error)) => return Err(*error),
        }
    }
    Ok(is_equal)
}

pub(super) fn count(rows: &[Vec<Cell>], row: &[Cell]) -> Result<usize, EvalError> {
    let mut n = 0;
    for other in rows {
        n += usize::from(same_row(other, row)?);
    }
    Ok(n)
}

pub(super) fn distinct(rows: Vec<Vec<Cell>>) -> Result<Vec<Vec<Cell>>, EvalError> {
    let mut seen: Vec<Vec<Cell>> = Vec::new();
    for row in rows {
        // A single row is compared with itself, so that a failed cell is asked for.
        same_row(&row, &row)?;
        if count(&seen, &row)? == 0 {
            seen.push(row);
        }
    }
    Ok(seen)
}

/// Rows `skip .. skip + fetch`, where the order decides which they are.
fn limited(input: Relation, skip: u64, fetch: Option<u64>) -> Result<Relation, EvalError> {
    let n_rows = input.rows.len();
    let start = usize::try_from(skip).unwrap_or(usize::MAX).min(n_rows);
    let fetch = fetch.map_or(usize::MAX, |fetch| usize::try_from(fetch).unwrap_or(usize::MAX));
    let end = start.saturating_add(fetch).min(n_rows);
    let tied = vec![0; n_rows];
    let peers = input.peers.as_ref().unwrap_or(&tied);
    for cut in [start, end] {
        // An empty result needs no choice.
        let is_within = start < end && cut > 0 && cut < n_rows && peers[cut - 1] == peers[cut];
        if !is_within {
            continue;
        }
        let group: Vec<&Vec<Cell>> =
            (0..n_rows).filter(|&at| peers[at] == peers[cut]).map(|at| &input.rows[at]).collect();
        for row in &group {
            if !same_row(row, group[0])? {
                let what = if input.peers.is_some() { "limit within ties" } else { "limit without order" };
                return Err(EvalError::Unsupported(what));
            }
        }
    }
    let peers = input.peers.map(|peers| peers[start..end].to_vec());
    Ok(Relation { columns: input.columns, rows: input.rows[start..end].to_vec(), peers })
}
