//! Lists, structs and maps: their literals, access to their parts, and functions of functions.

use std::sync::Arc;

use isomer_ir::{DataType, Dialect, Function, Literal, Nested, NestedType, Scalar, ScalarId, fold};
use sqlparser::ast::{self, AccessExpr, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Subscript};

use crate::bind::{Bind, Binder};
use crate::functions::listed;

/// Names of functions that take a function, with what comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mapping {
    Transform,
    Filter,
    Reduce,
}

impl Mapping {
    fn of(name: &str, dialect: Dialect) -> Option<Self> {
        match (name, dialect) {
            ("list_transform" | "array_transform" | "list_apply" | "array_apply" | "apply", Dialect::DuckDb)
            | ("transform", Dialect::Spark | Dialect::Snowflake) => Some(Self::Transform),
            ("list_filter" | "array_filter" | "filter", Dialect::DuckDb)
            | ("filter", Dialect::Spark | Dialect::Snowflake) => Some(Self::Filter),
            ("list_reduce" | "array_reduce" | "reduce", Dialect::DuckDb) => Some(Self::Reduce),
            _ => None,
        }
    }

    fn canonical(self) -> &'static str {
        match self {
            Self::Transform => "list_transform",
            Self::Filter => "list_filter",
            Self::Reduce => "list_reduce",
        }
    }
}

impl<'a> Binder<'a> {
    /// A call of a function that only the table knows, by its canonical name.
    pub(crate) fn listed_call(
        &mut self,
        name: &str,
        args: impl IntoIterator<Item = ScalarId>,
        data_type: DataType,
        at: &Expr,
    ) -> Bind<ScalarId> {
        match listed(name) {
            Some(function) => Ok(self.arena.call(function, args, data_type)),
            None => Err(self.unsupported(at, &format!("`{name}`"))),
        }
    }

    /// `[a, b]`: the elements take one type.
    pub(crate) fn list(&mut self, elements: &'a [Expr], at: &Expr) -> Bind<ScalarId> {
        let mut scalars = elements.iter().map(|element| self.expr(element)).collect::<Bind<Vec<_>>>()?;
        let element = self.unified(&mut scalars, at)?;
        let data_type = if element == DataType::Unknown { element } else { element.list_of() };
        self.listed_call("list_value", scalars, data_type, at)
    }

    /// `a || b` of what is no text; `None` for texts and what is shown as text.
    pub(crate) fn joined_parts(&mut self, left: ScalarId, right: ScalarId, at: &Expr) -> Bind<Option<ScalarId>> {
        let (a, b) = (self.arena.type_of(left), self.arena.type_of(right));
        let is_list = |data_type: DataType| data_type.element().is_some();
        if a == DataType::Bytes || b == DataType::Bytes || self.dialect == Dialect::Postgres && a == DataType::Json {
            return Err(self.unsupported(at, &format!("`||` of {a} and {b}")));
        }
        if !is_list(a) && !is_list(b) {
            return Ok(None);
        }
        let mut lists = [left, right];
        let data_type = if is_list(a) && is_list(b) { self.unified(&mut lists, at)? } else { DataType::Unknown };
        if !is_list(data_type) {
            return Err(self.unsupported(at, &format!("`||` of {a} and {b}")));
        }
        let joined = self.listed_call("list_concat", lists, data_type, at)?;
        match self.dialect {
            // NULL and a list are the list.
            Dialect::Postgres => Ok(Some(joined)),
            // The function passes over a NULL, the operator does not.
            Dialect::DuckDb => {
                let [a, b] = lists.map(|list| self.arena.call(Function::IsNull, [list], DataType::Boolean));
                let is_null = self.arena.or([a, b]);
                let null = self.arena.literal(Literal::Null(data_type));
                Ok(Some(self.arena.scalar(Scalar::Case {
                    branches: vec![(is_null, null)],
                    otherwise: joined,
                    data_type,
                })))
            }
            Dialect::DataFusion | Dialect::Spark | Dialect::Snowflake | Dialect::BigQuery => {
                Err(self.unsupported(at, "`||` of lists"))
            }
        }
    }

