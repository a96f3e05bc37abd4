//! What the log needs from the outside: a place where records are, and a place they go to.

use async_trait::async_trait;

use crate::{Head, Record};

/// The store could not answer. Always worth another try; nothing was half done.
#[derive(Debug, Clone, thiserror::Error)]
#[error("store: {0}")]
pub struct StoreFault(pub String);

/// The export target refused or could not be reached.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{place}: {message}")]
pub struct SinkError {
    /// The object or folder.
    pub place: String,
    /// What went wrong.
    pub message: String,
}

/// The log as stored. Appending happens only inside the store's commit of a change, so there is
/// no method for it here.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Records with a number of at least `seq`, ascending, at most `limit`.
    async fn records_from(&self, seq: u64, limit: u32) -> Result<Vec<Record>, StoreFault>;

    /// The newest record's number and hash; `None` while the log is empty.
    async fn head(&self) -> Result<Option<Head>, StoreFault>;

    /// Number of the last record known to be exported; 0 when none is.
    async fn exported(&self) -> Result<u64, StoreFault>;

    /// Remembers that all records up to `seq` are exported. Never moves back.
    async fn set_exported(&self, seq: u64) -> Result<(), StoreFault>;
}

/// Where exported objects go. `put` of the same key with the same bytes may happen again.
#[async_trait]
pub trait ExportTarget: Send + Sync {
    /// Writes an object so that it is there whole or not at all.
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), SinkError>;
}
