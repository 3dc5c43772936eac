//! `isomer rules` as a user meets it.

mod command;

use command::{codes, isomer, project};

/// A rule that needs consent, and one that does not.
const RULES: &str = r#"
rule shout-once
  "Upper case twice is upper case once. So says the standard."
  tag loud
  for   x expr
  match upper(upper($x)) => upper($x)
  example "a column"
    given  t(id int key, s text)
    input  SELECT upper(upper(s)) AS s FROM t
    expect SELECT upper(s) AS s FROM t

rule count-roughly
  "Roughly."
  class lossy("2 %")  tag rough
  for   x expr
  match count(DISTINCT $x) => approx_count_distinct($x)
  example "a column"
    given  t(id int key, s text)
    input  SELECT count(DISTINCT s) AS n FROM t
    expect SELECT approx_count_distinct(s) AS n FROM t
"#;

#[test]
fn the_list_tells_what_a_project_uses() {
    let status = |settings: &str| {
        let folder = project(&[
            ("isomer.yml", settings.as_bytes()),
            ("models/a.sql", b"SELECT 1 AS n"),
            ("rules/mine.rules", RULES.as_bytes()),
        ]);
        let told = isomer(folder.path(), &["rules", "list"]);
        assert_eq!((told.exit, codes(&told, "error")), (Some(0), Vec::new()), "{told:?}");
        let own = told.stdout.lines().filter(|line| line.contains("  mine  "));
        own.map(|line| {
            line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).take(5).collect::<Vec<_>>().join(" ")
        })
        .collect::<Vec<String>>()
    };
    let cases = [
        ("", ["shout-once mine exact user on", "count-roughly mine lossy(\"2 %\") user asks"]),
        (
            "disable: [shout-once]\nallow: [rough]\n",
            ["shout-once mine exact user off", "count-roughly mine lossy(\"2 %\") user on"],
        ),
    ];
    for (settings, expect) in cases {
        assert_eq!(status(settings), expect, "{settings}");
    }
}

#[test]
fn the_list_is_json_too() {
    let folder = project(&[("models/a.sql", b"SELECT 1 AS n"), ("rules/mine.rules", RULES.as_bytes())]);
    let json = |args: &[&str]| -> serde_json::Value {
        let told = isomer(folder.path(), args);
        assert_eq!(told.exit, Some(0), "{told:?}");
        serde_json::from_str(&told.stdout).expect("the list is JSON")
    };
    let rules = json(&["rules", "list", "--json"]);
    assert_eq!(rules, json(&["rules", "list", "--format", "json"]));
    let rule = |name: &str| rules.as_array().and_then(|rules| rules.iter().find(|rule| rule["name"] == name).cloned());
    let own = rule("count-roughly").expect("the project's rule is listed");
    assert_eq!((&own["status"], &own["is_builtin"], &own["family"]), (&"asks".into(), &false.into(), &"mine".into()));
    let known = rule("merge-filters").expect("a built-in rule is listed");
    assert_eq!((&known["status"], &known["phase"]), (&"on".into(), &"normalize".into()));
    assert_eq!(rule("shout-once").expect("it is listed")["summary"], "Upper case twice is upper case once");
}

#[test]
fn the_catalogue_lists_every_rewrite() {
    let folder = project(&[]);
    let told = isomer(folder.path(), &["rules", "list", "--catalogue"]);
    assert_eq!((told.exit, told.stderr.as_str()), (Some(0), ""), "{told:?}");
    let numbers: Vec<usize> =
        told.stdout.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).take(134).collect();
    assert_eq!(numbers, (1..=134).collect::<Vec<usize>>());
    assert!(told.stdout.contains("134 rewrites: "), "{}", told.stdout);
    let told = isomer(folder.path(), &["rules", "list", "--catalogue", "--json"]);
    let rows: serde_json::Value = serde_json::from_str(&told.stdout).expect("the catalogue is JSON");
    assert_eq!(rows.as_array().map(Vec::len), Some(134));
    assert_eq!((&rows[39]["number"], &rows[39]["family"]), (&40.into(), &"Joins".into()));
}

