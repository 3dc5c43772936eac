//! Generated dbt projects: how many models are understood may only rise, and the rest says why;
//! and on DuckDB the SQL that is written for a model gives the rows of its own text.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use isomer_benches::dbt::{Flavour, Generated, generate, generate_whole};
use isomer_engines::{Engine, EngineKind};
use isomer_frontend::{ProjectFiles, ReadOptions};
use isomer_ir::{Bound, BoundProject, Diagnostic, Dialect, Materialise, Model, SourceData};
use isomer_tests::with_stack;

/// Models of a project that is read and bound.
const N_MODELS: usize = 700;
/// How many of them are understood at least; raised when more are. One function that is not known hides many
/// models behind it: what reads an opaque model is opaque.
const BOUND: [(Flavour, usize); 3] = [(Flavour::DuckDb, 700), (Flavour::Snowflake, 700), (Flavour::BigQuery, 700)];
/// Models of a project that is also executed.
const N_EXECUTED: usize = 250;

fn bound(generated: &Generated) -> BoundProject {
    let (project, told) = isomer_frontend::read_project(&generated.files, &ReadOptions::default());
    // Of what is no query the reader says that it stays as it is.
    let is_fault = |told: &&Diagnostic| told.code != "PRJ-0020";
    assert_eq!(told.iter().find(is_fault), None);
    isomer_frontend::bind_project(project.expect("there are models"))
}

/// How many models are understood, and why the others are not: messages without what they quote.
fn census(bound: &BoundProject) -> (usize, BTreeMap<String, usize>) {
    let n_bound = bound.models.iter().filter(|model| matches!(model.bound, Bound::Plan(_))).count();
    let mut causes: BTreeMap<String, usize> = BTreeMap::new();
    for told in &bound.diagnostics {
        let words: Vec<&str> = told.message.split('`').step_by(2).collect();
        let first = told.message.split('`').nth(1).unwrap_or_default();
        let what = if told.code == "SQL-0017" { String::new() } else { format!(" ({first})") };
        *causes.entry(format!("{} {}{what}", told.code, words.join("…"))).or_default() += 1;
    }
    (n_bound, causes)
}

