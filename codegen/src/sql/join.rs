//! Joins: into the `FROM` list where the join has columns to show, into a subquery predicate where
//! it only tests, into a scalar subquery where it fetches one value.

use std::sync::Arc;

use super::target::Target;
use isomer_ir::{ColumnId, JoinKind, Scalar, ScalarId};
use rustc_hash::FxHashSet;

use super::block::{Attach, Block, Env};
use super::dag::{NodeId, Op};
use super::expr::{ExprId, Level, Node, SubqueryKind};
use super::from::sources_of;
use super::full_join::first_field;
use super::statement::Statement;
use crate::CodegenError;

impl Statement<'_, '_> {
    pub(super) fn join(
        &mut self,
        node: NodeId,
        kind: JoinKind,
        left: NodeId,
        right: NodeId,
        on: &[ScalarId],
    ) -> Result<Block, CodegenError> {
        if let Some(block) = self.asof(node, kind, left, right, on)? {
            return Ok(block);
        }
        let demand = &self.dag.info(node).demand;
        let shown: Vec<ColumnId> =
            self.dag.info(right).columns.iter().copied().filter(|column| demand.contains(column)).collect();
        match kind {
            JoinKind::Inner => {
                let fetched = self.dag.demanded(right);
                if self.dag.is_one_row(right) && fetched.len() <= 1 {
                    return self.with_values(left, right, on, &fetched);
                }
                self.inner(left, right, on)
            }
            JoinKind::Left => {
                if on.is_empty() && shown.len() <= 1 && self.dag.is_at_most_one_row(right) {
                    return self.with_values(left, right, &[], &shown);
                }
                self.outer(Attach::Left, left, right, on)
            }
            JoinKind::Full => self.outer(Attach::Full, left, right, on),
            JoinKind::Semi => self.semi(left, right, on),
            JoinKind::Anti => self.exists(left, right, on, true),
            JoinKind::AntiNullAware => match self.not_in(left, right, on) {
                Err(_) if matches!(self.dialect(), Target::DuckDb | Target::Postgres) => {
                    self.none_possible(left, right, on)
                }
                block => block,
            },
            JoinKind::Single => self.single(left, right, on, &shown),
            JoinKind::Mark(mark) => {
                if demand.contains(&mark) {
                    self.mark(left, right, on, mark)
                } else {
                    self.build(left)
                }
            }
        }
    }

    /// Left rows with columns of a relation of one row, as scalar subqueries.
    fn with_values(
        &mut self,
        left: NodeId,
        right: NodeId,
        on: &[ScalarId],
        shown: &[ColumnId],
    ) -> Result<Block, CodegenError> {
        let mut block = self.build(left)?;
        if block.is_closed() || block.has_window(&self.speller.exprs) {
            block = self.wrap(block, None)?;
        }
        block.forget_order();
        if let [column] = shown {
            let value = self.build(right)?;
            if value.items.is_empty() && value.group.is_none() && value.filter.is_empty() && !value.is_closed() {
                block.env.extend(value.env);
            } else {
                let value = self.scalar_subquery(value, *column)?;
                block.env.insert(*column, value);
            }
        }
        let mut conjuncts = self.conjuncts(&block.env, on)?;
        if block.group.is_some() {
            block.having.append(&mut conjuncts);
        } else {
            block.filter.append(&mut conjuncts);
        }
        Ok(block)
    }

    fn scalar_subquery(&mut self, block: Block, column: ColumnId) -> Result<ExprId, CodegenError> {
        let block = self.only(block, column)?;
        let name: Arc<str> = Arc::clone(self.speller.arena.hint(column));
        let query = self.finish_unnamed(block, &[(column, name)])?;
        Ok(self.speller.exprs.add(Node::Subquery { kind: SubqueryKind::Scalar, query }))
    }

    /// A block of which one column may be selected alone.
    fn only(&mut self, block: Block, column: ColumnId) -> Result<Block, CodegenError> {
        let is_fixed =
            block.is_distinct || block.set.as_ref().is_some_and(|set| super::statement::compares_rows(set.kind));
        if is_fixed && (block.env.len() != 1 || !block.env.contains_key(&column)) {
            return self.wrap(block, None);
        }
        Ok(block)
    }

