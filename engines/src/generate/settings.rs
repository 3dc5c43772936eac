//! Settings of a generator: known names, and values in a range.

use std::sync::Arc;

use isomer_ir::Table;

use super::listed;
use crate::EngineError;

/// The settings that were given to one generator.
#[derive(Debug, Clone)]
pub(super) struct Settings<'a> {
    pub(super) generator: &'static str,
    given: &'a [(Arc<str>, Arc<str>)],
}

impl<'a> Settings<'a> {
    /// Refuses names that the generator does not know; of one given twice the last counts.
    pub(super) fn new(
        generator: &'static str,
        known: &[&str],
        given: &'a [(Arc<str>, Arc<str>)],
    ) -> Result<Self, EngineError> {
        for (name, _) in given {
            let is_of_column = OF_COLUMNS.iter().any(|prefix| name.starts_with(prefix)) && generator == "random";
            if !known.contains(&&**name) && !is_of_column {
                return Err(EngineError::UnknownSetting {
                    generator,
                    found: name.to_string(),
                    expected: listed(known),
                });
            }
        }
        Ok(Self { generator, given })
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.given.iter().rev().find(|(given, _)| &**given == name).map(|(_, value)| &**value)
    }

    /// A whole number from 1; underscores may group its digits.
    pub(super) fn count(&self, name: &str, default: u64) -> Result<u64, EngineError> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let count = text.replace('_', "").parse().ok().filter(|count| (1..=MAX_COUNT).contains(count));
        count.ok_or_else(|| self.refused(name, text, &format!("a whole number from 1 to {MAX_COUNT}")))
    }

    /// A whole number of any size that fits.
    pub(super) fn seed(&self) -> Result<u64, EngineError> {
        let Some(text) = self.text("seed") else { return Ok(1) };
        text.parse().map_err(|_| self.refused("seed", text, "a whole number from 0"))
    }

    /// A share between 0 and 1.
    pub(super) fn share(&self, name: &str, default: f64) -> Result<f64, EngineError> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
        share.ok_or_else(|| self.refused(name, text, "a number from 0 to 1"))
    }

    /// Settings whose name is the prefix and a column; of one column given twice the last counts.
    pub(super) fn of_columns(&self, prefix: &str, table: &Table) -> Result<Vec<(usize, &'a str)>, EngineError> {
        let mut found = Vec::new();
        for (name, text) in self.given {
            let Some(column) = name.strip_prefix(prefix) else { continue };
            let Some(position) = table.position(&isomer_ir::fold(column)) else {
                let names: Vec<&str> = table.columns.iter().map(|known| &*known.name).collect();
                return Err(EngineError::UnknownSetting {
                    generator: self.generator,
                    found: name.to_string(),
                    expected: format!("`{prefix}` and a column: {}", listed(&names)),
                });
            };
            found.push((position, &**text));
        }
        Ok(found)
    }

    pub(super) fn refused(&self, setting: &str, found: &str, expected: &str) -> EngineError {
        EngineError::Setting {
            generator: self.generator,
            setting: setting.to_owned(),
            found: found.to_owned(),
            expected: expected.to_owned(),
        }
    }
}

/// Beginnings of settings that go on with the name of a column.
const OF_COLUMNS: [&str; 2] = ["values.", "holds."];

/// Most rows of a generated table; products of two settings stay within 64 bits.
const MAX_COUNT: u64 = 1_000_000_000;
