//! Result types of operators, functions and aggregates, by the rules of the source dialect.
//!
//! DuckDB's were read off DuckDB 1.5.5; the others follow their manuals. A type that nobody states
//! is `Unknown`, and so is what is computed from it.

use isomer_ir::{
    AggregateFunction as A, DataType, Dialect, Function as F, ListedFunction, Nested, RankingFunction as R,
};

/// PostgreSQL's numbers without bounds, of which only so many digits are told.
pub(crate) const NUMERIC: DataType = DataType::Decimal { precision: 38, scale: 16 };
/// BigQuery's NUMERIC, of which every computation gives one again.
const BIGQUERY_NUMERIC: DataType = DataType::Decimal { precision: 38, scale: 9 };

/// The type of `+ - * / // %` over numbers, or `None` where the operands are no numbers.
pub(crate) fn arithmetic(function: F, a: DataType, b: DataType, dialect: Dialect) -> Option<DataType> {
    let (a, b) = match (a, b) {
        (DataType::Unknown, _) | (_, DataType::Unknown) => return Some(DataType::Unknown),
        (DataType::Null, DataType::Null) => return Some(DataType::Null),
        (DataType::Null, known) | (known, DataType::Null) => (known, known),
        both => both,
    };
    if !a.is_numeric() || !b.is_numeric() {
        return None;
    }
    match function {
        F::IntegerDivide if a.is_integer() && b.is_integer() => {
            if dialect == Dialect::Spark {
                Some(DataType::Int64)
            } else {
                a.common(b)
            }
        }
        F::IntegerDivide => None,
        F::Divide => Some(quotient(a, b, dialect)),
        F::Add | F::Subtract | F::Multiply | F::Modulo => Some(match (a, b) {
            _ if a.is_float() || b.is_float() => floats(a, b, dialect),
            _ if a.is_integer() && b.is_integer() => a.common(b)?,
            _ => decimals(function, a.as_decimal()?, b.as_decimal()?, dialect),
        }),
        _ => None,
    }
}

fn floats(a: DataType, b: DataType, dialect: Dialect) -> DataType {
    let is_single =
        |x: DataType| x == DataType::Float32 || x.is_integer() || dialect == Dialect::DuckDb && !x.is_float();
    if a == b || dialect != Dialect::Postgres && is_single(a) && is_single(b) {
        if a == DataType::Float64 { DataType::Float64 } else { DataType::Float32 }
    } else {
        DataType::Float64
    }
}

fn quotient(a: DataType, b: DataType, dialect: Dialect) -> DataType {
    let has_decimal = matches!(a, DataType::Decimal { .. }) || matches!(b, DataType::Decimal { .. });
    if dialect == Dialect::DuckDb || a.is_float() || b.is_float() || !has_decimal && dialect != Dialect::Snowflake {
        return DataType::Float64;
    }
    if dialect == Dialect::Postgres {
        return NUMERIC;
    }
    let (Some((pa, sa)), Some((pb, sb))) = (a.as_decimal(), b.as_decimal()) else { return DataType::Float64 };
    if dialect == Dialect::BigQuery {
        return BIGQUERY_NUMERIC;
    }
    if dialect == Dialect::Snowflake {
        return DataType::Decimal { precision: 38, scale: sa.max((sa + 6).min(12)) };
    }
    let scale = (sa + pb + 1).max(6);
    let whole = (pa - sa) + sb;
    limited(u16::from(whole) + u16::from(scale), scale)
}

/// Spark's and DataFusion's limit of 38 digits, which keeps at least six behind the point.
fn limited(precision: u16, scale: u8) -> DataType {
    let Ok(fitting) = u8::try_from(precision.min(38)) else { return DataType::Unknown };
    if precision <= 38 {
        return DataType::Decimal { precision: fitting, scale };
    }
    let whole = precision - u16::from(scale);
    let least = scale.min(6);
    let scale = u8::try_from(38_u16.saturating_sub(whole)).unwrap_or(0).max(least);
    DataType::Decimal { precision: 38, scale }
}

