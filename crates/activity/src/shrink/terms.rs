use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Timestamp;
use hallpass_iam::LoadError;
use serde::Serialize;
use serde_json::Value;

use super::observations::Unseen;
use super::seen::SeenUse;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShrinkGrain {
    Service,
    Level,
    Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceGrain {
    Any,
    /// Used resources in any account and Region, and siblings.
    Prefix,
    Exact,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnseenKept {
    All,
    OfUsedServices,
    /// Only those that unmatched calls may have needed.
    None,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyText {
    pub name: String,
    pub text: String,
}

#[derive(Clone, Copy, Debug)]
pub struct ShrinkQuestion<'a> {
    pub policies: &'a [PolicyText],
    pub boundary: Option<&'a PolicyText>,
    pub uses: &'a [SeenUse],
    pub grain: ShrinkGrain,
    /// Only with [`ShrinkGrain::Action`].
    pub resources: ResourceGrain,
    pub unseen: UnseenKept,
    /// Services whose data events are all logged.
    pub data_events: &'a BTreeSet<String>,
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("the policy `{policy}` cannot be read: {error}")]
pub struct ShrinkError {
    pub policy: String,
    pub error: LoadError,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UsedPart {
    pub what: String,
    pub people: usize,
    pub events: u64,
    pub last: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptReason {
    /// Used; logged calls would break without it.
    Used(Vec<UsedPart>),
    /// Unlogged actions, counted by reason.
    NotVisible(BTreeMap<Unseen, usize>),
    Denies,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProposedStatement {
    pub sid: String,
    pub because: KeptReason,
    pub statement: Value,
}
