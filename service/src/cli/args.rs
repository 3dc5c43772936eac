//! The command line: what can be said, and in which words.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use isomer_engines::EngineKind;

/// Finds the cheapest arrangement of your SQL models that returns the same rows.
#[derive(Debug, Parser)]
#[command(name = "isomer", version, propagate_version = true, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "Results go to stdout, progress and messages to stderr.\n\
    Exit codes: 0 fine, 1 findings (an opaque model, a difference), 2 usage or project error.")]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
    /// No progress and no remarks on stderr; errors still are.
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show what would change and why: rules, SQL before and after, costs.
    Explain(ExplainArgs),
    /// Print the optimised pipeline, or write one SQL file a step with --out.
    Optimize(OptimizeArgs),
    /// Show the columns of every model: types, nullability and keys, each with where it comes from.
    Schema(SchemaArgs),
    /// Show which columns of the sources each column of each model comes from, and how.
    Lineage(LineageArgs),
    /// Execute the pipeline on an embedded engine.
    Run(RunArgs),
    /// Execute every model as written and as optimised, and compare the rows.
    Verify(VerifyArgs),
    /// Prove that two queries, or two versions of a project, give the same rows, or show where they differ.
    Prove(ProveArgs),
    /// List, show, write, lay out or test rewriting rules.
    Rules {
        /// What to do with them.
        #[command(subcommand)]
        command: RulesCommand,
    },
    /// Answer optimisation requests over HTTP.
    Serve(ServeArgs),
    /// Optimise, explain, execute and verify the session example on generated data.
    Demo(DemoArgs),
}

/// Which project, which models, and how the result is written.
#[derive(Debug, Clone, Args)]
pub(super) struct ProjectArgs {
    /// A project folder, a manifest.json or one .sql file [default: .]
    #[arg(value_name = "PATH", conflicts_with = "project_dir")]
    pub(super) path: Option<PathBuf>,
    /// The project folder, as dbt calls it.
    #[arg(long, value_name = "DIR", env = "ISOMER_PROJECT_DIR")]
    pub(super) project_dir: Option<PathBuf>,
    /// Models to take, in dbt's syntax: `m`, `+m`, `m+`, `2+m+1`, `tag:t`, `path:p`, `*`; space = union,
    /// comma = intersection. May be repeated.
    #[arg(long, short, value_name = "SELECTOR")]
    pub(super) select: Vec<String>,
    /// Models to leave out, in the same syntax.
    #[arg(long, value_name = "SELECTOR")]
    pub(super) exclude: Vec<String>,
    /// Another version of the project (a folder or a manifest.json), with which `state:modified`, `state:new`,
    /// `state:unmodified` and `state:old` compare.
    #[arg(long, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    /// Target of the project or dialect of the result: duckdb, datafusion, postgres, spark [default: the project's]
    #[arg(long, short, value_name = "TARGET", env = "ISOMER_TARGET")]
    pub(super) target: Option<String>,
    /// How the result is written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// A model that is not understood is an error: exit 2, nothing is written.
    #[arg(long)]
    pub(super) strict: bool,
    /// Write the result to this file instead of stdout.
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Budget of the search in e-nodes.
    #[arg(long, value_name = "N")]
    pub(super) max_nodes: Option<usize>,
    /// Switch off a rule. May be repeated.
    #[arg(long, value_name = "RULE")]
    pub(super) disable: Vec<String>,
    /// Consent to a lossy rule, by name or tag. May be repeated.
    #[arg(long, value_name = "RULE")]
    pub(super) allow: Vec<String>,
}

/// `isomer explain`.
#[derive(Debug, Clone, Args)]
pub(super) struct ExplainArgs {
    /// The project.
    #[command(flatten)]
    pub(super) project: ProjectArgs,
    /// Show each changed model step by step from its written plan to the chosen one, every step checked.
    #[arg(long)]
    pub(super) proof: bool,
    /// Show counts and times of the search: phase by phase, rule by rule.
    #[arg(long, conflicts_with = "proof")]
    pub(super) stats: bool,
    /// With --proof, only this model. May be repeated.
    #[arg(long, value_name = "MODEL", requires = "proof")]
    pub(super) model: Vec<String>,
    /// The same as `--format json`.
    #[arg(long, conflicts_with = "format")]
    pub(super) json: bool,
}

