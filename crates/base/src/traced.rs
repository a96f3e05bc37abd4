//! `tracing` targets for exported spans and events. Shared here, so that emitters do not depend on
//! exporters. Excluded from the log.

/// A root span: an incoming call, the work on one assignment.
pub const SPANS: &str = "telemetry::span";
/// A span only meaningful inside another: a call to AWS.
pub const INNER_SPANS: &str = "telemetry::span::inner";
/// An event: a committed step of a request.
pub const STEPS: &str = "telemetry::step";
