//! What goes into the state machine and what comes out of it.

use std::sync::Arc;

use crate::base::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{entities::FailAsync, errors::ApiError, service::SimService};

/// One authenticated request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Call {
    /// Which service.
    pub service: &'static SimService,
    /// Which operation, as the model spells it.
    pub operation: String,
    /// The Region of the credential scope (`simulator.md` R-12).
    pub region: String,
    /// The input members.
    pub input: Value,
    /// Number of the call; ids drawn for it depend on this and the seed alone.
    pub seq: u64,
    /// Where the client reached us: `http://127.0.0.1:4570`; only sign-in hands it out again.
    #[serde(default)]
    pub origin: String,
    /// The address the call came from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source_ip: String,
    /// What faults do to this call inside the machine.
    #[serde(default)]
    pub modifiers: Modifiers,
}

/// Effects of faults that only the state machine can have.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Modifiers {
    /// `stuck_in_progress`: added to the duration of an asynchronous operation.
    pub stuck_ms: Millis,
    /// `fail_async`: the operation ends FAILED with this reason.
    pub fail_async: Option<FailAsync>,
    /// `async_without_status`: the status cannot be asked for.
    pub hide_status: bool,
    /// `partial_page`: at most so many items.
    pub page_items: Option<usize>,
    /// `token_expired`: a page token in this call is refused.
    pub token_expired: bool,
    /// `stale_read`: reads answer the state of so long ago.
    pub stale_ms: Millis,
}

/// The answer: output members, or nothing where the model has no output shape (`simulator.md` R-5).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Output {
    /// Members in the model's order.
    Members(Value),
    /// A whole answer of a service that has no model here; `{request_id}` stands for its id.
    Xml(String),
    /// Bytes with headers: an object of a bucket, or what is said of one.
    Object(Box<ObjectAnswer>),
    /// The operation has no output shape.
    Nothing,
}

/// An answer that is not made of members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectAnswer {
    /// The status.
    pub http: u16,
    /// Headers besides those of every answer.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub bytes: Arc<[u8]>,
}

/// What `handle` gives back.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a reply carries whether the state changed, which must reach the state log"]
pub(crate) struct CallResult {
    /// The answer or the refusal.
    pub result: Result<Output, ApiError>,
    /// Whether the state changed.
    pub changed: bool,
}

/// Seconds since the epoch with milliseconds (`simulator.md` R-3).
pub(crate) fn seconds(at: Millis) -> Value {
    if at % 1000 == 0 {
        return Value::from(at / 1000);
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of this era fit a double"
    )]
    let seconds = at as f64 / 1000.0;
    Value::from(seconds)
}

/// A member of an input that is text, if it is there.
pub(crate) fn input_text<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    input.get(name).and_then(Value::as_str)
}
