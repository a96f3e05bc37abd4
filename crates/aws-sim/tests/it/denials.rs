//! Authorization ids of denials, and their details (`simulator.md` §2.9).

use hallpass_aws_sim::Options;
use serde_json::json;

use crate::bench::{Bench, options};
use crate::evaluation::attach;

async fn denying(ids: &str) -> Bench {
    let bench = Bench::new(Options {
        behaviour: vec![("authorization_ids".to_owned(), ids.to_owned())],
        ..options()
    })
    .await;
    let account = bench.account("payments-dev");
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "No", "Effect": "Deny", "Action": "iam:ListRoles", "Resource": "*"}]});
    attach(&bench, &account, &policy).await;
    bench
}

#[tokio::test]
async fn details_are_told_by_the_id_where_the_call_was_denied() {
    let bench = denying("given").await;
    let member = bench.member("payments-dev");
    let denied = bench.form(&member, "iam:ListRoles").await;
    let (_, id) = denied.text.split_once("authorization id: ").unwrap();
    let id: String = id.chars().take_while(char::is_ascii_alphanumeric).collect();
    let path = format!("iam/authorization-details/{id}");
    // IAM is in us-east-1 for any scope
    let mut there = bench.member("payments-dev");
    "us-east-1".clone_into(&mut there.region);
    let told = bench.get(&there, &path).await;
    assert_eq!(told.status, 200, "{}", told.text);
    let told = told.json();
    assert_eq!(
        told["evaluations"][0]["checks"][0]["checkType"],
        "SERVICE_CONTROL_POLICY"
    );
    let denied = &told["evaluations"][0];
    assert_eq!(
        (&denied["action"], &denied["evaluatedEffect"]),
        (&json!("iam:ListRoles"), &json!("EXPLICIT_DENY"))
    );
    let key = told["requestContext"].as_object().unwrap();
    let arn = key
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("aws:PrincipalArn"));
    assert!(
        arn.is_some_and(|(_, arn)| arn.as_str().unwrap().contains("sim-admin")),
        "{key:?}"
    );
    let mut elsewhere = bench.member("payments-dev");
    "eu-north-1".clone_into(&mut elsewhere.region);
    for (signer, path) in [
        (
            &there,
            "iam/authorization-details/0unknown0unknown0unknown00",
        ),
        (&elsewhere, path.as_str()),
    ] {
        let none = bench.get(signer, path).await;
        assert_eq!(none.status, 404, "{path} {}", none.text);
    }
}

#[tokio::test]
async fn denials_have_no_id_unless_asked_for() {
    let bench = denying("none").await;
    let denied = bench
        .form(&bench.member("payments-dev"), "iam:ListRoles")
        .await;
    assert_eq!(denied.status, 403);
    assert!(!denied.text.contains("authorization"), "{}", denied.text);
}
