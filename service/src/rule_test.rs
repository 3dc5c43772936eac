//! Rules against their own examples and refusals.
//!
//! An example must fire and meet its expected text, in the optimizer and in the rows that DuckDB
//! gives for both. A refusal must not fire; where it has rows, the wrong form must give others.
//! Then both sides of the examples, and of instances of a template, are computed over made rows.

mod instance;
mod search;
mod trial;
mod values;

use std::path::Path;
use std::sync::Arc;

use isomer_engines::{Engine, EngineKind};
use isomer_frontend::{ProjectFiles, ReadOptions};
use isomer_ir::semantics::search::{Budget, Failures, Search};
use isomer_ir::{Bound, BoundProject, Materialise, SourceData};
use isomer_rewriter::check_case;
use isomer_rules::{Case, GivenTable, ModelText, Phase, Rule, RuleSet};
use serde_json::{Value, json};

use crate::execute::{TOLERANCE, causes, differences, referred_first};

/// Models of expected texts are kept apart from the inputs of the same name.
const EXPECTED: &str = "expected__";

/// What is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseKind {
    /// An example, which the rule must fire on.
    Example,
    /// A refusal, which it must leave alone.
    Refusal,
    /// Both sides of examples and of the template's instances, over made rows.
    MadeRows,
}

impl CaseKind {
    /// The word in output; of examples and refusals the one in rule files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Example => "example",
            Self::Refusal => "refuses",
            Self::MadeRows => "made rows",
        }
    }
}

/// What became of one example or refusal, or of the trials over made rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseReport {
    /// The rule.
    pub rule: String,
    /// What was tested.
    pub kind: CaseKind,
    /// What the case shows.
    pub title: String,
    /// What is wrong; empty when the case passes.
    pub faults: Vec<String>,
}

/// Runs every example and refusal of the rules that `is_wanted` accepts, in their order. All rules
/// of the set take part, as they do in a project.
#[must_use]
pub fn run(rules: &RuleSet, is_wanted: &dyn Fn(&Rule) -> bool) -> Vec<CaseReport> {
    let mut reports = Vec::new();
    let engines = trial::Engines::open();
    for rule in rules.rules.iter().filter(|rule| is_wanted(rule)) {
        let report = |kind, title: &str, faults| CaseReport {
            rule: rule.name.to_string(),
            kind,
            title: title.to_owned(),
            faults,
        };
        let examples = rule.examples.iter().map(|case| (case, CaseKind::Example));
        let refusals = rule.refusals.iter().map(|case| (case, CaseKind::Refusal));
        for (case, kind) in examples.chain(refusals) {
            let result = run_case(rules, rule, case, kind == CaseKind::Refusal);
            reports.push(report(kind, &case.title, result.unwrap_or_else(|fault| vec![fault])));
        }
        // A lossy rule gives other rows: that is what is consented to.
        if !rule.class.needs_consent() {
            let tried = match &engines {
                Ok(engines) => try_rows(engines, rule),
                Err(fault) => Err(vec![fault.clone()]),
            };
            match tried {
                Ok(0) => {}
                Ok(n) => reports.push(report(CaseKind::MadeRows, &format!("{n} results equal"), Vec::new())),
                Err(faults) => reports.push(report(CaseKind::MadeRows, "results differ", faults)),
            }
        }
    }
    reports
}

/// How hard a rule is searched, and what counts. What the normal form changes is never changed back, so
/// an error may go away there; everywhere else either side may come to stand for the other.
#[must_use]
pub fn budget(rule: &Rule) -> Budget {
    let failures = if rule.phase == Phase::Normalize { Failures::OfSecond } else { Failures::Either };
    Budget { failures, ..Budget::default() }
}

/// Searches for rows that tell a case's input from what an example expects, or from the wrong form of
/// a refusal, on the reference interpreter. The rows that the case itself gives are not looked at.
///
/// # Errors
///
/// When the case is not understood.
pub fn told_apart(rule: &Rule, case: &Case, budget: &Budget) -> Result<Search, String> {
    let mut case = case.clone();
    if let (Some(wrong), Some(input)) = (&case.wrong, case.input.first()) {
        case.expect = vec![ModelText { name: Arc::clone(&input.name), sql: wrong.clone() }];
    }
    let mut project = bind(rule, &case)?;
    Ok(search::search(&mut project, &case, budget))
}

