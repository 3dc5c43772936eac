//! The wire types: what `--format json` prints and what the HTTP API answers.
//!
//! `docs/*.schema.json` describe them for others; a test holds the two together. These are
//! the only `Serialize` types of the workspace. Fields are added, never renamed or removed.

pub mod columns;
mod proof;
pub mod prove;
pub mod rule;
mod stats;

use serde::Serialize;

pub use proof::{Proof, ProofName, ProofPlace, ProofStep, StepVerification, VerifiedStep};
pub use stats::{PhaseStats, RuleStats, Stats};

/// An optimised project.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Output {
    /// Hash of the input and of the result: equal for equal requests to equal versions.
    pub fingerprint: String,
    /// Why the search ended: `saturated`, `nodes`, `iterations` or `time`.
    pub stop_reason: &'static str,
    /// Steps in an order in which each reads only earlier ones.
    pub steps: Vec<Step>,
    /// Every rule application on a chosen path, step by step in the pipeline's order.
    pub applied_rules: Vec<AppliedRule>,
    /// Rules that matched or could have, but stand on no chosen path.
    pub skipped_rules: Vec<SkippedRule>,
    /// What there is to tell whoever wrote the input.
    pub diagnostics: Vec<Diagnostic>,
    /// What the run did and what it took; only where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<Stats>,
}

/// One step of the pipeline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Model name, or the name of a shared relation.
    pub name: String,
    /// `shared`, `model` or `opaque`.
    pub kind: &'static str,
    /// `table`, `view`, `temp` or `ephemeral`.
    pub materialise: &'static str,
    /// The query in the target dialect; `null` where the target cannot spell it (a diagnostic of
    /// the step names the construct).
    pub sql: Option<String>,
    /// The Substrait plan, base64; `null` for opaque steps and where a note names the construct
    /// that Substrait cannot carry.
    pub substrait: Option<String>,
    /// Names of the ephemeral models whose work a shared step does, but for filters and projections; sorted.
    pub work_of: Vec<String>,
    /// Keys of the tables, models and shared steps that it reads, sorted.
    pub reads: Vec<String>,
    /// Names of the steps that read it, sorted.
    pub consumers: Vec<String>,
    /// Estimated cost as written, in the cost model's units. Zero for a shared step.
    pub cost_before: f64,
    /// Estimated cost as chosen.
    pub cost_after: f64,
    /// Names of the rules on the path from the written to the chosen plan, in order.
    pub rules: Vec<String>,
}

/// One application of a rule on a chosen path.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AppliedRule {
    /// The step whose plan it changed.
    pub step: String,
    /// Name of the rule.
    pub rule: String,
    /// What the rule does, in its author's words.
    pub doc: String,
    /// How far the rows stay the same: `exact`, `fp_reorder`, `lossy("…")`.
    pub class: String,
    /// File and line of a rule of the project, such as `rules/sales.rules:4`; `null` for one that
    /// comes with the binary.
    pub source: Option<String>,
    /// Facts that its guards leant on, with who declared them.
    pub facts: Vec<String>,
    /// The part of the query before; `null` where the target cannot spell it.
    pub before: Option<String>,
    /// The same part after.
    pub after: Option<String>,
    /// Estimated cost of the part before.
    pub cost_before: f64,
    /// Estimated cost of the part after.
    pub cost_after: f64,
}

/// A rule that did not come to stand on a chosen path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkippedRule {
    /// Name of the rule.
    pub rule: String,
    /// Why.
    pub reason: String,
    /// How often.
    pub count: usize,
}

/// A message about the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable code.
    pub code: &'static str,
    /// `note`, `warning` (one model is left as it was) or `error` (the project is refused).
    pub severity: &'static str,
    /// The model it is about, where it is about one.
    pub model: Option<String>,
    /// The file or text that the span lies in.
    pub source: String,
    /// Where in the source; `null` where it is about the whole.
    pub span: Option<Span>,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
}

