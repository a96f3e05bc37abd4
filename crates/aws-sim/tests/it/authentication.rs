//! Every mistake in authentication, in the words of both protocols.

use hallpass_model::Timestamp;
use jiff::SignedDuration;

use crate::bench::{Bench, Signer, sign};

type Headers = Vec<(String, String)>;

fn json_headers() -> Headers {
    vec![
        (
            "content-type".to_owned(),
            "application/x-amz-json-1.1".to_owned(),
        ),
        (
            "x-amz-target".to_owned(),
            "SWBExternalService.ListInstances".to_owned(),
        ),
    ]
}

fn form_headers() -> Headers {
    vec![(
        "content-type".to_owned(),
        "application/x-www-form-urlencoded".to_owned(),
    )]
}

const FORM: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// Sends the same mistake in both protocols: `status name` of each.
async fn both(
    bench: &Bench,
    change: impl Fn(&mut Signer, &mut Timestamp),
    scope: Option<&str>,
    after: impl Fn(&mut Headers),
) -> String {
    let mut shown = Vec::new();
    for (service, headers, body) in [("sso", json_headers(), "{}"), ("sts", form_headers(), FORM)] {
        let (mut signer, mut at) = (bench.signer.clone(), bench.wall());
        change(&mut signer, &mut at);
        let host = bench.address.to_string();
        let mut headers = sign(&signer, scope.unwrap_or(service), &host, at, headers, body);
        after(&mut headers);
        let answer = bench.post(headers, body).await.unwrap();
        shown.push(format!("{} {}", answer.status, answer.outcome()));
    }
    shown.join(" | ")
}

fn edit(name: &'static str, edit: impl Fn(&str) -> String) -> impl Fn(&mut Headers) {
    move |headers| {
        for (_, value) in headers.iter_mut().filter(|(key, _)| key == name) {
            *value = edit(value);
        }
    }
}

