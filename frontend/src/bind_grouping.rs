//! `GROUP BY`: plain keys, and `GROUPING SETS`, `ROLLUP` and `CUBE` as the sets that they stand for.

use std::ops::ControlFlow;
use std::sync::Arc;

use isomer_ir::{ColumnId, DataType, Dialect, GroupingSets, Literal, Scalar, ScalarId, fold};
use rustc_hash::FxHashSet;
use sqlparser::ast::{self, Expr, GroupByExpr, GroupByWithModifier, Visit, visit_expressions};

use crate::bind::{Bind, Binder, Clause, ItemValue};
use crate::scope::{Rel, is_nullable};
use crate::syntax::{bare, calls};

/// Most sets that one `GROUP BY` may stand for.
const MAX_SETS: usize = 4096;

/// What a `GROUP BY` asks for.
#[derive(Debug, Default)]
pub(crate) struct Grouping {
    /// Over the input.
    pub(crate) keys: Vec<ScalarId>,
    /// Positions in `keys`, where sets are written.
    pub(crate) sets: Option<Vec<Vec<u32>>>,
}

impl Grouping {
    /// Every set with each of `others` beside it.
    fn cross(&mut self, others: &[Vec<ScalarId>]) {
        let others: Vec<Vec<u32>> =
            others.iter().map(|set| set.iter().map(|&key| self.position(key)).collect()).collect();
        let sets = self.sets.take().unwrap_or_else(|| vec![Vec::new()]);
        let mut crossed = Vec::with_capacity(sets.len() * others.len());
        for set in &sets {
            for other in &others {
                let mut both = [set.as_slice(), other].concat();
                both.sort_unstable();
                both.dedup();
                crossed.push(both);
            }
        }
        self.sets = Some(crossed);
    }

    fn position(&mut self, key: ScalarId) -> u32 {
        let position = self.keys.iter().position(|&known| known == key).unwrap_or_else(|| {
            self.keys.push(key);
            self.keys.len() - 1
        });
        u32::try_from(position).expect("a text has fewer than 2^32 keys")
    }
}

impl<'a> Binder<'a> {
    /// The scalars of `GROUP BY`: positions, then columns, then aliases.
    pub(crate) fn group_keys(&mut self, group_by: &'a GroupByExpr) -> Bind<Grouping> {
        self.in_clause(Clause::GroupBy, |binder| match group_by {
            GroupByExpr::All(modifiers) => {
                binder.no_modifiers(modifiers)?;
                binder.all_keys()
            }
            GroupByExpr::Expressions(exprs, modifiers) => binder.written_keys(exprs, modifiers),
        })
    }

    fn no_modifiers(&self, modifiers: &[GroupByWithModifier]) -> Bind<()> {
        match modifiers.first() {
            None => Ok(()),
            Some(modifier) => Err(self.unsupported_somewhere(&format!("`GROUP BY … {modifier}`"))),
        }
    }

    /// `GROUP BY ALL`: every item without an aggregate.
    fn all_keys(&mut self) -> Bind<Grouping> {
        let mut keys = Vec::new();
        for position in 0..self.level().items.len() {
            let is_key = match self.level().items[position].value {
                ItemValue::Column(_) => true,
                ItemValue::Expr(expr) => !self.has_aggregate(expr),
            };
            if is_key {
                keys.push(self.item(position)?);
            }
        }
        Ok(Grouping { keys, sets: None })
    }

