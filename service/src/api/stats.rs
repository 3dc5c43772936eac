//! Wire types of the figures of a run.

use serde::Serialize;

/// What a run did and what it took. All but the times are the same for the same input.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// Phases in the order in which each first ran.
    pub phases: Vec<PhaseStats>,
    /// Rules that matched somewhere or were stopped; the stopped ones first, then those that made most e-nodes and matched most.
    pub rules: Vec<RuleStats>,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseStats {
    /// `normalize`, `logical`, `relations`, `share`, `choose` or `raise`.
    pub phase: &'static str,
    /// How often it ran.
    pub runs: usize,
    /// E-nodes after its last run.
    pub nodes: usize,
    /// E-classes after its last run.
    pub classes: usize,
    /// Milliseconds of all runs.
    pub ms: f64,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleStats {
    /// Name.
    pub rule: String,
    /// Places where its pattern was found.
    pub matches: usize,
    /// How often it changed something.
    pub applied: usize,
    /// E-nodes that came to be while it was looked for.
    pub nodes: usize,
    /// Milliseconds of a relation template; `null` for other rules, whose time is within their phase's.
    pub ms: Option<f64>,
    /// Why it was stopped; `null` where it was not.
    pub stopped: Option<String>,
}
