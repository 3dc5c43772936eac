//! Functions of one row: the name that computes each, over arguments of the right types.

use isomer_ir::{Args, DataType, Function, Literal, Scalar, ScalarId};
use substrait::proto::FunctionOption;

use super::message::{Row, Typed};
use super::types::physical;
use super::{Producer, refusal};
use crate::CodegenError;

/// The escape character of a pattern at the consumer, whether one is written or not.
const CONSUMER_ESCAPE: char = '\\';

impl Producer<'_> {
    /// A call of a canonical function.
    pub(super) fn call(
        &mut self,
        function: Function,
        args: &Args,
        data_type: DataType,
        row: &Row,
    ) -> Result<Typed, CodegenError> {
        match function {
            Function::Listed(_) => Err(unspelled(function, "compute it in SQL")),
            Function::Eq
            | Function::NotEq
            | Function::Lt
            | Function::LtEq
            | Function::Gt
            | Function::GtEq
            | Function::IsDistinct
            | Function::IsNotDistinct => self.comparison(function, args, row),
            Function::And | Function::Or => {
                let operands = args.iter().map(|arg| self.boolean(*arg, row)).collect::<Result<Vec<_>, _>>()?;
                self.junction(function.name(), operands)
            }
            Function::Not | Function::IsTrue | Function::IsFalse => self.truth(function, args, row),
            Function::IsNull => {
                let operands = self.operands(args, row)?;
                self.invoke("is_null", operands, DataType::Boolean)
            }
            Function::Add | Function::Subtract if self.is_temporal_arithmetic(args) => {
                self.temporal_arithmetic(function, args, data_type, row)
            }
            Function::Add
            | Function::Subtract
            | Function::Multiply
            | Function::Divide
            | Function::IntegerDivide
            | Function::Modulo => self.arithmetic(function, args, data_type, row),
            Function::Negate | Function::Abs => {
                let name = if function == Function::Abs { "abs" } else { "negate" };
                let result = physical(data_type)?;
                if !result.is_numeric() {
                    return Err(unspelled(function, "negate a number"));
                }
                let operands = self.cast_operands(args, result, row)?;
                self.invoke(name, operands, result)
            }
            Function::Ceil | Function::Floor | Function::Round | Function::Trunc | Function::Sign => {
                self.rounding(function, args, data_type, row)
            }
            Function::Sqrt | Function::Power | Function::Exp | Function::Ln | Function::Log10 | Function::Log2 => {
                let operands = self.cast_operands(args, DataType::Float64, row)?;
                self.invoke(function.name(), operands, DataType::Float64)?.cast(data_type)
            }
            Function::Greatest | Function::Least | Function::Coalesce => {
                let result = physical(data_type)?;
                let mut operands = self.cast_operands(args, result, row)?;
                if operands.len() == 1 {
                    return Ok(operands.remove(0));
                }
                self.invoke(function.name(), operands, result)
            }
            Function::NullIf => {
                let operands = self.comparable(args, row)?;
                let result = operands.first().map_or(data_type, |first| first.data_type);
                self.invoke("nullif", operands, result)?.cast(data_type)
            }
            Function::Concat
            | Function::ConcatSkipNull
            | Function::ConcatWs
            | Function::Like
            | Function::ILike
            | Function::Upper
            | Function::Lower
            | Function::Trim
            | Function::LTrim
            | Function::RTrim
            | Function::Length
            | Function::Substring
            | Function::Replace
            | Function::Position
            | Function::Left
            | Function::Right
            | Function::LPad
            | Function::RPad
            | Function::Reverse
            | Function::Repeat
            | Function::StartsWith
            | Function::EndsWith
            | Function::Contains
            | Function::SplitPart
            | Function::RegexpMatches
            | Function::RegexpReplace
            | Function::Md5 => self.text_function(function, args, data_type, row),
            Function::Extract
            | Function::DateTrunc
            | Function::DateDiff
            | Function::MakeDate
            | Function::LastDay
            | Function::FormatTime
            | Function::EpochSeconds
            | Function::CurrentDate
            | Function::CurrentTimestamp => self.temporal_function(function, args, data_type, row),
            // The argument of a volatile call only tells its occurrences apart.
            Function::Random => self.invoke("random", Vec::new(), DataType::Float64),
            Function::NewUuid => Err(unspelled(function, "DataFusion's Substrait reader knows no UUID type")),
        }
    }

    /// All operands, cast to one type.
    pub(super) fn cast_operands(&mut self, args: &Args, to: DataType, row: &Row) -> Result<Vec<Typed>, CodegenError> {
        self.operands(args, row)?.into_iter().map(|operand| operand.cast(to)).collect()
    }

    /// All operands, cast to the type they are compared in.
    fn comparable(&mut self, args: &Args, row: &Row) -> Result<Vec<Typed>, CodegenError> {
        let operands = self.operands(args, row)?;
        let mut common = DataType::Null;
        for (arg, operand) in args.iter().zip(&operands) {
            let data_type = if self.arena.type_of(*arg) == DataType::Null { DataType::Null } else { operand.data_type };
            common = common.common(data_type).ok_or_else(|| {
                let construct = format!("a comparison of `{common}` with `{data_type}`");
                refusal("GEN-0102", &construct, "cast both sides to one type")
            })?;
        }
        operands.into_iter().map(|operand| operand.cast(common)).collect()
    }

    fn comparison(&mut self, function: Function, args: &Args, row: &Row) -> Result<Typed, CodegenError> {
        let name = match function {
            Function::NotEq => "not_equal",
            Function::Lt => "lt",
            Function::LtEq => "lte",
            Function::Gt => "gt",
            Function::GtEq => "gte",
            Function::IsDistinct => "is_distinct_from",
            Function::IsNotDistinct => "is_not_distinct_from",
            _ => "equal",
        };
        let operands = match self.elapsed_comparison(args, row)? {
            Some(operands) => operands,
            None => self.comparable(args, row)?,
        };
        if operands.iter().any(|operand| operand.data_type == DataType::Interval) {
            return Err(refusal("GEN-0102", "a comparison of intervals", "compare the times themselves"));
        }
        self.invoke(name, operands, DataType::Boolean)
    }

    /// `NOT`, `IS TRUE`, `IS FALSE`, and the shorter forms of their negations.
    fn truth(&mut self, function: Function, args: &Args, row: &Row) -> Result<Typed, CodegenError> {
        let Some(arg) = args.first().copied() else {
            return Err(unspelled(function, "give it one argument"));
        };
        if function == Function::Not
            && let Scalar::Call { function: inner, args: inner_args, .. } = self.arena[arg].clone()
        {
            let name = match inner {
                Function::IsNull => Some("is_not_null"),
                Function::IsTrue => Some("is_not_true"),
                Function::IsFalse => Some("is_not_false"),
                _ => None,
            };
            if let Some(name) = name {
                let operands = self.operands(&inner_args, row)?;
                return self.invoke(name, operands, DataType::Boolean);
            }
        }
        let name = match function {
            Function::IsTrue => "is_true",
            Function::IsFalse => "is_false",
            _ => "not",
        };
        let operand = self.boolean(arg, row)?;
        self.invoke(name, vec![operand], DataType::Boolean)
    }

    /// Arithmetic in the result's type. Division by zero gives NULL, as the plan's functions do.
    fn arithmetic(
        &mut self,
        function: Function,
        args: &Args,
        data_type: DataType,
        row: &Row,
    ) -> Result<Typed, CodegenError> {
        let name = match function {
            Function::Add => "add",
            Function::Subtract => "subtract",
            Function::Multiply => "multiply",
            Function::Modulo => "modulus",
            _ => "divide",
        };
        let result = physical(data_type)?;
        let &[left, right] = args.as_slice() else {
            return Err(unspelled(function, "give it two arguments"));
        };
        let is_division = matches!(function, Function::Divide | Function::IntegerDivide | Function::Modulo);
        let may_be_zero = is_division && !self.is_nonzero_constant(right);
        let left = self.operand(left, row)?;
        let mut right = self.operand(right, row)?;
        if matches!(result, DataType::Decimal { .. }) {
            return self.decimal_arithmetic(function, name, left, right, result, may_be_zero);
        }
        let is_supported = match function {
            Function::Divide => result.is_float(),
            Function::IntegerDivide => result.is_integer(),
            _ => result.is_integer() || result.is_float(),
        };
        if !is_supported {
            return Err(unspelled(function, &format!("a result of type `{data_type}` is not written for it")));
        }
        right = right.cast(result)?;
        if may_be_zero {
            right = self.null_if_zero(right)?;
        }
        let left = left.cast(result)?;
        self.invoke(name, vec![left, right], result)
    }

    /// Decimal arithmetic by the consumer's rules of scale; another scale is refused, for the
    /// consumer would round.
    fn decimal_arithmetic(
        &mut self,
        function: Function,
        name: &str,
        left: Typed,
        mut right: Typed,
        result: DataType,
        may_be_zero: bool,
    ) -> Result<Typed, CodegenError> {
        let refused = || unspelled(function, "cast the operands to double, or to decimals of one scale");
        let (p1, s1) = left.data_type.as_decimal().ok_or_else(refused)?;
        let (p2, s2) = right.data_type.as_decimal().ok_or_else(refused)?;
        let left = left.cast(DataType::Decimal { precision: p1, scale: s1 })?;
        right = right.cast(DataType::Decimal { precision: p2, scale: s2 })?;
        if may_be_zero {
            right = self.null_if_zero(right)?;
        }
        let scale = s1.max(s2);
        let (precision, scale) = match function {
            Function::Add | Function::Subtract => ((p1 - s1).max(p2 - s2) + scale + 1, scale),
            Function::Modulo => ((p1 - s1).min(p2 - s2) + scale, scale),
            Function::Multiply if s1 + s2 <= 38 => (p1 + p2 + 1, s1 + s2),
            Function::Divide if s1 <= 34 => (p1 + s2 + 4, s1 + 4),
            _ => return Err(refused()),
        };
        let computed = DataType::Decimal { precision: precision.min(38), scale };
        let (_, wanted) = result.as_decimal().ok_or_else(refused)?;
        // A smaller scale was rounded on the way and a quotient of another scale is another number.
        if scale > wanted || (function == Function::Divide && scale != wanted) {
            return Err(refused());
        }
        let value = self.invoke(name, vec![left, right], computed)?;
        if scale == wanted { Ok(value) } else { value.cast(result) }
    }

    fn null_if_zero(&mut self, value: Typed) -> Result<Typed, CodegenError> {
        let data_type = value.data_type;
        let zero = Typed::int(0)?.cast(data_type)?;
        self.invoke("nullif", vec![value, zero], data_type)
    }

    /// Whether a divisor is a constant other than zero, or `nullif(x, 0)` already.
    fn is_nonzero_constant(&self, scalar: ScalarId) -> bool {
        match &self.arena[scalar] {
            Scalar::Literal(literal) => match literal {
                Literal::Int(value, _) | Literal::Decimal { value, .. } => *value != 0,
                Literal::Float(bits) => f64::from_bits(*bits) != 0.0,
                _ => literal.is_null(),
            },
            Scalar::Cast { arg, .. } => {
                // Casts to wider types keep what is not zero; others may round it to zero.
                isomer_ir::is_widening(self.arena.type_of(*arg), self.arena.type_of(scalar))
                    && self.is_nonzero_constant(*arg)
            }
            Scalar::Call { function: Function::NullIf, args, .. } => match args.as_slice() {
                [_, zero] => self.is_zero_constant(*zero),
                _ => false,
            },
            _ => false,
        }
    }

    fn is_zero_constant(&self, scalar: ScalarId) -> bool {
        match &self.arena[scalar] {
            Scalar::Literal(Literal::Int(value, _) | Literal::Decimal { value, .. }) => *value == 0,
            Scalar::Literal(Literal::Float(bits)) => f64::from_bits(*bits) == 0.0,
            Scalar::Cast { arg, .. } => self.is_zero_constant(*arg),
            _ => false,
        }
    }

    fn rounding(
        &mut self,
        function: Function,
        args: &Args,
        data_type: DataType,
        row: &Row,
    ) -> Result<Typed, CodegenError> {
        let Some(arg) = args.first().copied() else {
            return Err(unspelled(function, "give it an argument"));
        };
        let value = self.operand(arg, row)?;
        if function == Function::Sign {
            let value = value.cast(DataType::Float64)?;
            return self.invoke("signum", vec![value], DataType::Float64)?.cast(data_type);
        }
        if value.data_type.is_integer() && args.len() == 1 {
            return value.cast(data_type);
        }
        if let DataType::Decimal { precision, scale } = value.data_type {
            return self.decimal_rounding(function, args, value, (precision, scale), data_type);
        }
        let mut operands = vec![if value.data_type.is_float() { value } else { value.cast(DataType::Float64)? }];
        let result = operands[0].data_type;
        if let Some(digits) = args.get(1) {
            if function != Function::Round {
                return Err(unspelled(function, "round to whole numbers"));
            }
            operands.push(self.operand(*digits, row)?.cast(DataType::Int32)?);
        } else if function == Function::Round {
            operands.push(Typed::int(0)?);
        }
        self.invoke(function.name(), operands, result)?.cast(data_type)
    }

    /// Rounding half away from zero is what a cast between decimals does.
    fn decimal_rounding(
        &mut self,
        function: Function,
        args: &Args,
        value: Typed,
        (precision, scale): (u8, u8),
        data_type: DataType,
    ) -> Result<Typed, CodegenError> {
        let digits = match args.get(1) {
            None => Some(0),
            Some(digits) => self.int_constant(*digits).and_then(|digits| u8::try_from(digits).ok()),
        };
        match digits {
            Some(digits) if function == Function::Round && digits >= scale => value.cast(data_type),
            Some(digits) if function == Function::Round => {
                // One more digit in front for a carry.
                let precision = (precision - (scale - digits) + 1).min(38);
                value.cast(DataType::Decimal { precision, scale: digits })?.cast(data_type)
            }
            _ => Err(unspelled(function, "cast the decimal to double first")),
        }
    }

    /// The value of an integer constant.
    pub(super) fn int_constant(&self, scalar: ScalarId) -> Option<i128> {
        match &self.arena[scalar] {
            Scalar::Literal(Literal::Int(value, _)) => Some(*value),
            Scalar::Cast { arg, to, .. } if to.is_integer() => self.int_constant(*arg),
            Scalar::Call { function: Function::Negate, args, .. } => {
                args.first().and_then(|arg| self.int_constant(*arg)).and_then(i128::checked_neg)
            }
            _ => None,
        }
    }

    /// The value of a text constant.
    pub(super) fn text_constant(&self, scalar: ScalarId) -> Option<String> {
        match &self.arena[scalar] {
            Scalar::Literal(Literal::Text(text)) => Some(text.to_string()),
            _ => None,
        }
    }

    fn text_function(
        &mut self,
        function: Function,
        args: &Args,
        data_type: DataType,
        row: &Row,
    ) -> Result<Typed, CodegenError> {
        self.require_text_arguments(function, args)?;
        let (name, result) = match function {
            Function::Concat => ("str_concat", DataType::Text),
            Function::ConcatSkipNull => ("concat", DataType::Text),
            Function::Like | Function::ILike => return self.like(function, args, row),
            Function::Length => ("char_length", DataType::Int32),
            Function::Position => ("strpos", DataType::Int32),
            Function::StartsWith | Function::EndsWith | Function::Contains => (function.name(), DataType::Boolean),
            Function::RegexpMatches => ("regexp_like", DataType::Boolean),
            Function::ConcatWs
            | Function::Upper
            | Function::Lower
            | Function::Trim
            | Function::LTrim
            | Function::RTrim
            | Function::Substring
            | Function::Replace
            | Function::Left
            | Function::Right
            | Function::LPad
            | Function::RPad
            | Function::Reverse
            | Function::Repeat
            | Function::SplitPart
            | Function::RegexpReplace
            | Function::Md5 => (function.name(), DataType::Text),
            _ => return Err(unspelled(function, "it is no function of texts")),
        };
        let mut operands = self.text_operands(function, args, row)?;
        if operands.len() == 1 && matches!(function, Function::Concat) {
            return Ok(operands.remove(0));
        }
        let options = if matches!(function, Function::ConcatSkipNull | Function::ConcatWs) {
            vec![FunctionOption { name: "null_handling".to_owned(), preference: vec!["IGNORE_NULLS".to_owned()] }]
        } else {
            Vec::new()
        };
        let value = self.invoke_with(name, operands, result, options)?;
        // Lengths and positions are 32 bits wide or more, by the type of text that a table holds.
        if result == DataType::Int32 { value.forced_cast(physical(data_type)?, false) } else { value.cast(data_type) }
    }

    /// Operands of a text function; counts that are constants are 32 bits wide, as the standard
    /// extensions want them.
    fn text_operands(&mut self, function: Function, args: &Args, row: &Row) -> Result<Vec<Typed>, CodegenError> {
        let mut operands = Vec::with_capacity(args.len());
        for arg in args {
            let operand = self.operand(*arg, row)?;
            let is_count = operand.data_type.is_integer();
            let operand = match self.int_constant(*arg).map(i32::try_from) {
                Some(Ok(value)) if is_count && function != Function::Repeat => Typed::int(value)?,
                _ if is_count => operand.cast(DataType::Int64)?,
                _ => operand.cast(DataType::Text)?,
            };
            operands.push(operand);
        }
        Ok(operands)
    }

    /// Refuses arguments for which engines disagree.
    fn require_text_arguments(&self, function: Function, args: &Args) -> Result<(), CodegenError> {
        for arg in args {
            let data_type = self.arena.type_of(*arg);
            if !data_type.is_integer() && !matches!(data_type, DataType::Text | DataType::Null | DataType::Date) {
                return Err(unspelled(function, &format!("cast the argument of type `{data_type}` to text")));
            }
        }
        let constant = |position: usize| args.get(position).and_then(|arg| self.text_constant(*arg));
        let is_at_least =
            |position: usize, least: i128| args.get(position).is_none_or(|arg| self.at_least(*arg, least));
        match function {
            Function::Substring if !is_at_least(1, 1) || !is_at_least(2, 0) => {
                Err(unspelled(function, "start at a constant of 1 or more: engines count from other ends below it"))
            }
            Function::Replace if constant(1).is_none_or(|text| text.is_empty()) => {
                Err(unspelled(function, "replace a constant text that is not empty"))
            }
            Function::SplitPart if !is_at_least(2, 1) || constant(1).is_none_or(|text| text.is_empty()) => {
                Err(unspelled(function, "split at a constant text, and take a part of 1 or more"))
            }
            Function::RegexpMatches if args.len() != 2 || constant(1).is_none() => {
                Err(unspelled(function, "write a constant pattern without flags"))
            }
            Function::RegexpReplace if constant(1).is_none() || args.get(3).is_some() && constant(3).is_none() => {
                Err(unspelled(function, "write a constant pattern and constant flags"))
            }
            _ => Ok(()),
        }
    }

    /// Whether an integer scalar is provably NULL or at least `least`.
    fn at_least(&self, scalar: ScalarId, least: i128) -> bool {
        if let Some(value) = self.int_constant(scalar) {
            return value >= least;
        }
        match &self.arena[scalar] {
            Scalar::Call { function: Function::Length | Function::Position, .. } => least <= 0,
            Scalar::Call { function: Function::Add, args, .. } => match args.as_slice() {
                [left, right] => {
                    let with = |constant: ScalarId, other: ScalarId| {
                        self.int_constant(constant).is_some_and(|value| self.at_least(other, least - value))
                    };
                    with(*left, *right) || with(*right, *left)
                }
                _ => false,
            },
            Scalar::Cast { arg, to, .. } => {
                to.is_integer() && self.arena.type_of(*arg).is_integer() && self.at_least(*arg, least)
            }
            _ => false,
        }
    }

    /// `LIKE`. A pattern without an escape of its own has none, but the consumer always takes a
    /// backslash for one, so constant patterns are rewritten and others must be known free of it.
    fn like(&mut self, function: Function, args: &Args, row: &Row) -> Result<Typed, CodegenError> {
        let (Some(value), Some(pattern)) = (args.first().copied(), args.get(1).copied()) else {
            return Err(unspelled(function, "give it a value and a pattern"));
        };
        let escape = match args.get(2) {
            None => None,
            Some(escape) => match self.text_constant(*escape).map(|text| text.chars().collect::<Vec<_>>()).as_deref() {
                Some([]) => None,
                Some([escape]) => Some(*escape),
                _ => return Err(unspelled(function, "write the escape character as a constant")),
            },
        };
        let value = self.operand(value, row)?.cast(DataType::Text)?;
        let pattern = match self.text_constant(pattern) {
            Some(text) => {
                let text = consumer_pattern(&text, escape)
                    .ok_or_else(|| unspelled(function, "do not end the pattern with its escape character"))?;
                Typed::literal(&Literal::Text(text.into()))?
            }
            None if escape == Some(CONSUMER_ESCAPE) => self.operand(pattern, row)?.cast(DataType::Text)?,
            None => return Err(unspelled(function, "write the pattern as a constant, or escape with a backslash")),
        };
        // The standard says case-insensitive by an option, which the consumer ignores.
        let name = if function == Function::ILike { "ilike" } else { "like" };
        self.invoke(name, vec![value, pattern], DataType::Boolean)
    }
}

