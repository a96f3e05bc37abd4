//! Policy simulation for a user, a group or a role (IAM API Reference,
//! "`SimulatePrincipalPolicy`"). Refuses policies and keys in the call by name.

use hallpass_iam::Decision;
use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, listed, no_entity, seen_by_name};
use crate::services::{OperationHandler::Reads, OperationRow};
use crate::{
    core::authorize::simulated,
    organization::{Iam, IamPolicies},
};

pub(super) const OPERATIONS: &[OperationRow] = &[("SimulatePrincipalPolicy", Reads(principal))];

/// Refused members that would change the result.
const NOT_SIMULATED: [&str; 8] = [
    "PolicyInputList",
    "PermissionsBoundaryPolicyInputList",
    "PolicyExclusionList",
    "ResourcePolicy",
    "ResourceOwner",
    "CallerArn",
    "ContextEntries",
    "ResourceHandlingOption",
];

fn principal(context: &Context<'_>) -> HandlerResult {
    let given = NOT_SIMULATED.iter().find(|it| {
        let value = context.call.input.get(**it);
        value.is_some_and(|value| !value.is_null() && value != &json!([]))
    });
    if let Some(name) = given {
        let text = format!("iam:SimulatePrincipalPolicy with {name} is not simulated");
        return Err(ApiError::new("InvalidInput", text));
    }
    let iam = seen_by_name(context);
    let arn = context.text("PolicySourceArn");
    let held = held_by(context, &iam, arn)?;
    let account = &context.caller.account;
    let actions = texts(context, "ActionNames");
    let mut resources = texts(context, "ResourceArns");
    if resources.is_empty() {
        resources.push("*");
    }
    let mut rows = Vec::new();
    for action in &actions {
        for resource in &resources {
            let decision = simulated(context.state, account, (arn, &held), (action, resource));
            let row = json!({
                "EvalActionName": action,
                "EvalResourceName": resource,
                "EvalDecision": word(decision),
                "MatchedStatements": [],
                "MissingContextValues": [],
            });
            rows.push((format!("{action} {resource}"), row));
        }
    }
    listed(context, rows)
}

const fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allowed => "allowed",
        Decision::ExplicitlyDenied => "explicitDeny",
        Decision::ImplicitlyDenied => "implicitDeny",
    }
}

fn texts<'a>(context: &'a Context<'_>, name: &str) -> Vec<&'a str> {
    let list = context.call.input.get(name).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.collect()
}

fn held_by<'a>(
    context: &Context<'_>,
    iam: &'a Iam,
    arn: &str,
) -> Result<Vec<&'a IamPolicies>, ApiError> {
    let rest = arn.strip_prefix(&format!("arn:aws:iam::{}:", context.caller.account));
    let (kind, path) = rest
        .and_then(|it| it.split_once('/'))
        .ok_or_else(|| ApiError::new("InvalidInput", format!("Invalid Entity Arn: {arn}")))?;
    let name = path.rsplit('/').next().unwrap_or_default();
    let absent = || no_entity(kind, name);
    let is_it = |other: &str| other.eq_ignore_ascii_case(name);
    match kind {
        "role" => {
            let found = iam.roles.iter().find(|it| is_it(&it.name));
            Ok(vec![&found.ok_or_else(absent)?.permissions])
        }
        "group" => {
            let found = iam.groups.iter().find(|it| is_it(&it.name));
            Ok(vec![&found.ok_or_else(absent)?.permissions])
        }
        "user" => {
            let user = iam.users.iter().find(|it| is_it(&it.name));
            let user = user.ok_or_else(absent)?;
            let groups = iam
                .groups
                .iter()
                .filter(|it| user.groups.contains(&it.name));
            let of_groups = groups.map(|it| &it.permissions);
            Ok(std::iter::once(&user.permissions)
                .chain(of_groups)
                .collect())
        }
        _ => Err(ApiError::new(
            "InvalidInput",
            format!("Invalid Entity Arn: {arn}"),
        )),
    }
}
