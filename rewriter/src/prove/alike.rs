//! Laying one sum over another: which variables correspond, and whether everything else then does.
//!
//! Rows count: a bijection of variables, under which each side's conditions follow from the other's.
//! Rows count once: for each term a way to find the other's rows among its own, both ways.

use std::rc::Rc;

use isomer_ir::{AggregateCall, Arena, ColumnId, ScalarId, WindowCall};
use rustc_hash::FxHashMap;

use super::Prover;
use super::closure::Closure;
use super::sum::{Atom, Sum, Term, Var};
use super::translate::place_in;

type Map = FxHashMap<ColumnId, ScalarId>;
/// Tells for a relation of places which calls correspond, or that the relation will not do.
type FindPartners<'f> = dyn FnMut(&mut Arena, &[Vec<bool>]) -> Option<Partners> + 'f;
/// The partner of each call, and the places that calls and orders read on both sides.
type Partners = (Vec<Option<usize>>, Vec<(usize, usize)>);
/// For each column of one atom the column of the other that holds the same.
pub(crate) type Places = Vec<Option<usize>>;

/// A term with what surely exists in it multiplied in, and what follows from its conditions.
struct Flat {
    vars: Vec<Var>,
    conds: Vec<ScalarId>,
    choices: Vec<Sum>,
    absent: Vec<Term>,
    closure: Closure,
}