fn decimals(function: F, (pa, sa): (u8, u8), (pb, sb): (u8, u8), dialect: Dialect) -> DataType {
    if dialect == Dialect::BigQuery {
        return BIGQUERY_NUMERIC;
    }
    let scale = sa.max(sb);
    let whole = (pa - sa).max(pb - sb);
    match function {
        F::Multiply => {
            let (precision, scale) = (pa + pb, sa + sb);
            if dialect == Dialect::Snowflake {
                return DataType::Decimal { precision: 38, scale: scale.min(sa.max(sb).max(12)) };
            }
            if dialect == Dialect::DuckDb || dialect == Dialect::Postgres {
                duckdb_width(precision, scale, pa.max(pb))
            } else {
                limited(u16::from(precision) + 1, scale)
            }
        }
        F::Modulo => DataType::Decimal { precision: (whole + scale).min(38), scale },
        _ if dialect == Dialect::DuckDb || dialect == Dialect::Postgres => {
            duckdb_width(whole + scale + 1, scale, pa.max(pb))
        }
        _ => limited(u16::from(whole + scale) + 1, scale),
    }
}

/// DuckDB does not widen past what its next smaller storage holds when both operands fit there.
fn duckdb_width(precision: u8, scale: u8, widest: u8) -> DataType {
    let precision = if precision > 18 && widest <= 18 && scale < 18 { 18 } else { precision.min(38) };
    if scale > 38 { DataType::Float64 } else { DataType::Decimal { precision, scale } }
}

/// Whether functions that count give 64 bits.
fn has_long_integers(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::DuckDb | Dialect::Snowflake | Dialect::BigQuery)
}

/// The type of a function's result from the types of its arguments; `None` where they do not fit.
pub(crate) fn function(function: F, args: &[DataType], dialect: Dialect) -> Option<DataType> {
    let first = args.first().copied().unwrap_or(DataType::Null);
    let is_loose = matches!(first, DataType::Unknown | DataType::Null);
    let integer = if has_long_integers(dialect) { DataType::Int64 } else { DataType::Int32 };
    match function {
        F::Abs | F::Negate => (first.is_numeric() || is_loose || first == DataType::Interval).then_some(first),
        F::Ceil | F::Floor | F::Round | F::Trunc => rounded(function, args, dialect),
        F::Sign => Some(match dialect {
            Dialect::DuckDb => DataType::Int8,
            Dialect::Snowflake => DataType::Int64,
            Dialect::BigQuery => first,
            Dialect::Postgres if matches!(first, DataType::Decimal { .. }) => {
                DataType::Decimal { precision: 1, scale: 0 }
            }
            Dialect::Postgres | Dialect::Spark | Dialect::DataFusion => DataType::Float64,
        }),
        // PostgreSQL computes these of decimals in decimals, except where a double stands beside them.
        F::Sqrt | F::Power | F::Exp | F::Ln | F::Log10
            if dialect == Dialect::Postgres && !args.iter().any(|arg| arg.is_float()) =>
        {
            let is_decimal = |arg: &DataType| matches!(arg, DataType::Decimal { .. });
            match args.iter().all(|arg| arg.is_numeric() || *arg == DataType::Null) {
                true if args.iter().any(is_decimal) => Some(NUMERIC),
                true => Some(DataType::Float64),
                false => args.contains(&DataType::Unknown).then_some(DataType::Unknown),
            }
        }
        F::Sqrt | F::Power | F::Exp | F::Ln | F::Log10 | F::Log2 => args
            .iter()
            .all(|arg| arg.is_numeric() || is_loose || *arg == DataType::Unknown)
            .then_some(DataType::Float64),
        F::Modulo => arithmetic(F::Modulo, first, args.get(1).copied()?, dialect),
        F::Greatest | F::Least | F::Coalesce => args.iter().copied().try_fold(DataType::Null, DataType::common),
        F::NullIf => {
            first.common(args.get(1).copied()?)?;
            Some(first)
        }
        F::Upper
        | F::Lower
        | F::Trim
        | F::LTrim
        | F::RTrim
        | F::Substring
        | F::Replace
        | F::Left
        | F::Right
        | F::LPad
        | F::RPad
        | F::Reverse
        | F::Repeat
        | F::SplitPart
        | F::RegexpReplace
        | F::Md5 => (first == DataType::Text || is_loose).then_some(DataType::Text),
        F::Concat | F::ConcatSkipNull | F::ConcatWs | F::FormatTime => Some(DataType::Text),
        F::Length | F::Position => (first == DataType::Text || is_loose).then_some(integer),
        F::StartsWith | F::EndsWith | F::Contains | F::RegexpMatches | F::Like | F::ILike => {
            (first == DataType::Text || is_loose).then_some(DataType::Boolean)
        }
        F::DateTrunc => {
            let value = args.get(1).copied()?;
            match value {
                DataType::Date if dialect == Dialect::Postgres => Some(DataType::TimestampTz),
                DataType::Date if matches!(dialect, Dialect::Snowflake | Dialect::BigQuery) => Some(value),
                DataType::Date | DataType::Timestamp => Some(DataType::Timestamp),
                DataType::TimestampTz | DataType::Unknown => Some(value),
                _ => None,
            }
        }
        F::DateDiff => Some(DataType::Int64),
        F::MakeDate | F::LastDay | F::CurrentDate => Some(DataType::Date),
        F::CurrentTimestamp => Some(DataType::TimestampTz),
        F::Random | F::EpochSeconds => Some(DataType::Float64),
        F::NewUuid => Some(DataType::Uuid),
        F::Listed(listed) => listed_function(listed, args, dialect),
        F::Extract => Some(integer),
        F::Eq
        | F::NotEq
        | F::Lt
        | F::LtEq
        | F::Gt
        | F::GtEq
        | F::IsDistinct
        | F::IsNotDistinct
        | F::And
        | F::Or
        | F::Not
        | F::IsNull
        | F::IsTrue
        | F::IsFalse => Some(DataType::Boolean),
        F::Add | F::Subtract | F::Multiply | F::Divide | F::IntegerDivide => {
            arithmetic(function, first, args.get(1).copied()?, dialect)
        }
    }
}

