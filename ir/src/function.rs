//! The canonical functions and the facts about them that rules lean on.
//!
//! A dialect's function names are resolved to these by the front end and spelled again by the
//! emitters. The facts are in the function table.

use std::fmt;
use std::sync::OnceLock;

use crate::function_facts::facts_of;
use crate::{Facts, FunctionKind, ListedFunction, OverNothing, Parts};

macro_rules! functions {
    ($(#[$doc:meta])* $name:ident of $kind:ident { $($variant:ident = $text:literal),+ $(,)? } $(or $listed:ident)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`")] $variant,)+
            $(#[doc = "One that only the function table knows."] $listed(ListedFunction),)?
        }

        impl $name {
            /// Every member that has a variant of its own, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The canonical lower-case name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ $(Self::$listed(listed) => listed.name(),)? }
            }

            /// The function of a canonical name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }

            /// What the function table says of it.
            #[must_use]
            pub fn facts(self) -> Facts {
                enum Place { $($variant),+ }
                static KNOWN: OnceLock<Vec<Facts>> = OnceLock::new();
                let place = match self {
                    $(Self::$variant => Place::$variant as usize,)+
                    $(Self::$listed(listed) => return listed.row().facts,)?
                };
                facts_of(&KNOWN, FunctionKind::$kind, Self::ALL.iter().map(|known| known.name()))[place]
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.name()) }
        }
    };
}

functions! {
    /// Functions and operators of one row.
    Function of Scalar {
        Eq = "eq", NotEq = "not_eq", Lt = "lt", LtEq = "lt_eq", Gt = "gt", GtEq = "gt_eq",
        IsDistinct = "is_distinct", IsNotDistinct = "is_not_distinct",
        And = "and", Or = "or", Not = "not",
        IsNull = "is_null", IsTrue = "is_true", IsFalse = "is_false",
        Add = "add", Subtract = "subtract", Multiply = "multiply",
        Divide = "divide", IntegerDivide = "integer_divide", Modulo = "modulo", Negate = "negate",
        Concat = "concat", ConcatSkipNull = "concat_skip_null", ConcatWs = "concat_ws",
        Like = "like", ILike = "ilike",
        Abs = "abs", Ceil = "ceil", Floor = "floor", Round = "round", Trunc = "trunc", Sign = "sign",
        Sqrt = "sqrt", Power = "power", Exp = "exp", Ln = "ln", Log10 = "log10", Log2 = "log2",
        Greatest = "greatest", Least = "least",
        Coalesce = "coalesce", NullIf = "nullif",
        Upper = "upper", Lower = "lower", Trim = "trim", LTrim = "ltrim", RTrim = "rtrim",
        Length = "length", Substring = "substring", Replace = "replace", Position = "position",
        Left = "left", Right = "right", LPad = "lpad", RPad = "rpad", Reverse = "reverse", Repeat = "repeat",
        StartsWith = "starts_with", EndsWith = "ends_with", Contains = "contains", SplitPart = "split_part",
        RegexpMatches = "regexp_matches", RegexpReplace = "regexp_replace", Md5 = "md5",
        Extract = "extract", DateTrunc = "date_trunc", DateDiff = "date_diff",
        MakeDate = "make_date", LastDay = "last_day", FormatTime = "format_time", EpochSeconds = "epoch_seconds",
        CurrentDate = "current_date", CurrentTimestamp = "current_timestamp",
        Random = "random", NewUuid = "uuid",
    } or Listed
}

functions! {
    /// Functions of the rows of a group.
    AggregateFunction of Aggregate {
        Count = "count", Sum = "sum", Avg = "avg", Min = "min", Max = "max",
        BoolAnd = "bool_and", BoolOr = "bool_or", BitAnd = "bit_and", BitOr = "bit_or", BitXor = "bit_xor",
        StddevSamp = "stddev_samp", StddevPop = "stddev_pop", VarSamp = "var_samp", VarPop = "var_pop",
        Corr = "corr", CovarSamp = "covar_samp", CovarPop = "covar_pop",
        StringAgg = "string_agg", Median = "median", QuantileCont = "quantile_cont", QuantileDisc = "quantile_disc",
        Mode = "mode", ArgMin = "arg_min", ArgMax = "arg_max", AnyValue = "any_value", First = "first", Last = "last",
        ApproxCountDistinct = "approx_count_distinct",
    } or Listed
}

functions! {
    /// Functions of the rows of a window that are no aggregates.
    RankingFunction of Ranking {
        RowNumber = "row_number", Rank = "rank", DenseRank = "dense_rank", PercentRank = "percent_rank",
        CumeDist = "cume_dist", Ntile = "ntile", Lag = "lag", Lead = "lead",
        FirstValue = "first_value", LastValue = "last_value", NthValue = "nth_value",
    }
}

