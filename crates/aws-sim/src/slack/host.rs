use crate::base::{Cut, Millis};
use jiff::Timestamp;
use serde_json::Value;

/// The surrounding simulator: clocks, faults and the call log.
pub trait SlackHost: Send + Sync {
    /// The wall clock, used by signatures (`simulator.md` Z-6).
    fn wall(&self) -> Timestamp;
    fn now(&self) -> Millis;
    /// Returns whether method rates are enforced.
    fn throttles(&self) -> bool;
    fn next_id(&self) -> String;
    /// Returns the faults of a call, and counts the match.
    fn faults(&self, method: &str) -> MethodFaults;
    fn log(&self, call: &MethodRecord<'_>);
}

#[derive(Debug, Default)]
pub struct MethodFaults {
    /// Pause before the effect, in milliseconds.
    pub before_ms: u64,
    /// Pause after it, in milliseconds.
    pub after_ms: u64,
    pub reply: Option<MethodFault>,
    pub name: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum MethodFault {
    DropBefore(Cut),
    DropAfter(Cut),
    Answer(SlackFault),
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct SlackFault {
    /// Slack's error code.
    pub error: String,
    /// Seconds; with it the answer is a 429.
    pub retry_after: Option<u64>,
    /// HTTP status in place of 200.
    pub http: Option<u16>,
    /// Hangs this many milliseconds, then ends.
    pub hang_ms: Option<u64>,
}

#[derive(Debug)]
pub struct MethodRecord<'a> {
    pub method: &'a str,
    pub arguments: &'a Value,
    /// `ok`, `client_error`, `throttled` or `dropped`.
    pub outcome: &'static str,
    pub error: Option<&'a str>,
    pub effect: bool,
    pub fault: Option<&'a str>,
}
