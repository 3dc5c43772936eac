//! The facts of the function table against DuckDB: which calls are NULL, fail or vary, and what
//! aggregates make of no rows, of repeated rows, of other orders and of parts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use isomer_codegen::{to_sql, type_name};
use isomer_engines::{Engine, EngineKind, values};
use isomer_ir::semantics::Value;
use isomer_ir::{
    AggregateFunction, Arena, Bound, BoundProject, Column, ColumnDef, DataType, Dialect, Facts, Function, FunctionKind,
    Output, OutputColumn, OverNothing, Parts, Plan, Scalar, ScalarId, Table, Volatility, function_rows,
};
use isomer_tests::calls::{self, COLUMNS, Declared};
use isomer_tests::{repository, with_stack};

/// The table whose rows aggregates are computed of.
const GROUPED_COLUMNS: [Declared<'_>; 9] = [
    ("rid", "bigint"),
    ("k", "integer"),
    ("p", "integer"),
    ("i", "integer"),
    ("d", "double"),
    ("s", "varchar"),
    ("f", "boolean"),
    ("dt", "date"),
    ("m", "decimal(6,2)"),
];

/// Operators and calls of what the examples name otherwise.
const OPERATORS: &str = "
i + n; i - n; i * n; i / n; i // n; i % n; -i; -d; d + d; d * d; d / d; m + m; m * m; dt + i; dt - dt; ts - ts
i = n; i <> n; i < n; i <= n; i > n; i >= n; i IS DISTINCT FROM n; i IS NOT DISTINCT FROM n; s = s; d = d; dt < dt
f AND f; f OR f; NOT f; i IS NULL; f IS TRUE; f IS FALSE
s || s; s LIKE s; s ILIKE s; s LIKE '!%!_' ESCAPE '!'; s LIKE s ESCAPE '!'
abs(i); abs(d); ceil(d); floor(d); round(d); round(d, 2); round(i, -1); trunc(d); sign(d); sign(i); sqrt(d); power(d, d); exp(d); ln(d); log10(d); log2(d)
greatest(i, n); least(i, n); coalesce(i, n); nullif(i, n)
upper(s); lower(s); trim(s); trim(s, 'a'); ltrim(s); rtrim(s); length(s); substring(s, i, n); substring(s, i); replace(s, s, s); strpos(s, s); left(s, i); right(s, i)
lpad(s, n, s); rpad(s, n, s); reverse(s); repeat(s, 2); starts_with(s, s); ends_with(s, s); contains(s, s); split_part(s, s, i); regexp_matches(s, 'a+'); regexp_replace(s, 'a', s)
md5(s); make_date(i, n, n); last_day(dt); last_day(ts); strftime(dt, '%Y'); strftime(ts, '%H:%M'); epoch(ts)
date_trunc('month', dt); date_trunc('hour', ts); date_diff('day', dt, dt); date_diff('month', ts, ts); extract(year FROM dt); extract(second FROM ts); extract(epoch FROM ts); extract(week FROM dt); extract(isoyear FROM dt)
concat(s, s); concat_ws(s, s, s); current_date; current_timestamp; random(); uuid()";

