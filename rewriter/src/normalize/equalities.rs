//! What equalities of columns say: which columns hold one value, and what is known of one by what is
//! known of another.
//!
//! Only types whose equal values are the same value take part: floats have two zeros, and intervals
//! of equal length print differently.

use isomer_ir::{Arena, ColumnId, DataType, Function, JoinKind, Plan, Scalar, ScalarId, SetOpKind, Volatility};

use super::{Definitions, peek};
use crate::facts::equal_columns;

/// Largest predicate that is repeated for another column, in scalar nodes.
const MAX_REPEATED_SIZE: u64 = 60;

/// Sets of columns that are equal and not NULL in every row.
#[derive(Debug, Default, Clone)]
pub(crate) struct Equalities {
    classes: Vec<Vec<ColumnId>>,
}

impl Equalities {
    /// What the conjuncts of `holds` say.
    pub(crate) fn of(arena: &Arena, holds: &[ScalarId]) -> Self {
        let mut equalities = Self::default();
        for &predicate in holds {
            if let Some((left, right)) = equal_columns(arena, predicate)
                && is_exact(arena, left, right)
            {
                equalities.add(left, right);
            }
        }
        equalities
    }

    fn add(&mut self, left: ColumnId, right: ColumnId) {
        let of = |column: ColumnId, classes: &[Vec<ColumnId>]| classes.iter().position(|class| class.contains(&column));
        match (of(left, &self.classes), of(right, &self.classes)) {
            (Some(a), Some(b)) if a != b => {
                let merged = self.classes.remove(a.max(b));
                self.classes[a.min(b)].extend(merged);
            }
            (Some(_), Some(_)) => {}
            (Some(a), None) => self.classes[a].push(right),
            (None, Some(b)) => self.classes[b].push(left),
            (None, None) => self.classes.push(vec![left, right]),
        }
    }

    /// The sets, each sorted.
    pub(crate) fn classes(&self) -> Vec<Vec<ColumnId>> {
        let mut classes = self.classes.clone();
        for class in &mut classes {
            class.sort_unstable();
        }
        classes.sort();
        classes
    }