/// The type of a listed function's result.
fn listed_function(listed: ListedFunction, args: &[DataType], dialect: Dialect) -> Option<DataType> {
    let declared = listed.row().signature.as_ref()?.apply(args)?;
    let first = args.first().copied().unwrap_or(DataType::Unknown);
    Some(match listed.name() {
        "list_value" | "array_construct_snowflake" if !args.is_empty() => {
            match args.iter().copied().try_fold(DataType::Null, DataType::common)? {
                DataType::Unknown => DataType::Unknown,
                element => element.list_of(),
            }
        }
        "map_keys" | "map_values" => match first {
            DataType::Nested(nested) => match nested.get() {
                Nested::Map(key, of) => if listed.name() == "map_keys" { *key } else { *of }.list_of(),
                Nested::List(_) | Nested::Struct(_) | Nested::Enum(_) => DataType::Unknown,
            },
            _ => DataType::Unknown,
        },
        "generate_array_bigquery" if first.is_numeric() => first.list_of(),
        "generate_date_array_bigquery" => DataType::Date.list_of(),
        "generate_timestamp_array_bigquery" => DataType::TimestampTz.list_of(),
        // A series of numbers is of 64 bits, one of dates of timestamps.
        "generate_series_list" | "range_list" if first.is_integer() => DataType::Int64.list_of(),
        "generate_series_list" | "range_list" if first.is_temporal() => DataType::Timestamp.list_of(),
        "gcd" | "lcm" if declared != DataType::Int128 => DataType::Int64,
        // An integer literal takes the type of the integer beside it.
        "bitwise_and" | "bitwise_or" | "bitwise_xor" | "shift_left" | "shift_right" if dialect == Dialect::DuckDb => {
            DataType::Unknown
        }
        _ => declared,
    })
}

