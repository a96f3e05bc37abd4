//! Baselines of units, inherited by accounts.

use hallpass_aws_model::facts;
use serde_json::{Value, json};

use super::{
    ApiError, Context, HandlerResult, Output, SimTower, begin, fits, missing, need, progress,
    target,
};
use crate::core::{
    control_tower::tower_id,
    issue::whole_seconds,
    tower::{TowerAccount, TowerUnit},
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListBaselines", Reads(kinds)),
    ("ListEnabledBaselines", Reads(list)),
    ("GetEnabledBaseline", Reads(get)),
    ("EnableBaseline", Writes(enable)),
    ("ResetEnabledBaseline", Writes(reset)),
    ("GetBaselineOperation", Reads(operation)),
];

/// AWS's baselines (AWS Control Tower User Guide, "Types of baselines"): id and name.
const KINDS: &[(&str, &str)] = &[
    ("17BSJV3IGJ2QSGA2", "AWSControlTowerBaseline"),
    ("4T4HA1KMO10S6311", "AuditBaseline"),
    ("J8HX46AHS5MIKQPD", "LogArchiveBaseline"),
    ("LN25R72TTG6IGPTQ", "IdentityCenterBaseline"),
    // its id is made up (?)
    ("C0NF1GBA5EL1NE00", CONFIG),
];
const CONFIG: &str = "ConfigBaseline";
const IN_SYNC: &str = "IN_SYNC";
const DRIFTED: &str = "DRIFTED";
const SOURCE_DRIFT: &str = "/driftStatusSummary/types/source/status";
const INHERITANCE_DRIFT: &str = "/driftStatusSummary/types/inheritance/status";
/// The version of `ConfigBaseline` (?).
const CONFIG_VERSION: &str = "1.0";
const IDENTITY_CENTER: &str = "IdentityCenterBaseline";
const IDENTITY_CENTER_PARAMETER: &str = "IdentityCenterEnabledBaselineArn";
/// For landing zones from 3.0 on.
const VERSION: &str = "4.0";
const UNIT_ACCOUNTS: usize = facts::UNIT_ACCOUNTS.count();

fn kind_arn(tower: &SimTower, id: &str) -> String {
    format!(
        "arn:aws:controltower:{}::baseline/{id}",
        tower.basis.home_region
    )
}

fn own_kind(tower: &SimTower) -> String {
    kind_arn(tower, KINDS.first().map_or("", |(id, _)| id))
}

/// A unit's baseline and version, inherited by its accounts.
fn kind_of(tower: &SimTower, unit: &str) -> (String, &'static str) {
    if tower.basis.config_units.iter().any(|it| it == unit) {
        let kind = KINDS.iter().find(|(_, name)| *name == CONFIG);
        (
            kind_arn(tower, kind.map_or("", |(id, _)| id)),
            CONFIG_VERSION,
        )
    } else {
        (own_kind(tower), VERSION)
    }
}

fn kinds(context: &Context<'_>) -> HandlerResult {
    let tower = need(context)?;
    let rows = KINDS.iter().map(|(id, name)| {
        let arn = kind_arn(tower, id);
        (
            arn.clone(),
            json!({ "arn": arn, "name": name, "description": name }),
        )
    });
    context.listing(rows.collect())
}

/// The Identity Center baseline of the management account, while the landing zone manages access
/// (AWS Control Tower User Guide, "Examples for baseline API usage").
fn identity_center(context: &Context<'_>, tower: &SimTower) -> (String, Value) {
    let management = &context.state.head.management;
    let id = tower_id(context.state, "identity center baseline");
    let arn = tower.arn(management, "enabledbaseline", &id);
    let kind = KINDS.iter().find(|(_, name)| *name == IDENTITY_CENTER);
    let row = json!({
        "arn": arn, "baselineIdentifier": kind_arn(tower, kind.map_or("", |(id, _)| id)), "baselineVersion": "1.0",
        "targetIdentifier": target(context, "account", management),
        "statusSummary": { "status": "SUCCEEDED" },
    });
    (arn, row)
}