    /// A struct of named values.
    pub(crate) fn structure(&mut self, fields: Vec<(Arc<str>, &'a Expr)>, at: &Expr) -> Bind<ScalarId> {
        let mut typed: Vec<(Arc<str>, DataType)> = Vec::with_capacity(fields.len());
        let mut scalars = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            if typed.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                return Err(self.fault("SQL-0016", at, format!("two fields of a struct are called `{name}`")));
            }
            let scalar = self.expr(value)?;
            typed.push((name, self.arena.type_of(scalar)));
            scalars.push(scalar);
        }
        let data_type = DataType::Nested(NestedType::new(Nested::Struct(typed)));
        self.listed_call("struct_value", scalars, data_type, at)
    }

    /// `MAP {k: v}`.
    pub(crate) fn map(&mut self, entries: &'a [ast::MapEntry], at: &Expr) -> Bind<ScalarId> {
        let mut keys = Vec::with_capacity(entries.len());
        let mut values = Vec::with_capacity(entries.len());
        for ast::MapEntry { key, value } in entries {
            keys.push(self.expr(key)?);
            values.push(self.expr(value)?);
        }
        let (key, value) = (self.unified(&mut keys, at)?, self.unified(&mut values, at)?);
        let data_type = DataType::Nested(NestedType::new(Nested::Map(key, value)));
        let args: Vec<ScalarId> = keys.into_iter().zip(values).flat_map(|(key, value)| [key, value]).collect();
        self.listed_call("map_value", args, data_type, at)
    }

    /// `STRUCT(a AS x, b)` of BigQuery.
    pub(crate) fn big_query_struct(&mut self, values: &'a [Expr], at: &Expr) -> Bind<ScalarId> {
        let mut fields = Vec::with_capacity(values.len());
        for value in values {
            fields.push(match value {
                Expr::Named { expr, name } => (Arc::from(name.value.as_str()), &**expr),
                Expr::Identifier(name) => (Arc::from(name.value.as_str()), value),
                Expr::CompoundIdentifier(parts) if let Some(name) = parts.last() => {
                    (Arc::from(name.value.as_str()), value)
                }
                _ => return Err(self.unsupported(at, "a struct with a field without a name")),
            });
        }
        self.structure(fields, at)
    }

    /// `value.a[1]['k']…`.
    pub(crate) fn access(&mut self, root: &'a Expr, chain: &'a [AccessExpr], at: &Expr) -> Bind<ScalarId> {
        let mut value = self.expr(root)?;
        for step in chain {
            value = match step {
                AccessExpr::Dot(Expr::Identifier(name)) => self.field(value, &name.value, at)?,
                AccessExpr::Dot(_) => return Err(self.unsupported(at, "a call behind a dot")),
                AccessExpr::Subscript(Subscript::Index { index }) => self.element(value, index, at)?,
                AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) => {
                    if stride.is_some() || self.dialect != Dialect::DuckDb {
                        return Err(self.unsupported(at, "this slice"));
                    }
                    self.slice(value, lower_bound.as_ref(), upper_bound.as_ref(), at)?
                }
            };
        }
        Ok(value)
    }

    fn slice(
        &mut self,
        value: ScalarId,
        lower: Option<&'a Expr>,
        upper: Option<&'a Expr>,
        at: &Expr,
    ) -> Bind<ScalarId> {
        let found = self.arena.type_of(value);
        if found.element().is_none() && found != DataType::Text {
            return Err(self.unsupported(at, &format!("a slice of {found}")));
        }
        let bound = |binder: &mut Self, bound: Option<&'a Expr>, otherwise: i128| match bound {
            Some(bound) => binder.expr(bound),
            None => Ok(binder.arena.literal(Literal::Int(otherwise, DataType::Int64))),
        };
        let args = [value, bound(self, lower, 1)?, bound(self, upper, -1)?];
        self.listed_call("list_slice", args, found, at)
    }

    fn element(&mut self, value: ScalarId, index: &'a Expr, at: &Expr) -> Bind<ScalarId> {
        let found = self.arena.type_of(value);
        if self.dialect == Dialect::BigQuery && found.element().is_some() {
            return self.big_query_element(value, index, at);
        }
        let key = self.expr(index)?;
        let is_text = matches!(self.arena[key], Scalar::Literal(Literal::Text(_)));
        let is_number = self.arena.type_of(key).is_integer();
        match found {
            DataType::Json if self.dialect == Dialect::DuckDb => {
                self.listed_call("json_extract", [value, key], DataType::Json, at)
            }
            DataType::Json => self.listed_call("get_path", [value, key], DataType::Json, at),
            DataType::Text if self.dialect == Dialect::DuckDb && is_number => {
                self.listed_call("array_extract", [value, key], DataType::Text, at)
            }
            DataType::Nested(nested) => match (nested.get(), self.arena[key].clone()) {
                (Nested::List(element), _) if is_number => {
                    let (element, is_from_zero) =
                        (*element, matches!(self.dialect, Dialect::Spark | Dialect::Snowflake));
                    let position = if is_from_zero { self.next(key) } else { key };
                    // Spark fails where there is no such element.
                    let name = if self.dialect == Dialect::Spark { "list_element_checked" } else { "list_element" };
                    self.listed_call(name, [value, position], element, at)
                }
                (Nested::Map(_, of), _) => {
                    let of = *of;
                    let name = if self.dialect == Dialect::DuckDb { "map_extract_value" } else { "map_element" };
                    self.listed_call(name, [value, key], of, at)
                }
                (Nested::Struct(_), Scalar::Literal(Literal::Text(name))) if is_text => self.field(value, &name, at),
                _ => Err(self.unsupported(at, &format!("this access to a part of {found}"))),
            },
            _ => Err(self.no_part(found, at)),
        }
    }

    /// `list[OFFSET(0)]`, `list[SAFE_ORDINAL(1)]`; a bare index counts from 0.
    fn big_query_element(&mut self, value: ScalarId, index: &'a Expr, at: &Expr) -> Bind<ScalarId> {
        let element = self.arena.type_of(value).element().unwrap_or(DataType::Unknown);
        let (name, index) = match index {
            Expr::Function(function) => {
                match (Self::function_name(function), self.arguments(function)?.exprs.as_slice()) {
                    (name, [index]) => (name, *index),
                    _ => return Err(self.unsupported(at, "this index")),
                }
            }
            other => ("offset".to_owned(), other),
        };
        let position = self.expr(index)?;
        let position = if name.ends_with("offset") { self.next(position) } else { position };
        match name.as_str() {
            "offset" | "ordinal" => self.listed_call("list_element_checked", [value, position], element, at),
            // A negative position is no position, where others count from the end.
            "safe_offset" | "safe_ordinal" => {
                if !matches!(self.arena[position], Scalar::Literal(Literal::Int(1.., _))) {
                    return Err(self.unsupported(at, "an index that is no literal"));
                }
                self.listed_call("list_element", [value, position], element, at)
            }
            _ => Err(self.unsupported(at, "this index")),
        }
    }

    /// One more.
    fn next(&mut self, position: ScalarId) -> ScalarId {
        if let Scalar::Literal(Literal::Int(value, data_type)) = self.arena[position] {
            return self.arena.literal(Literal::Int(value + 1, data_type));
        }
        let one = self.arena.literal(Literal::Int(1, DataType::Int64));
        self.arena.call(Function::Add, [position, one], DataType::Int64)
    }

    /// A field of a struct by its name.
    pub(crate) fn field(&mut self, value: ScalarId, name: &str, at: &Expr) -> Bind<ScalarId> {
        let found = self.arena.type_of(value);
        if found == DataType::Json && matches!(self.dialect, Dialect::Snowflake | Dialect::BigQuery) {
            let path = self.arena.text(name);
            return self.listed_call("get_path", [value, path], DataType::Json, at);
        }
        match found.field(name) {
            Some(data_type) => {
                let name = self.arena.text(name);
                self.listed_call("struct_extract", [value, name], data_type, at)
            }
            None if matches!(found, DataType::Nested(_)) => {
                Err(self.fault("SQL-0007", at, format!("{found} has no field `{name}`")))
            }
            None => Err(self.no_part(found, at)),
        }
    }

    fn no_part(&self, found: DataType, at: &Expr) -> crate::parse::Fault {
        if found == DataType::Unknown {
            let fault = self.fault("SQL-0011", at, "the type of what a part is read of is not known");
            return Box::new(fault.with_help("declare the column's type"));
        }
        self.fault("SQL-0011", at, format!("found {found}, expected a list, struct or map"))
    }

    /// A dotted name whose first parts are a column and whose others are fields of it.
    pub(crate) fn column_field(&mut self, parts: &[Ident]) -> Bind<Option<ScalarId>> {
        for n_column in 1..parts.len() {
            let (column, fields) = parts.split_at(n_column);
            let Some((last, qualifiers)) = column.split_last() else { continue };
            let qualifier = (!qualifiers.is_empty()).then(|| fold(&crate::bind::dotted(qualifiers)));
            let parameter = if qualifier.is_none() { self.parameter(&last.value) } else { None };
            let found = match self.level().scope.find(qualifier.as_deref(), &fold(&last.value)) {
                _ if parameter.is_some() => parameter,
                crate::scope::Found::One(scalar) => Some(scalar),
                crate::scope::Found::Several | crate::scope::Found::Nothing => None,
            };
            let Some(mut value) = found else { continue };
            if !matches!(self.arena.type_of(value), DataType::Nested(_) | DataType::Json) {
                continue;
            }
            let at = Expr::CompoundIdentifier(parts.to_vec());
            for field in fields {
                value = self.field(value, &field.value, &at)?;
            }
            return Ok(Some(value));
        }
        Ok(None)
    }

    /// The parameter of an enclosing function of a function.
    pub(crate) fn parameter(&self, name: &str) -> Option<ScalarId> {
        let name = fold(name);
        self.parameters.iter().rev().find(|(known, _)| *known == name).map(|(_, scalar)| *scalar)
    }

    /// `list_transform(list, lambda x: …)` and its kind; `None` for other calls.
    pub(crate) fn mapping(&mut self, function: &'a ast::Function, at: &Expr) -> Bind<Option<ScalarId>> {
        let FunctionArguments::List(arguments) = &function.args else { return Ok(None) };
        let Some(mapping) = Mapping::of(&Self::function_name(function), self.dialect) else { return Ok(None) };
        let [FunctionArg::Unnamed(FunctionArgExpr::Expr(list)), FunctionArg::Unnamed(FunctionArgExpr::Expr(body))] =
            arguments.args.as_slice()
        else {
            return Ok(None);
        };
        let Expr::Lambda(lambda) = body else { return Ok(None) };
        let list = self.expr(list)?;
        let list_type = self.arena.type_of(list);
        let Some(element) = list_type.element() else { return Err(self.no_part(list_type, at)) };
        let params: Vec<&ast::LambdaFunctionParameter> = match &lambda.params {
            ast::OneOrManyWithParens::One(param) => vec![param],
            ast::OneOrManyWithParens::Many(params) => params.iter().collect(),
        };
        if params.is_empty() || params.len() > 2 || params.iter().any(|param| param.data_type.is_some()) {
            return Err(self.unsupported(at, "a lambda function with these parameters"));
        }
        let depth = self.parameters.len();
        let mut scalars = Vec::with_capacity(params.len());
        for (position, param) in params.iter().enumerate() {
            let name = fold(&param.name.value);
            if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(self.unsupported(at, "a lambda function with such a name of a parameter"));
            }
            let is_position = position == 1 && mapping != Mapping::Reduce;
            let data_type = if is_position { DataType::Int64 } else { element };
            // The name is no column's: columns of the body are written by their own.
            let written = self.arena.text(&format!("{name}__{}", depth + position + 1));
            let scalar = self.listed_call("lambda_parameter", [written], data_type, at)?;
            scalars.push(scalar);
            self.parameters.push((name, scalar));
        }
        let body = self.expr(&lambda.body);
        self.parameters.truncate(depth);
        let body = body?;
        let of_body = self.arena.type_of(body);
        let data_type = match mapping {
            Mapping::Transform if of_body == DataType::Unknown => DataType::Unknown,
            Mapping::Transform => of_body.list_of(),
            Mapping::Filter => list_type,
            Mapping::Reduce => DataType::Unknown,
        };
        let lambda = self.listed_call("lambda", std::iter::once(body).chain(scalars), DataType::Unknown, at)?;
        self.listed_call(mapping.canonical(), [list, lambda], data_type, at).map(Some)
    }

    /// `struct_pack(a := 1)`; `None` for other calls.
    pub(crate) fn packed(&mut self, function: &'a ast::Function, at: &Expr) -> Bind<Option<ScalarId>> {
        let FunctionArguments::List(arguments) = &function.args else { return Ok(None) };
        if self.dialect != Dialect::DuckDb || Self::function_name(function) != "struct_pack" {
            return Ok(None);
        }
        let mut fields = Vec::with_capacity(arguments.args.len());
        for arg in &arguments.args {
            match arg {
                FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), operator: _ } => {
                    fields.push((Arc::from(name.value.as_str()), value));
                }
                _ => return Err(self.unsupported(at, "`struct_pack` with an argument without a name")),
            }
        }
        self.structure(fields, at).map(Some)
    }
}
