//! `isomer explain --proof` and `isomer verify --steps` as a user meets them.

mod command;

use command::{codes, isomer, project};

const SETTINGS: &[u8] = b"dialect: duckdb
sources:
  orders:
    rows: 100000
    columns:
      - {name: id, type: bigint, not_null: true, unique: true}
      - {name: amount, type: integer}
";
const MODEL: &[u8] = b"SELECT id, coalesce(amount, 0) + 1 AS amount FROM orders\n";

/// Forgets that `amount` may be NULL.
const UNSOUND: &[u8] = br#"
rule eliminate-coalesce
  "NULL is forgotten."
  class exact
  phase user
  for   n expr
  match coalesce($n, 0) => $n
  when  type($n) in (integer)
  example "a column"
    given  t(id int key, n int)
    input  SELECT coalesce(n, 0) AS n FROM t
    expect SELECT n FROM t
"#;

#[test]
fn a_step_that_changes_rows_is_told_and_ends_with_one() {
    let files = [("isomer.yml", SETTINGS), ("models/m.sql", MODEL), ("rules/mine.rules", UNSOUND)];
    let folder = project(&files);
    let told = isomer(folder.path(), &["explain", "--proof"]);
    assert_eq!((told.exit, codes(&told, "warning")), (Some(1), vec!["PLAN-0004".to_owned()]), "{told:?}");
    for part in ["1 step: 1 refuted", "REFUTED", "INSERT INTO orders VALUES (0, NULL);", "-- after:  (0, NULL)"] {
        assert!(told.stdout.contains(part), "no `{part}` in\n{}", told.stdout);
    }
    let told = isomer(folder.path(), &["explain", "--proof", "--json"]);
    let output: serde_json::Value = serde_json::from_str(&told.stdout).expect("stdout is JSON alone");
    let step = &output["proofs"][0]["steps"][0];
    assert_eq!((told.exit, &step["rule"]), (Some(1), &"eliminate-coalesce".into()));
    assert_eq!((&step["verdict"], &step["direction"]), (&"refuted".into(), &"left to right".into()));
    let told = isomer(folder.path(), &["verify", "--steps"]);
    assert_eq!(told.exit, Some(1), "{told:?}");
    let is_at_fault = |line: &&str| line.contains("  1  eliminate-coalesce  ") && line.ends_with("DIFFERENT");
    assert_eq!(told.stdout.lines().filter(is_at_fault).count(), 1, "{}", told.stdout);
    let without = ["explain", "--proof", "--disable", "eliminate-coalesce"];
    assert_eq!(isomer(folder.path(), &without).exit, Some(0));
}

#[test]
fn one_model_can_be_asked_for_and_must_be_there() {
    let folder = project(&[("isomer.yml", SETTINGS), ("models/m.sql", MODEL), ("rules/mine.rules", UNSOUND)]);
    let told = isomer(folder.path(), &["explain", "--proof", "--model", "n"]);
    assert_eq!((told.exit, told.stdout.as_str()), (Some(2), ""), "{told:?}");
    assert!(told.stderr.contains("no model of the project is called `n`"), "{}", told.stderr);
    assert_eq!(isomer(folder.path(), &["verify", "--steps", "--model", "m"]).exit, Some(1));
    assert_eq!(isomer(folder.path(), &["explain", "--model", "m"]).exit, Some(2), "--model belongs to --proof");
}
