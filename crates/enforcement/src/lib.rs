//! Enforcement in accounts: service control policies that end access by AWS's own clock
//! (`access.md` §21) and end sessions that outlive a grant (§16.7), and the stored rows of what
//! Hallpass enforces, with the ports that store them.
//!
//! The executors read and write through [`Organization`], one process per account
//! ([`PolicyKeeper`]).
//!
//! Knows no AWS wire formats, databases or chores.

mod policy_keeper;
mod ports;
mod surroundings;

pub mod account_policy;
pub mod armed_ends;
pub mod session_revocation;
pub mod standards_visits;
pub mod testing;

pub use policy_keeper::PolicyKeeper;
pub use ports::{
    AccountRow, AttachmentTarget, CallerIdentity, Drill, NewPolicy, OrgStore, Organization,
    OrganizationFault, PolicyRow, PolicyText, Revocation, Root, TargetKind, TargetPresence,
};
pub use surroundings::{
    OrganizationUnread, Refusal, SCPS_PER_TARGET, Surroundings, of_management, of_surroundings,
    reasons, slot_taken, surroundings,
};
