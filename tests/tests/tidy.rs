//! What holds for every file of the repository: heads, sizes, paths, dependencies, links, codes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use isomer_tests::repository;

/// Longest file of Rust in lines that nobody has to justify.
const MAX_LINES: usize = 600;
/// Longer files, each with the reason why it is one idea still.
const LONG_FILES: [(&str, &str); 3] = [
    ("codegen/tests/sql_plans.rs", "a list of plans with their SQL in each dialect: data"),
    ("codegen/tests/sql_scalars.rs", "a list of scalars with their SQL in each dialect: data"),
    ("frontend/src/read/tests.rs", "a list of projects with their faults: data"),
];
/// Dependencies that take long to compile or shape a layer, and the crates that may name them.
const HOMES: [(&str, &[&str]); 17] = [
    ("axum", &["service"]),
    ("clap", &["service"]),
    ("criterion", &["benches"]),
    // The benchmarks compare with its planner behind a feature.
    ("datafusion", &["engines", "benches"]),
    ("datafusion-substrait", &["engines"]),
    ("duckdb", &["engines"]),
    ("egg", &["rewriter"]),
    ("indicatif", &["service"]),
    ("prost", &["codegen"]),
    // A third opinion on the reference interpreter.
    ("rusqlite", &["tests"]),
    ("sqllogictest", &["tests"]),
    // Tests of emitted SQL parse it.
    ("sqlparser", &["frontend", "codegen"]),
    ("substrait", &["codegen"]),
    ("tower-http", &["service"]),
    ("tpcdsgen", &["engines"]),
    ("tpchgen", &["engines"]),
    // Tests speak HTTP with it.
    ("ureq", &["service"]),
];
/// The crates of the workspace that each may depend on: dependencies point down only.
const LAYERS: [(&str, &[&str]); 7] = [
    ("ir", &[]),
    ("rules", &["ir"]),
    ("rewriter", &["ir", "rules"]),
    ("frontend", &["ir", "rules"]),
    ("codegen", &["ir"]),
    ("engines", &["ir"]),
    ("service", &["ir", "rules", "rewriter", "frontend", "codegen", "engines"]),
];
/// Crates that do no I/O and read no clock and no environment.
const PURE: [&str; 5] = ["ir", "rules", "rewriter", "frontend", "codegen"];
/// What a pure crate does not name.
const IMPURE: [&str; 8] =
    ["std::fs", "std::env", "std::net", "std::process", "std::io", "Instant::now", "SystemTime::", "println!"];

/// Every file of the repository that is text, by its path in it.
fn files() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    collect(&repository(""), "", &mut files);
    assert!(files.contains_key("Cargo.toml") && files.len() > 200, "{} files were found", files.len());
    files
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("the repository can be read").filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        // `.cargo` is written by `./x setup` for the machine that it runs on.
        let is_skipped = matches!(path.as_str(), ".git" | ".cargo" | "target" | "tools/protoc/target");
        if entry.path().is_dir() && !is_skipped {
            collect(&entry.path(), &format!("{path}/"), files);
        } else if !is_skipped && let Ok(text) = fs::read_to_string(entry.path()) {
            files.insert(path, text);
        }
    }
}

fn rust_files() -> impl Iterator<Item = (String, String)> {
    files().into_iter().filter(|(path, _)| path.ends_with(".rs"))
}

fn none(faults: &[String]) {
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn files_say_first_what_they_own() {
    let bare = rust_files().filter(|(_, text)| !text.starts_with("//! ")).map(|(path, _)| path);
    none(&bare.collect::<Vec<_>>());
}

#[test]
fn files_have_one_idea_or_a_reason() {
    let long: BTreeSet<String> =
        rust_files().filter(|(_, text)| text.lines().count() > MAX_LINES).map(|(path, _)| path).collect();
    let excused: BTreeSet<String> = LONG_FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
    let unexcused = long.difference(&excused).map(|path| format!("{path} has more than {MAX_LINES} lines"));
    let stale = excused.difference(&long).map(|path| format!("{path} is short now: take it off the list"));
    none(&unexcused.chain(stale).collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_to_do_in_code() {
    let words = ["todo", "unimplemented", "dbg"].map(|word| format!("{word}!("));
    let marks = ["TODO", "FIXME", "XXX"].map(|mark| format!("// {mark}"));
    let mut faults = Vec::new();
    for (path, text) in rust_files() {
        for (i, line) in text.lines().enumerate() {
            if words.iter().chain(&marks).any(|word| line.contains(word.as_str())) {
                faults.push(format!("{path}:{}: {}", i + 1, line.trim()));
            }
        }
    }
    none(&faults);
}

#[test]
fn no_file_names_a_place_on_one_machine() {
    let places = ["root", "home", "work", "Users", "tmp"].map(|folder| format!("/{folder}/"));
    let mut faults = Vec::new();
    for (path, text) in files() {
        for (i, line) in text.lines().enumerate() {
            if places.iter().any(|place| line.contains(place.as_str())) {
                faults.push(format!("{path}:{}: {}", i + 1, line.trim()));
            }
        }
    }
    none(&faults);
}

#[test]
fn pure_crates_touch_nothing() {
    let mut faults = Vec::new();
    for (path, text) in rust_files() {
        let Some((crate_name, rest)) = path.split_once('/') else { continue };
        if PURE.contains(&crate_name) && rest.starts_with("src/") {
            faults
                .extend(IMPURE.iter().filter(|word| text.contains(**word)).map(|word| format!("{path} names {word}")));
        }
    }
    none(&faults);
}

/// The dependencies of every kind that a manifest names.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut is_list = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            is_list = line.ends_with("dependencies]");
        } else if is_list && !line.starts_with('#') {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            names.extend((!name.is_empty()).then(|| name.to_owned()));
        }
    }
    names
}