    /// The columns that equal `column`, itself not among them, sorted.
    pub(crate) fn equal_to(&self, column: ColumnId) -> Vec<ColumnId> {
        let mut others: Vec<ColumnId> = self
            .classes
            .iter()
            .filter(|class| class.contains(&column))
            .flatten()
            .copied()
            .filter(|&other| other != column)
            .collect();
        others.sort_unstable();
        others
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The predicates that hold where `known` hold, written over `columns` alone: each column that is
    /// not among them is replaced by an equal one that is. Those that say nothing new are left out.
    pub(crate) fn moved_to(
        &self,
        arena: &mut Arena,
        known: &[ScalarId],
        columns: &[ColumnId],
        already: &[ScalarId],
    ) -> Vec<ScalarId> {
        let mut moved = Vec::new();
        for &predicate in known {
            let read = arena.columns_of(predicate).to_vec();
            if read.is_empty() || arena.tree_size(predicate) > MAX_REPEATED_SIZE || !may_move(arena, predicate) {
                continue;
            }
            let mut map = Definitions::default();
            let is_covered = read.iter().all(|&column| {
                if columns.contains(&column) {
                    return true;
                }
                let Some(&other) = self.equal_to(column).iter().find(|other| columns.contains(other)) else {
                    return false;
                };
                let reference = arena.column_ref(other);
                map.insert(column, reference);
                true
            });
            if !is_covered || map.is_empty() {
                continue;
            }
            let predicate = inlined(arena, predicate, &map);
            if !already.contains(&predicate) && !moved.contains(&predicate) && !is_trivial(arena, predicate) {
                moved.push(predicate);
            }
        }
        moved
    }
}

/// A conjunct with columns replaced; comparisons are written anew, so that their operands stand in order.
pub(crate) fn inlined(arena: &mut Arena, predicate: ScalarId, map: &Definitions) -> ScalarId {
    let inlined = arena.inline_columns(predicate, map);
    match arena[inlined].clone() {
        Scalar::Call { function, args, .. } if function.flipped().is_some() && args.len() == 2 => {
            arena.comparison(function, args[0], args[1])
        }
        _ => inlined,
    }
}

/// Whether equal values of the two columns are one value.
pub(crate) fn is_exact(arena: &Arena, left: ColumnId, right: ColumnId) -> bool {
    let data_type = arena.column_type(left);
    data_type == arena.column_type(right)
        && (data_type.is_integer()
            || matches!(
                data_type,
                DataType::Boolean
                    | DataType::Decimal { .. }
                    | DataType::Text
                    | DataType::Date
                    | DataType::Timestamp
                    | DataType::Uuid
            ))
}

/// Whether a predicate may be asked of another row as well: it gives the same answer each time and
/// never fails.
fn may_move(arena: &Arena, predicate: ScalarId) -> bool {
    arena.volatility(predicate) == Volatility::Immutable && !arena.can_raise(predicate)
}

/// `a = a`, and tests for NULL, which an equality answers by itself.
fn is_trivial(arena: &Arena, predicate: ScalarId) -> bool {
    match &arena[predicate] {
        Scalar::Call { function: Function::Eq, args, .. } => args.first() == args.get(1),
        Scalar::Call { function: Function::Not, args, .. } => {
            matches!(&arena[args[0]], Scalar::Call { function: Function::IsNull, .. })
        }
        _ => false,
    }
}

/// Predicates that hold for every row of a plan in normal form, over columns that it exposes. May miss
/// some, never invents one.
pub(crate) fn known_predicates(arena: &mut Arena, plan: &Plan) -> Vec<ScalarId> {
    let known = match peek(plan) {
        Plan::Filter { input, holds } => {
            let mut known = known_predicates(arena, input);
            known.extend_from_slice(holds);
            known
        }
        Plan::Sort { input, .. }
        | Plan::Limit { input, .. }
        | Plan::Window { input, .. }
        | Plan::Unnest { input, .. }
        | Plan::Distinct { input } => known_predicates(arena, input),
        Plan::Join { kind, left, right, on } => match kind {
            JoinKind::Inner => {
                let mut known = known_predicates(arena, left);
                known.extend(known_predicates(arena, right));
                known.extend_from_slice(on);
                known
            }
            JoinKind::Full => Vec::new(),
            JoinKind::Left
            | JoinKind::Single
            | JoinKind::Semi
            | JoinKind::Anti
            | JoinKind::AntiNullAware
            | JoinKind::Mark(_) => known_predicates(arena, left),
        },
        Plan::Aggregate { input, keys, .. } => {
            let known = known_predicates(arena, input);
            renamed(arena, &known, keys)
        }
        Plan::Project { input, exprs } => {
            let known = known_predicates(arena, input);
            renamed(arena, &known, exprs)
        }
        Plan::Instance { input, k } => {
            let known = known_predicates(arena, input);
            let mut map = Definitions::default();
            for column in input.columns(arena) {
                let renamed = arena.instance(column, *k);
                map.insert(column, arena.column_ref(renamed));
            }
            known.into_iter().map(|predicate| inlined(arena, predicate, &map)).collect()
        }
        Plan::SetOp { kind: SetOpKind::UnionAll, inputs, columns } => union_predicates(arena, inputs, columns),
        // A key is NULL in the rows of some sets.
        Plan::GroupingSets { .. } => Vec::new(),
        // What holds of the start need not hold of what a step makes of it, and nothing is told through a sample.
        Plan::RecursiveUnion { .. } | Plan::WorkTable { .. } | Plan::Sample { .. } | Plan::ScanAt { .. } => Vec::new(),
        Plan::SetOp { .. } | Plan::Scan { .. } | Plan::Values { .. } | Plan::Empty { .. } | Plan::Hole { .. } => {
            Vec::new()
        }
        Plan::Named { .. } => Vec::new(),
    };
    known.into_iter().filter(|&predicate| may_move(arena, predicate)).collect()
}

/// Predicates over an input, over the columns that pass it on unchanged.
fn renamed(arena: &mut Arena, known: &[ScalarId], exprs: &[(ColumnId, ScalarId)]) -> Vec<ScalarId> {
    let mut map = Definitions::default();
    for &(id, scalar) in exprs {
        if let Scalar::Column(column) = arena[scalar] {
            let reference = arena.column_ref(id);
            map.entry(column).or_insert(reference);
        }
    }
    let mut kept = Vec::new();
    for &predicate in known {
        if arena.columns_of(predicate).iter().all(|column| map.contains_key(column)) {
            kept.push(inlined(arena, predicate, &map));
        }
    }
    kept
}

/// Of each column of a union: one of the branches' predicates on it holds.
fn union_predicates(arena: &mut Arena, inputs: &[(Plan, Vec<ColumnId>)], columns: &[ColumnId]) -> Vec<ScalarId> {
    let branches: Vec<Vec<ScalarId>> = inputs.iter().map(|(plan, _)| known_predicates(arena, plan)).collect();
    let mut kept = Vec::new();
    for (position, &column) in columns.iter().enumerate() {
        let mut choices = Vec::new();
        for ((_, taken), known) in inputs.iter().zip(&branches) {
            let own: Vec<ScalarId> =
                known.iter().copied().filter(|&predicate| arena.columns_of(predicate) == [taken[position]]).collect();
            if own.is_empty() {
                choices.clear();
                break;
            }
            let reference = arena.column_ref(column);
            let map = Definitions::from_iter([(taken[position], reference)]);
            let own: Vec<ScalarId> = own.into_iter().map(|predicate| inlined(arena, predicate, &map)).collect();
            choices.push(arena.and(own));
        }
        if !choices.is_empty() {
            choices.sort_unstable();
            choices.dedup();
            kept.push(arena.or(choices));
        }
    }
    kept
}
