//! Time-driven changes of a Control Tower landing zone: enrolls moved accounts, ends operations and
//! launches, and publishes their events.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Millis, Random};
use serde_json::{Value, json};

use super::{
    bus::{BusEvent, put_event},
    config_recorders::{SimRecorder, SimRecorders},
    entities::{Account, FailAsync, Id},
    state::SimState,
    tower::{FactoryProduct, SimTower, TowerAccount, TowerUnit, enrolling},
    tree::put_under,
};
use crate::organization::{
    ConfigRecorderPlace, ControlTowerBasis, NameIndex, OrganizationFile, UnitControl,
};

const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const DIGITS: &str = "0123456789";
pub(crate) const AUTO_ENROLMENT: &str = "INHERITANCE_DRIFT";

pub(crate) fn tower_id(state: &SimState, of: &str) -> String {
    Random::new(state.seed, &format!("tower {of}")).text(CAPITALS, 17)
}

pub(crate) fn load_file(state: &mut SimState, file: &OrganizationFile, names: &NameIndex) {
    let account = |name: &String| names.account(name).unwrap_or(name).to_owned();
    let rows = file.config_recorders.iter().flatten();
    let written = rows.map(|row: &ConfigRecorderPlace| {
        let account = account(&row.account);
        let recorder = SimRecorder::usual(&account);
        ((account, row.region.clone()), recorder)
    });
    state.config_recorders = SimRecorders {
        is_stated: file.config_recorders.is_some() || file.control_tower.is_some(),
        written: written.collect(),
    };
    let Some(given) = &file.control_tower else {
        return;
    };
    let unit = |name: &String| names.ou(name).unwrap_or(name).to_owned();
    let control = |it: &UnitControl| UnitControl {
        unit: unit(&it.unit),
        control: it.control.clone(),
    };
    let accounts = given.accounts.as_ref();
    let basis = ControlTowerBasis {
        log_archive: account(&given.log_archive),
        audit: account(&given.audit),
        units: given.units.iter().map(unit).collect(),
        config_units: given.config_units.iter().map(unit).collect(),
        drifted_units: given.drifted_units.iter().map(unit).collect(),
        accounts: accounts.map(|all| all.iter().map(account).collect()),
        controls: given.controls.iter().map(control).collect(),
        ..given.clone()
    };
    load(state, basis);
}

/// Requires names resolved to ids.
fn load(state: &mut SimState, basis: ControlTowerBasis) {
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

/// An enrolled account. Fails where Config records already (AWS: "Prerequisites for enrollment").
fn account_row(
    state: &SimState,
    tower: &SimTower,
    account: &str,
    unit: &str,
    ready: Millis,
    with_controls: bool,
) -> TowerAccount {
    let id = tower_id(state, account);
    let recorded = state
        .config_recorders
        .is_recorded(account, &tower.basis.governed_regions);
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
        untold: false,
    }
}

/// Applies the landing zone to an account that moved to another unit.
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
        row.untold = true;
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

/// Settles operations due at the state's latest instant; returns their ids.
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
    let rows = tower.accounts.iter();
    let enrolled = rows.filter(|(_, it)| it.untold && it.ready <= now);
    let enrolled: Vec<String> = enrolled.map(|(id, _)| id.clone()).collect();
    let mut done = Vec::new();
    for id in enrolled {
        tell_enrolled(state, &id);
    }
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
        if let Some(control) = &operation.control {
            let of_unit = tower.accounts.values_mut();
            for row in of_unit.filter(|it| it.unit == operation.unit) {
                row.controls.insert(control.clone());
            }
        } else {
            let rows = state.accounts.iter().map(|(_, row)| row);
            let inside = rows.filter(|it| *it.parent == operation.unit && it.is_active());
            for row in inside {
                let was_there = tower
                    .accounts
                    .get(&*row.id)
                    .is_some_and(|it| it.unit == operation.unit && it.failed.is_none());
                if !was_there {
                    // controls are applied automatically or never, also after a reset
                    let unit = &operation.unit;
                    let made = account_row(state, &tower, &row.id, unit, operation.due, false);
                    tower.accounts.insert(row.id.to_string(), made);
                }
            }
        }
    }
    state.tower = Some(tower);
    tell_operation(state, id);
}

/// Ends an Account Factory launch: the account is created or enrolled and in its unit; publishes
/// the lifecycle event.
fn finish_product(state: &mut SimState, id: &str) {
    let found = state
        .tower
        .as_ref()
        .and_then(|it| it.products.get(id).cloned());
    let Some(mut product) = found else {
        return;
    };
    product.done = true;
    let there = {
        let mut rows = state.accounts.iter().map(|(_, row)| row);
        rows.find(|it| it.email.eq_ignore_ascii_case(&product.email))
            .cloned()
    };
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
            access_role: None,
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

fn tell(state: &mut SimState, product: &FactoryProduct, is_new: bool) {
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
    let details = json!({ member: {
        "organizationalUnit": { "organizationalUnitName": unit_name, "organizationalUnitId": product.unit },
        "account": account, "state": word, "message": message,
        "requestedTimestamp": dated(product.created, "+0000"),
        "completedTimestamp": dated(product.due, "+0000"),
    } });
    put_lifecycle(state, name, product.due, &details);
}

struct ReportedBaseline<'a> {
    kind: &'a str,
    id: &'a str,
    baseline: &'a str,
    failed: bool,
    at: (Millis, Millis),
}

