//! What snapshots say of access, for the page of paths.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_inventory::{AccessFinding, AccessSnapshot};

/// What a snapshot says of access, with what is wrong with it.
#[derive(Debug)]
pub struct KnownAccess {
    /// What it says.
    pub snapshot: AccessSnapshot,
    /// What is wrong.
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

/// Where snapshots come from.
#[async_trait]
pub trait AccessSnapshots: Send + Sync {
    /// The newest; `None` where there is none. The same one again while there is no newer.
    ///
    /// # Errors
    /// Words, when it cannot be read.
    async fn newest(&self) -> Result<Option<Arc<KnownAccess>>, String>;
}
