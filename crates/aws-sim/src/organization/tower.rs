//! A landing zone of Control Tower, and where Config records, as an organization file states them.

use serde::{Deserialize, Serialize};

/// A landing zone of Control Tower.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ControlTowerBasis {
    /// Its version, such as `3.3`.
    pub version: String,
    /// `INHERITANCE_DRIFT`: accounts that are moved are enrolled by themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remediation_types: Vec<String>,
    /// The Region it lives in.
    pub home_region: String,
    /// Regions it governs.
    pub governed_regions: Vec<String>,
    /// The account that keeps logs, by id or name.
    pub log_archive: String,
    /// The account that auditors use.
    pub audit: String,
    /// Units it governs, by id, name or path.
    pub units: Vec<String>,
    /// Those of the units that have `ConfigBaseline` in place of `AWSControlTowerBaseline`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub config_units: Vec<String>,
    /// Those of the units whose baseline is not that of the landing zone any more, until it is reset.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drifted_units: Vec<String>,
    /// Accounts that are enrolled, by id or name; absent: every active account directly in one of its units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Vec<String>>,
    /// Optional controls that are on. Where their unit is not one of `units`, its accounts have the controls and no baseline.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<UnitControl>,
    /// Accounts that Account Factory makes at once; absent: one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_operations: Option<usize>,
    /// Principals that may use Account Factory, by ARN.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub factory_principals: Vec<String>,
}

/// A control that is on in a unit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitControl {
    /// The unit, by id, name or path.
    pub unit: String,
    /// Its name: `AWS-GR_RESTRICT_ROOT_USER`.
    pub control: String,
}

/// Where there is a recorder of Config with its delivery channel.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigRecorderPlace {
    /// The account, by id or name.
    pub account: String,
    /// The Region.
    pub region: String,
}
