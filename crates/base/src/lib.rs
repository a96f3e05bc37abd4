//! Shared vocabulary: identifiers, e-mail addresses, targets, durations, and traits for time and
//! randomness.
//!
//! Knows no rules, storage, networks or AWS clients. Small on purpose: everything rebuilds when it
//! changes.

mod aws;
mod causes;
mod email;
pub mod fold;
#[cfg(test)]
mod fuzz;
mod glob;
mod id;
mod organization;
mod sources;
mod span;
mod target;
pub mod text;
pub mod time;
pub mod traced;

pub use aws::{
    AccountId, GroupId, IdError, PermissionSetArn, PermissionSetName, UserId, profile_name,
};
pub use causes::with_causes;
pub use email::{Email, EmailError};
pub use glob::Glob;
pub use id::{AuditId, CampaignId, GrantId, PrefixedIdError, RequestId, SweepId, TokenId};
pub use jiff::Timestamp;
pub use organization::{AccountPath, account_state};
pub use sources::{Clock, Clocks, Disagreement, IdSource, Look};
pub use span::{SpanError, TimeSpan};
pub use target::{HoldKey, Target, TargetNames};
pub mod clock;
pub mod testing;
