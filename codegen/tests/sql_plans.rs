//! Operators to clauses: what SQL a plan becomes, and that each dialect's parser takes it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod plans;

use expect_test::{Expect, expect};
use isomer_codegen::to_sql;
use isomer_ir::{
    AggregateFunction, DataType, Dialect, Function, JoinKind, Literal, Output, Plan, Scalar, SetOpKind, SortKey,
};
use plans::*;
use sqlparser::dialect::{DatabricksDialect, DuckDbDialect, GenericDialect, PostgreSqlDialect};
use sqlparser::parser::Parser;

fn parse(sql: &str, dialect: Dialect) {
    let parsed = match dialect {
        Dialect::DuckDb => Parser::parse_sql(&DuckDbDialect {}, sql),
        Dialect::DataFusion => Parser::parse_sql(&GenericDialect {}, sql),
        Dialect::Postgres => Parser::parse_sql(&PostgreSqlDialect {}, sql),
        // This parser knows no backslashes in texts.
        Dialect::Spark => Parser::parse_sql(&DatabricksDialect {}, &sql.replace("\\'", "''")),
        Dialect::Snowflake | Dialect::BigQuery => unreachable!("nothing is written for {dialect}"),
    };
    assert!(parsed.is_ok(), "{dialect}: {parsed:?}\n{sql}");
}

/// Checks DuckDB's text and that the other dialects' parsers take theirs.
fn check(plans: &mut Plans, output: &Output, expect: &Expect) {
    let sql = to_sql(output, &mut plans.arena, &plans.catalog, Dialect::DuckDb).unwrap();
    let again = to_sql(output, &mut plans.arena, &plans.catalog, Dialect::DuckDb).unwrap();
    assert_eq!(sql, again);
    expect.assert_eq(&format!("{sql}\n"));
    for dialect in Dialect::WRITTEN {
        match to_sql(output, &mut plans.arena, &plans.catalog, dialect) {
            Ok(sql) => parse(&sql, dialect),
            Err(error) => assert_ne!(error.code, "GEN-0001", "{error}"),
        }
    }
}

