//! Chores of an organization as plans: outage drills and cutting people's sessions off, both by
//! service control policies (`policies.md` §8.3 and §12), and making accounts (`organization.md` §1).
//!
//! A chore gathers facts through [`Organization`], makes a plan of steps, and leaves running it to
//! `runner`; [`OrgStepExecutor`] carries single steps out. Whether a chore is safe is decided by pure functions
//! over those facts, once when the plan is made and again just before it is applied.
//!
//! Knows nothing of AWS's wire formats, of databases or of who may ask.
#![warn(missing_docs)]

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
mod repeating;

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
    OrganizationFault, PolicyRow, PolicyText, Revocation, Root, StepNews, TargetKind,
    TargetPresence,
};
pub use reading::{
    Operation, ReadAnswer, ReadCallFailed, ReadCalls, ReadFact, ReadPlace, UnreadFact, read_all,
};
pub use refusal::{Refusal, SCPS_PER_TARGET, lint};
pub use step_executor::OrgStepExecutor;

/// Why a chore could not be planned.
#[derive(Debug, thiserror::Error)]
pub enum ChoreError {
    /// What was given cannot be used; nothing was done.
    #[error("{0}")]
    Unusable(#[from] hallpass_iam::BadInput),
    /// AWS could not be asked.
    #[error("cannot read {what}: {fault}")]
    Unread {
        /// What was to be read.
        what: String,
        /// What AWS said.
        fault: OrganizationFault,
    },
    /// Our own store did not answer.
    #[error(transparent)]
    Store(#[from] hallpass_plans::StoreFault),
}

/// Names the listing that failed.
pub(crate) fn unread(what: impl Into<String>) -> impl FnOnce(OrganizationFault) -> ChoreError {
    let what = what.into();
    move |fault| ChoreError::Unread { what, fault }
}
pub mod testing;
