//! Execution: a project's statements, written or optimised, on an embedded engine, and the
//! comparison of the rows that both give.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use isomer_engines::{Comparison, Engine, EngineError, EngineKind, Postgres};
use isomer_ir::{Bound, Catalog, Diagnostic, Dialect, Materialise, Model, Source, SourceData, StepKind};

use crate::api;
use crate::limit::{Limit, Unfinished};
use crate::made_rows::{MadeRows, RANDOM};
use crate::optimize::{self, Optimised};
use crate::report::{self, Texts};

/// Doubles are equal when they differ by no more than this share of the larger one (or of 1): sums
/// of doubles depend on the order of the rows, and no engine promises one.
pub const TOLERANCE: f64 = isomer_engines::DEFAULT_TOLERANCE;

/// Where a project is executed.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The engine.
    pub engine: EngineKind,
    /// The folder against which data files are resolved.
    pub base: &'a Path,
    /// How long a statement may take.
    pub limit: Limit,
}

impl<'a> Site<'a> {
    /// An engine, with the usual limit.
    #[must_use]
    pub fn new(engine: EngineKind, base: &'a Path) -> Self {
        Self { engine, base, limit: Limit::Usual }
    }
}

/// Which statements are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The models as written.
    Naive,
    /// The pipeline.
    Optimised,
}

impl Way {
    /// The word in output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Optimised => "optimised",
        }
    }
}

/// A relation to be made.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Name of the step.
    pub name: Arc<str>,
    /// How the relation is written in SQL.
    pub sql_name: Arc<str>,
    /// What the step is.
    pub kind: StepKind,
    /// How the result is kept.
    pub materialise: Materialise,
    /// The query, or why there is none.
    pub sql: Result<Arc<str>, String>,
}

/// The statements that make a project one way, in order.
#[must_use]
pub fn statements(optimised: &mut Optimised, way: Way, engine: EngineKind) -> Vec<Statement> {
    match way {
        Way::Naive => written(optimised, engine),
        Way::Optimised => pipeline(optimised, engine),
    }
}

fn written(optimised: &mut Optimised, engine: EngineKind) -> Vec<Statement> {
    let order = optimised.project.order.clone();
    order.into_iter().map(|position| written_model(optimised, position, engine)).collect()
}

/// A model as the user wrote it, for the engine: its text in the engine's own dialect, its plan
/// spelled for the engine otherwise. What cannot be spelled is tried as it stands.
fn written_model(optimised: &mut Optimised, position: usize, engine: EngineKind) -> Statement {
    let project = &mut optimised.project;
    let model = &project.project.models[position];
    let (kind, sql) = match &project.models[position].bound {
        Bound::Opaque if is_program(model) => {
            (StepKind::Opaque, Err("opaque, and a program: no engine can run it".to_owned()))
        }
        Bound::Opaque if model.dialect == engine.dialect() => (StepKind::Opaque, Ok(Arc::clone(model.runnable()))),
        Bound::Opaque => (StepKind::Opaque, Err(foreign(model.dialect, engine))),
        Bound::Plan(_) if model.dialect == engine.dialect() => (StepKind::Model, Ok(Arc::clone(model.runnable()))),
        Bound::Plan(output) => {
            let sql = isomer_codegen::to_sql(output, &mut project.arena, &project.project.catalog, engine.dialect());
            (StepKind::Model, Ok(sql.map_or_else(|_| Arc::clone(model.runnable()), Arc::from)))
        }
    };
    let model = &project.project.models[position];
    Statement {
        name: Arc::clone(&model.name),
        sql_name: Arc::clone(&model.sql_name),
        kind,
        materialise: model.materialise,
        sql,
    }
}

/// Whether a model is no query but a program, such as a Python function.
fn is_program(model: &Model) -> bool {
    model.is_opaque && model.path.ends_with(".py")
}

fn foreign(dialect: Dialect, engine: EngineKind) -> String {
    format!("opaque, and written for {dialect}: {} cannot run it", engine.dialect())
}

fn pipeline(optimised: &mut Optimised, engine: EngineKind) -> Vec<Statement> {
    let mut statements = Vec::new();
    for i in 0..optimised.pipeline.steps.len() {
        let step = &optimised.pipeline.steps[i];
        let position = optimised.project.project.models.iter().position(|model| model.name == step.name);
        let statement = match position {
            Some(position) if !step.is_changed => written_model(optimised, position, engine),
            Some(_) | None => {
                let sql = optimize::spell_sql(&mut optimised.project, step, engine.dialect());
                let catalog = &optimised.project.project.catalog;
                let model = position.map(|position| &optimised.project.project.models[position].sql_name);
                let sql_name = model.or(catalog.get(&step.name).map(|table| &table.sql_name)).unwrap_or(&step.name);
                Statement {
                    name: Arc::clone(&step.name),
                    sql_name: Arc::clone(sql_name),
                    kind: step.kind,
                    materialise: step.materialise,
                    sql: sql.map_err(|diagnostic| diagnostic.message),
                }
            }
        };
        statements.push(statement);
    }
    statements
}

