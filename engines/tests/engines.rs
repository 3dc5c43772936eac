//! Both engines: making, shadowing and dropping relations, reading files and databases, errors
//! and time limits, Substrait.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod tables;

use std::path::Path;
use std::time::Duration;

use datafusion::prelude::SessionContext;
use isomer_engines::{
    DEFAULT_TOLERANCE, Engine, EngineError, EngineKind, Event, Statement, catalog_of_database, compare, run_statements,
};
use isomer_ir::{DataType, Materialise, SourceData};
use tables::{same, table};

fn open(kind: EngineKind) -> Engine {
    Engine::open(kind, None).unwrap()
}

/// The rows of `sql` are those of `expect`, on the same engine.
fn check(engine: &Engine, sql: &str, expect: &str) {
    let found = engine.query(sql).unwrap_or_else(|error| panic!("{:?}: {error:?}", engine.kind()));
    same(&found, &engine.query(expect).unwrap());
}

#[test]
fn relations_are_made_replaced_and_dropped() {
    for kind in EngineKind::ALL {
        let engine = open(kind);
        assert_eq!(engine.create("Orders", Materialise::Table, "SELECT 1 AS a UNION ALL SELECT 2;").unwrap(), Some(2));
        assert_eq!(engine.create("staging.o", Materialise::View, "SELECT a + 1 AS b FROM orders").unwrap(), None);
        check(&engine, "SELECT b FROM staging.o", "SELECT 2 AS b UNION ALL SELECT 3");
        // A view gives way to a table and back.
        assert_eq!(engine.create("staging.o", Materialise::Table, "SELECT 7 AS b").unwrap(), Some(1));
        assert_eq!(engine.create("orders", Materialise::View, "SELECT 8 AS a").unwrap(), None);
        assert_eq!(engine.create("\"dev\".\"main\".\"t x\"", Materialise::Temp, "SELECT 9 AS a").unwrap(), Some(1));
        check(&engine, "SELECT a FROM \"dev\".\"main\".\"t x\"", "SELECT 9");
        assert_eq!(engine.create("short", Materialise::Temp, "SELECT 1 AS a WHERE 1 = 0").unwrap(), Some(0));
        assert_eq!(engine.table_row_count("short").unwrap(), 0);
        assert_eq!(engine.query("SELECT * FROM short").unwrap()[0].num_columns(), 1, "no rows, but a schema");
        engine.drop_relation("staging.o").unwrap();
        engine.drop_relation("staging.o").unwrap();
        assert!(matches!(engine.table_row_count("staging.o"), Err(EngineError::UnknownRelation(_))));
        assert!(matches!(engine.create("a..b", Materialise::Table, "SELECT 1"), Err(EngineError::Name(_))));
    }
}

#[test]
fn a_failed_statement_leaves_the_session_usable() {
    for kind in EngineKind::ALL {
        let engine = open(kind);
        engine.create("t", Materialise::Table, "SELECT 1 AS a").unwrap();
        for sql in ["SELECT nothing FROM t", "SELEC 1", "", "SELECT CAST('x' AS INTEGER) FROM t"] {
            let error = engine.query(sql);
            // DataFusion takes an empty text for no statement at all; neither may panic.
            assert!(error.is_err(), "{kind:?}: {sql}");
        }
        check(&engine, "SELECT a FROM t", "SELECT 1");
    }
}

#[test]
fn a_statement_over_time_is_stopped() {
    for kind in EngineKind::ALL {
        let mut engine = open(kind);
        let (one, many) = match kind {
            EngineKind::DuckDb => ("SELECT 1", "SELECT count(*) FROM range(100000000000) a(x) WHERE sin(x) > 2"),
            EngineKind::DataFusion => {
                ("SELECT 1", "SELECT count(*) FROM range(100000000000) AS a(x) WHERE sin(a.x) > 2")
            }
        };
        engine.set_timeout(Some(Duration::from_millis(200)));
        assert!(matches!(engine.query(many), Err(EngineError::Timeout(_))), "{kind:?}");
        check(&engine, one, "SELECT 1");
    }
}

