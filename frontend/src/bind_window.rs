//! Window functions that a plan says in other words: counts of distinct values and shares of a sum.

use isomer_ir::{
    AggregateFunction, DataType, Frame, Function, Literal, Plan, RankingFunction, Scalar, ScalarId, SortKey,
    WindowCall, WindowFunction,
};
use sqlparser::ast::{self, Expr, Ident, ObjectNamePart};

use crate::bind::{Bind, Binder};
use crate::scope::Rel;

/// What the value of a call is made of what the window computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WindowValue {
    /// That itself.
    Computed,
    /// The number of distinct values of the argument.
    Distinct,
    /// The argument's share of the sum.
    Share,
}

impl WindowValue {
    /// How an aggregate of distinct values is computed over a window; `None` where it is not.
    pub(crate) fn of_distinct(function: WindowFunction, n_args: usize, is_whole: bool) -> Option<Self> {
        use AggregateFunction as A;
        match function {
            // Values that are there twice make no difference.
            WindowFunction::Aggregate(A::Min | A::Max | A::BoolAnd | A::BoolOr) => Some(Self::Computed),
            WindowFunction::Aggregate(A::Count) if n_args == 1 && is_whole => Some(Self::Distinct),
            WindowFunction::Aggregate(_) | WindowFunction::Ranking(_) => None,
        }
    }
}

impl<'a> Binder<'a> {
    /// Counts of distinct values as the last of their ranks: a relation with the ranks, over which the calls are
    /// changed into maxima. NULL has a rank and is no value, so its rows are left out.
    pub(crate) fn with_ranks(&mut self, input: Rel, calls: &mut [(&'a ast::Function, WindowCall, WindowValue)]) -> Rel {
        let mut ranks: Vec<(isomer_ir::ColumnId, WindowCall)> = Vec::new();
        for (_, call, _) in calls.iter_mut().filter(|(_, _, value)| *value == WindowValue::Distinct) {
            let mut counted = call.args[0];
            if let Some(filter) = call.filter {
                let data_type = self.arena.type_of(counted);
                let otherwise = self.arena.literal(Literal::Null(data_type));
                counted = self.arena.scalar(Scalar::Case { branches: vec![(filter, counted)], otherwise, data_type });
            }
            let rank = WindowCall {
                function: WindowFunction::Ranking(RankingFunction::DenseRank),
                args: [].into_iter().collect(),
                filter: None,
                is_ignoring_nulls: false,
                partition: call.partition.clone(),
                order: vec![SortKey { scalar: counted, is_descending: false, is_nulls_first: false }],
                frame: Frame::ORDERED,
                data_type: call.data_type,
            };
            let id = match ranks.iter().find(|(_, known)| *known == rank) {
                Some((id, _)) => *id,
                None => {
                    let id = self.arena.window_column(&rank, "rank");
                    let id = input.fresh(id, self.arena);
                    ranks.push((id, rank));
                    id
                }
            };
            let is_null = self.arena.call(Function::IsNull, [counted], DataType::Boolean);
            *call = WindowCall {
                function: WindowFunction::Aggregate(AggregateFunction::Max),
                args: [self.arena.column_ref(id)].into_iter().collect(),
                filter: Some(self.arena.call(Function::Not, [is_null], DataType::Boolean)),
                order: Vec::new(),
                frame: Frame::WHOLE,
                ..call.clone()
            };
        }
        if ranks.is_empty() {
            return input;
        }
        let mut columns = input.columns;
        columns.extend(ranks.iter().map(|(id, _)| (*id, false)));
        Rel { plan: Plan::Window { input: Box::new(input.plan), calls: ranks }, columns }
    }

    /// The value of a call by the column that the window computes.
    pub(crate) fn window_value(
        &mut self,
        value: WindowValue,
        function: &ast::Function,
        call: &WindowCall,
        column: ScalarId,
    ) -> Bind<ScalarId> {
        match value {
            WindowValue::Computed => Ok(column),
            WindowValue::Distinct => {
                let zero = self.arena.literal(Literal::Int(0, call.data_type));
                Ok(self.arena.call(Function::Coalesce, [column, zero], call.data_type))
            }
            WindowValue::Share => {
                let name = function.name.0.last().and_then(ObjectNamePart::as_ident);
                let at = Expr::Identifier(name.cloned().unwrap_or_else(|| Ident::new("")));
                let zero = self.arena.literal(Literal::Int(0, DataType::Int64));
                let sum = self.apply(Function::NullIf, vec![column, zero], &at)?;
                self.divided(call.args[0], sum, &at)
            }
        }
    }
}
