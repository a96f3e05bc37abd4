//! Assignment lifecycle: asynchronous, one at a time per account and set, visible late.

use hallpass_aws_sim::{Consistency, Options, Speed};
use serde_json::{Value, json};

use crate::bench::{Bench, options};

async fn begun(bench: &Bench) -> Value {
    let row = bench.row("payments-prod", "PowerUser", &bench.user("mara.lindqvist"));
    let accepted = bench.call("sso:CreateAccountAssignment", row).await.json();
    let status = &accepted["AccountAssignmentCreationStatus"];
    assert_eq!(status["Status"], "IN_PROGRESS");
    status.clone()
}

#[tokio::test]
async fn it_takes_its_time_and_is_seen_when_it_is_done() {
    let bench = Bench::new(Options {
        speed: Some(Speed::Real),
        ..options()
    })
    .await;
    let status = begun(&bench).await;
    let describe = json!({ "AccountAssignmentCreationRequestId": status["RequestId"] });
    let progress = async || bench.creation(&status["RequestId"]).await;
    assert_eq!(
        (
            progress().await.as_str(),
            bench.count("payments-prod", "PowerUser").await
        ),
        ("IN_PROGRESS", 0)
    );
    bench.tick(250);
    assert_eq!(
        progress().await,
        "IN_PROGRESS",
        "nothing is done in a quarter of a second"
    );
    bench.tick(62_000);
    assert_eq!(
        (
            progress().await.as_str(),
            bench.count("payments-prod", "PowerUser").await
        ),
        ("SUCCEEDED", 1)
    );
    bench.advance(31.0 * 86_400.0).await;
    let answer = bench
        .call(
            "sso:DescribeAccountAssignmentCreationStatus",
            describe.clone(),
        )
        .await;
    assert_eq!(
        answer.outcome(),
        "ResourceNotFoundException",
        "status records are kept 30 days"
    );
}

#[tokio::test]
async fn instant_is_final_at_the_first_look() {
    let bench = Bench::new(Options {
        speed: Some(Speed::Instant),
        ..options()
    })
    .await;
    let status = begun(&bench).await;
    assert_eq!(bench.creation(&status["RequestId"]).await, "SUCCEEDED");
}

#[tokio::test]
async fn one_operation_at_a_time_for_a_pair() {
    let bench = Bench::small().await;
    let mara = bench.user("mara.lindqvist");
    let call = "sso:CreateAccountAssignment";
    assert_eq!(
        bench
            .call(call, bench.row("payments-prod", "PowerUser", &mara))
            .await
            .outcome(),
        "ok"
    );
    let noor = bench.user("noor.haddad");
    let clash = bench
        .call(call, bench.row("payments-prod", "PowerUser", &noor))
        .await;
    assert_eq!(
        (clash.status, clash.outcome().as_str()),
        (400, "ConflictException")
    );
    assert_eq!(
        clash.json()["Message"],
        "There is a conflicting operation in process."
    );
    let delete = bench
        .call(
            "sso:DeleteAccountAssignment",
            bench.row("payments-prod", "PowerUser", &mara),
        )
        .await;
    assert_eq!(delete.outcome(), "ConflictException");
    for (account, set) in [("payments-prod", "Billing"), ("payments-dev", "ReadOnly")] {
        assert_eq!(
            bench
                .call(call, bench.row(account, set, &noor))
                .await
                .outcome(),
            "ok"
        );
    }
    bench.advance(1.0).await;
    assert_eq!(
        bench
            .call(call, bench.row("payments-prod", "PowerUser", &noor))
            .await
            .outcome(),
        "ok"
    );
}

#[tokio::test]
async fn ten_at_once() {
    let bench = Bench::small().await;
    let mara = bench.user("mara.lindqvist");
    let sets = bench.file().identity_center.permission_sets;
    for (number, set) in sets.iter().enumerate().take(11) {
        let answer = bench
            .call(
                "sso:CreateAccountAssignment",
                bench.row("policy-canary", &set.name, &mara),
            )
            .await;
        let expected = if number < 10 {
            "ok"
        } else {
            "ThrottlingException"
        };
        assert_eq!(answer.outcome(), expected, "{number}");
        if number == 10 {
            assert_eq!(
                answer.json()["Message"],
                "There are too many requests processing. Please try again later."
            );
        }
    }
}

