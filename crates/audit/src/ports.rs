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

/// Which records to find, cheaply: a store may look at texts as they are stored, so what it finds is
/// looked at again by whoever asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordQuery {
    /// With a number below this; `None` = from the newest on.
    pub before: Option<u64>,
    /// With a number of at least this.
    pub from: u64,
    /// With one of these events, by name; empty = any.
    pub events: Vec<String>,
    /// With one text of each of these lists somewhere in their canonical form, ASCII case aside.
    pub with: Vec<Vec<String>>,
}

impl RecordQuery {
    /// Whether a record is one of those looked for, its number aside.
    pub fn fits(&self, record: &Record) -> bool {
        let text = record.canonical().to_ascii_lowercase();
        (self.events.is_empty() || self.events.iter().any(|event| event == record.event()))
            && self.with.iter().all(|any| {
                any.iter()
                    .any(|needle| text.contains(&needle.to_ascii_lowercase()))
            })
    }
}

/// The log as stored. Appending happens only inside the store's commit of a change, so there is
/// no method for it here.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Records with a number of at least `seq`, ascending, at most `limit`.
    async fn records_from(&self, seq: u64, limit: u32) -> Result<Vec<Record>, StoreFault>;

    /// Records that fit `query`, newest first, at most `limit`. Whoever asks bounds the numbers
    /// looked at by `from`, so that one call stays short however long the log is.
    async fn records_found(
        &self,
        query: &RecordQuery,
        limit: u32,
    ) -> Result<Vec<Record>, StoreFault>;

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
