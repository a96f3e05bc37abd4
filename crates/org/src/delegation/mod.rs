//! Delegated administrators of the organization (`organization.md` §3): a file defines them, one
//! command applies it and shows differences.
//!
//! ```text
//!   file ──────────────────────┐
//!                              ├─► compare ──► a row for each service and Region ──► plan ──► runner
//!   organization ─► gather ────┘
//! ```
//!
//! Everything but `gather` and the executor is pure.

mod families;
mod file;

mod facts;
mod gather;

mod compare;
mod plan;
mod remove;

mod executor;
mod graphs;
mod members;
mod other_regions;
mod undoing;
mod write_calls;

pub use compare::{
    DelegationRefused, DelegationRow, DelegationState, ENABLED_REGIONS, MEMBERS_MAX, Replacing,
    compare,
};
pub use executor::DelegationStepExecutor;
pub use facts::{DelegationFacts, GraphFacts, MemberFacts, MemberStanding, OrganizationMember};
pub use families::{
    AdministratorView, DelegatedService, RegionalCalls, known_services, service_named,
};
pub use file::{
    DelegationFile, InvitationMail, InvitedAccount, MembersWanted, RegionsWanted, ServiceDelegation,
};
pub use gather::{gather, graphs_of, look_around, look_at};
pub use plan::{PLAN_KIND, draft, is_delegation_step};
pub use remove::{REMOVE_KIND, RemovalRequest, draft_removal};
