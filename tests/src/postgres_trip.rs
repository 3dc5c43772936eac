//! Queries to PostgreSQL and back: written for it from DuckDB's words, or read in its own, as bound and as
//! optimised, over one database on both engines.

use std::sync::Arc;

use isomer_codegen::to_sql;
use isomer_engines::{Engine, Postgres, TextRows, values};
use isomer_frontend::ProjectFiles;
use isomer_ir::semantics::{Database, Rows, Value, evaluate};
use isomer_ir::{Bound, DataType, Dialect, Output, Plan, Table};
use isomer_service::execute::causes;
use isomer_service::optimize::{self, Optimised, Options, Request};
use serde_json::json;

use crate::postgres::{created, filled, kinds, values_of};
use crate::round_trip::load;

/// Queries over one set of tables, read as the models of a project.
#[derive(Debug)]
pub struct Trip {
    optimised: Optimised,
    dialect: Dialect,
    models: Vec<TripModel>,
}

#[derive(Debug)]
struct TripModel {
    text: String,
    name: Arc<str>,
    /// The plan, or why there is none.
    output: Result<Output, String>,
    /// The plan in the words of PostgreSQL, and of DuckDB.
    postgres: Result<String, String>,
    duckdb: Result<String, String>,
}

/// What came of one query over one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All ways give the same rows.
    Equal,
    /// The engine of the text's dialect does not run it as written.
    NotRun(String),
    /// The query is not understood.
    NotBound(String),
    /// The target cannot say it.
    NotWritten(String),
    /// One of the ways gives other rows or fails: what to look at.
    Differs(String),
}

impl Trip {
    /// Binds queries of a dialect as models `q0`, `q1`, … over tables, and optimises them for PostgreSQL.
    ///
    /// # Panics
    ///
    /// When the project itself is refused.
    #[must_use]
    pub fn new(texts: &[String], tables: &[Table], dialect: Dialect) -> Self {
        let mut files = ProjectFiles::new();
        files.insert("isomer.yml".to_owned(), json!({"dialect": dialect.name()}).to_string().into_bytes());
        for (at, text) in texts.iter().enumerate() {
            files.insert(format!("models/q{at}.sql"), text.clone().into_bytes());
        }
        let options = Options { target: Some("postgres".to_owned()), ..Options::default() };
        let answer = optimize::run(&Request { files, options, connected: tables.to_vec(), ..Request::default() });
        let told: Vec<(Arc<str>, String)> =
            answer.diagnostics.iter().map(|told| (Arc::clone(&told.source), told.message.clone())).collect();
        let mut optimised = answer.optimised.unwrap_or_else(|| panic!("the project is refused: {told:?}"));
        let models = texts.iter().enumerate().map(|(at, text)| model(&mut optimised, at, text, &told)).collect();
        Self { optimised, dialect, models }
    }

