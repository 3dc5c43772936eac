//! Recursive queries: a CTE that reads itself. What a step computes of the round before is written
//! within the step, all else that it reads before the recursion.

use std::sync::Arc;

use isomer_ir::{Arena, ColumnId, JoinKind, Plan, Recursion, SetOpKind, Volatility};

use super::block::{Block, Body, Cte, MarkedName, Query, SourceKind};
use super::dag::NodeId;
use super::expr::{Node, QueryId};
use super::name::{Taken, identifier, quoted};
use super::scope::exprs_of;
use super::statement::Statement;
use super::target::Target;
use crate::CodegenError;

impl<'p> Statement<'_, 'p> {
    /// A block that reads a recursion, which is a CTE of its own.
    pub(super) fn recursion(
        &mut self,
        node: NodeId,
        input: NodeId,
        recursion: &'p Recursion,
        step: u32,
    ) -> Result<Block, CodegenError> {
        if let Err(construct) = sayable(recursion, self.speller.arena, self.dialect()) {
            return Err(self.speller.refuse("GEN-0040", construct, "keep the model as it is written"));
        }
        if self.dialect() == Target::DataFusion && self.dag.demanded(node).len() < recursion.columns.len() {
            // DataFusion 54 leaves the column out of one part of the recursion and looks for it in another.
            let construct = "a recursive query of which a column is not read";
            return Err(self.speller.refuse(
                "GEN-0040",
                construct,
                "read the column, or keep the model as it is written",
            ));
        }
        let mut taken = Taken::default();
        let arena = self.speller.arena;
        let names: Vec<String> =
            recursion.columns.iter().map(|&id| taken.unique(&identifier(arena.hint(id), "value"))).collect();
        let name =
            self.dag.info(node).name.as_ref().map_or_else(|| "recursion".to_owned(), |name| identifier(name, "step"));
        let name = self.names.unique(&name);
        let base = self.build(input)?;
        let (base, is_base_volatile) = self.branch(base, &recursion.base_columns, &names)?;
        let number = self.n_recursions;
        self.n_recursions += 1;
        self.work.push((number, Arc::from(name.as_str()), names.clone()));
        let dag = self.dag.take_step(step);
        let outer = std::mem::replace(&mut self.dag, dag);
        let written = std::mem::take(&mut self.written);
        let block = self.build(self.dag.root)?;
        let (step_query, is_step_volatile) = self.branch(block, &recursion.step_columns, &names)?;
        self.written = written;
        let dag = std::mem::replace(&mut self.dag, outer);
        self.dag.put_step(step, dag);
        self.work.pop();
        if self.ctes.iter().any(|cte| cte.within == Some(number) && cte.is_recursive) {
            let construct = "a recursive query that reads another one's round before";
            return Err(self.speller.refuse("GEN-0040", construct, "keep the model as it is written"));
        }
        let kind = if recursion.is_distinct { SetOpKind::Union } else { SetOpKind::UnionAll };
        let body = Body::Set { kind, branches: vec![base, step_query] };
        self.queries.push(Query { body, order: Vec::new(), limit: None });
        let query = QueryId(u32::try_from(self.queries.len() - 1).unwrap_or(u32::MAX));
        self.ctes.push(Cte {
            name,
            query,
            is_volatile: is_base_volatile || is_step_volatile,
            n_readers: 0,
            is_recursive: true,
            within: None,
            recursion: number,
        });
        self.cte_columns.push(recursion.columns.iter().copied().zip(names).collect());
        Ok(self.reading_cte(self.ctes.len() - 1))
    }

    /// The rows of the round before.
    pub(super) fn work_table(&mut self, node: NodeId, columns: &[ColumnId]) -> Result<Block, CodegenError> {
        let Some((recursion, name, names)) = self.work.last().cloned() else {
            let construct = "a step of a recursive query outside of it";
            return Err(self.speller.refuse("GEN-0040", construct, "report this plan as a bug"));
        };
        let dialect = self.dialect();
        let names = columns.iter().zip(&names).map(|(&id, name)| (id, quoted(name, dialect))).collect();
        let source = self.source(SourceKind::Work { recursion, name }, names);
        let demanded = self.dag.demanded(node);
        Ok(self.reading(source, &demanded))
    }

    /// A start or a step, closed: its columns in order under these names, and whether chance plays a part.
    fn branch(
        &mut self,
        mut block: Block,
        taken: &[ColumnId],
        names: &[String],
    ) -> Result<(QueryId, bool), CodegenError> {
        block.forget_order();
        let is_narrowed = block.is_distinct && {
            let mut ids = taken.to_vec();
            ids.sort_unstable();
            ids.dedup();
            ids.len() != block.env.len()
        };
        if block.set.is_some() || block.limit.is_some() || is_narrowed {
            block = self.wrap(block, None)?;
        }
        let is_volatile = self.is_volatile(&block);
        let outs: Vec<(ColumnId, Arc<str>)> =
            taken.iter().zip(names).map(|(&id, name)| (id, Arc::from(name.as_str()))).collect();
        Ok((self.finish(block, &outs)?, is_volatile))
    }

    /// The recursion whose round before a query reads, itself or by CTEs.
    pub(super) fn recursion_read(&self, query: QueryId) -> Option<u32> {
        self.work.last()?;
        let mut stack = vec![query];
        while let Some(id) = stack.pop() {
            let query = &self.queries[id.0 as usize];
            let select = match &query.body {
                Body::Set { branches, .. } => {
                    stack.extend(branches);
                    continue;
                }
                Body::Select(select) => select,
            };
            for item in &select.items {
                let within = match &self.sources[item.source.0 as usize].kind {
                    SourceKind::Work { recursion, .. } => Some(*recursion),
                    SourceKind::Cte(cte) | SourceKind::Marked { name: MarkedName::Cte(cte), .. } => {
                        self.ctes[*cte].within
                    }
                    SourceKind::Table(_)
                    | SourceKind::Marked { .. }
                    | SourceKind::Values { .. }
                    | SourceKind::Output => None,
                };
                if within.is_some() {
                    return within;
                }
            }
            let mut roots = exprs_of(select);
            roots.extend(query.order.iter().map(|order| order.expr));
            self.speller.exprs.visit(&roots, &mut |_, node| {
                if let Node::Subquery { query, .. } = node {
                    stack.push(*query);
                }
            });
        }
        None
    }

    /// A CTE that another graph of this statement has for the same relation, where it shows enough.
    pub(super) fn written_elsewhere(&self, node: NodeId) -> Option<usize> {
        if self.n_recursions == 0 {
            return None;
        }
        let info = self.dag.info(node);
        let cte = *self.written_plans.get(info.plan?)?;
        info.demand.iter().all(|id| self.cte_columns[cte].iter().any(|(known, _)| known == id)).then_some(cte)
    }

    /// Remembers that a node is written as a CTE.
    pub(super) fn remember(&mut self, node: NodeId, cte: usize) {
        self.written.insert(node, cte);
        if self.ctes[cte].within.is_none()
            && let Some(plan) = self.dag.info(node).plan
        {
            self.written_plans.entry(plan).or_insert(cte);
        }
    }
}

