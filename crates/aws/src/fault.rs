//! Classifies AWS's error names and HTTP statuses into the faults of the assignment owner. Names
//! may be decorated (`prefix#Name:link`), messages spelled `Message` or `message`; the SDK reads
//! both.

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use hallpass_assignments::CenterFault;
use hallpass_aws_model::wire::key_reason;
use hallpass_base::with_causes;
use serde_json::Value;

/// Maximum pause requested by AWS that is honoured.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(20);
/// A made-up error name: the SDK found no credentials to sign with.
const NO_CREDENTIALS: &str = "CredentialsNotLoaded";
/// A generic error of Organizations, specified by its member `Reason`.
const CONSTRAINT: &str = "ConstraintViolationException";

/// A failed call, with details for retries and listings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CallFailure {
    pub(crate) fault: CenterFault,
    pub(crate) code: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

#[derive(Clone, Debug, Default)]
struct ErrorAnswer {
    status: u16,
    code: Option<String>,
    message: Option<String>,
    resource: Option<String>,
    /// Why Identity Center cannot use its customer managed key.
    key: Option<String>,
    reason: Option<String>,
    retry_after: Option<Duration>,
}

impl CallFailure {
    pub(crate) fn unparsable(what: &str) -> Self {
        Self::unreachable(format!("the answer cannot be understood: {what}"))
    }

    pub(crate) fn timed_out(after: Duration) -> Self {
        Self::unreachable(format!("no answer within {} ms", after.as_millis()))
    }

    pub(crate) fn not_sent() -> Self {
        Self::bare(CenterFault::NotSent)
    }

    /// An error answer read without an SDK crate.
    pub(crate) fn answered(
        status: u16,
        code: Option<&str>,
        message: Option<&str>,
        retry_after: Option<&str>,
    ) -> Self {
        ErrorAnswer {
            code: code.map(plain_name).map(str::to_owned),
            message: message.map(str::to_owned),
            ..ErrorAnswer::read(status, retry_after, &[])
        }
        .into()
    }

    pub(crate) fn unanswered(error: &dyn Error) -> Self {
        Self::unreachable(with_causes(error))
    }

    fn unreachable(message: String) -> Self {
        Self::bare(CenterFault::Unreachable { message })
    }

    fn bare(fault: CenterFault) -> Self {
        Self {
            fault,
            code: None,
            retry_after: None,
        }
    }

    pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::ConstructionFailure(_) => Self::bare(CenterFault::Refused {
                reason: with_causes(error),
            }),
            SdkError::ServiceError(service) => {
                let raw = service.raw();
                let mut answer = ErrorAnswer::read(
                    raw.status().as_u16(),
                    raw.headers().get("retry-after"),
                    raw.body().bytes().unwrap_or_default(),
                );
                answer.code = service.err().code().map(plain_name).map(str::to_owned);
                answer.message = service.err().message().map(str::to_owned);
                answer.into()
            }
            // also answers that do not parse, and failures to get credentials
            _ => match error.raw_response() {
                Some(raw) if raw.status().as_u16() == 429 => ErrorAnswer {
                    status: 429,
                    ..ErrorAnswer::default()
                }
                .into(),
                _ => Self {
                    code: lacks_credentials(error).then(|| NO_CREDENTIALS.to_owned()),
                    ..Self::unreachable(with_causes(error))
                },
            },
        }
    }

    pub(crate) fn is_passing(&self) -> bool {
        match self.fault {
            CenterFault::Throttled { .. } | CenterFault::NotSent => true,
            CenterFault::Unreachable { .. } => !self.is_without_credentials(),
            CenterFault::Full { .. }
            | CenterFault::Conflict { .. }
            | CenterFault::NotFound { .. }
            | CenterFault::KeyUnusable { .. }
            | CenterFault::Refused { .. } => false,
        }
    }

    /// Whether the service is down: no answer, or a server error. Errors about credentials and
    /// clock are answers.
    pub(crate) fn is_silence(&self) -> bool {
        let ours = ["Expired", "InvalidSignature", "Signature"];
        let code = self.code.as_deref().unwrap_or_default();
        let is_of_us = ours.iter().any(|begin| code.starts_with(begin));
        matches!(self.fault, CenterFault::Unreachable { .. }) && !is_of_us
    }

    pub(crate) fn is_without_credentials(&self) -> bool {
        self.code.as_deref() == Some(NO_CREDENTIALS)
    }

    /// Whether AWS did nothing for lack of quota.
    pub(crate) fn is_throttle(&self) -> bool {
        matches!(self.fault, CenterFault::Throttled { .. })
    }

    /// Whether this may be a refused page token (sso-admin and identitystore:
    /// `ValidationException`; organizations: `InvalidInputException`).
    pub(crate) fn may_be_a_stale_token(&self) -> bool {
        matches!(
            self.code.as_deref(),
            Some(
                "ValidationException"
                    | "InvalidInputException"
                    | "InvalidNextTokenException"
                    | "InvalidToken"
            )
        )
    }

    pub(crate) fn outcome(&self) -> &'static str {
        match self.fault {
            CenterFault::Throttled { .. } => "throttled",
            CenterFault::NotSent => "not_sent",
            CenterFault::Full { .. } => "full",
            CenterFault::Conflict { .. } => "conflict",
            CenterFault::NotFound { .. } => "not_found",
            CenterFault::Refused { .. } => "refused",
            CenterFault::KeyUnusable { .. } => "key_unusable",
            CenterFault::Unreachable { .. } => "unreachable",
        }
    }
}

