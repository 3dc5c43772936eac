//! Where facts of a query's columns come from: the deepest operator at which each holds.
//!
//! A fact is followed from the root down as long as an input has it as well; the operator at which
//! no input has it is the one that made it. Decides nothing: rewrites ask the facts themselves.

use std::sync::Arc;

use isomer_ir::{
    Arena, Catalog, ColumnDef, ColumnId, DataType, Output, Plan, Scalar, SetOpKind, explain_aggregate, explain_scalar,
    explain_window,
};

use crate::facts::{Facts, facts_of};
use crate::operator::{Context, Operator};
use crate::plan_facts::operator_of;

/// What is known of a query's columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// One for each output column, in order.
    pub columns: Vec<DescribedColumn>,
    /// Positions of output columns that no two rows agree on (NULLs counted as equal), with what made it so.
    /// May miss keys, never invents one that the declared facts do not imply. An empty key: at most one row.
    pub keys: Vec<(Vec<usize>, FactOrigin)>,
}

/// What is known of an output column.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedColumn {
    /// As written.
    pub name: Arc<str>,
    /// Its type.
    pub data_type: DataType,
    /// What gives it its type.
    pub type_from: FactOrigin,
    /// Why it holds no NULL; none where it may.
    pub not_null: Option<FactOrigin>,
}

/// What made a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactOrigin {
    /// A table or model of the catalog has it.
    Declared {
        /// Folded key of the table or model.
        table: Arc<str>,
        /// Folded names of the columns it is about.
        columns: Vec<Arc<str>>,
        /// Who says so, where that is known.
        by: Option<Arc<str>>,
    },
    /// It follows from an operator of the query.
    Inferred {
        /// The operator, in the words of SQL.
        operator: &'static str,
        /// What of it, such as the expression.
        because: String,
    },
}

/// Describes the columns of a query. The catalog is lent, and given back unchanged.
#[must_use]
pub fn describe(output: &Output, arena: &mut Arena, catalog: &mut Catalog) -> Described {
    let mut context = Context::new(std::mem::take(arena), std::mem::take(catalog));
    let root = Node::of(&mut context, &output.plan);
    let columns = output.columns.iter().map(|column| {
        let id = column.column;
        let not_null = if root.facts.is_not_null(id) {
            Some(root.why_not_null(&context, id))
        } else {
            (!column.is_nullable).then(|| root.why_type(&context, id))
        };
        DescribedColumn {
            name: Arc::clone(&column.name),
            data_type: context.arena.column_type(id),
            type_from: root.why_type(&context, id),
            not_null,
        }
    });
    let columns = columns.collect();
    let mut keys = Vec::new();
    if root.facts.max_rows.is_some_and(|rows| rows <= 1) {
        keys.push((Vec::new(), root.why_one_row()));
    } else {
        for key in &root.facts.keys {
            let position = |id: &ColumnId| output.columns.iter().position(|column| column.column == *id);
            let Some(mut positions) = key.iter().map(position).collect::<Option<Vec<usize>>>() else { continue };
            positions.sort_unstable();
            keys.push((positions, root.why_key(&context, key)));
        }
    }
    *arena = context.arena;
    *catalog = context.catalog;
    Described { columns, keys }
}

/// An operator of the query with its facts.
struct Node {
    operator: Operator,
    facts: Facts,
    inputs: Vec<Self>,
}

impl Node {
    fn of(context: &mut Context, plan: &Plan) -> Self {
        let (operator, inputs) = match (plan, operator_of(plan)) {
            (Plan::Named { input, .. }, _) => return Self::of(context, input),
            (Plan::Distinct { input }, _) => {
                let input = Self::of(context, input);
                let keys = input.facts.columns.iter().map(|&id| (id, context.arena.column_ref(id))).collect();
                (Operator::Aggregate { keys, calls: Vec::new() }, vec![input])
            }
            (_, Some((operator, inputs))) => {
                (operator, inputs.into_iter().map(|input| Self::of(context, input)).collect())
            }
            (_, None) => (Operator::Empty { columns: Vec::new() }, Vec::new()),
        };
        let facts: Vec<&Facts> = inputs.iter().map(|input| &input.facts).collect();
        let facts = facts_of(context, &operator, &facts);
        Self { operator, facts, inputs }
    }

