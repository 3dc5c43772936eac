//! A trial: what a case says are equal rows, computed over made rows on both embedded engines.
//!
//! A difference is cut down to few rows and told as a refusal that can be pasted into the rule.

use std::sync::Arc;

use isomer_engines::{Comparison, Engine, EngineError, EngineKind};
use isomer_ir::{Bound, BoundProject, Dialect, Materialise};
use isomer_rules::{Case, GivenTable};

use super::EXPECTED;
use super::values::{self, Rows, Sample};
use crate::execute::{TOLERANCE, causes, differences};

/// Sizes and seeds of the tables that are made. Small ones first: they show a difference best.
const SAMPLES: [(u64, usize, bool); 6] =
    [(1, 0, false), (2, 3, false), (3, 8, false), (4, 30, false), (5, 30, true), (6, 90, true)];
/// Rows that a difference is cut down to are searched for in at most so many comparisons.
const MAX_CUTS: usize = 200;

/// Both engines, opened once for all trials.
#[derive(Debug)]
pub(super) struct Engines(Vec<Engine>);

impl Engines {
    pub(super) fn open() -> Result<Self, String> {
        let engines = EngineKind::ALL.iter().map(|kind| Engine::open(*kind, None));
        engines.collect::<Result<_, _>>().map(Self).map_err(|error| causes(&error))
    }
}

/// Statements of a case for one engine: what is made, and what is compared with what.
struct Script {
    views: Vec<(String, String)>,
    pairs: Vec<(String, String)>,
}

/// Compares input and expected text of a case over made rows. Gives how many pairs of results were
/// compared, or what is wrong.
pub(super) fn run(engines: &Engines, project: &mut BoundProject, case: &Case) -> Result<usize, Vec<String>> {
    let texts: Vec<String> = case.input.iter().chain(&case.expect).map(|model| model.sql.text.to_lowercase()).collect();
    let has = |word: &str| texts.iter().any(|text| text.contains(word));
    // Where an order has ties, any of the tied rows may come first.
    let is_tie_free = ["limit", "order by", "first", "last", "arg_m", "any_value"].iter().any(|word| has(word));
    let is_counted_only = has("limit") && !has("order by");
    let mut scripts = Vec::new();
    for engine in &engines.0 {
        scripts.extend(script(project, case, engine.kind().dialect()).map(|script| (engine, script)));
    }
    let mut n_compared = 0;
    for (seed, n_rows, has_extremes) in SAMPLES {
        let sample = Sample { seed, n_rows, has_extremes, is_tie_free };
        let Some(rows) = values::rows(&case.given, sample) else { break };
        for (engine, script) in &scripts {
            match attempt(engine, script, &case.given, &rows, is_counted_only) {
                Attempt::Equal => n_compared += script.pairs.len(),
                // An input that fails says nothing: the rule need not make it succeed. DuckDB, which
                // comes first, fails where numbers overflow; DataFusion would wrap them.
                Attempt::InputFailed => break,
                Attempt::Different(_) => {
                    let rows = cut(engine, script, &case.given, rows, is_counted_only);
                    let found = attempt(engine, script, &case.given, &rows, is_counted_only);
                    return Err(told(engine, case, &rows, found));
                }
            }
        }
    }
    for (engine, script) in &scripts {
        clear(engine, script, &case.given);
    }
    Ok(n_compared)
}

enum Attempt {
    Equal,
    InputFailed,
    Different(Vec<String>),
}

fn script(project: &mut BoundProject, case: &Case, dialect: Dialect) -> Option<Script> {
    let mut pairs = Vec::new();
    for (input, expect) in case.input.iter().zip(&case.expect) {
        pairs.push((
            text(project, &input.name, dialect)?,
            text(project, &format!("{EXPECTED}{}", expect.name), dialect)?,
        ));
    }
    let mut views = Vec::new();
    for position in project.order.clone() {
        let model = &project.project.models[position];
        let (name, sql_name) = (Arc::clone(&model.name), model.sql_name.to_string());
        if !name.starts_with(EXPECTED) {
            views.push((sql_name, text(project, &name, dialect)?));
        }
    }
    Some(Script { views, pairs })
}

