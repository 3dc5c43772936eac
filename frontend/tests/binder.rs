//! The binder through data: SQL in, plan or diagnostic out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

use std::sync::Arc;

use isomer_frontend::bind_query;
use isomer_ir::{
    Arena, Catalog, Column, DataType, Diagnostic, Dialect, Nested, NestedType, Severity, Table, explain_output, fold,
};

const INT: DataType = DataType::Int32;
const BIG: DataType = DataType::Int64;
const TEXT: DataType = DataType::Text;
const DATE: DataType = DataType::Date;
const MONEY: DataType = DataType::Decimal { precision: 15, scale: 2 };

/// A table of columns that are NOT NULL, or nullable where the name ends with `?`.
fn table(catalog: &mut Catalog, name: &str, columns: &[(&str, DataType)]) {
    let columns = columns.iter().map(|(name, data_type)| {
        let plain = name.trim_end_matches('?');
        Column {
            name: Arc::from(plain),
            key: fold(plain),
            data_type: *data_type,
            is_nullable: plain.len() < name.len(),
            n_distinct: None,
        }
    });
    catalog.insert(Table {
        key: fold(name),
        sql_name: Arc::from(name),
        columns: columns.collect(),
        keys: Vec::new(),
        foreign_keys: Vec::new(),
        n_rows: None,
    });
}

fn small() -> Catalog {
    let mut catalog = Catalog::default();
    table(&mut catalog, "t", &[("a", INT), ("b?", INT), ("s?", TEXT), ("d", DATE), ("p", MONEY)]);
    table(&mut catalog, "u", &[("a", INT), ("c?", INT), ("ts?", DataType::Timestamp), ("ok?", DataType::Boolean)]);
    let row = vec![(Arc::from("a"), INT), (Arc::from("t"), TEXT)];
    let nested = |nested| DataType::Nested(NestedType::new(nested));
    table(
        &mut catalog,
        "n",
        &[
            ("a", INT),
            ("b?", INT),
            ("s?", TEXT),
            ("d", DATE),
            ("l?", INT.list_of()),
            ("st?", nested(Nested::Struct(row))),
            ("mp?", nested(Nested::Map(TEXT, INT))),
            ("j?", DataType::Json),
        ],
    );
    table(&mut catalog, "raw.events", &[("id", BIG), ("x?", DataType::Unknown)]);
    catalog
}

fn tpch() -> Catalog {
    let mut catalog = Catalog::default();
    table(&mut catalog, "region", &[("r_regionkey", INT), ("r_name", TEXT), ("r_comment", TEXT)]);
    table(&mut catalog, "nation", &[("n_nationkey", INT), ("n_name", TEXT), ("n_regionkey", INT), ("n_comment", TEXT)]);
    table(
        &mut catalog,
        "supplier",
        &[
            ("s_suppkey", BIG),
            ("s_name", TEXT),
            ("s_address", TEXT),
            ("s_nationkey", INT),
            ("s_phone", TEXT),
            ("s_acctbal", MONEY),
            ("s_comment", TEXT),
        ],
    );
    table(
        &mut catalog,
        "customer",
        &[
            ("c_custkey", BIG),
            ("c_name", TEXT),
            ("c_address", TEXT),
            ("c_nationkey", INT),
            ("c_phone", TEXT),
            ("c_acctbal", MONEY),
            ("c_mktsegment", TEXT),
            ("c_comment", TEXT),
        ],
    );
    table(
        &mut catalog,
        "part",
        &[
            ("p_partkey", BIG),
            ("p_name", TEXT),
            ("p_mfgr", TEXT),
            ("p_brand", TEXT),
            ("p_type", TEXT),
            ("p_size", INT),
            ("p_container", TEXT),
            ("p_retailprice", MONEY),
            ("p_comment", TEXT),
        ],
    );
    table(
        &mut catalog,
        "partsupp",
        &[
            ("ps_partkey", BIG),
            ("ps_suppkey", BIG),
            ("ps_availqty", BIG),
            ("ps_supplycost", MONEY),
            ("ps_comment", TEXT),
        ],
    );
    table(
        &mut catalog,
        "orders",
        &[
            ("o_orderkey", BIG),
            ("o_custkey", BIG),
            ("o_orderstatus", TEXT),
            ("o_totalprice", MONEY),
            ("o_orderdate", DATE),
            ("o_orderpriority", TEXT),
            ("o_clerk", TEXT),
            ("o_shippriority", INT),
            ("o_comment", TEXT),
        ],
    );
    table(
        &mut catalog,
        "lineitem",
        &[
            ("l_orderkey", BIG),
            ("l_partkey", BIG),
            ("l_suppkey", BIG),
            ("l_linenumber", BIG),
            ("l_quantity", MONEY),
            ("l_extendedprice", MONEY),
            ("l_discount", MONEY),
            ("l_tax", MONEY),
            ("l_returnflag", TEXT),
            ("l_linestatus", TEXT),
            ("l_shipdate", DATE),
            ("l_commitdate", DATE),
            ("l_receiptdate", DATE),
            ("l_shipinstruct", TEXT),
            ("l_shipmode", TEXT),
            ("l_comment", TEXT),
        ],
    );
    catalog
}

