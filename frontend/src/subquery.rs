//! Subqueries: joined to the relation of the level that they stand in.

use std::hash::{Hash, Hasher};

use isomer_ir::{ColumnDef, ColumnId, DataType, Function, JoinKind, Literal, Plan, Scalar, ScalarId};
use rustc_hash::{FxHashMap, FxHasher};
use sqlparser::ast::{BinaryOperator, Expr, Query, UnaryOperator};

use crate::bind::{Bind, Binder, Bound, Clause};
use crate::bind_query::plan_has_outer;
use crate::decorrelate::{Reason, Use, keyed, pull_up};
use crate::parse::Fault;
use crate::scope::{Rel, is_nullable, replace_columns};
use crate::syntax::bare;

/// A subquery's rows, the value compared with, and the conditions that tie it to its surroundings.
struct Side {
    rel: Rel,
    value: ScalarId,
    on: Vec<ScalarId>,
}

impl<'a> Binder<'a> {
    /// A conjunct of a filter. Subqueries that are conditions of their own become semi and anti joins
    /// and leave nothing to filter.
    pub(crate) fn conjunct(&mut self, expr: &'a Expr) -> Bind<Option<ScalarId>> {
        let (mut inner, mut is_negated) = (bare(expr), false);
        while let Expr::UnaryOp { op: UnaryOperator::Not | UnaryOperator::BangNot, expr } = inner {
            is_negated = !is_negated;
            inner = bare(expr);
        }
        match inner {
            Expr::Exists { subquery, negated } => self.exists(subquery, *negated != is_negated, expr),
            Expr::InSubquery { expr: value, subquery, negated } => {
                self.quantified(value, subquery, Function::Eq, *negated != is_negated, expr)
            }
            Expr::AnyOp { left, compare_op, right, is_some: _ } if !is_negated => match bare(right) {
                Expr::Subquery(query) => {
                    let function = self.comparison_of(compare_op, expr)?;
                    self.quantified(left, query, function, false, expr)
                }
                _ => Err(self.unsupported(expr, "`ANY` of something that is no subquery")),
            },
            Expr::AllOp { left, compare_op, right } if !is_negated => match bare(right) {
                Expr::Subquery(query) => {
                    let function = self.comparison_of(compare_op, expr)?;
                    let Some(opposite) = function.negated() else {
                        return Err(self.unsupported(expr, "`ALL` with this operator"));
                    };
                    // `x > ALL q` is `NOT (x <= ANY q)`, NULLs included.
                    self.quantified(left, query, opposite, true, expr)
                }
                _ => Err(self.unsupported(expr, "`ALL` of something that is no subquery")),
            },
            _ => self.predicate(expr).map(Some),
        }
    }

    fn comparison_of(&self, op: &BinaryOperator, at: &Expr) -> Bind<Function> {
        Ok(match op {
            BinaryOperator::Eq => Function::Eq,
            BinaryOperator::NotEq => Function::NotEq,
            BinaryOperator::Lt => Function::Lt,
            BinaryOperator::LtEq => Function::LtEq,
            BinaryOperator::Gt => Function::Gt,
            BinaryOperator::GtEq => Function::GtEq,
            _ => return Err(self.unsupported(at, "`ANY` or `ALL` with this operator")),
        })
    }

    fn exists(&mut self, query: &'a Query, is_negated: bool, at: &Expr) -> Bind<Option<ScalarId>> {
        match self.existence(query, at)? {
            None => Ok(Some(self.arena.boolean(!is_negated))),
            Some((rel, on)) => {
                let kind = if is_negated { JoinKind::Anti } else { JoinKind::Semi };
                self.attach(rel, kind, on);
                Ok(None)
            }
        }
    }

