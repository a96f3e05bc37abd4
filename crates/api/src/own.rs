//! The caller's sessions and API tokens, without secrets.

use std::net::IpAddr;

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A web session of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnSession {
    /// Id; reveals nothing of the secret.
    pub id: String,
    /// Whether the call used it.
    pub is_this: bool,
    /// Issuer of the sign-in, or `demo`.
    pub signed_in_by: String,
    /// Start.
    #[schema(value_type = String, format = DateTime)]
    pub began_at: Timestamp,
    /// Last use, to the minute.
    #[schema(value_type = String, format = DateTime)]
    pub seen_at: Timestamp,
    /// Latest end.
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
    /// Address at the start, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
    /// Browser, if reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
}

/// `GET /api/v1/me/sessions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnSessions {
    /// Last used first.
    pub items: Vec<OwnSession>,
}

/// Result of ending sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionsEnded {
    /// Number of ended sessions.
    pub ended: u64,
}

/// An API token of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnToken {
    /// Id; reveals nothing of the secret.
    pub id: String,
    /// Whether the call used it.
    pub is_this: bool,
    /// Purpose.
    pub name: String,
    /// Scopes: `read`, `request`, `review`, `admin`.
    pub scopes: Vec<String>,
    /// Creation time.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Last use, to a few minutes; absent if never used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub used_at: Option<Timestamp>,
    /// Expiry.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// `GET /api/v1/me/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnTokens {
    /// Valid tokens, newest first.
    pub items: Vec<OwnToken>,
}

/// Result of a revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenRevoked {
    /// The token is revoked; also if it was before.
    pub revoked: bool,
}
