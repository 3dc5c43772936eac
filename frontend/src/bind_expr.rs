//! Scalars: operators, literals, casts, `CASE`, and what each means in the source dialect.

use std::sync::Arc;

use isomer_ir::{DataType, Dialect, Function, Literal, Scalar, ScalarId, is_widening};
use sqlparser::ast::{
    self, BinaryOperator, CaseWhen, CastKind, CeilFloorKind, Expr, TrimWhereField, TypedString, UnaryOperator, Value,
    ValueWithSpan,
};

use crate::bind::{Bind, Binder};
use crate::syntax::{bare, operands};
use crate::{literal, types_of};

/// Longest chain of operators other than `AND` and `OR`; each is one level of the scalar.
const MAX_CHAIN: usize = 500;

impl<'a> Binder<'a> {
    /// A scalar over the level's relation as it is now.
    pub(crate) fn scalar(&mut self, expr: &'a Expr) -> Bind<ScalarId> {
        let scalar = self.expr(expr)?;
        self.grouped_at(scalar, expr)
    }

    /// A scalar that is a truth value.
    pub(crate) fn predicate(&mut self, expr: &'a Expr) -> Bind<ScalarId> {
        let scalar = self.scalar(expr)?;
        match self.arena.type_of(scalar) {
            DataType::Boolean | DataType::Unknown | DataType::Null => Ok(scalar),
            found => Err(self.fault("SQL-0011", expr, format!("found {found}, expected a condition"))),
        }
    }

    /// A scalar whose columns are still those of the input where the level is grouped.
    pub(crate) fn expr(&mut self, expr: &'a Expr) -> Bind<ScalarId> {
        self.deeper(|binder| binder.expr_inner(expr))
    }

