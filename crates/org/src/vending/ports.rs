//! What making accounts needs of Organizations.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::facts::{KnownAccount, UnitFacts};
use crate::ports::OrganizationFault;

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

/// Accounts of an organization. Listings are whole or fail, and may lag behind writes. Reads are tried again by
/// the implementation, writes never.
#[async_trait]
pub trait AccountAdmin: Send + Sync {
    /// Accounts of every state, in every unit.
    async fn accounts(&self) -> Result<Vec<KnownAccount>, OrganizationFault>;
    /// Units at every depth below the root.
    async fn units(&self, root: &str) -> Result<Vec<UnitFacts>, OrganizationFault>;
    /// The root or unit that an account stands in.
    async fn parent(&self, account: &str) -> Result<String, OrganizationFault>;
    /// Asks for an account and returns the id to ask about. Sent twice, it is asked for twice: there is no
    /// idempotency field.
    async fn create(&self, account: &NewAccount) -> Result<String, OrganizationFault>;
    /// How far that is; [`OrganizationFault::NotThere`] when AWS knows no such id.
    async fn creation(&self, request: &str) -> Result<AccountCreation, OrganizationFault>;
    /// What is under way, whoever asked for it: the account's name, and the id to ask about.
    async fn under_way(&self) -> Result<Vec<(String, String)>, OrganizationFault>;
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
