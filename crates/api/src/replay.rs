//! Past requests and live grants held against rules that are not in force.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Grant, Request};

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
    /// What becomes of grants that are live now; only in the answer to a call without `cursor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<ReplayedGrants>,
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

/// What becomes of live grants once the rules of the file are in force, where by those in force it does not: in the answer to a
/// call without `cursor`. Grants that are ending are not among them, and those that a sweep or an administrator gave an end are
/// left alone by any rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplayedGrants {
    /// How many live grants were looked at, the newest 5,000 or a few more.
    pub looked_at: u64,
    /// Whether there may be older ones, which were not looked at.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// How many would end.
    pub would_end: u64,
    /// How many would stay until their end, and be reported as refused by the rules.
    pub would_be_reported: u64,
    /// Of how many that cannot be told: they rest on what was not read, and stay until it is.
    pub unread: u64,
    /// `access.on_rule_change` of the server: with `end` it ends what the rules in force refuse, with `report` only what its
    /// holder had by a group that they left.
    pub on_rule_change: String,
    /// The first 500 of those that are counted: those that would end, then those that would be reported, then those with
    /// `unread`; the newest first of each.
    pub items: Vec<ReplayedGrant>,
}

/// A live grant of which the rules of the file would make something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplayedGrant {
    /// The grant.
    pub grant: Grant,
    /// What becomes of it: it `ends`; or is `reported`, and stays until its end; or `unread`: that cannot be told before what
    /// it rests on is read.
    pub outcome: ReplayedOutcome,
    /// What the rules of the file say to it: the decision's name; absent where something is `unread`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_be: Option<String>,
    /// Its holder left a group by which a rule of the file would still give it: then it ends whatever `on_rule_change` says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left_group: bool,
    /// What it rests on and could not be read, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

/// What becomes of a live grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayedOutcome {
    /// It would end.
    Ends,
    /// It would stay until its end, and be reported.
    Reported,
    /// It cannot be told before what it rests on is read.
    Unread,
}

/// In what two decisions differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleChange {
    /// `decision`, `refused`, `accepted`, `approvers`, `approvals_needed`, `stages`, `approval_hours`, `warnings`, `sign_in`, `over_limit`, `armed_ends`, `notify`, `slack_channel` or `break_glass`.
    pub what: String,
    /// The change in words.
    pub message: String,
}
