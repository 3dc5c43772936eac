//! `isomer run` and `isomer verify`: a project executed on an embedded engine.

use isomer_engines::{Engine, EngineKind};
use isomer_ir::{Severity, StepKind};

use super::args::{Format, RunArgs, VerifyArgs};
use super::progress::Progress;
use super::project::{Loaded, known_models, load, load_with_chains};
use super::{Console, Failure, Outcome, json};
use crate::api;
use crate::execute::{self, Site, Statement, TOLERANCE, Way};
use crate::limit::{LATE, Limit, Unfinished};
use crate::optimize::Optimised;
use crate::report;
use crate::steps;

/// Rows of each model that `--show-results` prints.
const N_SHOWN_ROWS: usize = 10;

/// `isomer run`.
pub(super) fn run(console: Console, args: &RunArgs) -> Result<Outcome, Failure> {
    let Loaded { mut optimised, base, outcome } = load(console, &args.project)?;
    let engine = args.engine.map_or_else(|| default_engine(&optimised), super::args::EngineName::kind);
    let ways: &[Way] = match (args.naive, args.compare) {
        (_, true) => &[Way::Naive, Way::Optimised],
        (true, false) => &[Way::Naive],
        (false, false) => &[Way::Optimised],
    };
    let progress = Progress::new(console);
    let site = Site { engine, base: &base, limit: Limit::of_seconds(args.timeout) };
    let executed = execute(&mut optimised, site, ways, args.repeat, &progress);
    let (execution, session, statements) = executed.map_err(|fault| told(console, &optimised, fault))?;
    let mut text = match args.project.format {
        Format::Json => json(&execution)?,
        Format::Text => times(&execution),
        Format::Md => format!("```\n{}```\n", times(&execution)),
    };
    if args.show_results && args.project.format != Format::Json {
        for statement in statements.iter().filter(|statement| statement.kind != StepKind::Shared) {
            let rows = shown(&session, statement).map_err(|fault| told(console, &optimised, fault))?;
            text.push_str(&rows);
        }
    }
    drop(progress);
    console.write(args.project.output.as_deref(), &text)?;
    Ok(outcome)
}

/// Runs every way in turn, `n_repeats` times, in one session. Gives the session with the results of
/// the last run and its statements.
pub(super) fn execute(
    optimised: &mut Optimised,
    site: Site<'_>,
    ways: &[Way],
    n_repeats: u16,
    progress: &Progress,
) -> Result<(api::Execution, Engine, Vec<Statement>), Unfinished> {
    let engine = site.engine;
    let session = execute::open(optimised, site, &mut |text| progress.say(text))?;
    let statements: Vec<Vec<Statement>> = ways.iter().map(|&way| execute::statements(optimised, way, engine)).collect();
    let mut executed: Vec<api::ExecutedWay> =
        ways.iter().map(|way| api::ExecutedWay { way: way.word(), total_ms: Vec::new(), steps: Vec::new() }).collect();
    for repeat in 0..n_repeats {
        for (i, way) in ways.iter().enumerate() {
            // What the other way made would be in the way: names of models are the same.
            for others in &statements {
                execute::clear(&session, others).map_err(Unfinished::Failed)?;
            }
            let steps = execute::run(&session, &statements[i], &mut |n, statement| {
                let round = if n_repeats > 1 { format!(", round {}", repeat + 1) } else { String::new() };
                progress.step(n, statements[i].len(), &format!("{}{round}: {}", way.word(), statement.name));
            })?;
            executed[i].total_ms.push(steps.iter().map(|step| step.ms).sum());
            executed[i].steps = steps;
        }
    }
    let speedup = match executed.as_slice() {
        [naive, optimised] => Some(median(&naive.total_ms) / median(&optimised.total_ms)),
        _ => None,
    };
    let last = statements.into_iter().next_back().unwrap_or_default();
    Ok((api::Execution { engine: engine.dialect().name(), ways: executed, speedup }, session, last))
}

