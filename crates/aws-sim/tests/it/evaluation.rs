//! Policies decide calls (`simulator.md` AU-4, N-2, N-5; rows F-14 and F-15).

use hallpass_aws_sim::{Authorization, Consistency, Options, organization::small};
use serde_json::{Value, json};

use crate::bench::{Bench, Signer, options};

pub(crate) const SCP: &str = "SERVICE_CONTROL_POLICY";

pub(crate) fn document(statement: Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

pub(crate) fn deny(action: &str) -> Value {
    document(json!({ "Sid": "No", "Effect": "Deny", "Action": action, "Resource": "*" }))
}

pub(crate) fn allow(action: &str) -> Value {
    document(json!({ "Effect": "Allow", "Action": action, "Resource": "*" }))
}

/// Attaches through the API and returns the policy's id.
pub(crate) async fn attach(bench: &Bench, target: &str, content: &Value) -> String {
    let create = json!({
        "Name": format!("p-{target}-{content}").chars().take(100).collect::<String>(),
        "Description": "", "Type": SCP, "Content": content.to_string(),
    });
    let made = bench.call("organizations:CreatePolicy", create).await;
    assert_eq!(made.outcome(), "ok", "{}", made.text);
    let id = made.json()["Policy"]["PolicySummary"]["Id"].clone();
    let attach = json!({ "PolicyId": id, "TargetId": target });
    let attached = bench.call("organizations:AttachPolicy", attach).await;
    assert_eq!(attached.outcome(), "ok", "{}", attached.text);
    id.as_str().unwrap().to_owned()
}

pub(crate) async fn try_it(bench: &Bench, signer: &Signer, calls: &[(&str, &str)]) {
    for (call, expected) in calls {
        let answer = match call.split_once(':').unwrap().0 {
            "organizations" | "sso" | "identitystore" => {
                bench.call_as(signer, call, json!({})).await
            }
            _ => bench.form(signer, call).await,
        };
        assert_eq!(answer.outcome(), *expected, "{call} {}", answer.text);
    }
}

fn above(bench: &Bench) -> Vec<String> {
    let names = ["Workloads", "NonProd", "Development"];
    names.map(|name| bench.unit(name)).to_vec()
}

#[tokio::test]
async fn denials_name_the_layer_where_aws_does() {
    let bench = Bench::small().await;
    let account = bench.account("payments-dev");
    let root = bench.file().organization.root;
    let member = bench.member("payments-dev");
    let mara = bench
        .enter("mara.lindqvist", "payments-dev", "ReadOnly")
        .await;
    let answer = bench
        .call_as(&mara, "organizations:DescribeOrganization", json!({}))
        .await;
    assert_eq!(answer.outcome(), "ok", "{}", answer.text);
    let answer = bench
        .call_as(
            &mara,
            "organizations:EnablePolicyType",
            json!({ "RootId": root, "PolicyType": "S3_POLICY" }),
        )
        .await;
    let why = "because no identity-based policy allows the organizations:EnablePolicyType action";
    assert!(answer.text.contains(why), "{}", answer.text);
    // Identity Center gives no reason
    attach(&bench, &account, &deny("sso:*")).await;
    let set = bench.set("ReadOnly");
    let answer = bench
        .call_as(
            &member,
            "sso:DescribePermissionSet",
            json!({ "PermissionSetArn": set }),
        )
        .await;
    assert_eq!(answer.outcome(), "AccessDeniedException");
    let message = answer.json()["Message"].as_str().unwrap().to_owned();
    let end = format!(
        "is not authorized to perform: sso:DescribePermissionSet on resource: {}",
        bench.simulator.identity_center().instance_arn
    );
    assert!(message.ends_with(&end), "{message}");
    bench
        .call_as(
            &bench.member("sandbox-data"),
            "organizations:ListRoots",
            json!({}),
        )
        .await;
    let (_, log) = bench
        .control("GET", "/calls?outcome=denied", Value::Null)
        .await;
    let by = &log["calls"].as_array().unwrap().last().unwrap()["denied_by"];
    assert_eq!(*by, json!({ "layer": "account" }));
    let (_, state) = bench.control("GET", "/state", Value::Null).await;
    assert_eq!(
        (&state["policies"], &state["authorization"]),
        (&json!("evaluated"), &json!("rules"))
    );
}

#[tokio::test]
async fn a_policy_is_in_force_within_five_seconds_and_not_always_at_once() {
    let (mut late, mut early) = (0, 0);
    let bench = Bench::new(Options {
        consistency: Some(Consistency::Typical),
        ..options()
    })
    .await;
    for name in ["payments-dev", "orders-dev", "edge-dev", "search-dev"] {
        attach(&bench, &bench.account(name), &deny("iam:*")).await;
        let member = bench.member(name);
        for tenth in 0..=50 {
            if bench.form(&member, "iam:ListRoles").await.outcome() == "AccessDenied" {
                if tenth == 0 {
                    early += 1;
                } else {
                    late += 1;
                }
                break;
            }
            bench.advance(0.1).await;
        }
    }
    assert_eq!(early + late, 4);
    assert!(late >= 2, "{early} {late}");
}

#[tokio::test]
async fn from_where_and_from_which_organization() {
    let bench = Bench::small().await;
    let file = bench.file();
    let account = bench.account("payments-dev");
    let ous = above(&bench).join("/");
    let path = format!("{}/{}/{ous}/", file.organization.id, file.organization.root);
    let statement = |sid: &str, action: &str, condition: Value| json!({ "Sid": sid, "Effect": "Deny", "Action": action, "Resource": "*", "Condition": condition });
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        statement("Vpn", "iam:ListUsers", json!({ "NotIpAddress": { "aws:SourceIp": ["10.8.0.0/16", "2001:db8::/32"] } })),
        statement("Org", "iam:GetUser", json!({ "StringEquals": { "aws:PrincipalOrgID": file.organization.id } })),
        statement("Path", "iam:ListAccountAliases", json!({ "ForAnyValue:StringEquals": { "aws:PrincipalOrgPaths": path } })),
        statement("Name", "ec2:DescribeRegions", json!({ "StringEquals": { "aws:username": "sim-admin", "aws:PrincipalType": "User" } })),
    ] });
    attach(&bench, &account, &policy).await;
    let member = bench.member("payments-dev");
    for (source, expected) in [
        (None, "AccessDenied"),
        (Some("10.8.3.4"), "ok"),
        (Some("2001:db8::7"), "ok"),
        (Some("10.9.0.1"), "AccessDenied"),
        (Some("nonsense"), "AccessDenied"),
    ] {
        let answer = bench.form_from(&member, "iam:ListUsers", source).await;
        assert_eq!(answer.outcome(), expected, "{source:?} {}", answer.text);
    }
    try_it(
        &bench,
        &member,
        &[
            ("iam:GetUser", "AccessDenied"),
            ("iam:ListAccountAliases", "AccessDenied"),
            ("ec2:DescribeRegions", "UnauthorizedOperation"),
            ("iam:ListRoles", "ok"),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_delegated_administrator_is_held_back_by_resource() {
    let mut organization = small();
    organization.organization.delegated_administrators =
        vec![hallpass_aws_sim::organization::Delegation {
            account: "shared-services".to_owned(),
            service: "sso.amazonaws.com".to_owned(),
            since: None,
        }];
    let bench = Bench::new(Options {
        organization,
        ..options()
    })
    .await;
    let account = bench.account("shared-services");
    let fence = document(json!({
        "Sid": "Fence", "Effect": "Deny", "Action": "sso:CreateAccountAssignment",
        "Resource": format!("arn:aws:sso:::account/{}", bench.account("payments-prod")),
    }));
    attach(&bench, &account, &fence).await;
    let delegate = bench.member("shared-services");
    let mara = bench.user("mara.lindqvist");
    for (target, expected) in [
        ("payments-dev", "ok"),
        ("payments-prod", "AccessDeniedException"),
    ] {
        let row = bench.row(target, "PowerUser", &mara);
        let answer = bench
            .call_as(&delegate, "sso:CreateAccountAssignment", row)
            .await;
        assert_eq!(answer.outcome(), expected, "{target} {}", answer.text);
    }
}

#[tokio::test]
async fn nothing_is_looked_at_with_authorization_off() {
    let bench = Bench::new(Options {
        authorization: Authorization::Off,
        ..options()
    })
    .await;
    attach(&bench, &bench.file().organization.root, &deny("*")).await;
    try_it(
        &bench,
        &bench.member("payments-dev"),
        &[("iam:ListRoles", "ok"), ("organizations:ListRoots", "ok")],
    )
    .await;
    let (_, state) = bench.control("GET", "/state", Value::Null).await;
    assert_eq!(state["policies"], "not evaluated");
}

#[tokio::test]
async fn somebody_else_attaches_at_once() {
    let bench = Bench::new(Options {
        consistency: Some(Consistency::Typical),
        ..options()
    })
    .await;
    let member = bench.member("payments-dev");
    let change = |policy: Value| json!({ "attach_scp": { "target": "Workloads/NonProd", "policy": policy } });
    for (policy, status) in [
        (deny("iam:*"), 200),
        (json!({ "Statement": [{ "Effect": "No" }] }), 400),
        (json!("nothing"), 400),
    ] {
        assert_eq!(bench.mutate(change(policy)).await.0, status);
    }
    try_it(&bench, &member, &[("iam:ListRoles", "AccessDenied")]).await;
    let listed = bench
        .call("organizations:ListPolicies", json!({ "Filter": SCP }))
        .await
        .json();
    let rows = listed["Policies"].as_array().unwrap().iter();
    let name = rows
        .map(|row| row["Name"].as_str().unwrap())
        .find(|name| name.starts_with("attached-"))
        .unwrap();
    let off = json!({ "detach_scp": { "target": "Workloads/NonProd", "policy": name } });
    assert_eq!(bench.mutate(off.clone()).await.0, 200);
    assert_eq!(bench.mutate(off).await.0, 400);
    try_it(&bench, &member, &[("iam:ListRoles", "ok")]).await;
}
