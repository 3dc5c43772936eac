//! What rules of a project do in a run: facts they lean on, both directions, sets of joins, and the
//! budgets that stop those which would not end. The rows stay right whatever a rule does.

mod command;

use command::{Told, codes, isomer, project};

const SOURCES: &str = "
thresholds: {min_shared_rows: 0}
disable: [eliminate-semi-join-by-sure-match, convert-semi-join-to-inner]
sources:
  o: {rows: 1000000, columns: [{name: id, type: bigint, not_null: true, unique: true}, {name: cid, type: bigint}, {name: s, type: text}]}
  c: {rows: 1000000, columns: [{name: cid, type: bigint, not_null: true, unique: true}, {name: name, type: text}]}
";

/// Explains a project with one model and one rule file, and has its rows compared.
fn explained(model: &str, rules: &str, args: &[&str]) -> Told {
    let files = [("isomer.yml", SOURCES), ("models/m.sql", model), ("rules/mine.rules", rules)];
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
    let folder = project(&files);
    let small = SOURCES.replace("1000000", "500");
    let told = isomer(folder.path(), &[&["explain"], args].concat());
    std::fs::write(folder.path().join("isomer.yml"), small).expect("the settings can be written");
    let verified = isomer(folder.path(), &["verify", "--quiet"]);
    assert_eq!(verified.exit, Some(0), "other rows: {verified:?}");
    told
}

#[track_caller]
fn has(told: &Told, parts: &[&str]) {
    assert_eq!(told.exit, Some(0), "{told:?}");
    for part in parts {
        assert!(told.stdout.contains(part), "no `{part}` in\n{}", told.stdout);
    }
}

const SEMI_JOIN: &str = r#"
rule eliminate-semi-join
  "Every value of a foreign key occurs where it refers to."
  for   L table, R table, C columns of L, j column of L, k column of R
  match SELECT $C... FROM $L WHERE EXISTS (SELECT 1 FROM $R WHERE $R.$k = $L.$j)
  =>    SELECT $C... FROM $L
  when  foreign_key($L.$j, $R.$k), not_null($L.$j)
"#;

#[test]
fn a_rule_leans_on_facts_and_tells_where_each_stands() {
    let model = "SELECT id FROM o WHERE EXISTS (SELECT 1 FROM c WHERE c.cid = o.cid)";
    let without = explained(model, SEMI_JOIN, &[]);
    assert!(!without.stdout.contains(". eliminate-semi-join"), "{}", without.stdout);
    // The rows that `verify` makes obey the facts, which are declared like any other.
    let facts = "fact o.cid references c.cid\n-- Since the import of 2024.\nfact o.cid not null\n";
    let told = explained(model, &format!("{facts}{SEMI_JOIN}"), &[]);
    has(
        &told,
        &[
            ". eliminate-semi-join",
            "cid refers to cid by a foreign key (rules/mine.rules:1)",
            "cid is never NULL (rules/mine.rules:3)",
        ],
    );
}

#[test]
fn a_fact_of_nothing_is_told() {
    let files = [
        ("isomer.yml", SOURCES.as_bytes()),
        ("models/m.sql", b"SELECT id FROM o"),
        ("rules/mine.rules", b"fact orders.id unique\nfact o.idd unique\nfact o.id likely\n"),
    ];
    let folder = project(&files);
    let told = isomer(folder.path(), &["explain"]);
    assert_eq!(
        (told.exit, codes(&told, "error")),
        (Some(2), ["RULE-0059", "RULE-0059", "RULE-0056"].map(str::to_owned).to_vec())
    );
    assert!(
        told.stderr.contains("rules/mine.rules:2:6") && told.stderr.contains("did you mean `id`?"),
        "{}",
        told.stderr
    );
}

