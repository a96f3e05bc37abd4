//! Created roles: trust policies, stored members, protected ones.

use hallpass_aws_sim::{Authorization, Options};
use serde_json::{Value, json};

use crate::{
    bench::{Answer, Bench, Signer, options},
    evaluation::{attach, document, try_it},
    evaluation_full::encoded,
};

async fn make(bench: &Bench, signer: &Signer, name: &str, more: &str, trust: &Value) -> Answer {
    let trust = encoded(trust);
    let call = format!("iam:CreateRole&RoleName={name}&AssumeRolePolicyDocument={trust}{more}");
    bench.form(signer, &call).await
}

fn trusting(effect: &str, principal: Value) -> Value {
    json!({ "Effect": effect, "Principal": principal, "Action": "sts:AssumeRole" })
}

#[tokio::test]
async fn a_trust_policy_says_who_may_take_the_role() {
    let bench = Bench::small().await;
    let account = bench.account("payments-dev");
    let own = json!({ "AWS": format!("arn:aws:iam::{account}:root") });
    let admin = json!({ "AWS": format!("arn:aws:iam::{account}:user/sim-admin") });
    let mut external = trusting("Allow", own.clone());
    external["Condition"] = json!({ "StringEquals": { "sts:ExternalId": "secret" } });
    let mut tags = trusting("Allow", own.clone());
    tags["Action"] = json!("sts:TagSession");
    let denied = json!({ "Version": "2012-10-17", "Statement": [trusting("Allow", own), trusting("Deny", admin)] });
    let (member, management) = (bench.member("payments-dev"), bench.signer.clone());
    for (name, trust) in [
        ("external", document(external)),
        ("denied", denied),
        ("everybody", document(trusting("Allow", json!("*")))),
        ("tags", document(tags)),
    ] {
        let made = make(&bench, &member, name, "", &trust).await;
        assert_eq!(made.outcome(), "ok", "{name} {}", made.text);
    }
    let no = "AccessDenied";
    for (name, signer, more, expected) in [
        ("external", &member, "", no),
        ("external", &member, "&ExternalId=other", no),
        ("external", &member, "&ExternalId=secret", "ok"),
        ("external", &management, "&ExternalId=secret", no),
        ("denied", &member, "", no),
        ("everybody", &member, "", "ok"),
        ("everybody", &management, "", "ok"),
        ("tags", &member, "", no),
    ] {
        let form = format!(
            "Action=AssumeRole&RoleSessionName=me&RoleArn=arn:aws:iam::{account}:role/{name}{more}"
        );
        let answer = bench.query(signer, &form).await;
        assert_eq!(answer.outcome(), expected, "{name}{more} {}", answer.text);
    }
}

