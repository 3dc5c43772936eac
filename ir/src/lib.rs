//! Plans, scalars, types, functions, dialect facts, the catalog, projects and diagnostics.
//!
//! This crate has no opinion on how plans are made, rewritten or printed, and does no I/O.
//!
//! # Glossary
//!
//! | here | SQL | DataFusion | Substrait |
//! |---|---|---|---|
//! | [`Plan`] | query | `LogicalPlan` | `Rel` |
//! | [`Scalar`] | expression | `Expr` | `Expression` |
//! | [`Plan::Scan`] | table in `FROM` | `TableScan` | `ReadRel` |
//! | [`Plan::Filter`] | `WHERE`, `HAVING`, `QUALIFY` | `Filter` | `FilterRel` |
//! | [`Plan::Project`] | select list | `Projection` | `ProjectRel` |
//! | [`Plan::Aggregate`] | `GROUP BY` | `Aggregate` | `AggregateRel` |
//! | [`Plan::GroupingSets`] | `GROUPING SETS`, `ROLLUP`, `CUBE` | `Aggregate` over `GroupingSet` | `AggregateRel` |
//! | [`Plan::Limit`] | `LIMIT`/`OFFSET` | `Limit` | `FetchRel` |
//! | [`Plan::SetOp`] | `UNION`, `INTERSECT`, `EXCEPT` | `Union`, joins | `SetRel` |
//! | [`Plan::RecursiveUnion`] | `WITH RECURSIVE` | `RecursiveQuery` | – |
//! | [`Plan::WorkTable`] | the recursive query within its step | `TableScan` | – |
//! | [`Plan::Sample`] | `TABLESAMPLE`, `USING SAMPLE` | – | – |
//! | [`Plan::ScanAt`] | `AT (VERSION => …)`, `TIMESTAMP AS OF …` | – | – |
//! | [`Model`] | a named `SELECT` | view | – |
//! | [`ModelProject`] | a set of models | – | – |
//! | [`Pipeline`] | script | – | list of `Plan`s |
//!
//! *Lower* is plan → e-graph, *raise* the way back, a *fact* is what the e-graph knows of a class,
//! a *guard* a rule's condition.

mod arena;
mod calendar;
mod catalog;
mod diagnostic;
mod dialect;
mod function;
mod function_facts;
mod function_table;
mod grouping;
mod known;
mod lineage;
mod nested;
mod over_nothing;
mod pipeline;
mod plan;
mod plan_scalars;
mod print;
mod project;
mod recursion;
mod sampling;
mod scalar;
pub mod semantics;
mod stats;
mod types;
mod version;

pub use arena::{Arena, ColumnDef, ColumnId, ScalarId};
pub use calendar::{civil_from_days, days_from_civil, days_in_month, plus_months};
pub use catalog::{Catalog, Column, DEFAULT_N_ROWS, ForeignKey, Key, Table, fold};
pub use diagnostic::{Diagnostic, Severity, Span, nearest};
pub use dialect::Dialect;
pub use function::{AggregateFunction, Function, RankingFunction, Volatility, WindowFunction};
pub use function_facts::{Facts, Parts};
pub use function_table::{
    Arity, DialectName, Expected, FunctionKind, FunctionRow, Gives, ListedFunction, Signature, function_rows,
    functions_named,
};
pub use grouping::GroupingSets;
pub use known::is_widening;
pub use lineage::{Dependence, Lineage, Origin, Origins, lineage};
pub use nested::{Nested, NestedType};
pub use over_nothing::OverNothing;
pub use pipeline::{AppliedRule, Pipeline, SkippedRule, Step, StepKind, StopReason};
pub use plan::{JoinKind, Output, OutputColumn, Plan, SetOpKind};
pub use print::{
    date_text, decimal_text, explain_aggregate, explain_output, explain_plan, explain_scalar, explain_window,
    literal_text, time_text, timestamp_text,
};
pub use project::{
    Bound, BoundModel, BoundProject, Change, FOLDED_PREFIX, Materialise, Model, ModelProject, Settings, Source,
    SourceData, TestedClaim, TestedFact,
};
pub use recursion::Recursion;
pub use sampling::{SampleMethod, SampleSize, Sampling};
pub use scalar::{AggregateCall, Args, Exclusion, Frame, FrameBound, FrameUnit, Literal, Scalar, SortKey, WindowCall};
pub use stats::{PhaseStats, RuleStats, Stats};
pub use types::DataType;
pub use version::{TableVersion, VersionBy};
