//! What a person does (`simulator.md` K-4): from the act to the request that the app gets, and from
//! the app's answer to what the person sees. Both steps are pure; sending stands between them.

mod conclude;
mod find;
mod inputs;
mod payload;
mod prepare;

use crate::base::Refusal;
use axum::http::StatusCode;
use serde_json::{Map, Value};

pub(crate) use conclude::{ActOutcome, conclude};
pub(crate) use prepare::prepare;

use super::workspace::ElementPlace;

/// Which of the app's addresses a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Address {
    Interactions,
    Commands,
}

/// A request to the app.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub address: Address,
    /// What an interaction's field `payload` holds, or a command's fields.
    pub payload: Value,
}

/// What the app's answer is for.
#[derive(Debug, Clone)]
pub(crate) enum AwaitedAnswer {
    /// It only says that the request arrived.
    Acknowledged,
    /// A message for the person, or for all.
    Command { name: String, channel: String },
    /// What becomes of a modal.
    Submitted { view: String },
    /// What a select offers.
    Offered { place: ElementPlace },
}

/// An act that has been understood and applied on Slack's side.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    /// Who acts.
    pub user: String,
    /// Absent when the app is not asked.
    pub delivery: Option<Delivery>,
    pub after: AwaitedAnswer,
    /// What the person learns at once: missing fields, a page to open.
    pub told: Map<String, Value>,
}

/// How a request to the app ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct AppReply {
    /// HTTP status; over a socket 200 for an acknowledgement.
    pub status: Option<u16>,
    pub body: String,
    /// Milliseconds.
    pub took: u64,
    /// No answer within 3 seconds.
    pub late: bool,
    /// Why there is no answer.
    pub error: Option<String>,
}

impl AppReply {
    /// Whether the app answered in time and with 200.
    pub(crate) fn is_good(&self) -> bool {
        !self.late && self.status == Some(200)
    }
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Refusal {
    Refusal::new(status, code, message)
}

fn not_found(message: &str) -> Refusal {
    refuse(StatusCode::NOT_FOUND, "not_found", message)
}

fn conflict(code: &str, message: &str) -> Refusal {
    refuse(StatusCode::CONFLICT, code, message)
}

/// A field of an object as text.
fn text<'a>(fields: &'a Value, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str)
}