/// `isomer schema`.
#[derive(Debug, Clone, Args)]
pub(super) struct SchemaArgs {
    /// The project.
    #[command(flatten)]
    pub(super) project: ProjectArgs,
}

/// `isomer lineage`.
#[derive(Debug, Clone, Args)]
pub(super) struct LineageArgs {
    /// The project.
    #[command(flatten)]
    pub(super) project: ProjectArgs,
    /// Only what depends on this column, given as TABLE.COLUMN: its impact.
    #[arg(long, value_name = "TABLE.COLUMN")]
    pub(super) column: Option<String>,
}

/// `isomer optimize`.
#[derive(Debug, Clone, Args)]
pub(super) struct OptimizeArgs {
    /// The project.
    #[command(flatten)]
    pub(super) project: ProjectArgs,
    /// Write one numbered SQL file a step into this folder.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Show counts and times of the search on stderr: phase by phase, rule by rule. With `--format json` they
    /// are the member `stats`.
    #[arg(long)]
    pub(super) stats: bool,
}

/// `isomer run`.
#[derive(Debug, Clone, Args)]
pub(super) struct RunArgs {
    /// The project.
    #[command(flatten)]
    pub(super) project: ProjectArgs,
    /// Where to execute [default: the project's dialect if it is embedded, else duckdb]
    #[arg(long, value_enum)]
    pub(super) engine: Option<EngineName>,
    /// Execute the models as written.
    #[arg(long, conflicts_with = "compare")]
    pub(super) naive: bool,
    /// Execute both ways in turn and print the ratio of the times.
    #[arg(long)]
    pub(super) compare: bool,
    /// How often each way is executed; times are medians.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(super) repeat: u16,
    /// Print the first rows of every model.
    #[arg(long)]
    pub(super) show_results: bool,
    /// Stop a statement after so many seconds; 0 never [default: 60 where rows of a source are made up, else 0]
    #[arg(long, value_name = "SECONDS")]
    pub(super) timeout: Option<u32>,
}

/// `isomer verify`.
#[derive(Debug, Clone, Args)]
pub(super) struct VerifyArgs {
    /// The project.
    #[command(flatten)]
    pub(super) project: ProjectArgs,
    /// Where to execute [default: the project's dialect if it is embedded, else duckdb]
    #[arg(long, value_enum)]
    pub(super) engine: Option<EngineName>,
    /// Execute both sides of every step from the written to the chosen plans instead.
    #[arg(long)]
    pub(super) steps: bool,
    /// With --steps, only this model. May be repeated.
    #[arg(long, value_name = "MODEL", requires = "steps")]
    pub(super) model: Vec<String>,
    /// Stop a statement after so many seconds; 0 never [default: 60 where rows of a source are made up, else 0]
    #[arg(long, value_name = "SECONDS")]
    pub(super) timeout: Option<u32>,
}

/// `isomer prove`.
#[derive(Debug, Clone, Args)]
pub(super) struct ProveArgs {
    /// A file with one query; with --project a project folder.
    #[arg(value_name = "FIRST")]
    pub(super) first: PathBuf,
    /// The query or folder that it is compared with.
    #[arg(value_name = "SECOND")]
    pub(super) second: PathBuf,
    /// A file of CREATE TABLE statements: columns, NOT NULL, keys and foreign keys. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub(super) schema: Vec<PathBuf>,
    /// A DuckDB database whose tables are read as schema.
    #[arg(long, value_name = "FILE")]
    pub(super) database: Option<PathBuf>,
    /// Compare the models of two versions of a project by name.
    #[arg(long, conflicts_with_all = ["schema", "database"])]
    pub(super) project: bool,
    /// Dialect of the queries: duckdb, datafusion, postgres, spark, snowflake or bigquery.
    #[arg(long, value_name = "DIALECT", default_value = "duckdb")]
    pub(super) dialect: String,
    /// Small databases that are tried for a difference, and random ones.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub(super) databases: usize,
    /// How the result is written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
}

