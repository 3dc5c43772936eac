//! Both sides of every step of the proofs, executed over the project's data.
//!
//! One session holds the sources, the models as written and the shared relations; every plan of a
//! chain is a query over it, run once, and compared with the one before.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use isomer_engines::{Engine, EngineError, EngineKind};
use isomer_ir::StepKind;
use isomer_rewriter::Chain;

use crate::api;
use crate::execute::{Site, TOLERANCE, Way, causes, differences, late_told, open, statements};
use crate::limit::Unfinished;
use crate::optimize::Optimised;
use crate::proof::{spelled, visible};

/// What a query gave, or why it gave nothing.
type Given = Result<Vec<RecordBatch>, String>;

/// Executes every step's two sides and compares their rows. Only models in `wanted`, or all where it is empty.
///
/// # Errors
///
/// When the sources cannot be loaded; a query that fails is a verdict, not an error.
pub fn verify_steps(
    optimised: &mut Optimised,
    site: Site<'_>,
    wanted: &[String],
    tell: &mut dyn FnMut(&str),
) -> Result<api::StepVerification, Unfinished> {
    let session = open(optimised, site, tell)?;
    let engine = site.engine;
    let written = statements(optimised, Way::Naive, engine);
    let shared = statements(optimised, Way::Optimised, engine).into_iter().filter(|made| made.kind == StepKind::Shared);
    let mut missing: BTreeMap<Arc<str>, String> = BTreeMap::new();
    let mut late: Vec<Unfinished> = Vec::new();
    for statement in written.iter().cloned().chain(shared) {
        tell(&format!("making {}", statement.name));
        let made = match &statement.sql {
            Ok(sql) => session.create(&statement.sql_name, statement.materialise, sql).map_err(|error| {
                if matches!(error, EngineError::Timeout(_)) {
                    late.push(Unfinished::of(&statement.name, engine, &error));
                }
                causes(&error)
            }),
            Err(reason) => Err(reason.clone()),
        };
        if let Err(reason) = made {
            let model = optimised.project.project.models.iter().find(|model| model.name == statement.name);
            let key = model.map_or(&statement.name, |model| &model.key);
            missing.insert(Arc::clone(key), format!("`{}` could not be made: {reason}", statement.name));
        }
    }
    let mut steps = Vec::new();
    for chain in optimised.chains.clone() {
        let name = Arc::clone(&optimised.project.project.models[chain.model].name);
        if wanted.is_empty() || wanted.iter().any(|wanted| **wanted == *name) {
            tell(&format!("comparing the steps of {name}"));
            let text = written.iter().find(|statement| statement.name == name);
            let text = text.map_or_else(|| Err("it has no text".to_owned()), |statement| statement.sql.clone());
            let is_late = |late: &Unfinished| matches!(late, Unfinished::Late { name: of, .. } if *of == name);
            let was_late = late.iter().any(is_late);
            let setting = Setting { session: &session, engine, missing: &missing, late: Cell::new(None), was_late };
            verify_chain(optimised, &setting, &chain, &text, &mut steps);
            late.extend(setting.late.take().map(|error| Unfinished::of(&name, engine, &error)));
        }
    }
    let is_equal = steps.iter().all(|step| matches!(step.verdict, "equal" | "skipped"));
    let mut diagnostics = optimised.output.diagnostics.clone();
    diagnostics.extend(late_told(optimised, &late));
    Ok(api::StepVerification { engine: engine.dialect().name(), tolerance: TOLERANCE, is_equal, steps, diagnostics })
}

/// Where queries are run.
struct Setting<'a> {
    session: &'a Engine,
    engine: EngineKind,
    /// Why a relation that queries may read is not there.
    missing: &'a BTreeMap<Arc<str>, String>,
    /// Whether the model itself took too long to be made.
    was_late: bool,
    /// The first query of the chain that took too long. No other is tried then: it would as well.
    late: Cell<Option<EngineError>>,
}

impl Setting<'_> {
    fn run(&self, sql: &str) -> Given {
        let late = self.late.take();
        if self.was_late || late.is_some() {
            self.late.set(late);
            return Err("not run, since the model took too long before".to_owned());
        }
        self.session.query(sql).map_err(|error| {
            let told = causes(&error);
            self.late.set(matches!(error, EngineError::Timeout(_)).then_some(error));
            told
        })
    }
}

fn verify_chain(
    optimised: &mut Optimised,
    setting: &Setting<'_>,
    chain: &Chain,
    text: &Result<Arc<str>, String>,
    steps: &mut Vec<api::VerifiedStep>,
) {
    let model = optimised.project.project.models[chain.model].name.to_string();
    let run = |sql: &str| setting.run(sql);
    let mut before_sql: Option<String> = text.as_ref().ok().map(ToString::to_string);
    let mut before: Given = text.clone().and_then(|text| run(&text));
    let shown = visible(optimised, chain);
    let first = chain.steps.first().map(|step| (0, "reading the text", &step.before));
    let others = (1..).zip(&shown.steps).map(|(number, (step, _))| (number, step.cause.words(), &step.after));
    for (number, cause, output) in first.into_iter().chain(others) {
        let mut tell = |rows, verdict, details| {
            let (model, cause) = (model.clone(), cause.to_owned());
            steps.push(api::VerifiedStep { model, number, cause, rows, verdict, details });
        };
        if let Some(reason) = output.plan.tables().iter().find_map(|table| setting.missing.get(table)) {
            tell(None, "skipped", vec![reason.clone()]);
            continue;
        }
        let Some(sql) = spelled(optimised, output, setting.engine.dialect()) else {
            tell(None, "skipped", vec![format!("{} cannot spell the query", setting.engine.dialect())]);
            continue;
        };
        if before_sql.as_ref() == Some(&sql) {
            let rows =
                before.as_ref().ok().map(|batches| batches.iter().map(RecordBatch::num_rows).sum::<usize>() as u64);
            tell(rows, if rows.is_some() { "equal" } else { "failed" }, before.clone().err().into_iter().collect());
            continue;
        }
        let after = run(&sql);
        let (rows, mut verdict, mut details) = compared(&before, &after);
        // A query that gives other rows each time shows nothing about a step.
        if verdict == "different"
            && let Some(Ok(again)) = before_sql.as_deref().map(run)
            && compared(&before, &Ok(again)).1 != "equal"
        {
            (verdict, details) = ("skipped", vec!["the query before gives other rows each time it runs".to_owned()]);
        }
        tell(rows, verdict, details);
        (before, before_sql) = (after, Some(sql));
    }
}

fn compared(before: &Given, after: &Given) -> (Option<u64>, &'static str, Vec<String>) {
    match (before, after) {
        (Ok(before), Ok(after)) => {
            let comparison = isomer_engines::compare(before, after, TOLERANCE);
            let verdict = if comparison.is_equal { "equal" } else { "different" };
            (Some(comparison.n_left as u64), verdict, differences(&comparison))
        }
        (before, after) => {
            let say = |side: &str, given: &Given| given.as_ref().err().map(|error| format!("{side}: {error}"));
            (None, "failed", [say("before", before), say("after", after)].into_iter().flatten().collect())
        }
    }
}
