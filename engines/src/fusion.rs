//! A session of embedded DataFusion behind a synchronous API.
//!
//! Each session owns its runtime. Work is sent there and waited for, so that callers may
//! themselves stand inside a runtime of their own. Stored relations are `MemTable`s whose fields
//! are nullable only where a NULL was seen: Substrait consumers insist on that.

use std::future::{Future, poll_fn};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use arrow::array::{Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{CatalogProvider, MemTable, MemoryCatalogProvider, MemorySchemaProvider};
use datafusion::common::TableReference;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream_partitioned;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_substrait::logical_plan::consumer::from_substrait_plan;
use datafusion_substrait::serializer::deserialize_bytes;
use isomer_ir::Materialise;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::EngineError;
use crate::duck::Duck;
use crate::name::RelationName;

/// Rows of a batch that came from DuckDB, whose own chunks of 2,048 rows are small.
const BATCH_ROWS: usize = 32_768;

/// Stack of a worker in bytes: planning recurses over the query.
const STACK_BYTES: usize = 16 << 20;

/// A DataFusion session with the DuckDB session that reads its sources.
pub(crate) struct Fusion {
    runtime: Option<Runtime>,
    context: SessionContext,
    n_partitions: usize,
    timeout: Option<Duration>,
    /// Reads files and databases and runs the generators: one reader for both engines.
    pub(crate) staging: Duck,
}

impl Fusion {
    pub(crate) fn open(database: Option<&Path>) -> Result<Self, EngineError> {
        let n_partitions = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(n_partitions)
            .thread_stack_size(STACK_BYTES)
            .thread_name("isomer-datafusion")
            .build()
            .map_err(EngineError::io("start the threads of a datafusion session"))?;
        let config = SessionConfig::new()
            .with_target_partitions(n_partitions)
            .with_information_schema(true)
            .set_bool("datafusion.sql_parser.parse_float_as_decimal", true)
            // As `Dialect::is_nulls_first` says: last when ascending, first when descending.
            .set_str("datafusion.sql_parser.default_null_ordering", "nulls_max")
            .set_str("datafusion.execution.time_zone", "UTC");
        let staging = Duck::open(database)?;
        let mut environment = RuntimeEnvBuilder::new();
        if let Some(n_bytes) = staging.memory_limit() {
            environment = environment.with_memory_limit(n_bytes, 1.0);
        }
        let environment = environment.build_arc().map_err(EngineError::datafusion("limit its memory"))?;
        Ok(Self {
            runtime: Some(runtime),
            context: SessionContext::new_with_config_rt(config, environment),
            n_partitions,
            timeout: None,
            staging,
        })
    }

    pub(crate) fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
        self.staging.set_timeout(timeout);
    }

    pub(crate) fn execute(&self, sql: &str) -> Result<(), EngineError> {
        self.query(sql).map(|_| ())
    }

    /// All rows; the schema is known also when there are none.
    pub(crate) fn query(&self, sql: &str) -> Result<(SchemaRef, Vec<RecordBatch>), EngineError> {
        let (schema, partitions) = self.partitions(sql)?;
        Ok((schema, partitions.into_iter().flatten().filter(|batch| batch.num_rows() > 0).collect()))
    }

    /// Makes a relation, in the place of one of that name. Rows, for a stored one.
    pub(crate) fn create(&self, name: &str, how: Materialise, select: &str) -> Result<Option<u64>, EngineError> {
        let relation = RelationName::parse(name)?;
        match how {
            Materialise::Table | Materialise::Temp => {
                let (schema, partitions) = self.partitions(select)?;
                self.register(&relation, &schema, partitions).map(Some)
            }
            Materialise::View | Materialise::Ephemeral => {
                self.ensure_schema(&relation);
                self.drop_relation(name)?;
                self.execute(&format!("CREATE VIEW {} AS {select}", relation.sql())).map(|()| None)
            }
        }
    }

    /// Removes a table or view; nothing of that name is no error.
    pub(crate) fn drop_relation(&self, name: &str) -> Result<(), EngineError> {
        let reference = reference(&RelationName::parse(name)?);
        self.context.deregister_table(reference).map_err(EngineError::datafusion(format!("drop `{name}`"))).map(|_| ())
    }

    pub(crate) fn table_row_count(&self, name: &str) -> Result<u64, EngineError> {
        let relation = RelationName::parse(name)?;
        let exists = self.context.table_exist(reference(&relation)).unwrap_or(false);
        if !exists {
            return Err(EngineError::UnknownRelation(name.to_owned()));
        }
        let (_, batches) = self.query(&format!("SELECT count(*) FROM {}", relation.sql()))?;
        let count = batches
            .first()
            .and_then(|batch| batch.column(0).as_any().downcast_ref::<arrow::array::Int64Array>())
            .filter(|counts| !counts.is_empty())
            .map_or(0, |counts| counts.value(0));
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Names and types of a relation's columns, in order.
    pub(crate) fn schema_of(&self, name: &str) -> Result<SchemaRef, EngineError> {
        let relation = RelationName::parse(name)?;
        Ok(self.query(&format!("SELECT * FROM {} LIMIT 0", relation.sql()))?.0)
    }

    /// Registers batches of DuckDB's as a table.
    pub(crate) fn load(&self, name: &str, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<u64, EngineError> {
        let mut partitions = vec![Vec::new(); self.n_partitions];
        let per_batch = BATCH_ROWS.div_ceil(batches.first().map_or(1, |batch| batch.num_rows().max(1)));
        for (i, group) in batches.chunks(per_batch).enumerate() {
            let batch = concat_batches(schema, group).map_err(EngineError::arrow("join batches"))?;
            partitions[i % self.n_partitions].push(batch);
        }
        self.register(&RelationName::parse(name)?, schema, partitions)
    }

    /// Runs a Substrait plan that reads registered tables only.
    pub(crate) fn run_substrait(&self, bytes: &[u8]) -> Result<Vec<RecordBatch>, EngineError> {
        let (schema, partitions) = self.substrait(bytes)?;
        let rows: Vec<_> = partitions.into_iter().flatten().filter(|batch| batch.num_rows() > 0).collect();
        Ok(if rows.is_empty() { vec![RecordBatch::new_empty(schema)] } else { rows })
    }

    /// Keeps the rows of a Substrait plan as a table; their number.
    pub(crate) fn create_from_substrait(&self, name: &str, bytes: &[u8]) -> Result<u64, EngineError> {
        let relation = RelationName::parse(name)?;
        let (schema, partitions) = self.substrait(bytes)?;
        self.register(&relation, &schema, partitions)
    }

    fn substrait(&self, bytes: &[u8]) -> Result<(SchemaRef, Vec<Vec<RecordBatch>>), EngineError> {
        let (context, bytes) = (self.context.clone(), bytes.to_vec());
        self.wait("run the plan", async move {
            let plan = deserialize_bytes(bytes).await?;
            is_single_root(&plan)?;
            // A read of a file resolves to a registered table of that name or fails: the
            // consumer opens nothing by itself.
            let logical = from_substrait_plan(&context.state(), &plan).await?;
            is_query(&logical)?;
            let frame = context.execute_logical_plan(logical).await?;
            collect(frame).await
        })
    }

    fn partitions(&self, sql: &str) -> Result<(SchemaRef, Vec<Vec<RecordBatch>>), EngineError> {
        let (context, sql) = (self.context.clone(), sql.to_owned());
        self.wait("run the query", async move { collect(context.sql(&sql).await?).await })
    }

    fn register(
        &self,
        relation: &RelationName,
        schema: &SchemaRef,
        partitions: Vec<Vec<RecordBatch>>,
    ) -> Result<u64, EngineError> {
        let batches = || partitions.iter().flatten();
        let n_rows: usize = batches().map(RecordBatch::num_rows).sum();
        let fields = schema.fields().iter().enumerate().map(|(i, field)| {
            let is_nullable = batches().any(|batch| batch.column(i).logical_null_count() > 0);
            // The batches decide: a plan may promise another width of text than it delivers.
            let data_type = batches().next().map_or_else(|| field.data_type(), |batch| batch.column(i).data_type());
            Field::new(field.name(), data_type.clone(), is_nullable)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let partitions = partitions
            .into_iter()
            .map(|partition| {
                partition
                    .into_iter()
                    .map(|batch| {
                        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                        RecordBatch::try_new_with_options(Arc::clone(&schema), batch.columns().to_vec(), &options)
                    })
                    .collect::<Result<Vec<_>, _>>()
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(EngineError::arrow(format!("keep the rows of `{}`", relation.table)))?;
        let failed = || EngineError::datafusion(format!("keep the rows of `{}`", relation.table));
        let table = MemTable::try_new(schema, partitions).map_err(failed())?;
        self.ensure_schema(relation);
        let reference = reference(relation);
        self.context.deregister_table(reference.clone()).map_err(failed())?;
        self.context.register_table(reference, Arc::new(table)).map_err(failed())?;
        Ok(n_rows as u64)
    }

    /// Makes the catalog and the schema that a name mentions, if they are missing.
    fn ensure_schema(&self, relation: &RelationName) {
        let Some(schema) = &relation.schema else { return };
        let state = self.context.state();
        let default = state.config_options().catalog.default_catalog.clone();
        let database = relation.database.clone().unwrap_or(default);
        let catalog = self.context.catalog(&database).unwrap_or_else(|| {
            let catalog: Arc<dyn CatalogProvider> = Arc::new(MemoryCatalogProvider::new());
            self.context.register_catalog(database, Arc::clone(&catalog));
            catalog
        });
        if catalog.schema(schema).is_none() {
            // A catalog in memory takes every schema.
            let _ = catalog.register_schema(schema, Arc::new(MemorySchemaProvider::new()));
        }
    }

    /// Runs a future on the session's runtime and waits for it, up to the time limit.
    fn wait<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl Future<Output = Result<T, DataFusionError>> + Send + 'static,
    ) -> Result<T, EngineError> {
        let runtime = self.runtime.as_ref().expect("the runtime is taken only when the session is dropped");
        let (sender, receiver) = sync_channel(1);
        let task = runtime.spawn(async move {
            // The receiver is gone after a timeout; then nobody wants the result.
            let _ = sender.send(work.await);
        });
        let received = match self.timeout {
            Some(timeout) => receiver.recv_timeout(timeout),
            None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(result) => result.map_err(EngineError::datafusion(action)),
            Err(RecvTimeoutError::Timeout) => {
                task.abort();
                Err(EngineError::Timeout(self.timeout.unwrap_or_default()))
            }
            // The task panicked inside DataFusion; the session itself is whole.
            Err(RecvTimeoutError::Disconnected) => Err(EngineError::DataFusion {
                action: action.to_owned(),
                source: Box::new(DataFusionError::Internal("the task ended without a result".to_owned())),
            }),
        }
    }
}

impl Drop for Fusion {
    fn drop(&mut self) {
        // Waiting for the threads would panic inside another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for Fusion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fusion").field("n_partitions", &self.n_partitions).finish_non_exhaustive()
    }
}

/// The rows of a query, which count as memory of the session while they are gathered: DataFusion limits what
/// its operators hold, and a recursion that never ends holds little beside its result.
async fn collect(
    frame: datafusion::dataframe::DataFrame,
) -> Result<(SchemaRef, Vec<Vec<RecordBatch>>), DataFusionError> {
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let context = Arc::new(frame.task_ctx());
    let plan = frame.create_physical_plan().await?;
    let mut gathering = JoinSet::new();
    for (i, mut rows) in execute_stream_partitioned(plan, Arc::clone(&context))?.into_iter().enumerate() {
        let memory = MemoryConsumer::new("the result").register(context.memory_pool());
        gathering.spawn(async move {
            let mut batches = Vec::new();
            while let Some(batch) = poll_fn(|context| rows.as_mut().poll_next(context)).await {
                let batch = batch?;
                memory.try_grow(batch.get_array_memory_size())?;
                batches.push(batch);
            }
            Ok::<_, DataFusionError>((i, batches))
        });
    }
    let mut partitions = Vec::new();
    while let Some(gathered) = gathering.join_next().await {
        // Dropping the set, here or with this future, stops what still runs.
        let stopped = |_| DataFusionError::Internal("a partition ended without a result".to_owned());
        partitions.push(gathered.map_err(stopped)??);
    }
    partitions.sort_by_key(|(i, _)| *i);
    Ok((schema, partitions.into_iter().map(|(_, batches)| batches).collect()))
}

fn reference(relation: &RelationName) -> TableReference {
    match (&relation.database, &relation.schema) {
        (Some(database), Some(schema)) => {
            TableReference::full(database.clone(), schema.clone(), relation.table.clone())
        }
        (None, Some(schema)) => TableReference::partial(schema.clone(), relation.table.clone()),
        (Some(_) | None, None) => TableReference::bare(relation.table.clone()),
    }
}

/// The consumer unwraps a missing root input, so that is refused before.
fn is_single_root(plan: &datafusion_substrait::substrait::proto::Plan) -> Result<(), DataFusionError> {
    use datafusion_substrait::substrait::proto::plan_rel::RelType;
    let refused = |why: &str| Err(DataFusionError::Substrait(why.to_owned()));
    match plan.relations.as_slice() {
        [relation] => match &relation.rel_type {
            Some(RelType::Root(root)) if root.input.is_none() => refused("the root has no input"),
            Some(RelType::Root(_) | RelType::Rel(_)) => Ok(()),
            None => refused("the plan's relation has no content"),
        },
        relations => refused(&format!("expected one relation, found {}", relations.len())),
    }
}

/// Statements that change something have no place in a plan that is run for its rows.
fn is_query(plan: &LogicalPlan) -> Result<(), DataFusionError> {
    use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
    plan.apply(|plan| match plan {
        LogicalPlan::Dml(_) | LogicalPlan::Ddl(_) | LogicalPlan::Copy(_) | LogicalPlan::Statement(_) => {
            Err(DataFusionError::Plan("expected a plan that only reads".to_owned()))
        }
        _ => Ok(TreeNodeRecursion::Continue),
    })
    .map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Fusion;
    use crate::EngineError;

    /// Statements that never end, the second with few rows at a time, the third with none.
    const ENDLESS: [&str; 3] = [
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT n FROM r",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r) SELECT n FROM r WHERE n = 2",
    ];

    #[test]
    fn nothing_goes_on_after_a_timeout() {
        let mut fusion = Fusion::open(None).unwrap();
        fusion.set_timeout(Some(Duration::from_millis(100)));
        for sql in ENDLESS {
            assert!(matches!(fusion.query(sql), Err(EngineError::Timeout(_))), "{sql}");
            let metrics = fusion.runtime.as_ref().unwrap().metrics();
            let start = Instant::now();
            while metrics.num_alive_tasks() > 0 {
                assert!(start.elapsed() < Duration::from_secs(60), "{sql}");
                std::thread::yield_now();
            }
        }
    }

    #[test]
    fn a_recursion_that_grows_ends_for_want_of_memory() {
        let mut fusion = Fusion::open(None).unwrap();
        let pool = datafusion::execution::runtime_env::RuntimeEnvBuilder::new().with_memory_limit(8 << 20, 1.0);
        let config = fusion.context.copied_config();
        fusion.context = super::SessionContext::new_with_config_rt(config, pool.build_arc().unwrap());
        let doubled = "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r, (VALUES (1), (2)) t (x))";
        for read in ["SELECT n FROM r", "SELECT count(*) FROM r"] {
            let error = fusion.query(&format!("{doubled} {read}")).unwrap_err();
            let told = std::error::Error::source(&error).unwrap().to_string();
            assert!(told.contains("Resources exhausted"), "{told}");
        }
    }
}
