//! The scalar simplifier: directed, terminating, bottom-up; no saturation of scalars.
//!
//! `scalar` keeps three-valued equality; `holds` may also turn NULL into FALSE and is used for
//! filters and join conditions only.

use std::collections::BTreeMap;
use std::sync::Arc;

use isomer_ir::{Arena, ColumnId, DataType, Function, Literal, Scalar, ScalarId, Volatility, plus_months};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::templates::ScalarTemplates;

/// Which rules may fire, and which did.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    disabled: FxHashSet<Arc<str>>,
    fired: BTreeMap<Arc<str>, usize>,
}

impl Switches {
    pub(crate) fn new(disabled: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self { disabled: disabled.into_iter().collect(), fired: BTreeMap::new() }
    }

    pub(crate) fn is_on(&self, rule: &str) -> bool {
        !self.disabled.contains(rule)
    }

    /// Counts a firing. What the normal form needs happens also when its rule is off, unnamed.
    pub(crate) fn fire(&mut self, rule: &str) {
        if !self.is_on(rule) {
            return;
        }
        match self.fired.get_mut(rule) {
            Some(count) => *count += 1,
            None => {
                self.fired.insert(Arc::from(rule), 1);
            }
        }
    }

    pub(crate) fn take_fired(&mut self) -> BTreeMap<Arc<str>, usize> {
        std::mem::take(&mut self.fired)
    }
}

/// Simplifies scalars, each distinct one once.
#[derive(Debug, Default)]
pub(crate) struct Simplifier {
    done: FxHashMap<ScalarId, ScalarId>,
}

impl Simplifier {
    /// An equal scalar in three-valued logic.
    pub(crate) fn scalar(
        &mut self,
        arena: &mut Arena,
        root: ScalarId,
        switches: &mut Switches,
        templates: &ScalarTemplates,
    ) -> ScalarId {
        let mut stack = vec![(root, false)];
        while let Some((id, is_expanded)) = stack.pop() {
            if self.done.contains_key(&id) {
                continue;
            }
            if !is_expanded {
                stack.push((id, true));
                stack.extend(arena.operands(id).into_iter().rev().map(|operand| (operand, false)));
                continue;
            }
            let operands: FxHashSet<ScalarId> = arena.operands(id).into_iter().collect();
            let rebuilt = arena.substitute(id, &mut |_, scalar| {
                if scalar != id && operands.contains(&scalar) { self.done.get(&scalar).copied() } else { None }
            });
            let mut current = rebuilt;
            // Each step makes the scalar smaller or moves a negation inwards; the bound is a seat belt.
            for _ in 0..8 {
                let next = step(arena, current, switches);
                let next = if next == current { templates.rewrite_once(arena, current, switches) } else { next };
                if next == current {
                    break;
                }
                current = next;
            }
            self.done.insert(id, current);
        }
        self.done.get(&root).copied().unwrap_or(root)
    }

    /// Conjuncts that are true on exactly the rows on which all of `predicates` are; `[FALSE]` when
    /// they contradict each other, none when they always hold.
    pub(crate) fn holds(
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
            conjuncts.extend(arena.conjuncts(held));
        }
        conjuncts.sort_unstable();
        conjuncts.dedup();
        let is_true = |arena: &Arena, id: ScalarId| arena[id] == Scalar::Literal(Literal::Boolean(true));
        if switches.is_on("eliminate-true-filter") && conjuncts.iter().any(|&id| is_true(arena, id)) {
            switches.fire("eliminate-true-filter");
            conjuncts.retain(|&id| !is_true(arena, id));
        }
        if switches.is_on("eliminate-false-filter") && is_contradiction(arena, &conjuncts) {
            switches.fire("eliminate-false-filter");
            return vec![arena.boolean(false)];
        }
        conjuncts
    }
}

/// Whether the predicate list is the one that never holds.
pub(crate) fn is_false(arena: &Arena, holds: &[ScalarId]) -> bool {
    holds.iter().any(|&id| arena[id] == Scalar::Literal(Literal::Boolean(false)))
}