/// A session of an engine that holds the project's sources and the models that were not selected
/// but are read. Sources that nobody gives rows are generated from their declared keys.
///
/// # Errors
///
/// The engine's own, with its causes; a model that took too long.
pub fn open(optimised: &mut Optimised, site: Site<'_>, tell: &mut dyn FnMut(&str)) -> Result<Engine, Unfinished> {
    let Site { engine, base, limit } = site;
    let project = &optimised.project.project;
    // A server tells its schema and gives no rows.
    let database = project.database.as_ref().filter(|name| Postgres::named(name).is_none());
    let database = database.map(|path| base.join(&**path));
    let opened = Engine::open(engine, database.as_deref());
    let mut session = opened.map_err(|error| Unfinished::Failed(causes(&error)))?;
    // Models are read for it only where rows are generated.
    let made = OnceCell::new();
    let generated = SourceData::Generated(Arc::from(RANDOM), Vec::new());
    for source in referred_first(&project.sources, &project.catalog) {
        let Some(table) = project.catalog.get(&source.key) else { continue };
        tell(&format!("loading {}", table.sql_name));
        let data = match &source.data {
            SourceData::Database if database.is_none() => &generated,
            data @ (SourceData::Database | SourceData::File(_) | SourceData::Generated(..)) => data,
        };
        let data = match data {
            SourceData::Generated(name, settings) if &**name == RANDOM => {
                made.get_or_init(|| MadeRows::of(optimised)).data(table, settings)
            }
            data => data.clone(),
        };
        session
            .load(table, &data, base)
            .map_err(|error| Unfinished::Failed(format!("source `{}`: {}", table.sql_name, causes(&error))))?;
    }
    session.set_timeout(limit.duration(made.get().is_some()));
    for (model, bound) in optimised.upstream.clone() {
        tell(&format!("making {}", model.name));
        let sql = match bound.bound {
            Bound::Plan(output) if model.dialect != engine.dialect() => {
                let project = &mut optimised.project;
                isomer_codegen::to_sql(&output, &mut project.arena, &project.project.catalog, engine.dialect())
                    .map_err(|error| Unfinished::Failed(error.to_string()))?
            }
            Bound::Plan(_) | Bound::Opaque => model.runnable().to_string(),
        };
        session
            .create(&model.sql_name, model.materialise, &sql)
            .map_err(|error| Unfinished::of(&model.name, engine, &error))?;
    }
    Ok(session)
}

/// Sources in an order in which a foreign key refers to an earlier one, so that generated rows can
/// take its values. Circles are broken where they were entered.
pub(crate) fn referred_first<'a>(sources: &'a [Source], catalog: &Catalog) -> Vec<&'a Source> {
    let mut ordered: Vec<&Source> = Vec::new();
    let mut is_seen = vec![false; sources.len()];
    for first in 0..sources.len() {
        let mut stack = vec![(first, false)];
        while let Some((position, is_expanded)) = stack.pop() {
            if is_expanded {
                ordered.push(&sources[position]);
            } else if !std::mem::replace(&mut is_seen[position], true) {
                stack.push((position, true));
                let table = catalog.get(&sources[position].key);
                let referred = table.into_iter().flat_map(|table| &table.foreign_keys).map(|key| &key.table);
                let positions = referred.filter_map(|key| sources.iter().position(|source| source.key == *key));
                stack.extend(positions.map(|position| (position, false)));
            }
        }
    }
    ordered
}

/// Runs statements in order and gives each its time. Results of earlier runs are dropped first,
/// outside the times.
///
/// # Errors
///
/// The first statement that fails, with the engine's words, or takes too long.
pub fn run(
    session: &Engine,
    statements: &[Statement],
    tell: &mut dyn FnMut(usize, &Statement),
) -> Result<Vec<api::ExecutedStep>, Unfinished> {
    clear(session, statements).map_err(Unfinished::Failed)?;
    let mut steps = Vec::new();
    for (i, statement) in statements.iter().enumerate() {
        tell(i, statement);
        let unspelled = |reason| Unfinished::Failed(format!("`{}`: {reason}", statement.name));
        let sql = statement.sql.as_ref().map_err(unspelled)?;
        let start = Instant::now();
        let rows = session
            .create(&statement.sql_name, statement.materialise, sql)
            .map_err(|error| Unfinished::of(&statement.name, session.kind(), &error))?;
        let ms = start.elapsed().as_secs_f64() * 1e3;
        steps.push(api::ExecutedStep { name: statement.name.to_string(), kind: statement.kind.word(), ms, rows });
    }
    Ok(steps)
}

