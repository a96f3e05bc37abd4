//! Grants on the wire.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::EntitlementsRevoked;

/// Permission with an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// `grn_…`.
    pub id: String,
    /// `scheduled`, `granting`, `active`, `ending`, `ended` or `failed`.
    pub state: String,
    /// The request it was made from.
    pub request_id: String,
    /// Who holds it: e-mail.
    pub user: String,
    /// Their name.
    pub user_name: String,
    /// Their id in the identity store.
    pub user_id: String,
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
    /// For how long it was asked, in seconds.
    pub duration_seconds: u64,
    /// Why it was asked for.
    pub reason: String,
    /// Who said yes.
    pub approver: String,
    /// `not_required`, `self`, `peer`, `break_glass` or `adopted`.
    pub approval: String,
    /// When it was approved.
    #[schema(value_type = String, format = DateTime)]
    pub scheduled_at: Timestamp,
    /// When the access was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub granted_at: Option<Timestamp>,
    /// When it ends; provisional until the access was seen.
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
    /// When it was seen over, or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Why it ends: `expired`, `released`, `revoked`, `rule_changed`, `principal_left`, `drift`,
    /// `guard`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Whether this end removed the access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<bool>,
    /// Why it did not, or `removed`, or `guard`: a guard removed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What AWS said when it failed, or refuses to remove it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether the access was there before; such a grant removes nothing.
    pub standing: bool,
    /// AWS refuses to remove it; it is tried again every hour.
    pub stuck: bool,
    /// Where the access can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console_url: Option<String>,
    /// A profile for the AWS CLI's configuration file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cli_profile: Option<String>,
    /// Its place in line, while it waits for its turn to be sent to AWS; in a listing for the first
    /// fifty that wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
    /// While it waits to be given or taken away: since when the home Region of IAM Identity Center has not answered, without
    /// which neither happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub aws_silent_since: Option<Timestamp>,
    /// AWS itself refuses after this instant, on its own clock, whatever has become of the server.
    /// Of a grant that is over: from when on AWS refused it, before it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub armed_until: Option<Timestamp>,
    /// Why AWS does not refuse by itself, where the configuration or a rule wants it to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_armed: Option<String>,
    /// Why `armed_until` is not where the end has moved to, where AWS did not take that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_moved: Option<String>,
    /// The later end that was approved, while AWS still refuses from `ends_at` on: `ends_at` becomes this once AWS has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub extending_to: Option<Timestamp>,
    /// Grants change; this grows with each change.
    pub version: u64,
}

/// A place in line: of account operations, ten are under way at AWS at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// Grants that were asked for before it and wait too.
    pub before: u32,
    /// About how long it waits, in seconds.
    pub seconds: u64,
}

/// `POST /api/v1/grants/{id}/extend`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Extend {
    /// The new length, counted from its approval, in seconds.
    pub duration_seconds: u64,
    /// Why; the grant's own reason when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A ticket, where a rule wants one; that of the grant's request when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The ids of warnings that were read and are confirmed (`warnings` of a preview, a request or a problem).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed_warnings: Vec<String>,
}

/// `POST /api/v1/grants/{id}/revoke`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Why.
    pub reason: String,
    /// End the sessions that outlive it too, whatever the configuration says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub end_sessions: bool,
}

/// `POST /api/v1/revocations`: many at once, for administrators.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeMany {
    /// Only this person's (e-mail).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Only in this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Why.
    pub reason: String,
    /// End the sessions that outlive it too, whatever the configuration says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub end_sessions: bool,
}

/// What came of revoking many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revoked {
    /// One entry per grant; one that failed stopped no other.
    pub items: Vec<RevokedOne>,
    /// Whether there are more than one call takes: call again for them.
    #[serde(default)]
    pub more: bool,
    /// What became of the person's entitlements of account access manager; absent where no person was named, or nobody looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlements: Option<EntitlementsRevoked>,
}

/// What came of revoking one of many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevokedOne {
    /// The grant.
    pub id: String,
    /// Its state now, when it went well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Why not, when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
