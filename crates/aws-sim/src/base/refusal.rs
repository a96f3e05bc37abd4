//! A refusal of the paths for people: the control API, the pages, the simulated Slack's own.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// A refusal with a code for programs and a message for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    status: StatusCode,
    body: Value,
}

impl Refusal {
    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What a person reads.
    pub fn message(&self) -> &str {
        let message = self.body.pointer("/error/message");
        message.and_then(Value::as_str).unwrap_or_default()
    }

    /// A refusal with a status, a code for programs and a message for people.
    pub fn new(status: StatusCode, code: &str, message: &str) -> Self {
        Self {
            status,
            body: json!({ "error": { "code": code, "message": message } }),
        }
    }

    /// A field that is wrong; an empty name stands for the whole body.
    pub fn bad(field: &str, message: &str) -> Self {
        let refusal = Self::new(StatusCode::BAD_REQUEST, "bad_request", message);
        match field {
            "" => refusal,
            _ => refusal.with("field", field.into()),
        }
    }

    /// With another member beside code and message.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        if let Some(error) = self.body.get_mut("error").and_then(Value::as_object_mut) {
            error.insert(name.to_owned(), value);
        }
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, axum::Json(self.body)).into_response()
    }
}
