use std::time::Instant;

use serde_json::{Value, json};

use crate::bench::Bench;

const LIST: &str = "sso:ListPermissionSets";

#[tokio::test]
async fn errors_count_skip_and_stop() {
    let bench = Bench::small().await;
    bench
        .fault(json!({
            "kind": "error", "code": "InternalServerException", "http": 500, "message": "boom",
            "count": 2, "skip": 1, "match": { "service": "sso", "operation": "List*" },
        }))
        .await;
    let mut seen = Vec::new();
    for _ in 0..5 {
        let answer = bench.call(LIST, json!({})).await;
        seen.push(answer.status);
    }
    assert_eq!(
        bench
            .call("identitystore:ListUsers", json!({}))
            .await
            .status,
        200
    );
    assert_eq!(seen, [200, 500, 500, 200, 200]);
    let (_, faults) = bench.control("GET", "/faults", Value::Null).await;
    assert_eq!(
        (
            &faults["faults"][0]["matched"],
            &faults["faults"][0]["fired"]
        ),
        (&json!(5), &json!(2))
    );
    let (status, _) = bench.control("DELETE", "/faults/f1", Value::Null).await;
    assert_eq!(status, 204);
    assert_eq!(
        bench.control("DELETE", "/faults/f1", Value::Null).await.0,
        404
    );
}

#[tokio::test]
async fn probability_depends_on_seed_and_number_alone() {
    let pattern = async |seed: u64| {
        let bench = Bench::small().await;
        bench
            .fault(json!({ "kind": "error", "code": "X", "probability": 0.3, "seed": seed }))
            .await;
        let mut pattern = String::new();
        for _ in 0..40 {
            pattern.push(if bench.call(LIST, json!({})).await.status == 200 {
                '.'
            } else {
                'x'
            });
        }
        pattern
    };
    let first = pattern(42).await;
    assert_eq!(first, pattern(42).await);
    assert_ne!(first, pattern(43).await);
    let fired = first.matches('x').count();
    assert!((4..=22).contains(&fired), "{first}");
}

#[tokio::test]
async fn matches_look_at_account_principal_and_set() {
    let bench = Bench::small().await;
    let mara = bench.user("mara.lindqvist");
    let row = bench.row("payments-prod", "PowerUser", &mara);
    for (matches, hits) in [
        (json!({ "account": bench.account("payments-prod") }), true),
        (json!({ "account": bench.account("orders-prod") }), false),
        (json!({ "principal": mara }), true),
        (json!({ "principal": "mara.lindqvist@example.com" }), true),
        (json!({ "principal": "noor.haddad@example.com" }), false),
        (json!({ "permission_set": "PowerUser" }), true),
        (json!({ "permission_set": "Billing" }), false),
        (
            json!({ "caller_account": bench.account("example-management") }),
            true,
        ),
        (
            json!({ "region": "eu-west-1", "operation": "Create*Assignment" }),
            true,
        ),
        (json!({ "region": "eu-west-2" }), false),
    ] {
        bench
            .fault(json!({ "kind": "error", "code": "Hit", "match": matches }))
            .await;
        let outcome = bench
            .call("sso:CreateAccountAssignment", row.clone())
            .await
            .outcome();
        assert_eq!(outcome == "Hit", hits, "{matches}");
        bench.control("DELETE", "/faults", Value::Null).await;
        bench.advance(61.0).await;
    }
}

