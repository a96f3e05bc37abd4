//! Teleport: roles with access requests, for accounts of AWS IAM Identity Center.
//!
//! A role gives permission sets in accounts (`account_assignments`), lets its holders ask for other roles
//! (`request`), and review requests for some (`review_requests`). A request needs the approvals of one of the
//! thresholds of each role that lets somebody ask, of others than who asks. What a role denies, no other allows
//! (Teleport documentation, "Access Controls Reference" and "Configure Access Requests").
//! Who holds a role Teleport's roles do not say: the file of names does.

mod convert;
mod denied;
mod options;
mod pattern;
mod role;
mod together;

pub use convert::import;
