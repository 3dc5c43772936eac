//! The projects that ship give the same rows as written and as optimised, on both embedded engines.
//! TPC-H is a target of its own.

use isomer_engines::EngineKind;
use isomer_ir::StepKind;
use isomer_tests::examples::{DIMENSIONS, Example, INTERLACE, SESSIONS, SHOP, SMELT, SQLMESH};
use isomer_tests::with_stack;

fn verify(example: Example, engine: EngineKind) {
    with_stack(move || example.verify(engine));
}

#[test]
fn sessions_on_duckdb() {
    verify(SESSIONS, EngineKind::DuckDb);
}

#[test]
fn sessions_on_datafusion() {
    verify(SESSIONS, EngineKind::DataFusion);
}

#[test]
fn dimensions_on_duckdb() {
    verify(DIMENSIONS, EngineKind::DuckDb);
}

#[test]
fn dimensions_on_datafusion() {
    verify(DIMENSIONS, EngineKind::DataFusion);
}

#[test]
fn shop_on_duckdb() {
    verify(SHOP, EngineKind::DuckDb);
}

#[test]
fn shop_on_datafusion() {
    verify(SHOP, EngineKind::DataFusion);
}

#[test]
fn smelt_on_duckdb() {
    verify(SMELT, EngineKind::DuckDb);
}

#[test]
fn smelt_on_datafusion() {
    verify(SMELT, EngineKind::DataFusion);
}

#[test]
fn the_session_models_share_one_relation() {
    let optimised = with_stack(|| SESSIONS.optimised());
    let shared: Vec<_> = optimised.pipeline.steps.iter().filter(|step| step.kind == StepKind::Shared).collect();
    assert_eq!(shared.len(), 1);
    let readers: Vec<&str> = shared[0].consumers.iter().map(|name| &**name).collect();
    assert_eq!(readers, ["daily_user_sessions", "sessions_by_country", "sessions_by_hour"]);
    for step in optimised.pipeline.steps.iter().filter(|step| step.kind == StepKind::Model) {
        assert_eq!(step.reads, [shared[0].name.clone()], "{} reads the shared relation alone", step.name);
    }
}

#[test]
fn interlace() {
    verify(INTERLACE, EngineKind::DuckDb);
    verify(INTERLACE, EngineKind::DataFusion);
}

#[test]
fn sqlmesh() {
    verify(SQLMESH, EngineKind::DuckDb);
    verify(SQLMESH, EngineKind::DataFusion);
}
