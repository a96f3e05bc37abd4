//! Stored API tokens: only the hash, never the secret.

use hallpass_access::identity::TokenSource;
use hallpass_base::{Email, Timestamp, TokenId, UserId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    pub id: TokenId,
    /// Lower-case hex SHA-256 of the secret.
    pub hash: String,
    pub user: Email,
    /// The user it speaks for; without one it is refused.
    pub user_id: Option<UserId>,
    /// Whether a fallback e-mail domain matched the owner.
    pub secondary_domain: bool,
    pub scopes: Vec<String>,
    pub created_at: Timestamp,
    /// Refused from this instant on.
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    pub name: String,
    pub source: TokenSource,
    /// Accurate to about a minute; `None` = never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
}
