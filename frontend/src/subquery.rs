//! Subqueries: joined to the relation of the level that they stand in.

use std::hash::{Hash, Hasher};

use indexmap::IndexMap;
use isomer_ir::{AggregateCall, ColumnDef, ColumnId, DataType, Function, JoinKind, Literal, Plan, Scalar, ScalarId};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet, FxHasher};
use sqlparser::ast::{BinaryOperator, Expr, Query, UnaryOperator};

use crate::bind::{Bind, Binder, Bound, Clause, outer_at};
use crate::bind_query::plan_has_outer;
use crate::decorrelate::{OVER_NOTHING, Pulled, Reason, Use, keyed, pull_up};
use crate::domain::{Domain, unnested};
use crate::parse::Fault;
use crate::place::Place;
use crate::scope::{Rel, replace_columns};
use crate::syntax::bare;

/// Whether a subquery has a row.
enum Existence {
    /// Decided by its form.
    Known(bool),
    /// The rows and the conditions under which one exists.
    Rows(Rel, Vec<ScalarId>),
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
            Expr::InUnnest { expr: value, array_expr, negated: false }
                if !is_negated && !matches!(bare(array_expr), Expr::Array(_)) =>
            {
                self.among_elements(value, &BinaryOperator::Eq, array_expr, expr).map(Some)
            }
            Expr::AnyOp { left, compare_op, right, is_some: _ } if !is_negated => match bare(right) {
                Expr::Subquery(query) => {
                    let function = self.comparison_of(compare_op, expr)?;
                    self.quantified(left, query, function, false, expr)
                }
                _ if *compare_op == BinaryOperator::Eq && !matches!(bare(right), Expr::Array(_)) => {
                    self.among_elements(left, compare_op, right, expr).map(Some)
                }
                _ => self.predicate(expr).map(Some),
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
                _ => self.predicate(expr).map(Some),
            },
            _ => self.predicate(expr).map(Some),
        }
    }

    fn exists(&mut self, query: &'a Query, is_negated: bool, at: &Expr) -> Bind<Option<ScalarId>> {
        match self.existence(query, at)? {
            Existence::Known(exists) => Ok(Some(self.arena.boolean(exists != is_negated))),
            Existence::Rows(rel, on) => {
                let kind = if is_negated { JoinKind::Anti } else { JoinKind::Semi };
                self.attach(rel, kind, on);
                Ok(None)
            }
        }
    }

    fn existence(&mut self, query: &'a Query, at: &Expr) -> Bind<Existence> {
        self.expect_place(at)?;
        let Bound { rel, columns: _ } = self.query(query, false)?;
        let mut plan = rel.plan;
        // Neither the select list nor duplicates nor an order decide whether a row exists.
        loop {
            plan = match plan {
                Plan::Project { input, .. } | Plan::Distinct { input } | Plan::Sort { input, .. } => *input,
                Plan::Limit { fetch: Some(0), .. } => return Ok(Existence::Known(false)),
                Plan::Limit { input, skip: 0, .. } => *input,
                Plan::Limit { input, skip, .. } => break plan = self.more_than(skip, *input),
                other => break plan = other,
            };
        }
        if matches!(&plan, Plan::Aggregate { keys, .. } if keys.is_empty()) {
            return Ok(Existence::Known(true));
        }
        let Pulled { plan, conjuncts, .. } = self.decorrelated(plan, Use::Existence, at)?;
        self.note("decorrelate-exists");
        let nullable = rel.columns;
        let ids = plan.columns(self.arena);
        let rel = Rel::new(plan, ids.into_iter().map(|id| (id, nullable.get(&id).copied().unwrap_or(true))));
        let (rel, map) = self.beside_level(rel);
        let on = conjuncts.into_iter().map(|conjunct| self.lifted(conjunct, &map)).collect::<Bind<_>>()?;
        Ok(Existence::Rows(rel, on))
    }

    /// A row where the plan has more than so many: which ones an `OFFSET` leaves out does not matter.
    fn more_than(&mut self, skip: u64, plan: Plan) -> Plan {
        let call = AggregateCall::count_of_rows();
        let id = self.arena.aggregate_column(&call, "n");
        let counted = Plan::Aggregate { input: Box::new(plan), keys: Vec::new(), calls: vec![(id, call)] };
        let (n, skip) = (self.arena.column_ref(id), Literal::Int(skip.into(), DataType::Int64));
        let skip = self.arena.literal(skip);
        let holds = vec![self.arena.comparison(Function::Gt, n, skip)];
        Plan::Filter { input: Box::new(counted), holds }
    }

    pub(crate) fn inlined(&mut self, value: ScalarId, exprs: &[(ColumnId, ScalarId)]) -> ScalarId {
        replace_columns(self.arena, value, &mut |_, scalar| match scalar {
            Scalar::Column(id) => exprs.iter().find(|(known, _)| known == id).map(|&(_, scalar)| scalar),
            _ => None,
        })
    }

    /// `EXISTS` as a value.
    pub(crate) fn exists_value(&mut self, query: &'a Query, is_negated: bool, at: &Expr) -> Bind<ScalarId> {
        let found = match self.existence(query, at)? {
            Existence::Known(exists) => self.arena.boolean(exists),
            Existence::Rows(rel, on) => self.mark(rel, on),
        };
        Ok(self.negated_if(is_negated, found))
    }

    /// A scalar subquery.
    pub(crate) fn scalar_subquery(&mut self, query: &'a Query, at: &Expr) -> Bind<ScalarId> {
        self.expect_place(at)?;
        let bound = self.value_query(query, false, at)?;
        let id = self.one_column(&bound, at)?;
        self.joined_scalar(bound, id, at)
    }

    pub(crate) fn one_column(&self, bound: &Bound, at: &Expr) -> Bind<ColumnId> {
        match bound.columns.as_slice() {
            [(_, id)] => Ok(*id),
            columns => {
                let message = format!("the subquery gives {} columns, expected one", columns.len());
                let fault = self.fault("SQL-0019", at, message);
                Err(Box::new(fault.with_help("select one column")))
            }
        }
    }

    pub(crate) fn joined_scalar(&mut self, bound: Bound, id: ColumnId, at: &Expr) -> Bind<ScalarId> {
        let Rel { plan, columns } = bound.rel;
        self.note("decorrelate-scalar-subquery");
        if !plan_has_outer(self.arena, &plan) {
            let kind = match most_rows(&plan) {
                _ if is_single_row(&plan) => JoinKind::Inner,
                Some(0 | 1) => JoinKind::Left,
                _ => JoinKind::Single,
            };
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
        let kind = if most_rows(&plan).is_some_and(|most| most <= 1) { JoinKind::Left } else { JoinKind::Single };
        let pulled = self.decorrelated(plan, Use::Rows, at)?;
        let value = pulled.inlined(self.arena, value);
        self.attached_value(pulled, &columns, value, kind)
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
        aggregates: &[(ColumnId, AggregateCall)],
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
            let level = self.levels.last().expect("subqueries stand within a level");
            if !level.rel.columns.contains_key(&held) {
                return Err("a column of the other side of a join");
            }
            columns.push((id, held));
        }
        if columns.is_empty() {
            // To this level the plan is one without outer columns.
            return Ok(Pulled::plain(plan));
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

    pub(crate) fn expect_place(&mut self, at: &Expr) -> Bind<()> {
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

    pub(crate) fn lifted_with(&mut self, scalar: ScalarId, values: &FxHashMap<ColumnId, ScalarId>) -> Bind<ScalarId> {
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

    pub(crate) fn attach(&mut self, right: Rel, kind: JoinKind, on: Vec<ScalarId>) {
        let level = self.level();
        let left = std::mem::replace(&mut level.rel, Rel::one_row());
        level.rel = left.joined(kind, right, on);
    }

    pub(crate) fn mark(&mut self, rel: Rel, on: Vec<ScalarId>) -> ScalarId {
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

/// The most rows that a plan gives, where a `LIMIT` says so.
fn most_rows(plan: &Plan) -> Option<u64> {
    match plan {
        Plan::Limit { fetch, .. } => *fetch,
        Plan::Project { input, .. }
        | Plan::Named { input, .. }
        | Plan::Sort { input, .. }
        | Plan::Filter { input, .. }
        | Plan::Distinct { input } => most_rows(input),
        Plan::Aggregate { .. }
        | Plan::Values { .. }
        | Plan::Instance { .. }
        | Plan::Window { .. }
        | Plan::Unnest { .. }
        | Plan::Scan { .. }
        | Plan::ScanAt { .. }
        | Plan::Sample { .. }
        | Plan::Empty { .. }
        | Plan::GroupingSets { .. }
        | Plan::Join { .. }
        | Plan::SetOp { .. }
        | Plan::RecursiveUnion { .. }
        | Plan::WorkTable { .. }
        | Plan::Hole { .. } => None,
    }
}

/// Whether a plan gives exactly one row.
pub(crate) fn is_single_row(plan: &Plan) -> bool {
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
