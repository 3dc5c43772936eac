//! The values of one scalar on which a predicate is true, as a set that can be cut, joined and written
//! down in one way.
//!
//! Only what is TRUE counts, so this is for filters and join conditions. Floats have no domains here:
//! engines differ about NaN and -0.0.

use std::cmp::Ordering;

use isomer_ir::{Arena, DataType, Function, Literal, Scalar, ScalarId, Volatility};

use super::literals::{compare_literals, integer_bounds, literal_of};
use super::{is_null, not};

/// Members of IN lists that take part; longer ones are left alone.
const LONGEST: usize = 64;

/// One end of an interval: the constant and whether it belongs to it.
type End = Option<(Literal, bool)>;

/// The values between two ends; an end that is missing is no bound.
#[derive(Debug, Clone, PartialEq)]
struct Interval {
    low: End,
    high: End,
}

/// Intervals in order that do not touch, and whether NULL belongs to the set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Domain {
    has_null: bool,
    /// Whether values have neighbours: no integer lies between 5 and 6.
    is_whole: bool,
    values: Vec<Interval>,
}

/// The order of values: that of constants, and any total one for texts, of which only single values are
/// ever looked at.
fn compare(a: &Literal, b: &Literal) -> Option<Ordering> {
    match (a, b) {
        (Literal::Text(a), Literal::Text(b)) => Some(a.cmp(b)),
        _ => compare_literals(a, b),
    }
}

impl Interval {
    const ALL: Self = Self { low: None, high: None };

    fn point(value: &Literal) -> Self {
        Self { low: Some((value.clone(), true)), high: Some((value.clone(), true)) }
    }

    fn as_point(&self) -> Option<&Literal> {
        match (&self.low, &self.high) {
            (Some((low, true)), Some((high, true))) if compare(low, high) == Some(Ordering::Equal) => Some(low),
            _ => None,
        }
    }

    /// Empty where the ends cross, also between neighbours of a type that has neighbours. `None` where
    /// the constants have no order.
    fn is_empty(&self, is_whole: bool) -> Option<bool> {
        let (Some((low, with_low)), Some((high, with_high))) = (&self.low, &self.high) else { return Some(false) };
        Some(match compare(low, high)? {
            Ordering::Greater => true,
            Ordering::Equal => !(*with_low && *with_high),
            Ordering::Less => is_whole && !with_low && !with_high && is_next(low, high),
        })
    }
}

/// Whether no value of a type of whole steps lies between the two. Both must be of such a type.
fn is_next(low: &Literal, high: &Literal) -> bool {
    match (low, high) {
        (Literal::Int(a, _), Literal::Int(b, _)) => a.checked_add(1) == Some(*b),
        (Literal::Date(a), Literal::Date(b)) => a.checked_add(1) == Some(*b),
        _ => false,
    }
}

/// The stricter of two lower ends.
fn later(a: &End, b: &End) -> Option<End> {
    Some(match (a, b) {
        (None, other) | (other, None) => other.clone(),
        (Some((x, with_x)), Some((y, with_y))) => match compare(x, y)? {
            Ordering::Greater => a.clone(),
            Ordering::Less => b.clone(),
            Ordering::Equal => Some((x.clone(), *with_x && *with_y)),
        },
    })
}

/// The stricter of two upper ends.
fn earlier(a: &End, b: &End) -> Option<End> {
    Some(match (a, b) {
        (None, other) | (other, None) => other.clone(),
        (Some((x, with_x)), Some((y, with_y))) => match compare(x, y)? {
            Ordering::Less => a.clone(),
            Ordering::Greater => b.clone(),
            Ordering::Equal => Some((x.clone(), *with_x && *with_y)),
        },
    })
}

impl Domain {
    fn new(has_null: bool, is_whole: bool, values: Vec<Interval>) -> Self {
        Self { has_null, is_whole, values }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.has_null && self.values.is_empty()
    }

