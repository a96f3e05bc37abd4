//! Organization chores as plans: outage drills and session revocation by service control policies
//! (`policies.md` §8.3 and §12), and account creation (`organization.md` §1).
//!
//! A chore gathers facts through [`Organization`], plans steps, and `runner` runs them;
//! [`OrgStepExecutor`] executes steps of policies, and each account chore has its own executor. Pure
//! functions over the facts decide on safety, at planning and again just before applying.
//!
//! Module groups, lowest first; a group uses only those above it. `◄`: the right one uses the left.
//!
//! ```text
//! boundary        ports  reading  changing  retrying
//!                 what AWS and stores must answer; reads and writes of any service
//! facts           facts  handshakes ◄ billing_transfers  organization_wide  judging  refusal
//!                 what an organization has, and why a change is refused
//! policies        account_policy  policy_keeper  policy_probe
//!                 texts of service control policies, kept and compared
//! steps           steps  earlier_plans
//!                 what executors share: step kinds, wanted states, errors
//! policy chores   outage ◄ sessions ◄ step_executor
//!                 plans of drills and revocations, and their executor
//! ends by policy  armed_ends  session_revocation  propagation
//!                 policies that end access without a plan
//! account chores  control_tower ◄ vending ◄ enrolment ◄ lifecycle ◄ standards ◄ insights ◄
//!                 delegation;  control_tower ◄ readiness;  payer  pci
//!                 one folder each; they use neither policy chores nor ends by policy
//! testing         ports in memory, for tests
//! ```
//!
//! Knows no AWS wire formats, databases or permissions of requesters.

mod changing;
mod ports;
mod reading;
mod retrying;

mod billing_transfers;
mod facts;
mod handshakes;
mod judging;
mod organization_wide;
mod refusal;

mod account_policy;
mod policy_keeper;
mod policy_probe;

mod earlier_plans;
mod steps;

pub mod outage;
pub mod sessions;
mod step_executor;

pub mod armed_ends;
pub mod propagation;
pub mod session_revocation;

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

pub mod testing;

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
