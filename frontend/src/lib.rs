//! Text to plan: project readers, the parser and the binder.
//!
//! Three parts: `read*` turns files into a `ModelProject`, `bind*` turns a model's text into an
//! `Output`, `template*` turns the SQL of a rule into patterns. Nothing here does I/O.

// Binder.
mod literal;

// Readers.

// Rule templates.
