//! `hallpass policy vpn handler` and `hallpass server lambda vpn` with a real database file.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path as Segment, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::mmdb;
use crate::run::{Ran, hallpass, run, run_with};

fn database(folder: &Path) -> PathBuf {
    let path = folder.join("country.mmdb");
    let bytes = mmdb::database(&[
        ("8.8.8.0/24", Some("US"), Some("US")),
        ("193.50.0.0/16", Some("FR"), None),
        ("194.0.0.0/16", None, Some("GB")),
        ("195.0.0.0/16", None, None),
        ("2a00:23c0::/28", Some("GB"), Some("GB")),
    ]);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn handle(geo: &Path, more: &[&str], input: &[u8]) -> Ran {
    let mut command = hallpass();
    command
        .args(["policy", "vpn", "handler", "--geo"])
        .arg(geo)
        .args(more);
    run_with(&mut command, input)
}

#[test]
fn events_are_answered_from_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let geo = database(folder.path());
    let table = [
        ("8.8.8.8", true, "allowed-country"),
        ("::ffff:8.8.8.8", true, "allowed-country"),
        ("193.50.1.1", false, "other-country"),
        ("194.0.1.1", true, "allowed-country"),
        ("195.0.1.1", false, "unknown"),
        ("9.9.9.9", false, "unknown"),
        ("2a00:23c0::7", true, "allowed-country"),
        ("2001:4860::1", false, "unknown"),
        ("10.0.0.5", false, "private"),
        ("abc", false, "bad-address"),
    ];
    let mut input = String::new();
    for (ip, _, _) in &table {
        input += &json!({"public-ip": ip, "schema-version": "v3"}).to_string();
        input.push('\n');
    }
    input += "not json\n\n";
    let ran = handle(&geo, &["--allow", "us,GB"], input.as_bytes()).exits(0);
    let answers = ran.lines();
    let records: Vec<Value> = ran
        .err
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    assert_eq!(answers.len(), table.len() + 1, "{}", ran.err);
    for (((ip, allow, reason), answer), record) in table.iter().zip(&answers).zip(&records) {
        assert_eq!(answer["allow"], *allow, "{ip}");
        assert_eq!(answer["schema-version"], "v3", "{ip}");
        assert_eq!(record["reason"], *reason, "{ip}");
    }
    let last = answers.last().unwrap();
    assert_eq!(last["schema-version"], "v1");
    assert!(last["error-msg-on-failed-posture-compliance"].is_string());
}

#[test]
fn a_line_that_is_too_long_is_a_denial_and_the_next_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let geo = database(folder.path());
    let mut input = vec![b'{'; 3 * 1024 * 1024];
    input.extend(b"\n{\"public-ip\":\"8.8.8.8\"}\n\xff\xfe\n");
    let ran = handle(&geo, &["--allow", "US"], &input).exits(0);
    let allowed: Vec<Value> = ran.lines().iter().map(|it| it["allow"].clone()).collect();
    assert_eq!(allowed, [false, true, false]);
}

#[test]
fn a_policy_file_names_its_sources_from_its_own_folder() {
    let folder = tempfile::tempdir().unwrap();
    database(folder.path());
    let policy = folder.path().join("vpn.yaml");
    let text = "default: {countries: [US]}\nsources: [{csv: more.csv}, {mmdb: country.mmdb}]\n";
    std::fs::write(&policy, text).unwrap();
    std::fs::write(
        folder.path().join("more.csv"),
        "cidr,country\n9.9.9.0/24,US\n",
    )
    .unwrap();
    let mut command = hallpass();
    command
        .args(["policy", "vpn", "handler", "--policy"])
        .arg(&policy);
    let input =
        b"{\"public-ip\":\"9.9.9.9\"}\n{\"public-ip\":\"8.8.8.8\"}\n{\"public-ip\":\"193.50.0.1\"}";
    let ran = run_with(&mut command, input).exits(0);
    let allowed: Vec<Value> = ran.lines().iter().map(|it| it["allow"].clone()).collect();
    assert_eq!(allowed, [true, true, false]);
}

