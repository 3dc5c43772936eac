//! The columns of every model: types, nullability and keys, each with where it comes from.
//!
//! Models are described upstream first, and what is found of one is a fact for those that read it.

use std::sync::Arc;

use isomer_ir::{Bound, BoundModel, BoundProject, Catalog, DataType, Dialect, Key, Model, TestedClaim};
use isomer_rewriter::{Described, FactOrigin, describe};

use crate::api::columns::{ColumnSchema, FactSource, KeySchema, ModelSchema, ProjectSchema, TestSchema};
use crate::explain::{Page, Style};
use crate::lineage::Told;
use crate::optimize::{Answer, Ephemerals, Prepared, Request, prepare, sort};
use crate::report::{self, Texts};

/// Describes a project's models.
///
/// # Errors
///
/// The answer of a project that is refused.
pub fn run(request: &Request) -> Result<(ProjectSchema, Answer), Box<Answer>> {
    let Prepared { bound, upstream, mut diagnostics, .. } = prepare(request, Ephemerals::Models)?;
    let BoundProject { project, mut arena, models, order, .. } = bound;
    let mut catalog = project.catalog.clone();
    let mut known: Vec<(&Model, Described)> = Vec::new();
    let selected: Vec<(&Model, &BoundModel)> =
        order.iter().map(|&position| (&project.models[position], &models[position])).collect();
    for (model, bound) in upstream_first(&upstream, &selected) {
        if let Bound::Plan(output) = &bound.bound {
            let described = describe(output, &mut arena, &mut catalog);
            declare(&mut catalog, model, &described);
            known.push((model, described));
        }
    }
    let told = Told::of(project.models.iter().chain(upstream.iter().map(|(model, _)| model)));
    let spell = Speller { catalog: &catalog, target: project.target, models: &known };
    let all = selected.iter().map(|(model, _)| {
        let described = known.iter().find(|(other, _)| other.key == model.key).map(|(_, described)| described);
        let mut schema = spell.model(model, described);
        let tests = project.tested.iter().filter(|fact| fact.model == model.key);
        schema.tests = tests.filter_map(|fact| test(fact, &schema, &told)).collect();
        schema
    });
    let models = all.collect();
    sort(&mut diagnostics);
    let texts = Texts::new(&diagnostics, &project.models, &request.files);
    let schema = ProjectSchema {
        project: project.name.as_ref().to_owned(),
        models,
        diagnostics: report::wire(&diagnostics, &texts),
    };
    Ok((schema, Answer { diagnostics, texts, optimised: None }))
}

/// Models that were not selected may read ones that were, so both are put into one order.
pub(crate) fn upstream_first<'a>(
    upstream: &'a [(Model, BoundModel)],
    selected: &[(&'a Model, &'a BoundModel)],
) -> Vec<(&'a Model, &'a BoundModel)> {
    if upstream.is_empty() {
        return selected.to_vec();
    }
    let mut open: Vec<(&Model, &BoundModel)> =
        upstream.iter().map(|(model, bound)| (model, bound)).chain(selected.iter().copied()).collect();
    let mut done: Vec<(&Model, &BoundModel)> = Vec::with_capacity(open.len());
    while !open.is_empty() {
        let waits = |key: &Arc<str>| open.iter().any(|(model, _)| model.key == *key);
        let (ready, rest): (Vec<_>, Vec<_>) = open
            .iter()
            .copied()
            .partition(|(model, bound)| !bound.reads.iter().any(|key| *key != model.key && waits(key)));
        // A circle is a fault of the project, which never comes here.
        let is_stuck = ready.is_empty();
        done.extend(ready);
        open = rest;
        if is_stuck {
            done.append(&mut open);
        }
    }
    done
}

/// Adds what was found of a model to its table, for those that read it.
fn declare(catalog: &mut Catalog, model: &Model, described: &Described) {
    let by: Arc<str> = Arc::from(format!("model {}", model.name));
    let positions = described.columns.iter().enumerate().filter(|(_, column)| column.not_null.is_some());
    for (position, _) in positions {
        catalog.declare_not_null(&model.key, position, &by);
    }
    let Some(table) = catalog.get_mut(&model.key) else { return };
    for (columns, _) in described.keys.iter().filter(|(columns, _)| !columns.is_empty()) {
        if !table.keys.iter().any(|key| key.columns == *columns) {
            table.keys.push(Key { columns: columns.clone(), declared_by: Arc::clone(&by) });
        }
    }
}

struct Speller<'a> {
    catalog: &'a Catalog,
    target: Dialect,
    models: &'a [(&'a Model, Described)],
}

