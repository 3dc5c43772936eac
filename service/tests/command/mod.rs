//! The built program in a temporary folder: what it told, and how it ended.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder with files.
pub(crate) fn project(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder can be made");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a file stands in a folder")).expect("a folder can be made");
        fs::write(path, bytes).expect("a file can be written");
    }
    folder
}

/// What a command told, and how it ended.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program in a folder.
pub(crate) fn isomer(folder: &Path, args: &[&str]) -> Told {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isomer"));
    for variable in ["ISOMER_PROJECT_DIR", "ISOMER_TARGET", "ISOMER_LISTEN"] {
        command.env_remove(variable);
    }
    let Output { status, stdout, stderr } =
        command.args(args).current_dir(folder).output().expect("the command can be run");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Told { exit: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// The codes that stand on stderr with a severity, in order.
pub(crate) fn codes(told: &Told, severity: &str) -> Vec<String> {
    let begin = format!(": {severity}[");
    let code = |line: &str| {
        line.split_once(&begin).and_then(|(_, rest)| rest.split_once(']')).map(|(code, _)| code.to_owned())
    };
    told.stderr.lines().filter_map(code).collect()
}