/// A model's text in a dialect: its own where it is written in it.
fn text(project: &mut BoundProject, name: &str, dialect: Dialect) -> Option<String> {
    let position = project.model_position(&isomer_ir::fold(name))?;
    let model = &project.project.models[position];
    match &project.models[position].bound {
        Bound::Plan(_) if model.dialect == dialect => Some(model.sql.to_string()),
        Bound::Plan(output) => {
            isomer_codegen::to_sql(output, &mut project.arena, &project.project.catalog, dialect).ok()
        }
        Bound::Opaque => None,
    }
}

fn attempt(engine: &Engine, script: &Script, given: &[GivenTable], rows: &[Rows], is_counted_only: bool) -> Attempt {
    for (table, rows) in given.iter().zip(rows) {
        if engine.create(&table.name, Materialise::Table, &filled(table, rows)).is_err() {
            return Attempt::InputFailed;
        }
    }
    for (name, sql) in &script.views {
        if engine.create(name, Materialise::View, sql).is_err() {
            return Attempt::InputFailed;
        }
    }
    for (input, expect) in &script.pairs {
        let Ok(written) = engine.query(input) else { return Attempt::InputFailed };
        match engine.query(expect) {
            Ok(chosen) => {
                let comparison = isomer_engines::compare(&written, &chosen, TOLERANCE);
                if !is_met(&comparison, is_counted_only) {
                    return Attempt::Different(sides(&comparison));
                }
            }
            Err(error) => return Attempt::Different(vec![failure(&error)]),
        }
    }
    Attempt::Equal
}

fn is_met(comparison: &Comparison, is_counted_only: bool) -> bool {
    comparison.is_equal || (is_counted_only && comparison.n_left == comparison.n_right)
}

fn failure(error: &EngineError) -> String {
    format!("the expected text fails where the input does not: {}", causes(error))
}

fn sides(comparison: &Comparison) -> Vec<String> {
    let words =
        |line: String| line.replace("as written", "of the input").replace("as optimised", "of the expected text");
    differences(comparison).into_iter().map(words).collect()
}

/// A query for the rows of a table, in its declared types.
fn filled(table: &GivenTable, rows: &Rows) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| &*column.name).collect();
    let cast = |column: &isomer_rules::GivenColumn| format!("CAST({0} AS {1}) AS {0}", column.name, column.type_name);
    let casts: Vec<String> = table.columns.iter().map(cast).collect();
    let values = if rows.is_empty() { tuple(&vec!["NULL".to_owned(); names.len()]) } else { tuples(rows) };
    let end = if rows.is_empty() { " WHERE 1 = 0" } else { "" };
    format!("SELECT {} FROM (VALUES {values}) AS made({}){end}", casts.join(", "), names.join(", "))
}

fn tuple(row: &[String]) -> String {
    format!("({})", row.join(", "))
}

fn tuples(rows: &Rows) -> String {
    rows.iter().map(|row| tuple(row)).collect::<Vec<_>>().join(", ")
}

