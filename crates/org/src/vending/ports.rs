//! Ports to Organizations and to access prerequisites.

use std::collections::BTreeMap;

use async_trait::async_trait;
use hallpass_access_files::PrincipalRef;
use hallpass_base::{PermissionSetName, Timestamp};
use hallpass_enforcement::OrganizationFault;
use serde::{Deserialize, Serialize};

use super::listed::{KnownAccount, UnitFacts};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WantedAccess {
    pub principal: PrincipalRef,
    pub permission_set: PermissionSetName,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAccount {
    pub name: String,
    pub email: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountCreation {
    InProgress,
    Succeeded { account: String },
    Failed { reason: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRequest {
    pub id: String,
    pub name: String,
    pub at: Timestamp,
    pub state: AccountCreation,
}

/// Accounts of an organization. Listings are complete or fail, and may lag behind writes.
/// Implementations retry reads, and wait when throttled; writes are sent once.
#[async_trait]
pub trait AccountAdmin: Send + Sync {
    async fn accounts(&self) -> Result<Vec<KnownAccount>, OrganizationFault>;
    /// In any state; `None` for an unknown id.
    async fn account(&self, id: &str) -> Result<Option<KnownAccount>, OrganizationFault>;
    async fn units(&self, root: &str) -> Result<Vec<UnitFacts>, OrganizationFault>;
    async fn unit_name(&self, id: &str) -> Result<Option<String>, OrganizationFault>;
    async fn parent(&self, account: &str) -> Result<String, OrganizationFault>;
    /// Requests an account and returns the request id. Not idempotent: a second call requests a
    /// second account. After [`OrganizationFault::Unreachable`], AWS may have accepted it.
    async fn create(&self, account: &NewAccount) -> Result<String, OrganizationFault>;
    /// [`OrganizationFault::NotThere`] for an unknown id.
    async fn creation(&self, request: &str) -> Result<AccountCreation, OrganizationFault>;
    /// Requests of any caller, in any state; AWS keeps them for 90 days.
    async fn requests(&self) -> Result<Vec<AccountRequest>, OrganizationFault>;
    async fn account_tags(
        &self,
        account: &str,
    ) -> Result<BTreeMap<String, String>, OrganizationFault>;
    /// Adds tags, keeping others. Idempotent.
    async fn tag_account(
        &self,
        account: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), OrganizationFault>;
    /// [`OrganizationFault::AlreadyThere`] if already moved.
    async fn relocate(&self, account: &str, from: &str, to: &str) -> Result<(), OrganizationFault>;
}

/// Prerequisites of access. Checked before an account is created, which cannot be undone.
#[async_trait]
pub trait AccessNeeds: Send + Sync {
    /// Describes a missing part; `None` if complete.
    async fn missing(&self, access: &WantedAccess) -> Result<Option<String>, OrganizationFault>;
}
