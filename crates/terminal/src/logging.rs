//! The server's log: structured, to stderr. Never secrets, bodies or reasons.

use std::io::IsTerminal as _;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{self, FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, registry};

use crate::exit::Failure;
use crate::say;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// One JSON object per line, unless stderr is a terminal.
    Json,
    Plain,
}

/// Maximum levels of libraries not named in `HALLPASS_LOG`: at debug levels they print requests
/// with session tokens, and unreadable bodies.
const LIBRARIES: &str = "aws=info,axum=info,h2=info,hyper=info,reqwest=info,rustls=info,\
    tokio_tungstenite=info,tungstenite=info";

/// Spans and steps are for trace export, not for the log.
const NOT_TOLD: &str = "telemetry::span=off,telemetry::step=off";
/// Enables spans and steps for export.
const TOLD: &str = "telemetry::span=info,telemetry::step=info";

/// Exports logs and traces beside the log.
pub struct SendsOn {
    pub layer: Box<dyn Layer<Registry> + Send + Sync>,
    pub logs: bool,
    pub traces: bool,
    pub within: fn() -> Option<(String, String)>,
}

/// Starts logging at `level` (or by `HALLPASS_LOG`). A second start changes nothing.
pub fn start(level: &str, style: Style) -> Result<(), Failure> {
    let filter = filter(level, NOT_TOLD)?;
    // an earlier subscriber (in tests) stays
    let _already: Result<(), _> = if is_json(style) {
        registry().with(json(none).with_filter(filter)).try_init()
    } else {
        registry().with(plain().with_filter(filter)).try_init()
    };
    Ok(())
}

/// Starts logging with export; JSON lines contain their trace in any style.
pub fn start_sending(level: &str, style: Style, to: SendsOn) -> Result<(), Failure> {
    let wanted = filter(level, NOT_TOLD)?;
    let traces = if to.traces { TOLD } else { NOT_TOLD };
    let sent = if to.logs {
        filter(level, traces)?
    } else {
        EnvFilter::new(format!("off,{traces}"))
    };
    let all = registry().with(to.layer.with_filter(sent));
    let _already: Result<(), _> = if is_json(style) {
        all.with(json(to.within).with_filter(wanted)).try_init()
    } else {
        all.with(plain().with_filter(wanted)).try_init()
    };
    Ok(())
}

fn none() -> Option<(String, String)> {
    None
}

fn is_json(style: Style) -> bool {
    style == Style::Json && !std::io::stderr().is_terminal()
}

fn filter(level: &str, besides: &str) -> Result<EnvFilter, Failure> {
    let wanted = std::env::var("HALLPASS_LOG").unwrap_or_else(|_| level.to_owned());
    // the last directive for a target wins
    EnvFilter::try_new(format!("{LIBRARIES},{wanted},{besides}")).map_err(|error| {
        Failure::bad_input(format!("`{wanted}` is not a log level: {error}"))
            .help("use error, warn, info, debug or trace")
    })
}

fn plain<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fmt::layer()
        .log_internal_errors(false)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(say::stderr_has_colour())
}

fn json<S>(within: fn() -> Option<(String, String)>) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fmt::layer()
        // a failed write (a full disk) loses the line; reporting it on the same stderr would panic
        // in the caller
        .log_internal_errors(false)
        .with_writer(std::io::stderr)
        .json()
        .flatten_event(true)
        .map_event_format(|lines| WithTrace { lines, within })
}

struct WithTrace<F> {
    lines: F,
    within: fn() -> Option<(String, String)>,
}

impl<S, N, F> FormatEvent<S, N> for WithTrace<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let Some((trace, span)) = (self.within)() else {
            return self.lines.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.lines
            .format_event(context, Writer::new(&mut line), event)?;
        match line.trim_end().strip_suffix('}') {
            Some(begun) => writeln!(
                writer,
                "{begun},\"trace_id\":\"{trace}\",\"span_id\":\"{span}\"}}"
            ),
            None => writer.write_str(&line),
        }
    }
}
