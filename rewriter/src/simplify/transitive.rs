//! What follows from equal columns: a test of the one is a test of the other.

use isomer_ir::{Arena, ColumnId, Function, Scalar, ScalarId, Volatility};
use rustc_hash::FxHashMap;

/// Largest predicate that is said again of an equal column, in scalar nodes.
const MAX_SIZE: u64 = 64;

/// Predicates that follow from `holds`: from `a = b` and `a < 5` follows `b < 5`, where both columns
/// have one type and no float's, for which equal means the same value.
pub(crate) fn transitive(arena: &mut Arena, holds: &[ScalarId]) -> Vec<ScalarId> {
    let classes = equal_classes(arena, holds);
    let mut inferred = Vec::new();
    for &predicate in holds {
        let &[column] = arena.columns_of(predicate) else { continue };
        let is_said_again = arena.tree_size(predicate) <= MAX_SIZE
            && !arena.can_raise(predicate)
            && arena.volatility(predicate) == Volatility::Immutable
            && !is_null_test(arena, predicate);
        if !is_said_again {
            continue;
        }
        for class in classes.iter().filter(|class| class.contains(&column)) {
            for &other in class.iter().filter(|&&other| other != column) {
                let reference = arena.column_ref(other);
                let rename: FxHashMap<ColumnId, ScalarId> = [(column, reference)].into_iter().collect();
                let predicate = arena.inline_columns(predicate, &rename);
                if !holds.contains(&predicate) {
                    inferred.push(predicate);
                }
            }
        }
    }
    inferred.sort_unstable();
    inferred.dedup();
    inferred
}

/// The equality itself says that neither column is NULL.
fn is_null_test(arena: &Arena, predicate: ScalarId) -> bool {
    match &arena[predicate] {
        Scalar::Call { function: Function::Not, args, .. } => is_null_test(arena, args[0]),
        Scalar::Call { function: Function::IsNull, .. } => true,
        _ => false,
    }
}

/// Columns that the conjuncts say are equal, in classes.
fn equal_classes(arena: &Arena, holds: &[ScalarId]) -> Vec<Vec<ColumnId>> {
    let mut classes: Vec<Vec<ColumnId>> = Vec::new();
    for &predicate in holds {
        let Some((left, right)) = crate::facts::equal_columns(arena, predicate) else { continue };
        if arena.column_type(left) != arena.column_type(right) || arena.column_type(left).is_float() {
            continue;
        }
        let a = classes.iter().position(|class| class.contains(&left));
        let b = classes.iter().position(|class| class.contains(&right));
        match (a, b) {
            (Some(a), Some(b)) if a != b => {
                let merged = classes.remove(a.max(b));
                classes[a.min(b)].extend(merged);
            }
            (Some(a), None) => classes[a].push(right),
            (None, Some(b)) => classes[b].push(left),
            (None, None) => classes.push(vec![left, right]),
            (Some(_), Some(_)) => {}
        }
    }
    classes
}