#[tokio::test]
async fn outcomes() {
    let bench = Bench::small().await;
    let (mara, noor) = (bench.user("mara.lindqvist"), bench.user("noor.haddad"));
    let row = bench.row("payments-prod", "PowerUser", &mara);
    assert_eq!(bench.settle("Create", &row).await.0, "SUCCEEDED");
    assert_eq!(bench.settle("Create", &row).await.0, "SUCCEEDED", "again");
    assert_eq!(bench.count("payments-prod", "PowerUser").await, 1);
    let provisioned = json!({ "PermissionSetArn": bench.set("PowerUser") });
    let listed = bench
        .call(
            "sso:ListAccountsForProvisionedPermissionSet",
            provisioned.clone(),
        )
        .await
        .json();
    assert!(
        listed["AccountIds"]
            .as_array()
            .unwrap()
            .contains(&json!(bench.account("payments-prod")))
    );
    assert_eq!(bench.settle("Delete", &row).await.0, "SUCCEEDED");
    let listed = bench
        .call("sso:ListAccountsForProvisionedPermissionSet", provisioned)
        .await
        .json();
    assert!(
        !listed["AccountIds"]
            .as_array()
            .unwrap()
            .contains(&json!(bench.account("payments-prod")))
    );
    let (status, reason) = bench.settle("Delete", &row).await;
    assert_eq!(
        (status.as_str(), reason.as_str()),
        (
            "FAILED",
            "Received a 404 status error: Assignment not found."
        )
    );
    let nobody = bench.row(
        "payments-prod",
        "PowerUser",
        "44c8f4e8-80f1-7091-a200-0f9ddad2661d",
    );
    let (status, reason) = bench.settle("Create", &nobody).await;
    let store = bench.simulator.identity_center().identity_store_id;
    assert_eq!(status, "FAILED");
    assert_eq!(
        reason,
        format!(
            "Received a 404 status error: the USER assignee ID was not found in directory {store}."
        )
    );
    let (status, reason) = bench
        .settle("Create", &bench.row("legacy-shop", "PowerUser", &noor))
        .await;
    assert_eq!(status, "FAILED");
    assert!(
        reason.starts_with("AWS SSO is unable to complete your request at this time."),
        "{reason}"
    );
}

#[tokio::test]
async fn an_orphan_stays() {
    let bench = Bench::small().await;
    let row = bench.row("payments-prod", "PowerUser", &bench.user("mara.lindqvist"));
    assert_eq!(bench.settle("Create", &row).await.0, "SUCCEEDED");
    bench
        .mutate(json!({ "delete_user": { "user": "mara.lindqvist@example.com" } }))
        .await;
    let (status, reason) = bench.settle("Delete", &row).await;
    assert_eq!(status, "FAILED");
    assert!(reason.contains("was not found in directory"), "{reason}");
    assert_eq!(bench.count("payments-prod", "PowerUser").await, 1);
}

#[tokio::test]
async fn windows_after_a_write() {
    for (consistency, longest) in [(Consistency::Typical, 2_000), (Consistency::Hard, 12_000)] {
        let bench = Bench::new(Options {
            consistency: Some(consistency),
            ..options()
        })
        .await;
        let mut late = 0;
        for number in 0..10 {
            let made = bench
                .call(
                    "identitystore:CreateGroup",
                    json!({ "DisplayName": format!("late-{number}") }),
                )
                .await
                .json();
            let by_name = json!({ "Filters": [{
                "AttributePath": "DisplayName", "AttributeValue": format!("late-{number}"),
            }] });
            let listed = async || {
                let call = bench.call("identitystore:ListGroups", by_name.clone());
                call.await.json()["Groups"].as_array().unwrap().len()
            };
            late += usize::from(listed().await == 0);
            let by_id = json!({ "GroupId": made["GroupId"] });
            let described = bench.call("identitystore:DescribeGroup", by_id).await;
            assert_eq!(
                described.outcome(),
                "ok",
                "by its id it is there immediately"
            );
            let again = bench
                .call(
                    "identitystore:CreateGroup",
                    json!({ "DisplayName": format!("late-{number}") }),
                )
                .await;
            assert_eq!(
                again.outcome(),
                "ConflictException",
                "writes see the new state"
            );
            bench.tick(longest);
            assert_eq!(listed().await, 1);
        }
        assert!(late >= 5, "{late} of 10 lists were late");
    }
}

