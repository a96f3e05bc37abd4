//! Every answer against the service models: required members, types, nothing unknown.

use hallpass_aws_model::{check_output, tables};
use serde_json::{Value, json};

use crate::bench::Bench;

/// Members that the newest models have and these tables may not yet.
const NEWER: &[&str] = &[
    "UserArn",
    "GroupArn",
    "MembershipArn",
    "Revision",
    "PrimaryRegion",
    "Regions",
];

#[tokio::test]
async fn reads_are_what_the_models_say() {
    let bench = Bench::small().await;
    let (mara, account, set) = (
        bench.user("mara.lindqvist"),
        bench.account("payments-dev"),
        bench.set("ReadOnly"),
    );
    let file = bench.file();
    let group = &file
        .identity_center
        .groups
        .iter()
        .find(|group| group.name == "payments-eng")
        .unwrap()
        .id;
    let root = &file.organization.root;
    let ou = &file.ous[0].id;
    let member = json!({ "UserId": mara });
    let table = [
        ("sso:ListInstances", json!({})),
        ("sso:DescribeInstance", json!({})),
        ("sso:ListPermissionSets", json!({})),
        (
            "sso:DescribePermissionSet",
            json!({ "PermissionSetArn": set }),
        ),
        (
            "sso:ListManagedPoliciesInPermissionSet",
            json!({ "PermissionSetArn": set }),
        ),
        (
            "sso:ListCustomerManagedPolicyReferencesInPermissionSet",
            json!({ "PermissionSetArn": set }),
        ),
        (
            "sso:GetInlinePolicyForPermissionSet",
            json!({ "PermissionSetArn": set }),
        ),
        ("sso:ListTagsForResource", json!({ "ResourceArn": set })),
        (
            "sso:ListAccountAssignments",
            json!({ "AccountId": account, "PermissionSetArn": set }),
        ),
        (
            "sso:ListAccountAssignmentsForPrincipal",
            json!({ "PrincipalId": mara, "PrincipalType": "USER" }),
        ),
        (
            "sso:ListPermissionSetsProvisionedToAccount",
            json!({ "AccountId": account }),
        ),
        (
            "sso:ListAccountsForProvisionedPermissionSet",
            json!({ "PermissionSetArn": set }),
        ),
        (
            "sso:CreateAccountAssignment",
            bench.row("payments-prod", "PowerUser", &mara),
        ),
        (
            "sso:DeleteAccountAssignment",
            bench.row("payments-dev", "PowerUser", &mara),
        ),
        ("sso:ListAccountAssignmentCreationStatus", json!({})),
        ("sso:ListAccountAssignmentDeletionStatus", json!({})),
        (
            "sso:ProvisionPermissionSet",
            json!({ "PermissionSetArn": set, "TargetType": "ALL_PROVISIONED_ACCOUNTS" }),
        ),
        ("sso:ListPermissionSetProvisioningStatus", json!({})),
        ("identitystore:ListUsers", json!({})),
        ("identitystore:DescribeUser", json!({ "UserId": mara })),
        ("identitystore:ListGroups", json!({})),
        ("identitystore:DescribeGroup", json!({ "GroupId": group })),
        (
            "identitystore:ListGroupMemberships",
            json!({ "GroupId": group }),
        ),
        (
            "identitystore:ListGroupMembershipsForMember",
            json!({ "MemberId": member }),
        ),
        (
            "identitystore:IsMemberInGroups",
            json!({ "MemberId": member, "GroupIds": [group] }),
        ),
        (
            "identitystore:GetGroupMembershipId",
            json!({ "MemberId": member, "GroupId": group }),
        ),
        (
            "identitystore:CreateGroup",
            json!({ "DisplayName": "answers" }),
        ),
        ("organizations:DescribeOrganization", json!({})),
        ("organizations:ListRoots", json!({})),
        ("organizations:ListAccounts", json!({})),
        (
            "organizations:DescribeAccount",
            json!({ "AccountId": account }),
        ),
        ("organizations:ListParents", json!({ "ChildId": account })),
        (
            "organizations:ListChildren",
            json!({ "ParentId": root, "ChildType": "ORGANIZATIONAL_UNIT" }),
        ),
        (
            "organizations:ListChildren",
            json!({ "ParentId": root, "ChildType": "ACCOUNT" }),
        ),
        (
            "organizations:ListAccountsForParent",
            json!({ "ParentId": ou }),
        ),
        (
            "organizations:ListOrganizationalUnitsForParent",
            json!({ "ParentId": root }),
        ),
        (
            "organizations:DescribeOrganizationalUnit",
            json!({ "OrganizationalUnitId": ou }),
        ),
        (
            "organizations:ListTagsForResource",
            json!({ "ResourceId": account }),
        ),
        ("organizations:ListDelegatedAdministrators", json!({})),
        (
            "organizations:ListAWSServiceAccessForOrganization",
            json!({}),
        ),
    ];
    let mut wrong = Vec::new();
    for (call, input) in table {
        let answer = bench.call(call, input).await;
        let (service, name) = call.split_once(':').unwrap();
        let service = tables().by_signing_name(service).unwrap();
        let operation = service.operation(name).unwrap();
        if answer.status != 200 {
            wrong.push(format!("{call}: {}", answer.text));
            continue;
        }
        let found = check_output(service, operation, &answer.json())
            .err()
            .unwrap_or_default();
        let found = found.into_iter().filter(|one| {
            let last = one.path.rsplit('.').next().unwrap_or_default();
            !(NEWER.contains(&last) || one.path.contains("Regions"))
        });
        wrong.extend(found.map(|one| format!("{call}: {} {}", one.path, one.problem)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn organizations_answers_in_its_own_words() {
    let bench = Bench::small().await;
    let file = bench.file();
    let root = file.organization.root.clone();
    let account = bench.account("payments-dev");
    let sandbox = &file.ous.iter().find(|ou| ou.name == "Sandbox").unwrap().id;
    let unknown_ou = format!("ou-{}-aaaaaaaa", root.trim_start_matches("r-"));
    let parent = bench
        .call("organizations:ListParents", json!({ "ChildId": account }))
        .await
        .json();
    let parent = parent["Parents"][0]["Id"].clone();
    let relocate = |from: &Value, to: &str| json!({ "AccountId": account, "SourceParentId": from, "DestinationParentId": to });
    let table = [
        (
            "DescribeAccount",
            json!({ "AccountId": "000000000000" }),
            "AccountNotFoundException",
        ),
        (
            "DescribeAccount",
            json!({ "AccountId": "12345" }),
            "InvalidInputException",
        ),
        (
            "DescribeOrganizationalUnit",
            json!({ "OrganizationalUnitId": unknown_ou }),
            "OrganizationalUnitNotFoundException",
        ),
        (
            "ListAccountsForParent",
            json!({ "ParentId": unknown_ou }),
            "ParentNotFoundException",
        ),
        (
            "ListChildren",
            json!({ "ParentId": unknown_ou, "ChildType": "ACCOUNT" }),
            "ParentNotFoundException",
        ),
        (
            "ListParents",
            json!({ "ChildId": "000000000000" }),
            "ChildNotFoundException",
        ),
        (
            "ListTagsForResource",
            json!({ "ResourceId": "000000000000" }),
            "TargetNotFoundException",
        ),
        (
            "ListDelegatedServicesForAccount",
            json!({ "AccountId": account }),
            "AccountNotRegisteredException",
        ),
        (
            "MoveAccount",
            relocate(&parent, &unknown_ou),
            "DestinationParentNotFoundException",
        ),
        (
            "MoveAccount",
            relocate(&json!(unknown_ou), sandbox),
            "SourceParentNotFoundException",
        ),
        (
            "MoveAccount",
            relocate(&parent, parent.as_str().unwrap()),
            "DuplicateAccountException",
        ),
        (
            "MoveAccount",
            relocate(&json!(root), sandbox),
            "AccountNotFoundException",
        ),
        ("MoveAccount", relocate(&parent, sandbox), "ok"),
        (
            "CreateAccount",
            json!({ "Email": "a@b.example", "AccountName": "a" }),
            "AccessDeniedException",
        ),
    ];
    let mut wrong = Vec::new();
    for (operation, input, expected) in table {
        let answer = bench
            .call(&format!("organizations:{operation}"), input.clone())
            .await;
        if answer.outcome() != expected {
            wrong.push(format!(
                "{operation} {input}: {} instead of {expected}",
                answer.text
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let parents = bench
        .call("organizations:ListParents", json!({ "ChildId": account }))
        .await
        .json();
    assert_eq!(parents["Parents"][0]["Id"], json!(sandbox));
}
