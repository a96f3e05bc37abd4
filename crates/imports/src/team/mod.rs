//! Imports AWS TEAM (Temporary Elevated Access Management for IAM Identity Center): its tables of
//! eligibility, approvers, settings and, in newer releases, policies.
//!
//! Its router decides since June 2024: a user may request a permission set in an account if an
//! entry of the user or of a group names both; an organizational unit covers only the accounts
//! directly in it. One entry without approval removes the requirement, the longest duration of all
//! entries counts, capped by the settings. Members of the groups named for the account or its
//! parent may approve, never the requester. Earlier releases ([`Release`]) ignored the parent's
//! approvers if the account has its own, required approval if any entry for the target does, and
//! limited everything to the hours of a person's first entry.
//!
//! An entry with policies uses only these; the requester chooses one, with its duration and its
//! approvers.

mod convert;
mod earlier;
mod entry;
mod history;
mod known;
mod policies;
mod rows;
mod tables;

pub use convert::{Release, TeamExport, TeamExports, import};
pub use history::{PastRequest, history};
pub use tables::TeamTable;
