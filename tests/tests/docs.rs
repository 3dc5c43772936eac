//! `docs/rules.md` is written from the rule files and `docs/catalogue.md` from the catalogue of
//! rewrites; `UPDATE_GOLDEN=1` writes them anew. The grammar for editors knows what the parser knows.

use std::fmt::Write as _;

use isomer_rules::{CatalogueRow, Rule, RuleSet, SYSTEMS};
use isomer_tests::{golden, repository};

#[test]
fn the_list_of_rules_is_true() {
    let page = rule_pages(&isomer_rules::builtin());
    if let Err(difference) = golden(&repository("docs/rules.md"), &page) {
        panic!("{difference}");
    }
}

#[test]
fn the_catalogue_is_true() {
    let page = catalogue_page(&isomer_rules::catalogue());
    if let Err(difference) = golden(&repository("docs/catalogue.md"), &page) {
        panic!("{difference}");
    }
}

fn rule_pages(rules: &RuleSet) -> String {
    let mut families: Vec<&str> = rules.rules.iter().map(|rule| rule.family()).collect();
    families.dedup();
    let mut page = format!(
        "# The built-in rules\n\n\
         Written from `rulesets/*.rules` by a test: change those files, then run the tests with `UPDATE_GOLDEN=1`.\n\
         Every example and refusal below is executed by the tests.\n\
         `isomer rules show NAME` prints one rule, `isomer rules list` the table.\n\
         [catalogue.md](catalogue.md) tells which rewrites of other optimizers they make.\n\n\
         {} rules in {} families.\n",
        rules.rules.len(),
        families.len()
    );
    for family in &families {
        let _ = write!(page, "\n- [{}](#{})", title(family), family.replace('_', "-"));
    }
    page.push('\n');
    for family in families {
        let own = || rules.rules.iter().filter(|rule| rule.family() == family);
        let _ = write!(page, "\n## {}\n\n| rule | class | phase | what it does |\n|---|---|---|---|\n", title(family));
        for rule in own() {
            let (name, class, phase) = (&rule.name, &rule.class, rule.phase.word());
            let _ = writeln!(page, "| [`{name}`](#{name}) | {class} | {phase} | {} |", cell(rule.summary()));
        }
        for rule in own() {
            rule_page(&mut page, rule);
        }
    }
    page
}

fn title(family: &str) -> String {
    family.replace('_', " ")
}

/// A text as a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn rule_page(page: &mut String, rule: &Rule) {
    let doc = rule.doc.split_whitespace().collect::<Vec<_>>().join(" ").replace(". ", ".\n");
    let shown = isomer_rules::show(rule);
    let rest =
        shown.strip_prefix(&format!("{}\n\n{}\n\n", rule.name, rule.doc)).expect("a rule is shown by name first");
    let _ = write!(page, "\n### {}\n\n{doc}\n\n```text\n{}\n```\n", rule.name, rest.trim_end());
}

fn catalogue_page(rows: &[CatalogueRow]) -> String {
    let n_ruled = rows.iter().filter(|row| !row.rules.is_empty()).count();
    let n_reasons = rows.iter().filter(|row| row.rules.is_empty() && row.is_answered()).count();
    let systems: Vec<String> = SYSTEMS.iter().map(|(letter, name)| format!("{letter} {name}")).collect();
    let mut page = format!(
        "# The catalogue of rewrites\n\n\
         The rewrites that the best optimizers have between them, and the rules of Isomer that make each.\n\
         Written from `rulesets/catalogue.tsv` by a test: change that file, then run the tests with \
         `UPDATE_GOLDEN=1`.\n\
         `isomer rules list --catalogue` prints the table.\n\n\
         Systems: {}.\n\n\
         {} rewrites: {n_ruled} with rules, {n_reasons} with the reason why they are no rules of ours.\n",
        systems.join(", "),
        rows.len(),
    );
    let mut family = "";
    for row in rows {
        if row.family != family {
            family = row.family;
            let _ = write!(
                page,
                "\n## {family}\n\n| no | rewrite | systems | sound when | rules, or why none |\n|---|---|---|---|---|\n"
            );
        }
        let rules: Vec<String> = row.rules.iter().map(|name| format!("[`{name}`](rules.md#{name})")).collect();
        let mut answer = rules.join(", ");
        if !row.reason.is_empty() {
            answer.push_str(if rules.is_empty() { "" } else { "; " });
            answer.push_str(&cell(row.reason));
        }
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {answer} |",
            row.number,
            cell(row.rewrite),
            cell(row.systems),
            cell(row.condition)
        );
    }
    page
}

/// Editors colour what the parser knows.
#[test]
fn the_editor_grammar_knows_every_word() {
    let text = std::fs::read_to_string(repository("docs/editor/isomer-rules.tmLanguage.json")).expect("it is there");
    let grammar: serde_json::Value = serde_json::from_str(&text).expect("the grammar is JSON");
    let repository = grammar["repository"].as_object().expect("it has a repository");
    for pattern in grammar["patterns"].as_array().expect("it has patterns") {
        let name = pattern["include"].as_str().and_then(|name| name.strip_prefix('#')).expect("it includes");
        assert!(repository.contains_key(name), "nothing is named {name}");
    }
    let words: std::collections::BTreeSet<&str> =
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let sorts = isomer_rules::HoleSort::ALL.iter().map(|(word, _)| *word);
    let phases = isomer_rules::Phase::ALL.iter().map(|(word, _)| *word);
    let classes = ["exact", "fp_reorder", "lossy", "assumes"];
    for word in isomer_rules::KEYWORDS.iter().copied().chain(sorts).chain(phases).chain(classes) {
        assert!(words.contains(word), "the grammar does not know `{word}`");
    }
}
