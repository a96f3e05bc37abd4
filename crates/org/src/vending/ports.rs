//! What making accounts needs of Organizations, and of who gets access to them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use hallpass_access_files::PrincipalRef;
use hallpass_base::{PermissionSetName, Timestamp};
use serde::{Deserialize, Serialize};

use super::listed::{KnownAccount, UnitFacts};
use crate::ports::OrganizationFault;

/// Somebody who gets access to the accounts of a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WantedAccess {
    /// Who.
    pub principal: PrincipalRef,
    /// The permission set's name.
    pub permission_set: PermissionSetName,
}

/// An account to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAccount {
    /// Its name.
    pub name: String,
    /// The address of its root user.
    pub email: String,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// How far the making of an account is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountCreation {
    /// Under way.
    InProgress,
    /// The account is made.
    Succeeded {
        /// Its id.
        account: String,
    },
    /// There is none.
    Failed {
        /// AWS's word, such as `EMAIL_ALREADY_EXISTS`.
        reason: String,
    },
}

/// Somebody asked for an account to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRequest {
    /// The id to ask about.
    pub id: String,
    /// The account's name; AWS does not tell its address.
    pub name: String,
    /// When AWS took it.
    pub at: Timestamp,
    /// How far it is.
    pub state: AccountCreation,
}

/// Accounts of an organization. Listings are whole or fail, and may lag behind writes. Reads are tried again by
/// the implementation, and wait where AWS throttles; writes are sent once.
#[async_trait]
pub trait AccountAdmin: Send + Sync {
    /// Accounts of every state, in every unit.
    async fn accounts(&self) -> Result<Vec<KnownAccount>, OrganizationFault>;
    /// One account, whatever its state; `None` when the organization has none of that id.
    async fn account(&self, id: &str) -> Result<Option<KnownAccount>, OrganizationFault>;
    /// Units at every depth below the root.
    async fn units(&self, root: &str) -> Result<Vec<UnitFacts>, OrganizationFault>;
    /// The name of a unit; `None` when there is none of that id.
    async fn unit_name(&self, id: &str) -> Result<Option<String>, OrganizationFault>;
    /// The root or unit that an account stands in.
    async fn parent(&self, account: &str) -> Result<String, OrganizationFault>;
    /// Asks for an account and returns the id to ask about. Sent twice, it is asked for twice: there is no
    /// idempotency field. [`OrganizationFault::Unreachable`] leaves open whether AWS took it.
    async fn create(&self, account: &NewAccount) -> Result<String, OrganizationFault>;
    /// How far that is; [`OrganizationFault::NotThere`] when AWS knows no such id.
    async fn creation(&self, request: &str) -> Result<AccountCreation, OrganizationFault>;
    /// What was asked for, whoever did and whatever became of it; AWS keeps it for 90 days.
    async fn requests(&self) -> Result<Vec<AccountRequest>, OrganizationFault>;
    /// The tags of an account.
    async fn account_tags(
        &self,
        account: &str,
    ) -> Result<BTreeMap<String, String>, OrganizationFault>;
    /// Gives an account tags; others that it has stay. Sent twice, it has them all the same.
    async fn tag_account(
        &self,
        account: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), OrganizationFault>;
    /// Moves an account. [`OrganizationFault::AlreadyThere`] when it is.
    async fn relocate(&self, account: &str, from: &str, to: &str) -> Result<(), OrganizationFault>;
}

/// What access is made of. Asked before an account is made, which cannot be taken back.
#[async_trait]
pub trait AccessNeeds: Send + Sync {
    /// What of it is not there, as people call it; `None` when all is.
    async fn missing(&self, access: &WantedAccess) -> Result<Option<String>, OrganizationFault>;
}