    /// Runs every query every way over databases; the outcomes of the first database come first.
    ///
    /// # Panics
    ///
    /// When the server cannot be reached, or an engine refuses a table.
    pub fn run(&self, duck: &Engine, server: &Postgres, tables: &[Table], databases: &[Database]) -> Vec<Outcome> {
        let views = self.optimised.output.steps.iter().map(|step| {
            let sql = step.sql.as_deref().unwrap_or("SELECT");
            format!("CREATE TEMP VIEW {} AS {}", step.name, sql.trim_end().trim_end_matches(';'))
        });
        let made = created(tables);
        let mut script: Vec<String> = made.iter().cloned().chain(views).collect();
        for database in databases {
            script.extend(filled(tables, database));
            for model in &self.models {
                script.push(model.text.clone());
                script.push(model.postgres.clone().unwrap_or_else(|_| "SELECT".to_owned()));
                script.push(format!("SELECT * FROM {}", model.name));
            }
        }
        let script: Vec<&str> = script.iter().map(String::as_str).collect();
        let mut answers = server.run(&script).expect("the server answers").into_iter();
        let mut next = || answers.next().unwrap_or_else(|| Err("no answer".to_owned()));
        made.iter().for_each(|statement| drop(next().unwrap_or_else(|told| panic!("{told}: {statement}"))));
        let steps: Vec<Result<TextRows, String>> = self.optimised.output.steps.iter().map(|_| next()).collect();
        let mut outcomes = Vec::with_capacity(self.models.len() * databases.len());
        for database in databases {
            let rows = filled(tables, database);
            rows.iter().for_each(|statement| drop(next().unwrap_or_else(|told| panic!("{told}: {statement}"))));
            load(duck, tables, database);
            for model in &self.models {
                let (written, through, optimised) = (next(), next(), next());
                let at = self.optimised.output.steps.iter().position(|step| step.name == *model.name);
                let optimised = match at.map(|at| (&self.optimised.output.steps[at].sql, &steps[at])) {
                    None => Err("no step".to_owned()),
                    Some((None, _)) => Err("no text".to_owned()),
                    Some((Some(_), Err(told))) => Err(told.clone()),
                    Some((Some(_), Ok(_))) => optimised,
                };
                let ways = [("through", through), ("optimised", optimised)];
                outcomes.push(match self.dialect {
                    Dialect::Postgres => self.of_postgres(duck, database, model, written, ways),
                    _ => self.of_duckdb(duck, database, model, ways),
                });
            }
        }
        outcomes
    }

    fn of_duckdb(
        &self,
        duck: &Engine,
        database: &Database,
        model: &TripModel,
        ways: [(&str, Result<TextRows, String>); 2],
    ) -> Outcome {
        let written = match duck.query(&model.text) {
            Ok(written) => written,
            Err(error) => return Outcome::NotRun(causes(&error)),
        };
        let output = match &model.output {
            Ok(output) => output,
            Err(why) => return Outcome::NotBound(why.clone()),
        };
        if let Err(why) = &model.postgres {
            return Outcome::NotWritten(why.clone());
        }
        let theirs = match values(&written) {
            Ok(theirs) => theirs,
            Err(why) => return Outcome::NotRun(why),
        };
        let types = kinds(&theirs, written.first().map_or(0, |batch| batch.num_columns()));
        if types.contains(&DataType::Unknown) {
            return Outcome::NotRun("nested values".to_owned());
        }
        let judge = evaluate(output, &self.optimised.project.arena, database).ok();
        for (way, found) in ways {
            let found = match found {
                Ok(found) => found,
                Err(told) => return self.differs(model, way, &told, database),
            };
            let ours = match values_of(&found, &types) {
                Ok(ours) => ours,
                Err(why) => return self.differs(model, way, &why, database),
            };
            if !is_answer(judge.as_ref(), &theirs, &ours) {
                let told = format!("DuckDB {}\nPostgreSQL {}", shown(&theirs), shown(&ours));
                return self.differs(model, way, &told, database);
            }
        }
        Outcome::Equal
    }

