//! Every step of every shipped project has a Substrait plan that DataFusion executes with the rows
//! of the step's SQL. Steps of which that does not hold are listed with the reason.

use std::collections::BTreeMap;
use std::error::Error as _;

use base64::Engine as _;
use isomer_engines::{Engine, EngineKind};
use isomer_ir::Materialise;
use isomer_service::execute::{self, TOLERANCE, Way};
use isomer_tests::examples::{DIMENSIONS, Example, SESSIONS, SHOP, SMELT, TPCH};
use isomer_tests::{repository, with_stack};

#[test]
fn sessions() {
    let reason =
        "`session_summary` has no Substrait plan: the aggregate `arg_min` in a Substrait plan cannot be carried";
    hold(SESSIONS, &[("session_summary", reason)]);
}

#[test]
fn dimensions() {
    // DuckDB sums integers to 128 bits, and plans say so; the SQL for DataFusion lets it sum to 64.
    let reason = "Substrait error: Field 'units' in Substrait schema has a different type (Decimal128(38, 0)) \
                  than the corresponding field in the table schema (Int64).";
    hold(DIMENSIONS, &[("basket_by_category", reason), ("revenue_by_store", reason)]);
}

#[test]
fn shop() {
    hold(SHOP, &[("revenue_calendar", "opaque")]);
}

#[test]
fn smelt() {
    hold(SMELT, &[]);
}

#[test]
fn tpch() {
    hold(TPCH, &[]);
}

/// Executes the pipeline on DataFusion, each step by its plan and by its SQL.
fn hold(example: Example, expect: &[(&'static str, &'static str)]) {
    let expect = expect.to_vec();
    with_stack(move || {
        let mut optimised = example.optimised();
        let base = repository("examples").join(example.name);
        let session = execute::open(&mut optimised, EngineKind::DataFusion, &base, &mut |_| {})
            .expect("the sources can be loaded");
        let statements = execute::statements(&mut optimised, Way::Optimised, EngineKind::DataFusion);
        let steps: BTreeMap<&str, _> = optimised.output.steps.iter().map(|step| (step.name.as_str(), step)).collect();
        let mut found = Vec::new();
        for statement in &statements {
            let step = steps[&*statement.name];
            if step.kind == "opaque" {
                found.push((step.name.clone(), step.kind.to_owned()));
                continue;
            }
            let sql = statement.sql.as_ref().expect("every step that is understood is spelled for DataFusion");
            // Later steps read this one by name, and a plan can name tables alone.
            session.create(&statement.sql_name, Materialise::Table, sql).expect("the step runs");
            let reason = match &step.substrait {
                Some(plan) => differences(&session, &statement.sql_name, plan),
                None => {
                    let mut notes = optimised.output.diagnostics.iter().map(|diagnostic| &diagnostic.message);
                    let begin = format!("`{}` has no Substrait plan", step.name);
                    let note = notes.find(|message| message.starts_with(&begin));
                    Some(note.cloned().unwrap_or_else(|| "no note says why".to_owned()))
                }
            };
            found.extend(reason.map(|reason| (step.name.clone(), reason)));
        }
        let found: Vec<(&str, &str)> = found.iter().map(|(name, reason)| (&**name, &**reason)).collect();
        assert_eq!(found, expect);
    });
}

/// What the rows of a plan have against those of its step's table.
fn differences(session: &Engine, table: &str, plan: &str) -> Option<String> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(plan).expect("the plan is base64");
    let by_sql = session.query(&format!("SELECT * FROM {table}")).expect("the table can be read");
    match session.run_substrait(&bytes) {
        Err(error) => Some(error.source().map_or_else(|| error.to_string(), ToString::to_string)),
        Ok(by_plan) => {
            let comparison = isomer_engines::compare(&by_sql, &by_plan, TOLERANCE);
            (!comparison.is_equal).then(|| format!("other rows: {comparison:?}"))
        }
    }
}
