//! Checks every answer against the service models.

use hallpass_aws_model::{check_output, tables};
use serde_json::json;

use crate::bench::{Answer, Bench};

/// Members of newer models that these tables may lack.
const NEWER: &[&str] = &[
    "UserArn",
    "GroupArn",
    "MembershipArn",
    "Revision",
    "PrimaryRegion",
    "Regions",
];

const READS: &str = r#"
sso:ListInstances {}
sso:ListRegions {}
sso:DescribeInstance {}
sso:ListPermissionSets {}
sso:DescribePermissionSet {"PermissionSetArn":"$set"}
sso:ListManagedPoliciesInPermissionSet {"PermissionSetArn":"$set"}
sso:ListCustomerManagedPolicyReferencesInPermissionSet {"PermissionSetArn":"$set"}
sso:GetInlinePolicyForPermissionSet {"PermissionSetArn":"$set"}
sso:ListTagsForResource {"ResourceArn":"$set"}
sso:ListAccountAssignments {"AccountId":"$account","PermissionSetArn":"$set"}
sso:ListAccountAssignmentsForPrincipal {"PrincipalId":"$mara","PrincipalType":"USER"}
sso:ListPermissionSetsProvisionedToAccount {"AccountId":"$account"}
sso:ListAccountsForProvisionedPermissionSet {"PermissionSetArn":"$set"}
sso:CreateAccountAssignment {"TargetId":"$account","TargetType":"AWS_ACCOUNT","PermissionSetArn":"$set","PrincipalType":"USER","PrincipalId":"$mara"}
sso:DeleteAccountAssignment {"TargetId":"$management","TargetType":"AWS_ACCOUNT","PermissionSetArn":"$set","PrincipalType":"USER","PrincipalId":"$mara"}
sso:ListAccountAssignmentCreationStatus {}
sso:ListAccountAssignmentDeletionStatus {}
sso:ProvisionPermissionSet {"PermissionSetArn":"$other","TargetType":"ALL_PROVISIONED_ACCOUNTS"}
sso:ListPermissionSetProvisioningStatus {}
identitystore:ListUsers {}
identitystore:DescribeUser {"UserId":"$mara"}
identitystore:ListGroups {}
identitystore:DescribeGroup {"GroupId":"$group"}
identitystore:ListGroupMemberships {"GroupId":"$group"}
identitystore:ListGroupMembershipsForMember {"MemberId":{"UserId":"$mara"}}
identitystore:IsMemberInGroups {"MemberId":{"UserId":"$mara"},"GroupIds":["$group"]}
identitystore:GetGroupMembershipId {"MemberId":{"UserId":"$mara"},"GroupId":"$group"}
identitystore:CreateGroup {"DisplayName":"answers"}
identitystore:UpdateGroup {"GroupId":"$group","Operations":[{"AttributePath":"description","AttributeValue":"changed"}]}
identitystore:UpdateUser {"UserId":"$mara","Operations":[{"AttributePath":"title","AttributeValue":"changed"}]}
organizations:DescribeOrganization {}
organizations:ListRoots {}
organizations:ListAccounts {}
organizations:DescribeAccount {"AccountId":"$account"}
organizations:ListParents {"ChildId":"$account"}
organizations:ListChildren {"ParentId":"$root","ChildType":"ORGANIZATIONAL_UNIT"}
organizations:ListChildren {"ParentId":"$root","ChildType":"ACCOUNT"}
organizations:ListAccountsForParent {"ParentId":"$ou"}
organizations:ListOrganizationalUnitsForParent {"ParentId":"$root"}
organizations:DescribeOrganizationalUnit {"OrganizationalUnitId":"$ou"}
organizations:ListTagsForResource {"ResourceId":"$account"}
organizations:ListDelegatedAdministrators {}
organizations:ListAWSServiceAccessForOrganization {}
organizations:ListInboundResponsibilityTransfers {"Type":"BILLING"}
organizations:ListOutboundResponsibilityTransfers {"Type":"BILLING"}
organizations:ListHandshakesForOrganization {}
organizations:ListHandshakesForAccount {}
"#;

