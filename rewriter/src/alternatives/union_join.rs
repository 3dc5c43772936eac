//! Joins and unions: what every branch of a union joins is joined once above it; and a join of a union is the
//! union of joins of which some are there already.

use std::sync::Arc;

use egg::Id;
use isomer_ir::{ColumnId, Function, JoinKind, Scalar, ScalarId, SetOpKind};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::{are_connected, union_all};
use crate::memo::{Memo, Origin};
use crate::operator::{Node, Operator};
use crate::simplify::Switches;

const PULL: &str = "pull-join-from-union";
const PUSH: &str = "push-join-into-union";

/// Branches and columns of a union.
type Union<'a> = (&'a [Id], &'a [Vec<ColumnId>], &'a [ColumnId]);

/// A branch that is a join.
struct Branch {
    /// `None` for an inner join of any number of inputs.
    kind: Option<JoinKind>,
    inputs: Vec<Id>,
    on: Vec<ScalarId>,
}

/// A condition between a column of the branch and the common input: function, the branch's column, the other
/// side. The branch stands left.
type Across = (Function, ColumnId, ScalarId);

/// Joins what all branches join above the union. Returns whether anything was added.
pub(super) fn pull(memo: &mut Memo, switches: &mut Switches, class: Id, union: Union<'_>) -> bool {
    if !switches.is_on(PULL) || union.0.len() < 2 {
        return false;
    }
    let Some(branches) = union.0.iter().map(|&input| branch_of(memo, input)).collect::<Option<Vec<Branch>>>() else {
        return false;
    };
    let kind = branches[0].kind;
    if branches.iter().any(|branch| branch.kind != kind) {
        return false;
    }
    let is_pullable = |input: Id| match kind {
        None => branches.iter().all(|branch| branch.inputs.contains(&input)),
        Some(_) => branches.iter().all(|branch| branch.inputs[1] == input),
    };
    let common: Vec<Id> = branches[0].inputs.iter().copied().filter(|&input| is_pullable(input)).collect();
    if common.is_empty() || common.iter().any(|&input| memo.facts(input).is_volatile) {
        return false;
    }
    let mut tried = vec![common.clone()];
    if common.len() > 1 {
        tried.extend(common.iter().map(|&input| vec![input]));
    }
    for common in tried {
        if let Some(is_added) = pull_common(memo, (class, union), &branches, &common) {
            if is_added {
                switches.fire(PULL);
            }
            return is_added;
        }
    }
    false
}

/// The join that a branch is, as it was written.
fn branch_of(memo: &Memo, class: Id) -> Option<Branch> {
    memo.egraph[class].nodes.iter().filter(|node| memo.origin(node).is_none()).find_map(|node| {
        let inputs = node.inputs.iter().map(|&input| memo.egraph.find(input)).collect();
        match memo.operator(node) {
            Operator::InnerJoin { on } => Some(Branch { kind: None, inputs, on: on.clone() }),
            Operator::Join { kind: kind @ (JoinKind::Left | JoinKind::Semi | JoinKind::Anti), on } => {
                Some(Branch { kind: Some(*kind), inputs, on: on.clone() })
            }
            _ => None,
        }
    })
}

/// The branches without the common inputs, and the condition that joins those again.
struct Without {
    class: Vec<Id>,
    across: Vec<Vec<Across>>,
    /// Conditions of the common inputs alone.
    beside: Vec<ScalarId>,
}

