//! Function names of the dialects, resolved to canonical functions.
//!
//! A name means what it means in the *source* dialect; where dialects disagree, the name is listed
//! once for each meaning. What is not listed is refused by name.

use isomer_ir::{AggregateFunction as A, Dialect, Function as F, RankingFunction as R};

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

/// Names without a canonical function of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    /// `year(x)`: `EXTRACT` of this field.
    Part(&'static str),
    /// `date_part('year', x)`.
    DatePart,
    /// `IF(condition, then, otherwise)`.
    If,
    /// `COUNT` of the rows for which the argument holds.
    CountIf,
    /// `date_add(x, interval)` of DuckDB.
    AddInterval,
    /// `date_add(date, days)` of Spark.
    AddDays,
    /// `date_sub(date, days)` of Spark.
    SubtractDays,
    /// `datediff(end, start)` of Spark, in days.
    DaysBetween,
    /// `log(x)`: to base 10, or natural in Spark.
    Log,
}

/// How many arguments a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arity {
    pub(crate) least: usize,
    pub(crate) most: usize,
}

const ANY: usize = usize::MAX;

type Row = (&'static [&'static str], Known, usize, usize);

const EVERYWHERE: &[Row] = &[
    (&["abs"], Known::Scalar(F::Abs), 1, 1),
    (&["ceil", "ceiling"], Known::Scalar(F::Ceil), 1, 1),
    (&["floor"], Known::Scalar(F::Floor), 1, 1),
    (&["round"], Known::Scalar(F::Round), 1, 2),
    (&["sign"], Known::Scalar(F::Sign), 1, 1),
    (&["sqrt"], Known::Scalar(F::Sqrt), 1, 1),
    (&["power", "pow"], Known::Scalar(F::Power), 2, 2),
    (&["exp"], Known::Scalar(F::Exp), 1, 1),
    (&["ln"], Known::Scalar(F::Ln), 1, 1),
    (&["log10"], Known::Scalar(F::Log10), 1, 1),
    (&["log2"], Known::Scalar(F::Log2), 1, 1),
    (&["log"], Known::Special(Special::Log), 1, 1),
    (&["mod"], Known::Scalar(F::Modulo), 2, 2),
    (&["greatest"], Known::Scalar(F::Greatest), 1, ANY),
    (&["least"], Known::Scalar(F::Least), 1, ANY),
    (&["coalesce"], Known::Scalar(F::Coalesce), 1, ANY),
    (&["ifnull", "nvl"], Known::Scalar(F::Coalesce), 2, 2),
    (&["nullif"], Known::Scalar(F::NullIf), 2, 2),
    (&["upper", "ucase"], Known::Scalar(F::Upper), 1, 1),
    (&["lower", "lcase"], Known::Scalar(F::Lower), 1, 1),
    (&["trim", "btrim"], Known::Scalar(F::Trim), 1, 1),
    (&["ltrim"], Known::Scalar(F::LTrim), 1, 1),
    (&["rtrim"], Known::Scalar(F::RTrim), 1, 1),
    (&["length", "char_length", "character_length"], Known::Scalar(F::Length), 1, 1),
    (&["substring", "substr"], Known::Scalar(F::Substring), 2, 3),
    (&["replace"], Known::Scalar(F::Replace), 3, 3),
    (&["strpos"], Known::Scalar(F::Position), 2, 2),
    (&["left"], Known::Scalar(F::Left), 2, 2),
    (&["right"], Known::Scalar(F::Right), 2, 2),
    (&["lpad"], Known::Scalar(F::LPad), 3, 3),
    (&["rpad"], Known::Scalar(F::RPad), 3, 3),
    (&["reverse"], Known::Scalar(F::Reverse), 1, 1),
    (&["repeat"], Known::Scalar(F::Repeat), 2, 2),
    (&["starts_with", "startswith"], Known::Scalar(F::StartsWith), 2, 2),
    (&["split_part"], Known::Scalar(F::SplitPart), 3, 3),
    (&["concat_ws"], Known::Scalar(F::ConcatWs), 2, ANY),
    (&["md5"], Known::Scalar(F::Md5), 1, 1),
    (&["date_trunc"], Known::Scalar(F::DateTrunc), 2, 2),
    (&["date_part", "datepart"], Known::Special(Special::DatePart), 2, 2),
    (&["current_date"], Known::Scalar(F::CurrentDate), 0, 0),
    (&["current_timestamp", "now"], Known::Scalar(F::CurrentTimestamp), 0, 0),
    (&["count"], Known::Aggregate(A::Count), 0, 1),
    (&["sum"], Known::Aggregate(A::Sum), 1, 1),
    (&["avg", "mean"], Known::Aggregate(A::Avg), 1, 1),
    (&["min"], Known::Aggregate(A::Min), 1, 1),
    (&["max"], Known::Aggregate(A::Max), 1, 1),
    (&["bool_and", "every"], Known::Aggregate(A::BoolAnd), 1, 1),
    (&["bool_or"], Known::Aggregate(A::BoolOr), 1, 1),
    (&["bit_and"], Known::Aggregate(A::BitAnd), 1, 1),
    (&["bit_or"], Known::Aggregate(A::BitOr), 1, 1),
    (&["bit_xor"], Known::Aggregate(A::BitXor), 1, 1),
    (&["stddev", "stddev_samp"], Known::Aggregate(A::StddevSamp), 1, 1),
    (&["stddev_pop"], Known::Aggregate(A::StddevPop), 1, 1),
    (&["variance", "var_samp"], Known::Aggregate(A::VarSamp), 1, 1),
    (&["var_pop"], Known::Aggregate(A::VarPop), 1, 1),
    (&["corr"], Known::Aggregate(A::Corr), 2, 2),
    (&["covar_samp"], Known::Aggregate(A::CovarSamp), 2, 2),
    (&["covar_pop"], Known::Aggregate(A::CovarPop), 2, 2),
    (&["string_agg"], Known::Aggregate(A::StringAgg), 2, 2),
    (&["row_number"], Known::Ranking(R::RowNumber), 0, 0),
    (&["rank"], Known::Ranking(R::Rank), 0, 0),
    (&["dense_rank"], Known::Ranking(R::DenseRank), 0, 0),
    (&["percent_rank"], Known::Ranking(R::PercentRank), 0, 0),
    (&["cume_dist"], Known::Ranking(R::CumeDist), 0, 0),
    (&["ntile"], Known::Ranking(R::Ntile), 1, 1),
    (&["lag"], Known::Ranking(R::Lag), 1, 3),
    (&["lead"], Known::Ranking(R::Lead), 1, 3),
    (&["first_value"], Known::Ranking(R::FirstValue), 1, 1),
    (&["last_value"], Known::Ranking(R::LastValue), 1, 1),
    (&["nth_value"], Known::Ranking(R::NthValue), 2, 2),
];

