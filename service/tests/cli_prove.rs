//! `isomer prove`: proved, refuted with a database, unknown with what was compared, and what it refuses.

mod command;

use command::{codes, isomer, project};

const SCHEMA: &[u8] = b"
CREATE TABLE customers (id INT PRIMARY KEY, name TEXT NOT NULL, country TEXT);
CREATE TABLE orders (id INT PRIMARY KEY, customer_id INT NOT NULL REFERENCES customers (id), amount DECIMAL(10, 2));
";

/// The verdict of `isomer prove` on two queries over [`SCHEMA`]: exit code and JSON.
fn verdict(first: &str, second: &str) -> (Option<i32>, serde_json::Value) {
    let folder = project(&[("a.sql", first.as_bytes()), ("b.sql", second.as_bytes()), ("schema.sql", SCHEMA)]);
    let told = isomer(folder.path(), &["prove", "a.sql", "b.sql", "--schema", "schema.sql", "--format", "json"]);
    (told.exit, serde_json::from_str(&told.stdout).unwrap_or_else(|error| panic!("{error}: {told:?}")))
}

#[test]
fn equal_queries_are_proved() {
    let (exit, verdict) = verdict(
        "SELECT o.id FROM orders o LEFT JOIN customers c ON o.customer_id = c.id WHERE o.amount > 10",
        "SELECT o.id FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = o.customer_id) AND o.amount > 10",
    );
    assert_eq!((exit, &verdict["verdict"]), (Some(0), &"proved".into()), "{verdict}");
    assert!(verdict["method"].is_string() && verdict["n_databases"].as_u64() > Some(0), "{verdict}");
}

#[test]
fn unequal_queries_are_refuted_with_a_database() {
    let (exit, verdict) = verdict(
        "SELECT c.id FROM customers c WHERE c.country <> 'NL'",
        "SELECT c.id FROM customers c WHERE c.country IS DISTINCT FROM 'NL'",
    );
    assert_eq!((exit, &verdict["verdict"]), (Some(1), &"refuted".into()), "{verdict}");
    let refutation = &verdict["refutation"];
    assert_eq!(refutation["difference"], "rows");
    assert_eq!(refutation["first"], serde_json::json!([]), "{verdict}");
    let database = refutation["database"].as_str().unwrap_or_default();
    assert!(database.starts_with("CREATE TABLE customers (id INTEGER NOT NULL, "), "{database}");
    assert!(database.contains("INSERT INTO customers VALUES"), "{database}");
}

#[test]
fn what_is_neither_is_unknown_and_told_as_it_was_compared() {
    let (exit, verdict) = verdict(
        "SELECT regexp_replace(name, 'a', 'b') AS n FROM customers",
        "SELECT replace(name, 'a', 'b') AS n FROM customers",
    );
    assert_eq!((exit, &verdict["verdict"]), (Some(1), &"unknown".into()), "{verdict}");
    assert!(verdict["forms"][0].as_str().is_some_and(|form| form.contains("regexp_replace")), "{verdict}");
}

#[test]
fn other_numbers_of_columns_are_a_difference() {
    let (exit, verdict) = verdict("SELECT id FROM orders", "SELECT id, amount FROM orders");
    assert_eq!((exit, &verdict["verdict"]), (Some(1), &"refuted".into()), "{verdict}");
}

#[test]
fn faults_of_both_queries_and_of_the_schema_are_told() {
    let folder = project(&[
        ("a.sql", b"SELECT nosuch FROM orders"),
        ("b.sql", b"SELECT id FROM nowhere"),
        ("schema.sql", b"CREATE TABLE orders (id INT, id INT, other INT REFERENCES nothing (x))"),
    ]);
    let told = isomer(folder.path(), &["prove", "a.sql", "b.sql", "--schema", "schema.sql"]);
    assert_eq!((told.exit, told.stdout.as_str()), (Some(2), ""), "{told:?}");
    assert_eq!(codes(&told, "warning"), ["PRJ-0021", "PRJ-0011", "SQL-0007", "SQL-0006"], "{}", told.stderr);
    let told = isomer(folder.path(), &["prove", "a.sql", "missing.sql"]);
    assert_eq!(told.exit, Some(2), "{told:?}");
    assert!(told.stderr.contains("missing.sql"), "{told:?}");
}

#[test]
fn versions_of_a_project_are_compared_by_model() {
    let settings: &[u8] = b"
sources:
  orders:
    columns:
      - {name: id, type: bigint, not_null: true, unique: true}
      - {name: amount, type: bigint}
";
    let base: &[u8] = b"SELECT id, amount FROM orders WHERE amount > 0";
    let old = project(&[
        ("old/isomer.yml", settings),
        ("old/base.sql", base),
        ("old/total.sql", b"SELECT sum(amount) AS total FROM base"),
        ("old/ids.sql", b"SELECT id FROM base"),
        ("old/gone.sql", b"SELECT id FROM base WHERE id > 1"),
        ("new/isomer.yml", settings),
        ("new/base.sql", b"SELECT amount, id FROM orders WHERE NOT amount <= 0"),
        ("new/total.sql", b"SELECT sum(amount) AS total FROM orders WHERE amount > 0"),
        ("new/ids.sql", b"SELECT id FROM base WHERE amount > 1"),
    ]);
    let told = isomer(old.path(), &["prove", "--project", "old", "new", "--format", "json"]);
    let compared: serde_json::Value = serde_json::from_str(&told.stdout).unwrap_or_else(|_| panic!("{told:?}"));
    let mut verdicts: Vec<(String, String)> = compared
        .as_array()
        .into_iter()
        .flatten()
        .map(|model| (model["model"].as_str().unwrap_or("").into(), model["verdict"].as_str().unwrap_or("").into()))
        .collect();
    verdicts.sort();
    let expected = [("base", "proved"), ("gone", "removed"), ("ids", "refuted"), ("total", "proved")];
    assert_eq!(verdicts, expected.map(|(model, verdict)| (model.to_owned(), verdict.to_owned())));
    assert_eq!(told.exit, Some(1));
}