#[derive(Default)]
struct Runtime {
    events: VecDeque<String>,
    answers: Vec<(String, Value)>,
}

type Shared = Arc<Mutex<Runtime>>;

async fn next(State(runtime): State<Shared>) -> impl IntoResponse {
    let mut runtime = runtime.lock().unwrap();
    let number = runtime.answers.len() + 1;
    match runtime.events.pop_front() {
        Some(event) => {
            let id = [("lambda-runtime-aws-request-id", format!("id-{number}"))];
            (id, event).into_response()
        }
        // ends the test; the real one never does
        None => StatusCode::GONE.into_response(),
    }
}

async fn answered(
    State(runtime): State<Shared>,
    Segment(id): Segment<String>,
    body: String,
) -> StatusCode {
    let answer = serde_json::from_str(&body).unwrap();
    runtime.lock().unwrap().answers.push((id, answer));
    StatusCode::ACCEPTED
}

fn as_function(events: &[&str], environment: &[(&str, &Path)]) -> (Vec<(String, Value)>, Ran) {
    let runtime = Shared::default();
    runtime.lock().unwrap().events = events.iter().map(|it| (*it).to_owned()).collect();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route(
            "/2018-06-01/runtime/invocation/{id}/response",
            post(answered),
        )
        .with_state(runtime.clone());
    let tokio = tokio::runtime::Runtime::new().unwrap();
    tokio.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        axum::serve(listener, app).await.unwrap();
    });
    let mut command = hallpass();
    command
        .env("HALLPASS_LAMBDA", "vpn")
        .env("AWS_LAMBDA_RUNTIME_API", address.to_string());
    for (name, value) in environment {
        command.env(name, value);
    }
    let ran = run(&mut command);
    let answers = std::mem::take(&mut runtime.lock().unwrap().answers);
    (answers, ran)
}

#[test]
fn as_a_function_every_event_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let geo = database(folder.path());
    let (answers, ran) = as_function(
        &[
            r#"{"public-ip":"8.8.8.8","schema-version":"v2"}"#,
            "{",
            r#"{"public-ip":"193.50.0.1"}"#,
        ],
        &[
            ("HALLPASS_VPN_GEO", &geo),
            ("HALLPASS_VPN_ALLOW", Path::new("US")),
        ],
    );
    let ran = ran.exits(1);
    assert!(ran.err.contains("no more events"), "{}", ran.err);
    let told: Vec<(&str, &Value)> = answers
        .iter()
        .map(|(id, it)| (&**id, &it["allow"]))
        .collect();
    assert_eq!(
        told,
        [
            ("id-1", &json!(true)),
            ("id-2", &json!(false)),
            ("id-3", &json!(false))
        ],
        "{}",
        ran.err
    );
}

#[test]
fn a_function_without_its_files_denies_and_lives() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let event = r#"{"public-ip":"8.8.8.8","schema-version":"v2"}"#;
    let allow = ("HALLPASS_VPN_ALLOW", Path::new("US"));
    for environment in [
        &[("HALLPASS_VPN_GEO", &*gone), allow][..],
        &[("HALLPASS_VPN_POLICY", &*gone)],
        &[
            ("HALLPASS_VPN_GEO", &*gone),
            ("HALLPASS_VPN_ALLOW", Path::new("UK")),
        ],
    ] {
        let (answers, ran) = as_function(&[event, event], environment);
        assert_eq!(answers.len(), 2, "{}", ran.err);
        for (_, answer) in answers {
            assert_eq!(answer["allow"], false);
            assert_eq!(answer["posture-compliance-statuses"], json!(["unknown"]));
            assert_eq!(answer["schema-version"], "v2");
        }
    }
}
