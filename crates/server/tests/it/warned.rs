//! Rule warnings in all server channels: displayed, confirmed, refused.

use axum::http::StatusCode;
use hallpass_base::{Clock, TimeSpan};
use hallpass_rules::{RuleFile, load};
use serde_json::{Value, json};

use crate::pages_visit::{Visit, field, text, to};
use crate::test_server::{TestServer, run};

const CARDS: &str = "Card data & <b>rows</b>.";
const ASK: &str = "/api/v1/requests";

async fn warned() -> TestServer {
    let server = TestServer::new();
    says(&server, CARDS).await;
    server
}

async fn says(server: &TestServer, warning: &str) {
    let text = format!(
        "[[rule]]\nid = 'all'\naccounts = '*'\npermission_sets = '*'\n\
         approvers = ['cai@corp.example', 'dee@corp.example']\nbreak_glass = ['ana@corp.example']\nwarning = '{warning}'\n\
         [[rule]]\nid = 'root'\naccounts = '*'\npermission_sets = 'Root'\npermits_requests = false\nwarning = 'Root.'\n"
    );
    let rules = load(&RuleFile::new("rules.toml", &text)).unwrap().rules;
    server.access.set_rules(rules, "test").await.unwrap();
}

fn body(set: &str, confirmed: &[Value]) -> Value {
    json!({"account": "payments-prod", "permission_set": set, "duration_seconds": 3600, "reason": "OPS-1",
        "confirmed_warnings": confirmed})
}

fn ids(problem: &Value) -> Vec<Value> {
    let warnings = problem["warnings"].as_array().unwrap().iter();
    warnings.map(|it| it["id"].clone()).collect()
}

#[test]
fn calls_are_refused_until_each_text_is_confirmed() {
    run(async {
        let server = warned().await;
        let seen = server
            .get(
                "/api/v1/preview?account=payments-prod&permission_set=Root",
                "ana/all",
            )
            .await
            .json();
        assert_eq!(seen["warnings"].as_array().unwrap().len(), 2, "{seen}");
        let refused = server.post(ASK, "ana/all", &body("Root", &[])).await;
        assert_eq!(refused.short(), "409 warning-not-confirmed");
        let problem = refused.json();
        assert_eq!(problem["warnings"][0]["text"], CARDS);
        assert_eq!(problem["warnings"][1]["text"], "Root.");
        let all = ids(&problem);
        let half = server.post(ASK, "ana/all", &body("Root", &all[..1])).await;
        assert_eq!(ids(&half.json()), all[1..]);
        let batch = |confirmed: &[Value]| {
            json!({"targets": [{"account": "payments-prod", "permission_set": "Admin"},
                {"account": "payments-prod", "permission_set": "Root"}], "duration_seconds": 3600,
                "reason": "OPS-1", "confirmed_warnings": confirmed})
        };
        let refused = server
            .post("/api/v1/requests/batch", "ana/all", &batch(&[]))
            .await;
        assert_eq!(ids(&refused.json()), all, "each text once");
        let asked = server.post(ASK, "ana/all", &body("Root", &all)).await;
        assert_eq!(asked.status, StatusCode::CREATED, "{}", text(&asked));
        let id = asked.json()["id"].as_str().unwrap().to_owned();
        let path = format!("{ASK}/{id}");
        let shown = server.get(&path, "cai/all").await.json();
        assert_eq!(ids(&shown), all);
        assert_eq!(shown["confirmed"][0]["texts"], json!([CARDS, "Root."]));
        let approve = format!("{path}/approve");
        let refused = server.post(&approve, "cai/all", &json!({})).await;
        assert_eq!(refused.short(), "409 warning-not-confirmed");
        let approved = server
            .post(&approve, "cai/all", &json!({"confirmed_warnings": all}))
            .await
            .json();
        assert_eq!(approved["state"], "approved");
        assert_eq!(approved["confirmed"][1]["by"], "cai@corp.example");
        assert!(approved.get("warnings").is_none(), "{approved}");
    });
}

#[test]
fn the_form_shows_the_text_and_wants_its_tick() {
    run(async {
        let server = warned().await;
        let ana = Visit::of(&server, "ana").await;
        let chosen = "account=111111111111&permission_set=Admin&for=3600";
        let page = ana.page(&format!("/ask?{chosen}")).await;
        assert!(
            page.contains("Card data &#38; &#60;b&#62;rows&#60;/b&#62;."),
            "{page}"
        );
        assert!(page.contains("I have read this warning"), "{page}");
        let ticked = field(&page, "confirmed");
        let fields = |confirmed: &'static str| {
            [
                ("kind", "account"),
                ("account", "111111111111"),
                ("permission_set", "Admin"),
                ("for", "3600"),
                ("reason", "OPS-1"),
                ("confirmed", confirmed),
            ]
        };
        let missing = ana.post("/ask", &fields("")).await;
        assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
        let page = text(&missing);
        assert!(
            page.contains("Read this, then tick that you have."),
            "{page}"
        );
        assert!(
            page.contains(">OPS-1</textarea>"),
            "what was typed is lost: {page}"
        );
        let kept = ana.page(&format!("/ask?{chosen}&confirmed={ticked}")).await;
        assert!(kept.contains("required checked"), "{kept}");
        says(&server, "Another one.").await;
        let page = ana.page(&format!("/ask?{chosen}&confirmed={ticked}")).await;
        assert!(!page.contains("required checked"), "{page}");
        let ticked: &'static str = field(&page, "confirmed").leak();
        let sent = ana.post("/ask", &fields(ticked)).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", text(&sent));
        let page = ana.page(&to(&sent)).await;
        assert!(
            page.contains("Read and confirmed: <q class=\"said wrap\">Another one.</q>"),
            "{page}"
        );
        // break-glass displays it without a tick
        let page = ana.page(&format!("{}/break-glass", to(&sent))).await;
        assert!(
            page.contains("Another one.") && !page.contains("type=\"checkbox\""),
            "{page}"
        );
    });
}