fn step(arena: &mut Arena, id: ScalarId, switches: &mut Switches) -> ScalarId {
    match arena[id].clone() {
        Scalar::Column(_) | Scalar::Outer(_) | Scalar::Literal(_) | Scalar::Hole(_) => id,
        Scalar::Call { function, args, data_type } => step_call(arena, id, function, &args, data_type, switches),
        Scalar::Case { branches, otherwise, data_type } => {
            step_case(arena, id, branches, otherwise, data_type, switches)
        }
        Scalar::Cast { arg, to, is_try: _ } => {
            if switches.is_on("simplify-cast") {
                if arena.type_of(arg) == to {
                    switches.fire("simplify-cast");
                    return arg;
                }
                if let Scalar::Literal(literal) = &arena[arg]
                    && let Some(cast) = cast_literal(literal, to)
                {
                    switches.fire("simplify-cast");
                    return arena.literal(cast);
                }
            }
            id
        }
        Scalar::InList { arg, list } => {
            if switches.is_on("simplify-comparison")
                && let [only] = list.as_slice()
            {
                switches.fire("simplify-comparison");
                return arena.predicate(Function::Eq, [arg, *only]);
            }
            id
        }
    }
}

/// Literal casts that cannot fail and mean the same in every dialect.
fn cast_literal(literal: &Literal, to: DataType) -> Option<Literal> {
    match (literal, to) {
        (Literal::Null(_), _) => Some(Literal::Null(to)),
        (Literal::Int(value, from), _) if to.is_integer() && isomer_ir::is_widening(*from, to) => {
            Some(Literal::Int(*value, to))
        }
        (Literal::Date(days), DataType::Timestamp) => Some(Literal::Timestamp(i64::from(*days) * 86_400_000_000)),
        _ => None,
    }
}

fn literal_of(arena: &Arena, id: ScalarId) -> Option<&Literal> {
    match &arena[id] {
        Scalar::Literal(literal) => Some(literal),
        Scalar::Column(_)
        | Scalar::Outer(_)
        | Scalar::Call { .. }
        | Scalar::Case { .. }
        | Scalar::Cast { .. }
        | Scalar::InList { .. }
        | Scalar::Hole(_) => None,
    }
}

fn boolean_of(arena: &Arena, id: ScalarId) -> Option<bool> {
    match literal_of(arena, id) {
        Some(Literal::Boolean(value)) => Some(*value),
        _ => None,
    }
}

fn step_call(
    arena: &mut Arena,
    id: ScalarId,
    function: Function,
    args: &[ScalarId],
    data_type: DataType,
    switches: &mut Switches,
) -> ScalarId {
    if switches.is_on("simplify-null")
        && function.is_strict()
        && function.volatility() == Volatility::Immutable
        && args.iter().any(|&arg| literal_of(arena, arg).is_some_and(Literal::is_null))
    {
        switches.fire("simplify-null");
        return arena.literal(Literal::Null(data_type));
    }
    match function {
        Function::And | Function::Or => step_junction(arena, id, function, args, switches),
        Function::Not => step_not(arena, id, args, switches),
        Function::IsNull if switches.is_on("simplify-null") => {
            match args.first().and_then(|&arg| literal_of(arena, arg)) {
                Some(literal) => {
                    let value = literal.is_null();
                    switches.fire("simplify-null");
                    arena.boolean(value)
                }
                None => id,
            }
        }
        Function::IsTrue | Function::IsFalse if switches.is_on("simplify-boolean") => {
            match args.first().and_then(|&arg| literal_of(arena, arg)) {
                Some(literal) => {
                    let value = *literal == Literal::Boolean(function == Function::IsTrue);
                    switches.fire("simplify-boolean");
                    arena.boolean(value)
                }
                None => id,
            }
        }
        Function::Coalesce if switches.is_on("simplify-null") => step_coalesce(arena, id, args, data_type, switches),
        _ => {
            if switches.is_on("fold-constants")
                && let Some(folded) = fold(arena, function, args, data_type)
            {
                switches.fire("fold-constants");
                return arena.literal(folded);
            }
            match args {
                &[left, right] if function.flipped().is_some() => arena.comparison(function, left, right),
                _ => id,
            }
        }
    }
}

