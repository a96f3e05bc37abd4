//! Security Hub in accounts: enabled standards and disabled controls.

use std::collections::BTreeMap;

use crate::base::Millis;
use serde::{Deserialize, Serialize};

pub(crate) type HubPlace = (String, String);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SimHub {
    pub since: Millis,
    /// `SECURITY_CONTROL` or `STANDARD_CONTROL`.
    pub generator: String,
    pub standards: BTreeMap<String, SimStandard>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SimStandard {
    /// When its controls can be changed.
    pub ready: Millis,
    /// Why its controls never become changeable.
    pub refused: Option<String>,
    /// End of its disabling.
    pub gone: Option<Millis>,
    pub controls: BTreeMap<String, SimControl>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SimControl {
    pub on: bool,
    pub reason: Option<String>,
    pub at: Millis,
}

/// Central configuration by the administrator.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SimHubPolicies {
    /// Whether policies control the enabled standards.
    pub central: bool,
    pub policies: BTreeMap<String, SimHubPolicy>,
    /// By target: a root, units and accounts.
    pub held: BTreeMap<String, SimHubAssociation>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SimHubPolicy {
    pub name: String,
    pub description: Option<String>,
    pub policy: serde_json::Value,
    pub created: Millis,
    pub updated: Millis,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SimHubAssociation {
    /// The policy, or `SELF_MANAGED_SECURITY_HUB`.
    pub policy: String,
    pub since: Millis,
    /// When it takes effect.
    pub ready: Millis,
}
