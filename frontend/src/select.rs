//! dbt's selector syntax: which models of a project are meant.
//!
//! A selector is `[@|[n]+]method:value[+[n]]`; a comma between selectors keeps what both mean, a
//! blank or another selector adds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use isomer_ir::{BoundProject, Change, Diagnostic, Model, Span, nearest};

/// Where dbt installs packages.
const PACKAGES: &str = "dbt_packages/";

/// Positions of the models that `select` means and `exclude` does not, in project order. An empty
/// `select` means every model.
///
/// # Errors
///
/// A fault of the project when a selector means no model (with the nearest name) or cannot be read.
pub fn select(project: &BoundProject, select: &[String], exclude: &[String]) -> Result<Vec<usize>, Diagnostic> {
    let graph = Graph::new(project);
    let mut kept: BTreeSet<usize> =
        if select.is_empty() { (0..project.models.len()).collect() } else { graph.union(select)? };
    for left_out in graph.union(exclude)? {
        kept.remove(&left_out);
    }
    Ok(kept.into_iter().collect())
}

/// Models with their edges, by position.
struct Graph<'a> {
    project: &'a BoundProject,
    upstream: Vec<Vec<usize>>,
    downstream: Vec<Vec<usize>>,
}

/// A selector taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Selector<'a> {
    /// `@`: the models, all downstream of them, and all that those read.
    is_closed: bool,
    /// How many steps up; `Some(usize::MAX)` is all.
    up: Option<usize>,
    method: &'a str,
    value: &'a str,
    down: Option<usize>,
}

impl<'a> Graph<'a> {
    fn new(project: &'a BoundProject) -> Self {
        let models = project.project.models.iter().enumerate();
        let positions: BTreeMap<&Arc<str>, usize> = models.map(|(position, model)| (&model.key, position)).collect();
        let position = |key: &Arc<str>| positions.get(key).copied();
        let upstream: Vec<Vec<usize>> =
            project.models.iter().map(|model| model.reads.iter().filter_map(position).collect()).collect();
        let mut downstream = vec![Vec::new(); upstream.len()];
        for (reader, reads) in upstream.iter().enumerate() {
            reads.iter().for_each(|&read| downstream[read].push(reader));
        }
        Self { project, upstream, downstream }
    }

    fn union(&self, selectors: &[String]) -> Result<BTreeSet<usize>, Diagnostic> {
        let mut meant = BTreeSet::new();
        for selector in selectors.iter().flat_map(|text| text.split_whitespace()) {
            let mut both: Option<BTreeSet<usize>> = None;
            for part in selector.split(',') {
                let part = self.one(part)?;
                both = Some(both.map_or(part.clone(), |both| both.intersection(&part).copied().collect()));
            }
            meant.extend(both.unwrap_or_default());
        }
        Ok(meant)
    }

    fn one(&self, text: &str) -> Result<BTreeSet<usize>, Diagnostic> {
        let selector = parse(text).ok_or_else(|| {
            let help =
                "write a name, `tag:`, `path:`, `package:`, `config.materialized:` or `source:`, with `+` or `@`";
            fault("PRJ-0032", format!("found `{text}`, expected a selector"), help.to_owned())
        })?;
        let mut meant: BTreeSet<usize> =
            (0..self.project.models.len()).filter(|&position| self.is_meant(position, selector)).collect();
        if meant.is_empty() {
            return self.nothing_meant(text, selector).map_or(Ok(meant), Err);
        }
        let roots = meant.clone();
        if let Some(steps) = selector.up {
            reach(&self.upstream, &roots, steps, &mut meant);
        }
        if let Some(steps) = selector.down {
            reach(&self.downstream, &roots, steps, &mut meant);
        }
        if selector.is_closed {
            reach(&self.downstream, &roots, usize::MAX, &mut meant);
            let readers = meant.clone();
            reach(&self.upstream, &readers, usize::MAX, &mut meant);
        }
        Ok(meant)
    }