/// An execution that did not come to its end, as the command's.
pub(super) fn told(console: Console, optimised: &Optimised, fault: Unfinished) -> Failure {
    match fault {
        Unfinished::Late { .. } => {
            let mut late = execute::late_told(optimised, &[fault]);
            // Nothing is compared beside it, so the command ends here.
            late.iter_mut().for_each(|told| told.severity = Severity::Project.word());
            tell_late(console, &late);
            Failure::Told
        }
        Unfinished::Failed(sentence) => Failure::Sentence(sentence),
    }
}

/// Tells of the statements that took too long; the other diagnostics were told when the project was read.
fn tell_late(console: Console, diagnostics: &[api::Diagnostic]) {
    for diagnostic in diagnostics.iter().filter(|diagnostic| diagnostic.code == LATE) {
        if !console.is_quiet || diagnostic.severity == Severity::Project.word() {
            report::stderr_line(&report::line(diagnostic));
        }
    }
}

/// The engine of the models' dialect where it is part of this program.
pub(super) fn default_engine(optimised: &Optimised) -> EngineKind {
    let dialect = optimised.project.project.models.first().map_or(optimised.target, |model| model.dialect);
    EngineKind::of_dialect(dialect).unwrap_or(EngineKind::DuckDb)
}

/// Times of an execution as text.
pub(super) fn times(execution: &api::Execution) -> String {
    let mut text = String::new();
    let names = execution.ways.iter().flat_map(|way| &way.steps).map(|step| step.name.chars().count());
    let width = names.max().unwrap_or(0).max(5);
    for way in &execution.ways {
        text.push_str(&format!("{} on {}\n", way.way, execution.engine));
        for step in &way.steps {
            let rows = step.rows.map_or_else(|| "view".to_owned(), counted);
            text.push_str(&format!("  {:<width$}  {:<6}  {rows:>16}  {:>10.1} ms\n", step.name, step.kind, step.ms));
        }
        let total = median(&way.total_ms);
        text.push_str(&format!("  {:<width$}  {:<6}  {:>16}  {total:>10.1} ms", "total", "", ""));
        if way.total_ms.len() > 1 {
            text.push_str(&format!(" (median of {})", way.total_ms.len()));
        }
        text.push_str("\n\n");
    }
    match execution.speedup {
        Some(speedup) => {
            text.push_str(&format!("optimised runs {speedup:.2} × as fast as naive\n"));
        }
        None => {
            text.pop();
        }
    }
    text
}

fn shown(session: &Engine, statement: &Statement) -> Result<String, Unfinished> {
    let query = format!("SELECT * FROM {} LIMIT {N_SHOWN_ROWS}", statement.sql_name);
    let rows = session.query(&query).map_err(|error| Unfinished::of(&statement.name, session.kind(), &error))?;
    // NULL must not look like an empty text.
    let options = arrow::util::display::FormatOptions::default().with_null("NULL");
    let table = arrow::util::pretty::pretty_format_batches_with_options(&rows, &options);
    let table = table.map_err(|error| Unfinished::Failed(error.to_string()))?;
    Ok(format!("\n{}\n{table}\n", statement.name))
}

/// `isomer verify`.
pub(super) fn verify(console: Console, args: &VerifyArgs) -> Result<Outcome, Failure> {
    if args.steps {
        return verify_steps(console, args);
    }
    let Loaded { mut optimised, base, outcome } = load(console, &args.project)?;
    let engine = args.engine.map_or_else(|| default_engine(&optimised), super::args::EngineName::kind);
    let progress = Progress::new(console);
    let site = Site { engine, base: &base, limit: Limit::of_seconds(args.timeout) };
    let verified = execute::verify(&mut optimised, site, &mut |text| progress.say(text));
    drop(progress);
    let verification = verified.map_err(|fault| told(console, &optimised, fault))?;
    tell_late(console, &verification.diagnostics);
    let text = match args.project.format {
        Format::Json => json(&verification)?,
        Format::Text => verdicts(&verification),
        Format::Md => format!("```\n{}```\n", verdicts(&verification)),
    };
    console.write(args.project.output.as_deref(), &text)?;
    Ok(if verification.is_equal { outcome } else { Outcome::Finding })
}