    pub(super) fn and(&self, other: &Self) -> Option<Self> {
        let mut values = Vec::new();
        for a in &self.values {
            for b in &other.values {
                let both = Interval { low: later(&a.low, &b.low)?, high: earlier(&a.high, &b.high)? };
                if !both.is_empty(self.is_whole)? {
                    values.push(both);
                }
            }
        }
        Some(Self::new(self.has_null && other.has_null, self.is_whole, values))
    }

    pub(super) fn or(&self, other: &Self) -> Option<Self> {
        let mut complement = self.complement()?;
        complement = complement.and(&other.complement()?)?;
        complement.complement()
    }

    /// Everything else, NULL as well.
    fn complement(&self) -> Option<Self> {
        let mut values = Vec::new();
        let mut low: End = None;
        let mut is_open = true;
        for interval in &self.values {
            if let Some((start, with)) = &interval.low {
                let gap = Interval { low: low.clone(), high: Some((start.clone(), !with)) };
                if is_open && !gap.is_empty(self.is_whole)? {
                    values.push(gap);
                }
            }
            match &interval.high {
                Some((end, with)) => low = Some((end.clone(), !with)),
                None => is_open = false,
            }
        }
        if is_open {
            values.push(Interval { low, high: None });
        }
        Some(Self::new(!self.has_null, self.is_whole, values))
    }

    /// Whether every value of this set is one of the other.
    pub(super) fn is_within(&self, other: &Self) -> Option<bool> {
        Some(self.and(&other.complement()?)?.is_empty())
    }

    /// The predicate that is true on exactly this set: the one way in which it is written.
    pub(super) fn written(&self, arena: &mut Arena, scalar: ScalarId) -> ScalarId {
        let test = is_null(arena, scalar);
        if self.values.is_empty() {
            return if self.has_null { test } else { arena.boolean(false) };
        }
        if self.values.as_slice() == [Interval::ALL] {
            return if self.has_null { arena.boolean(true) } else { not(arena, test) };
        }
        if let (true, [before, behind]) = (self.has_null, self.values.as_slice())
            && before.low.is_none()
            && behind.high.is_none()
            && let Some(excluded) = gap(before, behind)
        {
            let excluded = arena.literal(excluded.clone());
            return arena.comparison(Function::IsDistinct, scalar, excluded);
        }
        let mut parts = Vec::new();
        let mut points = Vec::new();
        let mut rest = self.values.as_slice();
        while let Some(first) = rest.first() {
            let n_joined = 1 + rest.windows(2).take_while(|pair| gap(&pair[0], &pair[1]).is_some()).count();
            let (run, behind) = rest.split_at(n_joined);
            rest = behind;
            match (run.len(), first.as_point()) {
                (1, Some(point)) => points.push(arena.literal(point.clone())),
                _ => parts.push(written_run(arena, scalar, run)),
            }
        }
        match points.as_slice() {
            [] => {}
            [one] => parts.push(arena.comparison(Function::Eq, scalar, *one)),
            _ => parts.push(arena.in_list(scalar, points)),
        }
        if self.has_null {
            parts.push(test);
        }
        arena.or(parts)
    }
}

/// The one value between two intervals, where they are apart by it alone.
fn gap<'a>(before: &'a Interval, behind: &Interval) -> Option<&'a Literal> {
    match (&before.high, &behind.low) {
        (Some((a, false)), Some((b, false))) if compare(a, b) == Some(Ordering::Equal) => Some(a),
        _ => None,
    }
}

