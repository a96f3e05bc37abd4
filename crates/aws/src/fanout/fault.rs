//! Classifies refusals (`inventory.md` F-8).

use hallpass_aws_model::wire::{WireError, WireResponse};
use hallpass_plans::fanout::{CallFault, FailureStage, FaultKind};

pub(super) const THROTTLED: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];
const EXPIRED: &[&str] = &["ExpiredToken", "ExpiredTokenException"];
pub(super) const PASSING: &[&str] = &["RequestTimeout", "RequestTimeoutException"];

pub(super) fn refused(response: &WireResponse<'_>, error: WireError) -> CallFault {
    let named = |names: &[&str]| names.contains(&error.code.as_str());
    let kind = match response.status {
        429 => FaultKind::Throttled,
        _ if named(THROTTLED) => FaultKind::Throttled,
        _ if named(EXPIRED) => FaultKind::Expired,
        // permanently unsupported by the service
        501 => FaultKind::Final,
        500.. => FaultKind::Passing,
        _ if named(PASSING) => FaultKind::Passing,
        _ if error.code.starts_with("AccessDenied") => FaultKind::Denied,
        401 | 403 => FaultKind::Denied,
        _ if error.code == "UnauthorizedOperation" => FaultKind::Denied,
        _ => FaultKind::Final,
    };
    let seconds: Option<u64> = response
        .header("retry-after")
        .and_then(|it| it.trim().parse().ok());
    CallFault {
        kind,
        stage: FailureStage::Call,
        code: error.code,
        message: error.message,
        http: Some(response.status),
        request_id: error.request_id,
        retry_after_ms: seconds.map(|it| it.saturating_mul(1_000)),
    }
}

pub(super) fn unanswered(message: &str) -> CallFault {
    CallFault {
        kind: FaultKind::Passing,
        ..ours(FailureStage::Call, "NoAnswer", message)
    }
}

pub(super) fn undecodable(message: &str) -> CallFault {
    let message = format!("the answer cannot be understood: {message}");
    ours(FailureStage::Decode, "Undecodable", &message)
}

pub(super) fn denied_here(code: &str, message: &str) -> CallFault {
    ours(FailureStage::Call, code, message)
}

fn ours(stage: FailureStage, code: &str, message: &str) -> CallFault {
    CallFault {
        kind: FaultKind::Final,
        stage,
        code: code.to_owned(),
        message: message.to_owned(),
        http: None,
        request_id: None,
        retry_after_ms: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_sorted() {
        for (status, code, expected) in [
            (400, "ThrottlingException", FaultKind::Throttled),
            (503, "RequestLimitExceeded", FaultKind::Throttled),
            (429, "HTTP 429", FaultKind::Throttled),
            (503, "SlowDown", FaultKind::Throttled),
            (500, "InternalError", FaultKind::Passing),
            (502, "HTTP 502", FaultKind::Passing),
            (501, "NotSimulated", FaultKind::Final),
            (400, "AccessDeniedException", FaultKind::Denied),
            (403, "AccessDenied", FaultKind::Denied),
            (403, "UnauthorizedOperation", FaultKind::Denied),
            (401, "AuthFailure", FaultKind::Denied),
            (403, "ExpiredToken", FaultKind::Expired),
            (400, "ExpiredTokenException", FaultKind::Expired),
            (400, "ValidationException", FaultKind::Final),
            (404, "NoSuchEntity", FaultKind::Final),
            (400, "LimitExceededException", FaultKind::Final),
        ] {
            let response = WireResponse {
                status,
                headers: &[],
                body: b"",
            };
            let error = WireError {
                code: code.to_owned(),
                message: String::new(),
                request_id: None,
            };
            assert_eq!(refused(&response, error).kind, expected, "{status} {code}");
        }
    }
}
