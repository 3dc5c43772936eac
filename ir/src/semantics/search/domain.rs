//! What a search varies: the tables that queries read, the columns that decide their rows, and the
//! values that are worth trying in them.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::semantics::Value;
use crate::semantics::cast::cast;
use crate::semantics::compare::is_same;
use crate::{
    Arena, Catalog, ColumnDef, ColumnId, DataType, Literal, Output, Plan, Scalar, ScalarId, Table, days_from_civil,
    plus_months,
};

const DAY: i64 = 86_400_000_000;

/// The tables of two queries with the values that are tried in their columns.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// Tables, referred ones first.
    pub(super) tables: Vec<Tried<'a>>,
    /// Why no database can be made.
    pub(super) open: Option<&'static str>,
}

/// A table of a search.
#[derive(Debug, Clone)]
pub(super) struct Tried<'a> {
    pub(super) table: &'a Table,
    pub(super) columns: Vec<Pool>,
}

/// The values of a column.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    /// Whether a query reads the column; the others hold one value.
    pub(super) is_read: bool,
    pub(super) may_be_null: bool,
    /// Values that meet the queries' literals, the plainest first.
    pub(super) mild: Vec<Value>,
    /// Ends of the type's range and other trouble.
    pub(super) extreme: Vec<Value>,
}

impl<'a> Subject<'a> {
    /// What the queries read.
    #[must_use]
    pub fn of(outputs: &[&Output], arena: &Arena, catalog: &'a Catalog) -> Self {
        let mut reads = Reads::default();
        for output in outputs {
            reads.columns.extend(output.columns.iter().map(|column| column.column));
            reads.plan(&output.plan, arena);
        }
        let bases: FxHashSet<(Arc<str>, Arc<str>)> = reads.columns.iter().filter_map(|&id| base(id, arena)).collect();
        let mut subject = Self { tables: Vec::new(), open: None };
        let names: Vec<Arc<str>> = outputs.iter().flat_map(|output| output.plan.tables()).collect();
        for table in referred_first(names, catalog) {
            match catalog.get(&table) {
                Some(table) => subject.add(table, &bases, &reads.literals),
                None => subject.open = Some("a table without columns"),
            }
        }
        subject.mark_referred();
        subject
    }

    fn add(&mut self, table: &'a Table, bases: &FxHashSet<(Arc<str>, Arc<str>)>, literals: &[Value]) {
        let mut columns = Vec::with_capacity(table.columns.len());
        for (at, column) in table.columns.iter().enumerate() {
            let is_required = !column.is_nullable && table.foreign_keys.iter().any(|key| key.columns.contains(&at));
            let is_read = is_required || bases.contains(&(Arc::clone(&table.key), Arc::clone(&column.key)));
            let (mild, extreme) = values(column.data_type, literals);
            // A nullable column of such a type holds NULL alone.
            if mild.is_empty() && !column.is_nullable {
                self.open = Some("a column of a type without values here");
            }
            columns.push(Pool { is_read, may_be_null: column.is_nullable, mild, extreme });
        }
        self.tables.push(Tried { table, columns });
    }

    /// A column that a read one refers to is read as well: its values decide what may be referred to.
    fn mark_referred(&mut self) {
        let mut marks: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        for tried in &self.tables {
            for key in &tried.table.foreign_keys {
                if key.columns.iter().any(|&at| tried.columns[at].is_read) {
                    marks.extend(key.referred.iter().map(|column| (Arc::clone(&key.table), Arc::clone(column))));
                }
            }
        }
        for tried in &mut self.tables {
            for (column, pool) in tried.table.columns.iter().zip(&mut tried.columns) {
                pool.is_read |= marks.iter().any(|(table, key)| *table == tried.table.key && *key == column.key);
            }
        }
    }

    /// The position of a table.
    pub(super) fn position(&self, table: &str) -> Option<usize> {
        self.tables.iter().position(|tried| &*tried.table.key == table)
    }
}

/// Tables with those that they refer to before them; circles are broken where they are entered.
fn referred_first(names: Vec<Arc<str>>, catalog: &Catalog) -> Vec<Arc<str>> {
    let mut ordered: Vec<Arc<str>> = Vec::new();
    let mut seen: FxHashSet<Arc<str>> = FxHashSet::default();
    let mut stack: Vec<(Arc<str>, bool)> = names.into_iter().rev().map(|name| (name, false)).collect();
    while let Some((name, is_expanded)) = stack.pop() {
        if is_expanded {
            ordered.push(name);
        } else if seen.insert(Arc::clone(&name)) {
            let referred = catalog.get(&name).into_iter().flat_map(|table| &table.foreign_keys);
            let referred: Vec<_> = referred.map(|key| (Arc::clone(&key.table), false)).collect();
            stack.push((name, true));
            stack.extend(referred);
        }
    }
    ordered
}

