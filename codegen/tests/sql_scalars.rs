//! Scalars, aggregates and windows in each dialect's words, and what is refused by name.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here")]

mod plans;

use isomer_codegen::{scalar_to_sql, to_sql};
use isomer_ir::{
    AggregateFunction as A, DataType, Dialect, Exclusion, Frame, FrameBound, FrameUnit, Function as F, Literal, Output,
    Plan, RankingFunction as R, Scalar, ScalarId, WindowFunction as W,
};
use plans::*;

const FLOAT: DataType = DataType::Float64;
const TEXT: DataType = DataType::Text;
const INT: DataType = DataType::Int64;

/// DuckDB, DataFusion, PostgreSQL, Spark; `GEN-…` where a code is expected.
type Row = (ScalarId, [&'static str; 4]);

fn check(plans: &Plans, rows: &[Row]) {
    for (scalar, expects) in rows {
        for (dialect, expect) in Dialect::WRITTEN.into_iter().zip(expects) {
            let sql = scalar_to_sql(*scalar, &plans.arena, dialect).unwrap_or_else(|error| error.code.to_owned());
            assert_eq!(sql, *expect, "{dialect}");
        }
    }
}

fn same(sql: &'static str) -> [&'static str; 4] {
    [sql; 4]
}

fn constant(p: &mut Plans, literal: Literal) -> ScalarId {
    p.arena.literal(literal)
}

#[test]
fn constants() {
    let mut p = Plans::new();
    let day = 86_400_000_000;
    let rows = [
        (p.int(-5), same("-5")),
        (p.text("it's"), ["'it''s'", "'it''s'", "'it''s'", "'it\\'s'"]),
        (p.text("a\\b"), [r"'a\b'", r"'a\b'", r"'a\b'", r"'a\\b'"]),
        (p.dec(6, 2), ["0.06", "CAST('0.06' AS DECIMAL(5, 2))", "0.06", "0.06"]),
        (
            p.dec(6, 0),
            [
                "CAST('6' AS DECIMAL(5, 0))",
                "CAST('6' AS DECIMAL(5, 0))",
                "CAST('6' AS NUMERIC(5, 0))",
                "CAST('6' AS DECIMAL(5, 0))",
            ],
        ),
        (p.float(0.1), ["0.1e0", "CAST('0.1' AS DOUBLE)", "CAST('0.1' AS DOUBLE PRECISION)", "0.1e0"]),
        (p.float(1e300), ["1e300", "CAST('1e300' AS DOUBLE)", "CAST('1e300' AS DOUBLE PRECISION)", "1e300"]),
        (
            p.float(f64::NEG_INFINITY),
            [
                "CAST('-Infinity' AS DOUBLE)",
                "CAST('-Infinity' AS DOUBLE)",
                "CAST('-Infinity' AS DOUBLE PRECISION)",
                "CAST('-Infinity' AS DOUBLE)",
            ],
        ),
        (constant(&mut p, Literal::Date(9131)), same("DATE '1995-01-01'")),
        (constant(&mut p, Literal::Date(-1_000_000)), same("GEN-0013")),
        (
            constant(&mut p, Literal::Timestamp(day + 1)),
            [
                "TIMESTAMP '1970-01-02 00:00:00.000001'",
                "TIMESTAMP '1970-01-02 00:00:00.000001'",
                "TIMESTAMP '1970-01-02 00:00:00.000001'",
                "TIMESTAMP_NTZ '1970-01-02 00:00:00.000001'",
            ],
        ),
        (
            constant(&mut p, Literal::TimestampTz(0)),
            [
                "TIMESTAMPTZ '1970-01-01 00:00:00+00'",
                "CAST('1970-01-01 00:00:00+00:00' AS TIMESTAMP WITH TIME ZONE)",
                "TIMESTAMPTZ '1970-01-01 00:00:00+00'",
                "TIMESTAMP '1970-01-01 00:00:00Z'",
            ],
        ),
        (
            constant(&mut p, Literal::Time(3_600_000_000)),
            ["TIME '01:00:00'", "TIME '01:00:00'", "TIME '01:00:00'", "GEN-0009"],
        ),
        (
            constant(&mut p, Literal::Interval { months: 0, days: 90, micros: 0 }),
            ["INTERVAL '90 days'", "INTERVAL '90 days'", "INTERVAL '90 days'", "INTERVAL '90' DAY"],
        ),
        (
            constant(&mut p, Literal::Interval { months: 12, days: 0, micros: 0 }),
            ["INTERVAL '1 year'", "INTERVAL '1 year'", "INTERVAL '1 year'", "INTERVAL '1' YEAR"],
        ),
        (
            constant(&mut p, Literal::Interval { months: 0, days: 0, micros: 1_800_000_000 }),
            ["INTERVAL '30 minutes'", "INTERVAL '30 minutes'", "INTERVAL '30 minutes'", "INTERVAL '30' MINUTE"],
        ),
        (
            constant(&mut p, Literal::Interval { months: 1, days: 1, micros: -1_500_000 }),
            [
                "INTERVAL '1 month 1 day -1.500000 seconds'",
                "INTERVAL '1 month 1 day -1.500000 seconds'",
                "INTERVAL '1 month 1 day -1.500000 seconds'",
                "GEN-0014",
            ],
        ),
        (
            constant(&mut p, Literal::Null(TEXT)),
            ["CAST(NULL AS VARCHAR)", "CAST(NULL AS VARCHAR)", "CAST(NULL AS TEXT)", "CAST(NULL AS STRING)"],
        ),
        (
            constant(&mut p, Literal::Null(DataType::Int128)),
            [
                "CAST(NULL AS HUGEINT)",
                "CAST(NULL AS DECIMAL(38, 0))",
                "CAST(NULL AS NUMERIC(38, 0))",
                "CAST(NULL AS DECIMAL(38, 0))",
            ],
        ),
    ];
    check(&p, &rows);
}

#[test]
fn operators_and_parentheses() {
    let mut p = Plans::new();
    let (n, value, flag, kind) = (p.col("events.n"), p.col("events.value"), p.col("events.flag"), p.col("events.kind"));
    let (one, two) = (p.int(1), p.int(2));
    let int = DataType::Int32;
    let sum = p.call(F::Add, &[n, one], int);
    let product = p.call(F::Multiply, &[sum, two], int);
    let left = p.call(F::Subtract, &[sum, sum], int);
    let negated = p.call(F::Negate, &[sum], int);
    let minus = p.int(-2);
    let double_negated = p.call(F::Negate, &[minus], int);
    let is_null = p.arena.predicate(F::IsNull, [n]);
    let not_null = p.not(is_null);
    let equal = p.test(F::Eq, n, one);
    let unequal = p.not(equal);
    let any = p.arena.or([flag, equal]);
    let all = p.arena.and([any, not_null]);
    let none = p.not(any);
    let nested = p.test(F::Eq, is_null, flag);
    let low = p.test(F::GtEq, n, one);
    let high = p.test(F::LtEq, n, two);
    let within = p.arena.and([low, high]);
    let listed = p.arena.in_list(n, vec![one, two]);
    let unlisted = p.not(listed);
    let nothing = p.arena.in_list(n, vec![]);
    let same_text = p.test(F::IsNotDistinct, kind, kind);
    let other_text = p.test(F::IsDistinct, kind, kind);
    let wide = p.cast(n, FLOAT);
    let compared = p.test(F::Gt, value, wide);
    let tenth = p.float(0.1);
    let scaled = p.call(F::Multiply, &[value, tenth], FLOAT);
    let case = node(&mut p.arena, Scalar::Case { branches: vec![(flag, one)], otherwise: two, data_type: int });
    let null = constant(&mut p, Literal::Null(int));
    let open = node(&mut p.arena, Scalar::Case { branches: vec![(flag, one)], otherwise: null, data_type: int });
    let joined = p.call(F::Concat, &[kind, kind, kind], TEXT);
    let big = p.arena.literal(Literal::Int(1, INT));
    let widened = p.call(F::Multiply, &[n, big], INT);
    let rows = [
        (product, same("(n + 1) * 2")),
        (left, same("n + 1 - (n + 1)")),
        (negated, same("-(n + 1)")),
        (double_negated, same("-(-2)")),
        (not_null, same("n IS NOT NULL")),
        (unequal, same("NOT (n = 1)")),
        (all, same("n IS NOT NULL AND (flag OR n = 1)")),
        (none, same("NOT (flag OR n = 1)")),
        (nested, same("(n IS NULL) = flag")),
        (within, same("n BETWEEN 1 AND 2")),
        (listed, same("n IN (1, 2)")),
        (unlisted, same("n NOT IN (1, 2)")),
        (nothing, same("FALSE")),
        (
            same_text,
            [
                "kind IS NOT DISTINCT FROM kind",
                "(kind IS NOT DISTINCT FROM kind)",
                "kind IS NOT DISTINCT FROM kind",
                "kind <=> kind",
            ],
        ),
        (
            other_text,
            [
                "kind IS DISTINCT FROM kind",
                "(kind IS DISTINCT FROM kind)",
                "kind IS DISTINCT FROM kind",
                "NOT (kind <=> kind)",
            ],
        ),
        (compared, same("value > n")),
        (scaled, same("value * 0.1")),
        (case, same("CASE WHEN flag THEN 1 ELSE 2 END")),
        (open, same("CASE WHEN flag THEN 1 END")),
        (joined, same("kind || kind || kind")),
        (widened, ["n * CAST(1 AS BIGINT)", "n * 1", "n * CAST(1 AS BIGINT)", "n * CAST(1 AS BIGINT)"]),
    ];
    check(&p, &rows);
}

#[test]
fn division_and_casts() {
    let mut p = Plans::new();
    let (n, value, amount, kind) =
        (p.col("events.n"), p.col("events.value"), p.col("orders.amount"), p.col("events.kind"));
    let wide = p.cast(n, FLOAT);
    let two = p.int(2);
    let wide_two = p.cast(two, FLOAT);
    let half = p.call(F::Divide, &[wide, wide_two], FLOAT);
    let whole = p.call(F::IntegerDivide, &[n, two], DataType::Int32);
    let share = p.call(F::Divide, &[amount, amount], DataType::Decimal { precision: 38, scale: 6 });
    let rounded = p.cast(value, DataType::Int32);
    let money = p.cast(amount, DataType::Int32);
    let text = p.cast(value, TEXT);
    let tried = node(&mut p.arena, Scalar::Cast { arg: kind, to: DataType::Int32, is_try: true });
    let floor = p.call(F::Floor, &[value], FLOAT);
    let floored = p.cast(floor, INT);
    let unsigned = p.cast(kind, DataType::UInt64);
    let round = p.call(F::Round, &[value, two], FLOAT);
    let trunc = p.call(F::Trunc, &[value], FLOAT);
    let rows = [
        (
            half,
            [
                "n / 2",
                "CAST(n AS DOUBLE) / CAST(2 AS DOUBLE)",
                "CAST(n AS DOUBLE PRECISION) / CAST(2 AS DOUBLE PRECISION)",
                "n / 2",
            ],
        ),
        (whole, ["n // 2", "n / 2", "n / 2", "CAST(n div 2 AS INT)"]),
        (share, ["GEN-0010", "amount / amount", "amount / amount", "amount / amount"]),
        (
            rounded,
            [
                "CAST(value AS INTEGER)",
                "CAST(CASE WHEN abs(value - trunc(value)) = 0.5 THEN 2 * round(value / 2) ELSE round(value) END AS INT)",
                "CAST(value AS INTEGER)",
                "CAST(rint(value) AS INT)",
            ],
        ),
        (
            money,
            [
                "CAST(amount AS INTEGER)",
                "CAST(round(amount) AS INT)",
                "CAST(amount AS INTEGER)",
                "CAST(round(amount) AS INT)",
            ],
        ),
        (text, ["CAST(value AS VARCHAR)", "GEN-0012", "GEN-0012", "GEN-0012"]),
        (tried, ["TRY_CAST(kind AS INTEGER)", "TRY_CAST(kind AS INT)", "GEN-0011", "GEN-0011"]),
        (
            floored,
            [
                "CAST(floor(value) AS BIGINT)",
                "CAST(floor(value) AS BIGINT)",
                "CAST(floor(value) AS BIGINT)",
                "CAST(CAST(floor(value) AS DOUBLE) AS BIGINT)",
            ],
        ),
        (
            unsigned,
            [
                "CAST(kind AS UBIGINT)",
                "CAST(kind AS BIGINT UNSIGNED)",
                "CAST(kind AS NUMERIC(20, 0))",
                "CAST(kind AS DECIMAL(20, 0))",
            ],
        ),
        (
            round,
            [
                "round(value, 2)",
                "round(value, 2)",
                "trunc(value * 100 + sign(value) * CAST('0.49999999999999994' AS DOUBLE PRECISION)) / 100",
                "round(value, 2)",
            ],
        ),
        (
            trunc,
            [
                "trunc(value)",
                "trunc(value)",
                "trunc(value)",
                "CAST(CASE WHEN value < 0 THEN ceil(value) ELSE floor(value) END AS DOUBLE)",
            ],
        ),
    ];
    check(&p, &rows);
}

#[test]
fn text_functions() {
    let mut p = Plans::new();
    let (kind, n) = (p.col("events.kind"), p.col("events.n"));
    let (one, three, minus) = (p.int(1), p.int(3), p.int(-3));
    let (percent, escaped, dash, bang) = (p.text("a_%"), p.text("50!%"), p.text("-"), p.text("!"));
    let like = p.test(F::Like, kind, percent);
    let unlike = p.not(like);
    let with_escape = p.arena.predicate(F::Like, [kind, escaped, bang]);
    let by_column = p.test(F::Like, kind, kind);
    let skipping = p.call(F::ConcatSkipNull, &[kind, dash], TEXT);
    let start = p.call(F::Substring, &[kind, one, three], TEXT);
    let end = p.call(F::Substring, &[kind, minus], TEXT);
    let dynamic = p.call(F::Substring, &[kind, n], TEXT);
    let seen = p.call(F::Position, &[kind, dash], INT);
    let ends = p.test(F::EndsWith, kind, dash);
    let holds = p.test(F::Contains, kind, dash);
    let trimmed = p.call(F::Trim, &[kind, dash], TEXT);
    let left = p.call(F::Left, &[kind, n], TEXT);
    let (digits, odd) = (p.text("^[a-f]+\\d$"), p.text("(?i)a"));
    let matched = p.test(F::RegexpMatches, kind, digits);
    let odd_match = p.test(F::RegexpMatches, kind, odd);
    let (g, x) = (p.text("g"), p.text("x"));
    let first = p.call(F::RegexpReplace, &[kind, dash, x], TEXT);
    let all = p.call(F::RegexpReplace, &[kind, dash, x, g], TEXT);
    let rows = [
        (like, same("kind LIKE 'a_%'")),
        (unlike, same("kind NOT LIKE 'a_%'")),
        (with_escape, [r"kind LIKE '50\%' ESCAPE '\'", r"kind LIKE '50\%'", r"kind LIKE '50\%'", r"kind LIKE '50\\%'"]),
        (by_column, ["kind LIKE kind", "GEN-0022", "kind LIKE kind ESCAPE ''", "GEN-0022"]),
        (
            skipping,
            [
                "concat(kind, '-')",
                "concat(kind, '-')",
                "concat(kind, '-')",
                "concat(COALESCE(kind, ''), COALESCE('-', ''))",
            ],
        ),
        (start, same("substring(kind, 1, 3)")),
        (end, ["substring(kind, -3)", "GEN-0019", "GEN-0019", "GEN-0019"]),
        (dynamic, ["substring(kind, n)", "GEN-0019", "GEN-0019", "GEN-0019"]),
        (seen, ["strpos(kind, '-')", "strpos(kind, '-')", "strpos(kind, '-')", "instr(kind, '-')"]),
        (
            ends,
            ["ends_with(kind, '-')", "ends_with(kind, '-')", "right(kind, length('-')) = '-'", "endswith(kind, '-')"],
        ),
        (holds, ["contains(kind, '-')", "contains(kind, '-')", "strpos(kind, '-') > 0", "contains(kind, '-')"]),
        (trimmed, ["trim(kind, '-')", "btrim(kind, '-')", "btrim(kind, '-')", "trim(BOTH '-' FROM kind)"]),
        (left, ["left(kind, n)", "left(kind, n)", "left(kind, n)", "GEN-0016"]),
        (
            matched,
            [
                r"regexp_matches(kind, '^[a-f]+\d$')",
                "kind ~ '^[a-f]+[0-9]$'",
                "kind ~ '^[a-f]+[0-9]$'",
                r"kind RLIKE '^[a-f]+[0-9]\\z'",
            ],
        ),
        (odd_match, ["regexp_matches(kind, '(?i)a')", "GEN-0024", "GEN-0024", "GEN-0024"]),
        (
            first,
            [
                "regexp_replace(kind, '-', 'x')",
                "regexp_replace(kind, '-', 'x')",
                "regexp_replace(kind, '-', 'x')",
                "GEN-0023",
            ],
        ),
        (
            all,
            [
                "regexp_replace(kind, '-', 'x', 'g')",
                "regexp_replace(kind, '-', 'x', 'g')",
                "regexp_replace(kind, '-', 'x', 'g')",
                "regexp_replace(kind, '-', 'x')",
            ],
        ),
    ];
    check(&p, &rows);
}

#[test]
fn times() {
    let mut p = Plans::new();
    let (seen, placed) = (p.col("events.seen"), p.col("orders.placed"));
    let month = p.text("month");
    let dow = p.text("dow");
    let isodow = p.text("isodow");
    let century = p.text("century");
    let days = constant(&mut p, Literal::Interval { months: 0, days: 90, micros: 0 });
    let earlier = p.call(F::Subtract, &[placed, days], DataType::Date);
    let earlier_time = p.call(F::Subtract, &[placed, days], DataType::Timestamp);
    let gap = p.call(F::Subtract, &[placed, placed], INT);
    let three = p.int(3);
    let later = p.call(F::Add, &[placed, three], DataType::Date);
    let start = p.call(F::DateTrunc, &[month, seen], DataType::Timestamp);
    let month_of = p.call(F::Extract, &[month, seen], INT);
    let weekday = p.call(F::Extract, &[dow, seen], INT);
    let iso_weekday = p.call(F::Extract, &[isodow, seen], INT);
    let age = p.call(F::Extract, &[century, seen], INT);
    let day = p.text("day");
    let between = p.call(F::DateDiff, &[day, placed, seen], INT);
    let (format, bad) = (p.text("%Y-%m"), p.text("%A"));
    let formatted = p.call(F::FormatTime, &[seen, format], TEXT);
    let bad_format = p.call(F::FormatTime, &[seen, bad], TEXT);
    let rows = [
        (
            earlier,
            [
                "CAST(placed - INTERVAL '90 days' AS DATE)",
                "placed - INTERVAL '90 days'",
                "CAST(placed - INTERVAL '90 days' AS DATE)",
                "placed - INTERVAL '90' DAY",
            ],
        ),
        (
            earlier_time,
            [
                "placed - INTERVAL '90 days'",
                "CAST(placed AS TIMESTAMP) - INTERVAL '90 days'",
                "placed - INTERVAL '90 days'",
                "CAST(placed AS TIMESTAMP_NTZ) - INTERVAL '90' DAY",
            ],
        ),
        (
            gap,
            [
                "placed - placed",
                "CAST(CAST(placed AS INT) AS BIGINT) - CAST(CAST(placed AS INT) AS BIGINT)",
                "placed - placed",
                "datediff(placed, placed)",
            ],
        ),
        (
            later,
            [
                "placed + 3",
                "CAST(CAST(placed AS INT) + CAST(3 AS INT) AS DATE)",
                "placed + CAST(3 AS INTEGER)",
                "date_add(placed, CAST(3 AS INT))",
            ],
        ),
        (
            start,
            [
                "date_trunc('month', seen)",
                "date_trunc('month', seen)",
                "date_trunc('month', seen)",
                "CAST(trunc(CAST(seen AS DATE), 'MONTH') AS TIMESTAMP_NTZ)",
            ],
        ),
        (
            month_of,
            [
                "EXTRACT(MONTH FROM seen)",
                "EXTRACT(MONTH FROM seen)",
                "CAST(EXTRACT(MONTH FROM seen) AS BIGINT)",
                "EXTRACT(MONTH FROM seen)",
            ],
        ),
        (
            weekday,
            [
                "EXTRACT(DOW FROM seen)",
                "EXTRACT(DOW FROM seen)",
                "CAST(EXTRACT(DOW FROM seen) AS BIGINT)",
                "dayofweek(seen) - 1",
            ],
        ),
        (
            iso_weekday,
            [
                "EXTRACT(ISODOW FROM seen)",
                "(EXTRACT(DOW FROM seen) + 6) % 7 + 1",
                "CAST(EXTRACT(ISODOW FROM seen) AS BIGINT)",
                "weekday(seen) + 1",
            ],
        ),
        (age, same("GEN-0020")),
        (
            between,
            [
                "date_diff('day', placed, seen)",
                "CAST(CAST(CAST(seen AS DATE) AS INT) - CAST(CAST(placed AS DATE) AS INT) AS BIGINT)",
                "CAST(CAST(seen AS DATE) - CAST(placed AS DATE) AS BIGINT)",
                "CAST(datediff(seen, placed) AS BIGINT)",
            ],
        ),
        (
            formatted,
            [
                "strftime(seen, '%Y-%m')",
                "to_char(seen, '%Y-%m')",
                "to_char(seen, 'YYYY-MM')",
                "date_format(seen, 'yyyy-MM')",
            ],
        ),
        (bad_format, ["strftime(seen, '%A')", "GEN-0021", "GEN-0021", "GEN-0021"]),
    ];
    check(&p, &rows);
}

/// The one select item of each dialect's text.
fn items(p: &mut Plans, output: &Output) -> [String; 4] {
    Dialect::WRITTEN.map(|dialect| match to_sql(output, &mut p.arena, &p.catalog, dialect) {
        Ok(sql) => {
            let item = sql.strip_prefix("SELECT").and_then(|sql| sql.split("AS x\nFROM").next()).unwrap_or(&sql);
            item.trim().to_owned()
        }
        Err(error) => error.code.to_owned(),
    })
}

#[test]
fn aggregates() {
    let mut p = Plans::new();
    let (value, seen, kind, amount, n, flag) = (
        p.col("events.value"),
        p.col("events.seen"),
        p.col("events.kind"),
        p.col("orders.amount"),
        p.col("events.n"),
        p.col("events.flag"),
    );
    let comma = p.text(",");
    let ninth = p.dec(90, 2);
    let mut rows: Vec<(isomer_ir::AggregateCall, [&str; 4])> = Vec::new();
    let mut add = |p: &mut Plans, function, args: &[ScalarId], data_type, expect: [&'static str; 4]| {
        let (_, call) = p.agg(function, args, data_type, "x");
        rows.push((call, expect));
    };
    add(&mut p, A::Count, &[], INT, same("COUNT(*)"));
    add(&mut p, A::Avg, &[n], FLOAT, ["AVG(n)", "AVG(n)", "CAST(AVG(n) AS DOUBLE PRECISION)", "AVG(n)"]);
    add(
        &mut p,
        A::Median,
        &[value],
        FLOAT,
        [
            "median(value)",
            "median(CAST(value AS DOUBLE))",
            "percentile_cont(0.5) WITHIN GROUP (ORDER BY value)",
            "median(value)",
        ],
    );
    add(
        &mut p,
        A::QuantileCont,
        &[value, ninth],
        FLOAT,
        [
            "quantile_cont(value, 0.90)",
            "percentile_cont(0.90) WITHIN GROUP (ORDER BY value)",
            "percentile_cont(0.90) WITHIN GROUP (ORDER BY value)",
            "percentile_cont(0.90) WITHIN GROUP (ORDER BY value)",
        ],
    );
    add(
        &mut p,
        A::Mode,
        &[kind],
        TEXT,
        ["mode(kind)", "GEN-0026", "mode() WITHIN GROUP (ORDER BY kind)", "mode(kind)"],
    );
    add(
        &mut p,
        A::AnyValue,
        &[flag],
        DataType::Boolean,
        ["any_value(flag)", "MIN(flag)", "GEN-0026", "any_value(flag, true)"],
    );
    add(
        &mut p,
        A::ApproxCountDistinct,
        &[kind],
        INT,
        ["approx_count_distinct(kind)", "approx_distinct(kind)", "COUNT(DISTINCT kind)", "approx_count_distinct(kind)"],
    );
    add(&mut p, A::Count, &[kind, n], INT, same("GEN-0025"));
    add(
        &mut p,
        A::ArgMax,
        &[kind, seen],
        TEXT,
        [
            "arg_max(kind, seen)",
            "first_value(kind ORDER BY seen DESC) FILTER (WHERE kind IS NOT NULL AND seen IS NOT NULL)",
            "(array_agg(kind ORDER BY seen DESC) FILTER (WHERE kind IS NOT NULL AND seen IS NOT NULL))[1]",
            "max_by(kind, seen) FILTER (WHERE kind IS NOT NULL)",
        ],
    );
    let (_, mut joined) = p.agg(A::StringAgg, &[kind, comma], TEXT, "x");
    joined.order = vec![asc(kind)];
    joined.filter = Some(flag);
    rows.push((
        joined,
        [
            "string_agg(kind, ',' ORDER BY kind) FILTER (WHERE flag)",
            "string_agg(kind, ',' ORDER BY kind) FILTER (WHERE flag)",
            "string_agg(kind, ',' ORDER BY kind) FILTER (WHERE flag)",
            "listagg(kind, ',') WITHIN GROUP (ORDER BY kind NULLS LAST) FILTER (WHERE flag)",
        ],
    ));
    let (_, mut last) = p.agg(A::Last, &[kind], TEXT, "x");
    last.order = vec![asc(kind)];
    rows.push((
        last,
        [
            "last(kind ORDER BY kind)",
            "last_value(kind ORDER BY kind)",
            "(array_agg(kind ORDER BY kind DESC))[1]",
            "GEN-0026",
        ],
    ));
    for (call, expect) in rows {
        let scan = p.scan("events");
        let id = p.arena.aggregate_column(&call, "x");
        let plan = Plan::Aggregate { input: Box::new(scan), keys: vec![], calls: vec![(id, call)] };
        let output = p.output(plan, &[("x", id)]);
        assert_eq!(items(&mut p, &output), expect);
    }
    let money = DataType::Decimal { precision: 19, scale: 6 };
    let (id, call) = p.agg(A::Avg, &[amount], money, "x");
    let scan = p.scan("orders");
    let plan = Plan::Aggregate { input: Box::new(scan), keys: vec![], calls: vec![(id, call)] };
    let output = p.output(plan, &[("x", id)]);
    assert_eq!(items(&mut p, &output), ["GEN-0027", "AVG(amount)", "AVG(amount)", "AVG(amount)"]);
}

#[test]
fn windows() {
    let mut p = Plans::new();
    let (value, seen, user, flag) =
        (p.col("events.value"), p.col("events.seen"), p.col("events.user_id"), p.col("events.flag"));
    let two = p.int(2);
    let rows_frame = Frame { unit: FrameUnit::Rows, start: FrameBound::Preceding(two), ..Frame::ORDERED };
    let groups = Frame { unit: FrameUnit::Groups, ..rows_frame };
    let others = Frame { exclusion: Exclusion::CurrentRow, ..rows_frame };
    let others = p.window(W::Aggregate(A::Sum), &[value], &[], &[asc(seen)], others, FLOAT, "x");
    let running = p.window(W::Aggregate(A::Sum), &[value], &[user], &[asc(seen)], Frame::ORDERED, FLOAT, "x");
    let moving = p.window(W::Aggregate(A::Sum), &[value], &[], &[asc(seen)], rows_frame, FLOAT, "x");
    let grouped = p.window(W::Aggregate(A::Sum), &[value], &[], &[asc(seen)], groups, FLOAT, "x");
    let whole = p.window(W::Aggregate(A::Max), &[value], &[user], &[], Frame::WHOLE, FLOAT, "x");
    let mut filtered = p.window(W::Aggregate(A::Sum), &[value], &[user], &[], Frame::WHOLE, FLOAT, "x");
    filtered.1.filter = Some(flag);
    let mut lagged = p.window(W::Ranking(R::Lag), &[value, two], &[user], &[asc(seen)], Frame::ORDERED, FLOAT, "x");
    lagged.1.is_ignoring_nulls = true;
    let arg_max = p.window(W::Aggregate(A::ArgMax), &[value, seen], &[user], &[], Frame::WHOLE, FLOAT, "x");
    let cases = [
        (
            running,
            [
                "SUM(value) OVER (PARTITION BY user_id ORDER BY seen)",
                "SUM(value) OVER (PARTITION BY user_id ORDER BY seen)",
                "SUM(value) OVER (PARTITION BY user_id ORDER BY seen)",
                "SUM(value) OVER (PARTITION BY user_id ORDER BY seen NULLS LAST)",
            ],
        ),
        (
            moving,
            [
                "SUM(value) OVER (ORDER BY seen ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
                "SUM(value) OVER (ORDER BY seen ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
                "SUM(value) OVER (ORDER BY seen ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
                "SUM(value) OVER (ORDER BY seen NULLS LAST ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
            ],
        ),
        (
            grouped,
            [
                "SUM(value) OVER (ORDER BY seen GROUPS BETWEEN 2 PRECEDING AND CURRENT ROW)",
                "SUM(value) OVER (ORDER BY seen GROUPS BETWEEN 2 PRECEDING AND CURRENT ROW)",
                "SUM(value) OVER (ORDER BY seen GROUPS BETWEEN 2 PRECEDING AND CURRENT ROW)",
                "GEN-0030",
            ],
        ),
        (
            others,
            [
                "SUM(value) OVER (ORDER BY seen ROWS BETWEEN 2 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW)",
                "GEN-0036",
                "SUM(value) OVER (ORDER BY seen ROWS BETWEEN 2 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW)",
                "GEN-0036",
            ],
        ),
        (whole, same("MAX(value) OVER (PARTITION BY user_id)")),
        (
            filtered,
            [
                "SUM(value) FILTER (WHERE flag) OVER (PARTITION BY user_id)",
                "SUM(value) FILTER (WHERE flag) OVER (PARTITION BY user_id)",
                "SUM(value) FILTER (WHERE flag) OVER (PARTITION BY user_id)",
                "SUM(CASE WHEN flag THEN value END) OVER (PARTITION BY user_id)",
            ],
        ),
        (
            lagged,
            [
                "LAG(value, 2 IGNORE NULLS) OVER (PARTITION BY user_id ORDER BY seen)",
                "LAG(value, 2) IGNORE NULLS OVER (PARTITION BY user_id ORDER BY seen)",
                "GEN-0029",
                "LAG(value, 2) IGNORE NULLS OVER (PARTITION BY user_id ORDER BY seen NULLS LAST)",
            ],
        ),
        (arg_max, ["arg_max(value, seen) OVER (PARTITION BY user_id)", "GEN-0028", "GEN-0028", "GEN-0028"]),
    ];
    for ((id, call), expect) in cases {
        let scan = p.scan("events");
        let output = p.output(with_window(scan, &[(id, call)]), &[("x", id)]);
        assert_eq!(items(&mut p, &output), expect);
    }
}
