//! Isomer's whole road from text to SQL against DataFusion's own bind and optimise, on the same
//! TPC-H query, in turn, in one run. Prints a Markdown report; `--rounds N` sets its length.
//!
//! Both sides know the same schema beforehand and start from the query's text. DataFusion keeps no
//! row counts here and prints no SQL: the columns say what each side does.

use std::error::Error;
use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::datatypes::{DataType as ArrowType, Field, Schema};
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::prelude::{SessionConfig, SessionContext};
use isomer_benches::{Workload, builtin_rules, tpch, whole};
use isomer_ir::{Catalog, DataType, ModelProject};
use isomer_rules::RuleSet;
use tokio::runtime::Runtime;

/// Rounds without `--rounds`. In each, every query is planned once by each side.
const DEFAULT_ROUNDS: usize = 101;

/// Rounds that are not counted: they fill caches and tables that a process fills once.
const WARM_UP_ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let n_rounds = rounds_of(std::env::args().skip(1))?;
    let rules = builtin_rules();
    let workloads = tpch();
    let all = workloads.iter().find(|workload| workload.is_all()).ok_or("no workload of all queries")?.read();
    let queries: Vec<Query> = workloads.iter().filter(|workload| !workload.is_all()).map(Query::new).collect();
    let fusion = Fusion::new(&all.catalog)?;
    let mut samples = Samples { queries: vec![Times::default(); queries.len()], ..Samples::default() };
    for round in 0..WARM_UP_ROUNDS + n_rounds {
        let is_counted = round >= WARM_UP_ROUNDS;
        let is_isomer_first = round % 2 == 0;
        samples.add_round(&queries, &all, &rules, &fusion, is_isomer_first, is_counted)?;
    }
    report(&mut std::io::stdout().lock(), &queries, &samples, n_rounds)?;
    Ok(())
}

fn rounds_of(mut arguments: impl Iterator<Item = String>) -> Result<usize, Box<dyn Error>> {
    match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (None, None, None) => Ok(DEFAULT_ROUNDS),
        (Some("--rounds"), Some(n_rounds), None) => match n_rounds.parse() {
            Ok(n_rounds) if n_rounds > 0 => Ok(n_rounds),
            Ok(_) | Err(_) => Err(format!("expected a number of rounds, found `{n_rounds}`").into()),
        },
        _ => Err("usage: ratio [--rounds N]".into()),
    }
}

/// A query as each side takes it.
struct Query {
    id: String,
    project: ModelProject,
    sql: Arc<str>,
}

impl Query {
    fn new(workload: &Workload) -> Self {
        let project = workload.read();
        let sql = Arc::clone(&project.models[0].sql);
        Self { id: workload.id.clone(), project, sql }
    }
}

/// A DataFusion session that knows the schema and has no rows.
struct Fusion {
    runtime: Runtime,
    state: SessionState,
}

impl Fusion {
    fn new(catalog: &Catalog) -> Result<Self, Box<dyn Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        // As the engine's own session: see `isomer-engines`.
        let config = SessionConfig::new()
            .set_bool("datafusion.sql_parser.parse_float_as_decimal", true)
            .set_str("datafusion.sql_parser.default_null_ordering", "nulls_max");
        let context = SessionContext::new_with_config(config);
        for table in catalog.tables() {
            let fields = table
                .columns
                .iter()
                .map(|column| Ok(Field::new(&*column.name, arrow_type(column.data_type)?, column.is_nullable)))
                .collect::<Result<Vec<_>, String>>()?;
            let empty = EmptyTable::new(Arc::new(Schema::new(fields)));
            context.register_table(&*table.sql_name, Arc::new(empty))?;
        }
        Ok(Self { runtime, state: context.state() })
    }

    /// Parses, binds and optimises; then makes the physical plan. The times of both.
    fn plan(&self, sql: &str) -> Result<(Duration, Duration), DataFusionError> {
        let start = Instant::now();
        let optimised = self.runtime.block_on(async {
            let plan = self.state.create_logical_plan(sql).await?;
            self.state.optimize(&plan)
        })?;
        let logical = start.elapsed();
        let start = Instant::now();
        let planner = self.state.query_planner();
        let physical = self.runtime.block_on(planner.create_physical_plan(&optimised, &self.state))?;
        black_box(physical);
        Ok((logical, start.elapsed()))
    }
}

/// The Arrow type of a column.
fn arrow_type(data_type: DataType) -> Result<ArrowType, String> {
    match data_type {
        DataType::Int32 => Ok(ArrowType::Int32),
        DataType::Int64 => Ok(ArrowType::Int64),
        DataType::Decimal { precision, scale } => i8::try_from(scale)
            .map(|scale| ArrowType::Decimal128(precision, scale))
            .map_err(|_| format!("a decimal has no scale of {scale}")),
        DataType::Text => Ok(ArrowType::Utf8View),
        DataType::Date => Ok(ArrowType::Date32),
        DataType::Null
        | DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int128
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Float32
        | DataType::Float64
        | DataType::Bytes
        | DataType::Time
        | DataType::Timestamp
        | DataType::TimestampTo(_)
        | DataType::TimestampTz
        | DataType::Interval
        | DataType::Uuid
        | DataType::Json
        | DataType::Nested(_)
        | DataType::Unknown => Err(format!("no column of TPC-H has the type {data_type}")),
    }
}

