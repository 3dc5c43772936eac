//! Facts of a relation: schema, keys, NOT NULL, constants, row bounds; estimates apart from them.
//!
//! A fact may be missing, never wrong: at most [`MAX_KEYS`] keys are kept, and what an operator is
//! not known to preserve is dropped. Estimates (`rows`) decide nothing but cost.

use isomer_ir::{
    Arena, ColumnId, DEFAULT_N_ROWS, Recursion, SampleSize, Sampling, Scalar, ScalarId, SetOpKind, Volatility,
};

mod estimates;
mod grouped;
mod joins;
mod predicates;

pub(crate) use estimates::{estimate_distinct, is_guess, joint_selectivity, known_distinct, selectivity};
pub(crate) use predicates::{
    bound_columns, equal_columns, is_nullable, matches_key, null_rejected_columns, survives_null_extension,
};

use grouped::{aggregate_facts, grouping_sets_facts, window_facts};
use joins::{inner_join_facts, join_facts};
use predicates::add_implied;

use crate::operator::{Context, Operator};

/// Keys kept of one relation; more are dropped, which loses rewrites and never soundness.
const MAX_KEYS: usize = 4;
/// Most rows that an estimate gives: chains of joins multiply, and an infinite cost is that of what has no plan.
const MAX_ROWS: f64 = 1e18;

/// What is known of the rows of a relation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    /// The schema, sorted.
    pub(crate) columns: Vec<ColumnId>,
    /// Sets of columns of which no two rows agree on all (NULLs counted as equal); each sorted.
    pub(crate) keys: Vec<Vec<ColumnId>>,
    /// Columns without NULLs, sorted.
    pub(crate) not_null: Vec<ColumnId>,
    /// Columns that hold one value in all rows, with the value; sorted by column.
    pub(crate) constants: Vec<(ColumnId, ScalarId)>,
    /// Most rows there can be.
    pub(crate) max_rows: Option<u64>,
    /// Whether there is at least one row.
    pub(crate) has_row: bool,
    /// Whether some rows depend on chance: volatile functions, `LIMIT` without order.
    pub(crate) is_volatile: bool,
    /// Whether some value depends on when the statement runs (`now()`), so that no other
    /// statement may compute it.
    pub(crate) is_stable_only: bool,
    /// Estimated rows.
    pub(crate) rows: f64,
}

impl Facts {
    /// Nothing is known but that these columns hold no NULL.
    pub(crate) fn of_not_null(columns: impl IntoIterator<Item = ColumnId>) -> Self {
        Self { not_null: columns.into_iter().collect(), ..Self::leaf(Vec::new(), 0.0) }
    }

    pub(crate) fn exposes(&self, column: ColumnId) -> bool {
        self.columns.binary_search(&column).is_ok()
    }

    pub(crate) fn is_not_null(&self, column: ColumnId) -> bool {
        self.not_null.binary_search(&column).is_ok()
    }

    /// Whether no two rows agree on all of `columns`.
    pub(crate) fn is_unique(&self, columns: &[ColumnId]) -> bool {
        self.max_rows.is_some_and(|rows| rows <= 1)
            || self.keys.iter().any(|key| key.iter().all(|column| columns.contains(column)))
    }

    fn leaf(mut columns: Vec<ColumnId>, rows: f64) -> Self {
        columns.sort_unstable();
        columns.dedup();
        Self {
            columns,
            keys: Vec::new(),
            not_null: Vec::new(),
            constants: Vec::new(),
            max_rows: None,
            has_row: false,
            is_volatile: false,
            is_stable_only: false,
            rows,
        }
    }

    /// Restores order and minimality after facts of an equal relation were added.
    pub(crate) fn tidy_merged(&mut self) {
        self.tidy();
    }

    fn tidy(&mut self) {
        self.columns.sort_unstable();
        self.columns.dedup();
        self.not_null.sort_unstable();
        self.not_null.dedup();
        self.constants.sort_unstable();
        self.constants.dedup_by_key(|(column, _)| *column);
        for key in &mut self.keys {
            // A constant column never tells two rows apart.
            key.retain(|column| self.constants.binary_search_by_key(column, |(constant, _)| *constant).is_err());
            key.sort_unstable();
            key.dedup();
        }
        if self.keys.iter().any(Vec::is_empty) {
            self.max_rows = Some(self.max_rows.map_or(1, |rows| rows.min(1)));
        }
        self.keys.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        self.keys.dedup();
        let mut minimal: Vec<Vec<ColumnId>> = Vec::new();
        for key in self.keys.drain(..) {
            if minimal.len() < MAX_KEYS
                && !minimal.iter().any(|smaller| smaller.iter().all(|column| key.contains(column)))
            {
                minimal.push(key);
            }
        }
        self.keys = minimal;
        self.rows = self.rows.min(MAX_ROWS);
        if let Some(max) = self.max_rows {
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let max = max as f64;
            self.rows = self.rows.min(max);
        }
    }
}