/// Values at the ends of a type, as DuckDB casts them from text.
const ENDS: [(&str, &[&str]); 21] = [
    ("BOOLEAN", &["true", "false"]),
    ("TINYINT", &["0", "1", "-1", "127", "-128"]),
    ("INTEGER", &["0", "1", "-3", "2147483647", "-2147483648"]),
    ("BIGINT", &["0", "1", "-3", "9223372036854775807", "-9223372036854775808"]),
    ("HUGEINT", &["0", "-1", "170141183460469231731687303715884105727", "-170141183460469231731687303715884105728"]),
    ("UBIGINT", &["0", "1", "18446744073709551615"]),
    ("DOUBLE", &["0", "1.5", "-2.5", "1e308", "-1e308", "inf", "-inf", "nan", "1e-308"]),
    ("DECIMAL(6,2)", &["0", "1.25", "-1.25", "9999.99", "-9999.99"]),
    ("VARCHAR", &["", "a", "Abc", "12", "a,b", "%_", "!", "\\", "(", "ä é", "2024-01-31", "[1, 2]"]),
    ("BLOB", &["", "a", "\\xFF\\x00"]),
    (
        "DATE",
        &[
            "2024-02-29",
            "1969-12-31",
            "0001-01-01",
            "0044-03-15 (BC)",
            "5877642-06-25 (BC)",
            "5881580-07-10",
            "infinity",
            "-infinity",
        ],
    ),
    (
        "TIMESTAMP",
        &[
            "2024-02-29 23:59:59.999999",
            "1969-12-31 00:00:00",
            "290309-12-22 (BC) 00:00:00",
            "294247-01-10 04:00:54.775806",
            "infinity",
            "-infinity",
        ],
    ),
    ("TIME", &["00:00:00", "23:59:59.999999"]),
    ("INTERVAL", &["0 days", "1 month", "-3 days", "1000000 years"]),
    ("INTEGER[]", &["[]", "[1, 2]", "[NULL]", "[3, NULL, 1]"]),
    ("VARCHAR[]", &["[]", "[a, b]", "[NULL, a]"]),
    ("BOOLEAN[]", &["[]", "[true, false, true]", "[NULL, true]"]),
    ("INTEGER[][]", &["[]", "[[1, 2], [3]]", "[NULL, [1]]"]),
    ("MAP(VARCHAR, INTEGER)", &["{}", "{a=1, b=2}", "{b=NULL}"]),
    ("STRUCT(a INTEGER, t VARCHAR)", &["{'a': 1, 't': x}", "{'a': NULL, 't': NULL}"]),
    ("JSON", &["null", "1", "[1, 2]", "{\"a\": 1}"]),
];

/// Most rows that one call is tried on at once, and one by one where one of them fails.
const MAX_ROWS: usize = 3000;
const MAX_SINGLE: usize = 60;

#[test]
fn calls_are_null_and_fail_as_the_table_says() {
    with_stack(|| {
        let engine = engine();
        let path = repository("tests/functions/duckdb.txt");
        let text = std::fs::read_to_string(path).expect("the examples are there");
        let lines = text.lines().filter(|line| !line.starts_with('#')).chain(OPERATORS.lines());
        let examples: Vec<String> = lines
            .flat_map(|line| line.split("; "))
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
            .collect();
        let mut project =
            project_of(&examples.iter().map(|text| format!("SELECT id, {text} AS v FROM w")).collect::<Vec<_>>());
        let mut calls: BTreeSet<(ScalarId, Function)> = BTreeSet::new();
        for model in &project.models {
            let Bound::Plan(Output { plan: Plan::Project { exprs, .. }, .. }) = &model.bound else { continue };
            for &(_, scalar) in exprs {
                project.arena.visit(scalar, &mut |id, scalar| {
                    if let Scalar::Call { function, .. } = scalar {
                        calls.insert((id, *function));
                    }
                });
            }
        }
        let mut faults = Vec::new();
        let mut tried: BTreeSet<Function> = BTreeSet::new();
        for &(call, function) in &calls {
            if let Some(found) = tried_call(&engine, &mut project, call, function) {
                faults.extend(found);
                tried.insert(function);
            }
        }
        let untried: Vec<&str> = calls
            .iter()
            .map(|(_, function)| *function)
            .filter(|function| !tried.contains(function))
            .map(Function::name)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        println!("{} functions in {} calls; not tried: {untried:?}", tried.len(), calls.len());
        let is_tried = |own: &&Function| tried.contains(own) || NOT_MADE.contains(own);
        let own: Vec<&str> = Function::ALL.iter().filter(|own| !is_tried(own)).map(|own| own.name()).collect();
        faults.sort();
        faults.dedup();
        assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
        assert!(own.is_empty(), "not tried: {own:?}");
        assert!(tried.len() >= MIN_TRIED, "only {} functions are tried", tried.len());
    });
}