fn tell_baseline(state: &mut SimState, name: &str, told: &ReportedBaseline<'_>) {
    let (head, (asked, over)) = (&state.head, told.at);
    let target = format!(
        "arn:aws:organizations::{}:{}/{}/{}",
        head.management, told.kind, head.id, told.id
    );
    let word = if told.failed { "FAILED" } else { "SUCCEEDED" };
    let mut member = name.to_owned();
    if let Some(first) = member.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    let details = json!({ format!("{member}Status"): {
        "enabledBaselineDetails": {
            "arn": told.baseline, "targetIdentifier": target, "statusSummary": { "status": word } },
        "requestedTimestamp": dated(asked, "+0000"), "completedTimestamp": dated(over, "+0000"),
    } });
    put_lifecycle(state, name, over, &details);
}

/// Publishes the event of a unit operation; controls have none. Registering a unit publishes two
/// (?).
fn tell_operation(state: &mut SimState, id: &str) {
    let found = state.tower.as_ref().and_then(|tower| {
        let operation = tower.operations.get(id)?;
        let unit = tower.units.get(&operation.unit)?;
        Some((operation.clone(), unit.baseline.clone()))
    });
    let Some((operation, baseline)) = found.filter(|(it, _)| it.control.is_none()) else {
        return;
    };
    let is_new = operation.kind == "ENABLE_BASELINE";
    let name = if is_new {
        "EnableBaseline"
    } else {
        "ResetEnabledBaseline"
    };
    let told = ReportedBaseline {
        kind: "ou",
        id: &operation.unit,
        baseline: &baseline,
        failed: operation.failed.is_some(),
        at: (operation.started, operation.due),
    };
    tell_baseline(state, name, &told);
    if is_new {
        let unit_name = state.ou(&operation.unit).map(|it| it.name.clone());
        let word = if told.failed { "FAILED" } else { "SUCCEEDED" };
        let message = operation.failed.clone().unwrap_or_else(|| {
            "AWS Control Tower successfully registered an organizational unit.".to_owned()
        });
        let details = json!({ "registerOrganizationalUnitStatus": {
            "organizationalUnit": { "organizationalUnitName": unit_name, "organizationalUnitId": operation.unit },
            "state": word, "message": message,
            "requestedTimestamp": dated(operation.started, "+0000"),
            "completedTimestamp": dated(operation.due, "+0000"),
        } });
        put_lifecycle(state, "RegisterOrganizationalUnit", operation.due, &details);
    }
}

/// The baseline of a moved account; AWS's event name is undocumented (?).
fn tell_enrolled(state: &mut SimState, id: &str) {
    let row = state.tower.as_mut().and_then(|it| it.accounts.get_mut(id));
    let Some(row) = row else {
        return;
    };
    row.untold = false;
    let row = row.clone();
    let told = ReportedBaseline {
        kind: "account",
        id,
        baseline: &row.baseline,
        failed: row.failed.is_some(),
        at: (row.ready, row.ready),
    };
    tell_baseline(state, "EnableBaseline", &told);
}

/// Publishes a lifecycle event on the management account's bus (AWS Control Tower User Guide,
/// "Lifecycle events in AWS Control Tower").
fn put_lifecycle(state: &mut SimState, name: &str, at: Millis, details: &Value) {
    let Some(home) = state.tower.as_ref().map(|it| it.basis.home_region.clone()) else {
        return;
    };
    let management = state.head.management.clone();
    let event = BusEvent {
        source: "aws.controltower",
        detail_type: "AWS Service Event via CloudTrail",
        resources: Vec::new(),
        detail: json!({
            "eventVersion": "1.05",
            "userIdentity": { "accountId": management, "invokedBy": "AWS Internal" },
            "eventTime": dated(at, "Z"), "eventSource": "controltower.amazonaws.com", "eventName": name,
            "awsRegion": home, "sourceIPAddress": "AWS Internal", "userAgent": "AWS Internal", "readOnly": false,
            "eventType": "AwsServiceEvent", "serviceEventDetails": details,
        }),
    };
    put_event(state, &BTreeSet::from([(management, home)]), &event);
}

fn dated(at: Millis, zone: &str) -> String {
    let whole = super::issue::whole_seconds(at);
    format!("{}{zone}", whole.trim_end_matches('Z'))
}
