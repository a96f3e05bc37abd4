//! Logins of the command line.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A command line without a browser that wants a token.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginWish {
    /// The machine it runs on, to be shown to the person.
    #[serde(default)]
    pub host: String,
    /// What the token may do: `read`, `request`, `review`, `admin`; `read` alone without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// What such a command line shows, and what it asks with.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LoginCode {
    /// A secret of the command line: it fetches the token.
    pub device_code: String,
    /// What the person types.
    pub user_code: String,
    /// Where they type it.
    pub verification_url: String,
    /// How long both live.
    pub expires_in_seconds: u64,
}

/// Fetches a token: with `code` and `verifier` from the browser, or with `device_code`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginFetch {
    /// The one-time code that came over loopback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What the SHA-256 (lower-case hex) in the browser's address was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verifier: Option<String>,
    /// See [`LoginCode`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_code: Option<String>,
    /// How long the answer may wait for the person, 20 at most.
    #[serde(default)]
    pub wait_seconds: u64,
}

/// A new token. It is shown once.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LoginToken {
    /// The token.
    pub token: String,
    /// Whose it is.
    pub user: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// What became of the token that was sent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LoggedOut {
    /// It works no more.
    pub revoked: bool,
}
