//! The wire types of proofs: what `explain --proof` and `verify --steps` print as JSON.

use serde::Serialize;

use super::prove::Refutation;
use super::{Diagnostic, Span};

/// The way of one changed model from its written plan to the chosen one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proof {
    /// The model.
    pub model: String,
    /// Its text.
    pub written: String,
    /// The plan that was read from it, as SQL of the target: where the steps begin. `null` where the target
    /// cannot spell it.
    pub read: Option<String>,
    /// Steps; each begins where the last one ended.
    pub steps: Vec<ProofStep>,
    /// Rules that fired and left nothing that a query would show, sorted.
    pub traceless: Vec<String>,
}

/// One step: a cause between two whole queries.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProofStep {
    /// `rule`, `inlined views`, `normal form`, `same relation` or `shared relation`.
    pub cause: &'static str,
    /// Name of the rule, where a rule is the cause.
    pub rule: Option<String>,
    /// What the rule does, in its author's words.
    pub doc: String,
    /// How far the rows stay the same; empty where no rule is the cause.
    pub class: String,
    /// `left to right` or `right to left`; `null` where no rule is the cause.
    pub direction: Option<&'static str>,
    /// Rules that fired because of the cause, or fired more often.
    pub with: Vec<String>,
    /// What changed.
    pub place: ProofPlace,
    /// The whole query before; `null` where the target cannot spell it.
    pub before: Option<String>,
    /// The whole query after.
    pub after: Option<String>,
    /// What the rule's guards leant on, and declared facts without which the proof fails.
    pub facts: Vec<String>,
    /// `proved`, `tested`, `refuted`, `consented` (a lossy rule that changes rows) or `open`.
    pub verdict: &'static str,
    /// Databases on which both queries were run.
    pub n_databases: usize,
    /// What the proof takes for granted beside declared facts.
    pub assumptions: Vec<String>,
    /// Why a step is open.
    pub reason: Option<String>,
    /// A database on which the two queries differ.
    pub counterexample: Option<Refutation>,
}

/// Where a step changed something: the smallest relation around all differences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProofPlace {
    /// The model.
    pub model: String,
    /// Its path.
    pub path: String,
    /// Named relations around it, the innermost last.
    pub within: Vec<ProofName>,
    /// Its outermost operator before the step, in words; empty where only the output's columns differ.
    pub operator: String,
}

/// A named relation of a model's text: a CTE, a derived table, a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProofName {
    /// Its name.
    pub name: String,
    /// Where it stands in the model's text; `null` where it comes from elsewhere.
    pub span: Option<Span>,
}

/// What `verify --steps` found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepVerification {
    /// The engine that ran both sides of every step.
    pub engine: &'static str,
    /// Doubles are equal when they differ by no more than this share of the larger one.
    pub tolerance: f64,
    /// Whether both sides of every step that could be run have equal rows.
    pub is_equal: bool,
    /// Step by step, model by model.
    pub steps: Vec<VerifiedStep>,
    /// What there is to tell whoever wrote the input.
    pub diagnostics: Vec<Diagnostic>,
}

/// What `verify --steps` found for one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedStep {
    /// The model.
    pub model: String,
    /// The step's number in the model's proof; 0 is the written text against the plan that was read from it.
    pub number: usize,
    /// The rule, or words for what no rule did.
    pub cause: String,
    /// Rows of the query before; `null` where it was not run.
    pub rows: Option<u64>,
    /// `equal`, `different`, `failed` or `skipped`.
    pub verdict: &'static str,
    /// The first differing rows, or why the step was not run.
    pub details: Vec<String>,
}
