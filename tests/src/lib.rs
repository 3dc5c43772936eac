//! What the test targets share: where projects and golden files lie, and how both are read.
//!
//! The tests themselves are in `tests/`, one target for each thing that is held true.

pub mod calls;
pub mod examples;
pub mod pipelines;
pub mod postgres;
pub mod postgres_trip;
pub mod queries;
pub mod round_trip;
pub mod schema;
pub mod slt;
pub mod spark;
pub mod tpcds;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use isomer_ir::SourceData;
use isomer_service::optimize::{self, Answer, Optimised, Request};
use isomer_service::{files, report};

/// Stack of a thread that optimises, as in the command line.
const STACK_BYTES: usize = 256 << 20;

/// The variable that makes a run write golden files instead of comparing with them.
pub const UPDATE: &str = "UPDATE_GOLDEN";

/// A path within the repository.
#[must_use]
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Runs `work` on a stack as large as that of the command line.
///
/// # Panics
///
/// When `work` does.
pub fn with_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).expect("a thread can be started");
    match thread.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Optimises the project in a folder.
///
/// # Panics
///
/// When the folder cannot be read.
#[must_use]
pub fn answer(folder: &Path) -> Answer {
    let disk = files::read(folder).expect("the folder of a project can be read");
    optimize::run(&Request { files: disk.files, ..Request::default() })
}

/// As [`answer`], with the steps from written to chosen plans.
///
/// # Panics
///
/// When the folder cannot be read.
#[must_use]
pub fn answer_with_chains(folder: &Path) -> Answer {
    let disk = files::read(folder).expect("the folder of a project can be read");
    optimize::run(&Request { files: disk.files, wants_chains: true, ..Request::default() })
}

/// The optimised project in a folder.
///
/// # Panics
///
/// With the diagnostics, when the project is refused.
#[must_use]
pub fn optimised(folder: &Path) -> Optimised {
    let answer = answer(folder);
    let told = told(&answer);
    answer.optimised.unwrap_or_else(|| panic!("{} is refused:\n{told}", folder.display()))
}

/// The diagnostics of an answer as people see them.
#[must_use]
pub fn told(answer: &Answer) -> String {
    let wired = report::wire(&answer.diagnostics, &answer.texts);
    wired.iter().map(|diagnostic| format!("{}\n", report::line(diagnostic))).collect()
}

/// Holds `found` against the golden file at `path`, or writes it there when `UPDATE_GOLDEN` is set.
///
/// # Errors
///
/// The differing lines.
pub fn golden(path: &Path, found: &str) -> Result<(), String> {
    if std::env::var_os(UPDATE).is_some() {
        return fs::write(path, found).map_err(|error| format!("{}: {error}", path.display()));
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == found {
        return Ok(());
    }
    let mut message = format!("{} differs; {UPDATE}=1 writes what is found\n", path.display());
    let diff = similar::TextDiff::from_lines(expected.as_str(), found);
    let _ = write!(message, "{}", diff.unified_diff().context_radius(2));
    Err(message)
}

/// The folders in a folder, by name.
///
/// # Panics
///
/// When it cannot be read.
#[must_use]
pub fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut folders: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// The last part of a path.
#[must_use]
pub fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Has the generators of a project make less or more: each setting that is named takes the value.
pub fn resize(optimised: &mut Optimised, settings: &[(&str, &str)]) {
    for source in &mut optimised.project.project.sources {
        if let SourceData::Generated(_, given) = &mut source.data {
            for (name, value) in given {
                if let Some((_, new)) = settings.iter().find(|(setting, _)| *setting == &**name) {
                    *value = (*new).into();
                }
            }
        }
    }
}