/// Whether the target takes a recursion; otherwise what it does not take.
fn sayable(recursion: &Recursion, arena: &Arena, target: Target) -> Result<(), &'static str> {
    if target == Target::Spark {
        return Err("a recursive query");
    }
    let mut stack = vec![&recursion.step];
    while let Some(plan) = stack.pop() {
        let is_volatile = plan.own_scalars().into_iter().any(|id| arena.volatility(id) == Volatility::Volatile);
        if is_volatile || matches!(plan, Plan::Sample { .. }) {
            // Drawn in each round or once: the text says which, the plan does not.
            return Err("a recursive query whose step depends on chance");
        }
        stack.extend(plan.inputs());
    }
    match (recursion.n_reads(), target) {
        (0, _) => Err("a recursive query whose step does not read the round before"),
        (1, Target::Postgres) if !is_read_plainly(&recursion.step) => {
            Err("a recursive query that reads the round before in a group, an outer join or a subquery")
        }
        (1, _) | (_, Target::DuckDb) => Ok(()),
        _ => Err("a recursive query that reads the round before more than once"),
    }
}

/// Whether PostgreSQL lets the recursive reference stand where it is: never where it could be padded,
/// grouped, cut off or only tested.
fn is_read_plainly(plan: &Plan) -> bool {
    if !plan.reads_work_table() {
        return true;
    }
    match plan {
        Plan::WorkTable { .. } => true,
        Plan::Filter { input, .. }
        | Plan::Project { input, .. }
        | Plan::Distinct { input }
        | Plan::Window { input, .. }
        | Plan::Unnest { input, .. }
        | Plan::Sort { input, .. }
        | Plan::Instance { input, .. }
        | Plan::Named { input, .. } => is_read_plainly(input),
        Plan::Aggregate { input, calls, .. } => calls.is_empty() && is_read_plainly(input),
        Plan::Join { kind, left, right, .. } => match kind {
            JoinKind::Inner => is_read_plainly(left) && is_read_plainly(right),
            JoinKind::Left
            | JoinKind::Semi
            | JoinKind::Anti
            | JoinKind::AntiNullAware
            | JoinKind::Single
            | JoinKind::Mark(_) => is_read_plainly(left) && !right.reads_work_table(),
            JoinKind::Full => false,
        },
        Plan::SetOp { kind: SetOpKind::UnionAll | SetOpKind::Union, inputs, .. } => {
            inputs.iter().all(|(input, _)| is_read_plainly(input))
        }
        Plan::SetOp { .. }
        | Plan::GroupingSets { .. }
        | Plan::Limit { .. }
        | Plan::RecursiveUnion { .. }
        | Plan::Sample { .. }
        | Plan::Scan { .. }
        | Plan::ScanAt { .. }
        | Plan::Values { .. }
        | Plan::Empty { .. }
        | Plan::Hole { .. } => false,
    }
}
