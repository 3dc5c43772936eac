//! Subqueries whose correlated parts cannot be taken to the top: they are computed once for each
//! distinct value of the outer columns, their domain, which then takes part in every operator.
//!
//! A domain column is one more group key, partition key and column of each branch of a set operation;
//! a `LIMIT` counts within its domain row. The subquery's rows are then joined to the outer rows whose
//! values they were computed for, NULLs counted as equal.
//!
//! Neumann and Kemper, "Unnesting arbitrary queries", BTW 2015.

use isomer_ir::{
    AggregateCall, Arena, Args, ColumnDef, ColumnId, DataType, Frame, Function, JoinKind, Literal, OverNothing, Plan,
    RankingFunction, Scalar, ScalarId, SetOpKind, SortKey, WindowCall, WindowFunction,
};

use crate::bind_query::plan_has_outer;
use crate::decorrelate::{OVER_NOTHING, Reason};
use crate::scope::replace_columns;

/// Distinct values of outer columns.
#[derive(Debug, Clone)]
pub(crate) struct Domain {
    /// Its rows.
    pub(crate) plan: Plan,
    /// Outer column and the domain's column that holds its value, sorted.
    pub(crate) columns: Vec<(ColumnId, ColumnId)>,
}

impl Domain {
    /// The distinct values of `columns`, pairs of an outer column and the column of `base` that holds it.
    ///
    /// The relation is computed a second time for it, so it must give the same rows again.
    pub(crate) fn new(
        arena: &mut Arena,
        base: &Plan,
        columns: &[(ColumnId, ColumnId)],
        taken: &dyn Fn(ColumnId) -> bool,
    ) -> Result<Self, Reason> {
        if !base.is_repeatable(arena) {
            return Err("a surrounding query whose rows depend on chance");
        }
        let mut keys: Vec<ColumnId> = columns.iter().map(|&(_, column)| column).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut k = 1;
        while keys.iter().any(|&key| taken(arena.instance(key, k))) {
            k += 1;
        }
        let own = columns.iter().map(|&(outer, column)| (outer, arena.instance(column, k))).collect();
        let keys = keys.into_iter().map(|key| (key, arena.column_ref(key))).collect();
        let distinct = Plan::Aggregate { input: Box::new(base.clone()), keys, calls: Vec::new() };
        Ok(Self { plan: Plan::Instance { input: Box::new(distinct), k }, columns: own })
    }