fn step_coalesce(
    arena: &mut Arena,
    id: ScalarId,
    args: &[ScalarId],
    data_type: DataType,
    switches: &mut Switches,
) -> ScalarId {
    let mut kept = Vec::new();
    for &arg in args {
        match literal_of(arena, arg) {
            Some(literal) if literal.is_null() => {}
            Some(_) => {
                kept.push(arg);
                break;
            }
            None => kept.push(arg),
        }
    }
    if kept.len() == args.len() && args.len() > 1 {
        return id;
    }
    switches.fire("simplify-null");
    match kept.as_slice() {
        [] => arena.literal(Literal::Null(data_type)),
        [one] => arena.cast(*one, data_type),
        _ => arena.call(Function::Coalesce, kept, data_type),
    }
}

fn step_not(arena: &mut Arena, id: ScalarId, args: &[ScalarId], switches: &mut Switches) -> ScalarId {
    let Some(&arg) = args.first() else { return id };
    if !switches.is_on("simplify-boolean") {
        return id;
    }
    match arena[arg].clone() {
        Scalar::Literal(Literal::Boolean(value)) => {
            switches.fire("simplify-boolean");
            arena.boolean(!value)
        }
        Scalar::Call { function: Function::Not, args, .. } => {
            switches.fire("simplify-boolean");
            args.first().copied().unwrap_or(id)
        }
        Scalar::Call { function: function @ (Function::And | Function::Or), args, .. } => {
            switches.fire("simplify-boolean");
            let negated: Vec<ScalarId> = args.iter().map(|&arg| arena.predicate(Function::Not, [arg])).collect();
            let negated: Vec<ScalarId> = negated.into_iter().map(|arg| step(arena, arg, switches)).collect();
            if function == Function::And { arena.or(negated) } else { arena.and(negated) }
        }
        Scalar::Call { function, args, .. } => match function.negated() {
            Some(negated) => {
                switches.fire("simplify-boolean");
                compare(arena, negated, args[0], args[1])
            }
            None => id,
        },
        Scalar::Column(_)
        | Scalar::Outer(_)
        | Scalar::Literal(_)
        | Scalar::Case { .. }
        | Scalar::Cast { .. }
        | Scalar::InList { .. }
        | Scalar::Hole(_) => id,
    }
}

/// A comparison in the orientation that the binder uses: a literal stands right; otherwise `>`
/// and `>=` are written as `<` and `<=`, and symmetric comparisons have the smaller id left.
pub(crate) fn compare(arena: &mut Arena, function: Function, left: ScalarId, right: ScalarId) -> ScalarId {
    let is_literal = |arena: &Arena, id: ScalarId| literal_of(arena, id).is_some();
    let flip = match (is_literal(arena, left), is_literal(arena, right)) {
        (true, false) => true,
        (false, true) => false,
        _ => match function {
            Function::Gt | Function::GtEq => true,
            Function::Eq | Function::NotEq | Function::IsDistinct | Function::IsNotDistinct => right < left,
            _ => false,
        },
    };
    match function.flipped() {
        Some(flipped) if flip => arena.predicate(flipped, [right, left]),
        _ => arena.predicate(function, [left, right]),
    }
}

fn step_junction(
    arena: &mut Arena,
    id: ScalarId,
    function: Function,
    args: &[ScalarId],
    switches: &mut Switches,
) -> ScalarId {
    let is_and = function == Function::And;
    if switches.is_on("simplify-boolean") {
        if args.iter().any(|&arg| boolean_of(arena, arg) == Some(!is_and)) {
            switches.fire("simplify-boolean");
            return arena.boolean(!is_and);
        }
        if args.iter().any(|&arg| boolean_of(arena, arg) == Some(is_and)) {
            switches.fire("simplify-boolean");
            let kept: Vec<ScalarId> =
                args.iter().copied().filter(|&arg| boolean_of(arena, arg) != Some(is_and)).collect();
            return if is_and { arena.and(kept) } else { arena.or(kept) };
        }
        if let Some(absorbed) = absorb(arena, function, args) {
            switches.fire("simplify-boolean");
            return absorbed;
        }
    }
    if !is_and
        && switches.is_on("pull-common-conjunct-from-or")
        && let Some(factored) = factor_common(arena, args)
    {
        switches.fire("pull-common-conjunct-from-or");
        return factored;
    }
    id
}

