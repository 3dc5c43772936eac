//! Filters and join conditions: lists of conjuncts of which only TRUE counts.

use isomer_ir::{Arena, Function, Literal, Scalar, ScalarId, Volatility};

use super::domain::{Domain, domain_of};
use super::literals::{is_null_literal, literal_of};
use super::{Simplifier, Switches, boolean, contexts, is_null, not};
use crate::templates::ScalarTemplates;

/// Rounds until nothing changes: each takes something away or fixes a value, so few are needed.
const MAX_ROUNDS: usize = 6;

impl Simplifier {
    /// Conjuncts that are true on exactly the rows on which all of `predicates` are; `[FALSE]` when
    /// they contradict each other, none when they always hold.
    pub(crate) fn holds(
        &mut self,
        arena: &mut Arena,
        predicates: &[ScalarId],
        switches: &mut Switches,
        templates: &ScalarTemplates,
    ) -> Vec<ScalarId> {
        let mut conjuncts = predicates.to_vec();
        if self.settled.contains(&conjuncts) {
            return conjuncts;
        }
        let mut is_settled = false;
        for _ in 0..MAX_ROUNDS {
            let before = conjuncts.clone();
            let n_fired = switches.n_fired();
            conjuncts = self.held(arena, &conjuncts, switches, templates);
            conjuncts = merge_domains(arena, Function::And, &conjuncts, switches);
            conjuncts = contexts::apply(arena, conjuncts, switches);
            conjuncts = sorted(arena, conjuncts);
            if conjuncts == before {
                is_settled = switches.n_fired() == n_fired;
                break;
            }
        }
        let is_true = |arena: &Arena, id: ScalarId| arena[id] == Scalar::Literal(Literal::Boolean(true));
        if conjuncts.iter().any(|&id| is_true(arena, id)) {
            is_settled = false;
            switches.fire("eliminate-true-filter");
            if switches.is_on("eliminate-true-filter") {
                conjuncts.retain(|&id| !is_true(arena, id));
            }
        }
        if is_false(arena, &conjuncts) && switches.is_on("eliminate-false-filter") {
            switches.fire("eliminate-false-filter");
            return vec![arena.boolean(false)];
        }
        if is_settled {
            self.settled.insert(conjuncts.clone());
        }
        conjuncts
    }

    /// Each predicate in its normal form, NULL as good as FALSE, taken apart into conjuncts.
    fn held(
        &mut self,
        arena: &mut Arena,
        predicates: &[ScalarId],
        switches: &mut Switches,
        templates: &ScalarTemplates,
    ) -> Vec<ScalarId> {
        let mut conjuncts = Vec::new();
        for &predicate in predicates {
            let simple = self.scalar(arena, predicate, switches, templates);
            let held = holds_step(arena, simple, switches);
            let held = templates.rewrite_holds(arena, held, switches);
            let held = if held == simple { held } else { self.scalar(arena, held, switches, templates) };
            conjuncts.extend(arena.conjuncts(held));
        }
        conjuncts.sort_unstable();
        conjuncts.dedup();
        conjuncts
    }
}

/// Whether the predicate list is the one that never holds.
pub(crate) fn is_false(arena: &Arena, holds: &[ScalarId]) -> bool {
    holds.iter().any(|&id| arena[id] == Scalar::Literal(Literal::Boolean(false)))
}

/// Conjuncts, flat, sorted and each once.
fn sorted(arena: &Arena, conjuncts: Vec<ScalarId>) -> Vec<ScalarId> {
    let mut flat: Vec<ScalarId> = conjuncts.into_iter().flat_map(|id| arena.conjuncts(id)).collect();
    flat.sort_unstable();
    flat.dedup();
    flat
}

/// Simplifications that hold only where NULL is as good as FALSE.
fn holds_step(arena: &mut Arena, id: ScalarId, switches: &mut Switches) -> ScalarId {
    match arena[id].clone() {
        Scalar::Literal(Literal::Null(_)) if switches.is_on("simplify-null") => {
            switches.fire("simplify-null");
            arena.boolean(false)
        }
        Scalar::Call { function: function @ (Function::And | Function::Or), args, .. } => {
            let held: Vec<ScalarId> = args.iter().map(|&arg| holds_step(arena, arg, switches)).collect();
            let merged = merge_domains(arena, function, &held, switches);
            boolean::junction(arena, function, merged)
        }
        Scalar::Call { function: Function::IsTrue, args, .. } if switches.is_on("simplify-boolean") => {
            switches.fire("simplify-boolean");
            holds_step(arena, args[0], switches)
        }
        Scalar::Call { function: Function::IsFalse, args, .. } if switches.is_on("simplify-boolean") => {
            switches.fire("simplify-boolean");
            not(arena, args[0])
        }
        Scalar::Call { function, args, .. } if args.len() == 2 => {
            compared(arena, function, args[0], args[1], switches).unwrap_or(id)
        }
        Scalar::Case { branches, otherwise, .. } if switches.is_on("convert-case-to-predicate") => {
            match unless(arena, &branches, otherwise) {
                Some(held) => {
                    switches.fire("convert-case-to-predicate");
                    held
                }
                None => id,
            }
        }
        Scalar::Call { function: Function::Not, args, .. } => match arena[args[0]].clone() {
            Scalar::InList { list, .. }
                if list.iter().any(|&item| is_null_literal(arena, item)) && switches.is_on("simplify-in-list") =>
            {
                switches.fire("simplify-in-list");
                arena.boolean(false)
            }
            _ => id,
        },
        Scalar::InList { arg, list } if switches.is_on("simplify-in-list") => {
            let kept: Vec<ScalarId> = list.iter().copied().filter(|&item| !is_null_literal(arena, item)).collect();
            if kept.len() == list.len() || kept.is_empty() {
                return id;
            }
            switches.fire("simplify-in-list");
            arena.in_list(arg, kept)
        }
        Scalar::Column(_)
        | Scalar::Outer(_)
        | Scalar::Literal(_)
        | Scalar::Call { .. }
        | Scalar::Case { .. }
        | Scalar::Cast { .. }
        | Scalar::InList { .. }
        | Scalar::Hole(_) => id,
    }
}

