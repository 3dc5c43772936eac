//! Plan to text: SQL for each dialect, and Substrait.
//!
//! The crate decides how a plan is spelled, never what it means. What a target cannot say is
//! refused with a [`CodegenError`] that names the construct.

mod error;
mod sql;
mod substrait;

pub use error::CodegenError;
pub use sql::{scalar_to_sql, to_sql, type_name};
pub use substrait::{check_substrait, to_substrait};
