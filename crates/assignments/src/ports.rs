use std::collections::BTreeSet;

use async_trait::async_trait;
use hallpass_base::{HoldKey, Target, Timestamp, UserId};

use crate::queue::{InFlight, QueueLengths, Room, Task};
use crate::{AssignmentRow, OperationKind, OwnedEnd, Urgency};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentOperation {
    InProgress {
        operation_id: String,
    },
    /// Completed synchronously (group memberships).
    Done,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationStatus {
    InProgress,
    /// Listings may lag behind.
    Succeeded,
    /// Failed. Its effect may exist anyway.
    Failed {
        reason: String,
    },
    /// AWS does not know the operation (any more).
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    Principal,
    Account,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CenterFault {
    /// Too many requests; nothing was done.
    #[error("AWS is throttling: {message}")]
    Throttled { message: String },
    /// Hallpass's rate limiter blocked the call; nothing was sent.
    #[error("more requests wait than the rate allows; not sent")]
    NotSent,
    /// AWS's limit of running operations; nothing was done.
    #[error("AWS works on as many operations as it will: {message}")]
    Full { message: String },
    /// Another operation holds the lane, or the item exists already; nothing was done.
    #[error("AWS reports a conflict: {message}")]
    Conflict { message: String },
    /// A named item does not exist; nothing was done.
    #[error("{what} does not exist")]
    NotFound { what: String },
    /// Permanently refused: access denied, invalid, over a quota. Nothing was done.
    #[error("AWS refused: {reason}")]
    Refused { reason: String },
    /// Identity Center cannot use its customer managed key: missing items may exist, and the result
    /// is unknown.
    #[error("IAM Identity Center cannot use its customer managed key: {message}")]
    KeyUnusable { message: String },
    /// No answer, or a server error: the result is unknown.
    #[error("AWS could not be reached: {message}")]
    Unreachable { message: String },
}

impl CenterFault {
    pub(crate) const fn leaves_unknown(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::KeyUnusable { .. } => true,
            Self::Throttled { .. }
            | Self::NotSent
            | Self::Full { .. }
            | Self::Conflict { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. } => false,
        }
    }
}

/// Identity Center's assignments. Implementations prioritize requests by urgency, time out within
/// 15 s, and never repeat a create or a delete.
#[async_trait]
pub trait IdentityCenter: Send + Sync {
    /// Direct holders, from all pages.
    async fn holders(&self, target: &Target, urgency: Urgency) -> Result<Vec<UserId>, CenterFault>;

    /// Direct assignments of `user`, from all pages, without those of groups. `Refused` if not
    /// permitted: use [`holders`](Self::holders).
    async fn held_by(&self, user: &UserId, urgency: Urgency) -> Result<Vec<Target>, CenterFault>;

    /// Not idempotent.
    async fn create(&self, key: &HoldKey) -> Result<SentOperation, CenterFault>;

    /// Not idempotent.
    async fn delete(&self, key: &HoldKey, urgency: Urgency) -> Result<SentOperation, CenterFault>;

    async fn progress(
        &self,
        operation: (OperationKind, &str),
        urgency: Urgency,
    ) -> Result<OperationStatus, CenterFault>;

    /// Ids of all running account operations of a kind, of any origin. `Refused` if not permitted:
    /// use [`progress`](Self::progress).
    async fn in_progress(
        &self,
        kind: OperationKind,
        urgency: Urgency,
    ) -> Result<BTreeSet<String>, CenterFault>;

    async fn missing(&self, key: &HoldKey) -> Result<Option<Missing>, CenterFault>;
}

/// The store failed or refused a write. Writes are atomic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// May be retried.
    #[error("store: {0}")]
    Unavailable(String),
    /// The lease expired and another worker has the row: known facts are void.
    #[error("the lease on {0} was lost")]
    Fenced(HoldKey),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub token: String,
    pub until: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// `None` if no permitted row is due.
    pub task: Option<Task>,
    /// Includes `task`.
    pub in_flight: InFlight,
    pub waits_for_slot: bool,
    /// Whether `task` is missing only because unreadable rows were postponed: others may be behind
    /// them.
    pub is_cut_short: bool,
}

/// An operation that AWS no longer lists as in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    pub key: HoldKey,
    pub operation_id: String,
}

pub type NotedOver = Result<u32, StoreFault>;

/// Persistent rows. Desired state is written by other commits.
#[async_trait]
pub trait AssignmentStore: Send + Sync {
    /// Leases the first due and permitted row by the rules of [`line`](crate::line). Stores the
    /// intent of an operation in the same transaction: operations never share a lane or exceed the
    /// slots. An expired lease counts as none, so a stop only delays the row.
    async fn take(&self, now: Timestamp, room: &Room, lease: &Lease) -> Result<Taken, StoreFault>;

    /// Ignores limits and leases; changes nothing.
    async fn first(&self, now: Timestamp) -> Result<Option<AssignmentRow>, StoreFault>;

    /// Stores known facts and releases the row, without its desired part; if that changed
    /// meanwhile, the row is due immediately. `news`: notify others.
    async fn record(&self, row: &AssignmentRow, by: &Lease, news: bool) -> Result<(), StoreFault>;

    async fn in_flight(&self, kind: OperationKind) -> Result<Vec<AssignmentRow>, StoreFault>;

    /// Marks operations as ended since `at`, which frees slots and lanes; rows are read from `due`
    /// on. Skips leased rows, and those with another operation.
    async fn note_over(&self, over: &[Over], at: Timestamp, due: Timestamp) -> NotedOver;

    async fn assignment(&self, key: &HoldKey) -> Result<Option<AssignmentRow>, StoreFault>;

    async fn assignments(&self) -> Result<Vec<AssignmentRow>, StoreFault>;

    /// Owned access with its required end ([`AssignmentRow::owned_end`]), by key, with its live
    /// grants; one consistent read.
    async fn owned_ends(&self) -> Result<Vec<OwnedEnd>, StoreFault>;

    /// Returns when the next row becomes due or unwanted, or a lease expires.
    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreFault>;

    async fn waiting(&self, now: Timestamp) -> Result<QueueLengths, StoreFault>;

    /// Counts unsent grants requested earlier; `None` if it does not wait.
    async fn grants_before(&self, key: &HoldKey, now: Timestamp)
    -> Result<Option<u32>, StoreFault>;

    /// Repairs pauses and leases beyond any legal length, left by a fast clock. Returns their
    /// number.
    async fn forget_future(&self, now: Timestamp) -> Result<u32, StoreFault>;

    /// Ends an abandoned lease. Idempotent.
    async fn free(&self, token: &str) -> Result<(), StoreFault>;
}
