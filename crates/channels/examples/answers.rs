//! Measures answer times for Slack with slow surroundings: 10,000 people, 5,000 accounts, 300
//! permission sets, a silent AWS, 300 ms per Slack user lookup. Includes the first call of a fresh
//! process.
//!
//! `cargo run -p hallpass-slack --example answers`
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement, run by hand"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::extract::Path;
use axum::routing::any;
use hallpass_access::identity::Identity;
use hallpass_access::{Access, AccessStore, Directory, DirectoryFault, DirectorySource, Settings};
use hallpass_base::{Clock, TimeSpan, Timestamp, UserId};
use hallpass_channels::slack::{
    Client, Marks, MemoryFault, Ports, Setup, Signed, Slack, SlackMemory, sign,
};
use hallpass_rules::{RuleFile, load};
use hallpass_simulation::{Ids, Wall};
use hallpass_store::MemoryStore;
use secrecy::SecretString;
use serde_json::{Value, json};

const PEOPLE: usize = 10_000;
const ACCOUNTS: usize = 5_000;
const SETS: usize = 300;
const CALLS: usize = 200;

struct Stalled(Arc<Directory>);

#[async_trait]
impl DirectorySource for Stalled {
    fn current(&self) -> Arc<Directory> {
        Arc::clone(&self.0)
    }

    async fn refresh(&self) -> Result<Arc<Directory>, DirectoryFault> {
        std::future::pending().await
    }

    async fn refresh_person(&self, _: &UserId) -> Result<Arc<Directory>, DirectoryFault> {
        std::future::pending().await
    }
}

struct Blobs(Arc<MemoryStore>);

#[async_trait]
impl SlackMemory for Blobs {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, MemoryFault> {
        let read = self.0.blob_get(key).await;
        read.map_err(|error| MemoryFault(error.to_string()))
    }

    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), MemoryFault> {
        let put = self.0.blob_put(key, bytes).await;
        put.map_err(|error| MemoryFault(error.to_string()))
    }
}

fn directory(taken_at: Timestamp) -> Directory {
    let people: Vec<Value> = (0..PEOPLE)
        .map(|n| {
            json!({"user_id": format!("{n:08}-0000-0000-0000-000000000000"), "user_name": format!("p{n}"),
                "display_name": format!("Person {n}"), "emails": [format!("p{n}@corp.example")], "enabled": true})
        })
        .collect();
    let accounts: Vec<Value> = (0..ACCOUNTS)
        .map(|n| {
            let name = if n + 1 == ACCOUNTS {
                "zyx-last".to_owned()
            } else {
                format!("account-{n}")
            };
            json!({"id": format!("{n:012}"), "name": name, "active": true})
        })
        .collect();
    let sets: Vec<Value> = (0..SETS)
        .map(|n| {
            json!({"name": format!("Set{n}"), "session_duration": 3600,
                "arn": format!("arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-{n}")})
        })
        .collect();
    serde_json::from_value(
        json!({"root_id": "r-ab12", "accounts": accounts, "permission_sets": sets,
        "people": people, "taken_at": taken_at}),
    )
    .unwrap()
}

static OPENED: AtomicUsize = AtomicUsize::new(0);

