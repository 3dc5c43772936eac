//! From plans to sums.

use std::rc::Rc;
use std::sync::Arc;

use isomer_ir::{
    AggregateCall, AggregateFunction, ColumnId, DataType, Function, JoinKind, Literal, Plan, Scalar, ScalarId,
    SetOpKind, Volatility,
};
use rustc_hash::FxHashMap;

use super::Prover;
use super::alike::picked;
use super::group::{Known, place_column};
use super::sum::{Atom, Sum, Term, Var};

/// What a plan's columns are over the variables of a term.
pub(crate) type Env = FxHashMap<ColumnId, ScalarId>;

/// Most terms of one sum; a query with more is not understood.
const MAX_TERMS: usize = 64;

impl Prover<'_> {
    /// The sum of a plan that shows `shows`. None where the plan has no meaning as a sum, such as one
    /// whose values depend on chance.
    pub(crate) fn sum(&mut self, plan: &Plan, shows: &[ScalarId], is_set: bool) -> Option<Sum> {
        if shows.iter().any(|&scalar| self.context.arena.volatility(scalar) == Volatility::Volatile) {
            return None;
        }
        let rows = self.rows(plan, is_set)?;
        let sum = rows
            .into_iter()
            .map(|(mut term, env)| {
                term.shows = shows.iter().map(|&scalar| self.inline(scalar, &env)).collect();
                term
            })
            .collect();
        Some(self.tidy_sum(sum, &[], is_set))
    }

    fn inline(&mut self, scalar: ScalarId, env: &Env) -> ScalarId {
        self.context.arena.inline_columns(scalar, env)
    }

    /// The terms of a plan, each with what the plan's columns are in it. With `is_set`, how often a row
    /// occurs does not matter.
    fn rows(&mut self, plan: &Plan, is_set: bool) -> Option<Vec<(Term, Env)>> {
        let rows = match plan {
            Plan::Named { input, .. } | Plan::Sort { input, .. } => self.rows(input, is_set)?,
            Plan::Empty { .. } => Vec::new(),
            Plan::Hole { .. } => return None,
            Plan::Scan { table, columns } => vec![self.table(table, columns)?],
            Plan::Values { columns, rows } => {
                let row = |row: &Vec<ScalarId>| {
                    (Term::default(), columns.iter().copied().zip(row.iter().copied()).collect::<Env>())
                };
                rows.iter().map(row).collect()
            }
            Plan::Filter { input, holds } => {
                let mut rows = self.rows(input, is_set)?;
                for (term, env) in &mut rows {
                    for &hold in holds {
                        let cond = self.cond(hold, env)?;
                        term.conds.push(cond);
                    }
                }
                rows
            }
            Plan::Project { input, exprs } => {
                let rows = self.rows(input, is_set)?;
                let mut projected = Vec::with_capacity(rows.len());
                for (term, env) in rows {
                    let mut shown = Env::default();
                    for &(id, scalar) in exprs {
                        shown.insert(id, self.cond(scalar, &env)?);
                    }
                    projected.push((term, shown));
                }
                projected
            }
            Plan::Instance { input, k } => {
                let rows = self.rows(input, is_set)?;
                let arena = &mut self.context.arena;
                rows.into_iter()
                    .map(|(term, env)| {
                        let mut pairs: Vec<(ColumnId, ScalarId)> = env.into_iter().collect();
                        pairs.sort_unstable();
                        (term, pairs.into_iter().map(|(id, scalar)| (arena.instance(id, *k), scalar)).collect())
                    })
                    .collect()
            }
            Plan::Join { kind, left, right, on } => self.join(*kind, left, right, on, is_set)?,
            Plan::Distinct { input } => {
                let columns = input.columns(&mut self.context.arena);
                let scalars: Vec<ScalarId> = columns.iter().map(|&id| self.context.arena.column_ref(id)).collect();
                let pairs: Vec<(ColumnId, ScalarId)> = columns.into_iter().zip(scalars).collect();
                self.distinct(input, &pairs, is_set)?
            }
            Plan::Aggregate { input, keys, calls } if calls.is_empty() && !keys.is_empty() => {
                self.distinct(input, keys, is_set)?
            }
            Plan::Aggregate { input, keys, calls } => vec![self.group(input, keys, calls)?],
            Plan::Window { input, calls } => {
                self.assume("window functions break ties alike");
                let columns = input.columns(&mut self.context.arena);
                let mut shows: Vec<ScalarId> = columns.iter().map(|&id| self.context.arena.column_ref(id)).collect();
                let mut placed = Vec::with_capacity(calls.len());
                for (_, call) in calls {
                    let mut place = |arena: &mut isomer_ir::Arena, scalar| place_of(arena, &mut shows, scalar);
                    placed.push(self.context.arena.map_window(call, &mut place));
                }
                let rows = self.sum(input, &shows, false)?;
                let mut ids = columns;
                let mut not_null: Vec<bool> = (0..ids.len()).map(|place| self.is_never_null(&rows, place)).collect();
                for (id, call) in calls {
                    ids.push(*id);
                    not_null.push(call.function.is_never_null());
                }
                let n_columns = ids.len() - calls.len();
                vec![self.range_over(Atom::Window { rows, n_columns, calls: placed }, &ids, &not_null)]
            }
            Plan::GroupingSets { .. }
            | Plan::Unnest { .. }
            | Plan::RecursiveUnion { .. }
            | Plan::WorkTable { .. }
            | Plan::Sample { .. }
            | Plan::ScanAt { .. } => return None,
            Plan::Limit { input, skip, fetch } => vec![self.limit(input, *skip, *fetch)?],
            Plan::SetOp { kind, inputs, columns } => self.set_op(*kind, inputs, columns, is_set)?,
        };
        (rows.len() <= MAX_TERMS).then_some(rows)
    }

    fn cond(&mut self, scalar: ScalarId, env: &Env) -> Option<ScalarId> {
        (self.context.arena.volatility(scalar) != Volatility::Volatile).then(|| self.inline(scalar, env))
    }

    fn table(&mut self, table: &Arc<str>, columns: &[ColumnId]) -> Option<(Term, Env)> {
        let declared = self.context.catalog.get(table)?;
        if declared.columns.len() != columns.len() {
            return None;
        }
        let not_null: Vec<bool> = declared.columns.iter().map(|column| !column.is_nullable).collect();
        Some(self.range_over(Atom::Table(Arc::clone(table)), columns, &not_null))
    }

    /// A term of one new variable over an atom, with what `ids` are in it.
    fn range_over(&mut self, atom: Atom, ids: &[ColumnId], not_null: &[bool]) -> (Term, Env) {
        let columns: Vec<ColumnId> = ids.iter().map(|&id| self.fresh(id)).collect();
        for (&column, &is_not_null) in columns.iter().zip(not_null) {
            if is_not_null {
                self.not_null.insert(column);
            }
        }
        let env = ids.iter().zip(&columns).map(|(&id, &column)| (id, self.context.arena.column_ref(column))).collect();
        (Term { vars: vec![Var { atom: Rc::new(atom), columns }], ..Term::default() }, env)
    }

    /// Whether a place of what a sum shows is never NULL.
    fn is_never_null(&mut self, rows: &Sum, place: usize) -> bool {
        rows.iter().all(|term| {
            let closure = self.closure(&term.conds);
            let shown = self.canonical(&closure, term.shows[place]);
            !self.is_nullable(&closure, shown)
        })
    }

    fn join(
        &mut self,
        kind: JoinKind,
        left: &Plan,
        right: &Plan,
        on: &[ScalarId],
        is_set: bool,
    ) -> Option<Vec<(Term, Env)>> {
        let lefts = self.rows(left, is_set)?;
        let mut rows = Vec::new();
        if matches!(kind, JoinKind::Inner | JoinKind::Left | JoinKind::Full | JoinKind::Single) {
            let rights = self.rows(right, is_set)?;
            for (left, left_env) in &lefts {
                for (right, right_env) in &rights {
                    rows.push(self.pair((left, left_env), (right, right_env), on)?);
                }
            }
        }
        if kind == JoinKind::Inner {
            return Some(rows);
        }
        let right_columns = right.columns(&mut self.context.arena);
        let tested = if kind == JoinKind::AntiNullAware { Some(self.tested(left, on)?) } else { None };
        for (left_term, left_env) in &lefts {
            // Fresh variables each time: the rows asked for are others than those joined above.
            let mut partners: Sum = Vec::new();
            for (term, env) in self.rows(right, true)? {
                let mut partner = term;
                let mut both = left_env.clone();
                both.extend(env.iter().map(|(&id, &scalar)| (id, scalar)));
                for (position, &hold) in on.iter().enumerate() {
                    let mut cond = self.cond(hold, &both)?;
                    if Some(position) == tested {
                        // `NOT IN`: a comparison that is NULL excludes the row as well.
                        let truth = self.context.arena.boolean(true);
                        cond = self.context.arena.predicate(Function::Coalesce, [cond, truth]);
                    }
                    partner.conds.push(cond);
                }
                partners.push(partner);
            }
            let with = |partners: &Sum| {
                let mut term = left_term.clone();
                term.exists.push(partners.clone());
                term
            };
            let without = |partners: &Sum| {
                let mut term = left_term.clone();
                term.absent.extend(partners.iter().cloned());
                term
            };
            match kind {
                JoinKind::Inner => {}
                JoinKind::Semi => rows.push((with(&partners), left_env.clone())),
                JoinKind::Anti | JoinKind::AntiNullAware => rows.push((without(&partners), left_env.clone())),
                JoinKind::Mark(mark) => {
                    for (term, value) in [(with(&partners), true), (without(&partners), false)] {
                        let mut env = left_env.clone();
                        env.insert(mark, self.context.arena.boolean(value));
                        rows.push((term, env));
                    }
                }
                JoinKind::Left | JoinKind::Full | JoinKind::Single => {
                    if kind == JoinKind::Single {
                        self.assume("no scalar subquery gives more than one row");
                    }
                    let mut env = left_env.clone();
                    self.pad(&right_columns, &mut env);
                    rows.push((without(&partners), env));
                }
            }
        }
        if kind == JoinKind::Full {
            let left_columns = left.columns(&mut self.context.arena);
            for (right_term, right_env) in self.rows(right, is_set)? {
                let mut term = right_term;
                for (left, left_env) in self.rows(left, true)? {
                    let (partner, _) = self.pair((&left, &left_env), (&Term::default(), &right_env), on)?;
                    term.absent.push(partner);
                }
                let mut env = right_env;
                self.pad(&left_columns, &mut env);
                rows.push((term, env));
            }
        }
        Some(rows)
    }

    /// Which condition of a `NOT IN` compares the tested value: the only one, or the only one that reads the
    /// left side.
    fn tested(&mut self, left: &Plan, on: &[ScalarId]) -> Option<usize> {
        let columns = left.columns(&mut self.context.arena);
        let reads_left =
            |&&place: &&usize| self.context.arena.columns_of(on[place]).iter().any(|column| columns.contains(column));
        let all: Vec<usize> = (0..on.len()).collect();
        let testing: Vec<usize> = if on.len() == 1 { all } else { all.iter().filter(reads_left).copied().collect() };
        match testing.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    fn pad(&mut self, columns: &[ColumnId], env: &mut Env) {
        for &column in columns {
            let null = Literal::Null(self.context.arena.column_type(column));
            env.insert(column, self.context.arena.literal(null));
        }
    }

    fn pair(&mut self, left: (&Term, &Env), right: (&Term, &Env), on: &[ScalarId]) -> Option<(Term, Env)> {
        let mut term = left.0.clone();
        term.multiply(right.0.clone());
        let mut env = left.1.clone();
        env.extend(right.1.iter().map(|(&id, &scalar)| (id, scalar)));
        for &hold in on {
            let cond = self.cond(hold, &env)?;
            term.conds.push(cond);
        }
        Some((term, env))
    }

    fn distinct(&mut self, input: &Plan, keys: &[(ColumnId, ScalarId)], is_set: bool) -> Option<Vec<(Term, Env)>> {
        let (ids, scalars): (Vec<ColumnId>, Vec<ScalarId>) = keys.iter().copied().unzip();
        let sum = self.sum(input, &scalars, true)?;
        Some(self.once(sum, &ids, is_set))
    }

    /// Each row of a sum once. Without a variable of its own where repeated rows cannot be or do not matter.
    fn once(&mut self, sum: Sum, ids: &[ColumnId], is_set: bool) -> Vec<(Term, Env)> {
        if is_set || sum.is_empty() || (sum.len() == 1 && self.is_free_of_duplicates(&sum[0])) {
            return sum
                .into_iter()
                .map(|mut term| {
                    let shows = std::mem::take(&mut term.shows);
                    (term, ids.iter().copied().zip(shows).collect())
                })
                .collect();
        }
        let known = self.known_shows(&sum, ids.len());
        let kept: Vec<usize> = (0..ids.len()).filter(|&place| known[place].is_none()).collect();
        let mut sum = picked(&sum, &kept.iter().copied());
        let (mut term, mut env) = if kept.is_empty() {
            sum.iter_mut().for_each(|term| term.shows.clear());
            (Term { exists: vec![sum], ..Term::default() }, Env::default())
        } else {
            let kept_ids: Vec<ColumnId> = kept.iter().map(|&place| ids[place]).collect();
            let not_null: Vec<bool> = (0..kept.len()).map(|place| self.is_never_null(&sum, place)).collect();
            self.range_over(Atom::Distinct(sum), &kept_ids, &not_null)
        };
        add_known(&mut env, ids, &known);
        term.shows.clear();
        vec![(term, env)]
    }

    fn group(
        &mut self,
        input: &Plan,
        keys: &[(ColumnId, ScalarId)],
        calls: &[(ColumnId, AggregateCall)],
    ) -> Option<(Term, Env)> {
        if keys.is_empty() && calls.is_empty() {
            return Some((Term::default(), Env::default()));
        }
        let is_known = |call: &AggregateCall| call.order.is_empty() || !call.function.is_order_sensitive();
        if !calls.iter().all(|(_, call)| is_known(call)) {
            self.assume("aggregates see rows in one order");
        }
        let mut shows: Vec<ScalarId> = keys.iter().map(|(_, scalar)| *scalar).collect();
        let mut placed = Vec::with_capacity(calls.len());
        for (_, call) in calls {
            let call = self.unfiltered(call);
            let n_keys = keys.len();
            let mut place = |arena: &mut isomer_ir::Arena, scalar| place_from(arena, &mut shows, scalar, n_keys);
            placed.push(self.context.arena.map_aggregate(&call, &mut place));
        }
        let mut rows = self.sum(input, &shows, false)?;
        let is_global = keys.is_empty();
        let mut n_keys = keys.len();
        while let Some((flat, calls)) = self.flattened_groups(&rows, n_keys, is_global, &placed) {
            (rows, placed) = (flat, calls);
        }
        let known = self.known_shows(&rows, n_keys);
        let kept: Vec<usize> = (0..n_keys).filter(|&place| known[place].is_none()).collect();
        if kept.len() < n_keys {
            let n_dropped = n_keys - kept.len();
            let n_shown = rows.first().map_or(n_keys, |term| term.shows.len());
            rows = picked(&rows, &kept.iter().copied().chain(n_keys..n_shown));
            for call in &mut placed {
                let mut moved = |arena: &mut isomer_ir::Arena, scalar| match place_in(arena, scalar) {
                    Some(place) => place_column(arena, place - n_dropped, scalar),
                    None => scalar,
                };
                *call = self.context.arena.map_aggregate(call, &mut moved);
            }
            n_keys = kept.len();
        }
        let mut not_null: Vec<bool> = (0..n_keys).map(|place| self.is_never_null(&rows, place)).collect();
        for call in &mut placed {
            let is_total_argument = |prover: &mut Self| {
                call.args.iter().all(|&arg| {
                    place_in(&prover.context.arena, arg).is_some_and(|place| prover.is_never_null(&rows, place))
                })
            };
            let is_argument_total = is_total_argument(self);
            if call.function == AggregateFunction::Count && !call.is_distinct && is_argument_total {
                call.args.clear();
            }
            let is_total = call.function.is_total() && is_argument_total;
            not_null.push(call.function.is_never_null() || (!is_global && is_total));
        }
        let key_ids: Vec<ColumnId> = keys.iter().map(|(id, _)| *id).collect();
        let kept_ids = kept.iter().map(|&place| key_ids[place]);
        let ids: Vec<ColumnId> = kept_ids.chain(calls.iter().map(|(id, _)| *id)).collect();
        let atom = Atom::Group { rows, n_keys, is_global, calls: placed };
        let (term, mut env) = self.range_over(atom, &ids, &not_null);
        add_known(&mut env, &key_ids, &known);
        Some((term, env))
    }

    /// A filter of an aggregate that skips NULLs is a condition on its argument.
    fn unfiltered(&mut self, call: &AggregateCall) -> AggregateCall {
        let skips_nulls = call.function.skips_nulls();
        let (Some(filter), true, true) = (call.filter, skips_nulls, call.args.len() <= 1) else { return call.clone() };
        let arena = &mut self.context.arena;
        let arg = call.args.first().copied();
        let arg = arg.unwrap_or_else(|| arena.literal(Literal::Int(1, DataType::Int32)));
        let data_type = arena.type_of(arg);
        let otherwise = arena.literal(Literal::Null(data_type));
        let arg = arena.scalar(Scalar::Case { branches: vec![(filter, arg)], otherwise, data_type });
        AggregateCall { filter: None, args: [arg].into_iter().collect(), ..call.clone() }
    }

    fn limit(&mut self, input: &Plan, skip: u64, fetch: Option<u64>) -> Option<(Term, Env)> {
        self.assume("LIMIT takes the same rows of the same relation");
        let mut inner = input;
        while let Plan::Named { input, .. } = inner {
            inner = input;
        }
        let (keys, inner) = match inner {
            Plan::Sort { input, keys } => (keys.clone(), &**input),
            _ => (Vec::new(), input),
        };
        let columns = input.columns(&mut self.context.arena);
        let mut shows: Vec<ScalarId> = columns.iter().map(|&id| self.context.arena.column_ref(id)).collect();
        let mut places = Vec::with_capacity(keys.len());
        for key in &keys {
            let place = shows.iter().position(|&shown| shown == key.scalar).unwrap_or(shows.len());
            if place == shows.len() {
                shows.push(key.scalar);
            }
            places.push((place, key.is_descending, key.is_nulls_first));
        }
        let rows = self.sum(inner, &shows, false)?;
        let not_null: Vec<bool> = (0..columns.len()).map(|place| self.is_never_null(&rows, place)).collect();
        let atom = Atom::Limit { rows, n_columns: columns.len(), keys: places, skip, fetch };
        Some(self.range_over(atom, &columns, &not_null))
    }

    fn set_op(
        &mut self,
        kind: SetOpKind,
        inputs: &[(Plan, Vec<ColumnId>)],
        columns: &[ColumnId],
        is_set: bool,
    ) -> Option<Vec<(Term, Env)>> {
        let is_distinct = matches!(kind, SetOpKind::Union | SetOpKind::Intersect | SetOpKind::Except);
        let shown: Vec<(&Plan, Vec<ScalarId>)> = inputs
            .iter()
            .map(|(plan, taken)| (plan, taken.iter().map(|&id| self.context.arena.column_ref(id)).collect()))
            .collect();
        if let SetOpKind::IntersectAll | SetOpKind::ExceptAll = kind {
            let [(left, left_shows), (right, right_shows)] = shown.as_slice() else { return None };
            let (left, right) = (self.sum(left, left_shows, false)?, self.sum(right, right_shows, false)?);
            let not_null: Vec<bool> = (0..columns.len()).map(|place| self.is_never_null(&left, place)).collect();
            let atom = Atom::Bag { kind, left, right, n_columns: columns.len() };
            return Some(vec![self.range_over(atom, columns, &not_null)]);
        }
        let mut shown = shown.into_iter();
        let (first, first_shows) = shown.next()?;
        let mut sum = self.sum(first, &first_shows, is_set || is_distinct)?;
        for (plan, shows) in shown {
            match kind {
                SetOpKind::Union | SetOpKind::UnionAll => sum.extend(self.sum(plan, &shows, is_set || is_distinct)?),
                SetOpKind::Intersect | SetOpKind::Except => {
                    let mut combined = Vec::with_capacity(sum.len());
                    for mut term in sum {
                        let mut partners = self.sum(plan, &shows, true)?;
                        for partner in &mut partners {
                            for (&own, other) in term.shows.iter().zip(std::mem::take(&mut partner.shows)) {
                                let equal = self.context.arena.comparison(Function::IsNotDistinct, own, other);
                                partner.conds.push(equal);
                            }
                        }
                        if kind == SetOpKind::Intersect {
                            term.exists.push(partners);
                        } else {
                            term.absent.extend(partners);
                        }
                        combined.push(term);
                    }
                    sum = self.tidy_sum(combined, &[], true);
                }
                SetOpKind::IntersectAll | SetOpKind::ExceptAll => return None,
            }
        }
        Some(self.once(sum, columns, is_set || kind == SetOpKind::UnionAll))
    }
}

