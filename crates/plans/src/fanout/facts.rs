//! The words of a schedule: slices, calls, answers, faults, news.

use std::collections::BTreeMap;

use hallpass_base::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fanout::selection::{FoundAccount, Selection};

/// One account in one Region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slice {
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: String,
}

/// Where bytes lie in the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Where they begin.
    pub at: u64,
    /// How many they are.
    pub bytes: u64,
}

/// Which Regions are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegionChoice {
    /// All that are on in the account.
    Enabled,
    /// These, where they are on in the account.
    Named(Vec<String>),
    /// These, which are on in every account, or where nobody need look.
    Certain(Vec<String>),
}

/// Whom we ask which Regions an account has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionSource {
    /// The account service, with the credentials that we began with.
    Outside,
    /// EC2, inside the account.
    Inside,
}

/// The Regions of an account, as far as they are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnabledRegions {
    /// Which are asked.
    pub asked: Vec<String>,
    /// Which were named and are off.
    pub off: Vec<String>,
}

/// What a run is bounded by.
#[derive(Clone, Debug)]
pub struct FanoutSettings {
    /// Calls in flight, all together.
    pub concurrency: usize,
    /// Calls in flight inside one account.
    pub per_account: usize,
    /// Which accounts.
    pub selection: Selection,
    /// Which Regions.
    pub regions: RegionChoice,
    /// For the pauses.
    pub seed: u64,
    /// What an earlier run knew and read.
    pub regions_known: BTreeMap<AccountId, EnabledRegions>,
    /// See `regions_known`.
    pub done: BTreeMap<Slice, Vec<Extent>>,
}

/// A call that may begin.
#[derive(Clone, Debug, PartialEq)]
pub enum PlannedCall {
    /// The next page of accounts.
    Accounts,
    /// The role in an account.
    AssumeRole(AccountId),
    /// A page of an account's Regions.
    Regions {
        /// The account.
        account: AccountId,
        /// Whom we ask.
        source: RegionSource,
        /// Of that page.
        token: Option<String>,
    },
    /// A page of results.
    Page {
        /// Of this slice.
        slice: Slice,
        /// Its number, from 1.
        page: u32,
        /// Of that page.
        token: Option<Value>,
    },
}

/// A call under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(crate) u64);

/// What is next.
#[derive(Debug, PartialEq)]
pub enum NextCall {
    /// This call begins.
    Begin(Ticket, PlannedCall),
    /// Nothing before that time, or an answer.
    At(u64),
    /// Nothing before an answer.
    Answer,
    /// Nothing more.
    Done,
}

/// What a call answered.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// To `Accounts`.
    Accounts {
        /// The accounts of the page.
        accounts: Vec<FoundAccount>,
        /// There is another.
        more: bool,
    },
    /// To `AssumeRole`: when the credentials end.
    Role {
        /// Milliseconds, as `now_ms`.
        until_ms: Option<u64>,
    },
    /// To `Regions`.
    Regions {
        /// Those of the page.
        regions: Vec<String>,
        /// Token of the next.
        next: Option<String>,
    },
    /// To `Page`.
    Page {
        /// Where its lines lie; none where it had none.
        extent: Option<Extent>,
        /// What the next page is asked with.
        next: Option<Value>,
    },
}

/// What may be done about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Too many calls; again, later.
    Throttled,
    /// No answer, or the service's own failure; again.
    Passing,
    /// The credentials are over; again, with new ones.
    Expired,
    /// We may not.
    Denied,
    /// Again would be the same.
    Final,
}

/// Where something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureStage {
    /// The listing of accounts.
    Accounts,
    /// Entering an account.
    AssumeRole,
    /// Its Regions.
    Regions,
    /// The call itself.
    Call,
    /// Reading the answer.
    Decode,
    /// The projection.
    Query,
}

/// Why a call did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFault {
    /// What may be done.
    pub kind: FaultKind,
    /// `Decode` and `Query` where the answer came; else what the call is for.
    pub stage: FailureStage,
    /// AWS's name for it.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// HTTP status, where there was one.
    pub http: Option<u16>,
    /// AWS's id of the request.
    pub request_id: Option<String>,
    /// How long AWS asks us to wait.
    pub retry_after_ms: Option<u64>,
}

/// What failed for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SliceFailure {
    /// The account; none where the listing failed.
    pub account: Option<AccountId>,
    /// The Region; none where the account is lost.
    pub region: Option<String>,
    /// The step that failed.
    pub stage: FailureStage,
    /// AWS's name for it.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<u16>,
    /// How often it was tried.
    pub attempts: u32,
    /// AWS's id of the last request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How many Regions are lost with the account, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regions: Option<usize>,
}

/// What is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceSkip {
    /// The account.
    pub account: AccountId,
    /// The Region; none where it is the whole account.
    pub region: Option<String>,
    /// Why it is not asked.
    pub reason: &'static str,
}

/// What came of an answer.
#[derive(Debug, PartialEq)]
pub enum ScheduleNews {
    /// An account will be asked.
    Account(AccountId),
    /// All accounts are known.
    Listed,
    /// An account's Regions are known.
    Regions(AccountId, EnabledRegions),
    /// A slice was read to its end.
    Done(Slice, Vec<Extent>),
    /// A slice was read by an earlier run.
    DoneBefore(Slice, Vec<Extent>),
    /// The part read of a slice that failed later: it is not put out.
    Dropped(Vec<Extent>),
    /// A slice or an account failed.
    Failed(SliceFailure),
    /// A slice or an account is not asked.
    Skipped(SliceSkip),
    /// Accounts were named that do not exist.
    UnknownAccounts(Vec<AccountId>),
}

/// What came of all slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Read to their end.
    pub ok: usize,
    /// Failed; of an account whose Regions nobody knows, one.
    pub failed: usize,
    /// Not asked; of an account, one.
    pub skipped: usize,
    /// Calls, those that were made again included.
    pub calls: u64,
    /// Calls that were made again.
    pub retries: u64,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What came of slices so far.
    pub totals: Totals,
    /// Slices that are known.
    pub slices: usize,
    /// There are no more than those.
    pub is_whole: bool,
}
