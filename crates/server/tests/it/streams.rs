//! Event streams: permissions, order, resumption, shutdown.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::response::Response;
use futures_util::StreamExt as _;
use hallpass_audit::SEQ_MAX;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::pages_of_the_log::much_is_recorded;
use crate::test_server::{TestServer, directory_with, request, run};

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

async fn opened_by(browser: &Browser<'_>, path: &str, last: Option<u64>) -> Response {
    let cookie = format!("hallpass={}", browser.cookies["hallpass"]);
    let last = last.map(|last| last.to_string());
    let mut headers = vec![("cookie", cookie.as_str()), ("accept", "text/event-stream")];
    headers.extend(last.as_deref().map(|last| ("last-event-id", last)));
    let sent = request("GET", path, None, &headers, None);
    browser.server.answer(sent).await
}

async fn page_heard(browser: &Browser<'_>, path: &str, last: Option<u64>) -> Vec<(u64, Value)> {
    let response = opened_by(browser, path, last).await;
    assert_eq!(response.status(), 200, "{path}");
    heard(&mut response.into_body().into_data_stream()).await.0
}

async fn stream_of(browser: &mut Browser<'_>, path: &str) -> String {
    let page = browser.get(path).await;
    let page = String::from_utf8(page.body.to_vec()).unwrap();
    let (_, rest) = page.split_once("<body data-events=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[test]
fn a_page_hears_what_came_after_it_was_read_and_before_it_listened() {
    run(async {
        let server = TestServer::new();
        server.ask("ana/all", "ReadOnly").await;
        let mut ana = Browser::of(&server, "ana").await;
        let path = stream_of(&mut ana, "/").await;
        server.ask("ana/all", "Admin").await;
        let events = page_heard(&ana, &path, None).await;
        let kinds: Vec<_> = events.iter().map(|(_, data)| &data["event"]).collect();
        assert_eq!(kinds, ["request.created"]);
        let newest = events[0].0;
        assert_eq!(page_heard(&ana, &path, Some(newest)).await, []);
        assert_eq!(page_heard(&ana, "/events", None).await, []);
        let next = stream_of(&mut ana, "/requests").await;
        assert_eq!(next, format!("/events?after={newest}"));
    });
}

/// It reloads on reconnect; a number beyond the log belongs to another log.
#[test]
fn a_page_that_knows_little_of_the_log_hears_from_now_on() {
    run(async {
        let server = TestServer::new();
        let mut ana = Browser::of(&server, "ana").await;
        let path = stream_of(&mut ana, "/").await;
        server.ask("ana/all", "Admin").await;
        assert_eq!(page_heard(&ana, &path, None).await.len(), 1);
        much_is_recorded(&server).await;
        let beyond = format!("/events?after={SEQ_MAX}");
        for path in [path, beyond] {
            let response = opened_by(&ana, &path, None).await;
            let mut stream = response.into_body().into_data_stream();
            assert_eq!(heard(&mut stream).await.0, [], "{path}");
            server.ask("ana/all", "ReadOnly").await;
            assert_ne!(heard(&mut stream).await.0, [], "{path}");
        }
        for odd in ["-1", "x", "", "9007199254740992", "1&after=2"] {
            let response = opened_by(&ana, &format!("/events?after={odd}"), None).await;
            assert_eq!(response.status(), 400, "{odd}");
            let said = response.headers()["content-type"].clone();
            assert_eq!(said, "application/problem+json", "{odd}");
        }
    });
}

/// A browser gives up a stream that redirects; after an error it reloads the page.
#[test]
fn the_stream_of_a_session_that_is_over_is_refused() {
    run(async {
        let server = TestServer::new();
        let mut nobody = Browser::new(&server);
        for (accept, status) in [("text/event-stream", 401), ("text/html", 303)] {
            let headers = [("accept", accept)];
            let reply = nobody.send("GET", "/events", &headers, String::new());
            assert_eq!(reply.await.status.as_u16(), status, "{accept}");
        }
    });
}

/// Permission for an unreadable request is unknown: it is retried, but must not block other events
/// forever.
#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_read_holds_a_stream_up_for_a_while_only() {
    let server = TestServer::new();
    let asked = server.ask("ana/all", "Admin").await;
    let id = asked["id"].as_str().unwrap();
    let approve = format!("/api/v1/requests/{id}/approve");
    let approved = server.post(&approve, "cai/all", &json!({})).await.json();
    let grant = approved["grant_id"].as_str().unwrap().to_owned();
    let mut stream = open(&server, "cai/all", None).await;
    let longer = json!({"duration_seconds": 7200});
    let extend = format!("/api/v1/grants/{grant}/extend");
    let extension = server.post(&extend, "ana/all", &longer).await;
    assert!(extension.status.is_success(), "{extension:?}");
    server.store.tear_grant(grant.parse().unwrap());
    let later = server.ask("sam/all", "Admin").await;
    let mut events = Vec::new();
    for _ in 0..200 {
        events.extend(heard(&mut stream).await.0);
    }
    let last = events.last().map(|(_, data)| &data["request_id"]);
    assert_eq!(last, Some(&later["id"]), "{events:?}");
}

#[test]
fn a_stream_that_was_further_than_the_log_is_now_begins_now() {
    run(async {
        let server = TestServer::new();
        server.ask("ana/all", "Admin").await;
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
        assert!(heard(&mut stream).await.1, "it continues");
    });
}

/// A stream ends with its token, user, or by a lock.
#[test]
fn a_stream_ends_with_what_it_was_opened_by() {
    run(async {
        for how in ["revoked", "expired", "gone", "locked"] {
            let server = TestServer::new();
            let mut stream = open(&server, "ana/all", None).await;
            assert!(!heard(&mut stream).await.1, "{how}: it continues");
            match how {
                "revoked" => {
                    let out = request("POST", "/api/v1/logout", Some("ana/all"), &[], None);
                    assert_eq!(server.answer(out).await.status(), 200);
                }
                "expired" => server.clock.advance(hallpass_base::TimeSpan::hours(24)),
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

/// Every endpoint refuses locked users with the reason, whatever their credential, until another
/// user unlocks them.
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
