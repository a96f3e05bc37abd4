//! What is asked of shrinking, and what statements are kept for.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Timestamp;
use hallpass_iam::LoadError;
use serde::Serialize;
use serde_json::Value;

use super::seen::SeenUse;
use super::sight::Unseen;

/// What is kept or given up together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShrinkGrain {
    /// All actions of a service.
    Service,
    /// All actions of a service and an access level.
    Level,
    /// Each action.
    Action,
}

/// How far resources are narrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceGrain {
    /// Not at all.
    Any,
    /// To those that were used, in any account and Region, and others beside them.
    Prefix,
    /// To those that were used.
    Exact,
}

/// What is kept of that which no log shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnseenKept {
    /// All of it.
    All,
    /// That of services which were used.
    OfUsedServices,
    /// None, but for what calls that could not be matched may have needed.
    None,
}

/// A policy with a name for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyText {
    /// What it is called.
    pub name: String,
    /// The policy.
    pub text: String,
}

/// What is to be made smaller, and how.
#[derive(Clone, Copy, Debug)]
pub struct ShrinkQuestion<'a> {
    /// All policies of the identity.
    pub policies: &'a [PolicyText],
    /// Its permissions boundary, which stays.
    pub boundary: Option<&'a PolicyText>,
    /// What was called.
    pub uses: &'a [SeenUse],
    /// What is kept or given up together.
    pub grain: ShrinkGrain,
    /// How far resources are narrowed; only with [`ShrinkGrain::Action`].
    pub resources: ResourceGrain,
    /// What is kept of that which no log shows.
    pub unseen: UnseenKept,
    /// Services all of whose data events are in the log.
    pub data_events: &'a BTreeSet<String>,
}

/// A policy that cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the policy `{policy}` cannot be read: {error}")]
pub struct ShrinkError {
    /// Its name.
    pub policy: String,
    /// Why the policy cannot be loaded.
    pub error: LoadError,
}

/// What a statement is kept for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UsedPart {
    /// A service, a service and an access level, or an action.
    pub what: String,
    /// How many people.
    pub people: usize,
    /// How many events.
    pub events: u64,
    /// When last.
    pub last: Timestamp,
}

/// Why a statement is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptBecause {
    /// It was used; without it, calls of the log would break.
    Used(Vec<UsedPart>),
    /// No log shows its use: how many actions, by the reason.
    NotVisible(BTreeMap<Unseen, usize>),
    /// It denies.
    Denies,
}

/// A statement of the smaller policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProposedStatement {
    /// Its `Sid`.
    pub sid: String,
    /// Why it is there.
    pub because: KeptBecause,
    /// The statement.
    pub statement: Value,
}
