use std::collections::{BTreeMap, BTreeSet};

use hallpass_aws::NeededAction;
use hallpass_iam::facts;
use hallpass_rules::GroupRef;
use serde_json::{Value, json};

pub(in crate::doctor) fn partition(region: &str) -> &'static str {
    match region.split('-').collect::<Vec<_>>().as_slice() {
        ["cn", ..] => "aws-cn",
        ["us", "gov", ..] => "aws-us-gov",
        _ => "aws",
    }
}

pub(super) fn actions(wanted: impl Fn(&NeededAction) -> bool) -> Vec<&'static str> {
    hallpass_aws::actions()
        .iter()
        .filter(|action| wanted(action))
        .map(|action| action.name)
        .collect()
}

/// ARN patterns of an action's resource types; empty for an action that needs `*`.
pub(super) fn resources(action: &str, partition: &str) -> BTreeSet<String> {
    let Some(action) = facts::action(action) else {
        return BTreeSet::new();
    };
    let Some(service) = facts::service(action.service) else {
        return BTreeSet::new();
    };
    let types = action.resource_types.iter();
    types
        .filter_map(|used| service.resource_type(used.name))
        .flat_map(|kind| &kind.arns)
        .map(|arn| every(arn.as_str(), partition))
        .collect()
}

/// `arn:${Partition}:sso:::account/${AccountId}` as `arn:aws:sso:::account/*`.
pub(super) fn every(pattern: &str, partition: &str) -> String {
    let mut text = String::new();
    for piece in pattern.replace("${Partition}", partition).split("${") {
        match piece.split_once('}') {
            Some((_, rest)) => {
                text.push('*');
                text.push_str(rest);
            }
            None => text.push_str(piece),
        }
    }
    text
}

pub(super) fn allow(name: &str, actions: &[&'static str], partition: &str) -> Vec<Value> {
    let mut by_resources: BTreeMap<BTreeSet<String>, Vec<&str>> = BTreeMap::new();
    for action in actions {
        let on = resources(action, partition);
        by_resources.entry(on).or_default().push(action);
    }
    let (on_nothing, on_some): (Vec<_>, Vec<_>) =
        by_resources.into_iter().partition(|(on, _)| on.is_empty());
    // one statement for all: each action matches only its own resource types
    let mut kinds = BTreeSet::new();
    let mut of_kinds = Vec::new();
    for (on, actions) in on_some {
        kinds.extend(on);
        of_kinds.extend(actions);
    }
    let mut statements = Vec::new();
    if !of_kinds.is_empty() {
        statements.push(statement(name, &of_kinds, &json!(kinds)));
    }
    for (_, actions) in on_nothing {
        statements.push(statement(
            &format!("{name}Everywhere"),
            &actions,
            &json!("*"),
        ));
    }
    statements
}

pub(in crate::doctor) fn statement(name: &str, actions: &[&str], resource: &Value) -> Value {
    json!({"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resource})
}

pub(super) fn memberships(groups: &BTreeSet<GroupRef>, partition: &str) -> Vec<String> {
    let ids = groups.iter().filter_map(|group| match group {
        GroupRef::Id(id) => Some(format!("arn:{partition}:identitystore:::group/{id}")),
        GroupRef::Name(_) | GroupRef::OnCall(_) => None,
    });
    let named = groups
        .iter()
        .any(|group| matches!(group, GroupRef::Name(_)));
    // names are unknown until resolved
    let mut resources = if named {
        vec![format!("arn:{partition}:identitystore:::group/*")]
    } else {
        ids.collect()
    };
    resources.extend(
        // AWS also checks the directory, next to group, user and membership
        [
            "identitystore::*:identitystore/*",
            "identitystore:::user/*",
            "identitystore:::membership/*",
        ]
        .map(|kind| format!("arn:{partition}:{kind}")),
    );
    resources
}

/// Additional permissions for the management account, where Identity Center acts with the caller's
/// IAM permissions. AWS does not document this, but issue trackers of AWS's TEAM and landing zones
/// report it. Only ending access needs less.
pub(in crate::doctor) fn in_management_account(ends_only: bool, partition: &str) -> Vec<Value> {
    const LOOK: [&str; 3] = [
        "iam:GetRole",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
    ];
    const MAKE: [&str; 5] = [
        "iam:CreateRole",
        "iam:AttachRolePolicy",
        "iam:PutRolePolicy",
        "iam:UpdateRole",
        "iam:UpdateRoleDescription",
    ];
    const REMOVE: [&str; 3] = [
        "iam:DetachRolePolicy",
        "iam:DeleteRolePolicy",
        "iam:DeleteRole",
    ];
    // the next assignment renews its certificate
    const PROVIDER: [&str; 3] = [
        "iam:GetSAMLProvider",
        "iam:CreateSAMLProvider",
        "iam:UpdateSAMLProvider",
    ];
    let roles = json!(format!(
        "arn:{partition}:iam::*:role/aws-reserved/sso.amazonaws.com/*"
    ));
    let provider = json!(format!(
        "arn:{partition}:iam::*:saml-provider/AWSSSO_*_DO_NOT_DELETE"
    ));
    let name = "ManagementAccountRoles";
    if ends_only {
        return vec![statement(name, &[&LOOK[..], &REMOVE].concat(), &roles)];
    }
    vec![
        statement(name, &[&LOOK[..], &MAKE, &REMOVE].concat(), &roles),
        statement("ManagementAccountProvider", &PROVIDER, &provider),
    ]
}

/// Adds the permissions on the instance's encryption key: `kms:Decrypt` through both services, for
/// their own data (IAM Identity Center User Guide, "Baseline KMS key and IAM policy statements" and
/// "Advanced KMS key policy statements").
pub(in crate::doctor) fn with_key(
    mut statements: Vec<Value>,
    key: &str,
    partition: &str,
) -> Vec<Value> {
    let services = [
        (
            "sso",
            "UseKeyForInstance",
            "sso:instance-arn",
            "sso:::instance/*",
        ),
        (
            "identitystore",
            "UseKeyForIdentityStore",
            "identitystore:identitystore-arn",
            "identitystore::*:identitystore/*",
        ),
    ];
    for (service, name, context, data) in services {
        let calls = |it: &Value| {
            let actions = it["Action"].as_array().into_iter().flatten();
            let mut names = actions.filter_map(Value::as_str);
            names.any(|action| action.split_once(':').is_some_and(|(it, _)| it == service))
        };
        if statements.iter().any(calls) {
            let context = format!("kms:EncryptionContext:aws:{context}");
            statements.push(json!({
                "Sid": name, "Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": key, "Condition": {
                    "StringLike": { "kms:ViaService": format!("{service}.*.amazonaws.com") },
                    "ArnLike": { context: format!("arn:{partition}:{data}") },
                },
            }));
        }
    }
    statements
}

pub(in crate::doctor) fn policy(statements: &[Value]) -> String {
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    let text = serde_json::to_string_pretty(&policy).unwrap_or_default();
    format!("{text}\n")
}
