//! Refusals: status, code and problem details, for every kind.

use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::{Request, header};
use hallpass_audit::AuditStore as _;
use hallpass_base::TimeSpan;
use hallpass_base::testing::rows;
use serde_json::{Value, json};

use crate::test_server::{Reply, TestServer, asking, request, run};

fn check(what: &str, reply: &Reply, wanted: &str) {
    assert_eq!(reply.short(), wanted, "{what}: {reply:?}");
    assert!(reply.is_problem(), "{what}: {reply:?}");
    let reference = reply.json()["reference"].clone();
    assert_eq!(
        reference.as_str().unwrap_or_default(),
        reply.headers["x-request-id"].to_str().unwrap(),
        "{what}"
    );
}

#[test]
fn bodies() {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let long = format!("{{\"reason\":\"{}\"}}", "x".repeat(70_000));
    let table: Vec<(&str, &str, Vec<u8>, &str)> = vec![
        ("no body", "application/json", b"".to_vec(), "400 bad-body"),
        ("no JSON", "application/json", b"{".to_vec(), "400 bad-body"),
        ("not an object", "application/json", b"[]".to_vec(), "400 bad-body"),
        ("deep", "application/json", deep.into_bytes(), "400 bad-body"),
        ("long", "application/json", long.into_bytes(), "413 body-too-large"),
        ("not UTF-8", "application/json", b"{\"reason\":\"\xff\"}".to_vec(), "400 bad-body"),
        ("form", "application/x-www-form-urlencoded", b"a=b".to_vec(), "415 not-json"),
        ("text", "text/plain", b"{}".to_vec(), "415 not-json"),
        ("no type", "", b"{}".to_vec(), "415 not-json"),
        (
            "unknown field",
            "application/json",
            br#"{"account":"a","permission_set":"b","duration_seconds":60,"reason":"c","requester":"eve@corp.example"}"#.to_vec(),
            "400 bad-body",
        ),
        (
            "negative",
            "application/json",
            br#"{"account":"a","permission_set":"b","duration_seconds":-1,"reason":"c"}"#.to_vec(),
            "400 bad-body",
        ),
        (
            "account and group",
            "application/json",
            br#"{"account":"a","permission_set":"b","group":"g","duration_seconds":60,"reason":"c"}"#.to_vec(),
            "400 bad-target",
        ),
    ];
    run(async {
        let server = TestServer::new();
        for (what, kind, body, wanted) in table {
            let mut builder =
                Request::post("/api/v1/requests").header(header::AUTHORIZATION, "Bearer ana/all");
            if !kind.is_empty() {
                builder = builder.header(header::CONTENT_TYPE, kind);
            }
            let reply = server.send(builder.body(Body::from(body)).unwrap()).await;
            check(what, &reply, wanted);
        }
        let all = server.get("/api/v1/requests", "aud/all").await;
        assert_eq!(all.json()["items"], json!([]), "something was stored");
    });
}

#[test]
fn paths_queries_and_methods() {
    let table = "
        GET     /api/v1/nothing                                             404 no-such-route
        GET     /api/v2/me                                                  404 no-such-route
        DELETE  /api/v1/me                                                  405 no-such-method
        GET     /api/v1/revocations                                         405 no-such-method
        PUT     /api/v1/requests                                            405 no-such-method
        GET     /api/v1/requests/req_0                                      404 not-found
        GET     /api/v1/requests/..%2f..                                    404 not-found
        GET     /api/v1/requests/%FF                                        400 bad-path
        GET     /api/v1/requests/req_0193aaaaaaaa7aaa8aaaaaaaaaaaaaaa       404 not-found
        GET     /api/v1/grants/req_0193aaaaaaaa7aaa8aaaaaaaaaaaaaaa         404 not-found
        GET     /api/v1/grants/%00                                          404 not-found
        POST    /api/v1/requests/x/approve                                  404 not-found
        POST    /api/v1/grants/x/release                                    404 not-found
        GET     /api/v1/requests?state=open                                 400 bad-parameter
        GET     /api/v1/requests?role=theirs                                400 bad-parameter
        GET     /api/v1/requests?cursor=x                                   400 bad-parameter
        GET     /api/v1/requests?limit=many                                 400 bad-parameter
        GET     /api/v1/requests?limits=3                                   400 bad-parameter
        GET     /api/v1/grants?state=open                                   400 bad-parameter
        GET     /api/v1/grants?user=nobody                                  400 bad-parameter
        GET     /api/v1/audit?after=-1                                      400 bad-parameter
        GET     /api/v1/rules/explain                                       400 bad-target
        GET     /api/v1/rules/explain?account=a                             400 bad-target
        GET     /api/v1/rules/explain?account=nowhere&permission_set=Admin  400 unknown-target
    ";
    run(async {
        let server = TestServer::new();
        for [method, path, wanted] in rows(table) {
            let reply = server.call(method, path, Some("ana/all"), None).await;
            check(&format!("{method} {path}"), &reply, wanted);
        }
    });
}

