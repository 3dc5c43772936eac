//! The rule language: text to checked rules. Templates are bound by the front end and applied by
//! the optimizer; this crate knows neither.

mod builtin;
mod catalogue;
mod check;
mod citations;
mod clause;
mod fact;
mod layout;
mod parse;
mod parse_case;
mod rule;
mod show;
mod skeleton;
mod symbol;
mod vocabulary;

pub use builtin::{builtin, builtin_files};
pub use catalogue::{CatalogueRow, SYSTEMS, catalogue, systems_of};
pub use check::{check, hole_names};
pub use citations::citations;
pub use clause::KEYWORDS;
pub use fact::{Claim, Fact};
pub use layout::layout;
pub use parse::parse;
pub use rule::{
    Body, Budget, Case, Class, Compiled, CompiledRule, GivenColumn, GivenTable, Guard, Hole, HoleSort, ModelText,
    Phase, Rule, RuleFile, RuleSet, SqlText,
};
pub use show::show;
pub use skeleton::skeleton;
pub use symbol::{HoleColumn, count_hole, hole_count, hole_table, list_holes};
pub use vocabulary::{GUARDS, GuardInfo, NATIVES};
