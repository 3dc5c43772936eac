//! Data types of columns and scalars, and the coercions between them.
//!
//! Types are dialect-free: the front end resolves what a dialect's type name means.

use std::fmt;
use std::sync::Arc;

use crate::{Nested, NestedType};

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DataType {
    /// The type of an untyped `NULL`.
    Null,
    /// Two truth values and NULL.
    Boolean,
    /// Signed, 8 bits.
    Int8,
    /// Signed, 16 bits.
    Int16,
    /// Signed, 32 bits.
    Int32,
    /// Signed, 64 bits.
    Int64,
    /// Signed, 128 bits (DuckDB's `HUGEINT`).
    Int128,
    /// Unsigned, 8 bits.
    UInt8,
    /// Unsigned, 16 bits.
    UInt16,
    /// Unsigned, 32 bits.
    UInt32,
    /// Unsigned, 64 bits.
    UInt64,
    /// IEEE single.
    Float32,
    /// IEEE double.
    Float64,
    /// Exact decimal.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// Characters of any length.
    Text,
    /// Bytes of any length.
    Bytes,
    /// A calendar day.
    Date,
    /// A time of day, microseconds.
    Time,
    /// A wall-clock time without zone, microseconds.
    Timestamp,
    /// A wall-clock time without zone, to this number of digits of a second: 0, 3 or 9 (DuckDB's
    /// `TIMESTAMP_S`, `TIMESTAMP_MS` and `TIMESTAMP_NS`).
    TimestampTo(u8),
    /// An instant, microseconds.
    TimestampTz,
    /// Months, days and microseconds.
    Interval,
    /// A UUID.
    Uuid,
    /// A JSON value, as text or in the engine's own form.
    Json,
    /// A list, struct, map or enumeration.
    Nested(NestedType),
    /// The catalog does not say. Rules that need a type do not fire on it.
    Unknown,
}

impl DataType {
    /// Whether the type is an integer of any width.
    #[must_use]
    pub fn is_integer(self) -> bool {
        self.integer_bits().is_some()
    }

    /// Bits of an integer type, with the sign counted.
    #[must_use]
    pub fn integer_bits(self) -> Option<u16> {
        match self {
            Self::Int8 | Self::UInt8 => Some(8),
            Self::Int16 | Self::UInt16 => Some(16),
            Self::Int32 | Self::UInt32 => Some(32),
            Self::Int64 | Self::UInt64 => Some(64),
            Self::Int128 => Some(128),
            _ => None,
        }
    }

    /// Whether the type is an unsigned integer.
    #[must_use]
    pub fn is_unsigned(self) -> bool {
        matches!(self, Self::UInt8 | Self::UInt16 | Self::UInt32 | Self::UInt64)
    }

    /// Whether arithmetic applies.
    #[must_use]
    pub fn is_numeric(self) -> bool {
        self.is_integer() || self.is_float() || matches!(self, Self::Decimal { .. })
    }

