//! Sends queued items while the server runs.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use hallpass_terminal::exit::Failure;
use hallpass_terminal::logging::SendsOn;
use opentelemetry::InstrumentationScope;
use opentelemetry::KeyValue;
use opentelemetry::logs::{LogRecord as _, LoggerProvider as _};
use opentelemetry_otlp::{
    LogExporter, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter as _, SdkLogRecord, SdkLoggerProvider};
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use secrecy::ExposeSecret as _;
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::telemetry::client::CollectorClient;
use crate::telemetry::current;
use crate::telemetry::environment::OtelVariables;
use crate::telemetry::ids::{self, Share};
use crate::telemetry::layer::TelemetryLayer;
use crate::telemetry::queue::{self, ReportedRecord, ReportedSpan, Signal, SpanPlace, queue};
use crate::telemetry::settings::TelemetrySettings;

const BATCH_MAX: usize = 512;
const GATHER: Duration = Duration::from_secs(1);
const ATTEMPTS_MAX: u32 = 4;
/// The pause before the second attempt; it doubles.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// Interval of messages about a failing collector.
const SAID_EVERY: Duration = Duration::from_mins(5);
/// Time limit for the rest at shutdown.
const FLUSH_MAX: Duration = Duration::from_secs(2);

pub struct Opened {
    pub sends_on: SendsOn,
    tasks: Pumps,
}

struct Pumps {
    spans: Option<(Receiver<ReportedSpan>, TraceExporter)>,
    records: Option<(Receiver<ReportedRecord>, RecordExporter)>,
}

pub struct SendingTasks {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

struct TraceExporter {
    exporter: SpanExporter,
    share: Share,
}

struct RecordExporter {
    exporter: LogExporter,
    scope: InstrumentationScope,
}

/// `None` where no collector is named, or sending is disabled.
struct Exporters {
    spans: Option<SpanExporter>,
    records: Option<LogExporter>,
    share: Share,
}

/// OpenTelemetry's `service.name`, `service.version` and `service.instance.id`.
#[derive(Clone, Copy, Debug)]
pub struct SendingService<'a> {
    /// Default for `OTEL_SERVICE_NAME`.
    pub name: &'static str,
    pub version: &'static str,
    pub instance: &'a str,
}

/// Opens the configured exporters; `None` if sending is disabled.
///
/// # Errors
/// When the configuration cannot work. A silent collector is no error.
pub fn open(
    settings: &TelemetrySettings,
    service: SendingService<'_>,
) -> Result<Option<Opened>, Failure> {
    let env = |name: &str| std::env::var(name).ok();
    let Some(exporters) = exporters(settings, &env, service)? else {
        return Ok(None);
    };
    let scope = InstrumentationScope::builder("hallpass")
        .with_version(service.version)
        .build();
    let (traces, logs) = (exporters.spans.is_some(), exporters.records.is_some());
    let (spans, spans_out) = queue(Signal::Traces);
    let (records, records_out) = queue(Signal::Logs);
    let layer = TelemetryLayer {
        spans: traces.then_some(spans),
        records: logs.then_some(records),
        scope: scope.clone(),
        logger: SdkLoggerProvider::builder()
            .build()
            .logger_with_scope(scope.clone()),
    };
    Ok(Some(Opened {
        sends_on: SendsOn {
            layer: Box::new(layer),
            logs,
            traces,
            within: current::within,
        },
        tasks: Pumps {
            spans: exporters.spans.map(|exporter| {
                let share = exporters.share;
                (spans_out, TraceExporter { exporter, share })
            }),
            records: exporters
                .records
                .map(|exporter| (records_out, RecordExporter { exporter, scope })),
        },
    }))
}

/// Sends empty batches to test the collectors. `None` if sending is disabled.
///
/// # Errors
/// When a collector refuses, as text; when the configuration cannot work.
pub async fn probe(settings: &TelemetrySettings) -> Result<Option<&'static str>, Failure> {
    let env = |name: &str| std::env::var(name).ok();
    let nobody = SendingService {
        name: "hallpass",
        version: "",
        instance: "",
    };
    let Some(exporters) = exporters(settings, &env, nobody)? else {
        return Ok(None);
    };
    let refused = |signal: Signal, why: &dyn std::fmt::Display| {
        let words = format!("the collector does not take {}: {why}", signal.name());
        Failure::failed(words)
    };
    if let Some(spans) = &exporters.spans {
        let sent = spans.export(Vec::new()).await;
        sent.map_err(|why| refused(Signal::Traces, &why))?;
    }
    if let Some(records) = &exporters.records {
        let sent = records.export(LogBatch::new(&[])).await;
        sent.map_err(|why| refused(Signal::Logs, &why))?;
    }
    Ok(match (exporters.spans, exporters.records) {
        (Some(_), Some(_)) => Some("traces and logs"),
        (Some(_), None) => Some("traces"),
        (None, Some(_)) => Some("logs"),
        (None, None) => None,
    })
}

