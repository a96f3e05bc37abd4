//! Privileged Identity Management of Microsoft Entra, for groups: who is eligible for the membership of a
//! group, and by which policy they activate it, as Microsoft Graph exports it.
//!
//! Somebody who is eligible may activate the membership for at most the longest time of the policy of the group,
//! after the approval of any one of its approvers where one is required, never their own (Microsoft Learn, "Privileged
//! Identity Management for Groups"). What the membership gives at AWS Entra does not know: the file of
//! names says it.

mod convert;
mod export;
mod policy;

pub use convert::{EligibilityEnds, import};
