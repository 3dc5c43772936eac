//! The binder: a query's syntax tree to an [`Output`], names resolved and types inferred.
//!
//! This file owns the binder's state, the levels of nested queries and the resolution of names; its
//! siblings bind queries, `FROM`, `SELECT`, scalars, calls and subqueries.

use std::collections::BTreeMap;
use std::sync::Arc;

use isomer_ir::{
    Arena, Catalog, ColumnDef, ColumnId, Diagnostic, Dialect, Output, Scalar, ScalarId, Severity, Span, fold, nearest,
};
use rustc_hash::{FxHashMap, FxHashSet};
use sqlparser::ast::{self, Expr, Ident, ObjectName, ObjectNamePart, Query};

use crate::parse::{Fault, Parsed, ParsedText, SourceText, parse, with_deep_stack};
use crate::place::Place;
use crate::reads::tables_read;
use crate::remedy::usual_remedy;
use crate::scope::{Found, Rel, Scope, replace_columns};

/// The outcome of binding a part of a query.
pub(crate) type Bind<T> = Result<T, Fault>;

/// Deepest nesting of queries and expressions below each other, chains of operators not counted.
const MAX_DEPTH: usize = 600;

/// Where in a query a scalar stands; decides what may stand in it and what is said when it may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clause {
    Where,
    JoinOn,
    GroupBy,
    AggregateArgument,
    WindowArgument,
    Having,
    Select,
    Values,
}

impl Clause {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Where => "WHERE",
            Self::JoinOn => "a join condition",
            Self::GroupBy => "GROUP BY",
            Self::AggregateArgument => "an aggregate",
            Self::WindowArgument => "a window function",
            Self::Having => "HAVING",
            Self::Select => "SELECT",
            Self::Values => "VALUES",
        }
    }
}

/// An item of the select list, stars expanded.
#[derive(Debug, Clone)]
pub(crate) struct Item<'a> {
    /// Output name as written or as the dialect makes it.
    pub(crate) name: Arc<str>,
    /// Folded name that other clauses may use: the alias, or the name of a plain column.
    pub(crate) alias: Option<Arc<str>>,
    /// Whether the name was written as an alias.
    pub(crate) is_renamed: bool,
    /// What it computes.
    pub(crate) value: ItemValue<'a>,
    /// Its scalar once bound, and whether that was after grouping.
    pub(crate) bound: Option<(bool, ScalarId)>,
}

/// Where an item of the select list comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ItemValue<'a> {
    Expr(&'a Expr),
    Column(ScalarId),
}

/// One query level while it is bound.
#[derive(Debug)]
pub(crate) struct Level<'a> {
    /// What names stand for: always columns of the input, also after grouping.
    pub(crate) scope: Scope,
    /// The relation that scalars are read against now. Subqueries are joined to it.
    pub(crate) rel: Rel,
    /// Where the scalar that is being bound stands.
    pub(crate) clause: Clause,
    /// Select items, for aliases.
    pub(crate) items: Vec<Item<'a>>,
    /// Aliases of items before this one may be used.
    pub(crate) n_aliases: usize,
    /// Items that are being bound, against circular aliases.
    pub(crate) open_items: Vec<usize>,
    /// After grouping: group key to the id that holds it.
    pub(crate) keys: FxHashMap<ScalarId, ColumnId>,
    /// Whether `rel` is grouped.
    pub(crate) is_grouped: bool,
    /// Columns that grouping hides.
    pub(crate) hidden: FxHashSet<ColumnId>,
    /// Aggregates and window functions that are computed already, by the address of their syntax.
    pub(crate) calls: FxHashMap<usize, ScalarId>,
    /// Named windows.
    pub(crate) windows: Vec<(Arc<str>, &'a ast::NamedWindowExpr)>,
}

impl Level<'_> {
    pub(crate) fn new(scope: Scope, rel: Rel, clause: Clause) -> Self {
        Self {
            scope,
            rel,
            clause,
            items: Vec::new(),
            n_aliases: 0,
            open_items: Vec::new(),
            keys: FxHashMap::default(),
            is_grouped: false,
            hidden: FxHashSet::default(),
            calls: FxHashMap::default(),
            windows: Vec::new(),
        }
    }
}