/// The table's column that an id shows, under whatever instance.
fn base(id: ColumnId, arena: &Arena) -> Option<(Arc<str>, Arc<str>)> {
    match arena.def(id) {
        ColumnDef::Base { table, column } => Some((Arc::clone(table), Arc::clone(column))),
        ColumnDef::Variant { of, .. } | ColumnDef::Instance { of, .. } | ColumnDef::Versioned { of, .. } => {
            base(*of, arena)
        }
        ColumnDef::Scalar(_)
        | ColumnDef::Aggregate(_)
        | ColumnDef::Window(_)
        | ColumnDef::GroupedKey(_)
        | ColumnDef::Grouping { .. }
        | ColumnDef::SetOp { .. }
        | ColumnDef::Values { .. }
        | ColumnDef::Recursive { .. }
        | ColumnDef::Work { .. }
        | ColumnDef::Mark { .. } => None,
    }
}

/// Columns and literals of queries.
#[derive(Default)]
struct Reads {
    columns: Vec<ColumnId>,
    literals: Vec<Value>,
}

impl Reads {
    fn plan(&mut self, plan: &Plan, arena: &Arena) {
        self.scalars(plan.own_scalars(), arena);
        match plan {
            // Every column decides which rows are the same.
            Plan::Distinct { input } => self.scans(input),
            Plan::SetOp { inputs, .. } => {
                self.columns.extend(inputs.iter().flat_map(|(_, taken)| taken.iter().copied()));
            }
            // Every column decides how often the step runs.
            Plan::RecursiveUnion { recursion } => {
                self.columns.extend(recursion.base_columns.iter().chain(&recursion.step_columns));
            }
            Plan::Scan { .. }
            | Plan::Values { .. }
            | Plan::Empty { .. }
            | Plan::Filter { .. }
            | Plan::Project { .. }
            | Plan::Join { .. }
            | Plan::Aggregate { .. }
            | Plan::GroupingSets { .. }
            | Plan::Unnest { .. }
            | Plan::Window { .. }
            | Plan::Sort { .. }
            | Plan::Limit { .. }
            | Plan::WorkTable { .. }
            | Plan::Sample { .. }
            | Plan::ScanAt { .. }
            | Plan::Instance { .. }
            | Plan::Named { .. }
            | Plan::Hole { .. } => {}
        }
        for input in plan.inputs() {
            self.plan(input, arena);
        }
    }

    fn scans(&mut self, plan: &Plan) {
        match plan {
            Plan::Scan { columns, .. } => self.columns.extend_from_slice(columns),
            // What is below them shows no columns of its own.
            Plan::Project { .. }
            | Plan::Aggregate { .. }
            | Plan::GroupingSets { .. }
            | Plan::SetOp { .. }
            | Plan::RecursiveUnion { .. } => {}
            other => other.inputs().into_iter().for_each(|input| self.scans(input)),
        }
    }

    fn scalars(&mut self, scalars: impl IntoIterator<Item = ScalarId>, arena: &Arena) {
        for scalar in scalars {
            arena.visit(scalar, &mut |_, scalar| match scalar {
                Scalar::Column(id) => self.columns.push(*id),
                Scalar::Literal(literal) if !matches!(literal, Literal::Null(_) | Literal::Boolean(_)) => {
                    let value = Value::from(literal);
                    if !self.literals.iter().any(|known| is_same(known, &value)) {
                        self.literals.push(value);
                    }
                }
                Scalar::Literal(_)
                | Scalar::Outer(_)
                | Scalar::Call { .. }
                | Scalar::Case { .. }
                | Scalar::Cast { .. }
                | Scalar::InList { .. }
                | Scalar::Hole(_) => {}
            });
        }
    }
}

