//! What is asked of scalars again and again, worked out once for each when it is interned.

use smallvec::SmallVec;

use crate::{Arena, ColumnId, DataType, Function, Literal, Scalar, ScalarId, Volatility};

/// What is known of a scalar from the day it is interned.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// The columns that it reads, sorted and distinct.
    pub(crate) columns: SmallVec<[ColumnId; 4]>,
    pub(crate) volatility: Volatility,
    pub(crate) can_raise: bool,
    pub(crate) tree_size: u64,
}

impl Default for Known {
    /// A leaf that reads no column.
    fn default() -> Self {
        Self { columns: SmallVec::new(), volatility: Volatility::Immutable, can_raise: false, tree_size: 1 }
    }
}

impl Known {
    /// What is known of a scalar whose operands are interned.
    pub(crate) fn of(arena: &Arena, scalar: &Scalar) -> Self {
        let mut known = match scalar {
            Scalar::Column(id) => Self {
                columns: SmallVec::from_slice(&[*id]),
                volatility: Volatility::Immutable,
                can_raise: false,
                tree_size: 1,
            },
            Scalar::Call { function, data_type, args } => Self {
                volatility: function.volatility(),
                can_raise: (function.can_raise() && !is_total(*function, *data_type))
                    || has_open_escape(arena, *function, args),
                ..Self::default()
            },
            Scalar::Cast { arg, to, is_try } => {
                Self { can_raise: !is_try && !is_widening(arena.type_of(*arg), *to), ..Self::default() }
            }
            Scalar::Outer(_) | Scalar::Literal(_) | Scalar::Case { .. } | Scalar::InList { .. } | Scalar::Hole(_) => {
                Self::default()
            }
        };
        for operand in operands(scalar) {
            let of_operand = arena.known(operand);
            known.volatility = known.volatility.max(of_operand.volatility);
            known.can_raise |= of_operand.can_raise;
            known.tree_size = known.tree_size.saturating_add(of_operand.tree_size);
            known.columns.extend_from_slice(&of_operand.columns);
        }
        known.columns.sort_unstable();
        known.columns.dedup();
        known
    }
}

/// The direct operands of a scalar, in order.
pub(crate) fn operands(scalar: &Scalar) -> SmallVec<[ScalarId; 4]> {
    match scalar {
        Scalar::Column(_) | Scalar::Outer(_) | Scalar::Literal(_) | Scalar::Hole(_) => SmallVec::new(),
        Scalar::Call { args, .. } => args.iter().copied().collect(),
        Scalar::Case { branches, otherwise, .. } => {
            branches.iter().flat_map(|&(when, then)| [when, then]).chain([*otherwise]).collect()
        }
        Scalar::Cast { arg, .. } => SmallVec::from_slice(&[*arg]),
        Scalar::InList { arg, list } => [*arg].into_iter().chain(list.iter().copied()).collect(),
    }
}

/// Whether arithmetic of this result type cannot overflow: doubles reach infinity, and a decimal
/// result type below the widest precision was made wide enough for every operand.
fn is_total(function: Function, data_type: DataType) -> bool {
    matches!(function, Function::Add | Function::Subtract | Function::Multiply | Function::Negate)
        && (data_type.is_float() || matches!(data_type, DataType::Decimal { precision, .. } if precision < 38))
}

/// Whether a pattern may end with its escape character, which escapes nothing there and fails.
fn has_open_escape(arena: &Arena, function: Function, args: &[ScalarId]) -> bool {
    let (Function::Like | Function::ILike, &[_, pattern, escape]) = (function, args) else { return false };
    match (&arena[pattern], &arena[escape]) {
        (Scalar::Literal(Literal::Text(pattern)), Scalar::Literal(Literal::Text(escape))) => {
            pattern.ends_with(&**escape)
        }
        _ => true,
    }
}

/// Whether every value of `from` has exactly one value of `to`, so that a cast cannot fail.
#[must_use]
pub fn is_widening(from: DataType, to: DataType) -> bool {
    if from == to || from == DataType::Null || to == DataType::Text {
        return true;
    }
    if let (Some(a), Some(b)) = (from.integer_bits(), to.integer_bits()) {
        return match (from.is_unsigned(), to.is_unsigned()) {
            (true, false) => b > a,
            (false, true) => false,
            _ => b >= a,
        };
    }
    if let (Some((pa, sa)), DataType::Decimal { precision, scale }) = (from.as_decimal(), to) {
        return scale >= sa && precision - scale >= pa - sa;
    }
    match (from, to) {
        (DataType::Date, DataType::Timestamp) => true,
        (_, DataType::Float64) => from.is_numeric(),
        _ => false,
    }
}
