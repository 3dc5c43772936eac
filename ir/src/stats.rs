//! What a run of the optimizer did and what it took, phase by phase and rule by rule.

use std::sync::Arc;
use std::time::Duration;

/// The figures of one run. All but the times are the same for the same input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Phases in the order in which each first ran.
    pub phases: Vec<PhaseStats>,
    /// Rules that matched somewhere or were stopped; the stopped ones first, then those that made most e-nodes and matched most.
    pub rules: Vec<RuleStats>,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseStats {
    /// `normalize`, `logical`, `relations`, `share`, `choose` or `raise`.
    pub phase: &'static str,
    /// How often it ran: once, or once an iteration.
    pub n_runs: usize,
    /// E-nodes after its last run.
    pub n_nodes: usize,
    /// E-classes after its last run.
    pub n_classes: usize,
    /// Time of all runs.
    pub time: Duration,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleStats {
    /// Name.
    pub rule: Arc<str>,
    /// Places where its pattern was found; of a native rule those where it was applied.
    pub n_matches: usize,
    /// How often it changed something.
    pub n_applied: usize,
    /// E-nodes that came to be while it was looked for.
    pub n_nodes: usize,
    /// Time of looking for it and applying it, where it is looked for by itself: relation templates.
    /// The time of other rules is within that of their phase.
    pub time: Option<Duration>,
    /// Why it was stopped, where it was.
    pub stopped: Option<String>,
}
