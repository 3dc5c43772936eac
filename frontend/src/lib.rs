//! Text to plan: project readers, the parser and the binder.
//!
//! Three parts: `read*` turns files into a `ModelProject`, `bind*` turns a model's text into an
//! `Output`, `template*` turns the SQL of a rule into patterns. Nothing here does I/O.

// Binder.
mod bind;
mod bind_aggregate;
mod bind_arithmetic;
mod bind_array;
mod bind_asof;
mod bind_call;
mod bind_cast;
mod bind_collate;
mod bind_columns;
mod bind_compare;
mod bind_distinct;
mod bind_expr;
mod bind_from;
mod bind_grouping;
mod bind_json;
mod bind_marked;
mod bind_nested;
mod bind_on;
mod bind_pattern;
mod bind_pivot;
mod bind_project;
mod bind_query;
mod bind_recursive;
mod bind_select;
mod bind_set_by_name;
mod bind_special;
mod bind_type;
mod bind_unnest;
mod bind_values;
mod bind_window;
mod column_name;
mod decorrelate;
mod domain;
mod duckdb_name;
mod frame_syntax;
mod functions;
mod grammar;
mod literal;
mod made;
mod model_order;
mod name_pattern;
mod parse;
mod place;
mod postgres_name;
mod quantified;
mod reads;
mod remedy;
mod reword;
mod sample_syntax;
mod scope;
mod spark_name;
mod spark_text;
mod subquery;
mod syntax;
mod types_of;

pub use bind::bind_query;
pub use bind_project::{bind_project, bind_project_with};

// Readers.
mod read;
mod select;
mod type_name;
mod window_spec;
mod with_list;

pub use read::{ProjectFiles, ReadOptions, RulePack, read_project, read_schema, rule_packs};
pub use select::select;
pub use type_name::{data_type_from_name, has_length};
pub use with_list::{CteText, QueryText, comments_in, cut_query};

// Rule templates.
mod facts;
mod relation_template;
mod template;
mod template_feed;
mod template_shape;
mod template_ways;

pub use facts::declare_facts;
pub use template::compile_rules;
