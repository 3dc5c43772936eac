//! Every step of every shipped project that is understood has a Substrait plan, and the pipeline of
//! plans, run on DataFusion, gives each step the rows of the pipeline of SQL.

use std::collections::BTreeMap;

use base64::Engine as _;
use isomer_engines::{Engine, EngineKind};
use isomer_ir::Materialise;
use isomer_service::execute::{self, Statement, TOLERANCE, Way};
use isomer_service::optimize::Optimised;
use isomer_tests::examples::{DIMENSIONS, Example, SESSIONS, SHOP, SMELT, TPCH};
use isomer_tests::{repository, with_stack};

#[test]
fn sessions() {
    hold(SESSIONS);
}

#[test]
fn dimensions() {
    hold(DIMENSIONS);
}

#[test]
fn shop() {
    hold(SHOP);
}

#[test]
fn smelt() {
    hold(SMELT);
}

#[test]
fn tpch() {
    hold(TPCH);
}

/// Runs the pipeline twice, by plans and by SQL, each over its own results.
fn hold(example: Example) {
    with_stack(move || {
        let mut optimised = example.optimised();
        let statements = execute::statements(&mut optimised, Way::Optimised, EngineKind::DataFusion);
        let (by_sql, by_plan) = (session(&mut optimised, example), session(&mut optimised, example));
        let steps: BTreeMap<&str, _> = optimised.output.steps.iter().map(|step| (step.name.as_str(), step)).collect();
        assert_eq!(statements.len(), steps.len());
        let mut opaque = Vec::new();
        for statement in &statements {
            let step = steps[&*statement.name];
            if step.kind == "opaque" {
                opaque.push(step.name.as_str());
                continue;
            }
            let notes = &optimised.output.diagnostics;
            let plan = step.substrait.as_ref().unwrap_or_else(|| panic!("`{}` has no plan: {notes:#?}", step.name));
            let plan = base64::engine::general_purpose::STANDARD.decode(plan).expect("the plan is base64");
            let sql = statement.sql.as_ref().expect("every step that is understood is spelled for DataFusion");
            // A plan can name tables alone, so that views are kept as tables too.
            by_sql.create(&statement.sql_name, Materialise::Table, sql).expect("the step runs as SQL");
            by_plan.create_from_substrait(&statement.sql_name, &plan).expect("the step runs as a plan");
            equal_rows(&by_sql, &by_plan, statement);
        }
        assert_eq!(opaque, example.opaque);
    });
}

fn session(optimised: &mut Optimised, example: Example) -> Engine {
    let base = repository("examples").join(example.name);
    execute::open(optimised, EngineKind::DataFusion, &base, &mut |_| {}).expect("the sources can be loaded")
}

fn equal_rows(by_sql: &Engine, by_plan: &Engine, statement: &Statement) {
    let query = format!("SELECT * FROM {}", statement.sql_name);
    let rows = |session: &Engine| session.query(&query).expect("the table can be read");
    let comparison = isomer_engines::compare(&rows(by_sql), &rows(by_plan), TOLERANCE);
    assert!(comparison.is_equal, "`{}`: {comparison:?}", statement.name);
}
