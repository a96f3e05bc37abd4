//! Organization chores as plans: outage drills and session revocation by service control policies
//! (`policies.md` §8.3 and §12), and account creation (`organization.md` §1).
//!
//! A chore gathers facts through `Organization`, plans steps, and `runner` runs them;
//! [`OrgStepExecutor`] executes single steps. Pure functions over the facts decide on safety, at
//! planning and again just before applying.
//!
//! Knows no AWS wire formats, databases or permissions of requesters.

mod billing_transfers;
mod changing;
mod earlier_plans;
mod facts;
mod handshakes;
mod judging;
mod organization_wide;
mod policy_probe;
mod reading;
mod refusal;
mod retrying;

pub mod control_tower;
pub mod delegation;
pub mod enrolment;
pub mod insights;
pub mod lifecycle;
pub mod outage;
pub mod payer;
pub mod pci;
pub mod propagation;
pub mod readiness;
pub mod sessions;
pub mod standards;
pub mod vending;

mod step_executor;
mod steps;

pub use changing::{SendAnswer, ServiceCalls};
pub use earlier_plans::EarlierUnread;
pub use facts::{TargetFacts, gather, permission_set_of};
pub use judging::{Attestation, Attestations};
pub use organization_wide::account_quota;
pub use reading::{
    Operation, ReadAnswer, ReadCallFailed, ReadCalls, ReadFact, ReadPlace, UnreadFact, read_all,
};
pub use refusal::lint;
pub use step_executor::OrgStepExecutor;

use hallpass_enforcement::{OrganizationFault, OrganizationUnread};

#[derive(Debug, thiserror::Error)]
pub enum ChoreError {
    #[error("{0}")]
    Unusable(#[from] hallpass_iam::BadInput),
    #[error(transparent)]
    Unread(#[from] OrganizationUnread),
    #[error(transparent)]
    Store(#[from] hallpass_plans::StoreFault),
}

pub(crate) fn unread(what: impl Into<String>) -> impl FnOnce(OrganizationFault) -> ChoreError {
    let what = what.into();
    move |fault| OrganizationUnread { what, fault }.into()
}
