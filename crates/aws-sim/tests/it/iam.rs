//! IAM of accounts: stated, generated, changed, and reports.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hallpass_aws_sim::{Consistency, Options, organization};
use hallpass_base::testing::rows;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::bench::{Answer, Bench, Signer, options};

fn texts(answer: &Answer, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = answer.text.split(&open).skip(1);
    let parts = parts.map(|rest| rest.split(&close).next().unwrap().to_owned());
    parts.collect()
}

async fn ok(bench: &Bench, signer: &Signer, call: &str) -> Answer {
    let answer = bench.form(signer, &format!("iam:{call}")).await;
    assert_eq!(answer.status, 200, "{call}: {}", answer.text);
    answer
}

async fn refused(bench: &Bench, signer: &Signer, call: &str) -> (u16, String) {
    let answer = bench.form(signer, &format!("iam:{call}")).await;
    assert_ne!(answer.status, 200, "{call}: {}", answer.text);
    (answer.status, answer.outcome())
}

fn stated() -> Options {
    let mut file = serde_json::to_value(organization::small()).unwrap();
    file["iam"] = json!({ "payments-prod": {
        "users": [
            { "name": "ana", "path": "/people/", "created": "2024-01-02T03:04:05Z",
              "tags": { "email": "ana@example.com" }, "groups": ["ops"],
              "password": { "changed": "2026-06-01T00:00:00Z", "last_used": "2026-11-01T10:00:00Z" },
              "mfa": { "kind": "virtual", "enabled": "2024-02-01T00:00:00Z" },
              "keys": [{ "id": "AKIAANAANAANAANA0001", "created": "2024-03-01T00:00:00Z",
                         "last_used": "2026-08-21T23:59:59Z", "last_used_service": "s3",
                         "last_used_region": "eu-west-1" },
                       { "id": "AKIAANAANAANAANA0002", "created": "2026-11-01T00:00:00Z",
                         "status": "Inactive", "last_used": null }],
              "policies": ["Billing"], "inline": [{ "Version": "2012-10-17", "Statement": [] }] },
            { "name": "robot", "policies": ["arn:aws:iam::$:policy/own/Own"] },
        ],
        "groups": [{ "name": "ops", "policies": ["ReadOnlyAccess"] }],
        "managed": [{ "name": "Own", "path": "/own/", "document":
            { "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }] } }],
        "roles": [{ "name": "app", "trust": ["ec2.amazonaws.com"], "last_used": "2026-01-01T00:00:00Z",
                    "max_signin_session_duration": 86400, "template": "arn:aws:iam::aws:role-template/app" }],
        "properties": { "RoleManager/Enabled": "true" },
        "outbound_federation": true,
        "delegation_requests": [
            { "id": "request-0000-open", "requestor": "900000000009", "expires": "2026-12-01T00:00:00Z" },
            { "id": "request-0000-late", "requestor": "900000000009", "state": "ASSIGNED",
              "owner": "arn:aws:iam::900000000009:role/o", "expires": "2026-11-01T00:00:00Z" },
            { "id": "request-0000-done", "requestor": "900000000009", "requestor_name": "Partner", "state": "FINALIZED",
              "owner": "arn:aws:iam::900000000009:role/o", "policy": { "Version": "2012-10-17", "Statement": [] },
              "session_duration": 7200, "updated": "2026-11-20T06:00:00Z" },
        ],
        "root": { "mfa": { "kind": "hardware" } },
        "password_policy": { "MinimumPasswordLength": 14, "ExpirePasswords": true, "MaxPasswordAge": 30 },
    }});
    let accounts = file["accounts"].as_array().unwrap();
    let account = accounts.iter().find(|row| row["name"] == "payments-prod");
    let account = account.unwrap()["id"].as_str().unwrap().to_owned();
    let text = file
        .to_string()
        .replace(":iam::$:", &format!(":iam::{account}:"));
    Options {
        organization: organization::parse(&text).unwrap(),
        ..options()
    }
}

async fn report(bench: &Bench, signer: &Signer) -> Vec<Vec<String>> {
    ok(bench, signer, "GenerateCredentialReport").await;
    bench.advance(61.0).await;
    let answer = ok(bench, signer, "GetCredentialReport").await;
    let text = STANDARD.decode(&texts(&answer, "Content")[0]).unwrap();
    let text = String::from_utf8(text).unwrap();
    let rows = text
        .lines()
        .map(|line| line.split(',').map(str::to_owned).collect());
    rows.collect()
}

#[tokio::test]
async fn the_report_says_what_the_file_states() {
    let bench = Bench::new(stated()).await;
    let signer = bench.member("payments-prod");
    let rows = report(&bench, &signer).await;
    assert!(rows.iter().all(|row| row.len() == 22), "{rows:?}");
    let names: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(
        names,
        ["user", "<root_account>", "ana", "robot", "sim-admin"]
    );
    assert_eq!(
        rows[1][3..8],
        [
            "not_supported",
            "no_information",
            "not_supported",
            "not_supported",
            "true"
        ]
    );
    let account = bench.account("payments-prod");
    let arn = format!("arn:aws:iam::{account}:user/people/ana");
    assert_eq!(
        rows[2].join(","),
        format!(
            "ana,{arn},2024-01-02T03:04:05+00:00,true,2026-11-01T10:00:00+00:00,2026-06-01T00:00:00+00:00,\
             2026-07-01T00:00:00+00:00,true,true,2024-03-01T00:00:00+00:00,2026-08-21T23:59:59+00:00,eu-west-1,s3,\
             false,2026-11-01T00:00:00+00:00,N/A,N/A,N/A,false,N/A,false,N/A"
        )
    );
    assert_eq!(
        rows[3][3..9],
        ["false", "N/A", "N/A", "N/A", "false", "false"]
    );
    assert_eq!(
        rows[4][8..13],
        [
            "true",
            &rows[4][9],
            "2026-11-20T07:27:00+00:00",
            "us-east-1",
            "iam"
        ]
    );
}

const STATED: &str = "
    GetUser&UserName=ana                                        PasswordLastUsed                     2026-11-01T10:00:00Z
    GetUser&UserName=ANA                                        Value                                ana@example.com
    ListUserTags&UserName=ana                                   Key                                  email
    GetLoginProfile&UserName=ana                                CreateDate                           2026-06-01T00:00:00Z
    GetAccessKeyLastUsed&AccessKeyId=AKIAANAANAANAANA0001       LastUsedDate                         2026-08-21T23:59:59Z
    GetAccessKeyLastUsed&AccessKeyId=AKIAANAANAANAANA0001       UserName                             ana
    GetAccessKeyLastUsed&AccessKeyId=AKIAANAANAANAANA0002       ServiceName                          N/A
    ListMFADevices&UserName=ana                                 EnableDate                           2024-02-01T00:00:00Z
    ListVirtualMFADevices                                       UserName                             ana
    ListGroups                                                  GroupName                            ops
    ListGroupsForUser&UserName=ana                              GroupName                            ops
    GetGroup&GroupName=ops                                      UserName                             ana
    ListAttachedGroupPolicies&GroupName=ops                     PolicyName                           ReadOnlyAccess
    ListAttachedUserPolicies&UserName=ana                       PolicyArn                            arn:aws:iam::aws:policy/job-function/Billing
    ListUserPolicies&UserName=ana                               member                               inline-0
    ListPolicies&Scope=Local                                    PolicyName                           Own
    ListPolicies&Scope=Local                                    AttachmentCount                      1
    GetRole&RoleName=app                                        LastUsedDate                         2026-01-01T00:00:00Z
    GetAccountPasswordPolicy                                    MaxPasswordAge                       30
    GetAccountProperties                                        key                                  RoleManager/Enabled
    GetOutboundWebIdentityFederationInfo                        JwtVendingEnabled                    true
    GetRole&RoleName=app                                        MaxSigninSessionDuration             86400
    ListRoles                                                   TemplateArn                          arn:aws:iam::aws:role-template/app
    GetDelegationRequest&DelegationRequestId=request-0000-done  SessionDuration                      7200
    GetDelegationRequest&DelegationRequestId=request-0000-late  State                                EXPIRED
    ListSAMLProviders                                           IsTrustedIdentityPropagationEnabled  false
";

#[tokio::test]
async fn a_file_states_users_and_all_that_they_have() {
    let bench = Bench::new(stated()).await;
    let signer = bench.member("payments-prod");
    let listed = ok(&bench, &signer, "ListUsers").await;
    assert_eq!(
        texts(&listed, "UserName")
            .into_iter()
            .collect::<BTreeSet<_>>()
            .len(),
        3
    );
    assert!(!listed.text.contains("<Tags>"), "lists have no tags");
    for [call, name, value] in rows(STATED) {
        let answer = ok(&bench, &signer, call).await;
        assert_eq!(
            texts(&answer, name).first().map(String::as_str),
            Some(value),
            "{call}: {}",
            answer.text
        );
    }
    let summary = ok(&bench, &signer, "GetAccountSummary").await;
    for entry in [
        "<key>Users</key><value>3</value>",
        "<key>AccountMFAEnabled</key><value>1</value>",
    ] {
        assert!(summary.text.contains(entry), "{}", summary.text);
    }
    let refusals = [
        "GetLoginProfile&UserName=robot",
        "GetUser&UserName=nobody",
        "GetAccessKeyLastUsed&AccessKeyId=AKIAANAANAANAANA0009",
        "GetPolicy&PolicyArn=arn:aws:iam::aws:policy/Nothing",
        "GetRole&RoleName=nobody",
        "GetDelegationRequest&DelegationRequestId=request-0000-none",
    ];
    for call in refusals {
        assert_eq!(
            refused(&bench, &signer, call).await,
            (404, "NoSuchEntity".to_owned()),
            "{call}"
        );
    }
    let other = bench.member("network");
    let unaware = bench.form(&other, "iam:GetUser&UserName=ana").await;
    assert_eq!(unaware.outcome(), "NoSuchEntity");
}

#[tokio::test]
async fn groups_that_are_not_there_are_named() {
    let mut file = serde_json::to_value(organization::small()).unwrap();
    file["iam"] = json!({ "payments-prod": { "users": [{ "name": "ana", "groups": ["ops"] }] } });
    let problems = organization::parse(&file.to_string()).unwrap_err();
    let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(
        said.iter()
            .any(|one| one.contains("/iam/payments-prod/users/0/groups/0")),
        "{said:?}"
    );
}

#[tokio::test]
async fn reserved_roles_go_with_their_assignments() {
    let bench = Bench::small().await;
    let signer = bench.member("payments-prod");
    let mara = bench.user("mara.lindqvist");
    let row = bench.row("payments-prod", "PowerUser", &mara);
    let shown = async || {
        let roles = "GetAccountAuthorizationDetails&Filter.member.1=Role&MaxItems=1000";
        let names = texts(&ok(&bench, &signer, roles).await, "RoleName");
        names
            .into_iter()
            .find(|name| name.starts_with("AWSReservedSSO_PowerUser_"))
    };
    assert_eq!(shown().await, None);
    assert_eq!(bench.settle("Create", &row).await.0, "SUCCEEDED");
    let role = shown().await.unwrap();
    let held = ok(
        &bench,
        &signer,
        &format!("ListAttachedRolePolicies&RoleName={role}"),
    )
    .await;
    assert_eq!(texts(&held, "PolicyName"), ["PowerUserAccess"]);
    assert_eq!(bench.settle("Delete", &row).await.0, "SUCCEEDED");
    assert_eq!(shown().await, None);
}

async fn zoe(bench: &Bench, admin: &Signer) -> Signer {
    let tag = "Tags.member.1.Key=email&Tags.member.1.Value=zoe@example.com";
    ok(bench, admin, &format!("CreateUser&UserName=zoe&{tag}")).await;
    let tag = "Tags.member.1.Key=team&Tags.member.1.Value=ops";
    ok(bench, admin, &format!("TagUser&UserName=zoe&{tag}")).await;
    let made = ok(bench, admin, "CreateAccessKey&UserName=zoe").await;
    Signer {
        key: texts(&made, "AccessKeyId").remove(0),
        secret: texts(&made, "SecretAccessKey").remove(0),
        ..admin.clone()
    }
}

#[tokio::test]
async fn users_outlive_the_process_and_a_file_of_their_world() {
    let folder = tempdir().unwrap();
    let kept = || Options {
        state: Some(folder.path().join("state.log")),
        ..options()
    };
    let bench = Bench::new(kept()).await;
    let admin = bench.member("payments-prod");
    let zoe = zoe(&bench, &admin).await;
    drop(bench);
    let bench = Bench::new(kept()).await;
    ok(&bench, &zoe, "GetUser").await;
    let key = format!("AccessKey&UserName=zoe&AccessKeyId={}", zoe.key);
    ok(&bench, &admin, &format!("Update{key}&Status=Inactive")).await;
    let unknown = (403, "InvalidClientTokenId".to_owned());
    assert_eq!(refused(&bench, &zoe, "GetUser").await, unknown);
    let (_, state) = bench.control("GET", "/state?full=1", Value::Null).await;
    let file = state["file"].clone();
    let (status, said) = bench.control("POST", "/load", file).await;
    assert_eq!(status, 200, "{said}");
    let keys = ok(&bench, &admin, "ListAccessKeys&UserName=zoe").await;
    assert_eq!(texts(&keys, "Status"), ["Inactive"]);
    ok(&bench, &admin, &format!("Delete{key}")).await;
    ok(&bench, &admin, "DeleteUser&UserName=zoe").await;
    let refusals = [
        ("GetUser&UserName=zoe", (404, "NoSuchEntity")),
        ("DeleteLoginProfile&UserName=zoe", (404, "NoSuchEntity")),
        ("DeleteUser&UserName=sim-admin", (400, "UnmodifiableEntity")),
    ];
    for (call, (status, code)) in refusals {
        let expected = (status, code.to_owned());
        assert_eq!(refused(&bench, &admin, call).await, expected);
    }
}

#[tokio::test]
async fn a_list_is_late_and_a_question_by_name_is_not() {
    let bench = Bench::new(Options {
        consistency: Some(Consistency::Hard),
        ..options()
    })
    .await;
    let admin = bench.member("payments-prod");
    let mut late = 0;
    for number in 0..6 {
        ok(&bench, &admin, &format!("CreateUser&UserName=new-{number}")).await;
        ok(&bench, &admin, &format!("GetUser&UserName=new-{number}")).await;
        let listed = ok(&bench, &admin, "ListUsers").await;
        late += usize::from(!listed.text.contains(&format!(">new-{number}<")));
    }
    assert!(late > 0);
    bench.advance(30.0).await;
    let listed = ok(&bench, &admin, "ListUsers").await;
    assert!((0..6).all(|number| listed.text.contains(&format!(">new-{number}<"))));
}

#[tokio::test]
async fn what_a_principal_may_do_is_simulated() {
    let bench = Bench::new(stated()).await;
    let signer = bench.member("payments-prod");
    let account = bench.account("payments-prod");
    let decisions = |answer: &Answer| texts(answer, "EvalDecision").join(" ");
    let asked = |principal: &str, more: &str| {
        format!("SimulatePrincipalPolicy&PolicySourceArn=arn:aws:iam::{account}:{principal}&{more}")
    };
    for (principal, action, wanted) in [
        ("user/people/ana", "ec2:DescribeInstances", "allowed"),
        ("user/people/ana", "ec2:RunInstances", "implicitDeny"),
        ("user/robot", "s3:PutObject", "allowed"),
        ("group/ops", "s3:PutObject", "implicitDeny"),
    ] {
        let call = asked(principal, &format!("ActionNames.member.1={action}"));
        assert_eq!(
            decisions(&ok(&bench, &signer, &call).await),
            wanted,
            "{call}"
        );
    }
    for (principal, more, wanted) in [
        ("user/nobody", "", (404, "NoSuchEntity")),
        ("policy/own/Own", "", (400, "InvalidInput")),
        // refused because unsimulated and relevant
        (
            "user/robot",
            "PolicyInputList.member.1=%7B%7D",
            (400, "InvalidInput"),
        ),
    ] {
        let call = asked(
            principal,
            &format!("ActionNames.member.1=s3:GetObject&{more}"),
        );
        let wanted = (wanted.0, wanted.1.to_owned());
        assert_eq!(
            refused(&bench, &signer, call.trim_end_matches('&')).await,
            wanted,
            "{call}"
        );
    }
}
