//! Access review campaigns in the API.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Acceptance;
use crate::names::names;

names! {
    /// State of a campaign.
    CampaignState {
        Open = "open",
        /// The lines are final; signing off again completes it.
        Closed = "closed",
        SignedOff = "signed_off",
    }
}

names! {
    /// Answer to a line.
    LineAnswer {
        Keep = "keep",
        Remove = "remove",
        /// Removed, because a rule lets the holder request it.
        OnRequest = "on_request",
    }
}

names! {
    /// What happens to lines without an answer.
    Unanswered {
        Keep = "keep",
        Remove = "remove",
    }
}

names! {
    /// Change since the previous campaign of the series.
    LineChange {
        New = "new",
        /// The previous campaign removes it, but it exists.
        StillThere = "still_there",
        Kept = "kept",
    }
}

names! {
    /// Use in the 90 days before the campaign began, from CloudTrail.
    LineUse {
        Used = "used",
        /// The log has every day of every account, and no use.
        Never = "never",
    }
}

/// An access review campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Campaign {
    /// `cmp_…`.
    pub id: String,
    /// Name.
    pub name: String,
    /// E-mail of the administrator who began it.
    pub owner: String,
    /// State.
    pub state: CampaignState,
    /// Patterns as in `access.standing`; empty is everything that the sweep listed.
    pub scope: Vec<String>,
    /// `manager`, `account-tag:KEY` or an e-mail: the first that names an enabled person other than
    /// the holder reviews a line, else the owner.
    pub reviewers: Vec<String>,
    /// What happens to lines without an answer.
    pub unanswered: Unanswered,
    /// Start.
    #[schema(value_type = String, format = DateTime)]
    pub begun_at: Timestamp,
    /// Due date.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    /// The next campaign begins so long after this one, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat_seconds: Option<u64>,
    /// Previous campaign of the series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// Sweep whose findings the lines are.
    pub sweep_id: String,
    /// When it listed them.
    #[schema(value_type = String, format = DateTime)]
    pub listed_at: Timestamp,
    /// Places that it could not read: lines may be missing.
    pub unread: u64,
    /// All lines.
    pub lines: u32,
    /// Lines with an answer, of those that the caller sees.
    pub answered: u32,
    /// Lines without an answer that wait for the caller.
    pub waiting: u32,
    /// E-mail of the administrator who signed it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
    /// Time of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub signed_at: Option<Timestamp>,
    /// SHA-256 of the signed rows, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Sweep that applies the answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// Standing access of one person, for one reviewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CampaignLine {
    /// Number in the campaign.
    pub line: u32,
    /// Holder's identity store id.
    pub user_id: String,
    /// Holder's e-mail; absent if not in the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Holder's name; absent if not in the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// Account id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Account name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// Permission set name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// Group id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Group name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    /// Account assignments of the group, the first 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gives: Vec<String>,
    /// Its account, or one that its group opens, is production by name.
    pub production: bool,
    /// First found by a sweep.
    #[schema(value_type = String, format = DateTime)]
    pub first_seen: Timestamp,
    /// Use of it, of a group: of its account assignments; absent if not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<LineUse>,
    /// Last use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used: Option<Timestamp>,
    /// Change since the previous campaign.
    pub change: LineChange,
    /// Acceptance when the campaign began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Acceptance>,
    /// Reviewer's e-mail.
    pub reviewer: String,
    /// Answer; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<LineAnswer>,
    /// Its reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// With `on_request`: the rules that let the holder request it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// E-mail of the person who answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
    /// Time of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answered_at: Option<Timestamp>,
}

/// `POST /api/v1/campaigns`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginCampaign {
    /// 1 to 100 characters.
    pub name: String,
    /// As in [`Campaign`].
    #[serde(default)]
    pub scope: Vec<String>,
    /// As in [`Campaign`].
    #[serde(default)]
    pub reviewers: Vec<String>,
    /// As in [`Campaign`].
    pub unanswered: Unanswered,
    /// Due date.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    /// As in [`Campaign`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat_seconds: Option<u64>,
}

/// `POST /api/v1/campaigns/{id}/answers`: all lines or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerLines {
    /// 1 to 500 numbers.
    pub lines: Vec<u32>,
    /// Answer.
    pub answer: LineAnswer,
    /// Required with `keep`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// `POST /api/v1/campaigns/{id}/reassign`: all lines or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReassignLines {
    /// 1 to 500 numbers.
    pub lines: Vec<u32>,
    /// E-mail of the new reviewer.
    pub to: String,
}

/// `GET /api/v1/campaigns/{id}/evidence`: the rows that the signature covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CampaignEvidence {
    /// The terms of the campaign, then a row for each line: JSON texts. The SHA-256 is of all rows,
    /// each with a line feed.
    pub rows: Vec<String>,
    /// Pass as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
