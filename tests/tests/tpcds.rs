//! The 99 queries of TPC-DS, in DuckDB's texts: each is bound, its plan is written for both engines,
//! optimised and not, and gives the rows of the text.
//!
//! Rows are of scale 0.01, with NULLs wherever the schema allows them; `ISOMER_TPCDS_SCALE=0.1` makes
//! more.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use isomer_engines::{Comparison, Engine, EngineKind, RecordBatch, compare};
use isomer_frontend::ProjectFiles;
use isomer_ir::{Arena, Bound, Catalog, Dialect, Materialise, Output, Plan, Scalar};
use isomer_service::execute::{self, TOLERANCE, Way};
use isomer_service::optimize::{self, Optimised, Request};
use isomer_tests::tpcds::{N_QUERIES, catalog, engine, queries, spark_catalog, spark_queries, tables, without_limit};
use isomer_tests::with_stack;

/// Longest that one statement may take.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A query as the only model of a project.
fn optimised(name: &str, text: &str, catalog: &Catalog) -> Optimised {
    let mut files = ProjectFiles::new();
    files.insert("isomer.yml".to_owned(), b"dialect: duckdb".to_vec());
    files.insert(format!("models/{name}.sql"), text.as_bytes().to_vec());
    let answer = optimize::run(&Request { files, connected: tables(catalog), ..Request::default() });
    let told = isomer_tests::told(&answer);
    let optimised = answer.optimised.unwrap_or_else(|| panic!("{name} is refused: {told}"));
    let is_bound = optimised.project.models.iter().all(|model| matches!(model.bound, Bound::Plan(_)));
    assert!(is_bound, "{name} is not bound: {told}");
    optimised
}

fn plan(optimised: &Optimised) -> Output {
    match &optimised.project.models[0].bound {
        Bound::Plan(output) => output.clone(),
        Bound::Opaque => unreachable!("looked at before"),
    }
}

/// The query's plan in another dialect's words, bound again, has the columns of the plan.
fn is_read_back(optimised: &mut Optimised, dialect: Dialect, catalog: &Catalog) -> Result<String, String> {
    let output = plan(optimised);
    let sql = isomer_codegen::to_sql(&output, &mut optimised.project.arena, catalog, dialect)
        .map_err(|error| error.to_string())?;
    let mut arena = Arena::default();
    let (again, faults, _) = isomer_frontend::bind_query(&sql, &"again".into(), dialect, &mut arena, catalog);
    let Some(again) = again else { return Err(format!("{faults:?}\n{sql}")) };
    let names = |output: &Output| output.columns.iter().map(|column| column.name.to_string()).collect::<Vec<_>>();
    if names(&again) == names(&output) { Ok(sql) } else { Err(format!("columns {:?}", names(&again))) }
}

#[test]
fn every_query_is_bound_written_and_read_back() {
    with_stack(|| {
        let catalog = catalog();
        let mut faults = String::new();
        for (name, text) in queries() {
            let mut optimised = optimised(&name, &text, &catalog);
            for dialect in [Dialect::DuckDb, Dialect::DataFusion] {
                if let Err(fault) = is_read_back(&mut optimised, dialect, &catalog) {
                    let _ = writeln!(faults, "{name} in {dialect:?}: {fault}");
                }
            }
        }
        assert!(faults.is_empty(), "{faults}");
    });
}

/// Queries that are not bound in a dialect, with why.
fn unbound(queries: &[(String, String)], dialect: Dialect, catalog: &Catalog) -> BTreeMap<String, String> {
    let mut unbound = BTreeMap::new();
    for (name, text) in queries {
        let (output, faults, _) =
            isomer_frontend::bind_query(text, &name.as_str().into(), dialect, &mut Arena::default(), catalog);
        if output.is_none() {
            let why = faults.first().map(|fault| {
                let at = text.get(fault.span.start as usize..fault.span.end as usize).unwrap_or_default();
                format!("{} {} @ {}", fault.code, fault.message, at.lines().next().unwrap_or_default())
            });
            unbound.insert(name.clone(), why.unwrap_or_default());
        }
    }
    unbound
}

