//! Operators: one relation for each, with the columns that are needed above it.

use std::collections::BTreeSet;
use std::sync::Arc;

use isomer_ir::{ColumnId, DataType, GroupingSets, Literal, Plan, Scalar, ScalarId, SortKey};
use rustc_hash::FxHashMap;
use substrait::proto::aggregate_rel::Grouping;
use substrait::proto::expression::nested;
use substrait::proto::read_rel::{NamedTable, ReadType, VirtualTable};
use substrait::proto::rel::RelType;
use substrait::proto::{AggregateRel, FetchRel, FilterRel, NamedStruct, ReadRel, SortRel, Type, fetch_rel, r#type};

use super::aggregate::sort_field;
use super::message::{Field, Relation, Row, Typed, direct, emit, field};
use super::types::{physical, type_message};
use super::{Producer, refusal};
use crate::CodegenError;

impl Producer<'_> {
    /// A relation with at least the needed columns of the plan, and at least one field.
    pub(super) fn relation(&mut self, plan: &Plan, needed: &BTreeSet<ColumnId>) -> Result<Relation, CodegenError> {
        self.nested(|producer| match plan {
            Plan::Scan { table, columns } => producer.scan(table, columns, needed),
            Plan::Values { columns, rows } => producer.values(columns, rows, needed),
            Plan::Empty { columns } => producer.values(columns, &[], needed),
            Plan::Filter { input, holds } => producer.filter(input, holds, needed),
            Plan::Project { input, exprs } => producer.project(input, exprs, needed),
            Plan::Join { kind, left, right, on } => producer.join(*kind, left, right, on, needed),
            Plan::Aggregate { input, keys, calls } => producer.aggregate(input, keys, calls, needed),
            Plan::GroupingSets { input, groups } => producer.grouping_sets(input, groups, needed),
            Plan::Distinct { input } => producer.distinct(input),
            Plan::Unnest { .. } => Err(refusal("GEN-0103", "the elements of a list", "compute them in SQL")),
            Plan::RecursiveUnion { .. } | Plan::WorkTable { .. } => {
                Err(refusal("GEN-0103", "a recursive query", "compute it in SQL"))
            }
            Plan::Sample { .. } => Err(refusal("GEN-0103", "a sample", "compute it in SQL")),
            Plan::ScanAt { .. } => Err(refusal("GEN-0103", "a table as it was", "compute it in SQL")),
            Plan::Window { input, calls } => producer.window(input, calls, needed),
            Plan::Sort { input, keys } => producer.sort(input, keys, needed),
            Plan::Limit { input, skip, fetch } => producer.limit(input, *skip, *fetch, needed),
            Plan::SetOp { kind, inputs, columns } => producer.set_op(*kind, inputs, columns, needed),
            Plan::Instance { input, k } => producer.instance(input, *k, needed),
            Plan::Named { input, .. } => producer.relation(input, needed),
            Plan::Hole { .. } => Err(refusal("GEN-0103", "a hole of a rule", "report this plan as a bug")),
        })
    }

    fn scan(
        &mut self,
        key: &Arc<str>,
        columns: &[ColumnId],
        needed: &BTreeSet<ColumnId>,
    ) -> Result<Relation, CodegenError> {
        let Some(table) = self.catalog.get(key) else {
            return Err(refusal(
                "GEN-0103",
                &format!("the table `{key}`, which the catalog does not hold"),
                "declare it",
            ));
        };
        if table.columns.len() != columns.len() {
            let construct = format!("the table `{key}`, whose columns are not those of the catalog");
            return Err(refusal("GEN-0103", &construct, "report this plan as a bug"));
        }
        let names = table_parts(&table.sql_name).ok_or_else(|| {
            refusal("GEN-0103", &format!("the table name `{}`", table.sql_name), "name it by at most three parts")
        })?;
        // Columns that have no Substrait type stay out of the schema unless they are read.
        let mut schema = Vec::new();
        let mut kept = Vec::new();
        for (column, id) in table.columns.iter().zip(columns) {
            let data_type = self.arena.column_type(*id);
            if needed.contains(id) || physical(data_type).is_ok() {
                schema.push((column.name.to_string(), data_type));
                kept.push(*id);
            }
        }
        if kept.is_empty() {
            let construct = format!("the table `{key}` without a column that Substrait can type");
            return Err(refusal("GEN-0101", &construct, "declare the types of its columns"));
        }
        let mut fields: Vec<usize> = (0..kept.len()).filter(|index| needed.contains(&kept[*index])).collect();
        if fields.is_empty() {
            fields.push(0);
        }
        let columns: Vec<Option<ColumnId>> = fields.iter().map(|index| Some(kept[*index])).collect();
        let is_whole = fields.len() == kept.len();
        let read = ReadRel {
            common: if is_whole { direct() } else { emit(fields) },
            base_schema: Some(named_struct(schema)?),
            read_type: Some(ReadType::NamedTable(NamedTable { names, advanced_extension: None })),
            ..ReadRel::default()
        };
        Ok(Relation::new(RelType::Read(Box::new(read)), columns))
    }

    /// Rows written out; no rows are no expressions.
    pub(super) fn values(
        &mut self,
        columns: &[ColumnId],
        rows: &[Vec<ScalarId>],
        needed: &BTreeSet<ColumnId>,
    ) -> Result<Relation, CodegenError> {
        let kept: Vec<usize> = (0..columns.len()).filter(|index| needed.contains(&columns[*index])).collect();
        let row = Row::new(&[]);
        let mut schema = Vec::new();
        let mut ids = Vec::new();
        for index in &kept {
            schema.push((format!("column{index}"), self.arena.column_type(columns[*index])));
            ids.push(Some(columns[*index]));
        }
        // One row without fields stands for itself; otherwise rows need a field to be counted by.
        let is_padded = kept.is_empty() && rows.len() != 1;
        if is_padded {
            schema.push(("row".to_owned(), DataType::Boolean));
            ids.push(None);
        }
        let mut expressions = Vec::with_capacity(rows.len());
        for values in rows {
            let mut fields = Vec::with_capacity(ids.len());
            for index in &kept {
                let data_type = self.arena.column_type(columns[*index]);
                let value = values.get(*index).copied().ok_or_else(|| {
                    refusal("GEN-0103", "a row of another width than its relation", "report this plan as a bug")
                })?;
                fields.push(self.typed_constant(value, data_type, &row)?);
            }
            if is_padded {
                fields.push(Typed::literal(&Literal::Boolean(true))?.expr);
            }
            expressions.push(nested::Struct { fields });
        }
        let read = ReadRel {
            common: direct(),
            base_schema: Some(named_struct(schema)?),
            read_type: Some(ReadType::VirtualTable(VirtualTable { expressions, ..VirtualTable::default() })),
            ..ReadRel::default()
        };
        Ok(Relation::new(RelType::Read(Box::new(read)), ids))
    }

    /// A value of a row. A NULL takes the column's type at once: rows are read without coercion.
    fn typed_constant(
        &mut self,
        value: ScalarId,
        data_type: DataType,
        row: &Row,
    ) -> Result<substrait::proto::Expression, CodegenError> {
        if matches!(&self.arena[value], Scalar::Literal(literal) if literal.is_null()) {
            return Ok(Typed::literal(&Literal::Null(data_type))?.expr);
        }
        Ok(self.operand(value, row)?.cast(data_type)?.expr)
    }

    fn filter(
        &mut self,
        input: &Plan,
        holds: &[ScalarId],
        needed: &BTreeSet<ColumnId>,
    ) -> Result<Relation, CodegenError> {
        let mut read = needed.clone();
        for predicate in holds {
            read.extend(self.arena.columns_of(*predicate));
        }
        let input = self.relation(input, &read)?;
        if holds.is_empty() {
            return Ok(input);
        }
        let condition = self.holds(holds, &input.row())?;
        let filter = FilterRel {
            common: direct(),
            input: Some(Box::new(input.rel)),
            condition: Some(Box::new(condition)),
            ..FilterRel::default()
        };
        Ok(Relation::new(RelType::Filter(Box::new(filter)), input.columns))
    }

    fn project(
        &mut self,
        input: &Plan,
        exprs: &[(ColumnId, ScalarId)],
        needed: &BTreeSet<ColumnId>,
    ) -> Result<Relation, CodegenError> {
        let kept: Vec<(ColumnId, ScalarId)> = exprs.iter().filter(|(id, _)| needed.contains(id)).copied().collect();
        let mut read = BTreeSet::new();
        for (_, scalar) in &kept {
            read.extend(self.arena.columns_of(*scalar));
        }
        let input = self.relation(input, &read)?;
        if kept.is_empty() {
            // Nobody reads a column of it; its rows still count.
            let columns = vec![None; input.columns.len()];
            return Ok(Relation { rel: input.rel, columns });
        }
        let row = input.row();
        let mut fields = Vec::with_capacity(kept.len());
        for (id, scalar) in &kept {
            let is_retyped = self.arena.type_of(*scalar) != self.arena.column_type(*id);
            fields.push(match self.arena[*scalar] {
                Scalar::Column(column) if !is_retyped => Field::Input(row.position(column)?),
                _ => {
                    let data_type = self.arena.column_type(*id);
                    let value = self.value(*scalar, &row)?;
                    let value = Typed { expr: value, data_type: physical(self.arena.type_of(*scalar))? };
                    Field::Computed(value.cast(data_type)?.expr)
                }
            });
        }
        Ok(input.projected(fields, kept.iter().map(|(id, _)| Some(*id)).collect()))
    }

    /// One aggregate a set, put together: readers disagree on the columns of several groupings.
    fn grouping_sets(
        &mut self,
        input: &Plan,
        groups: &GroupingSets,
        needed: &BTreeSet<ColumnId>,
    ) -> Result<Relation, CodegenError> {
        if !input.is_repeatable(self.arena) {
            let construct = "grouping sets over rows that depend on chance";
            return Err(refusal("GEN-0103", construct, "store these rows in a model of their own"));
        }
        let union = groups.as_union(input, self.arena);
        self.relation(&union, needed)
    }

    fn distinct(&mut self, input: &Plan) -> Result<Relation, CodegenError> {
        // Rows are compared in all columns, needed above or not.
        let columns = input.columns(self.arena);
        let needed = columns.iter().copied().collect();
        let input = self.relation(input, &needed)?.narrowed(&columns)?;
        Ok(distinct_rows(input))
    }

    fn sort(&mut self, input: &Plan, keys: &[SortKey], needed: &BTreeSet<ColumnId>) -> Result<Relation, CodegenError> {
        let mut read = needed.clone();
        for key in keys {
            read.extend(self.arena.columns_of(key.scalar));
        }
        let input = self.relation(input, &read)?;
        if keys.is_empty() {
            return Ok(input);
        }
        let row = input.row();
        let mut sorts = Vec::with_capacity(keys.len());
        for key in keys {
            sorts.push(sort_field(self.value(key.scalar, &row)?, *key));
        }
        let sort = SortRel { common: direct(), input: Some(Box::new(input.rel)), sorts, ..SortRel::default() };
        Ok(Relation::new(RelType::Sort(Box::new(sort)), input.columns))
    }

    fn limit(
        &mut self,
        input: &Plan,
        skip: u64,
        fetch: Option<u64>,
        needed: &BTreeSet<ColumnId>,
    ) -> Result<Relation, CodegenError> {
        let input = self.relation(input, needed)?;
        // No relation has more rows than an `i64` counts.
        let count = |n_rows: u64| -> Result<_, CodegenError> {
            let n_rows = i64::try_from(n_rows).unwrap_or(i64::MAX);
            Ok(Box::new(Typed::literal(&Literal::Int(i128::from(n_rows), DataType::Int64))?.expr))
        };
        let offset_mode = if skip == 0 { None } else { Some(fetch_rel::OffsetMode::OffsetExpr(count(skip)?)) };
        let count_mode = match fetch {
            Some(fetch) => Some(fetch_rel::CountMode::CountExpr(count(fetch)?)),
            None => None,
        };
        let fetch = FetchRel {
            common: direct(),
            input: Some(Box::new(input.rel)),
            offset_mode,
            count_mode,
            ..FetchRel::default()
        };
        Ok(Relation::new(RelType::Fetch(Box::new(fetch)), input.columns))
    }

    /// Renaming moves nothing: the same fields under other ids.
    fn instance(&mut self, input: &Plan, k: u32, needed: &BTreeSet<ColumnId>) -> Result<Relation, CodegenError> {
        let mut renamed = FxHashMap::default();
        let mut read = BTreeSet::new();
        for column in input.columns(self.arena) {
            let instance = self.arena.instance(column, k);
            renamed.insert(column, instance);
            if needed.contains(&instance) {
                read.insert(column);
            }
        }
        let input = self.relation(input, &read)?;
        let columns =
            input.columns.into_iter().map(|column| column.and_then(|column| renamed.get(&column).copied())).collect();
        Ok(Relation { rel: input.rel, columns })
    }
}