    fn is_meant(&self, position: usize, Selector { method, value, .. }: Selector<'_>) -> bool {
        let model = &self.project.project.models[position];
        match method {
            "tag" => model.tags.iter().any(|tag| is_like(tag, value)),
            "path" => is_at(&model.path, value),
            "config.materialized" | "config.materialised" => model.materialise.word() == value.to_lowercase(),
            "source" => self.project.models[position].reads.iter().any(|key| {
                let is_source = self.project.project.sources.iter().any(|source| source.key == *key);
                let value = value.to_lowercase();
                is_source && (is_like(key, &value) || is_like(key, &format!("*.{value}")))
            }),
            "state" => {
                let changes = self.project.project.changes.as_ref();
                let change = changes.and_then(|changes| changes.get(&model.key));
                change.is_some_and(|change| is_change(*change, value))
            }
            "package" => match model.path.strip_prefix(PACKAGES) {
                Some(path) => is_like(path.split('/').next().unwrap_or_default(), value),
                None => value == "this" || is_like(&self.project.project.name, value),
            },
            "fqn" | "" => is_named(model, value),
            _ => false,
        }
    }

    /// A fault, but not where models are told by how they changed: then there may well be none.
    fn nothing_meant(&self, text: &str, selector: Selector<'_>) -> Option<Diagnostic> {
        if selector.method == "state" {
            let known = ["modified", "new", "unmodified", "old"];
            return match (known.contains(&selector.value), &self.project.project.changes) {
                (true, Some(_)) => None,
                (true, None) => {
                    let help = "name a folder with the other version of the project: `--state DIR`";
                    Some(fault(
                        "PRJ-0034",
                        format!("found `{text}`, expected a state to compare with"),
                        help.to_owned(),
                    ))
                }
                (false, _) => {
                    let help = "known are `state:modified`, `state:new`, `state:unmodified` and `state:old`";
                    Some(fault("PRJ-0032", format!("found `{text}`, expected a known state"), help.to_owned()))
                }
            };
        }
        let models = &self.project.project.models;
        let candidates: Vec<&str> = match selector.method {
            "tag" => models.iter().flat_map(|model| model.tags.iter().map(|tag| &**tag)).collect(),
            "path" => models.iter().map(|model| &*model.path).collect(),
            "config.materialized" | "config.materialised" => vec!["table", "view", "temp", "ephemeral"],
            "source" => self.project.project.sources.iter().map(|source| &*source.key).collect(),
            _ => models.iter().map(|model| &*model.name).collect(),
        };
        let help = match nearest(selector.value, candidates) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the project has {} models; `isomer explain` names them", models.len()),
        };
        Some(fault("PRJ-0031", format!("found selector `{text}`, which means no model"), help))
    }
}

/// dbt's words: what is new counts as modified, and what is not new is old.
fn is_change(change: Change, word: &str) -> bool {
    match word {
        "modified" => change != Change::Unmodified,
        "new" => change == Change::New,
        "unmodified" => change == Change::Unmodified,
        "old" => change != Change::New,
        _ => false,
    }
}

fn fault(code: &'static str, message: String, help: String) -> Diagnostic {
    Diagnostic::project(code, &Arc::from("selection"), Span::default(), message).with_help(help)
}

fn reach(edges: &[Vec<usize>], from: &BTreeSet<usize>, steps: usize, meant: &mut BTreeSet<usize>) {
    let mut seen = from.clone();
    let mut front: Vec<usize> = from.iter().copied().collect();
    let mut taken = 0;
    while taken < steps && !front.is_empty() {
        let next = front.iter().flat_map(|&position| edges[position].iter().copied());
        let next: BTreeSet<usize> = next.filter(|position| !seen.contains(position)).collect();
        seen.extend(&next);
        front = next.into_iter().collect();
        taken += 1;
    }
    meant.extend(seen);
}

