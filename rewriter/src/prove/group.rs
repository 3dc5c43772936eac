//! Groups in a form in which equal ones meet: without keys that tell nothing, and flat where groups of
//! groups are groups.

use std::sync::Arc;

use isomer_ir::{AggregateCall, AggregateFunction, Arena, Args, ColumnId, Literal, OverNothing, Scalar, ScalarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Prover;
use super::sum::{Atom, Sum, Term};
use super::translate::place_in;

/// What a sum shows at a place, where that is no news.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Known {
    /// The same constant in each row.
    Constant(ScalarId),
    /// What stands at an earlier place.
    Same(usize),
}

impl Prover<'_> {
    /// For each of the first `n` places what is known of it.
    pub(crate) fn known_shows(&mut self, sum: &Sum, n: usize) -> Vec<Option<Known>> {
        let canonical: Vec<Vec<ScalarId>> = sum
            .iter()
            .map(|term| {
                let closure = self.closure(&term.conds);
                term.shows.iter().take(n).map(|&shown| self.canonical(&closure, shown)).collect()
            })
            .collect();
        (0..n)
            .map(|place| {
                let first = canonical.first()?[place];
                let is_constant = matches!(self.context.arena[first], Scalar::Literal(_));
                if is_constant && canonical.iter().all(|shows| shows[place] == first) {
                    return Some(Known::Constant(first));
                }
                let earlier = (0..place).find(|&earlier| canonical.iter().all(|shows| shows[earlier] == shows[place]));
                earlier.map(Known::Same)
            })
            .collect()
    }

    /// Groups whose every row is a group of a finer grouping, as groups of the rows of that: sums of
    /// counts are counts, least of the least are the least.
    pub(crate) fn flattened_groups(
        &mut self,
        rows: &Sum,
        n_keys: usize,
        is_global: bool,
        calls: &[AggregateCall],
    ) -> Option<(Sum, Vec<AggregateCall>)> {
        let mut flat: Sum = Vec::new();
        let mut new_calls: Option<Vec<(AggregateFunction, bool)>> = None;
        let mut data_types = Vec::new();
        for term in rows {
            let [var] = term.vars.as_slice() else { return None };
            let Atom::Group { rows: inner, n_keys: n_inner, is_global: false, calls: inner_calls } = &*var.atom else {
                return None;
            };
            let computed: FxHashSet<ColumnId> = var.columns[*n_inner..].iter().copied().collect();
            let reads_computed =
                |arena: &Arena, scalar: ScalarId| arena.columns_of(scalar).iter().any(|id| computed.contains(id));
            let mut is_plain = true;
            let shown = Term { shows: term.shows[..n_keys].to_vec(), ..term.clone() };
            shown.scalars(&mut |scalar| is_plain &= !reads_computed(&self.context.arena, scalar));
            if !is_plain {
                return None;
            }
            let mut own: Vec<(AggregateFunction, bool)> = Vec::new();
            let mut args: Vec<Vec<Argument>> = Vec::new();
            data_types.clear();
            for call in calls {
                let (function, is_distinct, from) = self.rolled(call, term, var, *n_inner, inner_calls, is_global)?;
                own.push((function, is_distinct));
                args.push(from);
                data_types.push(call.data_type);
            }
            if new_calls.as_ref().is_some_and(|known| *known != own) {
                return None;
            }
            new_calls = Some(own);
            for row in inner {
                let row = self.freshened(row);
                let keys: FxHashMap<ColumnId, ScalarId> =
                    var.columns[..*n_inner].iter().copied().zip(row.shows.iter().copied()).collect();
                let outer = Term { vars: Vec::new(), ..term.clone() };
                let mut whole = self.replace_columns(&outer, &keys);
                let mut shows: Vec<ScalarId> = whole.shows[..n_keys].to_vec();
                for argument in args.iter().flatten() {
                    shows.push(match *argument {
                        Argument::Inner(place) => row.shows[place],
                        Argument::OfKeys(scalar) => self.context.arena.inline_columns(scalar, &keys),
                    });
                }
                whole.multiply(row);
                whole.shows = shows;
                flat.push(whole);
            }
            if new_calls.as_ref().is_some_and(|known| known.len() != calls.len()) {
                return None;
            }
            // All terms have the same arguments at the same places.
            if let Some(first) = flat.first()
                && flat.iter().any(|term| term.shows.len() != first.shows.len())
            {
                return None;
            }
        }
        let functions = new_calls?;
        let counts = self.argument_counts(rows.first()?, calls, &functions, is_global)?;
        let mut place = n_keys;
        let mut placed = Vec::with_capacity(calls.len());
        for ((call, (function, is_distinct)), n_args) in calls.iter().zip(functions).zip(counts) {
            let mut args = Args::new();
            for _ in 0..n_args {
                let shown = flat.first().map(|term| term.shows[place])?;
                args.push(place_column(&mut self.context.arena, place, shown));
                place += 1;
            }
            placed.push(AggregateCall { function, is_distinct, args, ..call.clone() });
        }
        Some((self.tidy_sum(flat, &[], false), placed))
    }

    fn argument_counts(
        &mut self,
        term: &Term,
        calls: &[AggregateCall],
        _functions: &[(AggregateFunction, bool)],
        is_global: bool,
    ) -> Option<Vec<usize>> {
        let var = term.vars.first()?;
        let Atom::Group { n_keys, calls: inner, .. } = &*var.atom else { return None };
        calls.iter().map(|call| Some(self.rolled(call, term, var, *n_keys, inner, is_global)?.2.len())).collect()
    }

    /// What an aggregate of groups is of the rows of these groups.
    fn rolled(
        &mut self,
        call: &AggregateCall,
        term: &Term,
        var: &super::sum::Var,
        n_inner: usize,
        inner_calls: &[AggregateCall],
        is_global: bool,
    ) -> Option<(AggregateFunction, bool, Vec<Argument>)> {
        if call.filter.is_some() || !call.order.is_empty() {
            return None;
        }
        let [arg] = call.args.as_slice() else { return None };
        let shown = term.shows[place_in(&self.context.arena, *arg)?];
        if let Scalar::Column(id) = self.context.arena[shown]
            && let Some(place) = var.columns.iter().position(|&column| column == id)
            && place >= n_inner
        {
            let inner = &inner_calls[place - n_inner];
            let is_rolled = inner.function.rolled_up_by() == Some(call.function)
                && (!call.is_distinct || call.function.is_duplicate_insensitive())
                // Over no groups a sum of counts is NULL, a count is zero.
                && (!is_global || inner.function.over_nothing() == OverNothing::Null);
            if !is_rolled || inner.is_distinct || inner.filter.is_some() || !inner.order.is_empty() {
                return None;
            }
            let places: Option<Vec<Argument>> =
                inner.args.iter().map(|&arg| place_in(&self.context.arena, arg).map(Argument::Inner)).collect();
            return Some((inner.function, false, places?));
        }
        let computed = &var.columns[n_inner..];
        let reads_keys = !self.context.arena.columns_of(shown).iter().any(|id| computed.contains(id));
        let is_insensitive = call.is_distinct || call.function.is_duplicate_insensitive();
        (reads_keys && is_insensitive).then(|| (call.function, call.is_distinct, vec![Argument::OfKeys(shown)]))
    }
}

/// Where an argument of a flattened aggregate comes from.
#[derive(Debug, Clone, Copy)]
enum Argument {
    /// A place of what the inner rows show.
    Inner(usize),
    /// A scalar over the inner groups' keys.
    OfKeys(ScalarId),
}

/// The column that stands for a place.
pub(crate) fn place_column(arena: &mut Arena, place: usize, shown: ScalarId) -> ScalarId {
    let data_type = arena.type_of(shown);
    let table: Arc<str> = Arc::from("#");
    let id = arena.base_column(&table, &format!("{place} {data_type}"), data_type);
    arena.column_ref(id)
}

/// Whether a literal is NULL.
pub(crate) fn is_null_literal(arena: &Arena, scalar: ScalarId) -> bool {
    matches!(&arena[scalar], Scalar::Literal(Literal::Null(_)))
}
