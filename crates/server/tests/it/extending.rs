use axum::http::StatusCode;
use hallpass_access::{AccessStore as _, Change, Grant, GrantFilter, GrantState, Write};
use hallpass_rules::{RuleFile, Rules, load};
use serde_json::{Value, json};

use crate::pages_visit::{Visit, field, to};
use crate::test_server::{TestServer, asking, run};

const WITH_TICKET: &str = r#"
[[rule]]
accounts = ["*"]
permission_sets = ["ReadOnly"]
approval_is_not_required = true
ticket_pattern = '^OPS-\d+$'
"#;

fn rules() -> Rules {
    load(&RuleFile::new("rules.toml", WITH_TICKET))
        .unwrap()
        .rules
}

async fn held(server: &TestServer) -> Grant {
    server.access.set_rules(rules(), "test").await.unwrap();
    let mut wish = asking("ReadOnly");
    wish["ticket"] = json!("OPS-1");
    let reply = server.post("/api/v1/requests", "ana/all", &wish).await;
    assert_eq!(reply.short(), "201", "{reply:?}");
    let found = server.store.grants(&GrantFilter::default(), 10).await;
    found.unwrap().rows.remove(0)
}

/// Waits until AWS has the grant: extensions on pages need that.
pub(crate) async fn seen_at_aws(server: &TestServer) {
    for state in [GrantState::Granting, GrantState::Active] {
        let found = server.store.grants(&GrantFilter::default(), 10).await;
        let step = Grant {
            state,
            ..found.unwrap().rows.remove(0)
        };
        let change = Change {
            grants: vec![Write::Update(step)],
            ..Change::default()
        };
        server.store.commit(change).await.unwrap();
    }
}

#[test]
fn an_extension_has_the_ticket_of_its_grant_or_its_own() {
    run(async {
        let rows = [
            (json!(null), "201", "OPS-1"),
            (json!("  "), "201", "OPS-1"),
            (json!("OPS-22"), "201", "OPS-22"),
            (json!("later"), "422 ticket-pattern", ""),
        ];
        for (ticket, outcome, stored) in rows {
            let server = TestServer::new();
            let path = format!("/api/v1/grants/{}/extend", held(&server).await.id);
            let mut longer = json!({"duration_seconds": 7200});
            if ticket != Value::Null {
                longer["ticket"] = ticket.clone();
            }
            let reply = server.post(&path, "ana/all", &longer).await;
            assert_eq!(reply.short(), outcome, "{ticket}: {reply:?}");
            let kept = reply.json()["ticket"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            assert_eq!(kept, stored, "{ticket}");
        }
    });
}

#[test]
fn the_form_has_the_ticket_filled_in_and_sends_what_is_written() {
    run(async {
        let server = TestServer::new();
        held(&server).await;
        seen_at_aws(&server).await;
        let ana = Visit::of(&server, "ana").await;
        let target = "/ask?account=111111111111&permission_set=ReadOnly&for=7200";
        let page = ana.page(target).await;
        assert!(page.contains("wants a ticket"), "{page}");
        assert_eq!(field(&page, "ticket"), "OPS-1");
        let fields = [
            ("account", "111111111111"),
            ("permission_set", "ReadOnly"),
            ("for", "7200"),
            ("reason", "still at it"),
            ("ticket", "OPS-3"),
        ];
        let reply = ana.post("/ask", &fields).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.text());
        assert_eq!(to(&reply), "/");
        let mine = server.get("/api/v1/requests", "ana/all").await;
        let newest = &mine.json()["items"][0];
        assert_eq!(newest["ticket"], "OPS-3", "{newest}");
        assert!(newest["extends"].is_string(), "{newest}");
    });
}

#[test]
fn an_approved_extension_is_told_by_its_end() {
    run(async {
        let server = TestServer::new();
        let approve = async |id: &str| {
            let path = format!("/api/v1/requests/{id}/approve");
            let reply = server.post(&path, "cai/all", &json!({})).await;
            reply.json()["grant_id"].as_str().unwrap().to_owned()
        };
        let asked = server.ask("ana/all", "Admin").await;
        let grant = approve(asked["id"].as_str().unwrap()).await;
        seen_at_aws(&server).await;
        let path = format!("/api/v1/grants/{grant}/extend");
        let longer = json!({"duration_seconds": 7200});
        let extension = server.post(&path, "ana/all", &longer).await.json();
        let id = extension["id"].as_str().unwrap();
        assert_eq!(extension["extends"], grant.as_str(), "{extension}");
        approve(id).await;
        let cai = Visit::of(&server, "cai").await;
        let page = cai
            .page(&format!("/reviews?said=approved&about={id}"))
            .await;
        // two hours from 22:26 CEST, not two more than before
        let until = page.split_once("You approved ana until ");
        let until = until.and_then(|(_, rest)| rest.get(..60));
        assert!(until.is_some_and(|it| it.contains("00:26")), "{page}");
        assert!(!page.contains("2h more"), "{page}");
    });
}
