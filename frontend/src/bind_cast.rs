//! Conversions of values, as the source dialect makes them.

use isomer_ir::{DataType, Dialect, Function, Literal, Scalar, ScalarId, is_widening};
use sqlparser::ast::Expr;

use crate::bind::{Bind, Binder};
use crate::functions::listed;
use crate::literal;

impl<'a> Binder<'a> {
    /// A conversion; literals are converted at once where nothing can go wrong.
    pub(crate) fn cast(&mut self, value: ScalarId, to: DataType, is_try: bool, at: &Expr) -> Bind<ScalarId> {
        let from = self.arena.type_of(value);
        if let Scalar::Literal(literal) = self.arena[value].clone() {
            let folded = match (&literal, to) {
                (Literal::Null(_), _) => Some(Literal::Null(to)),
                (Literal::Text(text), DataType::Date | DataType::Timestamp | DataType::Time | DataType::Interval) => {
                    let read = literal::typed(text, to, self.dialect);
                    if read.is_none() && !is_try {
                        return Err(self.fault("SQL-0018", at, format!("`{text}` is not read as {to}")));
                    }
                    read
                }
                (Literal::Int(value, from), _) if to.is_integer() && is_widening(*from, to) => {
                    Some(Literal::Int(*value, to))
                }
                (Literal::Int(..) | Literal::Decimal { .. }, DataType::Float64) => {
                    isomer_ir::literal_text(&literal).parse().ok().map(|value: f64| Literal::Float(value.to_bits()))
                }
                _ => None,
            };
            if let Some(folded) = folded {
                return Ok(self.arena.literal(folded));
            }
        }
        if from == to {
            return Ok(value);
        }
        if from == DataType::Json && self.dialect != Dialect::DuckDb
            || to == DataType::Json && self.dialect == Dialect::Snowflake
        {
            if is_try {
                return Err(self.unsupported(at, "`TRY_CAST` of JSON"));
            }
            let name = if self.dialect == Dialect::Postgres { "cast_of_jsonb" } else { "cast_of_json" };
            return self.listed_call(name, [value], to, at);
        }
        // PostgreSQL takes fifteen digits of a double for a decimal.
        if self.dialect == Dialect::Postgres && from.is_float() && matches!(to, DataType::Decimal { .. }) {
            return self.listed_call("cast_of_float_postgres", [value], to, at);
        }
        // A cast to an integer rounds, halves of doubles to even; Spark and DataFusion cut off, and the
        // warehouses round halves away from zero.
        let is_fraction = from.is_float() || matches!(from, DataType::Decimal { .. });
        if to.is_integer() && is_fraction && matches!(self.dialect, Dialect::Spark | Dialect::DataFusion) {
            let cut = self.arena.call(Function::Trunc, [value], from);
            return Ok(self.arena.scalar(Scalar::Cast { arg: cut, to, is_try }));
        }
        if to.is_integer() && from.is_float() && matches!(self.dialect, Dialect::Snowflake | Dialect::BigQuery) {
            let rounded = self.arena.call(Function::Round, [value], from);
            return Ok(self.arena.scalar(Scalar::Cast { arg: rounded, to, is_try }));
        }
        // Spark writes `1.0E20`, the others `1e+20`.
        if self.dialect == Dialect::Spark && from.is_float() && to == DataType::Text {
            return self.listed_call("float_text_spark", [value], to, at);
        }
        // Which texts are numbers or times differs: Spark takes `2024` for a date and not `1.5` for an integer.
        let is_read = to.is_numeric() || to.is_temporal() || to == DataType::Boolean;
        if is_try && self.dialect == Dialect::Spark && from == DataType::Text && is_read {
            return self.listed_call("try_cast_spark", [value], to, at);
        }
        if to.is_integer() && from == DataType::Unknown && self.dialect != Dialect::DuckDb {
            return Err(self.fault("SQL-0011", at, "the type of what is cast to an integer is not known"));
        }
        Ok(self.arena.scalar(Scalar::Cast { arg: value, to, is_try }))
    }

    /// A cast to a text of a length, which cuts off what is longer.
    pub(crate) fn cut(&mut self, inner: &'a Expr, length: u64, is_try: bool, at: &Expr) -> Bind<ScalarId> {
        let value = self.expr(inner)?;
        let text = self.cast(value, DataType::Text, is_try, at)?;
        let length = self.arena.literal(Literal::Int(length.into(), DataType::Int32));
        if self.dialect == Dialect::Postgres {
            return self.apply(Function::Left, vec![text, length], at);
        }
        self.listed_call("cut_text", [text, length], DataType::Text, at)
    }

    /// A value as PostgreSQL shows it: a boolean in one letter.
    pub(crate) fn as_shown(&mut self, value: ScalarId) -> ScalarId {
        if self.arena.type_of(value) != DataType::Boolean {
            return self.as_text(value);
        }
        let (is_true, is_false) = (self.arena.text("t"), self.arena.text("f"));
        let not = self.negated_if(true, value);
        let otherwise = self.arena.literal(Literal::Null(DataType::Text));
        let branches = vec![(value, is_true), (not, is_false)];
        self.arena.scalar(Scalar::Case { branches, otherwise, data_type: DataType::Text })
    }

    pub(crate) fn as_text(&mut self, value: ScalarId) -> ScalarId {
        match self.arena.type_of(value) {
            DataType::Text | DataType::Unknown | DataType::Null => value,
            found if found.is_float() && self.dialect == Dialect::Spark => match listed("float_text_spark") {
                Some(text) => self.arena.call(text, [value], DataType::Text),
                None => self.arena.cast(value, DataType::Text),
            },
            _ => self.arena.cast(value, DataType::Text),
        }
    }
}
