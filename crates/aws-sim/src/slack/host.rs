//! What the simulated Slack asks of the simulator that it is part of.

use crate::base::{Cut, Millis};
use jiff::Timestamp;
use serde_json::Value;

/// The simulator around it: clocks, faults, and the log of calls.
pub trait SlackHost: Send + Sync {
    /// The wall clock, which signatures go by (`simulator.md` Z-6).
    fn wall(&self) -> Timestamp;
    /// Virtual time.
    fn now(&self) -> Millis;
    /// Whether the rates of methods are enforced.
    fn throttles(&self) -> bool;
    /// An id that no other call has.
    fn next_id(&self) -> String;
    /// What faults do to a call of a method, which counts as a match of theirs.
    fn faults(&self, method: &str) -> MethodFaults;
    /// Keeps a call in the log of calls. The workspace is locked meanwhile.
    fn log(&self, call: &MethodRecord<'_>);
}

/// What faults do to a call of the Web API.
#[derive(Debug, Default)]
pub struct MethodFaults {
    /// Pause before the effect, in milliseconds.
    pub before_ms: u64,
    /// Pause after it, in milliseconds.
    pub after_ms: u64,
    /// What happens to the answer.
    pub reply: Option<MethodFault>,
    /// The fault that the log names.
    pub name: Option<String>,
}

/// How an answer is taken away or replaced.
#[derive(Debug, Clone, PartialEq)]
pub enum MethodFault {
    /// Nothing is done and the connection ends.
    DropBefore(Cut),
    /// It is done and the connection ends.
    DropAfter(Cut),
    /// Nothing is done, and this is said.
    Answer(SlackFault),
}

/// What the simulated Slack answers in place of doing something.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SlackFault {
    /// Slack's word for it.
    pub error: String,
    /// Seconds; with it the answer is a 429.
    pub retry_after: Option<u64>,
    /// HTTP status in place of 200.
    pub http: Option<u16>,
    /// Silence for so many milliseconds, then the end.
    pub hang_ms: Option<u64>,
}

/// A call of the Web API, for the log of calls.
#[derive(Debug)]
pub struct MethodRecord<'a> {
    /// Its name.
    pub method: &'a str,
    /// What was given, without the token.
    pub arguments: &'a Value,
    /// `ok`, `client_error`, `throttled` or `dropped`.
    pub outcome: &'static str,
    /// Slack's word for what was wrong.
    pub error: Option<&'a str>,
    /// Whether anything changed.
    pub effect: bool,
    /// The fault that hit it.
    pub fault: Option<&'a str>,
}