/// The facts of `operator` over inputs with these facts.
pub(crate) fn facts_of(context: &mut Context, operator: &Operator, inputs: &[&Facts]) -> Facts {
    let mut facts = match (operator, inputs) {
        (Operator::Scan { table, columns }, _) => scan_facts(context, table, columns),
        (Operator::Values { columns, rows }, _) => values_facts(&context.arena, columns, rows),
        (Operator::Filter { holds }, [input]) => filter_facts(context, holds, input),
        (Operator::Project { exprs }, [input]) => project_facts(&context.arena, exprs, input),
        (Operator::InnerJoin { on }, inputs) => inner_join_facts(context, on, inputs),
        (Operator::Join { kind, on }, [left, right]) => join_facts(context, *kind, on, left, right),
        (Operator::Aggregate { keys, calls }, [input]) => aggregate_facts(context, keys, calls, input),
        (Operator::GroupingSets { groups }, [input]) => grouping_sets_facts(&context.arena, groups, input),
        (Operator::Window { calls }, [input]) => window_facts(&context.arena, calls, input),
        (Operator::Unnest { column, position, is_outer, .. }, [input]) => {
            unnest_facts(*column, *position, *is_outer, input)
        }
        (Operator::Sort { .. }, [input]) => (*input).clone(),
        (Operator::Limit { skip, fetch }, [input]) => limit_facts(*skip, *fetch, input),
        (Operator::SetOp { kind, taken, columns }, inputs) => set_op_facts(*kind, taken, columns, inputs),
        (Operator::RecursiveUnion { recursion }, [input]) => recursion_facts(recursion, input),
        (Operator::WorkTable { columns } | Operator::ScanAt { columns, .. }, _) => {
            Facts::leaf(columns.clone(), DEFAULT_N_ROWS)
        }
        (Operator::Sample { sampling }, [input]) => sample_facts(sampling, input),
        (Operator::Instance { k }, [input]) => instance_facts(&mut context.arena, *k, input),
        (Operator::Empty { columns }, _) => Facts { max_rows: Some(0), rows: 0.0, ..Facts::leaf(columns.clone(), 0.0) },
        (
            Operator::Filter { .. }
            | Operator::Project { .. }
            | Operator::Join { .. }
            | Operator::Aggregate { .. }
            | Operator::GroupingSets { .. }
            | Operator::Window { .. }
            | Operator::Unnest { .. }
            | Operator::Sort { .. }
            | Operator::Limit { .. }
            | Operator::RecursiveUnion { .. }
            | Operator::Sample { .. }
            | Operator::Instance { .. },
            _,
        ) => Facts::leaf(Vec::new(), 0.0),
    };
    facts.is_volatile |= inputs.iter().any(|input| input.is_volatile);
    facts.is_stable_only |= inputs.iter().any(|input| input.is_stable_only);
    let volatility = operator_volatility(&context.arena, operator);
    facts.is_volatile |= volatility == Volatility::Volatile;
    facts.is_stable_only |= volatility >= Volatility::Stable;
    facts.tidy();
    facts
}

