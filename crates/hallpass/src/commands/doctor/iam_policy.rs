//! The least IAM policy the server needs (`access.md` §13.5), limited to the groups rules name.

use std::collections::BTreeSet;

use hallpass_rules::GroupRef;
use serde_json::json;

/// The policy, as JSON text.
pub(super) fn text(groups: &BTreeSet<GroupRef>) -> String {
    let memberships: Vec<String> = groups
        .iter()
        .filter_map(|group| match group {
            GroupRef::Id(id) => Some(format!("arn:aws:identitystore:::group/{id}")),
            GroupRef::Name(_) => None,
        })
        .collect();
    let named = groups
        .iter()
        .any(|group| matches!(group, GroupRef::Name(_)));
    let actions = |wanted: fn(&hallpass_aws::Action) -> bool| -> Vec<&str> {
        hallpass_aws::actions()
            .iter()
            .filter(|a| wanted(a))
            .map(|a| a.name)
            .collect()
    };
    let mut statements = vec![
        json!({
            "Sid": "Read",
            "Effect": "Allow",
            "Action": actions(|action| !action.writes && !action.plans),
            "Resource": "*",
        }),
        json!({
            "Sid": "Assignments",
            "Effect": "Allow",
            "Action": actions(|action| action.writes && action.name.starts_with("sso:")),
            "Resource": "*",
        }),
    ];
    if !groups.is_empty() {
        // names cannot be limited before they are resolved
        let mut resources = if named {
            vec!["arn:aws:identitystore:::group/*".to_owned()]
        } else {
            memberships
        };
        resources.extend(
            [
                "arn:aws:identitystore:::user/*",
                "arn:aws:identitystore:::membership/*",
            ]
            .map(str::to_owned),
        );
        statements.push(json!({
            "Sid": "Memberships",
            "Effect": "Allow",
            "Action": actions(|action| action.writes && action.name.starts_with("identitystore:")),
            "Resource": resources,
        }));
    }
    // whoever runs no plans leaves this out
    statements.push(json!({
        "Sid": "Plans",
        "Effect": "Allow",
        "Action": actions(|action| action.plans),
        "Resource": "*",
    }));
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    // a JSON value always has a text
    let text = serde_json::to_string_pretty(&policy).unwrap_or_default();
    format!("{text}\n")
}
