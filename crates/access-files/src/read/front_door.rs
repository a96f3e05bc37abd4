//! Checks a permission set against the limits of AWS's API: lengths, characters, names.

use hallpass_aws_model::{Invalid, tables, validate};
use serde_json::{Value, json};

use crate::state::{CustomerPolicy, PermissionSetContent, PermissionsBoundary};

// Any valid ARN: only the file's content is checked.
const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-0000000000000000";
const SET: &str = "arn:aws:sso:::permissionSet/ssoins-0000000000000000/ps-0000000000000000";

/// Returns AWS's reasons to refuse the calls that write this set.
pub(super) fn refused(name: &str, content: &PermissionSetContent) -> Vec<String> {
    let Some(service) = tables().service("sso-admin") else {
        return vec!["no model of IAM Identity Center (this is a bug)".to_owned()];
    };
    let mut found = Vec::new();
    for (operation, mut input) in calls(name, content) {
        if let Some(members) = input.as_object_mut() {
            members.insert("InstanceArn".to_owned(), INSTANCE.into());
        }
        let Some(operation) = service.operation(operation) else {
            found.push(format!("no model of `{operation}` (this is a bug)"));
            continue;
        };
        match validate(service, operation, &input) {
            Ok(()) => {}
            Err(Invalid::Violations(violations)) => {
                found.extend(violations.iter().map(|it| {
                    let character = unusual(&it.shown);
                    let (path, constraint) = (&it.path, &it.constraint);
                    format!("AWS refuses `{path}`{character}: {constraint}")
                }));
            }
            Err(invalid) => found.push(format!("AWS refuses it: {invalid}")),
        }
    }
    found
}

fn unusual(shown: &str) -> String {
    let is_unusual = |it: &char| *it > '\u{ff}' || it.is_control();
    let found = shown.chars().find(is_unusual);
    found.map_or_else(String::new, |it| {
        format!(", which has U+{:04X}", u32::from(it))
    })
}

fn calls(name: &str, content: &PermissionSetContent) -> Vec<(&'static str, Value)> {
    let tags = content.tags.iter();
    let tags: Vec<Value> = tags
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect();
    let mut calls = vec![(
        "CreatePermissionSet",
        json!({
            "Name": name,
            "Description": content.description,
            "RelayState": content.relay_state,
            "Tags": tags,
        }),
    )];
    for arn in &content.managed_policies {
        let input = json!({ "PermissionSetArn": SET, "ManagedPolicyArn": arn });
        calls.push(("AttachManagedPolicyToPermissionSet", input));
    }
    for policy in &content.customer_managed_policies {
        let input = json!({
            "PermissionSetArn": SET,
            "CustomerManagedPolicyReference": reference(policy),
        });
        let operation = "AttachCustomerManagedPolicyReferenceToPermissionSet";
        calls.push((operation, input));
    }
    if let Some(policy) = &content.inline_policy {
        let input = json!({ "PermissionSetArn": SET, "InlinePolicy": policy.to_string() });
        calls.push(("PutInlinePolicyToPermissionSet", input));
    }
    if let Some(boundary) = &content.permissions_boundary {
        let boundary = match boundary {
            PermissionsBoundary::Managed(arn) => json!({ "ManagedPolicyArn": arn }),
            PermissionsBoundary::Customer(policy) => {
                json!({ "CustomerManagedPolicyReference": reference(policy) })
            }
        };
        let input = json!({ "PermissionSetArn": SET, "PermissionsBoundary": boundary });
        calls.push(("PutPermissionsBoundaryToPermissionSet", input));
    }
    calls
}

fn reference(policy: &CustomerPolicy) -> Value {
    json!({ "Name": policy.name, "Path": policy.path })
}
