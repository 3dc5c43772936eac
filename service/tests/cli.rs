//! The command line as a user meets it: exit codes, what goes to which stream, and that nothing is
//! written when a project is refused.
//!
//! A fault of one model leaves that model opaque (exit 1, or 2 with `--strict`); a fault of the
//! project refuses it (exit 2). Either way everything that is wrong is told at once.

mod command;

use std::fs;

use tempfile::TempDir;

use command::{codes, isomer, project};

const SETTINGS: &str = "
sources:
  orders:
    rows: 1000000
    columns:
      - {name: order_id, type: bigint, not_null: true, unique: true}
      - {name: amount, type: double}
";
const FINE: &str = "SELECT DISTINCT order_id, amount FROM orders";

/// A project is refused: exit 2, nothing on stdout, no folder and no file made, all codes told.
fn refused(files: &[(&str, &[u8])], args: &[&str], expect: &[&str]) {
    let folder = project(files);
    for command in ["explain", "optimize"] {
        let told = isomer(folder.path(), &[&[command, "--output", "result.txt"], args].concat());
        assert_eq!((told.exit, told.stdout.as_str()), (Some(2), ""), "{told:?}");
        assert_eq!(codes(&told, "error"), expect, "{}", told.stderr);
    }
    let told = isomer(folder.path(), &[&["optimize", "--out", "result"], args].concat());
    assert_eq!(told.exit, Some(2), "{told:?}");
    assert!(!folder.path().join("result").exists() && !folder.path().join("result.txt").exists());
}

#[test]
fn a_fine_project_ends_with_0() {
    let folder = project(&[("isomer.yml", SETTINGS.as_bytes()), ("models/fine.sql", FINE.as_bytes())]);
    let told = isomer(folder.path(), &["optimize", "--out", "result"]);
    assert_eq!((told.exit, told.stdout.as_str()), (Some(0), ""), "{told:?}");
    let sql = fs::read_to_string(folder.path().join("result/01_fine.sql")).unwrap();
    assert_eq!(sql, "SELECT order_id, amount\nFROM orders");
    assert!(folder.path().join("result/pipeline.json").is_file());
    for args in [&["explain"][..], &["run"], &["verify"], &["rules", "list"], &["--help"], &["--version"]] {
        let told = isomer(folder.path(), args);
        assert_eq!(told.exit, Some(0), "{args:?}: {told:?}");
        assert!(!told.stdout.is_empty(), "{args:?}");
    }
}

/// A project in which each model but one has a fault of its own.
fn faulty_models() -> TempDir {
    project(&[
        ("isomer.yml", SETTINGS.as_bytes()),
        ("models/fine.sql", FINE.as_bytes()),
        ("models/broken.sql", b"SELECT order_id,, amount FROM orders WHERE"),
        ("models/column.sql", b"SELECT order_id, ammount FROM orders"),
        ("models/empty.sql", b"  \n"),
        ("models/function.sql", b"SELECT no_such_function(amount) AS x FROM orders"),
        ("models/latin1.sql", b"SELECT order_id AS n\xe9 FROM orders"),
        ("models/nothing.sql", b"SELECT FROM orders"),
        ("models/several.sql", b"SELECT 1 AS a; SELECT 2 AS a"),
        ("models/table.sql", b"SELECT * FROM order"),
    ])
}

#[test]
fn faults_of_models_are_findings_and_the_others_go_on() {
    let folder = faulty_models();
    let told = isomer(folder.path(), &["optimize"]);
    assert_eq!(told.exit, Some(1), "{told:?}");
    let expect = ["SQL-0001", "SQL-0007", "PRJ-0017", "SQL-0009", "PRJ-0016", "SQL-0005", "SQL-0002", "SQL-0006"];
    assert_eq!(codes(&told, "warning"), expect, "{}", told.stderr);
    for hint in ["models/column.sql:1:18: warning[SQL-0007]", "did you mean `amount`", "did you mean `orders`"] {
        assert!(told.stderr.contains(hint), "{hint} is missing in:\n{}", told.stderr);
    }
    assert!(told.stdout.contains("-- fine: rewritten\n"), "{}", told.stdout);
    assert!(told.stdout.contains("SELECT order_id, ammount FROM orders\n"), "kept byte for byte");
    assert_eq!(told.stdout.matches(": opaque, as written\n").count(), 8);
    let told = isomer(folder.path(), &["explain", "--format", "json"]);
    assert_eq!(told.exit, Some(1));
    assert!(told.stdout.starts_with('{') && told.stdout.contains("\"code\": \"PRJ-0016\""));
}

#[test]
fn strict_refuses_what_is_not_understood() {
    let folder = faulty_models();
    for args in [
        &["explain", "--strict"][..],
        &["optimize", "--strict", "--out", "result"],
        &["optimize", "--strict", "--output", "result.txt"],
        &["run", "--strict"],
        &["verify", "--strict"],
    ] {
        let told = isomer(folder.path(), args);
        assert_eq!((told.exit, told.stdout.as_str()), (Some(2), ""), "{args:?}: {told:?}");
        assert_eq!(codes(&told, "warning").len(), 8, "{}", told.stderr);
    }
    assert!(!folder.path().join("result").exists() && !folder.path().join("result.txt").exists());
}