#[test]
fn models_of_every_adapter_are_understood() {
    let mut faults = String::new();
    for (flavour, n_least) in BOUND {
        if Dialect::from_name(flavour.adapter()).is_none() {
            // What no dialect reads cannot be bound: the project is refused with a fault of its own.
            let generated = generate(5, flavour, 1);
            let (_, told) = isomer_frontend::read_project(&generated.files, &ReadOptions::default());
            assert!(told.iter().any(|told| told.code == "PRJ-0006"), "{told:#?}");
            continue;
        }
        let (n_bound, causes) = with_stack(move || census(&bound(&generate(N_MODELS, flavour, 7))));
        if n_bound < n_least {
            faults.push_str(&format!("{flavour:?}: {n_bound} of {N_MODELS} are bound; {causes:#?}\n"));
        }
        let is_told = n_bound == N_MODELS || !causes.is_empty();
        assert!(is_told, "{flavour:?}: opaque models without a reason");
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn what_is_written_for_a_model_gives_the_rows_of_its_text() {
    for generated in [generate(N_EXECUTED, Flavour::DuckDb, 11), generate_whole(N_EXECUTED, Flavour::DuckDb, 11)] {
        let n_models = same_rows(generated);
        assert!(n_models * 100 >= N_EXECUTED * 70, "{n_models} models compared");
    }
}

/// How many models were compared.
fn same_rows(generated: Generated) -> usize {
    let (n_compared, n_with_rows, n_models, faults) = with_stack(move || {
        let mut bound = bound(&generated);
        isomer_rewriter::unfold(&mut bound);
        let session = Engine::open(EngineKind::DuckDb, None).expect("a session can be started");
        for source in &bound.project.sources {
            let table = bound.project.catalog.get(&source.key).expect("a source has its table");
            let settings = vec![("rows".into(), "200".into())];
            let rows = SourceData::Generated("random".into(), settings);
            session.load(table, &rows, Path::new(".")).expect("rows can be made");
        }
        let (mut n_compared, mut n_with_rows, mut n_models) = (0, 0, 0);
        let mut faults = Vec::new();
        for position in bound.order.clone() {
            let model = bound.project.models[position].clone();
            if model.is_opaque {
                continue;
            }
            n_models += 1;
            if let Err(error) = session.create(&model.sql_name, Materialise::Table, model.runnable()) {
                faults.push(format!("{}: DuckDB refuses the text: {error:?}\n{}", model.name, model.runnable()));
                continue;
            }
            let Bound::Plan(output) = bound.models[position].bound.clone() else { continue };
            let sql = isomer_codegen::to_sql(&output, &mut bound.arena, &bound.project.catalog, Dialect::DuckDb);
            let sql = match sql {
                Ok(sql) => sql,
                Err(error) => {
                    faults.push(format!("{}: {error}", model.name));
                    continue;
                }
            };
            let left = session.query(&format!("SELECT * FROM {}", model.sql_name)).expect("what was made is read");
            match session.query(&sql) {
                Ok(right) => {
                    let compared = isomer_engines::compare(&left, &right, isomer_engines::DEFAULT_TOLERANCE);
                    n_compared += 1;
                    n_with_rows += usize::from(compared.n_left > 0);
                    if !compared.is_equal {
                        faults.push(format!("{}: other rows\n{}\n-- written\n{sql}", model.name, model.runnable()));
                    }
                }
                Err(error) => faults.push(format!("{}: DuckDB refuses what is written: {error:?}\n{sql}", model.name)),
            }
        }
        (n_compared, n_with_rows, n_models, faults)
    });
    assert!(faults.is_empty(), "{} faults, the first:\n{}", faults.len(), faults[0]);
    assert!(n_compared * 100 >= n_models * 98, "{n_compared} of {n_models} models compared");
    assert!(n_with_rows * 3 > n_compared, "{n_with_rows} of {n_compared} have rows");
    n_compared
}

/// What dbt projects have beside tables and views leaves no model opaque but those that are no query.
#[test]
fn whole_projects_are_understood() {
    for flavour in Flavour::ALL {
        let generated = generate_whole(N_MODELS, flavour, 7);
        let (n_ephemeral, n_folded, n_package, faults) = with_stack(move || {
            let bound = bound(&generated);
            let models = || bound.project.models.iter().zip(&bound.models);
            let is_bound = |bound: &Bound| matches!(bound, Bound::Plan(_));
            let faults: Vec<String> = models()
                .filter(|(model, bound)| model.is_opaque == is_bound(&bound.bound))
                .map(|(model, _)| model.name.to_string())
                .chain(bound.diagnostics.iter().map(|told| format!("{}: {} {}", told.source, told.code, told.message)))
                .collect();
            // Every reader of an ephemeral model reads it by name.
            let reads_folded = |reads: &[Arc<str>]| reads.iter().any(|read| read.starts_with("__dbt__cte__"));
            let left = models().filter(|(model, bound)| {
                reads_folded(&model.declared_reads) && !model.is_opaque && !reads_folded(&bound.reads)
            });
            let faults: Vec<String> = faults
                .into_iter()
                .chain(left.map(|(model, _)| format!("{} holds what it reads", model.name)))
                .collect();
            let n_of = |is_it: &dyn Fn(&Model) -> bool| models().filter(|(model, _)| is_it(model)).count();
            (
                n_of(&|model| model.is_folded),
                n_of(&|model| !model.folded.is_empty()),
                n_of(&|model| model.path.starts_with("dbt_packages/")),
                faults,
            )
        });
        assert!(faults.is_empty(), "{flavour:?}: {faults:#?}");
        assert!(n_ephemeral > 70 && n_folded > 150 && n_package > 60, "{n_ephemeral} {n_folded} {n_package}");
    }
}

/// Of a large project the models that changed since another version are told, and nothing else: a changed
/// ephemeral model is one, its readers are not.
#[test]
fn states_of_a_large_project() {
    let earlier = generate_whole(N_MODELS, Flavour::DuckDb, 7);
    let mut later = earlier.files.clone();
    let manifest = later.get_mut("target/manifest.json").expect("a project has its manifest");
    let mut parsed: serde_json::Value = serde_json::from_slice(manifest).expect("a manifest is JSON");
    let nodes = parsed["nodes"].as_object_mut().expect("a manifest has nodes");
    let mut changed = Vec::new();
    for kind in ["ephemeral", "view", "incremental"] {
        let node = nodes.values_mut().find(|node| node["config"]["materialized"] == kind).expect("there is one");
        node["raw_code"] = serde_json::json!("select 1");
        changed.push(node["name"].as_str().unwrap_or_default().to_owned());
    }
    // How a model is kept is part of its state.
    let kept = nodes.values_mut().rfind(|node| node["config"]["materialized"] == "view").expect("there is one");
    kept["config"]["materialized"] = serde_json::json!("table");
    changed.push(kept["name"].as_str().unwrap_or_default().to_owned());
    *manifest = parsed.to_string().into_bytes();
    let read = |files: &ProjectFiles| isomer_frontend::read_project(files, &ReadOptions::default()).0.expect("models");
    let (old, mut new) = (read(&earlier.files), read(&later));
    new.changes = Some(new.changes_since(&old));
    let named = with_stack(move || {
        let bound = isomer_frontend::bind_project(new);
        let select = |text: &str| isomer_frontend::select(&bound, &[text.to_owned()], &[]).expect("a state is given");
        let names = |positions: Vec<usize>| {
            positions.iter().map(|&at| bound.project.models[at].name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(select("state:new"), Vec::<usize>::new());
        assert!(select("state:modified+").len() > changed.len() + 3);
        let mut named = names(select("state:modified"));
        named.sort();
        changed.sort();
        (named, changed)
    });
    assert_eq!(named.0, named.1);
}

#[test]
fn equal_seeds_give_equal_projects() {
    let one = generate(50, Flavour::DuckDb, 3);
    assert_eq!(one.files, generate(50, Flavour::DuckDb, 3).files);
    let n_lines = generate(N_MODELS, Flavour::DuckDb, 3).n_lines;
    assert!((50_000..75_000).contains(&n_lines), "{n_lines} lines");
    assert_ne!(one.files, generate(50, Flavour::DuckDb, 4).files);
}