/// Drops what the statements made.
///
/// # Errors
///
/// The engine's own.
pub fn clear(session: &Engine, statements: &[Statement]) -> Result<(), String> {
    for statement in statements.iter().rev() {
        session.drop_relation(&statement.sql_name).map_err(|error| causes(&error))?;
    }
    Ok(())
}

/// Makes every model both ways, in sessions of their own over equal sources, and compares the rows.
///
/// # Errors
///
/// When the sources cannot be loaded; a model that fails is a verdict, not an error.
pub fn verify(
    optimised: &mut Optimised,
    site: Site<'_>,
    tell: &mut dyn FnMut(&str),
) -> Result<api::Verification, Unfinished> {
    let naive = open(optimised, site, tell)?;
    let chosen = open(optimised, site, tell)?;
    let engine = site.engine;
    let catalog = optimised.project.project.catalog.clone();
    let written = statements(optimised, Way::Naive, engine);
    let naive_failures = make_all(&naive, &written, &catalog, &mut |name| {
        tell(&format!("naive {name}"));
    });
    let steps = statements(optimised, Way::Optimised, engine);
    let chosen_failures = make_all(&chosen, &steps, &catalog, &mut |name| tell(&format!("optimised {name}")));
    let mut late = Vec::new();
    let mut models = Vec::new();
    for statement in steps.iter().filter(|statement| statement.kind != StepKind::Shared) {
        tell(&format!("comparing {}", statement.name));
        let failures = (naive_failures.get(&statement.name), chosen_failures.get(&statement.name));
        models.push(compare(&naive, &chosen, statement, failures, &mut late));
    }
    excuse_unrepeatable(optimised, &naive, &written, &mut models);
    let is_equal = models.iter().all(|model| matches!(model.verdict, "equal" | "skipped"));
    let mut diagnostics = optimised.output.diagnostics.clone();
    diagnostics.extend(late_told(optimised, &late));
    Ok(api::Verification { engine: engine.dialect().name(), tolerance: TOLERANCE, is_equal, models, diagnostics })
}

/// Diagnostics of the statements that were stopped.
pub(crate) fn late_told(optimised: &Optimised, late: &[Unfinished]) -> Vec<api::Diagnostic> {
    let told: Vec<Diagnostic> = late.iter().filter_map(|late| late.diagnostic(optimised)).collect();
    let models = optimised.project.project.models.iter().chain(optimised.upstream.iter().map(|(model, _)| model));
    let models: Vec<Model> = models.cloned().collect();
    report::wire(&told, &Texts::new(&told, &models, &BTreeMap::new()))
}

/// A model that differs because its own text gives other rows each time it runs (a random number, a
/// LIMIT without an order), or that reads such a model, shows nothing about a rewrite.
fn excuse_unrepeatable(
    optimised: &Optimised,
    naive: &Engine,
    written: &[Statement],
    models: &mut [api::VerifiedModel],
) {
    let project = &optimised.project;
    let mut unrepeatable: BTreeSet<Arc<str>> = BTreeSet::new();
    for &position in &project.order {
        let model = &project.project.models[position];
        let Some(verified) = models.iter_mut().find(|verified| *verified.name == *model.name) else { continue };
        if verified.verdict != "different" {
            continue;
        }
        let text = written.iter().find(|statement| statement.name == model.name);
        let again = text.and_then(|text| naive.query(text.sql.as_ref().ok()?).ok());
        let first = naive.query(&format!("SELECT * FROM {}", model.sql_name)).ok();
        let differs = matches!((again, first), (Some(again), Some(first))
            if !isomer_engines::compare(&first, &again, TOLERANCE).is_equal);
        let reason = if differs {
            "as written it gives other rows each time it runs"
        } else if project.models[position].reads.iter().any(|read| unrepeatable.contains(read)) {
            "it reads a model that gives other rows each time it runs"
        } else {
            continue;
        };
        unrepeatable.insert(Arc::clone(&model.key));
        verified.verdict = "skipped";
        verified.details = vec![reason.to_owned()];
    }
}

