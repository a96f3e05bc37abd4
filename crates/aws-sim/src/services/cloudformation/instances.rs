//! Creates and deletes a set's stacks by asynchronous operations.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Context, HandlerResult, Output, find, find_mut, invalid, managed};
use crate::core::{
    errors::ApiError,
    stack_sets::{SimStack, StackOperation, StackResult, stacking},
    state::SimState,
    tree::accounts_below,
    windows::Window,
};
use crate::services::{OperationHandler::Writes, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateStackInstances", Writes(create)),
    ("DeleteStackInstances", Writes(delete)),
];

pub(super) fn in_progress() -> ApiError {
    let text = "Another Operation on StackSet is in progress";
    ApiError::new("OperationInProgressException", text)
}

fn list(value: Option<&Value>) -> Vec<String> {
    let all = value.and_then(Value::as_array).into_iter().flatten();
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Accounts of units and below, with their unit; never the management account (AWS `CloudFormation`
/// User Guide, "Create `CloudFormation` `StackSets` with service-managed permissions").
fn meant(state: &SimState, input: &Value) -> Result<BTreeMap<String, String>, ApiError> {
    let targets = input.get("DeploymentTargets");
    let of = |name: &str| list(targets.and_then(|it| it.get(name)));
    let (units, accounts) = (of("OrganizationalUnitIds"), of("Accounts"));
    if units.is_empty() {
        let text = "OrganizationalUnitIds are required for service-managed permissions";
        return Err(invalid(text));
    }
    let named: BTreeSet<String> = accounts.into_iter().collect();
    let filter = targets.and_then(|it| it.get("AccountFilterType"));
    let filter = filter.and_then(Value::as_str).unwrap_or("NONE");
    if (filter == "NONE") != named.is_empty() {
        return Err(invalid("AccountFilterType and Accounts belong together"));
    }
    let mut found = BTreeMap::new();
    for unit in &units {
        if *unit != state.head.root && state.ou(unit).is_none() {
            return Err(invalid(format!("Organizational unit {unit} is not found.")));
        }
        for account in accounts_below(state, unit) {
            let is_meant = match filter {
                "INTERSECTION" => named.contains(&account),
                "DIFFERENCE" => !named.contains(&account),
                "NONE" => true,
                other => return Err(invalid(format!("{other} is not simulated."))),
            };
            if is_meant && account != state.head.management {
                found.insert(account, unit.clone());
            }
        }
    }
    Ok(found)
}

fn begin(
    context: &mut Context<'_>,
    action: &str,
    results: Vec<StackResult>,
) -> Result<String, ApiError> {
    let own = context.optional("OperationId").map(str::to_owned);
    let set = find(context)?;
    if own.is_some() && set.operations.iter().any(|it| Some(&it.id) == own.as_ref()) {
        let text = "Operation with the specified id already exists";
        return Err(ApiError::new("OperationIdAlreadyExistsException", text));
    }
    if set.is_busy() {
        return Err(in_progress());
    }
    let id = own.unwrap_or_else(|| context.random().uuid());
    let modifiers = &context.call.modifiers;
    let takes = stacking(context.state.settings.speed) + modifiers.stuck_ms;
    let operation = StackOperation {
        id: id.clone(),
        action: action.to_owned(),
        input: context.call.input.clone(),
        started: context.now,
        due: context.now + takes,
        failed: modifiers.fail_async.clone().map(|it| it.reason),
        status: None,
        results,
    };
    context.write(Window::Immediate);
    let set = find_mut(context)?;
    for it in &operation.results {
        let place = (it.account.clone(), it.region.clone());
        let stack = set.stacks.entry(place).or_default();
        stack.unit.clone_from(&it.unit);
        stack.operation.clone_from(&id);
        "PENDING".clone_into(&mut stack.status);
        stack.reason.clear();
    }
    set.operations.push(operation);
    Ok(id)
}

fn pending(account: &str, region: &str, unit: &str) -> StackResult {
    StackResult {
        account: account.to_owned(),
        region: region.to_owned(),
        unit: unit.to_owned(),
        status: "PENDING".to_owned(),
        reason: String::new(),
    }
}

/// `CreateStackInstances`: existing stacks stay.
fn create(context: &mut Context<'_>) -> HandlerResult {
    managed(context)?;
    let set = find(context)?;
    let input = &context.call.input;
    if input.get("ParameterOverrides").is_some() {
        return Err(invalid("ParameterOverrides are not simulated."));
    }
    let accounts = meant(context.state, input)?;
    let mut results = Vec::new();
    for region in list(input.get("Regions")) {
        for (account, unit) in &accounts {
            let there = set.stacks.get(&(account.clone(), region.clone()));
            if there.is_none_or(|it| it.status != "SUCCEEDED") {
                results.push(pending(account, &region, unit));
            }
        }
    }
    let id = begin(context, "CREATE", results)?;
    Ok(Output::Members(json!({ "OperationId": id })))
}

/// `DeleteStackInstances`: resources stay; deleting them is not simulated.
fn delete(context: &mut Context<'_>) -> HandlerResult {
    managed(context)?;
    let set = find(context)?;
    let input = &context.call.input;
    if input.get("RetainStacks") != Some(&Value::Bool(true)) {
        return Err(invalid("Only stacks that are retained are simulated."));
    }
    let (accounts, regions) = (meant(context.state, input)?, list(input.get("Regions")));
    let is_meant = |(account, region): &(String, String), _: &SimStack| {
        accounts.contains_key(account) && regions.contains(region)
    };
    let all = set.stacks.iter().filter(|(place, it)| is_meant(place, it));
    let results = all.map(|((account, region), it)| pending(account, region, &it.unit));
    let id = begin(context, "DELETE", results.collect())?;
    Ok(Output::Members(json!({ "OperationId": id })))
}