    /// The rows and conditions of an `EXISTS`; nothing where a row always exists.
    fn existence(&mut self, query: &'a Query, at: &Expr) -> Bind<Option<(Rel, Vec<ScalarId>)>> {
        self.expect_place(at)?;
        let Bound { rel, columns: _ } = self.query(query, false)?;
        let mut plan = rel.plan;
        // Neither the select list nor duplicates nor an order decide whether a row exists.
        loop {
            plan = match plan {
                Plan::Project { input, .. } | Plan::Distinct { input } | Plan::Sort { input, .. } => *input,
                Plan::Limit { input, skip: 0, fetch: Some(1..) } => *input,
                other => break plan = other,
            };
        }
        if matches!(&plan, Plan::Aggregate { keys, .. } if keys.is_empty()) {
            return Ok(None);
        }
        let (plan, pulled) = pull_up(self.arena, plan, Use::Existence).map_err(|reason| self.correlated(reason, at))?;
        let nullable = rel.columns;
        let ids = plan.columns(self.arena);
        let rel = Rel::new(plan, ids.into_iter().map(|id| (id, nullable.get(&id).copied().unwrap_or(true))));
        let (rel, map) = self.beside_level(rel);
        let on = pulled.into_iter().map(|conjunct| self.lifted(conjunct, &map)).collect::<Bind<_>>()?;
        Ok(Some((rel, on)))
    }

    /// `value <function> ANY (query)`, or its negation.
    fn quantified(
        &mut self,
        value: &'a Expr,
        query: &'a Query,
        function: Function,
        is_negated: bool,
        at: &Expr,
    ) -> Bind<Option<ScalarId>> {
        if matches!(bare(value), Expr::Tuple(_)) {
            return Err(self.unsupported(value, "a tuple before `IN`"));
        }
        let value = self.scalar(value)?;
        let side = match self.compared_side(query, at)? {
            Ok(side) => side,
            Err(single) => {
                let compared = self.compared(function, value, single, at)?;
                return Ok(Some(self.negated_if(is_negated, compared)));
            }
        };
        let Side { rel, value: right, on } = side;
        let test = self.compared(function, value, right, at)?;
        if !is_negated {
            self.attach(rel, JoinKind::Semi, std::iter::once(test).chain(on).collect());
            return Ok(None);
        }
        let may_be_null = self.may_be_null(value, right, &rel);
        if !may_be_null {
            self.attach(rel, JoinKind::Anti, std::iter::once(test).chain(on).collect());
        } else if on.is_empty() && function == Function::Eq {
            self.attach(rel, JoinKind::AntiNullAware, vec![test]);
        } else {
            let is_unknown = [value, right].map(|side| self.arena.predicate(Function::IsNull, [side]));
            let test = self.arena.or([test, is_unknown[0], is_unknown[1]]);
            self.attach(rel, JoinKind::Anti, std::iter::once(test).chain(on).collect());
        }
        Ok(None)
    }

    fn may_be_null(&mut self, left: ScalarId, right: ScalarId, rel: &Rel) -> bool {
        is_nullable(right, &rel.columns, self.arena) || {
            let columns = self.level().rel.columns.clone();
            is_nullable(left, &columns, self.arena)
        }
    }

