//! Visits of accounts for the standards of Security Hub (`organization.md` S-8), as stored.

use async_trait::async_trait;
use hallpass_base::{AccountId, Timestamp};
use hallpass_plans::{PlanId, StoreFault};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangedThing {
    Hub,
    Standard(String),
    Control {
        standard: String,
        control: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeAuthor {
    #[default]
    NotAsked,
    /// `CloudTrail` lacks the change, or does not have it yet.
    NotInLog,
    Unread(String),
    Known {
        who: String,
        at: Timestamp,
        event: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StandardsChange {
    pub region: String,
    pub what: ChangedThing,
    pub wanted_on: bool,
    #[serde(default)]
    pub author: ChangeAuthor,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedFile {
    pub hash: String,
    /// The first apply since another version was applied.
    pub at: Timestamp,
    pub by: String,
}

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