fn unit_row(context: &Context<'_>, tower: &SimTower, id: &str, unit: &TowerUnit) -> Value {
    let last = tower.operation(id);
    let status = match last.map(progress) {
        Some("IN_PROGRESS") => "UNDER_CHANGE",
        Some("FAILED") => "FAILED",
        _ => "SUCCEEDED",
    };
    let mut summary = json!({ "status": status });
    if let (Some(operation), Some(members)) = (&unit.operation, summary.as_object_mut()) {
        members.insert(
            "lastOperationIdentifier".to_owned(),
            operation.as_str().into(),
        );
    }
    let (kind, version) = kind_of(tower, id);
    // accounts are enrolled automatically here, so no unit has inheritance drift
    let has_drifted = tower.basis.drifted_units.iter().any(|it| it == id);
    let was_set = last.is_some_and(|it| progress(it) == "SUCCEEDED");
    let source = if has_drifted && !was_set {
        DRIFTED
    } else {
        IN_SYNC
    };
    json!({
        "arn": unit.baseline, "baselineIdentifier": kind, "baselineVersion": version,
        "targetIdentifier": target(context, "ou", id), "statusSummary": summary,
        "driftStatusSummary": { "types": {
            "inheritance": { "status": IN_SYNC }, "source": { "status": source },
        } },
    })
}

fn account_row(context: &Context<'_>, tower: &SimTower, id: &str, row: &TowerAccount) -> Value {
    let status = match &row.failed {
        _ if row.ready > context.now => "UNDER_CHANGE",
        Some(_) => "FAILED",
        None => "SUCCEEDED",
    };
    let (kind, version) = kind_of(tower, &row.unit);
    json!({
        "arn": row.baseline, "baselineIdentifier": kind, "baselineVersion": version,
        "targetIdentifier": target(context, "account", id), "statusSummary": { "status": status },
        "parentIdentifier": tower.units.get(&row.unit).map(|it| it.baseline.clone()),
    })
}

/// `ListEnabledBaselines`: of units, and with `includeChildren` of their accounts.
fn list(context: &Context<'_>) -> HandlerResult {
    let tower = need(context)?;
    let input = &context.call.input;
    let with_children = input.get("includeChildren") == Some(&Value::Bool(true));
    let units = tower.units.iter();
    let mut rows: Vec<Value> = units
        .map(|(id, unit)| unit_row(context, tower, id, unit))
        .collect();
    rows.push(identity_center(context, tower).1);
    if with_children {
        let accounts = tower.accounts.iter();
        rows.extend(accounts.map(|(id, row)| account_row(context, tower, id, row)));
    }
    let filter = input.get("filter");
    let is_wanted = |row: &Value| {
        let text = |pointer: &str| row.pointer(pointer).and_then(Value::as_str);
        fits(filter, "targetIdentifiers", text("/targetIdentifier"))
            && fits(filter, "baselineIdentifiers", text("/baselineIdentifier"))
            && fits(filter, "parentIdentifiers", text("/parentIdentifier"))
            && fits(filter, "statuses", text("/statusSummary/status"))
            && fits(filter, "sourceDriftStatuses", text(SOURCE_DRIFT))
            && fits(filter, "inheritanceDriftStatuses", text(INHERITANCE_DRIFT))
    };
    let rows = rows.into_iter().filter(is_wanted).map(|row| {
        let arn = row.get("arn").and_then(Value::as_str).unwrap_or_default();
        (arn.to_owned(), row)
    });
    context.listing(rows.collect())
}

fn unit_of(context: &Context<'_>, arn: &str) -> Result<String, ApiError> {
    let tower = need(context)?;
    let mut units = tower.units.iter();
    let found = units.find(|(_, unit)| unit.baseline == arn);
    if let Some((id, _)) = found {
        return Ok(id.clone());
    }
    if tower.accounts.values().any(|it| it.baseline == arn) {
        let text =
            "The operation is not supported for a baseline of an account: it comes from its unit.";
        return Err(ApiError::new("ValidationException", text));
    }
    Err(missing("The enabled baseline does not exist."))
}

fn get(context: &Context<'_>) -> HandlerResult {
    let (tower, arn) = (need(context)?, context.text("enabledBaselineIdentifier"));
    let mut units = tower.units.iter();
    let unit = units.find(|(_, unit)| unit.baseline == arn);
    let mut accounts = tower.accounts.iter();
    let account = accounts.find(|(_, row)| row.baseline == arn);
    let row = unit
        .map(|(id, unit)| unit_row(context, tower, id, unit))
        .or_else(|| account.map(|(id, row)| account_row(context, tower, id, row)));
    let row = row.ok_or_else(|| missing("The enabled baseline does not exist."))?;
    Ok(Output::Members(json!({ "enabledBaselineDetails": row })))
}

