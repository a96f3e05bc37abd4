//! The bodies of `/api/v1`, shared by the server and its clients.
//!
//! Wire types only: no behaviour, no domain types. Scripts rely on names and forms.

mod alert;
mod denied;
mod entitlement;
mod grant;
mod grant_activity;
mod group_sync;
mod lock;
mod login;
mod own;
mod people_report;
mod permission_set;
mod person;
mod problem;
mod remediation;
mod replay;
mod request;
mod rule_check;
mod sweep;

pub use alert::{AlertMute, AlertRow, AlertRule, AlertRules, MuteAlert, UnmuteAlert};
pub use denied::{
    DenialMessage, DenialOfAction, DeniedBecause, DeniedCall, EndedAccess, FittingSets, LargerSet,
    SetNotJudged,
};
pub use entitlement::{Entitlement, EntitlementsHeld, EntitlementsRevoked, SweepEntitlements};
pub use grant::{Extend, Grant, Queue, Revoke, RevokeMany, Revoked, RevokedOne};
pub use grant_activity::{GrantActivity, GrantCall};
pub use group_sync::{GroupSync, GroupSyncChange, GroupSyncGroup, GroupSyncPerson, GroupSyncRun};
pub use lock::{HeldAccess, Lock, LockPerson, Locks, UnlockPerson, Unlocked};
pub use login::{LoggedOut, LoginCode, LoginFetch, LoginRequest, LoginToken};
pub use own::{OwnSession, OwnSessions, OwnToken, OwnTokens, SessionsEnded, TokenRevoked};
pub use people_report::{FailedRuns, JudgedPeople, JudgedPerson};
pub use permission_set::{
    LevelCount, PermissionSet, PolicyFinding, PolicyLine, PolicyRisk, SetPolicy,
};
pub use person::{
    Decision, Health, Me, Named, Offer, Offers, Part, Persona, Portal, Preview, Token,
};
pub use problem::{FieldProblem, ORGANIZATION_UNREAD, Problem};
pub use remediation::{ApproveRemediation, DeclineRemediation, Remediation, Remediations};
pub use replay::{
    ReplayRules, ReplayedGrant, ReplayedGrants, ReplayedOutcome, ReplayedRequest, ReplayedRules,
    RuleChange,
};
pub use request::{
    ApprovalWindow, Approve, Ask, Before, BreakGlass, CloseReview, Confirmation, Deny, Glass,
    Request, RequestBatch, RequestStage, RequestTarget, RequestedBatch, Review, Times, Warning,
};
pub use rule_check::{CheckRules, RuleFinding, RulesChecked, TestEnd, TestedRule};
pub use sweep::{
    Acceptance, ConfirmSweep, HeldAlready, Standing, StandingAct, StandingDone, StandingList,
    Sweep, SweepDrift, SweepFindings, SweepReport, UnreadPlace,
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One page of a listing, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// Rows.
    pub items: Vec<T>,
    /// Pass as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