    /// A side of a join: nothing but `FROM` and `WHERE`, or a read of a CTE.
    pub(super) fn side(&mut self, node: NodeId) -> Result<Block, CodegenError> {
        let mut block = self.build(node)?;
        block.forget_order();
        let is_volatile = block.env.values().any(|&expr| self.speller.exprs.facts(expr).is_volatile);
        if block.is_plain(&self.speller.exprs) && !is_volatile { Ok(block) } else { self.wrap(block, None) }
    }

    fn inner(&mut self, left: NodeId, right: NodeId, on: &[ScalarId]) -> Result<Block, CodegenError> {
        let mut block = self.side(left)?;
        let mut right = self.side(right)?;
        if right.items.iter().skip(1).any(|item| item.attach == Attach::Full) {
            right = self.wrap(right, None)?;
        }
        let head = block.items.len();
        block.env.extend(right.env);
        block.items.append(&mut right.items);
        block.filter.append(&mut right.filter);
        let conjuncts = self.conjuncts(&block.env, on)?;
        let present: FxHashSet<_> = block.items.iter().take(head + 1).map(|item| item.source).collect();
        for conjunct in conjuncts {
            let sources = sources_of(conjunct, &self.speller.exprs);
            let is_placed = head > 0
                && head < block.items.len()
                && sources.len() > 1
                && sources.iter().all(|source| present.contains(source))
                && !self.speller.exprs.facts(conjunct).has_subquery;
            if is_placed { block.items[head].on.push(conjunct) } else { block.filter.push(conjunct) }
        }
        Ok(block)
    }

    fn outer(&mut self, attach: Attach, left: NodeId, right: NodeId, on: &[ScalarId]) -> Result<Block, CodegenError> {
        let mut block = self.side(left)?;
        let is_refused =
            attach == Attach::Full && self.dialect() == Target::Postgres && !self.is_hashable(left, right, on);
        let mut right = self.side(right)?;
        let is_field = |this: &Self, block: &Block| {
            block.env.values().all(|&expr| matches!(this.speller.exprs[expr], Node::Field { .. }))
        };
        // A full join pads both sides, and neither may be filtered after it.
        if block.items.is_empty()
            || self.reads_subquery(&block, on)
            || (attach == Attach::Full && !(block.filter.is_empty() && is_field(self, &block)))
        {
            block = self.wrap_whole(block)?;
        }
        // What is computed on the padded side must be computed before the padding.
        let has_subquery = right.filter.iter().any(|&filter| self.speller.exprs.facts(filter).has_subquery);
        let is_filtered_full = attach == Attach::Full && !right.filter.is_empty();
        if right.items.len() != 1 || !is_field(self, &right) || has_subquery || is_filtered_full {
            right = self.wrap_whole(right)?;
        }
        let sides = (first_field(&block.env), first_field(&right.env));
        block.env.extend(right.env);
        let mut conjuncts = self.conjuncts(&block.env, on)?;
        if is_refused {
            conjuncts.push(self.always_equal(sides)?);
        }
        conjuncts.append(&mut right.filter);
        let Some(mut item) = right.items.pop() else { return Ok(block) };
        item.attach = attach;
        item.on = conjuncts;
        block.items.push(item);
        Ok(block)
    }

    /// As `wrap`, but never gives the block back as it is.
    pub(super) fn wrap_whole(&mut self, block: Block) -> Result<Block, CodegenError> {
        let block = self.wrap(block, None)?;
        if block.items.len() == 1 {
            return Ok(block);
        }
        let cte = self.write_cte(block, None)?;
        Ok(self.reading_cte(cte))
    }

