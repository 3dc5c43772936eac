//! Sharing across models, on plans that are built by hand: no parser is needed here.

use std::sync::Arc;

use isomer_ir::{
    AggregateCall, AggregateFunction, Arena, Bound, BoundModel, BoundProject, Catalog, Column, ColumnId, DataType,
    Dialect, Function, Key, Literal, Materialise, Model, ModelProject, Output, OutputColumn, Plan, ScalarId, Settings,
    StepKind, Table,
};
use isomer_rewriter::{Config, optimize};
use isomer_rules::{Compiled, CompiledRule};

/// The built-in rules that are code; templates need the front end to bind them.
fn native_rules() -> Vec<CompiledRule> {
    let rules = isomer_rules::builtin().rules;
    let native = rules.into_iter().filter(|rule| matches!(rule.body, isomer_rules::Body::Native(_)));
    native.map(|rule| CompiledRule { rule, compiled: Compiled::Native }).collect()
}

/// A table `t(id int64 key, g text, h text, x int64)` and models over it.
struct Builder {
    arena: Arena,
    catalog: Catalog,
    models: Vec<(Arc<str>, Output)>,
    columns: Vec<ColumnId>,
}

impl Builder {
    fn new() -> Self {
        let mut arena = Arena::default();
        let mut catalog = Catalog::default();
        let key: Arc<str> = Arc::from("t");
        let list = [
            ("id", DataType::Int64, false),
            ("g", DataType::Text, true),
            ("h", DataType::Text, true),
            ("x", DataType::Int64, true),
        ];
        let columns = list.iter().map(|(name, data_type, _)| arena.base_column(&key, name, *data_type)).collect();
        catalog.insert(Table {
            key: Arc::clone(&key),
            sql_name: Arc::clone(&key),
            columns: list
                .iter()
                .map(|&(name, data_type, is_nullable)| Column {
                    name: Arc::from(name),
                    key: Arc::from(name),
                    data_type,
                    is_nullable,
                    n_distinct: Some(if name == "id" { 1e6 } else { 20.0 }),
                })
                .collect(),
            keys: vec![Key { columns: vec![0], declared_by: Arc::from("test") }],
            foreign_keys: Vec::new(),
            n_rows: Some(1e6),
        });
        Self { arena, catalog, models: Vec::new(), columns }
    }

    fn scan(&self) -> Plan {
        Plan::Scan { table: Arc::from("t"), columns: self.columns.clone() }
    }

    fn column(&mut self, position: usize) -> ScalarId {
        let id = self.columns[position];
        self.arena.column_ref(id)
    }

    fn filter(&mut self, input: Plan, position: usize, value: &str) -> Plan {
        let column = self.column(position);
        let value = self.arena.text(value);
        let predicate = self.arena.predicate(Function::Eq, [column, value]);
        Plan::Filter { input: Box::new(input), holds: vec![predicate] }
    }

    fn call(&mut self, function: AggregateFunction, position: Option<usize>) -> (ColumnId, AggregateCall) {
        let data_type = match function {
            AggregateFunction::Sum => DataType::Int128,
            AggregateFunction::Avg => DataType::Float64,
            AggregateFunction::Count => DataType::Int64,
            _ => position.map_or(DataType::Int64, |position| self.arena.column_type(self.columns[position])),
        };
        let args = position.map(|position| self.column(position)).into_iter().collect();
        let call = AggregateCall { function, is_distinct: false, args, filter: None, order: Vec::new(), data_type };
        (self.arena.aggregate_column(&call, function.name()), call)
    }

    fn model(&mut self, name: &str, input: Plan, keys: &[usize], calls: Vec<(ColumnId, AggregateCall)>) {
        let keys: Vec<(ColumnId, ScalarId)> =
            keys.iter().map(|&position| (self.columns[position], self.column(position))).collect();
        let columns = keys
            .iter()
            .map(|(id, _)| *id)
            .chain(calls.iter().map(|(id, _)| *id))
            .enumerate()
            .map(|(position, column)| OutputColumn {
                name: Arc::from(format!("c{position}")),
                column,
                is_nullable: true,
            })
            .collect();
        let plan = Plan::Aggregate { input: Box::new(input), keys, calls };
        self.models.push((Arc::from(name), Output { plan, columns }));
    }

    fn project(self) -> BoundProject {
        let models = self.models.iter().map(|(name, _)| model(name)).collect();
        BoundProject {
            order: (0..self.models.len()).collect(),
            models: self
                .models
                .into_iter()
                .map(|(_, output)| BoundModel {
                    reads: output.plan.tables(),
                    bound: Bound::Plan(output),
                    comments: Vec::new(),
                    rules: Vec::new(),
                })
                .collect(),
            arena: self.arena,
            diagnostics: Vec::new(),
            project: ModelProject {
                name: Arc::from("test"),
                format: "folder",
                target: Dialect::DuckDb,
                database: None,
                models,
                sources: Vec::new(),
                catalog: self.catalog,
                tested: Vec::new(),
                checksums: Default::default(),
                changes: None,
                rule_files: Vec::new(),
                settings: Settings::default(),
            },
        }
    }
}

