//! Sends traces and logs over OTLP to the operator's collector.
//!
//! A request is one trace across nodes and time: its id is the trace id, so no context is passed on
//! ([`ids`]). Other crates emit `tracing` spans and steps (`hallpass_base::traced`); [`layer`]
//! converts them.
//!
//! The server never waits for the collector: bounded queues drop and count excess items
//! ([`queue`]), and one task per kind sends ([`sending`]). Knows nothing of requests' rules,
//! storage or AWS clients.

mod client;
mod current;
mod environment;
mod fields;
mod ids;
mod layer;
mod queue;
mod sending;
mod settings;
mod trace;

pub use current::{join, within};
pub use sending::{Opened, SendingService, SendingTasks, open, probe};
pub use settings::TelemetrySettings;
