//! What the benchmarks time, and on what: the TPC-H example, cut into projects, and the stages
//! from its text to an emitted pipeline. Owns no clock; the benches and the `ratio` runner do.
//!
//! A stage takes what the one before it gave, so that a benchmark makes its input outside the
//! timed loop. Nothing here links an engine.

pub mod dbt;
mod stages;
pub mod wetune;
mod workload;

pub use stages::{bind, builtin_rules, compile, emit_sql, emit_substrait, optimize, optimize_within, whole};
pub use workload::{Workload, tpch};
