//! Sign-in and portal access (`simulator.md` §3).

use std::path::Path;

use hallpass_aws_sim::Options;
use http::HeaderMap;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::bench::{Bench, Signer, options};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(crate) const PORTAL: &str = "http://127.0.0.1:4570/start";
pub(crate) const MARA: &str = "mara.lindqvist@example.com";
const TOMASZ: &str = "tomasz.wilk@example.com";

pub(crate) fn here() -> Options {
    Options {
        portal_url: Some(PORTAL.to_owned()),
        ..options()
    }
}

/// Follows no redirects.
pub(crate) fn plain_client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

pub(crate) async fn ask(
    bench: &Bench,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: String,
) -> (u16, HeaderMap, String) {
    let client = plain_client();
    let address = format!("http://{}{path}", bench.address);
    let mut request = client.request(method.parse().unwrap(), address).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, headers, answer.text().await.unwrap())
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    Ok(Value),
    No(String),
}

impl Said {
    pub(crate) fn word(&self) -> &str {
        match self {
            Self::Ok(_) => "ok",
            Self::No(error) => error,
        }
    }

    pub(crate) fn ok(self) -> Value {
        match self {
            Self::Ok(value) => value,
            Self::No(error) => panic!("{error}"),
        }
    }
}

pub(crate) async fn said(
    bench: &Bench,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Value,
) -> Said {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let (status, headers, text) = ask(bench, method, path, headers, body).await;
    let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if status == 200 {
        return Said::Ok(value);
    }
    let name = headers["x-amzn-errortype"].to_str().unwrap().to_owned();
    let has = |member: &str| value[member].is_string();
    assert!(
        has("message") || has("error") && has("error_description"),
        "{text}"
    );
    Said::No(format!("{name} {status}"))
}

pub(crate) async fn oidc(bench: &Bench, path: &str, body: Value) -> Said {
    said(bench, "POST", path, &[], body).await
}

pub(crate) async fn sso(bench: &Bench, token: &str, path: &str) -> Said {
    let method = if path == "/logout" { "POST" } else { "GET" };
    let header = [("x-amz-sso_bearer_token", token)];
    said(bench, method, path, &header, Value::Null).await
}

/// Client id and secret.
pub(crate) async fn client(bench: &Bench, more: Value) -> Value {
    let mut body = json!({ "clientName": "test", "clientType": "public" });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let given = oidc(bench, "/client/register", body).await.ok();
    json!({ "clientId": given["clientId"], "clientSecret": given["clientSecret"] })
}