/// A bound query: its rows, and its columns by name.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub(crate) rel: Rel,
    pub(crate) columns: Vec<(Arc<str>, ColumnId)>,
}

/// How far a common table expression is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is bound.
    Bound,
    /// It stands behind the one that is being bound.
    Later,
    /// It may read itself, and its start is being bound.
    Start,
    /// Its step is being bound, and it stands for the rows of the round before.
    Work,
}

/// A common table expression in scope.
#[derive(Debug, Clone)]
pub(crate) struct Cte {
    pub(crate) key: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) bound: Bound,
    pub(crate) span: Span,
    /// Operators of the plan, against exponential growth.
    pub(crate) n_operators: usize,
    /// Levels that were open where it was written.
    pub(crate) depth: usize,
    pub(crate) is_correlated: bool,
    pub(crate) standing: Standing,
}

/// State of binding one text.
pub(crate) struct Binder<'a> {
    pub(crate) arena: &'a mut Arena,
    pub(crate) catalog: &'a Catalog,
    pub(crate) dialect: Dialect,
    pub(crate) text: &'a SourceText<'a>,
    pub(crate) levels: Vec<Level<'a>>,
    pub(crate) ctes: Vec<Cte>,
    /// Positions of the common table expressions whose steps are being bound, innermost last.
    pub(crate) recursions: Vec<usize>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) depth: usize,
    pub(crate) n_operators: usize,
    /// Derived tables that were bound once more.
    pub(crate) n_retries: usize,
    /// Parameters of the lambda functions around, by folded name.
    pub(crate) parameters: Vec<(Arc<str>, ScalarId)>,
    /// Rules by which subqueries became joins, with how often.
    pub(crate) rules: BTreeMap<&'static str, usize>,
    /// Names of columns without an alias that the engine may show otherwise.
    pub(crate) guessed_names: FxHashSet<Arc<str>>,
    /// Addresses of the `SELECT AS STRUCT` and `SELECT AS VALUE` whose rows are taken as values.
    pub(crate) value_tables: FxHashSet<usize>,
    /// Columns that number the rows of a `GENERATOR`; no query has a name for them.
    pub(crate) generators: FxHashSet<ColumnId>,
}

/// What binding a model's text gives.
#[derive(Debug, Default)]
pub(crate) struct BoundText {
    pub(crate) output: Option<Output>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Folded keys of what the text reads, in order and distinct.
    pub(crate) reads: Vec<Arc<str>>,
    pub(crate) comments: Vec<(Span, Arc<str>)>,
    /// Rules by which subqueries became joins, with how often.
    pub(crate) rules: BTreeMap<&'static str, usize>,
    /// Names of columns without an alias that the engine may show otherwise.
    pub(crate) guessed_names: FxHashSet<Arc<str>>,
}

/// Binds one `SELECT` against a catalog.
///
/// Gives the output, or `None` and at least one diagnostic; and the folded keys of the tables that
/// the text reads, sorted (of a text that does not parse: the catalog's tables that it names).
pub fn bind_query(
    sql: &str,
    source_name: &Arc<str>,
    dialect: Dialect,
    arena: &mut Arena,
    catalog: &Catalog,
) -> (Option<Output>, Vec<Diagnostic>, Vec<Arc<str>>) {
    let is_known = |key: &str| catalog.get(key).is_some();
    with_deep_stack(|| {
        let text = SourceText::new(source_name, sql);
        let bound = bind_parsed(&text, parse(&text, dialect), dialect, arena, catalog, &is_known);
        (bound.output, bound.diagnostics, bound.reads)
    })
}

