//! Arithmetic over numbers and times, by the rules of the source dialect.

use isomer_ir::{DataType, Dialect, Function, Literal, Scalar, ScalarId};
use sqlparser::ast::Expr;

use crate::bind::{Bind, Binder};
use crate::{literal, types_of};

impl Binder<'_> {
    pub(crate) fn added(&mut self, function: Function, left: ScalarId, right: ScalarId, at: &Expr) -> Bind<ScalarId> {
        let (a, b) = (self.arena.type_of(left), self.arena.type_of(right));
        let is_minus = function == Function::Subtract;
        let has_days = matches!(self.dialect, Dialect::DuckDb | Dialect::Postgres);
        match (a, b) {
            (DataType::Date | DataType::Timestamp | DataType::TimestampTz, DataType::Interval) => {
                self.moved(function, left, right)
            }
            (DataType::Interval, DataType::Date | DataType::Timestamp | DataType::TimestampTz) if !is_minus => {
                self.moved(function, right, left)
            }
            (DataType::Date, _) if b.is_integer() && has_days => {
                Ok(self.arena.call(function, [left, right], DataType::Date))
            }
            (_, DataType::Date) if a.is_integer() && has_days && !is_minus => {
                Ok(self.arena.call(function, [right, left], DataType::Date))
            }
            (DataType::Date, DataType::Date) if has_days && is_minus => {
                let days = if self.dialect == Dialect::DuckDb { DataType::Int64 } else { DataType::Int32 };
                Ok(self.arena.call(function, [left, right], days))
            }
            (DataType::Date | DataType::Timestamp, DataType::Timestamp) | (DataType::Timestamp, DataType::Date)
                if is_minus =>
            {
                let args = [left, right].map(|arg| self.arena.cast(arg, DataType::Timestamp));
                Ok(self.arena.call(function, args, DataType::Interval))
            }
            (DataType::TimestampTz, DataType::TimestampTz) if is_minus => {
                Ok(self.arena.call(function, [left, right], DataType::Interval))
            }
            (DataType::TimestampTz, DataType::Date | DataType::Timestamp)
            | (DataType::Date | DataType::Timestamp, DataType::TimestampTz)
                if is_minus && has_days =>
            {
                let args = [left, right].map(|arg| self.arena.cast(arg, DataType::TimestampTz));
                Ok(self.arena.call(function, args, DataType::Interval))
            }
            (DataType::Date, DataType::Time) | (DataType::Time, DataType::Date) if has_days && !is_minus => {
                Ok(self.arena.call(function, [left, right], DataType::Timestamp))
            }
            (DataType::Time, DataType::Interval) if has_days => {
                Ok(self.arena.call(function, [left, right], DataType::Time))
            }
            (DataType::Interval, DataType::Time) if has_days && !is_minus => {
                Ok(self.arena.call(function, [right, left], DataType::Time))
            }
            (DataType::Time, DataType::Time) if is_minus && self.dialect == Dialect::Postgres => {
                Ok(self.arena.call(function, [left, right], DataType::Interval))
            }
            (DataType::Interval, DataType::Interval) => {
                Ok(self.arena.call(function, [left, right], DataType::Interval))
            }
            _ => self.arithmetic(function, left, right, at),
        }
    }

    /// A date or timestamp moved by an interval; folded where both are literals.
    pub(crate) fn moved(&mut self, function: Function, value: ScalarId, interval: ScalarId) -> Bind<ScalarId> {
        let keeps_date = matches!(self.dialect, Dialect::Spark | Dialect::DataFusion);
        let is_whole_days = matches!(self.arena[interval], Scalar::Literal(Literal::Interval { micros: 0, .. }));
        if let (Scalar::Literal(start), Scalar::Literal(by)) = (&self.arena[value], &self.arena[interval])
            && let Some(folded) = literal::moved(start, by, function == Function::Subtract, keeps_date)
        {
            return Ok(self.arena.literal(folded));
        }
        let data_type = match self.arena.type_of(value) {
            DataType::Date if keeps_date && is_whole_days => DataType::Date,
            DataType::Date => DataType::Timestamp,
            other => other,
        };
        Ok(self.arena.call(function, [value, interval], data_type))
    }

    pub(crate) fn multiplied(&mut self, left: ScalarId, right: ScalarId, at: &Expr) -> Bind<ScalarId> {
        let (interval, factor) = match (&self.arena[left], &self.arena[right]) {
            (Scalar::Literal(interval @ Literal::Interval { .. }), Scalar::Literal(Literal::Int(factor, _)))
            | (Scalar::Literal(Literal::Int(factor, _)), Scalar::Literal(interval @ Literal::Interval { .. })) => {
                (interval.clone(), *factor)
            }
            _ => return self.arithmetic(Function::Multiply, left, right, at),
        };
        let Literal::Interval { months, days, micros } = interval else {
            return self.arithmetic(Function::Multiply, left, right, at);
        };
        let times = |part: i128| part.checked_mul(factor);
        let product = (|| {
            Some(Literal::Interval {
                months: i32::try_from(times(months.into())?).ok()?,
                days: i32::try_from(times(days.into())?).ok()?,
                micros: i64::try_from(times(micros.into())?).ok()?,
            })
        })();
        match product {
            Some(product) => Ok(self.arena.literal(product)),
            None => Err(self.fault("SQL-0018", at, "the interval is out of range")),
        }
    }

    pub(crate) fn divided(&mut self, left: ScalarId, right: ScalarId, at: &Expr) -> Bind<ScalarId> {
        let (a, b) = (self.arena.type_of(left), self.arena.type_of(right));
        let is_integer = |x: DataType| x.is_integer() || x == DataType::Null;
        if is_integer(a) && is_integer(b) && !self.dialect.is_integer_division_fractional() {
            return self.arithmetic(Function::IntegerDivide, left, right, at);
        }
        let is_unknown = a == DataType::Unknown || b == DataType::Unknown;
        if is_unknown && self.dialect != Dialect::DuckDb {
            let message = "the types of `/` are not known, and whether it cuts off depends on them";
            let fault = self.fault("SQL-0011", at, message);
            return Err(Box::new(fault.with_help("declare the columns' types, or write a cast")));
        }
        let Some(data_type) = types_of::arithmetic(Function::Divide, a, b, self.dialect) else {
            return Err(self.fault("SQL-0011", at, format!("found {a} and {b}, expected numbers")));
        };
        let data_type = if is_unknown { DataType::Float64 } else { data_type };
        if data_type != DataType::Float64 {
            return Ok(self.arena.call(Function::Divide, [left, right], data_type));
        }
        let left = self.cast(left, DataType::Float64, false, at)?;
        let right = self.cast(right, DataType::Float64, false, at)?;
        Ok(self.arena.call(Function::Divide, [left, right], DataType::Float64))
    }

    pub(crate) fn arithmetic(
        &mut self,
        function: Function,
        left: ScalarId,
        right: ScalarId,
        at: &Expr,
    ) -> Bind<ScalarId> {
        let (mut a, mut b) = (self.arena.type_of(left), self.arena.type_of(right));
        // DuckDB's integer literals take the type of the integer beside them.
        if self.dialect == Dialect::DuckDb && a.is_integer() && b.is_integer() {
            let fits = |id: ScalarId, other: DataType, binder: &Self| match &binder.arena[id] {
                Scalar::Literal(Literal::Int(value, _)) => integer_fits(*value, other),
                _ => false,
            };
            match (fits(left, b, self), fits(right, a, self)) {
                (false, true) => b = a,
                (true, false) => a = b,
                _ => {}
            }
        }
        match types_of::arithmetic(function, a, b, self.dialect) {
            Some(data_type) => {
                let right = self.divisor(function, right, data_type);
                Ok(self.arena.call(function, [left, right], data_type))
            }
            None => {
                let fault = self.fault("SQL-0011", at, format!("found {a} and {b}, expected numbers for `{function}`"));
                let help = match (a, b) {
                    (DataType::Text, other) | (other, DataType::Text) if other.is_numeric() => {
                        format!("cast the text to {other}")
                    }
                    _ => "cast what is no number to one".to_owned(),
                };
                Err(Box::new(fault.with_help(help)))
            }
        }
    }

    /// A divisor as DuckDB means it: a division of integers by zero is NULL there, and a remainder of decimals;
    /// elsewhere both are errors.
    pub(crate) fn divisor(&mut self, function: Function, divisor: ScalarId, result: DataType) -> ScalarId {
        let is_division = matches!(function, Function::Modulo | Function::IntegerDivide);
        let is_known = matches!(&self.arena[divisor], Scalar::Literal(Literal::Int(value, _)) if *value != 0);
        let is_null_by_zero = result.is_integer() || matches!(result, DataType::Decimal { .. });
        if self.dialect != Dialect::DuckDb || !is_division || !is_null_by_zero || is_known {
            return divisor;
        }
        let data_type = self.arena.type_of(divisor);
        let zero = match data_type {
            DataType::Decimal { precision, scale } => Literal::Decimal { value: 0, precision, scale },
            _ => Literal::Int(0, data_type),
        };
        let zero = self.arena.literal(zero);
        self.arena.call(Function::NullIf, [divisor, zero], data_type)
    }
}

pub(crate) fn integer_fits(value: i128, data_type: DataType) -> bool {
    let Some(bits) = data_type.integer_bits() else { return false };
    match (data_type.is_unsigned(), bits) {
        (_, 128..) => true,
        (true, bits) => value >= 0 && value < 1_i128 << bits,
        (false, bits) => value >= -(1_i128 << (bits - 1)) && value < 1_i128 << (bits - 1),
    }
}