#[tokio::test]
async fn what_was_just_written_is_read_by_its_id_at_once() {
    let bench = Bench::new(Options {
        consistency: Some(Consistency::Hard),
        ..options()
    })
    .await;
    let name = json!({ "GivenName": "New", "FamilyName": "Here" });
    for number in 0..5 {
        let user = json!({
            "UserName": format!("new-{number}@example.com"), "DisplayName": "New", "Name": name,
        });
        let set =
            json!({ "Name": format!("New{number}"), "RelayState": "https://console.example/" });
        let user = bench.call("identitystore:CreateUser", user).await.json()["UserId"].clone();
        let group = bench
            .call("identitystore:CreateGroup", json!({}))
            .await
            .json()["GroupId"]
            .clone();
        let member = json!({ "GroupId": group, "MemberId": { "UserId": user } });
        let member = bench
            .call("identitystore:CreateGroupMembership", member)
            .await
            .json();
        let set = bench.call("sso:CreatePermissionSet", set).await.json();
        let set = set["PermissionSet"]["PermissionSetArn"].clone();
        for (call, input) in [
            ("identitystore:DescribeUser", json!({ "UserId": user })),
            ("identitystore:DescribeGroup", json!({ "GroupId": group })),
            (
                "identitystore:DescribeGroupMembership",
                json!({ "MembershipId": member["MembershipId"] }),
            ),
            (
                "sso:DescribePermissionSet",
                json!({ "PermissionSetArn": set }),
            ),
            (
                "sso:GetInlinePolicyForPermissionSet",
                json!({ "PermissionSetArn": set }),
            ),
            ("sso:ListTagsForResource", json!({ "ResourceArn": set })),
        ] {
            assert_eq!(bench.call(call, input).await.outcome(), "ok", "{call}");
        }
        let update = json!({ "PermissionSetArn": set, "Description": "changed" });
        bench.call("sso:UpdatePermissionSet", update).await;
        let describe = json!({ "PermissionSetArn": set });
        let described = bench
            .call("sso:DescribePermissionSet", describe)
            .await
            .json();
        assert_eq!(described["PermissionSet"]["Description"], "changed");
        let relay_state = &described["PermissionSet"]["RelayState"];
        assert!(relay_state.is_null(), "one that is left out goes");
        let row = bench.row("payments-dev", "PowerUser", user.as_str().unwrap());
        let made = bench.call("sso:CreateAccountAssignment", row).await.json();
        let id = made["AccountAssignmentCreationStatus"]["RequestId"].clone();
        let status = json!({ "AccountAssignmentCreationRequestId": id });
        let call = "sso:DescribeAccountAssignmentCreationStatus";
        assert_eq!(bench.call(call, status).await.outcome(), "ok");
        bench.tick(1_000);
    }
}

#[tokio::test]
async fn a_delegated_administrator_keeps_off_the_management_account() {
    let bench = Bench::small().await;
    let delegate = bench.account("shared-services");
    bench
        .mutate(
            json!({ "delegate": { "service": "sso.amazonaws.com", "account": "shared-services" } }),
        )
        .await;
    let keys = bench.simulator.credentials(&delegate).unwrap();
    let signer = crate::bench::Signer {
        key: keys.access_key_id,
        secret: keys.secret_access_key,
        ..bench.signer.clone()
    };
    let mara = bench.user("mara.lindqvist");
    let call = "sso:CreateAccountAssignment";
    for (account, set, expected) in [
        ("example-management", "PowerUser", "AccessDeniedException"),
        ("payments-dev", "Billing", "AccessDeniedException"),
        ("payments-dev", "PowerUser", "ok"),
    ] {
        let answer = bench
            .call_as(&signer, call, bench.row(account, set, &mara))
            .await;
        assert_eq!(answer.outcome(), expected, "{account} {set}");
        if expected != "ok" {
            let message = answer.json()["Message"].as_str().unwrap().to_owned();
            assert!(message.contains("is not authorized to perform: sso:CreateAccountAssignment on resource: arn:aws:sso:::permissionSet/"), "{message}");
        }
    }
}
