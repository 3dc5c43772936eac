//! Calls that the binder writes in other words: conditionals, moved and counted times, conversions
//! by name.

use isomer_ir::{DataType, Dialect, Function, Literal, Scalar, ScalarId};
use sqlparser::ast::Expr;

use crate::bind::{Bind, Binder};
use crate::functions::Special;
use crate::literal;

impl<'a> Binder<'a> {
    /// A call of a special function over bound arguments.
    pub(crate) fn special(&mut self, special: Special, mut args: Vec<ScalarId>, at: &Expr) -> Bind<ScalarId> {
        match special {
            Special::Part(part) => self.part(part, args[0], at),
            Special::DatePart => match self.arena[args[0]].clone() {
                Scalar::Literal(Literal::Text(part)) => self.date_part(&part, args[1], at),
                _ => Err(self.unsupported(at, "a date part that is no literal")),
            },
            Special::If => self.choice(args[0], &mut args[1..], at),
            Special::Nvl2 => {
                let is_null = self.arena.predicate(Function::IsNull, [args[0]]);
                self.choice(is_null, &mut [args[2], args[1]], at)
            }
            Special::ZeroIfNull | Special::NullIfZero => {
                let zero = self.arena.literal(Literal::Int(0, DataType::Int64));
                let function = if special == Special::ZeroIfNull { Function::Coalesce } else { Function::NullIf };
                self.apply(function, vec![args[0], zero], at)
            }
            Special::Decode => self.decode(&args, at),
            Special::EqualNull => self.compared(Function::IsNotDistinct, args[0], args[1], at),
            Special::AddInterval | Special::SubtractInterval => {
                let is_minus = special == Special::SubtractInterval;
                self.interval_added(args[0], args[1], is_minus, at)
            }
            Special::AddDays | Special::SubtractDays => {
                let function = if special == Special::AddDays { Function::Add } else { Function::Subtract };
                let (a, b) = (self.arena.type_of(args[0]), self.arena.type_of(args[1]));
                if a != DataType::Date || !b.is_integer() {
                    return Err(self.fault("SQL-0011", at, format!("found {a} and {b}, expected a date and days")));
                }
                let days = self.days(args[1]);
                Ok(self.arena.call(function, [args[0], days], DataType::Date))
            }
            Special::AddUnits => self.units_added(args[0], args[1], args[2], at),
            Special::AddMonths => {
                let unit = self.arena.text("month");
                self.units_added(unit, args[1], args[0], at)
            }
            Special::DaysBetween => {
                let unit = self.arena.text("day");
                let args = [unit, args[1], args[0]];
                Ok(self.arena.call(Function::DateDiff, args, DataType::Int32))
            }
            Special::DiffUnits => self.unit_call(Function::DateDiff, args, at),
            Special::DiffLast => self.unit_call(Function::DateDiff, vec![args[2], args[1], args[0]], at),
            Special::ElapsedLast => {
                // A day is 24 hours there, and one of the calendar in a time zone elsewhere.
                let unit = self.unit_name(args[2], at)?;
                if !matches!(unit, "hour" | "minute" | "second" | "millisecond" | "microsecond") {
                    return Err(self.unsupported(at, &format!("whole units of `{unit}`")));
                }
                let unit = self.arena.text(unit);
                self.listed_call("elapsed_units", [unit, args[1], args[0]], DataType::Int64, at)
            }
            Special::TruncLast if self.arena.type_of(args[0]).is_numeric() => self.apply(Function::Trunc, args, at),
            Special::TruncLast => self.unit_call(Function::DateTrunc, vec![args[1], args[0]], at),
            Special::SparkTrunc => {
                if self.arena.type_of(args[0]) != DataType::Date {
                    return Err(self.unsupported(at, "`trunc` of what is no date"));
                }
                let start = self.unit_call(Function::DateTrunc, vec![args[1], args[0]], at)?;
                Ok(self.arena.cast(start, DataType::Date))
            }
            Special::Log => {
                let is_natural = matches!(self.dialect, Dialect::Spark | Dialect::BigQuery);
                self.apply(if is_natural { Function::Ln } else { Function::Log10 }, args, at)
            }
            Special::GreatestStrict => self.strict(Function::Greatest, args, at),
            Special::LeastStrict => self.strict(Function::Least, args, at),
            Special::ConcatWsStrict => {
                let separator = args.remove(0);
                let mut parts = Vec::with_capacity(2 * args.len());
                for (position, part) in args.into_iter().enumerate() {
                    if position > 0 {
                        parts.push(separator);
                    }
                    parts.push(part);
                }
                self.apply(Function::Concat, parts, at)
            }
            Special::PositionSwapped => self.apply(Function::Position, vec![args[1], args[0]], at),
            Special::LPadSpaces | Special::RPadSpaces => {
                let function = if special == Special::LPadSpaces { Function::LPad } else { Function::RPad };
                args.push(self.arena.text(" "));
                self.apply(function, args, at)
            }
            Special::RegexpAnchored => self.anchored(args[0], args[1], at),
            Special::CastDate => self.cast_named(args[0], DataType::Date, false, at),
            Special::TryCastDate => self.cast_named(args[0], DataType::Date, true, at),
            Special::CastTimestamp => {
                let is_instant = self.dialect == Dialect::Spark;
                self.cast_named(
                    args[0],
                    if is_instant { DataType::TimestampTz } else { DataType::Timestamp },
                    false,
                    at,
                )
            }
            Special::TryCastTimestamp => self.cast_named(args[0], DataType::Timestamp, true, at),
            Special::CastTimestampTz => self.cast_named(args[0], DataType::TimestampTz, false, at),
            Special::CastDatetime => self.cast_named(args[0], DataType::Timestamp, false, at),
            Special::CastText => self.cast_named(args[0], DataType::Text, false, at),
            Special::CastDouble => self.cast_named(args[0], DataType::Float64, false, at),
            Special::TryCastDouble => self.cast_named(args[0], DataType::Float64, true, at),
            Special::CastBoolean => self.cast_named(args[0], DataType::Boolean, false, at),
            Special::CastNumber | Special::TryCastNumber => {
                let to = self.number_type(&args[1..], at)?;
                self.cast_named(args[0], to, special == Special::TryCastNumber, at)
            }
            Special::CountIf
            | Special::PercentileCont
            | Special::PercentileDisc
            | Special::ModeWithin
            | Special::AnyAtMax
            | Special::AnyAtMin
            | Special::RatioToReport => Err(self.unsupported(at, "this call")),
        }
    }

