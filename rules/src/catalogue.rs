//! The catalogue of rewrites that other optimizers have: `rulesets/catalogue.tsv`, compiled in. Which
//! rules of ours make each, or why none does.

use std::collections::BTreeSet;

/// The file, one rewrite a line.
const TEXT: &str = include_str!("../../rulesets/catalogue.tsv");

/// The systems by the letter that the catalogue writes.
pub const SYSTEMS: [(char, &str); 5] =
    [('C', "Calcite"), ('F', "DataFusion"), ('D', "DuckDB"), ('S', "Spark"), ('K', "CockroachDB")];

/// One rewrite of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueRow {
    /// Its number; never given to another rewrite.
    pub number: u16,
    /// The family that it belongs to.
    pub family: &'static str,
    /// What is rewritten.
    pub rewrite: &'static str,
    /// Who has it, as written: letters of [`SYSTEMS`] and remarks.
    pub systems: &'static str,
    /// When it is sound.
    pub condition: &'static str,
    /// The rules that make it.
    pub rules: Vec<&'static str>,
    /// Why it is, in whole or in part, no rule of ours; empty where nothing is missing.
    pub reason: &'static str,
}

impl CatalogueRow {
    /// Whether rules or a reason stand against the rewrite.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        !self.rules.is_empty() || !self.reason.is_empty()
    }

    /// The letters of the systems that have the rewrite, in the order of [`SYSTEMS`].
    pub fn letters(&self) -> impl Iterator<Item = char> + '_ {
        let words = || self.systems.split([' ', ',']);
        SYSTEMS.into_iter().map(|(letter, _)| letter).filter(move |&letter| {
            words().any(|word| {
                let rest = word.strip_prefix(letter);
                word == "all" || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('('))
            })
        })
    }
}

/// The rows of the catalogue by number.
#[must_use]
pub fn catalogue() -> Vec<CatalogueRow> {
    let lines = TEXT.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.filter_map(row).collect()
}

/// The letters of the systems that have a rewrite which a rule makes, such as `C F K`; empty for a
/// rule that the catalogue does not name.
#[must_use]
pub fn systems_of(catalogue: &[CatalogueRow], rule: &str) -> String {
    let rows = catalogue.iter().filter(|row| row.rules.contains(&rule));
    let found: BTreeSet<char> = rows.flat_map(CatalogueRow::letters).collect();
    let letters = SYSTEMS.iter().filter(|(letter, _)| found.contains(letter)).map(|(letter, _)| letter.to_string());
    letters.collect::<Vec<_>>().join(" ")
}

fn row(line: &'static str) -> Option<CatalogueRow> {
    let mut cells = line.split('\t').map(str::trim);
    Some(CatalogueRow {
        number: cells.next()?.parse().ok()?,
        family: cells.next()?,
        rewrite: cells.next()?,
        systems: cells.next()?,
        condition: cells.next().unwrap_or_default(),
        rules: cells.next().unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()).collect(),
        reason: cells.next().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_whole_and_name_rules_that_exist() {
        let rows = catalogue();
        let numbers: Vec<u16> = rows.iter().map(|row| row.number).collect();
        assert_eq!(numbers, (1..=134).collect::<Vec<u16>>());
        let rules = crate::builtin();
        for row in &rows {
            assert!(!row.family.is_empty() && !row.rewrite.is_empty(), "{row:?}");
            for name in &row.rules {
                assert!(rules.get(name).is_some(), "row {} names `{name}`, which is no rule", row.number);
            }
        }
        let n_lines = TEXT.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(n_lines, rows.len(), "a line is no row");
        let wide = TEXT.lines().find(|line| !line.starts_with('#') && line.split('\t').count() != 7);
        assert_eq!(wide, None, "a row has seven cells");
    }

    #[test]
    fn each_row_has_rules_or_a_reason() {
        let open: Vec<u16> = catalogue().iter().filter(|row| !row.is_answered()).map(|row| row.number).collect();
        assert_eq!(open, [0_u16; 0], "rows without rules and without reason");
    }

    #[test]
    fn letters_are_read_out_of_remarks() {
        let cases = [
            ("C F D S K", "CFDSK"),
            ("all", "CFDSK"),
            ("F(ext) K C(join-join remove)", "CFK"),
            ("C `Combine`", "C"),
            ("S (scalar), Athena, Zhou; nobody across models", "S"),
            ("D C(new) K, optd", "CDK"),
            ("–", ""),
            ("(opt-in)", ""),
        ];
        for (systems, expect) in cases {
            let row = CatalogueRow {
                number: 1,
                family: "",
                rewrite: "",
                systems,
                condition: "",
                rules: vec!["a-rule"],
                reason: "",
            };
            assert_eq!(row.letters().collect::<String>(), expect, "{systems}");
        }
        let row = |systems| CatalogueRow { systems, rules: vec!["a-rule"], ..catalogue()[0].clone() };
        assert_eq!(systems_of(&[row("K D"), row("F")], "a-rule"), "F D K");
        assert_eq!(systems_of(&[row("K D")], "other"), "");
    }
}
