//! Aggregates: grouping by fields, and measures over fields.
//!
//! Keys, arguments, filters and orders that are no columns or constants are computed by a
//! projection below: names at the consumer then differ, and stricter consumers read fields only.

use std::collections::BTreeSet;

use isomer_ir::{
    AggregateCall, AggregateFunction, ColumnId, DataType, Function, Literal, Plan, Scalar, ScalarId, SortKey,
};
use substrait::proto::aggregate_function::AggregationInvocation;
use substrait::proto::aggregate_rel::{Grouping, Measure};
use substrait::proto::rel::RelType;
use substrait::proto::sort_field::{SortDirection, SortKind};
use substrait::proto::{self, AggregateRel, AggregationPhase, Expression, SortField};

use super::message::{Field, Relation, Row, Typed, argument, direct, field};
use super::types::{physical, type_message};
use super::{Producer, refusal};
use crate::CodegenError;

/// Fields for the scalars that an operator reads: those of its input, and computed ones.
#[derive(Debug)]
pub(super) struct Fields {
    input: Relation,
    row: Row,
    computed: Vec<((ScalarId, DataType), Expression)>,
}

impl Fields {
    pub(super) fn new(input: Relation) -> Self {
        Self { row: input.row(), input, computed: Vec::new() }
    }

    /// A field that holds the scalar as a value of `data_type`; a constant stays one.
    pub(super) fn of(
        &mut self,
        producer: &mut Producer<'_>,
        scalar: ScalarId,
        data_type: DataType,
    ) -> Result<Typed, CodegenError> {
        let data_type = physical(data_type)?;
        let value = producer.operand(scalar, &self.row)?;
        let is_direct = matches!(producer.arena[scalar], Scalar::Column(_) | Scalar::Literal(_));
        if is_direct && value.data_type == data_type {
            return Ok(value);
        }
        let key = (scalar, data_type);
        let known = self.computed.iter().position(|(have, _)| *have == key);
        let index = match known {
            Some(index) => index,
            None => {
                self.computed.push((key, value.cast(data_type)?.expr));
                self.computed.len() - 1
            }
        };
        Ok(Typed { expr: field(self.input.columns.len() + index), data_type })
    }

    /// A field that holds the scalar in its own type.
    pub(super) fn own(&mut self, producer: &mut Producer<'_>, scalar: ScalarId) -> Result<Typed, CodegenError> {
        let data_type = producer.arena.type_of(scalar);
        self.of(producer, scalar, data_type)
    }

    /// Orders by fields.
    pub(super) fn sorts(
        &mut self,
        producer: &mut Producer<'_>,
        keys: &[SortKey],
    ) -> Result<Vec<SortField>, CodegenError> {
        keys.iter().map(|key| Ok(sort_field(self.own(producer, key.scalar)?.expr, *key))).collect()
    }

    /// The input with the computed fields behind its own.
    pub(super) fn finish(self) -> Relation {
        let exprs: Vec<Expression> = self.computed.into_iter().map(|(_, expr)| expr).collect();
        let columns = vec![None; exprs.len()];
        self.input.extended(exprs, &columns)
    }
}

/// One key of an order.
pub(super) fn sort_field(expr: Expression, key: SortKey) -> SortField {
    let direction = match (key.is_descending, key.is_nulls_first) {
        (false, true) => SortDirection::AscNullsFirst,
        (false, false) => SortDirection::AscNullsLast,
        (true, true) => SortDirection::DescNullsFirst,
        (true, false) => SortDirection::DescNullsLast,
    };
    SortField { expr: Some(expr), sort_kind: Some(SortKind::Direction(direction as i32)) }
}

/// An aggregate as the consumer computes it.
#[derive(Debug)]
pub(super) struct Spelling {
    pub(super) name: &'static str,
    pub(super) args: Vec<Typed>,
    pub(super) result: DataType,
}

