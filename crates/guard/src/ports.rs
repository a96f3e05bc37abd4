//! What a guard needs from the outside.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_assignments::{CenterFault, Missing, OperationStatus, SentOperation};
use hallpass_audit::Record;
use hallpass_base::{HoldKey, IdSource, Target, Timestamp, UserId};

use crate::{EndsCopy, EndsFault, EndsSource, Kept, Newest};

/// A place where ends can be read. Reading changes nothing, may be repeated, and ends within
/// seconds whatever the server does.
#[async_trait]
pub trait Ends: Send + Sync {
    /// What it is.
    fn source(&self) -> EndsSource;

    /// Everything, as it stands now.
    async fn read(&self) -> Result<EndsCopy, EndsFault>;

    /// One key, as it stands now: asked right before each removal.
    async fn newest(&self, key: &HoldKey) -> Result<Newest, EndsFault> {
        let copy = self.read().await?;
        Ok(Newest {
            mark: copy.mark,
            end: copy.ends.into_iter().find(|end| end.key == *key),
        })
    }
}

/// IAM Identity Center as far as removing goes. There is no method that gives access, so nothing
/// in this crate can. Implementations ration their requests, time out within 15 s, and never
/// repeat a removal by themselves.
#[async_trait]
pub trait Center: Send + Sync {
    /// The users with a direct assignment or membership for `target`, every page of it.
    async fn holders(&self, target: &Target) -> Result<Vec<UserId>, CenterFault>;

    /// Asks for the removal of an assignment or membership. Not idempotent.
    async fn remove(&self, key: &HoldKey) -> Result<SentOperation, CenterFault>;

    /// The status of a removal that was accepted.
    async fn status(&self, request: &str) -> Result<OperationStatus, CenterFault>;

    /// What of `key` is gone from the directory and the organization; `None` when all is there.
    async fn missing(&self, key: &HoldKey) -> Result<Option<Missing>, CenterFault>;
}

/// AWS's time, told by a clock that steps do not reach. A guard that does not know the time removes
/// nothing.
pub trait AwsTime: Send + Sync {
    /// The current instant; `None` until AWS answered for the first time.
    fn now(&self) -> Option<Timestamp>;

    /// By how many seconds this machine's own clock is ahead of AWS's (negative: behind).
    fn wall_ahead_seconds(&self) -> Option<i64>;
}

/// A journal or memory that could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct JournalFault {
    /// The file.
    pub place: String,
    /// What the system says.
    pub message: String,
}

/// The guard's own records, in order, kept through a stop.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Every whole record. One that a stop tore at the end is not among them.
    async fn records(&self) -> Result<Vec<Record>, JournalFault>;

    /// The last whole record; `None` while there is none.
    async fn last(&self) -> Result<Option<Record>, JournalFault>;

    /// Appends a record. After an error it may be there: [`Journal::last`] tells.
    async fn append(&self, record: &Record) -> Result<(), JournalFault>;
}

/// What a guard knows, for the next one of its name.
#[async_trait]
pub trait KeptStore: Send + Sync {
    /// What was kept last; nothing at first.
    async fn load(&self) -> Result<Kept, JournalFault>;

    /// Keeps it in place of what was kept before; whole or not at all.
    async fn keep(&self, kept: &Kept) -> Result<(), JournalFault>;
}

/// Everything a guard talks to.
#[derive(Clone)]
pub struct Ports {
    /// Where ends are read, best first.
    pub ends: Vec<Arc<dyn Ends>>,
    /// Identity Center.
    pub center: Arc<dyn Center>,
    /// Its journal.
    pub journal: Arc<dyn Journal>,
    /// Its memory.
    pub memory: Arc<dyn KeptStore>,
    /// AWS's time.
    pub time: Arc<dyn AwsTime>,
    /// Identifiers.
    pub ids: Arc<dyn IdSource>,
}