pub(crate) fn with(client: &Value, more: &Value) -> Value {
    let mut body = client.clone();
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

pub(crate) async fn device(bench: &Bench, client: &Value) -> Value {
    let body = with(client, &json!({ "startUrl": PORTAL }));
    oidc(bench, "/device_authorization", body).await.ok()
}

pub(crate) async fn poll(bench: &Bench, client: &Value, device: &Value) -> Said {
    let more = json!({ "grantType": DEVICE_CODE, "deviceCode": device["deviceCode"] });
    oidc(bench, "/token", with(client, &more)).await
}

pub(crate) async fn approve(bench: &Bench, device: &Value, user: &str) -> u16 {
    let body = json!({ "user_code": device["userCode"], "user": user });
    bench.control("POST", "/device/approve", body).await.0
}

async fn sign_in(bench: &Bench, user: &str) -> Value {
    let client = client(bench, json!({ "scopes": ["sso:account:access"] })).await;
    let device = device(bench, &client).await;
    assert_eq!(approve(bench, &device, user).await, 200);
    let token = poll(bench, &client, &device).await.ok();
    with(&token, &json!({ "client": client }))
}

pub(crate) async fn token(bench: &Bench, user: &str) -> String {
    let given = sign_in(bench, user).await;
    given["accessToken"].as_str().unwrap().to_owned()
}

pub(crate) fn entry(account: &str, role: &str) -> String {
    format!("/federation/credentials?account_id={account}&role_name={role}")
}

fn signer(bench: &Bench, credentials: &Value) -> Signer {
    let keys = &credentials["roleCredentials"];
    let text = |name: &str| keys[name].as_str().unwrap().to_owned();
    Signer {
        key: text("accessKeyId"),
        secret: text("secretAccessKey"),
        token: Some(text("sessionToken")),
        ..bench.signer.clone()
    }
}

async fn who(bench: &Bench, signer: &Signer) -> String {
    let answer = bench.query(signer, "Action=GetCallerIdentity").await;
    match answer.status {
        200 => {
            let arn = answer.text.split("<Arn>").nth(1).unwrap();
            arn.split('<').next().unwrap().to_owned()
        }
        _ => answer.outcome(),
    }
}

/// Assigns payments-prod as `PowerUser`, otherwise unused there.
pub(crate) async fn give(bench: &Bench, users: &[&str]) {
    for user in users {
        let row =
            json!({ "account": "payments-prod", "permission_set": "PowerUser", "user": user });
        let (status, said) = bench.mutate(json!({ "create_assignment": row })).await;
        assert_eq!(status, 200, "{said}");
    }
}

async fn take(bench: &Bench, user: &str) {
    let row = json!({ "account": "payments-prod", "permission_set": "PowerUser", "user": user });
    let (status, said) = bench.mutate(json!({ "delete_assignment": row })).await;
    assert_eq!(status, 200, "{said}");
}

#[tokio::test]
async fn a_role_session_outlives_its_assignment_and_not_its_role() {
    for (value, after) in [("yes", "InvalidClientTokenId"), ("no", "arn")] {
        let bench = Bench::new(Options {
            behaviour: vec![("role_deleted_kills_sessions".to_owned(), value.to_owned())],
            ..here()
        })
        .await;
        give(&bench, &[MARA, TOMASZ]).await;
        let token = token(&bench, MARA).await;
        let path = entry(&bench.account("payments-prod"), "PowerUser");
        let given = sso(&bench, &token, &path).await.ok();
        let ends = given["roleCredentials"]["expiration"].as_i64().unwrap();
        let hours = (ends - bench.wall().as_millisecond()) / 3_600_000;
        assert_eq!(hours, 4, "milliseconds, and the set's duration");
        let keys = signer(&bench, &given);
        let arn = who(&bench, &keys).await;
        let (role, name) = arn.rsplit_once('/').unwrap();
        assert!(
            role.contains(":assumed-role/AWSReservedSSO_PowerUser_"),
            "{arn}"
        );
        assert_eq!(name, MARA);
        take(&bench, MARA).await;
        let refused = sso(&bench, &token, &path).await;
        assert_eq!(refused.word(), "ForbiddenException 403");
        assert_eq!(who(&bench, &keys).await, arn, "the role is still there");
        let (_, listed) = bench.control("GET", "/sessions?live=1", Value::Null).await;
        let shown = &listed["sessions"][0];
        assert_eq!(
            (
                &shown["source"],
                &shown["assignment_exists"],
                &shown["live"]
            ),
            (&json!("portal"), &json!(false), &json!(true))
        );
        take(&bench, TOMASZ).await;
        assert!(who(&bench, &keys).await.starts_with(after), "{value}");
        let (_, listed) = bench.control("GET", "/sessions", Value::Null).await;
        assert_eq!(listed["sessions"][0]["live"], value == "no");
        // a recreated role is a different role
        bench.tick(1);
        give(&bench, &[MARA]).await;
        assert!(who(&bench, &keys).await.starts_with(after), "{value}");
        bench.advance(4.0 * 3600.0).await;
        let over = who(&bench, &keys).await;
        let expected = if value == "no" { "ExpiredToken" } else { after };
        assert_eq!(over, expected);
    }
}

#[tokio::test]
async fn the_session_lasts_as_the_role_was_provisioned() {
    let bench = Bench::new(here()).await;
    give(&bench, &[MARA]).await;
    let token = token(&bench, MARA).await;
    let path = entry(&bench.account("payments-prod"), "PowerUser");
    let hours = async |token: &str| {
        let given = sso(&bench, token, &path).await.ok();
        let ends = given["roleCredentials"]["expiration"].as_i64().unwrap();
        (ends - bench.wall().as_millisecond()) / 3_600_000
    };
    let change = json!({ "permission_set": "PowerUser", "session_duration": "PT12H" });
    bench
        .mutate(json!({ "change_permission_set": change }))
        .await;
    assert_eq!(hours(&token).await, 4, "not provisioned again");
    let input = json!({
        "PermissionSetArn": bench.set("PowerUser"), "TargetType": "ALL_PROVISIONED_ACCOUNTS"
    });
    let said = bench.call("sso:ProvisionPermissionSet", input).await;
    assert_eq!(said.status, 200, "{}", said.text);
    bench.tick(61_000);
    assert_eq!(hours(&token).await, 12);
}

#[tokio::test]
async fn portal_sessions_end() {
    let file = {
        let mut file = hallpass_aws_sim::organization::small();
        file.identity_center.portal_session_seconds = Some(36_000);
        file.identity_center.portal_revocation_lag = Some(60);
        file
    };
    let bench = Bench::new(Options {
        organization: file,
        ..here()
    })
    .await;
    let lists = "/assignment/accounts";
    let given = sign_in(&bench, MARA).await;
    let first = given["accessToken"].as_str().unwrap();
    let refresh = with(
        &given["client"],
        &json!({ "grantType": "refresh_token", "refreshToken": given["refreshToken"] }),
    );
    // an access token lasts eight hours, the session ten, a fresh token for the remaining two
    bench.advance(28_800.0).await;
    let dead = sso(&bench, first, lists).await;
    assert_eq!(dead.word(), "UnauthorizedException 401");
    let second = oidc(&bench, "/token", refresh.clone()).await.ok();
    assert_eq!(second["expiresIn"], 7_200);
    let second = second["accessToken"].as_str().unwrap().to_owned();
    assert_eq!(sso(&bench, &second, lists).await.word(), "ok");
    bench.advance(7_200.0).await;
    let dead = sso(&bench, &second, lists).await;
    assert_eq!(dead.word(), "UnauthorizedException 401");
    let late = oidc(&bench, "/token", refresh).await;
    assert_eq!(late.word(), "InvalidGrantException 400");

    // an administrator's delete is delayed
    let third = token(&bench, MARA).await;
    let change = json!({ "delete_portal_sessions": { "user": MARA } });
    assert_eq!(bench.mutate(change).await.0, 200);
    for (seconds, expected) in [
        (0.0, "ok"),
        (59.0, "ok"),
        (1.0, "UnauthorizedException 401"),
    ] {
        bench.advance(seconds).await;
        assert_eq!(sso(&bench, &third, lists).await.word(), expected);
    }
}

#[tokio::test]
async fn who_is_disabled_or_deleted() {
    let bench = Bench::new(here()).await;
    give(&bench, &[MARA, TOMASZ]).await;
    let path = entry(&bench.account("payments-prod"), "PowerUser");
    let token = token(&bench, MARA).await;
    let keys = signer(&bench, &sso(&bench, &token, &path).await.ok());
    let client = client(&bench, json!({})).await;
    let device = device(&bench, &client).await;
    bench
        .mutate(json!({ "disable_user": { "user": MARA } }))
        .await;
    assert_eq!(sso(&bench, &token, &path).await.word(), "ok");
    assert_eq!(approve(&bench, &device, MARA).await, 409);
    bench
        .mutate(json!({ "delete_user": { "user": MARA } }))
        .await;
    let gone = sso(&bench, &token, &path).await;
    assert_eq!(gone.word(), "UnauthorizedException 401");
    assert!(
        who(&bench, &keys).await.starts_with("arn"),
        "the role session continues"
    );
}

#[tokio::test]
async fn sign_ins_survive_a_crash() {
    async fn open(path: &Path, portal: &str) -> Bench {
        Bench::new(Options {
            state: Some(path.to_owned()),
            portal_url: Some(portal.to_owned()),
            ..options()
        })
        .await
    }
    let folder = tempdir().unwrap();
    let path = folder.path().join("state.log");
    let bench = open(&path, PORTAL).await;
    give(&bench, &[MARA]).await;
    let path_in = entry(&bench.account("payments-prod"), "PowerUser");
    let given = token(&bench, MARA).await;
    let keys = signer(&bench, &sso(&bench, &given, &path_in).await.ok());
    let client = client(&bench, json!({})).await;
    let waiting = device(&bench, &client).await;
    let (_, before) = bench.control("GET", "/sessions", Value::Null).await;
    drop(bench);

    // on another port the portal moves with the simulator
    let moved = "http://127.0.0.1:4571/start";
    let bench = open(&path, moved).await;
    assert_eq!(bench.simulator.identity_center().portal_url, moved);
    assert_eq!(sso(&bench, &given, &path_in).await.word(), "ok");
    assert!(who(&bench, &keys).await.starts_with("arn"));
    let (_, after) = bench.control("GET", "/sessions", Value::Null).await;
    assert_eq!(before["portal_sessions"], after["portal_sessions"]);
    assert_eq!(before["sessions"][0], after["sessions"][0]);
    assert_eq!(approve(&bench, &waiting, TOMASZ).await, 200);
    assert_eq!(poll(&bench, &client, &waiting).await.word(), "ok");
}

#[tokio::test]
async fn the_call_log_tells_no_secrets() {
    let bench = Bench::new(here()).await;
    give(&bench, &[MARA]).await;
    let given = sign_in(&bench, MARA).await;
    let token = given["accessToken"].as_str().unwrap();
    let path = entry(&bench.account("payments-prod"), "PowerUser");
    sso(&bench, token, &path).await.ok();
    let (_, calls) = bench.control("GET", "/calls", Value::Null).await;
    let text = calls.to_string();
    for secret in [&given["accessToken"], &given["client"]["clientSecret"]] {
        assert!(!text.contains(secret.as_str().unwrap()));
    }
    let rows = calls["calls"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["operation"] == "GetRoleCredentials")
        .unwrap();
    assert_eq!(row["service"], "awsssoportal");
    let mara = format!(
        "arn:aws:identitystore:::user/{}",
        bench.user("mara.lindqvist")
    );
    assert_eq!(row["caller"]["arn"], mara);
    assert_eq!(row["effect"], true);
}

#[tokio::test]
async fn faults_reach_the_portal() {
    let bench = Bench::new(here()).await;
    give(&bench, &[MARA]).await;
    let token = token(&bench, MARA).await;
    let account = bench.account("payments-prod");
    bench
        .fault(json!({ "kind": "throttle", "rate": 0.001, "burst": 1,
            "match": { "operation": "GetRoleCredentials", "account": account } }))
        .await;
    let path = entry(&account, "PowerUser");
    assert_eq!(sso(&bench, &token, &path).await.word(), "ok");
    let slow = sso(&bench, &token, &path).await;
    assert_eq!(slow.word(), "TooManyRequestsException 429");
    assert_eq!(
        sso(&bench, &token, "/assignment/accounts").await.word(),
        "ok"
    );
}

#[tokio::test]
async fn the_portal_is_where_the_file_says_else_where_the_simulator_is() {
    let named = "https://acme.awsapps.com/start";
    for (in_file, own, expected) in [
        ("", Some(PORTAL), PORTAL.to_owned()),
        (named, Some(PORTAL), named.to_owned()),
        (named, None, named.to_owned()),
        ("", None, String::new()),
    ] {
        let mut organization = hallpass_aws_sim::organization::small();
        in_file.clone_into(&mut organization.identity_center.portal_url);
        let bench = Bench::new(Options {
            organization,
            portal_url: own.map(str::to_owned),
            ..options()
        })
        .await;
        let at = |bench: &Bench| bench.simulator.identity_center();
        let usual = format!("https://{}.awsapps.com/start", at(&bench).identity_store_id);
        let expected = if expected.is_empty() { usual } else { expected };
        assert_eq!(at(&bench).portal_url, expected);
        for path in ["/load?merge=1", "/reset"] {
            let (status, said) = bench.control("POST", path, json!({})).await;
            assert_eq!(status, 200, "{said}");
            assert_eq!(at(&bench).portal_url, expected, "{path}");
        }
    }
    for (name, value) in [
        ("portal_session_seconds", 899),
        ("portal_revocation_lag", 3601),
    ] {
        let mut file = serde_json::to_value(hallpass_aws_sim::organization::small()).unwrap();
        file["identity_center"][name] = value.into();
        let bench = Bench::small().await;
        let (status, said) = bench.control("POST", "/load", file).await;
        assert_eq!(status, 400);
        let pointer = format!("/identity_center/{name}");
        assert_eq!(said["error"]["problems"][0]["pointer"], pointer, "{said}");
    }
}
