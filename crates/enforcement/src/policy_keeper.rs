//! Shared ports for maintaining Hallpass's account policies.

use std::sync::Arc;

use hallpass_base::{Clock, IdSource};
use hallpass_plans::PlanStore;

use crate::ports::Organization;

pub struct PolicyKeeper {
    pub organization: Arc<dyn Organization>,
    /// Lanes: one process at a time writes to an account.
    pub lanes: Arc<dyn PlanStore>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
    /// Unique per process.
    pub holder: String,
}
