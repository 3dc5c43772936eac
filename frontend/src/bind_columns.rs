//! DuckDB's `COLUMNS(…)`: an item of the select list for each column that it stands for.

use std::ops::ControlFlow;
use std::sync::Arc;

use isomer_ir::semantics::{Database, Value, evaluate};
use isomer_ir::{Dialect, Output, OutputColumn, Plan, fold};
use sqlparser::ast::{
    self, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, LambdaFunction, OneOrManyWithParens,
    ValueWithSpan, Visit, VisitMut, Visitor, VisitorMut,
};

use crate::bind::{Bind, Binder, ItemValue};
use crate::name_pattern::NamePattern;
use crate::scope::Named;

impl<'a> Binder<'a> {
    /// Adds an item for each column that the `COLUMNS(…)` of an expression stands for; `false` where the
    /// expression has none.
    pub(crate) fn expand_columns(&mut self, expr: &'a Expr, alias: Option<&'a Ident>) -> Bind<bool> {
        if self.dialect != Dialect::DuckDb {
            return Ok(false);
        }
        let mut finder = Finder { calls: Vec::new(), n_queries: 0 };
        let _ = expr.visit(&mut finder);
        let Some(call) = finder.calls.first().cloned() else { return Ok(false) };
        if finder.n_queries > 0 || finder.calls.iter().any(|other| *other != call) {
            return Err(self.unsupported(expr, "`COLUMNS` beside another `COLUMNS` or a subquery"));
        }
        let chosen = self.chosen_columns(&call, expr)?;
        if chosen.is_empty() {
            return Err(self.fault("SQL-0007", expr, "`COLUMNS` stands for no column"));
        }
        if let Some(alias) = alias
            && (chosen.len() > 1 || alias.value.contains('\\'))
        {
            return Err(self.unsupported(expr, "an alias of `COLUMNS`"));
        }
        for column in chosen {
            let name = alias.map_or_else(|| Arc::clone(&column.name), |alias| Arc::from(alias.value.as_str()));
            let key = alias.map(|alias| fold(&alias.value));
            if is_columns(expr) {
                self.push_item(name, key.or(Some(column.key)), false, ItemValue::Column(column.scalar));
                continue;
            }
            let is_ambiguous = self.level().scope.visible.iter().filter(|other| other.key == column.key).count() > 1;
            if is_ambiguous {
                return Err(self.unsupported(expr, "`COLUMNS` within an expression over columns of one name"));
            }
            let mut made = expr.clone();
            let _ = VisitMut::visit(&mut made, &mut Replacer { name: Ident::with_quote('"', &*column.name) });
            let made = self.text.made.keep(made);
            self.push_item(name, key, false, ItemValue::Expr(made));
        }
        Ok(true)
    }