    fn written_keys(&mut self, exprs: &'a [Expr], modifiers: &'a [GroupByWithModifier]) -> Bind<Grouping> {
        let is_set = |expr: &Expr| matches!(bare(expr), Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_));
        let has_sets = exprs.iter().any(is_set);
        if modifiers.is_empty() && !has_sets {
            let keys = exprs.iter().map(|expr| self.group_key(expr)).collect::<Bind<_>>()?;
            return Ok(Grouping { keys, sets: None });
        }
        if !modifiers.is_empty() {
            return self.modified_keys(exprs, modifiers);
        }
        let mut grouping = Grouping::default();
        for expr in exprs {
            let sets = match bare(expr) {
                Expr::GroupingSets(sets) => self.key_lists(sets)?,
                Expr::Rollup(parts) => rolled_up(&self.key_lists(parts)?),
                Expr::Cube(parts) => {
                    let parts = self.key_lists(parts)?;
                    self.cubed(&parts, expr)?
                }
                _ => vec![vec![self.group_key(expr)?]],
            };
            self.bounded(grouping.sets.as_ref().map_or(1, Vec::len).saturating_mul(sets.len()), expr)?;
            grouping.cross(&sets);
        }
        self.without_constants(&grouping, exprs)?;
        Ok(grouping)
    }

    /// `GROUP BY a, b WITH ROLLUP` and `GROUP BY a, b GROUPING SETS (…)`, as Spark has them.
    fn modified_keys(&mut self, exprs: &'a [Expr], modifiers: &'a [GroupByWithModifier]) -> Bind<Grouping> {
        let [modifier] = modifiers else { return self.no_modifiers(modifiers).map(|()| Grouping::default()) };
        let Some(first) = exprs.first().filter(|_| self.dialect == Dialect::Spark) else {
            return self.no_modifiers(modifiers).map(|()| Grouping::default());
        };
        let parts = exprs.iter().map(|expr| Ok(vec![self.group_key(expr)?])).collect::<Bind<Vec<Vec<ScalarId>>>>()?;
        let sets = match modifier {
            GroupByWithModifier::Rollup => rolled_up(&parts),
            GroupByWithModifier::Cube => self.cubed(&parts, first)?,
            GroupByWithModifier::GroupingSets(Expr::GroupingSets(sets)) => {
                let sets = self.key_lists(sets)?;
                if sets.iter().flatten().any(|key| !parts.iter().any(|part| part[0] == *key)) {
                    return Err(self.unsupported(first, "a grouping set with a key that `GROUP BY` does not list"));
                }
                sets
            }
            GroupByWithModifier::Totals | GroupByWithModifier::GroupingSets(_) => {
                return self.no_modifiers(modifiers).map(|()| Grouping::default());
            }
        };
        self.bounded(sets.len(), first)?;
        let mut grouping = Grouping::default();
        for part in &parts {
            grouping.position(part[0]);
        }
        grouping.cross(&sets);
        self.without_constants(&grouping, exprs)?;
        Ok(grouping)
    }

    fn group_key(&mut self, expr: &'a Expr) -> Bind<ScalarId> {
        if let Expr::Tuple(_) = bare(expr) {
            return Err(self.unsupported(expr, "a tuple in `GROUP BY`"));
        }
        let n_items = self.level().items.len();
        match self.ordinal(expr, n_items)? {
            Some(position) => self.item(position),
            None => self.scalar(expr),
        }
    }

    fn key_lists(&mut self, lists: &'a [Vec<Expr>]) -> Bind<Vec<Vec<ScalarId>>> {
        let mut keys = |list: &'a Vec<Expr>| list.iter().map(|expr| self.group_key(expr)).collect();
        lists.iter().map(&mut keys).collect()
    }

    fn cubed(&self, parts: &[Vec<ScalarId>], at: &Expr) -> Bind<Vec<Vec<ScalarId>>> {
        let n_sets = u32::try_from(parts.len()).ok().and_then(|n| 1_usize.checked_shl(n)).unwrap_or(usize::MAX);
        self.bounded(n_sets, at)?;
        // The first key changes slowest, as engines list the sets.
        let is_in = |set: usize, position: usize| set & (1 << (parts.len() - 1 - position)) != 0;
        let members = |set: usize| (0..parts.len()).filter(move |&position| is_in(set, position));
        Ok((0..n_sets).rev().map(|set| members(set).flat_map(|position| parts[position].clone()).collect()).collect())
    }

    fn bounded(&self, n_sets: usize, at: &Expr) -> Bind<()> {
        if n_sets > MAX_SETS {
            return Err(self.unsupported(at, &format!("grouping by more than {MAX_SETS} sets")));
        }
        Ok(())
    }

    /// Two names of one value are two keys where sets are told apart, but one value to us: so no two of
    /// them may be read by the keys and by `exprs`, which stand over the groups.
    pub(crate) fn without_twins(&mut self, grouping: &Grouping, group_by: &GroupByExpr, exprs: &[&Expr]) -> Bind<()> {
        if grouping.sets.is_none() {
            return Ok(());
        }
        let keys: FxHashSet<ColumnId> =
            grouping.keys.iter().flat_map(|&key| self.arena.columns_of(key).to_vec()).collect();
        let mut names = names_in(group_by);
        names.extend(exprs.iter().flat_map(|&expr| names_in(expr)));
        let level = self.level();
        let starred = level.items.iter().filter_map(|item| match item.value {
            ItemValue::Column(_) => Some(Arc::clone(&item.name)),
            ItemValue::Expr(_) => None,
        });
        names.extend(starred.map(|name| fold(&name)));
        let read = level.scope.visible.iter().filter(|named| names.contains(&named.key));
        let read: Vec<ScalarId> = read.map(|named| named.scalar).collect();
        let is_of_key = |&scalar: &ScalarId| self.arena.columns_of(scalar).iter().any(|id| keys.contains(id));
        let mut seen: FxHashSet<ScalarId> = FxHashSet::default();
        if read.into_iter().filter(is_of_key).all(|scalar| seen.insert(scalar)) {
            return Ok(());
        }
        match group_by {
            GroupByExpr::Expressions(exprs, _) if !exprs.is_empty() => {
                Err(self.unsupported(&exprs[0], "grouping sets over a value of two names"))
            }
            _ => Ok(()),
        }
    }

    /// Engines disagree on whether a constant that is a key becomes NULL in the rows of other sets.
    fn without_constants(&self, grouping: &Grouping, exprs: &[Expr]) -> Bind<()> {
        let is_constant = |&key: &ScalarId| self.arena.columns_of(key).is_empty();
        match exprs.first().filter(|_| grouping.keys.iter().any(is_constant)) {
            Some(expr) => Err(self.unsupported(expr, "a constant in grouping sets")),
            None => Ok(()),
        }
    }

    /// The calls of `GROUPING` in expressions, outside the arguments of aggregates.
    pub(crate) fn grouping_calls(&self, exprs: &[&'a Expr]) -> Vec<&'a ast::Function> {
        let mut found = Vec::new();
        for expr in exprs {
            let functions = calls(expr, &|function| !self.is_aggregate(function));
            found.extend(functions.into_iter().filter(|function| self.is_grouping(function)));
        }
        found
    }

    fn is_grouping(&self, function: &ast::Function) -> bool {
        match &*Self::function_name(function) {
            "grouping" => true,
            "grouping_id" => matches!(self.dialect, Dialect::DuckDb | Dialect::Spark),
            _ => false,
        }
    }

    /// `GROUPING(…)` over the keys: a marker of grouping sets, and zero where every row holds every key.
    pub(crate) fn grouping_call(
        &mut self,
        function: &'a ast::Function,
        grouping: &Grouping,
    ) -> Bind<(Vec<u32>, DataType)> {
        let arguments = self.arguments(function)?;
        let name = Self::function_name(function);
        if arguments.is_star || arguments.is_distinct || !arguments.order.is_empty() || function.over.is_some() {
            return Err(self.unsupported(&function.name, "`*`, `DISTINCT`, `ORDER BY` or `OVER` in `GROUPING`"));
        }
        let is_of_all = arguments.exprs.is_empty() && &*name == "grouping_id" && self.dialect == Dialect::Spark;
        let most = if &*name == "grouping" && self.dialect == Dialect::Spark { 1 } else { 31 };
        if (arguments.exprs.is_empty() && !is_of_all) || arguments.exprs.len() > most {
            let message = format!("`{name}` got {} arguments, expected 1 to {most}", arguments.exprs.len());
            return Err(self.fault("SQL-0010", &function.name, message));
        }
        let mut of = Vec::with_capacity(arguments.exprs.len());
        for expr in arguments.exprs {
            let scalar = self.in_clause(Clause::GroupBy, |binder| binder.scalar(expr))?;
            let Some(position) = grouping.keys.iter().position(|&key| key == scalar) else {
                let fault = self.fault("SQL-0013", expr, format!("`{name}` of what is no key of `GROUP BY`"));
                return Err(Box::new(fault.with_help("add it to `GROUP BY`")));
            };
            of.push(u32::try_from(position).unwrap_or(u32::MAX));
        }
        if is_of_all {
            of = (0..u32::try_from(grouping.keys.len()).unwrap_or(u32::MAX)).collect();
        }
        let data_type = match self.dialect {
            Dialect::DuckDb | Dialect::Snowflake | Dialect::BigQuery => DataType::Int64,
            Dialect::Spark if &*name == "grouping" => DataType::Int8,
            Dialect::Spark => DataType::Int64,
            Dialect::Postgres | Dialect::DataFusion => DataType::Int32,
        };
        Ok((of, data_type))
    }

    /// The scalar of a `GROUPING` call over a plain `GROUP BY`: no key is left out of any row.
    pub(crate) fn nothing_left_out(&mut self, data_type: DataType) -> ScalarId {
        self.arena.literal(Literal::Int(0, data_type))
    }

    /// The keys of grouping sets as they come out: under ids of their own, since a row of a set that
    /// does not hold a key has NULL there. `None` where the key is in every set.
    pub(crate) fn grouped_keys(
        &mut self,
        grouping: &Grouping,
        sets: &[Vec<u32>],
        input: &Rel,
        exposed: &mut Vec<(ColumnId, bool)>,
    ) -> Vec<(ColumnId, ScalarId)> {
        let mut keys = Vec::with_capacity(grouping.keys.len());
        for (position, &scalar) in grouping.keys.iter().enumerate() {
            let hint = match self.arena[scalar] {
                Scalar::Column(id) => Arc::clone(self.arena.hint(id)),
                _ => self.item_name_of(scalar).unwrap_or_else(|| Arc::from("key")),
            };
            let id = self.arena.grouped_key(scalar, &hint);
            let id = input.fresh(id, self.arena);
            let is_in_all = sets.iter().all(|set| set.iter().any(|&key| key as usize == position));
            exposed.push((id, !is_in_all || is_nullable(scalar, &input.columns, self.arena)));
            self.level().keys.insert(scalar, id);
            keys.push((id, scalar));
        }
        keys
    }

    /// The ids of markers, each once.
    pub(crate) fn marker(
        &mut self,
        (of, data_type): (Vec<u32>, DataType),
        grouping: &Grouping,
        groups: &mut GroupingSets,
        input: &Rel,
    ) -> ColumnId {
        let scalars = of.iter().map(|&position| grouping.keys[position as usize]).collect();
        let id = self.arena.grouping(scalars, data_type, "grouping");
        let id = input.fresh(id, self.arena);
        if !groups.markers.iter().any(|(known, _)| *known == id) {
            groups.markers.push((id, of));
        }
        id
    }
}

/// Every name that a piece of syntax holds, folded; of `a.b` both parts.
fn names_in(syntax: &impl Visit) -> FxHashSet<Arc<str>> {
    let mut names = FxHashSet::default();
    let _: ControlFlow<()> = visit_expressions(syntax, |expr| {
        match expr {
            Expr::Identifier(name) => drop(names.insert(fold(&name.value))),
            Expr::CompoundIdentifier(parts) => names.extend(parts.iter().map(|part| fold(&part.value))),
            _ => {}
        }
        ControlFlow::Continue(())
    });
    names
}

fn rolled_up(parts: &[Vec<ScalarId>]) -> Vec<Vec<ScalarId>> {
    (0..=parts.len()).rev().map(|n| parts[..n].concat()).collect()
}
