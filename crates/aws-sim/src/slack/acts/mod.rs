//! Acts of people (`simulator.md` K-4): from the act to the app's request, and from the app's
//! answer to the person's view. Both steps are pure; sending happens between them.

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Address {
    Interactions,
    Commands,
}

#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub address: Address,
    pub payload: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum AwaitedAnswer {
    Acknowledged,
    Command { name: String, channel: String },
    Submitted { view: String },
    Offered { place: ElementPlace },
}

/// An act parsed and applied on Slack's side.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub user: String,
    pub delivery: Option<Delivery>,
    pub after: AwaitedAnswer,
    pub told: Map<String, Value>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct AppReply {
    /// HTTP status; over a socket 200 for an acknowledgement.
    pub status: Option<u16>,
    pub body: String,
    pub took: u64,
    /// No answer within 3 seconds.
    pub late: bool,
    pub error: Option<String>,
}

impl AppReply {
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

fn text<'a>(fields: &'a Value, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str)
}
