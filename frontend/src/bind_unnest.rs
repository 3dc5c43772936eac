//! Elements of lists as rows: `UNNEST`, `explode`, `FLATTEN` and series, in `FROM` beside what they read,
//! and as an item of a select list.

use std::sync::Arc;

use isomer_ir::{
    ColumnId, DataType, Dialect, Function, JoinKind, Literal, Nested, NestedType, Plan, Scalar, ScalarId, fold,
};
use sqlparser::ast::{
    self, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, JoinConstraint, ObjectName, TableAlias,
    TableFactor, Value, ValueWithSpan,
};

use crate::bind::{Bind, Binder, Clause, Level};
use crate::scope::{Named, Rel, Scope};
use crate::syntax::{bare, calls};

/// What a call in `FROM` makes rows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// The elements of a list.
    List,
    /// A series of numbers or dates.
    Series,
    /// What stands in a JSON value.
    Json,
    /// So many rows without a column.
    Generated,
}

/// A call that gives rows, as it is written.
#[derive(Debug)]
pub(crate) struct RowsCall<'a> {
    rows: Rows,
    /// The function's name, folded.
    name: String,
    args: Vec<&'a Expr>,
    alias: Option<&'a TableAlias>,
    /// Name of the column of positions, and from which number they count.
    position: Option<(Arc<str>, bool)>,
    is_outer: bool,
    /// Names of the relation and its columns that are written otherwise than as an alias.
    view: Option<(&'a ObjectName, &'a [Ident])>,
}

