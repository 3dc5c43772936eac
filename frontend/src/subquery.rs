//! Subqueries: joined to the relation of the level that they stand in.

use std::hash::{Hash, Hasher};

use indexmap::IndexMap;
use isomer_ir::{ColumnDef, ColumnId, DataType, Function, JoinKind, Literal, Plan, Scalar, ScalarId};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet, FxHasher};
use sqlparser::ast::{BinaryOperator, Expr, Query, UnaryOperator};

use crate::bind::{Bind, Binder, Bound, Clause, outer_at};
use crate::bind_query::plan_has_outer;
use crate::decorrelate::{OVER_NOTHING, Pulled, Reason, Use, keyed, pull_up};
use crate::domain::{Domain, unnested};
use crate::parse::Fault;
use crate::place::Place;
use crate::scope::{Rel, is_nullable, replace_columns};
use crate::syntax::bare;

/// A subquery's rows, the value compared with, and the conditions that tie it to its surroundings.
struct Side {
    rel: Rel,
    values: Vec<ScalarId>,
    on: Vec<ScalarId>,
}

/// A comparison with each row of a subquery.
struct Compared {
    /// True where the row matches.
    test: ScalarId,
    /// True where it matches or may, a value being NULL.
    may_match: ScalarId,
    /// NULL values that make it uncertain.
    unknown: ScalarId,
    /// Whether a NULL can occur.
    may_be_null: bool,
    /// Whether one value is compared by equality.
    is_single_equality: bool,
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
        let Pulled { plan, conjuncts, .. } = self.decorrelated(plan, Use::Existence, at)?;
        self.note("decorrelate-exists");
        let nullable = rel.columns;
        let ids = plan.columns(self.arena);
        let rel = Rel::new(plan, ids.into_iter().map(|id| (id, nullable.get(&id).copied().unwrap_or(true))));
        let (rel, map) = self.beside_level(rel);
        let on = conjuncts.into_iter().map(|conjunct| self.lifted(conjunct, &map)).collect::<Bind<_>>()?;
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
        let values = self.compared_values(value)?;
        let side = match self.compared_side(query, values.len(), at)? {
            Ok(side) => side,
            Err(single) => {
                let compared = self.compared(function, values[0], single, at)?;
                return Ok(Some(self.negated_if(is_negated, compared)));
            }
        };
        if values.len() > 1 && function != Function::Eq {
            return Err(self.unsupported(value, "a tuple compared otherwise than by `IN`"));
        }
        let compared = self.compared_with(function, &values, &side, at)?;
        let Side { rel, on, .. } = side;
        if !is_negated {
            let tests = self.arena.conjuncts(compared.test);
            self.attach(rel, JoinKind::Semi, tests.into_iter().chain(on).collect());
        } else if !compared.may_be_null {
            let tests = self.arena.conjuncts(compared.test);
            self.attach(rel, JoinKind::Anti, tests.into_iter().chain(on).collect());
        } else if on.is_empty() && compared.is_single_equality {
            self.attach(rel, JoinKind::AntiNullAware, vec![compared.test]);
        } else {
            self.attach(rel, JoinKind::Anti, std::iter::once(compared.may_match).chain(on).collect());
        }
        Ok(None)
    }

    /// The value before `IN`, or each of a tuple.
    fn compared_values(&mut self, value: &'a Expr) -> Bind<Vec<ScalarId>> {
        match bare(value) {
            Expr::Tuple(values) if !values.is_empty() => values.iter().map(|value| self.scalar(value)).collect(),
            value => Ok(vec![self.scalar(value)?]),
        }
    }

    fn compared_with(&mut self, function: Function, values: &[ScalarId], side: &Side, at: &Expr) -> Bind<Compared> {
        let mut tests = Vec::with_capacity(values.len());
        let mut may_be_null = false;
        for (&left, &right) in values.iter().zip(&side.values) {
            tests.push(self.compared(function, left, right, at)?);
            may_be_null |= self.may_be_null(left, right, &side.rel);
        }
        let test = self.arena.and(tests);
        if let (&[left], &[right]) = (values, side.values.as_slice()) {
            let is_unknown = [left, right].map(|side| self.arena.predicate(Function::IsNull, [side]));
            let may_match = self.arena.or([test, is_unknown[0], is_unknown[1]]);
            let unknown = self.arena.or(is_unknown);
            let is_single_equality = function == Function::Eq;
            return Ok(Compared { test, may_match, unknown, may_be_null, is_single_equality });
        }
        // One pair that differs decides a tuple, whatever NULLs the others hold.
        let unknown = self.arena.predicate(Function::IsNull, [test]);
        let may_match = self.arena.or([test, unknown]);
        Ok(Compared { test, may_match, unknown, may_be_null, is_single_equality: false })
    }

    fn may_be_null(&mut self, left: ScalarId, right: ScalarId, rel: &Rel) -> bool {
        is_nullable(right, &rel.columns, self.arena) || {
            let columns = self.level().rel.columns.clone();
            is_nullable(left, &columns, self.arena)
        }
    }

    /// The rows of a subquery that a value is compared with. `Err` holds the one value of a
    /// correlated subquery that always gives one row.
    fn compared_side(&mut self, query: &'a Query, n_values: usize, at: &Expr) -> Bind<Result<Side, ScalarId>> {
        self.expect_place(at)?;
        let bound = self.query(query, false)?;
        if bound.columns.len() != n_values {
            let message = format!("the subquery gives {} columns, expected {n_values}", bound.columns.len());
            let fault = self.fault("SQL-0019", at, message);
            return Err(Box::new(fault.with_help("select as many columns as are compared")));
        }
        let ids: Vec<ColumnId> = bound.columns.iter().map(|&(_, id)| id).collect();
        if let [id] = ids[..]
            && plan_has_outer(self.arena, &bound.rel.plan)
            && is_single_row(&bound.rel.plan)
        {
            return Ok(Err(self.joined_scalar(bound, id, at)?));
        }
        let mut values: Vec<ScalarId> = ids.iter().map(|&id| self.arena.column_ref(id)).collect();
        let Rel { mut plan, columns } = bound.rel;
        loop {
            plan = match plan {
                Plan::Project { input, exprs } if self.is_movable(&exprs) => {
                    values = values.into_iter().map(|value| self.inlined(value, &exprs)).collect();
                    *input
                }
                Plan::Distinct { input } | Plan::Sort { input, .. } => *input,
                other => break plan = other,
            };
        }
        let pulled = self.decorrelated(plan, Use::Existence, at)?;
        let values: Vec<ScalarId> = values.into_iter().map(|value| pulled.inlined(self.arena, value)).collect();
        let Pulled { plan, conjuncts, .. } = pulled;
        self.note("decorrelate-in");
        let shown = plan.columns(self.arena);
        let known = |found: ColumnId| {
            let position = values.iter().position(|&value| self.arena[value] == Scalar::Column(found));
            let id = position.map_or(found, |position| ids[position]);
            columns.get(&id).copied().unwrap_or(true)
        };
        let exposed: Vec<(ColumnId, bool)> = shown.into_iter().map(|id| (id, known(id))).collect();
        let (rel, map) = self.beside_level(Rel::new(plan, exposed));
        let on = conjuncts.into_iter().map(|conjunct| self.lifted(conjunct, &map)).collect::<Bind<_>>()?;
        let values = values.into_iter().map(|value| self.lifted(value, &map)).collect::<Bind<_>>()?;
        Ok(Ok(Side { rel, values, on }))
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
        let values = self.compared_values(value)?;
        let side = match self.compared_side(query, values.len(), at)? {
            Ok(side) => side,
            Err(single) => {
                let compared = self.compared(Function::Eq, values[0], single, at)?;
                return Ok(self.negated_if(is_negated, compared));
            }
        };
        let compared = self.compared_with(Function::Eq, &values, &side, at)?;
        let Side { rel, on, .. } = side;
        let again = rel.clone();
        let found = self.mark(rel, std::iter::once(compared.test).chain(on.iter().copied()).collect());
        if !compared.may_be_null {
            return Ok(self.negated_if(is_negated, found));
        }
        let unsure = self.mark(again, std::iter::once(compared.unknown).chain(on).collect());
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
                let fault = self.fault("SQL-0019", at, message);
                Err(Box::new(fault.with_help("select one column")))
            }
        }
    }

    fn joined_scalar(&mut self, bound: Bound, id: ColumnId, at: &Expr) -> Bind<ScalarId> {
        let Rel { plan, columns } = bound.rel;
        self.note("decorrelate-scalar-subquery");
        if !plan_has_outer(self.arena, &plan) {
            let kind = if is_single_row(&plan) { JoinKind::Inner } else { JoinKind::Single };
            let (rel, map) = self.beside_level(Rel { plan, columns });
            self.attach(rel, kind, Vec::new());
            let id = map.get(&id).copied().unwrap_or(id);
            return Ok(self.arena.column_ref(id));
        }
        let mut value = self.arena.column_ref(id);
        if is_single_row(&plan) {
            let whole = plan.clone();
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
            if let Plan::Aggregate { input, keys, calls } = plan
                && let Ok(keyed) = keyed(self.arena, *input, keys, &calls)
            {
                return self.joined_aggregate(keyed, &calls, value, at);
            }
            let pulled = self.over_domain(whole).map_err(|reason| self.correlated(reason, at))?;
            let column = self.arena.column_ref(id);
            return self.attached_value(pulled, &columns, column, JoinKind::Left);
        }
        let pulled = self.decorrelated(plan, Use::Rows, at)?;
        let value = pulled.inlined(self.arena, value);
        self.attached_value(pulled, &columns, value, JoinKind::Single)
    }

    /// Joins the rows of a scalar subquery to the level; gives its value above the join.
    fn attached_value(
        &mut self,
        pulled: Pulled,
        columns: &IndexMap<ColumnId, bool, FxBuildHasher>,
        value: ScalarId,
        kind: JoinKind,
    ) -> Bind<ScalarId> {
        let Pulled { mut plan, conjuncts, .. } = pulled;
        let mut value = value;
        // A value that is computed above the join must be NULL where nothing matched.
        if !matches!(self.arena[value], Scalar::Column(_)) {
            let present = self.arena.boolean(true);
            let mark = self.arena.computed_column(present, "found");
            let exposed = plan.columns(self.arena);
            let mark = self.arena.variant_outside(mark, &exposed);
            let mut exprs: Vec<(ColumnId, ScalarId)> =
                exposed.into_iter().map(|id| (id, self.arena.column_ref(id))).collect();
            exprs.push((mark, present));
            plan = Plan::Project { input: Box::new(plan), exprs };
            let found = self.arena.column_ref(mark);
            let data_type = self.arena.type_of(value);
            let null = self.arena.literal(Literal::Null(data_type));
            value = self.arena.scalar(Scalar::Case { branches: vec![(found, value)], otherwise: null, data_type });
        }
        let ids = plan.columns(self.arena);
        let exposed = ids.into_iter().map(|id| (id, columns.get(&id).copied().unwrap_or(true)));
        let (rel, map) = self.beside_level(Rel::new(plan, exposed));
        let on = conjuncts.into_iter().map(|conjunct| self.lifted(conjunct, &map)).collect::<Bind<_>>()?;
        let value = self.lifted(value, &map)?;
        self.attach(rel, kind, on);
        Ok(value)
    }

    /// A correlated aggregate without keys: grouped by what it is correlated on and joined to the
    /// left, so that a row without a group keeps the value that the aggregate has over no rows.
    fn joined_aggregate(
        &mut self,
        (plan, pulled): (Plan, Vec<ScalarId>),
        aggregates: &[(ColumnId, isomer_ir::AggregateCall)],
        value: ScalarId,
        at: &Expr,
    ) -> Bind<ScalarId> {
        self.note("decorrelate-scalar-aggregate");
        let ids = plan.columns(self.arena);
        let (rel, map) = self.beside_level(Rel::new(plan, ids.into_iter().map(|id| (id, true))));
        let on = pulled.into_iter().map(|conjunct| self.lifted(conjunct, &map)).collect::<Bind<_>>()?;
        let mut values: FxHashMap<ColumnId, ScalarId> = FxHashMap::default();
        for (id, call) in aggregates {
            let column = self.arena.column_ref(map.get(id).copied().unwrap_or(*id));
            let value = self.arena.or_over_nothing(call, column).ok_or_else(|| self.correlated(OVER_NOTHING, at))?;
            values.insert(*id, value);
        }
        let value = self.lifted_with(value, &values)?;
        self.attach(rel, JoinKind::Left, on);
        Ok(value)
    }

    /// A subquery's plan without outer columns: what reads them is taken to its top, or it is computed
    /// for each value that they have.
    pub(crate) fn decorrelated(&mut self, plan: Plan, purpose: Use, at: &impl Place) -> Bind<Pulled> {
        match pull_up(self.arena, plan.clone(), purpose) {
            Ok(pulled) => Ok(pulled),
            Err(reason) => self.over_domain(plan).map_err(|_| self.correlated(reason, at)),
        }
    }

    /// The rows of a plan for each value of the level's columns that it reads, tied to these.
    pub(crate) fn over_domain(&mut self, plan: Plan) -> Result<Pulled, Reason> {
        let mut outer: Vec<ColumnId> = Vec::new();
        let mut taken: FxHashSet<ColumnId> = FxHashSet::default();
        let mut stack = vec![&plan];
        while let Some(plan) = stack.pop() {
            for scalar in plan.own_scalars() {
                self.arena.visit(scalar, &mut |_, scalar| {
                    if let Scalar::Outer(id) = scalar {
                        outer.push(*id);
                    }
                });
            }
            taken.extend(plan.columns(self.arena));
            stack.extend(plan.inputs());
        }
        outer.sort_unstable();
        outer.dedup();
        let mut columns = Vec::with_capacity(outer.len());
        let position = self.levels.len() - 1;
        for &id in &outer {
            // What belongs further out stays for the level that it belongs to.
            let Some(own) = outer_at(self.arena, id, position) else { continue };
            let column = self.arena.column_ref(own);
            let value = self.grouped(column).map_err(|_| "an outer column that is not grouped")?;
            let Scalar::Column(held) = self.arena[value] else { return Err("an outer column that is computed") };
            columns.push((id, held));
        }
        if columns.is_empty() {
            return Err("a column of a query more than one level further out");
        }
        let level = self.levels.last().expect("subqueries stand within a level");
        let is_taken =
            |id: ColumnId| taken.contains(&id) || level.rel.columns.contains_key(&id) || level.hidden.contains(&id);
        let domain = Domain::new(self.arena, &level.rel.plan, &columns, &is_taken)?;
        let nullable: Vec<bool> =
            columns.iter().map(|(_, held)| level.rel.columns.get(held).copied().unwrap_or(true)).collect();
        let plan = unnested(self.arena, plan, &domain)?;
        let mut conjuncts = Vec::with_capacity(outer.len());
        for (&(outer, own), is_nullable) in domain.columns.iter().zip(nullable) {
            let (outer, own) = (self.arena.scalar(Scalar::Outer(outer)), self.arena.column_ref(own));
            let function = if is_nullable { Function::IsNotDistinct } else { Function::Eq };
            conjuncts.push(self.arena.comparison(function, outer, own));
        }
        self.note("decorrelate-by-domain");
        Ok(Pulled { plan, conjuncts, computed: FxHashMap::default() })
    }

    /// Remembers that a rule of this file made a join.
    pub(crate) fn note(&mut self, rule: &'static str) {
        *self.rules.entry(rule).or_insert(0) += 1;
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

    pub(crate) fn correlated(&self, reason: Reason, at: &impl Place) -> Fault {
        let fault = self.fault("SQL-0015", at, format!("a correlated subquery with {reason} is not supported"));
        Box::new(fault.with_help("write it as a join"))
    }

    /// The relation renamed so that it exposes nothing that the level's relation exposes or hides.
    pub(crate) fn beside_level(&mut self, rel: Rel) -> (Rel, FxHashMap<ColumnId, ColumnId>) {
        let level = self.levels.last().expect("subqueries stand within a level");
        let taken = |id: ColumnId| level.rel.columns.contains_key(&id) || level.hidden.contains(&id);
        rel.disjoint_from(&taken, self.arena)
    }

    /// A scalar of a subquery as it reads above the join: its own columns renamed, the outer ones
    /// those of the level.
    pub(crate) fn lifted(&mut self, scalar: ScalarId, map: &FxHashMap<ColumnId, ColumnId>) -> Bind<ScalarId> {
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
        let position = self.levels.len() - 1;
        for id in outer {
            let Some(own) = outer_at(self.arena, id, position) else { continue };
            let column = self.arena.column_ref(own);
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
        Plan::Unnest { .. }
        | Plan::Scan { .. }
        | Plan::Empty { .. }
        | Plan::Filter { .. }
        | Plan::GroupingSets { .. }
        | Plan::Join { .. }
        | Plan::Limit { .. }
        | Plan::SetOp { .. }
        | Plan::RecursiveUnion { .. }
        | Plan::WorkTable { .. }
        | Plan::Sample { .. }
        | Plan::ScanAt { .. }
        | Plan::Hole { .. } => false,
    }
}
