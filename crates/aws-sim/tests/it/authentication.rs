use hallpass_base::Timestamp;
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

const DIFFERS: &str = "400 InvalidSignatureException | 403 SignatureDoesNotMatch";
const UNKNOWN: &str = "400 UnrecognizedClientException | 403 InvalidClientTokenId";
const INCOMPLETE: &str = "400 IncompleteSignatureException | 400 IncompleteSignature";
const FINE: &str = "200 ok | 200 ok";

const MISTAKES: &[(&str, &str)] = &[
    ("none", FINE),
    (
        "no authorization",
        "400 MissingAuthenticationTokenException | 403 MissingAuthenticationToken",
    ),
    ("malformed", INCOMPLETE),
    ("credential part short", INCOMPLETE),
    ("unknown key", UNKNOWN),
    ("made-up session key", UNKNOWN),
    ("made-up token", UNKNOWN),
    ("wrong secret", DIFFERS),
    ("header changed", DIFFERS),
    ("header unsigned", DIFFERS),
    ("signature cut", DIFFERS),
    ("20 minutes old", DIFFERS),
    ("20 minutes ahead", DIFFERS),
    ("4 minutes old", FINE),
    ("scope date", DIFFERS),
    ("no such region", DIFFERS),
    ("wrong service", DIFFERS),
    ("terminator", DIFFERS),
];

fn before(mistake: &str, signer: &mut Signer, at: &mut Timestamp) {
    match mistake {
        "unknown key" => "AKIA0000000000000000".clone_into(&mut signer.key),
        "made-up session key" => "ASIAAAAAAAAAAAAAAAAA".clone_into(&mut signer.key),
        "made-up token" => signer.token = Some("x".repeat(300)),
        "wrong secret" => signer.secret.push('x'),
        "20 minutes old" => *at -= SignedDuration::from_mins(20),
        "20 minutes ahead" => *at += SignedDuration::from_mins(20),
        "4 minutes old" => *at -= SignedDuration::from_mins(4),
        "no such region" => "mars-north-1".clone_into(&mut signer.region),
        _ => {}
    }
}

