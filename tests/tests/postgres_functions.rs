//! Functions on a real PostgreSQL: names of the function table exist there, what is written for a call in
//! DuckDB's words gives DuckDB's value, and calls in PostgreSQL's words give its own values when written again.
//!
//! Left out, with the reason told, where no PostgreSQL is installed.

use std::collections::{BTreeMap, BTreeSet};

use isomer_codegen::{to_sql, type_name};
use isomer_engines::{Engine, EngineKind, values};
use isomer_ir::semantics::{Rows, Value};
use isomer_ir::{Bound, DataType, Dialect, FunctionKind, FunctionRow, function_rows};
use isomer_tests::calls::{Declared, examples, project_of};
use isomer_tests::postgres::{Server, kind_of, value_of};
use isomer_tests::with_stack;

/// Columns, with their types in DuckDB and PostgreSQL.
const COLUMNS: [(&str, &str, &str); 16] = [
    ("id", "integer", "integer"),
    ("i", "integer", "integer"),
    ("n", "smallint", "smallint"),
    ("b", "bigint", "bigint"),
    ("d", "double", "double precision"),
    ("r", "real", "real"),
    ("m", "decimal(6,2)", "numeric(6,2)"),
    ("w", "decimal(18,4)", "numeric(18,4)"),
    ("s", "varchar", "text"),
    ("u", "varchar", "text"),
    ("f", "boolean", "boolean"),
    ("dt", "date", "date"),
    ("ts", "timestamp", "timestamp"),
    ("tz", "timestamptz", "timestamptz"),
    ("tm", "time", "time"),
    ("iv", "interval", "interval"),
];

/// NULLs, ends of types, negative numbers, halves, empty and other texts, ends of months and years.
const ROWS: [&str; 11] = [
    "0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
    "1, 1, 2, 3, 0.5, 0.25, 1.25, 2.5000, 'Abc', 'b', true, '2024-01-31', '2024-01-31 23:59:59.25', '2024-01-31 23:59:59.25+00', '23:59:59.25', INTERVAL '1 month'",
    "2, 7, 3, -7, 1.0, 1.5, -1.25, -2.5000, '12', '1', false, '2024-02-29', '2024-02-29 00:00:00', '2024-02-29 00:00:00+00', '00:00:00', INTERVAL '3 days'",
    "3, -5, -3, 5, -2.5, -0.5, 2.50, 0.0001, 'a,b,c', ',', NULL, '1999-12-31', '1999-12-31 12:30:45', '1999-12-31 12:30:45+00', '12:30:45', INTERVAL '90 minutes'",
    "4, 0, 0, 0, 0.0, 0.0, 0.00, 0.0000, '', '', true, '2020-02-03', '2020-02-03 04:05:06.000001', '2020-02-03 04:05:06.000001+00', '04:05:06.000001', INTERVAL '-1 day'",
    "5, 2147483647, 32767, 9223372036854775807, 1.5, 2.5, 9999.99, 99999999999999.9999, 'ä b ö', 'ö', false, '1970-01-01', '1970-01-01 00:00:00', '1970-01-01 00:00:00+00', '00:00:00', INTERVAL '14 months'",
    "6, -2147483648, -32768, -9223372036854775808, -1.5, -2.5, -9999.99, -99999999999999.9999, '  x ', ' ', NULL, '1969-12-31', '1969-12-31 23:59:59.5', '1969-12-31 23:59:59.5+00', '23:59:59.5', INTERVAL '0 days'",
    "7, 4, 4, 4, 1e300, 1e30, 0.01, 1.0000, 'Ünï%_\\cöde', '%', true, '2023-12-31', '2023-12-31 00:00:01', '2023-12-31 00:00:01+00', '00:00:01', INTERVAL '1 month 2 days'",
    "8, 10, -1, 1000000, 0.1, 0.1, 0.05, 0.3333, '😀e', 'E', false, '2021-01-03', '2021-01-03 10:00:00', '2021-01-03 10:00:00+00', '10:00:00', INTERVAL '1 hour 30 seconds'",
    "9, 3, 5, 12, 123456789.125, 3.0, 12.34, 7.7777, 'aaa', 'a', NULL, '2000-02-29', '2000-02-29 13:14:15.5', '2000-02-29 13:14:15.5+00', '13:14:15.5', INTERVAL '2 years'",
    "10, -1, 1, -1, 'NaN', 'NaN', -0.50, -0.5000, '-7', '-', true, '0001-01-01', '0001-01-01 00:00:00', '0001-01-01 00:00:00+00', '01:02:03', INTERVAL '-25 hours'",
];

