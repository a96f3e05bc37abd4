use std::collections::BTreeMap;

use crate::base::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::organization::Speed;

pub(crate) type StackSetPlace = (String, String);
pub(crate) type StackPlace = (String, String);

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct StackRole {
    /// Its logical id in the template.
    pub logical: String,
    pub name: String,
    pub path: Option<String>,
    /// Principals of its trust policy.
    pub trust: Vec<String>,
    /// Names of AWS policies, or ARNs of others.
    pub policies: Vec<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SimStackSet {
    /// The creation input.
    pub input: Value,
    /// Name and UUID.
    pub id: String,
    pub roles: Vec<StackRole>,
    #[serde(default, with = "super::queues::as_rows")]
    pub stacks: BTreeMap<StackPlace, SimStack>,
    pub operations: Vec<StackOperation>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SimStack {
    pub unit: String,
    /// The stack id in its account; empty until created.
    pub id: String,
    /// `PENDING`, `SUCCEEDED` and so on.
    pub status: String,
    pub reason: String,
    pub operation: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct StackOperation {
    /// Also the idempotency token.
    pub id: String,
    /// `CREATE` or `DELETE`.
    pub action: String,
    pub input: Value,
    pub started: Millis,
    pub due: Millis,
    /// Why every stack of it fails.
    pub failed: Option<String>,
    /// Absent while it runs.
    pub status: Option<String>,
    /// Per stack: account, Region, unit, status, reason.
    pub results: Vec<StackResult>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct StackResult {
    pub account: String,
    pub region: String,
    pub unit: String,
    /// `PENDING`, `SUCCEEDED`, `FAILED` or `CANCELLED`.
    pub status: String,
    pub reason: String,
}

/// Duration of a stack (?).
pub(crate) fn stacking(speed: Speed) -> Millis {
    match speed {
        Speed::Instant => 0,
        Speed::Fast => 900,
        Speed::Real => 45_000,
    }
}

impl SimStackSet {
    pub(crate) fn is_busy(&self) -> bool {
        self.operations.iter().any(|it| it.status.is_none())
    }
}