    fn ids(&self) -> Vec<ColumnId> {
        let mut ids: Vec<ColumnId> = self.columns.iter().map(|&(_, id)| id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// A scalar with outer columns read from the domain.
    fn read(&self, arena: &mut Arena, scalar: ScalarId) -> ScalarId {
        replace_columns(arena, scalar, &mut |arena, scalar| match scalar {
            Scalar::Outer(outer) => {
                let found = self.columns.iter().find(|(known, _)| known == outer);
                found.map(|&(_, id)| arena.column_ref(id))
            }
            _ => None,
        })
    }

    fn read_all(&self, arena: &mut Arena, scalars: Vec<ScalarId>) -> Vec<ScalarId> {
        scalars.into_iter().map(|scalar| self.read(arena, scalar)).collect()
    }

    /// The domain's columns as they are.
    fn passed(&self, arena: &mut Arena) -> Vec<(ColumnId, ScalarId)> {
        self.ids().into_iter().map(|id| (id, arena.column_ref(id))).collect()
    }

    /// `plan` with the domain's columns under other ids, and the conditions that tie them to its own.
    fn apart(&self, arena: &mut Arena, plan: Plan) -> (Plan, Vec<ScalarId>) {
        let mut exprs = Vec::new();
        let mut ties = Vec::new();
        let ids = self.ids();
        for id in plan.columns(arena) {
            let column = arena.column_ref(id);
            if ids.contains(&id) {
                let renamed = arena.instance(id, 1);
                let other = arena.column_ref(renamed);
                exprs.push((renamed, column));
                ties.push(arena.comparison(Function::IsNotDistinct, column, other));
            } else {
                exprs.push((id, column));
            }
        }
        (Plan::Project { input: Box::new(plan), exprs }, ties)
    }
}

/// For each row of the domain the rows that the plan has for it, with that row's columns.
pub(crate) fn unnested(arena: &mut Arena, plan: Plan, domain: &Domain) -> Result<Plan, Reason> {
    if !plan_has_outer(arena, &plan) {
        let (left, right) = (Box::new(domain.plan.clone()), Box::new(plan));
        return Ok(Plan::Join { kind: JoinKind::Inner, left, right, on: Vec::new() });
    }
    Ok(match plan {
        Plan::Named { input, name, span } => {
            Plan::Named { input: Box::new(unnested(arena, *input, domain)?), name, span }
        }
        // Without a `LIMIT` an order means nothing here.
        Plan::Sort { input, .. } => unnested(arena, *input, domain)?,
        Plan::Filter { input, holds } => {
            let input = Box::new(unnested(arena, *input, domain)?);
            Plan::Filter { input, holds: domain.read_all(arena, holds) }
        }
        Plan::Project { input, exprs } => {
            let input = Box::new(unnested(arena, *input, domain)?);
            let mut exprs: Vec<(ColumnId, ScalarId)> =
                exprs.into_iter().map(|(id, scalar)| (id, domain.read(arena, scalar))).collect();
            exprs.extend(domain.passed(arena));
            Plan::Project { input, exprs }
        }
        Plan::Distinct { input } => Plan::Distinct { input: Box::new(unnested(arena, *input, domain)?) },
        Plan::Instance { input, k } => unnested_instance(arena, *input, k, domain)?,
        Plan::Join { kind, left, right, on } => unnested_join(arena, kind, *left, *right, on, domain)?,
        Plan::Aggregate { input, keys, calls } => unnested_aggregate(arena, *input, keys, &calls, domain)?,
        Plan::GroupingSets { .. } => return Err("grouping sets"),
        Plan::Window { input, calls } => {
            let input = Box::new(unnested(arena, *input, domain)?);
            let calls = calls
                .into_iter()
                .map(|(id, call)| {
                    let mut call = arena.map_window(&call, &mut |arena, scalar| domain.read(arena, scalar));
                    call.partition.extend(domain.passed(arena).into_iter().map(|(_, scalar)| scalar));
                    call.partition.sort_unstable();
                    call.partition.dedup();
                    (id, call)
                })
                .collect();
            Plan::Window { input, calls }
        }
        Plan::Unnest { input, list, column, position, is_outer } => {
            let input = Box::new(unnested(arena, *input, domain)?);
            Plan::Unnest { input, list: domain.read(arena, list), column, position, is_outer }
        }
        Plan::Limit { input, fetch: Some(0), .. } => {
            let mut columns = input.columns(arena);
            columns.extend(domain.ids());
            Plan::Empty { columns }
        }
        Plan::Limit { input, skip, fetch } => unnested_limit(arena, *input, skip, fetch, domain)?,
        Plan::SetOp { kind, inputs, columns } => unnested_set_op(arena, kind, inputs, &columns, domain)?,
        Plan::Values { columns, rows } => {
            let [row] = rows.as_slice() else { return Err("an outer column in several rows of `VALUES`") };
            let mut exprs: Vec<(ColumnId, ScalarId)> =
                columns.iter().zip(row).map(|(&id, &scalar)| (id, domain.read(arena, scalar))).collect();
            exprs.extend(domain.passed(arena));
            Plan::Project { input: Box::new(domain.plan.clone()), exprs }
        }
        Plan::RecursiveUnion { .. } => return Err("a recursive query"),
        Plan::Sample { .. } => return Err("a sample"),
        Plan::Scan { .. } | Plan::Empty { .. } | Plan::WorkTable { .. } | Plan::ScanAt { .. } | Plan::Hole { .. } => {
            return Err("an outer column in a table");
        }
    })
}

fn unnested_instance(arena: &mut Arena, input: Plan, k: u32, domain: &Domain) -> Result<Plan, Reason> {
    let own = input.columns(arena);
    let input = unnested(arena, input, domain)?;
    let mut exprs = Vec::new();
    for id in own {
        let id = arena.instance(id, k);
        exprs.push((id, arena.column_ref(id)));
    }
    for id in domain.ids() {
        let renamed = arena.instance(id, k);
        exprs.push((id, arena.column_ref(renamed)));
    }
    Ok(Plan::Project { input: Box::new(Plan::Instance { input: Box::new(input), k }), exprs })
}

fn unnested_join(
    arena: &mut Arena,
    kind: JoinKind,
    left: Plan,
    right: Plan,
    on: Vec<ScalarId>,
    domain: &Domain,
) -> Result<Plan, Reason> {
    if kind == JoinKind::Full {
        return Err("a full join");
    }
    let mut on = domain.read_all(arena, on);
    let left = unnested(arena, left, domain)?;
    let right = if plan_has_outer(arena, &right) {
        if kind == JoinKind::AntiNullAware {
            return Err("`NOT IN` over a correlated query within another");
        }
        let right = unnested(arena, right, domain)?;
        let (right, ties) = domain.apart(arena, right);
        on.extend(ties);
        right
    } else {
        right
    };
    Ok(Plan::Join { kind, left: Box::new(left), right: Box::new(right), on })
}

/// Without keys an aggregate has a row for each row of the domain, also where nothing is aggregated.
fn unnested_aggregate(
    arena: &mut Arena,
    input: Plan,
    keys: Vec<(ColumnId, ScalarId)>,
    calls: &[(ColumnId, AggregateCall)],
    domain: &Domain,
) -> Result<Plan, Reason> {
    let is_total = keys.is_empty();
    let input = Box::new(unnested(arena, input, domain)?);
    let mut keys: Vec<(ColumnId, ScalarId)> =
        keys.into_iter().map(|(id, scalar)| (id, domain.read(arena, scalar))).collect();
    keys.extend(domain.passed(arena));
    let mut own = Vec::with_capacity(calls.len());
    let mut shown = domain.passed(arena);
    for (id, call) in calls {
        let call = arena.map_aggregate(call, &mut |arena, scalar| domain.read(arena, scalar));
        if !is_total || call.function.over_nothing() == OverNothing::Null {
            let column = arena.column_ref(*id);
            shown.push((*id, column));
            own.push((*id, call));
            continue;
        }
        let counted = arena.variant_outside(*id, &[*id]);
        let column = arena.column_ref(counted);
        shown.push((*id, arena.or_over_nothing(&call, column).ok_or(OVER_NOTHING)?));
        own.push((counted, call));
    }
    let groups = Plan::Aggregate { input, keys, calls: own };
    if !is_total {
        return Ok(groups);
    }
    let (groups, on) = domain.apart(arena, groups);
    let (left, right) = (Box::new(domain.plan.clone()), Box::new(groups));
    let joined = Plan::Join { kind: JoinKind::Left, left, right, on };
    Ok(Plan::Project { input: Box::new(joined), exprs: shown })
}

/// The rows of each row of the domain are numbered, in their order or by chance, and the first are taken.
fn unnested_limit(
    arena: &mut Arena,
    input: Plan,
    skip: u64,
    fetch: Option<u64>,
    domain: &Domain,
) -> Result<Plan, Reason> {
    let (input, keys) = match input {
        Plan::Sort { input, keys } => (*input, keys),
        input => (input, Vec::new()),
    };
    let input = Box::new(unnested(arena, input, domain)?);
    let order: Vec<SortKey> =
        keys.into_iter().map(|key| SortKey { scalar: domain.read(arena, key.scalar), ..key }).collect();
    let mut partition: Args = domain.passed(arena).into_iter().map(|(_, scalar)| scalar).collect();
    partition.sort_unstable();
    let call = WindowCall {
        function: WindowFunction::Ranking(RankingFunction::RowNumber),
        args: Args::new(),
        filter: None,
        is_ignoring_nulls: false,
        partition,
        frame: if order.is_empty() { Frame::WHOLE } else { Frame::ORDERED },
        order,
        data_type: DataType::Int64,
    };
    let exposed = input.columns(arena);
    let number = arena.window_column(&call, "n");
    let number = arena.variant_outside(number, &exposed);
    let column = arena.column_ref(number);
    let mut bound = |rows: u64| {
        let rows = i128::from(rows);
        arena.literal(Literal::Int(rows, DataType::Int64))
    };
    let (first, last) = (bound(skip), fetch.map(|fetch| bound(skip.saturating_add(fetch))));
    let mut holds = vec![arena.comparison(Function::Gt, column, first)];
    if let Some(last) = last {
        holds.push(arena.comparison(Function::LtEq, column, last));
    }
    let numbered = Plan::Window { input, calls: vec![(number, call)] };
    let kept = Plan::Filter { input: Box::new(numbered), holds };
    let exprs = exposed.into_iter().map(|id| (id, arena.column_ref(id))).collect();
    Ok(Plan::Project { input: Box::new(kept), exprs })
}

fn unnested_set_op(
    arena: &mut Arena,
    kind: SetOpKind,
    inputs: Vec<(Plan, Vec<ColumnId>)>,
    columns: &[ColumnId],
    domain: &Domain,
) -> Result<Plan, Reason> {
    let ids = domain.ids();
    let n_inputs = inputs.len();
    let mut branches = Vec::with_capacity(n_inputs);
    for (input, mut taken) in inputs {
        taken.extend(ids.iter().copied());
        branches.push((unnested(arena, input, domain)?, taken));
    }
    let mut all = columns.to_vec();
    let mut exprs: Vec<(ColumnId, ScalarId)> = columns.iter().map(|&id| (id, arena.column_ref(id))).collect();
    for &id in &ids {
        let position = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let def = ColumnDef::SetOp { position, branches: vec![id; n_inputs] };
        let data_type = arena.column_type(id);
        let hint = arena.hint(id).to_string();
        let shown = arena.column(def, data_type, &hint);
        all.push(shown);
        exprs.push((id, arena.column_ref(shown)));
    }
    let union = Plan::SetOp { kind, inputs: branches, columns: all };
    Ok(Plan::Project { input: Box::new(union), exprs })
}