    /// The rows of a subquery that a value is compared with. `Err` holds the one value of a
    /// correlated subquery that always gives one row.
    fn compared_side(&mut self, query: &'a Query, at: &Expr) -> Bind<Result<Side, ScalarId>> {
        self.expect_place(at)?;
        let bound = self.query(query, false)?;
        let id = self.one_column(&bound, at)?;
        if plan_has_outer(self.arena, &bound.rel.plan) && is_single_row(&bound.rel.plan) {
            return Ok(Err(self.joined_scalar(bound, id, at)?));
        }
        let mut value = self.arena.column_ref(id);
        let Rel { mut plan, columns } = bound.rel;
        loop {
            plan = match plan {
                Plan::Project { input, exprs } if self.is_movable(&exprs) => {
                    value = self.inlined(value, &exprs);
                    *input
                }
                Plan::Distinct { input } | Plan::Sort { input, .. } => *input,
                other => break plan = other,
            };
        }
        let (plan, pulled) = pull_up(self.arena, plan, Use::Existence).map_err(|reason| self.correlated(reason, at))?;
        let value_is_nullable = columns.get(&id).copied().unwrap_or(true);
        let ids = plan.columns(self.arena);
        let known = |found: ColumnId| {
            let is_value = self.arena[value] == Scalar::Column(found);
            if is_value { value_is_nullable } else { columns.get(&found).copied().unwrap_or(true) }
        };
        let exposed: Vec<(ColumnId, bool)> = ids.into_iter().map(|id| (id, known(id))).collect();
        let (rel, map) = self.beside_level(Rel::new(plan, exposed));
        let on = pulled.into_iter().map(|conjunct| self.lifted(conjunct, &map)).collect::<Bind<_>>()?;
        let value = self.lifted(value, &map)?;
        Ok(Ok(Side { rel, value, on }))
    }

    fn is_movable(&self, exprs: &[(ColumnId, ScalarId)]) -> bool {
        exprs.iter().all(|&(_, scalar)| self.arena.volatility(scalar) != isomer_ir::Volatility::Volatile)
    }

    fn inlined(&mut self, value: ScalarId, exprs: &[(ColumnId, ScalarId)]) -> ScalarId {
        replace_columns(self.arena, value, &mut |_, scalar| match scalar {
            Scalar::Column(id) => exprs.iter().find(|(known, _)| known == id).map(|&(_, scalar)| scalar),
            _ => None,
        })
    }

    /// `EXISTS` as a value.
    pub(crate) fn exists_value(&mut self, query: &'a Query, is_negated: bool, at: &Expr) -> Bind<ScalarId> {
        let found = match self.existence(query, at)? {
            None => self.arena.boolean(true),
            Some((rel, on)) => self.mark(rel, on),
        };
        Ok(self.negated_if(is_negated, found))
    }

    /// `IN` as a value, which may be NULL: one mark tells of a match, another of an unknown one.
    pub(crate) fn in_value(
        &mut self,
        value: &'a Expr,
        query: &'a Query,
        is_negated: bool,
        at: &Expr,
    ) -> Bind<ScalarId> {
        let value = self.scalar(value)?;
        let side = match self.compared_side(query, at)? {
            Ok(side) => side,
            Err(single) => {
                let compared = self.compared(Function::Eq, value, single, at)?;
                return Ok(self.negated_if(is_negated, compared));
            }
        };
        let Side { rel, value: right, on } = side;
        let test = self.compared(Function::Eq, value, right, at)?;
        let may_be_null = self.may_be_null(value, right, &rel);
        let again = rel.clone();
        let found = self.mark(rel, std::iter::once(test).chain(on.iter().copied()).collect());
        if !may_be_null {
            return Ok(self.negated_if(is_negated, found));
        }
        let is_unknown = [value, right].map(|side| self.arena.predicate(Function::IsNull, [side]));
        let unknown = self.arena.or(is_unknown);
        let unsure = self.mark(again, std::iter::once(unknown).chain(on).collect());
        let [yes, no] = [true, false].map(|truth| self.arena.boolean(truth));
        let null = self.arena.literal(Literal::Null(DataType::Boolean));
        let branches = vec![(found, yes), (unsure, null)];
        let scalar = self.arena.scalar(Scalar::Case { branches, otherwise: no, data_type: DataType::Boolean });
        Ok(self.negated_if(is_negated, scalar))
    }

    /// A scalar subquery.
    pub(crate) fn scalar_subquery(&mut self, query: &'a Query, at: &Expr) -> Bind<ScalarId> {
        self.expect_place(at)?;
        let bound = self.query(query, false)?;
        let id = self.one_column(&bound, at)?;
        self.joined_scalar(bound, id, at)
    }