fn rounded(function: F, args: &[DataType], dialect: Dialect) -> Option<DataType> {
    let first = args.first().copied()?;
    Some(match first {
        DataType::Unknown | DataType::Null => first,
        DataType::Decimal { precision, scale } if args.len() == 1 => match dialect {
            Dialect::DuckDb | Dialect::Postgres => DataType::Decimal { precision, scale: 0 },
            Dialect::Snowflake => DataType::Decimal { precision: 38, scale: 0 },
            Dialect::BigQuery => first,
            Dialect::Spark | Dialect::DataFusion => {
                DataType::Decimal { precision: (precision - scale + 1).clamp(1, 38), scale: 0 }
            }
        },
        // The digits that are kept are a literal which the binder puts in place of the scale.
        DataType::Decimal { .. } => first,
        _ if first.is_float() => first,
        _ if first.is_integer() => match (function, dialect) {
            (F::Round, Dialect::DuckDb | Dialect::Spark) => first,
            (_, Dialect::Snowflake) => first,
            (F::Ceil | F::Floor, Dialect::Spark) => DataType::Int64,
            (F::Trunc, Dialect::DuckDb) => first,
            _ => DataType::Float64,
        },
        _ => return None,
    })
}

/// The type of an aggregate's result; `None` where the arguments do not fit.
pub(crate) fn aggregate(function: A, args: &[DataType], dialect: Dialect) -> Option<DataType> {
    let first = args.first().copied().unwrap_or(DataType::Null);
    let is_loose = matches!(first, DataType::Unknown | DataType::Null);
    let is_numeric = first.is_numeric() || is_loose;
    Some(match function {
        A::Count | A::ApproxCountDistinct => DataType::Int64,
        A::Sum => return sum(first, dialect),
        A::Avg => return average(first, dialect),
        A::Min | A::Max | A::ArgMin | A::ArgMax | A::AnyValue | A::First | A::Last | A::Mode => first,
        A::BoolAnd | A::BoolOr => return (first == DataType::Boolean || is_loose).then_some(DataType::Boolean),
        A::BitAnd | A::BitOr | A::BitXor => return (first.is_integer() || is_loose).then_some(first),
        A::StddevSamp | A::StddevPop | A::VarSamp | A::VarPop | A::Corr | A::CovarSamp | A::CovarPop => {
            return is_numeric.then_some(DataType::Float64);
        }
        A::StringAgg => return (first == DataType::Text || is_loose).then_some(DataType::Text),
        A::Median | A::QuantileCont => match first {
            DataType::Decimal { .. } | DataType::Unknown if dialect == Dialect::DuckDb => first,
            DataType::Unknown | DataType::Decimal { .. } if dialect == Dialect::Snowflake => DataType::Unknown,
            _ if is_numeric => DataType::Float64,
            _ => return None,
        },
        A::QuantileDisc => first,
        A::Listed(listed) => return listed.row().signature.as_ref()?.apply(args),
    })
}

fn sum(first: DataType, dialect: Dialect) -> Option<DataType> {
    Some(match (first, dialect) {
        (DataType::Unknown | DataType::Null, _) => DataType::Unknown,
        (DataType::Boolean, Dialect::DuckDb) => DataType::Int128,
        (
            DataType::Decimal { scale, .. },
            Dialect::DuckDb | Dialect::Postgres | Dialect::Snowflake | Dialect::BigQuery,
        ) => DataType::Decimal { precision: 38, scale },
        (DataType::Decimal { precision, scale }, _) => {
            DataType::Decimal { precision: precision.saturating_add(10).min(38), scale }
        }
        (DataType::Float32, Dialect::Postgres) => DataType::Float32,
        (x, _) if x.is_float() => DataType::Float64,
        (x, Dialect::DuckDb | Dialect::Snowflake) if x.is_integer() => DataType::Int128,
        (DataType::Int64, Dialect::Postgres) => DataType::Decimal { precision: 38, scale: 0 },
        (x, Dialect::DataFusion) if x.is_unsigned() => DataType::UInt64,
        (x, _) if x.is_integer() => DataType::Int64,
        _ => return None,
    })
}

