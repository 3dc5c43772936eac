//! Comparisons, and the one type that several values take.

use isomer_ir::{DataType, Diagnostic, Dialect, Function, Literal, Nested, Scalar, ScalarId, Severity};
use sqlparser::ast::Expr;

use crate::bind::{Bind, Binder};
use crate::bind_arithmetic::integer_fits;
use crate::literal;

impl<'a> Binder<'a> {
    /// A comparison in its one orientation, both sides of comparable types.
    pub(crate) fn compared(
        &mut self,
        function: Function,
        left: ScalarId,
        right: ScalarId,
        at: &impl crate::place::Place,
    ) -> Bind<ScalarId> {
        let (left, right) = match self.cast_by_duckdb(function, left, right) {
            Some(sides) => sides,
            None => self.comparable(left, right, at)?,
        };
        Ok(self.arena.comparison(function, left, right))
    }

    /// The sides where DuckDB compares values of unlike types by a cast of its own: a text by equality
    /// and JSON in any way as the other's type, a truth value beside a number as 0 or 1.
    pub(crate) fn cast_by_duckdb(
        &mut self,
        function: Function,
        left: ScalarId,
        right: ScalarId,
    ) -> Option<(ScalarId, ScalarId)> {
        if self.dialect != Dialect::DuckDb {
            return None;
        }
        let (a, b) = (self.arena.type_of(left), self.arena.type_of(right));
        if self.is_cast_by_duckdb(function, left, b) {
            Some((self.arena.cast(left, b), right))
        } else if self.is_cast_by_duckdb(function, right, a) {
            Some((left, self.arena.cast(right, a)))
        } else {
            None
        }
    }

    fn is_cast_by_duckdb(&self, function: Function, scalar: ScalarId, to: DataType) -> bool {
        let is_equality =
            matches!(function, Function::Eq | Function::NotEq | Function::IsDistinct | Function::IsNotDistinct);
        let is_plain = to.is_numeric() || to.is_temporal() || to == DataType::Boolean;
        match self.arena.type_of(scalar) {
            DataType::Json => is_plain,
            DataType::Boolean => to.is_integer() || (is_equality && to.is_numeric()),
            DataType::Text if matches!(self.arena[scalar], Scalar::Literal(_)) => to == DataType::Json,
            DataType::Text => {
                is_equality && (is_plain || matches!(to, DataType::Interval | DataType::Uuid)) || to == DataType::Json
            }
            _ => false,
        }
    }

    pub(crate) fn comparable(
        &mut self,
        left: ScalarId,
        right: ScalarId,
        at: &impl crate::place::Place,
    ) -> Bind<(ScalarId, ScalarId)> {
        let (a, b) = (self.arena.type_of(left), self.arena.type_of(right));
        if a == b {
            return Ok((left, right));
        }
        if a == DataType::Date && b == DataType::Timestamp {
            if let Some(date) = self.at_midnight(right) {
                return Ok((left, date));
            }
        } else if a == DataType::Timestamp
            && b == DataType::Date
            && let Some(date) = self.at_midnight(left)
        {
            return Ok((date, right));
        }
        let text = |id: ScalarId, binder: &Self| matches!(binder.arena[id], Scalar::Literal(Literal::Text(_)));
        if b == DataType::Text && a != DataType::Unknown && text(right, self) {
            return Ok((left, self.read_text(right, a, at)?));
        }
        if a == DataType::Text && b != DataType::Unknown && text(left, self) {
            return Ok((self.read_text(left, b, at)?, right));
        }
        // Beside a single, DuckDB makes other numbers singles, too; the others make all of them doubles.
        let is_single = |x: DataType, y: DataType| x == DataType::Float32 && y.is_numeric() && !y.is_float();
        if is_single(a, b) || is_single(b, a) {
            let to = if self.dialect == Dialect::DuckDb { DataType::Float32 } else { DataType::Float64 };
            return Ok((self.arena.cast(left, to), self.arena.cast(right, to)));
        }
        match a.common(b) {
            None => Err(self.unlike(at, (a, b), "comparable types")),
            Some(to) if to.is_temporal() => Ok((self.arena.cast(left, to), self.arena.cast(right, to))),
            Some(_) if a == DataType::Float32 || b == DataType::Float32 => {
                // A single beside an exact number: DuckDB compares singles, the others doubles.
                let to = if self.dialect == Dialect::DuckDb && ![a, b].contains(&DataType::Float64) {
                    DataType::Float32
                } else {
                    DataType::Float64
                };
                Ok((self.arena.cast(left, to), self.arena.cast(right, to)))
            }
            Some(_) => Ok((left, right)),
        }
    }

    pub(crate) fn at_midnight(&mut self, scalar: ScalarId) -> Option<ScalarId> {
        let Scalar::Literal(literal) = &self.arena[scalar] else { return None };
        let date = literal::midnight(literal)?;
        Some(self.arena.literal(date))
    }