fn operator_volatility(arena: &Arena, operator: &Operator) -> Volatility {
    let mut volatility = Volatility::Immutable;
    let mut see = |scalar: ScalarId| volatility = volatility.max(arena.volatility(scalar));
    match operator {
        Operator::Scan { .. }
        | Operator::Empty { .. }
        | Operator::Limit { .. }
        | Operator::WorkTable { .. }
        | Operator::Sample { .. }
        | Operator::SetOp { .. }
        | Operator::Instance { .. } => {}
        Operator::ScanAt { version, .. } => see(version.at),
        Operator::RecursiveUnion { recursion } => {
            let mut stack = vec![&recursion.step];
            while let Some(plan) = stack.pop() {
                plan.own_scalars().into_iter().for_each(&mut see);
                stack.extend(plan.inputs());
            }
            if !recursion.step.is_repeatable(arena) {
                volatility = Volatility::Volatile;
            }
        }
        Operator::Values { rows, .. } => rows.iter().flatten().for_each(|&scalar| see(scalar)),
        Operator::Filter { holds: scalars }
        | Operator::InnerJoin { on: scalars }
        | Operator::Join { on: scalars, .. } => {
            scalars.iter().for_each(|&scalar| see(scalar));
        }
        Operator::Project { exprs } => exprs.iter().for_each(|&(_, scalar)| see(scalar)),
        Operator::Aggregate { keys, calls } => {
            keys.iter().for_each(|&(_, scalar)| see(scalar));
            for (_, call) in calls {
                call.args.iter().chain(&call.filter).for_each(|&scalar| see(scalar));
            }
        }
        Operator::GroupingSets { groups } => groups.scalars().for_each(&mut see),
        Operator::Window { calls } => {
            for (_, call) in calls {
                call.args.iter().chain(&call.filter).chain(&call.partition).for_each(|&scalar| see(scalar));
            }
        }
        Operator::Unnest { list, .. } => see(*list),
        Operator::Sort { keys } => keys.iter().for_each(|key| see(key.scalar)),
    }
    volatility
}

/// Of a recursion nothing is known but that `UNION` gives each row once. May miss facts, never invents one.
fn recursion_facts(recursion: &Recursion, base: &Facts) -> Facts {
    let mut facts = Facts::leaf(recursion.columns.clone(), base.rows * crate::cost::ROUNDS);
    facts.has_row = base.has_row;
    if recursion.is_distinct {
        facts.keys.push(recursion.columns.clone());
    }
    facts
}

/// Of what chance picks nothing is known but that it is part of the input. May miss facts, never invents one.
fn sample_facts(sampling: &Sampling, input: &Facts) -> Facts {
    /// Part of the rows that is kept, where the size says no number.
    const PART: f64 = 0.1;
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let rows = match &sampling.size {
        SampleSize::Rows(rows) => input.rows.min(*rows as f64),
        SampleSize::Percent(percent) => input.rows * percent.parse::<f64>().map_or(PART, |percent| percent / 100.0),
    };
    Facts {
        keys: input.keys.clone(),
        not_null: input.not_null.clone(),
        max_rows: input.max_rows,
        is_volatile: true,
        ..Facts::leaf(input.columns.clone(), rows)
    }
}

/// The elements of a list: how many there are is not known, and rows come out more than once. May miss
/// keys and bounds, never invents one.
fn unnest_facts(column: ColumnId, position: Option<ColumnId>, is_outer: bool, input: &Facts) -> Facts {
    /// Elements of a list, about.
    const ELEMENTS: f64 = 4.0;
    let mut columns = input.columns.clone();
    columns.push(column);
    columns.extend(position);
    let mut facts = Facts::leaf(columns, input.rows * ELEMENTS);
    facts.not_null.clone_from(&input.not_null);
    if let Some(position) = position.filter(|_| !is_outer) {
        facts.not_null.push(position);
    }
    facts
}

fn scan_facts(context: &Context, table: &str, columns: &[ColumnId]) -> Facts {
    let mut facts = Facts::leaf(columns.to_vec(), DEFAULT_N_ROWS);
    if let Some(table) = context.catalog.get(table) {
        facts.rows = table.n_rows.unwrap_or(DEFAULT_N_ROWS).max(1.0);
        facts.not_null =
            table.columns.iter().zip(columns).filter(|(column, _)| !column.is_nullable).map(|(_, id)| *id).collect();
        for key in &table.keys {
            // SQL's UNIQUE lets several NULLs in; only a NULL-free key tells all rows apart.
            let is_null_free = key
                .columns
                .iter()
                .all(|&position| table.columns.get(position).is_some_and(|column| !column.is_nullable));
            if is_null_free {
                facts.keys.push(key.columns.iter().filter_map(|&position| columns.get(position).copied()).collect());
            }
        }
    }
    facts
}

fn values_facts(arena: &Arena, columns: &[ColumnId], rows: &[Vec<ScalarId>]) -> Facts {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let mut facts = Facts::leaf(columns.to_vec(), rows.len() as f64);
    facts.max_rows = Some(rows.len() as u64);
    facts.has_row = !rows.is_empty();
    for (position, &column) in columns.iter().enumerate() {
        let is_not_null = rows.iter().all(|row| {
            row.get(position)
                .is_some_and(|&scalar| matches!(&arena[scalar], Scalar::Literal(literal) if !literal.is_null()))
        });
        if is_not_null {
            facts.not_null.push(column);
        }
    }
    facts
}

