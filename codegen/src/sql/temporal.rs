//! Dates, times and intervals: arithmetic, parts, truncation, differences and formats. The types of
//! results differ most between dialects here, so a cast is written where they would.

use super::target::Target;
use isomer_ir::{DataType, Function, Scalar, ScalarId};

use super::expr::{ExprId, Level};
use super::spell::{Spelled, Speller};
use crate::CodegenError;

impl Speller<'_> {
    pub(super) fn add_or_subtract(
        &mut self,
        function: Function,
        args: &[ScalarId],
        data_type: DataType,
        done: &Spelled,
    ) -> Result<ExprId, CodegenError> {
        let operator = if function == Function::Add { " + " } else { " - " };
        let [left, right] = args else { return self.arithmetic(function, Level::Add, operator, args, data_type, done) };
        let types = (self.arena.type_of(*left), self.arena.type_of(*right));
        let (a, b) = (done[left], done[right]);
        match types {
            (DataType::Date, DataType::Interval) => self.shift(a, operator, b, data_type),
            (DataType::Interval, DataType::Date) if function == Function::Add => self.shift(b, operator, a, data_type),
            (DataType::Date, DataType::Time)
            | (DataType::Time, DataType::Date | DataType::Time | DataType::Interval)
                if !matches!(self.dialect, Target::DuckDb | Target::Postgres) =>
            {
                Err(CodegenError::new(
                    "GEN-0034",
                    "arithmetic over a time of day".to_owned(),
                    self.dialect.dialect(),
                    "work with timestamps in the model",
                ))
            }
            (DataType::Date, DataType::Date) if function == Function::Subtract => Ok(self.days_between(a, b)),
            (DataType::Date, days) if days.is_integer() => Ok(self.add_days(function, a, b)),
            (days, DataType::Date) if days.is_integer() && function == Function::Add => {
                Ok(self.add_days(function, b, a))
            }
            _ => self.arithmetic(function, Level::Add, operator, args, data_type, done),
        }
    }

    /// A date and an interval: a timestamp in DuckDB and PostgreSQL, a date in the others.
    fn shift(
        &mut self,
        date: ExprId,
        operator: &'static str,
        interval: ExprId,
        to: DataType,
    ) -> Result<ExprId, CodegenError> {
        let is_timestamp = matches!(self.dialect, Target::DuckDb | Target::Postgres);
        if is_timestamp || to == DataType::Date {
            let sum = self.exprs.infix(Level::Add, date, operator, interval);
            return if is_timestamp && to == DataType::Date { self.cast_to(sum, to) } else { Ok(sum) };
        }
        let date = self.cast_to(date, DataType::Timestamp)?;
        Ok(self.exprs.infix(Level::Add, date, operator, interval))
    }

    fn days_between(&mut self, end: ExprId, start: ExprId) -> ExprId {
        match self.dialect {
            Target::DuckDb | Target::Postgres => self.exprs.infix(Level::Add, end, " - ", start),
            Target::Spark => self.exprs.call("datediff", &[end, start]),
            Target::DataFusion => self.exprs.template(
                Level::Add,
                "CAST(CAST(# AS INT) AS BIGINT) - CAST(CAST(# AS INT) AS BIGINT)",
                &[end, start],
            ),
        }
    }

    fn add_days(&mut self, function: Function, date: ExprId, days: ExprId) -> ExprId {
        let is_add = function == Function::Add;
        match self.dialect {
            Target::DuckDb => self.exprs.infix(Level::Add, date, if is_add { " + " } else { " - " }, days),
            Target::Postgres => {
                let template = if is_add { "@ + CAST(# AS INTEGER)" } else { "@ - CAST(# AS INTEGER)" };
                self.exprs.template(Level::Add, template, &[date, days])
            }
            Target::Spark => {
                let name = if is_add { "date_add" } else { "date_sub" };
                self.exprs.template(Level::Primary, &format!("{name}(#, CAST(# AS INT))"), &[date, days])
            }
            Target::DataFusion => {
                let sign = if is_add { "+" } else { "-" };
                self.exprs.template(
                    Level::Primary,
                    &format!("CAST(CAST(# AS INT) {sign} CAST(# AS INT) AS DATE)"),
                    &[date, days],
                )
            }
        }
    }

    fn unit<'t>(&'t self, args: &[ScalarId], what: &str) -> Result<&'t str, CodegenError> {
        let unit = args.first().and_then(|&unit| self.text_of(unit));
        unit.ok_or_else(|| {
            self.refuse("GEN-0020", format!("{what} with a unit that is no constant"), "write the unit as a text")
        })
    }

    fn unknown_unit(&self, what: &str, unit: &str) -> CodegenError {
        self.refuse(
            "GEN-0020",
            format!("{what} of `{unit}`"),
            "use year, quarter, month, week, day, hour, minute or second",
        )
    }

    /// A part of a date or time.
    pub(super) fn extract(
        &mut self,
        args: &[ScalarId],
        operands: &[ExprId],
        data_type: DataType,
    ) -> Result<ExprId, CodegenError> {
        let unit = self.unit(args, "`EXTRACT`")?.to_owned();
        let (_, value) = self.two(operands, Function::Extract)?;
        let from = args.get(1).map_or(DataType::Unknown, |&arg| self.arena.type_of(arg));
        let field = match unit.as_str() {
            "year" | "quarter" | "month" | "week" | "day" | "dow" | "isodow" | "doy" | "hour" | "minute" | "second" => {
                unit.to_uppercase()
            }
            "epoch" => {
                let epoch = self.epoch(value, from);
                return if data_type.is_float() { Ok(epoch) } else { self.cast_to(epoch, data_type) };
            }
            _ => return Err(self.unknown_unit("`EXTRACT`", &unit)),
        };
        let part = |this: &mut Self| this.exprs.template(Level::Primary, &format!("EXTRACT({field} FROM #)"), &[value]);
        match self.dialect {
            Target::DuckDb => Ok(part(self)),
            Target::Postgres => {
                // A numeric there, and seconds with their fraction.
                let part = part(self);
                let whole = if field == "SECOND" { self.exprs.call("floor", &[part]) } else { part };
                self.cast_to(whole, if data_type.is_integer() { data_type } else { DataType::Int64 })
            }
            Target::DataFusion if field == "ISODOW" => {
                Ok(self.exprs.template(Level::Add, "(EXTRACT(DOW FROM #) + 6) % 7 + 1", &[value]))
            }
            Target::DataFusion => Ok(part(self)),
            Target::Spark => Ok(match field.as_str() {
                "DOW" => self.exprs.template(Level::Add, "dayofweek(#) - 1", &[value]),
                "ISODOW" => self.exprs.template(Level::Add, "weekday(#) + 1", &[value]),
                "DOY" => self.exprs.call("dayofyear", &[value]),
                "WEEK" => self.exprs.call("weekofyear", &[value]),
                "SECOND" => self.exprs.call("second", &[value]),
                _ => part(self),
            }),
        }
    }

    /// A part of a date or time as PostgreSQL gives it, without the cast to an integer, where a scalar is one.
    pub(super) fn whole_part(&mut self, scalar: ScalarId, done: &Spelled) -> Result<Option<ExprId>, CodegenError> {
        let Scalar::Call { function: Function::Extract, args, .. } = &self.arena[scalar] else { return Ok(None) };
        let [unit, value] = args.as_slice() else { return Ok(None) };
        match self.text_of(*unit) {
            None | Some("second" | "epoch") => Ok(None),
            Some(unit) => {
                let template = format!("EXTRACT({} FROM #)", unit.to_uppercase());
                Ok(Some(self.exprs.template(Level::Primary, &template, &[done[value]])))
            }
        }
    }

    /// Seconds since 1970 as a double.
    pub(super) fn epoch(&mut self, value: ExprId, from: DataType) -> ExprId {
        match self.dialect {
            Target::DuckDb => self.exprs.call("epoch", &[value]),
            Target::Postgres => {
                self.exprs.template(Level::Primary, "CAST(EXTRACT(EPOCH FROM #) AS DOUBLE PRECISION)", &[value])
            }
            Target::DataFusion => {
                self.exprs.template(Level::Primary, "CAST(date_part('epoch', #) AS DOUBLE)", &[value])
            }
            Target::Spark if from == DataType::TimestampTz => {
                self.exprs.template(Level::Multiply, "unix_micros(#) / 1e6", &[value])
            }
            Target::Spark => {
                let template =
                    "timestampdiff(MICROSECOND, TIMESTAMP_NTZ '1970-01-01 00:00:00', CAST(# AS TIMESTAMP_NTZ)) / 1e6";
                self.exprs.template(Level::Multiply, template, &[value])
            }
        }
    }

    /// The start of the period that holds a date or time. Weeks start on Monday.
    pub(super) fn date_trunc(
        &mut self,
        args: &[ScalarId],
        operands: &[ExprId],
        to: DataType,
    ) -> Result<ExprId, CodegenError> {
        let unit = self.unit(args, "`date_trunc`")?.to_owned();
        let (_, value) = self.two(operands, Function::DateTrunc)?;
        let from = args.get(1).map_or(DataType::Unknown, |&arg| self.arena.type_of(arg));
        if !["year", "quarter", "month", "week", "day", "hour", "minute", "second"].contains(&unit.as_str()) {
            return Err(self.unknown_unit("`date_trunc`", &unit));
        }
        let plain = format!("date_trunc('{unit}', #)");
        match self.dialect {
            Target::DuckDb => {
                let truncated = self.exprs.template(Level::Primary, &plain, &[value]);
                self.retyped(truncated, from, to)
            }
            Target::Postgres | Target::DataFusion => {
                let value = if from == DataType::Date { self.cast_to(value, DataType::Timestamp)? } else { value };
                let truncated = self.exprs.template(Level::Primary, &plain, &[value]);
                match (from, to) {
                    (DataType::Date, DataType::Date | DataType::TimestampTz) => self.cast_to(truncated, to),
                    _ => Ok(truncated),
                }
            }
            Target::Spark => self.spark_trunc(&unit, value, from, to),
        }
    }

    /// DuckDB truncates a date to a timestamp in some versions and to a date in others.
    fn retyped(&mut self, truncated: ExprId, from: DataType, to: DataType) -> Result<ExprId, CodegenError> {
        if from == DataType::Date { self.cast_to(truncated, to) } else { Ok(truncated) }
    }

    /// Spark's own `date_trunc` passes through the session's time zone, which may lack the hour.
    fn spark_trunc(&mut self, unit: &str, value: ExprId, from: DataType, to: DataType) -> Result<ExprId, CodegenError> {
        if from == DataType::TimestampTz {
            return Ok(self.exprs.template(
                Level::Primary,
                &format!("date_trunc('{}', #)", unit.to_uppercase()),
                &[value],
            ));
        }
        let day = if from == DataType::Date { value } else { self.cast_to(value, DataType::Date)? };
        let start = match unit {
            "day" => day,
            "hour" | "minute" | "second" if from == DataType::Date => day,
            "hour" => {
                let midnight = self.cast_to(day, DataType::Timestamp)?;
                return Ok(self.exprs.template(Level::Add, "@ + make_dt_interval(0, hour(#))", &[midnight, value]));
            }
            "minute" => {
                let midnight = self.cast_to(day, DataType::Timestamp)?;
                return Ok(self.exprs.template(
                    Level::Add,
                    "@ + make_dt_interval(0, hour(#), minute(#))",
                    &[midnight, value, value],
                ));
            }
            "second" => {
                let midnight = self.cast_to(day, DataType::Timestamp)?;
                let template = "@ + make_dt_interval(0, hour(#), minute(#), second(#))";
                return Ok(self.exprs.template(Level::Add, template, &[midnight, value, value, value]));
            }
            _ => self.exprs.template(Level::Primary, &format!("trunc(#, '{}')", unit.to_uppercase()), &[day]),
        };
        if to == DataType::Date { Ok(start) } else { self.cast_to(start, to) }
    }

    /// How many starts of a unit lie between two times, the second one counted.
    pub(super) fn date_diff(&mut self, args: &[ScalarId], operands: &[ExprId]) -> Result<ExprId, CodegenError> {
        let unit = self.unit(args, "`date_diff`")?.to_owned();
        let [_, start, end] = operands else {
            return Err(self.refuse(
                "GEN-0001",
                "`date_diff` with a wrong number of operands",
                "this is a fault of Isomer; please report it",
            ));
        };
        let pair = [*end, *start];
        let four = [*end, *start, *end, *start];
        if self.dialect == Target::DuckDb {
            if !["year", "quarter", "month", "week", "day", "hour", "minute", "second"].contains(&unit.as_str()) {
                return Err(self.unknown_unit("`date_diff`", &unit));
            }
            return Ok(self.exprs.template(Level::Primary, &format!("date_diff('{unit}', #, #)"), &[*start, *end]));
        }
        let (template, is_pair) = match (unit.as_str(), self.dialect) {
            ("year", _) => ("EXTRACT(YEAR FROM #) - EXTRACT(YEAR FROM #)", true),
            ("quarter", _) => (
                "(EXTRACT(YEAR FROM #) - EXTRACT(YEAR FROM #)) * 4 + EXTRACT(QUARTER FROM #) - EXTRACT(QUARTER FROM #)",
                false,
            ),
            ("month", _) => (
                "(EXTRACT(YEAR FROM #) - EXTRACT(YEAR FROM #)) * 12 + EXTRACT(MONTH FROM #) - EXTRACT(MONTH FROM #)",
                false,
            ),
            ("day", Target::Postgres) => ("CAST(# AS DATE) - CAST(# AS DATE)", true),
            ("day", Target::Spark) => ("datediff(#, #)", true),
            ("day", _) => ("CAST(CAST(# AS DATE) AS INT) - CAST(CAST(# AS DATE) AS INT)", true),
            // Weeks are counted whole there, wherever they start.
            ("week", Target::Postgres) => ("(CAST(# AS DATE) - CAST(# AS DATE)) / 7", true),
            ("week", Target::Spark) => ("datediff(#, #) div 7", true),
            ("week", _) => ("(CAST(CAST(# AS DATE) AS INT) - CAST(CAST(# AS DATE) AS INT)) / 7", true),
            ("hour" | "minute" | "second", _) => return self.clock_diff(&unit, *start, *end),
            _ => return Err(self.unknown_unit("`date_diff`", &unit)),
        };
        let count = self.exprs.template(Level::Add, template, if is_pair { &pair } else { &four });
        self.cast_to(count, DataType::Int64)
    }

    fn clock_diff(&mut self, unit: &str, start: ExprId, end: ExprId) -> Result<ExprId, CodegenError> {
        let seconds = match unit {
            "hour" => 3600,
            "minute" => 60,
            _ => 1,
        };
        let mut whole = [end, start];
        for side in &mut whole {
            let time = self.cast_to(*side, DataType::Timestamp)?;
            let epoch = self.epoch(time, DataType::Timestamp);
            // Both are whole multiples of the unit after this, and far below 2^53.
            *side = self.exprs.template(Level::Primary, &format!("floor(# / {seconds})"), &[epoch]);
        }
        let difference = self.exprs.infix(Level::Add, whole[0], " - ", whole[1]);
        self.cast_to(difference, DataType::Int64)
    }

    pub(super) fn last_day(&mut self, operands: &[ExprId]) -> ExprId {
        match self.dialect {
            Target::DuckDb | Target::Spark => self.exprs.call("last_day", operands),
            Target::Postgres | Target::DataFusion => {
                let template =
                    "CAST(date_trunc('month', CAST(# AS TIMESTAMP)) + INTERVAL '1 month' - INTERVAL '1 day' AS DATE)";
                self.exprs.template(Level::Primary, template, &operands[..1])
            }
        }
    }

    /// A time as text by a `strftime` pattern, which must be a constant of numeric fields.
    pub(super) fn format_time(&mut self, args: &[ScalarId], operands: &[ExprId]) -> Result<ExprId, CodegenError> {
        let (value, _) = self.two(operands, Function::FormatTime)?;
        let pattern = args.get(1).and_then(|&pattern| self.text_of(pattern)).map(str::to_owned);
        let Some(pattern) = pattern else {
            if self.dialect == Target::DuckDb {
                return Ok(self.exprs.call("strftime", operands));
            }
            return Err(self.refuse("GEN-0021", "a time format that is no constant", "write the format as a text"));
        };
        let (name, text) = match self.dialect {
            Target::DuckDb => return Ok(self.exprs.call("strftime", operands)),
            Target::DataFusion => {
                ("to_char", self.translate_format(&pattern, &["%Y", "%m", "%d", "%H", "%M", "%S"], "%%", "", "")?)
            }
            Target::Postgres => (
                "to_char",
                self.translate_format(&pattern, &["YYYY", "MM", "DD", "HH24", "MI", "SS"], "%", "\"", "\"")?,
            ),
            Target::Spark => (
                "date_format",
                self.translate_format(&pattern, &["yyyy", "MM", "dd", "HH", "mm", "ss"], "%", "'", "'")?,
            ),
        };
        let quoted = self.quote(&text);
        let format = self.exprs.text(quoted, Level::Primary);
        Ok(self.exprs.call(name, &[value, format]))
    }

    fn translate_format(
        &self,
        pattern: &str,
        fields: &[&str; 6],
        percent: &str,
        open: &str,
        close: &str,
    ) -> Result<String, CodegenError> {
        let mut text = String::new();
        let mut chars = pattern.chars();
        let mut is_quoted = false;
        while let Some(next) = chars.next() {
            if next != '%' {
                if next == '"' || next == '\'' || next == '\\' {
                    return Err(self.refuse(
                        "GEN-0021",
                        format!("the time format `{pattern}`"),
                        "leave quotes out of the format",
                    ));
                }
                if (next.is_alphabetic() || "[]{}#".contains(next)) && !open.is_empty() {
                    // What was quoted just before goes on: a quote behind a quote stands for itself.
                    if !std::mem::replace(&mut is_quoted, true) {
                        text.push_str(open);
                    }
                    text.push(next);
                } else {
                    if std::mem::take(&mut is_quoted) {
                        text.push_str(close);
                    }
                    text.push(next);
                }
                continue;
            }
            if std::mem::take(&mut is_quoted) {
                text.push_str(close);
            }
            match chars.next() {
                Some('%') => text.push_str(percent),
                Some('Y') => text.push_str(fields[0]),
                Some('m') => text.push_str(fields[1]),
                Some('d') => text.push_str(fields[2]),
                Some('H') => text.push_str(fields[3]),
                Some('M') => text.push_str(fields[4]),
                Some('S') => text.push_str(fields[5]),
                _ => {
                    let construct = format!("the time format `{pattern}`");
                    return Err(self.refuse("GEN-0021", construct, "use %Y %m %d %H %M %S and plain text"));
                }
            }
        }
        if is_quoted {
            text.push_str(close);
        }
        Ok(text)
    }
}
