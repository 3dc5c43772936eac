//! Queries there and back: as written, through the plan, and as the optimizer leaves them, on DuckDB
//! over one database, with the reference interpreter as the judge of orders and ties.

use std::sync::Arc;

use isomer_codegen::{to_sql, type_name};
use isomer_engines::{Engine, EngineKind, RecordBatch, compare, values};
use isomer_frontend::ProjectFiles;
use isomer_ir::semantics::{Database, EvalError, Rows, Value, evaluate};
use isomer_ir::{Bound, Dialect, Output, OutputColumn, Table};
use isomer_service::execute::{Statement, Way, causes, statements};
use isomer_service::optimize::{self, Optimised, Request};
use serde_json::json;

/// Doubles are equal when they differ by no more than this share of the larger one (or of 1).
const TOLERANCE: f64 = 1e-9;

/// Queries over one set of tables, read as the models of a project.
#[derive(Debug)]
pub struct Trip {
    /// The models as bound, and the pipeline.
    pub optimised: Optimised,
    models: Vec<TripModel>,
    steps: Vec<Statement>,
}

#[derive(Debug)]
struct TripModel {
    text: String,
    name: Arc<str>,
    /// The plan with its SQL, or why there is none.
    through: Result<(Output, String), String>,
}

/// What came of one query over one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The query is not understood: the diagnostic.
    NotBound(String),
    /// DuckDB does not run the query as written.
    NotRun,
    /// All ways give the same rows, and the interpreter too where `is_evaluated`.
    Equal {
        /// Whether the interpreter evaluates the query.
        is_evaluated: bool,
    },
    /// One of the ways gives other rows or fails: what to look at.
    Differs(String),
}

impl Trip {
    /// Binds and optimises queries as models `q0`, `q1`, … over tables.
    ///
    /// # Panics
    ///
    /// When the project itself is refused.
    #[must_use]
    pub fn new(texts: &[String], tables: &[Table]) -> Self {
        let mut files = ProjectFiles::new();
        files.insert("isomer.yml".to_owned(), json!({"dialect": "duckdb"}).to_string().into_bytes());
        for (at, text) in texts.iter().enumerate() {
            files.insert(format!("models/q{at}.sql"), text.clone().into_bytes());
        }
        let answer = optimize::run(&Request { files, connected: tables.to_vec(), ..Request::default() });
        let told: Vec<(Arc<str>, String)> =
            answer.diagnostics.iter().map(|told| (Arc::clone(&told.source), told.message.clone())).collect();
        let mut optimised = answer.optimised.unwrap_or_else(|| panic!("the project is refused: {told:?}"));
        let models = texts.iter().enumerate().map(|(at, text)| model(&mut optimised, at, text, &told)).collect();
        let steps = statements(&mut optimised, Way::Optimised, EngineKind::DuckDb);
        Self { optimised, models, steps }
    }

    /// Runs every query every way over what the engine holds, which must be `database`.
    #[must_use]
    pub fn run(&self, engine: &Engine, database: &Database) -> Vec<Outcome> {
        let made: Vec<Result<(), String>> = self
            .steps
            .iter()
            .map(|step| {
                let sql = step.sql.as_ref().map_err(Clone::clone)?;
                engine.create(&step.sql_name, step.materialise, sql).map(|_| ()).map_err(|error| causes(&error))
            })
            .collect();
        let outcomes = self.models.iter().map(|model| self.compared(engine, database, model, &made)).collect();
        for step in self.steps.iter().rev() {
            engine.drop_relation(&step.sql_name).ok();
        }
        outcomes
    }

