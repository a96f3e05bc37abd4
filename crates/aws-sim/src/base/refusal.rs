//! Refusals of the control API, the pages and the simulated Slack's own paths.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    status: StatusCode,
    body: Value,
}

impl Refusal {
    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn message(&self) -> &str {
        let message = self.body.pointer("/error/message");
        message.and_then(Value::as_str).unwrap_or_default()
    }

    pub fn new(status: StatusCode, code: &str, message: &str) -> Self {
        Self {
            status,
            body: json!({ "error": { "code": code, "message": message } }),
        }
    }

    /// Refuses a field; an empty name means the whole body.
    pub fn bad(field: &str, message: &str) -> Self {
        let refusal = Self::new(StatusCode::BAD_REQUEST, "bad_request", message);
        match field {
            "" => refusal,
            _ => refusal.with("field", field.into()),
        }
    }

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