    /// `CASE WHEN condition THEN values[0] ELSE values[1] END`.
    fn choice(&mut self, condition: ScalarId, values: &mut [ScalarId], at: &Expr) -> Bind<ScalarId> {
        let found = self.arena.type_of(condition);
        if !matches!(found, DataType::Boolean | DataType::Unknown | DataType::Null) {
            return Err(self.no_condition(at, found));
        }
        let data_type = self.unified(values, at)?;
        let branches = vec![(condition, values[0])];
        Ok(self.arena.scalar(Scalar::Case { branches, otherwise: values[1], data_type }))
    }

    fn decode(&mut self, args: &[ScalarId], at: &Expr) -> Bind<ScalarId> {
        let (value, rest) = (args[0], &args[1..]);
        let mut whens = Vec::new();
        let mut values = Vec::new();
        for pair in rest.chunks_exact(2) {
            whens.push(self.compared(Function::IsNotDistinct, value, pair[0], at)?);
            values.push(pair[1]);
        }
        values.push(match rest.chunks_exact(2).remainder() {
            [otherwise] => *otherwise,
            _ => self.arena.literal(Literal::Null(DataType::Null)),
        });
        let data_type = self.unified(&mut values, at)?;
        let otherwise = values.pop().expect("pushed above");
        Ok(self.arena.scalar(Scalar::Case { branches: whens.into_iter().zip(values).collect(), otherwise, data_type }))
    }

    /// A function that passes over NULLs, made NULL where an argument is.
    fn strict(&mut self, function: Function, args: Vec<ScalarId>, at: &Expr) -> Bind<ScalarId> {
        let nulls: Vec<ScalarId> = args.iter().map(|&arg| self.arena.predicate(Function::IsNull, [arg])).collect();
        let value = self.apply(function, args, at)?;
        let data_type = self.arena.type_of(value);
        let condition = self.arena.or(nulls);
        let null = self.arena.literal(Literal::Null(data_type));
        Ok(self.arena.scalar(Scalar::Case { branches: vec![(condition, null)], otherwise: value, data_type }))
    }

    pub(crate) fn anchored(&mut self, value: ScalarId, pattern: ScalarId, at: &Expr) -> Bind<ScalarId> {
        let Scalar::Literal(Literal::Text(pattern)) = self.arena[pattern].clone() else {
            return Err(self.unsupported(at, "a pattern that is no literal and matches the whole text"));
        };
        let pattern = self.arena.text(&format!("^(?:{pattern})$"));
        self.apply(Function::RegexpMatches, vec![value, pattern], at)
    }

