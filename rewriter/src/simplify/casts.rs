//! Casts: to the type a value has, of constants, one upon another, and tries that cannot fail.

use isomer_ir::{Arena, DataType, Scalar, ScalarId, is_widening};

use super::Switches;
use super::literals::{cast_literal, literal_of};

pub(super) fn step(
    arena: &mut Arena,
    arg: ScalarId,
    to: DataType,
    is_try: bool,
    switches: &mut Switches,
) -> Option<ScalarId> {
    let from = arena.type_of(arg);
    if switches.is_on("simplify-cast") {
        if from == to {
            switches.fire("simplify-cast");
            return Some(arg);
        }
        if let Some(literal) = literal_of(arena, arg)
            && let Some(cast) = cast_literal(literal, to)
        {
            switches.fire("simplify-cast");
            return Some(arena.literal(cast));
        }
    }
    if is_try && is_widening(from, to) && switches.is_on("simplify-try-cast") {
        switches.fire("simplify-try-cast");
        return Some(arena.scalar(Scalar::Cast { arg, to, is_try: false }));
    }
    if let Scalar::Cast { arg: inner, to: between, is_try: _ } = arena[arg]
        && switches.is_on("merge-casts")
        && is_lossless(arena.type_of(inner), between, to)
    {
        switches.fire("merge-casts");
        return Some(arena.scalar(Scalar::Cast { arg: inner, to, is_try }));
    }
    None
}

/// Whether a cast over `between` gives what the direct cast gives, errors included: the first changes no
/// value, and nothing that the second reads depends on the type the value came in.
fn is_lossless(from: DataType, between: DataType, to: DataType) -> bool {
    if !is_widening(from, between) || between == DataType::Text {
        return false;
    }
    let is_exact = |data_type: DataType| data_type.is_integer() || matches!(data_type, DataType::Decimal { .. });
    match (from, between, to) {
        // A text shows the digits behind the point of the type that it was made from.
        (_, _, DataType::Text) => from.is_integer() && between.is_integer(),
        (DataType::Date, DataType::Timestamp, DataType::Date) => true,
        _ => is_exact(from) && is_exact(between) && is_exact(to),
    }
}
