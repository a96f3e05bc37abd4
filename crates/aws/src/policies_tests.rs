use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::*;
use crate::fake::{Fake, FakeAnswer, MANAGEMENT, error};

fn scripted(operation: &'static str, answer: FakeAnswer) -> Arc<Fake> {
    Fake::new(move |name, _| (name == operation).then(|| answer.clone()))
}

#[tokio::test(start_paused = true)]
async fn a_read_of_a_plan_outlasts_throttles_and_no_other_fault() {
    for (name, tries_until_it_answers, answers) in [
        ("TooManyRequestsException", 12, true),
        ("ServiceException", 5, false),
    ] {
        let tries = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&tries);
        let fake = Fake::new(move |operation, _| {
            (operation == "ListPolicies").then(|| {
                let number = counted.fetch_add(1, Ordering::Relaxed) + 1;
                if number < tries_until_it_answers {
                    error(name, "words")
                } else {
                    (200, json!({"Policies": []}))
                }
            })
        });
        let found = fake.connect().await.policies().await;
        assert_eq!(found.is_ok(), answers, "{name}: {found:?}");
        let most = if answers { tries_until_it_answers } else { 4 };
        assert_eq!(tries.load(Ordering::Relaxed), most, "{name}");
    }
}

#[tokio::test]
async fn faults_are_told_apart_by_their_names() {
    type Is = fn(&OrganizationFault) -> bool;
    let table: &[(&str, Is)] = &[
        ("DuplicatePolicyException", |it| {
            matches!(it, OrganizationFault::AlreadyThere { .. })
        }),
        ("DuplicatePolicyAttachmentException", |it| {
            matches!(it, OrganizationFault::AlreadyThere { .. })
        }),
        ("PolicyNotAttachedException", |it| {
            matches!(it, OrganizationFault::NotThere { .. })
        }),
        ("PolicyNotFoundException", |it| {
            matches!(it, OrganizationFault::NotThere { .. })
        }),
        ("TargetNotFoundException", |it| {
            matches!(it, OrganizationFault::NotThere { .. })
        }),
        ("ConcurrentModificationException", |it| {
            matches!(it, OrganizationFault::Conflict { .. })
        }),
        ("PolicyChangesInProgressException", |it| {
            matches!(it, OrganizationFault::Conflict { .. })
        }),
        ("TooManyRequestsException", |it| {
            matches!(it, OrganizationFault::Throttled { .. })
        }),
        ("ServiceException", |it| {
            matches!(it, OrganizationFault::Unreachable { .. })
        }),
        (
            "PolicyInUseException",
            |it| matches!(it, OrganizationFault::Refused { code, .. } if code == "PolicyInUseException"),
        ),
        ("AccessDeniedException", |it| {
            matches!(it, OrganizationFault::Refused { .. })
        }),
    ];
    for (name, is) in table {
        let fake = scripted("AttachPolicy", error(name, "words"));
        let aws = fake.connect().await;
        let found = aws.attach("p-1", "ou-1").await.unwrap_err();
        assert!(is(&found), "{name}: {found:?}");
        assert_eq!(
            fake.count("AttachPolicy"),
            1,
            "{name}: a write is sent once"
        );
    }
}

#[tokio::test]
async fn a_policy_is_made_with_its_tags_and_read_back() {
    let summary = json!({"Id": "p-1", "Name": "n", "AwsManaged": false});
    let policy = json!({"Policy": {"PolicySummary": summary, "Content": "{}"}});
    let fake = Fake::new(move |name, _| match name {
        "CreatePolicy" | "DescribePolicy" => Some((200, policy.clone())),
        _ => None,
    });
    let aws = fake.connect().await;
    let wanted = NewPolicy {
        name: "n".into(),
        description: "d".into(),
        content: "{}".into(),
        tags: BTreeMap::from([("hallpass:drill".into(), "1".into())]),
    };
    assert_eq!(aws.create_policy(&wanted).await.unwrap(), "p-1");
    let sent = fake.last("CreatePolicy");
    assert_eq!(sent["Type"], "SERVICE_CONTROL_POLICY");
    assert_eq!(
        sent["Tags"],
        json!([{"Key": "hallpass:drill", "Value": "1"}])
    );
    let found = aws.policy("p-1").await.unwrap().unwrap();
    assert_eq!(
        (found.row.name.as_str(), found.content.as_str()),
        ("n", "{}")
    );
    let gone = scripted("DescribePolicy", error("PolicyNotFoundException", "no"));
    assert_eq!(gone.connect().await.policy("p-1").await.unwrap(), None);
}