/// Intervals that single values part: bounds, and the values left out.
fn written_run(arena: &mut Arena, scalar: ScalarId, run: &[Interval]) -> ScalarId {
    let mut parts = Vec::new();
    let mut bound = |arena: &mut Arena, end: &End, open: Function, closed: Function| {
        if let Some((value, with)) = end {
            let value = arena.literal(value.clone());
            parts.push(arena.comparison(if *with { closed } else { open }, scalar, value));
        }
    };
    bound(arena, &run[0].low, Function::Gt, Function::GtEq);
    bound(arena, &run[run.len() - 1].high, Function::Lt, Function::LtEq);
    let excluded: Vec<Literal> = run.windows(2).filter_map(|pair| gap(&pair[0], &pair[1]).cloned()).collect();
    let excluded: Vec<ScalarId> = excluded.into_iter().map(|value| arena.literal(value)).collect();
    match excluded.as_slice() {
        [] => {}
        [one] => parts.push(arena.comparison(Function::NotEq, scalar, *one)),
        _ => {
            let found = arena.in_list(scalar, excluded);
            parts.push(not(arena, found));
        }
    }
    arena.and(parts)
}

/// The scalar that a predicate is about and the values on which it is true, where it tests one scalar
/// against constants only.
pub(super) fn domain_of(arena: &Arena, predicate: ScalarId) -> Option<(ScalarId, Domain)> {
    let found = unchecked(arena, predicate)?;
    (arena.volatility(found.0) != Volatility::Volatile).then_some(found)
}

fn unchecked(arena: &Arena, predicate: ScalarId) -> Option<(ScalarId, Domain)> {
    match &arena[predicate] {
        Scalar::Call { function, args, .. } => match (*function, args.as_slice()) {
            (Function::IsNull, &[value]) => Some((value, Domain::new(true, is_whole(arena, value), Vec::new()))),
            (Function::IsTrue, &[inner]) => unchecked(arena, inner),
            (Function::Not, &[inner]) => negated(arena, inner),
            (Function::And | Function::Or, operands) => joined(arena, *function, operands),
            (_, &[value, bound]) => compared(arena, *function, value, literal_of(arena, bound)?),
            _ => None,
        },
        Scalar::InList { arg, list } => {
            let domain = listed(arena, *arg, list)?;
            Some((*arg, domain))
        }
        Scalar::Column(_)
        | Scalar::Outer(_)
        | Scalar::Literal(_)
        | Scalar::Case { .. }
        | Scalar::Cast { .. }
        | Scalar::Hole(_) => None,
    }
}

/// A conjunction or disjunction of tests of one scalar.
fn joined(arena: &Arena, function: Function, operands: &[ScalarId]) -> Option<(ScalarId, Domain)> {
    if operands.len() > LONGEST {
        return None;
    }
    let mut all: Option<(ScalarId, Domain)> = None;
    for &operand in operands {
        let (value, domain) = unchecked(arena, operand)?;
        all = Some(match all {
            None => (value, domain),
            Some((known, so_far)) if known == value => {
                (known, if function == Function::And { so_far.and(&domain)? } else { so_far.or(&domain)? })
            }
            Some(_) => return None,
        });
    }
    all
}

fn negated(arena: &Arena, inner: ScalarId) -> Option<(ScalarId, Domain)> {
    match &arena[inner] {
        Scalar::Call { function: Function::IsNull | Function::IsTrue, .. } => {
            let (value, domain) = unchecked(arena, inner)?;
            Some((value, domain.complement()?))
        }
        Scalar::InList { arg, list } => {
            // Not in a list with a NULL is never true.
            if list.iter().any(|&item| literal_of(arena, item).is_some_and(Literal::is_null)) {
                return Some((*arg, Domain::new(false, is_whole(arena, *arg), Vec::new())));
            }
            let domain = listed(arena, *arg, list)?.complement()?;
            Some((*arg, Domain::new(false, domain.is_whole, domain.values)))
        }
        _ => None,
    }
}