    fn semi(&mut self, left: NodeId, right: NodeId, on: &[ScalarId]) -> Result<Block, CodegenError> {
        let [condition] = on else { return self.exists(left, right, on, false) };
        let Some((tested, found)) = self.tested_and_found(left, right, *condition) else {
            return self.exists(left, right, on, false);
        };
        let mut block = self.side(left)?;
        let arg = self.speller.scalar(&block.env, tested)?;
        let query = self.list_query(right, found, &[])?;
        let test = self.speller.exprs.add(Node::Subquery { kind: SubqueryKind::In { arg, is_negated: false }, query });
        block.filter.push(test);
        Ok(block)
    }

    /// The sides of an equality, the one over left columns first, where each reads one input.
    pub(super) fn tested_and_found(
        &self,
        left: NodeId,
        right: NodeId,
        condition: ScalarId,
    ) -> Option<(ScalarId, ScalarId)> {
        let (a, b) = self.equality(condition)?;
        let reads = |scalar: ScalarId, node: NodeId| {
            let columns = self.speller.arena.columns_of(scalar);
            !columns.is_empty() && columns.iter().all(|column| self.dag.info(node).columns.contains(column))
        };
        if reads(a, left) && reads(b, right) {
            Some((a, b))
        } else if reads(b, left) && reads(a, right) {
            Some((b, a))
        } else {
            None
        }
    }

    /// `SELECT found FROM right WHERE filters`.
    fn list_query(
        &mut self,
        right: NodeId,
        found: ScalarId,
        filters: &[ScalarId],
    ) -> Result<super::expr::QueryId, CodegenError> {
        let mut block = self.build(right)?;
        block.forget_order();
        let is_single = block.env.len() == 1
            && matches!(self.speller.arena[found], Scalar::Column(id) if block.env.contains_key(&id));
        if (block.is_closed() && !is_single) || (!filters.is_empty() && !block.is_plain(&self.speller.exprs)) {
            block = self.wrap(block, None)?;
        }
        let mut conjuncts = self.conjuncts(&block.env, filters)?;
        block.filter.append(&mut conjuncts);
        if block.set.is_some() || block.is_distinct {
            let Scalar::Column(column) = self.speller.arena[found] else {
                return Err(self.speller.lost_scalar());
            };
            let name = Arc::clone(self.speller.arena.hint(column));
            return self.finish_unnamed(block, &[(column, name)]);
        }
        let expr = self.speller.scalar(&block.env, found)?;
        let Some(&column) = self.speller.arena.columns_of(found).first() else {
            return Err(self.speller.lost_scalar());
        };
        let name = Arc::clone(self.speller.arena.hint(column));
        block.env = Env::default();
        block.env.insert(column, expr);
        self.finish_unnamed(block, &[(column, name)])
    }

    /// The right side of a test as a block that takes conditions, which are spelled in both sides' names.
    fn tested(&mut self, left: &Block, right: NodeId, has_conditions: bool) -> Result<(Block, Env), CodegenError> {
        let mut block = self.build(right)?;
        block.forget_order();
        // DuckDB cannot correlate a condition with what a full join stands beside; a relation of its own it can.
        let is_full = |item: &super::block::Item| item.attach == Attach::Full;
        let has_full_join = self.dialect() == Target::DuckDb && block.items.iter().any(is_full);
        let is_apart = has_full_join || !block.is_plain(&self.speller.exprs);
        if (has_conditions && is_apart) || block.set.is_some() || block.is_distinct {
            block = self.wrap(block, None)?;
        }
        let mut env = left.env.clone();
        env.extend(block.env.iter().map(|(id, expr)| (*id, *expr)));
        Ok((block, env))
    }

    /// The predicate that a matching right row exists, over a left block.
    fn exists_expr(
        &mut self,
        left: &Block,
        right: NodeId,
        on: &[ScalarId],
        is_negated: bool,
    ) -> Result<ExprId, CodegenError> {
        let (mut block, mut env) = self.tested(left, right, !on.is_empty())?;
        let mut conjuncts = self.conjuncts(&env, on)?;
        if self.dialect() == Target::DataFusion && self.has_namesakes(&block, &conjuncts) {
            block = self.wrap(block, None)?;
            env.extend(block.env.iter().map(|(id, expr)| (*id, *expr)));
            conjuncts = self.conjuncts(&env, on)?;
        }
        block.filter.append(&mut conjuncts);
        block.env = Env::default();
        let query = self.finish_unnamed(block, &[])?;
        Ok(self.speller.exprs.add(Node::Subquery { kind: SubqueryKind::Exists { is_negated }, query }))
    }

