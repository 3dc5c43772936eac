//! CASE: dead branches, nested CASE, and the shapes that are COALESCE, NULLIF or a plain predicate.

use isomer_ir::{Arena, Args, DataType, Function, Literal, Scalar, ScalarId, Volatility};

use super::fold::fold;
use super::literals::{boolean_of, is_literal, is_null_literal, literal_of};
use super::{Switches, is_null, not, null_of};

type Branches = Vec<(ScalarId, ScalarId)>;

/// Branches that are looked at pairwise; longer lists are left alone.
const LONGEST: usize = 64;

pub(super) fn step(
    arena: &mut Arena,
    branches: &Branches,
    otherwise: ScalarId,
    data_type: DataType,
    switches: &mut Switches,
) -> Option<ScalarId> {
    if switches.is_on("simplify-case") {
        let next = split_or_branches(arena, branches)
            .map(|split| arena.scalar(Scalar::Case { branches: split, otherwise, data_type }))
            .or_else(|| without_decided(arena, branches, otherwise, data_type))
            .or_else(|| without_dead(arena, branches, otherwise, data_type));
        if let Some(next) = next {
            switches.fire("simplify-case");
            return Some(next);
        }
    }
    if switches.is_on("merge-cases")
        && let Some(next) = flattened(arena, branches, otherwise, data_type)
    {
        switches.fire("merge-cases");
        return Some(next);
    }
    if switches.is_on("convert-case-to-coalesce")
        && let Some(next) = coalesce(arena, branches, otherwise, data_type)
    {
        switches.fire("convert-case-to-coalesce");
        return Some(next);
    }
    if switches.is_on("convert-case-to-nullif")
        && let Some(next) = nullif(arena, branches, otherwise, data_type)
    {
        switches.fire("convert-case-to-nullif");
        return Some(next);
    }
    if switches.is_on("convert-case-to-predicate")
        && let Some(next) = predicate(arena, branches, otherwise, data_type)
    {
        switches.fire("convert-case-to-predicate");
        return Some(next);
    }
    None
}

/// Without branches that never hold and what stands behind one that always does.
fn without_decided(
    arena: &mut Arena,
    branches: &Branches,
    otherwise: ScalarId,
    data_type: DataType,
) -> Option<ScalarId> {
    let mut kept = Vec::with_capacity(branches.len());
    let mut final_value = otherwise;
    for &(when, then) in branches {
        match literal_of(arena, when) {
            Some(Literal::Boolean(true)) => {
                final_value = then;
                break;
            }
            Some(Literal::Boolean(false) | Literal::Null(_)) => {}
            _ => kept.push((when, then)),
        }
    }
    if kept.len() == branches.len() {
        return None;
    }
    if kept.is_empty() {
        return Some(arena.cast(final_value, data_type));
    }
    Some(arena.scalar(Scalar::Case { branches: kept, otherwise: final_value, data_type }))
}

/// Without branches on a condition that an earlier branch has, last branches that give what ELSE gives,
/// and branches of a branch's own condition within its value.
fn without_dead(arena: &mut Arena, branches: &Branches, otherwise: ScalarId, data_type: DataType) -> Option<ScalarId> {
    let is_fixed = |arena: &Arena, id: ScalarId| arena.volatility(id) != Volatility::Volatile;
    if branches.len() > LONGEST {
        return None;
    }
    let mut kept: Branches = Vec::with_capacity(branches.len());
    for &(when, then) in branches {
        if !kept.iter().any(|&(known, _)| known == when) || !is_fixed(arena, when) {
            let then = under(arena, then, when);
            kept.push((when, then));
        }
    }
    // An error in a condition would be gone with it.
    while let Some(&(when, then)) = kept.last() {
        if then != otherwise || !is_fixed(arena, when) || !is_fixed(arena, then) || arena.can_raise(when) {
            break;
        }
        kept.pop();
    }
    if kept == *branches {
        return None;
    }
    if kept.is_empty() {
        return Some(arena.cast(otherwise, data_type));
    }
    Some(arena.scalar(Scalar::Case { branches: kept, otherwise, data_type }))
}

/// The value of a branch on the rows of its condition: a CASE on the same condition is decided.
fn under(arena: &Arena, value: ScalarId, when: ScalarId) -> ScalarId {
    match &arena[value] {
        Scalar::Case { branches, data_type, .. }
            if branches[0].0 == when
                && arena.type_of(branches[0].1) == *data_type
                && arena.volatility(when) != Volatility::Volatile =>
        {
            branches[0].1
        }
        _ => value,
    }
}

/// `WHEN a OR b THEN v` as `WHEN a THEN v WHEN b THEN v`. Operands that cannot raise come first: no
/// operand is evaluated that the disjunction might have left out.
fn split_or_branches(arena: &Arena, branches: &Branches) -> Option<Branches> {
    const WIDEST: usize = 16;
    let mut split = Vec::with_capacity(branches.len());
    let mut has_split = false;
    for &(when, then) in branches {
        match &arena[when] {
            Scalar::Call { function: Function::Or, args, .. } if args.len() <= WIDEST => {
                let mut operands = args.to_vec();
                operands.sort_by_key(|&operand| (arena.can_raise(operand), operand));
                split.extend(operands.into_iter().map(|operand| (operand, then)));
                has_split = true;
            }
            _ => split.push((when, then)),
        }
    }
    has_split.then_some(split)
}

/// A CASE in ELSE is more branches.
fn flattened(arena: &mut Arena, branches: &Branches, otherwise: ScalarId, data_type: DataType) -> Option<ScalarId> {
    match arena[otherwise].clone() {
        Scalar::Case { branches: inner, otherwise: last, data_type: own } if own == data_type => {
            let branches = branches.iter().copied().chain(inner).collect();
            Some(arena.scalar(Scalar::Case { branches, otherwise: last, data_type }))
        }
        _ => None,
    }
}

