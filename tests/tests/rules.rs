//! The built-in rules are held to what their own files say: each example fires and gives equal rows,
//! each refusal stays as it is, and where a wrong form is written, it gives other rows.

use isomer_service::rule_test::{self, CaseKind};
use isomer_tests::with_stack;

#[test]
fn every_example_and_refusal_holds() {
    let reports = with_stack(|| rule_test::run(&isomer_rules::builtin(), &|_| true));
    let mut faults = String::new();
    for report in &reports {
        if !report.faults.is_empty() {
            let kind = report.kind.word();
            let found = report.faults.join("\n    ");
            faults.push_str(&format!("{} {kind} \"{}\"\n    {found}\n", report.rule, report.title));
        }
    }
    assert!(faults.is_empty(), "{faults}");
    assert!(reports.len() >= 117, "only {} examples and refusals", reports.len());
    // Rules across models have examples of several; volatile and lossy ones have no rows to compare.
    let n_tried = reports.iter().filter(|report| report.kind == CaseKind::MadeRows).count();
    assert!(n_tried >= 45, "only {n_tried} rules were tried over made rows");
}

/// Each rule passes its own cases, which say nothing of the rows that it gets wrong.
#[test]
fn rules_that_are_wrong_are_found_by_made_rows() {
    let text = r#"
rule simplify-self-comparison
  "Wrong where x is NULL."
  for   x expr
  match $x = $x  =>  TRUE
  example "not null"
    given  t(id int key)
    input  SELECT id, id = id AS v FROM t
    expect SELECT id, TRUE AS v FROM t

rule simplify-count
  "Wrong where x is NULL."
  for   x expr
  match count($x)  =>  count(*)
  example "a key"
    given  t(id int key, g int)
    input  SELECT g, count(id) AS n FROM t GROUP BY g
    expect SELECT g, count(*) AS n FROM t GROUP BY g

rule simplify-difference
  "Wrong where y is the least integer: the product overflows, and the difference need not."
  for   x expr, y expr
  match $x - $y  =>  $x + (-1) * $y
  when  type($x) in (integer), type($y) in (integer)
  example "integers"
    given  t(id int key, x int)
    input  SELECT x - id AS v FROM t
    expect SELECT x + (-1) * id AS v FROM t

rule convert-coalesce-to-case
  "Sound."
  for   x expr, y expr
  match coalesce($x, $y)  =>  CASE WHEN $x IS NOT NULL THEN $x ELSE $y END
  example "integers"
    given  t(id int key, x int)
    input  SELECT id, coalesce(x, id) AS v FROM t
    expect SELECT id, CASE WHEN x IS NOT NULL THEN x ELSE id END AS v FROM t
"#;
    let run = || {
        let (rules, _) = isomer_service::optimize::rules_of(&[("mine.rules".into(), text.into())]);
        with_stack(move || rule_test::run(&rules, &|rule| !rule.is_builtin))
    };
    let reports = run();
    assert_eq!(reports, run(), "the rows are the same in every run");
    let failed: Vec<(&str, CaseKind)> = reports
        .iter()
        .filter(|report| !report.faults.is_empty())
        .map(|report| (report.rule.as_str(), report.kind))
        .collect();
    assert_eq!(
        failed,
        ["simplify-self-comparison", "simplify-count", "simplify-difference"].map(|rule| (rule, CaseKind::MadeRows))
    );
    let told = &reports.iter().find(|report| !report.faults.is_empty()).expect("two rules failed").faults;
    let from = told.iter().position(|line| line.starts_with("  refuses")).expect("a refusal is printed");
    assert_eq!(
        told[from..],
        [
            "  refuses \"rows that tell the two sides apart\"",
            "    given  t(id int key, g int, c0 int)",
            "    input  SELECT id, (c0 = c0) AS v FROM t",
            "    wrong  SELECT id, (TRUE) AS v FROM t",
            "    rows   t (0, 0, NULL)",
        ]
    );
    // What is printed can be pasted: its wrong form gives other rows, and the rule is yet to refuse it.
    let refusal = format!("\n{}\n\nrule simplify-count", told[from..].join("\n"));
    let pasted = text.replacen("\n\nrule simplify-count", &refusal, 1);
    let (rules, diagnostics) = isomer_service::optimize::rules_of(&[("mine.rules".into(), pasted.into())]);
    assert!(diagnostics.iter().all(|told| told.severity == isomer_ir::Severity::Note), "{diagnostics:?}");
    let reports = with_stack(move || rule_test::run(&rules, &|rule| &*rule.name == "simplify-self-comparison"));
    let refused: Vec<&[String]> =
        reports.iter().filter(|report| report.kind == CaseKind::Refusal).map(|report| &*report.faults).collect();
    assert_eq!(refused, [["the rule fired, although it must not: add or sharpen a guard".to_owned()]]);
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
    assert_eq!(faults(&broken)[0], "the rule fired, although it must not: add or sharpen a guard");
}
