//! `ASOF` joins for DuckDB: a join on the interval up to the next key of the right side, which a `lead`
//! over it gives, is written as the join that it says. Other targets get the interval.

use isomer_ir::{ColumnId, Function, JoinKind, RankingFunction, Scalar, ScalarId, WindowCall, WindowFunction};

use super::block::{Attach, Block};
use super::dag::{NodeId, Op};
use super::expr::Node;
use super::statement::Statement;
use super::target::Target;
use crate::CodegenError;

impl Statement<'_, '_> {
    /// The join as `ASOF`, where its right side is such a `lead` and nothing else reads the next key.
    pub(super) fn asof(
        &mut self,
        node: NodeId,
        kind: JoinKind,
        left: NodeId,
        right: NodeId,
        on: &[ScalarId],
    ) -> Result<Option<Block>, CodegenError> {
        let attach = match kind {
            JoinKind::Inner => Attach::AsofInner,
            JoinKind::Left => Attach::AsofLeft,
            _ => return Ok(None),
        };
        let Op::Window { input, calls: [(next, call)] } = self.dag.op(right) else { return Ok(None) };
        if self.dialect() != Target::DuckDb || self.dag.info(node).demand.contains(next) {
            return Ok(None);
        }
        let (next, call) = (*next, call.clone());
        let Some(conditions) = self.asof_conditions(on, next, &call) else { return Ok(None) };
        let mut block = self.side(left)?;
        if block.items.is_empty() || self.reads_subquery(&block, &conditions) {
            block = self.wrap_whole(block)?;
        }
        let mut right = self.side(input)?;
        let is_field = right.env.values().all(|&expr| matches!(self.speller.exprs[expr], Node::Field { .. }));
        // What filters the right side does so before the nearest row is looked for.
        if right.items.len() != 1 || !right.filter.is_empty() || !is_field {
            right = self.wrap_whole(right)?;
        }
        block.env.extend(right.env);
        let conjuncts = self.conjuncts(&block.env, &conditions)?;
        let Some(mut item) = right.items.pop() else { return Ok(None) };
        item.attach = attach;
        item.on = conjuncts;
        block.items.push(item);
        Ok(Some(block))
    }

    /// The equalities and the inequality, where the other conjunct is the bound that belongs to them.
    fn asof_conditions(&self, on: &[ScalarId], next: ColumnId, call: &WindowCall) -> Option<Vec<ScalarId>> {
        let arena = &self.speller.arena;
        let &[key] = call.args.as_slice() else { return None };
        let [order] = call.order.as_slice() else { return None };
        if call.function != WindowFunction::Ranking(RankingFunction::Lead)
            || call.filter.is_some()
            || call.is_ignoring_nulls
            || order.scalar != key
            || order.is_nulls_first
        {
            return None;
        }
        let mut flat = Vec::new();
        for &condition in on {
            flat.extend(arena.conjuncts(condition));
        }
        let reads_next = |scalar: &ScalarId| arena.columns_of(*scalar).contains(&next);
        let (bounds, kept): (Vec<ScalarId>, Vec<ScalarId>) = flat.into_iter().partition(reads_next);
        let &[bound] = bounds.as_slice() else { return None };
        let (mut partition, mut nearness) = (Vec::new(), Vec::new());
        for &conjunct in &kept {
            let Scalar::Call { function, args, .. } = &arena[conjunct] else { return None };
            let &[a, b] = args.as_slice() else { return None };
            match function {
                Function::Eq if call.partition.contains(&a) => partition.push(a),
                Function::Eq if call.partition.contains(&b) => partition.push(b),
                _ if b == key => nearness.push((*function, a)),
                _ if a == key => nearness.push((function.flipped()?, b)),
                _ => return None,
            }
        }
        partition.sort_unstable();
        partition.dedup();
        let &[(function, tested)] = nearness.as_slice() else { return None };
        if partition.as_slice() != call.partition.as_slice() {
            return None;
        }
        let (beyond, is_descending) = match function {
            Function::GtEq => (Function::Lt, false),
            Function::Gt => (Function::LtEq, false),
            Function::LtEq => (Function::Gt, true),
            Function::Lt => (Function::GtEq, true),
            _ => return None,
        };
        (order.is_descending == is_descending && self.is_bound(bound, (beyond, tested), next)).then_some(kept)
    }

    /// Whether a conjunct is `tested <function> next OR next IS NULL`.
    fn is_bound(&self, bound: ScalarId, (function, tested): (Function, ScalarId), next: ColumnId) -> bool {
        let arena = &self.speller.arena;
        let Scalar::Call { function: Function::Or, args, .. } = &arena[bound] else { return false };
        let is_next = |scalar: ScalarId| matches!(arena[scalar], Scalar::Column(id) if id == next);
        let is_last = |scalar: ScalarId| match &arena[scalar] {
            Scalar::Call { function: Function::IsNull, args, .. } => args.len() == 1 && is_next(args[0]),
            _ => false,
        };
        let is_before = |scalar: ScalarId| match &arena[scalar] {
            Scalar::Call { function: found, args, .. } if args.len() == 2 => {
                *found == function && args[0] == tested && is_next(args[1])
                    || found.flipped() == Some(function) && args[1] == tested && is_next(args[0])
            }
            _ => false,
        };
        match args.as_slice() {
            &[a, b] => is_last(a) && is_before(b) || is_last(b) && is_before(a),
            _ => false,
        }
    }
}
