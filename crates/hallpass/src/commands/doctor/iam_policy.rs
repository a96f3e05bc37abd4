//! The least IAM policy the server needs (`access.md` §13.5), limited to the groups rules name.

use std::collections::BTreeSet;

use hallpass_rules::GroupRef;
use serde_json::json;

fn actions(wanted: fn(&hallpass_aws::Action) -> bool) -> Vec<&'static str> {
    hallpass_aws::actions()
        .iter()
        .filter(|action| wanted(action))
        .map(|action| action.name)
        .collect()
}

/// What a statement about memberships of these groups is limited to.
fn memberships(groups: &BTreeSet<GroupRef>) -> Vec<String> {
    let ids = groups.iter().filter_map(|group| match group {
        GroupRef::Id(id) => Some(format!("arn:aws:identitystore:::group/{id}")),
        GroupRef::Name(_) => None,
    });
    let named = groups
        .iter()
        .any(|group| matches!(group, GroupRef::Name(_)));
    // names cannot be limited before they are resolved
    let mut resources = if named {
        vec!["arn:aws:identitystore:::group/*".to_owned()]
    } else {
        ids.collect()
    };
    resources.extend(
        // AWS asks for the directory itself too, beside group, person and membership
        [
            "arn:aws:identitystore::*:identitystore/*",
            "arn:aws:identitystore:::user/*",
            "arn:aws:identitystore:::membership/*",
        ]
        .map(str::to_owned),
    );
    resources
}

fn policy(statements: &[serde_json::Value]) -> String {
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    // a JSON value always has a text
    let text = serde_json::to_string_pretty(&policy).unwrap_or_default();
    format!("{text}\n")
}

/// The least policy of a guard: looks, and takes away.
pub(super) fn for_guard(groups: &BTreeSet<GroupRef>) -> String {
    let statement = |name: &str, actions: Vec<&str>, resource: serde_json::Value| json!({"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resource});
    let mut statements = vec![
        statement("Look", actions(|it| it.guard && !it.writes), json!("*")),
        statement(
            "EndAssignments",
            actions(|it| it.guard && it.writes && it.name.starts_with("sso:")),
            json!("*"),
        ),
    ];
    if !groups.is_empty() {
        statements.push(statement(
            "EndMemberships",
            actions(|it| it.guard && it.writes && it.name.starts_with("identitystore:")),
            json!(memberships(groups)),
        ));
    }
    policy(&statements)
}

/// The policy of the server, as JSON text; `others` are statements of parts that are configured.
pub(super) fn text(groups: &BTreeSet<GroupRef>, others: &[serde_json::Value]) -> String {
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
        statements.push(json!({
            "Sid": "Memberships",
            "Effect": "Allow",
            "Action": actions(|action| action.writes && action.name.starts_with("identitystore:")),
            "Resource": memberships(groups),
        }));
    }
    // whoever runs no plans and ends no sessions leaves this out
    statements.push(json!({
        "Sid": "Plans",
        "Effect": "Allow",
        "Action": actions(|action| action.plans),
        "Resource": "*",
    }));
    statements.extend_from_slice(others);
    policy(&statements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guards_policy_gives_nothing() {
        let groups = BTreeSet::from([GroupRef::Name("oncall".to_owned())]);
        let text = for_guard(&groups);
        for verb in ["Create", "Update", "Attach", "Put", "Tag", "Provision"] {
            assert!(!text.contains(&format!(":{verb}")), "{verb} is in\n{text}");
        }
        for action in [
            "sso:ListInstances",
            "sso:ListAccountAssignments",
            "sso:DescribeAccountAssignmentDeletionStatus",
            "sso:DeleteAccountAssignment",
            "identitystore:ListGroupMemberships",
            "identitystore:GetGroupMembershipId",
            "identitystore:DeleteGroupMembership",
            "identitystore:DescribeUser",
            "identitystore:DescribeGroup",
            "organizations:DescribeAccount",
        ] {
            assert!(
                text.contains(&format!("\"{action}\"")),
                "{action} is not in\n{text}"
            );
        }
        let policy: serde_json::Value = serde_json::from_str(&text).unwrap();
        let statements = policy["Statement"].as_array().unwrap().iter();
        let actions: usize = statements
            .map(|it| it["Action"].as_array().unwrap().len())
            .sum();
        assert_eq!(actions, 10, "{text}");
        assert!(!for_guard(&BTreeSet::new()).contains("DeleteGroupMembership"));
    }
}
