//! Full joins of PostgreSQL, which takes no condition without an equality of both sides.

use isomer_ir::{Function, Scalar, ScalarId};

use super::block::Env;
use super::dag::NodeId;
use super::expr::{ExprId, Level};
use super::statement::Statement;
use crate::CodegenError;

impl Statement<'_, '_> {
    /// Whether PostgreSQL takes the condition of a full join: an equality of both sides, or nothing but constants.
    pub(super) fn is_hashable(&self, left: NodeId, right: NodeId, on: &[ScalarId]) -> bool {
        let is_equality = |&condition: &ScalarId| {
            matches!(&self.speller.arena[condition], Scalar::Call { function: Function::Eq, .. })
                && self.tested_and_found(left, right, condition).is_some()
        };
        let is_constant = |&condition: &ScalarId| matches!(self.speller.arena[condition], Scalar::Literal(_));
        on.iter().any(is_equality) || on.iter().all(is_constant)
    }

    /// An equality of a column of each side that holds for all rows, and that PostgreSQL does not see through.
    pub(super) fn always_equal(&mut self, sides: (Option<ExprId>, Option<ExprId>)) -> Result<ExprId, CodegenError> {
        let (Some(left), Some(right)) = sides else {
            return Err(self.speller.refuse(
                "GEN-0035",
                "a FULL JOIN whose condition reads columns of one side alone",
                "join on an equality in the model",
            ));
        };
        let template = "(@ IS NOT DISTINCT FROM @) = (@ IS NOT DISTINCT FROM @)";
        Ok(self.speller.exprs.template(Level::Compare, template, &[left, left, right, right]))
    }
}

/// The column of the least id that an environment shows.
pub(super) fn first_field(env: &Env) -> Option<ExprId> {
    env.iter().min_by_key(|(id, _)| **id).map(|(_, expr)| *expr)
}