/// Functions of PostgreSQL's grammar, which its catalogue does not list.
const IN_GRAMMAR: [&str; 10] = [
    "trim",
    "coalesce",
    "nullif",
    "greatest",
    "least",
    "current_date",
    "current_timestamp",
    "localtimestamp",
    "session_user",
    "current_user",
];

/// What PostgreSQL refuses at run time where DuckDB has a value: an infinity, no number, or a text of no length.
/// A refusal is no wrong row.
const RAISED: [&str; 5] = [
    "division by zero",
    "value out of range: overflow",
    "value out of range: underflow",
    "negative substring length not allowed",
    "field position must not be zero",
];

/// The statements that make the table.
fn table(dialect: Dialect) -> Vec<String> {
    let columns = columns(dialect).map(|(name, of)| format!("{name} {of}"));
    let rows = ROWS.iter().map(|row| format!("INSERT INTO t VALUES ({row})"));
    std::iter::once(format!("CREATE TABLE t ({})", columns.join(", "))).chain(rows).collect()
}

/// The columns in a dialect's words.
fn columns(dialect: Dialect) -> [Declared<'static>; 16] {
    COLUMNS.map(|(name, duckdb, postgres)| (name, if dialect == Dialect::Postgres { postgres } else { duckdb }))
}

#[test]
fn names_are_those_of_postgres() {
    let Some(server) = Server::or_told() else { return };
    let listed = "SELECT DISTINCT proname, pronargs - pronargdefaults, CASE WHEN provariadic <> 0 THEN 100 ELSE pronargs END FROM pg_proc";
    let mut known: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
    for row in server.client.query(listed).expect("the catalogue is read").rows {
        if let [Some(name), Some(least), Some(most)] = row.as_slice() {
            let arity = (least.parse().expect("a number"), most.parse().expect("a number"));
            known.entry(name.clone()).or_default().push(arity);
        }
    }
    let mut missing = BTreeSet::new();
    let written = |row: &&&'static FunctionRow| row.kind == FunctionKind::Scalar || row.kind == FunctionKind::Aggregate;
    for row in function_rows().iter().filter(|row| written(&row)) {
        for name in row.names(Dialect::Postgres).iter().filter(|name| !IN_GRAMMAR.contains(&name.name.as_str())) {
            let arities = known.get(&name.name).map(Vec::as_slice).unwrap_or_default();
            // An unbounded number of arguments is one that a variadic function takes.
            let takes = |n: usize| arities.iter().any(|(least, most)| (*least..=*most).contains(&n));
            let most = name.arity.most.min(name.arity.least.max(1) + 20);
            for n in (name.arity.least..=most).filter(|&n| !takes(n)) {
                missing.insert(format!("{}/{n}", name.name));
            }
        }
    }
    assert!(missing.is_empty(), "PostgreSQL has no functions of these names and numbers of arguments: {missing:?}");
}

/// An example as a query.
#[derive(Debug)]
struct Query {
    example: String,
    /// Gives rows of `id` and `v`.
    sql: String,
    /// The numbers from 0 that `id` has.
    n_ids: usize,
}

