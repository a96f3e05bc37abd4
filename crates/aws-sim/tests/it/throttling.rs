use hallpass_aws_sim::{Options, organization};
use serde_json::json;

use crate::bench::{Bench, Signer, options};

async fn burst(bench: &Bench, operation: &str) -> (usize, String) {
    for taken in 0..100 {
        let answer = bench.call(operation, json!({})).await;
        if answer.status != 200 {
            return (taken, format!("{} {}", answer.status, answer.outcome()));
        }
    }
    (100, "never".to_owned())
}

#[tokio::test]
async fn bursts_and_refills() {
    let bench = Bench::new(Options {
        throttle: true,
        ..options()
    })
    .await;
    for (operation, size, error, refill) in [
        ("sso:ListPermissionSets", 20, "400 ThrottlingException", 20),
        ("identitystore:ListUsers", 20, "400 ThrottlingException", 20),
        (
            "organizations:ListRoots",
            20,
            "400 TooManyRequestsException",
            10,
        ),
    ] {
        assert_eq!(
            burst(&bench, operation).await,
            (size, error.to_owned()),
            "{operation}"
        );
        bench.tick(1_000);
        assert_eq!(
            burst(&bench, operation).await.0,
            refill,
            "{operation} after a second"
        );
    }
    let (_, log) = bench
        .control("GET", "/calls?outcome=throttled", serde_json::Value::Null)
        .await;
    assert_eq!(log["calls"].as_array().unwrap().len(), 6);
    assert_eq!(log["counters"]["sso:ListPermissionSets"]["throttled"], 2);
}

#[tokio::test]
async fn operations_of_an_instance_share_a_bucket_and_mistakes_are_free() {
    let bench = Bench::new(Options {
        throttle: true,
        ..options()
    })
    .await;
    for _ in 0..30 {
        let answer = bench
            .call("sso:ListPermissionSets", json!({ "MaxResults": 0 }))
            .await;
        assert_eq!(answer.outcome(), "ValidationException");
    }
    for _ in 0..10 {
        assert_eq!(
            bench.call("sso:ListPermissionSets", json!({})).await.status,
            200
        );
        assert_eq!(bench.call("sso:ListInstances", json!({})).await.status, 200);
    }
    assert_eq!(
        bench.call("sso:ListInstances", json!({})).await.outcome(),
        "ThrottlingException"
    );
}

#[tokio::test]
async fn accounts_of_an_organization_have_their_own_buckets() {
    let bench = Bench::new(Options {
        throttle: true,
        ..options()
    })
    .await;
    assert_eq!(
        burst(&bench, "organizations:DescribeOrganization").await.0,
        20
    );
    let keys = bench
        .simulator
        .credentials(&bench.account("payments-dev"))
        .unwrap();
    let other = Signer {
        key: keys.access_key_id,
        secret: keys.secret_access_key,
        ..bench.signer.clone()
    };
    assert_eq!(
        bench
            .call_as(&other, "organizations:DescribeOrganization", json!({}))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_file_and_a_switch_may_say_otherwise() {
    let mut file = organization::small();
    let limit = organization::Limit {
        rate: Some(2.0),
        burst: Some(3.0),
        outstanding: Some(1),
    };
    file.limits.insert("sso".to_owned(), limit);
    let behaviour = vec![("throttle_style".to_owned(), "429".to_owned())];
    let options = Options {
        organization: file,
        throttle: true,
        behaviour,
        ..options()
    };
    let bench = Bench::new(options).await;
    assert_eq!(
        burst(&bench, "sso:ListPermissionSets").await,
        (3, "429 ThrottlingException".to_owned())
    );
    bench.tick(10_000);
    let mara = bench.user("mara.lindqvist");
    let create = "sso:CreateAccountAssignment";
    assert_eq!(
        bench
            .call(create, bench.row("payments-prod", "PowerUser", &mara))
            .await
            .outcome(),
        "ok"
    );
    let second = bench
        .call(create, bench.row("orders-prod", "PowerUser", &mara))
        .await;
    assert!(
        second.text.contains("too many requests processing"),
        "{}",
        second.text
    );
}
