//! Authorization `full`: identity policies, boundaries, session policies, resource control
//! policies.

use std::fmt::Write as _;

use hallpass_aws_sim::{Authorization, Options};
use serde_json::{Value, json};

use crate::{
    bench::{Bench, Signer, options},
    evaluation::{allow, document, try_it},
};

async fn full() -> Bench {
    Bench::new(Options {
        authorization: Authorization::Full,
        ..options()
    })
    .await
}

pub(crate) fn encoded(document: &Value) -> String {
    let mut out = String::new();
    for byte in document.to_string().bytes() {
        write!(out, "%{byte:02X}").unwrap();
    }
    out
}

#[tokio::test]
async fn users_do_what_their_policies_say_with_authorization_full() {
    let bench = full().await;
    let account = bench.account("payments-dev");
    let own = json!({
        "iam": { account.clone(): {
            "users": [
                { "name": "nobody", "keys": [{ "id": "AKIANOBODY0000000001" }] },
                { "name": "reader", "policies": ["IAMReadOnlyAccess"], "keys": [{ "id": "AKIAREADER0000000001" }] },
                { "name": "boxed", "policies": ["AdministratorAccess"], "boundary": "IAMReadOnlyAccess", "keys": [{ "id": "AKIABOXED00000000001" }] },
                { "name": "inline", "inline": [allow("ec2:*")], "keys": [{ "id": "AKIAINLINE0000000001" }] },
            ],
        } },
        "credentials": [
            { "access_key_id": "AKIANOBODYOWN0000001", "secret_access_key": "s", "principal": format!("arn:aws:iam::{account}:user/nobody") },
            { "access_key_id": "AKIAREADEROWN0000001", "secret_access_key": "s", "principal": format!("arn:aws:iam::{account}:user/reader") },
            { "access_key_id": "AKIABOXEDOWN00000001", "secret_access_key": "s", "principal": format!("arn:aws:iam::{account}:user/boxed") },
            { "access_key_id": "AKIAINLINEOWN0000001", "secret_access_key": "s", "principal": format!("arn:aws:iam::{account}:user/inline") },
        ],
    });
    let (status, said) = bench.control("POST", "/load?merge=1", own).await;
    assert_eq!(status, 200, "{said}");
    let key = |id: &str| Signer {
        key: id.to_owned(),
        secret: "s".to_owned(),
        token: None,
        region: bench.signer.region.clone(),
    };
    let (no, ec2) = ("AccessDenied", "UnauthorizedOperation");
    for (id, iam, regions) in [
        ("AKIANOBODYOWN0000001", no, ec2),
        ("AKIAREADEROWN0000001", "ok", ec2),
        ("AKIABOXEDOWN00000001", "ok", ec2),
        ("AKIAINLINEOWN0000001", no, "ok"),
    ] {
        try_it(
            &bench,
            &key(id),
            &[("iam:ListRoles", iam), ("ec2:DescribeRegions", regions)],
        )
        .await;
    }
    let answer = bench
        .form(&key("AKIABOXEDOWN00000001"), "ec2:DescribeRegions")
        .await;
    assert!(
        answer
            .text
            .contains("because no permissions boundary allows the ec2:DescribeRegions action"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn session_policies_with_authorization_full() {
    let bench = full().await;
    let account = bench.account("payments-dev");
    let trust = format!("arn:aws:iam::{account}:root");
    let own = json!({ "iam": { account.clone(): { "roles": [
        { "name": "all", "trust": [trust], "policies": ["AdministratorAccess"] },
    ] } } });
    let (status, said) = bench.control("POST", "/load?merge=1", own).await;
    assert_eq!(status, 200, "{said}");
    let ec2 = "UnauthorizedOperation";
    let member = bench.member("payments-dev");
    let role = format!("arn:aws:iam::{account}:role/all");
    let policy = encoded(&allow("iam:*"));
    let wide = bench.assume(&member, &role, "").await;
    let narrow = bench
        .assume(&member, &role, &format!("&Policy={policy}"))
        .await;
    try_it(
        &bench,
        &wide,
        &[("iam:ListRoles", "ok"), ("ec2:DescribeRegions", "ok")],
    )
    .await;
    try_it(
        &bench,
        &narrow,
        &[("iam:ListRoles", "ok"), ("ec2:DescribeRegions", ec2)],
    )
    .await;
    let bad = format!("Action=AssumeRole&RoleSessionName=me&RoleArn={role}&Policy=%7B%7D");
    assert_eq!(
        bench.query(&member, &bad).await.outcome(),
        "MalformedPolicyDocument"
    );
}

#[tokio::test]
async fn policies_see_how_a_role_is_taken() {
    let bench = full().await;
    let account = bench.account("payments-dev");
    let role = format!("arn:aws:iam::{account}:role/OrganizationAccountAccessRole");
    let root = bench.file().organization.root;
    let enable = json!({ "RootId": root, "PolicyType": "RESOURCE_CONTROL_POLICY" });
    bench.call("organizations:EnablePolicyType", enable).await;
    let content = document(json!({
        "Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*",
        "Condition": { "StringEquals": { "sts:RoleSessionName": "nobody" } },
    }));
    let create = json!({ "Name": "names", "Description": "", "Type": "RESOURCE_CONTROL_POLICY", "Content": content.to_string() });
    let made = bench
        .call("organizations:CreatePolicy", create)
        .await
        .json();
    let attach = json!({ "PolicyId": made["Policy"]["PolicySummary"]["Id"], "TargetId": account });
    bench.call("organizations:AttachPolicy", attach).await;
    for (name, outcome) in [("me", "ok"), ("nobody", "AccessDenied")] {
        let form = format!("Action=AssumeRole&RoleSessionName={name}&RoleArn={role}");
        let answer = bench.query(&bench.signer, &form).await;
        assert_eq!(answer.outcome(), outcome, "{name}: {}", answer.text);
    }
}

async fn giver(bench: &Bench, rights: &[&Value]) -> Signer {
    let management = bench.account("example-management");
    let mut policy = allow("sso:*");
    let statements = policy["Statement"].as_array_mut().unwrap();
    statements.extend(rights.iter().map(|it| (*it).clone()));
    let own = json!({
        "iam": { management.clone(): { "users": [{ "name": "giver", "inline": [policy] }] } },
        "credentials": [{ "access_key_id": "AKIAGIVEROWN00000001", "secret_access_key": "s", "principal": format!("arn:aws:iam::{management}:user/giver") }],
    });
    let (status, said) = bench.control("POST", "/load?merge=1", own).await;
    assert_eq!(status, 200, "{said}");
    Signer {
        key: "AKIAGIVEROWN00000001".to_owned(),
        secret: "s".to_owned(),
        token: None,
        region: bench.signer.region.clone(),
    }
}

/// The caller's IAM rights, and the error of assigning and removing `PowerUser`, otherwise unused
/// in the account: in the management account Identity Center acts with its caller's rights.
#[tokio::test]
async fn roles_of_the_management_account_are_made_with_the_callers_rights() {
    const ROLES: &str = "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*";
    let on = |actions: &[&str], resource: &str| json!({ "Effect": "Allow", "Action": actions, "Resource": resource });
    let provider = on(
        &["iam:GetSAMLProvider"],
        "arn:aws:iam::*:saml-provider/AWSSSO_*_DO_NOT_DELETE",
    );
    let looks = on(&["iam:Get*", "iam:List*"], ROLES);
    let makes = on(
        &[
            "iam:CreateRole",
            "iam:AttachRolePolicy",
            "iam:PutRolePolicy",
        ],
        ROLES,
    );
    let removes = on(
        &[
            "iam:DetachRolePolicy",
            "iam:DeleteRolePolicy",
            "iam:DeleteRole",
        ],
        ROLES,
    );
    let (theirs, member) = ("example-management", "payments-dev");
    for (rights, account, refused) in [
        (vec![], theirs, [Some("iam:GetSAMLProvider"), None]),
        (
            vec![&provider, &looks],
            theirs,
            [Some("iam:CreateRole"), None],
        ),
        (
            vec![&provider, &looks, &makes],
            theirs,
            [None, Some("iam:DetachRolePolicy")],
        ),
        (
            vec![&provider, &looks, &makes, &removes],
            theirs,
            [None, None],
        ),
        (vec![], member, [None, None]),
    ] {
        let bench = full().await;
        let giver = giver(&bench, &rights).await;
        let row = bench.row(account, "PowerUser", &bench.user("mara.lindqvist"));
        for (operation, refused) in ["Create", "Delete"].into_iter().zip(refused) {
            let (state, why) = bench.settle_as(&giver, operation, &row).await;
            let case = format!("{operation} in {account} with {rights:?}: {why}");
            let Some(action) = refused else {
                assert_eq!(state, "SUCCEEDED", "{case}");
                continue;
            };
            assert_eq!(state, "FAILED", "{case}");
            let words = format!("not authorized to perform: {action} on");
            assert!(
                why.contains("Received a 403 status error") && why.contains(&words),
                "{case}"
            );
            break;
        }
    }
}
