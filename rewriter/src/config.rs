//! Budgets of one optimisation.

use std::fmt;
use std::time::Duration;

/// Budgets, in e-nodes and iterations; wall-clock only through the caller's own clock.
#[derive(Clone, Copy)]
pub struct Config<'a> {
    /// Most e-nodes.
    pub max_nodes: usize,
    /// Most iterations of the e-graph phases.
    pub max_iterations: usize,
    /// Whether the caller's deadline has passed. The best plan so far is then returned.
    pub is_out_of_time: &'a dyn Fn() -> bool,
    /// The caller's clock, from any zero: given where figures of the run are wanted.
    pub clock: Option<&'a dyn Fn() -> Duration>,
}

impl Default for Config<'_> {
    fn default() -> Self {
        Self { max_nodes: 100_000, max_iterations: 12, is_out_of_time: &|| false, clock: None }
    }
}

impl fmt::Debug for Config<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("max_nodes", &self.max_nodes)
            .field("max_iterations", &self.max_iterations)
            .finish_non_exhaustive()
    }
}