    /// A text literal read as a value of the type.
    pub(crate) fn read_text(
        &mut self,
        scalar: ScalarId,
        to: DataType,
        at: &impl crate::place::Place,
    ) -> Bind<ScalarId> {
        let Scalar::Literal(Literal::Text(text)) = self.arena[scalar].clone() else { return Ok(scalar) };
        if let Some(literal) = literal::typed(&text, to, self.dialect).filter(|literal| self.is_of_type(literal, to)) {
            return Ok(self.arena.literal(literal));
        }
        // A time of day at midnight is no part of a date; another one would be cut off by some
        // dialects and compared by others.
        if to == DataType::Date
            && let Some(date) =
                literal::timestamp(&text).and_then(|micros| literal::midnight(&Literal::Timestamp(micros)))
        {
            return Ok(self.arena.literal(date));
        }
        if let DataType::Nested(nested) = to
            && let Nested::Enum(texts) = nested.get()
            && texts.contains(&text)
        {
            return Ok(self.arena.cast(scalar, to));
        }
        if matches!(to, DataType::Uuid | DataType::TimestampTz | DataType::Null) {
            return Ok(if to == DataType::Null { scalar } else { self.arena.cast(scalar, to) });
        }
        let help = format!("write a value of {to}, or cast the other side to text");
        if self.dialect == Dialect::DuckDb && (to.is_numeric() || to == DataType::Boolean) {
            if !to.is_numeric() || text.parse::<f64>().is_err() {
                let message = format!(
                    "`{text}` is not read as {to}: DuckDB fails where a row is compared with it, so the model is left as written"
                );
                let note = Diagnostic { severity: Severity::Note, ..*self.fault("SQL-0018", at, message) };
                self.diagnostics.push(note.with_help(help));
            }
            return Ok(self.arena.cast(scalar, to));
        }
        let fault = self.fault("SQL-0018", at, format!("`{text}` is not read as {to}"));
        Err(Box::new(fault.with_help(help)))
    }

    /// Whether a literal that was read from a text is one of the type: DuckDB casts the text to it, so
    /// that digits are rounded off.
    fn is_of_type(&self, literal: &Literal, to: DataType) -> bool {
        match (literal, to) {
            _ if self.dialect != Dialect::DuckDb => true,
            (Literal::Int(value, _), _) if to.is_integer() => integer_fits(*value, to),
            (Literal::Int(..) | Literal::Decimal { .. }, DataType::Decimal { precision, scale }) => {
                let held = literal.data_type().as_decimal();
                held.is_some_and(|(digits, behind)| behind <= scale && digits - behind <= precision - scale)
            }
            _ => true,
        }
    }

    /// `scalar` as one of several values that share a type: text literals are read as it.
    pub(crate) fn converted(&mut self, scalar: ScalarId, to: DataType) -> Bind<ScalarId> {
        match &self.arena[scalar] {
            Scalar::Literal(Literal::Null(_)) if to != DataType::Unknown => Ok(self.arena.literal(Literal::Null(to))),
            _ => Ok(scalar),
        }
    }

    /// The common type of values, text literals read as the type of the others.
    pub(crate) fn unified(&mut self, scalars: &mut [ScalarId], at: &Expr) -> Bind<DataType> {
        let mut common = DataType::Null;
        let mut texts = Vec::new();
        for (position, &scalar) in scalars.iter().enumerate() {
            if matches!(self.arena[scalar], Scalar::Literal(Literal::Text(_))) {
                texts.push(position);
                continue;
            }
            let found = self.arena.type_of(scalar);
            common = common.common(found).ok_or_else(|| self.unlike(at, (common, found), "one type"))?;
        }
        for position in texts {
            if matches!(common, DataType::Null | DataType::Text | DataType::Unknown) {
                common = if common == DataType::Unknown { common } else { DataType::Text };
            } else {
                scalars[position] = self.read_text(scalars[position], common, at)?;
            }
        }
        for scalar in scalars {
            *scalar = self.converted(*scalar, common)?;
        }
        Ok(common)
    }

    fn is_text_literal(&self, scalar: ScalarId) -> bool {
        matches!(self.arena[scalar], Scalar::Literal(Literal::Text(_)))
    }

    /// The type that DuckDB casts texts of an `IN` list and of what is looked for to: that of all the others.
    fn texts_of_list_as(&self, scalars: &[ScalarId]) -> Option<DataType> {
        let mut to = DataType::Null;
        for &scalar in scalars {
            let found = self.arena.type_of(scalar);
            if found != DataType::Text {
                let is_alike = to == DataType::Null || to == found || (to.is_integer() && found.is_integer());
                to = to.common(found).filter(|_| is_alike)?;
            }
        }
        (self.dialect == Dialect::DuckDb && (to.is_numeric() || to.is_temporal() || to == DataType::Boolean))
            .then_some(to)
    }

    pub(crate) fn in_list(&mut self, inner: &'a Expr, list: &'a [Expr], is_negated: bool, at: &Expr) -> Bind<ScalarId> {
        let mut scalars = vec![self.expr(inner)?];
        for item in list {
            scalars.push(self.expr(item)?);
        }
        if let Some(to) = self.texts_of_list_as(&scalars) {
            for scalar in &mut scalars {
                if self.arena.type_of(*scalar) == DataType::Text && !self.is_text_literal(*scalar) {
                    *scalar = self.arena.cast(*scalar, to);
                }
            }
        }
        let value = scalars.remove(0);
        for (scalar, item) in scalars.iter_mut().zip(list) {
            *scalar = self.comparable(value, *scalar, item)?.1;
        }
        let found = match scalars.as_slice() {
            [one] => self.compared(Function::Eq, value, *one, at)?,
            _ => self.arena.in_list(value, scalars),
        };
        Ok(self.negated_if(is_negated, found))
    }
}
