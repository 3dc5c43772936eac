//! Projects and TPC-DS written for PostgreSQL and run there: the rows are those that DuckDB gives for the
//! texts as written, through the plan and as optimised.
//!
//! Left out, with the reason told, where no PostgreSQL is installed.

use std::collections::BTreeMap;
use std::path::Path;

use isomer_engines::{Engine, EngineKind, Postgres, RecordBatch, TextRows, values};
use isomer_frontend::ProjectFiles;
use isomer_ir::semantics::Rows;
use isomer_ir::{Bound, Dialect};
use isomer_service::execute::{self, Way, causes};
use isomer_service::optimize::{self, Optimised, Options, Request};
use isomer_service::{execute::Statement, files};
use isomer_tests::examples::{self, Example};
use isomer_tests::postgres::{Server, kinds, values_of};
use isomer_tests::tpcds::{catalog, engine, queries, tables, without_limit};
use isomer_tests::{file_name, folders, repository, resize, with_stack};

/// Longest that PostgreSQL may take for a query that its planner does badly: the others take milliseconds.
const TIMEOUT: &str = "SET statement_timeout = '60s'";

/// The variable that has every query of TPC-DS run, and not each fourth.
const ALL_QUERIES: &str = "POSTGRES_TPCDS";
/// What DuckDB answers with an infinity or no number.
const RAISED: &str = "division by zero";
/// A model that takes one of several rows which tie.
const TIED: &str = "duckdb-to-datafusion: aggregates";

/// A project of files, optimised for PostgreSQL; `None` where it is refused.
fn optimised(files: ProjectFiles, connected: Vec<isomer_ir::Table>) -> Option<Optimised> {
    let options = Options { target: Some("postgres".to_owned()), ..Options::default() };
    optimize::run(&Request { files, options, connected, ..Request::default() }).optimised
}

/// Whether PostgreSQL's rows are those of DuckDB.
fn compared(theirs: &[RecordBatch], ours: &TextRows) -> Result<usize, String> {
    let theirs = values(theirs)?;
    let n_columns = theirs.first().map_or(ours.names.len(), Vec::len);
    let ours = values_of(ours, &kinds(&theirs, n_columns))?;
    let (theirs, ours) = (Rows { rows: theirs, peers: None }, Rows { rows: ours, peers: None });
    if theirs.same_bag(&ours) {
        return Ok(theirs.rows.len());
    }
    let first = |rows: &Rows| rows.rows.iter().take(3).map(|row| format!("{row:?}")).collect::<Vec<_>>().join("\n    ");
    let counts = format!("{} rows of DuckDB, {} of PostgreSQL", theirs.rows.len(), ours.rows.len());
    Err(format!("{counts}\n  DuckDB\n    {}\n  PostgreSQL\n    {}", first(&theirs), first(&ours)))
}

/// What came of the models of projects.
#[derive(Debug, Default)]
struct Tally {
    n_equal: usize,
    n_with_rows: usize,
    /// Models that are not written for PostgreSQL or that DuckDB does not run, with why.
    left_out: BTreeMap<String, String>,
    faults: Vec<String>,
}

impl Tally {
    fn take(&mut self, name: String, found: Result<usize, String>) {
        match found {
            Err(why) if why.starts_with(RAISED) => drop(self.left_out.insert(name, why)),
            Ok(n_rows) => {
                self.n_equal += 1;
                self.n_with_rows += usize::from(n_rows > 0);
            }
            Err(why) => self.faults.push(format!("{name}: {why}")),
        }
    }

    fn told(&self) -> String {
        format!("{} equal, {} with rows; left out {:#?}", self.n_equal, self.n_with_rows, self.left_out)
    }

    fn expect_equal(&self) {
        assert!(self.faults.is_empty(), "{} faults\n{}", self.faults.len(), self.faults.join("\n"));
    }
}

