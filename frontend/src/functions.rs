//! Function names of the dialects, resolved to canonical functions by the function table.
//!
//! A name means what it means in the *source* dialect; what is not listed is refused by name.

use isomer_ir::{
    AggregateFunction as A, Arity, Dialect, Function as F, FunctionKind, FunctionRow, ListedFunction,
    RankingFunction as R, function_rows, functions_named,
};

/// What a function name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// A canonical function with the same arguments.
    Scalar(F),
    /// An aggregate, with or without `OVER`.
    Aggregate(A),
    /// A function that needs `OVER`.
    Ranking(R),
    /// Something that the binder writes in other words.
    Special(Special),
}

macro_rules! specials {
    ($($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// Names without a canonical function of their own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Special {
            /// `year(x)`: `EXTRACT` of this field.
            Part(&'static str),
            $($(#[$doc])* $variant,)+
        }

        impl Special {
            fn from_name(name: &'static str) -> Option<Self> {
                if let Some(part) = name.strip_prefix("part:") {
                    return Some(Self::Part(part));
                }
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

specials! {
    /// `date_part('year', x)`.
    DatePart = "date_part",
    /// `IF(condition, then, otherwise)`.
    If = "if",
    /// `NVL2(x, where not NULL, otherwise)`.
    Nvl2 = "nvl2",
    /// NULL as zero.
    ZeroIfNull = "zeroifnull",
    /// Zero as NULL.
    NullIfZero = "nullifzero",
    /// `DECODE(x, a, b, …, otherwise)`, which finds NULL by NULL.
    Decode = "decode",
    /// `EQUAL_NULL(a, b)`.
    EqualNull = "equal_null",
    /// `COUNT` of the rows for which the argument holds.
    CountIf = "count_if",
    /// `date_add(x, interval)`.
    AddInterval = "add_interval",
    /// `date_sub(x, interval)` of BigQuery.
    SubtractInterval = "subtract_interval",
    /// `date_add(date, days)` of Spark.
    AddDays = "add_days",
    /// `date_sub(date, days)` of Spark.
    SubtractDays = "subtract_days",
    /// `dateadd(unit, number, x)`.
    AddUnits = "add_units",
    /// `add_months(x, number)` of Spark.
    AddMonths = "add_months",
    /// `datediff(end, start)` of Spark, in days.
    DaysBetween = "days_between",
    /// `datediff(unit, start, end)` of Snowflake.
    DiffUnits = "diff_units",
    /// `date_diff(end, start, unit)` of BigQuery.
    DiffLast = "diff_last",
    /// `timestamp_diff(end, start, unit)` of BigQuery, in whole units.
    ElapsedLast = "elapsed_last",
    /// `date_trunc(x, unit)` of BigQuery.
    TruncLast = "trunc_last",
    /// `trunc(x, 'month')` of Spark, a date.
    SparkTrunc = "spark_trunc",
    /// `log(x)`: to base 10, or natural in Spark and BigQuery.
    Log = "log",
    /// `GREATEST`, NULL where an argument is.
    GreatestStrict = "greatest_strict",
    /// `LEAST`, NULL where an argument is.
    LeastStrict = "least_strict",
    /// `CONCAT_WS`, NULL where an argument is.
    ConcatWsStrict = "concat_ws_strict",
    /// `position(needle, haystack)`.
    PositionSwapped = "position_swapped",
    /// `lpad(text, length)`.
    LPadSpaces = "lpad_spaces",
    /// `rpad(text, length)`.
    RPadSpaces = "rpad_spaces",
    /// `regexp_like` that matches the whole text.
    RegexpAnchored = "regexp_anchored",
    /// `to_date(x)`.
    CastDate = "cast_date",
    /// `try_to_date(x)`.
    TryCastDate = "try_cast_date",
    /// `to_timestamp(x)`.
    CastTimestamp = "cast_timestamp",
    /// `try_to_timestamp(x)`.
    TryCastTimestamp = "try_cast_timestamp",
    /// `timestamp(x)` of BigQuery, an instant.
    CastTimestampTz = "cast_timestamptz",
    /// `datetime(x)` of BigQuery.
    CastDatetime = "cast_datetime",
    /// `to_varchar(x)`.
    CastText = "cast_text",
    /// `to_double(x)`.
    CastDouble = "cast_double",
    /// `try_to_double(x)`.
    TryCastDouble = "try_cast_double",
    /// `to_boolean(x)`.
    CastBoolean = "cast_boolean",
    /// `to_number(x, precision, scale)`.
    CastNumber = "cast_number",
    /// `try_to_number(x, precision, scale)`.
    TryCastNumber = "try_cast_number",
    /// `percentile_cont(share) WITHIN GROUP (ORDER BY x)`.
    PercentileCont = "percentile_cont",
    /// `percentile_disc(share) WITHIN GROUP (ORDER BY x)`.
    PercentileDisc = "percentile_disc",
    /// `max_by(x, y)` of BigQuery, which prefers an `x` that is not NULL among rows with the same `y`.
    AnyAtMax = "any_at_max",
    /// `min_by(x, y)` of BigQuery.
    AnyAtMin = "any_at_min",
    /// `ratio_to_report(x) OVER (…)`.
    RatioToReport = "ratio_to_report",
    /// `mode() WITHIN GROUP (ORDER BY x)`.
    ModeWithin = "mode_within",
}

impl Special {
    /// Whether it is an aggregate.
    pub(crate) fn is_aggregate(self) -> bool {
        self.is_within() || matches!(self, Self::CountIf | Self::AnyAtMax | Self::AnyAtMin)
    }

    /// Whether it is an aggregate over an order in `WITHIN GROUP`.
    pub(crate) fn is_within(self) -> bool {
        matches!(self, Self::PercentileCont | Self::PercentileDisc | Self::ModeWithin)
    }

    /// The position of an argument that may be the bare word of a unit.
    pub(crate) fn unit_position(self) -> Option<usize> {
        match self {
            Self::DatePart | Self::AddUnits | Self::DiffUnits => Some(0),
            Self::TruncLast => Some(1),
            Self::DiffLast | Self::ElapsedLast => Some(2),
            _ => None,
        }
    }
}

/// What comes of looking a name up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// This, with so many arguments.
    Known(Known),
    /// A function, which takes other numbers of arguments.
    OtherArity(Vec<Arity>),
    /// No function of the dialect.
    Unknown,
}

/// What a folded name means in a dialect for a number of arguments.
pub(crate) fn lookup(name: &str, dialect: Dialect, n_args: usize) -> Lookup {
    let rows = functions_named(name, dialect);
    match rows.iter().find(|(_, arity)| arity.takes(n_args)) {
        Some((row, _)) => known(row).map_or(Lookup::Unknown, Lookup::Known),
        None if rows.is_empty() => Lookup::Unknown,
        None => Lookup::OtherArity(rows.iter().map(|(_, arity)| *arity).collect()),
    }
}

/// Whether a name is one of an aggregate, whatever its arguments.
pub(crate) fn is_aggregate(name: &str, dialect: Dialect) -> bool {
    functions_named(name, dialect).iter().any(|(row, _)| match known(row) {
        Some(Known::Aggregate(_)) => true,
        Some(Known::Special(special)) => special.is_aggregate(),
        Some(Known::Scalar(_) | Known::Ranking(_)) | None => false,
    })
}

fn known(row: &'static FunctionRow) -> Option<Known> {
    let listed = || ListedFunction::of(row);
    Some(match row.kind {
        FunctionKind::Scalar => Known::Scalar(
            F::from_name(&row.name).filter(|_| row.signature.is_none()).unwrap_or_else(|| F::Listed(listed())),
        ),
        FunctionKind::Aggregate => Known::Aggregate(
            A::from_name(&row.name).filter(|_| row.signature.is_none()).unwrap_or_else(|| A::Listed(listed())),
        ),
        FunctionKind::Ranking => Known::Ranking(R::from_name(&row.name)?),
        FunctionKind::Special => Known::Special(Special::from_name(&row.name)?),
    })
}

/// The listed scalar function of a canonical name.
pub(crate) fn listed(name: &str) -> Option<F> {
    ListedFunction::named(name).map(F::Listed)
}

/// The listed aggregate of a canonical name.
pub(crate) fn listed_aggregate(name: &str) -> Option<A> {
    let row = function_rows().iter().find(|row| row.kind == FunctionKind::Aggregate && row.name == name)?;
    Some(A::Listed(ListedFunction::of(row)))
}

/// Every name that a dialect knows, for "did you mean".
pub(crate) fn names(dialect: Dialect) -> impl Iterator<Item = &'static str> {
    function_rows().iter().flat_map(move |row| row.names(dialect)).map(|known| known.name.as_str())
}

#[cfg(test)]
mod tests {
    use isomer_ir::{Dialect, Function, FunctionKind, function_rows};

    use super::{Known, Lookup, Special, known, lookup};

    #[test]
    fn a_name_means_what_its_dialect_says() {
        let scalar = |function| Lookup::Known(Known::Scalar(function));
        assert_eq!(lookup("concat", Dialect::DuckDb, 2), scalar(Function::ConcatSkipNull));
        assert_eq!(lookup("concat", Dialect::Spark, 2), scalar(Function::Concat));
        assert_eq!(lookup("greatest", Dialect::Spark, 2), scalar(Function::Greatest));
        let strict = Lookup::Known(Known::Special(Special::GreatestStrict));
        assert_eq!(lookup("greatest", Dialect::BigQuery, 2), strict);
        assert_eq!(lookup("strftime", Dialect::Postgres, 2), Lookup::Unknown);
        assert_eq!(lookup("log2", Dialect::Postgres, 1), Lookup::Unknown);
        assert!(matches!(lookup("upper", Dialect::DuckDb, 2), Lookup::OtherArity(_)));
    }

    #[test]
    fn every_row_means_something_and_only_once() {
        for row in function_rows() {
            assert!(known(row).is_some(), "{} is no function that code knows", row.name);
            let is_listed = matches!(known(row), Some(Known::Scalar(Function::Listed(_))));
            assert!(!is_listed || row.signature.is_some(), "{} has no signature", row.name);
            for dialect in Dialect::ALL {
                for name in row.names(dialect) {
                    let clashes = function_rows().iter().filter(|other| !std::ptr::eq(*other, row)).any(|other| {
                        other.names(dialect).iter().any(|other| {
                            other.name == name.name
                                && other.arity.least <= name.arity.most
                                && name.arity.least <= other.arity.most
                        })
                    });
                    assert!(!clashes, "`{}` means two things in {dialect}", name.name);
                }
            }
            assert!(row.kind != FunctionKind::Special || row.signature.is_none());
        }
    }
}
