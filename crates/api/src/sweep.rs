//! Sweeps and standing access in the API.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::names::names;
use crate::{Grant, SweepEntitlements};

names! {
    /// State of a sweep.
    SweepState {
        Queued = "queued",
        Running = "running",
        Planned = "planned",
        Stopped = "stopped",
        Working = "working",
        Done = "done",
        Replaced = "replaced",
        Failed = "failed",
        Interrupted = "interrupted",
    }
}

names! {
    /// Trigger of a sweep.
    SweepTrigger {
        Check = "check",
        Schedule = "schedule",
        Person = "person",
        /// A signed-off access review campaign.
        Campaign = "campaign",
        SwitchedOff = "switched_off",
    }
}

names! {
    /// What a sweep does to unmanaged access.
    SweepMode {
        Off = "off",
        Report = "report",
        Adopt = "adopt",
        Revoke = "revoke",
    }
}

names! {
    /// Scope of a sweep.
    SweepScope {
        Rules = "rules",
        All = "all",
    }
}

names! {
    /// Kind of standing access.
    StandingKind {
        /// Neither recorded nor accepted.
        Unmanaged = "unknown",
        Preexisting = "preexisting",
        UnderGrant = "under_grant",
        Accepted = "accepted",
        ReviewOverdue = "review_overdue",
        /// Accepted, but not found.
        Absent = "absent",
    }
}

names! {
    /// Change since the previous run.
    StandingChange {
        New = "new",
        Changed = "changed",
        Same = "same",
    }
}

names! {
    /// What a sweep does to standing access.
    StandingFate {
        Reported = "reported",
        Waits = "waits",
        InHand = "in_hand",
        Planned = "planned",
        Due = "due",
        Removing = "removing",
        Gone = "gone",
        Stuck = "stuck",
        Adopted = "adopted",
        LeftAlone = "left_alone",
    }
}

/// A sweep of Identity Center, with its actions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sweep {
    /// `swp_…`.
    pub id: String,
    /// State.
    pub state: SweepState,
    /// Trigger.
    pub trigger: SweepTrigger,
    /// Requesting user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Mode.
    pub mode: SweepMode,
    /// Duration of adopted access in seconds, in the mode `adopt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt_seconds: Option<u64>,
    /// Scope.
    pub scope: SweepScope,
    /// Start; while queued, the time of the request.
    #[schema(value_type = String, format = DateTime)]
    pub begun_at: Timestamp,
    /// Start of the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// Why it stopped or failed, or its replacement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Exceeds the limits of a run: confirmation needs `beyond_limits`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over_limits: bool,
    /// User who confirmed the mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<String>,
    /// Time of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub confirmed_at: Option<Timestamp>,
    /// Findings; absent before the listing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<SweepReport>,
    /// Increases with each change.
    pub version: u64,
}

/// The findings of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SweepReport {
    /// Start of the listing.
    #[schema(value_type = String, format = DateTime)]
    pub began: Timestamp,
    /// End of the listing.
    #[schema(value_type = String, format = DateTime)]
    pub ended: Timestamp,
    /// Pairs of account and permission set read.
    pub pairs_read: u64,
    /// Groups read.
    pub groups_read: u64,
    /// Direct assignments and memberships seen.
    pub seen: u64,
    /// Granted by Hallpass.
    pub ours: u64,
    /// Accepted, overdue reviews included.
    pub accepted: u64,
    /// Existing before a live grant.
    pub under_grant: u64,
    /// Found standing by a grant in the last seven days.
    pub preexisting: u64,
    /// Unmanaged.
    pub unknown: u64,
    /// Overdue reviews.
    pub reviews_overdue: u64,
    /// New since the previous run.
    pub new: u64,
    /// Changed in kind since then.
    pub changed: u64,
    /// Deleted since then.
    pub gone: u64,
    /// Items to act on.
    pub to_act: u64,
    /// Group assignments, only counted.
    pub group_assignments: u64,
    /// Account access manager entitlements of users and groups; absent if not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlements: Option<SweepEntitlements>,
    /// Failed reads: their content is unknown.
    pub unread: u64,
    /// The first of them.
    pub unread_places: Vec<UnreadPlace>,
    /// Intentional exclusions, in words.
    pub left_out: Vec<String>,
    /// Differences between grants and AWS.
    pub drift: SweepDrift,
}

/// A failed read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnreadPlace {
    /// Description.
    pub what: String,
    /// AWS's error.
    pub error: String,
}

/// Differences between grants and AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SweepDrift {
    /// Live grants examined.
    pub seen: u64,
    /// Ended: the holder left or was disabled, or by today's rules.
    pub fixed: u64,
    /// Kept grants that today's rules refuse.
    pub against_rules: Vec<String>,
    /// Grants that could not be examined.
    pub failed: u64,
}

/// Access held without Hallpass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
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
    /// Kind; `absent` if accepted but not found.
    pub kind: StandingKind,
    /// The kind in words.
    pub says: String,
    /// First found by a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_seen: Option<Timestamp>,
    /// Last listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub seen_at: Option<Timestamp>,
    /// The run could not read its place: the data is from an earlier run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unread: bool,
    /// Change since the previous run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<StandingChange>,
    /// Action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fate: Option<StandingFate>,
    /// The action in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fate_says: Option<String>,
    /// Resulting grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
    /// Acceptance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Acceptance>,
    /// Run that found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep_id: Option<String>,
}

/// A permission set assigned to a group in an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupAssignment {
    /// Account id.
    pub account: String,
    /// Account name, or its id if not in the directory.
    pub account_name: String,
    /// Permission set name, or ARN if deleted.
    pub permission_set: String,
    /// Group id.
    pub group: String,
    /// Group name, or its id if not in the directory.
    pub group_name: String,
    /// First listed by a sweep.
    #[schema(value_type = String, format = DateTime)]
    pub first_seen: Timestamp,
    /// Sweeps could not read its place since: the data is older.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub unread_since: Option<Timestamp>,
}

/// Acceptance of standing access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Acceptance {
    /// Matching pattern in `access.standing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// Reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Next review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub review_at: Option<Timestamp>,
}

/// `GET /api/v1/sweeps/{id}`: a run, and a page of its findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SweepFindings {
    /// Run.
    pub sweep: Sweep,
    /// Findings.
    pub items: Vec<Standing>,
    /// Pass as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `GET /api/v1/standing`: a page of standing access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StandingList {
    /// Items.
    pub items: Vec<Standing>,
    /// Pass as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Run of these findings; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
}

/// `POST /api/v1/sweeps/{id}/confirm`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmSweep {
    /// Confirms that it exceeds the limits of a run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beyond_limits: bool,
}

/// Action on standing access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StandingAction {
    Accept,
    Withdraw,
    Adopt,
}

/// `POST /api/v1/standing`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StandingAct {
    /// Action.
    pub action: StandingAction,
    /// Holder: e-mail, user name, or identity store id.
    pub user: String,
    /// Account id or unique name. Goes with `permission_set`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Permission set name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// Group id or name, instead of the two above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `accept`: next review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub review_at: Option<Timestamp>,
    /// `adopt`: duration from now, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u64>,
}

/// Result of `POST /api/v1/standing`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StandingDone {
    /// Action.
    pub action: StandingAction,
    /// The new acceptance, or with `withdraw` the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Acceptance>,
    /// The new grant, with `adopt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
}

/// Access held without Hallpass: a grant of it would not end it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldAlready {
    /// When AWS showed it.
    #[schema(value_type = String, format = DateTime)]
    pub seen_at: Timestamp,
    /// Description.
    pub says: String,
}