#[tokio::test]
async fn a_role_keeps_what_it_was_made_with() {
    let bench = Bench::new(Options {
        authorization: Authorization::Full,
        ..options()
    })
    .await;
    let account = bench.account("payments-dev");
    let member = bench.member("payments-dev");
    let mut statement = trusting("Allow", json!({ "AWS": account }));
    statement["Condition"] = json!({ "StringLike": { "sts:RoleSessionName": "m*" } });
    let more = "&Description=For+tests&MaxSessionDuration=7200\
                &PermissionsBoundary=arn:aws:iam::aws:policy/IAMReadOnlyAccess";
    let made = make(&bench, &member, "kept", more, &document(statement)).await;
    let got = bench.form(&member, "iam:GetRole&RoleName=kept").await;
    for part in [
        "<Description>For tests</Description>",
        "<MaxSessionDuration>7200</MaxSessionDuration>",
        "<PermissionsBoundaryArn>arn:aws:iam::aws:policy/IAMReadOnlyAccess</PermissionsBoundaryArn>",
        "sts%3ARoleSessionName",
    ] {
        assert!(made.text.contains(part), "{part} {}", made.text);
        assert!(got.text.contains(part), "{part} {}", got.text);
    }
    let all =
        "iam:AttachRolePolicy&RoleName=kept&PolicyArn=arn:aws:iam::aws:policy/AdministratorAccess";
    assert_eq!(bench.form(&member, all).await.outcome(), "ok");
    let role = format!("arn:aws:iam::{account}:role/kept");
    for (more, expected) in [
        ("me&DurationSeconds=7200", "ok"),
        ("me&DurationSeconds=7201", "ValidationError"),
        ("you", "AccessDenied"),
    ] {
        let form = format!("Action=AssumeRole&RoleArn={role}&RoleSessionName={more}");
        let answer = bench.query(&member, &form).await;
        assert_eq!(answer.outcome(), expected, "{more} {}", answer.text);
    }
    let session = bench.assume(&member, &role, "").await;
    let bounded = [
        ("iam:ListRoles", "ok"),
        ("ec2:DescribeRegions", "UnauthorizedOperation"),
    ];
    try_it(&bench, &session, &bounded).await;
    // export and load give the same role
    let (_, state) = bench.control("GET", "/state?full=1", Value::Null).await;
    let (status, said) = bench.control("POST", "/load", state["file"].clone()).await;
    assert_eq!(status, 200, "{said}");
    let again = bench.form(&member, "iam:GetRole&RoleName=kept").await;
    let role = |answer: &Answer| {
        answer
            .text
            .split("<ResponseMetadata>")
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(role(&again), role(&got));
}

async fn reserved(bench: &Bench, signer: &Signer, set: &str) -> String {
    let listed = bench.form(signer, "iam:ListRoles&MaxItems=1000").await;
    let begin = format!("AWSReservedSSO_{set}_");
    let names = listed
        .text
        .split("<RoleName>")
        .map(|rest| rest.split('<').next().unwrap());
    let mut names = names.filter(|name| name.starts_with(&begin));
    names.next().unwrap().to_owned()
}

#[tokio::test]
async fn what_cannot_be_done_to_roles() {
    let bench = Bench::small().await;
    let account = bench.account("payments-dev");
    let member = bench.member("payments-dev");
    bench.enter("noor.haddad", "payments-dev", "ReadOnly").await;
    let theirs = reserved(&bench, &member, "ReadOnly").await;
    let trust = document(trusting("Allow", json!({ "AWS": account })));
    assert_eq!(
        make(&bench, &member, "kept", "", &trust).await.outcome(),
        "ok"
    );
    let mut resource = trusting("Allow", json!({ "AWS": account }));
    resource["Resource"] = json!("*");
    let (trust, resource) = (encoded(&trust), encoded(&document(resource)));
    let (aws, own) = (
        "arn:aws:iam::aws:policy",
        format!("arn:aws:iam::{account}:policy"),
    );
    let create = |name: &str, trust: &str, more: &str| {
        format!("CreateRole&RoleName={name}&AssumeRolePolicyDocument={trust}{more}")
    };
    for (call, expected) in [
        (
            format!("AttachRolePolicy&RoleName={theirs}&PolicyArn={aws}/ReadOnlyAccess"),
            "UnmodifiableEntity",
        ),
        (
            format!("DetachRolePolicy&RoleName={theirs}&PolicyArn={aws}/ReadOnlyAccess"),
            "UnmodifiableEntity",
        ),
        (
            format!("DeleteRole&RoleName={theirs}"),
            "UnmodifiableEntity",
        ),
        (
            create("AWSReservedSSO_Mine_0123456789abcdef", &trust, ""),
            "UnmodifiableEntity",
        ),
        (create("KEPT", &trust, ""), "EntityAlreadyExists"),
        (create("other", "%7B", ""), "MalformedPolicyDocument"),
        (create("other", &resource, ""), "MalformedPolicyDocument"),
        (
            create(
                "other",
                &trust,
                &format!("&PermissionsBoundary={own}/absent"),
            ),
            "NoSuchEntity",
        ),
        (
            format!("AttachRolePolicy&RoleName=kept&PolicyArn={own}/absent"),
            "NoSuchEntity",
        ),
        (
            format!("AttachRolePolicy&RoleName=kept&PolicyArn={aws}/NotKnownHere"),
            "ok",
        ),
    ] {
        let answer = bench.form(&member, &format!("iam:{call}")).await;
        assert_eq!(answer.outcome(), expected, "{call} {}", answer.text);
    }
}

#[tokio::test]
async fn policies_see_paths() {
    let bench = Bench::small().await;
    let account = bench.account("payments-dev");
    let own = json!({ "iam": { account.clone(): {
        "roles": [{ "name": "held", "path": "/service/" }, { "name": "free" }],
        "users": [{ "name": "robot", "path": "/robots/" }],
        "groups": [{ "name": "crew", "path": "/robots/" }],
    } } });
    let (status, said) = bench.control("POST", "/load?merge=1", own).await;
    assert_eq!(status, 200, "{said}");
    let member = bench.member("payments-dev");
    bench.enter("noor.haddad", "payments-dev", "ReadOnly").await;
    let theirs = reserved(&bench, &member, "ReadOnly").await;
    let arn = |rest: &str| format!("arn:aws:iam::*:{rest}/*");
    let fence = document(json!({ "Effect": "Deny", "Action": "iam:*", "Resource": [
        arn("role/service"), arn("user/robots"), arn("group/robots"), arn("role/aws-reserved/sso.amazonaws.com"),
    ] }));
    attach(&bench, &account, &fence).await;
    let trust = encoded(&document(trusting("Allow", json!({ "AWS": account }))));
    let no = "AccessDenied";
    for (call, expected) in [
        ("GetRole&RoleName=held".to_owned(), no),
        ("DeleteRole&RoleName=HELD".to_owned(), no),
        ("GetRole&RoleName=free".to_owned(), "ok"),
        (format!("GetRole&RoleName={theirs}"), no),
        ("GetUser&UserName=robot".to_owned(), no),
        ("GetUser&UserName=sim-admin".to_owned(), "ok"),
        ("GetGroup&GroupName=crew".to_owned(), no),
        (
            format!("CreateRole&RoleName=new&Path=%2Fservice%2F&AssumeRolePolicyDocument={trust}"),
            no,
        ),
        (
            format!("CreateRole&RoleName=new&AssumeRolePolicyDocument={trust}"),
            "ok",
        ),
        ("CreateUser&UserName=new&Path=%2Frobots%2F".to_owned(), no),
    ] {
        let answer = bench.form(&member, &format!("iam:{call}")).await;
        assert_eq!(answer.outcome(), expected, "{call} {}", answer.text);
    }
}

#[tokio::test]
async fn what_goes_on_from_session_to_session_is_not_changed() {
    let bench = Bench::small().await;
    let account = bench.account("payments-dev");
    let trust = [format!("arn:aws:iam::{account}:root")];
    let roles = ["one", "two"].map(|name| json!({ "name": name, "trust": trust }));
    let own = json!({ "iam": { account.clone(): { "roles": roles } } });
    let (status, said) = bench.control("POST", "/load?merge=1", own).await;
    assert_eq!(status, 200, "{said}");
    let role = |name: &str| format!("arn:aws:iam::{account}:role/{name}");
    let tag = |key: &str| format!("&Tags.member.1.Key={key}&Tags.member.1.Value=red");
    let given = format!(
        "&SourceIdentity=ana{}&TransitiveTagKeys.member.1=team",
        tag("team")
    );
    let first = bench
        .assume(&bench.member("payments-dev"), &role("one"), &given)
        .await;
    for (more, expected) in [
        (String::new(), "ok"),
        ("&SourceIdentity=ana".to_owned(), "ok"),
        ("&SourceIdentity=bo".to_owned(), "AccessDenied"),
        (tag("team"), "InvalidParameterValue"),
        (tag("other"), "ok"),
    ] {
        let form = format!(
            "Action=AssumeRole&RoleSessionName=me&RoleArn={}{more}",
            role("two")
        );
        let answer = bench.query(&first, &form).await;
        assert_eq!(answer.outcome(), expected, "{more} {}", answer.text);
    }
}
