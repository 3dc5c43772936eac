//! Each code of rule files with a file that has the fault, and the place that is told.

use std::collections::BTreeSet;
use std::sync::Arc;

use isomer_frontend::{compile_rules, declare_facts};
use isomer_ir::{Arena, Catalog, Column, DataType, Diagnostic, Table};

/// What is told of a file, in its order, notes included.
fn told(text: &str) -> Vec<Diagnostic> {
    told_of(text, false)
}

fn told_of(text: &str, is_builtin: bool) -> Vec<Diagnostic> {
    let (mut read, mut told) = isomer_rules::parse(&Arc::from("bad.rules"), text);
    read.rules.iter_mut().for_each(|rule| rule.is_builtin = is_builtin);
    let (set, faults) = isomer_rules::check(read);
    told.extend(faults);
    told.extend(compile_rules(&set, &mut Arena::default()).1);
    told.extend(declare_facts(&mut catalog(), &set.facts));
    told
}

fn catalog() -> Catalog {
    let id: Arc<str> = Arc::from("id");
    let column =
        Column { name: Arc::clone(&id), key: id, data_type: DataType::Int64, is_nullable: true, n_distinct: None };
    let key: Arc<str> = Arc::from("orders");
    let mut catalog = Catalog::default();
    catalog.insert(Table {
        sql_name: Arc::clone(&key),
        key,
        columns: vec![column],
        keys: Vec::new(),
        foreign_keys: Vec::new(),
        n_rows: None,
    });
    catalog
}

/// A rule with these lines below its head, and what every rule owes.
fn rule(lines: &str) -> String {
    let case = "given  t(id int key)\n    input  SELECT id FROM t";
    let refusals = format!("  refuses \"b\"\n    {case}\n").repeat(3);
    format!("rule try-it \"T.\"\n{lines}\n  example \"a\"\n    {case}\n    expect SELECT id FROM t\n{refusals}")
}

