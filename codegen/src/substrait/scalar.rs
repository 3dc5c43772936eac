//! Scalars: columns, constants, casts, `CASE`, `IN` and the way to functions.

use isomer_ir::{Args, DataType, Function, Literal, Scalar, ScalarId};
use substrait::proto::expression::if_then::IfClause;
use substrait::proto::expression::{IfThen, RexType, ScalarFunction, SingularOrList};
use substrait::proto::{Expression, FunctionOption};

use super::message::{Row, Typed, argument, field};
use super::types::{physical, type_message};
use super::{MAX_TREE_SIZE, Producer, refusal};
use crate::CodegenError;

impl Producer<'_> {
    /// A scalar read against `row`, in the physical type of its own type.
    pub(super) fn value(&mut self, scalar: ScalarId, row: &Row) -> Result<Expression, CodegenError> {
        if self.arena.tree_size(scalar) > MAX_TREE_SIZE {
            return Err(refusal("GEN-0104", "an expression of more than two million nodes", "split the model"));
        }
        let data_type = self.arena.type_of(scalar);
        Ok(self.operand(scalar, row)?.cast(data_type)?.expr)
    }

    /// The conjunction of predicates; TRUE for none.
    pub(super) fn holds(&mut self, predicates: &[ScalarId], row: &Row) -> Result<Expression, CodegenError> {
        let operands =
            predicates.iter().map(|predicate| self.boolean(*predicate, row)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.junction("and", operands)?.expr)
    }

    /// A predicate. A NULL of no type is one of truth values here.
    pub(super) fn boolean(&mut self, predicate: ScalarId, row: &Row) -> Result<Typed, CodegenError> {
        if self.arena[predicate] == Scalar::Literal(Literal::Null(DataType::Null)) {
            return Typed::literal(&Literal::Null(DataType::Boolean));
        }
        let data_type = self.arena.type_of(predicate);
        if self.arena.tree_size(predicate) > MAX_TREE_SIZE {
            return Err(refusal("GEN-0104", "an expression of more than two million nodes", "split the model"));
        }
        self.operand(predicate, row)?.cast(data_type)?.cast(DataType::Boolean)
    }

    /// `and` or `or` over any number of operands.
    pub(super) fn junction(&mut self, name: &str, mut operands: Vec<Typed>) -> Result<Typed, CodegenError> {
        match operands.len() {
            0 => Typed::literal(&Literal::Boolean(name == "and")),
            1 => Ok(operands.remove(0)),
            _ => self.invoke(name, operands, DataType::Boolean),
        }
    }

    /// A scalar with the type that the consumer computes.
    pub(super) fn operand(&mut self, scalar: ScalarId, row: &Row) -> Result<Typed, CodegenError> {
        self.nested(|producer| match producer.arena[scalar].clone() {
            Scalar::Column(column) => {
                let data_type = physical(producer.arena.column_type(column))?;
                Ok(Typed { expr: field(row.position(column)?), data_type })
            }
            Scalar::Literal(literal) => Typed::literal(&literal),
            Scalar::Call { function, args, data_type } => producer.call(function, &args, data_type, row),
            Scalar::Case { branches, otherwise, data_type } => producer.case(&branches, otherwise, data_type, row),
            Scalar::Cast { arg, to, is_try } => producer.conversion(arg, to, is_try, row),
            Scalar::InList { arg, list } => producer.in_list(arg, &list, row),
            Scalar::Outer(_) => Err(refusal("GEN-0103", "a correlated subquery", "write the subquery as a join")),
            Scalar::Hole(_) => Err(refusal("GEN-0103", "a hole of a rule", "report this plan as a bug")),
        })
    }

    /// All operands.
    pub(super) fn operands(&mut self, args: &Args, row: &Row) -> Result<Vec<Typed>, CodegenError> {
        args.iter().map(|arg| self.operand(*arg, row)).collect()
    }

    /// A call of the function of this name.
    pub(super) fn invoke(&mut self, name: &str, args: Vec<Typed>, result: DataType) -> Result<Typed, CodegenError> {
        self.invoke_with(name, args, result, Vec::new())
    }

    /// A call with options.
    pub(super) fn invoke_with(
        &mut self,
        name: &str,
        args: Vec<Typed>,
        result: DataType,
        options: Vec<FunctionOption>,
    ) -> Result<Typed, CodegenError> {
        let types: Vec<DataType> = args.iter().map(|arg| arg.data_type).collect();
        let result = physical(result)?;
        let function = ScalarFunction {
            function_reference: self.registry.anchor(name, &types),
            arguments: args.into_iter().map(|arg| argument(arg.expr)).collect(),
            options,
            output_type: Some(type_message(result)?),
            ..ScalarFunction::default()
        };
        Ok(Typed { expr: Expression { rex_type: Some(RexType::ScalarFunction(function)) }, data_type: result })
    }

    fn case(
        &mut self,
        branches: &[(ScalarId, ScalarId)],
        otherwise: ScalarId,
        data_type: DataType,
        row: &Row,
    ) -> Result<Typed, CodegenError> {
        let data_type = physical(data_type)?;
        let mut ifs = Vec::with_capacity(branches.len());
        for (when, then) in branches {
            let when = self.boolean(*when, row)?;
            let then = self.operand(*then, row)?.cast(data_type)?;
            ifs.push(IfClause { r#if: Some(when.expr), then: Some(then.expr) });
        }
        let otherwise = self.operand(otherwise, row)?.cast(data_type)?;
        if ifs.is_empty() {
            return Ok(otherwise);
        }
        let case = IfThen { ifs, r#else: Some(Box::new(otherwise.expr)) };
        Ok(Typed { expr: Expression { rex_type: Some(RexType::IfThen(Box::new(case))) }, data_type })
    }

    fn in_list(&mut self, arg: ScalarId, list: &[ScalarId], row: &Row) -> Result<Typed, CodegenError> {
        if list.is_empty() {
            return Typed::literal(&Literal::Boolean(false));
        }
        let mut common = self.arena.type_of(arg);
        for item in list {
            common = common.common(self.arena.type_of(*item)).ok_or_else(|| {
                refusal("GEN-0102", "an IN list of values that are not comparable", "cast the values to one type")
            })?;
        }
        let value = self.operand(arg, row)?.cast(common)?;
        let mut options = Vec::with_capacity(list.len());
        for item in list {
            options.push(self.operand(*item, row)?.cast(common)?.expr);
        }
        let list = SingularOrList { value: Some(Box::new(value.expr)), options };
        let expr = Expression { rex_type: Some(RexType::SingularOrList(Box::new(list))) };
        Ok(Typed { expr, data_type: DataType::Boolean })
    }

    /// A written cast. Casts to integers round; those that engines compute differently are refused.
    fn conversion(&mut self, arg: ScalarId, to: DataType, is_try: bool, row: &Row) -> Result<Typed, CodegenError> {
        let from = self.arena.type_of(arg);
        let value = self.operand(arg, row)?;
        if from == to || from == DataType::Null {
            return value.cast(to);
        }
        let refused = |help: &str| Err(refusal("GEN-0102", &format!("a cast of `{from}` to `{to}`"), help));
        let is_exact_zone = from != DataType::TimestampTz && to != DataType::TimestampTz;
        if !is_exact_zone && to != DataType::Text {
            return refused("the result depends on the session's time zone; cast to a zone of your own first");
        }
        match (from, to) {
            (DataType::Text, _) if is_try => {
                refused("engines read different texts as numbers and dates; use a cast that may fail")
            }
            (DataType::Float32 | DataType::Float64, _) if to.is_integer() && !self.is_whole(arg) => {
                self.rounded_half_even(value)?.forced_cast(physical(to)?, is_try)
            }
            (DataType::Decimal { .. }, _) if to.is_integer() => {
                // The consumer truncates; its cast to a decimal without fraction rounds halves away
                // from zero, as casts of the plan do.
                value.cast(DataType::Decimal { precision: 38, scale: 0 })?.forced_cast(physical(to)?, is_try)
            }
            (
                DataType::Float32
                | DataType::Float64
                | DataType::Interval
                | DataType::Timestamp
                | DataType::TimestampTz,
                DataType::Text,
            ) => refused("engines print such values differently; write a format"),
            (DataType::Interval, _) | (_, DataType::Interval) => refused("write the interval as a constant"),
            _ => value.forced_cast(physical(to)?, is_try),
        }
    }

    /// A double without fraction, halves to the even neighbour, as casts of the plan round. The
    /// consumer's cast truncates and its `round` takes halves away from zero.
    fn rounded_half_even(&mut self, value: Typed) -> Result<Typed, CodegenError> {
        let double = DataType::Float64;
        let constant = |value: f64| Typed::literal(&Literal::Float(value.to_bits()));
        let value = value.cast(double)?;
        let whole = self.invoke("trunc", vec![value.clone()], double)?;
        let fraction = self.invoke("subtract", vec![value.clone(), whole], double)?;
        let fraction = self.invoke("abs", vec![fraction], double)?;
        let is_half = self.invoke("equal", vec![fraction, constant(0.5)?], DataType::Boolean)?;
        let half = self.invoke("divide", vec![value.clone(), constant(2.0)?], double)?;
        let half = self.invoke("round", vec![half, Typed::int(0)?], double)?;
        let even = self.invoke("multiply", vec![half, constant(2.0)?], double)?;
        let nearest = self.invoke("round", vec![value, Typed::int(0)?], double)?;
        let branch = IfClause { r#if: Some(is_half.expr), then: Some(even.expr) };
        let case = IfThen { ifs: vec![branch], r#else: Some(Box::new(nearest.expr)) };
        Ok(Typed { expr: Expression { rex_type: Some(RexType::IfThen(Box::new(case))) }, data_type: double })
    }

    /// Whether a floating-point scalar has no fraction, so that a cast to an integer rounds nothing.
    fn is_whole(&self, scalar: ScalarId) -> bool {
        match &self.arena[scalar] {
            Scalar::Call { function: Function::Ceil | Function::Floor | Function::Trunc | Function::Sign, .. } => true,
            Scalar::Call { function: Function::Round, args, .. } => args.len() == 1,
            Scalar::Cast { arg, .. } => self.arena.type_of(*arg).is_integer(),
            _ => false,
        }
    }
}
