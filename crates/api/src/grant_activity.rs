//! Use of a grant in the API.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::names::names;

names! {
    /// Whether a grant was used.
    #[derive(Default)]
    GrantUse {
        Used = "used",
        NeverUsed = "never_used",
        /// The log ends too early to know.
        NotSoFar = "not_so_far",
        /// The log lacks some days.
        #[default]
        NotKnown = "not_known",
    }
}

/// Use of a grant, as far as logs go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantActivity {
    /// Grant.
    pub grant_id: String,
    /// Whether it was used: `not_so_far` if the log ends too early to know, `not_known` if it lacks
    /// some days.
    pub state: GrantUse,
    /// Summary, with the extent of the log.
    pub words: String,
    /// First logged event of the account, by any user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub log_from: Option<Timestamp>,
    /// Last logged event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub log_until: Option<Timestamp>,
    /// First call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first: Option<Timestamp>,
    /// Last call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last: Option<Timestamp>,
    /// Number of sessions.
    pub sessions: u64,
    /// Number of calls.
    pub count: u64,
    /// Refused or failed calls.
    pub denied: u64,
    /// Services, written ones first.
    pub services: Vec<String>,
    /// Calls: notable ones first, then writes.
    pub calls: Vec<GrantCall>,
}

/// Calls of one action with one outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantCall {
    /// Service name in the log.
    pub service: String,
    /// Event name.
    pub action: String,
    /// Error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Whether it writes, if logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_write: Option<bool>,
    /// Number of calls.
    pub count: u64,
    /// First call.
    #[schema(value_type = String, format = DateTime)]
    pub first: Timestamp,
    /// Last call.
    #[schema(value_type = String, format = DateTime)]
    pub last: Timestamp,
    /// Some came after the grant's end, in a remaining session.
    pub after_end: bool,
    /// `logging`, `credentials`, `exposure`, `identity`, `keys` or `organization`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notable: Option<String>,
    /// ARNs of some affected resources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
}