fn pull_common(
    memo: &mut Memo,
    (class, (_, taken, columns)): (Id, Union<'_>),
    branches: &[Branch],
    common: &[Id],
) -> Option<bool> {
    let origin = Origin { rule: Arc::from(PULL), facts: vec![format!("{} branches join it", branches.len())] };
    let shared: Vec<ColumnId> = common.iter().flat_map(|&input| memo.columns(input).iter().copied()).collect();
    let without = without(memo, branches, common, &shared, &origin)?;
    // Columns of the union: those that it showed of the branches' own, then those that join.
    let mut carried: Vec<Vec<ColumnId>> = vec![Vec::new(); branches.len()];
    let mut shown: Vec<Result<usize, ColumnId>> = Vec::with_capacity(columns.len());
    for position in 0..columns.len() {
        let below: Vec<ColumnId> = taken.iter().map(|taken| taken[position]).collect();
        let n_shared = below.iter().filter(|column| shared.contains(column)).count();
        if n_shared == 0 {
            shown.push(Ok(carried[0].len()));
            carried.iter_mut().zip(below).for_each(|(carried, column)| carried.push(column));
        } else if n_shared == below.len() && below.iter().all(|column| *column == below[0]) {
            shown.push(Err(below[0]));
        } else {
            return None;
        }
    }
    let first_key = carried[0].len();
    for (carried, across) in carried.iter_mut().zip(&without.across) {
        carried.extend(across.iter().map(|&(_, column, _)| column));
    }
    let (union, ids) = union_all(memo, without.class.iter().copied().zip(carried).collect(), &origin)?;
    let inputs: Vec<Id> = [union].into_iter().chain(common.iter().copied()).collect();
    if !memo.are_disjoint(&inputs) {
        return None;
    }
    let arena = &mut memo.context_mut().arena;
    let mut on = without.beside;
    for (&(function, _, other), &id) in without.across[0].iter().zip(&ids[first_key..]) {
        let column = arena.column_ref(id);
        on.push(arena.comparison(function, column, other));
    }
    let exprs: Vec<(ColumnId, ScalarId)> = columns
        .iter()
        .zip(shown)
        .map(|(&column, shown)| {
            let from = match shown {
                Ok(position) => ids[position],
                Err(shared) => shared,
            };
            (column, arena.column_ref(from))
        })
        .collect();
    let joined = match branches[0].kind {
        None => memo.add_made(Operator::InnerJoin { on }, &inputs, &origin),
        Some(kind) => memo.add_made(Operator::Join { kind, on }, &inputs, &origin),
    };
    Some(memo.add_equal(class, Operator::Project { exprs }, &[joined], &origin))
}

fn without(
    memo: &mut Memo,
    branches: &[Branch],
    common: &[Id],
    shared: &[ColumnId],
    origin: &Origin,
) -> Option<Without> {
    let mut all = Without { class: Vec::new(), across: Vec::new(), beside: Vec::new() };
    for (index, branch) in branches.iter().enumerate() {
        let own: Vec<Id> = branch.inputs.iter().copied().filter(|input| !common.contains(input)).collect();
        let columns: Vec<ColumnId> = own.iter().flat_map(|&input| memo.columns(input).iter().copied()).collect();
        let arena = &memo.context().arena;
        let mut within = Vec::new();
        let mut beside = Vec::new();
        let mut across: Vec<Across> = Vec::new();
        for &conjunct in &branch.on {
            if arena.reads_only(conjunct, shared) {
                beside.push(conjunct);
            } else if arena.reads_only(conjunct, &columns) && branch.kind.is_none() {
                within.push(conjunct);
            } else {
                across.push(across_of(memo, conjunct, &columns, shared)?);
            }
        }
        across.sort_by_key(|&(function, _, other)| (function, other));
        // Two conditions on one value of the common input could be told apart only by their branch.
        let is_plain = across.windows(2).all(|pair| (pair[0].0, pair[0].2) != (pair[1].0, pair[1].2));
        if own.is_empty() || across.is_empty() || !is_plain || !are_connected(memo, &own, &within) {
            return None;
        }
        if index == 0 {
            all.beside = beside;
        } else {
            let first = all.across[0].iter().map(|&(function, _, other)| (function, other));
            if all.beside != beside || !first.eq(across.iter().map(|&(function, _, other)| (function, other))) {
                return None;
            }
        }
        let class = match own.as_slice() {
            [one] if within.is_empty() => *one,
            [one] => memo.add_made(Operator::Filter { holds: within }, &[*one], origin),
            several => memo.add_made(Operator::InnerJoin { on: within }, several, origin),
        };
        all.class.push(class);
        all.across.push(across);
    }
    Some(all)
}

/// A comparison of a column of a branch with something of the common input.
fn across_of(memo: &Memo, conjunct: ScalarId, own: &[ColumnId], shared: &[ColumnId]) -> Option<Across> {
    let arena = &memo.context().arena;
    let Scalar::Call { function, args, .. } = &arena[conjunct] else { return None };
    let &[left, right] = args.as_slice() else { return None };
    let flipped = function.flipped()?;
    let pair = |one: ScalarId, other: ScalarId| match arena[one] {
        Scalar::Column(column) if own.contains(&column) && arena.reads_only(other, shared) => Some((column, other)),
        _ => None,
    };
    match (pair(left, right), pair(right, left)) {
        (Some((column, other)), _) => Some((*function, column, other)),
        (_, Some((column, other))) => Some((flipped, column, other)),
        _ => None,
    }
}

/// Joins each branch of a union where the join of some branch is there already: what another model computes is
/// read. Returns whether anything was added.
pub(super) fn push(memo: &mut Memo, switches: &mut Switches, class: Id, inputs: &[Id], on: &[ScalarId]) -> bool {
    if !switches.is_on(PUSH) || inputs.iter().any(|&input| memo.facts(input).is_volatile) {
        return false;
    }
    let columns = memo.columns(class).to_vec();
    for (place, &input) in inputs.iter().enumerate() {
        let written = memo.egraph[input].nodes.iter().filter(|node| memo.origin(node).is_none());
        let union = written
            .filter_map(|node| match memo.operator(node) {
                Operator::SetOp { kind: SetOpKind::UnionAll, taken, columns } => {
                    Some((node.inputs.clone(), taken.clone(), columns.clone()))
                }
                _ => None,
            })
            .next();
        let Some((branches, taken, shown)) = union else { continue };
        let mut joins = Vec::with_capacity(branches.len());
        for (&branch, taken) in branches.iter().zip(&taken) {
            let arena = &mut memo.context_mut().arena;
            let definitions: FxHashMap<ColumnId, ScalarId> =
                shown.iter().zip(taken).map(|(&id, &from)| (id, arena.column_ref(from))).collect();
            let on: Vec<ScalarId> = on.iter().map(|&cond| renamed(arena, cond, &definitions)).collect();
            let mut inputs: Vec<Id> = inputs.to_vec();
            inputs[place] = branch;
            let below: Vec<ColumnId> = columns
                .iter()
                .map(|column| shown.iter().position(|id| id == column).map_or(*column, |position| taken[position]))
                .collect();
            joins.push((Operator::InnerJoin { on }, inputs, below));
        }
        let is_disjoint = joins.iter().all(|(_, inputs, _)| memo.are_disjoint(inputs));
        if !is_disjoint || !joins.iter().any(|(operator, inputs, _)| is_known(memo, operator, inputs)) {
            continue;
        }
        let origin =
            Origin { rule: Arc::from(PUSH), facts: vec!["the join of a branch is computed anyway".to_owned()] };
        let made = joins
            .into_iter()
            .map(|(operator, inputs, below)| (memo.add_made(operator, &inputs, &origin), below))
            .collect();
        let Some((union, ids)) = union_all(memo, made, &origin) else { continue };
        let arena = &mut memo.context_mut().arena;
        let exprs = columns.iter().zip(ids).map(|(&column, from)| (column, arena.column_ref(from))).collect();
        let is_added = memo.add_equal(class, Operator::Project { exprs }, &[union], &origin);
        if is_added {
            switches.fire(PUSH);
        }
        return is_added;
    }
    false
}

/// A condition over a branch's own columns, in the orientation that it has when it is written there.
fn renamed(arena: &mut isomer_ir::Arena, cond: ScalarId, definitions: &FxHashMap<ColumnId, ScalarId>) -> ScalarId {
    let cond = arena.inline_columns(cond, definitions);
    match arena[cond].clone() {
        Scalar::Call { function, args, .. } if function.flipped().is_some() && args.len() == 2 => {
            arena.comparison(function, args[0], args[1])
        }
        _ => cond,
    }
}

/// Whether an operator over these inputs is in the e-graph and was written by a user.
fn is_known(memo: &mut Memo, operator: &Operator, inputs: &[Id]) -> bool {
    let mut inputs: SmallVec<[Id; 2]> = inputs.iter().map(|&input| memo.egraph.find(input)).collect();
    inputs.sort_unstable();
    let operator = memo.context_mut().intern(operator.clone());
    let node = Node { operator, inputs };
    memo.egraph.lookup(node.clone()).is_some() && memo.origin(&node).is_none()
}
