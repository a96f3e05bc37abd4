//! Delegating Identity Center (`policies.md` §13): who may assign which permission sets in which
//! accounts, and nothing that leads further.
//!
//! [`generate`] makes the policy of a delegate, [`guard`] the service control policy beside it, and
//! [`check`] tells what a policy found somewhere really allows.

mod actions;
mod check;
mod samples;
mod spec;

pub use check::{
    DelegatedCall, DelegationQuestion, DelegationReport, Escalation, Ineffective, check,
};
pub use spec::{DelegationGuard, DelegationSpec, GeneratedDelegation, Model, Tag, generate, guard};
