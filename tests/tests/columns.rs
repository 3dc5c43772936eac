//! What `isomer schema` and `isomer lineage` say holds: types are those that DuckDB's `DESCRIBE`
//! gives, and optimising a project leaves its columns coming from where they came from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use isomer_engines::EngineKind;
use isomer_ir::{Bound, Dependence, Dialect, Lineage, Origins, Plan, fold, lineage};
use isomer_service::execute::{self, Way};
use isomer_service::optimize::{Optimised, Request};
use isomer_service::{files, schema};
use isomer_tests::{examples, folders, optimised, repository, resize, with_stack};

fn goldens() -> Vec<PathBuf> {
    folders(&repository("tests/golden")).iter().flat_map(|family| folders(family)).collect()
}

#[test]
fn types_are_those_that_duckdb_describes() {
    let mut projects: Vec<(PathBuf, &[(&str, &str)])> =
        examples::ALL.iter().map(|example| (repository("examples").join(example.name), example.sizes)).collect();
    projects.extend(goldens().into_iter().map(|case| (case, [].as_slice())));
    let mut n_compared = 0;
    let mut faults = Vec::new();
    for (project, sizes) in projects {
        let sizes: Vec<(String, String)> =
            sizes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (n, found) = with_stack(move || described(&project, &sizes));
        n_compared += n;
        faults.extend(found);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(n_compared > 500, "{n_compared} columns compared");
}

/// A column's name and type.
type Described = (String, Option<String>);

/// How many columns of a project were compared, and which have another type.
fn described(project: &Path, sizes: &[(String, String)]) -> (usize, Vec<String>) {
    let answer = isomer_tests::answer(project);
    let Some(mut optimised) = answer.optimised else { return (0, Vec::new()) };
    let sizes: Vec<(&str, &str)> = sizes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    resize(&mut optimised, &sizes);
    let disk = files::read(project).expect("the project can be read");
    let options = isomer_service::optimize::Options { target: Some("duckdb".to_owned()), ..Default::default() };
    let request = Request { files: disk.files, options, ..Request::default() };
    let (schema, _) = schema::run(&request).expect("the project is described");
    let statements = execute::statements(&mut optimised, Way::Naive, EngineKind::DuckDb);
    let session = execute::open(&mut optimised, execute::Site::new(EngineKind::DuckDb, project), &mut |_| {})
        .expect("sources are loaded");
    let mut n_compared = 0;
    let mut faults = Vec::new();
    for statement in &statements {
        let Ok(sql) = &statement.sql else { continue };
        let is_made = session.create(&statement.sql_name, statement.materialise, sql).is_ok();
        let model = schema.models.iter().find(|model| *model.name == *statement.name).expect("every model is told");
        let written = optimised.project.project.models.iter().find(|model| model.name == statement.name);
        if !is_made || model.state == "opaque" || written.is_none_or(|model| model.dialect != Dialect::DuckDb) {
            continue;
        }
        let engine = session.describe(&statement.sql_name).expect("what was made is described");
        let engine: Vec<Described> = engine
            .into_iter()
            .map(|column| (column.name, isomer_codegen::type_name(column.data_type, Dialect::DuckDb).ok()))
            .collect();
        let ours: Vec<Described> =
            model.columns.iter().map(|column| (column.name.clone(), column.data_type.clone())).collect();
        n_compared += ours.len();
        // A type that the reader of DuckDB's names does not know is not compared.
        let is_other =
            |(engine, ours): &(&Described, &Described)| engine.0 != ours.0 || engine.1.is_some() && engine.1 != ours.1;
        for (engine, ours) in engine.iter().zip(&ours).filter(is_other) {
            faults.push(format!("{} {}: duckdb {engine:?}, ours {ours:?}", project.display(), model.name));
        }
        if engine.len() != ours.len() {
            faults.push(format!("{} {}: {} and {} columns", project.display(), model.name, engine.len(), ours.len()));
        }
    }
    (n_compared, faults)
}

/// The values of a column come from the same source columns before and after, except where a value
/// turns out not to depend on one. What is held of each change:
///
/// - nothing is left: the chosen column is a constant, counts rows, or has none;
/// - fewer are left: the model unites branches, and one of them has no rows;
/// - another one stands there: the join makes the two equal.
///
/// What decides rows may go with a filter that always holds or a join that changes nothing, and groups
/// are made finer where a shared relation serves several models. Held is that no row is filtered or
/// joined by a column that had no part in any model of the project.
#[test]
fn values_come_from_the_same_columns_before_and_after() {
    let mut counted = Counted::default();
    for project in goldens().into_iter().chain(folders(&repository("examples"))) {
        let found = with_stack(move || moved(&project));
        counted.n += found.n;
        counted.n_excused += found.n_excused;
        counted.faults.extend(found.faults);
    }
    assert!(counted.faults.is_empty(), "{}", counted.faults.join("\n"));
    assert!(counted.n > 300, "{} columns compared", counted.n);
    assert!(counted.n_excused * 8 < counted.n, "{} of {} columns are excused", counted.n_excused, counted.n);
}

#[derive(Default)]
struct Counted {
    n: usize,
    n_excused: usize,
    faults: Vec<String>,
}

/// The columns of a project's changed models, before and after.
fn moved(project: &Path) -> Counted {
    let mut counted = Counted::default();
    if isomer_tests::answer(project).optimised.is_none() {
        return counted;
    }
    let optimised = optimised(project);
    let (written, chosen) = (written(&optimised), chosen(&optimised));
    // What one column alone depended on can come to decide rows (a window becomes a join), and a shared
    // relation has the filters of all its readers.
    let known: BTreeSet<String> = written
        .values()
        .flat_map(|own| own.columns.iter().map(|(_, own)| own).chain([&own.rows]))
        .flat_map(|origins| columns(origins, None))
        .collect();
    for step in optimised.pipeline.steps.iter().filter(|step| step.is_changed) {
        let model = optimised.project.project.models.iter().find(|model| model.name == step.name);
        let Some(model) = model else { continue };
        let position = optimised.project.model_position(&model.key).expect("the model is there");
        let has_branches = match &optimised.project.models[position].bound {
            Bound::Plan(output) => unites(&output.plan),
            Bound::Opaque => false,
        };
        let (before, after) = (&written[&model.key], &chosen[&model.key]);
        let joined = columns(&before.rows, Some(Dependence::Join));
        let place = format!("{} {}", project.display(), model.name);
        for ((name, before), (_, after)) in before.columns.iter().zip(&after.columns) {
            counted.n += 1;
            let (before, after) = (columns(before, Some(Dependence::Value)), columns(after, Some(Dependence::Value)));
            let is_excused = after.is_empty()
                || has_branches && after.is_subset(&before)
                || after.symmetric_difference(&before).all(|column| joined.contains(column));
            if before != after {
                counted.n_excused += 1;
                if !is_excused {
                    counted.faults.push(format!("{place}.{name}: {before:?} became {after:?}"));
                }
            }
        }
        let deciding: BTreeSet<String> =
            [Dependence::Filter, Dependence::Join].into_iter().flat_map(|by| columns(&after.rows, Some(by))).collect();
        for column in deciding.difference(&known) {
            counted.faults.push(format!("{place}: rows are decided by {column} as well"));
        }
    }
    counted
}

fn unites(plan: &Plan) -> bool {
    matches!(plan, Plan::SetOp { .. }) || plan.inputs().into_iter().any(unites)
}

fn columns(origins: &Origins, by: Option<Dependence>) -> BTreeSet<String> {
    let taken = origins.iter().filter(|origin| by.is_none_or(|by| origin.by == by));
    taken.map(|origin| format!("{}.{}", origin.table, origin.column)).collect()
}

/// The lineage of every model as written, down to sources.
fn written(optimised: &Optimised) -> BTreeMap<Arc<str>, Lineage> {
    let bound = &optimised.project;
    let mut known: BTreeMap<Arc<str>, Lineage> = BTreeMap::new();
    for &position in &bound.order {
        let Bound::Plan(output) = &bound.models[position].bound else { continue };
        let own = lineage(output, &bound.arena, &bound.project.catalog);
        known.insert(Arc::clone(&bound.project.models[position].key), own.through(&|key| known.get(key)));
    }
    known
}

/// The lineage of every step of the pipeline, down to sources.
fn chosen(optimised: &Optimised) -> BTreeMap<Arc<str>, Lineage> {
    let bound = &optimised.project;
    let mut known: BTreeMap<Arc<str>, Lineage> = BTreeMap::new();
    for step in &optimised.pipeline.steps {
        let Some(output) = &step.output else { continue };
        let model = bound.project.models.iter().find(|model| model.name == step.name);
        let key = model.map_or_else(|| fold(&step.name), |model| Arc::clone(&model.key));
        let own = lineage(output, &bound.arena, &bound.project.catalog);
        known.insert(key, own.through(&|key| known.get(key)));
    }
    known
}
