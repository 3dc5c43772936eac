//! The built-in rules: the files of `rulesets/`, compiled in.

use std::sync::Arc;

use crate::check::check;
use crate::parse::parse;
use crate::rule::{RuleFile, RuleSet};

/// File names and texts, in the order in which rules are listed.
const FILES: &[(&str, &str)] = &[
    ("rulesets/filters.rules", include_str!("../../rulesets/filters.rules")),
    ("rulesets/projections.rules", include_str!("../../rulesets/projections.rules")),
    ("rulesets/joins.rules", include_str!("../../rulesets/joins.rules")),
    ("rulesets/subqueries.rules", include_str!("../../rulesets/subqueries.rules")),
    ("rulesets/aggregates.rules", include_str!("../../rulesets/aggregates.rules")),
    ("rulesets/sort_limit.rules", include_str!("../../rulesets/sort_limit.rules")),
    ("rulesets/windows.rules", include_str!("../../rulesets/windows.rules")),
    ("rulesets/sets_and_empties.rules", include_str!("../../rulesets/sets_and_empties.rules")),
    ("rulesets/scalars.rules", include_str!("../../rulesets/scalars.rules")),
    ("rulesets/sharing.rules", include_str!("../../rulesets/sharing.rules")),
];

/// The built-in rule files by path and text.
#[must_use]
pub fn builtin_files() -> &'static [(&'static str, &'static str)] {
    FILES
}

/// The rules that come with the binary.
///
/// # Panics
///
/// When a built-in file has a fault; a test reads them all.
#[must_use]
pub fn builtin() -> RuleSet {
    let mut all = RuleFile::default();
    let mut diagnostics = Vec::new();
    for (file, text) in FILES {
        let (mut read, mut faults) = parse(&Arc::from(*file), text);
        for rule in &mut read.rules {
            rule.is_builtin = true;
        }
        all.rules.append(&mut read.rules);
        diagnostics.append(&mut faults);
    }
    let (set, faults) = check(all);
    diagnostics.extend(faults);
    assert!(diagnostics.is_empty(), "built-in rules have faults: {diagnostics:#?}");
    set
}

#[cfg(test)]
mod tests {
    #[test]
    fn built_in_rules_read_clean() {
        let set = super::builtin();
        assert!(set.rules.len() >= 30, "{} rules", set.rules.len());
        for native in crate::NATIVES {
            let name = native.replace('_', "-");
            assert!(set.get(&name).is_some(), "native rule `{native}` has no page in rulesets/");
        }
    }

    #[test]
    fn laying_a_file_out_changes_no_rule() {
        for (file, text) in super::builtin_files() {
            let neat = crate::layout(text);
            assert_eq!(crate::layout(&neat), neat, "{file} is laid out anew a second time");
            let comments = |text: &str| text.lines().filter(|line| line.trim().starts_with("--")).count();
            assert_eq!(comments(&neat), comments(text), "{file}");
            let pages = |text: &str| {
                let (read, faults) = crate::parse(&std::sync::Arc::from(*file), text);
                assert_eq!(faults, []);
                let words = |page: String| page.split_whitespace().collect::<Vec<_>>().join(" ");
                read.rules.iter().map(|rule| words(crate::show(rule))).collect::<Vec<_>>()
            };
            assert_eq!(pages(&neat), pages(text), "{file}");
        }
    }
}