#[tokio::test]
async fn the_root_says_which_policies_are_in_force_and_we_know_where_we_are() {
    for (status, enabled) in [("ENABLED", true), ("PENDING_ENABLE", false)] {
        let types = json!([{"Type": "SERVICE_CONTROL_POLICY", "Status": status}]);
        let roots = json!({"Roots": [{"Id": "r-abcd", "PolicyTypes": types}]});
        let aws = scripted("ListRoots", (200, roots)).connect().await;
        let root = aws.root().await.unwrap();
        assert_eq!(
            (root.id.as_str(), root.scps_enabled),
            ("r-abcd", enabled),
            "{status}"
        );
        let caller = aws.caller().await.unwrap();
        assert_eq!(caller.account, MANAGEMENT);
        assert_eq!(caller.management_account, MANAGEMENT);
        assert!(!caller.is_delegated);
    }
}

#[tokio::test]
async fn accounts_are_found_however_deep() {
    let fake = Fake::new(|name, body| {
        let parent = body["ParentId"].as_str().unwrap_or_default().to_owned();
        let of = |id: &str| json!([{"Id": id, "Name": id, "State": "ACTIVE"}]);
        let answer = match (name, parent.as_str()) {
            ("ListOrganizationalUnitsForParent", "ou-a") => {
                json!({"OrganizationalUnits": [{"Id": "ou-b", "Name": "b"}]})
            }
            ("ListAccountsForParent", "ou-a") => json!({"Accounts": of("222222222222")}),
            ("ListAccountsForParent", "ou-b") => json!({"Accounts": of("111111111112")}),
            ("DescribeAccount", _) => json!({"Account": of("333333333333")[0]}),
            _ => return None,
        };
        Some((200, answer))
    });
    let aws = fake.connect().await;
    let ids = |rows: Vec<AccountRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    let below = aws.accounts_below("ou-a").await.unwrap();
    assert_eq!(ids(below), ["111111111112", "222222222222"]);
    let alone = aws.accounts_below("333333333333").await.unwrap();
    assert_eq!(ids(alone), ["333333333333"]);
}

#[tokio::test]
async fn roles_of_permission_sets_are_seen_and_others_are_not() {
    let fake = Fake::new(|name, _| match name {
        "ListPermissionSetsProvisionedToAccount" => Some((
            200,
            json!({"PermissionSets": ["arn:aws:sso:::permissionSet/ssoins-1/ps-1"]}),
        )),
        "DescribePermissionSet" => Some((200, json!({"PermissionSet": {"Name": "Break_Glass"}}))),
        _ => None,
    });
    let aws = fake.connect().await;
    let path = "aws-reserved/sso.amazonaws.com/*";
    for (role, seen) in [
        (
            format!("{path}/AWSReservedSSO_Break_Glass_*"),
            TargetPresence::There,
        ),
        (
            "aws-reserved/sso.amazonaws.com/*AWSReservedSSO_Break_Glass_*".to_owned(),
            TargetPresence::There,
        ),
        (
            format!("{path}/AWSReservedSSO_Admin_*"),
            TargetPresence::NotThere,
        ),
    ] {
        assert_eq!(
            aws.role_in("222222222222", &role).await.unwrap(),
            seen,
            "{role}"
        );
    }
    let seen = aws.role_in("222222222222", "break-glass").await.unwrap();
    assert!(matches!(seen, TargetPresence::Unseen(_)), "{seen:?}");
}
