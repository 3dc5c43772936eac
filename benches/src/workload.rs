//! Projects that are timed: each TPC-H query alone, and all of them as one.

use std::fs;
use std::path::{Path, PathBuf};

use isomer_frontend::{ProjectFiles, ReadOptions};
use isomer_ir::ModelProject;

/// Id of the project that holds every query.
const ALL: &str = "all";

/// A project under the id by which benchmarks call it.
#[derive(Debug, Clone)]
pub struct Workload {
    /// `q01` to `q22`, or `all`.
    pub id: String,
    /// Its files.
    pub files: ProjectFiles,
}

impl Workload {
    /// The project as read, texts unparsed: the schema is known, as an engine knows its tables.
    ///
    /// # Panics
    ///
    /// When the example cannot be read.
    #[must_use]
    pub fn read(&self) -> ModelProject {
        let (project, diagnostics) = isomer_frontend::read_project(&self.files, &ReadOptions::default());
        assert!(diagnostics.is_empty(), "`{}` has faults: {diagnostics:#?}", self.id);
        project.expect("a project without faults is read")
    }

    /// Whether this is all queries as one project.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.id == ALL
    }
}

/// The 22 TPC-H queries, each alone, in order; then all of them as one project.
///
/// # Panics
///
/// When `examples/tpch` is missing.
#[must_use]
pub fn tpch() -> Vec<Workload> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/tpch");
    let settings = ("isomer.yml".to_owned(), content(&root.join("isomer.yml")));
    let mut paths: Vec<PathBuf> = fs::read_dir(root.join("models"))
        .expect("the repository has examples/tpch/models")
        .map(|entry| entry.expect("the folder is readable").path())
        .collect();
    paths.sort();
    let mut all = ProjectFiles::from([settings.clone()]);
    let mut workloads = Vec::with_capacity(paths.len() + 1);
    for path in &paths {
        let id = path.file_stem().expect("a model has a name").to_string_lossy().into_owned();
        let model = (format!("models/{id}.sql"), content(path));
        all.extend([model.clone()]);
        workloads.push(Workload { id, files: ProjectFiles::from([settings.clone(), model]) });
    }
    workloads.push(Workload { id: ALL.to_owned(), files: all });
    workloads
}

fn content(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
