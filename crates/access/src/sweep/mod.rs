//! Finds unmanaged access, and reports, accepts, adopts or, if configured, removes it (`access.md`
//! §10).
//!
//! ```text
//!   scope ──► StandingSource ──► findings ──► reported
//!   (rules)    a listing with      │    └───► planned, confirmed ──► removed by `assignments`,
//!              its errors          │                                 or adopted as a grant
//!                                  ▼
//!               ours · accepted · found standing by a grant · unknown
//! ```
//!
//! Pure: all facts are arguments; `service` reads and stores. `sweep_steps` executes plans.

mod settings;

mod schedule;

mod listing;
mod pattern;

mod accepted;
mod group_assignment;
mod item;
mod run;

mod classify;

mod digest;
mod refused;

pub use accepted::Accepted;
pub use classify::{Findings, Held, ListingFacts, MayAct, PREEXISTING_FOR, RUNS_APART, findings};
pub use digest::{
    ChangedHolding, Digest, DigestKind, DigestNews, EntitlementsFound, FirstOf, LookedOutcome,
    NamedHolding, NextSweep, StuckHolding, SweepConfirmed, SweepDone, SweepLooked, SweepPurpose,
    SweepWork,
};
pub use group_assignment::{GroupAssignment, GroupAssignmentWrite, NamedGroupAssignment};
pub use item::{Acceptance, Fate, ItemChange, ItemKind, ItemSight, LeftAlone, SweepItem, Wait};
pub use listing::{
    EntitlementListing, GroupAssignmentKey, LeftOut, NotRead, StandingListing, StandingScope,
    Unread, UnreadPlace,
};
pub use pattern::{DeadPattern, PatternError, StandingPattern};
pub use refused::StandingRefused;
pub use run::{Brake, Consent, Drift, GoneItem, Sweep, SweepReport, SweepState, Trigger};
pub use schedule::{Schedule, ScheduleError};
pub use settings::{ADOPTED_MAX, SweepAction, SweepMode, SweepReach, SweepSettings};

pub(crate) use classify::{TargetLabels, person};
pub(crate) use digest::{confirmed, done, looked};
pub(crate) use group_assignment::changes as group_assignment_changes;
pub(crate) use run::SweepAwaits;

#[cfg(test)]
pub(crate) mod tests;