/// Values of a type: those around the literals first, then plain ones; and its extremes.
fn values(data_type: DataType, literals: &[Value]) -> (Vec<Value>, Vec<Value>) {
    let mut mild = near(data_type, literals);
    let mut add = |value: Value| push(&mut mild, value, data_type);
    let day = |year, month, day| Value::Date(i32::try_from(days_from_civil(year, month, day)).unwrap_or(0));
    let micros = |date: Value, more: i64| match date {
        Value::Date(days) => Value::Timestamp(i64::from(days) * DAY + more),
        other => other,
    };
    let extreme: Vec<Value> = match data_type {
        DataType::Boolean => {
            [false, true].map(Value::Boolean).into_iter().for_each(&mut add);
            Vec::new()
        }
        DataType::Float32 | DataType::Float64 => {
            [0.0, 1.0, -1.0, 1.5].map(Value::Float).into_iter().for_each(&mut add);
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e300, 1e-300].map(Value::Float).to_vec()
        }
        DataType::Decimal { precision, scale } => {
            [0, 1, -1].map(Value::Int).into_iter().for_each(&mut add);
            let most = 10_i128.checked_pow(precision.into()).map_or(i128::MAX, |power| power - 1);
            [1, most, -most].map(|value| Value::Decimal { value, scale }).to_vec()
        }
        DataType::Text => {
            ["a", "b", ""].map(Value::text).into_iter().for_each(&mut add);
            [" a ", "A", "ä", "%", "a'b", "1", "\u{1F600}", "aa"].map(Value::text).to_vec()
        }
        DataType::Date => {
            // The last two are in weeks that start in another month and year.
            [day(2024, 1, 1), day(2024, 2, 29), day(2023, 12, 31), day(2024, 3, 1), day(2021, 1, 1)]
                .into_iter()
                .for_each(&mut add);
            [day(1900, 1, 1), day(9999, 12, 31), day(1969, 12, 31)].to_vec()
        }
        DataType::Timestamp | DataType::TimestampTz => {
            [
                micros(day(2024, 1, 1), 0),
                micros(day(2023, 12, 31), DAY - 1),
                micros(day(2024, 2, 29), DAY / 2),
                micros(day(2024, 3, 1), DAY / 4),
                micros(day(2021, 1, 1), 0),
            ]
            .into_iter()
            .for_each(&mut add);
            [micros(day(1900, 1, 1), 0), micros(day(9999, 12, 31), DAY - 1)].to_vec()
        }
        DataType::Time => {
            [0, DAY / 2, DAY - 1].map(Value::Time).into_iter().for_each(&mut add);
            Vec::new()
        }
        DataType::Interval => {
            let interval = |months, days| Value::Interval { months, days, micros: 0 };
            [interval(0, 1), interval(1, 0), interval(0, 30)].into_iter().for_each(&mut add);
            Vec::new()
        }
        // Values that are told apart and nothing else; what looks into them is not evaluated.
        DataType::Unknown | DataType::Bytes | DataType::Json => {
            return (["a", "b"].map(Value::text).to_vec(), Vec::new());
        }
        DataType::Uuid => {
            let uuid = |n| Value::text(&format!("00000000-0000-0000-0000-00000000000{n}"));
            return ([1, 2].map(uuid).to_vec(), Vec::new());
        }
        other => {
            let Some(bits) = other.integer_bits() else { return (Vec::new(), Vec::new()) };
            [0, 1, 2, -1].map(Value::Int).into_iter().for_each(&mut add);
            let most = if bits >= 128 { i128::MAX } else { (1_i128 << (bits - 1)) - 1 };
            if other.is_unsigned() { vec![Value::Int(most)] } else { vec![Value::Int(most), Value::Int(-most - 1)] }
        }
    };
    (mild, extreme)
}

/// What the literals and their neighbours are in a column of the type.
pub(super) fn near(data_type: DataType, literals: &[Value]) -> Vec<Value> {
    let mut found = Vec::new();
    for value in literals.iter().flat_map(|literal| neighbours(literal, data_type)) {
        push(&mut found, value, data_type);
    }
    found
}

/// Adds a value as the type holds it, if it does and if it is new.
fn push(values: &mut Vec<Value>, value: Value, data_type: DataType) {
    if let Ok(value) = cast(value, data_type)
        && !value.is_null()
        && !values.iter().any(|known| is_same(known, &value))
    {
        values.push(value);
    }
}

/// A literal and what stands next to it, for a column of the type.
fn neighbours(literal: &Value, data_type: DataType) -> Vec<Value> {
    let is_number = data_type.is_numeric();
    match literal {
        Value::Int(value) if is_number => {
            let around = [Some(*value), value.checked_add(1), value.checked_sub(1)];
            let mut around: Vec<Value> = around.into_iter().flatten().map(Value::Int).collect();
            if !data_type.is_integer() {
                around.extend([0.5, -0.5].map(|part| Value::Float(*value as f64 + part)));
            }
            around
        }
        // A year: the days at its ends.
        Value::Int(year @ 1900..=2100) if data_type.is_temporal() => {
            let first = days_from_civil(*year as i64, 1, 1);
            [first, first - 1].map(|days| Value::Date(i32::try_from(days).unwrap_or(0))).to_vec()
        }
        Value::Decimal { .. } | Value::Float(_) if is_number => {
            let number = crate::semantics::compare::as_double(literal).unwrap_or(0.0);
            let around = [number.floor(), number.ceil(), number + 1.0, number - 0.5].map(Value::Float);
            [literal.clone()].into_iter().chain(around).collect()
        }
        Value::Text(text) if data_type == DataType::Text => {
            let plain = text.replace('%', "").replace('_', "x");
            let longer = format!("{}a", text.replace('%', "b").replace('_', "y"));
            vec![Value::text(&plain), Value::text(&longer), literal.clone(), Value::text(&plain.to_uppercase())]
        }
        Value::Date(days) if matches!(data_type, DataType::Date | DataType::Timestamp | DataType::TimestampTz) => {
            let day = i64::from(*days);
            let around = [day, day + 1, day - 1, plus_months(day, -12), plus_months(day, 1), day + 15];
            let around = around.into_iter().filter_map(|day| i32::try_from(day).ok()).map(Value::Date);
            let times = [day * DAY + DAY / 2, (day + 1) * DAY - 1].map(Value::Timestamp);
            if data_type == DataType::Date { around.collect() } else { around.chain(times).collect() }
        }
        Value::Timestamp(micros) | Value::TimestampTz(micros) if data_type.is_temporal() => {
            [*micros, micros.saturating_add(1), micros.saturating_sub(1)].map(Value::Timestamp).to_vec()
        }
        _ => Vec::new(),
    }
}
