//! The rule language: text to checked rules. Templates are bound by the front end and applied by
//! the optimizer; this crate knows neither.

mod builtin;
mod catalogue;
mod check;
mod parse;
mod rule;
mod show;
mod symbol;
mod vocabulary;

pub use builtin::builtin;
pub use catalogue::{CatalogueRow, SYSTEMS, catalogue, systems_of};
pub use check::{check, hole_names};
pub use parse::parse;
pub use rule::{
    Body, Case, Class, Compiled, CompiledRule, GivenColumn, GivenTable, Guard, Hole, HoleSort, ModelText, Phase, Rule,
    RuleSet, SqlText,
};
pub use show::show;
pub use symbol::{HoleColumn, hole_table};
pub use vocabulary::{GUARDS, GuardInfo, NATIVES};
