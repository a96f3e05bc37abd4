//! What goes through accounts and keeps policies of ours in them.

use std::sync::Arc;

use hallpass_base::{Clock, IdSource};
use hallpass_plans::PlanStore;

use crate::ports::Organization;

/// The ports of a process that keeps policies, and its name.
pub struct PolicyKeeper {
    /// Reads and writes policies.
    pub organization: Arc<dyn Organization>,
    /// Lanes: one process at a time writes to an account.
    pub lanes: Arc<dyn PlanStore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids of audit records.
    pub ids: Arc<dyn IdSource>,
    /// Tells this process from every other.
    pub holder: String,
}
