//! `sessions`: events of users in bursts, made by DuckDB from row numbers and hashes alone.
//!
//! Columns: `event_id` (1, 2, …), `user_id` (from 1), `event_time`, `country` (NULL for a share of
//! the events), `event_type`, `revenue` (decimal, of purchases only, otherwise NULL).
//! A burst is `burst` events of one user, two minutes apart; bursts of a user begin somewhere in
//! the `days` days from 2024-01-01. Where a burst is longer than a session's gap or two bursts of
//! a user meet, sessions join as they do in real data.

use super::Settings;
use crate::EngineError;

/// Two-letter countries; a handful, unevenly used.
const COUNTRIES: &str = "['DE', 'DE', 'DE', 'US', 'US', 'FR', 'PL', 'JP']";
/// Kinds of events; one in five is a purchase.
const EVENT_TYPES: &str = "['view', 'view', 'click', 'cart', 'purchase']";

pub(super) fn select(settings: &Settings<'_>) -> Result<String, EngineError> {
    let n_rows = match settings.text("rows") {
        Some(_) => settings.count("rows", 0)?,
        None => settings.count("events", 100_000)?,
    };
    let n_users = settings.count("users", 1_000)?;
    let n_seconds = settings.count("days", 30)? * 86_400;
    let burst = settings.count("burst", 10)?;
    let nulls = per_mille(settings.share("nulls", 0.05)?);
    let seed = settings.seed()?;
    // `hash` of a number is fixed within a DuckDB version; nothing here calls `random()`.
    Ok(format!(
        "SELECT i + 1 AS event_id, \
         CAST(hash(i // {burst}, {seed}) % {n_users} + 1 AS BIGINT) AS user_id, \
         make_timestamp(CAST((1704067200 + hash(i // {burst}, {seed}, 1) % {n_seconds} + (i % {burst}) * 120) * 1000000 \
         AS BIGINT)) AS event_time, \
         CASE WHEN hash(i, {seed}, 2) % 1000 >= {nulls} \
         THEN ({COUNTRIES})[CAST(hash(i // {burst}, {seed}, 3) % 8 + 1 AS INTEGER)] END AS country, \
         ({EVENT_TYPES})[CAST(hash(i, {seed}, 4) % 5 + 1 AS INTEGER)] AS event_type, \
         CASE WHEN hash(i, {seed}, 4) % 5 = 4 \
         THEN CAST(CAST(hash(i, {seed}, 5) % 20000 AS DECIMAL(12, 0)) * 0.01 AS DECIMAL(12, 2)) END AS revenue \
         FROM range({n_rows}) AS numbers(i)"
    ))
}

/// A share as a whole number out of a thousand.
fn per_mille(share: f64) -> u64 {
    // The share lies between 0 and 1, so the cast is exact.
    (share * 1000.0).round() as u64
}