    fn of_postgres(
        &self,
        duck: &Engine,
        database: &Database,
        model: &TripModel,
        written: Result<TextRows, String>,
        ways: [(&str, Result<TextRows, String>); 2],
    ) -> Outcome {
        let written = match written {
            Ok(written) => written,
            Err(told) => return Outcome::NotRun(told),
        };
        let output = match &model.output {
            Ok(output) => output,
            Err(why) => return Outcome::NotBound(why.clone()),
        };
        if let Err(why) = &model.postgres {
            return Outcome::NotWritten(why.clone());
        }
        let arena = &self.optimised.project.arena;
        // Of a number without bounds the binder tells only so many digits.
        let kind =
            |of: DataType| if matches!(of, DataType::Decimal { precision: 38, .. }) { DataType::Float64 } else { of };
        let types: Vec<DataType> = output.columns.iter().map(|column| kind(arena.column_type(column.column))).collect();
        let is_free = is_cut(output);
        let theirs = match values_of(&written, &types) {
            Ok(theirs) => theirs,
            Err(why) => return self.differs(model, "type", &why, database),
        };
        let judge = evaluate(output, arena, database).ok();
        if judge.as_ref().is_some_and(|judge| !is_answer(Some(judge), &theirs, &theirs)) {
            let told = format!(
                "interpreter {}\nPostgreSQL {}",
                shown(&judge.map_or(Vec::new(), |judge| judge.rows)),
                shown(&theirs)
            );
            return self.differs(model, "interpreter", &told, database);
        }
        for (way, found) in ways {
            let ours = match found.and_then(|found| values_of(&found, &types)) {
                Ok(ours) => ours,
                Err(told) => return self.differs(model, way, &told, database),
            };
            if !is_free && !is_answer(judge.as_ref(), &theirs, &ours) {
                return self.differs(
                    model,
                    way,
                    &format!("written {}\nours {}", shown(&theirs), shown(&ours)),
                    database,
                );
            }
        }
        let Ok(sql) = &model.duckdb else { return Outcome::Equal };
        let ours = match duck.query(sql).map_err(|error| causes(&error)).and_then(|batches| values(&batches)) {
            Ok(ours) => ours,
            Err(told) => return self.differs(model, "duckdb", &format!("{told}\n{sql}"), database),
        };
        if !is_free && !is_answer(judge.as_ref(), &theirs, &ours) {
            let told = format!("PostgreSQL {}\nDuckDB {}\n{sql}", shown(&theirs), shown(&ours));
            return self.differs(model, "duckdb", &told, database);
        }
        Outcome::Equal
    }

    fn differs(&self, model: &TripModel, way: &str, told: &str, database: &Database) -> Outcome {
        let tables: Vec<String> = database.tables().map(|(name, rows)| format!("  {name}: {}", shown(rows))).collect();
        let step = self.optimised.output.steps.iter().find(|step| step.name == *model.name);
        let text = match way {
            "optimised" => step.and_then(|step| step.sql.clone()).unwrap_or_default(),
            _ => model.postgres.clone().unwrap_or_default(),
        };
        Outcome::Differs(format!("{}\n-- {way}: {told}\n{text}\n{}", model.text, tables.join("\n")))
    }
}

/// Whether a limit cuts ties, so that which rows come is free.
fn is_cut(output: &Output) -> bool {
    let mut stack = vec![&output.plan];
    while let Some(plan) = stack.pop() {
        if matches!(plan, Plan::Limit { .. }) {
            return true;
        }
        stack.extend(plan.inputs());
    }
    false
}

fn model(optimised: &mut Optimised, at: usize, text: &str, told: &[(Arc<str>, String)]) -> TripModel {
    let project = &mut optimised.project;
    let position = project.model_position(&format!("q{at}")).expect("each text is a model");
    let known = &project.project.models[position];
    let (name, path) = (Arc::clone(&known.name), Arc::clone(&known.path));
    let output = match &project.models[position].bound {
        Bound::Plan(output) => Ok(output.clone()),
        Bound::Opaque => {
            let why = told.iter().find(|(source, _)| *source == path).map(|(_, message)| message.clone());
            Err(why.unwrap_or_default())
        }
    };
    let mut write = |dialect| {
        let output = output.as_ref().map_err(Clone::clone)?;
        to_sql(output, &mut project.arena, &project.project.catalog, dialect).map_err(|error| error.to_string())
    };
    let (postgres, duckdb) = (write(Dialect::Postgres), write(Dialect::DuckDb));
    TripModel { text: text.to_owned(), name, output, postgres, duckdb }
}

/// Whether rows stand for those of the other engine. Where ties are cut or the order is free, only the
/// interpreter knows what is allowed.
fn is_answer(judge: Option<&Rows>, theirs: &[Vec<Value>], ours: &[Vec<Value>]) -> bool {
    let ours = Rows { rows: ours.to_vec(), peers: Some((0..ours.len()).collect()) };
    match judge {
        Some(judge) => judge.is_answered_by(&ours),
        None => Rows { rows: theirs.to_vec(), peers: None }.same_bag(&ours),
    }
}

fn shown(rows: &[Vec<Value>]) -> String {
    let tuple = |row: &Vec<Value>| format!("({})", row.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    rows.iter().map(tuple).collect::<Vec<_>>().join(" ")
}
