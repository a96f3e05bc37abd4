//! Access data of snapshots, for the page of paths.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_inventory::{AccessFinding, AccessSnapshot};

#[derive(Debug)]
pub struct KnownAccess {
    pub snapshot: AccessSnapshot,
    pub findings: Vec<AccessFinding>,
}

impl From<AccessSnapshot> for KnownAccess {
    fn from(snapshot: AccessSnapshot) -> Self {
        Self {
            findings: snapshot.graph.findings(),
            snapshot,
        }
    }
}

#[async_trait]
pub trait AccessSnapshots: Send + Sync {
    /// Returns the newest; `None` without snapshots. Returns the same value while it is the newest.
    async fn newest(&self) -> Result<Option<Arc<KnownAccess>>, String>;
}