/// A pattern with `escape` written as one with the consumer's escape. `None` where the pattern
/// ends in its escape.
fn consumer_pattern(pattern: &str, escape: Option<char>) -> Option<String> {
    let mut written = String::with_capacity(pattern.len());
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if Some(letter) == escape {
            let escaped = letters.next()?;
            if matches!(escaped, '%' | '_' | CONSUMER_ESCAPE) {
                written.push(CONSUMER_ESCAPE);
            }
            written.push(escaped);
        } else {
            if letter == CONSUMER_ESCAPE {
                written.push(CONSUMER_ESCAPE);
            }
            written.push(letter);
        }
    }
    Some(written)
}

/// A function that is not written.
pub(super) fn unspelled(function: Function, help: &str) -> CodegenError {
    refusal("GEN-0102", &format!("the function `{function}`"), help)
}

#[cfg(test)]
mod tests {
    use super::consumer_pattern;

    #[test]
    fn patterns_escape_with_a_backslash() {
        assert_eq!(consumer_pattern("a%b_c", None).as_deref(), Some("a%b_c"));
        assert_eq!(consumer_pattern(r"a\%", None).as_deref(), Some(r"a\\%"));
        assert_eq!(consumer_pattern("50!%!!", Some('!')).as_deref(), Some(r"50\%!"));
        assert_eq!(consumer_pattern(r"50\%", Some('\\')).as_deref(), Some(r"50\%"));
        assert_eq!(consumer_pattern("50!", Some('!')), None);
    }
}