/// `a AND (a OR b)` is `a`; `a OR (a AND b)` is `a`. Equal in three-valued logic.
/// Bounded: long lists are left alone.
fn absorb(arena: &mut Arena, function: Function, args: &[ScalarId]) -> Option<ScalarId> {
    const LONGEST: usize = 64;
    if args.len() > LONGEST {
        return None;
    }
    let dual = if function == Function::And { Function::Or } else { Function::And };
    let kept: Vec<ScalarId> = args
        .iter()
        .copied()
        .filter(|&arg| match &arena[arg] {
            Scalar::Call { function: inner, args: inner_args, .. } if *inner == dual => {
                !args.iter().any(|other| inner_args.contains(other))
            }
            _ => true,
        })
        .collect();
    if kept.len() == args.len() {
        return None;
    }
    Some(if function == Function::And { arena.and(kept) } else { arena.or(kept) })
}

/// `(a AND b) OR (a AND c)` is `a AND (b OR c)`; holds in three-valued logic.
fn factor_common(arena: &mut Arena, args: &[ScalarId]) -> Option<ScalarId> {
    let first = arena.conjuncts(*args.first()?);
    let mut common: Vec<ScalarId> = first;
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

fn step_case(
    arena: &mut Arena,
    id: ScalarId,
    branches: Vec<(ScalarId, ScalarId)>,
    otherwise: ScalarId,
    data_type: DataType,
    switches: &mut Switches,
) -> ScalarId {
    if !switches.is_on("simplify-case") {
        return id;
    }
    if let Some(split) = split_or_branches(arena, &branches) {
        switches.fire("simplify-case");
        return arena.scalar(Scalar::Case { branches: split, otherwise, data_type });
    }
    let before = branches.len();
    let mut kept = Vec::with_capacity(before);
    let mut final_value = otherwise;
    for (when, then) in branches {
        match literal_of(arena, when) {
            Some(Literal::Boolean(true)) => {
                final_value = then;
                break;
            }
            Some(Literal::Boolean(false) | Literal::Null(_)) => {}
            _ => kept.push((when, then)),
        }
    }
    if kept.len() == before {
        return id;
    }
    switches.fire("simplify-case");
    if kept.is_empty() {
        return arena.cast(final_value, data_type);
    }
    arena.scalar(Scalar::Case { branches: kept, otherwise: final_value, data_type })
}

/// `WHEN a OR b THEN v` as `WHEN a THEN v WHEN b THEN v`. Operands that cannot raise come first: no
/// operand is evaluated that the disjunction might have left out.
fn split_or_branches(arena: &Arena, branches: &[(ScalarId, ScalarId)]) -> Option<Vec<(ScalarId, ScalarId)>> {
    const LONGEST: usize = 16;
    let mut split = Vec::with_capacity(branches.len());
    let mut has_split = false;
    for &(when, then) in branches {
        match &arena[when] {
            Scalar::Call { function: Function::Or, args, .. } if args.len() <= LONGEST => {
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

fn compare_literals(left: &Literal, right: &Literal) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Literal::Int(a, _), Literal::Int(b, _)) => Some(a.cmp(b)),
        (Literal::Date(a), Literal::Date(b)) => Some(a.cmp(b)),
        (Literal::Timestamp(a), Literal::Timestamp(b)) | (Literal::TimestampTz(a), Literal::TimestampTz(b)) => {
            Some(a.cmp(b))
        }
        (Literal::Decimal { value: a, scale: sa, .. }, Literal::Decimal { value: b, scale: sb, .. }) if sa == sb => {
            Some(a.cmp(b))
        }
        (Literal::Boolean(a), Literal::Boolean(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Folds calls over literals whose result no dialect disputes; what may raise is left alone.
fn fold(arena: &Arena, function: Function, args: &[ScalarId], data_type: DataType) -> Option<Literal> {
    let [left, right] = args else { return None };
    let (left, right) = (literal_of(arena, *left)?, literal_of(arena, *right)?);
    match function {
        Function::Eq | Function::NotEq | Function::Lt | Function::LtEq | Function::Gt | Function::GtEq => {
            let ordering = compare_literals(left, right)?;
            Some(Literal::Boolean(match function {
                Function::Eq => ordering.is_eq(),
                Function::NotEq => ordering.is_ne(),
                Function::Lt => ordering.is_lt(),
                Function::LtEq => ordering.is_le(),
                Function::Gt => ordering.is_gt(),
                _ => ordering.is_ge(),
            }))
        }
        Function::Add | Function::Subtract | Function::Multiply => match (left, right) {
            (Literal::Int(a, _), Literal::Int(b, _)) => {
                let value = match function {
                    Function::Add => a.checked_add(*b)?,
                    Function::Subtract => a.checked_sub(*b)?,
                    _ => a.checked_mul(*b)?,
                };
                let bits = data_type.integer_bits()?;
                let is_within = bits == 128 || (value >= -(1_i128 << (bits - 1)) && value < (1_i128 << (bits - 1)));
                (is_within && !data_type.is_unsigned()).then_some(Literal::Int(value, data_type))
            }
            (Literal::Decimal { value: a, scale: sa, .. }, Literal::Decimal { value: b, scale: sb, .. }) => {
                fold_decimal(function, (*a, *sa), (*b, *sb), data_type)
            }
            (Literal::Date(date), Literal::Interval { months, days, micros: 0 }) if function != Function::Multiply => {
                let sign = if function == Function::Add { 1 } else { -1 };
                let moved = add_to_date(*date, sign * months, sign * days)?;
                match data_type {
                    DataType::Date => Some(Literal::Date(moved)),
                    DataType::Timestamp => Some(Literal::Timestamp(i64::from(moved).checked_mul(86_400_000_000)?)),
                    _ => None,
                }
            }
            _ => None,
        },
        _ => None,
    }
}

/// Sum, difference or product of decimals, exact in the result type or not at all.
fn fold_decimal(function: Function, (a, sa): (i128, u8), (b, sb): (i128, u8), data_type: DataType) -> Option<Literal> {
    let DataType::Decimal { precision, scale } = data_type else { return None };
    let at = |value: i128, from: u8, to: u8| value.checked_mul(10_i128.checked_pow(u32::from(to.checked_sub(from)?))?);
    let value = match function {
        Function::Multiply => at(a.checked_mul(b)?, sa + sb, scale)?,
        Function::Add => at(a, sa, scale)?.checked_add(at(b, sb, scale)?)?,
        _ => at(a, sa, scale)?.checked_sub(at(b, sb, scale)?)?,
    };
    let is_within = value.unsigned_abs() < 10_u128.checked_pow(u32::from(precision))?;
    is_within.then_some(Literal::Decimal { value, precision, scale })
}

/// A date moved by months (clamped to the month's end) and days.
fn add_to_date(date: i32, months: i32, days: i32) -> Option<i32> {
    let moved = plus_months(i64::from(date), i64::from(months)).checked_add(i64::from(days))?;
    i32::try_from(moved).ok()
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
            let joined = if function == Function::And { arena.and(held) } else { arena.or(held) };
            if joined == id { id } else { step(arena, joined, switches) }
        }
        Scalar::Call { function, args, .. }
            if args.len() == 2 && args[0] == args[1] && switches.is_on("simplify-comparison") =>
        {
            if arena.volatility(args[0]) != Volatility::Immutable {
                return id;
            }
            match function {
                Function::Eq | Function::LtEq | Function::GtEq => {
                    switches.fire("simplify-comparison");
                    let is_null = arena.predicate(Function::IsNull, [args[0]]);
                    arena.predicate(Function::Not, [is_null])
                }
                Function::NotEq | Function::Lt | Function::Gt => {
                    switches.fire("simplify-comparison");
                    arena.boolean(false)
                }
                _ => id,
            }
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

/// Whether literal bounds on one scalar exclude each other, or a conjunct is FALSE.
fn is_contradiction(arena: &Arena, conjuncts: &[ScalarId]) -> bool {
    if is_false(arena, conjuncts) {
        return true;
    }
    let mut bounds: FxHashMap<ScalarId, Vec<(Function, &Literal)>> = FxHashMap::default();
    for &conjunct in conjuncts {
        if let Scalar::Call { function, args, .. } = &arena[conjunct]
            && let [arg, bound] = args.as_slice()
        {
            let is_bound =
                matches!(function, Function::Eq | Function::Lt | Function::LtEq | Function::Gt | Function::GtEq);
            if let (true, Some(literal)) = (is_bound, literal_of(arena, *bound))
                && arena.volatility(*arg) == Volatility::Immutable
                && !arena.type_of(*arg).is_float()
            {
                bounds.entry(*arg).or_default().push((*function, literal));
            }
        }
    }
    // The order in which scalars are looked at does not matter: any contradiction will do.
    #[expect(clippy::iter_over_hash_type, reason = "an existential over all entries")]
    for list in bounds.values() {
        for (index, (f1, l1)) in list.iter().enumerate() {
            for (f2, l2) in &list[index + 1..] {
                if excludes(*f1, l1, *f2, l2) || excludes(*f2, l2, *f1, l1) {
                    return true;
                }
            }
        }
    }
    false
}

/// Whether `x f1 l1` (a lower bound or equality) and `x f2 l2` (an upper bound or equality) exclude.
fn excludes(f1: Function, l1: &Literal, f2: Function, l2: &Literal) -> bool {
    let is_lower = matches!(f1, Function::Gt | Function::GtEq | Function::Eq);
    let is_upper = matches!(f2, Function::Lt | Function::LtEq | Function::Eq);
    if !is_lower || !is_upper {
        return false;
    }
    match compare_literals(l1, l2) {
        Some(std::cmp::Ordering::Greater) => true,
        Some(std::cmp::Ordering::Equal) => f1 == Function::Gt || f2 == Function::Lt,
        _ => false,
    }
}

/// Equalities between a column and a literal or a column that follow from `holds`:
/// from `a = b` and `a = 5` follows `b = 5`, where both columns have one type.
pub(crate) fn transitive(arena: &mut Arena, holds: &[ScalarId]) -> Vec<ScalarId> {
    let mut classes: Vec<Vec<ColumnId>> = Vec::new();
    for &predicate in holds {
        if let Some((left, right)) = crate::facts::equal_columns(arena, predicate) {
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
    }
    let mut inferred = Vec::new();
    for &predicate in holds {
        let Scalar::Call { function, args, .. } = arena[predicate].clone() else { continue };
        let is_comparison =
            matches!(function, Function::Eq | Function::Lt | Function::LtEq | Function::Gt | Function::GtEq);
        let [left, right] = args.as_slice() else { continue };
        if let (true, Scalar::Column(column), Some(_)) = (is_comparison, &arena[*left], literal_of(arena, *right)) {
            let column = *column;
            for class in classes.iter().filter(|class| class.contains(&column)) {
                for &other in class.iter().filter(|&&other| other != column) {
                    let reference = arena.column_ref(other);
                    let predicate = arena.predicate(function, [reference, *right]);
                    if !holds.contains(&predicate) {
                        inferred.push(predicate);
                    }
                }
            }
        }
    }
    inferred.sort_unstable();
    inferred.dedup();
    inferred
}

#[cfg(test)]
mod tests {
    use isomer_ir::{civil_from_days, days_from_civil};

    use super::add_to_date;

    #[test]
    fn dates() {
        for (y, m, d) in [(1970, 1, 1), (2000, 2, 29), (1900, 3, 1), (2024, 12, 31), (1, 1, 1)] {
            assert_eq!(civil_from_days(days_from_civil(y, m, d)), (y, m, d));
        }
        let day = |y, m, d| i32::try_from(days_from_civil(y, m, d)).unwrap();
        assert_eq!(add_to_date(day(2024, 1, 31), 1, 0), Some(day(2024, 2, 29)));
        assert_eq!(add_to_date(day(1998, 12, 1), 0, -90), Some(day(1998, 9, 2)));
        assert_eq!(add_to_date(day(1994, 1, 1), 12, 0), Some(day(1995, 1, 1)));
    }
}