    /// A conversion by a function's name.
    fn cast_named(&mut self, value: ScalarId, to: DataType, is_try: bool, at: &Expr) -> Bind<ScalarId> {
        let from = self.arena.type_of(value);
        let is_zoned = from == DataType::TimestampTz && matches!(to, DataType::Date | DataType::Timestamp);
        let is_zoning = to == DataType::TimestampTz && !matches!(from, DataType::TimestampTz | DataType::Text);
        let is_number_of_time = from.is_numeric() && to.is_temporal();
        if is_zoned || is_zoning || is_number_of_time {
            return Err(self.unsupported(at, &format!("{from} as {to} by a function")));
        }
        if to == DataType::Text && !matches!(from, DataType::Text | DataType::Boolean) && !from.is_integer() {
            return Err(self.unsupported(at, &format!("the text of a {from} by a function")));
        }
        self.cast(value, to, is_try, at)
    }

    fn number_type(&mut self, args: &[ScalarId], at: &Expr) -> Bind<DataType> {
        let mut digits = [38_u8, 0];
        for (slot, &arg) in digits.iter_mut().zip(args) {
            match self.arena[arg] {
                Scalar::Literal(Literal::Int(value, _)) if (0..=38).contains(&value) => {
                    *slot = u8::try_from(value).unwrap_or(38);
                }
                _ => return Err(self.unsupported(at, "`to_number` with a format")),
            }
        }
        let [precision, scale] = digits;
        if precision == 0 || scale > precision {
            return Err(self.unsupported(at, "`to_number` with such digits"));
        }
        Ok(DataType::Decimal { precision, scale })
    }

    /// `date_add(x, interval)`; BigQuery keeps a date.
    fn interval_added(&mut self, value: ScalarId, by: ScalarId, is_minus: bool, at: &Expr) -> Bind<ScalarId> {
        let (a, b) = (self.arena.type_of(value), self.arena.type_of(by));
        if !a.is_temporal() || b != DataType::Interval {
            return Err(self.fault("SQL-0011", at, format!("found {a} and {b}, expected a date and an interval")));
        }
        let function = if is_minus { Function::Subtract } else { Function::Add };
        if a != DataType::Date || self.dialect != Dialect::BigQuery {
            let data_type = if a == DataType::Date { DataType::Timestamp } else { a };
            return Ok(self.arena.call(function, [value, by], data_type));
        }
        Ok(self.moved_date(function, value, by))
    }

    /// A date moved by an interval of whole days, which stays a date.
    fn moved_date(&mut self, function: Function, date: ScalarId, by: ScalarId) -> ScalarId {
        if let (Scalar::Literal(start), Scalar::Literal(interval)) = (&self.arena[date], &self.arena[by])
            && let Some(folded) = literal::moved(start, interval, function == Function::Subtract, true)
        {
            return self.arena.literal(folded);
        }
        let moved = self.arena.call(function, [date, by], DataType::Timestamp);
        self.arena.cast(moved, DataType::Date)
    }

    /// `dateadd(unit, number, x)`.
    /// A number of days as engines add it to a date: DuckDB and PostgreSQL take none of 64 bits, and no date is that
    /// far away.
    fn days(&mut self, number: ScalarId) -> ScalarId {
        let is_wide = matches!(self.arena.type_of(number), DataType::Int64 | DataType::Int128);
        let is_written = matches!(self.arena[number], Scalar::Literal(_));
        if is_wide && !is_written { self.arena.cast(number, DataType::Int32) } else { number }
    }

    fn units_added(&mut self, unit: ScalarId, number: ScalarId, value: ScalarId, at: &Expr) -> Bind<ScalarId> {
        let unit = self.unit_name(unit, at)?;
        let value = match self.arena[value].clone() {
            Scalar::Literal(Literal::Text(text)) => {
                let Some(micros) = literal::timestamp(&text) else {
                    return Err(self.fault("SQL-0018", at, format!("`{text}` is not read as timestamp")));
                };
                self.arena.literal(Literal::Timestamp(micros))
            }
            _ => value,
        };
        let found = self.arena.type_of(value);
        let n = self.arena.type_of(number);
        if !matches!(found, DataType::Date | DataType::Timestamp | DataType::TimestampTz) || !n.is_integer() {
            return Err(self.fault("SQL-0011", at, format!("found {n} and {found}, expected a number and a date")));
        }
        let is_whole_days = matches!(unit, "year" | "quarter" | "month" | "week" | "day");
        if found != DataType::Date {
            let by = self.interval_times(unit, number, at)?;
            return Ok(self.arena.call(Function::Add, [value, by], found));
        }
        // Spark makes an instant of a date, in the session's time zone.
        if self.dialect == Dialect::Spark && unit != "month" {
            return Err(self.unsupported(at, "moving a date by a unit, which gives an instant"));
        }
        if unit == "day" {
            let number = self.days(number);
            return Ok(self.arena.call(Function::Add, [value, number], DataType::Date));
        }
        let by = self.interval_times(unit, number, at)?;
        if is_whole_days {
            return Ok(self.moved_date(Function::Add, value, by));
        }
        Ok(self.arena.call(Function::Add, [value, by], DataType::Timestamp))
    }