    fn one_column(&self, bound: &Bound, at: &Expr) -> Bind<ColumnId> {
        match bound.columns.as_slice() {
            [(_, id)] => Ok(*id),
            columns => {
                let message = format!("the subquery gives {} columns, expected one", columns.len());
                Err(self.fault("SQL-0019", at, message))
            }
        }
    }

    fn joined_scalar(&mut self, bound: Bound, id: ColumnId, at: &Expr) -> Bind<ScalarId> {
        let Rel { plan, columns } = bound.rel;
        if !plan_has_outer(self.arena, &plan) {
            let kind = if is_single_row(&plan) { JoinKind::Inner } else { JoinKind::Single };
            let (rel, map) = self.beside_level(Rel { plan, columns });
            self.attach(rel, kind, Vec::new());
            let id = map.get(&id).copied().unwrap_or(id);
            return Ok(self.arena.column_ref(id));
        }
        let mut value = self.arena.column_ref(id);
        if is_single_row(&plan) {
            let mut plan = plan;
            loop {
                plan = match plan {
                    Plan::Project { input, exprs } => {
                        value = self.inlined(value, &exprs);
                        *input
                    }
                    Plan::Named { input, .. } | Plan::Sort { input, .. } => *input,
                    other => break plan = other,
                };
            }
            if matches!(&plan, Plan::Values { columns, .. } if columns.is_empty()) {
                // `(SELECT o.a + 1)` is that value.
                return self.lifted(value, &FxHashMap::default());
            }
            let Plan::Aggregate { input, keys, calls } = plan else {
                return Err(self.correlated("this shape", at));
            };
            return self.joined_aggregate(*input, keys, calls, value, at);
        }
        let (plan, pulled) = pull_up(self.arena, plan, Use::Rows).map_err(|reason| self.correlated(reason, at))?;
        let ids = plan.columns(self.arena);
        let exposed = ids.into_iter().map(|id| (id, columns.get(&id).copied().unwrap_or(true)));
        let (rel, map) = self.beside_level(Rel::new(plan, exposed));
        let on = pulled.into_iter().map(|conjunct| self.lifted(conjunct, &map)).collect::<Bind<_>>()?;
        let value = self.lifted(value, &map)?;
        self.attach(rel, JoinKind::Single, on);
        Ok(value)
    }

    /// A correlated aggregate without keys: grouped by what it is correlated on and joined to the
    /// left, so that a row without a group keeps the value that the aggregate has over no rows.
    fn joined_aggregate(
        &mut self,
        input: Plan,
        keys: Vec<(ColumnId, ScalarId)>,
        calls: Vec<(ColumnId, isomer_ir::AggregateCall)>,
        value: ScalarId,
        at: &Expr,
    ) -> Bind<ScalarId> {
        let aggregates = calls.clone();
        let (plan, pulled) = keyed(self.arena, input, keys, calls).map_err(|reason| self.correlated(reason, at))?;
        let ids = plan.columns(self.arena);
        let (rel, map) = self.beside_level(Rel::new(plan, ids.into_iter().map(|id| (id, true))));
        let on = pulled.into_iter().map(|conjunct| self.lifted(conjunct, &map)).collect::<Bind<_>>()?;
        let mut values: FxHashMap<ColumnId, ScalarId> = FxHashMap::default();
        for (id, call) in &aggregates {
            let column = self.arena.column_ref(map.get(id).copied().unwrap_or(*id));
            let value = self.over_nothing(call, column);
            values.insert(*id, value);
        }
        let value = self.lifted_with(value, &values)?;
        self.attach(rel, JoinKind::Left, on);
        Ok(value)
    }

    fn expect_place(&mut self, at: &Expr) -> Bind<()> {
        match self.level().clause {
            Clause::JoinOn => Err(self.unsupported(at, "a subquery in a join condition")),
            Clause::Values => Err(self.unsupported(at, "a subquery in `VALUES`, `LIMIT` or `OFFSET`")),
            Clause::Where
            | Clause::GroupBy
            | Clause::AggregateArgument
            | Clause::WindowArgument
            | Clause::Having
            | Clause::Select => Ok(()),
        }
    }

