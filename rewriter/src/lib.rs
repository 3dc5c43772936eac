//! The optimizer: normal form, e-graph, facts, cost, sharing and extraction.
//!
//! Reads and writes nothing, knows no clock; equal input gives equal output.

mod alternatives;
mod case;
mod config;
mod cost;
mod demand;
mod disjunctions;
mod extract;
mod facts;
mod logical;
mod memo;
mod normalize;
mod operator;
mod optimize;
mod origins;
mod plan_facts;
mod prove;
mod raise;
mod relations;
mod replay;
mod retold;
mod rule_set;
mod same;
mod scalars;
mod sharing;
mod simplify;
mod stats;
mod steps;
mod templates;
mod validate;

pub use case::{CaseOutcome, check_case};
pub use config::Config;
pub use optimize::{optimize, optimize_with_chains, unfold};
pub use origins::{Described, DescribedColumn, FactOrigin, describe};
pub use prove::{Checked, Ground, Method, Proof, Verdict, check_step, over_sources, prove};
pub use replay::{Cause, Chain, ChainStep, Place, place};
pub use retold::is_same_to_engines;
