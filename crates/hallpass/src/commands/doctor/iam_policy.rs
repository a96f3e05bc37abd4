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
    let named = groups.iter().any(|group| matches!(group, GroupRef::Name(_)));
    let mut statements = vec![
        json!({
            "Sid": "Assignments",
            "Effect": "Allow",
            "Action": [
                "sso:ListInstances", "sso:ListPermissionSets", "sso:DescribePermissionSet",
                "sso:ListAccountAssignments", "sso:CreateAccountAssignment", "sso:DeleteAccountAssignment",
                "sso:DescribeAccountAssignmentCreationStatus", "sso:DescribeAccountAssignmentDeletionStatus",
            ],
            "Resource": "*",
        }),
        json!({
            "Sid": "ReadOrganization",
            "Effect": "Allow",
            "Action": [
                "organizations:DescribeOrganization", "organizations:DescribeAccount",
                "organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent",
                "organizations:ListRoots", "organizations:ListDelegatedAdministrators",
            ],
            "Resource": "*",
        }),
        json!({
            "Sid": "ReadDirectory",
            "Effect": "Allow",
            "Action": [
                "identitystore:ListUsers", "identitystore:DescribeUser", "identitystore:ListGroups",
                "identitystore:DescribeGroup", "identitystore:ListGroupMemberships",
                "identitystore:GetGroupMembershipId",
            ],
            "Resource": "*",
        }),
    ];
    if !groups.is_empty() {
        // names cannot be limited before they are resolved
        let mut resources = if named { vec!["arn:aws:identitystore:::group/*".to_owned()] } else { memberships };
        resources.extend(["arn:aws:identitystore:::user/*", "arn:aws:identitystore:::membership/*"].map(str::to_owned));
        statements.push(json!({
            "Sid": "Memberships",
            "Effect": "Allow",
            "Action": ["identitystore:CreateGroupMembership", "identitystore:DeleteGroupMembership"],
            "Resource": resources,
        }));
    }
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    // a JSON value always has a text
    let text = serde_json::to_string_pretty(&policy).unwrap_or_default();
    format!("{text}\n")
}
