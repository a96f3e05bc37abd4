//! What the owner of assignments needs: Identity Center, and rows that survive.

use async_trait::async_trait;
use hallpass_model::{HoldKey, Target, Timestamp, UserId};

use crate::{OperationKind, Row};

/// Who goes first when requests to AWS are rationed: ends before grants before looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Taking access away.
    End,
    /// Giving access.
    Grant,
    /// Looking for drift, reading the directory.
    Background,
}

/// How an operation was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Accepted; its status is asked for under this id.
    InProgress {
        /// AWS's id of the asynchronous operation.
        request: String,
    },
    /// Done at once (group memberships).
    Done,
}

/// The status of an asynchronous operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Still running.
    InProgress,
    /// Done; listings may lag behind.
    Succeeded,
    /// Ended without success. Its effect may have happened all the same.
    Failed {
        /// AWS's words.
        reason: String,
    },
    /// AWS does not know the operation (any more).
    Unknown,
}

/// What is gone, when a removal keeps failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The user or the group is not in the directory any more.
    Principal,
    /// The account is not active any more.
    Account,
}

/// A call to AWS that brought no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CenterFault {
    /// Too many requests; nothing was done.
    #[error("AWS is throttling: {message}")]
    Throttled {
        /// AWS's words.
        message: String,
    },
    /// Another operation holds the lane, or the thing exists already; nothing was done.
    #[error("AWS reports a conflict: {message}")]
    Conflict {
        /// AWS's words.
        message: String,
    },
    /// Something named in the call does not exist; nothing was done.
    #[error("{what} does not exist")]
    NotFound {
        /// AWS's words.
        what: String,
    },
    /// Refused for good: access denied, invalid, over a quota. Nothing was done.
    #[error("AWS refused: {reason}")]
    Refused {
        /// AWS's words.
        reason: String,
    },
    /// No answer, or a server error: whether it was done is not known.
    #[error("AWS could not be reached: {message}")]
    Unreachable {
        /// What happened.
        message: String,
    },
}

/// IAM Identity Center and its directory, as far as single assignments go. Implementations ration
/// their requests by urgency and time out within 15 s; they never repeat a create or a delete.
#[async_trait]
pub trait IdentityCenter: Send + Sync {
    /// The users with a direct assignment or membership for `target`, every page of it.
    async fn holders(&self, target: &Target, urgency: Urgency) -> Result<Vec<UserId>, CenterFault>;

    /// Asks for the access. Not idempotent.
    async fn create(&self, key: &HoldKey) -> Result<Sent, CenterFault>;

    /// Asks for its removal. Not idempotent.
    async fn delete(&self, key: &HoldKey) -> Result<Sent, CenterFault>;

    /// The status of an accepted operation.
    async fn progress(
        &self,
        kind: OperationKind,
        request: &str,
        urgency: Urgency,
    ) -> Result<Progress, CenterFault>;

    /// What of `key` is gone from the directory and the organization; `None` when all is there.
    async fn missing(&self, key: &HoldKey) -> Result<Option<Missing>, CenterFault>;
}

/// The store could not answer, or refused a write. Nothing was half done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// Not reachable, or an internal failure; worth another try.
    #[error("store: {0}")]
    Unavailable(String),
    /// The lease ran out and somebody else has the row: what we know of it is void.
    #[error("the lease on {0} is no longer ours")]
    Fenced(HoldKey),
}

/// A time-limited right to work on a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Distinguishes this lease from every other.
    pub token: String,
    /// Nothing may be sent after this.
    pub until: Timestamp,
}

/// A row with the right to work on it.
#[derive(Clone, Debug)]
pub struct Leased {
    /// The row as stored.
    pub row: Row,
    /// The right.
    pub lease: Lease,
}

/// The answer to an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Stored: send it.
    Stored,
    /// Another operation holds the lane, or too many are outstanding; nothing was stored.
    Busy,
}

/// Rows that survive. Desired state is written by others through their own commits.
#[async_trait]
pub trait AssignmentStore: Send + Sync {
    /// Leases up to `limit` rows that are due and not leased, unwanted ones first by deadline, then
    /// unsettled ones, then the rest. A lease that ran out counts as none.
    async fn lease_due(
        &self,
        now: Timestamp,
        limit: u32,
        lease: &Lease,
    ) -> Result<Vec<Leased>, StoreFault>;

    /// Stores the intent of an operation if its lane is free and fewer than `outstanding_max`
    /// account operations are in flight, in one step.
    async fn begin(
        &self,
        row: &Row,
        lease: &Lease,
        outstanding_max: u32,
    ) -> Result<Begin, StoreFault>;

    /// Stores what was learned, keeps the lease. The desired part of `row` is not written; if it
    /// changed meanwhile the stored row is due at once. Returns the row as now stored.
    async fn record(&self, row: &Row, lease: &Lease, news: bool) -> Result<Row, StoreFault>;

    /// Gives the row back.
    async fn release(&self, key: &HoldKey, lease: &Lease) -> Result<(), StoreFault>;

    /// One row.
    async fn assignment(&self, key: &HoldKey) -> Result<Option<Row>, StoreFault>;

    /// Every row; for reconciliation and reports.
    async fn assignments(&self) -> Result<Vec<Row>, StoreFault>;

    /// Makes a row due now (a nudge; losing it costs delay only).
    async fn poke(&self, key: &HoldKey, now: Timestamp) -> Result<(), StoreFault>;

    /// When the next row is due; `None` when no row waits.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreFault>;
}
