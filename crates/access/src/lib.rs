//! The access workflow: request, decide, grant, end.
//!
//! ```text
//!   ask ──► pending ──► decide ──► approved ──► grant: scheduled ► granting ► active
//!    │         │           │                                                    │
//!    ▼         ▼           ▼                                                    ▼
//! rejected  expired   denied, discarded                      end:  ending ► ended
//! ```
//!
//! In addition, `sweep` finds unmanaged access.
//!
//! Each step is a pure function of the stored state, the rules and the instant; [`Access`] is the
//! only driver: load, authorise, step, fold the step into a [`Change`], commit, notify.
//! `hallpass-assignments` handles AWS: it receives the wanted end and reports its observations.
//!
//! The modules below are listed in reading order. None imports from a later group, except that a
//! decision grants.
//!
//! Knows nothing of HTTP, Slack, SQL or AWS.

// Entities: requests, results, refusals
mod absence;
mod alarm;
mod armed_ends;
mod asking;
mod campaign;
mod displayed_expiry;
mod grant;
mod grant_activity;
mod group_sync;
mod guard_removals;
mod holds;
mod id_prefix;
mod lock;
mod notice;
mod outcome;
mod person;
mod quota;
mod refusal;
mod refused_action;
mod report;
mod request;
mod setting_absence;
mod settings;
mod state_kind;
mod sweep;
mod target;
mod text_limits;
mod unread_grant;

// Commits and ports
mod change;
mod entitlement;
mod external_access;
mod on_call;
mod people;
mod ports;
mod recipients;
mod ticket;

// Shared by steps
mod approving;
mod confirming;
mod decision_context;
mod desired;
mod end_priority;
mod membership;
mod observation;
mod other_rules;
mod records;
mod step;

// Request
mod create_request;
mod later_end;
mod preview;
mod refused_request;
mod search;
mod unknown_approvers;

// Decide
mod break_glass;
mod decide;
mod grant_press;
mod start;

// Grant
mod arming;
mod granting;

// End
mod end;
mod guard_steps;
mod next_step;
mod own_end;
mod session_revocation;

// Outside the workflow
mod campaign_steps;
mod group_sync_steps;
mod locking;
mod sweep_steps;

// Driver
mod service;

