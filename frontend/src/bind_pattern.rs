//! Patterns: `LIKE` and its kind, and comparisons of rows.

use isomer_ir::{DataType, Dialect, Function, Literal, Scalar, ScalarId};
use sqlparser::ast::{BinaryOperator, Expr, ValueWithSpan};

use crate::bind::{Bind, Binder};
use crate::syntax::bare;

impl<'a> Binder<'a> {
    #[allow(clippy::too_many_arguments, reason = "the parts of LIKE")]
    pub(crate) fn like(
        &mut self,
        function: Function,
        is_negated: bool,
        is_any: bool,
        value: &'a Expr,
        pattern: &'a Expr,
        escape: Option<&'a ValueWithSpan>,
        at: &Expr,
    ) -> Bind<ScalarId> {
        if is_any {
            return self.like_any(function, is_negated, value, pattern, escape, at);
        }
        let mut args = vec![self.expr(value)?, self.expr(pattern)?];
        if let Some(escape) = escape {
            args.push(self.value(escape)?);
        } else if !matches!(self.dialect, Dialect::DuckDb | Dialect::Snowflake) {
            // The other dialects escape with a backslash unless told otherwise.
            let is_plain = matches!(&self.arena[args[1]], Scalar::Literal(Literal::Text(text)) if !text.contains('\\'));
            if !is_plain {
                args.push(self.arena.text("\\"));
            }
        }
        let like = self.apply(function, args, at)?;
        Ok(self.negated_if(is_negated, like))
    }
}

impl<'a> Binder<'a> {
    /// `value LIKE ANY (a, b)`: one of them matches.
    #[allow(clippy::too_many_arguments, reason = "the parts of LIKE")]
    fn like_any(
        &mut self,
        function: Function,
        is_negated: bool,
        value: &'a Expr,
        patterns: &'a Expr,
        escape: Option<&'a ValueWithSpan>,
        at: &Expr,
    ) -> Bind<ScalarId> {
        let patterns = match as_tuple(patterns) {
            Some(patterns) => patterns,
            None => match bare(patterns) {
                Expr::Array(array) => &array.elem,
                single if !std::ptr::eq(single, patterns) => std::slice::from_ref(single),
                _ => return Err(self.unsupported(at, "`LIKE ANY` of what is no list")),
            },
        };
        let mut matches = Vec::with_capacity(patterns.len());
        for pattern in patterns {
            matches.push(self.like(function, false, false, value, pattern, escape, at)?);
        }
        let any = self.arena.or(matches);
        Ok(self.negated_if(is_negated, any))
    }

    /// `value SIMILAR TO pattern`, which DuckDB reads as a regular expression of the whole text.
    pub(crate) fn similar(
        &mut self,
        value: &'a Expr,
        pattern: &'a Expr,
        escape: Option<&'a ValueWithSpan>,
        is_negated: bool,
        at: &Expr,
    ) -> Bind<ScalarId> {
        if self.dialect != Dialect::DuckDb || escape.is_some() {
            return Err(self.unsupported(at, "`SIMILAR TO`"));
        }
        let args = [self.expr(value)?, self.expr(pattern)?];
        let found = self.listed_call("regexp_full_match", args, DataType::Boolean, at)?;
        Ok(self.negated_if(is_negated, found))
    }

    /// `value RLIKE pattern`; Snowflake matches the whole text.
    pub(crate) fn rlike(&mut self, value: &'a Expr, pattern: &'a Expr, is_negated: bool, at: &Expr) -> Bind<ScalarId> {
        let (value, pattern) = (self.expr(value)?, self.expr(pattern)?);
        let found = match self.dialect {
            Dialect::Spark => self.apply(Function::RegexpMatches, vec![value, pattern], at)?,
            Dialect::Snowflake => self.anchored(value, pattern, at)?,
            Dialect::DuckDb | Dialect::DataFusion | Dialect::Postgres | Dialect::BigQuery => {
                return Err(self.unsupported(at, "`RLIKE`"));
            }
        };
        Ok(self.negated_if(is_negated, found))
    }

    /// `value AT TIME ZONE zone`.
    pub(crate) fn at_time_zone(&mut self, value: &'a Expr, zone: &'a Expr, at: &Expr) -> Bind<ScalarId> {
        let (value, zone) = (self.expr(value)?, self.expr(zone)?);
        let data_type = match self.arena.type_of(value) {
            DataType::Timestamp => DataType::TimestampTz,
            DataType::TimestampTz => DataType::Timestamp,
            found => return Err(self.fault("SQL-0011", at, format!("found {found}, expected a timestamp"))),
        };
        let name = match self.dialect {
            Dialect::DuckDb => "at_time_zone",
            Dialect::Postgres => "timezone_postgres",
            Dialect::DataFusion | Dialect::Spark | Dialect::Snowflake | Dialect::BigQuery => {
                return Err(self.unsupported(at, "`AT TIME ZONE`"));
            }
        };
        self.listed_call(name, [zone, value], data_type, at)
    }

