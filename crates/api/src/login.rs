//! Logins of the command line.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A login without a local browser.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// Machine name, displayed to the user.
    #[serde(default)]
    pub host: String,
    /// Token scopes: `read`, `request`, `review`, `admin`; only `read` by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// Codes for such a login.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LoginCode {
    /// Secret of the command line, to fetch the token.
    pub device_code: String,
    /// Code for the user to type.
    pub user_code: String,
    /// Page for the code.
    pub verification_url: String,
    /// Lifetime of both codes in seconds.
    pub expires_in_seconds: u64,
}

/// Fetches a token: with `code` and `verifier` from the browser, or with `device_code`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginFetch {
    /// One-time code from loopback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Preimage of the SHA-256 (lower-case hex) in the browser's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verifier: Option<String>,
    /// See [`LoginCode`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_code: Option<String>,
    /// Longest wait for the user in seconds, 20 at most.
    #[serde(default)]
    pub wait_seconds: u64,
}

/// A new token, shown once.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LoginToken {
    /// Token.
    pub token: String,
    /// User.
    pub user: String,
    /// Scopes.
    pub scopes: Vec<String>,
    /// Expiry.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// Result of a logout.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LoggedOut {
    /// The token is revoked.
    pub revoked: bool,
}
