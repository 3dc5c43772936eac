//! Project readers: from the files of a folder to a [`ModelProject`], with every fault at once.
//!
//! This file chooses the format and joins what the parts found: `folder`, `smelt`, `dbt`,
//! `interlace` and `sqlmesh` read models and tables, `settings` reads `isomer.yml`, `declare` makes tables of declarations.
//! Whether the SQL of a model means anything is the binder's business.

mod annotations;
mod claims;
mod create_table;
mod dbt;
mod declare;
mod ephemeral;
mod finish;
mod folder;
mod functions;
mod interlace;
mod interlace_python;
mod interlace_vars;
mod manifest;
mod name;
mod packs;
mod schema_tests;
mod settings;
mod smelt;
mod smelt_calls;
mod sqlmesh;
mod sqlmesh_header;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_dbt;
#[cfg(test)]
mod tests_of_formats;
mod yaml;

pub(crate) use declare::add_key;
pub use packs::{RulePack, rule_packs};
pub(crate) use smelt_calls::skip_token;
use std::collections::BTreeMap;
use std::sync::Arc;

use isomer_ir::{Diagnostic, Dialect, Model, ModelProject, Span, TestedFact};

pub use create_table::read_schema;

use declare::Tables;
use settings::{Config, Target};
use yaml::Reading;

/// Files of a project: path within it, with `/`, to content.
pub type ProjectFiles = BTreeMap<String, Vec<u8>>;

/// What is asked of the reader.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// Name of a target of the project or of a dialect, in which results are written.
    pub target: Option<String>,
}

/// What a format's reader found, before settings are applied.
#[derive(Debug)]
struct Draft {
    format: &'static str,
    name: Option<String>,
    /// Dialect of the models.
    dialect: Dialect,
    models: Vec<Model>,
    tables: Tables,
    /// What tests prove of models.
    tested: Vec<TestedFact>,
    /// What tells models of two versions apart, where it is not their text.
    checksums: BTreeMap<Arc<str>, Arc<str>>,
    /// Targets of the format, the default one first.
    targets: Vec<Target>,
}

impl Draft {
    /// Of a format, with nothing found.
    fn empty(format: &'static str, dialect: Dialect) -> Self {
        Self {
            format,
            name: None,
            dialect,
            models: Vec::new(),
            tables: Tables::default(),
            tested: Vec::new(),
            checksums: BTreeMap::new(),
            targets: Vec::new(),
        }
    }
}

/// Reads a project, in the format its files speak of: a dbt manifest, a smelt, Interlace or SQLMesh
/// project, or a folder of `.sql` files; `isomer.yml` adds to each.
///
/// Faults do not end the reading: everything that is wrong is among the diagnostics, and what could
/// be read is returned beside them, so that the caller can go on to find the faults of rules and
/// models. A project with a diagnostic of [`isomer_ir::Severity::Project`] must not be optimised.
/// `None` when there is no model at all. Models are sorted by path, then name.
#[must_use]
pub fn read_project(files: &ProjectFiles, options: &ReadOptions) -> (Option<ModelProject>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let config_path = ["isomer.yml", "isomer.yaml"].into_iter().find(|path| files.contains_key(*path));
    let mut reading = Reading { source: Arc::from(config_path.unwrap_or("isomer.yml")), found: &mut found };
    let root = config_path.and_then(|path| yaml::parse(&files[path], &mut reading));
    let config = root.map(|root| settings::read(&root, &mut reading)).unwrap_or_default();
    // A schema is no model.
    let without_schema: ProjectFiles;
    let all = files;
    let files = if config.schema_paths.is_empty() {
        files
    } else {
        let is_schema = |path: &str| config.schema_paths.iter().any(|(named, _)| named == path);
        let kept = files.iter().filter(|(path, _)| !is_schema(path));
        without_schema = kept.map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
        &without_schema
    };
    let draft = match choose_format(files, &config, &mut reading) {
        Some(Format::Dbt(path)) => dbt::read(files, path, &config, &mut reading),
        Some(Format::Smelt(path)) => Some(smelt::read(files, path, &config, &mut reading)),
        Some(Format::Interlace(path)) => Some(interlace::read(files, path, &config, &mut reading)),
        Some(Format::SqlMesh) => Some(sqlmesh::read(files, &config, &mut reading)),
        Some(Format::Folder) => Some(folder::read(files, &config, &mut reading)),
        None => None,
    };
    let project = draft.and_then(|draft| finish::finish(draft, config, all, options, &mut reading));
    found.sort_by(|a, b| (&a.source, a.span, a.code, &a.message).cmp(&(&b.source, b.span, b.code, &b.message)));
    found.dedup();
    (project, found)
}

/// A format with the path of the file that speaks for it.
enum Format<'a> {
    Dbt(&'a str),
    Smelt(&'a str),
    Interlace(&'a str),
    SqlMesh,
    Folder,
}

fn choose_format<'a>(files: &'a ProjectFiles, config: &Config, reading: &mut Reading<'_>) -> Option<Format<'a>> {
    let find = |paths: &[&str]| files.keys().find(|path| paths.contains(&path.as_str())).map(String::as_str);
    // A manifest may be handed over by itself, under any name.
    let alone = files.keys().next().filter(|path| files.len() == 1 && path.ends_with(".json")).map(String::as_str);
    let manifest = find(&["target/manifest.json"]).or_else(|| find(&["manifest.json"])).or(alone);
    let smelt = find(&["smelt.yml", "smelt.yaml"]);
    let interlace = find(&["interlace.yaml", "interlace.yml"]);
    let asked = config.format.as_ref().map(|(format, span)| (format.as_str(), *span));
    match (asked, manifest, smelt) {
        (Some(("folder", _)), ..) => Some(Format::Folder),
        (Some(("sqlmesh", _)), ..) => Some(Format::SqlMesh),
        (Some(("interlace", _)) | None, ..) if interlace.is_some() => interlace.map(Format::Interlace),
        (Some(("interlace", span)), ..) => {
            reading.fault("PRJ-0002", span, "found no `interlace.yaml`, expected one in the project's folder");
            None
        }
        (Some(("dbt", _)) | None, Some(path), None) => Some(Format::Dbt(path)),
        (Some(("dbt", _)), Some(path), Some(_)) => Some(Format::Dbt(path)),
        (Some(("smelt", _)) | None, _, Some(path)) => Some(Format::Smelt(path)),
        (Some(("dbt", span)), None, _) => {
            reading.fault_with("PRJ-0015", span, "found no `target/manifest.json`", RUN_DBT.to_owned());
            None
        }
        (Some(("smelt", span)), _, None) => {
            reading.fault("PRJ-0002", span, "found no `smelt.yml`, expected one in the project's folder");
            None
        }
        (Some((format, span)), ..) => {
            let message = format!("found `{format}` as `format`");
            reading.fault_with(
                "PRJ-0005",
                span,
                message,
                yaml::did_you_mean(format, ["folder", "smelt", "dbt", "interlace", "sqlmesh"]),
            );
            None
        }
        (None, None, None) => {
            if let Some(path) = find(&["dbt_project.yml"]) {
                let source = Arc::from(path);
                let message = "found a dbt project without `target/manifest.json`";
                reading
                    .found
                    .push(Diagnostic::project("PRJ-0015", &source, Span::default(), message).with_help(RUN_DBT));
                return None;
            }
            let has_headers = files.iter().any(|(path, bytes)| path.ends_with(".sql") && sqlmesh::has_header(bytes));
            Some(if has_headers { Format::SqlMesh } else { Format::Folder })
        }
    }
}

const RUN_DBT: &str = "run `dbt compile`, then try again";
