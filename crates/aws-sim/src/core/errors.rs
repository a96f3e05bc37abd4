//! Refusals, and their wording per protocol and service (`simulator.md` ).

use hallpass_aws_model::{Violation, message};
use serde_json::Value;

use super::denials::KeptDenial;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    pub code: String,
    pub http: u16,
    pub message: String,
    pub members: Vec<(&'static str, Value)>,
    pub class: ErrorClass,
    /// The denying policy or rule, for the call log.
    pub denied_by: Option<Box<Value>>,
    /// The record behind its authorization id.
    pub kept: Option<Box<KeptDenial>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorClass {
    Client,
    Server,
    Throttled,
    Denied,
    AuthFailed,
    /// In the model, but not simulated (`simulator.md` Z-2).
    Unsupported,
}

impl ErrorClass {
    /// The call log's outcome; `ok` without an error.
    pub(crate) fn outcome(class: Option<Self>) -> &'static str {
        match class {
            None => "ok",
            Some(Self::Client) => "client_error",
            Some(Self::Server) => "server_error",
            Some(Self::Throttled) => "throttled",
            Some(Self::Denied) => "denied",
            Some(Self::AuthFailed) => "auth_failed",
            Some(Self::Unsupported) => "unsupported",
        }
    }
}

/// The default error status (`simulator.md` R-2).
pub(crate) const BAD_REQUEST: u16 = 400;

impl ApiError {
    /// A client error; its status comes from the service's table if listed there.
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            http: BAD_REQUEST,
            message: message.into(),
            members: Vec::new(),
            class: ErrorClass::Client,
            denied_by: None,
            kept: None,
        }
    }

    pub(crate) fn denied(code: &str, message: impl Into<String>) -> Self {
        Self {
            class: ErrorClass::Denied,
            ..Self::new(code, message)
        }
    }

    #[must_use]
    pub(crate) fn status(mut self, http: u16) -> Self {
        self.http = http;
        self
    }

    #[must_use]
    pub(crate) fn class(mut self, class: ErrorClass) -> Self {
        self.class = class;
        self
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((name, value.into()));
        self
    }
}

/// The errors common to all services, in one service's words.
#[derive(Clone, Copy)]
pub(crate) struct ErrorForms {
    /// Unreadable request or wrong member type.
    pub unreadable: fn(&str) -> ApiError,
    pub invalid: fn(&Value, &[Violation]) -> ApiError,
    pub page_token: fn() -> ApiError,
    pub throttled: fn() -> ApiError,
    pub denied: fn(&str) -> ApiError,
    pub internal: fn(&str) -> ApiError,
}

const RATE: &str = "Rate exceeded";

pub(crate) const JSON: ErrorForms = ErrorForms {
    unreadable: |text| ApiError::new("SerializationException", text),
    invalid: |_, violations| ApiError::new("ValidationException", message(violations)),
    page_token: || ApiError::new("ValidationException", BAD_TOKEN),
    throttled: || ApiError::new("ThrottlingException", RATE),
    denied: |text| ApiError::denied("AccessDeniedException", text),
    internal: |text| ApiError::new("InternalServerException", text),
};

pub(crate) const REST_JSON: ErrorForms = ErrorForms {
    unreadable: |text| ApiError::new("InvalidRequestException", text),
    invalid: |_, violations| ApiError::new("InvalidRequestException", message(violations)),
    page_token: || ApiError::new("InvalidRequestException", BAD_TOKEN),
    throttled: || ApiError::new("TooManyRequestsException", RATE).status(429),
    ..JSON
};

/// As [`REST_JSON`], for services that use `ValidationException` for all invalid input.
pub(crate) const REST_JSON_VALIDATION: ErrorForms = ErrorForms {
    unreadable: |text| ApiError::new("ValidationException", text),
    invalid: |_, violations| ApiError::new("ValidationException", message(violations)),
    page_token: || ApiError::new("ValidationException", BAD_TOKEN),
    denied: |text| ApiError::denied("AccessDeniedException", text).status(403),
    ..REST_JSON
};

/// For Query, and services with XML answers.
pub(crate) const QUERY: ErrorForms = ErrorForms {
    unreadable: |text| ApiError::new("MalformedInput", text),
    invalid: |_, violations| ApiError::new("ValidationError", message(violations)),
    page_token: || ApiError::new("ValidationError", "The pagination marker is not valid."),
    throttled: || ApiError::new("Throttling", RATE),
    denied: |text| ApiError::denied("AccessDenied", text).status(403),
    internal: |text| ApiError::new("InternalFailure", text),
};

const BAD_TOKEN: &str = "The pagination token is not valid.";
