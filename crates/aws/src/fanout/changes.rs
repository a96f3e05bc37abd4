use hallpass_enforcement::OrganizationFault;
use hallpass_inventory::SliceFailure;
use hallpass_inventory::collect::CallPlace;
use hallpass_plans::fanout::{CallFault, FaultKind};
use serde_json::Value;
use std::time::Duration;

use super::collect::{OrganizationCalls, SendFailure};
use super::fault::{PASSING, THROTTLED};

const CONFLICTS: &[&str] = &[
    "ConcurrentModificationException",
    "ConflictException",
    "OperationInProgressException",
    "ResourceInUseException",
];
const ALREADY: &[&str] = &[
    "AccountAlreadyRegisteredException",
    "ResourceConflictException",
];
const MISSING: &[&str] = &["AccountNotRegisteredException", "ResourceNotFoundException"];

impl OrganizationCalls {
    /// As [`call_in`](Self::call_in), for a write that is sent once.
    ///
    /// # Errors
    /// AWS's error, and what is known of the effect.
    pub async fn send_in(
        &self,
        place: &CallPlace,
        region: Option<&str>,
        call: (&'static str, &'static str),
        input: &Value,
    ) -> Result<Value, OrganizationFault> {
        let sent = self.once_only(place, region, call, input).await;
        sent.map_err(|failure| match failure {
            SendFailure::Entering(failure) => not_entered(failure),
            SendFailure::Call(fault) => fault_of(fault),
        })
    }
}

/// Whether a given-up call may succeed minutes later.
pub fn is_passing(failure: &SliceFailure) -> bool {
    let named = |names: &[&str]| names.contains(&failure.code.as_str());
    match failure.http_status {
        // permanently unsupported by the service
        Some(501) => false,
        Some(429 | 500..) => true,
        Some(_) => named(THROTTLED) || named(PASSING),
        None => failure.code == "NoAnswer",
    }
}

fn not_entered(failure: SliceFailure) -> OrganizationFault {
    if is_passing(&failure) {
        let message = format!("{}: {}", failure.code, failure.message);
        return OrganizationFault::Throttled {
            message,
            after: None,
        };
    }
    OrganizationFault::Refused {
        code: failure.code,
        message: format!("the account could not be entered: {}", failure.message),
    }
}

fn fault_of(fault: CallFault) -> OrganizationFault {
    let named = |names: &[&str]| names.contains(&fault.code.as_str());
    let message = fault.message.clone();
    match fault.kind {
        FaultKind::Throttled => OrganizationFault::Throttled {
            message,
            after: fault.retry_after_ms.map(Duration::from_millis),
        },
        FaultKind::Passing | FaultKind::Expired => OrganizationFault::Unreachable { message },
        FaultKind::Denied | FaultKind::Final if named(CONFLICTS) => {
            OrganizationFault::Conflict { message }
        }
        FaultKind::Denied | FaultKind::Final if named(ALREADY) => {
            OrganizationFault::AlreadyThere { message }
        }
        FaultKind::Denied | FaultKind::Final if named(MISSING) => {
            OrganizationFault::NotThere { message }
        }
        FaultKind::Denied | FaultKind::Final => OrganizationFault::Refused {
            code: fault.code,
            message,
        },
    }
}

#[cfg(test)]
mod tests {
    use hallpass_plans::fanout::FailureStage;

    use super::*;

    fn fault(kind: FaultKind, code: &str) -> OrganizationFault {
        fault_of(CallFault {
            kind,
            stage: FailureStage::Call,
            code: code.to_owned(),
            message: "no".to_owned(),
            http: Some(400),
            request_id: None,
            retry_after_ms: Some(1_500),
        })
    }

    #[test]
    fn faults_of_writes_are_sorted() {
        let message = || "no".to_owned();
        let conflict = OrganizationFault::Conflict { message: message() };
        let already = OrganizationFault::AlreadyThere { message: message() };
        let missing = OrganizationFault::NotThere { message: message() };
        let silent = OrganizationFault::Unreachable { message: message() };
        for (kind, code, expected) in [
            (
                FaultKind::Final,
                "ConcurrentModificationException",
                conflict,
            ),
            (
                FaultKind::Final,
                "AccountAlreadyRegisteredException",
                already,
            ),
            (FaultKind::Final, "AccountNotRegisteredException", missing),
            (FaultKind::Passing, "InternalError", silent),
        ] {
            assert_eq!(fault(kind, code), expected, "{code}");
        }
        let denied = fault(FaultKind::Denied, "AccessDeniedException");
        assert!(
            matches!(denied, OrganizationFault::Refused { ref code, .. } if code == "AccessDeniedException")
        );
        let throttled = fault(FaultKind::Throttled, "ThrottlingException");
        let after = Some(Duration::from_millis(1_500));
        let message = message();
        assert_eq!(throttled, OrganizationFault::Throttled { message, after });
    }

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        for (code, http, expected) in [
            ("NoAnswer", None, true),
            ("NoCredentials", None, false),
            ("InternalError", Some(500), true),
            ("NotSimulated", Some(501), false),
            ("Throttling", Some(400), true),
            ("AccessDenied", Some(403), false),
        ] {
            let failure = SliceFailure {
                stage: "call".to_owned(),
                operation: "ListGraphs".to_owned(),
                code: code.to_owned(),
                message: String::new(),
                http_status: http,
                attempts: 3,
                request_id: None,
            };
            assert_eq!(is_passing(&failure), expected, "{code}");
        }
    }
}
