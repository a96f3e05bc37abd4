//! Accounts to visit, with the cause (`organization.md` S-8).

use async_trait::async_trait;
use hallpass_base::{AccountId, Timestamp};
use hallpass_plans::{PlanId, StoreFault};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::allowed::AppliedFile;
use super::change::StandardsChange;
use crate::lifecycle::{LIFECYCLE_SOURCE, LifecycleEvent, LifecycleState, LifecycleSubject};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitCause {
    /// Created, or enrolled in Control Tower.
    Created,
    HubEnabled,
    /// A sweep found a difference.
    Sweep,
}

impl VisitCause {
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::HubEnabled => "hub_enabled",
            Self::Sweep => "sweep",
        }
    }
}

/// An account to bring in line with the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandardsVisit {
    pub account: AccountId,
    pub cause: VisitCause,
    pub asked_at: Timestamp,
    pub due: Timestamp,
    #[serde(default)]
    pub looks: u32,
    /// The plan in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanId>,
    /// Changes of that plan, reported when it is complete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub put_back: Vec<StandardsChange>,
    /// Why the last look was inconclusive.
    #[serde(default)]
    pub why: String,
}

impl StandardsVisit {
    pub fn now(account: AccountId, cause: VisitCause, now: Timestamp) -> Self {
        Self {
            account,
            cause,
            asked_at: now,
            due: now,
            looks: 0,
            plan: None,
            put_back: Vec::new(),
            why: String::new(),
        }
    }
}

#[async_trait]
pub trait VisitStore: Send + Sync {
    /// Requests visits, atomically. A pending one restarts, and keeps its plan. May be repeated,
    /// with one more look.
    async fn ask_visits(&self, visits: &[StandardsVisit]) -> Result<(), StoreFault>;
    async fn due_visits(
        &self,
        now: Timestamp,
        most: u32,
    ) -> Result<Vec<StandardsVisit>, StoreFault>;
    /// Replaces a visit with `then`, or ends it. Returns `false`, without effect, if request time
    /// or look count differ from `before`: it was requested again.
    async fn settle_visit(
        &self,
        before: &StandardsVisit,
        then: Option<&StandardsVisit>,
    ) -> Result<bool, StoreFault>;
    async fn last_sweep(&self) -> Result<Option<Timestamp>, StoreFault>;
    async fn swept(&self, at: Timestamp) -> Result<(), StoreFault>;
    /// Records a manual apply. A file with the last hash keeps its time and person.
    async fn file_applied(&self, file: &AppliedFile) -> Result<(), StoreFault>;
    async fn last_applied(&self) -> Result<Option<AppliedFile>, StoreFault>;
    /// Reserves one of a UTC day's (`2026-11-24`) changes, at most `most`, for a visit. `false` if
    /// other visits have taken all. May be repeated: a visit keeps its reservation.
    async fn take_change(
        &self,
        visit: &StandardsVisit,
        day: &str,
        most: usize,
    ) -> Result<bool, StoreFault>;
    async fn changes_taken(&self, day: &str) -> Result<usize, StoreFault>;
}

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
