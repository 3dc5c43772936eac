//! Boolean algebra in three-valued logic: NOT moves inwards, what decides decides, what repeats goes.

use isomer_ir::{Arena, Function, Literal, Scalar, ScalarId, Volatility};
use rustc_hash::FxHashSet;

use super::literals::{boolean_of, is_literal, is_null_literal};
use super::{Switches, is_never_null, is_null, not};

/// Operands that are looked at pairwise; longer lists are left alone.
const LONGEST: usize = 64;

pub(super) fn step_not(arena: &mut Arena, args: &[ScalarId], switches: &mut Switches) -> Option<ScalarId> {
    let &arg = args.first()?;
    if !switches.is_on("simplify-boolean") {
        return None;
    }
    let next = match arena[arg].clone() {
        Scalar::Literal(Literal::Boolean(value)) => arena.boolean(!value),
        Scalar::Call { function: Function::Not, args, .. } => args.first().copied()?,
        Scalar::Call { function: function @ (Function::And | Function::Or), args, .. } => {
            let negated: Vec<ScalarId> = args.iter().map(|&arg| not(arena, arg)).collect();
            if function == Function::And { arena.or(negated) } else { arena.and(negated) }
        }
        Scalar::Call { function, args, .. } => arena.comparison(function.negated()?, args[0], args[1]),
        Scalar::Column(_)
        | Scalar::Outer(_)
        | Scalar::Literal(_)
        | Scalar::Case { .. }
        | Scalar::Cast { .. }
        | Scalar::InList { .. }
        | Scalar::Hole(_) => return None,
    };
    switches.fire("simplify-boolean");
    Some(next)
}

/// `p IS TRUE` and `p IS FALSE`.
pub(super) fn step_test(
    arena: &mut Arena,
    function: Function,
    args: &[ScalarId],
    switches: &mut Switches,
) -> Option<ScalarId> {
    let &arg = args.first()?;
    if !switches.is_on("simplify-boolean") {
        return None;
    }
    let is_true = function == Function::IsTrue;
    let next = match arena[arg].clone() {
        Scalar::Literal(literal) => arena.boolean(literal == Literal::Boolean(is_true)),
        Scalar::Call { function: Function::Not, args, .. } => {
            arena.predicate(if is_true { Function::IsFalse } else { Function::IsTrue }, args)
        }
        _ if is_never_null(arena, arg) => {
            if is_true {
                arg
            } else {
                not(arena, arg)
            }
        }
        _ => return None,
    };
    switches.fire("simplify-boolean");
    Some(next)
}

pub(super) fn step_junction(
    arena: &mut Arena,
    function: Function,
    args: &[ScalarId],
    switches: &mut Switches,
) -> Option<ScalarId> {
    let is_and = function == Function::And;
    if switches.is_on("simplify-boolean") {
        let next = if args.iter().any(|&arg| boolean_of(arena, arg) == Some(!is_and)) {
            Some(arena.boolean(!is_and))
        } else if args.iter().any(|&arg| boolean_of(arena, arg) == Some(is_and)) {
            let kept = args.iter().copied().filter(|&arg| boolean_of(arena, arg) != Some(is_and));
            Some(junction(arena, function, kept.collect()))
        } else {
            absorb(arena, function, args).or_else(|| complement(arena, function, args))
        };
        if next.is_some() {
            switches.fire("simplify-boolean");
            return next;
        }
    }
    if !is_and
        && switches.is_on("pull-common-conjunct-from-or")
        && let Some(factored) = factor_common(arena, args).or_else(|| factor_some(arena, args))
    {
        switches.fire("pull-common-conjunct-from-or");
        return Some(factored);
    }
    if switches.is_on("convert-or-to-in-list")
        && let Some(merged) = merge_equalities(arena, function, args)
    {
        switches.fire("convert-or-to-in-list");
        return Some(merged);
    }
    if switches.is_on("merge-comparisons")
        && let Some(merged) = super::holds::merge_tests(arena, function, args)
    {
        switches.fire("merge-comparisons");
        return Some(merged);
    }
    if !is_and
        && switches.is_on("simplify-distinct-from")
        && let Some(distinct) = recognise_distinct(arena, args)
    {
        switches.fire("simplify-distinct-from");
        return Some(distinct);
    }
    None
}