    /// `value IN UNNEST([a, b])` of elements that are written out.
    pub(crate) fn in_unnest(&mut self, value: &'a Expr, list: &'a Expr, is_negated: bool, at: &Expr) -> Bind<ScalarId> {
        match bare(list) {
            Expr::Array(array) if !array.elem.is_empty() => self.in_list(value, &array.elem, is_negated, at),
            _ => Err(self.unsupported(at, "`IN UNNEST` of what is no literal")),
        }
    }

    /// `(a, b) = (c, d)`. DuckDB compares rows as structs, in which NULL equals NULL.
    pub(crate) fn row_comparison(
        &mut self,
        left: &'a Expr,
        op: &BinaryOperator,
        right: &'a Expr,
        at: &Expr,
    ) -> Bind<ScalarId> {
        match op {
            BinaryOperator::Eq | BinaryOperator::NotEq => {
                let equal = self.rows_equal(left, right, at)?;
                Ok(self.negated_if(*op == BinaryOperator::NotEq, equal))
            }
            BinaryOperator::Lt => self.row_less((left, right), false, at),
            BinaryOperator::LtEq => self.row_less((left, right), true, at),
            BinaryOperator::Gt => self.row_less((right, left), false, at),
            BinaryOperator::GtEq => self.row_less((right, left), true, at),
            _ => Err(self.unsupported(at, "this operator between tuples")),
        }
    }

    /// `(a, b) IS DISTINCT FROM (c, d)`, the operator being `<>`, or its negation.
    pub(crate) fn distinct_rows(
        &mut self,
        left: &'a Expr,
        op: &BinaryOperator,
        right: &'a Expr,
        at: &Expr,
    ) -> Bind<ScalarId> {
        if self.dialect != Dialect::DuckDb {
            return Err(self.unsupported(at, "`IS DISTINCT FROM` between tuples"));
        }
        self.row_comparison(left, op, right, at)
    }

    fn row_pairs(&mut self, left: &'a Expr, right: &'a Expr, at: &Expr) -> Bind<Vec<(ScalarId, ScalarId)>> {
        let (Some(left), Some(right)) = (as_tuple(left), as_tuple(right)) else {
            return Err(self.unsupported(at, "a tuple beside what is none"));
        };
        if left.len() != right.len() {
            let message = format!("found {} and {} values in tuples that are compared", left.len(), right.len());
            let fault = self.fault("SQL-0010", at, message);
            return Err(Box::new(fault.with_help("compare tuples of as many values")));
        }
        left.iter().zip(right).map(|(a, b)| Ok((self.expr(a)?, self.expr(b)?))).collect()
    }

    fn rows_equal(&mut self, left: &'a Expr, right: &'a Expr, at: &Expr) -> Bind<ScalarId> {
        let function = if self.dialect == Dialect::DuckDb { Function::IsNotDistinct } else { Function::Eq };
        let mut conjuncts = Vec::new();
        for (a, b) in self.row_pairs(left, right, at)? {
            conjuncts.push(self.compared(function, a, b, at)?);
        }
        Ok(self.arena.and(conjuncts))
    }

    /// `(a, b) < (c, d)`: the first values that differ decide. To DuckDB NULL is the greatest value here.
    fn row_less(&mut self, (left, right): (&'a Expr, &'a Expr), is_equal_less: bool, at: &Expr) -> Bind<ScalarId> {
        let is_duckdb = match self.dialect {
            Dialect::DuckDb => true,
            Dialect::Postgres => false,
            Dialect::DataFusion | Dialect::Spark | Dialect::Snowflake | Dialect::BigQuery => {
                return Err(self.unsupported(at, "an order of tuples"));
            }
        };
        let mut decided = self.arena.boolean(is_equal_less);
        for (a, b) in self.row_pairs(left, right, at)?.into_iter().rev() {
            let mut is_less = self.compared(Function::Lt, a, b, at)?;
            let function = if is_duckdb { Function::IsNotDistinct } else { Function::Eq };
            let is_equal = self.compared(function, a, b, at)?;
            if is_duckdb {
                is_less = self.arena.predicate(Function::IsTrue, [is_less]);
                let [a, b] = [a, b].map(|side| self.arena.predicate(Function::IsNull, [side]));
                let a = self.negated_if(true, a);
                let is_before_null = self.arena.and([a, b]);
                is_less = self.arena.or([is_less, is_before_null]);
            }
            let later = self.arena.and([is_equal, decided]);
            decided = self.arena.or([is_less, later]);
        }
        Ok(decided)
    }

    /// `(a, b) IN ((c, d), …)`.
    pub(crate) fn row_in_list(
        &mut self,
        inner: &'a Expr,
        list: &'a [Expr],
        is_negated: bool,
        at: &Expr,
    ) -> Bind<ScalarId> {
        let mut equal = Vec::with_capacity(list.len());
        for row in list {
            equal.push(self.rows_equal(inner, row, at)?);
        }
        let found = self.arena.or(equal);
        Ok(self.negated_if(is_negated, found))
    }
}

/// The values of a tuple of two or more.
pub(crate) fn as_tuple(expr: &Expr) -> Option<&[Expr]> {
    match bare(expr) {
        Expr::Tuple(values) => Some(values),
        _ => None,
    }
}
