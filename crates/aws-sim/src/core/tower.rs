//! What there is of a landing zone of Control Tower: units, accounts and controls that it governs, what is under way, and
//! the products of its Account Factory.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::Millis;
use serde::{Deserialize, Serialize};

use crate::organization::{ControlTowerBasis, Speed, UnitControl};

/// The landing zone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SimTower {
    /// What the file says of it, with ids in place of names; units, accounts and controls stand below.
    pub basis: ControlTowerBasis,
    /// Units it governs, by id.
    pub units: BTreeMap<String, TowerUnit>,
    /// Accounts it has enrolled, or tries to, by id.
    pub accounts: BTreeMap<String, TowerAccount>,
    /// Controls that are on: their ARN, unit and name.
    pub controls: BTreeMap<String, UnitControl>,
    /// What was begun with units, by id.
    pub operations: BTreeMap<String, TowerOperation>,
    /// Products of Account Factory, by id.
    pub products: BTreeMap<String, FactoryProduct>,
}

/// A unit that is governed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TowerUnit {
    /// ARN of its enabled baseline.
    pub baseline: String,
    /// The operation on it that was begun last.
    pub operation: Option<String>,
}

/// An account that is enrolled.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TowerAccount {
    /// ARN of its enabled baseline.
    pub baseline: String,
    /// The unit it has it from.
    pub unit: String,
    /// When it is enrolled.
    pub ready: Millis,
    /// Why it is not, then.
    pub failed: Option<String>,
    /// ARNs of the controls of the unit that hold in it.
    pub controls: BTreeSet<String>,
    /// Whether its own event is still to come.
    #[serde(default)]
    pub untold: bool,
}

/// What was begun with a unit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TowerOperation {
    /// `RESET_ENABLED_BASELINE` and so on.
    pub kind: String,
    /// The unit.
    pub unit: String,
    /// ARN of the control that it is about.
    pub control: Option<String>,
    /// When it was begun.
    pub started: Millis,
    /// When it is over.
    pub due: Millis,
    /// Why it failed.
    pub failed: Option<String>,
    /// Whether it is over.
    pub done: bool,
}

/// A product of Account Factory.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FactoryProduct {
    /// Its name.
    pub name: String,
    /// What it was asked for with.
    pub token: String,
    /// `rec-…`
    pub record: String,
    /// The account's name, address and unit.
    pub account_name: String,
    /// The address of its root user.
    pub email: String,
    /// The unit that it comes into.
    pub unit: String,
    /// The account, once it is there.
    pub account: Option<String>,
    /// When it was asked for.
    pub created: Millis,
    /// When it is over.
    pub due: Millis,
    /// Why it failed.
    pub failed: Option<String>,
    /// Whether it is over.
    pub done: bool,
}

/// How long an account or a unit takes (?).
pub(crate) fn enrolling(speed: Speed) -> Millis {
    match speed {
        Speed::Instant => 0,
        Speed::Fast => 700,
        Speed::Real => 300_000,
    }
}

/// How long Account Factory takes (`organization.md` V-6: 25 to 30 minutes).
pub(crate) fn launching(speed: Speed) -> Millis {
    match speed {
        Speed::Instant => 0,
        Speed::Fast => 1_500,
        Speed::Real => 1_560_000,
    }
}

impl SimTower {
    /// An ARN of the landing zone's account and Region.
    pub(crate) fn arn(&self, management: &str, kind: &str, id: &str) -> String {
        let home = &self.basis.home_region;
        format!("arn:aws:controltower:{home}:{management}:{kind}/{id}")
    }

    /// Whether something is under way that another operation has to wait for: one on a unit waits for all, one on a
    /// control for those on units.
    pub(crate) fn is_busy(&self, with_controls: bool) -> bool {
        let mut running = self.operations.values().filter(|it| !it.done);
        running.any(|it| with_controls || it.control.is_none())
    }

    /// The operation on a unit that was begun last.
    pub(crate) fn operation(&self, unit: &str) -> Option<&TowerOperation> {
        let id = self.units.get(unit)?.operation.as_ref()?;
        self.operations.get(id)
    }

    /// ARNs of the controls that are on in a unit.
    pub(crate) fn controls_of(&self, unit: &str) -> BTreeSet<String> {
        let of_unit = self.controls.iter().filter(|(_, it)| it.unit == unit);
        of_unit.map(|(arn, _)| arn.clone()).collect()
    }

    /// The same as a file says it.
    pub(crate) fn exported(&self) -> ControlTowerBasis {
        ControlTowerBasis {
            units: self.units.keys().cloned().collect(),
            accounts: Some(self.accounts.keys().cloned().collect()),
            controls: self.controls.values().cloned().collect(),
            ..self.basis.clone()
        }
    }
}
