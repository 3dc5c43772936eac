//! Generators of source rows: seeded, deterministic, and the same for every engine.
//!
//! | name | table | settings (default) |
//! |---|---|---|
//! | `sessions` | `raw_events` | `rows` (100000), `users` (1000), `days` (30), `burst` (10 events), `nulls` (0.05 of countries), `seed` (1) |
//! | `tpch` | one of TPC-H's eight | `scale` (0.1), `table` (the source's own name) |
//! | `tpcds` | one of TPC-DS's 24 | `scale` (0.1), `table` (the source's own name), `nulls` (0 more of nullable values), `seed` (1) |
//! | `random` | any | `rows` (1000), `nulls` (0.2 of nullable values), `domain` (10 distinct values), `seed` (1), `values.COLUMN`, `holds.COLUMN` |

mod random;
mod sessions;
mod settings;
mod tpcds;
mod tpch;

use std::sync::Arc;

use isomer_ir::Table;

use crate::EngineError;
pub(crate) use random::Random;
use settings::Settings;
pub(crate) use tpcds::DsRows;
pub(crate) use tpch::Rows;

/// Names of the generators.
pub const GENERATORS: [&str; 4] = ["random", "sessions", "tpcds", "tpch"];

/// How a generated table comes into DuckDB.
#[derive(Debug, Clone)]
pub(crate) enum Generated {
    /// By a query over no table.
    Select(String),
    /// As rows that are made here.
    Rows(Rows),
    /// As those of TPC-H.
    DsRows(DsRows),
    /// By a query that depends on the tables which the declared foreign keys refer to.
    Random(Random),
}

/// Reads a generator's name and settings.
pub(crate) fn generate(name: &str, table: &Table, settings: &[(Arc<str>, Arc<str>)]) -> Result<Generated, EngineError> {
    match name {
        "sessions" => Ok(Generated::Select(sessions::select(&Settings::new(
            "sessions",
            &["rows", "events", "users", "days", "burst", "nulls", "seed"],
            settings,
        )?)?)),
        "tpch" => {
            let settings = Settings::new("tpch", &["scale", "table"], settings)?;
            tpch::rows(table, &settings).map(Generated::Rows)
        }
        "tpcds" => {
            let settings = Settings::new("tpcds", &["scale", "table", "nulls", "seed"], settings)?;
            tpcds::rows(table, &settings).map(Generated::DsRows)
        }
        "random" => {
            let settings = Settings::new("random", &["rows", "nulls", "domain", "seed"], settings)?;
            random::random(table, &settings).map(Generated::Random)
        }
        _ => Err(EngineError::UnknownGenerator { found: name.to_owned(), expected: listed(&GENERATORS) }),
    }
}

/// Names in backticks, joined by commas.
pub(crate) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
