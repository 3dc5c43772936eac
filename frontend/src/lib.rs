//! Text to plan: project readers, the parser and the binder.
//!
//! Three parts: `read*` turns files into a `ModelProject`, `bind*` turns a model's text into an
//! `Output`, `template*` turns the SQL of a rule into patterns. Nothing here does I/O.

// Binder.
mod literal;

// Readers.
mod read;
mod select;
mod type_name;

pub use read::{ProjectFiles, ReadOptions, read_project};
pub use select::select;
pub use type_name::{data_type_from_name, has_length};

// Rule templates.
