//! Functions and operators of one row, spelled for each dialect.

use super::target::Target;
use isomer_ir::{Args, DataType, Function, Literal, Nested, Scalar, ScalarId};

use super::expr::{ExprId, Kind, Level};
use super::spell::{Spelled, Speller, is_wider};
use crate::CodegenError;

impl Speller<'_> {
    /// A call whose operands are spelled.
    pub(super) fn call(
        &mut self,
        function: Function,
        args: &[ScalarId],
        data_type: DataType,
        done: &Spelled,
    ) -> Result<ExprId, CodegenError> {
        let operands: Vec<ExprId> = args.iter().map(|arg| done[arg]).collect();
        let first = args.first().map_or(DataType::Null, |&arg| self.arena.type_of(arg));
        let postgres = self.dialect == Target::Postgres;
        let spark = self.dialect == Target::Spark;
        let fusion = self.dialect == Target::DataFusion;
        Ok(match function {
            Function::Eq => self.comparison(function, args, " = ", done)?,
            Function::NotEq => self.comparison(function, args, " <> ", done)?,
            Function::Lt => self.comparison(function, args, " < ", done)?,
            Function::LtEq => self.comparison(function, args, " <= ", done)?,
            Function::Gt => self.comparison(function, args, " > ", done)?,
            Function::GtEq => self.comparison(function, args, " >= ", done)?,
            Function::IsNotDistinct if spark => self.comparison(function, args, " <=> ", done)?,
            Function::IsDistinct if spark => {
                let same = self.comparison(function, args, " <=> ", done)?;
                self.exprs.template(Level::Not, "NOT @", &[same])
            }
            // DataFusion reads all that follows as the right side.
            Function::IsDistinct if fusion => {
                let differ = self.comparison(function, args, " IS DISTINCT FROM ", done)?;
                self.exprs.template(Level::Primary, "(#)", &[differ])
            }
            Function::IsNotDistinct if fusion => {
                let same = self.comparison(function, args, " IS NOT DISTINCT FROM ", done)?;
                self.exprs.template_of(Kind::NullSafe, Level::Primary, "(#)", &[same])
            }
            Function::IsDistinct => self.comparison(function, args, " IS DISTINCT FROM ", done)?,
            Function::IsNotDistinct => self.comparison(function, args, " IS NOT DISTINCT FROM ", done)?,
            Function::And => self.junction(true, args, done),
            Function::Or => self.junction(false, args, done),
            Function::Not => match args {
                [arg] => self.not(*arg, done)?,
                _ => return Err(self.wrong_count(function)),
            },
            Function::IsNull => self.suffix(&operands, " IS NULL", function)?,
            Function::IsTrue => self.suffix(&operands, " IS TRUE", function)?,
            Function::IsFalse => self.suffix(&operands, " IS FALSE", function)?,
            Function::Add | Function::Subtract => self.add_or_subtract(function, args, data_type, done)?,
            Function::Multiply => self.arithmetic(function, Level::Multiply, " * ", args, data_type, done)?,
            Function::Modulo if postgres && data_type.is_float() => {
                let help = "cast to a decimal in the model";
                return Err(self.refuse("GEN-0034", "the remainder of doubles", help));
            }
            Function::Modulo => {
                let args = self.with_plain_divisor(args);
                self.arithmetic(function, Level::Multiply, " % ", &args, data_type, done)?
            }
            Function::Divide => self.divide(args, data_type, done)?,
            Function::IntegerDivide => self.integer_divide(&self.with_plain_divisor(args), data_type, done)?,
            Function::Negate => self.exprs.template(Level::Unary, "-@", &operands),
            Function::Concat => self.concat(&operands),
            Function::ConcatSkipNull if spark => {
                let parts: Vec<ExprId> = operands
                    .iter()
                    .map(|&operand| self.exprs.template(Level::Primary, "COALESCE(#, '')", &[operand]))
                    .collect();
                self.exprs.call("concat", &parts)
            }
            Function::ConcatSkipNull => self.exprs.call("concat", &operands),
            Function::ConcatWs => self.exprs.call("concat_ws", &operands),
            Function::Like => self.like(args, done, "LIKE")?,
            Function::ILike => self.like(args, done, "ILIKE")?,
            Function::Abs => self.exprs.call("abs", &operands),
            Function::Ceil => self.rounded_to(data_type, "ceil", &operands)?,
            Function::Floor => self.rounded_to(data_type, "floor", &operands)?,
            Function::Round => self.round(args, &operands, first, data_type)?,
            Function::Trunc if operands.len() != 1 => {
                return Err(self.refuse(
                    "GEN-0015",
                    "`trunc` to a number of digits",
                    "use `floor` and `ceil` with a power of ten",
                ));
            }
            Function::Trunc if spark => {
                let template = "CASE WHEN @ < 0 THEN ceil(#) ELSE floor(#) END";
                let whole = self.exprs.template(Level::Primary, template, &[operands[0]; 3]);
                if data_type.is_float() { self.cast_to(whole, data_type)? } else { whole }
            }
            Function::Trunc => self.exprs.call("trunc", &operands),
            Function::Sign => {
                let name = if fusion { "signum" } else { "sign" };
                let sign = self.exprs.call(name, &operands);
                let natural = if self.dialect == Target::DuckDb { DataType::Int8 } else { DataType::Float64 };
                if data_type == natural { sign } else { self.cast_to(sign, data_type)? }
            }
            Function::Sqrt | Function::Power | Function::Exp | Function::Ln | Function::Log10 => {
                self.real(function, args, operands, data_type)?
            }
            Function::Log2 if postgres => {
                self.exprs.template(Level::Primary, "CAST(log(2, CAST(# AS NUMERIC)) AS DOUBLE PRECISION)", &operands)
            }
            Function::Log2 => self.exprs.call("log2", &operands),
            Function::Greatest | Function::Least if operands.len() == 1 => operands[0],
            Function::Greatest => self.exprs.call("greatest", &operands),
            Function::Least => self.exprs.call("least", &operands),
            Function::Coalesce => self.exprs.call("COALESCE", &operands),
            Function::NullIf => self.exprs.call("NULLIF", &operands),
            Function::Upper => self.exprs.call("upper", &operands),
            Function::Lower => self.exprs.call("lower", &operands),
            Function::Trim => self.trim("BOTH", if fusion || postgres { "btrim" } else { "trim" }, &operands),
            Function::LTrim => self.trim("LEADING", "ltrim", &operands),
            Function::RTrim => self.trim("TRAILING", "rtrim", &operands),
            Function::Length => self.exprs.call("length", &operands),
            Function::Substring => self.substring(args, &operands)?,
            Function::Replace => self.exprs.call("replace", &operands),
            Function::Position => self.exprs.call(if spark { "instr" } else { "strpos" }, &operands),
            Function::Left | Function::Right => {
                if spark && args.get(1).is_none_or(|&n| self.least(n) < 0) {
                    let construct = format!("`{function}` by a number that may be negative");
                    return Err(self.refuse("GEN-0016", construct, "use `substring` with a positive start"));
                }
                self.exprs.call(function.name(), &operands)
            }
            Function::LPad => self.exprs.call("lpad", &operands),
            Function::RPad => self.exprs.call("rpad", &operands),
            Function::Reverse => self.exprs.call("reverse", &operands),
            Function::Repeat => self.exprs.call("repeat", &operands),
            Function::StartsWith => self.exprs.call(if spark { "startswith" } else { "starts_with" }, &operands),
            Function::EndsWith if postgres => {
                let (text, end) = self.two(&operands, function)?;
                self.exprs.template(Level::Compare, "right(#, length(#)) = @", &[text, end, end])
            }
            Function::EndsWith => self.exprs.call(if spark { "endswith" } else { "ends_with" }, &operands),
            Function::Contains if postgres => {
                let found = self.exprs.call("strpos", &operands);
                self.exprs.template(Level::Compare, "@ > 0", &[found])
            }
            Function::Contains => self.exprs.call("contains", &operands),
            Function::SplitPart
                if postgres && args.get(1).is_none_or(|&by| self.text_of(by).is_none_or(str::is_empty)) =>
            {
                let help = "write the separator as a text";
                return Err(self.refuse("GEN-0034", "`split_part` by a text that may be empty", help));
            }
            Function::SplitPart => self.split_part(args, &operands)?,
            Function::RegexpMatches => self.regexp_matches(args, &operands)?,
            Function::RegexpReplace => self.regexp_replace(args, &operands)?,
            Function::Md5 => self.exprs.call("md5", &operands),
            Function::Extract => self.extract(args, &operands, data_type)?,
            Function::DateTrunc => self.date_trunc(args, &operands, data_type)?,
            Function::DateDiff => self.date_diff(args, &operands)?,
            Function::MakeDate => {
                let parts = self.as_integers(args, &operands)?;
                self.exprs.call("make_date", &parts)
            }
            Function::LastDay => self.last_day(&operands),
            Function::FormatTime => self.format_time(args, &operands)?,
            Function::EpochSeconds => self.epoch(operands[0], first),
            Function::CurrentDate => self.exprs.text("CURRENT_DATE", Level::Primary),
            Function::CurrentTimestamp => self.exprs.text("CURRENT_TIMESTAMP", Level::Primary),
            Function::Listed(listed) => self.listed(listed, args, &operands, data_type)?,
            Function::Random => self.volatile(if spark { "rand()" } else { "random()" }),
            Function::NewUuid => self.volatile(if postgres { "gen_random_uuid()" } else { "uuid()" }),
        })
    }

    fn wrong_count(&self, function: Function) -> CodegenError {
        self.refuse(
            "GEN-0001",
            format!("`{function}` with a wrong number of operands"),
            "this is a fault of Isomer; please report it",
        )
    }

    fn suffix(
        &mut self,
        operands: &[ExprId],
        suffix: &'static str,
        function: Function,
    ) -> Result<ExprId, CodegenError> {
        let [operand] = operands else { return Err(self.wrong_count(function)) };
        Ok(self.suffixed(*operand, suffix))
    }

    pub(super) fn two(&self, operands: &[ExprId], function: Function) -> Result<(ExprId, ExprId), CodegenError> {
        match operands {
            [first, second] => Ok((*first, *second)),
            _ => Err(self.wrong_count(function)),
        }
    }

    /// That a value has the same order in the target: NULL is the greatest of elements and fields in the plan, and
    /// the least for DataFusion and Spark.
    pub(super) fn is_ordered_alike(&self, scalar: ScalarId) -> Result<(), CodegenError> {
        let is_nested = match self.arena.type_of(scalar) {
            DataType::Nested(nested) => !matches!(nested.get(), Nested::Enum(_)),
            _ => false,
        };
        if is_nested && matches!(self.dialect, Target::DataFusion | Target::Spark) {
            let help = "order by an element or a field";
            return Err(self.refuse("GEN-0034", "an order of lists, structs or maps", help));
        }
        Ok(())
    }

    fn comparison(
        &mut self,
        function: Function,
        args: &[ScalarId],
        operator: &'static str,
        done: &Spelled,
    ) -> Result<ExprId, CodegenError> {
        if matches!(function, Function::Lt | Function::LtEq | Function::Gt | Function::GtEq) {
            for &arg in args {
                self.is_ordered_alike(arg)?;
            }
        }
        let Some((left, right)) = self.sides(function, args, done) else { return Err(self.wrong_count(function)) };
        // What is compared stands left of what it is compared with.
        let is_bound = |this: &Self, expr: ExprId| {
            matches!(this.exprs[expr], super::expr::Node::Subquery { .. }) || this.exprs.kind(expr) == Kind::Literal
        };
        if is_bound(self, left) && !is_bound(self, right) {
            let flipped = match operator {
                " < " => " > ",
                " <= " => " >= ",
                " > " => " < ",
                " >= " => " <= ",
                other => other,
            };
            return Ok(self.exprs.infix(Level::Compare, right, flipped, left));
        }
        Ok(self.exprs.infix(Level::Compare, left, operator, right))
    }

    /// `a operator b`. A constant that carries the result's width alone is cast to it.
    pub(super) fn arithmetic(
        &mut self,
        function: Function,
        level: Level,
        operator: &'static str,
        args: &[ScalarId],
        data_type: DataType,
        done: &Spelled,
    ) -> Result<ExprId, CodegenError> {
        let is_interval = args.iter().any(|&arg| self.arena.type_of(arg) == DataType::Interval);
        if is_interval && function == Function::Multiply && self.dialect == Target::DataFusion {
            return Err(self.refuse("GEN-0017", "an interval times a number", "write the interval as a constant"));
        }
        let Some((mut left, mut right)) = self.sides(function, args, done) else {
            return Err(self.wrong_count(function));
        };
        if data_type.is_integer() {
            let width = |this: &Self, arg: ScalarId| match this.arena[arg] {
                Scalar::Literal(Literal::Int(value, _)) => this.natural_integer(value),
                _ => this.arena.type_of(arg),
            };
            let (a, b) = (width(self, args[0]), width(self, args[1]));
            if is_wider(data_type, a) && is_wider(data_type, b) {
                if matches!(self.arena[args[0]], Scalar::Literal(_)) {
                    left = self.cast_to(left, data_type)?;
                } else if matches!(self.arena[args[1]], Scalar::Literal(_)) {
                    right = self.cast_to(right, data_type)?;
                }
            }
        }
        Ok(self.exprs.infix(level, left, operator, right))
    }

    /// Division with a fraction.
    fn divide(&mut self, args: &[ScalarId], data_type: DataType, done: &Spelled) -> Result<ExprId, CodegenError> {
        let [left, right] = args else { return Err(self.wrong_count(Function::Divide)) };
        if matches!(data_type, DataType::Decimal { .. }) && self.dialect == Target::DuckDb {
            return Err(self.refuse(
                "GEN-0010",
                "a decimal division, which DuckDB computes in doubles,",
                "cast the operands to DOUBLE in the model if fifteen digits are enough",
            ));
        }
        if data_type == DataType::Float64 {
            // Where `/` gives a double for these operands anyway, the casts are left out.
            let stripped = |this: &Self, arg: ScalarId| match this.arena[arg] {
                Scalar::Cast { arg: inner, to: DataType::Float64, is_try: false } => {
                    let from = this.arena.type_of(inner);
                    let is_narrow = from.is_integer() && from != DataType::Int128 && !from.is_unsigned();
                    let is_free = match this.dialect {
                        Target::DuckDb => {
                            is_narrow || from == DataType::Int128 || matches!(from, DataType::Decimal { .. })
                        }
                        Target::Spark => is_narrow,
                        Target::DataFusion | Target::Postgres => false,
                    };
                    is_free.then_some(inner)
                }
                _ => None,
            };
            let left = stripped(self, *left).map_or(done[left], |inner| done[&inner]);
            let bare = self.bare_number(*right, data_type).filter(|_| self.dialect == Target::DuckDb);
            let right = bare.unwrap_or_else(|| stripped(self, *right).map_or(done[right], |inner| done[&inner]));
            return Ok(self.exprs.infix(Level::Multiply, left, " / ", right));
        }
        if data_type.is_integer() {
            return self.integer_divide(args, data_type, done);
        }
        Ok(self.exprs.infix(Level::Multiply, done[left], " / ", done[right]))
    }

    /// `x % NULLIF(y, 0)` as DuckDB writes it: there an integer division by zero is NULL anyway.
    fn with_plain_divisor(&self, args: &[ScalarId]) -> Args {
        let mut args = Args::from_slice(args);
        if let (Target::DuckDb, [_, divisor]) = (self.dialect, args.as_mut_slice())
            && self.arena.type_of(*divisor).is_integer()
            && let Scalar::Call { function: Function::NullIf, args: parts, .. } = &self.arena[*divisor]
            && let [plain, zero] = parts.as_slice()
            && matches!(self.arena[*zero], Scalar::Literal(Literal::Int(0, _)))
        {
            *divisor = *plain;
        }
        args
    }

    /// Division of integers that drops the fraction.
    fn integer_divide(
        &mut self,
        args: &[ScalarId],
        data_type: DataType,
        done: &Spelled,
    ) -> Result<ExprId, CodegenError> {
        let [left, right] = args else { return Err(self.wrong_count(Function::IntegerDivide)) };
        let is_whole = |arg: ScalarId| self.arena.type_of(arg).is_integer();
        if !is_whole(*left) || !is_whole(*right) {
            return Err(self.refuse(
                "GEN-0018",
                "an integer division of fractions",
                "divide and truncate in the model",
            ));
        }
        let is_huge = |arg: ScalarId| self.arena.type_of(arg) == DataType::Int128;
        if self.dialect != Target::DuckDb && (is_huge(*left) || is_huge(*right)) {
            // The stand-in of a 128-bit integer is a decimal, which keeps the fraction.
            return Err(self.refuse(
                "GEN-0018",
                "an integer division of 128-bit integers",
                "cast to BIGINT in the model",
            ));
        }
        let operator = match self.dialect {
            Target::DuckDb => " // ",
            Target::DataFusion | Target::Postgres => " / ",
            Target::Spark => " div ",
        };
        let quotient = self.exprs.infix(Level::Multiply, done[left], operator, done[right]);
        if self.dialect == Target::Spark && data_type != DataType::Int64 {
            self.cast_to(quotient, data_type)
        } else {
            Ok(quotient)
        }
    }

    fn concat(&mut self, operands: &[ExprId]) -> ExprId {
        let mut operands = operands.iter();
        let Some(&first) = operands.next() else { return self.exprs.text("''", Level::Primary) };
        operands.fold(first, |left, &right| self.exprs.infix(Level::Concat, left, " || ", right))
    }

    /// `ceil` and `floor`, which give an integer for a double in Spark.
    fn rounded_to(&mut self, data_type: DataType, name: &str, operands: &[ExprId]) -> Result<ExprId, CodegenError> {
        let call = self.exprs.call(name, operands);
        if self.dialect == Target::Spark && data_type.is_float() { self.cast_to(call, data_type) } else { Ok(call) }
    }

    /// A root, power, exponential or logarithm, which the plan has in doubles unless its type says otherwise.
    fn real(
        &mut self,
        function: Function,
        args: &[ScalarId],
        mut operands: Vec<ExprId>,
        data_type: DataType,
    ) -> Result<ExprId, CodegenError> {
        let is_postgres = self.dialect == Target::Postgres;
        if matches!(data_type, DataType::Decimal { .. }) && !is_postgres {
            let construct = format!("`{function}` in decimals, which others compute in doubles,");
            return Err(self.refuse("GEN-0010", construct, "cast the operands to DOUBLE PRECISION in the model"));
        }
        if is_postgres && data_type == DataType::Float64 {
            // Of a decimal, PostgreSQL computes a decimal.
            for (operand, &arg) in operands.iter_mut().zip(args) {
                let from = self.arena.type_of(arg);
                let is_integer = from.integer_bits().is_some_and(|bits| bits < 64 || bits == 64 && !from.is_unsigned());
                if !is_integer && !from.is_float() && from != DataType::Null {
                    *operand = self.cast_to(*operand, data_type)?;
                }
            }
        }
        let name = if is_postgres && function == Function::Log10 { "log" } else { function.name() };
        Ok(self.exprs.call(name, &operands))
    }

    /// Numbers for functions of PostgreSQL that take no wider integers.
    pub(super) fn as_integers(&mut self, args: &[ScalarId], operands: &[ExprId]) -> Result<Vec<ExprId>, CodegenError> {
        if self.dialect != Target::Postgres {
            return Ok(operands.to_vec());
        }
        let is_wide = |arg: ScalarId| match self.arena[arg] {
            Scalar::Literal(Literal::Int(value, _)) => i32::try_from(value).is_err(),
            _ => !matches!(self.arena.type_of(arg), DataType::Int8 | DataType::Int16 | DataType::Int32),
        };
        let wide: Vec<bool> = args.iter().map(|&arg| is_wide(arg)).collect();
        let cast = |(&operand, is_wide)| if is_wide { self.cast_to(operand, DataType::Int32) } else { Ok(operand) };
        operands.iter().zip(wide).map(cast).collect()
    }

    /// Halves away from zero, also for doubles, of which PostgreSQL takes halves to even.
    fn round(
        &mut self,
        args: &[ScalarId],
        operands: &[ExprId],
        from: DataType,
        data_type: DataType,
    ) -> Result<ExprId, CodegenError> {
        let is_postgres = self.dialect == Target::Postgres;
        if is_postgres && from.is_float() {
            let digits = match args.get(1).map(|&digits| &self.arena[digits]) {
                None => Some(0),
                Some(Scalar::Literal(Literal::Int(digits, _))) => u8::try_from(*digits).ok(),
                Some(_) => None,
            };
            // To digits before the point, DuckDB makes zero of what is no number.
            let Some(digits) = digits.filter(|digits| (0..=22).contains(digits)) else {
                let construct = "`round` of a double to such a number of digits";
                return Err(self.refuse("GEN-0015", construct, "write a number of digits from 0 to 22"));
            };
            let rounded = self.rounded_double(operands[0], digits, true)?;
            return if data_type == DataType::Float32 { self.cast_to(rounded, data_type) } else { Ok(rounded) };
        }
        let rounded = self.exprs.call("round", operands);
        // To a number of digits, PostgreSQL rounds integers as decimals.
        if is_postgres && from.is_integer() { self.cast_to(rounded, data_type) } else { Ok(rounded) }
    }

    /// A double of PostgreSQL to so many digits behind the point, halves away from zero; where it is not
    /// scaled back, these digits stand before the point. Its own decimals take only fifteen digits of a double.
    pub(super) fn rounded_double(
        &mut self,
        value: ExprId,
        digits: u8,
        is_scaled: bool,
    ) -> Result<ExprId, CodegenError> {
        if self.exprs.facts(value).is_volatile {
            let help = "compute the value in a step before";
            return Err(self.refuse("GEN-0031", "a random double that is rounded", help));
        }
        let factor = format!("1{}", "0".repeat(digits.into()));
        let shift = if digits == 0 { String::new() } else { format!(" * {factor}") };
        let back = if digits == 0 || !is_scaled { String::new() } else { format!(" / {factor}") };
        // The largest double below a half: with a half itself, the double before 0.5 would become 1.
        let template = format!("trunc(@{shift} + sign(#) * CAST('0.49999999999999994' AS DOUBLE PRECISION)){back}");
        let level = if back.is_empty() { Level::Primary } else { Level::Multiply };
        Ok(self.exprs.template(level, &template, &[value, value]))
    }

    /// Spark fails on part 0 and does not split at nothing.
    fn split_part(&mut self, args: &[ScalarId], operands: &[ExprId]) -> Result<ExprId, CodegenError> {
        let is_plain = args.get(1).and_then(|&at| self.text_of(at)).is_some_and(|text| !text.is_empty())
            && args
                .get(2)
                .is_some_and(|&part| matches!(self.arena[part], Scalar::Literal(Literal::Int(part, _)) if part != 0));
        if self.dialect == Target::Spark && !is_plain {
            return Err(self.refuse(
                "GEN-0016",
                "`split_part` at a text or of a part that is no constant",
                "write both as constants, the part not as 0",
            ));
        }
        Ok(self.exprs.call("split_part", operands))
    }

    fn trim(&mut self, side: &str, name: &str, operands: &[ExprId]) -> ExprId {
        match operands {
            [text, chars] if self.dialect == Target::Spark => {
                self.exprs.template(Level::Primary, &format!("trim({side} # FROM #)"), &[*chars, *text])
            }
            [text] => self.exprs.call(if name == "btrim" { "trim" } else { name }, &[*text]),
            _ => self.exprs.call(name, operands),
        }
    }

    /// Positions count from 1; from a start below that, DuckDB counts from the end of the text.
    fn substring(&mut self, args: &[ScalarId], operands: &[ExprId]) -> Result<ExprId, CodegenError> {
        let is_positive = args.get(1).is_some_and(|&start| self.least(start) >= 1);
        if !is_positive && self.dialect != Target::DuckDb {
            return Err(self.refuse(
                "GEN-0019",
                "`substring` from a start that may be zero or negative",
                "use `right`, or `greatest(start, 1)`",
            ));
        }
        let is_forward = args.get(2).is_none_or(|&length| self.least(length) >= 0);
        if !is_forward && self.dialect != Target::DuckDb {
            return Err(self.refuse(
                "GEN-0019",
                "`substring` of a length that may be negative",
                "use `greatest(length, 0)`",
            ));
        }
        Ok(self.exprs.call("substring", operands))
    }

    pub(super) fn least(&self, scalar: ScalarId) -> i128 {
        self.arena.least(scalar)
    }

    /// A call that differs at each occurrence; its serial number is not written.
    fn volatile(&mut self, text: &str) -> ExprId {
        self.exprs.template_of(Kind::Volatile, Level::Primary, text, &[])
    }

    /// A text constant's value.
    pub(super) fn text_of(&self, scalar: ScalarId) -> Option<&str> {
        match &self.arena[scalar] {
            Scalar::Literal(Literal::Text(text)) => Some(text),
            _ => None,
        }
    }
}
