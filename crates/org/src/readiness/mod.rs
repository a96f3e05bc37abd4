//! Readiness of an organization for a change (`organization.md` §9): facts and checks. Cluster
//! files are checked separately, without calls.

mod checks;
mod facts;
mod joining;
mod leaving;
mod openshift;
mod question;
mod read;
mod read_leaving;

pub use crate::handshakes::AccountInvitation;
pub use checks::readiness_checks;
pub use facts::{
    BillFacts, Commitment, FoundationFacts, JoiningFacts, LeavingFacts, ListedAccount, LogAccounts,
    MemberFacts, ReadinessFacts, ReviewedLens, ReviewedWorkload, TargetUnit, WideShare,
};
pub use openshift::{InstallFile, InstallFileError, openshift_checks};
pub use question::{CandidateAccount, ReadinessQuestion};
pub use read::{ReadinessReading, read_readiness};
