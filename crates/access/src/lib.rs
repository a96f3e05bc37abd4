//! The journey of access: ask, decide, grant, end.
//!
//! ```text
//!   ask ──► pending ──► decide ──► approved ──► grant: scheduled ► granting ► active
//!    │         │           │                                                    │
//!    ▼         ▼           ▼                                                    ▼
//! rejected  expired   denied, discarded                      end:  ending ► ended
//! ```
//!
//! Beside the journey, `sweep` looks for access that nobody recorded.
//!
//! Each step is a pure function of what is stored, what the rules say and the instant; [`Access`] is the
//! only driver: load, authorise, step, fold the step into a [`Change`], commit, notify. What AWS holds
//! is the business of `hallpass-assignments`, which is told until when access is wanted and says
//! what it saw.
//!
//! Knows nothing of HTTP, Slack, SQL or AWS.
#![warn(missing_docs)]

mod alarm;
mod approving;
mod ask;
mod break_glass;
mod change;
mod decide;
mod desired;
mod end;
mod grant;
mod grant_activity;
mod grant_press;
mod guard_removals;
mod haste;
mod later_end;
mod lock;
mod notice;
mod outcome;
mod ports;
mod press_refused;
mod preview;
mod recipients;
mod records;
mod refusal;
mod request;
mod search;
mod service;
mod session_revocation;
mod settings;
mod start;
mod state_kind;
mod step;
mod sweep;
mod target;

pub use alarm::{Alarm, AlarmKind, AlarmState};
pub use approving::{Approving, COMMENT_CHARACTERS_MAX, Shortened};
pub use ask::{AskOutcome, AskedTogether, REASON_MISSING, at_most, reason_refused};
pub use break_glass::{
    AfterReview, BREAK_GLASS_MAX, Closing, JUSTIFICATION_CHARACTERS_MAX,
    JUSTIFICATION_CHARACTERS_MIN,
};
pub use change::{
    AcceptanceWrite, Change, DesiredAssignment, Digest, DigestKind, Message, OutlivingSessions,
    StoredAnswer, Write,
};
pub use grant::{EndCause, Grant, GrantState, Stuck};
pub use grant_activity::{ActivityLogs, PastUse, use_of_grant};
pub use guard_removals::Removals;
pub use hallpass_audit::{Approval, Origin};
pub use hallpass_identity::{Actor, Role};
pub use hallpass_rules::{DecisionKind, Directory, RuleNames};
pub use later_end::LaterEnd;
pub use lock::{ENDED_BY_A_LOCK, Force, HeldAccess, Lifted, Lock, Locking, LocksSeen};
pub use notice::{
    CredentialsAfterEnd, LateRemoval, LiveSessions, LostAccess, News, Notice, NoticeKind,
};
pub use outcome::EndOutcome;
pub use ports::{
    AccessStore, AlarmContext, AlertContext, Boundary, Channel, CommitError, Counts, Delivery,
    DigestContext, DirectoryFault, DirectorySource, Ends, GrantFilter, GuardSource, Holds, Listed,
    ManagedPolicy, NoGuards, NoticeContext, PastGrants, PastQuery, PolicySource, ReadError,
    ReferencedPolicy, RemediationPresses, RequestFilter, SetPolicies, StandingSource, Subject,
    SubjectSet, SweepStore, ViewerScope, WaitingMessage,
};
pub use press_refused::PressRefused;
pub use preview::{
    AskRefused, AskRefusedFacts, AskVerdict, HeldGrant, LengthLimits, LengthRefused, Preview,
    PreviewOutcome, by_rules,
};
pub use records::{about_grant, about_request};
pub use refusal::{FieldProblem, Refusal, all_of};
pub use request::{
    Closed, DecidedKind, PendingRequest, Person, Reminders, Request, RequestState, Review,
    ReviewedVersion, RulingAtAsking, Wanted,
};
pub use search::{Fit, Sought};
pub use service::{
    Access, AccessError, Asking, BreakGlassOffers, CATALOG_PAGE_MAX, Catalog, CatalogEntry,
    CatalogPage, Explained, Extending, GrantOffers, GrantPresses, Hit, Idempotency, InLine,
    LastTime, Late, Meant, Muting, NamedId, Past, Patience, Ports, Presses, ReadTurn, Reconciled,
    RemediationApprovers, RemediationSource, RemediationView, RequestView, Revoking, Search,
    SearchPage, StandingView, Stands, SweepStatus, SweepsTended, TARGETS_MAX, Tended, Times,
    about_remediation, last_grant,
};
pub use session_revocation::credentials_until;
pub use settings::{AdminSignIn, OnRuleChange, Settings, contact};
pub use start::{AgreedStart, PlannedStart};
pub use state_kind::{GrantStateKind, RequestStateKind};
pub use sweep::{
    ADOPTED_MAX, Acceptance, Accepted, Brake, ChangedHolding, Consent, DigestNews, Drift, Fate,
    Findings, FirstOf, GoneItem, Held, ItemChange, ItemKind, ItemSight, LeftAlone, LeftOut,
    ListingFacts, LookedOutcome, MayAct, NamedHolding, NextSweep, NotRead, PREEXISTING_FOR,
    PatternError, RUNS_APART, RemovalLimit, Schedule, ScheduleError, StandingListing,
    StandingPattern, StandingRefused, StandingScope, StuckHolding, Sweep, SweepAction,
    SweepConfirmed, SweepDone, SweepItem, SweepLooked, SweepMode, SweepPurpose, SweepReach,
    SweepReport, SweepSettings, SweepState, SweepWork, Trigger, Unread, UnreadPlace, Wait,
    findings,
};
pub use target::question;
