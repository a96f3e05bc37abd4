use std::sync::Arc;

use crate::base::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{entities::FailAsync, errors::ApiError, service::SimService};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Call {
    pub service: &'static SimService,
    pub operation: String,
    /// The Region of the credential scope (`simulator.md` R-12).
    pub region: String,
    pub input: Value,
    /// Ids drawn for the call depend only on this and the seed.
    pub seq: u64,
    /// The simulator's address as the client used it: `http://127.0.0.1:4570`; only sign-in returns
    /// it.
    #[serde(default)]
    pub origin: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source_ip: String,
    #[serde(default)]
    pub modifiers: Modifiers,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Modifiers {
    /// `stuck_in_progress`: extra duration of an asynchronous operation.
    pub stuck_ms: Millis,
    /// `fail_async`: the operation ends FAILED with this reason.
    pub fail_async: Option<FailAsync>,
    /// `async_without_status`: the status cannot be read.
    pub hide_status: bool,
    /// `partial_page`: the maximum of items.
    pub page_items: Option<usize>,
    /// `token_expired`: refuses a page token in this call.
    pub token_expired: bool,
    /// `stale_read`: reads return a state this old.
    pub stale_ms: Millis,
}

/// The answer: output members, or nothing without an output shape (`simulator.md` R-5).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Output {
    /// In the model's order.
    Members(Value),
    Xml(String),
    Object(Box<ObjectAnswer>),
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectAnswer {
    pub http: u16,
    pub headers: Vec<(String, String)>,
    pub bytes: Arc<[u8]>,
}

#[derive(Debug, Clone, PartialEq)]
#[must_use = "a reply carries whether the state changed, which must reach the state log"]
pub(crate) struct CallResult {
    pub result: Result<Output, ApiError>,
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

pub(crate) fn input_text<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    input.get(name).and_then(Value::as_str)
}
