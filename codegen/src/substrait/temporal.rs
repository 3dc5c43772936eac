//! Dates, timestamps and intervals.
//!
//! The standard datetime functions take their units as enumerations, which the consumer does not
//! read, so units are text constants of functions under Isomer's own URN.

use isomer_ir::{Args, DataType, Function, Literal, Scalar, ScalarId};

use super::function::unspelled;
use super::message::{Row, Typed};
use super::types::physical;
use super::{Producer, refusal};
use crate::CodegenError;

const MICROS_A_SECOND: i64 = 1_000_000;
const MICROS_A_DAY: i64 = 86_400 * MICROS_A_SECOND;
/// Days of a month where intervals are compared.
const DAYS_A_MONTH: i64 = 30;
/// Codes of a time format that all engines print alike.
const FORMAT_CODES: &str = "YmdHMSjyF%";

impl Producer<'_> {
    /// Whether the operands of `+` or `-` are times or intervals.
    pub(super) fn is_temporal_arithmetic(&self, args: &Args) -> bool {
        args.iter().any(|arg| {
            let data_type = self.arena.type_of(*arg);
            data_type.is_temporal() || data_type == DataType::Interval
        })
    }

    /// A time plus or minus an interval or a number of days, or the days between two dates.
    pub(super) fn temporal_arithmetic(
        &mut self,
        function: Function,
        args: &Args,
        data_type: DataType,
        row: &Row,
    ) -> Result<Typed, CodegenError> {
        let &[mut left, mut right] = args.as_slice() else {
            return Err(unspelled(function, "give it two arguments"));
        };
        if function == Function::Add && !self.arena.type_of(left).is_temporal() {
            std::mem::swap(&mut left, &mut right);
        }
        let name = if function == Function::Add { "add" } else { "subtract" };
        let types = (self.arena.type_of(left), self.arena.type_of(right));
        match types {
            (DataType::Date | DataType::Timestamp, DataType::Interval)
                if matches!(data_type, DataType::Date | DataType::Timestamp) =>
            {
                let time = self.operand(left, row)?.cast(data_type)?;
                let interval = self.operand(right, row)?;
                self.invoke(name, vec![time, interval], data_type)
            }
            (DataType::Date, days) if days.is_integer() && data_type == DataType::Date => {
                let date = self.day_number(left, row)?;
                let days = self.operand(right, row)?.cast(DataType::Int32)?;
                self.invoke(name, vec![date, days], DataType::Int32)?.cast(DataType::Date)
            }
            (DataType::Date, DataType::Date) if function == Function::Subtract && data_type.is_integer() => {
                let left = self.day_number(left, row)?.cast(DataType::Int64)?;
                let right = self.day_number(right, row)?.cast(DataType::Int64)?;
                self.invoke(name, vec![left, right], DataType::Int64)?.cast(data_type)
            }
            _ => {
                let construct = format!("`{name}` of `{}` and `{}`", types.0, types.1);
                Err(refusal("GEN-0102", &construct, "add an interval to a date or a timestamp"))
            }
        }
    }

    /// Days since 1970-01-01 as an `Int32`.
    fn day_number(&mut self, date: ScalarId, row: &Row) -> Result<Typed, CodegenError> {
        self.operand(date, row)?.cast(DataType::Date)?.cast(DataType::Int32)
    }

    /// Microseconds since 1970-01-01 as an `Int64`. The cast to a timestamp is always written: a
    /// table may hold another unit than microseconds.
    fn micros(value: Typed) -> Result<Typed, CodegenError> {
        value.forced_cast(DataType::Timestamp, false)?.cast(DataType::Int64)
    }

    /// The operands of a comparison of `timestamp - timestamp` with a constant interval, as
    /// microseconds: a time span has no type that consumer and plan share.
    pub(super) fn elapsed_comparison(&mut self, args: &Args, row: &Row) -> Result<Option<Vec<Typed>>, CodegenError> {
        if !args.iter().all(|arg| self.arena.type_of(*arg) == DataType::Interval) {
            return Ok(None);
        }
        let mut operands = Vec::with_capacity(args.len());
        for arg in args {
            let operand = match self.arena[*arg].clone() {
                Scalar::Literal(Literal::Interval { months, days, micros }) => {
                    let days = DAYS_A_MONTH * i64::from(months) + i64::from(days);
                    let Some(total) = days.checked_mul(MICROS_A_DAY).and_then(|span| span.checked_add(micros)) else {
                        return Ok(None);
                    };
                    Typed::literal(&Literal::Int(i128::from(total), DataType::Int64))?
                }
                _ => match self.elapsed(*arg, row)? {
                    Some(elapsed) => elapsed,
                    None => return Ok(None),
                },
            };
            operands.push(operand);
        }
        Ok(Some(operands))
    }

    /// Microseconds of `timestamp - timestamp`.
    fn elapsed(&mut self, span: ScalarId, row: &Row) -> Result<Option<Typed>, CodegenError> {
        let Scalar::Call { function: Function::Subtract, args, .. } = self.arena[span].clone() else {
            return Ok(None);
        };
        let &[end, start] = args.as_slice() else { return Ok(None) };
        let is_time = |data_type| matches!(data_type, DataType::Timestamp | DataType::Date);
        if !is_time(self.arena.type_of(end)) || !is_time(self.arena.type_of(start)) {
            return Ok(None);
        }
        let end = Self::micros(self.operand(end, row)?)?;
        let start = Self::micros(self.operand(start, row)?)?;
        Ok(Some(self.invoke("subtract", vec![end, start], DataType::Int64)?))
    }

    /// Functions of dates and timestamps.
    pub(super) fn temporal_function(
        &mut self,
        function: Function,
        args: &Args,
        data_type: DataType,
        row: &Row,
    ) -> Result<Typed, CodegenError> {
        if args.iter().any(|arg| self.arena.type_of(*arg) == DataType::TimestampTz) {
            return Err(unspelled(
                function,
                "the result depends on the session's time zone; cast to a timestamp first",
            ));
        }
        let last = args.last().copied();
        match (function, args.as_slice()) {
            (Function::CurrentDate, _) => self.invoke("current_date", Vec::new(), DataType::Date),
            (Function::CurrentTimestamp, _) => {
                self.invoke("now", Vec::new(), DataType::TimestampTz)?.forced_cast(physical(data_type)?, false)
            }
            (Function::Extract, &[field, value]) => {
                let field = self.unit(function, field)?;
                self.extract(function, &field, value, data_type, row)
            }
            (Function::EpochSeconds, &[value]) => self.extract(function, "epoch", value, data_type, row),
            (Function::DateTrunc, &[unit, value]) => {
                let unit = self.unit(function, unit)?;
                self.truncated(&unit, value, row)?.cast(data_type)
            }
            (Function::DateDiff, &[unit, start, end]) => {
                let unit = self.unit(function, unit)?;
                self.difference(&unit, start, end, row)?.cast(data_type)
            }
            (Function::MakeDate, &[_, _, _]) => {
                let parts = self.cast_operands(args, DataType::Int32, row)?;
                self.invoke("make_date", parts, DataType::Date)?.cast(data_type)
            }
            (Function::LastDay, &[value]) => {
                let month = self.truncated("month", value, row)?;
                let step = Typed::literal(&Literal::Interval { months: 1, days: -1, micros: 0 })?;
                self.invoke("add", vec![month, step], DataType::Timestamp)?.cast(DataType::Date)?.cast(data_type)
            }
            (Function::FormatTime, &[value, format]) if last.is_some() => {
                let text = self.text_constant(format).filter(|format| is_plain_format(format));
                let Some(text) = text else {
                    return Err(unspelled(function, "write a constant format of %Y %m %d %H %M %S %j %y"));
                };
                let value = self.operand(value, row)?.cast(DataType::Timestamp)?;
                let format = Typed::literal(&Literal::Text(text.into()))?;
                self.invoke("to_char", vec![value, format], DataType::Text)
            }
            _ => Err(unspelled(function, "give it the arguments of its canonical form")),
        }
    }

    fn unit(&self, function: Function, unit: ScalarId) -> Result<String, CodegenError> {
        self.text_constant(unit).ok_or_else(|| unspelled(function, "write the unit as a constant"))
    }

    fn extract(
        &mut self,
        function: Function,
        field: &str,
        value: ScalarId,
        data_type: DataType,
        row: &Row,
    ) -> Result<Typed, CodegenError> {
        if let Some(elapsed) = self.elapsed(value, row)?
            && field == "epoch"
        {
            let seconds = elapsed.cast(DataType::Float64)?;
            let divisor = Typed::literal(&Literal::Float(1e6_f64.to_bits()))?;
            return self.invoke("divide", vec![seconds, divisor], DataType::Float64)?.cast(data_type);
        }
        let is_known = matches!(
            field,
            "year"
                | "quarter"
                | "month"
                | "week"
                | "day"
                | "hour"
                | "minute"
                | "second"
                | "dow"
                | "isodow"
                | "doy"
                | "epoch"
        );
        if !is_known || !matches!(self.arena.type_of(value), DataType::Date | DataType::Timestamp) {
            return Err(unspelled(function, &format!("the field `{field}` is not taken from such a value")));
        }
        let value = self.operand(value, row)?.cast(DataType::Timestamp)?;
        let name = Typed::literal(&Literal::Text(field.into()))?;
        let result = if field == "epoch" { DataType::Float64 } else { DataType::Int32 };
        self.invoke("date_part", vec![name, value], result)?.cast(data_type)
    }

    /// The start of the unit in which a time lies, as a timestamp.
    fn truncated(&mut self, unit: &str, value: ScalarId, row: &Row) -> Result<Typed, CodegenError> {
        let is_known = matches!(
            unit,
            "year" | "quarter" | "month" | "week" | "day" | "hour" | "minute" | "second" | "millisecond"
        );
        if !is_known || !matches!(self.arena.type_of(value), DataType::Date | DataType::Timestamp) {
            return Err(unspelled(Function::DateTrunc, &format!("the unit `{unit}` is not cut from such a value")));
        }
        let value = self.operand(value, row)?.cast(DataType::Timestamp)?;
        let unit = Typed::literal(&Literal::Text(unit.into()))?;
        self.invoke("date_trunc", vec![unit, value], DataType::Timestamp)
    }

    /// Boundaries of `unit` between two times.
    fn difference(&mut self, unit: &str, start: ScalarId, end: ScalarId, row: &Row) -> Result<Typed, CodegenError> {
        let micros_a_unit = match unit {
            "day" => MICROS_A_DAY,
            "week" => 7 * MICROS_A_DAY,
            "hour" => 3600 * MICROS_A_SECOND,
            "minute" => 60 * MICROS_A_SECOND,
            "second" => MICROS_A_SECOND,
            "year" => return self.month_difference(start, end, 12, row),
            "quarter" => return self.month_difference(start, end, 3, row),
            "month" => return self.month_difference(start, end, 1, row),
            _ => return Err(unspelled(Function::DateDiff, &format!("boundaries of `{unit}` are not counted"))),
        };
        let end = Self::micros(self.truncated(unit, end, row)?)?;
        let start = Self::micros(self.truncated(unit, start, row)?)?;
        let span = self.invoke("subtract", vec![end, start], DataType::Int64)?;
        let divisor = Typed::literal(&Literal::Int(i128::from(micros_a_unit), DataType::Int64))?;
        self.invoke("divide", vec![span, divisor], DataType::Int64)
    }

    /// Boundaries of units of `months` months: the numbers of the units in the calendar apart.
    fn month_difference(
        &mut self,
        start: ScalarId,
        end: ScalarId,
        months: i32,
        row: &Row,
    ) -> Result<Typed, CodegenError> {
        let end = self.unit_number(end, months, row)?;
        let start = self.unit_number(start, months, row)?;
        self.invoke("subtract", vec![end, start], DataType::Int64)
    }

    fn unit_number(&mut self, value: ScalarId, months: i32, row: &Row) -> Result<Typed, CodegenError> {
        let year = self.extract(Function::DateDiff, "year", value, DataType::Int64, row)?;
        if months == 12 {
            return Ok(year);
        }
        let field = if months == 3 { "quarter" } else { "month" };
        let part = self.extract(Function::DateDiff, field, value, DataType::Int64, row)?;
        let factor = Typed::int(12 / months)?.cast(DataType::Int64)?;
        let years = self.invoke("multiply", vec![year, factor], DataType::Int64)?;
        self.invoke("add", vec![years, part], DataType::Int64)
    }
}

/// Whether every code of a time format is one of [`FORMAT_CODES`].
fn is_plain_format(format: &str) -> bool {
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter == '%' && !letters.next().is_some_and(|code| FORMAT_CODES.contains(code)) {
            return false;
        }
    }
    true
}
