//! What remediating needs from outside.

use std::fmt;

use async_trait::async_trait;
use hallpass_base::{AccountId, Timestamp};
use serde_json::{Map, Value, json};

use crate::remediation::decide::AccountStanding;
use crate::remediation::item::{Remediation, RemediationId, RemediationPhase};

/// The session that the role of a member account is assumed with (`organization.md` R-5).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberSession {
    /// Its name, which `CloudTrail` shows there.
    pub name: String,
    /// The session policy: the action's calls on this resource, where the service can say so.
    pub policy: String,
}

/// Actions, and the resources that they are allowed on.
pub(crate) type Allowed = (Vec<&'static str>, Vec<String>);

impl MemberSession {
    /// The session of a remediation: these actions on these resources and nothing else.
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

/// Where a call is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPlace {
    /// The account whose role is assumed.
    pub account: AccountId,
    /// The Region.
    pub region: String,
    /// With which session.
    pub session: MemberSession,
}

/// What a failed call is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberFaultKind {
    /// Too fast, no answer, a mistake of the service's. Whether a write had its effect is not known.
    Passing,
    /// Another operation is under way there.
    Conflict,
    /// The role of the account cannot be assumed: nothing was sent.
    NotEntered,
    /// The same answer each time.
    Refused,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct MemberFault {
    /// What it is worth.
    pub kind: MemberFaultKind,
    /// The name of the error.
    pub code: String,
    /// What the service says of it.
    pub message: String,
}

/// Service and operation.
pub type MemberOperation = (&'static str, &'static str);

/// An answer, and what the next page is asked with.
pub type MemberAnswer = (Value, Option<Map<String, Value>>);

/// Calls inside member accounts, with a session of their own for each remediation.
#[async_trait]
pub trait MemberCalls: Send + Sync {
    /// One call that reads. Whoever implements this repeats what is worth it.
    async fn read(
        &self,
        place: &MemberPlace,
        operation: MemberOperation,
        input: &Value,
    ) -> Result<MemberAnswer, MemberFault>;

    /// One call that changes something, sent once: whether it is sent again is decided after a look.
    async fn send(
        &self,
        place: &MemberPlace,
        operation: MemberOperation,
        input: &Value,
    ) -> Result<Value, MemberFault>;
}

/// What code of somebody's own answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeAnswer {
    /// The status of HTTP.
    pub status: u16,
    /// What it said, as far as that is kept.
    pub text: String,
}

/// Calls of code of somebody's own that brought no answer that counts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeFault {
    /// Worth another try: no answer, or one that asks for it. Whether it was done is not known.
    #[error("{0}")]
    Passing(String),
    /// The same answer each time.
    #[error("{0}")]
    Refused(String),
}

/// Which code of somebody's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CalledCode {
    /// A table of `[[webhooks]]`, by its name.
    Webhook(String),
    /// A function of Lambda, by its ARN.
    Function(String),
}

/// Code of somebody's own.
#[async_trait]
pub trait OwnCode: Send + Sync {
    /// One call, signed, with an id that is the same whenever it is repeated, so that it is done once. Bounded in time and
    /// size by whoever implements this.
    async fn call(&self, of: &CalledCode, id: &str, body: &Value) -> Result<CodeAnswer, CodeFault>;
}

/// What the organization knows of accounts.
#[async_trait]
pub trait AccountStandings: Send + Sync {
    /// Whether an account is the organization's, and where in it; what went wrong where that cannot be known now.
    async fn standing(&self, account: &AccountId) -> Result<AccountStanding, String>;
}

/// The store did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemediationStoreFault {
    /// It does not answer; nothing was half done.
    #[error("store: {0}")]
    Unavailable(String),
    /// Somebody else wrote it first.
    #[error("`{0}` was changed meanwhile")]
    Raced(RemediationId),
}

/// Where a listing goes on, the newest first: after this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemediationCursor {
    decided_at: Timestamp,
    id: RemediationId,
}

impl RemediationCursor {
    /// After a remediation.
    pub fn after(it: &Remediation) -> Self {
        Self {
            decided_at: it.decided_at,
            id: it.id.clone(),
        }
    }

    /// Reads one as it was written.
    pub fn read(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('.')?;
        Some(Self {
            decided_at: Timestamp::from_millisecond(at.parse().ok()?).ok()?,
            id: RemediationId::read(id)?,
        })
    }

    /// When the one that it is after was decided, to the millisecond, and its id.
    pub fn place(&self) -> (i64, &str) {
        (self.decided_at.as_millisecond(), self.id.as_str())
    }
}

impl fmt::Display for RemediationCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.decided_at.as_millisecond(), self.id)
    }
}

/// Which remediations are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemediationFilter {
    /// All.
    All,
    /// Those that wait for people: to approve them, or to see to them.
    Backlog,
}

impl RemediationFilter {
    /// Whether one is listed.
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

/// Remediations, on stable storage when a call returns.
#[async_trait]
pub trait RemediationStore: Send + Sync {
    /// Keeps one that is new; false where there is one of its id already, which stays.
    async fn begin_remediation(&self, new: &Remediation) -> Result<bool, RemediationStoreFault>;
    /// Writes one over the version that it has; the stored version is one more.
    async fn change_remediation(&self, it: &Remediation) -> Result<(), RemediationStoreFault>;
    /// One of them.
    async fn remediation(
        &self,
        id: &RemediationId,
    ) -> Result<Option<Remediation>, RemediationStoreFault>;
    /// The newest, at most so many. One that cannot be read is logged and left out.
    async fn remediations(
        &self,
        filter: RemediationFilter,
        most: usize,
    ) -> Result<Vec<Remediation>, RemediationStoreFault>;
    /// Those that something is to be done about at `now`, at most so many: the first due of each account, then the second
    /// of each, so that one account with many delays no other. One that cannot be read is logged and left out.
    async fn due_remediations(
        &self,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<Remediation>, RemediationStoreFault>;
    /// How many of a rule act since then.
    async fn acting_since(
        &self,
        rule: &str,
        since: Timestamp,
    ) -> Result<u32, RemediationStoreFault>;
    /// Those of a resource that moved since then (`moved_at`), the one decided last first; an error where one of them
    /// cannot be read, because decisions count them.
    async fn of_resource(
        &self,
        of: (&AccountId, &str),
        since: Timestamp,
    ) -> Result<Vec<Remediation>, RemediationStoreFault>;
    /// Who paused all writes, and when.
    async fn paused(&self) -> Result<Option<(String, Timestamp)>, RemediationStoreFault>;
    /// Pauses all writes, or lets them go on.
    async fn set_paused(
        &self,
        paused: Option<(String, Timestamp)>,
    ) -> Result<(), RemediationStoreFault>;
    /// Forgets what is over and has not moved since then.
    async fn forget_remediations(&self, before: Timestamp) -> Result<(), RemediationStoreFault>;
}
