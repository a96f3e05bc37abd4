//! Security Hub standards and controls (`organization.md` §4): a file defines enabled and disabled
//! ones, reasons and exceptions, and is applied to every account and Region.
//!
//! ```text
//!   file ──────────────────────┐             ┌─► a row for each account and Region ─► plan ─► runner
//!                              ├─► wanted ───┤
//!   organization ─► gather ────┘             └─► central policies and where they hold
//! ```
//!
//! Everything but `hub`, `gather`, `follow` and the executor is pure.

mod names;

mod file;
mod units;

mod governed;

mod facts;
mod hub;
mod policies;

mod desired;
mod gather;
mod wanted;

mod central;
mod compare;
mod export;
mod plan;
mod typos;

mod answers;
mod by_name;
mod central_steps;
mod observations;

mod executor;

mod allowed;
mod authors;
mod news;
mod visits;

mod follow;
mod sweep;

pub use allowed::{FollowMode, LeftAlone};
pub use authors::{HUB_EVENTS, HubChange, HubLog};
pub use central::{CentralPolicy, CentralRow, central_rows, needs_local_mode};
pub use compare::{ComparedHub, HubStanding, StandardsChoices, TurnedOn, compare};
pub use executor::StandardsStepExecutor;
pub use export::export;
pub use facts::{
    CentralFacts, CentralHome, ControlAssociation, ControlUpdate, HubFacts, HubLook, HubState,
    NamedControl, NoCentralHome, StandardSubscription, StandardsFacts,
};
pub use file::{ControlStatus, StandardsFile};
pub use follow::{
    FileInForce, FollowSettings, StandardsFollower, Swept, VisitEnd, VisitTeller, Visited,
};
pub(crate) use gather::{SelectedPlaces, selected_places};
pub use gather::{StandardsScope, StandardsUnread, central_home, gather_hubs, gather_organization};
pub use governed::{GovernedFacts, GovernedRegions};
pub use news::{AccountDifference, StandardsNews};
pub use plan::{PLAN_KIND, draft, draft_central, draft_configuration, is_standards_step};
pub use typos::{NamedThing, UnknownName, unknown_names};
pub use units::{StandardsAccount, UnitTree};
pub use visits::{asks_for_visit, visit_asked_by};