/// `isomer rules`.
#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// Family, class, phase, status and source systems of every rule that a project sees.
    List(RuleListArgs),
    /// One rule as a manual page: what it does, why it is sound, sources, guards and cases.
    Show {
        /// Name of the rule.
        name: String,
        /// The checked form, as docs/rule.schema.json describes it.
        #[arg(long)]
        json: bool,
        /// The project folder.
        #[arg(long, value_name = "DIR", default_value = ".")]
        project_dir: PathBuf,
    },
    /// Write a rule with an example and a refusal, there to be changed.
    New {
        /// Its name: lower-case words joined by `-`.
        name: String,
        /// Add it to this file [default: rules/NAME.rules]
        #[arg(long, value_name = "FILE")]
        into: Option<PathBuf>,
        /// The project folder, whose rules have their names already.
        #[arg(long, value_name = "DIR", default_value = ".")]
        project_dir: PathBuf,
    },
    /// Lay rule files out: indents, columns and blank lines; comments stay. By default those of the project here.
    Fmt {
        /// Rule files or folders of them.
        files: Vec<PathBuf>,
        /// Change nothing: name the files that are laid out otherwise and end with 1.
        #[arg(long)]
        check: bool,
    },
    /// Run the examples and refusals of rule files: by default those of the project and the built-in ones.
    Test {
        /// Rule files or folders of them.
        files: Vec<PathBuf>,
        /// Only rules of this name.
        #[arg(long, value_name = "NAME")]
        rule: Option<String>,
    },
}

/// `isomer rules list`.
#[derive(Debug, Clone, Args)]
pub(super) struct RuleListArgs {
    /// The project folder whose rules are listed beside the built-in ones.
    #[arg(value_name = "DIR", default_value = ".")]
    pub(super) path: PathBuf,
    /// The rewrites that other optimizers have instead, each with the rules that make it or why none does.
    #[arg(long)]
    pub(super) catalogue: bool,
    /// How the list is written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// The same as `--format json`.
    #[arg(long, conflicts_with = "format")]
    pub(super) json: bool,
}

/// `isomer serve`.
#[derive(Debug, Clone, Args)]
pub(super) struct ServeArgs {
    /// Address to listen on; port 0 takes a free one, which is printed.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", env = "ISOMER_LISTEN")]
    pub(super) listen: SocketAddr,
    /// Largest request body in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = crate::http::DEFAULT_BODY_LIMIT)]
    pub(super) body_limit: usize,
    /// Longest time that one request may search, in milliseconds; then it gets the best plan so far.
    #[arg(long, value_name = "MS", default_value_t = crate::http::DEFAULT_DEADLINE_MS)]
    pub(super) deadline_ms: u64,
    /// Requests that are optimised at the same time [default: number of cores]
    #[arg(long, value_name = "N")]
    pub(super) concurrency: Option<usize>,
    /// Listen on an address that other machines reach although there is no authentication.
    #[arg(long)]
    pub(super) insecure: bool,
}

/// `isomer demo`.
#[derive(Debug, Clone, Args)]
pub(super) struct DemoArgs {
    /// Rows of generated events.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(super) rows: u64,
}

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For reading in a terminal.
    Text,
    /// The contract of `docs/output.schema.json`.
    Json,
    /// Markdown.
    Md,
}

/// An engine that is part of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum EngineName {
    /// DuckDB.
    Duckdb,
    /// DataFusion.
    Datafusion,
}

impl EngineName {
    /// The engine.
    #[must_use]
    pub(super) fn kind(self) -> EngineKind {
        match self {
            Self::Duckdb => EngineKind::DuckDb,
            Self::Datafusion => EngineKind::DataFusion,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