fn model(name: &Arc<str>) -> Model {
    Model {
        name: Arc::clone(name),
        key: Arc::clone(name),
        sql_name: Arc::clone(name),
        path: Arc::from(format!("{name}.sql")),
        original: Arc::from(""),
        sql: Arc::from(""),
        dialect: Dialect::DuckDb,
        materialise: Materialise::Table,
        tags: Vec::new(),
        is_rewritable: true,
        is_opaque: false,
        declared_reads: Vec::new(),
        is_folded: false,
        folded: Vec::new(),
    }
}

/// Names and consumers of the shared steps.
fn shared(builder: Builder) -> Vec<(Arc<str>, Vec<Arc<str>>)> {
    let mut project = builder.project();
    let pipeline = optimize(&mut project, &native_rules(), &Config::default());
    assert!(pipeline.diagnostics.is_empty(), "{:?}", pipeline.diagnostics);
    pipeline
        .steps
        .into_iter()
        .filter(|step| step.kind == StepKind::Shared)
        .map(|step| (step.name, step.consumers))
        .collect()
}

#[test]
fn aggregates_at_other_grains_share_one() {
    let mut builder = Builder::new();
    for (name, key) in [("a", 1), ("b", 2)] {
        let calls = vec![builder.call(AggregateFunction::Sum, Some(3)), builder.call(AggregateFunction::Count, None)];
        let scan = builder.scan();
        builder.model(name, scan, &[key], calls);
    }
    let calls = vec![builder.call(AggregateFunction::Avg, Some(3)), builder.call(AggregateFunction::Max, Some(3))];
    let scan = builder.scan();
    builder.model("c", scan, &[1], calls);
    let found = shared(builder);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].1.iter().map(|name| &**name).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn holistic_aggregates_at_other_grains_do_not_share() {
    let mut builder = Builder::new();
    for (name, key) in [("a", 1), ("b", 2)] {
        let calls = vec![builder.call(AggregateFunction::Median, Some(3))];
        let scan = builder.scan();
        builder.model(name, scan, &[key], calls);
    }
    assert_eq!(shared(builder), []);
}

#[test]
fn other_filters_share_when_they_are_on_keys() {
    let mut builder = Builder::new();
    for (name, value) in [("a", "x"), ("b", "y"), ("c", "z")] {
        let calls = vec![builder.call(AggregateFunction::Sum, Some(3))];
        let scan = builder.scan();
        let input = builder.filter(scan, 2, value);
        builder.model(name, input, &[1], calls);
    }
    let found = shared(builder);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].1.len(), 3);
}

#[test]
fn a_grouping_by_the_key_is_not_worth_sharing() {
    let mut builder = Builder::new();
    for (name, keys) in [("a", [0]), ("b", [1])] {
        let calls = vec![builder.call(AggregateFunction::Sum, Some(3))];
        let scan = builder.scan();
        builder.model(name, scan, &keys, calls);
    }
    assert_eq!(shared(builder), []);
}

#[test]
fn constant_group_keys_vanish() {
    // Literals in keys leave the group count as it is.
    let mut builder = Builder::new();
    let one = builder.arena.literal(Literal::Int(1, DataType::Int32));
    let calls = vec![builder.call(AggregateFunction::Count, None)];
    let id = builder.arena.computed_column(one, "one");
    let scan = builder.scan();
    let key = builder.columns[1];
    let key_scalar = builder.column(1);
    let columns = vec![
        OutputColumn { name: Arc::from("one"), column: id, is_nullable: false },
        OutputColumn { name: Arc::from("g"), column: key, is_nullable: true },
    ];
    let plan = Plan::Aggregate { input: Box::new(scan), keys: vec![(id, one), (key, key_scalar)], calls };
    builder.models.push((Arc::from("a"), Output { plan, columns }));
    let mut project = builder.project();
    let pipeline = optimize(&mut project, &native_rules(), &Config::default());
    let step = &pipeline.steps[0];
    let skipped: Vec<&str> = pipeline.skipped_rules.iter().map(|skipped| &*skipped.rule).collect();
    let applied: Vec<&str> = step.rules.iter().map(|applied| &*applied.rule).collect();
    assert!(
        applied.contains(&"prune-constant-group-key") || skipped.contains(&"prune-constant-group-key"),
        "{applied:?} {skipped:?}"
    );
}