fn average(first: DataType, dialect: Dialect) -> Option<DataType> {
    Some(match (first, dialect) {
        (DataType::Unknown | DataType::Null, _) => DataType::Unknown,
        (x, Dialect::DuckDb) if x.is_numeric() => DataType::Float64,
        (x, _) if x.is_float() => DataType::Float64,
        (x, Dialect::Postgres) if x.is_numeric() => NUMERIC,
        (x, Dialect::Snowflake) if x.is_integer() => DataType::Decimal { precision: 38, scale: 6 },
        (DataType::Decimal { scale, .. }, Dialect::Snowflake) => {
            DataType::Decimal { precision: 38, scale: scale.max((scale + 6).min(12)) }
        }
        (DataType::Decimal { .. }, Dialect::BigQuery) => BIGQUERY_NUMERIC,
        (DataType::Decimal { precision, scale }, _) => {
            DataType::Decimal { precision: precision.saturating_add(4).min(38), scale: scale.saturating_add(4).min(38) }
        }
        (x, _) if x.is_integer() => DataType::Float64,
        _ => return None,
    })
}

/// The type of a ranking function's result.
pub(crate) fn ranking(function: R, args: &[DataType], dialect: Dialect) -> DataType {
    match function {
        R::RowNumber | R::Rank | R::DenseRank | R::Ntile => match dialect {
            Dialect::Spark => DataType::Int32,
            Dialect::DataFusion => DataType::UInt64,
            Dialect::DuckDb | Dialect::Postgres | Dialect::Snowflake | Dialect::BigQuery => DataType::Int64,
        },
        R::PercentRank | R::CumeDist => DataType::Float64,
        R::Lag | R::Lead | R::FirstValue | R::LastValue | R::NthValue => {
            args.first().copied().unwrap_or(DataType::Null)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn decimal(precision: u8, scale: u8) -> DataType {
        DataType::Decimal { precision, scale }
    }

    #[test]
    fn duckdb_arithmetic() {
        let cases = [
            (F::Add, decimal(15, 2), DataType::Int32, decimal(16, 2)),
            (F::Multiply, decimal(15, 2), decimal(15, 2), decimal(18, 4)),
            (F::Multiply, decimal(30, 10), decimal(15, 2), decimal(38, 12)),
            (F::Add, decimal(30, 10), decimal(15, 2), decimal(31, 10)),
            (F::Divide, decimal(15, 2), decimal(15, 2), DataType::Float64),
            (F::Divide, DataType::Int32, DataType::Int32, DataType::Float64),
            (F::Modulo, decimal(15, 2), DataType::Int32, decimal(15, 2)),
            (F::Add, DataType::Float32, DataType::Int32, DataType::Float32),
            (F::Add, DataType::Float64, decimal(15, 2), DataType::Float64),
        ];
        for (function, a, b, expect) in cases {
            assert_eq!(arithmetic(function, a, b, Dialect::DuckDb), Some(expect), "{function} of {a} and {b}");
        }
        assert_eq!(arithmetic(F::Add, DataType::Text, DataType::Int32, Dialect::DuckDb), None);
    }

    #[test]
    fn aggregates_by_dialect() {
        let cases = [
            (A::Sum, DataType::Int32, Dialect::DuckDb, DataType::Int128),
            (A::Sum, DataType::Int32, Dialect::Postgres, DataType::Int64),
            (A::Sum, decimal(15, 2), Dialect::DuckDb, decimal(38, 2)),
            (A::Sum, decimal(15, 2), Dialect::Spark, decimal(25, 2)),
            (A::Avg, decimal(15, 2), Dialect::DuckDb, DataType::Float64),
            (A::Avg, decimal(15, 2), Dialect::DataFusion, decimal(19, 6)),
            (A::Median, decimal(15, 2), Dialect::DuckDb, decimal(15, 2)),
        ];
        for (function, arg, dialect, expect) in cases {
            assert_eq!(aggregate(function, &[arg], dialect), Some(expect), "{function}({arg}) in {dialect}");
        }
        assert_eq!(aggregate(A::Sum, &[DataType::Text], Dialect::DuckDb), None);
    }
}
