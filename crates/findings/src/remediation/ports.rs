use std::fmt;

use async_trait::async_trait;
use hallpass_base::{AccountId, Timestamp};
use serde_json::{Map, Value, json};

use crate::remediation::decide::AccountStanding;
use crate::remediation::item::{Remediation, RemediationId, RemediationPhase};

/// Session for assuming the role in a member account (`organization.md` R-5).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberSession {
    /// Visible in `CloudTrail`.
    pub name: String,
    /// Session policy: the calls of the action on this resource, where the service supports it.
    pub policy: String,
}

pub(crate) type Allowed = (Vec<&'static str>, Vec<String>);

impl MemberSession {
    pub(crate) fn allowing(remediation: &str, allowed: &[Allowed]) -> Self {
        let statements: Vec<Value> = allowed
            .iter()
            .map(|(actions, on)| json!({ "Effect": "Allow", "Action": actions, "Resource": on }))
            .collect();
        let policy = json!({ "Version": "2012-10-17", "Statement": statements });
        Self {
            name: format!("hp-{remediation}"),
            policy: policy.to_string(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPlace {
    pub account: AccountId,
    pub region: String,
    pub session: MemberSession,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberFaultKind {
    /// Throttling, no response or a service error. A write may have taken effect.
    Passing,
    /// Another operation is in progress.
    Conflict,
    /// Cannot assume the role; nothing was sent.
    NotEntered,
    Refused,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct MemberFault {
    pub kind: MemberFaultKind,
    pub code: String,
    pub message: String,
}

pub type MemberOperation = (&'static str, &'static str);

pub type MemberAnswer = (Value, Option<Map<String, Value>>);

/// Calls in member accounts, with one session per remediation.
#[async_trait]
pub trait MemberCalls: Send + Sync {
    /// Reads. Implementations retry.
    async fn read(
        &self,
        place: &MemberPlace,
        operation: MemberOperation,
        input: &Value,
    ) -> Result<MemberAnswer, MemberFault>;

    /// Writes, exactly once: the caller checks the state before a retry.
    async fn send(
        &self,
        place: &MemberPlace,
        operation: MemberOperation,
        input: &Value,
    ) -> Result<Value, MemberFault>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeAnswer {
    pub status: u16,
    pub text: String,
}

/// Failed calls of customer code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeFault {
    /// Retryable: no response or a retryable one. The change may have happened.
    #[error("{0}")]
    Passing(String),
    #[error("{0}")]
    Refused(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CalledCode {
    Webhook(String),
    Function(String),
}

#[async_trait]
pub trait OwnCode: Send + Sync {
    /// Makes one signed call. Retries use the same id, so that the code can act once.
    /// Implementations limit time and size.
    async fn call(&self, of: &CalledCode, id: &str, body: &Value) -> Result<CodeAnswer, CodeFault>;
}

#[async_trait]
pub trait AccountStandings: Send + Sync {
    /// Returns whether and where an account belongs to the organization; an error means unknown for
    /// now.
    async fn standing(&self, account: &AccountId) -> Result<AccountStanding, String>;
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemediationStoreFault {
    #[error("store: {0}")]
    Unavailable(String),
    #[error("`{0}` was changed meanwhile")]
    Raced(RemediationId),
}

/// Position in a listing, newest first: continues after this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemediationCursor {
    decided_at: Timestamp,
    id: RemediationId,
}

impl RemediationCursor {
    pub fn after(it: &Remediation) -> Self {
        Self {
            decided_at: it.decided_at,
            id: it.id.clone(),
        }
    }

    pub fn read(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('.')?;
        Some(Self {
            decided_at: Timestamp::from_millisecond(at.parse().ok()?).ok()?,
            id: RemediationId::read(id)?,
        })
    }

    pub fn place(&self) -> (i64, &str) {
        (self.decided_at.as_millisecond(), self.id.as_str())
    }
}

impl fmt::Display for RemediationCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.decided_at.as_millisecond(), self.id)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemediationFilter {
    All,
    Backlog,
}

impl RemediationFilter {
    pub const fn takes(self, phase: &RemediationPhase) -> bool {
        match self {
            Self::All => true,
            Self::Backlog => matches!(
                phase,
                RemediationPhase::Waiting { .. } | RemediationPhase::Manual { .. }
            ),
        }
    }
}

/// Stores remediations durably before a call returns.
#[async_trait]
pub trait RemediationStore: Send + Sync {
    /// Inserts a remediation; returns false and keeps the existing one if the id exists.
    async fn begin_remediation(&self, new: &Remediation) -> Result<bool, RemediationStoreFault>;
    /// Overwrites the version that `it` has; increments the stored version.
    async fn change_remediation(&self, it: &Remediation) -> Result<(), RemediationStoreFault>;
    async fn remediation(
        &self,
        id: &RemediationId,
    ) -> Result<Option<Remediation>, RemediationStoreFault>;
    /// Returns the newest, up to a limit. Unreadable rows are logged and skipped.
    async fn remediations(
        &self,
        filter: RemediationFilter,
        most: usize,
    ) -> Result<Vec<Remediation>, RemediationStoreFault>;
    /// Returns remediations due at `now`, up to a limit: the first due of each account, then the
    /// second of each, so that a busy account delays no other. Unreadable rows are logged and
    /// skipped.
    async fn due_remediations(
        &self,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<Remediation>, RemediationStoreFault>;
    async fn acting_since(
        &self,
        rule: &str,
        since: Timestamp,
    ) -> Result<u32, RemediationStoreFault>;
    /// Returns remediations of a resource moved since then (`moved_at`), last decided first. An
    /// unreadable row is an error, because decisions count rows.
    async fn of_resource(
        &self,
        account: &AccountId,
        resource: &str,
        since: Timestamp,
    ) -> Result<Vec<Remediation>, RemediationStoreFault>;
    async fn paused(&self) -> Result<Option<(String, Timestamp)>, RemediationStoreFault>;
    async fn set_paused(
        &self,
        paused: Option<(String, Timestamp)>,
    ) -> Result<(), RemediationStoreFault>;
    async fn forget_remediations(&self, before: Timestamp) -> Result<(), RemediationStoreFault>;
}
