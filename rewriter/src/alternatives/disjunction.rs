//! Joins on a disjunction of equalities: a nested loop as they stand, hash joins one disjunct at a time.

use std::sync::Arc;

use egg::Id;
use isomer_ir::{Arena, ColumnId, Function, JoinKind, Scalar, ScalarId, Volatility};

use super::union_all;
use crate::cost::parts_of_join;
use crate::memo::{Memo, Origin};
use crate::operator::Operator;
use crate::simplify::Switches;

const RULE: &str = "convert-disjunctive-join-to-union";
/// A disjunction of more is left alone: each reads both inputs once. Search control only.
const MAX_DISJUNCTS: usize = 4;

/// A condition of which one conjunct is a disjunction of joins.
struct Split {
    /// The other conjuncts.
    rest: Vec<ScalarId>,
    disjuncts: Vec<ScalarId>,
}

/// An inner join is the union of one join for each disjunct, each without the pairs of those before.
pub(super) fn inner(memo: &mut Memo, switches: &mut Switches, class: Id, inputs: &[Id], on: &[ScalarId]) -> bool {
    let Some(split) = split(memo, switches, inputs, on) else { return false };
    let origin = origin(&split);
    let columns = memo.columns(class).to_vec();
    let mut branches = Vec::with_capacity(split.disjuncts.len());
    for (position, &disjunct) in split.disjuncts.iter().enumerate() {
        let arena = &mut memo.context_mut().arena;
        let mut on = split.rest.clone();
        on.extend(arena.conjuncts(disjunct));
        for &earlier in &split.disjuncts[..position] {
            let is_true = arena.predicate(Function::IsTrue, [earlier]);
            on.push(arena.predicate(Function::Not, [is_true]));
        }
        branches.push((memo.add_made(Operator::InnerJoin { on }, inputs, &origin), columns.clone()));
    }
    fired(switches, add_union(memo, class, branches, &origin))
}

/// Rows with a match by any disjunct are those with one by the first, then of the rest those with one by the
/// next; rows without any have none by the first, nor by the next.
pub(super) fn semi(
    memo: &mut Memo,
    switches: &mut Switches,
    class: Id,
    kind: JoinKind,
    inputs: &[Id],
    on: &[ScalarId],
) -> bool {
    let (true, [left, right]) = (matches!(kind, JoinKind::Semi | JoinKind::Anti), inputs) else { return false };
    let Some(split) = split(memo, switches, inputs, on) else { return false };
    let origin = origin(&split);
    let columns = memo.columns(class).to_vec();
    let mut remaining = *left;
    let mut branches = Vec::with_capacity(split.disjuncts.len());
    for (position, &disjunct) in split.disjuncts.iter().enumerate() {
        let mut on = split.rest.clone();
        on.extend(memo.context().arena.conjuncts(disjunct));
        let is_last = position + 1 == split.disjuncts.len();
        if kind == JoinKind::Semi {
            let operator = Operator::Join { kind: JoinKind::Semi, on: on.clone() };
            branches.push((memo.add_made(operator, &[remaining, *right], &origin), columns.clone()));
        } else if is_last {
            let operator = Operator::Join { kind: JoinKind::Anti, on };
            return fired(switches, memo.add_equal(class, operator, &[remaining, *right], &origin));
        }
        if !is_last {
            let operator = Operator::Join { kind: JoinKind::Anti, on };
            remaining = memo.add_made(operator, &[remaining, *right], &origin);
        }
    }
    fired(switches, add_union(memo, class, branches, &origin))
}

fn add_union(memo: &mut Memo, class: Id, branches: Vec<(Id, Vec<ColumnId>)>, origin: &Origin) -> bool {
    let columns = memo.columns(class).to_vec();
    let Some((union, shown)) = union_all(memo, branches, origin) else { return false };
    let arena = &mut memo.context_mut().arena;
    let exprs = columns.iter().zip(shown).map(|(&column, from)| (column, arena.column_ref(from))).collect();
    memo.add_equal(class, Operator::Project { exprs }, &[union], origin)
}

fn fired(switches: &mut Switches, is_added: bool) -> bool {
    if is_added {
        switches.fire(RULE);
    }
    is_added
}

fn origin(split: &Split) -> Origin {
    let told = format!("each of {} disjuncts joins by equality", split.disjuncts.len());
    Origin { rule: Arc::from(RULE), facts: vec![told] }
}

/// The disjunction that alone joins two parts of the inputs, each disjunct by an equality.
fn split(memo: &Memo, switches: &Switches, inputs: &[Id], on: &[ScalarId]) -> Option<Split> {
    if !switches.is_on(RULE) || inputs.iter().any(|&input| memo.facts(input).is_volatile) {
        return None;
    }
    let arena = &memo.context().arena;
    let facts: Vec<_> = inputs.iter().map(|&input| memo.facts(input)).collect();
    let parts = parts_of_join(arena, on, &facts);
    let part_of = |column: ColumnId| facts.iter().position(|facts| facts.exposes(column)).map(|input| parts[input]);
    for (position, &conjunct) in on.iter().enumerate() {
        let Scalar::Call { function: Function::Or, args, .. } = &arena[conjunct] else { continue };
        // Each disjunct is tested on pairs on which an earlier one may have kept it from being tested.
        let is_total =
            |&disjunct: &ScalarId| !arena.can_raise(disjunct) && arena.volatility(disjunct) == Volatility::Immutable;
        let joins =
            |&disjunct: &ScalarId| arena.conjuncts(disjunct).iter().any(|&part| joins_parts(arena, part, &part_of));
        if args.len() > MAX_DISJUNCTS || !args.iter().all(|disjunct| is_total(disjunct) && joins(disjunct)) {
            continue;
        }
        let rest = on.iter().enumerate().filter(|(other, _)| *other != position).map(|(_, &other)| other).collect();
        return Some(Split { rest, disjuncts: args.to_vec() });
    }
    None
}

/// Whether a conjunct is an equality of something of one part and something of another.
fn joins_parts(arena: &Arena, conjunct: ScalarId, part_of: &dyn Fn(ColumnId) -> Option<usize>) -> bool {
    let Scalar::Call { function: Function::Eq | Function::IsNotDistinct, args, .. } = &arena[conjunct] else {
        return false;
    };
    let part = |scalar: ScalarId| {
        let mut parts = arena.columns_of(scalar).iter().map(|&column| part_of(column));
        let first = parts.next()??;
        parts.all(|other| other == Some(first)).then_some(first)
    };
    let [left, right] = args.as_slice() else { return false };
    matches!((part(*left), part(*right)), (Some(left), Some(right)) if left != right)
}
