//! A landing zone of Control Tower: the units it governs, the accounts it has enrolled, the controls that hold in
//! them, what is under way, and the products of its Account Factory.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_sim_base::{Millis, Random};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    config_recorders::is_recorded,
    entities::{Account, FailAsync, Id},
    queues::{BusEvent, put_event},
    state::SimState,
    tree::put_under,
};
use crate::organization::{ControlTowerBasis, Speed, UnitControl};

const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const DIGITS: &str = "0123456789";
/// Accounts that are moved are enrolled by themselves.
pub(crate) const AUTO_ENROLMENT: &str = "INHERITANCE_DRIFT";

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

    fn controls_of(&self, unit: &str) -> BTreeSet<String> {
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

/// An id made of the seed.
pub(crate) fn tower_id(state: &SimState, of: &str) -> String {
    Random::new(state.seed, &format!("tower {of}")).text(CAPITALS, 17)
}

/// Builds the landing zone of a file whose names are ids by now.
pub(crate) fn load(state: &mut SimState, basis: ControlTowerBasis) {
    let mut tower = SimTower {
        units: BTreeMap::new(),
        accounts: BTreeMap::new(),
        controls: BTreeMap::new(),
        operations: BTreeMap::new(),
        products: BTreeMap::new(),
        basis,
    };
    let management = state.head.management.clone();
    for unit in tower.basis.units.clone() {
        let id = tower_id(state, &unit);
        let baseline = tower.arn(&management, "enabledbaseline", &id);
        let operation = None;
        tower.units.insert(
            unit,
            TowerUnit {
                baseline,
                operation,
            },
        );
    }
    for control in tower.basis.controls.clone() {
        let id = tower_id(state, &format!("{} {}", control.unit, control.control));
        let arn = tower.arn(&management, "enabledcontrol", &id);
        tower.controls.insert(arn, control);
    }
    let named = tower.basis.accounts.clone();
    let rows: Vec<Account> = state.accounts.iter().map(|(_, row)| row.clone()).collect();
    for row in rows {
        let is_in = tower.units.contains_key(&*row.parent);
        let is_named = named
            .as_ref()
            .is_none_or(|all| all.iter().any(|it| **it == *row.id));
        if is_in && is_named && row.is_active() {
            let account = account_row(state, &tower, &row.id, &row.parent, 0, true);
            tower.accounts.insert(row.id.to_string(), account);
        }
    }
    state.tower = Some(tower);
}

/// A row of an account that is enrolled from an instant on. Where Config records already, it fails (AWS: "Prerequisites
/// for enrollment").
fn account_row(
    state: &SimState,
    tower: &SimTower,
    account: &str,
    unit: &str,
    ready: Millis,
    with_controls: bool,
) -> TowerAccount {
    let id = tower_id(state, account);
    let recorded = is_recorded(state, account, &tower.basis.governed_regions);
    let failed = (recorded && ready > 0).then(|| {
        "AWS Control Tower cannot enroll the account: it has a configuration recorder or delivery channel.".to_owned()
    });
    TowerAccount {
        baseline: tower.arn(&state.head.management, "enabledbaseline", &id),
        unit: unit.to_owned(),
        ready,
        failed,
        controls: if with_controls {
            tower.controls_of(unit)
        } else {
            BTreeSet::new()
        },
    }
}

/// What the landing zone makes of an account that stands in another unit from now on.
pub(crate) fn moved(state: &mut SimState, account: &str, to: &str, fail: Option<&FailAsync>) {
    let Some(tower) = &state.tower else {
        return;
    };
    if !tower
        .basis
        .remediation_types
        .iter()
        .any(|it| it == AUTO_ENROLMENT)
    {
        return;
    }
    let is_governed = tower.units.contains_key(to);
    let ready = (state.latest + enrolling(state.settings.speed)).max(1);
    let row = is_governed.then(|| {
        let mut row = account_row(state, tower, account, to, ready, true);
        row.failed = fail.map(|it| it.reason.clone()).or(row.failed);
        row
    });
    let Some(tower) = &mut state.tower else {
        return;
    };
    match row {
        Some(row) => {
            tower.accounts.insert(account.to_owned(), row);
        }
        None => {
            tower.accounts.remove(account);
        }
    }
}

/// Makes final what is due at the state's latest instant; ids of what it was.
pub(crate) fn settle(state: &mut SimState) -> Vec<Id> {
    let Some(tower) = &state.tower else {
        return Vec::new();
    };
    let now = state.latest;
    let due = tower
        .operations
        .iter()
        .filter(|(_, it)| !it.done && it.due <= now);
    let mut operations: Vec<(Millis, String)> = due.map(|(id, it)| (it.due, id.clone())).collect();
    operations.sort();
    let due = tower
        .products
        .iter()
        .filter(|(_, it)| !it.done && it.due <= now);
    let products: Vec<String> = due.map(|(id, _)| id.clone()).collect();
    let mut done = Vec::new();
    for (_, id) in operations {
        finish_operation(state, &id);
        done.push(id.as_str().into());
    }
    for id in products {
        finish_product(state, &id);
        done.push(id.as_str().into());
    }
    done
}

fn finish_operation(state: &mut SimState, id: &str) {
    let Some(mut tower) = state.tower.take() else {
        return;
    };
    let found = tower.operations.get_mut(id).map(|it| {
        it.done = true;
        it.clone()
    });
    if let Some(operation) = found.filter(|it| it.failed.is_none()) {
        match &operation.control {
            Some(control) => {
                let of_unit = tower.accounts.values_mut();
                for row in of_unit.filter(|it| it.unit == operation.unit) {
                    row.controls.insert(control.clone());
                }
            }
            None => {
                let rows = state.accounts.iter().map(|(_, row)| row);
                let inside = rows.filter(|it| *it.parent == operation.unit && it.is_active());
                for row in inside {
                    let was_there = tower
                        .accounts
                        .get(&*row.id)
                        .is_some_and(|it| it.unit == operation.unit && it.failed.is_none());
                    if !was_there {
                        // the controls come by themselves or not at all, until they are reset, too
                        let unit = &operation.unit;
                        let made = account_row(state, &tower, &row.id, unit, operation.due, false);
                        tower.accounts.insert(row.id.to_string(), made);
                    }
                }
            }
        }
    }
    state.tower = Some(tower);
}

/// Account Factory is done: the account is made or taken on, stands in its unit, and the lifecycle event says so.
fn finish_product(state: &mut SimState, id: &str) {
    let found = state
        .tower
        .as_ref()
        .and_then(|it| it.products.get(id).cloned());
    let Some(mut product) = found else {
        return;
    };
    product.done = true;
    let rows = state.accounts.iter().map(|(_, row)| row);
    let there = rows.filter(|it| it.email.eq_ignore_ascii_case(&product.email));
    let there = there.cloned().next();
    let is_new = there.is_none();
    if product.failed.is_none() {
        let account = there.unwrap_or_else(|| Account {
            id: fresh_account(state, id).as_str().into(),
            name: product.account_name.clone(),
            email: product.email.clone(),
            parent: state.head.root.as_str().into(),
            state: "ACTIVE".to_owned(),
            joined_method: "CREATED".to_owned(),
            joined: product.due,
            tags: BTreeMap::default(),
            regions: Vec::new(),
        });
        let account_id = account.id.clone();
        put_under(state, account, &product.unit, product.due, product.due);
        if is_new {
            state.attach_defaults(&account_id, product.due);
        }
        product.account = Some(account_id.to_string());
        let row = state.tower.as_ref().map(|tower| {
            account_row(
                state,
                tower,
                &account_id,
                &product.unit,
                product.due.max(1),
                true,
            )
        });
        if let (Some(row), Some(tower)) = (row, &mut state.tower) {
            product.failed.clone_from(&row.failed);
            tower.accounts.insert(account_id.to_string(), row);
        }
    }
    tell(state, &product, is_new);
    if let Some(tower) = &mut state.tower {
        tower.products.insert(id.to_owned(), product);
    }
}

fn fresh_account(state: &SimState, product: &str) -> String {
    let mut random = Random::new(state.seed, &format!("factory {product}"));
    loop {
        let id = random.text(DIGITS, 12);
        if state.account(&id).is_none() {
            return id;
        }
    }
}

/// The lifecycle event (AWS: "Lifecycle events in AWS Control Tower").
fn tell(state: &mut SimState, product: &FactoryProduct, is_new: bool) {
    let Some(home) = state.tower.as_ref().map(|it| it.basis.home_region.clone()) else {
        return;
    };
    let (name, member) = if is_new {
        ("CreateManagedAccount", "createManagedAccountStatus")
    } else {
        ("UpdateManagedAccount", "updateManagedAccountStatus")
    };
    let unit_name = state.ou(&product.unit).map(|it| it.name.clone());
    let mut account = json!({ "accountName": product.account_name });
    if let (Some(id), Some(members)) = (&product.account, account.as_object_mut()) {
        members.insert("accountId".to_owned(), id.as_str().into());
    }
    let (word, message) = match &product.failed {
        None => (
            "SUCCEEDED",
            "AWS Control Tower successfully created a managed account.".to_owned(),
        ),
        Some(why) => ("FAILED", why.clone()),
    };
    let management = state.head.management.clone();
    let event = BusEvent {
        source: "aws.controltower",
        detail_type: "AWS Service Event via CloudTrail",
        resources: Vec::new(),
        detail: json!({
            "eventVersion": "1.05",
            "userIdentity": { "accountId": management, "invokedBy": "AWS Internal" },
            "eventTime": dated(product.due, "Z"), "eventSource": "controltower.amazonaws.com", "eventName": name,
            "awsRegion": home, "sourceIPAddress": "AWS Internal", "userAgent": "AWS Internal", "readOnly": false,
            "eventType": "AwsServiceEvent",
            "serviceEventDetails": { member: {
                "organizationalUnit": {
                    "organizationalUnitName": unit_name, "organizationalUnitId": product.unit },
                "account": account, "state": word, "message": message,
                "requestedTimestamp": dated(product.created, "+0000"),
                "completedTimestamp": dated(product.due, "+0000"),
            } },
        }),
    };
    put_event(state, &BTreeSet::from([(management, home)]), &event);
}

/// An instant as Control Tower writes it.
fn dated(at: Millis, zone: &str) -> String {
    let whole = super::issue::whole_seconds(at);
    format!("{}{zone}", whole.trim_end_matches('Z'))
}
