//! Ports of chores: the organization's policies and tree, and a store for data outside policies.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::Timestamp;
use hallpass_iam::generate::sessions::RevocationEntry;
use hallpass_plans::StoreFault;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrganizationFault {
    #[error("AWS is throttling: {message}")]
    Throttled {
        message: String,
        /// Requested wait.
        after: Option<Duration>,
    },
    /// A concurrent change (`ConcurrentModificationException`); nothing was done.
    #[error("AWS reports a conflict: {message}")]
    Conflict { message: String },
    /// Already exists or attached; nothing was done.
    #[error("it is there already: {message}")]
    AlreadyThere { message: String },
    /// Missing or not attached; nothing was done.
    #[error("it is not there: {message}")]
    NotThere { message: String },
    /// Permanently refused; nothing was done.
    #[error("AWS refused: {message}")]
    Refused { code: String, message: String },
    /// No answer, or a server error: the result is unknown.
    #[error("AWS could not be reached: {message}")]
    Unreachable { message: String },
}

/// AWS's constraint for a policy above the size limit.
const TOO_LONG: &str = "POLICY_CONTENT_LIMIT_EXCEEDED";

impl OrganizationFault {
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

/// Contains AWS's error code once.
pub(crate) fn refused_words(code: &str, message: &str) -> String {
    if message.starts_with(code) {
        message.to_owned()
    } else {
        format!("{code}: {message}")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    pub account: String,
    pub arn: String,
    pub organization: String,
    pub management_account: String,
    /// The account is a delegated administrator of any service.
    pub is_delegated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    pub id: String,
    pub scps_enabled: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRow {
    pub id: String,
    /// Unique in the organization.
    pub name: String,
    pub aws_managed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyText {
    pub row: PolicyRow,
    pub content: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    Root,
    Unit,
    Account,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentTarget {
    pub id: String,
    pub name: String,
    pub kind: TargetKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    pub id: String,
    pub name: String,
    pub active: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPolicy {
    pub name: String,
    pub description: String,
    pub content: String,
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPresence {
    There,
    NotThere,
    /// Not permitted to look, with the reason.
    Unseen(String),
}

/// The organization's service control policies and tree. Listings are complete or fail, and may lag
/// behind writes. Implementations retry reads, never writes.
#[async_trait]
pub trait Organization: Send + Sync {
    async fn caller(&self) -> Result<CallerIdentity, OrganizationFault>;
    async fn root(&self) -> Result<Root, OrganizationFault>;
    async fn policies(&self) -> Result<Vec<PolicyRow>, OrganizationFault>;
    /// `None` for an unknown id.
    async fn policy(&self, id: &str) -> Result<Option<PolicyText>, OrganizationFault>;
    /// Returns the new id, or [`OrganizationFault::AlreadyThere`] if the name is taken.
    async fn create_policy(&self, policy: &NewPolicy) -> Result<String, OrganizationFault>;
    async fn update_policy(&self, id: &str, content: &str) -> Result<(), OrganizationFault>;
    /// Requires that the policy is unattached.
    async fn delete_policy(&self, id: &str) -> Result<(), OrganizationFault>;
    /// [`OrganizationFault::AlreadyThere`] if attached.
    async fn attach(&self, policy: &str, target: &str) -> Result<(), OrganizationFault>;
    /// [`OrganizationFault::NotThere`] if not attached.
    async fn detach(&self, policy: &str, target: &str) -> Result<(), OrganizationFault>;
    /// [`OrganizationFault::NotThere`] for an unknown policy.
    async fn targets_of(&self, policy: &str) -> Result<Vec<AttachmentTarget>, OrganizationFault>;
    /// Directly attached policies; [`OrganizationFault::NotThere`] for an unknown target.
    async fn policies_of(&self, target: &str) -> Result<Vec<PolicyRow>, OrganizationFault>;
    async fn tags(&self, id: &str) -> Result<BTreeMap<String, String>, OrganizationFault>;
    /// Accounts at any depth; an account includes itself.
    async fn accounts_below(&self, target: &str) -> Result<Vec<AccountRow>, OrganizationFault>;
    /// Checks for a role by `path/name`, `*` allowed.
    async fn role_in(&self, account: &str, role: &str)
    -> Result<TargetPresence, OrganizationFault>;
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    pub id: String,
    pub target: String,
    pub accounts: Vec<String>,
    pub statement: String,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    /// When its attachment was confirmed.
    pub applied_at: Option<Timestamp>,
    /// When its removal was confirmed.
    pub removed_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    pub policy: String,
    pub entry: RevocationEntry,
    /// End of the last affected session.
    pub ends_at: Timestamp,
}

/// Data that policies cannot store.
#[async_trait]
pub trait OrgStore: Send + Sync {
    /// Replaces a drill of the same id.
    async fn keep_drill(&self, drill: &Drill) -> Result<(), StoreFault>;
    async fn drill(&self, id: &str) -> Result<Option<Drill>, StoreFault>;
    /// Latest end first.
    async fn drills(&self) -> Result<Vec<Drill>, StoreFault>;
    /// Replaces equal entries.
    async fn keep_revocations(&self, rows: &[Revocation]) -> Result<(), StoreFault>;
    /// Removes the entries of these rows, whatever their end.
    async fn drop_revocations(&self, rows: &[Revocation]) -> Result<(), StoreFault>;
    async fn revocations(&self) -> Result<Vec<Revocation>, StoreFault>;
}
