//! Scalar and aggregate rule templates: patterns with typed holes, matched on interned scalars.
//!
//! A hole binds a whole scalar and the same scalar everywhere. Templates run inside the simplifier,
//! bottom-up; each firing is counted under the rule's name.

use std::sync::Arc;

use isomer_ir::{
    AggregateCall, AggregateFunction, Arena, Args, DataType, Function, Literal, Scalar, ScalarId, Volatility,
    is_widening,
};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{Facts, is_nullable};
use crate::simplify::{Stop, Switches};

/// What must hold of a hole's binding before a template may fire.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum HoleGuard {
    /// No volatile function.
    Deterministic(u32),
    /// Evaluation never fails.
    CannotRaise(u32),
    /// A constant.
    IsLiteral(u32),
    /// Never NULL in the rows that it is computed over.
    NotNull(u32),
    /// A bare column.
    IsColumn(u32),
    /// A truth value.
    IsPredicate(u32),
    /// The type's family is one of these names.
    TypeIn(u32, Vec<Arc<str>>),
    /// Estimated input rows of the aggregate are above this.
    RowsAbove(f64),
    /// Estimated input rows of the aggregate are below this.
    RowsBelow(f64),
    /// A guard that cannot be shown for a scalar on its own; the template never fires.
    Unprovable,
}

/// `pattern => template` over scalars.
#[derive(Debug, Clone)]
pub(crate) struct ScalarTemplate {
    pub(crate) rule: Arc<str>,
    pub(crate) pattern: ScalarId,
    pub(crate) template: ScalarId,
    pub(crate) is_holds_only: bool,
    pub(crate) guards: Vec<HoleGuard>,
}

/// `pattern => template` over aggregate calls.
#[derive(Debug, Clone)]
pub(crate) struct AggregateTemplate {
    pub(crate) rule: Arc<str>,
    pub(crate) pattern: AggregateCall,
    pub(crate) template: AggregateCall,
    pub(crate) guards: Vec<HoleGuard>,
}

/// The templates of a rule set.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScalarTemplates {
    pub(crate) scalars: Vec<ScalarTemplate>,
    pub(crate) aggregates: Vec<AggregateTemplate>,
}

type Bindings = FxHashMap<u32, ScalarId>;

impl ScalarTemplate {
    fn reads_facts(&self) -> bool {
        self.guards.iter().any(|guard| matches!(guard, HoleGuard::NotNull(_)))
    }
}

impl ScalarTemplates {
    /// Whether some template asks what is never NULL in the rows around it.
    pub(crate) fn reads_facts(&self) -> bool {
        self.scalars.iter().any(ScalarTemplate::reads_facts)
    }

    /// The scalar after the first template that fires on its root among rows with these facts, of those
    /// that ask for them.
    pub(crate) fn rewrite_among(
        &self,
        arena: &mut Arena,
        scalar: ScalarId,
        facts: &Facts,
        in_holds: bool,
        switches: &mut Switches,
    ) -> Option<ScalarId> {
        self.rewrite(arena, scalar, switches, in_holds, Some(facts)).map(|(made, _)| made)
    }

    /// The scalar after the first template that fires on its root, with the template's rule.
    pub(crate) fn rewrite_once(
        &self,
        arena: &mut Arena,
        scalar: ScalarId,
        switches: &mut Switches,
    ) -> Option<(ScalarId, Arc<str>)> {
        self.rewrite(arena, scalar, switches, false, None)
    }

    /// The predicate after the first Holds-only template that fires on it, or itself.
    pub(crate) fn rewrite_holds(&self, arena: &mut Arena, scalar: ScalarId, switches: &mut Switches) -> ScalarId {
        self.rewrite(arena, scalar, switches, true, None).map_or(scalar, |(made, _)| made)
    }