/// `CASE WHEN x IS NULL THEN y ELSE x END` and `CASE WHEN x IS NOT NULL THEN x ELSE y END`.
fn coalesce(arena: &mut Arena, branches: &Branches, otherwise: ScalarId, data_type: DataType) -> Option<ScalarId> {
    let &[(when, then)] = branches.as_slice() else { return None };
    let tested = |arena: &Arena, test: ScalarId| match &arena[test] {
        Scalar::Call { function: Function::IsNull, args, .. } => args.first().copied(),
        _ => None,
    };
    let (value, other) = match &arena[when] {
        Scalar::Call { function: Function::Not, args, .. } if tested(arena, args[0]) == Some(then) => (then, otherwise),
        _ if tested(arena, when) == Some(otherwise) => (otherwise, then),
        _ => return None,
    };
    let is_fixed = arena.volatility(value) != Volatility::Volatile;
    is_fixed.then(|| arena.call(Function::Coalesce, [value, other], data_type))
}

/// `CASE WHEN a = b THEN NULL ELSE a END`.
fn nullif(arena: &mut Arena, branches: &Branches, otherwise: ScalarId, data_type: DataType) -> Option<ScalarId> {
    let &[(when, then)] = branches.as_slice() else { return None };
    let Scalar::Call { function: Function::Eq, args, .. } = arena[when].clone() else { return None };
    let other = match *args.as_slice() {
        [a, b] if a == otherwise => b,
        [a, b] if b == otherwise => a,
        _ => return None,
    };
    let is_sound = is_null_literal(arena, then)
        && arena.type_of(otherwise) == data_type
        && arena.type_of(other) == data_type
        && arena.volatility(otherwise) != Volatility::Volatile;
    is_sound.then(|| arena.call(Function::NullIf, [otherwise, other], data_type))
}

/// A CASE of truth values as a predicate. The condition counts as false where it is NULL, so it is
/// asked whether it IS TRUE; what CASE would not have evaluated must not be able to fail.
fn predicate(arena: &mut Arena, branches: &Branches, otherwise: ScalarId, data_type: DataType) -> Option<ScalarId> {
    let (&(when, then), rest) = branches.split_first()?;
    if data_type != DataType::Boolean {
        return None;
    }
    let rest = if rest.is_empty() {
        otherwise
    } else {
        arena.scalar(Scalar::Case { branches: rest.to_vec(), otherwise, data_type })
    };
    if arena.can_raise(then) || arena.can_raise(rest) || arena.type_of(rest) != DataType::Boolean {
        return None;
    }
    let holds = arena.predicate(Function::IsTrue, [when]);
    Some(match (boolean_of(arena, then), boolean_of(arena, rest)) {
        (Some(true), _) => arena.or([holds, rest]),
        (_, Some(false)) => arena.and([holds, then]),
        (Some(false), _) => {
            let fails = not(arena, holds);
            arena.and([fails, rest])
        }
        (_, Some(true)) => {
            let fails = not(arena, holds);
            arena.or([fails, then])
        }
        _ => return None,
    })
}

/// A function of a CASE of constants is a CASE of its values: `CASE … THEN 1 ELSE 2 END = 1`.
pub(super) fn push_into(
    arena: &mut Arena,
    function: Function,
    args: &[ScalarId],
    data_type: DataType,
    switches: &mut Switches,
) -> Option<ScalarId> {
    let is_case = |id: ScalarId, arena: &Arena| matches!(arena[id], Scalar::Case { .. });
    let position = args.iter().position(|&arg| is_case(arg, arena))?;
    let is_rest_constant = args.iter().enumerate().all(|(at, &arg)| at == position || is_literal(arena, arg));
    if !is_rest_constant || function.volatility() != Volatility::Immutable || !switches.is_on("push-function-into-case")
    {
        return None;
    }
    let Scalar::Case { branches, otherwise, .. } = arena[args[position]].clone() else { return None };
    let apply = |value: ScalarId, arena: &mut Arena| -> Option<ScalarId> {
        let with: Args = args.iter().enumerate().map(|(at, &arg)| if at == position { value } else { arg }).collect();
        if function == Function::IsNull {
            return Some(match literal_of(arena, value) {
                Some(literal) => {
                    let is_null = literal.is_null();
                    arena.boolean(is_null)
                }
                None => is_null(arena, value),
            });
        }
        if function.is_strict() && with.iter().any(|&arg| is_null_literal(arena, arg)) {
            return Some(null_of(arena, data_type));
        }
        if function == Function::Not
            && let Some(value) = boolean_of(arena, value)
        {
            return Some(arena.boolean(!value));
        }
        if let (Function::IsTrue | Function::IsFalse, Some(literal)) = (function, literal_of(arena, value)) {
            let holds = *literal == Literal::Boolean(function == Function::IsTrue);
            return Some(arena.boolean(holds));
        }
        fold(arena, function, &with, data_type).map(|literal| arena.literal(literal))
    };
    let has_constant = branches.iter().map(|(_, then)| *then).chain([otherwise]).any(|value| is_literal(arena, value));
    if !has_constant {
        return None;
    }
    let mut pushed = Vec::with_capacity(branches.len());
    for (when, then) in branches {
        pushed.push((when, apply(then, arena)?));
    }
    let otherwise = apply(otherwise, arena)?;
    switches.fire("push-function-into-case");
    Some(arena.scalar(Scalar::Case { branches: pushed, otherwise, data_type }))
}
