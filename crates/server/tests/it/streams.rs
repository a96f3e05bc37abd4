//! Events as they happen: whose, in order, from where one was, and until the server stops.

use std::time::Duration;

use axum::body::BodyDataStream;
use futures_util::StreamExt as _;
use serde_json::Value;

use crate::test_server::{TestServer, directory_with, request, run};

/// What arrives until nothing does for a while, as (id, data).
pub(crate) async fn heard(stream: &mut BodyDataStream) -> (Vec<(u64, Value)>, bool) {
    let mut text = String::new();
    let ended = loop {
        match tokio::time::timeout(Duration::from_millis(150), stream.next()).await {
            Ok(Some(Ok(bytes))) => text.push_str(&String::from_utf8_lossy(&bytes)),
            Ok(Some(Err(error))) => panic!("{error}"),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    let mut events = Vec::new();
    for block in text.split("\n\n").filter(|block| block.contains("data:")) {
        let field = |name: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().trim().to_owned()
        };
        events.push((
            field("id:").parse().unwrap(),
            serde_json::from_str(&field("data:")).unwrap(),
        ));
    }
    (events, ended)
}

pub(crate) async fn open(server: &TestServer, token: &str, last: Option<&str>) -> BodyDataStream {
    let headers: Vec<_> = last
        .map(|last| ("last-event-id", last))
        .into_iter()
        .collect();
    let sent = request("GET", "/api/v1/events", Some(token), &headers, None);
    let response = server.answer(sent).await;
    assert_eq!(response.status(), 200);
    response.into_body().into_data_stream()
}

#[test]
fn a_stream_tells_what_one_may_see_and_goes_on_where_it_was() {
    run(async {
        let server = TestServer::new();
        let mut anas = open(&server, "ana/all", None).await;
        let mut sams = open(&server, "sam/all", None).await;
        let mut cais = open(&server, "cai/all", None).await;
        server.ask("ana/all", "Admin").await;
        let (events, _) = heard(&mut anas).await;
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0].1["event"], "request.created");
        assert_eq!(heard(&mut cais).await.0, events, "an approver hears of it");
        assert_eq!(heard(&mut sams).await.0, [], "a stranger does not");
        drop(anas);
        server.ask("ana/all", "ReadOnly").await;
        let resumed = events[0].0.to_string();
        let (missed, _) = heard(&mut open(&server, "ana/all", Some(&resumed)).await).await;
        let kinds: Vec<&str> = missed
            .iter()
            .filter_map(|(_, data)| data["event"].as_str())
            .collect();
        assert_eq!(
            kinds,
            ["request.created", "request.approved", "grant.requested"]
        );
        let (whole, _) = heard(&mut open(&server, "ana/all", Some("0")).await).await;
        assert_eq!(whole.len(), 4);
        let (odd, _) = heard(&mut open(&server, "ana/all", Some("x")).await).await;
        assert_eq!(odd, [], "what is no number begins now");
    });
}

#[test]
fn a_stream_that_was_further_than_the_log_is_now_begins_now() {
    run(async {
        let server = TestServer::new();
        server.ask("ana/all", "Admin").await;
        // as after a store was put back from a copy
        let mut stream = open(&server, "ana/all", Some("999")).await;
        assert_eq!(heard(&mut stream).await.0, []);
        server.ask("ana/all", "ReadOnly").await;
        let (events, _) = heard(&mut stream).await;
        assert_eq!(events.len(), 3, "{events:?}");
    });
}

#[test]
fn an_events_data_holds_no_words_of_people() {
    run(async {
        let server = TestServer::new();
        server.ask("ana/all", "Admin").await;
        let (events, _) = heard(&mut open(&server, "ana/all", Some("0")).await).await;
        let text = format!("{events:?}");
        assert!(!text.contains("OPS-1") && !text.contains("ana@"), "{text}");
    });
}

#[test]
fn streams_end_when_the_server_stops() {
    run(async {
        let server = TestServer::new();
        let mut stream = open(&server, "ana/all", None).await;
        assert!(!heard(&mut stream).await.1);
        server.stop.send_replace(true);
        assert!(heard(&mut stream).await.1, "it goes on");
    });
}

/// Whatever ends the right to a stream ends the stream: its token, its person, a lock.
#[test]
fn a_stream_ends_with_what_it_was_opened_by() {
    run(async {
        for how in ["revoked", "expired", "gone", "locked"] {
            let server = TestServer::new();
            let mut stream = open(&server, "ana/all", None).await;
            assert!(!heard(&mut stream).await.1, "{how}: it goes on");
            match how {
                "revoked" => {
                    let out = request("POST", "/api/v1/logout", Some("ana/all"), &[], None);
                    assert_eq!(server.answer(out).await.status(), 200);
                }
                "expired" => server.clock.advance(hallpass_model::TimeSpan::hours(24)),
                "gone" => server.directory_becomes(directory_with(server.now(), |people| {
                    people.retain(|person| person["user_name"] != "ana");
                })),
                _ => lock(&server, "ana").await,
            }
            let ended = async { while !heard(&mut stream).await.1 {} };
            tokio::time::timeout(Duration::from_secs(10), ended)
                .await
                .unwrap_or_else(|_| panic!("{how}: it never ends"));
        }
    });
}

async fn lock(server: &TestServer, who: &str) {
    let body = serde_json::json!({"user": format!("{who}@corp.example"), "reason": "stolen"});
    let sent = request("POST", "/api/v1/locks", Some("eve/all"), &[], Some(&body));
    assert_eq!(server.answer(sent).await.status(), 200);
}

/// Whoever is locked is told so and does nothing, with whatever they come; somebody else lets them in.
#[test]
fn whoever_is_locked_comes_in_by_no_door() {
    run(async {
        let server = TestServer::new();
        let call = async |method: &str, path: &str, token: &str, body: Option<Value>| {
            let sent = request(method, path, Some(token), &[], body.as_ref());
            server.answer(sent).await.status().as_u16()
        };
        let why = |who: &str| {
            Some(serde_json::json!({"user": format!("{who}@corp.example"), "reason": "stolen"}))
        };
        for stranger in ["ana/all", "cai/all", "aud/all"] {
            let status = call("POST", "/api/v1/locks", stranger, why("sam")).await;
            assert_eq!(status, 403, "{stranger}");
        }
        lock(&server, "cai").await;
        for path in ["/api/v1/me", "/api/v1/requests", "/api/v1/events"] {
            assert_eq!(call("GET", path, "cai/all", None).await, 403, "{path}");
        }
        // where they can do nothing they are not told that they could
        let told = server.get("/api/v1/me", "cai/all").await.json();
        assert_eq!(
            told["detail"],
            "you are locked since 2026-05-28 20:26 UTC; ask an administrator"
        );
        assert_eq!(told["code"], "locked");
        assert_eq!(call("GET", "/api/v1/me", "dee/all", None).await, 200);
        assert_eq!(call("GET", "/api/v1/locks", "aud/all", None).await, 200);
        assert_eq!(call("GET", "/api/v1/locks", "dee/all", None).await, 403);
        let status = call("POST", "/api/v1/locks/lift", "aud/all", why("cai")).await;
        assert_eq!(status, 403);
        let status = call("POST", "/api/v1/locks/lift", "eve/all", why("cai")).await;
        assert_eq!(status, 200);
        assert_eq!(call("GET", "/api/v1/me", "cai/all", None).await, 200);
    });
}
