//! Access that nobody recorded: looking for it, telling of it, accepting it, giving it an end, and,
//! where the configuration says so, removing it (`access.md` §10).
//!
//! ```text
//!   scope ──► StandingSource ──► findings ──► reported
//!   (rules)    a listing with      │    └───► planned, confirmed ──► removed by `assignments`,
//!              its errors          │                                 or adopted as a grant
//!                                  ▼
//!               ours · accepted · found standing by a grant · unknown
//! ```
//!
//! Pure: what is listed, held, accepted and was found before are arguments; `service` reads and
//! stores. A sweep never writes to Identity Center: it says what is desired of a row, as a grant does.

mod settings;

mod schedule;

mod listing;
mod pattern;

mod accepted;
mod item;
mod run;

mod classify;

mod acting;
mod adopting;
mod confirming;

mod digest;
mod refused;

pub use accepted::Accepted;
pub use classify::{Findings, Held, ListingFacts, MayAct, PREEXISTING_FOR, RUNS_APART, findings};
pub use confirming::RemovalLimit;
pub use digest::{
    ChangedHolding, DigestNews, FirstOf, LookedOutcome, NamedHolding, NextSweep, StuckHolding,
    SweepConfirmed, SweepDone, SweepLooked, SweepPurpose, SweepWork,
};
pub use item::{Acceptance, Fate, ItemChange, ItemKind, ItemSight, LeftAlone, SweepItem, Wait};
pub use listing::{LeftOut, NotRead, StandingListing, StandingScope, Unread, UnreadPlace};
pub use pattern::{PatternError, StandingPattern};
pub use refused::StandingRefused;
pub use run::{Brake, Consent, Drift, GoneItem, Sweep, SweepReport, SweepState, Trigger};
pub use schedule::{Schedule, ScheduleError};
pub use settings::{ADOPTED_MAX, SweepAction, SweepMode, SweepReach, SweepSettings};

pub(crate) use acting::{begin_removal, leave_alone, not_any_more, settle};
pub(crate) use adopting::{Adopting, adopt};
pub(crate) use classify::{TargetLabels, person};
pub(crate) use confirming::{Fresh, confirm};
pub(crate) use digest::{confirmed, done, looked};

#[cfg(test)]
pub(crate) mod tests;
