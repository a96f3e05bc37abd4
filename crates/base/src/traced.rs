//! Under which targets spans and steps are told to `tracing`, for whoever sends them on: named here once, so that those
//! who tell know nothing of those who listen. Nothing of it stands in the log.

/// A span that stands for itself: a call that somebody makes of us, the work on one assignment.
pub const SPANS: &str = "telemetry::span";
/// A span that says something inside another alone: a call of ours to AWS.
pub const INNER_SPANS: &str = "telemetry::span::inner";
/// An event: a step of a request that was committed.
pub const STEPS: &str = "telemetry::step";