impl<'a> Binder<'a> {
    /// The call of a `FROM` item, where it is one that gives rows.
    pub(crate) fn rows_call(&self, factor: &'a TableFactor) -> Bind<Option<RowsCall<'a>>> {
        match factor {
            TableFactor::UNNEST { alias, array_exprs, with_offset, with_offset_alias, with_ordinality } => {
                if array_exprs.len() != 1 {
                    return Err(self.unsupported(factor, "`UNNEST` of several lists"));
                }
                let offset = with_offset_alias.as_ref().map_or("offset", |name| name.value.as_str());
                let position = match (*with_offset, *with_ordinality) {
                    (true, _) => Some((Arc::from(offset), true)),
                    (false, true) => Some((Arc::from("ordinality"), false)),
                    (false, false) => None,
                };
                let args = array_exprs.iter().collect();
                let alias = alias.as_ref();
                Ok(Some(RowsCall {
                    rows: Rows::List,
                    name: "unnest".to_owned(),
                    args,
                    alias,
                    position,
                    is_outer: false,
                    view: None,
                }))
            }
            TableFactor::Table { name, alias, args: Some(arguments), with_ordinality, .. } => {
                self.named_rows_call(name, &arguments.args, alias.as_ref(), *with_ordinality)
            }
            TableFactor::TableFunction { expr: Expr::Function(function), alias }
                if self.dialect == Dialect::Snowflake && function.over.is_none() =>
            {
                let FunctionArguments::List(list) = &function.args else { return Ok(None) };
                self.named_rows_call(&function.name, &list.args, alias.as_ref(), false)
            }
            TableFactor::Function { name, args, alias, with_ordinality, lateral: _ } => {
                self.named_rows_call(name, args, alias.as_ref(), *with_ordinality)
            }
            _ => Ok(None),
        }
    }

    fn named_rows_call(
        &self,
        name: &'a ObjectName,
        arguments: &'a [FunctionArg],
        alias: Option<&'a TableAlias>,
        with_ordinality: bool,
    ) -> Bind<Option<RowsCall<'a>>> {
        let folded = name.to_string().to_lowercase();
        let rows = match (folded.as_str(), self.dialect) {
            ("unnest", Dialect::DuckDb | Dialect::Postgres | Dialect::DataFusion) => Rows::List,
            (name, Dialect::Spark) if is_generator(name) => Rows::List,
            ("generate_series", Dialect::DuckDb | Dialect::Postgres) | ("range", Dialect::DuckDb) => Rows::Series,
            ("flatten", Dialect::Snowflake) => Rows::Json,
            ("generator", Dialect::Snowflake) => Rows::Generated,
            _ => return Ok(None),
        };
        let mut args = Vec::with_capacity(arguments.len());
        let mut is_outer = folded.ends_with("_outer");
        for argument in arguments {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => args.push(expr),
                FunctionArg::Named { name, arg: FunctionArgExpr::Expr(expr), .. } if rows == Rows::Json => {
                    match (name.value.to_lowercase().as_str(), bare(expr)) {
                        ("input", _) => args.push(expr),
                        ("outer", Expr::Value(ValueWithSpan { value: Value::Boolean(outer), .. })) => is_outer = *outer,
                        _ => return Err(self.unsupported(name, "this argument of `FLATTEN`")),
                    }
                }
                FunctionArg::Named { name, arg: FunctionArgExpr::Expr(expr), .. }
                    if rows == Rows::Generated && name.value.eq_ignore_ascii_case("rowcount") =>
                {
                    args.push(expr);
                }
                _ => return Err(self.unsupported(name, "this argument of a table function")),
            }
        }
        let is_numbered = folded.starts_with("posexplode");
        let position = match (rows, with_ordinality || is_numbered) {
            (Rows::Json, _) => Some((Arc::from("index"), true)),
            (_, true) if is_numbered => Some((Arc::from("pos"), true)),
            (_, true) => Some((Arc::from("ordinality"), false)),
            (_, false) => None,
        };
        Ok(Some(RowsCall { rows, name: folded, args, alias, position, is_outer, view: None }))
    }

    /// Rows of a call beside the relations before it, whose columns it may read.
    pub(crate) fn rows_beside(
        &mut self,
        left: Option<(Rel, Scope)>,
        call: &RowsCall<'a>,
        kind: JoinKind,
        constraint: &'a JoinConstraint,
        at: &impl crate::place::Place,
    ) -> Bind<(Rel, Scope)> {
        let is_free = match constraint {
            JoinConstraint::None => true,
            JoinConstraint::On(on) => {
                matches!(bare(on), Expr::Value(ValueWithSpan { value: Value::Boolean(true), .. }))
            }
            JoinConstraint::Using(_) | JoinConstraint::Natural => false,
        };
        if !is_free || !matches!(kind, JoinKind::Inner | JoinKind::Left) {
            return Err(self.unsupported(at, "a join with elements of a list under a condition"));
        }
        let (left, left_scope) = left.unwrap_or_else(|| (Rel::one_row(), Scope::default()));
        self.levels.push(Level::new(left_scope.clone(), left, Clause::Where));
        let list = self.listed_rows(call, at);
        let left = self.levels.pop().expect("pushed above").rel;
        let (list, is_parted) = list?;
        let is_outer = call.is_outer || kind == JoinKind::Left;
        let (rel, column, position) = self.unnested(left, list, &call.name, call.position.is_some(), is_outer, at)?;
        let (key, columns) = self.rows_named(call, column, is_parted, position)?;
        let mut scope = left_scope;
        scope.extend(Scope::of(key, columns));
        Ok((rel, scope))
    }

    /// `LATERAL VIEW [OUTER] explode(list) name AS column`, and other functions that give rows.
    pub(crate) fn lateral_view(&mut self, left: (Rel, Scope), view: &'a ast::LateralView) -> Bind<(Rel, Scope)> {
        let ast::LateralView { lateral_view, lateral_view_name, lateral_col_alias, outer } = view;
        let Expr::Function(function) = lateral_view else {
            return Err(self.unsupported(lateral_view, "this `LATERAL VIEW`"));
        };
        let name = Self::function_name(function);
        if self.dialect != Dialect::Spark || !is_generator(&name) {
            return Err(self.unsupported(lateral_view, "this `LATERAL VIEW`"));
        }
        let args = self.arguments(function)?.exprs;
        let position = name.starts_with("posexplode").then(|| (Arc::from("pos"), true));
        let is_outer = *outer || name.ends_with("_outer");
        let view = Some((lateral_view_name, lateral_col_alias.as_slice()));
        let call = RowsCall { rows: Rows::List, name, args, alias: None, position, is_outer, view };
        self.rows_beside(Some(left), &call, JoinKind::Inner, &JoinConstraint::None, lateral_view)
    }

    /// The list that a call makes rows of, and whether the fields of its elements are columns of their own.
    fn listed_rows(&mut self, call: &RowsCall<'a>, at: &impl crate::place::Place) -> Bind<(ScalarId, bool)> {
        let args = call.args.iter().map(|arg| self.expr(arg)).collect::<Bind<Vec<_>>>()?;
        let place = call.args.first().copied().map_or_else(|| Expr::Identifier(Ident::new("")), Clone::clone);
        let is_map = args.first().is_some_and(|&map| self.entry_of(map).is_some());
        let list = match call.rows {
            Rows::Json => match args.as_slice() {
                [value] if self.arena.type_of(*value) == DataType::Json => {
                    self.listed_call("json_elements", [*value], DataType::Json.list_of(), &place)
                }
                [list] if self.arena.type_of(*list).element().is_some() => Ok(*list),
                _ => Err(self.unsupported(at, "`FLATTEN` of what is not known to be semi-structured")),
            },
            Rows::Series => {
                let first = args.first().map_or(DataType::Unknown, |&arg| self.arena.type_of(arg));
                let element = match (first, self.dialect) {
                    (DataType::Date | DataType::Timestamp, Dialect::DuckDb) => DataType::Timestamp,
                    (DataType::Timestamp, Dialect::Postgres) => DataType::Timestamp,
                    (first, Dialect::Postgres) if first.is_integer() => first,
                    (first, Dialect::DuckDb) if first.is_integer() => DataType::Int64,
                    _ => return Err(self.unsupported(at, &format!("a series of {first}"))),
                };
                let name = match (self.dialect, call.name.as_str()) {
                    (Dialect::Postgres, _) => "generate_series_postgres",
                    (_, "range") => "range_list",
                    _ => "generate_series_list",
                };
                if args.is_empty() || args.len() > 3 || args.len() < 2 && self.dialect == Dialect::Postgres {
                    return Err(self.unsupported(at, "a series with so many arguments"));
                }
                self.listed_call(name, args, element.list_of(), &place)
            }
            Rows::Generated => match args.as_slice() {
                [n_rows] if matches!(self.arena[*n_rows], Scalar::Literal(Literal::Int(n, _)) if n >= 0) => {
                    self.listed_call("range_list", [*n_rows], DataType::Int64.list_of(), &place)
                }
                _ => Err(self.unsupported(at, "a `GENERATOR` without a number of rows")),
            },
            Rows::List if call.name == "stack" => self.stacked(&args, &place),
            Rows::List => match args.as_slice() {
                [map] if self.dialect == Dialect::Spark && self.entry_of(*map).is_some() => {
                    let entry = self.entry_of(*map).unwrap_or(DataType::Unknown);
                    self.listed_call("map_entries", [*map], entry.list_of(), &place)
                }
                [list] => Ok(*list),
                _ => Err(self.unsupported(at, "this call with several arguments")),
            },
        }?;
        let is_parted =
            call.name == "stack" || call.name.starts_with("inline") || self.dialect == Dialect::Spark && is_map;
        Ok((list, is_parted))
    }

    /// The struct of a map's entry.
    fn entry_of(&self, map: ScalarId) -> Option<DataType> {
        let DataType::Nested(nested) = self.arena.type_of(map) else { return None };
        let Nested::Map(key, value) = nested.get() else { return None };
        let fields = vec![(Arc::from("key"), *key), (Arc::from("value"), *value)];
        Some(DataType::Nested(NestedType::new(Nested::Struct(fields))))
    }

    /// `stack(n, a, b, …)`: the values in `n` rows, one after another, the last filled up with NULLs.
    fn stacked(&mut self, args: &[ScalarId], at: &Expr) -> Bind<ScalarId> {
        let Some((&n_rows, values)) = args.split_first() else {
            return Err(self.unsupported(at, "`stack` of nothing"));
        };
        let n_rows = match self.arena[n_rows] {
            Scalar::Literal(Literal::Int(n, _)) => usize::try_from(n).unwrap_or(0),
            _ => 0,
        };
        if n_rows == 0 || values.is_empty() || n_rows > values.len() {
            return Err(self.unsupported(at, "`stack` into such a number of rows"));
        }
        let width = values.len().div_ceil(n_rows);
        let mut columns = Vec::with_capacity(width);
        for column in 0..width {
            let null = self.arena.literal(Literal::Null(DataType::Null));
            let cell = |row: usize| values.get(row * width + column).copied().unwrap_or(null);
            let mut cells: Vec<ScalarId> = (0..n_rows).map(cell).collect();
            let data_type = self.unified(&mut cells, at)?;
            for cell in &mut cells {
                if self.arena.type_of(*cell) != data_type {
                    *cell = self.arena.cast(*cell, data_type);
                }
            }
            columns.push((cells, data_type));
        }
        let name = |column: usize| Arc::from(format!("col{column}"));
        let fields = columns.iter().enumerate().map(|(at, (_, data_type))| (name(at), *data_type)).collect();
        let row_type = DataType::Nested(NestedType::new(Nested::Struct(fields)));
        let mut rows = Vec::with_capacity(n_rows);
        for row in 0..n_rows {
            let cells: Vec<ScalarId> = columns.iter().map(|(cells, _)| cells[row]).collect();
            rows.push(self.listed_call("struct_value", cells, row_type, at)?);
        }
        self.listed_call("list_value", rows, row_type.list_of(), at)
    }

    /// A relation with a row for each element of a list; the ids of the element and its position.
    fn unnested(
        &mut self,
        rel: Rel,
        list: ScalarId,
        hint: &str,
        has_position: bool,
        is_outer: bool,
        at: &impl crate::place::Place,
    ) -> Bind<(Rel, ColumnId, Option<ColumnId>)> {
        let found = self.arena.type_of(list);
        let Some(element) = found.element() else {
            let fault = self.fault("SQL-0011", at, format!("found {found}, expected a list"));
            return Err(Box::new(fault.with_help("declare the column's type")));
        };
        let place = Expr::Identifier(Ident::new(hint));
        let value = self.listed_call("unnest_element", [list], element, &place)?;
        let column = self.arena.computed_column(value, hint);
        let column = rel.fresh(column, self.arena);
        let mut columns = rel.columns.clone();
        columns.insert(column, true);
        let position = if has_position {
            let value = self.listed_call("unnest_position", [list], DataType::Int64, &place)?;
            let position = self.arena.computed_column(value, "position");
            let position = rel.fresh(position, self.arena);
            columns.insert(position, is_outer);
            Some(position)
        } else {
            None
        };
        let plan = Plan::Unnest { input: Box::new(rel.plan), list, column, position, is_outer };
        Ok((Rel { plan, columns }, column, position))
    }

    /// Alias and columns of a call's rows.
    fn rows_named(
        &mut self,
        call: &RowsCall<'a>,
        column: ColumnId,
        is_parted: bool,
        position: Option<ColumnId>,
    ) -> Bind<(Arc<str>, Vec<Named>)> {
        let alias = call.alias.map(|alias| alias.name.value.as_str());
        if call.rows == Rows::Generated {
            self.generators.insert(column);
            return Ok((fold(alias.unwrap_or(&call.name)), Vec::new()));
        }
        // Where a function gives one column, its alias is the column's name, too.
        let own = match (self.dialect, alias) {
            (Dialect::BigQuery | Dialect::Postgres, Some(alias)) => alias,
            (Dialect::Spark, _) => "col",
            (Dialect::Snowflake, _) => "value",
            _ => call.name.as_str(),
        };
        let named = |name: &str, scalar: ScalarId| Named { name: Arc::from(name), key: fold(name), scalar };
        let value = self.arena.column_ref(column);
        let fields = match self.arena.type_of(value) {
            DataType::Nested(nested) if is_parted => match nested.get() {
                Nested::Struct(fields) => fields.as_slice(),
                Nested::List(_) | Nested::Map(..) | Nested::Enum(_) => &[],
            },
            _ => &[],
        };
        let place = Expr::Identifier(Ident::new(own));
        let mut columns = Vec::with_capacity(fields.len().max(1));
        for (name, _) in fields {
            let part = self.field(value, name, &place)?;
            columns.push(named(name, part));
        }
        if is_parted && columns.is_empty() {
            return Err(self.unsupported(&place, "fields of what is not known to be a struct"));
        }
        if columns.is_empty() {
            columns.push(named(own, value));
        }
        if let (Some(id), Some((name, is_from_zero))) = (position, &call.position) {
            let mut scalar = self.arena.column_ref(id);
            if *is_from_zero {
                let one = self.arena.literal(Literal::Int(1, DataType::Int64));
                scalar = self.arena.call(Function::Subtract, [scalar, one], DataType::Int64);
            }
            let entry = named(name, scalar);
            // `posexplode` shows the position first.
            if call.name.starts_with("posexplode") { columns.insert(0, entry) } else { columns.push(entry) }
        }
        if let Some((name, own)) = call.view {
            if own.len() != columns.len() {
                return Err(self.unsupported(name, "this number of columns of a `LATERAL VIEW`"));
            }
            for (column, own) in columns.iter_mut().zip(own) {
                (column.name, column.key) = (Arc::from(own.value.as_str()), fold(&own.value));
            }
            return Ok((fold(&name.to_string()), columns));
        }
        let key = fold(alias.unwrap_or(&call.name));
        let (_, columns) = self.aliased(Arc::clone(&key), columns, call.alias)?;
        Ok((key, columns))
    }

    /// The number of a generated row as a key of a window's order: `SEQ4()` over rows of a `GENERATOR` alone. As a
    /// value it would not be known, for its numbers may have gaps.
    pub(crate) fn sequence_key(&mut self, key: &Expr) -> Option<ScalarId> {
        let Expr::Function(function) = bare(key) else { return None };
        let is_alone = |level: &Level<'_>| !level.is_grouped && level.scope.relations.len() == 1;
        if self.dialect != Dialect::Snowflake
            || !is_sequence(&Self::function_name(function))
            || !self.levels.last().is_some_and(is_alone)
        {
            return None;
        }
        let columns = &self.levels.last()?.rel.columns;
        let mut found = columns.keys().filter(|id| self.generators.contains(id)).copied();
        let (id, None) = (found.next()?, found.next()) else { return None };
        Some(self.arena.column_ref(id))
    }

    /// Makes rows of the one call of a select list that gives several, after everything else of it.
    pub(crate) fn unnest_calls(&mut self, exprs: &[&'a Expr]) -> Bind<()> {
        let is_call = |function: &ast::Function| {
            let name = Self::function_name(function);
            match self.dialect {
                Dialect::DuckDb | Dialect::Postgres => name == "unnest",
                Dialect::Spark => matches!(name.as_str(), "explode" | "explode_outer"),
                Dialect::DataFusion | Dialect::Snowflake | Dialect::BigQuery => false,
            }
        };
        let found: Vec<&'a ast::Function> = exprs
            .iter()
            .flat_map(|expr| calls(expr, &|_| true))
            .filter(|function| function.over.is_none() && is_call(function))
            .collect();
        let [function] = found.as_slice() else {
            return match found.first() {
                None => Ok(()),
                Some(function) => Err(self.unsupported(&function.name, "several calls that give rows")),
            };
        };
        let name = Self::function_name(function);
        let arguments = self.arguments(function)?;
        let [list] = arguments.exprs.as_slice() else {
            return Err(self.unsupported(&function.name, "this call with several arguments"));
        };
        let list = self.scalar(list)?;
        let input = std::mem::replace(&mut self.level().rel, Rel::one_row());
        let is_outer = name == "explode_outer";
        let (rel, column, _) = self.unnested(input, list, &name, false, is_outer, &function.name)?;
        self.level().rel = rel;
        let column = self.arena.column_ref(column);
        self.level().calls.insert(std::ptr::from_ref::<ast::Function>(function) as usize, column);
        Ok(())
    }
}

/// Whether Snowflake numbers rows by a function.
fn is_sequence(name: &str) -> bool {
    matches!(name, "seq1" | "seq2" | "seq4" | "seq8")
}

/// Whether Spark makes rows of the values of a function.
fn is_generator(name: &str) -> bool {
    let plain = name.strip_suffix("_outer").unwrap_or(name);
    matches!(plain, "explode" | "posexplode" | "inline") || name == "stack"
}
