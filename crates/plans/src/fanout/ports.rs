//! What a run needs from outside.

use std::io;

use async_trait::async_trait;
use hallpass_base::AccountId;
use serde_json::Value;

use crate::fanout::facts::{
    CallFault, Extent, Progress, RegionSource, Slice, SliceFailure, SliceSkip,
};
use crate::fanout::journal::JournalRecord;
use crate::fanout::selection::FoundAccount;

/// A page of accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountsPage {
    /// In no order.
    pub accounts: Vec<FoundAccount>,
    /// There is another page.
    pub more: bool,
}

/// A page of an account's Regions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegionsPage {
    /// Those that are on.
    pub regions: Vec<String>,
    /// The token of the next page.
    pub next: Option<String>,
}

/// A page of results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageOfResults {
    /// Whole lines, as they leave; may be empty.
    pub lines: Vec<u8>,
    /// What the next page is asked with.
    pub next: Option<Value>,
}

/// One call each, made once: whoever implements this repeats nothing. All of them read, so any may
/// be made again, and a call whose future is dropped leaves nothing behind; but for the pages of a
/// write, which `unanswered` tells apart.
#[async_trait]
pub trait ApiCalls: Send + Sync {
    /// The next page of the accounts. After a fault, the same page comes again.
    async fn accounts(&self) -> Result<AccountsPage, CallFault>;

    /// Assumes the role in an account and keeps its credentials; for how many milliseconds they
    /// are good, where they end.
    async fn assume_role(&self, account: &AccountId) -> Result<Option<u64>, CallFault>;

    /// A page of an account's Regions: whom to ask, and the token of the page before it.
    async fn regions(
        &self,
        account: &AccountId,
        page: (RegionSource, Option<&str>),
    ) -> Result<RegionsPage, CallFault>;

    /// A page of a slice, with the credentials of its account: its number, and the token of the one before it.
    async fn page(
        &self,
        slice: &Slice,
        page: (u32, Option<&Value>),
    ) -> Result<PageOfResults, CallFault>;

    /// What a page is that was called and whose answer is not waited for, since the run ends: a
    /// failure where it may have changed something, and nothing where it only read.
    fn unanswered(&self) -> Option<CallFault> {
        None
    }
}

/// Keeps results until they may leave, and the journal. What was appended is there after a stop of
/// the process, in the order of the calls.
pub trait Spool: Send {
    /// Appends results.
    fn append(&mut self, bytes: &[u8]) -> io::Result<Extent>;
    /// Reads them again.
    fn read(&mut self, extent: Extent) -> io::Result<Vec<u8>>;
    /// Appends to the journal.
    fn record(&mut self, record: &JournalRecord) -> io::Result<()>;
}

/// Where results and news go.
pub trait ResultSink: Send {
    /// The lines of a slice, all of them, pages in their order.
    fn slice(&mut self, slice: &Slice, pages: &[Vec<u8>]) -> io::Result<()>;
    /// Something failed for good.
    fn failed(&mut self, failure: &SliceFailure);
    /// Something is not asked.
    fn skipped(&mut self, skip: &SliceSkip);
    /// How far it is.
    fn progress(&mut self, progress: &Progress);
}

/// Time, and waiting for it.
#[async_trait]
pub trait Wait: Send + Sync {
    /// Milliseconds since some instant before the run.
    fn now_ms(&self) -> u64;
    /// Comes back at, or soon after, that time.
    async fn until_ms(&self, at_ms: u64);
}