const DUCKDB: &[Row] = &[
    (&["trunc"], Known::Scalar(F::Trunc), 1, 1),
    (&["concat"], Known::Scalar(F::ConcatSkipNull), 1, ANY),
    (&["trim"], Known::Scalar(F::Trim), 1, 2),
    (&["ltrim"], Known::Scalar(F::LTrim), 1, 2),
    (&["rtrim"], Known::Scalar(F::RTrim), 1, 2),
    (&["len", "strlen"], Known::Scalar(F::Length), 1, 1),
    (&["instr"], Known::Scalar(F::Position), 2, 2),
    (&["prefix"], Known::Scalar(F::StartsWith), 2, 2),
    (&["ends_with", "suffix"], Known::Scalar(F::EndsWith), 2, 2),
    (&["contains"], Known::Scalar(F::Contains), 2, 2),
    (&["regexp_matches"], Known::Scalar(F::RegexpMatches), 2, 2),
    (&["regexp_replace"], Known::Scalar(F::RegexpReplace), 3, 4),
    (&["datetrunc"], Known::Scalar(F::DateTrunc), 2, 2),
    (&["date_diff", "datediff"], Known::Scalar(F::DateDiff), 3, 3),
    (&["date_add"], Known::Special(Special::AddInterval), 2, 2),
    (&["make_date"], Known::Scalar(F::MakeDate), 3, 3),
    (&["last_day"], Known::Scalar(F::LastDay), 1, 1),
    (&["strftime"], Known::Scalar(F::FormatTime), 2, 2),
    (&["get_current_timestamp"], Known::Scalar(F::CurrentTimestamp), 0, 0),
    (&["today"], Known::Scalar(F::CurrentDate), 0, 0),
    (&["random"], Known::Scalar(F::Random), 0, 0),
    (&["uuid", "gen_random_uuid"], Known::Scalar(F::NewUuid), 0, 0),
    (&["if", "iff"], Known::Special(Special::If), 3, 3),
    (&["count_if", "countif"], Known::Special(Special::CountIf), 1, 1),
    (&["count_star"], Known::Aggregate(A::Count), 0, 0),
    (&["group_concat", "listagg"], Known::Aggregate(A::StringAgg), 1, 2),
    (&["string_agg"], Known::Aggregate(A::StringAgg), 1, 2),
    (&["median"], Known::Aggregate(A::Median), 1, 1),
    (&["quantile_cont"], Known::Aggregate(A::QuantileCont), 2, 2),
    (&["quantile_disc", "quantile"], Known::Aggregate(A::QuantileDisc), 2, 2),
    (&["mode"], Known::Aggregate(A::Mode), 1, 1),
    (&["arg_min", "argmin", "min_by"], Known::Aggregate(A::ArgMin), 2, 2),
    (&["arg_max", "argmax", "max_by"], Known::Aggregate(A::ArgMax), 2, 2),
    (&["any_value"], Known::Aggregate(A::AnyValue), 1, 1),
    (&["first"], Known::Aggregate(A::First), 1, 1),
    (&["last"], Known::Aggregate(A::Last), 1, 1),
    (&["approx_count_distinct"], Known::Aggregate(A::ApproxCountDistinct), 1, 1),
    (&["year"], Known::Special(Special::Part("year")), 1, 1),
    (&["month"], Known::Special(Special::Part("month")), 1, 1),
    (&["day", "dayofmonth"], Known::Special(Special::Part("day")), 1, 1),
    (&["hour"], Known::Special(Special::Part("hour")), 1, 1),
    (&["minute"], Known::Special(Special::Part("minute")), 1, 1),
    (&["second"], Known::Special(Special::Part("second")), 1, 1),
    (&["quarter"], Known::Special(Special::Part("quarter")), 1, 1),
    (&["week", "weekofyear"], Known::Special(Special::Part("week")), 1, 1),
    (&["dayofweek", "weekday"], Known::Special(Special::Part("dow")), 1, 1),
    (&["isodow"], Known::Special(Special::Part("isodow")), 1, 1),
    (&["dayofyear"], Known::Special(Special::Part("doy")), 1, 1),
    (&["epoch"], Known::Special(Special::Part("epoch")), 1, 1),
];

