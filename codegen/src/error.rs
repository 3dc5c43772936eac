//! The error of code generation: a construct that the target has no correct spelling for.

use isomer_ir::Dialect;

/// A construct that is not written because the target would give other rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[{code}] {construct} has no correct spelling in {dialect}; {help}")]
#[non_exhaustive]
pub struct CodegenError {
    /// Stable code such as `GEN-0001`; never renumbered.
    pub code: &'static str,
    /// What cannot be written.
    pub construct: String,
    /// The target.
    pub dialect: Dialect,
    /// What to do next.
    pub help: String,
}

impl CodegenError {
    /// A refusal.
    pub(crate) fn new(
        code: &'static str,
        construct: impl Into<String>,
        dialect: Dialect,
        help: impl Into<String>,
    ) -> Self {
        Self { code, construct: construct.into(), dialect, help: help.into() }
    }
}