/// Code, place as `line:column`, and the file.
fn cases() -> Vec<(&'static str, &'static str, String)> {
    let join = "  for L table, R table, C columns of L, j column of L, k column of R, p predicate\n";
    let scalar = "  for x expr\n  match upper(upper($x)) => upper($x)\n";
    vec![
        (
            "RULE-0062",
            "3:57",
            rule(&format!(
                "{join}  match SELECT $C FROM $L ; SELECT $j FROM $L        => SELECT $C FROM $L WHERE 1 = 1"
            )),
        ),
        ("RULE-0001", "1:1", "something\n".into()),
        ("RULE-0002", "1:1", rule(scalar).replace("try-it", "Try_it")),
        ("RULE-0003", "2:1", rule("expect SELECT 1\n  for x expr\n  match upper(upper($x)) => upper($x)")),
        ("RULE-0004", "1:6", rule("  class exact")),
        ("RULE-0005", "2:3", rule(&format!("  class certain\n{scalar}"))),
        ("RULE-0006", "2:3", rule(&format!("  phase later\n{scalar}"))),
        ("RULE-0007", "2:3", rule(&format!("  class exact maybe\n{scalar}"))),
        ("RULE-0008", "2:7", rule("  for x is an expr\n  match abs(abs($x)) => abs($x)")),
        ("RULE-0009", "2:7", rule("  for x exprs\n  match abs(abs($x)) => abs($x)")),
        ("RULE-0010", "3:3", rule("  for x expr\n  match abs(abs($x)) -> abs($x)")),
        ("RULE-0011", "5:8", rule(&format!("{scalar}\n  when certainly"))),
        ("RULE-0012", "5:8", rule(&format!("{scalar}\n  when rows(input) > many"))),
        ("RULE-0013", "6:12", rule(scalar).replacen("t(id int key)", "t(id)", 1)),
        ("RULE-0014", "7:5", rule(scalar).replacen("    input", "    rows   u (1)\n    input", 1)),
        ("RULE-0015", "1:1", "rule try-it \"T.\n  match 1 => 2\n".into()),
        ("RULE-0016", "5:3", rule(scalar).replace("example \"a\"", "example a")),
        ("RULE-0017", "2:3", rule(&format!("  tag one, Two\n{scalar}"))),
        ("RULE-0018", "4:3", rule(&format!("{scalar}  match abs(abs($x)) => abs($x)"))),
        ("RULE-0019", "8:5", rule(scalar).replacen("    expect", "    wrong ", 1)),
        ("RULE-0020", "18:6", format!("{0}{0}", rule(scalar))),
        ("RULE-0021", "1:6", rule(scalar).replace(" \"T.\"", "")),
        ("RULE-0022", "1:6", rule("  native merge_filters")),
        ("RULE-0024", "5:8", rule(&format!("{scalar}\n  when determinist($x)"))),
        ("RULE-0025", "5:8", rule(&format!("{scalar}\n  when deterministic($y)"))),
        ("RULE-0026", "1:6", rule("  for x expr\n  match abs(abs($x)) =>")),
        ("RULE-0027", "3:22", rule("  for x expr\n  match upper($x) => UPPER( $x)")),
        ("RULE-0028", "3:34", rule("  for x expr, y expr\n  match abs(abs($x)) => abs($x + $y)")),
        ("RULE-0029", "3:17", rule("  for x expr\n  match abs(abs($y)) => abs($x)")),
        ("RULE-0030", "1:6", format!("rule try-it \"T.\"\n{scalar}")),
        ("RULE-0031", "1:6", rule(&format!("{scalar}  when deterministic($x)")).replace("refuses", "example")),
        ("RULE-0033", "5:3", rule(scalar).replacen("    input  SELECT id FROM t\n", "", 1)),
        ("RULE-0034", "5:3", rule(scalar).replacen("    expect SELECT id FROM t\n", "", 1)),
        ("RULE-0035", "5:8", rule(&format!("{scalar}\n  when type($x) in (integers)"))),
        ("RULE-0036", "5:8", rule(&format!("{scalar}\n  when cannot_raise(x)"))),
        ("RULE-0037", "4:8", rule("  for x expr, y expr\n  match abs(abs($x)) => abs($x)\n  when deterministic($y)")),
        ("RULE-0038", "2:15", rule("  for x expr, y expr\n  match abs(abs($x)) => abs($x)")),
        ("RULE-0039", "2:15", rule("  for x expr, x literal\n  match abs(abs($x)) => abs($x)")),
        ("RULE-0040", "2:7", rule("  for x column of L\n  match abs(abs($x)) => abs($x)")),
        ("RULE-0041", "3:9", rule("  for L table\n  match abs(abs($L)) => abs($L)")),
        ("RULE-0042", "3:22", rule("  for x expr\n  match max($x)   => abs($x)")),
        ("RULE-0043", "3:20", rule("  for x expr\n  match abs($x) => random()")),
        ("RULE-0044", "3:9", rule("  for x expr\n  match no_such($x) => abs($x)")),
        ("RULE-0045", "3:9", rule("  for x expr\n  match sum($x) + 1 => sum($x)")),
        ("RULE-0046", "3:9", rule(&format!("{join}  match SELECT $C FROM $L ORDER BY $j => SELECT $C FROM $L"))),
        ("RULE-0047", "5:8", rule(&format!("{scalar}\n  when single_row($x)"))),
        (
            "RULE-0048",
            "3:9",
            rule(&format!("{join}  match SELECT $C FROM $L JOIN $R ON $j = $k WHERE $p => SELECT $C FROM $L")),
        ),
        ("RULE-0049", "3:35", rule(&format!("{join}  match SELECT $C, $j FROM $L  => SELECT $C FROM $L"))),
        ("RULE-0050", "3:23", rule("  for x expr\n  match $x = $x    => WHERE $x IS NOT NULL")),
        ("RULE-0051", "3:9", rule("  for x expr, p predicate\n  match sum($x) FILTER (WHERE $p) => sum($x)")),
        (
            "RULE-0052",
            "3:9",
            rule(&format!(
                "{join}  match SELECT $C FROM $L LEFT|OUTER JOIN as $jt $R ON $j = $k => SELECT $C FROM $L $jt JOIN $R ON $k = $j"
            )),
        ),
        ("RULE-0053", "3:30", rule("  for x expr\n  match upper(upper($x)) <=> upper($x)")),
        ("RULE-0054", "3:24", rule("  for x expr\n  match abs($x) > 1 => upper($x)")),
        ("RULE-0055", "1:6", rule("  for x expr\n  match lower($x) => concat(lower($x), '')")),
        ("RULE-0056", "1:6", "fact orders.id likely\n".into()),
        ("RULE-0057", "4:10", rule(&format!("{scalar}  budget many"))),
        ("RULE-0058", "3:3", rule("  native merge_filters\n  budget 3 total")),
        ("RULE-0059", "1:6", "fact orders.no unique\n".into()),
    ]
}

