//! `docs/rules.md` is written from the rule files. `UPDATE_GOLDEN=1` writes it anew.

use std::fmt::Write as _;

use isomer_rules::{Rule, RuleSet};
use isomer_tests::{golden, repository};

#[test]
fn the_list_of_rules_is_true() {
    let page = rule_pages(&isomer_rules::builtin());
    if let Err(difference) = golden(&repository("docs/rules.md"), &page) {
        panic!("{difference}");
    }
}

fn rule_pages(rules: &RuleSet) -> String {
    let rows = isomer_rules::list_table(rules);
    let mut families: Vec<&str> = rows.iter().map(|row| row[1].as_str()).collect();
    families.dedup();
    let mut page = format!(
        "# The built-in rules\n\n\
         Written from `rulesets/*.rules` by a test: change those files, then run the tests with `UPDATE_GOLDEN=1`.\n\
         Every example and refusal below is executed by the tests.\n\
         `isomer rules show NAME` prints one rule, `isomer rules list` the table.\n\n\
         {} rules in {} families.\n",
        rows.len(),
        families.len()
    );
    for family in &families {
        let _ = write!(page, "\n- [{}](#{})", title(family), family.replace('_', "-"));
    }
    page.push('\n');
    for family in families {
        let _ = write!(page, "\n## {}\n\n| rule | class | phase | what it does |\n|---|---|---|---|\n", title(family));
        for [name, _, class, phase, sentence] in rows.iter().filter(|row| row[1] == family) {
            let sentence = sentence.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
            let _ = writeln!(page, "| [`{name}`](#{name}) | {class} | {phase} | {sentence} |");
        }
        for (rule, _) in rules.rules.iter().zip(&rows).filter(|(_, row)| row[1] == family) {
            rule_page(&mut page, rule);
        }
    }
    page
}

fn title(family: &str) -> String {
    family.replace('_', " ")
}

fn rule_page(page: &mut String, rule: &Rule) {
    let doc = rule.doc.split_whitespace().collect::<Vec<_>>().join(" ").replace(". ", ".\n");
    let shown = isomer_rules::show(rule);
    let rest =
        shown.strip_prefix(&format!("{}\n\n{}\n\n", rule.name, rule.doc)).expect("a rule is shown by name first");
    let _ = write!(page, "\n### {}\n\n{doc}\n\n```text\n{}\n```\n", rule.name, rest.trim_end());
}