impl Prover<'_> {
    /// Whether two sums give the same rows, each as often; as sets with `is_set`.
    pub(crate) fn sums_alike(&mut self, left: &Sum, right: &Sum, is_set: bool) -> bool {
        if is_set {
            return self.is_covered(left, right) && self.is_covered(right, left);
        }
        if left.len() != right.len() {
            return false;
        }
        let mut open: Vec<usize> = (0..right.len()).collect();
        left.iter().all(|term| match open.iter().position(|&other| self.are_alike(term, &right[other], false)) {
            Some(place) => {
                open.remove(place);
                true
            }
            None => false,
        })
    }

    fn is_covered(&mut self, sum: &Sum, by: &Sum) -> bool {
        sum.iter().all(|term| {
            let flat = self.flat(term, &[]);
            by.iter().any(|other| self.finds(other, &flat, Some(&term.shows)))
        })
    }

    /// Whether two terms give the same rows.
    pub(crate) fn are_alike(&mut self, left: &Term, right: &Term, is_set: bool) -> bool {
        if left.shows.len() != right.shows.len() {
            return false;
        }
        if is_set {
            let (a, b) = (vec![left.clone()], vec![right.clone()]);
            return self.is_covered(&a, &b) && self.is_covered(&b, &a);
        }
        let (left_flat, right_flat) = (self.flat(left, &[]), self.flat(right, &[]));
        self.alignments(left, right, &mut |prover, map| {
            let shows = prover.replace_scalars(&left.shows, map);
            shows
                .iter()
                .zip(&right.shows)
                .all(|(&a, &b)| prover.value(&right_flat.closure, a) == prover.value(&right_flat.closure, b))
                && prover.follow_each_other((left, &left_flat), (right, &right_flat), map)
        })
    }

    /// Whether under a map of variables each term's demands follow from the other's.
    fn follow_each_other(&mut self, left: (&Term, &Flat), right: (&Term, &Flat), map: &Map) -> bool {
        let mut inverse = Map::default();
        for var in &left.0.vars {
            for &column in &var.columns {
                let Some(&to) = map.get(&column) else { continue };
                if let isomer_ir::Scalar::Column(to) = self.context.arena[to] {
                    let from = self.column(column);
                    inverse.insert(to, from);
                }
            }
        }
        for var in &right.0.vars {
            for &column in &var.columns {
                let nothing = self.nothing(column);
                inverse.entry(column).or_insert(nothing);
            }
        }
        let mapped = self.replace_columns(left.0, map);
        let back = self.replace_columns(right.0, &inverse);
        self.meets(&mapped, right.1) && self.meets(&back, left.1)
    }

    /// Whether a term's demands on variables that are all given follow.
    fn meets(&mut self, term: &Term, flat: &Flat) -> bool {
        term.conds.iter().all(|&cond| self.implies(&flat.closure, cond))
            && term.exists.iter().all(|sum| self.flat_has_row(flat, sum))
            && term.absent.iter().all(|absent| self.flat_lacks(flat, absent))
    }

    /// Calls `check` with each bijection of variables until one passes.
    fn alignments(&mut self, left: &Term, right: &Term, check: &mut dyn FnMut(&mut Self, &Map) -> bool) -> bool {
        if left.vars.len() != right.vars.len() {
            return false;
        }
        let mut taken = vec![false; right.vars.len()];
        self.align(left, right, 0, &mut taken, &mut Map::default(), check)
    }

    fn align(
        &mut self,
        left: &Term,
        right: &Term,
        place: usize,
        taken: &mut Vec<bool>,
        map: &mut Map,
        check: &mut dyn FnMut(&mut Self, &Map) -> bool,
    ) -> bool {
        if self.spend(1).is_none() {
            return false;
        }
        let Some(var) = left.vars.get(place) else { return check(self, map) };
        for other in 0..right.vars.len() {
            if taken[other] {
                continue;
            }
            let Some(places) = self.places(&var.atom, &right.vars[other].atom) else { continue };
            taken[other] = true;
            let before = map.clone();
            self.extend_map(map, var, &right.vars[other], &places);
            if self.align(left, right, place + 1, taken, map, check) {
                return true;
            }
            *map = before;
            taken[other] = false;
        }
        false
    }

    fn extend_map(&mut self, map: &mut Map, from: &Var, to: &Var, places: &Places) {
        for (&column, place) in from.columns.iter().zip(places) {
            let scalar = match place {
                Some(place) => self.column(to.columns[*place]),
                None => self.nothing(column),
            };
            map.insert(column, scalar);
        }
    }

    /// A column that is equal to no other: what a column without a partner is mapped to.
    fn nothing(&mut self, column: ColumnId) -> ScalarId {
        let id = self.fresh(column);
        self.column(id)
    }

    fn replace_scalars(&mut self, scalars: &[ScalarId], map: &Map) -> Vec<ScalarId> {
        scalars.iter().map(|&scalar| self.context.arena.inline_columns(scalar, map)).collect()
    }

    fn flat(&mut self, term: &Term, outer: &[ScalarId]) -> Flat {
        let mut flat = Flat {
            vars: Vec::new(),
            conds: outer.to_vec(),
            choices: Vec::new(),
            absent: Vec::new(),
            closure: self.closure(&[]),
        };
        flatten(term, &mut flat);
        flat.closure = self.closure(&flat.conds.clone());
        flat
    }

    /// Whether one of the sum's terms has a row wherever `context` does.
    pub(crate) fn has_row(&mut self, context: &Term, outer: &[ScalarId], sum: &[Term]) -> bool {
        let flat = self.flat(context, outer);
        self.flat_has_row(&flat, sum)
    }

    fn flat_has_row(&mut self, flat: &Flat, sum: &[Term]) -> bool {
        if flat.closure.is_contradiction || sum.iter().any(|term| self.finds(term, flat, None)) {
            return true;
        }
        // One of a choice exists, we do not know which: each must do.
        (0..flat.choices.len()).any(|place| {
            flat.choices[place].iter().all(|chosen| {
                let narrowed = self.with(flat, chosen, Some(place));
                sum.iter().any(|term| self.finds(term, &narrowed, None))
            })
        })
    }

    /// Whether `absent` has no row wherever `flat` has one.
    fn flat_lacks(&mut self, flat: &Flat, absent: &Term) -> bool {
        let with = self.with(flat, absent, None);
        with.closure.is_contradiction
            || flat.absent.iter().any(|known| self.flat_has_row(&with, std::slice::from_ref(known)))
    }

    fn with(&mut self, flat: &Flat, term: &Term, without_choice: Option<usize>) -> Flat {
        let mut with = Flat {
            vars: flat.vars.clone(),
            conds: flat.conds.clone(),
            choices: flat.choices.clone(),
            absent: flat.absent.clone(),
            closure: self.closure(&[]),
        };
        if let Some(place) = without_choice {
            with.choices.remove(place);
        }
        let fresh = self.freshened(term);
        flatten(&fresh, &mut with);
        with.closure = self.closure(&with.conds.clone());
        with
    }

    /// The term with variables of its own.
    pub(crate) fn freshened(&mut self, term: &Term) -> Term {
        let mut fresh = term.clone();
        let mut map = Map::default();
        for var in &mut fresh.vars {
            for column in &mut var.columns {
                let id = self.fresh(*column);
                if self.not_null.contains(column) {
                    self.not_null.insert(id);
                }
                map.insert(*column, self.column(id));
                *column = id;
            }
        }
        let mut fresh = self.replace_columns(&fresh, &map);
        fresh.exists = fresh.exists.iter().map(|sum| sum.iter().map(|term| self.freshened(term)).collect()).collect();
        fresh
    }

    /// Whether rows of `flat` can stand for the variables of `goal`, so that its demands are met and, where
    /// given, it shows `shows`.
    fn finds(&mut self, goal: &Term, flat: &Flat, shows: Option<&[ScalarId]>) -> bool {
        flat.closure.is_contradiction || self.find(goal, flat, shows, 0, &mut Map::default())
    }

    fn find(&mut self, goal: &Term, flat: &Flat, shows: Option<&[ScalarId]>, place: usize, map: &mut Map) -> bool {
        if self.spend(1).is_none() {
            return false;
        }
        let Some(var) = goal.vars.get(place) else {
            let mapped = self.replace_columns(goal, map);
            let is_shown = shows.is_none_or(|shows| {
                mapped.shows.len() == shows.len()
                    && mapped
                        .shows
                        .iter()
                        .zip(shows)
                        .all(|(&a, &b)| self.value(&flat.closure, a) == self.value(&flat.closure, b))
            });
            return is_shown && self.meets(&mapped, flat);
        };
        for other in &flat.vars {
            let Some(places) = self.places(&var.atom, &other.atom) else { continue };
            let before = map.clone();
            self.extend_map(map, var, other, &places);
            if self.find(goal, flat, shows, place + 1, map) {
                return true;
            }
            *map = before;
        }
        false
    }

    /// Whether two atoms hold the same rows, and which columns correspond.
    pub(crate) fn places(&mut self, left: &Rc<Atom>, right: &Rc<Atom>) -> Option<Places> {
        let identity = |n: usize| (0..n).map(Some).collect::<Places>();
        if Rc::ptr_eq(left, right) {
            return Some(identity(self.width(left)));
        }
        if let Some((_, _, known)) =
            self.known_places.iter().find(|(a, b, _)| Rc::ptr_eq(a, left) && Rc::ptr_eq(b, right))
        {
            return known.clone();
        }
        self.spend(1)?;
        let places = self.new_places(left, right);
        self.known_places.push((Rc::clone(left), Rc::clone(right), places.clone()));
        places
    }

    fn new_places(&mut self, left: &Rc<Atom>, right: &Rc<Atom>) -> Option<Places> {
        let identity = |n: usize| (0..n).map(Some).collect::<Places>();
        match (&**left, &**right) {
            (Atom::Table(a), Atom::Table(b)) => (a == b).then(|| identity(self.width(left))),
            (Atom::Distinct(a), Atom::Distinct(b)) => {
                let n = self.width(left);
                (n == self.width(right))
                    .then(|| self.shown_places(a, b, n, n, true, true, &mut |_, _| Some((Vec::new(), Vec::new()))))?
            }
            (
                Atom::Group { rows: a, n_keys, is_global, calls },
                Atom::Group { rows: b, n_keys: n, is_global: is_other_global, calls: others },
            ) => {
                if n_keys != n || is_global != is_other_global {
                    return None;
                }
                let counts = |call: &AggregateCall| !call.is_distinct && !call.function.is_duplicate_insensitive();
                let is_set = !calls.iter().chain(others).any(counts);
                self.shown_places(a, b, *n_keys, *n_keys, is_set, true, &mut |arena, relation| {
                    let mut read = Vec::new();
                    let partner = |call: &AggregateCall| {
                        let place = others.iter().position(|other| same_call(arena, call, other, relation))?;
                        read.extend(read_places(arena, call, &others[place]));
                        Some(place)
                    };
                    let partners = calls.iter().map(partner).collect();
                    Some((partners, read))
                })
            }
            (Atom::Window { rows: a, n_columns, calls }, Atom::Window { rows: b, n_columns: n, calls: others }) => {
                let (n_columns, n) = (*n_columns, *n);
                self.shown_places(a, b, n_columns, n, false, false, &mut |arena, relation| {
                    let mut read = Vec::new();
                    let partner = |call: &WindowCall| {
                        let mut own = Vec::new();
                        let mapped =
                            arena.map_window(call, &mut |arena, scalar| partner_of(arena, scalar, relation, &mut own));
                        let place = others.iter().position(|other| mapped == *other)?;
                        read.extend(own);
                        Some(place)
                    };
                    let partners = calls.iter().map(partner).collect();
                    Some((partners, read))
                })
            }
            (
                Atom::Limit { rows: a, n_columns, keys, skip, fetch },
                Atom::Limit { rows: b, n_columns: n, keys: other_keys, skip: other_skip, fetch: other_fetch },
            ) => {
                if (skip, fetch, keys.len()) != (other_skip, other_fetch, other_keys.len()) {
                    return None;
                }
                self.shown_places(a, b, *n_columns, *n, false, false, &mut |_, relation| {
                    let is_same = |(x, y): (&(usize, bool, bool), &(usize, bool, bool))| {
                        relation[x.0][y.0] && (x.1, x.2) == (y.1, y.2)
                    };
                    let read = keys.iter().zip(other_keys).map(|(x, y)| (x.0, y.0)).collect();
                    keys.iter().zip(other_keys).all(is_same).then_some((Vec::new(), read))
                })
            }
            (
                Atom::Bag { kind, left: a, right: b, n_columns },
                Atom::Bag { kind: other, left: c, right: d, n_columns: n },
            ) => {
                let is_same =
                    kind == other && n_columns == n && self.sums_alike(a, c, false) && self.sums_alike(b, d, false);
                is_same.then(|| identity(*n_columns))
            }
            _ => None,
        }
    }

    fn width(&self, atom: &Atom) -> usize {
        match atom {
            Atom::Table(table) => self.context.catalog.get(table).map_or(0, |table| table.columns.len()),
            Atom::Distinct(sum) => sum.first().map_or(0, |term| term.shows.len()),
            Atom::Group { n_keys, calls, .. } => n_keys + calls.len(),
            Atom::Window { n_columns, calls, .. } => n_columns + calls.len(),
            Atom::Limit { n_columns, .. } | Atom::Bag { n_columns, .. } => *n_columns,
        }
    }

    /// Which of the first `n_left` places of one sum hold what the first `n_right` of the other do, and
    /// which calls correspond. `calls` tells for a relation of places the partner of each call, or that
    /// the relation will not do.
    #[expect(clippy::too_many_arguments, reason = "two sums, their widths, and how they are compared")]
    fn shown_places(
        &mut self,
        left: &Sum,
        right: &Sum,
        n_left: usize,
        n_right: usize,
        is_set: bool,
        must_be_whole: bool,
        calls: &mut FindPartners<'_>,
    ) -> Option<Places> {
        let Some(first) = left.first() else {
            return (right.is_empty() && n_left == n_right).then(|| (0..n_left).map(Some).collect());
        };
        let mut relations: Vec<Vec<Vec<bool>>> = Vec::new();
        for other in right {
            let flat = self.flat(other, &[]);
            self.alignments(first, other, &mut |prover, map| {
                let shows = prover.replace_scalars(&first.shows, map);
                let left: Vec<ScalarId> = shows.iter().map(|&shown| prover.value(&flat.closure, shown)).collect();
                let right: Vec<ScalarId> =
                    other.shows.iter().map(|&shown| prover.value(&flat.closure, shown)).collect();
                let relation: Vec<Vec<bool>> = left.iter().map(|a| right.iter().map(|b| a == b).collect()).collect();
                if !relations.contains(&relation) {
                    relations.push(relation);
                }
                relations.len() >= 8
            });
        }
        if first.shows.len() == right.first().map_or(0, |term| term.shows.len()) {
            let n = first.shows.len();
            relations.push((0..n).map(|a| (0..n).map(|b| a == b).collect()).collect());
        }
        for relation in relations {
            let Some((call_places, read)) = calls(&mut self.context.arena, &relation) else { continue };
            let mut taken = vec![false; n_right];
            let mut places: Places = Vec::with_capacity(n_left);
            for row in relation.iter().take(n_left) {
                let place = (0..n_right).find(|&place| row[place] && !taken[place]);
                if let Some(place) = place {
                    taken[place] = true;
                }
                places.push(place);
            }
            // What groups or tells rows apart must correspond; other columns may be nobody's.
            if must_be_whole && places.contains(&None) {
                continue;
            }
            let mut pairs: Vec<(usize, usize)> =
                places.iter().enumerate().filter_map(|(from, to)| to.map(|to| (from, to))).collect();
            pairs.extend(read);
            let (a, b) =
                (picked(left, &pairs.iter().map(|pair| pair.0)), picked(right, &pairs.iter().map(|pair| pair.1)));
            if self.sums_alike(&a, &b, is_set) {
                places.extend(call_places.into_iter().map(|place| place.map(|place| n_right + place)));
                return Some(places);
            }
        }
        None
    }
}