#[test]
fn headers() {
    run(async {
        let server = TestServer::new();
        for key in ["", &"k".repeat(201), "k\u{e9}y"] {
            let sent = request(
                "POST",
                "/api/v1/requests",
                Some("ana/all"),
                &[("idempotency-key", key)],
                Some(&asking("Admin")),
            );
            check(key, &server.send(sent).await, "400 bad-idempotency-key");
        }
        for value in [
            "Basic YTpi",
            "Bearer",
            "Bearer ",
            "ana/all",
            "Bearer \u{e9}",
        ] {
            let sent = Request::get("/api/v1/me").header(header::AUTHORIZATION, value);
            let reply = server.send(sent.body(Body::empty()).unwrap()).await;
            check(value, &reply, "401 unauthorized");
        }
    });
}

fn change(field: &str, value: Value) -> Value {
    let mut body = asking("Admin");
    body[field] = value;
    body
}

fn wishes_that_cannot_be() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        (
            "no such account",
            change("account", json!("nowhere")),
            "422 unknown-account",
        ),
        (
            "no such set",
            change("permission_set", json!("Nothing")),
            "422 unknown-permission-set",
        ),
        (
            "too short",
            change("duration_seconds", json!(1)),
            "422 short-duration",
        ),
        (
            "too long",
            change("duration_seconds", json!(864_000)),
            "422 long-duration",
        ),
        (
            "no duration at all",
            change("duration_seconds", json!(0)),
            "422 short-duration",
        ),
        (
            "no reason",
            change("reason", json!("  ")),
            "422 missing-reason",
        ),
        (
            "not among who may",
            asking("Closed"),
            "422 RequesterNotAllowed",
        ),
        ("no one could approve", asking("Lonely"), "422 NoApprovers"),
        (
            "no such group",
            json!({"group": "nobody", "duration_seconds": 3600, "reason": "r"}),
            "422 unknown-group",
        ),
        (
            "no rule for it",
            json!({"group": "admins", "duration_seconds": 3600, "reason": "r"}),
            "422 NoStatements",
        ),
    ]
}

#[test]
fn wishes() {
    run(async {
        for (what, body, wanted) in wishes_that_cannot_be() {
            let server = TestServer::new();
            let reply = server.post("/api/v1/requests", "ana/all", &body).await;
            check(what, &reply, wanted);
            let id = reply.json()["request_id"].as_str().unwrap().to_owned();
            let stored = server
                .get(&format!("/api/v1/requests/{id}"), "ana/all")
                .await;
            assert_eq!(stored.json()["state"], "rejected", "{what}");
            assert_eq!(stored.json()["grant_id"], Value::Null, "{what}");
        }
        let server = TestServer::new();
        let most = change("reason", json!("&".repeat(1000)));
        let reply = server.post("/api/v1/requests", "ana/all", &most).await;
        assert_eq!(reply.short(), "201", "1,000 characters are allowed");
    });
}

/// Statuses that the table of `authorization.rs` does not reach.
#[test]
fn grants() {
    run(async {
        let server = TestServer::new();
        let grant = server.ask("ana/all", "ReadOnly").await["grant_id"].clone();
        let path = |verb: &str| format!("/api/v1/grants/{}/{verb}", grant.as_str().unwrap());
        let silent = json!({"reason": " "});
        let reply = server.post(&path("revoke"), "eve/all", &silent).await;
        check("why", &reply, "400 missing-reason");
        let extend = async |seconds: u64| {
            let body = json!({"duration_seconds": seconds});
            server.post(&path("extend"), "ana/all", &body).await
        };
        check("shorter", &extend(600).await, "422 adds-nothing");
        server.clock.advance(TimeSpan::hours(2));
        check("over", &extend(7200).await, "409 grant-over");
    });
}

