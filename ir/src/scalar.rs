//! Scalars: expressions over the columns of one row, interned in an [`Arena`](crate::Arena).

use std::sync::Arc;

use smallvec::SmallVec;

use crate::{AggregateFunction, ColumnId, DataType, Function, RankingFunction, ScalarId, WindowFunction};

/// Operands of a scalar; most have one or two.
pub type Args = SmallVec<[ScalarId; 2]>;

/// An expression over one row. Children are interned, so equality is shallow and cheap.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// The value of a column of the relation that the scalar is read against.
    Column(ColumnId),
    /// A column of an enclosing query. Only the binder makes these, and decorrelation removes
    /// them: no plan that leaves the front end holds one.
    Outer(ColumnId),
    /// A constant.
    Literal(Literal),
    /// A function or operator with its result type.
    /// `And` and `Or` are flat with sorted, distinct operands (see `Arena::and`).
    Call {
        /// What is computed.
        function: Function,
        /// Operands in order.
        args: Args,
        /// Result type.
        data_type: DataType,
    },
    /// A searched `CASE`; the first branch whose condition is true gives the value.
    Case {
        /// `(condition, value)` in order.
        branches: Vec<(ScalarId, ScalarId)>,
        /// Value when no condition is true (a typed NULL literal when none was written).
        otherwise: ScalarId,
        /// Result type.
        data_type: DataType,
    },
    /// A conversion.
    Cast {
        /// What is converted.
        arg: ScalarId,
        /// Target type.
        to: DataType,
        /// `TRY_CAST`: NULL instead of an error.
        is_try: bool,
    },
    /// `arg IN (list)`; the list is sorted and distinct, and holds literals or other scalars.
    InList {
        /// What is looked for.
        arg: ScalarId,
        /// Among what.
        list: Vec<ScalarId>,
    },
    /// A typed hole of a rule template; only patterns hold one.
    Hole(u32),
}

/// A constant. Floats are kept by bit pattern so that literals can be hashed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Literal {
    /// A typed NULL.
    Null(DataType),
    /// A truth value.
    Boolean(bool),
    /// An integer of the given integer type.
    Int(i128, DataType),
    /// `value / 10^scale`.
    Decimal {
        /// The digits as an integer.
        value: i128,
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// Bits of an IEEE double.
    Float(u64),
    /// Text.
    Text(Arc<str>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970-01-01 00:00:00 without zone.
    Timestamp(i64),
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    TimestampTz(i64),
    /// An interval; its parts are kept apart because months have no fixed length.
    Interval {
        /// Whole months.
        months: i32,
        /// Whole days.
        days: i32,
        /// Microseconds.
        micros: i64,
    },
}

impl Literal {
    /// The literal's type.
    #[must_use]
    pub fn data_type(&self) -> DataType {
        match self {
            Self::Null(data_type) | Self::Int(_, data_type) => *data_type,
            Self::Boolean(_) => DataType::Boolean,
            Self::Decimal { precision, scale, .. } => DataType::Decimal { precision: *precision, scale: *scale },
            Self::Float(_) => DataType::Float64,
            Self::Text(_) => DataType::Text,
            Self::Date(_) => DataType::Date,
            Self::Time(_) => DataType::Time,
            Self::Timestamp(_) => DataType::Timestamp,
            Self::TimestampTz(_) => DataType::TimestampTz,
            Self::Interval { .. } => DataType::Interval,
        }
    }

    /// Whether the literal is NULL.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null(_))
    }
}

/// One key of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SortKey {
    /// What is compared.
    pub scalar: ScalarId,
    /// Greatest first.
    pub is_descending: bool,
    /// Where NULLs stand; resolved from the source dialect's default by the front end.
    pub is_nulls_first: bool,
}

/// An aggregate over the rows of a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AggregateCall {
    /// What is computed. `Count` without arguments is `COUNT(*)`.
    pub function: AggregateFunction,
    /// Over distinct argument values only.
    pub is_distinct: bool,
    /// Arguments.
    pub args: Args,
    /// `FILTER (WHERE …)`: only rows for which this holds.
    pub filter: Option<ScalarId>,
    /// Order of the rows, for order-sensitive functions.
    pub order: Vec<SortKey>,
    /// Result type.
    pub data_type: DataType,
}

