//! Inputs that AWS refuses, and members it honours.

use hallpass_aws_sim::Speed;
use serde_json::{Value, json};

use crate::{
    bench::{Bench, Signer, options},
    evaluation::{allow, document, try_it},
    evaluation_full::encoded,
};

fn trusting(principal: &Value, action: &Value) -> Value {
    document(json!({ "Effect": "Allow", "Principal": principal, "Action": action }))
}

fn create_role(trust: &str, more: &str) -> String {
    format!("CreateRole&RoleName=r&AssumeRolePolicyDocument={trust}{more}")
}

async fn check(bench: &Bench, caller: &Signer, rows: Vec<(String, &str)>) {
    for (call, expected) in rows {
        let answer = bench.form(caller, &format!("iam:{call}")).await;
        assert_eq!(answer.outcome(), expected, "{call} {}", answer.text);
    }
}

#[tokio::test]
async fn trust_policies_that_aws_refuses_are_refused() {
    let bench = Bench::small().await;
    let member = bench.member("payments-dev");
    let account = bench.account("payments-dev");
    let root = json!({ "AWS": format!("arn:aws:iam::{account}:root") });
    let assume = json!("sts:AssumeRole");
    let of =
        |principal: &Value, action: &Value| create_role(&encoded(&trusting(principal, action)), "");
    let named = |kind: &str, name: String| of(&json!({ kind: name }), &assume);
    let own = |rest: &str| format!("arn:aws:iam::{account}:{rest}");
    let malformed = "MalformedPolicyDocument";
    let rows = vec![
        (of(&root, &json!("s3:GetObject")), malformed),
        (
            of(&root, &json!(["sts:TagSession", "sts:GetCallerIdentity"])),
            malformed,
        ),
        (named("AWS", own("role/nobody")), malformed),
        (named("AWS", own("user/nobody")), malformed),
        (named("AWS", "somebody".to_owned()), malformed),
        (named("Service", "ec2".to_owned()), malformed),
        (
            of(&root, &json!(vec!["sts:AssumeRole"; 130])),
            "LimitExceeded",
        ),
        (named("AWS", own("user/sim-admin")), "ok"),
    ];
    check(&bench, &member, rows).await;
}

#[tokio::test]
async fn what_aws_refuses_of_roles_and_users_is_refused() {
    let bench = Bench::small().await;
    let member = bench.member("payments-dev");
    let account = bench.account("payments-dev");
    let root = json!({ "AWS": format!("arn:aws:iam::{account}:root") });
    let good = encoded(&trusting(&root, &json!("sts:AssumeRole")));
    let role = |more: &str| create_role(&good, more);
    let boundary = format!("&PermissionsBoundary=arn:aws:iam::{account}:policy/nothing");
    let rows = vec![
        (
            role("&Path=/aws-service-role/x.amazonaws.com/"),
            "InvalidInput",
        ),
        (role(&boundary), "NoSuchEntity"),
        (
            role(
                "&Tags.member.1.Key=Team&Tags.member.1.Value=a&Tags.member.2.Key=team&Tags.member.2.Value=b",
            ),
            "InvalidInput",
        ),
        (
            role("&Tags.member.1.Key=aws:team&Tags.member.1.Value=a"),
            "InvalidInput",
        ),
        (format!("CreateUser&UserName=u{boundary}"), "NoSuchEntity"),
        (
            "CreateUser&UserName=u&Tags.member.1.Key=AWS:x&Tags.member.1.Value=a".to_owned(),
            "InvalidInput",
        ),
        (
            "CreateUser&UserName=a,b&Tags.member.1.Key=Team&Tags.member.1.Value=a".to_owned(),
            "ok",
        ),
        (
            "TagUser&UserName=a,b&Tags.member.1.Key=team&Tags.member.1.Value=b".to_owned(),
            "ok",
        ),
    ];
    check(&bench, &member, rows).await;
    let tags = bench.form(&member, "iam:ListUserTags&UserName=a,b").await;
    let text = &tags.text;
    assert!(
        text.contains("<Key>team</Key>") && !text.contains("<Key>Team</Key>"),
        "{text}"
    );
    // a name with a comma is one cell of the report
    bench.form(&member, "iam:GenerateCredentialReport").await;
    bench.advance(60.0).await;
    let report = bench.form(&member, "iam:GetCredentialReport").await;
    let content = report.text.split("<Content>").nth(1).unwrap();
    let content = content.split("</Content>").next().unwrap().trim();
    let content = base64_decoded(content);
    assert!(content.contains("\n\"a,b\",\"arn:"), "{content}");
}