/// A comparison of a value with itself, and a null-safe one with a constant.
fn compared(
    arena: &mut Arena,
    function: Function,
    left: ScalarId,
    right: ScalarId,
    switches: &mut Switches,
) -> Option<ScalarId> {
    if left == right && switches.is_on("simplify-comparison") && arena.volatility(left) == Volatility::Immutable {
        let next = match function {
            Function::Eq | Function::LtEq | Function::GtEq => {
                let test = is_null(arena, left);
                not(arena, test)
            }
            Function::NotEq | Function::Lt | Function::Gt => arena.boolean(false),
            _ => return None,
        };
        switches.fire("simplify-comparison");
        return Some(next);
    }
    if function == Function::IsNotDistinct
        && literal_of(arena, right).is_some_and(|literal| !literal.is_null())
        && switches.is_on("simplify-distinct-from")
    {
        switches.fire("simplify-distinct-from");
        return Some(arena.comparison(Function::Eq, left, right));
    }
    // Any text that is not NULL is like `%`.
    if function == Function::Like
        && matches!(literal_of(arena, right), Some(Literal::Text(pattern)) if &**pattern == "%")
        && switches.is_on("simplify-like")
    {
        switches.fire("simplify-like");
        let test = is_null(arena, left);
        return Some(not(arena, test));
    }
    None
}

/// `CASE WHEN p THEN NULL ELSE q END` holds where `p` does not and `q` does.
fn unless(arena: &mut Arena, branches: &[(ScalarId, ScalarId)], otherwise: ScalarId) -> Option<ScalarId> {
    let (&(when, then), rest) = branches.split_first()?;
    let rest = if rest.is_empty() {
        otherwise
    } else {
        arena.scalar(Scalar::Case { branches: rest.to_vec(), otherwise, data_type: isomer_ir::DataType::Boolean })
    };
    let holds = arena.predicate(Function::IsTrue, [when]);
    if is_null_literal(arena, then) && !arena.can_raise(rest) {
        let fails = not(arena, holds);
        return Some(arena.and([fails, rest]));
    }
    (is_null_literal(arena, rest) && !arena.can_raise(then)).then(|| arena.and([holds, then]))
}

/// Tests of one scalar against constants: the scalar, the cut or union of what they let through, and those
/// that are in it.
fn grouped(
    arena: &mut Arena,
    function: Function,
    operands: impl IntoIterator<Item = ScalarId>,
) -> Vec<(ScalarId, Domain, Vec<ScalarId>)> {
    let mut groups: Vec<(ScalarId, Domain, Vec<ScalarId>)> = Vec::new();
    for operand in operands {
        let Some((value, domain)) = domain_of(arena, operand) else { continue };
        match groups.iter_mut().find(|(known, _, _)| *known == value) {
            None => groups.push((value, domain, vec![operand])),
            Some((_, so_far, members)) => {
                let merged = if function == Function::And { so_far.and(&domain) } else { so_far.or(&domain) };
                if let Some(merged) = merged {
                    *so_far = merged;
                    members.push(operand);
                }
            }
        }
    }
    groups
}

/// Tests of one scalar against constants, taken together: the cut of all conjuncts, or what any of the
/// disjuncts lets through, in its one form.
fn merge_domains(
    arena: &mut Arena,
    function: Function,
    operands: &[ScalarId],
    switches: &mut Switches,
) -> Vec<ScalarId> {
    if !switches.is_on("merge-comparisons") {
        return operands.to_vec();
    }
    let groups = grouped(arena, function, operands.iter().copied());
    let mut merged = operands.to_vec();
    for (value, domain, members) in groups {
        let written = domain.written(arena, value);
        let parts = if function == Function::And {
            arena.conjuncts(written)
        } else {
            match &arena[written] {
                Scalar::Call { function: Function::Or, args, .. } => args.to_vec(),
                _ => vec![written],
            }
        };
        let is_same = parts.len() == members.len() && parts.iter().all(|part| members.contains(part));
        if !is_same {
            switches.fire("merge-comparisons");
            merged.retain(|operand| !members.contains(operand));
            merged.extend(parts);
        }
    }
    merged
}

/// The same among truth values that are never NULL, such as `IS TRUE` and `IS NULL`, where TRUE is all
/// that there is to tell also outside of filters.
pub(super) fn merge_tests(arena: &mut Arena, function: Function, operands: &[ScalarId]) -> Option<ScalarId> {
    let is_test = |operand: &ScalarId| match &arena[*operand] {
        Scalar::Call { function: Function::IsNull | Function::IsTrue, .. } => true,
        Scalar::Call { function: Function::Not, args, .. } => {
            matches!(&arena[args[0]], Scalar::Call { function: Function::IsNull | Function::IsTrue, .. })
        }
        _ => false,
    };
    let tests: Vec<ScalarId> = operands.iter().copied().filter(is_test).collect();
    let groups = grouped(arena, function, tests);
    let (value, domain, members) = groups.into_iter().find(|(_, _, members)| members.len() > 1)?;
    let written = domain.written(arena, value);
    let mut kept: Vec<ScalarId> = operands.iter().copied().filter(|operand| !members.contains(operand)).collect();
    kept.push(arena.predicate(Function::IsTrue, [written]));
    Some(boolean::junction(arena, function, kept))
}
