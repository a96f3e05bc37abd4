//! Policies decide the calls of sessions (`simulator.md` AU-4, N-2, N-5; rows F-14 and F-15).

use serde_json::json;

use crate::{
    bench::{Bench, Signer},
    evaluation::{attach, deny, document, try_it},
};

#[tokio::test]
async fn a_changed_set_counts_once_it_is_provisioned() {
    let bench = Bench::small().await;
    let session = bench
        .enter("noor.haddad", "payments-staging", "Support")
        .await;
    let arn = bench.set("Support");
    let inline = json!({ "PermissionSetArn": arn, "InlinePolicy": deny("iam:*").to_string() });
    try_it(&bench, &session, &[("iam:ListRoles", "ok")]).await;
    assert_eq!(
        bench
            .call("sso:PutInlinePolicyToPermissionSet", inline)
            .await
            .outcome(),
        "ok"
    );
    let detach = json!({
        "PermissionSetArn": arn, "ManagedPolicyArn": "arn:aws:iam::aws:policy/job-function/SupportUser",
    });
    assert_eq!(
        bench
            .call("sso:DetachManagedPolicyFromPermissionSet", detach)
            .await
            .outcome(),
        "ok"
    );
    try_it(
        &bench,
        &session,
        &[("iam:ListRoles", "ok"), ("ec2:DescribeRegions", "ok")],
    )
    .await;
    let provision = json!({ "PermissionSetArn": arn, "TargetType": "ALL_PROVISIONED_ACCOUNTS" });
    assert_eq!(
        bench
            .call("sso:ProvisionPermissionSet", provision)
            .await
            .outcome(),
        "ok"
    );
    bench.advance(61.0).await;
    try_it(
        &bench,
        &session,
        &[
            ("iam:ListRoles", "AccessDenied"),
            ("ec2:DescribeRegions", "UnauthorizedOperation"),
        ],
    )
    .await;
    let answer = bench.form(&session, "iam:ListRoles").await;
    assert!(
        answer
            .text
            .contains("with an explicit deny in an identity-based policy"),
        "{}",
        answer.text
    );
}

/// A narrowed session is the same user in the same role (AWS: model of STS,
/// `GetScopedCredentials`): a denial of the user applies to it, and it ends no later than the
/// original.
#[tokio::test]
async fn narrower_credentials_are_the_same_person_and_end_with_the_session() {
    let bench = Bench::small().await;
    let tomasz = bench
        .enter("tomasz.wilk", "payments-staging", "AdministratorAccess")
        .await;
    let narrow = async |signer: &Signer, more: &str| {
        let form = format!("Action=GetScopedCredentials{more}");
        bench.query(signer, &form).await
    };
    for (more, expected) in [
        ("", "ValidationError"),
        ("&DurationSeconds=129600", "InsufficientSessionLifetime"),
        ("&Policy=none", "MalformedPolicyDocument"),
        ("&DurationSeconds=600", "ok"),
    ] {
        let answer = narrow(&tomasz, more).await;
        assert_eq!(answer.outcome(), expected, "{more}: {}", answer.text);
    }
    let member = bench.member("payments-staging");
    let long = narrow(&member, "&DurationSeconds=600").await;
    assert_eq!(long.outcome(), "InvalidSubjectCredentials");
    let answer = narrow(&tomasz, "&DurationSeconds=600&MinimumSessionTokenSize=4096").await;
    let narrowed = tomasz.given(&answer);
    let token = narrowed.token.as_ref().unwrap();
    assert!(token.len() >= 4_096, "{}", token.len());
    try_it(&bench, &narrowed, &[("iam:ListRoles", "ok")]).await;
    let user = bench.user("tomasz.wilk");
    let by_id = document(json!({
        "Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": { "StringEquals": { "identitystore:UserId": [user] } },
    }));
    let root = bench.file().organization.root;
    attach(&bench, &root, &by_id).await;
    try_it(&bench, &narrowed, &[("iam:ListRoles", "AccessDenied")]).await;
    let again = narrow(&tomasz, "&DurationSeconds=600").await;
    assert_eq!(again.outcome(), "AccessDenied", "{}", again.text);
}

#[tokio::test]
async fn taking_a_role_needs_both_sides() {
    let bench = Bench::small().await;
    let account = bench.account("payments-dev");
    let own = json!({ "iam": { account.clone(): { "roles": [
        { "name": "by-account", "trust": [format!("arn:aws:iam::{account}:root")] },
        { "name": "by-name", "path": "/team/", "trust": [format!("arn:aws:iam::{account}:user/sim-admin")] },
    ] } } });
    let (status, said) = bench.control("POST", "/load?merge=1", own).await;
    assert_eq!(status, 200, "{said}");
    let member = bench.member("payments-dev");
    let billing = bench.enter("noor.haddad", "payments-dev", "Billing").await;
    let admin = bench
        .enter("noor.haddad", "payments-dev", "AdministratorAccess")
        .await;
    let role = |name: &str| format!("arn:aws:iam::{account}:role/{name}");
    let ask = async |signer: &Signer, name: &str| {
        let form = format!(
            "Action=AssumeRole&RoleSessionName=me&RoleArn={}",
            role(name)
        );
        bench.query(signer, &form).await
    };
    let rows: [(&str, &Signer, &str, &str); 6] = [
        ("member", &member, "by-account", "ok"),
        ("member", &member, "team/by-name", "ok"),
        ("admin", &admin, "by-account", "ok"),
        ("admin", &admin, "team/by-name", "AccessDenied"),
        ("billing", &billing, "by-account", "AccessDenied"),
        ("member", &member, "absent", "AccessDenied"),
    ];
    for (who, signer, name, expected) in rows {
        let answer = ask(signer, name).await;
        assert_eq!(answer.outcome(), expected, "{who} {name} {}", answer.text);
    }
    attach(&bench, &account, &deny("sts:AssumeRole")).await;
    let answer = ask(&member, "by-account").await;
    assert!(
        answer
            .text
            .contains("with an explicit deny in a service control policy"),
        "{}",
        answer.text
    );
    let answer = ask(&member, "absent").await;
    assert!(
        !answer.text.contains("service control policy"),
        "never tells: {}",
        answer.text
    );
}

#[tokio::test]
async fn session_tags_are_known_and_go_on() {
    let bench = Bench::small().await;
    let account = bench.account("payments-dev");
    let own = json!({ "iam": { account.clone(): { "roles": [
        { "name": "one", "trust": [format!("arn:aws:iam::{account}:root")] },
    ] } } });
    bench.control("POST", "/load?merge=1", own).await;
    let fence = document(json!({
        "Effect": "Deny", "Action": "iam:*", "Resource": "*",
        "Condition": { "StringEquals": { "aws:PrincipalTag/team": "red" } },
    }));
    attach(&bench, &account, &fence).await;
    let role = format!("arn:aws:iam::{account}:role/one");
    let member = bench.member("payments-dev");
    let tags = "&Tags.member.1.Key=team&Tags.member.1.Value=red&TransitiveTagKeys.member.1=team";
    let plain = bench.assume(&member, &role, "").await;
    let red = bench.assume(&member, &role, tags).await;
    let chained = bench.assume(&red, &role, "").await;
    for (signer, expected) in [
        (&plain, "ok"),
        (&red, "AccessDenied"),
        (&chained, "AccessDenied"),
    ] {
        try_it(&bench, signer, &[("iam:ListRoles", expected)]).await;
    }
}