impl AggregateCall {
    /// `COUNT(*)`.
    #[must_use]
    pub fn count_of_rows() -> Self {
        Self {
            function: AggregateFunction::Count,
            is_distinct: false,
            args: Args::new(),
            filter: None,
            order: Vec::new(),
            data_type: DataType::Int64,
        }
    }
}

/// A window function over the rows of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WindowCall {
    /// What is computed.
    pub function: WindowFunction,
    /// Arguments; for `Lag` and `Lead` value, offset, default.
    pub args: Args,
    /// `FILTER (WHERE …)`, aggregates only.
    pub filter: Option<ScalarId>,
    /// `IGNORE NULLS`.
    pub is_ignoring_nulls: bool,
    /// Partition keys, sorted and distinct.
    pub partition: Args,
    /// Order within the partition.
    pub order: Vec<SortKey>,
    /// Rows that are seen; the source dialect's default is written out.
    pub frame: Frame,
    /// Result type.
    pub data_type: DataType,
}

impl WindowCall {
    /// Whether chance decides which row gets which value: rows are counted and nothing orders them.
    ///
    /// Says nothing of ties in an order that is there.
    #[must_use]
    pub fn is_by_chance(&self) -> bool {
        use RankingFunction as R;
        let counts = match self.function {
            WindowFunction::Ranking(
                R::RowNumber | R::Ntile | R::Lag | R::Lead | R::FirstValue | R::LastValue | R::NthValue,
            ) => true,
            WindowFunction::Ranking(R::Rank | R::DenseRank | R::PercentRank | R::CumeDist) => false,
            WindowFunction::Aggregate(_) => self.frame.unit == FrameUnit::Rows && self.frame != Frame::WHOLE,
        };
        counts && self.order.is_empty()
    }
}

/// The rows of a partition that a window function sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Frame {
    /// How bounds are counted.
    pub unit: FrameUnit,
    /// First row.
    pub start: FrameBound,
    /// Last row.
    pub end: FrameBound,
    /// Rows between them that are not seen.
    pub exclusion: Exclusion,
}

impl Frame {
    /// `RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW`, the default with `ORDER BY`.
    pub const ORDERED: Self = Self {
        unit: FrameUnit::Range,
        start: FrameBound::UnboundedPreceding,
        end: FrameBound::CurrentRow,
        exclusion: Exclusion::Nothing,
    };
    /// The whole partition, the default without `ORDER BY`.
    pub const WHOLE: Self = Self {
        unit: FrameUnit::Rows,
        start: FrameBound::UnboundedPreceding,
        end: FrameBound::UnboundedFollowing,
        exclusion: Exclusion::Nothing,
    };

    /// Whether every row of the partition is seen, from each of them.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.start == FrameBound::UnboundedPreceding
            && self.end == FrameBound::UnboundedFollowing
            && self.exclusion == Exclusion::Nothing
    }
}

/// Rows within the bounds of a frame that are not seen: `EXCLUDE …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exclusion {
    /// All are seen.
    Nothing,
    /// Not the current row.
    CurrentRow,
    /// Neither the current row nor its peers.
    Group,
    /// The current row, and not its peers.
    Ties,
}

impl Exclusion {
    /// In words of SQL; `None` where nothing is excluded.
    #[must_use]
    pub fn words(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::CurrentRow => Some("EXCLUDE CURRENT ROW"),
            Self::Group => Some("EXCLUDE GROUP"),
            Self::Ties => Some("EXCLUDE TIES"),
        }
    }
}

/// How frame bounds are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameUnit {
    /// In rows.
    Rows,
    /// In values of the one order key.
    Range,
    /// In groups of peers.
    Groups,
}

/// One end of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameBound {
    /// The first row of the partition.
    UnboundedPreceding,
    /// This far before the current row.
    Preceding(ScalarId),
    /// The current row (with its peers in `Range` and `Groups`).
    CurrentRow,
    /// This far behind the current row.
    Following(ScalarId),
    /// The last row of the partition.
    UnboundedFollowing,
}
