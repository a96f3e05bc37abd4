//! Revokes sessions by a service control policy, and removes it when no matching session is left
//! (`policies.md` §12).

mod apply;
mod list;
mod prune;

pub use apply::{ApplyRevocation, Ends, check_revocation, plan_apply};
pub use list::{EntryRow, EntryState, list};
pub use prune::{Pruned, plan_prune};

/// The default name.
pub const POLICY_NAME: &str = "hallpass-sessions";
pub const TAG: &str = "hallpass:sessions";