/// Binds what [`parse`] gave of a text; runs on the caller's deep stack.
pub(crate) fn bind_parsed(
    text: &SourceText<'_>,
    (parsed, fault): ParsedText,
    dialect: Dialect,
    arena: &mut Arena,
    catalog: &Catalog,
    is_known: &dyn Fn(&str) -> bool,
) -> BoundText {
    let reads = reads_of(&parsed, is_known);
    let mut bound = BoundText { reads, comments: parsed.comments, ..BoundText::default() };
    let Some(query) = parsed.query.as_deref() else {
        bound.diagnostics.extend(fault.map(|fault| *fault));
        return bound;
    };
    let mut binder = Binder {
        arena,
        catalog,
        dialect,
        text,
        levels: Vec::new(),
        ctes: Vec::new(),
        recursions: Vec::new(),
        diagnostics: Vec::new(),
        depth: 0,
        n_operators: 0,
        n_retries: 0,
        parameters: Vec::new(),
        rules: BTreeMap::new(),
        guessed_names: FxHashSet::default(),
        value_tables: FxHashSet::default(),
        generators: FxHashSet::default(),
    };
    let result = binder.root(query);
    bound.diagnostics = binder.diagnostics;
    bound.rules = binder.rules;
    bound.guessed_names = binder.guessed_names;
    match result {
        Ok(output) if bound.diagnostics.iter().all(|told| told.severity == Severity::Note) => {
            bound.output = Some(output);
        }
        Ok(_) => {}
        Err(fault) => bound.diagnostics.push(*fault),
    }
    for told in &mut bound.diagnostics {
        if told.help.is_none() {
            told.help = usual_remedy(told.code).map(str::to_owned);
        }
    }
    bound.diagnostics.sort();
    bound.diagnostics.dedup();
    bound
}

/// What a text reads, as far as it was parsed.
pub(crate) fn reads_of(parsed: &Parsed, is_known: &dyn Fn(&str) -> bool) -> Vec<Arc<str>> {
    let mut reads: Vec<Arc<str>> = match &parsed.query {
        Some(query) => tables_read(query),
        None => parsed.words.iter().map(|word| fold(word)).filter(|key| is_known(key)).collect(),
    };
    reads.sort_unstable();
    reads.dedup();
    reads
}

impl<'a> Binder<'a> {
    fn root(&mut self, query: &'a Query) -> Bind<Output> {
        let bound = self.query(query, true)?;
        if crate::bind_query::plan_has_outer(self.arena, &bound.rel.plan) {
            let message = "a correlated subquery reads a column further out in a way that is no join";
            return Err(self.text.fault("SQL-0015", Span::new(0, self.text.text.len()), message));
        }
        let columns = bound
            .columns
            .into_iter()
            .map(|(name, column)| isomer_ir::OutputColumn {
                name,
                column,
                is_nullable: bound.rel.columns.get(&column).copied().unwrap_or(true),
            })
            .collect();
        Ok(Output { plan: bound.rel.plan, columns })
    }

    pub(crate) fn fault(&self, code: &'static str, at: &impl Place, message: impl Into<String>) -> Fault {
        self.text.fault(code, self.text.span(at.place()), message)
    }

    /// The fault of something that parses but is not bound.
    pub(crate) fn unsupported(&self, at: &impl Place, what: &str) -> Fault {
        let fault = self.fault("SQL-0014", at, format!("{what} is not supported"));
        Box::new(fault.with_help("the model stays as it is written"))
    }

    /// As [`Self::unsupported`], where the syntax tree has no place.
    pub(crate) fn unsupported_somewhere(&self, what: &str) -> Fault {
        let whole = Span::new(0, self.text.text.len());
        let fault = self.text.fault("SQL-0014", whole, format!("{what} is not supported"));
        Box::new(fault.with_help("the model stays as it is written"))
    }

