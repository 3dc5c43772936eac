//! Where a project's rules are: folders and files of its own, and packs at a commit of a git
//! repository. Packs are fetched by whoever reads the files; here they are paths like any other.

use std::sync::Arc;

use isomer_ir::Diagnostic;

use super::ProjectFiles;
use super::settings::Placed;
use super::yaml::{Entry, Node, Reading, Value, parse};

/// Rules at a commit of a git repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RulePack {
    /// The repository: a URL or path, as `git clone` takes it.
    pub git: String,
    /// The commit in full.
    pub rev: String,
    /// The folder or file in the repository; empty for all of it.
    pub path: String,
}

impl RulePack {
    /// The folder among the project's files in which the pack's rules are found.
    #[must_use]
    pub fn folder(&self) -> String {
        let name = self.git.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
        let name = name.trim_end_matches(".git");
        let place = if self.path.is_empty() { String::new() } else { format!("/{}", self.path) };
        format!("packs/{name}@{}{place}", &self.rev[..12])
    }
}

/// The packs that a project's `isomer.yml` names; faults of the file are told when it is read.
#[must_use]
pub fn rule_packs(files: &ProjectFiles) -> Vec<RulePack> {
    let config = ["isomer.yml", "isomer.yaml"].into_iter().find_map(|path| files.get(path));
    let mut faults: Vec<Diagnostic> = Vec::new();
    let mut reading = Reading { source: Arc::from("isomer.yml"), found: &mut faults };
    let Some(root) = config.and_then(|bytes| parse(bytes, &mut reading)) else { return Vec::new() };
    let Value::Map(entries) = &root.value else { return Vec::new() };
    let rules = entries.iter().filter(|entry| entry.key == "rules");
    let items: Vec<&Node> = rules.flat_map(|entry| reading.items(&entry.node)).collect();
    items.into_iter().filter_map(|item| pack(item, &mut reading)).collect()
}

/// `rules: [folder, {git: …, rev: …, path: …}]` as paths among the project's files.
pub(super) fn rule_paths(key: &str, node: &Node, reading: &mut Reading<'_>) -> Vec<Placed> {
    let mut paths = Vec::new();
    for item in reading.items(node) {
        let path = if let Value::Map(_) = item.value {
            pack(item, reading).map(|pack| pack.folder())
        } else {
            reading.text(key, item)
        };
        paths.extend(path.map(|path| (path, item.span)));
    }
    paths
}

fn pack(node: &Node, reading: &mut Reading<'_>) -> Option<RulePack> {
    let Value::Map(_) = node.value else { return None };
    let mut pack = RulePack { git: String::new(), rev: String::new(), path: String::new() };
    for Entry { key, node, .. } in reading.settings("a rule pack", node, &["git", "rev", "path"]) {
        let text = reading.text(key, node).unwrap_or_default();
        match key.as_str() {
            "git" => pack.git = text,
            "rev" => pack.rev = text,
            _ => pack.path = text.trim_matches('/').to_owned(),
        }
    }
    let is_commit = pack.rev.len() == 40 && pack.rev.chars().all(|c| c.is_ascii_hexdigit());
    let is_place = !pack.git.is_empty() && !pack.git.starts_with('-') && !pack.path.split('/').any(|part| part == "..");
    if !is_commit || !is_place {
        let message = "found a rule pack without `git` or without the full commit as `rev`";
        let help = "write `{git: URL, rev: 40 hexadecimal digits, path: folder}`; a branch would change under you";
        reading.fault_with("PRJ-0027", node.span, message.to_owned(), help.to_owned());
        return None;
    }
    Some(pack)
}