    fn exists(
        &mut self,
        left: NodeId,
        right: NodeId,
        on: &[ScalarId],
        is_negated: bool,
    ) -> Result<Block, CodegenError> {
        let mut block = self.side(left)?;
        if self.reads_subquery(&block, on) {
            block = self.wrap(block, None)?;
        }
        let test = self.exists_expr(&block, right, on, is_negated)?;
        block.filter.push(test);
        Ok(block)
    }

    fn not_in(&mut self, left: NodeId, right: NodeId, on: &[ScalarId]) -> Result<Block, CodegenError> {
        let columns_of = |this: &Self, scalar: ScalarId| this.speller.arena.columns_of(scalar);
        let exposes = |this: &Self, node: NodeId, id: &ColumnId| this.dag.info(node).columns.contains(id);
        let is_right_only =
            |this: &Self, scalar: ScalarId| columns_of(this, scalar).iter().all(|id| exposes(this, right, id));
        let tests: Vec<usize> = (0..on.len()).filter(|&i| !is_right_only(self, on[i])).collect();
        let position = match tests.as_slice() {
            [] => 0,
            [position] => *position,
            _ => return Err(self.refuse_not_in("that is correlated")),
        };
        let Some(&condition) = on.get(position) else { return Err(self.refuse_not_in("without a tested value")) };
        let Some((a, b)) = self.equality(condition) else {
            return Err(self.refuse_not_in("that compares otherwise than by equality"));
        };
        let (tested, found) = match (is_right_only(self, a), is_right_only(self, b)) {
            (false, true) => (a, b),
            (true, false) => (b, a),
            // A constant is looked for: the side without columns.
            _ if columns_of(self, a).is_empty() => (a, b),
            _ if columns_of(self, b).is_empty() => (b, a),
            _ => return Err(self.refuse_not_in("whose sides read both inputs")),
        };
        if columns_of(self, tested).iter().any(|id| !exposes(self, left, id)) || columns_of(self, found).is_empty() {
            return Err(self.refuse_not_in("whose sides read both inputs"));
        }
        let filters: Vec<ScalarId> = (0..on.len()).filter(|&i| i != position).map(|i| on[i]).collect();
        let mut block = self.side(left)?;
        if self.reads_subquery(&block, on) {
            block = self.wrap(block, None)?;
        }
        let arg = self.speller.scalar(&block.env, tested)?;
        let query = self.list_query(right, found, &filters)?;
        let test = self.speller.exprs.add(Node::Subquery { kind: SubqueryKind::In { arg, is_negated: true }, query });
        block.filter.push(test);
        Ok(block)
    }

    /// A `NOT IN` whose test is no equality any more: left rows for which no condition is true or NULL.
    fn none_possible(&mut self, left: NodeId, right: NodeId, on: &[ScalarId]) -> Result<Block, CodegenError> {
        let exposed = &self.dag.info(left).columns;
        let reads_left =
            |scalar: &ScalarId| self.speller.arena.columns_of(*scalar).iter().any(|id| exposed.contains(id));
        let (mut tests, mut kept): (Vec<ScalarId>, Vec<ScalarId>) = on.iter().partition(|scalar| reads_left(scalar));
        if tests.is_empty() {
            // A constant is tested.
            std::mem::swap(&mut tests, &mut kept);
        }
        let mut block = self.side(left)?;
        if self.reads_subquery(&block, on) {
            block = self.wrap(block, None)?;
        }
        let (mut inner, env) = self.tested(&block, right, true)?;
        let mut conjuncts = self.conjuncts(&env, &kept)?;
        for test in self.conjuncts(&env, &tests)? {
            conjuncts.push(self.speller.exprs.template(Level::Compare, "@ IS NOT FALSE", &[test]));
        }
        inner.filter.append(&mut conjuncts);
        inner.env = Env::default();
        let query = self.finish_unnamed(inner, &[])?;
        let kind = SubqueryKind::Exists { is_negated: true };
        block.filter.push(self.speller.exprs.add(Node::Subquery { kind, query }));
        Ok(block)
    }

