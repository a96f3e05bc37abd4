//! Approval with comment and shorter duration, in API and pages.

use serde_json::json;

use crate::pages_visit::{Visit, field, text};
use crate::test_server::{TestServer, run};

#[test]
fn a_call_says_both_and_both_are_shown() {
    run(async {
        let server = TestServer::new();
        let asked = server.ask("ana/all", "Root").await;
        let path = format!("/api/v1/requests/{}", asked["id"].as_str().unwrap());
        let approve = async |who: &str, body: serde_json::Value| {
            server.post(&format!("{path}/approve"), who, &body).await
        };
        for (body, refused) in [
            (json!({"duration_seconds": 3601}), "400 bad-duration"),
            (json!({"duration_seconds": 299}), "400 bad-duration"),
            (json!({"duration_seconds": 0}), "400 bad-duration"),
            (json!({"comment": "a".repeat(1001)}), "400 long-comment"),
            (json!({"reason": "it is not called so"}), "400 bad-body"),
        ] {
            assert_eq!(approve("cai/all", body).await.short(), refused);
        }
        let body = json!({"comment": "half of it \u{202e}will do", "duration_seconds": 1800});
        let first = approve("cai/all", body).await.json();
        assert_eq!(first["reviews"][0]["comment"], "half of it \u{202e}will do");
        assert_eq!(first["shortened_from_seconds"], 3600);
        assert_eq!(first["duration_seconds"], 1800);
        let page = Visit::of(&server, "dee").await.page("/reviews").await;
        assert!(page.contains("Shortened from 1h to 30m by cai"), "{page}");
        assert!(
            page.contains("half of it ") && !page.contains('\u{202e}'),
            "{page}"
        );
        let second = approve("dee/all", json!({"comment": "mine too"}))
            .await
            .json();
        assert_eq!(second["state"], "approved");
        assert_eq!(second["detail"], "mine too");
        assert_eq!(second["shortened_by"], "cai@corp.example");
        let id = asked["id"].as_str().unwrap();
        let page = Visit::of(&server, "ana")
            .await
            .page(&format!("/requests/{id}"))
            .await;
        for words in [
            "For 30m instead of 1h.",
            "half of it ",
            "mine too",
            "Shortened from 1h to 30m by ",
        ] {
            assert!(page.contains(words), "{words} is not in {page}");
        }
    });
}

#[test]
fn a_requester_reads_who_can_decide_and_a_short_id_is_enough() {
    run(async {
        let server = TestServer::new();
        let asked = server.ask("ana/all", "Admin").await;
        let id = asked["id"].as_str().unwrap();
        let short = &id[..16];
        for press in ["approve", "deny"] {
            let path = format!("/api/v1/requests/{short}/{press}");
            let refused = server.post(&path, "ana/all", &json!({})).await.json();
            let detail = refused["detail"].as_str().unwrap();
            let own = format!("You can’t {press} your own request. ");
            assert!(
                detail.starts_with(&own) && detail.contains("cai@corp.example"),
                "{detail}"
            );
        }
        let path = format!("/api/v1/requests/{short}/approve");
        let approved = server.post(&path, "cai/all", &json!({})).await.json();
        assert_eq!(approved["id"], asked["id"]);
        let grant = approved["grant_id"].as_str().unwrap();
        let path = format!("/api/v1/grants/{}", &grant[..16]);
        assert_eq!(server.get(&path, "ana/all").await.json()["id"], grant);
        let other = server.get("/api/v1/grants/grn_ffff0000", "ana/all").await;
        assert_eq!(other.short(), "404 not-found");
    });
}

#[test]
fn the_form_asks_for_both_and_keeps_what_was_typed() {
    run(async {
        let server = TestServer::new();
        let asked = server.ask("ana/all", "Admin").await;
        let path = format!("/requests/{}/approve", asked["id"].as_str().unwrap());
        let page = Visit::of(&server, "ana").await.page(&path).await;
        assert!(
            page.contains("You can’t approve your own request."),
            "{page}"
        );
        assert!(!page.contains("name=\"comment\""), "{page}");
        let cai = Visit::of(&server, "cai").await;
        let page = cai.page(&path).await;
        assert!(
            page.contains("<option value=\"\" selected>1h, as requested")
                && page.contains("<option value=\"1800\">30m"),
            "{page}"
        );
        let seen = field(&page, "seen");
        let long = "b".repeat(1001);
        let fields = |comment, duration| {
            [
                ("seen", seen.as_str()),
                ("comment", comment),
                ("duration", duration),
            ]
        };
        let page = text(&cai.post(&path, &fields(&long, "1800")).await);
        assert!(
            page.contains("A comment has at most 1000 characters; this has 1001."),
            "{page}"
        );
        assert!(page.contains(&long), "what was typed is lost");
        let chosen = "<option value=\"1800\" selected>30m";
        assert!(page.contains(chosen), "what was chosen is lost: {page}");
        let page = text(&cai.post(&path, &fields("", "an hour")).await);
        assert!(page.contains("It can be approved for 5m to 1h."), "{page}");
        let page = cai.press(&path, &fields("do it", "1800")).await;
        assert!(
            page.contains("Approved by cai") || page.contains("You approved 30m for ana."),
            "{page}"
        );
    });
}
