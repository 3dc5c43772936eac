//! Facts of a relation: schema, keys, NOT NULL, constants, row bounds; estimates apart from them.
//!
//! A fact may be missing, never wrong: at most [`MAX_KEYS`] keys are kept, and what an operator is
//! not known to preserve is dropped. Estimates (`rows`) decide nothing but cost.

use isomer_ir::{
    AggregateCall, Arena, ColumnDef, ColumnId, DEFAULT_N_ROWS, DataType, Function, GroupingSets, JoinKind, Literal,
    RankingFunction, Recursion, SampleSize, Sampling, Scalar, ScalarId, SetOpKind, Volatility, WindowFunction,
};

use crate::operator::{Context, Operator};
use crate::scalars::null_when_all_null;

/// Keys kept of one relation; more are dropped, which loses rewrites and never soundness.
const MAX_KEYS: usize = 4;

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

/// Adds what follows from every predicate of `holds` being true.
fn add_implied(context: &mut Context, holds: &[ScalarId], facts: &mut Facts) {
    for &predicate in holds {
        for &column in context.rejected_by(predicate) {
            if facts.columns.contains(&column) {
                facts.not_null.push(column);
            }
        }
        let arena = &context.arena;
        if let Scalar::Call { function: Function::Eq, args, .. } = &arena[predicate]
            && let [left, right] = args.as_slice()
        {
            for (one, other) in [(*left, *right), (*right, *left)] {
                if let (Scalar::Column(column), Scalar::Literal(literal)) = (&arena[one], &arena[other])
                    && is_exact_constant(arena.column_type(*column), literal)
                    && facts.columns.contains(column)
                {
                    facts.constants.push((*column, other));
                }
            }
        }
    }
}

/// Whether a column equal to the literal holds exactly its value. Equal floats may still differ in
/// the sign of zero, and values of other families compare after a conversion.
fn is_exact_constant(column: DataType, literal: &Literal) -> bool {
    let own = literal.data_type();
    if literal.is_null() || column.is_float() || own.is_float() {
        return false;
    }
    own == column
        || isomer_ir::is_widening(own, column) && column != DataType::Text
        || (own.is_integer() && column.is_integer())
}

/// Columns for which the predicate is not true when they are NULL. May miss some, never invents.
pub(crate) fn null_rejected_columns(arena: &Arena, predicate: ScalarId) -> Vec<ColumnId> {
    arena
        .columns_of(predicate)
        .iter()
        .copied()
        .filter(|&column| crate::scalars::is_null_rejecting(arena, predicate, &[column]))
        .collect()
}