/// The sum with some of its places, in this order.
pub(crate) fn picked(sum: &Sum, places: &(impl Iterator<Item = usize> + Clone)) -> Sum {
    sum.iter()
        .map(|term| Term { shows: places.clone().map(|place| term.shows[place]).collect(), ..term.clone() })
        .collect()
}

fn same_call(arena: &mut Arena, call: &AggregateCall, other: &AggregateCall, relation: &[Vec<bool>]) -> bool {
    if call.args.len() != other.args.len() || call.order.len() != other.order.len() {
        return false;
    }
    let pairs = call.args.iter().zip(&other.args).chain(call.filter.iter().zip(&other.filter));
    let mut pairs: Vec<(ScalarId, ScalarId)> = pairs.map(|(&a, &b)| (a, b)).collect();
    pairs.extend(call.order.iter().zip(&other.order).map(|(a, b)| (a.scalar, b.scalar)));
    let are_partners = pairs.into_iter().all(|(a, b)| match (place_in(arena, a), place_in(arena, b)) {
        (Some(a), Some(b)) => relation[a][b],
        _ => a == b,
    });
    let is_order_same = call
        .order
        .iter()
        .zip(&other.order)
        .all(|(a, b)| (a.is_descending, a.is_nulls_first) == (b.is_descending, b.is_nulls_first));
    are_partners
        && is_order_same
        && call.function == other.function
        && call.is_distinct == other.is_distinct
        && call.filter.is_some() == other.filter.is_some()
        && (call.data_type == other.data_type || call.data_type.is_integer() && other.data_type.is_integer())
}

