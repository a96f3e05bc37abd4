//! Organization chores as plans: outage drills and session revocation by service control policies
//! (`policies.md` §8.3 and §12), and account creation (`organization.md` §1).
//!
//! A chore gathers facts through [`Organization`], plans steps, and `runner` runs them;
//! [`OrgStepExecutor`] executes single steps. Pure functions over the facts decide on safety, at
//! planning and again just before applying.
//!
//! Knows no AWS wire formats, databases or permissions of requesters.

mod account_policy;
mod billing_transfers;
mod changing;
mod earlier_plans;
mod facts;
mod handshakes;
mod judging;
mod organization_wide;
mod policy_keeper;
mod policy_probe;
mod reading;
mod refusal;
mod retrying;

pub mod armed_ends;
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
pub mod session_revocation;
pub mod sessions;
pub mod standards;
pub mod vending;

mod step_executor;
mod steps;

mod ports;

pub use changing::{SendAnswer, ServiceCalls};
pub use earlier_plans::EarlierUnread;
pub use facts::{Surroundings, TargetFacts, gather, permission_set_of, surroundings};
pub use hallpass_iam::generate::sessions::RevocationEntry;
pub use judging::{Attestation, Attestations};
pub use organization_wide::account_quota;
pub use policy_keeper::PolicyKeeper;
pub use ports::{
    AccountRow, AttachmentTarget, CallerIdentity, Drill, NewPolicy, OrgStore, Organization,
    OrganizationFault, PolicyRow, PolicyText, Revocation, Root, TargetKind, TargetPresence,
};
pub use reading::{
    Operation, ReadAnswer, ReadCallFailed, ReadCalls, ReadFact, ReadPlace, UnreadFact, read_all,
};
pub use refusal::{Refusal, SCPS_PER_TARGET, lint};
pub use step_executor::OrgStepExecutor;

#[derive(Debug, thiserror::Error)]
pub enum ChoreError {
    #[error("{0}")]
    Unusable(#[from] hallpass_iam::BadInput),
    #[error("cannot read {what}: {fault}")]
    Unread {
        what: String,
        fault: OrganizationFault,
    },
    #[error(transparent)]
    Store(#[from] hallpass_plans::StoreFault),
}

pub(crate) fn unread(what: impl Into<String>) -> impl FnOnce(OrganizationFault) -> ChoreError {
    let what = what.into();
    move |fault| ChoreError::Unread { what, fault }
}
pub mod testing;
