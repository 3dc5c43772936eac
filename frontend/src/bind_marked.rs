//! Relations with words behind their names: samples, and tables as they were.

use isomer_ir::{
    Column, ColumnDef, ColumnId, Dialect, Plan, SampleMethod, SampleSize, Sampling, ScalarId, TableVersion as Version,
    VersionBy, fold,
};
use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, TableAlias, TableSample, TableSampleKind,
    TableSampleMethod, TableSampleUnit, TableVersion, Value,
};
use std::sync::Arc;

use crate::bind::{Bind, Binder, Clause, Level};
use crate::place::Place;
use crate::scope::{Named, Rel, Scope};

impl<'a> Binder<'a> {
    /// Rows of a relation that chance picks. Each sample draws for itself, so each has a number.
    pub(crate) fn sampled(
        &mut self,
        (rel, scope): (Rel, Scope),
        sample: &TableSampleKind,
        at: &impl Place,
    ) -> Bind<(Rel, Scope)> {
        let (TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) = sample;
        let TableSample { modifier: _, name, quantity, seed, bucket, offset } = &**sample;
        let refused = |what: &str| Err(self.unsupported(at, what));
        if bucket.is_some() || offset.is_some() {
            return refused("a sample of buckets");
        }
        let Some(quantity) = quantity else { return refused("a sample without a size") };
        let Some(digits) = number(&quantity.value) else { return refused("a sample whose size is no number") };
        let is_percent = match (quantity.unit, self.dialect) {
            (Some(TableSampleUnit::Percent), _) => true,
            (Some(TableSampleUnit::Rows), _) => false,
            (None, Dialect::Postgres | Dialect::Snowflake) => true,
            (None, Dialect::DuckDb) => false,
            (None, Dialect::Spark | Dialect::BigQuery | Dialect::DataFusion) => {
                return refused("a sample without a unit");
            }
        };
        let size = match (is_percent, digits.parse::<u64>()) {
            (true, _) => SampleSize::Percent(Arc::from(digits)),
            (false, Ok(rows)) => SampleSize::Rows(rows),
            (false, Err(_)) => return refused("a sample of part of a row"),
        };
        let method = match (name, self.dialect) {
            // DuckDB's `reservoir`, which the grammar has no word for.
            (Some(TableSampleMethod::Row), Dialect::DuckDb) => Some(SampleMethod::Reservoir),
            (None, Dialect::DuckDb) => Some(if is_percent { SampleMethod::System } else { SampleMethod::Reservoir }),
            (None, Dialect::Spark | Dialect::Snowflake) => is_percent.then_some(SampleMethod::Bernoulli),
            (None, Dialect::Postgres | Dialect::BigQuery | Dialect::DataFusion) => None,
            (Some(TableSampleMethod::Bernoulli | TableSampleMethod::Row), _) => Some(SampleMethod::Bernoulli),
            (Some(TableSampleMethod::System | TableSampleMethod::Block), _) => Some(SampleMethod::System),
        };
        let is_known = match self.dialect {
            // DuckDB draws a number of rows in one way only.
            Dialect::DuckDb => is_percent || method == Some(SampleMethod::Reservoir),
            Dialect::Postgres | Dialect::BigQuery => is_percent && method.is_some(),
            Dialect::Spark => name.is_none(),
            Dialect::Snowflake => true,
            Dialect::DataFusion => false,
        };
        if !is_known {
            return refused("this way to sample");
        }
        let seed = match seed {
            None => None,
            Some(seed) => match seed_of(&seed.value.value) {
                Some(seed) => Some(seed),
                None => return refused("a sample whose seed is no integer"),
            },
        };
        if seed.is_some() && !matches!(rel.plan, Plan::Scan { .. } | Plan::ScanAt { .. }) {
            // The same seed picks other rows of the same relation where it is computed in another way.
            return refused("a sample with a seed of something that is no table");
        }
        let sampling = Sampling { method, size, seed, serial: self.arena.serial() };
        let plan = Plan::Sample { input: Box::new(rel.plan), sampling: Box::new(sampling) };
        Ok((Rel { plan, columns: rel.columns }, scope))
    }

