use serde_json::{Value, json};

use super::{
    ApiError, Context, HandlerResult, Output, SimTower, begin, fits, missing, need, progress,
    target,
};
use crate::core::{control_tower::tower_id, issue::whole_seconds};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListEnabledControls", Reads(list)),
    ("ResetEnabledControl", Writes(reset)),
    ("GetControlOperation", Reads(operation)),
];

fn control_arn(tower: &SimTower, name: &str) -> String {
    format!(
        "arn:aws:controltower:{}::control/{name}",
        tower.basis.home_region
    )
}

fn is_changing(tower: &SimTower, arn: &str) -> bool {
    let mut operations = tower.operations.values();
    operations.any(|it| !it.done && it.control.as_deref() == Some(arn))
}

fn holding(context: &Context<'_>, tower: &SimTower, (arn, unit): (&str, &str)) -> Vec<String> {
    if !tower.units.contains_key(unit) {
        let all = context.state.accounts.iter().map(|(_, row)| row);
        let inside = all.filter(|it| *it.parent == *unit && it.is_active());
        return inside.map(|it| it.id.to_string()).collect();
    }
    let enrolled = tower.accounts.iter().filter(|(_, it)| {
        it.ready <= context.now && it.failed.is_none() && it.controls.contains(arn)
    });
    enrolled.map(|(id, _)| id.clone()).collect()
}

fn rows(context: &Context<'_>, tower: &SimTower, with_children: bool) -> Vec<Value> {
    let mut all = Vec::new();
    for (arn, control) in &tower.controls {
        let changing = is_changing(tower, arn);
        let status = if changing {
            "UNDER_CHANGE"
        } else {
            "SUCCEEDED"
        };
        let identifier = control_arn(tower, &control.control);
        all.push(json!({
            "arn": arn, "controlIdentifier": identifier, "targetIdentifier": target(context, "ou", &control.unit),
            "statusSummary": { "status": status }, "driftStatusSummary": { "driftStatus": "IN_SYNC" },
        }));
        let holding = holding(context, tower, (arn, &control.unit));
        for id in holding.iter().filter(|_| with_children) {
            let own = tower_id(context.state, &format!("{arn} {id}"));
            all.push(json!({
                "arn": tower.arn(&context.state.head.management, "enabledcontrol", &own),
                "controlIdentifier": identifier, "targetIdentifier": target(context, "account", id),
                "statusSummary": { "status": "SUCCEEDED" }, "driftStatusSummary": { "driftStatus": "IN_SYNC" },
                "parentIdentifier": arn,
            }));
        }
    }
    all
}

/// `ListEnabledControls`: of units, and with `includeChildren` of their accounts.
fn list(context: &Context<'_>) -> HandlerResult {
    let tower = need(context)?;
    let input = &context.call.input;
    let with_children = input.get("includeChildren") == Some(&Value::Bool(true));
    let (filter, of) = (input.get("filter"), context.optional("targetIdentifier"));
    let is_wanted = |row: &Value| {
        let text = |pointer: &str| row.pointer(pointer).and_then(Value::as_str);
        let of_target = of.is_none_or(|of| {
            let parent = text("/parentIdentifier").and_then(|arn| tower.controls.get(arn));
            let parent = parent.map(|it| target(context, "ou", &it.unit));
            text("/targetIdentifier") == Some(of) || parent.as_deref() == Some(of)
        });
        of_target
            && fits(filter, "controlIdentifiers", text("/controlIdentifier"))
            && fits(filter, "parentIdentifiers", text("/parentIdentifier"))
            && fits(filter, "statuses", text("/statusSummary/status"))
    };
    let found = rows(context, tower, with_children).into_iter();
    let found = found.filter(is_wanted).map(|row| {
        let arn = row.get("arn").and_then(Value::as_str).unwrap_or_default();
        (arn.to_owned(), row)
    });
    context.listing(found.collect())
}

/// `ResetEnabledControl`: reapplies it in every enrolled account.
fn reset(context: &mut Context<'_>) -> HandlerResult {
    let arn = context.text("enabledControlIdentifier").to_owned();
    let found = need(context)?.controls.get(&arn).cloned();
    let control = found.ok_or_else(|| missing("The enabled control does not exist."))?;
    let id = begin(context, "RESET_ENABLED_CONTROL", &control.unit, Some(arn))?;
    Ok(Output::Members(json!({ "operationIdentifier": id })))
}

fn operation(context: &Context<'_>) -> HandlerResult {
    let (tower, id) = (need(context)?, context.text("operationIdentifier"));
    let none = || -> ApiError { missing("The operation does not exist.") };
    let found = tower.operations.get(id).ok_or_else(none)?;
    let arn = found.control.clone().ok_or_else(none)?;
    let control = tower.controls.get(&arn).ok_or_else(none)?;
    let mut row = json!({
        "operationIdentifier": id, "operationType": found.kind, "status": progress(found),
        "startTime": whole_seconds(found.started), "enabledControlIdentifier": arn,
        "controlIdentifier": control_arn(tower, &control.control),
        "targetIdentifier": target(context, "ou", &found.unit),
    });
    if let (true, Some(members)) = (found.done, row.as_object_mut()) {
        members.insert("endTime".to_owned(), whole_seconds(found.due).into());
        if let Some(why) = &found.failed {
            members.insert("statusMessage".to_owned(), why.as_str().into());
        }
    }
    Ok(Output::Members(json!({ "controlOperation": row })))
}