    fn rewrite(
        &self,
        arena: &mut Arena,
        scalar: ScalarId,
        switches: &mut Switches,
        in_holds: bool,
        facts: Option<&Facts>,
    ) -> Option<(ScalarId, Arc<str>)> {
        for template in &self.scalars {
            // Without rows around it a scalar is rewritten by the others.
            let is_asked = template.is_holds_only == in_holds && template.reads_facts() == facts.is_some();
            if !is_asked || !switches.is_on(&template.rule) {
                continue;
            }
            let mut bindings = Bindings::default();
            if !matches(arena, template.pattern, scalar, &mut bindings)
                || !guards_hold(arena, &template.guards, &bindings, facts)
            {
                continue;
            }
            // What is drawn by chance may be neither dropped nor drawn twice.
            if bindings.values().any(|&bound| arena.volatility(bound) == Volatility::Volatile) {
                continue;
            }
            let data_type = arena.type_of(scalar);
            let made = instantiate(arena, template.template, &bindings, data_type);
            let Some(made) = of_type(arena, made, data_type) else { continue };
            let raises_anew = arena.can_raise(made) && !arena.can_raise(scalar);
            if made == scalar || raises_anew {
                continue;
            }
            // Conjuncts are kept once each; anything else that holds what it replaces would grow with
            // every look at it.
            if !in_holds && holds_within(arena, made, scalar) {
                switches.stop(&template.rule, Stop::FeedsItself);
                continue;
            }
            switches.fire(&template.rule);
            return Some((made, Arc::clone(&template.rule)));
        }
        None
    }

    /// The call after the first aggregate template that fires on it, or the call itself.
    pub(crate) fn rewrite_aggregate(
        &self,
        arena: &mut Arena,
        call: AggregateCall,
        facts: &Facts,
        switches: &mut Switches,
    ) -> AggregateCall {
        for template in &self.aggregates {
            if !switches.is_on(&template.rule) {
                continue;
            }
            let pattern = &template.pattern;
            let is_same_shape = pattern.function == call.function
                && pattern.is_distinct == call.is_distinct
                && pattern.args.len() == call.args.len()
                && call.order.is_empty();
            let mut bindings = Bindings::default();
            if !is_same_shape
                || !pattern
                    .args
                    .iter()
                    .zip(&call.args)
                    .all(|(&pattern, &arg)| matches(arena, pattern, arg, &mut bindings))
                || !guards_hold(arena, &template.guards, &bindings, Some(facts))
            {
                continue;
            }
            if bindings.values().any(|&bound| arena.volatility(bound) == Volatility::Volatile) {
                continue;
            }
            let args: Args = template
                .template
                .args
                .iter()
                .map(|&arg| instantiate(arena, arg, &bindings, DataType::Unknown))
                .collect();
            let argument = args.first().map_or(DataType::Null, |&arg| arena.type_of(arg));
            let data_type = match template.template.data_type {
                DataType::Unknown => call_type(template.template.function, argument),
                known => Some(known),
            };
            if data_type != Some(call.data_type) {
                continue;
            }
            switches.fire(&template.rule);
            return AggregateCall {
                function: template.template.function,
                is_distinct: template.template.is_distinct,
                args,
                filter: call.filter,
                order: Vec::new(),
                data_type: call.data_type,
            };
        }
        call
    }
}

/// Whether a scalar holds another somewhere below its root.
fn holds_within(arena: &Arena, scalar: ScalarId, part: ScalarId) -> bool {
    let mut seen: FxHashSet<ScalarId> = FxHashSet::default();
    let mut stack = vec![scalar];
    while let Some(id) = stack.pop() {
        for operand in arena.operands(id) {
            if operand == part {
                return true;
            }
            if seen.insert(operand) {
                stack.push(operand);
            }
        }
    }
    false
}

/// `made` in the type of what it replaces: an integer of another width is cast, anything else refused.
fn of_type(arena: &mut Arena, made: ScalarId, data_type: DataType) -> Option<ScalarId> {
    let own = arena.type_of(made);
    if own == data_type {
        return Some(made);
    }
    match &arena[made] {
        Scalar::Literal(Literal::Null(_)) => Some(arena.literal(Literal::Null(data_type))),
        _ if own.is_integer() && is_widening(own, data_type) => Some(arena.cast(made, data_type)),
        _ => None,
    }
}