/// Emergency access starts now, regardless of the requested start.
#[test]
fn whoever_breaks_the_glass_before_a_later_start_reads_what_holds_now() {
    run(async {
        let server = TestServer::new();
        let text = "[[rule]]\nid = 'all'\naccounts = '*'\npermission_sets = '*'\n\
             approvers = ['cai@corp.example']\nbreak_glass = ['ana@corp.example']\n\
             [[rule]]\nid = 'evening'\naccounts = '*'\npermission_sets = '*'\npermits_requests = false\n\
             warning = 'Batches run.'\nhours = { days = ['mon-sun'], from = '20:00', to = '22:00', time_zone = 'UTC' }\n";
        let rules = load(&RuleFile::new("rules.toml", text)).unwrap().rules;
        server.access.set_rules(rules, "test").await.unwrap();
        let starts = TimeSpan::hours(12).after(server.clock.now()).to_string();
        let preview = "/api/v1/preview?account=payments-prod&permission_set=Admin";
        for (more, warned) in [
            (String::new(), true),
            (format!("&starts_at={starts}"), false),
        ] {
            let seen = server
                .get(&format!("{preview}{more}"), "ana/all")
                .await
                .json();
            assert_eq!(seen.get("warnings").is_some(), warned, "{more}: {seen}");
        }
        let mut body = body("Admin", &[]);
        body["starts_at"] = json!(starts);
        let asked = server.post(ASK, "ana/all", &body).await;
        assert_eq!(
            asked.status,
            StatusCode::CREATED,
            "{}",
            crate::pages_visit::text(&asked)
        );
        let id = asked.json()["id"].as_str().unwrap().to_owned();
        let ana = Visit::of(&server, "ana").await;
        let form = ana.page(&format!("/requests/{id}/break-glass")).await;
        assert!(form.contains("Batches run."), "{form}");
        for (who, expected) in [("ana/all", json!("Batches run.")), ("cai/all", Value::Null)] {
            let shown = server.get(&format!("{ASK}/{id}"), who).await.json();
            assert_eq!(shown["warnings"][0]["text"], expected, "{who}: {shown}");
        }
    });
}

#[test]
fn pages_approve_with_the_text_above_the_button_alone_or_together() {
    run(async {
        let server = warned().await;
        let confirmed = ids(&server.post(ASK, "ana/all", &body("Root", &[])).await.json());
        let targets = json!([{"account": "payments-prod", "permission_set": "Admin"},
            {"account": "payments-prod", "permission_set": "Root"}]);
        let batch = json!({"targets": targets, "duration_seconds": 3600, "reason": "OPS-1",
            "confirmed_warnings": confirmed});
        let asked = server
            .post("/api/v1/requests/batch", "ana/all", &batch)
            .await;
        let items = asked.json()["items"].clone();
        let first = items[0]["id"].as_str().unwrap();
        let cai = Visit::of(&server, "cai").await;
        let page = cai.page("/reviews").await;
        assert!(
            page.contains(">Approve 1h…") && page.contains(">Approve both…</a>"),
            "{page}"
        );
        let path = format!("/requests/{first}/approve");
        let form = cai.page(&path).await;
        let (seen, ticked) = (field(&form, "seen"), field(&form, "confirmed"));
        let without = cai
            .post(&path, &[("seen", &seen), ("comment", "kept")])
            .await;
        assert_eq!(without.status, StatusCode::UNPROCESSABLE_ENTITY);
        let again = text(&without);
        assert!(
            again.contains("tick that you have") && again.contains(">kept</textarea>"),
            "{again}"
        );
        // several are approved only where nothing must be read first
        let ids = items.as_array().unwrap().iter();
        let picks: Vec<String> = ids
            .map(|it| format!("{}:0", it["id"].as_str().unwrap()))
            .collect();
        let picks = picks.join(" ");
        let fields = [("do", "approve"), ("picks", picks.as_str())];
        let page = cai.press("/reviews/several", &fields).await;
        assert_eq!(
            page.matches("A warning must be read first").count(),
            2,
            "{page}"
        );
        for item in items.as_array().unwrap() {
            let path = format!("{ASK}/{}", item["id"].as_str().unwrap());
            let shown = server.get(&path, "cai/all").await.json();
            assert_eq!(shown["state"], "pending");
        }
        assert!(!ticked.is_empty());
    });
}
