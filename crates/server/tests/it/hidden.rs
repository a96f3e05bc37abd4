//! Invisible data must not leak: in lists, single objects, event streams or search.

use std::fmt::Write as _;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::json;

use crate::signed_in::{At, server};
use crate::test_server::{TestServer, asking, request, run};

/// Marker texts of a request, a lock and an unlock.
const WISH: &str = "zebra-of-the-wish";
const LOCK: &str = "zebra-of-the-lock";
const LIFT: &str = "zebra-of-the-lift";

/// Every endpoint with text.
const PATHS: [&str; 14] = [
    "/api/v1/requests?limit=500",
    "/api/v1/grants?limit=500",
    "/api/v1/audit?limit=500",
    "/api/v1/locks",
    "/api/v1/me",
    "/api/v1/catalog?q=zebra",
    "/",
    "/access",
    "/reviews",
    "/reviews/others",
    "/audit",
    "/audit?q=zebra",
    "/audit/export?format=csv&q=zebra",
    "/audit/export?format=jsonl&q=zebra",
];

async fn lived(server: &TestServer) -> (String, String) {
    let mut wish = asking("ReadOnly");
    wish["reason"] = json!(WISH);
    let asked = server
        .post("/api/v1/requests", "ana/all", &wish)
        .await
        .json();
    let lock = json!({"user": "ana@corp.example", "reason": LOCK, "held": "ends"});
    let locked = server.post("/api/v1/locks", "eve/all", &lock).await;
    assert_eq!(locked.json()["reason"], LOCK, "{locked:?}");
    server.access.tick().await.unwrap();
    let lift = json!({"user": "ana@corp.example", "reason": LIFT});
    let lifted = server.post("/api/v1/locks/lift", "eve/all", &lift).await;
    assert_eq!(lifted.json()["changed"], true, "{lifted:?}");
    let id = |name: &str| asked[name].as_str().unwrap().to_owned();
    (id("id"), id("grant_id"))
}

async fn told(server: &TestServer, who: &str, request_id: &str, grant: &str) -> String {
    let at = At::new(server, who).await;
    let mut told = String::new();
    let own = [
        format!("/api/v1/requests/{request_id}"),
        format!("/api/v1/grants/{grant}"),
        format!("/requests/{request_id}"),
        format!("/grants/{grant}"),
        "/access?user=ana%40corp.example".to_owned(),
    ];
    for path in PATHS.iter().copied().chain(own.iter().map(String::as_str)) {
        let reply = if path.starts_with("/api/") {
            server.get(path, &format!("{who}/all")).await
        } else {
            at.get(path).await
        };
        assert!(!reply.status.is_server_error(), "{who} {path}: {reply:?}");
        let body = String::from_utf8_lossy(&reply.body).into_owned();
        let body = body.replace("value=\"zebra\"", "").replace("q=zebra", "");
        write!(told, "\n== {path}\n{body}").unwrap();
    }
    let token = format!("{who}/all");
    let since = [("last-event-id", "0")];
    let sent = request("GET", "/api/v1/events", Some(&token), &since, None);
    let mut stream = server.answer(sent).await.into_body().into_data_stream();
    told.push_str("\n== events\n");
    while let Ok(Some(Ok(bytes))) =
        tokio::time::timeout(Duration::from_millis(150), stream.next()).await
    {
        told.push_str(&String::from_utf8_lossy(&bytes));
    }
    told
}