#[test]
fn faults_of_a_project_are_told_at_once() {
    let settings = format!(
        "{SETTINGS}\nnmae: shop\nmodel_paths: [models, no_such_folder]\nrules: [no_such_rules]\ntarget: oracle\nmodels:\n  no_such_model: {{materialise: table}}\n"
    );
    refused(
        &[("isomer.yml", settings.as_bytes()), ("models/fine.sql", FINE.as_bytes())],
        &[],
        &["PRJ-0004", "PRJ-0002", "PRJ-0002", "PRJ-0006", "PRJ-0010"],
    );
}

#[test]
fn a_project_must_be_there() {
    refused(&[], &["no/such/folder"], &["FILE-0001"]);
    refused(&[("notes.txt", b"no models here")], &[], &["PRJ-0001"]);
    refused(&[("dbt_project.yml", b"name: shop")], &[], &["PRJ-0015"]);
}

#[test]
fn models_that_read_each_other_in_a_circle_are_refused() {
    refused(
        &[
            ("models/a.sql", b"SELECT n FROM c"),
            ("models/b.sql", b"SELECT n FROM a"),
            ("models/c.sql", b"SELECT n FROM b"),
        ],
        &[],
        &["PRJ-0030"],
    );
}

#[test]
fn two_models_of_one_name_are_refused() {
    refused(&[("models/x/a.sql", b"SELECT 1 AS n"), ("models/y/A.sql", b"SELECT 2 AS n")], &[], &["PRJ-0007"]);
}

#[test]
fn a_manifest_without_compiled_code_is_refused() {
    let manifest = br#"{
      "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "adapter_type": "duckdb"},
      "nodes": {"model.shop.a": {"resource_type": "model", "name": "a", "path": "a.sql", "relation_name": "\"a\"",
        "config": {"materialized": "table"}, "depends_on": {"nodes": []}, "raw_code": "select 1 as n"}},
      "sources": {}
    }"#;
    refused(&[("target/manifest.json", manifest)], &[], &["PRJ-0014"]);
    refused(&[("target/manifest.json", b"{\"metadata\": ")], &[], &["PRJ-0012"]);
}

#[test]
fn a_broken_rule_file_is_refused() {
    let folder = project(&[
        ("models/a.sql", b"SELECT 1 AS n"),
        (
            "rules/mine.rules",
            b"rule simplify-something\n  \"A doc.\"\n  class exakt phase user\n  match abs($x => $x\n",
        ),
    ]);
    for args in [&["explain"][..], &["rules", "list"], &["rules", "test", "rules"]] {
        let told = isomer(folder.path(), args);
        assert_eq!((told.exit, told.stdout.as_str()), (Some(2), ""), "{args:?}: {told:?}");
        assert!(codes(&told, "error").iter().all(|code| code.starts_with("RULE-")), "{}", told.stderr);
        assert!(!codes(&told, "error").is_empty() && told.stderr.contains("rules/mine.rules:"), "{}", told.stderr);
    }
}

#[test]
fn a_rule_that_fails_its_own_cases_is_a_finding() {
    let rule = r#"
rule simplify-abs
  "A number is as far from zero as itself, which is wrong for negative ones."
  class exact  phase user
  for   n expr
  match abs($n)  =>  $n
  example "a number"
    given  t(id int key, n int)
    input  SELECT id FROM t WHERE abs(n) > 5
    expect SELECT id FROM t WHERE n > 5
    rows   t (1, -9)
"#;
    let folder = project(&[("models/a.sql", b"SELECT 1 AS n"), ("rules/mine.rules", rule.as_bytes())]);
    let told = isomer(folder.path(), &["rules", "test", "rules"]);
    assert_eq!(told.exit, Some(1), "{told:?}");
    assert!(told.stdout.contains("FAIL  simplify-abs  example \"a number\"\n"), "{}", told.stdout);
    assert!(told.stdout.contains("the expected text gives other rows than the input"), "{}", told.stdout);
    // Made rows find the fault as well, and print it as a refusal.
    assert!(told.stdout.contains("        refuses \"rows that tell the two sides apart\"\n"), "{}", told.stdout);
    assert!(told.stdout.ends_with("\n0 passed, 2 failed\n"), "{}", told.stdout);
}

