//! Rewrite rules that a machine discovered (WeTune; Wang et al. 2022): read, made into concrete queries,
//! tried by the search for counterexamples and by the prover, and said in the rule language.

mod convert;
mod frame;
mod judge;
mod mutant;
mod sql;
mod term;
mod verdict;

pub use convert::converted;
pub use frame::{Choice, Functions, Width};
pub use judge::{Instance, Judge, Judged};
pub use mutant::{Mutant, mutants};
pub use term::{Constraint, Found, Kind, Symbol, Term, read};
pub use verdict::{Admission, Effort, Verdict, Weighed, judged, weighed};
