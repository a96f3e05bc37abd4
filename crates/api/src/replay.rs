//! Past requests held against rules that are not in force.

use hallpass_model::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Request;

/// `POST /api/v1/rules/replay`: a rule file, and which requests it is to be held against.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayRules {
    /// The file's name, whose ending tells its syntax: `.toml`, `.yaml`, `.json` or `.hcl`.
    pub file: String,
    /// The file's text, up to 1 MiB.
    pub text: String,
    /// Only requests made since; all when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// The `next` of the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// How many requests are looked at, 1 to 500; 500 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// What the rules of a file would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplayedRules {
    /// How many requests were looked at.
    pub looked_at: u64,
    /// Those that would have been decided otherwise, and those of which that cannot be told yet, as they rest on what was
    /// not read: these have `unread`. Newest first.
    pub items: Vec<ReplayedRequest>,
    /// How many of `items` have `unread`.
    #[serde(default)]
    pub unread: u64,
    /// What of all that the file names was not read, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_read: Vec<String>,
    /// Give this as `cursor` to go on; absent when there is nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A request that would have been decided otherwise, or of which that cannot be told yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplayedRequest {
    /// The request.
    pub request: Request,
    /// What the rules in force say to it by today's directory: the decision's name.
    pub was: String,
    /// What the rules of the file say; where something is `unread`, to the safe side.
    pub would_be: String,
    /// In what they differ.
    pub changes: Vec<RuleChange>,
    /// The rules of the file that this rests on.
    pub because: Vec<String>,
    /// What it rests on and was not read: judged when the file is in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

/// In what two decisions differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleChange {
    /// `decision`, `refused`, `accepted`, `approvers`, `approvals_needed`, `stages`, `approval_hours`, `warnings`, `sign_in`, `over_limit`, `armed_ends`, `notify`, `slack_channel` or `break_glass`.
    pub what: String,
    /// The change in words.
    pub message: String,
}