fn filter_facts(context: &mut Context, holds: &[ScalarId], input: &Facts) -> Facts {
    let mut facts = input.clone();
    add_implied(context, holds, &mut facts);
    let arena = &context.arena;
    facts.has_row = false;
    facts.rows *= joint_selectivity(arena, holds);
    facts.rows = facts.rows.max(1.0);
    facts
}

fn project_facts(arena: &Arena, exprs: &[(ColumnId, ScalarId)], input: &Facts) -> Facts {
    let mut facts = Facts::leaf(exprs.iter().map(|(id, _)| *id).collect(), input.rows);
    let renamed =
        |column: ColumnId| exprs.iter().find(|(_, scalar)| arena[*scalar] == Scalar::Column(column)).map(|(id, _)| *id);
    for key in &input.keys {
        if let Some(key) = key.iter().map(|&column| renamed(column)).collect::<Option<Vec<_>>>() {
            facts.keys.push(key);
        }
    }
    facts.max_rows = input.max_rows;
    facts.has_row = input.has_row;
    for &(id, scalar) in exprs {
        if !is_nullable(arena, scalar, input) {
            facts.not_null.push(id);
        }
        match &arena[scalar] {
            Scalar::Literal(_) => facts.constants.push((id, scalar)),
            Scalar::Column(column) => {
                if let Ok(position) = input.constants.binary_search_by_key(column, |(constant, _)| *constant) {
                    facts.constants.push((id, input.constants[position].1));
                }
            }
            Scalar::Outer(_)
            | Scalar::Call { .. }
            | Scalar::Case { .. }
            | Scalar::Cast { .. }
            | Scalar::InList { .. }
            | Scalar::Hole(_) => {}
        }
    }
    facts
}

fn limit_facts(skip: u64, fetch: Option<u64>, input: &Facts) -> Facts {
    let mut facts = input.clone();
    // Which rows come out depends on chance unless the order is total; that is not tracked.
    facts.is_volatile = true;
    facts.has_row = false;
    let max = match (input.max_rows, fetch) {
        (Some(rows), Some(fetch)) => Some(rows.saturating_sub(skip).min(fetch)),
        (Some(rows), None) => Some(rows.saturating_sub(skip)),
        (None, fetch) => fetch,
    };
    facts.max_rows = max;
    facts
}

fn set_op_facts(kind: SetOpKind, taken: &[Vec<ColumnId>], columns: &[ColumnId], inputs: &[&Facts]) -> Facts {
    let mut facts = Facts::leaf(columns.to_vec(), inputs.iter().map(|input| input.rows).sum());
    for (position, &column) in columns.iter().enumerate() {
        let is_not_null = |index: usize| {
            taken
                .get(index)
                .and_then(|columns| columns.get(position))
                .is_some_and(|&column| inputs[index].is_not_null(column))
        };
        let claims = match kind {
            SetOpKind::UnionAll | SetOpKind::Union => (0..inputs.len()).all(is_not_null),
            SetOpKind::Intersect | SetOpKind::IntersectAll => (0..inputs.len()).any(is_not_null),
            SetOpKind::Except | SetOpKind::ExceptAll => is_not_null(0),
        };
        if claims {
            facts.not_null.push(column);
        }
    }
    match kind {
        SetOpKind::UnionAll => {
            facts.has_row = inputs.iter().any(|input| input.has_row);
            facts.max_rows = inputs.iter().try_fold(0_u64, |sum, input| sum.checked_add(input.max_rows?));
        }
        SetOpKind::Union => facts.keys.push(columns.to_vec()),
        SetOpKind::Intersect | SetOpKind::Except => {
            facts.keys.push(columns.to_vec());
            facts.rows = inputs.first().map_or(1.0, |input| input.rows * 0.5);
        }
        SetOpKind::IntersectAll | SetOpKind::ExceptAll => {
            facts.rows = inputs.first().map_or(1.0, |input| input.rows * 0.5);
        }
    }
    facts
}

fn instance_facts(arena: &mut Arena, k: u32, input: &Facts) -> Facts {
    let mut rename = |column: ColumnId| arena.instance(column, k);
    Facts {
        columns: input.columns.iter().map(|&column| rename(column)).collect(),
        keys: input.keys.iter().map(|key| key.iter().map(|&column| rename(column)).collect()).collect(),
        not_null: input.not_null.iter().map(|&column| rename(column)).collect(),
        constants: input.constants.iter().map(|&(column, value)| (rename(column), value)).collect(),
        ..input.clone()
    }
}
