use hallpass_base::TargetNames;
use hallpass_enforcement::armed_ends::OtherAccess as _;
use serde_json::{Value, json};

use super::*;
use crate::fake::{Fake, FakeAnswer, error};

const ANA: &str = "11111111-1111-4111-8111-111111111111";
const BEN: &str = "22222222-2222-4222-8222-222222222222";
const GROUP: &str = "99999999-9999-4999-8999-999999999999";
const SET: &str = "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef";

fn account_key() -> HoldKey {
    HoldKey {
        user: UserId::new(ANA).unwrap(),
        target: Target::Account {
            account: AccountId::new("222222222222").unwrap(),
            permission_set: PermissionSetArn::new(SET).unwrap(),
        },
    }
}

fn group_key() -> HoldKey {
    HoldKey {
        user: UserId::new(ANA).unwrap(),
        target: Target::Group {
            group: GroupId::new(GROUP).unwrap(),
        },
    }
}

fn row(kind: &str, id: &str) -> Value {
    json!({"AccountId": "222222222222", "PermissionSetArn": SET,
           "PrincipalType": kind, "PrincipalId": id})
}

fn gone() -> FakeAnswer {
    error("ResourceNotFoundException", "not found")
}

#[tokio::test(start_paused = true)]
async fn holders_are_the_direct_users_of_every_page() {
    let fake = Fake::new(|operation, input| {
        (operation == "ListAccountAssignments").then(|| match input["NextToken"].as_str() {
            None => (
                200,
                json!({"AccountAssignments": [row("USER", ANA), row("GROUP", GROUP)],
                                 "NextToken": "a"}),
            ),
            Some("a") => (200, json!({"AccountAssignments": [], "NextToken": "b"})),
            _ => (
                200,
                json!({"AccountAssignments": [row("USER", BEN), row("USER", ANA)]}),
            ),
        })
    });
    let aws = fake.connect().await;
    let holders = aws.holders(&account_key().target, Urgency::End).await;
    assert_eq!(
        holders,
        Ok(vec![UserId::new(ANA).unwrap(), UserId::new(BEN).unwrap()])
    );
    assert_eq!(fake.count("ListAccountAssignments"), 3);
}

#[tokio::test(start_paused = true)]
async fn what_a_person_has_is_direct_and_of_every_page() {
    let fake = Fake::new(|operation, input| {
        (operation == "ListAccountAssignmentsForPrincipal").then(|| {
            assert_eq!(input["PrincipalType"], "USER");
            assert_eq!(input["PrincipalId"], ANA);
            match input["NextToken"].as_str() {
                None => (
                    200,
                    json!({"AccountAssignments": [row("GROUP", GROUP)], "NextToken": "a"}),
                ),
                _ => (200, json!({"AccountAssignments": [row("USER", ANA)]})),
            }
        })
    });
    let aws = fake.connect().await;
    let held = aws.held_by(&UserId::new(ANA).unwrap(), Urgency::End).await;
    let target = Target::Account {
        account: "222222222222".parse().unwrap(),
        permission_set: SET.parse().unwrap(),
    };
    assert_eq!(held, Ok(vec![target]));
}

/// A set recreated under its old name has roles with equal names.
#[tokio::test(start_paused = true)]
async fn what_a_person_has_otherwise_is_known_by_the_name_of_its_set_where_ours_was_deleted() {
    const ANEW: &str = "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-fedcba9876543210";
    let names = TargetNames::Account {
        account: "dev".to_owned(),
        permission_set: "Admin".to_owned(),
    };
    for (is_deleted, name, kind, own, is_held) in [
        (true, "Admin", "GROUP", false, true),
        (true, "Reader", "GROUP", false, false),
        (false, "Admin", "GROUP", false, false),
        (true, "Admin", "USER", false, false),
        (true, "Admin", "USER", true, true),
    ] {
        let fake = Fake::new(move |operation, input| match operation {
            "ListAccountAssignmentsForPrincipal" => {
                let mut row = row(kind, GROUP);
                row["PermissionSetArn"] = json!(ANEW);
                Some((200, json!({"AccountAssignments": [row]})))
            }
            "DescribePermissionSet" if input["PermissionSetArn"] == SET && is_deleted => {
                Some(gone())
            }
            "DescribePermissionSet" => {
                let set = json!({"Name": name, "PermissionSetArn": input["PermissionSetArn"]});
                Some((200, json!({"PermissionSet": set})))
            }
            "DescribeGroup" => Some((
                200,
                json!({"GroupId": GROUP, "IdentityStoreId": "d-1", "DisplayName": "builders"}),
            )),
            _ => None,
        });
        let aws = fake.connect().await;
        let held = aws.held_otherwise(&account_key(), &names, own).await;
        let held = held.unwrap();
        let by_name = { held.as_ref() }.is_none_or(|it| own || it.contains("group builders "));
        assert!(by_name, "{held:?}");
        assert_eq!(
            held.is_some(),
            is_held,
            "{is_deleted} {name} {kind} {own}: {held:?}"
        );
        if kind == "USER" && !own {
            assert_eq!(fake.count("DescribePermissionSet"), 0, "nothing to query");
        }
    }
}

