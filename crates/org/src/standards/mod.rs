//! Standards and controls of Security Hub (`organization.md` §4): a file says which are on or off, why, and where not;
//! the state of every account and Region follows it.
//!
//! ```text
//!   file ──────────────────────┐             ┌─► a row for each account and Region ─► plan ─► runner
//!                              ├─► wanted ───┤
//!   organization ─► gather ────┘             └─► central policies and where they hold
//! ```
//!
//! Everything but `hub`, `gather` and the executor is pure.

mod names;

mod file;
mod units;

mod facts;
mod hub;

mod gather;
mod wanted;

mod compare;
mod export;
mod plan;

mod executor;

pub use compare::{ComparedHub, HubStanding, StandardsChoices, compare};
pub use executor::StandardsStepExecutor;
pub use export::export;
pub use facts::{
    ControlAssociation, ControlStatus, HubFacts, HubLook, HubState, StandardSubscription,
    StandardsFacts, StandardsManagement,
};
pub use file::StandardsFile;
pub use gather::{StandardsScope, StandardsUnread, gather_standards};
pub use plan::{ControlUpdate, PLAN_KIND, draft, is_standards_step};
pub use units::{StandardsAccount, UnitTree};