#[test]
fn whoever_may_not_is_not_told_who_there_is() {
    run(async {
        let server = TestServer::new();
        for whom in ["nobody@corp.example", "cai@corp.example"] {
            let words = json!({"reason": "INC-1", "user": whom});
            let reply = server.post("/api/v1/revocations", "ana/all", &words).await;
            check(whom, &reply, "403 not-yours");
            let path = format!("/api/v1/grants?user={whom}");
            let found = server.get(&path, "ana/all").await;
            assert_eq!(found.short(), "200", "{whom}: {found:?}");
            assert_eq!(found.json()["items"], json!([]), "{whom}");
        }
        let nobodys = "/api/v1/grants?user=nobody@corp.example";
        check(
            nobodys,
            &server.get(nobodys, "aud/all").await,
            "400 bad-parameter",
        );
    });
}

#[test]
fn what_fails_on_our_side_says_so_and_nothing_more() {
    run(async {
        let server = TestServer::new();
        server.tokens_broken.store(true, Ordering::SeqCst);
        let reply = server.get("/api/v1/me", "ana/all").await;
        check("tokens cannot be read", &reply, "503 unavailable");
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(!text.contains("hpt_"), "{text}");
    });
}

fn long_texts() -> Vec<(&'static str, &'static str, Value, &'static str)> {
    let long = "&".repeat(1001);
    let name = |characters: usize| json!("x".repeat(characters));
    let asked = |field: &str, value: Value, code| ("requests", "ana", change(field, value), code);
    let group = json!({"group": name(1025), "duration_seconds": 3600, "reason": "r"});
    let target = |account: Value| json!({"account": account, "permission_set": "Admin"});
    let targets = [target(json!("payments-prod")), target(name(51))];
    let batch = json!({"targets": targets, "duration_seconds": 3600, "reason": "r"});
    let reason = |path, who| (path, who, json!({"reason": long}), "long-reason");
    let of_person = |path| {
        let body = json!({"user": "sam@corp.example", "reason": long});
        (path, "eve", body, "long-reason")
    };
    let standing = |action: &str| {
        let body = json!({"action": action, "user": "sam@corp.example", "account": "payments-prod",
            "permission_set": "Admin", "reason": long, "duration_seconds": 3600});
        ("standing", "eve", body, "long-reason")
    };
    let comment = |who| {
        (
            "requests/ID/approve",
            who,
            json!({"comment": long}),
            "long-comment",
        )
    };
    let justified = json!({"justification": long});
    vec![
        asked("account", name(51), "long-account"),
        asked("permission_set", name(33), "long-permission-set"),
        asked("ticket", name(257), "long-ticket"),
        asked("reason", json!(long), "long-reason"),
        ("requests", "ana", group, "long-group"),
        ("requests/batch", "ana", batch, "long-account"),
        comment("cai"),
        comment("sam"),
        reason("requests/ID/deny", "cai"),
        reason("requests/ID/close-review", "cai"),
        (
            "requests/ID/break-glass",
            "ana",
            justified,
            "bad-justification",
        ),
        reason("grants/grn_0193aaaaaaaa7aaa8aaaaaaaaaaaaaaa/revoke", "eve"),
        reason("revocations", "eve"),
        of_person("locks"),
        of_person("locks/lift"),
        standing("accept"),
        standing("withdraw"),
        standing("adopt"),
    ]
}

#[test]
fn texts_that_are_too_long_are_not_stored() {
    run(async {
        let server = TestServer::new();
        let waiting = server.ask("ana/all", "Admin").await;
        let id = waiting["id"].as_str().unwrap();
        let head = server.store.head().await.unwrap();
        for (path, who, body, code) in long_texts() {
            let path = format!("/api/v1/{}", path.replace("ID", id));
            let reply = server.post(&path, &format!("{who}/all"), &body).await;
            check(&path, &reply, &format!("400 {code}"));
            let now = server.store.head().await.unwrap();
            assert_eq!(now, head, "{path}: something was recorded");
        }
        let all = server.get("/api/v1/requests", "aud/all").await.json();
        assert_eq!(all["items"].as_array().map(Vec::len), Some(1), "{all}");
    });
}
