use std::sync::Arc;

use hallpass_access::Access;
use hallpass_store::Candidate;
use tokio::sync::watch;

use crate::ProcessTime;
use crate::hazard::Hazard;

pub(super) struct RunningNode {
    pub(super) hazard: Arc<Hazard>,
    pub(super) candidate: Arc<Candidate>,
    pub(super) access: Arc<Access>,
    pub(super) time: Arc<ProcessTime>,
    pub(super) stop: watch::Sender<bool>,
}
