//! What the other conjuncts of a filter say: a part that they imply is TRUE, one that they exclude is
//! FALSE, and a column that they fix is its value.
//!
//! One conjunct is rewritten at a time, with the others as they are by then. Each such step keeps the
//! rows on which all hold; rewriting two at once by each other could lose both.

use isomer_ir::{Arena, DataType, Function, Literal, Scalar, ScalarId, Volatility};
use rustc_hash::FxHashMap;

use super::boolean::negation_of;
use super::domain::domain_of;
use super::fold::fold;
use super::literals::{integer_bounds, is_literal};
use super::{Switches, null_of};
use crate::scalars::is_null_rejecting;

/// Conjuncts that are looked at with each other; longer lists are left alone.
const LONGEST: usize = 64;

pub(super) fn apply(arena: &mut Arena, mut conjuncts: Vec<ScalarId>, switches: &mut Switches) -> Vec<ScalarId> {
    if conjuncts.len() > LONGEST || conjuncts.len() < 2 {
        return conjuncts;
    }
    for position in 0..conjuncts.len() {
        let own = conjuncts[position];
        let others: Vec<ScalarId> = conjuncts.iter().copied().filter(|&other| other != own).collect();
        if switches.is_on("eliminate-implied-filter")
            && let Some(next) = decided(arena, own, &others)
        {
            switches.fire("eliminate-implied-filter");
            conjuncts[position] = next;
            continue;
        }
        if switches.is_on("push-constant-into-filter")
            && let Some(next) = with_constants(arena, own, &others)
        {
            switches.fire("push-constant-into-filter");
            conjuncts[position] = next;
        }
    }
    conjuncts
}

/// The conjunct without what the others decide.
fn decided(arena: &mut Arena, own: ScalarId, others: &[ScalarId]) -> Option<ScalarId> {
    if others.iter().any(|&other| arena.volatility(other) == Volatility::Volatile) {
        return None;
    }
    match arena[own].clone() {
        Scalar::Call { function: Function::Or, args, .. } => {
            let mut kept = Vec::with_capacity(args.len());
            for &operand in &args {
                let mut parts = Vec::new();
                let mut is_excluded = false;
                for part in arena.conjuncts(operand) {
                    match truth(arena, part, others) {
                        Some(true) => {}
                        Some(false) => is_excluded = true,
                        None => parts.push(part),
                    }
                }
                if !is_excluded {
                    kept.push(arena.and(parts));
                }
            }
            let next = arena.or(kept);
            (next != own).then_some(next)
        }
        _ => truth(arena, own, others).map(|value| arena.boolean(value)),
    }
}

/// Whether a predicate holds on every row on which the others do, or on none.
fn truth(arena: &mut Arena, predicate: ScalarId, others: &[ScalarId]) -> Option<bool> {
    if others.contains(&predicate) {
        return Some(true);
    }
    let tested = |arena: &Arena, id: ScalarId| match &arena[id] {
        Scalar::Call { function: Function::IsNull, args, .. } => match arena[args[0]] {
            Scalar::Column(column) => Some(column),
            _ => None,
        },
        _ => None,
    };
    let (column, is_null) = match &arena[predicate] {
        Scalar::Call { function: Function::Not, args, .. } => (tested(arena, args[0]), false),
        _ => (tested(arena, predicate), true),
    };
    if let Some(column) = column {
        let is_rejected = others.iter().any(|&other| is_null_rejecting(arena, other, &[column]));
        return is_rejected.then_some(!is_null);
    }
    if let Some(negation) = negation_of(arena, predicate)
        && others.contains(&negation)
    {
        return Some(false);
    }
    // A conjunct of its own was cut with the others of its scalar already; a part of a disjunction was not.
    let (value, domain) = domain_of(arena, predicate)?;
    let mut known = None;
    for &other in others {
        if let Some((tested, own)) = domain_of(arena, other)
            && tested == value
        {
            known = Some(match known {
                None => own,
                Some(known) => own.and(&known)?,
            });
        }
    }
    let known = known?;
    if known.is_empty() {
        return None;
    }
    if known.is_within(&domain)? {
        return Some(true);
    }
    known.and(&domain)?.is_empty().then_some(false)
}

