//! The stages between a project as read and an emitted pipeline, each as the service runs it.

use isomer_ir::{BoundProject, Dialect, ModelProject, Pipeline};
use isomer_rewriter::Config;
use isomer_rules::{CompiledRule, RuleSet};

/// The rules that come with the binary, parsed. A process does this once.
#[must_use]
pub fn builtin_rules() -> RuleSet {
    isomer_rules::builtin()
}

/// Parses and binds every model.
///
/// # Panics
///
/// When a model is not understood: then the later stages would time less work.
#[must_use]
pub fn bind(project: ModelProject) -> BoundProject {
    let bound = isomer_frontend::bind_project(project);
    assert!(bound.diagnostics.is_empty(), "a model is not understood: {:#?}", bound.diagnostics);
    bound
}

/// Binds the rules' templates into the project's arena. A request does this once.
#[must_use]
pub fn compile(rules: &RuleSet, bound: &mut BoundProject) -> Vec<CompiledRule> {
    isomer_frontend::compile_rules(rules, &mut bound.arena).0
}

/// Normalises, saturates, chooses what to share, extracts and raises, with the default budgets.
#[must_use]
pub fn optimize(bound: &mut BoundProject, rules: &[CompiledRule]) -> Pipeline {
    isomer_rewriter::optimize(bound, rules, &Config::default())
}

/// As [`optimize`], with a budget of iterations. With none, the e-graph holds the normalised models
/// alone: what is left of the time is normalisation, extraction and raising.
#[must_use]
pub fn optimize_within(max_iterations: usize, bound: &mut BoundProject, rules: &[CompiledRule]) -> Pipeline {
    isomer_rewriter::optimize(bound, rules, &Config { max_iterations, ..Config::default() })
}

/// SQL of every step, untouched models included; gives the number of bytes.
///
/// # Panics
///
/// When the dialect has no spelling for a step.
#[must_use]
pub fn emit_sql(pipeline: &Pipeline, bound: &mut BoundProject, dialect: Dialect) -> usize {
    let outputs = pipeline.steps.iter().filter_map(|step| step.output.as_ref());
    outputs
        .map(|output| {
            let sql = isomer_codegen::to_sql(output, &mut bound.arena, &bound.project.catalog, dialect);
            sql.expect("every dialect spells TPC-H").len()
        })
        .sum()
}

/// Substrait of every step; gives the number of bytes.
///
/// # Panics
///
/// When a step cannot be carried.
#[must_use]
pub fn emit_substrait(pipeline: &Pipeline, bound: &mut BoundProject) -> usize {
    let outputs = pipeline.steps.iter().filter_map(|step| step.output.as_ref());
    outputs
        .map(|output| {
            let plan = isomer_codegen::to_substrait(output, &mut bound.arena, &bound.project.catalog);
            plan.expect("Substrait carries TPC-H").len()
        })
        .sum()
}

/// The whole road from text to the target's SQL: what a request costs once its files are read.
#[must_use]
pub fn whole(project: ModelProject, rules: &RuleSet) -> usize {
    let target = project.target;
    let mut bound = bind(project);
    let compiled = compile(rules, &mut bound);
    let pipeline = optimize(&mut bound, &compiled);
    emit_sql(&pipeline, &mut bound, target)
}