/// Each expression over each row.
fn over_rows(file: &str) -> Vec<Query> {
    let query = |example: String| {
        let sql = format!("SELECT id, {example} AS v FROM t");
        Query { example, sql, n_ids: ROWS.len() }
    };
    examples(file).into_iter().map(query).collect()
}

/// Rows that aggregates are computed of: values of every kind, the calm ones among them, some of them twice, NULLs
/// alone, and none.
const FROM: [&str; 5] = [
    "t",
    "(SELECT * FROM t WHERE id IN (0, 1, 2, 3, 4, 9)) AS t",
    "(SELECT * FROM t WHERE id < 5 UNION ALL SELECT * FROM t WHERE id IN (0, 2, 3)) AS t",
    "(SELECT * FROM t WHERE id = 0) AS t",
    "(SELECT * FROM t WHERE id < 0) AS t",
];

/// Each aggregate over each set of rows, and by groups of rows.
fn over_groups(file: &str) -> Vec<Query> {
    let mut queries = Vec::new();
    for example in examples(file) {
        let whole = FROM.map(|from| (format!("SELECT 0 AS id, {example} AS v FROM {from}"), 1));
        let grouped = format!("SELECT t.id % 3 AS id, {example} AS v FROM t GROUP BY t.id % 3");
        let all = whole.into_iter().chain([(grouped, 3)]);
        queries.extend(all.map(|(sql, n_ids)| Query { example: example.clone(), sql, n_ids }));
    }
    queries
}

/// What came of the examples of a file.
#[derive(Debug, Default)]
struct Found {
    n_equal: usize,
    /// Examples of which a value was compared and is equal.
    equal: BTreeSet<String>,
    unbound: BTreeMap<String, String>,
    unwritten: BTreeMap<String, String>,
    /// Types that are of another kind than the binder says.
    types: BTreeSet<String>,
    faults: Vec<String>,
}

impl Found {
    fn is_equal(&mut self, example: &str) {
        self.n_equal += 1;
        self.equal.insert(example.to_owned());
    }
}