const POSTGRES: &[Row] = &[
    (&["trunc"], Known::Scalar(F::Trunc), 1, 1),
    (&["concat"], Known::Scalar(F::ConcatSkipNull), 1, ANY),
    (&["trim", "btrim"], Known::Scalar(F::Trim), 1, 2),
    (&["ltrim"], Known::Scalar(F::LTrim), 1, 2),
    (&["rtrim"], Known::Scalar(F::RTrim), 1, 2),
    (&["make_date"], Known::Scalar(F::MakeDate), 3, 3),
    (&["random"], Known::Scalar(F::Random), 0, 0),
    (&["gen_random_uuid"], Known::Scalar(F::NewUuid), 0, 0),
    (&["regexp_like"], Known::Scalar(F::RegexpMatches), 2, 2),
    (&["regexp_replace"], Known::Scalar(F::RegexpReplace), 3, 4),
];

const DATAFUSION: &[Row] = &[
    (&["trunc"], Known::Scalar(F::Trunc), 1, 1),
    (&["concat"], Known::Scalar(F::ConcatSkipNull), 1, ANY),
    (&["trim", "btrim"], Known::Scalar(F::Trim), 1, 2),
    (&["ltrim"], Known::Scalar(F::LTrim), 1, 2),
    (&["rtrim"], Known::Scalar(F::RTrim), 1, 2),
    (&["instr", "position"], Known::Scalar(F::Position), 2, 2),
    (&["ends_with"], Known::Scalar(F::EndsWith), 2, 2),
    (&["contains"], Known::Scalar(F::Contains), 2, 2),
    (&["regexp_like"], Known::Scalar(F::RegexpMatches), 2, 2),
    (&["regexp_replace"], Known::Scalar(F::RegexpReplace), 3, 4),
    (&["datetrunc"], Known::Scalar(F::DateTrunc), 2, 2),
    (&["make_date"], Known::Scalar(F::MakeDate), 3, 3),
    (&["random"], Known::Scalar(F::Random), 0, 0),
    (&["uuid"], Known::Scalar(F::NewUuid), 0, 0),
    (&["median"], Known::Aggregate(A::Median), 1, 1),
    (&["approx_distinct"], Known::Aggregate(A::ApproxCountDistinct), 1, 1),
];

