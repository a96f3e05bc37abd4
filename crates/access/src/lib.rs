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
//! Each step is a pure function from what is stored, what the rules say and the instant to a
//! [`Change`]; [`Access`] is the only driver: load, authorise, step, commit, nudge. What AWS holds
//! is the business of `hallpass-assignments`, which is told until when access is wanted and says
//! what it saw.
//!
//! Knows nothing of HTTP, Slack, SQL or AWS.
#![warn(missing_docs)]

mod addressing;
mod ask;
mod break_glass;
mod change;
mod decide;
mod end;
mod grant;
mod guarded;
mod haste;
mod identity;
mod lock;
mod outliving;
mod ports;
mod press_refused;
mod records;
mod request;
mod search;
mod service;
mod settings;
mod sweep;
pub mod words;

pub use ask::{Asked, FieldProblem, Refusal, question};
pub use break_glass::{
    AfterReview, BREAK_GLASS_MAX, Closing, JUSTIFICATION_CHARACTERS_MAX,
    JUSTIFICATION_CHARACTERS_MIN,
};
pub use change::{
    AcceptanceWrite, Answer, Change, Desire, Digest, DigestKind, Message, News, Notice,
    OutlivingSessions, Write,
};
pub use decide::{Actor, Authentication, Role};
pub use grant::{EndCause, Grant, GrantState, Stuck};
pub use guarded::Removals;
pub use hallpass_audit::{Approval, Origin};
pub use hallpass_rules::Directory;
pub use identity::{Identity, Owner};
pub use lock::{HeldAccess, Lifted, Lock, Locking, LocksSeen};
pub use ports::{
    AccessStore, Boundary, Channel, CommitError, Counts, Delivery, DirectoryFault, DirectorySource,
    GrantFilter, GuardSource, Holds, ManagedPolicy, NoGuards, PolicySource, ReadError,
    ReferencedPolicy, RequestFilter, SetPolicies, StandingSource, SweepStore, Told, ToldDigest,
    Waiting,
};
pub use press_refused::PressRefused;
pub use request::{
    Closed, Decided, PendingRequest, Person, Reminders, Request, RequestState, Review, Seen, Wanted,
};
pub use search::{Fit, Sought};
pub use service::{
    Access, AccessError, Asking, CATALOG_PAGE_MAX, Catalog, CatalogEntry, CatalogPage, Endings,
    Explained, Extending, Found, Hit, Idempotency, InLine, LastTime, Late, Meant, Named, Past,
    Patience, Ports, Presses, Reconciled, RequestView, Revoking, Search, StandingView, Stands,
    SweepStatus, SweepsTended, Tended, Times,
};
pub use settings::{AdminSignIn, OnRuleChange, Settings};
pub use sweep::{
    ADOPTED_MAX, Acceptance, Accepted, Brake, Consent, Drift, Facts, Fate, Findings, GoneItem,
    Held, ItemChange, ItemKind, ItemSight, LeftAlone, LeftOut, Limits, MayAct, NotRead,
    PREEXISTING_FOR, PatternError, RUNS_APART, Schedule, ScheduleError, StandingListing,
    StandingPattern, StandingRefused, StandingScope, Sweep, SweepAction, SweepItem, SweepMode,
    SweepReach, SweepReport, SweepSettings, SweepState, Trigger, Unread, UnreadPlace, Wait,
    findings, plan_words,
};
