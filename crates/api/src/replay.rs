//! Compares past requests and live grants with rules that are not in force.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::names::names;
use crate::{DecisionKind, Grant, Request};

names! {
    /// The configuration `access.on_rule_change`.
    OnRuleChange {
        Report = "report",
        End = "end",
    }
}

names! {
    /// What differs in two decisions.
    RuleChangeKind {
        Decision = "decision",
        Refused = "refused",
        Accepted = "accepted",
        Approvers = "approvers",
        ApprovalsNeeded = "approvals_needed",
        Stages = "stages",
        ApprovalHours = "approval_hours",
        Warnings = "warnings",
        SignIn = "sign_in",
        OverLimit = "over_limit",
        ArmedEnds = "armed_ends",
        Notify = "notify",
        SlackChannel = "slack_channel",
        BreakGlass = "break_glass",
    }
}

/// `POST /api/v1/rules/replay`: a rule file, and the requests to replay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayRules {
    /// File name; the extension selects the syntax: `.toml`, `.yaml`, `.json` or `.hcl`.
    pub file: String,
    /// File text, up to 1 MiB.
    pub text: String,
    /// Only requests since then; all by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// `next` of the previous answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Requests to examine, 1 to 500; default 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// Effects of a file's rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplayedRules {
    /// Examined requests.
    pub looked_at: u64,
    /// Requests with a different or undecidable result, newest first. Undecidable ones have
    /// `unread`.
    pub items: Vec<ReplayedRequest>,
    /// Number of `items` with `unread`.
    #[serde(default)]
    pub unread: u64,
    /// Unread facts that the file names, with reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_read: Vec<String>,
    /// Effects on live grants; only without `cursor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<ReplayedGrants>,
    /// Pass as `cursor` to continue; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A request with a different or undecidable result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplayedRequest {
    /// Request.
    pub request: Request,
    /// Decision of the rules in force, by today's directory.
    pub was: DecisionKind,
    /// Decision of the file's rules; with `unread` facts, the safe one.
    pub would_be: DecisionKind,
    /// Differences.
    pub changes: Vec<RuleChange>,
    /// Matching rules of the file.
    pub because: Vec<String>,
    /// Unread facts that matter, to be decided once the file is in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

/// Effects of the file's rules on live grants, unless the rules in force have the same; only
/// without `cursor`. Excludes ending and adopted grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplayedGrants {
    /// Examined live grants, about the newest 5,000.
    pub looked_at: u64,
    /// Whether older ones may exist that were not examined.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Grants that would end.
    pub would_end: u64,
    /// Grants that would stay until their end, reported as refused.
    pub would_be_reported: u64,
    /// Undecidable grants, which stay until the missing facts are read.
    pub unread: u64,
    /// The server's `access.on_rule_change`: `end` ends grants that the rules in force refuse,
    /// `report` only those based on a group that the holder left.
    pub on_rule_change: OnRuleChange,
    /// The first 500: ended, then reported, then `unread`; newest first in each.
    pub items: Vec<ReplayedGrant>,
}

/// A live grant with a different result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplayedGrant {
    /// Grant.
    pub grant: Grant,
    /// `ends`; `reported`: stays until its end; `unread`: undecidable before the facts are read.
    pub outcome: ReplayedOutcome,
    /// Decision of the file's rules; absent with `unread` facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_be: Option<DecisionKind>,
    /// The holder left a group with which a rule of the file would still allow it: it ends
    /// regardless of `on_rule_change`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left_group: bool,
    /// Unread facts, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

/// Effect on a live grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayedOutcome {
    /// It ends.
    Ends,
    /// It stays until its end, and is reported.
    Reported,
    /// Undecidable before the facts are read.
    Unread,
}

/// A difference of two decisions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleChange {
    /// What differs.
    pub what: RuleChangeKind,
    /// Description.
    pub message: String,
}