    fn chosen_columns(&mut self, call: &ast::Function, at: &'a Expr) -> Bind<Vec<Named>> {
        let visible = self.level().scope.visible.clone();
        let refused = |binder: &Self| binder.unsupported(at, "`COLUMNS` of this argument");
        let FunctionArguments::List(list) = &call.args else { return Err(refused(self)) };
        let [FunctionArg::Unnamed(arg)] = list.args.as_slice() else { return Err(refused(self)) };
        match arg {
            FunctionArgExpr::Wildcard => Ok(visible),
            FunctionArgExpr::WildcardWithOptions(options) => {
                let excluded: Vec<Arc<str>> = match (&options.opt_exclude, &options.opt_replace, &options.opt_rename) {
                    (Some(ast::ExcludeSelectItem::Single(name)), None, None) => vec![self.table_key(name)?],
                    (Some(ast::ExcludeSelectItem::Multiple(names)), None, None) => {
                        names.iter().map(|name| self.table_key(name)).collect::<Bind<_>>()?
                    }
                    _ => return Err(refused(self)),
                };
                if options.opt_ilike.is_some() || options.opt_except.is_some() || options.opt_alias.is_some() {
                    return Err(refused(self));
                }
                Ok(visible.into_iter().filter(|column| !excluded.contains(&column.key)).collect())
            }
            FunctionArgExpr::Expr(Expr::Value(ValueWithSpan {
                value: ast::Value::SingleQuotedString(text), ..
            })) => {
                let Some(pattern) = NamePattern::of(text) else {
                    return Err(self.unsupported(at, "`COLUMNS` of this pattern"));
                };
                Ok(visible.into_iter().filter(|column| pattern.is_found_in(&column.name)).collect())
            }
            FunctionArgExpr::Expr(Expr::Array(names)) => {
                // They come in the order of the relation.
                let mut keys = Vec::with_capacity(names.elem.len());
                for name in &names.elem {
                    let Expr::Value(ValueWithSpan { value: ast::Value::SingleQuotedString(name), .. }) = name else {
                        return Err(refused(self));
                    };
                    let key = fold(name);
                    if !visible.iter().any(|column| column.key == key) {
                        return Err(self.fault("SQL-0007", at, format!("column `{name}` is not known")));
                    }
                    keys.push(key);
                }
                Ok(visible.into_iter().filter(|column| keys.contains(&column.key)).collect())
            }
            FunctionArgExpr::Expr(Expr::Lambda(lambda)) => self.columns_by(lambda, visible, at),
            FunctionArgExpr::Expr(_) | FunctionArgExpr::QualifiedWildcard(_) => Err(refused(self)),
        }
    }

    /// The columns for whose names a function gives TRUE.
    fn columns_by(&mut self, lambda: &LambdaFunction, visible: Vec<Named>, at: &Expr) -> Bind<Vec<Named>> {
        let parameter = match &lambda.params {
            OneOrManyWithParens::One(parameter) => parameter,
            OneOrManyWithParens::Many(parameters) if parameters.len() == 1 => &parameters[0],
            OneOrManyWithParens::Many(_) => return Err(self.unsupported(at, "`COLUMNS` of this argument")),
        };
        let body = self.text.made.keep((*lambda.body).clone());
        let mut chosen = Vec::new();
        for column in visible {
            let name = self.arena.text(&column.name);
            self.parameters.push((fold(&parameter.name.value), name));
            let holds = self.expr(body);
            self.parameters.pop();
            let holds = holds?;
            if !self.arena.columns_of(holds).is_empty() {
                return Err(self.unsupported(at, "`COLUMNS` by what is no name"));
            }
            let id = self.arena.computed_column(holds, "holds");
            let row = Plan::Values { columns: Vec::new(), rows: vec![Vec::new()] };
            let output = Output {
                plan: Plan::Project { input: Box::new(row), exprs: vec![(id, holds)] },
                columns: vec![OutputColumn { name: Arc::from("holds"), column: id, is_nullable: true }],
            };
            match evaluate(&output, self.arena, &Database::default()).map(|rows| rows.rows) {
                Ok(rows) => {
                    if matches!(rows.as_slice(), [row] if matches!(row.as_slice(), [Value::Boolean(true)])) {
                        chosen.push(column);
                    }
                }
                Err(_) => return Err(self.unsupported(at, "`COLUMNS` by this function")),
            }
        }
        Ok(chosen)
    }
}

fn is_columns(expr: &Expr) -> bool {
    matches!(expr, Expr::Function(function) if is_columns_call(function))
}

fn is_columns_call(function: &ast::Function) -> bool {
    function.over.is_none()
        && matches!(function.name.0.as_slice(), [part] if part.as_ident().is_some_and(|name| name.value.eq_ignore_ascii_case("columns")))
}

struct Finder {
    calls: Vec<ast::Function>,
    n_queries: usize,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, _: &ast::Query) -> ControlFlow<()> {
        self.n_queries += 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && is_columns_call(function)
        {
            self.calls.push(function.clone());
        }
        ControlFlow::Continue(())
    }
}

struct Replacer {
    name: Ident,
}

impl VisitorMut for Replacer {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if is_columns(expr) {
            *expr = Expr::Identifier(self.name.clone());
        }
        ControlFlow::Continue(())
    }
}
