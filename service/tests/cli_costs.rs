//! Estimates that leave all bounds: a model is still written as it is, or equal to it.

mod command;

use command::{codes, isomer, project};

/// Forgets nothing: of a column that is never NULL.
const RULE: &[u8] = br#"
rule eliminate-coalesce-of-never-null
  "A value that is never NULL is itself."
  class exact
  phase user
  for   n expr
  match coalesce($n, 0) => $n
  when  not_null($n)
  example "a column"
    given  t(id int key, n int not null)
    input  SELECT coalesce(n, 0) AS n FROM t
    expect SELECT n FROM t
"#;

#[test]
fn joins_of_joins_have_plans_however_many_rows_are_estimated() {
    let settings = "sources:\n  t: {rows: 100000, columns: {a: {type: integer, not_null: true}}}\n";
    let mut files: Vec<(String, Vec<u8>)> =
        vec![("isomer.yml".to_owned(), settings.as_bytes().to_vec()), ("rules/mine.rules".to_owned(), RULE.to_vec())];
    let mut below = "t".to_owned();
    for level in 1..=8 {
        let sql = format!("SELECT x.a FROM {below} AS x CROSS JOIN {below} AS y");
        below = format!("m{level}");
        files.push((format!("models/{below}.sql"), sql.into_bytes()));
    }
    files.push(("models/z.sql".to_owned(), b"SELECT sum(coalesce(a, 0) + 1) AS s FROM m8 WHERE a > 1".to_vec()));
    let files: Vec<(&str, &[u8])> = files.iter().map(|(file, text)| (file.as_str(), text.as_slice())).collect();
    let folder = project(&files);
    let told = isomer(folder.path(), &["explain"]);
    assert_eq!((told.exit, codes(&told, "error")), (Some(0), Vec::new()), "{}", told.stderr);
    assert!(told.stdout.contains("1 changed") && told.stdout.contains("eliminate-coalesce-of-never-null"), "{told:?}");
    assert!(!told.stdout.contains("FALSE"), "the model lost its rows: {}", told.stdout);
    assert!(!told.stdout.contains("NaN") && !told.stdout.contains("inf "), "{}", told.stdout);
}
