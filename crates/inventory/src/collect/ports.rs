use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use crate::{Slice, SliceFailure, SliceKey, TableRow};
use async_trait::async_trait;
use hallpass_base::{AccountId, GrantId, HoldKey};
use jiff::Timestamp;
use serde_json::{Map, Value};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallPlace {
    /// The base credentials.
    Home,
    Inside(AccountId),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnswerPage {
    /// With the API's names; instants are RFC 3339, bytes base64.
    pub answer: Value,
    /// Members for the next input; `None` at the last page.
    pub next: Option<Map<String, Value>>,
}

pub type PageAnswer = Result<AnswerPage, SliceFailure>;

pub type CalledOperation = (&'static str, &'static str);

#[async_trait]
pub trait ServiceCalls: Send + Sync {
    /// One call. The implementation retries, respects limits, and assumes a role once per account;
    /// a failure is final.
    async fn call(&self, at: &CallPlace, operation: CalledOperation, input: &Value) -> PageAnswer;

    async fn pause(&self, long: Duration);

    fn now(&self) -> Timestamp;
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OktaPage {
    pub body: Value,
    pub links: Vec<String>,
}

#[async_trait]
pub trait OktaCalls: Send + Sync {
    /// The API's address, without a final slash: `https://example.okta.com`.
    fn base(&self) -> &str;

    /// Gets a page. The implementation waits as Okta requests; a failure is final, and never
    /// contains the token.
    async fn get(&self, url: &str) -> Result<OktaPage, SliceFailure>;
}

#[async_trait]
pub trait TemporaryAssignments: Send + Sync {
    /// Access currently held by grants, without standing access that existed before.
    async fn held(&self) -> Result<BTreeMap<HoldKey, GrantId>, String>;
}

pub trait SliceStore {
    fn has(&self, key: &SliceKey) -> bool;

    fn expect(&self, slices: usize);

    /// Atomically stores a slice's result and rows.
    fn keep(&self, slice: Slice, rows: Vec<TableRow>) -> io::Result<()>;

    fn note(&self, words: String);
}
