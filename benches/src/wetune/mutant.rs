//! Rules with one constraint taken away: unsound twins, unless the constraint said nothing.

use std::collections::BTreeSet;

use super::frame::symbols;
use super::term::{Constraint, Found, Kind, Symbol};

/// A rule with one constraint less.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// The rule without it.
    pub rule: Found,
    /// The constraint.
    pub dropped: Constraint,
    /// Whether it ties the right side to the left; otherwise it is a condition on the left side.
    pub is_link: bool,
}

/// The rule with each constraint dropped that says something of rows.
///
/// A condition that follows from the others is dropped with as many of them as let it hold: those of its
/// second symbol. Conditions that come to the same rule are dropped once.
#[must_use]
pub fn mutants(rule: &Found) -> Vec<Mutant> {
    let left: BTreeSet<Symbol> = symbols(&rule.left).into_iter().collect();
    let mut seen: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut found = Vec::new();
    for dropped in &rule.constraints {
        if matches!(dropped.kind, Kind::AttrsSub | Kind::SchemaEq) {
            continue;
        }
        let is_inner = |constraint: &Constraint| constraint.symbols.iter().all(|symbol| left.contains(symbol));
        let is_link = dropped.kind.is_equality() && !is_inner(dropped);
        let goes = |constraint: &Constraint| {
            if constraint == dropped {
                return true;
            }
            let is_alike = constraint.kind == dropped.kind && is_inner(constraint) && !is_link;
            if dropped.kind.is_equality() {
                is_alike && constraint.symbols.contains(&dropped.symbols[1])
            } else {
                is_alike && same(rule, constraint, dropped)
            }
        };
        let constraints: Vec<Constraint> =
            rule.constraints.iter().filter(|constraint| !goes(constraint)).cloned().collect();
        let mut key: Vec<String> = constraints.iter().map(ToString::to_string).collect();
        key.sort_unstable();
        if seen.insert(key) {
            found.push(Mutant { rule: Found { constraints, ..rule.clone() }, dropped: dropped.clone(), is_link });
        }
    }
    found
}

/// Whether two facts say the same of equal symbols.
fn same(rule: &Found, one: &Constraint, other: &Constraint) -> bool {
    let is_equal = |a: &Symbol, b: &Symbol| {
        a == b
            || rule.constraints.iter().any(|constraint| {
                constraint.kind.is_equality() && constraint.symbols.contains(a) && constraint.symbols.contains(b)
            })
    };
    one.symbols.iter().zip(&other.symbols).all(|(a, b)| is_equal(a, b))
}
