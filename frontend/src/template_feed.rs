//! Whether a rule's pattern is found in what the rule itself makes, so that it would never end.

use isomer_ir::{Arena, Scalar, ScalarId};
use rustc_hash::FxHashMap;

/// Whether `pattern` is found in `template` or somewhere below it, holes of the template standing
/// for themselves.
pub(crate) fn finds_within(arena: &Arena, pattern: ScalarId, template: ScalarId) -> bool {
    let mut stack = vec![template];
    while let Some(scalar) = stack.pop() {
        if is_instance(arena, pattern, scalar, &mut FxHashMap::default()) {
            return true;
        }
        stack.extend(arena.operands(scalar));
    }
    false
}

fn is_instance(
    arena: &Arena,
    pattern: ScalarId,
    scalar: ScalarId,
    bindings: &mut FxHashMap<ScalarId, ScalarId>,
) -> bool {
    if let Scalar::Hole(_) = arena[pattern] {
        return *bindings.entry(pattern).or_insert(scalar) == scalar;
    }
    let (from, to) = (arena.operands(pattern), arena.operands(scalar));
    let is_same_head = match (&arena[pattern], &arena[scalar]) {
        (Scalar::Call { function: f, .. }, Scalar::Call { function: g, .. }) => f == g,
        (Scalar::Case { .. }, Scalar::Case { .. }) | (Scalar::InList { .. }, Scalar::InList { .. }) => true,
        (Scalar::Cast { to: f, is_try: a, .. }, Scalar::Cast { to: g, is_try: b, .. }) => f == g && a == b,
        (Scalar::Literal(_), Scalar::Literal(_)) => pattern == scalar,
        _ => false,
    };
    is_same_head
        && from.len() == to.len()
        && from.iter().zip(&to).all(|(&pattern, &scalar)| is_instance(arena, pattern, scalar, bindings))
}
