//! Common Fate, before: Granted Approvals. Its access rules, as its API and Terraform have them; and what came
//! after them: access workflows, selectors, availabilities and policies in Cedar.
//!
//! An access rule says who may ask, for what, how long, and who approves: one of its approvers is enough, and
//! nobody approves their own request. Of the newer resources, an availability says what there is to ask for, a
//! workflow for how long, and policies who may do what: somebody may ask where a policy permits `Request`,
//! needs no approval where one permits `Activate` without it, and otherwise needs that of somebody to whom one
//! permits `Approve`. What a policy forbids, no other allows (Common Fate documentation, "Authorization").

mod access_rules;
mod cedar;
mod cloud;
mod convert;
mod jit_policy;
mod keys;
mod modules;
mod organization;
mod policies;
mod priority;
mod workflow;

pub use convert::import;
pub use organization::OrganizationIds;