/// A conjunction or a disjunction.
pub(super) fn junction(arena: &mut Arena, function: Function, operands: Vec<ScalarId>) -> ScalarId {
    if function == Function::And { arena.and(operands) } else { arena.or(operands) }
}

/// `a AND (a OR b)` is `a`; `a OR (a AND b)` is `a`. Equal in three-valued logic.
fn absorb(arena: &mut Arena, function: Function, args: &[ScalarId]) -> Option<ScalarId> {
    if args.len() > LONGEST {
        return None;
    }
    let dual = if function == Function::And { Function::Or } else { Function::And };
    let kept: Vec<ScalarId> = args
        .iter()
        .copied()
        .filter(|&arg| match &arena[arg] {
            Scalar::Call { function: inner, args: inner_args, .. } if *inner == dual => !args.iter().any(|&other| {
                let parts = match &arena[other] {
                    Scalar::Call { function, args, .. } if *function == dual => args.as_slice(),
                    _ => std::slice::from_ref(&other),
                };
                other != arg && parts.len() < inner_args.len() && parts.iter().all(|part| inner_args.contains(part))
            }),
            _ => true,
        })
        .collect();
    if kept.len() == args.len() {
        return None;
    }
    Some(junction(arena, function, kept))
}

/// `a AND NOT a` of an `a` that is never NULL is FALSE, `a OR NOT a` is TRUE.
fn complement(arena: &mut Arena, function: Function, args: &[ScalarId]) -> Option<ScalarId> {
    if args.len() > LONGEST {
        return None;
    }
    let is_complementary = args.iter().any(|&arg| {
        negation_of(arena, arg).is_some_and(|negation| args.contains(&negation))
            && is_never_null(arena, arg)
            && arena.volatility(arg) != Volatility::Volatile
    });
    is_complementary.then(|| arena.boolean(function == Function::Or))
}

/// The scalar that is true where this one is false, where it is known already.
pub(super) fn negation_of(arena: &mut Arena, scalar: ScalarId) -> Option<ScalarId> {
    match arena[scalar].clone() {
        Scalar::Call { function: Function::Not, args, .. } => args.first().copied(),
        Scalar::Call { function, args, .. } => match (function.negated(), args.as_slice()) {
            (Some(negated), &[left, right]) => Some(arena.comparison(negated, left, right)),
            _ => Some(not(arena, scalar)),
        },
        _ => Some(not(arena, scalar)),
    }
}

/// `(a AND b) OR (a AND c)` is `a AND (b OR c)`; holds in three-valued logic.
fn factor_common(arena: &mut Arena, args: &[ScalarId]) -> Option<ScalarId> {
    let mut common: Vec<ScalarId> = arena.conjuncts(*args.first()?);
    for &arg in &args[1..] {
        let conjuncts: FxHashSet<ScalarId> = arena.conjuncts(arg).into_iter().collect();
        common.retain(|conjunct| conjuncts.contains(conjunct));
        if common.is_empty() {
            return None;
        }
    }
    let rests: Vec<ScalarId> = args
        .iter()
        .map(|&arg| {
            let rest: Vec<ScalarId> =
                arena.conjuncts(arg).into_iter().filter(|conjunct| !common.contains(conjunct)).collect();
            arena.and(rest)
        })
        .collect();
    let is_trivial = rests.iter().any(|&rest| boolean_of(arena, rest) == Some(true));
    if !is_trivial {
        common.push(arena.or(rests));
    }
    Some(arena.and(common))
}