#[test]
fn unknown_targets_selectors_rules_and_options_are_refused() {
    let files: &[(&str, &[u8])] = &[("isomer.yml", SETTINGS.as_bytes()), ("models/fine.sql", FINE.as_bytes())];
    refused(files, &["--target", "oracle"], &["PRJ-0006"]);
    refused(files, &["--select", "no_such_model"], &["PRJ-0031"]);
    refused(files, &["--select", "tag:"], &["PRJ-0032"]);
    let folder = project(files);
    for args in [&["explain", "--no-such-option"][..], &["no-such-command"], &["rules", "show", "no-such-rule"], &[]] {
        let told = isomer(folder.path(), args);
        assert_eq!((told.exit, told.stdout.as_str()), (Some(2), ""), "{args:?}: {told:?}");
        assert!(!told.stderr.is_empty());
    }
}

/// A hard model is understood or refused by name; the model beside it goes on. A run that takes for
/// ever is ended by the test runner.
fn hard(sql: &str, expect: &[&str]) {
    let folder = project(&[
        ("isomer.yml", SETTINGS.as_bytes()),
        ("models/fine.sql", FINE.as_bytes()),
        ("models/hard.sql", sql.as_bytes()),
    ]);
    let told = isomer(folder.path(), &["optimize"]);
    assert_eq!(codes(&told, "warning"), expect, "{}", told.stderr);
    assert_eq!(told.exit, Some(i32::from(!expect.is_empty())), "{}", told.stderr);
    assert!(told.stdout.contains("-- fine: rewritten\n"));
}

#[test]
fn ten_thousand_parentheses() {
    let depth = 10_000;
    hard(&format!("SELECT {}order_id{} AS n FROM orders", "(".repeat(depth), ")".repeat(depth)), &["SQL-0004"]);
}

#[test]
fn fifty_thousand_terms_of_or() {
    let terms: Vec<String> = (0..50_000).map(|n| format!("order_id = {n}")).collect();
    hard(&format!("SELECT order_id FROM orders WHERE {}", terms.join(" OR ")), &[]);
}

#[test]
fn five_megabytes_of_in() {
    let values: Vec<String> = (0..).map(|n| format!("{}", 1_000_000_000_u64 + n)).take((5 << 20) / 11).collect();
    let sql = format!("SELECT order_id FROM orders WHERE order_id IN ({})", values.join(","));
    assert!(sql.len() > 5_000_000);
    hard(&sql, &[]);
}

#[test]
fn verify_excuses_models_that_differ_from_themselves() {
    let folder = project(&[
        ("isomer.yml", SETTINGS.as_bytes()),
        ("models/drawn.sql", b"SELECT order_id, random() AS r FROM orders"),
        ("models/reads_drawn.sql", b"SELECT sum(r) AS s FROM drawn"),
        ("models/counted.sql", b"SELECT count(*) AS n FROM drawn"),
    ]);
    let told = isomer(folder.path(), &["verify", "--format", "json"]);
    assert_eq!(told.exit, Some(0), "{told:?}");
    let found: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    let verdict = |name: &str| {
        let models = found["models"].as_array().unwrap();
        models.iter().find(|model| model["name"] == name).unwrap()["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(["drawn", "reads_drawn", "counted"].map(verdict), ["skipped", "skipped", "equal"]);
}

#[test]
fn generated_rows_meet_the_conditions_of_the_models() {
    let settings = "
sources:
  raw:
    columns:
      - {name: id, type: bigint, not_null: true, unique: true}
      - {name: status, type: varchar}
      - {name: day, type: varchar}
      - {name: meta, type: json}
      - {name: tags, type: 'varchar[]'}
";
    let stage = "SELECT id, upper(status) AS status, CAST(day AS DATE) AS day, meta ->> '$.source.name' AS source, tags FROM raw";
    let paid = "SELECT count(*) AS n_paid, count(*) FILTER (WHERE day >= '2031-05-01') AS n_late FROM stage \
                WHERE status IN ('PAID', 'SHIPPED') HAVING count(*) > 0";
    let sources =
        "SELECT source, count(*) AS n FROM stage WHERE source IS NOT NULL GROUP BY source HAVING count(*) > 20";
    let tags = "SELECT tag, count(*) AS n FROM raw, unnest(raw.tags) AS t(tag) GROUP BY tag HAVING count(*) > 20";
    let folder = project(&[
        ("isomer.yml", settings.as_bytes()),
        ("models/stage.sql", stage.as_bytes()),
        ("models/paid.sql", paid.as_bytes()),
        ("models/sources.sql", sources.as_bytes()),
        ("models/tags.sql", tags.as_bytes()),
    ]);
    let told = isomer(folder.path(), &["verify", "--format", "json"]);
    assert_eq!(told.exit, Some(0), "{told:?}");
    let verified: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    let models = verified["models"].as_array().unwrap();
    let n_rows = models.iter().map(|model| (model["name"].as_str().unwrap(), model["rows"].as_u64().unwrap()));
    let n_rows: std::collections::BTreeMap<_, _> = n_rows.collect();
    assert_eq!(n_rows["paid"], 1, "{verified:#}");
    assert!(n_rows["sources"] >= 4 && n_rows["tags"] >= 5, "{verified:#}");
}
