//! Break-glass over HTTP: views before, during and after.

use serde_json::json;

use crate::test_server::{TestServer, run};

#[test]
fn the_requester_sees_the_button_and_approvers_the_review() {
    run(async {
        let server = TestServer::new();
        let asked = server.ask("ana/all", "Admin").await;
        assert_eq!(asked["break_glass"], json!({"allowed": true}));
        let path = format!("/api/v1/requests/{}", asked["id"].as_str().unwrap());
        let seen = |who: &'static str| {
            let (server, path) = (&server, &path);
            async move { server.get(path, who).await.json()["break_glass"].clone() }
        };
        assert_eq!(seen("ana/all").await["allowed"], true);
        assert!(seen("cai/all").await.is_null());
        let press = format!("{path}/break-glass");
        let short = json!({"justification": "because"});
        let reply = server.post(&press, "ana/all", &short).await;
        assert_eq!(reply.short(), "400 bad-justification");
        let broken = server.broken_glass().await;
        assert_eq!(broken["id"], asked["id"]);
        assert_eq!(broken["approval"], "break_glass");
        assert_eq!(broken["duration_seconds"], 3600);
        let mine = seen("ana/all").await;
        assert_eq!(
            (&mine["review"], &mine["may_close"]),
            (&json!("open"), &json!(null))
        );
        assert_eq!(
            mine["justification"],
            "customers cannot pay, no one answers"
        );
        assert_eq!(seen("dee/all").await["may_close"], true);
        let list = |who: &'static str| {
            let server = &server;
            async move {
                let list = server.get("/api/v1/requests?review=open", who).await;
                list.json()["items"].as_array().unwrap().len()
            }
        };
        assert_eq!((list("ana/all").await, list("cai/all").await), (0, 1));
        let bad = server
            .get("/api/v1/requests?review=open&role=mine", "cai/all")
            .await;
        assert_eq!(bad.short(), "400 bad-parameter");
        let close = format!("{path}/close-review");
        let words = json!({"reason": "right so"});
        let reply = server.post(&close, "dee/all", &words).await;
        let glass = &reply.json()["break_glass"];
        assert_eq!(
            (&glass["review"], &glass["closed_by"]),
            (&json!("closed"), &json!("dee@corp.example"))
        );
        assert_eq!(glass["closing"], "right so");
        assert_eq!((list("cai/all").await, list("aud/all").await), (0, 0));
    });
}

#[test]
fn what_was_had_before_comes_with_one_request() {
    run(async {
        let server = TestServer::new();
        let asked = server.ask("ana/all", "Admin").await;
        let path = format!("/api/v1/requests/{}", asked["id"].as_str().unwrap());
        let seen = server.get(&path, "cai/all").await.json();
        assert_eq!(
            seen["before"],
            json!({"requester": {"count": 0}, "anyone": {"count": 0}})
        );
        let seen = server.get(&path, "ana/all").await.json();
        assert_eq!(seen["before"], json!({"requester": {"count": 0}}));
        let list = server.get("/api/v1/requests", "cai/all").await.json();
        assert!(list["items"][0]["before"].is_null());
    });
}
