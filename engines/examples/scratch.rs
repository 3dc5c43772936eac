//! Scratch measurement, not committed.
#![allow(clippy::print_stdout, clippy::unwrap_used)]
use isomer_engines::*;
use isomer_ir::*;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

fn sessions() -> &'static str {
    "WITH marked AS (SELECT *, CASE WHEN event_time - LAG(event_time) OVER (PARTITION BY user_id ORDER BY event_time, event_id) > INTERVAL 30 MINUTE OR LAG(event_time) OVER (PARTITION BY user_id ORDER BY event_time, event_id) IS NULL THEN 1 ELSE 0 END AS is_new FROM raw_events),
 numbered AS (SELECT *, SUM(is_new) OVER (PARTITION BY user_id ORDER BY event_time, event_id) AS session_id FROM marked)"
}

fn main() {
    let rows = std::env::args().nth(1).unwrap_or("10000000".into());
    let kind =
        if std::env::args().nth(2).as_deref() == Some("fusion") { EngineKind::DataFusion } else { EngineKind::DuckDb };
    let col = |n: &str, t, b| Column {
        name: Arc::from(n),
        key: Arc::from(n),
        data_type: t,
        is_nullable: b,
        n_distinct: None,
    };
    let table = Table {
        key: "raw_events".into(),
        sql_name: "raw_events".into(),
        columns: vec![
            col("event_id", DataType::Int64, false),
            col("user_id", DataType::Int64, false),
            col("event_time", DataType::Timestamp, false),
            col("country", DataType::Text, true),
            col("event_type", DataType::Text, false),
            col("revenue", DataType::Float64, true),
        ],
        keys: vec![],
        foreign_keys: vec![],
        n_rows: None,
    };
    let engine = Engine::open(kind, None).unwrap();
    let t = Instant::now();
    engine
        .load(
            &table,
            &SourceData::Generated(
                "sessions".into(),
                vec![("events".into(), rows.as_str().into()), ("users".into(), "100000".into())],
            ),
            Path::new("."),
        )
        .unwrap();
    println!("load {:?}", t.elapsed());
    let agg = |cols: &str| {
        format!("{}, s AS (SELECT user_id, session_id, {cols} FROM numbered GROUP BY user_id, session_id)", sessions())
    };
    let naive = [
        (
            "daily",
            format!(
                "{} SELECT CAST(start_time AS DATE) AS day, user_id, count(*) AS n, sum(n_events) AS events, sum(rev) AS revenue FROM s GROUP BY 1, 2",
                agg("min(event_time) AS start_time, count(*) AS n_events, sum(revenue) AS rev")
            ),
        ),
        (
            "country",
            format!(
                "{} SELECT country, count(*) AS n, avg(n_events) AS events, sum(rev) AS revenue FROM s GROUP BY 1",
                agg("FIRST_VALUE_COUNTRY AS country, count(*) AS n_events, sum(revenue) AS rev")
            ),
        ),
        (
            "hourly",
            format!(
                "{} SELECT date_part('hour', start_time) AS h, count(*) AS n, sum(date_part('epoch', end_time) - date_part('epoch', start_time)) AS len FROM s GROUP BY 1",
                agg("min(event_time) AS start_time, max(event_time) AS end_time")
            ),
        ),
    ];
    let first = match kind {
        EngineKind::DuckDb => "arg_min(country, event_time)",
        EngineKind::DataFusion => "first_value(country ORDER BY event_time)",
    };
    let shared = [
        ("session_summary", format!("{} SELECT * FROM s", agg("min(event_time) AS start_time, max(event_time) AS end_time, count(*) AS n_events, sum(revenue) AS rev, FIRST_VALUE_COUNTRY AS country"))),
        ("daily", "SELECT CAST(start_time AS DATE) AS day, user_id, count(*) AS n, sum(n_events) AS events, sum(rev) AS revenue FROM session_summary GROUP BY 1, 2".into()),
        ("country", "SELECT country, count(*) AS n, avg(n_events) AS events, sum(rev) AS revenue FROM session_summary GROUP BY 1".into()),
        ("hourly", "SELECT date_part('hour', start_time) AS h, count(*) AS n, sum(date_part('epoch', end_time) - date_part('epoch', start_time)) AS len FROM session_summary GROUP BY 1".into()),
    ];
    for round in 0..3 {
        for (kind_name, steps) in [("naive", naive.to_vec()), ("shared", shared.to_vec())] {
            let statements: Vec<Statement> = steps
                .iter()
                .map(|(n, s)| Statement {
                    name: if kind_name == "naive" { format!("n_{n}") } else { (*n).to_owned() },
                    how: if *n == "session_summary" { Materialise::Temp } else { Materialise::Table },
                    sql: s.replace("FIRST_VALUE_COUNTRY", first),
                    is_shared: *n == "session_summary",
                })
                .collect();
            let t = Instant::now();
            let runs = run_statements(&engine, &statements, &mut |_| {}).unwrap();
            println!(
                "round {round} {kind_name}: {:.2}s {:?}",
                t.elapsed().as_secs_f64(),
                runs.iter().map(|r| (r.name.as_str(), r.millis.round(), r.n_rows)).collect::<Vec<_>>()
            );
        }
    }
    for n in ["daily", "country", "hourly"] {
        let t = Instant::now();
        let a = engine.query(&format!("SELECT * FROM {n}")).unwrap();
        let b = engine.query(&format!("SELECT * FROM n_{n}")).unwrap();
        let q = t.elapsed();
        let t = Instant::now();
        let c = compare(&a, &b, DEFAULT_TOLERANCE);
        println!(
            "{n}: equal {} rows {} ({} {}), fetch {q:?} compare {:?} {:?}",
            c.is_equal,
            c.n_left,
            c.n_only_left,
            c.n_only_right,
            t.elapsed(),
            c.only_left.first()
        );
    }
}