fn base64_decoded(text: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}

#[tokio::test]
async fn sessions_are_limited_by_what_they_are_given_and_bad_tags_are_refused() {
    let bench = Bench::small().await;
    let member = bench.member("payments-dev");
    let account = bench.account("payments-dev");
    let root = json!({ "AWS": format!("arn:aws:iam::{account}:root") });
    let trust = encoded(&trusting(
        &root,
        &json!(["sts:AssumeRole", "sts:TagSession"]),
    ));
    let made = format!("iam:CreateRole&RoleName=ops&AssumeRolePolicyDocument={trust}");
    assert_eq!(bench.form(&member, &made).await.outcome(), "ok");
    let role = format!("arn:aws:iam::{account}:role/ops");
    let form = format!("Action=AssumeRole&RoleSessionName=me&RoleArn={role}");
    let tag = |at: u8, key: &str| format!("&Tags.member.{at}.Key={key}&Tags.member.{at}.Value=a");
    let arn = |name: &str| format!("&PolicyArns.member.1.arn=arn:aws:iam::{name}");
    for (more, expected) in [
        (tag(1, "team") + &tag(2, "TEAM"), "InvalidParameterValue"),
        (tag(1, "aws:team"), "InvalidParameterValue"),
        (tag(1, "team") + "&TransitiveTagKeys.member.1=cost", "InvalidParameterValue"),
        (tag(1, "team") + "&TransitiveTagKeys.member.1=Team", "ok"),
        (arn(&format!("{account}:policy/nothing")), "ValidationError"),
        ("&ProvidedContexts.member.1.ProviderArn=arn:aws:iam::aws:contextProvider/IdentityCenter&ProvidedContexts.member.1.ContextAssertion=abcd".to_owned(), "NotSimulated"),
    ] {
        let answer = bench.query(&member, &format!("{form}{more}")).await;
        assert_eq!(answer.outcome(), expected, "{more} {}", answer.text);
    }
    let (ok, no) = ("ok", "AccessDenied");
    let inline = format!("&Policy={}", encoded(&allow("iam:ListRoles")));
    for (more, users, roles) in [
        (String::new(), ok, ok),
        (arn("aws:policy/AmazonS3FullAccess"), no, no),
        (arn("aws:policy/IAMReadOnlyAccess"), ok, ok),
        (inline.clone(), no, ok),
        (inline + &arn("aws:policy/IAMReadOnlyAccess"), ok, ok),
    ] {
        let session = bench.assume(&member, &role, &more).await;
        let calls = [("iam:ListUsers", users), ("iam:ListRoles", roles)];
        try_it(&bench, &session, &calls).await;
    }
}

#[tokio::test]
async fn identity_center_refuses_what_is_no_policy() {
    let bench = Bench::small().await;
    let arn = bench.set("ReadOnly");
    for (policy, expected) in [
        (
            json!({ "Statement": [{ "Effect": "Alow", "Action": "*", "Resource": "*" }] }),
            "ValidationException",
        ),
        (
            json!({ "Statement": [{ "Effect": "Allow", "Action": "*" }] }),
            "ValidationException",
        ),
        (allow("s3:GetObject"), "ok"),
    ] {
        let input = json!({ "PermissionSetArn": arn, "InlinePolicy": policy.to_string() });
        let answer = bench
            .call("sso:PutInlinePolicyToPermissionSet", input)
            .await;
        assert_eq!(answer.outcome(), expected, "{policy} {}", answer.text);
    }
    let tags = json!({ "ResourceArn": arn, "Tags": [{ "Key": "aws:x", "Value": "a" }] });
    let answer = bench.call("sso:TagResource", tags).await;
    assert_eq!(answer.outcome(), "ValidationException", "{}", answer.text);
}

