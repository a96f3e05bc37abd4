//! Grants in the API.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::EntitlementsRevoked;
use crate::names::names;

names! {
    /// State of a grant.
    GrantState {
        Scheduled = "scheduled",
        Granting = "granting",
        Active = "active",
        Ending = "ending",
        Ended = "ended",
        Failed = "failed",
    }
}

names! {
    /// How access was approved.
    Approval {
        NotRequired = "not_required",
        Own = "self",
        Peer = "peer",
        BreakGlass = "break_glass",
        Adopted = "adopted",
    }
}

names! {
    /// Why access ended.
    EndCause {
        Expired = "expired",
        Released = "released",
        Revoked = "revoked",
        RuleChanged = "rule_changed",
        PrincipalLeft = "principal_left",
        Drift = "drift",
        Guard = "guard",
    }
}

names! {
    /// Whether an end removed the access, and if not, why. `guard`: a guard removed it.
    EndOutcome {
        Removed = "removed",
        /// A guard removed it.
        Guard = "guard",
        AlreadyAbsent = "already_absent",
        NeverCreated = "never_created",
        PrincipalGone = "principal_gone",
        AccountGone = "account_gone",
        Standing = "standing",
        HeldByOtherGrant = "held_by_other_grant",
    }
}

/// Access with an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// `grn_…`.
    pub id: String,
    /// State.
    pub state: GrantState,
    /// Request.
    pub request_id: String,
    /// Holder's e-mail.
    pub user: String,
    /// Holder's name.
    pub user_name: String,
    /// Holder's identity store id.
    pub user_id: String,
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
    /// Requested duration in seconds.
    pub duration_seconds: u64,
    /// Reason of the request.
    pub reason: String,
    /// Approver.
    pub approver: String,
    /// How it was approved.
    pub approval: Approval,
    /// Approval time.
    #[schema(value_type = String, format = DateTime)]
    pub scheduled_at: Timestamp,
    /// When the access was first seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub granted_at: Option<Timestamp>,
    /// End; provisional until the access was seen.
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
    /// When the end or failure was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Cause of the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<EndCause>,
    /// Whether this end removed the access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<bool>,
    /// `removed`, `guard` (removed by a guard), or why the access stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<EndOutcome>,
    /// AWS's error for a failure or refused removal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether the access existed before; such a grant removes nothing.
    pub standing: bool,
    /// AWS refuses the removal; retried every hour.
    pub stuck: bool,
    /// Console URL of the access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console_url: Option<String>,
    /// Profile for the AWS CLI configuration file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cli_profile: Option<String>,
    /// Queue position before the call to AWS; in listings only for the first fifty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,
    /// For waiting grants: start of an outage of IAM Identity Center's home Region, which blocks
    /// granting and removal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub aws_silent_since: Option<Timestamp>,
    /// AWS denies access after this instant by its own clock, independent of the server. For ended
    /// grants: when AWS denied it before the removal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub armed_until: Option<Timestamp>,
    /// Why AWS does not enforce the wanted end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_armed: Option<String>,
    /// Why AWS did not accept the moved end for `armed_until`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_moved: Option<String>,
    /// Approved later end while AWS still denies from `ends_at` on: `ends_at` becomes this once AWS
    /// has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub extending_to: Option<Timestamp>,
    /// Increases with each change.
    pub version: u64,
}

/// A queue position: AWS runs ten account operations at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// Earlier waiting grants.
    pub before: u32,
    /// Estimated wait in seconds.
    pub seconds: u64,
}

/// `POST /api/v1/grants/{id}/extend`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Extend {
    /// New duration from the approval, in seconds.
    pub duration_seconds: u64,
    /// Reason; the grant's by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Ticket, if a rule requires one; the one of the grant's request by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Ids of confirmed warnings (`warnings` of a preview, a request or a problem).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed_warnings: Vec<String>,
}

/// `POST /api/v1/grants/{id}/revoke`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Reason.
    pub reason: String,
    /// Also end outliving sessions, regardless of configuration.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub end_sessions: bool,
}

/// `POST /api/v1/revocations`: many grants, for administrators.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeMany {
    /// Only this user's (e-mail).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Only in this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Reason.
    pub reason: String,
    /// Also end outliving sessions, regardless of configuration.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub end_sessions: bool,
}

/// Result of revoking many grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revoked {
    /// One entry per grant; a failure stops no other.
    pub items: Vec<RevokedOne>,
    /// More grants remain: call again.
    #[serde(default)]
    pub more: bool,
    /// Result for the user's account access manager entitlements; absent without a user, or if
    /// entitlements are not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlements: Option<EntitlementsRevoked>,
}

/// Result for one grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevokedOne {
    /// Grant.
    pub id: String,
    /// New state, on success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<GrantState>,
    /// Error, on failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
