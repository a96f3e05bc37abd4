//! What goes into the state machine and what comes out of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::table::Millis;

/// An identifier as AWS gives it. Cheap to copy, since it is a key in many indexes.
pub(crate) type Id = Arc<str>;

/// The services that have behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum SimService {
    /// IAM Identity Center, signing name `sso`.
    Sso,
    /// The identity store.
    IdentityStore,
    /// AWS Organizations.
    Organizations,
    /// The security token service.
    Sts,
    /// IAM of an account.
    Iam,
    /// EC2, for what a session can be tried with.
    Ec2,
    /// S3, for what a session can be tried with.
    S3,
    /// Sign-in of command lines to the access portal (`sso-oidc`).
    SsoOidc,
    /// The access portal (`sso`).
    SsoPortal,
}

impl SimService {
    /// The name in the credential scope, which is also the name in the call log.
    pub(crate) fn signing_name(self) -> &'static str {
        match self {
            Self::Sso => "sso",
            Self::IdentityStore => "identitystore",
            Self::Organizations => "organizations",
            Self::Sts => "sts",
            Self::Iam => "iam",
            Self::Ec2 => "ec2",
            Self::S3 => "s3",
            Self::SsoOidc => "sso-oauth",
            Self::SsoPortal => "awsssoportal",
        }
    }
}

/// One authenticated request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Call {
    /// Which service.
    pub service: SimService,
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

/// How an asynchronous operation is made to fail.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FailAsync {
    /// The failure reason shown.
    pub reason: String,
    /// Whether the change happens all the same.
    pub done: bool,
}

/// Who calls (`simulator.md` AU-1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AwsCaller {
    /// The account of the credentials.
    pub account: String,
    /// The principal's ARN as `GetCallerIdentity` shows it.
    pub arn: String,
    /// The unique id as `GetCallerIdentity` shows it.
    pub user_id: String,
    /// The access key that signed.
    pub access_key_id: String,
    /// User, root or session.
    pub kind: CallerKind,
    /// When the credentials were issued; 0 for long-lived keys.
    #[serde(default)]
    pub issued: Millis,
    /// When the credentials end; `None` for long-lived keys.
    #[serde(default)]
    pub expires: Option<Millis>,
    /// The source identity of a role session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// The person of a session that the access portal gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Id>,
    /// Path of a role session's role; empty stands for `/` and for the path of roles that Identity
    /// Center makes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role_path: String,
}

/// What kind of principal a caller is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CallerKind {
    /// An IAM user with a long-lived key.
    #[default]
    User,
    /// The account's root.
    Root,
    /// A role session.
    Session,
}

/// The answer: output members, or nothing where the model has no output shape (`simulator.md` R-5).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Output {
    /// Members in the model's order.
    Members(Value),
    /// A whole answer of a service that has no model here; `{request_id}` stands for its id.
    Xml(String),
    /// The operation has no output shape.
    Nothing,
}

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

impl ApiError {
    /// A client error with status 400 (`simulator.md` R-2).
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            http: 400,
            message: message.into(),
            members: Vec::new(),
            class: ErrorClass::Client,
            denied_by: None,
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

/// What `handle` gives back.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a reply carries whether the state changed, which must reach the state log"]
pub(crate) struct CallResult {
    /// The answer or the refusal.
    pub result: Result<Output, ApiError>,
    /// Whether the state changed.
    pub changed: bool,
}
