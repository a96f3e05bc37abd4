//! The server's own log: structured, to stderr. Never secrets, bodies or reasons.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::exit::Failure;

/// For whom the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// One JSON object per line, unless stderr is a terminal.
    Json,
    /// For people.
    Plain,
}

/// What libraries may say at most unless they are named in `HALLPASS_LOG`: at their most talkative
/// they print requests with session tokens, and the bodies they could not read.
const LIBRARIES: &str = "aws=info,axum=info,h2=info,hyper=info,reqwest=info,rustls=info,\
    tokio_tungstenite=info,tungstenite=info";

/// Starts logging at `level` (or as `HALLPASS_LOG` says). A second start changes nothing.
pub fn start(level: &str, style: Style) -> Result<(), Failure> {
    let wanted = std::env::var("HALLPASS_LOG").unwrap_or_else(|_| level.to_owned());
    // what is said later about the same target wins
    let filter = EnvFilter::try_new(format!("{LIBRARIES},{wanted}")).map_err(|error| {
        Failure::bad_input(format!("`{wanted}` is not a log level: {error}"))
            .help("use error, warn, info, debug or trace")
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // a line that cannot be written (a full disk) is lost; told of on the same stderr it would
        // be a panic, and whoever wanted to say something would stop with it
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // an earlier subscriber (in tests) stays
    let _already: Result<(), _> = if style == Style::Json && !std::io::stderr().is_terminal() {
        builder.json().flatten_event(true).try_init()
    } else {
        builder
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .try_init()
    };
    Ok(())
}