#[tokio::test]
async fn table_of_mistakes() {
    let bench = Bench::small().await;
    let right = |_: &mut Signer, _: &mut Timestamp| {};
    let as_is = |_: &mut Headers| {};
    let minutes = |minutes: i64| {
        move |_: &mut Signer, at: &mut Timestamp| *at += SignedDuration::from_mins(minutes)
    };
    let differs = "400 InvalidSignatureException | 403 SignatureDoesNotMatch";
    let unknown = "400 UnrecognizedClientException | 403 InvalidClientTokenId";
    let incomplete = "400 IncompleteSignatureException | 400 IncompleteSignature";
    let rows = [
        (
            "right",
            both(&bench, right, None, as_is).await,
            "200 ok | 200 ok",
        ),
        (
            "no Authorization",
            both(&bench, right, None, |headers| {
                headers.retain(|(name, _)| name != "authorization")
            })
            .await,
            "400 MissingAuthenticationTokenException | 403 MissingAuthenticationToken",
        ),
        (
            "malformed",
            both(
                &bench,
                right,
                None,
                edit("authorization", |_| "AWS4-HMAC-SHA256 x".to_owned()),
            )
            .await,
            incomplete,
        ),
        (
            "credential part short",
            both(
                &bench,
                right,
                None,
                edit("authorization", |value| value.replace("/aws4_request", "")),
            )
            .await,
            incomplete,
        ),
        (
            "unknown key",
            both(
                &bench,
                |signer, _| "AKIA0000000000000000".clone_into(&mut signer.key),
                None,
                as_is,
            )
            .await,
            unknown,
        ),
        (
            "made-up session key",
            both(
                &bench,
                |signer, _| "ASIAAAAAAAAAAAAAAAAA".clone_into(&mut signer.key),
                None,
                as_is,
            )
            .await,
            unknown,
        ),
        (
            "made-up token",
            both(
                &bench,
                |signer, _| signer.token = Some("x".repeat(300)),
                None,
                as_is,
            )
            .await,
            unknown,
        ),
        (
            "wrong secret",
            both(&bench, |signer, _| signer.secret.push('x'), None, as_is).await,
            differs,
        ),
        (
            "header changed",
            both(
                &bench,
                right,
                None,
                edit("content-type", |value| format!("{value}; a=b")),
            )
            .await,
            differs,
        ),
        (
            "signature cut",
            both(
                &bench,
                right,
                None,
                edit("authorization", |value| value[..value.len() - 1].to_owned()),
            )
            .await,
            differs,
        ),
        (
            "20 minutes old",
            both(&bench, minutes(-20), None, as_is).await,
            differs,
        ),
        (
            "20 minutes ahead",
            both(&bench, minutes(20), None, as_is).await,
            differs,
        ),
        (
            "4 minutes old",
            both(&bench, minutes(-4), None, as_is).await,
            "200 ok | 200 ok",
        ),
        (
            "scope date",
            both(
                &bench,
                right,
                None,
                edit("authorization", |value| {
                    value.replace("/20261120/", "/20261119/")
                }),
            )
            .await,
            differs,
        ),
        (
            "no such Region",
            both(
                &bench,
                |signer, _| "mars-north-1".clone_into(&mut signer.region),
                None,
                as_is,
            )
            .await,
            differs,
        ),
        (
            "wrong service",
            both(&bench, right, Some("sqs"), as_is).await,
            differs,
        ),
        (
            "terminator",
            both(
                &bench,
                right,
                None,
                edit("authorization", |value| {
                    value.replace("aws4_request", "aws5_request")
                }),
            )
            .await,
            differs,
        ),
    ];
    let wrong: Vec<_> = rows
        .iter()
        .filter(|(_, found, expected)| found != expected)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn sessions_end() {
    let bench = Bench::small().await;
    let role = format!(
        "arn:aws:iam::{}:role/OrganizationAccountAccessRole",
        bench.account("payments-dev")
    );
    let form = format!("Action=AssumeRole&RoleArn={role}&RoleSessionName=me&DurationSeconds=900");
    let text = bench.query(&bench.signer, &form).await.text;
    let part = |name: &str| {
        let rest = text.split(&format!("<{name}>")).nth(1).unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    let session = Signer {
        key: part("AccessKeyId"),
        secret: part("SecretAccessKey"),
        token: Some(part("SessionToken")),
        region: bench.signer.region.clone(),
    };
    let who = "Action=GetCallerIdentity";
    assert_eq!(bench.query(&session, who).await.outcome(), "ok");
    let bare = Signer {
        token: None,
        ..session.clone()
    };
    assert_eq!(
        bench.query(&bare, who).await.outcome(),
        "InvalidClientTokenId"
    );
    bench.advance(899.0).await;
    assert_eq!(bench.query(&session, who).await.outcome(), "ok");
    bench.advance(1.0).await;
    assert_eq!(bench.query(&session, who).await.outcome(), "ExpiredToken");
    let answer = bench
        .call_as(&session, "sso:ListInstances", serde_json::json!({}))
        .await;
    assert_eq!(
        (answer.status, answer.outcome().as_str()),
        (400, "ExpiredTokenException")
    );
}

#[tokio::test]
async fn strict_scope_wants_the_region_of_a_global_service() {
    let lenient = Bench::small().await;
    let strict = Bench::new(hallpass_aws_sim::Options {
        strict_scope: true,
        ..crate::bench::options()
    })
    .await;
    let call = "organizations:DescribeOrganization";
    let none = serde_json::json!({});
    assert_eq!(lenient.call(call, none.clone()).await.outcome(), "ok");
    assert_eq!(
        strict.call(call, none.clone()).await.outcome(),
        "InvalidSignatureException"
    );
    let home = Signer {
        region: "us-east-1".to_owned(),
        ..strict.signer.clone()
    };
    assert_eq!(strict.call_as(&home, call, none).await.outcome(), "ok");
}

#[tokio::test]
async fn what_is_not_simulated_says_so() {
    let bench = Bench::small().await;
    let answer = bench
        .call("sso:CreateApplication", serde_json::json!({}))
        .await;
    assert_eq!(answer.outcome(), "AccessDeniedException");
    assert!(answer.text.contains("(not simulated)"), "{}", answer.text);
    let (_, state) = bench
        .control("GET", "/state", serde_json::Value::Null)
        .await;
    assert_eq!(
        state["unsupported"],
        serde_json::json!(["sso:CreateApplication"])
    );
}
