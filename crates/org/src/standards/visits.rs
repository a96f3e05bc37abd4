//! Accounts that have to be looked at, and what asks for that (`organization.md` S-8).

use async_trait::async_trait;
use hallpass_base::{AccountId, Timestamp};
use hallpass_plans::{PlanId, StoreFault};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::allowed::AppliedFile;
use super::change::StandardsChange;
use crate::lifecycle::{LIFECYCLE_SOURCE, LifecycleEvent, LifecycleState, LifecycleSubject};

/// Why an account is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitCause {
    /// It was made, or came under Control Tower.
    Created,
    /// Security Hub was turned on in it.
    HubEnabled,
    /// A look at the whole organization found that it differs.
    Sweep,
}

impl VisitCause {
    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::HubEnabled => "hub_enabled",
            Self::Sweep => "sweep",
        }
    }
}

/// An account whose standards and controls are to become as the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandardsVisit {
    /// The account.
    pub account: AccountId,
    /// Why.
    pub cause: VisitCause,
    /// Since when.
    pub asked_at: Timestamp,
    /// When it is looked at next.
    pub due: Timestamp,
    /// How often that was done.
    #[serde(default)]
    pub looks: u32,
    /// The plan that was begun for it, as long as it is not known to be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanId>,
    /// What that plan puts back, which people are told of once it is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub put_back: Vec<StandardsChange>,
    /// What kept the last look from an end.
    #[serde(default)]
    pub why: String,
}

impl StandardsVisit {
    /// One that is due at once.
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

/// Where visits are kept.
#[async_trait]
pub trait VisitStore: Send + Sync {
    /// Accounts are to be looked at, all or none. One that is waited for already begins anew, and keeps its plan. May be
    /// repeated: an account is then looked at once more.
    async fn ask_visits(&self, visits: &[StandardsVisit]) -> Result<(), StoreFault>;
    /// What is due, the longest first.
    async fn due_visits(
        &self,
        now: Timestamp,
        most: u32,
    ) -> Result<Vec<StandardsVisit>, StoreFault>;
    /// Puts `then` in the place of a visit, or ends it. `false`, and nothing is changed, where it was asked for at another
    /// instant, or looked at more often, than `before` says: somebody asked for it anew.
    async fn settle_visit(
        &self,
        before: &StandardsVisit,
        then: Option<&StandardsVisit>,
    ) -> Result<bool, StoreFault>;
    /// When the organization was last looked at as a whole.
    async fn last_sweep(&self) -> Result<Option<Timestamp>, StoreFault>;
    /// It was looked at as a whole.
    async fn swept(&self, at: Timestamp) -> Result<(), StoreFault>;
    /// A person applied a file. One with the hash of the last keeps the instant and the person of then.
    async fn file_applied(&self, file: &AppliedFile) -> Result<(), StoreFault>;
    /// The file that a person applied last.
    async fn last_applied(&self) -> Result<Option<AppliedFile>, StoreFault>;
    /// Takes one of the changes of a day (UTC, `2026-11-24`), which has so many at most, for a visit, whatever asked for it.
    /// `false` where all were taken by others. May be repeated: a visit that has one keeps it.
    async fn take_change(
        &self,
        visit: &StandardsVisit,
        of_day: (&str, usize),
    ) -> Result<bool, StoreFault>;
    /// How many changes of a day are taken.
    async fn changes_taken(&self, day: &str) -> Result<usize, StoreFault>;
}

/// Who sends events about calls to Security Hub.
const HUB_SOURCE: &str = "aws.securityhub";
/// What kind of events recorded calls are (Amazon `EventBridge` User Guide, "AWS service events delivered via AWS
/// `CloudTrail`").
const RECORDED_CALL: &str = "AWS API Call via CloudTrail";

/// Whether an event may be about an account that has to be looked at.
pub fn asks_for_visit(source: &str, detail_type: &str) -> bool {
    source == LIFECYCLE_SOURCE || (source == HUB_SOURCE && detail_type == RECORDED_CALL)
}

/// The account that an event asks to look at; `None` of one that is about something else, or that failed.
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
