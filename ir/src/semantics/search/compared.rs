//! Values that queries compare the columns of tables with: rows that hold them take both sides of
//! the queries' conditions, where rows drawn at random would take one.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::domain::near;
use crate::semantics::Value;
use crate::semantics::compare::is_same;
use crate::{Arena, Column, ColumnDef, ColumnId, DataType, Function, Literal, Output, Plan, Scalar, ScalarId, Table};

/// Most values that are kept for a column.
const MOST: usize = 24;

/// The keys of a table and of its column.
type Place = (Arc<str>, Arc<str>);

/// The query of a model with the keys of its columns, where a name is a model's.
pub type ModelOf<'m, 'a> = &'m dyn Fn(&str) -> Option<(&'a Output, Vec<Arc<str>>)>;

/// Literals by the column that they are compared with, under whatever functions.
#[derive(Debug, Clone, Default)]
pub struct Compared {
    columns: BTreeMap<Place, Vec<Value>>,
    /// The types that columns of texts are converted to.
    converted: BTreeMap<Place, DataType>,
}

impl Compared {
    /// What the queries compare. A column of a table that `model` gives a query for stands for the
    /// columns of tables that it is computed from.
    #[must_use]
    pub fn of<'a>(outputs: impl IntoIterator<Item = &'a Output>, arena: &Arena, model: ModelOf<'_, 'a>) -> Self {
        let mut found = Self::default();
        for output in outputs {
            let mut stack = vec![&output.plan];
            while let Some(plan) = stack.pop() {
                found.operator(plan, arena, model);
                stack.extend(plan.inputs());
            }
        }
        found
    }

    /// The values of a column with their neighbours, as its type holds them; for a column of JSON the
    /// texts that it is asked for.
    #[must_use]
    pub fn values(&self, table: &Table, column: &Column) -> Vec<Value> {
        let data_type = column.data_type;
        let key = (Arc::clone(&table.key), Arc::clone(&column.key));
        let literals = self.columns.get(&key).map_or(&[][..], Vec::as_slice);
        if data_type == DataType::Json { literals.to_vec() } else { near(data_type, literals) }
    }

    /// The type that queries convert a column to without taking a failure for NULL, so that a column of
    /// texts is known to hold texts of that type.
    #[must_use]
    pub fn converted(&self, table: &Arc<str>, column: &Arc<str>) -> Option<DataType> {
        self.converted.get(&(Arc::clone(table), Arc::clone(column))).copied()
    }

    fn operator<'a>(&mut self, plan: &Plan, arena: &Arena, model: ModelOf<'_, 'a>) {
        for scalar in plan.own_scalars() {
            let mut places = Vec::new();
            let mut casts = Vec::new();
            arena.visit(scalar, &mut |id, scalar| match scalar {
                Scalar::Cast { arg, to, is_try: false } => casts.push((*arg, *to)),
                _ if compares(scalar) => places.push(id),
                _ => {}
            });
            for (arg, to) in casts {
                let Some(column) = passed(arg, arena) else { continue };
                for place in bases(&[column], arena, model) {
                    self.converted.entry(place).or_insert(to);
                }
            }
            for place in places {
                let literals = literals(place, arena);
                if literals.is_empty() {
                    continue;
                }
                for column in bases(arena.columns_of(place), arena, model) {
                    let known = self.columns.entry(column).or_default();
                    for literal in &literals {
                        if known.len() < MOST && !known.iter().any(|one| is_same(one, literal)) {
                            known.push(literal.clone());
                        }
                    }
                }
            }
        }
    }
}

/// The column that a scalar passes on but for blanks and values that it takes for none.
fn passed(scalar: ScalarId, arena: &Arena) -> Option<ColumnId> {
    let mut at = scalar;
    loop {
        match &arena[at] {
            Scalar::Column(id) => match arena.def(*id) {
                ColumnDef::Scalar(of) => at = *of,
                _ => return Some(*id),
            },
            Scalar::Call { function: Function::Trim | Function::NullIf | Function::Coalesce, args, .. } => {
                at = *args.first()?;
            }
            _ => return None,
        }
    }
}

/// Whether a scalar holds columns against values, or asks for a part by its name.
fn compares(scalar: &Scalar) -> bool {
    match scalar {
        Scalar::InList { .. } => true,
        Scalar::Call { function, .. } => match function {
            Function::Eq
            | Function::NotEq
            | Function::Lt
            | Function::LtEq
            | Function::Gt
            | Function::GtEq
            | Function::IsDistinct
            | Function::IsNotDistinct
            | Function::Like
            | Function::ILike
            | Function::StartsWith
            | Function::EndsWith
            | Function::Contains => true,
            Function::Listed(listed) => listed.name().starts_with("json"),
            _ => false,
        },
        Scalar::Column(_)
        | Scalar::Outer(_)
        | Scalar::Literal(_)
        | Scalar::Case { .. }
        | Scalar::Cast { .. }
        | Scalar::Hole(_) => false,
    }
}

fn literals(place: ScalarId, arena: &Arena) -> Vec<Value> {
    let mut found = Vec::new();
    arena.visit(place, &mut |_, scalar| {
        if let Scalar::Literal(literal) = scalar
            && !matches!(literal, Literal::Null(_) | Literal::Boolean(_))
        {
            found.push(Value::from(literal));
        }
    });
    found
}

/// The columns of tables that ids show or are computed from.
fn bases<'a>(columns: &[ColumnId], arena: &Arena, model: ModelOf<'_, 'a>) -> Vec<Place> {
    let mut found = Vec::new();
    let mut seen: FxHashSet<ColumnId> = FxHashSet::default();
    let mut stack: Vec<ColumnId> = columns.to_vec();
    while let Some(id) = stack.pop() {
        if !seen.insert(id) {
            continue;
        }
        match arena.def(id) {
            ColumnDef::Base { table, column } => match model(table) {
                Some((output, names)) => {
                    let shown = names.iter().position(|name| name == column);
                    stack.extend(shown.and_then(|at| output.columns.get(at)).map(|shown| shown.column));
                }
                None => found.push((Arc::clone(table), Arc::clone(column))),
            },
            ColumnDef::Variant { of, .. } | ColumnDef::Instance { of, .. } => stack.push(*of),
            ColumnDef::Scalar(scalar) | ColumnDef::GroupedKey(scalar) => {
                stack.extend_from_slice(arena.columns_of(*scalar));
            }
            ColumnDef::SetOp { branches, .. } => stack.extend_from_slice(branches),
            _ => {}
        }
    }
    found.sort();
    found
}
