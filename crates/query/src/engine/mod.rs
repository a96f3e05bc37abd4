//! The engine: `DataFusion` over the tables of a statement, with limits (`inventory.md` U-6).

mod errors;
#[cfg(test)]
mod fuzz;
mod json;
mod memory;
mod place;
mod rewrite;
mod statement;
mod time;
pub(crate) mod values;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use datafusion::arrow::array::{Array as _, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::dataframe::DataFrame;
use datafusion::error::Result;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{FunctionRegistry as _, SessionStateBuilder};
use datafusion::object_store::ObjectStore;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser;
use futures_util::StreamExt as _;
use jiff::Timestamp;

pub(crate) use statement::ReadStatement;

use crate::failure::{QueryExit, QueryFailure};

/// Limits of a query. Exceeding one is an error, never a truncated answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueryLimits {
    pub(crate) time: Duration,
    pub(crate) rows: usize,
    /// Applies separately to the engine, the answer and the growth of the process.
    pub(crate) memory_bytes: usize,
}

#[derive(Debug)]
pub(crate) struct QueryAnswer {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
}

/// Time a query has to stop after it passes a limit. The engine yields only between batches.
const STOPS_WITHIN: Duration = Duration::from_secs(1);

/// Refused functions: their patterns differ from PostgreSQL, so answers would differ.
const NOT_AS_IN_POSTGRESQL: [&str; 3] = ["to_char", "date_format", "to_date"];

#[derive(Clone)]
pub(crate) struct QueryEngine {
    context: SessionContext,
    limits: QueryLimits,
    goes_on: Arc<AtomicBool>,
}

impl QueryEngine {
    pub(crate) fn new(now: Timestamp, limits: QueryLimits) -> Result<Self> {
        let mut config = SessionConfig::new()
            // keeps the row order stable across runs (`inventory.md` U-7)
            .with_target_partitions(1)
            .with_information_schema(false);
        let options = config.options_mut();
        options.execution.time_zone = Some("UTC".to_owned());
        options.execution.parquet.schema_force_view_types = false;
        options.execution.parquet.pushdown_filters = true;
        options.sql_parser.map_string_types_to_utf8view = false;
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(GreedyMemoryPool::new(limits.memory_bytes)))
            .with_disk_manager_builder(
                DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled),
            )
            .build_arc()?;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_default_features()
            .build();
        let context = SessionContext::new_with_state(state);
        for name in NOT_AS_IN_POSTGRESQL {
            context.deregister_udf(name);
        }
        for function in json::functions().chain(time::functions(now)) {
            context.register_udf(function);
        }
        context
            .state_ref()
            .write()
            .register_expr_planner(Arc::new(json::JsonOperators))?;
        Ok(Self {
            context,
            limits,
            goes_on: Arc::default(),
        })
    }

    pub(crate) fn add(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<()> {
        self.context.register_table(name, table).map(|_| ())
    }

    pub(crate) fn add_objects(&self, url: &str, objects: Arc<dyn ObjectStore>) -> Result<()> {
        let url = ObjectStoreUrl::parse(url)?;
        self.context.register_object_store(url.as_ref(), objects);
        Ok(())
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// Planning or execution fails, or a limit is exceeded.
    pub(crate) async fn answer(
        &self,
        read: &ReadStatement,
    ) -> std::result::Result<QueryAnswer, QueryFailure> {
        let (engine, read) = (self.clone(), read.clone());
        self.bounded(async move { engine.collect(&read).await })
            .await
    }

    /// Runs work within the time and memory limits, and stops it when it exceeds one.
    async fn bounded<T: Send + 'static>(
        &self,
        work: impl Future<Output = std::result::Result<T, QueryFailure>> + Send + 'static,
    ) -> std::result::Result<T, QueryFailure> {
        // a separate task, because some engine work does not yield to the timer
        let mut work = tokio::spawn(work);
        let failure = tokio::select! {
            done = &mut work => {
                return done.unwrap_or_else(|stopped| Err(QueryFailure::bug(stopped)));
            }
            () = tokio::time::sleep(self.limits.time) => {
                let seconds = self.limits.time.as_secs();
                let message = format!("the query took longer than {seconds} s");
                past_limit("E_SQL_TIMEOUT", message, "--timeout")
            }
            // the engine does not count values created by functions: `repeat('x', 2000000000)`
            () = memory::passes(self.limits.memory_bytes) => errors::query_out_of_memory(),
        };
        work.abort();
        let ended = tokio::time::timeout(STOPS_WITHIN, &mut work).await;
        self.goes_on.store(ended.is_err(), Ordering::Relaxed);
        Err(failure)
    }

    pub(crate) fn goes_on(&self) -> bool {
        self.goes_on.load(Ordering::Relaxed)
    }

    async fn collect(
        &self,
        read: &ReadStatement,
    ) -> std::result::Result<QueryAnswer, QueryFailure> {
        let engine_failed = |error| errors::of_engine(read, &error);
        let frame = self.plan(read).await.map_err(engine_failed)?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let mut stream = frame.execute_stream().await.map_err(engine_failed)?;
        let (mut batches, mut rows, mut bytes) = (Vec::new(), 0, 0);
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(engine_failed)?;
            rows += batch.num_rows();
            bytes += memory_of(&batch);
            if rows > self.limits.rows {
                let message = format!("the answer has more than {} rows", self.limits.rows);
                return Err(past_limit("E_SQL_ROWS", message, "--max-rows"));
            }
            if bytes > self.limits.memory_bytes {
                return Err(errors::out_of_memory(self.limits.memory_bytes));
            }
            batches.push(batch);
        }
        Ok(QueryAnswer { schema, batches })
    }

    pub(crate) async fn explain(
        &self,
        read: &ReadStatement,
    ) -> std::result::Result<String, QueryFailure> {
        let (engine, read) = (self.clone(), read.clone());
        // planning evaluates constant expressions
        self.bounded(async move {
            let explained = async {
                let frame = engine.plan(&read).await?;
                let logical = frame.clone().into_optimized_plan()?;
                let physical = frame.create_physical_plan().await?;
                let physical = displayable(physical.as_ref()).indent(false).to_string();
                Ok(format!("{}\n\n{physical}", logical.display_indent()))
            };
            explained
                .await
                .map_err(|error| errors::of_engine(&read, &error))
        })
        .await
    }

    async fn plan(&self, read: &ReadStatement) -> Result<DataFrame> {
        let statement = parser::Statement::Statement(Box::new(read.statement.clone()));
        let plan = self.context.state().statement_to_plan(statement).await?;
        let only_reading = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        only_reading.verify_plan(&plan)?;
        self.context.execute_logical_plan(plan).await
    }
}

/// Memory of a batch. Batches may share buffers, so only the used part counts.
fn memory_of(batch: &RecordBatch) -> usize {
    let columns = batch.columns().iter();
    let bytes = columns.map(|it| it.to_data().get_slice_memory_size().unwrap_or_default());
    bytes.sum()
}

fn past_limit(code: &'static str, message: String, flag: &str) -> QueryFailure {
    QueryFailure::new(QueryExit::Refused, message)
        .code(code)
        .help(format!("narrow it, or raise `{flag}`"))
}