fn exporters(
    settings: &TelemetrySettings,
    get: &dyn Fn(&str) -> Option<String>,
    service: SendingService<'_>,
) -> Result<Option<Exporters>, Failure> {
    let variables = OtelVariables(get);
    let is_named = settings.endpoint.is_some() || variables.names_an_endpoint();
    if variables.is_disabled() || !is_named || !(settings.traces || settings.logs) {
        return Ok(None);
    }
    variables.check_protocol()?;
    check_endpoint(settings.endpoint.as_deref())?;
    let share = match settings.sample {
        Some(share) => share,
        None => variables.share()?,
    };
    let answer_max = variables.answer_max()?;
    let resource = resource(&variables, service);
    let client = || CollectorClient::new(answer_max).map_err(|why| unusable(&why));
    let spans = if settings.traces {
        let builder = SpanExporter::builder()
            .with_http()
            .with_http_client(client()?);
        let builder = addressed(builder, settings, "/v1/traces");
        let mut spans = builder.build().map_err(|why| unusable(&why))?;
        spans.set_resource(&resource);
        Some(spans)
    } else {
        None
    };
    let records = if settings.logs {
        let builder = LogExporter::builder()
            .with_http()
            .with_http_client(client()?);
        let builder = addressed(builder, settings, "/v1/logs");
        let mut records = builder.build().map_err(|why| unusable(&why))?;
        records.set_resource(&resource);
        Some(records)
    } else {
        None
    };
    Ok(Some(Exporters {
        spans,
        records,
        share: Share::new(share),
    }))
}

/// Makes an exporter for the configured address; the library reads the rest from the environment.
fn addressed<B>(builder: B, settings: &TelemetrySettings, path: &str) -> B
where
    B: WithHttpConfig + WithExportConfig,
{
    let headers = settings.headers.iter();
    let headers: HashMap<String, String> = headers
        .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()))
        .collect();
    // the library's retry pauses would block the thread without its built-in client
    let builder = builder
        .with_headers(headers)
        .with_retry_policy(RetryPolicy::disabled());
    match &settings.endpoint {
        Some(base) => builder.with_endpoint(format!("{}{path}", base.trim_end_matches('/'))),
        None => builder,
    }
}

fn check_endpoint(endpoint: Option<&str>) -> Result<(), Failure> {
    let Some(endpoint) = endpoint else {
        return Ok(());
    };
    let is_http = reqwest::Url::parse(endpoint)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if is_http {
        return Ok(());
    }
    // an address may hold a password
    Err(Failure::bad_input("`telemetry.endpoint` is no address")
        .help("write where the collector takes OTLP over HTTP: \"http://127.0.0.1:4318\""))
}

fn unusable(why: &dyn std::fmt::Display) -> Failure {
    Failure::bad_input(format!("telemetry cannot be sent: {why}"))
        .help("docs/how-to/opentelemetry.md")
}

fn resource(variables: &OtelVariables<'_>, service: SendingService<'_>) -> Resource {
    let own = [
        KeyValue::new("service.name", service.name),
        KeyValue::new("service.version", service.version),
        KeyValue::new("service.instance.id", service.instance.to_owned()),
    ];
    let resource = Resource::builder_empty()
        .with_attributes(own)
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_detector(Box::new(EnvResourceDetector::new()));
    match variables.service_name() {
        Some(name) => resource.with_service_name(name),
        None => resource,
    }
    .build()
}

impl Opened {
    pub fn split(self) -> (SendsOn, impl FnOnce() -> SendingTasks) {
        let tasks = self.tasks;
        (self.sends_on, || tasks.start())
    }
}

impl Pumps {
    fn start(self) -> SendingTasks {
        let (stop, mut tasks) = (watch::Sender::new(false), JoinSet::new());
        if let Some((queue, exporter)) = self.spans {
            tasks.spawn(pump(Signal::Traces, queue, exporter, stop.subscribe()));
        }
        if let Some((queue, exporter)) = self.records {
            tasks.spawn(pump(Signal::Logs, queue, exporter, stop.subscribe()));
        }
        SendingTasks { stop, tasks }
    }
}

impl SendingTasks {
    pub async fn flush(mut self) {
        self.stop.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        let _: Result<(), _> = timeout(FLUSH_MAX, all).await;
    }
}

trait Exports<T>: Send + Sync {
    fn is_settled(&self, item: &T) -> bool;
    fn is_wanted(&self, item: &T) -> bool;
    fn send(&self, batch: &[T]) -> impl Future<Output = OTelSdkResult> + Send;
}

impl Exports<ReportedSpan> for TraceExporter {
    fn is_settled(&self, told: &ReportedSpan) -> bool {
        match &told.place {
            SpanPlace::Known => true,
            SpanPlace::Inside(trace) | SpanPlace::Outermost(trace) => trace.settled().is_some(),
        }
    }

    fn is_wanted(&self, told: &ReportedSpan) -> bool {
        self.share.takes(match &told.place {
            SpanPlace::Known => told.data.span_context.trace_id(),
            SpanPlace::Inside(trace) | SpanPlace::Outermost(trace) => trace.settle().id,
        })
    }

    fn send(&self, batch: &[ReportedSpan]) -> impl Future<Output = OTelSdkResult> + Send {
        self.exporter.export(batch.iter().map(placed).collect())
    }
}