    fn correlated(&self, reason: Reason, at: &Expr) -> Fault {
        let fault = self.fault("SQL-0015", at, format!("a correlated subquery with {reason} is not supported"));
        Box::new(fault.with_help("write it as a join"))
    }

    /// The relation renamed so that it exposes nothing that the level's relation exposes or hides.
    fn beside_level(&mut self, rel: Rel) -> (Rel, FxHashMap<ColumnId, ColumnId>) {
        let level = self.levels.last().expect("subqueries stand within a level");
        let taken = |id: ColumnId| level.rel.columns.contains_key(&id) || level.hidden.contains(&id);
        rel.disjoint_from(&taken, self.arena)
    }

    /// A scalar of a subquery as it reads above the join: its own columns renamed, the outer ones
    /// those of the level.
    fn lifted(&mut self, scalar: ScalarId, map: &FxHashMap<ColumnId, ColumnId>) -> Bind<ScalarId> {
        let values = map.iter().map(|(&id, &renamed)| (id, self.arena.column_ref(renamed))).collect();
        self.lifted_with(scalar, &values)
    }

    fn lifted_with(&mut self, scalar: ScalarId, values: &FxHashMap<ColumnId, ScalarId>) -> Bind<ScalarId> {
        let mut outer = Vec::new();
        self.arena.visit(scalar, &mut |_, scalar| {
            if let Scalar::Outer(id) = scalar {
                outer.push(*id);
            }
        });
        let mut above: FxHashMap<ColumnId, ScalarId> = FxHashMap::default();
        for id in outer {
            let column = self.arena.column_ref(id);
            above.insert(id, self.grouped(column)?);
        }
        Ok(replace_columns(self.arena, scalar, &mut |_, scalar| match scalar {
            Scalar::Column(id) => values.get(id).copied(),
            Scalar::Outer(id) => above.get(id).copied(),
            _ => None,
        }))
    }

    fn attach(&mut self, right: Rel, kind: JoinKind, on: Vec<ScalarId>) {
        let level = self.level();
        let left = std::mem::replace(&mut level.rel, Rel::one_row());
        level.rel = left.joined(kind, right, on);
    }

    fn mark(&mut self, rel: Rel, on: Vec<ScalarId>) -> ScalarId {
        // The marker's number is a digest of what it marks, so that equal subqueries of different
        // models have the same marker.
        let mut hasher = FxHasher::default();
        (&rel.plan, &on).hash(&mut hasher);
        let digest = hasher.finish();
        let mut serial = u32::try_from(digest >> 32).unwrap_or(0) & 0x7fff_ffff;
        let id = loop {
            let id = self.arena.column(ColumnDef::Mark { serial }, DataType::Boolean, "mark");
            let level = self.level();
            if !level.rel.columns.contains_key(&id) && !level.hidden.contains(&id) {
                break id;
            }
            serial = serial.wrapping_add(1);
        };
        self.attach(rel, JoinKind::Mark(id), on);
        self.arena.column_ref(id)
    }
}

/// Whether a plan gives exactly one row.
fn is_single_row(plan: &Plan) -> bool {
    match plan {
        Plan::Aggregate { keys, .. } => keys.is_empty(),
        Plan::Values { rows, .. } => rows.len() == 1,
        Plan::Project { input, .. }
        | Plan::Named { input, .. }
        | Plan::Sort { input, .. }
        | Plan::Instance { input, .. }
        | Plan::Distinct { input }
        | Plan::Window { input, .. } => is_single_row(input),
        Plan::Scan { .. }
        | Plan::Empty { .. }
        | Plan::Filter { .. }
        | Plan::Join { .. }
        | Plan::Limit { .. }
        | Plan::SetOp { .. }
        | Plan::Hole { .. } => false,
    }
}