/// The type of an aggregate whose argument's type the template could not know.
pub(crate) fn call_type(function: AggregateFunction, argument: DataType) -> Option<DataType> {
    match (function, argument) {
        (AggregateFunction::Count | AggregateFunction::ApproxCountDistinct, _) => Some(DataType::Int64),
        (_, DataType::Unknown) => None,
        (AggregateFunction::Min | AggregateFunction::Max | AggregateFunction::AnyValue, argument) => Some(argument),
        (AggregateFunction::Avg, argument) if argument.is_numeric() => Some(DataType::Float64),
        (AggregateFunction::Sum, DataType::Decimal { scale, .. }) => Some(DataType::Decimal { precision: 38, scale }),
        (AggregateFunction::Sum, argument) if argument.is_integer() => Some(DataType::Int128),
        (AggregateFunction::Sum, argument) if argument.is_float() => Some(DataType::Float64),
        _ => None,
    }
}

/// What holes stand for during a match.
pub(crate) trait Bind: Clone {
    /// Binds `scalar` where `pattern` is a hole and says whether it fits; nothing where it is none.
    fn bind(&mut self, arena: &Arena, pattern: ScalarId, scalar: ScalarId) -> Option<bool>;
}

impl Bind for Bindings {
    fn bind(&mut self, arena: &Arena, pattern: ScalarId, scalar: ScalarId) -> Option<bool> {
        let Scalar::Hole(hole) = arena[pattern] else { return None };
        Some(*self.entry(hole).or_insert(scalar) == scalar)
    }
}

/// Whether `scalar` is an instance of `pattern`; fills `bindings`. Symmetric comparisons and
/// products match either way round. What a failed attempt bound is forgotten.
pub(crate) fn matches<B: Bind>(arena: &Arena, pattern: ScalarId, scalar: ScalarId, bindings: &mut B) -> bool {
    if let Some(fits) = bindings.bind(arena, pattern, scalar) {
        return fits;
    }
    match (&arena[pattern], &arena[scalar]) {
        (Scalar::Literal(a), Scalar::Literal(b)) => is_same_literal(a, b),
        (Scalar::Call { function: f, args: a, .. }, Scalar::Call { function: g, args: b, .. }) => {
            if a.len() != b.len() {
                return false;
            }
            if f == g {
                let saved = bindings.clone();
                if matches_all(arena, a, b, bindings) {
                    return true;
                }
                *bindings = saved;
            }
            // A literal stands right of a comparison, which a hole for one does not show.
            let is_symmetric = f.flipped() == Some(*g)
                || (f == g && matches!(f, Function::Add | Function::Multiply | Function::And | Function::Or));
            if is_symmetric && a.len() == 2 {
                let saved = bindings.clone();
                if matches(arena, a[0], b[1], bindings) && matches(arena, a[1], b[0], bindings) {
                    return true;
                }
                *bindings = saved;
            }
            false
        }
        (Scalar::Case { branches: a, otherwise: c, .. }, Scalar::Case { branches: b, otherwise: d, .. }) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(x, y)| matches(arena, x.0, y.0, bindings) && matches(arena, x.1, y.1, bindings))
                && matches(arena, *c, *d, bindings)
        }
        (Scalar::Cast { arg: a, to: s, is_try: t }, Scalar::Cast { arg: b, to: u, is_try: v }) => {
            s == u && t == v && matches(arena, *a, *b, bindings)
        }
        (Scalar::InList { arg: a, list: x }, Scalar::InList { arg: b, list: y }) => {
            x.len() == y.len()
                && matches(arena, *a, *b, bindings)
                && x.iter().zip(y).all(|(&x, &y)| matches(arena, x, y, bindings))
        }
        _ => false,
    }
}

fn matches_all<B: Bind>(arena: &Arena, patterns: &[ScalarId], scalars: &[ScalarId], bindings: &mut B) -> bool {
    patterns.iter().zip(scalars).all(|(&pattern, &scalar)| matches(arena, pattern, scalar, bindings))
}

fn is_same_literal(a: &Literal, b: &Literal) -> bool {
    match (a, b) {
        (Literal::Int(x, _), Literal::Int(y, _)) => x == y,
        (Literal::Null(_), Literal::Null(_)) => true,
        _ => a == b,
    }
}

