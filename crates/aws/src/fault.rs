//! What a failed call means: AWS's error names and HTTP statuses, sorted into the faults that the
//! owner of assignments tells apart. Names may come decorated (`prefix#Name:link`), message
//! members may be spelled `Message` or `message`; the SDK reads both.

use std::error::Error;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use hallpass_assignments::CenterFault;
use hallpass_aws_model::wire::key_reason;
use hallpass_base::with_causes;
use serde_json::Value;

/// The longest wait we let AWS ask us for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(20);
/// The error of Organizations for many things, of which its member `Reason` says one.
const CONSTRAINT: &str = "ConstraintViolationException";

/// A call without a result, with what only retries and listings look at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CallFailure {
    /// What it means.
    pub(crate) fault: CenterFault,
    /// AWS's error name, undecorated.
    pub(crate) code: Option<String>,
    /// How long AWS asks us to wait.
    pub(crate) retry_after: Option<Duration>,
}

/// What an error answer says, taken apart.
#[derive(Clone, Debug, Default)]
struct ErrorAnswer {
    status: u16,
    code: Option<String>,
    message: Option<String>,
    resource: Option<String>,
    /// Why Identity Center cannot use its customer managed key.
    key: Option<String>,
    /// Which of its constraints a service of the organization means.
    reason: Option<String>,
    retry_after: Option<Duration>,
}

impl CallFailure {
    /// An answer that cannot be understood.
    pub(crate) fn unparsable(what: &str) -> Self {
        Self::unreachable(format!("the answer cannot be understood: {what}"))
    }

    /// No answer came in time.
    pub(crate) fn timed_out(after: Duration) -> Self {
        Self::unreachable(format!("no answer within {} ms", after.as_millis()))
    }

    /// Our own rate limiter let no request through in time; nothing was sent.
    pub(crate) fn not_sent() -> Self {
        Self::bare(CenterFault::NotSent)
    }

    /// An error answer that was read without an SDK crate.
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

    /// Nothing that could be called an answer.
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

    /// Sorts an error of the SDK.
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
                _ => Self::unreachable(with_causes(error)),
            },
        }
    }

    /// Whether a read may be tried again.
    pub(crate) fn is_passing(&self) -> bool {
        match self.fault {
            CenterFault::Throttled { .. }
            | CenterFault::NotSent
            | CenterFault::Unreachable { .. } => true,
            CenterFault::Full { .. }
            | CenterFault::Conflict { .. }
            | CenterFault::NotFound { .. }
            | CenterFault::KeyUnusable { .. }
            | CenterFault::Refused { .. } => false,
        }
    }

    /// Whether this is no answer of the service: none came, or one that says that it is ill. What it says of our credentials
    /// and clock is an answer.
    pub(crate) fn is_silence(&self) -> bool {
        let ours = ["Expired", "InvalidSignature", "Signature"];
        let code = self.code.as_deref().unwrap_or_default();
        let is_of_us = ours.iter().any(|begin| code.starts_with(begin));
        matches!(self.fault, CenterFault::Unreachable { .. }) && !is_of_us
    }

    /// Whether AWS did nothing because too much was asked of it.
    pub(crate) fn is_throttle(&self) -> bool {
        matches!(self.fault, CenterFault::Throttled { .. })
    }

    /// Whether this is how a service refuses a page token (sso-admin and identitystore:
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

    /// The outcome's name in metrics.
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

    /// AWS's words, with the error's name in front, and behind it which constraint was violated.
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

    /// What does not exist; the message alone would read badly before "does not exist".
    fn missing(&self) -> String {
        self.resource.clone().unwrap_or_else(|| self.words())
    }
}

impl From<ErrorAnswer> for CallFailure {
    fn from(answer: ErrorAnswer) -> Self {
        let words = answer.words();
        // before the exception's own name: that nothing is there is said of a key, not of what was asked for
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
        // without a name this is hardly AWS speaking: a proxy, or an answer cut short
        return match status {
            429 => CallFaultKind::Throttled,
            _ => CallFaultKind::Unreachable,
        };
    };
    match code {
        // about work under way at AWS, not about our rate: the names are the same, the words are not
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
        // S3: somebody else writes the same key at this moment
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
        // about this very signature, not about us: the next one is made with fresh credentials
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "RequestTimeTooSkewed" => {
            CallFaultKind::Unreachable
        }
        // our clock is off; the SDK learns the difference from this answer and signs anew
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
