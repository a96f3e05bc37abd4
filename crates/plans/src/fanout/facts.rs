use std::collections::BTreeMap;

use hallpass_base::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fanout::selection::{FoundAccount, Selection};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slice {
    pub account: AccountId,
    pub region: String,
}

/// Byte range in the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    pub at: u64,
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegionChoice {
    Enabled,
    /// These, if enabled.
    Named(Vec<String>),
    /// These, unchecked.
    Certain(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionSource {
    /// The account service, with the base credentials.
    Outside,
    /// EC2, inside the account.
    Inside,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnabledRegions {
    pub asked: Vec<String>,
    /// Named Regions that are disabled.
    pub off: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct FanoutSettings {
    pub concurrency: usize,
    pub per_account: usize,
    pub selection: Selection,
    pub regions: RegionChoice,
    pub seed: u64,
    /// From an earlier run.
    pub regions_known: BTreeMap<AccountId, EnabledRegions>,
    pub done: BTreeMap<Slice, Vec<Extent>>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PlannedCall {
    Accounts,
    AssumeRole(AccountId),
    Regions {
        account: AccountId,
        source: RegionSource,
        token: Option<String>,
    },
    Page {
        slice: Slice,
        /// Starts at 1.
        page: u32,
        token: Option<Value>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(crate) u64);

#[derive(Debug, PartialEq)]
pub enum NextCall {
    Begin(Ticket, PlannedCall),
    /// Nothing before that time or a response.
    At(u64),
    /// Nothing before a response.
    Answer,
    Done,
}

#[derive(Debug, PartialEq)]
pub enum Answer {
    Accounts {
        accounts: Vec<FoundAccount>,
        more: bool,
    },
    Role {
        /// Expiry in milliseconds, as `now_ms`.
        until_ms: Option<u64>,
    },
    Regions {
        regions: Vec<String>,
        next: Option<String>,
    },
    Page {
        /// None for an empty page.
        extent: Option<Extent>,
        next: Option<Value>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    Throttled,
    /// No response, or a server error; retry.
    Passing,
    Expired,
    Denied,
    Final,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureStage {
    Accounts,
    AssumeRole,
    Regions,
    Call,
    Decode,
    Query,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFault {
    pub kind: FaultKind,
    /// `Decode` and `Query` after a response; else the call's purpose.
    pub stage: FailureStage,
    pub code: String,
    pub message: String,
    pub http: Option<u16>,
    pub request_id: Option<String>,
    pub retry_after_ms: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SliceFailure {
    /// None if the listing failed.
    pub account: Option<AccountId>,
    /// None if the whole account failed.
    pub region: Option<String>,
    pub stage: FailureStage,
    pub code: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<u16>,
    pub attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Lost Regions, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regions: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceSkip {
    pub account: AccountId,
    /// None for the whole account.
    pub region: Option<String>,
    pub reason: &'static str,
}

#[derive(Debug, PartialEq)]
pub enum ScheduleNews {
    Account(AccountId),
    Listed,
    Regions(AccountId, EnabledRegions),
    Done(Slice, Vec<Extent>),
    DoneBefore(Slice, Vec<Extent>),
    Dropped(Vec<Extent>),
    Failed(SliceFailure),
    Skipped(SliceSkip),
    /// Named accounts that do not exist.
    UnknownAccounts(Vec<AccountId>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub ok: usize,
    /// An account with unknown Regions counts once.
    pub failed: usize,
    /// An account counts once.
    pub skipped: usize,
    /// Including retries.
    pub calls: u64,
    pub retries: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub totals: Totals,
    pub slices: usize,
    /// No more slices will follow.
    pub is_whole: bool,
}