/// Runs a project on DuckDB as written and on PostgreSQL as optimised, and compares each model.
fn project(server: &Server, name: &str, mut project: Optimised, base: &Path, tally: &mut Tally) {
    let engine = match execute::open(&mut project, execute::Site::new(EngineKind::DuckDb, base), &mut |_| {}) {
        Ok(engine) => engine,
        Err(why) => return drop(tally.left_out.insert(name.to_owned(), why.to_string())),
    };
    let client = server.in_database(database_of(&project).as_deref().unwrap_or("postgres"));
    let known = &project.project.project;
    let sources = known
        .sources
        .iter()
        .filter_map(|source| known.catalog.get(&source.key))
        .map(|table| table.sql_name.to_string());
    let upstream = project.upstream.iter().map(|(model, _)| model.sql_name.to_string());
    for sql_name in sources.chain(upstream).collect::<Vec<_>>() {
        if let Err(why) = server.copy(&engine, &client, &sql_name) {
            return drop(tally.left_out.insert(name.to_owned(), why));
        }
    }
    let naive = execute::statements(&mut project, Way::Naive, EngineKind::DuckDb);
    let sql_names: BTreeMap<String, String> =
        naive.iter().map(|statement| (statement.name.to_string(), statement.sql_name.to_string())).collect();
    for step in project.output.steps.clone() {
        let told = format!("{name}: {}", step.name);
        let sql_name = sql_names.get(&step.name).cloned().unwrap_or_else(|| step.name.clone());
        let statement = naive.iter().find(|statement| *statement.name == *step.name);
        let made = statement.map(|statement| made(&engine, statement));
        let Some(sql) = step.sql.filter(|_| step.kind != "opaque" && told != TIED) else {
            // Its rows are those of DuckDB, for the models that read it.
            let copied = made.map(|made| made.and_then(|()| server.copy(&engine, &client, &sql_name)));
            tally.left_out.insert(told, format!("not written; {copied:?}"));
            continue;
        };
        let schema = sql_name
            .rsplit('.')
            .nth(1)
            .map_or_else(String::new, |schema| format!("CREATE SCHEMA IF NOT EXISTS {schema}"));
        let create = format!("CREATE TABLE {sql_name} AS {}", sql.trim_end().trim_end_matches(';'));
        let select = format!("SELECT * FROM {sql_name}");
        let drop_it = format!("DROP TABLE IF EXISTS {sql_name} CASCADE");
        let script = [schema.as_str(), drop_it.as_str(), create.as_str(), select.as_str()];
        let mut answers = client.run(&script).expect("the server answers");
        let (found, created) = (answers.pop(), answers.pop());
        match (made, created, found) {
            (None, Some(Ok(_)), _) => {}
            (Some(Err(why)), _, _) => drop(tally.left_out.insert(told, why)),
            (Some(Ok(())), Some(Ok(_)), Some(Ok(found))) => {
                let theirs = engine.query(&select).expect("the model was made");
                tally.take(told, compared(&theirs, &found).map_err(|why| format!("{why}\n{sql}")));
            }
            (_, Some(Err(why)), _) if why == RAISED => drop(tally.left_out.insert(told, why)),
            (_, created, _) => tally.take(told, Err(format!("{created:?}\n{sql}"))),
        }
    }
}

fn made(engine: &Engine, statement: &Statement) -> Result<(), String> {
    let sql = statement.sql.clone()?;
    engine.create(&statement.sql_name, statement.materialise, &sql).map(drop).map_err(|error| causes(&error))
}

/// The database that names of three parts are in.
fn database_of(project: &Optimised) -> Option<String> {
    let known = &project.project.project;
    let names =
        known.models.iter().map(|model| &model.sql_name).chain(known.catalog.tables().map(|table| &table.sql_name));
    let parts = names.filter(|name| name.split('.').count() == 3).find_map(|name| name.split('.').next());
    parts.map(|part| part.trim_matches('"').to_owned())
}

#[test]
fn examples_give_the_rows_of_duckdb() {
    with_stack(|| {
        let Some(server) = Server::or_told() else { return };
        let mut tally = Tally::default();
        for Example { name, sizes, .. } in examples::ALL {
            let base = repository("examples").join(name);
            let disk = files::read(&base).expect("an example can be read");
            let mut read = optimised(disk.files, Vec::new()).expect("an example is no fault");
            resize(&mut read, sizes);
            resize(&mut read, &[("scale", "0.002")]);
            project(&server, name, read, &base, &mut tally);
        }
        println!("{}", tally.told());
        tally.expect_equal();
        assert!(tally.n_with_rows >= 50, "{} models have rows", tally.n_with_rows);
    });
}