impl Speller<'_> {
    fn model(&self, model: &Model, described: Option<&Described>) -> ModelSchema {
        let (columns, keys) = match described {
            Some(described) => (self.columns(described), self.keys(described)),
            None => (self.declared_columns(model), Vec::new()),
        };
        ModelSchema {
            name: model.name.as_ref().to_owned(),
            path: model.path.as_ref().to_owned(),
            materialise: model.materialise.word(),
            state: if described.is_some() { "bound" } else { "opaque" },
            columns,
            keys,
            tests: Vec::new(),
        }
    }

    fn columns(&self, described: &Described) -> Vec<ColumnSchema> {
        let columns = described.columns.iter().map(|column| ColumnSchema {
            name: column.name.as_ref().to_owned(),
            data_type: self.type_name(column.data_type),
            type_from: self.source(&column.type_from),
            nullable: column.not_null.is_none(),
            not_null_from: column.not_null.as_ref().map(|origin| self.source(origin)),
        });
        columns.collect()
    }

    fn keys(&self, described: &Described) -> Vec<KeySchema> {
        let name = |&position: &usize| described.columns[position].name.as_ref().to_owned();
        let keys = described.keys.iter().map(|(columns, origin)| KeySchema {
            columns: columns.iter().map(name).collect(),
            from: self.source(origin),
        });
        keys.collect()
    }

    /// The columns that somebody declares of a model that is not understood.
    fn declared_columns(&self, model: &Model) -> Vec<ColumnSchema> {
        let Some(table) = self.catalog.get(&model.key) else { return Vec::new() };
        let origin = |column: &isomer_ir::Column| FactSource {
            kind: "declared",
            table: Some(table.key.as_ref().to_owned()),
            columns: vec![column.key.as_ref().to_owned()],
            by: self.catalog.declared_by(&table.key).map(|by| by.as_ref().to_owned()),
            operator: None,
            because: None,
        };
        let columns = table.columns.iter().map(|column| ColumnSchema {
            name: column.name.as_ref().to_owned(),
            data_type: self.type_name(column.data_type),
            type_from: origin(column),
            nullable: column.is_nullable,
            not_null_from: (!column.is_nullable).then(|| origin(column)),
        });
        columns.collect()
    }

    fn type_name(&self, data_type: DataType) -> Option<String> {
        isomer_codegen::type_name(data_type, self.target).ok()
    }

    fn source(&self, origin: &FactOrigin) -> FactSource {
        let words = |names: &[Arc<str>]| names.iter().map(|name| name.as_ref().to_owned()).collect();
        match origin {
            FactOrigin::Declared { table, columns, by } => {
                let model = self.models.iter().find(|(model, _)| model.key == *table).map(|(model, _)| &model.name);
                FactSource {
                    kind: if model.is_some() { "model" } else { "declared" },
                    table: Some(model.unwrap_or(table).as_ref().to_owned()),
                    columns: words(columns),
                    by: by.as_ref().filter(|_| model.is_none()).map(|by| by.as_ref().to_owned()),
                    operator: None,
                    because: None,
                }
            }
            FactOrigin::Inferred { operator, because } => FactSource {
                kind: "inferred",
                table: None,
                columns: Vec::new(),
                by: None,
                operator: Some(operator),
                because: Some(because.clone()).filter(|because| !because.is_empty()),
            },
        }
    }
}

/// A tested fact; none about columns that the model does not have.
fn test(fact: &isomer_ir::TestedFact, schema: &ModelSchema, told: &Told) -> Option<TestSchema> {
    let name = |key: &Arc<str>| schema.columns.iter().find(|column| isomer_ir::fold(&column.name) == *key);
    let columns = fact.columns.iter().map(|key| Some(name(key)?.name.clone())).collect::<Option<Vec<String>>>()?;
    let words = |names: &[Arc<str>]| names.iter().map(|name| name.as_ref().to_owned()).collect();
    let (claim, of) = match &fact.claim {
        TestedClaim::Unique => ("unique", Vec::new()),
        TestedClaim::NotNull => ("not_null", Vec::new()),
        TestedClaim::References(table, referred) => {
            ("references", std::iter::once(told.name(table)).chain(words(referred)).collect())
        }
        TestedClaim::OneOf(values) => ("one_of", words(values)),
    };
    Some(TestSchema { test: fact.test.as_ref().to_owned(), claim, columns, of })
}

/// The schema for people.
#[must_use]
pub fn render(schema: &ProjectSchema, style: Style) -> String {
    let mut page = Page::new(style);
    page.title(&schema.project);
    for model in &schema.models {
        let opaque = if model.state == "opaque" { ", opaque" } else { "" };
        page.entry(&model.name, &format!("{}{opaque}, {}", model.materialise, model.path));
        let width = |text: fn(&ColumnSchema) -> usize| model.columns.iter().map(text).max().unwrap_or(0);
        let (names, types) =
            (width(|column| column.name.chars().count()), width(|column| type_word(column).chars().count()));
        for column in &model.columns {
            let null = match &column.not_null_from {
                Some(from) if *from == column.type_from => "not null".to_owned(),
                Some(FactSource { by: Some(by), columns, .. }) if *columns == column.type_from.columns => {
                    format!("not null by {by}")
                }
                Some(from) => format!("not null by {}", words(from)),
                None => "nullable".to_owned(),
            };
            let text = format!("{:<types$}  {null}; {}", type_word(column), words(&column.type_from));
            page.field(&format!("{:<names$}", column.name), &text);
        }
        for key in &model.keys {
            let columns = if key.columns.is_empty() { "one row".to_owned() } else { key.columns.join(", ") };
            page.field("key", &format!("{columns}; {}", words(&key.from)));
        }
        for test in &model.tests {
            let of = match test.of.split_first() {
                Some((table, columns)) if test.claim == "references" => format!("{table}({})", columns.join(", ")),
                _ => test.of.join(", "),
            };
            let claim = format!("{} {} {of}", test.columns.join(", "), test.claim.replace('_', " "));
            page.field("test", &format!("{}; {}", claim.trim_end(), test.test));
        }
    }
    page.finish()
}

fn type_word(column: &ColumnSchema) -> &str {
    column.data_type.as_deref().unwrap_or("unknown")
}

fn words(from: &FactSource) -> String {
    let columns = if from.columns.is_empty() { String::new() } else { format!(".{}", from.columns.join("+")) };
    let table = from.table.as_deref().unwrap_or_default();
    let because = from.because.as_ref().map(|because| format!(" {because}")).unwrap_or_default();
    match from.kind {
        "declared" => match &from.by {
            Some(by) => format!("declared {table}{columns} by {by}"),
            None => format!("declared {table}{columns}"),
        },
        "model" => format!("model {table}{columns}"),
        _ => format!("{}{because}", from.operator.unwrap_or_default()),
    }
}