fn after(mistake: &str, headers: &mut Headers) {
    let name = if mistake == "header changed" {
        "content-type"
    } else {
        "authorization"
    };
    if mistake == "header unsigned" {
        headers.push(("x-amz-acl".to_owned(), "private".to_owned()));
    }
    if mistake == "no authorization" {
        headers.retain(|(key, _)| key != name);
    }
    for (_, value) in headers.iter_mut().filter(|(key, _)| key == name) {
        match mistake {
            "malformed" => "AWS4-HMAC-SHA256 x".clone_into(value),
            "credential part short" => *value = value.replace("/aws4_request", ""),
            "header changed" => value.push_str("; a=b"),
            "signature cut" => drop(value.pop()),
            "scope date" => *value = value.replace("/20261120/", "/20261119/"),
            "terminator" => *value = value.replace("aws4_request", "aws5_request"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn table_of_mistakes() {
    let bench = Bench::small().await;
    let mut wrong = Vec::new();
    for (mistake, expected) in MISTAKES {
        let mut shown = Vec::new();
        for (service, headers, body) in
            [("sso", json_headers(), "{}"), ("sts", form_headers(), FORM)]
        {
            let (mut signer, mut at) = (bench.signer.clone(), bench.wall());
            before(mistake, &mut signer, &mut at);
            let scope = if *mistake == "wrong service" {
                "sqs"
            } else {
                service
            };
            let host = bench.address.to_string();
            let mut headers = sign(&signer, scope, &host, at, headers, body);
            after(mistake, &mut headers);
            let answer = bench.post(headers, body).await.unwrap();
            shown.push(format!("{} {}", answer.status, answer.outcome()));
        }
        let shown = shown.join(" | ");
        if shown != *expected {
            wrong.push(format!("{mistake}: {shown}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn keys_of_a_suspended_account_are_none() {
    let bench = Bench::small().await;
    let member = bench.member("payments-dev");
    let role = format!(
        "arn:aws:iam::{}:role/OrganizationAccountAccessRole",
        bench.account("payments-dev")
    );
    let session = bench.assume(&bench.signer, &role, "").await;
    let who = "Action=GetCallerIdentity";
    for signer in [&member, &session] {
        assert_eq!(bench.query(signer, who).await.outcome(), "ok");
    }
    let change = serde_json::json!({ "suspend_account": { "account": "payments-dev" } });
    let (status, said) = bench.mutate(change).await;
    assert_eq!(status, 200, "{said}");
    for signer in [&member, &session] {
        let answer = bench.query(signer, who).await;
        assert_eq!(answer.outcome(), "InvalidClientTokenId", "{}", answer.text);
    }
}

/// STS API Reference, "`GetSessionToken`": IAM only with MFA, and few STS calls.
#[tokio::test]
async fn what_a_users_session_may_not() {
    let bench = Bench::small().await;
    let member = bench.member("payments-dev");
    let role = format!(
        "arn:aws:iam::{}:role/OrganizationAccountAccessRole",
        bench.account("payments-dev")
    );
    let code = "&SerialNumber=arn:aws:iam::123456789012:mfa/one&TokenCode=123456";
    for (signer, more, iam) in [
        (&member, "", "InvalidClientTokenId"),
        (&member, code, "ok"),
        (&bench.signer, "", "InvalidClientTokenId"),
    ] {
        let given = bench
            .query(signer, &format!("Action=GetSessionToken{more}"))
            .await;
        let session = signer.given(&given);
        let listed = bench.form(&session, "iam:ListRoles").await;
        assert_eq!(listed.outcome(), iam, "{more} {}", listed.text);
        let regions = bench.form(&session, "ec2:DescribeRegions").await;
        assert_eq!(regions.outcome(), "ok", "{more} {}", regions.text);
        let again = bench.query(&session, "Action=GetSessionToken").await;
        assert_eq!(again.outcome(), "AccessDenied", "{more}");
    }
    let given = bench.query(&bench.signer, "Action=GetSessionToken").await;
    let session = bench.signer.given(&given);
    bench.assume(&session, &role, "").await;
}

#[tokio::test]
async fn a_deleted_key_goes_on_until_readers_see_it() {
    let bench = Bench::new(hallpass_aws_sim::Options {
        consistency: Some(hallpass_aws_sim::Consistency::Typical),
        ..crate::bench::options()
    })
    .await;
    let (admin, who) = (bench.member("payments-dev"), "Action=GetCallerIdentity");
    let mut late = 0;
    for _ in 0..4 {
        let made = bench.form(&admin, "iam:CreateAccessKey").await;
        let part = |name: &str| {
            let rest = made.text.split(&format!("<{name}>")).nth(1).unwrap();
            rest.split('<').next().unwrap().to_owned()
        };
        let key = Signer {
            key: part("AccessKeyId"),
            secret: part("SecretAccessKey"),
            ..admin.clone()
        };
        bench.advance(4.0).await;
        assert_eq!(bench.query(&key, who).await.outcome(), "ok");
        let gone = format!("iam:DeleteAccessKey&AccessKeyId={}", key.key);
        assert_eq!(bench.form(&admin, &gone).await.outcome(), "ok");
        late += u32::from(bench.query(&key, who).await.outcome() == "ok");
        bench.advance(4.0).await;
        let answer = bench.query(&key, who).await;
        assert_eq!(answer.outcome(), "InvalidClientTokenId", "{}", answer.text);
    }
    assert!(late >= 2, "{late} of 4");
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
async fn packed_requests_are_signed_as_sent() {
    let bench = Bench::small().await;
    let packed = {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packer, br#"{"MaxResults": 0}"#).unwrap();
        packer.finish().unwrap()
    };
    let host = bench.address.to_string();
    let mut headers = json_headers();
    headers.push(("content-encoding".to_owned(), "gzip".to_owned()));
    let headers =
        crate::bench::sign_bytes(&bench.signer, "sso", &host, bench.wall(), headers, &packed);
    let answer = bench.post(headers, packed).await.unwrap();
    assert_eq!(
        answer.outcome(),
        "ValidationException",
        "it was understood: {}",
        answer.text
    );
}

#[tokio::test]
async fn other_paths_and_protocols() {
    let bench = Bench::small().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = async |path: &str| {
        let address = format!("http://{}{path}", bench.address);
        client.post(address).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("/nowhere").await, 404);
    assert_eq!(
        status("/service/ServiceCatalog/operation/ListPortfolios").await,
        415
    );
    assert_eq!(status("/_sim/nowhere").await, 404);
}

#[tokio::test]
async fn the_control_api_may_want_a_token() {
    let control_token = Some("open sesame".to_owned());
    let bench = Bench::new(hallpass_aws_sim::Options {
        control_token,
        ..crate::bench::options()
    })
    .await;
    let (status, _) = bench
        .control("GET", "/state", serde_json::Value::Null)
        .await;
    assert_eq!(status, 403);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let address = format!("http://{}/_sim/state", bench.address);
    let answer = client
        .get(address)
        .header("x-sim-token", "open sesame")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 200);
}

#[tokio::test]
async fn a_page_of_another_site_controls_nothing() {
    let bench = Bench::new(hallpass_aws_sim::Options {
        control_names: vec!["sim.internal".to_owned()],
        ..crate::bench::options()
    })
    .await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let here = bench.address.to_string();
    let port = bench.address.port();
    for (host, origin, expected) in [
        (here.clone(), None, 200),
        (format!("localhost:{port}"), None, 200),
        (format!("sim.internal:{port}"), None, 200),
        (here.clone(), Some(format!("http://{here}")), 200),
        // DNS rebinding: a foreign name that resolves here
        (format!("evil.example:{port}"), None, 403),
        (
            format!("evil.example:{port}"),
            Some(format!("http://evil.example:{port}")),
            403,
        ),
        // a cross-site form or script
        (here.clone(), Some("http://evil.example".to_owned()), 403),
        (here.clone(), Some("http://127.0.0.1:1".to_owned()), 403),
        (here.clone(), Some("null".to_owned()), 403),
    ] {
        for (path, body) in [
            ("/_sim/calls/reset", ""),
            ("/_sim/advance", r#"{"seconds": 0}"#),
            ("/_slack/reset", ""),
        ] {
            let mut request = client
                .post(format!("http://{here}{path}"))
                .header("host", &host)
                .header("content-type", "text/plain")
                .body(body);
            if let Some(origin) = &origin {
                request = request.header("origin", origin);
            }
            let status = request.send().await.unwrap().status().as_u16();
            assert_eq!(status, expected, "{path} of {host} from {origin:?}");
        }
        let look = client.get(format!("http://{here}/_sim/credentials"));
        let answer = look.header("host", &host).send().await.unwrap();
        let refused = answer.status().as_u16() == 403;
        assert_eq!(refused, host.starts_with("evil"), "looking as {host}");
    }
}

#[tokio::test]
async fn the_call_log_keeps_the_newest_and_counts_what_went() {
    let bench = Bench::new(hallpass_aws_sim::Options {
        calls_kept: Some(3),
        ..crate::bench::options()
    })
    .await;
    for _ in 0..5 {
        bench.call("sso:ListInstances", serde_json::json!({})).await;
    }
    let (_, log) = bench
        .control("GET", "/calls", serde_json::Value::Null)
        .await;
    let seen: Vec<_> = log["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| &call["seq"])
        .collect();
    assert_eq!(seen, [3, 4, 5]);
    assert_eq!(log["dropped"], 2);
    assert_eq!(log["counters"]["sso:ListInstances"]["ok"], 5);
}