/// Searches for rows that tell the two sides of a rule's examples apart, and those of the instances of
/// its template on which it fires: on the reference interpreter first, then on the engines, which have
/// what it leaves open. Gives how many results were compared, or the first difference.
fn try_rows(engines: &trial::Engines, rule: &Arc<Rule>) -> Result<usize, Vec<String>> {
    let mut n_compared = 0;
    let mut attempt = |project: &mut BoundProject, case: &Case, budget: &Budget| {
        n_compared += search::run(engines, project, case, budget)?;
        n_compared += trial::run(engines, project, case)?;
        Ok::<(), Vec<String>>(())
    };
    for case in &rule.examples {
        // What cannot be bound was told by the example itself.
        if let Ok(mut project) = bind(rule, case) {
            attempt(&mut project, case, &budget(rule))?;
        }
    }
    let own = RuleSet { rules: vec![Arc::clone(rule)], ..RuleSet::default() };
    let (compiled, _) = isomer_frontend::compile_rules(&own, &mut isomer_ir::Arena::default());
    let instances = compiled.first().map(|compiled| instance::instances(rule, &compiled.compiled));
    let budget = Budget { n_every: 500, n_random: 500, ..budget(rule) };
    for case in instances.unwrap_or_default() {
        let Ok(mut project) = bind(rule, &case) else { continue };
        let (compiled, _) = isomer_frontend::compile_rules(&own, &mut project.arena);
        let Ok(inputs) = positions(&project, case.input.iter().map(|model| model.name.to_string())) else { continue };
        let Ok(expects) = positions(&project, case.expect.iter().map(|model| format!("{EXPECTED}{}", model.name)))
        else {
            continue;
        };
        // Where the binder casts what stands for a hole, the texts are no instance: the rule fires on the cast.
        if !inputs.iter().zip(&expects).all(|(&input, &expected)| is_alike(&project, input, expected)) {
            continue;
        }
        if check_case(&project, &compiled, &rule.name, &inputs, &[]).has_fired {
            attempt(&mut project, &case, &budget)?;
        }
    }
    Ok(n_compared)
}

/// Whether two models show the same types, integers of any width alike.
fn is_alike(project: &BoundProject, one: usize, other: usize) -> bool {
    let types = |position: usize| match &project.models[position].bound {
        Bound::Plan(output) => output.columns.iter().map(|shown| project.arena.column_type(shown.column)).collect(),
        Bound::Opaque => Vec::new(),
    };
    let (one, other) = (types(one), types(other));
    one.len() == other.len() && one.iter().zip(&other).all(|(a, b)| a == b || a.is_integer() && b.is_integer())
}

fn run_case(rules: &RuleSet, rule: &Rule, case: &Case, is_refusal: bool) -> Result<Vec<String>, String> {
    let mut project = bind(rule, case)?;
    let (compiled, faults) = isomer_frontend::compile_rules(rules, &mut project.arena);
    if let Some(fault) = faults.iter().find(|fault| fault.source == rule.file) {
        return Err(fault.to_string());
    }
    let inputs = positions(&project, case.input.iter().map(|model| model.name.to_string()))?;
    let expects = positions(&project, case.expect.iter().map(|model| format!("{EXPECTED}{}", model.name)))?;
    let outcome = check_case(&project, &compiled, &rule.name, &inputs, &expects);
    let mut faults = Vec::new();
    if is_refusal && outcome.has_fired {
        faults.push("the rule fired, although it must not: add or sharpen a guard".to_owned());
    }
    if !is_refusal && !outcome.has_fired {
        faults
            .push("the rule did not fire: the pattern is not found in the input, or a guard does not hold".to_owned());
    }
    if !is_refusal && !outcome.is_equal {
        faults.push("the input did not become what is expected, although it may have become something else".to_owned());
    }
    // A lossy rule gives other rows: that is what is consented to.
    if is_refusal || !rule.class.needs_consent() {
        faults.extend(compare_rows(&project, case, is_refusal)?);
    }
    Ok(faults)
}

fn bind(rule: &Rule, case: &Case) -> Result<BoundProject, String> {
    let mut files = ProjectFiles::new();
    for model in &case.input {
        files.insert(format!("models/{}.sql", model.name), model.sql.text.clone().into_bytes());
    }
    for model in &case.expect {
        files.insert(format!("models/{EXPECTED}{}.sql", model.name), model.sql.text.clone().into_bytes());
    }
    let sources: serde_json::Map<String, Value> =
        case.given.iter().map(|table| (table.name.to_string(), declared(table))).collect();
    // Cases are small, so no threshold keeps a rule from firing; a lossy rule is consented to.
    let settings = json!({
        "dialect": "duckdb",
        "sources": sources,
        "allow": [&*rule.name],
        "thresholds": {"min_saving": 0, "min_shared_rows": 0},
    });
    files.insert("isomer.yml".to_owned(), settings.to_string().into_bytes());
    let (project, faults) = isomer_frontend::read_project(&files, &ReadOptions::default());
    let project = project
        .filter(|_| faults.is_empty())
        .ok_or_else(|| faults.first().map_or_else(|| "the case has no input".to_owned(), ToString::to_string))?;
    let bound = isomer_frontend::bind_project(project);
    match bound.models.iter().position(|model| matches!(model.bound, Bound::Opaque)) {
        None => Ok(bound),
        Some(position) => {
            let model = &bound.project.models[position];
            let reason = bound.diagnostics.iter().find(|diagnostic| diagnostic.source == model.path);
            Err(reason.map_or_else(|| format!("`{}` is not understood", model.name), ToString::to_string))
        }
    }
}