async fn slow_slack() -> String {
    let app =
        axum::Router::new().route(
            "/api/{method}",
            any(
                |Path(method): Path<String>,
                 query: axum::extract::Query<BTreeMap<String, String>>| async move {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    if method == "views.open" {
                        OPENED.fetch_add(1, Ordering::SeqCst);
                    }
                    let id = query.get("user").cloned().unwrap_or_default();
                    axum::Json(match method.as_str() {
                        "users.info" => json!({"ok": true, "user": {"id": id, "team_id": "T1",
                    "profile": {"email": format!("{}@corp.example", id.to_lowercase())}}}),
                        _ => {
                            json!({"ok": true, "team_id": "T1", "ts": "1.1", "view": {"id": "V1"}})
                        }
                    })
                },
            ),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

struct Bench {
    slack: Slack,
    clock: Arc<Wall>,
    secret: SecretString,
}

impl Bench {
    async fn new() -> Self {
        let clock = Arc::new(Wall::new(Timestamp::from_second(1_780_000_000).unwrap()));
        // an hour old, and every call requires fresher data
        let directory = directory(TimeSpan::hours(1).before(clock.now()));
        let store = Arc::new(MemoryStore::new());
        let rules = r#"{"statements": [{"ResourceType": "Account", "Resource": "*", "PermissionSet": "*", "Approvers": ["p1@corp.example"]}]}"#;
        let access = Access::new(
            hallpass_access::Ports {
                store: store.clone(),
                assignments: store.clone(),
                sweeps: store.clone(),
                campaigns: store.clone(),
                group_sync: store.clone(),
                standing: Arc::new(hallpass_store_testing::StandingDouble::default()),
                directory: Arc::new(Stalled(Arc::new(directory))),
                clock: clock.clone(),
                ids: Arc::new(Ids::new(1)),
            },
            Settings::default(),
            load(&RuleFile::new("rules.json", rules)).unwrap().rules,
        );
        let secret = SecretString::from("shh");
        let ports = Ports {
            access: Arc::new(access),
            store: store.clone() as Arc<dyn AccessStore>,
            identity: Arc::new(Identity::default()),
            memory: Arc::new(Blobs(store)),
            clock: clock.clone(),
            client: Client::new(&slow_slack().await, SecretString::from("xoxb")).unwrap(),
            signing_secret: Some(secret.clone()),
        };
        let setup = Setup {
            channel: "C1".to_owned(),
            dm_outside_channel: true,
            announce_end: true,
            marks: Marks::default(),
            account_notes: BTreeMap::new(),
            contact: "an administrator".to_owned(),
            public_url: "https://h.example".to_owned(),
            portal_url: String::new(),
            zone: jiff::tz::TimeZone::UTC,
        };
        Self {
            slack: Slack::new(ports, setup),
            clock,
            secret,
        }
    }

    async fn timed(&self, payload: &Value) -> (Duration, String) {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &payload.to_string())
            .finish()
            .into_bytes();
        let at = self.clock.now().as_second();
        let (signature, at) = (sign(&self.secret, at, &body), at.to_string());
        let start = Instant::now();
        let signed = Signed {
            timestamp: Some(&at),
            signature: Some(&signature),
        };
        let reply = self.slack.call(&signed, &body).await;
        assert_eq!(reply.status, 200);
        (start.elapsed(), reply.body)
    }
}

fn report(name: &str, mut times: Vec<Duration>) {
    let first = times.first().copied().unwrap_or_default();
    times.sort_unstable();
    let at = |share: usize| {
        times
            .get((times.len() * share / 100).min(times.len() - 1))
            .copied()
    };
    println!(
        "{name:<28} first {first:>10.1?}  p50 {:>10.1?}  p99 {:>10.1?}  max {:>10.1?}",
        at(50).unwrap_or_default(),
        at(99).unwrap_or_default(),
        times.last().copied().unwrap_or_default()
    );
}

#[tokio::main]
async fn main() {
    let bench = Bench::new().await;
    let by = |n: usize| json!({"id": format!("P{n}"), "team_id": "T1"});
    let mut times = Vec::new();
    for n in 0..CALLS {
        let payload = json!({"type": "shortcut", "callback_id": "request_for_access", "user": by(n),
            "trigger_id": n.to_string()});
        times.push(bench.timed(&payload).await.0);
    }
    report("shortcut", times);
    let start = Instant::now();
    while OPENED.load(Ordering::SeqCst) < CALLS && start.elapsed() < Duration::from_mins(2) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!(
        "{CALLS} windows for as many people were open {:.1?} after the last press",
        start.elapsed()
    );
    // windows opened before the user lookup change once more: not measured
    tokio::time::sleep(Duration::from_secs(3)).await;
    let view = |n: usize, values: &Value| {
        json!({"id": format!("V{n}"), "callback_id": "request_for__account_access_submitted",
        "state": {"values": values}})
    };
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for n in 0..CALLS {
        // each person once new, then typing on
        for times in [&mut first, &mut again] {
            let payload = json!({"type": "block_suggestion", "action_id": "selected_account", "value": "zyx",
                "user": by(PEOPLE / 2 + n), "nonce": times.len(), "view": view(n, &json!({})), "second": times.len() % 2});
            let (took, body) = bench.timed(&payload).await;
            assert!(body.contains("000000004999"), "{n} {took:?} {body}");
            times.push(took);
            // a replay would be answered from memory
            bench.clock.advance(TimeSpan::seconds(1));
        }
    }
    report("choices, person is new", first);
    report("choices, typing on", again);
    let mut times = Vec::new();
    for n in 0..40 {
        let values = json!({
            "duration_picker": {"duration_picker_action": {"selected_option": {"value": "3600"}}},
            "provide_reason": {"provided_reason": {"value": "why"}},
            "select_account": {"selected_account": {"selected_option": {"value": "000000004999"}}},
            "select_permission_set": {"selected_permission_set": {"selected_option": {"value": "Set7"}}},
        });
        let payload = json!({"type": "view_submission", "user": by(PEOPLE / 2 + n), "view": view(n, &values)});
        times.push(bench.timed(&payload).await.0);
    }
    report("form sent, AWS stalled", times);
}