/// The places that a call and its partner read.
fn read_places(arena: &Arena, call: &AggregateCall, other: &AggregateCall) -> Vec<(usize, usize)> {
    let scalars = |call: &AggregateCall| -> Vec<ScalarId> {
        let order = call.order.iter().map(|key| key.scalar);
        call.args.iter().copied().chain(call.filter).chain(order).collect()
    };
    let pairs = scalars(call).into_iter().zip(scalars(other));
    pairs.filter_map(|(a, b)| Some((place_in(arena, a)?, place_in(arena, b)?))).collect()
}

/// What a place corresponds to, as a column; the pair of places is added to `read`. A place without a
/// partner gives a column that no call reads.
fn partner_of(arena: &mut Arena, scalar: ScalarId, relation: &[Vec<bool>], read: &mut Vec<(usize, usize)>) -> ScalarId {
    let Some(place) = place_in(arena, scalar) else { return scalar };
    let partner = relation[place].iter().position(|&is_same| is_same).unwrap_or(usize::MAX);
    if partner != usize::MAX {
        read.push((place, partner));
    }
    let data_type = arena.type_of(scalar);
    let table: std::sync::Arc<str> = std::sync::Arc::from("#");
    let id = arena.base_column(&table, &format!("{partner} {data_type}"), data_type);
    arena.column_ref(id)
}

fn flatten(term: &Term, flat: &mut Flat) {
    flat.vars.extend(term.vars.iter().cloned());
    flat.conds.extend(&term.conds);
    flat.absent.extend(term.absent.iter().cloned());
    for sum in &term.exists {
        match sum.as_slice() {
            [only] => flatten(only, flat),
            _ => flat.choices.push(sum.clone()),
        }
    }
}