    fn refuse_not_in(&self, what: &str) -> CodegenError {
        self.speller.refuse(
            "GEN-0004",
            format!("a `NOT IN (SELECT …)` {what}"),
            "write it as `NOT EXISTS` in the model",
        )
    }

    fn single(
        &mut self,
        left: NodeId,
        right: NodeId,
        on: &[ScalarId],
        shown: &[ColumnId],
    ) -> Result<Block, CodegenError> {
        if shown.is_empty() {
            return self.build(left);
        }
        if on.is_empty() && shown.len() == 1 && self.dag.is_at_most_one_row(right) {
            return self.with_values(left, right, &[], shown);
        }
        if self.has_one_match(left, right, on) {
            return self.outer(Attach::Left, left, right, on);
        }
        match self.dialect() {
            Target::DuckDb | Target::Postgres => {}
            // A scalar subquery that nothing ties fails there, too, when it gives several rows.
            Target::DataFusion | Target::Spark if on.is_empty() => {}
            Target::DataFusion | Target::Spark => {
                return Err(self.speller.refuse(
                    "GEN-0005",
                    "a scalar subquery that may give several rows",
                    "aggregate in the subquery, or declare a key on the columns that it is tied by",
                ));
            }
        }
        let mut block = self.side(left)?;
        if self.reads_subquery(&block, on) {
            block = self.wrap(block, None)?;
        }
        for &column in shown {
            let mut value = self.side(right)?;
            let mut env = block.env.clone();
            env.extend(value.env.iter().map(|(id, expr)| (*id, *expr)));
            let mut conjuncts = self.conjuncts(&env, on)?;
            value.filter.append(&mut conjuncts);
            let value = self.scalar_subquery(value, column)?;
            block.env.insert(column, value);
        }
        Ok(block)
    }

    fn mark(&mut self, left: NodeId, right: NodeId, on: &[ScalarId], mark: ColumnId) -> Result<Block, CodegenError> {
        if self.dialect() == Target::DataFusion {
            return self.mark_by_join(left, right, on, mark);
        }
        let mut block = self.side(left)?;
        if self.reads_subquery(&block, on) {
            block = self.wrap(block, None)?;
        }
        let test = self.exists_expr(&block, right, on, false)?;
        block.env.insert(mark, test);
        Ok(block)
    }

    /// A marker by a left join with the distinct keys of the right side: DataFusion has no
    /// `EXISTS` in a select list.
    fn mark_by_join(
        &mut self,
        left: NodeId,
        right: NodeId,
        on: &[ScalarId],
        mark: ColumnId,
    ) -> Result<Block, CodegenError> {
        let mut pairs = Vec::with_capacity(on.len());
        for &condition in on {
            let Some(pair) = self.tested_and_found(left, right, condition) else {
                return Err(self.speller.refuse(
                    "GEN-0006",
                    "`EXISTS` as a value with another condition than equality of both sides",
                    "compute it with a join and a count in the model",
                ));
            };
            pairs.push(pair);
        }
        let mut block = self.side(left)?;
        if block.items.is_empty() || self.reads_subquery(&block, on) {
            block = self.wrap_whole(block)?;
        }
        let mut found = self.side(right)?;
        let mut keys = Env::default();
        let mut columns = Vec::with_capacity(pairs.len());
        let marker = self.speller.exprs.text("TRUE", Level::Primary);
        for &(_, key) in &pairs {
            let expr = self.speller.scalar(&found.env, key)?;
            let read = self.speller.arena.columns_of(key);
            let Some(&column) = read.iter().find(|id| !keys.contains_key(*id)) else {
                return Err(self.speller.refuse(
                    "GEN-0006",
                    "`EXISTS` that tests one column twice",
                    "use a join in the model",
                ));
            };
            keys.insert(column, expr);
            columns.push(column);
        }
        keys.insert(mark, marker);
        found.env = keys;
        found.is_distinct = true;
        let cte = self.write_cte(found, None)?;
        let found = self.reading_cte(cte);
        let mut conditions = Vec::with_capacity(pairs.len());
        for (&(tested, _), column) in pairs.iter().zip(&columns) {
            let tested = self.speller.scalar(&block.env, tested)?;
            let key = self.speller.look_up(&found.env, *column)?;
            conditions.push(self.speller.exprs.infix(Level::Compare, tested, " = ", key));
        }
        let marker = self.speller.look_up(&found.env, mark)?;
        let Some(mut item) = found.items.into_iter().next() else { return Ok(block) };
        if conditions.is_empty() {
            conditions.push(self.speller.exprs.text("TRUE", Level::Primary));
        }
        item.attach = Attach::Left;
        item.on = conditions;
        block.items.push(item);
        let value = self.speller.exprs.template(Level::Compare, "@ IS TRUE", &[marker]);
        block.env.insert(mark, value);
        Ok(block)
    }

