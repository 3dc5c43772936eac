//! `--stats`: what a run did and what it took, and the rule that takes most at the top.

mod command;

use command::{Told, codes, isomer, project};
use serde_json::Value;

const SOURCES: &str = "
sources:
  o: {rows: 1000000, columns: [{name: id, type: bigint, not_null: true, unique: true}, {name: cid, type: bigint}]}
  c: {rows: 1000000, columns: [{name: cid, type: bigint, not_null: true, unique: true}, {name: name, type: text}]}
";

/// A rule of relations without a budget of its own.
const MATCH_EVERYTHING: &str = "rule match-everything \"All.\"\n  for   L table, R table, C columns of L, j column of L, k column of R\n  \
    match SELECT $C FROM $L JOIN $R ON $j = $k\n  <=>   SELECT $C FROM $L WHERE EXISTS (SELECT 1 FROM $R WHERE $k = $j)\n  \
    when  unique($R.$k)\n";

fn stats(model: &str, rules: &str) -> (Value, Told) {
    let settings = format!("disable: [eliminate-semi-join-by-sure-match, convert-semi-join-to-inner]\n{SOURCES}");
    let folder = project(&[
        ("isomer.yml", settings.as_bytes()),
        ("models/m.sql", model.as_bytes()),
        ("rules/mine.rules", rules.as_bytes()),
    ]);
    let told = isomer(folder.path(), &["optimize", "--stats", "--format", "json"]);
    assert_eq!(told.exit, Some(0), "{told:?}");
    let mut output: Value = serde_json::from_str(&told.stdout).expect("JSON");
    let plain = isomer(folder.path(), &["optimize", "--format", "json"]);
    let stats = output.as_object_mut().and_then(|output| output.remove("stats")).expect("figures were asked for");
    let plain: Value = serde_json::from_str(&plain.stdout).expect("JSON");
    assert_eq!(output, plain, "figures change nothing else");
    (without_times(stats), told)
}

fn without_times(mut stats: Value) -> Value {
    for list in ["phases", "rules"] {
        for row in stats[list].as_array_mut().into_iter().flatten() {
            row.as_object_mut().and_then(|row| row.remove("ms")).expect("every row has a time");
        }
    }
    stats
}

fn row<'a>(stats: &'a Value, list: &str, key: &str, name: &str) -> &'a Value {
    let rows = stats[list].as_array().into_iter().flatten();
    rows.clone().find(|row| row[key] == name).unwrap_or_else(|| panic!("no `{name}` in {stats:#}"))
}

#[test]
fn counts_are_the_same_each_time() {
    let model = "SELECT o.id, count(*) AS n FROM o JOIN c ON o.cid = c.cid WHERE o.id > 1 AND 1 = 1 GROUP BY o.id";
    let (first, _) = stats(model, MATCH_EVERYTHING);
    assert_eq!(first, stats(model, MATCH_EVERYTHING).0);
    let phases: Vec<&str> =
        first["phases"].as_array().into_iter().flatten().filter_map(|row| row["phase"].as_str()).collect();
    assert_eq!(phases, ["normalize", "logical", "relations", "share", "choose", "raise"]);
    assert_eq!(row(&first, "phases", "phase", "normalize")["runs"], 1);
    // Scalars, the normal form and the e-graph are all counted.
    assert_eq!(row(&first, "rules", "rule", "fold-constants")["applied"], 1, "{first:#}");
    assert_eq!(row(&first, "rules", "rule", "push-filter-into-inner-join")["applied"], 1, "{first:#}");
    let template = row(&first, "rules", "rule", "match-everything");
    assert!(template["matches"].as_u64() >= template["applied"].as_u64(), "{first:#}");
    assert!(template["nodes"].as_u64() > Some(0), "{first:#}");
    assert_eq!(template["stopped"], Value::Null);
}

/// A rule that its budget stopped stands at the top.
#[test]
fn the_rule_that_takes_most_is_at_the_top() {
    let branches: Vec<String> =
        (0..5).map(|n| format!("SELECT o.id FROM o JOIN c ON o.cid = c.cid WHERE o.id > {n}")).collect();
    let (found, told) = stats(&branches.join("\nUNION ALL\n"), &format!("{MATCH_EVERYTHING}  budget 1 total\n"));
    let top = &found["rules"][0];
    assert_eq!(top["rule"], "match-everything", "{top:#}");
    assert_eq!(top["stopped"], "its budget of 1 applications was spent", "{top:#}");
    assert!(codes(&told, "note").contains(&"RULE-0060".to_owned()), "{told:?}");
}

#[test]
fn people_get_tables() {
    let folder =
        project(&[("isomer.yml", SOURCES.as_bytes()), ("models/m.sql", b"SELECT id FROM o WHERE 1 = 1 AND id > 2")]);
    let told = isomer(folder.path(), &["explain", "--stats"]);
    for part in ["## Figures", "| phase", "| normalize", "| rule", "| fold-constants"] {
        assert!(told.stdout.contains(part), "no `{part}` in\n{}", told.stdout);
    }
    let script = isomer(folder.path(), &["optimize", "--stats"]);
    assert!(script.stderr.contains("| normalize") && !script.stdout.contains("| normalize"), "{script:?}");
    assert!(!isomer(folder.path(), &["explain"]).stdout.contains("## Figures"));
}
