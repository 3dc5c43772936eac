//! A statement under construction: its relations, CTEs and finished queries, and the two moves all
//! operators share: closing a block into a query, and wrapping it into a CTE.

use std::sync::Arc;

use super::target::Target;
use isomer_ir::{Catalog, ColumnId, Plan, SetOpKind};
use rustc_hash::FxHashMap;

use super::block::{Block, Body, Cte, Env, Item, MarkedName, Query, Select, Source, SourceKind};
use super::dag::{Dag, NodeId};
use super::expr::{ExprId, Kind, Level, Node, QueryId, SourceId};
use super::from::{arrange, has_null_safe_below_full};
use super::name::{Taken, identifier, last_part, quoted};
use super::spell::Speller;
use crate::CodegenError;

/// A statement under construction.
#[derive(Debug)]
pub(super) struct Statement<'a, 'p> {
    pub(super) speller: Speller<'a>,
    pub(super) catalog: &'a Catalog,
    pub(super) dag: Dag<'p>,
    pub(super) sources: Vec<Source>,
    pub(super) queries: Vec<Query>,
    pub(super) ctes: Vec<Cte>,
    /// Columns of each CTE with their names.
    pub(super) cte_columns: Vec<Vec<(ColumnId, String)>>,
    /// Names of CTEs and of the tables that are read.
    pub(super) names: Taken,
    /// CTEs of nodes that are written once.
    pub(super) written: FxHashMap<NodeId, usize>,
    /// The same by what they are, for the graphs of steps; those that read no work table.
    pub(super) written_plans: FxHashMap<&'p Plan, usize>,
    /// Recursions whose steps are being written, innermost last: number, name, names of the columns.
    pub(super) work: Vec<(u32, Arc<str>, Vec<String>)>,
    pub(super) n_recursions: u32,
}

impl<'a, 'p> Statement<'a, 'p> {
    pub(super) fn new(speller: Speller<'a>, catalog: &'a Catalog, dag: Dag<'p>, tables: &[Arc<str>]) -> Self {
        let mut names = Taken::default();
        for table in tables {
            names.take(table);
            names.take(last_part(table));
        }
        Self {
            speller,
            catalog,
            dag,
            sources: Vec::new(),
            queries: Vec::new(),
            ctes: Vec::new(),
            cte_columns: Vec::new(),
            names,
            written: FxHashMap::default(),
            written_plans: FxHashMap::default(),
            work: Vec::new(),
            n_recursions: 0,
        }
    }

    pub(super) fn dialect(&self) -> Target {
        self.speller.dialect
    }

    /// A reference to a column of a relation.
    pub(super) fn field(&mut self, source: SourceId, column: ColumnId) -> ExprId {
        self.speller.exprs.add(Node::Field { source, column })
    }

    /// A new relation.
    pub(super) fn source(&mut self, kind: SourceKind, names: FxHashMap<ColumnId, String>) -> SourceId {
        self.sources.push(Source { kind, names });
        SourceId(u32::try_from(self.sources.len() - 1).unwrap_or(u32::MAX))
    }

    /// A block that reads `columns` of one relation.
    pub(super) fn reading(&mut self, source: SourceId, columns: &[ColumnId]) -> Block {
        let mut env = Env::default();
        for &column in columns {
            let field = self.field(source, column);
            env.insert(column, field);
        }
        Block {
            items: vec![Item { attach: super::block::Attach::Inner, source, on: Vec::new() }],
            env,
            ..Block::default()
        }
    }

    /// A block that reads a CTE.
    pub(super) fn reading_cte(&mut self, cte: usize) -> Block {
        let columns = self.cte_columns[cte].clone();
        let dialect = self.dialect();
        self.ctes[cte].n_readers += 1;
        let names = columns.iter().map(|(id, name)| (*id, quoted(name, dialect))).collect();
        let source = self.source(SourceKind::Cte(cte), names);
        let ids: Vec<ColumnId> = columns.iter().map(|(id, _)| *id).collect();
        self.reading(source, &ids)
    }

    /// Writes a block as a CTE and gives a block that reads it. A block that only reads another
    /// relation stays as it is.
    pub(super) fn wrap(&mut self, block: Block, name: Option<&str>) -> Result<Block, CodegenError> {
        if self.is_bare_read(&block) {
            return Ok(block);
        }
        let cte = self.write_cte(block, name)?;
        Ok(self.reading_cte(cte))
    }

    /// Writes a block as a CTE.
    pub(super) fn write_cte(&mut self, mut block: Block, name: Option<&str>) -> Result<usize, CodegenError> {
        block.forget_order();
        let name = match name {
            Some(name) => name.to_owned(),
            None => self.content_name(&block),
        };
        let mut taken = Taken::default();
        if self.speller.dialect == Target::DataFusion {
            // DataFusion 54 refuses `ORDER BY t.a` beside an output `a` that is another value.
            self.take_names_of_order(&block, &mut taken);
        }
        let mut columns = Vec::with_capacity(block.env.len());
        for &id in block.env.keys() {
            let hint = identifier(self.speller.arena.hint(id), "value");
            columns.push((id, taken.unique(&hint)));
        }
        let is_volatile = self.is_volatile(&block);
        let outs: Vec<(ColumnId, Arc<str>)> =
            columns.iter().map(|(id, name)| (*id, Arc::from(name.as_str()))).collect();
        let query = self.finish(block, &outs)?;
        let name = self.names.unique(&name);
        let within = self.recursion_read(query);
        self.ctes.push(Cte { name, query, is_volatile, n_readers: 0, is_recursive: false, within, recursion: 0 });
        self.cte_columns.push(columns);
        Ok(self.ctes.len() - 1)
    }