/// Times of one query, one for each counted round.
#[derive(Default, Clone)]
struct Times {
    isomer: Vec<Duration>,
    logical: Vec<Duration>,
    physical: Vec<Duration>,
}

#[derive(Default)]
struct Samples {
    queries: Vec<Times>,
    /// All queries as one project; for DataFusion one after the other.
    all: Times,
}

impl Samples {
    /// Plans everything once. Whoever goes first may find colder caches: the caller takes turns.
    fn add_round(
        &mut self,
        queries: &[Query],
        all: &ModelProject,
        rules: &RuleSet,
        fusion: &Fusion,
        is_isomer_first: bool,
        is_counted: bool,
    ) -> Result<(), DataFusionError> {
        let mut fusion_sum = (Duration::ZERO, Duration::ZERO);
        for (query, times) in queries.iter().zip(&mut self.queries) {
            let early = is_isomer_first.then(|| time_whole(&query.project, rules));
            let (logical, physical) = fusion.plan(&query.sql)?;
            let isomer = early.unwrap_or_else(|| time_whole(&query.project, rules));
            fusion_sum = (fusion_sum.0 + logical, fusion_sum.1 + physical);
            if is_counted {
                times.push(isomer, logical, physical);
            }
        }
        let isomer = time_whole(all, rules);
        if is_counted {
            self.all.push(isomer, fusion_sum.0, fusion_sum.1);
        }
        Ok(())
    }
}

impl Times {
    fn push(&mut self, isomer: Duration, logical: Duration, physical: Duration) {
        self.isomer.push(isomer);
        self.logical.push(logical);
        self.physical.push(physical);
    }

    /// Isomer's time through DataFusion's at a share of the rounds: 0.5 the medians, 0 the fastest.
    fn ratio(&self, share: f64) -> f64 {
        milliseconds(quantile(&self.isomer, share)) / milliseconds(quantile(&self.logical, share))
    }

    fn row(&self, id: &str) -> String {
        let median = |times: &[Duration]| milliseconds(quantile(times, 0.5));
        format!(
            "| {id} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
            median(&self.isomer),
            milliseconds(quantile(&self.isomer, 0.99)),
            median(&self.logical),
            median(&self.physical),
            self.ratio(0.5),
            self.ratio(0.0)
        )
    }
}

/// The project is copied outside the timed part.
fn time_whole(project: &ModelProject, rules: &RuleSet) -> Duration {
    let project = project.clone();
    let start = Instant::now();
    black_box(whole(project, rules));
    start.elapsed()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The least sample that is not below a share of all samples; they are not empty.
fn quantile<T: Copy + PartialOrd>(samples: &[T], share: f64) -> T {
    let mut sorted = samples.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).expect("times and their ratios are numbers"));
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

fn report(out: &mut impl Write, queries: &[Query], samples: &Samples, n_rounds: usize) -> std::io::Result<()> {
    const HEAD: &str =
        "| query | Isomer | p99 | DataFusion | + physical | ratio | of fastest |\n|---|---|---|---|---|---|---|";
    let build = if cfg!(debug_assertions) { "development" } else { "release" };
    writeln!(out, "Times in milliseconds, medians of {n_rounds} rounds, {build} build.\n")?;
    writeln!(out, "- Isomer: parse, bind, compile the rules, optimise, write DuckDB's SQL.")?;
    writeln!(
        out,
        "- DataFusion: parse, bind, optimise the logical plan; `+ physical` is its physical planning on top."
    )?;
    writeln!(out, "- Ratio: Isomer's median through DataFusion's, without physical planning;")?;
    writeln!(
        out,
        "  `of fastest` the same of each side's fastest round, which other work on the machine slows least.\n"
    )?;
    writeln!(out, "## Each query alone\n\n{HEAD}")?;
    for (query, times) in queries.iter().zip(&samples.queries) {
        writeln!(out, "{}", times.row(&query.id))?;
    }
    let every: Vec<Duration> = samples.queries.iter().flat_map(|times| times.isomer.iter().copied()).collect();
    let medians: Vec<Duration> = samples.queries.iter().map(|times| quantile(&times.isomer, 0.5)).collect();
    let ratios = |share| -> Vec<f64> { samples.queries.iter().map(|times| times.ratio(share)).collect() };
    writeln!(
        out,
        "\nMedian of the queries: {:.2} ms, ratio {:.2} (of the fastest runs {:.2}); highest ratio {:.2}; p99 of all runs {:.2} ms.",
        milliseconds(quantile(&medians, 0.5)),
        quantile(&ratios(0.5), 0.5),
        quantile(&ratios(0.0), 0.5),
        quantile(&ratios(0.5), 1.0),
        milliseconds(quantile(&every, 0.99)),
    )?;
    writeln!(out, "\n## All queries as one project\n")?;
    writeln!(out, "DataFusion has no projects: its times are the sum over the queries.\n\n{HEAD}")?;
    writeln!(out, "{}", samples.all.row("all"))
}