fn places(told: &str, text: &str) -> Vec<String> {
    let doors = told.split("\n== ").filter(|door| door.contains(text));
    doors
        .map(|door| door.lines().next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn why_somebody_asked_is_told_to_those_who_may_see_the_request() {
    run(async {
        let server = server();
        let (request, grant) = lived(&server).await;
        for who in ["sam", "dee"] {
            let told = told(&server, who, &request, &grant).await;
            assert_eq!(places(&told, WISH), [""; 0], "{who}");
        }
        for who in ["ana", "aud", "eve"] {
            let told = told(&server, who, &request, &grant).await;
            let doors = places(&told, WISH);
            for door in [
                &format!("/api/v1/requests/{request}"),
                "/api/v1/audit?limit=500",
                "/audit/export?format=csv&q=zebra",
            ] {
                assert!(doors.iter().any(|it| it == door), "{who} {door}: {doors:?}");
            }
            assert!(!doors.contains(&"events".to_owned()), "{who}");
        }
    });
}

#[test]
fn why_somebody_was_locked_is_told_to_administrators_and_auditors_alone() {
    run(async {
        let server = server();
        let (request, grant) = lived(&server).await;
        for who in ["ana", "cai", "dee", "sam"] {
            let told = told(&server, who, &request, &grant).await;
            for secret in [LOCK, LIFT] {
                assert_eq!(places(&told, secret), [""; 0], "{who} {secret}");
            }
        }
        for who in ["aud", "eve"] {
            let told = told(&server, who, &request, &grant).await;
            for secret in [LOCK, LIFT] {
                let doors = places(&told, secret);
                assert!(
                    doors.contains(&"/api/v1/audit?limit=500".to_owned()),
                    "{who}: {doors:?}"
                );
                assert!(!doors.contains(&"events".to_owned()), "{who}");
            }
        }
        // reasons of active locks are hidden from users who do not read everything
        let lock = json!({"user": "ana@corp.example", "reason": LOCK});
        server.post("/api/v1/locks", "eve/all", &lock).await;
        let auditor = server.get("/api/v1/locks", "aud/all").await.json();
        assert_eq!(auditor["items"][0]["reason"], LOCK);
        for path in ["/api/v1/me", "/api/v1/requests"] {
            let refused = server.get(path, "ana/all").await;
            assert!(
                !String::from_utf8_lossy(&refused.body).contains("zebra"),
                "{path}"
            );
        }
    });
}

/// Record members that reveal nothing about the object.
const OF_THE_PRESS: [&str; 17] = [
    "actor",
    "actor_user_id",
    "error",
    "event",
    "hash",
    "id",
    "matched_attributes",
    "operation_type",
    "prev_hash",
    "secondary_domain_was_used",
    "seq",
    "signed_in_at",
    "source",
    "time",
    "timestamp",
    "version",
    "why",
];

#[test]
fn a_refused_press_on_what_its_actor_may_not_see_is_on_record_with_the_id_alone() {
    run(async {
        let server = server();
        let mut waits = asking("Admin");
        waits["reason"] = json!(WISH);
        let waits = server.post("/api/v1/requests", "ana/all", &waits).await;
        let request = waits.json()["id"].as_str().unwrap().to_owned();
        let given = server.ask("ana/all", "ReadOnly").await;
        let grant = given["grant_id"].as_str().unwrap().to_owned();
        let glass = json!({"justification": "customers cannot pay, no one answers"});
        let presses = [
            ("requests", &request, "approve", json!({})),
            ("requests", &request, "deny", json!({"reason": "no"})),
            ("requests", &request, "discard", json!(null)),
            ("requests", &request, "break-glass", glass),
            ("requests", &request, "close-review", json!({})),
            ("grants", &grant, "release", json!(null)),
            (
                "grants",
                &grant,
                "extend",
                json!({"duration_seconds": 3600}),
            ),
            ("grants", &grant, "revoke", json!({"reason": "no"})),
        ];
        for (kind, id, press, body) in &presses {
            let path = format!("/api/v1/{kind}/{id}/{press}");
            let refused = server.post(&path, "sam/all", body).await;
            assert_eq!(refused.status.as_u16(), 404, "{press}: {refused:?}");
        }
        let log = server.get("/api/v1/audit?limit=500", "sam/all").await;
        let log = log.json()["items"].as_array().unwrap().clone();
        let refused: Vec<_> = log
            .iter()
            .filter(|record| record["event"] == "press.refused")
            .map(|record| record.as_object().unwrap())
            .collect();
        assert_eq!(refused.len(), presses.len(), "{log:?}");
        for (record, (kind, id, press, _)) in refused.into_iter().zip(&presses) {
            let empty = [json!("NA"), json!([])];
            let about: Vec<_> = record
                .iter()
                .filter(|(name, value)| {
                    !OF_THE_PRESS.contains(&name.as_str()) && !empty.contains(value)
                })
                .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
                .collect();
            let name = match *kind {
                "requests" => "access_request_id",
                _ => "grant_id",
            };
            assert_eq!(about, [(name, id.as_str())], "{press}");
            assert_eq!(record["error"], "not-found: the actor may not see it");
        }
        let told = told(&server, "sam", &request, &grant).await;
        assert_eq!(places(&told, WISH), [""; 0]);
        let whole = server.get("/api/v1/audit?event=press.refused", "aud/all");
        let whole = whole.await.json();
        assert_eq!(whole["items"].as_array().unwrap().len(), presses.len());
    });
}