    /// Goes one level deeper, which is bounded.
    pub(crate) fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Bind<T>) -> Bind<T> {
        if self.depth >= MAX_DEPTH {
            let message = format!("the query nests deeper than {MAX_DEPTH} levels");
            return Err(self.text.fault("SQL-0004", Span::new(0, self.text.text.len()), message));
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    /// Notes the fault and goes on, so that independent faults are reported together.
    pub(crate) fn recover<T>(&mut self, result: Bind<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(fault) => {
                self.diagnostics.push(*fault);
                None
            }
        }
    }

    pub(crate) fn level(&mut self) -> &mut Level<'a> {
        self.levels.last_mut().expect("scalars are bound within a level")
    }

    /// Runs `work` with another clause on the current level.
    pub(crate) fn in_clause<T>(&mut self, clause: Clause, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.level().clause, clause);
        let result = work(self);
        self.level().clause = before;
        result
    }

    /// The value of a column name with its qualifiers.
    pub(crate) fn column(&mut self, parts: &[Ident]) -> Bind<ScalarId> {
        let Some((last, qualifiers)) = parts.split_last() else {
            return Err(self.unsupported_somewhere("an empty name"));
        };
        if qualifiers.is_empty()
            && let Some(parameter) = self.parameter(&last.value)
        {
            return Ok(parameter);
        }
        let column = fold(&last.value);
        let qualifier = (!qualifiers.is_empty()).then(|| {
            let parts: Vec<&str> = qualifiers.iter().map(|part| part.value.as_str()).collect();
            fold(&parts.join("."))
        });
        let found = self.level().scope.find(qualifier.as_deref(), &column);
        match found {
            Found::One(scalar) => return Ok(scalar),
            Found::Several => return Err(self.ambiguous(parts)),
            Found::Nothing => {}
        }
        if qualifier.is_none()
            && let Some(scalar) = self.alias(&column)?
        {
            return Ok(scalar);
        }
        if let Some(field) = self.column_field(parts)? {
            return Ok(field);
        }
        self.outer_column(parts, qualifier.as_deref(), &column)
    }

    fn outer_column(&mut self, parts: &[Ident], qualifier: Option<&str>, column: &str) -> Bind<ScalarId> {
        let n_outer = self.levels.len() - 1;
        for position in (0..n_outer).rev() {
            match self.levels[position].scope.find(qualifier, column) {
                Found::Several => return Err(self.ambiguous(parts)),
                Found::Nothing => {}
                Found::One(scalar) => {
                    let is_next = position + 1 == n_outer;
                    return Ok(replace_columns(self.arena, scalar, &mut |arena, scalar| match scalar {
                        Scalar::Column(id) => {
                            let id = if is_next { *id } else { further_out(arena, *id, position) };
                            Some(arena.scalar(Scalar::Outer(id)))
                        }
                        _ => None,
                    }));
                }
            }
        }
        Err(self.unknown_column(parts, qualifier))
    }

    fn ambiguous(&self, parts: &[Ident]) -> Fault {
        let message = format!("column `{}` is ambiguous", dotted(parts));
        let fault = self.fault("SQL-0008", &span_of(parts), message);
        Box::new(fault.with_help("qualify it with a table name or alias"))
    }

    fn unknown_column(&self, parts: &[Ident], qualifier: Option<&str>) -> Fault {
        let message = format!("column `{}` is not known", dotted(parts));
        let fault = self.fault("SQL-0007", &span_of(parts), message);
        let Some(level) = self.levels.last() else { return fault };
        let last = parts.last().map_or("", |part| part.value.as_str());
        let candidate = match qualifier {
            None => nearest(last, level.scope.names()).map(str::to_owned),
            Some(qualifier) => match level.scope.relation(qualifier) {
                Some(relation) => nearest(last, relation.columns.iter().map(|named| &*named.name))
                    .map(|name| format!("{qualifier}.{name}")),
                None => nearest(qualifier, level.scope.relations.iter().map(|relation| &*relation.key))
                    .map(|name| format!("{name}.{last}")),
            },
        };
        match candidate {
            Some(name) => Box::new(fault.with_help(format!("did you mean `{name}`"))),
            None => fault,
        }
    }

    /// The value of a select item by its alias, where the dialect lets the clause use it.
    fn alias(&mut self, key: &str) -> Bind<Option<ScalarId>> {
        let (clause, dialect) = (self.level().clause, self.dialect);
        let is_allowed = match clause {
            Clause::GroupBy => true,
            Clause::Where => matches!(dialect, Dialect::DuckDb | Dialect::Snowflake),
            Clause::Having => dialect != Dialect::Postgres,
            Clause::Select | Clause::AggregateArgument | Clause::WindowArgument => {
                matches!(dialect, Dialect::DuckDb | Dialect::Spark | Dialect::Snowflake)
            }
            Clause::JoinOn | Clause::Values => false,
        };
        if !is_allowed {
            return Ok(None);
        }
        let n_aliases = self.level().n_aliases;
        match self.item_called(key) {
            Some(position) if position < n_aliases && !self.level().open_items.contains(&position) => {
                let scalar = self.item(position)?;
                if self.arena.volatility(scalar) == isomer_ir::Volatility::Volatile {
                    return Err(self.unsupported_somewhere(&format!("using the volatile column `{key}` by its alias")));
                }
                Ok(Some(scalar))
            }
            _ => Ok(None),
        }
    }

    /// The select item that a name stands for. Of several aliases DuckDB means the last.
    pub(crate) fn item_called(&mut self, key: &str) -> Option<usize> {
        let is_duckdb = self.dialect == Dialect::DuckDb;
        let items = &self.level().items;
        let is_called = |item: &Item<'_>| item.alias.as_deref() == Some(key);
        let renamed = items.iter().rposition(|item| is_duckdb && item.is_renamed && is_called(item));
        renamed.or_else(|| items.iter().position(is_called))
    }

    /// The scalar of a select item; bound once before grouping and once after.
    pub(crate) fn item(&mut self, position: usize) -> Bind<ScalarId> {
        let level = self.level();
        let is_grouped = level.is_grouped;
        let item = &level.items[position];
        let value = item.value;
        if let Some((was_grouped, scalar)) = item.bound
            && was_grouped == is_grouped
        {
            return Ok(scalar);
        }
        // What was bound as a group key is read from the groups: a subquery would be computed anew.
        if let (Some((false, scalar)), ItemValue::Expr(_)) = (item.bound, value)
            && let Some(&key) = level.keys.get(&scalar)
        {
            return Ok(self.arena.column_ref(key));
        }
        let scalar = match value {
            ItemValue::Column(scalar) => scalar,
            ItemValue::Expr(expr) => {
                level.open_items.push(position);
                let n_aliases = std::mem::replace(&mut level.n_aliases, position);
                let result = self.scalar(expr);
                let level = self.level();
                level.open_items.pop();
                level.n_aliases = n_aliases;
                result?
            }
        };
        self.level().items[position].bound = Some((is_grouped, scalar));
        Ok(scalar)
    }

    /// Folded key of a table name.
    pub(crate) fn table_key(&self, name: &ObjectName) -> Bind<Arc<str>> {
        let mut parts = Vec::with_capacity(name.0.len());
        for part in &name.0 {
            match part {
                ObjectNamePart::Identifier(ident) => parts.push(ident.value.as_str()),
                ObjectNamePart::Function(_) => return Err(self.unsupported(name, "a function as a table name")),
            }
        }
        Ok(fold(&parts.join(".")))
    }
}