/// A function over a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WindowFunction {
    /// An aggregate over the frame.
    Aggregate(AggregateFunction),
    /// A ranking or navigation function.
    Ranking(RankingFunction),
}

impl WindowFunction {
    /// The canonical lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Aggregate(function) => function.name(),
            Self::Ranking(function) => function.name(),
        }
    }

    /// Whether the result is never NULL, whatever the rows of the frame.
    #[must_use]
    pub fn is_never_null(self) -> bool {
        match self {
            Self::Aggregate(function) => function.facts().is_never_null,
            Self::Ranking(function) => function.facts().is_never_null,
        }
    }
}

/// How far a function's result is fixed by its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Volatility {
    /// Always the same.
    Immutable,
    /// The same within one statement. Two statements may differ, so a stable value is never
    /// moved into a step that other models read.
    Stable,
    /// Any call may differ; never shared, moved or duplicated.
    Volatile,
}

impl Function {
    /// How far the result is fixed by the arguments.
    #[must_use]
    pub fn volatility(self) -> Volatility {
        self.facts().volatility
    }

    /// Whether any NULL argument makes the result NULL.
    #[must_use]
    pub fn is_strict(self) -> bool {
        self.facts().is_strict
    }

    /// Whether the result is never NULL, whatever the arguments.
    #[must_use]
    pub fn is_never_null(self) -> bool {
        self.facts().is_never_null
    }

    /// Whether the function itself may return NULL for arguments that are not NULL.
    #[must_use]
    pub fn may_make_null(self) -> bool {
        let facts = self.facts();
        !facts.is_total && !facts.is_never_null
    }

    /// Whether evaluation may raise an error (overflow, division by zero, bad format…).
    /// Such a scalar may not be evaluated on rows that the written query never evaluated it on.
    #[must_use]
    pub fn can_raise(self) -> bool {
        !self.facts().is_safe
    }

    /// For a comparison, the same comparison with its sides exchanged.
    #[must_use]
    pub fn flipped(self) -> Option<Self> {
        Some(match self {
            Self::Eq => Self::Eq,
            Self::NotEq => Self::NotEq,
            Self::Lt => Self::Gt,
            Self::LtEq => Self::GtEq,
            Self::Gt => Self::Lt,
            Self::GtEq => Self::LtEq,
            Self::IsDistinct => Self::IsDistinct,
            Self::IsNotDistinct => Self::IsNotDistinct,
            _ => return None,
        })
    }

    /// For a comparison, the comparison that is true where this one is false and NULL where it is.
    #[must_use]
    pub fn negated(self) -> Option<Self> {
        Some(match self {
            Self::Eq => Self::NotEq,
            Self::NotEq => Self::Eq,
            Self::Lt => Self::GtEq,
            Self::LtEq => Self::Gt,
            Self::Gt => Self::LtEq,
            Self::GtEq => Self::Lt,
            Self::IsDistinct => Self::IsNotDistinct,
            Self::IsNotDistinct => Self::IsDistinct,
            _ => return None,
        })
    }
}

impl AggregateFunction {
    /// The function that combines partial results into the whole (`rewrites.md` C1), where one exists.
    #[must_use]
    pub fn rolled_up_by(self) -> Option<Self> {
        match self.facts().parts {
            Parts::None | Parts::SumOverCount => None,
            Parts::Itself => Some(self),
            Parts::Summed => Some(Self::Sum),
        }
    }

    /// Whether the whole is the sum of the parts' sums over the sum of their counts.
    #[must_use]
    pub fn is_sum_over_count(self) -> bool {
        self.facts().parts == Parts::SumOverCount
    }

    /// What it gives over no rows.
    #[must_use]
    pub fn over_nothing(self) -> OverNothing {
        self.facts().over_nothing
    }

    /// Whether over at least one row only a NULL argument makes the result NULL.
    #[must_use]
    pub fn is_total(self) -> bool {
        self.facts().is_total
    }

    /// Whether a row with a NULL argument counts for nothing.
    #[must_use]
    pub fn skips_nulls(self) -> bool {
        self.facts().skips_nulls
    }

    /// Whether repeating a row leaves the result as it is, so that `DISTINCT` may be dropped.
    #[must_use]
    pub fn is_duplicate_insensitive(self) -> bool {
        self.facts().is_duplicate_insensitive
    }

    /// Whether the result depends on the order of the rows; such a call is never shared unless
    /// its own order is written, and even then only as the same call over the same rows.
    #[must_use]
    pub fn is_order_sensitive(self) -> bool {
        self.facts().is_ordered
    }

    /// Whether the result is never NULL, also over no rows.
    #[must_use]
    pub fn is_never_null(self) -> bool {
        self.facts().is_never_null
    }
}
