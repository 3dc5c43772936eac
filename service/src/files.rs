//! Project files from disk: which files of a folder make up a project.
//!
//! What the files mean is the front end's business; what rows they hold is the engines'.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use isomer_ir::{Diagnostic, Span};

/// Files are read up to this size in bytes; a dbt manifest of 10,000 models has about 100 MB.
const MAX_FILE_BYTES: u64 = 256 << 20;
/// Most files of one project.
const MAX_FILES: usize = 50_000;
/// Folders that never hold models: dependencies, build products, virtual environments.
const SKIPPED_FOLDERS: [&str; 6] = ["node_modules", "dbt_packages", "dbt_modules", "logs", "venv", "__pycache__"];

/// A project on disk.
#[derive(Debug)]
pub struct DiskProject {
    /// Path within the project, with `/`, to content.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The folder against which data files are resolved.
    pub base: PathBuf,
}

/// Reads the files of a project: of a folder, or the one file `path` is.
///
/// # Errors
///
/// A project fault that names the path when it does not exist, cannot be read, or is too large.
pub fn read(path: &Path) -> Result<DiskProject, Diagnostic> {
    let metadata = fs::metadata(path).map_err(|error| fault("FILE-0001", path, &error.to_string()))?;
    let mut files = BTreeMap::new();
    if metadata.is_dir() {
        read_folder(path, &mut files)?;
        crate::packs::add(&mut files, path)?;
        return Ok(DiskProject { files, base: path.to_path_buf() });
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    files.insert(name, read_file(path)?);
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    Ok(DiskProject { files, base: folder.to_path_buf() })
}

/// The rule files below `path`, or `path` itself: path as given, and text.
///
/// # Errors
///
/// As [`read`], and for a file that is not UTF-8.
pub fn read_rules(path: &Path) -> Result<Vec<(Arc<str>, String)>, Diagnostic> {
    let project = read(path)?;
    let is_folder = path.is_dir();
    let mut rules = Vec::new();
    for (name, bytes) in project.files {
        if !is_rule_file(&name) && is_folder {
            continue;
        }
        let place = if is_folder { path.join(&name) } else { path.to_path_buf() };
        let text = String::from_utf8(bytes).map_err(|_| fault("FILE-0003", &place, "the file is not UTF-8"))?;
        rules.push((Arc::from(place.to_string_lossy()), text));
    }
    Ok(rules)
}

fn read_folder(root: &Path, files: &mut BTreeMap<String, Vec<u8>>) -> Result<(), Diagnostic> {
    let mut folders = vec![(root.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| fault("FILE-0001", &folder, &error.to_string()))?;
        for entry in entries {
            let entry = entry.map_err(|error| fault("FILE-0001", &folder, &error.to_string()))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let place = format!("{prefix}{name}");
            // A linked folder is not entered: links can form circles.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && is_entered(&place, &name) {
                folders.push((entry.path(), format!("{place}/")));
            } else if !is_folder && is_project_file(&place) && entry.path().is_file() {
                files.insert(place, read_file(&entry.path())?);
            }
            if files.len() > MAX_FILES {
                let message = format!("found more than {MAX_FILES} project files, expected the folder of one project");
                return Err(fault("FILE-0002", root, &message));
            }
        }
    }
    Ok(())
}

fn is_entered(place: &str, name: &str) -> bool {
    // `target` is entered for dbt's manifest and catalog alone; compiled copies of models lie beside it.
    !name.starts_with('.') && !SKIPPED_FOLDERS.contains(&name) && !place.starts_with("target/")
}

fn is_project_file(place: &str) -> bool {
    if place.starts_with("target/") {
        return matches!(place, "target/manifest.json" | "target/catalog.json");
    }
    let name = place.rsplit('/').next().unwrap_or(place);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    matches!(name, "manifest.json" | "catalog.json") || matches!(extension, "sql" | "yml" | "yaml" | "rules")
        // Models of Interlace may be Python; other Python is none of ours.
        || extension == "py" && (place.starts_with("models/") || place.contains("/models/"))
}

fn is_rule_file(place: &str) -> bool {
    place.ends_with(".rules")
}

fn read_file(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    let size = fs::metadata(path).map_err(|error| fault("FILE-0001", path, &error.to_string()))?.len();
    if size > MAX_FILE_BYTES {
        return Err(fault("FILE-0002", path, &format!("found {size} bytes, expected at most {MAX_FILE_BYTES}")));
    }
    fs::read(path).map_err(|error| fault("FILE-0001", path, &error.to_string()))
}

fn fault(code: &'static str, path: &Path, message: &str) -> Diagnostic {
    let source = Arc::from(path.to_string_lossy());
    Diagnostic::project(code, &source, Span::default(), message.to_lowercase().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::{is_entered, is_project_file};

    #[test]
    fn what_belongs_to_a_project() {
        let cases = [
            ("models/a.sql", true),
            ("isomer.yml", true),
            ("rules/mine.rules", true),
            ("target/manifest.json", true),
            ("target/compiled/a.sql", false),
            ("data/events.csv", false),
            ("models/scores.py", true),
            ("setup.py", false),
        ];
        for (place, expect) in cases {
            assert_eq!(is_project_file(place), expect, "{place}");
        }
        assert!(is_entered("target", "target") && !is_entered("target/compiled", "compiled"));
        assert!(!is_entered(".git", ".git"));
    }
}
