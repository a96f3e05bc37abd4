use hallpass_base::TimeSpan;
use serde_json::{Value, json};

use crate::browser::begin_session;
use crate::test_server::{Reply, TestServer, asking, request, run};

async fn keyed(server: &TestServer, path: &str, token: &str, key: &str, body: &Value) -> Reply {
    let body = Some(body).filter(|body| !body.is_null());
    let headers = [("idempotency-key", key)];
    server
        .send(request("POST", path, Some(token), &headers, body))
        .await
}

async fn records(server: &TestServer, event: &str) -> usize {
    let path = format!("/api/v1/audit?event={event}");
    let page = server.get(&path, "aud/all").await;
    page.json()["items"].as_array().unwrap().len()
}

#[test]
fn asking_twice_with_one_key_is_one_request() {
    run(async {
        for set in ["Admin", "ReadOnly"] {
            let server = TestServer::new();
            let first = keyed(&server, "/api/v1/requests", "ana/all", "k", &asking(set)).await;
            let second = keyed(&server, "/api/v1/requests", "ana/all", "k", &asking(set)).await;
            assert_eq!(
                (first.short(), second.short()),
                ("201".into(), "201".into())
            );
            assert_eq!(first.json()["id"], second.json()["id"], "{set}");
            assert_eq!(records(&server, "request.created").await, 1, "{set}");
            let other = keyed(
                &server,
                "/api/v1/requests",
                "ana/all",
                "other",
                &asking(set),
            )
            .await;
            // a waiting request is not duplicated, with or without a key; a granted one is granted
            // again
            let same = other.json()["id"] == first.json()["id"];
            assert_eq!(same, set == "Admin", "{set}: {other:?}");
        }
    });
}

#[test]
fn presses_with_one_key_are_one_press() {
    run(async {
        for (verb, token, event) in [
            ("approve", "cai/all", "request.approved"),
            ("deny", "cai/all", "request.denied"),
            ("discard", "ana/all", "request.discarded"),
        ] {
            let server = TestServer::new();
            let id = server.ask("ana/all", "Admin").await["id"].clone();
            let path = format!("/api/v1/requests/{}/{verb}", id.as_str().unwrap());
            for _ in 0..3 {
                let reply = keyed(&server, &path, token, "k", &Value::Null).await;
                assert_eq!(reply.short(), "200", "{verb}: {reply:?}");
            }
            assert_eq!(records(&server, event).await, 1, "{verb}");
            let bare = server.post(&path, token, &Value::Null).await;
            assert_eq!(bare.short(), "409 already-decided", "{verb}");
        }
    });
}

#[test]
fn grants_are_given_back_taken_and_extended_once() {
    run(async {
        for (verb, token, body, event) in [
            ("release", "ana/all", Value::Null, "end.started"),
            (
                "revoke",
                "eve/all",
                json!({"reason": "INC-1"}),
                "end.started",
            ),
            (
                "extend",
                "ana/all",
                json!({"duration_seconds": 7200}),
                "extend",
            ),
        ] {
            let server = TestServer::new();
            let id = server.ask("ana/all", "ReadOnly").await["grant_id"].clone();
            let path = format!("/api/v1/grants/{}/{verb}", id.as_str().unwrap());
            let first = keyed(&server, &path, token, "k", &body).await;
            assert!(first.status.is_success(), "{verb}: {first:?}");
            server.access.tick().await.unwrap();
            server.clock.advance(TimeSpan::hours(3));
            server.access.tick().await.unwrap();
            let before = records(&server, event).await;
            let again = keyed(&server, &path, token, "k", &body).await;
            assert_eq!(again.status, first.status, "{verb}: {again:?}");
            assert_eq!(again.json()["id"], first.json()["id"], "{verb}");
            assert_eq!((before, records(&server, event).await), (1, 1), "{verb}");
        }
    });
}

#[test]
fn a_key_is_for_one_call_of_one_person() {
    run(async {
        let server = TestServer::new();
        let path = "/api/v1/requests";
        keyed(&server, path, "ana/all", "k", &asking("Admin")).await;
        let other = keyed(&server, path, "ana/all", "k", &asking("Root")).await;
        assert_eq!(other.short(), "422 idempotency-key-reused");
        let press = format!("{path}/{}/approve", "req_0193aaaaaaaa7aaa8aaaaaaaaaaaaaaa");
        let elsewhere = keyed(&server, &press, "ana/all", "k", &Value::Null).await;
        assert_eq!(elsewhere.short(), "422 idempotency-key-reused");
        let somebody = keyed(&server, path, "dee/all", "k", &asking("Admin")).await;
        assert_eq!(
            somebody.short(),
            "201",
            "keys of different people do not meet"
        );
        server.clock.advance(TimeSpan::hours(23));
        let late = keyed(&server, path, "ana/all", "k", &asking("Admin")).await;
        assert_eq!(late.short(), "201");
        assert_eq!(records(&server, "request.created").await, 2);
    });
}

#[test]
fn who_was_let_in_again_is_not_locked_by_a_repeated_call() {
    run(async {
        let server = TestServer::new();
        let body = json!({"user": "sam@corp.example", "reason": "stolen"});
        let lock = async |key: &str, body: &Value| {
            keyed(&server, "/api/v1/locks", "eve/all", key, body).await
        };
        for _ in 0..2 {
            assert_eq!(lock("k", &body).await.short(), "200");
        }
        assert_eq!(records(&server, "person.locked").await, 1);
        let other = json!({"user": "sam@corp.example", "reason": "lost"});
        let reused = lock("k", &other).await;
        assert_eq!(reused.short(), "422 idempotency-key-reused");
        // each answer is that of the first call with its key
        for (key, changed) in [("l", true), ("l", true), ("m", false), ("m", false)] {
            let lifted = keyed(&server, "/api/v1/locks/lift", "eve/all", key, &body).await;
            assert_eq!(lifted.short(), "200");
            assert_eq!(lifted.json()["changed"], changed, "{key}");
        }
        assert_eq!(lock("k", &body).await.short(), "404 not-found");
        let locks = server.get("/api/v1/locks", "eve/all").await.json();
        assert_eq!(locks["items"], json!([]));
        assert_eq!(lock("another", &body).await.short(), "200");
    });
}

#[test]
fn a_session_is_ended_once_and_said_so_twice() {
    run(async {
        let server = TestServer::new();
        begin_session(&server, "ana", "secret").await;
        let mine = server.get("/api/v1/me/sessions", "ana/all").await.json();
        let id = mine["items"][0]["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/me/sessions/{id}/end");
        for _ in 0..2 {
            let ended = keyed(&server, &path, "ana/all", "k", &Value::Null).await;
            assert_eq!(
                (ended.short(), ended.json()["ended"].clone()),
                ("200".into(), json!(1))
            );
        }
        let bare = server.post(&path, "ana/all", &Value::Null).await;
        assert_eq!(bare.short(), "404 not-found");
        let elsewhere = "/api/v1/me/sessions/end-others";
        let reused = keyed(&server, elsewhere, "ana/all", "k", &Value::Null).await;
        assert_eq!(reused.short(), "422 idempotency-key-reused");
    });
}
