//! A pipeline as one SQL script that makes every step.

use isomer_ir::{Dialect, Materialise, Step, StepKind};

use crate::optimize::Optimised;

/// The script: a comment and a statement for each step, in order.
pub(super) fn render(optimised: &Optimised) -> String {
    let mut script = String::new();
    for (step, spelled) in optimised.pipeline.steps.iter().zip(&optimised.output.steps) {
        if !script.is_empty() {
            script.push('\n');
        }
        script.push_str(&format!("-- {}\n", remark(step)));
        match &spelled.sql {
            Some(sql) => {
                script.push_str(&statement(&sql_name(optimised, step), step.materialise, sql, optimised.target));
            }
            None => script.push_str("-- not written: the target cannot spell it\n"),
        }
    }
    script
}

/// How a step's relation is written in SQL.
fn sql_name(optimised: &Optimised, step: &Step) -> String {
    let project = &optimised.project.project;
    let model = project.models.iter().find(|model| model.name == step.name).map(|model| &model.sql_name);
    let table = project.catalog.get(&step.name).map(|table| &table.sql_name);
    model.or(table).unwrap_or(&step.name).to_string()
}

fn remark(step: &Step) -> String {
    let name = step.name.replace(['\n', '\r'], " ");
    match step.kind {
        StepKind::Shared => format!("{name}: shared by {}", step.consumers.join(", ").replace(['\n', '\r'], " ")),
        StepKind::Model if step.is_changed => format!("{name}: rewritten"),
        StepKind::Model => format!("{name}: as written"),
        StepKind::Opaque => format!("{name}: opaque, as written"),
    }
}

fn statement(name: &str, materialise: Materialise, sql: &str, dialect: Dialect) -> String {
    let query = sql.trim().trim_end_matches(';').trim_end();
    // Where the dialect cannot replace an object in one statement it is dropped first.
    let (drop, create) = match (materialise, dialect) {
        (Materialise::Table, Dialect::DuckDb | Dialect::DataFusion | Dialect::Snowflake | Dialect::BigQuery) => {
            (None, "CREATE OR REPLACE TABLE")
        }
        (Materialise::Table, Dialect::Postgres | Dialect::Spark) => (Some("DROP TABLE IF EXISTS"), "CREATE TABLE"),
        (Materialise::Temp, Dialect::DuckDb | Dialect::Snowflake) => (None, "CREATE OR REPLACE TEMP TABLE"),
        (Materialise::Temp, Dialect::Postgres) => (Some("DROP TABLE IF EXISTS"), "CREATE TEMP TABLE"),
        // These have no tables of a session.
        (Materialise::Temp, Dialect::DataFusion | Dialect::BigQuery) => (None, "CREATE OR REPLACE TABLE"),
        (Materialise::Temp, Dialect::Spark) => (Some("DROP TABLE IF EXISTS"), "CREATE TABLE"),
        (Materialise::View | Materialise::Ephemeral, _) => (None, "CREATE OR REPLACE VIEW"),
    };
    let drop = drop.map(|drop| format!("{drop} {name};\n")).unwrap_or_default();
    format!("{drop}{create} {name} AS\n{query}\n;\n")
}
