//! The projects that ship are read and bound without a word.

use std::fs;
use std::path::Path;

use isomer_frontend::{ProjectFiles, ReadOptions, bind_project, read_project};
use isomer_ir::{Bound, BoundProject};

/// Reads and binds a project of `examples/`.
fn example(name: &str) -> BoundProject {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
    let mut files = ProjectFiles::new();
    add(&root, "", &mut files);
    let (project, found) = read_project(&files, &ReadOptions::default());
    assert_eq!(found, [], "{name}");
    let bound = bind_project(project.expect("a project without faults is read"));
    assert_eq!(bound.diagnostics, [], "{name}");
    assert!(bound.models.iter().all(|model| matches!(model.bound, Bound::Plan(_))), "{name}");
    bound
}

fn add(folder: &Path, prefix: &str, files: &mut ProjectFiles) {
    for entry in fs::read_dir(folder).expect("the example's folder is there") {
        let entry = entry.expect("the folder can be read");
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if path.is_dir() {
            add(&path, &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read(&path).expect("the file can be read"));
        }
    }
}

#[test]
fn the_smelt_example() {
    let bound = example("smelt");
    assert_eq!((&*bound.project.name, bound.project.format), ("web_analytics", "smelt"));
    let models: Vec<String> = bound
        .project
        .models
        .iter()
        .zip(&bound.models)
        .map(|(model, bound)| format!("{} {} <- {}", model.name, model.materialise.word(), bound.reads.join(" ")))
        .collect();
    let expect = [
        "has_purchases view <- purchases",
        "large_purchases table <- purchases revenue_by_user",
        "revenue_by_country table <- purchases",
        "revenue_by_day table <- purchases",
        "revenue_by_user table <- purchases",
        "purchases view <- raw.events",
    ];
    assert_eq!(models, expect);
    let events = bound.project.catalog.get("raw.events").unwrap();
    assert_eq!((events.keys.len(), events.n_rows), (1, Some(200_000.0)));
}

#[test]
fn the_sessions_example() {
    assert_eq!(example("sessions").models.len(), 3);
}

#[test]
fn the_tpch_example() {
    let tpch = example("tpch");
    assert_eq!((tpch.models.len(), tpch.project.sources.len()), (22, 8));
}
