use std::io;

use async_trait::async_trait;
use hallpass_base::AccountId;
use serde_json::Value;

use crate::fanout::facts::{
    CallFault, Extent, Progress, RegionSource, Slice, SliceFailure, SliceSkip,
};
use crate::fanout::journal::JournalRecord;
use crate::fanout::selection::FoundAccount;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountsPage {
    pub accounts: Vec<FoundAccount>,
    pub more: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegionsPage {
    pub regions: Vec<String>,
    pub next: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageOfResults {
    /// Complete lines; may be empty.
    pub lines: Vec<u8>,
    pub next: Option<Value>,
}

/// Single calls without retries. All are reads, safe to repeat or drop, except write pages; see
/// `unanswered`.
#[async_trait]
pub trait ApiCalls: Send + Sync {
    /// Returns the next page. After a fault, returns the same page again.
    async fn accounts(&self) -> Result<AccountsPage, CallFault>;

    /// Assumes and stores a role; returns its lifetime in milliseconds, if limited.
    async fn assume_role(&self, account: &AccountId) -> Result<Option<u64>, CallFault>;

    async fn regions(
        &self,
        account: &AccountId,
        page: (RegionSource, Option<&str>),
    ) -> Result<RegionsPage, CallFault>;

    async fn page(
        &self,
        slice: &Slice,
        page: (u32, Option<&Value>),
    ) -> Result<PageOfResults, CallFault>;

    /// The fault for a page in flight at the end: a failure for writes, which may have taken
    /// effect; none for reads.
    fn unanswered(&self) -> Option<CallFault> {
        None
    }
}

/// Stores results and the journal in call order; survives a crash.
pub trait Spool: Send {
    fn append(&mut self, bytes: &[u8]) -> io::Result<Extent>;
    fn read(&mut self, extent: Extent) -> io::Result<Vec<u8>>;
    fn record(&mut self, record: &JournalRecord) -> io::Result<()>;
}

pub trait ResultSink: Send {
    fn slice(&mut self, slice: &Slice, pages: &[Vec<u8>]) -> io::Result<()>;
    fn failed(&mut self, failure: &SliceFailure);
    fn skipped(&mut self, skip: &SliceSkip);
    fn progress(&mut self, progress: &Progress);
}

#[async_trait]
pub trait Wait: Send + Sync {
    /// Milliseconds since an instant before the run.
    fn now_ms(&self) -> u64;
    /// Returns at or soon after that time.
    async fn until_ms(&self, at_ms: u64);
}
