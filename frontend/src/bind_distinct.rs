//! `DISTINCT ON`: of the rows that agree in some values the first, in the order of the query.

use isomer_ir::{
    DataType, Frame, Function, Literal, Plan, RankingFunction, ScalarId, SortKey, WindowCall, WindowFunction,
};
use sqlparser::ast::{Distinct, Expr};

use crate::bind::{Bind, Binder};
use crate::scope::Rel;

/// Which rows of a `SELECT` are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Distinction<'a> {
    All,
    Distinct,
    /// The first for each value of these.
    On(&'a [Expr]),
}

impl<'a> Distinction<'a> {
    pub(crate) fn of(distinct: Option<&'a Distinct>) -> Self {
        match distinct {
            None | Some(Distinct::All) => Self::All,
            Some(Distinct::Distinct) => Self::Distinct,
            Some(Distinct::On(exprs)) => Self::On(exprs),
        }
    }
}

impl<'a> Binder<'a> {
    /// Keeps of the level's rows the first in `order` for each value of `on`, which are found as the keys
    /// of `ORDER BY` are. Which row is first among ties is up to chance.
    pub(crate) fn first_rows(&mut self, on: &'a [Expr], outputs: &[ScalarId], order: &[SortKey]) -> Bind<()> {
        let mut partition = Vec::with_capacity(on.len());
        for expr in on {
            partition.push(match self.ordinal(expr, outputs.len())? {
                Some(position) => outputs[position],
                None => self.order_scalar(expr, outputs)?,
            });
        }
        partition.sort_unstable();
        partition.dedup();
        let call = WindowCall {
            function: WindowFunction::Ranking(RankingFunction::RowNumber),
            args: Vec::new().into(),
            filter: None,
            is_ignoring_nulls: false,
            partition: partition.into(),
            order: order.to_vec(),
            frame: if order.is_empty() { Frame::WHOLE } else { Frame::ORDERED },
            data_type: DataType::Int64,
        };
        let level = self.level();
        let input = std::mem::replace(&mut level.rel, Rel::one_row());
        let id = self.arena.window_column(&call, "row_number");
        let id = input.fresh(id, self.arena);
        let mut columns = input.columns.clone();
        columns.insert(id, false);
        let plan = Plan::Window { input: Box::new(input.plan), calls: vec![(id, call)] };
        let number = self.arena.column_ref(id);
        let one = self.arena.literal(Literal::Int(1, DataType::Int64));
        let is_first = self.arena.comparison(Function::Eq, number, one);
        self.level().rel = Rel { plan, columns }.filtered(vec![is_first]);
        Ok(())
    }
}
