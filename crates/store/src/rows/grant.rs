//! Stored form of grants; see `request.rs`.

use std::collections::BTreeSet;

use hallpass_access::{
    Approval, ArmedEnds, EndCause, EndOutcome, Grant, GrantState, HolderGroups, NeverArmed, Origin,
    Stuck,
};
use hallpass_base::{Email, GrantId, HoldKey, RequestId, TargetNames, TimeSpan, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::request::PersonRow;
use super::row_conversion::both_ways;

#[derive(Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a body has the members of the grant that it keeps"
)]
pub(super) struct GrantRow {
    id: GrantId,
    request: RequestId,
    holder: PersonRow,
    key: HoldKey,
    names: TargetNames,
    duration: TimeSpan,
    reason: String,
    origin: Origin,
    approver: Email,
    #[serde(skip_serializing_if = "Option::is_none")]
    approver_user: Option<UserId>,
    approval: Approval,
    based_on: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    lengthened_by: BTreeSet<String>,
    config_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder_groups: Option<HolderGroups>,
    secondary_domain: bool,
    scheduled_at: Timestamp,
    granted_at: Option<Timestamp>,
    ends_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    longest_session: Option<TimeSpan>,
    standing: bool,
    warned: bool,
    refusals: u32,
    stuck: Option<StuckRow>,
    end_sessions: bool,
    armed_ends: ArmedEnds,
    #[serde(skip_serializing_if = "Option::is_none")]
    never_armed: Option<NeverArmed>,
    aws_request: Option<String>,
    seen_news: u64,
    version: u64,
}

both_ways!(Grant => GrantRow, apart GrantStateRow {
    id, request, holder (into), key, names, duration, reason, origin, approver, approver_user,
    approval, based_on, lengthened_by, config_hash, holder_groups, secondary_domain, scheduled_at, granted_at, ends_at,
    longest_session, standing, warned, refusals, stuck (optional), end_sessions, armed_ends, never_armed,
    aws_request, seen_news, version,
});

#[derive(Serialize, Deserialize)]
struct StuckRow {
    since: Timestamp,
    reason: String,
}

both_ways!(Stuck => StuckRow { since, reason });

#[derive(Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum GrantStateRow {
    Scheduled,
    Granting,
    Active,
    Ending {
        #[serde(flatten)]
        cause: EndCauseRow,
        since: Timestamp,
    },
    Ended {
        #[serde(flatten)]
        cause: EndCauseRow,
        at: Timestamp,
        removed: bool,
        why: EndOutcomeRow,
    },
    Failed {
        at: Timestamp,
        error: String,
    },
}

both_ways!(enum GrantState => GrantStateRow {
    Scheduled {},
    Granting {},
    Active {},
    Ending { cause (into), since },
    Ended { cause (into), at, removed, why (into) },
    Failed { at, error },
});

#[derive(Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub(super) enum EndCauseRow {
    Expired,
    Released,
    Revoked {
        by: Email,
        reason: String,
    },
    RuleChanged,
    PrincipalLeft,
    Drift,
    Guard {
        guard: String,
        removed_at: Timestamp,
    },
}

both_ways!(enum EndCause => EndCauseRow {
    Expired {},
    Released {},
    Revoked { by, reason },
    RuleChanged {},
    PrincipalLeft {},
    Drift {},
    Guard { guard, removed_at },
});

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EndOutcomeRow {
    Removed,
    Guard,
    AlreadyAbsent,
    NeverCreated,
    PrincipalGone,
    AccountGone,
    Standing,
    HeldByOtherGrant,
}

both_ways!(enum EndOutcome => EndOutcomeRow {
    Removed {},
    Guard {},
    AlreadyAbsent {},
    NeverCreated {},
    PrincipalGone {},
    AccountGone {},
    Standing {},
    HeldByOtherGrant {},
});
