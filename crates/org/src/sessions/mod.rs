//! Cutting live sessions off by a service control policy, and taking that back once no session it
//! can select is left (`policies.md` §12).

mod apply;
mod list;
mod prune;

pub use apply::{ApplyRevocation, Ends, check_revocation, plan_apply};
pub use list::{EntryRow, EntryState, list};
pub use prune::{Pruned, plan_prune};

/// How the policy is called unless somebody says otherwise.
pub const POLICY_NAME: &str = "hallpass-sessions";
/// The tag of policies made here.
pub const TAG: &str = "hallpass:sessions";