    /// An interval of a number of units: a constant where the number is one.
    pub(crate) fn interval_times(&mut self, unit: &str, number: ScalarId, at: &Expr) -> Bind<ScalarId> {
        let n = match self.arena[number] {
            Scalar::Literal(Literal::Int(n, _)) => n,
            _ => 1,
        };
        let Some((months, days, micros)) = literal::units(n, unit) else {
            return Err(self.fault("SQL-0018", at, format!("`{n}` is no number of `{unit}`")));
        };
        let interval = self.arena.literal(Literal::Interval { months, days, micros });
        if matches!(self.arena[number], Scalar::Literal(Literal::Int(..))) {
            return Ok(interval);
        }
        let found = self.arena.type_of(number);
        if !found.is_integer() {
            return Err(self.fault("SQL-0011", at, format!("found {found}, expected a whole number of `{unit}`")));
        }
        Ok(self.arena.call(Function::Multiply, [interval, number], DataType::Interval))
    }

    /// `date_trunc` and `date_diff` with the unit first; weeks that start on Sunday are weeks of the next day.
    fn unit_call(&mut self, function: Function, mut args: Vec<ScalarId>, at: &Expr) -> Bind<ScalarId> {
        if self.dialect != Dialect::BigQuery || !self.is_sunday_week(args[0]) {
            return self.apply(function, args, at);
        }
        let one = self.arena.literal(Literal::Int(1, DataType::Int64));
        for value in &mut args[1..] {
            if self.arena.type_of(*value) != DataType::Date {
                return Err(self.unsupported(at, "weeks from Sunday of what is no date"));
            }
            *value = self.arena.call(Function::Add, [*value, one], DataType::Date);
        }
        args[0] = self.arena.text("week");
        let found = self.apply(function, args, at)?;
        if function == Function::DateDiff {
            return Ok(found);
        }
        let monday = self.arena.cast(found, DataType::Date);
        Ok(self.arena.call(Function::Subtract, [monday, one], DataType::Date))
    }

    fn is_sunday_week(&self, unit: ScalarId) -> bool {
        matches!(&self.arena[unit], Scalar::Literal(Literal::Text(unit))
            if matches!(unit.to_lowercase().as_str(), "week" | "week(sunday)"))
    }

    /// The unit that a text names.
    pub(crate) fn unit_name(&mut self, unit: ScalarId, at: &Expr) -> Bind<&'static str> {
        let Scalar::Literal(Literal::Text(written)) = self.arena[unit].clone() else {
            return Err(self.unsupported(at, "a unit that is no literal"));
        };
        let has_short = matches!(self.dialect, Dialect::Snowflake | Dialect::Spark);
        let lower = written.to_lowercase();
        Ok(match lower.as_str() {
            "year" | "years" => "year",
            "quarter" | "quarters" => "quarter",
            "month" | "months" => "month",
            "week" | "weeks" | "isoweek" | "week(monday)" => "week",
            "day" | "days" => "day",
            "hour" | "hours" => "hour",
            "minute" | "minutes" => "minute",
            "second" | "seconds" => "second",
            "millisecond" | "milliseconds" => "millisecond",
            "microsecond" | "microseconds" => "microsecond",
            "y" | "yy" | "yyy" | "yyyy" | "yr" | "yrs" if has_short => "year",
            "q" | "qtr" | "qtrs" if has_short => "quarter",
            "mm" | "mon" | "mons" if has_short => "month",
            "w" | "wk" | "weekofyear" if self.dialect == Dialect::Snowflake => "week",
            "d" | "dd" | "dayofmonth" if self.dialect == Dialect::Snowflake => "day",
            "h" | "hh" | "hr" | "hrs" if self.dialect == Dialect::Snowflake => "hour",
            "m" | "mi" | "min" | "mins" if self.dialect == Dialect::Snowflake => "minute",
            "s" | "sec" | "secs" if self.dialect == Dialect::Snowflake => "second",
            "ms" | "msec" if self.dialect == Dialect::Snowflake => "millisecond",
            "us" | "usec" if self.dialect == Dialect::Snowflake => "microsecond",
            _ => return Err(self.unsupported(at, &format!("the unit `{lower}`"))),
        })
    }
}
