//! What follows from conditions: equal scalars, columns without NULLs, bounds.

use isomer_ir::{ColumnId, Function, Literal, Scalar, ScalarId};
use rustc_hash::FxHashMap;

use super::Prover;
use crate::facts::{Facts, is_nullable, null_rejected_columns};
use crate::simplify::is_false;

/// Rounds in which equal scalars are replaced by one another; more only lose proofs.
const MAX_ROUNDS: usize = 4;

/// The consequences of a conjunction.
#[derive(Debug)]
pub(crate) struct Closure {
    /// Scalars that are equal, NULLs included; the first is the one written for all.
    pub(crate) classes: Vec<Vec<ScalarId>>,
    representatives: FxHashMap<ScalarId, ScalarId>,
    /// What is left beside the equalities, by representatives.
    pub(crate) conds: Vec<ScalarId>,
    /// Predicates that are known, with their value.
    truths: FxHashMap<ScalarId, ScalarId>,
    facts: Facts,
    pub(crate) is_contradiction: bool,
}

impl Prover<'_> {
    /// The consequences of `conds`.
    pub(crate) fn closure(&mut self, conds: &[ScalarId]) -> Closure {
        let mut facts = Facts::of_not_null(self.not_null.iter().copied());
        for &cond in conds {
            facts.not_null.extend(null_rejected_columns(&self.context.arena, cond));
        }
        facts.not_null.sort_unstable();
        facts.not_null.dedup();
        let mut closure = Closure {
            classes: Vec::new(),
            representatives: FxHashMap::default(),
            conds: Vec::new(),
            truths: FxHashMap::default(),
            facts,
            is_contradiction: false,
        };
        let mut open: Vec<ScalarId> = conds.to_vec();
        for _ in 0..MAX_ROUNDS {
            let simple: Vec<ScalarId> = open.iter().map(|&cond| self.replaced(&closure, cond, false)).collect();
            let held = self.holds(&simple);
            if is_false(&self.context.arena, &held) {
                closure.is_contradiction = true;
                return closure;
            }
            let mut rest = Vec::new();
            let mut has_new = false;
            for cond in held {
                match self.equated(cond) {
                    Some((left, right)) => has_new |= self.unite(&mut closure, left, right),
                    None => rest.push(cond),
                }
            }
            has_new |= self.unite_congruent(&mut closure);
            open = rest;
            if closure.is_contradiction || !has_new {
                break;
            }
        }
        let truth = self.context.arena.boolean(true);
        for &cond in &open {
            let _ = closure.truths.insert(cond, truth);
        }
        closure.conds = open;
        closure
    }

    /// Two scalars that a conjunct makes one value.
    fn equated(&mut self, cond: ScalarId) -> Option<(ScalarId, ScalarId)> {
        let arena = &mut self.context.arena;
        match arena[cond].clone() {
            Scalar::Call { function: Function::Eq | Function::IsNotDistinct, args, .. } => {
                let [left, mut right] = *args.as_slice() else { return None };
                let (a, mut b) = (arena.type_of(left), arena.type_of(right));
                if let Scalar::Literal(Literal::Int(value, _)) = arena[right]
                    && a.is_integer()
                {
                    right = arena.literal(Literal::Int(value, a));
                    b = a;
                }
                let is_exact = a == b && !a.is_float() && a != isomer_ir::DataType::Unknown;
                is_exact.then_some((left, right))
            }
            Scalar::Call { function: Function::IsNull, args, .. } => {
                let null = Literal::Null(arena.type_of(args[0]));
                Some((args[0], arena.literal(null)))
            }
            Scalar::Column(_) => Some((cond, arena.boolean(true))),
            Scalar::Call { function: Function::Not, args, .. } if matches!(arena[args[0]], Scalar::Column(_)) => {
                Some((args[0], arena.boolean(false)))
            }
            _ => None,
        }
    }

    /// Members of classes are also what they are when their operands are replaced.
    fn unite_congruent(&mut self, closure: &mut Closure) -> bool {
        let mut has_new = false;
        let members: Vec<ScalarId> = closure.classes.iter().flatten().copied().collect();
        for member in members {
            let inner = self.context.arena.substitute(member, &mut |_, scalar| {
                if scalar == member { None } else { closure.representatives.get(&scalar).copied() }
            });
            let inner = self.simplified(inner);
            if inner != member {
                has_new |= self.unite(closure, member, inner);
            }
        }
        has_new
    }

    fn unite(&mut self, closure: &mut Closure, left: ScalarId, right: ScalarId) -> bool {
        if left == right {
            return false;
        }
        let place = |closure: &Closure, scalar| closure.classes.iter().position(|class| class.contains(&scalar));
        let class = match (place(closure, left), place(closure, right)) {
            (Some(a), Some(b)) if a == b => return false,
            (Some(a), Some(b)) => {
                let merged = closure.classes.remove(a.max(b));
                closure.classes[a.min(b)].extend(merged);
                a.min(b)
            }
            (Some(a), None) => {
                closure.classes[a].push(right);
                a
            }
            (None, Some(b)) => {
                closure.classes[b].push(left);
                b
            }
            (None, None) => {
                closure.classes.push(vec![left, right]);
                closure.classes.len() - 1
            }
        };
        let arena = &self.context.arena;
        let class = &mut closure.classes[class];
        let is_literal = |scalar: ScalarId| matches!(arena[scalar], Scalar::Literal(_));
        class.sort_by_key(|&scalar| (!is_literal(scalar), arena.tree_size(scalar), scalar));
        class.dedup();
        closure.is_contradiction |= class.len() > 1 && is_literal(class[1]);
        for &member in &class[1..] {
            closure.representatives.insert(member, class[0]);
        }
        let _ = closure.representatives.remove(&class[0]);
        true
    }

    /// A scalar by representatives, known predicates by their values, simplified.
    pub(crate) fn canonical(&mut self, closure: &Closure, scalar: ScalarId) -> ScalarId {
        self.replaced(closure, scalar, true)
    }

    fn replaced(&mut self, closure: &Closure, scalar: ScalarId, with_truths: bool) -> ScalarId {
        let mut current = scalar;
        for _ in 0..MAX_ROUNDS {
            let replaced = self.context.arena.substitute(current, &mut |arena, scalar| {
                if let Some(&representative) = closure.representatives.get(&scalar) {
                    return Some(representative);
                }
                if let (true, Some(&truth)) = (with_truths, closure.truths.get(&scalar)) {
                    return Some(truth);
                }
                let Scalar::Call { function, args, .. } = &arena[scalar] else { return None };
                let (function, args) = (*function, args.clone());
                let is_total = |scalar: ScalarId| !is_nullable(arena, scalar, &closure.facts);
                match (function, args.as_slice()) {
                    (Function::IsNull, &[arg]) if is_total(arg) => Some(arena.boolean(false)),
                    (Function::IsTrue, &[arg]) if is_total(arg) => Some(arg),
                    (Function::IsFalse, &[arg]) if is_total(arg) => Some(arena.predicate(Function::Not, [arg])),
                    (Function::Coalesce, &[first, ..]) if is_total(first) => Some(first),
                    (Function::IsDistinct, &[a, b]) if is_total(a) && is_total(b) => {
                        Some(arena.comparison(Function::NotEq, a, b))
                    }
                    (Function::IsNotDistinct, &[a, b]) if is_total(a) && is_total(b) => {
                        Some(arena.comparison(Function::Eq, a, b))
                    }
                    (Function::Eq | Function::LtEq | Function::GtEq | Function::IsNotDistinct, &[a, b])
                        if a == b && is_total(a) && !arena.type_of(a).is_float() =>
                    {
                        Some(arena.boolean(true))
                    }
                    (Function::NotEq | Function::Lt | Function::Gt | Function::IsDistinct, &[a, b])
                        if a == b && is_total(a) && !arena.type_of(a).is_float() =>
                    {
                        Some(arena.boolean(false))
                    }
                    _ => None,
                }
            });
            let next = self.simplified(replaced);
            if next == current {
                break;
            }
            current = next;
        }
        current
    }

    /// A scalar as [`Prover::canonical`] gives it, without what changes a type and no value.
    pub(crate) fn value(&mut self, closure: &Closure, scalar: ScalarId) -> ScalarId {
        let mut bare = self.canonical(closure, scalar);
        while let Scalar::Cast { arg, to, .. } = self.context.arena[bare]
            && to.is_integer()
            && isomer_ir::is_widening(self.context.arena.type_of(arg), to)
        {
            bare = arg;
        }
        match self.context.arena[bare] {
            Scalar::Literal(Literal::Int(value, _)) => {
                self.context.arena.literal(Literal::Int(value, isomer_ir::DataType::Int64))
            }
            Scalar::Literal(Literal::Null(_)) => {
                self.context.arena.literal(Literal::Null(isomer_ir::DataType::Unknown))
            }
            _ => bare,
        }
    }

    /// Whether a scalar may be NULL where the closure's conditions hold.
    pub(crate) fn is_nullable(&self, closure: &Closure, scalar: ScalarId) -> bool {
        is_nullable(&self.context.arena, scalar, &closure.facts)
    }

    /// Whether a column may be NULL where the closure's conditions hold.
    pub(crate) fn is_column_nullable(closure: &Closure, column: ColumnId) -> bool {
        !closure.facts.is_not_null(column)
    }

    /// Whether `goal` is true wherever the closure's conditions are.
    pub(crate) fn implies(&mut self, closure: &Closure, goal: ScalarId) -> bool {
        if closure.is_contradiction {
            return true;
        }
        let canonical = self.canonical(closure, goal);
        let held = self.holds(&[canonical]);
        held.into_iter().all(|conjunct| self.implies_conjunct(closure, conjunct))
    }

    fn implies_conjunct(&mut self, closure: &Closure, goal: ScalarId) -> bool {
        let goal = self.canonical(closure, goal);
        let arena = &self.context.arena;
        match arena[goal].clone() {
            Scalar::Literal(Literal::Boolean(is_true)) => is_true,
            Scalar::Call { function: Function::Or, args, .. } => {
                closure.conds.contains(&goal) || args.iter().any(|&arg| self.implies(closure, arg))
            }
            Scalar::Call { function, args, .. } => {
                if closure.conds.contains(&goal) {
                    return true;
                }
                let ([left, right], Some(negated)) = (args.as_slice(), function.negated()) else { return false };
                if self.is_nullable(closure, *left) || self.is_nullable(closure, *right) {
                    return false;
                }
                let negated = self.context.arena.comparison(negated, *left, *right);
                let mut conds = closure.conds.clone();
                conds.push(negated);
                let held = self.holds(&conds);
                is_false(&self.context.arena, &held)
            }
            _ => closure.conds.contains(&goal),
        }
    }
}