    #[allow(clippy::too_many_lines, reason = "one arm a construct of the grammar")]
    fn expr_inner(&mut self, expr: &'a Expr) -> Bind<ScalarId> {
        match expr {
            Expr::Identifier(ident) => self.column(std::slice::from_ref(ident)),
            Expr::CompoundIdentifier(parts) => self.column(parts),
            Expr::Nested(inner) => self.expr(inner),
            Expr::Value(value) => self.value(value),
            Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax: _ }) => {
                let to = self.data_type(data_type, expr)?;
                let text = self.value(value)?;
                self.cast(text, to, false, expr)
            }
            Expr::Interval(interval) => self.interval(interval, expr),
            Expr::BinaryOp { op: BinaryOperator::And, .. } => self.junction(expr, &BinaryOperator::And),
            Expr::BinaryOp { op: BinaryOperator::Or, .. } => self.junction(expr, &BinaryOperator::Or),
            Expr::BinaryOp { .. } => self.chain(expr),
            Expr::UnaryOp { op, expr: inner } => self.unary(*op, inner, expr),
            Expr::IsNull(inner) | Expr::IsUnknown(inner) => self.test(Function::IsNull, inner, false),
            Expr::IsNotNull(inner) | Expr::IsNotUnknown(inner) => self.test(Function::IsNull, inner, true),
            Expr::IsTrue(inner) => self.test(Function::IsTrue, inner, false),
            Expr::IsNotTrue(inner) => self.test(Function::IsTrue, inner, true),
            Expr::IsFalse(inner) => self.test(Function::IsFalse, inner, false),
            Expr::IsNotFalse(inner) => self.test(Function::IsFalse, inner, true),
            Expr::IsDistinctFrom(left, right) => self.distinct_from(Function::IsDistinct, left, right, expr),
            Expr::IsNotDistinctFrom(left, right) => self.distinct_from(Function::IsNotDistinct, left, right, expr),
            Expr::InList { expr: inner, list, negated } => self.in_list(inner, list, *negated, expr),
            Expr::Between { expr: inner, negated, low, high } => {
                let value = self.expr(inner)?;
                let (low, high) = (self.expr(low)?, self.expr(high)?);
                let above = self.compared(Function::GtEq, value, low, expr)?;
                let below = self.compared(Function::LtEq, value, high, expr)?;
                let both = self.arena.and([above, below]);
                Ok(self.negated_if(*negated, both))
            }
            Expr::Like { negated, any, expr: value, pattern, escape_char } => {
                self.like(Function::Like, *negated, *any, value, pattern, escape_char.as_ref(), expr)
            }
            Expr::ILike { negated, any, expr: value, pattern, escape_char } => {
                self.like(Function::ILike, *negated, *any, value, pattern, escape_char.as_ref(), expr)
            }
            Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), expr)
            }
            Expr::Cast { kind, expr: inner, data_type, array, format } => {
                if *array || format.is_some() {
                    return Err(self.unsupported(expr, "a `CAST` with `ARRAY` or `FORMAT`"));
                }
                let to = self.data_type(data_type, expr)?;
                let value = self.expr(inner)?;
                let is_try = matches!(kind, CastKind::TryCast | CastKind::SafeCast);
                self.cast(value, to, is_try, expr)
            }
            Expr::Extract { field, syntax: _, expr: inner } => {
                let value = self.expr(inner)?;
                self.part(&field.to_string(), value, expr)
            }
            Expr::Ceil { expr: inner, field } => self.rounded(Function::Ceil, inner, field, expr),
            Expr::Floor { expr: inner, field } => self.rounded(Function::Floor, inner, field, expr),
            Expr::Position { expr: needle, r#in: haystack } => {
                let (haystack, needle) = (self.expr(haystack)?, self.expr(needle)?);
                self.apply(Function::Position, vec![haystack, needle], expr)
            }
            Expr::Substring { expr: value, substring_from, substring_for, special: _, shorthand: _ } => {
                let mut args = vec![self.expr(value)?];
                match substring_from.as_deref() {
                    Some(start) => args.push(self.expr(start)?),
                    None => args.push(self.arena.literal(Literal::Int(1, DataType::Int32))),
                }
                if let Some(length) = substring_for.as_deref() {
                    args.push(self.expr(length)?);
                }
                self.apply(Function::Substring, args, expr)
            }
            Expr::Trim { trim_where, trim_what, expr: value, trim_characters } => {
                let function = match trim_where {
                    None | Some(TrimWhereField::Both) => Function::Trim,
                    Some(TrimWhereField::Leading) => Function::LTrim,
                    Some(TrimWhereField::Trailing) => Function::RTrim,
                };
                let mut args = vec![self.expr(value)?];
                let characters = trim_what.as_deref().into_iter().chain(trim_characters.iter().flatten());
                for characters in characters {
                    args.push(self.expr(characters)?);
                }
                self.apply(function, args, expr)
            }
            Expr::Function(function) => self.function(function, expr),
            Expr::Subquery(query) => self.scalar_subquery(query, expr),
            Expr::Exists { subquery, negated } => self.exists_value(subquery, *negated, expr),
            Expr::InSubquery { expr: value, subquery, negated } => self.in_value(value, subquery, *negated, expr),
            Expr::AnyOp { .. } | Expr::AllOp { .. } => {
                Err(self.unsupported(expr, "`ANY` or `ALL` other than as a condition of its own"))
            }
            Expr::CompoundFieldAccess { .. } => Err(self.unsupported(expr, "access to a part of a nested value")),
            Expr::JsonAccess { .. } => Err(self.unsupported(expr, "a JSON path")),
            Expr::IsNormalized { .. } => Err(self.unsupported(expr, "`IS NORMALIZED`")),
            Expr::InUnnest { .. } => Err(self.unsupported(expr, "`IN UNNEST`")),
            Expr::SimilarTo { .. } => Err(self.unsupported(expr, "`SIMILAR TO`")),
            Expr::RLike { .. } => Err(self.unsupported(expr, "`RLIKE`")),
            Expr::Convert { .. } => Err(self.unsupported(expr, "`CONVERT`")),
            Expr::AtTimeZone { .. } => Err(self.unsupported(expr, "`AT TIME ZONE`")),
            Expr::Overlay { .. } => Err(self.unsupported(expr, "`OVERLAY`")),
            Expr::Collate { .. } => Err(self.unsupported(expr, "`COLLATE`")),
            Expr::Prefixed { .. } => Err(self.unsupported(expr, "a literal with a character set")),
            Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_) => Err(self.unsupported(expr, "`GROUPING SETS`")),
            Expr::Tuple(_) => Err(self.unsupported(expr, "a tuple")),
            Expr::Struct { .. } | Expr::Named { .. } | Expr::Dictionary(_) => Err(self.unsupported(expr, "a struct")),
            Expr::Map(_) => Err(self.unsupported(expr, "a map")),
            Expr::Array(_) => Err(self.unsupported(expr, "an array")),
            Expr::MatchAgainst { .. } => Err(self.unsupported(expr, "`MATCH AGAINST`")),
            Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => Err(self.unsupported(expr, "`*` as a value")),
            Expr::OuterJoin(_) => Err(self.unsupported(expr, "the outer join operator `(+)`")),
            Expr::Prior(_) => Err(self.unsupported(expr, "`PRIOR`")),
            Expr::Lambda(_) => Err(self.unsupported(expr, "a lambda function")),
            Expr::MemberOf(_) => Err(self.unsupported(expr, "`MEMBER OF`")),
        }
    }

    pub(crate) fn negated_if(&mut self, is_negated: bool, scalar: ScalarId) -> ScalarId {
        if !is_negated {
            return scalar;
        }
        match self.arena[scalar].clone() {
            Scalar::Call { function: Function::Not, args, .. } => args[0],
            Scalar::Call { function, args, .. } if args.len() == 2 && function.negated().is_some() => {
                let negated = function.negated().expect("just asked");
                self.arena.comparison(negated, args[0], args[1])
            }
            _ => self.arena.predicate(Function::Not, [scalar]),
        }
    }

    fn value(&mut self, value: &ValueWithSpan) -> Bind<ScalarId> {
        let ValueWithSpan { value: kind, span: _ } = value;
        let literal = match kind {
            Value::Number(digits, _) => literal::number(digits, self.dialect),
            Value::SingleQuotedString(text)
            | Value::EscapedStringLiteral(text)
            | Value::UnicodeStringLiteral(text)
            | Value::DoubleQuotedString(text)
            | Value::TripleSingleQuotedString(text)
            | Value::TripleDoubleQuotedString(text) => Some(Literal::Text(Arc::from(text.as_str()))),
            Value::DollarQuotedString(text) => Some(Literal::Text(Arc::from(text.value.as_str()))),
            Value::Boolean(value) => Some(Literal::Boolean(*value)),
            Value::Null => Some(Literal::Null(DataType::Null)),
            Value::Placeholder(_) => return Err(self.unsupported(value, "a placeholder")),
            Value::SingleQuotedByteStringLiteral(_)
            | Value::DoubleQuotedByteStringLiteral(_)
            | Value::TripleSingleQuotedByteStringLiteral(_)
            | Value::TripleDoubleQuotedByteStringLiteral(_)
            | Value::SingleQuotedRawStringLiteral(_)
            | Value::DoubleQuotedRawStringLiteral(_)
            | Value::TripleSingleQuotedRawStringLiteral(_)
            | Value::TripleDoubleQuotedRawStringLiteral(_)
            | Value::NationalStringLiteral(_)
            | Value::QuoteDelimitedStringLiteral(_)
            | Value::NationalQuoteDelimitedStringLiteral(_)
            | Value::HexStringLiteral(_) => return Err(self.unsupported(value, "a byte, raw or national literal")),
        };
        match literal {
            Some(literal) => Ok(self.arena.literal(literal)),
            None => Err(self.fault("SQL-0018", value, format!("`{value}` is out of range"))),
        }
    }

    fn interval(&mut self, interval: &ast::Interval, at: &Expr) -> Bind<ScalarId> {
        let ast::Interval { value, leading_field, leading_precision, last_field, fractional_seconds_precision } =
            interval;
        if leading_precision.is_some() || last_field.is_some() || fractional_seconds_precision.is_some() {
            return Err(self.unsupported(at, "an interval with a precision or two fields"));
        }
        let unit = leading_field.as_ref().map(|field| field.to_string().to_lowercase());
        let (text, is_negative) = match bare(value) {
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => (bare(expr), true),
            other => (other, false),
        };
        let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text) | Value::Number(text, _), .. }) = text
        else {
            return Err(self.unsupported(at, "an interval that is no literal"));
        };
        let Some((months, days, micros)) = literal::interval(text, unit.as_deref()) else {
            return Err(self.fault("SQL-0018", at, format!("`{text}` is not read as an interval")));
        };
        let literal = Literal::Interval { months, days, micros };
        let literal = if is_negative { literal::negated(&literal).unwrap_or(literal) } else { literal };
        Ok(self.arena.literal(literal))
    }

    fn junction(&mut self, expr: &'a Expr, operator: &BinaryOperator) -> Bind<ScalarId> {
        let mut scalars = Vec::new();
        for operand in operands(expr, operator) {
            let scalar = self.expr(operand)?;
            self.expect_boolean(scalar, operand)?;
            scalars.push(scalar);
        }
        Ok(if *operator == BinaryOperator::And { self.arena.and(scalars) } else { self.arena.or(scalars) })
    }

    fn expect_boolean(&self, scalar: ScalarId, at: &Expr) -> Bind<()> {
        match self.arena.type_of(scalar) {
            DataType::Boolean | DataType::Unknown | DataType::Null => Ok(()),
            found => Err(self.fault("SQL-0011", at, format!("found {found}, expected a condition"))),
        }
    }

    /// A chain of binary operators that leans left; walked iteratively.
    fn chain(&mut self, expr: &'a Expr) -> Bind<ScalarId> {
        let mut steps = Vec::new();
        let mut first = expr;
        while let Expr::BinaryOp { left, op, right } = first {
            if matches!(op, BinaryOperator::And | BinaryOperator::Or) {
                break;
            }
            steps.push((op, &**right, first));
            if steps.len() > MAX_CHAIN {
                let message = format!("a chain of more than {MAX_CHAIN} operators");
                return Err(self.fault("SQL-0004", &**right, message));
            }
            first = left;
        }
        if let Some(at) = self.unclear(&steps) {
            return Err(self.unsupported(at, "`||` beside other operators without parentheses"));
        }
        let mut value = self.expr(first)?;
        for (op, right, at) in steps.into_iter().rev() {
            let right = self.expr(right)?;
            value = self.operator(op, value, right, at)?;
        }
        Ok(value)
    }

    /// The place where `||` stands beside an operator that binds as tight for the parser and tighter
    /// in some dialect.
    fn unclear(&self, steps: &[(&BinaryOperator, &'a Expr, &'a Expr)]) -> Option<&'a Expr> {
        let is_concat = |op: &BinaryOperator| matches!(op, BinaryOperator::StringConcat);
        let mut has_arithmetic = false;
        for (op, right, at) in steps {
            if has_arithmetic && is_concat(op) {
                return Some(at);
            }
            let is_arithmetic = is_arithmetic(op);
            has_arithmetic |= is_arithmetic;
            if is_arithmetic && matches!(right, Expr::BinaryOp { op, .. } if is_concat(op)) {
                return Some(at);
            }
        }
        None
    }

    fn operator(&mut self, op: &BinaryOperator, left: ScalarId, right: ScalarId, at: &Expr) -> Bind<ScalarId> {
        match op {
            BinaryOperator::Plus => self.added(Function::Add, left, right, at),
            BinaryOperator::Minus => self.added(Function::Subtract, left, right, at),
            BinaryOperator::Multiply => self.multiplied(left, right, at),
            BinaryOperator::Divide => self.divided(left, right, at),
            BinaryOperator::DuckIntegerDivide | BinaryOperator::MyIntegerDivide => {
                self.arithmetic(Function::IntegerDivide, left, right, at)
            }
            BinaryOperator::Modulo => self.arithmetic(Function::Modulo, left, right, at),
            BinaryOperator::StringConcat => {
                let args = [left, right].map(|arg| self.as_text(arg));
                Ok(self.arena.call(Function::Concat, args, DataType::Text))
            }
            BinaryOperator::Eq => self.compared(Function::Eq, left, right, at),
            BinaryOperator::NotEq => self.compared(Function::NotEq, left, right, at),
            BinaryOperator::Lt => self.compared(Function::Lt, left, right, at),
            BinaryOperator::LtEq => self.compared(Function::LtEq, left, right, at),
            BinaryOperator::Gt => self.compared(Function::Gt, left, right, at),
            BinaryOperator::GtEq => self.compared(Function::GtEq, left, right, at),
            BinaryOperator::Spaceship => self.compared(Function::IsNotDistinct, left, right, at),
            BinaryOperator::PGRegexMatch => self.apply(Function::RegexpMatches, vec![left, right], at),
            BinaryOperator::PGStartsWith => self.apply(Function::StartsWith, vec![left, right], at),
            _ => Err(self.unsupported(at, &format!("the operator `{op}`"))),
        }
    }

    fn unary(&mut self, op: UnaryOperator, inner: &'a Expr, at: &Expr) -> Bind<ScalarId> {
        let value = self.expr(inner)?;
        match op {
            UnaryOperator::Plus => Ok(value),
            UnaryOperator::Not | UnaryOperator::BangNot => {
                self.expect_boolean(value, inner)?;
                if let Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) = inner
                    && !is_tight(right)
                {
                    // The parser hung conjuncts behind the comparison that `NOT` does not reach.
                    return Err(self.unsupported(at, "`NOT` of `IS DISTINCT FROM` without parentheses"));
                }
                Ok(self.negated_if(true, value))
            }
            UnaryOperator::Minus => {
                if let Scalar::Literal(literal) = &self.arena[value]
                    && let Some(negated) = literal::negated(literal)
                {
                    return Ok(self.arena.literal(negated));
                }
                self.apply(Function::Negate, vec![value], at)
            }
            _ => Err(self.unsupported(at, &format!("the operator `{op}`"))),
        }
    }

    fn test(&mut self, function: Function, inner: &'a Expr, is_negated: bool) -> Bind<ScalarId> {
        let value = self.expr(inner)?;
        if function != Function::IsNull {
            self.expect_boolean(value, inner)?;
        }
        let test = self.arena.predicate(function, [value]);
        Ok(self.negated_if(is_negated, test))
    }

    /// `IS DISTINCT FROM`. The parser reads everything behind it as its right side, so that the
    /// conjuncts that follow hang there; they are conjuncts of the comparison.
    fn distinct_from(&mut self, function: Function, left: &'a Expr, right: &'a Expr, at: &Expr) -> Bind<ScalarId> {
        let mut parts = operands(right, &BinaryOperator::And).into_iter();
        let is_chain = matches!(right, Expr::BinaryOp { op: BinaryOperator::And, .. });
        let first = if is_chain { parts.next().unwrap_or(right) } else { right };
        if !is_tight(first) {
            let fault = self.unsupported(at, "this right side of `IS DISTINCT FROM` without parentheses");
            return Err(fault);
        }
        let (left, first) = (self.expr(left)?, self.expr(first)?);
        let mut conjuncts = vec![self.compared(function, left, first, at)?];
        if is_chain {
            for part in parts {
                let scalar = self.expr(part)?;
                self.expect_boolean(scalar, part)?;
                conjuncts.push(scalar);
            }
        }
        Ok(self.arena.and(conjuncts))
    }

    /// A comparison in its one orientation, both sides of comparable types.
    pub(crate) fn compared(
        &mut self,
        function: Function,
        left: ScalarId,
        right: ScalarId,
        at: &impl crate::place::Place,
    ) -> Bind<ScalarId> {
        let (left, right) = self.comparable(left, right, at)?;
        Ok(self.arena.comparison(function, left, right))
    }

    fn comparable(
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
        match a.common(b) {
            None => Err(self.fault("SQL-0011", at, format!("found {a} and {b}, expected comparable types"))),
            Some(to) if to.is_temporal() => Ok((self.arena.cast(left, to), self.arena.cast(right, to))),
            Some(_) => Ok((left, right)),
        }
    }

    fn at_midnight(&mut self, scalar: ScalarId) -> Option<ScalarId> {
        let Scalar::Literal(literal) = &self.arena[scalar] else { return None };
        let date = literal::midnight(literal)?;
        Some(self.arena.literal(date))
    }

    /// A text literal read as a value of the type.
    fn read_text(&mut self, scalar: ScalarId, to: DataType, at: &impl crate::place::Place) -> Bind<ScalarId> {
        let Scalar::Literal(Literal::Text(text)) = self.arena[scalar].clone() else { return Ok(scalar) };
        if let Some(literal) = literal::typed(&text, to, self.dialect) {
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
        if matches!(to, DataType::Uuid | DataType::TimestampTz | DataType::Null) {
            return Ok(if to == DataType::Null { scalar } else { self.arena.cast(scalar, to) });
        }
        Err(self.fault("SQL-0018", at, format!("`{text}` is not read as {to}")))
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
            common = common
                .common(found)
                .ok_or_else(|| self.fault("SQL-0011", at, format!("found {common} and {found}, expected one type")))?;
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

    fn in_list(&mut self, inner: &'a Expr, list: &'a [Expr], is_negated: bool, at: &Expr) -> Bind<ScalarId> {
        let value = self.expr(inner)?;
        let mut scalars = Vec::with_capacity(list.len());
        for item in list {
            let item_scalar = self.expr(item)?;
            let (_, right) = self.comparable(value, item_scalar, item)?;
            scalars.push(right);
        }
        let found = match scalars.as_slice() {
            [one] => self.compared(Function::Eq, value, *one, at)?,
            _ => self.arena.in_list(value, scalars),
        };
        Ok(self.negated_if(is_negated, found))
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of LIKE")]
    fn like(
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
            return Err(self.unsupported(at, "`LIKE ANY`"));
        }
        let mut args = vec![self.expr(value)?, self.expr(pattern)?];
        if let Some(escape) = escape {
            args.push(self.value(escape)?);
        } else if self.dialect != Dialect::DuckDb {
            // The other dialects escape with a backslash unless told otherwise.
            let is_plain = matches!(&self.arena[args[1]], Scalar::Literal(Literal::Text(text)) if !text.contains('\\'));
            if !is_plain {
                args.push(self.arena.text("\\"));
            }
        }
        let like = self.apply(function, args, at)?;
        Ok(self.negated_if(is_negated, like))
    }

    fn case(
        &mut self,
        operand: Option<&'a Expr>,
        conditions: &'a [CaseWhen],
        otherwise: Option<&'a Expr>,
        at: &Expr,
    ) -> Bind<ScalarId> {
        let operand = operand.map(|operand| self.expr(operand)).transpose()?;
        let mut whens = Vec::with_capacity(conditions.len());
        let mut values = Vec::with_capacity(conditions.len() + 1);
        for CaseWhen { condition, result } in conditions {
            let when = self.expr(condition)?;
            whens.push(match operand {
                Some(operand) => self.compared(Function::Eq, operand, when, condition)?,
                None => {
                    self.expect_boolean(when, condition)?;
                    when
                }
            });
            values.push(self.expr(result)?);
        }
        values.push(match otherwise {
            Some(otherwise) => self.expr(otherwise)?,
            None => self.arena.literal(Literal::Null(DataType::Null)),
        });
        let data_type = self.unified(&mut values, at)?;
        let otherwise = values.pop().expect("pushed above");
        let branches = whens.into_iter().zip(values).collect();
        Ok(self.arena.scalar(Scalar::Case { branches, otherwise, data_type }))
    }

    fn rounded(&mut self, function: Function, inner: &'a Expr, field: &CeilFloorKind, at: &Expr) -> Bind<ScalarId> {
        if !matches!(field, CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime)) {
            return Err(self.unsupported(at, "`CEIL` or `FLOOR` to a field or scale"));
        }
        let value = self.expr(inner)?;
        self.apply(function, vec![value], at)
    }

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
        // A cast to an integer rounds; Spark and DataFusion cut off.
        let is_fraction = from.is_float() || matches!(from, DataType::Decimal { .. });
        if to.is_integer() && is_fraction && matches!(self.dialect, Dialect::Spark | Dialect::DataFusion) {
            let cut = self.arena.call(Function::Trunc, [value], from);
            return Ok(self.arena.scalar(Scalar::Cast { arg: cut, to, is_try }));
        }
        if to.is_integer() && from == DataType::Unknown && self.dialect != Dialect::DuckDb {
            return Err(self.fault("SQL-0011", at, "the type of what is cast to an integer is not known"));
        }
        Ok(self.arena.scalar(Scalar::Cast { arg: value, to, is_try }))
    }

    pub(crate) fn as_text(&mut self, value: ScalarId) -> ScalarId {
        match self.arena.type_of(value) {
            DataType::Text | DataType::Unknown | DataType::Null => value,
            _ => self.arena.cast(value, DataType::Text),
        }
    }

    fn added(&mut self, function: Function, left: ScalarId, right: ScalarId, at: &Expr) -> Bind<ScalarId> {
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
            (DataType::Interval, DataType::Interval) => {
                Ok(self.arena.call(function, [left, right], DataType::Interval))
            }
            _ => self.arithmetic(function, left, right, at),
        }
    }

    /// A date or timestamp moved by an interval; folded where both are literals.
    fn moved(&mut self, function: Function, value: ScalarId, interval: ScalarId) -> Bind<ScalarId> {
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

    fn multiplied(&mut self, left: ScalarId, right: ScalarId, at: &Expr) -> Bind<ScalarId> {
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

    fn divided(&mut self, left: ScalarId, right: ScalarId, at: &Expr) -> Bind<ScalarId> {
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

    fn arithmetic(&mut self, function: Function, left: ScalarId, right: ScalarId, at: &Expr) -> Bind<ScalarId> {
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
                Err(Box::new(fault.with_help("write a cast")))
            }
        }
    }

    /// A divisor as DuckDB means it: an integer division by zero is NULL there and an error elsewhere.
    pub(crate) fn divisor(&mut self, function: Function, divisor: ScalarId, result: DataType) -> ScalarId {
        let is_division = matches!(function, Function::Modulo | Function::IntegerDivide);
        let is_known = matches!(&self.arena[divisor], Scalar::Literal(Literal::Int(value, _)) if *value != 0);
        if self.dialect != Dialect::DuckDb || !is_division || !result.is_integer() || is_known {
            return divisor;
        }
        let data_type = self.arena.type_of(divisor);
        let zero = self.arena.literal(Literal::Int(0, data_type));
        self.arena.call(Function::NullIf, [divisor, zero], data_type)
    }
}

fn is_arithmetic(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::DuckIntegerDivide
            | BinaryOperator::MyIntegerDivide
    )
}

/// Whether an expression binds tighter than `IS`, however it is parsed.
fn is_tight(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { op, .. } => is_arithmetic(op) || *op == BinaryOperator::StringConcat,
        Expr::UnaryOp { op, .. } => matches!(op, UnaryOperator::Minus | UnaryOperator::Plus),
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::Nested(_)
        | Expr::Value(_)
        | Expr::TypedString(_)
        | Expr::Interval(_)
        | Expr::Function(_)
        | Expr::Cast { .. }
        | Expr::Case { .. }
        | Expr::Extract { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Position { .. }
        | Expr::Ceil { .. }
        | Expr::Floor { .. }
        | Expr::Subquery(_) => true,
        _ => false,
    }
}

fn integer_fits(value: i128, data_type: DataType) -> bool {
    let Some(bits) = data_type.integer_bits() else { return false };
    match (data_type.is_unsigned(), bits) {
        (_, 128..) => true,
        (true, bits) => value >= 0 && value < 1_i128 << bits,
        (false, bits) => value >= -(1_i128 << (bits - 1)) && value < 1_i128 << (bits - 1),
    }
}
