//! Errors as problem details (RFC 9457).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Warning;

/// The code until a new server has read the directory.
pub const ORGANIZATION_UNREAD: &str = "organization-unread";

/// Why a call had no effect. Media type `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Problem type: `about:blank` if the code suffices.
    #[serde(rename = "type")]
    pub kind: String,
    /// Status text.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// Stable code for programs.
    pub code: String,
    /// Description for people.
    pub detail: String,
    /// Suggestion for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Invalid fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// Warnings to confirm first (`warning-not-confirmed`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// Request stored as rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Reference to the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// An invalid field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// Field.
    pub field: String,
    /// Stable code.
    pub code: String,
    /// Message for people.
    pub message: String,
}
