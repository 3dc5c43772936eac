//! Keys and calls of aggregates and windows, and the columns of set operations: what an operator of the
//! pattern computes is bound to what the found one computes.

use egg::Id;
use isomer_ir::{AggregateCall, ColumnId, Plan, Scalar, ScalarId, SortKey, WindowCall};
use isomer_rules::{Rule, list_holes};

use super::bindings::Bindings;
use super::matching::{MAX_MATCHES, Matcher};
use crate::operator::Operator;

/// Ways to bind a pattern with what is left to be named.
type Ways<T> = Vec<(Bindings, Vec<T>)>;

/// Whether a column of a template stands for a list: a `columns` hole, or a set operation of them.
pub(super) fn is_list(arena: &isomer_ir::Arena, rule: &Rule, column: ColumnId) -> bool {
    list_holes(rule, arena, column).is_some()
}

impl Matcher<'_> {
    /// A pattern that is an aggregate or a DISTINCT against an aggregate's keys and calls.
    pub(crate) fn grouped(
        &self,
        pattern: &Plan,
        input: Id,
        keys: &[(ColumnId, ScalarId)],
        calls: &[(ColumnId, AggregateCall)],
        bindings: &Bindings,
    ) -> Vec<Bindings> {
        let (below, wanted_keys, wanted_calls): (&Plan, Vec<(ColumnId, ScalarId)>, &[_]) = match pattern {
            Plan::Aggregate { input, keys, calls } => (input, keys.clone(), calls.as_slice()),
            Plan::Distinct { input } => match &**input {
                Plan::Project { input, exprs } => (input, exprs.clone(), &[]),
                _ => return Vec::new(),
            },
            _ => return Vec::new(),
        };
        let mut ways: Ways<(ColumnId, ScalarId)> =
            self.exact(below, input, bindings).into_iter().map(|found| (found, keys.to_vec())).collect();
        let list_of = |scalar: ScalarId| match self.arena()[scalar] {
            Scalar::Column(symbol) if is_list(self.arena(), self.rule, symbol) => Some(symbol),
            _ => None,
        };
        for &(id, pattern) in wanted_keys.iter().filter(|(_, scalar)| list_of(*scalar).is_none()) {
            ways = self.with_key(id, pattern, &ways);
        }
        for symbol in wanted_keys.iter().filter_map(|(_, scalar)| list_of(*scalar)) {
            ways.retain_mut(|(bindings, rest)| self.take_list(symbol, bindings, rest));
        }
        ways.retain(|(_, rest)| rest.is_empty());
        let mut found: Ways<(ColumnId, AggregateCall)> =
            ways.into_iter().map(|(bindings, _)| (bindings, calls.to_vec())).collect();
        for (id, pattern) in wanted_calls {
            found = self.with_each(&found, |bindings, (column, call)| {
                let bound = self.aggregate_call(pattern, call, bindings)?;
                self.computed(*id, *column, bound)
            });
        }
        found.retain(|(_, rest)| rest.is_empty());
        found.into_iter().map(|(bindings, _)| bindings).collect()
    }

    /// Gives a list its group keys; one that is bound already must have them all.
    fn take_list(&self, symbol: ColumnId, bindings: &mut Bindings, rest: &mut Vec<(ColumnId, ScalarId)>) -> bool {
        let bound = bindings.lists.get(&symbol).cloned();
        let table = bindings.table_of(self.arena(), symbol);
        let (taken, left): (Vec<_>, Vec<_>) = rest.iter().partition(|(id, scalar)| {
            self.arena()[*scalar] == Scalar::Column(*id)
                && match &bound {
                    Some(bound) => bound.contains(id),
                    None => table.is_some_and(|class| self.memo.facts(class).exposes(*id)),
                }
        });
        let taken: Vec<ColumnId> = taken.into_iter().map(|(id, _)| id).collect();
        *rest = left;
        match bound {
            Some(bound) => bound.iter().all(|column| taken.contains(column)),
            None => {
                bindings.lists.insert(symbol, taken);
                true
            }
        }
    }

    fn with_key(
        &self,
        id: ColumnId,
        pattern: ScalarId,
        ways: &Ways<(ColumnId, ScalarId)>,
    ) -> Ways<(ColumnId, ScalarId)> {
        self.with_each(ways, |bindings, &(key, scalar)| {
            let mut bound = self.scalar(pattern, scalar, bindings)?;
            if self.arena()[pattern] != Scalar::Column(id) {
                return self.computed(id, key, bound);
            }
            // A hole is a key of its own name; the found one may be computed.
            if self.arena()[scalar] != Scalar::Column(key) {
                bound.keys.insert(id, key);
            }
            Some(bound)
        })
    }

    /// Every way to name one more of what is left.
    fn with_each<T: Clone>(&self, ways: &Ways<T>, name: impl Fn(&Bindings, &T) -> Option<Bindings>) -> Ways<T> {
        let mut next = Vec::new();
        for (bindings, rest) in ways {
            for (position, found) in rest.iter().enumerate() {
                if let Some(bindings) = name(bindings, found) {
                    let mut left = rest.clone();
                    left.remove(position);
                    next.push((bindings, left));
                }
            }
        }
        next.truncate(MAX_MATCHES);
        next
    }

    /// The pattern's column `id` is the found `column`.
    fn computed(&self, id: ColumnId, column: ColumnId, mut bindings: Bindings) -> Option<Bindings> {
        let shown = self.arena().known_column_ref(column)?;
        let bound = *bindings.scalars.entry(id).or_insert(shown);
        (bound == shown).then_some(bindings)
    }

    fn aggregate_call(&self, pattern: &AggregateCall, call: &AggregateCall, bindings: &Bindings) -> Option<Bindings> {
        let is_same_shape = pattern.function == call.function
            && pattern.is_distinct == call.is_distinct
            && pattern.filter.is_none()
            && call.filter.is_none()
            && call.order.is_empty();
        if is_same_shape { self.scalars(&pattern.args, &call.args, bindings) } else { None }
    }

    /// The windows of a pattern against all windows of a class's member.
    pub(super) fn windows(&self, pattern: &Plan, class: Id, bindings: &Bindings) -> Vec<Bindings> {
        let Plan::Window { input, calls } = pattern else { return Vec::new() };
        let mut found = Vec::new();
        for node in &self.memo.egraph[class].nodes {
            let Operator::Window { calls: others } = self.memo.operator(node) else { continue };
            let mut ways: Ways<(ColumnId, WindowCall)> = self
                .exact(input, node.inputs[0], bindings)
                .into_iter()
                .map(|bindings| (bindings, others.clone()))
                .collect();
            for (id, call) in calls {
                ways = self.with_each(&ways, |bindings, (column, other)| {
                    let bound = self.window_call(call, other, bindings)?;
                    self.computed(*id, *column, bound)
                });
            }
            found.extend(ways.into_iter().filter(|(_, rest)| rest.is_empty()).map(|(bindings, _)| bindings));
        }
        found
    }

    fn window_call(&self, pattern: &WindowCall, call: &WindowCall, bindings: &Bindings) -> Option<Bindings> {
        let is_same_shape = pattern.function == call.function
            && pattern.is_ignoring_nulls == call.is_ignoring_nulls
            && pattern.filter.is_none()
            && call.filter.is_none()
            && pattern.frame == call.frame
            && pattern.partition.len() == call.partition.len();
        if !is_same_shape {
            return None;
        }
        let bindings = self.sort_keys(&pattern.order, &call.order, bindings)?;
        let bindings = self.scalars(&pattern.args, &call.args, &bindings)?;
        // Partition keys have no order of their own.
        let mut ways: Ways<ScalarId> = vec![(bindings, call.partition.to_vec())];
        for &key in &pattern.partition {
            ways = self.with_each(&ways, |bindings, &found| self.scalar(key, found, bindings));
        }
        ways.into_iter().next().map(|(bindings, _)| bindings)
    }

    /// Orders are the same key by key.
    pub(super) fn sort_keys(&self, pattern: &[SortKey], found: &[SortKey], bindings: &Bindings) -> Option<Bindings> {
        let is_alike =
            |(a, b): (&SortKey, &SortKey)| a.is_descending == b.is_descending && a.is_nulls_first == b.is_nulls_first;
        if pattern.len() != found.len() || !pattern.iter().zip(found).all(is_alike) {
            return None;
        }
        let scalars = |keys: &[SortKey]| keys.iter().map(|key| key.scalar).collect::<Vec<ScalarId>>();
        self.scalars(&scalars(pattern), &scalars(found), bindings)
    }

    /// The columns of a set operation against the pattern's: single ones first, lists take the rest, each
    /// position the first list whose tables have it in every branch.
    pub(super) fn positions(
        &self,
        (wanted, columns): (&[&Vec<ColumnId>], &[ColumnId]),
        (taken, out): (&[&Vec<ColumnId>], &[ColumnId]),
        bindings: &Bindings,
    ) -> Vec<Bindings> {
        let (lists, singles): (Vec<usize>, Vec<usize>) =
            (0..columns.len()).partition(|&position| is_list(self.arena(), self.rule, columns[position]));
        let mut ways: Ways<usize> = vec![(bindings.clone(), (0..out.len()).collect())];
        for single in singles {
            ways = self.with_each(&ways, |bindings, &position| {
                let mut bound = bindings.clone();
                for (wanted, taken) in wanted.iter().zip(taken) {
                    let found = self.arena().known_column_ref(taken[position])?;
                    bound = self.scalar(self.arena().known_column_ref(wanted[single])?, found, &bound)?;
                }
                self.computed(columns[single], out[position], bound)
            });
        }
        ways.into_iter()
            .filter_map(|(bindings, rest)| {
                self.list_positions((wanted, columns), (taken, out), &lists, (bindings, rest))
            })
            .collect()
    }

    fn list_positions(
        &self,
        (wanted, columns): (&[&Vec<ColumnId>], &[ColumnId]),
        (taken, out): (&[&Vec<ColumnId>], &[ColumnId]),
        lists: &[usize],
        (mut bindings, rest): (Bindings, Vec<usize>),
    ) -> Option<Bindings> {
        let fits = |list: usize, position: usize| {
            wanted.iter().zip(taken).all(|(wanted, taken)| {
                let table = bindings.table_of(self.arena(), wanted[list]);
                table.is_some_and(|class| self.memo.facts(class).exposes(taken[position]))
            })
        };
        let mut given: Vec<Vec<usize>> = vec![Vec::new(); lists.len()];
        for position in rest {
            let place = lists.iter().position(|&list| fits(list, position))?;
            given[place].push(position);
        }
        for (&list, positions) in lists.iter().zip(&given) {
            let sides = wanted.iter().zip(taken).map(|(wanted, taken)| (wanted[list], *taken));
            let shown = std::iter::once((columns[list], out));
            for (symbol, from) in sides.map(|(symbol, from)| (symbol, from.as_slice())).chain(shown) {
                let own: Vec<ColumnId> = positions.iter().map(|&position| from[position]).collect();
                let bound = bindings.lists.entry(symbol).or_insert_with(|| own.clone());
                if *bound != own {
                    return None;
                }
            }
        }
        Some(bindings)
    }
}
