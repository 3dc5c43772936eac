//! The generators: same settings, same rows; what a table declares holds.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod tables;

use std::path::Path;
use std::sync::Arc;

use isomer_engines::{Engine, EngineError, EngineKind};
use isomer_ir::{DataType, ForeignKey, Key, SourceData, Table};
use tables::{same, table};

fn generated(name: &str, settings: &[(&str, &str)]) -> SourceData {
    SourceData::Generated(name.into(), settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
}

fn load(engine: &Engine, table: &Table, data: &SourceData) -> Result<Option<u64>, EngineError> {
    engine.load(table, data, Path::new("."))
}

fn events() -> Table {
    table(
        "raw_events",
        &[
            ("event_id", DataType::Int64, false),
            ("user_id", DataType::Int64, false),
            ("event_time", DataType::Timestamp, false),
            ("country", DataType::Text, true),
            ("event_type", DataType::Text, false),
            ("revenue", DataType::Float64, true),
        ],
    )
}

/// Each claim is a query that gives one row of `true`.
fn holds(engine: &Engine, claims: &[&str]) {
    for claim in claims {
        same(&engine.query(&format!("SELECT {claim}")).unwrap(), &engine.query("SELECT true").unwrap());
    }
}

#[test]
fn sessions_are_bursts_of_events() {
    let settings = [("events", "20000"), ("users", "500"), ("days", "30"), ("burst", "10"), ("nulls", "0.1")];
    for kind in EngineKind::ALL {
        let engine = Engine::open(kind, None).unwrap();
        let n_rows = load(&engine, &events(), &generated("sessions", &settings)).unwrap();
        assert_eq!(n_rows, Some(20_000));
        holds(
            &engine,
            &[
                "(SELECT count(DISTINCT event_id) = 20000 AND min(event_id) = 1 FROM raw_events)",
                "(SELECT count(DISTINCT user_id) BETWEEN 480 AND 500 AND max(user_id) <= 500 FROM raw_events)",
                "(SELECT min(event_time) >= TIMESTAMP '2024-01-01 00:00:00' \
                  AND max(event_time) < TIMESTAMP '2024-01-31 00:18:01' FROM raw_events)",
                "(SELECT count(*) BETWEEN 1600 AND 2400 FROM raw_events WHERE country IS NULL)",
                "(SELECT count(*) = 20000 - 2000 FROM raw_events AS a JOIN raw_events AS b ON b.event_id = a.event_id + 1 \
                  AND b.user_id = a.user_id AND b.event_time = a.event_time + INTERVAL '2' MINUTE)",
                "(SELECT count(*) = 0 FROM raw_events WHERE (event_type = 'purchase') <> (revenue IS NOT NULL))",
            ],
        );
    }
}

#[test]
fn the_same_settings_give_the_same_rows_and_a_seed_others() {
    let rows = |kind, seed: &str| {
        let engine = Engine::open(kind, None).unwrap();
        load(&engine, &events(), &generated("sessions", &[("rows", "3000"), ("seed", seed)])).unwrap();
        engine.query("SELECT * FROM raw_events").unwrap()
    };
    let first = rows(EngineKind::DuckDb, "7");
    same(&first, &rows(EngineKind::DuckDb, "7"));
    same(&first, &rows(EngineKind::DataFusion, "7"));
    let other = isomer_engines::compare(&first, &rows(EngineKind::DuckDb, "8"), 0.0);
    assert!(other.n_only_left > 2000, "{other:?}");
}

#[test]
fn tpch_tables_have_their_rows_and_references() {
    let decimal = DataType::Decimal { precision: 15, scale: 2 };
    let schema = [
        table("region", &[("r_regionkey", DataType::Int32, false), ("r_name", DataType::Text, false)]),
        table("nation", &[("n_nationkey", DataType::Int32, false), ("n_regionkey", DataType::Int32, false)]),
        table("supplier", &[("s_suppkey", DataType::Int64, false), ("s_nationkey", DataType::Int32, false)]),
        table("customer", &[("c_custkey", DataType::Int64, false), ("c_comment", DataType::Text, false)]),
        table("part", &[("p_partkey", DataType::Int64, false), ("p_size", DataType::Int32, false)]),
        table("partsupp", &[("ps_partkey", DataType::Int64, false), ("ps_supplycost", decimal, false)]),
        table("orders", &[("o_orderkey", DataType::Int64, false), ("o_orderdate", DataType::Date, false)]),
        table("lineitem", &[("l_orderkey", DataType::Int64, false), ("l_shipdate", DataType::Date, false)]),
    ];
    let engine = Engine::open(EngineKind::DuckDb, None).unwrap();
    let data = generated("tpch", &[("scale", "0.001")]);
    let counts: Vec<u64> = schema.iter().map(|table| load(&engine, table, &data).unwrap().unwrap()).collect();
    assert_eq!(counts, [5, 25, 10, 150, 200, 800, 1500, 6005]);
    holds(
        &engine,
        &[
            "(SELECT count(*) = 0 FROM lineitem WHERE l_orderkey NOT IN (SELECT o_orderkey FROM orders))",
            "(SELECT count(*) = 5 FROM region WHERE r_name IN ('AFRICA', 'AMERICA', 'ASIA', 'EUROPE', 'MIDDLE EAST'))",
            "(SELECT min(o_orderdate) >= DATE '1992-01-01' FROM orders)",
        ],
    );
    // Without declared columns the specification's own come in full; another name is fine.
    let mut all = table("li", &[]);
    all.columns.clear();
    load(&engine, &all, &generated("tpch", &[("scale", "0.001"), ("table", "lineitem")])).unwrap();
    assert_eq!(engine.describe("li").unwrap().len(), 16);
    assert_eq!(engine.describe("li").unwrap()[5].data_type, decimal);
}

#[test]
fn random_rows_obey_the_declaration() {
    let key = |columns: &[usize]| Key { columns: columns.to_vec(), declared_by: "a test".into() };
    let reference = |columns: &[usize], table: &str, referred: &[&str]| ForeignKey {
        columns: columns.to_vec(),
        table: table.into(),
        referred: referred.iter().map(|name| Arc::from(*name)).collect(),
        declared_by: "a test".into(),
    };
    let mut part = table("part", &[("id", DataType::Int32, false), ("name", DataType::Text, true)]);
    part.keys.push(key(&[0]));
    let mut supply = table(
        "supply",
        &[("part", DataType::Int32, false), ("shop", DataType::Text, false), ("price", DataType::Float64, true)],
    );
    supply.keys.push(key(&[0, 1]));
    supply.foreign_keys.push(reference(&[0], "part", &["id"]));
    let mut sale = table(
        "sale",
        &[
            ("id", DataType::Int64, false),
            ("part", DataType::Int32, true),
            ("shop", DataType::Text, true),
            ("is_paid", DataType::Boolean, true),
            ("before", DataType::Int64, true),
        ],
    );
    sale.keys.push(key(&[0]));
    sale.foreign_keys.push(reference(&[2, 1], "supply", &["shop", "part"]));
    sale.foreign_keys.push(reference(&[1], "part", &["id"]));
    sale.foreign_keys.push(reference(&[4], "sale", &["id"]));
    for kind in EngineKind::ALL {
        let engine = Engine::open(kind, None).unwrap();
        let data = |rows, seed| generated("random", &[("rows", rows), ("seed", seed)]);
        let early = load(&engine, &supply, &data("300", "3"));
        assert!(matches!(early, Err(EngineError::Generator { .. })), "{early:?}");
        assert_eq!(load(&engine, &part, &data("40", "3")).unwrap(), Some(40));
        assert_eq!(load(&engine, &supply, &data("300", "3")).unwrap(), Some(300));
        assert_eq!(load(&engine, &sale, &data("500", "3")).unwrap(), Some(500));
        holds(
            &engine,
            &[
                "(SELECT count(DISTINCT id) = 40 FROM part)",
                "(SELECT count(*) = 300 FROM (SELECT DISTINCT part, shop FROM supply))",
                "(SELECT count(*) = 0 FROM supply WHERE part NOT IN (SELECT id FROM part))",
                "(SELECT count(DISTINCT part) > 10 FROM supply)",
                "(SELECT count(*) = 0 FROM sale AS s WHERE s.part IS NOT NULL AND s.shop IS NOT NULL AND NOT EXISTS \
                  (SELECT 1 FROM supply AS u WHERE u.part = s.part AND u.shop = s.shop))",
                "(SELECT count(*) = 0 FROM sale WHERE before IS NOT NULL AND before NOT IN (SELECT id FROM sale))",
                "(SELECT count(*) > 50 FROM sale WHERE part IS NULL)",
                "(SELECT count(*) > 50 FROM sale WHERE is_paid IS NULL)",
                "(SELECT count(*) > count(DISTINCT name) AND count(*) > count(name) FROM part)",
            ],
        );
    }
    // A key of two truth values has room for four rows and no more.
    let mut small = table("small", &[("a", DataType::Boolean, false), ("b", DataType::Boolean, false)]);
    small.keys.push(key(&[0, 1]));
    let engine = Engine::open(EngineKind::DuckDb, None).unwrap();
    assert_eq!(load(&engine, &small, &generated("random", &[])).unwrap(), Some(4));
    holds(&engine, &["(SELECT count(*) = 4 FROM (SELECT DISTINCT a, b FROM small))"]);
}

#[test]
fn unknown_names_and_values_are_refused_by_name() {
    let engine = Engine::open(EngineKind::DuckDb, None).unwrap();
    let cases = [
        ("sesions", vec![], "unknown generator `sesions`: expected one of `random`, `sessions`, `tpcds`, `tpch`"),
        ("tpcds", vec![("table", "lineitem")], "setting `table` of generator `tpcds` is `lineitem`: expected a table"),
        ("tpch", vec![("scal", "1")], "generator `tpch` has no setting `scal`: expected one of `scale`, `table`"),
        ("tpch", vec![("table", "line")], "setting `table` of generator `tpch` is `line`: expected one of `customer`"),
        ("tpch", vec![("table", "nation"), ("scale", "-1")], "setting `scale` of generator `tpch` is `-1`"),
        ("sessions", vec![("users", "0")], "setting `users` of generator `sessions` is `0`: expected a whole number"),
        (
            "sessions",
            vec![("nulls", "2")],
            "setting `nulls` of generator `sessions` is `2`: expected a number from 0 to 1",
        ),
        ("random", vec![("seed", "x")], "setting `seed` of generator `random` is `x`"),
    ];
    for (name, settings, expect) in cases {
        let error = load(&engine, &events(), &generated(name, &settings)).unwrap_err().to_string();
        assert!(error.starts_with(expect), "{error}");
    }
    let untyped = table("t", &[("a", DataType::Unknown, true)]);
    let error = load(&engine, &untyped, &generated("random", &[])).unwrap_err().to_string();
    assert_eq!(error, "generator `random` cannot make table `t`: column `a` has no declared type");
}

#[test]
fn values_that_conditions_ask_for_are_among_the_random_ones() {
    let t = table(
        "t",
        &[
            ("status", DataType::Text, true),
            ("day", DataType::Text, true),
            ("n", DataType::Int32, false),
            ("tags", DataType::Text.list_of(), true),
        ],
    );
    let settings =
        [("rows", "400"), ("values.Status", "'it''s open', 'paid'"), ("holds.day", "date"), ("values.n", "100, 101")];
    let engine = Engine::open(EngineKind::DuckDb, None).unwrap();
    assert_eq!(load(&engine, &t, &generated("random", &settings)).unwrap(), Some(400));
    holds(
        &engine,
        &[
            "(SELECT count(*) FILTER (WHERE status = 'it''s open') > 50 AND count(*) FILTER (WHERE status = 'paid') > 50 \
              AND count(*) FILTER (WHERE status = 'v7') > 5 AND count(*) FILTER (WHERE status IS NULL) > 20 FROM t)",
            "(SELECT count(CAST(day AS DATE)) > 100 FROM t)",
            "(SELECT count(*) FILTER (WHERE n = 100) > 50 AND count(*) FILTER (WHERE n < 10) > 50 FROM t)",
            "(SELECT count(DISTINCT len(tags)) = 3 FROM t)",
            // Draws of two columns do not go together.
            "(SELECT count(*) > 60 FROM (SELECT DISTINCT status, n FROM t))",
        ],
    );
    for (setting, expect) in [
        (
            ("values.stat", "1"),
            "generator `random` has no setting `values.stat`: expected one of `values.` and a column",
        ),
        (("holds.day", "month"), "setting `holds.day` of generator `random` is `month`: expected `boolean`, `date`"),
    ] {
        let error = load(&engine, &t, &generated("random", &[setting])).unwrap_err().to_string();
        assert!(error.starts_with(expect), "{error}");
    }
}