    fn take_names_of_order(&self, block: &Block, taken: &mut Taken) {
        for name in self.hidden_names_of_order(block) {
            taken.take(&name);
        }
    }

    /// Names of the columns that the order of a block reads and no output shows.
    pub(super) fn hidden_names_of_order(&self, block: &Block) -> Vec<String> {
        let shown: Vec<ExprId> = block.env.values().copied().collect();
        let hidden: Vec<ExprId> = block.order.iter().map(|key| key.expr).filter(|expr| !shown.contains(expr)).collect();
        let mut names = Vec::new();
        self.speller.exprs.visit(&hidden, &mut |_, node| {
            if let Node::Field { source, column } = node {
                names.extend(self.sources[source.0 as usize].names.get(column).cloned());
            }
        });
        names
    }

    /// Closes a block: `outs` are the output columns in order with their names.
    pub(super) fn finish(&mut self, block: Block, outs: &[(ColumnId, Arc<str>)]) -> Result<QueryId, CodegenError> {
        let Block { items, env, filter, group, sets, mut having, qualify, is_distinct, mut order, limit, set } = block;
        // A constant in ORDER BY would be read as a position.
        order.retain(|key| self.speller.exprs.kind(key.expr) != Kind::Literal);
        let body = if let Some(set) = set {
            for key in &mut order {
                let name = outs.iter().find(|(id, _)| env.get(id) == Some(&key.expr)).map(|(_, name)| name);
                let name =
                    name.map(|name| quoted(name, self.speller.dialect)).ok_or_else(|| self.speller.lost_scalar())?;
                key.expr = self.speller.exprs.text(name, Level::Primary);
            }
            let mut branches = Vec::new();
            for (branch, taken) in set.branches {
                let mut picked = Vec::with_capacity(outs.len());
                for (id, name) in outs {
                    let position = self.set_position(&env, *id, &set.columns)?;
                    picked.push((taken[position], Arc::clone(name)));
                }
                let is_narrowed =
                    branch.is_distinct && !branch.env.keys().all(|id| picked.iter().any(|(other, _)| other == id));
                let branch = if is_narrowed { self.wrap(branch, None)? } else { branch };
                branches.push(self.finish(branch, &picked)?);
            }
            Body::Set { kind: set.kind, branches }
        } else {
            let mut columns = Vec::with_capacity(outs.len().max(1));
            for (id, name) in outs {
                columns.push((self.speller.look_up(&env, *id)?, Arc::clone(name)));
            }
            if columns.is_empty() {
                let one = self.speller.exprs.template_of(Kind::Literal, Level::Primary, "1", &[]);
                columns.push((one, Arc::from("one")));
            }
            let exprs = &mut self.speller.exprs;
            let is_grouping_shown = columns.iter().map(|(id, _)| *id).chain(having.iter().copied());
            if group.as_ref().is_some_and(Vec::is_empty)
                && sets.is_empty()
                && !is_grouping_shown.into_iter().any(|id| exprs.facts(id).has_aggregate)
            {
                // Without an aggregate in sight SQL would not group at all.
                let count = exprs.template_of(Kind::Aggregate, Level::Primary, "COUNT(*)", &[]);
                having.push(exprs.template(Level::Compare, "@ >= 0", &[count]));
            }
            if has_null_safe_below_full(&items, &self.speller.exprs) {
                // DataFusion 54 takes it for a plain equality there, and rows are lost.
                let help = "join the relations of the null-safe condition in a sub-query of their own";
                let construct = "a null-safe join condition among other joins below a FULL JOIN";
                return Err(self.speller.refuse("GEN-0032", construct, help));
            }
            let (items, filter) = arrange(items, filter, &self.speller.exprs);
            Body::Select(Select {
                is_distinct,
                columns,
                items,
                filter,
                group: group.unwrap_or_default(),
                sets,
                having,
                qualify,
            })
        };
        self.queries.push(Query { body, order, limit });
        Ok(QueryId(u32::try_from(self.queries.len() - 1).unwrap_or(u32::MAX)))
    }

    /// Closes a block into a subquery of an expression, whose columns nobody names.
    pub(super) fn finish_unnamed(
        &mut self,
        block: Block,
        outs: &[(ColumnId, Arc<str>)],
    ) -> Result<QueryId, CodegenError> {
        let id = self.finish(block, outs)?;
        if let Body::Select(select) = &mut self.queries[id.0 as usize].body {
            for (_, name) in &mut select.columns {
                *name = Arc::from("");
            }
        }
        Ok(id)
    }

