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
