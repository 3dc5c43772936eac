//! Calls of functions as examples: the expressions of `tests/functions`, the table that those of DuckDB read, and
//! projects with a model for each query.

use isomer_engines::Engine;
use isomer_frontend::{ProjectFiles, ReadOptions, bind_project, read_project};
use isomer_ir::{BoundProject, Dialect, Severity};
use serde_json::{Map, json};

use crate::repository;

/// A column's name and its type.
pub type Declared<'a> = (&'a str, &'a str);

/// Columns of the table `w`, in DuckDB's words.
pub const COLUMNS: [Declared<'_>; 14] = [
    ("id", "integer"),
    ("i", "integer"),
    ("n", "tinyint"),
    ("d", "double"),
    ("s", "varchar"),
    ("f", "boolean"),
    ("dt", "date"),
    ("ts", "timestamp"),
    ("l", "integer[]"),
    ("sl", "varchar[]"),
    ("st", "struct(a integer, t varchar)"),
    ("mp", "map(varchar, integer)"),
    ("m", "decimal(6,2)"),
    ("j", "json"),
];

/// Its rows, as in `VALUES`; parted at the last column, which Spark has no type for.
pub const ROWS: [(&str, &str); 6] = [
    ("0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL", "NULL"),
    (
        "1, 1, 2, 0.5, 'Abc', true, '2024-01-31', '2024-01-31 23:59:59.25', [3, 1, 2], ['x', NULL, 'y'], {'a': 1, 't': 'q'}, MAP {'a': 1}, 1.25",
        r#"'{"a": 1, "b": "x", "c": [1, 2]}'"#,
    ),
    (
        "2, 7, 3, 1.0, '12', false, '2024-02-29', '2024-02-29 00:00:00', [1, NULL, 2], [], {'a': NULL, 't': 'r'}, MAP {'b': 2, 'a': NULL}, -1.25",
        "'[1, 2]'",
    ),
    (
        "3, 5, 5, 0.25, 'a,b,c', NULL, '1999-12-31', '1999-12-31 12:30:45', [], ['Abc'], {'a': 3, 't': NULL}, MAP {}, 0.00",
        r#"'{"a": {"b": 2}}'"#,
    ),
    ("4, 2, 7, 0.75, '', true, '2020-02-03', '2020-02-03 04:05:06', NULL, NULL, NULL, NULL, NULL", "'null'"),
    (
        "5, -3, -4, -0.5, 'ä b😀', false, '1970-01-01', '1970-01-01 00:00:00', [-1], ['', 'a'], {'a': -1, 't': ''}, MAP {'': 0}, 2.50",
        r#"'"x"'"#,
    ),
];

/// The expressions of a file of `tests/functions`: several on a line, parted by `; `.
///
/// # Panics
///
/// When the file is not there.
#[must_use]
pub fn examples(file: &str) -> Vec<String> {
    let path = repository(&format!("tests/functions/{file}.txt"));
    let text = std::fs::read_to_string(path).expect("the examples are there");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(|line| line.split("; ")).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

/// Makes `w` in DuckDB, of its first columns, and of such rows.
///
/// # Panics
///
/// When the engine refuses.
pub fn make_table(engine: &Engine, columns: &[Declared<'_>], rows: &[(&str, &str)]) {
    let declared: Vec<String> = columns.iter().map(|(name, of)| format!("{name} {of}")).collect();
    engine.execute(&format!("CREATE TABLE w ({})", declared.join(", "))).expect("the table is made");
    for (most, last) in rows {
        let last = if columns.len() == COLUMNS.len() { format!(", {last}") } else { String::new() };
        engine.execute(&format!("INSERT INTO w VALUES ({most}{last})")).expect("the row is taken");
    }
}

/// A project of the queries as models `q0`, `q1` and so on, over tables of such columns.
///
/// # Panics
///
/// When the columns are not understood.
#[must_use]
pub fn project_of(texts: &[String], dialect: Dialect, tables: &[(&str, &[Declared<'_>])]) -> BoundProject {
    let mut files = ProjectFiles::new();
    for (at, sql) in texts.iter().enumerate() {
        files.insert(format!("models/q{at}.sql"), sql.clone().into_bytes());
    }
    let mut sources = Map::new();
    for (table, columns) in tables {
        let columns: Vec<_> = columns.iter().map(|(name, of)| json!({"name": name, "type": of})).collect();
        sources.insert((*table).to_owned(), json!({"columns": columns}));
    }
    let settings = json!({"dialect": dialect.name(), "sources": sources});
    files.insert("isomer.yml".to_owned(), settings.to_string().into_bytes());
    let (project, mut faults) = read_project(&files, &ReadOptions::default());
    // Maps are not modelled in the words of Spark, which is no fault.
    faults.retain(|fault| dialect != Dialect::Spark || fault.severity > Severity::Note);
    assert!(faults.is_empty(), "{faults:?}");
    bind_project(project.expect("the project is read"))
}