/// Adds columns of which a constant or an earlier column tells everything.
fn add_known(env: &mut Env, ids: &[ColumnId], known: &[Option<Known>]) {
    for (&id, known) in ids.iter().zip(known) {
        match known {
            Some(Known::Constant(literal)) => {
                env.insert(id, *literal);
            }
            Some(Known::Same(earlier)) => {
                if let Some(&scalar) = env.get(&ids[*earlier]) {
                    env.insert(id, scalar);
                }
            }
            None => {}
        }
    }
}

/// The place of a scalar among what is shown, as a column; added where it is new.
fn place_of(arena: &mut isomer_ir::Arena, shows: &mut Vec<ScalarId>, scalar: ScalarId) -> ScalarId {
    place_from(arena, shows, scalar, 0)
}

/// As [`place_of`], passing over the first `from` places.
fn place_from(arena: &mut isomer_ir::Arena, shows: &mut Vec<ScalarId>, scalar: ScalarId, from: usize) -> ScalarId {
    let place = shows.iter().skip(from).position(|&shown| shown == scalar).map_or(shows.len(), |place| place + from);
    if place == shows.len() {
        shows.push(scalar);
    }
    place_column(arena, place, scalar)
}

/// The place that a scalar made by [`place_of`] stands for.
pub(crate) fn place_in(arena: &isomer_ir::Arena, scalar: ScalarId) -> Option<usize> {
    let Scalar::Column(id) = &arena[scalar] else { return None };
    let isomer_ir::ColumnDef::Base { table, column } = arena.def(*id) else { return None };
    (&**table == "#").then(|| column.split(' ').next().and_then(|place| place.parse().ok())).flatten()
}
