//! The elements of lists as rows: a call in a select list that gives several rows, in a query of its
//! own, so that nothing else is computed beside it.

use isomer_ir::{ColumnId, DataType, Function, Scalar, ScalarId};

use super::block::Block;
use super::dag::NodeId;
use super::expr::{ExprId, Level};
use super::statement::Statement;
use super::target::Target;
use super::types::written;
use crate::CodegenError;

impl Statement<'_, '_> {
    /// A row for each element of a list, with its position.
    pub(super) fn unnest(
        &mut self,
        input: NodeId,
        list: ScalarId,
        (column, position): (ColumnId, Option<ColumnId>),
        is_outer: bool,
    ) -> Result<Block, CodegenError> {
        let mut block = self.build(input)?;
        block.forget_order();
        if !block.is_plain(&self.speller.exprs) {
            block = self.wrap(block, None)?;
        }
        let elements = self.elements(&block, list, is_outer)?;
        block.env.insert(column, elements);
        if let Some(position) = position {
            let positions = self.positions(&block, list, is_outer)?;
            block.env.insert(position, positions);
        }
        // Only here may the call stand: not in a condition, and once.
        self.wrap(block, None)
    }

    fn elements(&mut self, block: &Block, list: ScalarId, is_outer: bool) -> Result<ExprId, CodegenError> {
        if self.speller.dialect == Target::Postgres
            && let Scalar::Call { function: Function::Listed(function), args, .. } = &self.speller.arena[list]
            && function.name() == "generate_series_postgres"
            && !is_outer
        {
            let operands =
                args.iter().map(|&arg| self.speller.scalar(&block.env, arg)).collect::<Result<Vec<_>, _>>()?;
            return Ok(self.speller.exprs.call("generate_series", &operands));
        }
        let data_type = self.speller.arena.type_of(list);
        let list = self.speller.scalar(&block.env, list)?;
        let exprs = &mut self.speller.exprs;
        Ok(match (self.speller.dialect, is_outer) {
            (Target::DuckDb | Target::Postgres, false) => exprs.call("unnest", &[list]),
            (Target::DuckDb, true) => {
                exprs.template(Level::Primary, "unnest(CASE WHEN len(#) > 0 THEN # ELSE [NULL] END)", &[list, list])
            }
            (Target::Postgres, true) => {
                let name = written(data_type, Target::Postgres)?;
                let template =
                    format!("unnest(CASE WHEN cardinality(#) > 0 THEN # ELSE CAST(ARRAY[NULL] AS {name}) END)");
                self.speller.exprs.template(Level::Primary, &template, &[list, list])
            }
            (Target::Spark, false) => exprs.call("explode", &[list]),
            (Target::Spark, true) => exprs.call("explode_outer", &[list]),
            (Target::DataFusion, _) => return Err(self.no_elements()),
        })
    }

    /// Calls that give several rows step through them together.
    fn positions(&mut self, block: &Block, list: ScalarId, is_outer: bool) -> Result<ExprId, CodegenError> {
        if self.speller.arena.type_of(list) == DataType::Unknown {
            return Err(self.no_elements());
        }
        let list = self.speller.scalar(&block.env, list)?;
        let exprs = &mut self.speller.exprs;
        Ok(match (self.speller.dialect, is_outer) {
            (Target::DuckDb, false) => exprs.template(Level::Primary, "unnest(range(1, len(#) + 1))", &[list]),
            (Target::DuckDb, true) => {
                let template = "unnest(CASE WHEN len(#) > 0 THEN range(1, len(#) + 1) ELSE [NULL] END)";
                exprs.template(Level::Primary, template, &[list, list])
            }
            (Target::Postgres, false) => {
                exprs.template(Level::Primary, "CAST(generate_subscripts(#, 1) AS BIGINT)", &[list])
            }
            (Target::Postgres, true) | (Target::Spark | Target::DataFusion, _) => return Err(self.no_elements()),
        })
    }

    fn no_elements(&self) -> CodegenError {
        self.speller.refuse("GEN-0034", "the elements of a list as rows", "write for another target")
    }
}