    /// A table as it was. Nothing is known of the rows that it had: each column may have held NULL.
    pub(crate) fn table_at(
        &mut self,
        name: &'a ObjectName,
        version: &'a TableVersion,
        alias: Option<&TableAlias>,
    ) -> Bind<(Rel, Scope)> {
        let key = self.table_key(name)?;
        if name.0.len() == 1 && self.ctes.iter().any(|cte| cte.key == key) {
            return Err(self.unsupported(name, "a version of a common table expression"));
        }
        let Some(table) = self.catalog.get(&key) else { return Err(self.unknown_table(name, &key)) };
        let (by, at) = match version {
            TableVersion::ForSystemTimeAsOf(at) => (VersionBy::SystemAsOf, at),
            TableVersion::TimestampAsOf(at) => (VersionBy::TimestampAsOf, at),
            TableVersion::VersionAsOf(at) => (VersionBy::VersionAsOf, at),
            TableVersion::Function(call) => match self.told_by(call) {
                Some(found) => found,
                None => return Err(self.unsupported(name, "this way to name a version of a table")),
            },
            TableVersion::Changes { .. } => return Err(self.unsupported(name, "the changes of a table")),
        };
        let version = Version { by, at: self.moment(at)? };
        let mut exposed: Vec<(ColumnId, bool)> = Vec::with_capacity(table.columns.len());
        let mut named = Vec::with_capacity(table.columns.len());
        for Column { name, key: column, data_type, .. } in &table.columns {
            let of = self.arena.base_column(&table.key, column, *data_type);
            let id = self.arena.column(ColumnDef::Versioned { of, version }, *data_type, column);
            exposed.push((id, true));
            named.push(Named { name: Arc::clone(name), key: Arc::clone(column), scalar: self.arena.column_ref(id) });
        }
        let columns = exposed.iter().map(|(id, _)| *id).collect();
        let plan = Plan::ScanAt { table: Arc::clone(&table.key), version, columns };
        let (scope_key, columns) = self.aliased(key, named, alias)?;
        Ok((Rel::new(plan, exposed), Scope::of(scope_key, columns)))
    }

    /// What an `AT (…)` or `BEFORE (…)` names.
    fn told_by(&self, call: &'a Expr) -> Option<(VersionBy, &'a Expr)> {
        let Expr::Function(call) = call else { return None };
        let FunctionArguments::List(list) = &call.args else { return None };
        let [argument] = list.args.as_slice() else { return None };
        let (word, value) = match argument {
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => (fold(&name.value), value),
            FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), .. } => {
                (fold(&name.value), value)
            }
            FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. } | FunctionArg::Unnamed(_) => return None,
        };
        let by = match (&*fold(&call.name.to_string()), &*word, self.dialect) {
            ("at", "version", Dialect::DuckDb) => VersionBy::Version,
            ("at", "timestamp", Dialect::DuckDb | Dialect::Snowflake) => VersionBy::Timestamp,
            ("at", "offset", Dialect::Snowflake) => VersionBy::Offset,
            ("at", "statement", Dialect::Snowflake) => VersionBy::Statement,
            ("before", "timestamp", Dialect::Snowflake) => VersionBy::BeforeTimestamp,
            ("before", "offset", Dialect::Snowflake) => VersionBy::BeforeOffset,
            ("before", "statement", Dialect::Snowflake) => VersionBy::BeforeStatement,
            _ => return None,
        };
        Some((by, value))
    }

    /// A scalar that reads no column.
    fn moment(&mut self, expr: &'a Expr) -> Bind<ScalarId> {
        self.levels.push(Level::new(Scope::default(), Rel::one_row(), Clause::Values));
        let scalar = self.scalar(expr);
        let level = self.levels.pop().expect("pushed above");
        let scalar = scalar?;
        let is_plain = self.arena.columns_of(scalar).is_empty() && !crate::scope::has_outer(self.arena, scalar);
        if !is_plain || !matches!(level.rel.plan, Plan::Values { .. }) {
            return Err(self.unsupported(expr, "a version of a table that a query tells"));
        }
        Ok(scalar)
    }
}

/// The digits of a number written out.
fn number(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => Some(digits),
            _ => None,
        },
        _ => None,
    }
}

fn seed_of(value: &Value) -> Option<i64> {
    match value {
        Value::Number(digits, _) => digits.parse().ok(),
        _ => None,
    }
}
