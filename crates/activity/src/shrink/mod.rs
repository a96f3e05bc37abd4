//! The smaller policy (`inventory.md` §7.5): what policies of an identity allow and somebody used, or may have used without a
//! log that shows it, with the proof that every call of the log goes on, and what is given up.
//!
//! INVARIANT: a proposed Allow takes some actions of an old one, on its resources or fewer and under its conditions, and
//! every Deny stays: nothing is allowed that was not before.

mod clause;
mod seen;

mod cover;
mod sight;

mod choose;
mod prove;

mod given_up;
mod making;
mod propose;
mod terms;

pub use cover::ReplayAnswer;
pub use given_up::{GivenUpRisk, GivenUpService, LevelChange};
pub use propose::{Shrunk, prove, shrink};
pub use prove::{ReplayVerdict, ReplayedCalls, ShrinkProof};
pub use seen::{CallOutcome, SeenCall, SeenFold, SeenUse, UseOf, UsesWanted};
pub use sight::{Unseen, data_event_services};
pub use terms::{
    KeptBecause, PolicyText, ProposedStatement, ResourceGrain, ShrinkError, ShrinkGrain,
    ShrinkQuestion, UnseenKept, UsedPart,
};