/// Users read why an expiry is not enforced. The group's name is read only when needed, with a
/// short limit.
#[tokio::test(start_paused = true)]
async fn what_a_person_has_through_a_group_is_told_with_the_name_of_the_group() {
    let names = TargetNames::Account {
        account: "dev".to_owned(),
        permission_set: "Admin".to_owned(),
    };
    let described = |more: Value| {
        let mut group = json!({"GroupId": GROUP, "IdentityStoreId": "d-1234567890"});
        group["DisplayName"] = more;
        Some((200, group))
    };
    for (kind, group, wanted, asked) in [
        (
            "GROUP",
            described(json!("builders")),
            Some("through the group builders the person has"),
            1,
        ),
        (
            "GROUP",
            described(Value::Null),
            Some("through the group 99999999-9999-4999-8999-999999999999 the person has"),
            1,
        ),
        (
            "GROUP",
            Some(error("AccessDeniedException", "no")),
            Some("through the group 99999999-9999-4999-8999-999999999999 the person has"),
            1,
        ),
        ("USER", None, None, 0),
    ] {
        let case = format!("{kind} {group:?}");
        let fake = Fake::new(move |operation, input| match operation {
            "ListAccountAssignmentsForPrincipal" => {
                Some((200, json!({"AccountAssignments": [row(kind, GROUP)]})))
            }
            "DescribeGroup" => {
                assert_eq!(input["GroupId"], GROUP);
                group.clone()
            }
            _ => None,
        });
        let aws = fake.connect().await;
        let held = aws.held_otherwise(&account_key(), &names, false).await;
        let held = held.unwrap();
        let told = held.as_deref().unwrap_or_default();
        assert!(
            told.starts_with(wanted.unwrap_or_default()),
            "{case}: {told}"
        );
        assert_eq!(held.is_some(), wanted.is_some(), "{case}: {told}");
        assert_eq!(fake.count("DescribeGroup"), asked, "{case}");
    }
}

