//! The log's ports: the store, the export target and source, and the signer of heads.

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::{FoundRecords, Head, LogId, Record, RecordQuery};

/// The store could not answer. Safe to retry; nothing was half done.
#[derive(Debug, Clone, thiserror::Error)]
#[error("store: {0}")]
pub struct StoreFault(pub String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkErrorKind {
    /// Temporary: no answer, throttling, or a server error.
    Unavailable,
    /// Permanent until an operator fixes it: rights, settings, an invalid key.
    Refused,
    /// Another object has this key already. It stays unchanged.
    Taken,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct SinkError {
    pub kind: SinkErrorKind,
    pub place: String,
    pub message: String,
}

/// The stored log. Has no method to append: that happens only inside the store's commit of a
/// change.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Records with a number of at least `seq`, ascending, at most `limit`.
    async fn records_from(&self, seq: u64, limit: u32) -> Result<Vec<Record>, StoreFault>;

    /// Records that match `query`, in its order, at most `limit`. Each call is bounded however long
    /// the log is: it may find fewer, and returns a cursor.
    async fn records_found(
        &self,
        query: &RecordQuery,
        limit: u32,
    ) -> Result<FoundRecords, StoreFault>;

    /// The newest record's number and hash; `None` while the log is empty.
    async fn head(&self) -> Result<Option<Head>, StoreFault>;

    /// Number of the last record known to be exported; 0 before any.
    async fn exported(&self) -> Result<u64, StoreFault>;

    /// Stores that all records up to `seq` are exported. Never moves back.
    async fn set_exported(&self, seq: u64) -> Result<(), StoreFault>;

    /// The log's id; `None` while it is empty. Made in the commit of the first record; copies of
    /// the store keep it.
    async fn log_id(&self) -> Result<Option<LogId>, StoreFault>;
}

/// The export target. Never overwrites an object put before.
#[async_trait]
pub trait ExportTarget: Send + Sync {
    /// Writes an object atomically. The same bytes under the same key succeed again; other bytes
    /// are [`Taken`](SinkErrorKind::Taken). May be called concurrently.
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), SinkError>;

    /// How many objects to put in parallel during a backlog.
    fn at_once(&self) -> usize {
        1
    }

    /// Atomically replaces an object, if any: for objects that describe the current state.
    async fn replace(&self, key: &str, bytes: &[u8]) -> Result<(), SinkError>;
}

/// Reads exported objects back, with access to nothing but the export.
#[async_trait]
pub trait ExportSource: Send + Sync {
    /// Keys of all objects that begin with `prefix` (empty, or ending in `/`) and come after
    /// `after`, ascending in byte order. An unknown prefix is an empty list; a partial listing is
    /// an error.
    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, SinkError>;

    /// An object's bytes; `None` when there is no such object.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, SinkError>;

    fn name(&self) -> String;
}

/// The signer failed. Retry later; nothing was published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SignFault(pub String);

/// Signs heads with a local key, or one that never leaves a key service.
#[async_trait]
pub trait HeadSigner: Send + Sync {
    /// Adds `key`, `alg` and `signature`, as [`PublicKey::check`](crate::PublicKey::check) expects.
    /// Signing again may give another signature.
    async fn sign_head(&self, head: Map<String, Value>) -> Result<Map<String, Value>, SignFault>;
}

#[async_trait]
impl HeadSigner for crate::Signer {
    async fn sign_head(&self, head: Map<String, Value>) -> Result<Map<String, Value>, SignFault> {
        self.sign(head)
            .map_err(|error| SignFault(error.to_string()))
    }
}