#[test]
fn literals_and_orders_follow_the_dialect_facts() {
    let engine = open(EngineKind::DataFusion);
    // A decimal literal is no double, and NULLs stand last ascending, first descending.
    check(&engine, "SELECT 0.1 + 0.2", "SELECT CAST(0.3 AS DECIMAL(3, 1))");
    let ordered = "SELECT x FROM (SELECT 1 AS x UNION ALL SELECT NULL) ORDER BY x";
    check(&engine, &format!("{ordered} LIMIT 1"), "SELECT 1");
    check(&engine, &format!("{ordered} DESC LIMIT 1"), "SELECT CAST(NULL AS BIGINT)");
}

#[test]
fn files_are_read_in_the_declared_types_by_both_engines() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("sales.csv"), "id,price,day,note\n1,0.10,2024-02-29,\n2,1e2,2024-03-01,x\n")
        .unwrap();
    let writer = open(EngineKind::DuckDb);
    let parquet = dir.path().join("big.parquet");
    writer
        .execute(&format!(
            "COPY (SELECT i::HUGEINT AS n FROM range(3) t(i)) TO '{}' (FORMAT parquet)",
            parquet.display()
        ))
        .unwrap();
    let sales = table(
        "sales",
        &[
            ("id", DataType::Int32, false),
            ("price", DataType::Decimal { precision: 12, scale: 2 }, true),
            ("day", DataType::Date, true),
            ("note", DataType::Text, true),
        ],
    );
    let big = table("big", &[("n", DataType::Int128, true)]);
    for kind in EngineKind::ALL {
        let engine = open(kind);
        engine.load(&sales, &SourceData::File("sales.csv".into()), dir.path()).unwrap();
        check(
            &engine,
            "SELECT id, price, day, note FROM sales",
            "SELECT 1, CAST('0.10' AS DECIMAL(12, 2)), DATE '2024-02-29', NULL \
             UNION ALL SELECT 2, CAST('100.00' AS DECIMAL(12, 2)), DATE '2024-03-01', 'x'",
        );
        engine.load(&big, &SourceData::File("big.parquet".into()), dir.path()).unwrap();
        check(&engine, "SELECT sum(n) FROM big", "SELECT 3");
        assert_eq!(engine.describe("sales").unwrap()[1].data_type, DataType::Decimal { precision: 12, scale: 2 });
        // A NULL where the declaration has none would let rules give wrong rows.
        let strict = table("sales", &[("id", DataType::Int32, false), ("note", DataType::Text, false)]);
        assert!(engine.load(&strict, &SourceData::File("sales.csv".into()), dir.path()).is_err(), "{kind:?}");
        let unknown = engine.load(&sales, &SourceData::File("sales.xls".into()), dir.path());
        assert!(matches!(unknown, Err(EngineError::FileFormat(_))));
        assert!(engine.load(&sales, &SourceData::File("none.csv".into()), dir.path()).is_err());
        let nowhere = table("nowhere", &[("id", DataType::Int32, false)]);
        let missing = engine.load(&nowhere, &SourceData::Database, dir.path());
        assert!(matches!(missing, Err(EngineError::NoData(_))), "{missing:?}");
    }
}