/// The conjunct that most disjuncts share, before those that share it: `(a AND b) OR (a AND c) OR d`.
fn factor_some(arena: &mut Arena, args: &[ScalarId]) -> Option<ScalarId> {
    if args.len() > LONGEST {
        return None;
    }
    let mut counts: Vec<(ScalarId, usize)> = Vec::new();
    for &arg in args {
        for conjunct in arena.conjuncts(arg) {
            match counts.iter_mut().find(|(known, _)| *known == conjunct) {
                Some((_, count)) => *count += 1,
                None => counts.push((conjunct, 1)),
            }
        }
    }
    let (shared, count) = counts.into_iter().min_by_key(|&(id, count)| (std::cmp::Reverse(count), id))?;
    if count < 2 {
        return None;
    }
    let (with, mut rest): (Vec<ScalarId>, Vec<ScalarId>) =
        args.iter().partition(|&&arg| arena.conjuncts(arg).contains(&shared));
    let factored = factor_common(arena, &with)?;
    rest.push(factored);
    Some(arena.or(rest))
}

/// `a = 1 OR a = 2` is `a IN (1, 2)`, `a <> 1 AND a <> 2` is `NOT a IN (1, 2)`: equal in three-valued
/// logic, for that is how IN is defined.
fn merge_equalities(arena: &mut Arena, function: Function, args: &[ScalarId]) -> Option<ScalarId> {
    let mut groups: Vec<(ScalarId, Vec<ScalarId>, Vec<ScalarId>)> = Vec::new();
    for &operand in args {
        let Some((arg, list)) = listed(arena, function, operand) else { continue };
        if arena.volatility(arg) == Volatility::Volatile {
            continue;
        }
        match groups.iter_mut().find(|(known, _, _)| *known == arg) {
            Some((_, members, operands)) => {
                members.extend(list);
                operands.push(operand);
            }
            None => groups.push((arg, list, vec![operand])),
        }
    }
    groups.retain(|(_, _, operands)| operands.len() > 1);
    if groups.is_empty() {
        return None;
    }
    let mut kept: Vec<ScalarId> =
        args.iter().copied().filter(|arg| !groups.iter().any(|(_, _, operands)| operands.contains(arg))).collect();
    for (arg, list, _) in groups {
        let found = arena.in_list(arg, list);
        kept.push(if function == Function::Or { found } else { not(arena, found) });
    }
    Some(junction(arena, function, kept))
}

/// What an operand of OR says that a scalar is among, or an operand of AND that it is not among:
/// constants only.
fn listed(arena: &Arena, function: Function, operand: ScalarId) -> Option<(ScalarId, Vec<ScalarId>)> {
    let equality = if function == Function::Or { Function::Eq } else { Function::NotEq };
    match &arena[operand] {
        Scalar::Call { function: own, args, .. } if *own == equality && is_literal(arena, args[1]) => {
            (!is_literal(arena, args[0])).then(|| (args[0], vec![args[1]]))
        }
        Scalar::Call { function: Function::Not, args, .. } if function == Function::And => match &arena[args[0]] {
            Scalar::InList { arg, list } => literals_only(arena, *arg, list),
            _ => None,
        },
        Scalar::InList { arg, list } if function == Function::Or => literals_only(arena, *arg, list),
        _ => None,
    }
}

fn literals_only(arena: &Arena, arg: ScalarId, list: &[ScalarId]) -> Option<(ScalarId, Vec<ScalarId>)> {
    list.iter().all(|&item| is_literal(arena, item)).then(|| (arg, list.to_vec()))
}

/// `a <> 5 OR a IS NULL` is `a IS DISTINCT FROM 5`, in three-valued logic too.
fn recognise_distinct(arena: &mut Arena, args: &[ScalarId]) -> Option<ScalarId> {
    let (differs, value, literal) = args.iter().find_map(|&arg| match &arena[arg] {
        Scalar::Call { function: Function::NotEq, args, .. }
            if is_literal(arena, args[1]) && !is_null_literal(arena, args[1]) =>
        {
            Some((arg, args[0], args[1]))
        }
        _ => None,
    })?;
    let test = is_null(arena, value);
    if !args.contains(&test) || arena.volatility(value) == Volatility::Volatile {
        return None;
    }
    let mut kept: Vec<ScalarId> = args.iter().copied().filter(|&arg| arg != differs && arg != test).collect();
    kept.push(arena.comparison(Function::IsDistinct, value, literal));
    Some(arena.or(kept))
}
