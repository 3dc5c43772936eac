//! Queries: `WITH`, set operations, `VALUES`, `ORDER BY`, `LIMIT`.

use std::sync::Arc;

use isomer_ir::semantics::{Database, Value, evaluate};
use isomer_ir::{
    Column, ColumnDef, ColumnId, DataType, Dialect, Literal, Output, OutputColumn, Plan, Scalar, ScalarId, SetOpKind,
    SortKey, Volatility, fold,
};
use sqlparser::ast::{
    Cte as CteSyntax, Expr, Fetch, Ident, LimitClause, Offset, OrderBy, OrderByExpr, OrderByKind, OrderByOptions,
    Query, SetExpr, SetOperator, SetQuantifier, Table, TableAlias, TableAliasColumnDef, With,
};

use crate::bind::{Bind, Binder, Bound, Clause, Cte, Level, Standing};
use crate::column_name::told_apart;
use crate::place::Place;
use crate::scope::{Named, Rel, Scope, has_outer, is_nullable};

/// Most operators that one plan may have after CTEs are copied to where they are read.
pub(crate) const MAX_OPERATORS: usize = 20_000;

impl<'a> Binder<'a> {
    /// Binds a query; `is_root` keeps an `ORDER BY` that has no `LIMIT`: of a model, a CTE or a derived table.
    pub(crate) fn query(&mut self, query: &'a Query, is_root: bool) -> Bind<Bound> {
        self.deeper(|binder| binder.query_inner(query, is_root))
    }