fn bound_in(sql: &str, dialect: Dialect, catalog: &Catalog) -> String {
    let mut arena = Arena::default();
    let source: Arc<str> = Arc::from("m");
    let (output, diagnostics, _) = bind_query(sql, &source, dialect, &mut arena, catalog);
    let is_note = |found: &Diagnostic| found.severity == Severity::Note;
    let told = diagnostics.iter().map(|found| {
        let place = sql.get(found.span.start as usize..found.span.end as usize).unwrap_or("?");
        let help = found.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
        let word = if is_note(found) { "note " } else { "" };
        format!("{word}{} {}{help} @ {place}\n", found.code, found.message)
    });
    let told: String = told.collect();
    match output {
        Some(output) => {
            assert!(diagnostics.iter().all(is_note), "{sql}: {diagnostics:?}");
            explain_output(&output, &arena) + &told
        }
        None => {
            assert!(!diagnostics.is_empty(), "{sql}: refused without a word");
            told
        }
    }
}

/// Runs the cases of a file: a title, SQL, a line `----`, the expected text, a line `====`.
/// A title that ends with a dialect in parentheses is bound in that dialect.
fn check(file: &str, catalog: &Catalog) {
    let path = format!("{}/tests/cases/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let mut written = String::new();
    let mut failures = Vec::new();
    for case in text.split("\n====\n").filter(|case| !case.trim().is_empty()) {
        let (title, rest) = case.trim_start().split_once('\n').unwrap();
        let (sql, expect) = rest.split_once("\n----").unwrap();
        let dialect = Dialect::ALL.into_iter().find(|dialect| title.ends_with(&format!("({dialect})")));
        let found = bound_in(sql, dialect.unwrap_or(Dialect::DuckDb), catalog);
        if found.trim() != expect.trim() {
            failures.push(format!("{title}\n--- expected\n{}\n--- found\n{found}", expect.trim()));
        }
        written.push_str(&format!("{title}\n{sql}\n----\n{}\n====\n\n", found.trim()));
    }
    if std::env::var("UPDATE_EXPECT").is_ok() {
        std::fs::write(&path, written).unwrap();
    } else {
        assert!(failures.is_empty(), "{file}:\n{}", failures.join("\n"));
    }
}

#[test]
fn queries() {
    check("queries.txt", &small());
}

#[test]
fn subqueries() {
    check("subqueries.txt", &small());
}

#[test]
fn relations() {
    check("relations.txt", &small());
}

#[test]
fn nested_values() {
    check("nested.txt", &small());
}

#[test]
fn warehouses() {
    check("warehouses.txt", &small());
}

#[test]
fn refusals() {
    check("refusals.txt", &small());
}

#[test]
fn tpc_h() {
    check("tpch.txt", &tpch());
}

/// The case file holds the texts that ship as an example.
#[test]
fn tpc_h_cases_are_the_example() {
    let cases = std::fs::read_to_string(format!("{}/tests/cases/tpch.txt", env!("CARGO_MANIFEST_DIR"))).unwrap();
    for number in 1..=22 {
        let path = format!("{}/../examples/tpch/models/q{number:02}.sql", env!("CARGO_MANIFEST_DIR"));
        let sql = std::fs::read_to_string(path).unwrap();
        assert!(cases.contains(sql.trim()), "q{number:02} differs from its case");
    }
}

/// Every text is bound or refused with a code, on the small stack of a test's thread.
#[test]
fn huge_texts_are_bound_or_refused() {
    let chain = |operand: &str, operator: &str, n: usize| vec![operand; n].join(operator);
    let nested = |open: &str, core: &str, close: &str, n: usize| format!("{}{core}{}", open.repeat(n), close.repeat(n));
    let numbers = (0..700_000).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let doubling =
        (1..40).map(|n| format!(", c{n} AS (SELECT l.a FROM c{} l, c{} r)", n - 1, n - 1)).collect::<String>();
    let aliases = (1..200).map(|n| format!(", x{} + x{} AS x{n}", n - 1, n - 1)).collect::<String>();
    let cases = [
        ("parentheses", format!("SELECT {} FROM t", nested("(", "a", ")", 10_000)), Some("SQL-0004")),
        ("parentheses in FROM", format!("SELECT * FROM {}", nested("(", "t", ")", 10_000)), Some("SQL-0004")),
        ("subqueries", format!("SELECT * FROM {}", nested("(SELECT * FROM ", "t", ")", 150)), None),
        ("an OR chain", format!("SELECT a FROM t WHERE {}", chain("a = 1", " OR ", 50_000)), None),
        ("an AND chain", format!("SELECT a FROM t WHERE {}", chain("a < b", " AND ", 50_000)), None),
        ("an endless OR chain", format!("SELECT a FROM t WHERE {}", chain("a = 1", " OR ", 500_000)), Some("SQL-0004")),
        ("a sum", format!("SELECT {} AS x FROM t", chain("a", " + ", 50_000)), Some("SQL-0004")),
        ("a concatenation", format!("SELECT {} AS x FROM t", chain("s", " || ", 50_000)), Some("SQL-0004")),
        ("casts", format!("SELECT a{} FROM t", "::int".repeat(20_000)), Some("SQL-0004")),
        ("IS NULLs", format!("SELECT a{} FROM t", " IS NULL".repeat(20_000)), Some("SQL-0004")),
        ("NOTs", format!("SELECT {} ok FROM u", "NOT ".repeat(20_000)), Some("SQL-0001")),
        ("signs", format!("SELECT {} a FROM t", "- ".repeat(20_000)), Some("SQL-0004")),
        ("CASEs", format!("SELECT {} FROM t", nested("CASE WHEN a = 1 THEN ", "1", " END", 10_000)), Some("SQL-0004")),
        ("calls", format!("SELECT {} FROM t", nested("abs(", "a", ")", 10_000)), Some("SQL-0004")),
        ("a union", chain("SELECT a FROM t", " UNION ALL ", 5_000), None),
        ("commas in FROM", format!("SELECT 1 AS x FROM {}", chain("t", ", ", 5_000)), Some("SQL-0014")),
        ("an IN list of 5 MB", format!("SELECT a FROM t WHERE a IN ({numbers})"), None),
        ("a select list", format!("SELECT {} FROM t", chain("a", ", ", 5_000)), None),
        ("CTEs that double", format!("WITH c0 AS (SELECT a FROM t){doubling} SELECT * FROM c39"), Some("SQL-0004")),
        ("aliases that double", format!("SELECT a AS x0{aliases} FROM t"), None),
        ("an unfinished nest", format!("SELECT {}", "cast(case(".repeat(60)), Some("SQL-0001")),
        ("a fault in a nest", format!("SELECT {} FROM t", nested("cast(", "1 1", " AS int)", 60)), Some("SQL-0001")),
        ("brackets", "[".repeat(100_000), Some("SQL-0004")),
    ];
    let source: Arc<str> = Arc::from("m");
    let catalog = small();
    for (title, sql, expect) in cases {
        let mut arena = Arena::default();
        let (output, diagnostics, _) = bind_query(&sql, &source, Dialect::DuckDb, &mut arena, &catalog);
        let codes: Vec<&str> = diagnostics.iter().map(|found| found.code).collect();
        assert_eq!((output.is_some(), codes.first().copied()), (expect.is_none(), expect), "{title}");
    }
}
