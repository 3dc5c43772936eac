//! The rules of one run: which are off, which templates are in force, which were not let in.

use std::sync::Arc;

use isomer_ir::Settings;
use rustc_hash::FxHashSet;

use crate::templates::ScalarTemplates;

/// Rules as the optimizer uses them.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// Native rules that are switched off.
    pub(crate) disabled: Vec<Arc<str>>,
    /// Scalar and aggregate templates.
    pub(crate) templates: ScalarTemplates,
    /// Rules that were not let in, with the reason.
    pub(crate) withheld: Vec<(Arc<str>, String)>,
    users: FxHashSet<Arc<str>>,
}

impl Rules {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { disabled: settings.disabled_rules.clone(), ..Self::default() }
    }

    /// Whether a rule came from the project rather than from the built-in files.
    pub(crate) fn is_users(&self, rule: &str) -> bool {
        self.users.contains(rule)
    }
}