pub use crate::identity::{Actor, Role};
pub use absence::{Absence, AbsenceProblem};
pub use alarm::{Alarm, AlarmKind, AlarmState};
pub use approving::Approving;
pub use armed_ends::{
    ArmedEndCounts, ArmedEndRequest, ArmedEndStatus, ArmedEnds, ArmedEndsMode, GrantToArm,
    MovingEnd, NeverArmed, UnseenEnd,
};
pub use asking::Asking;
pub use break_glass::BREAK_GLASS_MAX;
pub use campaign::{
    AnswerFilter, AnswerKind, Campaign, CampaignForm, CampaignLine, CampaignRefused, CampaignState,
    LINES_MAX, LineAnswer, LineChange, LineCount, LineFilter, LineUse, ReviewerError,
    ReviewerSource, Signature, USE_DAYS, Unanswered, evidence, evidence_sha256,
};
pub use change::{
    AcceptanceWrite, Change, DesiredAssignment, LiveGrantsSeen, Message, OutlivingSessions,
    StoredAnswer, Write,
};
pub use create_request::{
    REASON_MISSING, RequestOutcome, RequestedTogether, patterns_refused, reason_refused,
};
pub use displayed_expiry::{as_enforced, is_still_to_move};
pub use entitlement::{
    EntitledPrincipal, Entitlement, EntitlementReport, EntitlementsEnded, NamedEntitlement,
    PersonEntitlements,
};
pub use external_access::{ExternalAccess, ShownBy};
pub use grant::{EndCause, Grant, GrantState, HolderGroups, Stuck};
pub use grant_activity::{ActivityLogs, PastUse, use_of_grant, uses_of_grants};
pub use group_sync::{
    Addition, AttributeMembership, FirstPeople, GroupPlan, GroupProblem, GroupReport,
    GroupSyncBrake, GroupSyncFacts, GroupSyncItem, GroupSyncOutcome, GroupSyncPlan, GroupSyncRule,
    GroupSyncRun, GroupSyncSettings, GroupSyncState, GroupSyncWrite, ManagedGroup, ManualMember,
    ManualMembers, MembershipChange, WhyManual, group_named, plan_groups,
};
pub use guard_removals::Removals;
pub use hallpass_audit::{Approval, DecisionFact, Origin};
pub use hallpass_rules::{
    ApprovalHours, ApprovalsOpen, DecisionKind, Directory, OnCallFact, Outstanding, RuleNames,
    RuleWarning, StageProgress, Subject, TicketFact,
};
pub use holds::Holds;
pub use id_prefix::{ID_DIGITS_MIN, grants_beginning_with, requests_beginning_with};
pub use later_end::LaterEnd;
pub use lock::{ENDED_BY_A_LOCK, HeldAccess, Lifted, Lock, LocksSeen};
pub use locking::{Force, Locking};
pub use membership::WhyRefused;
pub use notice::{
    CredentialsAfterEnd, LateRemoval, LiveSessions, LostAccess, News, Notice, NoticeKind,
    UnmovedEnd,
};
pub use on_call::{OnCallFault, OnCallPeople, OnCallSource, OnCallStatus};
pub use other_rules::UnderOtherRules;
pub use outcome::EndOutcome;
pub use people::{NoPeopleSource, PeopleLook, PeopleQuestion, PeopleSource};
pub use person::Person;
pub use ports::{
    AccessStore, AlarmContext, AlertContext, Boundary, CampaignStore, Channel, CommitError, Counts,
    Delivery, DigestContext, DirectoryFault, DirectoryPrefetch, DirectorySource, Ends,
    EntitlementSource, GrantFilter, GroupSyncStore, GuardSource, Listed, ListingConditions,
    ManagedPolicy, NoGuards, NoticeContext, PastGrants, PastQuery, PolicySource, ReadError,
    ReferencedPolicy, RemediationPress, RemediationPresses, RequestFilter, SetPolicies,
    StandingSource, SubjectSet, SweepStore, ViewerScope, Waiting, WaitingMessage,
};
pub use preview::{
    HeldGrant, LengthLimits, LengthRefused, Preview, PreviewOutcome, RequestVerdict, Stands,
    by_rules,
};
pub use quota::{OverQuota, Quota, QuotaUse};
pub use records::{about_grant, about_request};
pub use refusal::{FieldProblem, Refusal, all_of};
pub use refused_action::ActionRefused;
pub use refused_request::{RequestRefused, RequestRefusedFacts};
pub use report::{AccessSpan, NotAMoment, Period, end_moment, moment};
pub use request::{
    AfterReview, AgreedStart, Closed, Closing, Confirmation, DecidedKind, PendingRequest,
    PlannedStart, Reminders, Request, RequestState, Review, ReviewedVersion, RulingAtAsking,
    Shortened, Wanted,
};
pub use search::{Fit, Sought, is_production};
pub use service::{
    ABSENCE_POLL, ANSWER_KEPT, AbsenceDirectory, Access, AccessError, BreakGlassOffers,
    CATALOG_PAGE_MAX, CampaignView, Catalog, CatalogEntry, CatalogPage, ConflictReport, Explained,
    Extending, GrantOffers, GrantPresses, GroupSyncStatus, GroupSyncView, GroupsTended, Hit,
    Idempotency, InLine, LINES_A_CALL_MAX, LastTime, Late, ListingQuery, Meant, Muting, NamedId,
    ON_CALL_POLL, OnCallDirectory, Past, PeopleLooked, PersonConflict, Ports, Presses, ReadTurn,
    Reconciled, RemediationApprovers, RemediationPage, RemediationSource, RemediationView,
    Replayed, ReplayedGrant, ReplayedGrants, ReplayedRequest, ReportFilter, ReportTargets,
    RequestView, RevokedMany, Revoking, Search, SearchPage, StandingReport, StandingRow,
    StandingSurvey, StandingView, SweepStatus, SweepsTended, TARGETS_MAX, Tended, TicketReader,
    Times, UnmatchedText, VisibleLinks, WaitLimit, WorkTurn, about_remediation, grants_as_told,
    last_grant,
};
pub use session_revocation::last_credentials_until;
pub use settings::{AdminSignIn, ArmedEndSettings, OnRuleChange, Settings, contact};
pub use state_kind::{GrantStateKind, RequestStateKind};
pub use sweep::{
    ADOPTED_MAX, Acceptance, Accepted, Brake, ChangedHolding, Consent, DeadPattern, Digest,
    DigestKind, DigestNews, Drift, EntitlementListing, EntitlementsFound, Fate, Findings, FirstOf,
    GoneItem, GroupAssignment, GroupAssignmentKey, GroupAssignmentWrite, Held, ItemChange,
    ItemKind, ItemSight, LeftAlone, LeftOut, ListingFacts, LookedOutcome, MayAct,
    NamedGroupAssignment, NamedHolding, NextSweep, NotRead, PREEXISTING_FOR, PatternError,
    RUNS_APART, Schedule, ScheduleError, StandingListing, StandingPattern, StandingRefused,
    StandingScope, StuckHolding, Sweep, SweepAction, SweepConfirmed, SweepDone, SweepItem,
    SweepLooked, SweepMode, SweepPurpose, SweepReach, SweepReport, SweepSettings, SweepState,
    SweepWork, Trigger, Unread, UnreadPlace, Wait, findings,
};
pub use sweep_steps::RemovalLimit;
pub use target::question;
pub use text_limits::{
    JUSTIFICATION_CHARACTERS_MAX, JUSTIFICATION_CHARACTERS_MIN, TextField, at_most,
};
pub use ticket::{TicketComment, TicketFault, TicketSource};
pub use unread_grant::UnreadGrant;
pub mod identity;