fn guards_hold(arena: &Arena, guards: &[HoleGuard], bindings: &Bindings, facts: Option<&Facts>) -> bool {
    let input_rows = facts.map_or(0.0, |facts| facts.rows);
    guards.iter().all(|guard| match guard {
        HoleGuard::Deterministic(hole) => {
            bindings.get(hole).is_some_and(|&scalar| arena.volatility(scalar) == Volatility::Immutable)
        }
        HoleGuard::CannotRaise(hole) => bindings.get(hole).is_some_and(|&scalar| !arena.can_raise(scalar)),
        HoleGuard::IsLiteral(hole) => {
            bindings.get(hole).is_some_and(|&scalar| matches!(arena[scalar], Scalar::Literal(_)))
        }
        HoleGuard::NotNull(hole) => {
            facts.is_some_and(|facts| bindings.get(hole).is_some_and(|&scalar| !is_nullable(arena, scalar, facts)))
        }
        HoleGuard::IsColumn(hole) => {
            bindings.get(hole).is_some_and(|&scalar| matches!(arena[scalar], Scalar::Column(_)))
        }
        HoleGuard::IsPredicate(hole) => {
            bindings.get(hole).is_some_and(|&scalar| arena.type_of(scalar) == DataType::Boolean)
        }
        HoleGuard::TypeIn(hole, names) => bindings.get(hole).is_some_and(|&scalar| {
            let families = type_families(arena.type_of(scalar));
            names.iter().any(|name| families.contains(&&**name))
        }),
        HoleGuard::RowsAbove(rows) => input_rows > *rows,
        HoleGuard::RowsBelow(rows) => input_rows < *rows,
        HoleGuard::Unprovable => false,
    })
}

/// The names under which a guard may ask for a type.
pub(crate) fn type_families(data_type: DataType) -> Vec<&'static str> {
    match data_type {
        DataType::Boolean => vec!["boolean", "bool"],
        DataType::Decimal { .. } => vec!["decimal", "numeric", "exact"],
        DataType::Float32 | DataType::Float64 => vec!["float", "double", "numeric"],
        DataType::Text => vec!["text", "varchar", "string"],
        DataType::Bytes => vec!["bytes", "blob"],
        DataType::Date => vec!["date", "temporal"],
        DataType::Time => vec!["time", "temporal"],
        DataType::Timestamp => vec!["timestamp", "temporal"],
        DataType::TimestampTo(_) => Vec::new(),
        DataType::TimestampTz => vec!["timestamptz", "temporal"],
        DataType::Interval => vec!["interval"],
        DataType::Uuid => vec!["uuid"],
        DataType::Json => vec!["json"],
        DataType::Nested(_) => vec!["nested"],
        DataType::Null | DataType::Unknown => Vec::new(),
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Int128
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64 => vec!["integer", "int", "numeric", "exact"],
    }
}

/// The template with its holes filled. A call whose type the template could not know takes the type
/// of what it replaces at the root, and of its first operand below.
fn instantiate(arena: &mut Arena, template: ScalarId, bindings: &Bindings, data_type: DataType) -> ScalarId {
    match arena[template].clone() {
        Scalar::Hole(hole) => bindings.get(&hole).copied().unwrap_or(template),
        Scalar::Column(_) | Scalar::Outer(_) | Scalar::Literal(_) => template,
        Scalar::Call { function, args, data_type: own } => {
            let args: Args = args.iter().map(|&arg| instantiate(arena, arg, bindings, DataType::Unknown)).collect();
            let known = if own != DataType::Unknown {
                own
            } else if data_type != DataType::Unknown {
                data_type
            } else {
                args.first().map_or(DataType::Unknown, |&arg| arena.type_of(arg))
            };
            arena.call(function, args, known)
        }
        Scalar::Case { branches, otherwise, data_type: own } => {
            let branches = branches
                .into_iter()
                .map(|(when, then)| {
                    (
                        instantiate(arena, when, bindings, DataType::Boolean),
                        instantiate(arena, then, bindings, data_type),
                    )
                })
                .collect();
            let otherwise = instantiate(arena, otherwise, bindings, data_type);
            let known = if own == DataType::Unknown { data_type } else { own };
            arena.scalar(Scalar::Case { branches, otherwise, data_type: known })
        }
        Scalar::Cast { arg, to, is_try } => {
            let arg = instantiate(arena, arg, bindings, DataType::Unknown);
            arena.scalar(Scalar::Cast { arg, to, is_try })
        }
        Scalar::InList { arg, list } => {
            let arg = instantiate(arena, arg, bindings, DataType::Unknown);
            let list = list.into_iter().map(|item| instantiate(arena, item, bindings, DataType::Unknown)).collect();
            arena.in_list(arg, list)
        }
    }
}
