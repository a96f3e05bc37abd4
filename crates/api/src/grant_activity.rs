//! What was done with a grant, on the wire.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was done with a grant, as far as the logs go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantActivity {
    /// The grant.
    pub grant_id: String,
    /// `used`, `never_used`, `not_so_far` (the log ends before that is known) or `not_known` (the log lacks some of its
    /// days).
    pub state: String,
    /// The same in words, with how far the log goes.
    pub words: String,
    /// The first event of the account that the logs have, whoever's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub log_from: Option<Timestamp>,
    /// The last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub log_until: Option<Timestamp>,
    /// The first call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first: Option<Timestamp>,
    /// The last call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last: Option<Timestamp>,
    /// Sessions.
    pub sessions: u64,
    /// Calls in all of them.
    pub count: u64,
    /// Calls that were refused or failed.
    pub denied: u64,
    /// Services, those that were written to first.
    pub services: Vec<String>,
    /// What was called: notable calls first, then those that write.
    pub calls: Vec<GrantCall>,
}

/// Calls of one action with one outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantCall {
    /// The service, as the log names it.
    pub service: String,
    /// The event's name.
    pub action: String,
    /// Why it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Whether it writes, where the log says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_write: Option<bool>,
    /// How often.
    pub count: u64,
    /// First.
    #[schema(value_type = String, format = DateTime)]
    pub first: Timestamp,
    /// Last.
    #[schema(value_type = String, format = DateTime)]
    pub last: Timestamp,
    /// Some came after the grant's end, in a session that went on.
    pub after_end: bool,
    /// `logging`, `credentials`, `exposure`, `identity`, `keys` or `organization`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notable: Option<String>,
    /// ARNs of some of what it was done to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
}
