//! Events that ask for a visit of an account, with the cause (`organization.md` S-8).

use hallpass_base::AccountId;
use hallpass_enforcement::standards_visits::VisitCause;
use serde_json::Value;

use crate::lifecycle::{LIFECYCLE_SOURCE, LifecycleEvent, LifecycleState, LifecycleSubject};

/// Source of Security Hub call events.
const HUB_SOURCE: &str = "aws.securityhub";
/// Event type of recorded calls (Amazon `EventBridge` User Guide, "AWS service events delivered via
/// AWS `CloudTrail`").
const RECORDED_CALL: &str = "AWS API Call via CloudTrail";

pub fn asks_for_visit(source: &str, detail_type: &str) -> bool {
    source == LIFECYCLE_SOURCE || (source == HUB_SOURCE && detail_type == RECORDED_CALL)
}

/// The account to visit; `None` for unrelated or failed events.
pub fn visit_asked_by(source: &str, detail: &Value) -> Option<(AccountId, VisitCause)> {
    if source == HUB_SOURCE {
        let text = |name: &str| detail.get(name).and_then(Value::as_str);
        let is_done = text("errorCode").is_none();
        let account = text("recipientAccountId")
            .filter(|_| text("eventName") == Some("EnableSecurityHub") && is_done)?;
        let account = AccountId::new(account).ok()?;
        return Some((account, VisitCause::HubEnabled));
    }
    let event = LifecycleEvent::read(detail)?;
    match (event.state, event.subject) {
        (LifecycleState::Succeeded, LifecycleSubject::Account { id: Some(id), .. }) => {
            Some((AccountId::new(id).ok()?, VisitCause::Created))
        }
        (LifecycleState::Succeeded | LifecycleState::Failed, _) => None,
    }
}