const SPARK: &[Row] = &[
    (&["concat"], Known::Scalar(F::Concat), 1, ANY),
    (&["len"], Known::Scalar(F::Length), 1, 1),
    (&["instr"], Known::Scalar(F::Position), 2, 2),
    (&["endswith"], Known::Scalar(F::EndsWith), 2, 2),
    (&["contains"], Known::Scalar(F::Contains), 2, 2),
    (&["regexp_like", "regexp", "rlike"], Known::Scalar(F::RegexpMatches), 2, 2),
    (&["regexp_replace"], Known::Scalar(F::RegexpReplace), 3, 3),
    (&["make_date"], Known::Scalar(F::MakeDate), 3, 3),
    (&["last_day"], Known::Scalar(F::LastDay), 1, 1),
    (&["date_add"], Known::Special(Special::AddDays), 2, 2),
    (&["date_sub"], Known::Special(Special::SubtractDays), 2, 2),
    (&["datediff", "date_diff"], Known::Special(Special::DaysBetween), 2, 2),
    (&["curdate"], Known::Scalar(F::CurrentDate), 0, 0),
    (&["rand", "random"], Known::Scalar(F::Random), 0, 0),
    (&["if", "iff"], Known::Special(Special::If), 3, 3),
    (&["count_if"], Known::Special(Special::CountIf), 1, 1),
    (&["some", "any"], Known::Aggregate(A::BoolOr), 1, 1),
    (&["median"], Known::Aggregate(A::Median), 1, 1),
    (&["min_by"], Known::Aggregate(A::ArgMin), 2, 2),
    (&["max_by"], Known::Aggregate(A::ArgMax), 2, 2),
    (&["any_value"], Known::Aggregate(A::AnyValue), 1, 1),
    (&["approx_count_distinct"], Known::Aggregate(A::ApproxCountDistinct), 1, 1),
    (&["year"], Known::Special(Special::Part("year")), 1, 1),
    (&["month"], Known::Special(Special::Part("month")), 1, 1),
    (&["day", "dayofmonth"], Known::Special(Special::Part("day")), 1, 1),
    (&["hour"], Known::Special(Special::Part("hour")), 1, 1),
    (&["minute"], Known::Special(Special::Part("minute")), 1, 1),
    (&["quarter"], Known::Special(Special::Part("quarter")), 1, 1),
    (&["weekofyear"], Known::Special(Special::Part("week")), 1, 1),
    (&["dayofyear"], Known::Special(Special::Part("doy")), 1, 1),
];

/// What a folded name means in a dialect; the dialect's own list goes first.
pub(crate) fn lookup(name: &str, dialect: Dialect) -> Option<(Known, Arity)> {
    let row = own(dialect).iter().chain(EVERYWHERE).find(|(names, ..)| names.contains(&name))?;
    if row.1 == Known::Scalar(F::Log2) && dialect == Dialect::Postgres {
        return None;
    }
    Some((row.1, Arity { least: row.2, most: row.3 }))
}

/// Every name that a dialect knows, for "did you mean".
pub(crate) fn names(dialect: Dialect) -> impl Iterator<Item = &'static str> {
    own(dialect).iter().chain(EVERYWHERE).flat_map(|(names, ..)| names.iter().copied())
}

fn own(dialect: Dialect) -> &'static [Row] {
    match dialect {
        Dialect::DuckDb => DUCKDB,
        Dialect::Postgres => POSTGRES,
        Dialect::DataFusion => DATAFUSION,
        Dialect::Spark => SPARK,
    }
}

#[cfg(test)]
mod tests {
    use isomer_ir::{Dialect, Function};

    use super::{Known, lookup};

    #[test]
    fn a_name_means_what_its_dialect_says() {
        let function = |name, dialect| lookup(name, dialect).map(|(known, _)| known);
        assert_eq!(function("concat", Dialect::DuckDb), Some(Known::Scalar(Function::ConcatSkipNull)));
        assert_eq!(function("concat", Dialect::Spark), Some(Known::Scalar(Function::Concat)));
        assert_eq!(function("strftime", Dialect::Postgres), None);
        assert_eq!(function("log2", Dialect::Postgres), None);
    }
}