/// Why a statement made nothing.
#[derive(Debug)]
enum Unmade {
    /// There is no query for this engine.
    Unspelled(String),
    /// The engine refused it.
    Failed(String),
    /// It took longer than it was let run.
    Late(Unfinished),
}

/// Makes the relations in order. Of an opaque model that cannot be run made-up rows of its declared columns
/// stand for it, so that what reads it is compared all the same.
fn make_all(
    session: &Engine,
    statements: &[Statement],
    catalog: &Catalog,
    tell: &mut dyn FnMut(&str),
) -> BTreeMap<Arc<str>, Unmade> {
    let stand_in = |statement: &Statement| {
        let is_it = |table: &&isomer_ir::Table| table.sql_name == statement.sql_name && !table.columns.is_empty();
        let table = catalog.tables().find(is_it).filter(|_| statement.kind == StepKind::Opaque)?;
        let made = SourceData::Generated(Arc::from(RANDOM), Vec::new());
        session.load(table, &made, Path::new(".")).ok()
    };
    let mut failures = BTreeMap::new();
    for statement in statements {
        tell(&statement.name);
        let failure = match &statement.sql {
            Ok(sql) => match session.create(&statement.sql_name, statement.materialise, sql) {
                Ok(_) => continue,
                Err(error @ EngineError::Timeout(_)) => {
                    Unmade::Late(Unfinished::of(&statement.name, session.kind(), &error))
                }
                Err(error) => Unmade::Failed(causes(&error)),
            },
            Err(reason) => Unmade::Unspelled(reason.clone()),
        };
        let failure = match (failure, stand_in(statement)) {
            (Unmade::Unspelled(reason) | Unmade::Failed(reason), Some(_)) => {
                let line = reason.lines().next().unwrap_or_default();
                Unmade::Unspelled(format!("made-up rows of its declared columns stand for it: {line}"))
            }
            (failure @ Unmade::Late(_), _) | (failure, None) => failure,
        };
        failures.insert(Arc::clone(&statement.name), failure);
    }
    failures
}

fn compare(
    naive: &Engine,
    chosen: &Engine,
    statement: &Statement,
    failures: (Option<&Unmade>, Option<&Unmade>),
    late: &mut Vec<Unfinished>,
) -> api::VerifiedModel {
    let verdict =
        |rows, verdict, details| api::VerifiedModel { name: statement.name.to_string(), rows, verdict, details };
    match failures {
        (None, None) => {}
        // Opaque models of another dialect have a text that means nothing here.
        (Some(Unmade::Unspelled(reason)), _) => return verdict(None, "skipped", vec![reason.clone()]),
        (naive, chosen) => {
            let mut say = |way: Way, unmade: Option<&Unmade>| match unmade? {
                Unmade::Unspelled(reason) | Unmade::Failed(reason) => Some(format!("{}: {reason}", way.word())),
                Unmade::Late(unfinished) => {
                    if !late.contains(unfinished) {
                        late.push(unfinished.clone());
                    }
                    Some(format!("{}: {unfinished}", way.word()))
                }
            };
            let details = [say(Way::Naive, naive), say(Way::Optimised, chosen)].into_iter().flatten().collect();
            return verdict(None, "failed", details);
        }
    }
    let query = format!("SELECT * FROM {}", statement.sql_name);
    let compared = naive.query(&query).and_then(|left| Ok((left, chosen.query(&query)?)));
    match compared {
        Ok((left, right)) => {
            let comparison = isomer_engines::compare(&left, &right, TOLERANCE);
            let word = if comparison.is_equal { "equal" } else { "different" };
            verdict(Some(comparison.n_left as u64), word, differences(&comparison))
        }
        Err(error) => {
            let unfinished = Unfinished::of(&statement.name, naive.kind(), &error);
            let told = verdict(None, "failed", vec![unfinished.to_string()]);
            if matches!(unfinished, Unfinished::Late { .. }) {
                late.push(unfinished);
            }
            told
        }
    }
}

/// The first differing rows of each side.
pub(crate) fn differences(comparison: &Comparison) -> Vec<String> {
    if comparison.is_equal {
        return Vec::new();
    }
    let mut details = vec![comparison.note.clone()];
    for (side, n_rows, rows) in [
        ("as written", comparison.n_only_left, &comparison.only_left),
        ("as optimised", comparison.n_only_right, &comparison.only_right),
    ] {
        details.push(format!("{n_rows} rows only {side}"));
        details.extend(rows.iter().map(|row| format!("  {row}")));
        if rows.len() < n_rows {
            details.push("  …".to_owned());
        }
    }
    details
}

/// An error with what caused it, in one line.
#[must_use]
pub fn causes(error: &EngineError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
