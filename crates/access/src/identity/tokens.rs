//! API tokens, and the port that keeps them.
//!
//! Tokens are stored as SHA-256 of their secret: 256 random bits, so no salt or stretching is needed.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_lc_rs::digest;
use hallpass_audit::Origin;
use hallpass_base::{Timestamp, TokenId, UserId};
use serde::{Deserialize, Serialize};

use crate::identity::Owner;

/// Where a token was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenSource {
    /// On the server's own machine, straight in its store.
    ServerMachine,
    /// At a sign-in; also those from before this was kept.
    #[default]
    SignIn,
}

/// What a token allows, on top of what its person may do anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenScope {
    /// Reading.
    Read,
    /// Asking, releasing, extending.
    Request,
    /// Approving, denying, discarding, revoking.
    Review,
    /// What needs the role of an administrator.
    Admin,
}

impl TokenScope {
    /// Every scope: what a person's own token has by default.
    pub const ALL: [Self; 4] = [Self::Read, Self::Request, Self::Review, Self::Admin];

    /// The scope's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Request => "request",
            Self::Review => "review",
            Self::Admin => "admin",
        }
    }

    /// The scope of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// A stored token.
#[derive(Clone, Debug)]
pub struct TokenFacts {
    /// Whose it is; `None` for one that holds only an address, which speaks for nobody.
    pub owner: Option<Owner>,
    /// What it allows.
    pub scopes: BTreeSet<TokenScope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Where it was made.
    pub source: TokenSource,
    /// When it was last used; `None` = never yet.
    pub used_at: Option<Timestamp>,
}

/// A token as its owner sees it: never the secret, which nobody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnToken {
    /// Names it in lists and in the audit log.
    pub id: TokenId,
    /// Lower-case hex SHA-256 of its secret: tells which one a call came with, and is not shown.
    pub hash: String,
    /// What it is for.
    pub name: String,
    /// What it allows.
    pub scopes: BTreeSet<TokenScope>,
    /// Where it was made.
    pub source: TokenSource,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used; `None` = never yet.
    pub used_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Tokens could not be looked up.
#[derive(Clone, Debug, thiserror::Error)]
#[error("tokens cannot be read: {0}")]
pub struct TokenFault(pub String);

/// A token to be kept. Its secret is not here, only its hash.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Lower-case hex SHA-256 of its secret.
    pub hash: String,
    /// Whose it is.
    pub owner: Owner,
    /// What it allows.
    pub scopes: BTreeSet<TokenScope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What it is for.
    pub name: String,
}

/// Where tokens are.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The token whose secret has this hash (lower-case hex SHA-256).
    async fn token_by_hash(&self, hash: &str) -> Result<Option<TokenFacts>, TokenFault>;
    /// Keeps a new token, with its record in the audit log.
    async fn keep(&self, token: &NewToken) -> Result<(), TokenFault>;
    /// Revokes the token with this hash, with its record in the audit log. Nothing happens when
    /// there is none, or it was revoked before.
    async fn revoke(&self, hash: &str, now: Timestamp) -> Result<(), TokenFault>;
    /// A person's tokens that count at `now`, newest first.
    async fn of_user(&self, user: &UserId, now: Timestamp) -> Result<Vec<OwnToken>, TokenFault>;
    /// Revokes a token of the owner's, with its record in the audit log; `false` when they have none
    /// of this id. One that was revoked before stays as it is, without another record.
    async fn revoke_own(
        &self,
        owner: &Owner,
        id: TokenId,
        origin: Origin,
        now: Timestamp,
    ) -> Result<bool, TokenFault>;
    /// Notes that the token with this hash was used. Losing a note loses nothing else.
    async fn used(&self, hash: &str, now: Timestamp) -> Result<(), TokenFault>;
}

/// The stored form of a token's secret.
pub fn hash_secret(secret: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, secret.as_bytes()))
}
