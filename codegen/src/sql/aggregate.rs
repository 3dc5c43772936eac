//! Aggregate and window calls, spelled for each dialect.

use super::target::Target;
use isomer_ir::{
    AggregateCall, AggregateFunction, DataType, Frame, FrameBound, FrameUnit, Literal, RankingFunction, Scalar,
    ScalarId, SortKey, WindowCall, WindowFunction,
};

use super::block::Env;
use super::expr::{ExprId, Kind, Level, Node, Piece};
use super::spell::Speller;
use crate::CodegenError;

/// How an aggregate is put together: `before args[ ORDER BY …]behind FILTER (…)after`.
#[derive(Debug)]
struct Form {
    before: String,
    /// Whether `DISTINCT` is written.
    is_distinct: bool,
    args: Vec<ExprId>,
    /// `ORDER BY` inside the parentheses.
    order: Vec<SortKey>,
    behind: String,
    /// `WITHIN GROUP (ORDER BY …)`.
    within: Vec<SortKey>,
    /// More conditions of the filter.
    conditions: Vec<ExprId>,
    after: String,
    cast: Option<DataType>,
}

impl Speller<'_> {
    /// An aggregate over the rows of a group.
    pub(super) fn aggregate(&mut self, env: &Env, call: &AggregateCall) -> Result<ExprId, CodegenError> {
        let form = self.form(env, call.function, &call.args, &call.order, call.is_distinct, call.data_type)?;
        let mut conditions = form.conditions.clone();
        if let Some(filter) = call.filter {
            for range in self.ranges(&self.arena.conjuncts(filter)) {
                conditions.push(self.conjunct(env, range)?);
            }
        }
        let mut pieces = self.opened(env, &form)?;
        if let Some(condition) = self.exprs.all(&conditions) {
            pieces.push(Piece::Text(" FILTER (WHERE ".into()));
            pieces.push(Piece::Expr(condition, Level::Or));
            pieces.push(Piece::Text(")".into()));
        }
        pieces.push(Piece::Text(form.after.into()));
        let expr = self.exprs.add(Node::Pieces { level: Level::Primary, pieces, kind: Kind::Aggregate });
        match form.cast {
            Some(data_type) => self.cast_to(expr, data_type),
            None => Ok(expr),
        }
    }

    /// The call up to its closing parenthesis and `WITHIN GROUP`.
    fn opened(&mut self, env: &Env, form: &Form) -> Result<Vec<Piece>, CodegenError> {
        let mut pieces = vec![Piece::Text(form.before.clone().into())];
        if form.is_distinct {
            pieces.push(Piece::Text("DISTINCT ".into()));
        }
        for (i, &arg) in form.args.iter().enumerate() {
            if i > 0 {
                pieces.push(Piece::Text(", ".into()));
            }
            pieces.push(Piece::Expr(arg, Level::Or));
        }
        if !form.order.is_empty() {
            pieces.push(Piece::Text(" ".into()));
            self.push_order(env, &form.order, &mut pieces)?;
        }
        pieces.push(Piece::Text(form.behind.clone().into()));
        if !form.within.is_empty() {
            pieces.push(Piece::Text(" WITHIN GROUP (".into()));
            self.push_order(env, &form.within, &mut pieces)?;
            pieces.push(Piece::Text(")".into()));
        }
        Ok(pieces)
    }

    /// `ORDER BY …`; NULLs are placed where the dialect would place them otherwise.
    fn push_order(&mut self, env: &Env, keys: &[SortKey], pieces: &mut Vec<Piece>) -> Result<(), CodegenError> {
        for (i, key) in keys.iter().enumerate() {
            self.is_ordered_alike(key.scalar)?;
            let expr = self.scalar(env, key.scalar)?;
            pieces.push(Piece::Text(if i == 0 { "ORDER BY " } else { ", " }.into()));
            pieces.push(Piece::Expr(expr, Level::Or));
            let suffix = order_suffix(key.is_descending, key.is_nulls_first, self.dialect);
            if !suffix.is_empty() {
                pieces.push(Piece::Text(suffix.into()));
            }
        }
        Ok(())
    }

    fn form(
        &mut self,
        env: &Env,
        function: AggregateFunction,
        args: &[ScalarId],
        order: &[SortKey],
        is_distinct: bool,
        data_type: DataType,
    ) -> Result<Form, CodegenError> {
        use AggregateFunction as A;
        let mut spelled = Vec::with_capacity(args.len());
        for &arg in args {
            spelled.push(self.scalar(env, arg)?);
        }
        let first_type = args.first().map_or(DataType::Null, |&arg| self.arena.type_of(arg));
        let simple = |name: &str| Form {
            before: format!("{name}("),
            is_distinct,
            args: spelled.clone(),
            order: Vec::new(),
            behind: ")".to_owned(),
            within: Vec::new(),
            conditions: Vec::new(),
            after: String::new(),
            cast: None,
        };
        let ordered = |name: &str| Form { order: order.to_vec(), ..simple(name) };
        let (duck, fusion, postgres, spark) = (
            self.dialect == Target::DuckDb,
            self.dialect == Target::DataFusion,
            self.dialect == Target::Postgres,
            self.dialect == Target::Spark,
        );
        let by_value = |scalar: ScalarId| {
            vec![SortKey { scalar, is_descending: false, is_nulls_first: self.dialect.is_nulls_first(false) }]
        };
        Ok(match function {
            A::Count if args.is_empty() => {
                Form { args: Vec::new(), before: "COUNT(*".to_owned(), is_distinct: false, ..simple("") }
            }
            A::Count if args.len() > 1 => {
                return Err(self.refuse(
                    "GEN-0025",
                    "`COUNT` of several columns",
                    "count one column, or distinct rows in a subquery",
                ));
            }
            A::Count => simple("COUNT"),
            A::Sum if postgres && first_type == DataType::Float32 && data_type == DataType::Float64 => {
                // PostgreSQL adds reals to a real.
                Form { args: vec![self.cast_to(spelled[0], DataType::Float64)?], ..simple("SUM") }
            }
            // The others add them to a double.
            A::Sum if !postgres && data_type == DataType::Float32 => Form { cast: Some(data_type), ..simple("SUM") },
            A::Sum => simple("SUM"),
            A::Avg => self.average(simple("AVG"), first_type, data_type)?,
            A::Min if postgres && first_type == DataType::Boolean => simple("bool_and"),
            A::Max if postgres && first_type == DataType::Boolean => simple("bool_or"),
            A::Min => simple("MIN"),
            A::Max => simple("MAX"),
            A::BoolAnd
            | A::BoolOr
            | A::BitAnd
            | A::BitOr
            | A::BitXor
            | A::StddevSamp
            | A::StddevPop
            | A::VarSamp
            | A::VarPop
            | A::Corr
            | A::CovarSamp
            | A::CovarPop => {
                let mut form = simple(function.name());
                if postgres && data_type.is_float() && !first_type.is_float() {
                    form.cast = Some(data_type);
                }
                form
            }
            A::StringAgg if spark => Form { within: order.to_vec(), ..simple("listagg") },
            A::StringAgg => ordered("string_agg"),
            A::Median if postgres && data_type == DataType::Float64 && !is_distinct => {
                Form { within: by_value(args[0]), ..self.quantile(simple(""), "percentile_cont(0.5") }
            }
            A::Median if fusion && data_type == DataType::Float64 => {
                let mut form = simple("median");
                form.args = vec![self.cast_to(spelled[0], DataType::Float64)?];
                form
            }
            A::Median if duck || (spark && data_type == DataType::Float64) => simple("median"),
            A::QuantileCont if duck => simple("quantile_cont"),
            A::QuantileCont if args.len() == 2 && data_type == DataType::Float64 && !is_distinct => {
                let at = self.constant_share(args[1])?;
                let mut form = self.quantile(simple(""), &format!("percentile_cont({at}"));
                form.within = by_value(args[0]);
                form
            }
            A::QuantileDisc if duck => simple("quantile_disc"),
            A::QuantileDisc if (postgres || spark) && args.len() == 2 && !is_distinct => {
                let at = self.constant_share(args[1])?;
                let mut form = self.quantile(simple(""), &format!("percentile_disc({at}"));
                form.within = by_value(args[0]);
                form
            }
            A::Mode if duck => ordered("mode"),
            A::Mode if spark && order.is_empty() => simple("mode"),
            A::Mode if postgres && order.is_empty() => {
                Form { args: Vec::new(), before: "mode(".to_owned(), within: by_value(args[0]), ..simple("") }
            }
            A::ArgMin | A::ArgMax => self.extreme(ordered(""), function, args)?,
            A::AnyValue if duck => ordered("any_value"),
            A::AnyValue if !order.is_empty() && (fusion || postgres) => {
                // The first that is known.
                let (before, after) = if postgres { ("(array_agg(", ")[1]") } else { ("first_value(", "") };
                let conditions = vec![self.suffixed(spelled[0], " IS NOT NULL")];
                let (before, after) = (before.to_owned(), after.to_owned());
                Form { before, after, conditions, is_distinct: false, ..ordered("") }
            }
            A::AnyValue if spark && order.is_empty() => Form { behind: ", true)".to_owned(), ..simple("any_value") },
            A::AnyValue if order.is_empty() && (fusion || first_type != DataType::Boolean) => simple("MIN"),
            A::First if duck => ordered("first"),
            A::Last if duck => ordered("last"),
            A::First if fusion => ordered("first_value"),
            A::Last if fusion => ordered("last_value"),
            A::First | A::Last if spark && order.is_empty() => simple(function.name()),
            A::First if postgres => Form { before: "(array_agg(".to_owned(), after: ")[1]".to_owned(), ..ordered("") },
            A::Last if postgres && !order.is_empty() => {
                let reversed = order.iter().map(|key| SortKey {
                    is_descending: !key.is_descending,
                    is_nulls_first: !key.is_nulls_first,
                    ..*key
                });
                Form {
                    before: "(array_agg(".to_owned(),
                    after: ")[1]".to_owned(),
                    order: reversed.collect(),
                    ..simple("")
                }
            }
            A::ApproxCountDistinct if duck || spark => simple("approx_count_distinct"),
            A::ApproxCountDistinct if fusion => simple("approx_distinct"),
            A::Listed(listed) => match self.listed_name(listed) {
                Some(name) => ordered(name),
                None => {
                    let construct = format!("the aggregate `{function}`");
                    return Err(self.refuse("GEN-0034", construct, "use an aggregate that the target has"));
                }
            },
            A::ApproxCountDistinct => Form { is_distinct: true, ..simple("COUNT") },
            A::Median | A::QuantileCont | A::QuantileDisc | A::Mode | A::AnyValue | A::First | A::Last => {
                let construct = format!("the aggregate `{function}` of a {first_type}");
                return Err(self.refuse("GEN-0026", construct, "write it as a ranked subquery in the model"));
            }
        })
    }

    fn quantile(&self, form: Form, before: &str) -> Form {
        Form { args: Vec::new(), before: before.to_owned(), ..form }
    }

    /// A quantile's share, which must be a constant.
    fn constant_share(&self, scalar: ScalarId) -> Result<String, CodegenError> {
        match &self.arena[scalar] {
            Scalar::Literal(Literal::Decimal { value, scale, .. }) => Ok(super::literal::decimal_text(*value, *scale)),
            Scalar::Literal(Literal::Float(bits)) => Ok(format!("{:?}", f64::from_bits(*bits))),
            Scalar::Literal(Literal::Int(value, _)) => Ok(value.to_string()),
            Scalar::Cast { arg, .. } if matches!(self.arena[*arg], Scalar::Literal(_)) => self.constant_share(*arg),
            _ => Err(self.refuse("GEN-0026", "a quantile whose share is no constant", "write the share as a number")),
        }
    }

    /// The mean in the plan's type: a double, or a decimal where the dialect has one.
    fn average(&mut self, mut form: Form, from: DataType, to: DataType) -> Result<Form, CodegenError> {
        match (self.dialect, to) {
            (Target::DuckDb, DataType::Decimal { .. }) => {
                return Err(self.refuse(
                    "GEN-0027",
                    "`AVG` with a decimal result, which DuckDB computes in doubles,",
                    "cast the argument to DOUBLE in the model if fifteen digits are enough",
                ));
            }
            (Target::Postgres, DataType::Float64) if !from.is_float() => form.cast = Some(to),
            (Target::DataFusion | Target::Spark, DataType::Float64)
                if matches!(from, DataType::Decimal { .. } | DataType::Int128) =>
            {
                form.args = vec![self.cast_to(form.args[0], to)?];
            }
            _ => {}
        }
        Ok(form)
    }

    /// The first argument of the row whose second is least or greatest; rows with a NULL in either
    /// do not count.
    fn extreme(&mut self, form: Form, function: AggregateFunction, args: &[ScalarId]) -> Result<Form, CodegenError> {
        let (&[_, key], &[value_expr, key_expr]) = (args, form.args.as_slice()) else {
            return Err(self.refuse(
                "GEN-0026",
                format!("`{function}` with other than two operands"),
                "give a value and a key",
            ));
        };
        let is_descending = function == AggregateFunction::ArgMax;
        let not_null = |this: &mut Self, expr: ExprId| this.suffixed(expr, " IS NOT NULL");
        // Of rows with equal keys the first one counts.
        let by_key = SortKey { scalar: key, is_descending, is_nulls_first: self.dialect.is_nulls_first(is_descending) };
        let order = std::iter::once(by_key).chain(form.order.iter().copied()).collect();
        let form = Form { is_distinct: false, ..form };
        Ok(match self.dialect {
            Target::DuckDb => Form { before: format!("{}(", function.name()), ..form },
            Target::Spark if !form.order.is_empty() => {
                let construct = format!("`{function}` with an order");
                return Err(self.refuse("GEN-0026", construct, "write it as a ranked subquery in the model"));
            }
            Target::Spark => {
                let name = if is_descending { "max_by(" } else { "min_by(" };
                let conditions = vec![not_null(self, value_expr)];
                Form { before: name.to_owned(), conditions, ..form }
            }
            Target::DataFusion | Target::Postgres => {
                let conditions = vec![not_null(self, value_expr), not_null(self, key_expr)];
                let is_postgres = self.dialect == Target::Postgres;
                let (before, after) = if is_postgres { ("(array_agg(", ")[1]") } else { ("first_value(", "") };
                Form {
                    before: before.to_owned(),
                    after: after.to_owned(),
                    args: vec![value_expr],
                    order,
                    conditions,
                    ..form
                }
            }
        })
    }

    /// A window call.
    pub(super) fn window(&mut self, env: &Env, call: &WindowCall) -> Result<ExprId, CodegenError> {
        let mut pieces = match call.function {
            WindowFunction::Aggregate(function) => self.window_aggregate(env, call, function)?,
            WindowFunction::Ranking(function) => self.ranking(env, call, function)?,
        };
        pieces.push(Piece::Text(" OVER (".into()));
        let mut is_first = true;
        for (i, &key) in call.partition.iter().enumerate() {
            let expr = self.scalar(env, key)?;
            pieces.push(Piece::Text(if i == 0 { "PARTITION BY " } else { ", " }.into()));
            pieces.push(Piece::Expr(expr, Level::Or));
            is_first = false;
        }
        if !call.order.is_empty() {
            if !is_first {
                pieces.push(Piece::Text(" ".into()));
            }
            self.push_order(env, &call.order, &mut pieces)?;
            is_first = false;
        } else if self.dialect == Target::Spark && matches!(call.function, WindowFunction::Ranking(_)) {
            // Spark asks for an order where it makes no difference.
            pieces.push(Piece::Text(if is_first { "ORDER BY NULL" } else { " ORDER BY NULL" }.into()));
            is_first = false;
        }
        self.push_frame(env, call, is_first, &mut pieces)?;
        pieces.push(Piece::Text(")".into()));
        let kind = match call.function {
            WindowFunction::Ranking(
                RankingFunction::RowNumber
                | RankingFunction::Rank
                | RankingFunction::DenseRank
                | RankingFunction::PercentRank
                | RankingFunction::CumeDist
                | RankingFunction::Ntile,
            ) => Kind::Ranking,
            WindowFunction::Ranking(_) | WindowFunction::Aggregate(_) => Kind::Window,
        };
        Ok(self.exprs.add(Node::Pieces { level: Level::Primary, pieces, kind }))
    }

    fn window_aggregate(
        &mut self,
        env: &Env,
        call: &WindowCall,
        function: AggregateFunction,
    ) -> Result<Vec<Piece>, CodegenError> {
        let mut form = self.form(env, function, &call.args, &[], false, call.data_type)?;
        if form.cast.take().is_some() {
            // The cast belongs around the whole call; the argument is cast instead.
            form.args = vec![self.cast_to(form.args[0], DataType::Float64)?];
        }
        if !form.after.is_empty() || !form.within.is_empty() || !form.order.is_empty() || call.is_ignoring_nulls {
            let construct = format!("`{function}` over a window");
            return Err(self.refuse("GEN-0028", construct, "compute it in a subquery that groups by the partition"));
        }
        let mut conditions = form.conditions.clone();
        if let Some(filter) = call.filter {
            conditions.push(self.scalar(env, filter)?);
        }
        let Some(condition) = self.exprs.all(&conditions) else { return self.opened(env, &form) };
        if self.dialect == Target::Spark {
            // Spark has no FILTER before OVER.
            let value = match form.args.as_slice() {
                [] => {
                    form.before = "COUNT(".to_owned();
                    self.exprs.text("1", Level::Primary)
                }
                [value] => *value,
                _ => {
                    return Err(self.refuse(
                        "GEN-0028",
                        format!("`{function}` with a filter over a window"),
                        "use `CASE` in the argument",
                    ));
                }
            };
            form.args = vec![self.exprs.add(Node::Case { branches: vec![(condition, value)], otherwise: None })];
            return self.opened(env, &form);
        }
        let mut pieces = self.opened(env, &form)?;
        pieces.push(Piece::Text(" FILTER (WHERE ".into()));
        pieces.push(Piece::Expr(condition, Level::Or));
        pieces.push(Piece::Text(")".into()));
        Ok(pieces)
    }

    fn ranking(&mut self, env: &Env, call: &WindowCall, function: RankingFunction) -> Result<Vec<Piece>, CodegenError> {
        let mut pieces = vec![Piece::Text(format!("{}(", function.name().to_uppercase()).into())];
        for (i, &arg) in call.args.iter().enumerate() {
            if i > 0 {
                pieces.push(Piece::Text(", ".into()));
            }
            let expr = self.scalar(env, arg)?;
            pieces.push(Piece::Expr(expr, Level::Or));
        }
        let ignoring = match self.dialect {
            _ if !call.is_ignoring_nulls => ")",
            Target::DuckDb => " IGNORE NULLS)",
            Target::DataFusion | Target::Spark => ") IGNORE NULLS",
            Target::Postgres => {
                return Err(self.refuse(
                    "GEN-0029",
                    "`IGNORE NULLS`",
                    "number the rows that are not NULL and join them back",
                ));
            }
        };
        pieces.push(Piece::Text(ignoring.into()));
        Ok(pieces)
    }

    /// The frame, where it is not the one that SQL takes by itself.
    fn push_frame(
        &mut self,
        env: &Env,
        call: &WindowCall,
        is_first: bool,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), CodegenError> {
        let is_free = match call.function {
            WindowFunction::Ranking(
                RankingFunction::FirstValue | RankingFunction::LastValue | RankingFunction::NthValue,
            )
            | WindowFunction::Aggregate(_) => false,
            WindowFunction::Ranking(
                RankingFunction::RowNumber
                | RankingFunction::Rank
                | RankingFunction::DenseRank
                | RankingFunction::PercentRank
                | RankingFunction::CumeDist
                | RankingFunction::Ntile
                | RankingFunction::Lag
                | RankingFunction::Lead,
            ) => true,
        };
        let Frame { unit, start, end, exclusion } = call.frame;
        // Without an order all rows are peers, and the default frame is the whole partition.
        let is_default = call.frame == Frame::ORDERED || (call.order.is_empty() && call.frame == Frame::WHOLE);
        if is_free || is_default {
            return Ok(());
        }
        let unit = match unit {
            FrameUnit::Rows => "ROWS",
            FrameUnit::Range => "RANGE",
            FrameUnit::Groups if self.dialect == Target::Spark => {
                return Err(self.refuse("GEN-0030", "a frame of `GROUPS`", "use `ROWS`, or `RANGE` over a dense rank"));
            }
            FrameUnit::Groups => "GROUPS",
        };
        pieces.push(Piece::Text(format!("{}{unit} BETWEEN ", if is_first { "" } else { " " }).into()));
        self.push_bound(env, start, pieces)?;
        pieces.push(Piece::Text(" AND ".into()));
        self.push_bound(env, end, pieces)?;
        match exclusion.words() {
            Some(words) if matches!(self.dialect, Target::DuckDb | Target::Postgres) => {
                pieces.push(Piece::Text(format!(" {words}").into()));
                Ok(())
            }
            Some(words) => Err(self.refuse(
                "GEN-0036",
                format!("a frame that says `{words}`"),
                "take the value of the current row from the result where the function allows it",
            )),
            None => Ok(()),
        }
    }

    fn push_bound(&mut self, env: &Env, bound: FrameBound, pieces: &mut Vec<Piece>) -> Result<(), CodegenError> {
        let (offset, word) = match bound {
            FrameBound::UnboundedPreceding => (None, "UNBOUNDED PRECEDING"),
            FrameBound::Preceding(offset) => (Some(offset), " PRECEDING"),
            FrameBound::CurrentRow => (None, "CURRENT ROW"),
            FrameBound::Following(offset) => (Some(offset), " FOLLOWING"),
            FrameBound::UnboundedFollowing => (None, "UNBOUNDED FOLLOWING"),
        };
        if let Some(offset) = offset {
            let expr = self.scalar(env, offset)?;
            pieces.push(Piece::Expr(expr, Level::Primary));
        }
        pieces.push(Piece::Text(word.into()));
        Ok(())
    }
}

/// `DESC` and the place of NULLs, as far as the dialect does not take them by itself.
pub(super) fn order_suffix(is_descending: bool, is_nulls_first: bool, dialect: Target) -> &'static str {
    let is_default = dialect.is_nulls_first(is_descending) == is_nulls_first;
    match (is_descending, is_default, is_nulls_first) {
        (false, true, _) => "",
        (true, true, _) => " DESC",
        (false, false, true) => " NULLS FIRST",
        (false, false, false) => " NULLS LAST",
        (true, false, true) => " DESC NULLS FIRST",
        (true, false, false) => " DESC NULLS LAST",
    }
}
