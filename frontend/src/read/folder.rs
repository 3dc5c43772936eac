//! Models in files: a folder of `.sql` files, each of which is one model.

use std::sync::Arc;

use isomer_ir::{Diagnostic, Dialect, Materialise, Model, Span, fold};

use super::name::{is_below, sql_name, stem};
use super::settings::{Config, Placed};
use super::yaml::Reading;
use super::{Draft, ProjectFiles};

/// Reads a plain folder.
pub(crate) fn read(files: &ProjectFiles, config: &Config, reading: &mut Reading<'_>) -> Draft {
    let dialect = config.dialect.unwrap_or(Dialect::DuckDb);
    let paths = model_files(files, &config.model_paths, reading);
    let models = paths.into_iter().map(|path| model(path, &files[path], dialect, reading.found)).collect();
    Draft { models, ..Draft::empty("folder", dialect) }
}

/// Paths of the `.sql` files below the given folders; when none are given, below `models/`, and
/// where that has none, all.
pub(crate) fn model_files<'a>(files: &'a ProjectFiles, folders: &[Placed], reading: &mut Reading<'_>) -> Vec<&'a str> {
    let all = || files.keys().map(String::as_str).filter(|path| path.ends_with(".sql"));
    if folders.is_empty() {
        let below: Vec<&str> = all().filter(|path| is_below(path, "models")).collect();
        return if below.is_empty() { all().collect() } else { below };
    }
    for (folder, span) in folders {
        if !all().any(|path| is_below(path, folder)) {
            reading.fault("PRJ-0002", *span, format!("found no `.sql` file in `{folder}`, expected models"));
        }
    }
    all().filter(|path| folders.iter().any(|(folder, _)| is_below(path, folder))).collect()
}

/// A model of one file. Text that cannot be read leaves an opaque model with a diagnostic.
pub(crate) fn model(path: &str, bytes: &[u8], dialect: Dialect, found: &mut Vec<Diagnostic>) -> Model {
    let name = stem(path);
    let source: Arc<str> = Arc::from(path);
    let text = String::from_utf8_lossy(bytes);
    let fault = if let Err(error) = std::str::from_utf8(bytes) {
        let place = error.valid_up_to();
        let message = format!("found byte 0x{:02x} at offset {place}, expected UTF-8", bytes[place]);
        Some(
            Diagnostic::model("PRJ-0016", &source, Span::default(), message)
                .with_help("save the file as UTF-8; it is left as it is"),
        )
    } else if text.trim().is_empty() {
        Some(Diagnostic::model("PRJ-0017", &source, Span::default(), "found an empty file, expected one query"))
    } else {
        None
    };
    let is_opaque = fault.is_some();
    found.extend(fault);
    Model {
        name: Arc::from(name),
        key: fold(name),
        sql_name: sql_name(name, dialect),
        path: source,
        original: Arc::from(&*text),
        sql: if is_opaque { Arc::from("") } else { Arc::from(&*text) },
        dialect,
        materialise: Materialise::default(),
        tags: Vec::new(),
        is_rewritable: !is_opaque,
        is_opaque,
        declared_reads: Vec::new(),
        is_folded: false,
        folded: Vec::new(),
    }
}