fn declared(table: &GivenTable) -> Value {
    let columns: Vec<Value> = table
        .columns
        .iter()
        .map(|column| {
            let mut declared = json!({
                "name": &*column.name,
                "type": column.type_name,
                "nullable": !(column.is_key || column.is_not_null),
            });
            if let Some((table, referred)) = &column.references {
                declared["references"] = json!(format!("{table}.{referred}"));
            }
            declared
        })
        .collect();
    let keys: Vec<[&str; 1]> =
        table.columns.iter().filter(|column| column.is_key).map(|column| [&*column.name]).collect();
    let mut declared = json!({"columns": columns, "keys": keys});
    if let Some(n_rows) = table.n_rows {
        declared["rows"] = json!(n_rows);
    }
    declared
}

fn positions(project: &BoundProject, names: impl Iterator<Item = String>) -> Result<Vec<usize>, String> {
    names
        .map(|name| {
            let key = isomer_ir::fold(&name);
            project.model_position(&key).ok_or_else(|| format!("`{name}` is no model of the case"))
        })
        .collect()
}

/// What the rows of DuckDB have against the case.
fn compare_rows(project: &BoundProject, case: &Case, is_refusal: bool) -> Result<Vec<String>, String> {
    if is_refusal && (case.wrong.is_none() || case.given.iter().all(|table| table.rows.is_none())) {
        return Ok(Vec::new());
    }
    let engine = filled(project, case)?;
    for &position in &project.order {
        let model = &project.project.models[position];
        if !model.name.starts_with(EXPECTED) {
            engine.create(&model.sql_name, Materialise::View, &model.sql).map_err(|error| causes(&error))?;
        }
    }
    let query = |sql: &str| engine.query(sql).map_err(|error| causes(&error));
    let mut faults = Vec::new();
    for (model, expected) in case.input.iter().zip(&case.expect) {
        let comparison = isomer_engines::compare(&query(&model.sql.text)?, &query(&expected.sql.text)?, TOLERANCE);
        if !comparison.is_equal {
            faults.push("the expected text gives other rows than the input:".to_owned());
            faults.extend(differences(&comparison));
        }
    }
    if let (true, Some(wrong), Some(input)) = (is_refusal, &case.wrong, case.input.first()) {
        let is_equal = match (query(&input.sql.text), query(&wrong.text)) {
            (Ok(input), Ok(wrong)) => isomer_engines::compare(&input, &wrong, TOLERANCE).is_equal,
            (Err(fault), Err(_)) => return Err(fault),
            // An error that one side alone raises is a difference.
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
        };
        if is_equal {
            faults.push("the wrong form gives the same rows, so the refusal shows nothing".to_owned());
        }
    }
    Ok(faults)
}

/// DuckDB with the tables of a case: its own rows, tables without any being empty, or random ones
/// that obey the declared keys.
fn filled(project: &BoundProject, case: &Case) -> Result<Engine, String> {
    let engine = Engine::open(EngineKind::DuckDb, None).map_err(|error| causes(&error))?;
    for source in referred_first(&project.project.sources, &project.project.catalog) {
        let Some(table) = project.project.catalog.get(&source.key) else { continue };
        let given = case.given.iter().find(|given| isomer_ir::fold(&given.name) == table.key);
        let rows = given.and_then(|given| given.rows.as_ref());
        let has_rows = case.given.iter().any(|given| given.rows.is_some());
        let done = match (given, rows) {
            (Some(given), _) if has_rows => {
                let columns: Vec<String> =
                    given.columns.iter().map(|column| format!("{} {}", column.name, column.type_name)).collect();
                engine.execute(&format!("CREATE TABLE {} ({})", table.sql_name, columns.join(", "))).and_then(|()| {
                    match rows {
                        Some(rows) => engine.execute(&format!("INSERT INTO {} VALUES {rows}", table.sql_name)),
                        None => Ok(()),
                    }
                })
            }
            _ => {
                let random = SourceData::Generated("random".into(), Vec::new());
                engine.load(table, &random, Path::new(".")).map(|_| ())
            }
        };
        done.map_err(|error| causes(&error))?;
    }
    Ok(engine)
}