/// A place in a source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub col: usize,
    /// Length in characters.
    pub len: usize,
}

/// An optimised project with the explanation in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// The pipeline, as `optimize` gives it.
    #[serde(flatten)]
    pub output: Output,
    /// What changed and why, as Markdown.
    pub explanation: String,
    /// The steps of each changed model; only where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proofs: Option<Vec<Proof>>,
}

/// An error of the HTTP API (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where the kind of error is described.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of error in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// Stable code.
    pub code: &'static str,
    /// Each fault of the input; empty where the request itself is at fault.
    pub errors: Vec<Diagnostic>,
}

/// A rule, as `isomer rules list --format json` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Name.
    pub name: String,
    /// The name of its file.
    pub family: String,
    /// What it does, in a sentence.
    pub summary: String,
    /// What it does and why it is sound.
    pub doc: String,
    /// How far the rows stay the same.
    pub class: String,
    /// When it runs.
    pub phase: &'static str,
    /// Whether the project uses it: `on`, `off`, or `asks` where it lacks consent.
    pub status: &'static str,
    /// Letters of the systems that have the rewrite: Calcite, DataFusion, DuckDB, Spark, K for CockroachDB.
    pub systems: String,
    /// Where the rewrite is described.
    pub source: Option<String>,
    /// Tags by which projects name groups of rules.
    pub tags: Vec<String>,
    /// The file.
    pub file: String,
    /// Whether it comes with the binary.
    pub is_builtin: bool,
}

/// A rewrite of the catalogue, as `isomer rules list --catalogue --format json` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CatalogueRow {
    /// Its number.
    pub number: u16,
    /// The family that it belongs to.
    pub family: &'static str,
    /// What is rewritten.
    pub rewrite: &'static str,
    /// Who has it: letters of the systems, and remarks.
    pub systems: &'static str,
    /// When it is sound.
    pub condition: &'static str,
    /// The rules that make it.
    pub rules: Vec<&'static str>,
    /// Why it is, in whole or in part, no rule.
    pub reason: &'static str,
}

/// What answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Version {
    /// The program.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// What `verify` found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// The engine that ran both pipelines.
    pub engine: &'static str,
    /// Doubles are equal when they differ by no more than this share of the larger one.
    pub tolerance: f64,
    /// Whether every compared model has equal rows.
    pub is_equal: bool,
    /// Model by model, in the pipeline's order.
    pub models: Vec<VerifiedModel>,
    /// What there is to tell whoever wrote the input.
    pub diagnostics: Vec<Diagnostic>,
}

/// What `verify` found for one model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerifiedModel {
    /// Name.
    pub name: String,
    /// Rows of the model as written; `null` where it was not run.
    pub rows: Option<u64>,
    /// `equal`, `different`, `failed` or `skipped`.
    pub verdict: &'static str,
    /// The first differing rows, or why the model was not compared.
    pub details: Vec<String>,
}

/// What `run` did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Execution {
    /// The engine.
    pub engine: &'static str,
    /// The ways it was run, in order.
    pub ways: Vec<ExecutedWay>,
    /// Naive time divided by optimised time, medians over the repetitions; `null` where only one
    /// way was run.
    pub speedup: Option<f64>,
}

/// One way of running a project.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExecutedWay {
    /// `naive` or `optimised`.
    pub way: &'static str,
    /// Wall-clock milliseconds of each repetition.
    pub total_ms: Vec<f64>,
    /// Steps in order, with the times of the last repetition.
    pub steps: Vec<ExecutedStep>,
}

/// One executed step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExecutedStep {
    /// Name.
    pub name: String,
    /// `shared`, `model` or `opaque`.
    pub kind: &'static str,
    /// Wall-clock milliseconds.
    pub ms: f64,
    /// Rows of the result; `null` for views.
    pub rows: Option<u64>,
}
