//! The command line and the HTTP API: the only crate that reads project files and the clock.
//!
//! `optimize` is the one road from files to a pipeline; `explain`, `execute` and `http` show, run
//! and serve what it gives. Types that leave the process are in `api`.

pub mod api;
pub mod cli;
pub mod execute;
pub mod explain;
mod fidelity;
pub mod files;
mod fingerprint;
pub mod http;
pub mod limit;
pub mod lineage;
mod made_rows;
pub mod optimize;
mod packs;
pub mod problem;
pub mod proof;
pub mod prove;
pub mod report;
pub mod request;
pub mod rule_test;
pub mod schema;
pub mod stats;
pub mod steps;
