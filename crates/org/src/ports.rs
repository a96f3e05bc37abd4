//! What chores need: the organization's policies and tree, and a store for what policies cannot
//! hold themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::Timestamp;
use hallpass_iam::generate::sessions::RevocationEntry;
use hallpass_plans::{StepId, StoreFault};
use serde::{Deserialize, Serialize};

/// A call to AWS that brought no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrganizationFault {
    /// Too many requests; nothing was done.
    #[error("AWS is throttling: {message}")]
    Throttled {
        /// AWS's words.
        message: String,
        /// How long it asks us to wait.
        after: Option<Duration>,
    },
    /// Another change is under way (`ConcurrentModificationException`); nothing was done.
    #[error("AWS reports a conflict: {message}")]
    Conflict {
        /// AWS's words.
        message: String,
    },
    /// It is there, or attached, already; nothing was done.
    #[error("it is there already: {message}")]
    AlreadyThere {
        /// AWS's words.
        message: String,
    },
    /// It is not there, or not attached; nothing was done.
    #[error("it is not there: {message}")]
    NotThere {
        /// AWS's words.
        message: String,
    },
    /// Refused for good; nothing was done.
    #[error("AWS refused: {message}")]
    Refused {
        /// AWS's error name.
        code: String,
        /// AWS's words.
        message: String,
    },
    /// No answer, or a server error: whether it was done is not known.
    #[error("AWS could not be reached: {message}")]
    Unreachable {
        /// What happened.
        message: String,
    },
}

/// The constraint of AWS that a policy is too long.
const TOO_LONG: &str = "POLICY_CONTENT_LIMIT_EXCEEDED";

impl OrganizationFault {
    /// Whether AWS refused a policy because it is longer than the organization's quota.
    pub(crate) fn is_of_length(&self) -> bool {
        match self {
            Self::Refused { code, message } => code == TOO_LONG || message.contains(TOO_LONG),
            Self::Throttled { .. }
            | Self::Conflict { .. }
            | Self::AlreadyThere { .. }
            | Self::NotThere { .. }
            | Self::Unreachable { .. } => false,
        }
    }
}

/// What AWS refused, in words that name its error once.
pub(crate) fn refused_words(code: &str, message: &str) -> String {
    if message.starts_with(code) {
        message.to_owned()
    } else {
        format!("{code}: {message}")
    }
}

/// Who we are, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The account of our credentials.
    pub account: String,
    /// The principal of our credentials.
    pub arn: String,
    /// The organization, `o-…`.
    pub organization: String,
    /// Its management account.
    pub management_account: String,
    /// Whether our account is a delegated administrator for any service.
    pub is_delegated: bool,
}

/// The root of the organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Its id, `r-…`.
    pub id: String,
    /// Whether service control policies are enabled on it.
    pub scps_enabled: bool,
}

/// A service control policy, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRow {
    /// Its id, `p-…`.
    pub id: String,
    /// Its name, unique in the organization.
    pub name: String,
    /// Whether AWS made it.
    pub aws_managed: bool,
}

/// A service control policy with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyText {
    /// The policy.
    pub row: PolicyRow,
    /// Its text, as stored.
    pub content: String,
}

/// What a policy is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// The root.
    Root,
    /// An organizational unit.
    Unit,
    /// An account.
    Account,
}

/// One place a policy is attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentTarget {
    /// The root's, unit's or account's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Which of them it is.
    pub kind: TargetKind,
}

/// An account of the organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it is active.
    pub active: bool,
}

/// A policy to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPolicy {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its text.
    pub content: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// Whether something is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPresence {
    /// It is.
    There,
    /// It is missing.
    NotThere,
    /// We may not look, and why.
    Unseen(String),
}

