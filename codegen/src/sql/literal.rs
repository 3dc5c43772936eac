//! Constants, each spelled so that the target gives it the plan's type and value.

use super::target::Target;
use isomer_ir::{DataType, Literal, civil_from_days, date_text, time_text};

use super::expr::{ExprId, Kind, Level};
use super::spell::Speller;
use super::types::written;
use crate::CodegenError;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

impl Speller<'_> {
    /// A constant.
    pub(super) fn literal(&mut self, literal: &Literal) -> Result<ExprId, CodegenError> {
        let (text, level) = self.literal_text(literal)?;
        let pieces = vec![super::expr::Piece::Text(text.into())];
        Ok(self.exprs.add(super::expr::Node::Pieces { level, pieces, kind: Kind::Literal }))
    }

    fn literal_text(&self, literal: &Literal) -> Result<(String, Level), CodegenError> {
        let dialect = self.dialect;
        let text = match literal {
            Literal::Null(DataType::Null | DataType::Unknown) => "NULL".to_owned(),
            Literal::Null(DataType::Interval | DataType::Time) if dialect == Target::Spark => "NULL".to_owned(),
            Literal::Null(data_type) => format!("CAST(NULL AS {})", written(*data_type, dialect)?),
            Literal::Boolean(true) => "TRUE".to_owned(),
            Literal::Boolean(false) => "FALSE".to_owned(),
            Literal::Int(value, _) => {
                if dialect == Target::Spark && value.unsigned_abs() >= 10_u128.pow(38) {
                    return Err(self.refuse("GEN-0013", "an integer of more than 38 digits", "use a DOUBLE"));
                }
                let level = if *value < 0 { Level::Unary } else { Level::Primary };
                return Ok((value.to_string(), level));
            }
            Literal::Decimal { value, precision, scale } => {
                let digits = decimal_text(*value, *scale);
                // DataFusion reads a bare fraction as a double unless it is told otherwise.
                if dialect == Target::DataFusion || *scale == 0 {
                    let data_type = DataType::Decimal { precision: *precision, scale: *scale };
                    format!("CAST('{digits}' AS {})", written(data_type, dialect)?)
                } else {
                    let level = if *value < 0 { Level::Unary } else { Level::Primary };
                    return Ok((digits, level));
                }
            }
            Literal::Float(bits) => return self.float(f64::from_bits(*bits)),
            Literal::Text(text) => self.quote(text),
            Literal::Date(days) => format!("DATE '{}'", self.date(i64::from(*days))?),
            Literal::Time(micros) => match dialect {
                Target::Spark => {
                    return Err(self.refuse("GEN-0009", "a time of day", "keep it as text or as seconds"));
                }
                Target::DuckDb | Target::DataFusion | Target::Postgres => format!("TIME '{}'", time_text(*micros)),
            },
            Literal::Timestamp(micros) => {
                let word = if dialect == Target::Spark { "TIMESTAMP_NTZ" } else { "TIMESTAMP" };
                format!("{word} '{}'", self.instant(*micros)?)
            }
            Literal::TimestampTz(micros) => {
                let instant = self.instant(*micros)?;
                match dialect {
                    Target::DuckDb | Target::Postgres => format!("TIMESTAMPTZ '{instant}+00'"),
                    Target::DataFusion => format!("CAST('{instant}+00:00' AS TIMESTAMP WITH TIME ZONE)"),
                    Target::Spark => format!("TIMESTAMP '{instant}Z'"),
                }
            }
            Literal::Interval { months, days, micros } => self.interval(*months, *days, *micros)?,
        };
        Ok((text, Level::Primary))
    }

    /// A text constant in quotes.
    pub(super) fn quote(&self, text: &str) -> String {
        match self.dialect {
            // Spark reads backslashes as escapes; a doubled quote it reads as nothing in 4.0 and as one quote later.
            Target::Spark => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
            Target::DuckDb | Target::DataFusion | Target::Postgres => format!("'{}'", text.replace('\'', "''")),
        }
    }

    fn float(&self, value: f64) -> Result<(String, Level), CodegenError> {
        let name = written(DataType::Float64, self.dialect)?;
        if !value.is_finite() {
            let word = if value.is_nan() {
                "NaN"
            } else if value > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            };
            return Ok((format!("CAST('{word}' AS {name})"), Level::Primary));
        }
        // The shortest digits that give the same double.
        let digits = format!("{value:?}");
        Ok(match self.dialect {
            // An exponent makes the constant a double.
            Target::DuckDb | Target::Spark => {
                let level = if value.is_sign_negative() { Level::Unary } else { Level::Primary };
                (if digits.contains('e') { digits } else { format!("{digits}e0") }, level)
            }
            Target::DataFusion | Target::Postgres => (format!("CAST('{digits}' AS {name})"), Level::Primary),
        })
    }

    fn date(&self, days: i64) -> Result<String, CodegenError> {
        let (year, ..) = civil_from_days(days);
        if !(1..=9999).contains(&year) {
            return Err(self.refuse("GEN-0013", format!("the year {year} in a constant"), "use years 1 to 9999"));
        }
        Ok(date_text(days))
    }

    fn instant(&self, micros: i64) -> Result<String, CodegenError> {
        let per_day = SECONDS_PER_DAY * MICROS_PER_SECOND;
        Ok(format!("{} {}", self.date(micros.div_euclid(per_day))?, time_text(micros.rem_euclid(per_day))))
    }

    fn interval(&self, months: i32, days: i32, micros: i64) -> Result<String, CodegenError> {
        let mut parts: Vec<(i64, String, &str)> = Vec::new();
        if months != 0 && months % 12 == 0 {
            parts.push((i64::from(months / 12), String::new(), "YEAR"));
        } else if months != 0 {
            parts.push((i64::from(months), String::new(), "MONTH"));
        }
        if days != 0 {
            parts.push((i64::from(days), String::new(), "DAY"));
        }
        let hour = 3600 * MICROS_PER_SECOND;
        if micros != 0 && micros % hour == 0 {
            parts.push((micros / hour, String::new(), "HOUR"));
        } else if micros != 0 && micros % (60 * MICROS_PER_SECOND) == 0 {
            parts.push((micros / (60 * MICROS_PER_SECOND), String::new(), "MINUTE"));
        } else if micros != 0 && micros % MICROS_PER_SECOND == 0 {
            parts.push((micros / MICROS_PER_SECOND, String::new(), "SECOND"));
        } else if micros != 0 {
            let sign = if micros < 0 { "-" } else { "" };
            let (whole, rest) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
            parts.push((2, format!("{sign}{whole}.{rest:06}"), "SECOND"));
        }
        if parts.is_empty() {
            parts.push((0, String::new(), "DAY"));
        }
        let amount = |(count, fraction, _): &(i64, String, &str)| {
            if fraction.is_empty() { count.to_string() } else { fraction.clone() }
        };
        if self.dialect == Target::Spark {
            let [part] = parts.as_slice() else {
                return Err(self.refuse(
                    "GEN-0014",
                    "an interval of months and days together",
                    "add the parts one after the other",
                ));
            };
            return Ok(format!("INTERVAL '{}' {}", amount(part), part.2));
        }
        let words: Vec<String> = parts
            .iter()
            .map(|part| {
                let unit = part.2.to_lowercase();
                let plural = if part.0.abs() == 1 { "" } else { "s" };
                format!("{} {unit}{plural}", amount(part))
            })
            .collect();
        Ok(format!("INTERVAL '{}'", words.join(" ")))
    }
}

/// `value / 10^scale` in digits.
pub(super) fn decimal_text(value: i128, scale: u8) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = value.unsigned_abs().to_string();
    let scale = usize::from(scale);
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use isomer_ir::time_text;

    use super::decimal_text;

    #[test]
    fn digits() {
        assert_eq!(decimal_text(6, 2), "0.06");
        assert_eq!(decimal_text(-1234, 3), "-1.234");
        assert_eq!(decimal_text(5, 0), "5");
        assert_eq!(time_text(3_661_000_001), "01:01:01.000001");
    }
}