#[test]
fn a_database_is_read_shadowed_and_never_changed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dev.duckdb");
    let maker = open(EngineKind::DuckDb);
    let statements = [
        format!("ATTACH '{}' AS dev", path.display()),
        "USE dev".to_owned(),
        "CREATE TABLE dev.users(id BIGINT PRIMARY KEY, name VARCHAR NOT NULL)".to_owned(),
        "CREATE SCHEMA dev.shop".to_owned(),
        "CREATE TABLE dev.shop.\"Orders\"(a INT, b INT, total DECIMAL(9,2), UNIQUE (b, a))".to_owned(),
        "CREATE TABLE dev.visits(user_id BIGINT REFERENCES users(id), seen TIMESTAMP)"
            .replace("TABLE dev.", "TABLE dev.main."),
        "CREATE VIEW dev.names AS SELECT name FROM dev.users".to_owned(),
        "CREATE MACRO dev.twice(x) AS x * 2".to_owned(),
        "INSERT INTO dev.users VALUES (1, 'a'), (2, 'b')".to_owned(),
        "INSERT INTO dev.shop.\"Orders\" VALUES (1, 2, 3.50)".to_owned(),
        "USE memory".to_owned(),
        "DETACH dev".to_owned(),
    ];
    for statement in statements {
        maker.execute(&statement).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    let before = std::fs::read(&path).unwrap();
    let engine = Engine::open(EngineKind::DuckDb, Some(&path)).unwrap();
    check(&engine, "SELECT id, name FROM users", "SELECT 1, 'a' UNION ALL SELECT 2, 'b'");
    check(&engine, "SELECT total FROM shop.orders", "SELECT 3.50");
    check(&engine, "SELECT name FROM dev.main.names", "SELECT 'a' UNION ALL SELECT 'b'");
    check(&engine, "SELECT twice(4)", "SELECT 8");
    // Results shadow what they replace, under each of its names, and reading goes on below.
    engine.create("\"dev\".\"main\".\"users\"", Materialise::Table, "SELECT 3 AS id, 'c' AS name").unwrap();
    check(&engine, "SELECT id FROM users", "SELECT 3");
    engine.create("shop.orders", Materialise::View, "SELECT 0 AS total").unwrap();
    check(&engine, "SELECT total FROM dev.shop.orders", "SELECT 0");
    drop(engine);
    assert_eq!(std::fs::read(&path).unwrap(), before, "the file is as it was");

    let catalog = catalog_of_database(&path).unwrap();
    let names: Vec<&str> = catalog.iter().map(|table| &*table.sql_name).collect();
    assert_eq!(names, ["names", "shop.\"Orders\"", "users", "visits"]);
    let [_, orders, users, visits] = catalog.as_slice() else { panic!("four relations") };
    assert_eq!((users.n_rows, users.columns[1].is_nullable), (Some(2.0), false));
    assert_eq!(users.keys[0].columns, [0]);
    assert_eq!(orders.keys[0].columns, [0, 1]);
    assert_eq!(orders.columns[2].data_type, DataType::Decimal { precision: 9, scale: 2 });
    assert_eq!((&*visits.foreign_keys[0].table, &*visits.foreign_keys[0].referred[0]), ("users", "id"));

    let fusion = Engine::open(EngineKind::DataFusion, Some(&path)).unwrap();
    fusion.load(users, &SourceData::Database, Path::new(".")).unwrap();
    check(&fusion, "SELECT id, name FROM users", "SELECT 1, 'a' UNION ALL SELECT 2, 'b'");
    assert!(matches!(
        Engine::open(EngineKind::DuckDb, Some(&dir.path().join("none.duckdb"))),
        Err(EngineError::NoDatabase(_))
    ));
}