#[test]
fn a_new_rule_is_whole_and_is_told_how_to_go_on() {
    let folder = project(&[("models/a.sql", b"SELECT 1 AS n")]);
    let run = |args: &[&str]| isomer(folder.path(), &[&["rules"], args].concat());
    let told = run(&["new", "my-rule"]);
    assert_eq!((told.exit, told.stderr.as_str()), (Some(0), ""), "{told:?}");
    assert!(told.stdout.starts_with("wrote the rule `my-rule` to rules/my-rule.rules"), "{}", told.stdout);
    let told = run(&["test", "rules"]);
    assert_eq!(told.exit, Some(0), "{told:?}");
    assert!(told.stdout.contains("ok    my-rule  example \"a filter\"\n"), "{}", told.stdout);
    // A name is taken once, whoever has it; a second rule goes where it is told.
    for (args, reason) in [
        (&["new", "my-rule"][..], "a rule is named `my-rule` already, in rules/my-rule.rules"),
        (&["new", "merge-filters"], "in rulesets/filters.rules"),
        (&["new", "My_Rule"], "lower-case words"),
    ] {
        let told = run(args);
        assert_eq!(told.exit, Some(2), "{told:?}");
        assert!(told.stderr.contains(reason), "{}", told.stderr);
    }
    assert_eq!(run(&["new", "my-other", "--into", "rules/my-rule.rules"]).exit, Some(0));
    assert_eq!(run(&["fmt", "--check", "rules"]).exit, Some(0), "what is written is laid out");
    assert_eq!(run(&["show", "my-other"]).exit, Some(0));
}

#[test]
fn rule_files_are_laid_out() {
    let loose = RULES.replace("  match ", "      match   ").replace("  tag loud", "-- why\ntag   loud");
    let files = [("models/a.sql", &b"SELECT 1 AS n"[..]), ("rules/mine.rules", loose.as_bytes())];
    let folder = project(&files);
    let text = || std::fs::read_to_string(folder.path().join("rules/mine.rules")).expect("the file is there");
    let told = isomer(folder.path(), &["rules", "fmt", "--check"]);
    assert_eq!((told.exit, told.stdout.as_str()), (Some(1), "rules/mine.rules\n"), "{told:?}");
    assert_eq!(text(), loose, "a check changes nothing");
    let told = isomer(folder.path(), &["rules", "fmt", "rules/mine.rules"]);
    assert_eq!((told.exit, told.stdout.as_str()), (Some(0), "rules/mine.rules\n"), "{told:?}");
    assert!(text().contains("\n  -- why\n  tag   loud\n  for   x expr\n  match upper("), "{}", text());
    let told = isomer(folder.path(), &["rules", "fmt", "--check"]);
    assert_eq!((told.exit, told.stdout.as_str()), (Some(0), ""), "{told:?}");
    // A file with a fault is left alone.
    std::fs::write(folder.path().join("rules/mine.rules"), "rule Broken\n match 1 => 2\n").expect("it is written");
    let told = isomer(folder.path(), &["rules", "fmt", "rules"]);
    assert_eq!((told.exit, codes(&told, "error")), (Some(2), vec!["RULE-0002".to_owned()]), "{told:?}");
}

#[test]
fn a_rule_is_shown_with_its_sources_and_as_json() {
    let folder = project(&[]);
    let told = isomer(folder.path(), &["rules", "show", "eliminate-left-join-to-unique-key"]);
    assert_eq!(told.exit, Some(0), "{told:?}");
    assert!(told.stdout.contains("PhD thesis, University of Waterloo, 2000"), "{}", told.stdout);
    let told = isomer(folder.path(), &["rules", "show", "merge-filters", "--json"]);
    let form: serde_json::Value = serde_json::from_str(&told.stdout).expect("the form is JSON");
    assert_eq!((&form["native"], &form["rewrite"]), (&"merge_filters".into(), &serde_json::Value::Null));
}

#[test]
fn built_in_files_can_be_named() {
    let files = isomer_rules::builtin_files();
    let (path, text) = files.iter().find(|(path, _)| path.ends_with("projections.rules")).expect("it is there");
    let folder = project(&[(path, text.as_bytes())]);
    let told = isomer(folder.path(), &["rules", "test", "rulesets"]);
    assert_eq!(told.exit, Some(0), "{told:?}");
    assert!(
        told.stdout.contains("ok    merge-projects  ") && !told.stdout.contains("merge-filters"),
        "{}",
        told.stdout
    );
}