/// An unknown state of the set is not an answer, and a denial to Hallpass says nothing about the
/// user.
#[tokio::test(start_paused = true)]
async fn a_set_that_nobody_can_look_at_says_nothing_of_what_a_person_has() {
    let names = TargetNames::Account {
        account: "dev".to_owned(),
        permission_set: "Admin".to_owned(),
    };
    for (code, is_known) in [
        ("ThrottlingException", false),
        ("InternalServerException", false),
        ("AccessDeniedException", true),
    ] {
        let fake = Fake::new(move |operation, _| match operation {
            "ListAccountAssignmentsForPrincipal" => {
                let mut row = row("GROUP", GROUP);
                row["PermissionSetArn"] = json!(format!("{SET}f"));
                Some((200, json!({"AccountAssignments": [row]})))
            }
            "DescribePermissionSet" => Some(error(code, "not now")),
            _ => None,
        });
        let aws = fake.connect().await;
        let held = aws.held_otherwise(&account_key(), &names, false).await;
        assert_eq!(held.is_ok(), is_known, "{code}: {held:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_assignment_that_cannot_be_read_is_not_taken_for_none() {
    let fake = Fake::new(|operation, _| {
        (operation == "ListAccountAssignmentsForPrincipal").then(|| {
            let mut row = row("USER", ANA);
            row["AccountId"] = json!("2222");
            (200, json!({"AccountAssignments": [row]}))
        })
    });
    let aws = fake.connect().await;
    let held = aws.held_by(&UserId::new(ANA).unwrap(), Urgency::End).await;
    assert!(matches!(held, Err(CenterFault::Refused { .. })), "{held:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failing_page_fails_the_listing() {
    let fake = Fake::new(|operation, input| {
        (operation == "ListGroupMemberships").then(|| match input["NextToken"].as_str() {
            None => (
                200,
                json!({"GroupMemberships": [
                {"IdentityStoreId": "d-1", "MembershipId": "m-1", "GroupId": GROUP,
                 "MemberId": {"UserId": ANA}}], "NextToken": "a"}),
            ),
            _ => error("AccessDeniedException", "no"),
        })
    });
    let aws = fake.connect().await;
    let holders = aws.holders(&group_key().target, Urgency::Background).await;
    assert!(matches!(holders, Err(CenterFault::Refused { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_create_names_the_instance_the_account_and_a_user() {
    let fake = Fake::new(|operation, _| {
        (operation == "CreateAccountAssignment").then(|| {
            let status = json!({"Status": "IN_PROGRESS", "RequestId": "r-1"});
            (200, json!({"AccountAssignmentCreationStatus": status}))
        })
    });
    let aws = fake.connect().await;
    let operation_id = "r-1".to_owned();
    assert_eq!(
        aws.create(&account_key()).await,
        Ok(SentOperation::InProgress { operation_id })
    );
    assert_eq!(
        fake.last("CreateAccountAssignment"),
        json!({"InstanceArn": crate::fake::INSTANCE, "TargetId": "222222222222",
               "TargetType": "AWS_ACCOUNT", "PermissionSetArn": SET,
               "PrincipalType": "USER", "PrincipalId": ANA})
    );
}

#[tokio::test(start_paused = true)]
async fn writes_that_fail_are_sent_once() {
    for (answer, outcome) in [
        (error("ThrottlingException", "Rate exceeded"), "throttling"),
        (
            error(
                "ThrottlingException",
                "There are too many requests processing. Please try again later.",
            ),
            "as many operations as it will",
        ),
        (error("ConflictException", "in process"), "conflict"),
        (gone(), "does not exist"),
        (error("AccessDeniedException", "no"), "refused"),
        (
            (500, json!({"__type": "InternalServerException"})),
            "could not be reached",
        ),
        ((200, json!("<html>")), "could not be reached"),
        ((200, json!({})), "could not be reached"),
    ] {
        let fake = Fake::new(move |operation, _| {
            (operation.ends_with("AccountAssignment")).then(|| answer.clone())
        });
        let aws = fake.connect().await;
        for (operation, result) in [
            ("CreateAccountAssignment", aws.create(&account_key()).await),
            (
                "DeleteAccountAssignment",
                aws.delete(&account_key(), Urgency::End).await,
            ),
        ] {
            let fault = result.unwrap_err().to_string();
            assert!(fault.contains(outcome), "{outcome}: {fault}");
            assert_eq!(fake.count(operation), 1, "{outcome}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn memberships_are_looked_up_when_they_are_removed() {
    let fake = Fake::new(|operation, _| match operation {
        "GetGroupMembershipId" => Some((
            200,
            json!({"MembershipId": "m-7", "IdentityStoreId": "d-1234567890"}),
        )),
        "DeleteGroupMembership" => Some((200, json!({}))),
        _ => None,
    });
    let aws = fake.connect().await;
    assert_eq!(
        aws.delete(&group_key(), Urgency::End).await,
        Ok(SentOperation::Done)
    );
    assert_eq!(fake.last("DeleteGroupMembership")["MembershipId"], "m-7");

    let fake = Fake::new(|operation, _| (operation == "GetGroupMembershipId").then(gone));
    let aws = fake.connect().await;
    let deleted = aws.delete(&group_key(), Urgency::End).await;
    assert!(matches!(deleted, Err(CenterFault::NotFound { .. })));
    assert_eq!(fake.count("DeleteGroupMembership"), 0);
}

#[tokio::test(start_paused = true)]
async fn the_status_of_an_operation() {
    let failed = || OperationStatus::Failed {
        reason: "because".to_owned(),
    };
    let status = |status: &str| {
        let status = json!({"Status": status, "FailureReason": "because"});
        (200, json!({"AccountAssignmentDeletionStatus": status}))
    };
    for (answer, expected) in [
        (status("IN_PROGRESS"), Some(OperationStatus::InProgress)),
        (status("SUCCEEDED"), Some(OperationStatus::Succeeded)),
        (status("FAILED"), Some(failed())),
        (gone(), Some(OperationStatus::Unknown)),
        (status("NEW"), None),
        ((200, json!({})), None),
    ] {
        let fake = Fake::new({
            let answer = answer.clone();
            move |operation, _| {
                operation
                    .ends_with("DeletionStatus")
                    .then(|| answer.clone())
            }
        });
        let aws = fake.connect().await;
        let got = aws
            .progress((OperationKind::Delete, "r-1"), Urgency::End)
            .await;
        assert_eq!(got.ok(), expected, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn operations_in_progress_are_listed_in_one_question() {
    let fake = Fake::new(|operation, input| {
        let kind = operation.strip_prefix("ListAccountAssignment")?;
        let kind = kind.strip_suffix("Status")?;
        let rows = match input["NextToken"].as_str() {
            None => json!([{"RequestId": "r-1", "Status": "IN_PROGRESS"},
                           {"RequestId": "r-2", "Status": "SUCCEEDED"}]),
            Some(_) => json!([{"RequestId": "r-3", "Status": "IN_PROGRESS"}]),
        };
        let mut answer = json!({format!("AccountAssignments{kind}Status"): rows});
        if input["NextToken"].is_null() {
            answer["NextToken"] = json!("more");
        }
        Some((200, answer))
    });
    let aws = fake.connect().await;
    for (kind, operation) in [
        (OperationKind::Create, "ListAccountAssignmentCreationStatus"),
        (OperationKind::Delete, "ListAccountAssignmentDeletionStatus"),
    ] {
        let found = aws.in_progress(kind, Urgency::End).await.unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["r-1", "r-3"]);
        assert_eq!(fake.last(operation)["Filter"]["Status"], "IN_PROGRESS");
    }
    let fake = Fake::new(|operation, _| {
        operation
            .starts_with("ListAccountAssignment")
            .then(|| error("AccessDeniedException", "not allowed"))
    });
    let aws = fake.connect().await;
    let refused = aws.in_progress(OperationKind::Delete, Urgency::End).await;
    assert!(
        matches!(refused, Err(CenterFault::Refused { .. })),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_missing() {
    let account = |state: &str| {
        (
            200,
            json!({"Account": {"Id": "222222222222", "State": state}}),
        )
    };
    let old = (
        200,
        json!({"Account": {"Id": "222222222222", "Status": "SUSPENDED"}}),
    );
    let no_account = error("AccountNotFoundException", "no such account");
    let user = (200, json!({"UserId": ANA, "IdentityStoreId": "d-1"}));
    let group = (200, json!({"GroupId": GROUP, "IdentityStoreId": "d-1"}));
    let here = || account("ACTIVE");
    for (key, account, user, group, expected) in [
        (account_key(), here(), user.clone(), group.clone(), None),
        (
            account_key(),
            here(),
            gone(),
            group.clone(),
            Some(Missing::Principal),
        ),
        (
            account_key(),
            account("SUSPENDED"),
            user.clone(),
            group.clone(),
            Some(Missing::Account),
        ),
        (
            account_key(),
            account("PENDING_CLOSURE"),
            gone(),
            gone(),
            Some(Missing::Account),
        ),
        (
            account_key(),
            old,
            user.clone(),
            gone(),
            Some(Missing::Account),
        ),
        (
            account_key(),
            no_account,
            user.clone(),
            gone(),
            Some(Missing::Account),
        ),
        (group_key(), gone(), user.clone(), group.clone(), None),
        (group_key(), gone(), gone(), group, Some(Missing::Principal)),
        (group_key(), gone(), user, gone(), Some(Missing::Principal)),
    ] {
        let case = format!("{key} {account:?} {user:?} {group:?}");
        let fake = Fake::new(move |operation, _| match operation {
            "DescribeAccount" => Some(account.clone()),
            "DescribeUser" => Some(user.clone()),
            "DescribeGroup" => Some(group.clone()),
            _ => None,
        });
        let aws = fake.connect().await;
        assert_eq!(aws.missing(&key).await, Ok(expected), "{case}");
    }
}