#[test]
fn a_rule_runs_both_ways_and_says_which() {
    let rules = r#"
rule convert-semi-join-to-join
  "A join to a key, of which nothing is read, keeps each left row that has a partner, once."
  for   L table, R table, C columns of L, j column of L, k column of R
  match SELECT $C FROM $L JOIN $R ON $L.$j = $R.$k
  <=>   SELECT $C FROM $L WHERE EXISTS (SELECT 1 FROM $R WHERE $R.$k = $L.$j)
  when  unique($R.$k)
  example "a join"
    given  o(id int key, cid int), c(cid int key, name text)
    input  SELECT o.id FROM o JOIN c ON o.cid = c.cid
    expect SELECT id FROM o WHERE EXISTS (SELECT 1 FROM c WHERE c.cid = o.cid)
  example "a semi-join"
    given  o(id int key, cid int), c(cid int key, name text)
    input  SELECT id FROM o WHERE EXISTS (SELECT 1 FROM c WHERE c.cid = o.cid)
    expect SELECT o.id FROM o JOIN c ON o.cid = c.cid
  refuses "the key repeats: left rows would be lost"
    given  o(id int key, cid int), c(cid int, name text)
    rows   o (1, 1)
    rows   c (1, 'x'), (1, 'y')
    input  SELECT o.id FROM o JOIN c ON o.cid = c.cid
    wrong  SELECT id FROM o WHERE EXISTS (SELECT 1 FROM c WHERE c.cid = o.cid)
"#;
    let told = explained("SELECT o.id FROM o JOIN c ON o.cid = c.cid", rules, &[]);
    has(&told, &["1. convert-semi-join-to-join", "applied from left to right"]);
    let folder = project(&[("rules/mine.rules", rules.as_bytes())]);
    let told = isomer(folder.path(), &["rules", "test", "rules"]);
    assert_eq!(told.exit, Some(0), "{told:?}");
    let told = isomer(folder.path(), &["rules", "fmt", "--check", "rules"]);
    assert_eq!(told.exit, Some(1), "only the blank line at the head: {told:?}");
}

#[test]
fn a_set_of_joins_is_a_rule_for_each_kind() {
    let rules = r#"
rule convert-distinct-join
  "Repeated keys of the right repeat left rows, which DISTINCT tells apart no more."
  for   L table, R table, C columns of L, j column of L, k column of R
  match SELECT DISTINCT $C, $R.$k FROM $L LEFT|FULL JOIN as $jt $R ON $L.$j = $R.$k
  =>    SELECT DISTINCT $C, d.$k FROM $L $jt JOIN (SELECT DISTINCT $R.$k FROM $R) AS d ON $L.$j = d.$k
  example "a full join"
    given  o(id int key, cid int, s text), c(id int key, cid int)
    input  SELECT DISTINCT o.s, c.cid FROM o FULL JOIN c ON o.cid = c.cid
    expect SELECT DISTINCT o.s, d.cid FROM o FULL JOIN (SELECT DISTINCT cid FROM c) AS d ON o.cid = d.cid
  example "a left join"
    given  o(id int key, cid int, s text), c(id int key, cid int)
    input  SELECT DISTINCT o.s, c.cid FROM o LEFT JOIN c ON o.cid = c.cid
    expect SELECT DISTINCT o.s, d.cid FROM o LEFT JOIN (SELECT DISTINCT cid FROM c) AS d ON o.cid = d.cid
  refuses "an inner join is another kind"
    given  o(id int key, cid int, s text), c(id int key, cid int)
    input  SELECT DISTINCT o.s, c.cid FROM o JOIN c ON o.cid = c.cid
"#;
    let folder = project(&[("rules/mine.rules", rules.as_bytes())]);
    let told = isomer(folder.path(), &["rules", "test", "rules"]);
    has(&told, &["ok    convert-distinct-join  example \"a left join\"", "0 failed"]);
    assert_eq!(codes(&told, "note"), [""; 0]);
}