#[test]
fn the_texts_of_spark_are_bound_in_its_dialect() {
    let Some(queries) = spark_queries() else {
        println!("skipped: not fetched; `./x setup` fetches the texts");
        return;
    };
    with_stack(move || {
        assert_eq!(queries.len(), 118);
        let unbound = unbound(&queries, Dialect::Spark, &spark_catalog());
        assert_eq!(unbound, BTreeMap::new());
    });
}

#[test]
fn the_texts_that_postgresql_reads_are_bound_in_its_dialect() {
    with_stack(|| {
        let unbound = unbound(&queries(), Dialect::Postgres, &catalog());
        assert_eq!(unbound, BTreeMap::new());
    });
}

/// The rows of the last of some statements; the others are kept as tables before.
fn run(engine: &Engine, statements: &[execute::Statement]) -> Result<Vec<RecordBatch>, String> {
    let (last, before) = statements.split_last().ok_or("no statement")?;
    for statement in before {
        let sql = statement.sql.clone()?;
        let made = engine.create(&statement.sql_name, Materialise::Table, &sql);
        made.map_err(|error| format!("{error}\n{sql}"))?;
    }
    rows(engine, &last.sql.clone()?)
}

fn rows(engine: &Engine, sql: &str) -> Result<Vec<RecordBatch>, String> {
    engine.query(sql).map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error}: {}\n{sql}", cause.unwrap_or_default())
    })
}

fn same(expected: &[RecordBatch], found: &[RecordBatch]) -> Result<usize, String> {
    let Comparison { is_equal, n_left, only_left, only_right, note, .. } = compare(expected, found, TOLERANCE);
    if is_equal {
        Ok(n_left)
    } else {
        Err(format!("{note}\n  only in the text: {only_left:?}\n  only in the plan: {only_right:?}"))
    }
}

/// Positions of the columns by which a limited query is ordered: rows that agree there are tied, and
/// which of them are shown is up to the engine.
fn ordered_by(output: &Output, arena: &Arena) -> Option<Vec<usize>> {
    let mut plan = &output.plan;
    while let Plan::Limit { input, .. } | Plan::Named { input, .. } = plan {
        plan = input;
    }
    let Plan::Sort { keys, .. } = plan else { return None };
    let position = |scalar| match arena[scalar] {
        Scalar::Column(id) => output.columns.iter().position(|column| column.column == id),
        _ => None,
    };
    Some(keys.iter().filter_map(|key| position(key.scalar)).collect())
}

/// A query with its `LIMIT` shows as many rows as the text does, with the same values of what it is
/// ordered by, and none that the query without it has not.
fn is_limited_alike(engine: &Engine, optimised: &mut Optimised, text: &str, all: &[RecordBatch]) -> Result<(), String> {
    let expected = rows(engine, text)?;
    let found = run(engine, &execute::statements(optimised, Way::Optimised, engine.kind()))?;
    let keys = ordered_by(&plan(optimised), &optimised.project.arena).unwrap_or_default();
    let shown =
        |batches: &[RecordBatch]| batches.iter().map(|batch| batch.project(&keys).expect("a position")).collect();
    let (left, right): (Vec<RecordBatch>, Vec<RecordBatch>) = (shown(&expected), shown(&found));
    same(&left, &right).map_err(|fault| format!("with LIMIT: {fault}"))?;
    match compare(all, &found, TOLERANCE).n_only_right {
        0 => Ok(()),
        n => Err(format!("with LIMIT: {n} rows that the query does not have")),
    }
}

#[derive(Default)]
struct Tally {
    n_equal: usize,
    n_with_rows: usize,
    faults: String,
}

impl Tally {
    fn add(&mut self, name: &str, what: &str, result: Result<usize, String>) {
        match result {
            Ok(n_rows) => {
                self.n_equal += 1;
                self.n_with_rows += usize::from(n_rows > 0);
            }
            Err(fault) => {
                let _ = writeln!(self.faults, "{name} {what}: {fault}");
            }
        }
    }
}