fn filter_facts(context: &mut Context, holds: &[ScalarId], input: &Facts) -> Facts {
    let mut facts = input.clone();
    add_implied(context, holds, &mut facts);
    let arena = &context.arena;
    facts.has_row = false;
    facts.rows *= holds.iter().map(|&predicate| selectivity(arena, predicate)).product::<f64>();
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

/// Whether a scalar may be NULL over rows with these facts; says `true` when in doubt.
pub(crate) fn is_nullable(arena: &Arena, scalar: ScalarId, input: &Facts) -> bool {
    let mut nullable: rustc_hash::FxHashMap<ScalarId, bool> = rustc_hash::FxHashMap::default();
    arena.visit(scalar, &mut |id, scalar| {
        let of = |operand: &ScalarId| nullable.get(operand).copied().unwrap_or(true);
        let value = match scalar {
            Scalar::Column(column) => !input.is_not_null(*column),
            Scalar::Outer(_) | Scalar::Hole(_) => true,
            Scalar::Literal(literal) => literal.is_null(),
            Scalar::Call { function, args, .. } => {
                if function.is_never_null() {
                    false
                } else if *function == Function::Coalesce || matches!(function, Function::Greatest | Function::Least) {
                    args.iter().all(of)
                } else {
                    function.may_make_null() || args.iter().any(of)
                }
            }
            Scalar::Case { branches, otherwise, .. } => branches.iter().any(|(_, then)| of(then)) || of(otherwise),
            Scalar::Cast { arg, is_try, .. } => *is_try || of(arg),
            Scalar::InList { arg, list } => of(arg) || list.iter().any(of),
        };
        nullable.insert(id, value);
    });
    nullable.get(&scalar).copied().unwrap_or(true)
}

/// Pairs of columns that a predicate makes equal.
pub(crate) fn equal_columns(arena: &Arena, predicate: ScalarId) -> Option<(ColumnId, ColumnId)> {
    if let Scalar::Call { function: Function::Eq, args, .. } = &arena[predicate]
        && let [left, right] = args.as_slice()
        && let (Scalar::Column(left), Scalar::Column(right)) = (&arena[*left], &arena[*right])
    {
        return Some((*left, *right));
    }
    None
}

/// Whether the equalities of `on` bind all columns of a key of `facts` to other relations' values.
pub(crate) fn matches_key(arena: &Arena, on: &[ScalarId], facts: &Facts) -> bool {
    facts.is_unique(&bound_columns(arena, on, facts))
}

/// Columns of `facts` that the equalities of `on` bind to other relations' values.
pub(crate) fn bound_columns(arena: &Arena, on: &[ScalarId], facts: &Facts) -> Vec<ColumnId> {
    let mut bound = Vec::new();
    for &predicate in on {
        if let Scalar::Call { function: Function::Eq | Function::IsNotDistinct, args, .. } = &arena[predicate]
            && let [left, right] = args.as_slice()
        {
            for (one, other) in [(*left, *right), (*right, *left)] {
                if let Scalar::Column(column) = &arena[one] {
                    let reads_none = arena.columns_of(other).iter().all(|column| !facts.exposes(*column));
                    if facts.exposes(*column) && reads_none {
                        bound.push(*column);
                    }
                }
            }
        }
    }
    bound
}

fn join_rows(arena: &Arena, on: &[ScalarId], inputs: &[&Facts]) -> f64 {
    let mut rows: f64 = inputs.iter().map(|input| input.rows.max(1.0)).product();
    for &predicate in on {
        let factor = match equal_columns(arena, predicate) {
            Some((left, right)) => {
                // A value that is known of one side is worth more than a guess at the other: what refers to
                // a key has no more values than the key.
                let known = match (known_distinct(arena, left), known_distinct(arena, right)) {
                    (Some(left), Some(right)) => Some(left.max(right)),
                    (left, right) => left.or(right),
                };
                let distinct = |column: ColumnId| {
                    inputs
                        .iter()
                        .find(|input| input.exposes(column))
                        .map_or(10.0, |input| n_distinct_in(arena, column, input))
                };
                1.0 / known.unwrap_or_else(|| distinct(left).max(distinct(right))).max(1.0)
            }
            None => selectivity(arena, predicate),
        };
        rows *= factor;
    }
    rows.max(1.0)
}

/// Values of a column by a statistic, before any filter.
pub(crate) fn known_distinct(arena: &Arena, column: ColumnId) -> Option<f64> {
    arena.n_distinct(column).or_else(|| match arena.def(column) {
        ColumnDef::Variant { of, .. } | ColumnDef::Instance { of, .. } => known_distinct(arena, *of),
        ColumnDef::Base { .. }
        | ColumnDef::Scalar(_)
        | ColumnDef::GroupedKey(_)
        | ColumnDef::Grouping { .. }
        | ColumnDef::Aggregate(_)
        | ColumnDef::Window(_)
        | ColumnDef::SetOp { .. }
        | ColumnDef::Values { .. }
        | ColumnDef::Recursive { .. }
        | ColumnDef::Work { .. }
        | ColumnDef::Versioned { .. }
        | ColumnDef::Mark { .. } => None,
    })
}

fn n_distinct_in(arena: &Arena, column: ColumnId, input: &Facts) -> f64 {
    if input.keys.iter().any(|key| key.as_slice() == [column]) {
        return input.rows.max(1.0);
    }
    estimate_column(arena, column, input.rows)
}

fn inner_join_facts(context: &mut Context, on: &[ScalarId], inputs: &[&Facts]) -> Facts {
    let arena = &context.arena;
    let mut facts = Facts::leaf(Vec::new(), 0.0);
    for input in inputs {
        facts.columns.extend_from_slice(&input.columns);
        facts.not_null.extend_from_slice(&input.not_null);
        facts.constants.extend_from_slice(&input.constants);
    }
    // An input whose key is matched by the others repeats no row of theirs, so their keys stay.
    let mut keys: Vec<Vec<ColumnId>> = vec![Vec::new()];
    let mut is_keyed = true;
    let mut remaining: Vec<usize> = (0..inputs.len()).collect();
    while remaining.len() > 1 {
        let Some(position) = remaining.iter().position(|&index| matches_key(arena, on, inputs[index])) else { break };
        // Only one input may be dropped against what remains: its bindings must not come from an
        // input dropped before it.
        let dropped = remaining[position];
        let kept: Vec<&Facts> =
            remaining.iter().filter(|&&index| index != dropped).map(|&index| inputs[index]).collect();
        let usable: Vec<ScalarId> =
            on.iter()
                .copied()
                .filter(|&predicate| {
                    arena.columns_of(predicate).iter().all(|column| {
                        inputs[dropped].exposes(*column) || kept.iter().any(|input| input.exposes(*column))
                    })
                })
                .collect();
        if !matches_key(arena, &usable, inputs[dropped]) {
            break;
        }
        remaining.remove(position);
    }
    for &index in &remaining {
        let Some(key) = inputs[index].keys.first() else {
            if inputs[index].max_rows.is_none_or(|rows| rows > 1) {
                is_keyed = false;
            }
            continue;
        };
        for union in &mut keys {
            union.extend_from_slice(key);
        }
    }
    if is_keyed {
        facts.keys = keys;
    }
    if inputs.iter().all(|input| input.max_rows.is_some()) {
        facts.max_rows = inputs.iter().try_fold(1_u64, |product, input| product.checked_mul(input.max_rows?));
    }
    facts.has_row = on.is_empty() && inputs.iter().all(|input| input.has_row);
    facts.columns.sort_unstable();
    add_implied(context, on, &mut facts);
    facts.rows = join_rows(&context.arena, on, inputs);
    facts
}

fn join_facts(context: &mut Context, kind: JoinKind, on: &[ScalarId], left: &Facts, right: &Facts) -> Facts {
    match kind {
        JoinKind::Inner => inner_join_facts(context, on, &[left, right]),
        JoinKind::Semi => {
            let mut facts = left.clone();
            add_implied(context, on, &mut facts);
            facts.has_row = false;
            facts.rows = (left.rows * 0.5).max(1.0);
            facts
        }
        JoinKind::Anti | JoinKind::AntiNullAware => {
            Facts { rows: (left.rows * 0.5).max(1.0), has_row: false, ..left.clone() }
        }
        JoinKind::Mark(mark) => {
            let mut facts = left.clone();
            facts.columns.push(mark);
            facts.not_null.push(mark);
            facts
        }
        JoinKind::Left | JoinKind::Single | JoinKind::Full => {
            let arena = &context.arena;
            let mut facts = Facts::leaf(left.columns.iter().chain(&right.columns).copied().collect(), 0.0);
            let right_is_single = kind == JoinKind::Single
                || matches_key(arena, on, right)
                || right.max_rows.is_some_and(|rows| rows <= 1);
            let left_is_single = matches_key(arena, on, left);
            if kind != JoinKind::Full {
                facts.not_null.clone_from(&left.not_null);
                facts.constants.clone_from(&left.constants);
            }
            if kind != JoinKind::Full && right_is_single {
                facts.keys.clone_from(&left.keys);
                facts.max_rows = left.max_rows;
            } else if kind != JoinKind::Full && left_is_single && !right.keys.is_empty() {
                // Each right row has at most one left row, but unmatched left rows repeat NULLs:
                // both sides' keys together.
                for key in &left.keys {
                    facts.keys.push(key.iter().chain(&right.keys[0]).copied().collect());
                }
            } else if let (Some(a), Some(b)) = (left.keys.first(), right.keys.first()) {
                facts.keys.push(a.iter().chain(b).copied().collect());
            }
            facts.has_row = left.has_row || kind == JoinKind::Full && right.has_row;
            facts.rows = join_rows(arena, on, &[left, right]).max(left.rows);
            if right_is_single && kind != JoinKind::Full {
                facts.rows = left.rows;
            }
            facts
        }
    }
}

fn aggregate_facts(
    context: &Context,
    keys: &[(ColumnId, ScalarId)],
    calls: &[(ColumnId, AggregateCall)],
    input: &Facts,
) -> Facts {
    let arena = &context.arena;
    let mut facts = Facts::leaf(keys.iter().map(|(id, _)| *id).chain(calls.iter().map(|(id, _)| *id)).collect(), 1.0);
    facts.keys.push(keys.iter().map(|(id, _)| *id).collect());
    // A key of the input among the group keys stays a key of its own.
    for key in &input.keys {
        let renamed: Option<Vec<ColumnId>> = key
            .iter()
            .map(|column| keys.iter().find(|(_, scalar)| arena[*scalar] == Scalar::Column(*column)).map(|(id, _)| *id))
            .collect();
        facts.keys.extend(renamed);
    }
    for &(id, scalar) in keys {
        if !is_nullable(arena, scalar, input) {
            facts.not_null.push(id);
        }
        if let Scalar::Column(column) = &arena[scalar]
            && let Ok(position) = input.constants.binary_search_by_key(column, |(constant, _)| *constant)
        {
            facts.constants.push((id, input.constants[position].1));
        }
    }
    for (id, call) in calls {
        // Over a group there is at least one row; without keys there may be none.
        let is_total = !keys.is_empty() && call.filter.is_none();
        let args_not_null = call.args.iter().all(|&arg| !is_nullable(arena, arg, input));
        if call.function.is_never_null() || (is_total && args_not_null && call.function.is_total()) {
            facts.not_null.push(*id);
        }
    }
    facts.has_row = keys.is_empty() || input.has_row;
    if keys.is_empty() {
        facts.max_rows = Some(1);
    } else {
        facts.max_rows = input.max_rows;
        facts.rows = estimate_groups(arena, keys, input.rows);
    }
    facts
}

/// Of keys in every set the rows are as over a plain aggregate, and no other key's are: it is NULL in
/// some. No key of the rows is known, since two sets may give one row each that look alike.
fn grouping_sets_facts(arena: &Arena, groups: &GroupingSets, input: &Facts) -> Facts {
    let mut facts = Facts::leaf(groups.columns().collect(), 0.0);
    for (id, scalar) in groups.common_keys() {
        if !is_nullable(arena, scalar, input) {
            facts.not_null.push(id);
        }
    }
    facts.not_null.extend(groups.calls.iter().filter(|(_, call)| call.function.is_never_null()).map(|(id, _)| *id));
    facts.not_null.extend(groups.markers.iter().map(|(id, _)| *id));
    facts.has_row = groups.has_total() || (input.has_row && !groups.sets.is_empty());
    for set in &groups.sets {
        let keys: Vec<(ColumnId, ScalarId)> = set.iter().map(|&key| groups.keys[key as usize]).collect();
        facts.rows += if keys.is_empty() { 1.0 } else { estimate_groups(arena, &keys, input.rows) };
    }
    facts
}

fn window_facts(arena: &Arena, calls: &[(ColumnId, isomer_ir::WindowCall)], input: &Facts) -> Facts {
    let mut facts = input.clone();
    for (id, call) in calls {
        facts.columns.push(*id);
        match call.function {
            WindowFunction::Ranking(RankingFunction::RowNumber) => {
                facts.not_null.push(*id);
                let partition: Option<Vec<ColumnId>> = call
                    .partition
                    .iter()
                    .map(|&scalar| if let Scalar::Column(column) = &arena[scalar] { Some(*column) } else { None })
                    .collect();
                if let Some(mut key) = partition {
                    key.push(*id);
                    facts.keys.push(key);
                }
            }
            function if function.is_never_null() => facts.not_null.push(*id),
            WindowFunction::Ranking(_) | WindowFunction::Aggregate(_) => {}
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

/// Share of rows for which a predicate is true; System R's constants (Selinger et al. 1979, table 1)
/// where nothing better is known.
pub(crate) fn selectivity(arena: &Arena, predicate: ScalarId) -> f64 {
    match &arena[predicate] {
        Scalar::Literal(Literal::Boolean(true)) => 1.0,
        Scalar::Literal(_) => 0.0,
        Scalar::Call { function, args, .. } => match function {
            Function::Eq | Function::IsNotDistinct => 0.1,
            Function::NotEq | Function::IsDistinct => 0.9,
            Function::Lt | Function::LtEq | Function::Gt | Function::GtEq => 0.33,
            Function::And => args.iter().map(|&arg| selectivity(arena, arg)).product(),
            Function::Or => args.iter().map(|&arg| selectivity(arena, arg)).sum::<f64>().min(1.0),
            Function::Not => (1.0 - args.first().map_or(0.5, |&arg| selectivity(arena, arg))).max(0.05),
            Function::Like | Function::ILike | Function::StartsWith | Function::Contains | Function::EndsWith => 0.1,
            Function::IsNull => 0.05,
            _ => 0.33,
        },
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        Scalar::InList { list, .. } => (0.1 * list.len() as f64).min(0.5),
        Scalar::Column(_) | Scalar::Outer(_) | Scalar::Case { .. } | Scalar::Cast { .. } | Scalar::Hole(_) => 0.5,
    }
}

/// Estimated groups. What is known of columns multiplies; guesses count with falling weight, because
/// columns that people group by together depend on each other.
fn estimate_groups(arena: &Arena, keys: &[(ColumnId, ScalarId)], rows: f64) -> f64 {
    let mut known = 1.0;
    let mut guesses: Vec<f64> = Vec::new();
    for &(_, scalar) in keys {
        let estimate = estimate_distinct(arena, scalar, rows);
        if is_guess(arena, scalar) { guesses.push(estimate) } else { known *= estimate }
    }
    guesses.sort_by(|a, b| b.total_cmp(a));
    let mut weight = 1.0;
    let mut guessed = 1.0;
    for guess in guesses {
        guessed *= guess.powf(weight);
        weight /= 2.0;
    }
    (known * guessed).min(rows * 0.8).max(1.0)
}

/// Whether nothing is known of the distinct values of a scalar.
pub(crate) fn is_guess(arena: &Arena, scalar: ScalarId) -> bool {
    match &arena[scalar] {
        Scalar::Column(column) => is_column_guess(arena, *column),
        Scalar::Call { function: Function::Extract | Function::DateTrunc, .. }
        | Scalar::Call { data_type: DataType::Boolean, .. }
        | Scalar::Literal(_)
        | Scalar::InList { .. }
        | Scalar::Case { .. } => false,
        Scalar::Call { .. } | Scalar::Cast { .. } | Scalar::Outer(_) | Scalar::Hole(_) => {
            arena.operands(scalar).iter().any(|&operand| is_guess(arena, operand))
        }
    }
}

fn is_column_guess(arena: &Arena, column: ColumnId) -> bool {
    if arena.n_distinct(column).is_some() {
        return false;
    }
    match arena.def(column) {
        ColumnDef::Scalar(scalar) => is_guess(arena, *scalar),
        ColumnDef::Variant { of, .. } | ColumnDef::Instance { of, .. } => is_column_guess(arena, *of),
        ColumnDef::Base { .. }
        | ColumnDef::Aggregate(_)
        | ColumnDef::Window(_)
        | ColumnDef::GroupedKey(_)
        | ColumnDef::Grouping { .. }
        | ColumnDef::SetOp { .. }
        | ColumnDef::Values { .. }
        | ColumnDef::Recursive { .. }
        | ColumnDef::Work { .. }
        | ColumnDef::Versioned { .. }
        | ColumnDef::Mark { .. } => !matches!(arena.column_type(column), DataType::Boolean | DataType::Date),
    }
}

/// Estimated distinct values of a scalar over `rows` rows.
pub(crate) fn estimate_distinct(arena: &Arena, scalar: ScalarId, rows: f64) -> f64 {
    let estimate = match &arena[scalar] {
        Scalar::Column(column) => estimate_column(arena, *column, rows),
        Scalar::Literal(_) => 1.0,
        Scalar::Cast { arg, to, .. } => {
            let inner = estimate_distinct(arena, *arg, rows);
            if *to == DataType::Date { inner.min(1000.0) } else { inner }
        }
        Scalar::Call { function: Function::Extract, args, .. } => match args.first().map(|&field| &arena[field]) {
            Some(Scalar::Literal(Literal::Text(field))) => match &**field {
                "hour" => 24.0,
                "month" => 12.0,
                "dow" | "isodow" => 7.0,
                "quarter" => 4.0,
                "minute" | "second" => 60.0,
                "day" => 31.0,
                "week" => 53.0,
                "doy" => 366.0,
                "year" => 10.0,
                _ => 100.0,
            },
            _ => 100.0,
        },
        Scalar::Call { function: Function::DateTrunc, args, .. } => match args.first().map(|&unit| &arena[unit]) {
            Some(Scalar::Literal(Literal::Text(unit))) => match &**unit {
                "year" => 10.0,
                "quarter" => 40.0,
                "month" => 120.0,
                "week" => 500.0,
                "day" => 1000.0,
                _ => 20_000.0,
            },
            _ => 1000.0,
        },
        Scalar::Call { data_type: DataType::Boolean, .. } | Scalar::InList { .. } => 2.0,
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        Scalar::Case { branches, .. } => (branches.len() + 1) as f64,
        Scalar::Call { .. } | Scalar::Outer(_) | Scalar::Hole(_) => {
            arena.operands(scalar).iter().map(|&operand| estimate_distinct(arena, operand, rows)).fold(1.0, f64::max)
        }
    };
    estimate.clamp(1.0, rows.max(1.0))
}

fn estimate_column(arena: &Arena, column: ColumnId, rows: f64) -> f64 {
    if let Some(known) = arena.n_distinct(column) {
        return known.clamp(1.0, rows.max(1.0));
    }
    match arena.def(column) {
        ColumnDef::Scalar(scalar) => estimate_distinct(arena, *scalar, rows),
        ColumnDef::Variant { of, .. } | ColumnDef::Instance { of, .. } => estimate_column(arena, *of, rows),
        ColumnDef::GroupedKey(scalar) => estimate_distinct(arena, *scalar, rows),
        ColumnDef::Base { .. }
        | ColumnDef::Aggregate(_)
        | ColumnDef::Window(_)
        | ColumnDef::Grouping { .. }
        | ColumnDef::SetOp { .. }
        | ColumnDef::Values { .. }
        | ColumnDef::Recursive { .. }
        | ColumnDef::Work { .. }
        | ColumnDef::Versioned { .. }
        | ColumnDef::Mark { .. } => match arena.column_type(column) {
            DataType::Boolean => 2.0,
            DataType::Date => rows.min(1000.0),
            _ => rows.powf(0.6),
        },
    }
}

/// Whether a scalar over null-extended columns can be computed above the extension: it is NULL
/// when all of `columns` are.
pub(crate) fn survives_null_extension(arena: &Arena, scalar: ScalarId, columns: &[ColumnId]) -> bool {
    matches!(arena[scalar], Scalar::Column(_)) || null_when_all_null(arena, scalar, columns)
}
