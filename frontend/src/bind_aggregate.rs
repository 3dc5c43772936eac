//! Grouping and windows: the calls of a `SELECT` are found, computed by one operator, and looked up
//! afterwards by the place where they are written.

use std::sync::Arc;

use isomer_ir::{
    AggregateCall, AggregateFunction, ColumnId, DataType, Dialect, Frame, Function, FunctionKind, GroupingSets,
    Literal, Plan, Scalar, ScalarId, SortKey, WindowCall, WindowFunction,
};
use sqlparser::ast::{self, Expr, HavingBound, HavingBoundKind, NullTreatment, OrderByExpr};

use crate::bind::{Bind, Binder, Clause, ItemValue};
use crate::bind_grouping::Grouping;
use crate::bind_window::WindowValue;
use crate::functions::{Known, Special, is_aggregate};
use crate::scope::{Rel, has_outer, is_nullable};
use crate::syntax::{bare, calls};
use crate::types_of;

impl<'a> Binder<'a> {
    pub(crate) fn is_aggregate(&self, function: &ast::Function) -> bool {
        let name = Self::function_name(function);
        function.over.is_none()
            && match self.catalog.function(&name) {
                Some(declared) => declared.row().kind == FunctionKind::Aggregate,
                None => is_aggregate(&name, self.dialect),
            }
    }

    /// Whether an expression calls an aggregate or a window function.
    pub(crate) fn has_aggregate(&self, expr: &'a Expr) -> bool {
        calls(expr, &|_| true).into_iter().any(|function| function.over.is_some() || self.is_aggregate(function))
    }

