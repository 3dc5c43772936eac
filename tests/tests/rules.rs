//! The built-in rules are held to what their own files say: each example fires and gives equal rows,
//! each refusal stays as it is, and where a wrong form is written, it gives other rows.

use isomer_service::rule_test;
use isomer_tests::with_stack;

#[test]
fn every_example_and_refusal_holds() {
    let reports = with_stack(|| rule_test::run(&isomer_rules::builtin(), &|_| true));
    let mut faults = String::new();
    for report in &reports {
        if !report.faults.is_empty() {
            let kind = if report.is_refusal { "refuses" } else { "example" };
            let found = report.faults.join("\n    ");
            faults.push_str(&format!("{} {kind} \"{}\"\n    {found}\n", report.rule, report.title));
        }
    }
    assert!(faults.is_empty(), "{faults}");
    assert!(reports.len() >= 117, "only {} examples and refusals", reports.len());
}

#[test]
fn every_rule_has_a_source_an_example_and_a_refusal() {
    let rules = isomer_rules::builtin();
    assert!(rules.rules.len() >= 30, "{} rules", rules.rules.len());
    for rule in &rules.rules {
        assert!(rule.source.is_some(), "{} names no source", rule.name);
        assert!(!rule.examples.is_empty(), "{} has no example", rule.name);
    }
    // Merging two filters has no near miss: there is nothing that it must not do.
    let bare: Vec<&str> = rules.rules.iter().filter(|rule| rule.refusals.is_empty()).map(|rule| &*rule.name).collect();
    assert_eq!(bare, ["merge-filters"]);
}

#[test]
fn a_rule_with_a_wrong_guard_is_caught_by_its_own_cases() {
    let text = include_str!("../golden/user_rules/scalar/rules/mine.rules");
    let broken = text.replace("type($n) in (integer)", "type($n) in (integer, double)");
    assert_ne!(text, broken);
    let faults = |text: &str| {
        let (rules, diagnostics) = isomer_service::optimize::rules_of(&[("mine.rules".into(), text.into())]);
        assert_eq!(diagnostics, []);
        let reports = with_stack(move || rule_test::run(&rules, &|rule| !rule.is_builtin));
        reports.into_iter().flat_map(|report| report.faults).collect::<Vec<String>>()
    };
    assert_eq!(faults(text), [""; 0]);
    assert_eq!(faults(&broken), ["the rule fired, although it must not"]);
}
