//! What the log needs from the outside: a place where records are, a place they go to, and a key
//! that signs its heads.

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::{FoundRecords, Head, LogId, Record, RecordQuery};

/// The store could not answer. Always worth another try; nothing was half done.
#[derive(Debug, Clone, thiserror::Error)]
#[error("store: {0}")]
pub struct StoreFault(pub String);

/// Why an object was not written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkErrorKind {
    /// It may work later: no answer, throttled, an error of theirs.
    Unavailable,
    /// It will not work before somebody changes something: rights, settings, a key that is none.
    Refused,
    /// Another object stands under this key already. It is left as it is.
    Taken,
}

/// The export target refused or could not be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct SinkError {
    /// What it means.
    pub kind: SinkErrorKind,
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

    /// Records that fit `query`, in its order, at most `limit`. One call stays short however long the
    /// log is: it may find fewer than there are, and says where to go on. Going on from there until
    /// nothing is left finds each record that fits once.
    async fn records_found(
        &self,
        query: &RecordQuery,
        limit: u32,
    ) -> Result<FoundRecords, StoreFault>;

    /// The newest record's number and hash; `None` while the log is empty.
    async fn head(&self) -> Result<Option<Head>, StoreFault>;

    /// Number of the last record known to be exported; 0 when none is.
    async fn exported(&self) -> Result<u64, StoreFault>;

    /// Remembers that all records up to `seq` are exported. Never moves back.
    async fn set_exported(&self, seq: u64) -> Result<(), StoreFault>;

    /// The id of this log; `None` while it is empty. Made with its first record, in the same
    /// commit, and the same ever after, also in copies of the store.
    async fn log_id(&self) -> Result<Option<LogId>, StoreFault>;
}

/// Where exported objects go. Nothing that was put is ever written over.
#[async_trait]
pub trait ExportTarget: Send + Sync {
    /// Writes an object so that it is there whole or not at all. Putting the same bytes under the
    /// same key again is success, whoever put them; other bytes are
    /// [`Taken`](SinkErrorKind::Taken), and what is there stays. May be called for several objects
    /// at once. Stopped in the middle, the object is there or not.
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), SinkError>;

    /// How many objects to put at once when many wait.
    fn at_once(&self) -> usize {
        1
    }

    /// Writes an object in place of the one before, if any: for what tells of now, not of what was.
    /// Readers see the one or the other, whole.
    async fn replace(&self, key: &str, bytes: &[u8]) -> Result<(), SinkError>;
}

/// Where exported objects are read back, by somebody who has nothing but the export.
#[async_trait]
pub trait ExportSource: Send + Sync {
    /// The keys of all objects that begin with `prefix` (empty, or ending in `/`) and come after
    /// `after`, ascending in byte order. What is there when the call begins is in it. A prefix that
    /// nothing has is an empty list; a listing that failed half-way is an error.
    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, SinkError>;

    /// An object's bytes; `None` when there is no such object.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, SinkError>;

    /// Its name for people: a folder, or `s3://bucket/prefix`.
    fn name(&self) -> String;
}

/// A signature could not be had. Worth another try later; nothing was published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SignFault(pub String);

/// Signs heads: with a key at hand, or one in a key service that never leaves it.
#[async_trait]
pub trait HeadSigner: Send + Sync {
    /// The object with `key`, `alg` and `signature` in it, as
    /// [`PublicKey::check`](crate::PublicKey::check) takes it. Signing the same object again is
    /// harmless, and may give another signature.
    async fn sign_head(&self, head: Map<String, Value>) -> Result<Map<String, Value>, SignFault>;
}

#[async_trait]
impl HeadSigner for crate::Signer {
    async fn sign_head(&self, head: Map<String, Value>) -> Result<Map<String, Value>, SignFault> {
        self.sign(head)
            .map_err(|error| SignFault(error.to_string()))
    }
}