    /// What a column of this operator is called in an input that passes it on.
    fn below(&self, context: &Context, input: &Self, id: ColumnId) -> Option<ColumnId> {
        let below = match &self.operator {
            Operator::Instance { k } => match context.arena.def(id) {
                ColumnDef::Instance { of, k: number } if number == k => Some(*of),
                _ => None,
            },
            Operator::Project { exprs: definitions } | Operator::Aggregate { keys: definitions, .. } => {
                let (_, scalar) = definitions.iter().find(|(defined, _)| *defined == id)?;
                match &context.arena[*scalar] {
                    Scalar::Column(column) => Some(*column),
                    _ => None,
                }
            }
            // A key of grouping sets is NULL in the rows of some sets.
            Operator::SetOp { .. }
            | Operator::GroupingSets { .. }
            | Operator::Scan { .. }
            | Operator::Values { .. }
            | Operator::RecursiveUnion { .. }
            | Operator::WorkTable { .. }
            | Operator::ScanAt { .. }
            | Operator::Empty { .. } => None,
            Operator::Filter { .. }
            | Operator::InnerJoin { .. }
            | Operator::Join { .. }
            | Operator::Unnest { .. }
            | Operator::Window { .. }
            | Operator::Sort { .. }
            | Operator::Limit { .. }
            | Operator::Sample { .. } => Some(id),
        };
        below.filter(|id| input.facts.exposes(*id))
    }

    fn why_type(&self, context: &Context, id: ColumnId) -> FactOrigin {
        let passed = self.inputs.iter().find_map(|input| Some((input, self.below(context, input, id)?)));
        match passed {
            Some((input, below)) => input.why_type(context, below),
            None => self.made(context, id, None),
        }
    }

    fn why_not_null(&self, context: &Context, id: ColumnId) -> FactOrigin {
        let has_it = |input: &Self| self.below(context, input, id).filter(|below| input.facts.is_not_null(*below));
        let passed = self.inputs.iter().find_map(|input| Some((input, has_it(input)?)));
        match passed {
            Some((input, below)) => input.why_not_null(context, below),
            None => {
                let passes = self.inputs.iter().any(|input| self.below(context, input, id).is_some());
                let because = match &self.operator {
                    Operator::Filter { holds } if passes => Some(("WHERE", conjuncts(context, holds, id))),
                    Operator::InnerJoin { on } if passes => Some(("JOIN", conjuncts(context, on, id))),
                    Operator::Join { on, .. } if passes => Some(("JOIN", conjuncts(context, on, id))),
                    _ => None,
                };
                let mut origin = self.made(context, id, because);
                if let (FactOrigin::Declared { by, .. }, Operator::Scan { table, columns }) =
                    (&mut origin, &self.operator)
                {
                    let at = columns.iter().position(|column| *column == id).unwrap_or_default();
                    *by = context.catalog.not_null_declared_by(table, at).cloned().or(by.take());
                }
                origin
            }
        }
    }

    fn why_one_row(&self) -> FactOrigin {
        let deeper = self.inputs.iter().find(|input| input.facts.max_rows.is_some_and(|rows| rows <= 1));
        match (&self.operator, deeper, self.inputs.len()) {
            (_, Some(input), 1) => input.why_one_row(),
            _ => FactOrigin::Inferred { operator: self.word(), because: "at most one row".to_owned() },
        }
    }

    fn why_key(&self, context: &Context, key: &[ColumnId]) -> FactOrigin {
        for input in &self.inputs {
            let below: Option<Vec<ColumnId>> = key.iter().map(|&id| self.below(context, input, id)).collect();
            if let Some(below) = below.filter(|below| input.facts.is_unique(below)) {
                return input.why_key(context, &below);
            }
        }
        if let Operator::Scan { table, columns } = &self.operator {
            let declared = context.catalog.get(table).and_then(|described| {
                let is_it = |known: &&isomer_ir::Key| {
                    known.columns.iter().all(|&at| columns.get(at).is_some_and(|id| key.contains(id)))
                };
                let known = described.keys.iter().find(is_it)?;
                let names = known.columns.iter().filter_map(|&at| described.columns.get(at));
                Some((names.map(|column| Arc::clone(&column.key)).collect(), Arc::clone(&known.declared_by)))
            });
            let (columns, by) = declared.map_or((Vec::new(), None), |(columns, by)| (columns, Some(by)));
            return FactOrigin::Declared { table: Arc::clone(table), columns, by };
        }
        let because = match &self.operator {
            Operator::Aggregate { .. } => "one row a group".to_owned(),
            Operator::InnerJoin { on } if on.is_empty() => "keys of all inputs together".to_owned(),
            Operator::InnerJoin { .. } | Operator::Join { .. } => "keys of the inputs together".to_owned(),
            Operator::Filter { .. } => "the other columns of a key are fixed".to_owned(),
            Operator::SetOp { kind: SetOpKind::UnionAll, .. } => "branches differ by a constant".to_owned(),
            Operator::SetOp { .. } | Operator::RecursiveUnion { .. } => "each distinct row once".to_owned(),
            Operator::Window { .. } => "rows are numbered".to_owned(),
            Operator::Scan { .. }
            | Operator::Values { .. }
            | Operator::Empty { .. }
            | Operator::Project { .. }
            | Operator::Unnest { .. }
            | Operator::GroupingSets { .. }
            | Operator::Sort { .. }
            | Operator::Limit { .. }
            | Operator::WorkTable { .. }
            | Operator::Sample { .. }
            | Operator::ScanAt { .. }
            | Operator::Instance { .. } => "follows from its input".to_owned(),
        };
        FactOrigin::Inferred { operator: self.word(), because }
    }

