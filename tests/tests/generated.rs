//! Generated dbt projects: how many models are understood may only rise, and the rest says why;
//! and on DuckDB the SQL that is written for a model gives the rows of its own text.

use std::collections::BTreeMap;
use std::path::Path;

use isomer_benches::dbt::{Flavour, generate};
use isomer_engines::{Engine, EngineKind};
use isomer_frontend::ReadOptions;
use isomer_ir::{Bound, BoundProject, Dialect, Materialise, SourceData};
use isomer_tests::with_stack;

/// Models of a project that is read and bound.
const N_MODELS: usize = 700;
/// How many of them are understood at least; raised when more are. One function that is not known hides many
/// models behind it: what reads an opaque model is opaque.
const BOUND: [(Flavour, usize); 3] = [(Flavour::DuckDb, 700), (Flavour::Snowflake, 700), (Flavour::BigQuery, 700)];
/// Models of a project that is also executed.
const N_EXECUTED: usize = 250;

fn bound(n_models: usize, flavour: Flavour, seed: u64) -> BoundProject {
    let generated = generate(n_models, flavour, seed);
    let (project, faults) = isomer_frontend::read_project(&generated.files, &ReadOptions::default());
    assert!(faults.is_empty(), "{faults:#?}");
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
        let (n_bound, causes) = with_stack(move || census(&bound(N_MODELS, flavour, 7)));
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
    let (n_compared, n_with_rows, faults) = with_stack(|| {
        let mut bound = bound(N_EXECUTED, Flavour::DuckDb, 11);
        let session = Engine::open(EngineKind::DuckDb, None).expect("a session can be started");
        for source in &bound.project.sources {
            let table = bound.project.catalog.get(&source.key).expect("a source has its table");
            let settings = vec![("rows".into(), "200".into())];
            let rows = SourceData::Generated("random".into(), settings);
            session.load(table, &rows, Path::new(".")).expect("rows can be made");
        }
        let (mut n_compared, mut n_with_rows) = (0, 0);
        let mut faults = Vec::new();
        for position in bound.order.clone() {
            let model = bound.project.models[position].clone();
            if let Err(error) = session.create(&model.sql_name, Materialise::Table, &model.sql) {
                faults.push(format!("{}: DuckDB refuses the text: {error:?}\n{}", model.name, model.sql));
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
                        faults.push(format!("{}: other rows\n{}\n-- written\n{sql}", model.name, model.sql));
                    }
                }
                Err(error) => faults.push(format!("{}: DuckDB refuses what is written: {error:?}\n{sql}", model.name)),
            }
        }
        (n_compared, n_with_rows, faults)
    });
    assert!(faults.is_empty(), "{} faults, the first:\n{}", faults.len(), faults[0]);
    assert!(n_compared * 100 >= N_EXECUTED * 98, "{n_compared} models compared");
    assert!(n_with_rows * 3 > n_compared, "{n_with_rows} of {n_compared} have rows");
}

#[test]
fn equal_seeds_give_equal_projects() {
    let one = generate(50, Flavour::DuckDb, 3);
    assert_eq!(one.files, generate(50, Flavour::DuckDb, 3).files);
    let n_lines = generate(N_MODELS, Flavour::DuckDb, 3).n_lines;
    assert!((50_000..75_000).contains(&n_lines), "{n_lines} lines");
    assert_ne!(one.files, generate(50, Flavour::DuckDb, 4).files);
}