#[test]
fn dependencies_stay_in_their_homes_and_point_down() {
    let mut faults = Vec::new();
    let mut n_found = 0;
    for (path, text) in files() {
        let Some((crate_name, "Cargo.toml")) = path.split_once('/') else { continue };
        if !text.contains("[lints]\nworkspace = true") {
            faults.push(format!("{path} does not take the lints of the workspace"));
        }
        for name in dependencies(&text) {
            n_found += 1;
            let home = HOMES.iter().find(|(dependency, _)| *dependency == name);
            if home.is_some_and(|(_, crates)| !crates.contains(&crate_name)) {
                faults.push(format!("{path} names {name}, which is at home elsewhere"));
            }
            let layer = LAYERS.iter().find(|(layer, _)| *layer == crate_name);
            if let (Some((_, below)), Some(own)) = (layer, name.strip_prefix("isomer-"))
                && !below.contains(&own)
            {
                faults.push(format!("{path} names {name}, which does not lie below it"));
            }
        }
    }
    assert!(n_found > 50, "{n_found} dependencies were found");
    none(&faults);
}

#[test]
fn links_of_documents_lead_somewhere() {
    let files = files();
    let mut n_links = 0;
    let mut faults = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".md")) {
        for link in links(text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            n_links += 1;
            let (file, anchor) =
                link.split_once('#').map_or((link.as_str(), None), |(file, anchor)| (file, Some(anchor)));
            let folder = Path::new(path).parent().unwrap_or(Path::new(""));
            let target = if file.is_empty() { PathBuf::from(path) } else { folder.join(file) };
            if !repository("").join(&target).exists() {
                faults.push(format!("{path}: nothing is at {link}"));
                continue;
            }
            let page = files.get(&normal(&target));
            if let (Some(anchor), Some(page)) = (anchor, page)
                && !anchors(page).contains(anchor)
            {
                faults.push(format!("{path}: no heading for {link}"));
            }
        }
    }
    assert!(n_links > 20, "{n_links} links were found");
    none(&faults);
}

/// The path without `..`, as the list of files has it.
fn normal(path: &Path) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.to_str().unwrap_or_default().split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Lines outside code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(text) {
        let mut rest = line;
        while let Some((_, after)) = rest.split_once("](") {
            let Some((link, left)) = after.split_once(')') else { break };
            links.push(link.to_owned());
            rest = left;
        }
    }
    links
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    headings
        .map(|heading| {
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.collect::<String>().to_lowercase().replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_diagnostic_code_is_documented() {
    let files = files();
    let documents = [&files["docs/errors.md"], &files["LANGUAGE.md"]];
    let documented: BTreeSet<&str> = documents.into_iter().flat_map(|text| codes(text, '`')).collect();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let mut faults = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".rs") && path.contains("/src/")) {
        for code in codes(text, '"') {
            used.insert(code);
            if !documented.contains(code) && !code.starts_with("TEST-") && !path.starts_with("tests/") {
                faults.push(format!("{code} of {path} is not documented"));
            }
        }
    }
    assert!(used.len() > 50, "{} codes were found", used.len());
    faults.extend(documented.difference(&used).map(|code| format!("{code} is documented and nothing tells it")));
    none(&faults);
}

/// Codes such as `SQL-0007` between two quotes of a kind.
fn codes(text: &str, quote: char) -> impl Iterator<Item = &str> {
    text.split(quote).filter(|word| {
        word.split_once('-').is_some_and(|(family, number)| {
            (2..=5).contains(&family.len())
                && family.chars().all(|c| c.is_ascii_uppercase())
                && number.len() == 4
                && number.chars().all(|c| c.is_ascii_digit())
        })
    })
}