fn lacks_credentials(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(CredentialsError::CredentialsNotLoaded(_)) = error.downcast_ref() {
            return true;
        }
        cause = error.source();
    }
    false
}

impl From<CallFailure> for CenterFault {
    fn from(failure: CallFailure) -> Self {
        failure.fault
    }
}

impl ErrorAnswer {
    fn read(status: u16, retry_after_header: Option<&str>, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let resource = match (text("ResourceType"), text("ResourceId")) {
            (Some(kind), Some(id)) => Some(format!("{kind} {id}")),
            _ => None,
        };
        let seconds = body
            .get("RetryAfterSeconds")
            .and_then(Value::as_u64)
            .or_else(|| retry_after_header.and_then(|text| text.trim().parse().ok()))
            .filter(|seconds| *seconds > 0);
        Self {
            status,
            resource,
            key: key_reason(&body).map(str::to_owned),
            reason: text("Reason").map(str::to_owned),
            retry_after: seconds.map(|s| Duration::from_secs(s).min(RETRY_AFTER_MAX)),
            ..Self::default()
        }
    }

    fn words(&self) -> String {
        let message = self.message.as_deref().unwrap_or_default().trim();
        if let (Some(CONSTRAINT), Some(reason)) = (self.code.as_deref(), &self.reason) {
            return format!("{CONSTRAINT} ({reason}): {message}");
        }
        match (&self.code, message) {
            (Some(code), "") => code.clone(),
            (Some(code), message) => format!("{code}: {message}"),
            (None, "") => format!("HTTP status {}", self.status),
            (None, message) => format!("HTTP status {}: {message}", self.status),
        }
    }

    fn missing(&self) -> String {
        self.resource.clone().unwrap_or_else(|| self.words())
    }
}

impl From<ErrorAnswer> for CallFailure {
    fn from(answer: ErrorAnswer) -> Self {
        let words = answer.words();
        // takes precedence over the exception's name: "not found" then means the key
        if let Some(reason) = &answer.key {
            return Self {
                fault: CenterFault::KeyUnusable {
                    message: format!("{words} ({reason})"),
                },
                code: Some(reason.clone()),
                retry_after: answer.retry_after,
            };
        }
        let fault = match kind(answer.status, answer.code.as_deref(), &words) {
            CallFaultKind::Throttled => CenterFault::Throttled { message: words },
            CallFaultKind::Full => CenterFault::Full { message: words },
            CallFaultKind::Conflict => CenterFault::Conflict { message: words },
            CallFaultKind::NotFound => CenterFault::NotFound {
                what: answer.missing(),
            },
            CallFaultKind::Refused => CenterFault::Refused { reason: words },
            CallFaultKind::Unreachable => CenterFault::Unreachable { message: words },
        };
        Self {
            fault,
            code: answer.code,
            retry_after: answer.retry_after,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CallFaultKind {
    Throttled,
    Full,
    Conflict,
    NotFound,
    Refused,
    Unreachable,
}

fn kind(status: u16, code: Option<&str>, words: &str) -> CallFaultKind {
    let Some(code) = code else {
        // without a name it is probably a proxy, or a truncated answer
        return match status {
            429 => CallFaultKind::Throttled,
            _ => CallFaultKind::Unreachable,
        };
    };
    match code {
        // means pending work at AWS, not the call rate: equal name, different message
        "ThrottlingException" if words.contains("too many requests processing") => CallFaultKind::Full,
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "RequestLimitExceeded"
        | "SlowDown" => CallFaultKind::Throttled,
        "ConflictException"
        | "ConcurrentModificationException"
        // S3: a concurrent write of the same key
        | "ConditionalRequestConflict"
        | "OperationAborted" => CallFaultKind::Conflict,
        "InternalServerException"
        | "InternalServerError"
        | "InternalFailure"
        | "ServiceException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "RequestTimeout"
        | "RequestTimeoutException" => CallFaultKind::Unreachable,
        // concerns this signature only: the next uses fresh credentials
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "RequestTimeTooSkewed" => {
            CallFaultKind::Unreachable
        }
        // clock skew; the SDK learns it from this answer and signs again
        "InvalidSignatureException" | "SignatureDoesNotMatch"
            if words.contains("Signature expired") || words.contains("not yet current") =>
        {
            CallFaultKind::Unreachable
        }
        _ if code.ends_with("NotFoundException") => CallFaultKind::NotFound,
        _ if status == 429 => CallFaultKind::Throttled,
        _ if status >= 500 => CallFaultKind::Unreachable,
        _ => CallFaultKind::Refused,
    }
}

/// An error name without namespace before `#` and link after `:`.
fn plain_name(name: &str) -> &str {
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    name.rsplit_once('#').map_or(name, |(_, name)| name).trim()
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