/// `isomer verify --steps`.
fn verify_steps(console: Console, args: &VerifyArgs) -> Result<Outcome, Failure> {
    let Loaded { mut optimised, base, outcome } = load_with_chains(console, &args.project)?;
    known_models(&optimised, &args.model)?;
    let engine = args.engine.map_or_else(|| default_engine(&optimised), super::args::EngineName::kind);
    let progress = Progress::new(console);
    let site = Site { engine, base: &base, limit: Limit::of_seconds(args.timeout) };
    let verified = steps::verify_steps(&mut optimised, site, &args.model, &mut |text| progress.say(text));
    drop(progress);
    let verification = verified.map_err(|fault| told(console, &optimised, fault))?;
    tell_late(console, &verification.diagnostics);
    let text = match args.project.format {
        Format::Json => json(&verification)?,
        Format::Text => step_verdicts(&verification),
        Format::Md => format!("```\n{}```\n", step_verdicts(&verification)),
    };
    console.write(args.project.output.as_deref(), &text)?;
    Ok(if verification.is_equal { outcome } else { Outcome::Finding })
}

/// What `verify --steps` found, as text.
fn step_verdicts(verification: &api::StepVerification) -> String {
    let steps = &verification.steps;
    let width = steps.iter().map(|step| step.cause.chars().count()).max().unwrap_or(0).max(5);
    let mut text = String::new();
    let mut model = "";
    for step in steps {
        if step.model != model {
            model = &step.model;
            text.push_str(&format!("{model}\n"));
        }
        let rows = step.rows.map_or_else(|| "–".to_owned(), thousands);
        let verdict = if step.verdict == "different" { "DIFFERENT" } else { step.verdict };
        text.push_str(&format!("  {:>3}  {:<width$}  {rows:>14}  {verdict}\n", step.number, step.cause));
        for detail in step.details.iter().flat_map(|detail| detail.lines()) {
            text.push_str(&format!("       {detail}\n"));
        }
    }
    let n_of = |verdict: &str| steps.iter().filter(|step| step.verdict == verdict).count();
    let n_skipped = n_of("skipped");
    text.push_str(&format!(
        "\n{} of {} steps give equal rows on {}{} (as multisets; doubles to {TOLERANCE:e} of the larger value)\n",
        n_of("equal"),
        steps.len(),
        verification.engine,
        if n_skipped > 0 { format!(", {n_skipped} skipped") } else { String::new() },
    ));
    text
}

/// What `verify` found, as text.
pub(super) fn verdicts(verification: &api::Verification) -> String {
    let models = &verification.models;
    let width = models.iter().map(|model| model.name.chars().count()).max().unwrap_or(0).max(5);
    let mut text = format!("{:<width$}  {:>14}  {}\n", "model", "rows", "equal");
    for model in models {
        let rows = model.rows.map_or_else(|| "–".to_owned(), thousands);
        let verdict = match model.verdict {
            "equal" => "yes",
            "different" => "NO",
            other => other,
        };
        text.push_str(&format!("{:<width$}  {rows:>14}  {verdict}\n", model.name));
        for detail in model.details.iter().flat_map(|detail| detail.lines()) {
            text.push_str(&format!("    {detail}\n"));
        }
    }
    let n_of = |verdict: &str| models.iter().filter(|model| model.verdict == verdict).count();
    let (n_equal, n_skipped) = (n_of("equal"), n_of("skipped"));
    text.push_str(&format!(
        "\n{n_equal} of {} models give equal rows on {}{} (as multisets; doubles to {TOLERANCE:e} of the larger value)\n",
        models.len(),
        verification.engine,
        if n_skipped > 0 { format!(", {n_skipped} skipped") } else { String::new() },
    ));
    text
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    match (times.len(), times.len() / 2) {
        (0, _) => 0.0,
        (n, half) if n % 2 == 1 => times[half],
        (_, half) => f64::midpoint(times[half - 1], times[half]),
    }
}

fn counted(n_rows: u64) -> String {
    format!("{} {}", thousands(n_rows), if n_rows == 1 { "row" } else { "rows" })
}

fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{median, thousands};

    #[test]
    fn numbers() {
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(12), "12");
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[1.0, 2.0]) - 1.5).abs() < f64::EPSILON);
    }
}