#[test]
fn every_query_gives_its_rows_on_duckdb() {
    with_stack(|| {
        let catalog = catalog();
        let mut engine = engine(EngineKind::DuckDb, &catalog);
        engine.set_timeout(Some(TIMEOUT));
        let mut tally = Tally::default();
        for (name, text) in queries() {
            let whole = without_limit(&text);
            let expected = rows(&engine, &whole).unwrap_or_else(|error| panic!("{name}: {error}"));
            let mut unlimited = optimised(&name, &whole, &catalog);
            let plain = is_read_back(&mut unlimited, Dialect::DuckDb, &catalog).and_then(|sql| rows(&engine, &sql));
            tally.add(&name, "as bound", plain.and_then(|found| same(&expected, &found)));
            let statements = execute::statements(&mut unlimited, Way::Optimised, EngineKind::DuckDb);
            tally.add(&name, "optimised", run(&engine, &statements).and_then(|found| same(&expected, &found)));
            if whole.len() < text.trim_end().trim_end_matches(';').trim_end().len() {
                let mut limited = optimised(&name, &text, &catalog);
                let text = text.trim_end().trim_end_matches(';');
                let alike = is_limited_alike(&engine, &mut limited, text, &expected);
                tally.add(&name, "limited", alike.map(|()| 0));
            }
        }
        let Tally { n_equal, n_with_rows, faults } = tally;
        println!("{n_equal} equal, {n_with_rows} of them with rows");
        assert!(faults.is_empty(), "{faults}");
    });
}

#[test]
fn every_query_gives_its_rows_on_datafusion() {
    with_stack(|| {
        let catalog = catalog();
        let reference = engine(EngineKind::DuckDb, &catalog);
        let mut engine = engine(EngineKind::DataFusion, &catalog);
        engine.set_timeout(Some(TIMEOUT));
        let mut tally = Tally::default();
        for (name, text) in queries() {
            let text = without_limit(&text);
            let expected = rows(&reference, &text).unwrap_or_else(|error| panic!("{name}: {error}"));
            let mut optimised = optimised(&name, &text, &catalog);
            let plain = is_read_back(&mut optimised, Dialect::DataFusion, &catalog).and_then(|sql| rows(&engine, &sql));
            tally.add(&name, "as bound", plain.and_then(|found| same(&expected, &found)));
            let statements = execute::statements(&mut optimised, Way::Optimised, EngineKind::DataFusion);
            tally.add(&name, "optimised", run(&engine, &statements).and_then(|found| same(&expected, &found)));
        }
        let Tally { n_equal, n_with_rows, faults } = tally;
        println!("{n_equal} equal, {n_with_rows} of them with rows");
        assert!(faults.is_empty(), "{faults}");
        assert_eq!(n_equal, 2 * N_QUERIES);
    });
}

/// What the schema declares must be true of the rows, or rules would lean on what is false.
#[test]
fn the_rows_keep_what_the_schema_declares() {
    let catalog = catalog();
    let engine = engine(EngineKind::DuckDb, &catalog);
    let count = |sql: String| {
        let batches = rows(&engine, &sql).unwrap();
        isomer_engines::values(&batches).unwrap()[0][0].to_string()
    };
    let mut faults = String::new();
    for table in catalog.tables() {
        let name = &table.sql_name;
        let named =
            |positions: &[usize]| positions.iter().map(|&at| table.columns[at].name.to_string()).collect::<Vec<_>>();
        for key in &table.keys {
            let columns = named(&key.columns).join(", ");
            let n =
                count(format!("SELECT count(*) FROM (SELECT 1 FROM {name} GROUP BY {columns} HAVING count(*) > 1)"));
            if n != "0" {
                let _ = writeln!(faults, "{n} keys ({columns}) of {name} twice");
            }
        }
        for reference in &table.foreign_keys {
            let own = named(&reference.columns);
            let ties: Vec<String> =
                own.iter().zip(&reference.referred).map(|(own, other)| format!("a.{own} = b.{other}")).collect();
            let known: Vec<String> = own.iter().map(|own| format!("a.{own} IS NOT NULL")).collect();
            let n = count(format!(
                "SELECT count(*) FROM {name} AS a WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS b WHERE {})",
                known.join(" AND "),
                reference.table,
                ties.join(" AND ")
            ));
            if n != "0" {
                let _ = writeln!(faults, "{n} of {name} ({}) are not in {}", own.join(", "), reference.table);
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
}
