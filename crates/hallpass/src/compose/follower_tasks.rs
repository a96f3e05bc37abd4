//! Work of every node: follows other nodes' writes, and the shared directory.

use std::sync::Arc;

use hallpass_access::Access;
use hallpass_app::setup::waiting::{LOOK_AGAIN, rest};
use hallpass_audit::AuditStore;
use tokio::sync::watch;

use super::lead::Lead;
use super::shared_directory::SharedDirectory;

#[derive(Clone)]
pub(super) struct Follower {
    pub(super) access: Arc<Access>,
    pub(super) audit: Arc<dyn AuditStore>,
    pub(super) directory: Arc<SharedDirectory>,
    pub(super) lead: Arc<Lead>,
}

/// Follows until the server stops, by polling; nodes do not notify each other.
pub(super) async fn follow(follower: Follower, mut stop: watch::Receiver<bool>) {
    loop {
        match follower.audit.head().await {
            Ok(Some(head)) => follower.access.heard_of(head.seq),
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "the writes of other nodes are not known"),
        }
        if !follower.lead.holds() && follower.directory.follow().await {
            tracing::debug!("took over the organization as read by another node");
        }
        if !rest(&mut stop, LOOK_AGAIN).await {
            return;
        }
    }
}