/// Checks required parameters and parents of a unit (AWS Control Tower User Guide, "Register an
/// existing organizational unit").
fn allowed(context: &Context<'_>, tower: &SimTower, unit: &str) -> Result<(), ApiError> {
    let invalid = |text: &str| Err(ApiError::new("ValidationException", text));
    if context.text("baselineVersion") != VERSION {
        return invalid(
            "The baseline version is not compatible with the version of the landing zone.",
        );
    }
    let given = context
        .call
        .input
        .get("parameters")
        .and_then(Value::as_array);
    let mut given = given.into_iter().flatten();
    let given =
        given.find(|it| it.get("key").and_then(Value::as_str) == Some(IDENTITY_CENTER_PARAMETER));
    let value = given.and_then(|it| it.get("value")).and_then(Value::as_str);
    if value != Some(identity_center(context, tower).0.as_str()) {
        return invalid("The parameter IdentityCenterEnabledBaselineArn is missing or invalid.");
    }
    let parent = context.state.ou(unit).map(|it| it.parent.to_string());
    let is_below_governed =
        parent.is_some_and(|it| it == context.state.head.root || tower.units.contains_key(&it));
    if !is_below_governed {
        return invalid(
            "The parent of the organizational unit is not registered with AWS Control Tower.",
        );
    }
    Ok(())
}

/// `EnableBaseline`: on a unit; accounts inherit it.
fn enable(context: &mut Context<'_>) -> HandlerResult {
    let tower = need(context)?;
    if context.text("baselineIdentifier") != own_kind(tower) {
        return Err(missing(
            "The baseline does not exist, or is not one of units.",
        ));
    }
    let named = context.text("targetIdentifier");
    let id = named.rsplit('/').next().unwrap_or_default().to_owned();
    if context.state.ou(&id).is_none() || named != target(context, "ou", &id) {
        let text = "The target of a baseline is an organizational unit.";
        return Err(ApiError::new("ValidationException", text));
    }
    allowed(context, tower, &id)?;
    if tower.units.contains_key(&id) {
        let text = "The baseline is already enabled on the target.";
        return Err(ApiError::new("ConflictException", text));
    }
    let inside = context.state.child_accounts.get(id.as_str());
    if inside.is_some_and(|all| all.len() > UNIT_ACCOUNTS) {
        let text = "The organizational unit has too many accounts.";
        return Err(ApiError::new("ServiceQuotaExceededException", text));
    }
    let arn = tower.arn(
        &context.state.head.management,
        "enabledbaseline",
        &tower_id(context.state, &id),
    );
    let operation = begin(context, "ENABLE_BASELINE", &id, None)?;
    if let Some(tower) = &mut context.state.tower {
        let unit = TowerUnit {
            baseline: arn.clone(),
            operation: Some(operation.clone()),
        };
        tower.units.insert(id, unit);
    }
    Ok(Output::Members(
        json!({ "operationIdentifier": operation, "arn": arn }),
    ))
}

/// `ResetEnabledBaseline`: enrolls every account of the unit.
fn reset(context: &mut Context<'_>) -> HandlerResult {
    let unit = unit_of(context, context.text("enabledBaselineIdentifier"))?;
    let id = begin(context, "RESET_ENABLED_BASELINE", &unit, None)?;
    Ok(Output::Members(json!({ "operationIdentifier": id })))
}

fn operation(context: &Context<'_>) -> HandlerResult {
    let id = context.text("operationIdentifier");
    let found = need(context)?
        .operations
        .get(id)
        .filter(|it| it.control.is_none());
    let found = found.ok_or_else(|| missing("The operation does not exist."))?;
    let mut row = json!({
        "operationIdentifier": id, "operationType": found.kind, "status": progress(found),
        "startTime": whole_seconds(found.started),
    });
    if let (true, Some(members)) = (found.done, row.as_object_mut()) {
        members.insert("endTime".to_owned(), whole_seconds(found.due).into());
        if let Some(why) = &found.failed {
            members.insert("statusMessage".to_owned(), why.as_str().into());
        }
    }
    Ok(Output::Members(json!({ "baselineOperation": row })))
}
