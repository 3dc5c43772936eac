//! The command line and the HTTP API: the only crate that reads project files and the clock.
//!
//! `optimize` is the one road from files to a pipeline; `explain`, `execute` and `http` show, run
//! and serve what it gives. Types that leave the process are in `api`.

pub mod api;
pub mod files;
pub mod problem;
pub mod report;