    /// Whether the type is a binary floating-point type, whose sums depend on order.
    #[must_use]
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float32 | Self::Float64)
    }

    /// Whether the type is a date or a timestamp.
    #[must_use]
    pub fn is_temporal(self) -> bool {
        matches!(self, Self::Date | Self::Timestamp | Self::TimestampTo(_) | Self::TimestampTz | Self::Time)
    }

    /// Average width of a stored value in bytes; used by the cost model only.
    #[must_use]
    pub fn width(self) -> f64 {
        match self {
            Self::Null | Self::Boolean | Self::Int8 | Self::UInt8 => 1.0,
            Self::Int16 | Self::UInt16 => 2.0,
            Self::Int32 | Self::UInt32 | Self::Float32 | Self::Date => 4.0,
            Self::Int64 | Self::UInt64 | Self::Float64 => 8.0,
            Self::Time | Self::Timestamp | Self::TimestampTo(_) | Self::TimestampTz => 8.0,
            Self::Decimal { precision, .. } if precision <= 18 => 8.0,
            Self::Int128 | Self::Decimal { .. } | Self::Interval | Self::Uuid => 16.0,
            Self::Text | Self::Bytes | Self::Unknown => 20.0,
            Self::Json | Self::Nested(_) => 60.0,
        }
    }

    /// An integer seen as a decimal that holds all of its values.
    #[must_use]
    pub fn as_decimal(self) -> Option<(u8, u8)> {
        match self {
            Self::Decimal { precision, scale } => Some((precision, scale)),
            Self::Int8 | Self::UInt8 => Some((3, 0)),
            Self::Int16 | Self::UInt16 => Some((5, 0)),
            Self::Int32 | Self::UInt32 => Some((10, 0)),
            Self::Int64 => Some((19, 0)),
            Self::UInt64 => Some((20, 0)),
            Self::Int128 => Some((38, 0)),
            _ => None,
        }
    }

    /// The type both sides of a comparison, `CASE`, `COALESCE` or set operation take.
    ///
    /// `None` when no implicit coercion exists. `Null` gives way to any type, and `Unknown`
    /// wins over all: what is not known is not narrowed.
    #[must_use]
    pub fn common(self, other: Self) -> Option<Self> {
        if self == other {
            return Some(self);
        }
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Some(Self::Unknown),
            (Self::Null, x) | (x, Self::Null) => Some(x),
            (a, b) if a.is_integer() && b.is_integer() => Some(common_integer(a, b)),
            (a, b) if a.is_float() && b.is_numeric() || b.is_float() && a.is_numeric() => {
                if a == Self::Float32 && b == Self::Float32 { Some(Self::Float32) } else { Some(Self::Float64) }
            }
            (a, b) if a.is_numeric() && b.is_numeric() => {
                let (pa, sa) = a.as_decimal()?;
                let (pb, sb) = b.as_decimal()?;
                let scale = sa.max(sb);
                let whole = (pa - sa).max(pb - sb);
                Some(Self::Decimal { precision: (whole + scale).min(38), scale })
            }
            (Self::Nested(a), Self::Nested(b)) => common_nested(a, b),
            (Self::Date, Self::Timestamp) | (Self::Timestamp, Self::Date) => Some(Self::Timestamp),
            (Self::TimestampTo(a), Self::TimestampTo(b)) => Some(Self::TimestampTo(a.max(b))),
            (Self::Timestamp, Self::TimestampTo(digits)) | (Self::TimestampTo(digits), Self::Timestamp) => {
                Some(if digits > 6 { Self::TimestampTo(digits) } else { Self::Timestamp })
            }
            (Self::Date | Self::Timestamp, Self::TimestampTz) | (Self::TimestampTz, Self::Date | Self::Timestamp) => {
                Some(Self::TimestampTz)
            }
            _ => None,
        }
    }
}

fn common_nested(a: NestedType, b: NestedType) -> Option<DataType> {
    let nested = match (a.get(), b.get()) {
        (Nested::List(a), Nested::List(b)) => Nested::List(a.common(*b)?),
        (Nested::Map(key, a), Nested::Map(other, b)) => Nested::Map(key.common(*other)?, a.common(*b)?),
        (Nested::Struct(a), Nested::Struct(b)) if a.iter().map(|(name, _)| name).eq(b.iter().map(|(name, _)| name)) => {
            let fields = a.iter().zip(b).map(|((name, a), (_, b))| Some((Arc::clone(name), a.common(*b)?)));
            Nested::Struct(fields.collect::<Option<_>>()?)
        }
        _ => return None,
    };
    Some(DataType::Nested(NestedType::new(nested)))
}

fn common_integer(a: DataType, b: DataType) -> DataType {
    let bits_a = a.integer_bits().unwrap_or(64);
    let bits_b = b.integer_bits().unwrap_or(64);
    if a.is_unsigned() == b.is_unsigned() {
        return if bits_a >= bits_b { a } else { b };
    }
    let (unsigned, signed_bits) = if a.is_unsigned() { (bits_a, bits_b) } else { (bits_b, bits_a) };
    match signed_bits.max(unsigned * 2) {
        0..=16 => DataType::Int16,
        17..=32 => DataType::Int32,
        33..=64 => DataType::Int64,
        _ => DataType::Int128,
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Nested(nested) => return nested.fmt(f),
            Self::TimestampTo(digits) => return write!(f, "timestamp({digits})"),
            Self::Decimal { precision, scale } => return write!(f, "decimal({precision}, {scale})"),
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Int128 => "int128",
            Self::UInt8 => "uint8",
            Self::UInt16 => "uint16",
            Self::UInt32 => "uint32",
            Self::UInt64 => "uint64",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamptz",
            Self::Interval => "interval",
            Self::Uuid => "uuid",
            Self::Json => "json",
            Self::Unknown => "unknown",
        };
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::DataType as T;

    #[test]
    fn common_types() {
        let cases = [
            (T::Int32, T::Int64, Some(T::Int64)),
            (T::UInt32, T::Int32, Some(T::Int64)),
            (T::Int32, T::Float32, Some(T::Float64)),
            (T::Decimal { precision: 15, scale: 2 }, T::Int32, Some(T::Decimal { precision: 15, scale: 2 })),
            (T::Date, T::Timestamp, Some(T::Timestamp)),
            (T::Text, T::Int32, None),
            (T::Null, T::Text, Some(T::Text)),
        ];
        for (a, b, expect) in cases {
            assert_eq!(a.common(b), expect, "{a} with {b}");
            assert_eq!(b.common(a), expect, "{b} with {a}");
        }
    }
}
