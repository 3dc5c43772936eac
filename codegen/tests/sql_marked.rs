//! Samples and tables as they were: written back in the words of the dialect that has them, refused in others.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod plans;

use expect_test::{Expect, expect};
use isomer_codegen::to_sql;
use isomer_ir::{
    ColumnDef, DataType, Dialect, Literal, Plan, SampleMethod, SampleSize, Sampling, TableVersion, VersionBy,
};
use plans::{Plans, filter};

fn sampled(input: Plan, method: Option<SampleMethod>, size: SampleSize, seed: Option<i64>) -> Plan {
    Plan::Sample { input: Box::new(input), sampling: Box::new(Sampling { method, size, seed, serial: 1 }) }
}

/// The text for each dialect, or the code of the refusal.
fn check(plan: &Plan, p: &mut Plans, dialects: &[Dialect], expect: &Expect) {
    let column = plan.columns(&mut p.arena)[0];
    let output = p.output(plan.clone(), &[("order_id", column)]);
    let mut told = String::new();
    for &dialect in dialects {
        let text = match to_sql(&output, &mut p.arena, &p.catalog, dialect) {
            Ok(sql) => sql,
            Err(error) => error.code.to_owned(),
        };
        told.push_str(&format!("-- {dialect}\n{text}\n"));
    }
    expect.assert_eq(&told);
}

const ALL: [Dialect; 4] = [Dialect::DuckDb, Dialect::Postgres, Dialect::Spark, Dialect::DataFusion];

#[test]
fn a_sample_by_rows_of_a_table() {
    let mut p = Plans::new();
    let size = SampleSize::Percent("2.5".into());
    let plan = sampled(p.scan("orders"), Some(SampleMethod::Bernoulli), size, Some(7));
    let (amount, one) = (p.col("orders.customer_id"), p.int(1));
    let above = p.test(isomer_ir::Function::Gt, amount, one);
    check(
        &filter(plan, &[above]),
        &mut p,
        &ALL,
        &expect![[r#"
        -- duckdb
        WITH orders_prepared AS (
            SELECT order_id, customer_id
            FROM orders TABLESAMPLE BERNOULLI (2.5 PERCENT) REPEATABLE (7)
        )
        SELECT order_id
        FROM orders_prepared
        WHERE customer_id > 1
        -- postgres
        WITH orders_prepared AS (
            SELECT order_id, customer_id
            FROM orders TABLESAMPLE BERNOULLI (2.5) REPEATABLE (7)
        )
        SELECT order_id
        FROM orders_prepared
        WHERE customer_id > 1
        -- spark
        WITH orders_prepared AS (
            SELECT order_id, customer_id
            FROM orders TABLESAMPLE (2.5 PERCENT) REPEATABLE (7)
        )
        SELECT order_id
        FROM orders_prepared
        WHERE customer_id > 1
        -- datafusion
        GEN-0041
    "#]],
    );
}

#[test]
fn blocks_are_no_rows() {
    let mut p = Plans::new();
    let plan = sampled(p.scan("orders"), Some(SampleMethod::System), SampleSize::Percent("10".into()), None);
    check(
        &plan,
        &mut p,
        &ALL,
        &expect![[r#"
        -- duckdb
        WITH orders_prepared AS (
            SELECT order_id
            FROM orders TABLESAMPLE SYSTEM (10 PERCENT)
        )
        SELECT order_id
        FROM orders_prepared
        -- postgres
        WITH orders_prepared AS (
            SELECT order_id
            FROM orders TABLESAMPLE SYSTEM (10)
        )
        SELECT order_id
        FROM orders_prepared
        -- spark
        GEN-0041
        -- datafusion
        GEN-0041
    "#]],
    );
}

#[test]
fn a_number_of_rows_of_a_query() {
    let mut p = Plans::new();
    let (amount, one) = (p.col("orders.customer_id"), p.int(1));
    let above = p.test(isomer_ir::Function::Gt, amount, one);
    let input = filter(p.scan("orders"), &[above]);
    let drawn = sampled(input.clone(), Some(SampleMethod::Reservoir), SampleSize::Rows(20), Some(42));
    check(
        &drawn,
        &mut p,
        &ALL,
        &expect![[r#"
        -- duckdb
        WITH filtered_orders AS (
            SELECT order_id
            FROM orders
            WHERE customer_id > 1
        ),
        filtered_orders_prepared AS (
            SELECT order_id
            FROM filtered_orders TABLESAMPLE RESERVOIR (20 ROWS) REPEATABLE (42)
        )
        SELECT order_id
        FROM filtered_orders_prepared
        -- postgres
        GEN-0041
        -- spark
        GEN-0041
        -- datafusion
        GEN-0041
    "#]],
    );
    // Spark takes any rows, by no method.
    let any = sampled(input, None, SampleSize::Rows(20), None);
    check(
        &any,
        &mut p,
        &ALL,
        &expect![[r#"
        -- duckdb
        GEN-0041
        -- postgres
        GEN-0041
        -- spark
        WITH filtered_orders AS (
            SELECT order_id
            FROM orders
            WHERE customer_id > 1
        ),
        filtered_orders_prepared AS (
            SELECT order_id
            FROM filtered_orders TABLESAMPLE (20 ROWS)
        )
        SELECT order_id
        FROM filtered_orders_prepared
        -- datafusion
        GEN-0041
    "#]],
    );
}

#[test]
fn versions() {
    let mut p = Plans::new();
    let Plan::Scan { table, columns: base } = p.scan("orders") else { unreachable!("a scan") };
    let number = p.int(3);
    let moment = p.arena.literal(Literal::Text("2024-01-01".into()));
    for (by, at, expect) in [
        (
            VersionBy::Version,
            number,
            expect![[r#"
            -- duckdb
            SELECT order_id
            FROM orders AT (VERSION => 3)
            -- postgres
            GEN-0042
            -- spark
            GEN-0042
            -- datafusion
            GEN-0042
        "#]],
        ),
        (
            VersionBy::Timestamp,
            moment,
            expect![[r#"
            -- duckdb
            SELECT order_id
            FROM orders AT (TIMESTAMP => '2024-01-01')
            -- postgres
            GEN-0042
            -- spark
            GEN-0042
            -- datafusion
            GEN-0042
        "#]],
        ),
        (
            VersionBy::VersionAsOf,
            number,
            expect![[r#"
            -- duckdb
            GEN-0042
            -- postgres
            GEN-0042
            -- spark
            SELECT order_id
            FROM orders VERSION AS OF 3
            -- datafusion
            GEN-0042
        "#]],
        ),
        (
            VersionBy::TimestampAsOf,
            moment,
            expect![[r#"
            -- duckdb
            GEN-0042
            -- postgres
            GEN-0042
            -- spark
            SELECT order_id
            FROM orders TIMESTAMP AS OF '2024-01-01'
            -- datafusion
            GEN-0042
        "#]],
        ),
        (
            VersionBy::SystemAsOf,
            moment,
            expect![[r#"
            -- duckdb
            GEN-0042
            -- postgres
            GEN-0042
            -- spark
            GEN-0042
            -- datafusion
            GEN-0042
        "#]],
        ),
    ] {
        let version = TableVersion { by, at };
        let mut columns = Vec::new();
        for &of in &base {
            let data_type: DataType = p.arena.column_type(of);
            columns.push(p.arena.column(ColumnDef::Versioned { of, version }, data_type, "order_id"));
        }
        let plan = Plan::ScanAt { table: table.clone(), version, columns };
        check(&plan, &mut p, &ALL, &expect);
    }
}
