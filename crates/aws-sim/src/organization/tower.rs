//! A Control Tower landing zone and Config's places, in the organization file.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ControlTowerBasis {
    /// Such as `3.3`.
    pub version: String,
    /// `INHERITANCE_DRIFT`: enrolls moved accounts automatically.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remediation_types: Vec<String>,
    pub home_region: String,
    pub governed_regions: Vec<String>,
    pub log_archive: String,
    pub audit: String,
    /// Governed units, by id, name or path.
    pub units: Vec<String>,
    /// Units with `ConfigBaseline` in place of `AWSControlTowerBaseline`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub config_units: Vec<String>,
    /// Units whose baseline differs from the landing zone's until reset.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drifted_units: Vec<String>,
    /// Enrolled accounts, by id or name; absent: every active account directly in one of its units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Vec<String>>,
    /// Enabled optional controls. If the unit is not in `units`, its accounts have the controls and
    /// no baseline.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<UnitControl>,
    /// Concurrent Account Factory launches; absent: one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_operations: Option<usize>,
    /// ARNs allowed to use Account Factory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub factory_principals: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitControl {
    pub unit: String,
    /// `AWS-GR_RESTRICT_ROOT_USER`.
    pub control: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigRecorderPlace {
    pub account: String,
    pub region: String,
}
