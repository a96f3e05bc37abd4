//! Refusals, and the words in which each protocol, and a service that differs, puts those that any
//! service has (`simulator.md` ).

use hallpass_aws_model::{Violation, message};
use serde_json::Value;

use super::denials::KeptDenial;

/// A refusal in the words of the service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    /// The error's name.
    pub code: String,
    /// The HTTP status.
    pub http: u16,
    /// The message.
    pub message: String,
    /// Typed members beside the message, such as `Reason` and `ResourceType`.
    pub members: Vec<(&'static str, Value)>,
    /// How the call log files it.
    pub class: ErrorClass,
    /// Which policy or which rule denied, for the call log.
    pub denied_by: Option<Box<Value>>,
    /// What is kept of it by its authorization id.
    pub kept: Option<Box<KeptDenial>>,
}

/// How the call log files an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorClass {
    /// The client's mistake.
    Client,
    /// Ours.
    Server,
    /// Too many calls.
    Throttled,
    /// Not allowed.
    Denied,
    /// Who calls could not be established.
    AuthFailed,
    /// In the model, without behaviour here (`simulator.md` Z-2).
    Unsupported,
}

impl ErrorClass {
    /// What the call log says of a call that ended so; `ok` without an error.
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

/// The status of an error of which nobody says another (`simulator.md` R-2).
pub(crate) const BAD_REQUEST: u16 = 400;

impl ApiError {
    /// A client error; its status is the model's, where the service's table has the error.
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

    /// A refusal to a known caller.
    pub(crate) fn denied(code: &str, message: impl Into<String>) -> Self {
        Self {
            class: ErrorClass::Denied,
            ..Self::new(code, message)
        }
    }

    /// With another HTTP status.
    #[must_use]
    pub(crate) fn status(mut self, http: u16) -> Self {
        self.http = http;
        self
    }

    /// With another class in the call log.
    #[must_use]
    pub(crate) fn class(mut self, class: ErrorClass) -> Self {
        self.class = class;
        self
    }

    /// With a typed member.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((name, value.into()));
        self
    }
}

/// The refusals that any service has, in one service's words.
#[derive(Clone, Copy)]
pub(crate) struct ErrorForms {
    /// The request cannot be read, or a member is of another type.
    pub unreadable: fn(&str) -> ApiError,
    /// The input breaks what the model says of it.
    pub invalid: fn(&Value, &[Violation]) -> ApiError,
    /// The page token was not given for this listing, or is too old.
    pub page_token: fn() -> ApiError,
    /// The bucket is empty.
    pub throttled: fn() -> ApiError,
    /// Policies do not allow the call.
    pub denied: fn(&str) -> ApiError,
    /// The simulator failed.
    pub internal: fn(&str) -> ApiError,
}

const RATE: &str = "Rate exceeded";

/// The usual words of services that speak JSON.
pub(crate) const JSON: ErrorForms = ErrorForms {
    unreadable: |text| ApiError::new("SerializationException", text),
    invalid: |_, violations| ApiError::new("ValidationException", message(violations)),
    page_token: || ApiError::new("ValidationException", BAD_TOKEN),
    throttled: || ApiError::new("ThrottlingException", RATE),
    denied: |text| ApiError::denied("AccessDeniedException", text),
    internal: |text| ApiError::new("InternalServerException", text),
};

/// The usual words of services whose operations are a method and a path.
pub(crate) const REST_JSON: ErrorForms = ErrorForms {
    unreadable: |text| ApiError::new("InvalidRequestException", text),
    invalid: |_, violations| ApiError::new("InvalidRequestException", message(violations)),
    page_token: || ApiError::new("InvalidRequestException", BAD_TOKEN),
    throttled: || ApiError::new("TooManyRequestsException", RATE).status(429),
    ..JSON
};

/// As [`REST_JSON`], of services that call every input they refuse `ValidationException`.
pub(crate) const REST_JSON_VALIDATION: ErrorForms = ErrorForms {
    unreadable: |text| ApiError::new("ValidationException", text),
    invalid: |_, violations| ApiError::new("ValidationException", message(violations)),
    page_token: || ApiError::new("ValidationException", BAD_TOKEN),
    denied: |text| ApiError::denied("AccessDeniedException", text).status(403),
    ..REST_JSON
};

/// The usual words of services that speak Query, and of those that answer in XML.
pub(crate) const QUERY: ErrorForms = ErrorForms {
    unreadable: |text| ApiError::new("MalformedInput", text),
    invalid: |_, violations| ApiError::new("ValidationError", message(violations)),
    page_token: || ApiError::new("ValidationError", "The pagination marker is not valid."),
    throttled: || ApiError::new("Throttling", RATE),
    denied: |text| ApiError::denied("AccessDenied", text).status(403),
    internal: |text| ApiError::new("InternalFailure", text),
};

const BAD_TOKEN: &str = "The pagination token is not valid.";