/// What is wrong with the facts of a call's function; `None` where the call cannot be tried.
fn tried_call(engine: &Engine, project: &mut BoundProject, call: ScalarId, function: Function) -> Option<Vec<String>> {
    let arena = &mut project.arena;
    let Scalar::Call { args, data_type, .. } = arena[call].clone() else { return None };
    if let Function::Listed(listed) = function
        && (listed.name().starts_with("lambda") || listed.name() == "error")
    {
        return None;
    }
    // Literals stay: parts of dates, patterns and flags may be nothing else.
    let mut ends: Vec<(String, Vec<String>)> = Vec::new();
    let mut columns = vec![base(arena, "id", DataType::Int32)];
    let mut made = Vec::with_capacity(args.len());
    for &arg in &args {
        if matches!(arena[arg], Scalar::Literal(_)) {
            made.push(arg);
            continue;
        }
        let of = arena.type_of(arg);
        let spelled = type_name(of, Dialect::DuckDb).ok()?;
        let same = |text: &str| text.replace([' ', '"'], "").to_uppercase();
        let place = ENDS.iter().position(|(name, _)| same(name) == same(&spelled))?;
        let cast = |text: &&str| format!("CAST('{}' AS {spelled})", text.replace('\'', "''"));
        let values = ENDS[place].1.iter().map(cast).chain([format!("CAST(NULL AS {spelled})")]);
        // A column has one type for good, and therefore a name with its type.
        let name = format!("a{}_{place}", ends.len());
        columns.push(base(arena, &name, of));
        made.push(arena.column_ref(columns[columns.len() - 1]));
        ends.push((name, values.collect()));
    }
    let value = arena.call(function, made, data_type);
    let mut exprs = vec![(columns[0], arena.column_ref(columns[0]))];
    for &column in &columns[1..] {
        let read = arena.column_ref(column);
        let is_null = arena.predicate(Function::IsNull, [read]);
        exprs.push((arena.computed_column(is_null, "is_null"), is_null));
    }
    exprs.push((arena.computed_column(value, "v"), value));
    let shown = exprs.iter().enumerate().map(|(at, (column, _))| OutputColumn {
        name: Arc::from(format!("c{at}")),
        column: *column,
        is_nullable: true,
    });
    let output = Output {
        columns: shown.collect(),
        plan: Plan::Project { input: Box::new(Plan::Scan { table: Arc::from("ends"), columns }), exprs },
    };
    let mut catalog = project.project.catalog.clone();
    let like = catalog.get("w").expect("a table").clone();
    let column = |name: &str| Column { name: Arc::from(name), key: Arc::from(name), ..like.columns[0].clone() };
    let columns = ["id"].into_iter().chain(ends.iter().map(|(name, _)| name.as_str())).map(column).collect();
    let key: Arc<str> = Arc::from("ends");
    catalog.insert(Table { key: Arc::clone(&key), sql_name: key, columns, keys: Vec::new(), ..like });
    let sql = to_sql(&output, &mut project.arena, &catalog, Dialect::DuckDb).ok()?;
    let flags: Vec<String> = (0..=ends.len()).map(|at| format!("c{at}")).collect();
    let sql = format!("SELECT {}, c{} IS NULL FROM ({sql})", flags.join(", "), ends.len() + 1);
    let is_null = |arg: &ScalarId| matches!(&project.arena[*arg], Scalar::Literal(literal) if literal.is_null());
    let has_null_literal = args.iter().any(is_null);
    let mut facts = function.facts();
    // Some calls of a function that fails are safe. `extract` and `last_day` fail for the last days of
    // DuckDB's calendar alone, some 5.8 million years away.
    facts.is_safe = !project.arena.can_raise(value) && !matches!(function.name(), "extract" | "last_day");
    let faults = faults_of(engine, facts, &ends, &sql, has_null_literal);
    Some(faults.into_iter().map(|fault| format!("{fault}: {function}: {sql}")).collect())
}

fn base(arena: &mut Arena, name: &str, data_type: DataType) -> isomer_ir::ColumnId {
    arena.column(ColumnDef::Base { table: Arc::from("ends"), column: Arc::from(name) }, data_type, name)
}

