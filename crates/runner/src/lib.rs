//! Plans: targets × steps, looked at first, journaled, resumable (`organization.md` §0.1).
//!
//! A [`Plan`] is made of [`Step`]s, each of which wants one thing at one [`Target`]. [`Runner::look`]
//! probes every step and saves what it saw; [`Runner::apply`] carries out what was saved: an intent
//! is stored before each write, its answer after it, and after a stop the world is looked at before
//! anything is sent again. What a step does is said by whoever fills [`Hands`].
//!
//! Knows nothing of AWS, of databases or of what any step means.
#![warn(missing_docs)]

mod plan;

mod journal;
mod report;
mod retry;

mod run;
mod undo;

mod ports;

#[cfg(feature = "testing")]
pub mod testing;

pub use journal::{Entry, Final, Folded, JournalError, Outcome, Place, Record, Stored, fold};
pub use plan::{Lane, Limits, Plan, PlanDraft, PlanId, Probe, Step, StepId, Target, hash};
pub use ports::{
    Act, Change, Effect, Hands, Keeper, LeaseAnswer, Nap, PlanStore, Saved, Setback, StoreFault,
    Undo, Verify,
};
pub use report::{Exit, Report, StepReport, TargetReport, Totals};
pub use retry::{Class, Retry, pause};
pub use run::{Applying, LANE_LEASE, Looked, RunError, Runner, told};
pub use undo::{Undoing, undo};
