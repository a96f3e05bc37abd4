//! What collecting needs from outside.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use crate::{Slice, SliceFailure, SliceKey, TableRow};
use async_trait::async_trait;
use hallpass_base::{AccountId, GrantId, HoldKey};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Whose credentials a call is made with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallPlace {
    /// Those that we began with.
    Home,
    /// Those of the role in this account.
    Inside(AccountId),
}

/// An answer, and what the next page is asked with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnswerPage {
    /// The answer, with the names of the API; instants are RFC 3339, bytes base64.
    pub answer: Value,
    /// Members to put into the next input; none where this was the last page.
    pub next: Option<Map<String, Value>>,
}

/// A page, or why there is none.
pub type PageAnswer = Result<AnswerPage, SliceFailure>;

/// Service and operation.
pub type CalledOperation = (&'static str, &'static str);

/// Calls of AWS, and time.
#[async_trait]
pub trait ServiceCalls: Send + Sync {
    /// One call. Whoever implements this repeats what is worth it, keeps to limits, and assumes a
    /// role once an account; a failure is final.
    async fn call(&self, at: &CallPlace, operation: CalledOperation, input: &Value) -> PageAnswer;

    /// Waits.
    async fn pause(&self, long: Duration);

    /// The instant.
    fn now(&self) -> Timestamp;
}

/// A page of Okta's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OktaPage {
    /// The array.
    pub body: Value,
    /// The values of all `Link` headers.
    pub links: Vec<String>,
}

/// Calls of Okta.
#[async_trait]
pub trait OktaCalls: Send + Sync {
    /// Where its API is, without a slash at the end: `https://example.okta.com`.
    fn base(&self) -> &str;

    /// Gets a page. Whoever implements this waits where Okta says so; a failure is final, and has
    /// nothing of the token in it.
    async fn get(&self, url: &str) -> Result<OktaPage, SliceFailure>;
}

/// What Hallpass gave for a time.
#[async_trait]
pub trait TemporaryAssignments: Send + Sync {
    /// What grants hold now, each by one of them; what stood before them is not among it.
    ///
    /// # Errors
    /// Words, when that cannot be read.
    async fn held(&self) -> Result<BTreeMap<HoldKey, GrantId>, String>;
}

/// Keeps slices that are finished.
pub trait SliceStore {
    /// Whether a slice was read by an earlier run, so that nobody need read it again.
    fn has(&self, key: &SliceKey) -> bool;

    /// So many more slices will be told.
    fn expect(&self, slices: usize);

    /// Keeps what came of a slice, and its rows. After a stop of the process it is there whole, or
    /// it was never begun.
    fn keep(&self, slice: Slice, rows: Vec<TableRow>) -> io::Result<()>;

    /// Something that people should know and that is no failure.
    fn note(&self, words: String);
}