/// Rules that would not end are stopped, named with their place, and the rest goes on.
#[test]
fn rules_without_end_are_stopped_and_named() {
    let text =
        "SELECT lower(s) AS l, id + cid AS n, count(*) AS k FROM o WHERE lower(s) <> 'x' GROUP BY lower(s), id + cid";
    let cases = [
        (
            text,
            "rule grow-without-end \"Grows.\"\n  for   s expr\n  match lower($s) => concat(lower($s), '')\n",
            "rules/mine.rules:1:6: note[RULE-0060]: rule `grow-without-end` was stopped: what it makes",
        ),
        (
            text,
            "rule turn-around \"Turns.\"\n  for   x expr, y expr\n  match $x + $y => $y + $x\n",
            "note[RULE-0060]: rule `turn-around` was stopped: what it makes",
        ),
        (
            text,
            "rule shorten-text \"Trims.\"\n  for   s expr\n  match lower($s) => lower(trim(trim($s)) || '')\n  budget 1 total\n",
            "note[RULE-0060]: rule `shorten-text` was stopped: ",
        ),
        (
            "SELECT o.id FROM o JOIN c ON o.cid = c.cid",
            "rule match-everything \"All.\"\n  for   L table, R table, C columns of L, j column of L, k column of R\n  budget 1 total\n  \
             match SELECT $C FROM $L JOIN $R ON $j = $k\n  <=>   SELECT $C FROM $L WHERE EXISTS (SELECT 1 FROM $R WHERE $k = $j)\n  \
             when  unique($R.$k)\n",
            "note[RULE-0060]: rule `match-everything` was stopped: its budget of 1 applications was spent",
        ),
    ];
    for (model, rule, expect) in cases {
        let folder = project(&[
            ("isomer.yml", SOURCES.as_bytes()),
            ("models/m.sql", model.as_bytes()),
            ("rules/mine.rules", rule.as_bytes()),
        ]);
        let told = isomer(folder.path(), &["explain"]);
        assert_eq!(told.exit, Some(0), "{told:?}");
        assert!(told.stderr.contains(expect), "no `{expect}` in\n{}", told.stderr);
        assert_eq!(told.stdout, isomer(folder.path(), &["explain"]).stdout, "the same each time");
    }
}

/// What applied to a model of a project with these settings, annotation and options.
fn applied(settings: &str, annotation: &str, args: &[&str]) -> (Vec<String>, Told) {
    let model = format!("{annotation}SELECT DISTINCT id, s FROM o WHERE s = 'x' AND id > 5");
    let folder =
        project(&[("isomer.yml", format!("{SOURCES}{settings}").as_bytes()), ("models/m.sql", model.as_bytes())]);
    let told = isomer(folder.path(), &[&["explain", "--format", "json"], args].concat());
    let json: serde_json::Value = serde_json::from_str(&told.stdout).expect("the output is JSON");
    let rules = json["applied_rules"].as_array().expect("rules are listed").iter();
    (rules.map(|rule| rule["rule"].as_str().unwrap_or_default().to_owned()).collect(), told)
}

#[test]
fn projects_and_models_say_which_rules_they_want() {
    let rule = "eliminate-distinct-on-key";
    let has_rule =
        |settings: &str, annotation: &str| applied(settings, annotation, &[]).0.iter().any(|name| name == rule);
    assert!(has_rule("", ""));
    for (settings, annotation) in [
        ("only: [merge-filters]\n", ""),
        ("", "-- @isomer: off\n"),
        ("", "-- A model.\n--@isomer: disable merge-filters, eliminate-distinct-on-key\n"),
        ("", "  -- @isomer: only merge-filters\n"),
    ] {
        assert!(!has_rule(settings, annotation), "{settings}{annotation}");
    }
    assert!(has_rule("only: [eliminate-distinct-on-key]\n", ""));
    assert!(has_rule("", "-- @isomer: only eliminate-distinct-on-key\n"));
    assert!(has_rule("", "-- @isomer: disable merge-filters\n"));
    let (_, told) = applied("", "-- @isomer: disable eliminate-distinct-on-keys\n", &[]);
    assert_eq!((told.exit, codes(&told, "note")), (Some(0), vec!["RULE-0061".to_owned()]), "{told:?}");
    assert!(told.stderr.contains("did you mean `eliminate-distinct-on-key`?"), "{}", told.stderr);
    let folder = project(&[("models/m.sql", b"-- @isomer: of\nSELECT 1 AS n")]);
    let told = isomer(folder.path(), &["explain"]);
    assert_eq!((told.exit, codes(&told, "error")), (Some(2), vec!["PRJ-0026".to_owned()]), "{told:?}");
}

