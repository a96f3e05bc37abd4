//! What each step of a plan of standards wants. The forms are part of stored plans.

use serde::{Deserialize, Serialize};

use super::central::CentralPolicy;
use super::facts::{ControlUpdate, NamedControl};

/// Security Hub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HubWish {}

/// Standards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StandardsWish {
    /// Their ARNs.
    pub(super) arns: Vec<String>,
    /// Short names of others, which are looked up once Security Hub is on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) names: Vec<String>,
}

impl StandardsWish {
    pub(super) fn of(all: &[String]) -> Self {
        let (arns, names) = all.iter().cloned().partition(|it| it.starts_with("arn:"));
        Self { arns, names }
    }
}

/// Controls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ControlsWish {
    /// How they are to be.
    pub(super) updates: Vec<ControlUpdate>,
    /// How others are to be, which are looked up once Security Hub is on; the last that names a control counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) named: Vec<NamedControl>,
}

/// Who says which standards are on in an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ConfigurationWish {
    /// `CENTRAL` or `LOCAL`.
    pub(super) kind: String,
    /// Whether Security Hub comes on in new accounts.
    pub(super) auto_enable: bool,
    /// `DEFAULT` or `NONE`: whether the default standards do.
    pub(super) auto_enable_standards: String,
}

/// A policy, by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PolicyWish {
    /// Its name.
    pub(super) name: String,
    /// What it says.
    pub(super) policy: CentralPolicy,
}

/// Where a policy holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AssociationWish {
    /// The root, the unit or the account.
    pub(super) target: String,
    /// The policy: its name if it is ours, its id, or none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<String>,
}