fn listed(arena: &Arena, value: ScalarId, list: &[ScalarId]) -> Option<Domain> {
    if list.len() > LONGEST {
        return None;
    }
    let mut points: Vec<&Literal> = Vec::with_capacity(list.len());
    for &item in list {
        let literal = literal_of(arena, item)?;
        if !literal.is_null() {
            is_comparable(arena, value, literal).then_some(())?;
            points.push(literal);
        }
    }
    let mut is_ordered = true;
    points.sort_by(|a, b| {
        compare(a, b).unwrap_or_else(|| {
            is_ordered = false;
            Ordering::Equal
        })
    });
    points.dedup_by(|a, b| compare(a, b) == Some(Ordering::Equal));
    is_ordered.then(|| Domain::new(false, is_whole(arena, value), points.into_iter().map(Interval::point).collect()))
}

fn compared(arena: &Arena, function: Function, value: ScalarId, literal: &Literal) -> Option<(ScalarId, Domain)> {
    if literal.is_null() || !is_comparable(arena, value, literal) {
        return None;
    }
    let is_text = matches!(literal, Literal::Text(_));
    let end = |with: bool| Some((literal.clone(), with));
    let is_whole = is_whole(arena, value);
    let point = Domain::new(false, is_whole, vec![Interval::point(literal)]);
    let domain = match function {
        Function::Eq | Function::IsNotDistinct => point,
        Function::NotEq => Domain::new(false, is_whole, point.complement()?.values),
        Function::IsDistinct => point.complement()?,
        // The order of texts is the database's.
        _ if is_text => return None,
        Function::Lt => Domain::new(false, is_whole, vec![Interval { low: None, high: end(false) }]),
        Function::LtEq => Domain::new(false, is_whole, vec![Interval { low: None, high: end(true) }]),
        Function::Gt => Domain::new(false, is_whole, vec![Interval { low: end(false), high: None }]),
        Function::GtEq => Domain::new(false, is_whole, vec![Interval { low: end(true), high: None }]),
        _ => return None,
    };
    let domain = within_type(arena.type_of(value), domain)?;
    Some((value, domain))
}

fn is_whole(arena: &Arena, value: ScalarId) -> bool {
    let data_type = arena.type_of(value);
    data_type.is_integer() || data_type == DataType::Date
}

/// Whether the value is compared with the constant as it stands: both of one kind that has an order.
fn is_comparable(arena: &Arena, value: ScalarId, literal: &Literal) -> bool {
    let data_type = arena.type_of(value);
    if literal_of(arena, value).is_some() {
        return false;
    }
    match literal {
        Literal::Int(..) => data_type.is_integer() || matches!(data_type, DataType::Decimal { .. }),
        // An integer has neighbours, a fraction is none of them.
        Literal::Decimal { .. } => matches!(data_type, DataType::Decimal { .. }),
        Literal::Text(_) | Literal::Date(_) | Literal::Time(_) | Literal::Timestamp(_) | Literal::TimestampTz(_) => {
            literal.data_type() == data_type
        }
        Literal::Null(_) | Literal::Boolean(_) | Literal::Float(_) | Literal::Interval { .. } => false,
    }
}

/// Bounds that the type keeps by itself are none.
fn within_type(data_type: DataType, domain: Domain) -> Option<Domain> {
    let Some((least, greatest)) = integer_bounds(data_type) else { return Some(domain) };
    let mut values = Vec::with_capacity(domain.values.len());
    for Interval { low, high } in domain.values {
        let low = match low {
            Some((Literal::Int(value, own), with)) => {
                if value > greatest || (value == greatest && !with) {
                    continue;
                }
                if value < least || (value == least && with) { None } else { Some((Literal::Int(value, own), with)) }
            }
            other => other,
        };
        let high = match high {
            Some((Literal::Int(value, own), with)) => {
                if value < least || (value == least && !with) {
                    continue;
                }
                if value > greatest || (value == greatest && with) {
                    None
                } else {
                    Some((Literal::Int(value, own), with))
                }
            }
            other => other,
        };
        values.push(Interval { low, high });
    }
    Some(Domain::new(domain.has_null, domain.is_whole, values))
}
