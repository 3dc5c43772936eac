//! Window functions: expressions of a projection, which is where the consumer reads them.

use std::collections::BTreeSet;

use isomer_ir::{
    AggregateFunction, ColumnId, DataType, Frame, FrameBound, FrameUnit, Literal, Plan, RankingFunction, Scalar,
    ScalarId, WindowCall, WindowFunction,
};
use substrait::proto::aggregate_function::AggregationInvocation;
use substrait::proto::expression::window_function::{Bound, BoundsType, bound};
use substrait::proto::expression::{self, RexType};
use substrait::proto::{AggregationPhase, Expression};

use super::aggregate::{Fields, Spelling};
use super::message::{Relation, Typed, argument};
use super::types::{physical, type_message};
use super::{Producer, refusal};
use crate::CodegenError;

impl Producer<'_> {
    /// The input with a field for each window function that is needed.
    pub(super) fn window(
        &mut self,
        input: &Plan,
        calls: &[(ColumnId, WindowCall)],
        needed: &BTreeSet<ColumnId>,
    ) -> Result<Relation, CodegenError> {
        let mut calls: Vec<(ColumnId, WindowCall)> =
            calls.iter().filter(|(id, _)| needed.contains(id)).cloned().collect();
        let mut read: BTreeSet<ColumnId> = needed.clone();
        for (id, call) in &mut calls {
            read.remove(id);
            self.fold_filter(call)?;
        }
        for (_, call) in &calls {
            let orders = call.order.iter().map(|key| key.scalar);
            for scalar in call.args.iter().chain(&call.partition).copied().chain(orders) {
                read.extend(self.arena.columns_of(scalar));
            }
        }
        let input = self.relation(input, &read)?;
        if calls.is_empty() {
            return Ok(input);
        }
        let mut fields = Fields::new(input);
        let mut exprs = Vec::with_capacity(calls.len());
        let mut types = Vec::with_capacity(calls.len());
        for (_, call) in &calls {
            let (expr, data_type) = self.window_function(call, &mut fields)?;
            exprs.push(expr);
            types.push(data_type);
        }
        let input = fields.finish();
        let start = input.columns.len();
        let columns: Vec<Option<ColumnId>> = calls.iter().map(|(id, _)| Some(*id)).collect();
        let relation = input.extended(exprs, &columns);
        self.retyped(relation, start, &types)
    }

    /// Writes a filter into the argument: the consumer drops filters of window functions. What a
    /// filter leaves out becomes NULL, which these aggregates skip.
    fn fold_filter(&mut self, call: &mut WindowCall) -> Result<(), CodegenError> {
        let Some(filter) = call.filter.take() else { return Ok(()) };
        let skips_null = match call.function {
            WindowFunction::Aggregate(function) => !matches!(
                function,
                AggregateFunction::First
                    | AggregateFunction::Last
                    | AggregateFunction::ArgMin
                    | AggregateFunction::ArgMax
            ),
            WindowFunction::Ranking(_) => false,
        };
        if !skips_null || call.args.len() > 1 {
            return Err(refusal(
                "GEN-0102",
                &format!("a filter of the window function `{}`", call.function.name()),
                "write the filter as a CASE inside the function",
            ));
        }
        let arg = match call.args.first() {
            Some(arg) => *arg,
            None => self.arena.literal(Literal::Int(1, DataType::Int32)),
        };
        let data_type = self.arena.type_of(arg);
        let otherwise = self.arena.literal(Literal::Null(data_type));
        let case = self.arena.scalar(Scalar::Case { branches: vec![(filter, arg)], otherwise, data_type });
        call.args.clear();
        call.args.push(case);
        Ok(())
    }

    fn window_function(
        &mut self,
        call: &WindowCall,
        fields: &mut Fields,
    ) -> Result<(Expression, DataType), CodegenError> {
        if call.is_ignoring_nulls {
            return Err(refusal(
                "GEN-0102",
                &format!("`IGNORE NULLS` of `{}`", call.function.name()),
                "DataFusion's Substrait reader drops it; run the model as SQL",
            ));
        }
        let spelling = match call.function {
            // Their filters and orders are the measure's, which a window function does not have.
            WindowFunction::Aggregate(
                function @ (AggregateFunction::AnyValue
                | AggregateFunction::ArgMin
                | AggregateFunction::ArgMax
                | AggregateFunction::ApproxCountDistinct),
            ) => {
                let construct = format!("`{function}` over a window");
                return Err(refusal("GEN-0102", &construct, "use first_value over an order"));
            }
            WindowFunction::Aggregate(function) => {
                self.spelled_aggregate(function, &call.args, call.data_type, fields)?
            }
            WindowFunction::Ranking(function) => self.ranking(function, &call.args, call.data_type, fields)?,
        };
        let mut partitions = Vec::with_capacity(call.partition.len());
        for key in &call.partition {
            partitions.push(fields.own(self, *key)?.expr);
        }
        let sorts = fields.sorts(self, &call.order)?;
        let (bounds_type, lower, upper) = self.frame(&call.frame)?;
        let types: Vec<DataType> = spelling.args.iter().map(|arg| arg.data_type).collect();
        let function = expression::WindowFunction {
            function_reference: self.registry.anchor(spelling.name, &types),
            arguments: spelling.args.into_iter().map(|arg| argument(arg.expr)).collect(),
            output_type: Some(type_message(spelling.result)?),
            phase: AggregationPhase::InitialToResult as i32,
            sorts,
            invocation: AggregationInvocation::All as i32,
            partitions,
            bounds_type: bounds_type as i32,
            lower_bound: Some(lower),
            upper_bound: Some(upper),
            ..expression::WindowFunction::default()
        };
        let expr = Expression { rex_type: Some(RexType::WindowFunction(function)) };
        // Ranks are unsigned at the consumer, whatever is declared: no column has that type, so
        // that a cast follows.
        let is_unsigned = matches!(
            call.function,
            WindowFunction::Ranking(
                RankingFunction::RowNumber
                    | RankingFunction::Rank
                    | RankingFunction::DenseRank
                    | RankingFunction::Ntile
            )
        );
        Ok((expr, if is_unsigned { DataType::UInt64 } else { spelling.result }))
    }

    fn ranking(
        &mut self,
        function: RankingFunction,
        args: &[ScalarId],
        data_type: DataType,
        fields: &mut Fields,
    ) -> Result<Spelling, CodegenError> {
        let refused = |help: &str| Err(refusal("GEN-0102", &format!("the window function `{function}`"), help));
        let mut operands = Vec::with_capacity(args.len());
        let result = match function {
            RankingFunction::RowNumber | RankingFunction::Rank | RankingFunction::DenseRank => DataType::Int64,
            RankingFunction::PercentRank | RankingFunction::CumeDist => DataType::Float64,
            RankingFunction::Ntile => {
                let Some(buckets) = args.first().and_then(|arg| self.int_constant(*arg)) else {
                    return refused("give it a constant number of buckets");
                };
                operands.push(Typed::literal(&Literal::Int(buckets, DataType::Int64))?);
                DataType::Int64
            }
            RankingFunction::Lag
            | RankingFunction::Lead
            | RankingFunction::FirstValue
            | RankingFunction::LastValue
            | RankingFunction::NthValue => {
                let result = physical(data_type)?;
                let Some(first) = args.first().copied() else {
                    return refused("give it an argument");
                };
                operands.push(fields.of(self, first, result)?);
                if let Some(offset) = args.get(1) {
                    let Some(offset) = self.int_constant(*offset).and_then(|offset| i32::try_from(offset).ok()) else {
                        return refused("give it a constant offset");
                    };
                    operands.push(Typed::int(offset)?);
                }
                if let Some(default) = args.get(2) {
                    let Scalar::Literal(literal) = &self.arena[*default] else {
                        return refused("give it a constant default");
                    };
                    if physical(literal.data_type())? != result {
                        return refused("give it a default of the value's type");
                    }
                    operands.push(Typed::literal(literal)?);
                }
                result
            }
        };
        Ok(Spelling { name: function.name(), args: operands, result })
    }

    fn frame(&self, frame: &Frame) -> Result<(BoundsType, Bound, Bound), CodegenError> {
        if let Some(words) = frame.exclusion.words() {
            return Err(refusal(
                "GEN-0102",
                &format!("a window frame that says `{words}`"),
                "Substrait frames have every row between their bounds",
            ));
        }
        let unit = match frame.unit {
            FrameUnit::Rows => BoundsType::Rows,
            FrameUnit::Range => BoundsType::Range,
            FrameUnit::Groups => {
                return Err(refusal(
                    "GEN-0102",
                    "a window frame of `GROUPS`",
                    "Substrait counts frames in rows or values",
                ));
            }
        };
        Ok((unit, self.bound(frame.unit, frame.start)?, self.bound(frame.unit, frame.end)?))
    }

    fn bound(&self, unit: FrameUnit, bound: FrameBound) -> Result<Bound, CodegenError> {
        let kind = match bound {
            FrameBound::UnboundedPreceding | FrameBound::UnboundedFollowing => {
                bound::Kind::Unbounded(bound::Unbounded {})
            }
            FrameBound::CurrentRow => bound::Kind::CurrentRow(bound::CurrentRow {}),
            FrameBound::Preceding(offset) => match self.offset(unit, offset)? {
                0 => bound::Kind::CurrentRow(bound::CurrentRow {}),
                offset => bound::Kind::Preceding(bound::Preceding { offset }),
            },
            FrameBound::Following(offset) => match self.offset(unit, offset)? {
                0 => bound::Kind::CurrentRow(bound::CurrentRow {}),
                offset => bound::Kind::Following(bound::Following { offset }),
            },
        };
        Ok(Bound { kind: Some(kind) })
    }

    fn offset(&self, unit: FrameUnit, offset: ScalarId) -> Result<i64, CodegenError> {
        let constant =
            self.int_constant(offset).and_then(|offset| i64::try_from(offset).ok()).filter(|offset| *offset >= 0);
        match constant {
            Some(offset) if unit == FrameUnit::Rows => Ok(offset),
            _ => Err(refusal(
                "GEN-0102",
                "a window frame with an offset in values",
                "DataFusion's Substrait reader counts offsets in rows only; use ROWS or an unbounded frame",
            )),
        }
    }

    /// `row_number()` over partitions by these columns, behind the fields of the input.
    pub(super) fn numbered(&mut self, input: Relation) -> Result<Relation, CodegenError> {
        let columns: Vec<ColumnId> = input.columns.iter().copied().flatten().collect();
        let partition = columns.iter().map(|column| self.arena.column_ref(*column)).collect();
        let call = WindowCall {
            function: WindowFunction::Ranking(RankingFunction::RowNumber),
            args: isomer_ir::Args::new(),
            filter: None,
            is_ignoring_nulls: false,
            partition,
            order: Vec::new(),
            frame: Frame::WHOLE,
            data_type: DataType::Int64,
        };
        let mut fields = Fields::new(input);
        let (expr, _) = self.window_function(&call, &mut fields)?;
        Ok(fields.finish().extended(vec![expr], &[None]))
    }
}