fn faults_of(
    engine: &Engine,
    facts: Facts,
    ends: &[(String, Vec<String>)],
    sql: &str,
    has_null_literal: bool,
) -> BTreeSet<String> {
    let mut faults = BTreeSet::new();
    let mut see = |row: &[Value]| {
        let is_true = |value: &Value| matches!(value, Value::Boolean(true));
        let has_null = has_null_literal || row[1..row.len() - 1].iter().any(is_true);
        let is_null = is_true(&row[row.len() - 1]);
        if facts.is_strict && has_null && !is_null {
            faults.insert("strict, and not NULL for a NULL argument".to_owned());
        }
        if facts.is_total && !has_null && is_null {
            faults.insert(format!("total, and NULL for row {:?}", row[0]));
        }
        if facts.is_never_null && is_null {
            faults.insert("never NULL, and NULL".to_owned());
        }
    };
    let tables: Vec<String> =
        ends.iter().map(|(name, values)| format!("(SELECT unnest([{}]) AS {name})", values.join(", "))).collect();
    let from = if tables.is_empty() { "(SELECT 1)".to_owned() } else { tables.join(" CROSS JOIN ") };
    let all = format!(
        "CREATE OR REPLACE TABLE every_end AS SELECT row_number() OVER () AS id, * FROM {from} LIMIT {MAX_ROWS}"
    );
    engine.execute(&all).expect("the ends are made");
    engine.execute("CREATE OR REPLACE TABLE ends AS SELECT * FROM every_end").expect("a table is copied");
    match engine.query(sql) {
        Ok(batches) => values(&batches).expect("flags").iter().for_each(|row| see(row)),
        Err(error) => {
            if facts.is_safe {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                faults.insert(format!("safe, and fails ({})", cause.chars().take(120).collect::<String>()));
                return faults;
            }
            let n_rows = ends.iter().map(|(_, values)| values.len()).product::<usize>().min(MAX_ROWS);
            for at in (1..=n_rows).step_by(n_rows.div_ceil(MAX_SINGLE)) {
                let one = format!("CREATE OR REPLACE TABLE ends AS SELECT * FROM every_end WHERE id = {at}");
                engine.execute(&one).expect("a row is taken");
                if let Ok(batches) = engine.query(sql) {
                    values(&batches).expect("flags").iter().for_each(|row| see(row));
                }
            }
        }
    }
    faults
}

/// What the table calls immutable, DuckDB does not call volatile.
#[test]
fn volatile_functions_are_said_to_be() {
    let engine = engine();
    let sql = "SELECT DISTINCT function_name, stability FROM duckdb_functions() WHERE function_type IN ('scalar', 'aggregate') AND stability <> 'CONSISTENT'";
    let mut unstable: BTreeMap<String, String> = BTreeMap::new();
    for row in values(&engine.query(sql).expect("DuckDB lists them")).expect("texts") {
        let [Value::Text(name), Value::Text(stability)] = row.as_slice() else { continue };
        unstable.insert(name.to_string(), stability.to_string());
    }
    assert!(unstable.contains_key("random") && unstable.contains_key("now"), "{unstable:?}");
    for row in function_rows().iter().filter(|row| row.kind == FunctionKind::Scalar) {
        let facts = match Function::from_name(&row.name) {
            Some(function) if row.signature.is_none() => function.facts(),
            _ => row.facts,
        };
        for name in row.names(Dialect::DuckDb) {
            let Some(stability) = unstable.get(&name.name) else { continue };
            let least = if stability == "VOLATILE" { Volatility::Volatile } else { Volatility::Stable };
            assert!(facts.volatility >= least, "`{}` is {stability} in DuckDB", name.name);
        }
    }
}

/// Aggregates over the table `g`, with the columns that they read.
const AGGREGATES: &str = "
count(*):; count(i): i; count(s): s; sum(i): i; sum(d): d; sum(m): m; avg(i): i; avg(d): d; min(i): i; min(s): s; min(d): d; max(i): i; max(s): s; max(dt): dt
bool_and(f): f; bool_or(f): f; bit_and(i): i; bit_or(i): i; bit_xor(i): i
stddev_samp(d): d; stddev_pop(d): d; var_samp(d): d; var_pop(d): d; corr(d, i): d i; covar_samp(d, i): d i; covar_pop(d, i): d i
string_agg(s, ','): s; median(i): i; median(d): d; quantile_cont(d, 0.5): d; quantile_disc(d, 0.5): d; mode(i): i; arg_min(s, i): s i; arg_max(s, i): s i
any_value(i): i; any_value(s): s; first(i): i; last(s): s; approx_count_distinct(i): i
array_agg(i): i; histogram(i): i; approx_quantile(i, 0.5): i; mad(i): i; entropy(i): i; kurtosis(d): d; kurtosis_pop(d): d; skewness(d): d; sem(d): d; product(d): d; geomean(abs(d)): d; fsum(d): d; favg(d): d
regr_slope(d, i): d i; regr_intercept(d, i): d i; regr_r2(d, i): d i; regr_avgx(d, i): d i; regr_avgy(d, i): d i; regr_sxx(d, i): d i; regr_syy(d, i): d i; regr_sxy(d, i): d i; regr_count(d, i): d i
bitstring_agg(i, -20, 20): i; json_group_array(i): i; json_group_object(coalesce(s, 'z'), i): i; min(i, 2): i; max(i, 2): i; arg_min(s, i, 2): s i; arg_max(s, i, 2): s i; arg_min_null(s, i): s i; arg_max_null(s, i): s i";