/// Runs each example on each row: as written, and as written again for the other engines.
fn run(queries: &[Query], dialect: Dialect) -> Option<Found> {
    let server = Server::or_told()?;
    let duck = Engine::open(EngineKind::DuckDb, None).expect("DuckDB opens");
    table(Dialect::DuckDb).iter().for_each(|sql| duck.execute(sql).expect("the table is made"));
    let made = table(Dialect::Postgres);
    let made: Vec<&str> = made.iter().map(String::as_str).collect();
    let refused: Vec<String> =
        server.client.run(&made).expect("the server answers").into_iter().filter_map(Result::err).collect();
    assert!(refused.is_empty(), "{refused:?}");

    let texts: Vec<String> = queries.iter().map(|query| query.sql.clone()).collect();
    let mut project = project_of(&texts, dialect, &[("t", &columns(dialect))]);
    let catalog = project.project.catalog.clone();
    let mut found = Found::default();
    for (at, Query { example, n_ids, .. }) in queries.iter().enumerate() {
        let position = project.model_position(&format!("q{at}")).expect("a model of that name");
        let Bound::Plan(output) = project.models[position].bound.clone() else {
            let path = &project.project.models[position].path;
            let fault = project.diagnostics.iter().find(|fault| fault.source == *path);
            found.unbound.insert(example.clone(), fault.map_or(String::new(), |fault| fault.message.clone()));
            continue;
        };
        let data_type = project.arena.column_type(output.columns[1].column);
        let mut write = |dialect| to_sql(&output, &mut project.arena, &catalog, dialect);
        let written = match write(Dialect::Postgres) {
            Ok(written) => written,
            Err(error) => {
                found.unwritten.insert(example.clone(), error.to_string());
                continue;
            }
        };
        let duckdb = if dialect == Dialect::DuckDb { Some(texts[at].clone()) } else { write(Dialect::DuckDb).ok() };
        let row = |sql: &str, id: usize| format!("SELECT v, pg_typeof(v) FROM ({sql}) AS q WHERE id = {id}");
        let mut script = Vec::new();
        for id in 0..*n_ids {
            script.push(row(&written, id));
            if dialect == Dialect::Postgres {
                script.push(row(&texts[at], id));
            }
        }
        let script: Vec<&str> = script.iter().map(String::as_str).collect();
        let mut answers = server.client.run(&script).expect("the server answers").into_iter();
        let mut cell = || {
            let rows = answers.next().unwrap_or_else(|| Err("no answer".to_owned()))?.rows;
            let mut row = rows.into_iter().next().unwrap_or_default().into_iter();
            Ok::<_, String>((row.next().flatten(), row.next().flatten().unwrap_or_default()))
        };
        for id in 0..*n_ids {
            let ours = cell();
            let told = |what: &str| format!("{example} of row {id}: {what}\n{written}");
            if let (Ok((_, found_type)), Ok(name)) = (&ours, type_name(data_type, Dialect::Postgres))
                && !is_type(&name, found_type)
            {
                found.types.insert(format!("{example}: type {found_type}, expected {name}"));
            }
            if dialect == Dialect::Postgres {
                let theirs = cell();
                match (&theirs, &ours) {
                    (Ok(theirs), Ok(ours)) if theirs.0 == ours.0 && is_type(&theirs.1, &ours.1) => {
                        found.is_equal(example);
                    }
                    (Ok(theirs), Ok(ours)) if is_spread(example) && is_rounded(theirs, ours) => found.is_equal(example),
                    (Err(_), Err(_)) => {}
                    _ => {
                        found.faults.push(told(&format!("PostgreSQL {theirs:?}, written again {ours:?}")));
                        break;
                    }
                }
            }
            let Some(sql) = &duckdb else { continue };
            let sql = format!("SELECT v FROM ({sql}) AS q WHERE id = {id}");
            let theirs = duck.query(&sql).map_err(|error| causes(&error)).and_then(|batches| values(&batches));
            match (theirs, ours) {
                (Ok(theirs), Ok((ours, found_type))) => {
                    let theirs = theirs.into_iter().flatten().next().unwrap_or(Value::Null);
                    if kind_of(&theirs) == Some(DataType::Unknown) {
                        break;
                    }
                    if is_equal(&theirs, ours.as_deref(), &found_type) {
                        found.is_equal(example);
                    } else {
                        found.faults.push(told(&format!("DuckDB {theirs}, PostgreSQL {ours:?}")));
                        break;
                    }
                }
                (Ok(theirs), Err(why)) if !RAISED.contains(&why.as_str()) => {
                    found.faults.push(told(&format!("DuckDB {theirs:?}, PostgreSQL fails: {why}")));
                    break;
                }
                // Where DuckDB fails there are no rows to be like.
                (Err(_), _) | (_, Err(_)) => {}
            }
        }
    }
    found.faults.extend(std::mem::take(&mut found.types));
    Some(found)
}

fn causes(error: &isomer_engines::EngineError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

/// Whether a type of PostgreSQL is of the kind of a cast's: what is done to it next means the same. An integer
/// of another width raises where the other overflows, and gives no other value.
fn is_type(name: &str, found: &str) -> bool {
    let kind = |name: &str| match name.split(['(', ' ']).next().unwrap_or(name) {
        "smallint" | "integer" | "bigint" => "an integer".to_owned(),
        "character" => "text".to_owned(),
        "timestamp" if name.contains("with time zone") => "timestamptz".to_owned(),
        other => other.to_owned(),
    };
    // Its sums of integers are eight bytes wide; those of DuckDB sixteen.
    kind(&name.to_lowercase()) == kind(found) || (name == "NUMERIC(38, 0)" && found == "bigint")
}

/// Standard deviations and variances of integers and decimals are doubles in the plan, and PostgreSQL's are
/// `numeric`, of some more digits. To be mended where the binder gives types.
fn is_spread(example: &str) -> bool {
    ["stddev", "stddev_samp", "stddev_pop", "variance", "var_samp", "var_pop"].iter().any(|name| calls(example, name))
}

/// Whether a value with its type is a double and, to its fifteen digits, the `numeric`.
fn is_rounded(theirs: &(Option<String>, String), ours: &(Option<String>, String)) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    let is_near = match (&theirs.0, &ours.0) {
        (Some(theirs), Some(ours)) => number(theirs)
            .zip(number(ours))
            .is_some_and(|(theirs, ours)| (theirs - ours).abs() <= theirs.abs() * 1e-15 * 4.0),
        (theirs, ours) => theirs.is_none() && ours.is_none(),
    };
    is_near && theirs.1 == "numeric" && ours.1 == "double precision"
}