impl Exports<ReportedRecord> for RecordExporter {
    fn is_settled(&self, told: &ReportedRecord) -> bool {
        let within = told.within.as_ref();
        within.is_none_or(|within| within.trace.settled().is_some())
    }

    fn is_wanted(&self, _: &ReportedRecord) -> bool {
        true
    }

    async fn send(&self, batch: &[ReportedRecord]) -> OTelSdkResult {
        let records: Vec<SdkLogRecord> = batch.iter().map(traced).collect();
        let pairs: Vec<_> = records.iter().map(|it| (it, &self.scope)).collect();
        self.exporter.export(LogBatch::new(&pairs)).await
    }
}

pub(crate) fn placed(told: &ReportedSpan) -> SpanData {
    let mut data = told.data.clone();
    let (trace, is_outermost) = match &told.place {
        SpanPlace::Known => return data,
        SpanPlace::Inside(trace) => (trace, false),
        SpanPlace::Outermost(trace) => (trace, true),
    };
    let settled = trace.settle();
    data.span_context = ids::context(settled.id, data.span_context.span_id());
    if let Some(parent) = settled.parent.filter(|_| is_outermost) {
        data.parent_span_id = parent;
    }
    data
}

pub(crate) fn traced(told: &ReportedRecord) -> SdkLogRecord {
    let mut record = told.record.clone();
    if let Some(within) = &told.within {
        let context = ids::context(within.trace.settle().id, within.span);
        record.set_trace_context(
            context.trace_id(),
            context.span_id(),
            Some(context.trace_flags()),
        );
    }
    record
}

async fn pump<T: Send + Sync>(
    signal: Signal,
    mut queue: Receiver<T>,
    exporter: impl Exports<T>,
    mut stop: watch::Receiver<bool>,
) {
    // zero from the start: alarms on growth would miss the first ones
    queue::count_dropped(signal, 0);
    queue::count_sent(signal, 0);
    let (mut trouble, mut waiting) = (Trouble::new(signal), Vec::new());
    loop {
        let had = waiting.len();
        let mut batch: Vec<T> = std::mem::take(&mut waiting);
        tokio::select! {
            _ = queue.recv_many(&mut batch, BATCH_MAX) => {}
            // waiting items may be settled by now
            () = sleep(GATHER), if had > 0 => {}
            () = stopped(&mut stop) => {}
        }
        let is_last = *stop.borrow();
        if !is_last {
            tokio::select! {
                () = sleep(GATHER) => {}
                () = stopped(&mut stop) => {}
            }
        }
        while batch.len() < BATCH_MAX
            && let Ok(item) = queue.try_recv()
        {
            batch.push(item);
        }
        if is_last && batch.is_empty() {
            return;
        }
        let settles_all = is_last || had >= BATCH_MAX;
        let is_ready = |item: &T| settles_all || exporter.is_settled(item);
        let (mut ready, later): (Vec<T>, Vec<T>) = batch.into_iter().partition(is_ready);
        waiting = later;
        ready.retain(|item| exporter.is_wanted(item));
        if !ready.is_empty() {
            deliver(signal, &ready, &exporter, (&mut trouble, &mut stop)).await;
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // an error means that the stopping side ended
    let _: Result<_, _> = stop.wait_for(|it| *it).await;
}

/// Sends a batch with retries, or drops and counts it.
async fn deliver<T: Send + Sync>(
    signal: Signal,
    batch: &[T],
    exporter: &impl Exports<T>,
    (trouble, stop): (&mut Trouble, &mut watch::Receiver<bool>),
) {
    let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
    let mut pause = PAUSE_FIRST;
    for attempt in 1..=ATTEMPTS_MAX {
        let why = match exporter.send(batch).await {
            Ok(()) => {
                queue::count_sent(signal, count);
                trouble.is_over();
                return;
            }
            Err(why) => why,
        };
        trouble.say(&why);
        if attempt == ATTEMPTS_MAX || *stop.borrow() {
            break;
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = stopped(stop) => {}
        }
        pause = pause.saturating_mul(2);
    }
    queue::count_dropped(signal, count);
}

/// A collector failure, reported rarely.
struct Trouble {
    signal: Signal,
    is_on: bool,
    said_at: Option<Instant>,
}

impl Trouble {
    fn new(signal: Signal) -> Self {
        Self {
            signal,
            is_on: false,
            said_at: None,
        }
    }

    fn say(&mut self, why: &dyn std::fmt::Display) {
        self.is_on = true;
        let is_soon = |at: Instant| at.elapsed() < SAID_EVERY;
        if self.said_at.is_some_and(is_soon) {
            return;
        }
        self.said_at = Some(Instant::now());
        tracing::warn!(
            signal = self.signal.name(),
            error = %why,
            "the collector refuses data; data beyond the buffer is dropped"
        );
    }

    fn is_over(&mut self) {
        if std::mem::take(&mut self.is_on) {
            tracing::info!(signal = self.signal.name(), "the collector accepts data");
        }
    }
}

#[cfg(test)]
#[path = "sending_tests.rs"]
mod tests;