/// A model that switches a rule off does not switch it off for others.
#[test]
fn an_annotation_is_for_its_model_alone() {
    let folder = project(&[
        ("isomer.yml", SOURCES.as_bytes()),
        ("models/a.sql", b"-- @isomer: disable eliminate-distinct-on-key\nSELECT DISTINCT id, s FROM o"),
        ("models/b.sql", b"SELECT DISTINCT id, s FROM o"),
    ]);
    let told = isomer(folder.path(), &["explain"]);
    assert_eq!(told.exit, Some(0), "{told:?}");
    let (a, b) = (told.stdout.contains("\na  table"), told.stdout.contains("\nb  table"));
    assert!(b, "{}", told.stdout);
    assert!(!a && told.stdout.contains("Unchanged, byte for byte: a"), "{}", told.stdout);
}

fn git(folder: &std::path::Path, args: &[&str]) -> String {
    let mut command = std::process::Command::new("git");
    command.arg("-C").arg(folder).args(["-c", "user.name=t", "-c", "user.email=t@example.com"]).args(args);
    let output = command.output().expect("git can be run");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("git tells text").trim().to_owned()
}

#[test]
fn rules_come_in_packs_at_a_commit() {
    let repository = project(&[("rules/team.rules", SEMI_JOIN.as_bytes()), ("other/not.rules", b"rule Broken\n")]);
    git(repository.path(), &["init", "--quiet"]);
    git(repository.path(), &["add", "."]);
    git(repository.path(), &["commit", "--quiet", "-m", "one"]);
    let first = git(repository.path(), &["rev-parse", "HEAD"]);
    let changed = SEMI_JOIN.replace("eliminate-semi-join", "eliminate-semi-join-2");
    std::fs::write(repository.path().join("rules/team.rules"), changed).expect("it can be written");
    git(repository.path(), &["commit", "--quiet", "-am", "two"]);
    let second = git(repository.path(), &["rev-parse", "HEAD"]);
    let folder = project(&[("models/m.sql", b"SELECT 1 AS n"), ("own/x.rules", b"")]);
    let run = |rev: &str, args: &[&str]| {
        let url = repository.path().display();
        let settings = format!("rules:\n  - own\n  - {{git: '{url}', rev: '{rev}', path: rules}}\n");
        std::fs::write(folder.path().join("isomer.yml"), settings).expect("it can be written");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_isomer"));
        let cache = folder.path().join("cache");
        let output = command.args(args).current_dir(folder.path()).env("ISOMER_CACHE", cache).output();
        let output = output.expect("the command can be run");
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let fingerprint = |rev: &str| {
        let (exit, text) = run(rev, &["explain", "--quiet", "--format", "json"]);
        assert_eq!(exit, Some(0), "{text}");
        let json: serde_json::Value = serde_json::from_str(&text).expect("the output is JSON");
        json["fingerprint"].clone()
    };
    let (exit, list) = run(&first, &["rules", "list"]);
    assert!(exit == Some(0) && list.contains("\neliminate-semi-join  ") && !list.contains("Broken"), "{list}");
    let (one, two) = (fingerprint(&first), fingerprint(&second));
    assert_ne!(one, two, "another rule set is another fingerprint");
    // The repository is asked once: then the commit is in the cache.
    std::fs::remove_dir_all(repository.path().join(".git")).expect("it can be removed");
    assert_eq!(fingerprint(&first), one);
    let (exit, told) = run(&"0".repeat(40), &["explain"]);
    assert!(exit == Some(2) && told.contains("FILE-0005"), "{told}");
    let (exit, told) = run("main", &["explain"]);
    assert!(exit == Some(2) && told.contains("PRJ-0027"), "{told}");
}