fn parse(text: &str) -> Option<Selector<'_>> {
    let (is_closed, rest) = text.strip_prefix('@').map_or((false, text), |rest| (true, rest));
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (up, rest) = match rest[digits..].strip_prefix('+') {
        Some(after) => (Some(steps(&rest[..digits])?), after),
        None => (None, rest),
    };
    let tail = rest.len() - rest.chars().rev().take_while(char::is_ascii_digit).count();
    let (rest, down) = match rest[..tail].strip_suffix('+') {
        Some(before) => (before, Some(steps(&rest[tail..])?)),
        None => (rest, None),
    };
    let (method, value) = rest.split_once(':').unwrap_or(("", rest));
    let known = ["", "fqn", "tag", "path", "package", "source", "config.materialized", "config.materialised", "state"];
    let is_sound = known.contains(&method) && !value.is_empty() && !(is_closed && up.or(down).is_some());
    is_sound.then_some(Selector { is_closed, up, method, value, down })
}

/// No number is all steps.
fn steps(digits: &str) -> Option<usize> {
    if digits.is_empty() { Some(usize::MAX) } else { digits.parse().ok() }
}

/// A model is known by its name, its file's name with extension, or its folders and name with dots.
fn is_named(model: &Model, value: &str) -> bool {
    let path = model.path.strip_suffix(".sql").unwrap_or(&model.path);
    let below = match path.strip_prefix(PACKAGES).and_then(|path| path.split_once("/models/")) {
        Some((package, path)) => format!("{package}.{}", path.replace('/', ".")),
        None => path.strip_prefix("models/").unwrap_or(path).replace('/', "."),
    };
    let is_folder = || below.strip_prefix(value).is_some_and(|rest| rest.starts_with('.'));
    is_like(&model.name, value) || is_like(&below, value) || is_folder() || is_at(&model.path, value)
}