impl Producer<'_> {
    /// Groups of the input. Measures that nobody needs are left out, keys are not.
    pub(super) fn aggregate(
        &mut self,
        input: &Plan,
        keys: &[(ColumnId, ScalarId)],
        calls: &[(ColumnId, AggregateCall)],
        needed: &BTreeSet<ColumnId>,
    ) -> Result<Relation, CodegenError> {
        let mut calls: Vec<&(ColumnId, AggregateCall)> = calls.iter().filter(|(id, _)| needed.contains(id)).collect();
        if keys.is_empty() && calls.is_empty() {
            return self.one_row();
        }
        calls.sort_by_key(|(id, _)| *id);
        calls.dedup_by_key(|(id, _)| *id);
        let mut read = BTreeSet::new();
        for (_, key) in keys {
            read.extend(self.arena.columns_of(*key));
        }
        for (_, call) in &calls {
            let scalars = call.args.iter().copied().chain(call.filter).chain(call.order.iter().map(|key| key.scalar));
            for scalar in scalars {
                read.extend(self.arena.columns_of(scalar));
            }
        }
        let input = self.relation(input, &read)?;
        let mut fields = Fields::new(input);
        let mut grouping_expressions = Vec::with_capacity(keys.len());
        for (id, key) in keys {
            let data_type = self.arena.column_type(*id);
            // A constant key is computed below: a group by a literal reads as one by position.
            grouping_expressions.push(fields.of(self, *key, data_type)?.expr);
        }
        let mut measures = Vec::with_capacity(calls.len());
        let mut types = Vec::with_capacity(calls.len());
        for (_, call) in &calls {
            let (measure, result) = self.measure(call, &mut fields)?;
            measures.push(measure);
            types.push(result);
        }
        let columns: Vec<Option<ColumnId>> =
            keys.iter().map(|(id, _)| Some(*id)).chain(calls.iter().map(|(id, _)| Some(*id))).collect();
        let rel = AggregateRel {
            common: direct(),
            input: Some(Box::new(fields.finish().rel)),
            groupings: vec![Grouping {
                expression_references: (0..).take(keys.len()).collect(),
                ..Grouping::default()
            }],
            measures,
            grouping_expressions,
            ..AggregateRel::default()
        };
        let relation = Relation::new(RelType::Aggregate(Box::new(rel)), columns);
        self.retyped(relation, keys.len(), &types)
    }

    /// The relation whose fields from `start` on have these types, cast to those of their columns.
    pub(super) fn retyped(
        &mut self,
        relation: Relation,
        start: usize,
        types: &[DataType],
    ) -> Result<Relation, CodegenError> {
        let mut fields: Vec<Field> = (0..relation.columns.len()).map(Field::Input).collect();
        let mut is_changed = false;
        for (index, data_type) in (start..).zip(types) {
            let Some(column) = relation.columns[index] else { continue };
            let wanted = physical(self.arena.column_type(column))?;
            if wanted != *data_type {
                let value = Typed { expr: field(index), data_type: *data_type }.cast(wanted)?;
                fields[index] = Field::Computed(value.expr);
                is_changed = true;
            }
        }
        let columns = relation.columns.clone();
        Ok(if is_changed { relation.projected(fields, columns) } else { relation })
    }

    fn measure(&mut self, call: &AggregateCall, fields: &mut Fields) -> Result<(Measure, DataType), CodegenError> {
        let spelling = self.spelled_aggregate(call.function, &call.args, call.data_type, fields)?;
        let mut filter = call.filter;
        let mut order = call.order.clone();
        let is_extreme = matches!(call.function, AggregateFunction::ArgMin | AggregateFunction::ArgMax);
        // The first value that is not NULL; of an extreme, by its key, which is not NULL either.
        if is_extreme || call.function == AggregateFunction::AnyValue {
            filter = Some(self.known(call.filter, &call.args));
        }
        if let (true, [_, key]) = (is_extreme, call.args.as_slice()) {
            let is_descending = call.function == AggregateFunction::ArgMax;
            order = vec![SortKey { scalar: *key, is_descending, is_nulls_first: false }];
        }
        let filter = match filter {
            Some(filter) => Some(fields.of(self, filter, DataType::Boolean)?.expr),
            None => None,
        };
        let sorts = fields.sorts(self, &order)?;
        let types: Vec<DataType> = spelling.args.iter().map(|arg| arg.data_type).collect();
        let invocation = if call.is_distinct { AggregationInvocation::Distinct } else { AggregationInvocation::All };
        let measure = proto::AggregateFunction {
            function_reference: self.registry.aggregate_anchor(spelling.name, &types),
            arguments: spelling.args.into_iter().map(|arg| argument(arg.expr)).collect(),
            output_type: Some(type_message(spelling.result)?),
            phase: AggregationPhase::InitialToResult as i32,
            sorts,
            invocation: invocation as i32,
            ..proto::AggregateFunction::default()
        };
        // Estimates are unsigned at the consumer, whatever is declared: a cast follows.
        let is_unsigned = call.function == AggregateFunction::ApproxCountDistinct;
        let result = if is_unsigned { DataType::UInt64 } else { spelling.result };
        Ok((Measure { measure: Some(measure), filter }, result))
    }

    /// The filter, and none of the operands NULL.
    fn known(&mut self, filter: Option<ScalarId>, operands: &[ScalarId]) -> ScalarId {
        let mut conjuncts: Vec<ScalarId> = filter.into_iter().collect();
        for operand in operands {
            let is_null = self.arena.predicate(Function::IsNull, [*operand]);
            conjuncts.push(self.arena.predicate(Function::Not, [is_null]));
        }
        self.arena.and(conjuncts)
    }

    /// The name, arguments and result type of an aggregate at the consumer.
    pub(super) fn spelled_aggregate(
        &mut self,
        function: AggregateFunction,
        mut args: &[ScalarId],
        data_type: DataType,
        fields: &mut Fields,
    ) -> Result<Spelling, CodegenError> {
        let refused = |help: &str| Err(refusal("GEN-0102", &format!("the aggregate `{function}`"), help));
        let result = physical(data_type)?;
        if function == AggregateFunction::Count && args.is_empty() {
            return Ok(Spelling { name: "count", args: Vec::new(), result: DataType::Int64 });
        }
        let Some(first) = args.first().copied() else {
            return refused("give it an argument");
        };
        let arg_type = physical(self.arena.type_of(first))?;
        let double = |name| (name, DataType::Float64, DataType::Float64);
        // Name, type of the arguments, type of the result.
        let (name, arg_type, result) = match function {
            AggregateFunction::Count if args.len() == 1 => ("count", arg_type, DataType::Int64),
            AggregateFunction::Count => return refused("count one column at a time"),
            AggregateFunction::Listed(_) => return refused("compute it in SQL"),
            AggregateFunction::Sum => match sum_types(arg_type, result) {
                Some((arg, sum)) => ("sum", arg, sum),
                None => return refused("sum integers, doubles or decimals of the result's scale"),
            },
            AggregateFunction::Avg if result.is_float() => double("avg"),
            AggregateFunction::Avg => match (arg_type, result) {
                (DataType::Decimal { precision, scale }, DataType::Decimal { scale: wanted, .. })
                    if wanted == (scale + 4).min(38) =>
                {
                    ("avg", arg_type, DataType::Decimal { precision: (precision + 4).min(38), scale: wanted })
                }
                _ => return refused("cast the argument to double: engines give decimal averages other scales"),
            },
            AggregateFunction::Min => ("min", arg_type, arg_type),
            AggregateFunction::Max => ("max", arg_type, arg_type),
            AggregateFunction::BoolAnd => ("bool_and", DataType::Boolean, DataType::Boolean),
            AggregateFunction::BoolOr => ("bool_or", DataType::Boolean, DataType::Boolean),
            AggregateFunction::BitAnd | AggregateFunction::BitOr | AggregateFunction::BitXor
                if arg_type.is_integer() =>
            {
                (function.name(), arg_type, arg_type)
            }
            AggregateFunction::BitAnd | AggregateFunction::BitOr | AggregateFunction::BitXor => {
                return refused("cast the argument to an integer of at most 64 bits");
            }
            AggregateFunction::StddevSamp => double("stddev"),
            AggregateFunction::StddevPop => double("stddev_pop"),
            AggregateFunction::VarSamp => double("var_samp"),
            AggregateFunction::VarPop => double("var_pop"),
            AggregateFunction::Corr => double("corr"),
            AggregateFunction::CovarSamp => double("covar_samp"),
            AggregateFunction::CovarPop => double("covar_pop"),
            AggregateFunction::Median if arg_type.is_numeric() => double("median"),
            AggregateFunction::QuantileCont if arg_type.is_numeric() => double("percentile_cont"),
            AggregateFunction::StringAgg if args.len() == 2 => ("string_agg", DataType::Text, DataType::Text),
            AggregateFunction::AnyValue | AggregateFunction::First => ("first_value", arg_type, arg_type),
            // The key is the order of the call, see `measure`.
            AggregateFunction::ArgMin | AggregateFunction::ArgMax if args.len() == 2 => {
                args = &args[..1];
                ("first_value", arg_type, arg_type)
            }
            AggregateFunction::Last => ("last_value", arg_type, arg_type),
            AggregateFunction::Median | AggregateFunction::QuantileCont => {
                return refused("cast the argument to double");
            }
            AggregateFunction::StringAgg => return refused("give it a separator"),
            AggregateFunction::ArgMin | AggregateFunction::ArgMax => {
                return refused("give it a value and a key");
            }
            AggregateFunction::QuantileDisc | AggregateFunction::Mode => {
                return refused("write it with row_number() over an order");
            }
            AggregateFunction::ApproxCountDistinct if is_estimated(arg_type) => {
                ("approx_distinct", arg_type, DataType::Int64)
            }
            AggregateFunction::ApproxCountDistinct => {
                return refused("cast the argument to text, or use count(distinct)");
            }
        };
        let mut operands = Vec::with_capacity(args.len());
        for arg in args {
            operands.push(match &self.arena[*arg] {
                // Separators and fractions stay constants.
                Scalar::Literal(literal) => Typed::literal(&widened(literal, arg_type))?.cast(arg_type)?,
                _ => fields.of(self, *arg, arg_type)?,
            });
        }
        Ok(Spelling { name, args: operands, result })
    }

    /// One row without columns.
    pub(super) fn one_row(&mut self) -> Result<Relation, CodegenError> {
        self.values(&[], &[Vec::new()], &BTreeSet::new())
    }
}

