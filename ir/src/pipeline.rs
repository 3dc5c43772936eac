//! The result: an ordered list of steps that give the same rows as the models that were written.

use std::sync::Arc;

use crate::{Diagnostic, Materialise, Output, Stats};

/// What a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StepKind {
    /// A relation that several models read, made by the optimizer.
    Shared,
    /// A model of the project.
    Model,
    /// A model that was not understood and is handed back as it was.
    Opaque,
}

impl StepKind {
    /// The lower-case word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Model => "model",
            Self::Opaque => "opaque",
        }
    }
}

/// A rule that stands on the path from a step's written plan to its chosen one.
#[derive(Debug, Clone, PartialEq)]
pub struct AppliedRule {
    /// Name of the rule.
    pub rule: Arc<str>,
    /// The facts its guards leant on, each with who declared it.
    pub facts: Vec<String>,
    /// The part of the plan before; its columns are the part's own.
    pub before: Output,
    /// The same part after.
    pub after: Output,
    /// Estimated cost of the part before, in cost units.
    pub cost_before: f64,
    /// Estimated cost of the part after.
    pub cost_after: f64,
}

/// One step of a pipeline.
#[derive(Debug, Clone)]
pub struct Step {
    /// Model name, or a name made from the content of a shared relation.
    pub name: Arc<str>,
    /// What it is.
    pub kind: StepKind,
    /// How the result is kept.
    pub materialise: Materialise,
    /// The chosen plan. Scans of a shared step have the step's name as table. `None`: opaque.
    pub output: Option<Output>,
    /// Whether the chosen plan differs from the written one; untouched models keep their text.
    pub is_changed: bool,
    /// Names of the folded models whose work a shared step does, but for filters and projections; sorted.
    pub work_of: Vec<Arc<str>>,
    /// Keys of the tables, models and shared steps that it reads, sorted.
    pub reads: Vec<Arc<str>>,
    /// Names of the steps that read it, sorted.
    pub consumers: Vec<Arc<str>>,
    /// Estimated cost as written, in cost units (rows weighted by the work on them; see the cost
    /// model in the rewriter). Zero for a shared step.
    pub cost_before: f64,
    /// Estimated cost as chosen.
    pub cost_after: f64,
    /// Estimated rows of the result.
    pub n_rows: f64,
    /// Rules on the path, in order.
    pub rules: Vec<AppliedRule>,
}

/// Why saturation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopReason {
    /// No rule has anything to add.
    Saturated,
    /// The budget of e-nodes is spent.
    Nodes,
    /// The budget of iterations is spent.
    Iterations,
    /// The service's deadline passed.
    Time,
}

impl StopReason {
    /// The lower-case word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Saturated => "saturated",
            Self::Nodes => "nodes",
            Self::Iterations => "iterations",
            Self::Time => "time",
        }
    }
}

/// A rule that did not come to stand on a chosen path although it could have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SkippedRule {
    /// Name of the rule.
    pub rule: Arc<str>,
    /// `disabled`, `needs consent`, `matched but was not cheaper`, or the guard that failed.
    pub reason: String,
    /// How often.
    pub count: usize,
}

/// What the optimizer did.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// Steps in an order in which each reads only earlier ones.
    pub steps: Vec<Step>,
    /// Why saturation ended.
    pub stop_reason: StopReason,
    /// Rules that matched or could have, but are on no chosen path; sorted.
    pub skipped_rules: Vec<SkippedRule>,
    /// What the optimizer has to tell.
    pub diagnostics: Vec<Diagnostic>,
    /// E-nodes at the end.
    pub n_nodes: usize,
    /// Iterations.
    pub n_iterations: usize,
    /// What the run did and what it took, where somebody asked.
    pub stats: Option<Stats>,
}