    /// Whether each left row has at most one match: the right side is unique in what `on` equates.
    fn has_one_match(&self, left: NodeId, right: NodeId, on: &[ScalarId]) -> bool {
        if self.dag.is_at_most_one_row(right) {
            return true;
        }
        let mut pinned = FxHashSet::default();
        for &condition in on {
            if let Some((_, found)) = self.tested_and_found(left, right, condition)
                && let Scalar::Column(id) = self.speller.arena[found]
            {
                pinned.insert(id);
            }
        }
        self.is_unique_in(right, pinned)
    }

    /// Whether no two rows of a node agree in `columns`. May miss some.
    fn is_unique_in(&self, node: NodeId, columns: FxHashSet<ColumnId>) -> bool {
        let mut node = node;
        let mut columns = columns;
        loop {
            node = match self.dag.op(node) {
                Op::Aggregate { keys, .. } => return keys.iter().all(|(id, _)| columns.contains(id)),
                Op::GroupingSets { .. }
                | Op::Unnest { .. }
                | Op::RecursiveUnion { .. }
                | Op::WorkTable { .. }
                | Op::Sample { .. }
                | Op::ScanAt { .. } => return false,
                Op::Distinct { input } => {
                    if self.dag.info(input).columns.iter().all(|id| columns.contains(id)) {
                        return true;
                    }
                    input
                }
                Op::Scan { table, columns: ids } => {
                    return self.catalog.get(table).is_some_and(|table| {
                        table.keys.iter().any(|key| {
                            key.columns.iter().all(|&i| {
                                ids.get(i).is_some_and(|id| columns.contains(id))
                                    && table.columns.get(i).is_some_and(|column| !column.is_nullable)
                            })
                        })
                    });
                }
                Op::Project { input, exprs } => {
                    columns = exprs
                        .iter()
                        .filter(|(id, _)| columns.contains(id))
                        .filter_map(|(_, scalar)| match self.speller.arena[*scalar] {
                            Scalar::Column(id) => Some(id),
                            _ => None,
                        })
                        .collect();
                    input
                }
                Op::Instance { input, .. } => {
                    let outer = &self.dag.info(node).columns;
                    let inner = &self.dag.info(input).columns;
                    columns = outer
                        .iter()
                        .zip(inner.iter())
                        .filter(|(id, _)| columns.contains(id))
                        .map(|(_, id)| *id)
                        .collect();
                    input
                }
                Op::Filter { input, .. }
                | Op::Window { input, .. }
                | Op::Sort { input, .. }
                | Op::Limit { input, .. } => input,
                Op::Join {
                    kind: JoinKind::Semi | JoinKind::Anti | JoinKind::AntiNullAware | JoinKind::Mark(_),
                    left,
                    ..
                } => left,
                Op::Join { kind: JoinKind::Inner | JoinKind::Left | JoinKind::Full | JoinKind::Single, .. }
                | Op::Values { .. }
                | Op::Empty { .. }
                | Op::Combine { .. }
                | Op::Hole { .. } => return false,
            };
        }
    }
}
