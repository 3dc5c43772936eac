//! Rule packs: rules at a commit of a git repository, fetched with the `git` command into a cache and
//! put among the project's files. A commit that the cache has is not fetched again.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use isomer_frontend::RulePack;
use isomer_ir::{Diagnostic, Span};

/// Names the folder of the cache; otherwise `isomer` in the user's own cache folder.
const CACHE: &str = "ISOMER_CACHE";

/// Adds the rules of every pack that the project names to its files.
///
/// # Errors
///
/// A project fault when a repository, commit or path cannot be had.
pub(crate) fn add(files: &mut BTreeMap<String, Vec<u8>>, base: &Path) -> Result<(), Diagnostic> {
    for pack in isomer_frontend::rule_packs(files) {
        let found = fetch(&pack, base).map_err(|reason| {
            let message = format!("the rule pack `{}` at {} cannot be had: {reason}", pack.git, &pack.rev[..12]);
            let told = Diagnostic::project("FILE-0005", &Arc::from("isomer.yml"), Span::default(), message);
            told.with_help("the `git` command must reach the repository once; then the commit is kept")
        })?;
        files.extend(found);
    }
    Ok(())
}

fn fetch(pack: &RulePack, base: &Path) -> Result<BTreeMap<String, Vec<u8>>, String> {
    // A path is one beside the project's file, as everywhere in it.
    let is_path = !pack.git.contains(':');
    let url = if is_path { base.join(&pack.git).to_string_lossy().into_owned() } else { pack.git.clone() };
    let repository = cache()?.join(blake3::hash(url.as_bytes()).to_hex().as_str());
    let commit = format!("{}^{{commit}}", pack.rev);
    let has_commit = || git(&repository, ["cat-file", "-e", &commit]).is_ok();
    if !has_commit() {
        if repository.exists() {
            git(&repository, ["fetch", "--quiet", "--", &url, "+refs/*:refs/*"])?;
        } else {
            let place = repository.to_string_lossy();
            git(Path::new("."), ["clone", "--quiet", "--mirror", "--", &url, &*place])?;
        }
        if !has_commit() {
            return Err("the repository does not have this commit".to_owned());
        }
    }
    let names = git(&repository, ["ls-tree", "-r", "-z", "--name-only", &pack.rev, "--", &pack.path])?;
    let names = String::from_utf8(names).map_err(|_| "a path is not UTF-8".to_owned())?;
    let prefix = if pack.path.is_empty() { String::new() } else { format!("{}/", pack.path) };
    let mut found = BTreeMap::new();
    for name in names.split('\0').filter(|name| name.ends_with(".rules")) {
        let text = git(&repository, ["cat-file", "blob", &format!("{}:{name}", pack.rev)])?;
        let within = name.strip_prefix(&prefix).unwrap_or_default();
        let folder = pack.folder();
        let place = if within.is_empty() { folder } else { format!("{folder}/{within}") };
        found.insert(place, text);
    }
    Ok(found)
}

fn cache() -> Result<PathBuf, String> {
    let named = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let own = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")));
    let place = named(CACHE).or_else(|| Some(own?.join("isomer"))).map(|place| place.join("packs"));
    let place = place.ok_or_else(|| format!("no folder for the cache is known; set {CACHE}"))?;
    std::fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    Ok(place)
}

fn git<A: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = A>) -> Result<Vec<u8>, String> {
    let mut command = Command::new("git");
    let place = if folder == Path::new(".") { None } else { Some(folder) };
    if let Some(place) = place {
        command.arg("-C").arg(place);
    }
    // Nobody is there to be asked for a password.
    let output = command.args(args).env("GIT_TERMINAL_PROMPT", "0").output();
    let output = output.map_err(|error| format!("git cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let told = String::from_utf8_lossy(&output.stderr).trim().lines().last().unwrap_or_default().to_lowercase();
    Err(told.trim_end_matches('.').to_owned())
}
