//! The control API `/_sim/`: state, faults, clock, call log, foreign changes (`simulator.md` §4).
//! Never subject to faults, throttles or the call log.

mod calls;
mod clock;
mod faults;
mod file;
mod place;
mod router;
mod sessions;
mod sign_in;
mod state;

use axum::http::StatusCode;
use serde_json::{Value, json};

pub(crate) use calls::{CallLog, CallRecord, redact};
pub(crate) use router::{KEPT_OUT, guard, is_let_in, router, run};

use crate::core::{mutate, state::SimState, table::Millis};

/// A refusal of the control API.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    status: StatusCode,
    body: Value,
}

impl Refusal {
    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What a person reads.
    pub(crate) fn message(&self) -> &str {
        let message = self.body.pointer("/error/message");
        message.and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn new(status: StatusCode, code: &str, message: &str) -> Self {
        Self {
            status,
            body: json!({ "error": { "code": code, "message": message } }),
        }
    }

    pub(crate) fn bad(field: &str, message: &str) -> Self {
        let mut refusal = Self::new(StatusCode::BAD_REQUEST, "bad_request", message);
        if let Some(error) = refusal.body.get_mut("error").and_then(Value::as_object_mut)
            && !field.is_empty()
        {
            error.insert("field".to_owned(), field.into());
        }
        refusal
    }
}

/// A change of the state that goes into the log by its name.
pub(crate) fn command(
    state: &mut SimState,
    name: &str,
    body: &Value,
    seq: u64,
    now: Millis,
) -> Result<Value, Refusal> {
    crate::core::advance(state, now);
    let now = state.latest;
    match name {
        "mutate" => mutate::mutate(state, body, seq, now)
            .map(|()| json!({ "applied": true, "at": instant(now) }))
            .map_err(|refused| Refusal::bad(&refused.field, &refused.message)),
        "login" => sessions::login(state, body, seq, now),
        _ => sign_in::command(state, name, body, seq, now),
    }
}

/// RFC 3339, UTC.
pub(crate) fn instant(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at)
        .map(|at| at.to_string())
        .unwrap_or_default()
}