/// Instances from this number on tell the level that an outer column belongs to. No plan has as many.
const FURTHER_OUT: u32 = 1 << 30;

/// The id under which a column of the level at `position` is read two or more levels further in: the same
/// table may stand on several levels.
fn further_out(arena: &mut Arena, id: ColumnId, position: usize) -> ColumnId {
    let position = u32::try_from(position).expect("levels are bounded");
    arena.instance(id, FURTHER_OUT + position)
}

/// The column of the level at `position` that an outer column is; `None` while it belongs further out.
pub(crate) fn outer_at(arena: &Arena, id: ColumnId, position: usize) -> Option<ColumnId> {
    match arena.def(id) {
        ColumnDef::Instance { of, k } if *k >= FURTHER_OUT => ((*k - FURTHER_OUT) as usize == position).then_some(*of),
        _ => Some(id),
    }
}

/// Identifiers joined by dots, as written.
pub(crate) fn dotted(parts: &[Ident]) -> String {
    parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".")
}

/// The place of a dotted name.
pub(crate) fn span_of(parts: &[Ident]) -> Ident {
    let mut ident = parts.first().cloned().unwrap_or_else(|| Ident::new(""));
    if let Some(last) = parts.last() {
        ident.span.end = last.span.end;
    }
    ident
}