/// A numeric constant as a double, where one is wanted.
fn widened(literal: &Literal, to: DataType) -> Literal {
    if to != DataType::Float64 {
        return literal.clone();
    }
    let value = match literal {
        // Quantile fractions and the like: far below the integers that a double rounds.
        Literal::Int(value, _) => format!("{value}").parse::<f64>(),
        Literal::Decimal { value, scale, .. } => format!("{value}e-{scale}").parse::<f64>(),
        _ => return literal.clone(),
    };
    value.map_or_else(|_| literal.clone(), |value| Literal::Float(value.to_bits()))
}

/// Whether the consumer estimates distinct values of the type.
fn is_estimated(data_type: DataType) -> bool {
    data_type.is_integer()
        || matches!(
            data_type,
            DataType::Text | DataType::Bytes | DataType::Date | DataType::Timestamp | DataType::TimestampTz
        )
}

/// The types of a sum's argument and result at the consumer, so that nothing overflows there that
/// does not overflow in the plan. The consumer sums integers in 64 bits and decimals in 128.
fn sum_types(arg: DataType, result: DataType) -> Option<(DataType, DataType)> {
    let widest = |scale| DataType::Decimal { precision: 38, scale };
    match (arg, result) {
        (_, DataType::Float64) if arg.is_numeric() => Some((DataType::Float64, DataType::Float64)),
        (_, DataType::Float32) if arg.is_float() => Some((DataType::Float64, DataType::Float64)),
        // Fewer than 2^31 rows of 32 bits fit into 64.
        (DataType::Int8 | DataType::Int16 | DataType::Int32, _) => Some((DataType::Int64, DataType::Int64)),
        (DataType::Int64, DataType::Int64) => Some((DataType::Int64, DataType::Int64)),
        (DataType::Int64, DataType::Decimal { scale: 0, .. }) => Some((widest(0), widest(0))),
        (DataType::Decimal { precision, scale }, DataType::Decimal { scale: wanted, .. }) if wanted == scale => {
            Some((arg, DataType::Decimal { precision: (precision + 10).min(38), scale }))
        }
        _ => None,
    }
}
