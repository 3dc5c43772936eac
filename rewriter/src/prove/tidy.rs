//! Terms in a form in which equal ones are easier to lay over each other.
//!
//! Conditions are simplified under each other; variables that must be one row become one variable; what
//! exists at most once is multiplied in; what follows is dropped; what cannot be makes the term vanish.

use std::rc::Rc;

use isomer_ir::{ColumnId, Function, ScalarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Prover;
use super::closure::Closure;
use super::sum::{Atom, Sum, Term, Var};

/// Rounds of rewriting a term; each that changes something removes something.
const MAX_ROUNDS: usize = 12;

impl Prover<'_> {
    /// The sum with tidy terms; `outer` are conditions of what encloses it.
    pub(crate) fn tidy_sum(&mut self, sum: Sum, outer: &[ScalarId], is_set: bool) -> Sum {
        let mut tidy: Sum = Vec::with_capacity(sum.len());
        for term in sum {
            tidy.extend(self.tidy(term, outer, is_set));
        }
        while let Some((with, without, whole)) = self.complement(&tidy, is_set) {
            tidy[without] = whole;
            tidy.remove(with);
        }
        tidy
    }

    /// A tidy term that gives the same rows; none where it gives none.
    pub(crate) fn tidy(&mut self, mut term: Term, outer: &[ScalarId], is_set: bool) -> Option<Term> {
        for _ in 0..MAX_ROUNDS {
            self.spend(1)?;
            let before = (term.vars.len(), term.conds.clone(), term.exists.len(), term.absent.len());
            let own: Vec<ScalarId> = term.conds.iter().map(|&cond| self.simplified(cond)).collect();
            term.conds = self.holds(&own);
            let all = [outer, &term.conds].concat();
            let closure = self.closure(&all);
            if closure.is_contradiction {
                return None;
            }
            self.drop_implied(&mut term, outer);
            if self.merge_variables(&mut term, &closure) {
                continue;
            }
            self.ask_for_existence(&mut term, &closure);
            term = self.tidy_exists(term, outer, is_set)?;
            term = self.tidy_absent(term, outer)?;
            self.drop_partners(&mut term, &closure);
            let after = (term.vars.len(), term.conds.clone(), term.exists.len(), term.absent.len());
            if before == after {
                break;
            }
        }
        Some(term)
    }

    /// Conditions that follow from the others or from what encloses the term.
    fn drop_implied(&mut self, term: &mut Term, outer: &[ScalarId]) {
        let mut place = 0;
        while place < term.conds.len() && term.conds.len() <= 24 {
            let others: Vec<ScalarId> = outer
                .iter()
                .copied()
                .chain(term.conds.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, &cond)| cond))
                .collect();
            let closure = self.closure(&others);
            if self.implies(&closure, term.conds[place]) {
                term.conds.remove(place);
            } else {
                place += 1;
            }
        }
    }

    /// Two variables that must be one row of a table become one.
    fn merge_variables(&mut self, term: &mut Term, closure: &Closure) -> bool {
        for second in 1..term.vars.len() {
            for first in 0..second {
                let (a, b) = (term.vars[first].clone(), term.vars[second].clone());
                let Some(places) = self.places(&a.atom, &b.atom) else { continue };
                let keys = self.keys(&b, closure);
                let is_one = keys.iter().any(|key| {
                    key.iter().all(|&place| {
                        let Some(other) = places.iter().position(|&to| to == Some(place)) else { return false };
                        let (x, y) = (self.column(a.columns[other]), self.column(b.columns[place]));
                        self.canonical(closure, x) == self.canonical(closure, y)
                    })
                });
                if is_one {
                    let mut map: FxHashMap<ColumnId, ScalarId> = FxHashMap::default();
                    for (from, to) in places.iter().enumerate() {
                        if let Some(to) = to {
                            map.insert(b.columns[*to], self.column(a.columns[from]));
                        }
                    }
                    if b.columns.iter().any(|column| !map.contains_key(column) && self.is_used(term, *column)) {
                        continue;
                    }
                    term.vars.remove(second);
                    *term = self.replace_columns(term, &map);
                    return true;
                }
            }
        }
        false
    }

    /// Keys of a variable's atom, as places: no two rows agree on one, NULLs counted as equal.
    fn keys(&self, var: &Var, closure: &Closure) -> Vec<Vec<usize>> {
        match &*var.atom {
            Atom::Table(table) => {
                let Some(table) = self.context.catalog.get(table) else { return Vec::new() };
                let is_total = |&place: &usize| !Self::is_column_nullable(closure, var.columns[place]);
                let keys = table.keys.iter().filter(|key| key.columns.iter().all(is_total));
                keys.map(|key| key.columns.clone()).collect()
            }
            Atom::Distinct(_) => vec![(0..var.columns.len()).collect()],
            Atom::Group { n_keys, .. } => vec![(0..*n_keys).collect()],
            Atom::Limit { fetch: Some(0 | 1), .. } => vec![Vec::new()],
            Atom::Window { .. } | Atom::Limit { .. } | Atom::Bag { .. } => Vec::new(),
        }
    }

    /// Which of `vars` have at most one row for given values of all other columns and of `known`.
    fn is_determined(&mut self, vars: &[Var], closure: &Closure, known: &[ScalarId]) -> bool {
        let mut open: Vec<usize> = (0..vars.len()).collect();
        loop {
            let unknown: FxHashSet<ColumnId> = open.iter().flat_map(|&var| vars[var].columns.iter().copied()).collect();
            let n_before = open.len();
            let mut still = Vec::new();
            for &var in &open {
                let is_known = self.keys(&vars[var], closure).iter().any(|key| {
                    key.iter().all(|&place| self.is_known(vars[var].columns[place], closure, &unknown, known))
                });
                if !is_known {
                    still.push(var);
                }
            }
            open = still;
            if open.is_empty() {
                return true;
            }
            if open.len() == n_before {
                return false;
            }
        }
    }

    fn is_known(
        &mut self,
        column: ColumnId,
        closure: &Closure,
        unknown: &FxHashSet<ColumnId>,
        known: &[ScalarId],
    ) -> bool {
        let scalar = self.column(column);
        let canonical = self.canonical(closure, scalar);
        let reads_known =
            |prover: &Self, scalar| prover.context.arena.columns_of(scalar).iter().all(|id| !unknown.contains(id));
        if reads_known(self, canonical) || known.contains(&canonical) {
            return true;
        }
        let class = closure.classes.iter().find(|class| class.contains(&canonical) || class.contains(&scalar));
        class.is_some_and(|class| {
            class.iter().any(|&member| member != scalar && reads_known(self, member) || known.contains(&member))
        })
    }

    /// Whether a term shows no row twice.
    pub(crate) fn is_free_of_duplicates(&mut self, term: &Term) -> bool {
        let closure = self.closure(&term.conds);
        let shown: Vec<ScalarId> = term.shows.iter().map(|&shown| self.canonical(&closure, shown)).collect();
        self.is_determined(&term.vars, &closure, &shown)
    }

    /// A variable over distinct rows of which the rest of the term determines every column is a question
    /// whether that row exists.
    fn ask_for_existence(&mut self, term: &mut Term, closure: &Closure) {
        let mut place = 0;
        while place < term.vars.len() {
            let var = term.vars[place].clone();
            let Atom::Distinct(sum) = &*var.atom else {
                place += 1;
                continue;
            };
            let values: Option<Vec<ScalarId>> =
                var.columns.iter().map(|&column| self.told_elsewhere(column, &var, closure)).collect();
            let Some(values) = values else {
                place += 1;
                continue;
            };
            let mut rows = Vec::with_capacity(sum.len());
            for row in sum {
                let mut row = self.freshened(row);
                for (shown, &value) in std::mem::take(&mut row.shows).into_iter().zip(&values) {
                    row.conds.push(self.context.arena.comparison(Function::IsNotDistinct, shown, value));
                }
                rows.push(row);
            }
            let map = var.columns.iter().copied().zip(values).collect();
            term.vars.remove(place);
            *term = self.replace_columns(term, &map);
            term.exists.push(rows);
        }
    }

    /// A scalar that is equal to a column of `var` and reads no column of it.
    fn told_elsewhere(&mut self, column: ColumnId, var: &Var, closure: &Closure) -> Option<ScalarId> {
        let scalar = self.column(column);
        let canonical = self.canonical(closure, scalar);
        let is_elsewhere =
            |prover: &Self, scalar| !prover.context.arena.columns_of(scalar).iter().any(|id| var.columns.contains(id));
        if is_elsewhere(self, canonical) {
            return Some(canonical);
        }
        let class = closure.classes.iter().find(|class| class.contains(&scalar) || class.contains(&canonical))?;
        class.iter().copied().find(|&member| is_elsewhere(self, member))
    }

    fn tidy_exists(&mut self, mut term: Term, outer: &[ScalarId], is_set: bool) -> Option<Term> {
        let sums = std::mem::take(&mut term.exists);
        for (place, sum) in sums.iter().enumerate() {
            let all = [outer, &term.conds].concat();
            let mut tidy = self.tidy_sum(sum.clone(), &all, true);
            if tidy.is_empty() {
                return None;
            }
            if tidy.iter().any(Term::is_trivial) {
                continue;
            }
            let [only] = tidy.as_mut_slice() else {
                let mut context = term.clone();
                context.exists.extend(sums[place + 1..].iter().cloned());
                if !self.has_row(&context, outer, &tidy) {
                    term.exists.push(tidy);
                }
                continue;
            };
            let own: FxHashSet<ColumnId> = only.vars.iter().flat_map(|var| var.columns.iter().copied()).collect();
            let (inner, hoisted): (Vec<ScalarId>, Vec<ScalarId>) = std::mem::take(&mut only.conds)
                .into_iter()
                .partition(|&cond| self.context.arena.columns_of(cond).iter().any(|id| own.contains(id)));
            only.conds = inner;
            term.conds.extend(hoisted);
            let mut conds = [outer, &term.conds].concat();
            conds.extend(&only.conds);
            let closure = self.closure(&conds);
            if is_set || self.is_determined(&only.vars, &closure, &[]) {
                term.multiply(std::mem::take(only));
                continue;
            }
            let mut context = term.clone();
            context.exists.extend(sums[place + 1..].iter().cloned());
            if !self.has_row(&context, outer, &tidy) {
                term.exists.push(tidy);
            }
        }
        Some(term)
    }

    fn tidy_absent(&mut self, mut term: Term, outer: &[ScalarId]) -> Option<Term> {
        for absent in std::mem::take(&mut term.absent) {
            let all = [outer, &term.conds].concat();
            let Some(mut absent) = self.tidy(absent, &all, true) else { continue };
            if absent.is_trivial() {
                return None;
            }
            if absent.vars.is_empty() && absent.exists.is_empty() && absent.absent.is_empty() {
                let arena = &mut self.context.arena;
                let whole = arena.and(std::mem::take(&mut absent.conds));
                let is_true = arena.predicate(Function::IsTrue, [whole]);
                let not = arena.predicate(Function::Not, [is_true]);
                term.conds.push(self.simplified(not));
                continue;
            }
            if self.has_row(&term, outer, std::slice::from_ref(&absent)) {
                return None;
            }
            term.absent.push(absent);
        }
        Some(term)
    }

    /// Variables that add nothing: the one row that a foreign key refers to, the one row of a global
    /// group, read by nobody else.
    fn drop_partners(&mut self, term: &mut Term, closure: &Closure) {
        let mut place = 0;
        while place < term.vars.len() {
            let var = term.vars[place].clone();
            let dropped = match &*var.atom {
                Atom::Group { is_global: true, .. } => {
                    let mut rest = term.clone();
                    rest.vars.remove(place);
                    (!var.columns.iter().any(|&column| self.is_used(&rest, column))).then_some(rest)
                }
                Atom::Table(_) => self.without_partner(term, place, closure),
                _ => None,
            };
            match dropped {
                Some(rest) => *term = rest,
                None => place += 1,
            }
        }
    }

    fn without_partner(&mut self, term: &Term, place: usize, closure: &Closure) -> Option<Term> {
        let partner = &term.vars[place];
        let Atom::Table(table) = &*partner.atom else { return None };
        let declared = self.context.catalog.get(table)?.clone();
        for referring in
            term.vars.iter().filter(|var| !Rc::ptr_eq(&var.atom, &partner.atom) || var.columns != partner.columns)
        {
            let Atom::Table(name) = &*referring.atom else { continue };
            let foreign_keys = self.context.catalog.get(name)?.foreign_keys.clone();
            for foreign_key in foreign_keys.iter().filter(|foreign_key| foreign_key.table == *table) {
                let referred: Option<Vec<usize>> =
                    foreign_key.referred.iter().map(|column| declared.position(column)).collect();
                let Some(referred) = referred else { continue };
                let is_key = declared.keys.iter().any(|key| {
                    let is_total = key.columns.iter().all(|&place| !declared.columns[place].is_nullable);
                    is_total && key.columns.iter().all(|column| referred.contains(column))
                });
                let mut map: FxHashMap<ColumnId, ScalarId> = FxHashMap::default();
                let mut is_bound = is_key && !referred.is_empty();
                let mut not_null = Vec::new();
                for (&from, &to) in foreign_key.columns.iter().zip(&referred) {
                    let (x, y) = (self.column(referring.columns[from]), self.column(partner.columns[to]));
                    let is_same_type = self.context.arena.type_of(x) == self.context.arena.type_of(y);
                    is_bound &= is_same_type && self.canonical(closure, x) == self.canonical(closure, y);
                    map.insert(partner.columns[to], x);
                    let arena = &mut self.context.arena;
                    let is_null = arena.predicate(Function::IsNull, [x]);
                    not_null.push(arena.predicate(Function::Not, [is_null]));
                }
                if !is_bound {
                    continue;
                }
                let mut rest = term.clone();
                rest.vars.remove(place);
                let mut rest = self.replace_columns(&rest, &map);
                if !partner.columns.iter().any(|&column| self.is_used(&rest, column)) {
                    rest.conds.extend(not_null);
                    return Some(rest);
                }
            }
        }
        None
    }

    /// Two terms of which one has exactly one partner where the other has none: places of both, and the
    /// term that is their sum.
    fn complement(&mut self, sum: &Sum, is_set: bool) -> Option<(usize, usize, Term)> {
        for (without, term) in sum.iter().enumerate() {
            for place in 0..term.absent.len() {
                let mut whole = term.clone();
                let partner = whole.absent.remove(place);
                let mut joined = whole.clone();
                joined.exists.push(vec![partner]);
                let joined = self.tidy(joined, &[], is_set)?;
                for (with, other) in sum.iter().enumerate() {
                    if with != without && self.are_alike(other, &joined, is_set) {
                        let whole = self.tidy(whole, &[], is_set)?;
                        return Some((with, without, whole));
                    }
                }
            }
        }
        None
    }

    pub(crate) fn column(&mut self, column: ColumnId) -> ScalarId {
        self.context.arena.column_ref(column)
    }

    pub(crate) fn is_used(&self, term: &Term, column: ColumnId) -> bool {
        let mut is_used = false;
        term.scalars(&mut |scalar| is_used |= self.context.arena.columns_of(scalar).contains(&column));
        is_used
    }

    pub(crate) fn replace_columns(&mut self, term: &Term, map: &FxHashMap<ColumnId, ScalarId>) -> Term {
        let arena = &mut self.context.arena;
        term.mapped(&mut |scalar| arena.inline_columns(scalar, map))
    }
}
