//! Proposes a smaller policy (`inventory.md` §7.5): used or possibly used permissions, with a proof
//! that every logged call still works, and a list of dropped ones.
//!
//! INVARIANT: a proposed Allow has a subset of an old one's actions and resources under its
//! conditions, and every Deny stays: nothing new is allowed.

mod clause;
mod seen;

mod cover;
mod observations;

mod choose;
mod prove;

mod dropped_permissions;
mod making;
mod propose;
mod terms;

pub use cover::ReplayAnswer;
pub use dropped_permissions::{GivenUpRisk, GivenUpService, LevelChange};
pub use observations::{Unseen, data_event_services};
pub use propose::{Shrunk, prove, shrink};
pub use prove::{ReplayVerdict, ReplayedCalls, ShrinkProof};
pub use seen::{CallOutcome, SeenCall, SeenFold, SeenUse, UseOf, UsesWanted};
pub use terms::{
    KeptReason, PolicyText, ProposedStatement, ResourceGrain, ShrinkError, ShrinkGrain,
    ShrinkQuestion, UnseenKept, UsedPart,
};