#[test]
fn golden_cases_give_the_rows_of_duckdb() {
    with_stack(|| {
        let Some(server) = Server::or_told() else { return };
        let mut tally = Tally::default();
        for base in folders(&repository("tests/golden")).iter().flat_map(|family| folders(family)) {
            let disk = files::read(&base).expect("a case can be read");
            let name = file_name(&base);
            match optimised(disk.files, Vec::new()) {
                // Consent to a lossy rule is consent to other rows.
                Some(read) if !read.project.project.settings.allowed.is_empty() => {}
                Some(read) => project(&server, &name, read, &base, &mut tally),
                None => drop(tally.left_out.insert(name, "refused".to_owned())),
            }
        }
        println!("{}", tally.told());
        tally.expect_equal();
        assert!(tally.n_with_rows >= 60, "{} models have rows", tally.n_with_rows);
    });
}

#[test]
fn tpcds_gives_the_rows_of_duckdb() {
    with_stack(|| {
        let Some(server) = Server::or_told() else { return };
        let catalog = catalog();
        let duck = engine(EngineKind::DuckDb, &catalog);
        for table in catalog.tables() {
            server.copy(&duck, &server.client, &table.sql_name).expect("the rows are taken");
        }
        let mut tally = Tally::default();
        let is_all = std::env::var_os(ALL_QUERIES).is_some();
        let chosen = queries().into_iter().enumerate().filter(|(at, _)| is_all || at % 4 == 0);
        for (name, text) in chosen.map(|(_, query)| query) {
            let text = without_limit(&text);
            let mut files = ProjectFiles::new();
            files.insert("isomer.yml".to_owned(), b"dialect: duckdb".to_vec());
            files.insert(format!("models/{name}.sql"), text.as_bytes().to_vec());
            let mut read = optimised(files, tables(&catalog)).expect("a query is no fault");
            let Bound::Plan(output) = read.project.models[0].bound.clone() else { panic!("{name} is not bound") };
            let written = isomer_codegen::to_sql(&output, &mut read.project.arena, &catalog, Dialect::Postgres);
            let theirs = match duck.query(&text) {
                Ok(theirs) => theirs,
                Err(error) => panic!("{name}: {}", causes(&error)),
            };
            let found = written.map_err(|error| error.to_string()).map(|written| ran(&server.client, &[], &written));
            match found {
                Err(why) => drop(tally.left_out.insert(name.clone(), why)),
                Ok(found) => tally.take(name.clone(), found.and_then(|found| compared(&theirs, &found))),
            }
            let Some((last, before)) = read.output.steps.split_last() else { continue };
            let Some(sql) = &last.sql else {
                tally.left_out.insert(format!("{name} optimised"), "not written".to_owned());
                continue;
            };
            let before: Vec<String> = before
                .iter()
                .map(|step| format!("CREATE TEMP TABLE {} AS {}", step.name, step.sql.clone().unwrap_or_default()))
                .collect();
            let found = ran(&server.client, &before, sql).and_then(|found| compared(&theirs, &found));
            tally.take(format!("{name} optimised"), found.map_err(|why| format!("{why}\n{sql}")));
        }
        println!("{}", tally.told());
        tally.expect_equal();
        let least = if is_all { 190 } else { 48 };
        assert!(tally.n_equal >= least, "{} texts are equal", tally.n_equal);
    });
}

/// The rows of a query behind the statements that it needs.
fn ran(client: &Postgres, before: &[String], sql: &str) -> Result<TextRows, String> {
    let script: Vec<&str> = std::iter::once(TIMEOUT).chain(before.iter().map(String::as_str)).chain([sql]).collect();
    let mut answers = client.run(&script).map_err(|error| error.to_string())?;
    answers.pop().unwrap_or_else(|| Err("no answer".to_owned()))
}
