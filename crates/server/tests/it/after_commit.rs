//! Completed writes must not be reported as failed: failing reads after a commit, and unconfirmed
//! commits.

use axum::http::StatusCode;
use hallpass_store::AfterCommit;
use serde_json::{Value, json};

use crate::pages_visit::{Visit, text, to};
use crate::test_server::{Reply, TestServer, asking, request, run};

const NOT_CONFIRMED: &str = "the store did not confirm it; it may have been done nevertheless";

fn falls_silent(server: &TestServer) {
    let silence = AfterCommit::ReadsFail {
        after: 0,
        count: 99,
    };
    server.store.fail_after_commit(silence);
}

async fn keyed(server: &TestServer, path: &str, token: &str, body: &Value) -> Reply {
    let headers = [("idempotency-key", "k")];
    let sent = request("POST", path, Some(token), &headers, Some(body));
    server.send(sent).await
}

#[test]
fn a_request_that_is_stored_is_answered_without_what_cannot_be_read() {
    run(async {
        let server = TestServer::new();
        falls_silent(&server);
        let wish = asking("Admin");
        let reply = server.post("/api/v1/requests", "ana/all", &wish).await;
        server.store.fail_reads(0);
        assert_eq!(reply.short(), "201", "{reply:?}");
        let mine = server.get("/api/v1/requests", "ana/all").await.json();
        assert_eq!(mine["items"][0]["id"], reply.json()["id"]);
    });
}

#[test]
fn a_press_whose_outcome_cannot_be_read_may_have_been_done() {
    run(async {
        let server = TestServer::new();
        let id = server.ask("ana/all", "Admin").await["id"].clone();
        let path = format!("/api/v1/requests/{}/approve", id.as_str().unwrap());
        server.store.fail_reads(1);
        let before = keyed(&server, &path, "cai/all", &json!({})).await;
        assert_eq!(before.short(), "503 unavailable");
        let said = before.json()["detail"].clone();
        assert_eq!(said, "that did not work; nothing changed");
        falls_silent(&server);
        let after = keyed(&server, &path, "cai/all", &json!({})).await;
        server.store.fail_reads(0);
        assert_eq!(after.short(), "503 unavailable");
        assert_eq!(after.json()["detail"], NOT_CONFIRMED);
        let help = after.json()["help"].as_str().unwrap().to_owned();
        assert!(help.contains("the same Idempotency-Key"), "{help}");
        let again = keyed(&server, &path, "cai/all", &json!({})).await;
        assert_eq!(again.json()["state"], "approved", "{again:?}");
    });
}

#[test]
fn a_commit_that_nobody_confirms_is_found_again_by_its_key() {
    run(async {
        let server = TestServer::new();
        server.store.fail_after_commit(AfterCommit::AnswerLost);
        let (path, wish) = ("/api/v1/requests", asking("Admin"));
        let lost = keyed(&server, path, "ana/all", &wish).await;
        assert_eq!(lost.short(), "503 unavailable");
        assert_eq!(lost.json()["detail"], NOT_CONFIRMED);
        let again = keyed(&server, path, "ana/all", &wish).await;
        assert_eq!(again.short(), "201");
        let mine = server.get(path, "ana/all").await.json();
        assert_eq!(mine["items"].as_array().unwrap().len(), 1, "{mine}");
        assert_eq!(mine["items"][0]["id"], again.json()["id"]);
    });
}

#[test]
fn who_is_cut_off_is_cut_off_whatever_can_be_read_then() {
    run(async {
        let server = TestServer::new();
        server.ask("ana/all", "ReadOnly").await;
        server.ask("ana/all", "Admin").await;
        let eve = Visit::of(&server, "eve").await;
        falls_silent(&server);
        let fields = [
            ("user", "ana@corp.example"),
            ("confirm", "ana"),
            ("reason", "the laptop is stolen"),
        ];
        let reply = eve.post("/access/cut-off", &fields).await;
        server.store.fail_reads(0);
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", text(&reply));
        let page = eve.page(&to(&reply)).await;
        assert!(page.contains("1 request waits still."), "{page}");
        let locks = server.get("/api/v1/locks", "eve/all").await.json();
        assert_eq!(locks["items"].as_array().unwrap().len(), 1, "{locks}");
    });
}

#[test]
fn of_several_that_are_approved_at_once_the_page_says_which_were() {
    run(async {
        let server = TestServer::new();
        let batch = crate::together::body(&["Admin", "oncall"]);
        let asked = server.post("/api/v1/requests/batch", "ana/all", &batch);
        let asked = asked.await.json();
        let ids = [0, 1].map(|at| asked["items"][at]["id"].as_str().unwrap().to_owned());
        let cai = Visit::of(&server, "cai").await;
        let all = ids.each_ref().map(|id| format!("{id}:0")).join(" ");
        let silence = AfterCommit::ReadsFail {
            after: 1,
            count: 99,
        };
        server.store.fail_after_commit(silence);
        let fields = [("do", "approve"), ("picks", all.as_str())];
        let reply = cai.post("/reviews/several", &fields).await;
        server.store.fail_reads(0);
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", text(&reply));
        let page = cai.page(&to(&reply)).await;
        assert!(page.contains("<h1>Approve 1 request?</h1>"), "{page}");
        assert!(page.contains("You approved 1h for "), "{page}");
        for (id, state) in ids.iter().zip(["approved", "pending"]) {
            let shown = server
                .get(&format!("/api/v1/requests/{id}"), "ana/all")
                .await;
            assert_eq!(shown.json()["state"], state, "{id}");
        }
    });
}
