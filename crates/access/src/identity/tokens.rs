//! API tokens, and their port.
//!
//! Tokens are stored as SHA-256 of their secret: 256 random bits, so no salt or stretching is
//! needed.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_lc_rs::digest;
use hallpass_audit::Origin;
use hallpass_base::{Timestamp, TokenId, UserId};
use serde::{Deserialize, Serialize};

use crate::identity::Owner;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenSource {
    ServerMachine,
    #[default]
    SignIn,
}

/// A limit on the rights of the token's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenScope {
    Read,
    Request,
    Review,
    Admin,
}

impl TokenScope {
    pub const ALL: [Self; 4] = [Self::Read, Self::Request, Self::Review, Self::Admin];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Request => "request",
            Self::Review => "review",
            Self::Admin => "admin",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

#[derive(Clone, Debug)]
pub struct TokenFacts {
    pub owner: Option<Owner>,
    pub scopes: BTreeSet<TokenScope>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    pub source: TokenSource,
    pub used_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnToken {
    pub id: TokenId,
    pub hash: String,
    pub name: String,
    pub scopes: BTreeSet<TokenScope>,
    pub source: TokenSource,
    pub created_at: Timestamp,
    pub used_at: Option<Timestamp>,
    pub expires_at: Timestamp,
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("tokens cannot be read: {0}")]
pub struct TokenFault(pub String);

#[derive(Clone, Debug)]
pub struct NewToken {
    pub hash: String,
    pub owner: Owner,
    pub scopes: BTreeSet<TokenScope>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub name: String,
}

#[async_trait]
pub trait TokenStore: Send + Sync {
    async fn token_by_hash(&self, hash: &str) -> Result<Option<TokenFacts>, TokenFault>;
    async fn keep(&self, token: &NewToken) -> Result<(), TokenFault>;
    /// Revokes a token with its audit record. No effect if missing or already revoked.
    async fn revoke(&self, hash: &str, now: Timestamp) -> Result<(), TokenFault>;
    async fn of_user(&self, user: &UserId, now: Timestamp) -> Result<Vec<OwnToken>, TokenFault>;
    /// Revokes a token of the owner with its audit record; `false` if there is no such id. An
    /// already revoked token gets no second record.
    async fn revoke_own(
        &self,
        owner: &Owner,
        id: TokenId,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, TokenFault>;
    /// Records the last use; losing it is harmless.
    async fn used(&self, hash: &str, now: Timestamp) -> Result<(), TokenFault>;
}

pub fn hash_secret(secret: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, secret.as_bytes()))
}