/// Whether a path is the one that is meant, or lies below it.
fn is_at(path: &str, value: &str) -> bool {
    let value = value.strip_prefix("./").unwrap_or(value).trim_end_matches('/');
    is_like(path, value) || path.strip_prefix(value).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether a text is like a pattern in which `*` stands for any text and `?` for one character.
/// Case does not matter. Time is the product of the lengths at most.
fn is_like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let (mut at, mut in_pattern) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        if in_pattern < pattern.len() && pattern[in_pattern] == '*' {
            star = Some((in_pattern, at));
            in_pattern += 1;
        } else if in_pattern < pattern.len() && (pattern[in_pattern] == '?' || pattern[in_pattern] == text[at]) {
            (at, in_pattern) = (at + 1, in_pattern + 1);
        } else if let Some((place, taken)) = star {
            star = Some((place, taken + 1));
            (at, in_pattern) = (taken + 1, place + 1);
        } else {
            return false;
        }
    }
    pattern[in_pattern..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use isomer_ir::{Arena, Bound, BoundModel, BoundProject, fold};

    use super::select;
    use crate::{ReadOptions, read_project};

    /// `a <- b <- c <- d` and `x <- c`; `a` reads the source `raw.events`.
    fn project() -> BoundProject {
        let mut files = crate::ProjectFiles::new();
        for path in ["staging/a", "staging/b", "marts/c", "marts/d", "marts/x"] {
            files.insert(format!("models/{path}.sql"), b"SELECT 1".to_vec());
        }
        let yml = "models: {staging: {tags: [nightly, core]}, d: {tags: nightly, materialise: view}}\n\
                   sources: {raw.events: {columns: {id: bigint}}}";
        files.insert("isomer.yml".to_owned(), yml.as_bytes().to_vec());
        let (project, found) = read_project(&files, &ReadOptions::default());
        assert_eq!(found, []);
        let project = project.unwrap();
        let reads = |name: &str| match name {
            "a" => vec!["raw.events"],
            "b" => vec!["a"],
            "c" => vec!["b", "x"],
            "d" => vec!["c"],
            _ => vec![],
        };
        let models: Vec<BoundModel> = project
            .models
            .iter()
            .map(|model| BoundModel {
                bound: Bound::Opaque,
                reads: reads(&model.name).into_iter().map(fold).collect(),
                comments: Vec::new(),
                rules: Vec::new(),
            })
            .collect();
        let order = (0..models.len()).collect();
        BoundProject { project, arena: Arena::default(), models, order, diagnostics: Vec::new() }
    }

    #[test]
    fn states() {
        let mut project = project();
        let meant = |project: &BoundProject, selector: &str| {
            let found = select(project, &[selector.to_owned()], &[]);
            found.map(|found| found.iter().map(|&at| &*project.project.models[at].name).collect::<String>())
        };
        let refused = |found: Result<String, isomer_ir::Diagnostic>| found.unwrap_err().to_string();
        assert!(refused(meant(&project, "state:modified")).contains("PRJ-0034"));
        let mut earlier = project.project.clone();
        earlier.models.retain(|model| &*model.name != "x");
        earlier
            .models
            .iter_mut()
            .filter(|model| &*model.name == "b")
            .for_each(|model| model.original = "SELECT 2".into());
        project.project.changes = Some(project.project.changes_since(&earlier));
        for (selector, expect) in [
            ("state:modified", "xb"),
            ("state:new", "x"),
            ("state:modified+1", "cxb"),
            ("state:unmodified", "cda"),
            ("state:old", "cdab"),
        ] {
            assert_eq!(meant(&project, selector).unwrap(), expect, "{selector}");
        }
        project.project.changes = Some(project.project.changes_since(&project.project));
        assert_eq!(meant(&project, "state:modified").unwrap(), "", "nothing changed");
        assert!(refused(meant(&project, "state:changed")).contains("expected a known state"));
        earlier.checksums.insert("a".into(), "1".into());
        assert_eq!(project.project.changes_since(&earlier)[&*fold("a")], isomer_ir::Change::Modified);
    }

    #[test]
    fn selectors() {
        let project = project();
        type Case<'a> = (&'a [&'a str], &'a [&'a str], Result<&'a str, &'a str>);
        let cases: [Case<'_>; 26] = [
            (&[], &[], Ok("cdxab")),
            (&["a"], &[], Ok("a")),
            (&["A"], &[], Ok("a")),
            (&["a b"], &[], Ok("ab")),
            (&["a", "b"], &[], Ok("ab")),
            (&["+c"], &[], Ok("cxab")),
            (&["1+c"], &[], Ok("cxb")),
            (&["b+"], &[], Ok("cdb")),
            (&["b+1"], &[], Ok("cb")),
            (&["1+b+1"], &[], Ok("cab")),
            (&["@a"], &[], Ok("cdxab")),
            (&["@x"], &["x"], Ok("cdab")),
            (&["tag:nightly"], &[], Ok("dab")),
            (&["tag:nightly,tag:core"], &[], Ok("ab")),
            (&["tag:nightly,path:models/marts"], &[], Ok("d")),
            (&["path:models/staging/a.sql"], &[], Ok("a")),
            (&["marts.*"], &[], Ok("cdx")),
            (&["staging"], &[], Ok("ab")),
            (&["?"], &["a", "tag:core"], Ok("cdx")),
            (&["config.materialized:view"], &[], Ok("d")),
            (&["source:raw.events+"], &[], Ok("cdab")),
            (&["b", "x"], &["b+"], Ok("x")),
            (&["stagin"], &[], Err("found selector `stagin`, which means no model")),
            (&["tag:nigthly"], &[], Err("did you mean `nightly`?")),
            (&["owner:me"], &[], Err("found `owner:me`, expected a selector")),
            (&["a,"], &[], Err("found ``, expected a selector")),
        ];
        for (chosen, left_out, expect) in cases {
            let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            let found = select(&project, &owned(chosen), &owned(left_out));
            match (found, expect) {
                (Ok(positions), Ok(expect)) => {
                    let names: Vec<Arc<str>> =
                        positions.iter().map(|&at| Arc::clone(&project.project.models[at].name)).collect();
                    assert_eq!(names.concat(), expect, "{chosen:?} without {left_out:?}");
                }
                (Err(fault), Err(expect)) => {
                    assert!(fault.to_string().contains(expect), "{chosen:?} gives {fault}");
                }
                (found, expect) => panic!("{chosen:?} gives {found:?}, expected {expect:?}"),
            }
        }
    }
}