/// Leaves out rows as long as a difference stays: halves first, then smaller parts.
fn cut(
    engine: &Engine,
    script: &Script,
    given: &[GivenTable],
    mut rows: Vec<Rows>,
    is_counted_only: bool,
) -> Vec<Rows> {
    let mut n_left = MAX_CUTS;
    for table in 0..rows.len() {
        let mut size = rows[table].len().div_ceil(2);
        while size > 0 {
            let mut start = 0;
            while start < rows[table].len() && n_left > 0 {
                n_left -= 1;
                let mut fewer = rows.clone();
                let end = (start + size).min(fewer[table].len());
                fewer[table].drain(start..end);
                if matches!(attempt(engine, script, given, &fewer, is_counted_only), Attempt::Different(_)) {
                    rows = fewer;
                } else {
                    start += size;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }
    rows
}

fn clear(engine: &Engine, script: &Script, given: &[GivenTable]) {
    // What stays is replaced by the next trial.
    for (name, _) in script.views.iter().rev() {
        engine.drop_relation(name).ok();
    }
    for table in given {
        engine.drop_relation(&table.name).ok();
    }
}

fn told(engine: &Engine, case: &Case, rows: &[Rows], found: Attempt) -> Vec<String> {
    let mut lines = vec![format!("{} gives other rows for the two sides:", engine.kind().name())];
    if let Attempt::Different(differences) = found {
        lines.extend(differences.into_iter().map(|line| format!("  {line}")));
    }
    lines.extend(refusal(case, rows));
    lines
}

/// The rows as a refusal that can be pasted into the rule.
pub(super) fn refusal(case: &Case, rows: &[Rows]) -> Vec<String> {
    let mut lines =
        vec!["add a guard that keeps the rule from this case, or change the template; as a refusal it is:".to_owned()];
    lines.push("  refuses \"rows that tell the two sides apart\"".to_owned());
    let given: Vec<String> = case.given.iter().map(declared).collect();
    lines.push(format!("    given  {}", given.join(", ")));
    let is_single = case.input.len() == 1;
    for model in &case.input {
        let name = if is_single { String::new() } else { format!("{}: ", model.name) };
        lines.push(format!("    input  {name}{}", one_line(&model.sql.text)));
    }
    if let ([expect], true) = (case.expect.as_slice(), is_single) {
        lines.push(format!("    wrong  {}", one_line(&expect.sql.text)));
    }
    for (table, rows) in case.given.iter().zip(rows).filter(|(_, rows)| !rows.is_empty()) {
        lines.push(format!("    rows   {} {}", table.name, tuples(rows)));
    }
    lines
}

/// The tables and rows as statements, and both sides as queries.
pub(super) fn script_lines(case: &Case, rows: &[Rows]) -> Vec<String> {
    let mut lines = vec!["to see it:".to_owned()];
    for (table, rows) in case.given.iter().zip(rows) {
        let column = |column: &isomer_rules::GivenColumn| {
            let required = if column.is_not_null || column.is_key { " NOT NULL" } else { "" };
            let unique = if column.is_key { " UNIQUE" } else { "" };
            format!("{} {}{required}{unique}", column.name, column.type_name)
        };
        let columns: Vec<String> = table.columns.iter().map(column).collect();
        lines.push(format!("  CREATE TABLE {} ({});", table.name, columns.join(", ")));
        if !rows.is_empty() {
            lines.push(format!("  INSERT INTO {} VALUES {};", table.name, tuples(rows)));
        }
    }
    // Models that the compared ones read stand before them.
    for model in &case.input[..case.input.len().saturating_sub(1)] {
        lines.push(format!("  CREATE VIEW {} AS {};", model.name, one_line(&model.sql.text)));
    }
    for model in case.input.iter().chain(&case.expect) {
        lines.push(format!("  {};", one_line(&model.sql.text)));
    }
    lines
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches(';').to_owned()
}

/// What DuckDB makes of a counterexample.
pub(super) struct Confirmation {
    /// Whether its results differ too.
    pub(super) differs: bool,
    /// In words.
    pub(super) told: String,
}

/// Runs both sides over the rows on DuckDB, with its optimizer and without.
pub(super) fn confirmed(
    engines: &Engines,
    project: &mut BoundProject,
    case: &Case,
    rows: &[Rows],
) -> Vec<Confirmation> {
    let Some(engine) = engines.0.iter().find(|engine| engine.kind() == EngineKind::DuckDb) else { return Vec::new() };
    let Some(script) = script(project, case, Dialect::DuckDb) else { return Vec::new() };
    let mut runs = Vec::new();
    for (pragma, words) in [("enable_optimizer", "DuckDB"), ("disable_optimizer", "DuckDB without its optimizer")] {
        if engine.execute(&format!("PRAGMA {pragma}")).is_err() {
            continue;
        }
        let found = attempt(engine, &script, &case.given, rows, false);
        let (differs, what) = match &found {
            Attempt::Equal => (false, "gives equal rows"),
            Attempt::Different(_) => (true, "agrees"),
            Attempt::InputFailed if expected_succeeds(engine, &script) => (true, "agrees"),
            Attempt::InputFailed => (false, "fails on both sides"),
        };
        runs.push(Confirmation { differs, told: format!("{words} {what}") });
    }
    // Other trials use the same session.
    engine.execute("PRAGMA enable_optimizer").ok();
    clear(engine, &script, &case.given);
    runs
}

fn expected_succeeds(engine: &Engine, script: &Script) -> bool {
    script.pairs.iter().all(|(_, expect)| engine.query(expect).is_ok())
}

fn declared(table: &GivenTable) -> String {
    let column = |column: &isomer_rules::GivenColumn| {
        let mut text = format!("{} {}", column.name, column.type_name);
        if column.is_key {
            text.push_str(" key");
        } else if column.is_not_null {
            text.push_str(" not null");
        }
        if let Some((table, referred)) = &column.references {
            text.push_str(&format!(" references {table}({referred})"));
        }
        text
    };
    format!("{}({})", table.name, table.columns.iter().map(column).collect::<Vec<_>>().join(", "))
}