    /// This operator as the origin of a fact about a column.
    fn made(&self, context: &Context, id: ColumnId, because: Option<(&'static str, String)>) -> FactOrigin {
        if let Some((operator, because)) = because {
            return FactOrigin::Inferred { operator, because };
        }
        let arena = &context.arena;
        let because = match &self.operator {
            Operator::Scan { table, columns } => {
                let at = columns.iter().position(|column| *column == id).unwrap_or_default();
                let described = context.catalog.get(table).and_then(|table| table.columns.get(at));
                let by = context.catalog.declared_by(table).cloned();
                let columns = described.map(|column| Arc::clone(&column.key)).into_iter().collect();
                return FactOrigin::Declared { table: Arc::clone(table), columns, by };
            }
            Operator::Project { exprs } => definition(exprs, id).map(|scalar| explain_scalar(scalar, arena)),
            Operator::Aggregate { keys, calls } => definition(keys, id)
                .map(|scalar| explain_scalar(scalar, arena))
                .or_else(|| calls.iter().find(|(call, _)| *call == id).map(|(_, call)| explain_aggregate(call, arena))),
            Operator::GroupingSets { groups } => {
                let call = groups.calls.iter().find(|(call, _)| *call == id);
                let call = call.map(|(_, call)| explain_aggregate(call, arena));
                call.or_else(|| definition(&groups.keys, id).map(|scalar| explain_scalar(scalar, arena)))
            }
            Operator::Window { calls } => {
                calls.iter().find(|(call, _)| *call == id).map(|(_, call)| explain_window(call, arena))
            }
            Operator::Unnest { list, .. } => Some(explain_scalar(*list, arena)),
            Operator::SetOp { .. } => Some("the type that all branches take".to_owned()),
            Operator::Values { .. } => Some("the values written out".to_owned()),
            Operator::RecursiveUnion { .. } => Some("the type of the part that starts the recursion".to_owned()),
            Operator::Join { .. } => Some("whether a match exists".to_owned()),
            Operator::Empty { .. }
            | Operator::Filter { .. }
            | Operator::InnerJoin { .. }
            | Operator::Sort { .. }
            | Operator::Limit { .. }
            | Operator::WorkTable { .. }
            | Operator::Sample { .. }
            | Operator::ScanAt { .. }
            | Operator::Instance { .. } => None,
        };
        FactOrigin::Inferred { operator: self.word(), because: because.unwrap_or_default() }
    }

    fn word(&self) -> &'static str {
        match &self.operator {
            Operator::Scan { .. } => "FROM",
            Operator::Values { .. } => "VALUES",
            Operator::Empty { .. } => "no rows",
            Operator::Filter { .. } => "WHERE",
            Operator::Project { .. } => "SELECT",
            Operator::InnerJoin { .. } | Operator::Join { .. } => "JOIN",
            Operator::Aggregate { calls, .. } if calls.is_empty() => "DISTINCT",
            Operator::Aggregate { .. } | Operator::GroupingSets { .. } => "GROUP BY",
            Operator::Window { .. } => "OVER",
            Operator::Unnest { .. } => "UNNEST",
            Operator::Sort { .. } => "ORDER BY",
            Operator::Limit { .. } => "LIMIT",
            Operator::SetOp { kind, .. } => match kind {
                SetOpKind::UnionAll => "UNION ALL",
                SetOpKind::Union => "UNION",
                SetOpKind::Intersect | SetOpKind::IntersectAll => "INTERSECT",
                SetOpKind::Except | SetOpKind::ExceptAll => "EXCEPT",
            },
            Operator::RecursiveUnion { .. } => "WITH RECURSIVE",
            Operator::Sample { .. } => "TABLESAMPLE",
            Operator::WorkTable { .. } | Operator::ScanAt { .. } | Operator::Instance { .. } => "FROM",
        }
    }
}

fn definition(definitions: &[(ColumnId, isomer_ir::ScalarId)], id: ColumnId) -> Option<isomer_ir::ScalarId> {
    definitions.iter().find(|(defined, _)| *defined == id).map(|(_, scalar)| *scalar)
}

/// The conjuncts that read a column, which no row passes where they are NULL.
fn conjuncts(context: &Context, holds: &[isomer_ir::ScalarId], id: ColumnId) -> String {
    let about = holds.iter().filter(|conjunct| context.arena.columns_of(**conjunct).contains(&id));
    about.map(|conjunct| explain_scalar(*conjunct, &context.arena)).collect::<Vec<_>>().join(" AND ")
}
