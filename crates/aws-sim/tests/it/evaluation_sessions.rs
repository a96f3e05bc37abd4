//! Policies decide the calls of sessions (`simulator.md` AU-4, N-2, N-5; rows F-14 and F-15).

use hallpass_aws_sim::{Consistency, Options};
use serde_json::{Value, json};

use crate::{
    bench::{Bench, Signer, options},
    evaluation::{SCP, attach, deny, detach, document, try_it},
};

#[tokio::test]
async fn permission_sets_let_their_sessions_do_what_they_say() {
    let bench = Bench::small().await;
    let denied = "AccessDenied";
    for (set, calls) in [
        (
            "AdministratorAccess",
            &[
                ("iam:ListUsers", "ok"),
                ("ec2:DescribeRegions", "ok"),
                ("sts:GetCallerIdentity", "ok"),
            ][..],
        ),
        (
            "ReadOnly",
            &[
                ("iam:ListUsers", "ok"),
                ("ec2:DescribeRegions", "ok"),
                ("organizations:DescribeOrganization", "ok"),
            ],
        ),
        (
            "PowerUser",
            &[
                ("iam:ListUsers", denied),
                ("iam:ListRoles", "ok"),
                ("ec2:DescribeRegions", "ok"),
                ("organizations:DescribeOrganization", "ok"),
            ],
        ),
        (
            "Billing",
            &[
                ("iam:ListUsers", denied),
                ("ec2:DescribeRegions", "UnauthorizedOperation"),
                (
                    "organizations:DescribeOrganization",
                    "AccessDeniedException",
                ),
                ("sts:GetCallerIdentity", "ok"),
            ],
        ),
    ] {
        let session = bench.enter("noor.haddad", "payments-staging", set).await;
        try_it(&bench, &session, calls).await;
    }
    let session = bench
        .login("noor.haddad", "payments-staging", "AdministratorAccess")
        .await;
    let answer = bench.form(&session, "iam:GetUser").await;
    assert_eq!(answer.outcome(), "ValidationError");
    let chain = format!(
        "arn:aws:iam::{}:role/OrganizationAccountAccessRole",
        bench.account("payments-dev")
    );
    let form = format!("Action=AssumeRole&RoleSessionName=me&RoleArn={chain}");
    assert_eq!(
        bench.query(&session, &form).await.outcome(),
        "AccessDenied",
        "not trusted"
    );
}

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

/// `simulator.md` F-15, and N-2: early ends of sessions.
#[tokio::test]
async fn sessions_are_cut_off() {
    let bench = Bench::new(Options {
        consistency: Some(Consistency::Typical),
        ..options()
    })
    .await;
    let account = bench.account("payments-staging");
    let mara = bench
        .enter("mara.lindqvist", "payments-staging", "PowerUser")
        .await;
    let tomasz = bench
        .enter("tomasz.wilk", "payments-staging", "AdministratorAccess")
        .await;
    let row = json!({ "account": "payments-staging", "permission_set": "PowerUser", "user": "ines.moreau@example.com" });
    bench.mutate(json!({ "create_assignment": row })).await;
    let gone = json!({ "account": "payments-staging", "permission_set": "PowerUser", "user": "mara.lindqvist@example.com" });
    bench.mutate(json!({ "delete_assignment": gone })).await;
    bench.advance(10.0).await;
    // `simulator.md` F-14: the assignment is deleted, the session continues
    try_it(&bench, &mara, &[("iam:ListRoles", "ok")]).await;
    let cut = document(json!({
        "Sid": "Cut", "Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {
            "DateLessThan": { "aws:TokenIssueTime": "2026-11-20T07:27:53Z" },
            "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_PowerUser_*" },
        },
    }));
    let policy = attach(&bench, &account, &cut).await;
    let listed = bench
        .call(
            "organizations:ListPoliciesForTarget",
            json!({ "TargetId": account, "Filter": SCP }),
        )
        .await
        .json();
    assert_eq!(
        listed["Policies"].as_array().unwrap().len(),
        2,
        "listed immediately"
    );
    bench.advance(5.1).await;
    try_it(
        &bench,
        &mara,
        &[
            ("iam:ListRoles", "AccessDenied"),
            ("sts:GetCallerIdentity", "ok"),
        ],
    )
    .await;
    try_it(&bench, &tomasz, &[("iam:ListRoles", "ok")]).await;
    let ines = bench
        .login("ines.moreau", "payments-staging", "PowerUser")
        .await;
    try_it(&bench, &ines, &[("iam:ListRoles", "ok")]).await;
    let (_, shown) = bench
        .control(
            "GET",
            &format!("/sessions?account={account}&live=1"),
            Value::Null,
        )
        .await;
    for session in shown["sessions"].as_array().unwrap() {
        let mine = session["user"] == "mara.lindqvist@example.com";
        let expected = if mine { json!([policy]) } else { json!([]) };
        assert_eq!(session["denied_by"], expected, "{session}");
    }
    detach(&bench, &account, &policy).await;
    bench.advance(5.1).await;
    try_it(&bench, &mara, &[("iam:ListRoles", "ok")]).await;
}

#[tokio::test]
async fn a_person_is_cut_off_everywhere() {
    let bench = Bench::small().await;
    let ines = bench
        .enter("ines.moreau", "payments-staging", "PowerUser")
        .await;
    let tomasz = bench
        .enter("tomasz.wilk", "payments-staging", "AdministratorAccess")
        .await;
    let user = bench.user("tomasz.wilk");
    let by_id = document(json!({
        "Sid": "RevokeUserId", "Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": { "StringEquals": { "identitystore:UserId": [user] } },
    }));
    let root = bench.file().organization.root;
    attach(&bench, &root, &by_id).await;
    try_it(
        &bench,
        &tomasz,
        &[
            ("iam:ListRoles", "AccessDenied"),
            ("ec2:DescribeRegions", "UnauthorizedOperation"),
        ],
    )
    .await;
    try_it(&bench, &ines, &[("iam:ListRoles", "ok")]).await;
    let again = bench
        .login("tomasz.wilk", "payments-staging", "AdministratorAccess")
        .await;
    try_it(&bench, &again, &[("iam:ListRoles", "AccessDenied")]).await;
    // long-lived keys have no issue time
    try_it(
        &bench,
        &bench.member("payments-staging"),
        &[("iam:ListRoles", "ok")],
    )
    .await;
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
