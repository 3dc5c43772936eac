//! Grouping sets: `ROLLUP` and `CUBE` where the sets are those, otherwise `GROUPING SETS`.
//!
//! SQL finds the keys in a select list again by their text, and what is below an aggregate keeps its
//! value. So a key is always a column of its own, whatever it is computed from.

use isomer_ir::{DataType, GroupingSets, ScalarId};

use super::block::Block;
use super::dag::NodeId;
use super::expr::{ExprId, Kind, Level, Node};
use super::statement::Statement;
use super::target::Target;
use crate::CodegenError;

impl Statement<'_, '_> {
    pub(super) fn grouping_sets(
        &mut self,
        node: NodeId,
        input: NodeId,
        groups: &GroupingSets,
    ) -> Result<Block, CodegenError> {
        let demanded = self.dag.demanded(node);
        let calls: Vec<_> = groups.calls.iter().filter(|(id, _)| demanded.contains(id)).collect();
        let mut block = self.build(input)?;
        block.forget_order();
        let mut scalars: Vec<ScalarId> = groups.keys.iter().map(|(_, scalar)| *scalar).collect();
        for (_, call) in &calls {
            scalars.extend(call.args.iter().copied().chain(call.filter).chain(call.order.iter().map(|key| key.scalar)));
        }
        if !block.is_plain(&self.speller.exprs) || self.reads_subquery(&block, &scalars) {
            block = self.wrap(block, None)?;
        }
        block = self.name_repeated(block, &scalars, false)?;
        let (mut block, keys) = self.keys_as_columns(block, groups)?;
        let mut env = super::block::Env::default();
        for (&(id, _), &key) in groups.keys.iter().zip(&keys) {
            env.insert(id, key);
        }
        for (id, call) in calls {
            let expr = self.speller.aggregate(&block.env, call)?;
            env.insert(*id, expr);
        }
        for (id, of) in groups.markers.iter().filter(|(id, _)| demanded.contains(id)) {
            let of: Vec<ExprId> = of.iter().map(|&key| keys[key as usize]).collect();
            let marker = self.marker(&of, self.speller.arena.column_type(*id))?;
            env.insert(*id, marker);
        }
        block.env = env;
        block.group = Some(keys);
        block.sets.clone_from(&groups.sets);
        Ok(block)
    }

    /// The keys as columns, no two the same; computed below where they are not.
    fn keys_as_columns(&mut self, block: Block, groups: &GroupingSets) -> Result<(Block, Vec<ExprId>), CodegenError> {
        let mut block = block;
        let mut keys: Vec<ExprId> = Vec::with_capacity(groups.keys.len());
        for &(_, scalar) in &groups.keys {
            keys.push(self.speller.output(&block.env, scalar)?);
        }
        let is_column = |&key: &ExprId| matches!(self.speller.exprs[key], Node::Field { .. });
        let is_twice = (1..keys.len()).any(|at| keys[..at].contains(&keys[at]));
        if !is_twice && keys.iter().all(is_column) {
            return Ok((block, keys));
        }
        for (&(id, _), &key) in groups.keys.iter().zip(&keys) {
            block.env.insert(id, key);
        }
        let cte = self.write_cte(block, None)?;
        let block = self.reading_cte(cte);
        let keys = groups.keys.iter().map(|&(id, _)| self.speller.look_up(&block.env, id));
        let keys = keys.collect::<Result<Vec<ExprId>, CodegenError>>()?;
        Ok((block, keys))
    }

    /// `GROUPING(…)` in the plan's type.
    fn marker(&mut self, of: &[ExprId], to: DataType) -> Result<ExprId, CodegenError> {
        let of_one = |statement: &mut Self, key: ExprId| {
            statement.speller.exprs.template_of(Kind::Aggregate, Level::Primary, "GROUPING(#)", &[key])
        };
        if self.dialect() == Target::Spark && of.len() != 1 {
            // Spark's GROUPING_ID takes all keys or none.
            let Some((&first, rest)) = of.split_first() else {
                return Ok(self.speller.exprs.text("0", Level::Primary));
            };
            let first = of_one(self, first);
            let mut sum = self.speller.cast_to(first, DataType::Int64)?;
            for &key in rest {
                let marker = of_one(self, key);
                sum = self.speller.exprs.template(Level::Primary, "(@ * 2 + @)", &[sum, marker]);
            }
            return if to == DataType::Int64 { Ok(sum) } else { self.speller.cast_to(sum, to) };
        }
        let (own, template) = match self.dialect() {
            Target::DuckDb => (DataType::Int64, listed(of.len())),
            Target::Postgres | Target::DataFusion => (DataType::Int32, listed(of.len())),
            Target::Spark => (DataType::Int8, listed(of.len())),
        };
        let marker = self.speller.exprs.template_of(Kind::Aggregate, Level::Primary, &template, of);
        if to == own { Ok(marker) } else { self.speller.cast_to(marker, to) }
    }
}

fn listed(n: usize) -> String {
    format!("GROUPING({})", vec!["#"; n].join(", "))
}

/// How sets of `n_keys` keys are written: a word before the keys, or the sets themselves.
pub(super) fn word_of(sets: &[Vec<u32>], n_keys: usize) -> Option<&'static str> {
    let all: Vec<u32> = (0..u32::try_from(n_keys).ok()?).collect();
    let is_prefix = |(n, set): (usize, &Vec<u32>)| set.as_slice() == &all[..n];
    if n_keys > 0 && sets.len() == n_keys + 1 && (0..=n_keys).rev().zip(sets).all(is_prefix) {
        return Some("ROLLUP");
    }
    let mut sorted: Vec<&Vec<u32>> = sets.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    let is_cube = n_keys > 1 && n_keys < 16 && sets.len() == 1 << n_keys && sorted.len() == sets.len();
    is_cube.then_some("CUBE")
}

#[cfg(test)]
mod tests {
    use super::word_of;

    #[test]
    fn sets_are_recognised() {
        assert_eq!(word_of(&[vec![0, 1], vec![0], vec![]], 2), Some("ROLLUP"));
        assert_eq!(word_of(&[vec![0, 1], vec![1], vec![]], 2), None);
        assert_eq!(word_of(&[vec![0, 1], vec![0], vec![1], vec![]], 2), Some("CUBE"));
        assert_eq!(word_of(&[vec![0, 1], vec![0], vec![0], vec![]], 2), None);
        assert_eq!(word_of(&[vec![]], 0), None);
    }
}
