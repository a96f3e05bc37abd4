//! Delegation of Identity Center (`policies.md` §13): named permission sets in named accounts,
//! without escalation.
//!
//! [`generate`] builds a delegate's policy, [`guard`] its service control policy, and [`check`]
//! reports a policy's effective access.

mod actions;
mod check;
mod samples;
mod spec;

pub use check::{
    DelegatedCall, DelegationQuestion, DelegationReport, Escalation, Ineffective, check,
};
pub use spec::{DelegationGuard, DelegationSpec, GeneratedDelegation, Model, Tag, generate, guard};
