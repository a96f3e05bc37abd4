//! What the owner of assignments needs: Identity Center, and rows that survive.

use std::collections::BTreeSet;

use async_trait::async_trait;
use hallpass_base::{HoldKey, Target, Timestamp, UserId};

use crate::queue::{InFlight, QueueLengths, Room, Task};
use crate::{AssignmentRow, OperationKind, OwnedEnd, Urgency};

/// How an operation was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentOperation {
    /// Accepted; its status is asked for under this id.
    InProgress {
        /// AWS's id of the asynchronous operation.
        operation_id: String,
    },
    /// Done at once (group memberships).
    Done,
}

/// The status of an asynchronous operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationStatus {
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
    /// Our own rate limiter did not let the call through in time; nothing was sent.
    #[error("more requests wait than the rate allows; not sent")]
    NotSent,
    /// AWS works on as many operations as it will; nothing was done.
    #[error("AWS works on as many operations as it will: {message}")]
    Full {
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
    /// Identity Center cannot use the key that its customer manages, so that it can read and write nothing: what it says
    /// is missing may be there, and whether something was done is not known.
    #[error("IAM Identity Center cannot use its customer managed key: {message}")]
    KeyUnusable {
        /// AWS's words.
        message: String,
    },
    /// No answer, or a server error: whether it was done is not known.
    #[error("AWS could not be reached: {message}")]
    Unreachable {
        /// What happened.
        message: String,
    },
}

impl CenterFault {
    /// Whether it is not known if something was done.
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

/// IAM Identity Center and its directory, as far as single assignments go. Implementations ration
/// their requests by urgency and time out within 15 s; they never repeat a create or a delete.
#[async_trait]
pub trait IdentityCenter: Send + Sync {
    /// The users with a direct assignment or membership for `target`, every page of it.
    async fn holders(&self, target: &Target, urgency: Urgency) -> Result<Vec<UserId>, CenterFault>;

    /// The accounts' permission sets that are assigned to `user` directly, every page of it; those of
    /// the user's groups are left out. `Refused` where the caller's policy does not allow the
    /// question: ask about each with [`holders`](Self::holders).
    async fn held_by(&self, user: &UserId, urgency: Urgency) -> Result<Vec<Target>, CenterFault>;

    /// Asks for the access. Not idempotent.
    async fn create(&self, key: &HoldKey) -> Result<SentOperation, CenterFault>;

    /// Asks for its removal. Not idempotent.
    async fn delete(&self, key: &HoldKey, urgency: Urgency) -> Result<SentOperation, CenterFault>;

    /// The status of an accepted operation.
    async fn progress(
        &self,
        operation: (OperationKind, &str),
        urgency: Urgency,
    ) -> Result<OperationStatus, CenterFault>;

    /// AWS's ids of all account operations of a kind that are in progress, other people's too.
    /// `Refused` where the caller's policy does not allow the question: ask for each with
    /// [`progress`](Self::progress).
    async fn in_progress(
        &self,
        kind: OperationKind,
        urgency: Urgency,
    ) -> Result<BTreeSet<String>, CenterFault>;

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

/// The answer to a worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// What to do; `None` when nothing is due that there is room for.
    pub task: Option<Task>,
    /// Account operations that AWS may be working on, that of `task` included.
    pub in_flight: InFlight,
    /// Whether a row stands in line for nothing but a slot.
    pub waits_for_slot: bool,
    /// Whether there is no task only because what stands first cannot be read and was put off, as much at once as a
    /// store puts off: behind it there may be one.
    pub is_cut_short: bool,
}

/// An operation that AWS no longer counts among those in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// The assignment that it creates or deletes.
    pub key: HoldKey,
    /// AWS's id of the operation.
    pub operation_id: String,
}

/// How many operations were noted as over, or why none was.
pub type NotedOver = Result<u32, StoreFault>;

/// Rows that survive. Desired state is written by others through their own commits.
#[async_trait]
pub trait AssignmentStore: Send + Sync {
    /// Leases the row that goes first of those that are due, not leased, and that there is room
    /// for, by the rules of [`line`](crate::line). Where its next step is to send an operation, the
    /// intent is stored in the same transaction: two operations never share a lane, and no more are
    /// in flight than the room has slots. A lease that ran out counts as none. After a stop the
    /// row is handed out again when the lease runs out.
    async fn take(&self, now: Timestamp, room: &Room, lease: &Lease) -> Result<Taken, StoreFault>;

    /// The row that would go first if there were room for everything, leased or not; changes
    /// nothing.
    async fn first(&self, now: Timestamp) -> Result<Option<AssignmentRow>, StoreFault>;

    /// Stores what was learned and gives the row back. The desired part of `row` is not written; if
    /// it changed meanwhile the stored row is due at once. `news` says that others need to hear.
    async fn record(&self, row: &AssignmentRow, by: &Lease, news: bool) -> Result<(), StoreFault>;

    /// Rows with an account operation of a kind that AWS accepted and may be working on.
    async fn in_flight(&self, kind: OperationKind) -> Result<Vec<AssignmentRow>, StoreFault>;

    /// Notes operations as over since `at`, which frees their slots and lanes; each row is looked at
    /// from `due` on. Rows that are leased, or have another operation by now, are left alone.
    async fn note_over(&self, over: &[Over], at: Timestamp, due: Timestamp) -> NotedOver;

    /// One row.
    async fn assignment(&self, key: &HoldKey) -> Result<Option<AssignmentRow>, StoreFault>;

    /// Every row; for reconciliation and reports.
    async fn assignments(&self) -> Result<Vec<AssignmentRow>, StoreFault>;

    /// What is ours and has to be gone by when ([`AssignmentRow::owned_end`]), by key, each with the grants
    /// on it that are not over; read at one instant.
    async fn owned_ends(&self) -> Result<Vec<OwnedEnd>, StoreFault>;

    /// The first instant after `now` at which a row that is not due yet becomes due or unwanted, or
    /// a lease runs out; `None` when there is none.
    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreFault>;

    /// How many stand in line.
    async fn waiting(&self, now: Timestamp) -> Result<QueueLengths, StoreFault>;

    /// How many grants that are not sent yet were asked for before that of `key`; `None` when it
    /// does not wait.
    async fn grants_before(&self, key: &HoldKey, now: Timestamp)
    -> Result<Option<u32>, StoreFault>;

    /// Makes rows due that a clock which was ahead has put off beyond every pause we use, and frees
    /// leases that end later than any that is given. Returns how many. Nothing happens while no
    /// clock was wrong.
    async fn forget_future(&self, now: Timestamp) -> Result<u32, StoreFault>;

    /// Ends the lease of this token before it runs out, where nobody works under it any more. Nothing happens when
    /// there is none.
    async fn free(&self, token: &str) -> Result<(), StoreFault>;
}
