//! Stack sets of `CloudFormation`: what is known of them.

use std::collections::BTreeMap;

use crate::base::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::organization::Speed;

/// Where stack sets are administered: account and Region.
pub(crate) type StackSetPlace = (String, String);
/// Where a stack is: account and Region.
pub(crate) type StackPlace = (String, String);

/// A role that a template makes in every account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct StackRole {
    /// What the template calls it.
    pub logical: String,
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: Option<String>,
    /// Whom its trust policy names.
    pub trust: Vec<String>,
    /// Policies of AWS's, by name, or ARNs of others.
    pub policies: Vec<String>,
}

/// A stack set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SimStackSet {
    /// What it was made with, as the caller wrote it.
    pub input: Value,
    /// Its id: name and UUID.
    pub id: String,
    /// What its template makes.
    pub roles: Vec<StackRole>,
    /// Its stacks.
    #[serde(default, with = "super::queues::as_rows")]
    pub stacks: BTreeMap<StackPlace, SimStack>,
    /// Its operations, the oldest first.
    pub operations: Vec<StackOperation>,
}

/// A stack of a stack set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SimStack {
    /// The unit by which its account was meant.
    pub unit: String,
    /// Its own id in its account; empty until it is made.
    pub id: String,
    /// `PENDING`, `SUCCEEDED` and so on.
    pub status: String,
    /// Why it failed.
    pub reason: String,
    /// The operation that it was in last.
    pub operation: String,
}

/// An operation on a stack set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct StackOperation {
    /// Its id, by which it is known when it is asked for again.
    pub id: String,
    /// `CREATE` or `DELETE`.
    pub action: String,
    /// What it was asked for with.
    pub input: Value,
    /// When it was begun.
    pub started: Millis,
    /// When it is over.
    pub due: Millis,
    /// Why every stack of it fails.
    pub failed: Option<String>,
    /// Whether it is over, and how.
    pub status: Option<String>,
    /// Its stacks, each with what came of it: account, Region, unit, status, reason.
    pub results: Vec<StackResult>,
}

/// What came of a stack in an operation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct StackResult {
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The unit by which the account was meant.
    pub unit: String,
    /// `PENDING`, `SUCCEEDED`, `FAILED` or `CANCELLED`.
    pub status: String,
    /// Why.
    pub reason: String,
}

/// How long a stack takes (?).
pub(crate) fn stacking(speed: Speed) -> Millis {
    match speed {
        Speed::Instant => 0,
        Speed::Fast => 900,
        Speed::Real => 45_000,
    }
}

impl SimStackSet {
    /// Whether an operation is under way: the next has to wait for it.
    pub(crate) fn is_busy(&self) -> bool {
        self.operations.iter().any(|it| it.status.is_none())
    }
}