    /// Whether the order of a block is one of the columns `outs`.
    pub(super) fn covers_order(&self, block: &Block, outs: &[(ColumnId, Arc<str>)]) -> bool {
        block.order.iter().all(|key| outs.iter().any(|(id, _)| block.env.get(id) == Some(&key.expr)))
    }

    /// Position of a set operation's output column.
    fn set_position(&self, env: &Env, id: ColumnId, columns: &[ColumnId]) -> Result<usize, CodegenError> {
        let position = match env.get(&id).map(|&expr| &self.speller.exprs[expr]) {
            Some(Node::Field { column, .. }) => columns.iter().position(|other| other == column),
            _ => None,
        };
        position.ok_or_else(|| self.speller.lost_column(id))
    }

    /// Whether a block does nothing but read columns of one relation.
    pub(super) fn is_bare_read(&self, block: &Block) -> bool {
        let [item] = block.items.as_slice() else { return false };
        block.filter.is_empty()
            && block.group.is_none()
            && block.having.is_empty()
            && block.qualify.is_empty()
            && !block.is_closed()
            && !matches!(self.sources[item.source.0 as usize].kind, SourceKind::Output | SourceKind::Marked { .. })
            && block.env.values().all(|&expr| matches!(self.speller.exprs[expr], Node::Field { .. }))
    }

    pub(super) fn is_volatile(&self, block: &Block) -> bool {
        let exprs = block.env.values().chain(&block.filter).chain(&block.having).chain(&block.qualify);
        exprs.copied().any(|expr| self.speller.exprs.facts(expr).is_volatile)
            || block.items.iter().any(|item| match self.sources[item.source.0 as usize].kind {
                SourceKind::Cte(cte) => self.ctes[cte].is_volatile,
                SourceKind::Marked { is_volatile, .. } => is_volatile,
                SourceKind::Table(_) | SourceKind::Values { .. } | SourceKind::Work { .. } | SourceKind::Output => {
                    false
                }
            })
            || block.set.as_ref().is_some_and(|set| set.branches.iter().any(|(branch, _)| self.is_volatile(branch)))
    }

    /// A name that tells what a block computes: `orders_by_customer`, `events_ranked`.
    fn content_name(&self, block: &Block) -> String {
        if block.set.is_some() {
            return "combined".to_owned();
        }
        let bases: Vec<String> = block.items.iter().map(|item| self.base_name(item.source)).collect();
        let base = bases.first().cloned().unwrap_or_else(|| "constants".to_owned());
        let name = if let Some(group) = &block.group {
            let keys: Vec<String> = group.iter().filter_map(|&key| self.name_of_key(block, key)).take(2).collect();
            if keys.is_empty() { format!("{base}_totals") } else { format!("{base}_by_{}", keys.join("_")) }
        } else if block.env.values().any(|&expr| self.has_ranking(expr)) {
            format!("{base}_ranked")
        } else if block.has_window(&self.speller.exprs) {
            format!("{base}_windowed")
        } else if let [left, right] = bases.as_slice() {
            format!("{left}_with_{right}")
        } else if bases.len() > 2 {
            "joined".to_owned()
        } else if block.limit.is_some() {
            format!("top_{base}")
        } else if block.is_distinct {
            format!("distinct_{base}")
        } else if block.filter.is_empty() {
            format!("{base}_prepared")
        } else {
            format!("filtered_{base}")
        };
        if name.len() <= 40 { name } else { format!("step_{}", self.ctes.len() + 1) }
    }

    fn base_name(&self, source: SourceId) -> String {
        match &self.sources[source.0 as usize].kind {
            SourceKind::Table(name) | SourceKind::Marked { name: MarkedName::Table(name), .. } => {
                identifier(last_part(name), "rows")
            }
            SourceKind::Work { name, .. } => identifier(name, "rows"),
            SourceKind::Cte(cte) | SourceKind::Marked { name: MarkedName::Cte(cte), .. } => {
                identifier(&self.ctes[*cte].name, "rows")
            }
            SourceKind::Values { .. } | SourceKind::Output => "rows".to_owned(),
        }
    }

    fn name_of_key(&self, block: &Block, key: ExprId) -> Option<String> {
        let (id, _) = block.env.iter().find(|(_, expr)| **expr == key)?;
        Some(identifier(self.speller.arena.hint(*id), "key"))
    }

    fn has_ranking(&self, expr: ExprId) -> bool {
        let mut is_ranking = false;
        if self.speller.exprs.facts(expr).has_window {
            self.speller.exprs.visit(&[expr], &mut |_, node| {
                is_ranking |= matches!(node, Node::Pieces { kind: Kind::Ranking, .. });
            });
        }
        is_ranking
    }
}

/// Whether a set operation compares whole rows, so that no column may be left out or added.
pub(super) fn compares_rows(kind: SetOpKind) -> bool {
    match kind {
        SetOpKind::UnionAll => false,
        SetOpKind::Union
        | SetOpKind::Intersect
        | SetOpKind::IntersectAll
        | SetOpKind::Except
        | SetOpKind::ExceptAll => true,
    }
}
