//! Wanted states of standards steps. The forms are part of stored plans.

use serde::{Deserialize, Serialize};

use super::central::CentralPolicy;
use super::facts::{ControlUpdate, NamedControl};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DesiredHub {}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DesiredStandards {
    pub(super) arns: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) names: Vec<String>,
}

impl DesiredStandards {
    pub(super) fn of(all: &[String]) -> Self {
        let (arns, names) = all.iter().cloned().partition(|it| it.starts_with("arn:"));
        Self { arns, names }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DesiredControls {
    pub(super) updates: Vec<ControlUpdate>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) named: Vec<NamedControl>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DesiredConfiguration {
    /// `CENTRAL` or `LOCAL`.
    pub(super) kind: String,
    pub(super) auto_enable: bool,
    /// `DEFAULT` or `NONE`: default standards in new accounts.
    pub(super) auto_enable_standards: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DesiredPolicy {
    pub(super) name: String,
    pub(super) policy: CentralPolicy,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DesiredAssociation {
    pub(super) target: String,
    /// A Hallpass policy's name, another policy's id, or `None` to inherit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<String>,
}