    fn query_inner(&mut self, query: &'a Query, is_root: bool) -> Bind<Bound> {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        for (is_there, what) in [
            (fetch.as_ref().is_some_and(|fetch| fetch.with_ties), "`FETCH … WITH TIES`"),
            (fetch.as_ref().is_some_and(|fetch| fetch.percent), "`FETCH … PERCENT`"),
            (!locks.is_empty(), "`FOR UPDATE` or `FOR SHARE`"),
            (for_clause.is_some(), "`FOR XML` or `FOR JSON`"),
            (settings.is_some(), "`SETTINGS`"),
            (format_clause.is_some(), "`FORMAT`"),
            (!pipe_operators.is_empty(), "the pipe operator `|>`"),
        ] {
            if is_there {
                return Err(self.unsupported(query, what));
            }
        }
        let n_ctes = self.ctes.len();
        let rows = (limit_clause.as_ref(), fetch.as_ref());
        let result = self.query_body(with.as_ref(), body, order_by.as_ref(), rows, is_root);
        self.ctes.truncate(n_ctes);
        result
    }

    fn query_body(
        &mut self,
        with: Option<&'a With>,
        body: &'a SetExpr,
        order_by: Option<&'a OrderBy>,
        (limit_clause, fetch_clause): (Option<&'a LimitClause>, Option<&'a Fetch>),
        is_root: bool,
    ) -> Bind<Bound> {
        if let Some(with) = with {
            self.with_list(with)?;
        }
        let is_limited = limit_clause.is_some() || fetch_clause.is_some();
        let keeps_order = is_root || is_limited;
        let order = if let Some(OrderBy { kind, interpolate }) = order_by {
            if interpolate.is_some() {
                return Err(self.unsupported_somewhere("`INTERPOLATE`"));
            }
            Some(kind)
        } else {
            None
        };
        let mut bound = match body {
            SetExpr::Select(select) => self.select(select, order, keeps_order)?,
            SetExpr::Query(inner) => {
                let bound = self.query(inner, is_root && order.is_none() && !is_limited)?;
                self.ordered(bound, order, keeps_order)?
            }
            SetExpr::SetOperation { .. } => {
                let bound = self.set_operation(body)?;
                self.ordered(bound, order, keeps_order)?
            }
            SetExpr::Values(values) => {
                let bound = self.values(values)?;
                self.ordered(bound, order, keeps_order)?
            }
            SetExpr::Table(table) => {
                let bound = self.whole_table(table)?;
                self.ordered(bound, order, keeps_order)?
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                return Err(self.unsupported_somewhere("a data-modifying statement in a query"));
            }
        };
        if is_limited {
            let (skip, mut fetch) = limit_clause.map_or(Ok((0, None)), |clause| self.limit(clause))?;
            if let Some(Fetch { with_ties: _, percent: _, quantity }) = fetch_clause {
                if fetch.is_some() {
                    return Err(self.unsupported_somewhere("`FETCH` beside `LIMIT`"));
                }
                // Without a number one row is meant.
                fetch = quantity.as_ref().map_or(Ok(Some(1)), |quantity| self.count(quantity))?;
            }
            if skip > 0 || fetch.is_some() {
                bound.rel.plan = Plan::Limit { input: Box::new(bound.rel.plan), skip, fetch };
            }
        }
        Ok(bound)
    }

    pub(crate) fn with_list(&mut self, with: &'a With) -> Bind<()> {
        let With { with_token: _, recursive, cte_tables } = with;
        if *recursive {
            return self.recursive_list(cte_tables);
        }
        cte_tables.iter().try_for_each(|cte| self.cte(cte))
    }

    pub(crate) fn cte(&mut self, cte: &'a CteSyntax) -> Bind<()> {
        let CteSyntax { alias, query, from, materialized: _, closing_paren_token: _ } = cte;
        if from.is_some() {
            return Err(self.unsupported(&alias.name, "`FROM` behind a common table expression"));
        }
        let bound = self.query(query, true)?;
        let TableAlias { explicit: _, name, columns, at } = alias;
        if at.is_some() {
            return Err(self.unsupported(name, "`AT` behind an alias"));
        }
        let bound = Bound { columns: self.renamed(bound.columns, columns, name)?, rel: bound.rel };
        self.push_cte(cte, bound, Standing::Bound);
        Ok(())
    }

    pub(crate) fn push_cte(&mut self, cte: &CteSyntax, bound: Bound, standing: Standing) {
        let (name, query) = (&cte.alias.name, &cte.query);
        let mut span = self.text.span(query.place());
        span.end = self.text.span(cte.closing_paren_token.0.span).start.max(span.start);
        let n_operators = bound.rel.plan.n_operators();
        let is_correlated = plan_has_outer(self.arena, &bound.rel.plan);
        let (key, depth) = (fold(&name.value), self.levels.len());
        self.ctes.push(Cte {
            key,
            name: Arc::from(name.value.as_str()),
            bound,
            span,
            n_operators,
            depth,
            is_correlated,
            standing,
        });
    }

    /// The relation of a CTE in scope, as one more reference to it.
    pub(crate) fn cte_reference(&mut self, key: &str, at: &impl Place) -> Bind<Option<(Rel, Vec<Named>)>> {
        let Some(position) = self.ctes.iter().rposition(|cte| &*cte.key == key) else { return Ok(None) };
        let cte = self.ctes[position].clone();
        self.may_be_read(&cte, position, at)?;
        if cte.is_correlated && cte.depth != self.levels.len() {
            let message =
                format!("`{}` reads a column of a query further out, and is read by an inner query", cte.name);
            return Err(self.fault("SQL-0015", at, message));
        }
        self.n_operators += cte.n_operators;
        if self.n_operators > MAX_OPERATORS {
            let message =
                format!("the plan has more than {MAX_OPERATORS} operators once CTEs are put where they are read");
            return Err(self.fault("SQL-0004", at, message));
        }
        let Bound { rel, columns } = cte.bound;
        let plan = match cte.standing {
            Standing::Work => rel.plan,
            Standing::Bound | Standing::Later | Standing::Start => {
                Plan::Named { input: Box::new(rel.plan), name: cte.name, span: cte.span }
            }
        };
        let named = self.named(columns);
        let named = self.told_apart(named);
        Ok(Some((Rel { plan, columns: rel.columns }, named)))
    }

    /// `TABLE t`: every column of a table.
    fn whole_table(&mut self, table: &Table) -> Bind<Bound> {
        let Table { table_name, schema_name } = table;
        let parts: Vec<&str> = schema_name.iter().chain(table_name).map(String::as_str).collect();
        let name = Ident::new(parts.join("."));
        let key = fold(&name.value);
        let cte = if schema_name.is_none() { self.cte_reference(&key, &name)? } else { None };
        let Some((rel, named)) = cte.or_else(|| self.table(&key)) else {
            return Err(self.fault("SQL-0006", &name, format!("table `{}` is not known", name.value)));
        };
        let column = |named: Named| match self.arena[named.scalar] {
            Scalar::Column(id) => Some((named.name, id)),
            _ => None,
        };
        Ok(Bound { rel, columns: named.into_iter().filter_map(column).collect() })
    }

    /// Columns as a scope sees them, those of one name told apart as DuckDB does.
    pub(crate) fn told_apart(&self, mut columns: Vec<Named>) -> Vec<Named> {
        if self.dialect == Dialect::DuckDb {
            let names: Vec<Arc<str>> = columns.iter().map(|named| Arc::clone(&named.name)).collect();
            for (named, name) in columns.iter_mut().zip(told_apart(&names)) {
                if let Some(name) = name {
                    named.key = fold(&name);
                    named.name = name;
                }
            }
        }
        columns
    }

    /// Columns as a scope sees them.
    pub(crate) fn named(&mut self, columns: Vec<(Arc<str>, ColumnId)>) -> Vec<Named> {
        let named = columns.into_iter().map(|(name, id)| {
            let key = fold(&name);
            Named { name, key, scalar: self.arena.column_ref(id) }
        });
        named.collect()
    }

    /// Columns under the names of an alias list.
    pub(crate) fn renamed(
        &self,
        columns: Vec<(Arc<str>, ColumnId)>,
        list: &[TableAliasColumnDef],
        at: &impl Place,
    ) -> Bind<Vec<(Arc<str>, ColumnId)>> {
        if list.is_empty() {
            return Ok(columns);
        }
        if list.len() > columns.len() {
            let message = format!("found {} column aliases, expected at most {}", list.len(), columns.len());
            return Err(self.fault("SQL-0019", at, message));
        }
        let mut renamed = columns;
        for (column, TableAliasColumnDef { name, data_type }) in renamed.iter_mut().zip(list) {
            if data_type.is_some() {
                return Err(self.unsupported(name, "a type in an alias list"));
            }
            column.0 = Arc::from(name.value.as_str());
        }
        Ok(renamed)
    }

    /// A chain of set operations. The left-deep tree is walked iteratively; neighbours of one kind
    /// become one n-ary operator.
    fn set_operation(&mut self, body: &'a SetExpr) -> Bind<Bound> {
        let mut chain = Vec::new();
        let mut first = body;
        while let SetExpr::SetOperation { left, op, set_quantifier, right } = first {
            let is_by_name = matches!(
                set_quantifier,
                SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName
            );
            chain.push((self.set_kind(*op, *set_quantifier)?, is_by_name, &**right));
            first = left;
        }
        let mut bound = self.set_operand(first)?;
        let mut pending: Option<(SetOpKind, Vec<Bound>)> = None;
        for (kind, is_by_name, right) in chain.into_iter().rev() {
            let right = self.set_operand(right)?;
            if is_by_name {
                if let Some((open, inputs)) = pending.take() {
                    bound = self.set_op(open, inputs)?;
                }
                let left = std::mem::replace(&mut bound, Bound { rel: Rel::one_row(), columns: Vec::new() });
                bound = self.union_by_name(kind, left, right)?;
                continue;
            }
            // `(a EXCEPT ALL b) EXCEPT ALL c` is written with two inputs each time.
            match &mut pending {
                Some((open, inputs)) if *open == kind && kind != SetOpKind::ExceptAll => inputs.push(right),
                _ => {
                    if let Some((open, inputs)) = pending.take() {
                        bound = self.set_op(open, inputs)?;
                    }
                    let left = std::mem::replace(&mut bound, Bound { rel: Rel::one_row(), columns: Vec::new() });
                    pending = Some((kind, vec![left, right]));
                }
            }
        }
        match pending {
            Some((kind, inputs)) => self.set_op(kind, inputs),
            None => Ok(bound),
        }
    }

    fn set_kind(&self, op: SetOperator, quantifier: SetQuantifier) -> Bind<SetOpKind> {
        let is_all = match quantifier {
            SetQuantifier::All | SetQuantifier::AllByName => true,
            SetQuantifier::Distinct | SetQuantifier::None | SetQuantifier::ByName | SetQuantifier::DistinctByName => {
                false
            }
        };
        let is_by_name = !matches!(quantifier, SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None);
        if is_by_name && op != SetOperator::Union {
            return Err(self.unsupported_somewhere("`INTERSECT` or `EXCEPT` `BY NAME`"));
        }
        Ok(match (op, is_all) {
            (SetOperator::Union, true) => SetOpKind::UnionAll,
            (SetOperator::Union, false) => SetOpKind::Union,
            (SetOperator::Intersect, true) => SetOpKind::IntersectAll,
            (SetOperator::Intersect, false) => SetOpKind::Intersect,
            (SetOperator::Except | SetOperator::Minus, true) => SetOpKind::ExceptAll,
            (SetOperator::Except | SetOperator::Minus, false) => SetOpKind::Except,
        })
    }

    pub(crate) fn set_operand(&mut self, operand: &'a SetExpr) -> Bind<Bound> {
        self.deeper(|binder| match operand {
            SetExpr::Select(select) => binder.select(select, None, false),
            SetExpr::Query(query) => binder.query(query, false),
            SetExpr::SetOperation { .. } => binder.set_operation(operand),
            SetExpr::Values(values) => binder.values(values),
            SetExpr::Table(_) => Err(binder.unsupported_somewhere("the `TABLE` command")),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                Err(binder.unsupported_somewhere("a data-modifying statement in a query"))
            }
        })
    }

    pub(crate) fn set_op(&mut self, kind: SetOpKind, inputs: Vec<Bound>) -> Bind<Bound> {
        let names: Vec<Arc<str>> = inputs[0].columns.iter().map(|(name, _)| Arc::clone(name)).collect();
        for input in &inputs[1..] {
            if input.columns.len() != names.len() {
                let message = format!(
                    "the inputs of a set operation have {} and {} columns, expected as many",
                    names.len(),
                    input.columns.len()
                );
                let whole = isomer_ir::Span::new(0, self.text.text.len());
                let fault = self.text.fault("SQL-0019", whole, message);
                return Err(Box::new(fault.with_help("select as many columns in each branch")));
            }
        }
        let mut types = vec![DataType::Null; names.len()];
        for (position, common) in types.iter_mut().enumerate() {
            for input in &inputs {
                let found = self.arena.column_type(input.columns[position].1);
                *common = self.common_of_branches(*common, found).ok_or_else(|| {
                    let message = format!("column `{}` of a set operation is {common} and {found}", names[position]);
                    let whole = isomer_ir::Span::new(0, self.text.text.len());
                    let fault = self.text.fault("SQL-0011", whole, message);
                    Box::new(fault.with_help("cast the column of one branch to the type of the other"))
                })?;
            }
        }
        let inputs: Vec<(Rel, Vec<ColumnId>)> = inputs.into_iter().map(|input| self.as_types(input, &types)).collect();
        let mut columns = Vec::with_capacity(names.len());
        for (position, name) in names.iter().enumerate() {
            let branches: Vec<ColumnId> = inputs.iter().map(|(_, taken)| taken[position]).collect();
            let of_input =
                |(rel, taken): &(Rel, Vec<ColumnId>)| rel.columns.get(&taken[position]).copied().unwrap_or(true);
            let is_nullable = match kind {
                SetOpKind::UnionAll | SetOpKind::Union => inputs.iter().any(of_input),
                SetOpKind::Intersect | SetOpKind::IntersectAll => inputs.iter().all(of_input),
                SetOpKind::Except | SetOpKind::ExceptAll => of_input(&inputs[0]),
            };
            let def = ColumnDef::SetOp { position: u32::try_from(position).unwrap_or(u32::MAX), branches };
            columns.push((self.arena.column(def, types[position], name), is_nullable));
        }
        let ids = columns.iter().map(|(id, _)| *id).collect();
        let inputs = inputs.into_iter().map(|(rel, taken)| (rel.plan, taken)).collect();
        let rel = Rel::new(Plan::SetOp { kind, inputs, columns: ids }, columns.iter().copied());
        Ok(Bound { rel, columns: names.into_iter().zip(columns.into_iter().map(|(id, _)| id)).collect() })
    }

    /// The type of a column of a set operation. DuckDB makes texts of what stands beside a text, and
    /// numbers of truth values.
    fn common_of_branches(&self, a: DataType, b: DataType) -> Option<DataType> {
        let is_duckdb = self.dialect == Dialect::DuckDb;
        let as_text =
            |of: DataType| of.is_numeric() || of.is_temporal() || matches!(of, DataType::Boolean | DataType::Interval);
        match (a, b) {
            (DataType::Text, other) | (other, DataType::Text) if is_duckdb && as_text(other) => Some(DataType::Text),
            (DataType::Boolean, other) | (other, DataType::Boolean) if is_duckdb && other.is_integer() => Some(other),
            _ => a.common(b),
        }
    }

    /// An input of a set operation with its columns cast to the common types.
    pub(crate) fn as_types(&mut self, input: Bound, types: &[DataType]) -> (Rel, Vec<ColumnId>) {
        let Bound { rel, columns } = input;
        let mut is_changed = false;
        let mut exprs: Vec<(ColumnId, ScalarId)> = Vec::new();
        let mut taken = Vec::with_capacity(columns.len());
        for ((name, id), &to) in columns.iter().zip(types) {
            let column = self.arena.column_ref(*id);
            let scalar = if to == DataType::Unknown { column } else { self.arena.cast(column, to) };
            is_changed |= scalar != column;
            let out = if scalar == column {
                *id
            } else {
                let computed = self.arena.computed_column(scalar, name);
                rel.fresh(computed, self.arena)
            };
            if !exprs.iter().any(|(id, _)| *id == out) {
                exprs.push((out, scalar));
            }
            taken.push(out);
        }
        if !is_changed {
            return (rel, taken);
        }
        let exposed: Vec<(ColumnId, bool)> =
            exprs.iter().map(|&(id, scalar)| (id, is_nullable(scalar, &rel.columns, self.arena))).collect();
        (Rel::new(Plan::Project { input: Box::new(rel.plan), exprs }, exposed), taken)
    }

    /// `ORDER BY` over the output columns of something that is no plain `SELECT`.
    fn ordered(&mut self, bound: Bound, order: Option<&'a OrderByKind>, keeps_order: bool) -> Bind<Bound> {
        let Some(kind) = order else { return Ok(bound) };
        let Bound { rel, columns } = bound;
        let named = self.named(columns.clone());
        let named = self.told_apart(named);
        let scalars: Vec<ScalarId> = named.iter().map(|named| named.scalar).collect();
        self.levels.push(Level::new(Scope::of(Arc::from(""), named), rel, Clause::Select));
        let keys = self.order_keys(kind, &scalars);
        let level = self.levels.pop().expect("pushed above");
        let keys = keys?;
        let mut rel = level.rel;
        if keeps_order && !keys.is_empty() {
            rel.plan = Plan::Sort { input: Box::new(rel.plan), keys };
        }
        Ok(Bound { rel, columns })
    }

    /// The keys of an `ORDER BY`; ordinals stand for `outputs`.
    pub(crate) fn order_keys(&mut self, kind: &'a OrderByKind, outputs: &[ScalarId]) -> Bind<Vec<SortKey>> {
        let exprs = match kind {
            OrderByKind::All(options) => {
                let keys = outputs.iter().map(|&scalar| self.sort_key(scalar, *options));
                return Ok(keys.collect());
            }
            OrderByKind::Expressions(exprs) => exprs,
        };
        let mut keys: Vec<SortKey> = Vec::new();
        for OrderByExpr { expr, options, with_fill } in exprs {
            if with_fill.is_some() {
                return Err(self.unsupported(expr, "`WITH FILL`"));
            }
            let scalar = match self.ordinal(expr, outputs.len())? {
                Some(position) => outputs[position],
                None => self.order_scalar(expr, outputs)?,
            };
            if !matches!(self.arena[scalar], Scalar::Literal(_)) {
                keys.push(self.sort_key(scalar, *options));
            }
        }
        Ok(keys)
    }

    /// An output name goes before a column of the input.
    pub(crate) fn order_scalar(&mut self, expr: &'a Expr, outputs: &[ScalarId]) -> Bind<ScalarId> {
        if let (inner, Some(collation)) = self.uncollated(expr)? {
            let scalar = self.order_scalar(inner, outputs)?;
            return self.collation_key(scalar, &collation, expr);
        }
        if let Expr::Identifier(ident) = expr {
            let key = fold(&ident.value);
            let found = self.item_called(&key);
            if let Some(&scalar) = found.and_then(|position| outputs.get(position)) {
                return Ok(scalar);
            }
        }
        self.scalar(expr)
    }

    /// A position in the output, counted from 0, where the expression is an integer literal.
    pub(crate) fn ordinal(&mut self, expr: &Expr, n_outputs: usize) -> Bind<Option<usize>> {
        let Expr::Value(value) = expr else { return Ok(None) };
        let sqlparser::ast::Value::Number(digits, _) = &value.value else { return Ok(None) };
        match digits.parse::<usize>() {
            Ok(position) if (1..=n_outputs).contains(&position) => Ok(Some(position - 1)),
            _ => {
                let fault = self.fault("SQL-0010", expr, format!("position {digits} is not in the select list"));
                Err(Box::new(fault.with_help(format!("positions go from 1 to {n_outputs}"))))
            }
        }
    }

    pub(crate) fn sort_key(&self, scalar: ScalarId, options: OrderByOptions) -> SortKey {
        let OrderByOptions { asc, nulls_first } = options;
        let is_descending = asc == Some(false);
        SortKey {
            scalar,
            is_descending,
            is_nulls_first: nulls_first.unwrap_or_else(|| self.dialect.is_nulls_first(is_descending)),
        }
    }

    fn limit(&mut self, clause: &'a LimitClause) -> Bind<(u64, Option<u64>)> {
        let (limit, offset) = match clause {
            LimitClause::LimitOffset { limit, offset, limit_by } => {
                if !limit_by.is_empty() {
                    return Err(self.unsupported_somewhere("`LIMIT … BY`"));
                }
                (limit.as_ref(), offset.as_ref().map(|Offset { value, rows: _ }| value))
            }
            LimitClause::OffsetCommaLimit { offset, limit } => (Some(limit), Some(offset)),
        };
        let fetch = limit.map(|expr| self.count(expr)).transpose()?.flatten();
        let skip = offset.map(|expr| self.count(expr)).transpose()?.flatten().unwrap_or(0);
        Ok((skip, fetch))
    }

    fn count(&mut self, expr: &'a Expr) -> Bind<Option<u64>> {
        self.levels.push(Level::new(Scope::default(), Rel::one_row(), Clause::Values));
        let scalar = self.scalar(expr);
        self.levels.pop();
        let scalar = scalar?;
        let value = match &self.arena[scalar] {
            Scalar::Literal(Literal::Null(_)) => Some(Value::Null),
            _ => self.constant(scalar),
        };
        match value {
            Some(Value::Null) => Ok(None),
            Some(Value::Int(n)) if u64::try_from(n).is_ok() => Ok(u64::try_from(n).ok()),
            _ => Err(self.unsupported(expr, "a `LIMIT` or `OFFSET` that is no constant count")),
        }
    }

    /// The value of a scalar of integers that reads nothing: the reference interpreter works it out.
    fn constant(&mut self, scalar: ScalarId) -> Option<Value> {
        let is_constant = self.arena.columns_of(scalar).is_empty()
            && !has_outer(self.arena, scalar)
            && self.arena.volatility(scalar) == Volatility::Immutable
            && self.arena.type_of(scalar).is_integer();
        if !is_constant {
            return None;
        }
        let column = self.arena.computed_column(scalar, "count");
        let plan = Plan::Values { columns: vec![column], rows: vec![vec![scalar]] };
        let shown = OutputColumn { name: Arc::from("count"), column, is_nullable: true };
        let output = Output { plan, columns: vec![shown] };
        let rows = evaluate(&output, self.arena, &Database::default()).ok()?.rows;
        rows.into_iter().flatten().next()
    }

    /// The relation and columns of a table of the catalog.
    pub(crate) fn table(&mut self, key: &str) -> Option<(Rel, Vec<Named>)> {
        let table = self.catalog.get(key)?;
        let mut exposed = Vec::with_capacity(table.columns.len());
        let mut named = Vec::with_capacity(table.columns.len());
        for Column { name, key, data_type, is_nullable, n_distinct: _ } in &table.columns {
            let id = self.arena.base_column(&table.key, key, *data_type);
            exposed.push((id, *is_nullable));
            named.push(Named { name: Arc::clone(name), key: Arc::clone(key), scalar: self.arena.column_ref(id) });
        }
        let columns = exposed.iter().map(|(id, _)| *id).collect();
        Some((Rel::new(Plan::Scan { table: Arc::clone(&table.key), columns }, exposed), named))
    }
}

/// Whether a plan reads a column of an enclosing query.
pub(crate) fn plan_has_outer(arena: &isomer_ir::Arena, plan: &Plan) -> bool {
    let mut stack = vec![plan];
    while let Some(plan) = stack.pop() {
        if plan.own_scalars().into_iter().any(|scalar| has_outer(arena, scalar)) {
            return true;
        }
        stack.extend(plan.inputs());
    }
    false
}