/// The conjunct with columns that another conjunct fixes replaced by their constants.
fn with_constants(arena: &mut Arena, own: ScalarId, others: &[ScalarId]) -> Option<ScalarId> {
    let mut next = own;
    for &other in others {
        let Some((column, literal)) = fixed(arena, other) else { continue };
        // What says that a column is fixed stays, and so does what joins it to another one.
        if fixed(arena, own).is_some() || crate::facts::equal_columns(arena, own).is_some() {
            return None;
        }
        next = replaced(arena, next, column, literal);
    }
    if next == own {
        return None;
    }
    let next = folded(arena, next);
    (!raises_at_once(arena, next)).then_some(next)
}

/// The column that a conjunct fixes, and the constant of its own type that it then holds.
fn fixed(arena: &mut Arena, conjunct: ScalarId) -> Option<(ScalarId, ScalarId)> {
    match arena[conjunct].clone() {
        Scalar::Call { function: Function::Eq, args, .. } => {
            let data_type = arena.type_of(args[0]);
            let is_fixing = matches!(arena[args[0]], Scalar::Column(_)) && !data_type.is_float();
            (is_fixing && is_literal(arena, args[1])).then(|| (args[0], args[1]))
        }
        Scalar::Call { function: Function::IsNull, args, .. } if matches!(arena[args[0]], Scalar::Column(_)) => {
            let data_type = arena.type_of(args[0]);
            Some((args[0], null_of(arena, data_type)))
        }
        _ => None,
    }
}

/// `scalar` with the constant for the column: anywhere where it has the column's type as written, and
/// as an operand of a comparison otherwise, which asks for the value alone.
fn replaced(arena: &mut Arena, scalar: ScalarId, column: ScalarId, constant: ScalarId) -> ScalarId {
    let data_type = arena.type_of(column);
    let is_of_type = match &arena[constant] {
        Scalar::Literal(Literal::Decimal { .. }) => false,
        Scalar::Literal(Literal::Int(..)) => data_type == DataType::Int32 && integer_bounds(data_type).is_some(),
        Scalar::Literal(literal) => literal.data_type() == data_type,
        _ => false,
    };
    if is_of_type && arena.type_of(constant) == data_type {
        return arena.substitute(scalar, &mut |_, id| (id == column).then_some(constant));
    }
    arena.substitute(scalar, &mut |arena, id| {
        let Scalar::Call { function, args, .. } = arena[id].clone() else { return None };
        if function.flipped().is_none() || !args.contains(&column) {
            return None;
        }
        let with: Vec<ScalarId> = args.iter().map(|&arg| if arg == column { constant } else { arg }).collect();
        Some(arena.comparison(function, with[0], with[1]))
    })
}

/// The scalar with its constant parts computed, where they can be.
fn folded(arena: &mut Arena, scalar: ScalarId) -> ScalarId {
    let mut parts = Vec::new();
    arena.visit(scalar, &mut |id, part| {
        if let Scalar::Call { function, args, data_type } = part {
            parts.push((id, *function, args.clone(), *data_type));
        }
    });
    // Operands come first, so that what is made of them can be computed as well.
    let mut done: FxHashMap<ScalarId, ScalarId> = FxHashMap::default();
    for (id, function, args, data_type) in parts {
        let args: Vec<ScalarId> = args.iter().map(|arg| done.get(arg).copied().unwrap_or(*arg)).collect();
        if let Some(literal) = fold(arena, function, &args, data_type) {
            done.insert(id, arena.literal(literal));
        }
    }
    arena.substitute(scalar, &mut |_, id| done.get(&id).copied())
}

/// Whether a part without columns could fail: an engine may compute it for no row at all.
fn raises_at_once(arena: &Arena, scalar: ScalarId) -> bool {
    let mut parts = Vec::new();
    arena.visit(scalar, &mut |id, part| {
        if matches!(part, Scalar::Call { .. } | Scalar::Cast { .. }) {
            parts.push(id);
        }
    });
    parts.into_iter().any(|id| arena.can_raise(id) && arena.columns_of(id).is_empty())
}
