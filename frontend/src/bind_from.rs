//! `FROM`: tables, derived tables and joins.

use std::sync::Arc;

use isomer_ir::{Dialect, Function, JoinKind, Plan, Scalar, ScalarId, fold, nearest};
use sqlparser::ast::{
    Expr, Join, JoinConstraint, JoinOperator, ObjectName, Query, TableAlias, TableFactor, TableWithJoins,
};

use crate::bind::{Bind, Binder, Bound, Clause, Level};
use crate::bind_pivot::Pivot;
use crate::bind_query::plan_has_outer;
use crate::decorrelate::{Pulled, Use};
use crate::place::Place;
use crate::scope::{Found, Named, Rel, Scope, replace_columns};
use crate::syntax::has_subquery;

/// Most derived tables of a text that are bound once more, as ones that read the relations before them.
const MAX_RETRIES: usize = 16;

/// Most relations that one `FROM` may join.
const MAX_JOINS: usize = 500;

impl<'a> Binder<'a> {
    /// The relation and scope of a `FROM` clause; commas are cross joins.
    pub(crate) fn from(&mut self, from: &'a [TableWithJoins]) -> Bind<(Rel, Scope)> {
        let mut whole: Option<(Rel, Scope)> = None;
        let n_joins: usize = from.iter().map(|item| 1 + item.joins.len()).sum();
        if n_joins > MAX_JOINS {
            return Err(self.unsupported_somewhere(&format!("joining more than {MAX_JOINS} relations in one `FROM`")));
        }
        for item in from {
            if let Some(call) = self.rows_call(&item.relation)? {
                let mut found =
                    self.rows_beside(whole.take(), &call, JoinKind::Inner, &JoinConstraint::None, &item.relation)?;
                for join in &item.joins {
                    found = self.join(found, join)?;
                }
                whole = Some(found);
                continue;
            }
            if let (Some(lateral), Some(_)) = (Lateral::of(&item.relation), &whole) {
                if !item.joins.is_empty() {
                    return Err(self.unsupported(&item.relation, "`LATERAL` behind a comma with further joins"));
                }
                let left = whole.take().expect("looked at above");
                let constraint = &JoinConstraint::None;
                whole = Some(self.lateral(left, &lateral, JoinKind::Inner, constraint, &item.relation)?);
                continue;
            }
            let beside = match &whole {
                Some(_) if item.joins.is_empty() => self.factor_beside(&item.relation)?,
                _ => Ok(self.table_with_joins(item)?),
            };
            whole = Some(match (whole, beside) {
                (Some(left), Err(lateral)) => {
                    let constraint = &JoinConstraint::None;
                    self.lateral(left, &lateral, JoinKind::Inner, constraint, &item.relation)?
                }
                (None, Err(_)) => unreachable!("only what stands beside others is lateral"),
                (None, Ok(right)) => right,
                (Some(left), Ok(right)) => {
                    let (left, right, mut scope) = self.beside(left, right);
                    scope.0.extend(scope.1);
                    (left.joined(JoinKind::Inner, right, Vec::new()), scope.0)
                }
            });
        }
        let (rel, scope) = whole.unwrap_or_else(|| (Rel::one_row(), Scope::default()));
        for (position, relation) in scope.relations.iter().enumerate() {
            if scope.relations[..position].iter().any(|before| before.key == relation.key && !relation.key.is_empty()) {
                let message = format!("`{}` stands for two relations", relation.key);
                let fault = match from.first() {
                    Some(item) => self.fault("SQL-0016", item, message),
                    None => self.unsupported_somewhere(&message),
                };
                return Err(Box::new(fault.with_help("give one of them another alias")));
            }
        }
        Ok((rel, scope))
    }

    fn table_with_joins(&mut self, item: &'a TableWithJoins) -> Bind<(Rel, Scope)> {
        let TableWithJoins { relation, joins } = item;
        let mut left = self.factor(relation)?;
        for join in joins {
            left = self.join(left, join)?;
        }
        Ok(left)
    }