/// Each row once: groups by all fields.
pub(super) fn distinct_rows(input: Relation) -> Relation {
    let width = input.columns.len();
    let rel = AggregateRel {
        common: direct(),
        input: Some(Box::new(input.rel)),
        groupings: vec![Grouping { expression_references: (0..).take(width).collect(), ..Grouping::default() }],
        grouping_expressions: (0..width).map(field).collect(),
        ..AggregateRel::default()
    };
    Relation::new(RelType::Aggregate(Box::new(rel)), input.columns)
}

/// A schema of nullable fields.
fn named_struct(fields: Vec<(String, DataType)>) -> Result<NamedStruct, CodegenError> {
    let mut names = Vec::with_capacity(fields.len());
    let mut types: Vec<Type> = Vec::with_capacity(fields.len());
    for (name, data_type) in fields {
        names.push(name);
        types.push(type_message(data_type)?);
    }
    let nullability = r#type::Nullability::Required as i32;
    Ok(NamedStruct { names, r#struct: Some(r#type::Struct { types, type_variation_reference: 0, nullability }) })
}

/// The one to three parts of a table's SQL name: a bare part in lower case, a quoted part as it
/// is without its quotes. `None` where there are more or one is empty.
fn table_parts(sql_name: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut quote = None;
    let mut letters = sql_name.chars().peekable();
    while let Some(letter) = letters.next() {
        let part = parts.last_mut()?;
        match quote {
            Some(end) if letter == end => {
                if letters.peek() == Some(&end) {
                    part.push(end);
                    letters.next();
                } else {
                    quote = None;
                }
            }
            Some(_) => part.push(letter),
            None if letter == '"' || letter == '`' => quote = Some(letter),
            None if letter == '.' => parts.push(String::new()),
            None => part.extend(letter.to_lowercase()),
        }
    }
    let is_named = quote.is_none() && parts.len() <= 3 && parts.iter().all(|part| !part.is_empty());
    is_named.then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::table_parts;

    #[test]
    fn names_resolve_as_in_sql() {
        let parts = |name| table_parts(name).map(|parts| parts.join("|"));
        assert_eq!(parts("Orders").as_deref(), Some("orders"));
        assert_eq!(parts("main.\"Orders\"").as_deref(), Some("main|Orders"));
        assert_eq!(parts("a.\"b.c\".\"say \"\"hi\"\"\"").as_deref(), Some("a|b.c|say \"hi\""));
        assert_eq!(parts("a.b.c.d"), None);
        assert_eq!(parts("a..b"), None);
        assert_eq!(parts("\"open"), None);
    }
}
