//! What predicates and scalars say of columns: constants, equal columns, NULLs, and keys that are bound.

use isomer_ir::{Arena, ColumnId, DataType, Function, Literal, Scalar, ScalarId};

use super::Facts;
use crate::operator::Context;
use crate::scalars::null_when_all_null;

/// Adds what follows from every predicate of `holds` being true.
pub(super) fn add_implied(context: &mut Context, holds: &[ScalarId], facts: &mut Facts) {
    for &predicate in holds {
        for &column in context.rejected_by(predicate) {
            if facts.columns.contains(&column) {
                facts.not_null.push(column);
            }
        }
        let arena = &context.arena;
        if let Scalar::Call { function: Function::Eq, args, .. } = &arena[predicate]
            && let [left, right] = args.as_slice()
        {
            for (one, other) in [(*left, *right), (*right, *left)] {
                if let (Scalar::Column(column), Scalar::Literal(literal)) = (&arena[one], &arena[other])
                    && is_exact_constant(arena.column_type(*column), literal)
                    && facts.columns.contains(column)
                {
                    facts.constants.push((*column, other));
                }
            }
        }
    }
}

/// Whether a column equal to the literal holds exactly its value. Equal floats may still differ in
/// the sign of zero, and values of other families compare after a conversion.
pub(super) fn is_exact_constant(column: DataType, literal: &Literal) -> bool {
    let own = literal.data_type();
    if literal.is_null() || column.is_float() || own.is_float() {
        return false;
    }
    own == column
        || isomer_ir::is_widening(own, column) && column != DataType::Text
        || (own.is_integer() && column.is_integer())
}

/// Columns for which the predicate is not true when they are NULL. May miss some, never invents.
pub(crate) fn null_rejected_columns(arena: &Arena, predicate: ScalarId) -> Vec<ColumnId> {
    arena
        .columns_of(predicate)
        .iter()
        .copied()
        .filter(|&column| crate::scalars::is_null_rejecting(arena, predicate, &[column]))
        .collect()
}

/// Whether a scalar may be NULL over rows with these facts; says `true` when in doubt.
pub(crate) fn is_nullable(arena: &Arena, scalar: ScalarId, input: &Facts) -> bool {
    let mut nullable: rustc_hash::FxHashMap<ScalarId, bool> = rustc_hash::FxHashMap::default();
    arena.visit(scalar, &mut |id, scalar| {
        let of = |operand: &ScalarId| nullable.get(operand).copied().unwrap_or(true);
        let value = match scalar {
            Scalar::Column(column) => !input.is_not_null(*column),
            Scalar::Outer(_) | Scalar::Hole(_) => true,
            Scalar::Literal(literal) => literal.is_null(),
            Scalar::Call { function, args, .. } => {
                if function.is_never_null() {
                    false
                } else if *function == Function::Coalesce || matches!(function, Function::Greatest | Function::Least) {
                    args.iter().all(of)
                } else {
                    function.may_make_null() || args.iter().any(of)
                }
            }
            Scalar::Case { branches, otherwise, .. } => branches.iter().any(|(_, then)| of(then)) || of(otherwise),
            Scalar::Cast { arg, is_try, .. } => *is_try || of(arg),
            Scalar::InList { arg, list } => of(arg) || list.iter().any(of),
        };
        nullable.insert(id, value);
    });
    nullable.get(&scalar).copied().unwrap_or(true)
}

/// Pairs of columns that a predicate makes equal.
pub(crate) fn equal_columns(arena: &Arena, predicate: ScalarId) -> Option<(ColumnId, ColumnId)> {
    if let Scalar::Call { function: Function::Eq, args, .. } = &arena[predicate]
        && let [left, right] = args.as_slice()
        && let (Scalar::Column(left), Scalar::Column(right)) = (&arena[*left], &arena[*right])
    {
        return Some((*left, *right));
    }
    None
}

/// Whether the equalities of `on` bind all columns of a key of `facts` to other relations' values.
pub(crate) fn matches_key(arena: &Arena, on: &[ScalarId], facts: &Facts) -> bool {
    facts.is_unique(&bound_columns(arena, on, facts))
}

/// Columns of `facts` that the equalities of `on` bind to other relations' values.
pub(crate) fn bound_columns(arena: &Arena, on: &[ScalarId], facts: &Facts) -> Vec<ColumnId> {
    let mut bound = Vec::new();
    for &predicate in on {
        if let Scalar::Call { function: Function::Eq | Function::IsNotDistinct, args, .. } = &arena[predicate]
            && let [left, right] = args.as_slice()
        {
            for (one, other) in [(*left, *right), (*right, *left)] {
                if let Scalar::Column(column) = &arena[one] {
                    let reads_none = arena.columns_of(other).iter().all(|column| !facts.exposes(*column));
                    if facts.exposes(*column) && reads_none {
                        bound.push(*column);
                    }
                }
            }
        }
    }
    bound
}

/// Whether a scalar over null-extended columns can be computed above the extension: it is NULL
/// when all of `columns` are.
pub(crate) fn survives_null_extension(arena: &Arena, scalar: ScalarId, columns: &[ColumnId]) -> bool {
    matches!(arena[scalar], Scalar::Column(_)) || null_when_all_null(arena, scalar, columns)
}
