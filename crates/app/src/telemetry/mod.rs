//! Traces and logs over OTLP, the protocol of OpenTelemetry, to a collector of the operator's.
//!
//! A request for access is one trace, however long it takes and whichever node does what: the id of its trace is the id of the
//! request, so that nobody has to carry it from one to the other ([`ids`]). Others tell `tracing` spans and steps
//! (`hallpass_base::traced`) and know nothing of this crate; here they become spans of OpenTelemetry ([`layer`]).
//!
//! Whatever the collector does, the server goes on: what is told goes into bounded queues or is dropped and counted
//! ([`queue`]), and one task for each kind sends what is in them ([`sending`]).
//!
//! Knows nothing of requests' rules, storage or AWS clients.

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
