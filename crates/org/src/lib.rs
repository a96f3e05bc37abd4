//! Organization chores as plans: outage drills and session revocation by service control policies
//! (`policies.md` §8.3 and §12), and account creation (`organization.md` §1).
//!
//! A chore gathers facts through `Organization`, plans steps, and `runner` runs them;
//! [`OrgStepExecutor`] executes steps of policies, and each account chore has its own executor. Pure
//! functions over the facts decide on safety, at planning and again just before applying.
//!
//! Module groups, lowest first; a group uses only those above it. `◄`: the right one uses the left.
//!
//! ```text
//! boundary        reading  changing  retrying
//!                 reads and writes of any service
//! facts           facts  handshakes ◄ billing_transfers  organization_wide  judging  refusal
//!                 what an organization has, and why a change is refused
//! policies        policy_probe
//!                 compares service control policies with those wanted
//! steps           steps  earlier_plans
//!                 what executors share: step kinds, wanted states, errors
//! policy chores   outage ◄ sessions ◄ step_executor
//!                 plans of drills and revocations, and their executor
//! ends by policy  propagation
//!                 how soon a policy applies; enforced ends are in `hallpass_enforcement`
//! account chores  control_tower ◄ vending ◄ enrolment ◄ lifecycle ◄ standards ◄ insights ◄
//!                 delegation;  control_tower ◄ readiness;  payer  pci
//!                 one folder each; they use neither policy chores nor ends by policy
//! below           `hallpass_enforcement`: the organization's port, policies, enforced ends
//! ```
//!
//! Knows no AWS wire formats, databases or permissions of requesters.

mod changing;
mod reading;
mod retrying;

mod billing_transfers;
mod facts;
mod handshakes;
mod judging;
mod organization_wide;
mod refusal;

mod policy_probe;

mod earlier_plans;
mod steps;

pub mod outage;
pub mod sessions;
mod step_executor;

pub mod propagation;

pub mod control_tower;
pub mod delegation;
pub mod enrolment;
pub mod insights;
pub mod lifecycle;
pub mod payer;
pub mod pci;
pub mod readiness;
pub mod standards;
pub mod vending;

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