#[tokio::test]
async fn attribute_paths_are_read_without_regard_to_case() {
    let bench = Bench::small().await;
    let user = bench.user("noor.haddad");
    for (path, pointer) in [
        ("DisplayName", "/DisplayName"),
        ("displayname", "/DisplayName"),
        ("NAME.FAMILYNAME", "/Name/FamilyName"),
        ("name.givenName", "/Name/GivenName"),
    ] {
        let operations = json!([{ "AttributePath": path, "AttributeValue": path }]);
        let input = json!({ "UserId": user, "Operations": operations });
        let answer = bench.call("identitystore:UpdateUser", input).await;
        assert_eq!(answer.outcome(), "ok", "{path} {}", answer.text);
        let shown = bench
            .call("identitystore:DescribeUser", json!({ "UserId": user }))
            .await
            .json();
        assert_eq!(shown.pointer(pointer), Some(&json!(path)), "{shown}");
    }
    for path in ["UserName", "userName", "USERNAME"] {
        let value = "noor.haddad@example.com";
        let filters = json!([{ "AttributePath": path, "AttributeValue": value }]);
        let found = bench
            .call("identitystore:ListUsers", json!({ "Filters": filters }))
            .await;
        assert_eq!(
            found.json()["Users"][0]["UserId"],
            json!(user),
            "{}",
            found.text
        );
        let unique =
            json!({ "UniqueAttribute": { "AttributePath": path, "AttributeValue": value } });
        let found = bench
            .call(
                "identitystore:GetUserId",
                json!({ "AlternateIdentifier": unique }),
            )
            .await;
        assert_eq!(found.json()["UserId"], json!(user), "{}", found.text);
    }
}

#[tokio::test]
async fn an_account_has_the_role_that_was_asked_for() {
    let mut options = options();
    options.speed = Some(Speed::Instant);
    let bench = Bench::new(options).await;
    let input = json!({ "AccountName": "a", "Email": "a@example.com", "RoleName": "Enter" });
    let asked = bench.call("organizations:CreateAccount", input).await;
    let request = asked.json()["CreateAccountStatus"]["Id"].clone();
    bench.advance(120.0).await;
    let input = json!({ "CreateAccountRequestId": request });
    let done = bench
        .call("organizations:DescribeCreateAccountStatus", input)
        .await
        .json();
    let account = done["CreateAccountStatus"]["AccountId"].as_str().unwrap();
    for (role, expected) in [
        ("Enter", "ok"),
        ("OrganizationAccountAccessRole", "AccessDenied"),
    ] {
        let form = format!(
            "Action=AssumeRole&RoleSessionName=me&RoleArn=arn:aws:iam::{account}:role/{role}"
        );
        let answer = bench.query(&bench.signer, &form).await;
        assert_eq!(answer.outcome(), expected, "{role} {}", answer.text);
    }
    let input = json!({ "AccountId": account });
    let sets = bench
        .call("sso:ListPermissionSetsProvisionedToAccount", input)
        .await;
    assert_eq!((sets.outcome().as_str(), sets.json()), ("ok", json!({})));
    let (_, state) = bench.control("GET", "/state?full=1", Value::Null).await;
    let rows = state["file"]["accounts"].as_array().unwrap();
    let row = rows.iter().find(|it| it["id"] == account).unwrap();
    assert_eq!(row["access_role"], "Enter", "an export keeps it: {row}");
}

#[tokio::test]
async fn an_object_is_given_only_as_it_is_asked_for() {
    let bench = Bench::small().await;
    bench.s3("PUT", "/bucket", Vec::new(), b"").await;
    bench.s3("PUT", "/bucket/key", Vec::new(), b"abc").await;
    for (tag, expected) in [("\"0123\"", 412), ("*", 200)] {
        let headers = vec![("if-match".to_owned(), tag.to_owned())];
        let got = bench.s3("GET", "/bucket/key", headers, b"").await;
        assert_eq!(got.status, expected, "{tag} {}", got.text);
    }
}
