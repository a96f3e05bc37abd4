use std::sync::Arc;

use async_trait::async_trait;
use hallpass_assignments::{CenterFault, Missing, OperationStatus, SentOperation};
use hallpass_audit::Record;
use hallpass_base::{HoldKey, IdSource, Target, Timestamp, UserId};

use crate::{EndsCopy, EndsFault, EndsSource, Kept, Newest};

/// Source of ends. Reads are idempotent and finish within seconds, independent of the server.
#[async_trait]
pub trait Ends: Send + Sync {
    fn source(&self) -> EndsSource;

    async fn read(&self) -> Result<EndsCopy, EndsFault>;

    /// Reads one key right before its removal.
    async fn newest(&self, key: &HoldKey) -> Result<Newest, EndsFault> {
        let copy = self.read().await?;
        Ok(Newest {
            mark: copy.mark,
            end: copy.ends.into_iter().find(|end| end.key == *key),
        })
    }
}

/// Identity Center for removal only. No method grants, so nothing in this crate can.
/// Implementations limit their rate, time out within 15 s, and never retry a removal.
#[async_trait]
pub trait Center: Send + Sync {
    async fn holders(&self, target: &Target) -> Result<Vec<UserId>, CenterFault>;

    /// Not idempotent.
    async fn remove(&self, key: &HoldKey) -> Result<SentOperation, CenterFault>;

    async fn status(&self, request: &str) -> Result<OperationStatus, CenterFault>;

    /// Missing user, group or account of `key`; `None` if all exist.
    async fn missing(&self, key: &HoldKey) -> Result<Option<Missing>, CenterFault>;
}

/// AWS's time from a steady clock. Without time a guard removes nothing.
pub trait AwsTime: Send + Sync {
    /// `None` before AWS's first response.
    fn now(&self) -> Option<Timestamp>;

    /// Lead of this machine's clock over AWS's (negative: behind).
    fn wall_ahead_seconds(&self) -> Option<i64>;
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct JournalFault {
    pub place: String,
    pub message: String,
}

/// The guard's records, in order, durable.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Excludes an incomplete last record.
    async fn records(&self) -> Result<Vec<Record>, JournalFault>;

    /// `None` if empty.
    async fn last(&self) -> Result<Option<Record>, JournalFault>;

    /// After an error the record may exist: check [`Journal::last`].
    async fn append(&self, record: &Record) -> Result<(), JournalFault>;
}

/// State for the next guard of this name.
#[async_trait]
pub trait KeptStore: Send + Sync {
    /// Empty at first.
    async fn load(&self) -> Result<Kept, JournalFault>;

    /// Replaces the state atomically.
    async fn keep(&self, kept: &Kept) -> Result<(), JournalFault>;
}

#[derive(Clone)]
pub struct Ports {
    /// Sources, best first.
    pub ends: Vec<Arc<dyn Ends>>,
    pub center: Arc<dyn Center>,
    pub journal: Arc<dyn Journal>,
    pub memory: Arc<dyn KeptStore>,
    pub time: Arc<dyn AwsTime>,
    pub ids: Arc<dyn IdSource>,
}