    /// Groups the level's relation where a key, an aggregate or `HAVING` asks for it.
    pub(crate) fn group(&mut self, grouping: &Grouping, exprs: &[&'a Expr], has_having: bool) -> Bind<()> {
        let mut functions: Vec<&'a ast::Function> = Vec::new();
        for expr in exprs {
            let found = calls(expr, &|function| !self.is_aggregate(function));
            functions.extend(found.into_iter().filter(|function| self.is_aggregate(function)));
        }
        if grouping.keys.is_empty() && grouping.sets.is_none() && functions.is_empty() && !has_having {
            return Ok(());
        }
        let mut found = Vec::with_capacity(functions.len());
        for function in functions {
            let call = self.in_clause(Clause::AggregateArgument, |binder| binder.aggregate_call(function))?;
            found.push((function, call));
        }
        let mut markers = Vec::new();
        for function in self.grouping_calls(exprs) {
            markers.push((function, self.grouping_call(function, grouping)?));
        }
        let input = std::mem::replace(&mut self.level().rel, Rel::one_row());
        let mut exposed: Vec<(ColumnId, bool)> = Vec::new();
        let keys = match &grouping.sets {
            None => self.plain_keys(&grouping.keys, &input, &mut exposed),
            Some(sets) => self.grouped_keys(grouping, sets, &input, &mut exposed),
        };
        let sets = grouping.sets.clone().unwrap_or_default();
        let mut groups = GroupingSets { keys, sets, calls: Vec::new(), markers: Vec::new() };
        let has_total = if grouping.sets.is_some() { groups.has_total() } else { groups.keys.is_empty() };
        for (function, call) in found {
            let known = groups.calls.iter().find(|(_, known)| *known == call).map(|(id, _)| *id);
            let id = match known {
                Some(id) => id,
                None => {
                    let hint = self.call_name(function);
                    let id = self.arena.aggregate_column(&call, &hint);
                    let id = input.fresh(id, self.arena);
                    exposed.push((id, self.is_aggregate_nullable(&call, has_total, &input)));
                    groups.calls.push((id, call));
                    id
                }
            };
            let column = self.arena.column_ref(id);
            let column = self.limited(function, column)?;
            self.level().calls.insert(std::ptr::from_ref::<ast::Function>(function) as usize, column);
        }
        for (function, (of, data_type)) in markers {
            let scalar = if grouping.sets.is_some() {
                let id = self.marker((of, data_type), grouping, &mut groups, &input);
                exposed.push((id, false));
                self.arena.column_ref(id)
            } else {
                self.nothing_left_out(data_type)
            };
            self.level().calls.insert(std::ptr::from_ref::<ast::Function>(function) as usize, scalar);
        }
        let is_short = self.dialect == Dialect::Spark && grouping.sets.is_some() && groups.has_total();
        let has_rows = is_short.then(|| self.has_rows(&mut groups, &mut exposed, &input));
        let below = Box::new(input.plan);
        let plan = if grouping.sets.is_some() {
            Plan::GroupingSets { input: below, groups: Box::new(groups) }
        } else {
            Plan::Aggregate { input: below, keys: groups.keys, calls: groups.calls }
        };
        let plan = match has_rows {
            Some(has_rows) => Plan::Filter { input: Box::new(plan), holds: vec![has_rows] },
            None => plan,
        };
        let shown = Rel::new(plan, exposed);
        let level = self.level();
        level.hidden = input.columns.keys().filter(|id| !shown.columns.contains_key(*id)).copied().collect();
        level.rel = shown;
        level.is_grouped = true;
        Ok(())
    }

    /// Whether a group has rows: in Spark a grouping set without keys has no row over no rows.
    fn has_rows(&mut self, groups: &mut GroupingSets, exposed: &mut Vec<(ColumnId, bool)>, input: &Rel) -> ScalarId {
        let count = AggregateCall::count_of_rows();
        let known = groups.calls.iter().find(|(_, call)| *call == count).map(|(id, _)| *id);
        let n_rows = known.unwrap_or_else(|| {
            let id = self.arena.aggregate_column(&count, "n_rows");
            let id = input.fresh(id, self.arena);
            exposed.push((id, false));
            groups.calls.push((id, count));
            id
        });
        let zero = self.arena.literal(Literal::Int(0, DataType::Int64));
        let n_rows = self.arena.column_ref(n_rows);
        self.arena.call(Function::Gt, [n_rows, zero], DataType::Boolean)
    }

    fn plain_keys(
        &mut self,
        keys: &[ScalarId],
        input: &Rel,
        exposed: &mut Vec<(ColumnId, bool)>,
    ) -> Vec<(ColumnId, ScalarId)> {
        let mut key_exprs: Vec<(ColumnId, ScalarId)> = Vec::new();
        for &scalar in keys {
            let hint = self.item_name_of(scalar).unwrap_or_else(|| Arc::from("key"));
            let id = match self.arena[scalar] {
                Scalar::Column(id) => id,
                _ => {
                    let computed = self.arena.computed_column(scalar, &hint);
                    input.fresh(computed, self.arena)
                }
            };
            if key_exprs.iter().any(|(known, _)| *known == id) {
                continue;
            }
            key_exprs.push((id, scalar));
            exposed.push((id, is_nullable(scalar, &input.columns, self.arena)));
            if !matches!(self.arena[scalar], Scalar::Literal(_)) {
                self.level().keys.insert(scalar, id);
            }
        }
        key_exprs
    }

    fn is_aggregate_nullable(&self, call: &AggregateCall, has_total: bool, input: &Rel) -> bool {
        if call.function.is_never_null() {
            return false;
        }
        has_total
            || !call.function.is_total()
            || call.filter.is_some()
            || call.args.iter().any(|&arg| is_nullable(arg, &input.columns, self.arena))
    }

    /// The alias of the select item that is exactly this call, or the function's name.
    fn call_name(&mut self, function: &ast::Function) -> Arc<str> {
        let is_this = |value: &ItemValue<'_>| matches!(value, ItemValue::Expr(expr) if matches!(bare(expr), Expr::Function(found) if std::ptr::eq(found, function)));
        let found = self.level().items.iter().find(|item| item.alias.is_some() && is_this(&item.value));
        found.map_or_else(|| Arc::from(Self::function_name(function)), |item| Arc::clone(&item.name))
    }

    pub(crate) fn item_name_of(&mut self, scalar: ScalarId) -> Option<Arc<str>> {
        let is_this = |bound: Option<(bool, ScalarId)>| bound.is_some_and(|(_, found)| found == scalar);
        self.level().items.iter().find(|item| is_this(item.bound)).map(|item| Arc::clone(&item.name))
    }

    pub(crate) fn aggregate_call(&mut self, function: &'a ast::Function) -> Bind<AggregateCall> {
        let mut arguments = self.arguments(function)?;
        let mut known = self.known(function, arguments.exprs.len())?;
        let name = Self::function_name(function);
        if let Some(HavingBound(kind, key)) = arguments.having {
            // `ANY_VALUE(x HAVING MAX y)` is what `MAX_BY(x, y)` stands for.
            arguments.exprs.push(key);
            known = Known::Special(match kind {
                HavingBoundKind::Min => Special::AnyAtMin,
                HavingBoundKind::Max => Special::AnyAtMax,
            });
        }
        let is_list = self.dialect == Dialect::BigQuery && name == "array_agg";
        if arguments.nulls.is_some() && !is_list {
            return Err(self.unsupported(&function.name, "`IGNORE NULLS` of an aggregate"));
        }
        if arguments.is_star && !matches!(known, Known::Aggregate(AggregateFunction::Count)) {
            return Err(self.fault("SQL-0010", &function.name, format!("`{name}` does not take `*`")));
        }
        let mut filter = match function.filter.as_deref() {
            Some(filter) => Some(self.predicate(filter)?),
            None => None,
        };
        let mut within = function.within_group.iter().map(|key| self.window_key(key)).collect::<Bind<Vec<_>>>()?;
        // DuckDB's `count_if` is a sum: NULL where the condition is never known.
        let mut summed = None;
        let aggregate = match known {
            Known::Aggregate(aggregate) => aggregate,
            Known::Special(Special::PercentileCont) => AggregateFunction::QuantileCont,
            Known::Special(Special::PercentileDisc) => AggregateFunction::QuantileDisc,
            Known::Special(Special::ModeWithin) => AggregateFunction::Mode,
            Known::Special(Special::AnyAtMin | Special::AnyAtMax) => AggregateFunction::First,
            _ => {
                let condition = self.predicate(arguments.exprs[0])?;
                arguments.exprs.clear();
                if self.dialect == Dialect::DuckDb {
                    summed = Some(self.arena.cast(condition, DataType::Int32));
                    AggregateFunction::Sum
                } else {
                    filter = Some(self.arena.and(filter.into_iter().chain([condition])));
                    AggregateFunction::Count
                }
            }
        };
        let mut args = arguments.exprs.iter().map(|arg| self.scalar(arg)).collect::<Bind<Vec<_>>>()?;
        args.extend(summed);
        let is_within = matches!(known, Known::Special(special) if special.is_within());
        if is_within {
            self.ordered_set(&mut args, &within, function)?;
            within.clear();
        }
        if aggregate == AggregateFunction::Count
            && !arguments.is_distinct
            && let [arg] = args.as_slice()
            && matches!(&self.arena[*arg], Scalar::Literal(literal) if !literal.is_null())
        {
            args.clear();
        }
        if aggregate == AggregateFunction::StringAgg && args.len() == 1 {
            args.push(self.arena.text(","));
        }
        if !within.is_empty() && (aggregate != AggregateFunction::StringAgg || !arguments.order.is_empty()) {
            let is_listed = matches!(aggregate, AggregateFunction::Listed(_)) && aggregate.is_order_sensitive();
            if !is_listed || !arguments.order.is_empty() {
                return Err(self.unsupported(&function.name, &format!("`WITHIN GROUP` of `{name}`")));
            }
        }
        let order = if within.is_empty() {
            arguments.order.iter().map(|key| self.collated_key(key)).collect::<Bind<Vec<_>>>()?
        } else {
            within
        };
        let order = match known {
            Known::Special(special @ (Special::AnyAtMin | Special::AnyAtMax)) => {
                let key = args.remove(1);
                filter = Some(self.unless_null(key, filter));
                let key = SortKey { scalar: key, is_descending: special == Special::AnyAtMax, is_nulls_first: false };
                // Of several rows one with a value is taken.
                vec![key, SortKey { scalar: args[0], is_descending: false, is_nulls_first: false }]
            }
            _ => order,
        };
        if arguments.nulls == Some(NullTreatment::IgnoreNulls) {
            filter = Some(self.unless_null(args[0], filter));
        }
        if self.is_of_outer_query(&args, filter) {
            // There it belongs to that query, over whose groups it would be computed.
            return Err(self.unsupported(&function.name, "an aggregate of columns of a query further out alone"));
        }
        let types: Vec<DataType> = args.iter().map(|&arg| self.arena.type_of(arg)).collect();
        let Some(data_type) = types_of::aggregate(aggregate, &types, self.dialect) else {
            let found = types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(self.fault("SQL-0011", &function.name, format!("`{name}` does not take ({found})")));
        };
        Ok(AggregateCall {
            function: aggregate,
            is_distinct: arguments.is_distinct && !args.is_empty(),
            args: args.into(),
            filter,
            // An order means nothing to a function that does not depend on it.
            order: if aggregate.is_order_sensitive() { order } else { Vec::new() },
            data_type,
        })
    }

    /// Whether an aggregate reads columns of a query further out and none of its own, among its arguments or, where
    /// these read none at all, in its filter.
    fn is_of_outer_query(&self, args: &[ScalarId], filter: Option<ScalarId>) -> bool {
        let is_outer = |scalar: &ScalarId| has_outer(self.arena, *scalar);
        let is_own = |scalar: &ScalarId| !self.arena.columns_of(*scalar).is_empty();
        if args.iter().any(is_own) {
            return false;
        }
        args.iter().any(is_outer) || filter.iter().any(is_outer) && !filter.iter().any(is_own)
    }

    /// A filter that also leaves out the rows where a value is NULL.
    fn unless_null(&mut self, value: ScalarId, filter: Option<ScalarId>) -> ScalarId {
        let is_null = self.arena.call(Function::IsNull, [value], DataType::Boolean);
        let is_there = self.arena.call(Function::Not, [is_null], DataType::Boolean);
        self.arena.and(filter.into_iter().chain([is_there]))
    }

    /// An aggregate with a `LIMIT` among its arguments: the first elements of the list.
    fn limited(&mut self, function: &'a ast::Function, list: ScalarId) -> Bind<ScalarId> {
        let Some(limit) = self.arguments(function)?.limit else { return Ok(list) };
        let n_elements = match bare(limit) {
            Expr::Value(ast::ValueWithSpan { value: ast::Value::Number(digits, _), .. }) => digits.parse().unwrap_or(0),
            _ => 0,
        };
        if !(1..=i128::from(i64::MAX)).contains(&n_elements) {
            return Err(self.unsupported(limit, "a `LIMIT` of an aggregate that is no number of elements"));
        }
        let [first, last] = [1, n_elements].map(|n| self.arena.literal(Literal::Int(n, DataType::Int64)));
        let data_type = self.arena.type_of(list);
        self.listed_call("list_slice", [list, first, last], data_type, limit)
    }

    /// The arguments of a function of an ordered set: the value that is ordered, and the share.
    fn ordered_set(&mut self, args: &mut Vec<ScalarId>, within: &[SortKey], function: &ast::Function) -> Bind<()> {
        let [key] = within else {
            return Err(self.unsupported(&function.name, "this function without one key in `WITHIN GROUP`"));
        };
        if key.is_descending && !args.is_empty() {
            return Err(self.unsupported(&function.name, "a percentile of a descending order"));
        }
        args.insert(0, key.scalar);
        Ok(())
    }

    /// A key of an order, which may have a collation.
    pub(crate) fn collated_key(&mut self, key: &'a OrderByExpr) -> Bind<SortKey> {
        let (expr, collation) = self.uncollated(&key.expr)?;
        let Some(collation) = collation else { return self.window_key(key) };
        if key.with_fill.is_some() {
            return Err(self.unsupported(expr, "`WITH FILL`"));
        }
        let scalar = self.scalar(expr)?;
        let scalar = self.collation_key(scalar, &collation, expr)?;
        Ok(self.sort_key(scalar, key.options))
    }

    fn window_key(&mut self, key: &'a OrderByExpr) -> Bind<SortKey> {
        let OrderByExpr { expr, options, with_fill } = key;
        if with_fill.is_some() {
            return Err(self.unsupported(expr, "`WITH FILL`"));
        }
        let scalar = self.scalar(expr)?;
        Ok(self.sort_key(scalar, *options))
    }

    /// A scalar of a grouped level in terms of its keys and aggregates; as it is where the level is
    /// not grouped.
    pub(crate) fn grouped(&mut self, scalar: ScalarId) -> Bind<ScalarId> {
        let whole = Expr::Identifier(ast::Ident::new(""));
        self.grouped_at(scalar, &whole)
    }

    pub(crate) fn grouped_at(&mut self, scalar: ScalarId, at: &Expr) -> Bind<ScalarId> {
        let Some(level) = self.levels.last() else { return Ok(scalar) };
        if !level.is_grouped {
            return Ok(scalar);
        }
        let (keys, columns) = (&level.keys, &level.rel.columns);
        let mut ungrouped: Option<ColumnId> = None;
        let replaced = self.arena.substitute(scalar, &mut |arena, scalar| {
            if let Some(&id) = keys.get(&scalar) {
                return Some(arena.column_ref(id));
            }
            match arena[scalar] {
                Scalar::Column(id) if columns.contains_key(&id) => Some(scalar),
                Scalar::Column(id) => {
                    ungrouped = ungrouped.or(Some(id));
                    Some(scalar)
                }
                _ => None,
            }
        });
        match ungrouped {
            None => Ok(replaced),
            Some(id) => {
                let message = format!("column `{}` is neither grouped nor aggregated", self.arena.hint(id));
                let fault = self.fault("SQL-0013", at, message);
                Err(Box::new(fault.with_help("add it to `GROUP BY`")))
            }
        }
    }

    /// Computes the window functions of the level by one operator.
    pub(crate) fn window_calls(&mut self, exprs: &[&'a Expr]) -> Bind<()> {
        let mut functions: Vec<&'a ast::Function> = Vec::new();
        for expr in exprs {
            let found = calls(expr, &|function| function.over.is_none() && !self.is_aggregate(function));
            functions.extend(found.into_iter().filter(|function| function.over.is_some()));
        }
        if functions.is_empty() {
            return Ok(());
        }
        let mut bound: Vec<(ColumnId, WindowCall)> = Vec::new();
        let mut found = Vec::with_capacity(functions.len());
        for function in functions {
            let (call, value) = self.in_clause(Clause::WindowArgument, |binder| binder.window_call(function))?;
            found.push((function, call, value));
        }
        let input = std::mem::replace(&mut self.level().rel, Rel::one_row());
        let input = self.with_ranks(input, &mut found);
        let mut columns = input.columns.clone();
        for (function, call, value) in found {
            let known = bound.iter().find(|(_, known)| *known == call).map(|(id, _)| *id);
            let id = match known {
                Some(id) => id,
                None => {
                    let hint = self.call_name(function);
                    let id = self.arena.window_column(&call, &hint);
                    let id = input.fresh(id, self.arena);
                    columns.insert(id, !call.function.is_never_null());
                    bound.push((id, call.clone()));
                    id
                }
            };
            let column = self.arena.column_ref(id);
            let column = self.window_value(value, function, &call, column)?;
            self.level().calls.insert(std::ptr::from_ref::<ast::Function>(function) as usize, column);
        }
        self.level().rel = Rel { plan: Plan::Window { input: Box::new(input.plan), calls: bound }, columns };
        Ok(())
    }

    fn window_call(&mut self, function: &'a ast::Function) -> Bind<(WindowCall, WindowValue)> {
        let arguments = self.arguments(function)?;
        let known = self.known(function, arguments.exprs.len())?;
        let name = Self::function_name(function);
        if !arguments.order.is_empty() || !function.within_group.is_empty() {
            return Err(self.unsupported(&function.name, "`ORDER BY` in the arguments of a window function"));
        }
        let mut filter = match function.filter.as_deref() {
            Some(filter) => Some(self.predicate(filter)?),
            None => None,
        };
        let mut args = arguments.exprs.iter().map(|arg| self.scalar(arg)).collect::<Bind<Vec<_>>>()?;
        let called = match known {
            Known::Aggregate(aggregate) => WindowFunction::Aggregate(aggregate),
            Known::Ranking(ranking) => WindowFunction::Ranking(ranking),
            Known::Special(Special::CountIf) if self.dialect == Dialect::DuckDb => {
                args = vec![self.predicate(arguments.exprs[0])?];
                args[0] = self.arena.cast(args[0], DataType::Int32);
                WindowFunction::Aggregate(AggregateFunction::Sum)
            }
            Known::Special(Special::CountIf) => {
                filter = Some(self.arena.and(filter.into_iter().chain(args.drain(..))));
                WindowFunction::Aggregate(AggregateFunction::Count)
            }
            Known::Special(Special::RatioToReport) => WindowFunction::Aggregate(AggregateFunction::Sum),
            Known::Scalar(_) | Known::Special(_) => {
                return Err(self.fault("SQL-0012", &function.name, format!("`{name}` is no window function")));
            }
        };
        let types: Vec<DataType> = args.iter().map(|&arg| self.arena.type_of(arg)).collect();
        let data_type = match called {
            WindowFunction::Aggregate(aggregate) => types_of::aggregate(aggregate, &types, self.dialect),
            WindowFunction::Ranking(ranking) => Some(types_of::ranking(ranking, &types, self.dialect)),
        };
        let Some(data_type) = data_type else {
            let found = types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(self.fault("SQL-0011", &function.name, format!("`{name}` does not take ({found})")));
        };
        if called == WindowFunction::Aggregate(AggregateFunction::Count)
            && !arguments.is_distinct
            && let [arg] = args.as_slice()
            && matches!(&self.arena[*arg], Scalar::Literal(literal) if !literal.is_null())
        {
            args.clear();
        }
        let Some(over) = &function.over else { return Err(self.unsupported(&function.name, "a call without `OVER`")) };
        let (partition, mut order, mut frame) = self.window(over, 0)?;
        let value = if known == Known::Special(Special::RatioToReport) {
            // Its order makes no difference.
            (order, frame) = (Vec::new(), None);
            WindowValue::Share
        } else if arguments.is_distinct {
            let is_there = matches!(self.dialect, Dialect::DuckDb | Dialect::Snowflake | Dialect::BigQuery);
            let is_whole = order.is_empty() && frame.is_none();
            let found = WindowValue::of_distinct(called, args.len(), is_whole).filter(|_| is_there);
            found.ok_or_else(|| self.unsupported(&function.name, "`DISTINCT` in this window function"))?
        } else {
            WindowValue::Computed
        };
        let mut partition: Vec<ScalarId> = partition;
        partition.sort_unstable();
        partition.dedup();
        let is_ranked = matches!(called, WindowFunction::Ranking(ranking) if {
            use isomer_ir::RankingFunction as R;
            matches!(ranking, R::RowNumber | R::Rank | R::DenseRank | R::PercentRank | R::CumeDist | R::Ntile | R::Lag | R::Lead)
        });
        // Snowflake's navigation functions see the whole partition unless a frame is written.
        let is_navigating = matches!(called, WindowFunction::Ranking(ranking) if {
            use isomer_ir::RankingFunction as R;
            matches!(ranking, R::FirstValue | R::LastValue | R::NthValue)
        });
        let is_whole = order.is_empty() || is_navigating && self.dialect == Dialect::Snowflake;
        let default = if is_whole { Frame::WHOLE } else { Frame::ORDERED };
        let call = WindowCall {
            function: called,
            args: args.into(),
            filter,
            is_ignoring_nulls: arguments.nulls == Some(NullTreatment::IgnoreNulls),
            partition: partition.into(),
            order,
            // A ranking function does not look at the frame.
            frame: if is_ranked { default } else { frame.unwrap_or(default) },
            data_type,
        };
        Ok((call, value))
    }
}