#[tokio::test]
async fn connections_are_cut_before_and_after_the_effect() {
    let bench = Bench::small().await;
    let instance = bench.simulator.identity_center().instance_arn;
    let create = |name: &str| json!({ "InstanceArn": instance, "Name": name });
    let sets = async || {
        let (_, state) = bench.control("GET", "/state", Value::Null).await;
        state["organization"]["permission_sets"].as_u64().unwrap()
    };
    for (number, how) in [
        json!("reset"),
        json!("close"),
        json!({ "hang_seconds": 0.2 }),
    ]
    .iter()
    .enumerate()
    {
        let before = sets().await;
        bench
            .fault(json!({ "kind": "drop_before_effect", "how": how, "count": 1 }))
            .await;
        assert!(
            bench
                .try_call("CreatePermissionSet", &create(&format!("b{number}")))
                .await
                .is_err(),
            "{how}"
        );
        assert_eq!(sets().await, before, "{how}");
        bench
            .fault(json!({ "kind": "drop_after_effect", "how": how, "count": 1 }))
            .await;
        assert!(
            bench
                .try_call("CreatePermissionSet", &create(&format!("a{number}")))
                .await
                .is_err(),
            "{how}"
        );
        assert_eq!(sets().await, before + 1, "{how}");
        bench.control("DELETE", "/faults", Value::Null).await;
    }
    let (_, log) = bench
        .control("GET", "/calls?outcome=dropped", Value::Null)
        .await;
    let effects: Vec<bool> = log["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["effect"] == true)
        .collect();
    assert_eq!(effects, [false, true, false, true, false, true]);
}

#[tokio::test]
async fn latency_is_real_time() {
    let bench = Bench::small().await;
    for distribution in [
        json!({ "fixed_ms": 80 }),
        json!({ "uniform_ms": [80, 90] }),
        json!({ "lognormal_ms": { "median": 300, "p99": 400 } }),
    ] {
        for when in ["before", "after"] {
            bench.fault(json!({ "kind": "latency", "distribution": distribution, "when": when, "count": 1 })).await;
            let started = Instant::now();
            assert_eq!(bench.call(LIST, json!({})).await.status, 200);
            assert!(started.elapsed().as_millis() >= 80, "{distribution} {when}");
        }
    }
}

#[tokio::test]
async fn throttle_has_its_own_bucket() {
    let bench = Bench::small().await;
    bench
        .fault(json!({ "kind": "throttle", "rate": 1, "burst": 2, "scope": "operation" }))
        .await;
    let mut seen = Vec::new();
    for operation in [LIST, LIST, LIST, "sso:ListInstances"] {
        seen.push(bench.call(operation, json!({})).await.outcome());
    }
    assert_eq!(seen, ["ok", "ok", "ThrottlingException", "ok"]);
    bench.tick(1_000);
    assert_eq!(bench.call(LIST, json!({})).await.outcome(), "ok");
}

#[tokio::test]
async fn asynchronous_operations() {
    let bench = Bench::small().await;
    let row = bench.row("payments-prod", "PowerUser", &bench.user("mara.lindqvist"));
    bench
        .fault(json!({ "kind": "fail_async", "reason": "because", "count": 1 }))
        .await;
    assert_eq!(
        bench.settle("Create", &row).await,
        ("FAILED".to_owned(), "because".to_owned())
    );
    assert_eq!(bench.count("payments-prod", "PowerUser").await, 0);
    bench
        .fault(json!({ "kind": "fail_async", "reason": "anyway", "effect": "done", "count": 1 }))
        .await;
    assert_eq!(
        bench.settle("Create", &row).await,
        ("FAILED".to_owned(), "anyway".to_owned())
    );
    assert_eq!(bench.count("payments-prod", "PowerUser").await, 1);
    bench
        .fault(json!({ "kind": "async_without_status", "count": 1 }))
        .await;
    assert_eq!(
        bench.settle("Delete", &row).await,
        (String::new(), String::new())
    );
    assert_eq!(bench.count("payments-prod", "PowerUser").await, 0);
    bench
        .fault(json!({ "kind": "stuck_in_progress", "seconds": 600, "count": 1 }))
        .await;
    assert_eq!(bench.settle("Create", &row).await.0, "IN_PROGRESS");
    let (_, state) = bench.control("GET", "/state", Value::Null).await;
    assert_eq!(state["in_flight"][0]["permission_set"], "PowerUser");
    let (_, moved) = bench
        .control("POST", "/advance", json!({ "seconds": 600 }))
        .await;
    assert_eq!(moved["completed"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn clock_and_credentials() {
    let bench = Bench::small().await;
    bench
        .fault(json!({ "kind": "clock_skew", "seconds": 600, "count": 1 }))
        .await;
    assert_eq!(
        bench.call(LIST, json!({})).await.outcome(),
        "InvalidSignatureException"
    );
    assert_eq!(bench.call(LIST, json!({})).await.outcome(), "ok");
    bench.fault(json!({ "kind": "expire_credentials", "count": 1, "match": { "operation": "ListPermissionSets" } })).await;
    assert_eq!(
        bench.call(LIST, json!({})).await.outcome(),
        "ExpiredTokenException"
    );
    assert_eq!(bench.call(LIST, json!({})).await.outcome(), "ok");
}

#[tokio::test]
async fn a_fault_has_its_hours() {
    let bench = Bench::small().await;
    bench
        .fault(json!({
            "kind": "error", "code": "X",
            "from": "2026-11-20T08:00:00Z", "until": "2026-11-20T09:00:00Z",
        }))
        .await;
    assert_eq!(bench.call(LIST, json!({})).await.outcome(), "ok");
    bench.advance(3_600.0).await;
    assert_eq!(bench.call(LIST, json!({})).await.outcome(), "X");
    bench.advance(3_600.0).await;
    assert_eq!(bench.call(LIST, json!({})).await.outcome(), "ok");
}

#[tokio::test]
async fn what_is_wrong_with_a_fault_is_named() {
    let bench = Bench::small().await;
    for (fault, field) in [
        (
            json!({ "faults": [{ "kind": "nonsense" }] }),
            "faults[0].kind",
        ),
        (json!({ "kind": "error" }), "code"),
        (
            json!({ "kind": "error", "code": "X", "colour": "red" }),
            "colour",
        ),
        (
            json!({ "kind": "error", "code": "X", "probability": 2 }),
            "probability",
        ),
        (json!({ "kind": "throttle", "rate": -1 }), "rate"),
        (
            json!({ "kind": "latency", "distribution": { "fixed_ms": 1, "uniform_ms": [1, 2] } }),
            "distribution",
        ),
        (
            json!({ "kind": "error", "code": "X", "match": { "operations": "List*" } }),
            "match.operations",
        ),
        (json!({ "kind": "partial_page", "items": -1 }), "items"),
        (
            json!({ "kind": "token_expired", "from": "yesterday" }),
            "from",
        ),
    ] {
        let (status, answer) = bench.control("POST", "/faults", fault.clone()).await;
        assert_eq!(
            (status, answer["error"]["field"].as_str()),
            (400, Some(field)),
            "{fault}"
        );
        assert_eq!(answer["error"]["code"], "bad_request");
    }
    let (_, faults) = bench.control("GET", "/faults", Value::Null).await;
    assert_eq!(faults["faults"], json!([]));
}
