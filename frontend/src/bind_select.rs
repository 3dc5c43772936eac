//! `SELECT`: select list, `WHERE`, `GROUP BY`, `HAVING`, windows, `QUALIFY`, `DISTINCT`, `ORDER BY`.
//!
//! The order of work is the order of evaluation: what a later clause reads is computed by then, and
//! the level's relation grows with it.

use std::sync::Arc;

use isomer_ir::{ColumnId, Dialect, Plan, Scalar, ScalarId, SortKey, fold};
use sqlparser::ast::{
    ExceptSelectItem, ExcludeSelectItem, Expr, GroupByExpr, Ident, IdentWithAlias, NamedWindowDefinition, ObjectName,
    OrderByKind, RenameSelectItem, Select, SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind,
    WildcardAdditionalOptions,
};

use crate::bind::{Bind, Binder, Bound, Clause, Item, ItemValue, Level};
use crate::bind_distinct::Distinction;
use crate::column_name::{ColumnName, column_name};
use crate::scope::{Named, Rel, is_nullable};
use crate::syntax::{conjuncts, has_subquery};

impl<'a> Binder<'a> {
    pub(crate) fn select(
        &mut self,
        select: &'a Select,
        order: Option<&'a OrderByKind>,
        keeps_order: bool,
    ) -> Bind<Bound> {
        let Select {
            select_token: _,
            optimizer_hints,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        for (is_there, what) in [
            (!optimizer_hints.is_empty(), "an optimizer hint"),
            (select_modifiers.as_ref().is_some_and(|modifiers| modifiers.is_any_set()), "a `SELECT` modifier"),
            (top.is_some(), "`TOP`"),
            (exclude.is_some(), "`EXCLUDE` behind the select list"),
            (into.is_some(), "`SELECT INTO`"),
            (prewhere.is_some(), "`PREWHERE`"),
            (!connect_by.is_empty(), "`CONNECT BY`"),
            (!cluster_by.is_empty(), "`CLUSTER BY`"),
            (!distribute_by.is_empty(), "`DISTRIBUTE BY`"),
            (!sort_by.is_empty(), "`SORT BY`"),
            (
                value_table_mode.is_some() && !self.value_tables.contains(&(std::ptr::from_ref(select) as usize)),
                "`SELECT AS STRUCT` or `SELECT AS VALUE` as rows of a relation",
            ),
        ] {
            if is_there {
                return Err(self.unsupported(select, what));
            }
        }
        if projection.is_empty() && *flavor != SelectFlavor::FromFirstNoSelect {
            let fault = self.fault("SQL-0005", select, "the select list is empty");
            return Err(Box::new(fault.with_help("name at least one column")));
        }
        let (mut rel, mut scope) = self.from(from)?;
        for view in lateral_views {
            (rel, scope) = self.lateral_view((rel, scope), view)?;
        }
        self.levels.push(Level::new(scope, rel, Clause::Select));
        let result = self.select_inner(
            projection,
            selection.as_ref(),
            group_by,
            having.as_ref(),
            named_window,
            qualify.as_ref(),
            order,
        );
        let bound = result.and_then(|()| self.projected(Distinction::of(distinct.as_ref()), order, keeps_order));
        self.levels.pop();
        bound
    }

    #[allow(clippy::too_many_arguments, reason = "the clauses of one SELECT")]
    fn select_inner(
        &mut self,
        projection: &'a [SelectItem],
        selection: Option<&'a Expr>,
        group_by: &'a GroupByExpr,
        having: Option<&'a Expr>,
        named_window: &'a [NamedWindowDefinition],
        qualify: Option<&'a Expr>,
        order: Option<&'a OrderByKind>,
    ) -> Bind<()> {
        for item in projection {
            self.expand(item)?;
        }
        if projection.is_empty() {
            // `FROM t` alone shows every column.
            for column in self.level().scope.visible.clone() {
                self.push_item(column.name, Some(column.key), false, ItemValue::Column(column.scalar));
            }
        }
        let n_items = self.level().items.len();
        self.level().n_aliases = n_items;
        self.level().windows =
            named_window.iter().map(|NamedWindowDefinition(name, window)| (fold(&name.value), window)).collect();
        if let Some(selection) = selection {
            self.filter(selection, Clause::Where)?;
        }
        let grouping = self.group_keys(group_by)?;
        let mut exprs: Vec<&'a Expr> = Vec::new();
        for item in &self.level().items {
            if let ItemValue::Expr(expr) = item.value {
                exprs.push(expr);
            }
        }
        exprs.extend(having);
        exprs.extend(qualify);
        if let Some(OrderByKind::Expressions(keys)) = order {
            exprs.extend(keys.iter().map(|key| &key.expr));
        }
        for NamedWindowDefinition(_, window) in named_window {
            if let sqlparser::ast::NamedWindowExpr::WindowSpec(spec) = window {
                crate::syntax::window_expressions(spec, &mut exprs);
            }
        }
        self.without_twins(&grouping, group_by, &exprs)?;
        self.group(&grouping, &exprs, having.is_some())?;
        if let Some(having) = having {
            self.filter(having, Clause::Having)?;
        }
        self.window_calls(&exprs)?;
        if let Some(qualify) = qualify {
            self.filter(qualify, Clause::Having)?;
        }
        self.unnest_calls(&exprs)?;
        Ok(())
    }

    /// Filters the level's relation: plain conjuncts first, then those with subqueries.
    fn filter(&mut self, expr: &'a Expr, clause: Clause) -> Bind<()> {
        self.in_clause(clause, |binder| {
            let (late, plain): (Vec<&Expr>, Vec<&Expr>) =
                conjuncts(expr).into_iter().partition(|conjunct| has_subquery(conjunct));
            let mut n_faults = 0;
            for part in [plain, late] {
                let mut holds = Vec::new();
                for conjunct in part {
                    let result = binder.conjunct(conjunct);
                    match binder.recover(result) {
                        Some(Some(scalar)) => holds.extend(binder.arena.conjuncts(scalar)),
                        Some(None) => {}
                        None => n_faults += 1,
                    }
                }
                let level = binder.level();
                let rel = std::mem::replace(&mut level.rel, Rel::one_row());
                level.rel = rel.filtered(holds);
            }
            match binder.diagnostics.pop_if(|_| n_faults > 0) {
                Some(fault) => Err(Box::new(fault)),
                None => Ok(()),
            }
        })
    }

    /// Adds an item of the select list, stars expanded.
    fn expand(&mut self, item: &'a SelectItem) -> Bind<()> {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                if self.expand_columns(expr, None)? {
                    return Ok(());
                }
                let ColumnName { name, alias, is_sure } = column_name(expr, self.dialect);
                if !is_sure {
                    self.guessed_names.insert(Arc::clone(&name));
                }
                self.push_item(name, alias, false, ItemValue::Expr(expr));
                Ok(())
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                if self.expand_columns(expr, Some(alias))? {
                    return Ok(());
                }
                let is_test = alias.quote_style.is_none() && alias.value.eq_ignore_ascii_case("isnull");
                if is_test && matches!(self.dialect, Dialect::DuckDb | Dialect::Postgres) {
                    // `x ISNULL` is a test there, and the grammar reads a name.
                    return Err(self.unsupported(expr, "`ISNULL` after a column; write `IS NULL`"));
                }
                let name = Arc::from(alias.value.as_str());
                self.push_item(name, Some(fold(&alias.value)), true, ItemValue::Expr(expr));
                Ok(())
            }
            SelectItem::ExprWithAliases { expr, .. } => Err(self.unsupported(expr, "several aliases of one item")),
            SelectItem::QualifiedWildcard(kind, options) => match kind {
                SelectItemQualifiedWildcardKind::ObjectName(name) => {
                    let key = self.table_key(name)?;
                    let Some(relation) = self.level().scope.relation(&key) else {
                        return Err(self.fault("SQL-0006", name, format!("`{name}` is no relation of this query")));
                    };
                    let columns = relation.columns.clone();
                    self.star(columns, options, name)
                }
                SelectItemQualifiedWildcardKind::Expr(expr) => Err(self.unsupported(expr, "a star of a value")),
            },
            SelectItem::Wildcard(options) => {
                let columns = self.level().scope.visible.clone();
                let name = ObjectName(Vec::new());
                self.star(columns, options, &name)
            }
        }
    }

    fn star(&mut self, columns: Vec<Named>, options: &'a WildcardAdditionalOptions, at: &ObjectName) -> Bind<()> {
        let WildcardAdditionalOptions {
            wildcard_token: _,
            opt_ilike,
            opt_exclude,
            opt_except,
            opt_replace,
            opt_rename,
            opt_alias,
        } = options;
        for (is_there, what) in [(opt_ilike.is_some(), "`* ILIKE`"), (opt_alias.is_some(), "an alias of `*`")] {
            if is_there {
                return Err(self.unsupported(at, what));
            }
        }
        let mut excluded: Vec<Arc<str>> = match opt_exclude {
            None => Vec::new(),
            Some(ExcludeSelectItem::Single(name)) => vec![self.table_key(name)?],
            Some(ExcludeSelectItem::Multiple(names)) => {
                names.iter().map(|name| self.table_key(name)).collect::<Bind<_>>()?
            }
        };
        if let Some(ExceptSelectItem { first_element, additional_elements }) = opt_except {
            excluded.extend(std::iter::once(first_element).chain(additional_elements).map(|ident| fold(&ident.value)));
        }
        let replaced: Vec<(Arc<str>, &'a Expr)> = opt_replace
            .iter()
            .flat_map(|replace| &replace.items)
            .map(|element| (fold(&element.column_name.value), &element.expr))
            .collect();
        let renames: Vec<&IdentWithAlias> = match opt_rename {
            None => Vec::new(),
            Some(RenameSelectItem::Single(item)) => vec![item],
            Some(RenameSelectItem::Multiple(items)) => items.iter().collect(),
        };
        let renamed: Vec<(Arc<str>, &Ident)> =
            renames.into_iter().map(|IdentWithAlias { ident, alias }| (fold(&ident.value), alias)).collect();
        for name in
            excluded.iter().chain(renamed.iter().map(|(name, _)| name)).chain(replaced.iter().map(|(name, _)| name))
        {
            if !columns.iter().any(|column| column.key == *name) {
                return Err(self.fault(
                    "SQL-0007",
                    at,
                    format!("column `{name}` of `EXCLUDE`, `REPLACE` or `RENAME` is not known"),
                ));
            }
        }
        if columns.is_empty() {
            return Err(self.fault("SQL-0005", at, "`*` stands for no column"));
        }
        for column in columns {
            if excluded.contains(&column.key) {
                continue;
            }
            let value = replaced.iter().find(|(name, _)| *name == column.key);
            let is_replaced = value.is_some();
            let value = value.map_or(ItemValue::Column(column.scalar), |(_, expr)| ItemValue::Expr(expr));
            match renamed.iter().find(|(name, _)| *name == column.key) {
                Some((_, alias)) => {
                    self.push_item(Arc::from(alias.value.as_str()), Some(fold(&alias.value)), true, value);
                }
                None => self.push_item(column.name, Some(column.key), is_replaced, value),
            }
        }
        Ok(())
    }

    pub(crate) fn push_item(
        &mut self,
        name: Arc<str>,
        alias: Option<Arc<str>>,
        is_renamed: bool,
        value: ItemValue<'a>,
    ) {
        self.level().items.push(Item { name, alias, is_renamed, value, bound: None });
    }

    /// The select list over the level's relation, `DISTINCT` and `ORDER BY`.
    fn projected(
        &mut self,
        distinction: Distinction<'a>,
        order: Option<&'a OrderByKind>,
        keeps_order: bool,
    ) -> Bind<Bound> {
        let n_items = self.level().items.len();
        let mut scalars: Vec<ScalarId> = Vec::with_capacity(n_items);
        let mut last_fault = None;
        for position in 0..n_items {
            self.level().n_aliases = position;
            let result = self.item(position).and_then(|scalar| self.finish(scalar, position));
            match result {
                Ok(scalar) => scalars.push(scalar),
                Err(fault) => {
                    if let Some(before) = last_fault.replace(fault) {
                        self.diagnostics.push(*before);
                    }
                }
            }
        }
        if let Some(fault) = last_fault {
            return Err(fault);
        }
        self.level().n_aliases = n_items;
        let mut keys = match order {
            Some(kind) => self.order_keys(kind, &scalars)?,
            None => Vec::new(),
        };
        if let Distinction::On(on) = distinction {
            self.first_rows(on, &scalars, &keys)?;
        }
        let is_distinct = matches!(distinction, Distinction::Distinct);
        if !keeps_order {
            keys.clear();
        }
        let level = self.level();
        let rel = std::mem::replace(&mut level.rel, Rel::one_row());
        let names: Vec<Arc<str>> = level.items.iter().map(|item| Arc::clone(&item.name)).collect();
        self.project(rel, &names, &scalars, is_distinct, keys)
    }

    fn finish(&mut self, scalar: ScalarId, position: usize) -> Bind<ScalarId> {
        match self.level().items[position].value {
            ItemValue::Column(_) => self.grouped(scalar),
            ItemValue::Expr(_) => Ok(scalar),
        }
    }

    /// Each scalar under its name, of rows that are sorted and distinct as asked for.
    pub(crate) fn project(
        &mut self,
        rel: Rel,
        names: &[Arc<str>],
        scalars: &[ScalarId],
        is_distinct: bool,
        keys: Vec<SortKey>,
    ) -> Bind<Bound> {
        let is_passed =
            |scalar: &ScalarId| matches!(self.arena[*scalar], Scalar::Column(id) if rel.columns.contains_key(&id));
        let is_bare = scalars.iter().all(is_passed);
        let mut exprs: Vec<(ColumnId, ScalarId)> = Vec::new();
        let mut outputs = Vec::with_capacity(scalars.len());
        for (name, &scalar) in names.iter().zip(scalars) {
            let id = match self.arena[scalar] {
                Scalar::Column(id) => id,
                _ => {
                    let computed = self.arena.computed_column(scalar, name);
                    rel.fresh(computed, self.arena)
                }
            };
            if !exprs.iter().any(|(known, _)| *known == id) {
                exprs.push((id, scalar));
            }
            outputs.push((Arc::clone(name), id));
        }
        let covers_all = exprs.len() == rel.columns.len();
        if is_bare && (!is_distinct || covers_all) {
            let mut rel = rel;
            if is_distinct {
                rel.plan = Plan::Distinct { input: Box::new(rel.plan) };
            }
            if !keys.is_empty() {
                rel.plan = Plan::Sort { input: Box::new(rel.plan), keys };
            }
            return Ok(Bound { rel, columns: outputs });
        }
        let mut sort = Vec::with_capacity(keys.len());
        for key in keys {
            let scalar = match exprs.iter().find(|(_, scalar)| *scalar == key.scalar) {
                Some(&(id, _)) => self.arena.column_ref(id),
                None => {
                    let reads = self.arena.columns_of(key.scalar);
                    let is_shown = reads.iter().all(|id| exprs.iter().any(|(shown, _)| shown == id));
                    if is_shown && !reads.is_empty() {
                        key.scalar
                    } else if is_distinct {
                        let whole = isomer_ir::Span::new(0, self.text.text.len());
                        let message = "`ORDER BY` of a `SELECT DISTINCT` must be in the select list";
                        return Err(self.text.fault("SQL-0013", whole, message));
                    } else {
                        let computed = self.arena.computed_column(key.scalar, "sort_key");
                        let id = if self.arena[key.scalar] == Scalar::Column(computed) {
                            computed
                        } else {
                            rel.fresh(computed, self.arena)
                        };
                        exprs.push((id, key.scalar));
                        self.arena.column_ref(id)
                    }
                }
            };
            sort.push(SortKey { scalar, ..key });
        }
        let exposed: Vec<(ColumnId, bool)> =
            exprs.iter().map(|&(id, scalar)| (id, is_nullable(scalar, &rel.columns, self.arena))).collect();
        let mut plan = Plan::Project { input: Box::new(rel.plan), exprs };
        if is_distinct {
            plan = Plan::Distinct { input: Box::new(plan) };
        }
        if !sort.is_empty() {
            plan = Plan::Sort { input: Box::new(plan), keys: sort };
        }
        Ok(Bound { rel: Rel::new(plan, exposed), columns: outputs })
    }
}