    fn compared(
        &self,
        engine: &Engine,
        database: &Database,
        model: &TripModel,
        made: &[Result<(), String>],
    ) -> Outcome {
        let Ok(written) = engine.query(&model.text) else { return Outcome::NotRun };
        let (output, sql) = match &model.through {
            Ok(through) => through,
            Err(why) => return Outcome::NotBound(why.clone()),
        };
        let differs = |what: &str, sql: &str| {
            let tables: Vec<String> =
                database.tables().map(|(name, rows)| format!("  {name}: {}", shown(rows))).collect();
            Outcome::Differs(format!("{}\n-- {what}:\n{sql}\n{}", model.text, tables.join("\n")))
        };
        let Some(at) = self.steps.iter().position(|step| step.name == model.name) else {
            return differs("no step", "");
        };
        if let Err(fault) = &made[at] {
            return differs("optimised fails", fault);
        }
        let names = names_of(&engine.query(&format!("FROM ({}) LIMIT 0", model.text)).unwrap_or_default());
        let catalog = &self.optimised.project.project.catalog;
        let is_as_bound = |(name, column): (&String, &OutputColumn)| {
            name.eq_ignore_ascii_case(&column.name) || catalog.is_guessed(&column.name)
        };
        if !names.iter().zip(&output.columns).all(is_as_bound) {
            let bound: Vec<&str> = output.columns.iter().map(|column| &*column.name).collect();
            return differs(&format!("names {names:?}"), &bound.join(", "));
        }
        let ours = evaluate(output, &self.optimised.project.arena, database);
        let optimised = self.steps[at].sql.as_ref().map_or("", |sql| &**sql);
        for (way, sql, query) in [
            ("round trip", sql.as_str(), sql.as_str()),
            ("optimised", optimised, &format!("FROM {}", self.steps[at].sql_name)),
        ] {
            let batches = match engine.query(query) {
                Ok(batches) => batches,
                Err(error) => return differs(&format!("{way} fails: {}", causes(&error)), sql),
            };
            let is_equal = match (&ours, values(&written), values(&batches)) {
                // Where ties are cut or the order is free, only the interpreter knows what is allowed.
                (Ok(ours), Ok(first), Ok(second)) => {
                    let rows = |rows: Vec<Vec<Value>>| Rows { rows, peers: None };
                    let bag = Rows { rows: ours.rows.clone(), peers: None };
                    let (first, second) = (rows(first), rows(second));
                    if !bag.is_answered_by(&first) {
                        return differs(&format!("interpreter: {}\n-- DuckDB", shown(&ours.rows)), &shown(&first.rows));
                    }
                    bag.is_answered_by(&second)
                }
                (Err(EvalError::Raised(why)), _, _) => return differs(&format!("interpreter raises {why:?}"), sql),
                _ => compare(&written, &batches, TOLERANCE).is_equal,
            };
            let is_named = |(one, other): (&String, &String)| one.eq_ignore_ascii_case(other);
            if way == "optimised" && !names_of(&batches).iter().zip(&names).all(is_named) {
                return differs(&format!("{way}, names {:?}", names_of(&batches)), sql);
            }
            if !is_equal {
                return differs(way, sql);
            }
        }
        Outcome::Equal { is_evaluated: ours.is_ok() }
    }
}

fn model(optimised: &mut Optimised, at: usize, text: &str, told: &[(Arc<str>, String)]) -> TripModel {
    let project = &mut optimised.project;
    let position = project.model_position(&format!("q{at}")).expect("each text is a model");
    let known = &project.project.models[position];
    let (name, path) = (Arc::clone(&known.name), Arc::clone(&known.path));
    let through = match &project.models[position].bound {
        Bound::Plan(output) => {
            let output = output.clone();
            to_sql(&output, &mut project.arena, &project.project.catalog, Dialect::DuckDb)
                .map(|sql| (output, sql))
                .map_err(|error| error.to_string())
        }
        Bound::Opaque => {
            let why = told.iter().find(|(source, _)| *source == path).map(|(_, message)| message.clone());
            Err(why.unwrap_or_default())
        }
    };
    TripModel { text: text.to_owned(), name, through }
}

/// Gives the engine the rows of a database.
///
/// # Panics
///
/// When the engine refuses a table.
pub fn load(engine: &Engine, tables: &[Table], database: &Database) {
    for table in tables {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| {
                let of = type_name(column.data_type, Dialect::DuckDb).unwrap_or_else(|_| "JSON".to_owned());
                format!("\"{}\" {of}", column.name)
            })
            .collect();
        let rows = database.rows(&table.key);
        let mut script = format!("CREATE OR REPLACE TABLE {} ({});", table.sql_name, columns.join(", "));
        if !rows.is_empty() {
            let rows: Vec<String> = rows.iter().map(|row| tuple(row)).collect();
            script.push_str(&format!("INSERT INTO {} VALUES {};", table.sql_name, rows.join(", ")));
        }
        engine.execute(&script).unwrap_or_else(|error| panic!("{script}: {error}"));
    }
}

fn names_of(batches: &[RecordBatch]) -> Vec<String> {
    let fields = batches.first().map(|batch| batch.schema().fields().clone()).unwrap_or_default();
    fields.iter().map(|field| field.name().clone()).collect()
}

fn shown(rows: &[Vec<Value>]) -> String {
    rows.iter().map(|row| tuple(row)).collect::<Vec<_>>().join(" ")
}

fn tuple(row: &[Value]) -> String {
    format!("({})", row.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}
