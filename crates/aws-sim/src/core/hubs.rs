//! Security Hub in accounts: the standards that are on, and the controls that are off.

use std::collections::BTreeMap;

use crate::base::Millis;
use serde::{Deserialize, Serialize};

/// An account and a Region.
pub(crate) type HubPlace = (String, String);

/// Security Hub in an account and a Region.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SimHub {
    /// Since when it is on.
    pub since: Millis,
    /// `SECURITY_CONTROL` or `STANDARD_CONTROL`.
    pub generator: String,
    /// Standards that are on, by ARN.
    pub standards: BTreeMap<String, SimStandard>,
}

/// A standard that is on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SimStandard {
    /// When its controls can be changed.
    pub ready: Millis,
    /// Why they never can be.
    pub refused: Option<String>,
    /// When it is gone, once somebody turned it off.
    pub gone: Option<Millis>,
    /// Its controls that somebody changed, by id.
    pub controls: BTreeMap<String, SimControl>,
}

/// A control that somebody changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SimControl {
    /// Whether it is on.
    pub on: bool,
    /// Why the control is off.
    pub reason: Option<String>,
    /// When it was changed.
    pub at: Millis,
}

/// How the administrator configures the accounts of the organization.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SimHubPolicies {
    /// Whether policies say which standards are on.
    pub central: bool,
    /// The policies, by id.
    pub policies: BTreeMap<String, SimHubPolicy>,
    /// What they hold for: a root, units and accounts.
    pub held: BTreeMap<String, SimHubAssociation>,
}

/// A configuration policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SimHubPolicy {
    /// Its name.
    pub name: String,
    /// What somebody said of it.
    pub description: Option<String>,
    /// What it says.
    pub policy: serde_json::Value,
    /// When it was made.
    pub created: Millis,
    /// When it was changed.
    pub updated: Millis,
}

/// What a policy holds for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SimHubAssociation {
    /// The policy, or `SELF_MANAGED_SECURITY_HUB`.
    pub policy: String,
    /// Since when somebody wanted it.
    pub since: Millis,
    /// When it is so.
    pub ready: Millis,
}
