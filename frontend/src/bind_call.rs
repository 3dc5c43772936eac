//! Function calls: names resolved in the source dialect, arguments checked, result types found.

use isomer_ir::{
    AggregateFunction, Arity, DataType, Dialect, Function, FunctionKind, Literal, Scalar, ScalarId, Volatility, nearest,
};
use sqlparser::ast::{
    self, DuplicateTreatment, Expr, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList,
    FunctionArguments, ObjectNamePart, OrderByExpr,
};

use crate::bind::{Bind, Binder};
use crate::functions::{Known, Lookup, listed, lookup, names};
use crate::{literal, types_of};

/// The arguments of a call with everything that may be written among them.
#[derive(Debug)]
pub(crate) struct Arguments<'a> {
    pub(crate) exprs: Vec<&'a Expr>,
    /// `COUNT(*)`.
    pub(crate) is_star: bool,
    pub(crate) is_distinct: bool,
    pub(crate) order: &'a [OrderByExpr],
    pub(crate) nulls: Option<ast::NullTreatment>,
    /// `LIMIT` of BigQuery's `ARRAY_AGG`.
    pub(crate) limit: Option<&'a Expr>,
    /// `HAVING MAX` or `HAVING MIN` of BigQuery's `ANY_VALUE`.
    pub(crate) having: Option<&'a ast::HavingBound>,
}

impl<'a> Binder<'a> {
    /// The name of a function, folded.
    pub(crate) fn function_name(function: &ast::Function) -> String {
        let parts: Vec<String> = function
            .name
            .0
            .iter()
            .map(|part| match part {
                ObjectNamePart::Identifier(ident) => ident.value.to_lowercase(),
                ObjectNamePart::Function(function) => function.to_string(),
            })
            .collect();
        parts.join(".")
    }

    /// What a call's name means, the number of its arguments checked.
    pub(crate) fn known(&self, function: &ast::Function, n_args: usize) -> Bind<Known> {
        let name = Self::function_name(function);
        if let Some(declared) = self.catalog.function(&name) {
            let n_declared = declared.row().signature.as_ref().map_or(0, |signature| signature.args.len());
            let arity = Arity { least: n_declared, most: n_declared };
            return match arity.takes(n_args) {
                true if declared.row().kind == FunctionKind::Aggregate => {
                    Ok(Known::Aggregate(AggregateFunction::Listed(declared)))
                }
                true => Ok(Known::Scalar(Function::Listed(declared))),
                false => Err(self.wrong_arity(function, &name, n_args, &[arity])),
            };
        }
        match lookup(&name, self.dialect, n_args) {
            Lookup::Known(known) => Ok(known),
            Lookup::OtherArity(arities) => Err(self.wrong_arity(function, &name, n_args, &arities)),
            Lookup::Unknown => {
                let fault = self.fault("SQL-0009", &function.name, format!("function `{name}` is not known"));
                let declared = self.catalog.functions().map(isomer_ir::ListedFunction::name);
                Err(match nearest(&name, names(self.dialect).chain(declared)) {
                    Some(near) => Box::new(fault.with_help(format!("did you mean `{near}`"))),
                    None => Box::new(fault.with_help("declare it under `functions` in `isomer.yml`")),
                })
            }
        }
    }

