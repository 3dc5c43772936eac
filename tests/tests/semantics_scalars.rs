//! Every function that the reference interpreter models gives DuckDB's value, or fails where DuckDB
//! fails, on values at the ends of their types.

use std::collections::BTreeMap;
use std::sync::Arc;

use isomer_engines::{Engine, EngineKind, values};
use isomer_frontend::{ProjectFiles, ReadOptions, bind_project, read_project};
use isomer_ir::Bound;
use isomer_ir::semantics::{Database, EvalError, Rows, Value, evaluate};
use isomer_tests::with_stack;
use serde_json::json;

const COLUMNS: [(&str, &str); 10] = [
    ("id", "int"),
    ("i", "int"),
    ("b", "bigint"),
    ("n", "tinyint"),
    ("d", "double"),
    ("m", "decimal(6,2)"),
    ("s", "text"),
    ("f", "boolean"),
    ("dt", "date"),
    ("ts", "timestamp"),
];

const ROWS: &str = "
(0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
(1, 0, 0, 0, 0.0, 0.00, '', true, '2024-01-31', '2024-01-31 23:59:59')
(2, 1, 1, 1, 1.5, 1.25, 'a', false, '2024-02-29', '2024-02-29 00:00:00')
(3, -1, -1, -1, -1.5, -1.25, 'Abc', NULL, '2023-12-31', '2023-12-31 12:30:45')
(4, 2147483647, 9223372036854775807, 127, 1e300, 9999.99, 'ä b', true, '2000-01-01', '2000-01-01 00:00:00')
(5, -2147483648, -9223372036854775808, -128, -1e300, -9999.99, ' x ', false, '1999-12-31', '1999-12-31 23:59:59')
(6, 7, 3, 2, 2.5, 2.50, '12', true, '2021-01-03', '2021-01-03 06:00:00')
(7, -7, -3, 3, 'NaN', 0.50, 'a,b,c', NULL, '2020-12-31', '2020-12-31 18:15:00')
(8, 100, 1000000, 10, 'Infinity', 99.50, '%_', true, '2024-12-30', '2024-12-30 00:00:01')
(9, 5, 4294967296, 5, 0.1, 3.33, 'true', false, '1970-01-01', '1970-01-01 00:00:00')
(10, 3, -5, 4, -0.0, -0.01, '2024-05-17', true, '1969-12-31', '1969-12-31 23:59:59')";

const EXPRESSIONS: &str = "
i + 1; i - 1; i * 2; i + b; b * b; n + n; n * n; -i; -b; -n; abs(i); abs(b); i // 2; i // n; i % 3; i % n; b % -1; i // -1
i / 2; i / 0; i / n; d + 1; d - d; d * 1e10; d / 0; d / d; -d; abs(d); d % 2
m + m; m - 1; m * m; m * 2; m / 2; m % 1; m % 0.3; -m; abs(m); m + i; m + d
i = b; i < d; m = i; m < d; d = d; d <> d; d > 5; i IS DISTINCT FROM n; d IS NOT DISTINCT FROM d; s < 'b'; dt < ts
i BETWEEN 0 AND 5; i NOT BETWEEN n AND 5; i IN (1, 7, NULL); s IN ('a', 'b'); d NOT IN (1.5, 2.5)
f AND NULL; f OR NULL; NOT f; f IS TRUE; f IS NOT FALSE; f AND i > 0; f OR i > 0; (i > 0) IS NULL
round(d); round(m); round(m, 1); round(d, 1); round(i, -1); round(m, -1); ceil(d); ceil(m); floor(d); floor(m); trunc(d); trunc(m); ceil(i); floor(i)
sign(i); sign(d); sign(m); sqrt(i); sqrt(d); ln(d); ln(i); log10(d); log2(i); exp(i); power(i, 2); power(d, 0.5); power(2, n)
greatest(i, n); least(i, b); greatest(d, 1.5); least(s, 'b'); greatest(dt, DATE '2020-01-01'); coalesce(i, 5); coalesce(m, 1); nullif(i, 1); nullif(s, ''); nullif(d, d)
upper(s); lower(s); trim(s); ltrim(s); rtrim(s); trim(s, 'a'); length(s); reverse(s); repeat(s, 2); repeat(s, n)
substring(s, 1, 2); substring(s, 2); substring(s, 3, 10); left(s, 2); left(s, -1); right(s, 2); right(s, -1); lpad(s, 4, '*'); rpad(s, 2, 'xy'); replace(s, 'a', 'zz'); replace(s, '', 'z')
strpos(s, 'b'); strpos(s, ''); starts_with(s, 'a'); ends_with(s, 'c'); contains(s, 'b'); split_part(s, ',', 2); split_part(s, ',', 9)
s || 'x'; s || i; concat(s, NULL, i); concat_ws('-', s, NULL, i); concat(m, dt, f)
s LIKE 'a%'; s LIKE '_b%'; s LIKE '%'; s NOT LIKE '%c'; s ILIKE 'A%'; s LIKE '!%!_' ESCAPE '!'; s LIKE s; s LIKE ''; s LIKE '%,%,%'
extract(year FROM dt); extract(quarter FROM dt); extract(month FROM ts); extract(week FROM dt); extract(day FROM dt); extract(doy FROM dt); extract(dow FROM dt); extract(isodow FROM ts); extract(hour FROM ts); extract(minute FROM ts); extract(second FROM ts); extract(epoch FROM ts)
date_trunc('year', dt); date_trunc('quarter', dt); date_trunc('month', ts); date_trunc('week', dt); date_trunc('day', ts); date_trunc('hour', ts); date_trunc('minute', ts)
date_diff('day', dt, DATE '2024-01-01'); date_diff('week', dt, DATE '2024-01-01'); date_diff('month', dt, DATE '2024-01-01'); date_diff('quarter', dt, DATE '2024-01-01'); date_diff('year', dt, DATE '2024-01-01'); date_diff('hour', ts, TIMESTAMP '2024-01-01 00:00:00'); date_diff('minute', ts, TIMESTAMP '2024-01-01 00:30:30')
last_day(dt); last_day(ts); make_date(2024, n, 1); make_date(2000 + n, 2, 29); dt + 1; dt - n; dt - DATE '2000-01-01'; dt + INTERVAL 1 MONTH; dt - INTERVAL 1 YEAR; ts + INTERVAL 90 MINUTE; ts - INTERVAL 1 MONTH; ts - TIMESTAMP '2000-01-01 12:00:00'
CAST(i AS BIGINT); CAST(b AS INT); CAST(i AS TINYINT); CAST(d AS INT); CAST(d AS BIGINT); CAST(m AS INT); CAST(m AS TINYINT); CAST(i AS DOUBLE); CAST(m AS DOUBLE); CAST(b AS DOUBLE); CAST(i AS DECIMAL(6,2)); CAST(d AS DECIMAL(6,2)); CAST(m AS DECIMAL(4,1)); CAST(m AS DECIMAL(10,4)); CAST(i AS BOOLEAN); CAST(f AS INT); CAST(d AS BOOLEAN); CAST(d AS FLOAT)
CAST(i AS TEXT); CAST(m AS TEXT); CAST(f AS TEXT); CAST(dt AS TEXT); CAST(ts AS TEXT); CAST(b AS TEXT); CAST(n AS TEXT)
CAST(s AS INT); CAST(s AS BOOLEAN); CAST(s AS DATE); CAST(s AS DOUBLE); TRY_CAST(s AS INT); TRY_CAST(s AS BOOLEAN); TRY_CAST(s AS DATE); TRY_CAST(i AS TINYINT); TRY_CAST(d AS INT)
CAST(dt AS TIMESTAMP); CAST(ts AS DATE); dt = CAST(ts AS DATE)
CASE WHEN i > 0 THEN m WHEN f THEN 1 ELSE i END; CASE i WHEN 1 THEN 'one' WHEN -1 THEN s END; CASE WHEN f THEN d ELSE i END; CASE WHEN i = 0 THEN 0 ELSE 10 // i END
(i > 0 AND 10 // i > 1); if(f, i, n); i + CASE WHEN f THEN 1 END; coalesce(nullif(s, ''), 'none')";

/// Aggregates and windows over all rows at once.
const AGGREGATES: &str = "
count(*); count(i); count(DISTINCT f); sum(i); sum(n); sum(m); sum(b); avg(i); avg(n); avg(m); min(i); max(d); min(d); max(s); min(dt); max(ts); bool_and(f); bool_or(f); bit_and(n); bit_or(n); bit_xor(n)
sum(n) FILTER (WHERE f); count(*) FILTER (WHERE i > 100); sum(DISTINCT n); avg(DISTINCT m); stddev_samp(n); stddev_pop(n); var_samp(n); var_pop(n); median(n); median(i); quantile_cont(n, 0.3); quantile_disc(n, 0.7); quantile_disc(s, 0.5)
string_agg(s, '|' ORDER BY id); string_agg(s, ',' ORDER BY s DESC); first(s ORDER BY id); last(i ORDER BY id); arg_min(s, i); arg_max(id, m); corr(n, id); covar_samp(n, id); covar_pop(n, m); sum(CAST(n AS DOUBLE)); sum(f::int)";

const WINDOWS: &str = "
row_number() OVER (ORDER BY id); rank() OVER (ORDER BY f); dense_rank() OVER (ORDER BY f DESC); percent_rank() OVER (ORDER BY f); cume_dist() OVER (ORDER BY f NULLS FIRST); ntile(3) OVER (ORDER BY id); ntile(20) OVER (ORDER BY id)
lag(i) OVER (ORDER BY id); lead(i, 2, -9) OVER (ORDER BY id); lag(s, 0) OVER (ORDER BY id); first_value(s) OVER (ORDER BY id); last_value(i) OVER (ORDER BY id); last_value(f) OVER (ORDER BY f); nth_value(i, 2) OVER (ORDER BY id); first_value(i IGNORE NULLS) OVER (ORDER BY id)
sum(n) OVER (ORDER BY id); sum(n) OVER (ORDER BY f); count(*) OVER (PARTITION BY f); max(i) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING); min(i) OVER (ORDER BY id ROWS BETWEEN 2 FOLLOWING AND 3 FOLLOWING); sum(n) OVER (ORDER BY n RANGE BETWEEN 1 PRECEDING AND CURRENT ROW); count(*) OVER (ORDER BY i DESC RANGE BETWEEN 5 PRECEDING AND 5 FOLLOWING); count(*) OVER (ORDER BY f GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW); count(*) OVER (ORDER BY m RANGE BETWEEN 1.5 PRECEDING AND 0.25 FOLLOWING); count(*) OVER (ORDER BY dt RANGE BETWEEN INTERVAL 40 DAY PRECEDING AND CURRENT ROW)
avg(n) OVER (PARTITION BY f ORDER BY id); sum(n) FILTER (WHERE f) OVER (ORDER BY id); first_value(s) OVER (PARTITION BY f ORDER BY id DESC ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)";

fn expressions(text: &str) -> Vec<&str> {
    text.split([';', '\n']).map(str::trim).filter(|text| !text.is_empty()).collect()
}

#[derive(Default)]
struct Tally {
    n_equal: usize,
    n_failed: usize,
    n_unbound: BTreeMap<String, usize>,
    open: BTreeMap<&'static str, usize>,
    faults: Vec<String>,
}

impl Tally {
    fn compare(&mut self, told: &str, ours: Result<Rows, EvalError>, theirs: Result<Vec<Vec<Value>>, String>) {
        let shown = |rows: &[Vec<Value>]| format!("{rows:?}").chars().take(600).collect::<String>();
        match (ours, theirs) {
            (Err(EvalError::Unsupported(what)), _) => *self.open.entry(what).or_default() += 1,
            (Err(EvalError::Raised(_)), Err(_)) => self.n_failed += 1,
            (Err(error), Ok(rows)) => self.faults.push(format!("{told}: {error}, DuckDB {}", shown(&rows))),
            (Ok(rows), Err(error)) => self.faults.push(format!("{told}: {}, DuckDB {error}", shown(&rows.rows))),
            (Ok(ours), Ok(rows)) => {
                let theirs = Rows { rows, peers: None };
                if ours.same_bag(&theirs) {
                    self.n_equal += 1;
                } else {
                    self.faults.push(format!("{told}: {}, DuckDB {}", shown(&ours.rows), shown(&theirs.rows)));
                }
            }
        }
    }
}

#[test]
fn functions_give_the_values_of_duckdb() {
    with_stack(|| {
        let engine = Engine::open(EngineKind::DuckDb, None).expect("DuckDB opens");
        let declared: Vec<String> = COLUMNS.iter().map(|(name, of)| format!("{name} {of}")).collect();
        engine.execute(&format!("CREATE TABLE w ({})", declared.join(", "))).expect("the table is made");
        let rows: Vec<&str> = ROWS.lines().filter(|line| !line.is_empty()).collect();
        engine.execute(&format!("INSERT INTO w VALUES {}", rows.join(", "))).expect("the rows are taken");
        let query = |sql: &str| {
            let batches = engine.query(sql).map_err(|error| error.to_string().lines().next().unwrap_or("").to_owned());
            batches.and_then(|batches| values(&batches))
        };
        let all = query("SELECT * FROM w ORDER BY id").expect("the rows come back");

        let scalars =
            expressions(EXPRESSIONS).into_iter().map(|text| (text, format!("SELECT id, {text} AS v FROM w"), true));
        let calls = expressions(AGGREGATES).into_iter().map(|text| (text, format!("SELECT {text} AS v FROM w"), false));
        let grouped = expressions(AGGREGATES)
            .into_iter()
            .map(|text| (text, format!("SELECT f, {text} AS v FROM w GROUP BY f"), false));
        let windows =
            expressions(WINDOWS).into_iter().map(|text| (text, format!("SELECT id, {text} AS v FROM w"), false));
        let cases: Vec<(&str, String, bool)> = scalars.chain(calls).chain(grouped).chain(windows).collect();

        let mut files = ProjectFiles::new();
        for (at, (_, sql, _)) in cases.iter().enumerate() {
            files.insert(format!("models/q{at}.sql"), sql.clone().into_bytes());
        }
        let columns: Vec<_> = COLUMNS.iter().map(|(name, of)| json!({"name": name, "type": of})).collect();
        let settings = json!({"dialect": "duckdb", "sources": {"w": {"columns": columns}}});
        files.insert("isomer.yml".to_owned(), settings.to_string().into_bytes());
        let (project, faults) = read_project(&files, &ReadOptions::default());
        assert!(faults.is_empty(), "{faults:?}");
        let project = bind_project(project.expect("the project is read"));

        let mut tally = Tally::default();
        for (at, (text, sql, is_by_row)) in cases.iter().enumerate() {
            let position = project.model_position(&format!("q{at}")).expect("a model of that name");
            let Bound::Plan(output) = &project.models[position].bound else {
                let path = &project.project.models[position].path;
                let fault = project.diagnostics.iter().find(|fault| fault.source == *path);
                let message = fault.map_or(String::new(), |fault| fault.message.clone());
                *tally.n_unbound.entry(format!("{text}: {message}")).or_default() += 1;
                continue;
            };
            let table: Arc<str> = Arc::from("w");
            let mut database = Database::default();
            if *is_by_row {
                for (id, row) in all.iter().enumerate() {
                    database.insert(&table, vec![row.clone()]);
                    let ours = evaluate(output, &project.arena, &database);
                    tally.compare(&format!("{text} of row {id}"), ours, query(&format!("{sql} WHERE id = {id}")));
                }
            } else {
                database.insert(&table, all.clone());
                tally.compare(sql, evaluate(output, &project.arena, &database), query(sql));
            }
        }
        println!(
            "{} equal, {} failed alike\nleft open: {:?}\nnot bound: {:?}",
            tally.n_equal, tally.n_failed, tally.open, tally.n_unbound
        );
        assert!(tally.faults.is_empty(), "{} differences\n{}", tally.faults.len(), tally.faults.join("\n"));
    });
}