#[test]
fn one_block() {
    let mut p = Plans::new();
    let scan = p.scan("orders");
    let (amount, placed) = (p.col("orders.amount"), p.col("orders.placed"));
    let hundred = p.dec(10000, 2);
    let big = p.test(Function::Gt, amount, hundred);
    let low = p.arena.literal(Literal::Date(9131));
    let high = p.arena.literal(Literal::Date(9495));
    let from = p.test(Function::GtEq, placed, low);
    let to = p.test(Function::LtEq, placed, high);
    let total = p.agg(AggregateFunction::Sum, &[amount], MONEY, "total");
    let count = p.agg(AggregateFunction::Count, &[], DataType::Int64, "n");
    let plan = filter(scan, &[big, from, to]);
    let plan = p.group(plan, &["orders.customer_id"], &[total.clone(), count.clone()]);
    let total_ref = p.arena.column_ref(total.0);
    let thousand = p.dec(100_000, 2);
    let large = p.test(Function::Gt, total_ref, thousand);
    let plan = limit(sort(filter(plan, &[large]), &[desc(total_ref)]), 5, Some(10));
    let customer = p.id("orders.customer_id");
    let output =
        p.output(plan, &[("customer_id", customer), ("Total", total.0), ("total again", total.0), ("n", count.0)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
            SELECT
                customer_id,
                SUM(amount) AS Total,
                SUM(amount) AS "total again",
                COUNT(*) AS n
            FROM orders
            WHERE amount > 100.00
              AND placed BETWEEN DATE '1995-01-01' AND DATE '1995-12-31'
            GROUP BY customer_id
            HAVING SUM(amount) > 1000.00
            ORDER BY Total DESC
            LIMIT 10 OFFSET 5
        "#]],
    );
}

#[test]
fn inner_joins_are_flat_and_tied() {
    let mut p = Plans::new();
    let (orders, customer, events) = (p.scan("orders"), p.scan("customer"), p.scan("events"));
    let a = p.eq("orders.customer_id", "customer.id");
    let b = p.eq("events.user_id", "customer.id");
    let name = p.col("customer.name");
    let ann = p.text("Ann's");
    let named = p.test(Function::Eq, name, ann);
    let plan = join(JoinKind::Inner, join(JoinKind::Inner, orders, events, &[]), customer, &[]);
    let plan = filter(plan, &[a, b, named]);
    let (amount, name) = (p.id("orders.amount"), p.id("customer.name"));
    let output = p.output(plan, &[("amount", amount), ("Name", name), ("group", name)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        SELECT o.amount, c.Name, c.Name AS "group"
        FROM orders AS o
        JOIN shop.customer AS c ON o.customer_id = c.id
        JOIN events AS e ON e.user_id = c.id
        WHERE c.Name = 'Ann''s'
    "#]],
    );
}

#[test]
fn self_join_by_instance() {
    let mut p = Plans::new();
    let orders = p.scan("orders");
    let same = p.eq("orders.customer_id", "1:orders.customer_id");
    let (a, b) = (p.col("orders.order_id"), p.col("1:orders.order_id"));
    let other = p.test(Function::NotEq, a, b);
    let plan = join(JoinKind::Inner, orders.clone(), instance(orders, 1), &[same, other]);
    let (a, b) = (p.id("orders.order_id"), p.id("1:orders.order_id"));
    let output = p.output(plan, &[("a", a), ("b", b)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        SELECT o.order_id AS a, o_2.order_id AS b
        FROM orders AS o
        JOIN orders AS o_2 ON o.customer_id = o_2.customer_id AND o.order_id <> o_2.order_id
    "#]],
    );
}

#[test]
fn semi_and_anti_joins() {
    let mut p = Plans::new();
    let (orders, customer, events) = (p.scan("orders"), p.scan("customer"), p.scan("events"));
    let on = p.eq("orders.customer_id", "customer.id");
    let group = p.col("customer.group");
    let vip = p.text("vip");
    let is_vip = p.test(Function::Eq, group, vip);
    let plan = join(JoinKind::Semi, orders, filter(customer.clone(), &[is_vip]), &[on]);
    let user = p.eq("orders.customer_id", "events.user_id");
    let (placed, seen) = (p.col("orders.placed"), p.col("events.seen"));
    let seen = p.cast(seen, DataType::Date);
    let later = p.test(Function::Gt, seen, placed);
    let plan = join(JoinKind::Anti, plan, events, &[user, later]);
    let on = p.eq("orders.note", "customer.group");
    let plan = join(JoinKind::AntiNullAware, plan, customer, &[on]);
    let id = p.id("orders.order_id");
    let output = p.output(plan, &[("order_id", id)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
            SELECT o.order_id
            FROM orders AS o
            WHERE o.customer_id IN (
                  SELECT id
                  FROM shop.customer
                  WHERE "group" = 'vip'
              )
              AND NOT EXISTS (
                  SELECT 1
                  FROM events AS e
                  WHERE o.customer_id = e.user_id
                    AND CAST(e.seen AS DATE) > o.placed
              )
              AND o.note NOT IN (
                  SELECT "group"
                  FROM shop.customer
              )
        "#]],
    );
}

#[test]
fn outer_joins_keep_what_is_computed_below_the_padding() {
    let mut p = Plans::new();
    let (orders, customer) = (p.scan("orders"), p.scan("customer"));
    let group = p.col("customer.group");
    let none = p.text("none");
    let known = p.call(Function::Coalesce, &[group, none], DataType::Text);
    let known = p.computed(known, "known");
    let padded = p.project(customer.clone(), &["customer.id"], &[known]);
    let on = p.eq("orders.customer_id", "customer.id");
    let plan = join(JoinKind::Left, orders.clone(), padded, &[on]);
    let id = p.id("orders.order_id");
    let output = p.output(plan, &[("order_id", id), ("known", known.0)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        WITH customer_prepared AS (
            SELECT id, COALESCE("group", 'none') AS known
            FROM shop.customer
        )
        SELECT o.order_id, cp.known
        FROM orders AS o
        LEFT JOIN customer_prepared AS cp ON o.customer_id = cp.id
    "#]],
    );
    // A filter of the padded side goes into ON.
    let vip = p.text("vip");
    let is_vip = p.test(Function::Eq, group, vip);
    let plan = join(JoinKind::Left, orders.clone(), filter(customer.clone(), &[is_vip]), &[on]);
    let name = p.id("customer.name");
    let output = p.output(plan, &[("order_id", id), ("name", name)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        SELECT o.order_id, c.Name AS name
        FROM orders AS o
        LEFT JOIN shop.customer AS c ON o.customer_id = c.id AND c."group" = 'vip'
    "#]],
    );
    let plan = join(JoinKind::Full, orders, filter(customer, &[is_vip]), &[on]);
    let output = p.output(plan, &[("order_id", id), ("name", name)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        WITH filtered_customer AS (
            SELECT id, Name AS name
            FROM shop.customer
            WHERE "group" = 'vip'
        )
        SELECT o.order_id, fc.name
        FROM orders AS o
        FULL JOIN filtered_customer AS fc ON o.customer_id = fc.id
    "#]],
    );
}

#[test]
fn a_value_of_one_row_is_a_scalar_subquery() {
    let mut p = Plans::new();
    let (orders, events) = (p.scan("orders"), p.scan("events"));
    let value = p.col("events.value");
    let mean = p.agg(AggregateFunction::Avg, &[value], DataType::Float64, "mean");
    let one = p.group(events, &[], std::slice::from_ref(&mean));
    let amount = p.col("orders.amount");
    let amount = p.cast(amount, DataType::Float64);
    let mean_ref = p.arena.column_ref(mean.0);
    let above = p.test(Function::Gt, amount, mean_ref);
    let plan = filter(join(JoinKind::Inner, orders, one, &[]), &[above]);
    let id = p.id("orders.order_id");
    let output = p.output(plan, &[("order_id", id)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
            SELECT order_id
            FROM orders
            WHERE amount > (
                  SELECT AVG(value)
                  FROM events
              )
        "#]],
    );
}

#[test]
fn a_single_join() {
    let mut p = Plans::new();
    let (orders, customer, events) = (p.scan("orders"), p.scan("customer"), p.scan("events"));
    // The key makes a second match impossible.
    let on = p.eq("orders.customer_id", "customer.id");
    let plan = join(JoinKind::Single, orders.clone(), customer, &[on]);
    let (id, name, kind) = (p.id("orders.order_id"), p.id("customer.name"), p.id("events.kind"));
    let output = p.output(plan, &[("order_id", id), ("name", name)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        SELECT o.order_id, c.Name AS name
        FROM orders AS o
        LEFT JOIN shop.customer AS c ON o.customer_id = c.id
    "#]],
    );
    let on = p.eq("orders.customer_id", "events.user_id");
    let plan = join(JoinKind::Single, orders, events, &[on]);
    let output = p.output(plan, &[("order_id", id), ("kind", kind)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        SELECT
            o.order_id,
            (
                SELECT e.kind
                FROM events AS e
                WHERE o.customer_id = e.user_id
            ) AS kind
        FROM orders AS o
    "#]],
    );
    let error = to_sql(&output, &mut p.arena, &p.catalog, Dialect::Spark).unwrap_err();
    assert_eq!(error.code, "GEN-0005");
}

#[test]
fn a_mark() {
    let mut p = Plans::new();
    let (orders, events) = (p.scan("orders"), p.scan("events"));
    let mark = p.arena.column(isomer_ir::ColumnDef::Mark { serial: 1 }, DataType::Boolean, "has_events");
    let on = p.eq("orders.customer_id", "events.user_id");
    let plan = join(JoinKind::Mark(mark), orders, events, &[on]);
    let id = p.id("orders.order_id");
    let output = p.output(plan, &[("order_id", id), ("has_events", mark)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
            SELECT
                o.order_id,
                EXISTS (
                    SELECT 1
                    FROM events AS e
                    WHERE o.customer_id = e.user_id
                ) AS has_events
            FROM orders AS o
        "#]],
    );
    let sql = to_sql(&output, &mut p.arena, &p.catalog, Dialect::DataFusion).unwrap();
    expect![[r#"
        WITH distinct_events AS (
            SELECT DISTINCT user_id, TRUE AS has_events
            FROM events
        )
        SELECT o.order_id, de.has_events IS TRUE AS has_events
        FROM orders AS o
        LEFT JOIN distinct_events AS de ON o.customer_id = de.user_id"#]]
    .assert_eq(&sql);
}

#[test]
fn windows_and_what_follows_them() {
    let mut p = Plans::new();
    let scan = p.scan("orders");
    let placed = p.col("orders.placed");
    let number = p.row_number("orders.customer_id", desc(placed));
    let number_ref = p.arena.column_ref(number.0);
    let one = p.int(1);
    let first = p.test(Function::Eq, number_ref, one);
    let plan = filter(with_window(scan, std::slice::from_ref(&number)), &[first]);
    let (id, note) = (p.id("orders.order_id"), p.id("orders.note"));
    let output = p.output(plan.clone(), &[("order_id", id), ("note", note)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        SELECT order_id, note
        FROM orders
        QUALIFY ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY placed DESC) = 1
    "#]],
    );
    let sql = to_sql(&output, &mut p.arena, &p.catalog, Dialect::Postgres).unwrap();
    expect![[r#"
        WITH orders_ranked AS (
            SELECT
                order_id,
                note,
                ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY placed DESC NULLS LAST) AS rn
            FROM orders
        )
        SELECT order_id, note
        FROM orders_ranked
        WHERE rn = 1"#]]
    .assert_eq(&sql);
    // An aggregate over it needs the rows fixed first.
    let count = p.agg(AggregateFunction::Count, &[], DataType::Int64, "n");
    let plan = p.group(plan, &["orders.note"], std::slice::from_ref(&count));
    let output = p.output(plan, &[("note", note), ("n", count.0)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        WITH orders_windowed AS (
            SELECT note
            FROM orders
            QUALIFY ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY placed DESC) = 1
        )
        SELECT note, COUNT(*) AS n
        FROM orders_windowed
        GROUP BY note
    "#]],
    );
}

#[test]
fn named_and_repeated_plans_are_ctes() {
    let mut p = Plans::new();
    let scan = p.scan("orders");
    let amount = p.col("orders.amount");
    let total = p.agg(AggregateFunction::Sum, &[amount], MONEY, "amount");
    let totals = p.group(scan, &["orders.customer_id"], std::slice::from_ref(&total));
    let customer = p.id("orders.customer_id");
    let other_total = p.arena.instance(total.0, 1);
    let (a, b) = (p.arena.column_ref(total.0), p.arena.column_ref(other_total));
    let more = p.test(Function::Gt, a, b);
    let output = |p: &mut Plans, input: Plan, again: Plan| {
        let plan = join(JoinKind::Inner, input, instance(again, 1), &[more]);
        p.output(plan, &[("customer_id", customer), ("total", total.0), ("less", other_total)])
    };
    let repeated = output(&mut p, totals.clone(), totals.clone());
    check(
        &mut p,
        &repeated,
        &expect![[r#"
            WITH orders_by_customer_id AS (
                SELECT customer_id, SUM(amount) AS amount
                FROM orders
                GROUP BY customer_id
            )
            SELECT obc.customer_id, obc.amount AS total, obc_2.amount AS less
            FROM orders_by_customer_id AS obc
            JOIN orders_by_customer_id AS obc_2 ON obc.amount > obc_2.amount
        "#]],
    );
    // A name, on either side, names both.
    let half_named = output(&mut p, totals.clone(), named(totals, "Customer Totals"));
    check(
        &mut p,
        &half_named,
        &expect![[r#"
        WITH customer_totals AS (
            SELECT customer_id, SUM(amount) AS amount
            FROM orders
            GROUP BY customer_id
        )
        SELECT ct.customer_id, ct.amount AS total, ct_2.amount AS less
        FROM customer_totals AS ct
        JOIN customer_totals AS ct_2 ON ct.amount > ct_2.amount
    "#]],
    );
}

#[test]
fn set_operations() {
    let mut p = Plans::new();
    let (orders, events) = (p.scan("orders"), p.scan("events"));
    let (a, b) = (p.id("orders.customer_id"), p.id("events.user_id"));
    let (note, kind) = (p.id("orders.note"), p.id("events.kind"));
    let mut id = |position: u32, branches: Vec<isomer_ir::ColumnId>, data_type: DataType, hint: &str| {
        p.arena.column(isomer_ir::ColumnDef::SetOp { position, branches }, data_type, hint)
    };
    let user = id(0, vec![a, b], DataType::Int64, "user_id");
    let text = id(1, vec![note, kind], DataType::Text, "what");
    let inputs = vec![(orders, vec![a, note]), (events, vec![b, kind])];
    let user_ref = p.arena.column_ref(user);
    // Of UNION ALL only what is asked for is read.
    let all = set_op(SetOpKind::UnionAll, inputs.clone(), vec![user, text]);
    let output = p.output(sort(all.clone(), &[asc(user_ref)]), &[("User", user)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        SELECT customer_id AS "User"
        FROM orders
        UNION ALL
        SELECT user_id AS "User"
        FROM events
        ORDER BY "User"
    "#]],
    );
    let count = p.agg(AggregateFunction::Count, &[], DataType::Int64, "n");
    let keys = vec![(user, user_ref)];
    let plan = Plan::Aggregate { input: Box::new(all), keys, calls: vec![count.clone()] };
    let output = p.output(plan, &[("user_id", user), ("n", count.0)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        WITH combined AS (
            SELECT customer_id AS user_id
            FROM orders
            UNION ALL
            SELECT user_id
            FROM events
        )
        SELECT user_id, COUNT(*) AS n
        FROM combined
        GROUP BY user_id
    "#]],
    );
    // A set compares whole rows.
    let except = set_op(SetOpKind::Except, inputs.clone(), vec![user, text]);
    let output = p.output(except, &[("user_id", user)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        WITH combined AS (
            SELECT customer_id AS user_id, note AS what
            FROM orders
            EXCEPT
            SELECT user_id, kind AS what
            FROM events
        )
        SELECT user_id
        FROM combined
    "#]],
    );
    let except_all = set_op(SetOpKind::ExceptAll, inputs, vec![user, text]);
    let output = p.output(except_all, &[("user_id", user), ("what", text)]);
    let sql = to_sql(&output, &mut p.arena, &p.catalog, Dialect::DataFusion).unwrap();
    expect![[r#"
        WITH combined AS (
            SELECT
                customer_id AS user_id,
                note AS what,
                ROW_NUMBER() OVER (PARTITION BY customer_id, note) AS copy
            FROM orders
            EXCEPT
            SELECT
                user_id,
                kind AS what,
                ROW_NUMBER() OVER (PARTITION BY user_id, kind) AS copy
            FROM events
        )
        SELECT user_id, what
        FROM combined"#]]
    .assert_eq(&sql);
}

#[test]
fn distinct_rows() {
    let mut p = Plans::new();
    let scan = p.scan("orders");
    let plan = p.project(scan, &["orders.customer_id", "orders.note"], &[]);
    let (customer, note) = (p.id("orders.customer_id"), p.id("orders.note"));
    let output = p.output(distinct(plan.clone()), &[("note", note), ("customer_id", customer)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        SELECT DISTINCT note, customer_id
        FROM orders
    "#]],
    );
    // Leaving a column out afterwards is another thing than not comparing it.
    let output = p.output(distinct(plan), &[("note", note)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        WITH distinct_orders AS (
            SELECT DISTINCT customer_id, note
            FROM orders
        )
        SELECT note
        FROM distinct_orders
    "#]],
    );
}

#[test]
fn the_first_rows_stay_the_first_rows() {
    // An aggregate, a distinct and a window over a LIMIT once lost the order that chose its rows.
    let mut p = Plans::new();
    let scan = p.scan("orders");
    let placed = p.col("orders.placed");
    let top = limit(sort(scan, &[desc(placed)]), 0, Some(3));
    let count = p.agg(AggregateFunction::Count, &[], DataType::Int64, "n");
    let note = p.id("orders.note");
    let plan = p.group(top.clone(), &["orders.note"], std::slice::from_ref(&count));
    let output = p.output(plan, &[("note", note), ("n", count.0)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        WITH top_orders AS (
            SELECT note
            FROM orders
            ORDER BY placed DESC
            LIMIT 3
        )
        SELECT note, COUNT(*) AS n
        FROM top_orders
        GROUP BY note
    "#]],
    );
    let narrow = p.project(top, &["orders.note"], &[]);
    let output = p.output(distinct(narrow), &[("note", note)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        WITH top_orders AS (
            SELECT note
            FROM orders
            ORDER BY placed DESC
            LIMIT 3
        )
        SELECT DISTINCT note
        FROM top_orders
    "#]],
    );
}

#[test]
fn a_distinct_branch_of_a_union_keeps_its_columns() {
    let mut p = Plans::new();
    let (orders, events) = (p.scan("orders"), p.scan("events"));
    let (a, b) = (p.id("orders.customer_id"), p.id("events.user_id"));
    let (note, kind) = (p.id("orders.note"), p.id("events.kind"));
    let orders = p.project(orders, &["orders.customer_id", "orders.note"], &[]);
    let def = |position, branches| isomer_ir::ColumnDef::SetOp { position, branches };
    let user = p.arena.column(def(0, vec![a, b]), DataType::Int64, "user_id");
    let what = p.arena.column(def(1, vec![note, kind]), DataType::Text, "what");
    let plan =
        set_op(SetOpKind::UnionAll, vec![(distinct(orders), vec![a, note]), (events, vec![b, kind])], vec![user, what]);
    let output = p.output(plan, &[("user_id", user)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        WITH distinct_orders AS (
            SELECT DISTINCT customer_id, note
            FROM orders
        )
        SELECT customer_id AS user_id
        FROM distinct_orders
        UNION ALL
        SELECT user_id
        FROM events
    "#]],
    );
}

#[test]
fn a_random_value_is_drawn_once() {
    let mut p = Plans::new();
    let scan = p.scan("events");
    let draw = p.arena.volatile_call(Function::Random, [], DataType::Float64);
    let (id, draw) = p.computed(draw, "r");
    let plan = p.project(scan, &["events.kind"], &[(id, draw)]);
    let read = p.arena.column_ref(id);
    let half = p.float(0.5);
    let lucky = p.test(Function::Lt, read, half);
    let output = p.output(plan.clone(), &[("a", id), ("b", id)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        WITH events_prepared AS (
            SELECT random() AS r
            FROM events
        )
        SELECT r AS a, r AS b
        FROM events_prepared
    "#]],
    );
    let output = p.output(filter(plan, &[lucky]), &[("r", id)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        WITH events_prepared AS (
            SELECT random() AS r
            FROM events
        )
        SELECT r
        FROM events_prepared
        WHERE r < 0.5
    "#]],
    );
}

#[test]
fn a_random_relation_is_read_once() {
    let mut p = Plans::new();
    let scan = p.scan("events");
    let draw = p.arena.volatile_call(Function::Random, [], DataType::Float64);
    let call = p.agg(AggregateFunction::Max, &[draw], DataType::Float64, "luck");
    let most = p.group(scan, &["events.kind"], std::slice::from_ref(&call));
    let kind = p.eq("events.kind", "1:events.kind");
    let plan = join(JoinKind::Inner, most.clone(), instance(most, 1), &[kind]);
    let output = p.output(plan, &[("luck", call.0)]);
    assert!(to_sql(&output, &mut p.arena, &p.catalog, Dialect::DuckDb).is_ok());
    let error = to_sql(&output, &mut p.arena, &p.catalog, Dialect::Spark).unwrap_err();
    assert_eq!(error.code, "GEN-0031");
}

#[test]
fn values_empty_and_nothing() {
    let mut p = Plans::new();
    let cells: Vec<_> = [(1, "a"), (2, "b")].into_iter().map(|(n, t)| vec![p.int(n), p.text(t)]).collect();
    let n = p.arena.column(
        isomer_ir::ColumnDef::Values { position: 0, values: vec![cells[0][0], cells[1][0]] },
        DataType::Int32,
        "n",
    );
    let t = p.arena.column(
        isomer_ir::ColumnDef::Values { position: 1, values: vec![cells[0][1], cells[1][1]] },
        DataType::Text,
        "t",
    );
    let plan = Plan::Values { columns: vec![n, t], rows: cells };
    let output = p.output(plan.clone(), &[("t", t)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        SELECT t
        FROM (VALUES
            ('a'),
            ('b')
        ) AS v(t)
    "#]],
    );
    let output = p.output(Plan::Empty { columns: vec![n] }, &[("n", n)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        SELECT CAST(NULL AS INTEGER) AS n
        WHERE FALSE
    "#]],
    );
    let one = p.int(1);
    let one = p.computed(one, "one");
    let nothing = Plan::Values { columns: vec![], rows: vec![vec![]] };
    let plan = p.project(nothing, &[], &[one]);
    let output = p.output(plan, &[("one", one.0)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        SELECT 1 AS one
    "#]],
    );
    // A constant key is no position.
    let events = p.scan("events");
    let count = p.agg(AggregateFunction::Count, &[], DataType::Int64, "n");
    let plan = Plan::Aggregate { input: Box::new(events), keys: vec![one], calls: vec![count.clone()] };
    let output = p.output(plan, &[("one", one.0), ("n", count.0)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
        SELECT 1 AS one, COUNT(*) AS n
        FROM events
        HAVING COUNT(*) > 0
    "#]],
    );
}

#[test]
fn output_names_never_capture_columns() {
    let mut p = Plans::new();
    let scan = p.scan("events");
    let value = p.col("events.value");
    let total = p.agg(AggregateFunction::Sum, &[value], DataType::Float64, "value");
    let total_ref = p.arena.column_ref(total.0);
    let zero = p.float(0.0);
    let some = p.test(Function::Gt, total_ref, zero);
    let plan = p.group(scan, &["events.kind"], std::slice::from_ref(&total));
    let plan = filter(plan, &[some]);
    let kind = p.id("events.kind");
    let output = p.output(plan, &[("kind", kind), ("value", total.0)]);
    check(
        &mut p,
        &output,
        &expect![[r#"
            SELECT e.kind, SUM(e.value) AS value
            FROM events AS e
            GROUP BY e.kind
            HAVING SUM(e.value) > 0.0
        "#]],
    );
}

#[test]
fn the_null_order_is_said_where_the_target_differs() {
    let mut p = Plans::new();
    let scan = p.scan("events");
    let value = p.col("events.value");
    let (id, kind) = (p.id("events.value"), p.col("events.kind"));
    let keys = [desc(value), SortKey { scalar: kind, is_descending: false, is_nulls_first: true }];
    let output = p.output(sort(scan, &keys), &[("value", id)]);
    for (dialect, expect) in [
        (Dialect::DuckDb, "ORDER BY value DESC, kind NULLS FIRST"),
        (Dialect::DataFusion, "ORDER BY value DESC NULLS LAST, kind NULLS FIRST"),
        (Dialect::Postgres, "ORDER BY value DESC NULLS LAST, kind NULLS FIRST"),
        (Dialect::Spark, "ORDER BY value DESC, kind"),
    ] {
        let sql = to_sql(&output, &mut p.arena, &p.catalog, dialect).unwrap();
        assert_eq!(sql.lines().last(), Some(expect), "{dialect}");
    }
}

#[test]
fn deep_and_wide_scalars() {
    let mut p = Plans::new();
    let n = p.col("events.n");
    let terms: Vec<_> = (0..50_000)
        .map(|i| {
            let constant = p.int(i);
            p.test(Function::Eq, n, constant)
        })
        .collect();
    let any = p.arena.or(terms);
    let mut sum = n;
    for i in 0..50_000 {
        let constant = p.int(i % 7);
        sum = p.call(Function::Subtract, &[constant, sum], DataType::Int32);
    }
    let sum = p.computed(sum, "sum");
    let scan = p.scan("events");
    let plan = p.project(filter(scan, &[any]), &[], &[sum]);
    let output = p.output(plan, &[("sum", sum.0)]);
    for dialect in Dialect::WRITTEN {
        let sql = to_sql(&output, &mut p.arena, &p.catalog, dialect).unwrap();
        assert!(sql.len() > 1_000_000, "{}", sql.len());
    }
    // Shared operands make a tree that no text holds.
    let mut doubled = n;
    for _ in 0..60 {
        doubled = p.call(Function::Add, &[doubled, doubled], DataType::Int32);
    }
    let output = p.scalar_output(doubled);
    let error = to_sql(&output, &mut p.arena, &p.catalog, Dialect::DuckDb).unwrap_err();
    assert_eq!(error.code, "GEN-0007");
    // Over columns they are named step by step.
    let mut plan = p.scan("events");
    let mut id = p.id("events.n");
    for _ in 0..40 {
        let read = p.arena.column_ref(id);
        let twice = p.call(Function::Add, &[read, read], DataType::Int32);
        let step = p.computed(twice, "twice");
        plan = Plan::Project { input: Box::new(plan), exprs: vec![step] };
        id = step.0;
    }
    let output = p.output(plan, &[("n", id)]);
    let sql = to_sql(&output, &mut p.arena, &p.catalog, Dialect::DuckDb).unwrap();
    assert!(sql.len() < 10_000, "{sql}");
}

#[test]
fn deep_plans() {
    let mut p = Plans::new();
    let mut plan = p.scan("events");
    let n = p.col("events.n");
    for i in 0..2_000 {
        let bound = p.int(i);
        let less = p.test(Function::Lt, n, bound);
        plan = limit(filter(plan, &[less]), 0, Some(10));
    }
    let id = p.id("events.n");
    let output = p.output(plan, &[("n", id)]);
    assert!(to_sql(&output, &mut p.arena, &p.catalog, Dialect::Spark).is_ok());
}

#[test]
fn faults_of_a_plan_are_errors() {
    let mut p = Plans::new();
    let scan = p.scan("events");
    let missing = p.id("orders.note");
    let output = p.output(scan, &[("note", missing)]);
    assert_eq!(to_sql(&output, &mut p.arena, &p.catalog, Dialect::DuckDb).unwrap_err().code, "GEN-0001");
    let unknown = Plan::Scan { table: "nowhere".into(), columns: vec![] };
    let output = p.output(unknown, &[]);
    assert_eq!(to_sql(&output, &mut p.arena, &p.catalog, Dialect::DuckDb).unwrap_err().code, "GEN-0002");
    let hole = node(&mut p.arena, Scalar::Hole(1));
    let output = p.scalar_output(hole);
    assert_eq!(to_sql(&output, &mut p.arena, &p.catalog, Dialect::DuckDb).unwrap_err().code, "GEN-0003");
}

/// DataFusion 54 takes a null-safe equality of an inner `ON` for a plain one when another join stands
/// above it, reads all that follows `IS DISTINCT FROM` as its right side, and fails over a key that is
/// a cast of another key.
#[test]
fn datafusion_reads_what_is_meant() {
    let mut p = Plans::new();
    let (orders, customer, events) = (p.scan("orders"), p.scan("customer"), p.scan("events"));
    let (a, b) = (p.col("orders.customer_id"), p.col("customer.id"));
    let same = p.test(Function::IsNotDistinct, a, b);
    let pair = join(JoinKind::Inner, orders, customer, &[same]);
    let fusion =
        |p: &mut Plans, output: &Output| to_sql(output, &mut p.arena, &p.catalog, Dialect::DataFusion).unwrap();
    let amount = p.id("orders.amount");
    let output = p.output(pair.clone(), &[("amount", amount)]);
    assert!(fusion(&mut p, &output).contains("ON (o.customer_id IS NOT DISTINCT FROM c.id)"));
    let kind = p.col("events.kind");
    let none = p.text("none");
    let differ = p.test(Function::IsDistinct, kind, none);
    let plan = filter(join(JoinKind::Inner, pair, events, &[]), &[differ]);
    let output = p.output(plan.clone(), &[("amount", amount)]);
    let sql = fusion(&mut p, &output);
    assert!(!sql.contains(" ON "), "{sql}");
    assert!(sql.contains("(o.customer_id IS NOT DISTINCT FROM c.id)"), "{sql}");
    assert!(sql.contains("(e.kind IS DISTINCT FROM 'none')"), "{sql}");
    let cast = p.cast(a, DataType::Text);
    let (key, text) = (p.id("orders.customer_id"), p.computed(cast, "customer"));
    let count = p.agg(AggregateFunction::Count, &[], DataType::Int64, "n");
    let grouped = |calls: Vec<_>| Plan::Aggregate { input: Box::new(plan.clone()), keys: vec![(key, a), text], calls };
    let output = p.output(grouped(vec![count.clone()]), &[("customer", text.0), ("n", count.0)]);
    let sql = fusion(&mut p, &output);
    assert_eq!(sql.lines().last(), Some("GROUP BY o.customer_id"), "{sql}");
    let output = p.output(grouped(Vec::new()), &[("customer", text.0), ("id", key)]);
    let sql = fusion(&mut p, &output);
    assert!(sql.starts_with("SELECT DISTINCT") && !sql.contains("GROUP BY"), "{sql}");
}

/// Below a full join the null-safe condition cannot move to `WHERE`, so it is refused rather than lost.
#[test]
fn datafusion_refuses_what_it_would_misread_below_a_full_join() {
    let mut p = Plans::new();
    let (orders, customer, events) = (p.scan("orders"), p.scan("customer"), p.scan("events"));
    let (a, b) = (p.col("orders.customer_id"), p.col("customer.id"));
    let same = p.test(Function::IsNotDistinct, a, b);
    let triple = join(JoinKind::Inner, join(JoinKind::Inner, orders, customer.clone(), &[same]), events, &[]);
    let other = Plan::Instance { input: Box::new(customer), k: 1 };
    let (id, renamed) = (p.id("orders.order_id"), p.id("customer.id"));
    let renamed = p.arena.instance(renamed, 1);
    let (left, right) = (p.arena.column_ref(id), p.arena.column_ref(renamed));
    let on = p.test(Function::Eq, left, right);
    let output = p.output(join(JoinKind::Full, triple, other, &[on]), &[("id", id)]);
    let spelled = |p: &mut Plans, dialect| to_sql(&output, &mut p.arena, &p.catalog, dialect);
    assert_eq!(spelled(&mut p, Dialect::DataFusion).unwrap_err().code, "GEN-0032");
    assert!(spelled(&mut p, Dialect::DuckDb).unwrap().contains("FULL JOIN"));
}