#[test]
fn steps_run_in_order_and_tell_what_they_took() {
    let statement = |name: &str, how, sql: &str, is_shared| Statement {
        name: name.to_owned(),
        how,
        sql: sql.to_owned(),
        is_shared,
    };
    let steps = [
        statement("shared_a", Materialise::Temp, "SELECT 1 AS a UNION ALL SELECT 2", true),
        statement("total", Materialise::Table, "SELECT sum(a) AS s FROM shared_a", false),
        statement("broken", Materialise::Table, "SELECT x FROM nowhere", false),
    ];
    for kind in EngineKind::ALL {
        let engine = open(kind);
        let mut events = Vec::new();
        let mut progress = |event: Event<'_>| {
            events.push(match event {
                Event::Started { position, count, statement } => format!("{position}/{count} {}", statement.name),
                Event::Finished { run, .. } => format!("done {} {:?}", run.name, run.n_rows),
            });
        };
        let error = run_statements(&engine, &steps, &mut progress).unwrap_err();
        assert_eq!(error.name, "broken");
        assert_eq!(
            error.done.iter().map(|run| (run.n_rows, run.is_shared)).collect::<Vec<_>>(),
            [(Some(2), true), (Some(1), false)]
        );
        assert_eq!(events, ["0/3 shared_a", "done shared_a Some(2)", "1/3 total", "done total Some(1)", "2/3 broken"]);
        check(&engine, "SELECT s FROM total", "SELECT 3");
    }
}

/// A plan of DataFusion's own producer over a table of integers.
fn substrait(create: &str, sql: &str) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let context = SessionContext::new();
        context.sql(create).await.unwrap().collect().await.unwrap();
        datafusion_substrait::serializer::serialize_bytes(sql, &context).await.unwrap()
    })
}

#[test]
fn substrait_plans_read_registered_tables_only() {
    let engine = open(EngineKind::DataFusion);
    engine.create("t", Materialise::Table, "SELECT 1 AS a UNION ALL SELECT 5").unwrap();
    let create = "CREATE TABLE t AS SELECT 1 AS a UNION ALL SELECT 2";
    let plan = substrait(create, "SELECT a + 1 AS b FROM t WHERE a > 2");
    same(&engine.run_substrait(&plan).unwrap(), &engine.query("SELECT 6").unwrap());
    let none = engine.run_substrait(&substrait(create, "SELECT a FROM t WHERE a > 9")).unwrap();
    assert_eq!((none.len(), none[0].num_rows(), none[0].num_columns()), (1, 0, 1));

    let unknown = substrait("CREATE TABLE secrets AS SELECT 1 AS a", "SELECT a FROM secrets WHERE a > 2");
    let Err(EngineError::DataFusion { source, .. }) = engine.run_substrait(&unknown) else { panic!("refused") };
    assert!(source.to_string().contains("No table named 'secrets'"), "{source}");
    assert!(engine.run_substrait(b"no plan").is_err());
    assert!(engine.run_substrait(b"").is_err(), "no relation at all");
    let duck = open(EngineKind::DuckDb);
    assert!(matches!(duck.run_substrait(&plan), Err(EngineError::Unsupported { .. })));
}

#[test]
fn sessions_can_be_used_within_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for kind in EngineKind::ALL {
            let engine = open(kind);
            check(&engine, "SELECT 1", "SELECT 1");
        }
    });
}

#[test]
fn engines_agree_on_types_that_arrow_spells_differently() {
    let types = [
        ("a", DataType::Boolean),
        ("b", DataType::Int16),
        ("c", DataType::Int128),
        ("d", DataType::Float32),
        ("e", DataType::Text),
        ("f", DataType::Bytes),
        ("g", DataType::Date),
        ("h", DataType::Time),
        ("i", DataType::Timestamp),
        ("j", DataType::TimestampTz),
        ("k", DataType::Interval),
        ("l", DataType::Decimal { precision: 38, scale: 10 }),
        ("m", DataType::UInt64),
    ];
    let columns: Vec<_> = types.iter().map(|(name, data_type)| (*name, *data_type, true)).collect();
    let wide = table("wide", &columns);
    let data = SourceData::Generated("random".into(), vec![("rows".into(), "200".into())]);
    let [duck, fusion] = EngineKind::ALL.map(|kind| {
        let engine = open(kind);
        engine.load(&wide, &data, Path::new(".")).unwrap();
        engine.query("SELECT * FROM wide").unwrap()
    });
    same(&duck, &fusion);
    assert_eq!(compare(&duck, &fusion, DEFAULT_TOLERANCE).n_left, 200);
}
