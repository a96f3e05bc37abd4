//! What is seen of a process from outside of it.

use std::sync::Arc;

use hallpass_access::Access;
use hallpass_store::Candidate;
use tokio::sync::watch;

use crate::ProcessTime;
use crate::hazard::Hazard;

/// A process that runs on a node, as people and operators reach it.
pub(super) struct RunningNode {
    pub(super) hazard: Arc<Hazard>,
    pub(super) candidate: Arc<Candidate>,
    /// The journey as people reach it here.
    pub(super) access: Arc<Access>,
    pub(super) time: Arc<ProcessTime>,
    pub(super) stop: watch::Sender<bool>,
}
