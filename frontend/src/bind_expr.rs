//! Scalars: operators, literals, casts, `CASE`, and what each means in the source dialect.

use std::sync::Arc;

use isomer_ir::{DataType, Dialect, Function, Literal, Scalar, ScalarId};
use sqlparser::ast::{
    self, BinaryOperator, CaseWhen, CastKind, CeilFloorKind, Expr, TrimWhereField, TypedString, UnaryOperator, Value,
    ValueWithSpan,
};

use crate::bind::{Bind, Binder};
use crate::bind_collate::is_collated;
use crate::bind_pattern::as_tuple;
use crate::functions::listed;
use crate::literal;
use crate::syntax::{bare, operands};

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
            found => Err(self.no_condition(expr, found)),
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
            Expr::BinaryOp { left, op, right } if as_tuple(left).is_some() || as_tuple(right).is_some() => {
                self.row_comparison(left, op, right, expr)
            }
            Expr::BinaryOp { left, op, right } if is_collated(left) || is_collated(right) => {
                match self.collated_comparison(left, op, right, expr)? {
                    Some(compared) => Ok(compared),
                    None => self.chain(expr),
                }
            }
            Expr::BinaryOp { .. } => self.chain(expr),
            Expr::UnaryOp { op, expr: inner } => self.unary(*op, inner, expr),
            Expr::IsNull(inner) | Expr::IsUnknown(inner) => self.test(Function::IsNull, inner, false),
            Expr::IsNotNull(inner) | Expr::IsNotUnknown(inner) => self.test(Function::IsNull, inner, true),
            Expr::IsTrue(inner) => self.test(Function::IsTrue, inner, false),
            Expr::IsNotTrue(inner) => self.test(Function::IsTrue, inner, true),
            Expr::IsFalse(inner) => self.test(Function::IsFalse, inner, false),
            Expr::IsNotFalse(inner) => self.test(Function::IsFalse, inner, true),
            Expr::IsDistinctFrom(left, right) if is_collated(left) || is_collated(right) => {
                self.collated_pair(Function::IsDistinct, left, right, expr)
            }
            Expr::IsNotDistinctFrom(left, right) if is_collated(left) || is_collated(right) => {
                self.collated_pair(Function::IsNotDistinct, left, right, expr)
            }
            Expr::IsDistinctFrom(left, right) => self.distinct_from(Function::IsDistinct, left, right, expr),
            Expr::IsNotDistinctFrom(left, right) => self.distinct_from(Function::IsNotDistinct, left, right, expr),
            Expr::InList { expr: inner, list, negated } if as_tuple(inner).is_some() => {
                self.row_in_list(inner, list, *negated, expr)
            }
            Expr::InList { expr: inner, list, negated } if is_collated(inner) || list.iter().any(is_collated) => {
                self.collated_in_list(inner, list, *negated, expr)
            }
            Expr::InList { expr: inner, list, negated } => self.in_list(inner, list, *negated, expr),
            Expr::Between { expr: inner, negated, low, high }
                if [inner, low, high].into_iter().any(|side| is_collated(side)) =>
            {
                self.collated_between((inner, low, high), *negated, expr)
            }
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
                let is_try = matches!(kind, CastKind::TryCast | CastKind::SafeCast);
                if let Some(length) = crate::bind_type::cut_at(data_type, self.dialect) {
                    return self.cut(inner, length, is_try, expr);
                }
                let to = self.data_type(data_type, expr)?;
                let value = self.expr(inner)?;
                self.cast(value, to, is_try, expr)
            }
            Expr::Extract { field, syntax: _, expr: inner } => {
                let value = self.expr(inner)?;
                self.extracted(&field.to_string(), value, expr)
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
                if self.dialect == Dialect::BigQuery
                    && trim_what.is_none()
                    && trim_characters.as_ref().is_none_or(Vec::is_empty)
                {
                    let name = match function {
                        Function::LTrim => "ltrim_whitespace",
                        Function::RTrim => "rtrim_whitespace",
                        _ => "trim_whitespace",
                    };
                    return self.listed_call(name, args, DataType::Text, expr);
                }
                let characters = trim_what.as_deref().into_iter().chain(trim_characters.iter().flatten());
                for characters in characters {
                    args.push(self.expr(characters)?);
                }
                self.apply(function, args, expr)
            }
            Expr::Function(function) => self.function(function, expr),
            Expr::Subquery(query) => self.scalar_subquery(query, expr),
            Expr::Exists { subquery, negated } => self.exists_value(subquery, *negated, expr),
            Expr::InSubquery { expr: value, subquery, negated } => {
                self.quantified_value(value, subquery, Function::Eq, *negated, expr)
            }
            Expr::AnyOp { left, compare_op, right, is_some: _ } => {
                self.any_or_all(left, compare_op, right, false, expr)
            }
            Expr::AllOp { left, compare_op, right } => self.any_or_all(left, compare_op, right, true, expr),
            Expr::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain, expr),
            Expr::JsonAccess { value, path } => self.json_path(value, path, expr),
            Expr::IsNormalized { .. } => Err(self.unsupported(expr, "`IS NORMALIZED`")),
            Expr::InUnnest { expr: value, array_expr, negated } => self.in_unnest(value, array_expr, *negated, expr),
            Expr::SimilarTo { negated, expr: value, pattern, escape_char } => {
                self.similar(value, pattern, escape_char.as_ref(), *negated, expr)
            }
            Expr::RLike { negated, expr: value, pattern, regexp: _ } => self.rlike(value, pattern, *negated, expr),
            Expr::Convert { .. } => Err(self.unsupported(expr, "`CONVERT`")),
            Expr::AtTimeZone { timestamp, time_zone } => self.at_time_zone(timestamp, time_zone, expr),
            Expr::Overlay { expr: value, overlay_what, overlay_from, overlay_for } => {
                let mut args = vec![self.expr(value)?, self.expr(overlay_what)?, self.expr(overlay_from)?];
                if let Some(length) = overlay_for {
                    args.push(self.expr(length)?);
                }
                if self.dialect == Dialect::DuckDb {
                    return Err(self.unsupported(expr, "`OVERLAY`"));
                }
                self.listed_call("overlay", args, DataType::Text, expr)
            }
            Expr::Collate { .. } => self.collated_value(expr),
            Expr::Prefixed { .. } => Err(self.unsupported(expr, "a literal with a character set")),
            Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_) => Err(self.unsupported(expr, "`GROUPING SETS`")),
            Expr::Tuple(_) => Err(self.unsupported(expr, "a tuple")),
            Expr::Struct { values, fields } if fields.is_empty() => self.big_query_struct(values, expr),
            Expr::Struct { .. } | Expr::Named { .. } => Err(self.unsupported(expr, "a struct")),
            Expr::Dictionary(fields) => {
                let fields = fields.iter().map(|field| (Arc::from(field.key.value.as_str()), &*field.value)).collect();
                self.structure(fields, expr)
            }
            Expr::Map(map) => self.map(&map.entries, expr),
            Expr::Array(array) => self.list(&array.elem, expr),
            Expr::MatchAgainst { .. } => Err(self.unsupported(expr, "`MATCH AGAINST`")),
            Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => Err(self.unsupported(expr, "`*` as a value")),
            Expr::OuterJoin(_) => Err(self.unsupported(expr, "the outer join operator `(+)`")),
            Expr::Prior(_) => Err(self.unsupported(expr, "`PRIOR`")),
            Expr::Lambda(lambda) => self.arrow(lambda, expr),
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

    pub(crate) fn value(&mut self, value: &ValueWithSpan) -> Bind<ScalarId> {
        let ValueWithSpan { value: kind, span: _ } = value;
        let literal = match kind {
            Value::Number(digits, _) => literal::number(digits, self.dialect),
            Value::SingleQuotedString(text)
            | Value::EscapedStringLiteral(text)
            | Value::UnicodeStringLiteral(text)
            | Value::DoubleQuotedString(text)
            | Value::TripleSingleQuotedString(text)
            | Value::TripleDoubleQuotedString(text)
            // In a raw text a backslash is a backslash.
            | Value::SingleQuotedRawStringLiteral(text)
            | Value::DoubleQuotedRawStringLiteral(text)
            | Value::TripleSingleQuotedRawStringLiteral(text)
            | Value::TripleDoubleQuotedRawStringLiteral(text) => Some(Literal::Text(Arc::from(text.as_str()))),
            Value::DollarQuotedString(text) => Some(Literal::Text(Arc::from(text.value.as_str()))),
            Value::Boolean(value) => Some(Literal::Boolean(*value)),
            Value::Null => Some(Literal::Null(DataType::Null)),
            Value::Placeholder(name) => {
                let fault = self.fault("SQL-0014", value, format!("the parameter `{name}` has no value in a model"));
                return Err(Box::new(fault.with_help("write the value, or let the project's variables put it there")));
            }
            Value::SingleQuotedByteStringLiteral(_)
            | Value::DoubleQuotedByteStringLiteral(_)
            | Value::TripleSingleQuotedByteStringLiteral(_)
            | Value::TripleDoubleQuotedByteStringLiteral(_)
            | Value::NationalStringLiteral(_)
            | Value::QuoteDelimitedStringLiteral(_)
            | Value::NationalQuoteDelimitedStringLiteral(_)
            | Value::HexStringLiteral(_) => return Err(self.unsupported(value, "a byte or national literal")),
        };
        match literal {
            Some(literal) => Ok(self.arena.literal(literal)),
            None => {
                let fault = self.fault("SQL-0018", value, format!("`{value}` is out of range"));
                Err(Box::new(fault.with_help("write a number of up to 38 digits, or a double of up to 1.8e308")))
            }
        }
    }

    pub(crate) fn interval(&mut self, interval: &'a ast::Interval, at: &Expr) -> Bind<ScalarId> {
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
            let Some(unit) = unit else {
                return Err(self.unsupported(at, "an interval that is no literal"));
            };
            let number = self.expr(value)?;
            return self.interval_times(unit.strip_suffix('s').unwrap_or(&unit), number, at);
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

    pub(crate) fn expect_boolean(&self, scalar: ScalarId, at: &Expr) -> Bind<()> {
        match self.arena.type_of(scalar) {
            DataType::Boolean | DataType::Unknown | DataType::Null => Ok(()),
            found => Err(self.no_condition(at, found)),
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
        let is_unclear = matches!(self.dialect, Dialect::Spark | Dialect::Snowflake);
        if is_unclear && let Some(at) = self.unclear(&steps) {
            return Err(self.unsupported(at, "`||` beside other operators without parentheses"));
        }
        let mut value = self.expr(first)?;
        for (op, right, at) in steps.into_iter().rev() {
            let right = self.expr(right)?;
            value = self.operator(op, value, right, at)?;
        }
        Ok(value)
    }

    /// The place where `||` stands beside an operator that binds as tight for the parser and tighter, or
    /// nobody says how, in the dialect.
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
                if let Some(joined) = self.joined_parts(left, right, at)? {
                    return Ok(joined);
                }
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
            // DuckDB matches the whole text.
            BinaryOperator::PGRegexMatch | BinaryOperator::PGRegexNotMatch => {
                let function = match self.dialect {
                    Dialect::DuckDb => listed("regexp_full_match").unwrap_or(Function::RegexpMatches),
                    _ => Function::RegexpMatches,
                };
                let found = self.apply(function, vec![left, right], at)?;
                Ok(self.negated_if(*op == BinaryOperator::PGRegexNotMatch, found))
            }
            BinaryOperator::Arrow | BinaryOperator::LongArrow => {
                self.json_operator(left, right, *op == BinaryOperator::LongArrow, at)
            }
            BinaryOperator::BitwiseAnd => self.bitwise("bitwise_and", left, right, at),
            BinaryOperator::BitwiseOr => self.bitwise("bitwise_or", left, right, at),
            BinaryOperator::PGBitwiseShiftLeft => self.bitwise("shift_left", left, right, at),
            BinaryOperator::PGBitwiseShiftRight => self.bitwise("shift_right", left, right, at),
            BinaryOperator::BitwiseXor | BinaryOperator::PGExp
                if matches!(self.dialect, Dialect::DuckDb | Dialect::Postgres) =>
            {
                self.apply(Function::Power, vec![left, right], at)
            }
            BinaryOperator::BitwiseXor if self.dialect != Dialect::Snowflake => {
                self.bitwise("bitwise_xor", left, right, at)
            }
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
                Ok(self.negated_if(true, value))
            }
            UnaryOperator::Minus => {
                if let Scalar::Literal(literal) = &self.arena[value]
                    && let Some(negated) = literal::negated_by(literal, self.dialect)
                {
                    return Ok(self.arena.literal(negated));
                }
                self.apply(Function::Negate, vec![value], at)
            }
            UnaryOperator::BitwiseNot if self.arena.type_of(value).is_integer() => {
                let data_type = self.arena.type_of(value);
                self.listed_call("bitwise_not", [value], data_type, at)
            }
            _ => Err(self.unsupported(at, &format!("the operator `{op}`"))),
        }
    }

    fn bitwise(&mut self, name: &str, left: ScalarId, right: ScalarId, at: &Expr) -> Bind<ScalarId> {
        match listed(name) {
            Some(function) => self.apply(function, vec![left, right], at),
            None => Err(self.unsupported(at, "this operator")),
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

    fn distinct_from(&mut self, function: Function, left: &'a Expr, right: &'a Expr, at: &Expr) -> Bind<ScalarId> {
        if as_tuple(left).is_some() && as_tuple(right).is_some() {
            let op = if function == Function::IsDistinct { BinaryOperator::NotEq } else { BinaryOperator::Eq };
            return self.distinct_rows(left, &op, right, at);
        }
        if !is_tight(right) {
            // Engines differ in whether a comparison binds tighter.
            return Err(self.unsupported(at, "this right side of `IS DISTINCT FROM` without parentheses"));
        }
        let (left, right) = (self.expr(left)?, self.expr(right)?);
        self.compared(function, left, right, at)
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
}

pub(crate) fn is_arithmetic(op: &BinaryOperator) -> bool {
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
