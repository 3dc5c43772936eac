//! `IN`, `ANY` and `ALL` of subqueries: a value compared with each row.

use isomer_ir::{ColumnId, DataType, Dialect, Function, JoinKind, Literal, Plan, Scalar, ScalarId};
use sqlparser::ast::{BinaryOperator, Expr, Query};

use crate::bind::{Bind, Binder};
use crate::bind_query::plan_has_outer;
use crate::decorrelate::{Pulled, Use};
use crate::scope::{Rel, is_nullable};
use crate::subquery::is_single_row;
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
    /// `ANY` or `ALL` as a value: of a subquery, or of a list that is written out.
    pub(crate) fn any_or_all(
        &mut self,
        left: &'a Expr,
        op: &BinaryOperator,
        right: &'a Expr,
        is_all: bool,
        at: &Expr,
    ) -> Bind<ScalarId> {
        let function = self.comparison_of(op, at)?;
        match bare(right) {
            Expr::Subquery(query) => {
                let Some(opposite) = function.negated() else {
                    return Err(self.unsupported(at, "`ALL` with this operator"));
                };
                self.quantified_value(left, query, if is_all { opposite } else { function }, is_all, at)
            }
            Expr::Array(list) if !list.elem.is_empty() => {
                let value = self.expr(left)?;
                let mut tests = Vec::with_capacity(list.elem.len());
                for element in &list.elem {
                    let element = self.expr(element)?;
                    let found = self.arena.type_of(element);
                    if found != DataType::Null && found != self.arena.type_of(value) {
                        return Err(self.unsupported(at, "`ANY` or `ALL` over elements of another type"));
                    }
                    tests.push(self.compared(function, value, element, at)?);
                }
                Ok(if is_all { self.arena.and(tests) } else { self.arena.or(tests) })
            }
            _ => Err(self.unsupported(at, "`ANY` or `ALL` of a list that is not written out")),
        }
    }

    pub(crate) fn comparison_of(&self, op: &BinaryOperator, at: &Expr) -> Bind<Function> {
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

    /// `value <function> ANY (query)`, or its negation.
    pub(crate) fn quantified(
        &mut self,
        value: &'a Expr,
        query: &'a Query,
        function: Function,
        is_negated: bool,
        at: &Expr,
    ) -> Bind<Option<ScalarId>> {
        let (compared, Side { rel, on, .. }) = match self.compared_rows(value, query, function, at)? {
            Ok(compared) => compared,
            Err(single) => return Ok(Some(self.negated_if(is_negated, single))),
        };
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

    /// A value compared with each row of a subquery, and the rows. `Err` holds its comparison with the one value
    /// of a correlated subquery that always gives one row.
    fn compared_rows(
        &mut self,
        value: &'a Expr,
        query: &'a Query,
        function: Function,
        at: &Expr,
    ) -> Bind<Result<(Compared, Side), ScalarId>> {
        let values = self.compared_values(value)?;
        if values.len() > 1 && function != Function::Eq {
            return Err(self.unsupported(value, "a tuple compared otherwise than by `IN`"));
        }
        Ok(match self.compared_side(query, values.len(), at)? {
            Ok(side) => Ok((self.compared_with(function, &values, &side, at)?, side)),
            Err(single) => Err(self.compared(function, values[0], single, at)?),
        })
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
            let types = (self.arena.type_of(left), self.arena.type_of(right));
            let is_cast = |found: DataType, other: DataType| {
                matches!(found, DataType::Text | DataType::Json) && !matches!(other, DataType::Unknown | DataType::Null)
            };
            let is_literal = |scalar: ScalarId| matches!(self.arena[scalar], Scalar::Literal(_));
            if types.0 != types.1
                && (is_cast(types.0, types.1) && !is_literal(left) || is_cast(types.1, types.0) && !is_literal(right))
            {
                // DuckDB casts texts by itself beside a value, and not beside the rows of a subquery.
                return Err(self.unlike(at, types, "comparable types"));
            }
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
        let unknown = if self.dialect == Dialect::DuckDb {
            // Any NULL makes a tuple that does not match uncertain.
            let sides: Vec<ScalarId> = values.iter().chain(&side.values).copied().collect();
            let is_null: Vec<ScalarId> =
                sides.into_iter().map(|side| self.arena.predicate(Function::IsNull, [side])).collect();
            self.arena.or(is_null)
        } else {
            // One pair that differs decides a tuple, whatever NULLs the others hold.
            self.arena.predicate(Function::IsNull, [test])
        };
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

    /// `IN`, `ANY` or `ALL` as a value, which may be NULL: one mark tells of a match, another of an
    /// unknown one.
    pub(crate) fn quantified_value(
        &mut self,
        value: &'a Expr,
        query: &'a Query,
        function: Function,
        is_negated: bool,
        at: &Expr,
    ) -> Bind<ScalarId> {
        let (compared, Side { rel, on, .. }) = match self.compared_rows(value, query, function, at)? {
            Ok(compared) => compared,
            Err(single) => return Ok(self.negated_if(is_negated, single)),
        };
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
}