    fn wrong_arity(
        &self,
        function: &ast::Function,
        name: &str,
        n_args: usize,
        arities: &[Arity],
    ) -> crate::parse::Fault {
        let told = |arity: &Arity| match (arity.least, arity.most) {
            (least, usize::MAX) => format!("at least {least}"),
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} to {most}"),
        };
        let expected = arities.iter().map(told).collect::<Vec<_>>().join(" or ");
        self.fault("SQL-0010", &function.name, format!("`{name}` got {n_args} arguments, expected {expected}"))
    }

    /// The arguments of a call; what no function here takes is refused.
    pub(crate) fn arguments(&self, function: &'a ast::Function) -> Bind<Arguments<'a>> {
        let ast::Function {
            name,
            uses_odbc_syntax: _,
            parameters,
            args,
            filter: _,
            null_treatment,
            over,
            within_group: _,
        } = function;
        if !matches!(parameters, FunctionArguments::None) {
            return Err(self.unsupported(name, "a function with parameters"));
        }
        let mut found = Arguments {
            exprs: Vec::new(),
            is_star: false,
            is_distinct: false,
            order: &[],
            nulls: *null_treatment,
            limit: None,
            having: None,
        };
        let called = Self::function_name(function);
        let is_called = |name: &str| self.dialect == Dialect::BigQuery && over.is_none() && called == name;
        let list = match args {
            FunctionArguments::None => return Ok(found),
            FunctionArguments::Subquery(_) => return Err(self.unsupported(name, "a subquery as an argument list")),
            FunctionArguments::List(list) => list,
        };
        let FunctionArgumentList { duplicate_treatment, args, clauses } = list;
        found.is_distinct = *duplicate_treatment == Some(DuplicateTreatment::Distinct);
        for arg in args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => found.exprs.push(expr),
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => found.is_star = true,
                FunctionArg::Unnamed(
                    FunctionArgExpr::WildcardWithOptions(_) | FunctionArgExpr::QualifiedWildcard(_),
                ) => {
                    return Err(self.unsupported(name, "`*` with options as an argument"));
                }
                FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. } => {
                    return Err(self.unsupported(name, "a named argument"));
                }
            }
        }
        for clause in clauses {
            match clause {
                FunctionArgumentClause::OrderBy(order) => found.order = order,
                FunctionArgumentClause::IgnoreOrRespectNulls(nulls) => found.nulls = Some(*nulls),
                FunctionArgumentClause::Limit(limit) if is_called("array_agg") => found.limit = Some(limit),
                FunctionArgumentClause::Having(having) if is_called("any_value") => found.having = Some(having),
                FunctionArgumentClause::Limit(_)
                | FunctionArgumentClause::OnOverflow(_)
                | FunctionArgumentClause::Having(_)
                | FunctionArgumentClause::Separator(_)
                | FunctionArgumentClause::JsonNullClause(_)
                | FunctionArgumentClause::JsonReturningClause(_) => {
                    return Err(self.unsupported(name, &format!("`{clause}` in a call")));
                }
            }
        }
        Ok(found)
    }

    /// A call in a scalar. Aggregates and window functions are computed by then and looked up.
    pub(crate) fn function(&mut self, function: &'a ast::Function, at: &Expr) -> Bind<ScalarId> {
        let address = std::ptr::from_ref::<ast::Function>(function) as usize;
        if let Some(&scalar) = self.level().calls.get(&address) {
            return Ok(scalar);
        }
        if let FunctionArguments::Subquery(query) = &function.args
            && Self::function_name(function) == "array"
            && matches!(self.dialect, Dialect::DuckDb | Dialect::Postgres | Dialect::BigQuery)
        {
            return self.array_subquery(query, at);
        }
        if let Some(found) = self.packed(function, at)? {
            return Ok(found);
        }
        if let Some(found) = self.mapping(function, at)? {
            return Ok(found);
        }
        let arguments = self.arguments(function)?;
        let known = self.known(function, arguments.exprs.len())?;
        let name = Self::function_name(function);
        let clause = self.level().clause;
        if function.over.is_some() {
            return Err(self.misplaced(at, &format!("window function `{name}`"), clause));
        }
        let known = match known {
            Known::Aggregate(_) => {
                return Err(self.misplaced(at, &format!("aggregate `{name}`"), clause));
            }
            Known::Special(special) if special.is_aggregate() => {
                return Err(self.misplaced(at, &format!("aggregate `{name}`"), clause));
            }
            Known::Ranking(_) => {
                let fault = self.fault("SQL-0012", at, format!("`{name}` needs an `OVER` clause"));
                return Err(Box::new(fault.with_help(format!("write `{name}(…) OVER (…)`"))));
            }
            Known::Scalar(_) | Known::Special(_) => known,
        };
        if arguments.is_star || arguments.is_distinct || !arguments.order.is_empty() || arguments.nulls.is_some() {
            return Err(self.unsupported(at, "`*`, `DISTINCT`, `ORDER BY` or `NULLS` in a call of a plain function"));
        }
        if function.filter.is_some() || !function.within_group.is_empty() {
            return Err(self.unsupported(at, "`FILTER` or `WITHIN GROUP` of a plain function"));
        }
        let unit_position = match known {
            Known::Special(special) => special.unit_position(),
            Known::Scalar(Function::DateTrunc) => Some(0),
            _ => None,
        };
        let mut args = Vec::with_capacity(arguments.exprs.len());
        for (position, arg) in arguments.exprs.iter().enumerate() {
            let word = if unit_position == Some(position) { self.unit_word(arg) } else { None };
            args.push(match word {
                Some(word) => self.arena.text(&word),
                None => self.expr(arg)?,
            });
        }
        match known {
            Known::Scalar(function) => self.apply(function, args, at),
            Known::Special(special) => self.special(special, args, at),
            Known::Aggregate(_) | Known::Ranking(_) => Err(self.unsupported(at, "this call")),
        }
    }

    /// A unit that is written as a bare word, such as `DAY` or `WEEK(MONDAY)`.
    fn unit_word(&self, expr: &Expr) -> Option<String> {
        if !matches!(self.dialect, Dialect::Snowflake | Dialect::BigQuery | Dialect::Spark) {
            return None;
        }
        match expr {
            Expr::Identifier(ident) if ident.quote_style.is_none() => Some(ident.value.to_lowercase()),
            Expr::Function(function) => Some(function.to_string().to_lowercase()),
            _ => None,
        }
    }

    /// A call of a canonical function, normalised and typed.
    pub(crate) fn apply(&mut self, function: Function, mut args: Vec<ScalarId>, at: &Expr) -> Bind<ScalarId> {
        match function {
            Function::Coalesce | Function::Greatest | Function::Least => {
                let data_type = self.unified(&mut args, at)?;
                if let [one] = args.as_slice() {
                    return Ok(*one);
                }
                return Ok(self.arena.call(function, args, data_type));
            }
            Function::NullIf => {
                let first = self.arena.type_of(args[0]);
                if let Some((left, right)) = self.cast_by_duckdb(Function::Eq, args[0], args[1])
                    && self.arena.volatility(args[0]) != Volatility::Volatile
                {
                    let is_equal = self.arena.comparison(Function::Eq, left, right);
                    let null = self.arena.literal(Literal::Null(first));
                    let (branches, otherwise) = (vec![(is_equal, null)], args[0]);
                    return Ok(self.arena.scalar(Scalar::Case { branches, otherwise, data_type: first }));
                }
                self.unified(&mut args, at)?;
                return Ok(self.arena.call(function, args, first));
            }
            Function::Length if self.arena.type_of(args[0]).element().is_some() => {
                let data_type = DataType::Int64;
                return self.listed_call("list_length", args, data_type, at);
            }
            // PostgreSQL shows a boolean there in one letter.
            Function::ConcatSkipNull | Function::ConcatWs if self.dialect == Dialect::Postgres => {
                args = args.into_iter().map(|arg| self.as_shown(arg)).collect();
            }
            Function::Concat | Function::ConcatSkipNull | Function::ConcatWs => {
                if args.iter().any(|&arg| matches!(self.arena.type_of(arg), DataType::Nested(_))) {
                    return Err(self.unsupported(at, "text of lists, structs or maps"));
                }
                args = args.into_iter().map(|arg| self.as_text(arg)).collect();
            }
            Function::Round if self.dialect == Dialect::Postgres && args.len() == 1 => {
                let of = self.arena.type_of(args[0]);
                if of.is_float() || of == DataType::Unknown {
                    return self.listed_call("round_postgres", args, of, at);
                }
            }
            // What is cut at a text of no characters differs.
            Function::SplitPart
                if self.dialect == Dialect::Postgres
                    && !matches!(&self.arena[args[1]], Scalar::Literal(Literal::Text(text)) if !text.is_empty()) =>
            {
                return Err(self.unsupported(at, "`split_part` by a text that may be empty"));
            }
            Function::DateTrunc => self.unit(&mut args, at)?,
            Function::DateDiff => {
                self.unit(&mut args, at)?;
                self.weeks_from_mondays(&mut args, at)?;
            }
            Function::RegexpMatches if self.dialect == Dialect::Spark && !self.is_common_regexp(args[1], false) => {
                return self.listed_call("regexp_like_java", args, DataType::Boolean, at);
            }
            Function::RegexpReplace
                if self.dialect == Dialect::Spark
                    && !(self.is_common_regexp(args[1], true) && self.is_plain_replacement(args[2])) =>
            {
                return self.listed_call("regexp_replace_java", args, DataType::Text, at);
            }
            Function::RegexpReplace
                if matches!(self.dialect, Dialect::Spark | Dialect::Snowflake | Dialect::BigQuery) =>
            {
                let all = self.arena.text("g");
                args.push(all);
            }
            Function::Substring => {
                if let Some(own) = self.own_substring(&args, at)? {
                    return Ok(own);
                }
            }
            Function::Left | Function::Right if !self.is_at_least(args[1], 0) => {
                let is_own = matches!(self.dialect, Dialect::Spark | Dialect::Snowflake | Dialect::BigQuery);
                if is_own {
                    let name = if function == Function::Left { "left_positive" } else { "right_positive" };
                    return self.listed_call(name, args, DataType::Text, at);
                }
            }
            Function::SplitPart if self.dialect == Dialect::Spark => {
                let is_plain = matches!(&self.arena[args[1]], Scalar::Literal(Literal::Text(text)) if !text.is_empty())
                    && matches!(self.arena[args[2]], Scalar::Literal(Literal::Int(at, _)) if at != 0);
                if !is_plain {
                    return self.listed_call("split_part_spark", args, DataType::Text, at);
                }
            }
            _ => {}
        }
        let types: Vec<DataType> = args.iter().map(|&arg| self.arena.type_of(arg)).collect();
        let Some(mut data_type) = types_of::function(function, &types, self.dialect) else {
            let found = types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(self.fault("SQL-0011", at, format!("`{function}` does not take ({found})")));
        };
        if function.volatility() == Volatility::Volatile {
            return Ok(self.arena.volatile_call(function, args, data_type));
        }
        if matches!(function, Function::Round | Function::Trunc)
            && let (DataType::Decimal { precision, scale }, Some(&digits)) = (types[0], args.get(1))
        {
            let Scalar::Literal(Literal::Int(digits, _)) = self.arena[digits] else {
                return Err(self.unsupported(at, "rounding a decimal to digits that are no literal"));
            };
            let kept = u8::try_from(digits.clamp(0, i128::from(scale))).unwrap_or(scale);
            data_type = DataType::Decimal { precision, scale: kept };
        }
        if let [_, divisor] = args.as_mut_slice() {
            *divisor = self.divisor(function, *divisor, data_type);
        }
        Ok(self.arena.call(function, args, data_type))
    }

    /// Whether Java and RE2 read a regular expression alike. In a replacement it also matches no empty text, which
    /// Java finds once more behind each match.
    fn is_common_regexp(&self, pattern: ScalarId, is_replaced: bool) -> bool {
        let Scalar::Literal(Literal::Text(text)) = &self.arena[pattern] else { return false };
        if is_replaced && (text.is_empty() || text.contains(['*', '?', '|', '^'])) {
            return false;
        }
        let mut chars = text.chars().peekable();
        let mut was_repeat = false;
        while let Some(next) = chars.next() {
            let is_repeat = matches!(next, '*' | '+' | '?');
            let is_own = match next {
                '\\' => chars.next().is_none_or(|next| next.is_alphanumeric() && !matches!(next, 'd' | 'w')),
                '[' => matches!(chars.peek(), Some('^' | ']')),
                '(' => chars.peek() == Some(&'?'),
                '$' | '{' | '&' => true,
                _ => is_repeat && was_repeat,
            };
            if is_own {
                return false;
            }
            was_repeat = is_repeat;
        }
        true
    }

    fn is_plain_replacement(&self, replacement: ScalarId) -> bool {
        matches!(&self.arena[replacement], Scalar::Literal(Literal::Text(text)) if !text.contains(['$', '\\']))
    }

    /// The warehouses count the starts of weeks between two times, DuckDB whole weeks.
    fn weeks_from_mondays(&mut self, args: &mut [ScalarId], at: &Expr) -> Bind<()> {
        let is_week = matches!(&self.arena[args[0]], Scalar::Literal(Literal::Text(unit)) if &**unit == "week");
        if is_week && matches!(self.dialect, Dialect::Snowflake | Dialect::BigQuery) {
            for at_value in 1..args.len() {
                args[at_value] = self.apply(Function::DateTrunc, vec![args[0], args[at_value]], at)?;
            }
        }
        Ok(())
    }

    /// `substring` in the meaning of the dialect, where that is not DuckDB's for all positions and lengths that
    /// may come: DuckDB counts from the end below 1, and backwards for a negative length.
    fn own_substring(&mut self, args: &[ScalarId], at: &Expr) -> Bind<Option<ScalarId>> {
        let name = match self.dialect {
            Dialect::DuckDb => {
                if matches!(self.arena[args[1]], Scalar::Literal(Literal::Int(start, _)) if start < 1) {
                    return Err(self.unsupported(at, "`SUBSTRING` from a position before the first"));
                }
                return Ok(None);
            }
            Dialect::Spark => "substring_spark",
            Dialect::Snowflake => "substring_snowflake",
            Dialect::BigQuery => "substring_bigquery",
            Dialect::Postgres => "substring_postgres",
            Dialect::DataFusion => "substring_datafusion",
        };
        let is_plain = self.is_at_least(args[1], 1) && args.get(2).is_none_or(|&length| self.is_at_least(length, 0));
        if is_plain { Ok(None) } else { self.listed_call(name, args.iter().copied(), DataType::Text, at).map(Some) }
    }

    /// Whether an integer is never below a bound, as far as is plain to see.
    fn is_at_least(&self, scalar: ScalarId, bound: i128) -> bool {
        self.arena.least(scalar) >= bound
    }

    /// The first argument as a lower-case unit; the values as timestamps where their types differ.
    fn unit(&mut self, args: &mut [ScalarId], at: &Expr) -> Bind<()> {
        let unit = self.unit_name(args[0], at)?;
        args[0] = self.arena.text(unit);
        for value in &mut args[1..] {
            if let Scalar::Literal(Literal::Text(text)) = self.arena[*value].clone() {
                let Some(micros) = literal::timestamp(&text) else {
                    return Err(self.fault("SQL-0018", at, format!("`{text}` is not read as timestamp")));
                };
                *value = self.arena.literal(Literal::Timestamp(micros));
            }
        }
        if let [_, start, end] = args
            && self.arena.type_of(*start) != self.arena.type_of(*end)
        {
            let (a, b) = (self.arena.type_of(*start), self.arena.type_of(*end));
            let Some(to) = a.common(b) else {
                return Err(self.unlike(at, (a, b), "comparable types"));
            };
            (*start, *end) = (self.arena.cast(*start, to), self.arena.cast(*end, to));
        }
        for &value in &args[1..] {
            let found = self.arena.type_of(value);
            if !found.is_temporal() && found != DataType::Unknown {
                return Err(self.fault("SQL-0011", at, format!("found {found}, expected a date or timestamp")));
            }
        }
        Ok(())
    }

    /// `EXTRACT`: a number without bounds in PostgreSQL, of some fields with a fraction.
    pub(crate) fn extracted(&mut self, field: &str, value: ScalarId, at: &Expr) -> Bind<ScalarId> {
        if self.dialect != Dialect::Postgres {
            return self.part(field, value, at);
        }
        let field = field.to_lowercase();
        let is_listed = |field: &str| {
            let singular = field.strip_suffix('s').unwrap_or(field);
            matches!(singular, "epoch" | "second" | "millisecond" | "microsecond" | "decade" | "isoyear" | "julian")
                || matches!(field, "century" | "centuries" | "millennium" | "millenniums")
        };
        let found = self.arena.type_of(value);
        if is_listed(&field) && (found.is_temporal() || found == DataType::Interval) {
            let name = self.arena.text(&field);
            return self.listed_call("extract_postgres", [name, value], types_of::NUMERIC, at);
        }
        let part = self.part(&field, value, at)?;
        Ok(self.arena.cast(part, DataType::Decimal { precision: 38, scale: 0 }))
    }

    /// `date_part`: as `EXTRACT`, but a double in PostgreSQL.
    pub(crate) fn date_part(&mut self, field: &str, value: ScalarId, at: &Expr) -> Bind<ScalarId> {
        if self.dialect != Dialect::Postgres {
            return self.part(field, value, at);
        }
        let part = self.extracted(field, value, at)?;
        Ok(self.arena.cast(part, DataType::Float64))
    }

    /// `EXTRACT` of a field, in the meaning of the source dialect.
    pub(crate) fn part(&mut self, field: &str, value: ScalarId, at: &Expr) -> Bind<ScalarId> {
        let found = self.arena.type_of(value);
        if !found.is_temporal() && !matches!(found, DataType::Unknown | DataType::Interval | DataType::Null) {
            return Err(self.fault("SQL-0011", at, format!("found {found}, expected a date or timestamp")));
        }
        let field = field.to_lowercase();
        let field = match field.as_str() {
            "year" | "years" => "year",
            "quarter" => "quarter",
            "month" | "months" => "month",
            // BigQuery's weeks start on Sunday.
            "week" | "weeks" if self.dialect != Dialect::BigQuery => "week",
            "isoweek" | "weekiso" | "week_iso" | "weekofyear" => "week",
            "day" | "days" => "day",
            "hour" | "hours" => "hour",
            "minute" | "minutes" => "minute",
            // PostgreSQL and Spark give fractions of seconds, the others whole ones.
            "second" | "seconds" if !matches!(self.dialect, Dialect::Postgres | Dialect::Spark) => "second",
            "dow" | "dayofweek" => "dow",
            "isodow" | "dayofweekiso" | "dayofweek_iso" | "dow_iso" => "isodow",
            "epoch_second" if self.dialect == Dialect::Snowflake => "epoch",
            "doy" | "dayofyear" => "doy",
            "epoch" => "epoch",
            "isoyear" | "yearweek" | "decade" | "century" | "millennium" | "era" | "millisecond" | "microsecond"
                if self.dialect == Dialect::DuckDb =>
            {
                let function = listed(&field).ok_or_else(|| self.unsupported(at, "this field"))?;
                return self.apply(function, vec![value], at);
            }
            _ => return Err(self.unsupported(at, &format!("extracting `{field}`"))),
        };
        let data_type = match (field, self.dialect) {
            ("epoch", _) => DataType::Float64,
            (_, Dialect::DuckDb | Dialect::Postgres | Dialect::Snowflake | Dialect::BigQuery) => DataType::Int64,
            (_, Dialect::Spark | Dialect::DataFusion) => DataType::Int32,
        };
        let name = self.arena.text(field);
        let part = self.arena.call(Function::Extract, [name, value], data_type);
        if field == "dow" && matches!(self.dialect, Dialect::Spark | Dialect::BigQuery) {
            // Spark and BigQuery count Sunday as 1.
            let one = self.arena.literal(Literal::Int(1, DataType::Int32));
            return Ok(self.arena.call(Function::Add, [part, one], data_type));
        }
        Ok(part)
    }
}
