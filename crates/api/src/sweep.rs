//! Sweeps and standing access on the wire.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::SweepEntitlements;

use crate::Grant;

/// One look at what stands in Identity Center, with what is done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sweep {
    /// `swp_…`.
    pub id: String,
    /// `queued`, `running`, `planned`, `stopped`, `working`, `done`, `replaced`, `failed` or `interrupted`.
    pub state: String,
    /// Why it was made: `check`, `schedule`, `person`, or `switched_off`.
    pub trigger: String,
    /// Who wanted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The mode in force: `report`, `adopt` or `revoke`.
    pub mode: String,
    /// How long adopted access is held, in seconds, in the mode `adopt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopt_seconds: Option<u64>,
    /// Where it looks: `rules` or `all`.
    pub scope: String,
    /// When it began; while it is queued, when it was wanted.
    #[schema(value_type = String, format = DateTime)]
    pub begun_at: Timestamp,
    /// When it came to its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// Why it stopped, failed, or what took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether it does more than a run may by itself: confirming it takes `beyond_limits`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over_limits: bool,
    /// Who confirmed the mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub confirmed_at: Option<Timestamp>,
    /// What it read and found; absent before it has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<SweepReport>,
    /// Runs change; this grows with each change.
    pub version: u64,
}

/// What a run read and found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SweepReport {
    /// When reading began.
    #[schema(value_type = String, format = DateTime)]
    pub began: Timestamp,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub ended: Timestamp,
    /// Pairs of account and permission set read.
    pub pairs_read: u64,
    /// Groups read.
    pub groups_read: u64,
    /// Direct assignments and memberships seen.
    pub seen: u64,
    /// Of these, what Hallpass gave.
    pub ours: u64,
    /// Of these, what is accepted, overdue reviews included.
    pub accepted: u64,
    /// Of these, what stood before a live grant on top of it.
    pub under_grant: u64,
    /// Of these, what a grant found standing within the last seven days.
    pub preexisting: u64,
    /// Of these, what nobody recorded.
    pub unknown: u64,
    /// Reviews that are overdue.
    pub reviews_overdue: u64,
    /// Items that the run before did not have.
    pub new: u64,
    /// Items that it had as another kind.
    pub changed: u64,
    /// Items that it had and that are gone.
    pub gone: u64,
    /// Items that the run acts on, or would.
    pub to_act: u64,
    /// Assignments of groups, which are counted and not looked at one by one.
    pub group_assignments: u64,
    /// Roles that people and groups may take by entitlements of account access manager; absent where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlements: Option<SweepEntitlements>,
    /// How much could not be read: nothing is said of it.
    pub unread: u64,
    /// The first of it.
    pub unread_places: Vec<UnreadPlace>,
    /// What is left out by intent, in words.
    pub left_out: Vec<String>,
    /// Grants against the world.
    pub drift: SweepDrift,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnreadPlace {
    /// What, in words.
    pub what: String,
    /// What AWS said.
    pub error: String,
}

/// What a run found of grants that do not agree with the world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SweepDrift {
    /// Live grants looked at.
    pub seen: u64,
    /// Ended, because their holder left or was disabled, or by today's rules.
    pub fixed: u64,
    /// Grants that today's rules would refuse and that go on.
    pub against_rules: Vec<String>,
    /// Those that could not be looked at.
    pub failed: u64,
}

/// Access that somebody holds, not through Hallpass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    /// Who holds it: their id in the identity store.
    pub user_id: String,
    /// Their e-mail; absent when the directory does not know them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Their name; absent when the directory does not know them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// The account's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The account's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// The permission set's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// The group's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The group's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    /// `unknown`, `preexisting`, `under_grant`, `accepted` or `review_overdue`; `absent` for what
    /// is accepted and was not found.
    pub kind: String,
    /// What that means, in words.
    pub says: String,
    /// When a run first found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_seen: Option<Timestamp>,
    /// When a listing last showed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub seen_at: Option<Timestamp>,
    /// Its place could not be read by the run: this is from an earlier one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unread: bool,
    /// How it differs from the run before: `new`, `changed` or `same`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// What is done about it: `reported`, `waits`, `in_hand`, `planned`, `due`, `removing`, `gone`,
    /// `stuck`, `adopted` or `left_alone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fate: Option<String>,
    /// That, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fate_says: Option<String>,
    /// The grant it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
    /// Who accepted it, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Acceptance>,
    /// The run it was found by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep_id: Option<String>,
}

/// Who accepted standing access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Acceptance {
    /// The pattern in `access.standing` that covers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it is to be looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub review_at: Option<Timestamp>,
}

/// `GET /api/v1/sweeps/{id}`: a run, and a page of what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SweepFindings {
    /// The run.
    pub sweep: Sweep,
    /// What it found.
    pub items: Vec<Standing>,
    /// Give this as `cursor` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `GET /api/v1/standing`: what is known of standing access, a page of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StandingList {
    /// The items.
    pub items: Vec<Standing>,
    /// Give this as `cursor` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The run whose findings these are; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
}

/// `POST /api/v1/sweeps/{id}/confirm`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmSweep {
    /// That it does more than a run may by itself is meant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beyond_limits: bool,
}

/// `POST /api/v1/standing`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StandingAct {
    /// `accept`, `withdraw` or `adopt`.
    pub action: String,
    /// Whose: e-mail, user name, or id in the identity store.
    pub user: String,
    /// The account's id, or its name when only one has it. Goes with `permission_set`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The permission set's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// The group's id or name, instead of the two above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `accept`: when it is to be looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub review_at: Option<Timestamp>,
    /// `adopt`: how long it is held from now on, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u64>,
}

/// What came of `POST /api/v1/standing`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StandingDone {
    /// What was done.
    pub action: String,
    /// Who accepted it, with `accept`, or had, with `withdraw`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Acceptance>,
    /// What it became, with `adopt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
}

/// Access that the caller holds already, not through Hallpass: a grant of it would not end it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldAlready {
    /// When AWS was seen to say so.
    #[schema(value_type = String, format = DateTime)]
    pub seen_at: Timestamp,
    /// That, in words.
    pub says: String,
}
