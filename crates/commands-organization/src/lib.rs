//! Commands for the organization's chores, and account assignments as code.

pub mod access;
pub mod events;
pub mod findings;
pub mod insights;
pub mod org;
pub mod outage;
pub mod plan;
pub mod remediate;