/// Whether a text is the value.
fn is_equal(theirs: &Value, ours: Option<&str>, found_type: &str) -> bool {
    let Some(of) = kind_of(theirs) else { return ours.is_none() };
    let of = if found_type == "real" && of == DataType::Float64 { DataType::Float32 } else { of };
    let Some(ours) = ours.and_then(|text| value_of(text, of)) else { return false };
    let row = |value: &Value| Rows { rows: vec![vec![value.clone()]], peers: None };
    row(theirs).same_bag(&row(&ours))
}

#[test]
fn calls_written_for_postgres_give_the_values_of_duckdb() {
    with_stack(|| {
        for (file, least) in [("plain", 4500), ("duckdb", 500)] {
            let Some(found) = run(&over_rows(file), Dialect::DuckDb) else { return };
            println!("{} equal; not bound {:#?}; not written {:#?}", found.n_equal, found.unbound, found.unwritten);
            assert!(found.faults.is_empty(), "{} faults\n{}", found.faults.len(), found.faults.join("\n"));
            assert!(found.n_equal >= least, "{} values of `{file}` are equal", found.n_equal);
        }
    });
}

#[test]
fn calls_of_postgres_give_their_values_when_written_again() {
    with_stack(|| {
        let Some(found) = run(&over_rows("postgres"), Dialect::Postgres) else { return };
        println!("{} equal; not bound {:#?}; not written {:#?}", found.n_equal, found.unbound, found.unwritten);
        assert!(found.faults.is_empty(), "{} faults\n{}", found.faults.len(), found.faults.join("\n"));
        assert!(found.n_equal >= 7500, "{} values are equal", found.n_equal);
    });
}

#[test]
fn aggregates_give_the_same_values_on_both() {
    with_stack(|| {
        let mut missing = BTreeSet::new();
        for (file, dialect, least) in
            [("aggregates", Dialect::DuckDb, 880), ("aggregates_postgres", Dialect::Postgres, 1100)]
        {
            let Some(found) = run(&over_groups(file), dialect) else { return };
            println!("{} equal; not bound {:#?}; not written {:#?}", found.n_equal, found.unbound, found.unwritten);
            assert!(found.faults.is_empty(), "{} faults\n{}", found.faults.len(), found.faults.join("\n"));
            assert!(found.n_equal >= least, "{} values of `{file}` are equal", found.n_equal);
            let is_called = |name: &str| found.equal.iter().any(|example| calls(example, name));
            for row in function_rows().iter().filter(|row| row.kind == FunctionKind::Aggregate) {
                // What PostgreSQL has a name for is called in the words of each dialect that has one.
                let names = row.names(dialect);
                let is_written = !row.names(Dialect::Postgres).is_empty() && !names.is_empty();
                if is_written && !names.iter().any(|name| is_called(&name.name)) {
                    missing.insert(format!("{} of {dialect}", row.name));
                }
            }
        }
        assert!(missing.is_empty(), "no example calls these, or none of it could be compared: {missing:?}");
    });
}

/// Whether an expression calls a function.
fn calls(example: &str, name: &str) -> bool {
    let call = format!("{name}(");
    example.match_indices(&call).any(|(at, _)| !example[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}
