//! Exact page texts, empty states, and escaping of user text.

use hallpass_access::Directory;
use hallpass_base::testing::rows;
use hallpass_base::{TimeSpan, Timestamp};
use serde_json::json;

use crate::pages_visit::Visit;
use crate::test_server::{TestServer, directory, run};

const EVIL: &str = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'\u{202e}evil\u{7}";

#[test]
fn nothing_yet_reads_as_the_brief_says() {
    run(async {
        let server = TestServer::new();
        let table = "
            ana  /                You have no access right now.
            ana  /                You have not requested anything yet.
            cai  /reviews         That’s everything for now
            cai  /reviews         New requests appear here without reloading.
            cai  /reviews         Nothing waits for you.
            cai  /reviews/others  Nothing waits for others
            cai  /reviews/done    You have not decided anything yet
            ana  /requests        No such requests.
            ana  /ask?q=xyz       No account matches “xyz”. Check the spelling or request a group.
            ana  /                Times are CEST (Europe/Stockholm).
        ";
        for [person, path, words] in rows(table) {
            let page = Visit::of(&server, person).await.page(path).await;
            assert!(page.contains(words), "{path}: {words}: {page}");
        }
    });
}

#[test]
fn states_have_their_words_in_the_list() {
    run(async {
        let server = TestServer::new();
        let press = |id: String, press: &'static str, who: &'static str| {
            let server = &server;
            async move {
                let path = format!("/api/v1/requests/{id}/{press}");
                let words = json!({"reason": "Use orders-prod first."});
                let body = if press == "deny" { words } else { json!(null) };
                server.post(&path, who, &body).await
            }
        };
        let id = |request: serde_json::Value| request["id"].as_str().unwrap().to_owned();
        press(id(server.ask("ana/all", "Admin").await), "deny", "cai/all").await;
        press(
            id(server.ask("ana/all", "Admin").await),
            "discard",
            "ana/all",
        )
        .await;
        server.ask("ana/all", "ReadOnly").await;
        server.ask("ana/all", "Root").await;
        server.clock.advance(TimeSpan::hours(9));
        server.access.tick().await.unwrap();
        server.ask("ana/all", "Admin").await;
        let page = Visit::of(&server, "ana")
            .await
            .page("/requests?who=mine")
            .await;
        for words in [
            ">Denied</span>",
            "<q class=\"said\">Use orders-prod first.</q> Cai",
            ">Discarded</span>",
            "Discarded by you.",
            ">Expired</span>",
            "No one decided within 8h. <a href=\"/ask?account=111111111111&#38;permission_set=Root\">Request \
             again</a>",
            ">Waiting</span>",
            "Cai or dee can decide. Expires ",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        let only = Visit::of(&server, "ana")
            .await
            .page("/requests?state=denied")
            .await;
        assert!(only.contains(">Denied</span>") && !only.contains(">Waiting</span>"));
    });
}

fn hostile(now: Timestamp) -> Directory {
    let mut plain = serde_json::to_value(directory(now)).unwrap();
    plain["accounts"][0]["name"] = json!(EVIL);
    plain["accounts"][0]["ous"] = json!([{"id": "ou-1", "name": EVIL}]);
    plain["groups"][0]["name"] = json!(EVIL);
    for person in plain["people"].as_array_mut().unwrap() {
        person["display_name"] = json!(EVIL);
    }
    for set in plain["permission_sets"].as_array_mut().unwrap() {
        set["description"] = json!(EVIL);
    }
    serde_json::from_value(plain).unwrap()
}

#[test]
fn text_of_people_is_text_and_nothing_else() {
    run(async {
        let server = TestServer::over(hostile);
        let ask = |set: &str| {
            json!({"account": "111111111111", "permission_set": set, "duration_seconds": 3600,
                "reason": EVIL, "ticket": EVIL})
        };
        let pending = server
            .post("/api/v1/requests", "ana/all", &ask("Admin"))
            .await
            .json();
        let id = pending["id"].as_str().unwrap();
        server
            .post("/api/v1/requests", "ana/all", &ask("ReadOnly"))
            .await;
        let root = server
            .post("/api/v1/requests", "ana/all", &ask("Root"))
            .await
            .json();
        let root = root["id"].as_str().unwrap();
        let deny = format!("/api/v1/requests/{root}/deny");
        server
            .post(&deny, "cai/all", &json!({"reason": EVIL}))
            .await;
        let typed = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E";
        for (person, path) in [
            ("ana", "/".to_owned()),
            ("cai", "/reviews".to_owned()),
            ("cai", "/reviews/done".to_owned()),
            ("aud", "/reviews/others".to_owned()),
            ("ana", "/requests".to_owned()),
            ("ana", format!("/requests/{id}")),
            ("cai", format!("/requests/{id}")),
            ("ana", format!("/requests/{root}")),
            ("cai", format!("/requests/{id}/deny")),
            (
                "ana",
                format!("/ask?q={typed}&reason={typed}&other={typed}&ticket={typed}"),
            ),
            (
                "ana",
                "/ask?account=111111111111&permission_set=Admin".to_owned(),
            ),
            (
                "ana",
                format!("/ask?kind=group&group=99999999-8888-7777-6666-555555555555&q={typed}"),
            ),
        ] {
            let page = Visit::of(&server, person).await.page(&path).await;
            for trace in ["<script>alert", "<img src=x", "\u{202e}", "\u{7}"] {
                assert!(!page.contains(trace), "{path}: {trace:?}: {page}");
            }
            assert!(
                page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"),
                "{path}"
            );
        }
    });
}

#[test]
fn justifications_are_text_too() {
    run(async {
        let server = TestServer::over(hostile);
        let ask = json!({"account": "111111111111", "permission_set": "Admin",
            "duration_seconds": 3600, "reason": EVIL});
        let pending = server.post("/api/v1/requests", "ana/all", &ask).await;
        let pending = pending.json();
        let id = pending["id"].as_str().unwrap();
        let broken = format!("/requests/{id}/break-glass");
        let ana = Visit::of(&server, "ana").await;
        ana.press(&broken, &[("justification", EVIL)]).await;
        for person in ["ana", "cai"] {
            let visit = Visit::of(&server, person).await;
            for path in [
                format!("/requests/{id}"),
                "/reviews".to_owned(),
                "/".to_owned(),
            ] {
                let page = visit.page(&path).await;
                assert!(!page.contains("<script>alert"), "{path}: {page}");
            }
        }
    });
}
