//! The bodies of `/api/v1`, shared by the server and its clients.
//!
//! Wire types only: no behaviour, no domain types. Scripts rely on names and forms.

mod absence;
mod alert;
mod campaign;
mod decision_kind;
mod denied;
mod entitlement;
mod grant;
mod grant_activity;
mod group_sync;
mod lock;
mod login;
mod names;
mod own;
mod people_report;
mod permission_set;
mod person;
mod problem;
mod remediation;
mod replay;
mod report;
mod request;
mod rule_check;
mod sweep;

pub use absence::{Absence, AbsenceEnded, Absences, EndAbsence, SetAbsence};
pub use alert::{
    AlertMute, AlertRow, AlertRowState, AlertRule, AlertRuleState, AlertRules, AlertSeverity,
    MuteAlert, UnmuteAlert,
};
pub use campaign::{
    AnswerLines, BeginCampaign, Campaign, CampaignEvidence, CampaignLine, CampaignState,
    LineAnswer, LineChange, LineUse, ReassignLines, Unanswered,
};
pub use decision_kind::DecisionKind;
pub use denied::{
    DenialMessage, DenialOfAction, DeniedBecause, DeniedCall, EndedAccess, FittingSets, LargerSet,
    SetNotJudged,
};
pub use entitlement::{Entitlement, EntitlementsHeld, EntitlementsRevoked, SweepEntitlements};
pub use grant::{
    Approval, EndCause, EndOutcome, Extend, Grant, GrantState, Queue, Revoke, RevokeMany, Revoked,
    RevokedOne,
};
pub use grant_activity::{GrantActivity, GrantCall, GrantUse};
pub use group_sync::{
    GroupProblem, GroupSync, GroupSyncChange, GroupSyncGroup, GroupSyncOutcome, GroupSyncPerson,
    GroupSyncRun, GroupSyncState, ManualMembers, MembershipChange,
};
pub use lock::{HeldAccess, Lock, LockPerson, Locks, UnlockPerson, Unlocked};
pub use login::{LoggedOut, LoginCode, LoginFetch, LoginRequest, LoginToken};
pub use own::{OwnSession, OwnSessions, OwnToken, OwnTokens, SessionsEnded, TokenRevoked};
pub use people_report::{FailedRuns, JudgedPeople, JudgedPerson};
pub use permission_set::{
    AccessLevel, FindingSeverity, LevelCount, PermissionSet, PolicyEffect, PolicyFinding,
    PolicyLine, PolicyRisk, RiskKind, SetPolicy, SetPolicyKind,
};
pub use person::{
    Decision, Health, HealthStatus, Me, Named, Offer, Offers, Part, Persona, Portal, Preview, Token,
};
pub use problem::{FieldProblem, ORGANIZATION_UNREAD, Problem};
pub use remediation::{
    ApproveRemediation, DeclineRemediation, Remediation, RemediationState, Remediations,
};
pub use replay::{
    OnRuleChange, ReplayRules, ReplayedGrant, ReplayedGrants, ReplayedOutcome, ReplayedRequest,
    ReplayedRules, RuleChange, RuleChangeKind,
};
pub use report::{
    Conflict, ConflictHeld, ConflictHolding, Conflicts, ReportedAccess, ReportedKind,
};
pub use request::{
    ApprovalWindow, Approve, Ask, Before, BreakGlass, CloseReview, Confirmation, Deny, Glass,
    Request, RequestBatch, RequestStage, RequestState, RequestTarget, RequestedBatch, Review,
    ReviewState, Times, Warning,
};
pub use rule_check::{CheckRules, RuleFinding, RuleSeverity, RulesChecked, TestEnd, TestedRule};
pub use sweep::{
    Acceptance, ConfirmSweep, GroupAssignment, HeldAlready, Standing, StandingAct, StandingAction,
    StandingChange, StandingDone, StandingFate, StandingKind, StandingList, Sweep, SweepDrift,
    SweepFindings, SweepMode, SweepReport, SweepScope, SweepState, SweepTrigger, UnreadPlace,
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