    /// Makes the right side's ids disjoint from the left's.
    pub(crate) fn beside(&mut self, left: (Rel, Scope), right: (Rel, Scope)) -> (Rel, Rel, (Scope, Scope)) {
        let (left, left_scope) = left;
        let (right, mut right_scope) = right;
        let (right, map) = right.disjoint_from(&|id| left.columns.contains_key(&id), self.arena);
        if !map.is_empty() {
            right_scope.map(&mut |scalar| {
                replace_columns(self.arena, scalar, &mut |arena, scalar| match scalar {
                    Scalar::Column(id) => map.get(id).map(|&renamed| arena.column_ref(renamed)),
                    _ => None,
                })
            });
        }
        (left, right, (left_scope, right_scope))
    }

    fn join(&mut self, left: (Rel, Scope), join: &'a Join) -> Bind<(Rel, Scope)> {
        let Join { relation, global, join_operator } = join;
        if *global {
            return Err(self.unsupported(relation, "`GLOBAL` joins"));
        }
        let (kind, is_turned, constraint) = match join_operator {
            // DuckDB has none; what looks like one is another kind of join, read as an alias.
            JoinOperator::Join(JoinConstraint::None) | JoinOperator::Inner(JoinConstraint::None)
                if matches!(self.dialect, Dialect::DuckDb | Dialect::Postgres) =>
            {
                return Err(self.unsupported(relation, "a `JOIN` without a condition"));
            }
            JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => (JoinKind::Inner, false, constraint),
            JoinOperator::CrossJoin(constraint) => (JoinKind::Inner, false, constraint),
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => (JoinKind::Left, false, constraint),
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
                (JoinKind::Left, true, constraint)
            }
            JoinOperator::FullOuter(constraint) => (JoinKind::Full, false, constraint),
            JoinOperator::Semi(constraint) | JoinOperator::LeftSemi(constraint) => (JoinKind::Semi, false, constraint),
            JoinOperator::Anti(constraint) | JoinOperator::LeftAnti(constraint) => (JoinKind::Anti, false, constraint),
            JoinOperator::RightSemi(constraint) => (JoinKind::Semi, true, constraint),
            JoinOperator::RightAnti(constraint) => (JoinKind::Anti, true, constraint),
            JoinOperator::CrossApply | JoinOperator::OuterApply => {
                return Err(self.unsupported(relation, "`APPLY`"));
            }
            JoinOperator::AsOf { match_condition, constraint } => {
                return self.asof_join(left, relation, match_condition, constraint);
            }
            JoinOperator::StraightJoin(_) => return Err(self.unsupported(relation, "`STRAIGHT_JOIN`")),
            JoinOperator::ArrayJoin | JoinOperator::LeftArrayJoin | JoinOperator::InnerArrayJoin => {
                return Err(self.unsupported(relation, "`ARRAY JOIN`"));
            }
        };
        if let Some(lateral) = Lateral::of(relation) {
            if is_turned || !matches!(kind, JoinKind::Inner | JoinKind::Left) {
                return Err(self.unsupported(relation, "`LATERAL` behind a join that is neither inner nor left"));
            }
            return self.lateral(left, &lateral, kind, constraint, relation);
        }
        if let Some(call) = self.rows_call(relation)? {
            if is_turned {
                return Err(self.unsupported(relation, "a right join with elements of a list"));
            }
            return self.rows_beside(Some(left), &call, kind, constraint, relation);
        }
        let right = match self.factor_beside(relation)? {
            Ok(right) => right,
            Err(lateral) if !is_turned && matches!(kind, JoinKind::Inner | JoinKind::Left) => {
                return self.lateral(left, &lateral, kind, constraint, relation);
            }
            Err(_) => self.factor(relation)?,
        };
        self.join_with(left, right, kind, is_turned, constraint, relation)
    }

    /// A relation beside others. `Err` holds a derived table that reads columns of those, which DuckDB
    /// allows without a word.
    fn factor_beside(&mut self, relation: &'a TableFactor) -> Bind<Result<(Rel, Scope), Lateral<'a>>> {
        let TableFactor::Derived { lateral: false, subquery, alias, sample: None } = relation else {
            return self.factor(relation).map(Ok);
        };
        if self.dialect != Dialect::DuckDb || self.n_retries >= MAX_RETRIES {
            return self.factor(relation).map(Ok);
        }
        let (n_told, n_operators, rules) = (self.diagnostics.len(), self.n_operators, self.rules.clone());
        match self.factor(relation) {
            Err(fault) if fault.code == "SQL-0007" => {
                self.n_retries += 1;
                self.diagnostics.truncate(n_told);
                (self.n_operators, self.rules) = (n_operators, rules);
                Ok(Err(Lateral { query: subquery, alias: alias.as_ref() }))
            }
            found => found.map(Ok),
        }
    }

    /// A derived table that reads columns of the relations before it: joined on what it reads of them.
    fn lateral(
        &mut self,
        (left, left_scope): (Rel, Scope),
        lateral: &Lateral<'a>,
        kind: JoinKind,
        constraint: &'a JoinConstraint,
        at: &'a TableFactor,
    ) -> Bind<(Rel, Scope)> {
        self.levels.push(Level::new(left_scope.clone(), left, Clause::Where));
        let right = self.lateral_side(lateral, kind, at);
        let left = self.levels.pop().expect("pushed above").rel;
        let (right, right_scope, ties) = right?;
        let joined = self.join_with((left, left_scope), (right, right_scope), kind, false, constraint, at);
        let (mut rel, scope) = joined?;
        match &mut rel.plan {
            Plan::Join { on, .. } if kind == JoinKind::Left => on.extend(ties),
            _ => rel = rel.filtered(ties),
        }
        Ok((rel, scope))
    }

    fn lateral_side(
        &mut self,
        lateral: &Lateral<'a>,
        kind: JoinKind,
        at: &'a TableFactor,
    ) -> Bind<(Rel, Scope, Vec<ScalarId>)> {
        let Bound { rel, columns } = self.query(lateral.query, false)?;
        let mut columns = self.named(columns);
        let is_correlated = plan_has_outer(self.arena, &rel.plan);
        let nullable = rel.columns;
        let mut pulled = self.decorrelated(rel.plan.clone(), Use::Rows, at)?;
        if kind != JoinKind::Inner && !pulled.computed.is_empty() {
            // What is computed from outer columns must be NULL where nothing matches: it is computed below.
            pulled = self.over_domain(rel.plan).map_err(|reason| self.correlated(reason, at))?;
        }
        if is_correlated {
            self.note("decorrelate-lateral");
        }
        for column in &mut columns {
            column.scalar = pulled.inlined(self.arena, column.scalar);
        }
        let Pulled { plan, conjuncts, .. } = pulled;
        let ids = plan.columns(self.arena);
        let exposed = ids.into_iter().map(|id| (id, nullable.get(&id).copied().unwrap_or(true)));
        let (rel, map) = self.beside_level(Rel::new(plan, exposed));
        let ties = conjuncts.into_iter().map(|conjunct| self.lifted(conjunct, &map)).collect::<Bind<_>>()?;
        for column in &mut columns {
            column.scalar = self.lifted(column.scalar, &map)?;
        }
        let (key, columns) = self.aliased(Arc::from(""), columns, lateral.alias)?;
        Ok((rel, Scope::of(key, columns), ties))
    }

    fn join_with(
        &mut self,
        left: (Rel, Scope),
        right: (Rel, Scope),
        kind: JoinKind,
        is_turned: bool,
        constraint: &'a JoinConstraint,
        at: &TableFactor,
    ) -> Bind<(Rel, Scope)> {
        let (left, right, (left_scope, right_scope)) = self.beside(left, right);
        let (mut left, mut right) = (left, right);
        if let JoinConstraint::On(expr) = constraint
            && kind == JoinKind::Inner
            && has_subquery(expr)
        {
            return self.inner_join_on(left, right, both(left_scope, right_scope), expr);
        }
        let mut columns = left.columns.clone();
        columns.extend(right.columns.iter().map(|(&id, &is_nullable)| (id, is_nullable)));
        let (on, scope) = match constraint {
            JoinConstraint::None => (Vec::new(), both(left_scope.clone(), right_scope.clone())),
            JoinConstraint::On(expr) if has_subquery(expr) && kind != JoinKind::Full => {
                let scope = both(left_scope.clone(), right_scope.clone());
                let side = if is_turned { &mut left } else { &mut right };
                let before = std::mem::replace(side, Rel::one_row());
                let (on, rel, scope) = self.side_with_subqueries(before, scope, expr)?;
                *(if is_turned { &mut left } else { &mut right }) = rel;
                (on, scope)
            }
            JoinConstraint::On(expr) => {
                let scope = both(left_scope.clone(), right_scope.clone());
                let nothing = Plan::Empty { columns: Vec::new() };
                self.levels.push(Level::new(scope, Rel { plan: nothing, columns }, Clause::JoinOn));
                let on = self.conjunct_scalars(expr);
                let level = self.levels.pop().expect("pushed above");
                (on?, level.scope)
            }
            JoinConstraint::Using(names) => {
                let names = names.iter().map(|name| self.table_key(name)).collect::<Bind<Vec<_>>>()?;
                self.merged(&left_scope, &right_scope, &names, kind, is_turned, at)?
            }
            JoinConstraint::Natural => {
                let is_shared = |named: &&Named| right_scope.visible.iter().any(|right| right.key == named.key);
                let names: Vec<Arc<str>> =
                    left_scope.visible.iter().filter(is_shared).map(|named| Arc::clone(&named.key)).collect();
                self.merged(&left_scope, &right_scope, &names, kind, is_turned, at)?
            }
        };
        if matches!(constraint, JoinConstraint::None) && kind != JoinKind::Inner {
            return Err(self.unsupported(at, "an outer or semi join without a condition"));
        }
        let rel = if is_turned { right.joined(kind, left, on) } else { left.joined(kind, right, on) };
        let scope = match kind {
            JoinKind::Semi | JoinKind::Anti if is_turned => right_scope,
            JoinKind::Semi | JoinKind::Anti => left_scope,
            _ => scope,
        };
        Ok((rel, scope))
    }

    /// `USING` and `NATURAL`: the equalities, and a scope in which each pair stands once, first.
    pub(crate) fn merged(
        &mut self,
        left: &Scope,
        right: &Scope,
        names: &[Arc<str>],
        kind: JoinKind,
        is_turned: bool,
        at: &TableFactor,
    ) -> Bind<(Vec<ScalarId>, Scope)> {
        let mut on = Vec::with_capacity(names.len());
        let mut pairs = Vec::with_capacity(names.len());
        for key in names {
            let side = |scope: &Scope| match scope.find(None, key) {
                Found::One(scalar) => Ok(scalar),
                Found::Several => Err(self.fault("SQL-0008", at, format!("column `{key}` is ambiguous"))),
                Found::Nothing => {
                    let fault = self.fault("SQL-0007", at, format!("column `{key}` is not on both sides of the join"));
                    Err(match nearest(key, scope.names()) {
                        Some(name) => Box::new(fault.with_help(format!("did you mean `{name}`"))),
                        None => fault,
                    })
                }
            };
            let (a, b) = (side(left)?, side(right)?);
            on.push(self.compared(Function::Eq, a, b, at)?);
            let scalar = match kind {
                JoinKind::Full => {
                    let types = (self.arena.type_of(a), self.arena.type_of(b));
                    let data_type = types.0.common(types.1).ok_or_else(|| self.unlike(at, types, "one type"))?;
                    self.arena.call(Function::Coalesce, [a, b], data_type)
                }
                _ if is_turned => b,
                _ => a,
            };
            let name = left.visible.iter().find(|named| named.key == *key).map_or(key, |named| &named.name);
            pairs.push(Named { name: Arc::clone(name), key: Arc::clone(key), scalar });
        }
        let mut scope = both(left.clone(), right.clone());
        if self.dialect == Dialect::DuckDb {
            // DuckDB shows a pair where the left side has it, the others before all other columns.
            let n_left = left.visible.len();
            let mut position = 0;
            scope.visible.retain(|named| {
                position += 1;
                position <= n_left || !names.contains(&named.key)
            });
            for pair in pairs {
                if let Some(named) = scope.visible.iter_mut().find(|named| named.key == pair.key) {
                    *named = pair;
                }
            }
        } else {
            scope.visible.retain(|named| !names.contains(&named.key));
            scope.visible.splice(0..0, pairs);
        }
        Ok((on, scope))
    }

    pub(crate) fn factor(&mut self, factor: &'a TableFactor) -> Bind<(Rel, Scope)> {
        self.deeper(|binder| binder.factor_inner(factor))
    }

    fn factor_inner(&mut self, factor: &'a TableFactor) -> Bind<(Rel, Scope)> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                for (is_there, what) in [
                    (args.is_some(), "a table function"),
                    (!with_hints.is_empty() || !index_hints.is_empty(), "a table hint"),
                    (*with_ordinality, "`WITH ORDINALITY`"),
                    (!partitions.is_empty(), "`PARTITION` selection"),
                    (json_path.is_some(), "a JSON path"),
                ] {
                    if is_there {
                        return Err(self.unsupported(name, what));
                    }
                }
                let found = match version {
                    Some(version) => self.table_at(name, version, alias.as_ref())?,
                    None => self.named_table(name, alias.as_ref())?,
                };
                match sample {
                    Some(sample) => self.sampled(found, sample, name),
                    None => Ok(found),
                }
            }
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                // The first relation of a `FROM` has none before it to read.
                if *lateral && !self.levels.is_empty() {
                    return Err(self.unsupported(&**subquery, "`LATERAL` without a relation before it"));
                }
                let found = self.derived(subquery, alias.as_ref())?;
                match sample {
                    Some(sample) => self.sampled(found, sample, &**subquery),
                    None => Ok(found),
                }
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let (rel, scope) = self.table_with_joins(table_with_joins)?;
                if alias.is_none() {
                    return Ok((rel, scope));
                }
                let (key, columns) = self.aliased(Arc::from(""), scope.visible, alias.as_ref())?;
                Ok((rel, Scope::of(key, columns)))
            }
            TableFactor::TableFunction { .. } | TableFactor::Function { .. } => {
                Err(self.unsupported(factor, "a table function"))
            }
            TableFactor::UNNEST { .. } => Err(self.unsupported(factor, "`UNNEST`")),
            TableFactor::JsonTable { .. } | TableFactor::OpenJsonTable { .. } => {
                Err(self.unsupported(factor, "a JSON table"))
            }
            TableFactor::Pivot { table, aggregate_functions, value_column, value_source, default_on_null, alias } => {
                let input = self.factor(table)?;
                let pivot = Pivot {
                    aggregates: aggregate_functions,
                    of: value_column,
                    source: value_source,
                    default: default_on_null.as_ref(),
                };
                let (rel, columns) = self.pivot(input, pivot, factor)?;
                let (key, columns) = self.aliased(Arc::from(""), columns, alias.as_ref())?;
                Ok((rel, Scope::of(key, columns)))
            }
            TableFactor::Unpivot { table, value, name, columns, null_inclusion, alias } => {
                let input = self.factor(table)?;
                let (rel, columns) = self.unpivot(input, (value, name), columns, null_inclusion.as_ref(), factor)?;
                let (key, columns) = self.aliased(Arc::from(""), columns, alias.as_ref())?;
                Ok((rel, Scope::of(key, columns)))
            }
            TableFactor::MatchRecognize { .. } => Err(self.unsupported(factor, "`MATCH_RECOGNIZE`")),
            TableFactor::XmlTable { .. } => Err(self.unsupported(factor, "`XMLTABLE`")),
            TableFactor::SemanticView { .. } => Err(self.unsupported(factor, "a semantic view")),
        }
    }

    fn named_table(&mut self, name: &'a ObjectName, alias: Option<&'a TableAlias>) -> Bind<(Rel, Scope)> {
        let key = self.table_key(name)?;
        let cte = if name.0.len() == 1 { self.cte_reference(&key, name)? } else { None };
        let (rel, columns) = match cte {
            Some(found) => found,
            None => self.table(&key).ok_or_else(|| self.unknown_table(name, &key))?,
        };
        let (scope_key, columns) = self.aliased(key, columns, alias)?;
        Ok((rel, Scope::of(scope_key, columns)))
    }

    pub(crate) fn unknown_table(&self, name: &ObjectName, key: &str) -> crate::parse::Fault {
        let fault = self.fault("SQL-0006", name, format!("table `{name}` is not known"));
        let suffix = format!(".{key}");
        let keys = || self.ctes.iter().map(|cte| &*cte.key).chain(self.catalog.tables().map(|table| &*table.key));
        let candidate = keys().find(|known| known.ends_with(&suffix)).or_else(|| nearest(key, keys()));
        Box::new(match candidate {
            Some(candidate) => fault.with_help(format!("did you mean `{candidate}`")),
            None => fault.with_help("declare it under `sources`"),
        })
    }

    fn derived(&mut self, query: &'a Query, alias: Option<&'a TableAlias>) -> Bind<(Rel, Scope)> {
        let bound = self.query(query, true)?;
        let columns = self.named(bound.columns);
        let (key, columns) = self.aliased(Arc::from(""), columns, alias)?;
        let mut rel = bound.rel;
        if let Some(alias) = alias {
            let name = Arc::from(alias.name.value.as_str());
            let span = self.text.span(query.place());
            rel.plan = Plan::Named { input: Box::new(rel.plan), name, span };
        }
        Ok((rel, Scope::of(key, columns)))
    }

    pub(crate) fn aliased(
        &self,
        key: Arc<str>,
        columns: Vec<Named>,
        alias: Option<&TableAlias>,
    ) -> Bind<(Arc<str>, Vec<Named>)> {
        let Some(TableAlias { explicit: _, name, columns: list, at }) = alias else {
            return Ok((key, self.told_apart(columns)));
        };
        if at.is_some() {
            return Err(self.unsupported(name, "`AT` behind an alias"));
        }
        if list.len() > columns.len() {
            let message = format!("found {} column aliases, expected at most {}", list.len(), columns.len());
            return Err(self.fault("SQL-0019", name, message));
        }
        let mut columns = columns;
        for (column, def) in columns.iter_mut().zip(list) {
            if def.data_type.is_some() {
                return Err(self.unsupported(&def.name, "a type in an alias list"));
            }
            column.name = Arc::from(def.name.value.as_str());
            column.key = fold(&def.name.value);
        }
        Ok((fold(&name.value), self.told_apart(columns)))
    }

    /// The conjuncts of a condition, each split further where binding makes a conjunction of it.
    pub(crate) fn conjunct_scalars(&mut self, expr: &'a Expr) -> Bind<Vec<ScalarId>> {
        let mut holds = Vec::new();
        for conjunct in crate::syntax::conjuncts(expr) {
            let scalar = self.predicate(conjunct)?;
            holds.extend(self.arena.conjuncts(scalar));
        }
        Ok(holds)
    }
}

/// A `LATERAL` derived table.
struct Lateral<'a> {
    query: &'a Query,
    alias: Option<&'a TableAlias>,
}

impl<'a> Lateral<'a> {
    fn of(factor: &'a TableFactor) -> Option<Self> {
        match factor {
            TableFactor::Derived { lateral: true, subquery, alias, sample: None } => {
                Some(Self { query: subquery, alias: alias.as_ref() })
            }
            _ => None,
        }
    }
}

fn both(mut left: Scope, right: Scope) -> Scope {
    left.extend(right);
    left
}
