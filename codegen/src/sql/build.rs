//! Operators to clauses: each operator is added to the block of its input where SQL's order of
//! evaluation permits, and to a new block over a CTE where it does not.

use std::sync::Arc;

use super::target::Target;
use isomer_ir::{ColumnId, DataType, Function, JoinKind, Literal, Scalar, ScalarId, SetOpKind, SortKey, WindowCall};
use rustc_hash::FxHashMap;

use super::block::{Block, Env, Order, SetBlock, SourceKind};
use super::dag::{NodeId, Op};
use super::expr::{ExprId, Kind, Level, Node};
use super::name::{Taken, identifier, quoted, requoted};
use super::statement::{Statement, compares_rows};
use crate::CodegenError;

/// An expression of this many nodes is computed once and named rather than written twice.
const REPEATED_SIZE: u64 = 16;

/// Stack kept free at each level of a plan, and taken anew when it is used up, in bytes.
const RED_ZONE: usize = 128 * 1024;
const STACK_STEP: usize = 2 * 1024 * 1024;

impl<'p> Statement<'_, 'p> {
    /// The block of a node.
    pub(super) fn build(&mut self, node: NodeId) -> Result<Block, CodegenError> {
        if node == self.dag.root || !self.is_written_once(node) {
            return stacker::maybe_grow(RED_ZONE, STACK_STEP, || self.build_operator(node));
        }
        if let Some(cte) = self.written.get(&node).copied().or_else(|| self.written_elsewhere(node)) {
            return Ok(self.reading_cte(cte));
        }
        let block = stacker::maybe_grow(RED_ZONE, STACK_STEP, || self.build_operator(node))?;
        let name = self.dag.info(node).name.as_ref().map(|name| identifier(name, "step"));
        let block = self.wrap(block, name.as_deref())?;
        if let [item] = block.items.as_slice()
            && let SourceKind::Cte(cte) = self.sources[item.source.0 as usize].kind
            && block
                .env
                .iter()
                .all(|(id, &expr)| matches!(self.speller.exprs[expr], Node::Field { column, .. } if column == *id))
        {
            self.remember(node, cte);
        }
        Ok(block)
    }

    /// Whether a node becomes a CTE: the user named it, or it is costly and read twice.
    fn is_written_once(&self, node: NodeId) -> bool {
        let info = self.dag.info(node);
        let is_trivial = match self.dag.op(node) {
            Op::Scan { .. } | Op::ScanAt { .. } | Op::WorkTable { .. } | Op::Instance { .. } => true,
            // Each reader has conditions of its own, without which an engine would store every pair.
            Op::Join { kind: JoinKind::Inner, on: [], .. } if info.name.is_none() => true,
            Op::Project { input, exprs } => {
                matches!(self.dag.op(input), Op::Scan { .. })
                    && exprs.iter().all(|(_, scalar)| matches!(self.speller.arena[*scalar], Scalar::Column(_)))
            }
            Op::Values { .. }
            | Op::Empty { .. }
            | Op::Filter { .. }
            | Op::Join { .. }
            | Op::Aggregate { .. }
            | Op::GroupingSets { .. }
            | Op::Distinct { .. }
            | Op::Unnest { .. }
            | Op::Window { .. }
            | Op::Sort { .. }
            | Op::Limit { .. }
            | Op::Combine { .. }
            | Op::RecursiveUnion { .. }
            | Op::Sample { .. }
            | Op::Hole { .. } => false,
        };
        !is_trivial && (info.name.is_some() || (info.is_heavy && info.n_readers > 1))
    }

    fn build_operator(&mut self, node: NodeId) -> Result<Block, CodegenError> {
        let mut block = match self.dag.op(node) {
            Op::Scan { table, columns } => self.scan(node, table, columns)?,
            Op::Values { columns, rows } => self.values(node, columns, rows)?,
            Op::Empty { columns } => self.empty(columns)?,
            Op::Filter { input, holds } => self.filter(input, holds)?,
            Op::Project { input, exprs } => self.project(node, input, exprs)?,
            Op::Join { kind, left, right, on } => self.join(node, kind, left, right, on)?,
            Op::Aggregate { input, keys, calls } => self.aggregate(node, input, keys, calls)?,
            Op::GroupingSets { input, groups } => self.grouping_sets(node, input, groups)?,
            Op::Distinct { input } => self.distinct(input)?,
            Op::Window { input, calls } => self.window(node, input, calls)?,
            Op::Unnest { input, list, column, position, is_outer } => {
                self.unnest(input, list, (column, position), is_outer)?
            }
            Op::Sort { input, keys } => self.sort(input, keys)?,
            Op::Limit { input, skip, fetch } => self.limit(input, skip, fetch)?,
            Op::Combine { kind, first, columns, inputs } => {
                let taken: Vec<&[ColumnId]> = inputs.iter().map(|(_, taken)| taken.as_slice()).collect();
                self.set_op(node, kind, first, &taken, columns)?
            }
            Op::RecursiveUnion { input, recursion, step } => self.recursion(node, input, recursion, step)?,
            Op::WorkTable { columns } => self.work_table(node, columns)?,
            Op::Sample { input, sampling } => self.sample(input, sampling)?,
            Op::ScanAt { table, version, columns } => self.scan_at(node, table, version, columns)?,
            Op::Instance { input, .. } => self.instance(node, input)?,
            Op::Hole { .. } => {
                return Err(self.speller.refuse(
                    "GEN-0003",
                    "a hole of a rule template",
                    "only bound models are written",
                ));
            }
        };
        let is_fixed = block.is_distinct || block.set.as_ref().is_some_and(|set| compares_rows(set.kind));
        if !is_fixed {
            let demand = &self.dag.info(node).demand;
            block.env.retain(|id, _| demand.contains(id));
        }
        Ok(block)
    }

    /// The name of a table as it is declared, and those of its columns as the target quotes them.
    pub(super) fn scanned(
        &self,
        table: &Arc<str>,
        columns: &[ColumnId],
    ) -> Result<(Arc<str>, FxHashMap<ColumnId, String>), CodegenError> {
        let Some(found) = self.catalog.get(table).filter(|found| found.columns.len() == columns.len()) else {
            let construct = format!("a read of `{table}`, which the catalog does not hold,");
            return Err(self.speller.refuse("GEN-0002", construct, "declare the table with its columns"));
        };
        let dialect = self.dialect();
        let names =
            columns.iter().zip(&found.columns).map(|(id, column)| (*id, quoted(&column.name, dialect))).collect();
        Ok((Arc::clone(&found.sql_name), names))
    }

    fn scan(&mut self, node: NodeId, table: &Arc<str>, columns: &[ColumnId]) -> Result<Block, CodegenError> {
        let (sql_name, names) = self.scanned(table, columns)?;
        let sql_name = requoted(&sql_name, self.dialect());
        let source = self.source(SourceKind::Table(sql_name.into()), names);
        let demanded = self.dag.demanded(node);
        Ok(self.reading(source, &demanded))
    }

    fn values(&mut self, node: NodeId, columns: &[ColumnId], rows: &[Vec<ScalarId>]) -> Result<Block, CodegenError> {
        if rows.is_empty() {
            return self.empty(columns);
        }
        let nothing = Env::default();
        if let [row] = rows {
            let mut block = Block::default();
            for (id, scalar) in columns.iter().zip(row) {
                let expr = self.speller.output(&nothing, *scalar)?;
                block.env.insert(*id, expr);
            }
            return Ok(block);
        }
        let demanded = self.dag.demanded(node);
        let positions: Vec<usize> = (0..columns.len()).filter(|&i| demanded.contains(&columns[i])).collect();
        let mut taken = Taken::default();
        let mut names: Vec<String> = positions
            .iter()
            .map(|&i| taken.unique(&identifier(self.speller.arena.hint(columns[i]), "value")))
            .collect();
        let mut written = Vec::with_capacity(rows.len());
        for row in rows {
            let mut exprs = Vec::with_capacity(positions.len());
            for &i in &positions {
                exprs.push(self.speller.output(&nothing, row[i])?);
            }
            if exprs.is_empty() {
                exprs.push(self.speller.exprs.text("1", Level::Primary));
            }
            written.push(exprs);
        }
        if names.is_empty() {
            names.push("one".to_owned());
        }
        let dialect = self.dialect();
        let quoted_names = positions.iter().zip(&names).map(|(&i, name)| (columns[i], quoted(name, dialect))).collect();
        let source = self.source(SourceKind::Values { rows: written, names }, quoted_names);
        Ok(self.reading(source, &demanded))
    }

    fn empty(&mut self, columns: &[ColumnId]) -> Result<Block, CodegenError> {
        let mut block = Block::default();
        for &id in columns {
            let null = self.speller.literal(&Literal::Null(self.speller.arena.column_type(id)))?;
            block.env.insert(id, null);
        }
        block.filter.push(self.speller.exprs.text("FALSE", Level::Primary));
        Ok(block)
    }

    fn filter(&mut self, input: NodeId, holds: &[ScalarId]) -> Result<Block, CodegenError> {
        let mut block = self.build(input)?;
        if block.is_closed() {
            block = self.wrap(block, None)?;
        }
        block = self.name_repeated(block, holds, false)?;
        let mut conjuncts = self.conjuncts(&block.env, holds)?;
        if block.has_window(&self.speller.exprs) {
            let has_call = conjuncts.iter().any(|&expr| self.speller.exprs.facts(expr).has_window);
            if has_call && self.dialect() == Target::DuckDb && block.limit.is_none() {
                block.qualify.append(&mut conjuncts);
                return Ok(block);
            }
            block = self.wrap(block, None)?;
            conjuncts = self.conjuncts(&block.env, holds)?;
        }
        if block.group.is_some() {
            block.having.append(&mut conjuncts);
        } else {
            block.filter.append(&mut conjuncts);
        }
        Ok(block)
    }

    /// Conjuncts of predicates, spelled.
    pub(super) fn conjuncts(&mut self, env: &Env, holds: &[ScalarId]) -> Result<Vec<ExprId>, CodegenError> {
        let mut exprs = Vec::with_capacity(holds.len());
        let mut flat = Vec::new();
        for &predicate in holds {
            flat.extend(self.speller.arena.conjuncts(predicate));
        }
        for group in self.speller.ranges(&flat) {
            exprs.push(self.speller.conjunct(env, group)?);
        }
        Ok(exprs)
    }

    fn project(&mut self, node: NodeId, input: NodeId, exprs: &[(ColumnId, ScalarId)]) -> Result<Block, CodegenError> {
        let mut block = self.build(input)?;
        let demand = &self.dag.info(node).demand;
        let shown: Vec<(ColumnId, ScalarId)> = exprs.iter().filter(|(id, _)| demand.contains(id)).copied().collect();
        if block.is_closed()
            && !self.is_renaming(&block, &shown)
            && (block.limit.is_none() || block.is_distinct || block.set.is_some())
        {
            block = self.wrap(block, None)?;
        }
        let scalars: Vec<ScalarId> = shown.iter().map(|(_, scalar)| *scalar).collect();
        block = self.name_repeated(block, &scalars, true)?;
        let mut env = Env::default();
        for (id, scalar) in shown {
            let expr = self.speller.output(&block.env, scalar)?;
            env.insert(id, expr);
        }
        block.env = env;
        Ok(block)
    }

    /// Whether a projection only renames what a closed block shows, each column that matters once.
    fn is_renaming(&self, block: &Block, exprs: &[(ColumnId, ScalarId)]) -> bool {
        let mut shown = Vec::new();
        for (_, scalar) in exprs {
            let Scalar::Column(id) = self.speller.arena[*scalar] else { return false };
            shown.push(id);
        }
        let is_whole = block.is_distinct || block.set.as_ref().is_some_and(|set| compares_rows(set.kind));
        shown.sort_unstable();
        shown.dedup();
        let is_order_kept =
            block.order.iter().all(|key| block.env.iter().any(|(id, &expr)| expr == key.expr && shown.contains(id)));
        is_order_kept && (!is_whole || (shown.len() == block.env.len() && shown.len() == exprs.len()))
    }

    fn aggregate(
        &mut self,
        node: NodeId,
        input: NodeId,
        keys: &[(ColumnId, ScalarId)],
        calls: &[(ColumnId, isomer_ir::AggregateCall)],
    ) -> Result<Block, CodegenError> {
        let demanded = self.dag.demanded(node);
        let calls: Vec<_> = calls.iter().filter(|(id, _)| demanded.contains(id)).collect();
        if keys.is_empty() && calls.is_empty() {
            // Exactly one row without columns.
            return Ok(Block::default());
        }
        let mut block = self.build(input)?;
        block.forget_order();
        let mut scalars: Vec<ScalarId> = keys.iter().map(|(_, scalar)| *scalar).collect();
        for (_, call) in &calls {
            scalars.extend(call.args.iter().copied().chain(call.filter).chain(call.order.iter().map(|key| key.scalar)));
        }
        if !block.is_plain(&self.speller.exprs) || self.reads_subquery(&block, &scalars) {
            block = self.wrap(block, None)?;
        }
        block = self.name_repeated(block, &scalars, false)?;
        let mut env = Env::default();
        let mut group = Vec::new();
        for (id, scalar) in keys {
            let expr = self.speller.output(&block.env, *scalar)?;
            env.insert(*id, expr);
            // A constant in GROUP BY would be read as a position.
            if self.speller.exprs.kind(expr) != Kind::Literal && !group.contains(&expr) {
                group.push(expr);
            }
        }
        if self.speller.dialect == Target::DataFusion {
            if calls.is_empty() {
                // DataFusion 54 gives two casts of one column one name in GROUP BY.
                block.env = env;
                block.is_distinct = true;
                return Ok(block);
            }
            self.leave_out_determined(&mut group);
        }
        if group.is_empty() && !keys.is_empty() {
            // Constant keys alone: one group where there are rows, none where there are not.
            let count = self.speller.exprs.template_of(Kind::Aggregate, Level::Primary, "COUNT(*)", &[]);
            block.having.push(self.speller.exprs.template(Level::Compare, "@ > 0", &[count]));
        }
        for (id, call) in calls {
            let expr = self.speller.aggregate(&block.env, call)?;
            env.insert(*id, expr);
        }
        block.env = env;
        block.group = Some(group);
        Ok(block)
    }

    /// Leaves out group keys that are computed from other keys: DataFusion 54 does so by itself, and then
    /// fails where one of the two is a cast of the other.
    fn leave_out_determined(&self, group: &mut Vec<ExprId>) {
        let exprs = &self.speller.exprs;
        let is_bare = |expr: ExprId| matches!(exprs[expr], Node::Field { .. });
        let bare: Vec<ExprId> = group.iter().copied().filter(|&expr| is_bare(expr)).collect();
        group.retain(|&expr| {
            let facts = exprs.facts(expr);
            let mut is_determined = !is_bare(expr) && !facts.is_volatile && !facts.has_subquery;
            let mut reads = false;
            exprs.visit(&[expr], &mut |id, _| {
                reads |= is_bare(id);
                is_determined &= !is_bare(id) || bare.contains(&id);
            });
            !(is_determined && reads)
        });
    }

    fn distinct(&mut self, input: NodeId) -> Result<Block, CodegenError> {
        let mut block = self.build(input)?;
        block.forget_order();
        if block.is_distinct && block.limit.is_none() {
            return Ok(block);
        }
        if block.is_closed() {
            block = self.wrap(block, None)?;
        }
        block.is_distinct = true;
        Ok(block)
    }

    fn window(&mut self, node: NodeId, input: NodeId, calls: &[(ColumnId, WindowCall)]) -> Result<Block, CodegenError> {
        let mut block = self.build(input)?;
        let demanded = self.dag.demanded(node);
        let calls: Vec<_> = calls.iter().filter(|(id, _)| demanded.contains(id)).collect();
        if calls.is_empty() {
            return Ok(block);
        }
        block.forget_order();
        let mut scalars = Vec::new();
        for (_, call) in &calls {
            scalars.extend(call.args.iter().chain(&call.partition).copied().chain(call.filter));
            scalars.extend(call.order.iter().map(|key| key.scalar));
        }
        let reads_window = self.reads(&block, &scalars, |facts| facts.has_window);
        let is_grouped_by_nothing_shown = block.group.as_ref().is_some_and(Vec::is_empty);
        if block.is_closed()
            || !block.qualify.is_empty()
            || reads_window
            || is_grouped_by_nothing_shown
            || self.reads_subquery(&block, &scalars)
        {
            block = self.wrap(block, None)?;
        }
        block = self.name_repeated(block, &scalars, false)?;
        for (id, call) in calls {
            let expr = self.speller.window(&block.env, call)?;
            block.env.insert(*id, expr);
        }
        Ok(block)
    }

    fn sort(&mut self, input: NodeId, keys: &[SortKey]) -> Result<Block, CodegenError> {
        let mut block = self.build(input)?;
        let is_bare = keys.iter().all(|key| matches!(self.speller.arena[key.scalar], Scalar::Column(_)));
        let scalars: Vec<ScalarId> = keys.iter().map(|key| key.scalar).collect();
        if block.limit.is_some() || (block.is_closed() && !is_bare) || self.reads_subquery(&block, &scalars) {
            block = self.wrap(block, None)?;
        }
        block.order = self.order(&block.env, keys)?;
        Ok(block)
    }

    fn order(&mut self, env: &Env, keys: &[SortKey]) -> Result<Vec<Order>, CodegenError> {
        let mut order = Vec::with_capacity(keys.len());
        for key in keys {
            if matches!(self.speller.arena[key.scalar], Scalar::Literal(_)) {
                continue;
            }
            self.speller.is_ordered_alike(key.scalar)?;
            let expr = self.speller.scalar(env, key.scalar)?;
            order.push(Order { expr, is_descending: key.is_descending, is_nulls_first: key.is_nulls_first });
        }
        Ok(order)
    }

    fn limit(&mut self, input: NodeId, skip: u64, fetch: Option<u64>) -> Result<Block, CodegenError> {
        let mut block = self.build(input)?;
        if block.limit.is_some() {
            block = self.wrap(block, None)?;
        }
        block.limit = Some((skip, fetch));
        Ok(block)
    }

    fn set_op(
        &mut self,
        node: NodeId,
        kind: SetOpKind,
        first: u32,
        taken: &[&[ColumnId]],
        columns: &[ColumnId],
    ) -> Result<Block, CodegenError> {
        let inputs = self.dag.branches(first).to_vec();
        let mut branches = Vec::with_capacity(inputs.len());
        for (input, taken) in inputs.into_iter().zip(taken) {
            let mut block = self.build(input)?;
            block.forget_order();
            let is_whole = block.is_distinct && {
                let mut ids = taken.to_vec();
                ids.sort_unstable();
                ids.dedup();
                ids.len() == block.env.len()
            };
            if block.set.is_some() || block.limit.is_some() || (block.is_distinct && !is_whole) {
                block = self.wrap(block, None)?;
            }
            branches.push((block, taken.to_vec()));
        }
        let shown = if compares_rows(kind) { columns.to_vec() } else { self.dag.demanded(node) };
        let source = self.source(SourceKind::Output, FxHashMap::default());
        let mut env = Env::default();
        for id in shown {
            let field = self.field(source, id);
            env.insert(id, field);
        }
        Ok(Block {
            env,
            set: Some(Box::new(SetBlock { kind, branches, columns: columns.to_vec() })),
            ..Block::default()
        })
    }

    fn instance(&mut self, node: NodeId, input: NodeId) -> Result<Block, CodegenError> {
        let mut block = self.build(input)?;
        let renamed: FxHashMap<ColumnId, ColumnId> =
            self.dag.info(input).columns.iter().copied().zip(self.dag.info(node).columns.iter().copied()).collect();
        block.env = block.env.into_iter().filter_map(|(id, expr)| Some((*renamed.get(&id)?, expr))).collect();
        Ok(block)
    }

    /// Names, in a CTE, what `scalars` would otherwise write or compute more than once.
    pub(super) fn name_repeated(
        &mut self,
        block: Block,
        scalars: &[ScalarId],
        is_projection: bool,
    ) -> Result<Block, CodegenError> {
        let exprs = &self.speller.exprs;
        let is_large = |id: ExprId| exprs.facts(id).size >= REPEATED_SIZE || exprs.facts(id).is_volatile;
        if block.is_closed() || !block.env.values().any(|&expr| is_large(expr)) {
            return Ok(block);
        }
        let counts = self.speller.occurrences(scalars);
        let is_repeated = block.env.iter().any(|(id, &expr)| {
            let count = counts.get(id).copied().unwrap_or(0);
            let is_moved = exprs.facts(expr).is_volatile && !is_projection && count > 0;
            is_large(expr) && (count > 1 || is_moved)
        });
        if is_repeated { self.wrap(block, None) } else { Ok(block) }
    }

    pub(super) fn reads_subquery(&self, block: &Block, scalars: &[ScalarId]) -> bool {
        self.reads(block, scalars, |facts| facts.has_subquery)
    }

    /// Whether `scalars` read a column of the block of which `claim` holds.
    pub(super) fn reads(&self, block: &Block, scalars: &[ScalarId], claim: fn(super::expr::Facts) -> bool) -> bool {
        if !block.env.values().any(|&expr| claim(self.speller.exprs.facts(expr))) {
            return false;
        }
        scalars.iter().any(|&scalar| {
            let columns = self.speller.arena.columns_of(scalar);
            columns.iter().any(|id| block.env.get(id).is_some_and(|&expr| claim(self.speller.exprs.facts(expr))))
        })
    }

    /// Whether a scalar is an equality; gives its sides.
    pub(super) fn equality(&self, scalar: ScalarId) -> Option<(ScalarId, ScalarId)> {
        match &self.speller.arena[scalar] {
            Scalar::Call { function: Function::Eq, args, data_type: DataType::Boolean } => match args.as_slice() {
                [left, right] => Some((*left, *right)),
                _ => None,
            },
            _ => None,
        }
    }
}
