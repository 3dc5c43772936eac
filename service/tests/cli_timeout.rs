//! Models that never end, as a user meets them: stopped, told of by name, and no reason not to compare the rest.

mod command;

use command::{Told, codes, isomer, project};
use tempfile::TempDir;

const SETTINGS: &[u8] = b"dialect: duckdb
sources:
  parts:
    columns:
      - {name: id, type: bigint, not_null: true, unique: true}
      - {name: n, type: integer}
models:
  stored: {materialise: table}
  viewed: {materialise: view}
";
/// Models whose steps find the rows of the round before again, for ever.
const ENDLESS: [(&str, &str); 2] = [
    (
        "models/stored.sql",
        "WITH RECURSIVE r AS (SELECT id, n FROM parts UNION ALL SELECT id, n FROM r) SELECT id, coalesce(n, 0) AS n FROM r",
    ),
    (
        "models/viewed.sql",
        "WITH RECURSIVE r AS (SELECT id, n FROM parts WHERE id > 5 UNION ALL SELECT id, n FROM r) SELECT coalesce(n, 0) AS n, id FROM r",
    ),
];

/// A rule, so that the models are changed.
const RULE: &[u8] = br#"
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

fn endless(rule: Option<&[u8]>) -> TempDir {
    let mut files: Vec<(&str, &[u8])> = vec![("isomer.yml", SETTINGS)];
    files.extend(ENDLESS.map(|(file, sql)| (file, sql.as_bytes())));
    files.push(("models/calm.sql", b"SELECT id + 1 AS next FROM parts"));
    files.extend(rule.map(|rule| ("rules/mine.rules", rule)));
    project(&files)
}

fn verdicts(told: &Told) -> Vec<(String, String)> {
    let found: serde_json::Value = serde_json::from_str(&told.stdout).expect("stdout is JSON");
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let models = found["models"].as_array().expect("a list");
    models.iter().map(|model| (text(&model["name"]), text(&model["verdict"]))).collect()
}

#[test]
fn verify_stops_and_compares_the_rest() {
    for engine in ["duckdb", "datafusion"] {
        let folder = endless(None);
        let told = isomer(folder.path(), &["verify", "--timeout", "1", "--engine", engine, "--format", "json"]);
        assert_eq!((told.exit, codes(&told, "warning")), (Some(1), vec!["RUN-0001".to_owned(); 2]), "{told:?}");
        let expect = [("calm", "equal"), ("stored", "failed"), ("viewed", "failed")];
        assert_eq!(verdicts(&told), expect.map(|(name, verdict)| (name.to_owned(), verdict.to_owned())), "{engine}");
        for name in ["stored", "viewed"] {
            let sentence = format!("`{name}` took longer than 1 s on {engine} and was stopped");
            assert!(told.stderr.contains(&sentence) && told.stdout.contains(&sentence), "{told:?}");
        }
        assert!(told.stderr.contains("`--timeout SECONDS`"), "{}", told.stderr);
        let found: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
        let diagnostics = found["diagnostics"].as_array().unwrap().iter();
        assert_eq!(diagnostics.filter(|told| told["code"] == "RUN-0001").count(), 2);
    }
}

#[test]
fn run_stops_with_an_error() {
    for engine in ["duckdb", "datafusion"] {
        for way in [&["--naive"][..], &["--compare"], &[]] {
            let folder = endless(None);
            let told =
                isomer(folder.path(), &[&["run", "--quiet", "--timeout", "1", "--engine", engine], way].concat());
            assert_eq!((told.exit, codes(&told, "error")), (Some(2), vec!["RUN-0001".to_owned()]), "{told:?}");
            assert!(told.stderr.contains("`stored` took longer") && told.stdout.is_empty(), "{told:?}");
        }
    }
}

#[test]
fn steps_of_a_model_that_never_ends_are_tried_once() {
    for engine in ["duckdb", "datafusion"] {
        let folder = endless(Some(RULE));
        let told = isomer(folder.path(), &["verify", "--steps", "--timeout", "1", "--engine", engine]);
        assert_eq!(told.exit, Some(1), "{told:?}");
        assert_eq!(codes(&told, "warning"), ["RUN-0001", "RUN-0001"], "{told:?}");
        assert!(told.stdout.contains("not run, since the model took too long before"), "{}", told.stdout);
    }
}