#[test]
fn each_code_has_a_file_that_shows_it() {
    let mut found = String::new();
    let mut expected = String::new();
    for (code, place, text) in cases() {
        let told = told(&text);
        let all: Vec<&str> = told.iter().map(|told| told.code).collect();
        let first = told.iter().find(|told| told.code == code);
        let at = first.map(|told| told.span.line_column(&text));
        let at = at.map_or_else(|| format!("not told, but {all:?}"), |(line, column)| format!("{line}:{column}"));
        found.push_str(&format!("{code} {at}\n"));
        expected.push_str(&format!("{code} {place}\n"));
    }
    assert_eq!(found, expected, "\n{found}");
}

/// What only a built-in rule can do wrong.
#[test]
fn built_in_rules_owe_more() {
    let cases = [
        ("RULE-0023", rule("  native no_such_rule")),
        ("RULE-0030", "rule merge-it \"T.\"\n  native merge_filters\n".to_owned()),
        ("RULE-0032", rule("  native merge_filters").replace("try-it", "do-it")),
    ];
    for (code, text) in cases {
        let told = told_of(&text, true);
        assert!(
            told.iter().any(|told| told.code == code && told.severity == isomer_ir::Severity::Project),
            "{told:#?}"
        );
    }
}

#[test]
fn every_documented_code_is_shown() {
    let page = include_str!("../../LANGUAGE.md");
    let documented: BTreeSet<&str> =
        page.split('`').filter(|word| word.starts_with("RULE-") && word.len() == 9).collect();
    let mut shown: BTreeSet<&str> = cases().iter().map(|(code, _, _)| *code).collect();
    // Those of built-in rules are shown above; a rule is stopped in a run, see `service/tests/cli_rules.rs`.
    shown.extend(["RULE-0023", "RULE-0032", "RULE-0060", "RULE-0061"]);
    assert_eq!(documented.symmetric_difference(&shown).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn all_faults_of_a_file_are_told_at_once() {
    let text = format!(
        "{}fact orders.id likely\n{}{}",
        rule("  for x exprs\n  match abs(abs($x)) => abs($x)"),
        rule("  for x expr\n  match abs(abs($x)) => abs($y)\n  when unlikely($x)").replace("try-it", "second"),
        rule("  for x expr\n  match no_such($x) => other($x)\n  when single_row($x)").replace("try-it", "third"),
    );
    let codes: Vec<&str> = told(&text).iter().map(|told| told.code).collect();
    assert_eq!(codes, ["RULE-0009", "RULE-0056", "RULE-0029", "RULE-0024", "RULE-0047", "RULE-0044", "RULE-0044"]);
}

/// One fault of a rule does not hide another: of its clauses, of its guards, of either side.
#[test]
fn all_faults_of_a_rule_are_told_at_once() {
    let join = "  for L table, R table, C columns of L, j column of L, k column of R\n";
    let cases = [
        (
            "clauses, then templates and guards",
            rule(
                "  class exct\n  for x exprs\n  match abs(abs($x)) => abs($y)\n  when unlikely($x), type($x) in (integr)\n  budget many",
            ),
            vec!["RULE-0005", "RULE-0009", "RULE-0057", "RULE-0029", "RULE-0024", "RULE-0035"],
        ),
        (
            "guards, then both sides of a scalar",
            rule("  for x expr\n  match no_such($x) => other($x)\n  when unlikely($x), single_row($x)"),
            vec!["RULE-0024", "RULE-0047", "RULE-0047", "RULE-0044", "RULE-0044"],
        ),
        (
            "both sides of a relation",
            rule(&format!(
                "{join}  match SELECT $C, $j FROM $L JOIN $R ON $L.$j = $R.$k ORDER BY $j => SELECT $C FROM $L WHERE random() > 0.5"
            )),
            vec!["RULE-0046", "RULE-0049", "RULE-0043"],
        ),
    ];
    for (title, text, expect) in cases {
        let faults = told(&text).into_iter().filter(|told| told.severity == isomer_ir::Severity::Project);
        let codes: Vec<&str> = faults.map(|told| told.code).collect();
        assert_eq!(codes, expect, "{title}");
    }
}