async fn names(bench: &Bench) -> Vec<(&'static str, String)> {
    let file = bench.file();
    let groups = &file.identity_center.groups;
    let account = bench.account("payments-dev");
    let parents = bench
        .call("organizations:ListParents", json!({ "ChildId": account }))
        .await
        .json();
    let ou = |name: &str| bench.unit(name);
    let root = file.organization.root.clone();
    vec![
        ("$mara", bench.user("mara.lindqvist")),
        ("$account", account),
        ("$management", bench.account("example-management")),
        ("$set", bench.set("ReadOnly")),
        ("$other", bench.set("Billing")),
        (
            "$group",
            groups
                .iter()
                .find(|group| group.name == "payments-eng")
                .unwrap()
                .id
                .clone(),
        ),
        (
            "$nowhere",
            format!("ou-{}-aaaaaaaa", root.trim_start_matches("r-")),
        ),
        ("$root", root),
        ("$sandbox", ou("Sandbox")),
        ("$ou", ou("Security")),
        (
            "$parent",
            parents["Parents"][0]["Id"].as_str().unwrap().to_owned(),
        ),
    ]
}

async fn play(bench: &Bench, names: &[(&str, String)], call: &str, input: &str) -> Answer {
    let input = names.iter().fold(input.to_owned(), |text, (name, value)| {
        text.replace(name, value)
    });
    bench
        .call(call, serde_json::from_str(&input).unwrap())
        .await
}

#[tokio::test]
async fn reads_are_what_the_models_say() {
    let bench = Bench::small().await;
    let names = names(&bench).await;
    let mut wrong = Vec::new();
    for line in READS.trim().lines() {
        let (call, input) = line.split_once(' ').unwrap();
        let answer = play(&bench, &names, call, input).await;
        if answer.status != 200 {
            wrong.push(format!("{line}: {}", answer.text));
            continue;
        }
        let (service, name) = call.split_once(':').unwrap();
        let service = tables().by_signing_name(service).unwrap();
        let operation = service.operation(name).unwrap();
        let found = check_output(service, operation, &answer.json())
            .err()
            .unwrap_or_default();
        let found = found.into_iter().filter(|one| {
            let last = one.path.rsplit('.').next().unwrap_or_default();
            let unknown = one.problem.contains("not in the model");
            !(unknown && NEWER.contains(&last) || one.path.contains("Regions"))
        });
        wrong.extend(found.map(|one| format!("{call}: {} {}", one.path, one.problem)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

const REFUSALS: &str = r#"
AccountNotFoundException DescribeAccount {"AccountId":"000000000000"}
InvalidInputException DescribeAccount {"AccountId":"12345"}
OrganizationalUnitNotFoundException DescribeOrganizationalUnit {"OrganizationalUnitId":"$nowhere"}
ParentNotFoundException ListAccountsForParent {"ParentId":"$nowhere"}
ParentNotFoundException ListChildren {"ParentId":"$nowhere","ChildType":"ACCOUNT"}
ChildNotFoundException ListParents {"ChildId":"000000000000"}
TargetNotFoundException ListTagsForResource {"ResourceId":"000000000000"}
AccountNotRegisteredException ListDelegatedServicesForAccount {"AccountId":"$account"}
DestinationParentNotFoundException MoveAccount {"AccountId":"$account","SourceParentId":"$parent","DestinationParentId":"$nowhere"}
SourceParentNotFoundException MoveAccount {"AccountId":"$account","SourceParentId":"$nowhere","DestinationParentId":"$sandbox"}
DuplicateAccountException MoveAccount {"AccountId":"$account","SourceParentId":"$parent","DestinationParentId":"$parent"}
AccountNotFoundException MoveAccount {"AccountId":"$account","SourceParentId":"$root","DestinationParentId":"$sandbox"}
ok MoveAccount {"AccountId":"$account","SourceParentId":"$parent","DestinationParentId":"$sandbox"}
NotSimulated CloseAccount {"AccountId":"$account"}
"#;

#[tokio::test]
async fn organizations_answers_in_its_own_words() {
    let bench = Bench::small().await;
    let names = names(&bench).await;
    let mut wrong = Vec::new();
    for line in REFUSALS.trim().lines() {
        let (expected, rest) = line.split_once(' ').unwrap();
        let (operation, input) = rest.split_once(' ').unwrap();
        let answer = play(&bench, &names, &format!("organizations:{operation}"), input).await;
        if answer.outcome() != expected {
            wrong.push(format!("{line}: {}", answer.text));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let listed = play(
        &bench,
        &names,
        "organizations:ListAccountsForParent",
        r#"{"ParentId":"$sandbox"}"#,
    )
    .await;
    assert!(listed.text.contains("payments-dev"), "{}", listed.text);
}
