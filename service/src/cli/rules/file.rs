//! `isomer rules new` and `isomer rules fmt`: rule files are written.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::{Console, Failure, Outcome, write_file};
use super::{RuleFiles, load};

/// Where a new rule is written when nothing else is said, in the project's folder.
const RULE_FOLDER: &str = "rules";

/// Writes a rule of this name that passes its own cases, and says what is to be filled in.
pub(super) fn new(
    console: Console,
    name: &str,
    into: Option<&Path>,
    folder: &Path,
    known: &RuleFiles,
) -> Result<Outcome, Failure> {
    let Some(text) = isomer_rules::skeleton(name) else {
        let message = format!("`{name}` is no name of a rule: expected lower-case words joined by `-`");
        return Err(Failure::Sentence(message));
    };
    if let Some(rule) = load(console, known)?.get(name) {
        let message = format!("a rule is named `{name}` already, in {}; choose another name", rule.file);
        return Err(Failure::Sentence(message));
    }
    let in_project = || if folder == Path::new(".") { PathBuf::new() } else { folder.to_path_buf() };
    let own = || in_project().join(RULE_FOLDER).join(format!("{name}.rules"));
    let path = into.map_or_else(own, Path::to_path_buf);
    let before = match fs::read_to_string(&path) {
        Ok(before) if before.trim().is_empty() => String::new(),
        Ok(_) if into.is_none() => {
            let message = format!("`{}` is there already; say --into FILE to add to it", path.display());
            return Err(Failure::Sentence(message));
        }
        Ok(before) => format!("{}\n\n", before.trim_end()),
        Err(_) => String::new(),
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    write_file(&path, &format!("{before}{text}"))?;
    let path = path.display();
    console.write(
        None,
        &format!(
            "wrote the rule `{name}` to {path}: it is whole, and now yours to change\n\
             \x20 1. say in the text what becomes what, and why the same rows come out\n\
             \x20 2. name the holes in `for`, and write both sides of `match`\n\
             \x20 3. give each condition a guard in `when`, and each guard a refusal\n\
             \x20 4. isomer rules test {path}\n"
        ),
    )?;
    Ok(Outcome::Fine)
}

/// Lays rule files out, or with `is_check` only tells which are not; files with faults are left
/// alone, and every fault is told.
pub(super) fn fmt(console: Console, files: &RuleFiles, is_check: bool) -> Result<Outcome, Failure> {
    let mut texts = crate::report::Texts::default();
    let mut faults = Vec::new();
    for (path, text) in files {
        texts.insert(path, text);
        faults.extend(isomer_rules::parse(path, text).1);
    }
    console.tell(&faults, &texts);
    if !faults.is_empty() {
        return Err(Failure::Told);
    }
    let mut changed = String::new();
    for (path, text) in files {
        let new = isomer_rules::layout(text);
        if new == **text {
            continue;
        }
        changed.push_str(&format!("{path}\n"));
        if !is_check {
            write_file(&PathBuf::from(&**path), &new)?;
        }
    }
    let is_fine = changed.is_empty() || !is_check;
    console.write(None, &changed)?;
    Ok(if is_fine { Outcome::Fine } else { Outcome::Finding })
}
