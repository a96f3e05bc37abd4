//! State of a Control Tower landing zone: governed units, accounts and controls, pending
//! operations, Account Factory products.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::Millis;
use serde::{Deserialize, Serialize};

use crate::organization::{ControlTowerBasis, Speed, UnitControl};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SimTower {
    pub basis: ControlTowerBasis,
    pub units: BTreeMap<String, TowerUnit>,
    /// Enrolled accounts, including failed ones, by id.
    pub accounts: BTreeMap<String, TowerAccount>,
    pub controls: BTreeMap<String, UnitControl>,
    pub operations: BTreeMap<String, TowerOperation>,
    pub products: BTreeMap<String, FactoryProduct>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TowerUnit {
    pub baseline: String,
    pub operation: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TowerAccount {
    pub baseline: String,
    /// The unit its baseline is inherited from.
    pub unit: String,
    pub ready: Millis,
    /// Why enrollment failed.
    pub failed: Option<String>,
    /// ARNs of inherited controls.
    pub controls: BTreeSet<String>,
    #[serde(default)]
    pub untold: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TowerOperation {
    /// `RESET_ENABLED_BASELINE` and so on.
    pub kind: String,
    pub unit: String,
    pub control: Option<String>,
    pub started: Millis,
    pub due: Millis,
    pub failed: Option<String>,
    pub done: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FactoryProduct {
    pub name: String,
    /// The idempotency token.
    pub token: String,
    /// `rec-…`
    pub record: String,
    pub account_name: String,
    pub email: String,
    pub unit: String,
    /// The account, once created.
    pub account: Option<String>,
    pub created: Millis,
    pub due: Millis,
    pub failed: Option<String>,
    pub done: bool,
}

/// Duration for an account or a unit (?).
pub(crate) fn enrolling(speed: Speed) -> Millis {
    match speed {
        Speed::Instant => 0,
        Speed::Fast => 700,
        Speed::Real => 300_000,
    }
}

/// Duration of an Account Factory launch (`organization.md` V-6: 25 to 30 minutes).
pub(crate) fn launching(speed: Speed) -> Millis {
    match speed {
        Speed::Instant => 0,
        Speed::Fast => 1_500,
        Speed::Real => 1_560_000,
    }
}

impl SimTower {
    pub(crate) fn arn(&self, management: &str, kind: &str, id: &str) -> String {
        let home = &self.basis.home_region;
        format!("arn:aws:controltower:{home}:{management}:{kind}/{id}")
    }

    /// Whether another operation must wait: unit operations wait for all, control operations for
    /// unit operations.
    pub(crate) fn is_busy(&self, with_controls: bool) -> bool {
        let mut running = self.operations.values().filter(|it| !it.done);
        running.any(|it| with_controls || it.control.is_none())
    }

    pub(crate) fn operation(&self, unit: &str) -> Option<&TowerOperation> {
        let id = self.units.get(unit)?.operation.as_ref()?;
        self.operations.get(id)
    }

    pub(crate) fn controls_of(&self, unit: &str) -> BTreeSet<String> {
        let of_unit = self.controls.iter().filter(|(_, it)| it.unit == unit);
        of_unit.map(|(arn, _)| arn.clone()).collect()
    }

    pub(crate) fn exported(&self) -> ControlTowerBasis {
        ControlTowerBasis {
            units: self.units.keys().cloned().collect(),
            accounts: Some(self.accounts.keys().cloned().collect()),
            controls: self.controls.values().cloned().collect(),
            ..self.basis.clone()
        }
    }
}
