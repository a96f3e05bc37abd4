//! Policy rights delegated by the management account (`simulator.md` §2.5).

use serde_json::{Value, json};

use crate::bench::Bench;

const SCP: &str = "SERVICE_CONTROL_POLICY";
const CONTENT: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}"#;

/// Hallpass's delegation policy: service control policies, on accounts.
fn wanted(account: &str) -> Value {
    let who = json!({ "AWS": format!("arn:aws:iam::{account}:root") });
    let only = json!({ "StringLikeIfExists": { "organizations:PolicyType": SCP } });
    let policies = "arn:aws:organizations::*:policy/o-*/service_control_policy/*";
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": who, "Resource": policies, "Condition": only, "Action": [
            "organizations:CreatePolicy", "organizations:UpdatePolicy", "organizations:DeletePolicy", "organizations:TagResource",
        ] },
        { "Effect": "Allow", "Principal": who, "Resource": [policies, "arn:aws:organizations::*:account/o-*/*"], "Condition": only, "Action": [
            "organizations:AttachPolicy", "organizations:DetachPolicy",
        ] },
    ] })
}

async fn of(bench: &Bench, account: &str, operation: &str, input: Value) -> String {
    let operation = format!("organizations:{operation}");
    let signer = bench.member(account);
    let answer = bench.call_as(&signer, &operation, input).await;
    answer.outcome()
}

fn named(name: &str, kind: &str) -> Value {
    json!({ "Name": name, "Description": "", "Type": kind, "Content": CONTENT })
}

async fn put(bench: &Bench, policy: &Value) -> String {
    let input = json!({ "Content": policy.to_string() });
    let operation = "organizations:PutResourcePolicy";
    bench.call(operation, input).await.outcome()
}

async fn made(bench: &Bench, name: &str) -> String {
    let input = named(name, SCP);
    let made = bench.call("organizations:CreatePolicy", input).await.json();
    let id = made["Policy"]["PolicySummary"]["Id"].as_str();
    id.unwrap().to_owned()
}

#[tokio::test]
async fn a_delegated_administrator_writes_what_the_delegation_policy_says() {
    let bench = Bench::small().await;
    let (admin, target) = (
        bench.account("shared-services"),
        bench.account("payments-dev"),
    );
    let registered = json!({ "AccountId": admin, "ServicePrincipal": "sso.amazonaws.com" });
    let operation = "organizations:RegisterDelegatedAdministrator";
    let said = bench.call(operation, registered).await.outcome();
    assert!(
        ["ok", "AccountAlreadyRegisteredException"].contains(&said.as_str()),
        "{said}"
    );
    let (policy, no, name) = (
        made(&bench, "theirs").await,
        "AccessDeniedException",
        "shared-services",
    );
    let attached = json!({ "PolicyId": policy, "TargetId": target });
    let rooted = json!({ "PolicyId": policy, "TargetId": bench.file().organization.root });
    let describe = "DescribeResourcePolicy";
    let none = "ResourcePolicyNotFoundException";
    assert_eq!(of(&bench, name, describe, json!({})).await, none);
    assert_eq!(of(&bench, name, "CreatePolicy", named("a", SCP)).await, no);
    assert_eq!(of(&bench, name, "AttachPolicy", attached.clone()).await, no);
    assert_eq!(put(&bench, &wanted(&admin)).await, "ok");
    let own = json!({ "Content": wanted(&admin).to_string() });
    for (who, operation, input, expected) in [
        (name, describe, json!({}), "ok"),
        (name, "CreatePolicy", named("a", SCP), "ok"),
        (name, "CreatePolicy", named("b", "TAG_POLICY"), no),
        (
            name,
            "UpdatePolicy",
            json!({ "PolicyId": policy, "Description": "x" }),
            "ok",
        ),
        (name, "AttachPolicy", attached.clone(), "ok"),
        (name, "DetachPolicy", attached.clone(), "ok"),
        (name, "AttachPolicy", rooted, no),
        (name, "PutResourcePolicy", own, no),
        (name, "DeleteResourcePolicy", json!({}), no),
        ("payments-dev", "AttachPolicy", attached.clone(), no),
        ("payments-dev", "ListPolicies", json!({ "Filter": SCP }), no),
    ] {
        let said = of(&bench, who, operation, input).await;
        assert_eq!(said, expected, "{who} {operation}");
    }
    let (_, before) = bench.control("GET", "/state?full=1", Value::Null).await;
    let stated = before["file"]["organization"]["delegation_policy"].as_str();
    assert_eq!(stated, Some(wanted(&admin).to_string().as_str()));
    let (status, said) = bench.control("POST", "/load", before["file"].clone()).await;
    assert_eq!(status, 200, "{said}");
    assert_eq!(
        of(&bench, name, "AttachPolicy", attached.clone()).await,
        "ok"
    );
    let delete = "organizations:DeleteResourcePolicy";
    assert_eq!(bench.call(delete, json!({})).await.outcome(), "ok");
    assert_eq!(bench.call(delete, json!({})).await.outcome(), none);
    assert_eq!(of(&bench, name, "DetachPolicy", attached).await, no);
}

#[tokio::test]
async fn what_is_no_policy_is_not_taken() {
    let bench = Bench::small().await;
    let input = json!({ "Content": "{" });
    let answer = bench.call("organizations:PutResourcePolicy", input).await;
    assert_eq!(answer.outcome(), "InvalidInputException");
    assert_eq!(answer.json()["Reason"], "INVALID_RESOURCE_POLICY_JSON");
}