/// The organization's service control policies and tree. Listings are whole or fail. Reads are tried
/// again by the implementation, writes never. Listings may lag behind writes.
#[async_trait]
pub trait Organization: Send + Sync {
    /// Who we are.
    async fn caller(&self) -> Result<CallerIdentity, OrganizationFault>;
    /// The root.
    async fn root(&self) -> Result<Root, OrganizationFault>;
    /// Every service control policy.
    async fn policies(&self) -> Result<Vec<PolicyRow>, OrganizationFault>;
    /// One policy; `None` when there is none of that id.
    async fn policy(&self, id: &str) -> Result<Option<PolicyText>, OrganizationFault>;
    /// Makes a policy and returns its id. [`OrganizationFault::AlreadyThere`] when the name is taken.
    async fn create_policy(&self, policy: &NewPolicy) -> Result<String, OrganizationFault>;
    /// Puts another text into a policy.
    async fn update_policy(&self, id: &str, content: &str) -> Result<(), OrganizationFault>;
    /// Deletes a policy that is attached nowhere.
    async fn delete_policy(&self, id: &str) -> Result<(), OrganizationFault>;
    /// Attaches a policy. [`OrganizationFault::AlreadyThere`] when it is.
    async fn attach(&self, policy: &str, target: &str) -> Result<(), OrganizationFault>;
    /// Detaches a policy. [`OrganizationFault::NotThere`] when it is not attached.
    async fn detach(&self, policy: &str, target: &str) -> Result<(), OrganizationFault>;
    /// What a policy is attached to; [`OrganizationFault::NotThere`] when there is no such policy.
    async fn targets_of(&self, policy: &str) -> Result<Vec<AttachmentTarget>, OrganizationFault>;
    /// The policies attached to a target itself; [`OrganizationFault::NotThere`] when there is no such target.
    async fn policies_of(&self, target: &str) -> Result<Vec<PolicyRow>, OrganizationFault>;
    /// Tags of an account or a policy.
    async fn tags(&self, id: &str) -> Result<BTreeMap<String, String>, OrganizationFault>;
    /// The accounts below a root or unit, however deep; an account alone is below itself.
    async fn accounts_below(&self, target: &str) -> Result<Vec<AccountRow>, OrganizationFault>;
    /// Whether an account has a role of that path and name (`path/name`, `*` allowed).
    async fn role_in(&self, account: &str, role: &str)
    -> Result<TargetPresence, OrganizationFault>;
}

/// An outage drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// Its id, 12 hex digits.
    pub id: String,
    /// What it is attached to.
    pub target: String,
    /// The accounts below.
    pub accounts: Vec<String>,
    /// The policy's text.
    pub statement: String,
    /// When it begins to deny.
    pub starts_at: Timestamp,
    /// When it stops denying.
    pub ends_at: Timestamp,
    /// When it was seen attached.
    pub applied_at: Option<Timestamp>,
    /// When it was seen gone.
    pub removed_at: Option<Timestamp>,
}

/// An entry of a revocation policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// The policy's name.
    pub policy: String,
    /// Whose sessions.
    pub entry: RevocationEntry,
    /// When the last of them has ended.
    pub ends_at: Timestamp,
}

/// What policies cannot hold themselves.
#[async_trait]
pub trait OrgStore: Send + Sync {
    /// Keeps a drill in place of the one of its id.
    async fn keep_drill(&self, drill: &Drill) -> Result<(), StoreFault>;
    /// One drill.
    async fn drill(&self, id: &str) -> Result<Option<Drill>, StoreFault>;
    /// Every drill, the last to end first.
    async fn drills(&self) -> Result<Vec<Drill>, StoreFault>;
    /// Keeps entries in place of equal ones.
    async fn keep_revocations(&self, rows: &[Revocation]) -> Result<(), StoreFault>;
    /// Forgets entries of a policy.
    async fn drop_revocations(
        &self,
        policy: &str,
        entries: &[RevocationEntry],
    ) -> Result<(), StoreFault>;
    /// Every entry, by policy.
    async fn revocations(&self) -> Result<Vec<Revocation>, StoreFault>;
}

/// What was told of steps that wait, between the process that hears of it and the one that waits (`organization.md` V-8).
#[async_trait]
pub trait StepNews: Send + Sync {
    /// Something was told of these steps, all or none. May be repeated: a step then asks once more.
    async fn tell(&self, steps: &[StepId], at: Timestamp) -> Result<(), StoreFault>;
    /// How often something was told of a step; it never falls while a step waits.
    async fn told(&self, step: &StepId) -> Result<u64, StoreFault>;
}
