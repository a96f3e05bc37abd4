//! API tokens as they are kept: never the secret, only its hash.

use hallpass_identity::TokenSource;
use hallpass_model::{Email, Timestamp, TokenId, UserId};
use serde::{Deserialize, Serialize};

/// One API token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    /// Public; names the token in lists and in the audit log.
    pub id: TokenId,
    /// Lower-case hex SHA-256 of the secret.
    pub hash: String,
    /// Whom it speaks for, by the address of when it was made.
    pub user: Email,
    /// The user it speaks for; without one it is refused.
    pub user_id: Option<UserId>,
    /// Whether they were matched through a fallback e-mail domain then.
    pub secondary_domain: bool,
    /// What it may be used for, by name.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// It is refused from this instant on.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// What its owner calls it.
    pub name: String,
    /// Where it was made.
    pub source: TokenSource,
    /// When it was last used, to the minute or so; `None` = never yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
}
