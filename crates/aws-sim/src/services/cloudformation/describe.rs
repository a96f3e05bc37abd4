//! Reads of stack sets, stacks and operations.

use serde_json::{Value, json};

use super::{Context, HandlerResult, Output, find, managed, place};
use crate::core::{
    errors::ApiError,
    issue::whole_seconds,
    stack_sets::{SimStack, SimStackSet, StackOperation, StackPlace},
};
use crate::services::{OperationHandler::Reads, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("DescribeStackSet", Reads(set)),
    ("ListStackSets", Reads(sets)),
    ("DescribeStackInstance", Reads(instance)),
    ("ListStackInstances", Reads(instances)),
    ("DescribeStackSetOperation", Reads(operation)),
    ("ListStackSetOperations", Reads(operations)),
    ("ListStackSetOperationResults", Reads(results)),
];

fn refuse_filters(context: &Context<'_>) -> Result<(), ApiError> {
    if context.call.input.get("Filters").is_some() {
        return Err(super::invalid("Filters are not simulated."));
    }
    Ok(())
}

fn sparse(row: Value) -> Value {
    let Value::Object(members) = row else {
        return row;
    };
    let said = members
        .into_iter()
        .filter(|(_, it)| !it.is_null() && it.as_str() != Some(""));
    Value::Object(said.collect())
}

fn summary(set: &SimStackSet) -> Value {
    sparse(json!({
        "StackSetName": set.member("StackSetName"), "StackSetId": set.id, "Status": "ACTIVE",
        "Description": set.member("Description"), "AutoDeployment": set.member("AutoDeployment"),
        "PermissionModel": "SERVICE_MANAGED", "DriftStatus": "NOT_CHECKED",
    }))
}

fn set(context: &Context<'_>) -> HandlerResult {
    managed(context)?;
    let set = find(context)?;
    let (account, region) = place(context);
    let mut row = json!({
        "StackSetARN": format!("arn:aws:cloudformation:{region}:{account}:stackset/{}", set.id),
        "TemplateBody": set.member("TemplateBody"),
        "Parameters": set.member("Parameters").cloned().unwrap_or_else(|| json!([])),
        "Capabilities": set.member("Capabilities"), "Tags": json!([]), "ManagedExecution": { "Active": false },
        "OrganizationalUnitIds": units(set),
    });
    if let (Some(members), Value::Object(more)) = (row.as_object_mut(), summary(set)) {
        members.extend(more);
        members.remove("DriftStatus");
    }
    Ok(Output::Members(json!({ "StackSet": sparse(row) })))
}

fn units(set: &SimStackSet) -> Vec<&str> {
    let mut all: Vec<&str> = set.stacks.values().map(|it| it.unit.as_str()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn sets(context: &Context<'_>) -> HandlerResult {
    managed(context)?;
    let here = context.state.stack_sets.get(&place(context));
    let wanted = context.optional("Status").unwrap_or("ACTIVE");
    let all = here.into_iter().flatten().filter(|_| wanted == "ACTIVE");
    context.listing(all.map(|(name, it)| (name.clone(), summary(it))).collect())
}

fn shown(set: &SimStackSet, (account, region): &StackPlace, it: &SimStack) -> Value {
    let status = if it.status == "SUCCEEDED" {
        "CURRENT"
    } else {
        "OUTDATED"
    };
    sparse(json!({
        "StackSetId": set.id, "Account": account, "Region": region, "StackId": it.id, "Status": status,
        "StackInstanceStatus": { "DetailedStatus": it.status }, "StatusReason": it.reason,
        "OrganizationalUnitId": it.unit, "DriftStatus": "NOT_CHECKED", "LastOperationId": it.operation,
    }))
}

fn instance(context: &Context<'_>) -> HandlerResult {
    managed(context)?;
    let set = find(context)?;
    let named = |name| context.text(name).to_owned();
    let at = (named("StackInstanceAccount"), named("StackInstanceRegion"));
    let Some(stack) = set.stacks.get(&at) else {
        let text = format!(
            "Stack instance for account {} in Region {} is not found in StackSet",
            at.0, at.1
        );
        return Err(ApiError::new("StackInstanceNotFoundException", text));
    };
    let mut row = shown(set, &at, stack);
    if let Some(members) = row.as_object_mut() {
        members.insert("ParameterOverrides".to_owned(), json!([]));
    }
    Ok(Output::Members(json!({ "StackInstance": row })))
}

fn instances(context: &Context<'_>) -> HandlerResult {
    managed(context)?;
    refuse_filters(context)?;
    let set = find(context)?;
    let fits = |name: &str, is: &str| context.optional(name).is_none_or(|it| it == is);
    let all = set.stacks.iter().filter(|((account, region), _)| {
        fits("StackInstanceAccount", account) && fits("StackInstanceRegion", region)
    });
    let rows = all.map(|(at, it)| (format!("{} {}", at.0, at.1), shown(set, at, it)));
    context.listing(rows.collect())
}

fn operation_row(set: &SimStackSet, it: &StackOperation) -> Value {
    let failed = it.results.iter().filter(|it| it.status == "FAILED").count();
    sparse(json!({
        "OperationId": it.id, "StackSetId": set.id, "Action": it.action,
        "Status": it.status.as_deref().unwrap_or("RUNNING"),
        "CreationTimestamp": whole_seconds(it.started),
        "EndTimestamp": it.status.as_ref().map(|_| whole_seconds(it.due)),
        "StatusDetails": { "FailedStackInstancesCount": failed },
    }))
}

fn find_operation<'a>(
    context: &Context<'_>,
    set: &'a SimStackSet,
) -> Result<&'a StackOperation, ApiError> {
    let id = context.text("OperationId");
    set.operations.iter().find(|it| it.id == id).ok_or_else(|| {
        let text = format!("Operation {id} is not found");
        ApiError::new("OperationNotFoundException", text)
    })
}

fn operation(context: &Context<'_>) -> HandlerResult {
    managed(context)?;
    let set = find(context)?;
    let it = find_operation(context, set)?;
    let mut row = operation_row(set, it);
    let input = |name: &str| it.input.get(name).cloned().unwrap_or_default();
    if let Some(members) = row.as_object_mut() {
        for name in ["DeploymentTargets", "OperationPreferences"] {
            if !input(name).is_null() {
                members.insert(name.to_owned(), input(name));
            }
        }
    }
    Ok(Output::Members(json!({ "StackSetOperation": row })))
}

/// `ListStackSetOperations`: the newest first.
fn operations(context: &Context<'_>) -> HandlerResult {
    managed(context)?;
    let set = find(context)?;
    let rows = set.operations.iter().rev().enumerate();
    let rows = rows.map(|(place, it)| (format!("{place:08}"), operation_row(set, it)));
    context.listing(rows.collect())
}

fn results(context: &Context<'_>) -> HandlerResult {
    managed(context)?;
    refuse_filters(context)?;
    let set = find(context)?;
    let rows = find_operation(context, set)?.results.iter().map(|it| {
        let row = sparse(json!({
            "Account": it.account, "Region": it.region, "Status": it.status, "StatusReason": it.reason,
            "OrganizationalUnitId": it.unit,
        }));
        (format!("{} {}", it.region, it.account), row)
    });
    context.listing(rows.collect())
}