#[test]
fn aggregates_are_as_the_table_says() {
    with_stack(|| {
        let engine = engine();
        engine.execute("SET threads = 1").expect("a setting");
        engine.execute(GROUPED).expect("the table is made");
        let calls: Vec<(String, Vec<String>)> = AGGREGATES
            .lines()
            .flat_map(|line| line.split("; "))
            .filter_map(|text| text.rsplit_once(':'))
            .map(|(call, columns)| (call.trim().to_owned(), columns.split_whitespace().map(str::to_owned).collect()))
            .collect();
        let project =
            project_of(&calls.iter().map(|(call, _)| format!("SELECT {call} AS v FROM g")).collect::<Vec<_>>());
        let mut tried: BTreeSet<String> = BTreeSet::new();
        let mut faults = Vec::new();
        for (at, (call, columns)) in calls.iter().enumerate() {
            let position = project.model_position(&format!("q{at}")).expect("a model of that name");
            let Bound::Plan(output) = &project.models[position].bound else {
                panic!("`{call}` is not bound: {:?}", project.diagnostics)
            };
            let function = aggregate_in(&output.plan).expect("an aggregate");
            tried.insert(function.name().to_owned());
            faults.extend(
                aggregate_faults(&engine, call, columns, function)
                    .into_iter()
                    .map(|fault| format!("{call} is {fault}")),
            );
        }
        let named = function_rows().iter().filter(|row| row.kind == FunctionKind::Aggregate);
        let untried: Vec<&str> = named
            .filter(|row| !row.names(Dialect::DuckDb).is_empty() && !tried.contains(&row.name) && row.name != INTERNAL)
            .map(|row| row.name.as_str())
            .collect();
        assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
        assert!(untried.is_empty(), "not tried: {untried:?}");
    });
}

/// DuckDB makes it of sums of small integers, and refuses it in a text.
const INTERNAL: &str = "sum_no_overflow";

fn aggregate_in(plan: &Plan) -> Option<AggregateFunction> {
    match plan {
        Plan::Aggregate { calls, .. } => calls.first().map(|(_, call)| call.function),
        other => other.inputs().into_iter().find_map(aggregate_in),
    }
}

/// Rows in groups `k`, in parts `p`, with a group of NULLs alone; doubles whose sums are exact.
const GROUPED: &str = "CREATE TABLE g AS SELECT *, h % 11 AS r FROM (
    SELECT x AS rid, (x % 17)::integer AS k, (hash(x, 1) % 4)::integer AS p, hash(x, 2) AS h,
        CASE WHEN x % 17 = 16 OR hash(x, 3) % 5 = 0 THEN NULL ELSE (hash(x, 4) % 30)::integer - 15 END AS i,
        CASE WHEN x % 17 = 16 OR hash(x, 5) % 5 = 0 THEN NULL ELSE ((hash(x, 6) % 40)::double - 17.5) / 4 END AS d,
        CASE WHEN x % 17 = 16 OR hash(x, 7) % 5 = 0 THEN NULL ELSE chr((97 + hash(x, 8) % 6)::integer) END AS s,
        CASE WHEN x % 17 = 16 OR hash(x, 9) % 5 = 0 THEN NULL ELSE hash(x, 10) % 3 = 0 END AS f,
        CASE WHEN x % 17 = 16 OR hash(x, 11) % 5 = 0 THEN NULL ELSE DATE '2024-01-01' + (hash(x, 12) % 90)::integer END AS dt,
        CASE WHEN x % 17 = 16 OR hash(x, 13) % 5 = 0 THEN NULL ELSE ((hash(x, 14) % 500)::integer / 100)::decimal(6, 2) END AS m
    FROM range(300) AS t(x))";

