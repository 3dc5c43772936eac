//! Where in a plan something changed: the smallest relation around all differences.

use std::sync::Arc;

use isomer_ir::{Arena, Output, Plan, Span, explain_plan};

/// The smallest relation around what differs between two plans.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// Named relations that it lies in, the innermost last, with their places in the text where known.
    pub within: Vec<(Arc<str>, Span)>,
    /// The relation before: its outermost operator on a line; empty where only the output's columns differ.
    pub operator: String,
    /// Operators above it that stayed as they were.
    pub n_above: usize,
}

/// Where two plans differ. Columns are compared by what they are called and computed from.
#[must_use]
pub fn place(before: &Output, after: &Output, arena: &Arena) -> Place {
    let mut place = Place::default();
    let (mut left, mut right) = (unnamed(&before.plan, &mut place.within), unnamed(&after.plan, &mut Vec::new()));
    loop {
        let heads = [left, right].map(|plan| head(plan, arena));
        place.operator.clone_from(&heads[0]);
        let (lefts, rights) = (left.inputs(), right.inputs());
        if heads[0] != heads[1] || lefts.len() != rights.len() {
            return place;
        }
        let differs = |&at: &usize| text(lefts[at], arena) != text(rights[at], arena);
        let different: Vec<usize> = (0..lefts.len()).filter(differs).collect();
        let [only] = different.as_slice() else {
            if different.is_empty() {
                place.operator.clear();
            }
            return place;
        };
        place.n_above += 1;
        left = unnamed(lefts[*only], &mut place.within);
        right = unnamed(rights[*only], &mut Vec::new());
    }
}

fn head(plan: &Plan, arena: &Arena) -> String {
    explain_plan(plan, arena).lines().next().unwrap_or_default().to_owned()
}

/// A plan as text without the names of its relations, which are no part of what it gives.
fn text(plan: &Plan, arena: &Arena) -> String {
    let shown = explain_plan(plan, arena);
    let kept = shown.lines().map(str::trim_start).filter(|line| !line.starts_with("named "));
    kept.collect::<Vec<_>>().join("\n")
}

fn unnamed<'p>(mut plan: &'p Plan, names: &mut Vec<(Arc<str>, Span)>) -> &'p Plan {
    while let Plan::Named { input, name, span } = plan {
        names.push((Arc::clone(name), *span));
        plan = input;
    }
    plan
}