fn aggregate_faults(engine: &Engine, call: &str, columns: &[String], function: AggregateFunction) -> Vec<&'static str> {
    let facts = function.facts();
    let rows = |sql: &str| -> Vec<Option<String>> {
        let kind = format!("SELECT typeof(v) FROM ({sql}) LIMIT 1");
        let kind = values(&engine.query(&kind).unwrap_or_else(|error| panic!("{kind}: {error:?}"))).expect("a type");
        let is_float =
            matches!(kind.first().and_then(|row| row.first()), Some(Value::Text(text)) if &**text == "DOUBLE");
        let shown = if is_float { "round(v, 9) + 0" } else { "v" };
        let sql = format!("SELECT CAST({shown} AS VARCHAR) FROM ({sql}) ORDER BY k");
        let rows = values(&engine.query(&sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"))).expect("texts");
        let text =
            |row: Vec<Value>| if let Some(Value::Text(text)) = row.first() { Some(text.to_string()) } else { None };
        rows.into_iter().map(text).collect()
    };
    let grouped = |value: &str, from: &str| rows(&format!("SELECT k, {value} AS v FROM {from} GROUP BY k"));
    let not_null = |columns: &[String]| {
        let tests: Vec<String> = columns.iter().map(|column| format!("{column} IS NOT NULL")).collect();
        if tests.is_empty() { "true".to_owned() } else { tests.join(" AND ") }
    };
    let whole = grouped(call, "g");
    let has_null = |rows: &[Option<String>]| rows.contains(&None);
    let nothing = rows(&format!("SELECT 1 AS k, {call} AS v FROM g WHERE false"));
    let mut faults = Vec::new();
    let is_as_said = match facts.over_nothing {
        OverNothing::Null => nothing == [None],
        OverNothing::Zero => nothing == [Some("0".to_owned())],
        OverNothing::EmptyList => nothing == [Some("[]".to_owned())],
        OverNothing::Unknown => true,
    };
    if !is_as_said {
        faults.push("something else over no rows");
    }
    if facts.is_never_null && (has_null(&whole) || has_null(&nothing)) {
        faults.push("never NULL, and NULL");
    }
    if facts.is_duplicate_insensitive && whole != grouped(call, "(FROM g UNION ALL FROM g WHERE r > 3)") {
        faults.push("not the same over repeated rows");
    }
    if !facts.is_ordered
        && grouped(call, "(FROM g ORDER BY h)") != grouped(call, "(FROM g ORDER BY h % 7 DESC, rid DESC)")
    {
        faults.push("not the same in another order");
    }
    if facts.skips_nulls && whole != grouped(&format!("{call} FILTER (WHERE {})", not_null(columns)), "g") {
        faults.push("not blind to NULLs");
    }
    if facts.is_total && has_null(&grouped(call, &format!("(FROM g WHERE {})", not_null(columns)))) {
        faults.push("NULL over rows without NULLs");
    }
    if facts.is_single {
        let of_one = rows(&format!("SELECT rid AS k, {call} AS v FROM g GROUP BY rid"));
        if of_one != rows(&format!("SELECT rid AS k, {} AS v FROM g", columns[0])) {
            faults.push("not its argument over one row");
        }
    }
    let parts = |combined: &str, list: &str| {
        rows(&format!("SELECT k, {combined} AS v FROM (SELECT k, p, {list} FROM g GROUP BY k, p) GROUP BY k"))
    };
    let name = call.split('(').next().unwrap_or_default();
    let argument = columns.first().map_or("", String::as_str);
    let is_sum_of_parts = match facts.parts {
        Parts::None => true,
        Parts::Itself => parts(&format!("{name}(part)"), &format!("{call} AS part")) == whole,
        Parts::Summed => parts("sum(part)", &format!("{call} AS part")) == whole,
        Parts::SumOverCount => {
            let list = format!("sum({argument}) AS total, count({argument}) AS n");
            parts("sum(total) / nullif(sum(n), 0)", &list) == whole
        }
    };
    if !is_sum_of_parts {
        faults.push("not made of its parts");
    }
    faults
}

fn engine() -> Engine {
    Engine::open(EngineKind::DuckDb, None).expect("DuckDB opens")
}

/// A project over the table of the examples and that of groups.
fn project_of(texts: &[String]) -> BoundProject {
    calls::project_of(texts, Dialect::DuckDb, &[("w", &COLUMNS), ("g", &GROUPED_COLUMNS)])
}

/// What the binder makes of no text of DuckDB: `>=` is `<=` with its sides exchanged.
const NOT_MADE: [Function; 2] = [Function::GtEq, Function::EpochSeconds];

/// Functions that are called on the ends of their arguments' types; may only rise.
const MIN_TRIED: usize = 240;
